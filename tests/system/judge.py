"""Botocore, which the AWS tools of Python are made of, as the judge of where
credentials are found: of each version that is installed, Debian's among them.

    judges = start_judges(suite)
    for judge in judges:
        verdict = judge.look({"AWS_PROFILE": "photos"}, key="a.png")
        verdict.method      # "shared-credentials-file", None: there are none
        verdict.error       # "ProfileNotFound: ..."
        verdict.key_id, verdict.region, verdict.body

As a program, run by the interpreter that has the botocore, it answers lines of
JSON on standard input, each question in a process of its own.
"""

import json
import os
import subprocess
import sys

# The endpoints of AWS_ENDPOINT_URL and files with [services] are read by these.
KNOWS_ENDPOINTS = (1, 31)
KNOWS_TOKEN_FILE = (1, 33)


class Verdict:
    """What botocore found."""

    def __init__(self, found):
        self.method = found.get("method")
        self.error = found.get("error", "")
        self.key_id = found.get("key_id")
        self.region = found.get("region")
        self.body = found.get("body", "").encode("latin-1")

    def __repr__(self):
        return f"Verdict({vars(self)})"


class Judge:
    """One botocore."""

    def __init__(self, suite, interpreter, environment):
        self._environment = environment
        self._process = subprocess.Popen(
            [interpreter, __file__], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=environment, cwd=suite.folder)
        suite.on_end(self._stop)
        self.version = tuple(json.loads(self._process.stdout.readline()))
        self.name = "botocore " + ".".join(map(str, self.version))

    def _stop(self):
        self._process.communicate()

    def look(self, environment, profile=None, bucket="private", key=None,
             **options):
        """The Verdict for one with ENVIRONMENT, who names PROFILE to botocore
        itself; reads KEY of BUCKET if it is given.  OPTIONS: endpoint, of S3;
        sts, where botocore does not know AWS_ENDPOINT_URL_STS."""
        print(json.dumps({
            "environment": self._environment | environment,
            "profile": profile, "bucket": bucket, "key": key} | options),
            file=self._process.stdin, flush=True)
        return Verdict(json.loads(self._process.stdout.readline()))


def start_judges(suite, environment):
    """A Judge for each version of botocore that is here, none at worst."""
    judges = []
    for interpreter in ("/usr/bin/python3", sys.executable):
        if os.path.exists(interpreter) and subprocess.run(
                [interpreter, "-c", "import botocore"], check=False,
                env=environment, stderr=subprocess.DEVNULL).returncode == 0:
            judge = Judge(suite, interpreter, environment)
            if judge.version not in [other.version for other in judges]:
                judges.append(judge)
    return judges


# ---- The program ----

def _look(question):
    import botocore.config  # pylint: disable=import-outside-toplevel
    import botocore.session  # pylint: disable=import-outside-toplevel
    os.environ.clear()
    os.environ.update(question["environment"])
    session = botocore.session.Session(profile=question["profile"])
    config = botocore.config.Config(s3={"addressing_style": "path"},
                                    retries={"total_max_attempts": 1})
    session.set_default_client_config(config)
    if question.get("sts") and \
            _version(botocore.__version__) < KNOWS_ENDPOINTS:
        session.register("before-call.sts", lambda params, **_:
                         params.update(url=question["sts"] + "/"))
    credentials = session.get_credentials()
    if credentials is None:
        return {}
    found = {"method": credentials.method,
             "key_id": credentials.get_frozen_credentials().access_key,
             "region": session.get_config_variable("region")}
    if question["key"]:
        client = session.create_client(
            "s3", endpoint_url=question.get("endpoint"), config=config,
            region_name=found["region"] or "us-east-1")
        found["body"] = client.get_object(
            Bucket=question["bucket"], Key=question["key"])["Body"].read(
                ).decode("latin-1")
    return found


def _version(text):
    return tuple(int(part) for part in text.split(".")[:2])


def _main():
    import botocore.session  # pylint: disable=import-outside-toplevel
    # What is read once is there for all who are forked.
    loader = botocore.session.Session().get_component("data_loader")
    for service in ("s3", "sts"):
        loader.load_service_model(service, "service-2")
    print(json.dumps(_version(botocore.__version__)), flush=True)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            # Nobody is there to be asked for a code.
            os.setsid()
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            try:
                found = _look(json.loads(line))
            except Exception as error:  # pylint: disable=broad-except
                found = {"error": f"{type(error).__name__}: {error}"}
            print(json.dumps(found), flush=True)
            os._exit(0)
        os.waitpid(pid, 0)


if __name__ == "__main__":
    _main()

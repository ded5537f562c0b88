"""What test_credentials and its like have in common: a place with files and
variables in which trys3d and botocore look for credentials, side by side."""

import re
from typing import NamedTuple

from harness import ENVIRONMENT, Trys3d, equal, true, trys3d_run
from judge import start_judges

# What trys3d -T calls a provider, and what botocore does.
METHODS = {
    "the environment": "env",
    "the profile's role": "assume-role",
    "web identity": "assume-role-with-web-identity",
    "the shared credentials file": "shared-credentials-file",
    "credential_process": "custom-process",
    "the shared config file": "config-file",
    "the container's endpoint": "container-role",
    "the instance's metadata": "iam-role",
}
# The machine's own is not to be asked by mistake.
METADATA = "AWS_EC2_METADATA_SERVICE_ENDPOINT"


class Way(NamedTuple):
    """A way in which credentials are handed over."""
    name: str
    said: str  # which of METHODS, or "the site's settings"
    environment: dict = {}
    site: dict = {}
    config: str = ""  # of ~/.aws/config
    credentials: str = ""  # of ~/.aws/credentials
    bucket: str = "private"
    since: tuple = (0,)  # botocore of this version knows it


def make_home(suite, name, config="", credentials=""):
    """A home directory with the files of the AWS tools; for the
    environment."""
    home = suite.folder / f"home-{re.sub('[^A-Za-z0-9]+', '-', name)}"
    (home / ".aws").mkdir(parents=True, exist_ok=True)
    for file, text in (("config", config), ("credentials", credentials)):
        path = home / ".aws" / file
        if text:
            path.touch(0o600)
            path.write_text(text)
        else:
            path.unlink(missing_ok=True)
    return {"HOME": str(home)}


def section(name, **settings):
    """A section of one of these files."""
    return f"[{name}]\n" + "".join(
        f"{key} = {value}\n" for key, value in settings.items())


def key_lines(key_id, secret, token=None):
    """The settings, for section, of static keys."""
    return {"aws_access_key_id": key_id, "aws_secret_access_key": secret} | (
        {"aws_session_token": token} if token else {})


def key_variables(*keys):
    """The same for the environment."""
    return {name.upper(): value for name, value in key_lines(*keys).items()}


class Place:
    """Where both look: S3 at ENDPOINT, STS at STS."""

    def __init__(self, suite, endpoint, sts):
        self.suite = suite
        self.endpoint = endpoint
        self.sts = sts
        self.judges = start_judges(suite, ENVIRONMENT)
        if not self.judges:
            suite.skip("botocore finds the same", "botocore is not installed")
        self._count = 0

    def environment(self, way):
        """The environment of WAY, files and all."""
        self._count += 1
        return {"AWS_DEFAULT_REGION": "us-east-1", "AWS_REGION": "us-east-1",
                "AWS_ENDPOINT_URL_STS": self.sts.url} | (
            {} if METADATA in way.environment else
            {"AWS_EC2_METADATA_DISABLED": "true"}) | \
            make_home(self.suite, f"{self._count}-{way.name}", way.config,
                      way.credentials) | way.environment

    def settings(self, way, **daemon):
        """The settings of WAY."""
        site = {"bucket": way.bucket, "endpoint": self.endpoint} | way.site
        return {"daemon": {"workers": 1} | daemon, "site main": {
            name: value for name, value in site.items() if value is not None}}

    def run(self, option, way, environment):
        """trys3d with OPTION (-t, -T) to its end."""
        path = self.suite.folder / "look.conf"
        path.touch(0o600)
        path.write_text("".join(
            section(name, **values) for name, values in
            self.settings(way).items()))
        return trys3d_run(self.suite, option, "-c", path,
                          environment=environment, seconds=60)

    def said(self, way, environment):
        """Where trys3d -T says it found them."""
        done = self.run("-T", way, environment)
        equal(done.returncode, 0, done.stderr)
        found = re.search(r"^# credentials: (.*)$", done.stdout, re.M)
        true(found, lambda: "no credentials: " + done.stdout)
        return found[1]

    def daemon(self, way, environment, name, **options):
        """A trys3d for WAY; OPTIONS of [daemon]."""
        return self.start(self.settings(way, **options), environment, name)

    def start(self, settings, environment, name):
        """A trys3d with SETTINGS."""
        return Trys3d(self.suite, settings, environment, name=name)

    def verdicts(self, way, environment, **options):
        """What each botocore that knows this way says: (its name, Verdict)."""
        return [(judge.name, judge.look(
            environment, way.site.get("profile"), way.bucket,
            endpoint=way.site.get("endpoint", self.endpoint),
            sts=self.sts.url, **options))
            for judge in self.judges if judge.version >= way.since]


def method_of(said):
    """What botocore calls the provider that SAID begins with."""
    for name, method in METHODS.items():
        if said.startswith(name + ": "):
            return method
    return None

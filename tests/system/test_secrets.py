#!/usr/bin/env python3
"""Secrets stay secret: one in every place that credentials come from, every
error that can be raised, and then a search of all that is said, answered and
logged, of what the processes show, and of a core of a worker.

Where it must work, the secrets are those of RGW itself; where it must fail,
they are made up."""

import contextlib
import json
import os
import pathlib
import random
import re
import resource
import shlex
import shutil
import signal
import string
import subprocess

from canaries import PIECE, Canaries, core_of, forms
from fastcgi import Fastcgi
from harness import (ENVIRONMENT, PROGRAM, WRAPPER, Nginx, Process, Rgw, Skip,
                     Suite, Trys3d, equal, true, trys3d_run, wait_for)
from issuer import (GARBAGE, Container, Metadata, Mint, Oidc, Reply, Sts,
                    make_role)
from origin import Origin
from ways import Way, key_lines, key_variables, make_home, section

KEY, BODY = "a.png", b"<a.png>"
IS_ROOT = os.geteuid() == 0
# One whom nothing belongs to.
NOBODY = 65534
DICE = random.SystemRandom()
# What stands in an answer and is a secret.
FIELDS = re.compile(rb'(?:SecretAccessKey|Token)(?:": "|>)([^"<]{12,})')


def made_up(length=40):
    """A secret, as long as S3's."""
    return "".join(DICE.choices(string.ascii_letters + string.digits + "/+",
                                k=length))


class Bench:
    """RGW, all endpoints, and all that is to be searched."""

    def __init__(self, suite):
        self.suite = suite
        self.canaries = Canaries()
        self._said = []  # (what, text)
        self._logs = {}  # {a log's path: how much of it was searched}
        self._count = 0
        self._daemon = None
        self.rgw = Rgw(suite)
        self.rgw.s3.put(KEY, BODY)
        self.oidc = Oidc(suite, self.rgw)
        mint = Mint(self.rgw)
        self.authorization = self.secret("the authorization token")
        self.sts = self.heard(Sts(suite, self.rgw), "STS")
        self.metadata = self.heard(Metadata(suite, mint), "the instance")
        self.container = self.heard(
            Container(suite, mint, self.authorization), "the container")
        self.socket = f"unix:{suite.folder}/secrets.sock"
        self.nginx = Nginx(suite, self.socket, is_cached=False)
        for name in ("access.log", "error.log"):
            self._logs[self.nginx.folder / name] = 0

    # ---- Secrets ----

    def secret(self, what, length=40):
        """A made-up secret that is looked for."""
        return self.canaries.plant(what, made_up(length))

    def keys(self):
        """Temporary keys of RGW that are looked for: (id, secret, token)."""
        key_id, secret, token, _ = self.rgw.assume_role(3600)
        self.canaries.plant("the secret", secret)
        self.canaries.plant("the session token", token)
        return key_id, secret, token

    def false_keys(self):
        """Such keys, made up."""
        return ("ASIAMADEUP", self.secret("the secret"),
                self.secret("the session token", 400))

    def token(self):
        """A web identity token that is looked for.  Its middle is no secret:
        it names the issuer."""
        token = self.oidc.token()
        self.canaries.plant("the web identity's signature",
                            token.rpartition(".")[2])
        return token

    def heard(self, endpoint, name):
        """ENDPOINT, whose answers' secrets are looked for from now on."""
        answer = endpoint.answer

        def heard(asked):
            reply = answer(asked)
            for secret in FIELDS.findall(reply.body):
                self.canaries.plant(f"what {name} answers", secret)
            if asked.line == "PUT /latest/api/token" and reply.status == 200:
                self.canaries.plant("the metadata's token", reply.body)
            return reply
        endpoint.answer = heard
        return endpoint

    # ---- What is run ----

    def file(self, name, text, mode=0o600):
        """A file that holds TEXT; its path."""
        path = self.suite.folder / name
        path.touch(mode)
        path.write_text(text)
        return str(path)

    def process(self, text):
        """The line of a credential_process, with a secret among its arguments,
        that does TEXT, of sh, after it has shown that one everywhere."""
        self._count += 1
        argument = self.secret("an argument of credential_process")
        path = self.file(f"process-{self._count}", "#!/bin/sh\n"
                         f"echo \"$2\" >&2\n{text}\n", 0o700)
        return f"{path} --key {shlex.quote(argument)}"

    def environment(self, way):
        """The environment of WAY, files and all."""
        self._count += 1
        return {"AWS_ENDPOINT_URL_STS": self.sts.url,
                "AWS_EC2_METADATA_DISABLED": "true"} | make_home(
                    self.suite, f"{self._count}", way.config,
                    way.credentials) | way.environment

    def settings(self, way, is_tls=False, **site):
        """The settings of WAY."""
        common = self.rgw.site(is_tls=is_tls) | {"bucket": way.bucket}
        del common["access_key_id"], common["secret_access_key"]
        return {"daemon": {"workers": 1, "log_level": "debug",
                           "answer_timeout": "500ms", "listen": self.socket},
                "site main": common | way.site | site}

    def run(self, settings, environment, options=("-t", "-T"), status=None):
        """trys3d with SETTINGS (a dict, or text) to its end, with each of
        OPTIONS; the last one's standard error."""
        if not isinstance(settings, str):
            settings = "".join(section(name, **values)
                               for name, values in settings.items())
        path = self.file("run.conf", settings)
        for option in options:
            done = trys3d_run(self.suite, *([option] if option else []), "-c",
                              path, environment=environment, seconds=30)
            if status is not None:
                true(done.returncode in status, lambda: f"{option}: "
                     f"{done.returncode} {done.stdout} {done.stderr}")
            self.hear(f"standard output of {option}", done.stdout)
            self.hear(f"standard error of {option}", done.stderr)
        return done.stderr

    def daemon(self, settings, environment, **options):
        """A trys3d with SETTINGS that is ready; in place of the last one."""
        self._count += 1
        if self._daemon and self._daemon.process.poll() is None:
            self._daemon.stop()
        daemon = Trys3d(self.suite, settings, environment,
                        name=f"trys3d-{self._count}", is_waited_for=False,
                        **options)
        self._logs[daemon.log_path] = 0
        self._daemon = daemon
        daemon.wait_log("ready: ", 30)
        return daemon

    def ask(self, path, status, method="GET", headers=()):
        """A request through nginx."""
        answer = self.nginx.request(method, path, headers)
        self.hear(f"the answer to {method} {path}",
                  repr(answer.headers).encode() + answer.body)
        equal(answer.status, status, f"{method} {path}")
        return answer

    # ---- The search ----

    def hear(self, what, text):
        """TEXT is to be searched."""
        self._said.append((what, text))

    def look(self):
        """Nothing of a secret was said until now."""
        for path, searched in self._logs.items():
            text = path.read_bytes()
            self._logs[path] = len(text)
            # A secret may stand where the last search ended.
            self.hear(path.name, text[max(0, searched - 2 * PIECE):])
        said, self._said = self._said, []
        for what, text in said:
            self.canaries.is_clean(text, what)

    def look_at_processes(self, daemon):
        """Nor do the processes of DAEMON show any, its newest worker not even
        in its environment."""
        for pid in [daemon.pid, *daemon.children()]:
            for name in ("comm", "cmdline"):
                # One that a reload has ended may be gone by now.
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    self.canaries.is_clean(
                        pathlib.Path(f"/proc/{pid}/{name}").read_bytes(),
                        f"{name} of process {pid}")
        if IS_ROOT:
            pid = daemon.workers()[-1]
            environ = pathlib.Path(f"/proc/{pid}/environ").read_bytes()
            true(b"HOME=" in environ, environ)
            self.canaries.is_clean(environ, f"the environment of worker {pid}")

    def look_at_core(self, pid):
        """Nor does a core of the worker PID hold any, where one can be had."""
        try:
            core = core_of(self.suite, pid)
        except Skip:
            return
        true(b"\x7fELF" == core[:4] and b"private" in core and
             b"trys3d" in core, "not a core of a worker")
        self.canaries.is_clean(core, f"the core of worker {pid}")


# ---- Where it works ----

def ways(bench):
    """A Way for each place where secrets come from, with real ones."""
    answer = json.dumps({"Version": 1} | dict(zip(
        ("AccessKeyId", "SecretAccessKey", "SessionToken"), bench.keys())))
    process = bench.process(f"echo {shlex.quote(answer)}")
    reader = (bench.rgw.values["S3_READER_ACCESS_KEY_ID"], bench.canaries.plant(
        "the reader's secret", bench.rgw.values["S3_READER_SECRET_ACCESS_KEY"]))
    role = make_role(bench.rgw, "Reader",
                     {"AWS": ["arn:aws:iam:::user/reader"]},
                     "sts:AssumeRole", ["private/*"])
    token = bench.file("web-identity", bench.token())
    container = {"AWS_CONTAINER_CREDENTIALS_FULL_URI":
                 bench.container.url + "/credentials"}
    return [
        Way("the site's settings", "", site=dict(zip((
            "access_key_id", "secret_access_key", "session_token"),
            bench.keys()))),
        Way("the credentials file", "", credentials=section(
            "default", **key_lines(*bench.keys()))),
        Way("the config file", "", config=section(
            "default", **key_lines(*bench.keys()))),
        Way("the environment", "", key_variables(*bench.keys())),
        Way("credential_process", "", config=section(
            "default", credential_process=process)),
        Way("web identity", "", {"AWS_WEB_IDENTITY_TOKEN_FILE": token,
                                 "AWS_ROLE_ARN": bench.oidc.role}),
        Way("a role of a profile", "", config=section(
            "default", role_arn=role, source_profile="source") + section(
                "profile source", **key_lines(*reader))),
        Way("a role of the site", "", key_variables(*reader),
            {"role_arn": role}),
        Way("the container, token", "", container | {
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": bench.authorization}),
        Way("the container, token's file", "", container | {
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE":
            bench.file("authorization", bench.authorization)}),
        Way("the instance", "", {
            "AWS_EC2_METADATA_DISABLED": "false",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": bench.metadata.url}),
    ]


def serve(bench, daemon):
    """All kinds of requests; the last leaves little behind it."""
    equal(bench.ask(f"/{KEY}", 200).body, BODY)
    bench.ask(f"/{KEY}", 206, headers={"Range": "bytes=1-2"})
    bench.ask("/none.png", 404)
    bench.ask(f"/{KEY}", 200, "HEAD")
    worker, = daemon.workers()
    return worker


def test_ways(bench):
    """Each of them, over http or https."""
    suite = bench.suite
    for number, way in enumerate(ways(bench)):
        # The first both ways.
        for is_tls in (False, True) if number == 0 else (number % 2 == 0,):
            scheme = "https" if is_tls else "http"
            settings = bench.settings(way, is_tls)
            environment = bench.environment(way)
            with suite.test(f"{way.name}: -t, -T, requests by {scheme}"):
                bench.run(settings, environment, status=[0])
                daemon = bench.daemon(settings, environment)
                worker = serve(bench, daemon)
                bench.look_at_processes(daemon)
                bench.look()
                bench.look_at_core(worker)
            if number > 2:
                daemon.stop()
                bench.look()
                continue
            with suite.test(f"{way.name}: the same after a reload"):
                daemon.kill(signal.SIGHUP)
                daemon.wait_log("reloaded: ", 30)
                wait_for(lambda daemon=daemon, worker=worker:
                         len(daemon.workers()) == 1 and
                         daemon.workers() != [worker], "the new worker")
                worker = serve(bench, daemon)
                bench.look_at_core(worker)
                daemon.stop()
                bench.look()


# ---- What S3 says ----

def xml(code, message="As told.", more=""):
    """S3's words."""
    return (f"<Error><Code>{code}</Code><Message>{message}</Message>{more}"
            "<RequestId>R1</RequestId></Error>")


def refusals(secret, token):
    """What an origin answers that repeats what it was sent, and more."""
    return [
        {"status": 403, "body": xml("SignatureDoesNotMatch", more=(
            f"<CanonicalRequest>GET\nx-amz-security-token:{token}"
            "</CanonicalRequest>"))},
        {"status": 400, "body": xml("ExpiredToken", more=(
            f"<Token-0>{token}</Token-0>"))},
        {"status": 400, "body": xml("InvalidToken", f"No good: {token}.")},
        {"status": 403, "body": xml("AccessDenied", f"Not by {secret[5:30]}.")},
        {"status": 403, "body": xml(token[:30])},
        {"status": 400, "body": "<Error><Code>Other</Code><RequestId>"
                                f"{token[9:40]}</RequestId></Error>"},
        {"status": 500, "body": xml("InternalError", f"{secret}\n{token}")},
        {"status": 418, "body": f"no XML: {secret}\n{token}"},
    ]


def oddities(token):
    """What may be said of, but not with what was said: nobody looks for it in
    memory, since no S3 says so."""
    return [
        {"status": 301, "body": xml("PermanentRedirect", more=(
            f"<Region>{token[9:29]}</Region>"))},
        {"status": 301, "headers": {"Location": f"http://{token[:40]}/"}},
        {"status": 403, "headers": {"x-amz-request-id": token[:40],
                                    "x-amz-bucket-region": token[:20]}},
        {"status": 206, "body": "abc", "headers": {"Content-Range": token}},
        {"raw": f"HTTP/1.1 200 OK\r\nX: {token}"},
        {"raw": f"HTTP/1.1 200 {token}\r\nContent-Length: {token}\r\n\r\n"},
        {"raw": f"{token}\r\n\r\n"},
    ]


def ask_origin(bench, origin, step, name):
    """Requests that are answered by STEP."""
    origin.put(f"/private/{name}", b"x")
    origin.script(f"/private/{name}", [step | {"times": 0}])
    for method in ("GET", "HEAD"):
        answer = bench.nginx.request(method, f"/{name}")
        bench.hear(f"the answer to {method} {step}",
                   repr(answer.headers).encode() + answer.body)
    true(origin.requests(f"/private/{name}"), "nothing was asked")


def test_refusals(bench):
    """S3 that refuses, and repeats what it was told; and RGW."""
    suite, keys = bench.suite, bench.false_keys()
    own = dict(zip(("access_key_id", "secret_access_key", "session_token"),
                   keys))
    certificate = (bench.rgw.folder / "server.pem",
                   bench.rgw.folder / "server.key")
    for tls in (None, certificate):
        scheme = "https" if tls else "http"
        with Origin(tls) as origin:
            way = Way("refused", "", site=own | {"endpoint": origin.url})
            daemon = bench.daemon(bench.settings(way, tls is not None),
                                  bench.environment(way))
            worker, = daemon.workers()
            for number, step in enumerate(refusals(*keys[1:])):
                with suite.test(f"S3 repeats a secret, {scheme}, {number}"):
                    ask_origin(bench, origin, step, number)
                    bench.look()
                    if tls or number < 3:
                        bench.look_at_core(worker)
            with suite.test(f"S3 says odd things, {scheme}"):
                for number, step in enumerate(oddities(keys[2])):
                    ask_origin(bench, origin, step, f"odd-{number}")
                bench.look()
            daemon.stop()

    for name, found in {"wrong keys": own, "a wrong token": dict(zip(
            own, (*bench.keys()[:2], own["session_token"]))),
            "a wrong secret": dict(zip(own, (bench.rgw.values[
                "S3_ACCESS_KEY_ID"], own["secret_access_key"])))}.items():
        with suite.test(f"RGW refuses {name}"):
            way = Way(name, "", site=found)
            daemon = bench.daemon(bench.settings(way, True),
                                  bench.environment(way))
            true(bench.nginx.get(f"/{KEY}").status >= 500, "it is served")
            bench.look_at_core(daemon.workers()[0])
            daemon.stop()
            bench.look()


# ---- Who should hand credentials out, and does not ----

# Besides what anyone may say by mistake.
LOUD = {
    "it with status 400": lambda reply: reply._replace(status=400),
    "it in place of a status": lambda reply: b"HTTP/1.1 " + reply.body,
    "it without a head": lambda reply: reply.body,
    "it in a header": lambda reply: reply._replace(body=b"", headers={
        "X": reply.body.decode().replace("\n", " ")}),
    "it in a redirect": lambda reply: Reply(307, headers={
        "Location": "http://127.0.0.1:1/" + reply.body.decode().replace(
            "\n", " ")}),
    "it as its own length": lambda reply: reply._replace(headers={
        "Content-Length": reply.body.decode().replace("\n", " ")}),
    "it in a NUL": lambda reply: reply._replace(body=b"\0" + reply.body),
    "it twice": lambda reply: reply._replace(body=reply.body * 2),
    "it as one word": lambda reply: reply._replace(
        body=b"".join(FIELDS.findall(reply.body)) or reply.body * 2),
}
GARBAGE.update(LOUD)
# What is done to documents alone.
OF_FIELDS = re.compile("no |an e|a secret|a NUL")


def endpoints(bench):
    """Endpoints with made-up credentials, and a Way to each:
    [(endpoint, the requests that are answered badly, Way)]."""
    suite, keys = bench.suite, bench.false_keys()
    container = bench.heard(Container(suite, Mint(), bench.authorization),
                            "the container")
    metadata = bench.heard(Metadata(suite, Mint()), "the instance")
    sts = bench.heard(Sts(suite), "STS")
    to_sts = {"AWS_ENDPOINT_URL_STS": sts.url}
    instance = Way("the instance", "", {
        "AWS_EC2_METADATA_DISABLED": "false",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.url})
    token = bench.file("endpoints-token", bench.token())
    return [
        (container, "", Way("the container", "", {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI":
            container.url + "/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": bench.authorization})),
        (metadata, metadata.CREDENTIALS, instance),
        (metadata, "api/token", instance),
        (sts, "", Way("STS, web identity", "", to_sts | {
            "AWS_WEB_IDENTITY_TOKEN_FILE": token,
            "AWS_ROLE_ARN": "arn:aws:iam::1:role/r"})),
        (sts, "", Way("STS, a role", "", to_sts | key_variables(*keys), {
            "role_arn": "arn:aws:iam::1:role/r"})),
    ]


def refuse_with_all(asked):
    """STS's answer that repeats all that it was sent."""
    said = (asked.form.get("WebIdentityToken", "") +
            asked.headers.get("X-Amz-Security-Token", ""))
    return Reply(400, Sts.REFUSAL.format("AccessDenied", f"Not you: {said}")
                 .encode(), "text/xml")


def test_endpoints(bench):
    """Endpoints that answer garbage full of secrets."""
    suite = bench.suite
    for endpoint, only, way in endpoints(bench):
        settings, environment = bench.settings(way), bench.environment(way)
        with suite.test(f"{way.name}: garbage {only}"):
            for number, garbage in enumerate(GARBAGE):
                if only != "api/token" or not OF_FIELDS.match(garbage):
                    endpoint.upset(garbage=garbage, only=only)
                    with contextlib.suppress(AssertionError):
                        bench.run(settings, environment,
                                  ("-t", "-T")[number % 2:][:1])
            endpoint.calm()
            bench.look()
    with suite.test("STS repeats what it was sent"):
        for endpoint, _, way in endpoints(bench)[-2:]:
            endpoint.answer = refuse_with_all
            said = bench.run(bench.settings(way), bench.environment(way),
                             status=[1, 2])
            true("AccessDenied" in said, said)
        bench.look()


def test_daemon(bench):
    """A daemon whose credentials S3 refuses, and cannot be renewed."""
    suite = bench.suite
    for number, (endpoint, _, way) in enumerate(endpoints(bench)):
        with suite.test(f"a daemon with {way.name}, {number}"):
            settings = bench.settings(way)
            daemon = bench.daemon(settings, bench.environment(way))
            # RGW knows nothing of these.
            bench.ask(f"/{KEY}", 503)
            endpoint.upset(garbage="it with status 400")
            wait_for(lambda daemon=daemon: bench.nginx.get(f"/{KEY}") and
                     "cannot be renewed" in daemon.log(),
                     "a renewal that fails")
            daemon.write(bench.settings(way, prefix="other/"))
            daemon.kill(signal.SIGHUP)
            daemon.wait_log("(not )?reloaded: ", 30)
            bench.look_at_processes(daemon)
            bench.look_at_core(daemon.workers()[-1])
            endpoint.calm()
            daemon.stop()
            bench.look()

    with suite.test("a credentials file that changes for the worse"):
        environment = bench.environment(Way("", "", credentials=section(
            "default", **key_lines(*bench.keys()))))
        daemon = bench.daemon(bench.settings(Way("", "")), environment)
        path = pathlib.Path(environment["HOME"]) / ".aws" / "credentials"
        path.with_suffix(".new").write_text(wrong_files(bench)[4])
        os.rename(path.with_suffix(".new"), path)
        daemon.wait_log("cannot be renewed: .*holds a blank", 20)
        bench.look_at_core(serve(bench, daemon))
        daemon.stop()
        bench.look()


# ---- Files ----

def wrong_files(bench):
    """Shared files with a secret in each place, all of them wrong."""
    _, secret, token = bench.false_keys()
    good = section("default", aws_access_key_id="A")
    name, other = "aws_secret_access_key", "aws_session_token"
    return [
        f"[default\n{name} = {secret}\n", f"[{secret}\n", f"{secret}\n",
        f"{good}{name} {secret}\n", f"{good}{name} = {secret} {secret}\n",
        f"{good}{name} = {secret}\n{other} {token}\n",
        f"{good}{name} = {secret}\n{other} = {token}\x01\n",
        f"{good}{name} = {secret}é\n",
        f"{good}{name} = {secret}\n = {token}\n",
        f"{good}  {secret}\n", f"{good}{name} =\n  {secret}\n",
        f"{good}{secret} = {token}\n", f"{good}{token * 50}\n",
        f"{good}{name} = {secret}\0{token}\n", f"{good}{other} = {token}\n",
    ]


def wrong_ways(bench):
    """Ways that are wrong in themselves."""
    _, secret, token = bench.false_keys()
    uri = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
    variable = "AWS_CONTAINER_AUTHORIZATION_TOKEN"
    role = {"AWS_ROLE_ARN": "arn:aws:iam::1:role/r"}
    return [
        Way("", "", {"AWS_SECRET_ACCESS_KEY": secret}),
        Way("", "", {"AWS_ACCESS_KEY_ID": "A", "AWS_SESSION_TOKEN": token}),
        Way("", "", key_variables("A", secret + " ", token)),
        Way("", "", key_variables("A", secret, token + "\n")),
        Way("", "", {uri: "http://127.0.0.1:1/x",
                     variable: token + "\r\nX: y"}),
        Way("", "", {uri: f"http://u:{secret}@192.0.2.1/x", variable: token}),
        Way("", "", {uri: f"ftp://{secret}/x", variable: token}),
        Way("", "", {uri: "http://127.0.0.1:1/x", f"{variable}_FILE":
                     bench.file("two-lines", f"{token}\n{secret}\n")}),
        Way("", "", role | {"AWS_WEB_IDENTITY_TOKEN_FILE": bench.file(
            "open-token", token, 0o644)}),
        Way("", "", role | {"AWS_WEB_IDENTITY_TOKEN_FILE": bench.file(
            "odd-token", f"{token} {secret}\x01")}),
        Way("", "", key_variables("A", secret), {
            "role_arn": "arn:aws:iam::1:role/r",
            "sts_endpoint": f"http://u:{secret}@127.0.0.1:1"}),
        Way("", "", key_variables("A", secret), {
            "endpoint": f"http://u:{secret}@127.0.0.1:1"}),
        Way("", "", key_variables("A", secret) | {
            "AWS_ENDPOINT_URL": f"http://u:{secret}@127.0.0.1:1"},
            {"endpoint": None}),
    ]


def test_files(bench):
    """Files and variables that are wrong."""
    suite = bench.suite
    with suite.test("shared files with mistakes"):
        for number, text in enumerate(wrong_files(bench)):
            way = Way("", "", **{("config", "credentials")[number % 2]: text})
            bench.run(bench.settings(way), bench.environment(way),
                      ("-t", "-T")[number // 2 % 2:][:1])
        bench.look()
    with suite.test("files that others may read"):
        path = pathlib.Path(bench.file("open", wrong_files(bench)[-1], 0o666))
        for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
            for mode in (0o666, 0o644, 0o000):
                path.chmod(mode)
                bench.run(bench.settings(Way("", "")), bench.environment(
                    Way("", "", {name: str(path)})), ["-T"])
        bench.look()
    with suite.test("variables and settings with mistakes"):
        for way in wrong_ways(bench):
            settings = bench.settings(way)
            if way.site.get("endpoint", "") is None:
                del settings["site main"]["endpoint"]
            # At a start, S3 itself would be asked for nothing.
            bench.run(settings, bench.environment(way), ["-t", "-T"])
        bench.look()
    with suite.test("a credential_process that fails and says why"):
        secret = bench.secret("what the process says")
        for text in (f"echo {secret}; exit 1", f"echo {secret}",
                     f"echo {secret} >&2; kill -9 $$", f"echo '{{\"{secret}\"'",
                     "echo '{\"Version\": 1, \"AccessKeyId\": \"A\", "
                     f"\"SessionToken\": \"{secret}\"}}'",
                     f"yes {secret}"):
            way = Way("", "", config=section(
                "default", credential_process=bench.process(text)))
            bench.run(bench.settings(way), bench.environment(way), ["-T"],
                      [1, 2])
        way = Way("", "", config=section("default", credential_process=(
            f"/nonexistent/{secret} --key '{secret}")))
        bench.run(bench.settings(way), bench.environment(way), ["-t", "-T"],
                  [1, 2])
        # The program's own name is no secret, but arguments are.
        way = Way("", "", config=section("default", credential_process=(
            f"/nonexistent --key {secret}")))
        said = bench.run(bench.settings(way), bench.environment(way), ["-T"],
                         [1, 2])
        true("/nonexistent" in said, said)
        bench.look()


def test_modes(bench):
    """Who may read our own file."""
    suite = bench.suite
    secret = bench.secret("the site's secret")
    site = bench.rgw.site(access_key_id="A", secret_access_key=secret)
    path = pathlib.Path(bench.file("modes.conf", section("site main", **site)))
    plain = pathlib.Path(bench.file("plain.conf", section(
        "site main", bucket="private", endpoint=bench.rgw.endpoint)))
    environment = bench.environment(Way("", "", key_variables("A", secret)))

    def check(path, mode, is_good, advice=None):
        path.chmod(mode)
        for option in ("-t", "-T", None):
            if option is None and is_good:
                continue  # it would run
            done = trys3d_run(suite, *([option] if option else []), "-c", path,
                              environment=environment)
            bench.hear(f"{option} of {mode:o}", done.stdout + done.stderr)
            equal(done.returncode, 0 if is_good else 2, done.stderr)
            true(is_good or re.search(
                rf"{path}: holds a secret_access_key and can be used by others"
                rf": its mode is {mode:04o} .*; right would be: chmod {advice} "
                rf"{path}$", done.stderr, re.M), done.stderr)

    with suite.test("a file with a secret that others may use is refused"):
        for mode in (0o644, 0o640, 0o604, 0o620, 0o602, 0o666, 0o755):
            check(path, mode, False, "600")
        for mode in (0o600, 0o400):
            check(path, mode, True)
    with suite.test("one without is not"):
        for mode in (0o644, 0o666, 0o600):
            check(plain, mode, True)
    with suite.test("one of another user's may be read by its group"):
        if not IS_ROOT:
            raise Skip("takes root")
        os.chown(path, NOBODY, NOBODY)
        check(path, 0o640, True)
        check(path, 0o600, True)
        for mode in (0o644, 0o604, 0o641):
            check(path, mode, False, "o=")
    bench.look()


# ---- What others may see of the processes ----

# What is in /proc of a process that others could look into.
LOOKS = ("mem", "environ", "maps", "auxv", "fd", "cwd")
# As another process: which of its arguments can be opened?
OPENER = """
import os, sys
for path in sys.argv[1:]:
    try:
        os.open(path, os.O_RDONLY)
    except PermissionError:
        continue
    print(path)
"""


def own_environment(bench):
    """Of a daemon with no file, which NOBODY may run."""
    bench.suite.folder.chmod(0o755)
    folder = bench.suite.folder / "nobody"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    return {"TRYS3_LISTEN": f"unix:{folder}/{os.urandom(4).hex()}.sock",
            "TRYS3_BUCKET": "private", "TRYS3_WORKERS": "1",
            "AWS_ENDPOINT_URL_S3": bench.rgw.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
            "HOME": str(folder)} | key_variables(*bench.keys())


def processes_of(daemon):
    """{name: process id}"""
    return {"master": daemon.pid, "worker": daemon.workers()[0],
            "keeper": daemon.keepers()[0]}


def test_strangers(bench):
    """Other processes of the same user."""
    user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} \
        if IS_ROOT else {}
    with bench.suite.test("no process of the same user looks into ours"):
        if WRAPPER:
            raise Skip("not with a wrapper")
        environment = own_environment(bench)
        folder = environment["HOME"]
        # Where that user can get at it.
        program = pathlib.Path(folder) / "trys3d"
        shutil.copy(PROGRAM, program)
        program.chmod(0o755)
        daemon = bench.daemon(None, environment, cwd=folder,
                              executable=program, **user)
        equal(Fastcgi(daemon.socket).get(f"/{KEY}").body, BODY)
        other = Process(bench.suite, "sleep", ["sleep", "1000"], cwd=folder,
                        **user)

        def seen(*pids):
            return subprocess.run(
                ["python3", "-c", OPENER] +
                [f"/proc/{pid}/{name}" for pid in pids for name in LOOKS],
                env=ENVIRONMENT, capture_output=True, text=True, check=True,
                cwd=folder, **user).stdout.split()
        equal(len(seen(other.pid)), len(LOOKS), "an ordinary process's")
        pids = processes_of(daemon).values()
        equal(seen(*pids), [])
        for pid in pids:
            limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
            true(re.search(r"^Max core file size +0 +0 ", limits, re.M), limits)


def test_cores(bench):
    """The kernel writes none, for whatever a process dies of."""
    suite = bench.suite
    pattern = pathlib.Path("/proc/sys/kernel/core_pattern").read_text().strip()
    # A sanitizer would take the signals for itself.
    environment = {"ASAN_OPTIONS": ":".join([
        ENVIRONMENT.get("ASAN_OPTIONS", ""), "handle_segv=0",
        "handle_abort=0"])}
    unlimited = {"preexec_fn": lambda: resource.setrlimit(
        resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)}
    for number in (signal.SIGSEGV, signal.SIGABRT):
        with suite.test(f"{number.name} leaves no core file"):
            if WRAPPER:
                raise Skip("not with a wrapper")
            folder = suite.folder / f"cores-{number.name}"
            folder.mkdir()
            options = {"cwd": folder}
            if resource.getrlimit(resource.RLIMIT_CORE)[1] != 0:
                options |= unlimited
            if not pattern.startswith(("|", "/")):
                other = Process(suite, f"sleep-{number.name}",
                                ["sleep", "1000"], **options)
                other.kill(number)
                other.wait()
                left = list(folder.iterdir())
                if "preexec_fn" in options:
                    true(left, f"there are no core files here: {pattern}")
                for path in left:
                    path.unlink()
            daemon = bench.daemon(None, own_environment(bench) | environment,
                                  **options)
            for name in ("worker", "keeper"):
                pid = processes_of(daemon)[name]
                os.kill(pid, number)
                daemon.wait_log(rf"process {pid}\) was ended by signal "
                                rf"{number.value} ")
                true("core" not in daemon.log(), daemon.log)
                wait_for(lambda daemon=daemon: len(daemon.workers()) == 1 and
                         len(daemon.keepers()) == 1, "the next one")
            daemon.kill(number)
            equal(daemon.wait(), -number.value)
            equal(list(folder.iterdir()), [])
            bench.look()


# ---- The search itself ----

def test_search(bench):
    """What is looked for is found, however it is written."""
    with bench.suite.test("the search finds a secret in each form, and pieces"):
        canaries = Canaries()
        secret = made_up(60).encode()
        canaries.plant("it", secret)
        noise = os.urandom(5000)
        equal(canaries.find(noise), [])
        for how, text, least in forms(secret):
            for at in range(2 * PIECE):
                for piece in (text, text[at:at + least]):
                    data = noise[:at + 99] + piece + noise[:at + 99]
                    true(canaries.find(data), f"{piece} is not found: {how}")
        # No byte of noise may happen to be the secret's next: it did, one time
        # in a hundred.
        short = b"\0" + secret[7:6 + PIECE] + b"\0"
        equal(canaries.find(noise + short + noise), [])

    with bench.suite.test("a core is a core: what is left out of one is found "
                          "where nothing is left out"):
        daemon = bench.daemon(bench.settings(Way("", "", site=dict(zip((
            "access_key_id", "secret_access_key", "session_token"),
            bench.keys())))), bench.environment(Way("", "")))
        worker = serve(bench, daemon)
        bench.look_at_core(worker)
        found = " ".join(bench.canaries.find(
            core_of(bench.suite, worker, is_whole=True)))
        true("the secret" in found and "the session token" in found, found)


def main():
    """All of it."""
    with Suite() as suite:
        bench = Bench(suite)
        test_search(bench)
        test_ways(bench)
        test_refusals(bench)
        test_endpoints(bench)
        test_daemon(bench)
        test_files(bench)
        test_modes(bench)
        test_strangers(bench)
        test_cores(bench)


main()

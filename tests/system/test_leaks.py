#!/usr/bin/env python3
"""What must not get out: keys into logs, answers and caches, and what a client
sends to S3.  Every secret here is a word that is looked for everywhere, while
the daemon logs all it can and everything goes wrong."""

import base64
import signal

from fastcgi import Fastcgi
from harness import (Memcached, Nginx, Rgw, Suite, Trys3d, equal, free_port,
                     true, trys3d_run, wait_for)
from origin import Origin, Pattern

SECRET = "canary+secret/KEY0123456789abcdefghijklmn"
TOKEN = "canary-token//" + "T0k3n+" * 60 + "=="
PASSWORD = "canary-password"
USER = f"gyazo:{PASSWORD}"
# Of the operator, which nobody may see.
OURS = {"the secret": SECRET, "the secret's middle": SECRET[14:34],
        "the token": TOKEN, "the token's middle": TOKEN[40:70],
        "the password": PASSWORD,
        "the password, encoded": base64.b64encode(USER.encode()).decode()}
# Of the client, which neither S3 nor our log gets to see.  (nginx's own logs
# have the request line, the Referer and the User-Agent.)
QUERY, COOKIE = "canary-query", "canary-cookie"
HEADERS = {
    "Cookie": f"session={COOKIE}", "Proxy": "http://canary-proxy/",
    "Referer": "http://canary-referer/", "User-Agent": "canary-agent",
    "X-Amz-Security-Token": "canary-amz-token",
    "X-Amz-Date": "canary-amz-date", "X-Amz-Meta-A": "canary-amz-meta",
    "X-Amz-Content-Sha256": "canary-amz-sha", "X-Forwarded-For": "canary-xff",
    "Accept": "canary/accept", "Accept-Encoding": "canary-encoding",
    "Accept-Language": "canary-language", "Origin": "http://canary-origin",
    "Content-Type": "canary/type", "X-Canary": "canary-x",
    "If-Modified-Since": "canary-since", "If-None-Match": '"canary-tag"',
}
THEIRS = {f"the client's {word}": word
          for word in [QUERY, COOKIE, *HEADERS.values()]}
KEYS = {"access_key_id": "AKIACANARY", "secret_access_key": SECRET,
        "session_token": TOKEN}

# What a request to S3 has, and nothing else.
ALWAYS = ["authorization", "host", "x-amz-content-sha256", "x-amz-date",
          "x-amz-security-token"]


def is_clean(text, what, canaries=None):
    """None of the CANARIES (all) is in TEXT (str or bytes)."""
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    canaries = OURS | THEIRS if canaries is None else canaries
    found = [name for name, word in canaries.items() if word in text]
    equal(found, [], what)


class HiddenNginx(Nginx):
    """nginx with a password that is looked for."""

    USER = USER


class Bench:
    """All that was answered, and all daemons."""

    def __init__(self, suite):
        self.suite = suite
        self.daemons = []
        self.answers = []
        self.nginxes = []

    def daemon(self, name, site, memcached=None, environment=None):
        """A trys3d that says all it can."""
        settings = {"daemon": {"log_level": "debug", "answer_timeout": "1s"},
                    "site one": {"bucket": "bucket"} | site}
        if memcached:
            settings["cache"] = {"servers": memcached.address,
                                 "timeout": "10s"}
        self.daemons.append(Trys3d(self.suite, settings, environment,
                                   name=f"trys3d-{name}"))
        return self.daemons[-1]

    def nginx(self, daemon, is_cached):
        """nginx before it."""
        self.nginxes.append(HiddenNginx(
            self.suite, daemon.socket, is_cached,
            name=f"nginx-{len(self.nginxes)}"))
        return self.nginxes[-1]

    def ask(self, daemon, path, method="GET", **params):
        """A request with every canary in it, as a careless web server would
        pass it on; the status."""
        params = {"HTTP_" + name.upper().replace("-", "_"): value
                  for name, value in HEADERS.items()} | {
                      "HTTP_AUTHORIZATION": "Basic " + base64.b64encode(
                          USER.encode()).decode(),
                      "QUERY_STRING": f"{QUERY}=1", "REMOTE_USER": "gyazo",
                      "REQUEST_URI": f"{path}?{QUERY}=1"} | params
        answer = Fastcgi(daemon.socket).request(path, method, params.items())
        self.answers.append((f"{method} {path}", answer))
        return answer.status

    def look(self):
        """Look for the canaries wherever we were."""
        for daemon in self.daemons:
            is_clean(daemon.log(), daemon.name)
        for what, answer in self.answers:
            is_clean(repr(answer.headers), f"the head of {what}")
            is_clean(answer.body, f"the body of {what}")
            true(answer.status < 400 or b"<" not in answer.body,
                 f"XML in the body of {what}")
            true("x-amz" not in repr(answer.headers).lower(),
                 f"S3's headers in {what}")
        hidden = OURS | {"a cookie": COOKIE, "a token": "canary-amz-token"}
        for nginx in self.nginxes:
            for log in nginx.folder.glob("*.log"):
                is_clean(log.read_bytes(), log, hidden)


# ---- What S3 gets ----

def upstream_names(request):
    """The names of its headers, in order of the alphabet."""
    return sorted(request.names())


def check_upstream(origin, target, *more):
    """The last request for TARGET has exactly what it should, and MORE."""
    request = origin.requests(target)[-1]
    equal(upstream_names(request), sorted([*ALWAYS, *more]), request.line)
    text = request.line + repr(request.headers)
    hidden = OURS | THEIRS
    if "x-amz-security-token" in request.names():
        equal(request.header("x-amz-security-token"), TOKEN)
        text = text.replace(TOKEN, "")
    is_clean(text, request.line, hidden)
    equal(request.header("host"), origin.url.partition("//")[2])
    true(request.header("authorization").startswith(
        "AWS4-HMAC-SHA256 Credential=AKIACANARY/"), "its Authorization")


def test_upstream(bench, origin):
    """Requests with every header there is."""
    origin.put("/bucket/a", b"hello, world")
    origin.put("/bucket/large", b"x" * 3_000_000)
    site = KEYS | {"endpoint": origin.url}
    daemon = bench.daemon("upstream", site)
    with bench.suite.test("S3 gets no header of the client's, by FastCGI"):
        for method in ("GET", "HEAD"):
            equal(bench.ask(daemon, "/a", method), 200)
            check_upstream(origin, "/bucket/a")
            equal(origin.requests()[-1].method, method)
            equal(bench.ask(daemon, "/none", method), 404)
            # A HEAD cannot be told why, so one byte is asked for.
            check_upstream(origin, "/bucket/none",
                           *(["range"] if method == "HEAD" else []))

    with bench.suite.test("but a range, and If-Match where it resumes"):
        for asked in ("bytes=3-4", "bytes=003-0004", "BYTES=3-4,", "bytes= 3-4"):
            equal(bench.ask(daemon, "/a", HTTP_RANGE=asked), 206, asked)
            check_upstream(origin, "/bucket/a", "range")
            # Not as the client wrote it.
            equal(origin.requests()[-1].header("range"), "bytes=3-4", asked)
        equal(bench.ask(daemon, "/a", HTTP_RANGE="canary=3-4"), 200)
        check_upstream(origin, "/bucket/a")
        equal(bench.ask(daemon, "/a", HTTP_IF_MATCH='"canary"'), 412)
        check_upstream(origin, "/bucket/a")
        origin.script("/bucket/large", [{"break_after": 2_000_000}])
        equal(bench.ask(daemon, "/large"), 200)
        equal(bench.answers.pop()[1].is_whole, True)
        check_upstream(origin, "/bucket/large", "range", "if-match")

    with bench.suite.test("no token where there is none"):
        plain = bench.daemon("plain", {name: value for name, value in
                                       site.items() if name != "session_token"})
        equal(bench.ask(plain, "/a"), 200)
        equal(upstream_names(origin.requests()[-1]), ALWAYS[:-1])

    for is_cached in (False, True):
        with bench.suite.test("S3 gets none through nginx, cache "
                              f"{'on' if is_cached else 'off'}"):
            nginx = bench.nginx(daemon, is_cached)
            for method in ("GET", "HEAD"):
                answer = nginx.request(method, f"/a?{QUERY}", HEADERS)
                equal(answer.status, 200)
                bench.answers.append((f"{method} by nginx", answer))
                check_upstream(origin, "/bucket/a")
            before = len(origin.requests())
            for method in ("POST", "PUT", "DELETE", "OPTIONS"):
                answer = nginx.request(method, f"/a?{QUERY}", HEADERS,
                                       body=b"canary")
                equal(answer.status, 405, method)
            equal(len(origin.requests()), before)


# ---- What goes wrong ----

def xml(code, more=""):
    """S3's words, with more than anyone should repeat."""
    return (f"<Error><Code>{code}</Code><Message>As told.</Message>{more}"
            "<RequestId>R1</RequestId></Error>")


# What the bucket says; the real one repeats what was signed, and the token.
ERRORS = [
    {"status": 403, "body": xml("SignatureDoesNotMatch", (
        f"<CanonicalRequest>GET\nx-amz-security-token:{TOKEN}"
        "</CanonicalRequest><StringToSign>AWS4</StringToSign>"))},
    {"status": 400, "body": xml("ExpiredToken", f"<Token-0>{TOKEN}</Token-0>")},
    {"status": 400, "body": xml("InvalidToken", f"<Token-0>{TOKEN}</Token-0>")},
    {"error": "InvalidAccessKeyId"}, {"error": "NoSuchBucket"},
    {"error": "AccessDenied"}, {"error": "RequestTimeTooSkewed", "skew_s": 9e3},
    {"error": "PermanentRedirect", "region": "eu-west-1"},
    {"error": "SlowDown"}, {"error": "InternalError"},
    {"status": 302, "headers": {"Location": "http://canary.example/"}},
    {"status": 418, "body": f"no XML: {TOKEN}"},
    {"status": 200, "body": "abc", "framing": "none"},
    {"content_length": 9}, {"drop": True}, {"drop": "reset"},
    {"raw": f"HTTP/1.1 200 OK\r\nX: {TOKEN}"}, {"raw": f"{TOKEN}\r\n\r\n"},
]


def test_errors(bench, origin):
    """Each of them, with and without a body, then again through nginx."""
    origin.put("/bucket/large", Pattern(3_000_000))
    daemon = bench.daemon("errors", KEYS | {"endpoint": origin.url})
    nginx = bench.nginx(daemon, True)
    with bench.suite.test("S3's errors are raised"):
        statuses = set()
        for number, step in enumerate(ERRORS):
            origin.put(f"/bucket/{number}", b"hello")
            origin.script(f"/bucket/{number}", [step | {"times": 0}])
            for method in ("GET", "HEAD"):
                statuses.add(bench.ask(daemon, f"/{number}", method))
        # (The redirect and the like may be refused, the rest must be.)
        equal(statuses - {200}, {404, 500, 503})
        origin.script("/bucket/large", [{"break_after": 1_500_000},
                                        {"error": "NoSuchKey"}])
        bench.ask(daemon, "/large")
        answer = nginx.get(f"/0?{QUERY}", HEADERS)
        equal(answer.status, 500)
        bench.answers.append(("500 by nginx", answer))
    with bench.suite.test("and show nothing"):
        true("SignatureDoesNotMatch" in daemon.log(), "they are not logged")
        bench.look()


def test_real(bench, rgw):
    """A real server, wrong keys, and no server at all."""
    tls = rgw.values["S3_TLS_ENDPOINT"]
    other = bench.suite.folder / "other-ca.pem"
    other.write_bytes((rgw.folder / "server.pem").read_bytes())
    sites = {
        "wrong-keys": (500, {"endpoint": rgw.endpoint}),
        "wrong-secret": (500, {
            "endpoint": rgw.endpoint, "session_token": None,
            "access_key_id": rgw.values["S3_ACCESS_KEY_ID"]}),
        "wrong-bucket": (500, rgw.site(bucket="canary.none")),
        "closed": (503, {"endpoint": f"http://127.0.0.1:{free_port()}"}),
        "no-tls": (503, {"endpoint": rgw.endpoint.replace("http", "https")}),
        "untrusted": (503, {"endpoint": tls}),
        "wrong-ca": (503, {"endpoint": tls.replace("127.0.0.1", "127.0.0.2"),
                           "ca_file": rgw.values["S3_CA_FILE"]}),
        "no-host": (503, {"endpoint": "http://nowhere.invalid"}),
    }
    with bench.suite.test("a real bucket's errors, and no bucket at all"):
        for name, (status, site) in sites.items():
            site = {"bucket": rgw.bucket} | KEYS | site
            site = {key: value for key, value in site.items() if value}
            daemon = bench.daemon(name, site)
            equal(bench.ask(daemon, "/a"), status, name)
            # Nor do keys that come from elsewhere show.
            del site["secret_access_key"], site["access_key_id"]
            site.pop("session_token", None)
            daemon = bench.daemon(f"{name}-environment", site, environment={
                "AWS_ACCESS_KEY_ID": "AKIACANARY",
                "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": TOKEN})
            true(bench.ask(daemon, "/a") >= 500, name)
    with bench.suite.test("show nothing"):
        bench.look()
        for daemon in bench.daemons[-2 * len(sites):]:
            true("S3 " in daemon.log(), f"{daemon.name} logs no failure")


def test_cached(bench, origin):
    """memcached is read by others."""
    memcached = Memcached(bench.suite, is_unix=True)
    origin.put("/bucket/kept", b"<kept>", {"x-amz-meta-a": "canary-meta",
                                          "Set-Cookie": "canary-set",
                                          "x-amz-request-id": "canary-id"})
    daemon = bench.daemon("cached", KEYS | {"endpoint": origin.url}, memcached)
    with bench.suite.test("memcached holds nothing of keys or clients, and no "
                          "key that says what it is of"):
        for path, status in (("/kept", 200), ("/kept", 200), ("/gone", 404),
                             ("/gone", 404)):
            equal(bench.ask(daemon, path), status)
        bench.answers = [(what, answer) for what, answer in bench.answers
                         if what != "GET /kept"]
        names = wait_for(lambda: [
            line.split()[0][4:] for line in
            memcached.ask("lru_crawler metadump all")[:-1]], "the entries")
        for name in names:
            entry = "\n".join(memcached.ask(f"get {name}"))
            is_clean(entry, name)
            for word in ("canary", "AKIA", "gone", "bucket", "/kept"):
                true(word not in entry, f"{word} in {entry!r}")
    bench.answers.clear()


# ---- What is wrong with the settings ----

# Files with a secret, and what is wrong with them or the like.
FILES = {
    "in the wrong section": f"[daemon]\nsecret_access_key = {SECRET}\n",
    "misspelt": f"[site a]\nbucket = abc\nsecret_acces_key = {SECRET}\n",
    "with a blank": f"[site a]\nbucket = abc\naccess_key_id = AKIA\n"
                    f"secret_access_key = {SECRET} x\n",
    "with a comment's sign": "[site a]\nbucket = abc\naccess_key_id = AKIA\n"
                             f"secret_access_key = {SECRET};x\n"
                             "nonsense = 1\n",
    "with a control character": "[site a]\nbucket = abc\naccess_key_id = AKIA\n"
                                f"secret_access_key = {SECRET}\x01\n",
    "not ASCII": "[site a]\nbucket = abc\naccess_key_id = AKIA\n"
                 f"secret_access_key = {SECRET}é\n",
    "alone": f"[site a]\nbucket = abc\nsecret_access_key = {SECRET}\n",
    "a token alone": f"[site a]\nbucket = abc\nsession_token = {TOKEN}\n",
    "twice": "[site a]\nbucket = abc\naccess_key_id = AKIA\n" +
             f"secret_access_key = {SECRET}\n" * 2,
    "without a sign": f"[site a]\nbucket = abc\nsecret_access_key {SECRET}\n",
    "in brackets": f"[site a]\nbucket = abc\n[{SECRET}\n",
    "in the endpoint": "[site a]\nbucket = abc\n"
                       f"endpoint = https://user:{SECRET[14:]}@s3.example\n",
    "in a long line": "[site a]\nbucket = abc\naccess_key_id = AKIA\n"
                      f"secret_access_key = {SECRET * 500}\n",
    "in an indented line": "[site a]\nbucket = abc\naccess_key_id = AKIA\n"
                           f"session_token = x\n  {TOKEN}\n",
}


def test_settings(bench, origin):
    """-t, -T, the start, and the reload."""
    suite = bench.suite
    path = suite.folder / "wrong.conf"
    path.touch(0o600)
    for what, text in FILES.items():
        with suite.test(f"settings: a secret {what}"):
            path.write_text(text)
            for option in ("-t", "-T", None):
                done = trys3d_run(
                    suite, *([option] if option else []), "-c", path,
                    environment={"TRYS3_LISTEN": f"unix:{suite.folder}/s",
                                 "AWS_EC2_METADATA_DISABLED": "true"})
                equal((done.returncode, done.stdout), (2, ""), option)
                is_clean(done.stderr, option)

    with suite.test("settings: secrets of the environment and of a profile"):
        profile = suite.folder / "profile"
        for environment, text in (
                ({"AWS_SECRET_ACCESS_KEY": SECRET}, ""),
                ({"AWS_ACCESS_KEY_ID": "A",
                  "AWS_SECRET_ACCESS_KEY": SECRET + " "}, ""),
                ({"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": SECRET,
                  "AWS_SESSION_TOKEN": TOKEN + "\n"}, ""),
                ({}, f"[default]\naws_secret_access_key = {SECRET}\n"),
                ({}, f"[default]\naws_access_key_id = A\n"
                     f"aws_secret_access_key = {SECRET} {SECRET}\n"),
                ({}, f"[default]\naws_access_key_id = A\n"
                     f"aws_secret_access_key {SECRET}\n"),
                ({"AWS_ENDPOINT_URL": f"https://u:{SECRET[14:]}@x.y"}, ""),
                ({"AWS_PROFILE": "x"}, "[default]\naws_access_key_id = A\n"
                 f"aws_secret_access_key = {SECRET}\n")):
            profile.write_text(text)
            done = trys3d_run(suite, "-T", environment={
                "TRYS3_BUCKET": "abc",
                "AWS_SHARED_CREDENTIALS_FILE": str(profile)} | environment)
            equal((done.returncode, done.stdout), (2, ""), environment)
            is_clean(done.stderr, environment)

    with suite.test("settings: -T of good ones shows no secret"):
        path.write_text("[site a]\nbucket = abc\n" + "".join(
            f"{name} = {value}\n" for name, value in KEYS.items()))
        done = trys3d_run(suite, "-T", "-c", path)
        equal((done.returncode, done.stdout.count(" = **** ")), (0, 2))
        is_clean(done.stdout + done.stderr, "-T")

    with suite.test("settings: a reload with a bad file shows no secret"):
        daemon = bench.daemon("reload", KEYS | {"endpoint": origin.url})
        for what, text in FILES.items():
            before = daemon.log().count("stay")
            daemon.config.write_text(text)
            daemon.kill(signal.SIGHUP)
            wait_for(lambda before=before: daemon.log().count("stay") > before,
                     f"the old settings to stay, {what}")
        equal(bench.ask(daemon, "/a"), 200)
        bench.look()


def main():
    """An origin that records what it gets, and RGW."""
    with Suite() as suite:
        rgw = Rgw(suite)
        with Origin() as origin:
            bench = Bench(suite)
            test_upstream(bench, origin)
            test_errors(bench, origin)
            test_real(bench, rgw)
            test_cached(bench, origin)
            test_settings(bench, origin)
            # They may say more at their end.
            for daemon in bench.daemons:
                daemon.stop()
            with suite.test("nothing shows at the end"):
                bench.look()


main()

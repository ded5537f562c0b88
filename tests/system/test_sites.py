#!/usr/bin/env python3
"""Several sites in one daemon, what selects one and what does not; settings
from the file and the environment; credentials of every kind, temporary ones by
RGW's STS among them."""

import re
import signal

from fastcgi import Fastcgi
from harness import (Memcached, Nginx, Rgw, Suite, Trys3d, equal, free_port,
                     true, trys3d_run, wait_for)

KEY = "same.png"


class Bench:
    """Two buckets with the same keys and other bytes."""

    def __init__(self, suite):
        self.suite = suite
        self.rgw = Rgw(suite)
        for bucket in (self.rgw.bucket, "second"):
            client = self.rgw.client(bucket=bucket)
            client.request("PUT", "")
            for prefix in ("", "old/", "2019/"):
                client.put(prefix + KEY, self.body(bucket, prefix))
        self.key_id = self.rgw.values["S3_ACCESS_KEY_ID"]
        self.secret = self.rgw.values["S3_SECRET_ACCESS_KEY"]

    @staticmethod
    def body(bucket, prefix=""):
        """What is at PREFIX/KEY in BUCKET."""
        return f"<{bucket}: {prefix}{KEY}>".encode()

    def site(self, **more):
        """Settings of a site that leave the credentials to others."""
        site = self.rgw.site(**more)
        for name in ("access_key_id", "secret_access_key"):
            if name not in more:
                del site[name]
        return site

    def daemon(self, name, settings, environment=None, **options):
        """A trys3d with SETTINGS (None: no file)."""
        return Trys3d(self.suite, settings, environment, name=f"trys3d-{name}",
                      **options)


# ---- Which site ----

def sites_of(bench):
    """Three sites; the first is the one without a word."""
    return {
        "site images": bench.rgw.site(prefix="old/"),
        "site files": bench.rgw.site(bucket="second", strip="files/",
                                     prefix="2019/"),
        "site plain-2.x_y": bench.rgw.site(bucket="second"),
    }


def test_selection(bench, daemon):
    """By FastCGI, with any parameter we like."""
    client = Fastcgi(daemon.socket)
    first = bench.body("private", "old/")
    with bench.suite.test("without TRYS3_SITE it is the first site"):
        equal(client.get("/" + KEY).body, first)
        equal(client.get("/" + KEY, TRYS3_SITE="").body, first)

    with bench.suite.test("TRYS3_SITE selects a site, its bucket and prefix"):
        for site, path, body in (
                ("images", "/" + KEY, first),
                ("files", "/files/" + KEY, bench.body("second", "2019/")),
                ("plain-2.x_y", "/" + KEY, bench.body("second")),
                ("images", "/" + KEY, first)):
            equal(client.get(path, TRYS3_SITE=site).body, body, site)
        equal(client.get("/" + KEY, TRYS3_SITE="files").status, 404)
        equal(client.get("/files/" + KEY, TRYS3_SITE="images").status, 404)

    with bench.suite.test("a site that is not there is 500, logged, not kept"):
        for site in ("other", "Images", "image", "images2", "images ", "site",
                     "site images", "default", "*", "images,files", "a" * 300,
                     "../files", "im\0ages", "o\nther"):
            answer = client.get("/" + KEY, TRYS3_SITE=site)
            equal(answer.status, 500, site)
            equal(answer.headers[0], ("X-Accel-Expires", "0"), site)
        daemon.wait_log(r'error: TRYS3_SITE is "other": there is no such')
        daemon.wait_log(r'error: TRYS3_SITE is "o\\x0ather": there is')

    with bench.suite.test("nothing else of a request selects one"):
        hostile = {
            "HTTP_TRYS3_SITE": "files", "HTTP_HOST": "files",
            "SERVER_NAME": "files", "QUERY_STRING": "TRYS3_SITE=files",
            "REQUEST_URI": f"/{KEY}?TRYS3_SITE=files&site=files",
            "trys3_site": "files", "TRYS3_SITES": "files", "SITE": "files",
            "HTTP_COOKIE": "TRYS3_SITE=files", "TRYS3_BUCKET": "second",
            "HTTP_TRYS3_BUCKET": "second", "AWS_ENDPOINT_URL": "http://x.y",
            "HTTP_X_AMZ_BUCKET": "second", "HTTP_X_FORWARDED_HOST": "second",
        }
        equal(client.get("/" + KEY, **hostile).body, first)
        for name, value in hostile.items():
            equal(client.get("/" + KEY, **{name: value}).body, first, name)
        # Of a parameter that comes twice the first counts, as nginx's own do.
        answer = client.request("/" + KEY, params=[
            ("TRYS3_SITE", "images"), ("TRYS3_SITE", "plain-2.x_y")])
        equal(answer.body, first)


def test_nginx(bench, daemon):
    """Through the shipped nginx files."""
    hostile = {"Trys3-Site": "files", "TRYS3_SITE": "files", "Host": "files",
               "X-Trys3-Site": "files", "Cookie": "TRYS3_SITE=files"}
    first = bench.body("private", "old/")
    for is_cached in (False, True):
        name = f"nginx-{'cached' if is_cached else 'plain'}"
        nginx = Nginx(bench.suite, daemon.socket, is_cached=is_cached,
                      name=name)
        with bench.suite.test(f"{name}: no header, query or Host selects a "
                              "site"):
            for header, value in hostile.items():
                answer = nginx.get(f"/{KEY}?TRYS3_SITE=files&{header}",
                                   {header: value})
                equal((answer.status, answer.body), (200, first), header)
            equal(nginx.get("/" + KEY, hostile).body, first)

        with bench.suite.test(f"{name}: the map of the server's names does, "
                              "also where another site's answer is kept"):
            http = nginx.folder / "trys3" / "http.conf"
            text = http.read_text()
            equal(text.count('default\t\t\t"";'), 1, "the map's default")
            http.write_text(text.replace('default\t\t\t"";',
                                         "default plain-2.x_y;"))
            nginx.kill(signal.SIGHUP)
            wait_for(lambda nginx=nginx: nginx.get("/" + KEY).body ==
                     bench.body("second"), "the other site")


# ---- File and environment ----

def test_environment(bench):
    """No file at all."""
    suite, rgw = bench.suite, bench.rgw
    dead = f"http://127.0.0.1:{free_port()}"
    base = {
        "TRYS3_BUCKET": "second",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": bench.key_id,
        "AWS_SECRET_ACCESS_KEY": bench.secret,
    }

    def good(name, body, **environment):
        address = f"unix:{suite.folder}/{name}.sock"
        daemon = bench.daemon(name, None, base | {"TRYS3_LISTEN": address} |
                              environment)
        equal(Fastcgi(address).get("/" + KEY).body, body)
        return daemon

    with suite.test("no file: TRYS3_BUCKET and the names of the AWS tools"):
        memcached = Memcached(suite, is_unix=True)
        daemon = good("bare", bench.body("second"),
                      AWS_ENDPOINT_URL_S3=rgw.endpoint, TRYS3_WORKERS="3",
                      TRYS3_MEMCACHED=memcached.address)
        wait_for(lambda: len(daemon.workers()) == 3, "three workers")
        client = Fastcgi(daemon.socket)
        wait_for(lambda: client.get("/" + KEY).header("Cache-Status") ==
                 "trys3; hit", "a hit")

    with suite.test("AWS_ENDPOINT_URL_S3 before AWS_ENDPOINT_URL"):
        good("url", bench.body("second"), AWS_ENDPOINT_URL=rgw.endpoint)
        good("urls3", bench.body("second"), AWS_ENDPOINT_URL_S3=rgw.endpoint,
             AWS_ENDPOINT_URL=dead)
        good("urlempty", bench.body("second"), AWS_ENDPOINT_URL_S3="",
             AWS_ENDPOINT_URL=rgw.endpoint)

    with suite.test("AWS_CA_BUNDLE: the right one, or 503"):
        tls = {"AWS_ENDPOINT_URL_S3": rgw.values["S3_TLS_ENDPOINT"]}
        good("tls", bench.body("second"), **tls,
             AWS_CA_BUNDLE=rgw.values["S3_CA_FILE"])
        address = f"unix:{suite.folder}/untrusted.sock"
        daemon = bench.daemon("untrusted", {
            "daemon": {"listen": address, "answer_timeout": "1s"},
            "site one": bench.site()}, base | tls)
        equal(Fastcgi(address).get("/" + KEY).status, 503)
        daemon.wait_log("certificate")

    with suite.test("a profile of a shared credentials file"):
        path = suite.folder / "credentials"
        path.write_text(
            "[default]\naws_access_key_id = WRONG\n"
            "aws_secret_access_key = wrong\n"
            f"[photos]\naws_access_key_id={bench.key_id}\n"
            f"aws_secret_access_key = {bench.secret}\n")
        good("profile", bench.body("second"), AWS_ACCESS_KEY_ID="",
             AWS_SECRET_ACCESS_KEY="", AWS_ENDPOINT_URL=rgw.endpoint,
             AWS_SHARED_CREDENTIALS_FILE=str(path), AWS_PROFILE="photos")
        # The file has no one else to ask.
        done = trys3d_run(suite, "-t", environment={
            "TRYS3_BUCKET": "second", "AWS_PROFILE": "nobody",
            "AWS_SHARED_CREDENTIALS_FILE": str(path)})
        equal(done.returncode, 2)
        true("nobody" in done.stderr, done.stderr)

    with suite.test("~/.aws/credentials, profile default"):
        (suite.folder / ".aws").mkdir()
        (suite.folder / ".aws" / "credentials").write_text(
            f"[default]\naws_access_key_id={bench.key_id}\n"
            f"aws_secret_access_key={bench.secret}\n")
        good("home", bench.body("second"), AWS_ACCESS_KEY_ID="",
             AWS_SECRET_ACCESS_KEY="", AWS_ENDPOINT_URL=rgw.endpoint)
        (suite.folder / ".aws" / "credentials").unlink()


def test_order(bench):
    """Defaults, then the file, then the environment."""
    suite = bench.suite
    keys = {"AWS_ACCESS_KEY_ID": bench.key_id,
            "AWS_SECRET_ACCESS_KEY": bench.secret}
    wrong = {"AWS_ACCESS_KEY_ID": "WRONG", "AWS_SECRET_ACCESS_KEY": "wrong"}

    with suite.test("one site: the environment overrides the file"):
        address = f"unix:{suite.folder}/over.sock"
        daemon = bench.daemon("over", {
            "daemon": {"listen": "unix:/nonexistent/s", "workers": 1},
            "site one": bench.site(bucket="private", endpoint="http://x.y")},
            keys | {"TRYS3_BUCKET": "second", "TRYS3_WORKERS": "2",
                    "TRYS3_LISTEN": address,
                    "AWS_ENDPOINT_URL": bench.rgw.endpoint},
            is_waited_for=False)
        daemon.wait_log("ready: ")
        equal(Fastcgi(address).get("/" + KEY).body, bench.body("second"))
        equal(len(daemon.workers()), 2)

    with suite.test("several sites: it only fills in what they do not say"):
        bare = bench.site()
        del bare["bucket"], bare["endpoint"]
        daemon = bench.daemon("fill", {
            "site full": bench.site(), "site bare": bare},
            keys | {"TRYS3_BUCKET": "second",
                    "AWS_ENDPOINT_URL": bench.rgw.endpoint})
        client = Fastcgi(daemon.socket)
        equal(client.get("/" + KEY).body, bench.body("private"))
        equal(client.get("/" + KEY, TRYS3_SITE="bare").body,
              bench.body("second"))

    with suite.test("a site's own keys come before those of the environment"):
        own = {"access_key_id": bench.key_id, "secret_access_key": bench.secret}
        daemon = bench.daemon("own", {"site one": bench.site(**own)}, wrong)
        equal(Fastcgi(daemon.socket).get("/" + KEY).status, 200)
        daemon = bench.daemon("not-own", {"site one": bench.site()}, wrong)
        equal(Fastcgi(daemon.socket).get("/" + KEY).status, 500)


# ---- -t, -T, -V ----

# What is wrong, and what must be said of it; FILE stands for the file's name.
MISTAKES = [
    ("[daemon]\nworker = 3\n[site a]\nbucket = abc\n",
     r"FILE:2: \[daemon\] worker: there is no such setting"),
    ("[daemon]\nworkers = 0\n[site a]\nbucket = abc\n",
     r"FILE:2: \[daemon\] workers: .*1 to 4096"),
    ("[cache]\n\nttl = 5\n[site a]\nbucket = abc\n",
     r"FILE:3: \[cache\] ttl: "),
    ("[cache]\nservers = nowhere\n[site a]\nbucket = abc\n",
     r"FILE:2: \[cache\] servers: "),
    ("[daemon]\n[site a]\nbucket = abc\n[daemon]\n",
     r"FILE:4: \[daemon\] is repeated"),
    ("[site a]\nbucket = abc\n[site a]\nregion = x\n",
     r"FILE:3: \[site a\] is repeated"),
    ("[site a]\nbucket = abc\nbucket = abd\n", r"FILE:3: \[site a\] bucket: "),
    ("[site]\nbucket = abc\n", r"FILE:1: a site needs a name"),
    ("[sites]\nbucket = abc\n", r"FILE:1: there is no such section"),
    ("bucket = abc\n[site a]\nbucket = abc\n", r"FILE:1: "),
    ("[site a]\nbucket = abc\nwhat is this\n", r"FILE:3: "),
    ("[site a]\nregion = x\n", r"FILE:1: \[site a\] bucket: is not set"),
    ("[site a]\nbucket = a/b/c\n", r"FILE:2: \[site a\] bucket: "),
    ("[site a]\nbucket = abc\nendpoint = https://x/y\n",
     r"FILE:3: \[site a\] endpoint: "),
    ("[site a]\nbucket = abc\nca_file = /nonexistent\n",
     r"FILE:3: \[site a\] ca_file: "),
    ("[site a]\nbucket = abc\naddressing = auto, path\n",
     r"FILE:3: \[site a\] addressing: "),
    ("[site a]\nbucket = abc\naccess_key_id = AKIA\n",
     r"FILE:3: \[site a\] access_key_id: stands without its secret"),
    ("[site a]\nbucket = abc\nstrip = ../\n", r"FILE:3: \[site a\] strip: "),
    ("[daemon]\n", r"FILE: there is no bucket to serve"),
]


def test_mistakes(bench):
    """Each is told with its place."""
    suite = bench.suite
    path = suite.folder / "mistake.conf"
    keys = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "canary"}
    for text, wanted in MISTAKES:
        what = text.replace("\n", " | ").strip(" |")
        with suite.test(f"-t: {what}"):
            path.write_text(text)
            for option in ("-t", "-T", None):
                arguments = [option] if option else []
                done = trys3d_run(suite, *arguments, "-c", path,
                                  environment=keys)
                equal((done.returncode, done.stdout), (2, ""), option)
                pattern = wanted.replace("FILE", re.escape(str(path)))
                true(re.search(pattern, done.stderr), done.stderr)

    with suite.test("-t tells every mistake at once"):
        path.write_text("[daemon]\nworkers = x\nlisten = y\n[cache]\nttl = z\n")
        done = trys3d_run(suite, "-t", "-c", path, environment=keys)
        places = re.findall(re.escape(str(path)) + r":(\d+):", done.stderr)
        equal(places, ["2", "3", "5"], done.stderr)

    with suite.test("-t: what is wrong in the environment, by its name"):
        for name, value in (("TRYS3_WORKERS", "many"), ("TRYS3_BUCKET", "x/y"),
                            ("TRYS3_LISTEN", "here"), ("TRYS3_MEMCACHED", "?"),
                            ("AWS_REGION", "a b"),
                            ("AWS_ENDPOINT_URL", "ftp://x"),
                            ("AWS_CA_BUNDLE", "/nonexistent")):
            done = trys3d_run(suite, "-t", environment=keys | {
                "TRYS3_BUCKET": "abc", name: value})
            equal(done.returncode, 2, name)
            true(f"{name} (environment): " in done.stderr, done.stderr)

    with suite.test("-t: no credentials, or half of them"):
        for environment in ({}, {"AWS_ACCESS_KEY_ID": "AKIA"},
                            {"AWS_SECRET_ACCESS_KEY": "canary"},
                            {"AWS_ACCESS_KEY_ID": "A K",
                             "AWS_SECRET_ACCESS_KEY": "canary"}):
            done = trys3d_run(suite, "-t", environment={
                "TRYS3_BUCKET": "abc"} | environment)
            equal(done.returncode, 2, environment)
            true("[site default] credentials: " in done.stderr, done.stderr)
            true("canary" not in done.stderr, done.stderr)


def test_options(bench):
    """-t, -T and -V where all is well."""
    suite = bench.suite
    path = suite.folder / "good.conf"
    path.write_text(
        "[cache]\nttl = 2h\n[site a]\nbucket = dotted.example.com\n"
        "region = eu-central-1\nstrip = /a/\naccess_key_id = AKIAOWN\n"
        "secret_access_key = canary-secret\nsession_token = canary-token\n"
        "[site b]\nbucket = simple\nregion = ap-northeast-1\n"
        "access_key_id = AKIAOWN\nsecret_access_key = canary-secret\n")
    path.chmod(0o600)

    with suite.test("-t: fine, and nothing on standard output"):
        done = trys3d_run(suite, "-t", "-c", path)
        equal((done.returncode, done.stdout), (0, ""))
        equal(done.stderr, f"trys3d: configuration {path} is fine\n")

    with suite.test("-T: every setting, where it is from, and no secret"):
        done = trys3d_run(suite, "-T", "-c", path,
                          environment={"TRYS3_WORKERS": "7"})
        equal(done.returncode, 0)
        for line in (r"workers = 7 +; environment TRYS3_WORKERS",
                     rf"ttl = 2h +; {path}:2", r"ttl_missing = (1m|60s) +; a default",
                     rf"secret_access_key = \*\*\*\* +; {path}:8",
                     rf"session_token = \*\*\*\* +; {path}:9",
                     r"# objects: https://s3\.eu-central-1\.amazonaws\.com/"
                     r"dotted\.example\.com/KEY \(path style\)",
                     r"# objects: https://simple\.s3\.ap-northeast-1\."
                     r"amazonaws\.com/KEY \(virtual style\)"):
            true(re.search(line, done.stdout), line + "\n" + done.stdout)
        true("canary" not in done.stdout + done.stderr, "a secret is shown")

    with suite.test("-T: what it prints can be read again, and says the same"):
        again = suite.folder / "again.conf"
        again.touch(0o600)
        again.write_text(done.stdout.replace("****", "other-secret"))
        more = trys3d_run(suite, "-T", "-c", again)
        equal(more.returncode, 0, more.stderr)
        equal(*[re.sub(r" +; .*|#.*", "", text)
                for text in (more.stdout, done.stdout)])

    with suite.test("-T: a full disk is a failure"):
        true(trys3d_run(suite, "-T", "-c", path).returncode == 0, "-T")
        with open("/dev/full", "wb") as full:
            daemon = bench.daemon("full-disk", None, arguments=[
                "-T", "-c", path], is_waited_for=False, stdout=full)
            equal(daemon.wait(), 1)

    with suite.test("-V: the version"):
        done = trys3d_run(suite, "-V")
        equal((done.returncode, done.stderr), (0, ""))
        true(re.fullmatch(r"trys3d \d+\.\d+\S*\n", done.stdout), done.stdout)

    with suite.test("wrong usage is 2, with a line for each option"):
        for arguments in (["-x"], ["file"], ["-c"], ["-t", "more"]):
            done = trys3d_run(suite, *arguments)
            equal((done.returncode, done.stdout), (2, ""), arguments)
            true("usage: trys3d" in done.stderr, done.stderr)

    with suite.test("a file that cannot be read is 2, with its name"):
        for name in ("nothing.conf", "."):
            done = trys3d_run(suite, "-t", "-c", suite.folder / name)
            equal(done.returncode, 2)
            true(f"{suite.folder / name}" in done.stderr, done.stderr)


# ---- Temporary credentials ----

def assume_role(rgw, seconds):
    """Temporary keys of the role S3Reader for SECONDS, as the environment has
    them."""
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    return dict(zip(names, rgw.assume_role(seconds)))


def check_refused(bench, memcached, name, keys):
    """A daemon with temporary KEYS that RGW does not take: 500, and a line
    without a secret."""
    daemon = bench.daemon(name, {
        "cache": {"servers": memcached.address, "timeout": "10s"},
        "site one": bench.site()}, keys)
    client = Fastcgi(daemon.socket)
    for method, key in (("GET", KEY), ("HEAD", KEY), ("GET", "none"),
                        ("HEAD", "none")):
        answer = client.request("/" + key, method)
        equal(answer.status, 500, (name, method, key))
        equal(answer.headers[0], ("X-Accel-Expires", "0"))
        true("stored" not in answer.header("Cache-Status"), name)
    daemon.wait_log(rf'error: site one: key "{KEY}" of bucket private: '
                    "S3 refuses .*InvalidAccessKeyId.*request id")
    for variable in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        true(not keys[variable] or keys[variable] not in daemon.log(),
             f"{variable} is logged")
    daemon.stop()


def test_refused_tokens(bench, good):
    """Temporary keys by RGW's STS that are no good, or no more; GOOD ones are
    made worse."""
    memcached = Memcached(bench.suite, "memcached-tokens", is_unix=True)
    with bench.suite.test("an expired token, one of which a bit is wrong, or "
                          "none: 500, logged, never kept"):
        short = assume_role(bench.rgw, 1)
        client = bench.rgw.client(key_id=short["AWS_ACCESS_KEY_ID"],
                                  secret=short["AWS_SECRET_ACCESS_KEY"],
                                  token=short["AWS_SESSION_TOKEN"])
        wait_for(lambda: client.request("GET", KEY).status == 403,
                 "the token to expire")
        check_refused(bench, memcached, "expired", short)
        check_refused(bench, memcached, "flipped", good | {
            "AWS_SESSION_TOKEN": flipped(good["AWS_SESSION_TOKEN"])})
        check_refused(bench, memcached, "none", good | {
            "AWS_SESSION_TOKEN": ""})
        equal(memcached.stats()["curr_items"], "0")


def flipped(token):
    """TOKEN with a bit of it turned."""
    return token[:100] + chr(ord(token[100]) ^ 1) + token[101:]


def test_tokens(bench, good):
    """GOOD temporary keys, from everywhere."""
    suite = bench.suite
    own = {"access_key_id": good["AWS_ACCESS_KEY_ID"],
           "secret_access_key": good["AWS_SECRET_ACCESS_KEY"],
           "session_token": good["AWS_SESSION_TOKEN"]}
    with suite.test("a good one is taken: of the site, the environment, a "
                    "profile"):
        path = suite.folder / "temporary"
        path.write_text("[default]\n" + "".join(
            f"{name.lower()} = {value}\n" for name, value in good.items()))
        for name, site, environment in (
                ("own", own, {}), ("variables", {}, good),
                ("profile", {}, {"AWS_SHARED_CREDENTIALS_FILE": str(path)})):
            daemon = bench.daemon(f"token-{name}",
                                  {"site one": bench.site(**site)}, environment)
            client = Fastcgi(daemon.socket)
            equal(client.get("/" + KEY).body, bench.body("private"), name)
            equal(client.get("/none").status, 404, name)
            daemon.stop()

    with suite.test("a new token by SIGHUP, through nginx's cache: nothing of "
                    "the errors was kept"):
        daemon = bench.daemon("renewed", {"site one": bench.site(
            **own | {"session_token": flipped(own["session_token"])})})
        nginx = Nginx(suite, daemon.socket, name="nginx-renewed")
        equal([nginx.get("/" + KEY).status for _ in range(2)], [500, 500])
        daemon.write({"daemon": {"listen": daemon.socket, "workers": 4},
                      "site one": bench.site(**own)})
        daemon.kill(signal.SIGHUP)
        daemon.wait_log("reloaded: ")
        answer = nginx.get("/" + KEY)
        equal((answer.status, answer.body), (200, bench.body("private")))


def main():
    """All of it over one RGW."""
    with Suite() as suite:
        bench = Bench(suite)
        daemon = bench.daemon("sites", sites_of(bench))
        test_selection(bench, daemon)
        test_nginx(bench, daemon)
        test_environment(bench)
        test_order(bench)
        test_mistakes(bench)
        test_options(bench)
        keys = assume_role(bench.rgw, 3600)
        test_refused_tokens(bench, keys)
        test_tokens(bench, keys)


main()

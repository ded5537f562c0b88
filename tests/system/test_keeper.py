#!/usr/bin/env python3
"""The keeper over the real thing: killed, with files that change under it, with
files that only it can read, with nothing to find, and with those who hand out
credentials too late.  RGW makes and deletes the keys."""

import contextlib
import http.server
import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

from fastcgi import Fastcgi
from harness import (ENVIRONMENT, Failure, Rgw, Skip, Suite, Trys3d, equal,
                     free_port, true, trys3d_run, wait_for)
from test_pool import IS_ROOT, is_gone, state_of

KEY, BODY = "/a.png", b"<a.png>"
# Nobody else is to be asked.
ALONE = {"AWS_EC2_METADATA_DISABLED": "true"}


class Bench:
    """RGW, and pairs of keys of its user "reader"."""

    def __init__(self, suite):
        self.suite = suite
        self.rgw = Rgw(suite)
        self.rgw.s3.put(KEY[1:], BODY)
        self._pairs = 0

    def _admin(self, *words):
        done = subprocess.run(
            ["radosgw-admin", "-c", self.rgw.folder / "ceph.conf", *words],
            env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=60, check=False)
        true(done.returncode == 0, done.stderr)

    def _allows(self, pair):
        client = self.rgw.client(key_id=pair[0], secret=pair[1])
        return client.request("GET", KEY[1:]).status == 200

    def make_pair(self):
        """A new pair of keys that is good."""
        self._pairs += 1
        pair = (f"PAIR{self._pairs}", f"canary/secret+{self._pairs}")
        self._admin("key", "create", "--uid", "reader", "--key-type", "s3",
                    "--access-key", pair[0], "--secret-key", pair[1])
        wait_for(lambda: self._allows(pair), "the new keys to be good")
        return pair

    def delete_pair(self, pair):
        """From now on it is not."""
        self._admin("key", "rm", "--uid", "reader", "--key-type", "s3",
                    "--access-key", pair[0])
        wait_for(lambda: not self._allows(pair), "the old keys to be bad")

    def write_file(self, path, pair):
        """PAIR in the shared credentials file at PATH, exchanged at once."""
        new = path.with_suffix(".new")
        new.touch(0o600)
        new.write_text(f"[default]\naws_access_key_id = {pair[0]}\n"
                       f"aws_secret_access_key = {pair[1]}\n")
        os.rename(new, path)

    def site(self, **more):
        """Settings of a site that leave the credentials to others."""
        site = self.rgw.site()
        del site["access_key_id"], site["secret_access_key"]
        return site | more

    def daemon(self, name, site=None, environment=None, **daemon):
        """A trys3d that is ready."""
        process = Trys3d(self.suite, {"daemon": daemon,
                                      "site gyazo": site or self.site()},
                         ALONE | (environment or {}), name=name,
                         is_waited_for=False)
        process.wait_log("ready: ")
        return process


def get(daemon):
    """The status of a request, whose body must be right if it is 200."""
    answer = Fastcgi(daemon.socket).get(KEY)
    if answer.status == 200:
        equal(answer.body, BODY)
    return answer.status


class Load:
    """Requests without a pause until the end of the block: all must be 200."""

    def __init__(self, daemon, threads=4):
        self._daemon = daemon
        self._is_over = False
        self._wrong = []
        self._count = 0
        self._threads = [threading.Thread(target=self._run)
                         for _ in range(threads)]

    def _run(self):
        while not self._is_over:
            try:
                status = get(self._daemon)
            except (Failure, OSError) as error:
                status = error
            if status != 200:
                self._wrong.append(status)
            self._count += 1

    def more(self, count=20):
        """Wait until COUNT more were answered."""
        wanted = self._count + count
        wait_for(lambda: self._count >= wanted, "the load to go on", 30)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        self.more()
        return self

    def __exit__(self, *_):
        self._is_over = True
        for thread in self._threads:
            thread.join()
        equal(self._wrong, [], f"of {self._count} requests")


def keeper(daemon, count=1):
    """Wait for exactly COUNT keepers, none of them a zombie; the first."""
    def look():
        found = daemon.keepers()
        return len(found) == count and "Z" not in map(state_of, found) and found
    return wait_for(look, f"{count} keepers of {daemon.name}")[0]


def stop(daemon):
    """It ends well, and leaves nothing."""
    children = daemon.children()
    equal(daemon.stop(), 0)
    equal([pid for pid in children if not is_gone(pid)], [], "children left")
    true("canary" not in daemon.log(), "a secret is in the log")


def reload(daemon, settings, expected):
    """Write SETTINGS, send SIGHUP, wait for EXPECTED in what is logged then."""
    before = len(daemon.log())
    own = {"listen": daemon.socket, "workers": 4}
    daemon.write({"daemon": own} | settings)
    daemon.kill(signal.SIGHUP)
    wait_for(lambda: re.search(expected, daemon.log()[before:]),
             f"{daemon.name} to say {expected!r} after SIGHUP", 40)


# ---- Its death ----

def test_killed(bench):
    """kill -9 of the keeper, under load."""
    with bench.suite.test("a keeper that is killed is replaced, and no request "
                          "fails"):
        daemon = bench.daemon("killed", bench.rgw.site())
        before = daemon.workers()
        with Load(daemon) as load:
            for _ in range(3):
                pid = keeper(daemon)
                os.kill(pid, signal.SIGKILL)
                daemon.wait_log(rf"keeper \(process {pid}\) was ended by "
                                r"signal 9 \(Killed\); the workers go on")
                load.more()
                true(keeper(daemon) != pid, "the same one")
        equal(daemon.workers(), before)

    with bench.suite.test("one that does not live long is replaced later"):
        def kill():
            pid = keeper(daemon)
            os.kill(pid, signal.SIGKILL)
            wait_for(lambda: keeper(daemon) != pid, "the next one")
            return "the next starts in 1s" in daemon.log()
        # One that is killed as soon as it is there has not lived for a second,
        # unless this machine stood still.
        wait_for(kill, "a short life", 60)
        equal(get(daemon), 200)

    with bench.suite.test("one that is stopped does not hold up the end"):
        os.kill(keeper(daemon), signal.SIGSTOP)
        stop(daemon)


# ---- Files ----

def test_rotation(bench):
    """The shared credentials file is replaced."""
    path = bench.suite.folder / "rotated"
    environment = {"AWS_SHARED_CREDENTIALS_FILE": str(path)}
    old = bench.make_pair()
    bench.write_file(path, old)
    daemon = bench.daemon("rotated", environment=environment)
    before = daemon.workers()

    with bench.suite.test("new keys in the file are taken up without a reload, "
                          "and no request fails"):
        true("site gyazo: credentials found in the shared credentials file"
             in daemon.log(), daemon.log)
        with Load(daemon) as load:
            new = bench.make_pair()
            bench.write_file(path, new)
            daemon.wait_log(rf"site gyazo: {path} has changed")
            daemon.wait_log("site gyazo: credentials renewed")
            load.more()
            bench.delete_pair(old)
            load.more(100)
        equal(daemon.workers(), before)

    with bench.suite.test("a file that is gone or wrong for a while: the old "
                          "ones serve"):
        with Load(daemon) as load:
            path.write_text("[default\n")
            daemon.wait_log(r"error: site gyazo: credentials cannot be renewed:"
                            r".*; the old ones stay in use; the next try is in")
            load.more()
            path.unlink()
            load.more()
            bench.write_file(path, new)
            daemon.wait_log("site gyazo: credentials found again in the shared")

    with bench.suite.test("keys that are deleted first: requests fail, and "
                          "recover with the file"):
        newest = bench.make_pair()
        bench.delete_pair(new)
        true(get(daemon) >= 500, "the old keys are good")
        bench.write_file(path, newest)
        wait_for(lambda: get(daemon) == 200, "the new keys to be used")
        equal(daemon.workers(), before)

    with bench.suite.test("a request whose keys are refused waits for the "
                          "others"):
        last = bench.make_pair()
        bench.delete_pair(newest)
        # Time itself is what is waited for: KEYRING_RELOOK_MS, in which a
        # search that was in vain is not made again.
        time.sleep(2.5)
        bench.write_file(path, last)
        equal(get(daemon), 200)
    stop(daemon)


def test_locked(bench):
    """A file that workers may not read."""
    with bench.suite.test("a file that only root can read serves workers that "
                          "are nobody"):
        if not IS_ROOT:
            raise Skip("only root can become another")
        folder = bench.suite.folder / "locked"
        folder.mkdir(0o700)
        path = folder / "credentials"
        first = bench.make_pair()
        bench.write_file(path, first)
        # The socket's folder, not so.
        bench.suite.folder.chmod(0o755)
        daemon = bench.daemon(
            "locked", environment={"AWS_SHARED_CREDENTIALS_FILE": str(path)},
            user="nobody")
        for pid in daemon.workers():
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            true("\nUid:\t0\t" not in status, "a worker is root")
        equal(get(daemon), 200)
        second = bench.make_pair()
        bench.write_file(path, second)
        daemon.wait_log("site gyazo: credentials renewed")
        bench.delete_pair(first)
        equal(get(daemon), 200)
        stop(daemon)

    with bench.suite.test("secrets of the environment are wiped in workers, and "
                          "no process leaves a core"):
        values = bench.rgw.values
        daemon = bench.daemon("wiped", environment={
            "AWS_ACCESS_KEY_ID": values["S3_ACCESS_KEY_ID"],
            "AWS_SECRET_ACCESS_KEY": values["S3_SECRET_ACCESS_KEY"]})
        equal(get(daemon), 200)
        for pid in [daemon.pid] + daemon.children():
            limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
            true(re.search(r"Max core file size +0 +0 ", limits), limits)
        secret = values["S3_SECRET_ACCESS_KEY"].encode()
        if IS_ROOT:
            for pid in daemon.workers():
                environ = pathlib.Path(f"/proc/{pid}/environ").read_bytes()
                true(secret not in environ, "a worker has it")
        stop(daemon)


# ---- Nothing to find ----

def test_nothing(bench):
    """No credentials at all."""
    suite = bench.suite

    with suite.test("at the start: a clear word, and status 2"):
        for name, site in (("none", {}), ("profile", {"profile": "nobody"})):
            daemon = Trys3d(suite, {"site gyazo": bench.site(**site)}, ALONE,
                            name=f"nothing-{name}", is_waited_for=False)
            equal(daemon.wait(), 2, name)
            equal(len(re.findall("error: site gyazo: there are no credentials: ",
                                 daemon.log())), 1, daemon.log())
            true("not each site has credentials" in daemon.log(), daemon.log)
            true("ready: " not in daemon.log(), daemon.log)
            true(not os.path.lexists(daemon.socket[5:]), "a socket is left")
            # And this says the same.
            equal(trys3d_run(suite, "-t", "-c", daemon.config,
                             environment=ALONE).returncode, 2)

    with suite.test("in a reload: the old settings stay"):
        daemon = bench.daemon("reload", bench.rgw.site())
        before = daemon.workers(), keeper(daemon)
        good, bad = bench.rgw.site(), bench.site(profile="nobody")
        with Load(daemon) as load:
            reload(daemon, {"site gyazo": good, "site other": bad},
                   "not reloaded: not each site of the new settings has "
                   "credentials.*; the old settings stay")
            load.more()
        equal((daemon.workers(), keeper(daemon)), before)
        true("error: site other: there are no credentials: " in daemon.log(),
             daemon.log)

    with suite.test("a good one is still possible, and has a keeper of its own"):
        with Load(daemon) as load:
            for generation in (3, 4):
                reload(daemon, {"site gyazo": good},
                       f"reloaded: generation {generation} ")
                load.more()
        wait_for(lambda: len(daemon.children()) == 5, "the old ones to end")
        true(keeper(daemon) != before[1], "the same keeper")
        stop(daemon)


class Endpoint:
    """What hands out KEYS as to a container; held until release()."""

    def __init__(self, suite, keys, port=0):
        self._gate = threading.Event()
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            """One request."""

            def do_GET(self):  # pylint: disable=invalid-name
                """Answer when it is time."""
                endpoint.wait()
                text = json.dumps(dict(zip(
                    ("AccessKeyId", "SecretAccessKey", "Token", "Expiration"),
                    keys))).encode()
                with contextlib.suppress(OSError):
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text)

            def log_message(self, format, *args):
                """Nobody wants to know."""

        self._server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/keys"
        threading.Thread(target=self._server.serve_forever,
                         daemon=True).start()
        suite.on_end(self._end)

    def wait(self):
        """Until release()."""
        self._gate.wait()

    def release(self):
        """Answer."""
        self._gate.set()

    def _end(self):
        self._gate.set()
        self._server.shutdown()


def test_late(bench):
    """Those who have credentials do not hand them out yet."""
    suite = bench.suite
    keys = bench.rgw.assume_role(3600)

    with suite.test("an endpoint that is not there yet: 503 until it is"):
        port = free_port()
        daemon = bench.daemon("early", environment={
            "AWS_CONTAINER_CREDENTIALS_FULL_URI":
                f"http://127.0.0.1:{port}/keys"})
        equal(get(daemon), 503)
        daemon.wait_log("error: site gyazo: there are no credentials: .*; "
                        "requests are answered with 503; the next try is in")
        Endpoint(suite, keys, port).release()
        wait_for(lambda: get(daemon) == 200, "credentials", 70)
        daemon.wait_log("site gyazo: credentials found again in .*, good until "
                        r"\d+-\d\d-\d\d \d\d:\d\d:\d\dZ")

    with suite.test("a reload while it is away again: the old settings stay"):
        reload(daemon, {"site gyazo": bench.site(
            web_identity_token_file="/nonexistent/token",
            role_arn="arn:aws:iam::1:role/r")}, "not reloaded: not each site")
        equal(get(daemon), 200)
        keeper(daemon)
        stop(daemon)

    with suite.test("an endpoint that does not answer: workers do not wait for "
                    "ever"):
        endpoint = Endpoint(suite, keys)
        daemon = bench.daemon("held", environment={
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": endpoint.url})
        true("credentials are still looked for: the workers start without"
             in daemon.log(), daemon.log)
        equal(get(daemon), 503)
        endpoint.release()
        wait_for(lambda: get(daemon) == 200, "credentials", 70)
        stop(daemon)


def main():
    """All of it."""
    with Suite() as suite:
        bench = Bench(suite)
        test_killed(bench)
        test_rotation(bench)
        test_locked(bench)
        test_nothing(bench)
        test_late(bench)


if __name__ == "__main__":
    main()

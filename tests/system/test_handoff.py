#!/usr/bin/env python3
"""Hand-off: large objects that nginx fetches by itself, with what trys3d gives
it.  A client sees no difference, nor anything of how it is done; whatever fails
trys3d makes up for; and the worker is free meanwhile."""

import contextlib
import os
import signal
import socket
import subprocess

from canaries import Canaries, core_of
from fastcgi import Fastcgi
from harness import (ENVIRONMENT, Nginx, Rgw, Skip, Suite, Trys3d, equal,
                     free_port, true, wait_for)
from origin import Origin, Pattern
from scene import start_origin

MIB = 1 << 20
LARGE = os.urandom(20_000)
SMALL = os.urandom(2_000)
MTIME = "1354040105.25"
# What is over 4k is handed off, what is over 1k streamed.
SMALL_LIMITS = {"cache": {"max_object": "1k"}}
HANDOFF = {"handoff": "4k"}
OBJECTS = {
    "large.png": (LARGE, {"Content-Type": "image/png"}),
    "small.png": (SMALL, {"Content-Type": "image/png"}),
    "talks.html": (LARGE, {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Disposition": 'attachment; filename="a b.html"',
        "Content-Language": "de", "Cache-Control": "max-age=60",
        "Expires": "Wed, 21 Oct 2065 07:28:00 GMT"}),
    "file.jpg": (LARGE, {
        "Content-Type": "image/jpeg", "x-amz-meta-mtime": MTIME,
        "x-amz-meta-sha256": "00", "x-amz-meta-mode": "100644",
        "x-amz-meta-uid": "0", "x-amz-meta-gid": "0"}),
    "own.bin": (LARGE, {"x-amz-meta-secret": "of the house"}),
    "steers.bin": (LARGE, {"x-amz-meta-x-accel-redirect": "/disk.txt",
                           "x-amz-meta-x-trys3-target": "/private/other"}),
    "x-accel-redirect: @s3_object": (LARGE, {}),
}
HANDED = {"large.png", "talks.html", "file.jpg",
          "x-accel-redirect: @s3_object"}
HOSTILE = {
    "X-Accel-Redirect": "/disk.txt", "X-Trys3-Target": "/private/small.png",
    "X-Trys3-Host": "evil.example", "X-Trys3-Range": "bytes=0-0",
    "X-Trys3-If-Match": '"x"', "Trys3-Handoff": "@evil",
    "Trys3-Client-Method": "DELETE", "X-Amz-Security-Token": "x",
    "Cookie": "session=secret", "Accept-Encoding": "br",
}
KEYS = ["a b", "a+b", "a%b", "a%2Fb", "a?b", "a#b", "a&b=c;d", "\"'",
        "日本/画像.png", "🗻", "a//b", "/lead", "x" * 1024, "~-_.!*'()", "a:b@c"]


def escaped(key):
    """The path a client asks for KEY by; % for all that is not a letter."""
    return "/" + "".join(
        chr(byte) if chr(byte).isalnum() and byte < 128 or byte == 0x2f
        else f"%{byte:02X}" for byte in key.encode())


def seen(answer):
    """What a client sees of ANSWER, as far as it is to be the same: not
    Cache-Status, which says how often S3 was asked."""
    for name, value in answer.headers:
        true(not name.lower().startswith(("x-amz", "x-rgw", "x-trys3",
                                          "x-accel", "x-interim")) and
             "Signature" not in value, lambda: f"{name} is shown")
    return (answer.status, answer.body, answer.is_whole, sorted(
        (name, value) for name, value in answer.headers
        if name not in ("Date", "Cache-Status")))


def questions(answer):
    """Headers with which the object of ANSWER, which is whole, is asked for."""
    tag, date = answer.header("ETag"), answer.header("Last-Modified")
    early = "Tue, 27 Nov 2007 18:15:05 GMT"
    plain = [{}, HOSTILE, {"If-None-Match": tag}, {"If-None-Match": '"x"'},
             {"If-None-Match": "*"}, {"If-Match": tag}, {"If-Match": '"x"'},
             {"If-Modified-Since": date}, {"If-Modified-Since": early},
             {"If-Unmodified-Since": date}, {"If-Unmodified-Since": early}]
    parts = ["bytes=0-9999", "bytes=5000-", "bytes=-9000", "bytes=0-0",
             "bytes=7-9", "bytes=99999999-", "bytes=-0", "bytes=0-1,5-6",
             "bytes=9-2", "lines=1-2"]
    return plain + [{"Range": part} for part in parts] + [
        {"Range": "bytes=0-9999"} | more for more in (
            {"If-Range": tag}, {"If-Range": '"x"'}, {"If-Range": date},
            {"If-Range": early}, {"If-None-Match": tag}, {"If-Match": '"x"'})]


class Handed:
    """How many requests of nginx's own RGW has answered, by status."""

    def __init__(self, rgw):
        self._rgw = rgw
        self._asked = 0

    def count(self):
        """Those since the last call.  RGW writes its log late: a request of
        ours marks the end."""
        self._asked += 1
        mark = f"mark-{id(self)}-{self._asked}"
        self._rgw.s3.request("HEAD", mark)
        requests = wait_for(lambda: self._until(mark), "RGW's log")
        return [status for _, target, status, _ in requests
                if "X-Amz-Signature" in target]

    def _until(self, mark):
        requests = self._rgw.requests()
        targets = [target for _, target, _, _ in requests]
        ends = [at for at, target in enumerate(targets) if mark in target]
        if not ends:
            return None
        begins = [at for at, target in enumerate(targets)
                  if f"mark-{id(self)}-{self._asked - 1}" in target]
        return requests[begins[0] if begins else 0:ends[0]]


def compare(handing, plain, name):
    """HANDING answers each question for NAME as PLAIN does."""
    path = escaped(name)
    first = plain.get(path)
    equal((first.status, first.body), (200, OBJECTS[name][0]))
    for headers in questions(first):
        for method in ("GET", "HEAD"):
            equal(seen(handing.request(method, path, headers)),
                  seen(plain.request(method, path, headers)),
                  f"{method} {name} {headers}")


def test_same(suite, rgw):
    """With and without, by http and TLS, with nginx's cache and without."""
    handed = Handed(rgw)
    for name, (body, headers) in OBJECTS.items():
        rgw.s3.put(name, body, headers)
    for is_tls in (False, True):
        for etag in ("s3", "nginx"):
            way = f"{'TLS' if is_tls else 'http'}, etag = {etag}"
            label = f"{'tls' if is_tls else 'http'}-{etag}"
            site = rgw.site(is_tls=is_tls)
            trys3d = Trys3d(suite, SMALL_LIMITS | {"site main": by_name(
                rgw, is_tls, etag=etag, **HANDOFF)}, name=f"trys3d-{label}")
            plain = Nginx(suite, trys3d.socket, False, name=f"plain-{label}")
            nginx = Nginx(suite, trys3d.socket, False, name=f"hands-{label}",
                          handoff=site)
            cached = Nginx(suite, trys3d.socket, True, name=f"cached-{label}",
                           handoff=site)
            for key in OBJECTS:
                with suite.test(f"{way}: {key}: every answer is the same"):
                    handed.count()
                    compare(nginx, plain, key)
                    statuses = handed.count()
                    equal(bool(statuses), key in HANDED, "handed off")
                    equal([status for status in statuses
                           if status not in (200, 206)], [])
            with suite.test(f"{way}: also with nginx's cache, where the object "
                            "is handed off"):
                for key in sorted(HANDED):
                    compare(cached, plain, key)
                equal([status for status in handed.count()
                       if status not in (200, 206)], [])
            with suite.test(f"{way}: Cache-Status is trys3d's"):
                for one in (nginx, cached):
                    equal(one.get("/large.png").all("Cache-Status"),
                          ["trys3; fwd=bypass; fwd-status=200"])
            for process in (plain, nginx, cached, trys3d):
                process.stop()


def test_keys(suite, rgw):
    """What is asked of S3 is the very key."""
    handed = Handed(rgw)
    site = rgw.site(is_tls=True)
    trys3d = Trys3d(suite, SMALL_LIMITS | {
        "site main": by_name(rgw, **HANDOFF)}, name="trys3d-keys")
    nginx = Nginx(suite, trys3d.socket, False, name="nginx-keys", handoff=site)
    with suite.test("keys are exact"):
        for number, key in enumerate(KEYS):
            rgw.s3.put(key, bytes([number]) * 5000)
        handed.count()
        for number, key in enumerate(KEYS):
            answer = nginx.get(escaped(key))
            true((answer.status, answer.body) ==
                 (200, bytes([number]) * 5000), key)
        equal(handed.count(), [200] * len(KEYS))

    with suite.test("no path leads to where it is handed off"):
        for path in ("/@s3_object", "/%40s3_object", "/s3_object",
                     "/trys3_s3", "//@s3_object"):
            equal(nginx.get(path, HOSTILE).status, 404, path)
        equal(nginx.get("/large.png", is_authorized=False).status, 401)

    with suite.test("credentials with a session token"):
        key, secret, token, _ = rgw.assume_role(900)
        own = by_name(rgw, access_key_id=key, secret_access_key=secret,
                      session_token=token, **HANDOFF)
        trys3d = Trys3d(suite, SMALL_LIMITS | {
            "daemon": {"workers": 1}, "site main": own}, name="trys3d-token")
        tokened = Nginx(suite, trys3d.socket, False, name="nginx-token",
                        handoff=site)
        handed.count()
        true(tokened.get("/large.png").body == LARGE, "other bytes")
        equal(handed.count(), [200])

    with suite.test("of the token, nothing is left in the worker"):
        canaries = Canaries()
        canaries.plant("the token", token)
        canaries.plant("the secret", secret)
        worker, = trys3d.workers()
        for left in (True, False):
            core = core_of(suite, worker, is_whole=left)
            if left:
                true(canaries.find(core), "what is left out of a core is not "
                     "found where nothing is")
            else:
                canaries.is_clean(core, "the core of the worker")


def by_name(rgw, is_tls=True, **more):
    """Settings of a [site] for RGW by its name: nginx holds no certificate
    against an address."""
    site = rgw.site(is_tls=is_tls, **more)
    return site | {"endpoint": site["endpoint"].replace(
        "127.0.0.1", rgw.values["S3_DOMAIN"])}


def presigned(origin, key):
    """What nginx asked for KEY by itself."""
    return [request for request in origin.requests()
            if request.target.startswith(f"/private/{key}?")]


FAULTS = {
    "the object has gone": {"error": "NoSuchKey"},
    "another has taken its place": {"error": "PreconditionFailed"},
    "the URL has run out": {"error": "AccessDenied", "status": 403},
    "S3 is busy": {"error": "SlowDown"},
    "S3 fails": {"error": "InternalError"},
    "S3 hangs up": {"drop": True},
    "S3 resets": {"drop": "reset"},
    "S3 sends it elsewhere": {"error": "TemporaryRedirect",
                              "headers": {"Location": "http://127.0.0.1:1/"}},
    "S3 says 304": {"status": 304},
    "S3 wants to be paid": {"status": 402, "body": "<Error/>"},
}


def start(suite, origin, name, **more):
    """(trys3d of one worker, nginx that hands off) for ORIGIN."""
    site = origin.site(**HANDOFF)
    trys3d = Trys3d(suite, SMALL_LIMITS | {
        "daemon": {"workers": 1, "answer_timeout": "2s"}, "site main": site},
        name=f"trys3d-{name}")
    return trys3d, Nginx(suite, trys3d.socket, False, name=f"nginx-{name}",
                         handoff=site | more)


def test_faults(suite):
    """What S3 says to nginx, and not to trys3d."""
    origin = start_origin(suite)
    trys3d, nginx = start(suite, origin, "faults")
    for name, step in FAULTS.items():
        with suite.test(f"{name}: trys3d brings it"):
            origin.put("/private/a", LARGE, {"Content-Disposition": "inline",
                                             "Cache-Control": "max-age=7"})
            origin.clear()
            origin.script("/private/a?", [step | {"times": 0}])
            answer = nginx.get("/a")
            equal((answer.status, answer.is_whole), (200, True))
            true(answer.body == LARGE, "other bytes")
            equal((answer.header("Content-Disposition"),
                   answer.header("Cache-Control")), ("inline", "max-age=7"))
            true(presigned(origin, "a"), "nginx did not ask")
            equal(len(origin.requests("/private/a")), 2)

        with suite.test(f"{name}: it does not, so it is an error of ours"):
            origin.script("/private/a", [{"object": True, "status": 200},
                                         {"error": "SlowDown", "times": 0}])
            answer = nginx.get("/a")
            equal((answer.status, answer.body),
                  (503, b"503 Service Unavailable\n"))
            equal((answer.header("Cache-Control"),
                   answer.header("Content-Disposition"),
                   answer.header("ETag")), (None, None, None))

    with suite.test("gone for both: 404"):
        origin.clear()
        origin.script("/private/a", [{"object": True, "status": 200},
                                     {"error": "NoSuchKey"}])
        origin.script("/private/a?", [{"error": "NoSuchKey"}])
        answer = nginx.get("/a")
        equal((answer.status, answer.body), (404, b"404 Not Found\n"))
        equal(answer.header("Cache-Control"), None)

    with suite.test("what breaks off in the middle is seen to be broken"):
        origin.clear()
        for step in ({"break_after": 9000}, {"reset_after": 9000}):
            origin.script("/private/a?", [step])
            answer = nginx.get("/a")
            true(not answer.is_whole, "a short answer looks whole")

    with suite.test("S3's headers steer nothing and are not shown"):
        origin.clear()
        origin.script("/private/a?", [{"headers": {
            "X-Accel-Redirect": "/disk.txt", "Set-Cookie": "a=b",
            "X-Accel-Limit-Rate": "1", "x-amz-id-2": "x", "Vary": "Cookie",
            "Cache-Control": "public", "x-amz-meta-mtime": "1"}}])
        nginx.put_file("disk.txt", b"on the disk")
        answer = nginx.get("/a")
        equal((answer.status, answer.body == LARGE), (200, True))
        seen(answer)
        equal((answer.all("Set-Cookie"), answer.all("Vary"),
               answer.all("Cache-Control")), ([], [], ["max-age=7"]))

    with suite.test("nothing of the client's reaches S3"):
        origin.clear()
        nginx.get("/a?secret=1", HOSTILE | {"Range": "bytes=0-9998"})
        request, = presigned(origin, "a")
        equal(request.names(), ["host", "range", "if-match"])
        equal(request.header("range"), "bytes=0-9998")
        true("secret" not in request.target, request.target)

    with suite.test("nginx keeps its connections to S3"):
        origin.clear()
        for _ in range(10):
            true(nginx.get("/a").body == LARGE, "other bytes")
        asked = presigned(origin, "a")
        equal(len(asked), 10)
        # One for each of its two processes.
        true(len({request.connection for request in asked}) <= 2,
             "a connection for each")

    with suite.test("what is small is asked for once, and what cannot be "
                    "pinned is not handed off"):
        origin.put("/private/small", SMALL)
        origin.put("/private/weak", LARGE, {"ETag": 'W/"1"'})
        for key, body in (("small", SMALL), ("weak", LARGE)):
            origin.clear()
            true(nginx.get(f"/{key}").body == body, key)
            equal([request.target for request in origin.requests()],
                  [f"/private/{key}"])
    trys3d.stop()


def test_reach(suite):
    """S3 is not where nginx looks for it, or is someone else."""
    origin = start_origin(suite)
    origin.put("/private/a", LARGE)
    _, nginx = start(suite, origin, "nowhere",
                     endpoint=f"http://127.0.0.1:{free_port()}")
    with suite.test("nginx cannot reach S3: trys3d brings it"):
        true(nginx.get("/a").body == LARGE, "other bytes")
        equal(presigned(origin, "a"), [])


def test_certificate(suite, rgw):
    """S3 shows nginx a certificate of nobody it trusts."""
    site = rgw.site(is_tls=True)
    other = suite.folder / "other.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=other",
                    "-keyout", suite.folder / "other.key", "-out", other],
                   env=ENVIRONMENT, check=True, capture_output=True)
    trys3d = Trys3d(suite, SMALL_LIMITS | {
        "site main": by_name(rgw, **HANDOFF)}, name="trys3d-certificate")
    nginx = Nginx(suite, trys3d.socket, False, name="nginx-certificate",
                  handoff=site | {"ca_file": other})
    handed = Handed(rgw)
    with suite.test("S3's certificate is none of those that are trusted: the "
                    "URL is not said, trys3d brings it"):
        handed.count()
        true(nginx.get("/large.png").body == LARGE, "other bytes")
        equal(handed.count(), [])
        true("certificate" in nginx.error_log(), "nothing is said")


def test_disagree(suite, rgw):
    """trys3d offers what nginx does not take."""
    site = rgw.site(**HANDOFF)
    trys3d = Trys3d(suite, SMALL_LIMITS | {"site main": site},
                    name="trys3d-disagree")
    client = Fastcgi(trys3d.socket)
    with suite.test("without TRYS3_HANDOFF nothing is handed off"):
        answer = client.get("/large.png")
        true(answer.body == LARGE, "other bytes")

    with suite.test("an nginx that does not act on it shows no whole answer, "
                    "and no URL"):
        for is_cached in (False, True):
            nginx = Nginx(suite, trys3d.socket, is_cached, handoff=site,
                          name=f"nginx-disagree-{is_cached}")
            with open(nginx.folder / "trys3" / "handoff.conf", "a",
                      encoding="ascii") as file:
                file.write("fastcgi_ignore_headers X-Accel-Redirect;\n")
            # Else an old one might yet answer.
            old = set(nginx.children())
            nginx.kill(signal.SIGHUP)
            wait_for(lambda nginx=nginx, old=old: nginx.children() and
                     not old & set(nginx.children()),
                     "nginx's workers to be replaced")
            answers = wait_for(lambda nginx=nginx: broken(nginx),
                               "nginx to ignore X-Accel-Redirect")
            true(all(b"Signature" not in answer for answer in answers),
                 "the URL shows")
            true(broken(nginx), "it was kept")
            true(nginx.get("/small.png").body == SMALL, "what is small comes")


def broken(nginx):
    """What comes for the large object, with GET and HEAD, where the GET is not
    a whole answer; else None."""
    answers = []
    for method in ("GET", "HEAD"):
        with socket.create_connection(("127.0.0.1", nginx.port)) as client:
            client.sendall(f"{method} /large.png HTTP/1.1\r\nHost: x\r\n"
                           f"Authorization: {nginx.authorization}\r\n"
                           "Connection: close\r\n\r\n".encode())
            answers.append(client.makefile("rb").read())
    return None if LARGE in answers[0] or answers[0].endswith(
        b"\r\n0\r\n\r\n") else answers


def test_free(suite):
    """One worker, and clients that take nothing."""
    origin = start_origin(suite)
    origin.put("/private/film", Pattern(64 * MIB))
    origin.put("/private/b", SMALL)
    _, nginx = start(suite, origin, "free")
    with suite.test("clients that do not read hold no worker"), \
            contextlib.ExitStack() as open_ones:
        for _ in range(5):
            slow = open_ones.enter_context(
                socket.create_connection(("127.0.0.1", nginx.port)))
            slow.sendall(f"GET /film HTTP/1.1\r\nHost: x\r\nAuthorization: "
                         f"{nginx.authorization}\r\n\r\n".encode())
            true(slow.recv(4096).startswith(b"HTTP/1.1 200"), "it began")
        equal(len(presigned(origin, "film")), 5)
        true(nginx.get("/b").body == SMALL, "others are served")
        part = nginx.get("/film", {"Range": "bytes=60000000-60009999"})
        true(part.body == Pattern(64 * MIB)[60000000:60010000], "other bytes")


def main():
    """All of it."""
    with Suite(600) as suite:
        test_faults(suite)
        test_reach(suite)
        test_free(suite)
        try:
            rgw = Rgw(suite)
        except Skip as skip:
            suite.skip("everything real", skip)
            return
        test_same(suite, rgw)
        test_keys(suite, rgw)
        test_certificate(suite, rgw)
        test_disagree(suite, rgw)


main()

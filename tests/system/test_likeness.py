#!/usr/bin/env python3
"""A file that moved from nginx's disk to the bucket: with etag = nginx the
answer is the same as before, header by header, from S3, from memcached and
from nginx's cache."""

import hashlib
import os

from harness import Memcached, Nginx, Rgw, Suite, Trys3d, equal, true
from scene import Scene, check_body, check_headers, start_origin

# An odd second, and nearly the next; not today's.
SECONDS, NANOSECONDS = 1354040105, 999999999
MTIME = f"{SECONDS}.{NANOSECONDS}"
DATE = "Tue, 27 Nov 2012 18:15:05 GMT"
BEFORE = "Tue, 27 Nov 2012 18:15:04 GMT"
AFTER = "Tue, 27 Nov 2012 18:15:06 GMT"
FILES = {
    "small.png": bytes(range(100)),
    "page.html": b"<p>a page</p>\n" * 1000,
    "without-type": b"?",
    "empty.txt": b"",
    # Over max_object: streamed.
    "large.jpg": hashlib.sha256(b"large").digest() * 40000,
}
SMALL = FILES["small.png"]
COMPARED = ("Content-Type", "Content-Length", "Content-Range", "Last-Modified",
            "ETag")
# No time, whoever wrote it.
HOSTILE = ["-1", "+1", "1e9", "99999999999999", "253402300800", "1.", ".5",
           "1.1234567890", "1 1", "1,5", "0x10", "now",
           "2012-11-27T18:15:05Z", "1" * 1000]


def file_tag(body):
    """The ETag that nginx makes for a file of BODY."""
    return f'"{SECONDS:x}-{len(body):x}"'


def md5_tag(body):
    """The ETag of BODY in the bucket."""
    return f'"{hashlib.md5(body).hexdigest()}"'


def questions(body):
    """(method, headers) with which a file of BODY is asked for."""
    tag = file_tag(body)
    parts = [
        {"Range": "bytes=0-9"}, {"Range": "bytes=1-"}, {"Range": "bytes=-2"},
        {"Range": "bytes=9999999-"},
        {"Range": "bytes=0-0", "If-Range": tag},
        {"Range": "bytes=0-0", "If-Range": DATE},
        {"Range": "bytes=0-0", "If-None-Match": tag},
    ] if body else []  # Of nothing trys3d says 416, nginx 200.
    parts += [{"Range": "bytes=0-0", "If-Range": other}
              for other in (BEFORE, AFTER, '"a"', md5_tag(body))]
    return [(method, headers) for headers in (
        {}, {"If-Modified-Since": DATE}, {"If-Modified-Since": BEFORE},
        # nginx goes by the very date, since a file's can go back.
        {"If-Modified-Since": AFTER}, {"If-Modified-Since": "garbage"},
        {"If-None-Match": tag}, {"If-None-Match": f'"a", W/{tag}'},
        {"If-None-Match": "*"}, {"If-None-Match": '"a"'},
        {"If-None-Match": md5_tag(body)},
        {"If-None-Match": tag, "If-Modified-Since": DATE},
        {"If-Match": tag}, {"If-Match": '"a"'}, {"If-Match": md5_tag(body)},
        {"If-Unmodified-Since": DATE}, {"If-Unmodified-Since": BEFORE},
        {"If-Unmodified-Since": AFTER},
    ) for method in ("GET", "HEAD")] + [("GET", headers) for headers in parts]


def ask(nginx, name):
    """What nginx answers to each question for NAME, as far as it is to stay
    the same: of errors the text is not."""
    answers = []
    for method, headers in questions(FILES[name]):
        answer = nginx.request(method, "/" + name, headers)
        true(answer.is_whole, f"{method} {headers} was cut")
        shown = (answer.status, answer.body) + tuple(
            answer.header(header) for header in COMPARED)
        answers.append(shown if answer.status < 400 else shown[:1])
        if answer.status in (200, 206, 304):
            equal((answer.header("Last-Modified"), answer.header("ETag")),
                  (DATE, file_tag(FILES[name])), f"{method} {headers}")
    return answers


def put_file(nginx, name):
    """Put NAME on the disk of NGINX."""
    nginx.put_file(name, FILES[name])
    os.utime(nginx.root / name, ns=(0, SECONDS * 10**9 + NANOSECONDS))


def compare(nginx, name, before):
    """Ask for NAME twice, that it be from a cache if there is one."""
    for which in ("first", "second"):
        for asked, was, now in zip(questions(FILES[name]), before,
                                   ask(nginx, name)):
            equal(now, was, f"{name}, {which} time: {asked}")


class Bench:
    """A bucket, a memcached, and the daemons before them."""

    def __init__(self, suite):
        self.suite = suite
        self.rgw = Rgw(suite)
        self.memcached = Memcached(suite, is_unix=True)
        self._count = 0

    def daemon(self, has_memcached, **site):
        """A trys3d with SITE's settings."""
        self._count += 1
        cache = {"servers": self.memcached.address} if has_memcached else {}
        return Trys3d(self.suite, {"cache": cache,
                                   "site main": self.rgw.site(**site)},
                      name=f"trys3d-{self._count}")

    def nginx(self, daemon, is_cached=False):
        """An nginx before DAEMON."""
        return Nginx(self.suite, daemon.socket, is_cached=is_cached,
                     name=f"nginx-{daemon.name}-{is_cached}")

    def move(self, nginx, name, content_type):
        """Put NAME into the bucket as trys3 does, and off the disk."""
        body = FILES[name]
        self.rgw.s3.put(name, body, {
            "Content-Type": content_type, "x-amz-meta-mtime": MTIME,
            "x-amz-meta-sha256": hashlib.sha256(body).hexdigest(),
            "x-amz-meta-mode": "100644", "x-amz-meta-uid": "1000",
            "x-amz-meta-gid": "1000"})
        (nginx.root / name).unlink()

    def stored_date(self, key):
        """The Last-Modified of KEY in the bucket."""
        return self.rgw.s3.request("HEAD", key).header("Last-Modified")


def test_moves(bench):
    """Each file over each way."""
    for has_memcached in (False, True):
        daemon = bench.daemon(has_memcached, etag="nginx")
        for is_cached in (False, True):
            nginx = bench.nginx(daemon, is_cached)
            label = (f"{'memcached' if has_memcached else 'S3'}, "
                     f"{'with' if is_cached else 'without'} nginx's cache")
            for name in FILES:
                with bench.suite.test(f"{label}: {name} is answered as "
                                      "before"):
                    put_file(nginx, name)
                    before = ask(nginx, name)
                    local = nginx.get("/" + name)
                    equal(local.all("Cache-Status"), [])
                    bench.move(nginx, name, local.header("Content-Type"))
                    compare(nginx, name, before)
                    moved = nginx.get("/" + name)
                    check_headers(moved)
                    true(moved.all("Cache-Status"), "it is still local")


def test_settings(bench):
    """What memcached holds is good for both values of etag."""
    for etag, tag in (("s3", md5_tag(SMALL)), ("nginx", file_tag(SMALL)),
                      ("s3", md5_tag(SMALL))):
        with bench.suite.test(f"the same entry of memcached, etag = {etag}"):
            nginx = bench.nginx(bench.daemon(True, etag=etag))
            answer = nginx.get("/small.png")
            equal(answer.header("Cache-Status"), "trys3; hit")
            equal((answer.header("ETag"), answer.header("Last-Modified")),
                  (tag, DATE))
            for headers, status in (({"If-None-Match": tag}, 304),
                                    ({"If-Modified-Since": DATE}, 304),
                                    ({"If-None-Match": '"a"'}, 200)):
                equal(nginx.get("/small.png", headers).status, status, headers)


def test_hostile(bench):
    """What is no time is as if there were none."""
    nginx = bench.nginx(bench.daemon(True, etag="nginx"))
    for number, value in enumerate(HOSTILE + [None]):
        with bench.suite.test(f"a time of {str(value)[:24]!r} is none"):
            key = f"hostile-{number}"
            bench.rgw.s3.put(key, SMALL, {"Content-Type": "image/png"} | (
                {"x-amz-meta-mtime": value} if value else {}))
            stored = bench.stored_date(key)
            for _ in range(2):
                answer = nginx.get("/" + key)
                check_headers(answer)
                equal((answer.status, answer.body, answer.header("ETag"),
                       answer.header("Last-Modified")),
                      (200, SMALL, md5_tag(SMALL), stored))
            equal(answer.header("Cache-Status"), "trys3; hit")
            equal(nginx.get("/" + key, {"If-Modified-Since":
                                        "Thu, 01 Jan 2099 00:00:00 GMT"}
                            ).status, 304)


def test_bounds(bench):
    """The first second and the last."""
    nginx = bench.nginx(bench.daemon(False, etag="nginx"))
    for value, date, tag in (
            ("0", "Thu, 01 Jan 1970 00:00:00 GMT", '"0-64"'),
            ("253402300799.999999999", "Fri, 31 Dec 9999 23:59:59 GMT",
             '"3afff4417f-64"')):
        with bench.suite.test(f"a time of {value} is shown"):
            bench.rgw.s3.put("bound", SMALL, {"x-amz-meta-mtime": value})
            answer = nginx.get("/bound")
            equal((answer.header("Last-Modified"), answer.header("ETag")),
                  (date, tag))


def test_faults(suite):
    """What S3 said of the object is still what it is asked by."""
    scene = Scene(suite, start_origin(suite), "faults", is_cached=False,
                  site={"etag": "nginx"})
    large = FILES["large.jpg"]
    times = {"x-amz-meta-mtime": MTIME}
    for asked, body, status in (({}, large, 200),
                                ({"Range": "bytes=100-"}, large[100:], 206)):
        with suite.test(f"what breaks off goes on by S3's tag: {status}"):
            path = scene.put(f"broken {status}", large,
                             [{"break_after": 200_000}], times)
            answer = scene.uncached.get(path, asked)
            check_body(answer, body, status)
            equal(answer.header("ETag"), file_tag(large))
            equal([request.header("if-match") for request
                   in scene.asked(path)], [None, md5_tag(large)])

    for name, body, tag in (("small", SMALL, file_tag(SMALL)),
                            ("large", large, None)):
        with suite.test(f"S3 sends no length, {name}: "
                        f"{'an' if tag else 'no'} ETag"):
            path = scene.put(f"chunked {name}", body,
                             [{"framing": "chunked"}], times)
            answer = scene.uncached.get(path)
            check_body(answer, body)
            equal((answer.header("ETag"), answer.header("Last-Modified")),
                  (tag, DATE))

    with suite.test("the time comes twice: the first counts"):
        path = scene.put("twice", SMALL, [{"headers": {
            "x-amz-meta-mtime": [MTIME, "1"]}}])
        equal(scene.uncached.get(path).header("ETag"), file_tag(SMALL))


with Suite() as tests:
    it = Bench(tests)
    test_moves(it)
    test_settings(it)
    test_hostile(it)
    test_bounds(it)
    test_faults(tests)

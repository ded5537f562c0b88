#!/usr/bin/env python3
"""Bodies of S3 that break off, change or come oddly, its headers, and how long
what came is kept: what no real server gives on demand."""

from typing import NamedTuple

from harness import Memcached, Suite, equal, true, wait_for
from scene import (DATE, LARGE, QUICK, SMALL, Scene, always, check_body,
                   check_headers, check_healed, check_text, plain,
                   start_origin, tag)


# ---- Bodies that break off ----

class Break(NamedTuple):
    """A body that breaks off and is resumed."""
    name: str
    body: bytes
    steps: list
    ranges: list  # of the requests that follow
    asked: str = None  # the reader's own range
    part: slice = slice(None)


LAST = len(LARGE) - 1
BREAKS = [
    Break("small", SMALL, [{"break_after": 1000}], ["bytes=1000-9999"]),
    Break("small, before the first byte", SMALL, [{"break_after": 0}],
          ["bytes=0-9999"]),
    Break("large", LARGE, [{"break_after": 1_000_001}],
          [f"bytes=1000001-{LAST}"]),
    Break("large, before the first byte", LARGE, [{"break_after": 0}],
          [f"bytes=0-{LAST}"]),
    Break("large, four times", LARGE, [
        {"break_after": 1}, {"break_after": 65_535}, {"break_after": 1},
        {"break_after": 2_900_000}],
          [f"bytes={first}-{LAST}" for first in (1, 65_536, 65_537,
                                                 2_965_537)]),
    Break("large, with 503 in between", LARGE, [
        {"break_after": 2_000_000}, {"error": "SlowDown"}, {"drop": True}],
          [f"bytes=2000000-{LAST}"] * 3),
    Break("large, resumed by a server without ranges", LARGE, [
        {"break_after": 2_000_000}, {"ignore_range": True}],
          [f"bytes=2000000-{LAST}"]),
    Break("small, chunked", SMALL, [{"framing": "chunked",
                                     "break_after": 1000}],
          ["bytes=1000-"]),
    Break("large, chunked", LARGE, [{"framing": "chunked",
                                     "break_after": 2_000_000}],
          ["bytes=2000000-"]),
    Break("a range of a small one", SMALL, [{"break_after": 100}],
          ["bytes=600-9999"], "bytes=500-", slice(500, None)),
    Break("a range of a large one", LARGE, [{"break_after": 1_500_000}],
          [f"bytes=1500500-{LAST - 1}"], f"bytes=500-{LAST - 1}",
          slice(500, LAST)),
    Break("the end of a large one", LARGE, [{"break_after": 1_500_000}],
          [f"bytes=2500000-{LAST}"], "bytes=-2000000",
          slice(-2_000_000, None)),
]


def test_breaks(suite, scene):
    """Resumed by Range and If-Match, and the reader notices nothing."""
    for row in BREAKS:
        with suite.test(f"broken off: {row.name}: resumed where it broke"):
            path = scene.put(f"broken {row.name}", row.body, row.steps)
            if row.asked:
                check_body(scene.uncached.get(path, {"Range": row.asked}),
                           row.body[row.part], 206)
            else:
                check_body(scene.cached.get(path), row.body)
            first, *others = scene.asked(path)
            equal((first.header("Range"), first.header("If-Match")),
                  (row.asked, None))
            equal([request.header("Range") for request in others], row.ranges)
            equal({request.header("If-Match") for request in others},
                  {tag(row.body)})
            true(all("range;" in request.header("Authorization") and
                     "if-match;" in request.header("Authorization")
                     for request in others), "Range or If-Match is not signed")
            equal(scene.said(), [])

    with suite.test("broken off by a reset: resumed"):
        path = scene.put("broken reset", LARGE, [{"reset_after": 2_000_000}])
        check_body(scene.cached.get(path), LARGE)
        equal(scene.asked(path)[1].header("If-Match"), tag(LARGE))

    with suite.test("broken off, without an ETag: resumed by its date"):
        path = scene.put("broken untagged", LARGE, [{"break_after": 2_000_000}],
                         {"ETag": None})
        check_body(scene.cached.get(path), LARGE)
        equal([scene.asked(path)[1].header(name)
               for name in ("Range", "If-Match")],
              [f"bytes=2000000-{LAST}", None])


OLD = "o" * 10_000
OLD_LARGE = "o" * len(LARGE)
# What S3 says of the object that has taken its place, and what a small one's
# reader then gets: the new one whole, or none.
CHANGES = [
    ("412", {}, SMALL),
    ("206 of another tag", {
        "status": 206, "body": "n" * 5000,
        "headers": {"ETag": '"new"', "Content-Range": "bytes 5000-9999/10000",
                    "Last-Modified": DATE}}, 503),
    ("206 of another size", {
        "status": 206, "body": "n" * 5000,
        "headers": {"Content-Range": "bytes 5000-9999/20000",
                    "ETag": tag(OLD.encode()), "Last-Modified": DATE}}, 503),
    ("206 without a tag", {
        "status": 206, "body": "n" * 5000,
        "headers": {"Content-Range": "bytes 5000-9999/10000",
                    "Last-Modified": DATE}}, 503),
    ("200 of another tag", plain("n" * 10_000), b"n" * 10_000),
    ("404", {"error": "NoSuchKey"}, 404),
    ("403", {"error": "AccessDenied"}, 404),
    ("416", {"error": "InvalidRange"}, 503),
]


def scaled(step, body):
    """A step of CHANGES for the large object."""
    text = step.get("body", "")
    step = step | {"body": text * (len(LARGE) // 10_000)}
    if "Content-Range" in step.get("headers", {}):
        size = len(LARGE) * (2 if "/2" in step["headers"]["Content-Range"]
                             else 1)
        step["headers"] = step["headers"] | {
            "Content-Range": f"bytes {len(body) // 2}-{len(body) - 1}/{size}"}
        if step["headers"].get("ETag") == tag(OLD.encode()):
            step["headers"]["ETag"] = tag(body.encode())
    return step


def test_changed(suite, scene):
    """The object is replaced in the middle of its body."""
    for name, step, wanted in CHANGES:
        with suite.test(f"replaced meanwhile: {name}: a small one is fetched "
                        "anew"):
            path = scene.put(
                f"replaced {name}", SMALL, [plain(OLD, break_after=5000)] +
                ([step | {"times": 0}] if step else []))
            if isinstance(wanted, int):
                check_text(scene.cached.get(path), wanted)
            else:
                check_body(scene.cached.get(path), wanted)
            if wanted == 503:
                check_healed(scene, path)
        with suite.test(f"replaced meanwhile: {name}: a large one fails"):
            path = scene.put(
                f"replaced large {name}", LARGE,
                [plain(OLD_LARGE, break_after=len(LARGE) // 2)] +
                ([scaled(step, OLD_LARGE) | {"times": 0}] if step else []))
            answer = scene.cached.get(path)
            equal((answer.status, answer.is_whole, answer.is_late),
                  (200, False, False))
            true(set(answer.body) <= {ord("o")}, "mixed")
            scene.check_said("warning", path, "")
            check_healed(scene, path, LARGE)

    for name, headers, step in (
            ("without tag and date", {"ETag": None, "Last-Modified": None},
             {"break_after": 100}),
            ("with a weak tag and no date", {"ETag": 'W/"a"',
                                             "Last-Modified": None},
             {"break_after": 100}),
            ("of a length that is a lie", {},
             {"content_length": 20_000, "close": True})):
        with suite.test(f"broken off: a small one {name} is fetched anew"):
            path = scene.put(f"broken {name}", steps=[step], headers=headers)
            check_body(scene.cached.get(path), SMALL)
            equal(scene.asked(path)[-1].header("Range"), None)


# ---- Answers that are odd, and right ----

def test_framing(suite, scene):
    """Lengths, chunks, 1xx."""
    for name, body, step, length in (
            ("empty", b"", {}, "0"),
            ("empty, chunked", b"", {"framing": "chunked"}, "0"),
            ("small, chunked", SMALL, {"framing": "chunked"}, "10000"),
            ("large, chunked", LARGE, {"framing": "chunked"}, None),
            ("in drips", SMALL, {"drip": [1000, 1]}, "10000"),
            ("after 100 and 103", SMALL, {"interim": [100, 103]}, "10000"),
            ("after which S3 closes", SMALL, {"close": True}, "10000")):
        with suite.test(f"odd: {name}"):
            path = scene.put(f"odd {name}", body, always(**step))
            answer = scene.uncached.get(path)
            check_body(answer, body)
            equal(answer.header("Content-Length"), length)
            for _ in range(2):
                check_body(scene.cached.get(path), body)
            equal(scene.said(), [])


def test_ranges(suite, scene):
    """Servers that know ranges badly."""
    wanted = {"Range": "bytes=5-9"}
    for name, steps, status, asked in (
            ("200 to a range", [{"ignore_range": True}], 206, 1),
            ("206 of another range, once", [{
                "status": 206, "body": "abcdef",
                "headers": {"Content-Range": "bytes 0-5/10000"}}], 206, 2),
            ("206 without Content-Range, once",
             [{"status": 206, "body": "abcde"}], 206, 2),
            ("206 of other bytes than it says, once", [{
                "status": 206, "body": "abcdefg",
                "headers": {"Content-Range": "bytes 5-9/10000"}}], 206, 2),
            ("416 to a range that is there, once",
             [{"error": "InvalidRange"}], 206, 3),
            ("416 to a range that is there, twice",
             [{"error": "InvalidRange"}, {}, {"error": "InvalidRange"}],
             206, 5)):
        with suite.test(f"ranges: {name}"):
            path = scene.put(f"ranges {name}", steps=steps)
            answer = scene.uncached.get(path, wanted)
            check_body(answer, SMALL[5:10], status)
            equal(answer.header("Content-Range"), "bytes 5-9/10000")
            equal(len(scene.asked(path)), asked)

    with suite.test("ranges: 200 to a range of a large object is the whole"):
        path = scene.put("ranges large", LARGE, [{"ignore_range": True}])
        check_body(scene.uncached.get(path, wanted), LARGE)
    for name, headers in (("without", None), ("with", {
            "Content-Range": "bytes */10000"})):
        with suite.test(f"ranges: 416 {name} Content-Range tells the size"):
            path = scene.put(f"ranges 416 {name}", steps=[
                {"error": "InvalidRange", "headers": headers or {}}])
            answer = scene.uncached.get(path, {"Range": "bytes=10000-"})
            equal((answer.status, answer.header("Content-Range")),
                  (416, "bytes */10000"))
            check_headers(answer)
            equal(scene.said(), [])


def test_headers(suite, scene):
    """What passes of S3's headers."""
    for name, given, seen in (
            ("aws-chunked", "aws-chunked", None),
            ("aws-chunked before gzip", "aws-chunked,gzip", "gzip"),
            ("aws-chunked behind gzip", "gzip, aws-chunked", "gzip"),
            ("gzip", "gzip", "gzip")):
        with suite.test(f"headers: Content-Encoding: {name}"):
            path = scene.put(f"headers {name}", steps=always(
                headers={"Content-Encoding": given}))
            for _ in range(2):
                answer = scene.cached.get(path)
                check_body(answer, SMALL)
                equal(answer.header("Content-Encoding"), seen)

    foreign = {
        "x-amz-meta-secret": "s3cret", "x-amz-id-2": "s3cret",
        "x-amz-request-id": "s3cret", "x-amz-version-id": "s3cret",
        "Set-Cookie": "a=s3cret", "Server": "s3cret", "Via": "s3cret",
        "Location": "/s3cret", "Status": "418 s3cret", "Vary": "s3cret",
        "X-Accel-Redirect": "/s3cret", "X-Accel-Expires": "s3cret",
        "X-Accel-Buffering": "no", "WWW-Authenticate": "s3cret",
        "Refresh": "0; s3cret", "Link": "<s3cret>", "Age": "5",
        "Access-Control-Allow-Origin": "s3cret",
        "Strict-Transport-Security": "s3cret",
    }
    for name, steps, status in (
            ("200", always(headers=foreign), 200),
            ("404", always(error="NoSuchKey", headers=foreign), 404),
            ("500", always(error="NoSuchBucket", headers=foreign,
                           message="s3cret"), 500)):
        with suite.test(f"headers: nothing of S3's passes with {name}"):
            path = scene.put(f"headers foreign {name}", steps=steps)
            for nginx in (scene.cached, scene.uncached):
                for method in ("GET", "HEAD"):
                    answer = nginx.request(method, path)
                    equal(answer.status, status)
                    check_headers(answer)
                    true("s3cret" not in str(answer.headers) and
                         b"s3cret" not in answer.body, "it passes")
                    true(b"<" not in answer.body or status == 200, "XML")

    with suite.test("headers: of two copies the first counts"):
        path = scene.put("headers twice", steps=always(headers={
            "Content-Type": ["image/png", "text/html"],
            "ETag": [tag(SMALL), '"b"'],
            "Last-Modified": [DATE, "Thu, 01 Jan 1970 00:00:00 GMT"],
            "Cache-Control": ["max-age=60", "no-store"],
            "Content-Length": ["10000", "10000"],
            "Content-Disposition": ["inline", "attachment"]}))
        answer = scene.cached.get(path)
        check_body(answer, SMALL)
        equal([answer.header(name) for name in (
            "Content-Type", "ETag", "Last-Modified", "Cache-Control",
            "Content-Disposition")],
              ["image/png", tag(SMALL), DATE, "max-age=60", "inline"])

    with suite.test("headers: a header that holds a control character is "
                    "dropped"):
        path = scene.put("headers control", steps=always(headers={
            "Content-Language": "a\x01b", "Content-Disposition": "x\ty"}))
        answer = scene.uncached.get(path)
        check_body(answer, SMALL)
        equal(answer.header("Content-Language"), None)


def test_large_headers(suite, scene):
    """An answer's head has a limit."""
    with suite.test("headers: one of 20,000 bytes is dropped"):
        path = scene.put("headers huge", steps=always(headers={
            "Content-Disposition": "d" * 20_000}))
        answer = scene.cached.get(path)
        check_body(answer, SMALL)
        equal(answer.header("Content-Disposition"), None)

    full = {name: "f" * 4080 for name in (
        "Content-Type", "Content-Disposition", "Content-Language",
        "Cache-Control", "Content-Encoding")}
    for name, body in (("small", SMALL), ("large", LARGE)):
        with suite.test(f"headers: over 16 KB in all are 500: {name}"):
            path = scene.put(f"headers full {name}", body,
                             always(headers=full))
            check_text(scene.cached.get(path), 500)
            scene.check_said("error", path, "its headers are over")
            check_text(scene.uncached.get(path), 500)
            check_healed(scene, path, body)

    with suite.test("headers: at the limit it is all or 500, never nginx's "
                    "502"):
        # nginx puts the cache's key before them: a long one.
        seen = {}
        for fill in range(3500, 4081, 20):
            path = scene.put("k" * 1020 + str(fill), steps=always(
                headers=full | {"Content-Encoding": None,
                                "Content-Language": "l" * fill}))
            for nginx in (scene.uncached, scene.cached):
                seen.setdefault(nginx.get(path).status, []).append(
                    (nginx.name, fill))
        equal(sorted(seen), [200, 500],
              f"first {[(status, rows[0]) for status, rows in seen.items()]}")


# ---- How long things are kept ----

def test_validity(suite, scene, origin, cache):
    """Cache-Control and Expires of the object, and of the site."""
    expires = "Thu, 01 Jan 2099 00:00:00 GMT"
    own = {"Cache-Control": "max-age=77", "Expires": expires}
    ruled = Scene(suite, origin, "ruled", site={"cache_control": "max-age=99"},
                  cache=cache)
    for name, where, wanted in (("the object's own", scene,
                                 ("max-age=77", expires)),
                                ("the site's in their place", ruled,
                                 ("max-age=99", None))):
        with suite.test(f"validity: {name}"):
            path = where.put(f"validity {name}", headers=own)
            for nginx in (where.uncached, where.uncached, where.cached):
                for headers, status in (({}, 200), (
                        {"If-None-Match": tag(SMALL)}, 304)):
                    answer = nginx.get(path, headers)
                    equal((answer.status, answer.header("Cache-Control"),
                           answer.header("Expires")), (status, *wanted))
    ruled.stop()

    with suite.test("validity: the object's no-store holds for nginx"):
        path = scene.put("validity no-store",
                         headers={"Cache-Control": "no-store"})
        for _ in range(2):
            answer = scene.cached.get(path)
            check_body(answer, SMALL)
            equal(answer.all("Cache-Status")[1], "nginx; fwd=uri-miss")


def is_stale(scene, path):
    """Does nginx answer with what has run out?"""
    answer = scene.cached.get(path)
    check_body(answer, SMALL)
    return answer.all("Cache-Status")[-1] == "nginx; hit; detail=stale"


def check_stale(scene, path, steps):
    """What has run out is served while S3 is as STEPS say, and no longer."""
    check_body(scene.cached.get(path), SMALL)
    scene.origin.script("/private" + path, steps)
    wait_for(lambda: is_stale(scene, path), "it to run out")
    # The renewal behind the reader's back has failed by then.
    wait_for(lambda: f'key "{path[1:]}"' in "".join(scene.said()),
             "the renewal to fail")
    for _ in range(3):
        true(is_stale(scene, path), "not stale")
    scene.heal(path)
    wait_for(lambda: not is_stale(scene, path), "it to be renewed")


def test_stale(suite, origin):
    """nginx still has what has run out, and S3 is down."""
    scene = Scene(suite, origin, "stale", daemon=QUICK)
    for name, step in (("503", {"error": "SlowDown"}),
                       ("a reset", {"drop": "reset"}),
                       ("500", {"error": "SignatureDoesNotMatch"})):
        with suite.test(f"stale: what has run out is served while S3 gives "
                        f"{name}"):
            check_stale(scene, scene.put(
                f"stale {name}", headers={"Cache-Control": "max-age=1"}),
                        always(**step))

    with suite.test("stale: what is gone is not served for ever"):
        path = scene.put("stale gone", headers={"Cache-Control": "max-age=1"})
        check_body(scene.cached.get(path), SMALL)
        scene.origin.delete("/private" + path)
        wait_for(lambda: scene.cached.get(path).status == 404, "404")
    scene.stop()


def test_sent(suite, scene):
    """What S3 sees of a reader."""
    with suite.test("S3 sees nothing of the reader's"):
        path = scene.put("sent")
        for nginx in (scene.uncached, scene.cached):
            scene.put("sent")
            nginx.get(path + "?a=s3cret&X-Amz-Expires=1", {
                "Cookie": "s3cret", "X-Amz-Security-Token": "s3cret",
                "X-Forwarded-For": "s3cret", "User-Agent": "s3cret",
                "Accept": "s3cret", "Accept-Encoding": "gzip, s3cret",
                "Referer": "s3cret", "If-None-Match": '"s3cret"'})
        request, = scene.asked(path)
        equal(sorted(request.names()), [
            "authorization", "host", "x-amz-content-sha256", "x-amz-date"])
        equal((request.line, request.header("Host")),
              (f"GET /private{path} HTTP/1.1",
               scene.origin.url.partition("//")[2]))


def main():
    """All of it."""
    with Suite() as suite:
        origin = start_origin(suite)
        cache = {"servers": Memcached(suite, is_unix=True).address}
        scene = Scene(suite, origin, "main", cache=cache)
        hasty = Scene(suite, origin, "hasty", daemon=QUICK,
                      cache=cache)
        test_breaks(suite, scene)
        test_changed(suite, hasty)
        test_framing(suite, scene)
        test_ranges(suite, scene)
        test_headers(suite, scene)
        test_large_headers(suite, scene)
        test_validity(suite, scene, origin, cache)
        test_stale(suite, origin)
        test_sent(suite, scene)


if __name__ == "__main__":
    main()

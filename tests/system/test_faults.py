#!/usr/bin/env python3
"""Faults of S3 that no real server gives on demand: where it says no, where it
teaches, where it is ill for a while or for good.

Each row of a table is asked for under a key of its own, first with the fault,
then with S3 healed: what may be kept is not asked for again, all else is."""

import concurrent.futures
import os
import re
import shutil
import time
from typing import NamedTuple

from fastcgi import Fastcgi
from harness import (PATIENCE, Memcached, Suite, Trys3d, equal, free_port,
                     true)
from scene import (LARGE, OTHER, QUICK, SMALL, Scene, always, check_body,
                   check_healed, check_text, make_certificate, plain, slug,
                   start_origin, tag)


# ---- S3 says no ----

MISSING = [
    ("NoSuchKey", {"error": "NoSuchKey"}),
    ("404 with an empty body", {"status": 404}),
    ("AccessDenied", {"error": "AccessDenied"}),
]


def test_missing(suite, scene):
    """404: kept by nginx and in memcached, and nothing to write home about."""
    for name, step in MISSING:
        with suite.test(f"missing: {name}"):
            path = scene.put(f"missing {name}", steps=always(**step))
            for _ in range(2):
                check_text(scene.cached.get(path), 404)
            check_text(scene.uncached.get(path), 404)
            equal(scene.uncached.head(path).status, 404)
            equal(len(scene.asked(path)), 1)
            equal(scene.said(), [])

    with suite.test("missing: 403 without a body to a HEAD"):
        path = scene.put("missing head", steps=[
            {"status": 403}, {"error": "AccessDenied"}])
        answer = scene.uncached.head(path)
        equal((answer.status, answer.body), (404, b""))
        equal([request.method for request in scene.asked(path)],
              ["HEAD", "GET"])
        equal(scene.asked(path)[1].header("Range"), "bytes=0-0")
        check_text(scene.uncached.get(path), 404)
        equal((len(scene.asked(path)), scene.said()), (2, []))

    with suite.test("missing: 403 without a body to HEAD and GET"):
        path = scene.put("missing unsaid", steps=always(status=403))
        equal(scene.uncached.head(path).status, 404)
        equal((len(scene.asked(path)), scene.said()), (2, []))


class Refusal(NamedTuple):
    """What no retry helps against: 500."""
    name: str
    step: dict
    logged: str = None  # S3's code, where it is not in the name


REFUSALS = [
    Refusal("NoSuchBucket", {"error": "NoSuchBucket"}),
    Refusal("SignatureDoesNotMatch", {"error": "SignatureDoesNotMatch"}),
    Refusal("InvalidAccessKeyId", {"error": "InvalidAccessKeyId"}),
    Refusal("ExpiredToken", {"error": "ExpiredToken"}),
    Refusal("InvalidToken", {"error": "InvalidToken"}),
    Refusal("InvalidObjectState", {"error": "InvalidObjectState"}),
    Refusal("AllAccessDisabled", {"error": "AllAccessDisabled"}),
    Refusal("NotImplemented", {"error": "NotImplemented"}),
    Refusal("an unknown code", {"error": "NeverHeardOf"}, "NeverHeardOf"),
    Refusal("403 with an empty body", {"status": 403},
            "status 403.*without a code"),
    Refusal("400 with an empty body", {"status": 400}, "status 400"),
    Refusal("404 of some other server",
            {"status": 404, "body": "<html>no such page</html>"},
            "none of S3's"),
    Refusal("a code that forges a line",
            {"error": "Bad\nsite main: all is well"}, r"Bad\\x0asite main"),
    Refusal("PermanentRedirect to nowhere", {"error": "PermanentRedirect"},
            "PermanentRedirect"),
    Refusal("a region that is none",
            {"error": "PermanentRedirect", "region": "evil.example/x?"},
            "PermanentRedirect"),
    Refusal("the region that was asked",
            {"error": "AuthorizationHeaderMalformed", "region": "us-east-1"},
            "AuthorizationHeaderMalformed"),
    Refusal("RequestTimeTooSkewed without a Date",
            {"error": "RequestTimeTooSkewed", "headers": {"Date": None}},
            "RequestTimeTooSkewed"),
]


def test_refused(suite, scene):
    """500: asked once, logged as an error, kept by nobody."""
    for name, step, logged in REFUSALS:
        with suite.test(f"refused: {name}"):
            request_id = re.sub(r"\W+", "", name).upper()
            path = scene.put(f"refused {name}", steps=always(
                **step, request_id=request_id))
            check_text(scene.cached.get(path), 500)
            equal(len(scene.asked(path)), 1)
            scene.check_said("error", path, logged or f"code {name}")
            scene.check_said("error", path, f"request id {request_id}")
            check_text(scene.cached.get(path), 500)
            check_text(scene.uncached.get(path), 500)
            equal(len(scene.asked(path)), 3, "an error was kept")
            check_healed(scene, path)

    with suite.test("refused: a HEAD asks for the reason"):
        path = scene.put("refused head", steps=always(
            error="SignatureDoesNotMatch", request_id="HEAD2"))
        equal(scene.uncached.head(path).status, 500)
        scene.check_said("error", path,
                         "code SignatureDoesNotMatch.*request id HEAD2")
        check_healed(scene, path)


def test_denied(suite, origin, cache):
    """missing_on_403 = off."""
    scene = Scene(suite, origin, "denied", site={"missing_on_403": "off"},
                  cache=cache)
    for name, method, steps in (
            ("GET", "GET", always(error="AccessDenied")),
            ("HEAD", "HEAD", always(error="AccessDenied")),
            ("HEAD without a reason", "HEAD", always(status=403))):
        with suite.test(f"missing_on_403 = off: {name} is 500, kept by nobody"):
            path = scene.put(f"denied {name}", steps=steps)
            equal(scene.uncached.request(method, path).status, 500)
            scene.check_said("error", path, "status 403")
            check_healed(scene, path)
    with suite.test("missing_on_403 = off: NoSuchKey is 404 all the same"):
        path = scene.put("denied no such key", steps=always(error="NoSuchKey"))
        check_text(scene.cached.get(path), 404)
    scene.stop()


# ---- What S3 teaches ----

def signed(request):
    """(region, time in seconds) of REQUEST's signature."""
    scope = re.search(r"Credential=AK/(\d{8})/([^/]*)/s3/aws4_request",
                      request.header("Authorization"))
    date = request.header("x-amz-date")
    equal(scope[1], date[:8], "the day in the scope")
    parsed = time.strptime(date + " UTC", "%Y%m%dT%H%M%SZ %Z")
    return scope[2], int(time.mktime(parsed) - time.timezone)


SKEWS = [("an hour ahead", 3600), ("an hour behind", -3600),
         ("400 days ahead", 400 * 86400)]


def test_skew(suite, origin):
    """The clock is off."""
    for name, skew in SKEWS:
        with suite.test(f"clock: S3's is {name}, signed once more by its Date"):
            scene = Scene(suite, origin, f"skew{skew}", is_cached=False)
            path = scene.put(f"skew {name}", steps=[
                {"error": "RequestTimeTooSkewed", "skew_s": skew}])
            check_body(scene.uncached.get(path), SMALL)
            first, second = (signed(request)[1] - time.time()
                             for request in scene.asked(path))
            slack = 30 * PATIENCE
            true(abs(first) < slack, f"at first {first} s")
            true(abs(second - skew) < slack, f"then {second} s")
            equal(len([line for line in scene.said() if ": warning: " in line
                       and "clock" in line]), 1)
            path = scene.put(f"skew {name} again")
            check_body(scene.uncached.get(path), SMALL)
            third, = (signed(request)[1] - time.time()
                      for request in scene.asked(path))
            true(abs(third - skew) < slack, f"later {third} s")
            equal(scene.said(), [])
            # The clock has been set: learnt anew.
            path = scene.put(f"skew {name} over", steps=[
                {"error": "RequestTimeTooSkewed"}])
            check_body(scene.uncached.get(path), SMALL)
            last = signed(scene.asked(path)[1])[1] - time.time()
            true(abs(last) < slack, f"in the end {last} s")
            scene.stop()

    scene = Scene(suite, origin, "skew", is_cached=False)
    with suite.test("clock: a HEAD learns it too"):
        path = scene.put("skew head", steps=[
            {"error": "RequestTimeTooSkewed", "skew_s": 3600},
            {"error": "RequestTimeTooSkewed", "skew_s": 3600}])
        equal(scene.uncached.head(path).status, 200)
        equal([request.method for request in scene.asked(path)][::2],
              ["HEAD", "HEAD"])
        true(signed(scene.asked(path)[2])[1] > time.time() + 3000, "the skew")
    with suite.test("clock: skewed whatever we sign is 500"):
        path = scene.put("skew always", steps=always(
            error="RequestTimeTooSkewed", skew_s=7200, request_id="SKEW1"))
        check_text(scene.uncached.get(path), 500)
        equal(len(scene.asked(path)), 2)
        scene.check_said("error", path,
                         "code RequestTimeTooSkewed.*request id SKEW1")
    scene.stop()


REGIONS = [
    ("400 with Region", "GET", {"error": "AuthorizationHeaderMalformed",
                                "region": "eu-west-3"}),
    ("400 with Region and a header", "GET", {
        "error": "AuthorizationHeaderMalformed", "region": "eu-west-3",
        "headers": {"x-amz-bucket-region": "eu-west-3"}}),
    ("301 with a header", "GET", {
        "error": "PermanentRedirect",
        "headers": {"x-amz-bucket-region": "eu-west-3"}}),
    ("307 with a header", "GET", {
        "error": "TemporaryRedirect",
        "headers": {"x-amz-bucket-region": "eu-west-3"}}),
    ("301 without a body", "GET", {
        "status": 301, "headers": {"x-amz-bucket-region": "eu-west-3"}}),
    ("301 to a HEAD", "HEAD", {
        "status": 301, "headers": {"x-amz-bucket-region": "eu-west-3"}}),
    ("400 to a HEAD", "HEAD", {
        "status": 400, "headers": {"x-amz-bucket-region": "eu-west-3"}}),
]


def test_region(suite, origin):
    """The bucket is in another region."""
    trap = start_origin(suite)
    location = {"Location": f"{trap.url}/private/x"}
    for name, method, step in REGIONS:
        with suite.test(f"region: {name}: signed once more for it"):
            scene = Scene(suite, origin, slug(f"region {name}"), is_cached=False)
            path = scene.put(f"region {name}", steps=[
                step | {"headers": location | step.get("headers", {})}])
            equal(scene.uncached.request(method, path).status, 200)
            equal([signed(request)[0] for request in scene.asked(path)],
                  ["us-east-1", "eu-west-3"])
            true("the bucket is in eu-west-3" in "".join(scene.said()),
                 "nothing was said")
            path = scene.put(f"region {name} again")
            check_body(scene.uncached.get(path), SMALL)
            equal([signed(request)[0] for request in scene.asked(path)],
                  ["eu-west-3"])
            equal(scene.said(), [])
            scene.stop()

    scene = Scene(suite, origin, "region", daemon=QUICK, is_cached=False)
    with suite.test("region: two that point at each other are 500"):
        path = scene.put("region loop", steps=[
            {"error": "PermanentRedirect", "region": "eu-west-1",
             "headers": location},
            {"error": "PermanentRedirect", "region": "us-east-1",
             "headers": location, "times": 0}])
        check_text(scene.uncached.get(path), 500)
        equal(len(scene.asked(path)), 2)
        scene.check_said("error", path, "code PermanentRedirect")
    for status in (301, 302, 303, 307, 308):
        with suite.test(f"region: a mere {status} is not followed"):
            path = scene.put(f"location {status}", steps=always(
                status=status, headers=location))
            true(scene.uncached.get(path).status in (500, 503), "what?")
            equal(len(scene.said()), 1)
    with suite.test("region: no Location was ever looked at"):
        equal((trap.connections(), trap.requests()), (0, []))
    scene.stop()


# ---- S3 is ill ----

class Spell(NamedTuple):
    """An illness that passes: retried, and the reader notices nothing."""
    name: str
    steps: list
    body: bytes = SMALL


SPELLS = [
    Spell("SlowDown", [{"error": "SlowDown"}]),
    Spell("InternalError", [{"error": "InternalError"}]),
    Spell("RequestTimeout", [{"error": "RequestTimeout"}]),
    Spell("500 of some other server", [{"status": 500, "body": "<html>"}]),
    Spell("503 with an empty body", [{"status": 503}]),
    Spell("429", [{"status": 429, "headers": {"Retry-After": "0"}}]),
    Spell("502, 504, 503", [{"status": 502}, {"status": 504},
                            {"status": 503}]),
    Spell("a reset", [{"drop": "reset"}]),
    Spell("closed before an answer", [{"drop": True}]),
    Spell("garbage", [{"raw": "hello\r\n\r\n"}]),
    Spell("half a head", [{"raw": "HTTP/1.1 200 OK\r\nContent-Le"}]),
    Spell("all of that in a row", [
        {"error": "SlowDown"}, {"drop": True}, {"raw": "garbage"},
        {"drop": "reset"}, {"status": 500}]),
    Spell("a stall before the first byte", [{"hold": "never"}]),
    Spell("a stall in the head", [{"stall_in_head": "never"}]),
    Spell("a stall in a small body", [{"stall_after": [100, "never"]}]),
    Spell("a stall in a large body", [{"stall_after": [2_000_000, "never"]}],
          LARGE),
    Spell("neither length nor chunks", [{"framing": "none"}]),
    Spell("neither length nor chunks, large", [{"framing": "none"}], LARGE),
    Spell("two lengths", [{"headers": {"Content-Length": ["10000", "9999"]},
                           "close": True}]),
    Spell("206 to no range", [{
        "status": 206, "object": True,
        "headers": {"Content-Range": "bytes 0-9999/20000"}}]),
    Spell("204", [{"status": 204}]),
    Spell("the MD5 of other bytes", [plain("x" * 10_000, headers={
        "ETag": tag(SMALL)})]),
]


def test_spells(suite, scene):
    """Each passes; each is gone when S3 is asked once more."""
    for name, steps, body in SPELLS:
        with suite.test(f"passing: {name}"):
            path = scene.put(f"passing {name}", body, steps)
            check_body(scene.cached.get(path), body)
            equal(len(scene.asked(path)), len(steps) + 1)
            check_body(scene.cached.get(path), body)
            equal(len(scene.asked(path)), len(steps) + 1, "not kept")
            equal([line for line in scene.said() if "MD5" not in line], [])


class Outage(NamedTuple):
    """An illness that stays: 503 before long."""
    name: str
    step: dict
    logged: str = ""  # pattern
    least: int = 2  # requests


OUTAGES = [
    Outage("SlowDown", {"error": "SlowDown", "request_id": "SLOW1"},
           "code SlowDown.*request id SLOW1"),
    Outage("500", {"error": "InternalError"}, "status 500.*InternalError"),
    Outage("503", {"status": 503}, "status 503"),
    Outage("a reset", {"drop": "reset"}, "status 0"),
    Outage("closed before an answer", {"drop": True}, "status 0"),
    Outage("garbage", {"raw": "garbage"}, "status 0"),
    Outage("a stall before the first byte", {"hold": "never"},
           "no answer began|deadline", 1),
    Outage("a stall in the body", {"stall_after": [100, "never"]},
           "nothing came|deadline", 1),
    Outage("a break in the body", {"break_after": 0}, "remaining|deadline"),
    Outage("a byte, then a break", {"break_after": 1}, "remaining|deadline"),
    Outage("neither length nor chunks", {"framing": "none"},
           "neither Content-Length nor chunked"),
    Outage("206 of another range", {
        "status": 206, "headers": {"Content-Range": "bytes 5-9/10000"},
        "body": "abcde"}, "another range"),
    Outage("headers of 70 KB", {"headers": {"x-amz-meta-a": "a" * 70_000}},
           "headers of more than"),
]


def check_outage(scene, path, logged, least):
    """503, with Retry-After, in time, logged; then S3 heals."""
    # answer_timeout is 1 s; the rest is for slow machines.
    answer = scene.cached.get(path, seconds=6)
    check_text(answer, 503)
    true(len(scene.asked(path)) >= least, "it was not tried again")
    scene.check_said("warning", path, logged)


def test_outages(suite, origin, cache):
    """Each stays."""
    # More workers and no drain, so that one that hangs fails its row alone.
    scene = Scene(suite, origin, "hasty", daemon=QUICK | {
        "workers": 4, "drain_timeout": "0"}, cache=cache)
    for name, step, logged, least in OUTAGES:
        with suite.test(f"lasting: {name}: 503 in time, kept by nobody"):
            path = scene.put(f"lasting {name}", steps=always(**step))
            check_outage(scene, path, logged, least)
            check_healed(scene, path)

    with suite.test("lasting: the MD5 of other bytes: tried twice, 503"):
        path = scene.put("lasting md5", steps=always(
            **plain("x" * 10_000, headers={"ETag": tag(SMALL)})))
        check_text(scene.cached.get(path), 503)
        equal(len(scene.asked(path)), 2)
        true(all(": warning: " in line for line in scene.said()), "no warning")
        true("MD5" in "".join(scene.said()), "the MD5 is not named")
        check_healed(scene, path)


def in_background(function, *arguments):
    """Call FUNCTION meanwhile; a future."""
    pool = concurrent.futures.ThreadPoolExecutor(1)
    future = pool.submit(function, *arguments)
    pool.shutdown(wait=False)
    return future


def test_refused_connections(suite, cache):
    """Nobody listens."""
    port = free_port()
    closed = {"endpoint": f"http://127.0.0.1:{port}"}

    nobody = start_origin(suite)  # only to be told that it was not asked
    with suite.test("nobody listens: 503 in time"):
        scene = Scene(suite, nobody, "closed", site=closed, daemon=QUICK,
                      cache=cache)
        path = scene.put("refused")
        check_outage(scene, path, "[Cc]onnect", 0)
        scene.stop()
    with suite.test("nobody listens at first: retried"):
        scene = Scene(suite, nobody, "opened", site=closed, cache=cache)
        path = scene.put("refused")
        answer = in_background(scene.cached.get, path)
        scene.trys3d.wait_log("attempt 1 .* failed")
        origin = start_origin(suite, port=port)
        origin.put("/private/refused", SMALL)
        check_body(answer.result(), SMALL)
        equal(len(origin.requests()), 1)
        equal(scene.said(), [])
        scene.stop()


def test_tls(suite, cache):
    """S3 shows a certificate that nobody vouches for."""
    right = make_certificate(suite.folder, "right")
    wrong = make_certificate(suite.folder, "wrong")
    impostor = start_origin(suite, tls=wrong)
    site = {"ca_file": right[0]}
    impostor.put("/private/tls", OTHER)
    with suite.test("a certificate that is not trusted: 503, nothing is sent"):
        scene = Scene(suite, impostor, "impostor", site=site, daemon=QUICK,
                      cache=cache)
        check_outage(scene, "/tls", "certificate", 0)
        equal(impostor.requests(), [])
        true(impostor.connections() > 1, "it was not tried again")
        scene.stop()
    with suite.test("a certificate that is not trusted at first: retried"):
        scene = Scene(suite, impostor, "tls", site=site, cache=cache)
        answer = in_background(scene.cached.get, "/tls")
        scene.trys3d.wait_log("attempt 1 .* failed: .*certificate")
        impostor.stop()
        origin = start_origin(suite, tls=right, port=impostor.port)
        origin.put("/private/tls", SMALL)
        check_body(answer.result(), SMALL)
        equal((len(origin.requests()), impostor.requests()), (1, []))
        scene.stop()
    test_authorities(suite, origin, right, wrong)


def test_authorities(suite, origin, right, wrong):
    """Which authorities are whose, and since when."""
    origin.put("/private/whose", SMALL)
    file = suite.folder / "authorities.pem"
    shutil.copy(right[0], file)
    daemon = Trys3d(suite, {
        "daemon": QUICK | {"workers": 1},
        "site own": origin.site(ca_file=file),
        "site other": origin.site(ca_file=wrong[0])}, name="authorities")
    client = Fastcgi(daemon.socket)

    with suite.test("a site is not served over another's connection, which "
                    "its own authorities do not vouch for"):
        for site, status in (("own", 200), ("other", 503)) * 2:
            equal(client.get("/whose", TRYS3_SITE=site).status, status, site)

    with suite.test("a file of authorities that is replaced counts when a "
                    "connection is next verified, without a reload"):
        shutil.copy(wrong[0], suite.folder / "new.pem")
        os.rename(suite.folder / "new.pem", file)
        equal(client.get("/whose", TRYS3_SITE="own").status, 200)
        origin.hang_up()
        equal(client.get("/whose", TRYS3_SITE="own").status, 503)

    with suite.test("one that can't be read any more: its former ones count"):
        shutil.copy(right[0], suite.folder / "new.pem")
        os.rename(suite.folder / "new.pem", file)
        equal(client.get("/whose", TRYS3_SITE="own").status, 200)
        file.write_text("")
        origin.hang_up()
        equal(client.get("/whose", TRYS3_SITE="own").status, 200)
        daemon.wait_log("warning: no certificates can be read from .*; those "
                        "that it held before are still trusted")
    daemon.stop()


def main():
    """All of it."""
    with Suite() as suite:
        origin = start_origin(suite)
        cache = {"servers": Memcached(suite, is_unix=True).address}
        scene = Scene(suite, origin, "main", cache=cache)
        test_missing(suite, scene)
        test_refused(suite, scene)
        test_denied(suite, origin, cache)
        test_skew(suite, origin)
        test_region(suite, origin)
        test_spells(suite, scene)
        test_outages(suite, origin, cache)
        test_refused_connections(suite, cache)
        test_tls(suite, cache)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""HTTP as a reader sees it: ranges, conditions, HEAD, headers.  S3 servers
differ on all of these; through trys3d the answer is the same from RGW, from
Swift, over TLS, from memcached and from nginx's cache."""

import hashlib

from harness import Memcached, Nginx, Rgw, Skip, Suite, Swift, Trys3d, equal

SMALL = bytes(range(100))
LARGE = hashlib.sha256(b"large").digest() * 40000  # 1,280,000 bytes: streamed
TAG = '"' + hashlib.md5(SMALL).hexdigest() + '"'
TOTAL = len(SMALL)
# What goes into the bucket with each object, and comes back.
HEADERS = {
    "Content-Type": "image/png",
    "Content-Disposition": 'inline; filename="a.png"',
    "Content-Language": "ja",
    "x-amz-meta-secret": "not for readers",
}
ALLOWED = {
    "Server", "Date", "Connection", "Cache-Status", "Content-Type",
    "Content-Length", "Content-Range", "Content-Encoding",
    "Content-Disposition", "Content-Language", "ETag", "Last-Modified",
    "Accept-Ranges", "Cache-Control", "Expires",
}

# Range, status, first, last; None: the whole, or none of it
RANGES = [
    ("bytes=0-0", 206, 0, 0), ("bytes=0-9", 206, 0, 9),
    ("bytes=10-", 206, 10, 99), ("bytes=-10", 206, 90, 99),
    ("bytes=-1000", 206, 0, 99), ("bytes=0-1000", 206, 0, 99),
    ("bytes=99-99", 206, 99, 99), ("bytes=100-", 416, None, None),
    ("bytes=100-200", 416, None, None), ("bytes=-0", 416, None, None),
    ("bytes=99999999999999999999-", 416, None, None),
    ("bytes=5-2", 200, None, None), ("bytes=abc", 200, None, None),
    ("lines=0-9", 200, None, None), ("bytes=0-1,5-9", 200, None, None),
    ("bytes=0-9,", 206, 0, 9),
]


def conditions(modified):
    """(headers, status) where the object was modified at MODIFIED."""
    past, future = ("Sun, 06 Nov 1994 08:49:37 GMT",
                    "Thu, 01 Jan 2099 00:00:00 GMT")
    return [
        ({"If-None-Match": TAG}, 304),
        ({"If-None-Match": "W/" + TAG}, 304),
        ({"If-None-Match": f'"a", {TAG}, "b"'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"a", "b"'}, 200),
        ({"If-None-Match": TAG.strip('"')}, 200),
        ({"If-Modified-Since": modified}, 304),
        ({"If-Modified-Since": future}, 304),
        ({"If-Modified-Since": past}, 200),
        ({"If-Modified-Since": "garbage"}, 200),
        ({"If-None-Match": '"a"', "If-Modified-Since": future}, 200),
        ({"If-None-Match": TAG, "If-Modified-Since": past}, 304),
        ({"If-Match": TAG}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-Match": f'"a", {TAG}'}, 200),
        ({"If-Match": '"a"'}, 412),
        ({"If-Match": "W/" + TAG}, 412),
        ({"If-Unmodified-Since": past}, 412),
        ({"If-Unmodified-Since": future}, 200),
        ({"If-Match": TAG, "If-Unmodified-Since": past}, 200),
        ({"If-Match": TAG, "If-None-Match": TAG}, 304),
        ({"If-None-Match": TAG, "Range": "bytes=0-9"}, 304),
        ({"If-None-Match": TAG, "Range": "bytes=500-"}, 304),
        ({"If-Match": '"a"', "Range": "bytes=0-9"}, 412),
        ({"Range": "bytes=0-9", "If-Range": TAG}, 206),
        ({"Range": "bytes=0-9", "If-Range": "W/" + TAG}, 200),
        ({"Range": "bytes=0-9", "If-Range": '"a"'}, 200),
        ({"Range": "bytes=500-", "If-Range": '"a"'}, 200),
        ({"Range": "bytes=0-9", "If-Range": modified}, 206),
        ({"Range": "bytes=0-9", "If-Range": past}, 200),
    ]


def check_headers(answer, what):
    """Nothing but the allow-list, nothing twice."""
    names = [name for name, _ in answer.headers]
    equal(sorted({name for name in names} - ALLOWED), [], what)
    equal([name for name in set(names) if names.count(name) > 1], [], what)


def check_validators(answer, modified, what):
    """What a 200, 206 and 304 must carry."""
    equal((answer.header("ETag"), answer.header("Last-Modified")),
          (TAG, modified), what)


def check_ranges(nginx, path):
    """Each row of RANGES."""
    for sent, status, first, last in RANGES:
        answer = nginx.get(path, {"Range": sent})
        equal(answer.status, status, sent)
        check_headers(answer, sent)
        if status == 200:
            equal(answer.body, SMALL, sent)
        elif status == 206:
            equal(answer.body, SMALL[first:last + 1], sent)
            equal(answer.header("Content-Range"),
                  f"bytes {first}-{last}/{TOTAL}", sent)
        else:
            equal(answer.header("Content-Range"), f"bytes */{TOTAL}", sent)


def check_conditions(nginx, path, modified):
    """Each row of conditions()."""
    for headers, status in conditions(modified):
        answer = nginx.get(path, headers)
        equal(answer.status, status, headers)
        check_headers(answer, headers)
        if status in (200, 206, 304):
            check_validators(answer, modified, headers)
        if status == 200:
            equal(answer.body, SMALL, headers)
        if status == 304:
            equal(answer.body, b"", headers)


def check_head(nginx, path, modified):
    """HEAD is GET without its body."""
    get, head = nginx.get(path), nginx.head(path)
    hidden = ("Date", "Cache-Status")
    equal([h for h in head.headers if h[0] not in hidden],
          [h for h in get.headers if h[0] not in hidden])
    equal((head.status, head.body), (200, b""))
    check_headers(get, path)
    check_validators(get, modified, path)
    for name, value in HEADERS.items():
        if not name.startswith("x-"):
            equal(get.header(name), value)
    equal(nginx.head(path, {"If-None-Match": TAG}).status, 304)


def check_empty(nginx, path):
    """A zero-byte object."""
    answer = nginx.get(path)
    equal((answer.status, answer.body, answer.header("Content-Length")),
          (200, b"", "0"))
    equal(nginx.head(path).header("Content-Length"), "0")
    answer = nginx.get(path, {"Range": "bytes=0-0"})
    equal((answer.status, answer.header("Content-Range")), (416, "bytes */0"))
    equal(nginx.get(path, {"Range": "bytes=-5"}).status, 200)


def check_large(nginx, path):
    """One that is streamed."""
    for headers, status, body in (
            ({}, 200, LARGE),
            ({"Range": "bytes=1000-"}, 206, LARGE[1000:]),
            ({"Range": "bytes=-1000000"}, 206, LARGE[-1000000:]),
            ({"Range": "bytes=7-8"}, 206, LARGE[7:9]),
            ({"Range": "bytes=0-9", "If-Range": '"a"'}, 200, LARGE),
            ({"Range": "bytes=9999999-"}, 416, None),
            ({"If-None-Match": "*"}, 304, b""),
            ({"If-Match": '"a"'}, 412, None)):
        answer = nginx.get(path, headers)
        equal(answer.status, status, headers)
        equal(answer.is_whole, True, headers)
        check_headers(answer, headers)
        if body is not None:
            equal(answer.body == body, True, headers)


def check_server(suite, name, lab, site):
    """Everything over one S3 server: without a cache, then with memcached,
    each object asked for first in a way that leads to S3."""
    for key, body in (("small.png", SMALL), ("empty", b""), ("large", LARGE)):
        lab.s3.put(key, body, HEADERS)
    memcached = Memcached(suite, name=f"memcached-{name}", is_unix=True)
    for cache in ("S3", "memcached"):
        settings = {"site one": site}
        if cache == "memcached":
            settings["cache"] = {"servers": memcached.address}
        label = f"{name} {cache}"
        daemon = Trys3d(suite, settings, name=f"trys3d-{name}-{cache}")
        nginx = Nginx(suite, daemon.socket, is_cached=False,
                      name=f"nginx-{name}-{cache}")
        modified = nginx.get("/small.png").header("Last-Modified")
        with suite.test(f"{label}: headers and HEAD"):
            check_head(nginx, "/small.png", modified)
        with suite.test(f"{label}: ranges"):
            check_ranges(nginx, "/small.png")
        with suite.test(f"{label}: conditions"):
            check_conditions(nginx, "/small.png", modified)
        with suite.test(f"{label}: an empty object"):
            check_empty(nginx, "/empty")
        with suite.test(f"{label}: a large object"):
            check_large(nginx, "/large")
        with suite.test(f"{label}: a missing object"):
            for headers in ({}, {"Range": "bytes=0-9"}, {"If-Match": "*"},
                            {"If-None-Match": "*"}):
                equal(nginx.get("/none", headers).status, 404, headers)
            equal(nginx.head("/none").status, 404)
        with suite.test(f"{label}: as often as asked from {cache}"):
            status = nginx.get("/small.png").header("Cache-Status")
            wanted = {"S3": "trys3; fwd=bypass; fwd-status=200",
                      "memcached": "trys3; hit"}[cache]
            equal(status, wanted)
        nginx.stop()
        daemon.stop()


def check_no_list(suite, rgw):
    """A reader without ListBucket: S3 says 403 for a missing key."""
    for is_on, status in (("on", 404), ("off", 500)):
        daemon = Trys3d(suite, {"site one": rgw.site("READER_") |
                                {"missing_on_403": is_on}}, name=f"403-{is_on}")
        nginx = Nginx(suite, daemon.socket, is_cached=False,
                      name=f"nginx-403-{is_on}")
        with suite.test(f"missing_on_403 = {is_on}: a missing key is {status}"):
            equal(nginx.get("/small.png").body, SMALL)
            equal(nginx.get("/none").status, status)
            equal(nginx.head("/none").status, status)
            equal("AccessDenied" in daemon.log(), is_on == "off")


with Suite() as tests:
    ceph = Rgw(tests)
    check_server(tests, "RGW", ceph, ceph.site())
    check_server(tests, "RGW-TLS", ceph, ceph.site(is_tls=True))
    check_no_list(tests, ceph)
    try:
        swift = Swift(tests)
    except Skip as missing:
        tests.skip("HTTP over Swift", str(missing))
    else:
        check_server(tests, "Swift", swift, swift.site())

#!/usr/bin/env python3
"""Keys that break signers: each is put into RGW and Swift by a client of our
own, and must come back byte for byte through nginx and trys3d.  Swift checks
the region and the service in a signature, which RGW waves through."""

import urllib.parse

from harness import Memcached, Nginx, Rgw, Skip, Suite, Swift, Trys3d, equal

LONG = "k" * 1024
KEYS = [
    "plain.png", "a b.png", "a+b.png", "a%b.png", "a%20b.png", "a%2Fb.png",
    "a?b=c.png", "a#b.png", "a&b=c.png", "a;b.png", "a:b@c.png", "a,b$c.png",
    "it's.png", 'say "x".png', "a(b)c!d*e.png", "a~b_c-d.e", "a\\b.png",
    "a|b^c`d{e}[f]<g>.png", "=.png", "%.png", "+", " ", "...", "a/...b",
    ".hidden", "a/.b", "日本語/写真 1.png", "emoji-🙂🏳️‍🌈.png",
    "cafe\u0301 (NFD).png", "caf\u00e9 (NFC).png", "a//b.png", "a///b//c.png",
    "//lead.png", "UPPER/lower", "a/b/c/d/e/f/g", "soap.png",
    LONG, "é" * 512, "d/" * 511 + "ab", "😀" * 256,
]
REFUSED = [
    "/", "//", "/a/", "/a//", "/" + "k" * 1025, "/" + "é" * 512 + "x",
    "/a%01b", "/a%0d%0ab", "/a%7fb", "/a%C2%85b", "/%ff", "/a%C3", "/%C0%AF",
    "/%ED%A0%80", "/%F4%90%80%80", "/./",
]


def path_of(key):
    """KEY as a client asks for it."""
    return "/" + urllib.parse.quote(key, safe="/")


def lazy_path_of(key):
    """KEY with as little encoded as HTTP allows."""
    return "/" + "".join(c if c not in " %?#\"<>\\^`{|}" and " " < c < "\x7f"
                         else urllib.parse.quote(c) for c in key)


def check_keys(suite, lab, name, site):
    """Every key, by every way of writing it, from the bucket and the cache."""
    memcached = Memcached(suite, name=f"memcached-{name}", is_unix=True)
    trys3d = Trys3d(suite, {"cache": {"servers": memcached.address},
                            "site one": site}, name=f"trys3d-{name}")
    nginx = Nginx(suite, trys3d.socket, is_cached=False, name=f"nginx-{name}")
    for key in KEYS:
        shown = key if len(key) < 60 else f"{key[:20]}… of {len(key)}"
        body = b"<" + key.encode() + b">"
        with suite.test(f"{name}: {shown}"):
            lab.s3.put(key, body)
            for path in (path_of(key), lazy_path_of(key), path_of(key)):
                answer = nginx.get(path)
                equal((answer.status, answer.body), (200, body), path)
            equal(nginx.get(path_of(key) + "?acl&x=%zz").body, body)
            equal(nginx.head(path_of(key)).header("Content-Length"),
                  str(len(body)))
            lab.s3.delete(key)
    with suite.test(f"{name}: what is no key is 404, and S3 is not asked"):
        for path in REFUSED:
            answer = nginx.get(path)
            equal(answer.status, 404, path)
            equal(answer.header("Cache-Status"), None, path)
    with suite.test(f"{name}: what nginx itself refuses is 400"):
        for path in ("/%00", "/a%00b", "/../a", "/a/../../b", "/%2e%2e/a", "/.%2e/"):
            equal(nginx.get(path).status, 400, path)
    with suite.test(f"{name}: + is no blank, and %2F is a slash"):
        lab.s3.put("p q", b"blank")
        lab.s3.put("p+q", b"plus")
        equal(nginx.get("/p+q").body, b"plus")
        equal(nginx.get("/p%20q").body, b"blank")
        equal(nginx.get("/p%2Bq").body, b"plus")
    with suite.test(f"{name}: no complaint in the log"):
        equal([line for line in trys3d.log().splitlines()
               if " error: " in line], [])


def check_virtual(suite, rgw):
    """The bucket in the host's name."""
    port = rgw.endpoint.rpartition(":")[2]
    endpoint = f"http://{rgw.values['S3_DOMAIN']}:{port}"
    site = rgw.site() | {"addressing": "virtual", "endpoint": endpoint}
    trys3d = Trys3d(suite, {"site one": site}, name="trys3d-virtual")
    nginx = Nginx(suite, trys3d.socket, is_cached=False, name="nginx-virtual")
    with suite.test("virtual-host style: the same objects"):
        for key in ("a b+c%.png", "日本語.png", "a//b", "soap.png", "x/soap"):
            rgw.s3.put(key, key.encode())
            equal(nginx.get(path_of(key)).body, key.encode(), key)
    with suite.test("virtual-host style: the segment soap is refused"):
        for key in ("soap", "soap/a"):
            rgw.s3.put(key, b"x")
            equal(nginx.get(path_of(key)).status, 404, key)


def check_joints(suite, rgw):
    """strip and prefix join byte for byte."""
    for strip, prefix, path, key in (
            ("img/", "", "/img/a.png", "a.png"),
            ("/img/", "old/", "/img/a.png", "old/a.png"),
            ("", "2016-", "/a.png", "2016-a.png"),
            ("img", "", "/img/a.png", "/a.png"),
            ("img/", "", "/other/a.png", None)):
        with suite.test(f"strip '{strip}' prefix '{prefix}': {path}"):
            site = rgw.site() | ({"strip": strip} if strip else {}) | (
                {"prefix": prefix} if prefix else {})
            daemon = Trys3d(suite, {"site one": site}, name="trys3d-joint")
            server = Nginx(suite, daemon.socket, is_cached=False,
                           name=f"nginx-joint-{suite.count}")
            if key is None:
                rgw.s3.put("other/a.png", b"outside")
                equal(server.get(path).status, 404)
            else:
                rgw.s3.put(key, b"joint")
                equal(server.get(path).body, b"joint")
                rgw.s3.delete(key)
            server.stop()
            daemon.stop()


with Suite() as tests:
    ceph = Rgw(tests)
    check_keys(tests, ceph, "RGW", ceph.site())
    check_virtual(tests, ceph)
    check_joints(tests, ceph)
    try:
        swift = Swift(tests)
    except Skip as missing:
        tests.skip("the keys in Swift", str(missing))
    else:
        check_keys(tests, swift, "Swift", swift.site())
        with tests.test("Swift: a signature for another region is refused, "
                        "and the region learnt or the failure told"):
            wrong = Trys3d(tests, {"site one": swift.site() |
                                   {"region": "eu-west-1"}}, name="wrong")
            web = Nginx(tests, wrong.socket, is_cached=False, name="nginx-wr")
            swift.s3.put("region.png", b"region")
            equal(web.get("/region.png").body, b"region")

#!/usr/bin/env python3
"""Requests as no nginx makes them, by FastCGI straight to trys3d: how the path
is found, what is refused before S3 is asked, and peers that are slow, confused
or gone, of which none may hold or end a worker."""

import contextlib
import os
import random
import struct

from fastcgi import (BEGIN, END, PARAMS, STDIN, Fastcgi, Wire, begin, encode,
                     record, request_bytes)
from harness import PATIENCE, Memcached, Suite, Trys3d, equal, true, wait_for
from origin import Origin

BODY = os.urandom(1000)
ABORT, DATA, GET_VALUES = 2, 8, 9
GET = ("REQUEST_METHOD", "GET")


class Bench:
    """A bucket that holds BODY under whatever is asked for, memcached, and the
    trys3d between them."""

    def __init__(self, suite, name, workers=2, **daemon):
        self.suite = suite
        self.origin = Origin()
        suite.on_end(self.origin.stop)
        self.memcached = Memcached(suite, f"memcached-{name}", is_unix=True)
        self.trys3d = Trys3d(suite, {
            "daemon": {"workers": workers} | daemon,
            "cache": {"servers": self.memcached.address, "lease": "60s"},
            "site main": self.origin.site(),
        }, name=name)
        self.client = Fastcgi(self.trys3d.socket)
        self._count = 0
        self._workers = workers

    def workers(self):
        """The process ids of the workers, when all are there."""
        wait_for(lambda: len(self.trys3d.workers()) == self._workers,
                 "the workers")
        return self.trys3d.workers()

    def put(self, key="key", steps=()):
        """Let the bucket hold BODY under a new key; its path."""
        self._count += 1
        path = f"/{key}-{self._count}"
        self.origin.put("/private" + path, BODY)
        self.origin.script("/private" + path, steps)
        return path

    def send(self, sent, seconds=30):
        """A Wire with the bytes SENT on it."""
        wire = Wire(self.trys3d.socket, seconds)
        wire.send(sent)
        return wire

    def ask(self, params):
        """The Reply to PARAMS."""
        return self.reply(request_bytes(params))

    def reply(self, sent):
        """The Reply to the bytes SENT, after which the connection closes."""
        with self.send(sent) as wire:
            return wire.read()

    def check_serves(self, seconds=30):
        """A request is served, from S3."""
        answer = self.client.request(self.put(), seconds=seconds)
        equal((answer.status, answer.body == BODY, answer.is_whole),
              (200, True, True))


def check_object(reply):
    """REPLY is the whole of the object."""
    equal((reply.status, reply.body == BODY, reply.is_whole),
          (200, True, True))


def check_nothing(reply):
    """REPLY is none: the connection was closed."""
    equal((reply.output, reply.tail, reply.has_end), (b"", b"", False))


def request(path, **more):
    """The bytes of a request for PATH; MORE: FLAGS, REQUEST_ID, PADDING."""
    request_id = more.get("request_id", 1)
    return (begin(more.get("flags", 0), request_id=request_id) +
            record(PARAMS, encode([GET, ("DOCUMENT_URI", path)]), request_id,
                   more.get("padding", 0)) +
            record(PARAMS, b"", request_id) + record(STDIN, b"", request_id))


# ---- The path ----

# Parameters, and the target that S3 is asked for; or the status, and it is not.
PATHS = [
    ([("DOCUMENT_URI", "/a b"), ("SCRIPT_NAME", "/x"), ("REQUEST_URI", "/y")],
     "/a%20b"),
    ([("DOCUMENT_URI", "/a%20b+c?d")], "/a%2520b%2Bc%3Fd"),
    ([("DOCUMENT_URI", "/first"), ("DOCUMENT_URI", "/second")], "/first"),
    ([("SCRIPT_NAME", "/script"), ("REQUEST_URI", "/y")], "/script"),
    ([("SCRIPT_NAME", "/script"), ("PATH_INFO", "/info"),
      ("REQUEST_URI", "/y")], "/script/info"),
    ([("PATH_INFO", "/only info")], "/only%20info"),
    ([("SCRIPT_NAME", ""), ("PATH_INFO", "/behind nothing")],
     "/behind%20nothing"),
    ([("DOCUMENT_URI", ""), ("SCRIPT_NAME", "/in its place")],
     "/in%20its%20place"),
    ([("REQUEST_URI", "/raw%20one?a=b%zz")], "/raw%20one"),
    ([("REQUEST_URI", "/r%2Bs+t%2fu%3fv%23w")], "/r%2Bs%2Bt/u%3Fv%23w"),
    ([("REQUEST_URI", "/日本")], "/%E6%97%A5%E6%9C%AC"),
    ([("REQUEST_URI", "/?q")], 404),
    ([("REQUEST_URI", "/a%")], 400),
    ([("REQUEST_URI", "/a%2")], 400),
    ([("REQUEST_URI", "/a%zzb")], 400),
    ([("REQUEST_URI", "/a%2?b")], 400),
    ([("REQUEST_URI", "/a%00b")], 404),
    ([("REQUEST_URI", "/a/%2e%2e/b")], 404),
    ([("REQUEST_URI", "http://other.example/private/a")], 404),
    ([("REQUEST_URI", "//other.example")], "//other.example"),
    ([("REQUEST_URI", "*")], 404),
    ([("DOCUMENT_URI", "a")], 404),
    ([("DOCUMENT_URI", b"/a\0b")], 404),
    ([("DOCUMENT_URI", b"/a\r\nHost: b")], 404),
    ([("DOCUMENT_URI", b"/\xff")], 404),
    ([("DOCUMENT_URI", "/" + "k" * 60_000)], 404),
    ([("HTTP_DOCUMENT_URI", "/a")], 404),
    ([], 404),
]


def test_paths(bench):
    """DOCUMENT_URI, else SCRIPT_NAME and PATH_INFO, else REQUEST_URI."""
    for params, wanted in PATHS:
        with bench.suite.test(f"path: {str(params)[:70]} is {wanted}"):
            bench.origin.clear()
            if isinstance(wanted, str):
                bench.origin.put("/private" + wanted, BODY)
            reply = bench.ask([GET, *params])
            asked = [one.target for one in bench.origin.requests()]
            if isinstance(wanted, str):
                equal(asked, ["/private" + wanted])
                check_object(reply)
            else:
                equal((reply.status, asked), (wanted, []))
                equal(reply.headers[0], ("X-Accel-Expires", "0"))


# ---- What is refused, and how an answer begins ----

METHODS = ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT",
           "get", "Head", "GETS", "GE", " GET", "GET ", b"GET\0", b"HEAD\r\n",
           "", None]


def test_methods(bench):
    """Only GET and HEAD come near the bucket."""
    def touched():
        stats = bench.memcached.stats()
        return (len(bench.origin.requests()), stats["cmd_get"],
                stats["cmd_set"], stats["cmd_touch"])

    path = bench.put()
    before = touched()
    for method in METHODS:
        with bench.suite.test(f"method: {method!r} is 405, and nobody is "
                              "asked"):
            params = [("DOCUMENT_URI", path)]
            if method is not None:
                params.append(("REQUEST_METHOD", method))
            reply = bench.ask(params)
            equal((reply.status, dict(reply.headers).get("Allow")),
                  (405, "GET, HEAD"))
            equal((reply.body, reply.is_whole),
                  (b"405 Method Not Allowed\n", True))
            equal(touched(), before)

    with bench.suite.test("method: a body of 1 MB does not take the 405 along"):
        reply = bench.reply(request_bytes(
            [("REQUEST_METHOD", "PUT"), ("DOCUMENT_URI", path)],
            bytes(1 << 20)))
        equal((reply.status, reply.is_whole), (405, True))


# Name, parameters besides the path, what S3 does, status, may it be kept.
BEGINNINGS = [
    ("200", [], [], 200, True),
    ("HEAD", [("REQUEST_METHOD", "HEAD")], [], 200, True),
    ("206", [("HTTP_RANGE", "bytes=0-9")], [], 206, True),
    ("304", [("HTTP_IF_NONE_MATCH", "*")], [], 304, True),
    ("404", [], [{"error": "NoSuchKey"}], 404, True),
    ("405", [("REQUEST_METHOD", "PUT")], [], 405, False),
    ("412", [("HTTP_IF_MATCH", '"x"')], [], 412, False),
    ("416", [("HTTP_RANGE", "bytes=5000-")], [], 416, False),
    ("500", [], [{"error": "NoSuchBucket"}], 500, False),
    ("500 for an unknown site", [("TRYS3_SITE", "other")], [], 500, False),
    ("503", [], [{"error": "SlowDown", "times": 0}], 503, False),
]


def test_beginnings(bench):
    """X-Accel-Expires: 0 comes before all that speaks of caching."""
    for name, params, steps, wanted, is_kept in BEGINNINGS:
        with bench.suite.test(f"answer: {name}: X-Accel-Expires comes "
                              f"{'not' if is_kept else 'first'}"):
            path = bench.put(steps=steps)
            reply = bench.ask([*params, GET, ("DOCUMENT_URI", path)])
            equal((reply.status, reply.is_whole), (wanted, True))
            names = [name for name, _ in reply.headers]
            equal(names.count("X-Accel-Expires"), 0 if is_kept else 1)
            if not is_kept:
                equal(reply.headers[0], ("X-Accel-Expires", "0"))
            equal(len(names), len(set(names)), f"headers of {name}")

    with bench.suite.test("answer: two ranges are the whole"):
        for _ in range(2):
            answer = bench.client.get(bench.put(),
                                      HTTP_RANGE="bytes=0-1,5-9")
            equal((answer.status, answer.body == BODY), (200, True))

    with bench.suite.test("answer: a client cannot choose the site"):
        answer = bench.client.get(bench.put(), HTTP_TRYS3_SITE="other")
        equal(answer.status, 200)


# ---- Records ----

def test_records(bench):
    """The same request in all the ways that it may be cut."""
    params = [GET, ("HTTP_X", "x" * 60_000)]

    def cut(path):
        """A record for each byte."""
        return b"".join(
            record(PARAMS, bytes([byte]))
            for byte in encode([GET, ("DOCUMENT_URI", path)]))

    def large(path):
        """60 KB of parameters before the path, in records of 1000 bytes."""
        text = encode([*params, ("DOCUMENT_URI", path)])
        return b"".join(record(PARAMS, text[at:at + 1000])
                        for at in range(0, len(text), 1000))

    end = record(PARAMS) + record(STDIN)
    for name, make in (
            ("in one", request),
            ("a record for each byte", lambda path: begin() + cut(path) + end),
            ("60 KB in 60 records", lambda path: begin() + large(path) + end),
            ("60 KB in one record", lambda path: begin() + record(
                PARAMS, encode([*params, ("DOCUMENT_URI", path)])) + end),
            ("with padding", lambda path: request(path, padding=255)),
            ("of the id 65535", lambda path: request(path, request_id=65535)),
            ("without the end of STDIN", lambda path: request(path)[:-8]),
            ("with STDIN", lambda path: request(path)[:-8] +
             record(STDIN, b"body") + record(STDIN))):
        with bench.suite.test(f"records: {name}"):
            check_object(bench.reply(make(bench.put())))

    with bench.suite.test("records: a byte at a time"):
        with bench.send(b"") as wire:
            true(wire.send(request(bench.put()), 1), "closed too early")
            check_object(wire.read())

    with bench.suite.test("records: FCGI_KEEP_CONN: closed all the same"):
        check_object(bench.reply(request(bench.put(), flags=1)))


# ---- Peers ----

def nonsense():
    """(name, bytes) of what is no request."""
    path = encode([GET, ("DOCUMENT_URI", "/nonsense")])
    whole = request("/nonsense")
    names = b"".join(encode([(name, "")]) for name in (
        "FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_MPXS_CONNS"))
    end = record(PARAMS) + record(STDIN)

    def lying(name_len, value_len):
        text = (struct.pack("!II", name_len | 1 << 31, value_len | 1 << 31) +
                b"REQUEST_METHODGET")
        return begin() + record(PARAMS, text) + end

    return [
        ("HTTP", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("TLS", bytes.fromhex("16030100f8010000f40303") + bytes(240)),
        ("zeros", bytes(1000)),
        ("ones", b"\xff" * 1000),
        ("another version", b"\x02" + whole[1:]),
        ("GET_VALUES", record(GET_VALUES, names, 0) + whole),
        ("40 times GET_VALUES of the same name", record(
            GET_VALUES, encode([("FCGI_MAX_CONNS", "")] * 40), 0) + whole),
        ("a management record after BEGIN", begin() +
         record(GET_VALUES, names, 0) + whole),
        ("a length of 2 GB", lying(0x7fffffff, 0x7fffffff)),
        ("a length of 2 GB less 2", lying(0x7ffffffe, 3)),
        ("a length one too long", lying(14, 4)),
        ("lengths that overflow together", lying(0x7fffffff, 1)),
        ("a length that is cut", begin() + record(PARAMS, b"\x80\0") + end),
        ("PARAMS before BEGIN", record(PARAMS, path) + end),
        ("BEGIN twice", begin() + whole),
        ("BEGIN of 7 bytes", record(BEGIN, bytes(7)) + whole),
        ("BEGIN of 65535 bytes", record(BEGIN, bytes(65535)) + whole),
        ("an authorizer", begin(role=2) + whole[16:]),
        ("a role that is none", begin(role=0) + whole[16:]),
        ("two ids", begin() + record(PARAMS, path, 2) +
         record(PARAMS, b"", 2) + record(STDIN, b"", 2)),
        ("two requests at once", begin() + begin(request_id=2) + whole[16:]),
        ("an abort", begin() + record(ABORT) + whole[16:]),
        ("an abort of another", begin() + record(ABORT, b"", 2) + whole[16:]),
        ("STDIN before PARAMS", begin() + record(STDIN, b"x") + whole[16:]),
        ("DATA before PARAMS", begin() + record(DATA, b"x") + whole[16:]),
        ("an END", begin() + record(END, bytes(8)) + whole[16:]),
        ("70 KB of parameters", begin() + record(
            PARAMS, encode([("X", "x" * 70_000)])) + end),
        ("40 MB of parameters", begin() + record(
            PARAMS, encode([("X", bytes(40 << 20))]))),
    ]


def test_nonsense(bench):
    """Peers that are confused, or evil."""
    before = bench.workers()
    for name, sent in nonsense():
        with bench.suite.test(f"nonsense: {name}: closed, no worker dies"):
            bench.origin.clear()
            check_nothing(bench.reply(sent))
            bench.check_serves()
            equal(len(bench.origin.requests()), 1)
            equal(bench.workers(), before)

    with bench.suite.test("nonsense: 2,000 requests with wrong bytes in them"):
        dice = random.Random(4)
        whole = request("/wrong", padding=8)
        for _ in range(2000):
            data = bytearray(whole)
            for _ in range(dice.randint(1, 4)):
                data[dice.randrange(len(data))] = dice.choice(
                    [0, 1, 2, 0x7f, 0x80, 0xff, dice.randrange(256)])
            # Hang up at once: nobody waits for the rest of a lie.
            bench.send(bytes(data[:dice.randint(
                len(data) // 2, len(data))])).close()
        for _ in before:
            bench.check_serves()
        equal(bench.workers(), before)

    with bench.suite.test("nonsense: the log is not filled with it"):
        lines = bench.trys3d.log().count("a FastCGI request is refused")
        true(1 <= lines <= 60 * PATIENCE, f"{lines} lines")


def test_stalls(suite):
    """Peers that stop in the middle."""
    bench = Bench(suite, "patient", workers=1, read_timeout="300ms")
    whole = request("/stalled")
    before = bench.workers()
    for name, sent in (
            ("before the first byte", b""), ("after one byte", whole[:1]),
            ("in a head", whole[:7]), ("after BEGIN", whole[:16]),
            ("in PARAMS", whole[:30]), ("before the end of PARAMS",
                                        whole[:-16]),
            ("in the end of PARAMS", whole[:-9])):
        with suite.test(f"stall: {name}: the only worker is soon free"):
            with contextlib.ExitStack() as stack:
                peers = [stack.enter_context(bench.send(sent))
                         for _ in range(2)]
                # They are first in the queue.
                bench.check_serves(seconds=6)
                for peer in peers:
                    check_nothing(peer.read())
            equal(bench.workers(), before)

    with suite.test("stall: who drips a byte now and then is no better off"):
        long = begin() + record(PARAMS, bytes(60_000))
        with bench.send(b"") as peer, bench.send(
                request(bench.put()), seconds=6) as waiting:
            byte = iter(long)
            wait_for(lambda: not peer.send(bytes([next(byte)])),
                     "the peer to be given up", 6)
            check_object(waiting.read())


def test_hang_ups(suite):
    """Who asks goes away while S3 is waited for."""
    bench = Bench(suite, "lonely", workers=1)
    for name, step in (("S3 is silent", {"hold": "never"}),
                       ("S3 is silent in a head", {"stall_in_head": "never"}),
                       ("S3 is silent in a body",
                        {"stall_after": [10, "never"]}),
                       ("S3 is busy", {"error": "SlowDown"})):
        with suite.test(f"hang-up: while {name}: the only worker is free"):
            path = bench.put("left", [step | {"times": 0}])
            peer = bench.send(request(path))
            bench.origin.wait_requests(1, "/private" + path)
            peer.close()
            # S3's time-outs are 10 s, answer_timeout 20 s.
            bench.check_serves(seconds=6)

    with suite.test("hang-up: while another fetches the same: the worker is "
                    "free"):
        both = Bench(suite, "both", workers=2)
        path = both.put("shared", [{"hold": "shared"}])
        first = both.send(request(path))
        both.origin.wait_requests(1, "/private" + path)
        asked = both.memcached.stats()["cmd_get"]
        second = both.send(request(path))
        wait_for(lambda: both.memcached.stats()["cmd_get"] != asked,
                 "the second to look")
        second.close()
        both.check_serves(seconds=6)
        both.origin.release("shared")
        with first:
            check_object(first.read())
        equal(len(both.origin.requests("/private" + path)), 1)

    with suite.test("hang-up: 100 at once, before or after they have asked"):
        before = bench.workers()
        path = bench.put()
        whole = request(path)
        for number in range(100):
            bench.send(whole[:number * len(whole) // 99]).close()
        bench.check_serves()
        equal(bench.workers(), before)


def main():
    """All of it."""
    with Suite() as suite:
        bench = Bench(suite, "trys3d", answer_timeout="1s")
        test_paths(bench)
        test_methods(bench)
        test_beginnings(bench)
        test_records(bench)
        test_nonsense(bench)
        test_stalls(suite)
        test_hang_ups(suite)


if __name__ == "__main__":
    main()

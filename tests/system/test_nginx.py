#!/usr/bin/env python3
"""The shipped nginx files: first with a stand-in for trys3d that shows what
nginx tells it and makes what mistakes we like, then with everything real."""

import contextlib
import http.server
import os
import signal
import shutil
import socket
import struct
import subprocess
import threading
import time

from harness import (ENVIRONMENT, Memcached, Nginx, Rgw, Skip, Suite, Trys3d,
                     equal, free_port, true, wait_for)

BEGIN, END, PARAMS, STDIN, STDOUT = 1, 3, 4, 5, 6
KEEP_CONN = 1


class Asked:
    """A request as it came by FastCGI."""

    def __init__(self):
        self.flags = None
        self.params = []
        self.body = b""

    def __getitem__(self, name):
        values = [value for key, value in self.params if key == name]
        equal(len(values), 1, f"how often {name} came")
        return values[0]

    def headers(self):
        """What came of the client's headers."""
        return sorted(key for key, _ in self.params if key.startswith("HTTP_"))


class Responder:
    """Stands in for trys3d: keeps what it is asked, answers what it is told:
    .answers, called with an Asked, yields pieces of standard output; when it
    raises ConnectionError the worker has crashed."""

    def __init__(self, suite):
        self.path = f"{suite.folder}/responder.sock"
        self.socket = f"unix:{self.path}"
        self.asked = []
        self.connections = 0
        self.answers = None
        self._listener = None
        self.start()
        suite.on_end(self.stop)

    def start(self):
        """Listen."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen(64)
        threading.Thread(target=self._accept, args=(self._listener,),
                         daemon=True).start()

    def stop(self):
        """Listen no more."""
        self._listener.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)

    def reset(self, *pieces):
        """Forget what was asked; from now on answer with PIECES."""
        self.asked.clear()
        self.answers = lambda asked: pieces

    def _accept(self, listener):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(connection,),
                                 daemon=True).start()

    def _serve(self, connection):
        with connection, contextlib.suppress(OSError):
            stream = connection.makefile("rb")
            asked = self._read(stream)
            self.asked.append(asked)
            for piece in self.answers(asked):
                for start in range(0, len(piece), 32768):
                    self._write(connection, STDOUT,
                                piece[start:start + 32768])
            self._write(connection, STDOUT, b"")
            self._write(connection, END, bytes(8))

    @staticmethod
    def _write(connection, kind, content):
        connection.sendall(struct.pack(">BBHHBx", 1, kind, 1, len(content), 0)
                           + content)

    @staticmethod
    def _read(stream):
        asked = Asked()
        params = b""
        while True:
            _, kind, _, length, padding = struct.unpack(
                ">BBHHBx", stream.read(8))
            content = stream.read(length)
            stream.read(padding)
            if kind == BEGIN:
                asked.flags = content[2]
            elif kind == PARAMS:
                params += content
            elif kind == STDIN and content:
                asked.body += content
            elif kind == STDIN:
                break
        while params:
            lengths = []
            for _ in range(2):
                size = 4 if params[0] & 0x80 else 1
                lengths.append(int.from_bytes(params[:size], "big")
                               & 0x7fffffff)
                params = params[size:]
            name, value = lengths
            asked.params.append((params[:name].decode(),
                                 params[name:name + value]))
            params = params[name + value:]
        return asked


class Application:
    """Stands in for the application: tells what it was asked."""

    def __init__(self, suite):
        class Handler(http.server.BaseHTTPRequestHandler):
            """Answers with method, path and length of the body."""

            def answer(self):
                """Any method."""
                length = int(self.headers.get("Content-Length", 0))
                taken = len(self.rfile.read(length))
                body = f"{self.command} {self.path} {taken}".encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        self.port = free_port()
        server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port),
                                                 Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        suite.on_end(server.shutdown)


def whole(body, status="200 OK", **headers):
    """An answer as trys3d gives it."""
    headers = {"Content-Length": len(body), "Content-Type": "image/png",
               "Accept-Ranges": "bytes", "ETag": '"tag"',
               "Last-Modified": "Tue, 01 Jan 2019 00:00:00 GMT"} | {
                   name.replace("_", "-"): value
                   for name, value in headers.items()}
    return f"Status: {status}\r\n".encode() + b"".join(
        f"{name}: {value}\r\n".encode() for name, value in headers.items()
        if value is not None) + b"\r\n" + body


def crash(*pieces):
    """An answer that ends with the worker."""
    def answers(_asked):
        yield from pieces
        raise ConnectionError
    return answers


@contextlib.contextmanager
def gone_when_opened(nginx, name):
    """The file NAME on the disk of NGINX is there when its workers ask whether
    it is, and gone when they open it."""
    if not shutil.which("strace", path=ENVIRONMENT["PATH"]):
        raise Skip("strace is not installed")
    pid = nginx.process.pid
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        workers = file.read().split()
    command = ["strace", "-P", nginx.root / name,
               "-e", "inject=openat:error=ENOENT"]
    for worker in workers:
        command += ["-p", worker]
    with subprocess.Popen(command, env=ENVIRONMENT, text=True,
                          stderr=subprocess.PIPE) as strace:
        for _ in workers:
            line = strace.stderr.readline()
            if not line.endswith("attached\n"):
                raise Skip(line.strip())
        yield
        strace.terminate()
        true("INJECTED" in strace.stderr.read(), "it was opened")


# As the client sends it, and the path that it means.
PATHS = [
    ("/a%20b", b"/a b"),
    ("/a+b", b"/a+b"),
    ("/c%2Bd", b"/c+d"),
    ("/a%2525b", b"/a%25b"),
    ("/a%3Fb", b"/a?b"),
    ("/a%23b", b"/a#b"),
    ("/q?b=c", b"/q"),
    ("/a//b", b"/a//b"),
    ("//a", b"//a"),
    ("/a%2Fb", b"/a/b"),
    ("/a/./b/../c", b"/a/c"),
    ("/%22'%3C%26", b"/\"'<&"),
    ("/日本", "/日本".encode()),
    ("/%E6%97%A5%F0%9F%97%BB", "/日🗻".encode()),
    ("/%FF", b"/\xff"),
    ("/" + "x" * 1023, b"/" + b"x" * 1023),
    ("/@s3", b"/@s3"),
]

HOSTILE = {
    "Cookie": "session=secret", "Proxy": "http://evil.example",
    "X-Amz-Security-Token": "x", "X-Accel-Redirect": "/@s3",
    "X-Accel-Expires": "999999", "Document-Uri": "/other",
    "Trys3-Site": "other", "X-Http-Method-Override": "DELETE",
    "Content-Type": "text/plain",
}
CONDITIONS = {
    "Range": "bytes=1-2", "If-Range": '"tag"', "If-Match": '"tag"',
    "If-None-Match": '"other"',
    "If-Modified-Since": "Tue, 01 Jan 2008 00:00:00 GMT",
    "If-Unmodified-Since": "Tue, 01 Jan 2030 00:00:00 GMT",
}


def test_both(suite, responder, application, nginx, name):
    """What holds with the cache and without."""
    with suite.test(f"{name}: nothing is to be had without the password"):
        nginx.put_file("disk.png", b"on the disk")
        responder.reset(whole(b"x"))
        for path in ("/disk.png", "/bucket.png", "/@s3", "/gyazo", "/"):
            for headers in ({}, {"Authorization": "Basic eDp5"}):
                answer = nginx.get(path, headers, is_authorized=False)
                equal(answer.status, 401, path)
        equal(responder.asked, [])

    with suite.test(f"{name}: what is on the disk comes from the disk"):
        answer = nginx.get("/disk.png")
        equal((answer.status, answer.body), (200, b"on the disk"))
        equal(responder.asked, [])

    with suite.test(f"{name}: what trys3 moves between two looks at the disk "
                    "comes from trys3d"):
        responder.reset(whole(b"in the bucket"))
        with gone_when_opened(nginx, "disk.png"):
            answer = nginx.get("/disk.png")
        equal((answer.status, answer.body), (200, b"in the bucket"))
        equal(responder.asked[0]["DOCUMENT_URI"], b"/disk.png")

    with suite.test(f"{name}: what is not is asked of trys3d, by its path"):
        for path, meant in PATHS:
            responder.reset(whole(meant))
            answer = nginx.get(path)
            equal((answer.status, answer.body), (200, meant), path)
            equal(responder.asked[0]["DOCUMENT_URI"], meant, path)

    with suite.test(f"{name}: GET comes as GET, without TRYS3_SITE"):
        responder.reset(whole(b"x"))
        nginx.get("/get?site=other")
        equal(responder.asked[0]["REQUEST_METHOD"], b"GET")
        equal([key for key, _ in responder.asked[0].params
               if "SITE" in key], [])

    with suite.test(f"{name}: no header but ranges and conditions passes"):
        responder.reset(whole(b"x"))
        nginx.get("/headers", HOSTILE)
        equal(responder.asked[0].headers(), [])
        values = b" ".join(v for _, v in responder.asked[0].params)
        for secret in (b"secret", b"evil", nginx.authorization.encode()):
            true(secret not in values, f"{secret} passes")

    with suite.test(f"{name}: the protocol says where an answer ends, and "
                    "no connection is kept"):
        responder.reset(whole(b"x"))
        responder.connections = 0
        for number in range(5):
            nginx.get(f"/connection{number}")
        equal([asked.flags for asked in responder.asked], [KEEP_CONN] * 5)
        equal(responder.connections, 5)

    with suite.test(f"{name}: PUT, POST and DELETE come as they are, without "
                    "a body, also where a GET is cached"):
        responder.reset(whole(b"x"))
        nginx.get("/refused")
        responder.reset(whole(b"", "405 Method Not Allowed",
                              Allow="GET, HEAD"))
        for method in ("PUT", "POST", "DELETE", "OPTIONS", "PATCH"):
            answer = nginx.request(method, "/refused", body=b"y" * 500)
            equal(answer.status, 405, method)
            equal(responder.asked[-1]["REQUEST_METHOD"], method.encode())
            equal(responder.asked[-1].body, b"")
        equal(nginx.request("PUT", "/refused", body=b"y" * 5000).status, 413)
        equal(len(responder.asked), 5)

    with suite.test(f"{name}: large headers pass, both ways"):
        responder.reset(whole(b"x", Content_Disposition="d" * 12000))
        answer = nginx.get("/large-headers", {
            "Cookie": "c" * 7000, "X-One": "1" * 7000, "X-Two": "2" * 7000})
        equal(answer.status, 200)
        equal(answer.header("Content-Disposition"), "d" * 12000)

    with suite.test(f"{name}: a worker that dies in the middle is seen as a "
                    "failure"):
        for length in (200000, None):
            path = f"/crash{length}"
            head = whole(b"", Content_Length=length)
            responder.answers = crash(head, b"z" * 70000)
            answer = nginx.get(path)
            true(not answer.is_whole, "a short answer looks whole")
            answer = nginx.get(path, is_kept=True, seconds=5)
            true(not answer.is_whole and not answer.is_late,
                 "a browser is kept waiting")
            responder.reset(whole(b"z" * 200000))
            answer = nginx.get(path)
            equal((answer.status, answer.body), (200, b"z" * 200000))

    with suite.test(f"{name}: a worker that dies before the answer is 502"):
        responder.answers = crash()
        equal(nginx.get("/crash-early").status, 502)
        responder.reset(whole(b"x"))
        equal(nginx.get("/crash-early").status, 200)

    with suite.test(f"{name}: without trys3d, 502 for what is not on the "
                    "disk, and for no longer"):
        responder.stop()
        equal(nginx.get("/daemon-down").status, 502)
        equal(nginx.get("/disk.png").status, 200)
        responder.start()
        equal(nginx.get("/daemon-down").status, 200)

    with suite.test(f"{name}: X-Accel-Redirect and the like mean nothing"):
        responder.reset(whole(b"x", X_Accel_Redirect="/disk.png"))
        answer = nginx.get("/redirected")
        equal((answer.status, answer.body), (200, b"x"))

    with suite.test(f"{name}: /gyazo goes to the application"):
        responder.reset(whole(b"x"))
        equal(nginx.get("/gyazo?a=b").body, b"GET /gyazo?a=b 0")
        answer = nginx.request("POST", "/gyazo/upload", body=b"i" * 2000000)
        equal(answer.body, b"POST /gyazo/upload 2000000")
        equal(responder.asked, [])
        true(application.port, "")


def test_cached(suite, responder, nginx):
    """What the cache adds."""
    body = bytes(range(256)) * 1000

    def asked():
        return len(responder.asked)

    with suite.test("cache: HEAD is asked as GET, and the GET that follows is "
                    "whole"):
        responder.reset(whole(body))
        head = nginx.head("/head-first")
        equal((head.status, head.header("Content-Length")),
              (200, str(len(body))))
        equal(responder.asked[0]["REQUEST_METHOD"], b"GET")
        answer = nginx.get("/head-first")
        equal((answer.status, answer.body), (200, body))
        equal(asked(), 1)
        equal([answer.header("Cache-Status"), head.header("Cache-Status")],
              ["nginx; hit", "nginx; fwd=uri-miss"])

    with suite.test("cache: HEAD after GET is right too"):
        head = nginx.head("/head-first")
        equal((head.status, head.header("Content-Length"), asked()),
              (200, str(len(body)), 1))

    with suite.test("cache: ranges come from the whole, first and later"):
        responder.reset(whole(body))
        for _ in range(2):
            answer = nginx.get("/ranges", {"Range": "bytes=1000-1999"})
            equal((answer.status, answer.body), (206, body[1000:2000]))
            equal(answer.header("Content-Range"),
                  f"bytes 1000-1999/{len(body)}")
        equal(responder.asked[0].headers(), [])
        equal(nginx.get("/ranges", {"Range": "bytes=-5"}).body, body[-5:])
        answer = nginx.get("/ranges", {"Range": "bytes=999999-"})
        equal((answer.status, answer.header("Content-Range")),
              (416, f"bytes */{len(body)}"))
        answer = nginx.get("/ranges", {"Range": "bytes=0-9",
                                       "If-Range": '"other"'})
        equal((answer.status, answer.body), (200, body))
        equal(asked(), 1)

    with suite.test("cache: conditions are judged by nginx, first and later"):
        for path in ("/conditions", "/conditions"):
            answer = nginx.get(path, {"If-None-Match": '"x", W/"tag"'})
            equal((answer.status, answer.body), (304, b""))
        equal(nginx.get("/conditions", {
            "If-Modified-Since": "Tue, 01 Jan 2019 00:00:00 GMT"}).status, 304)
        equal(nginx.get("/conditions", {"If-Match": '"x"'}).status, 412)
        equal(nginx.get("/conditions", {"If-None-Match": '"x"'}).body, body)

    with suite.test("cache: 404 is kept, errors are not"):
        for status, times in (("404 Not Found", 1),
                              ("500 Internal Server Error", 3),
                              ("503 Service Unavailable", 3),
                              ("405 Method Not Allowed", 3),
                              ("206 Partial Content", 3),
                              ("302 Found", 3), ("204 No Content", 3)):
            responder.reset(whole(b"text\n", status, ETag=None))
            for _ in range(3):
                answer = nginx.get(f"/status{status[:3]}")
                equal(answer.status, int(status[:3]))
            equal(asked(), times, status)

    with suite.test("cache: X-Accel-Expires: 0 keeps nothing"):
        responder.reset(whole(b"x", X_Accel_Expires=0))
        for _ in range(3):
            answer = nginx.get("/not-kept")
            equal((answer.body, answer.header("X-Accel-Expires")),
                  (b"x", None))
        equal(asked(), 3)

    with suite.test("cache: paths that differ are different, hosts are not"):
        for path, meant in PATHS:
            responder.reset(whole(b"wrong"))
            answer = nginx.get(path, {"Host": "other.example"})
            equal((answer.body, asked()), (meant, 0), path)

    with suite.test("cache: the query and the spelling make no difference"):
        responder.reset(whole(b"same"))
        for path in ("/dir/same", "/dir/same?a", "/dir/same?b=c",
                     "/dir/./x/../same", "/%64ir/same"):
            equal(nginx.get(path).body, b"same", path)
        equal(asked(), 1)

    with suite.test("cache: nobody waits for the renewal of what has run out"):
        responder.reset(whole(b"old", X_Accel_Expires=1))
        nginx.get("/slow-renewal")
        is_answered = threading.Event()

        def wait_for_client(_asked):
            is_answered.wait(20)
            return [whole(b"new")]
        responder.reset()
        responder.answers = wait_for_client
        while nginx.get("/slow-renewal", seconds=5).header(
                "Cache-Status") == "nginx; hit":
            time.sleep(0.05)
        equal(nginx.get("/slow-renewal", seconds=5).body, b"old")
        is_answered.set()
        wait_for(lambda: nginx.get("/slow-renewal").body == b"new", "the new")

    with suite.test("cache: what has run out is answered when trys3d fails"):
        responder.reset(whole(b"old", X_Accel_Expires=1))
        equal(nginx.get("/stale").body, b"old")
        responder.reset(whole(b"", "503 Service Unavailable",
                              X_Accel_Expires=0))
        wait_for(lambda: nginx.get("/stale").header("Cache-Status") ==
                 "nginx; hit; detail=stale", "it to run out")
        wait_for(asked, "the renewal behind the client's back")
        for _ in range(3):
            answer = nginx.get("/stale")
            equal((answer.status, answer.body), (200, b"old"))

    with suite.test("cache: it is renewed by asking for changes, by HEAD too"):
        responder.reset(whole(b"old", X_Accel_Expires=1))
        nginx.get("/renewed")
        responder.reset(whole(body))
        wait_for(lambda: (nginx.head("/renewed"), asked())[1], "the renewal")
        equal(responder.asked[0].headers(),
              ["HTTP_IF_MODIFIED_SINCE", "HTTP_IF_NONE_MATCH"])
        equal(responder.asked[0]["HTTP_IF_NONE_MATCH"], b'"tag"')
        equal(responder.asked[0]["REQUEST_METHOD"], b"GET")
        wait_for(lambda: nginx.get("/renewed").body == body, "the new body")
        equal(asked(), 1)

    with suite.test("cache: 304 renews it for another day"):
        responder.reset(whole(b"same", X_Accel_Expires=1))
        nginx.get("/same")
        responder.reset(whole(b"", "304 Not Modified", Content_Length=None,
                              Content_Type=None))
        wait_for(lambda: (nginx.get("/same"), asked())[1], "the renewal")
        wait_for(lambda: nginx.get("/same").header("Cache-Status") ==
                 "nginx; hit", "the renewed entry")
        equal((nginx.get("/same").body, asked()), (b"same", 1))

    with suite.test("cache: many that miss the same are one for trys3d"):
        def slowly(_asked):
            time.sleep(0.3)
            return [whole(body)]
        responder.reset()
        responder.answers = slowly
        answers = []
        threads = [threading.Thread(
            target=lambda: answers.append(nginx.get("/together")))
            for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        equal([answer.body == body for answer in answers], [True] * 10)
        equal(asked(), 1)


def test_uncached(suite, responder, nginx):
    """What trys3d sees without the cache."""
    with suite.test("no cache: HEAD stays HEAD"):
        responder.reset(whole(b""))
        nginx.head("/head")
        equal(responder.asked[0]["REQUEST_METHOD"], b"HEAD")

    with suite.test("no cache: ranges and conditions pass, nothing else"):
        responder.reset(whole(b"x", "206 Partial Content",
                              Content_Range="bytes 1-1/3"))
        answer = nginx.get("/range", HOSTILE | CONDITIONS)
        equal(responder.asked[0].headers(), sorted(
            "HTTP_" + name.upper().replace("-", "_") for name in CONDITIONS))
        for name, value in CONDITIONS.items():
            key = "HTTP_" + name.upper().replace("-", "_")
            equal(responder.asked[0][key], value.encode())
        equal((answer.status, answer.all("Content-Range"), answer.body),
              (206, ["bytes 1-1/3"], b"x"))

    with suite.test("no cache: nothing is kept"):
        responder.reset(whole(b"x"))
        for _ in range(3):
            equal(nginx.get("/again").header("Cache-Status"), None)
        equal(len(responder.asked), 3)


KEYS = ["a.png", "a b", "a+b", "a%b", "a%2Fb", "a?b", "a#b", "\"'", "日本/画像.png",
        "🗻", "a//b", "/lead", "x" * 1024, "@s3", "a&b=c;d", "~-_.!*'()"]


def escaped(key):
    """The path a client asks for KEY by; % for all that is not a letter."""
    return "/" + "".join(
        chr(byte) if chr(byte).isalnum() and byte < 128 or byte == 0x2f
        else f"%{byte:02X}" for byte in key.encode())


def test_real(suite, rgw, trys3d, nginx, name):
    """All is real."""
    image = b"\x89PNG\r\n\x1a\n" + os.urandom(300000)
    small = os.urandom(1000)

    with suite.test(f"{name}: the disk, then the bucket, then 404"):
        rgw.s3.put("bucket.png", small, {"Content-Type": "image/png"})
        rgw.s3.put("both.png", b"in the bucket")
        nginx.put_file("both.png", b"on the disk")
        equal(nginx.get("/both.png").body, b"on the disk")
        answer = nginx.get("/bucket.png")
        equal((answer.status, answer.body), (200, small))
        equal(answer.header("Content-Type"), "image/png")
        equal(nginx.get(f"/missing-{nginx.name}.png").status, 404)
        equal(nginx.get("/").status, 404)
        equal(nginx.get("/bucket.png", is_authorized=False).status, 401)

    with suite.test(f"{name}: keys are exact"):
        for key in KEYS:
            rgw.s3.put(key, key.encode())
        for key in KEYS:
            answer = nginx.get(escaped(key))
            equal((answer.status, answer.body), (200, key.encode()), key)

    with suite.test(f"{name}: HEAD, then GET, of small and large"):
        for key, body in (("small", small), ("large", image * 10)):
            rgw.s3.put(key, body)
            head = nginx.head(f"/{key}")
            equal((head.status, head.header("Content-Length")),
                  (200, str(len(body))))
            answer = nginx.get(f"/{key}")
            true(answer.status == 200 and answer.body == body, key)
            equal(answer.header("ETag"), head.header("ETag"))

    with suite.test(f"{name}: ranges of small and large"):
        for key, body in (("small", small), ("large", image * 10)):
            for text, part in (("0-0", body[:1]), ("10-19", body[10:20]),
                               ("500-", body[500:]), ("-7", body[-7:])):
                answer = nginx.get(f"/{key}", {"Range": f"bytes={text}"})
                true((answer.status, answer.body) == (206, part), text)
                true(answer.header("Content-Range").endswith(
                    f"/{len(body)}"), "Content-Range")
            answer = nginx.get(f"/{key}", {"Range": "bytes=99999999-"})
            equal((answer.status, answer.header("Content-Range")),
                  (416, f"bytes */{len(body)}"))

    with suite.test(f"{name}: conditions"):
        head = nginx.head("/small")
        tag, date = head.header("ETag"), head.header("Last-Modified")
        for headers, status in (
                ({"If-None-Match": tag}, 304),
                ({"If-None-Match": f'"x", W/{tag}'}, 304),
                ({"If-None-Match": "*"}, 304),
                ({"If-None-Match": '"x"'}, 200),
                ({"If-Modified-Since": date}, 304),
                ({"If-Match": tag}, 200), ({"If-Match": '"x"'}, 412),
                ({"If-Unmodified-Since": date}, 200),
                ({"Range": "bytes=0-1", "If-Range": tag}, 206),
                ({"Range": "bytes=0-1", "If-Range": '"x"'}, 200)):
            equal(nginx.get("/small", headers).status, status, str(headers))
        answer = nginx.get("/small", {"If-None-Match": tag})
        equal((answer.header("ETag"), answer.body), (tag, b""))

    with suite.test(f"{name}: what is not GET or HEAD is 405"):
        for method in ("PUT", "POST", "DELETE", "PATCH", "OPTIONS"):
            answer = nginx.request(method, "/small", body=b"new")
            equal((answer.status, answer.header("Allow")),
                  (405, "GET, HEAD"), method)
        equal(rgw.s3.get("small"), small)

    with suite.test(f"{name}: nothing of S3's shows"):
        for path in ("/small", f"/missing-{nginx.name}.png"):
            answer = nginx.get(path)
            true(not [key for key, _ in answer.headers
                      if key.lower().startswith(("x-amz", "x-rgw",
                                                 "x-accel"))],
                 lambda seen=answer: str(seen.headers))
            for header, _ in answer.headers:
                if header.lower() != "cache-status":
                    equal(len(answer.all(header)), 1, header)
            true(b"<" not in answer.body or path == "/small", "XML")

    with suite.test(f"{name}: a worker killed in the middle is seen"):
        body = os.urandom(1 << 20) * 64

        def kill_workers():
            for pid in trys3d.workers():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

        for number in range(5):
            key = f"huge{number}"
            rgw.s3.put(key, body)
            answer = nginx.get(f"/{key}", on_head=kill_workers)
            true(not answer.is_whole or answer.body == body,
                 "a short answer looks whole")
            if not answer.is_whole:
                break
        true(not answer.is_whole, "no worker was hit in the middle")
        answer = nginx.get(f"/{key}")
        true(answer.is_whole and answer.body == body, "the next is whole")


def main():
    """All of it."""
    with Suite() as suite:
        responder = Responder(suite)
        application = Application(suite)
        cached = Nginx(suite, responder.socket, True, application.port,
                       "cached")
        uncached = Nginx(suite, responder.socket, False, application.port,
                         "uncached")
        test_both(suite, responder, application, cached, "cache")
        test_both(suite, responder, application, uncached, "no cache")
        test_cached(suite, responder, cached)
        test_uncached(suite, responder, uncached)

        with suite.test("the application is down: 502"):
            alone = Nginx(suite, responder.socket, name="alone")
            equal(alone.get("/gyazo").status, 502)

        try:
            rgw = Rgw(suite)
        except Skip as skip:
            suite.skip("everything real", skip)
            return
        memcached = Memcached(suite)
        trys3d = Trys3d(suite, {
            "cache": {"servers": memcached.address},
            "site gyazo": rgw.site()})
        for is_cached, name in ((True, "cache"), (False, "no cache")):
            memcached.flush()
            test_real(suite, rgw, trys3d,
                      Nginx(suite, trys3d.socket, is_cached,
                            name=f"real-{'' if is_cached else 'un'}cached"),
                      f"real, {name}")


if __name__ == "__main__":
    main()

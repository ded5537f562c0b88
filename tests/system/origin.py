#!/usr/bin/env python3
"""An HTTP/1.1 origin that misbehaves on demand, for the faults that no real
S3 server can be asked for.

It keeps objects and serves them properly: GET and HEAD, one Range, If-Match,
404 NoSuchKey, connections kept open.  For each target a script can be given,
a list of steps for one request after the other; behind its end the object is
served again.  Every request is recorded as it came.  Signatures are not
verified: that is what the real servers are for.

    with Origin() as origin:
        origin.put("/bucket/a", b"hello")
        origin.script("/bucket/a", [
            {"error": "SlowDown"},                  # 503 and its XML
            {"break_after": 3},                     # three bytes, then FIN
            {"reset_after": 3},                     # the same by RST
            {"stall_after": [3, "go"]},             # until origin.release("go")
        ])
        ...
        origin.requests("/bucket/a")[0].header("range")

A step is the object's answer but for what it says:

    status          another status line; then headers and body are the step's
    reason          and its words
    error           S3's code: status (unless given) and XML body follow
    message, region, request_id
                    what the XML says besides
    headers         {name: value}, put over the answer's; None takes one away;
                    a list of values gives as many copies
    body            text (UTF-8), or body_base64
    object          true: the object's answer in spite of a status
    ignore_range    true: 200 with all of it
    etag            another ETag than the object's
    framing         "length" (else), "chunked", "none" (ended by the close)
    content_length  a number that is a lie
    interim         [100, 103]: these come first
    hold            event: nothing at all is answered before it is released
    stall_after     [bytes of body, event]: there it waits for the event
    stall_in_head   event: in the midst of the headers
    delay_ms        before the answer; for orders of events, not for sleeping
    drip            [bytes, ms]: the body in such pieces
    break_after     bytes of body (of the chunked form too), then FIN
    reset_after     the same, then RST
    drop            true: FIN instead of an answer; "reset": RST
    raw             bytes, as Latin-1 text, instead of an answer, then FIN
    date            the Date header's text; or skew_s: seconds off
    close           true: Connection: close
    times           so many requests are answered by this step (1; 0: for ever)

As a program, `origin.py [--tls CERT KEY] [--port PORT]`, it prints its port,
runs until SIGTERM, and is told what to do by PUT /_control with JSON: {"put":
{target: text or {"body_base64" | "size", "headers"}}, "delete": [target],
"script": {target: [step]}, "release": [event], "clear": true}.  GET /_control
answers the requests so far.
"""

import argparse
import base64
import collections
import email.utils
import hashlib
import json
import random
import re
import signal
import socket
import ssl
import struct
import time
from xml.sax.saxutils import escape

from server import Over, Server

STATUSES = {
    "AccessDenied": 403, "AccountProblem": 403, "AllAccessDisabled": 403,
    "AuthorizationHeaderMalformed": 400, "ExpiredToken": 400,
    "IllegalLocationConstraintException": 400, "InternalError": 500,
    "InvalidAccessKeyId": 403, "InvalidObjectState": 403, "InvalidRange": 416,
    "InvalidToken": 400, "NoSuchBucket": 404, "NoSuchKey": 404,
    "NotImplemented": 501, "PermanentRedirect": 301,
    "PreconditionFailed": 412, "RequestTimeTooSkewed": 403,
    "RequestTimeout": 400, "ServiceUnavailable": 503,
    "SignatureDoesNotMatch": 403, "SlowDown": 503, "TemporaryRedirect": 307,
}
PIECE = 65536
HEAD_MAX = 65536


class Pattern:
    """SIZE bytes, no two places of which look alike for a long way, without
    the memory for them: to see that a gigabyte came whole and in order."""

    _block = random.Random(3).randbytes(1_000_003)

    def __init__(self, size):
        self.size = size

    def __len__(self):
        return self.size

    def __getitem__(self, part):
        """The bytes of a slice."""
        first, behind, _ = part.indices(self.size)
        pieces = []
        while first < behind:
            at = first % len(self._block)
            piece = self._block[at:at + behind - first]
            pieces.append(piece)
            first += len(piece)
        return b"".join(pieces)


class Object:
    def __init__(self, body, headers):
        self.body = body
        self.headers = {"Content-Type": "binary/octet-stream",
                        "Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT",
                        "Accept-Ranges": "bytes"}
        if isinstance(body, bytes):
            tag = hashlib.md5(body, usedforsecurity=False).hexdigest()
        else:
            tag = f"{len(body):032x}-9"
        self.headers["ETag"] = f'"{tag}"'
        self.headers.update(headers)


class Request:
    """One request as it came."""

    def __init__(self, head, connection):
        lines = head.decode("latin-1").split("\r\n")
        self.line = lines[0]
        self.method, self.target, self.version = (
            lines[0].split(" ") + ["", "", ""])[:3]
        self.path, mark, _ = self.target.partition("?")
        self.script = self.path + mark
        self.headers = [tuple(part.strip() for part in line.split(":", 1))
                        for line in lines[1:] if ":" in line]
        self.connection = connection    # counted from 1
        self.time = time.monotonic()

    def header(self, name):
        """The first header of NAME, or None."""
        for this, value in self.headers:
            if this.lower() == name.lower():
                return value
        return None

    def names(self):
        """The names of all headers, in lower case and in order."""
        return [name.lower() for name, _ in self.headers]

    def shown(self):
        return {"method": self.method, "target": self.target,
                "headers": self.headers, "connection": self.connection,
                "time": self.time}


class Answer:
    def __init__(self, status, reason, headers, body):
        self.status = status
        self.reason = reason
        self.headers = headers
        self.body = body


class Origin(Server):
    def __init__(self, tls=None, port=0):
        """TLS: the files of a certificate and its key; None: plain."""
        self._tls = None
        if tls is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(*tls)
            # No session is resumed: each connection is verified.
            self._tls.options |= ssl.OP_NO_TICKET
            self._tls.num_tickets = 0
        self._objects = {}
        self._scripts = {}
        self._requests = []
        super().__init__(port)
        scheme = "http" if tls is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    # What a test says.

    def site(self, **more):
        """Settings of a [site] whose bucket is this: /private/KEY."""
        return {"bucket": "private", "endpoint": self.url,
                "access_key_id": "AK", "secret_access_key": "SK"} | more

    def put(self, target, body, headers=None):
        """Serve BODY (bytes or Pattern) at TARGET, the path on the wire."""
        with self._lock:
            self._objects[target] = Object(body, headers or {})

    def delete(self, target):
        with self._lock:
            self._objects.pop(target, None)

    def script(self, target, steps):
        """Answer the next requests for TARGET by STEPS; "*" is any target
        without a script of its own, and with a "?" behind it those that have
        a query, whatever it is: a presigned URL."""
        with self._lock:
            self._scripts[target] = collections.deque(
                dict(step) for step in steps)

    def requests(self, target=None):
        """The requests so far, for TARGET or all."""
        with self._lock:
            return [request for request in self._requests
                    if target in (None, request.target)]

    def wait_requests(self, count, target=None, seconds=30):
        """Wait until there are COUNT requests; those."""
        end = time.monotonic() + seconds
        with self._lock:
            while True:
                found = [request for request in self._requests
                         if target in (None, request.target)]
                if len(found) >= count:
                    return found
                left = end - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"{len(found)} of {count} requests "
                                       f"for {target} after {seconds} s")
                self._lock.wait(left)

    def clear(self):
        """Forget scripts, requests and events; keep the objects."""
        with self._lock:
            self._scripts.clear()
            self._requests.clear()
            self._released.clear()

    # Connections.

    def _open(self, connection):
        return connection if self._tls is None else self._tls.wrap_socket(
            connection, server_side=True)

    def _talk(self, connection, number):
        while self._serve_one(connection, number):
            pass

    def _read_head(self, connection):
        """A request's head, and what came behind it."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(PIECE)
            if not more or len(data) > HEAD_MAX:
                raise Over
            data += more
        head, _, rest = data.partition(b"\r\n\r\n")
        return head, rest

    def _serve_one(self, connection, number):
        head, rest = self._read_head(connection)
        request = Request(head, number)
        if request.target == "/_control":
            self._control(connection, request, rest)
            return True
        with self._lock:
            self._requests.append(request)
            step = self._next_step(request.script)
            answer = self._make_answer(request, step)
            self._lock.notify_all()
        self._send(connection, request, step, answer)
        return not step.get("close")

    # What is answered.

    def _next_step(self, target):
        steps = self._scripts.get(target) or self._scripts.get("*")
        if not steps:
            return {}
        step = steps[0]
        times = step.get("times", 1)
        if times == 1:
            steps.popleft()
        elif times > 1:
            step["times"] = times - 1
        return step

    def _make_answer(self, request, step):
        if "error" in step:
            answer = self._make_error(step["error"], step)
        elif "status" in step and not step.get("object"):
            answer = Answer(step["status"], "", {}, step_body(step))
        else:
            answer = self._make_object(request, step)
            answer.status = step.get("status", answer.status)
        answer.reason = step.get("reason", answer.reason or "Whatever")
        answer.headers.setdefault("Date", self._date(step))
        answer.headers.setdefault("x-amz-request-id",
                                  step.get("request_id", "ORIGIN1"))
        if step.get("close"):
            answer.headers["Connection"] = "close"
        answer.headers.update(step.get("headers", {}))
        return answer

    @staticmethod
    def _date(step):
        return step.get("date") or email.utils.formatdate(
            time.time() + step.get("skew_s", 0), usegmt=True)

    @staticmethod
    def _make_error(code, step):
        texts = {"Code": code, "Message": step.get("message", "As told."),
                 "Region": step.get("region"),
                 "RequestId": step.get("request_id", "ORIGIN1")}
        body = "".join(f"<{name}>{escape(text)}</{name}>"
                       for name, text in texts.items() if text is not None)
        return Answer(step.get("status", STATUSES.get(code, 400)), code,
                      {"Content-Type": "application/xml"},
                      ('<?xml version="1.0" encoding="UTF-8"?>\n<Error>'
                       f"{body}</Error>").encode())

    def _make_object(self, request, step):
        stored = self._objects.get(request.path)
        if stored is None:
            return self._make_error("NoSuchKey", step)
        headers = dict(stored.headers)
        if "etag" in step:
            headers["ETag"] = step["etag"]
        if request.header("if-match") not in (None, headers["ETag"]):
            return self._make_error("PreconditionFailed", step)
        wanted = request.header("range")
        if wanted is None or step.get("ignore_range"):
            return Answer(200, "OK", headers, stored.body)
        size = len(stored.body)
        part = lay_range(wanted, size)
        if part is None:
            return self._make_error("InvalidRange", step)
        first, last = part
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        if isinstance(stored.body, Pattern):
            return Answer(206, "Partial Content", headers,
                          _Part(stored.body, first, last))
        return Answer(206, "Partial Content", headers,
                      stored.body[first:last + 1])

    # How it is sent.

    @staticmethod
    def _reset(connection):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                              struct.pack("ii", 1, 0))
        if isinstance(connection, ssl.SSLSocket):
            connection = socket.socket(fileno=connection.detach())
        connection.close()
        raise Over

    def _send(self, connection, request, step, answer):
        if "delay_ms" in step:
            time.sleep(step["delay_ms"] / 1000)
        if "hold" in step:
            self._wait(step["hold"])
        if step.get("drop") == "reset":
            self._reset(connection)
        if step.get("drop"):
            raise Over
        if "raw" in step:
            connection.sendall(step["raw"].encode("latin-1"))
            raise Over
        for status in step.get("interim", []):
            connection.sendall(f"HTTP/1.1 {status} Interim\r\n"
                               "X-Interim: yes\r\n\r\n".encode())
        self._send_head(connection, step, answer)
        has_body = request.method != "HEAD" and answer.status not in (204, 304)
        if has_body:
            self._send_body(connection, step, answer.body)
        if "reset_after" in step:
            self._reset(connection)
        if has_body and ("break_after" in step or
                         step.get("framing") == "none"):
            raise Over

    def _send_head(self, connection, step, answer):
        headers = dict(answer.headers)
        framing = step.get("framing", "length")
        if framing == "chunked":
            headers.setdefault("Transfer-Encoding", "chunked")
        elif framing == "length" and answer.status not in (204, 304):
            headers.setdefault("Content-Length",
                               step.get("content_length", len(answer.body)))
        lines = []
        for name, value in headers.items():
            values = value if isinstance(value, list) else [value]
            lines += [f"{name}: {one}\r\n" for one in values
                      if one is not None]
        start = f"HTTP/1.1 {answer.status} {answer.reason}\r\n"
        if "stall_in_head" in step:
            connection.sendall(start.encode("latin-1"))
            self._wait(step["stall_in_head"])
            start = ""
        connection.sendall(
            (start + "".join(lines) + "\r\n").encode("utf-8"))

    def _send_body(self, connection, step, body):
        """BODY, as far as the step lets it come."""
        end = min((step[name] for name in ("break_after", "reset_after")
                   if name in step), default=len(body))
        stall_at, event = step.get("stall_after", [None, None])
        piece, pause_ms = step.get("drip", [PIECE, 0])
        is_chunked = step.get("framing") == "chunked"
        at = 0
        while True:
            if event is not None and at >= stall_at:
                self._wait(event)
                event = None
            if at >= min(end, len(body)):
                break
            behind = min(at + piece, end, len(body))
            if event is not None:
                behind = min(behind, stall_at)
            data = body[at:behind]
            if is_chunked:
                data = b"%x\r\n%s\r\n" % (len(data), data)
            connection.sendall(data)
            at = behind
            if pause_ms:
                time.sleep(pause_ms / 1000)
        if is_chunked and "break_after" not in step and \
                "reset_after" not in step:
            connection.sendall(b"0\r\n\r\n")

    # Told from outside.

    def _control(self, connection, request, body):
        length = int(request.header("content-length") or 0)
        while len(body) < length:
            more = connection.recv(PIECE)
            if not more:
                raise Over
            body += more
        status, text = 200, ""
        if request.method == "GET":
            text = json.dumps([one.shown() for one in self.requests()])
        else:
            try:
                self._obey(json.loads(body))
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                status, text = 400, repr(error)
        data = text.encode()
        connection.sendall(
            f"HTTP/1.1 {status} Told\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(data)}\r\n\r\n".encode() + data)

    def _obey(self, orders):
        if orders.get("clear"):
            self.clear()
        for target, what in orders.get("put", {}).items():
            if isinstance(what, str):
                what = {"body": what}
            body = Pattern(what["size"]) if "size" in what else step_body(what)
            self.put(target, body, what.get("headers"))
        for target in orders.get("delete", []):
            self.delete(target)
        for target, steps in orders.get("script", {}).items():
            self.script(target, steps)
        for event in orders.get("release", []):
            self.release(event)


class _Part:
    """Bytes FIRST to LAST of a Pattern."""

    def __init__(self, whole, first, last):
        self.whole = whole
        self.first = first
        self.size = last + 1 - first

    def __len__(self):
        return self.size

    def __getitem__(self, part):
        first, behind, _ = part.indices(self.size)
        return self.whole[self.first + first:self.first + behind]


def step_body(step):
    if "body_base64" in step:
        return base64.b64decode(step["body_base64"])
    body = step.get("body", b"")
    return body.encode() if isinstance(body, str) else body


def lay_range(text, size):
    """First and last of the one range in TEXT; None: not satisfiable."""
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", text)
    if found is None or found.group(0) == "bytes=-":
        return None
    first, last = found.groups()
    if first == "":
        count = min(int(last), size)
        return (size - count, size - 1) if count > 0 else None
    if int(first) >= size:
        return None
    return int(first), min(int(last), size - 1) if last else size - 1


def main():
    parser = argparse.ArgumentParser(description="An origin with faults.")
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"))
    parser.add_argument("--port", type=int, default=0)
    arguments = parser.parse_args()
    # Before there are threads, so that none of them takes the signal.
    ends = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    origin = Origin(arguments.tls, arguments.port)
    print(origin.port, flush=True)
    signal.sigwait(ends)
    origin.stop()


if __name__ == "__main__":
    main()

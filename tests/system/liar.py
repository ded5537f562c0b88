"""An HTTP/1.1 proxy before a real S3 server that misbehaves on demand: for
faults of a server that signatures, multipart and listings are needed for.  What
it forwards, it forwards to the byte, the Host header as well, so that the
client's signatures hold.

    liar = Liar(rgw.s3)                     # its endpoint is liar.url
    suite.on_end(liar.stop)
    liar.tell({"status": 500}, method="PUT")            # the next PUT
    liar.tell({"drop": "after"}, key=r"\\.png$", at=3)   # their third request
    liar.tell({"swallow": True}, part=1, times=0)       # each first part
    ...
    [(asked.method, asked.key, asked.status) for asked in liar.asked()]

A step says what becomes of a request; what is not said is done as it should be:

    do              a function, called with the request before anything else,
                    while the client waits
    hold            event: wait for release(event) before anything else
    drop            "before" it is forwarded, or "after": FIN, no answer
    reset           the same, by RST
    status          S3's answer is this and its XML, and nothing is forwarded;
    code            the code in the XML (InternalError...)
    is_after        true: with status: it is forwarded, and done, all the same
    swallow         true: 200 with all that belongs to it, and nothing was done
    store           for PUTs of objects and parts: what is stored in place of
                    the body, a function of it.  By the key of our own, and without
                    conditions; answered with the ETag of what was sent
    done            a function, called with the request when S3 has answered and
                    the client has not heard of it
    hold_answer     event: wait for release(event) then
    body            what comes in place of the body of a good answer, a function
                    of it
    cut             that body ends after so many bytes, then FIN
    headers         {name: value} in the answer; None: not there.  With a
                    Content-Length that is not the body's the connection ends
                    behind it

A thread serves each connection; requests are counted as they come.
"""

import contextlib
import hashlib
import re
import socket
import struct
import urllib.parse

from server import Over, Server

PIECE = 1 << 16
CODES = {403: "AccessDenied", 404: "NoSuchKey", 409: "OperationAborted",
         412: "PreconditionFailed", 500: "InternalError",
         501: "NotImplemented", 503: "SlowDown"}


class Asked:
    """One request as it came."""

    def __init__(self, number, head):
        self.number = number    # from 1
        self.head = head
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, _ = lines[0].split(" ", 2)
        self.headers = [tuple(part.strip() for part in line.split(":", 1))
                        for line in lines[1:] if ":" in line]
        path, _, query = self.target.partition("?")
        _, self.bucket, self.key = (urllib.parse.unquote(path).split(
            "/", 2) + ["", ""])[:3]
        self.query = dict(urllib.parse.parse_qsl(query, True))
        self.length = int(self.header("content-length") or 0)
        self.body = b""
        self.status = None      # what it was answered; None: nothing yet

    def header(self, name):
        """The first header of NAME, or None."""
        for this, value in self.headers:
            if this.lower() == name.lower():
                return value
        return None

    @property
    def by(self):
        """The id of the key that signed it."""
        found = re.search(r"Credential=([^/]*)/",
                          self.header("authorization") or "")
        return found.group(1) if found else ""

    @property
    def has_condition(self):
        """Is it to be done only if nothing is there: "True", "False"."""
        return str(self.header("if-none-match") is not None)

    @property
    def what(self):
        """Its kind: "PUT", "HEAD", "GET"; "initiate", "part", "complete",
        "abort"; "list", "uploads"."""
        if "uploadId" in self.query:
            return {"PUT": "part", "POST": "complete", "DELETE": "abort",
                    "GET": "parts"}.get(self.method, self.method)
        if "uploads" in self.query:
            return "initiate" if self.method == "POST" else "uploads"
        if not self.key and self.method == "GET":
            return "list"
        return self.method

    def __repr__(self):
        return f"<{self.number} {self.method} {self.target} {self.status}>"


class Answer:
    """What S3 answered, or what we do in its place."""

    def __init__(self, status, headers, body, reason="As told"):
        self.status = status
        self.headers = headers  # (name, value), without the framing
        self.body = body
        self.length = len(body)  # that of HEAD is not the body's
        self.reason = reason


class _Rule:
    def __init__(self, step, at, times, fields):
        self.step = step
        self._at = at
        self._times = times
        self._fields = fields
        self._seen = 0

    def takes(self, asked):
        """Is ASKED one of those; counts it."""
        for name, wanted in self._fields.items():
            if name == "part":
                if asked.query.get("partNumber") != str(wanted):
                    return False
            elif not re.search(wanted, getattr(asked, name)):
                return False
        self._seen += 1
        return self._seen >= self._at and (
            self._times == 0 or self._seen < self._at + self._times)


class Liar(Server):
    """See above.  S3: a client of the server behind, for what we store."""

    def __init__(self, s3):
        self.s3 = s3
        self._behind = (s3.url.hostname, s3.url.port)
        self._rules = []
        self._asked = []
        super().__init__()
        self.url = f"http://127.0.0.1:{self.port}"

    # What a test says.

    def tell(self, step, at=1, times=1, **fields):
        """Treat by STEP the AT-th request from now on that FIELDS fit, and so
        many more that it is TIMES (0: for ever).  FIELDS: method, key, target,
        what, by, has_condition (regular expressions), part (a number).  Of
        several rules the first that takes a request counts."""
        fields = {name: f"^(?:{wanted})$" if name in ("method", "what")
                  else wanted for name, wanted in fields.items()}
        with self._lock:
            self._rules.append(_Rule(step, at, times, fields))

    def clear(self):
        """Forget rules, requests and events."""
        with self._lock:
            self._rules.clear()
            self._asked.clear()
            self._released.clear()

    def asked(self, **fields):
        """The requests so far, of those that FIELDS fit exactly."""
        with self._lock:
            return [asked for asked in self._asked
                    if all(getattr(asked, name) == wanted
                           for name, wanted in fields.items())]

    # Connections.

    def _talk(self, connection, _):
        client, server = _Stream(connection), _Behind(self._behind)
        try:
            while self._serve_one(client, server):
                pass
        finally:
            server.close()

    def _serve_one(self, client, server):
        head = client.until(b"\r\n\r\n")
        with self._lock:
            asked = Asked(len(self._asked) + 1, head)
            self._asked.append(asked)
            step = next((rule.step for rule in self._rules
                         if rule.takes(asked)), {})
            self._lock.notify_all()
        if (asked.header("expect") or "").lower() == "100-continue":
            client.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        asked.body = client.exactly(asked.length)
        self._before(client, asked, step)
        answer = self._make_answer(server, asked, step)
        if "done" in step:
            step["done"](asked)
        self._wait(step.get("hold_answer"))
        self._end_if(client, step, "after")
        asked.body = b""
        asked.status = answer.status
        self._send(client, asked, step, answer)
        return (asked.header("connection") or "").lower() != "close"

    @staticmethod
    def _end_if(client, step, when):
        """Close the connection, if that is to be now."""
        if step.get("reset") == when:
            client.reset()
        if when in (step.get("reset"), step.get("drop")):
            raise Over

    def _before(self, client, asked, step):
        if "do" in step:
            step["do"](asked)
        self._wait(step.get("hold"))
        self._end_if(client, step, "before")

    # What is answered.

    def _make_answer(self, server, asked, step):
        if step.get("swallow"):
            return self._swallowed(asked)
        if "store" in step:
            self._store(asked, step["store"](asked.body))
            return self._swallowed(asked)
        if "status" in step:
            if step.get("is_after"):
                server.ask(asked)
            code = step.get("code", CODES.get(step["status"], "Unknown"))
            return Answer(step["status"], [
                ("Content-Type", "application/xml")], (
                    '<?xml version="1.0" encoding="UTF-8"?><Error><Code>'
                    f"{code}</Code><Message>As told.</Message><RequestId>LIAR"
                    "</RequestId></Error>").encode())
        answer = server.ask(asked)
        if "body" in step and answer.status < 300:
            answer.body = step["body"](answer.body)
            answer.length = len(answer.body)
        return answer

    @staticmethod
    def _swallowed(asked):
        """As if it had been done."""
        tag = f'"{hashlib.md5(asked.body).hexdigest()}"'
        if asked.what == "complete":
            return Answer(200, [("Content-Type", "application/xml")], (
                '<?xml version="1.0" encoding="UTF-8"?>'
                "<CompleteMultipartUploadResult><Location>"
                f"{asked.target}</Location><Bucket>{asked.bucket}</Bucket>"
                f"<Key>{asked.key}</Key><ETag>{tag}</ETag>"
                "</CompleteMultipartUploadResult>").encode())
        if asked.what == "initiate":
            return Answer(200, [("Content-Type", "application/xml")], (
                '<?xml version="1.0" encoding="UTF-8"?>'
                "<InitiateMultipartUploadResult><Bucket>"
                f"{asked.bucket}</Bucket><Key>{asked.key}</Key>"
                "<UploadId>none</UploadId></InitiateMultipartUploadResult>"
            ).encode())
        status = 204 if asked.method == "DELETE" else 200
        return Answer(status, [("ETag", tag)], b"")

    def _store(self, asked, body):
        """Store BODY as what ASKED brings, in our own name."""
        kept = {name: value for name, value in asked.headers
                if name.lower().startswith("x-amz-meta-") or
                name.lower() in ("content-type", "cache-control")}
        self.s3.request("PUT", asked.key, body, kept, asked.query)

    def _send(self, client, asked, step, answer):
        headers = dict(answer.headers)
        if asked.method == "HEAD":
            answer.body = b""
        if answer.status not in (204, 304):
            headers.setdefault("Content-Length", str(answer.length))
        headers.update(step.get("headers", {}))
        cut = step.get("cut") if answer.status < 300 else None
        client.send(f"HTTP/1.1 {answer.status} {answer.reason}\r\n".encode() +
                    b"".join(f"{name}: {value}\r\n".encode("latin-1")
                             for name, value in headers.items()
                             if value is not None) + b"\r\n" +
                    answer.body[:cut])
        if cut is not None or "Content-Length" in step.get("headers", {}):
            raise Over


class _Stream:
    """A connection that is read by parts."""

    def __init__(self, connection):
        self._connection = connection
        self._seen = b""

    def send(self, data):
        self._connection.sendall(data)

    def reset(self):
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                    struct.pack("ii", 1, 0))

    def until(self, mark):
        """All up to MARK, and it."""
        while mark not in self._seen:
            part = self._connection.recv(PIECE)
            if not part:
                raise Over
            self._seen += part
        found, _, self._seen = self._seen.partition(mark)
        return found + mark

    def exactly(self, length):
        """LENGTH bytes."""
        parts = [self._seen[:length]]
        self._seen = self._seen[length:]
        left = length - len(parts[0])
        while left > 0:
            part = self._connection.recv(min(left, 1 << 20))
            if not part:
                raise Over
            parts.append(part)
            left -= len(part)
        return b"".join(parts)


class _Behind:
    """The real one, by one connection."""

    def __init__(self, where):
        self._where = where
        self._connection = None

    def close(self):
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def ask(self, asked):
        """Forward ASKED; what it answers."""
        is_old = self._connection is not None
        try:
            return self._ask_once(asked)
        except (Over, OSError):
            # An idle connection may have been closed.
            self.close()
            if not is_old:
                raise
            return self._ask_once(asked)

    def _ask_once(self, asked):
        if self._connection is None:
            self._connection = socket.create_connection(self._where, 120)
            self._connection.setsockopt(socket.IPPROTO_TCP,
                                        socket.TCP_NODELAY, 1)
        stream = _Stream(self._connection)
        # It may answer, and close, before it has all of the body.
        with contextlib.suppress(ConnectionError):
            stream.send(asked.head)
            stream.send(asked.body)
        status = 100
        while status < 200:
            start, *lines = stream.until(b"\r\n\r\n").decode(
                "latin-1").split("\r\n")
            status = int(start.split(" ", 2)[1])
        headers = [(name, value.strip()) for name, _, value in
                   (line.partition(":") for line in lines if line)]
        lower = {name.lower(): value for name, value in headers}
        body = self._body(stream, asked, status, lower)
        if lower.get("connection", "").lower() == "close":
            self.close()
        kept = [(name, value) for name, value in headers if name.lower()
                not in ("transfer-encoding", "connection", "content-length")]
        answer = Answer(status, kept, body, (start.split(" ", 2) + [""])[2])
        if asked.method == "HEAD":
            answer.length = int(lower.get("content-length", 0))
        return answer

    @staticmethod
    def _body(stream, asked, status, headers):
        if asked.method == "HEAD" or status in (204, 304):
            return b""
        if headers.get("transfer-encoding", "").lower() == "chunked":
            parts = []
            while True:
                size = int(stream.until(b"\r\n").split(b";")[0], 16)
                parts.append(stream.exactly(size))
                stream.until(b"\r\n")
                if size == 0:
                    return b"".join(parts)
        return stream.exactly(int(headers.get("content-length", 0)))

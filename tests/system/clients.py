"""Clients that show exactly what was answered: of HTTP, and of S3."""

import base64
import contextlib
import datetime
import functools
import hashlib
import hmac
import http.client
import socket
import ssl
import time
import urllib.parse
from typing import NamedTuple

from checks import PATIENCE, shown, true


class Answer(NamedTuple):
    """What a server answered, exactly."""
    status: int
    headers: list  # of (name, value) as sent, in order, with duplicates
    body: bytes
    is_whole: bool  # the body ended as its framing says
    is_late: bool  # it was cut by our time-out, not by the server
    seconds: float

    def all(self, name):
        """The values of all headers NAME."""
        return [value for key, value in self.headers
                if key.lower() == name.lower()]

    def header(self, name):
        """The value of the header NAME, which must not be there twice; None if
        it is not there."""
        values = self.all(name)
        true(len(values) < 2, f"{name} twice: {values}")
        return values[0] if values else None


class Http:
    """A client for 127.0.0.1:PORT that sends what it is told and shows what
    came, complete or not.  One connection a request."""

    def __init__(self, port, user=None):
        self.port = port
        self.authorization = user and ("Basic " + base64.b64encode(
            user.encode()).decode())

    def request(self, method, target, headers=(), body=None, seconds=30,
                is_authorized=True, is_kept=False, on_head=None):
        """METHOD for TARGET, which goes to the wire as it is (str as UTF-8);
        HEADERS: pairs, or a dict.  IS_KEPT: the connection is not asked to be
        closed, as browsers do.  ON_HEAD is called when the head has come and
        the body has not been read.  An answer without a head is a Failure."""
        if isinstance(target, str):
            target = target.encode()
        headers = list(headers.items() if hasattr(headers, "items")
                       else headers)
        names = {name.lower() for name, _ in headers}
        if "host" not in names:
            headers.insert(0, ("Host", f"127.0.0.1:{self.port}"))
        if self.authorization and is_authorized:
            headers.append(("Authorization", self.authorization))
        if not is_kept:
            headers.append(("Connection", "close"))
        if body is not None and "content-length" not in names:
            headers.append(("Content-Length", str(len(body))))
        head = b"".join([method.encode(), b" ", target, b" HTTP/1.1\r\n"] +
                        [f"{name}: {value}\r\n".encode("latin-1")
                         for name, value in headers] + [b"\r\n"])
        return self.exchange(head + (body or b""), method == "HEAD", seconds,
                             on_head)

    def exchange(self, sent, is_head=False, seconds=30, on_head=None):
        """Send the bytes SENT; the Answer, see request."""
        start = time.monotonic()
        reader = _AnswerReader(self.port, start + seconds * PATIENCE)
        try:
            return reader.read(sent, is_head, start, on_head)
        finally:
            reader.close()

    def get(self, target, headers=(), **options):
        """GET, see request."""
        return self.request("GET", target, headers, **options)

    def head(self, target, headers=(), **options):
        """HEAD, see request."""
        return self.request("HEAD", target, headers, **options)


class _AnswerReader:
    def __init__(self, port, end):
        self._end = end
        self._seen = b""
        self._is_late = False
        self._socket = socket.create_connection(("127.0.0.1", port), 10)

    def close(self):
        self._socket.close()

    def _more(self):
        """Read more; false at the end of the connection or of patience."""
        left = self._end - time.monotonic()
        try:
            if left <= 0:
                raise socket.timeout
            self._socket.settimeout(left)
            part = self._socket.recv(1 << 20)
        except socket.timeout:
            self._is_late = True
            return False
        except OSError:
            return False
        self._seen += part
        return bool(part)

    def _until(self, mark):
        """All up to MARK, without it; None if it does not come."""
        while mark not in self._seen:
            if not self._more():
                return None
        found, _, self._seen = self._seen.partition(mark)
        return found

    def _exactly(self, length):
        """LENGTH bytes, or what there is."""
        parts = []
        while length > 0:
            if not self._seen and not self._more():
                break
            part, self._seen = self._seen[:length], self._seen[length:]
            parts.append(part)
            length -= len(part)
        return b"".join(parts), length == 0

    def _chunks(self):
        body = []
        while True:
            size = self._until(b"\r\n")
            if size is None:
                return b"".join(body), False
            length = int(size.split(b";")[0], 16)
            chunk, is_whole = self._exactly(length)
            body.append(chunk)
            if not is_whole or self._until(b"\r\n") is None:
                return b"".join(body), False
            if length == 0:
                return b"".join(body), True

    def read(self, sent, is_head, start, on_head):
        with contextlib.suppress(ConnectionError):
            self._socket.sendall(sent)
        head = self._until(b"\r\n\r\n")
        true(head is not None, lambda: "no answer, only " + shown(self._seen))
        status, *lines = head.decode("latin-1").split("\r\n")
        headers = [(name, value.strip()) for name, _, value in
                   (line.partition(":") for line in lines)]
        code = int(status.split()[1])
        if on_head:
            on_head()
        lower = {name.lower(): value for name, value in headers}
        if is_head or code in (204, 304):
            body, is_whole = b"", True
        elif lower.get("transfer-encoding") == "chunked":
            body, is_whole = self._chunks()
        else:
            # Without a length it ends with the connection, whole or not.
            body, is_whole = self._exactly(
                int(lower.get("content-length", 1 << 62)))
            is_whole = is_whole or "content-length" not in lower
        return Answer(code, headers, body, is_whole and not self._is_late,
                      self._is_late, time.monotonic() - start)


def s3_escape(key):
    """The bytes KEY as they stand in a path."""
    return urllib.parse.quote(key, safe="/-_.~")


class S3:
    """A client for putting things into a bucket and for looking at what is
    there; path style, keys any bytes or str.  Signs by itself, so that it can
    testify on the signing of trys3d."""

    def __init__(self, endpoint, key_id, secret, bucket="private",
                 region="us-east-1", ca_file=None, token=None, service="s3"):
        self.url = urllib.parse.urlsplit(endpoint)
        self.key_id = key_id
        self.secret = secret
        self.bucket = bucket
        self.region = region
        self.ca_file = ca_file
        self.token = token
        self.service = service

    def _sign(self, method, path, query, headers, digest):
        now = datetime.datetime.now(datetime.timezone.utc)
        date = now.strftime("%Y%m%d")
        scope = f"{date}/{self.region}/{self.service}/aws4_request"
        headers["x-amz-content-sha256"] = digest
        headers["x-amz-date"] = now.strftime("%Y%m%dT%H%M%SZ")
        if self.token:
            headers["x-amz-security-token"] = self.token
        signed = sorted((name.lower(), str(value).strip())
                        for name, value in headers.items())
        names = ";".join(name for name, _ in signed)
        canonical = "\n".join(
            [method, path, query] +
            [f"{name}:{value}" for name, value in signed] +
            ["", names, digest])
        to_sign = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], scope,
                             hashlib.sha256(canonical.encode()).hexdigest()])
        key = functools.reduce(
            lambda key, part: hmac.digest(key, part.encode(), "sha256"),
            [date, self.region, self.service, "aws4_request"],
            b"AWS4" + self.secret.encode())
        headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.key_id}/{scope}, "
            f"SignedHeaders={names}, Signature="
            + hmac.digest(key, to_sign.encode(), "sha256").hex())

    def _connect(self):
        where = (self.url.hostname, self.url.port)
        if self.url.scheme == "http":
            return http.client.HTTPConnection(*where, timeout=120)
        return http.client.HTTPSConnection(
            *where, timeout=120,
            context=ssl.create_default_context(cafile=self.ca_file))

    def request(self, method, key, body=b"", headers=None, query=None,
                is_signed=True, length=None):
        """One request; an Answer.  BODY: bytes, or an iterable of LENGTH bytes
        in all.  QUERY: a dict."""
        path = f"/{self.bucket}" + (f"/{s3_escape(key)}" if key else "")
        query = "&".join(f"{s3_escape(name).replace('/', '%2F')}="
                         f"{urllib.parse.quote(value, safe='-_.~')}"
                         for name, value in sorted((query or {}).items()))
        headers = {"Host": self.url.netloc} | (headers or {})
        if is_signed:
            self._sign(method, path, query, headers, "UNSIGNED-PAYLOAD"
                       if length is not None else
                       hashlib.sha256(body).hexdigest())
        if method == "PUT":
            headers["Content-Length"] = str(len(body) if length is None
                                            else length)
        start = time.monotonic()
        connection = self._connect()
        try:
            connection.request(method, path + (query and "?" + query), body,
                               {name: str(value).encode() for name, value
                                in headers.items()})
            answer = connection.getresponse()
            return Answer(answer.status, answer.getheaders(), answer.read(),
                          True, False, time.monotonic() - start)
        finally:
            connection.close()

    def _do(self, method, key, *arguments, **options):
        answer = self.request(method, key, *arguments, **options)
        true(answer.status in (200, 204), lambda:
             f"{method} {key!r}: {answer.status} {answer.body!r}")
        return answer

    def put(self, key, body, headers=None, length=None):
        """Store BODY as KEY with HEADERS."""
        return self._do("PUT", key, body, headers, length=length)

    def get(self, key):
        """The bytes of KEY."""
        return self._do("GET", key).body

    def delete(self, key):
        """Remove KEY."""
        return self._do("DELETE", key)

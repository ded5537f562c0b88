"""The web server's side of FastCGI, for what nginx cannot be made to do: say
any parameter, read as slowly as a test likes, hang up in the middle, and see
the headers in the order in which trys3d wrote them."""

import re
import socket
import struct
import time

from harness import PATIENCE, Answer, Failure, true

BEGIN, END, PARAMS, STDIN, STDOUT = 1, 3, 4, 5, 6


def _length(size):
    return bytes([size]) if size < 128 else struct.pack("!I", size | 1 << 31)


def record(kind, content=b"", request_id=1, padding=0):
    """CONTENT as records of KIND, or the empty one that ends a stream."""
    return b"".join(
        struct.pack("!BBHHBx", 1, kind, request_id, len(part), padding) +
        part + b"p" * padding
        for part in (content[at:at + 65535]
                     for at in range(0, len(content) or 1, 65535)))


def begin(flags=0, role=1, request_id=1):
    """A BEGIN_REQUEST."""
    return record(BEGIN, struct.pack("!HB5x", role, flags), request_id)


def encode(params):
    """PARAMS (pairs of str or bytes) as they stand in records."""
    pairs = [[part if isinstance(part, bytes) else str(part).encode()
              for part in pair] for pair in params]
    return b"".join(_length(len(name)) + _length(len(value)) + name + value
                    for name, value in pairs)


def request_bytes(params, stdin=b""):
    """A whole request as bytes, to be cut, garbled or sent as it is."""
    content = encode(params)
    return (begin() + record(PARAMS, content) +
            (record(PARAMS) if content else b"") +
            (record(STDIN, stdin) if stdin else b"") + record(STDIN))


class Exchange:
    """A request with PARAMS (pairs of str or bytes), sent to ADDRESS when made,
    its answer read as far as is asked for.  Nothing takes over SECONDS."""

    def __init__(self, address, params, seconds=30):
        if address.startswith("unix:"):
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.connect(address[5:])
        else:
            host, _, port = address.rpartition(":")
            self._socket = socket.create_connection(
                (host.strip("[]"), int(port)))
        self._end = time.monotonic() + seconds * PATIENCE
        self._socket.settimeout(seconds * PATIENCE)
        self._raw = b""      # records, not yet taken apart
        self._output = b""   # of the answer, not yet taken
        self.is_ended = False
        self._socket.sendall(request_bytes(params))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Hang up."""
        self._socket.close()

    def _receive(self):
        """More of the raw bytes; false where there are none any more."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise Failure("no end of the answer in time")
        self._socket.settimeout(left)
        try:
            part = self._socket.recv(65536)
        except socket.timeout:
            raise Failure("the answer does not go on in time") from None
        except ConnectionError:
            part = b""
        self._raw += part
        return bool(part)

    def _more(self):
        """The next record's content to the output; false at the end, whatever
        that was: .is_ended tells whether it was the right one."""
        while not self.is_ended:
            if len(self._raw) >= 8:
                version, kind, _, length, padding = struct.unpack(
                    "!BBHHBx", self._raw[:8])
                if version != 1:
                    return False
                size = 8 + length + padding
                if len(self._raw) >= size:
                    content = self._raw[8:8 + length]
                    self._raw = self._raw[size:]
                    self._output += content if kind == STDOUT else b""
                    # Of FCGI_REQUEST_COMPLETE.
                    self.is_ended = kind == END and content[4] == 0
                    if kind == STDOUT and content:
                        return True
                    continue
            if not self._receive():
                return False
        return False

    def head(self):
        """(status, headers); a Failure where it does not come."""
        while b"\r\n\r\n" not in self._output:
            true(self._more(), "no head of an answer")
        text, _, self._output = self._output.partition(b"\r\n\r\n")
        headers = [(name, value.strip()) for name, _, value in
                   (line.partition(":")
                    for line in text.decode("latin-1").split("\r\n"))]
        true(headers[0][0] == "Status", f"Status is not first: {headers}")
        return int(re.match(r"\d+", headers[0][1])[0]), headers[1:]

    def read(self, size=1 << 20):
        """At most SIZE bytes of the body, some at least; b"" at the end."""
        if not self._output:
            self._more()
        part, self._output = self._output[:size], self._output[size:]
        return part


class Fastcgi:
    """A client of the trys3d that listens on ADDRESS."""

    def __init__(self, address):
        self.address = address

    def open(self, path, method="GET", params=(), seconds=30):
        """A request for PATH with more PARAMS (pairs), to be read."""
        return Exchange(self.address, [("REQUEST_METHOD", method),
                                       ("DOCUMENT_URI", path), *params],
                        seconds)

    def request(self, path, method="GET", params=(), seconds=30):
        """The same, read to its end: a harness.Answer."""
        start = time.monotonic()
        with self.open(path, method, params, seconds) as exchange:
            status, headers = exchange.head()
            parts = []
            while part := exchange.read():
                parts.append(part)
        body = b"".join(parts)
        lengths = [int(value) for name, value in headers
                   if name == "Content-Length"]
        is_whole = exchange.is_ended and (
            method == "HEAD" or lengths in ([], [len(body)]))
        return Answer(status, headers, body, is_whole, False,
                      time.monotonic() - start)

    def get(self, path, **params):
        """GET with PARAMS by name (HTTP_RANGE="bytes=0-9")."""
        return self.request(path, params=params.items())


class Wire:
    """A connection to ADDRESS on which any bytes are sent, at any time, and
    what comes back is kept to the last byte.  Nothing takes over SECONDS."""

    def __init__(self, address, seconds=30):
        if address.startswith("unix:"):
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.settimeout(seconds * PATIENCE)
            self._socket.connect(address[5:])
        else:
            host, _, port = address.rpartition(":")
            self._socket = socket.create_connection(
                (host.strip("[]"), int(port)), seconds * PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Hang up."""
        self._socket.close()

    def send(self, data, size=None):
        """DATA in pieces of SIZE bytes (None: at once), each of which may be
        seen for itself; false where the peer has closed."""
        size = size or max(len(data), 1)
        try:
            for at in range(0, len(data), size):
                self._socket.sendall(data[at:at + size])
        except ConnectionError:
            return False
        return True

    def read(self):
        """All that comes until the peer closes: a Reply."""
        raw = b""
        try:
            while part := self._socket.recv(65536):
                raw += part
        except ConnectionError:
            pass
        except socket.timeout:
            raise Failure("the connection is not closed in time") from None
        return Reply(raw)


class Reply:
    """What came over a connection up to its end.

    .output     all of STDOUT
    .status     of its head; None where there is no whole one
    .headers    pairs in their order, Status not among them
    .body       what stood behind it
    .has_eof    STDOUT was ended
    .has_end    END_REQUEST came, status 0, request complete
    .tail       bytes that are no record: b"" after a proper end, 8 zeros
                after an answer that failed, part of a record otherwise
    .sizes      of the records of STDOUT
    """

    def __init__(self, raw):
        self.output = b""
        self.has_eof = self.has_end = False
        self.sizes = []
        while len(raw) >= 8:
            version, kind, _, length, padding = struct.unpack(
                "!BBHHBx", raw[:8])
            if version != 1 or len(raw) < 8 + length + padding:
                break
            content = raw[8:8 + length]
            raw = raw[8 + length + padding:]
            if kind == STDOUT:
                self.output += content
                self.sizes.append(length)
                self.has_eof |= length == 0
            elif kind == END:
                self.has_end = content == bytes(8)
        self.tail = raw
        head, is_whole, self.body = self.output.partition(b"\r\n\r\n")
        pairs = [(name, value.strip()) for name, _, value in
                 (line.partition(":")
                  for line in head.decode("latin-1").split("\r\n"))]
        self.status = self.headers = None
        if is_whole:
            self.status = int(re.match(r"\d+", pairs[0][1])[0])
            self.headers = pairs[1:]

    @property
    def is_whole(self):
        """It ended as a success does."""
        return self.has_eof and self.has_end and self.tail == b""

    @property
    def is_failed(self):
        """It was made to fail where every nginx sees it."""
        return not (self.has_eof or self.has_end) and self.tail == bytes(8)

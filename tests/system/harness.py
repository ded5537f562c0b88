"""What every system test needs: real servers in a folder of their own, clients
that show exactly what was answered, and TAP.

A test program reads from top to bottom:

    from harness import Nginx, Rgw, Suite, Trys3d, equal

    with Suite() as suite:
        rgw = Rgw(suite)
        trys3d = Trys3d(suite, {"site main": rgw.site()})
        nginx = Nginx(suite, trys3d.socket)

        with suite.test("an object comes from the bucket"):
            rgw.s3.put("a.png", b"...")
            equal(nginx.get("/a.png").body, b"...")

Whatever is started is waited for, ended with the suite, and has its log in
suite.folder; the ends of the logs are shown when a test fails.  Nothing of the
environment comes through but what names the programs:

    TRYS3D          the program; ./trys3d
    TRYS3_WRAPPER   put before it: "valgrind --error-exitcode=99 -q"
"""

import base64
import contextlib
import datetime
import functools
import hashlib
import hmac
import http.client
import os
import pathlib
import random
import re
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.parse
from typing import NamedTuple, Optional

TOP = pathlib.Path(__file__).resolve().parents[2]
LAB = TOP / "tests" / "lab"
WRAPPER = shlex.split(os.environ.get("TRYS3_WRAPPER", ""))
PROGRAM = os.path.abspath(os.environ.get("TRYS3D", "trys3d"))
# Everything may take so many times longer.
PATIENCE = 10 if WRAPPER else 1

# So that tests of one machine do not depend on another's settings.
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if name in ("ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS",
                "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE", "GCOV_PREFIX",
                "GCOV_PREFIX_STRIP", "TMPDIR")
}
ENVIRONMENT["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT["LC_ALL"] = "C.UTF-8"


class Failure(AssertionError):
    """What was seen is not what is right."""


class Skip(Exception):
    """The test cannot be made here; says why."""


def shown(value):
    """VALUE for a message, shortened."""
    text = repr(value)
    return text if len(text) <= 300 else f"{text[:300]}... ({len(value)})" \
        if hasattr(value, "__len__") else text[:300] + "..."


def equal(got, wanted, what=""):
    """Fail unless GOT == WANTED."""
    if got != wanted:
        raise Failure(f"{what}{': ' if what else ''}got {shown(got)}, "
                      f"wanted {shown(wanted)}")


def true(condition, what):
    """Fail with the message WHAT unless CONDITION."""
    if not condition:
        raise Failure(what() if callable(what) else what)


def wait_for(condition, what, seconds=10):
    """Call CONDITION until it is true; its value.  Fails after SECONDS."""
    end = time.monotonic() + seconds * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"waited {seconds * PATIENCE} s for {what}")
        time.sleep(0.01)


def free_port():
    """A port of 127.0.0.1 below those that the kernel hands out by itself."""
    while True:
        port = random.SystemRandom().randrange(10000, 30000)
        with socket.socket() as probe:
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port


def is_listening(address):
    """Does someone listen on ADDRESS (unix:/path or host:port)?  Does not
    connect, since that would cost a worker an empty request."""
    if address.startswith("unix:"):
        table = pathlib.Path("/proc/net/unix").read_text().splitlines()[1:]
        return any(fields[3] == "00010000" and fields[7:] == [address[5:]]
                   for fields in map(str.split, table))
    port = f"{int(address.rpartition(':')[2]):04X}"
    return any(fields[3] == "0A" and fields[1].rpartition(":")[2] == port
               for table in ("/proc/net/tcp", "/proc/net/tcp6")
               if os.path.exists(table)
               for fields in map(str.split,
                                 pathlib.Path(table).read_text().splitlines()))


class Suite:
    """The tests of a program: a folder, processes, TAP on standard output."""

    def __init__(self, seconds=300):
        self.folder = None
        self.count = 0
        self.failed = 0
        self._seconds = seconds
        self._ends = contextlib.ExitStack()
        self._log_sizes = {}

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="trys3-"))
        for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGINT,
                       signal.SIGHUP):
            signal.signal(number, self._interrupted)
        signal.alarm(self._seconds * PATIENCE)
        return self

    @staticmethod
    def _interrupted(number, _frame):
        raise SystemExit(f"ended by {signal.Signals(number).name}")

    def on_end(self, function, *arguments):
        """Call FUNCTION at the end, last come first."""
        self._ends.callback(function, *arguments)

    def _result(self, name, failure=None, skip=None):
        self.count += 1
        self.failed += bool(failure)
        print(f"{'not ' if failure else ''}ok {self.count} - "
              f"{name.replace('#', '')}{f' # SKIP {skip}' if skip else ''}",
              flush=True)
        if failure:
            self._diagnose(failure)
            self._show_logs()

    def _logs(self):
        return [log for log in sorted(self.folder.glob("**/*.log"))
                if not {"rgw", "swift"} & set(log.parts)]

    @contextlib.contextmanager
    def test(self, name):
        """One test: fails by any exception; the next one goes on."""
        self._log_sizes = {log: log.stat().st_size for log in self._logs()}
        try:
            yield
        except Skip as skip:
            self._result(name, skip=str(skip))
        except Failure as failure:
            place = traceback.extract_tb(failure.__traceback__)
            lines = [f"{os.path.basename(f.filename)}:{f.lineno}: {f.line}"
                     for f in place if f.filename != __file__]
            self._result(name, "\n".join(lines + [str(failure)]))
        except Exception:  # pylint: disable=broad-except
            self._result(name, traceback.format_exc())
        else:
            self._result(name)

    def skip(self, name, why):
        """A test that is not made."""
        self._result(name, skip=why)

    @staticmethod
    def _diagnose(text):
        for line in text.splitlines():
            print(f"# {line}")
        sys.stdout.flush()

    def _show_logs(self):
        """What was logged since the test began."""
        for log in self._logs():
            with open(log, "rb") as stream:
                stream.seek(self._log_sizes.get(log, 0))
                text = stream.read().decode(errors="replace")
            if text:
                self._diagnose(f"--- {log.relative_to(self.folder)}")
                self._diagnose("\n".join(text.splitlines()[-30:]))

    def __exit__(self, kind, error, trace):
        if isinstance(error, Skip) and self.count == 0:
            print(f"1..0 # SKIP {error}", flush=True)
        elif error is not None:
            self._result("the suite runs to its end", "".join(
                traceback.format_exception(kind, error, trace)))
        try:
            self._ends.close()
        except (Exception, SystemExit):  # pylint: disable=broad-except
            self._result("all ends well", traceback.format_exc())
        signal.alarm(0)
        if self.count > 0:
            print(f"1..{self.count}", flush=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        sys.exit(1 if self.failed else 0)


def skip_all(why):
    """End this program: none of its tests can be made here."""
    print(f"1..0 # SKIP {why}")
    sys.exit(0)


class Process:
    """A process of ours: its log in a file, ended with the suite.  OPTIONS go
    to subprocess.Popen."""

    def __init__(self, suite, name, command, environment=None, **options):
        self.name = name
        self.log_path = suite.folder / f"{name}.log"
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [str(part) for part in command],
                env=ENVIRONMENT | {"HOME": str(suite.folder)} |
                (environment or {}),
                **({"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log,
                    "cwd": suite.folder, "start_new_session": True} | options))
        suite.on_end(self._finish)

    def _finish(self):
        if self.process.poll() is None:
            self.stop()

    @property
    def pid(self):
        """Its process id."""
        return self.process.pid

    def log(self):
        """All it said until now."""
        return self.log_path.read_bytes().decode(errors="replace")

    def wait_log(self, pattern, seconds=10):
        """Wait for the regular expression PATTERN in the log; the match."""
        return wait_for(lambda: re.search(pattern, self.log(), re.MULTILINE),
                        f"{self.name} to say {pattern!r}", seconds)

    def wait_listening(self, address, seconds=10):
        """Wait until ADDRESS is listened on."""
        def check():
            true(self.process.poll() is None, lambda:
                 f"{self.name} ended with {self.process.returncode}:\n"
                 + self.log()[-2000:])
            return is_listening(address)
        wait_for(check, f"{self.name} to listen on {address}", seconds)

    def kill(self, number=signal.SIGKILL):
        """Send it a signal."""
        self.process.send_signal(number)

    def wait(self, seconds=10):
        """Wait for its end; the exit status, negative for a signal."""
        try:
            return self.process.wait(seconds * PATIENCE)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} did not end") from None

    def stop(self, number=signal.SIGTERM, seconds=20):
        """End it; the exit status.  Killed, and a failure, when it does not."""
        self.kill(number)
        try:
            return self.wait(seconds)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()

    def children(self):
        """The process ids of its children, zombies too, oldest first."""
        found = []
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = stat.read_text().rpartition(")")[2].split()
                if int(fields[1]) == self.pid:
                    found.append((int(fields[19]), int(stat.parent.name)))
        return [pid for _, pid in sorted(found)]


class Trys3d(Process):
    """trys3d with SETTINGS: {"daemon": {...}, "site NAME": {...}}, which go to
    the file .config; None: no file.  Listens on a socket of its own unless
    [daemon] says where.  IS_WAITED_FOR off: it is to fail, or is handed a
    socket.  When stopped it must end well, having lost nothing."""

    COMPLAINTS = re.compile(r"runtime error:|(Address|Leak|Memory|Thread|Undef"
                            r"inedBehavior)Sanitizer|^==\d+== +(?!\s)", re.M)

    def __init__(self, suite, settings, environment=None, arguments=(),
                 name="trys3d", is_waited_for=True, **options):
        self.config = suite.folder / f"{name}.conf"
        self.socket = f"unix:{suite.folder}/{name}.sock"
        command = WRAPPER + [PROGRAM]
        if settings is not None:
            daemon = {"listen": self.socket, "workers": 4} | settings.get(
                "daemon", {})
            self.write(settings | {"daemon": daemon})
            command += ["-c", self.config]
        elif "TRYS3_LISTEN" in (environment or {}):
            self.socket = environment["TRYS3_LISTEN"]
        super().__init__(suite, name, command + list(arguments), environment,
                         **options)
        if is_waited_for:
            self.wait_listening(self.socket)

    def write(self, settings):
        """Write SETTINGS to the file; for a reload by SIGHUP."""
        self.socket = settings.get("daemon", {}).get("listen", self.socket)
        lines = []
        for section, values in settings.items():
            lines.append(f"[{section}]")
            lines += [f"{name} = {value}" for name, value in values.items()]
        self.config.write_text("\n".join(lines) + "\n")

    def workers(self):
        """The process ids of the workers, oldest first."""
        return self.children()

    def complaints(self):
        """What the sanitizers or valgrind say of it."""
        return "\n".join(line for line in self.log().splitlines()
                         if self.COMPLAINTS.search(line))

    def _finish(self):
        status = self.process.poll()
        if status is None:
            status = self.stop()
            equal(status, 0, f"{self.name}'s exit status")
        equal(self.complaints(), "", f"{self.name} runs clean")


def trys3d_run(suite, *arguments, environment=None, seconds=10):
    """Run trys3d to its end: -t, -T, -V or what is to fail; the result of
    subprocess.run, with text."""
    return subprocess.run(
        WRAPPER + [PROGRAM] + [str(argument) for argument in arguments],
        env=ENVIRONMENT | {"HOME": str(suite.folder)} | (environment or {}),
        cwd=suite.folder, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=seconds * PATIENCE, check=False)


class Memcached(Process):
    """memcached on a port, or on a unix socket; .address is as in trys3.conf.
    After stop(), start() again has the same address."""

    def __init__(self, suite, name="memcached", is_unix=False, arguments=()):
        self._suite = suite
        if is_unix:
            self.address = f"unix:{suite.folder}/{name}.sock"
            where = ["-s", self.address[5:]]
        else:
            port = free_port()
            self.address = f"127.0.0.1:{port}"
            where = ["-l", "127.0.0.1", "-p", port]
        self._command = ["memcached", "-u", "root" if os.getuid() == 0 else
                         str(os.getuid()), *where, *arguments]
        self.name = name
        self.start()

    def start(self):
        """Start it (again)."""
        super().__init__(self._suite, self.name, self._command)
        self.wait_listening(self.address)

    def pause(self):
        """Let it hang: it accepts, and answers no more."""
        self.kill(signal.SIGSTOP)

    def resume(self):
        """After pause."""
        self.kill(signal.SIGCONT)

    def stop(self, number=signal.SIGTERM, seconds=20):
        self.resume()
        return super().stop(number, seconds)

    def ask(self, line):
        """Send LINE; the answer's lines up to END, OK or the like."""
        if self.address.startswith("unix:"):
            connection = socket.socket(socket.AF_UNIX)
            where = self.address[5:]
        else:
            connection = socket.socket()
            where = ("127.0.0.1", int(self.address.rpartition(":")[2]))
        with connection:
            connection.settimeout(10)
            connection.connect(where)
            connection.sendall(line.encode() + b"\r\n")
            answer = b""
            while not re.search(rb"(?:^|\n)(?:END|OK|RESET|\w*ERROR.*)\r\n$",
                                answer):
                part = connection.recv(65536)
                if not part:
                    break
                answer += part
        return answer.decode("latin-1").splitlines()

    def stats(self):
        """Its counters: get_hits, cmd_set, curr_items..."""
        words = (line.split(" ", 2) for line in self.ask("stats"))
        return {word[1]: word[2] for word in words if word[0] == "STAT"}

    def flush(self):
        """Forget all."""
        self.ask("flush_all")


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


class _Lab:
    """A server that a script of tests/lab starts and stops."""

    def __init__(self, suite, script, programs, environment, name):
        for program in programs:
            if not shutil.which(program, path=ENVIRONMENT["PATH"]):
                raise Skip(f"{program} is not installed")
        self._script = LAB / script
        self.folder = suite.folder / name / script
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self._environment = ENVIRONMENT | environment
        suite.on_end(self.stop)
        self.start()

    def _run(self, command):
        done = subprocess.run(
            [self._script, command, self.folder], env=self._environment,
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=180 * PATIENCE, check=False)
        true(done.returncode == 0, lambda:
             f"{self._script.name} {command}: {done.stdout} {done.stderr}")
        return done.stdout

    def start(self):
        """Start it, empty; on the same port when it was stopped before."""
        self.values = dict(line.split("=", 1) for line in
                           shlex.split(self._run("start")))
        self.endpoint = self.values["S3_ENDPOINT"]
        self.bucket = self.values["S3_BUCKET"]
        self.s3 = self.client()
        port = f"{self._script.name.upper()}_PORT"
        self._environment[port] = self.endpoint.rpartition(":")[2]

    def stop(self):
        """End it; what it held is gone."""
        self._run("stop")

    def client(self, who="", is_tls=False, **options):
        """An S3 client; WHO: "READER_" for the second user."""
        values = self.values
        return S3(**({
            "endpoint": values["S3_TLS_ENDPOINT" if is_tls else "S3_ENDPOINT"],
            "ca_file": values.get("S3_CA_FILE") if is_tls else None,
            "key_id": values[f"S3_{who}ACCESS_KEY_ID"],
            "secret": values[f"S3_{who}SECRET_ACCESS_KEY"],
            "bucket": self.bucket,
            "region": values["S3_REGION"],
        } | options))

    def site(self, who="", is_tls=False, **more):
        """Settings of a [site] for its bucket; WHO as in client."""
        values = self.values
        site = {
            "bucket": self.bucket,
            "region": values["S3_REGION"],
            "endpoint": values["S3_TLS_ENDPOINT" if is_tls
                               else "S3_ENDPOINT"],
            "access_key_id": values[f"S3_{who}ACCESS_KEY_ID"],
            "secret_access_key": values[f"S3_{who}SECRET_ACCESS_KEY"],
        }
        if is_tls:
            site["ca_file"] = values["S3_CA_FILE"]
        return site | more


class Rgw(_Lab):
    """Ceph's S3 server, see tests/lab/rgw; ENVIRONMENT: its knobs."""

    def __init__(self, suite, name="rgw", **environment):
        super().__init__(suite, "rgw", ["radosgw", "ceph-mon", "ceph-osd"],
                         environment, name)

    def requests(self):
        """The requests it answered: (method, target, status, user), of those
        that are in its log by now."""
        log = (self.folder / "radosgw.log").read_text(errors="replace")
        return [(method, target, int(status), user)
                for user, method, target, status in re.findall(
                    r'beast: .* - (\S+) \[.*\] "(\S+) (\S+) HTTP[^"]*" (\d+) ',
                    log)]


class Swift(_Lab):
    """OpenStack's S3 server, see tests/lab/swift."""

    def __init__(self, suite, name="swift", **environment):
        super().__init__(suite, "swift", ["swift-proxy-server"], environment,
                         name)


class Nginx(Process, Http):
    """nginx with the shipped files of nginx/, of which only the paths and ports
    are changed (tests/lab/site), on the socket of trys3d; .root is what is on
    the disk.  Basic authentication is that of USER."""

    USER = "gyazo:secret"

    def __init__(self, suite, socket_address, is_cached=True, application=None,
                 name="nginx"):
        if not shutil.which("nginx", path=ENVIRONMENT["PATH"]):
            raise Skip("nginx is not installed")
        self.folder = suite.folder / name
        self.root = self.folder / "root"
        self.root.mkdir(parents=True)
        port = free_port()
        Http.__init__(self, port, self.USER)
        subprocess.run(
            [LAB / "site", self.folder, f"port={port}", f"root={self.root}",
             f"trys3d={socket_address}", f"user={self.USER}",
             f"application=127.0.0.1:{application or free_port()}",
             f"cache={'on' if is_cached else 'off'}"],
            env=ENVIRONMENT, check=True, stdin=subprocess.DEVNULL)
        Process.__init__(self, suite, name, [
            "nginx", "-e", self.folder / "error.log", "-p", self.folder,
            "-c", self.folder / "nginx.conf"])
        self.wait_listening(f"127.0.0.1:{port}")

    def stop(self, number=signal.SIGQUIT, seconds=20):
        return super().stop(number, seconds)

    def put_file(self, name, body):
        """Put a file on the disk."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)

    def error_log(self):
        """What it complained of."""
        return (self.folder / "error.log").read_text(errors="replace")

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

    TRYS3D          the daemon; ./trys3d
    TRYS3           the command line; ./trys3
    TRYS3_NTH       what acts at the N-th system call; ./tests/system/nth
    TRYS3_COUNT     what is counted piece by piece; ./tests/system/count
    TRYS3_WRAPPER   put before it: "valgrind --error-exitcode=99 -q"
"""

import contextlib
import os
import pathlib
import random
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
import urllib.parse

import checks
# Some of it for the tests alone, who find all they need in here.
from checks import PATIENCE, WRAPPER, Failure, Skip, equal, true, wait_for
from clients import S3, Answer, Http

TOP = pathlib.Path(__file__).resolve().parents[2]
LAB = TOP / "tests" / "lab"
PROGRAM = os.path.abspath(os.environ.get("TRYS3D", "trys3d"))
TRYS3 = os.path.abspath(os.environ.get("TRYS3", "trys3"))
NTH = os.path.abspath(os.environ.get("TRYS3_NTH", "tests/system/nth"))
COUNT = os.path.abspath(os.environ.get("TRYS3_COUNT", "tests/system/count"))

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
                     for f in place
                     if f.filename not in (__file__, checks.__file__)]
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


def is_keeper(pid):
    """Is that process, or zombie, a keeper of trys3d?"""
    with contextlib.suppress(OSError):
        comm = pathlib.Path(f"/proc/{pid}/comm").read_text()
        return comm == "trys3d-keeper\n"
    return False


def write_settings(path, settings):
    """Write SETTINGS, {"section": {name: value}}, to the file PATH."""
    lines = []
    for section, values in settings.items():
        lines.append(f"[{section}]")
        lines += [f"{name} = {value}" for name, value in values.items()]
    # For us alone to read, since there may be secrets in it.
    path.touch(0o600)
    path.write_text("\n".join(lines) + "\n")


COMPLAINTS = re.compile(r"runtime error:|(Address|Leak|Memory|Thread|Undef"
                        r"inedBehavior)Sanitizer|^==\d+== +(?!\s)", re.M)


def complaints(text):
    """What the sanitizers or valgrind say in TEXT."""
    return "\n".join(line for line in text.splitlines()
                     if COMPLAINTS.search(line))


class Trys3d(Process):
    """trys3d with SETTINGS: {"daemon": {...}, "site NAME": {...}}, which go to
    the file .config; None: no file.  Listens on a socket of its own unless
    [daemon] says where.  IS_WAITED_FOR off: it is to fail, or is handed a
    socket.  WRAPPER is put before it.  When stopped it must end well, having
    lost nothing."""

    def __init__(self, suite, settings, environment=None, arguments=(),
                 name="trys3d", is_waited_for=True, wrapper=(), **options):
        self.config = suite.folder / f"{name}.conf"
        self.socket = f"unix:{suite.folder}/{name}.sock"
        command = [*wrapper, *WRAPPER, PROGRAM]
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
        write_settings(self.config, settings)

    def keepers(self):
        """The process ids of the keepers, oldest first."""
        return [pid for pid in self.children() if is_keeper(pid)]

    def workers(self):
        """The process ids of the workers, oldest first."""
        return [pid for pid in self.children() if not is_keeper(pid)]

    def complaints(self):
        """What the sanitizers or valgrind say of it."""
        return complaints(self.log())

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


def trys3_start(suite, *arguments, environment=None, wrapper=(), **options):
    """Start trys3, by the command WRAPPER if there is one; a Popen, whose
    output is text unless the OPTIONS, which go to subprocess.Popen, say
    otherwise."""
    return subprocess.Popen(
        [str(word) for word in (*wrapper, *WRAPPER, TRYS3, *arguments)],
        env=ENVIRONMENT | {"HOME": str(suite.folder)} | (environment or {}),
        **({"cwd": suite.folder, "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
            "text": True, "errors": "surrogateescape"} | options))


def trys3_run(suite, *arguments, seconds=60, **options):
    """Run trys3 to its end, see trys3_start; what subprocess.run results
    in."""
    process = trys3_start(suite, *arguments, **options)
    return trys3_wait(process, seconds)


def trys3_wait(process, seconds=60):
    """Wait for the end of what trys3_start began; what subprocess.run results
    in.  Killed, and a failure, when it does not end."""
    try:
        out, said = process.communicate(timeout=seconds * PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        out, said = process.communicate()
        raise Failure(f"trys3 did not end: {out[-1000:]} {said[-2000:]}"
                      ) from None
    equal(complaints(said if isinstance(said, str) else said.decode(
        errors="replace")), "", "trys3 runs clean")
    return subprocess.CompletedProcess(process.args, process.returncode, out,
                                       said)


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

    def call(self, service, action, version, **fields):
        """ACTION of the SERVICE "iam" or "sts", as the first user; the
        elements of the answer that hold text, {name: text}."""
        answer = self.client(bucket="", service=service).request(
            "POST", "", urllib.parse.urlencode(
                {"Action": action, "Version": version} | fields,
                quote_via=urllib.parse.quote).encode(),
            {"Content-Type": "application/x-www-form-urlencoded"})
        true(answer.status == 200, lambda:
             f"{action}: {answer.status} {answer.body!r}")
        return dict(re.findall(r"<(\w+)>([^<]+)</", answer.body.decode()))

    def assume_role(self, seconds, role=None):
        """Temporary credentials of ROLE (S3Reader) that live for SECONDS:
        (key's id, secret, token, end)."""
        found = self.call("sts", "AssumeRole", "2011-06-15",
                          RoleArn=role or self.values["S3_ROLE_ARN"],
                          RoleSessionName="tests", DurationSeconds=seconds)
        return (found["AccessKeyId"], found["SecretAccessKey"],
                found["SessionToken"], found["Expiration"])

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
    the disk.  Basic authentication is that of USER.  HANDOFF: settings of a
    [site], at whose endpoint it fetches what trys3d hands to it."""

    USER = "gyazo:secret"

    def __init__(self, suite, socket_address, is_cached=True, application=None,
                 name="nginx", handoff=None):
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
             f"cache={'on' if is_cached else 'off'}",
             f"handoff={(handoff or {}).get('endpoint', '')}",
             f"ca_file={(handoff or {}).get('ca_file', '')}"],
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

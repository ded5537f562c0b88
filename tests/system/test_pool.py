#!/usr/bin/env python3
"""The pool: sockets of its own and handed over, workers that die, stick or have
served long enough, the end and the reload, all over the real daemon.

Its bucket is an origin in this process that answers when the test lets it, so
that "while a request is under way" needs no clock."""

import collections
import contextlib
import http.server
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import stat
import sys
import threading
import time

from fastcgi import Exchange
from harness import (ENVIRONMENT, PATIENCE, PROGRAM, WRAPPER, Failure, Process,
                     Skip, Suite, Trys3d, equal, free_port, is_listening, true,
                     trys3d_run, wait_for)

IS_ROOT = os.geteuid() == 0


# ---- The bucket ----

class Origin:
    """A bucket of everything: every key is an object that holds its own name.
    One that begins with "held" is not answered before release(), one that
    begins with "drip" comes a byte at a time and never ends."""

    def __init__(self, suite):
        self.arrived = collections.Counter()
        self._gate = threading.Event()
        self._is_over = threading.Event()
        origin = self

        class Handler(http.server.BaseHTTPRequestHandler):
            """One request."""

            def do_GET(self):  # pylint: disable=invalid-name
                """Answer when it is time."""
                key = self.path.rpartition("/")[2]
                with contextlib.suppress(OSError):
                    origin.answer(self, key)

            def log_message(self, format, *args):
                """Nobody wants to know."""

        self._server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever,
                         daemon=True).start()
        suite.on_end(self._end)

    def _end(self):
        self._is_over.set()
        self._gate.set()
        self._server.shutdown()

    def answer(self, request, key):
        """What the bucket says."""
        gate = self._gate
        self.arrived[key] += 1
        if key.startswith("held"):
            gate.wait()
        drips = key.startswith("drip")
        request.send_response(200)
        request.send_header("Content-Length",
                            "100000000" if drips else str(len(key)))
        request.send_header("Content-Type", "text/plain")
        request.end_headers()
        while drips and not self._is_over.wait(0.02):
            request.wfile.write(b".")
        request.wfile.write(key.encode())

    def wait_for(self, key):
        """Wait until KEY was asked for."""
        wait_for(lambda: self.arrived[key], f"a request for {key}")

    def release(self):
        """Answer what is held, and hold what comes from now on."""
        gate, self._gate = self._gate, threading.Event()
        gate.set()

    def settings(self, daemon=None, site=None):
        """Of a trys3d whose bucket this is."""
        return {
            "daemon": {"log_level": "debug"} | (daemon or {}),
            "site main": {
                "bucket": "private",
                "endpoint":
                    f"http://127.0.0.1:{self._server.server_address[1]}",
                "access_key_id": "AK",
                "secret_access_key": "SK",
            } | (site or {}),
        }


# ---- The web server's side ----

class Ask:
    """One request by FastCGI for KEY, sent when made."""

    def __init__(self, address, key):
        self.key = key
        self._exchange = None
        # Who took it may die before it was read: no answer then.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._exchange = Exchange(address, [("REQUEST_METHOD", "GET"),
                                                ("DOCUMENT_URI", f"/{key}")],
                                      60)

    def answer(self):
        """(status, body), or None where the answer is not a whole one."""
        if self._exchange is None:
            return None
        with self._exchange as exchange:
            try:
                status, _ = exchange.head()
            except Failure:
                return None
            body = b"".join(iter(exchange.read, b""))
            return (status, body.decode()) if exchange.is_ended else None

    def good(self):
        """Fail unless the object came."""
        equal(self.answer(), (200, self.key))


def good(address, key="a"):
    """A request that must be served."""
    Ask(address, key).good()


class Load:
    """Requests without a pause, THREADS at a time, until stop()."""

    def __init__(self, address, threads=4):
        self._address = address
        self._is_over = False
        self.wrong = []
        self.cut = 0
        self.count = 0
        self._threads = [threading.Thread(target=self._run, args=(i,))
                         for i in range(threads)]
        for thread in self._threads:
            thread.start()

    def _run(self, thread):
        number = 0
        while not self._is_over:
            number += 1
            key = f"load-{thread}-{number}"
            try:
                answer = Ask(self._address, key).answer()
            except OSError as error:
                self.wrong.append(f"{key}: {error}")
                continue
            if answer is None:
                self.cut += 1
            elif answer != (200, key):
                self.wrong.append(f"{key}: {answer}")
            self.count += 1

    def more(self, count=20):
        """Wait until COUNT more were answered."""
        wanted = self.count + count
        wait_for(lambda: self.count >= wanted, "the load to go on", 30)

    def stop(self):
        """End it; fails where one was refused or answered wrongly."""
        self._is_over = True
        for thread in self._threads:
            thread.join()
        equal(self.wrong, [], f"of {self.count} requests")


@contextlib.contextmanager
def load(address, threads=4):
    """A load that has begun, and is stopped whatever happens."""
    requests = Load(address, threads)
    try:
        requests.more()
        yield requests
    except BaseException:
        with contextlib.suppress(Failure):
            requests.stop()
        raise
    requests.stop()


# ---- Processes ----

def state_of(pid):
    """The letter of its state: R, S, T, Z; None where it is not there."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()[0]


def is_gone(pid):
    """Has it ended?  One whose parent is gone waits for process 1."""
    return state_of(pid) in (None, "Z")


def workers(daemon, count):
    """Wait for exactly COUNT workers, none of them a zombie."""
    def look():
        found = daemon.workers()
        return len(found) == count and "Z" not in map(state_of, found) and found
    return wait_for(look, f"{count} workers of {daemon.name}")


def descriptors(pid):
    """What kinds of files it has open, and how many of each."""
    kinds = collections.Counter()
    for path in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        kinds[re.sub(r":\[\d+\]|\d+", "", os.readlink(path))] += 1
    return kinds


def start(suite, origin, name, daemon=None, site=None, **options):
    """A trys3d that is ready; DAEMON and SITE: settings."""
    process = Trys3d(suite, origin.settings(daemon, site), name=name,
                     is_waited_for=False, **options)
    process.socket = (daemon or {}).get("listen", process.socket)
    process.wait_log("ready: ")
    return process


def reload(daemon, settings, expected="reloaded: "):
    """Write SETTINGS, send SIGHUP, wait for EXPECTED in what is logged then."""
    before = len(daemon.log())
    if settings is not None:
        # The same defaults that Trys3d adds at the start.
        own = {"listen": daemon.socket, "workers": 4}
        daemon.write(settings | {"daemon": own | settings["daemon"]})
    daemon.kill(signal.SIGHUP)
    wait_for(lambda: re.search(expected, daemon.log()[before:]),
             f"{daemon.name} to say {expected!r} after SIGHUP", 30)


def ends(daemon, status=0, seconds=20):
    """It ends with STATUS and leaves nothing."""
    children = daemon.children()
    equal(daemon.wait(seconds), status, "exit status")
    equal([pid for pid in children if not is_gone(pid)], [], "children left")
    if daemon.socket.startswith("unix:"):
        true(not os.path.lexists(daemon.socket[5:]), "the socket is left over")
    equal(daemon.complaints(), "")


def handed(suite, origin, name, command, daemon=None, **options):
    """A trys3d that COMMAND (a list, with "TRYS3D" for the daemon's words)
    starts."""
    config = suite.folder / f"{name}.conf"
    settings = origin.settings({"workers": 2,
                                "listen": "unix:/nonexistent/unused"} |
                               (daemon or {}))
    config.touch(0o600)
    config.write_text("".join(
        f"[{section}]\n" + "".join(f"{key} = {value}\n"
                                   for key, value in values.items())
        for section, values in settings.items()))
    words = []
    for word in command:
        # spawn-fcgi does not look in PATH.
        words += [*map(shutil.which, WRAPPER[:1]), *WRAPPER[1:], PROGRAM, "-c",
                  config] if word == "TRYS3D" else [word]
    return Process(suite, name, words, **options)


# ---- Sockets ----

def test_own_sockets(suite, origin):
    """Sockets that it opens itself."""
    with suite.test("a unix socket with mode and group"):
        path = f"{suite.folder}/own.sock"
        daemon = start(suite, origin, "own", {
            "listen": f"unix:{path}", "listen_mode": "0612",
            "listen_group": os.getegid()})
        made = os.stat(path)
        equal(oct(stat.S_IMODE(made.st_mode)), oct(0o612))
        equal(made.st_gid, os.getegid())
        good(daemon.socket)
        daemon.kill(signal.SIGTERM)
        ends(daemon)

    with suite.test("a unix socket that is given to another"):
        if not IS_ROOT:
            raise Skip("only root can")
        owner = pwd.getpwnam("nobody")
        daemon = start(suite, origin, "given", {
            "listen_owner": "nobody", "listen_group": "4711"})
        made = os.stat(daemon.socket[5:])
        equal((made.st_uid, made.st_gid), (owner.pw_uid, 4711))
        daemon.kill(signal.SIGTERM)
        ends(daemon)

    for name, host in (("IPv4", "127.0.0.1"), ("a name", "localhost"),
                       ("IPv6", "[::1]")):
        with suite.test(f"host:port, {name}"):
            address = f"{host}:{free_port()}"
            if host == "[::1]":
                with socket.socket(socket.AF_INET6) as probe:
                    try:
                        probe.bind(("::1", 0))
                    except OSError as error:
                        raise Skip("no IPv6 here") from error
            daemon = start(suite, origin, f"tcp-{name}", {"listen": address})
            where = re.search(r"listening on (\S+)", daemon.log())[1]
            good(where)
            daemon.kill(signal.SIGTERM)
            ends(daemon)
            true(not is_listening(address), "it is still listened on")


def test_what_is_in_the_way(suite, origin):
    """What may be at the socket's path already."""
    path = f"{suite.folder}/way.sock"
    daemon = {"listen": f"unix:{path}"}

    with suite.test("a stale socket is replaced"):
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(path)
            left.listen()
        process = start(suite, origin, "stale", daemon)
        good(process.socket)

    with suite.test("a socket in use is refused and left alone"):
        second = Trys3d(suite, origin.settings(daemon), name="second",
                        is_waited_for=False)
        equal(second.wait(), 1)
        true(f"another process is listening on unix:{path}" in second.log(),
             second.log)
        good(process.socket)
        process.kill(signal.SIGTERM)
        ends(process)

    with suite.test("a file in the way is not removed"):
        pathlib.Path(path).write_text("dear")
        third = Trys3d(suite, origin.settings(daemon), name="third",
                       is_waited_for=False)
        equal(third.wait(), 1)
        true("is not a socket" in third.log(), third.log)
        equal(pathlib.Path(path).read_text(), "dear")
        os.unlink(path)


ACTIVATOR = """
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(64)
os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1",
                  LISTEN_FDNAMES="trys3d.socket")
os.execvp(sys.argv[2], sys.argv[2:])
"""


def test_handed_over(suite, origin):
    """Sockets that others open."""
    def check(name, program, command):
        with suite.test(name):
            if not shutil.which(program, path=ENVIRONMENT["PATH"]):
                raise Skip(f"{program} is not installed")
            path = f"{suite.folder}/{name.split()[0]}.sock"
            process = handed(suite, origin, f"handed-{name.split()[0]}", [
                {"PATH": path, "multiwatch": shutil.which("multiwatch")}.get(
                    word, word) for word in command])
            process.wait_listening(f"unix:{path}")
            for number in range(20):
                good(f"unix:{path}", f"{name.split()[0]}-{number}")
            process.wait_log(rf"listening on unix:{path}, handed over")
            process.kill(signal.SIGHUP if "multiwatch" not in command
                           else 0)
            if "multiwatch" not in command:
                process.wait_log("reloaded: ")
            good(f"unix:{path}")
            equal(process.stop(), 0, "exit status")
            true(os.path.lexists(path), "the socket is not its to remove")

    check("spawn-fcgi -n", "spawn-fcgi",
          ["spawn-fcgi", "-n", "-s", "PATH", "--", "TRYS3D"])
    check("multiwatch under spawn-fcgi", "multiwatch",
          ["spawn-fcgi", "-n", "-s", "PATH", "--", "multiwatch", "-f", "1",
           "--", "TRYS3D"])
    check("systemd-socket-activate", "systemd-socket-activate",
          ["systemd-socket-activate", "-l", "PATH", "TRYS3D"])
    check("LISTEN_FDS from another activator", "sh",
          [sys.executable, "-c", ACTIVATOR, "PATH", "TRYS3D"])

    with suite.test("LISTEN_FDS of another process is not taken"):
        process = start(suite, origin, "not-ours", environment={
            "LISTEN_PID": "1", "LISTEN_FDS": "1"})
        true("handed over" not in process.log(), process.log)
        good(process.socket)

    with suite.test("what waits in a socket handed over is left to its holder"):
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            holder.listen()
            holder.settimeout(10)
            address = f"127.0.0.1:{holder.getsockname()[1]}"
            process = handed(suite, origin, "held-over", ["TRYS3D"],
                             {"workers": 1}, stdin=holder)
            process.wait_log("ready: ")
            held = Ask(address, "held-over")
            origin.wait_for("held-over")
            waiting = Ask(address, "waiting")
            process.kill(signal.SIGTERM)
            process.wait_log("ending: 1 ")
            origin.release()
            held.good()
            equal(process.wait(), 0)
            holder.accept()[0].close()
            equal(waiting.answer(), None)


# ---- The end ----

def test_end(suite, origin):
    """SIGTERM and those that mean the same."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        with suite.test(f"{number.name} lets a request finish"):
            key = f"held-{number.name}"
            daemon = start(suite, origin, f"end-{number.name}")
            request = Ask(daemon.socket, key)
            origin.wait_for(key)
            daemon.kill(number)
            wait_for(lambda: not os.path.lexists(daemon.socket[5:]),
                     "the socket's file to go")
            wait_for(lambda: len(daemon.workers()) == 1, "the idle to end")
            true(daemon.process.poll() is None, "it waits for the request")
            origin.release()
            request.good()
            ends(daemon)

    for name, daemon in (("unix", {}), ("TCP", {"listen": None})):
        with suite.test(f"what waits in its own backlog is served, {name}"):
            if "listen" in daemon:
                daemon["listen"] = f"127.0.0.1:{free_port()}"
            process = start(suite, origin, f"backlog-{name}",
                            daemon | {"workers": 1})
            key = f"held-first-{name}"
            requests = [Ask(process.socket, key)]
            origin.wait_for(key)
            requests += [Ask(process.socket, f"waits-{i}") for i in range(5)]
            process.kill(signal.SIGTERM)
            process.wait_log("ending: 1 ")
            origin.release()
            for request in requests:
                request.good()
            ends(process)

    with suite.test("a client that connects and says nothing does not hold it"):
        daemon = start(suite, origin, "silent", {"read_timeout": "500ms"})
        with socket.socket(socket.AF_UNIX) as silent:
            silent.connect(daemon.socket[5:])
            daemon.kill(signal.SIGTERM)
            ends(daemon)

    with suite.test("after drain_timeout what is left is cut"):
        daemon = start(suite, origin, "cut", {"drain_timeout": "500ms"})
        request = Ask(daemon.socket, "held-cut")
        origin.wait_for("held-cut")
        daemon.kill(signal.SIGTERM)
        ends(daemon)
        daemon.wait_log(r"drain_timeout has passed: \d+ workers are killed and 1 "
                        "requests cut")
        equal(request.answer(), None)
        origin.release()

    with suite.test("a second SIGTERM ends at once"):
        daemon = start(suite, origin, "twice", {"drain_timeout": "1h"})
        request = Ask(daemon.socket, "held-twice")
        origin.wait_for("held-twice")
        daemon.kill(signal.SIGTERM)
        daemon.wait_log("ending: 1 ")
        daemon.kill(signal.SIGTERM)
        ends(daemon)
        equal(request.answer(), None)
        origin.release()

    with suite.test("SIGTERM under load serves all that got in"):
        daemon = start(suite, origin, "load-end")
        requests = Load(daemon.socket, threads=12)
        requests.more()
        daemon.kill(signal.SIGTERM)
        ends(daemon)
        with contextlib.suppress(Failure):
            requests.stop()
        equal(requests.cut, 0, "requests cut")
        # Once the file is gone nobody gets in, and that is all that fails.
        equal([wrong for wrong in requests.wrong
               if "No such file" not in wrong], [])


def test_death_of_the_master(suite, origin):
    """kill -9 of the master."""
    with suite.test("its workers finish and end"):
        daemon = start(suite, origin, "orphans", {"workers": 3})
        children = workers(daemon, 3)
        keepers = daemon.keepers()
        request = Ask(daemon.socket, "held-orphan")
        origin.wait_for("held-orphan")
        daemon.kill(signal.SIGKILL)
        equal(daemon.wait(), -signal.SIGKILL)
        wait_for(lambda: sum(map(is_gone, children)) == 2, "the idle to end")
        equal(len(keepers), 1)
        wait_for(lambda: is_gone(keepers[0]), "the keeper to end")
        origin.release()
        request.good()
        wait_for(lambda: all(map(is_gone, children)), "the last to end")

    with suite.test("and the socket that is left over is no obstacle"):
        true(os.path.lexists(daemon.socket[5:]), "it is left over")
        again = start(suite, origin, "again", {"listen": daemon.socket})
        good(again.socket)
        again.kill(signal.SIGTERM)
        ends(again)


# ---- The reload ----

def test_reload(suite, origin):
    """SIGHUP."""
    daemon = start(suite, origin, "reload")
    generation = 1

    with suite.test("under load not one request is refused"):
        before = set(workers(daemon, 4))
        with load(daemon.socket) as requests:
            for _ in range(3):
                generation += 1
                reload(daemon, None, f"reloaded: generation {generation} ")
                requests.more()
        equal(requests.cut, 0, "requests cut")
        true(not before & set(workers(daemon, 4)), "old workers are left")

    with suite.test("a request under way is finished by the old worker"):
        request = Ask(daemon.socket, "held-reload")
        origin.wait_for("held-reload")
        generation += 1
        reload(daemon, None)
        workers(daemon, 5)
        # Its keeper stays as long as it does.
        equal(len(daemon.keepers()), 2)
        good(daemon.socket)
        origin.release()
        request.good()
        workers(daemon, 4)
        wait_for(lambda: len(daemon.keepers()) == 1, "the old keeper to end")

    with suite.test("a bad file is reported and the old settings stay"):
        before = workers(daemon, 4)
        with load(daemon.socket) as requests:
            reload(daemon, origin.settings({"workers": "many"}),
                   "the old settings stay")
            true(re.search(r"reload\.conf:\d+:.*workers", daemon.log()),
                 daemon.log)
        equal(workers(daemon, 4), before)

    with suite.test("more workers, fewer workers"):
        with load(daemon.socket) as requests:
            for count in (7, 1, 4):
                generation += 1
                reload(daemon, origin.settings({"workers": count}))
                workers(daemon, count)
                requests.more()
        equal(requests.cut, 0, "requests cut")

    with suite.test("other settings take effect"):
        generation += 1
        reload(daemon, origin.settings({"listen_mode": "0600"},
                                       {"prefix": "new-"}))
        workers(daemon, 4)
        equal(Ask(daemon.socket, "b").answer(), (200, "new-b"))
        equal(stat.S_IMODE(os.stat(daemon.socket[5:]).st_mode), 0o600)

    with suite.test("one that comes during a reload starts over after it"):
        reload(daemon, origin.settings({"workers": 8}), "reloading: ")
        reload(daemon, origin.settings({"workers": 2}),
               f"reloaded: generation {generation + 2} ")
        workers(daemon, 2)
        good(daemon.socket)

    with suite.test("without a file the workers are replaced"):
        path = f"{suite.folder}/bare.sock"
        settings = origin.settings()["site main"]
        bare = Trys3d(suite, None, {
            "TRYS3_BUCKET": "private", "TRYS3_LISTEN": f"unix:{path}",
            "TRYS3_WORKERS": "2", "AWS_ENDPOINT_URL": settings["endpoint"],
            "AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "SK"},
            name="bare")
        before = set(workers(bare, 2))
        reload(bare, None)
        true(not before & set(workers(bare, 2)), "old workers are left")
        good(bare.socket)


def test_reload_elsewhere(suite, origin):
    """SIGHUP with another listen."""
    daemon = start(suite, origin, "move", {"workers": 2})
    old, new = daemon.socket, f"unix:{suite.folder}/moved.sock"

    with suite.test("a changed listen serves both until the old one is idle"):
        requests = [Ask(old, f"held-move-{i}") for i in range(2)]
        origin.wait_for("held-move-0")
        origin.wait_for("held-move-1")
        requests += [Ask(old, f"waits-move-{i}") for i in range(3)]
        reload(daemon, origin.settings({"listen": new, "workers": 2}))
        good(new)
        true(not os.path.lexists(old[5:]), "the old socket is there")
        origin.release()
        for request in requests:
            request.good()
        workers(daemon, 2)
        # The master has it until the old workers' keeper has ended as well.
        wait_for(lambda: not any(
            line.endswith(old[5:]) for line in
            pathlib.Path("/proc/net/unix").read_text().splitlines()),
            "the old socket to be closed")

    with suite.test("one that cannot be had is refused"):
        before = workers(daemon, 2)
        reload(daemon, origin.settings({
            "listen": "unix:/nonexistent/socket", "workers": 2}),
            "the old settings stay")
        equal(workers(daemon, 2), before)
        good(new)

    with suite.test("and SIGTERM leaves neither"):
        daemon.socket = new
        daemon.kill(signal.SIGTERM)
        ends(daemon)
        true(not os.path.lexists(old[5:]), "the old socket is there")


# ---- Workers ----

def test_killed_workers(suite, origin):
    """kill -9 of workers."""
    daemon = start(suite, origin, "killed")
    with suite.test("killed under load they are replaced, nothing is refused"):
        kills = 0
        with load(daemon.socket) as requests:
            for _ in range(20):
                for pid in daemon.workers()[:1]:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                        kills += 1
                requests.more(10)
        true(kills >= 15, f"only {kills} were killed")
        true(requests.cut <= kills,
             f"{requests.cut} requests cut by {kills} kills")
        workers(daemon, 4)
        true("was ended by signal 9 (Killed)" in daemon.log(), daemon.log)

    with suite.test("one that is killed with a request fails that request"):
        request = Ask(daemon.socket, "held-kill")
        origin.wait_for("held-kill")
        for pid in workers(daemon, 4):
            os.kill(pid, signal.SIGKILL)
        equal(request.answer(), None)
        origin.release()
        good(daemon.socket)
        workers(daemon, 4)


def test_crash_loop(suite, origin):
    """Workers that die young."""
    with suite.test("those who die young are replaced later and later"):
        daemon = start(suite, origin, "loop", {"workers": 1})
        # The first may have lived long; then they die at once.
        seen = set()
        delays = []
        while len(delays) < 7:
            pid = wait_for(lambda: set(daemon.workers()) - seen,
                           "the next worker").pop()
            seen.add(pid)
            os.kill(pid, signal.SIGKILL)
            wait_for(lambda: f"(process {pid}) was ended" in daemon.log(),
                     "its death to be noted")
            delays.append(re.search(
                rf"process {pid}\) was ended.*; the next starts (.*)",
                daemon.log())[1])
        if delays[0] == delays[1] == "at once":
            delays.pop(0)
        equal(delays[:6], ["at once", "in 100ms", "in 200ms", "in 400ms",
                           "in 800ms", "in 1600ms"])

    with suite.test("and one good life is enough to forget that"):
        good(daemon.socket)
        pid = workers(daemon, 1)[0]
        os.kill(pid, signal.SIGKILL)
        daemon.wait_log(rf"process {pid}\) was ended.*; the next starts at once")
        good(daemon.socket)


def hopeless_settings(suite, origin, **daemon):
    """Settings that look right to the master and are of no use to a worker."""
    if not IS_ROOT:
        return origin.settings(daemon | {"user": "root"})
    folder = suite.folder / "locked"
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / "ca.pem").write_text("")
    return origin.settings(daemon | {"user": "nobody"},
                           {"ca_file": folder / "ca.pem"})


def test_hopeless(suite, origin):
    """Settings with which no worker can start."""
    with suite.test("at the start: a clear word and status 2"):
        daemon = Trys3d(suite, hopeless_settings(suite, origin),
                        name="hopeless", is_waited_for=False)
        equal(daemon.wait(), 2)
        true("no worker can start with these settings" in daemon.log(),
             daemon.log)
        true(re.search("ca_file: .*cannot read|cannot become user",
                       daemon.log()), daemon.log)
        true(not os.path.lexists(daemon.socket[5:]), "a socket is left over")

    with suite.test("in a reload: the old workers stay"):
        daemon = start(suite, origin, "hope", {"workers": 3})
        before = workers(daemon, 3)
        with load(daemon.socket):
            reload(daemon, hopeless_settings(suite, origin, workers=3),
                   "the old settings stay")
        true(set(before) & set(workers(daemon, 3)), "no old worker is left")
        good(daemon.socket)

    with suite.test("and a good reload is still possible"):
        reload(daemon, origin.settings({"workers": 2}))
        workers(daemon, 2)
        good(daemon.socket)


def test_recycling(suite, origin):
    """worker_requests."""
    with suite.test("workers are replaced after about worker_requests"):
        daemon = start(suite, origin, "recycled",
                       {"workers": 2, "worker_requests": 20})
        for number in range(200):
            good(daemon.socket, f"recycle-{number}")
        served = list(map(int, re.findall(
            r"ended with status 0 after (\d+) requests", daemon.log())))
        true(len(served) >= 6, f"{served}")
        equal([count for count in served if not 15 <= count <= 25], [])
        true(len(set(served)) > 1, f"all at the same count: {served}")
        workers(daemon, 2)


def test_watchdog(suite, origin):
    """request_timeout."""
    daemon = start(suite, origin, "watched",
                   {"workers": 1, "request_timeout": "1s"})
    with suite.test("a worker ends an endless request itself"):
        before = workers(daemon, 1)
        equal(Ask(daemon.socket, "drip").answer()[0], 503)
        equal(workers(daemon, 1), before)
        good(daemon.socket)

    with suite.test("one that cannot is killed and replaced"):
        request = Ask(daemon.socket, "held-stopped")
        origin.wait_for("held-stopped")
        pid = workers(daemon, 1)[0]
        os.kill(pid, signal.SIGSTOP)
        daemon.wait_log(
            rf"worker 1 \(process {pid}\) is killed: it has taken \d+(ms|s) "
            r"for its request \(request_timeout is 1s\)", 20)
        equal(request.answer(), None)
        origin.release()
        wait_for(lambda: daemon.workers() not in ([], [pid]), "the next one")
        good(daemon.socket)


def test_identity(suite, origin):
    """user and group."""
    with suite.test("workers are another user for good"):
        if not IS_ROOT:
            raise Skip("only root can become another")
        user = pwd.getpwnam("nobody")
        daemon = start(suite, origin, "nobody",
                       {"user": "nobody", "workers": 2})
        for pid in workers(daemon, 2):
            status = dict(
                line.split(":\t", 1) for line in pathlib.Path(
                    f"/proc/{pid}/status").read_text().splitlines()
                if ":\t" in line)
            equal(status["Uid"].split(), [str(user.pw_uid)] * 4)
            equal(status["Gid"].split(), [str(user.pw_gid)] * 4)
            true("0" not in status["Groups"].split(), "it is in group root")
            equal(int(status["CapEff"], 16), 0)
            equal(status["NoNewPrivs"], "1")
        good(daemon.socket)
        # The ready word and the signals of the master go over that border.
        reload(daemon, None)
        daemon.kill(signal.SIGTERM)
        ends(daemon)

    with suite.test("group alone, and an unknown user"):
        if IS_ROOT:
            daemon = start(suite, origin, "group", {"group": 4711})
            status = pathlib.Path(
                f"/proc/{workers(daemon, 4)[0]}/status").read_text()
            true("\nGid:\t4711\t4711\t4711\t4711\n" in status, status)
        config = suite.folder / "unknown.conf"
        config.touch(0o600)
        config.write_text("[daemon]\nuser = no.such.user\n"
                          f"listen = unix:{suite.folder}/unknown.sock\n"
                          "[site a]\nbucket = private\n"
                          "access_key_id = A\nsecret_access_key = S\n")
        equal(trys3d_run(suite, "-c", config).returncode, 2)


def test_leaks(suite, origin):
    """Nothing is left behind by what goes on."""
    with suite.test("no descriptor is leaked, no zombie left"):
        daemon = start(suite, origin, "leaks", {"workers": 2})

        def look():
            pids = [daemon.pid] + daemon.keepers() + workers(daemon, 2)
            return [descriptors(pid) for pid in pids if IS_ROOT]
        before = look()
        for round_ in range(4):
            for number in range(30):
                good(daemon.socket, f"leak-{round_}-{number}")
            os.kill(workers(daemon, 2)[round_ % 2], signal.SIGKILL)
            wait_for(lambda: len(daemon.workers()) == 2 and
                     daemon.log().count("was ended by") > round_,
                     "the next worker")
            reload(daemon, None)
        reload(daemon, origin.settings({"workers": "x"}),
               "the old settings stay")
        reload(daemon, origin.settings({"workers": 2}))
        workers(daemon, 2)
        wait_for(lambda: len(daemon.keepers()) == 1, "the old keeper to end")
        if not WRAPPER:
            equal(look(), before)
        equal([pid for pid in daemon.children() if state_of(pid) == "Z"], [])

    with suite.test("an idle master sleeps"):
        def switches():
            text = pathlib.Path(f"/proc/{daemon.pid}/status").read_text()
            return int(re.search(r"\nvoluntary_ctxt_switches:\t(\d+)",
                                 text)[1])
        before, start_time = switches(), time.monotonic()
        time.sleep(3)
        true(switches() - before <= time.monotonic() - start_time + 1,
             f"it woke {switches() - before} times in 3 s")


def main():
    """All of it."""
    with Suite() as suite:
        origin = Origin(suite)
        test_own_sockets(suite, origin)
        test_what_is_in_the_way(suite, origin)
        test_handed_over(suite, origin)
        test_end(suite, origin)
        test_death_of_the_master(suite, origin)
        test_reload(suite, origin)
        test_reload_elsewhere(suite, origin)
        test_killed_workers(suite, origin)
        test_crash_loop(suite, origin)
        test_hopeless(suite, origin)
        test_recycling(suite, origin)
        test_watchdog(suite, origin)
        test_identity(suite, origin)
        test_leaks(suite, origin)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What a request costs, counted and not timed, so that it is the same on any
machine: the instructions of its pieces and of the whole (callgrind), and the
system calls of a worker (strace).

What is dearer than it was fails here.  What has become cheaper is to be written
down below, or it can be lost again: each count is shown in a line "# ..."."""

import os
import pathlib
import platform
import re
import shutil
import subprocess

from checks import shown
from fastcgi import Fastcgi
from harness import (COUNT, ENVIRONMENT, PROGRAM, WRAPPER, Failure, Memcached,
                     Skip, Suite, Trys3d, equal, true, wait_for)
from origin import Origin
from scene import DATE, make_certificate, tag

# Instructions as they were seen, built by gcc 12 with -O2; so many hundredths
# more are let pass, for another library's security update.
MARGIN = 10
INSTRUCTIONS = {
    # Pieces, see count.c.
    "sign": 87639,
    "map": 2756,
    "name": 15748,
    "read": 16800,
    # A request for 10 KB: all that the worker does from one to the next.
    "hit": 59875,
    "miss": 352937,
}

# System calls from a worker's accept to the next one's, by name, as if nobody
# had let it wait.  There is no margin: one more fails.
CALLS = {
    "hit": {
        "accept4": 1, "close": 1, "epoll_wait": 1, "lseek": 1, "pwrite64": 1,
        "read": 2, "recvfrom": 4, "rt_sigprocmask": 2, "sendmsg": 1,
        "sendto": 1, "timer_settime": 2,
    },
    "miss": {
        "accept4": 1, "close": 1, "epoll_wait": 1, "lseek": 1, "poll": 2,
        "pwrite64": 1, "read": 2, "recvfrom": 5, "sendmsg": 1, "sendto": 1,
    },
    "miss by TLS": {
        "accept4": 1, "close": 1, "epoll_wait": 1, "lseek": 1, "poll": 1,
        "pwrite64": 1, "read": 2, "recvfrom": 7, "sendmsg": 1, "sendto": 1,
    },
    "miss, then stored": {
        "accept4": 1, "close": 1, "epoll_wait": 1, "lseek": 1, "poll": 2,
        "pwrite64": 1, "read": 2, "recvfrom": 7, "rt_sigprocmask": 4,
        "sendmsg": 1, "sendto": 4, "timer_settime": 4,
    },
}

BODY = os.urandom(10240)
WARM = 5    # requests until all that is kept is there

# The libraries choose their code by the processor.  What valgrind shows them is
# AVX2 at most (no SHA instructions), but less where the machine has less; and
# it counts "rep stosb" once a byte.  So all get what each x86-64 has, SSE2.
ONE_PROCESSOR = {
    "OPENSSL_ia32cap": "0x178bfbff:0",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=" + ",".join(
        f"-{name}" for name in (
            "AVX512F", "AVX512VL", "AVX512BW", "AVX2", "AVX", "ERMS", "FSRM",
            "SSSE3", "SSE4_1", "SSE4_2", "BMI1", "BMI2", "LZCNT", "MOVBE",
            "POPCNT", "RTM", "AVX_Fast_Unaligned_Load")),
}


def how_built():
    """The switches that gcc had for the daemon: it writes them down for the
    debugger.  Empty where it did not."""
    found = re.search(rb"GNU C\d\d [^\0]*", pathlib.Path(PROGRAM).read_bytes())
    return found[0].decode() if found else ""


def check_plain(program):
    """Can PROGRAM, which counts, show what trys3d itself does?"""
    if WRAPPER:
        raise Skip("runs under another program: TRYS3_WRAPPER")
    if b"__asan_init" in pathlib.Path(PROGRAM).read_bytes() or \
            "-fsanitize" in how_built():
        raise Skip("built with sanitizers, who have calls of their own")
    if not shutil.which(program, path=ENVIRONMENT["PATH"]):
        raise Skip(f"{program} is not installed")


def check_optimised():
    """Is it built as INSTRUCTIONS has it?"""
    switches = how_built().split()
    if platform.machine() != "x86_64" or "-march=x86-64" not in switches:
        raise Skip("instructions are known for x86-64 alone")
    levels = [switch for switch in switches if switch.startswith("-O")]
    if levels != ["-O2"]:
        raise Skip(f"instructions are known for -O2, this is built with "
                   f"{' '.join(levels) or 'no -O'}")


class Store(Origin):
    """S3 that has BODY under every key, and answers in one piece, so that it is
    read as often each time."""

    def __init__(self, tls=None):
        head = (f"HTTP/1.1 200 OK\r\nContent-Length: {len(BODY)}\r\n"
                f"Content-Type: image/png\r\nETag: {tag(BODY)}\r\n"
                f"Last-Modified: {DATE}\r\nAccept-Ranges: bytes\r\n"
                f"x-amz-request-id: ORIGIN1\r\nDate: {DATE}\r\n\r\n")
        self._answer = head.encode() + BODY
        super().__init__(tls)

    def _talk(self, connection, number):
        while True:
            self._read_head(connection)
            connection.sendall(self._answer)


class Worker:
    """One worker of trys3d behind a WRAPPER, before a Store, and WAY tells what
    else: "hit", "miss"..."""

    _count = 0

    def __init__(self, suite, way, wrapper, environment=None):
        Worker._count += 1
        name = f"trys3d-{Worker._count}"
        tls = make_certificate(suite.folder, "store") if "TLS" in way else None
        self._way = way
        self._at = 0
        self._store = Store(tls)
        suite.on_end(self._store.stop)
        settings = {
            # Nothing but requests is to be done.
            "daemon": {"workers": 1, "worker_requests": 0},
            "site main": self._store.site(
                **({"ca_file": tls[0]} if tls else {})),
        }
        if way in ("hit", "miss, then stored"):
            memcached = Memcached(suite, f"memcached-{Worker._count}")
            settings["cache"] = {"servers": memcached.address,
                                 "timeout": "10s"}
        self.trys3d = Trys3d(suite, settings, environment, name=name,
                             wrapper=wrapper, is_waited_for=False)
        self.trys3d.wait_listening(self.trys3d.socket, 60)
        # Until it is ready the keeper may have no name to know it by.
        self.trys3d.wait_log(": ready: ", 60)
        self.pid, = self.trys3d.workers()

    def ask(self, count):
        """COUNT requests, to the end of the daemon."""
        fastcgi = Fastcgi(self.trys3d.socket)
        for _ in range(count):
            self._at += "stored" in self._way
            answer = fastcgi.get(f"/{self._at:04}.png")
            equal((answer.status, answer.is_whole, answer.body == BODY),
                  (200, True, True))
        equal(self.trys3d.stop(seconds=60), 0, "trys3d's exit status")
        # Else it is another thing that was counted.
        equal(self._store.connections(), 1, "connections to S3")


# ---- Instructions ----

def callgrind(log):
    """The command that counts, into LOG."""
    return ["valgrind", "-q", "--tool=callgrind",
            f"--callgrind-out-file={log}"]


def count_piece(suite, what, times):
    """What count executes to do WHAT so many TIMES; where it is written."""
    log = suite.folder / f"callgrind.{what}.{times}"
    done = subprocess.run([*callgrind(log), COUNT, what, str(times)],
                          env=ENVIRONMENT | ONE_PROCESSOR, cwd=suite.folder,
                          capture_output=True, text=True, check=False)
    equal((done.returncode, done.stderr), (0, ""), f"count {what}")
    return log


def count_worker(suite, what, times):
    """What a worker executes that serves a way WHAT so many TIMES."""
    log = suite.folder / f"callgrind.{what}.{times}"
    worker = Worker(suite, what, callgrind(f"{log}.%p"), ONE_PROCESSOR)
    worker.ask(WARM + times)
    return pathlib.Path(f"{log}.{worker.pid}")


def total(log):
    """How many instructions LOG counts."""
    return int(re.search(r"^totals: (\d+)", log.read_text(), re.M)[1])


def dearest(log):
    """The functions that most of them are in, less those that load programs."""
    lines = subprocess.run(
        ["callgrind_annotate", "--auto=no", log], env=ENVIRONMENT, check=False,
        capture_output=True, text=True).stdout.splitlines()
    return "\n".join([line for line in lines if re.match(r" *[\d,]+ \(", line)
                      and "/elf/" not in line][:20])


def check_instructions(suite, what, counter, times):
    """So many TIMES more cost so much more: whatever is done once is none of
    it."""
    few, many = (counter(suite, what, count) for count in (times, 2 * times))
    seen = round((total(many) - total(few)) / times)
    most = INSTRUCTIONS[what] * (100 + MARGIN) // 100
    print(f"# {what}: {seen} instructions, at most {most}", flush=True)
    true(seen <= most, lambda: f"{what}: {seen} instructions, at most {most}.  "
         f"Of all {total(many)}, the start among them:\n{dearest(many)}")


def test_instructions(suite):
    """Each at its count, or a little over it."""
    for what, name in (
            ("sign", "a request to S3, written and signed"),
            ("map", "a path to its key"),
            ("name", "a key to its name in memcached"),
            ("read", "10 KB out of what memcached keeps")):
        with suite.test(f"instructions: {name}"):
            check_plain("valgrind")
            check_optimised()
            if not os.access(COUNT, os.X_OK):
                raise Skip(f"{COUNT} is not built")
            check_instructions(suite, what, count_piece, 300)
    for what, name in (
            ("hit", "a whole request, 10 KB from memcached"),
            ("miss", "a whole request, 10 KB from S3, no memcached")):
        with suite.test(f"instructions: {name}"):
            check_plain("valgrind")
            check_optimised()
            check_instructions(suite, what, count_worker, 40)


# ---- System calls ----

def trace(suite, way, times):
    """The system calls of a worker that serves a WAY so many TIMES: a list of
    lines for each request, from its accept to the next one's."""
    log = suite.folder / f"strace.{way}"
    # -D: trys3d stays our own child.  It is traced from its start, since only
    # root could attach to what hides its memory.
    worker = Worker(suite, way, ["strace", "-D", "-f", "-o", log])
    worker.ask(WARM + times + 1)
    wait_for(lambda: re.search(rf"^{worker.trys3d.pid} +\+\+\+ exited",
                               log.read_text(errors="replace"), re.M),
             "strace to write all of it")
    requests = []
    for line in log.read_text(errors="replace").splitlines():
        pid, _, call = line.partition(" ")
        if int(pid) != worker.pid or not re.match(r" *\w+\(", call):
            continue
        if call.lstrip().startswith("accept4("):
            requests.append([])
        if requests:
            requests[-1].append(call.lstrip())
    equal(len(requests), WARM + times + 1, "requests that were traced")
    return requests[WARM:-1]


def without_waits(request):
    """The calls of REQUEST as if all had been there when it was asked for: less
    each poll that waits, and what was received in vain before it.  Where trys3d
    hides its memory from strace, there are addresses in place of what stands
    there."""
    kept = []
    for call in request:
        if not re.match(r"poll\((\[.*\]|0x\w+), \d+, [1-9]", call):
            kept.append(call)
        elif kept and re.search(r"^recvfrom.* = -1 EAGAIN ", kept[-1]):
            kept.pop()
    return kept


def count_calls(requests):
    """How often each call is made in one of REQUESTS, {name: count}: the median
    of all."""
    names = [[call.partition("(")[0] for call in request]
             for request in requests]
    return {name: sorted(request.count(name) for request in names)[
        len(names) // 2] for name in sorted(set(sum(names, [])))}


def check_strace(suite):
    """Can strace trace anything here?"""
    done = subprocess.run(
        ["strace", "-D", "-f", "-o", suite.folder / "strace.true", "true"],
        env=ENVIRONMENT, check=False, capture_output=True, text=True)
    if done.returncode != 0 or done.stderr:
        raise Skip(f"strace may not trace: {shown(done.stderr)}")


def test_calls(suite):
    """Each at its count."""
    for way, most in CALLS.items():
        with suite.test(f"system calls: {way}"):
            check_plain("strace")
            check_strace(suite)
            requests = [without_waits(request)
                        for request in trace(suite, way, 20)]
            seen = count_calls(requests)
            print(f"# {way}: {sum(seen.values())} system calls, at most "
                  f"{sum(most.values())}: " + ", ".join(
                      f"{name} {count}" for name, count in seen.items()
                      if count), flush=True)
            more = {name: f"{count}, at most {most.get(name, 0)}"
                    for name, count in seen.items()
                    if count > most.get(name, 0)}
            if more:
                raise Failure("\n".join([
                    f"{more}; one request, without its waits:",
                    *requests[0]]))


with Suite(600) as the_suite:
    test_instructions(the_suite)
    test_calls(the_suite)

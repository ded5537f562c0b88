#!/usr/bin/env python3
"""trys3 killed at every system call in turn: after each kill every byte is on
the disk under its name, or the reader gets it from the bucket, and the next
run ends the work and leaves nothing behind.

Every call is tried with TRYS3_EXHAUSTIVE=1.  Else those are passed over that
change nothing that outlives the process: memory, threads, time, looking and
reading, descriptors and what hangs on them (leases, locks).  A kill there finds
the world as the next call finds it that is not of these, for nothing lies
between but more of these.  A call that is not in the list is tried, so one that
is forgotten costs time and no more.  What is sent to S3 counts as a change.
"""

import os
import signal

from harness import NTH, WRAPPER, Rgw, Suite, equal, skip_all, trys3_wait, true
from lanes import IS_EXHAUSTIVE, each, saying
from liar import Liar
from mover import Mover, made_bytes, small_files

KILLED = 77
RENAMES = ("rename", "renameat", "renameat2")
MIB = 1 << 20

HARMLESS = """
brk mmap munmap mprotect mremap madvise mincore mlock membarrier rseq
set_robust_list get_robust_list set_tid_address arch_prctl prctl prlimit64
getrlimit clone clone3 exit futex sched_yield sched_getaffinity
sched_setaffinity rt_sigaction rt_sigprocmask rt_sigreturn rt_sigtimedwait
sigaltstack nanosleep clock_nanosleep clock_gettime clock_getres gettimeofday
time times getrandom getpid gettid getppid getuid geteuid getgid getegid
getgroups uname sysinfo getrusage getcpu umask
read pread64 readv preadv preadv2 recvfrom recvmsg lseek fadvise64 readahead
stat fstat lstat newfstatat statx statfs fstatfs access faccessat faccessat2
readlink readlinkat getdents getdents64 getcwd getxattr fgetxattr
poll ppoll select pselect6 epoll_create1 epoll_ctl epoll_wait epoll_pwait
eventfd2 timerfd_create timerfd_settime signalfd4 pipe pipe2 dup dup2 dup3
fcntl flock close close_range socket socketpair bind connect getsockopt
setsockopt getsockname getpeername shutdown
""".split()
SWITCHES = [] if IS_EXHAUSTIVE else ["-x", ",".join(HARMLESS)]


class Bench:
    """A bucket, and runs that are killed, each in a place of its own."""

    def __init__(self, suite):
        self.suite = suite
        self.rgw = Rgw(suite)

    def mover(self, name, files, **offload):
        """FILES, and a trys3 for them."""
        mover = Mover(self.suite, self.rgw, name, offload={"jobs": 4} |
                      offload)
        mover.make(files)
        return mover

    def finish(self, mover):
        """After what happened to MOVER nothing is lost, and the next run does
        the rest."""
        mover.check_nothing_lost()
        mover.run_well("offload", "-q")
        mover.check_nothing_lost()
        equal(list(mover.on_disk()), [], "left on the disk")
        mover.check_stored()
        equal(mover.in_bucket(), sorted(mover.files))
        mover.check_no_leftovers()

    def kill_each(self, name, files, **offload):
        """Kill the offload of FILES at each call."""
        def kill(number):
            mover = self.mover(f"{name}-{number}", files, **offload)
            done = mover.run_nth(number, "offload", "-q", switches=SWITCHES)
            is_killed = done.returncode == KILLED
            if not is_killed:
                equal(done.returncode, 0, done.stderr[-500:])
            with saying(f"killed at call {number}, "
                        f"{done.calls[-1:]}, of {name}"):
                self.finish(mover)
            mover.remove()
            return is_killed
        count = each(kill)
        print(f"# {name}: killed at {count - 1} calls", flush=True)
        true(count > len(files), f"only {count} calls: nothing was tried")


def test_offload(bench):
    """The way of a file, and its ways aside."""
    with bench.suite.test("an offload of some folders killed at each call"):
        bench.kill_each("plain", small_files(36 if IS_EXHAUSTIVE else 12))
    with bench.suite.test("with folders removed, by proof of the head alone"):
        bench.kill_each("folders", small_files(5), remove_folders="on",
                        verify="head")
    with bench.suite.test("with a trash"):
        def kill(number):
            mover = bench.mover(f"trash-{number}", small_files(5))
            mover.write(trash=mover.trash)
            mover.trash.mkdir()
            done = mover.run_nth(number, "offload", "-q", switches=SWITCHES)
            with saying(f"killed at call {number}, {done.calls[-1:]}"):
                bench.finish(mover)
                # In the trash of this run or of the one before.
                equal(sorted(mover.on_disk(mover.trash).values()),
                      sorted(mover.files.values()))
            mover.remove()
            return done.returncode == KILLED
        each(kill)


def last_moments(bench, files):
    """The calls of an offload of FILES at which one has lost its name and is
    there under another."""
    mover = bench.mover("moments", files, jobs=1)
    calls = mover.run_nth(0, "offload", "-q", switches=SWITCHES).calls
    found = [number for number, call in enumerate(calls, 1)
             if call in ("unlinkat", "unlink") and
             calls[number - 2] in RENAMES]
    true(found, calls)
    return found


def test_aftermath(bench):
    """The run that sets right what a kill has left."""
    files = small_files(3)
    with bench.suite.test("killed again at each call of the next run"):
        moments = last_moments(bench, files)
        for moment in moments:
            def kill(number, moment=moment):
                mover = bench.mover(f"again-{moment}-{number}", files, jobs=1)
                equal(mover.run_nth(moment, "offload", "-q",
                                    switches=SWITCHES).returncode, KILLED)
                done = mover.run_nth(number, "offload", "-q",
                                     switches=SWITCHES)
                with saying(f"killed at {moment}, then at {number} "
                            f"{done.calls[-1:]}"):
                    bench.finish(mover)
                mover.remove()
                return done.returncode == KILLED
            each(kill)
    with bench.suite.test("and what is kept beside the tree is gone"):
        for moment in last_moments(bench, files):
            mover = bench.mover(f"stateless-{moment}", files, jobs=1)
            mover.run_nth(moment, "offload", "-q", switches=SWITCHES)
            for path in mover.state.iterdir():
                path.unlink()
            bench.finish(mover)
            mover.remove()
    with bench.suite.test("put, evict, restore and audit after a kill"):
        for verb in ("put", "evict", "audit", "restore"):
            for moment in last_moments(bench, files):
                name = f"{verb}-after-{moment}"
                mover = bench.mover(name, files, jobs=1)
                mover.run_nth(moment, "offload", "-q", switches=SWITCHES)
                mover.check_nothing_lost()
                mover.run(verb, *[mover.root] * (verb == "restore"))
                bench.finish(mover)
                mover.remove()
    with bench.suite.test("the journal is on the disk before a name goes"):
        mover = bench.mover("order", files, jobs=1)
        calls = mover.run_nth(0, "offload", "-q", switches=[
            "-s", ",".join(["fdatasync", "fsync", *RENAMES])]).calls
        true(calls and calls[0] not in RENAMES, calls)
        true(any(call in RENAMES for call in calls), calls)


def test_two_steps(bench):
    """put, then evict, each killed."""
    with bench.suite.test("put, and evict, killed at each call"):
        files = small_files(6)

        def kill_put(number):
            mover = bench.mover(f"put-{number}", files)
            done = mover.run_nth(number, "put", "-q", switches=SWITCHES)
            equal(mover.on_disk(), files)
            bench.finish(mover)
            mover.remove()
            return done.returncode == KILLED

        def kill_evict(number):
            mover = bench.mover(f"evict-{number}", files)
            mover.run_well("put", "-q")
            equal(mover.on_disk(), files)
            done = mover.run_nth(number, "evict", "-q", switches=SWITCHES)
            bench.finish(mover)
            mover.remove()
            return done.returncode == KILLED
        each(kill_put)
        each(kill_evict)


def test_restore(bench):
    """A file that is there is whole, when it comes back too."""
    with bench.suite.test("a restore killed at each call"):
        files = small_files(6)

        def kill(number):
            mover = bench.mover(f"restore-{number}", files)
            mover.run_well("offload", "-q")
            done = mover.run_nth(number, "restore", "-q", mover.root,
                                 switches=SWITCHES)
            found = mover.on_disk()
            equal({name: files.get(name) for name in found}, found,
                  "files that are not whole")
            mover.check_stored()
            mover.run_well("restore", "-q", mover.root)
            equal(mover.on_disk(), files)
            for name, at in mover.times.items():
                equal(os.stat(mover.root / name).st_mtime_ns, at, name)
            mover.remove()
            return done.returncode == KILLED
        each(kill)


def test_signals(bench):
    """A signal is no kill: what is under way is finished."""
    with bench.suite.test("SIGTERM at each call: exit 4 or 0, nothing lost"):
        files = small_files(4)
        statuses = []

        def end(number):
            mover = bench.mover(f"term-{number}", files)
            done = mover.run_nth(number, "offload", "-q", switches=[
                *SWITCHES, "-k", signal.SIGTERM.value])
            # Before there is a handler it ends by the signal itself.
            true(done.returncode in (0, 4, 128 + signal.SIGTERM),
                 f"at call {number} {done.calls[number - 1:number]}: "
                 f"{done.returncode} {done.stderr[-500:]}")
            statuses.append(done.returncode)
            if done.returncode != 128 + signal.SIGTERM:
                # What it began it has ended.
                mover.check_no_leftovers()
            bench.finish(mover)
            mover.remove()
            return len(done.calls) >= number
        each(end, step=1 if IS_EXHAUSTIVE else 3)
        true(4 in statuses and 0 in statuses, statuses)


def test_multipart(bench):
    """A file of two parts or more, killed at its requests."""
    liar = Liar(bench.rgw.s3)
    bench.suite.on_end(liar.stop)
    body = made_bytes(65 * MIB + 1)
    moments = [
        ("initiate", 1), ("part", 1), ("part", 2), ("complete", 1),
        ("HEAD", 1), ("GET", 1),
    ]
    for what, at in moments:
        for when in ("do", "done"):
            short = {"do": "before", "done": "after"}[when]
            name = f"large-{what}-{at}-{short}"
            with bench.suite.test(f"65 MiB, killed {short} S3 has done "
                                  f"{what} {at}"):
                kill_large(bench, liar, name, body, what, at, when)


def kill_large(bench, liar, name, body, what, at, when):
    """Kill it at request AT of WHAT, before or after it is done."""
    mover = bench.mover(name, {"large.tif": body})
    mover.settings["site main"]["endpoint"] = liar.url
    mover.write()
    liar.clear()
    killed = []

    def kill(_asked):
        killed.append(process.kill())
    liar.tell({when: kill}, what=what, at=at)
    process = mover.start("offload", "-q")
    status = trys3_wait(process).returncode
    if not killed:
        equal(status, 0)
        true(what == "HEAD", f"there was no {what} {at}")
    else:
        equal(status, -signal.SIGKILL)
    bench.finish(mover)
    mover.remove()


def main():
    """All of it."""
    if WRAPPER:
        skip_all("its system calls are those of the wrapper")
    if not os.access(NTH, os.X_OK):
        skip_all(f"{NTH} is not built")
    with Suite(7200 if IS_EXHAUSTIVE else 1800) as suite:
        bench = Bench(suite)
        test_offload(bench)
        test_aftermath(bench)
        test_two_steps(bench)
        test_restore(bench)
        test_signals(bench)
        test_multipart(bench)


main()

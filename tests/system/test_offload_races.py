#!/usr/bin/env python3
"""Somebody does something to a file at the very moment of a system call of
trys3, for every call: what is written, moved or linked then is not lost either,
and nothing is deleted that is not the very file that was proved to be in the
bucket.

The call is held while it is done (nth -c).  A writer whom trys3's lease keeps
from opening the file waits in the background, as an application would, and
writes when it is let in.

Calls are counted from the moment at which the tree is locked: before, it knows
of no file, and what the libraries do at the start is not always the same.
"""

import contextlib
import os
import random
import signal
import sys
import threading

import meddler
from harness import (NTH, WRAPPER, Rgw, Suite, equal, skip_all, trys3_wait,
                     true, wait_for)
from lanes import IS_EXHAUSTIVE, each, saying
from liar import Liar
from mover import Mover, made_bytes

# What neither looks at a file nor does anything to it, nor to the server.
IDLE = """
brk mmap munmap mprotect mremap madvise membarrier rseq set_robust_list
set_tid_address arch_prctl prctl prlimit64 clone clone3 exit exit_group futex
sched_yield sched_getaffinity rt_sigaction rt_sigprocmask rt_sigreturn
sigaltstack nanosleep clock_nanosleep clock_gettime gettimeofday getrandom
getpid gettid getppid getuid geteuid getgid getegid uname sysinfo getrusage
poll ppoll select pselect6 epoll_create1 epoll_ctl epoll_wait epoll_pwait
eventfd2 pipe pipe2 socket socketpair bind connect getsockopt setsockopt
getsockname getpeername shutdown recvfrom recvmsg
""".split()
SWITCHES = ["-f", "flock", "-x", ",".join(IDLE)]
RENAMES = {"rename", "renameat", "renameat2", "link", "linkat"}
KILLED = 77
NAME = "2024/a.png"
BODY = made_bytes(5000)
OPTIONS = {
    "plain": {},
    "trash": {"trash": True},
    "head": {"verify": "head", "remove_folders": "on"},
}

# What is tried at each call in any case; the rest at one of three, unless
# TRYS3_EXHAUSTIVE=1.
CORE = ("append", "save", "replace", "to-folder", "folder-renamed")


def new_body(kind):
    """What is in the file when KIND has been done to BODY."""
    if kind == "append":
        return BODY + meddler.NEW
    if kind == "rewrite":
        return (meddler.NEW * (len(BODY) // len(meddler.NEW) + 1))[:len(BODY)]
    return meddler.NEW


def check_body(mover, path, bodies, name=NAME):
    """One of BODIES is at PATH, or the reader gets it for the file NAME."""
    if path.is_file() and not path.is_symlink() and \
            path.read_bytes() in bodies:
        return
    stored = mover.stored(name)
    if stored is not None and stored.body in bodies:
        return
    trash = mover.on_disk(mover.trash).values() if mover.trash.is_dir() else []
    true(any(body in bodies for body in trash), lambda:
         f"LOST: on the disk {list(mover.on_disk())}, in the bucket "
         f"{stored and stored.body[:40]}, in the trash {len(trash)} files")


def check(mover, kind, said, aside, is_folder_kept=True):
    """What must hold after KIND, which SAID how far it came."""
    path = mover.root / NAME
    did = said[-1] if said else "gone"
    writes = kind in ("append", "rewrite", "shrink", "save", "replace")
    if writes and did == "done":
        check_body(mover, path, [new_body(kind)])
    elif kind == "folder-away" and did == "done":
        check_body(mover, path, [meddler.NEW])
        # The old file is where it went, or where it was proved to be.
        check_body(mover, aside / "a.png", [BODY])
    elif kind == "folder-renamed" and did == "done":
        name = NAME.replace("/", "-renamed/")
        check_body(mover, mover.root / name, [BODY], name)
    elif kind == "remove":
        pass
    elif kind in ("moved", "to-symlink", "to-folder", "to-fifo") and \
            did == "done":
        equal(aside.read_bytes(), BODY, "what was moved away")
    else:
        # It was evicted before, or is there unchanged.
        check_body(mover, path, [BODY])
    if kind == "link" and did == "done":
        equal(aside.read_bytes(), BODY, "its other name")
    # An empty folder is old at once, as ages are here.
    is_there = kind == "to-folder" and not is_folder_kept or {"to-symlink": path.is_symlink(), "to-folder": path.is_dir(),
                "to-fifo": path.is_fifo()}.get(kind, True)
    true(is_there, f"what {kind} made is no more")


def meddling(mover, kind, aside, says):
    """The command that does KIND."""
    return (f"exec {sys.executable} -S -E {meddler.__file__} {kind} "
            f"'{mover.root / NAME}' '{aside}' >>'{says}'")


def race(bench, label, kind, number):
    """Do KIND at call NUMBER; was there one?"""
    options = dict(OPTIONS[label])
    mover = Mover(bench.suite, bench.rgw, f"{label}-{kind}-{number}")
    if options.pop("trash", False):
        mover.trash.mkdir()
        options["trash"] = mover.trash
    mover.write(jobs=1, **options)
    mover.make({NAME: BODY})
    aside = mover.folder / "aside"
    says = mover.folder / "says"
    done = mover.run_nth(number, "offload", "-q", switches=[
        *SWITCHES, "-c", meddling(mover, kind, aside, says)])
    is_reached = len(done.calls) >= number
    with saying(f"{kind} at call {number} "
                f"{done.calls[number - 2:number]} of {label}"):
        if is_reached:
            wait_for_writer(says)
            true(done.returncode in (0, 1),
                 f"ends with {done.returncode}: {done.stderr[-500:]}")
            said = says.read_text().split()
            is_folder_kept = "remove_folders" not in options
            check(mover, kind, said, aside, is_folder_kept)
            bench.seen[kind].add(said[0])
            mover.check_no_leftovers()
            # And it stays so.
            if number % 3 == 0 or IS_EXHAUSTIVE:
                done = mover.run("offload", "-q")
                true(done.returncode in (0, 1), done.stderr[-500:])
                check(mover, kind, said, aside, is_folder_kept)
                mover.check_no_leftovers()
        else:
            equal(done.returncode, 0)
    mover.remove()
    return is_reached


def race_and_kill(bench, kind, number, later):
    """Do KIND at call NUMBER, which is to be the one that takes the name away,
    and kill it so many calls LATER; was there one?"""
    # Threads do not always come in the same order.
    for attempt in range(20):
        mover = Mover(bench.suite, bench.rgw,
                      f"killed-{kind}-{number}-{later}-{attempt}")
        mover.write(jobs=1)
        mover.make({NAME: BODY})
        aside = mover.folder / "aside"
        says = mover.folder / "says"
        done = mover.run_nth(number, "offload", "-q", switches=[
            *SWITCHES, "-t", later, "-c", meddling(mover, kind, aside, says)])
        if done.calls[number - 1:number] and \
                done.calls[number - 1] in RENAMES:
            break
        mover.remove()
    with saying(f"{kind} at call {number} {done.calls[number - 1:number]}, "
                f"killed {later} later {done.calls[-1:]}"):
        true(done.calls[number - 1] in RENAMES, "this is no rename")
        wait_for_writer(says)
        said = says.read_text().split()
        # What was under way when it was killed, the next run sets right.
        again = mover.run("offload", "-q")
        true(again.returncode in (0, 1), again.stderr[-500:])
        check(mover, kind, said, aside)
        mover.check_no_leftovers()
    mover.remove()
    return done.returncode == KILLED


def wait_for_writer(says):
    """Wait until a writer that is held has written."""
    wait_for(lambda: says.exists() and says.read_text().split()[-1:] !=
             ["held"], "the writer", 60)


class Application(threading.Thread):
    """One that goes on working in the tree, a step for each request of trys3
    that it is told of: it makes files, saves others over them, appends, renames
    and deletes.  .files is what it relies on."""

    def __init__(self, mover, seed):
        super().__init__()
        self.files = {}
        self.error = None
        self._steps = threading.Semaphore(0)
        self._is_over = False
        self._mover = mover
        self._dice = random.Random(seed)
        self._seed = seed
        self._count = 0
        for _ in range(40):
            self._make()
        self.start()

    def step(self):
        """It is to do a step more, meanwhile."""
        self._steps.release()

    def run(self):
        try:
            while self._steps.acquire() and not self._is_over:
                self._dice.choice([
                    self._make, self._append, self._save, self._rename,
                    self._remove, self._read])()
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def _make(self):
        """A new one."""
        self._count += 1
        name = f"{self._seed}/{self._count % 7}/{self._count}.png"
        path = self._mover.root / name
        body = self._dice.randbytes(self._dice.choice([0, 10, 3000, 70000]))
        # The folder may go at any time.
        while not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                path.write_bytes(body)
        self.files[name] = body

    def _any(self):
        """The name of one that it has made."""
        return self._dice.choice(list(self.files))

    def _append(self):
        """As who knows that a file may have gone: then it is gone."""
        name = self._any()
        with contextlib.suppress(FileNotFoundError):
            fd = os.open(self._mover.root / name, os.O_WRONLY | os.O_APPEND)
            try:
                if os.fstat(fd).st_nlink > 0:
                    os.write(fd, b"more")
                    self.files[name] += b"more"
            finally:
                os.close(fd)

    def _save(self):
        """A new one in its place."""
        name = self._any()
        path = self._mover.root / name
        aside = self._mover.folder / f"saved-{self._seed}"
        aside.write_bytes(b"saved " + self.files[name][:100])
        self.files[name] = aside.read_bytes()
        while aside.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                os.rename(aside, path)

    def _rename(self):
        name = self._any()
        with contextlib.suppress(FileNotFoundError):
            os.rename(self._mover.root / name,
                      self._mover.root / f"{name}.renamed")
            self.files[f"{name}.renamed"] = self.files.pop(name)

    def _remove(self):
        name = self._any()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._mover.root / name)
            del self.files[name]

    def _read(self):
        name = self._any()
        with contextlib.suppress(FileNotFoundError):
            found = (self._mover.root / name).read_bytes()
            true(found == self.files[name], f"{name} is not what was written")

    def end(self):
        """No more of it."""
        self._is_over = True
        self.step()
        self.join()
        if self.error:
            raise self.error


def test_application(bench, remove_folders, runs=12):
    """It works on while trys3 runs, and is killed every other time."""
    liar = Liar(bench.rgw.s3)
    bench.suite.on_end(liar.stop)
    mover = Mover(bench.suite, bench.rgw, f"application-{remove_folders}",
                  endpoint=liar.url)
    mover.write(remove_folders=remove_folders, jobs=4)
    workers = [Application(mover, seed) for seed in (1, 2)]
    dice = random.Random(3)
    try:
        for number in range(runs):
            liar.clear()
            kill_at = dice.randrange(1, 200) if number % 2 else None

            def told(asked, kill_at=kill_at):
                workers[asked.number % 2].step()
                if asked.number == kill_at:
                    process.kill()
            liar.tell({"do": told}, times=0)
            process = mover.start("offload", "-q")
            done = trys3_wait(process, 120)
            true(done.returncode in (0, 1, -signal.SIGKILL), lambda done=done:
                 f"ends with {done.returncode}: {done.stderr[-1000:]}")
    finally:
        for worker in workers:
            worker.end()
    liar.clear()
    mover.run("offload", "-q", seconds=120)
    files = {name: body for worker in workers
             for name, body in worker.files.items()}
    print(f"# {len(files)} files, {len(mover.on_disk())} of them still here",
          flush=True)
    mover.check_nothing_lost(files)
    mover.check_no_leftovers()
    # Those that were saved anew when the older one was in the bucket stay.
    true(len(mover.on_disk()) < len(files) * 3 / 4, "hardly any has gone")


def test_taken_name(bench):
    """The name that a file gets while it goes is somebody's already."""
    true(bench.rename, "it renames nothing")
    mover = Mover(bench.suite, bench.rgw, "taken-1")
    mover.write(jobs=1)
    mover.make({NAME: BODY})
    # The call behind it, counted from the rename on: what comes before is not
    # the same each time.
    calls = mover.run_nth(2, "offload", "-q", switches=[
        *SWITCHES, "-f", bench.rename]).calls
    name, = mover.on_disk()
    true(name != NAME, f"it was killed too soon, or too late: {calls[-2:]}")
    other = Mover(bench.suite, bench.rgw, "taken-2")
    other.make({NAME: BODY, name: b"the only copy"})
    for _ in range(2):
        done = other.run("offload", "-q")
        true(done.returncode in (0, 1), done.stderr)
    kept = list(other.on_disk().values()) + [
        other.stored(found).body for found in other.in_bucket()]
    true(b"the only copy" in kept, f"LOST: {list(other.on_disk())}")
    other.check_nothing_lost({NAME: BODY})


class Bench:
    """A bucket, and where a run comes to files."""

    def __init__(self, suite):
        self.suite = suite
        self.rgw = Rgw(suite)
        self.seen = {kind: set() for kind in meddler.KINDS}
        mover = Mover(suite, self.rgw, "first")
        mover.write(jobs=1)
        mover.make({NAME: BODY})
        calls = mover.run_nth(0, "offload", "-q", switches=SWITCHES).calls
        # Where it takes the name away, and where it might find out.
        self.renames = [number for number, call in enumerate(calls, 1)
                        if call in RENAMES]
        self.rename = next(filter(RENAMES.__contains__, calls), None)
        print(f"# {len(calls)} calls, of which {self.renames} rename",
              flush=True)


def main():
    """All of it."""
    if WRAPPER:
        skip_all("its system calls are those of the wrapper")
    if not os.access(NTH, os.X_OK):
        skip_all(f"{NTH} is not built")
    with Suite(7200 if IS_EXHAUSTIVE else 1800) as suite:
        bench = Bench(suite)
        for label in OPTIONS:
            for kind in meddler.KINDS:
                if label != "plain" and not IS_EXHAUSTIVE and (
                        kind not in CORE):
                    continue
                with suite.test(f"{kind} at each call, {label}"):
                    each(lambda number, label=label, kind=kind: race(
                        bench, label, kind, number),
                         thin=1 if label == "plain" and kind in CORE else 3)
        for kind in ("replace", "save", "append", "to-folder", "link"):
            with suite.test(f"{kind} as the name is taken away, then a kill "
                            "at each call"):
                true(bench.renames, "it renames nothing")
                for number in bench.renames:
                    each(lambda later, kind=kind, number=number: race_and_kill(
                        bench, kind, number, later))
        with suite.test("the name that it gets on its way is taken"):
            test_taken_name(bench)
        for switch in ("off", "on"):
            with suite.test("an application works on, a run after the other, "
                            f"every other one killed: remove_folders {switch}"):
                test_application(bench, switch)
        with suite.test("writers came before, were held, and came too late"):
            equal(bench.seen["append"], {"done", "held", "gone"})


main()

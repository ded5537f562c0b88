#!/usr/bin/env python3
"""trys3 with a full disk, a bad disk, a server that fails or lies, and files
that change under it: whatever happens, at each system call and at each request
in turn, no byte is lost, the exit status says whether all was done, and a run
without faults ends the work."""

import errno
import os
import stat
import subprocess
import sys

import meddler
from harness import NTH, WRAPPER, Rgw, Suite, equal, true, wait_for
from lanes import IS_EXHAUSTIVE, each, saying
from liar import Liar
from mover import Mover, made_bytes, small_files

# Those that change something on the disk, and what may be wrong with them.
CHANGING = """
write pwrite64 writev fsync fdatasync openat open creat renameat renameat2
rename linkat link unlinkat unlink rmdir mkdirat mkdir ftruncate truncate
fallocate symlinkat utimensat fchmod fchmodat fchown fchownat copy_file_range
sendfile
""".split()
READING = """
openat open read pread64 readv fstat stat lstat newfstatat statx statfs fstatfs
getdents64 readlinkat lseek mmap
""".split()
TALKING = "connect sendto sendmsg recvfrom recvmsg socket".split()
ERRORS = [
    # errno, of which calls, from then on?
    (errno.ENOSPC, CHANGING, False),
    (errno.ENOSPC, CHANGING, True),
    (errno.EIO, CHANGING, False),
    (errno.EIO, READING, False),
    (errno.EROFS, CHANGING, True),
    (errno.EMFILE, ["openat", "open", "socket", "dup", "pipe2"], True),
    (errno.EACCES, ["openat", "open", "unlinkat", "renameat2", "renameat"],
     False),
    (errno.ENOMEM, ["mmap", "brk", "clone3", "clone"], False),
    (errno.ECONNRESET, TALKING, False),
    (errno.ENETUNREACH, ["connect"], True),
]


# From the lock of the tree on: before, a fault is one of any program's start.
SWITCHES = [] if IS_EXHAUSTIVE else ["-f", "flock"]


# A request that fails for good is given up soon.
PATIENCE = {"patience": "2s"}


class Bench:
    """A bucket, and a liar before it for each lane."""

    def __init__(self, suite):
        self.suite = suite
        self.rgw = Rgw(suite)

    def liar(self):
        """Another liar."""
        liar = Liar(self.rgw.s3)
        self.suite.on_end(liar.stop)
        return liar


def make_mover(bench, name, **options):
    """A Mover that is not patient."""
    return Mover(bench.suite, bench.rgw, name, offload=dict(PATIENCE),
                 **options)


def check_status(mover, done, may_abort=False):
    """DONE says the truth, and ended by itself."""
    if done.returncode > 127 and may_abort:
        return
    if done.returncode == 0:
        mover.check_stored()
        equal(list(mover.on_disk()), [], "it says that all is done, but left")
    else:
        # 127: the program's own libraries could not be read.
        true(done.returncode in (1, 2, 127), lambda:
             f"ends with {done.returncode}: {done.stderr[-2000:]}")


def finish(mover):
    """Without faults the work is ended."""
    mover.check_nothing_lost()
    mover.run_well("offload", "-q")
    mover.check_nothing_lost()
    mover.check_moved()
    mover.remove()


# ---- System calls ----

def fail_at(bench, name, number, error, calls, goes_on):
    """One call of CALLS fails; was there one?"""
    mover = make_mover(bench, f"{name}-{number}")
    mover.write(jobs=2)
    mover.make(small_files(4))
    done = mover.run_nth(number, "offload", "-q", seconds=180, switches=[
        *SWITCHES, "-s", ",".join(calls), "-e", error] + ["-a"] * goes_on)
    with saying(f"{errno.errorcode[error]} at call {number} "
                f"{done.calls[number - 1:number]}, "
                f"status {done.returncode} {done.stderr[-300:]!r}"):
        mover.check_nothing_lost()
        # Without memory a program just ends.
        check_status(mover, done, error == errno.ENOMEM)
        finish(mover)
    return len(done.calls) >= number


def test_errors(bench):
    """Each call that can fail, failing."""
    for error, calls, goes_on in ERRORS:
        name = errno.errorcode[error]
        span = "from each call on" if goes_on else "at each call"
        with bench.suite.test(f"{name} {span} of {calls[0]}..."):
            label = f"{name}-{calls[0]}-{int(goes_on)}"
            end = each(lambda number, label=label, error=error, calls=calls,
                       goes_on=goes_on: fail_at(bench, label, number, error,
                                                calls, goes_on),
                       thin=1 if calls is CHANGING else 3)
            true(end > 3, "nothing was tried")
            print(f"# {name} of {calls[0]}...: {end - 1} calls",
                  flush=True)


def test_restore_errors(bench):
    """No file that is not whole, by a restore either."""
    def restore(number):
        mover = make_mover(bench, f"restore-{number}")
        mover.make(small_files(3))
        mover.run_well("offload", "-q")
        done = mover.run_nth(number, "restore", "-q", mover.root, switches=[
            "-s", ",".join(CHANGING), "-e", errno.ENOSPC])
        with saying(f"call {number} {done.calls[number - 1:number]}"):
            found = mover.on_disk()
            equal({name: mover.files.get(name) for name in found}, found)
            mover.check_stored()
            if done.returncode == 0:
                equal(found, mover.files)
            mover.run_well("restore", "-q", mover.root)
            equal(mover.on_disk(), mover.files)
        mover.remove()
        return len(done.calls) >= number
    with bench.suite.test("ENOSPC at each call of a restore"):
        each(restore)


# ---- The server ----

def other(body):
    """Other bytes, as many."""
    return bytes([body[0] ^ 1]) + body[1:] if body else body


LIES = {
    "dropped before it is done": {"drop": "before"},
    "dropped when it is done": {"drop": "after"},
    "reset before it is done": {"reset": "before"},
    "reset when it is done": {"reset": "after"},
    "500": {"status": 500},
    "500, but done": {"status": 500, "is_after": True},
    "503": {"status": 503},
    "403": {"status": 403},
    "404": {"status": 404},
    "409": {"status": 409},
    "412": {"status": 412},
    "501": {"status": 501},
    "200, but nothing done": {"swallow": True},
    "an empty answer": {"body": lambda body: b""},
    "a short answer": {"body": lambda body: body[:-1]},
    "a long answer": {"body": lambda body: body + b"!"},
    "an answer cut in the middle": {"cut": 10},
    "an answer of other bytes": {"body": other},
    "no metadata": {"headers": {"x-amz-meta-sha256": None,
                                "x-amz-meta-mtime": None}},
    "another hash": {"headers": {"x-amz-meta-sha256": "0" * 64}},
    "another size": {"headers": {"Content-Length": "7"}},
    "another ETag": {"headers": {"ETag": '"' + "0" * 32 + '"'}},
    "no ETag": {"headers": {"ETag": None}},
}
# These leave what is wrong in the bucket, where nothing may overwrite it.
SPOILERS = {
    "stored short": {"store": lambda body: body[:-1]},
    "stored empty": {"store": lambda body: b""},
    "stored with other bytes": {"store": other},
    "stored long": {"store": lambda body: body + b"!"},
}


def lie_at(bench, name, step, number):
    """The NUMBER-th request of a run is lied about; was there one?"""
    liar = bench.liar()
    mover = make_mover(bench, f"{name}-{number}", endpoint=liar.url)
    mover.write(jobs=1)
    mover.make({f"{size}.png": made_bytes(size) for size in (300, 5000)})
    liar.tell(step, at=number)
    done = mover.run("offload", "-q", seconds=180)
    asked = liar.asked()
    with saying(f"request {number} {asked[number - 1:number]}, status "
                f"{done.returncode} {done.stderr[-500:]!r}"):
        mover.check_nothing_lost()
        check_status(mover, done)
        liar.clear()
        finish(mover)
    liar.stop()
    return len(asked) >= number


def test_lies(bench):
    """Each lie at each request."""
    for what, step in LIES.items():
        name = what.replace(" ", "-").replace(",", "")
        with bench.suite.test(f"{what}: at each request"):
            end = each(lambda number, step=step, name=name: lie_at(
                bench, name, step, number))
            true(end > 4, f"only {end - 1} requests: nothing was tried")


def test_constant_lies(bench):
    """Where it never stops, nothing goes, and it is said."""
    never = [
        ("PUT", "503", {"status": 503}, False),
        ("PUT", "nothing is done", {"swallow": True}, False),
        ("PUT", "dropped", {"drop": "before"}, False),
        ("HEAD", "500", {"status": 500}, True),
        ("GET", "short", LIES["a short answer"], True),
        # Nothing at all: of a few bytes each time it would be made whole.
        ("GET", "cut", {"cut": 0}, True),
        ("GET", "other bytes", LIES["an answer of other bytes"], True),
        ("GET", "403", {"status": 403}, True),
        ("GET", "500", {"status": 500}, True),
    ]
    for method, what, step, is_stored in never:
        with bench.suite.test(f"{what} for each {method}: all is kept"):
            liar = bench.liar()
            name = f"never-{method}-{what}".replace(" ", "-")
            mover = make_mover(bench, name, endpoint=liar.url)
            if method == "HEAD":  # of a small object, only there asked for
                mover.write(verify="head")
            mover.make({"a.png": made_bytes(5000), "b.png": made_bytes(100)})
            by_whom = {"by": mover.reader.key_id} if is_stored else {}
            liar.tell(step, method=method, times=0, **by_whom)
            done = mover.run("offload", "-q", seconds=300)
            if not liar.asked(method=method):
                true(method == "HEAD", f"there was no {method}")
                continue
            equal(done.returncode, 1, done.stderr[-500:])
            equal(mover.on_disk(), mover.files)
            equal(mover.in_bucket(), sorted(mover.files) if is_stored else [])
            liar.clear()
            finish(mover)


def test_spoilers(bench):
    """The wrong bytes are in the bucket."""
    for what, step in SPOILERS.items():
        for verify in ("read", "head"):
            with bench.suite.test(f"{what}: kept, and said again (verify = "
                                  f"{verify})"):
                liar = bench.liar()
                name = f"{what}-{verify}".replace(" ", "-")
                mover = make_mover(bench, name, endpoint=liar.url)
                mover.write(verify=verify, jobs=1)
                mover.make({"a.png": made_bytes(5000),
                            "b.png": made_bytes(100)})
                liar.tell(step, method="PUT", times=0, key="a.png")
                done = mover.run("offload", "-q")
                if verify == "head" and what == "stored with other bytes":
                    # The head is as it should be: what "read" is for.
                    continue
                equal(done.returncode, 1, done.stderr[-500:])
                equal(mover.on_disk(), {"a.png": mover.files["a.png"]})
                liar.clear()
                for _ in range(2):
                    done = mover.run("offload", "-q")
                    equal(done.returncode, 1)
                    true("a.png" in done.stderr, done.stderr)
                    equal(mover.on_disk(), {"a.png": mover.files["a.png"]})
                mover.writer.delete(mover.key("a.png"))
                finish(mover)


def test_large_lies(bench):
    """Of a file in parts."""
    body = made_bytes((64 << 20) + 12345)
    lies = [
        ("initiate", 1, "500", {"status": 500}),
        ("initiate", 1, "dropped after", {"drop": "after"}),
        ("part", 2, "500 once", {"status": 500}),
        ("part", 1, "not done", {"swallow": True}),
        ("part", 2, "stored with other bytes", {"store": other}),
        ("complete", 1, "not done", {"swallow": True}),
        ("complete", 1, "500, but done", {"status": 500, "is_after": True}),
        ("complete", 1, "dropped when done", {"drop": "after"}),
        ("complete", 1, "412", {"status": 412}),
        # Its status is sent before it knows.
        ("complete", 1, "an error with 200", {"body": lambda body:
            b"<Error><Code>InternalError</Code></Error>"}),
    ]
    for what, at, lie, step in lies:
        with bench.suite.test(f"65 MiB, {what} {at}: {lie}"):
            liar = bench.liar()
            name = f"large-{what}-{lie}".replace(" ", "-").replace(",", "")
            mover = make_mover(bench, name, endpoint=liar.url)
            mover.make({"a.tif": body})
            liar.tell(step, what=what, at=at)
            done = mover.run("offload", "-q", seconds=180)
            true(liar.asked(what=what), f"no {what}")
            mover.check_nothing_lost()
            check_status(mover, done)
            liar.clear()
            if "stored with" in lie and mover.in_bucket():
                # As an object of other content: not to be overwritten.
                equal((done.returncode, mover.on_disk()),
                      (1, mover.files))
                equal(mover.run("offload", "-q").returncode, 1)
                mover.check_nothing_lost()
                mover.check_no_leftovers()
                continue
            finish(mover)

    with bench.suite.test("65 MiB, each part fails: given up and aborted"):
        liar = bench.liar()
        mover = make_mover(bench, "large-never",
                      endpoint=liar.url)
        mover.make({"a.tif": body})
        liar.tell({"status": 500}, what="part", times=0)
        done = mover.run("offload", "-q", seconds=300)
        equal((done.returncode, mover.on_disk()), (1, mover.files))
        equal((mover.in_bucket(), mover.uploads()), ([], []))
        liar.clear()
        finish(mover)


def test_no_conditions(bench):
    """A server that does not know If-None-Match, in two ways."""
    def ignored(liar):
        """Stored without the condition, whatever is there."""
        for what in ("PUT", "complete"):
            liar.tell({"store": lambda body: body}, what=what, times=0)

    def refused(liar):
        """501 for the header; as the request would be without it."""
        liar.tell({"status": 501}, what="PUT", times=0, has_condition="True")

    for name, lie in (("ignored", ignored), ("501", refused)):
        with bench.suite.test(f"If-None-Match is {name}: what is there "
                              "already is not overwritten"):
            liar = bench.liar()
            lie(liar)
            mover = make_mover(bench, f"condition-{name}",
                          endpoint=liar.url)
            mover.make({f"{number}.png": made_bytes(1000, number)
                        for number in range(6)})
            mover.writer.put(mover.key("3.png"), b"of somebody else")
            done = mover.run("offload", "-v")
            equal(done.returncode, 1, done.stderr[-800:])
            equal(mover.on_disk(), {"3.png": mover.files["3.png"]})
            equal(mover.stored("3.png").body, b"of somebody else")
            mover.check_stored({name: body for name, body in
                                mover.files.items() if name != "3.png"})


# ---- Files that change ----

def test_changes(bench):
    """While a request is under way."""
    body = made_bytes(5000)
    for what in ("PUT", "HEAD", "GET"):
        for moment in ("do", "done"):
            for kind, meddle in meddler.KINDS.items():
                if kind.startswith("folder-"):
                    continue
                change_at(bench, body, what, moment, kind, meddle)


def change_at(bench, body, what, moment, kind, meddle):
    """The file is changed by KIND when WHAT is asked for or answered."""
    with bench.suite.test(f"{kind} as a {what} is "
                          f"{'sent' if moment == 'do' else 'answered'}"):
        liar = bench.liar()
        mover = make_mover(bench, f"{what}-{moment}-{kind}",
                      endpoint=liar.url)
        mover.make({"a.png": body})
        mover.write(jobs=1)
        path, aside = mover.root / "a.png", mover.folder / "aside"
        says = mover.folder / "says"

        def change(_asked):
            # A lease may hold it: then by a child, and not waited for here.
            with open(says, "w", encoding="ascii") as said:
                subprocess.run([sys.executable, "-S", meddler.__file__, kind,
                                path, aside], stdout=said, check=True)
        liar.tell({moment: change}, what=what)
        done = mover.run("offload", "-q")
        if not says.exists():
            true(what == "HEAD", f"there was no {what}")
            return
        wait_for(lambda: says.read_text().split()[-1:] != ["held"],
                 "the writer", 60)
        true(done.returncode in (0, 1), done.stderr[-500:])
        check_change(mover, kind, path, aside, body)
        true(mover.run("offload", "-q").returncode in (0, 1), "the next run")
        check_change(mover, kind, path, aside, body)
        mover.check_no_leftovers()


def check_change(mover, kind, path, aside, body):
    """What KIND wrote or moved is there: the file was not evicted yet."""
    new = {"append": body + meddler.NEW,
           "rewrite": (meddler.NEW * 1000)[:len(body)]}.get(
               kind, meddler.NEW)
    if kind in ("append", "rewrite", "shrink", "save", "replace"):
        stored = mover.stored("a.png")
        true(path.exists() and path.read_bytes() == new or
             stored is not None and stored.body == new,
             f"LOST what was written: {mover.on_disk()}")
    elif kind in ("moved", "to-symlink", "to-folder", "to-fifo"):
        equal(aside.read_bytes(), body)
    elif kind == "link":
        equal(aside.read_bytes(), body)
        mover.check_nothing_lost()
    elif kind == "touch":
        mover.check_nothing_lost()
    wanted = {"to-symlink": stat.S_ISLNK, "to-folder": stat.S_ISDIR,
              "to-fifo": stat.S_ISFIFO}.get(kind)
    true(not wanted or wanted(path.lstat().st_mode), "it is no more")


def main():
    """All of it."""
    with Suite(7200 if IS_EXHAUSTIVE else 1800) as suite:
        bench = Bench(suite)
        if WRAPPER or not os.access(NTH, os.X_OK):
            suite.skip("faults of system calls", "no nth, or in a wrapper")
        else:
            test_errors(bench)
            test_restore_errors(bench)
        test_lies(bench)
        test_constant_lies(bench)
        test_spoilers(bench)
        test_large_lies(bench)
        test_no_conditions(bench)
        test_changes(bench)


main()

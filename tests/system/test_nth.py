#!/usr/bin/env python3
"""nth, that the tests of crashes stand on: what it counts, and that the N-th
system call is not done when it acts, whatever the thread or process."""

import errno
import os
import signal
import subprocess
import sys

from harness import ENVIRONMENT, NTH, Suite, equal, true

KILLED = 77

# Four threads, each of which writes its letter three times.
THREADS = """
import os, threading
def write(letter):
    for _ in range(3):
        os.write(1, letter)
threads = [threading.Thread(target=write, args=(letter,))
           for letter in (b"a", b"b", b"c", b"d")]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
os.write(1, b".")
"""
PYTHON = [sys.executable, "-S", "-c", THREADS]


def run(folder, *arguments):
    """Run nth; (exit status, output, counted calls)."""
    log = folder / "calls"
    done = subprocess.run([NTH, "-l", log, *map(str, arguments)], cwd=folder,
                          env=ENVIRONMENT, capture_output=True, check=False,
                          timeout=60)
    return done.returncode, done.stdout.decode(), log.read_text().split()


def test_counts(suite):
    """Never, and each."""
    with suite.test("0 is never: the command ends by itself, all is counted"):
        status, out, calls = run(suite.folder, 0, "sh", "-c", "echo hi; exit 3")
        equal((status, out), (3, "hi\n"))
        equal(calls[0], "execve")
        true("write" in calls and calls[-1] == "exit_group", calls)
        equal(run(suite.folder, 0, "sh", "-c", "kill -9 $$")[0],
              128 + signal.SIGKILL)
    with suite.test("-s: only these; -x: all but these"):
        say = ["sh", "-c", "echo hi; echo ho"]
        equal(run(suite.folder, "-s", "write,no_such_call", 0, *say)[2],
              ["write"] * 2)
        calls = run(suite.folder, "-x", "write", 0, *say)[2]
        true(calls and "write" not in calls, calls)
        equal(run(suite.folder, "-s", "no_such_call", 0, *say)[0], 125)


def test_kills(suite):
    """At each call."""
    with suite.test("a kill at each call, until the command ends before it"):
        seen = set()
        number = 0
        status = KILLED
        while status == KILLED:
            number += 1
            status, out, calls = run(suite.folder, number, "sh", "-c",
                                     "echo hi; echo ho")
            if status == KILLED:
                equal(len(calls), number)
                # A write is done when the call behind it is entered.
                equal(out.count("\n"), calls[:-1].count("write"))
            seen.add(out)
        equal(status, 0)
        equal(seen, {"", "hi\n", "hi\nho\n"})
    with suite.test("threads are counted in one row, and killed together"):
        for number in (1, 5, 12, 13):
            status, out, _ = run(suite.folder, "-s", "write", number, *PYTHON)
            equal((status, len(out)), (KILLED, number - 1))
            equal("." in out, False)
        status, out, _ = run(suite.folder, "-s", "write", 14, *PYTHON)
        equal((status, len(out)), (0, 13))
    with suite.test("children are counted with it, and killed with it"):
        # Its end is seen by that of its output.
        status, out, _ = run(suite.folder, "-s", "write", 3, "sh", "-c",
                             "(echo a; echo b); sleep 1000 & echo c; wait")
        equal((status, out), (KILLED, "a\nb\n"))


def test_other_deeds(suite):
    """Errors, signals, commands."""
    say = ["sh", "-c", "echo hi; echo ho; echo end"]
    with suite.test("-e: one call fails, without being done; -a: all do"):
        equal(run(suite.folder, "-s", "write", "-e", errno.ENOSPC, 2, *say)[1],
              "hi\nend\n")
        status, out, _ = run(suite.folder, "-a", "-s", "write", "-e",
                             errno.EIO, 5, *PYTHON)
        equal(len(out), 4)
        true(status != 0, "it did not notice")
        script = ("import os\ntry: os.write(1, b'x')\n"
                  "except OSError as error: print(error.errno)")
        equal(run(suite.folder, "-s", "write", "-e", errno.EDQUOT, 1,
                  sys.executable, "-S", "-c", script)[1],
              f"{errno.EDQUOT}\n")
    with suite.test("-k: a signal, and the call is done"):
        trap = ["sh", "-c", "trap 'echo caught' TERM; echo hi; echo ho"]
        equal(run(suite.folder, "-s", "write", "-k", signal.SIGTERM.value, 1,
                  *trap)[1], "hi\ncaught\nho\n")
        equal(run(suite.folder, "-s", "write", "-k", signal.SIGTERM.value, 1,
                  *say)[0], 128 + signal.SIGTERM)
    with suite.test("-c: a command, before the call is done"):
        equal(run(suite.folder, "-s", "write", "-c", "echo between", 2,
                  *say)[1], "hi\nbetween\nho\nend\n")
    with suite.test("-f: counted from that call on"):
        status, out, calls = run(suite.folder, "-f", "write", 1, *say)
        equal((status, out, calls), (KILLED, "", ["write"]))
        status, out, calls = run(suite.folder, "-s", "exit_group", "-f",
                                 "write", 0, *say)
        equal((status, calls), (0, ["write"] * 3 + ["exit_group"]))
    with suite.test("-t: killed then"):
        equal(run(suite.folder, "-s", "write", "-c", "echo between", "-t", 1,
                  2, *say)[:2], (KILLED, "hi\nbetween\nho\n"))


with Suite() as the_suite:
    if not os.access(NTH, os.X_OK):
        the_suite.skip("nth", f"{NTH} is not built")
    else:
        test_counts(the_suite)
        test_kills(the_suite)
        test_other_deeds(the_suite)

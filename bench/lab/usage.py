"""What processes use: CPU time and memory, as the kernel counts them."""

import contextlib
import os
import pathlib
import re
import time

TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def tree(pid):
    """PID and all that descend from it, those that are there now."""
    found = [pid]
    for each in found:
        with contextlib.suppress(OSError):
            for children in pathlib.Path(f"/proc/{each}/task").glob(
                    "*/children"):
                found += map(int, children.read_text().split())
    return found


def _cpu_ns(pid):
    """Of one process and of those of its children that have ended."""
    # The kernel's clock of the process: to the nanosecond, with its threads,
    # also those that have ended.
    spent = time.clock_gettime_ns((~pid << 3) | 2)
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    fields = stat.rpartition(")")[2].split()
    return spent + (int(fields[13]) + int(fields[14])) * TICK_NS


def _cpu_ns_of(roots):
    """Nanoseconds of CPU time that the processes ROOTS and all that descend
    from them have had until now.  What has ended and been waited for counts,
    to the kernel's tick of 10 ms."""
    spent = 0
    for root in roots:
        for pid in tree(root):
            with contextlib.suppress(OSError):
                spent += _cpu_ns(pid)
    return spent


class Meter:
    """The CPU time that is taken from now on by ROOTS, {name: process ids}, and
    all that descend from them."""

    def __init__(self, roots):
        self._roots = roots
        self._before = self._read()

    def _read(self):
        return {name: _cpu_ns_of(pids) for name, pids in self._roots.items()}

    def costs(self, measure, unit_ns):
        """Measures, in units of so many nanoseconds: MEASURE of all, and
        MEASURE.name of each."""
        spent = {name: (now - self._before[name]) / unit_ns
                 for name, now in self._read().items()}
        return {measure: sum(spent.values())} | {
            f"{measure}.{name}": each for name, each in spent.items()}


def _kib(text, name):
    return sum(int(number) for number in
               re.findall(rf"^{name}:\s*(\d+) kB", text, re.M))


def memory(pid):
    """KiB of one process: resident, private, and the most that was resident;
    None where it has ended."""
    try:
        rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    return {
        "name": re.search(r"^Name:\s*(.*)", status)[1],
        "resident": _kib(rollup, "Rss"),
        "private": _kib(rollup, "Private_Clean") + _kib(rollup,
                                                        "Private_Dirty"),
        "peak": _kib(status, "VmHWM"),
    }


def peaks(root):
    """The most KiB that were resident of ROOT and of each that descends from
    it, by process."""
    found = {}
    for pid in tree(root):
        # One may end at any moment; what has ended has no VmHWM.
        with contextlib.suppress(OSError):
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            if "VmHWM" in status:
                found[pid] = _kib(status, "VmHWM")
    return found


def memories(roots):
    """memory of each process of ROOTS and of all that descend from them."""
    found = (memory(pid) for root in roots for pid in tree(root))
    return [each for each in found if each and each["resident"]]

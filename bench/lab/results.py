"""What was seen: rounds, medians, ratios; as JSON, which holds all that the
tables and the plots show.

A case is a dict: title, note, baseline (the name of a row, or None), columns,
panels (see plot.py), rows; it has "failed", which says why, where it came to
nothing.  A row is {"name", "title", "rounds": [{measure: number}]}, or has
"skipped", which says why.
"""

import json
import os
import pathlib
import platform
import statistics
import subprocess
import time


def column(measure, title, digits=0, with_spread=False, with_ratio=False):
    """A column of a table: the median of MEASURE; perhaps with the least and
    the most, and with how many times that of the baseline it is."""
    return {"measure": measure, "title": title, "digits": digits,
            "spread": with_spread, "ratio": with_ratio}


def values(row, measure):
    """What the rounds had of MEASURE."""
    return [each[measure] for each in row.get("rounds", ())
            if each.get(measure) is not None]


def median(row, measure):
    """The middle one of them, None if there are none."""
    seen = values(row, measure)
    return statistics.median(seen) if seen else None


def find_row(case, name):
    """The row with that name, None if there is none."""
    return next((row for row in (case or {}).get("rows", ())
                 if row["name"] == name), None)


def ratio(row, base, measure):
    """How many times as much ROW has as BASE, None where that was not seen: the
    median of what it was in each round, since what the machine does besides is
    more alike in a round than over all of them."""
    if not row or not base:
        return None
    pairs = zip(values(row, measure), values(base, measure))
    seen = [this / that for this, that in pairs if that]
    return statistics.median(seen) if seen else None


def _version(command, word=0):
    try:
        done = subprocess.run(command, capture_output=True, text=True,
                              check=False)
    except OSError:
        return "none"
    return (done.stdout + done.stderr).splitlines()[0].split()[word]


def about():
    """The machine and the programs."""
    cpu = next((line.partition(":")[2].strip() for line in
                pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.machine())
    return {
        "date": time.strftime("%Y-%m-%d"),
        "cpu": cpu,
        "cores": len(os.sched_getaffinity(0)),
        # Whose build of it is nobody's business.
        "kernel": platform.release().partition("-")[0],
        "nginx": _version(["nginx", "-v"], 2),
        "memcached": _version(["memcached", "-V"], 1),
        "wrk": _version(["wrk", "-v"], 2),
    }


def load(path):
    """What save wrote; {} if there is nothing."""
    try:
        return json.loads(pathlib.Path(path).read_text())
    except FileNotFoundError:
        return {}


def save(path, all_of_it):
    """Write it, whole or not at all."""
    new = pathlib.Path(f"{path}.new")
    new.write_text(json.dumps(all_of_it, indent=1) + "\n")
    new.rename(path)

"""Who is measured when: all take turns in each round, every other round in
the opposite order, so that what the machine does besides hits all alike."""

import sys
from typing import Callable, NamedTuple

from checks import Failure, Skip


class Subject(NamedTuple):
    """One row of a case: MEASURE is called once a round, and returns
    {measure: number}."""
    name: str
    title: str
    measure: Callable


def take(case_name, subjects, rounds):
    """The rows of a case.  A Skip in the first round leaves a row out; any
    other failure ends it all, and says of whom it is."""
    rows = {subject.name: {"name": subject.name, "title": subject.title,
                           "rounds": []} for subject in subjects}
    for i in range(rounds):
        for subject in subjects if i % 2 == 0 else subjects[::-1]:
            row = rows[subject.name]
            if "skipped" in row:
                continue
            print(f"# {case_name}: round {i + 1} of {rounds}, {subject.name}",
                  file=sys.stderr, flush=True)
            try:
                row["rounds"].append(subject.measure())
            except Skip as skip:
                row["skipped"] = str(skip)
            except Failure as failure:
                raise Failure(f"{case_name}, {subject.name}: {failure}"
                              ) from failure
    return list(rows.values())

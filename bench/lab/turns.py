"""Who is measured when: all take turns in each round, every other round in
the opposite order, so that what the machine does besides hits all alike."""

import sys
from typing import Callable, NamedTuple

import stillness
from checks import Failure, Skip
from stand import Disturbed


class Subject(NamedTuple):
    """One row of a case: MEASURE is called once a round, and returns
    {measure: number}."""
    name: str
    title: str
    measure: Callable


TRIES = 5


def _say(*words):
    print("#", *words, file=sys.stderr, flush=True)


def _turn(what, subject):
    """What SUBJECT measures; taken again when that was disturbed."""
    for _ in range(TRIES):
        failure = None
        with stillness.Watch() as watch:
            try:
                measured = subject.measure()
            except Failure as error:
                failure = error
        if watch.stood_still():
            failure = Disturbed("the machine stood still for "
                                f"{watch.longest:.1f} s")
        if not failure:
            return measured
        if not isinstance(failure, Disturbed):
            break
        _say(f"{what}: once more, since {failure}")
    raise Failure(f"{what}: {failure}")


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
            what = f"{case_name}, {subject.name}"
            _say(f"{what}: round {i + 1} of {rounds}")
            try:
                row["rounds"].append(_turn(what, subject))
            except Skip as skip:
                row["skipped"] = str(skip)
    return list(rows.values())

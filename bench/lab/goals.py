"""What is wanted of trys3d, and whether it was seen."""

from typing import Callable, NamedTuple

import results
import table


class Goal(NamedTuple):
    """SEEN is called with the cases ({name: case}); None: was not measured.
    IS_MOST: WANTED is the most, else the least."""
    what: str
    wanted: float
    is_most: bool
    digits: int
    seen: Callable


def _figure(case, row, measure):
    """The median of a row of a case."""
    def find(cases):
        found = results.find_row(cases.get(case), row)
        return found and results.median(found, measure)
    return find


def _over(case, row, other, measure):
    """How many times as much a row has as another."""
    def find(cases):
        this = _figure(case, row, measure)(cases)
        that = _figure(case, other, measure)(cases)
        return this / that if this is not None and that else None
    return find


def least(what, wanted, seen, digits=2):
    """A goal: at least WANTED."""
    return Goal(what, wanted, False, digits, seen)


def most(what, wanted, seen, digits=0):
    """A goal: at most WANTED."""
    return Goal(what, wanted, True, digits, seen)


GOALS = (
    least("miss: requests/s, times proxy_pass with a variable", 6,
          _over("miss", "trys3d", "proxy", "requests_s")),
    most("miss: trys3d's CPU µs a request", 100,
         _figure("miss", "trys3d", "cpu_us.trys3d")),
    least("memcached hit: requests/s, times memcached_pass", 0.45,
          _over("hit", "trys3d-memcached", "memcached", "requests_s")),
    most("memcached hit: trys3d's CPU µs a request", 45,
         _figure("hit", "trys3d-memcached", "cpu_us.trys3d")),
    least("hit in nginx's cache: requests/s, times proxy_cache", 0.97,
          _over("hit", "trys3d-nginx-cache", "proxy-cache", "requests_s")),
)


def _judge(goal, cases):
    seen = goal.seen(cases)
    if seen is None:
        verdict = "not measured"
    elif seen <= goal.wanted if goal.is_most else seen >= goal.wanted:
        verdict = "met"
    else:
        verdict = "**not met**"
    return [goal.what, ("at most " if goal.is_most else "at least ") +
            table.number(goal.wanted, goal.digits),
            table.number(seen, goal.digits), verdict]


def markdown(cases):
    """The table of all goals."""
    return "## Goals\n\n" + table.markdown(
        ["", "wanted", "seen", ""], [_judge(goal, cases) for goal in GOALS])

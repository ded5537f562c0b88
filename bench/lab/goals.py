"""What is wanted of trys3d, and whether it was seen."""

from typing import Callable, NamedTuple

import results
import table


# "Does not grow": what the rounds differ by anyway.
GROWN = 1.1


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
        return results.ratio(*(results.find_row(cases.get(case), name)
                               for name in (row, other)), measure)
    return find


def _of_all(case, row, measure, choose):
    """Of a row's rounds the one that CHOOSE, such as max, does."""
    def find(cases):
        found = results.find_row(cases.get(case), row)
        seen = results.values(found, measure) if found else ()
        return choose(seen) if seen else None
    return find


def _greatest(*seen):
    """The greatest of several."""
    def find(cases):
        found = [value for value in (each(cases) for each in seen)
                 if value is not None]
        return max(found) if len(found) == len(seen) else None
    return find


def _thousandth(seen):
    """Milliseconds of microseconds."""
    def find(cases):
        found = seen(cases)
        return None if found is None else found / 1000
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
    most("miss, stored in memcached: trys3d's CPU µs a request", 170,
         _figure("store", "trys3d-store", "cpu_us.trys3d")),
    *(goal for clients in (1, 16) for goal in (
        least(f"1 GiB, {clients} at once: bytes/s, times proxy_pass", 0.9,
              _over(f"large-{clients}", "trys3d", "proxy", "mib_s")),
        most(f"1 GiB, {clients} at once: CPU, times proxy_pass", 1.2,
             _over(f"large-{clients}", "trys3d", "proxy", "cpu_s"), 2),
        most(f"1 GiB, {clients} at once: a worker's peak, MiB", 16,
             _of_all(f"large-{clients}", "trys3d", "worker_peak", max), 1))),
    most("500 clients, S3 takes 100 ms: p99 in ms, as many as go", 250,
         _thousandth(_figure("clients-500", "trys3d", "full_p99"))),
    most("500 clients, S3 takes 100 ms: p99 in ms at a constant rate", 250,
         _thousandth(_figure("clients-500", "trys3d", "p99"))),
    most("1,000 clients, S3 takes 100 ms: p99 in ms at a constant rate", 250,
         _thousandth(_figure("clients-1000", "trys3d", "p99"))),
    most("a worker's private memory after TLS, MiB", 1.2,
         _of_all("clients-500", "trys3d", "worker_private", max), 2),
    most("512 workers' private memory, MiB", 600,
         _of_all("clients-500", "trys3d", "private.trys3d", max)),
    most("start to first answer with 64 workers, ms", 50,
         _figure("start", "trys3d", "start_ms"), 1),
    most("reload under load: failed", 0,
         _of_all("start", "trys3d", "failed", max)),
    most("reload under load: slow (over twice the p99)", 0,
         _of_all("start", "trys3d", "slow", max)),
    *(goal for how, measure in (("", "steady_us"), (", as many as go", "cpu_us"))
      for goal in (
          most(f"CPU a request with 64 and 512 workers{how}, times that with 4",
               GROWN, _greatest(*(
                   _over("workers", f"{n} workers", "4 workers",
                         f"{measure}.trys3d") for n in (64, 512))), 2),
          most(f"CPU a request with 1,000,000 objects{how}, times that with "
               "1,000", GROWN, _over("objects", "1,000,000 objects",
                                     "1,000 objects", f"{measure}.trys3d"), 2),
          most(f"CPU a request with 3 and 16 memcached servers{how}, times that "
               "with 1", GROWN, _greatest(*(
                   _over("servers", f"{n} servers", "1 servers",
                         f"{measure}.trys3d") for n in (3, 16))), 2))),
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

"""One contender under load: how many requests it answers, what each costs,
and how long they take when there are fewer."""

import load
import usage
from checks import equal
from results import column
from stand import Stand

MIB = 1024  # KiB

COLUMNS = [
    column("requests_s", "requests/s", with_spread=True, with_ratio=True),
    column("cpu_us", "CPU µs a request", with_ratio=True),
    column("cpu_us.trys3d", "trys3d"),
    column("cpu_us.nginx", "nginx"),
    column("cpu_us.memcached", "memcached"),
    column("p50", "p50 µs"),
    column("p99", "p99 µs"),
    column("p999", "p99.9 µs"),
    column("worker_resident", "worker's resident MiB", 1),
    column("worker_private", "private", 1),
    column("resident", "all resident MiB"),
    column("private", "private"),
]
PANELS = [
    {"title": "requests/s", "measures": ["requests_s"]},
    {"title": "CPU µs a request", "stacked": True, "measures": [
        "cpu_us.trys3d", "cpu_us.nginx", "cpu_us.memcached",
        "cpu_us.other"]},
    {"title": "µs at a constant rate", "is_log": True,
     "measures": ["p50", "p99", "p999"]},
    {"title": "private memory, MiB", "measures": ["private"]},
]


def memory(roots):
    """Measures of the memory: of the largest worker (of trys3d where it is
    there, else of any process), and of all processes."""
    of = {name: usage.memories(pids) for name, pids in roots.items()}
    everyone = [each for some in of.values() for each in some]
    workers = [each for each in of.get("trys3d", ())
               if each["name"] == "trys3d-worker"] or everyone
    return {
        "worker_resident": max(each["resident"] for each in workers) / MIB,
        "worker_private": max(each["private"] for each in workers) / MIB,
        "worker_peak": max(each["peak"] for each in workers) / MIB,
        "resident": sum(each["resident"] for each in everyone) / MIB,
        "private": sum(each["private"] for each in everyone) / MIB,
    } | {f"private.{name}": sum(each["private"] for each in some) / MIB
         for name, some in of.items()}


def flood(stand, target, seconds, connections, answer_size):
    """wrk's requests, and what each cost; measures."""
    before = {name: usage.cpu_ns(pids) for name, pids in stand.roots.items()}
    seen = load.wrk(stand.port, target, seconds, connections, answer_size)
    spent = {name: (usage.cpu_ns(pids) - before[name]) / 1000 /
             seen["requests"] for name, pids in stand.roots.items()}
    return {
        "requests_s": seen["requests_s"],
        "full_p50": seen["p50"],
        "full_p99": seen["p99"],
        "cpu_us": sum(spent.values()),
    } | {f"cpu_us.{name}": each for name, each in spent.items()}


def constant(bench, stand, target, a_second, connections):
    """bench/rate's requests; measures.  None may fail."""
    seen = load.rate(bench.rate_program, stand.port, target, a_second,
                     bench.seconds, connections)
    equal(seen["errors"], 0, f"failed of {seen['requests']} at "
          f"{a_second}/s ({seen['said']})")
    return {name: seen[name] for name in ("p50", "p99", "p999")}


def measure(bench, contender, origin, target, a_second, digests=None):
    """All of that of one contender, freshly started and warm."""
    with Stand(bench.folder, contender.name, origin) as stand:
        contender.start(stand)
        size = load.look(stand.port, target, digests)
        if contender.proof:
            size = load.look(stand.port, target, digests, contender.proof,
                             step=1 + target.count // 100)
        load.wrk(stand.port, target, 1, bench.connections, size)
        seen = flood(stand, target, bench.seconds, bench.connections, size)
        seen |= memory(stand.roots)
        return seen | constant(bench, stand, target, a_second,
                               bench.connections)

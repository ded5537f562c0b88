"""One contender under load: how many requests it answers, what each costs,
and how long they take when there are fewer."""

import load
import usage
from checks import equal
from results import column
from stand import Stand
from turns import Subject

MIB = 1024  # KiB
LOOKS = 1000  # objects at the most that are looked at one by one

COLUMNS = [
    column("requests_s", "requests/s", with_spread=True, with_ratio=True),
    column("cpu_us", "CPU µs a request", with_ratio=True),
    column("cpu_us.trys3d", "trys3d"),
    column("cpu_us.parts", "parts"),
    column("cpu_us.nginx", "nginx"),
    column("cpu_us.memcached", "memcached"),
    column("cpu_us.s3fs", "s3fs"),
    column("cpu_us.rclone", "rclone"),
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
        "cpu_us.trys3d", "cpu_us.nginx", "cpu_us.memcached", "cpu_us.s3fs",
        "cpu_us.rclone", "cpu_us.parts"]},
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
    meter = usage.Meter(stand.roots)
    seen = load.wrk(stand.port, target, seconds, connections, answer_size)
    return {
        "requests_s": seen["requests_s"],
        "full_p50": seen["p50"],
        "full_p99": seen["p99"],
    } | meter.costs("cpu_us", seen["requests"] * 1000)


def constant(bench, stand, target, a_second, connections):
    """bench/rate's requests, and what each cost; measures.  None may fail."""
    meter = usage.Meter(stand.roots)
    seen = load.rate(bench.rate_program, stand.port, target, a_second,
                     bench.seconds, connections)
    equal(seen["errors"], 0, f"failed of {seen['requests']} at "
          f"{a_second}/s ({seen['said']})")
    return {name: seen[name] for name in ("p50", "p99", "p999")} | \
        meter.costs("steady_us", seen["requests"] * 1000)


def warm_up(bench, stand, contender, target, connections, looks=LOOKS,
            seconds=1):
    """Each object of TARGET has been asked for, all that came was right, and
    the contender has done what it is said to do; how many bytes an answer
    has."""
    first = target.part(0)
    first = first._replace(count=min(first.count, looks))
    size = load.look(stand.port, first, bench.objects.md5)
    if contender.proof:
        # Of many objects some others, since these are no longer new.
        again = first if target.part(1) == target else first._replace(
            first=first.first + looks)
        size = load.look(stand.port, again, bench.objects.md5,
                         contender.proof, step=1 + again.count // 100)
    load.wrk(stand.port, target.part(1), seconds, connections, size)
    return size


def measure(bench, contender, origin, target, a_second, connections,
            looks=LOOKS, warm_s=1):
    """All of that of one contender, freshly started and warm: after LOOKS
    requests one by one, and WARM_S seconds of as many as go."""
    with Stand(bench.folder, contender.name, origin) as stand:
        contender.start(stand)
        size = warm_up(bench, stand, contender, target, connections, looks,
                       warm_s)
        seen = flood(stand, target.part(2), bench.seconds, connections, size)
        seen |= memory(stand.roots)
        return seen | constant(bench, stand, target.part(3), a_second,
                               connections)


def compare(bench, name, contenders, origin, target, a_second,
            connections=None, looks=LOOKS, warm_s=1, **case):
    """A case: the CONTENDERS in turn, see measure."""
    connections = connections or bench.connections
    bench.add(name, [
        Subject(each.name, each.title, lambda each=each: measure(
            bench, each, origin, target, a_second, connections, looks,
            warm_s))
        for each in contenders], **{
            "columns": COLUMNS, "panels": PANELS,
            "note": f"{connections} connections; S3 over TLS on this machine. "
            f"Latencies at {a_second} requests/s."} | case)

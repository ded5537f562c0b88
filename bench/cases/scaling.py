"""Whether a request costs more where there is more of something: workers,
memcached servers, objects."""

import contextlib

import contenders
import load
import throughput
from origin import MANY_TINY_OBJECTS, SMALL_OBJECTS, TINY_OBJECTS
from results import column
from stand import Stand
from turns import Subject

NEEDS = []
WORKERS = (4, 64, 512)
SERVERS = (1, 3, 16)
KEYS = (1000, 1_000_000)
WARM_S = 5  # until 512 workers have shaken hands with S3

COLUMNS = [
    column("cpu_us.trys3d", "trys3d's CPU µs a request", with_spread=True,
           with_ratio=True),
    column("cpu_us", "CPU µs of all", with_ratio=True),
    column("cpu_us.nginx", "nginx"),
    column("cpu_us.memcached", "memcached"),
    column("requests_s", "requests/s", with_spread=True, with_ratio=True),
]
PANELS = [
    {"title": "CPU µs a request", "stacked": True, "measures": [
        "cpu_us.trys3d", "cpu_us.nginx", "cpu_us.memcached"]},
    {"title": "requests/s", "measures": ["requests_s"]},
]


def _measure(bench, origin, start, proof=None):
    contender = contenders.Contender("trys3d", "", "", proof, start)
    with Stand(bench.folder, "trys3d", origin) as stand:
        start(stand)
        size = throughput.warm_up(bench, stand, contender, SMALL_OBJECTS,
                                  bench.connections, seconds=WARM_S)
        return throughput.flood(stand, SMALL_OBJECTS, bench.seconds,
                                bench.connections, size)


def _workers(bench, origin):
    bench.add(
        "workers", [
            Subject(f"{workers} workers", f"{workers} workers",
                    lambda workers=workers: _measure(
                        bench, origin,
                        lambda stand: stand.trys3d(workers=workers)))
            for workers in WORKERS],
        title="More workers", baseline=f"{WORKERS[0]} workers",
        note=f"10 KB objects, each fetched from S3; {bench.connections} "
        "connections.", columns=COLUMNS, panels=PANELS)


def _servers(bench, origin):
    def start(stand, servers):
        stand.trys3d(memcached=[
            stand.memcached(f"memcached-{i}") for i in range(servers)])

    bench.add(
        "servers", [
            Subject(f"{servers} servers", f"{servers} servers",
                    lambda servers=servers: _measure(
                        bench, origin, lambda stand: start(stand, servers),
                        ("Cache-Status", "trys3; hit")))
            for servers in SERVERS],
        title="More memcached servers", baseline=f"{SERVERS[0]} servers",
        note=f"10 KB objects, all in memcached; {bench.connections} "
        "connections.", columns=COLUMNS, panels=PANELS)


def _filled(bench, stand, keys):
    """trys3d whose memcached holds so many objects; what is asked for, and how
    many bytes an answer has."""
    stand.trys3d(memcached=[stand.memcached()])
    target = TINY_OBJECTS if keys == TINY_OBJECTS.count else \
        MANY_TINY_OBJECTS._replace(count=keys)
    size = load.look(stand.port, target, step=max(1, keys // 1000))
    # Each of them once; there is no other way in than to ask for it.
    load.wrk_each(stand.port, target, bench.connections, size)
    load.look(stand.port, target, bench.objects.md5,
              ("Cache-Status", "trys3; hit"), step=max(11, keys // 100))
    return target, size


def _keys(bench, origin):
    """One stand for all rounds, since filling it takes minutes."""
    with contextlib.ExitStack() as stands:
        subjects = []
        for keys in KEYS:
            stand = stands.enter_context(Stand(bench.folder, "trys3d", origin))
            target, size = _filled(bench, stand, keys)
            subjects.append(Subject(
                f"{keys:,} objects", f"{keys:,} objects",
                lambda stand=stand, target=target, size=size:
                throughput.flood(stand, target, bench.seconds,
                                 bench.connections, size)))
        bench.add(
            "objects", subjects, title="More objects",
            baseline=subjects[0].name,
            note="Objects of 100 bytes, all in memcached, each asked for in "
            f"turn; {bench.connections} connections.",
            columns=COLUMNS, panels=PANELS)


def run(bench):
    """Three tables."""
    with bench.origin() as origin:
        _workers(bench, origin)
        _servers(bench, origin)
        _keys(bench, origin)

"""What a request costs where there is more of something."""

import contenders
import throughput
from origin import SMALL_OBJECTS
from results import column
from stand import Stand
from turns import Subject

WARM_S = 5  # until 512 workers have shaken hands with S3
# Far below what any can do: then each has the same to do, and starts from rest.
# As many as go are the more the longer they queue before those who work without
# a pause, and where there are few of them they hardly ever sleep.
RATE = 2000
HOW = (f"At {RATE:,} requests/s, which is what each can do with ease; then as "
       "many as go.")

COLUMNS = [
    column("steady_us.trys3d", "trys3d's CPU µs a request", with_spread=True,
           with_ratio=True),
    column("steady_us", "CPU µs of all", with_ratio=True),
    column("steady_us.nginx", "nginx"),
    column("steady_us.memcached", "memcached"),
    column("p99", "p99 µs"),
    column("requests_s", "requests/s, as many as go", with_spread=True,
           with_ratio=True),
    column("cpu_us.trys3d", "trys3d's CPU µs then", with_ratio=True),
    column("cpu_us", "of all", with_ratio=True),
]
PANELS = [
    {"title": f"CPU µs a request, {RATE}/s", "stacked": True, "measures": [
        "steady_us.trys3d", "steady_us.nginx", "steady_us.memcached"]},
    {"title": "CPU µs a request, as many as go", "stacked": True, "measures": [
        "cpu_us.trys3d", "cpu_us.nginx", "cpu_us.memcached"]},
    {"title": "requests/s", "measures": ["requests_s"]},
]


def seen(bench, stand, target, size):
    """Measures of a STAND at work: as many as go, and at a constant rate."""
    return throughput.flood(stand, target, bench.seconds, bench.connections,
                            size) | \
        throughput.constant(bench, stand, target, RATE, bench.connections)


def _measure(bench, origin, start, proof):
    contender = contenders.Contender("trys3d", "", "", proof, start)
    with Stand(bench.folder, "trys3d", origin) as stand:
        start(stand)
        size = throughput.warm_up(bench, stand, contender, SMALL_OBJECTS,
                                  bench.connections, seconds=WARM_S)
        return seen(bench, stand, SMALL_OBJECTS, size)


def compare(bench, name, what, numbers, start, proof=None, **case):
    """A case: trys3d with each of the NUMBERS of WHAT, which START(stand,
    number) starts; PROOF as of a Contender."""
    with bench.origin() as origin:
        bench.add(name, [
            Subject(f"{number} {what}", f"{number} {what}",
                    lambda number=number: _measure(
                        bench, origin, lambda stand: start(stand, number),
                        proof))
            for number in numbers], baseline=f"{numbers[0]} {what}",
            columns=COLUMNS, panels=PANELS, **case)

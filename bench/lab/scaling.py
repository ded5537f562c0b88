"""What a request costs where there is more of something."""

import contenders
import throughput
from origin import SMALL_OBJECTS
from results import column
from stand import Stand
from turns import Subject

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


def _measure(bench, origin, start, proof):
    contender = contenders.Contender("trys3d", "", "", proof, start)
    with Stand(bench.folder, "trys3d", origin) as stand:
        start(stand)
        size = throughput.warm_up(bench, stand, contender, SMALL_OBJECTS,
                                  bench.connections, seconds=WARM_S)
        return throughput.flood(stand, SMALL_OBJECTS, bench.seconds,
                                bench.connections, size)


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

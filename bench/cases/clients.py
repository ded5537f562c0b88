"""Many clients at once, and a worker for each: 10 KB objects from an S3 server
that takes 100 ms."""

import contenders
import throughput
from origin import SMALL_OBJECTS
from results import column

NEEDS = ["libnginx-mod-http-lua"]
DELAY_MS = 100
NUMBERS = ((500, 512), (1000, 1024))
# Each worker begins with a TLS handshake of its own.
WARM_S = 8

COLUMNS = [
    column("requests_s", "requests/s", with_spread=True, with_ratio=True),
    column("cpu_us", "CPU µs a request"),
    column("cpu_us.trys3d", "trys3d"),
    column("cpu_us.nginx", "nginx"),
    column("full_p50", "p50 µs, as many as go"),
    column("full_p99", "p99 µs", with_spread=True),
    column("p50", "p50 µs, constant rate"),
    column("p99", "p99 µs"),
    column("p999", "p99.9 µs"),
    column("worker_resident", "worker's resident MiB", 1),
    column("worker_private", "private", 2),
    column("private.trys3d", "trys3d's private MiB"),
]
PANELS = [
    {"title": "requests/s", "measures": ["requests_s"]},
    {"title": "CPU µs a request", "stacked": True,
     "measures": ["cpu_us.trys3d", "cpu_us.nginx"]},
    {"title": "µs, as many as go", "measures": ["full_p50", "full_p99"],
     "what": {"full_p50": "p50", "full_p99": "p99"}},
    {"title": "µs at a constant rate", "measures": ["p50", "p99", "p999"]},
]


def run(bench):
    """A table for each number."""
    with bench.origin(DELAY_MS) as origin:
        for clients, workers in NUMBERS:
            throughput.compare(
                bench, f"clients-{clients}", bench.chosen([
                    *bench.named("proxy", "proxy-keepalive"),
                    contenders.trys3d("trys3d", f"trys3d with {workers} "
                                      "workers, no cache", workers=workers)]),
                origin, SMALL_OBJECTS, 500, clients, looks=10,
                warm_s=WARM_S,
                title=f"{clients} clients, {DELAY_MS} ms to S3's first byte",
                baseline="proxy", columns=COLUMNS, panels=PANELS)

"""Objects of 10 KB from an S3 server that takes its time, as S3 does."""

import contenders
import throughput
from origin import SMALL_OBJECTS

NEEDS = ["libnginx-mod-http-lua"]
DELAYS_MS = (20, 100, 300)
CONNECTIONS, RATE = 64, 100


def run(bench):
    """A table for each delay."""
    for delay in DELAYS_MS:
        with bench.origin(delay) as origin:
            throughput.compare(
                bench, f"delay-{delay}", bench.chosen([
                    *bench.named("proxy", "proxy-keepalive"),
                    contenders.trys3d("trys3d", "trys3d with 64 workers, no "
                                      "cache", workers=64)]),
                origin, SMALL_OBJECTS, RATE, CONNECTIONS, looks=10,
                title=f"10 KB objects, {delay} ms to S3's first byte",
                baseline="proxy")

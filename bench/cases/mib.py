"""Objects of 1 MiB: too large for memcached, passed through by trys3d."""

import throughput
from origin import MIB_OBJECTS

NEEDS = []


def run(bench):
    """One table."""
    with bench.origin() as origin:
        throughput.compare(
            bench, "mib", bench.named(
                "proxy", "proxy-keepalive", "trys3d", "static", "proxy-cache",
                "trys3d-nginx-cache"),
            origin, MIB_OBJECTS, 50, title="1 MiB objects", baseline="proxy")

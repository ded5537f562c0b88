"""Objects of 10 KB, each one new: fetched, and stored in memcached."""

import throughput
from origin import MANY_OBJECTS

NEEDS = []


def run(bench):
    """One table."""
    with bench.origin() as origin:
        throughput.compare(
            bench, "store", bench.named("proxy", "trys3d", "trys3d-store"),
            origin, MANY_OBJECTS, 500,
            title="10 KB objects, each one asked for once", baseline="proxy")

"""Objects of 10 KB: who fetches each from S3, and who has them at hand."""

import throughput
from origin import SMALL_OBJECTS

NEEDS = []


def run(bench):
    """Two tables."""
    with bench.origin() as origin:
        throughput.compare(
            bench, "miss", bench.of_case("miss"), origin, SMALL_OBJECTS, 500,
            title="10 KB objects, each fetched from S3", baseline="proxy")
        throughput.compare(
            bench, "hit", bench.of_case("hit"), origin, SMALL_OBJECTS, 2000,
            title="10 KB objects, all of them at hand", baseline="static")

"""More memcached servers."""

import scaling

NEEDS = []


def _start(stand, number):
    stand.trys3d(memcached=[stand.memcached(f"memcached-{i}")
                            for i in range(number)])


def run(bench):
    """One table."""
    scaling.compare(
        bench, "servers", "servers", (1, 3, 16), _start,
        ("Cache-Status", "trys3; hit"), title="More memcached servers",
        note=f"10 KB objects, all in memcached; {bench.connections} "
        f"connections. {scaling.HOW}")

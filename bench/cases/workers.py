"""More workers."""

import scaling

NEEDS = []


def run(bench):
    """One table."""
    scaling.compare(
        bench, "workers", "workers", (4, 64, 512),
        lambda stand, number: stand.trys3d(workers=number),
        title="More workers",
        note=f"10 KB objects, each fetched from S3; {bench.connections} "
        f"connections. {scaling.HOW}")

"""Objects of 10 KB, over TLS: who fetches each from S3, and who has them."""

import contenders
import throughput
from origin import SMALL_OBJECTS
from turns import Subject

NEEDS = []
RATES = {"miss": 500, "hit": 2000}
TITLES = {
    "miss": "10 KB objects, each fetched from S3",
    "hit": "10 KB objects, all of them at hand",
}
BASELINES = {"miss": "proxy", "hit": "static"}


def run(bench):
    """The two tables."""
    with bench.origin() as origin:
        for case, rate in RATES.items():
            subjects = [
                Subject(each.name, each.title, lambda each=each:
                        throughput.measure(bench, each, origin, SMALL_OBJECTS,
                                           rate, bench.objects.md5))
                for each in contenders.of_case(case, bench.contenders,
                                               bench.only)]
            bench.add(case, subjects, title=TITLES[case],
                      note=f"1,000 objects, S3 over TLS on this machine; "
                      f"{bench.connections} connections. Latencies at "
                      f"{rate} requests/s.",
                      baseline=BASELINES[case], columns=throughput.COLUMNS,
                      panels=throughput.PANELS)

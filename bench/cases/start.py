"""How soon the first request is answered, and what a reload costs others."""

import http.client
import signal
import threading
import time

import load
from checks import equal, true
from origin import SMALL_OBJECTS
from results import column
from stand import Stand
from turns import Subject

NEEDS = []
WORKERS, RATE, CONNECTIONS = 64, 500, 16

COLUMNS = [
    column("start_ms", "start to first answer, ms", 1, with_spread=True),
    column("reload_ms", "reload, ms"),
    column("requests", "requests meanwhile"),
    column("failed", "failed"),
    column("slow", "slow", with_spread=True),
    column("calm_slow", "slow without a reload", with_spread=True),
    column("calm_p99", "p99 µs without"),
    column("p99", "with"),
    column("max", "longest µs"),
]
PANELS = [
    {"title": "start to first answer, ms", "measures": ["start_ms"]},
    {"title": "µs", "measures": ["calm_p99", "p99", "max"], "is_log": True},
]


def _start(stand):
    """Start trys3d behind an nginx that waits for it, and ask until there is
    an answer: trys3d, and the milliseconds."""
    stand.nginx_for_trys3d()
    began = time.monotonic()
    trys3d = stand.trys3d_alone(workers=WORKERS, is_waited_for=False)
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", stand.port)
        connection.request("GET", SMALL_OBJECTS.path(0))
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        took = (time.monotonic() - began) * 1000
        if answer.status == 200:
            equal(len(body), SMALL_OBJECTS.size, "the first answer's length")
            return trys3d, took
        equal(answer.status, 502, "status until then")
        true(took < 10_000, "no answer in 10 s")
        time.sleep(0.001)


def _rate(bench, stand):
    """A load at a constant rate: what it prints, and each one's µs."""
    to = stand.folder / "each"
    seen = load.rate(bench.rate_program, stand.port, SMALL_OBJECTS, RATE,
                     2 * bench.seconds, CONNECTIONS, to)
    return seen, [int(line) for line in to.read_text().split()]


def _reload_in_between(bench, stand, trys3d):
    """The same with a reload in the middle of it; and its milliseconds."""
    took = []

    def reload():
        began = time.monotonic()
        trys3d.kill(signal.SIGHUP)
        trys3d.wait_log("reloaded: ", 30)
        took.append((time.monotonic() - began) * 1000)

    timer = threading.Timer(bench.seconds, reload)
    timer.start()
    try:
        seen, each = _rate(bench, stand)
    finally:
        timer.cancel()
        timer.join()
    equal(len(took), 1, "reloads")
    return seen, each, took[0]


def _measure(bench, origin):
    with Stand(bench.folder, "start", origin) as stand:
        trys3d, start_ms = _start(stand)
        size = load.look(stand.port, SMALL_OBJECTS)
        load.wrk(stand.port, SMALL_OBJECTS, 1, CONNECTIONS, size)
        calm, calm_each = _rate(bench, stand)
        equal(calm["errors"], 0, f"failed without a reload ({calm['said']})")
        seen, each, reload_ms = _reload_in_between(bench, stand, trys3d)
        return {
            "start_ms": start_ms,
            "reload_ms": reload_ms,
            "requests": seen["requests"],
            "failed": seen["errors"],
            "slow": sum(us > 2 * calm["p99"] for us in each),
            "calm_slow": sum(us > 2 * calm["p99"] for us in calm_each),
            "calm_p99": calm["p99"],
            "p99": seen["p99"],
            "max": seen["max"],
        }


def run(bench):
    """One row."""
    with bench.origin() as origin:
        bench.add(
            "start", [Subject("trys3d", f"trys3d with {WORKERS} workers",
                              lambda: _measure(bench, origin))],
            title="Start and reload",
            note="From exec of trys3d to the first answer through nginx, which "
            f"was fetched from S3. Then {RATE} requests/s over {CONNECTIONS} "
            "connections, without and with a reload (SIGHUP) in the middle; "
            "slow is what took over twice the p99 without.",
            baseline=None, columns=COLUMNS, panels=PANELS)

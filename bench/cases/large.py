"""An object of 1 GiB: one client, and 16 at once."""

import subprocess
import time

import load
import throughput
import usage
from checks import equal
import harness
from origin import LARGE_OBJECT, SMALL_OBJECTS
from results import column
from stand import Stand
from turns import Subject

NEEDS = ["curl"]
ROUNDS = {1: 5, 16: 3}  # at the most; 16 clients take a minute

COLUMNS = [
    column("mib_s", "MiB/s", with_spread=True, with_ratio=True),
    column("cpu_s", "CPU s a GiB", 2, with_ratio=True),
    column("cpu_s.trys3d", "trys3d", 2),
    column("cpu_s.nginx", "nginx", 2),
    column("worker_peak", "worker's peak MiB", 1),
    column("worker_private", "private", 1),
]
PANELS = [
    {"title": "MiB/s", "measures": ["mib_s"]},
    {"title": "CPU s a GiB", "stacked": True,
     "measures": ["cpu_s.trys3d", "cpu_s.nginx"]},
    {"title": "worker's peak memory, MiB", "measures": ["worker_peak"]},
]


def _fetch(port, clients):
    """CLIENTS times curl; the seconds until the last has it all."""
    began = time.monotonic()
    running = [subprocess.Popen(
        ["curl", "-sS", "--fail", "-o", "/dev/null", "-w", "%{size_download}",
         f"http://127.0.0.1:{port}{LARGE_OBJECT.path(0)}"],
        env=harness.ENVIRONMENT, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(clients)]
    try:
        said = [process.communicate() for process in running]
    finally:
        for process in running:
            process.kill()
    took = time.monotonic() - began
    for process, (out, error) in zip(running, said):
        equal((process.returncode, out), (0, str(LARGE_OBJECT.size)),
              f"curl ({error.strip()})")
    return took


def _measure(bench, contender, origin, clients):
    with Stand(bench.folder, contender.name, origin) as stand:
        contender.start(stand)
        size = load.look(stand.port, SMALL_OBJECTS, step=100)
        load.wrk(stand.port, SMALL_OBJECTS, 1, bench.connections, size)
        meter = usage.Meter(stand.roots)
        took = _fetch(stand.port, clients)
        return {"mib_s": clients * 1024 / took} | meter.costs(
            "cpu_s", clients * 1e9) | throughput.memory(stand.roots)


def run(bench):
    """A table for each number of clients."""
    with bench.origin() as origin:
        for clients, rounds in ROUNDS.items():
            bench.add(
                f"large-{clients}", [
                    Subject(each.name, each.title, lambda each=each: _measure(
                        bench, each, origin, clients))
                    for each in bench.named("proxy", "proxy-keepalive",
                                            "trys3d", "trys3d-handoff")],
                rounds=rounds, title="1 GiB, " + (
                    "one client" if clients == 1 else f"{clients} at once"),
                note="By curl, to /dev/null; S3 over TLS on this machine. "
                "The peak is the largest that a worker was (VmHWM).",
                baseline="proxy", columns=COLUMNS, panels=PANELS)

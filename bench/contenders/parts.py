"""libfcgi and libcurl alone: nothing signed, checked, retried or bounded.

What trys3d could come to at best: bench/parts.c, as many processes, behind
nginx with the same files."""

import pathlib

import harness
from stand import WORKERS

CASE = "miss"


def start(stand):
    stand.nginx_for_trys3d()
    program = pathlib.Path(harness.PROGRAM).parent / "bench" / "parts"
    address = f"unix:{stand.folder}/trys3d.sock"
    process = harness.Process(stand, "parts", [
        program, address[5:], WORKERS,
        f"{stand.origin.url}/{stand.origin.bucket}", stand.origin.ca_file])
    stand.count("parts", process).wait_listening(address)

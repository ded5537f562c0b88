#!/usr/bin/env python3
"""Large objects: a gigabyte comes whole, through plain http and TLS, and the
worker that brings it needs no more memory than for a small one."""

import contextlib
import hashlib
import http.client
import pathlib
import socket
import threading

from fastcgi import Fastcgi
from harness import (PATIENCE, PROGRAM, WRAPPER, Nginx, Rgw, Skip, Suite,
                     Trys3d, equal, true, wait_for)
from origin import Origin, Pattern
from scene import make_certificate

MIB = 1 << 20
# Memory is not what it is where a checker counts it.
IS_CHECKED = bool(WRAPPER) or b"__asan_init" in pathlib.Path(
    PROGRAM).read_bytes()
MEMORY_MAX = 16 * MIB
PRIVATE_MAX = 1.2 * MIB  # of a worker that has nothing to do
# So long that nothing ends by a time-out of trys3d's.
PATIENT = {"request_timeout": "2h", "send_timeout": "1h"}


def table(path):
    """The numbers of a file of /proc that has a name and one on each line."""
    lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
    return {name: int(value.split()[0]) for name, _, value in
            (line.partition(":") for line in lines)
            if value.split()[:1] and value.split()[0].isdigit()}


def choose_size():
    """Of the largest object; why it is not a gigabyte."""
    if IS_CHECKED:
        return 64 * MIB, ", 64 MiB since it runs under a checker"
    if table("/proc/meminfo")["MemAvailable"] < 6 << 20:
        return 256 * MIB, ", 256 MiB since there is little memory"
    return 1024 * MIB, ""


def digest(pieces):
    """(how many bytes, SHA-256) of PIECES."""
    total, sha = 0, hashlib.sha256()
    for piece in pieces:
        total += len(piece)
        sha.update(piece)
    return total, sha.hexdigest()


def pieces_of(body):
    """BODY, a Pattern, in pieces."""
    return (body[at:at + MIB] for at in range(0, len(body), MIB))


def peak_memory(pid):
    """The most that was ever resident of it, in bytes."""
    return table(f"/proc/{pid}/status")["VmHWM"] * 1024


def private_memory(pid):
    """What is its own of what is resident, in bytes."""
    own = table(f"/proc/{pid}/smaps_rollup")
    return (own["Private_Clean"] + own["Private_Dirty"]) * 1024


def is_small(daemon, when):
    """No worker of DAEMON has ever needed too much."""
    if IS_CHECKED:
        raise Skip("a checker counts the memory")
    peaks = [peak_memory(pid) for pid in daemon.workers()]
    print(f"# workers' peaks {when}, KiB: {[peak // 1024 for peak in peaks]}")
    true(max(peaks) < MEMORY_MAX, f"{peaks} bytes")


def download(nginx, path, headers=()):
    """(status, how many bytes, SHA-256) of what comes by nginx."""
    connection = http.client.HTTPConnection("127.0.0.1", nginx.port,
                                            timeout=120 * PATIENCE)
    with contextlib.closing(connection):
        connection.request("GET", path, headers={
            "Authorization": nginx.authorization} | dict(headers))
        answer = connection.getresponse()
        return answer.status, *digest(iter(lambda: answer.read(MIB), b""))


def exchange_digest(exchange):
    """(how many bytes, SHA-256) of the rest of a FastCGI answer, which must
    end well."""
    found = digest(iter(exchange.read, b""))
    true(exchange.is_ended, "the answer does not end well")
    return found


class Bench:
    """A bucket with the large object and one of 64 MiB."""

    def __init__(self, suite):
        self.suite = suite
        self.rgw = Rgw(suite)
        size, self.why = choose_size()
        self.large, self.medium = Pattern(size), Pattern(64 * MIB)
        self.wanted = {}
        for path, body in (("/large.bin", self.large),
                           ("/medium.bin", self.medium)):
            sha = hashlib.sha256()

            def hashed(body=body, sha=sha):
                for piece in pieces_of(body):
                    sha.update(piece)
                    yield piece
            self.rgw.s3.put(path[1:], hashed(), length=len(body))
            self.wanted[path] = len(body), sha.hexdigest()

    def daemon(self, name, is_tls=False, **settings):
        """A trys3d for it."""
        return Trys3d(self.suite, {
            "daemon": PATIENT | settings,
            "site one": self.rgw.site(is_tls=is_tls)}, name=f"trys3d-{name}")


def test_large(bench):
    """The large object, by every way."""
    suite = bench.suite
    size = f"{len(bench.large) // MIB} MiB"
    for is_tls, is_cached in ((True, False), (False, True)):
        name = f"{'TLS' if is_tls else 'http'}-{'' if is_cached else 'not-'}kept"
        with suite.test(f"{size} by one client, S3 over "
                        f"{'TLS' if is_tls else 'http'}, nginx's cache "
                        f"{'on' if is_cached else 'off'}{bench.why}"):
            daemon = bench.daemon(name, is_tls, workers=1)
            nginx = Nginx(suite, daemon.socket, is_cached, name=f"nginx-{name}")
            equal(download(nginx, "/large.bin"),
                  (200, *bench.wanted["/large.bin"]))
        with suite.test(f"the worker stays below 16 MiB, {name}"):
            is_small(daemon, name)
        if is_cached:
            nginx.stop()
            continue
        with suite.test(f"a range in the middle of it, {name}"):
            first = len(bench.large) // 2 + 12345
            last = first + 3 * MIB
            answer = nginx.get("/large.bin",
                               {"Range": f"bytes={first}-{last}"})
            equal(answer.status, 206)
            equal(answer.header("Content-Range"),
                  f"bytes {first}-{last}/{len(bench.large)}")
            true(answer.body == bench.large[first:last + 1], "other bytes")
        nginx.stop()


def test_together(bench):
    """Eight clients at a time."""
    found = []
    for is_tls in (False, True):
        scheme = "TLS" if is_tls else "http"
        daemon = bench.daemon(f"together-{scheme}", is_tls, workers=8)
        nginx = Nginx(bench.suite, daemon.socket, False,
                      name=f"nginx-together-{scheme}")
        with bench.suite.test(f"64 MiB to eight clients at once, {scheme}"):
            found = []
            threads = [threading.Thread(target=lambda nginx=nginx, found=found:
                                        found.append(download(
                                            nginx, "/medium.bin")))
                       for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            equal(found, [(200, *bench.wanted["/medium.bin"])] * 8)
        with bench.suite.test(f"no worker is over 16 MiB, {scheme}"):
            is_small(daemon, f"together, {scheme}")


def test_slow(bench):
    """One who takes a little, then nothing for a while, then the rest."""
    for is_tls in (False, True):
        scheme = "TLS" if is_tls else "http"
        daemon = bench.daemon(f"slow-{scheme}", is_tls, workers=2)
        client = Fastcgi(daemon.socket)
        with bench.suite.test(f"a slow reader gets every byte, {scheme}"):
            with client.open("/medium.bin", seconds=120) as slow:
                equal(slow.head()[0], 200)
                sha, count = hashlib.sha256(), 0
                while count < 65536:
                    piece = slow.read(65536 - count)
                    sha.update(piece)
                    count += len(piece)
                # In the meantime, two others are served in full.
                for _ in range(2):
                    with client.open("/medium.bin", seconds=120) as other:
                        equal(other.head()[0], 200)
                        equal(exchange_digest(other),
                              bench.wanted["/medium.bin"])
                peaks = {pid: peak_memory(pid) for pid in daemon.workers()}
                for piece in iter(slow.read, b""):
                    sha.update(piece)
                    count += len(piece)
                true(slow.is_ended, "it does not end well")
                equal((count, sha.hexdigest()), bench.wanted["/medium.bin"])
        with bench.suite.test(f"nothing was heaped up for it, {scheme}"):
            is_small(daemon, f"slow, {scheme}")
            equal(sorted(peaks), sorted(daemon.workers()))
            for pid, peak in peaks.items():
                true(peak_memory(pid) < peak + MIB, "it grows")


def test_hang_up(bench):
    """Who goes away in the middle holds no worker."""
    daemon = bench.daemon("hang-up", workers=1)
    client = Fastcgi(daemon.socket)
    worker = wait_for(daemon.workers, "the worker")
    with bench.suite.test("a client that goes away in the middle frees the "
                          "worker"):
        for _ in range(5):
            with client.open("/large.bin") as gone:
                equal(gone.head()[0], 200)
                true(gone.read(65536), "some bytes")
            equal(client.get("/medium.bin", HTTP_RANGE="bytes=7-9").body,
                  bench.medium[7:10])
        equal(daemon.workers(), worker, "it is the same one")

    with bench.suite.test("also while nginx is the client, and its client goes "
                          "away"):
        nginx = Nginx(bench.suite, daemon.socket, False, name="nginx-hang-up")
        for _ in range(3):
            connection = http.client.HTTPConnection("127.0.0.1", nginx.port)
            connection.request("GET", "/large.bin", headers={
                "Authorization": nginx.authorization})
            true(connection.getresponse().read(65536), "some bytes")
            connection.close()
            equal(nginx.get("/medium.bin", {"Range": "bytes=7-9"}).body,
                  bench.medium[7:10])

    with bench.suite.test("also while S3 says nothing: before the answer, and "
                          "in the middle of it"):
        with Origin() as origin:
            origin.put("/bucket/a", Pattern(8 * MIB))
            origin.put("/bucket/b", b"small")
            daemon = Trys3d(bench.suite, {
                "daemon": PATIENT | {"workers": 1, "answer_timeout": "1h"},
                "site one": {
                    "bucket": "bucket", "endpoint": origin.url,
                    "access_key_id": "AK", "secret_access_key": "SK",
                    "first_byte_timeout": "1h", "stall_timeout": "1h",
                }}, name="trys3d-silent")
            client = Fastcgi(daemon.socket)
            for step in ({"hold": "never"}, {"stall_in_head": "never"},
                         {"stall_after": [2 * MIB, "never"]}):
                origin.script("/bucket/a", [step])
                before = len(origin.requests())
                with client.open("/a") as gone:
                    origin.wait_requests(before + 1)
                    if "stall_after" in step:
                        equal(gone.head()[0], 200)
                        count = 0
                        while count < MIB:
                            count += len(gone.read())
                equal(client.get("/b").body, b"small", step)
            daemon.stop()


class Babbler(Origin):
    """S3 that says more than it was asked, by TLS: behind a long answer, in the
    same breath, one that nobody wants."""

    LENGTH = 40 * 16384 - 100

    def _talk(self, connection, number):
        while True:
            head, _ = self._read_head(connection)
            body = head.split()[1][-1:] * self.LENGTH
            answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n" % len(body)
            answer += b"X-Filled: ".ljust(96 - len(answer), b".")
            answer += b"\r\n\r\n" + body
            # It ends with a record (RFC 8446 5.1), and its last ones leave
            # together with what is behind them.
            equal(len(answer) % 16384, 0)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
            connection.sendall(answer)
            if number == 1:
                connection.sendall(b"HTTP/1.1 200 OK\r\n"
                                   b"Content-Length: 5\r\n\r\nwrong")
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)


def test_babble(bench):
    """What S3 says unasked, while it still answers."""
    with bench.suite.test("what S3 says by TLS behind a long answer is never "
                          "the next one"):
        tls = make_certificate(bench.suite.folder, "babbler")
        for max_object in ("1m", "0"):
            with Babbler(tls) as babbler:
                daemon = Trys3d(bench.suite, {
                    "daemon": {"workers": 1},
                    "cache": {"max_object": max_object},
                    "site one": babbler.site(ca_file=tls[0])},
                    name=f"trys3d-babble-{max_object}")
                client = Fastcgi(daemon.socket)
                for name in "abc":
                    answer = client.get(f"/{name}")
                    true(answer.body == name.encode() * Babbler.LENGTH,
                         f"{name}: {answer.body[:100]}, {len(answer.body)}")
                # The first was ended, the second kept.
                equal(babbler.connections(), 2)
                daemon.stop()


def test_after(bench):
    """Small requests after a large one."""
    with bench.suite.test("a worker gives back what large answers took"):
        daemon = bench.daemon("after", workers=1)
        client = Fastcgi(daemon.socket)
        bench.rgw.s3.put("small.bin", bytes(900_000))
        for _ in range(3):
            equal(len(client.get("/small.bin").body), 900_000)
            equal(client.get("/medium.bin", HTTP_RANGE="bytes=0-9999999")
                  .body == bench.medium[:10_000_000], True)
        wait_for(daemon.workers, "its worker")
        is_small(daemon, "after many")


def test_idle(bench):
    """What a worker keeps for itself when it has nothing to do."""
    with bench.suite.test("idle again after TLS and an object of 900 KB, a "
                          "worker keeps less than 1.2 MiB for itself"):
        if IS_CHECKED:
            raise Skip("a checker counts the memory")
        # As it is in the wild: with all of the system's authorities.
        bundle = bench.suite.folder / "authorities.pem"
        bundle.write_bytes(
            pathlib.Path("/etc/ssl/certs/ca-certificates.crt").read_bytes() +
            pathlib.Path(bench.rgw.values["S3_CA_FILE"]).read_bytes())
        daemon = Trys3d(bench.suite, {
            "daemon": {"workers": 1},
            "site one": bench.rgw.site(is_tls=True) | {"ca_file": bundle}},
            name="trys3d-idle")
        bench.rgw.s3.put("idle.bin", bytes(900000))
        for _ in range(10):
            equal(len(Fastcgi(daemon.socket).get("/idle.bin").body), 900000)
        pid = daemon.workers()[0]
        wait_for(lambda: private_memory(pid) < PRIVATE_MAX,
                 f"{private_memory(pid)} bytes to become fewer")
        print(f"# it keeps {private_memory(pid) // 1024} KiB")


def main():
    """All of it over one RGW."""
    with Suite(600) as suite:
        bench = Bench(suite)
        for test in (test_large, test_together, test_slow, test_hang_up,
                     test_babble, test_after, test_idle):
            test(bench)


main()

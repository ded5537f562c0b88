#!/usr/bin/env python3
"""How an answer ends, in every configuration of nginx: a whole one is whole; one
that S3, a clock or a signal cuts short is seen to have failed, by a reader who
keeps the connection as well as by one who does not, and nginx keeps none of it
for the next one.

FastCGI has no way to say that an answer failed.  Of those that look like one,
nginx takes each for the end of a good answer in some configuration, hangs in
others, and puts the short body into its cache; so each cell is tried."""

import contextlib
import gzip
import itertools
import os
import re
import shutil
import signal
import subprocess
from typing import NamedTuple

from harness import (ENVIRONMENT, LAB, PATIENCE, Http, Process, Skip, Suite, Trys3d,
                     equal, free_port, true, wait_for)
from origin import Origin

# Streamed in many records; the letters are what gzip likes.
BODY = os.urandom(150_000).hex().encode() * 3
SMALL = BODY[:5000]
SECONDS = 10  # a hang is none for longer


class Setup(NamedTuple):
    """A way to set nginx up around the shipped location."""
    is_kept: bool  # fastcgi_keep_conn
    cache: str     # "cache", "cache any", "no cache", "no buffers"
    is_packed: bool  # gzip

    def __str__(self):
        return ", ".join([f"keep_conn {'on' if self.is_kept else 'off'}",
                          self.cache] + ["gzip"] * self.is_packed)

    @property
    def name(self):
        """For a server, a file and a key."""
        return re.sub(r"\W+", "-", str(self))

    def location(self, shipped):
        """The file location.conf, from the SHIPPED one."""
        text = shipped
        if not self.is_kept:
            text = re.sub(r"(fastcgi_keep_conn\s+)on;", r"\1off;", text)
        more = ""
        if self.cache == "cache any":
            # What a careless operator may write: even so no error is kept.
            more = "fastcgi_cache_valid any 24h;"
        elif self.cache != "cache":
            text = text.replace("trys3/cache.conf", "trys3/no-cache.conf")
        if self.cache == "no buffers":
            more = "fastcgi_buffering off;"
        if self.is_packed:
            more += "gzip on; gzip_types image/png; gzip_min_length 1;"
        true(text != shipped or self.is_kept and "cache" in self.cache[:5],
             "location.conf has changed")
        head, brace, rest = text.partition("location @s3 {")
        return head + brace + "\n\t" + more + rest


SETUPS = [Setup(*parts) for parts in itertools.product(
    (True, False), ("cache", "no cache", "no buffers"), (False, True))]
CARELESS = Setup(True, "cache any", False)


class Nginx(Process):
    """nginx with a server for each setup."""

    def __init__(self, suite, socket_address):
        if not shutil.which("nginx", path=ENVIRONMENT["PATH"]):
            raise Skip("nginx is not installed")
        folder = suite.folder / "nginx"
        subprocess.run(
            [LAB / "site", folder, "port=1", f"root={folder}", "user=a:b",
             f"trys3d={socket_address}", "application=127.0.0.1:1"],
            env=ENVIRONMENT, check=True, stdin=subprocess.DEVNULL)
        self.clients = {}
        servers = ["include trys3/http.conf;"]
        shipped = (folder / "trys3" / "location.conf").read_text("utf-8")
        for setup in [*SETUPS, CARELESS]:
            port = free_port()
            location = folder / "trys3" / f"{setup.name}.conf"
            location.write_text(setup.location(shipped), "utf-8")
            servers.append(
                f"server {{ listen 127.0.0.1:{port}; root {folder}/none;"
                f" server_name {setup.name}; include {location};"
                " location / { try_files $uri @s3; } }")
            self.clients[setup] = Http(port)
        (folder / "trys3" / "gyazo.example.com.conf").write_text(
            "\n".join(servers), "utf-8")
        super().__init__(suite, "nginx", [
            "nginx", "-e", folder / "error.log", "-p", folder, "-c",
            folder / "nginx.conf"])
        for client in self.clients.values():
            self.wait_listening(f"127.0.0.1:{client.port}")

    def stop(self, number=signal.SIGQUIT, seconds=20):
        return super().stop(number, seconds)


class Bench:
    """All of it, with one worker, so that one knows whom to kill."""

    def __init__(self, suite):
        self.suite = suite
        self.origin = Origin()
        suite.on_end(self.origin.stop)
        self.trys3d = Trys3d(suite, {
            "daemon": {"workers": 1, "answer_timeout": "1s",
                       "request_timeout": f"{2 * PATIENCE}s"},
            "cache": {"max_object": "10k"},
            "site main": self.origin.site(),
        })
        self.nginx = Nginx(suite, self.trys3d.socket)
        self._count = 0

    def put(self, steps=(), body=BODY):
        """An object with a key of its own, to be answered by STEPS; the
        path."""
        self._count += 1
        path = f"/object-{self._count}"
        self.origin.put("/private" + path, body,
                        {"Content-Type": "image/png"})
        self.origin.script("/private" + path, steps)
        return path

    def get(self, setup, path, is_kept=False, on_head=None):
        """What a reader gets, who unpacks it."""
        answer = self.nginx.clients[setup].get(
            path, {"Accept-Encoding": "gzip"}, is_kept=is_kept,
            on_head=on_head, seconds=SECONDS)
        if answer.header("Content-Encoding") == "gzip" and answer.is_whole:
            return answer._replace(body=gzip.decompress(answer.body))
        return answer

    def check_whole(self, setup, path, body=BODY, is_kept=False):
        """PATH is BODY, twice; from the cache where there is one."""
        asked = len(self.origin.requests("/private" + path))
        for _ in range(2):
            answer = self.get(setup, path, is_kept)
            equal((answer.status, answer.is_whole), (200, True))
            true(answer.body == body, f"{len(answer.body)} wrong bytes")
        equal(len(self.origin.requests("/private" + path)) - asked,
              2 if setup.cache.startswith("no") else 1, "requests of S3")

    def check_failed(self, setup, path, is_kept, on_head=None):
        """PATH is seen to fail, at once; with S3 healed it is whole."""
        try:
            answer = self.get(setup, path, is_kept, on_head)
        except AssertionError as error:
            true("no answer" in str(error), error)
        else:
            true(not answer.is_late, "the reader hangs")
            true(not answer.is_whole or answer.status >= 500, lambda:
                 f"a short answer looks whole: {answer.status}, "
                 f"{len(answer.body)} of {len(BODY)} bytes")
        self.origin.script("/private" + path, [])
        self.check_whole(setup, path)


REFUSED = {"error": "NoSuchBucket", "times": 0}
# How S3 breaks off for good; the first two before a record is full.
BREAKS = [
    ("at once", [{"break_after": 0}, REFUSED]),
    ("after 20,000 bytes", [{"break_after": 20_000}, REFUSED]),
    ("after 500,000 bytes", [{"break_after": 500_000}, REFUSED]),
    ("a byte before the end", [{"break_after": len(BODY) - 1}, REFUSED]),
    ("after 500,000 bytes of chunks", [
        {"framing": "chunked", "break_after": 500_000}, REFUSED]),
    ("before the last chunk", [
        {"framing": "chunked", "break_after": len(BODY)}, REFUSED]),
]


def cells():
    """(setup, does the reader keep the connection, both in words)"""
    for setup in SETUPS:
        for is_kept in (False, True):
            yield (setup, is_kept,
                   f"{setup}, client {'keep-alive' if is_kept else 'close'}")


def test_whole(bench):
    """A good end is one."""
    for setup, is_kept, name in cells():
        with bench.suite.test(f"whole: {name}"):
            for body, step in ((BODY, {}), (BODY, {"framing": "chunked"}),
                               (SMALL, {}), (SMALL, {"framing": "chunked"}),
                               (b"", {}), (BODY, {"break_after": 500_000})):
                step = step | {"times": 1 if "break_after" in step else 0}
                path = bench.put([step] if len(step) > 1 else [], body)
                if "break_after" in step:
                    answer = bench.get(setup, path, is_kept)
                    true(answer.is_whole and answer.body == body, "resumed")
                else:
                    bench.check_whole(setup, path, body, is_kept)


def test_broken(bench):
    """S3 breaks off, and what follows cannot be had."""
    for (setup, is_kept, name), (when, steps) in itertools.product(
            cells(), BREAKS):
        with bench.suite.test(f"S3 breaks off {when}: {name}"):
            bench.check_failed(setup, bench.put(steps), is_kept)


def test_late(bench):
    """request_timeout passes in the middle of a body."""
    for setup in SETUPS:
        if setup.is_packed:
            continue  # it takes 2 s
        with bench.suite.test(f"out of time: {setup}"):
            bench.check_failed(setup, bench.put([
                {"stall_after": [500_000, "never"]}]), True)


def test_errors(bench):
    """What is no success is not kept, though nginx is told to keep all."""
    for status, step, method in (
            (500, {"error": "NoSuchBucket"}, "GET"),
            (503, {"error": "SlowDown"}, "GET"),
            (405, {}, "POST")):
        with bench.suite.test(f"{status} is not kept by fastcgi_cache_valid "
                              "any"):
            path = bench.put([step | {"times": 0}] if step else [])
            client = bench.nginx.clients[CARELESS]
            equal(client.request(method, path).status, status)
            bench.origin.script("/private" + path, [])
            bench.check_whole(CARELESS, path)


def test_killed(bench):
    """The worker is killed in the middle."""
    def kill():
        for pid in bench.trys3d.workers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    for setup, is_kept, name in cells():
        # Elsewhere nginx takes that for a good end: it is why keep_conn is on
        # in the shipped files, and buffering not off.
        if not setup.is_kept or setup.cache == "no buffers":
            continue
        with bench.suite.test(f"killed in the middle: {name}"):
            wait_for(bench.trys3d.workers, "a worker")
            path = bench.put([{"stall_after": [500_000, name]}])
            deaths = bench.trys3d.log().count("was ended by")
            bench.check_failed(setup, path, is_kept, on_head=kill)
            bench.origin.release(name)
            wait_for(lambda seen=deaths: bench.trys3d.log().count(
                "was ended by") > seen, "the death to be noted")


def main():
    """All of it."""
    with Suite() as suite:
        bench = Bench(suite)
        test_whole(bench)
        test_broken(bench)
        test_late(bench)
        test_errors(bench)
        test_killed(bench)


if __name__ == "__main__":
    main()

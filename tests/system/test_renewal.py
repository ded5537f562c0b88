#!/usr/bin/env python3
"""Credentials that live for seconds, under a steady load through nginx: no
request fails, and each answer is right to the byte.  RGW's STS makes them, and
RGW refuses them when they have ended; nothing is cached, so that every request
is signed and sent."""

import datetime
import http.client
import os
import re
import signal
import threading
import time

from harness import PATIENCE, Nginx, Rgw, Suite, equal, true, wait_for
from issuer import Container, Metadata, Mint, Oidc, Sts
from ways import Place, Way

# Of what is handed out.  Renewal begins when a half of it is over.
LIFE = 3
RATE = 200  # requests a second
THREADS = 8
OBJECTS = {f"{number}.png": os.urandom(500 + 300 * number)
           for number in range(50)}


class Load(threading.Thread):
    """RATE requests a second for so many SECONDS, half of them by connections
    that are kept; .failures tells what was not right."""

    def __init__(self, nginx, seconds):
        super().__init__()
        self.done = 0
        self.failures = []
        self._nginx = nginx
        self._count = RATE * seconds
        self._lock = threading.Lock()
        self.start()

    def run(self):
        start = time.monotonic()
        threads = [threading.Thread(target=self._some, args=(first, start))
                   for first in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _some(self, first, start):
        """Each THREADSth request from the FIRST on."""
        is_kept = first % 2 == 0
        connection = http.client.HTTPConnection("127.0.0.1", self._nginx.port,
                                                timeout=30)
        names = list(OBJECTS)
        for number in range(first, self._count, THREADS):
            # The pace of the load: late ones are made up for.
            time.sleep(max(0, start + number / RATE - time.monotonic()))
            failure = self._ask(connection, names[number % len(names)])
            if failure or not is_kept:
                connection.close()
            with self._lock:
                self.done += 1
                if failure:
                    self.failures.append((time.monotonic() - start, failure))
        connection.close()

    def _ask(self, connection, name):
        try:
            connection.request("GET", "/" + name, headers={
                "Authorization": self._nginx.authorization})
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            return f"{name}: {error!r}"
        if answer.status != 200:
            return f"{name}: {answer.status}"
        return None if body == OBJECTS[name] else f"{name}: wrong bytes"

    def end(self):
        """Wait until it is over, and see that all was well."""
        self.join()
        equal(self.failures, [], f"of {self.done} requests")
        equal(self.done, self._count, "requests")


class Bench:
    """RGW with the objects, and one daemon after the other behind nginx."""

    def __init__(self, suite):
        self.suite = suite
        self.rgw = Rgw(suite)
        for name, body in OBJECTS.items():
            self.rgw.s3.put(name, body)
        self.sts = Sts(suite, self.rgw, life=LIFE)
        self.place = Place(suite, self.rgw.endpoint, self.sts)
        self.socket = f"unix:{suite.folder}/renewal.sock"
        self.nginx = Nginx(suite, self.socket, is_cached=False)

    def daemon(self, name, **environment):
        """A daemon whose credentials the ENVIRONMENT leads to."""
        way = Way(name, "", environment)
        return self.place.daemon(way, self.place.environment(way),
                                 f"trys3d-{name}", listen=self.socket,
                                 workers=8)


def granted(endpoint):
    """How many answers of ENDPOINT, or of STS, held credentials."""
    return sum(1 for asked in endpoint.asked if asked.status == 200 and
               ("/security-credentials/t" in asked.line or
                asked.target == "/credentials" or asked.method == "POST"))


def test_minute(bench):
    """An instance's metadata, for a minute."""
    with bench.suite.test(f"{RATE} requests a second for a minute, credentials "
                          f"of {LIFE} s from an instance's metadata"):
        mint = Mint(bench.rgw, life=LIFE)
        metadata = Metadata(bench.suite, mint)
        daemon = bench.daemon(
            "minute", AWS_EC2_METADATA_SERVICE_ENDPOINT=metadata.url)
        Load(bench.nginx, 60).end()
        # None was refused and tried once more with others.
        equal([request for request in bench.rgw.requests()
               if request[0] == "GET" and request[2] != 200], [])
        true(len(mint.all) >= 28, lambda: f"only {len(mint.all)} renewals")
        equal([line for line in daemon.log().splitlines()
               if ": error: " in line or ": warning: " in line], [])
        daemon.stop()


def test_killed(bench):
    """The keeper does not live long."""
    with bench.suite.test("the keeper killed now and then, credentials of "
                          f"{LIFE} s by web identity"):
        oidc = Oidc(bench.suite, bench.rgw)
        token = bench.suite.folder / "token"
        token.write_text(oidc.token())
        daemon = bench.daemon("killed", AWS_WEB_IDENTITY_TOKEN_FILE=str(token),
                              AWS_ROLE_ARN=oidc.role)
        load = Load(bench.nginx, 9)
        killed = []
        before = 0
        # Each is killed when it has renewed, not at its start alone.
        while load.is_alive() and len(killed) < 5:
            keeper = wait_for(lambda: [
                pid for pid in daemon.keepers() if pid not in killed],
                "a keeper")[0]
            wait_for(lambda at=before: granted(bench.sts) >= at + 2,
                     "a renewal")
            os.kill(keeper, signal.SIGKILL)
            killed.append(keeper)
            before = granted(bench.sts)
        load.end()
        true(len(killed) >= 2, lambda: f"only {len(killed)} were killed")
        daemon.stop()


def test_failing(bench):
    """An endpoint that does not always answer."""
    with bench.suite.test("every third answer failing, credentials of "
                          f"{LIFE} s from a container's endpoint"):
        mint = Mint(bench.rgw, life=LIFE)
        container = Container(bench.suite, mint)
        daemon = bench.daemon(
            "failing",
            AWS_CONTAINER_CREDENTIALS_FULL_URI=container.url + "/credentials")
        wait_for(lambda: granted(container), "the first")
        container.upset(every=3, status=503)
        Load(bench.nginx, 9).end()
        true(len(mint.all) >= 4, lambda: f"only {len(mint.all)} renewals")
        failed = [asked for asked in container.asked if asked.status == 503]
        true(failed, "no answer failed")
        daemon.stop()


def test_end(bench):
    """No endpoint until they have ended."""
    with bench.suite.test("the endpoint is down: they serve until they end, "
                          "then it is 503 until there are others"):
        mint = Mint(bench.rgw, life=6 * PATIENCE)
        container = Container(bench.suite, mint)
        daemon = bench.daemon(
            "end",
            AWS_CONTAINER_CREDENTIALS_FULL_URI=container.url + "/credentials")
        wait_for(lambda: granted(container), "the first")
        container.stop()
        name, body = next(iter(OBJECTS.items()))
        answers = []

        def has_ended():
            answers.append(bench.nginx.get("/" + name))
            return answers[-1].status != 200
        wait_for(has_ended, "the end", 20)
        # RGW writes parts of a second, and more of them than Python reads.
        end = re.sub(r"\.\d+Z", "+00:00", mint.all[0].end)
        true(time.time() >= datetime.datetime.fromisoformat(end).timestamp(),
             "they ended too soon")
        equal([answer.status for answer in answers if answer.body != body],
              [503])
        daemon.wait_log("there are no credentials: .*503")
        container.start()
        wait_for(lambda: bench.nginx.get("/" + name).body == body, "others",
                 30)
        daemon.wait_log("credentials found again")
        daemon.stop()


def main():
    """All of it."""
    with Suite() as suite:
        bench = Bench(suite)
        test_minute(bench)
        test_killed(bench)
        test_failing(bench)
        test_end(bench)


main()

#!/usr/bin/env python3
"""Workers that are killed all the time: 1,000 mixed requests, a worker killed
every 100 ms.  No byte may be wrong, and no short answer look whole: not to the
client, and not to nginx's cache."""

import contextlib
import hashlib
import os
import random
import signal
import threading

from harness import Memcached, Nginx, Rgw, Suite, Trys3d, equal, true

REQUESTS = 1000
CLIENTS = 8
# Small ones are read whole, large ones are streamed, some over many records.
SIZES = [0, 1, 4000, 65528, 70000, 300000, 950000, 3000000]


def made_bytes(size):
    """SIZE bytes, other ones for each size."""
    block = hashlib.sha256(str(size).encode()).digest() * 32
    return (block * (size // len(block) + 1))[:size]


class Load:
    """Clients that ask for everything in every way and judge each answer."""

    def __init__(self, nginx, objects, count):
        self.nginx, self.objects = nginx, objects
        self.left = count
        self.served = self.failed = 0
        self.wrong = []
        self._lock = threading.Lock()

    def _next(self):
        with self._lock:
            self.left -= 1
            return self.left >= 0

    def _judge(self, how, answer, wanted, body):
        """An answer is right, or it is seen to be a failure."""
        right = (answer.is_whole and answer.status == wanted and
                 (body is None or answer.body == body))
        fails = not answer.is_whole or answer.status in (500, 502, 503, 504)
        with self._lock:
            self.served += right
            self.failed += not right
            if not right and not fails:
                self.wrong.append(f"{how}: {answer.status}, "
                                  f"{len(answer.body)} bytes, whole "
                                  f"{answer.is_whole}, {answer.headers}")

    def _ask(self, dice):
        name, body = dice.choice(self.objects)
        way = dice.choice(["get", "get", "head", "range", "condition", "none"])
        if way == "none":
            self._judge(way, self.nginx.get("/none/" + name), 404, None)
        elif way == "head":
            answer = self.nginx.head("/" + name)
            self._judge(f"HEAD {name}", answer, 200, b"")
            if answer.status == 200:
                equal(answer.header("Content-Length"), str(len(body)))
        elif way == "range" and body:
            first = dice.randrange(len(body))
            last = dice.randrange(first, len(body))
            self._judge(f"{name} {first}-{last}", self.nginx.get(
                "/" + name, [("Range", f"bytes={first}-{last}")]), 206,
                body[first:last + 1])
        elif way == "condition":
            tag = f'"{hashlib.md5(body).hexdigest()}"'
            self._judge(f"{name} If-None-Match", self.nginx.get(
                "/" + name, [("If-None-Match", tag)]), 304, b"")
        else:
            self._judge(name, self.nginx.get("/" + name), 200, body)

    def _client(self, seed):
        dice = random.Random(seed)
        while self._next():
            try:
                self._ask(dice)
            except Exception as error:  # pylint: disable=broad-except
                with self._lock:
                    # nginx closed the connection without a head: seen as a
                    # failure by everyone.
                    self.failed += 1
                    if "head" not in str(error):
                        self.wrong.append(repr(error))

    def run(self):
        """Ask until all is asked."""
        clients = [threading.Thread(target=self._client, args=(seed,))
                   for seed in range(CLIENTS)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()


def kill_workers(daemon, over):
    """Kill a worker every 100 ms until OVER is set; how many were."""
    dice = random.Random(0)
    killed = 0
    while not over.wait(0.1):
        workers = daemon.workers()
        if workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(dice.choice(workers), signal.SIGKILL)
                killed += 1
    return killed


def run_while_killing(load, daemon):
    """RUN with workers dying."""
    over = threading.Event()
    killed = []
    killer = threading.Thread(
        target=lambda: killed.append(kill_workers(daemon, over)))
    killer.start()
    load.run()
    over.set()
    killer.join()
    return killed[0]


with Suite() as suite:
    rgw = Rgw(suite)
    memcached = Memcached(suite, is_unix=True)
    stored = [(f"{size}.bin", made_bytes(size)) for size in SIZES]
    for key, content in stored:
        rgw.s3.put(key, content)
    trys3d = Trys3d(suite, {
        "daemon": {"workers": 8},
        "cache": {"servers": memcached.address},
        "site one": rgw.site()})

    for is_cached in (False, True):
        cache = "with" if is_cached else "without"
        server = Nginx(suite, trys3d.socket, is_cached=is_cached,
                       name=f"nginx-{cache}-cache")
        requests = Load(server, stored, REQUESTS)
        with suite.test(f"1,000 mixed requests while workers are killed, "
                        f"{cache} nginx's cache"):
            deaths = run_while_killing(requests, trys3d)
            equal(requests.wrong, [], "answers that are neither right nor "
                  "seen to fail")
            equal(requests.served + requests.failed, REQUESTS)
            true(deaths > 0, "workers were killed")
            true(requests.served > REQUESTS // 2, f"most are served: "
                 f"{requests.served}")
            print(f"# {deaths} workers killed, {requests.served} requests "
                  f"served, {requests.failed} failed")
        with suite.test(f"then everything is right, {cache} nginx's cache"):
            for key, content in stored * 2:
                found = server.get("/" + key)
                equal((found.status, found.is_whole, found.body == content),
                      (200, True, True), key)

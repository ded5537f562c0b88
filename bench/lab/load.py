"""Requests: by wrk as many as go, by bench/rate at a constant rate, and by
Python to look at every byte of the answers."""

import hashlib
import http.client
import json
import pathlib
import subprocess

import harness
from checks import equal, true

SCRIPT = pathlib.Path(__file__).with_name("wrk.lua")
THREADS = 2  # wrk's


def _run(command):
    done = subprocess.run([str(word) for word in command], check=False,
                          env=harness.ENVIRONMENT, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)
    true(done.returncode == 0, lambda:
         f"{' '.join(map(str, command))}: {done.stdout} {done.stderr}")
    return done


def look(port, target, md5=None, proof=None, step=1):
    """GET each STEPth object of TARGET.  Each answer must be whole and, by
    MD5(path), the right one; and have PROOF, (name, part of the value), among
    its headers.  How many bytes an answer has, with its
    head."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for number in range(target.first, target.first + target.count, step):
        path = target.path(number)
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        equal(answer.status, 200, f"{path}: status")
        equal(len(body), target.size, f"{path}: length")
        if md5:
            equal(hashlib.md5(body).hexdigest(), md5(path), f"{path}: MD5")
        if proof:
            value = ", ".join(answer.headers.get_all(proof[0], []))
            true(proof[1] in value, f"{path}: {proof[0]} is {value!r}, wanted "
                 f"{proof[1]!r}")
    connection.close()
    head = sum(len(name) + len(value) + 4 for name, value in
               answer.headers.items())
    return len("HTTP/1.1 200 OK\r\n\r\n") + head + target.size


def wrk(port, target, seconds, connections, answer_size, threads=THREADS):
    """As many GETs as CONNECTIONS get done, TARGET's objects in turn.  Each
    must be well answered: as many bytes came as there should be, ANSWER_SIZE
    (see look) an answer; None: whoever calls looks at them later."""
    threads = min(threads, connections)
    out = _run(["wrk", "-t", threads, "-c", connections, "-d", f"{seconds}s",
                "--timeout", "10s", "-s", SCRIPT, f"http://127.0.0.1:{port}",
                "--", target.pattern, target.first, target.count,
                threads]).stdout
    seen = json.loads(out.partition("JSON ")[2].splitlines()[0])
    equal((seen["errors"], seen["refused"]), (0, 0),
          "requests that failed, and that were refused")
    true(seen["requests"] > 0, "no request was answered")
    if answer_size:
        _check_bytes(seen, connections, answer_size)
    return seen | {"requests_s": seen["requests"] / seen["us"] * 1e6}


def _check_bytes(seen, connections, answer_size):
    # What was under way at the end is in the bytes only.
    least = seen["requests"] * answer_size * 0.995
    most = (seen["requests"] + connections) * answer_size * 1.005
    true(least <= seen["bytes"] <= most, lambda:
         f"{seen['requests']} answers of {answer_size} bytes had "
         f"{seen['bytes']}")


def wrk_each(port, target, connections):
    """Each of TARGET's objects at least once; the answers may differ in
    length."""
    done = 0
    while done < target.count:
        rest = target._replace(first=target.first + done,
                               count=target.count - done)
        # By one thread, which has them in order.  What was under way at the
        # end is not in the count, and may have been lost.
        done += max(1, wrk(port, rest, 5, connections, None, 1)[
            "requests"] - connections)


def rate(program, port, target, a_second, seconds, connections, to=None):
    """GETs that are due at a constant rate; see bench/rate.c.  What it prints
    (microseconds); errors are for the caller to judge."""
    done = _run([program, "-c", connections, "-r", a_second, "-t", seconds,
                 "-s", target.size, "-f", target.first, "-n", target.count,
                 *(["-o", to] if to else []), port, target.pattern])
    return json.loads(done.stdout) | {"said": done.stderr.strip()}

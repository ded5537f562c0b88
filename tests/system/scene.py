"""trys3d between the shipped nginx files and an origin with faults: what a
reader gets, what is logged and what S3 is asked, in one place."""

import hashlib
import os
import re
import subprocess

from harness import ENVIRONMENT, PATIENCE, Nginx, Trys3d, equal, true
from origin import Origin

SMALL = os.urandom(10_000)
LARGE = os.urandom(3_000_000)  # over max_object: streamed
OTHER = os.urandom(10_000)
DATE = "Wed, 21 Oct 2015 07:28:00 GMT"
ALLOWED = {
    "Server", "Date", "Connection", "Content-Type",
    "Content-Length", "Content-Range", "Content-Encoding",
    "Content-Disposition", "Content-Language", "ETag", "Last-Modified",
    "Accept-Ranges", "Cache-Control", "Expires", "Retry-After",
    "Transfer-Encoding",
}
TEXTS = {404: b"404 Not Found\n", 500: b"500 Internal Server Error\n",
         503: b"503 Service Unavailable\n"}
# An answer must have begun by then.
QUICK = {"answer_timeout": f"{1 * PATIENCE}s"}
# For S3's first byte, and between two of them.
SHORT = {"first_byte_timeout": f"{1 * PATIENCE}s",
         "stall_timeout": f"{1 * PATIENCE}s"}


def tag(body):
    """The ETag of BODY."""
    return f'"{hashlib.md5(body).hexdigest()}"'


def slug(name):
    """NAME, fit for a file and for a key."""
    return re.sub(r"\W+", "-", name)


def always(**step):
    """A step for all requests from now on."""
    return [step | {"times": 0}]


def plain(body, **more):
    """A step that answers 200 with BODY (text), whatever was asked."""
    headers = {"Content-Type": "image/png", "ETag": tag(body.encode()),
               "Last-Modified": DATE}
    return {"status": 200, "body": body} | more | {
        "headers": headers | more.get("headers", {})}


def start_origin(suite, **options):
    """An Origin that ends with the suite."""
    origin = Origin(**options)
    suite.on_end(origin.stop)
    return origin


def make_certificate(folder, name):
    """A certificate for 127.0.0.1, signed by itself: its file and its key's."""
    paths = (folder / f"{name}.pem", folder / f"{name}.key")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1",
         "-out", paths[0], "-keyout", paths[1]],
        env=ENVIRONMENT, check=True, capture_output=True)
    return paths


class Scene:
    """One worker of trys3d before ORIGIN, asked by nginx with its cache
    (.cached) and by nginx without (.uncached)."""

    def __init__(self, suite, origin, name, is_cached=True, **sections):
        """SECTIONS: settings of daemon, cache and site."""
        self.origin = origin
        # One worker: what it learns of S3 it knows in the next request.
        self.trys3d = Trys3d(suite, {
            "daemon": {"workers": 1, "log_level": "debug"} |
            sections.get("daemon", {}),
            "cache": sections.get("cache", {}),
            "site main": origin.site(**SHORT) | sections.get("site", {}),
        }, name=f"trys3d-{name}")
        self._at = 0
        self.uncached = Nginx(suite, self.trys3d.socket, is_cached=False,
                              name=f"uncached-{name}")
        self.cached = Nginx(suite, self.trys3d.socket,
                            name=f"cached-{name}") if is_cached else None

    def stop(self):
        """End it."""
        for process in (self.cached, self.uncached, self.trys3d):
            if process:
                process.stop()

    def put(self, name, body=SMALL, steps=(), headers=None):
        """Let the bucket hold BODY under a key made of NAME, to be answered by
        STEPS; the path to it."""
        path = "/" + slug(name)
        self.origin.put("/private" + path, body, headers)
        self.origin.script("/private" + path, steps)
        self._at = len(self.trys3d.log())
        return path

    def heal(self, path):
        """From now on S3 answers for PATH as it should."""
        self.origin.script("/private" + path, [])

    def asked(self, path):
        """What S3 was asked for PATH."""
        return self.origin.requests("/private" + path)

    def said(self):
        """What was logged since put, and is not there for debugging."""
        return [line for line in self.trys3d.log()[self._at:].splitlines()
                if ": debug: " not in line]

    def check_said(self, level, path, pattern):
        """One line was logged, that names the key and has PATTERN."""
        lines = [line for line in self.said()
                 if f'key "{path[1:]}"' in line]
        true(len(lines) == 1 and f": {level}: " in lines[0] and
             re.search(pattern, lines[0]),
             lambda: f"no single {level} with {pattern!r}: {self.said()}")


def check_headers(answer):
    """Nothing of S3's, nothing for nginx alone, nothing twice."""
    # A line of trys3d's, and one of nginx's where it has a cache.
    names = [name for name, _ in answer.headers if name != "Cache-Status"]
    equal([name for name in names if name not in ALLOWED], [])
    equal(len(names), len(set(names)), f"headers in {names}")
    true("nginx" in answer.header("Server"), "Server is S3's")


def check_body(answer, body, status=200):
    """ANSWER is the whole of BODY."""
    equal((answer.status, answer.is_whole), (status, True))
    true(answer.body == body, lambda: f"{len(answer.body)} wrong bytes: "
         f"{answer.body[:40]!r}")
    check_headers(answer)


def check_text(answer, status):
    """ANSWER is an error in our own words."""
    equal((answer.status, answer.body, answer.is_whole),
          (status, TEXTS[status], True))
    equal(answer.header("Content-Type"), "text/plain; charset=utf-8")
    equal((answer.header("Retry-After") or "").isdigit(), status == 503)
    check_headers(answer)


def check_healed(scene, path, body=SMALL):
    """With S3 healed the object comes from S3, then from a cache."""
    before = len(scene.asked(path))
    scene.heal(path)
    check_body(scene.cached.get(path), body)
    check_body(scene.cached.get(path), body)
    equal(len(scene.asked(path)), before + 1, "requests when healed")

"""Secrets that are looked for wherever they could have got to: as they are,
percent-encoded, in base64 and in hexadecimal digits, whole or a piece of at
least twelve bytes.

    canaries = Canaries()
    canaries.plant("the token", token)
    canaries.is_clean(daemon.log(), "the log")
    canaries.is_clean(core_of(suite, pid), "the core")
"""

import base64
import os
import pathlib
import shutil
import struct
import subprocess
import threading
import urllib.parse

from harness import ENVIRONMENT, WRAPPER, Failure, Skip, equal

# So many bytes in a row are a piece of a secret.
PIECE = 12
# A piece of at least PIECE bytes, wherever it begins, holds one of these that
# begins at a multiple of their length.
WINDOW = PIECE // 2


def _in_base64(secret):
    """SECRET in base64, behind nothing, one byte and two: what is the same
    whatever stands around it."""
    for before in range(3):
        first = -(-before * 8 // 6)
        text = base64.b64encode(b"\0" * before + secret)
        yield text[first:(before + len(secret)) * 8 // 6]


def forms(secret):
    """(how, the bytes SECRET so written, how many of these are a piece)."""
    yield "as it is", secret, PIECE
    for safe in ("", "/"):
        yield ("percent-encoded", urllib.parse.quote(secret, safe).encode(),
               PIECE)
    for text in _in_base64(secret):
        yield "in base64", text, PIECE * 4 // 3
        yield ("in base64 for URLs", text.translate(bytes.maketrans(
            b"+/", b"-_")), PIECE * 4 // 3)
    for text in (secret.hex(), secret.hex().upper()):
        yield "in hexadecimal digits", text.encode(), PIECE * 2


def _same(one, at, other, where, step):
    """How many bytes of ONE from AT on in steps of STEP are those of OTHER from
    WHERE on."""
    count = 0
    while 0 <= at < len(one) and 0 <= where < len(other) and \
            one[at] == other[where]:
        at, where, count = at + step, where + step, count + 1
    return count


def _longest(found):
    """Of what was FOUND: {(where, -length): (what, how)}, as texts, what is no
    part of another find."""
    end = 0
    for (where, length), (what, how) in sorted(found.items()):
        if where - length > end:
            end = where - length
            yield f"{-length} bytes of {what}, {how}, at {where:#x}"


class Canaries:
    """All secrets of a test."""

    def __init__(self):
        self._windows = {}  # {bytes: [(what, how, text, where, least)]}
        self._texts = set()
        self._lock = threading.Lock()

    def plant(self, what, secret):
        """SECRET is WHAT, and is looked for from now on; returned."""
        data = secret.encode() if isinstance(secret, str) else secret
        assert len(data) >= PIECE, what
        with self._lock:
            for how, text, least in forms(data):
                if text not in self._texts:
                    self._texts.add(text)
                    self._add(what, how, text, least)
        return secret

    def _add(self, what, how, text, least):
        for where in range(len(text) - WINDOW + 1):
            self._windows.setdefault(text[where:where + WINDOW], []).append(
                (what, how, text, where, least))

    def find(self, data):
        """What of them is in DATA (str or bytes): a list of texts."""
        if isinstance(data, str):
            data = data.encode(errors="surrogateescape")
        size = len(data) - len(data) % WINDOW
        windows = {window for window, in struct.iter_unpack(
            f"{WINDOW}s", memoryview(data)[:size])}
        with self._lock:
            windows &= self._windows.keys()
            return list(_longest(self._all(data, windows)))

    def _all(self, data, windows):
        """All finds around WINDOWS: {(where, -length): (what, how)}."""
        found = {}
        for window in windows:
            at = data.find(window)
            while at >= 0:
                for what, how, text, where, least in self._windows[window]:
                    before = _same(data, at - 1, text, where - 1, -1)
                    length = before + _same(data, at, text, where, 1)
                    if length >= least:
                        found[at - before, -length] = (what, how)
                at = data.find(window, at + 1)
        return found

    def is_clean(self, data, where):
        """Fail if there is anything of them in DATA."""
        equal(self.find(data), [], where)


def core_of(suite, pid, is_whole=False):
    """What a core file of the process PID holds; with IS_WHOLE also what is
    left out of one."""
    if os.geteuid() != 0:
        raise Skip("only root may look into a process that hides")
    if WRAPPER or "libasan" in pathlib.Path(f"/proc/{pid}/maps").read_text():
        raise Skip("a core would be that of what watches over the process")
    if not shutil.which("gcore", path=ENVIRONMENT["PATH"]):
        raise Skip("gcore is not installed")
    prefix = suite.folder / "core"
    done = subprocess.run(
        ["gcore", *(["-a"] if is_whole else []), "-o", prefix, str(pid)],
        env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=120, check=False)
    path = pathlib.Path(f"{prefix}.{pid}")
    if "Operation not permitted" in done.stderr and not path.exists():
        raise Skip("no other process may be traced here")
    if done.returncode != 0:
        raise Failure(f"gcore: {done.stdout} {done.stderr}")
    data = path.read_bytes()
    path.unlink()
    return data

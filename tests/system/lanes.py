"""The same thing for every number, in some lanes at a time."""

import concurrent.futures
import os
import threading

# Every system call, however long that takes.
IS_EXHAUSTIVE = os.environ.get("TRYS3_EXHAUSTIVE", "") not in ("", "0")
LANES = 2 * (os.cpu_count() or 1)


class _Numbers:
    """FIRST, FIRST + STEP... for some threads, until one has seen the end."""

    def __init__(self, first, step):
        self._lock = threading.Lock()
        self._step = step
        self._next = first
        self.end = None     # the first number behind the end, or so

    def take(self):
        """The next, or None."""
        with self._lock:
            if self.end is not None:
                return None
            number = self._next
            self._next += self._step
            return number

    def stop(self, number):
        """NUMBER was behind the end."""
        with self._lock:
            self.end = min(number, self.end or number)


def each(work, first=1, step=1, thin=1):
    """Call WORK with FIRST, FIRST + STEP... in some threads until it says
    False; the number for which it did.  Its first exception ends all.  THIN:
    where time counts, one of so many is enough."""
    numbers = _Numbers(first, step if IS_EXHAUSTIVE else step * thin)

    def lane():
        while True:
            number = numbers.take()
            if number is None:
                return
            try:
                if not work(number):
                    numbers.stop(number)
            except BaseException:
                numbers.stop(number)
                raise
    with concurrent.futures.ThreadPoolExecutor(LANES) as pool:
        for done in [pool.submit(lane) for _ in range(LANES)]:
            done.result()
    return numbers.end


class saying:  # pylint: disable=invalid-name
    """What fails in here failed when WHAT."""

    def __init__(self, what):
        self._what = what

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _trace):
        if isinstance(error, Exception):
            error.args = (f"{self._what}: {error}",)

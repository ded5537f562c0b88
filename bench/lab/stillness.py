"""Whether the machine stood still: a virtual machine that is halted for a
while, a process that is stopped.  What was measured then says nothing."""

import threading
import time

LOOK_S = 0.02
LONG_S = 0.7  # a busy machine lets nobody wait for so long


class Watch:
    """While it is entered, .longest is the longest time, in seconds, for which
    a thread that does nothing was not let run when it should have been."""

    def __init__(self):
        self.longest = 0.0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self):
        last = time.monotonic()
        while not self._is_over.wait(LOOK_S):
            now = time.monotonic()
            self.longest = max(self.longest, now - last - LOOK_S)
            last = now

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        self._thread.join()

    def stood_still(self):
        """Was it too long?"""
        return self.longest > LONG_S

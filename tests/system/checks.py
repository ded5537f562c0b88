"""What a test says of what it saw."""

import os
import shlex
import time

WRAPPER = shlex.split(os.environ.get("TRYS3_WRAPPER", ""))
# Everything may take so many times longer.
PATIENCE = 10 if WRAPPER else 1


class Failure(AssertionError):
    """What was seen is not what is right."""


class Skip(Exception):
    """The test cannot be made here; says why."""


def shown(value):
    """VALUE for a message, shortened."""
    text = repr(value)
    return text if len(text) <= 300 else f"{text[:300]}... ({len(value)})" \
        if hasattr(value, "__len__") else text[:300] + "..."


def equal(got, wanted, what=""):
    """Fail unless GOT == WANTED."""
    if got != wanted:
        raise Failure(f"{what}{': ' if what else ''}got {shown(got)}, "
                      f"wanted {shown(wanted)}")


def true(condition, what):
    """Fail with the message WHAT unless CONDITION."""
    if not condition:
        raise Failure(what() if callable(what) else what)


def wait_for(condition, what, seconds=10):
    """Call CONDITION until it is true; its value.  Fails after SECONDS."""
    end = time.monotonic() + seconds * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"waited {seconds * PATIENCE} s for {what}")
        time.sleep(0.01)

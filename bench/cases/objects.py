"""More objects, in memcached."""

import contextlib

import load
import scaling
from origin import MANY_TINY_OBJECTS, TINY_OBJECTS
from stand import Stand
from turns import Subject

NEEDS = []
KEYS = (1000, 1_000_000)


def _filled(bench, stand, keys):
    """trys3d whose memcached holds so many objects; what is asked for, and how
    many bytes an answer has."""
    stand.trys3d(memcached=[stand.memcached()])
    target = TINY_OBJECTS if keys == TINY_OBJECTS.count else \
        MANY_TINY_OBJECTS._replace(count=keys)
    # There is no other way in than to ask for each; twice, since what
    # memcached does not take within trys3d's time-out is not stored.
    for _ in range(2):
        load.wrk_each(stand.port, target, bench.connections)
    stand.pardon()
    return target, load.look(stand.port, target, bench.objects.md5,
                             ("Cache-Status", "trys3; hit"), step=keys // 100)


def _measure(bench, stand, target, size):
    """One round; the stand is there for all, and what trys3d said before is
    none of this one's."""
    stand.pardon()
    measures = scaling.seen(bench, stand, target, size)
    stand.check()
    return measures


def _run(bench, origin):
    """One stand for all rounds, since filling it takes minutes."""
    with contextlib.ExitStack() as stands:
        subjects = []
        for keys in KEYS:
            stand = stands.enter_context(Stand(bench.folder, "trys3d", origin))
            target, size = _filled(bench, stand, keys)
            subjects.append(Subject(
                f"{keys:,} objects", f"{keys:,} objects",
                lambda stand=stand, target=target, size=size:
                _measure(bench, stand, target, size)))
        bench.add(
            "objects", subjects, title="More objects",
            baseline=subjects[0].name,
            note="Objects of 100 bytes, all in memcached, each asked for in "
            f"turn; {bench.connections} connections. {scaling.HOW}",
            columns=scaling.COLUMNS, panels=scaling.PANELS)


def run(bench):
    """One table."""
    with bench.origin() as origin:
        _run(bench, origin)

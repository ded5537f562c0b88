#!/usr/bin/env python3
"""An application, or somebody, that does something to a file while trys3 has
it in hands.

    meddler.py KIND PATH ASIDE

does it at once and says on standard output what it did, a word: "done", or
"gone" where there was no file any more.  Where a lease keeps it from opening
the file it says "held", and is ready when trys3 has let go: it has left that to
a child, whose end is that of its output.

ASIDE is a path on the same file system outside of the tree.
"""

import contextlib
import os
import sys

NEW = b"what the application wrote since, and nobody may lose"


def open_for_writing(path, flags):
    """A descriptor, at once or when the lease is broken; None: no file."""
    try:
        return os.open(path, os.O_WRONLY | os.O_NONBLOCK | flags)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        print("held", flush=True)
    if os.fork() != 0:
        os._exit(0)
    try:
        return os.open(path, os.O_WRONLY | flags)
    except FileNotFoundError:
        return None


def written(path, flags, text, keeps_times=False):
    """Open PATH by FLAGS and write TEXT."""
    with contextlib.suppress(FileNotFoundError):
        before = os.stat(path)
        fd = open_for_writing(path, flags)
        if fd is not None:
            os.write(fd, text)
            if keeps_times:
                os.utime(fd, ns=(before.st_atime_ns, before.st_mtime_ns))
            os.close(fd)
            return "done"
    return "gone"


def append(path, _aside):
    """One more line."""
    return written(path, os.O_APPEND, NEW)


def rewrite(path, _aside):
    """Other bytes, as many, and the times as they were."""
    with contextlib.suppress(FileNotFoundError):
        size = os.stat(path).st_size
        return written(path, 0, (NEW * (size // len(NEW) + 1))[:size], True)
    return "gone"


def shrink(path, _aside):
    """All of it is written anew, and shorter."""
    return written(path, os.O_TRUNC, NEW)


def make_folder(path):
    """That for PATH may have gone with what was in it."""
    os.makedirs(os.path.dirname(path), exist_ok=True)


def save(path, _aside):
    """As shrink, and the file is made where there is none."""
    make_folder(path)
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        return shrink(path, _aside)
    os.write(fd, NEW)
    os.close(fd)
    return "done"


def replace(path, aside):
    """A new file is renamed over it, as careful applications do."""
    with open(aside, "wb") as stream:
        stream.write(NEW)
    make_folder(path)
    os.rename(aside, path)
    return "done"


def remove(path, _aside):
    """Somebody deletes it."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
        return "done"
    return "gone"


def moved(path, aside):
    """Somebody moves it away."""
    with contextlib.suppress(FileNotFoundError):
        os.rename(path, aside)
        return "done"
    return "gone"


def to_symlink(path, aside):
    """It moves away and leaves a link there."""
    what = moved(path, aside)
    make_folder(path)
    os.symlink(aside, path)
    return what


def to_folder(path, aside):
    """It moves away for a folder of the name."""
    what = moved(path, aside)
    make_folder(path)
    os.mkdir(path)
    return what


def to_fifo(path, aside):
    """It moves away for a pipe of the name."""
    what = moved(path, aside)
    make_folder(path)
    os.mkfifo(path)
    return what


def link(path, aside):
    """It gets another name."""
    with contextlib.suppress(FileNotFoundError):
        os.link(path, aside)
        return "done"
    return "gone"


def touch(path, _aside):
    """Another time."""
    with contextlib.suppress(FileNotFoundError):
        os.utime(path, ns=(0, 1_700_000_000_000_000_000))
        return "done"
    return "gone"


def folder_away(path, aside):
    """The folder that it is in goes elsewhere, for another."""
    folder = os.path.dirname(path)
    with contextlib.suppress(FileNotFoundError):
        os.rename(folder, aside)
        os.mkdir(folder)
        with open(path, "wb") as stream:
            stream.write(NEW)
        return "done"
    return "gone"


def folder_renamed(path, _aside):
    """The folder that it is in gets another name."""
    what = "done" if os.path.exists(path) else "gone"
    folder = os.path.dirname(path)
    with contextlib.suppress(FileNotFoundError):
        os.rename(folder, folder + "-renamed")
    return what


KINDS = {kind.__name__.replace("_", "-"): kind for kind in (
    append, rewrite, shrink, save, replace, remove, moved, to_symlink,
    to_folder, to_fifo, link, touch, folder_away,
    folder_renamed)}


if __name__ == "__main__":
    print(KINDS[sys.argv[1]](*sys.argv[2:]), flush=True)

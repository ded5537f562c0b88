"""What must be there, and what is missing of it.  Nothing is installed."""

import os
import subprocess


def _is_installed(package):
    done = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status}",
                           package], capture_output=True, text=True,
                          check=False)
    return done.stdout == "installed"


def packages(names):
    """What to say of those packages of Debian that are not installed: a list of
    lines, empty when all are."""
    lacking = [name for name in dict.fromkeys(names)
               if not _is_installed(name)]
    return ["not installed; as root: apt-get install --no-install-recommends "
            + " ".join(lacking)] if lacking else []


def program(path, target, switch):
    """The same of a program that make TARGET makes, and SWITCH says where."""
    return [] if os.access(path, os.X_OK) else [
        f"{path} is not there: make {target}, or say {switch}"]

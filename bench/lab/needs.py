"""What must be there, and what is missing of it.  Nothing is installed."""

import os
import subprocess

ALWAYS = ("nginx", "memcached", "wrk", "openssl", "python3-matplotlib")


def _is_installed(package):
    done = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status}",
                           package], capture_output=True, text=True,
                          check=False)
    return done.stdout == "installed"


def missing(packages, build):
    """What is missing, a line each; none when all is there.  PACKAGES: those
    of Debian that are needed besides; BUILD: the folder with the programs."""
    lines = []
    lacking = [package for package in dict.fromkeys([*ALWAYS, *packages])
               if not _is_installed(package)]
    if lacking:
        lines.append("not installed; as root: apt-get install "
                     "--no-install-recommends " + " ".join(lacking))
    for program, target in (("trys3d", "trys3d"), ("bench/rate", "bench/rate")):
        path = os.path.join(build, program)
        if not os.access(path, os.X_OK):
            lines.append(f"{path} is not there: make {target}, or say where "
                         "it was made with --build")
    return lines

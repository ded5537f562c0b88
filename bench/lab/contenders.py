"""Who is measured: the files of bench/contenders, and any that is dropped in.

NAME.conf is nginx alone: what stands in its http block, with the @WORDS@ of
Stand.nginx.  Its first comment is a line that says what it is; behind that may
stand

    # case: hit             or miss, which it is without
    # proof: Name: text     a header of each answer, and part of its value

NAME.py has processes of its own.  Its docstring's first line says what it is;

    def start(stand):       starts all of it on a Stand, see stand.py; requests
                            then come to stand.port
    CASE = "hit"
    PROOF = ("Name", "text")

are as above.  What is a hit must have its objects after each was asked for
once.
"""

import importlib.util
import pathlib
import re
from typing import Callable, NamedTuple, Optional

from checks import true

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "contenders"


class Contender(NamedTuple):
    """One of them."""
    name: str
    title: str
    case: str
    proof: Optional[tuple]
    start: Callable


def _read_conf(path):
    text = path.read_text()
    comment = re.match(r"(?:#.*\n)*", text)[0]
    words = dict(re.findall(r"^# (case|proof): (.*)$", comment, re.M))
    title = re.match(r"(?:# .*\n)+?(?=# case:|# proof:|#\n|(?!#))", text)
    true(title, f"{path}: no line that says what it is")
    proof = words.get("proof")
    return Contender(path.stem, re.sub(r"\s*\n?# ", " ", title[0]).strip(),
                     words.get("case", "miss"),
                     tuple(proof.split(": ", 1)) if proof else None,
                     lambda stand: stand.nginx(text))


def _read_py(path):
    spec = importlib.util.spec_from_file_location(
        "contender_" + re.sub(r"\W", "_", path.stem), path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return Contender(path.stem, module.__doc__.partition("\n\n")[0].replace(
        "\n", " ").strip(), getattr(module, "CASE", "miss"),
                     getattr(module, "PROOF", None), module.start)


def read(path):
    """The Contender of a file."""
    path = pathlib.Path(path)
    return {".conf": _read_conf, ".py": _read_py}[path.suffix](path)


def everyone(more=()):
    """All Contenders, the files MORE among them."""
    paths = sorted([*FOLDER.glob("*.conf"), *FOLDER.glob("*.py")],
                   key=lambda path: path.stem)
    return [read(path) for path in [*paths, *more]]


def trys3d(name, title, **settings):
    """A Contender: trys3d as Stand.trys3d starts it."""
    return Contender(name, title, "miss", None,
                     lambda stand: stand.trys3d(**settings))

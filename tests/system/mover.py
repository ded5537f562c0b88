"""trys3 over a tree of files, into a place of its own in a bucket: what there
was, and where each byte of it is now.

    mover = Mover(suite, rgw, "first")
    mover.make({"a.png": b"...", "deep/b.png": b"..."})
    equal(mover.run("offload").returncode, 0)
    mover.check_moved()

The site has the reader's credentials, the offload has the writer's; ages are
0, since the time at which a file was made (ctime) cannot be set.
"""

import hashlib
import os
import pathlib
import random
import re
import shutil
import stat
import xml.etree.ElementTree

from harness import (NTH, Failure, equal, trys3_run, trys3_start, true,
                     write_settings)

DAY = 86400
# 2019, and not on a whole second: as a camera's files are.
EPOCH_NS = 1_546_300_800_123_456_789


def made_bytes(size, seed=0):
    """SIZE bytes, others for each SEED."""
    return random.Random(f"{size} {seed}").randbytes(size)


def small_files(count=24):
    """COUNT small files in some folders, {name: bytes}: of all lengths, some
    alike, some with names that are hard to write."""
    folders = ["", "2024/", "2024/05/", "x y/", "日本/"]
    names = ["a.png", "b+c.jpg", "%41.png", "日.webp", "plain", "d&e=f.gif"]
    files = {}
    for number in range(count):
        name = names[number % len(names)]
        folder = folders[number // len(names) % len(folders)]
        size = [0, 1, 100, 4096, 10_000, 20_000][number * 7 % 6]
        files[f"{folder}{number}{name}"] = made_bytes(size, number)
    return files


class Stored:
    """An object as it is in the bucket."""

    def __init__(self, answer):
        self.body = answer.body
        self.headers = {name.lower(): value for name, value in answer.headers}
        self.meta = {name[11:]: value for name, value in self.headers.items()
                     if name.startswith("x-amz-meta-")}


class Mover:
    """See above.  LAB: an Rgw or Swift.  ENDPOINT: another way to it.  READER:
    whose credentials the site has, as for lab.site.  SITE, OFFLOAD, MORE:
    settings, of other sections where MORE says."""

    def __init__(self, suite, lab, name, endpoint=None, reader="READER_",
                 site=None, offload=None, more=None, root=None):
        self.suite = suite
        self.folder = suite.folder / name
        self.root = pathlib.Path(root or self.folder / "root")
        self.state = self.folder / "state"
        self.trash = self.folder / "trash"
        self.config = self.folder / "trys3.conf"
        self.prefix = f"{name}/"
        self.files = {}
        self.times = {}     # of the files, in ns
        self.writer = lab.client()
        self.reader = lab.client(reader)
        for folder in (self.root, self.state):
            folder.mkdir(parents=True, exist_ok=True)
        where = {"endpoint": endpoint} if endpoint else {}
        theirs = lab.site()
        self.settings = {
            "site main": lab.site(reader, prefix=self.prefix) | where |
            (site or {}),
            "offload main": {
                "root": self.root, "state": self.state, "min_age": 0,
                "access_key_id": theirs["access_key_id"],
                "secret_access_key": theirs["secret_access_key"],
            } | (offload or {}),
        } | (more or {})
        self.write()

    def write(self, **offload):
        """Write the settings, with those of OFFLOAD changed."""
        self.settings["offload main"].update(offload)
        write_settings(self.config, self.settings)

    def remove(self):
        """Forget all that is on the disk."""
        shutil.rmtree(self.folder, ignore_errors=True)

    # The tree.

    def make(self, files, days=2):
        """Make FILES, {name: bytes}, last changed DAYS ago or, if that is None,
        long ago, each at a time of its own."""
        for number, (name, body) in enumerate(files.items()):
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
            at = EPOCH_NS + number * 1_000_000_001
            if days is not None:
                at = os.stat(path).st_mtime_ns - int(days * DAY * 1e9) + number
            os.utime(path, ns=(at, at))
            self.files[name] = body
            self.times[name] = at

    def on_disk(self, folder=None):
        """What is below the root, {name: bytes}, folders left out; None for
        what is no file."""
        folder = folder or self.root
        found = {}
        for path in sorted(folder.rglob("*")):
            mode = path.lstat().st_mode
            if not stat.S_ISDIR(mode):
                found[str(path.relative_to(folder))] = (
                    path.read_bytes() if stat.S_ISREG(mode) else None)
        return found

    # The tool.

    def run(self, verb, *arguments, **options):
        """Run trys3 VERB with ARGUMENTS to its end, see trys3_run."""
        return trys3_run(self.suite, verb, "-c", self.config, *arguments,
                         **options)

    def start(self, verb, *arguments, **options):
        """Start it, see trys3_start."""
        return trys3_start(self.suite, verb, "-c", self.config, *arguments,
                           **options)

    def run_nth(self, number, verb, *arguments, switches=(), **options):
        """Run trys3 so that something happens at its system call NUMBER, see
        nth.c; what trys3_run results in, with .calls: the names of the calls
        that were counted."""
        log = self.folder / "calls"
        done = self.run(verb, *arguments, wrapper=(
            NTH, "-l", log, *switches, number), **options)
        done.calls = log.read_text().split()
        return done

    def run_well(self, verb, *arguments, **options):
        """Run it: all is done, which is said by its exit status."""
        done = self.run(verb, *arguments, **options)
        true(done.returncode == 0, lambda: f"trys3 {verb} ends with "
             f"{done.returncode}: {done.stdout[-1000:]} {done.stderr[-3000:]}")
        return done

    # The bucket.

    def key(self, name):
        """The key that the file NAME has."""
        return self.prefix + name

    def stored(self, name):
        """What the reader gets for the file NAME; None: nothing."""
        answer = self.reader.request("GET", self.key(name))
        return Stored(answer) if answer.status == 200 else None

    def _each(self, query, element):
        """The keys of the ELEMENTs in the answers to QUERY, all of them."""
        keys = []
        marker = {}
        while True:
            answer = self.writer.request("GET", "", query=query | marker)
            true(answer.status == 200, lambda: f"{query}: {answer.status} "
                 f"{answer.body!r}")
            tree = xml.etree.ElementTree.fromstring(
                re.sub(rb' xmlns="[^"]*"', b"", answer.body))
            keys += [item.findtext("Key") for item in tree.findall(element)]
            if tree.findtext("IsTruncated") != "true":
                return keys
            marker = {"continuation-token":
                      tree.findtext("NextContinuationToken")}

    def in_bucket(self):
        """The names of all that has been stored."""
        return sorted(key[len(self.prefix):] for key in self._each(
            {"list-type": "2", "prefix": self.prefix}, "Contents"))

    def uploads(self):
        """The names of uploads that have not been completed."""
        return sorted(key[len(self.prefix):] for key in self._each(
            {"uploads": "", "prefix": self.prefix}, "Upload"))

    # What must hold.

    def check_nothing_lost(self, files=None):
        """Each of FILES (all that were made) is on the disk under its name, or
        in the trash, or the reader gets it from the bucket."""
        for name, body in (self.files if files is None else files).items():
            if self._is_kept(self.root, name, body) or \
                    self._is_in_trash(body):
                continue
            stored = self.stored(name)
            if stored is None or stored.body != body:
                raise Failure(
                    f"LOST: {name!r}: on the disk: {os.listdir(self.root)}, "
                    "in the bucket: "
                    f"{stored and len(stored.body)} bytes of {len(body)}")

    @staticmethod
    def _is_kept(folder, name, body):
        path = folder / name
        return (path.is_file() and not path.is_symlink() and
                path.read_bytes() == body)

    def _is_in_trash(self, body):
        return self.trash.is_dir() and any(
            found == body for found in self.on_disk(self.trash).values())

    def check_stored(self, files=None):
        """Each of FILES is in the bucket, with all that is to be known."""
        for name, body in (self.files if files is None else files).items():
            stored = self.stored(name)
            true(stored is not None, f"{name!r} is not in the bucket")
            equal(stored.body, body, name)
            equal(stored.meta.get("sha256"), hashlib.sha256(body).hexdigest(),
                  name)
            seconds, _, parts = stored.meta.get("mtime", "").partition(".")
            equal(int(seconds) * 10**9 + int(parts.ljust(9, "0")[:9] or 0),
                  self.times[name], f"mtime of {name}")

    def check_moved(self, files=None):
        """FILES are in the bucket, and nothing else is there or here."""
        files = self.files if files is None else files
        equal(list(self.on_disk()), [], "left on the disk")
        self.check_stored(files)
        equal(self.in_bucket(), sorted(files), "in the bucket")
        self.check_no_leftovers()

    def check_no_leftovers(self):
        """Nothing of the tool's own lies about, here or there."""
        equal([str(path) for path in self.root.rglob(".trys3-*")], [],
              "left behind")
        equal(self.uploads(), [], "incomplete uploads")

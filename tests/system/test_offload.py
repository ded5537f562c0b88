#!/usr/bin/env python3
"""trys3 from end to end, over real servers: what it moves and what it leaves
alone, that nobody who reads notices, and what it says."""

import concurrent.futures
import contextlib
import hashlib
import json
import os
import re
import signal
import socket
import stat
import subprocess
import threading
import urllib.parse

from harness import (Memcached, Nginx, Rgw, Skip, Suite, Swift,
                     Trys3d, equal, trys3_run, trys3_wait, true, wait_for)
from liar import Liar
from mover import EPOCH_NS, Mover, made_bytes, small_files

MIB = 1 << 20


class Bench:
    """A server, and a place in its bucket for each test."""

    def __init__(self, suite, lab, reader):
        self.suite = suite
        self.lab = lab
        self._reader = reader
        self._count = 0

    def mover(self, files=None, **options):
        """FILES (some small ones), and a trys3 for them."""
        self._count += 1
        name = f"{type(self.lab).__name__.lower()}{self._count}"
        mover = Mover(self.suite, self.lab, name,
                      reader=self._reader, **options)
        mover.make(small_files(5) if files is None else files)
        return mover

    def lied_to(self, files=None, **options):
        """As mover, with a liar between; both."""
        liar = Liar(self.lab.s3)
        self.suite.on_end(liar.stop)
        return self.mover(files, endpoint=liar.url, **options), liar


def said(done):
    """All that DONE said."""
    return done.stdout + done.stderr


# ---- What is done ----

def test_ways(bench, server):
    """The verbs, over each server."""
    test = bench.suite.test
    with test(f"{server}: offload moves all, and again there is nothing to do"):
        mover = bench.mover(small_files())
        mover.run_well("offload")
        mover.check_moved()
        true(not any(path.is_file() for path in mover.root.rglob("*")), "")
        mover.run_well("offload")
        mover.check_moved()
        # Without remove_folders they stay.
        true((mover.root / "2024").is_dir(), "a folder is gone")
    with test(f"{server}: put uploads and deletes nothing, evict the rest"):
        mover = bench.mover()
        mover.run_well("put")
        equal(mover.on_disk(), mover.files)
        mover.check_stored()
        mover.make({"later.png": b"not yet in the bucket"})
        done = mover.run("evict")
        true(done.returncode in (0, 1), said(done))
        equal(list(mover.on_disk()), ["later.png"])
        mover.check_nothing_lost()
    with test(f"{server}: restore brings all back, with times and modes"):
        mover = bench.mover()
        for number, name in enumerate(mover.files):
            os.chmod(mover.root / name, [0o600, 0o644, 0o640][number % 3])
        before = looks(mover)
        mover.run_well("offload")
        equal(mover.on_disk(), {})
        mover.run_well("restore", mover.root)
        equal(mover.on_disk(), mover.files)
        equal(looks(mover), before)
        mover.check_stored()
        # And they can go again: the same is there already.
        mover.run_well("offload")
        mover.check_moved()
    with test(f"{server}: a file of 66 MiB, in parts"):
        mover = bench.mover({"a.tif": made_bytes(66 * MIB + 1), "b.png": b"b"})
        mover.run_well("offload", seconds=180)
        mover.check_moved()
        equal(mover.stored("a.tif").headers["content-type"], "image/tiff")
        mover.run_well("restore", mover.root / "a.tif", seconds=180)
        equal(list(mover.on_disk()), ["a.tif"])
        true(mover.on_disk()["a.tif"] == mover.files["a.tif"], "other bytes")
    with test(f"{server}: what is there already is taken as it is, or kept"):
        mover = bench.mover({"same.png": b"the same", "other.png": b"mine",
                             "new.png": b"new"})
        mover.writer.put(mover.key("same.png"), b"the same")
        mover.writer.put(mover.key("other.png"), b"of somebody else")
        done = mover.run("offload")
        equal(done.returncode, 1, said(done))
        true("other.png" in said(done), said(done))
        true("other.png" in mover.on_disk(), "it was evicted")
        mover.check_nothing_lost()
        equal(mover.stored("other.png").body, b"of somebody else")
        equal("new.png" in mover.on_disk(), False)
    with test(f"{server}: get, ls"):
        mover = bench.mover({"a.png": os.urandom(3000), "日本.txt": b"x\r\ny"})
        mover.run_well("offload")
        for name, body in mover.files.items():
            done = mover.run("get", mover.key(name), text=False, errors=None)
            equal((done.returncode, done.stdout), (0, body))
            out = mover.folder / "out"
            mover.run_well("get", "-o", out, mover.key(name))
            equal(out.read_bytes(), body)
            # Nothing is overwritten here either.
            equal(mover.run("get", "-o", out, mover.key(name)).returncode, 1)
            out.unlink()
        equal(mover.run_well("ls", mover.key("none")).stdout, "")
        true(mover.run("get", mover.key("no.png")).returncode == 1, "no.png")
        lines = mover.run_well("ls", mover.prefix).stdout.splitlines()
        equal(len(lines), 2)
        for name, body in mover.files.items():
            true(any(line.endswith(mover.key(name)) and
                     re.search(rf"\b{len(body)}\b", line) for line in lines),
                 lines)


def test_tls(bench):
    """What libcurl copies before it goes out by TLS, 16 or 256 KiB at a time
    (src/s3/libcurl.c)."""
    with bench.suite.test("over TLS: files of all lengths about a buffer's"):
        sizes = [size + more for size in (8192, 16384, 65536, 262144, MIB)
                 for more in (-1, 0, 1, 900)] + [5 * MIB + 1]
        site = bench.lab.site(is_tls=True)
        mover = bench.mover(
            {f"{size}.png": made_bytes(size) for size in sizes},
            site={name: site[name] for name in ("endpoint", "ca_file")})
        mover.run_well("offload")
        mover.check_moved()


def looks(mover):
    """Mode, time, owner of each file."""
    found = {}
    for name in mover.on_disk():
        status = os.stat(mover.root / name)
        found[name] = (stat.S_IMODE(status.st_mode), status.st_mtime_ns,
                       status.st_uid, status.st_gid)
    return found


def test_metadata(bench):
    """What is stored with an object."""
    with bench.suite.test("type, cache_control and the file's own in "
                          "metadata"):
        mover = bench.mover({"a.png": b"png", "b.unheard-of": b"b",
                             "c.html": b"<p>"},
                            offload={"cache_control": "max-age=7"})
        os.chmod(mover.root / "a.png", 0o640)
        if os.getuid() == 0:
            os.chown(mover.root / "a.png", 12, 34)
        # No digit of its fraction is a 0 at the end, which is left out.
        os.utime(mover.root / "a.png", ns=(EPOCH_NS, EPOCH_NS))
        status = os.stat(mover.root / "a.png")
        mover.run_well("offload")
        stored = mover.stored("a.png")
        equal(stored.headers["content-type"], "image/png")
        equal(stored.headers.get("cache-control"), "max-age=7")
        equal(stored.meta, {
            "mtime": "1546300800.123456789",
            "sha256": hashlib.sha256(b"png").hexdigest(), "mode": "100640",
            "uid": str(status.st_uid), "gid": str(status.st_gid)})
        equal(mover.stored("c.html").headers["content-type"], "text/html")
        equal(mover.stored("b.unheard-of").headers["content-type"],
              "application/octet-stream")
    with bench.suite.test("what is sent: length, hashes, condition"):
        mover, liar = bench.lied_to({"a.png": b"abc"}, offload={
            "storage_class": "STANDARD"})
        mover.run_well("offload")
        put = liar.asked(what="PUT")[0]
        equal(put.header("content-length"), "3")
        equal(put.header("x-amz-content-sha256"),
              hashlib.sha256(b"abc").hexdigest())
        equal(put.header("content-md5"), "kAFQmDzST7DWlj99KOF/cg==")
        equal(put.header("if-none-match"), "*")
        equal(put.header("x-amz-storage-class"), "STANDARD")
    with bench.suite.test("the reader proves it, the writer writes"):
        mover, liar = bench.lied_to({"a.png": b"abc"})
        mover.run_well("offload")
        reader = mover.settings["site main"]["access_key_id"]
        writer = mover.settings["offload main"]["access_key_id"]
        true(reader != writer, "they are one")
        equal({(asked.method in ("GET", "HEAD"),
                [key for key in (reader, writer)
                 if f"={key}/" in asked.header("authorization")][0])
               for asked in liar.asked() if asked.key and
               asked.status == 200},
              {(True, reader), (False, writer)})


def test_choice(bench):
    """Which files."""
    test = bench.suite.test
    with test("min_age counts the change of a file as well as its time"):
        mover = bench.mover(offload={"min_age": "1h"})
        done = mover.run_well("offload")
        equal(mover.on_disk(), mover.files, said(done))
        equal(mover.in_bucket(), [])
    with test("keep_age: uploaded early, evicted later"):
        mover = bench.mover(offload={"keep_age": "1h"})
        mover.run_well("offload")
        equal(mover.on_disk(), mover.files)
        mover.check_stored()
        mover.write(keep_age=0)
        mover.run_well("evict")
        mover.check_moved()
    with test("include and exclude"):
        files = {name: name.encode() for name in (
            "a.png", "a.jpg", "a.txt", "deep/b.png", "deep/b.txt",
            "tmp/c.png", "deep/tmp/d.png", "x/y/z.jpg", "x/q.jpg", ".git/a.png"
        )}
        mover = bench.mover(files, offload={
            "include": "*.png x/*.jpg", "exclude": "tmp .git"})
        mover.run_well("offload")
        equal(mover.in_bucket(), ["a.png", "deep/b.png", "x/q.jpg",
                                  "x/y/z.jpg"])
        equal(sorted(mover.on_disk()), sorted(
            set(files) - set(mover.in_bucket())))
        mover.check_nothing_lost()
    with test("uri, strip and prefix: the key is that of the path"):
        mover = bench.mover({"a.png": b"a"}, offload={"uri": "/img/"})
        mover.run_well("offload")
        equal(mover.in_bucket(), ["img/a.png"])
        mover = bench.mover({"a.png": b"a"}, offload={"uri": "/img/"},
                            site={"strip": "/img/"})
        mover.run_well("offload")
        equal(mover.in_bucket(), ["a.png"])
    with test("a tree whose paths are no keys: all is kept"):
        mover = bench.mover(site={"strip": "/img/"})
        done = mover.run("offload")
        equal(done.returncode, 2, said(done))
        equal((mover.on_disk(), mover.in_bucket()), (mover.files, []))
    with test("names that trys3d refuses are left alone"):
        names = [b"new\nline", b"\x01.png", b"\xff\xfe.png", b"del\x7f",
                 "c1\u0085.png".encode()]
        mover = bench.mover({"good.png": b"good"})
        root = os.fsencode(mover.root)
        for name in names:
            with open(root + b"/" + name, "wb") as stream:
                stream.write(b"kept")
        done = mover.run("offload")
        true(done.returncode in (0, 1), said(done))
        equal(sorted(os.listdir(root)), sorted(names))
        equal(mover.in_bucket(), ["good.png"])
        true("\x01" not in said(done) and "\x7f" not in said(done),
             "a name is shown as it is")
    with test("a file 199 folders deep, and one too deep"):
        deep = "d/" * 199 + "a.png"
        mover = bench.mover({deep: b"deep", "b.png": b"b"},
                            offload={"remove_folders": "on"})
        mover.run_well("offload")
        mover.check_moved()
        mover.run_well("restore", mover.root)
        equal(mover.on_disk(), mover.files)
        deeper = "d/" * 400 + "a.png"
        mover = bench.mover({deeper: b"deeper", "b.png": b"b"})
        equal(mover.run("offload").returncode, 1)
        equal(list(mover.on_disk()), [deeper])
    with test("a time that has not come yet is no age"):
        mover = bench.mover({"a.png": b"a"}, offload={"min_age": "1s"})
        ahead = (2**32) * 10**9
        os.utime(mover.root / "a.png", ns=(ahead, ahead))
        mover.run_well("offload")
        equal(mover.on_disk(), mover.files)
    with test("a key of 1024 bytes is moved, one of 1025 is not"):
        folder = "/".join(["d" * 200] * 4) + "/"
        mover = bench.mover({"x": b""})
        room = 1024 - len(mover.key(folder))
        mover.make({folder + "a" * room: b"fits",
                    folder + "b" * (room + 1): b"does not"})
        mover.run("offload")
        equal(list(mover.on_disk()), [folder + "b" * (room + 1)])


def test_odd_files(bench):
    """What is no file of ours."""
    with bench.suite.test("links, pipes, sockets, folders are left alone"):
        mover = bench.mover({"a.png": b"a", "two.png": b"two names"})
        outside = mover.folder / "outside"
        outside.mkdir()
        (outside / "x.png").write_bytes(b"outside")
        os.symlink(outside / "x.png", mover.root / "link.png")
        os.symlink(outside, mover.root / "folder-link")
        os.symlink("a.png", mover.root / "inner-link.png")
        os.symlink("nowhere", mover.root / "dangling.png")
        os.mkfifo(mover.root / "pipe.png")
        (mover.root / "empty").mkdir()
        os.link(mover.root / "two.png", mover.root / "names.png")
        with socket.socket(socket.AF_UNIX) as unix:
            unix.bind(str(mover.root / "s.png"))
        done = mover.run_well("offload")
        equal(sorted(mover.on_disk()), [
            "dangling.png", "folder-link", "inner-link.png", "link.png",
            "names.png", "pipe.png", "s.png", "two.png"], said(done))
        equal(mover.in_bucket(), ["a.png"])
        equal((outside / "x.png").read_bytes(), b"outside")
        true((mover.root / "empty").is_dir(), "a folder is gone")
    with bench.suite.test("a file that is open for writing is left alone"):
        mover = bench.mover({"a.png": b"a", "b.png": b"b"})
        with open(mover.root / "b.png", "r+b") as stream:
            mover.run_well("offload")
            equal(list(mover.on_disk()), ["b.png"])
            stream.write(b"B")
            mover.files["b.png"] = b"B"
        os.utime(mover.root / "b.png", ns=(EPOCH_NS, EPOCH_NS))
        mover.times["b.png"] = EPOCH_NS
        mover.run_well("offload")
        mover.check_moved()
    with bench.suite.test("a file that others read is no matter"):
        mover = bench.mover({"a.png": b"a"})
        with open(mover.root / "a.png", "rb") as stream:
            mover.run_well("offload")
            equal(stream.read(), b"a")
        mover.check_moved()
    with bench.suite.test("a root that is a symbolic link: taken or refused"):
        mover = bench.mover()
        os.symlink(mover.root, mover.folder / "link")
        mover.write(root=mover.folder / "link")
        done = mover.run("offload")
        true(done.returncode in (0, 2), said(done))
        mover.check_nothing_lost()
    with bench.suite.test("a folder that may not be read: the rest is done"):
        if os.getuid() != 0:
            mover = bench.mover({"a.png": b"a", "no/b.png": b"b"})
            os.chmod(mover.root / "no", 0)
            done = mover.run("offload")
            os.chmod(mover.root / "no", 0o755)
            equal((done.returncode, list(mover.on_disk())), (1, ["no/b.png"]))
        else:
            raise Skip("root reads everything")


def test_own_names(bench):
    """Names that look as if they were the tool's."""
    names = [".trys3-evicting-", ".trys3-evicting-x.png", ".trys3-x",
             "x/.trys3-evicting-1-a.png", "a.png.trys3"]
    with bench.suite.test("somebody's files of names like the tool's own are "
                          "not lost"):
        files = {name: f"the only copy of {name}".encode() for name in names}
        mover = bench.mover(files | {"x/a.png": b"a", "a.png": b"a"})
        os.symlink("a.png", mover.root / ".trys3-evicting-link")
        (mover.root / ".trys3-evicting-folder").mkdir()
        for _ in range(2):
            done = mover.run("offload")
            true(done.returncode in (0, 1), said(done))
            kept = list(mover.on_disk().values()) + [
                mover.stored(name).body for name in mover.in_bucket()]
            equal([name for name, body in files.items() if body not in kept],
                  [], "lost")


def test_known(bench):
    """What it knows by heart is not what it deletes by."""
    def put(files, verify):
        mover = bench.mover(files, offload={"verify": verify})
        mover.run_well("put")
        # Known from now on.
        mover.run_well("put")
        return mover
    for verify in ("read", "head"):
        with bench.suite.test("evict proves anew: the object is gone, or is "
                              f"another (verify = {verify})"):
            mover = put({"gone.png": b"gone", "other.png": b"other",
                         "good.png": b"good"}, verify)
            mover.writer.delete(mover.key("gone.png"))
            mover.writer.put(mover.key("other.png"), b"OTHER")
            done = mover.run("evict")
            equal(done.returncode, 1, said(done))
            equal(sorted(mover.on_disk()), ["gone.png", "other.png"])
            # An offload uploads what is gone.
            equal(mover.run("offload").returncode, 1)
            equal(sorted(mover.on_disk()), ["other.png"])
            mover.check_nothing_lost()
    with bench.suite.test("a file with other bytes, as long and as old as the "
                          "one that is known"):
        mover = put({"a.png": b"known"}, "read")
        (mover.root / "a.png").write_bytes(b"KNOWN")
        os.utime(mover.root / "a.png", ns=(mover.times["a.png"],) * 2)
        for verb in ("evict", "offload", "put"):
            done = mover.run(verb)
            equal((done.returncode, mover.on_disk()),
                  (1, {"a.png": b"KNOWN"}), said(done))
        equal(mover.stored("a.png").body, b"known")
    with bench.suite.test("what is kept beside the tree is garbage: nothing is "
                          "lost, nothing is done twice"):
        for garbage in (b"", b"\0" * 5000, b"\xff\n\t\t\t\n" * 100,
                        os.urandom(3000)):
            mover = put(small_files(5), "read")
            mover.run_well("evict", "--max-delete", "2")
            for path in mover.state.iterdir():
                with open(path, "ab" if garbage else "wb") as stream:
                    stream.write(garbage)
            mover.check_nothing_lost()
            done = mover.run("offload")
            true(done.returncode in (0, 1, 2), said(done))
            mover.check_nothing_lost()
            done = mover.run("audit")
            true(done.returncode in (0, 1, 2), said(done))
            for path in mover.state.iterdir():
                path.unlink()
            mover.run_well("offload")
            mover.check_moved()


# ---- What readers see ----

NAMES = {"a.png": "image/png", "b c+d.jpg": "image/jpeg",
         "deep/日.html": "text/html", "e.unheard-of": None, "f": None}


def seen(nginx, path, headers=()):
    """What a reader sees of PATH: status, the headers that matter, bytes."""
    answer = nginx.get("/" + urllib.parse.quote(path), headers)
    return (answer.status, answer.body, {
        name: answer.header(name) for name in (
            "Content-Type", "Content-Length", "Content-Range", "Last-Modified",
            "ETag", "Accept-Ranges")})


def test_readers(bench):
    """Before and after, by nginx."""
    suite = bench.suite
    memcached = Memcached(suite, "memcached-offload")
    with suite.test("readers by nginx see no difference: type, time, ETag, "
                    "ranges, conditions"):
        mover = Mover(suite, bench.lab, "readers", site={"etag": "nginx"},
                      offload={"mime_types": "/etc/nginx/mime.types"},
                      more={"cache": {"servers": memcached.address}})
        daemon = Trys3d(suite, mover.settings, name="trys3d-readers")
        nginx = Nginx(suite, daemon.socket, is_cached=False,
                      name="nginx-readers")
        mover.write(root=nginx.root)
        mover.root = nginx.root
        mover.make({name: made_bytes(1000 + number, number)
                    for number, name in enumerate(NAMES)})
        mover.make({"old.png": b"long ago", "empty.png": b""}, days=None)
        before = {name: seen(nginx, name) for name in mover.files}
        ranges = {name: seen(nginx, name, {"Range": "bytes=3-6"})
                  for name in NAMES}
        done = mover.run_well("offload")
        mover.check_moved()
        equal(mover.on_disk(), {}, said(done))
        for name, was in before.items():
            equal(seen(nginx, name), was, name)
            # From memcached as well.
            equal(seen(nginx, name), was, name)
            for header, value in (("If-None-Match", was[2]["ETag"]),
                                  ("If-Modified-Since",
                                   was[2]["Last-Modified"])):
                equal(seen(nginx, name, {header: value})[0], 304, name)
        for name, was in ranges.items():
            # nginx leaves it out of a 206; that is no matter.
            was[2]["Accept-Ranges"] = "bytes"
            equal(seen(nginx, name, {"Range": "bytes=3-6"}), was, name)
    with suite.test("restored files are as they were"):
        mover.run_well("restore", mover.root)
        for name, was in before.items():
            equal(seen(nginx, name), was, name)
        mover.run_well("offload")
    with suite.test('a "missing" that is cached goes with the eviction'):
        equal(seen(nginx, "new.png")[0], 404)
        mover.make({"new.png": b"new"})
        mover.run_well("offload")
        equal(seen(nginx, "new.png")[:2], (200, b"new"))
    with suite.test("purge: the next reader gets what is in the bucket"):
        mover.writer.put(mover.key("new.png"), b"changed by hand")
        equal(seen(nginx, "new.png")[1], b"new")
        mover.run_well("purge", mover.key("new.png"))
        equal(seen(nginx, "new.png")[1], b"changed by hand")
        equal(seen(nginx, "none.png")[0], 404)
        mover.writer.put(mover.key("none.png"), b"by hand")
        mover.run_well("purge", mover.key("none.png"), mover.key("new.png"))
        equal(seen(nginx, "none.png")[1], b"by hand")
    with suite.test("who reads while files go sees no difference"):
        files = {f"busy/{number}.png": made_bytes(2000, number)
                 for number in range(60)}
        mover.make(files)
        over = threading.Event()
        wrong = []

        def read():
            while not over.is_set():
                for name, body in files.items():
                    answer = nginx.get("/" + name)
                    if (answer.status, answer.body) != (200, body):
                        wrong.append((name, answer.status, answer.body[:40]))
        readers = [threading.Thread(target=read) for _ in range(3)]
        for reader in readers:
            reader.start()
        try:
            mover.run_well("offload")
            mover.run_well("restore", mover.root / "busy")
            mover.run_well("offload")
        finally:
            over.set()
            for reader in readers:
                reader.join()
        equal(wrong, [])
        equal([name for name in files if name in mover.on_disk()], [])
    with suite.test("memcached is down: files are evicted all the same, or "
                    "kept, and it is said"):
        memcached.stop()
        mover.make({"down.png": b"down"})
        done = mover.run("offload")
        true(done.returncode in (0, 1), said(done))
        mover.check_nothing_lost({"down.png": b"down"})


# ---- How much, how fast, when ----

def test_limits(bench):
    """--dry-run, --max-delete, --jobs, --bwlimit."""
    test = bench.suite.test
    with test("--dry-run says what would be done, and does nothing"):
        mover = bench.mover()
        before, state = looks(mover), sorted(os.listdir(mover.state))
        for verb in ("put", "evict", "offload"):
            for switch in ("--dry-run", "-n"):
                done = mover.run_well(verb, switch)
                if verb != "evict":
                    equal([name for name in mover.files
                           if name not in said(done)], [], said(done))
        equal((looks(mover), mover.in_bucket()), (before, []))
        equal(sorted(os.listdir(mover.state)), state)
        mover.run_well("offload")
        done = mover.run_well("restore", "-n", mover.root)
        equal(mover.on_disk(), {})
    with test("--max-delete: so many are evicted and no more"):
        mover = bench.mover(small_files(6))
        done = mover.run("offload", "--max-delete", "2")
        true(done.returncode in (0, 1), said(done))
        equal(len(mover.on_disk()), 4)
        mover.check_nothing_lost()
        mover.write(max_delete=3)
        mover.run("offload")
        equal(len(mover.on_disk()), 1)
        mover.run("evict", "--max-delete", "0")
        mover.check_moved()
    with test("--jobs: so many requests at a time"):
        for jobs in (1, 4):
            mover, liar = bench.lied_to({f"{number}.png": made_bytes(50, number)
                                         for number in range(12)})
            liar.tell({"hold": "go"}, at=5, times=0)
            process = mover.start("offload", "--jobs", str(jobs))
            wait_for(lambda liar=liar, jobs=jobs: len(
                [asked for asked in liar.asked() if asked.status is None]) ==
                jobs, f"{jobs} requests at a time")
            liar.release("go")
            done = trys3_wait(process)
            equal(done.returncode, 0, said(done))
            mover.check_moved()
    with test("--bwlimit: whole all the same"):
        mover = bench.mover({"a.png": made_bytes(200_000)})
        mover.run_well("offload", "--bwlimit", "1m")
        mover.check_moved()
    with test("trash: under the path it had, until its grace is over"):
        mover = bench.mover()
        mover.trash.mkdir()
        mover.write(trash=mover.trash)
        mover.run_well("offload")
        mover.check_moved()
        equal(sorted(mover.on_disk(mover.trash).values()),
              sorted(mover.files.values()))
        mover.run_well("offload")
        equal(len(mover.on_disk(mover.trash)), len(mover.files))
        # A folder a day: as if that were long ago.
        day, = mover.trash.iterdir()
        true(re.fullmatch(r"\d{4}-\d\d-\d\d", day.name), day.name)
        equal(mover.on_disk(day), mover.files)
        day.rename(mover.trash / "2020-02-29")
        (mover.trash / "mine").write_bytes(b"not of a day")
        mover.run_well("offload")
        equal(mover.on_disk(mover.trash), {"mine": b"not of a day"})
        mover.check_moved()
    with test("trash: two files of one name"):
        mover = bench.mover({"a.png": b"one"})
        mover.trash.mkdir()
        mover.write(trash=mover.trash)
        mover.run_well("offload")
        mover.writer.delete(mover.key("a.png"))
        mover.make({"a.png": b"another"})
        mover.run_well("offload")
        equal(sorted(mover.on_disk(mover.trash).values()),
              [b"another", b"one"])
    with test("remove_folders: those that are empty then, not the root"):
        mover = bench.mover({"a/b/c/1.png": b"1", "a/2.png": b"2",
                             "d/3.png": b"3"}, offload={
                                 "remove_folders": "on", "exclude": "3.png"})
        mover.run_well("offload")
        mover.run_well("offload")
        equal(sorted(str(path.relative_to(mover.root))
                     for path in mover.root.rglob("*")), ["d", "d/3.png"])


def test_signals(bench):
    """Stopped, and started again."""
    for number in (signal.SIGINT, signal.SIGTERM):
        with bench.suite.test(f"{number.name}: what is under way is finished, "
                              "exit 4, the next run does the rest"):
            mover, liar = bench.lied_to(small_files(20), offload={"jobs": 2})
            liar.tell({"hold": "go"}, at=9)
            process = mover.start("offload")
            held = wait_for(lambda liar=liar: [
                asked for asked in liar.asked() if asked.number == 9],
                "a request")[0]
            process.send_signal(number)
            liar.release("go")
            done = trys3_wait(process)
            equal(done.returncode, 4, said(done))
            true(len(mover.on_disk()) > 0, "it went on to the end")
            true(held.status is not None, "it was cut off")
            mover.check_nothing_lost()
            mover.check_no_leftovers()
            mover.run_well("offload")
            mover.check_moved()
    with bench.suite.test("a second signal ends it at once"):
        mover, liar = bench.lied_to()
        liar.tell({"hold": "never"}, at=3, times=0)
        process = mover.start("offload")
        wait_for(lambda: len(liar.asked()) >= 3, "a request")
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        true(trys3_wait(process).returncode != 0, "it says all was done")
        liar.release("never")
        mover.check_nothing_lost()
        mover.settings["site main"]["endpoint"] = bench.lab.endpoint
        mover.write()
        mover.run_well("offload")
        mover.check_moved()
    with bench.suite.test("one run at a time: the second exits 3"):
        mover, liar = bench.lied_to()
        liar.tell({"hold": "go"}, at=2)
        process = mover.start("offload")
        wait_for(lambda: len(liar.asked()) >= 2, "a request")
        for verb in ("offload", "put", "evict"):
            equal(mover.run(verb).returncode, 3, verb)
        liar.release("go")
        equal(trys3_wait(process).returncode, 0)
        mover.check_moved()
        mover.run_well("offload")


# ---- The disk ----

def in_a_disk(script, *words):
    """A command for trys3 that is run after the shell SCRIPT in a mount
    namespace of its own, where it may mount; "$@" is trys3."""
    return ("unshare", "-m", "sh", "-ec", script, "sh", *words)


def can_mount():
    """May we?"""
    return subprocess.run(in_a_disk("mount -t tmpfs none /mnt"), check=False,
                          capture_output=True).returncode == 0


def test_disks(bench):
    """Full ones."""
    if not can_mount():
        bench.suite.skip("watermarks and full disks", "no right to mount")
        return
    with bench.suite.test("high_water, low_water: the oldest go, as many as "
                          "need be"):
        files = {f"{number:02}.png": made_bytes(256 << 10, number)
                 for number in range(12)}
        mover = bench.mover(files, offload={"high_water": 60,
                                            "low_water": 30})
        # Twelve of a quarter on four: 75 per cent.
        disk = mover.folder / "disk"
        disk.mkdir()
        full = (f"mount -t tmpfs -o size=4m none {disk}; "
                f"cp -a {mover.root}/. {disk}/; ")
        left = mover.folder / "left"
        mover.write(root=disk)
        done = mover.run("offload", "-v", wrapper=in_a_disk(
            full + f'"$@"; ls {disk} >{left}'))
        equal(done.returncode, 0, said(done))
        kept = left.read_text().split()
        # Down to 30 per cent: 4 files of 256 KiB are 25, five are 31.
        equal(kept, sorted(files)[-4:], said(done))
        mover.check_stored({name: body for name, body in files.items()
                            if name not in kept})
        low = mover.folder / "few"
        done = mover.run("offload", wrapper=in_a_disk(
            full + f'rm {disk}/0[0-4].png; "$@"; ls {disk} >{low}'))
        equal(done.returncode, 0, said(done))
        equal(low.read_text().split(), sorted(files)[5:],
              "evicted below the mark")
    with bench.suite.test("the state's disk is full: nothing is evicted, and "
                          "it is said"):
        mover = bench.mover(small_files(12))
        script = (f"mount -t tmpfs -o size=64k none {mover.state}; "
                  f"dd if=/dev/zero of={mover.state}/full bs=4k count=1000 "
                  '2>/dev/null || :; exec "$@"')
        done = mover.run("offload", wrapper=in_a_disk(script))
        equal(done.returncode in (1, 2), True, said(done))
        equal(mover.on_disk(), mover.files)
        mover.run_well("offload")
        mover.check_moved()
    with bench.suite.test("the state's disk runs full: what is gone is in the "
                          "bucket"):
        mover = bench.mover({f"{'long name ' * 20}{number}": made_bytes(10)
                             for number in range(60)})
        script = (f"mount -t tmpfs -o size=8k none {mover.state}; "
                  'exec "$@"')
        done = mover.run("offload", wrapper=in_a_disk(script))
        equal(done.returncode in (1, 2), True, said(done))
        mover.check_nothing_lost()
        true(mover.on_disk(), "it went on without a journal")
        mover.run_well("offload")
        mover.check_moved()
    with bench.suite.test("the tree's disk is read-only: all is kept, exit 1"):
        mover = bench.mover()
        script = (f"mount --bind {mover.root} {mover.root}; "
                  f'mount -o remount,ro,bind {mover.root}; exec "$@"')
        done = mover.run("offload", wrapper=in_a_disk(script))
        true(done.returncode in (1, 2), said(done))
        equal(mover.on_disk(), mover.files)
        mover.run_well("offload")
    with bench.suite.test("a trash on another disk: all is kept"):
        mover = bench.mover({"a.png": b"a"})
        mover.trash.mkdir()
        mover.write(trash=mover.trash)
        script = (f"mount -t tmpfs none {mover.trash}; exec \"$@\"")
        done = mover.run("offload", wrapper=in_a_disk(script))
        true(done.returncode in (1, 2), said(done))
        equal(mover.on_disk(), mover.files)
    with bench.suite.test("restore to a full disk: nothing half"):
        mover = bench.mover({"a.png": made_bytes(100_000), "b.png": b"small"})
        mover.run_well("offload")
        left = mover.folder / "left"
        script = (f"mount -t tmpfs -o size=64k none {mover.root}; "
                  f'"$@" || status=$?; ls -A {mover.root} >{left}; '
                  "exit $status")
        # One after the other: while one is tried there is no room.
        done = mover.run("restore", "--jobs", "1", mover.root,
                         wrapper=in_a_disk(script))
        equal(done.returncode, 1, said(done))
        equal(left.read_text().split(), ["b.png"])


# ---- What it says ----

def test_words(bench):
    """Statuses, JSON, secrets."""
    test = bench.suite.test
    with test("wrong use and wrong settings: exit 2"):
        mover = bench.mover()
        for arguments in (["offload", "--no-such-switch"],
                          ["offload", "no-such-offload"],
                          ["offload", "--jobs", "0"], ["offload", "--jobs"],
                          ["offload", "--bwlimit", "fast"],
                          ["offload", "--max-delete", "-1"],
                          ["offload", "--site", "no-such-site"],
                          ["get"], ["purge"], ["restore"],
                          ["restore", "/not/below/any/root"]):
            done = mover.run(*arguments)
            equal((done.returncode, done.stdout), (2, ""), arguments)
            true(done.stderr, arguments)
        for arguments in ([], ["no-such-verb"],
                          ["offload", "-c", "/no/such/file"]):
            equal(trys3_run(bench.suite, *arguments).returncode, 2, arguments)
        for wrong in ({"root": "/no/such/folder"}, {"root": "relative"},
                      {"min_age": "soon"}, {"low_water": 20},
                      {"high_water": 20, "low_water": 30},
                      {"sse": "rot13"}, {"kms_key": "k"},
                      {"state": "/dev/null/state"}):
            mover = bench.mover(offload=wrong)
            done = mover.run("offload")
            true(done.returncode in (1, 2), f"{wrong}: {done.returncode}")
            mover.check_nothing_lost()
            mover.remove()
        for arguments in (["--help"], ["--version"], ["-h"], ["-V"],
                          ["offload", "--help"]):
            done = trys3_run(bench.suite, *arguments)
            equal((done.returncode, bool(done.stdout), done.stderr),
                  (0, True, ""), arguments)
    with test("--json: each line is an event"):
        mover = bench.mover({"a.png": b"a", "日\"\\.png": b"b", "c.png": b"c"})
        mover.writer.put(mover.key("c.png"), b"of somebody else")
        done = mover.run("offload", "--json")
        equal(done.returncode, 1)
        events = [json.loads(line) for line in done.stdout.splitlines()]
        true(events and all(isinstance(event, dict) for event in events),
             done.stdout)
        for name in mover.files:
            true(any(name in str(value) for event in events
                     for value in event.values()), f"{name}: {done.stdout}")
    with test("nobody takes what it says: it goes on"):
        for out in ("closed", "/dev/full"):
            mover = bench.mover()
            if out == "closed":
                read_end, write_end = os.pipe()
                os.close(read_end)
            else:
                write_end = os.open(out, os.O_WRONLY)
            with os.fdopen(write_end, "w") as stream:
                done = mover.run("offload", "-v", stdout=stream)
            true(done.returncode in (0, 1), done.returncode)
            mover.check_moved()
    with test("-q: nothing when all is well; errors all the same"):
        mover = bench.mover()
        done = mover.run_well("offload", "-q")
        equal(said(done), "")
        mover.make({"c.png": b"c"})
        mover.writer.put(mover.key("c.png"), b"of somebody else")
        done = mover.run("offload", "-q")
        equal(done.returncode, 1)
        true("c.png" in done.stderr, done.stderr)
    with test("a summary: files and bytes uploaded, evicted, skipped and why"):
        mover = bench.mover({"a.png": made_bytes(1234), "b.png": b"b"})
        os.symlink("a.png", mover.root / "link")
        words = said(mover.run_well("offload"))
        true(re.search(r"\b2 files?\b|\b2\b.*uploaded|uploaded.*\b2\b", words),
             words)


def test_audit(bench):
    """Differences, one by one."""
    with bench.suite.test("audit: 0 when all is well, else each difference"):
        mover = bench.mover({name: name.encode() for name in (
            "gone.png", "lost.png", "there.png", "not-yet.png", "differs.png")})
        equal(mover.run("audit").returncode, 1, "before")
        mover.write(exclude="there.png not-yet.png differs.png")
        mover.run_well("offload")
        mover.write(exclude="gone.png lost.png not-yet.png differs.png")
        mover.run_well("put")
        mover.write(exclude="not-yet.png differs.png")
        done = mover.run("audit")
        equal(done.returncode, 0, said(done))
        mover.write(exclude="")
        mover.writer.put(mover.key("differs.png"), b"something else")
        mover.writer.delete(mover.key("lost.png"))
        done = mover.run("audit")
        equal(done.returncode, 1)
        lines = said(done)
        for name, word in (("lost.png", "lost"), ("differs.png", "differs"),
                           ("not-yet.png", "not uploaded")):
            true(any(name in line and word in line
                     for line in lines.splitlines()), lines)
        for name in ("gone.png", "there.png"):
            true(name not in lines, lines)
        equal(sorted(mover.on_disk()), ["differs.png", "not-yet.png",
                                        "there.png"])
    with bench.suite.test("ls and audit: more than one answer holds"):
        mover = bench.mover({})
        names = [f"{number:04}.png" for number in range(1005)]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for done in [pool.submit(mover.writer.put, mover.key(name), b"")
                         for name in names]:
                done.result()
        lines = mover.run_well("ls", mover.prefix).stdout.splitlines()
        equal([line[-8:] for line in lines], names)
    with bench.suite.test("audit: an object at no file's place is unknown"):
        mover = bench.mover({"a.png": b"a"}, offload={"uri": "/img/"})
        mover.run_well("offload")
        equal(mover.run("audit").returncode, 0)
        mover.writer.put(mover.key("img/by-hand/"), b"")
        done = mover.run("audit")
        words = said(done)
        equal(done.returncode, 1, words)
        true(any("unknown" in line and "by-hand/" in line
                 for line in words.splitlines()), words)


def test_restore(bench):
    """Back again."""
    with bench.suite.test("restore: one file, a folder, by relative paths"):
        mover = bench.mover({"a.png": b"a", "x/b.png": b"b", "x/y/c.png": b"c",
                             "xx/d.png": b"d"})
        mover.run_well("offload")
        mover.run_well("restore", mover.root / "a.png")
        equal(mover.on_disk(), {"a.png": b"a"})
        mover.run_well("restore", "x", cwd=mover.root)
        equal(sorted(mover.on_disk()), ["a.png", "x/b.png", "x/y/c.png"])
        mover.run_well("restore", "../xx/d.png", cwd=mover.root / "x")
        equal(mover.on_disk(), mover.files)
    with bench.suite.test("restore never writes over what is there"):
        mover = bench.mover({"a.png": b"old", "b.png": b"b"})
        mover.run_well("offload")
        (mover.root / "a.png").write_bytes(b"new")
        os.symlink(mover.folder / "outside", mover.root / "b.png")
        done = mover.run("restore", mover.root)
        true(done.returncode in (0, 1), said(done))
        equal((mover.root / "a.png").read_bytes(), b"new")
        true((mover.root / "b.png").is_symlink(), "the link is gone")
        true(not (mover.folder / "outside").exists(), "it wrote by a link")
    with bench.suite.test("restore: folders that are gone come back, links "
                          "are not followed"):
        mover = bench.mover({"x/y/a.png": b"a", "z/b.png": b"b"})
        mover.run_well("offload")
        (mover.root / "x/y").rmdir()
        (mover.root / "x").rmdir()
        (mover.root / "z").rmdir()
        (mover.folder / "elsewhere").mkdir()
        os.symlink(mover.folder / "elsewhere", mover.root / "z")
        done = mover.run("restore", mover.root)
        true(done.returncode in (0, 1), said(done))
        equal((mover.root / "x/y/a.png").read_bytes(), b"a")
        equal(os.listdir(mover.folder / "elsewhere"), [])
    with bench.suite.test("restore: an object that is not what its hash says "
                          "stays where it is"):
        mover = bench.mover({"a.png": b"right"})
        mover.run_well("offload")
        mover.writer.put(mover.key("a.png"), b"wrong", {
            f"x-amz-meta-{name}": value for name, value in
            {"sha256": hashlib.sha256(b"right").hexdigest(),
             "mtime": "1.0"}.items()})
        done = mover.run("restore", mover.root / "a.png")
        equal((done.returncode, mover.on_disk()), (1, {}), said(done))


def test_credentials(bench):
    """Wrong ones, and that none is shown."""
    secret = "wr0ng/Secret+Key+that+nobody+may+see"
    shown = []
    with bench.suite.test("the reader may not read: nothing is evicted"):
        mover = bench.mover(site={"secret_access_key": secret})
        done = mover.run("offload", "-v")
        shown.append(said(done))
        equal((done.returncode, mover.on_disk()), (1, mover.files))
    with bench.suite.test("the writer may not write: nothing is uploaded"):
        mover = bench.mover(offload={"secret_access_key": secret})
        done = mover.run("offload", "-v")
        shown.append(said(done))
        equal((done.returncode, mover.on_disk(), mover.in_bucket()),
              (1, mover.files, []))
    with bench.suite.test("no credentials of its own: the site's are taken, "
                          "here the reader's, who may not write"):
        mover = bench.mover()
        for name in ("access_key_id", "secret_access_key"):
            del mover.settings["offload main"][name]
        mover.write()
        done = mover.run("offload")
        shown.append(said(done))
        equal((done.returncode, mover.on_disk(), mover.in_bucket()),
              (1, mover.files, []))
        mover.settings["site main"].update(
            (name, bench.lab.site()[name])
            for name in ("access_key_id", "secret_access_key"))
        mover.write()
        shown.append(said(mover.run_well("offload", "-v", "--json")))
        mover.check_moved()
    with bench.suite.test("no secret is shown"):
        text = "".join(shown)
        secrets = {secret} | {
            value for name, value in bench.lab.values.items()
            if "SECRET" in name}
        equal([value for value in secrets if value in text], [])
        true("Signature=" not in text, "a signature is shown")


# ---- All ----

def main():
    """All of it."""
    with Suite(900) as suite:
        rgw = Bench(suite, Rgw(suite), "READER_")
        test_ways(rgw, "RGW")
        test_tls(rgw)
        test_metadata(rgw)
        test_choice(rgw)
        test_odd_files(rgw)
        test_own_names(rgw)
        test_known(rgw)
        test_readers(rgw)
        test_limits(rgw)
        test_signals(rgw)
        test_disks(rgw)
        test_words(rgw)
        test_audit(rgw)
        test_restore(rgw)
        test_credentials(rgw)
        # There the reader has no right of his own.
        with contextlib.suppress(Skip):
            test_ways(Bench(suite, Swift(suite), ""), "Swift")


main()

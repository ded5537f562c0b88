"""What runs while something is measured: a folder and the processes in it, all
of which end with it.

This is what a file of bench/contenders gets.  The daemons are started by the
same code as in the system tests (tests/system/harness.py).
"""

import contextlib
import os
import pathlib
import re
import resource
import shutil
import socket
import string
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(TOP / "tests" / "system"))
import harness  # noqa: E402 pylint: disable=wrong-import-position

SHIPPED = TOP / "nginx"
WORKERS = 16  # trys3d's default

# What every nginx here has in common, the origin too.
FRAME = string.Template("""\
daemon off;
$modules
$user
pid $folder/nginx.own.pid;
error_log $folder/error.log;
worker_processes 2;
worker_rlimit_nofile $files;
events {
	worker_connections 8192;
}
http {
	include /etc/nginx/mime.types;
	default_type application/octet-stream;
	sendfile on;
	tcp_nopush on;
	access_log off;
	keepalive_requests 1000000000;
	keepalive_timeout 1h;
	client_body_temp_path $folder/temporary/body;
	proxy_temp_path $folder/temporary/proxy;
	fastcgi_temp_path $folder/temporary/fastcgi;
	uwsgi_temp_path $folder/temporary/uwsgi;
	scgi_temp_path $folder/temporary/scgi;
$inside
}
""")


class Place:
    """A folder and processes that end with it; what harness.Process wants of a
    suite."""

    def __init__(self, parent, name):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"{name}.",
                                                    dir=parent))
        self._ends = contextlib.ExitStack()

    def on_end(self, function, *arguments):
        """Call FUNCTION at the end, last come first."""
        self._ends.callback(function, *arguments)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self._ends.close()
        except harness.Failure as failure:
            logs = [f"{log.name}: " + "\n".join(
                log.read_text(errors="replace").splitlines()[-10:])
                for log in sorted(self.folder.glob("*.log"))]
            raise harness.Failure("\n".join([str(failure), *logs])
                                  ) from failure
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def start_nginx(self, name, inside, ports, modules=""):
        """Run nginx with INSIDE in its http block; it listens on PORTS of
        127.0.0.1."""
        folder = self.folder / name
        (folder / "temporary").mkdir(parents=True, exist_ok=True)
        (folder / "nginx.conf").write_text(FRAME.substitute(
            folder=folder, inside=inside, modules=modules,
            user="user root;" if os.getuid() == 0 else "",
            files=min(16384, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
        process = harness.Process(self, name, [
            "nginx", "-e", folder / "error.log", "-p", folder, "-c",
            folder / "nginx.conf"])
        for port in ports:
            process.wait_listening(f"127.0.0.1:{port}")
        return process


class Disturbed(harness.Failure):
    """What was measured is not what was to be measured."""


class Stand(Place):
    """Where one contender stands.

        origin      the S3 server in question: url, bucket, key_id and the like,
                    see Origin in origin.py
        port        of 127.0.0.1, where HTTP requests will come
        folder      for its files; cache below it
        roots       {"nginx": [process id]}: whose CPU time and memory count,
                    by the name of their column; see count
    """

    def __init__(self, parent, name, origin):
        super().__init__(parent, name)
        self.origin = origin
        self.port = harness.free_port()
        self.roots = {}
        self._logs = {}  # trys3d's, and how much of each does not count

    def check(self):
        """Disturbed if trys3d had a reason to complain: then it did not do what
        it was measured for.  (Where the machine lets memcached wait for longer
        than trys3d's time-out, objects come from S3.)"""
        for process, pardoned in self._logs.items():
            found = re.findall(r"^.*: (?:warning|error): .*",
                               process.log()[pardoned:], re.M)
            if found:
                raise Disturbed(f"trys3d said in {len(found)} lines:\n"
                                f"{found[0]}")

    def pardon(self):
        """What trys3d said until now does not count: nothing was measured."""
        self._logs = {process: len(process.log()) for process in self._logs}

    def __exit__(self, kind, *rest):
        try:
            if kind is None:
                self.check()
        finally:
            super().__exit__(kind, *rest)

    def count(self, column, process):
        """PROCESS, and what descends from it, counts, in that column; returns
        it."""
        self.roots.setdefault(column, []).append(process.pid)
        return process

    def run(self, column, command, environment=None):
        """Start a command that listens on the stand's port."""
        process = self.count(column, harness.Process(
            self, pathlib.Path(str(command[0])).name, command, environment))
        process.wait_listening(f"127.0.0.1:{self.port}", 30)
        return process

    def nginx(self, inside):
        """nginx, with INSIDE in its http block, which listens on @LISTEN@ (the
        stand's port).  Also put in are

            @FOLDER@    a folder of its own
            @ORIGIN@    https://127.0.0.1:port of the S3 server,
                        @ORIGIN_ADDRESS@ without the https://, @ORIGIN_NAME@
                        the name that its certificate is for, @CA@ the file of
                        its authority
            @BUCKET@    the bucket
            @ROOT@      a folder with the objects as files
        """
        for name, value in {
                "LISTEN": f"127.0.0.1:{self.port} backlog=4096",
                "FOLDER": self.folder,
                "ORIGIN": self.origin.url,
                "ORIGIN_ADDRESS": self.origin.url.partition("//")[2],
                "ORIGIN_NAME": self.origin.name,
                "CA": self.origin.ca_file,
                "BUCKET": self.origin.bucket,
                "ROOT": self.origin.root,
        }.items():
            inside = inside.replace(f"@{name}@", str(value))
        return self.count("nginx", self.start_nginx("nginx", inside,
                                                    [self.port]))

    def memcached(self, name="memcached", arguments=("-m", "1024")):
        """memcached on a unix socket; a harness.Memcached."""
        server = harness.Memcached(self, name, is_unix=True,
                                   arguments=("-c", "4096", *arguments))
        self.count("memcached", server)
        return server

    def fill(self, memcached, target):
        """Store the objects of TARGET as they are, by their paths."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(memcached.address[5:])
            answers = connection.makefile("rb")
            for path in target.paths():
                body = (self.origin.root / path[1:]).read_bytes()
                connection.sendall(b"set %s 0 0 %d\r\n%s\r\n" % (
                    path.encode(), len(body), body))
                harness.equal(answers.readline(), b"STORED\r\n", "memcached")

    def trys3d(self, memcached=(), workers=WORKERS, is_cached=False,
               handoff=None):
        """trys3d, with those servers (harness.Memcached), and nginx in front of
        it with the shipped files, of which only paths are changed; the
        harness.Trys3d.  HANDOFF: nginx fetches by itself what is larger."""
        self.nginx_for_trys3d(is_cached, bool(handoff))
        # nginx verifies names alone, and no addresses.
        site = {"handoff": handoff, "endpoint": self.origin.url.replace(
            "127.0.0.1", self.origin.name)} if handoff else {}
        return self.trys3d_alone(memcached, workers, site=site)

    def trys3d_alone(self, memcached=(), workers=WORKERS, is_waited_for=True,
                     site=()):
        """The same without nginx; SITE: more settings of its [site]."""
        settings = {
            "daemon": {"workers": workers},
            "cache": {"servers": ",".join(each.address
                                          for each in memcached)},
            "site bench": self.origin.site() | dict(site),
        }
        process = harness.Trys3d(self, settings, is_waited_for=is_waited_for)
        self._logs[process] = 0
        return self.count("trys3d", process)

    def nginx_for_trys3d(self, is_cached=False, is_handed_off=False):
        """nginx as in trys3d, without that."""
        folder = self.folder / "nginx" / "trys3"
        shutil.copytree(SHIPPED, folder)
        # Where harness.Trys3d lets it listen.
        _change(folder / "http.conf", "/run/trys3/trys3d.sock",
                f"{self.folder}/trys3d.sock")
        _change(folder / "http.conf", "/var/cache/nginx-trys3",
                str(self.folder / "cache"))
        if not is_cached:
            _change(folder / "location.conf", "trys3/cache.conf",
                    "trys3/no-cache.conf")
        (self.folder / "empty").mkdir()
        if is_handed_off:
            return self.nginx(self._with_handoff(folder))
        return self.nginx(TRYS3_SITE)

    def _with_handoff(self, folder):
        """Change the shipped files in FOLDER; the site that includes them."""
        _change(folder / "location.conf", "trys3/no-handoff.conf",
                "trys3/handoff.conf")
        _change(folder / "handoff-http.conf",
                "s3.ap-northeast-1.amazonaws.com:443",
                self.origin.url.partition("//")[2])
        _change(folder / "handoff-location.conf",
                "/etc/ssl/certs/ca-certificates.crt",
                str(self.origin.ca_file))
        return TRYS3_SITE.replace(
            "include trys3/http.conf;",
            "include trys3/http.conf;\ninclude trys3/handoff-http.conf;",
        ).replace(
            "include trys3/location.conf;",
            "include trys3/location.conf;\n"
            "\tinclude trys3/handoff-location.conf;")


# As gyazo.example.com.conf, without the application and the password.
TRYS3_SITE = """
include trys3/http.conf;

server {
	listen @LISTEN@;
	root @FOLDER@/empty;
	merge_slashes off;
	location / {
		try_files $uri @s3;
		error_page 404 = @s3;
	}
	include trys3/location.conf;
}
"""


def _change(path, old, new):
    """In the directives of the file PATH, where OLD stands just once."""
    lines = path.read_text().splitlines(keepends=True)
    places = [i for i, line in enumerate(lines)
              if old in line and not line.lstrip().startswith("#")]
    harness.equal(len(places), 1, f"{path.name}: places with {old}")
    lines[places[0]] = lines[places[0]].replace(old, new)
    path.write_text("".join(lines))

"""The S3 server that everyone is measured against: nginx over TLS, which has
the objects as files and answers as S3 does.  It takes any signature, or none:
checking one would cost the same for everyone, and it is not what is measured.

    /private/small/###.png      1,000 objects of 10 KB
    /private/mib/##.png         16 of 1 MiB
    /private/large/#.bin        one of 1 GiB (if asked for)
    /private/tiny/###.png       1,000 of 100 bytes
    /private/k/##########.png   any number: as small/ by the last three digits
    /private/t/##########.png   the same, as tiny/
"""

import hashlib
import pathlib
import random
import subprocess
from typing import NamedTuple

import harness
from stand import Place

TINY, SMALL, MIB, GIB = 100, 10_240, 1 << 20, 1 << 30
DELAY_MODULES = """\
load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;"""


A_PART = 10_000_000


class Target(NamedTuple):
    """What is asked for: PATTERN, whose '#'s stand for the digits of COUNT
    numbers from FIRST on; SIZE bytes each."""
    pattern: str
    count: int
    size: int
    first: int = 0

    def path(self, number):
        """The path of the object NUMBER."""
        digits = self.pattern.count("#")
        return self.pattern.replace("#" * digits, f"{number:0{digits}}")

    def paths(self):
        """The paths of all of them."""
        return [self.path(self.first + i) for i in range(self.count)]

    def part(self, number):
        """Of many objects some that are in no other part; of few, all."""
        if self.count <= A_PART:
            return self
        return self._replace(first=self.first + number * A_PART, count=A_PART)


TINY_OBJECTS = Target("/tiny/###.png", 1000, TINY)
SMALL_OBJECTS = Target("/small/###.png", 1000, SMALL)
MIB_OBJECTS = Target("/mib/##.png", 16, MIB)
LARGE_OBJECT = Target("/large/#.bin", 1, GIB)
MANY_OBJECTS = Target("/k/##########.png", 1_000_000_000, SMALL)
MANY_TINY_OBJECTS = Target("/t/##########.png", 1_000_000_000, TINY)


class Objects(Place):
    """The objects on the disk, and the certificates: made once."""

    bucket = "private"
    name = "localhost"

    def __init__(self, parent, with_large=False):
        super().__init__(parent, "objects")
        self.root = self.folder / self.bucket
        self._md5 = {}
        chance = random.Random(1)
        for target in (TINY_OBJECTS, SMALL_OBJECTS, MIB_OBJECTS):
            for path in target.paths():
                body = chance.randbytes(target.size)
                self._write(path, [body])
                self._md5[path] = hashlib.md5(body).hexdigest()
        if with_large:
            block = chance.randbytes(MIB)
            self._write(LARGE_OBJECT.path(0), (block for _ in range(1024)))
            # As S3 has it of an upload in parts: no MD5.
            self._md5[LARGE_OBJECT.path(0)] = hashlib.md5(
                block).hexdigest() + "-64"
        self._make_certificates()

    def _write(self, path, blocks):
        file = self.root / path[1:]
        file.parent.mkdir(parents=True, exist_ok=True)
        with open(file, "wb") as stream:
            for block in blocks:
                stream.write(block)

    def _make_certificates(self):
        ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        (self.folder / "ext").write_text(
            "subjectAltName=DNS:localhost,IP:127.0.0.1\n"
            "basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n")
        for command in (
                ["req", "-x509", *ec, "-days", "30", "-subj", "/CN=bench CA",
                 "-addext", "keyUsage=critical,keyCertSign,cRLSign",
                 "-keyout", "ca.key", "-out", "ca.pem"],
                ["req", *ec, "-subj", "/CN=localhost", "-keyout", "server.key",
                 "-out", "server.csr"],
                ["x509", "-req", "-in", "server.csr", "-CA", "ca.pem",
                 "-CAkey", "ca.key", "-CAcreateserial", "-days", "30",
                 "-extfile", "ext", "-out", "server.pem"]):
            subprocess.run(["openssl", *command], cwd=self.folder, check=True,
                           env=harness.ENVIRONMENT, capture_output=True)

    def md5(self, path):
        """The MD5 of the object with that path, in hexadecimal."""
        for one, many in (("/small/", "/k/"), ("/tiny/", "/t/")):
            if path.startswith(many):
                path = one + path[-7:]
        return self._md5[path]

    def etags(self):
        """nginx's map from paths to ETags."""
        return "\n".join(f'/{self.bucket}{path} \'"{md5}"\';'
                         for path, md5 in self._md5.items())


class Origin(Place):
    """nginx on the OBJECTS; with DELAY_MS, so long before the first byte of
    each answer.  For those who ask: url, name (in its certificate), ca_file,
    bucket, region, key_id, secret; root has the objects as files."""

    region = "us-east-1"
    key_id = "AKIAIOSFODNN7EXAMPLE"
    secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

    def __init__(self, parent, objects, delay_ms=0):
        super().__init__(parent, "origin")
        self.bucket, self.name, self.root = (objects.bucket, objects.name,
                                             objects.root)
        self.ca_file = objects.folder / "ca.pem"
        self.port = harness.free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        delay = (f"access_by_lua_block {{ ngx.sleep({delay_ms / 1000}) }}"
                 if delay_ms else "")
        self.nginx = self.start_nginx("origin", f"""
	map_hash_max_size 8192;
	map_hash_bucket_size 128;
	map $uri $which {{
		default $uri;
		~^/{objects.bucket}/k/\\d+(?<k>\\d\\d\\d\\.png)$
		    /{objects.bucket}/small/$k;
		~^/{objects.bucket}/t/\\d+(?<t>\\d\\d\\d\\.png)$
		    /{objects.bucket}/tiny/$t;
	}}
	map $which $etag {{
		{objects.etags()}
	}}
	open_file_cache max=4000 inactive=1h;
	open_file_cache_valid 1h;
	server {{
		listen 127.0.0.1:{self.port} ssl backlog=4096;
		server_name localhost;
		ssl_certificate {objects.folder}/server.pem;
		ssl_certificate_key {objects.folder}/server.key;
		ssl_session_cache shared:tls:10m;
		root {objects.folder};
		etag off;
		add_header ETag $etag;
		add_header x-amz-request-id $request_id;
		{delay}
		# nginx's own tag, so that it knows If-Match, which hand-off asks
		# with; no one reads the MD5 of what is so large.
		location /{objects.bucket}/large/ {{
			etag on;
			add_header x-amz-request-id $request_id;
		}}
		location ~ ^/{objects.bucket}/k/\\d+(\\d\\d\\d\\.png)$ {{
			alias {objects.root}/small/$1;
		}}
		location ~ ^/{objects.bucket}/t/\\d+(\\d\\d\\d\\.png)$ {{
			alias {objects.root}/tiny/$1;
		}}
	}}
""", [self.port], DELAY_MODULES if delay_ms else "")

    def site(self):
        """The settings of a [site] of trys3d."""
        return {
            "bucket": self.bucket,
            "region": self.region,
            "endpoint": self.url,
            "addressing": "path",
            "ca_file": self.ca_file,
            "access_key_id": self.key_id,
            "secret_access_key": self.secret,
        }

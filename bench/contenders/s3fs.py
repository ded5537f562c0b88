"""s3fs, a mount of the bucket, and nginx that serves files from it.

Without a cache on the disk, so that each object is fetched; what s3fs knows of
objects, it keeps."""

import os
import subprocess

import harness
from checks import Skip, wait_for

CASE = "rgw"


def start(stand):
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        raise Skip("/dev/fuse is not there, or not ours")
    origin = stand.origin
    mount = stand.folder / "mount"
    mount.mkdir()
    passwords = stand.folder / "passwd-s3fs"
    passwords.touch(0o600)
    passwords.write_text(f"{origin.key_id}:{origin.secret}\n")
    stand.on_end(unmount, mount)
    process = stand.count("s3fs", harness.Process(stand, "s3fs", [
        "s3fs", origin.bucket, mount, "-f", "-o", f"passwd_file={passwords}",
        "-o", f"url={origin.url}", "-o", "use_path_request_style",
        "-o", f"endpoint={origin.region}", "-o", "ro", "-o", "dbglevel=warn"],
        {"CURL_CA_BUNDLE": str(origin.ca_file)}))
    wait_for(lambda: process.process.poll() is not None or mount.is_mount(),
             "the mount", 20)
    stand.nginx(f"""
	server {{
		listen @LISTEN@;
		root {mount};
	}}
""")


def unmount(mount):
    """Before the process ends; it ends with it."""
    subprocess.run(["fusermount", "-u", "-z", mount], check=False,
                   capture_output=True)

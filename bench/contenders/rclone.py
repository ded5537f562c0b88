"""rclone serve http: the bucket as a web site, by rclone itself.

Without its cache on the disk."""

CASE = "rgw"


def start(stand):
    origin = stand.origin
    stand.run("rclone", [
        "rclone", "serve", "http", f":s3:{origin.bucket}", "--config", "",
        "--addr", f"127.0.0.1:{stand.port}", "--read-only",
        "--s3-provider", "Ceph", "--s3-endpoint", origin.url,
        "--ca-cert", origin.ca_file, "--vfs-cache-mode", "off"], {
            # Not in the command line, which is for all to see.
            "RCLONE_S3_ACCESS_KEY_ID": origin.key_id,
            "RCLONE_S3_SECRET_ACCESS_KEY": origin.secret,
        })

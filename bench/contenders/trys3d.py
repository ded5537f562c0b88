"""trys3d, no cache: each request is one to S3, signed, over a kept connection.

nginx with the shipped files (no-cache.conf) in front, as always."""

CASE = "miss"


def start(stand):
    stand.trys3d()

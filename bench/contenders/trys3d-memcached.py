"""trys3d, hit in memcached: found there, checked, and answered.

memcached on a unix socket; nginx with the shipped files (no-cache.conf)."""

CASE = "hit"
PROOF = ("Cache-Status", "trys3; hit")


def start(stand):
    stand.trys3d(memcached=[stand.memcached()])

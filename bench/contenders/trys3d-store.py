"""trys3d, stored in memcached: looked up there, leased, fetched, stored.

As trys3d-memcached, asked for objects that are all new."""

CASE = "store"
PROOF = ("Cache-Status", "stored")


def start(stand):
    stand.trys3d(memcached=[stand.memcached()])

"""trys3d, hit in nginx's cache: trys3d is not asked.

nginx with the shipped files (cache.conf)."""

CASE = "hit"
PROOF = ("Cache-Status", "nginx; hit")


def start(stand):
    stand.trys3d(is_cached=True)

"""trys3d that hands off: what is large nginx fetches by itself, as signed.

nginx with the shipped files (no-cache.conf, handoff.conf) in front."""

CASE = "large"


def start(stand):
    stand.trys3d(handoff="1m")

"""nginx's memcached_pass: the bare bytes out of memcached, nothing checked.

memcached on a unix socket, nginx's connections to it kept; filled beforehand,
since nothing in nginx does that."""

from origin import SMALL_OBJECTS

CASE = "hit"


def start(stand):
    memcached = stand.memcached()
    stand.fill(memcached, SMALL_OBJECTS)
    stand.nginx(f"""
	upstream memcached {{
		server {memcached.address};
		keepalive 32;
	}}
	server {{
		listen @LISTEN@;
		location / {{
			set $memcached_key $uri;
			memcached_pass memcached;
		}}
	}}
""")

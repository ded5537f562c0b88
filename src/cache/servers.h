/*
 * The list of memcached servers as it is written in the settings.  Pure.
 */
#ifndef CACHE_SERVERS_H
#define CACHE_SERVERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum { SERVERS_MAX = 64 };

struct server_address {
	struct span text; /* as it stands in the list, without the blanks */
	struct span host; /* a name, an address without brackets, or a path */
	uint64_t port;    /* 0: HOST is the path of a socket */
};

/* Take the next of *REST, which becomes no value (data NULL) with the last:
 * host:port, [v6]:port or unix:/path, separated by commas, blanks around
 * them.  If it is none of these, false and *WHY says what is wrong (static
 * text). */
bool servers_next(struct span *rest, struct server_address *address,
    const char **why) ATTR_MUST_USE;

/* Is TEXT such a list, of SERVERS_MAX at most and none of them twice? */
bool servers_check(struct span text, const char **why) ATTR_MUST_USE;

#endif

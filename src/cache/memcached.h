/*
 * A pool of memcached servers, by libmemcached, which nobody else knows.
 *
 * Keys are spread by consistent hashing (ketama).  A server that fails or is
 * late is left alone for MC_RETRY_MS, so that it costs one request one
 * time-out and the others nothing.  No result is an error to a caller: a
 * cache that is away is a cache that misses.
 *
 * While an operation runs SIGALRM is this module's, to end one whose server
 * drips its answer, and every other signal waits until it is over.
 */
#ifndef CACHE_MEMCACHED_H
#define CACHE_MEMCACHED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum { MC_RETRY_MS = 2000 };

struct mc;

/* Is TEXT a list of servers: host:port, [v6]:port or unix:/path, separated by
 * commas?  If not, *WHY says what is wrong (static text). */
bool mc_check_servers(const char *text, const char **why) ATTR_MUST_USE;

/* A pool of SERVERS, for which mc_check_servers holds; an operation waits at
 * most TIMEOUT_MS for an answer, and twice that for one that comes in drips.
 * (To look a host's name up takes what the resolver takes: use addresses.)
 * Connects when first used; after the fork; by one thread. */
struct mc *mc_new(const char *servers, int64_t timeout_ms);
void mc_free(struct mc *mc);

enum mc_result {
	MC_OK,
	MC_NONE,    /* get, delete, replace: no such key; add: the key is there
	             * already; swap: it is there in another version, or not at
	             * all */
	MC_REFUSED, /* set, add, replace, swap: the server takes no value of
	             * this size; what it was to replace may be gone */
	MC_DOWN,    /* the server is away, late or full */
};

/* KEY is 1 to 250 printable bytes without a blank: a digest in hexadecimal,
 * never what a client sent.  EXPIRES_S: seconds from now, 0 for never; the
 * adapter turns what is over 30 days into memcached's absolute form. */

/* The value is viewed by *VALUE until the next call on MC.  *VERSION, unless
 * NULL, tells it from whatever is stored there later, be it the same. */
enum mc_result mc_get(struct mc *mc, struct span key, struct span *value,
    uint64_t *version) ATTR_MUST_USE;
enum mc_result
mc_set(struct mc *mc, struct span key, struct span value, int64_t expires_s);
enum mc_result mc_add(struct mc *mc, struct span key, struct span value,
    int64_t expires_s) ATTR_MUST_USE;
/* Store it in the place of whatever is there. */
enum mc_result mc_replace(struct mc *mc, struct span key, struct span value,
    int64_t expires_s) ATTR_MUST_USE;
/* Store it in the place of VERSION, as mc_get told it. */
enum mc_result mc_swap(struct mc *mc, struct span key, struct span value,
    int64_t expires_s, uint64_t version) ATTR_MUST_USE;
enum mc_result mc_delete(struct mc *mc, struct span key);

#endif

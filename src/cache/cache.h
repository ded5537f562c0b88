/*
 * The shared cache: whole small objects and the knowledge that one is
 * missing; nothing else is ever stored.  And the lease, by which many workers
 * on many hosts that miss the same key make one request to S3.
 */
#ifndef CACHE_CACHE_H
#define CACHE_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "cache/entry.h"
#include "s3/metadata.h"
#include "s3/site.h"

/* Set from [cache] (src/config/). */
struct cache_settings {
	char *servers; /* owned; NULL or "": no cache */
	int64_t ttl_ms;
	int64_t ttl_missing_ms;
	uint64_t max_object; /* bytes: up to here an object is read whole and
	                      * may be cached */
	int64_t timeout_ms;  /* for each operation */
	int64_t lease_ms;    /* how long others wait for the one that fetches */
};

struct cache;

/* A cache after SETTINGS (borrowed); NULL where they name no server.  After
 * the fork.  Each function below takes NULL for a cache that never hits. */
struct cache *cache_new(const struct cache_settings *settings);
void cache_free(struct cache *cache);

/* Where an object is in the cache: a digest over ENTRY_VERSION, the site's
 * name, endpoint and bucket, and the key, each with its length. */
enum { CACHE_KEY_LEN = 64 };
struct cache_key {
	uint8_t digest[ENTRY_DIGEST_LEN];
	char text[CACHE_KEY_LEN + 1]; /* the digest in hex */
};
void cache_key_make(
    struct cache_key *cache_key, const struct site *site, struct span key);

enum cache_found {
	CACHE_MISS,    /* nothing is there, or no cache */
	CACHE_HIT,     /* *ENTRY is the object */
	CACHE_MISSING, /* the object is known to be missing */
	CACHE_USELESS, /* an entry that is older than its ttl, or no entry for
	                * this key: a miss in whose place a lease can be put */
	CACHE_LEASED,  /* a miss, and another fetches */
	CACHE_PASSED,  /* a miss; the object is of a kind that is not cached */
};

/* Look KEY up at NOW (seconds since the epoch).  *ENTRY views memory that lives
 * until the next call on CACHE. */
enum cache_found cache_lookup(struct cache *cache, const struct cache_key *key,
    int64_t now, struct entry *entry) ATTR_MUST_USE;

/* Were the last questions all for what is not there, so that the next is
 * likely to be as well?  Who would take the lease may then try that at once,
 * as if a look had found CACHE_MISS: where something is there the lease is not
 * to be had, and a look tells what it is. */
bool cache_expects_miss(const struct cache *cache) ATTR_MUST_USE;

enum cache_lease {
	CACHE_LEASE_OURS,  /* fetch, then store or release */
	CACHE_LEASE_OTHER, /* another fetches, or has stored it just now: wait a
	                    * little and look again */
	CACHE_LEASE_NONE,  /* fetch without one: no cache, no leases, or the
	                    * object is not waited for */
};

/* Take the lease of KEY, where the last look, which was for KEY, has FOUND no
 * entry or a useless one (or there was no look: cache_expects_miss).  No other
 * can have stored one since if it is ours. */
enum cache_lease cache_lease(struct cache *cache, const struct cache_key *key,
    enum cache_found found) ATTR_MUST_USE;

/* Give our lease back: the fetch failed, the next may try. */
void cache_release(struct cache *cache, const struct cache_key *key);

/* Give it back and leave word for ttl_missing that the object is not one to
 * wait for: it is too large to cache. */
void cache_pass(struct cache *cache, const struct cache_key *key);

/* Store a whole object, or that it is missing, as of NOW, and give the lease
 * back.  True if it was stored; it is not where the object was purged since we
 * have the lease.  One that memcached finds too large is passed,
 * as by cache_pass. */
bool cache_store(struct cache *cache, const struct cache_key *key,
    const struct metadata *metadata, struct span body, int64_t now);
bool cache_store_missing(
    struct cache *cache, const struct cache_key *key, int64_t now);

enum cache_purged {
	CACHE_PURGED,  /* whatever was there is gone */
	CACHE_NOTHING, /* nothing was there, or there is no cache */
	CACHE_DOWN,    /* the server is away: what it has it may still say */
};

/* Forget KEY: the object, that it is missing, and who fetches it. */
enum cache_purged cache_purge(struct cache *cache, const struct cache_key *key);

#endif

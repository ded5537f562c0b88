/*
 * The shared cache: see cache.h.  Nothing here knows how memcached is spoken
 * to, and nothing here can fail: what is not found is a miss.
 *
 * The lease is an item in the entry's place, made by memcached's add, or by its
 * cas for an entry that is of no use: so it can only be had where there is no
 * entry, storing gives it back, and a look tells that another has it.
 * Rejected: an item of its own beside the entry (two questions more for each
 * object that is stored: one to look again under the lease, one to give it
 * back), and memcached's own meta commands (libmemcached has none).
 *
 * Times: memcached's exptime only makes room; what counts is the entry's own
 * time of storing and our clock, so that a ttl that is made shorter holds for
 * what is there already.
 */
#include "cache/cache.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/parse.h"
#include "cache/memcached.h"

/* What stands in an entry's place while another fetches, and where no one is to
 * wait for one; entries are longer. */
#define FETCHING SPAN("fetching")
#define PASS     SPAN("pass")

enum {
	/* A host whose clock is further ahead than this is wrong. */
	FUTURE_MAX_S = 24 * 60 * 60,
	/* Version, site, endpoint, bucket and key: a setting is shorter than
	 * a line of the file (base/ini.h). */
	KEY_TEXT_MAX = 65536,
	/* After so many misses one after the other the next is expected.  With
	 * fewer, a pool that mostly hits would ask in vain too often. */
	MISSES_MIN = 3,
};

struct cache {
	const struct cache_settings *settings;
	struct mc *mc;
	uint64_t useless; /* mc_get's version of what the last look found */
	unsigned misses;  /* one after the other, until now */

	/* The lease that is ours; a worker has one request at a time. */
	bool has_lease;
	uint8_t leased[ENTRY_DIGEST_LEN];
	int64_t lease_until_ms; /* till then it can't be anyone else's */
};

struct cache *
cache_new(const struct cache_settings *settings)
{
	struct cache *cache;

	if (settings->servers == NULL || *settings->servers == '\0')
		return (NULL);
	cache = mem_zero(1, sizeof(*cache));
	cache->settings = settings;
	cache->mc = mc_new(settings->servers, settings->timeout_ms);
	return (cache);
}

void
cache_free(struct cache *cache)
{
	if (cache == NULL)
		return;
	mc_free(cache->mc);
	free(cache);
}

/* memcached counts whole seconds: MS rounded up. */
static int64_t
to_seconds(int64_t ms)
{
	return ((ms + 999) / 1000);
}

/* ---------------------------------------------------------- the key --- */

/* No value is not the same as an empty one. */
static void
add_part(struct buf *text, struct span part)
{
	bool ok;

	ok = buf_printf(
	    text, "%s%zu:", part.data == NULL ? "none" : "", part.len);
	ok = ok && buf_add_span(text, part);
	assert(ok);
}

void
cache_key_make(
    struct cache_key *cache_key, const struct site *site, struct span key)
{
	struct buf text;
	bool ok;

	buf_init(&text, KEY_TEXT_MAX);
	ok = buf_printf(&text, "trys3 %d ", ENTRY_VERSION);
	assert(ok);
	add_part(&text, span_of(site->name));
	add_part(&text, span_of(site->endpoint));
	add_part(&text, span_of(site->bucket));
	add_part(&text, key);
	SHA256((const uint8_t *)text.data, text.len, cache_key->digest);
	buf_fini(&text);
	format_hex(cache_key->digest, ENTRY_DIGEST_LEN, cache_key->text);
}

static struct span
text_of(const struct cache_key *key)
{
	return ((struct span){ key->text, CACHE_KEY_LEN });
}

/* -------------------------------------------------------- the leases --- */

static bool
has_lease(const struct cache *cache, const struct cache_key *key)
{
	return (cache->has_lease &&
	    memcmp(cache->leased, key->digest, sizeof(cache->leased)) == 0);
}

/* Is the lease of KEY ours?  It is not asked for again. */
static bool
take_lease(struct cache *cache, const struct cache_key *key)
{
	bool is_ours = has_lease(cache, key);

	if (is_ours)
		cache->has_lease = false;
	return (is_ours);
}

/* Is the lease of KEY ours, and can it be nobody else's yet? */
static bool
holds_lease(const struct cache *cache, const struct cache_key *key)
{
	return (has_lease(cache, key) &&
	    clock_monotonic_ms() < cache->lease_until_ms);
}

/* Put a lease where FOUND was.  memcached's clock ticks once a second, so an
 * item lives up to a second less than it was given; one more makes sure that a
 * lease lives for lease_ms. */
static enum mc_result
put_lease(
    struct cache *cache, const struct cache_key *key, enum cache_found found)
{
	int64_t lease_ms = cache->settings->lease_ms, began_ms;
	int64_t lease_s = to_seconds(lease_ms) + 1;
	enum mc_result result;

	began_ms = clock_monotonic_ms();
	result = found == CACHE_USELESS
	    ? mc_swap(
		  cache->mc, text_of(key), FETCHING, lease_s, cache->useless)
	    : mc_add(cache->mc, text_of(key), FETCHING, lease_s);
	cache->misses = result == MC_OK ? cache->misses + 1 : 0;
	if (result == MC_OK) {
		cache->has_lease = true;
		memcpy(cache->leased, key->digest, sizeof(cache->leased));
		cache->lease_until_ms = began_ms + lease_ms;
	}
	return (result);
}

bool
cache_expects_miss(const struct cache *cache)
{
	return (cache != NULL && cache->misses >= MISSES_MIN);
}

enum cache_lease
cache_lease(
    struct cache *cache, const struct cache_key *key, enum cache_found found)
{
	if (cache == NULL || cache->settings->lease_ms <= 0 ||
	    found == CACHE_PASSED)
		return (CACHE_LEASE_NONE);
	if (found == CACHE_LEASED)
		return (CACHE_LEASE_OTHER);
	switch (put_lease(cache, key, found)) {
	case MC_OK:
		return (CACHE_LEASE_OURS);
	case MC_NONE:
		return (CACHE_LEASE_OTHER);
	case MC_REFUSED:
	case MC_DOWN:
		break;
	}
	return (CACHE_LEASE_NONE);
}

void
cache_release(struct cache *cache, const struct cache_key *key)
{
	/* Once its time is over the lease may be another's, and will soon end
	 * by itself if it is not.  (If memcached had no room for it, what is
	 * there may be another's before that: an entry less.) */
	if (cache == NULL)
		return;
	if (holds_lease(cache, key))
		mc_delete(cache->mc, text_of(key));
	(void)take_lease(cache, key);
}

void
cache_pass(struct cache *cache, const struct cache_key *key)
{
	if (cache == NULL || !take_lease(cache, key))
		return;
	mc_set(cache->mc, text_of(key), PASS,
	    to_seconds(cache->settings->ttl_missing_ms));
}

/* ------------------------------------------------------- the entries --- */

static bool
is_fresh(const struct cache *cache, const struct entry *entry, int64_t now)
{
	int64_t ttl_ms = entry->kind == ENTRY_OBJECT
	    ? cache->settings->ttl_ms
	    : cache->settings->ttl_missing_ms;

	if (entry->stored_s < 0 || entry->stored_s > now + FUTURE_MAX_S)
		return (false);
	return (now - entry->stored_s < to_seconds(ttl_ms));
}

enum cache_found
cache_lookup(struct cache *cache, const struct cache_key *key, int64_t now,
    struct entry *entry)
{
	struct span bytes;

	if (cache == NULL ||
	    mc_get(cache->mc, text_of(key), &bytes, &cache->useless) != MC_OK)
		return (CACHE_MISS);
	cache->misses = 0;
	if (span_equal(bytes, FETCHING))
		return (CACHE_LEASED);
	if (span_equal(bytes, PASS))
		return (CACHE_PASSED);
	if (!entry_read(bytes, key->digest, entry) ||
	    !is_fresh(cache, entry, now))
		return (CACHE_USELESS);
	return (entry->kind == ENTRY_OBJECT ? CACHE_HIT : CACHE_MISSING);
}

/* Store BYTES in the place of our lease, if we have it.  Where that is gone
 * before its time the object was purged meanwhile, by who knows that what we
 * were told by S3 holds no longer: then nothing is stored. */
static enum mc_result
put_entry(struct cache *cache, const struct cache_key *key, struct span bytes,
    int64_t ttl_s)
{
	enum mc_result result;

	if (holds_lease(cache, key))
		result = mc_replace(cache->mc, text_of(key), bytes, ttl_s);
	else
		result = mc_set(cache->mc, text_of(key), bytes, ttl_s);
	if (result == MC_OK || result == MC_NONE)
		(void)take_lease(cache, key);
	return (result);
}

static enum mc_result
store_entry(struct cache *cache, const struct cache_key *key,
    const struct entry *entry, int64_t ttl_ms)
{
	enum mc_result result;
	struct buf bytes;
	bool ok;

	buf_init(&bytes, entry_len(entry));
	ok = entry_write(entry, key->digest, &bytes);
	assert(ok);
	result = put_entry(cache, key, buf_span(&bytes), to_seconds(ttl_ms));
	buf_fini(&bytes);
	return (result);
}

bool
cache_store(struct cache *cache, const struct cache_key *key,
    const struct metadata *metadata, struct span body, int64_t now)
{
	struct entry entry = { .kind = ENTRY_OBJECT,
		.stored_s = now,
		.metadata = *metadata,
		.body = body };
	enum mc_result result = MC_NONE;

	assert(metadata->size == body.len); /* else it is not the whole */
	if (cache == NULL)
		return (false);
	if (body.len <= cache->settings->max_object)
		result =
		    store_entry(cache, key, &entry, cache->settings->ttl_ms);
	if (result == MC_REFUSED)
		cache_pass(cache, key);
	else
		cache_release(cache, key);
	return (result == MC_OK);
}

bool
cache_store_missing(
    struct cache *cache, const struct cache_key *key, int64_t now)
{
	struct entry entry = { .kind = ENTRY_MISSING, .stored_s = now };
	enum mc_result result;

	if (cache == NULL)
		return (false);
	result =
	    store_entry(cache, key, &entry, cache->settings->ttl_missing_ms);
	cache_release(cache, key);
	return (result == MC_OK);
}

enum cache_purged
cache_purge(struct cache *cache, const struct cache_key *key)
{
	enum mc_result result;

	if (cache == NULL)
		return (CACHE_NOTHING);
	result = mc_delete(cache->mc, text_of(key));
	switch (result) {
	case MC_OK:
		return (CACHE_PURGED);
	case MC_NONE:
		return (CACHE_NOTHING);
	case MC_REFUSED:
	case MC_DOWN:
		break;
	}
	return (CACHE_DOWN);
}

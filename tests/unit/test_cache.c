/*
 * The shared cache (src/cache/cache.h) over a real memcached.  The clock that
 * leases are timed by is the test's own; objects have the times they are given.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"
#include "cache/cache.h"
#include "cache/memcached.h"
#include "memcacheds.h"

static int64_t clock_ms;

int64_t __wrap_clock_monotonic_ms(void);
int64_t
__wrap_clock_monotonic_ms(void)
{
	return (clock_ms);
}

/* One server for all of the tests, a key of its own for each. */
static struct memcached server;
static struct cache_settings settings;
static struct cache *ours, *theirs; /* two workers */
static struct site site;
static struct cache_key key;

enum { NOW = 1700000000, TTL_S = 100, TTL_MISSING_S = 10, MAX_OBJECT = 1000 };

static int
begin(void **state)
{
	(void)state;
	if (!memcached_begin())
		return (-1);
	server = memcached_unix("m");
	memcached_start(&server);
	return (0);
}

static int
end(void **state)
{
	(void)state;
	memcached_remove(&server);
	memcached_end();
	return (0);
}

static int
set_up(void **state)
{
	static int number;
	char name[16];

	(void)state;
	clock_ms = 5000000;
	settings = (struct cache_settings){ .servers = server.server,
		.ttl_ms = TTL_S * 1000,
		.ttl_missing_ms = TTL_MISSING_S * 1000,
		.max_object = MAX_OBJECT,
		.timeout_ms = 20000,
		.lease_ms = 3000 };
	site = (struct site){ .name = mem_string("images"),
		.bucket = mem_string("bucket"),
		.endpoint = mem_string("http://127.0.0.1:7480") };
	snprintf(name, sizeof(name), "key-%d", number++);
	cache_key_make(&key, &site, span_of(name));
	ours = cache_new(&settings);
	theirs = cache_new(&settings);
	assert_non_null(ours);
	return (0);
}

static int
tear_down(void **state)
{
	(void)state;
	free(site.name);
	free(site.bucket);
	free(site.endpoint);
	cache_free(ours);
	cache_free(theirs);
	return (0);
}

/* ---------------------------------------------------------- small helps --- */

static struct metadata
describe(struct span body)
{
	struct metadata metadata = { .size = body.len };

	metadata.field[METADATA_CONTENT_TYPE] = SPAN("image/png");
	metadata.field[METADATA_ETAG] = SPAN("\"1\"");
	return (metadata);
}

static bool
store(struct cache *cache, struct span body, int64_t now)
{
	struct metadata metadata = describe(body);

	return (cache_store(cache, &key, &metadata, body, now));
}

static enum cache_found
look(struct cache *cache, const struct cache_key *cache_key, int64_t now)
{
	struct entry entry;

	return (cache_lookup(cache, cache_key, now, &entry));
}

/* What a request does that wants the object: look, and take the lease. */
static enum cache_lease
lease(struct cache *cache)
{
	return (cache_lease(cache, &key, look(cache, &key, NOW)));
}

static struct span
text_of(const struct cache_key *cache_key)
{
	return (span_of(cache_key->text));
}

/* ---------------------------------------------------------------- keys --- */

static void
a_key_is_a_digest_of_all_that_tells_objects_apart(void **state)
{
	struct site twin = { .name = site.name };
	struct cache_key a, b;

	(void)state;
	twin.bucket = site.bucket;
	twin.endpoint = site.endpoint;
	cache_key_make(&a, &site, SPAN("a/b"));
	assert_int_equal(strlen(a.text), CACHE_KEY_LEN);
	cache_key_make(&b, &twin, SPAN("a/b"));
	assert_string_equal(a.text, b.text);

	cache_key_make(&b, &twin, SPAN("a/c"));
	assert_string_not_equal(a.text, b.text);
	cache_key_make(&b, &twin, SPAN("a/b\0"));
	assert_string_not_equal(a.text, b.text);
	twin.name = (char *)(uintptr_t) "other";
	cache_key_make(&b, &twin, SPAN("a/b"));
	assert_string_not_equal(a.text, b.text);
	twin.name = site.name;
	twin.bucket = (char *)(uintptr_t) "other";
	cache_key_make(&b, &twin, SPAN("a/b"));
	assert_string_not_equal(a.text, b.text);
	twin.bucket = site.bucket;
	twin.endpoint = NULL;
	cache_key_make(&b, &twin, SPAN("a/b"));
	assert_string_not_equal(a.text, b.text);
	twin.endpoint = (char *)(uintptr_t) "";
	cache_key_make(&a, &twin, SPAN("a/b"));
	assert_string_not_equal(a.text, b.text);
}

/* No byte can move from one part to the next unseen. */
static void
the_parts_of_a_key_do_not_run_together(void **state)
{
	struct site one = { .name = (char *)(uintptr_t) "ab",
		.bucket = (char *)(uintptr_t) "c" };
	struct site two = { .name = (char *)(uintptr_t) "a",
		.bucket = (char *)(uintptr_t) "bc" };
	struct cache_key a, b;

	(void)state;
	cache_key_make(&a, &one, SPAN("d"));
	cache_key_make(&b, &two, SPAN("d"));
	assert_string_not_equal(a.text, b.text);
	cache_key_make(&a, &one, SPAN("1:d"));
	one.bucket = (char *)(uintptr_t) "c1:";
	cache_key_make(&b, &one, SPAN("d"));
	assert_string_not_equal(a.text, b.text);
}

/* SHA-256 of "trys3 2 1:nnone0:1:b3:key": hosts agree on it. */
static void
the_form_of_a_key_is_what_it_was(void **state)
{
	struct site plain = { .name = (char *)(uintptr_t) "n",
		.bucket = (char *)(uintptr_t) "b" };
	struct cache_key a;

	(void)state;
	cache_key_make(&a, &plain, SPAN("key"));
	assert_string_equal(a.text,
	    "b30aea864a4cdd4b6eee1389639dc89f"
	    "56cf3230c6832b53937c330906535f21");
}

/* ------------------------------------------------------------- objects --- */

static void
an_object_is_found_with_all_that_is_known(void **state)
{
	struct entry entry;

	(void)state;
	assert_int_equal(look(ours, &key, NOW), CACHE_MISS);
	assert_true(store(ours, SPAN("bo\0dy"), NOW));
	assert_int_equal(cache_lookup(theirs, &key, NOW, &entry), CACHE_HIT);
	assert_int_equal(entry.kind, ENTRY_OBJECT);
	assert_int_equal(entry.stored_s, NOW);
	assert_int_equal(entry.metadata.size, 5);
	assert_true(span_equal(entry.body, SPAN("bo\0dy")));
	assert_true(span_equal(
	    entry.metadata.field[METADATA_CONTENT_TYPE], SPAN("image/png")));
	assert_true(
	    span_equal(entry.metadata.field[METADATA_ETAG], SPAN("\"1\"")));
	assert_null(entry.metadata.field[METADATA_EXPIRES].data);
	assert_true(store(theirs, SPAN(""), NOW + 1));
	assert_int_equal(cache_lookup(ours, &key, NOW, &entry), CACHE_HIT);
	assert_int_equal(entry.body.len, 0);
}

static void
a_missing_object_is_known_to_be(void **state)
{
	struct entry entry;

	(void)state;
	assert_true(cache_store_missing(ours, &key, NOW));
	assert_int_equal(
	    cache_lookup(theirs, &key, NOW, &entry), CACHE_MISSING);
	assert_int_equal(entry.stored_s, NOW);
	assert_true(store(ours, SPAN("x"), NOW));
	assert_int_equal(look(theirs, &key, NOW), CACHE_HIT);
}

/* How old each may be; a clock may be a day wrong. */
static const struct {
	const char *name;
	int64_t age;
	enum cache_found object, missing;
} ages[] = {
	{ "now", 0, CACHE_HIT, CACHE_MISSING },
	{ "just not missing any more", TTL_MISSING_S - 1, CACHE_HIT,
	    CACHE_MISSING },
	{ "missing no more", TTL_MISSING_S, CACHE_HIT, CACHE_USELESS },
	{ "the last second", TTL_S - 1, CACHE_HIT, CACHE_USELESS },
	{ "over", TTL_S, CACHE_USELESS, CACHE_USELESS },
	{ "long over", NOW, CACHE_USELESS, CACHE_USELESS },
	{ "a second ahead", -1, CACHE_HIT, CACHE_MISSING },
	{ "a day ahead", -24 * 60 * 60, CACHE_HIT, CACHE_MISSING },
	{ "more than a day ahead", -24 * 60 * 60 - 1, CACHE_USELESS,
	    CACHE_USELESS },
	{ "before the epoch", NOW + 1, CACHE_USELESS, CACHE_USELESS },
	{ "at the end of time", NOW - INT64_MAX, CACHE_USELESS, CACHE_USELESS },
};

static void
age_is_told_by_the_callers_clock(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
		assert_true(store(ours, SPAN("x"), NOW - ages[i].age));
		if (look(ours, &key, NOW) != ages[i].object)
			fail_msg("object: %s", ages[i].name);
		assert_true(cache_store_missing(ours, &key, NOW - ages[i].age));
		if (look(ours, &key, NOW) != ages[i].missing)
			fail_msg("missing: %s", ages[i].name);
	}
	assert_true(store(ours, SPAN("x"), INT64_MIN));
	assert_int_equal(look(ours, &key, NOW), CACHE_USELESS);
}

static void
a_shorter_ttl_holds_for_what_is_there(void **state)
{
	(void)state;
	assert_true(store(ours, SPAN("x"), NOW));
	settings.ttl_ms = 5000;
	assert_int_equal(look(ours, &key, NOW + 4), CACHE_HIT);
	assert_int_equal(look(ours, &key, NOW + 5), CACHE_USELESS);
}

static void
no_other_object_is_ever_found(void **state)
{
	struct site others[] = { site, site, site, site };
	struct cache_key other;

	(void)state;
	others[0].name = (char *)(uintptr_t) "other";
	others[1].bucket = (char *)(uintptr_t) "other";
	others[2].endpoint = (char *)(uintptr_t) "http://127.0.0.1:7481";
	others[3].endpoint = NULL;
	cache_key_make(&key, &site, SPAN("shared"));
	assert_true(store(ours, SPAN("x"), NOW));
	assert_int_equal(look(ours, &key, NOW), CACHE_HIT);
	for (size_t i = 0; i < 4; i++) {
		cache_key_make(&other, &others[i], SPAN("shared"));
		assert_int_equal(look(ours, &other, NOW), CACHE_MISS);
	}
	cache_key_make(&other, &site, SPAN("Shared"));
	assert_int_equal(look(ours, &other, NOW), CACHE_MISS);
}

/* ------------------------------------------------- what others may write --- */

/* A copy of what stands in memcached for KEY; freed by free(). */
static struct span
copy_stored(struct mc *mc)
{
	struct span stored;

	assert_int_equal(mc_get(mc, text_of(&key), &stored, NULL), MC_OK);
	return ((struct span){
	    mem_string_of(stored.data, stored.len), stored.len });
}

static void
put_stored(struct mc *mc, struct span bytes)
{
	assert_int_equal(mc_set(mc, text_of(&key), bytes, 60), MC_OK);
}

static void
what_was_changed_is_a_miss(void **state)
{
	struct mc *mc = mc_new(server.server, 20000);
	struct span bytes;
	char *data;

	(void)state;
	assert_true(store(ours, SPAN("the body"), NOW));
	bytes = copy_stored(mc);
	data = (char *)(uintptr_t)bytes.data;
	for (size_t i = 0; i < bytes.len; i++) {
		data[i] ^= 0x10;
		put_stored(mc, bytes);
		if (look(ours, &key, NOW) != CACHE_USELESS)
			fail_msg("byte %zu", i);
		data[i] ^= 0x10;
		put_stored(mc, (struct span){ data, i });
		if (look(ours, &key, NOW) != CACHE_USELESS)
			fail_msg("cut to %zu", i);
	}
	put_stored(mc, bytes);
	assert_int_equal(look(ours, &key, NOW), CACHE_HIT);
	free(data);
	mc_free(mc);
}

static void
an_entry_moved_to_another_key_is_a_miss(void **state)
{
	struct mc *mc = mc_new(server.server, 20000);
	struct span bytes;

	(void)state;
	assert_true(store(ours, SPAN("not yours"), NOW));
	bytes = copy_stored(mc);
	cache_key_make(&key, &site, SPAN("another"));
	put_stored(mc, bytes);
	assert_int_equal(look(ours, &key, NOW), CACHE_USELESS);
	free((void *)(uintptr_t)bytes.data);
	mc_free(mc);
}

/* ------------------------------------------------------------ the limits --- */

static void
nothing_over_max_object_is_stored(void **state)
{
	char body[MAX_OBJECT + 1];

	(void)state;
	memset(body, 'x', sizeof(body));
	assert_int_equal(lease(ours), CACHE_LEASE_OURS);
	assert_false(store(ours, (struct span){ body, MAX_OBJECT + 1 }, NOW));
	assert_int_equal(look(ours, &key, NOW), CACHE_MISS);
	assert_int_equal(lease(theirs), CACHE_LEASE_OURS);
	assert_true(store(ours, (struct span){ body, MAX_OBJECT }, NOW));
	assert_int_equal(look(ours, &key, NOW), CACHE_HIT);
}

/* More than memcached takes: no entry, no error, and the old one is gone.  Who
 * had the lease leaves word that nobody need wait for another. */
static void
what_memcached_refuses_is_not_stored(void **state)
{
	size_t len = 2 << 20;
	char *body = mem_zero(1, len);

	(void)state;
	settings.max_object = len;
	assert_true(store(ours, SPAN("old"), NOW));
	assert_false(store(ours, (struct span){ body, len }, NOW));
	assert_int_equal(look(ours, &key, NOW), CACHE_MISS);
	assert_int_equal(lease(ours), CACHE_LEASE_OURS);
	assert_false(store(ours, (struct span){ body, len }, NOW));
	assert_int_equal(look(theirs, &key, NOW), CACHE_PASSED);
	assert_int_equal(lease(theirs), CACHE_LEASE_NONE);
	free(body);
}

static void
without_a_cache_all_is_a_miss(void **state)
{
	struct cache_settings none = settings;

	(void)state;
	none.servers = NULL;
	assert_null(cache_new(&none));
	none.servers = (char *)(uintptr_t) "";
	assert_null(cache_new(&none));
	assert_int_equal(look(NULL, &key, NOW), CACHE_MISS);
	assert_int_equal(lease(NULL), CACHE_LEASE_NONE);
	cache_release(NULL, &key);
	cache_pass(NULL, &key);
	assert_false(store(NULL, SPAN("x"), NOW));
	assert_false(cache_store_missing(NULL, &key, NOW));
	cache_free(NULL);
}

static void
without_memcached_all_is_a_miss(void **state)
{
	struct cache_settings away = settings;
	struct memcached gone = memcached_unix("gone");
	struct cache *cache;

	(void)state;
	away.servers = gone.server;
	cache = cache_new(&away);
	assert_int_equal(look(cache, &key, NOW), CACHE_MISS);
	assert_int_equal(lease(cache), CACHE_LEASE_NONE);
	cache_release(cache, &key);
	cache_pass(cache, &key);
	assert_false(store(cache, SPAN("x"), NOW));
	assert_false(cache_store_missing(cache, &key, NOW));
	cache_free(cache);
}

/* ------------------------------------------------------------ the leases --- */

static void
one_has_the_lease_at_a_time(void **state)
{
	(void)state;
	assert_int_equal(lease(ours), CACHE_LEASE_OURS);
	assert_int_equal(lease(theirs), CACHE_LEASE_OTHER);
	assert_int_equal(lease(theirs), CACHE_LEASE_OTHER);
	cache_release(ours, &key);
	assert_int_equal(lease(theirs), CACHE_LEASE_OURS);
	assert_int_equal(lease(ours), CACHE_LEASE_OTHER);
}

/* Take the leases of COUNT objects of which nothing is known. */
static void
miss(struct cache *cache, unsigned count)
{
	static unsigned number;
	char name[16];

	for (unsigned i = 0; i < count; i++) {
		struct cache_key other;

		snprintf(name, sizeof(name), "other-%u", number++);
		cache_key_make(&other, &site, span_of(name));
		assert_int_equal(
		    cache_lease(cache, &other, look(cache, &other, NOW)),
		    CACHE_LEASE_OURS);
	}
}

/* A miss is expected after three, until something is found, or refuses the
 * lease. */
static void
after_misses_one_is_expected(void **state)
{
	(void)state;
	assert_false(cache_expects_miss(NULL));
	assert_false(cache_expects_miss(ours));
	miss(ours, 2);
	assert_false(cache_expects_miss(ours));
	miss(ours, 1);
	assert_true(cache_expects_miss(ours));
	/* A look that finds nothing is none the less a miss. */
	assert_int_equal(look(ours, &key, NOW), CACHE_MISS);
	assert_true(cache_expects_miss(ours));
	assert_true(store(theirs, SPAN("x"), NOW));
	assert_int_equal(look(ours, &key, NOW), CACHE_HIT);
	assert_false(cache_expects_miss(ours));
	miss(ours, 3);
	assert_true(cache_expects_miss(ours));
	assert_int_equal(
	    cache_lease(ours, &key, CACHE_MISS), CACHE_LEASE_OTHER);
	assert_false(cache_expects_miss(ours));
}

static void
to_store_is_to_give_the_lease_back(void **state)
{
	(void)state;
	assert_int_equal(lease(ours), CACHE_LEASE_OURS);
	assert_int_equal(look(theirs, &key, NOW), CACHE_LEASED);
	assert_true(store(ours, SPAN("x"), NOW));
	assert_int_equal(look(theirs, &key, NOW), CACHE_HIT);
	/* What is not ours any more is not taken away. */
	cache_release(ours, &key);
	assert_int_equal(look(theirs, &key, NOW), CACHE_HIT);
	assert_int_equal(cache_purge(ours, &key), CACHE_PURGED);
	assert_int_equal(lease(theirs), CACHE_LEASE_OURS);
	assert_true(cache_store_missing(theirs, &key, NOW));
	assert_int_equal(look(ours, &key, NOW), CACHE_MISSING);
}

/* Whoever looked before it was stored gets no lease, however late. */
static void
there_is_no_lease_where_an_entry_is(void **state)
{
	(void)state;
	assert_true(store(ours, SPAN("x"), NOW));
	assert_int_equal(
	    cache_lease(theirs, &key, CACHE_MISS), CACHE_LEASE_OTHER);
	assert_int_equal(look(theirs, &key, NOW), CACHE_HIT);
	assert_true(cache_store_missing(ours, &key, NOW));
	assert_int_equal(
	    cache_lease(theirs, &key, CACHE_MISS), CACHE_LEASE_OTHER);
	assert_int_equal(look(theirs, &key, NOW), CACHE_MISSING);
}

/* But in the place of one that is of no use. */
static void
a_useless_entry_makes_room_for_a_lease(void **state)
{
	(void)state;
	assert_true(store(ours, SPAN("old"), NOW - TTL_S));
	assert_int_equal(lease(ours), CACHE_LEASE_OURS);
	assert_int_equal(lease(theirs), CACHE_LEASE_OTHER);
	assert_true(store(ours, SPAN("new"), NOW));
	assert_int_equal(look(theirs, &key, NOW), CACHE_HIT);
}

/* For one of all who find it so: a ttl is over for all at once. */
static void
one_gets_the_place_of_a_useless_entry(void **state)
{
	(void)state;
	assert_true(store(ours, SPAN("old"), NOW - TTL_S));
	for (int has_stored = 0; has_stored < 2; has_stored++) {
		assert_int_equal(look(ours, &key, NOW), CACHE_USELESS);
		assert_int_equal(look(theirs, &key, NOW), CACHE_USELESS);
		assert_int_equal(
		    cache_lease(ours, &key, CACHE_USELESS), CACHE_LEASE_OURS);
		if (has_stored)
			assert_true(store(ours, SPAN("new"), NOW));
		assert_int_equal(cache_lease(theirs, &key, CACHE_USELESS),
		    CACHE_LEASE_OTHER);
		assert_int_equal(look(theirs, &key, NOW),
		    has_stored ? CACHE_HIT : CACHE_LEASED);
		/* Nor where it has gone, or the same has come anew. */
		assert_true(store(ours, SPAN("old"), NOW - TTL_S));
		assert_int_equal(cache_lease(theirs, &key, CACHE_USELESS),
		    CACHE_LEASE_OTHER);
	}
	assert_int_equal(look(theirs, &key, NOW), CACHE_USELESS);
	assert_int_equal(cache_purge(ours, &key), CACHE_PURGED);
	assert_int_equal(
	    cache_lease(theirs, &key, CACHE_USELESS), CACHE_LEASE_OTHER);
}

/* Nobody asks memcached what the look has told already. */
static void
what_was_found_decides(void **state)
{
	(void)state;
	assert_int_equal(
	    cache_lease(ours, &key, CACHE_LEASED), CACHE_LEASE_OTHER);
	assert_int_equal(
	    cache_lease(ours, &key, CACHE_PASSED), CACHE_LEASE_NONE);
	assert_int_equal(lease(theirs), CACHE_LEASE_OURS);
}

/* What was fetched before a purge is not stored after it: neither the object nor
 * that it is missing, and who has the lease by then keeps it. */
static void
what_was_purged_meanwhile_is_not_stored(void **state)
{
	(void)state;
	for (int is_missing = 0; is_missing < 2; is_missing++) {
		assert_int_equal(lease(ours), CACHE_LEASE_OURS);
		assert_int_equal(cache_purge(theirs, &key), CACHE_PURGED);
		if (is_missing)
			assert_false(cache_store_missing(ours, &key, NOW));
		else
			assert_false(store(ours, SPAN("old"), NOW));
		assert_int_equal(look(theirs, &key, NOW), CACHE_MISS);
		/* There is nothing to be given back. */
		assert_int_equal(lease(theirs), CACHE_LEASE_OURS);
		cache_release(ours, &key);
		assert_int_equal(look(ours, &key, NOW), CACHE_LEASED);
		assert_true(store(theirs, SPAN("new"), NOW));
		assert_int_equal(cache_purge(ours, &key), CACHE_PURGED);
	}
}

/* One that has lasted longer than its lease tells nothing: memcached has let
 * that go. */
static void
what_took_longer_than_the_lease_is_stored(void **state)
{
	(void)state;
	assert_int_equal(lease(ours), CACHE_LEASE_OURS);
	clock_ms += settings.lease_ms;
	assert_int_equal(cache_purge(theirs, &key), CACHE_PURGED);
	assert_true(store(ours, SPAN("slow"), NOW));
	assert_int_equal(look(theirs, &key, NOW), CACHE_HIT);
}

static void
anothers_lease_is_not_given_back(void **state)
{
	struct cache_key other;

	(void)state;
	assert_int_equal(lease(ours), CACHE_LEASE_OURS);
	cache_release(theirs, &key);
	assert_int_equal(lease(theirs), CACHE_LEASE_OTHER);
	cache_key_make(&other, &site, SPAN("quite another"));
	cache_release(ours, &other);
	assert_int_equal(lease(theirs), CACHE_LEASE_OTHER);
	cache_release(ours, &key);
	assert_int_equal(lease(theirs), CACHE_LEASE_OURS);
	cache_release(ours, &key);
	assert_int_equal(lease(ours), CACHE_LEASE_OTHER);
}

/* By then it may be another's. */
static void
a_lease_that_is_over_is_not_given_back(void **state)
{
	(void)state;
	assert_int_equal(lease(ours), CACHE_LEASE_OURS);
	clock_ms += settings.lease_ms;
	cache_release(ours, &key);
	assert_int_equal(lease(theirs), CACHE_LEASE_OTHER);
}

/* The one that had it died: others go on after lease_ms, and at most two of
 * memcached's seconds. */
static void
a_lease_ends_by_itself(void **state)
{
	int waited = 0;

	(void)state;
	settings.lease_ms = 1;
	assert_int_equal(lease(ours), CACHE_LEASE_OURS);
	while (lease(theirs) != CACHE_LEASE_OURS) {
		assert_true(waited++ < 1500);
		poll(NULL, 0, 10);
	}
	assert_true(waited > 0);
}

static void
what_is_passed_is_not_waited_for(void **state)
{
	(void)state;
	assert_int_equal(lease(ours), CACHE_LEASE_OURS);
	assert_int_equal(lease(theirs), CACHE_LEASE_OTHER);
	cache_pass(ours, &key);
	assert_int_equal(lease(theirs), CACHE_LEASE_NONE);
	assert_int_equal(lease(ours), CACHE_LEASE_NONE);
	cache_release(ours, &key);
	assert_int_equal(lease(ours), CACHE_LEASE_NONE);
	assert_int_equal(look(ours, &key, NOW), CACHE_PASSED);
}

/* By who has the lease, that is. */
static void
nothing_else_is_passed(void **state)
{
	(void)state;
	assert_true(store(ours, SPAN("x"), NOW));
	cache_pass(ours, &key);
	assert_int_equal(look(theirs, &key, NOW), CACHE_HIT);
}

static void
without_leases_no_one_waits(void **state)
{
	(void)state;
	settings.lease_ms = 0;
	assert_int_equal(lease(ours), CACHE_LEASE_NONE);
	assert_int_equal(lease(theirs), CACHE_LEASE_NONE);
	cache_pass(ours, &key);
	settings.lease_ms = 1000;
	assert_int_equal(lease(ours), CACHE_LEASE_OURS);
}

int
main(void)
{
#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_key_is_a_digest_of_all_that_tells_objects_apart),
		TEST(the_parts_of_a_key_do_not_run_together),
		TEST(the_form_of_a_key_is_what_it_was),
		TEST(an_object_is_found_with_all_that_is_known),
		TEST(a_missing_object_is_known_to_be),
		TEST(age_is_told_by_the_callers_clock),
		TEST(a_shorter_ttl_holds_for_what_is_there),
		TEST(no_other_object_is_ever_found),
		TEST(what_was_changed_is_a_miss),
		TEST(an_entry_moved_to_another_key_is_a_miss),
		TEST(nothing_over_max_object_is_stored),
		TEST(what_memcached_refuses_is_not_stored),
		TEST(without_a_cache_all_is_a_miss),
		TEST(without_memcached_all_is_a_miss),
		TEST(one_has_the_lease_at_a_time),
		TEST(after_misses_one_is_expected),
		TEST(to_store_is_to_give_the_lease_back),
		TEST(there_is_no_lease_where_an_entry_is),
		TEST(a_useless_entry_makes_room_for_a_lease),
		TEST(one_gets_the_place_of_a_useless_entry),
		TEST(what_was_found_decides),
		TEST(what_was_purged_meanwhile_is_not_stored),
		TEST(what_took_longer_than_the_lease_is_stored),
		TEST(anothers_lease_is_not_given_back),
		TEST(a_lease_that_is_over_is_not_given_back),
		TEST(a_lease_ends_by_itself),
		TEST(what_is_passed_is_not_waited_for),
		TEST(nothing_else_is_passed),
		TEST(without_leases_no_one_waits),
	};

	if (access(MEMCACHED, X_OK) != 0) {
		printf("1..0 # SKIP %s is not installed\n", MEMCACHED);
		return (0);
	}
	log_threshold(LOG_LEVEL_ERROR);
	return (cmocka_run_group_tests(tests, begin, end));
}

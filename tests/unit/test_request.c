/*
 * The steps of a request, with S3 and memcached played by this file: what is
 * answered, what is stored, who gets the lease, and what never happens.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/log.h"
#include "respond/answer.h"
#include "respond/request.h"

#define ETAG  "\"5d41402abc4b2a76b9719d911017c592\"" /* MD5 of hello */
#define DATE  "Wed, 21 Oct 2015 07:28:00 GMT"
#define LARGE 5000

/* Of an object that was a file. */
#define FILE_MTIME "1354040105.25"
#define FILE_DATE  "Tue, 27 Nov 2012 18:15:05 GMT"
#define FILE_ETAG  "\"50b50329-5\""

/* ------------------------------------------------------- the played world */

/* What S3 has, and how it behaves. */
static struct {
	const char *body;
	size_t len;
	const char *etag;
	const char *disposition;
	const char *mtime;
	bool size_known;
	bool may_hand_off;
	bool has_no_keys; /* to sign a URL with */
	bool ignores_range;
	enum fetch_result result; /* instead of FETCH_OK */
	size_t break_after;       /* bytes given before that result */
	const char *second_body;  /* from the second fetch on */
	unsigned fetches;
	char key[SITE_KEY_MAX + 1];
	const char *site;
} s3;

/* What the cache knows. */
static struct {
	enum cache_found found, unfound;
	unsigned hit_at_look; /* the look from which on it is found; 0: never */
	unsigned looks;
	bool expects_miss;
	enum cache_lease lease;
	unsigned other_leases; /* how often OTHER comes before that */
	unsigned leased, released, passed, stored, stored_missing;
	char stored_body[64];
	char stored_etag[64];
	char stored_modified[64];
} cached;

static int64_t now_ms;
static unsigned passed_on;
static bool peer_gone;

/* What the client got. */
static struct {
	char head[4096];
	char body[2 * LARGE];
	size_t len;
	unsigned heads, streams, ends, fails, hand_offs;
	bool refuses;
} client;

int64_t __wrap_clock_monotonic_ms(void);
int64_t __wrap_clock_wall_s(void);
void __wrap_fetch_pass_on(struct fetch *fetch);
bool __wrap_fetch_hand_off(struct fetch *fetch, const struct site *site,
    struct span key, struct handoff *handoff);
bool __wrap_peer_wait(int fd, int64_t ms);
enum fetch_result
__wrap_fetch_object(struct fetch *fetch, const struct fetch_request *request,
    const struct fetch_sink *sink, struct fetch_report *report);
enum cache_found __wrap_cache_lookup(struct cache *cache,
    const struct cache_key *key, int64_t now, struct entry *entry);
bool __wrap_cache_expects_miss(const struct cache *cache);
enum cache_lease __wrap_cache_lease(
    struct cache *cache, const struct cache_key *key, enum cache_found found);
void __wrap_cache_release(struct cache *cache, const struct cache_key *key);
void __wrap_cache_pass(struct cache *cache, const struct cache_key *key);
bool __wrap_cache_store(struct cache *cache, const struct cache_key *key,
    const struct metadata *metadata, struct span body, int64_t now);
bool __wrap_cache_store_missing(
    struct cache *cache, const struct cache_key *key, int64_t now);

int64_t
__wrap_clock_monotonic_ms(void)
{
	return (now_ms);
}

int64_t
__wrap_clock_wall_s(void)
{
	return (1700000000);
}

void
__wrap_fetch_pass_on(struct fetch *fetch)
{
	(void)fetch;
	passed_on++;
}

bool
__wrap_fetch_hand_off(struct fetch *fetch, const struct site *site,
    struct span key, struct handoff *handoff)
{
	(void)fetch;
	(void)site;
	return (!s3.has_no_keys &&
	    buf_add_string(&handoff->host, "s3.example.com") &&
	    buf_printf(&handoff->target, "/%.*s?signed", SPAN_ARG(key)));
}

bool
__wrap_peer_wait(int fd, int64_t ms)
{
	(void)fd;
	now_ms += ms;
	return (peer_gone);
}

static struct metadata
object_metadata(void)
{
	struct metadata metadata;

	metadata_init(&metadata);
	metadata.size = s3.len;
	metadata.field[METADATA_ETAG] = span_of(s3.etag);
	metadata.field[METADATA_LAST_MODIFIED] = SPAN(DATE);
	metadata.field[METADATA_CONTENT_TYPE] = SPAN("image/png");
	metadata.field[METADATA_CONTENT_DISPOSITION] = span_of(s3.disposition);
	metadata.field[METADATA_MTIME] = span_of(s3.mtime);
	return (metadata);
}

/* Give what was asked for as fetch would. */
enum fetch_result
__wrap_fetch_object(struct fetch *fetch, const struct fetch_request *request,
    const struct fetch_sink *sink, struct fetch_report *report)
{
	struct metadata metadata = object_metadata();
	struct range range = request->range;
	struct fetch_head head = { .metadata = &metadata,
		.size_known = s3.size_known,
		.may_hand_off = s3.may_hand_off,
		.etag_is_md5 = true };
	const char *body = s3.body;
	struct span bytes;
	enum fetch_wish wish;

	(void)fetch;
	if (++s3.fetches > 1 && s3.second_body != NULL)
		body = s3.second_body;
	snprintf(s3.key, sizeof(s3.key), "%.*s", SPAN_ARG(request->key));
	s3.site = request->site->name;
	*report = (struct fetch_report){ .attempts = 1, .status = 200 };
	if (s3.result != FETCH_OK && s3.break_after == 0)
		return (s3.result);
	if (s3.ignores_range)
		range.kind = RANGE_WHOLE;
	for (;;) {
		head.fit = range_fit(&range, s3.len, &head.first, &head.last);
		wish = sink->begin(sink->context, &head);
		if (wish != FETCH_WHOLE)
			break;
		assert_int_not_equal(head.fit, RANGE_FIT_WHOLE);
		range.kind = RANGE_WHOLE;
		s3.fetches++;
	}
	if (wish == FETCH_ENOUGH)
		return (FETCH_CUT);
	assert_false(request->head_only);
	bytes = (struct span){ body, s3.len };
	if (head.fit == RANGE_FIT_PART)
		bytes = (struct span){ body + head.first,
			head.last - head.first + 1 };
	if (head.fit == RANGE_FIT_NONE)
		return (FETCH_OK);
	if (s3.result != FETCH_OK)
		bytes.len = s3.break_after;
	while (bytes.len > 0) {
		struct span piece = bytes;

		if (piece.len > 1000)
			piece.len = 1000;
		if (!sink->body(sink->context, piece))
			return (FETCH_CUT);
		bytes = span_skip(bytes, piece.len);
	}
	return (s3.result);
}

enum cache_found
__wrap_cache_lookup(struct cache *cache, const struct cache_key *key,
    int64_t now, struct entry *entry)
{
	(void)cache;
	(void)key;
	(void)now;
	cached.looks++;
	if (cached.hit_at_look == 0 || cached.looks < cached.hit_at_look)
		return (cached.unfound);
	*entry = (struct entry){ .kind = ENTRY_OBJECT,
		.metadata = object_metadata(),
		.body = { s3.body, s3.len } };
	return (cached.found);
}

bool
__wrap_cache_expects_miss(const struct cache *cache)
{
	(void)cache;
	return (cached.expects_miss);
}

enum cache_lease
__wrap_cache_lease(
    struct cache *cache, const struct cache_key *key, enum cache_found found)
{
	(void)cache;
	(void)key;
	/* What is no answer, as the last look had it. */
	assert_int_equal(found, cached.unfound);
	cached.leased++;
	if (cached.other_leases > 0) {
		cached.other_leases--;
		return (CACHE_LEASE_OTHER);
	}
	return (cached.lease);
}

void
__wrap_cache_release(struct cache *cache, const struct cache_key *key)
{
	(void)cache;
	(void)key;
	cached.released++;
}

void
__wrap_cache_pass(struct cache *cache, const struct cache_key *key)
{
	(void)cache;
	(void)key;
	cached.passed++;
}

bool
__wrap_cache_store(struct cache *cache, const struct cache_key *key,
    const struct metadata *metadata, struct span body, int64_t now)
{
	(void)cache;
	(void)key;
	(void)now;
	/* The client does not wait for it. */
	assert_int_equal(client.ends, client.refuses ? 0 : 1);
	assert_int_equal(metadata->size, body.len);
	cached.stored++;
	snprintf(cached.stored_body, sizeof(cached.stored_body), "%.*s",
	    SPAN_ARG(body));
	snprintf(cached.stored_etag, sizeof(cached.stored_etag), "%.*s",
	    SPAN_ARG(metadata->field[METADATA_ETAG]));
	snprintf(cached.stored_modified, sizeof(cached.stored_modified), "%.*s",
	    SPAN_ARG(metadata->field[METADATA_LAST_MODIFIED]));
	return (true);
}

bool
__wrap_cache_store_missing(
    struct cache *cache, const struct cache_key *key, int64_t now)
{
	(void)cache;
	(void)key;
	(void)now;
	cached.stored_missing++;
	return (true);
}

static bool
client_head(void *context, struct span head)
{
	(void)context;
	client.heads++;
	snprintf(client.head, sizeof(client.head), "%.*s", SPAN_ARG(head));
	return (!client.refuses);
}

static void
client_stream(void *context)
{
	(void)context;
	assert_int_equal(client.heads, 1);
	assert_int_equal(client.len, 0);
	client.streams++;
}

static bool
client_body(void *context, struct span bytes)
{
	(void)context;
	assert_int_equal(client.heads, 1);
	assert_true(client.len + bytes.len <= sizeof(client.body));
	if (bytes.len > 0)
		memcpy(client.body + client.len, bytes.data, bytes.len);
	client.len += bytes.len;
	return (true);
}

static bool
client_restart(void *context)
{
	(void)context;
	if (client.len > 2000)
		return (false);
	client.heads = 0;
	client.streams = 0;
	client.len = 0;
	return (true);
}

static bool
client_end(void *context, struct span last)
{
	assert_int_equal(client.fails, 0);
	client.ends++;
	return (client_body(context, last));
}

static void
client_hand_off(void *context)
{
	(void)context;
	assert_int_equal(client.heads, 1);
	assert_int_equal(client.len, 0);
	assert_int_equal(client.ends + client.fails, 0);
	client.hand_offs++;
}

static void
client_fail(void *context)
{
	(void)context;
	assert_int_equal(client.ends, 0);
	client.fails++;
}

/* ------------------------------------------------------------- the server */

static const struct request_sink sink = { client_head, client_stream,
	client_body, client_restart, client_end, client_hand_off, client_fail,
	NULL };
static struct cache_settings cache_settings = { .max_object = 1000,
	.lease_ms = 3000 };
static struct site sites[2];
static struct request_parts parts;
static struct request request;

static int
serve(void)
{
	return (request_serve(&parts, &request, &sink));
}

/* A GET of /a.png, an object "hello", no cache. */
static int
set_up(void **state)
{
	(void)state;
	log_threshold(LOG_LEVEL_ERROR);
	memset(&s3, 0, sizeof(s3));
	memset(&cached, 0, sizeof(cached));
	memset(&client, 0, sizeof(client));
	s3.body = "hello";
	s3.len = 5;
	s3.etag = ETAG;
	s3.size_known = true;
	now_ms = 1000;
	peer_gone = false;
	passed_on = 0;
	sites[0] = (struct site){ .name = (char *)"one",
		.bucket = (char *)"bucket",
		.check_etag = true };
	sites[1] = sites[0];
	sites[1].name = (char *)"two";
	parts = (struct request_parts){ .sites = sites,
		.n_sites = 2,
		.cache_settings = &cache_settings,
		.request_timeout_ms = 60000,
		.answer_timeout_ms = 20000 };
	request = (struct request){ .method = SPAN("GET"),
		.document_uri = SPAN("/a.png"),
		.peer_fd = -1,
		.started_ms = 1000 };
	return (0);
}

/* The played cache stands behind a pointer that is never followed. */
static void
use_cache(void)
{
	static char there;

	parts.cache = (struct cache *)&there;
	cached.lease = CACHE_LEASE_OURS;
}

/* The object is one that was a file, shown with nginx's ETag. */
static void
use_file(void)
{
	s3.mtime = FILE_MTIME;
	sites[0].etag = SITE_ETAG_NGINX;
}

/* A body over max_object. */
static void
use_large(void)
{
	static char large[LARGE];

	memset(large, 'x', sizeof(large));
	s3.body = large;
	s3.len = sizeof(large);
	s3.etag = "\"not-an-md5\"";
}

/* A large object that can be handed off, to one who asks GET. */
static void
use_handoff(void)
{
	use_large();
	s3.may_hand_off = true;
	sites[0].handoff = 2000;
	request.handoff = SPAN("@s3_object");
	request.client.method = SPAN("GET");
}

static bool
head_has(const char *line)
{
	char with_end[256];

	snprintf(with_end, sizeof(with_end), "%s\r\n", line);
	return (strstr(client.head, with_end) != NULL);
}

static void
assert_body(const char *body)
{
	assert_int_equal(client.len, strlen(body));
	assert_memory_equal(client.body, body, client.len);
	assert_int_equal(client.ends, 1);
}

/* ------------------------------------------------------------------ tests */

static void
get_is_answered_whole(void **state)
{
	(void)state;
	assert_int_equal(serve(), 200);
	assert_string_equal(s3.key, "a.png");
	assert_body("hello");
	assert_int_equal(passed_on, 0);
	assert_int_equal(client.streams, 0);
	assert_true(head_has("Content-Length: 5"));
	assert_true(head_has("Content-Type: image/png"));
	assert_true(head_has("ETag: " ETAG));
	assert_null(strstr(client.head, "X-Accel-Expires"));
}

static void
head_has_no_body(void **state)
{
	(void)state;
	request.method = SPAN("HEAD");
	request.range = SPAN("bytes=0-1");
	assert_int_equal(serve(), 200);
	assert_body("");
	assert_true(head_has("Content-Length: 5"));
}

static void
other_methods_touch_nothing(void **state)
{
	static const char *const methods[] = { "POST", "PUT", "DELETE", "get",
		"OPTIONS", "" };
	size_t i;

	for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		set_up(state);
		use_cache();
		request.method = span_of(methods[i]);
		assert_int_equal(serve(), 405);
		assert_true(head_has("Allow: GET, HEAD"));
		assert_int_equal(s3.fetches, 0);
		assert_int_equal(cached.looks, 0);
		/* It must come before any other header on caching. */
		assert_non_null(strstr(client.head, "X-Accel-Expires: 0\r\n"));
	}
}

static void
site_is_chosen_by_name(void **state)
{
	(void)state;
	request.site = SPAN("two");
	assert_int_equal(serve(), 200);
	assert_string_equal(s3.site, "two");
	set_up(state);
	assert_int_equal(serve(), 200);
	assert_string_equal(s3.site, "one");
	set_up(state);
	request.site = SPAN("three");
	assert_int_equal(serve(), 500);
	assert_int_equal(s3.fetches, 0);
}

static void
path_comes_from_the_best_name(void **state)
{
	static const struct {
		const char *document_uri, *script_name, *path_info,
		    *request_uri;
		int status;
		const char *key;
	} rows[] = {
		{ "/a%20b", "/x", "/y", "/z", 200, "a%20b" },
		{ NULL, "/x", "/y", "/z", 200, "x/y" },
		{ NULL, "/x", NULL, "/z", 200, "x" },
		{ NULL, NULL, "/y", "/z", 200, "y" },
		{ NULL, NULL, NULL, "/a%20b+c?d=e", 200, "a b+c" },
		{ NULL, NULL, NULL, "/a%2", 400, "" },
		{ NULL, NULL, NULL, "/a%zz", 400, "" },
		{ NULL, NULL, NULL, "/a%00b", 404, "" },
		{ NULL, NULL, NULL, "/a?%zz", 200, "a" },
		{ NULL, NULL, NULL, "/../a", 404, "" },
		{ NULL, NULL, NULL, NULL, 404, "" },
		{ "/", NULL, NULL, NULL, 404, "" },
		{ "/a/", NULL, NULL, NULL, 404, "" },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		set_up(state);
		request.document_uri = span_of(rows[i].document_uri);
		request.script_name = span_of(rows[i].script_name);
		request.path_info = span_of(rows[i].path_info);
		request.request_uri = span_of(rows[i].request_uri);
		assert_int_equal(serve(), rows[i].status);
		assert_string_equal(s3.key, rows[i].key);
		assert_int_equal(s3.fetches, rows[i].status == 200);
	}
}

/* Each row once from S3 and once from the cache: the same answer. */
static void
conditions_and_ranges(void **state)
{
	static const struct {
		const char *range, *if_none_match, *if_match, *if_range;
		int status;
		const char *body, *header;
	} rows[] = {
		{ "bytes=1-2", NULL, NULL, NULL, 206, "el",
		    "Content-Range: bytes 1-2/5" },
		{ "bytes=-2", NULL, NULL, NULL, 206, "lo",
		    "Content-Range: bytes 3-4/5" },
		{ "bytes=3-", NULL, NULL, NULL, 206, "lo",
		    "Content-Length: 2" },
		{ "bytes=0-1,3-4", NULL, NULL, NULL, 200, "hello",
		    "Content-Length: 5" },
		{ "bytes=9-", NULL, NULL, NULL, 416, NULL,
		    "Content-Range: bytes */5" },
		{ NULL, ETAG, NULL, NULL, 304, "", "ETag: " ETAG },
		{ NULL, "\"a\", W/" ETAG, NULL, NULL, 304, "", "ETag: " ETAG },
		{ NULL, "*", NULL, NULL, 304, "", "ETag: " ETAG },
		{ "bytes=1-2", ETAG, NULL, NULL, 304, "", "ETag: " ETAG },
		{ "bytes=9-", ETAG, NULL, NULL, 304, "", "ETag: " ETAG },
		{ NULL, "\"a\"", NULL, NULL, 200, "hello",
		    "Content-Length: 5" },
		{ NULL, NULL, "\"a\"", NULL, 412, NULL, "X-Accel-Expires: 0" },
		{ NULL, NULL, ETAG, NULL, 200, "hello", "Content-Length: 5" },
		{ "bytes=1-2", NULL, NULL, ETAG, 206, "el",
		    "Content-Range: bytes 1-2/5" },
		{ "bytes=1-2", NULL, NULL, "\"a\"", 200, "hello",
		    "Content-Length: 5" },
		{ "bytes=9-", NULL, NULL, "\"a\"", 200, "hello",
		    "Content-Length: 5" },
		{ "bytes=1-2", NULL, NULL, DATE, 206, "el",
		    "Content-Length: 2" },
	};
	size_t i;
	int from;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (from = 0; from < 3; from++) {
			set_up(state);
			if (from == 1) {
				use_cache();
				cached.hit_at_look = 1;
				cached.found = CACHE_HIT;
			}
			s3.ignores_range = from == 2;
			request.range = span_of(rows[i].range);
			request.conditions.if_none_match =
			    span_of(rows[i].if_none_match);
			request.conditions.if_match = span_of(rows[i].if_match);
			request.conditions.if_range = span_of(rows[i].if_range);
			assert_int_equal(serve(), rows[i].status);
			assert_true(head_has(rows[i].header));
			if (rows[i].body != NULL)
				assert_body(rows[i].body);
			assert_int_equal(client.ends, 1);
			assert_int_equal(s3.fetches > 0, from != 1);
		}
	}
}

static void
empty_object(void **state)
{
	(void)state;
	s3.len = 0;
	s3.etag = "\"d41d8cd98f00b204e9800998ecf8427e\"";
	assert_int_equal(serve(), 200);
	assert_body("");
	assert_true(head_has("Content-Length: 0"));
	set_up(state);
	s3.len = 0;
	request.range = SPAN("bytes=0-0");
	assert_int_equal(serve(), 416);
	assert_true(head_has("Content-Range: bytes */0"));
}

static void
miss_is_stored_after_the_answer(void **state)
{
	(void)state;
	use_cache();
	assert_int_equal(serve(), 200);
	assert_body("hello");
	assert_int_equal(cached.leased, 1);
	assert_int_equal(cached.looks, 1);
	assert_int_equal(cached.stored, 1);
	assert_string_equal(cached.stored_body, "hello");
	assert_int_equal(cached.released, 0);
	assert_true(head_has(
	    "Cache-Status: trys3; fwd=uri-miss; fwd-status=200; stored"));
}

static void
not_modified_is_stored_too(void **state)
{
	(void)state;
	use_cache();
	request.conditions.if_none_match = SPAN(ETAG);
	assert_int_equal(serve(), 304);
	assert_body("");
	assert_string_equal(cached.stored_body, "hello");
}

static void
client_that_left_is_stored_too(void **state)
{
	(void)state;
	use_cache();
	client.refuses = true;
	serve();
	assert_int_equal(cached.stored, 1);
}

static void
hit_asks_no_one(void **state)
{
	(void)state;
	use_cache();
	cached.hit_at_look = 1;
	cached.found = CACHE_HIT;
	assert_int_equal(serve(), 200);
	assert_body("hello");
	assert_true(head_has("Cache-Status: trys3; hit"));
	assert_int_equal(s3.fetches + cached.leased + cached.stored, 0);
}

static void
missing_is_remembered(void **state)
{
	(void)state;
	use_cache();
	s3.result = FETCH_MISSING;
	assert_int_equal(serve(), 404);
	assert_int_equal(cached.stored_missing, 1);
	assert_null(strstr(client.head, "X-Accel-Expires"));
	set_up(state);
	use_cache();
	cached.hit_at_look = 1;
	cached.found = CACHE_MISSING;
	assert_int_equal(serve(), 404);
	assert_int_equal(s3.fetches, 0);
	assert_null(strstr(client.head, "X-Accel-Expires"));
}

static void
parts_and_heads_are_not_stored(void **state)
{
	(void)state;
	use_cache();
	request.range = SPAN("bytes=1-2");
	assert_int_equal(serve(), 206);
	assert_int_equal(cached.leased + cached.stored, 0);
	assert_non_null(strstr(client.head, "fwd=uri-miss; fwd-status=200"));
	set_up(state);
	use_cache();
	request.method = SPAN("HEAD");
	assert_int_equal(serve(), 200);
	assert_int_equal(cached.leased + cached.stored, 0);
}

/* Another has the lease, which is asked for so many TIMES, until, at the look AT,
 * the object is there. */
static void
serve_what_another_stores(unsigned times, unsigned at)
{
	cached.other_leases = times;
	cached.hit_at_look = at;
	cached.found = CACHE_HIT;
	assert_int_equal(serve(), 200);
	assert_body("hello");
	assert_int_equal(s3.fetches, 0);
}

static void
one_fetches_the_others_wait(void **state)
{
	(void)state;
	use_cache();
	cached.unfound = CACHE_LEASED;
	serve_what_another_stores(3, 4);
	assert_non_null(strstr(client.head, "; collapsed"));
}

/* The lease is refused once, and at the look AT, which comes right behind that,
 * the object is there: nobody has waited, and it is a hit. */
static void
find_at_once(unsigned at)
{
	int64_t began_ms = now_ms;

	serve_what_another_stores(1, at);
	assert_int_equal(now_ms, began_ms);
	assert_true(head_has("Cache-Status: trys3; hit"));
}

/* Between the look and the wish for the lease. */
static void
what_was_stored_meanwhile_is_found_at_once(void **state)
{
	(void)state;
	use_cache();
	find_at_once(2);
}

/* The lease alone tells that nothing is there. */
static void
who_expects_a_miss_does_not_look(void **state)
{
	(void)state;
	use_cache();
	cached.expects_miss = true;
	assert_int_equal(serve(), 200);
	assert_int_equal(cached.looks, 0);
	assert_int_equal(cached.leased, 1);
	assert_int_equal(cached.stored, 1);
	assert_true(head_has("Cache-Status: trys3; fwd=uri-miss; "
			     "fwd-status=200; stored"));
}

/* What is there after all refuses the lease, and is found by the first look. */
static void
who_expects_a_miss_in_vain_looks(void **state)
{
	(void)state;
	use_cache();
	cached.expects_miss = true;
	find_at_once(1);
}

/* They take no lease, so they look. */
static void
parts_and_heads_expect_nothing(void **state)
{
	static const char *const methods[] = { "GET", "HEAD" };

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		set_up(state);
		use_cache();
		cached.expects_miss = true;
		request.method = span_of(methods[i]);
		request.range = SPAN("bytes=1-2");
		assert_int_equal(serve(), i == 0 ? 206 : 200);
		assert_int_equal(cached.looks, 1);
		assert_int_equal(cached.leased, 0);
	}
}

static void
waiting_ends(void **state)
{
	(void)state;
	use_cache();
	cached.other_leases = 1000000;
	assert_int_equal(serve(), 200);
	assert_int_equal(s3.fetches, 1);
	assert_true(now_ms >= 4000 && now_ms < 4200);
	set_up(state);
	use_cache();
	cached.other_leases = 1;
	peer_gone = true;
	assert_int_equal(serve(), 499);
	assert_int_equal(s3.fetches + client.heads, 0);
}

static void
lease_is_given_back(void **state)
{
	static const enum fetch_result results[] = { FETCH_REFUSED,
		FETCH_UNAVAILABLE, FETCH_PEER_GONE };
	static const int statuses[] = { 500, 503, 499 };
	size_t i;

	for (i = 0; i < 3; i++) {
		set_up(state);
		use_cache();
		s3.result = results[i];
		assert_int_equal(serve(), statuses[i]);
		assert_int_equal(cached.released, 1);
		assert_int_equal(cached.stored + cached.stored_missing, 0);
		if (statuses[i] == 499)
			continue;
		assert_non_null(strstr(client.head, "X-Accel-Expires: 0\r\n"));
		assert_int_equal(strstr(client.head, "Retry-After: ") != NULL,
		    statuses[i] == 503);
	}
}

/* Whatever is there but an answer is a miss to the client, and told to who
 * gives leases. */
static void
what_is_no_answer_is_a_miss(void **state)
{
	static const enum cache_found found[] = { CACHE_MISS, CACHE_USELESS,
		CACHE_LEASED, CACHE_PASSED };

	for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
		set_up(state);
		use_cache();
		cached.unfound = found[i];
		assert_int_equal(serve(), 200);
		assert_body("hello");
		assert_int_equal(cached.leased, 1);
		assert_int_equal(s3.fetches, 1);
		assert_non_null(strstr(client.head, "fwd=uri-miss"));
	}
}

static void
large_is_streamed(void **state)
{
	(void)state;
	use_cache();
	use_large();
	assert_int_equal(serve(), 200);
	assert_int_equal(client.len, LARGE);
	assert_int_equal(client.ends, 1);
	assert_int_equal(cached.passed, 1);
	assert_int_equal(passed_on, 1);
	assert_int_equal(client.streams, 1);
	assert_int_equal(cached.stored, 0);
	assert_true(head_has("Content-Length: 5000"));
}

static void
large_that_breaks_is_failed(void **state)
{
	(void)state;
	use_large();
	s3.result = FETCH_UNAVAILABLE;
	s3.break_after = 3000;
	assert_int_equal(serve(), 200);
	assert_int_equal(client.ends, 0);
	assert_int_equal(client.fails, 1);
}

static void
large_that_breaks_at_once_is_503(void **state)
{
	(void)state;
	use_cache();
	use_large();
	s3.result = FETCH_UNAVAILABLE;
	s3.break_after = 1500;
	assert_int_equal(serve(), 503);
	assert_int_equal(client.ends, 1);
	assert_int_equal(client.fails, 0);
	assert_non_null(strstr(client.head, "Retry-After: "));
	assert_null(strstr(client.head, "Content-Length: 5000"));
}

static void
small_that_breaks_is_503(void **state)
{
	(void)state;
	s3.result = FETCH_UNAVAILABLE;
	s3.break_after = 3;
	assert_int_equal(serve(), 503);
	assert_int_equal(client.ends, 1);
	assert_null(strstr(client.head, "ETag"));
}

static void
large_conditions(void **state)
{
	(void)state;
	use_large();
	request.conditions.if_none_match = SPAN("*");
	assert_int_equal(serve(), 304);
	assert_body("");
	set_up(state);
	use_large();
	request.range = SPAN("bytes=0-2999");
	assert_int_equal(serve(), 206);
	assert_int_equal(client.len, 3000);
	set_up(state);
	use_large();
	s3.ignores_range = true;
	request.range = SPAN("bytes=0-2999");
	assert_int_equal(serve(), 200);
	assert_int_equal(client.len, LARGE);
}

static void
damaged_body_is_never_answered(void **state)
{
	(void)state;
	s3.body = "jello";
	s3.second_body = "hello";
	assert_int_equal(serve(), 200);
	assert_body("hello");
	assert_int_equal(s3.fetches, 2);
	set_up(state);
	use_cache();
	s3.body = "jello";
	assert_int_equal(serve(), 503);
	assert_int_equal(s3.fetches, 2);
	assert_int_equal(cached.stored, 0);
	assert_int_equal(cached.released, 1);
	set_up(state);
	s3.body = "jello";
	sites[0].check_etag = false;
	assert_int_equal(serve(), 200);
	assert_body("jello");
}

static void
length_that_is_not_said(void **state)
{
	(void)state;
	use_cache();
	s3.size_known = false;
	assert_int_equal(serve(), 200);
	assert_true(head_has("Content-Length: 5"));
	assert_int_equal(cached.stored, 1);
	set_up(state);
	s3.size_known = false;
	use_large();
	assert_int_equal(serve(), 200);
	assert_null(strstr(client.head, "Content-Length"));
	assert_int_equal(client.len, LARGE);
	assert_int_equal(client.ends, 1);
}

/* Each row once from S3, once from the cache and, but for parts, which have a
 * length, once from an S3 that sends none: the same answer. */
static void
a_file_that_moved_is_answered_as_before(void **state)
{
	static const struct {
		const char *range, *if_none_match, *if_modified_since,
		    *if_range;
		int status;
		const char *body;
	} rows[] = {
		{ NULL, NULL, NULL, NULL, 200, "hello" },
		{ "bytes=1-2", NULL, NULL, NULL, 206, "el" },
		{ NULL, FILE_ETAG, NULL, NULL, 304, "" },
		{ NULL, "W/" FILE_ETAG, NULL, NULL, 304, "" },
		{ NULL, ETAG, NULL, NULL, 200, "hello" },
		{ NULL, NULL, FILE_DATE, NULL, 304, "" },
		{ NULL, NULL, DATE, NULL, 200, "hello" },
		{ "bytes=1-2", NULL, NULL, FILE_ETAG, 206, "el" },
		{ "bytes=1-2", NULL, NULL, FILE_DATE, 206, "el" },
		{ "bytes=1-2", NULL, NULL, ETAG, 200, "hello" },
		{ "bytes=1-2", NULL, NULL, DATE, 200, "hello" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int from = 0; from < 3; from++) {
			if (from == 2 && rows[i].range != NULL)
				continue;
			set_up(state);
			use_file();
			if (from == 1) {
				use_cache();
				cached.hit_at_look = 1;
				cached.found = CACHE_HIT;
			}
			s3.size_known = from != 2;
			request.range = span_of(rows[i].range);
			request.conditions.if_none_match =
			    span_of(rows[i].if_none_match);
			request.conditions.if_modified_since =
			    span_of(rows[i].if_modified_since);
			request.conditions.if_range = span_of(rows[i].if_range);
			assert_int_equal(serve(), rows[i].status);
			assert_body(rows[i].body);
			assert_true(head_has("Last-Modified: " FILE_DATE));
			/* 304 by the date needs no length, and waits for
			 * none. */
			if (from != 2 || rows[i].status != 304 ||
			    rows[i].if_modified_since == NULL)
				assert_true(head_has("ETag: " FILE_ETAG));
			assert_null(strstr(client.head, ETAG));
			assert_null(strstr(client.head, "amz"));
		}
	}
}

static void
a_file_keeps_the_etag_of_s3_unless_told(void **state)
{
	(void)state;
	use_file();
	sites[0].etag = SITE_ETAG_S3;
	assert_int_equal(serve(), 200);
	assert_true(head_has("Last-Modified: " FILE_DATE));
	assert_true(head_has("ETag: " ETAG));
	set_up(state);
	use_file();
	s3.mtime = "-1";
	assert_int_equal(serve(), 200);
	assert_true(head_has("Last-Modified: " DATE));
	assert_true(head_has("ETag: " ETAG));
}

/* So that another setting needs no other cache, and a body is still held
 * against what S3 says of it. */
static void
what_s3_said_is_stored_and_checked(void **state)
{
	(void)state;
	use_file();
	use_cache();
	s3.body = "jello";
	s3.second_body = "hello";
	assert_int_equal(serve(), 200);
	assert_body("hello");
	assert_int_equal(s3.fetches, 2);
	assert_true(head_has("ETag: " FILE_ETAG));
	assert_string_equal(cached.stored_etag, ETAG);
	assert_string_equal(cached.stored_modified, DATE);
}

static void
a_files_etag_needs_its_size(void **state)
{
	(void)state;
	use_file();
	use_large();
	s3.size_known = false;
	assert_int_equal(serve(), 200);
	assert_int_equal(client.len, LARGE);
	assert_null(strstr(client.head, "ETag"));
	assert_true(head_has("Last-Modified: " FILE_DATE));
	set_up(state);
	use_file();
	s3.size_known = false;
	request.method = SPAN("HEAD");
	assert_int_equal(serve(), 200);
	assert_null(strstr(client.head, "ETag"));
	set_up(state);
	use_file();
	request.method = SPAN("HEAD");
	assert_int_equal(serve(), 200);
	assert_true(head_has("ETag: " FILE_ETAG));
	set_up(state);
	use_file();
	use_large();
	request.range = SPAN("bytes=0-2999");
	assert_int_equal(serve(), 206);
	assert_true(head_has("ETag: \"50b50329-1388\""));
}

static void
large_is_handed_off(void **state)
{
	(void)state;
	use_handoff();
	use_cache();
	assert_int_equal(serve(), 200);
	assert_int_equal(client.hand_offs, 1);
	assert_int_equal(passed_on, 0);
	assert_int_equal(cached.passed, 1);
	assert_int_equal(cached.stored + cached.released, 0);
	assert_string_equal(client.head,
	    "Status: 200 OK\r\n"
	    "X-Accel-Expires: 0\r\n"
	    "X-Accel-Redirect: @s3_object\r\n"
	    "Content-Length: 5000\r\n"
	    "X-Trys3-Host: s3.example.com\r\n"
	    "X-Trys3-Target: /a.png?signed\r\n"
	    "X-Trys3-If-Match: \"not-an-md5\"\r\n"
	    "X-Trys3-ETag: \"not-an-md5\"\r\n"
	    "X-Trys3-Last-Modified: " DATE "\r\n"
	    "X-Trys3-Cache-Status: trys3; fwd=uri-miss; fwd-status=200\r\n"
	    "\r\n");
}

/* Each of them streams, as if there were no hand-off. */
static void
what_is_not_handed_off(void **state)
{
	static char much[ANSWER_HEAD_MAX - 300];
	enum { N = 9 };

	memset(much, 'y', sizeof(much) - 1);
	for (int i = 0; i < N; i++) {
		set_up(state);
		use_handoff();
		switch (i) {
		case 0: /* nginx cannot */
			request.handoff = span_of(NULL);
			break;
		case 1: /* headers that nginx would show; off; small */
			s3.may_hand_off = false;
			break;
		case 2:
			sites[0].handoff = LARGE;
			break;
		case 3:
			s3.etag = "W/\"weak\"";
			break;
		case 4:
			s3.etag = NULL;
			break;
		case 5:
			s3.size_known = false;
			break;
		case 6:
			s3.has_no_keys = true;
			break;
		case 7:
			request.client.method = span_of(NULL);
			break;
		case 8: /* room for the answer, none for the URL */
			s3.disposition = much;
			break;
		}
		print_message("%d\n", i);
		assert_int_equal(serve(), 200);
		assert_int_equal(client.hand_offs, 0);
		assert_int_equal(client.len, LARGE);
		assert_int_equal(client.ends, 1);
		assert_null(strstr(client.head, "X-"));
	}
}

/* The web server has a cache and asks for all of it; what its client asked is
 * judged. */
static void
handed_off_is_judged_by_what_the_client_asked(void **state)
{
	static const struct {
		const char *method, *range, *none_match, *if_range;
		int status;
		const char *part; /* asked for; NULL: none is handed off */
	} rows[] = {
		{ "GET", "bytes=10-4000", NULL, NULL, 206, "bytes=10-4000" },
		{ "GET", "bytes=-7", NULL, NULL, 206, "bytes=4993-4999" },
		{ "GET", "bytes=5000-", NULL, NULL, 416, NULL },
		{ "GET", "bytes=0-9", NULL, "\"x\"", 200, "" },
		{ "GET", "bytes=0-9", "*", NULL, 304, NULL },
		{ "GET", "bytes=0-1,3-4", NULL, NULL, 200, "" },
		{ "HEAD", "bytes=0-9", NULL, NULL, 200, NULL },
		{ "HEAD", NULL, "\"not-an-md5\"", NULL, 304, NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct request_client *client_asked = &request.client;
		char line[64];

		set_up(state);
		use_handoff();
		client_asked->method = span_of(rows[i].method);
		client_asked->range = span_of(rows[i].range);
		client_asked->conditions.if_none_match =
		    span_of(rows[i].none_match);
		client_asked->conditions.if_range = span_of(rows[i].if_range);
		assert_int_equal(serve(), rows[i].status);
		assert_int_equal(client.hand_offs, rows[i].part != NULL);
		assert_int_equal(client.ends, rows[i].part == NULL);
		assert_true(head_has("X-Accel-Expires: 0"));
		assert_int_equal(strstr(client.head, "X-Trys3-Target") != NULL,
		    rows[i].part != NULL);
		if (rows[i].part == NULL)
			continue;
		snprintf(line, sizeof(line), "X-Trys3-Range: %s", rows[i].part);
		assert_int_equal(head_has(line), rows[i].part[0] != '\0');
	}
}

/* A part that was asked for by itself is measured by itself. */
static void
parts_are_handed_off(void **state)
{
	use_handoff();
	request.range = request.client.range = SPAN("bytes=1-3000");
	assert_int_equal(serve(), 206);
	assert_int_equal(client.hand_offs, 1);
	assert_true(head_has("X-Trys3-Range: bytes=1-3000"));
	set_up(state);
	use_handoff();
	request.range = request.client.range = SPAN("bytes=1-2000");
	assert_int_equal(serve(), 206);
	assert_int_equal(client.hand_offs, 0);
	assert_int_equal(client.len, 2000);
	set_up(state);
	use_handoff();
	request.method = SPAN("HEAD");
	request.client.method = SPAN("HEAD");
	assert_int_equal(serve(), 200);
	assert_int_equal(client.hand_offs, 0);
	assert_true(head_has("Content-Length: 5000"));
}

static void
headers_that_do_not_fit(void **state)
{
	static char much[ANSWER_HEAD_MAX + 1];

	memset(much, 'y', sizeof(much) - 1);
	s3.disposition = much;
	assert_int_equal(serve(), 500);
	assert_int_equal(client.heads, 1);
	assert_int_equal(client.ends, 1);
	set_up(state);
	use_large();
	s3.disposition = much;
	assert_int_equal(serve(), 500);
	assert_int_equal(client.ends, 1);
	assert_int_equal(client.fails, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(get_is_answered_whole),
		TEST(head_has_no_body),
		TEST(other_methods_touch_nothing),
		TEST(site_is_chosen_by_name),
		TEST(path_comes_from_the_best_name),
		TEST(conditions_and_ranges),
		TEST(empty_object),
		TEST(miss_is_stored_after_the_answer),
		TEST(not_modified_is_stored_too),
		TEST(client_that_left_is_stored_too),
		TEST(hit_asks_no_one),
		TEST(missing_is_remembered),
		TEST(parts_and_heads_are_not_stored),
		TEST(one_fetches_the_others_wait),
		TEST(what_was_stored_meanwhile_is_found_at_once),
		TEST(who_expects_a_miss_does_not_look),
		TEST(who_expects_a_miss_in_vain_looks),
		TEST(parts_and_heads_expect_nothing),
		TEST(waiting_ends),
		TEST(lease_is_given_back),
		TEST(what_is_no_answer_is_a_miss),
		TEST(large_is_streamed),
		TEST(large_that_breaks_is_failed),
		TEST(large_that_breaks_at_once_is_503),
		TEST(small_that_breaks_is_503),
		TEST(large_conditions),
		TEST(damaged_body_is_never_answered),
		TEST(length_that_is_not_said),
		TEST(a_file_that_moved_is_answered_as_before),
		TEST(a_file_keeps_the_etag_of_s3_unless_told),
		TEST(what_s3_said_is_stored_and_checked),
		TEST(a_files_etag_needs_its_size),
		TEST(large_is_handed_off),
		TEST(what_is_not_handed_off),
		TEST(handed_off_is_judged_by_what_the_client_asked),
		TEST(parts_are_handed_off),
		TEST(headers_that_do_not_fit),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

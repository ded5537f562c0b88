/*
 * The proof (src/offload/prove.h): every lie of a store, and what is asked in
 * which order.  s3/fetch is played by this file; the local file is a real one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "offload/prove.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

#define SHA256 \
	"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
#define ANOTHER \
	"3cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

enum { NOW_MS = 5000, PATIENCE_MS = 4711, ASKED_MAX = 4 };

/* --------------------------------------------------------- the played reader */

/* What comes of one fetch; of no head_size there is no head. */
struct played {
	enum fetch_result result;
	int64_t head_size;
	bool hides_size;
	const char *sha256; /* NULL: none */
	const char *etag;
	struct span body;
	size_t piece; /* 0: all at once */
	int begun;    /* anew: so many times before, each after half of it */
	const char *code;
};

static struct played plays[ASKED_MAX];
static struct fetch_request asked[ASKED_MAX];
static size_t n_asked;
static unsigned passed_on;
static uint64_t moved, throttled;

enum fetch_result
__wrap_fetch_object(struct fetch *fetch, const struct fetch_request *request,
    const struct fetch_sink *sink, struct fetch_report *report);
void __wrap_fetch_pass_on(struct fetch *fetch);
int64_t __wrap_clock_monotonic_ms(void);
void __wrap_report_moved(struct report *report, uint64_t bytes);
void __wrap_throttle_take(struct throttle *throttle, size_t bytes);

void
__wrap_fetch_pass_on(struct fetch *fetch)
{
	(void)fetch;
	passed_on++;
}

int64_t
__wrap_clock_monotonic_ms(void)
{
	return (NOW_MS);
}

void
__wrap_report_moved(struct report *report, uint64_t bytes)
{
	assert_non_null(report);
	moved += bytes;
}

void
__wrap_throttle_take(struct throttle *throttle, size_t bytes)
{
	(void)throttle;
	throttled += bytes;
}

static bool
give(const struct played *play, const struct fetch_sink *sink, size_t len)
{
	struct span left = { play->body.data, len };

	while (left.len > 0) {
		struct span piece = left;

		if (play->piece > 0 && play->piece < left.len)
			piece.len = play->piece;
		if (!sink->body(sink->context, piece))
			return (false);
		left = span_skip(left, piece.len);
	}
	return (true);
}

static enum fetch_wish
give_head(const struct played *play, const struct fetch_sink *sink)
{
	struct metadata metadata;
	struct fetch_head head = {
		.metadata = &metadata,
		.size_known = !play->hides_size,
		.fit = RANGE_FIT_WHOLE,
	};

	metadata_init(&metadata);
	metadata.size = (uint64_t)play->head_size;
	metadata.field[METADATA_SHA256] = span_of(play->sha256);
	metadata.field[METADATA_ETAG] = span_of(play->etag);
	return (sink->begin(sink->context, &head));
}

enum fetch_result
__wrap_fetch_object(struct fetch *fetch, const struct fetch_request *request,
    const struct fetch_sink *sink, struct fetch_report *report)
{
	const struct played *play = &plays[n_asked];

	(void)fetch;
	assert_true(n_asked < ASKED_MAX);
	asked[n_asked++] = *request;
	*report = (struct fetch_report){ .attempts = 1, .status = 404 };
	s3_error_init(&report->error);
	snprintf(report->error.code, sizeof(report->error.code), "%s",
	    play->code != NULL ? play->code : "");
	snprintf(report->reason, sizeof(report->reason), "S3 said no");
	if (play->head_size < 0)
		return (play->result);
	for (int i = 0; i < play->begun; i++) {
		assert_int_equal(give_head(play, sink), FETCH_GO_ON);
		assert_true(give(play, sink, play->body.len / 2));
	}
	if (give_head(play, sink) == FETCH_ENOUGH)
		return (FETCH_CUT);
	if (!request->head_only && !give(play, sink, play->body.len))
		return (FETCH_PEER_GONE);
	return (play->result);
}

/* ------------------------------------------------------------ surroundings */

static struct site site;
static int fd;
static char room[CREW_ROOM];
static struct hand hand = { .room = room };

static int
setup(void **state)
{
	char path[] = "/tmp/test_prove.XXXXXX";

	(void)state;
	fd = mkstemp(path);
	unlink(path);
	memset(plays, 0, sizeof(plays));
	n_asked = 0;
	passed_on = 0;
	moved = throttled = 0;
	return (fd >= 0 && write(fd, "hello", 5) == 5 ? 0 : -1);
}

static int
teardown(void **state)
{
	(void)state;
	close(fd);
	return (0);
}

static struct prove_order
make_order(enum prove_depth depth)
{
	return ((struct prove_order){
	    .site = &site,
	    .key = SPAN("a/k"),
	    .fd = fd,
	    .size = 5,
	    .sha256 = SHA256,
	    .who = "reader",
	    .depth = depth,
	    .head_first = true,
	    .patience_ms = PATIENCE_MS,
	});
}

/* As it should be. */
#define GOOD                                                       \
	{                                                          \
		.head_size = 5, .sha256 = SHA256, .etag = "\"t\"", \
		.body = { "hello", 5 },                            \
	}

/* ------------------------------------------------------------------- tests */

#define HAS    "the object \"a/k\" has "
#define CANNOT "the reader cannot get the object \"a/k\": S3 said no"
#define NO_DIGEST                                                              \
	"the object \"a/k\" was stored by another program, without a digest: " \
	"only verify = read can tell whether it is the file"

static void
test_lies(void **state)
{
	static const struct {
		const char *name;
		enum prove_depth depth;
		struct played plays[2];
		enum prove_result result;
		size_t asked;
		const char *reason;
	} rows[] = {
		{ "true", PROVE_BY_READING, { GOOD, GOOD }, PROVE_HOLDS, 2,
		    "" },
		{ "true, a byte at a time", PROVE_BY_READING,
		    { GOOD,
			{ .head_size = 5,
			    .sha256 = SHA256,
			    .body = { "hello", 5 },
			    .piece = 1 } },
		    PROVE_HOLDS, 2, "" },
		{ "true, begun anew", PROVE_BY_READING,
		    { GOOD,
			{ .head_size = 5,
			    .sha256 = SHA256,
			    .body = { "hello", 5 },
			    .begun = 2 } },
		    PROVE_HOLDS, 2, "" },
		{ "true, without a digest", PROVE_BY_READING,
		    { { .head_size = 5 },
			{ .head_size = 5, .body = { "hello", 5 } } },
		    PROVE_HOLDS, 2, "" },

		/* What the head says. */
		{ "missing", PROVE_BY_READING,
		    { { .head_size = -1,
			.result = FETCH_MISSING,
			.code = "NoSuchKey" } },
		    PROVE_MISSING, 1,
		    "for the reader there is no object \"a/k\" (status 404 "
		    "NoSuchKey)" },
		{ "missing, without a code", PROVE_BY_HEAD,
		    { { .head_size = -1, .result = FETCH_MISSING } },
		    PROVE_MISSING, 1,
		    "for the reader there is no object \"a/k\" (status 404)" },
		{ "refused", PROVE_BY_READING,
		    { { .head_size = -1, .result = FETCH_REFUSED } },
		    PROVE_FAILED, 1, CANNOT },
		{ "no answer", PROVE_BY_HEAD,
		    { { .head_size = -1, .result = FETCH_UNAVAILABLE } },
		    PROVE_FAILED, 1, CANNOT },
		{ "a head that breaks off", PROVE_BY_HEAD,
		    { { .head_size = 5,
			.sha256 = SHA256,
			.result = FETCH_UNAVAILABLE } },
		    PROVE_FAILED, 1, CANNOT },
		{ "shorter", PROVE_BY_READING,
		    { { .head_size = 4, .sha256 = SHA256 } }, PROVE_DIFFERS, 1,
		    HAS "4 bytes, where the file has 5" },
		{ "longer", PROVE_BY_HEAD,
		    { { .head_size = 6, .sha256 = SHA256 } }, PROVE_DIFFERS, 1,
		    HAS "6 bytes, where the file has 5" },
		{ "empty", PROVE_BY_HEAD,
		    { { .head_size = 0, .sha256 = SHA256 } }, PROVE_DIFFERS, 1,
		    HAS "0 bytes, where the file has 5" },
		{ "without a size", PROVE_BY_HEAD,
		    { { .head_size = 5,
			.hides_size = true,
			.sha256 = SHA256 } },
		    PROVE_DIFFERS, 1, HAS "no size that S3 would tell" },
		{ "another digest", PROVE_BY_HEAD,
		    { { .head_size = 5, .sha256 = ANOTHER } }, PROVE_DIFFERS, 1,
		    HAS "another SHA-256 than the file" },
		{ "another digest, and the right bytes", PROVE_BY_READING,
		    { { .head_size = 5,
			.sha256 = ANOTHER,
			.body = { "hello", 5 } } },
		    PROVE_DIFFERS, 1, HAS "another SHA-256 than the file" },
		{ "half a digest", PROVE_BY_HEAD,
		    { { .head_size = 5, .sha256 = "2cf2" } }, PROVE_DIFFERS, 1,
		    HAS "another SHA-256 than the file" },
		{ "an empty digest", PROVE_BY_HEAD,
		    { { .head_size = 5, .sha256 = "" } }, PROVE_DIFFERS, 1,
		    HAS "another SHA-256 than the file" },

		/* What is read. */
		{ "missing after all", PROVE_BY_READING,
		    { GOOD, { .head_size = -1, .result = FETCH_MISSING } },
		    PROVE_MISSING, 2,
		    "for the reader there is no object \"a/k\" (status 404)" },
		{ "refused after all", PROVE_BY_READING,
		    { GOOD, { .head_size = -1, .result = FETCH_REFUSED } },
		    PROVE_FAILED, 2, CANNOT },
		{ "other bytes", PROVE_BY_READING,
		    { GOOD,
			{ .head_size = 5,
			    .sha256 = SHA256,
			    .body = { "hellO", 5 } } },
		    PROVE_DIFFERS, 2, HAS "other bytes" },
		{ "the first is another", PROVE_BY_READING,
		    { GOOD,
			{ .head_size = 5,
			    .sha256 = SHA256,
			    .body = { "Hello", 5 },
			    .piece = 1 } },
		    PROVE_DIFFERS, 2, HAS "other bytes" },
		{ "another size after all", PROVE_BY_READING,
		    { GOOD,
			{ .head_size = 4,
			    .sha256 = SHA256,
			    .body = { "hell", 4 } } },
		    PROVE_DIFFERS, 2, HAS "4 bytes, where the file has 5" },
		{ "another digest after all", PROVE_BY_READING,
		    { GOOD,
			{ .head_size = 5,
			    .sha256 = ANOTHER,
			    .body = { "hello", 5 } } },
		    PROVE_DIFFERS, 2, HAS "another SHA-256 than the file" },
		{ "fewer bytes than it said", PROVE_BY_READING,
		    { GOOD,
			{ .head_size = 5,
			    .sha256 = SHA256,
			    .body = { "hell", 4 } } },
		    PROVE_DIFFERS, 2, HAS "fewer bytes than the file" },
		{ "no bytes", PROVE_BY_READING,
		    { GOOD, { .head_size = 5, .sha256 = SHA256 } },
		    PROVE_DIFFERS, 2, HAS "fewer bytes than the file" },
		{ "more bytes than it said", PROVE_BY_READING,
		    { GOOD,
			{ .head_size = 5,
			    .sha256 = SHA256,
			    .body = { "hello!", 6 } } },
		    PROVE_FAILED, 2,
		    "the file cannot be read any more: it has become "
		    "shorter" },
		{ "broken off for good", PROVE_BY_READING,
		    { GOOD,
			{ .head_size = 5,
			    .sha256 = SHA256,
			    .body = { "hel", 3 },
			    .result = FETCH_UNAVAILABLE } },
		    PROVE_FAILED, 2, CANNOT },

		/* Not read. */
		{ "the head is enough", PROVE_BY_HEAD, { GOOD }, PROVE_HOLDS, 1,
		    "" },
		{ "a head without a digest", PROVE_BY_HEAD,
		    { { .head_size = 5 } }, PROVE_UNSURE, 1, NO_DIGEST },
		{ "as needed: a digest", PROVE_AS_NEEDED, { GOOD }, PROVE_HOLDS,
		    1, "" },
		{ "as needed: none", PROVE_AS_NEEDED,
		    { { .head_size = 5 },
			{ .head_size = 5, .body = { "hello", 5 } } },
		    PROVE_HOLDS, 2, "" },
		{ "as needed: none, and other bytes", PROVE_AS_NEEDED,
		    { { .head_size = 5 },
			{ .head_size = 5, .body = { "olleh", 5 } } },
		    PROVE_DIFFERS, 2, HAS "other bytes" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct prove_order order = make_order(rows[i].depth);
		struct prove_found found;

		print_message("%s\n", rows[i].name);
		memcpy(plays, rows[i].plays, sizeof(rows[i].plays));
		n_asked = 0;
		assert_int_equal(prove(&order, &hand, &found), rows[i].result);
		assert_string_equal(found.reason, rows[i].reason);
		assert_int_equal(found.is_forbidden,
		    plays[rows[i].asked - 1].result == FETCH_REFUSED);
		assert_int_equal(n_asked, rows[i].asked);
		/* First the head, then all of it. */
		for (size_t at = 0; at < n_asked; at++) {
			const struct fetch_request *request = &asked[at];

			assert_int_equal(request->head_only, at == 0);
			assert_int_equal(request->get_follows,
			    at == 0 && rows[i].depth == PROVE_BY_READING);
			assert_int_equal(request->range.kind, RANGE_WHOLE);
			assert_true(span_equal(request->key, SPAN("a/k")));
			assert_ptr_equal(request->site, &site);
			assert_int_equal(request->peer_fd, -1);
			assert_true(request->answer_deadline_ms ==
			    NOW_MS + PATIENCE_MS);
			assert_true(request->deadline_ms > NOW_MS + 86400000);
		}
	}
}

/* A small object is read at once: its own head is judged, before a byte. */
static void
test_no_head_first(void **state)
{
	static const struct {
		const char *name;
		struct played play;
		enum prove_result result;
		const char *reason;
	} rows[] = {
		{ "true", GOOD, PROVE_HOLDS, "" },
		{ "without a digest",
		    { .head_size = 5, .body = { "hello", 5 } }, PROVE_HOLDS,
		    "" },
		{ "missing", { .head_size = -1, .result = FETCH_MISSING },
		    PROVE_MISSING,
		    "for the reader there is no object \"a/k\" (status 404)" },
		{ "refused", { .head_size = -1, .result = FETCH_REFUSED },
		    PROVE_FAILED, CANNOT },
		{ "another size",
		    { .head_size = 4, .sha256 = SHA256, .body = { "hell", 4 } },
		    PROVE_DIFFERS, HAS "4 bytes, where the file has 5" },
		{ "another digest",
		    { .head_size = 5,
			.sha256 = ANOTHER,
			.body = { "hello", 5 } },
		    PROVE_DIFFERS, HAS "another SHA-256 than the file" },
		{ "other bytes",
		    { .head_size = 5,
			.sha256 = SHA256,
			.body = { "hellO", 5 } },
		    PROVE_DIFFERS, HAS "other bytes" },
		{ "fewer bytes",
		    { .head_size = 5, .sha256 = SHA256, .body = { "hell", 4 } },
		    PROVE_DIFFERS, HAS "fewer bytes than the file" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct prove_order order = make_order(PROVE_BY_READING);
		struct prove_found found;

		print_message("%s\n", rows[i].name);
		order.head_first = false;
		plays[0] = rows[i].play;
		n_asked = 0;
		assert_int_equal(prove(&order, &hand, &found), rows[i].result);
		assert_string_equal(found.reason, rows[i].reason);
		assert_int_equal(n_asked, 1);
		assert_false(asked[0].head_only);
	}
}

static void
test_look(void **state)
{
	static const struct {
		const char *name;
		struct played play;
		enum prove_result result;
		bool has_digest;
	} rows[] = {
		{ "true", GOOD, PROVE_HOLDS, true },
		{ "without a digest", { .head_size = 5 }, PROVE_HOLDS, false },
		{ "another", { .head_size = 5, .sha256 = ANOTHER },
		    PROVE_DIFFERS, true },
		{ "shorter", { .head_size = 1 }, PROVE_DIFFERS, false },
		{ "missing", { .head_size = -1, .result = FETCH_MISSING },
		    PROVE_MISSING, false },
		{ "no answer", { .head_size = -1, .result = FETCH_UNAVAILABLE },
		    PROVE_FAILED, false },
		{ "refused", { .head_size = -1, .result = FETCH_REFUSED },
		    PROVE_FAILED, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct prove_order order = make_order(PROVE_BY_READING);
		struct prove_found found;
		bool has_digest = !rows[i].has_digest;

		print_message("%s\n", rows[i].name);
		plays[0] = rows[i].play;
		n_asked = 0;
		assert_int_equal(prove_look(&order, &hand, &has_digest, &found),
		    rows[i].result);
		assert_int_equal(has_digest, rows[i].has_digest);
		assert_int_equal(n_asked, 1);
		assert_true(asked[0].head_only);
		assert_false(asked[0].get_follows);
		assert_int_equal(
		    found.reason[0] == '\0', rows[i].result == PROVE_HOLDS);
		assert_int_equal(
		    found.is_forbidden, rows[i].play.result == FETCH_REFUSED);
	}
}

/* The reason says who asked. */
static void
test_who(void **state)
{
	struct prove_order order = make_order(PROVE_BY_HEAD);
	struct prove_found found;
	bool has_digest;

	(void)state;
	order.who = "writer";
	plays[0].head_size = plays[1].head_size = -1;
	plays[0].result = FETCH_MISSING;
	plays[1].result = FETCH_UNAVAILABLE;
	assert_int_equal(
	    prove_look(&order, &hand, &has_digest, &found), PROVE_MISSING);
	assert_string_equal(found.reason,
	    "for the writer there is no object \"a/k\" (status 404)");
	assert_int_equal(
	    prove_look(&order, &hand, &has_digest, &found), PROVE_FAILED);
	assert_string_equal(found.reason,
	    "the writer cannot get the object \"a/k\": S3 said no");
}

/* Any object of that size, where no digest is known to hold it against. */
static void
test_look_without_a_digest_of_ours(void **state)
{
	struct prove_order order = make_order(PROVE_BY_HEAD);
	struct prove_found found;
	bool has_digest;

	(void)state;
	order.sha256 = NULL;
	plays[0] = (struct played){ .head_size = 5, .sha256 = ANOTHER };
	assert_int_equal(
	    prove_look(&order, &hand, &has_digest, &found), PROVE_HOLDS);
	assert_true(has_digest);
}

static void
test_etag(void **state)
{
	char longest[PROVE_ETAG_MAX], longer[PROVE_ETAG_MAX + 1];
	const struct {
		const char *name;
		const char *etag;
		const char *kept;
	} rows[] = {
		{ "one", "\"t\"", "\"t\"" },
		{ "none", NULL, "" },
		{ "the longest", longest, longest },
		{ "a longer one", longer, "" },
	};

	(void)state;
	memset(longest, 'x', sizeof(longest));
	memset(longer, 'x', sizeof(longer));
	longest[sizeof(longest) - 1] = longer[sizeof(longer) - 1] = '\0';
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct prove_order order = make_order(PROVE_BY_HEAD);
		struct prove_found found;

		print_message("%s\n", rows[i].name);
		plays[0] = (struct played){
			.head_size = 5, .sha256 = SHA256, .etag = rows[i].etag
		};
		n_asked = 0;
		assert_int_equal(prove(&order, &hand, &found), PROVE_HOLDS);
		assert_string_equal(found.etag, rows[i].kept);
	}
}

/* The file is what fails, or is written to meanwhile. */
static void
test_file(void **state)
{
	struct prove_order order = make_order(PROVE_BY_READING);
	const struct played good = GOOD;
	struct prove_found found;

	(void)state;
	plays[0] = plays[1] = good;
	order.fd = -1;
	assert_int_equal(prove(&order, &hand, &found), PROVE_FAILED);
	assert_string_equal(found.reason,
	    "the file cannot be read any more: Bad file descriptor");
	order.fd = fd;
	assert_int_equal(pwrite(fd, "H", 1, 0), 1);
	n_asked = 0;
	assert_int_equal(prove(&order, &hand, &found), PROVE_DIFFERS);
	assert_string_equal(found.reason, HAS "other bytes");
	assert_return_code(ftruncate(fd, 3), errno);
	assert_int_equal(pwrite(fd, "h", 1, 0), 1);
	n_asked = 0;
	assert_int_equal(prove(&order, &hand, &found), PROVE_FAILED);
	assert_string_equal(found.reason,
	    "the file cannot be read any more: it has become shorter");
}

/* Over the room for it; and the very last byte counts. */
static void
test_large(void **state)
{
	const size_t size = 2 * CREW_ROOM + 7;
	struct prove_order order = make_order(PROVE_BY_READING);
	char *bytes = mem_alloc(size);
	struct prove_found found;
	struct played play = { .head_size = (int64_t)size, .piece = 16384 };

	(void)state;
	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)(i % 251);
	assert_int_equal(pwrite(fd, bytes, size, 0), size);
	order.size = size;
	order.report = (struct report *)&play; /* only handed on */
	play.body = (struct span){ bytes, size };
	play.begun = 1;
	plays[0] = plays[1] = play;
	plays[0].begun = 0;
	assert_int_equal(prove(&order, &hand, &found), PROVE_HOLDS);
	assert_int_equal(moved, size + size / 2);
	assert_int_equal(throttled, size + size / 2);
	assert_int_equal(passed_on, 3);
	bytes[size - 1]++;
	n_asked = 0;
	assert_int_equal(prove(&order, &hand, &found), PROVE_DIFFERS);
	free(bytes);
}

static void
test_empty(void **state)
{
	struct prove_order order = make_order(PROVE_BY_READING);
	struct prove_found found;

	(void)state;
	order.size = 0;
	plays[0] = plays[1] = (struct played){ .sha256 = SHA256 };
	assert_int_equal(prove(&order, &hand, &found), PROVE_HOLDS);
	assert_int_equal(n_asked, 2);
}

#define RUN(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_lies),
		RUN(test_no_head_first),
		RUN(test_look),
		RUN(test_who),
		RUN(test_look_without_a_digest_of_ours),
		RUN(test_etag),
		RUN(test_file),
		RUN(test_large),
		RUN(test_empty),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

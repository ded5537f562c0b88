/*
 * s3/http where the body is a source, and DELETE: over real sockets, as
 * test_http does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>

#include <cmocka.h>

#include "http_origin.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

/* What make_request lists. */
#define LISTED "Host: bucket.example\r\nx-amz-date: 20130524T000000Z\r\n"

enum {
	MUCH = 64 * 1024 * 1024, /* more than the sockets between us hold */
	FIRST_MS = 1000          /* a time-out that an answer must meet */
};

/* ------------------------------------------------------------- the source */

struct spring {
	struct http_source source;
	uint64_t piece; /* no more at a time; 0: as much as is wanted */
	uint64_t fails_at;
	ssize_t result; /* there: 0 or -1 */
	bool is_failing;
	int pause_ms;   /* before each */
	uint64_t read;  /* bytes, in all */
	uint64_t begun; /* how often from the front */
};

/* What stands at OFFSET. */
static char
byte_at(uint64_t offset)
{
	return ((char)('a' + offset % 23));
}

static ssize_t
read_spring(void *context, uint64_t offset, char *to, size_t room)
{
	struct spring *spring = context;
	uint64_t len = room;

	assert_true(room > 0);
	assert_true(offset < spring->source.size);
	assert_true(room <= spring->source.size - offset);
	spring->begun += offset == 0;
	if (spring->pause_ms > 0)
		poll(NULL, 0, spring->pause_ms);
	if (spring->piece > 0 && len > spring->piece)
		len = spring->piece;
	if (spring->is_failing && offset + len > spring->fails_at)
		len = spring->fails_at - offset;
	if (len == 0)
		return (spring->result);
	for (uint64_t i = 0; i < len; i++)
		to[i] = byte_at(offset + i);
	spring->read += len;
	return ((ssize_t)len);
}

static struct spring
make_spring(uint64_t size)
{
	return (
	    (struct spring){ .source = { .read = read_spring, .size = size } });
}

static uint64_t
hash_of(uint64_t size)
{
	uint64_t hash = 0;

	for (uint64_t i = 0; i < size; i++) {
		char c = byte_at(i);

		hash = origin_hash(hash, &c, 1);
	}
	return (hash);
}

/* REQUEST, sending SPRING. */
static struct http_request
make_put(const struct origin *o, struct spring *spring)
{
	struct http_request request = make_request(o);

	spring->source.context = spring;
	request.method = HTTP_PUT;
	request.source = &spring->source;
	return (request);
}

/* ------------------------------------------------------------------- tests */

static void
play_whole(struct origin *o)
{
	o_accept(o);
	for (;;) {
		o_read_all(o);
		o_send(o, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
	}
}

/* All of it, once, in order; with its length, and nothing else is said: above
 * 1 MiB libcurl as such would send "Expect: 100-continue" and wait. */
static void
test_whole(void **state)
{
	static const struct {
		const char *name;
		uint64_t size;
		uint64_t piece;
	} rows[] = {
		{ "nothing", 0, 0 },
		{ "a byte", 1, 0 },
		{ "a few, one by one", 100, 1 },
		{ "a buffer", 262144, 0 },
		{ "a buffer and a byte", 262145, 0 },
		{ "3 MiB", 3145728, 0 },
		{ "3 MiB, in odd pieces", 3145728, 77777 },
	};
	struct http *http = http_new();
	struct origin o;
	struct got got;

	(void)state;
	start(&o, play_whole);
	got_init(&got);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct spring spring = make_spring(rows[i].size);
		struct http_request request = make_put(&o, &spring);
		char head[256];

		print_message("%s\n", rows[i].name);
		spring.piece = rows[i].piece;
		buf_clear(&got.body);
		o.seen->body_len = 0;
		assert_int_equal(perform(http, &request, &got), HTTP_OK);
		assert_string_equal(buf_string(&got.body), "hello");
		snprintf(head, sizeof(head),
		    "PUT /b/k HTTP/1.1\r\n" LISTED
		    "Content-Length: %llu\r\n\r\n",
		    (unsigned long long)rows[i].size);
		assert_memory_equal(o.seen->request[i], head, strlen(head));
		assert_int_equal(o.seen->body_len, rows[i].size);
		assert_int_equal(spring.read, rows[i].size);
		assert_int_equal(spring.begun, rows[i].size > 0);
		assert_true(o.seen->body_hash[i] == hash_of(rows[i].size));
	}
	assert_int_equal(o.seen->connections, 1);
	assert_int_equal(o.seen->requests, COUNT_OF(rows));
	buf_fini(&got.body);
	http_free(http);
	stop(&o);
}

/* Each request is as if it were the first. */
static void
test_nothing_is_left(void **state)
{
	static const struct {
		const char *name;
		enum http_method method;
		bool has_source;
		const char *body;
		const char *seen;
	} rows[REQUESTS] = {
		{ "DELETE", HTTP_DELETE, false, NULL,
		    "DELETE /b/k HTTP/1.1\r\n" LISTED "\r\n" },
		{ "an upload after it", HTTP_PUT, true, NULL,
		    "PUT /b/k HTTP/1.1\r\n" LISTED
		    "Content-Length: 3\r\n\r\nabc" },
		{ "GET after an upload", HTTP_GET, false, NULL,
		    "GET /b/k HTTP/1.1\r\n" LISTED "\r\n" },
		{ "another upload", HTTP_PUT, true, NULL,
		    "PUT /b/k HTTP/1.1\r\n" LISTED
		    "Content-Length: 3\r\n\r\nabc" },
		{ "POST after it", HTTP_POST, false, "xy",
		    "POST /b/k HTTP/1.1\r\n" LISTED
		    "Content-Length: 2\r\n\r\nxy" },
		{ "PUT from memory", HTTP_PUT, false, "z",
		    "PUT /b/k HTTP/1.1\r\n" LISTED
		    "Content-Length: 1\r\n\r\nz" },
		{ "a third upload", HTTP_PUT, true, NULL,
		    "PUT /b/k HTTP/1.1\r\n" LISTED
		    "Content-Length: 3\r\n\r\nabc" },
		{ "DELETE after it", HTTP_DELETE, false, "ignored",
		    "DELETE /b/k HTTP/1.1\r\n" LISTED "\r\n" },
	};
	struct http *http = http_new();
	struct origin o;
	struct got got;

	(void)state;
	start(&o, play_whole);
	got_init(&got);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct spring spring = make_spring(3);
		struct http_request request = make_put(&o, &spring);

		print_message("%s\n", rows[i].name);
		request.method = rows[i].method;
		request.body = span_of(rows[i].body);
		if (!rows[i].has_source)
			request.source = NULL;
		buf_clear(&got.body);
		assert_int_equal(perform(http, &request, &got), HTTP_OK);
		assert_string_equal(buf_string(&got.body), "hello");
		assert_string_equal(o.seen->request[i], rows[i].seen);
	}
	assert_int_equal(o.seen->connections, 1);
	buf_fini(&got.body);
	http_free(http);
	stop(&o);
}

static void
play_gone(struct origin *o)
{
	o_accept(o);
	o_read(o);
	o_send(o, "HTTP/1.1 204 No Content\r\n\r\n");
	o_hang(o);
}

/* The answer to a DELETE has no body, and none is waited for. */
static void
test_no_content(void **state)
{
	struct http *http = http_new();
	struct http_request request;
	struct origin o;
	struct got got;

	(void)state;
	start(&o, play_gone);
	got_init(&got);
	request = make_request(&o);
	request.method = HTTP_DELETE;
	assert_int_equal(perform(http, &request, &got), HTTP_OK);
	assert_int_equal(got.status, 204);
	assert_true(got.is_framed);
	buf_fini(&got.body);
	http_free(http);
	stop(&o);
}

static void
play_dead_connection(struct origin *o)
{
	o_accept(o);
	o_read_all(o);
	o_send(o, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhe");
	o_read_all(o); /* the second comes, and is not answered */
	o_close(o);
	o_accept(o);
	o_read_all(o);
	o_send(o, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nllo");
	o_hang(o);
}

/* A kept connection was dead: all is sent anew, from the front. */
static void
test_dead_connection(void **state)
{
	static const uint64_t sizes[] = { 5, 1000000 };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		struct http *http = http_new();
		struct http_request request;
		struct spring spring = make_spring(sizes[i]);
		struct origin o;
		struct got got;

		start(&o, play_dead_connection);
		got_init(&got);
		request = make_put(&o, &spring);
		assert_int_equal(perform(http, &request, &got), HTTP_OK);
		assert_int_equal(spring.begun, 1);
		assert_int_equal(perform(http, &request, &got), HTTP_OK);
		assert_int_equal(spring.begun, 3);
		assert_int_equal(spring.read, 3 * sizes[i]);
		assert_string_equal(buf_string(&got.body), "hello");
		assert_int_equal(o.seen->connections, 2);
		assert_int_equal(o.seen->requests, 3);
		for (size_t at = 0; at < 3; at++)
			assert_true(o.seen->body_hash[at] == hash_of(sizes[i]));
		buf_fini(&got.body);
		http_free(http);
		stop(&o);
	}
}

/* And so is the time that its answer has. */
static void
test_dead_connection_and_slow_source(void **state)
{
	struct http *http = http_new();
	struct http_request request;
	struct spring spring = make_spring(5);
	struct origin o;
	struct got got;

	(void)state;
	start(&o, play_dead_connection);
	got_init(&got);
	request = make_put(&o, &spring);
	assert_int_equal(perform(http, &request, &got), HTTP_OK);
	request.first_byte_timeout_ms = FIRST_MS;
	spring.pause_ms = FIRST_MS + 100;
	assert_int_equal(perform(http, &request, &got), HTTP_OK);
	assert_string_equal(buf_string(&got.body), "hello");
	buf_fini(&got.body);
	http_free(http);
	stop(&o);
}

static void
play_broken_source(struct origin *o)
{
	o_accept(o);
	o_read(o);
	o_wait(o);
	o_close(o);
	o_accept(o);
	o_read_all(o);
	o_send(o, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
	o_hang(o);
}

static void
test_broken_source(void **state)
{
	static const struct {
		const char *name;
		uint64_t size;
		uint64_t fails_at;
		ssize_t result;
	} rows[] = {
		{ "fails at once", 5, 0, -1 },
		{ "fails within", 1000000, 500000, -1 },
		{ "fails at its last byte", 5, 4, -1 },
		{ "is empty", 5, 0, 0 },
		{ "is short", 1000000, 500000, 0 },
		{ "is short of a byte", 5, 4, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct http *http = http_new();
		struct http_request request;
		struct spring spring = make_spring(rows[i].size);
		struct origin o;
		struct got got;

		print_message("%s\n", rows[i].name);
		start(&o, play_broken_source);
		got_init(&got);
		request = make_put(&o, &spring);
		spring.is_failing = true;
		spring.fails_at = rows[i].fails_at;
		spring.result = rows[i].result;
		assert_int_equal(perform(http, &request, &got), HTTP_STOPPED);
		assert_true(http_reason(http)[0] != '\0');
		assert_int_equal(got.heads, 0);
		assert_int_equal(http_status(http), 0);
		assert_int_equal(spring.read, rows[i].fails_at);
		assert_int_equal(spring.begun, 1);
		/* What comes next is not taken for the rest of it. */
		assert_int_equal(write(o.go[1], "x", 1), 1);
		spring.is_failing = false;
		assert_int_equal(perform(http, &request, &got), HTTP_OK);
		assert_string_equal(buf_string(&got.body), "hello");
		assert_int_equal(o.seen->connections, 2);
		buf_fini(&got.body);
		http_free(http);
		stop(&o);
	}
}

static void
play_head_only(struct origin *o)
{
	o_accept(o);
	o_read(o);
	o_hang(o);
}

static void
play_silence(struct origin *o)
{
	o_accept(o);
	o_read_all(o);
	o_hang(o);
}

static void
play_reset(struct origin *o)
{
	o_accept(o);
	o_read(o);
	o_reset(o);
}

/* The time-outs: each with all others far away. */
static void
test_time_outs(void **state)
{
	static const struct {
		const char *name;
		script *play;
		uint64_t size;
		int64_t first_byte_ms;
		int64_t stall_ms;
		int64_t deadline_ms;
		enum http_result result;
		const char *reason;
	} rows[] = {
		{ "no more is taken", play_head_only, MUCH, LONG_MS, SHORT_MS,
		    LONG_MS, HTTP_FAILED,
		    "no more was taken for 200 ms, of 67108864 bytes" },
		{ "no answer begins", play_silence, 1000, SHORT_MS, LONG_MS,
		    LONG_MS, HTTP_FAILED, "no answer began within 200 ms" },
		{ "no answer begins, to nothing", play_silence, 0, SHORT_MS,
		    LONG_MS, LONG_MS, HTTP_FAILED,
		    "no answer began within 200 ms" },
		{ "the deadline, while it is sent", play_head_only, MUCH,
		    LONG_MS, LONG_MS, SHORT_MS, HTTP_DEADLINE, "deadline" },
		{ "the deadline, when it was sent", play_silence, 1000, LONG_MS,
		    LONG_MS, SHORT_MS, HTTP_DEADLINE, "deadline" },
		{ "reset within", play_reset, MUCH, LONG_MS, LONG_MS, LONG_MS,
		    HTTP_FAILED, "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct http *http = http_new();
		struct http_request request;
		struct spring spring = make_spring(rows[i].size);
		int64_t began = clock_monotonic_ms();
		struct origin o;
		struct got got;

		print_message("%s\n", rows[i].name);
		start(&o, rows[i].play);
		got_init(&got);
		request = make_put(&o, &spring);
		request.first_byte_timeout_ms = rows[i].first_byte_ms;
		request.stall_timeout_ms = rows[i].stall_ms;
		request.deadline_ms =
		    clock_monotonic_ms() + rows[i].deadline_ms;
		assert_int_equal(perform(http, &request, &got), rows[i].result);
		assert_non_null(strstr(http_reason(http), rows[i].reason));
		assert_true(http_reason(http)[0] != '\0');
		assert_true(clock_monotonic_ms() - began < LONG_MS);
		buf_fini(&got.body);
		http_free(http);
		stop(&o);
	}
}

/* A source that is slow is no silence of S3's: neither a stall nor a late
 * answer, which is waited for from the source's end on. */
static void
test_slow_source(void **state)
{
	static const struct {
		const char *name;
		int64_t first_byte_ms;
		int64_t stall_ms;
	} rows[] = {
		{ "no stall", LONG_MS, FIRST_MS },
		{ "no late answer", FIRST_MS, LONG_MS },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct http *http = http_new();
		struct http_request request;
		struct spring spring = make_spring(4);
		struct origin o;
		struct got got;

		print_message("%s\n", rows[i].name);
		start(&o, play_whole);
		got_init(&got);
		request = make_put(&o, &spring);
		request.first_byte_timeout_ms = rows[i].first_byte_ms;
		request.stall_timeout_ms = rows[i].stall_ms;
		spring.piece = 2;
		spring.pause_ms = FIRST_MS + 100;
		assert_int_equal(perform(http, &request, &got), HTTP_OK);
		assert_string_equal(buf_string(&got.body), "hello");
		buf_fini(&got.body);
		http_free(http);
		stop(&o);
	}
}

static void
play_early_answer(struct origin *o)
{
	o_accept(o);
	o_read(o);
	o_send(o, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
	o_accept(o);
	o_read_all(o);
	o_send(o, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
	o_hang(o);
}

/* S3 knows already: that is the answer, no more is sent, and the connection,
 * which is in the middle of it, is not used again. */
static void
test_early_answer(void **state)
{
	struct http *http = http_new();
	struct http_request request;
	struct spring spring = make_spring(MUCH);
	struct origin o;
	struct got got;

	(void)state;
	start(&o, play_early_answer);
	got_init(&got);
	request = make_put(&o, &spring);
	assert_int_equal(perform(http, &request, &got), HTTP_OK);
	assert_int_equal(got.status, 403);
	assert_string_equal(buf_string(&got.body), "no");
	assert_true(spring.read < MUCH);
	buf_clear(&got.body);
	request.method = HTTP_GET;
	request.source = NULL;
	assert_int_equal(perform(http, &request, &got), HTTP_OK);
	assert_string_equal(buf_string(&got.body), "hello");
	assert_int_equal(o.seen->connections, 2);
	buf_fini(&got.body);
	http_free(http);
	stop(&o);
}

static int
setup(void **state)
{
	static const char *const names[] = { "http_proxy", "https_proxy",
		"HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy",
		"NO_PROXY" };

	(void)state;
	/* The machine's proxies are none of the tests' business. */
	for (size_t i = 0; i < COUNT_OF(names); i++)
		unsetenv(names[i]);
	return (http_global_init() ? 0 : -1);
}

static int
teardown(void **state)
{
	(void)state;
	http_global_fini();
	return (0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_nothing_is_left),
		cmocka_unit_test(test_no_content),
		cmocka_unit_test(test_dead_connection),
		cmocka_unit_test(test_dead_connection_and_slow_source),
		cmocka_unit_test(test_broken_source),
		cmocka_unit_test(test_time_outs),
		cmocka_unit_test(test_slow_source),
		cmocka_unit_test(test_early_answer),
	};

	return (cmocka_run_group_tests(tests, setup, teardown));
}

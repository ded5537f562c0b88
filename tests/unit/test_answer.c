/*
 * The head of an answer (src/respond/answer.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "respond/answer.h"

/* An object with all that one can have. */
static struct metadata
make_object(void)
{
	struct metadata object;

	metadata_init(&object);
	object.size = 1000;
	object.field[METADATA_CONTENT_TYPE] = SPAN("image/png");
	object.field[METADATA_CONTENT_ENCODING] = SPAN("gzip");
	object.field[METADATA_CONTENT_DISPOSITION] = SPAN("inline");
	object.field[METADATA_CONTENT_LANGUAGE] = SPAN("ja");
	object.field[METADATA_ETAG] = SPAN("\"e\"");
	object.field[METADATA_LAST_MODIFIED] =
	    SPAN("Sun, 06 Nov 1994 08:49:37 GMT");
	object.field[METADATA_CACHE_CONTROL] = SPAN("private");
	object.field[METADATA_EXPIRES] = SPAN("Mon, 07 Nov 1994 08:49:37 GMT");
	return (object);
}

/* ANSWER's head; lives until the next call. */
static const char *
make_head(const struct answer *answer)
{
	static char text[ANSWER_HEAD_MAX + 1];
	struct buf out;

	buf_init(&out, ANSWER_HEAD_MAX);
	assert_true(answer_head(answer, &out));
	memcpy(text, buf_string(&out), out.len + 1);
	buf_fini(&out);
	return (text);
}

static void
a_whole_object(void **state)
{
	struct metadata object = make_object();
	struct answer answer = { .status = 200,
		.may_keep = true,
		.metadata = &object,
		.cache = { .how = ANSWER_CACHE_MISS,
		    .fwd_status = 200,
		    .is_stored = true } };

	(void)state;
	assert_string_equal(make_head(&answer),
	    "Status: 200 OK\r\n"
	    "Content-Type: image/png\r\n"
	    "Content-Encoding: gzip\r\n"
	    "Content-Disposition: inline\r\n"
	    "Content-Language: ja\r\n"
	    "Accept-Ranges: bytes\r\n"
	    "Content-Length: 1000\r\n"
	    "ETag: \"e\"\r\n"
	    "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
	    "Cache-Control: private\r\n"
	    "Expires: Mon, 07 Nov 1994 08:49:37 GMT\r\n"
	    "Cache-Status: trys3; fwd=uri-miss; fwd-status=200; stored\r\n"
	    "\r\n");
}

/* Nothing goes by a name that nginx would keep for another answer. */
static void
a_handoff_is_for_nginx(void **state)
{
	struct metadata object = make_object();
	const struct answer_handoff handoff = {
		.location = SPAN("@s3_object"),
		.host = SPAN("s3.example.com"),
		.target = SPAN("/b/a%20b?X-Amz-Signature=00"),
		.range = SPAN("bytes=10-19"),
		.etag = SPAN("\"of-s3\""),
	};
	struct answer answer = { .status = 206,
		.metadata = &object,
		.first = 10,
		.last = 19,
		.handoff = &handoff };

	(void)state;
	assert_string_equal(make_head(&answer),
	    "Status: 206 Partial Content\r\n"
	    "X-Accel-Expires: 0\r\n"
	    "X-Accel-Redirect: @s3_object\r\n"
	    "Content-Length: 1000\r\n"
	    "X-Trys3-Host: s3.example.com\r\n"
	    "X-Trys3-Target: /b/a%20b?X-Amz-Signature=00\r\n"
	    "X-Trys3-Range: bytes=10-19\r\n"
	    "X-Trys3-If-Match: \"of-s3\"\r\n"
	    "X-Trys3-ETag: \"e\"\r\n"
	    "X-Trys3-Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
	    "X-Trys3-Content-Disposition: inline\r\n"
	    "X-Trys3-Cache-Control: private\r\n"
	    "X-Trys3-Expires: Mon, 07 Nov 1994 08:49:37 GMT\r\n"
	    "\r\n");
	answer.cache_control = "no-store";
	assert_non_null(strstr(
	    make_head(&answer), "\r\nX-Trys3-Cache-Control: no-store\r\n"));
	assert_null(strstr(make_head(&answer), "Expires: Mon"));
}

static void
a_bare_object_gets_nothing_made_up(void **state)
{
	struct metadata object;
	struct answer answer = {
		.status = 200, .may_keep = true, .metadata = &object
	};

	(void)state;
	metadata_init(&object);
	assert_string_equal(make_head(&answer),
	    "Status: 200 OK\r\n"
	    "Accept-Ranges: bytes\r\n"
	    "Content-Length: 0\r\n"
	    "\r\n");
}

static void
a_length_that_is_not_known_is_not_said(void **state)
{
	struct metadata object;
	struct answer answer = { .status = 200,
		.may_keep = true,
		.length_unknown = true,
		.metadata = &object };

	(void)state;
	metadata_init(&object);
	assert_string_equal(make_head(&answer),
	    "Status: 200 OK\r\n"
	    "Accept-Ranges: bytes\r\n"
	    "\r\n");
}

static void
a_part(void **state)
{
	struct metadata object;
	struct answer answer = { .status = 206,
		.may_keep = true,
		.metadata = &object,
		.first = 18446744073709551612u,
		.last = 18446744073709551614u,
		.cache = { .how = ANSWER_CACHE_MISS, .fwd_status = 206 } };

	(void)state;
	metadata_init(&object);
	object.size = UINT64_MAX;
	object.field[METADATA_CONTENT_TYPE] = SPAN("image/png");
	assert_string_equal(make_head(&answer),
	    "Status: 206 Partial Content\r\n"
	    "Content-Type: image/png\r\n"
	    "Accept-Ranges: bytes\r\n"
	    "Content-Length: 3\r\n"
	    "Content-Range: bytes 18446744073709551612-18446744073709551614/"
	    "18446744073709551615\r\n"
	    "Cache-Status: trys3; fwd=uri-miss; fwd-status=206\r\n"
	    "\r\n");
}

static void
not_modified_has_what_caches_go_by(void **state)
{
	struct metadata object = make_object();
	struct answer answer = { .status = 304,
		.may_keep = true,
		.metadata = &object,
		.cache = { .how = ANSWER_CACHE_HIT } };

	(void)state;
	assert_string_equal(make_head(&answer),
	    "Status: 304 Not Modified\r\n"
	    "ETag: \"e\"\r\n"
	    "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
	    "Cache-Control: private\r\n"
	    "Expires: Mon, 07 Nov 1994 08:49:37 GMT\r\n"
	    "Cache-Status: trys3; hit\r\n"
	    "\r\n");
}

static void
the_sites_cache_control_wins(void **state)
{
	static const int statuses[] = { 200, 206, 304 };
	struct metadata object = make_object();
	struct answer answer = {
		.may_keep = true,
		.metadata = &object,
		.cache_control = "public, max-age=60",
	};
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		const char *head;

		answer.status = statuses[i];
		head = make_head(&answer);
		assert_non_null(
		    strstr(head, "\r\nCache-Control: public, max-age=60\r\n"));
		assert_null(strstr(head, "private"));
		assert_null(strstr(head, "Expires"));
	}
}

static void
a_range_that_cannot_be_served(void **state)
{
	struct metadata object = make_object();
	struct answer answer = { .status = 416,
		.metadata = &object,
		.cache_control = "public, max-age=60" };

	(void)state;
	assert_string_equal(make_head(&answer),
	    "Status: 416 Range Not Satisfiable\r\n"
	    "X-Accel-Expires: 0\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Length: 26\r\n"
	    "Content-Range: bytes */1000\r\n"
	    "\r\n");
}

static void
refusals(void **state)
{
	static const struct {
		int status;
		const char *line;
		const char *extra;
	} rows[] = {
		{ 400, "400 Bad Request", "" },
		{ 404, "404 Not Found", "" },
		{ 405, "405 Method Not Allowed", "Allow: GET, HEAD\r\n" },
		{ 412, "412 Precondition Failed", "" },
		{ 500, "500 Internal Server Error", "" },
		{ 503, "503 Service Unavailable", "Retry-After: 5\r\n" },
	};
	char wanted[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer answer = { .status = rows[i].status,
			.cache_control = "public",
			.retry_after_s = 5 };

		snprintf(wanted, sizeof(wanted),
		    "Status: %s\r\n"
		    "X-Accel-Expires: 0\r\n"
		    "Content-Type: text/plain; charset=utf-8\r\n"
		    "Content-Length: %zu\r\n%s\r\n",
		    rows[i].line, strlen(rows[i].line) + 1, rows[i].extra);
		assert_string_equal(make_head(&answer), wanted);
		snprintf(wanted, sizeof(wanted), "%s\n", rows[i].line);
		assert_string_equal(answer_text(rows[i].status).data, wanted);
		assert_int_equal(
		    answer_text(rows[i].status).len, strlen(wanted));
	}
}

static void
what_may_not_be_kept_says_so_first(void **state)
{
	static const char marked[] = "Status: 200 OK\r\n"
				     "X-Accel-Expires: 0\r\n";
	struct metadata object = make_object();
	struct answer answer = { .status = 200, .metadata = &object };
	struct answer missing = { .status = 404, .may_keep = true };

	(void)state;
	assert_memory_equal(make_head(&answer), marked, sizeof(marked) - 1);
	assert_null(strstr(make_head(&missing), "X-Accel-Expires"));
}

static void
cache_status_tells_how(void **state)
{
	static const struct {
		struct answer_cache cache;
		const char *line; /* NULL: none */
	} rows[] = {
		{ { ANSWER_CACHE_NONE, 200, true, true }, NULL },
		{ { ANSWER_CACHE_HIT, 0, false, false }, "trys3; hit" },
		{ { ANSWER_CACHE_HIT, 200, true, true }, "trys3; hit" },
		{ { ANSWER_CACHE_MISS, 0, false, false },
		    "trys3; fwd=uri-miss" },
		{ { ANSWER_CACHE_MISS, 404, true, false },
		    "trys3; fwd=uri-miss; fwd-status=404; stored" },
		{ { ANSWER_CACHE_MISS, 0, false, true },
		    "trys3; fwd=uri-miss; collapsed" },
		{ { ANSWER_CACHE_BYPASS, 200, false, false },
		    "trys3; fwd=bypass; fwd-status=200" },
		{ { ANSWER_CACHE_MISS, 206, false, false },
		    "trys3; fwd=uri-miss; fwd-status=206" },
	};
	char wanted[128];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer answer = {
			.status = 404, .may_keep = true, .cache = rows[i].cache
		};
		const char *head = make_head(&answer);

		if (rows[i].line == NULL) {
			assert_null(strstr(head, "Cache-Status"));
			continue;
		}
		snprintf(wanted, sizeof(wanted), "\r\nCache-Status: %s\r\n\r\n",
		    rows[i].line);
		assert_non_null(strstr(head, wanted));
	}
}

/* Whatever way a value came, it brings no line of its own. */
static void
control_characters_are_never_written(void **state)
{
	static const struct span evil[] = {
		{ "a\r\nSet-Cookie: x", 16 },
		{ "a\nSet-Cookie: x", 15 },
		{ "a\r", 2 },
		{ "a\0b", 3 },
		{ "a\x7f", 2 },
		{ "a\tb", 3 },
	};
	size_t i;
	int field;

	(void)state;
	for (i = 0; i < sizeof(evil) / sizeof(evil[0]); i++) {
		for (field = 0; field < METADATA_FIELDS; field++) {
			struct metadata object;
			struct answer answer = { .status = 200,
				.may_keep = true,
				.metadata = &object };

			metadata_init(&object);
			object.field[field] = evil[i];
			assert_string_equal(make_head(&answer),
			    "Status: 200 OK\r\n"
			    "Accept-Ranges: bytes\r\n"
			    "Content-Length: 0\r\n"
			    "\r\n");
		}
	}
}

/* What S3 knows of the file that an object was made of. */
static void
internal_fields_are_never_written(void **state)
{
	static const int statuses[] = { 200, 206, 304, 416 };

	(void)state;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		struct metadata object;
		struct answer answer = { .status = statuses[i],
			.metadata = &object };

		metadata_init(&object);
		object.size = 5;
		for (int j = METADATA_MTIME; j < METADATA_FIELDS; j++)
			object.field[j] = SPAN("1354040105");
		assert_null(strstr(make_head(&answer), "1354040105"));
		assert_null(strstr(make_head(&answer), "amz"));
	}
}

static void
no_header_comes_twice(void **state)
{
	static const int statuses[] = { 200, 206, 304, 400, 404, 405, 412, 416,
		500, 503 };
	struct metadata object = make_object();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		struct answer answer = { .status = statuses[i],
			.metadata = &object,
			.cache = { .how = ANSWER_CACHE_HIT } };
		const char *head = make_head(&answer), *line, *next;

		for (line = head; *line != '\r'; line = next) {
			char name[64];

			next = strstr(line, "\r\n") + 2;
			snprintf(name, sizeof(name), "\r\n%.*s",
			    (int)(strchr(line, ':') + 1 - line), line);
			assert_null(strcasestr(next - 2, name));
		}
	}
}

static void
a_head_that_is_too_long_is_refused_whole(void **state)
{
	struct metadata object = make_object();
	struct answer answer = { .status = 200, .metadata = &object };
	struct buf out;
	size_t len = strlen(make_head(&answer)), room;

	(void)state;
	for (room = 3; room < len + 3; room++) {
		buf_init(&out, room);
		assert_true(buf_add_string(&out, "..."));
		assert_false(answer_head(&answer, &out));
		assert_string_equal(buf_string(&out), "...");
		buf_fini(&out);
	}
	buf_init(&out, len);
	assert_true(answer_head(&answer, &out));
	buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_object),
		cmocka_unit_test(a_handoff_is_for_nginx),
		cmocka_unit_test(a_bare_object_gets_nothing_made_up),
		cmocka_unit_test(a_length_that_is_not_known_is_not_said),
		cmocka_unit_test(a_part),
		cmocka_unit_test(not_modified_has_what_caches_go_by),
		cmocka_unit_test(the_sites_cache_control_wins),
		cmocka_unit_test(a_range_that_cannot_be_served),
		cmocka_unit_test(refusals),
		cmocka_unit_test(what_may_not_be_kept_says_so_first),
		cmocka_unit_test(cache_status_tells_how),
		cmocka_unit_test(control_characters_are_never_written),
		cmocka_unit_test(internal_fields_are_never_written),
		cmocka_unit_test(no_header_comes_twice),
		cmocka_unit_test(a_head_that_is_too_long_is_refused_whole),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

/*
 * Byte ranges (src/s3/range.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <inttypes.h>

#include <cmocka.h>

#include "s3/range.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))
#define TOP             UINT64_C(9223372036854775807) /* 2^63 - 1 */

static void
ranges_are_parsed(void **state)
{
	static const struct {
		struct span value;
		struct range range;
	} rows[] = {
		{ SPAN("bytes=0-0"), { RANGE_FROM_TO, 0, 0, 0 } },
		{ SPAN("bytes=0-499"), { RANGE_FROM_TO, 0, 499, 0 } },
		{ SPAN("bytes=500-999"), { RANGE_FROM_TO, 500, 999, 0 } },
		{ SPAN("bytes=9500-"), { RANGE_FROM, 9500, 0, 0 } },
		{ SPAN("bytes=0-"), { RANGE_FROM, 0, 0, 0 } },
		{ SPAN("bytes=-500"), { RANGE_SUFFIX, 0, 0, 500 } },
		{ SPAN("bytes=-0"), { RANGE_SUFFIX, 0, 0, 0 } },
		{ SPAN("bytes=007-0010"), { RANGE_FROM_TO, 7, 10, 0 } },
		{ SPAN("Bytes=0-1"), { RANGE_FROM_TO, 0, 1, 0 } },
		{ SPAN("BYTES=0-1"), { RANGE_FROM_TO, 0, 1, 0 } },
		{ SPAN(" bytes=0-1\t"), { RANGE_FROM_TO, 0, 1, 0 } },
		{ SPAN("bytes= 0-1"), { RANGE_FROM_TO, 0, 1, 0 } },
		/* Empty elements of a list are none (RFC 9110 5.6.1.2). */
		{ SPAN("bytes=0-1,,"), { RANGE_FROM_TO, 0, 1, 0 } },
		{ SPAN("bytes=,0-1"), { RANGE_FROM_TO, 0, 1, 0 } },
		{ SPAN("bytes=, \t, -5 ,"), { RANGE_SUFFIX, 0, 0, 5 } },
		/* What does not fit is taken as 2^63 - 1. */
		{ SPAN("bytes=9223372036854775807-"),
		    { RANGE_FROM, TOP, 0, 0 } },
		{ SPAN("bytes=9223372036854775808-"),
		    { RANGE_FROM, TOP, 0, 0 } },
		{ SPAN("bytes=0-18446744073709551616"),
		    { RANGE_FROM_TO, 0, TOP, 0 } },
		{ SPAN("bytes=-99999999999999999999999"),
		    { RANGE_SUFFIX, 0, 0, TOP } },
		{ SPAN("bytes=99999999999999999999-99999999999999999999"),
		    { RANGE_FROM_TO, TOP, TOP, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct range range = range_parse(rows[i].value);

		if (range.kind != rows[i].range.kind ||
		    range.first != rows[i].range.first ||
		    range.last != rows[i].range.last ||
		    range.count != rows[i].range.count)
			fail_msg("\"%.*s\": kind %d, %" PRIu64 "-%" PRIu64
				 ", %" PRIu64,
			    SPAN_ARG(rows[i].value), (int)range.kind,
			    range.first, range.last, range.count);
	}
}

static void
what_is_ignored(void **state)
{
	static const struct span rows[] = {
		{ NULL, 0 },
		SPAN(""),
		SPAN("bytes"),
		SPAN("bytes="),
		SPAN("bytes=,"),
		SPAN("bytes= , ,"),
		SPAN("bytes=-"),
		SPAN("bytes=--1"),
		SPAN("bytes=1"),
		SPAN("bytes=abc"),
		SPAN("bytes=a-b"),
		SPAN("bytes=0-b"),
		SPAN("bytes=0x0-1"),
		SPAN("bytes=-1a"),
		SPAN("bytes=0-1-2"),
		SPAN("bytes=0--1"),
		SPAN("bytes=+0-1"),
		SPAN("bytes=0 - 1"),
		SPAN("bytes=0- 1"),
		SPAN("bytes=0-1;"),
		SPAN("bytes=0-1\0"),
		SPAN("bytes =0-1"),
		SPAN("bytes:0-1"),
		SPAN("byte=0-1"),
		SPAN("items=0-1"),
		SPAN("=0-1"),
		SPAN("0-1"),
		SPAN("bytes=5-2"),
		SPAN("bytes=1-0"),
		SPAN("bytes=99999999999999999999-0"),
		/* Several, be one of them wrong or not. */
		SPAN("bytes=0-1,2-3"),
		SPAN("bytes=0-1,-1"),
		SPAN("bytes=0-1,0-1"),
		SPAN("bytes=0-1,x"),
		SPAN("bytes=x,0-1"),
		SPAN("bytes=5-2,0-1"),
		SPAN("bytes=0-1,bytes=2-3"),
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct range range = range_parse(rows[i]);

		if (range.kind != RANGE_WHOLE || range.first != 0 ||
		    range.last != 0 || range.count != 0)
			fail_msg("\"%.*s\": kind %d", SPAN_ARG(rows[i]),
			    (int)range.kind);
	}
}

static void
ranges_are_laid_over_an_object(void **state)
{
	static const struct {
		const char *value;
		uint64_t size;
		enum range_fit fit;
		uint64_t first, last;
	} rows[] = {
		{ "", 10, RANGE_FIT_WHOLE, 0, 0 },
		{ "", 0, RANGE_FIT_WHOLE, 0, 0 },
		{ "bytes=0-0", 10, RANGE_FIT_PART, 0, 0 },
		{ "bytes=0-9", 10, RANGE_FIT_PART, 0, 9 },
		{ "bytes=0-10", 10, RANGE_FIT_PART, 0, 9 },
		{ "bytes=9-9", 10, RANGE_FIT_PART, 9, 9 },
		{ "bytes=9-", 10, RANGE_FIT_PART, 9, 9 },
		{ "bytes=0-", 10, RANGE_FIT_PART, 0, 9 },
		{ "bytes=3-99999999999999999999", 10, RANGE_FIT_PART, 3, 9 },
		{ "bytes=10-", 10, RANGE_FIT_NONE, 0, 0 },
		{ "bytes=10-20", 10, RANGE_FIT_NONE, 0, 0 },
		{ "bytes=99999999999999999999-", 10, RANGE_FIT_NONE, 0, 0 },
		{ "bytes=-1", 10, RANGE_FIT_PART, 9, 9 },
		{ "bytes=-10", 10, RANGE_FIT_PART, 0, 9 },
		{ "bytes=-11", 10, RANGE_FIT_PART, 0, 9 },
		{ "bytes=-99999999999999999999", 10, RANGE_FIT_PART, 0, 9 },
		{ "bytes=-0", 10, RANGE_FIT_NONE, 0, 0 },
		{ "bytes=-0", 0, RANGE_FIT_NONE, 0, 0 },
		{ "bytes=-5", 0, RANGE_FIT_WHOLE, 0, 0 },
		{ "bytes=0-", 0, RANGE_FIT_NONE, 0, 0 },
		{ "bytes=0-0", 0, RANGE_FIT_NONE, 0, 0 },
		{ "bytes=-1", 1, RANGE_FIT_PART, 0, 0 },
		{ "bytes=4294967296-", UINT64_C(5000000000), RANGE_FIT_PART,
		    UINT64_C(4294967296), UINT64_C(4999999999) },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct range range = range_parse(span_of(rows[i].value));
		uint64_t first = 0, last = 0;
		enum range_fit fit =
		    range_fit(&range, rows[i].size, &first, &last);

		if (fit != rows[i].fit ||
		    (fit == RANGE_FIT_PART &&
			(first != rows[i].first || last != rows[i].last)))
			fail_msg("\"%s\" of %" PRIu64 ": %d, %" PRIu64
				 "-%" PRIu64,
			    rows[i].value, rows[i].size, (int)fit, first, last);
	}
}

static void
ranges_are_formatted(void **state)
{
	static const char *const values[] = { "bytes=0-0", "bytes=5-",
		"bytes=-7", "bytes=0-9223372036854775807", "" };
	struct buf out;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(values); i++) {
		struct range range = range_parse(span_of(values[i]));

		buf_init(&out, 100);
		assert_true(range_format(&range, &out));
		assert_string_equal(buf_string(&out), values[i]);
		buf_fini(&out);
	}
	for (size_t i = 0; i < COUNT_OF(values); i++) {
		struct range range = range_parse(span_of(values[i]));

		buf_init(&out, 7);
		assert_int_equal(
		    range_format(&range, &out), range.kind == RANGE_WHOLE);
		assert_int_equal(out.len, 0);
		buf_fini(&out);
	}
}

static void
content_ranges_are_parsed(void **state)
{
	static const struct {
		struct span value;
		bool ok;
		uint64_t first, last, size;
	} rows[] = {
		{ SPAN("bytes 0-0/1"), true, 0, 0, 1 },
		{ SPAN("bytes 42-1233/1234"), true, 42, 1233, 1234 },
		{ SPAN("Bytes 0-9/10"), true, 0, 9, 10 },
		{ SPAN(" bytes 0-9/10 "), true, 0, 9, 10 },
		{ SPAN("bytes 0-9223372036854775806/9223372036854775807"), true,
		    0, TOP - 1, TOP },
		{ SPAN("bytes 0-10/10"), false, 0, 0, 0 },
		{ SPAN("bytes 5-4/10"), false, 0, 0, 0 },
		{ SPAN("bytes 10-10/10"), false, 0, 0, 0 },
		{ SPAN("bytes 0-0/0"), false, 0, 0, 0 },
		{ SPAN("bytes 0-9/*"), false, 0, 0, 0 },
		{ SPAN("bytes */10"), false, 0, 0, 0 },
		{ SPAN("bytes 0-9"), false, 0, 0, 0 },
		{ SPAN("bytes 0-/10"), false, 0, 0, 0 },
		{ SPAN("bytes -9/10"), false, 0, 0, 0 },
		{ SPAN("bytes 0/10"), false, 0, 0, 0 },
		{ SPAN("bytes  0-9/10"), false, 0, 0, 0 },
		{ SPAN("bytes 0-9/10/11"), false, 0, 0, 0 },
		{ SPAN("bytes 0 - 9/10"), false, 0, 0, 0 },
		{ SPAN("bytes 0-9/10,"), false, 0, 0, 0 },
		{ SPAN("bytes 0-9/10\0"), false, 0, 0, 0 },
		{ SPAN("bytes=0-9/10"), false, 0, 0, 0 },
		{ SPAN("bytes"), false, 0, 0, 0 },
		{ SPAN("items 0-9/10"), false, 0, 0, 0 },
		{ SPAN("0-9/10"), false, 0, 0, 0 },
		{ SPAN("bytes 0-18446744073709551615/18446744073709551616"),
		    false, 0, 0, 0 },
		{ SPAN(""), false, 0, 0, 0 },
		{ { NULL, 0 }, false, 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint64_t first = 0, last = 0, size = 0;
		bool ok =
		    range_parse_content(rows[i].value, &first, &last, &size);

		if (ok != rows[i].ok || first != rows[i].first ||
		    last != rows[i].last || size != rows[i].size)
			fail_msg("\"%.*s\": %d", SPAN_ARG(rows[i].value), ok);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_are_parsed),
		cmocka_unit_test(what_is_ignored),
		cmocka_unit_test(ranges_are_laid_over_an_object),
		cmocka_unit_test(ranges_are_formatted),
		cmocka_unit_test(content_ranges_are_parsed),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

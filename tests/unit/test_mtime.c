/*
 * A file's time in metadata (src/s3/mtime.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "s3/mtime.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

static void
times_are_read(void **state)
{
	static const struct {
		struct span text;
		int64_t seconds;
		long nanoseconds;
	} rows[] = {
		{ SPAN("0"), 0, 0 },
		{ SPAN("0.0"), 0, 0 },
		{ SPAN("0.000000001"), 0, 1 },
		{ SPAN("1"), 1, 0 },
		{ SPAN("1354040105"), 1354040105, 0 },
		{ SPAN("1354040105.5"), 1354040105, 500000000 },
		{ SPAN("1354040105.05"), 1354040105, 50000000 },
		{ SPAN("1354040105.123456789"), 1354040105, 123456789 },
		{ SPAN("1354040105.100000000"), 1354040105, 100000000 },
		{ SPAN("1354040105.999999999"), 1354040105, 999999999 },
		{ SPAN("2147483648"), INT64_C(2147483648), 0 },
		{ SPAN("4294967296.25"), INT64_C(4294967296), 250000000 },
		{ SPAN("253402300799"), MTIME_SECONDS_MAX, 0 },
		{ SPAN("253402300799.999999999"), MTIME_SECONDS_MAX,
		    999999999 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int64_t seconds = -1;
		long nanoseconds = -1;

		if (!mtime_parse(rows[i].text, &seconds, &nanoseconds) ||
		    seconds != rows[i].seconds ||
		    nanoseconds != rows[i].nanoseconds)
			fail_msg("%.*s: %jd, %ld", SPAN_ARG(rows[i].text),
			    (intmax_t)seconds, nanoseconds);
	}
}

static void
all_else_is_none(void **state)
{
	static const struct span texts[] = { { NULL, 0 }, SPAN(""), SPAN("-1"),
		SPAN("-0"), SPAN("+1"), SPAN(" 1"), SPAN("1 "), SPAN("\t1"),
		SPAN("1e9"), SPAN("1E9"), SPAN("0x10"), SPAN("1_000"),
		SPAN("1,5"), SPAN("."), SPAN(".5"), SPAN("1."), SPAN("1.-5"),
		SPAN("1. 5"), SPAN("1.5 "), SPAN("1.5.5"), SPAN("1..5"),
		SPAN("1.5e3"), SPAN("1.0000000000"), SPAN("1.1234567890"),
		SPAN("1.12345678a"), SPAN("1\0"), SPAN("1\0.5"), SPAN("1.5\0"),
		SPAN("1\r\n"), SPAN("253402300800"), SPAN("253402300800.0"),
		SPAN("99999999999999"), SPAN("1700000000000"),
		SPAN("18446744073709551616"), SPAN("18446744073709551617.5"),
		SPAN("nan"), SPAN("inf"), SPAN("2024-01-01T00:00:00Z"),
		SPAN("\xd9\xa1") };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		int64_t seconds = 7;
		long nanoseconds = 8;

		if (mtime_parse(texts[i], &seconds, &nanoseconds))
			fail_msg("%.*s", SPAN_ARG(texts[i]));
		assert_int_equal(seconds, 7);
		assert_int_equal(nanoseconds, 8);
	}
}

static void
nothing_behind_the_text_is_read(void **state)
{
	int64_t seconds = 0;
	long nanoseconds = 0;

	(void)state;
	assert_true(
	    mtime_parse((struct span){ "12.345", 2 }, &seconds, &nanoseconds));
	assert_int_equal(seconds, 12);
	assert_true(
	    mtime_parse((struct span){ "12.345", 4 }, &seconds, &nanoseconds));
	assert_int_equal(nanoseconds, 300000000);
	assert_false(
	    mtime_parse((struct span){ "12.345", 3 }, &seconds, &nanoseconds));
}

/* As rclone writes them. */
static void
times_are_written(void **state)
{
	static const struct {
		int64_t seconds;
		long nanoseconds;
		const char *text;
	} rows[] = {
		{ 0, 0, "0" },
		{ 0, 1, "0.000000001" },
		{ 1354040105, 0, "1354040105" },
		{ 1354040105, 500000000, "1354040105.5" },
		{ 1354040105, 50000000, "1354040105.05" },
		{ 1354040105, 123456789, "1354040105.123456789" },
		{ 1354040105, 123456780, "1354040105.12345678" },
		{ MTIME_SECONDS_MAX, 999999999, "253402300799.999999999" },
	};
	char text[MTIME_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int64_t seconds = -1;
		long nanoseconds = -1;

		assert_true(
		    mtime_format(rows[i].seconds, rows[i].nanoseconds, text));
		assert_string_equal(text, rows[i].text);
		assert_true(mtime_parse(span_of(text), &seconds, &nanoseconds));
		assert_true(seconds == rows[i].seconds);
		assert_int_equal(nanoseconds, rows[i].nanoseconds);
	}
	assert_int_equal(strlen(text) + 1, MTIME_TEXT_MAX);
}

static void
what_cannot_be_said_is_not_written(void **state)
{
	static const struct {
		int64_t seconds;
		long nanoseconds;
	} rows[] = { { -1, 0 }, { -1, 999999999 }, { INT64_MIN, 0 },
		{ MTIME_SECONDS_MAX + 1, 0 }, { INT64_MAX, 0 }, { 0, -1 },
		{ 0, 1000000000 }, { 0, 1073741822 }, { 0, 1073741823 } };
	char text[MTIME_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		memset(text, 'x', sizeof(text));
		assert_false(
		    mtime_format(rows[i].seconds, rows[i].nanoseconds, text));
		assert_string_equal(text, "");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_read),
		cmocka_unit_test(all_else_is_none),
		cmocka_unit_test(nothing_behind_the_text_is_read),
		cmocka_unit_test(times_are_written),
		cmocka_unit_test(what_cannot_be_said_is_not_written),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

/*
 * Numbers, sizes, durations, dates (src/base/parse.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <inttypes.h>
#include <time.h>

#include <cmocka.h>

#include "base/parse.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

/* What a failed parse must leave alone. */
enum { UNTOUCHED = 4711 };

static void
numbers(void **state)
{
	static const struct {
		struct span text;
		uint64_t min, max;
		bool ok;
		uint64_t value;
	} rows[] = {
		{ SPAN("0"), 0, 9, true, 0 }, { SPAN("007"), 0, 9, true, 7 },
		{ SPAN("18446744073709551615"), 0, UINT64_MAX, true,
		    UINT64_MAX },
		{ SPAN("00000000000000000000000001"), 0, 9, true, 1 },
		{ SPAN("5"), 5, 5, true, 5 }, { SPAN("4"), 5, 5, false, 0 },
		{ SPAN("6"), 5, 5, false, 0 },
		{ SPAN("18446744073709551616"), 0, UINT64_MAX, false, 0 },
		{ SPAN("18446744073709551620"), 0, UINT64_MAX, false, 0 },
		{ SPAN("99999999999999999999"), 0, UINT64_MAX, false, 0 },
		{ SPAN("184467440737095516150"), 0, UINT64_MAX, false, 0 },
		{ SPAN(""), 0, 9, false, 0 }, { { NULL, 0 }, 0, 9, false, 0 },
		{ SPAN("-1"), 0, UINT64_MAX, false, 0 },
		{ SPAN("+1"), 0, 9, false, 0 }, { SPAN(" 1"), 0, 9, false, 0 },
		{ SPAN("1 "), 0, 9, false, 0 }, { SPAN("1\0"), 0, 9, false, 0 },
		{ SPAN("0x1"), 0, 9, false, 0 },
		{ SPAN("1.0"), 0, 9, false, 0 },
		{ SPAN("1e0"), 0, 9, false, 0 },
		{ SPAN("\xd9\xa1"), 0, 9, false, 0 }, /* an Arabic 1 */
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint64_t value = UNTOUCHED;
		bool ok = parse_number(
		    rows[i].text, rows[i].min, rows[i].max, &value);

		if (ok != rows[i].ok ||
		    value != (ok ? rows[i].value : UNTOUCHED))
			fail_msg("\"%.*s\": %d, %" PRIu64,
			    SPAN_ARG(rows[i].text), ok, value);
	}
}

static void
sizes(void **state)
{
	static const struct {
		struct span text;
		bool ok;
		uint64_t value;
	} rows[] = {
		{ SPAN("0"), true, 0 },
		{ SPAN("1"), true, 1 },
		{ SPAN("900k"), true, 921600 },
		{ SPAN("900K"), true, 921600 },
		{ SPAN("1m"), true, 1048576 },
		{ SPAN("2G"), true, UINT64_C(2147483648) },
		{ SPAN("0g"), true, 0 },
		{ SPAN("18446744073709551615"), true, UINT64_MAX },
		{ SPAN("18014398509481983k"), true,
		    UINT64_C(18014398509481983) * 1024 },
		{ SPAN("17179869183g"), true, UINT64_C(17179869183) << 30 },
		{ SPAN("18014398509481984k"), false, 0 },
		{ SPAN("17179869184g"), false, 0 },
		{ SPAN("18446744073709551616"), false, 0 },
		{ SPAN(""), false, 0 },
		{ { NULL, 0 }, false, 0 },
		{ SPAN("k"), false, 0 },
		{ SPAN("1kk"), false, 0 },
		{ SPAN("1kb"), false, 0 },
		{ SPAN("1 k"), false, 0 },
		{ SPAN("1t"), false, 0 },
		{ SPAN("1.5m"), false, 0 },
		{ SPAN("-1k"), false, 0 },
		{ SPAN("1k\0"), false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint64_t value = UNTOUCHED;
		bool ok = parse_size(rows[i].text, &value);

		if (ok != rows[i].ok ||
		    value != (ok ? rows[i].value : UNTOUCHED))
			fail_msg("\"%.*s\": %d, %" PRIu64,
			    SPAN_ARG(rows[i].text), ok, value);
	}
}

static void
durations(void **state)
{
	static const struct {
		struct span text;
		bool ok;
		int64_t value;
	} rows[] = {
		{ SPAN("0"), true, 0 },
		{ SPAN("0s"), true, 0 },
		{ SPAN("250ms"), true, 250 },
		{ SPAN("30s"), true, 30000 },
		{ SPAN("5m"), true, 300000 },
		{ SPAN("24h"), true, 86400000 },
		{ SPAN("7d"), true, 604800000 },
		{ SPAN("9223372036854775807ms"), true, INT64_MAX },
		{ SPAN("106751991167d"), true,
		    INT64_C(106751991167) * 86400000 },
		{ SPAN("9223372036854775808ms"), false, 0 },
		{ SPAN("106751991168d"), false, 0 },
		{ SPAN("9223372036854775807s"), false, 0 },
		{ SPAN("1"), false, 0 },
		{ SPAN(""), false, 0 },
		{ { NULL, 0 }, false, 0 },
		{ SPAN("s"), false, 0 },
		{ SPAN("ms"), false, 0 },
		{ SPAN("1S"), false, 0 },
		{ SPAN("1 s"), false, 0 },
		{ SPAN("1h30m"), false, 0 },
		{ SPAN("-1s"), false, 0 },
		{ SPAN("1.5s"), false, 0 },
		{ SPAN("1w"), false, 0 },
		{ SPAN("1s\0"), false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int64_t value = UNTOUCHED;
		bool ok = parse_duration(rows[i].text, &value);

		if (ok != rows[i].ok ||
		    value != (ok ? rows[i].value : UNTOUCHED))
			fail_msg("\"%.*s\": %d, %" PRId64,
			    SPAN_ARG(rows[i].text), ok, value);
	}
}

static void
bools(void **state)
{
	static const char *const yes[] = { "on", "yes", "true", "1", "ON",
		"Yes", "tRUE" };
	static const char *const no[] = { "off", "no", "false", "0", "OFF" };
	static const char *const neither[] = { "", "o", "onn", "2", "01", "on ",
		"y", "enabled" };
	bool value;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(yes); i++) {
		value = false;
		assert_true(parse_bool(span_of(yes[i]), &value));
		assert_true(value);
	}
	for (size_t i = 0; i < COUNT_OF(no); i++) {
		value = true;
		assert_true(parse_bool(span_of(no[i]), &value));
		assert_false(value);
	}
	for (size_t i = 0; i < COUNT_OF(neither); i++) {
		assert_false(parse_bool(span_of(neither[i]), &value));
	}
	assert_false(parse_bool(span_of(NULL), &value));
}

static void
modes(void **state)
{
	static const char *const wrong[] = { "", "00660", "8", "0o60", "-1",
		"660 ", "u+w" };
	unsigned mode = UNTOUCHED;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		assert_false(parse_mode(span_of(wrong[i]), &mode));
	assert_int_equal(mode, UNTOUCHED);
	assert_true(parse_mode(SPAN("660"), &mode));
	assert_int_equal(mode, 0660);
	assert_true(parse_mode(SPAN("0660"), &mode));
	assert_int_equal(mode, 0660);
	assert_true(parse_mode(SPAN("0"), &mode));
	assert_int_equal(mode, 0);
	assert_true(parse_mode(SPAN("7777"), &mode));
	assert_int_equal(mode, 07777);
}

static void
hex(void **state)
{
	uint8_t bytes[4] = { 1, 2, 3, 4 };
	char text[9];

	(void)state;
	assert_false(parse_hex(SPAN("0g"), bytes, 2));
	assert_false(parse_hex(SPAN("g0"), bytes, 2));
	assert_false(parse_hex(SPAN("000"), bytes, 2));
	assert_false(parse_hex(SPAN("000"), bytes, 3));
	assert_false(parse_hex(SPAN(""), bytes, 2));
	assert_false(parse_hex(SPAN("+1"), bytes, 2));
	assert_false(parse_hex(SPAN("ffffffx0"), bytes, 8));
	assert_memory_equal(bytes, "\1\2\3\4", 4);
	assert_true(parse_hex(SPAN(""), bytes, 0));
	assert_true(parse_hex(SPAN("00fFA5e9"), bytes, 8));
	assert_memory_equal(bytes, "\x00\xff\xa5\xe9", 4);
	format_hex(bytes, 4, text);
	assert_string_equal(text, "00ffa5e9");
	format_hex(bytes, 0, text);
	assert_string_equal(text, "");
}

static void
sizes_are_formatted(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} rows[] = {
		{ 0, "0" },
		{ 1, "1" },
		{ 1023, "1023" },
		{ 1024, "1k" },
		{ 1025, "1025" },
		{ 921600, "900k" },
		{ 1048576, "1m" },
		{ 1572864, "1536k" },
		{ UINT64_C(1) << 30, "1g" },
		{ UINT64_MAX, "18446744073709551615" },
		{ UINT64_C(17179869183) << 30, "17179869183g" },
	};
	char text[FORMAT_MAX];
	uint64_t back;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_string_equal(
		    format_size(rows[i].bytes, text), rows[i].text);
		assert_true(parse_size(span_of(text), &back));
		assert_true(back == rows[i].bytes);
	}
}

static void
durations_are_formatted(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = {
		{ 0, "0" },
		{ 1, "1ms" },
		{ 1000, "1s" },
		{ 1500, "1500ms" },
		{ 60000, "1m" },
		{ 90000, "90s" },
		{ 3600000, "1h" },
		{ 86400000, "24h" },
		{ 129600000, "36h" },
		{ 172800000, "2d" },
		{ INT64_MAX, "9223372036854775807ms" },
	};
	char text[FORMAT_MAX];
	int64_t back;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_string_equal(
		    format_duration(rows[i].ms, text), rows[i].text);
		assert_true(parse_duration(span_of(text), &back));
		assert_true(back == rows[i].ms);
	}
	assert_string_equal(
	    format_duration(INT64_MIN, text), "-9223372036854775808ms");
}

/* 2026-08-01T00:00:00Z */
#define NOW INT64_C(1785542400)

static void
dates(void **state)
{
	static const struct {
		struct span text;
		int64_t now;
		int64_t seconds;
	} rows[] = {
		/* The three of RFC 9110 5.6.7. */
		{ SPAN("Sun, 06 Nov 1994 08:49:37 GMT"), NOW, 784111777 },
		{ SPAN("Sunday, 06-Nov-94 08:49:37 GMT"), NOW, 784111777 },
		{ SPAN("Sun Nov  6 08:49:37 1994"), NOW, 784111777 },
		{ SPAN("Sun Nov 06 08:49:37 1994"), NOW, 784111777 },
		{ SPAN("Wed Nov 16 08:49:37 1994"), NOW, 784975777 },
		{ SPAN("Thu, 01 Jan 1970 00:00:00 GMT"), NOW, 0 },
		{ SPAN("Wed, 31 Dec 1969 23:59:59 GMT"), NOW, -1 },
		{ SPAN("Tue, 19 Jan 2038 03:14:08 GMT"), NOW,
		    INT64_C(2147483648) },
		{ SPAN("Sat, 01 Jan 0000 00:00:00 GMT"), NOW,
		    INT64_C(-62167219200) },
		{ SPAN("Fri, 31 Dec 9999 23:59:59 GMT"), NOW,
		    INT64_C(253402300799) },
		/* The day's name is not held against the date. */
		{ SPAN("Mon, 06 Nov 1994 08:49:37 GMT"), NOW, 784111777 },
		/* Leap days and the leap second. */
		{ SPAN("Thu, 29 Feb 2024 00:00:00 GMT"), NOW, 1709164800 },
		{ SPAN("Tue, 29 Feb 2000 00:00:00 GMT"), NOW, 951782400 },
		{ SPAN("Sat, 31 Dec 2016 23:59:60 GMT"), NOW, 1483228800 },
		/* The century of two digits. */
		{ SPAN("Wednesday, 01-Jan-70 00:00:00 GMT"), NOW,
		    INT64_C(3155760000) /* 2070 */ },
		{ SPAN("Thursday, 01-Jan-70 00:00:00 GMT"), 1577836799, 0 },
		{ SPAN("Friday, 31-Jul-76 23:59:59 GMT"), NOW,
		    INT64_C(3363465599) }, /* 2076, a second less than 50 */
		{ SPAN("Saturday, 01-Aug-76 00:00:00 GMT"), NOW,
		    INT64_C(3363465600) }, /* 50 years to the second */
		{ SPAN("Sunday, 01-Aug-76 00:00:01 GMT"), NOW, 207705601 },
		{ SPAN("Saturday, 31-Dec-77 00:00:00 GMT"), NOW, 252374400 },
		{ SPAN("Tuesday, 29-Feb-00 00:00:00 GMT"), NOW, 951782400 },
		{ SPAN("Saturday, 01-Jan-00 00:00:00 GMT"),
		    INT64_C(3944678400) /* 2095 */, INT64_C(4102444800) },
		{ SPAN("Sunday, 06-Nov-94 08:49:37 GMT"), 0, 784111777 },
		{ SPAN("Tuesday, 06-Nov-94 08:49:37 GMT"),
		    INT64_C(-2208988800) /* 1900 */,
		    INT64_C(-2371561823) /* 1894 */ },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int64_t seconds = UNTOUCHED;

		if (!parse_http_date(rows[i].text, rows[i].now, &seconds) ||
		    seconds != rows[i].seconds)
			fail_msg("\"%.*s\": %" PRId64, SPAN_ARG(rows[i].text),
			    seconds);
	}
}

static void
what_is_no_date(void **state)
{
	static const struct span rows[] = {
		SPAN(""),
		{ NULL, 0 },
		SPAN("0"),
		SPAN("784111777"),
		SPAN("yesterday"),
		SPAN("Sun"),
		SPAN("Sun, 06 Nov 1994 08:49:37"),
		SPAN("Sun, 06 Nov 1994 08:49:37 GM"),
		SPAN("Sun, 06 Nov 1994 08:49:37 GMT "),
		SPAN(" Sun, 06 Nov 1994 08:49:37 GMT"),
		SPAN("Sun, 06 Nov 1994 08:49:37 GMT\0"),
		SPAN("Sun, 06 Nov 1994 08:49:37 UTC"),
		SPAN("Sun, 06 Nov 1994 08:49:37 +0000"),
		SPAN("Sun, 06 Nov 1994 08:49:37 gmt"),
		SPAN("sun, 06 Nov 1994 08:49:37 GMT"),
		SPAN("Sun, 06 nov 1994 08:49:37 GMT"),
		SPAN("Sun, 06 NOV 1994 08:49:37 GMT"),
		SPAN("Xyz, 06 Nov 1994 08:49:37 GMT"),
		SPAN("Sun, 06 Xyz 1994 08:49:37 GMT"),
		SPAN("Sunday, 06 Nov 1994 08:49:37 GMT"),
		SPAN("06 Nov 1994 08:49:37 GMT"),
		SPAN("Sun,06 Nov 1994 08:49:37 GMT"),
		SPAN("Sun,  06 Nov 1994 08:49:37 GMT"),
		SPAN("Sun, 6 Nov 1994 08:49:37 GMT"),
		SPAN("Sun,  6 Nov 1994 08:49:37 GMT"),
		SPAN("Sun, 06 Nov 94 08:49:37 GMT"),
		SPAN("Sun, 06 Nov 01994 08:49:37 GMT"),
		SPAN("Sun, 06-Nov-1994 08:49:37 GMT"),
		SPAN("Sun, 00 Nov 1994 08:49:37 GMT"),
		SPAN("Sun, 31 Nov 1994 08:49:37 GMT"),
		SPAN("Sun, 32 Dec 1994 08:49:37 GMT"),
		SPAN("Sun, 99 Dec 1994 08:49:37 GMT"),
		SPAN("Sun, 29 Feb 2023 08:49:37 GMT"),
		SPAN("Sun, 29 Feb 2100 08:49:37 GMT"),
		SPAN("Sun, 29 Feb 1900 08:49:37 GMT"),
		SPAN("Sun, 30 Feb 2024 08:49:37 GMT"),
		SPAN("Sun, 06 Nov 1994 24:00:00 GMT"),
		SPAN("Sun, 06 Nov 1994 08:60:00 GMT"),
		SPAN("Sun, 06 Nov 1994 08:49:61 GMT"),
		SPAN("Sun, 06 Nov 1994 8:49:37 GMT"),
		SPAN("Sun, 06 Nov 1994 08:49 GMT"),
		SPAN("Sun, 06 Nov 1994 08.49.37 GMT"),
		SPAN("Sun, 06 Nov 1994 08:49:3\x1a GMT"),
		SPAN("Sun, +6 Nov 1994 08:49:37 GMT"),
		SPAN("Sun, 06 Nov -994 08:49:37 GMT"),
		SPAN("Sun, 06-Nov-94 08:49:37 GMT"),
		SPAN("Sunday, 06-Nov-1994 08:49:37 GMT"),
		SPAN("Sunday, 06 Nov 94 08:49:37 GMT"),
		SPAN("Sunday, 29-Feb-23 08:49:37 GMT"),
		SPAN("Sunday, 6-Nov-94 08:49:37 GMT"),
		SPAN("Sun Nov 6 08:49:37 1994"),
		SPAN("Sun Nov   6 08:49:37 1994"),
		SPAN("Sun Nov  0 08:49:37 1994"),
		SPAN("Sun Nov  6 08:49:37 94"),
		SPAN("Sun Nov  6 08:49:37 1994 GMT"),
		SPAN("Sun, Nov  6 08:49:37 1994"),
		SPAN("Sunday Nov  6 08:49:37 1994"),
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int64_t seconds = UNTOUCHED;

		if (parse_http_date(rows[i], NOW, &seconds) ||
		    seconds != UNTOUCHED)
			fail_msg("\"%.*s\": taken", SPAN_ARG(rows[i]));
	}
}

/* Whatever the clock says, a date of two digits is a date that ends in them,
 * no more than 50 years ahead and no more than 100 behind. */
static void
centuries_follow_the_clock(void **state)
{
	static const int64_t clocks[] = { INT64_MIN, -1, 0, 1, NOW,
		INT64_C(4102444799), INT64_C(253402300799), INT64_MAX };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(clocks); i++) {
		int64_t seconds = UNTOUCHED;

		assert_true(
		    parse_http_date(SPAN("Sunday, 06-Nov-94 08:49:37 GMT"),
			clocks[i], &seconds));
		if (clocks[i] == INT64_MIN || clocks[i] == INT64_MAX)
			continue;
		assert_true(
		    seconds <= clocks[i] + INT64_C(50) * 31557600 + 86400);
		assert_true(seconds >= clocks[i] - INT64_C(51) * 31557600);
	}
}

/* Against libc's calendar: every 97th day of 10000 years, and back. */
static void
the_calendar_is_right(void **state)
{
	char text[FORMAT_MAX], expected[FORMAT_MAX];
	int64_t back;

	(void)state;
	for (int64_t now = INT64_C(-62167219200); now <= INT64_C(253402300799);
	     now += 97 * 86400 + 12345) {
		time_t clock = (time_t)now;
		struct tm parts;

		gmtime_r(&clock, &parts);
		/* In the C locale, where this program starts. */
		strftime(expected, sizeof(expected),
		    "%a, %d %b 0000 %H:%M:%S GMT", &parts);
		for (int i = 0, year = parts.tm_year + 1900; i < 4; i++) {
			expected[15 - i] = (char)('0' + year % 10);
			year /= 10;
		}
		assert_string_equal(format_http_date(now, text), expected);
		assert_true(parse_http_date(span_of(text), now, &back));
		assert_true(back == now);
	}
}

static void
dates_out_of_four_digits_are_bounded(void **state)
{
	char text[FORMAT_MAX];

	(void)state;
	assert_string_equal(
	    format_http_date(784111777, text), "Sun, 06 Nov 1994 08:49:37 GMT");
	assert_string_equal(
	    format_http_date(INT64_MAX, text), "Fri, 31 Dec 9999 23:59:59 GMT");
	assert_string_equal(
	    format_http_date(INT64_MIN, text), "Sat, 01 Jan 0000 00:00:00 GMT");
	assert_string_equal(
	    format_iso_date(1795898615, text), "2026-11-28T20:43:35Z");
	assert_string_equal(format_iso_date(-1, text), "1969-12-31T23:59:59Z");
	assert_string_equal(
	    format_iso_date(INT64_MAX, text), "9999-12-31T23:59:59Z");
	assert_string_equal(
	    format_iso_date(INT64_MIN, text), "0000-01-01T00:00:00Z");
}

static void
iso_dates(void **state)
{
	static const struct {
		struct span text;
		int64_t seconds;
	} rows[] = {
		{ SPAN("2026-11-24T12:00:00Z"), INT64_C(1795521600) },
		{ SPAN("1970-01-01T00:00:00Z"), 0 },
		{ SPAN("1969-12-31T23:59:59Z"), -1 },
		{ SPAN("2000-02-29T23:59:59Z"), INT64_C(951868799) },
		{ SPAN("2024-02-29T00:00:00Z"), INT64_C(1709164800) },
		{ SPAN("2016-12-31T23:59:60Z"), INT64_C(1483228800) },
		{ SPAN("0000-01-01T00:00:00Z"), INT64_C(-62167219200) },
		{ SPAN("9999-12-31T23:59:59Z"), INT64_C(253402300799) },
		/* Beyond four digits by the zone alone. */
		{ SPAN("9999-12-31T23:59:59-23:59"), INT64_C(253402387139) },
		{ SPAN("0000-01-01T00:00:00+23:59"), INT64_C(-62167305540) },
		{ SPAN("2026-11-24T12:00:00.000Z"), INT64_C(1795521600) },
		{ SPAN("2026-11-24T12:00:00.9Z"), INT64_C(1795521600) },
		{ SPAN("2026-11-24T12:00:00.123456789012345678901234567890Z"),
		    INT64_C(1795521600) },
		{ SPAN("1969-12-31T23:59:59.5Z"), -1 },
		{ SPAN("2026-11-24T12:00:00.123456+00:00"),
		    INT64_C(1795521600) },
		{ SPAN("2026-11-24T12:00:00+00:00"), INT64_C(1795521600) },
		{ SPAN("2026-11-24T12:00:00-00:00"), INT64_C(1795521600) },
		{ SPAN("2026-11-24T12:00:00+0000"), INT64_C(1795521600) },
		{ SPAN("2026-11-24T12:00:00+00"), INT64_C(1795521600) },
		{ SPAN("2026-11-24T07:00:00-0500"), INT64_C(1795521600) },
		{ SPAN("2026-11-24T07:00:00-05"), INT64_C(1795521600) },
		{ SPAN("2026-11-24T17:45:00+05:45"), INT64_C(1795521600) },
		{ SPAN("2026-11-25T01:00:00+13:00"), INT64_C(1795521600) },
		{ SPAN("2026-11-24 12:00:00+00:00"), INT64_C(1795521600) },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int64_t seconds = UNTOUCHED;

		if (!parse_iso_date(rows[i].text, &seconds) ||
		    seconds != rows[i].seconds)
			fail_msg("\"%.*s\": %" PRId64, SPAN_ARG(rows[i].text),
			    seconds);
	}
}

static void
what_is_no_iso_date(void **state)
{
	static const struct span rows[] = {
		SPAN(""),
		{ NULL, 0 },
		SPAN("0"),
		SPAN("1795521600"),
		SPAN("never"),
		SPAN("2026-11-24"),
		SPAN("2026-11-24T"),
		SPAN("2026-11-24T12"),
		SPAN("2026-11-24T12:00"),
		SPAN("2026-11-24T12:00Z"),
		SPAN("2026-11-24T12:00:00"),
		SPAN("2026-11-24T12:00:00.5"),
		SPAN("2026-11-24T12:00:00.Z"),
		SPAN("2026-11-24T12:00:00.+00:00"),
		SPAN("2026-11-24T12:00:00,5Z"),
		SPAN("2026-11-24T12:00:00.5.5Z"),
		SPAN("2026-11-24T12:00:00.-5Z"),
		SPAN("2026-11-24T12:00:00z"),
		SPAN("2026-11-24t12:00:00Z"),
		SPAN("2026-11-24  12:00:00Z"),
		SPAN("2026-11-24_12:00:00Z"),
		SPAN("2026-11-24T12:00:00 Z"),
		SPAN("2026-11-24T12:00:00Z "),
		SPAN("2026-11-24T12:00:00Z\0"),
		SPAN("2026-11-24T12:00:00ZZ"),
		SPAN("2026-11-24T12:00:00Z+00:00"),
		SPAN(" 2026-11-24T12:00:00Z"),
		SPAN("2026-11-24T12:00:00GMT"),
		SPAN("2026-11-24T12:00:00+"),
		SPAN("2026-11-24T12:00:00+0"),
		SPAN("2026-11-24T12:00:00+000"),
		SPAN("2026-11-24T12:00:00+00000"),
		SPAN("2026-11-24T12:00:00+00:"),
		SPAN("2026-11-24T12:00:00+00:0"),
		SPAN("2026-11-24T12:00:00+00:000"),
		SPAN("2026-11-24T12:00:00+0:00"),
		SPAN("2026-11-24T12:00:00+24:00"),
		SPAN("2026-11-24T12:00:00+00:60"),
		SPAN("2026-11-24T12:00:00+-1:00"),
		SPAN("2026-11-24T12:00:00-+1:00"),
		SPAN("2026-11-24T12:00:00+00:00:00"),
		SPAN("2026-00-24T12:00:00Z"),
		SPAN("2026-13-24T12:00:00Z"),
		SPAN("2026-99-99T12:00:00Z"),
		SPAN("2026-11-00T12:00:00Z"),
		SPAN("2026-11-31T12:00:00Z"),
		SPAN("2026-02-29T12:00:00Z"),
		SPAN("2100-02-29T12:00:00Z"),
		SPAN("2024-02-30T12:00:00Z"),
		SPAN("2026-11-24T24:00:00Z"),
		SPAN("2026-11-24T12:60:00Z"),
		SPAN("2026-11-24T12:00:61Z"),
		SPAN("2026-1-24T12:00:00Z"),
		SPAN("2026-11-4T12:00:00Z"),
		SPAN("2026-11-24T1:00:00Z"),
		SPAN("26-11-24T12:00:00Z"),
		SPAN("02026-11-24T12:00:00Z"),
		SPAN("12026-11-24T12:00:00Z"),
		SPAN("-2026-11-24T12:00:00Z"),
		SPAN("+2026-11-24T12:00:00Z"),
		SPAN("2026/11/24T12:00:00Z"),
		SPAN("20261124T120000Z"),
		SPAN("2026-11-24T120000Z"),
		SPAN("2026-W48-2T12:00:00Z"),
		SPAN("Tue, 24 Nov 2026 12:00:00 GMT"),
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int64_t seconds = UNTOUCHED;

		if (parse_iso_date(rows[i], &seconds) || seconds != UNTOUCHED)
			fail_msg("\"%.*s\": taken", SPAN_ARG(rows[i]));
	}
}

/* Against libc's calendar, every 97th day of 10000 years. */
static void
iso_dates_follow_the_calendar(void **state)
{
	char text[64];
	int64_t back;

	(void)state;
	for (int64_t now = INT64_C(-62167219200); now <= INT64_C(253402300799);
	     now += 97 * 86400 + 12345) {
		time_t clock = (time_t)now;
		struct tm parts;

		gmtime_r(&clock, &parts);
		snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02dZ",
		    parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
		    parts.tm_hour, parts.tm_min, parts.tm_sec);
		assert_true(parse_iso_date(span_of(text), &back));
		assert_true(back == now);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(sizes),
		cmocka_unit_test(durations),
		cmocka_unit_test(bools),
		cmocka_unit_test(modes),
		cmocka_unit_test(hex),
		cmocka_unit_test(sizes_are_formatted),
		cmocka_unit_test(durations_are_formatted),
		cmocka_unit_test(dates),
		cmocka_unit_test(what_is_no_date),
		cmocka_unit_test(centuries_follow_the_clock),
		cmocka_unit_test(the_calendar_is_right),
		cmocka_unit_test(dates_out_of_four_digits_are_bounded),
		cmocka_unit_test(iso_dates),
		cmocka_unit_test(what_is_no_iso_date),
		cmocka_unit_test(iso_dates_follow_the_calendar),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

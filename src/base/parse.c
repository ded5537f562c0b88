/*
 * Text to values and back: see parse.h.
 *
 * Sizes and durations are a number and a row of a table of units, read from
 * the front to parse and from the largest down to format.  Dates are scanned
 * by a strict strptime of our own: that of libc takes any case, any blanks
 * and the locale's names.  The calendar is ours as well, since libc's
 * gmtime_r and timegm open /etc/localtime when first called, and this file
 * does no I/O; the arithmetic counts in years that begin in March, so that
 * the leap day is a year's last.
 */
#include "base/parse.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

struct unit {
	const char *name;
	uint64_t factor;
	uint64_t least; /* formatted in this unit from so many on */
};

static const struct unit size_units[] = {
	{ "g", 1024 * 1024 * 1024, 1 },
	{ "m", 1024 * 1024, 1 },
	{ "k", 1024, 1 },
	{ "", 1, 0 },
};

static const struct unit duration_units[] = {
	{ "d", 86400000, 2 },
	{ "h", 3600000, 1 },
	{ "m", 60000, 1 },
	{ "s", 1000, 1 },
	{ "ms", 1, 0 },
};

static bool
is_digit(char c)
{
	return (c >= '0' && c <= '9');
}

bool
parse_number(struct span text, uint64_t min, uint64_t max, uint64_t *value)
{
	uint64_t number = 0;

	if (text.len == 0)
		return (false);
	for (size_t i = 0; i < text.len; i++) {
		unsigned digit;

		if (!is_digit(text.data[i]))
			return (false);
		digit = (unsigned)(text.data[i] - '0');
		if (number > (UINT64_MAX - digit) / 10)
			return (false);
		number = number * 10 + digit;
	}
	if (number < min || number > max)
		return (false);
	*value = number;
	return (true);
}

/* Cut TEXT into the digits it begins with and the unit behind them. */
static void
split_unit(struct span text, struct span *digits, struct span *unit)
{
	size_t count = 0;

	while (count < text.len && is_digit(text.data[count]))
		count++;
	*digits = (struct span){ text.data, count };
	*unit = span_skip(text, count);
}

static bool
scale(uint64_t number, const struct unit *unit, uint64_t max, uint64_t *value)
{
	if (number > max / unit->factor)
		return (false);
	*value = number * unit->factor;
	return (true);
}

bool
parse_size(struct span text, uint64_t *bytes)
{
	struct span digits, name;
	uint64_t number;

	split_unit(text, &digits, &name);
	if (!parse_number(digits, 0, UINT64_MAX, &number))
		return (false);
	for (size_t i = 0; i < COUNT_OF(size_units); i++)
		if (span_equal_nocase(name, span_of(size_units[i].name)))
			return (
			    scale(number, &size_units[i], UINT64_MAX, bytes));
	return (false);
}

bool
parse_duration(struct span text, int64_t *ms)
{
	struct span digits, name;
	uint64_t number, value;

	split_unit(text, &digits, &name);
	if (!parse_number(digits, 0, INT64_MAX, &number))
		return (false);
	if (number == 0 && name.len == 0) {
		*ms = 0;
		return (true);
	}
	for (size_t i = 0; i < COUNT_OF(duration_units); i++) {
		const struct unit *unit = &duration_units[i];

		if (!span_equal(name, span_of(unit->name)))
			continue;
		if (!scale(number, unit, INT64_MAX, &value))
			return (false);
		*ms = (int64_t)value;
		return (true);
	}
	return (false);
}

bool
parse_bool(struct span text, bool *value)
{
	static const char *const words[2][4] = {
		{ "off", "no", "false", "0" },
		{ "on", "yes", "true", "1" },
	};

	for (size_t truth = 0; truth < 2; truth++)
		for (size_t i = 0; i < 4; i++)
			if (span_equal_nocase(text, span_of(words[truth][i]))) {
				*value = truth == 1;
				return (true);
			}
	return (false);
}

bool
parse_mode(struct span text, unsigned *mode)
{
	unsigned bits = 0;

	if (text.len < 1 || text.len > 4)
		return (false);
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '7')
			return (false);
		bits = bits << 3 | (unsigned)(text.data[i] - '0');
	}
	*mode = bits;
	return (true);
}

/* The value of a hexadecimal digit, or -1. */
static int
hex_value(char c)
{
	if (is_digit(c))
		return (c - '0');
	if (c >= 'a' && c <= 'f')
		return (c - 'a' + 10);
	if (c >= 'A' && c <= 'F')
		return (c - 'A' + 10);
	return (-1);
}

bool
parse_hex(struct span text, uint8_t *bytes, size_t len)
{
	if (text.len != len || len % 2 != 0)
		return (false);
	for (size_t i = 0; i < len; i++)
		if (hex_value(text.data[i]) < 0)
			return (false);
	for (size_t i = 0; i < len; i += 2)
		bytes[i / 2] = (uint8_t)(hex_value(text.data[i]) << 4 |
		    hex_value(text.data[i + 1]));
	return (true);
}

void
format_hex(const uint8_t *bytes, size_t len, char *text)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		*text++ = digits[bytes[i] >> 4];
		*text++ = digits[bytes[i] & 15];
	}
	*text = '\0';
}

/* VALUE in the first of UNITS that divides it evenly. */
static const char *
format_in_units(const struct unit *unit, uint64_t value, char text[FORMAT_MAX])
{
	while (value % unit->factor != 0 || value / unit->factor < unit->least)
		unit++;
	snprintf(text, FORMAT_MAX, "%" PRIu64 "%s", value / unit->factor,
	    unit->name);
	return (text);
}

const char *
format_size(uint64_t bytes, char text[FORMAT_MAX])
{
	return (format_in_units(size_units, bytes, text));
}

const char *
format_duration(int64_t ms, char text[FORMAT_MAX])
{
	if (ms > 0)
		return (format_in_units(duration_units, (uint64_t)ms, text));
	snprintf(text, FORMAT_MAX, "%" PRId64 "%s", ms, ms == 0 ? "" : "ms");
	return (text);
}

static const char *const short_days[] = { "Sun", "Mon", "Tue", "Wed", "Thu",
	"Fri", "Sat" };
static const char *const long_days[] = { "Sunday", "Monday", "Tuesday",
	"Wednesday", "Thursday", "Friday", "Saturday" };
static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
	"Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

struct date {
	int64_t year;
	int64_t month; /* 1 to 12 */
	int64_t day;
	int64_t hour;
	int64_t minute;
	int64_t second; /* up to 60 */
};

/* The first and the last second that four digits of a year can say. */
#define YEAR_0000_S INT64_C(-62167219200)
#define YEAR_9999_S INT64_C(253402300799)

/* Days from 1970-01-01 to DATE's; those of 0000-03-01 are -719468. */
static int64_t
date_to_days(const struct date *date)
{
	int64_t year = date->month > 2 ? date->year : date->year - 1;
	int64_t month = date->month > 2 ? date->month - 3 : date->month + 9;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t year_of_era = year - era * 400;
	int64_t day_of_year = (153 * month + 2) / 5 + date->day - 1;

	return (era * 146097 + year_of_era * 365 + year_of_era / 4 -
	    year_of_era / 100 + day_of_year - 719468);
}

/* The other way; hour, minute and second are left at 0. */
static struct date
days_to_date(int64_t days)
{
	int64_t from_march = days + 719468;
	int64_t era =
	    (from_march >= 0 ? from_march : from_march - 146096) / 146097;
	int64_t day_of_era = from_march - era * 146097;
	int64_t year_of_era = (day_of_era - day_of_era / 1460 +
				  day_of_era / 36524 - day_of_era / 146096) /
	    365;
	int64_t day_of_year = day_of_era -
	    (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month = (5 * day_of_year + 2) / 153;

	return ((struct date){
	    .year = year_of_era + era * 400 + (month >= 10 ? 1 : 0),
	    .month = month < 10 ? month + 3 : month - 9,
	    .day = day_of_year - (153 * month + 2) / 5 + 1,
	});
}

static int64_t
date_to_seconds(const struct date *date)
{
	return (
	    ((date_to_days(date) * 24 + date->hour) * 60 + date->minute) * 60 +
	    date->second);
}

/* NOW, kept within the years that have four digits. */
static int64_t
bound_seconds(int64_t now)
{
	if (now < YEAR_0000_S)
		return (YEAR_0000_S);
	return (now > YEAR_9999_S ? YEAR_9999_S : now);
}

/* Days since the epoch at SECONDS, rounded down. */
static int64_t
seconds_to_days(int64_t seconds)
{
	return ((seconds >= 0 ? seconds : seconds - 86399) / 86400);
}

static bool
scan_digits(struct span *text, size_t count, int64_t *value)
{
	uint64_t number;

	if (text->len < count ||
	    !parse_number(
		(struct span){ text->data, count }, 0, UINT64_MAX, &number))
		return (false);
	*value = (int64_t)number;
	*text = span_skip(*text, count);
	return (true);
}

/* One of NAMES; *INDEX counts from 1. */
static bool
scan_name(struct span *text, const char *const *names, size_t n, int64_t *index)
{
	for (size_t i = 0; i < n; i++) {
		struct span name = span_of(names[i]);

		if (span_starts(*text, name)) {
			*text = span_skip(*text, name.len);
			*index = (int64_t)i + 1;
			return (true);
		}
	}
	return (false);
}

static bool
scan_literal(struct span *text, char c)
{
	if (text->len == 0 || text->data[0] != c)
		return (false);
	*text = span_skip(*text, 1);
	return (true);
}

/* What stands for the conversion WHAT, as strptime(3) calls them. */
static bool
scan_field(struct span *text, char what, struct date *date)
{
	int64_t ignored;

	switch (what) {
	case 'a':
		return (scan_name(
		    text, short_days, COUNT_OF(short_days), &ignored));
	case 'A':
		return (
		    scan_name(text, long_days, COUNT_OF(long_days), &ignored));
	case 'b':
		return (
		    scan_name(text, months, COUNT_OF(months), &date->month));
	case 'm':
		return (scan_digits(text, 2, &date->month));
	case 'd':
		return (scan_digits(text, 2, &date->day));
	case 'e': /* two digits, or a space and one */
		if (scan_literal(text, ' '))
			return (scan_digits(text, 1, &date->day));
		return (scan_digits(text, 2, &date->day));
	case 'y':
		return (scan_digits(text, 2, &date->year));
	case 'Y':
		return (scan_digits(text, 4, &date->year));
	default: /* 'T' */
		return (scan_digits(text, 2, &date->hour) &&
		    scan_literal(text, ':') &&
		    scan_digits(text, 2, &date->minute) &&
		    scan_literal(text, ':') &&
		    scan_digits(text, 2, &date->second));
	}
}

/* Take what FORM describes off *TEXT. */
static bool
scan_date(struct span *text, const char *form, struct date *date)
{
	for (; *form != '\0'; form++) {
		bool found = *form == '%' ? scan_field(text, *++form, date)
					  : scan_literal(text, *form);

		if (!found)
			return (false);
	}
	return (true);
}

/* Put the century to a year of two digits: the latest that is not more than
 * 50 years after NOW, to the second (RFC 9110 5.6.7). */
static void
guess_century(struct date *date, int64_t now)
{
	int64_t this_year = days_to_date(seconds_to_days(now)).year;
	struct date fifty_earlier = *date;

	/* Counted from 400 years on, so that no year is below 0. */
	date->year = this_year + 50 - (this_year + 450 - date->year) % 100;
	fifty_earlier.year = date->year - 50;
	if (date_to_seconds(&fifty_earlier) > now)
		date->year -= 100;
}

static bool
is_in_calendar(const struct date *date)
{
	struct date back = days_to_date(date_to_days(date));

	return (back.month == date->month && back.day == date->day &&
	    date->hour < 24 && date->minute < 60 && date->second <= 60);
}

bool
parse_http_date(struct span text, int64_t now, int64_t *seconds)
{
	static const struct {
		const char *form;
		bool is_short_year;
	} forms[] = {
		{ "%a, %d %b %Y %T GMT", false }, /* IMF-fixdate */
		{ "%A, %d-%b-%y %T GMT", true },  /* RFC 850 */
		{ "%a %b %e %T %Y", false },      /* asctime */
	};

	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		struct span rest = text;
		struct date date;

		if (!scan_date(&rest, forms[i].form, &date) || rest.len > 0)
			continue;
		if (forms[i].is_short_year)
			guess_century(&date, bound_seconds(now));
		if (!is_in_calendar(&date))
			return (false);
		*seconds = date_to_seconds(&date);
		return (true);
	}
	return (false);
}

/* A point and digits behind it; nothing is well, too. */
static bool
scan_fraction(struct span *text)
{
	struct span digits, behind;

	if (!scan_literal(text, '.'))
		return (true);
	split_unit(*text, &digits, &behind);
	*text = behind;
	return (digits.len > 0);
}

/* Z, or how far the local time is ahead of UTC. */
static bool
scan_zone(struct span *text, int64_t *ahead_s)
{
	int64_t hours, minutes = 0;
	bool is_behind;

	*ahead_s = 0;
	if (scan_literal(text, 'Z'))
		return (true);
	is_behind = scan_literal(text, '-');
	if (!is_behind && !scan_literal(text, '+'))
		return (false);
	if (!scan_digits(text, 2, &hours) || hours > 23)
		return (false);
	if ((scan_literal(text, ':') || text->len > 0) &&
	    (!scan_digits(text, 2, &minutes) || minutes > 59))
		return (false);
	*ahead_s = (hours * 60 + minutes) * (is_behind ? -60 : 60);
	return (true);
}

bool
parse_iso_date(struct span text, int64_t *seconds)
{
	struct date date;
	int64_t ahead_s;

	if (!scan_date(&text, "%Y-%m-%d", &date) ||
	    (!scan_literal(&text, 'T') && !scan_literal(&text, ' ')) ||
	    !scan_date(&text, "%T", &date) || !scan_fraction(&text) ||
	    !scan_zone(&text, &ahead_s) || text.len > 0 ||
	    !is_in_calendar(&date))
		return (false);
	*seconds = date_to_seconds(&date) - ahead_s;
	return (true);
}

/* SECONDS since the epoch as a day, its date and what is left of it. */
static struct date
split_seconds(int64_t seconds, int64_t *days, unsigned *rest)
{
	seconds = bound_seconds(seconds);
	*days = seconds_to_days(seconds);
	*rest = (unsigned)(seconds - *days * 86400);
	return (days_to_date(*days));
}

const char *
format_http_date(int64_t seconds, char text[FORMAT_MAX])
{
	int64_t days;
	unsigned rest;
	struct date date = split_seconds(seconds, &days, &rest);

	/* 1970-01-01 was a Thursday; 719600 is a multiple of 7 that keeps all
	 * days above 0.  What is taken modulo 100 or
	 * 10000 is below it anyway: gcc is told how wide it gets. */
	snprintf(text, FORMAT_MAX, "%s, %02u %s %04u %02u:%02u:%02u GMT",
	    short_days[(days + 719600 + 4) % 7], (unsigned)date.day % 100,
	    months[date.month - 1], (unsigned)date.year % 10000,
	    rest / 3600 % 100, rest / 60 % 60, rest % 60);
	return (text);
}

const char *
format_iso_date(int64_t seconds, char text[FORMAT_MAX])
{
	int64_t days;
	unsigned rest;
	struct date date = split_seconds(seconds, &days, &rest);

	snprintf(text, FORMAT_MAX, "%04u-%02u-%02uT%02u:%02u:%02uZ",
	    (unsigned)date.year % 10000, (unsigned)date.month % 100,
	    (unsigned)date.day % 100, rest / 3600 % 100, rest / 60 % 60,
	    rest % 60);
	return (text);
}

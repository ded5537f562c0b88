/*
 * A file's time as text: see mtime.h.
 *
 * Anyone who may write to the bucket writes it, and any tool may mean
 * something else by the name (milliseconds, a date); so what is not just this
 * form is no time, and never half of one.
 */
#include "s3/mtime.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/parse.h"

enum { NANOSECONDS = 1000000000, FRACTION_DIGITS = 9 };

/* TEXT, the digits behind the point, as billionths. */
static bool
parse_fraction(struct span text, uint64_t *nanoseconds)
{
	if (text.len > FRACTION_DIGITS ||
	    !parse_number(text, 0, NANOSECONDS - 1, nanoseconds))
		return (false);
	for (size_t i = text.len; i < FRACTION_DIGITS; i++)
		*nanoseconds *= 10;
	return (true);
}

bool
mtime_parse(struct span text, int64_t *seconds, long *nanoseconds)
{
	struct span rest = text, whole = span_cut(&rest, '.');
	uint64_t number, fraction = 0;

	if (!parse_number(whole, 0, MTIME_SECONDS_MAX, &number) ||
	    (rest.data != NULL && !parse_fraction(rest, &fraction)))
		return (false);
	*seconds = (int64_t)number;
	*nanoseconds = (long)fraction;
	return (true);
}

bool
mtime_format(int64_t seconds, long nanoseconds, char text[MTIME_TEXT_MAX])
{
	uint64_t whole = (uint64_t)seconds;
	unsigned fraction = (unsigned)nanoseconds;
	int digits = FRACTION_DIGITS;

	text[0] = '\0';
	if (seconds < 0 || seconds > MTIME_SECONDS_MAX || nanoseconds < 0 ||
	    nanoseconds >= NANOSECONDS)
		return (false);
	for (; digits > 0 && fraction % 10 == 0; digits--)
		fraction /= 10;
	/* What is taken modulo is below it anyway: gcc is told how wide. */
	if (digits == 0)
		snprintf(text, MTIME_TEXT_MAX, "%" PRIu64,
		    whole % UINT64_C(1000000000000));
	else
		snprintf(text, MTIME_TEXT_MAX, "%" PRIu64 ".%0*u",
		    whole % UINT64_C(1000000000000), digits,
		    fraction % NANOSECONDS);
	return (true);
}

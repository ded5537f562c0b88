/*
 * Byte ranges: see range.h.  A range that is not understood is ignored, as
 * RFC 9110 14.2 allows for all of them, so a client gets more than it asked
 * for but never other bytes.
 */
#include "s3/range.h"

#include <inttypes.h>

#include "base/parse.h"

static const struct range whole = { .kind = RANGE_WHOLE };

/* Digits only; what is over 2^63 - 1 is taken as that. */
static bool
parse_position(struct span text, uint64_t *position)
{
	if (parse_number(text, 0, INT64_MAX, position))
		return (true);
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] < '0' || text.data[i] > '9')
			return (false);
	*position = INT64_MAX;
	return (text.len > 0);
}

/* One range: FIRST-, FIRST-LAST or -COUNT. */
static bool
parse_one(struct span text, struct range *range)
{
	struct span last = text, first = span_cut(&last, '-');

	if (last.data == NULL)
		return (false);
	*range = whole;
	if (first.len == 0) {
		range->kind = RANGE_SUFFIX;
		return (parse_position(last, &range->count));
	}
	if (!parse_position(first, &range->first))
		return (false);
	range->kind = RANGE_FROM;
	if (last.len == 0)
		return (true);
	range->kind = RANGE_FROM_TO;
	return (
	    parse_position(last, &range->last) && range->last >= range->first);
}

struct range
range_parse(struct span value)
{
	struct span rest = span_trim(value), unit = span_cut(&rest, '=');
	struct range range = whole;

	if (!span_equal_nocase(unit, SPAN("bytes")))
		return (whole);
	/* A list may have empty elements (RFC 9110 5.6.1.2). */
	while (rest.data != NULL) {
		struct span element = span_trim(span_cut(&rest, ','));

		if (element.len == 0)
			continue;
		if (range.kind != RANGE_WHOLE || !parse_one(element, &range))
			return (whole);
	}
	return (range);
}

enum range_fit
range_fit(
    const struct range *range, uint64_t size, uint64_t *first, uint64_t *last)
{
	if (range->kind == RANGE_WHOLE)
		return (RANGE_FIT_WHOLE);
	if (range->kind == RANGE_SUFFIX) {
		if (range->count == 0)
			return (RANGE_FIT_NONE);
		if (size == 0)
			return (RANGE_FIT_WHOLE);
		*first = range->count < size ? size - range->count : 0;
		*last = size - 1;
		return (RANGE_FIT_PART);
	}
	if (range->first >= size)
		return (RANGE_FIT_NONE);
	*first = range->first;
	*last = size - 1;
	if (range->kind == RANGE_FROM_TO && range->last < *last)
		*last = range->last;
	return (RANGE_FIT_PART);
}

bool
range_format(const struct range *range, struct buf *out)
{
	switch (range->kind) {
	case RANGE_FROM:
		return (buf_printf(out, "bytes=%" PRIu64 "-", range->first));
	case RANGE_FROM_TO:
		return (buf_printf(out, "bytes=%" PRIu64 "-%" PRIu64,
		    range->first, range->last));
	case RANGE_SUFFIX:
		return (buf_printf(out, "bytes=-%" PRIu64, range->count));
	case RANGE_WHOLE:
		break;
	}
	return (true);
}

bool
range_parse_content(
    struct span value, uint64_t *first, uint64_t *last, uint64_t *size)
{
	struct span rest = span_trim(value), from, to;
	uint64_t from_byte, to_byte, of;

	if (!span_equal_nocase(span_cut(&rest, ' '), SPAN("bytes")))
		return (false);
	from = span_cut(&rest, '-');
	to = span_cut(&rest, '/');
	if (!parse_number(rest, 1, INT64_MAX, &of) ||
	    !parse_number(to, 0, of - 1, &to_byte) ||
	    !parse_number(from, 0, to_byte, &from_byte))
		return (false);
	*first = from_byte;
	*last = to_byte;
	*size = of;
	return (true);
}

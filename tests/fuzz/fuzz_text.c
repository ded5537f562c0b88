/*
 * base/parse's dates, s3/mtime and s3/range: what is read can be written, and
 * is read again as the same.
 */
#include "fuzz.h"

#include "base/parse.h"
#include "s3/mtime.h"
#include "s3/range.h"

static void
check_dates(struct span text)
{
	char date[FORMAT_MAX];
	int64_t seconds, again;

	if (parse_iso_date(text, &seconds))
		FUZZ_CHECK(seconds > -100000000000 && seconds < 300000000000);
	if (parse_http_date(text, 1795521600, &seconds)) {
		format_http_date(seconds, date);
		FUZZ_CHECK(parse_http_date(span_of(date), 1795521600, &again) &&
		    again == seconds);
	}
}

static void
check_mtime(struct span text)
{
	int64_t seconds, seconds_again;
	long fraction, fraction_again;
	char again[MTIME_TEXT_MAX];

	if (!mtime_parse(text, &seconds, &fraction))
		return;
	FUZZ_CHECK(mtime_format(seconds, fraction, again));
	FUZZ_CHECK(
	    mtime_parse(span_of(again), &seconds_again, &fraction_again) &&
	    seconds_again == seconds && fraction_again == fraction);
}

static void
check_range(struct span text)
{
	struct range range = range_parse(text), again;
	uint64_t first, last, size;
	struct buf out;

	buf_init(&out, 100);
	FUZZ_CHECK(range_format(&range, &out));
	again = range_parse(buf_span(&out));
	FUZZ_CHECK(again.kind == range.kind);
	if (range_fit(&range, 1000, &first, &last) == RANGE_FIT_PART)
		FUZZ_CHECK(first <= last && last < 1000);
	if (range_parse_content(text, &first, &last, &size))
		FUZZ_CHECK(first <= last && last < size);
	buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *bytes = fuzz_string(data, size);
	const struct span text = { bytes, size };

	check_dates(text);
	check_mtime(text);
	check_range(text);
	free(bytes);
	return (0);
}

/*
 * Text for a person: see text.h.  An amount is cut, not rounded: a run that
 * has 1.9999 of 2 GiB behind it is not at its end.
 */
#include "offload/text.h"

#include <inttypes.h>
#include <stdio.h>

#include "s3/uri.h"

enum {
	S_OF_MINUTE = 60,
	S_OF_HOUR = 60 * S_OF_MINUTE,
	S_OF_DAY = 24 * S_OF_HOUR,
	HOURS_TO = 4 * S_OF_DAY, /* from here on, days */
};

size_t
text_shown_len(struct span text)
{
	size_t len = uri_utf8_len(text);
	uint8_t first = (uint8_t)text.data[0];

	if (len == 1 && (first < 0x20 || first == 0x7f))
		return (0);
	/* U+0080 to U+009F: a terminal may take them for ESC and a letter. */
	if (len == 2 && first == 0xc2 && (uint8_t)text.data[1] < 0xa0)
		return (0);
	return (len);
}

bool
text_add_shown(struct buf *out, struct span text, size_t max)
{
	size_t start = out->len, whole = start; /* up to where "..." fits */

	while (text.len > 0) {
		size_t len = text_shown_len(text);
		struct span shown = { text.data, len };
		char hex[sizeof("\\xNN")];

		if (len == 0) {
			len = 1;
			snprintf(hex, sizeof(hex), "\\x%02x",
			    (unsigned)(uint8_t)text.data[0]);
			shown = span_of(hex);
		}
		if (out->len - start + shown.len > max) {
			out->len = whole;
			return (buf_add_string(out, "..."));
		}
		if (!buf_add_span(out, shown))
			return (false);
		if (out->len - start + 3 <= max)
			whole = out->len;
		text = span_skip(text, len);
	}
	return (true);
}

const char *
text_bytes(uint64_t bytes, char text[TEXT_MAX])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB",
		"PiB", "EiB" };
	unsigned unit = 0, bits, spare, part; /* PART: hundredths */
	uint64_t rest;

	while (unit + 1 < sizeof(units) / sizeof(*units) &&
	    bytes >> 10 * unit >= 1024)
		unit++;
	bits = 10 * unit;
	spare = bits > 50 ? 10 : 0; /* 2^60 times 100 would not fit */
	rest = bytes & ((UINT64_C(1) << bits) - 1);
	part = (unsigned)((rest >> spare) * 100 >> (bits - spare));
	bytes >>= bits;
	if (unit == 0 || bytes >= 100)
		snprintf(text, TEXT_MAX, "%" PRIu64 " %s", bytes, units[unit]);
	else if (bytes >= 10)
		snprintf(text, TEXT_MAX, "%" PRIu64 ".%u %s", bytes, part / 10,
		    units[unit]);
	else
		snprintf(text, TEXT_MAX, "%" PRIu64 ".%02u %s", bytes, part,
		    units[unit]);
	return (text);
}

const char *
text_time(int64_t ms, char text[TEXT_MAX])
{
	int64_t s = ms < 0 ? 0 : ms / 1000;
	int seconds = (int)(s % S_OF_MINUTE);
	int minutes = (int)(s % S_OF_HOUR / S_OF_MINUTE);

	if (s < S_OF_HOUR)
		snprintf(text, TEXT_MAX, "%d:%02d", minutes, seconds);
	else if (s < HOURS_TO)
		snprintf(text, TEXT_MAX, "%d:%02d:%02d", (int)(s / S_OF_HOUR),
		    minutes, seconds);
	else
		snprintf(text, TEXT_MAX, "%" PRId64 "d %dh", s / S_OF_DAY,
		    (int)(s % S_OF_DAY / S_OF_HOUR));
	return (text);
}

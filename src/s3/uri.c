/*
 * Percent encoding: see uri.h.  A table of the unreserved bytes, no locale,
 * no libcurl: what is encoded here is signed and sent as it is, so one byte
 * encoded otherwise is a refused request.
 */
#include "s3/uri.h"

#include <stdint.h>

#include "base/parse.h"

static bool
is_unreserved(char c)
{
	return ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
	    c == '~');
}

/* OUT as it was when it held LEN bytes. */
static void
cut_back(struct buf *out, size_t len)
{
	out->len = len;
	(void)buf_string(out);
}

/* Add TEXT with all encoded but the unreserved and KEPT (NUL: no other). */
static bool
encode(struct buf *out, struct span text, char kept)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t before = out->len;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];
		uint8_t byte = (uint8_t)c;
		char coded[3] = { '%', hex[byte >> 4], hex[byte & 15] };
		bool is_plain = is_unreserved(c) || (c == kept && c != '\0');

		if (is_plain ? buf_add_char(out, c)
			     : buf_add(out, coded, sizeof(coded)))
			continue;
		cut_back(out, before);
		return (false);
	}
	return (true);
}

bool
uri_encode_path(struct buf *out, struct span key)
{
	return (encode(out, key, '/'));
}

bool
uri_encode_query(struct buf *out, struct span value)
{
	return (encode(out, value, '\0'));
}

/* The byte that *TEXT begins with, decoded, is taken off it. */
static bool
take_byte(struct span *text, uint8_t *byte)
{
	if (text->data[0] != '%') {
		*byte = (uint8_t)text->data[0];
		*text = span_skip(*text, 1);
		return (true);
	}
	if (text->len < 3 ||
	    !parse_hex((struct span){ text->data + 1, 2 }, byte, 2))
		return (false);
	*text = span_skip(*text, 3);
	return (true);
}

bool
uri_decode(struct buf *out, struct span text)
{
	size_t before = out->len;
	uint8_t byte;

	while (text.len > 0) {
		if (take_byte(&text, &byte) && buf_add_char(out, (char)byte))
			continue;
		cut_back(out, before);
		return (false);
	}
	return (true);
}

/* Unicode 15, table 3-7: which second byte may follow a first byte; each
 * further one is 80 to BF.  It says no overlong forms and no surrogates. */
static const struct {
	uint8_t first_from;
	uint8_t first_to;
	uint8_t second_from;
	uint8_t second_to;
	uint8_t len;
} sequences[] = {
	{ 0x00, 0x7f, 0x00, 0xff, 1 },
	{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
	{ 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 },
	{ 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

static bool
is_between(char c, uint8_t from, uint8_t to)
{
	return ((uint8_t)c >= from && (uint8_t)c <= to);
}

size_t
uri_utf8_len(struct span text)
{
	for (size_t i = 0; i < sizeof(sequences) / sizeof(*sequences); i++) {
		size_t len = sequences[i].len;

		if (!is_between(text.data[0], sequences[i].first_from,
			sequences[i].first_to))
			continue;
		if (len > text.len)
			return (0);
		if (len > 1 &&
		    !is_between(text.data[1], sequences[i].second_from,
			sequences[i].second_to))
			return (0);
		for (size_t at = 2; at < len; at++)
			if (!is_between(text.data[at], 0x80, 0xbf))
				return (0);
		return (len);
	}
	return (0);
}

bool
uri_is_utf8(struct span text)
{
	while (text.len > 0) {
		size_t len = uri_utf8_len(text);

		if (len == 0)
			return (false);
		text = span_skip(text, len);
	}
	return (true);
}

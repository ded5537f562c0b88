/*
 * JSON written: see jsonl.h.  Control characters of C1 and DEL are escaped too,
 * though RFC 8259 would let them stand: the lines may be read at a terminal.
 *
 * Whether the buffer was full is kept and told once, at the end, so that each
 * member is one line of the caller's code.
 */
#include "offload/jsonl.h"

#include <inttypes.h>
#include <stdio.h>

#include "offload/text.h"
#include "s3/uri.h"

static void
add(struct jsonl *json, struct span text)
{
	if (!json->is_full && !buf_add_span(json->out, text))
		json->is_full = true;
}

/* One character of TEXT, as it stands within quotes; what is behind it. */
static struct span
add_character(struct jsonl *json, struct span text)
{
	size_t len = uri_utf8_len(text);
	char escaped[sizeof("\\u00NN")];

	if (len == 0) {
		add(json, SPAN("\xef\xbf\xbd")); /* U+FFFD */
		return (span_skip(text, 1));
	}
	if (text.data[0] == '"' || text.data[0] == '\\')
		add(json, SPAN("\\"));
	if (text_shown_len(text) > 0) {
		add(json, (struct span){ text.data, len });
		return (span_skip(text, len));
	}
	/* All of those are below U+00A0: their code is their last byte. */
	snprintf(escaped, sizeof(escaped), "\\u%04x",
	    (unsigned)(uint8_t)text.data[len - 1]);
	add(json, span_of(escaped));
	return (span_skip(text, len));
}

/* What stands before the value of the member NAME SUFFIX. */
static void
add_name(struct jsonl *json, const char *name, const char *suffix)
{
	add(json, json->is_first ? SPAN("\"") : SPAN(",\""));
	json->is_first = false;
	add(json, span_of(name));
	add(json, span_of(suffix));
	add(json, SPAN("\":"));
}

void
jsonl_begin(struct jsonl *json, struct buf *out)
{
	*json = (struct jsonl){ .out = out, .is_first = true };
	add(json, SPAN("{"));
}

bool
jsonl_end(struct jsonl *json)
{
	add(json, SPAN("}\n"));
	return (!json->is_full);
}

void
jsonl_text(struct jsonl *json, const char *name, struct span text)
{
	struct span rest = text;

	if (text.data == NULL)
		return;
	add_name(json, name, "");
	add(json, SPAN("\""));
	while (rest.len > 0)
		rest = add_character(json, rest);
	add(json, SPAN("\""));
	if (uri_is_utf8(text))
		return;
	add_name(json, name, "_hex");
	add(json, SPAN("\""));
	for (size_t i = 0; i < text.len; i++) {
		char hex[sizeof("NN")];

		snprintf(
		    hex, sizeof(hex), "%02x", (unsigned)(uint8_t)text.data[i]);
		add(json, span_of(hex));
	}
	add(json, SPAN("\""));
}

void
jsonl_number(struct jsonl *json, const char *name, uint64_t number)
{
	char digits[sizeof("18446744073709551615")];

	add_name(json, name, "");
	snprintf(digits, sizeof(digits), "%" PRIu64, number);
	add(json, span_of(digits));
}

void
jsonl_true(struct jsonl *json, const char *name)
{
	add_name(json, name, "");
	add(json, SPAN("true"));
}

void
jsonl_open(struct jsonl *json, const char *name)
{
	add_name(json, name, "");
	add(json, SPAN("{"));
	json->is_first = true;
}

void
jsonl_close(struct jsonl *json)
{
	add(json, SPAN("}"));
	json->is_first = false;
}

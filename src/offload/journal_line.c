/*
 * Lines of the journal: see journal_line.h.  Strict in reading: a line that a
 * crash has torn must not be taken for another file's.
 */
#include "offload/journal_line.h"

#include <inttypes.h>
#include <string.h>

#include "base/parse.h"
#include "s3/uri.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

/* The places of the fields. */
enum {
	FIELD_WHEN,
	FIELD_WHAT,
	FIELD_OFFLOAD,
	FIELD_KEY,
	FIELD_SIZE,
	FIELD_MTIME,
	FIELD_SHA256,
	FIELD_ETAG,
	FIELD_PATH,
	N_FIELDS,
};

enum { NS_DIGITS = 9, SHA256_DIGITS = 64 };

static const char *const names[] = {
	[JOURNAL_PROVED] = "proved",
	[JOURNAL_EVICTED] = "evicted",
	[JOURNAL_TRASHED] = "trashed",
	[JOURNAL_RESTORED] = "restored",
	[JOURNAL_UPLOAD] = "upload",
	[JOURNAL_UPLOAD_DONE] = "upload-done",
};

static bool
add_text(struct buf *out, struct span text, char end)
{
	bool ok;

	if (text.len == 0)
		ok = buf_add_char(out, '-');
	else if (span_equal(text, SPAN("-")))
		ok = buf_add_string(out, "%2D");
	else
		ok = uri_encode_path(out, text);
	return (ok && buf_add_char(out, end));
}

bool
journal_line_write(struct buf *out, const struct journal_entry *entry)
{
	size_t before = out->len;
	char when[FORMAT_MAX];

	if (buf_printf(out, "%s\t%s\t", format_iso_date(entry->when_s, when),
		names[entry->what]) &&
	    add_text(out, span_of(entry->offload), '\t') &&
	    add_text(out, entry->key, '\t') &&
	    buf_printf(out, "%" PRIu64 "\t%" PRId64 ".%09ld\t", entry->size,
		entry->mtime_s, entry->mtime_ns) &&
	    add_text(out, span_of(entry->sha256), '\t') &&
	    add_text(out, entry->etag, '\t') &&
	    add_text(out, entry->path, '\n') &&
	    out->len - before <= JOURNAL_LINE_MAX)
		return (true);
	out->len = before;
	return (false);
}

static bool
read_what(struct span text, enum journal_what *what)
{
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (span_equal(text, span_of(names[i]))) {
			*what = (enum journal_what)i;
			return (true);
		}
	return (false);
}

static bool
read_mtime(struct span text, struct journal_entry *entry)
{
	bool is_negative = span_starts(text, SPAN("-"));
	struct span seconds;
	uint64_t value_s, value_ns;

	text = span_skip(text, is_negative);
	seconds = span_cut(&text, '.');
	if (text.len != NS_DIGITS ||
	    !parse_number(seconds, 0, INT64_MAX, &value_s) ||
	    !parse_number(text, 0, 999999999, &value_ns))
		return (false);
	entry->mtime_s = is_negative ? -(int64_t)value_s : (int64_t)value_s;
	entry->mtime_ns = (long)value_ns;
	return (true);
}

static bool
read_sha256(struct span text, char sha256[SHA256_DIGITS + 1])
{
	uint8_t bytes[SHA256_DIGITS / 2];

	sha256[0] = '\0';
	if (span_equal(text, SPAN("-")))
		return (true);
	if (text.len != SHA256_DIGITS || !parse_hex(text, bytes, SHA256_DIGITS))
		return (false);
	format_hex(bytes, sizeof(bytes), sha256);
	return (true);
}

/* Nothing moves in TEXTS, which has room for all of the line. */
static bool
read_text(struct span text, struct buf *texts, struct span *decoded)
{
	size_t before = texts->len;

	if (text.len == 0)
		return (false);
	if (span_equal(text, SPAN("-")))
		text = SPAN("");
	if (!uri_decode(texts, text))
		return (false);
	*decoded = span_skip(buf_span(texts), before);
	/* No name and no header has one. */
	if (decoded->len > 0 &&
	    memchr(decoded->data, '\0', decoded->len) != NULL)
		return (false);
	return (buf_add_char(texts, '\0'));
}

static bool
cut_fields(struct span line, struct span fields[N_FIELDS])
{
	size_t n = 0;

	while (n < N_FIELDS && line.data != NULL)
		fields[n++] = span_cut(&line, '\t');
	return (n == N_FIELDS && line.data == NULL);
}

bool
journal_line_read(
    struct span line, struct buf *texts, struct journal_entry *entry)
{
	struct span fields[N_FIELDS], offload;

	buf_clear(texts);
	/* Decoded it is no longer, and each NUL is in place of a tab. */
	if (line.len >= JOURNAL_LINE_MAX || !cut_fields(line, fields) ||
	    !buf_reserve(texts, JOURNAL_LINE_MAX))
		return (false);
	*entry = (struct journal_entry){ .when_s = 0 };
	if (!parse_iso_date(fields[FIELD_WHEN], &entry->when_s) ||
	    !read_what(fields[FIELD_WHAT], &entry->what) ||
	    !read_text(fields[FIELD_OFFLOAD], texts, &offload) ||
	    !read_text(fields[FIELD_KEY], texts, &entry->key) ||
	    !parse_number(fields[FIELD_SIZE], 0, UINT64_MAX, &entry->size) ||
	    !read_mtime(fields[FIELD_MTIME], entry) ||
	    !read_sha256(fields[FIELD_SHA256], entry->sha256) ||
	    !read_text(fields[FIELD_ETAG], texts, &entry->etag) ||
	    !read_text(fields[FIELD_PATH], texts, &entry->path))
		return (false);
	entry->offload = offload.data;
	return (true);
}

/*
 * Entries: see entry.h.
 *
 *	checksum	8	MurmurHash64A over all that follows
 *	magic		6	"trys3" and a NUL
 *	version		1	ENTRY_VERSION
 *	kind		1	enum entry_kind
 *	digest		32	of the key
 *	stored		8	seconds since the epoch
 *	length		8	of the body
 *	lengths		2 each	of the fields before METADATA_CACHED, in
 *				the order of enum metadata_field; 0xffff: not
 *				there
 *	fields, body
 *
 * The checksum is against accidents, not against those who may write to
 * memcached: they could make any.  SHA-256 would cost 58 us for 10 KB on a
 * processor without its instructions, more than all the rest of a hit;
 * MurmurHash64A (Appleby's, public domain) costs 2.6 us.  Each of its steps
 * is one to one, so damage within one word of eight bytes is always seen,
 * and any other with 1 - 2^-64.
 */
#include "cache/entry.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

static const char magic[6] = "trys3";

enum {
	CHECKSUM_LEN = 8,
	VERSION_AT = CHECKSUM_LEN + sizeof(magic),
	KIND_AT,
	DIGEST_AT,
	STORED_AT = DIGEST_AT + ENTRY_DIGEST_LEN,
	BODY_LEN_AT = STORED_AT + 8,
	FIELDS_AT = BODY_LEN_AT + 8,
	HEAD_LEN = FIELDS_AT + 2 * METADATA_CACHED,
	ABSENT = 0xffff,
};

static uint64_t
load_word(const char *from)
{
	uint64_t word;

	memcpy(&word, from, sizeof(word));
	return (word);
}

static void
store_word(char *to, uint64_t value)
{
	value = htobe64(value);
	memcpy(to, &value, sizeof(value));
}

static uint16_t
load_short(const char *from)
{
	uint16_t value;

	memcpy(&value, from, sizeof(value));
	return (be16toh(value));
}

static void
store_short(char *to, uint16_t value)
{
	value = htobe16(value);
	memcpy(to, &value, sizeof(value));
}

/* MurmurHash64A with the seed 0. */
static uint64_t
compute_checksum(struct span bytes)
{
	static const uint64_t m = 0xc6a4a7935bd1e995;
	const char *at = bytes.data, *end = at + bytes.len / 8 * 8;
	uint64_t hash = bytes.len * m, word;

	for (; at < end; at += 8) {
		word = le64toh(load_word(at)) * m;
		word ^= word >> 47;
		hash = (hash ^ (word * m)) * m;
	}
	if (bytes.len % 8 > 0) {
		word = 0;
		memcpy(&word, at, bytes.len % 8);
		hash = (hash ^ le64toh(word)) * m;
	}
	hash = (hash ^ (hash >> 47)) * m;
	return (hash ^ (hash >> 47));
}

size_t
entry_len(const struct entry *entry)
{
	size_t len = HEAD_LEN;

	if (entry->kind == ENTRY_MISSING)
		return (len);
	for (int i = 0; i < METADATA_CACHED; i++)
		len += entry->metadata.field[i].len;
	return (len + entry->body.len);
}

static void
fill_head(char head[HEAD_LEN], const struct entry *entry,
    const uint8_t digest[ENTRY_DIGEST_LEN])
{
	bool is_object = entry->kind == ENTRY_OBJECT;

	memset(head, 0, HEAD_LEN);
	memcpy(head + CHECKSUM_LEN, magic, sizeof(magic));
	head[VERSION_AT] = ENTRY_VERSION;
	head[KIND_AT] = (char)entry->kind;
	memcpy(head + DIGEST_AT, digest, ENTRY_DIGEST_LEN);
	store_word(head + STORED_AT, (uint64_t)entry->stored_s);
	store_word(head + BODY_LEN_AT, is_object ? entry->body.len : 0);
	for (int i = 0; i < METADATA_CACHED; i++) {
		struct span field = entry->metadata.field[i];
		uint16_t len = ABSENT;

		if (is_object && field.data != NULL) {
			assert(field.len <= METADATA_VALUE_MAX);
			len = (uint16_t)field.len;
		}
		store_short(head + FIELDS_AT + 2 * i, len);
	}
}

bool
entry_write(const struct entry *entry, const uint8_t digest[ENTRY_DIGEST_LEN],
    struct buf *out)
{
	char head[HEAD_LEN];
	size_t start = out->len, len = entry_len(entry);
	struct span covered;
	bool ok;

	if (len > out->max - start || !buf_reserve(out, start + len))
		return (false);
	fill_head(head, entry, digest);
	ok = buf_add(out, head, HEAD_LEN);
	if (entry->kind == ENTRY_OBJECT) {
		for (int i = 0; i < METADATA_CACHED; i++)
			ok = ok && buf_add_span(out, entry->metadata.field[i]);
		ok = ok && buf_add_span(out, entry->body);
	}
	assert(ok && out->len == start + len);
	covered =
	    span_skip((struct span){ out->data + start, len }, CHECKSUM_LEN);
	store_word(out->data + start, compute_checksum(covered));
	return (true);
}

/* A value that metadata_take() would not have let in: a line's end in a
 * header must not come in by the back door either. */
static bool
has_control(struct span value)
{
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.data[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return (true);
	}
	return (false);
}

/* Cut the fields, as long as HEAD says, off *REST. */
static bool
read_fields(const char *head, struct span *rest, struct metadata *metadata)
{
	for (int i = 0; i < METADATA_CACHED; i++) {
		size_t len = load_short(head + FIELDS_AT + 2 * i);
		struct span *field = &metadata->field[i];

		*field = (struct span){ NULL, 0 };
		if (len == ABSENT)
			continue;
		if (len > METADATA_VALUE_MAX || len > rest->len)
			return (false);
		*field = (struct span){ rest->data, len };
		if (has_control(*field))
			return (false);
		*rest = span_skip(*rest, len);
	}
	return (true);
}

static bool
is_sound(struct span bytes, const uint8_t digest[ENTRY_DIGEST_LEN])
{
	const char *head = bytes.data;

	return (bytes.len >= HEAD_LEN &&
	    memcmp(head + CHECKSUM_LEN, magic, sizeof(magic)) == 0 &&
	    head[VERSION_AT] == ENTRY_VERSION &&
	    memcmp(head + DIGEST_AT, digest, ENTRY_DIGEST_LEN) == 0 &&
	    be64toh(load_word(head)) ==
		compute_checksum(span_skip(bytes, CHECKSUM_LEN)));
}

/* That an object is missing can be said in one way only. */
static bool
is_missing(struct span bytes, const struct entry *entry,
    const uint8_t digest[ENTRY_DIGEST_LEN])
{
	char head[HEAD_LEN];

	fill_head(head, entry, digest);
	return (bytes.len == HEAD_LEN &&
	    memcmp(bytes.data + CHECKSUM_LEN, head + CHECKSUM_LEN,
		HEAD_LEN - CHECKSUM_LEN) == 0);
}

bool
entry_read(struct span bytes, const uint8_t digest[ENTRY_DIGEST_LEN],
    struct entry *entry)
{
	const char *head = bytes.data;
	struct span rest;

	if (!is_sound(bytes, digest))
		return (false);
	*entry = (struct entry){ .kind = ENTRY_OBJECT };
	entry->stored_s = (int64_t)be64toh(load_word(head + STORED_AT));
	if (head[KIND_AT] == ENTRY_MISSING) {
		entry->kind = ENTRY_MISSING;
		return (is_missing(bytes, entry, digest));
	}
	if (head[KIND_AT] != ENTRY_OBJECT)
		return (false);
	rest = span_skip(bytes, HEAD_LEN);
	if (!read_fields(head, &rest, &entry->metadata) ||
	    rest.len != be64toh(load_word(head + BODY_LEN_AT)))
		return (false);
	entry->body = rest;
	entry->metadata.size = rest.len;
	return (true);
}

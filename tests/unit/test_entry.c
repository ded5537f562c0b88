/*
 * The binary form of what is cached (src/cache/entry.h): what was written is
 * read back, and whatever differs from it by a bit or a byte is not read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "cache/entry.h"

enum { HEAD_LEN = 82, FIELDS_AT = 64, ROOM = 1 << 20 };

static const uint8_t digest[ENTRY_DIGEST_LEN] =
    "0123456789abcdef0123456789abcde";

static struct entry
make_object(void)
{
	struct entry entry = { .kind = ENTRY_OBJECT,
		.stored_s = 1700000000,
		.body = SPAN("the\0body\r\n") };

	entry.metadata.field[METADATA_CONTENT_TYPE] = SPAN("image/png");
	entry.metadata.field[METADATA_ETAG] = SPAN("\"0123\"");
	entry.metadata.field[METADATA_EXPIRES] = SPAN("0");
	entry.metadata.size = entry.body.len;
	return (entry);
}

/* ENTRY written, in memory of just its size, so that a sanitizer sees each
 * step beyond it; freed by free(). */
static struct span
write_entry(const struct entry *entry)
{
	struct span bytes;
	struct buf out;
	char *copy;

	buf_init(&out, ROOM);
	assert_true(entry_write(entry, digest, &out));
	assert_int_equal(out.len, entry_len(entry));
	copy = mem_alloc(out.len);
	memcpy(copy, out.data, out.len);
	bytes = (struct span){ copy, out.len };
	buf_fini(&out);
	return (bytes);
}

static void
free_bytes(struct span bytes)
{
	free((void *)(uintptr_t)bytes.data);
}

static char *
at(struct span bytes, size_t offset)
{
	return ((char *)(uintptr_t)(bytes.data + offset));
}

/* MurmurHash64A once more, straight from its definition, so that an entry
 * that is wrong in other ways can be given a checksum that is right. */
static uint64_t
murmur(const char *data, size_t len)
{
	const uint64_t m = 0xc6a4a7935bd1e995;
	uint64_t hash = (uint64_t)len * m;
	size_t at_byte = 0;

	for (; at_byte + 8 <= len; at_byte += 8) {
		uint64_t k = 0;

		for (int i = 7; i >= 0; i--)
			k = k << 8 | (uint8_t)data[at_byte + (size_t)i];
		k *= m;
		k ^= k >> 47;
		k *= m;
		hash ^= k;
		hash *= m;
	}
	if (at_byte < len) {
		for (size_t i = len; i > at_byte; i--)
			hash ^= (uint64_t)(uint8_t)data[i - 1]
			    << 8 * (i - 1 - at_byte);
		hash *= m;
	}
	hash ^= hash >> 47;
	hash *= m;
	return (hash ^ hash >> 47);
}

static void
seal(struct span bytes)
{
	uint64_t sum = murmur(bytes.data + 8, bytes.len - 8);

	for (size_t i = 0; i < 8; i++)
		*at(bytes, i) = (char)(sum >> (56 - 8 * i));
}

static bool
reads(struct span bytes)
{
	struct entry entry;

	return (entry_read(bytes, digest, &entry));
}

static void
assert_same(const struct entry *a, const struct entry *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->stored_s, b->stored_s);
	assert_int_equal(a->metadata.size, b->metadata.size);
	for (int i = 0; i < METADATA_FIELDS; i++) {
		assert_int_equal(a->metadata.field[i].data == NULL,
		    b->metadata.field[i].data == NULL);
		assert_true(
		    span_equal(a->metadata.field[i], b->metadata.field[i]));
	}
	assert_true(span_equal(a->body, b->body));
	assert_null(b->metadata.text);
}

static void
assert_returns(const struct entry *entry)
{
	struct span bytes = write_entry(entry);
	struct entry back;

	memset(&back, 0xa5, sizeof(back));
	assert_true(entry_read(bytes, digest, &back));
	assert_same(entry, &back);
	free_bytes(bytes);
}

static void
an_object_comes_back(void **state)
{
	struct entry entry = make_object();
	char text[METADATA_VALUE_MAX];

	(void)state;
	assert_returns(&entry);
	entry.body = SPAN("");
	entry.metadata.size = 0;
	assert_returns(&entry);
	memset(text, '~', sizeof(text));
	for (int i = 0; i < METADATA_CACHED; i++)
		entry.metadata.field[i] =
		    (struct span){ text, sizeof(text) - (size_t)i };
	assert_returns(&entry);
	memset(&entry.metadata, 0, sizeof(entry.metadata));
	assert_returns(&entry);
	entry.metadata.field[METADATA_ETAG] = SPAN("");
	entry.metadata.field[METADATA_CONTENT_TYPE] = SPAN("a\tb \xe3\x81\x82");
	assert_returns(&entry);
	entry.stored_s = INT64_MAX;
	assert_returns(&entry);
	entry.stored_s = INT64_MIN;
	assert_returns(&entry);
}

static void
only_some_fields_are_kept(void **state)
{
	struct entry entry = make_object(), more = make_object(), back;
	struct span bytes;

	(void)state;
	for (int i = METADATA_CACHED; i < METADATA_FIELDS; i++)
		more.metadata.field[i] = SPAN("not kept");
	bytes = write_entry(&more);
	assert_int_equal(bytes.len, entry_len(&entry));
	memset(&back, 0xa5, sizeof(back));
	assert_true(entry_read(bytes, digest, &back));
	assert_same(&entry, &back);
	free_bytes(bytes);
	entry.metadata.field[METADATA_MTIME] = SPAN("1354040105.5");
	assert_returns(&entry);
}

static void
bodies_of_every_length_come_back(void **state)
{
	struct entry entry = make_object();
	char body[100];

	(void)state;
	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = (char)(i * 7 + 1);
	for (size_t len = 0; len < sizeof(body); len++) {
		entry.body = (struct span){ body, len };
		entry.metadata.size = len;
		assert_returns(&entry);
	}
}

static void
what_is_missing_comes_back(void **state)
{
	struct entry entry = { .kind = ENTRY_MISSING, .stored_s = 1 };

	(void)state;
	assert_int_equal(entry_len(&entry), HEAD_LEN);
	assert_returns(&entry);
}

/* The form is a promise to other hosts: it may not change unnoticed. */
static void
the_form_is_what_it_was(void **state)
{
	static const uint8_t want[] = { 0xc1, 0x9f, 0x04, 0x5f, 0xc5, 0xfd,
		0xbb, 0x03, 't', 'r', 'y', 's', '3', 0, 2, 0 };
	struct entry entry = make_object();
	struct span bytes = write_entry(&entry);

	(void)state;
	assert_int_equal(bytes.len, HEAD_LEN + 9 + 6 + 1 + 10);
	assert_memory_equal(bytes.data, want, sizeof(want));
	assert_memory_equal(bytes.data + 16, digest, sizeof(digest));
	assert_memory_equal(bytes.data + 48, "\0\0\0\0\x65\x53\xf1\0", 8);
	assert_memory_equal(bytes.data + 56, "\0\0\0\0\0\0\0\x0a", 8);
	assert_memory_equal(bytes.data + FIELDS_AT,
	    "\0\x09\xff\xff\xff\xff\xff\xff\0\x06\xff\xff\xff\xff\0\x01"
	    "\xff\xff",
	    18);
	assert_memory_equal(
	    bytes.data + HEAD_LEN, "image/png\"0123\"0the\0body\r\n", 26);
	free_bytes(bytes);
}

static void
every_byte_counts(void **state)
{
	struct entry entry = make_object();
	struct span bytes = write_entry(&entry);

	(void)state;
	assert_true(reads(bytes));
	for (size_t i = 0; i < bytes.len; i++) {
		char was = *at(bytes, i);

		for (int change = 1; change < 256; change++) {
			*at(bytes, i) = (char)(was ^ change);
			if (reads(bytes))
				fail_msg("byte %zu, changed by %d", i, change);
		}
		*at(bytes, i) = was;
	}
	assert_true(reads(bytes));
	free_bytes(bytes);
}

static void
every_length_counts(void **state)
{
	struct entry entry = make_object();
	struct span bytes = write_entry(&entry), cut;
	char *longer;

	(void)state;
	for (size_t len = 0; len < bytes.len; len++) {
		cut.data = mem_string_of(bytes.data, len);
		cut.len = len;
		if (reads(cut))
			fail_msg("cut to %zu", len);
		free_bytes(cut);
	}
	longer = mem_zero(1, bytes.len + 8);
	memcpy(longer, bytes.data, bytes.len);
	for (size_t more = 1; more <= 8; more++)
		assert_false(reads((struct span){ longer, bytes.len + more }));
	free(longer);
	free_bytes(bytes);
}

static void
two_swapped_words_are_seen(void **state)
{
	struct entry entry = make_object();
	struct span bytes = write_entry(&entry);
	char word[8];

	(void)state;
	memcpy(word, at(bytes, 80), 8);
	memcpy(at(bytes, 80), at(bytes, 88), 8);
	memcpy(at(bytes, 88), word, 8);
	assert_false(reads(bytes));
	free_bytes(bytes);
}

static void
another_keys_entry_is_not_read(void **state)
{
	struct entry entry = make_object(), back;
	struct span bytes = write_entry(&entry);
	uint8_t other[ENTRY_DIGEST_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(other); i++) {
		memcpy(other, digest, sizeof(other));
		other[i] ^= 1;
		assert_false(entry_read(bytes, other, &back));
	}
	free_bytes(bytes);
}

/* Wrong, though the checksum is right: what another version of us, or one
 * with a fault, might write. */
static const struct {
	const char *name;
	size_t offset;
	struct span bytes;
	bool is_read;
} sealed[] = {
	{ "as it was", 8, SPAN("trys3"), true },
	{ "magic", 8, SPAN("trys4"), false },
	{ "magic's end", 13, SPAN("x"), false },
	{ "an older version", 14, SPAN("\1"), false },
	{ "a newer version", 14, SPAN("\3"), false },
	{ "missing, with a body", 15, SPAN("\1"), false },
	{ "an unknown kind", 15, SPAN("\2"), false },
	{ "a kind below zero", 15, SPAN("\xff"), false },
	{ "another key", 16, SPAN("x"), false },
	{ "another time", 48, SPAN("\0\0\0\0\0\0\0\1"), true },
	{ "a body one shorter", 63, SPAN("\x09"), false },
	{ "a body one longer", 63, SPAN("\x0b"), false },
	{ "an endless body", 56, SPAN("\xff\xff\xff\xff\xff\xff\xff\xff"),
	    false },
	{ "a field one shorter", FIELDS_AT, SPAN("\0\x08"), false },
	{ "a field one longer", FIELDS_AT, SPAN("\0\x0a"), false },
	{ "a field less", FIELDS_AT, SPAN("\xff\xff"), false },
	{ "a field over the limit", FIELDS_AT, SPAN("\x10\x01"), false },
	{ "a field over the end", FIELDS_AT, SPAN("\x0f\xff"), false },
	{ "a field of the greatest length", FIELDS_AT, SPAN("\xff\xfe"),
	    false },
	{ "lengths moved to another field", FIELDS_AT, SPAN("\xff\xff\0\x09"),
	    true },
	{ "a return in a field", HEAD_LEN, SPAN("\r"), false },
	{ "a newline in a field", HEAD_LEN + 8, SPAN("\n"), false },
	{ "a NUL in a field", HEAD_LEN + 9, SPAN("\0"), false },
	{ "DEL in the last field", HEAD_LEN + 15, SPAN("\x7f"), false },
	{ "a tab in a field", HEAD_LEN, SPAN("\t"), true },
	{ "a newline in the body", HEAD_LEN + 16, SPAN("\n"), true },
};

static void
what_does_not_fit_is_not_read(void **state)
{
	struct entry entry = make_object();
	struct span bytes;

	(void)state;
	for (size_t i = 0; i < sizeof(sealed) / sizeof(sealed[0]); i++) {
		bytes = write_entry(&entry);
		memcpy(at(bytes, sealed[i].offset), sealed[i].bytes.data,
		    sealed[i].bytes.len);
		seal(bytes);
		if (reads(bytes) != sealed[i].is_read)
			fail_msg("%s", sealed[i].name);
		free_bytes(bytes);
	}
}

/* With bytes enough behind it that only the limit is in the way. */
static void
a_field_has_its_limit(void **state)
{
	char body[METADATA_VALUE_MAX + 1];
	struct entry entry = make_object();
	struct span bytes;

	(void)state;
	memset(body, 'x', sizeof(body));
	memset(&entry.metadata, 0, sizeof(entry.metadata));
	entry.body = (struct span){ body, sizeof(body) };
	bytes = write_entry(&entry);
	memcpy(at(bytes, FIELDS_AT), "\x10\x01", 2);
	memcpy(at(bytes, 62), "\0\0", 2);
	seal(bytes);
	assert_false(reads(bytes));
	memcpy(at(bytes, FIELDS_AT), "\x10\x00", 2);
	memcpy(at(bytes, 62), "\0\1", 2);
	seal(bytes);
	assert_true(reads(bytes));
	free_bytes(bytes);
}

static void
what_is_missing_has_nothing_else(void **state)
{
	struct entry entry = make_object();
	struct span bytes = write_entry(&entry);
	struct span none = { bytes.data, HEAD_LEN };

	(void)state;
	/* Of the kind "missing", with fields and no body. */
	*at(bytes, 15) = 1;
	*at(bytes, 63) = 0;
	bytes.len -= 10;
	seal(bytes);
	assert_false(reads(bytes));
	/* With fields of no length, which say nothing. */
	memset(at(bytes, FIELDS_AT), 0, 2 * METADATA_CACHED);
	seal(none);
	assert_false(reads(none));
	memset(at(bytes, FIELDS_AT), 0xff, 2 * METADATA_CACHED);
	seal(none);
	assert_true(reads(none));
	free_bytes(bytes);
}

static void
nothing_is_no_entry(void **state)
{
	(void)state;
	assert_false(reads((struct span){ NULL, 0 }));
	assert_false(reads(SPAN("")));
	assert_false(reads(SPAN("trys3")));
}

static void
a_full_buffer_is_left_alone(void **state)
{
	struct entry entry = make_object();
	size_t len = entry_len(&entry);
	struct buf out;

	(void)state;
	buf_init(&out, len + 3);
	assert_true(buf_add_string(&out, "abcd"));
	assert_false(entry_write(&entry, digest, &out));
	assert_string_equal(buf_string(&out), "abcd");
	buf_clear(&out);
	assert_true(buf_add_string(&out, "abc"));
	assert_true(entry_write(&entry, digest, &out));
	assert_true(reads(span_skip(buf_span(&out), 3)));
	buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_comes_back),
		cmocka_unit_test(only_some_fields_are_kept),
		cmocka_unit_test(bodies_of_every_length_come_back),
		cmocka_unit_test(what_is_missing_comes_back),
		cmocka_unit_test(the_form_is_what_it_was),
		cmocka_unit_test(every_byte_counts),
		cmocka_unit_test(every_length_counts),
		cmocka_unit_test(two_swapped_words_are_seen),
		cmocka_unit_test(another_keys_entry_is_not_read),
		cmocka_unit_test(what_does_not_fit_is_not_read),
		cmocka_unit_test(a_field_has_its_limit),
		cmocka_unit_test(what_is_missing_has_nothing_else),
		cmocka_unit_test(nothing_is_no_entry),
		cmocka_unit_test(a_full_buffer_is_left_alone),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

/*
 * Percent encoding (src/s3/uri.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "s3/uri.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

/* A copy in memory of its very length, for the sanitizer to watch; freed by
 * the caller. */
static struct span
exact(struct span text)
{
	char *copy = malloc(text.len > 0 ? text.len : 1);

	assert_non_null(copy);
	if (text.len > 0)
		memcpy(copy, text.data, text.len);
	return ((struct span){ copy, text.len });
}

static void
known_texts_are_encoded(void **state)
{
	static const struct {
		struct span text;
		const char *path;
		const char *query;
	} rows[] = {
		{ SPAN(""), "", "" },
		{ { NULL, 0 }, "", "" },
		{ SPAN("/photos/Jan/sample.jpg"), "/photos/Jan/sample.jpg",
		    "%2Fphotos%2FJan%2Fsample.jpg" },
		{ SPAN("test$file.text"), "test%24file.text",
		    "test%24file.text" },
		{ SPAN("AZaz09-._~"), "AZaz09-._~", "AZaz09-._~" },
		{ SPAN("a b+c%d?e#f"), "a%20b%2Bc%25d%3Fe%23f",
		    "a%20b%2Bc%25d%3Fe%23f" },
		{ SPAN("%20"), "%2520", "%2520" },
		{ SPAN("a//b/../c/."), "a//b/../c/.", "a%2F%2Fb%2F..%2Fc%2F." },
		{ SPAN("'\"*!()&=;:@,[]\\"),
		    "%27%22%2A%21%28%29%26%3D%3B%3A%40%2C%5B%5D%5C",
		    "%27%22%2A%21%28%29%26%3D%3B%3A%40%2C%5B%5D%5C" },
		{ SPAN("\xe3\x81\x82"), "%E3%81%82", "%E3%81%82" },
		{ SPAN("\xf0\x9f\x98\x80"), "%F0%9F%98%80", "%F0%9F%98%80" },
		{ SPAN("a\0b\xff\x7f\n"), "a%00b%FF%7F%0A", "a%00b%FF%7F%0A" },
	};
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		buf_clear(&out);
		assert_true(uri_encode_path(&out, rows[i].text));
		assert_string_equal(buf_string(&out), rows[i].path);
		buf_clear(&out);
		assert_true(uri_encode_query(&out, rows[i].text));
		assert_string_equal(buf_string(&out), rows[i].query);
	}
	buf_fini(&out);
}

static void
each_byte_comes_back(void **state)
{
	static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "abcdefghijklmnopqrstuvwxyz"
					 "0123456789-._~";

	(void)state;
	for (int value = 0; value < 256; value++) {
		char c = (char)value;
		struct span text = { &c, 1 };
		struct buf coded, back;
		bool is_plain = c != '\0' && strchr(unreserved, c) != NULL;

		buf_init(&coded, 3);
		buf_init(&back, 1);
		assert_true(uri_encode_query(&coded, text));
		assert_int_equal(coded.len, is_plain ? 1 : 3);
		assert_true(uri_decode(&back, buf_span(&coded)));
		assert_true(span_equal(buf_span(&back), text));
		buf_clear(&coded);
		assert_true(uri_encode_path(&coded, text));
		assert_int_equal(coded.len, is_plain || c == '/' ? 1 : 3);
		buf_fini(&coded);
		buf_fini(&back);
	}
}

static void
a_full_buffer_is_left_as_it_was(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 7);
	assert_true(buf_add_string(&out, "/x"));
	assert_true(uri_encode_path(&out, SPAN("ab%")));
	assert_string_equal(buf_string(&out), "/xab%25");
	for (size_t len = 3; len < 7; len++) {
		buf_clear(&out);
		assert_true(buf_add(&out, "/xyzuvw", len));
		assert_false(uri_encode_path(&out, SPAN("ab\xff")));
		assert_false(uri_encode_query(&out, SPAN("ab\xff")));
		assert_false(uri_decode(&out, SPAN("abcde")));
		assert_true(span_equal(
		    buf_span(&out), (struct span){ "/xyzuvw", len }));
		assert_int_equal(out.data[len], '\0');
	}
	buf_fini(&out);
	buf_init(&out, 0);
	assert_false(uri_encode_path(&out, SPAN("a")));
	assert_string_equal(buf_string(&out), "");
	buf_fini(&out);
}

static void
texts_are_decoded_once(void **state)
{
	static const struct {
		struct span text;
		struct span decoded; /* data NULL: malformed */
	} rows[] = {
		{ SPAN(""), SPAN("") },
		{ SPAN("/a/b"), SPAN("/a/b") },
		{ SPAN("a+b"), SPAN("a+b") },
		{ SPAN("%61%2f%2F%e3%81%82"), SPAN("a//\xe3\x81\x82") },
		{ SPAN("%2520"), SPAN("%20") },
		{ SPAN("%00"), SPAN("\0") },
		{ SPAN("%fF"), SPAN("\xff") },
		{ SPAN("%25%"), { NULL, 0 } },
		{ SPAN("%"), { NULL, 0 } },
		{ SPAN("a%4"), { NULL, 0 } },
		{ SPAN("%g0"), { NULL, 0 } },
		{ SPAN("%0g"), { NULL, 0 } },
		{ SPAN("% 1"), { NULL, 0 } },
		{ SPAN("%+1"), { NULL, 0 } },
		{ SPAN("%-1"), { NULL, 0 } },
		{ SPAN("%0x41"), { NULL, 0 } },
		{ SPAN("%%41"), { NULL, 0 } },
		{ SPAN("%u3042"), { NULL, 0 } },
		{ SPAN("%4\0"), { NULL, 0 } },
	};
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct span text = exact(rows[i].text);
		bool ok;

		buf_clear(&out);
		ok = uri_decode(&out, text);
		free((void *)(uintptr_t)text.data);
		if (ok != (rows[i].decoded.data != NULL) ||
		    !span_equal(buf_span(&out), rows[i].decoded))
			fail_msg("%.*s: %d, %s", SPAN_ARG(rows[i].text), ok,
			    buf_string(&out));
	}
	buf_fini(&out);
}

static void
utf8(void **state)
{
	static const struct {
		const char *name;
		struct span text;
		bool ok;
	} rows[] = {
		{ "nothing", SPAN(""), true },
		{ "no value", { NULL, 0 }, true },
		{ "ASCII with a NUL", SPAN("a\0\x7f"), true },
		{ "U+0080", SPAN("\xc2\x80"), true },
		{ "U+07FF", SPAN("\xdf\xbf"), true },
		{ "U+0800", SPAN("\xe0\xa0\x80"), true },
		{ "U+D7FF", SPAN("\xed\x9f\xbf"), true },
		{ "U+E000", SPAN("\xee\x80\x80"), true },
		{ "U+FFFF", SPAN("\xef\xbf\xbf"), true },
		{ "U+10000", SPAN("\xf0\x90\x80\x80"), true },
		{ "U+10FFFF", SPAN("\xf4\x8f\xbf\xbf"), true },
		{ "mixed", SPAN("a\xc3\xa9\xe3\x81\x82\xf0\x9f\x98\x80z"),
		    true },
		{ "overlong NUL", SPAN("\xc0\x80"), false },
		{ "overlong slash", SPAN("\xc0\xaf"), false },
		{ "overlong U+007F", SPAN("\xc1\xbf"), false },
		{ "overlong of three", SPAN("\xe0\x80\xaf"), false },
		{ "overlong U+07FF", SPAN("\xe0\x9f\xbf"), false },
		{ "overlong of four", SPAN("\xf0\x80\x80\xaf"), false },
		{ "overlong U+FFFF", SPAN("\xf0\x8f\xbf\xbf"), false },
		{ "surrogate D800", SPAN("\xed\xa0\x80"), false },
		{ "surrogate DFFF", SPAN("\xed\xbf\xbf"), false },
		{ "surrogate pair", SPAN("\xed\xa0\xbd\xed\xb8\x80"), false },
		{ "U+110000", SPAN("\xf4\x90\x80\x80"), false },
		{ "f5", SPAN("\xf5\x80\x80\x80"), false },
		{ "five bytes", SPAN("\xf8\x88\x80\x80\x80"), false },
		{ "six bytes", SPAN("\xfc\x84\x80\x80\x80\x80"), false },
		{ "fe", SPAN("\xfe"), false },
		{ "ff", SPAN("\xff"), false },
		{ "lone continuation", SPAN("\x80"), false },
		{ "continuation behind a letter", SPAN("a\xbf"), false },
		{ "cut after one of two", SPAN("\xc3"), false },
		{ "cut after one of three", SPAN("\xe3"), false },
		{ "cut after two of three", SPAN("\xe3\x81"), false },
		{ "cut after three of four", SPAN("\xf0\x9f\x98"), false },
		{ "third byte is none", SPAN("\xe3\x81z"), false },
		{ "fourth byte is none", SPAN("\xf0\x9f\x98\xc0"), false },
		{ "Latin-1", SPAN("caf\xe9"), false },
		{ "wrong at the end", SPAN("abc\xe3\x81\x82\xff"), false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct span text = exact(rows[i].text);

		if (uri_is_utf8(text) != rows[i].ok)
			fail_msg("%s", rows[i].name);
		free((void *)(uintptr_t)text.data);
	}
}

/* All code points, and what lies between them, against the definition. */
static void
utf8_of_every_code_point(void **state)
{
	(void)state;
	for (uint32_t point = 0; point < 0x120000; point += 7) {
		uint8_t bytes[4] = {
			(uint8_t)(0xf0 | point >> 18),
			(uint8_t)(0x80 | (point >> 12 & 63)),
			(uint8_t)(0x80 | (point >> 6 & 63)),
			(uint8_t)(0x80 | (point & 63)),
		};
		struct span four = { (const char *)bytes, 4 };
		struct span three = { (const char *)bytes + 1, 3 };

		assert_int_equal(
		    uri_is_utf8(four), point >= 0x10000 && point <= 0x10ffff);
		if (point > 0xffff)
			continue;
		bytes[1] = (uint8_t)(0xe0 | point >> 12);
		assert_int_equal(uri_is_utf8(three),
		    point >= 0x800 && (point < 0xd800 || point > 0xdfff));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_texts_are_encoded),
		cmocka_unit_test(each_byte_comes_back),
		cmocka_unit_test(a_full_buffer_is_left_as_it_was),
		cmocka_unit_test(texts_are_decoded_once),
		cmocka_unit_test(utf8),
		cmocka_unit_test(utf8_of_every_code_point),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

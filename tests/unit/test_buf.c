/*
 * Spans and capped buffers (src/base/buf.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "freed.h"

static const struct span none = { NULL, 0 };

static void
span_of_knows_no_value(void **state)
{
	(void)state;
	assert_null(span_of(NULL).data);
	assert_int_equal(span_of(NULL).len, 0);
	assert_non_null(span_of("").data);
	assert_int_equal(span_of("abc").len, 3);
	assert_int_equal(SPAN("a\0b").len, 3);
}

static void
span_equal_compares_bytes(void **state)
{
	(void)state;
	assert_true(span_equal(SPAN("abc"), SPAN("abc")));
	assert_false(span_equal(SPAN("abc"), SPAN("abd")));
	assert_false(span_equal(SPAN("abc"), SPAN("ab")));
	assert_false(span_equal(SPAN("abc"), SPAN("ABC")));
	assert_false(span_equal(SPAN("a\0b"), SPAN("a\0c")));
	assert_true(span_equal(none, SPAN("")));
	assert_false(span_equal(none, SPAN("a")));
}

static void
span_equal_nocase_folds_ascii_only(void **state)
{
	(void)state;
	assert_true(
	    span_equal_nocase(SPAN("Content-Type"), SPAN("cONTENT-tYPE")));
	assert_false(span_equal_nocase(SPAN("@"), SPAN("`")));
	assert_false(span_equal_nocase(SPAN("["), SPAN("{")));
	assert_false(span_equal_nocase(SPAN("\xc4"), SPAN("\xe4")));
	assert_false(span_equal_nocase(SPAN("ab"), SPAN("abc")));
	assert_true(span_equal_nocase(none, SPAN("")));
}

static void
span_front_counts_what_is_asked_for(void **state)
{
	(void)state;
	assert_int_equal(span_front(SPAN("azAZ09"), ""), 6);
	assert_int_equal(span_front(SPAN("a-b/c"), "-"), 3);
	assert_int_equal(span_front(SPAN("a\0b"), "-"), 1);
	assert_int_equal(span_front(SPAN("@"), ""), 0);
	assert_int_equal(span_front(SPAN("["), ""), 0);
	assert_int_equal(span_front(SPAN("`"), ""), 0);
	assert_int_equal(span_front(SPAN("{"), ""), 0);
	assert_int_equal(span_front(SPAN("/"), ""), 0);
	assert_int_equal(span_front(SPAN(":"), ""), 0);
	assert_int_equal(span_front(SPAN("a\xe4"), ""), 1);
	assert_int_equal(span_front(SPAN(""), "a"), 0);
	assert_int_equal(span_front(none, "a"), 0);
}

static void
span_is_of_has_limits(void **state)
{
	(void)state;
	assert_true(span_is_of(SPAN("a-1"), "-", 3, 3));
	assert_false(span_is_of(SPAN("a-1"), "-", 4, 9));
	assert_false(span_is_of(SPAN("a-1"), "-", 0, 2));
	assert_false(span_is_of(SPAN("a-1"), "", 0, 9));
	assert_false(span_is_of(SPAN("a\0"), "", 0, 9));
	assert_true(span_is_of(SPAN(""), "", 0, 0));
	assert_true(span_is_of(none, "", 0, 0));
	assert_false(span_is_of(none, "", 1, 9));
}

static void
char_is_space_is_of_c(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++)
		assert_int_equal(char_is_space((char)c),
		    c != 0 && strchr(" \t\n\v\f\r", c) != NULL);
}

static void
span_equal_nocase_sees_behind_a_nul(void **state)
{
	(void)state;
	assert_false(span_equal_nocase(SPAN("a\0b"), SPAN("a\0c")));
}

static void
span_starts_with_prefix(void **state)
{
	(void)state;
	assert_true(span_starts(SPAN("abc"), SPAN("ab")));
	assert_true(span_starts(SPAN("abc"), SPAN("abc")));
	assert_true(span_starts(SPAN("abc"), SPAN("")));
	assert_true(span_starts(none, SPAN("")));
	assert_false(span_starts(SPAN("abc"), SPAN("abcd")));
	assert_false(span_starts(SPAN("abc"), SPAN("b")));
	assert_false(span_starts(none, SPAN("b")));
}

static void
span_trim_takes_blanks_off(void **state)
{
	(void)state;
	assert_true(span_equal(span_trim(SPAN(" \ta b\t ")), SPAN("a b")));
	assert_true(span_equal(span_trim(SPAN(" \t ")), SPAN("")));
	assert_true(span_equal(span_trim(SPAN("a\r\n")), SPAN("a\r\n")));
	assert_null(span_trim(none).data);
}

static void
span_skip_moves_on(void **state)
{
	(void)state;
	assert_true(span_equal(span_skip(SPAN("abc"), 1), SPAN("bc")));
	assert_true(span_equal(span_skip(SPAN("abc"), 3), SPAN("")));
	assert_null(span_skip(none, 0).data);
}

static void
span_shows_a_piece_of_a_secret(void **state)
{
	const struct span secret = SPAN("0123456789");

	(void)state;
	assert_true(span_shows(SPAN("0123456789"), secret));
	assert_true(span_shows(SPAN("012345"), secret));
	assert_true(span_shows(SPAN("it is 456789"), secret));
	assert_true(span_shows(SPAN("it is 345678."), secret));
	assert_false(span_shows(SPAN("it is 34567 8901234"), secret));
	assert_false(span_shows(SPAN(""), secret));
	assert_false(span_shows(none, secret));
	/* What is short is in many words. */
	assert_true(span_shows(SPAN("a penpin"), SPAN("penpin")));
	assert_false(span_shows(SPAN("a pinto"), SPAN("pinto")));
	assert_false(span_shows(SPAN("a pin"), SPAN("")));
	assert_false(span_shows(SPAN("a pin"), none));
}

/* C among others, of which none is a control character, but each is almost one:
 * at each place of texts of each length. */
static void
find_control_anywhere(unsigned char c)
{
	static const unsigned char others[] = { 0x20, 0x7e, 0x80, 0xff, 0x9f,
		0xa0, 0x21 };
	bool is_control = c < 0x20 || c == 0x7f;
	char text[27];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)others[i % sizeof(others)];
	for (size_t len = 1; len <= sizeof(text); len++) {
		for (size_t at = 0; at < len; at++) {
			char was = text[at];

			text[at] = (char)c;
			assert_true(span_has_control((struct span){
					text, len }) == is_control);
			text[at] = was;
		}
	}
}

/* Each byte, at the front, inside and at the end. */
static void
span_has_control_is_of_ascii(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++) {
		char text[5] = { 'a', (char)c, ' ', '~', (char)c };
		bool is_control = c < 0x20 || c == 0x7f;

		assert_true(
		    span_has_control((struct span){ text, 5 }) == is_control);
		assert_true(
		    span_has_control((struct span){ text, 2 }) == is_control);
		assert_true(span_has_control((struct span){ text + 1, 3 }) ==
		    is_control);
		assert_false(span_has_control((struct span){ text + 2, 2 }));
	}
	assert_false(span_has_control(SPAN("")));
	assert_false(span_has_control(none));
	for (int c = 0; c < 256; c++)
		find_control_anywhere((unsigned char)c);
}

static void
span_cut_walks_a_list(void **state)
{
	struct span rest = SPAN("a,,b");

	(void)state;
	assert_true(span_equal(span_cut(&rest, ','), SPAN("a")));
	assert_true(span_equal(span_cut(&rest, ','), SPAN("")));
	assert_non_null(rest.data);
	assert_true(span_equal(span_cut(&rest, ','), SPAN("b")));
	assert_null(rest.data);
	assert_int_equal(rest.len, 0);
}

static void
span_cut_keeps_an_empty_end_apart_from_none(void **state)
{
	struct span rest = SPAN("a,"), no_value = none;

	(void)state;
	(void)span_cut(&rest, ',');
	assert_non_null(rest.data);
	assert_int_equal(rest.len, 0);
	assert_non_null(span_cut(&rest, ',').data);
	assert_null(rest.data);
	assert_null(span_cut(&no_value, ',').data);
	assert_null(no_value.data);
}

static void
buf_starts_empty(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 10);
	assert_string_equal(buf_string(&buf), "");
	assert_int_equal(buf_span(&buf).len, 0);
	assert_non_null(buf_span(&buf).data);
	assert_null(buf.data);
	buf_fini(&buf);
	buf_wipe(&buf);
}

static void
buf_holds_up_to_its_cap(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 5);
	assert_true(buf_add(&buf, "abc", 3));
	assert_false(buf_add(&buf, "def", 3));
	assert_string_equal(buf_string(&buf), "abc");
	assert_true(buf_add_string(&buf, "de"));
	assert_false(buf_add_char(&buf, 'f'));
	assert_true(buf_add_string(&buf, ""));
	assert_false(buf_printf(&buf, "%d", 1));
	assert_string_equal(buf_string(&buf), "abcde");
	assert_true(buf.room <= 6);
	buf_fini(&buf);
}

static void
buf_with_no_room_takes_nothing(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 0);
	assert_false(buf_add_char(&buf, 'a'));
	assert_true(buf_add(&buf, NULL, 0));
	assert_true(buf_add_span(&buf, none));
	assert_string_equal(buf_string(&buf), "");
	buf_fini(&buf);
}

static void
buf_reserve_keeps_memory_in_place(void **state)
{
	struct buf buf;
	const char *before;

	(void)state;
	buf_init(&buf, 1000);
	assert_false(buf_reserve(&buf, 1001));
	assert_true(buf_reserve(&buf, 1000));
	before = buf.data;
	for (int i = 0; i < 1000; i++)
		assert_true(buf_add_char(&buf, 'x'));
	assert_ptr_equal(buf.data, before);
	assert_false(buf_add_char(&buf, 'x'));
	buf_fini(&buf);
}

static void
buf_grows_by_many_small_steps(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 100000);
	for (unsigned i = 0; i < 100000; i++)
		assert_true(buf_add_char(&buf, (char)('a' + i % 26)));
	assert_int_equal(buf.len, 100000);
	assert_int_equal(buf.data[99999], 'a' + 99999 % 26);
	assert_int_equal(buf.data[100000], '\0');
	buf_fini(&buf);
	assert_int_equal(buf.max, 100000);
	assert_int_equal(buf.len, 0);
}

static void
buf_printf_adds_at_the_end(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 12);
	assert_true(buf_printf(&buf, "%s=%d", "a", 1));
	assert_true(buf_printf(&buf, ",%.*s", SPAN_ARG(SPAN("bcd"))));
	assert_string_equal(buf_string(&buf), "a=1,bcd");
	assert_true(buf_printf(&buf, "%05d", 7));
	assert_false(buf_printf(&buf, "%s", "x"));
	assert_string_equal(buf_string(&buf), "a=1,bcd00007");
	buf_fini(&buf);
}

static void
buf_clear_forgets_but_keeps_memory(void **state)
{
	struct buf buf;
	const char *before;

	(void)state;
	buf_init(&buf, 10);
	assert_true(buf_add_string(&buf, "abc"));
	before = buf.data;
	buf_clear(&buf);
	assert_string_equal(buf_string(&buf), "");
	assert_ptr_equal(buf.data, before);
	assert_true(buf_add_string(&buf, "de"));
	assert_string_equal(buf_string(&buf), "de");
	buf_wipe(&buf);
	assert_null(buf.data);
	assert_int_equal(buf.max, 10);
}

static void
buf_takes_a_nul(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 10);
	assert_true(buf_add_span(&buf, SPAN("a\0b")));
	assert_true(span_equal(buf_span(&buf), SPAN("a\0b")));
	buf_fini(&buf);
}

/* Every way to add, through many sizes. */
static void
a_secret_leaves_nothing_as_it_grows(void **state)
{
	struct buf buf;

	(void)state;
	buf_init_secret(&buf, 5000);
	freed_reset();
	for (int i = 0; i < 60; i++) {
		assert_true(buf_add_string(&buf, FREED_SECRET));
		assert_true(buf_add_span(&buf, SPAN(FREED_SECRET "\0")));
		assert_true(buf_printf(&buf, "%s%d", FREED_SECRET, i % 10));
		assert_true(buf_add_char(&buf, 'x'));
	}
	assert_true(buf_reserve(&buf, 5000));
	assert_false(buf_reserve(&buf, 5001));
	assert_true(freed_blocks >= 5);
	assert_int_equal(freed_unwiped, 0);
	assert_int_equal(buf.len, 60 * (3 * strlen(FREED_SECRET) + 3));
	assert_memory_equal(buf.data, FREED_SECRET FREED_SECRET "\0",
	    2 * strlen(FREED_SECRET) + 1);
	assert_string_equal(buf_string(&buf) + buf.len - 3, "I9x");
	buf_fini(&buf);
	assert_null(buf.data);
	assert_int_equal(buf.max, 5000);
	assert_int_equal(freed_unwiped, 0);
}

/* What stood behind the end, too. */
static void
a_secret_is_wiped_when_cleared(void **state)
{
	struct buf buf;

	(void)state;
	buf_init_secret(&buf, 100);
	buf_clear(&buf);
	assert_true(buf_add_string(&buf, FREED_SECRET));
	buf.len = 3;
	buf_clear(&buf);
	assert_int_equal(buf.len, 0);
	assert_true(buf.room > strlen(FREED_SECRET));
	for (size_t i = 0; i < buf.room; i++)
		assert_int_equal(buf.data[i], 0);
	/* It is one for good. */
	freed_reset();
	assert_true(buf_add_string(&buf, FREED_SECRET));
	buf_fini(&buf);
	assert_true(buf_add_string(&buf, FREED_SECRET));
	assert_true(buf_add_string(&buf, FREED_SECRET));
	buf_wipe(&buf);
	assert_true(buf_add_string(&buf, FREED_SECRET));
	buf_fini(&buf);
	assert_true(freed_blocks >= 3);
	assert_int_equal(freed_unwiped, 0);
}

static void
what_is_no_secret_can_be_wiped(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 100);
	assert_true(buf_add_string(&buf, FREED_SECRET));
	buf_clear(&buf);
	assert_true(buf_add_string(&buf, "x"));
	freed_reset();
	buf_wipe(&buf);
	assert_int_equal(freed_blocks, 1);
	assert_int_equal(freed_secrets, 0);
	/* This is how it is seen otherwise. */
	assert_true(buf_add_string(&buf, FREED_SECRET));
	buf_fini(&buf);
	assert_int_equal(freed_secrets, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(span_of_knows_no_value),
		cmocka_unit_test(span_equal_compares_bytes),
		cmocka_unit_test(span_equal_nocase_folds_ascii_only),
		cmocka_unit_test(span_equal_nocase_sees_behind_a_nul),
		cmocka_unit_test(span_front_counts_what_is_asked_for),
		cmocka_unit_test(span_is_of_has_limits),
		cmocka_unit_test(char_is_space_is_of_c),
		cmocka_unit_test(span_starts_with_prefix),
		cmocka_unit_test(span_trim_takes_blanks_off),
		cmocka_unit_test(span_skip_moves_on),
		cmocka_unit_test(span_shows_a_piece_of_a_secret),
		cmocka_unit_test(span_has_control_is_of_ascii),
		cmocka_unit_test(span_cut_walks_a_list),
		cmocka_unit_test(span_cut_keeps_an_empty_end_apart_from_none),
		cmocka_unit_test(buf_starts_empty),
		cmocka_unit_test(buf_holds_up_to_its_cap),
		cmocka_unit_test(buf_with_no_room_takes_nothing),
		cmocka_unit_test(buf_reserve_keeps_memory_in_place),
		cmocka_unit_test(buf_grows_by_many_small_steps),
		cmocka_unit_test(buf_printf_adds_at_the_end),
		cmocka_unit_test(buf_clear_forgets_but_keeps_memory),
		cmocka_unit_test(buf_takes_a_nul),
		cmocka_unit_test(a_secret_leaves_nothing_as_it_grows),
		cmocka_unit_test(a_secret_is_wiped_when_cleared),
		cmocka_unit_test(what_is_no_secret_can_be_wiped),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

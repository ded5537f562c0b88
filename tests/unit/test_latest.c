/*
 * Which lines of a journal count (src/offload/latest.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "offload/latest.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

/* The lines, a letter for each: its key. */
static void
the_last_of_each_key_counts(void **state)
{
	static const struct {
		const char *lines;
		const char *count; /* x: this one does */
	} rows[] = {
		{ "", "" },
		{ "a", "x" },
		{ "ab", "xx" },
		{ "aa", ".x" },
		{ "aaa", "..x" },
		{ "aba", ".xx" },
		{ "abab", "..xx" },
		{ "baab", "..xx" },
		{ "abcabcaa", "....xx.x" },
		{ "abcdefghi", "xxxxxxxxx" },
		{ "abcdefghihgfedcba", "........xxxxxxxxx" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct latest latest = { .lines = NULL };
		size_t n = strlen(rows[i].lines);

		print_message("\"%s\"\n", rows[i].lines);
		for (size_t at = 0; at < n; at++)
			latest_note(
			    &latest, (struct span){ rows[i].lines + at, 1 });
		for (size_t at = 0; at < n; at++)
			assert_int_equal(
			    latest_is(&latest,
				(struct span){ rows[i].lines + at, 1 }),
			    rows[i].count[at] == 'x');
		latest_fini(&latest);
		assert_int_equal(latest.n, 0);
		latest_fini(&latest);
	}
}

/* What was written to the journal since: it is of a run that is under way. */
static void
what_was_not_noted_does_not_count(void **state)
{
	struct latest latest = { .lines = NULL };

	(void)state;
	assert_false(latest_is(&latest, SPAN("a")));
	latest_fini(&latest);
	latest_note(&latest, SPAN("a"));
	assert_true(latest_is(&latest, SPAN("a")));
	assert_false(latest_is(&latest, SPAN("a")));
	assert_false(latest_is(&latest, SPAN("b")));
	latest_fini(&latest);
	/* Nor another line than was noted. */
	latest_note(&latest, SPAN("a"));
	latest_note(&latest, SPAN("b"));
	assert_false(latest_is(&latest, SPAN("b")));
	assert_false(latest_is(&latest, SPAN("a")));
	latest_fini(&latest);
}

static void
keys_are_told_apart(void **state)
{
	static const struct span keys[] = { SPAN(""), SPAN("a"), { "a\0", 2 },
		SPAN("a/"), SPAN("A"), SPAN("a b"), SPAN("a+b"),
		SPAN("\xc3\xa9") };
	struct latest latest = { .lines = NULL };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		latest_note(&latest, keys[i]);
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		assert_true(latest_is(&latest, keys[i]));
	latest_fini(&latest);
}

/* Each of many keys has three lines, in three different orders. */
static void
many_are_kept(void **state)
{
	enum { MANY = 20011 }; /* a prime */
	static const size_t steps[] = { 1, 7919, MANY - 1 };
	struct latest latest = { .lines = NULL };

	(void)state;
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < COUNT_OF(steps) * MANY; i++) {
			char key[32];
			int len = snprintf(key, sizeof(key), "folder/%zu",
			    i % MANY * steps[i / MANY] % MANY);
			struct span span = { key, (size_t)len };

			if (pass == 0)
				latest_note(&latest, span);
			else
				assert_int_equal(latest_is(&latest, span),
				    i / MANY == COUNT_OF(steps) - 1);
		}
	latest_fini(&latest);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_of_each_key_counts),
		cmocka_unit_test(what_was_not_noted_does_not_count),
		cmocka_unit_test(keys_are_told_apart),
		cmocka_unit_test(many_are_kept),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

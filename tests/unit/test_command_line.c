/*
 * Command lines (src/credentials/command_line.h).  What is expected is what
 * Python's shlex.split says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "credentials/command_line.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

enum { WORDS = 6 };

static void
lines_are_split(void **state)
{
	static const struct {
		const char *text;
		const char *words[WORDS];
	} rows[] = {
		{ "a", { "a" } },
		{ "/usr/bin/helper --profile x",
		    { "/usr/bin/helper", "--profile", "x" } },
		{ " \ta \r\n b\t", { "a", "b" } },
		{ "a\vb\fc", { "a\vb\fc" } },
		{ "a b c", { "a", "b", "c" } },
		{ "'a b' c", { "a b", "c" } },
		{ "\"a b\" c", { "a b", "c" } },
		{ "a'b c'd", { "ab cd" } },
		{ "a\"b c\"'d e'f", { "ab cd ef" } },
		{ "''", { "" } },
		{ "a '' \"\" b", { "a", "", "", "b" } },
		{ "a''b", { "ab" } },
		{ "'a\\b' '\\'", { "a\\b", "\\" } },
		{ "'a\\\\b' '\\\"'", { "a\\\\b", "\\\"" } },
		{ "'a\"b' \"c'd\"", { "a\"b", "c'd" } },
		{ "\"a\\\"b\" \"c\\\\d\" \"e\\f\"",
		    { "a\"b", "c\\d", "e\\f" } },
		{ "\"\\$HOME \\` \\\n\"", { "\\$HOME \\` \\\n" } },
		{ "a\\ b \\'c \\\"d \\\\e", { "a b", "'c", "\"d", "\\e" } },
		{ "\\a\\\nb \\ ", { "a\nb", " " } },
		{ "$HOME ~ * a#b #c", { "$HOME", "~", "*", "a#b", "#c" } },
		{ "a>b|c;d&e `f`", { "a>b|c;d&e", "`f`" } },
		{ "\xc3\xa4 \xff", { "\xc3\xa4", "\xff" } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct command_line line;
		size_t n = 0;

		assert_null(command_line_split(rows[i].text, &line));
		for (; n < WORDS && rows[i].words[n] != NULL; n++) {
			assert_true(n < line.n);
			assert_string_equal(line.words[n], rows[i].words[n]);
		}
		assert_int_equal(line.n, n);
		assert_null(line.words[n]);
		command_line_fini(&line);
		assert_null(line.words);
	}
}

static void
lines_that_are_none_are_refused(void **state)
{
	static const struct {
		const char *text;
		const char *why;
	} rows[] = {
		{ "", "it holds no word" },
		{ " \t\r\n", "it holds no word" },
		{ "'", "a quotation mark is not closed" },
		{ "a \"b c", "a quotation mark is not closed" },
		{ "a 'b\"", "a quotation mark is not closed" },
		{ "a \"b\\\"", "a quotation mark is not closed" },
		{ "a \"b\\", "a quotation mark is not closed" },
		{ "\\", "a backslash stands at its end" },
		{ "a b\\", "a backslash stands at its end" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct command_line line;

		assert_string_equal(
		    command_line_split(rows[i].text, &line), rows[i].why);
		assert_null(line.words);
		assert_null(line.bytes);
		assert_int_equal(line.n, 0);
	}
}

/* The most words that a text can hold, in memory of the very size. */
static void
many_words_fit(void **state)
{
	char text[2002];
	struct command_line line;

	(void)state;
	for (size_t n = 1; n <= 1000; n += 111) {
		for (size_t i = 0; i < n; i++)
			memcpy(text + 2 * i, "x ", 3);
		assert_null(command_line_split(text, &line));
		assert_int_equal(line.n, n);
		command_line_fini(&line);
		text[2 * n - 1] = '\0';
		assert_null(command_line_split(text, &line));
		assert_int_equal(line.n, n);
		command_line_fini(&line);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_split),
		cmocka_unit_test(lines_that_are_none_are_refused),
		cmocka_unit_test(many_words_fit),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

/*
 * Patterns of include and exclude (src/offload/pattern.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "offload/pattern.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

static void
paths_are_matched(void **state)
{
	static const struct {
		const char *patterns;
		const char *path;
		bool is_match;
	} rows[] = {
		/* Nothing. */
		{ NULL, "a", false },
		{ "", "a", false },
		{ " \t\n ", "a", false },
		/* Without a slash: the last component. */
		{ "*.png", "a.png", true },
		{ "*.png", "2026/07/a.png", true },
		{ "*.png", "a.png/b", false },
		{ "*.png", "a.PNG", false },
		{ "a", "a/b", false },
		{ "b", "a/b", true },
		{ "*", "a/b", true },
		{ "?", "a/\xe3\x81\x82", false },
		{ "???", "a/\xe3\x81\x82", true },
		{ "[!b]", "a", true },
		{ "[!b]", "b", false },
		{ "*", ".hidden", true },
		{ "*.tmp", ".tmp", true },
		{ ".*", "a/.git", true },
		/* With one: all of it. */
		{ "a/*", "a/b/c.png", true },
		{ "a/*.png", "a/b/c.png", true },
		{ "a/*", "b/a/c", false },
		{ "*/a/*", "b/a/c", true },
		{ "a/?c", "a/b/c", false },
		{ "a?b/c", "a/b/c", true },
		{ "a/b", "a/b", true },
		{ "a/b", "a/b/c", false },
		{ "/a", "a", true },
		{ "/a", "b/a", false },
		{ "/a/b", "a/b", true },
		{ "/*", "a/b", true },
		{ "//a", "a", false },
		{ "/", "a", false },
		/* A folder's slash. */
		{ "cache/", "cache", true },
		{ "cache/", "a/cache", true },
		{ "/cache/", "cache", true },
		{ "/cache/", "a/cache", false },
		{ "a/cache//", "a/cache", true },
		{ "cache/ x", "x", true },
		/* Several. */
		{ "*.png *.gif", "a.gif", true },
		{ "*.png *.gif", "a.jpg", false },
		{ "  *.png\t\n*.gif ", "a.gif", true },
		{ "*.png *.gif", "a.png *.gif", true },
		{ "a b", "a b", false },
		{ "a?b", "a b", true },
		/* Escapes, and what is malformed. */
		{ "\\*", "*", true },
		{ "\\*", "a", false },
		{ "[", "[", true },
		{ "[a", "a", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (pattern_matches(rows[i].patterns, rows[i].path) !=
		    rows[i].is_match)
			fail_msg("\"%s\" and \"%s\"",
			    rows[i].patterns != NULL ? rows[i].patterns
						     : "NULL",
			    rows[i].path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_matched),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

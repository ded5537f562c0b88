/*
 * Variables of the environment (src/base/env.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/env.h"

static void
an_empty_one_is_not_set(void **state)
{
	(void)state;
	assert_int_equal(setenv("TEST_ENV", "a b", 1), 0);
	assert_string_equal(env_get("TEST_ENV"), "a b");
	assert_int_equal(setenv("TEST_ENV", "", 1), 0);
	assert_null(env_get("TEST_ENV"));
	assert_int_equal(unsetenv("TEST_ENV"), 0);
	assert_null(env_get("TEST_ENV"));
}

/* As an exec hands it over: strings that stand where they stand, a name that
 * is there twice, others that only begin like it or hold it. */
static void
a_secret_is_wiped_where_it_stands(void **state)
{
	static char before[] = "TOKE=1", first[] = "TOKEN=first",
		    other[] = "TOKEN_FILE=/TOKEN=2", second[] = "TOKEN=second",
		    odd[] = "TOKEN", last[] = "A=TOKEN=3";
	char *own[] = { before, first, other, second, odd, last, NULL };
	char **theirs = environ;

	(void)state;
	environ = own;
	env_wipe("TOKEN");
	assert_null(getenv("TOKEN"));
	assert_string_equal(env_get("TOKE"), "1");
	assert_string_equal(env_get("TOKEN_FILE"), "/TOKEN=2");
	assert_string_equal(env_get("A"), "TOKEN=3");
	env_wipe("TOKEN");
	env_wipe("NOT_THERE");
	environ = theirs;
	assert_memory_equal(first, "TOKEN=\0\0\0\0\0", sizeof(first));
	assert_memory_equal(second, "TOKEN=\0\0\0\0\0\0", sizeof(second));
	assert_string_equal(odd, "TOKEN");
}

static void
no_environment_is_well(void **state)
{
	char **theirs = environ;

	(void)state;
	environ = NULL;
	env_wipe("TOKEN");
	assert_null(env_get("TOKEN"));
	environ = theirs;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_one_is_not_set),
		cmocka_unit_test(a_secret_is_wiped_where_it_stands),
		cmocka_unit_test(no_environment_is_well),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

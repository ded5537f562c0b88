/*
 * Entity tags (src/s3/etag.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include <cmocka.h>

#include "s3/etag.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

/* The MD5 of "", and of "abc" (RFC 1321 A.5). */
#define MD5_EMPTY "d41d8cd98f00b204e9800998ecf8427e"
#define MD5_ABC   "900150983cd24fb0d6963f7d28e17f72"

static const struct span none = { NULL, 0 };

static void
what_is_an_md5(void **state)
{
	static const struct {
		struct span etag;
		bool is_md5;
	} rows[] = {
		{ SPAN("\"" MD5_ABC "\""), true },
		{ SPAN("\"900150983CD24FB0D6963F7D28E17F72\""), true },
		{ SPAN(MD5_ABC), false },
		{ SPAN("W/\"" MD5_ABC "\""), false },
		{ SPAN("\"" MD5_ABC "-2\""), false },
		{ SPAN("\"900150983cd24fb0d6963f7d28e1-172\""), false },
		{ SPAN("\"" MD5_ABC), false },
		{ SPAN("\"" MD5_ABC "0"), false },
		{ SPAN("0" MD5_ABC "\""), false },
		{ SPAN("\"" MD5_ABC "0\""), false },
		{ SPAN("\"900150983cd24fb0d6963f7d28e17f7\""), false },
		{ SPAN("\"900150983cd24fb0d6963f7d28e17f7g\""), false },
		{ SPAN("\"\""), false },
		{ SPAN("\""), false },
		{ SPAN(""), false },
		{ { NULL, 0 }, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (etag_is_md5(rows[i].etag) != rows[i].is_md5)
			fail_msg("%.*s", SPAN_ARG(rows[i].etag));
}

static void
bodies_are_held_against_it(void **state)
{
	(void)state;
	assert_true(etag_matches(SPAN("\"" MD5_ABC "\""), SPAN("abc")));
	assert_true(etag_matches(
	    SPAN("\"900150983CD24FB0D6963F7D28E17F72\""), SPAN("abc")));
	assert_true(etag_matches(SPAN("\"" MD5_EMPTY "\""), SPAN("")));
	assert_true(etag_matches(SPAN("\"" MD5_EMPTY "\""), none));
	assert_false(etag_matches(SPAN("\"" MD5_ABC "\""), SPAN("abd")));
	assert_false(etag_matches(SPAN("\"" MD5_ABC "\""), SPAN("ab")));
	assert_false(etag_matches(SPAN("\"" MD5_ABC "\""), SPAN("")));
	assert_false(etag_matches(SPAN("\"" MD5_EMPTY "\""), SPAN("\0")));
}

/* OpenSSL in FIPS mode has no MD5: from then on here, as there. */
static void
without_md5_nothing_is_said_against_it(void **state)
{
	(void)state;
	assert_true(EVP_set_default_properties(NULL, "fips=yes"));
	ERR_clear_error();
	assert_true(etag_matches(SPAN("\"" MD5_ABC "\""), SPAN("abd")));
	assert_int_equal(ERR_peek_error(), 0);
	assert_true(EVP_set_default_properties(NULL, ""));
	assert_false(etag_matches(SPAN("\"" MD5_ABC "\""), SPAN("abd")));
}

static void
comparisons(void **state)
{
	/* The table of RFC 9110 8.8.3.2, and what lies beside it. */
	static const struct {
		struct span a, b;
		bool strong, weak;
	} rows[] = {
		{ SPAN("W/\"1\""), SPAN("W/\"1\""), false, true },
		{ SPAN("W/\"1\""), SPAN("W/\"2\""), false, false },
		{ SPAN("W/\"1\""), SPAN("\"1\""), false, true },
		{ SPAN("\"1\""), SPAN("\"1\""), true, true },
		{ SPAN("\"1\""), SPAN("\"2\""), false, false },
		{ SPAN("\"a\""), SPAN("\"A\""), false, false },
		{ SPAN("\"1\""), SPAN("1"), false, false },
		{ SPAN("\"1\""), SPAN("\"1\"\0"), false, false },
		{ SPAN("w/\"1\""), SPAN("\"1\""), false, false },
		{ SPAN("\"\""), SPAN("\"\""), true, true },
		{ SPAN("\"W/1\""), SPAN("\"W/1\""), true, true },
		{ SPAN("W/"), SPAN("W/"), false, false },
		{ SPAN("W"), SPAN("\"1\""), false, false },
		{ SPAN(""), SPAN(""), false, false },
		{ { NULL, 0 }, { NULL, 0 }, false, false },
		{ { NULL, 0 }, SPAN(""), false, false },
		{ { NULL, 0 }, SPAN("\"1\""), false, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct span a = rows[i].a, b = rows[i].b;

		if (etag_equal_strong(a, b) != rows[i].strong ||
		    etag_equal_strong(b, a) != rows[i].strong ||
		    etag_equal_weak(a, b) != rows[i].weak ||
		    etag_equal_weak(b, a) != rows[i].weak)
			fail_msg("row %zu: %.*s and %.*s", i, SPAN_ARG(a),
			    SPAN_ARG(b));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_an_md5),
		cmocka_unit_test(bodies_are_held_against_it),
		cmocka_unit_test(without_md5_nothing_is_said_against_it),
		cmocka_unit_test(comparisons),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

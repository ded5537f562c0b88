/*
 * Methods and conditions (src/respond/policy.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "respond/policy.h"

#define BEFORE  "Sun, 06 Nov 1994 08:49:36 GMT"
#define DATE    "Sun, 06 Nov 1994 08:49:37 GMT"
#define AFTER   "Sun, 06 Nov 1994 08:49:38 GMT"
#define DATE850 "Sunday, 06-Nov-94 08:49:37 GMT"
#define DATEC   "Sun Nov  6 08:49:37 1994"

enum { NOW = 1700000000 };

static void
only_get_and_head_are_served(void **state)
{
	static const char *const others[] = { "", "get", "Head", "GET ", "GETS",
		"HEA", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT",
		"PROPFIND", "*" };
	size_t i;

	(void)state;
	assert_int_equal(policy_method(SPAN("GET")), POLICY_GET);
	assert_int_equal(policy_method(SPAN("HEAD")), POLICY_HEAD);
	assert_int_equal(policy_method(span_of(NULL)), POLICY_OTHER);
	assert_int_equal(policy_method(SPAN("GET\0")), POLICY_OTHER);
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(
		    policy_method(span_of(others[i])), POLICY_OTHER);
}

/* What the object has; "" stands for the usual, NULL for nothing. */
static struct metadata
make_object(const char *etag, const char *modified)
{
	struct metadata object;

	metadata_init(&object);
	object.size = 10;
	object.field[METADATA_ETAG] = span_of(etag);
	object.field[METADATA_LAST_MODIFIED] = span_of(modified);
	return (object);
}

struct row {
	const char *name;
	const char *etag; /* of the object */
	const char *modified;
	const char *match; /* the conditions */
	const char *unmodified;
	const char *none_match;
	const char *since;
	enum policy_verdict verdict;
};

#define OK     POLICY_PROCEED
#define SAME   POLICY_NOT_MODIFIED
#define FAILED POLICY_PRECONDITION_FAILED
#define A      "\"a\""
#define WA     "W/\"a\""
#define B      "\"b\""

static const struct row rows[] = {
	{ "nothing asked", A, DATE, NULL, NULL, NULL, NULL, OK },

	{ "match", A, DATE, A, NULL, NULL, NULL, OK },
	{ "match another", A, DATE, B, NULL, NULL, NULL, FAILED },
	{ "match any", A, DATE, "*", NULL, NULL, NULL, OK },
	{ "match any, blanks", A, DATE, " * ", NULL, NULL, NULL, OK },
	{ "match any, no tag", NULL, DATE, "*", NULL, NULL, NULL, OK },
	{ "match, no tag", NULL, DATE, A, NULL, NULL, NULL, FAILED },
	{ "match weak", A, DATE, WA, NULL, NULL, NULL, FAILED },
	{ "match, weak object", WA, DATE, WA, NULL, NULL, NULL, FAILED },
	{ "match in list", A, DATE, "\"x\", \"y\" ,\t\"a\"", NULL, NULL, NULL,
	    OK },
	{ "match in list without blanks", A, DATE, "\"x\",\"a\",\"y\"", NULL,
	    NULL, NULL, OK },
	{ "match in list with empty elements", A, DATE, ",, ,\"a\",", NULL,
	    NULL, NULL, OK },
	{ "match not in list", A, DATE, "\"x\", W/\"a\"", NULL, NULL, NULL,
	    FAILED },
	{ "match, comma within", "\"a,b\"", DATE, "\"x\", \"a,b\"", NULL, NULL,
	    NULL, OK },
	{ "match, its half within a comma's", A, DATE, "\"x,\"a\",y\"", NULL,
	    NULL, NULL, FAILED },
	{ "match empty", A, DATE, "", NULL, NULL, NULL, FAILED },
	{ "match empty tag", "\"\"", DATE, "\"\"", NULL, NULL, NULL, OK },
	{ "match unquoted", A, DATE, "a", NULL, NULL, NULL, FAILED },
	{ "match never closed", A, DATE, "\"a", NULL, NULL, NULL, FAILED },
	{ "match one quote", A, DATE, "\"", NULL, NULL, NULL, FAILED },
	{ "match with a tail", A, DATE, "\"a\"b", NULL, NULL, NULL, FAILED },
	{ "match with a blank and a tail", A, DATE, "\"a\" b", NULL, NULL, NULL,
	    FAILED },
	{ "match, small w", A, DATE, "w/\"a\"", NULL, NULL, NULL, FAILED },
	{ "match after a malformed one", A, DATE, "x, \"a\"", NULL, NULL, NULL,
	    OK },
	{ "match a star among tags", A, DATE, "\"x\", *", NULL, NULL, NULL,
	    FAILED },
	{ "match a control character", "\"a\x01\"", DATE, "\"a\x01\"", NULL,
	    NULL, NULL, FAILED },
	{ "match UTF-8", "\"\xc3\xa4\"", DATE, "\"\xc3\xa4\"", NULL, NULL, NULL,
	    OK },
	{ "match is case-sensitive", A, DATE, "\"A\"", NULL, NULL, NULL,
	    FAILED },

	{ "unmodified since its date", A, DATE, NULL, DATE, NULL, NULL, OK },
	{ "unmodified since later", A, DATE, NULL, AFTER, NULL, NULL, OK },
	{ "unmodified since before", A, DATE, NULL, BEFORE, NULL, NULL,
	    FAILED },
	{ "unmodified since, no date", A, NULL, NULL, BEFORE, NULL, NULL, OK },
	{ "unmodified since, no real date", A, "long ago", NULL, BEFORE, NULL,
	    NULL, OK },
	{ "unmodified since garbage", A, DATE, NULL, "then", NULL, NULL, OK },
	{ "unmodified since empty", A, DATE, NULL, "", NULL, NULL, OK },
	{ "match goes before unmodified", A, DATE, A, BEFORE, NULL, NULL, OK },
	{ "match fails before unmodified", A, DATE, B, AFTER, NULL, NULL,
	    FAILED },

	{ "none match", A, DATE, NULL, NULL, A, NULL, SAME },
	{ "none match another", A, DATE, NULL, NULL, B, NULL, OK },
	{ "none match weak", A, DATE, NULL, NULL, WA, NULL, SAME },
	{ "none match, weak object", WA, DATE, NULL, NULL, A, NULL, SAME },
	{ "none match any", A, DATE, NULL, NULL, "*", NULL, SAME },
	{ "none match any, no tag", NULL, DATE, NULL, NULL, "*", NULL, SAME },
	{ "none match, no tag", NULL, DATE, NULL, NULL, A, NULL, OK },
	{ "none match in list", A, DATE, NULL, NULL, "\"x\", W/\"a\"", NULL,
	    SAME },
	{ "none match, comma within", "\"a,b\"", DATE, NULL, NULL,
	    "\"x\",\"a,b\"", NULL, SAME },
	{ "none match malformed", A, DATE, NULL, NULL, "a", NULL, OK },
	{ "none match empty", A, DATE, NULL, NULL, "", NULL, OK },
	{ "none match a weak star", A, DATE, NULL, NULL, "W/*", NULL, OK },

	{ "modified since its date", A, DATE, NULL, NULL, NULL, DATE, SAME },
	{ "modified since its date, RFC 850", A, DATE, NULL, NULL, NULL,
	    DATE850, SAME },
	{ "modified since its date, asctime", A, DATE, NULL, NULL, NULL, DATEC,
	    SAME },
	{ "modified since later", A, DATE, NULL, NULL, NULL, AFTER, SAME },
	{ "modified since before", A, DATE, NULL, NULL, NULL, BEFORE, OK },
	{ "modified since garbage", A, DATE, NULL, NULL, NULL, "0", OK },
	{ "modified since, no date", A, NULL, NULL, NULL, NULL, AFTER, OK },
	{ "none match goes before modified", A, DATE, NULL, NULL, B, AFTER,
	    OK },
	{ "none match holds before modified", A, DATE, NULL, NULL, A, BEFORE,
	    SAME },

	{ "match, then none match", A, DATE, A, NULL, A, NULL, SAME },
	{ "match fails, none match would hold", A, DATE, B, NULL, A, NULL,
	    FAILED },
	{ "match, then modified since", A, DATE, A, BEFORE, NULL, DATE, SAME },
	{ "unmodified fails before none match", A, DATE, NULL, BEFORE, A, NULL,
	    FAILED },
	{ "unmodified, then none match", A, DATE, NULL, DATE, B, DATE, OK },
};

static void
conditions_are_evaluated_in_order(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct metadata object = make_object(row->etag, row->modified);
		struct policy_conditions conditions = {
			.if_match = span_of(row->match),
			.if_unmodified_since = span_of(row->unmodified),
			.if_none_match = span_of(row->none_match),
			.if_modified_since = span_of(row->since),
		};
		enum policy_verdict verdict =
		    policy_evaluate(&conditions, &object, NOW);

		if (verdict != row->verdict)
			fail_msg("%s: %d, not %d", row->name, (int)verdict,
			    (int)row->verdict);
	}
}

/* A file's date can go back, so a later one in the condition proves nothing;
 * all else is as with S3's. */
static void
a_files_date_is_the_same_or_not(void **state)
{
	static const struct row files[] = {
		{ "modified since its date", A, DATE, NULL, NULL, NULL, DATE,
		    SAME },
		{ "modified since its date, RFC 850", A, DATE, NULL, NULL, NULL,
		    DATE850, SAME },
		{ "modified since before", A, DATE, NULL, NULL, NULL, BEFORE,
		    OK },
		{ "modified since later", A, DATE, NULL, NULL, NULL, AFTER,
		    OK },
		{ "modified since garbage", A, DATE, NULL, NULL, NULL, "0",
		    OK },
		{ "none match holds before modified", A, DATE, NULL, NULL, A,
		    AFTER, SAME },
		{ "unmodified since later", A, DATE, NULL, AFTER, NULL, NULL,
		    OK },
		{ "unmodified since before", A, DATE, NULL, BEFORE, NULL, NULL,
		    FAILED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		const struct row *row = &files[i];
		struct metadata object = make_object(row->etag, row->modified);
		struct policy_conditions conditions = {
			.if_unmodified_since = span_of(row->unmodified),
			.if_none_match = span_of(row->none_match),
			.if_modified_since = span_of(row->since),
		};

		object.field[METADATA_MTIME] = SPAN("784111777");
		if (policy_evaluate(&conditions, &object, NOW) != row->verdict)
			fail_msg("%s", row->name);
	}
}

static const struct {
	const char *name;
	const char *etag;
	const char *modified;
	const char *if_range;
	bool holds;
} ranges[] = {
	{ "none", A, DATE, NULL, true },
	{ "its tag", A, DATE, A, true },
	{ "its tag, blanks", A, DATE, " \"a\" ", true },
	{ "another tag", A, DATE, B, false },
	{ "weak", A, DATE, WA, false },
	{ "weak object", WA, DATE, WA, false },
	{ "weak object, strong asked", WA, DATE, A, false },
	{ "a list", A, DATE, "\"a\", \"b\"", false },
	{ "any", A, DATE, "*", false },
	{ "no tag", NULL, DATE, A, false },
	{ "unquoted", A, DATE, "a", false },
	{ "never closed", A, DATE, "\"a", false },
	{ "empty", A, DATE, "", false },
	{ "its date", A, DATE, DATE, true },
	{ "its date, RFC 850", A, DATE, DATE850, true },
	{ "its date, asctime", A, DATE, DATEC, true },
	{ "a later date", A, DATE, AFTER, false },
	{ "an earlier date", A, DATE, BEFORE, false },
	{ "no date", A, NULL, DATE, false },
	{ "no real dates", A, "then", "then", false },
};

static void
a_range_holds_only_for_the_same_object(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		struct metadata object =
		    make_object(ranges[i].etag, ranges[i].modified);
		struct policy_conditions conditions = {
			.if_range = span_of(ranges[i].if_range),
		};

		if (policy_range_holds(&conditions, &object, NOW) !=
		    ranges[i].holds)
			fail_msg("%s", ranges[i].name);
	}
}

/* A value is a view: what stands behind it in memory is not read. */
static void
nothing_behind_a_value_is_read(void **state)
{
	struct metadata object = make_object(A, DATE);
	struct policy_conditions conditions = { 0 };
	static const char list[] = "\"x\", \"a\"";
	size_t len;

	(void)state;
	for (len = 0; len < sizeof(list); len++) {
		char copy[sizeof(list)];

		memset(copy, '"', sizeof(copy));
		memcpy(copy, list, len);
		conditions.if_match = (struct span){ copy, len };
		assert_int_equal(policy_evaluate(&conditions, &object, NOW),
		    len == sizeof(list) - 1 ? OK : FAILED);
		/* A NUL behind it is one byte too many. */
		if (len == sizeof(list) - 1) {
			conditions.if_match =
			    (struct span){ list, sizeof(list) };
			assert_int_equal(
			    policy_evaluate(&conditions, &object, NOW), FAILED);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_get_and_head_are_served),
		cmocka_unit_test(conditions_are_evaluated_in_order),
		cmocka_unit_test(a_files_date_is_the_same_or_not),
		cmocka_unit_test(a_range_holds_only_for_the_same_object),
		cmocka_unit_test(nothing_behind_a_value_is_read),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

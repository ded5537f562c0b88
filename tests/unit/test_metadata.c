/*
 * What is known of an object (src/s3/metadata.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "s3/metadata.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

static void
take(struct metadata *metadata, const char *name, const char *value)
{
	metadata_take(metadata, span_of(name), span_of(value));
}

static void
the_list_is_the_allow_list(void **state)
{
	static const char *const names[] = { "Content-Type", "Content-Encoding",
		"Content-Disposition", "Content-Language", "ETag",
		"Last-Modified", "Cache-Control", "Expires", "x-amz-meta-mtime",
		"x-amz-meta-sha256", "x-amz-meta-mode", "x-amz-meta-uid",
		"x-amz-meta-gid", "x-amz-storage-class",
		"x-amz-archive-status", "x-amz-restore" };

	(void)state;
	assert_int_equal(COUNT_OF(names), METADATA_FIELDS);
	for (int i = 0; i < METADATA_FIELDS; i++)
		assert_string_equal(
		    metadata_name((enum metadata_field)i), names[i]);
}

static void
an_empty_one_knows_nothing(void **state)
{
	struct metadata metadata;

	(void)state;
	memset(&metadata, 0xff, sizeof(metadata));
	metadata_init(&metadata);
	for (int i = 0; i < METADATA_FIELDS; i++) {
		assert_null(metadata.field[i].data);
		assert_int_equal(metadata.field[i].len, 0);
	}
	assert_true(metadata.size == 0);
	assert_null(metadata.text);
	metadata_fini(&metadata);
}

static void
every_field_is_taken_in_any_case(void **state)
{
	(void)state;
	for (int i = 0; i < METADATA_FIELDS; i++) {
		struct metadata metadata;
		char name[40];
		const char *value = "value";

		metadata_init(&metadata);
		snprintf(name, sizeof(name), "%s",
		    metadata_name((enum metadata_field)i));
		name[0] = (char)(name[0] ^ 0x20);
		take(&metadata, name, value);
		for (int j = 0; j < METADATA_FIELDS; j++)
			assert_ptr_equal(
			    metadata.field[j].data, i == j ? value : NULL);
		assert_int_equal(metadata.field[i].len, 5);
		assert_null(metadata.text);
	}
}

static void
other_headers_are_not(void **state)
{
	static const char *const names[] = { "", "x-amz-meta-content-type",
		"mtime", "x-amz-meta-", "x-amz-meta-mtime2", "x-amz-meta-time",
		"x-amz-request-id", "Content-Length", "Content-Range", "Date",
		"Server", "Set-Cookie", "Location", "Content-Typ",
		"Content-Type ", "Content-Types", "E Tag", "Vary" };
	struct metadata metadata;

	(void)state;
	metadata_init(&metadata);
	for (size_t i = 0; i < COUNT_OF(names); i++)
		take(&metadata, names[i], "value");
	metadata_take(&metadata, SPAN("ETag\0"), SPAN("value"));
	metadata_take(&metadata, (struct span){ NULL, 0 }, SPAN("value"));
	for (int i = 0; i < METADATA_FIELDS; i++)
		assert_null(metadata.field[i].data);
}

static void
the_first_of_a_name_wins(void **state)
{
	struct metadata metadata;

	(void)state;
	metadata_init(&metadata);
	take(&metadata, "ETag", "");
	take(&metadata, "ETag", "\"1\"");
	take(&metadata, "etag", "\"2\"");
	take(&metadata, "ETAG", "\"3\"");
	assert_true(span_equal(metadata.field[METADATA_ETAG], SPAN("\"1\"")));
}

static void
values_are_checked(void **state)
{
	static const struct {
		const char *name;
		struct span value;
		struct span taken; /* data NULL: dropped */
	} rows[] = {
		{ "plain", SPAN("text/plain"), SPAN("text/plain") },
		{ "blanks around", SPAN(" \tt \t"), SPAN("t") },
		{ "blanks inside", SPAN("a  b"), SPAN("a  b") },
		{ "UTF-8", SPAN("caf\xc3\xa9"), SPAN("caf\xc3\xa9") },
		{ "Latin-1", SPAN("caf\xe9"), SPAN("caf\xe9") },
		{ "empty", SPAN(""), { NULL, 0 } },
		{ "no value", { NULL, 0 }, { NULL, 0 } },
		{ "blank", SPAN(" \t "), { NULL, 0 } },
		{ "NUL", SPAN("a\0b"), { NULL, 0 } },
		{ "tab inside", SPAN("a\tb"), { NULL, 0 } },
		{ "newline", SPAN("a\nSet-Cookie: b"), { NULL, 0 } },
		{ "return", SPAN("a\rb"), { NULL, 0 } },
		{ "return at the end", SPAN("a\r"), { NULL, 0 } },
		{ "escape", SPAN("\x1b[2J"), { NULL, 0 } },
		{ "DEL", SPAN("a\x7f"), { NULL, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct metadata metadata;
		struct span got;

		metadata_init(&metadata);
		metadata_take(&metadata, SPAN("Content-Type"), rows[i].value);
		got = metadata.field[METADATA_CONTENT_TYPE];
		if (!span_equal(got, rows[i].taken) ||
		    (got.data == NULL) != (rows[i].taken.data == NULL))
			fail_msg("%s: %.*s", rows[i].name, SPAN_ARG(got));
	}
}

static void
lengths_are_bounded(void **state)
{
	static char value[METADATA_VALUE_MAX + 1];
	struct metadata metadata;

	(void)state;
	memset(value, 'v', sizeof(value));
	metadata_init(&metadata);
	metadata_take(&metadata, SPAN("Expires"),
	    (struct span){ value, METADATA_VALUE_MAX + 1 });
	assert_null(metadata.field[METADATA_EXPIRES].data);
	metadata_take(&metadata, SPAN("Expires"),
	    (struct span){ value, METADATA_VALUE_MAX });
	assert_int_equal(
	    metadata.field[METADATA_EXPIRES].len, METADATA_VALUE_MAX);
}

static void
aws_chunked_is_taken_out(void **state)
{
	static const struct {
		struct span value;
		struct span taken; /* data NULL: dropped */
	} rows[] = {
		{ SPAN("gzip"), SPAN("gzip") },
		{ SPAN("gzip, br"), SPAN("gzip, br") },
		{ SPAN("aws-chunked"), { NULL, 0 } },
		{ SPAN("AWS-Chunked"), { NULL, 0 } },
		{ SPAN(" aws-chunked , "), { NULL, 0 } },
		{ SPAN("aws-chunked,aws-chunked"), { NULL, 0 } },
		{ SPAN("aws-chunked,gzip"), SPAN("gzip") },
		{ SPAN("aws-chunked, gzip"), SPAN("gzip") },
		{ SPAN("gzip,aws-chunked"), SPAN("gzip") },
		{ SPAN("gzip , aws-chunked"), SPAN("gzip") },
		{ SPAN("gzip,aws-chunked,"), SPAN("gzip") },
		{ SPAN(",,aws-chunked,,gzip,br,aws-chunked"), SPAN("gzip,br") },
		{ SPAN("gzip,,br"), SPAN("gzip,,br") },
		{ SPAN(","), { NULL, 0 } },
		{ SPAN("aws-chunked2"), SPAN("aws-chunked2") },
		{ SPAN("x-aws-chunked"), SPAN("x-aws-chunked") },
		/* Left for the client to refuse: see metadata.c. */
		{ SPAN("gzip,aws-chunked,br"), SPAN("gzip,aws-chunked,br") },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct metadata metadata;
		struct span got;

		metadata_init(&metadata);
		metadata_take(
		    &metadata, SPAN("Content-Encoding"), rows[i].value);
		got = metadata.field[METADATA_CONTENT_ENCODING];
		if (!span_equal(got, rows[i].taken) ||
		    (got.data == NULL) != (rows[i].taken.data == NULL))
			fail_msg("\"%.*s\": \"%.*s\"", SPAN_ARG(rows[i].value),
			    SPAN_ARG(got));
	}
}

static void
aws_chunked_is_a_value_elsewhere(void **state)
{
	struct metadata metadata;

	(void)state;
	metadata_init(&metadata);
	take(&metadata, "Content-Type", "aws-chunked");
	assert_true(span_equal(
	    metadata.field[METADATA_CONTENT_TYPE], SPAN("aws-chunked")));
}

static void
a_copy_stands_alone(void **state)
{
	struct metadata metadata, copy, again;
	char type[] = "text/plain", tag[] = "\"1\"";

	(void)state;
	metadata_init(&metadata);
	take(&metadata, "Content-Type", type);
	take(&metadata, "ETag", tag);
	take(&metadata, "X-Amz-Meta-Mtime", "12.5");
	take(&metadata, "x-amz-meta-gid", "1000");
	metadata.size = UINT64_C(5000000000);
	metadata_copy(&copy, &metadata);
	memset(type, 'x', sizeof(type));
	memset(tag, 'x', sizeof(tag));
	metadata_copy(&again, &copy);
	metadata_fini(&copy);
	assert_null(copy.field[METADATA_ETAG].data);
	assert_true(
	    span_equal(again.field[METADATA_CONTENT_TYPE], SPAN("text/plain")));
	assert_true(span_equal(again.field[METADATA_ETAG], SPAN("\"1\"")));
	assert_null(again.field[METADATA_EXPIRES].data);
	assert_true(span_equal(again.field[METADATA_MTIME], SPAN("12.5")));
	assert_true(span_equal(again.field[METADATA_GID], SPAN("1000")));
	assert_null(again.field[METADATA_UID].data);
	assert_true(again.size == UINT64_C(5000000000));
	metadata_fini(&again);
	metadata_fini(&metadata);
}

static void
a_copy_of_nothing_is_nothing(void **state)
{
	struct metadata metadata, copy;

	(void)state;
	metadata_init(&metadata);
	metadata.field[METADATA_ETAG] = SPAN("");
	metadata_copy(&copy, &metadata);
	assert_non_null(copy.field[METADATA_ETAG].data);
	assert_int_equal(copy.field[METADATA_ETAG].len, 0);
	assert_null(copy.field[METADATA_EXPIRES].data);
	metadata_fini(&copy);
	metadata_fini(&copy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_list_is_the_allow_list),
		cmocka_unit_test(an_empty_one_knows_nothing),
		cmocka_unit_test(every_field_is_taken_in_any_case),
		cmocka_unit_test(other_headers_are_not),
		cmocka_unit_test(the_first_of_a_name_wins),
		cmocka_unit_test(values_are_checked),
		cmocka_unit_test(lengths_are_bounded),
		cmocka_unit_test(aws_chunked_is_taken_out),
		cmocka_unit_test(aws_chunked_is_a_value_elsewhere),
		cmocka_unit_test(a_copy_stands_alone),
		cmocka_unit_test(a_copy_of_nothing_is_nothing),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

/*
 * What a client is shown of an object (src/respond/likeness.h).  The pairs of
 * date and ETag are what nginx 1.22.1 answered for files of these times and
 * sizes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "respond/likeness.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))
#define S3_ETAG         "\"5d41402abc4b2a76b9719d911017c592\""
#define S3_DATE         "Wed, 21 Oct 2015 07:28:00 GMT"

static struct metadata
make_object(const char *mtime, uint64_t size)
{
	struct metadata object;

	metadata_init(&object);
	object.size = size;
	object.field[METADATA_ETAG] = SPAN(S3_ETAG);
	object.field[METADATA_LAST_MODIFIED] = SPAN(S3_DATE);
	object.field[METADATA_CONTENT_TYPE] = SPAN("image/png");
	object.field[METADATA_CACHE_CONTROL] = SPAN("private");
	object.field[METADATA_MTIME] = span_of(mtime);
	object.field[METADATA_SHA256] = SPAN("2cf24dba");
	object.field[METADATA_MODE] = SPAN("100644");
	object.field[METADATA_UID] = SPAN("1000");
	object.field[METADATA_GID] = SPAN("1000");
	return (object);
}

static void
assert_field(const struct likeness *likeness, enum metadata_field field,
    const char *want)
{
	struct span got = likeness->metadata.field[field];

	if ((got.data == NULL) != (want == NULL) ||
	    !span_equal(got, span_of(want)))
		fail_msg("%s: %.*s", metadata_name(field), SPAN_ARG(got));
}

static const struct {
	const char *mtime;
	uint64_t size;
	const char *date;
	const char *etag;
} files[] = {
	{ "1354040105", 5, "Tue, 27 Nov 2012 18:15:05 GMT", "\"50b50329-5\"" },
	/* The fraction counts for nothing, however close to the next. */
	{ "1354040105.999999999", 10, "Tue, 27 Nov 2012 18:15:05 GMT",
	    "\"50b50329-a\"" },
	{ "1", 0, "Thu, 01 Jan 1970 00:00:01 GMT", "\"1-0\"" },
	{ "0", 1, "Thu, 01 Jan 1970 00:00:00 GMT", "\"0-1\"" },
	{ "951782400", 255, "Tue, 29 Feb 2000 00:00:00 GMT",
	    "\"38bb0c00-ff\"" },
	{ "4294967296", 65536, "Sun, 07 Feb 2106 06:28:16 GMT",
	    "\"100000000-10000\"" },
	{ "1354040105", UINT64_C(5000000000), "Tue, 27 Nov 2012 18:15:05 GMT",
	    "\"50b50329-12a05f200\"" },
	{ "15032385535", 7, "Thu, 10 May 2446 22:38:55 GMT",
	    "\"37fffffff-7\"" },
	/* No file system has this one. */
	{ "253402300799", UINT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT",
	    "\"3afff4417f-ffffffffffffffff\"" },
};

static void
a_file_is_shown_as_nginx_shows_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		struct metadata object =
		    make_object(files[i].mtime, files[i].size);
		struct likeness likeness;

		likeness_make(&likeness, &object, true, SITE_ETAG_NGINX);
		assert_field(&likeness, METADATA_LAST_MODIFIED, files[i].date);
		assert_field(&likeness, METADATA_ETAG, files[i].etag);
		assert_true(likeness.metadata.size == files[i].size);
	}
}

static void
the_etag_of_s3_goes_with_the_files_date(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		struct metadata object =
		    make_object(files[i].mtime, files[i].size);
		struct likeness likeness;

		likeness_make(&likeness, &object, i % 2 == 0, SITE_ETAG_S3);
		assert_field(&likeness, METADATA_LAST_MODIFIED, files[i].date);
		assert_field(&likeness, METADATA_ETAG, S3_ETAG);
	}
}

/* Else one answer would have another tag than the next. */
static void
without_a_size_there_is_no_etag(void **state)
{
	struct metadata object = make_object("1354040105", 0);
	struct likeness likeness;

	(void)state;
	likeness_make(&likeness, &object, false, SITE_ETAG_NGINX);
	assert_field(&likeness, METADATA_ETAG, NULL);
	assert_field(&likeness, METADATA_LAST_MODIFIED, files[0].date);
	/* And again, with it. */
	object.size = 5;
	likeness_make(&likeness, &object, true, SITE_ETAG_NGINX);
	assert_field(&likeness, METADATA_ETAG, files[0].etag);
}

static void
without_a_time_it_is_shown_as_it_is(void **state)
{
	static const char *const mtimes[] = { NULL, "", "-1", "1e9",
		"99999999999999", "1.", " 1", "1.0123456789", "yesterday" };

	(void)state;
	for (size_t i = 0; i < 2 * COUNT_OF(mtimes); i++) {
		struct metadata object = make_object(mtimes[i / 2], 5);
		struct likeness likeness;

		likeness_make(&likeness, &object, true,
		    i % 2 == 0 ? SITE_ETAG_NGINX : SITE_ETAG_S3);
		assert_field(&likeness, METADATA_LAST_MODIFIED, S3_DATE);
		assert_field(&likeness, METADATA_ETAG, S3_ETAG);
		assert_field(&likeness, METADATA_MTIME, NULL);
	}
}

static void
what_the_object_lacks_is_made_of_its_time(void **state)
{
	struct metadata object = make_object("1354040105", 5);
	struct likeness likeness;

	(void)state;
	object.field[METADATA_ETAG] = span_of(NULL);
	object.field[METADATA_LAST_MODIFIED] = span_of(NULL);
	likeness_make(&likeness, &object, true, SITE_ETAG_NGINX);
	assert_field(&likeness, METADATA_ETAG, files[0].etag);
	assert_field(&likeness, METADATA_LAST_MODIFIED, files[0].date);
	likeness_make(&likeness, &object, true, SITE_ETAG_S3);
	assert_field(&likeness, METADATA_ETAG, NULL);
}

static void
the_rest_is_the_objects_but_what_is_internal(void **state)
{
	struct metadata object = make_object("1354040105", 5), before;
	struct likeness likeness;

	(void)state;
	before = object;
	memset(&likeness, 0xa5, sizeof(likeness));
	likeness_make(&likeness, &object, true, SITE_ETAG_NGINX);
	assert_field(&likeness, METADATA_CONTENT_TYPE, "image/png");
	assert_field(&likeness, METADATA_CACHE_CONTROL, "private");
	assert_field(&likeness, METADATA_EXPIRES, NULL);
	assert_field(&likeness, METADATA_MTIME, "1354040105");
	for (int i = METADATA_CACHED; i < METADATA_FIELDS; i++)
		assert_field(&likeness, (enum metadata_field)i, NULL);
	/* The object is as it was, and owned by who owned it. */
	assert_memory_equal(&object, &before, sizeof(object));
	metadata_copy(&object, &before);
	likeness_make(&likeness, &object, true, SITE_ETAG_NGINX);
	assert_null(likeness.metadata.text);
	metadata_fini(&object);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_shown_as_nginx_shows_it),
		cmocka_unit_test(the_etag_of_s3_goes_with_the_files_date),
		cmocka_unit_test(without_a_size_there_is_no_etag),
		cmocka_unit_test(without_a_time_it_is_shown_as_it_is),
		cmocka_unit_test(what_the_object_lacks_is_made_of_its_time),
		cmocka_unit_test(the_rest_is_the_objects_but_what_is_internal),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

/*
 * What is in a bucket (src/offload/list.h): pages and how they follow each
 * other, keys as they are encoded, and what makes no sense.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "offload/list.h"

#include "calls.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

/* Of a server that encodes keys, as it was asked to; and of one that does
 * not. */
#define ENCODED             "<EncodingType>url</EncodingType>"
#define OBJECTS(inside)     RAW_OBJECTS(ENCODED inside)
#define UPLOADS(inside)     RAW_UPLOADS(ENCODED inside)
#define RAW_OBJECTS(inside) "<ListBucketResult>" inside "</ListBucketResult>"
#define RAW_UPLOADS(inside) \
	"<ListMultipartUploadsResult>" inside "</ListMultipartUploadsResult>"
#define MORE(token)                       \
	"<IsTruncated>true</IsTruncated>" \
	"<NextContinuationToken>" token "</NextContinuationToken>"
#define OBJECT(key) "<Contents><Key>" key "</Key><Size>1</Size></Contents>"
#define UPLOAD(key, id) \
	"<Upload><Key>" key "</Key><UploadId>" id "</UploadId></Upload>"

enum { PATIENCE_MS = 4711, PAGES = 8 };

static struct site site;
static struct call *call;
static const char *pages[PAGES]; /* NULL: the call fails */
static size_t ring;              /* behind the last, back by so many */

static enum call_result
play(const struct calls_asked *asked, size_t index, struct calls_answer *answer)
{
	assert_int_equal(asked->method, HTTP_GET);
	assert_string_equal(asked->key, "");
	assert_ptr_equal(asked->request.site, &site);
	assert_true(asked->request.patience_ms == PATIENCE_MS);
	while (ring > 0 && (index >= PAGES || pages[index] == NULL))
		index -= ring;
	assert_true(index < PAGES);
	answer->body = pages[index];
	answer->reason = "S3 said no";
	return (pages[index] != NULL ? CALL_OK : CALL_UNAVAILABLE);
}

static int
setup(void **state)
{
	(void)state;
	memset(pages, 0, sizeof(pages));
	ring = 0;
	calls.play = play;
	call = call_new(&site, 1, NULL, NULL);
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	calls_forget();
	call_free(call);
	return (0);
}

/* Add all entries to OUT, "KEY|ETAG|ID|SIZE|TIME\n" each; how it ended. */
static enum list_result
take_all(struct list *list, struct buf *out)
{
	struct list_entry entry;
	enum list_result result;

	while ((result = list_next(list, &entry)) == LIST_FOUND) {
		assert_true(buf_add_span(out, entry.key)); /* with any NUL */
		assert_true(buf_printf(out, "|%.*s|%.*s|%llu|%lld\n",
		    SPAN_ARG(entry.etag), SPAN_ARG(entry.upload_id),
		    (unsigned long long)entry.size,
		    (long long)entry.modified_s));
	}
	/* It is over for good. */
	assert_int_equal(list_next(list, &entry), LIST_END);
	return (result);
}

static void
test_entries(void **state)
{
	static const struct {
		const char *name;
		enum list_kind kind;
		const char *page;
		const char *found;
	} rows[] = {
		{ "none", LIST_OBJECTS, OBJECTS(""), "" },
		{ "none, and an answer that says so", LIST_OBJECTS,
		    OBJECTS("<IsTruncated>false</IsTruncated>"), "" },
		{ "all of one", LIST_OBJECTS,
		    "<?xml version=\"1.0\"?>"
		    "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/\">"
		    "<Name>b</Name><Prefix/><EncodingType>url</EncodingType>"
		    "<Contents><Key>a/b</Key>"
		    "<LastModified>2013-05-24T00:00:00.000Z</LastModified>"
		    "<ETag>&quot;5d41&quot;</ETag><Size>5</Size>"
		    "<Owner><ID>x</ID><Key>not this</Key></Owner>"
		    "<StorageClass>STANDARD</StorageClass></Contents>"
		    "</ListBucketResult>",
		    "a/b|\"5d41\"||5|1369353600\n" },
		{ "nothing of one before goes over to the next", LIST_OBJECTS,
		    OBJECTS("<Contents><Key>a</Key><ETag>t</ETag><Size>7</Size>"
			    "<LastModified>2013-05-24T00:00:00Z</LastModified>"
			    "</Contents><Contents><Key>b</Key><Size>0</Size>"
			    "</Contents>"),
		    "a|t||7|1369353600\nb|||0|-1\n" },
		{ "a plus is a blank", LIST_OBJECTS, OBJECTS(OBJECT("a+b++c+")),
		    "a b  c |||1|-1\n" },
		{ "a plus, encoded", LIST_OBJECTS, OBJECTS(OBJECT("a%2Bb%2b")),
		    "a+b+|||1|-1\n" },
		{ "what XML has no form for", LIST_OBJECTS,
		    OBJECTS(OBJECT("a%0A%01%7F%C3%A9")),
		    "a\n\x01\x7f\xc3\xa9|||1|-1\n" },
		{ "what XML has a form for", LIST_OBJECTS,
		    OBJECTS(OBJECT("a&amp;&#x41;")), "a&A|||1|-1\n" },
		{ "the greatest size", LIST_OBJECTS,
		    OBJECTS("<Contents><Key>a</Key>"
			    "<Size>9223372036854775807</Size></Contents>"),
		    "a|||9223372036854775807|-1\n" },
		{ "a time that is none", LIST_OBJECTS,
		    OBJECTS("<Contents><Key>a</Key><Size>1</Size>"
			    "<LastModified>noon</LastModified></Contents>"),
		    "a|||1|-1\n" },
		{ "folders are none", LIST_OBJECTS,
		    OBJECTS("<CommonPrefixes><Prefix>a/</Prefix>"
			    "</CommonPrefixes>" OBJECT("b")),
		    "b|||1|-1\n" },
		{ "another element that begins alike", LIST_OBJECTS,
		    OBJECTS("<ContentsNot><Key>a</Key></ContentsNot>"), "" },
		{ "uploads", LIST_UPLOADS,
		    UPLOADS("<Upload><Key>a+b</Key><UploadId>i+%41</UploadId>"
			    "<Initiated>2013-05-24T00:00:00.000Z</Initiated>"
			    "</Upload>" UPLOAD("a+b", "j")),
		    "a b||i+%41|0|1369353600\na b||j|0|-1\n" },
		{ "not encoded, which makes no difference here", LIST_OBJECTS,
		    RAW_OBJECTS(OBJECT("a b/c") OBJECT("\xc3\xa9")),
		    "a b/c|||1|-1\n\xc3\xa9|||1|-1\n" },
		{ "not encoded: an id is never", LIST_UPLOADS,
		    RAW_UPLOADS(UPLOAD("a", "i+%41")), "a||i+%41|0|-1\n" },
		{ "encoded, which is said behind", LIST_OBJECTS,
		    RAW_OBJECTS(OBJECT("a+b") ENCODED), "a b|||1|-1\n" },
		{ "objects are no uploads", LIST_UPLOADS, OBJECTS(OBJECT("a")),
		    "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct list *list =
		    list_new(call, &site, rows[i].kind, SPAN(""), PATIENCE_MS);
		struct buf out;

		print_message("%s\n", rows[i].name);
		buf_init(&out, 65536);
		pages[0] = rows[i].page;
		calls_forget();
		assert_int_equal(take_all(list, &out), LIST_END);
		assert_string_equal(buf_string(&out), rows[i].found);
		assert_string_equal(list_reason(list), "");
		assert_int_equal(calls.n, 1);
		buf_fini(&out);
		list_free(list);
	}
}

#define SENSELESS "S3's list makes no sense"
#define CUT_OFF   "S3's list is cut off, and does not say where to go on"
#define AGAIN     "S3's list begins anew where it should go on"

static void
test_wrong(void **state)
{
	static const struct {
		const char *name;
		enum list_kind kind;
		const char *page;
		const char *reason;
	} rows[] = {
		{ "no answer", LIST_OBJECTS, NULL, "S3 said no" },
		{ "nothing", LIST_OBJECTS, "", SENSELESS },
		{ "no XML", LIST_OBJECTS, "hello", SENSELESS },
		{ "cut off within", LIST_OBJECTS,
		    "<ListBucketResult>" OBJECT("a"), SENSELESS },
		{ "with entities", LIST_OBJECTS,
		    "<!DOCTYPE a [<!ENTITY e \"e\">]>" OBJECTS(OBJECT("&e;")),
		    SENSELESS },
		{ "too deep", LIST_OBJECTS,
		    OBJECTS("<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>"
			    "</a></a></a></a></a></a></a></a></a></a></a></a>"
			    "</a></a></a></a>"),
		    SENSELESS },
		{ "no key", LIST_OBJECTS,
		    OBJECTS("<Contents><Size>1</Size></Contents>"), SENSELESS },
		{ "an empty key", LIST_OBJECTS, OBJECTS(OBJECT("")),
		    SENSELESS },
		{ "a key that is not encoded", LIST_OBJECTS,
		    OBJECTS(OBJECT("100%")), SENSELESS },
		/* Is it "a+b" or "a b"? */
		{ "a plus, and nothing says that it is encoded", LIST_OBJECTS,
		    RAW_OBJECTS(OBJECT("a") OBJECT("a+b")), SENSELESS },
		{ "a byte, and nothing says that it is encoded", LIST_OBJECTS,
		    RAW_OBJECTS(OBJECT("a%41")), SENSELESS },
		{ "a plus, and an encoding that is not known", LIST_OBJECTS,
		    RAW_OBJECTS(
			"<EncodingType>hex</EncodingType>" OBJECT("a+b")),
		    SENSELESS },
		{ "an upload with a plus, not encoded", LIST_UPLOADS,
		    RAW_UPLOADS(UPLOAD("a+b", "i")), SENSELESS },
		{ "a marker with a plus, not encoded", LIST_UPLOADS,
		    RAW_UPLOADS(
			"<IsTruncated>true</IsTruncated>"
			"<NextKeyMarker>a+b</NextKeyMarker>" UPLOAD("a", "i")),
		    SENSELESS },
		{ "half a byte", LIST_OBJECTS, OBJECTS(OBJECT("a%4")),
		    SENSELESS },
		{ "half a byte before a blank", LIST_OBJECTS,
		    OBJECTS(OBJECT("a%4+1")), SENSELESS },
		{ "a size that is none", LIST_OBJECTS,
		    OBJECTS("<Contents><Key>a</Key><Size>1k</Size></Contents>"),
		    SENSELESS },
		{ "an empty size", LIST_OBJECTS,
		    OBJECTS("<Contents><Key>a</Key><Size/></Contents>"),
		    SENSELESS },
		{ "no size", LIST_OBJECTS,
		    OBJECTS("<Contents><Key>a</Key></Contents>"), SENSELESS },
		{ "less than nothing", LIST_OBJECTS,
		    OBJECTS("<Contents><Key>a</Key><Size>-1</Size></Contents>"),
		    SENSELESS },
		{ "more than there can be", LIST_OBJECTS,
		    OBJECTS("<Contents><Key>a</Key>"
			    "<Size>9223372036854775808</Size></Contents>"),
		    SENSELESS },
		{ "one that is wrong among others", LIST_OBJECTS,
		    OBJECTS(OBJECT("a") OBJECT("") OBJECT("b")), SENSELESS },
		{ "cut off, without a token", LIST_OBJECTS,
		    OBJECTS("<IsTruncated>true</IsTruncated>" OBJECT("a")),
		    CUT_OFF },
		{ "cut off, with an empty token", LIST_OBJECTS,
		    OBJECTS(MORE("") OBJECT("a")), CUT_OFF },
		{ "cut off, uploads", LIST_UPLOADS,
		    UPLOADS("<IsTruncated>true</IsTruncated>"), CUT_OFF },
		/* Asked to give up that of no id, some stores would delete the
		 * object. */
		{ "an upload without its id", LIST_UPLOADS,
		    UPLOADS("<Upload><Key>a</Key></Upload>"), SENSELESS },
		{ "an upload of an empty id", LIST_UPLOADS,
		    UPLOADS(UPLOAD("a", "")), SENSELESS },
		{ "an upload without its id, after one", LIST_UPLOADS,
		    UPLOADS(UPLOAD("a", "i") "<Upload><Key>a</Key></Upload>"),
		    SENSELESS },
		{ "a marker that is not encoded", LIST_UPLOADS,
		    UPLOADS("<IsTruncated>true</IsTruncated>"
			    "<NextKeyMarker>%</NextKeyMarker>"),
		    SENSELESS },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct list *list =
		    list_new(call, &site, rows[i].kind, SPAN(""), PATIENCE_MS);
		struct buf out;

		print_message("%s\n", rows[i].name);
		buf_init(&out, 65536);
		pages[0] = rows[i].page;
		calls_forget();
		assert_int_equal(take_all(list, &out), LIST_FAILED);
		/* Of a page that is wrong nothing is believed. */
		assert_string_equal(buf_string(&out), "");
		assert_string_equal(list_reason(list), rows[i].reason);
		assert_int_equal(calls.n, 1);
		buf_fini(&out);
		list_free(list);
	}
}

static void
test_pages(void **state)
{
	static const struct {
		const char *name;
		enum list_kind kind;
		const char *prefix;
		const char *pages[PAGES];
		size_t ring;
		enum list_result result;
		const char *found; /* the keys */
		const char *reason;
		const char *queries[PAGES];
	} rows[] = {
		{ .name = "one",
		    .prefix = "a b/+&=",
		    .pages = { OBJECTS(OBJECT("a")) },
		    .result = LIST_END,
		    .found = "a\n",
		    .reason = "",
		    .queries = { "encoding-type=url&list-type=2"
				 "&prefix=a%20b%2F%2B%26%3D" } },
		{ .name = "three, one of them empty",
		    .prefix = "p",
		    .pages = { OBJECTS(MORE("1/=+") OBJECT("a") OBJECT("b")),
			OBJECTS(MORE("2")),
			OBJECTS(
			    "<IsTruncated>false</IsTruncated>" OBJECT("c")) },
		    .result = LIST_END,
		    .found = "a\nb\nc\n",
		    .reason = "",
		    .queries = { "encoding-type=url&list-type=2&prefix=p",
			"continuation-token=1%2F%3D%2B"
			"&encoding-type=url&list-type=2&prefix=p",
			"continuation-token=2"
			"&encoding-type=url&list-type=2&prefix=p" } },
		{ .name = "a token without need",
		    .prefix = "",
		    .pages = { OBJECTS(
			"<NextContinuationToken>1"
			"</NextContinuationToken>" OBJECT("a")) },
		    .result = LIST_END,
		    .found = "a\n",
		    .reason = "",
		    .queries = { "encoding-type=url&list-type=2&prefix=" } },
		{ .name = "the second fails",
		    .prefix = "",
		    .pages = { OBJECTS(MORE("1") OBJECT("a")), NULL },
		    .result = LIST_FAILED,
		    .found = "a\n",
		    .reason = "S3 said no",
		    .queries = { "encoding-type=url&list-type=2&prefix=",
			"continuation-token=1"
			"&encoding-type=url&list-type=2&prefix=" } },
		{ .name = "the second makes no sense",
		    .prefix = "",
		    .pages = { OBJECTS(MORE("1") OBJECT("a")),
			OBJECTS(OBJECT("b") OBJECT("%")) },
		    .result = LIST_FAILED,
		    .found = "a\n",
		    .reason = SENSELESS,
		    .queries = { "encoding-type=url&list-type=2&prefix=",
			"continuation-token=1"
			"&encoding-type=url&list-type=2&prefix=" } },
		{ .name = "uploads: two markers, the key decoded",
		    .kind = LIST_UPLOADS,
		    .prefix = "k",
		    .pages = { UPLOADS("<IsTruncated>true</IsTruncated>"
				       "<NextKeyMarker>k+1%2B</NextKeyMarker>"
				       "<NextUploadIdMarker>i+"
				       "</NextUploadIdMarker>" UPLOAD(
					   "k+1%2B", "i+")),
			UPLOADS(UPLOAD("k2", "j")) },
		    .result = LIST_END,
		    .found = "k 1+\nk2\n",
		    .reason = "",
		    .queries = { "encoding-type=url&prefix=k&uploads=",
			"encoding-type=url&key-marker=k%201%2B&prefix=k"
			"&upload-id-marker=i%2B&uploads=" } },
		{ .name = "uploads: the key's marker alone",
		    .kind = LIST_UPLOADS,
		    .prefix = "",
		    .pages = { UPLOADS("<IsTruncated>true</IsTruncated>"
				       "<NextKeyMarker>k</NextKeyMarker>"),
			UPLOADS("") },
		    .result = LIST_END,
		    .found = "",
		    .reason = "",
		    .queries = { "encoding-type=url&prefix=&uploads=",
			"encoding-type=url&key-marker=k&prefix="
			"&uploads=" } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct list *list = list_new(call, &site, rows[i].kind,
		    span_of(rows[i].prefix), PATIENCE_MS);
		struct list_entry entry;
		enum list_result result;
		struct buf out;
		size_t n = 0;

		print_message("%s\n", rows[i].name);
		buf_init(&out, 65536);
		memcpy(pages, rows[i].pages, sizeof(pages));
		calls_forget();
		while ((result = list_next(list, &entry)) == LIST_FOUND)
			assert_true(
			    buf_printf(&out, "%.*s\n", SPAN_ARG(entry.key)));
		assert_int_equal(result, rows[i].result);
		assert_string_equal(buf_string(&out), rows[i].found);
		assert_string_equal(list_reason(list), rows[i].reason);
		for (; n < PAGES && rows[i].queries[n] != NULL; n++)
			assert_string_equal(
			    calls.asked[n].query, rows[i].queries[n]);
		assert_int_equal(calls.n, n);
		buf_fini(&out);
		list_free(list);
	}
}

/* A server that never comes to an end. */
static void
test_round_and_round(void **state)
{
	static const struct {
		const char *name;
		enum list_kind kind;
		const char *pages[PAGES];
		size_t ring;
	} rows[] = {
		{ "the same token", LIST_OBJECTS,
		    { OBJECTS(MORE("1") OBJECT("a")) }, 1 },
		{ "the same token, and nothing else", LIST_OBJECTS,
		    { OBJECTS(MORE("1")) }, 1 },
		{ "two tokens in turns", LIST_OBJECTS,
		    { OBJECTS(MORE("1")), OBJECTS(MORE("2")) }, 2 },
		{ "three after some others", LIST_OBJECTS,
		    { OBJECTS(MORE("1")), OBJECTS(MORE("2")),
			OBJECTS(MORE("3")), OBJECTS(MORE("4")),
			OBJECTS(MORE("5")) },
		    3 },
		{ "uploads: the same markers", LIST_UPLOADS,
		    { UPLOADS(
			"<IsTruncated>true</IsTruncated>"
			"<NextKeyMarker>k</NextKeyMarker>"
			"<NextUploadIdMarker>i</NextUploadIdMarker>" UPLOAD(
			    "k", "i")) },
		    1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct list *list =
		    list_new(call, &site, rows[i].kind, SPAN(""), PATIENCE_MS);
		struct buf out;

		print_message("%s\n", rows[i].name);
		buf_init(&out, 65536);
		memcpy(pages, rows[i].pages, sizeof(pages));
		ring = rows[i].ring;
		calls_forget();
		assert_int_equal(take_all(list, &out), LIST_FAILED);
		assert_string_equal(list_reason(list), AGAIN);
		assert_true(calls.n < 20);
		buf_fini(&out);
		list_free(list);
	}
}

/* Uploads of one key: only the second marker moves on. */
static void
test_one_key_of_many_uploads(void **state)
{
	struct list *list =
	    list_new(call, &site, LIST_UPLOADS, SPAN("k"), PATIENCE_MS);
	struct buf out;

	(void)state;
	buf_init(&out, 65536);
	pages[0] = UPLOADS("<IsTruncated>true</IsTruncated>"
			   "<NextKeyMarker>k</NextKeyMarker>"
			   "<NextUploadIdMarker>1</NextUploadIdMarker>");
	pages[1] = UPLOADS("<IsTruncated>true</IsTruncated>"
			   "<NextKeyMarker>k</NextKeyMarker>"
			   "<NextUploadIdMarker>2</NextUploadIdMarker>");
	pages[2] = UPLOADS(UPLOAD("k", "3"));
	assert_int_equal(take_all(list, &out), LIST_END);
	assert_string_equal(buf_string(&out), "k||3|0|-1\n");
	buf_fini(&out);
	list_free(list);
}

static void
test_many_on_a_page(void **state)
{
	static const struct {
		size_t n;
		enum list_result result;
	} rows[] = { { 1000, LIST_END }, { 1001, LIST_FAILED } };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct list *list =
		    list_new(call, &site, LIST_OBJECTS, SPAN(""), PATIENCE_MS);
		struct list_entry entry;
		struct buf page;
		size_t n = 0;

		buf_init(&page, CALLS_TEXT_MAX);
		assert_true(buf_add_string(&page, "<ListBucketResult>"));
		for (size_t at = 0; at < rows[i].n; at++)
			assert_true(buf_printf(&page,
			    "<Contents><Key>k%zu</Key><Size>%zu</Size>"
			    "</Contents>",
			    at, at));
		assert_true(buf_add_string(&page, "</ListBucketResult>"));
		pages[0] = buf_string(&page);
		calls_forget();
		for (; list_next(list, &entry) == LIST_FOUND; n++)
			assert_int_equal(entry.size, n);
		assert_int_equal(n, rows[i].result == LIST_END ? 1000 : 0);
		assert_string_equal(list_reason(list),
		    rows[i].result == LIST_END ? "" : SENSELESS);
		buf_fini(&page);
		list_free(list);
	}
}

static void
test_prefix_too_long(void **state)
{
	size_t len = 20000;
	char *prefix = mem_zero(1, len);
	struct list_entry entry;
	struct list *list;

	(void)state;
	memset(prefix, '/', len);
	list = list_new(call, &site, LIST_OBJECTS, (struct span){ prefix, len },
	    PATIENCE_MS);
	assert_int_equal(list_next(list, &entry), LIST_FAILED);
	assert_string_equal(list_reason(list), "a prefix that is too long");
	assert_int_equal(calls.n, 0);
	list_free(list);
	list_free(NULL);
	free(prefix);
}

#define RUN(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_entries),
		RUN(test_wrong),
		RUN(test_pages),
		RUN(test_round_and_round),
		RUN(test_one_key_of_many_uploads),
		RUN(test_many_on_a_page),
		RUN(test_prefix_too_long),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

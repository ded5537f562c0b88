/*
 * What S3 says when it refuses (src/s3/error.h).  The bodies are in the form
 * in which AWS, Ceph RGW and Swift write them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <inttypes.h>

#include <cmocka.h>

#include "s3/error.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))
#define XML             "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"

struct row {
	const char *name;
	struct span body;
	bool ok;
	const char *code;
	const char *message;
	const char *request_id;
	const char *region;
	int64_t object_size;
};

static const struct row rows[] = {
	{ "a missing key",
	    SPAN(XML "<Error><Code>NoSuchKey</Code><Message>The specified key "
		     "does not exist.</Message><Key>a&amp;b</Key><RequestId>"
		     "656c76696e6727732072657175657374</RequestId><HostId>"
		     "Uuag1LuByRx9e6j5Onimru9pO4ZVKnJ2Qz7/C1NPcfTWAtRPfTaOFg=="
		     "</HostId></Error>"),
	    true, "NoSuchKey", "The specified key does not exist.",
	    "656c76696e6727732072657175657374", "", -1 },
	{ "Ceph RGW's",
	    SPAN("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>"
		 "AccessDenied</Code><BucketName>b</BucketName><RequestId>tx0"
		 "</RequestId><HostId>1-default</HostId></Error>"),
	    true, "AccessDenied", "", "tx0", "", -1 },
	{ "Swift's",
	    SPAN("<?xml version='1.0' encoding='UTF-8'?>\n<Error><Code>"
		 "SignatureDoesNotMatch</Code><Message>The request signature "
		 "we calculated</Message><RequestId>tx1</RequestId>"
		 "<CanonicalRequest>GET\n/b/k\n</CanonicalRequest></Error>"),
	    true, "SignatureDoesNotMatch",
	    "The request signature we calculated", "tx1", "", -1 },
	{ "another region",
	    SPAN(XML "<Error><Code>AuthorizationHeaderMalformed</Code><Message>"
		     "The authorization header is malformed; the region "
		     "'us-east-1' is wrong; expecting 'ap-northeast-1'"
		     "</Message><Region>ap-northeast-1</Region><RequestId>R"
		     "</RequestId></Error>"),
	    true, "AuthorizationHeaderMalformed",
	    "The authorization header is malformed; the region 'us-east-1' is "
	    "wrong; expecting 'ap-northeast-1'",
	    "R", "ap-northeast-1", -1 },
	{ "another endpoint",
	    SPAN(XML "<Error><Code>PermanentRedirect</Code><Message>m"
		     "</Message><Endpoint>b.s3.amazonaws.com</Endpoint>"
		     "<Bucket>b</Bucket></Error>"),
	    true, "PermanentRedirect", "m", "", "", -1 },
	{ "a range outside of the object",
	    SPAN(XML "<Error><Code>InvalidRange</Code><Message>m</Message>"
		     "<RangeRequested>bytes=9-</RangeRequested>"
		     "<ActualObjectSize>5000000000</ActualObjectSize></Error>"),
	    true, "InvalidRange", "m", "", "", INT64_C(5000000000) },
	{ "in a response, as STS does",
	    SPAN("<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/\">"
		 "<Error><Type>Sender</Type><Code>ExpiredToken</Code>"
		 "<Message>m</Message></Error><RequestId>r</RequestId>"
		 "</ErrorResponse>"),
	    true, "ExpiredToken", "m", "r", "", -1 },
	{ "pretty-printed",
	    SPAN("<Error>\n  <Code>SlowDown</Code>\n  <Message/>\n</Error>\n"),
	    true, "SlowDown", "", "", "", -1 },
	{ "CDATA, references, comments",
	    SPAN("<!-- c --><Error><?pi x?><Code>No<!-- c -->Such"
		 "<![CDATA[Key]]></Code><Message>&lt;Code&gt;&#x3042;&#33;"
		 "</Message></Error>"),
	    true, "NoSuchKey", "<Code>\xe3\x81\x82!", "", "", -1 },
	{ "Latin-1",
	    SPAN("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><Error>"
		 "<Code>C</Code><Message>caf\xe9</Message></Error>"),
	    true, "C", "caf\xc3\xa9", "", "", -1 },
	{ "a byte order mark",
	    SPAN("\xef\xbb\xbf<Error><Code>C</Code></Error>"), true, "C", "",
	    "", "", -1 },
	{ "attributes are nothing",
	    SPAN("<Error Code=\"x\"><Code a=\"b\">C</Code></Error>"), true, "C",
	    "", "", "", -1 },
	{ "the first of a name",
	    SPAN("<Error><Code>A</Code><Code>B</Code><Region>x</Region>"
		 "<Region>y</Region><ActualObjectSize>1</ActualObjectSize>"
		 "<ActualObjectSize>2</ActualObjectSize></Error>"),
	    true, "A", "", "", "x", 1 },
	{ "an element in a text",
	    SPAN("<Error><Code>A<b>x</b>B</Code></Error>"), true, "AB", "", "",
	    "", -1 },
	{ "only children count",
	    SPAN("<Error><Code>A</Code><x><Message>m</Message><Region>r"
		 "</Region></x></Error>"),
	    true, "A", "", "", "", -1 },
	{ "sizes that are none",
	    SPAN("<Error><Code>A</Code><ActualObjectSize>-1</ActualObjectSize>"
		 "<ActualObjectSize>9223372036854775808</ActualObjectSize>"
		 "<ActualObjectSize> 1</ActualObjectSize></Error>"),
	    true, "A", "", "", "", -1 },
	{ "no code", SPAN("<Error><Message>m</Message></Error>"), false, "",
	    "m", "", "", -1 },
	{ "an empty code",
	    SPAN("<Error><Code></Code><RequestId>r</RequestId></Error>"), false,
	    "", "", "r", "", -1 },
	{ "another root", SPAN("<Errors><Code>A</Code></Errors>"), false, "",
	    "", "", "", -1 },
	{ "an error too deep", SPAN("<a><Error><Code>A</Code></Error></a>"),
	    false, "", "", "", "", -1 },
	{ "a code beside the error",
	    SPAN("<ErrorResponse><Code>A</Code><Region>r</Region>"
		 "</ErrorResponse>"),
	    false, "", "", "", "", -1 },
	{ "a message behind the error",
	    SPAN("<ErrorResponse><Error><Code>A</Code></Error><x><Message>m"
		 "</Message></x></ErrorResponse>"),
	    true, "A", "", "", "", -1 },
	{ "a prefix", SPAN("<a:Error><a:Code>A</a:Code></a:Error>"), false, "",
	    "", "", "", -1 },
	{ "a prefix that is declared",
	    SPAN("<a:Error xmlns:a=\"urn:x\"><a:Code>A</a:Code></a:Error>"),
	    true, "A", "", "", "", -1 },
	{ "another root that begins like it",
	    SPAN("<ErrorResponses><Error><Code>A</Code></Error>"
		 "<RequestId>r</RequestId></ErrorResponses>"),
	    false, "", "", "", "", -1 },
	{ "a request that is no child",
	    SPAN("<ErrorResponse><x><RequestId>r</RequestId></x>"
		 "</ErrorResponse>"),
	    false, "", "", "", "", -1 },
	{ "an error in an error",
	    SPAN("<Error><Error><Code>A</Code></Error></Error>"), false, "", "",
	    "", "", -1 },
	{ "another case", SPAN("<error><code>A</code></error>"), false, "", "",
	    "", "", -1 },
	{ "HTML",
	    SPAN("<html><head><title>503</title></head><body><br></body>"
		 "</html>"),
	    false, "", "", "", "", -1 },
	{ "a document type",
	    SPAN("<!DOCTYPE Error><Error><Code>A</Code></Error>"), false, "",
	    "", "", "", -1 },
	{ "an entity of its own",
	    SPAN("<!DOCTYPE Error [<!ENTITY a \"b\">]><Error><Code>&a;</Code>"
		 "</Error>"),
	    false, "", "", "", "", -1 },
	{ "a file as an entity",
	    SPAN("<!DOCTYPE Error [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>"
		 "<Error><Code>&a;</Code></Error>"),
	    false, "", "", "", "", -1 },
	{ "an unknown entity", SPAN("<Error><Code>&nbsp;</Code></Error>"),
	    false, "", "", "", "", -1 },
	{ "broken off in the code", SPAN("<Error><Code>NoSuch"), false, "", "",
	    "", "", -1 },
	{ "broken off behind the code",
	    SPAN("<Error><Code>NoSuchKey</Code><Mess"), false, "NoSuchKey", "",
	    "", "", -1 },
	{ "something behind", SPAN("<Error><Code>A</Code></Error>junk"), false,
	    "A", "", "", "", -1 },
	{ "crossed elements", SPAN("<Error><Code>A</Error></Code>"), false, "",
	    "", "", "", -1 },
	{ "not UTF-8", SPAN("<Error><Code>\xff</Code></Error>"), false, "", "",
	    "", "", -1 },
	{ "a NUL", SPAN("<Error><Code>A\0B</Code></Error>"), false, "", "", "",
	    "", -1 },
	{ "a NUL by reference", SPAN("<Error><Code>A&#0;</Code></Error>"),
	    false, "", "", "", "", -1 },
	{ "an unknown encoding",
	    SPAN("<?xml version=\"1.0\" encoding=\"x-none\"?><Error><Code>A"
		 "</Code></Error>"),
	    false, "", "", "", "", -1 },
	{ "nothing", SPAN(""), false, "", "", "", "", -1 },
	{ "no value", { NULL, 0 }, false, "", "", "", "", -1 },
	{ "a blank", SPAN(" "), false, "", "", "", "", -1 },
	{ "text", SPAN("Service Unavailable"), false, "", "", "", "", -1 },
	{ "bytes", SPAN("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), false, "", "", "", "",
	    -1 },
};

static void
bodies_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct row *row = &rows[i];
		struct s3_error error;
		bool ok;

		memset(&error, 0xff, sizeof(error));
		s3_error_init(&error);
		ok = s3_error_parse(&error, row->body);
		if (ok != row->ok || strcmp(error.code, row->code) != 0 ||
		    strcmp(error.message, row->message) != 0 ||
		    strcmp(error.request_id, row->request_id) != 0 ||
		    strcmp(error.region, row->region) != 0 ||
		    error.object_size != row->object_size)
			fail_msg("%s: %d, \"%s\", \"%s\", \"%s\", \"%s\", "
				 "%" PRId64,
			    row->name, ok, error.code, error.message,
			    error.request_id, error.region, error.object_size);
	}
}

/* Every prefix of every body, of its very length for the sanitizer to watch:
 * no half of a text is kept. */
static void
a_body_may_break_off_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		for (size_t len = 0; len < rows[i].body.len; len++) {
			struct s3_error error;
			char *body = malloc(len > 0 ? len : 1);

			assert_non_null(body);
			memcpy(body, rows[i].body.data, len);
			s3_error_init(&error);
			(void)s3_error_parse(
			    &error, (struct span){ body, len });
			free(body);
			if (error.code[0] != '\0')
				assert_string_equal(error.code, rows[i].code);
			if (error.region[0] != '\0')
				assert_string_equal(
				    error.region, rows[i].region);
		}
}

static void
add_times(struct buf *out, const char *text, int times)
{
	for (int i = 0; i < times; i++)
		assert_true(buf_add_string(out, text));
}

static void
long_texts_are_cut_between_characters(void **state)
{
	static const char *const characters[] = { "x", "\xc3\xa9",
		"\xe3\x81\x82", "\xf0\x9f\x98\x80" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(characters); i++)
		for (size_t before = 0; before < 4; before++) {
			size_t width = strlen(characters[i]);
			struct s3_error error;
			struct buf body;

			buf_init(&body, S3_ERROR_BODY_MAX);
			assert_true(buf_printf(
			    &body, "<Error><Code>%.*s", (int)before, "aaaa"));
			add_times(&body, characters[i], 500);
			assert_true(buf_printf(&body, "</Code><Message>%.*s",
			    (int)before, "aaaa"));
			add_times(&body, characters[i], 500);
			add_times(&body, "&amp;", 3);
			add_times(&body, "</Message></Error>", 1);
			s3_error_init(&error);
			assert_true(s3_error_parse(&error, buf_span(&body)));
			assert_int_equal(strlen(error.code),
			    before + (63 - before) / width * width);
			assert_int_equal(strlen(error.message),
			    before + (255 - before) / width * width);
			buf_fini(&body);
		}
}

static void
nesting_is_bounded(void **state)
{
	(void)state;
	for (int deep = 1; deep < 3000; deep = deep * 2 + 1) {
		struct s3_error error;
		struct buf body;

		buf_init(&body, S3_ERROR_BODY_MAX);
		add_times(&body, "<Error>", 1);
		add_times(&body, "<x>", deep);
		add_times(&body, "</x>", deep);
		add_times(&body, "<Code>A</Code></Error>", 1);
		s3_error_init(&error);
		assert_int_equal(
		    s3_error_parse(&error, buf_span(&body)), deep < 16);
		assert_string_equal(error.code, deep < 16 ? "A" : "");
		buf_fini(&body);
	}
}

static void
a_body_over_the_limit_is_none(void **state)
{
	static const char body[] = "<Error><Code>A</Code></Error>";
	struct s3_error error;
	struct buf text;

	(void)state;
	buf_init(&text, S3_ERROR_BODY_MAX + 1);
	add_times(&text, body, 1);
	add_times(&text, " ", S3_ERROR_BODY_MAX - (int)sizeof(body) + 1);
	assert_int_equal(text.len, S3_ERROR_BODY_MAX);
	s3_error_init(&error);
	assert_true(s3_error_parse(&error, buf_span(&text)));
	assert_true(buf_add_char(&text, ' '));
	s3_error_init(&error);
	assert_false(s3_error_parse(&error, buf_span(&text)));
	assert_string_equal(error.code, "");
	buf_fini(&text);
}

/* What was known before, by a header say, is not overwritten. */
static void
what_was_known_stays(void **state)
{
	struct s3_error error;

	(void)state;
	s3_error_init(&error);
	memcpy(error.region, "eu-west-1", sizeof("eu-west-1"));
	assert_true(s3_error_parse(
	    &error, SPAN("<Error><Code>A</Code><Region>x</Region></Error>")));
	assert_string_equal(error.region, "eu-west-1");
	assert_string_equal(error.code, "A");
	s3_error_init(&error);
	assert_string_equal(error.region, "");
	assert_true(error.object_size == -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_are_read),
		cmocka_unit_test(a_body_may_break_off_anywhere),
		cmocka_unit_test(long_texts_are_cut_between_characters),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(a_body_over_the_limit_is_none),
		cmocka_unit_test(what_was_known_stays),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

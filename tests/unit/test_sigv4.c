/*
 * Signing: AWS's published examples for S3, the texts between, the day's key,
 * and every limit.
 *
 * Source of the examples: "Signature Calculations for the Authorization
 * Header: Transferring Payload in a Single Chunk", API reference of Amazon S3.
 */
#include "s3/sigv4.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* 2013-05-24T00:00:00Z */
static const int64_t example_day = 1369353600;

static const struct credentials example = {
	.access_key_id = (char *)"AKIAIOSFODNN7EXAMPLE",
	.secret_access_key = (char *)"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
};

#define EXAMPLE_SCOPE "20130524/us-east-1/s3/aws4_request"
#define EXAMPLE_HOST  "examplebucket.s3.amazonaws.com"

struct example {
	const char *name;
	const char *method;
	const char *path;
	const char *query;
	const char *payload;
	const char *headers[6][2];
	const char *canonical;
	const char *signed_headers;
	const char *canonical_sha256;
	const char *signature;
};

static const struct example examples[] = {
	{
	    .name = "GET object with Range",
	    .method = "GET",
	    .path = "/test.txt",
	    .query = "",
	    .payload = SIGV4_EMPTY_PAYLOAD,
	    .headers = {
		{ "Host", EXAMPLE_HOST },
		{ "Range", "bytes=0-9" },
		{ "x-amz-content-sha256", SIGV4_EMPTY_PAYLOAD },
		{ "x-amz-date", "20130524T000000Z" },
	    },
	    .canonical = "GET\n"
			 "/test.txt\n"
			 "\n"
			 "host:" EXAMPLE_HOST "\n"
			 "range:bytes=0-9\n"
			 "x-amz-content-sha256:" SIGV4_EMPTY_PAYLOAD "\n"
			 "x-amz-date:20130524T000000Z\n"
			 "\n"
			 "host;range;x-amz-content-sha256;x-amz-date\n"
			 SIGV4_EMPTY_PAYLOAD,
	    .signed_headers = "host;range;x-amz-content-sha256;x-amz-date",
	    .canonical_sha256 = "7344ae5b7ee6c3e7e6b0fe0640412a37"
				"625d1fbfff95c48bbb2dc43964946972",
	    .signature = "f0e8bdb87c964420e857bd35b5d6ed31"
			 "0bd44f0170aba48dd91039c6036bdb41",
	},
	{
	    .name = "PUT object",
	    .method = "PUT",
	    .path = "/test%24file.text",
	    .query = "",
	    .payload = "44ce7dd67c959e0d3524ffac1771dfbb"
		       "a87d2b6b4b4e99e42034a8b803f8b072",
	    .headers = {
		{ "x-amz-storage-class", "REDUCED_REDUNDANCY" },
		{ "Host", EXAMPLE_HOST },
		{ "x-amz-date", "20130524T000000Z" },
		{ "Date", "Fri, 24 May 2013 00:00:00 GMT" },
		{ "x-amz-content-sha256", "44ce7dd67c959e0d3524ffac1771dfbb"
					  "a87d2b6b4b4e99e42034a8b803f8b072" },
	    },
	    .canonical = "PUT\n"
			 "/test%24file.text\n"
			 "\n"
			 "date:Fri, 24 May 2013 00:00:00 GMT\n"
			 "host:" EXAMPLE_HOST "\n"
			 "x-amz-content-sha256:"
			 "44ce7dd67c959e0d3524ffac1771dfbb"
			 "a87d2b6b4b4e99e42034a8b803f8b072\n"
			 "x-amz-date:20130524T000000Z\n"
			 "x-amz-storage-class:REDUCED_REDUNDANCY\n"
			 "\n"
			 "date;host;x-amz-content-sha256;x-amz-date;"
			 "x-amz-storage-class\n"
			 "44ce7dd67c959e0d3524ffac1771dfbb"
			 "a87d2b6b4b4e99e42034a8b803f8b072",
	    .signed_headers = "date;host;x-amz-content-sha256;x-amz-date;"
			      "x-amz-storage-class",
	    .canonical_sha256 = "9e0e90d9c76de8fa5b200d8c849cd5b8"
				"dc7a3be3951ddb7f6a76b4158342019d",
	    .signature = "98ad721746da40c64f1a55b78f14c238"
			 "d841ea1380cd77a1b5971af0ece108bd",
	},
	{
	    .name = "GET lifecycle",
	    .method = "GET",
	    .path = "/",
	    .query = "lifecycle",
	    .payload = SIGV4_EMPTY_PAYLOAD,
	    .headers = {
		{ "Host", EXAMPLE_HOST },
		{ "x-amz-date", "20130524T000000Z" },
		{ "x-amz-content-sha256", SIGV4_EMPTY_PAYLOAD },
	    },
	    .canonical = "GET\n"
			 "/\n"
			 "lifecycle=\n"
			 "host:" EXAMPLE_HOST "\n"
			 "x-amz-content-sha256:" SIGV4_EMPTY_PAYLOAD "\n"
			 "x-amz-date:20130524T000000Z\n"
			 "\n"
			 "host;x-amz-content-sha256;x-amz-date\n"
			 SIGV4_EMPTY_PAYLOAD,
	    .signed_headers = "host;x-amz-content-sha256;x-amz-date",
	    .canonical_sha256 = "9766c798316ff2757b517bc739a67f62"
				"13b4ab36dd5da2f94eaebf79c77395ca",
	    .signature = "fea454ca298b7da1c68078a5d1bdbfbb"
			 "e0d65c699e0f91ac7a200a0136783543",
	},
	{
	    .name = "GET list of objects",
	    .method = "GET",
	    .path = "/",
	    .query = "max-keys=2&prefix=J",
	    .payload = SIGV4_EMPTY_PAYLOAD,
	    .headers = {
		{ "Host", EXAMPLE_HOST },
		{ "x-amz-date", "20130524T000000Z" },
		{ "x-amz-content-sha256", SIGV4_EMPTY_PAYLOAD },
	    },
	    .canonical = "GET\n"
			 "/\n"
			 "max-keys=2&prefix=J\n"
			 "host:" EXAMPLE_HOST "\n"
			 "x-amz-content-sha256:" SIGV4_EMPTY_PAYLOAD "\n"
			 "x-amz-date:20130524T000000Z\n"
			 "\n"
			 "host;x-amz-content-sha256;x-amz-date\n"
			 SIGV4_EMPTY_PAYLOAD,
	    .signed_headers = "host;x-amz-content-sha256;x-amz-date",
	    .canonical_sha256 = "df57d21db20da04d7fa30298dd4488ba"
				"3a2b47ca3a489c74750e0f1e7df1b9b7",
	    .signature = "34b48302e7b5fa45bde8084f4b7868a8"
			 "6f0a534bc59db6670ed5711ef69dc6f7",
	},
};

/* EXAMPLE as a request, its headers in HEADERS. */
static struct sigv4_request
request_of(const struct example *row, struct sigv4_header headers[6])
{
	size_t n = 0;

	for (; n < 6 && row->headers[n][0] != NULL; n++)
		headers[n] = (struct sigv4_header){ span_of(row->headers[n][0]),
			span_of(row->headers[n][1]) };
	return ((struct sigv4_request){
	    .method = span_of(row->method),
	    .path = span_of(row->path),
	    .query = span_of(row->query),
	    .payload_sha256 = span_of(row->payload),
	    .headers = headers,
	    .n_headers = n,
	});
}

static void
test_published_texts(void **state)
{
	struct sigv4_header headers[6];
	struct sigv4_request request;
	struct buf canonical, names, text;
	char *expected;

	(void)state;
	for (size_t i = 0; i < COUNT(examples); i++) {
		print_message("%s\n", examples[i].name);
		buf_init(&canonical, SIGV4_CANONICAL_MAX);
		buf_init(&names, SIGV4_CANONICAL_MAX);
		buf_init(&text, SIGV4_CANONICAL_MAX);
		request = request_of(&examples[i], headers);
		assert_true(
		    sigv4_canonical_request(&request, &canonical, &names));
		assert_string_equal(
		    buf_string(&canonical), examples[i].canonical);
		assert_string_equal(
		    buf_string(&names), examples[i].signed_headers);
		assert_true(sigv4_string_to_sign(buf_span(&canonical),
		    example_day, SPAN(EXAMPLE_SCOPE), &text));
		expected = mem_printf("AWS4-HMAC-SHA256\n20130524T000000Z\n"
				      "%s\n%s",
		    EXAMPLE_SCOPE, examples[i].canonical_sha256);
		assert_string_equal(buf_string(&text), expected);
		free(expected);
		buf_fini(&canonical);
		buf_fini(&names);
		buf_fini(&text);
	}
}

/* The value of Authorization, freed by free(); NULL, and nothing added, where
 * it was refused. */
static char *
authorize(struct sigv4_signer *signer, const struct sigv4_request *request,
    const struct credentials *credentials, const char *region,
    const char *service, int64_t now)
{
	struct buf out;
	char *copy = NULL;

	buf_init(&out, SIGV4_CANONICAL_MAX);
	assert_true(buf_add_string(&out, "before "));
	if (sigv4_authorize(signer, request, credentials, span_of(region),
		span_of(service), now, &out)) {
		assert_memory_equal(buf_string(&out), "before ", 7);
		copy = mem_string(buf_string(&out) + 7);
	} else {
		assert_string_equal(buf_string(&out), "before ");
	}
	buf_fini(&out);
	return (copy);
}

static char *
authorize_example(struct sigv4_signer *signer, const struct example *row)
{
	struct sigv4_header headers[6];
	struct sigv4_request request = request_of(row, headers);

	return (authorize(
	    signer, &request, &example, "us-east-1", "s3", example_day));
}

static void
test_published_signatures(void **state)
{
	struct sigv4_signer signer = { 0 };
	char *got, *expected;

	(void)state;
	for (size_t i = 0; i < COUNT(examples); i++) {
		print_message("%s\n", examples[i].name);
		got = authorize_example(&signer, &examples[i]);
		expected =
		    mem_printf("AWS4-HMAC-SHA256 "
			       "Credential=AKIAIOSFODNN7EXAMPLE/" EXAMPLE_SCOPE
			       ", SignedHeaders=%s, Signature=%s",
			examples[i].signed_headers, examples[i].signature);
		assert_string_equal(got, expected);
		free(got);
		free(expected);
	}
	sigv4_signer_fini(&signer);
}

static void
test_time(void **state)
{
	static const struct {
		int64_t now;
		const char *text;
	} rows[] = {
		{ 0, "19700101T000000Z" },
		{ 1369353600, "20130524T000000Z" },
		{ 1369353599, "20130523T235959Z" },
		{ 951782400, "20000229T000000Z" },
		{ 1709251199, "20240229T235959Z" },
		{ 1709251200, "20240301T000000Z" },
		{ 1735689599, "20241231T235959Z" },
		{ 2147483648, "20380119T031408Z" },
		{ 4107542400, "21000301T000000Z" },
		{ 4107542399, "21000228T235959Z" },
		{ 253402300799, "99991231T235959Z" },
		{ 253402300800, "99991231T235959Z" },
		{ INT64_MAX, "99991231T235959Z" },
		{ -1, "19700101T000000Z" },
		{ INT64_MIN, "19700101T000000Z" },
	};
	char text[SIGV4_TIME_LEN + 1];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		sigv4_time(rows[i].now, text);
		assert_string_equal(text, rows[i].text);
	}
}

/* The canonical request of a GET of / with QUERY and HEADERS; NULL where it
 * was refused. */
static char *
canonical_of(struct span query, const struct sigv4_header *headers, size_t n)
{
	struct sigv4_request request = {
		.method = SPAN("GET"),
		.path = SPAN("/"),
		.query = query,
		.payload_sha256 = SPAN("UNSIGNED-PAYLOAD"),
		.headers = headers,
		.n_headers = n,
	};
	struct buf canonical, names;
	char *copy = NULL;

	buf_init(&canonical, SIGV4_CANONICAL_MAX);
	buf_init(&names, SIGV4_CANONICAL_MAX);
	if (sigv4_canonical_request(&request, &canonical, &names))
		copy = mem_string(buf_string(&canonical));
	buf_fini(&canonical);
	buf_fini(&names);
	return (copy);
}

static void
test_query(void **state)
{
	static const struct {
		const char *name;
		const char *query;
		const char *canonical;
	} rows[] = {
		{ "none", "", "" },
		{ "flag", "acl", "acl=" },
		{ "empty value", "acl=", "acl=" },
		{ "sorted by name", "b=1&a=2&c=3", "a=2&b=1&c=3" },
		{ "capitals first", "a=1&A=2", "A=2&a=1" },
		{ "then by value", "a=2&a=1&a=", "a=&a=1&a=2" },
		{ "shorter first", "ab=1&a=1", "a=1&ab=1" },
		{ "name before =", "a-=1&a=2", "a=2&a-=1" },
		{ "= in a value", "a=b=c", "a=b%3Dc" },
		{ "no name", "=b", "=b" },
		{ "empty pieces", "&&a=1&&b=2&", "a=1&b=2" },
		{ "only empty pieces", "&&&", "" },
		{ "plus stays plus", "a=b+c", "a=b%2Bc" },
		{ "space", "a=b%20c", "a=b%20c" },
		{ "slash", "prefix=a/b", "prefix=a%2Fb" },
		{ "lower-case hex", "a=%c3%a9", "a=%C3%A9" },
		{ "needless escape", "%61=%2D", "a=-" },
		{ "raw UTF-8", "\xe1\x88\xb4=1", "%E1%88%B4=1" },
		{ "escaped percent", "a=%2541", "a=%2541" },
		{ "sorted as encoded", "%7e=1&%2f=2&a=3", "%2F=2&a=3&~=1" },
		{ "malformed escape", "a=%4", NULL },
		{ "malformed escape in a name", "%zz=1", NULL },
	};
	char *got, *expected;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		print_message("%s\n", rows[i].name);
		got = canonical_of(span_of(rows[i].query), NULL, 0);
		if (rows[i].canonical == NULL) {
			assert_null(got);
			continue;
		}
		expected = mem_printf(
		    "GET\n/\n%s\n\n\nUNSIGNED-PAYLOAD", rows[i].canonical);
		assert_non_null(got);
		assert_string_equal(got, expected);
		free(got);
		free(expected);
	}
}

static void
test_headers(void **state)
{
	static const struct {
		const char *name;
		const char *headers[4][2];
		const char *lines; /* and the names behind them */
	} rows[] = {
		{ "none", { { NULL, NULL } }, "\n" },
		{ "one", { { "Host", "h" } }, "host:h\n\nhost" },
		{ "sorted without case",
		    { { "b", "1" }, { "A", "2" }, { "C", "3" } },
		    "a:2\nb:1\nc:3\n\na;b;c" },
		{ "shorter first", { { "ab", "1" }, { "A", "2" } },
		    "a:2\nab:1\n\na;ab" },
		{ "hyphen before letters", { { "aa", "1" }, { "a-a", "2" } },
		    "a-a:2\naa:1\n\na-a;aa" },
		{ "trimmed", { { "a", " \t b\t " } }, "a:b\n\na" },
		{ "runs squeezed", { { "a", "b   c\t\td \t e" } },
		    "a:b c d e\n\na" },
		{ "quotes are no shelter", { { "a", "\"b   c\"" } },
		    "a:\"b c\"\n\na" },
		{ "empty", { { "a", "" } }, "a:\n\na" },
		{ "only blanks", { { "a", "  " } }, "a:\n\na" },
		{ "joined in their order",
		    { { "A", "z" }, { "b", "1" }, { "a", "y" }, { "A", "x" } },
		    "a:z,y,x\nb:1\n\na;b" },
		{ "UTF-8", { { "a", "\xe5\x86\x99" } }, "a:\xe5\x86\x99\n\na" },
	};
	char *got, *expected;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sigv4_header headers[4];
		size_t n = 0;

		print_message("%s\n", rows[i].name);
		for (; n < 4 && rows[i].headers[n][0] != NULL; n++)
			headers[n] = (struct sigv4_header){
				span_of(rows[i].headers[n][0]),
				span_of(rows[i].headers[n][1])
			};
		got = canonical_of(SPAN(""), headers, n);
		expected =
		    mem_printf("GET\n/\n\n%s\nUNSIGNED-PAYLOAD", rows[i].lines);
		assert_non_null(got);
		assert_string_equal(got, expected);
		free(got);
		free(expected);
	}
}

/* Day, region, service or secret changes under one signer: each signature is
 * what a fresh signer gives. */
static void
test_key_changes(void **state)
{
	static const struct {
		const char *name;
		const char *secret;
		const char *region;
		const char *service;
		int64_t now;
	} rows[] = {
		{ "first", "one", "us-east-1", "s3", 1369353600 },
		{ "again", "one", "us-east-1", "s3", 1369353600 },
		{ "end of day", "one", "us-east-1", "s3", 1369439999 },
		{ "next day", "one", "us-east-1", "s3", 1369440000 },
		{ "day before", "one", "us-east-1", "s3", 1369353600 },
		{ "region", "one", "eu-west-1", "s3", 1369353600 },
		{ "service", "one", "eu-west-1", "sts", 1369353600 },
		{ "secret", "two", "eu-west-1", "sts", 1369353600 },
		{ "empty secret", "", "eu-west-1", "sts", 1369353600 },
		{ "back", "one", "us-east-1", "s3", 1369353600 },
	};
	struct sigv4_signer kept = { 0 }, fresh;
	struct sigv4_header headers[6];
	struct sigv4_request request = request_of(&examples[0], headers);
	char *got[COUNT(rows)], *expected;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct credentials credentials = {
			.access_key_id = (char *)"id",
			.secret_access_key = (char *)rows[i].secret,
		};

		print_message("%s\n", rows[i].name);
		fresh = (struct sigv4_signer){ 0 };
		got[i] = authorize(&kept, &request, &credentials,
		    rows[i].region, rows[i].service, rows[i].now);
		expected = authorize(&fresh, &request, &credentials,
		    rows[i].region, rows[i].service, rows[i].now);
		assert_non_null(got[i]);
		assert_string_equal(got[i], expected);
		assert_memory_equal(kept.key, fresh.key, SIGV4_KEY_LEN);
		free(expected);
	}
	assert_string_equal(got[0], got[1]);
	assert_string_equal(got[0], got[4]);
	assert_string_equal(got[0], got[COUNT(rows) - 1]);
	for (size_t i = 2; i + 1 < COUNT(rows); i++) {
		if (i != 4)
			assert_string_not_equal(got[0], got[i]);
	}
	for (size_t i = 0; i < COUNT(rows); i++)
		free(got[i]);
}

/* The key is taken from the signer where nothing changed: a key that was
 * spoiled there spoils the signature, until something changes. */
static void
test_key_is_remembered(void **state)
{
	struct sigv4_signer signer = { 0 };
	char *right, *spoiled, *again;

	(void)state;
	right = authorize_example(&signer, &examples[0]);
	assert_true(signer.has_key);
	signer.key[0] ^= 1;
	spoiled = authorize_example(&signer, &examples[0]);
	assert_string_not_equal(right, spoiled);
	sigv4_signer_fini(&signer);
	again = authorize_example(&signer, &examples[0]);
	assert_string_equal(right, again);
	free(right);
	free(spoiled);
	free(again);
}

static void
test_fini_wipes(void **state)
{
	static const struct sigv4_signer zero;
	struct sigv4_signer signer = { 0 };
	struct credentials credentials = {
		.access_key_id = mem_string("id"),
		.secret_access_key = mem_string("secret"),
		.session_token = mem_string("token"),
	};

	(void)state;
	free(authorize_example(&signer, &examples[0]));
	sigv4_signer_fini(&signer);
	assert_memory_equal(&signer, &zero, sizeof(zero));
	for (int i = 0; i < 2; i++) {
		credentials_fini(&credentials);
		assert_null(credentials.access_key_id);
		assert_null(credentials.secret_access_key);
		assert_null(credentials.session_token);
	}
}

/* AWS's case get-vanilla-with-session-token: the token counts where it is
 * listed among the headers, and only there. */
static void
test_session_token(void **state)
{
#define TOKEN "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"
	static const struct sigv4_header headers[] = {
		{ { "Host", 4 }, { "example.amazonaws.com", 21 } },
		{ { "X-Amz-Date", 10 }, { "20150830T123600Z", 16 } },
		{ { "X-Amz-Security-Token", 20 },
		    { TOKEN, sizeof(TOKEN) - 1 } },
	};
	static const struct {
		size_t n_headers;
		const char *names;
		const char *signature;
	} rows[] = {
		{ 3, "host;x-amz-date;x-amz-security-token",
		    "07ec1639c89043aa0e3e2de82b96708f"
		    "198cceab042d4a97044c66dd9f74e7f8" },
		{ 2, "host;x-amz-date",
		    "5fa00fa31553b73ebf1942676e86291e"
		    "8372ff2a2260956d9b8aae1d763fbf31" },
	};
	struct credentials credentials = {
		.access_key_id = (char *)"AKIDEXAMPLE",
		.secret_access_key = (char *)"wJalrXUtnFEMI/K7MDENG"
					     "+bPxRfiCYEXAMPLEKEY",
		.session_token = (char *)TOKEN,
	};
	struct sigv4_signer signer = { 0 };
	char *got, *expected;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sigv4_request request = {
			.method = SPAN("GET"),
			.path = SPAN("/"),
			.payload_sha256 = SPAN(SIGV4_EMPTY_PAYLOAD),
			.headers = headers,
			.n_headers = rows[i].n_headers,
		};

		got = authorize(&signer, &request, &credentials, "us-east-1",
		    "service", 1440938160);
		expected = mem_printf(
		    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/"
		    "us-east-1/service/aws4_request, SignedHeaders=%s, "
		    "Signature=%s",
		    rows[i].names, rows[i].signature);
		assert_string_equal(got, expected);
		free(got);
		free(expected);
	}
}

static void
test_names_too_long(void **state)
{
	static const struct {
		size_t region_len;
		size_t service_len;
		bool fits;
	} rows[] = {
		{ SIGV4_REGION_MAX, SIGV4_SERVICE_MAX, true },
		{ SIGV4_REGION_MAX + 1, SIGV4_SERVICE_MAX, false },
		{ SIGV4_REGION_MAX, SIGV4_SERVICE_MAX + 1, false },
	};
	struct sigv4_header headers[6];
	struct sigv4_request request = request_of(&examples[0], headers);
	char names[SIGV4_REGION_MAX + 2], *got, *scope;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sigv4_signer signer = { 0 };
		char region[sizeof(names)] = "", service[sizeof(names)] = "";

		memset(region, 'r', rows[i].region_len);
		memset(service, 's', rows[i].service_len);
		got = authorize(
		    &signer, &request, &example, region, service, example_day);
		assert_int_equal(got != NULL, rows[i].fits);
		if (got == NULL)
			continue;
		scope = mem_printf(
		    "/20130524/%s/%s/aws4_request, ", region, service);
		assert_non_null(strstr(got, scope));
		free(scope);
		free(got);
	}
}

/* Every cap below what is needed is refused, and OUT keeps what it had. */
static void
test_out_full(void **state)
{
	struct sigv4_header headers[6];
	struct sigv4_request request = request_of(&examples[0], headers);
	struct sigv4_signer signer = { 0 };
	char *whole = authorize_example(&signer, &examples[0]);
	size_t len = strlen(whole);
	struct buf out;

	(void)state;
	for (size_t max = 1; max <= len + 1; max++) {
		bool fits = max == len + 1;

		buf_init(&out, max);
		assert_true(buf_add_char(&out, '>'));
		assert_int_equal(
		    sigv4_authorize(&signer, &request, &example,
			SPAN("us-east-1"), SPAN("s3"), example_day, &out),
		    fits);
		assert_int_equal(out.len, fits ? len + 1 : 1);
		buf_fini(&out);
	}
	free(whole);
}

static void
test_texts_full(void **state)
{
	static const struct sigv4_header headers[] = {
		{ { "Host", 4 }, { "h", 1 } },
		{ { "a", 1 }, { "1  2", 4 } },
		{ { "A", 1 }, { "3", 1 } },
	};
	struct sigv4_request request = {
		.method = SPAN("GET"),
		.path = SPAN("/p"),
		.query = SPAN("b=%20&a"),
		.payload_sha256 = SPAN("UNSIGNED-PAYLOAD"),
		.headers = headers,
		.n_headers = COUNT(headers),
	};
	static const char whole[] = "GET\n/p\na=&b=%20\na:1 2,3\nhost:h\n\n"
				    "a;host\nUNSIGNED-PAYLOAD";
	static const char names[] = "a;host";
	struct buf canonical, list;

	(void)state;
	for (size_t max = 0; max < sizeof(whole); max++) {
		buf_init(&canonical, max);
		buf_init(&list, 100);
		assert_int_equal(
		    sigv4_canonical_request(&request, &canonical, &list),
		    max == strlen(whole));
		buf_fini(&canonical);
		buf_fini(&list);
	}
	for (size_t max = 0; max < sizeof(names); max++) {
		buf_init(&canonical, 1000);
		buf_init(&list, max);
		assert_int_equal(
		    sigv4_canonical_request(&request, &canonical, &list),
		    max == strlen(names));
		buf_fini(&canonical);
		buf_fini(&list);
	}
	for (size_t max = 0; max < 100; max++) {
		buf_init(&canonical, max);
		assert_false(sigv4_string_to_sign(
		    SPAN("x"), example_day, SPAN(EXAMPLE_SCOPE), &canonical));
		assert_int_equal(canonical.len, 0);
		buf_fini(&canonical);
	}
}

/* A canonical request of just SIGV4_CANONICAL_MAX bytes is signed, one of a
 * byte more is not; nor is a query that is longer than that. */
static void
test_canonical_max(void **state)
{
	static const char around[] = "GET\n/\n\na:\n\na\nUNSIGNED-PAYLOAD";
	size_t room = SIGV4_CANONICAL_MAX - strlen(around);
	char *value = mem_alloc(SIGV4_CANONICAL_MAX + 1), *got;
	struct sigv4_header header = { SPAN("a"), { value, room } };
	struct sigv4_request request = {
		.method = SPAN("GET"),
		.path = SPAN("/"),
		.payload_sha256 = SPAN("UNSIGNED-PAYLOAD"),
		.headers = &header,
		.n_headers = 1,
	};
	struct sigv4_signer signer = { 0 };

	(void)state;
	memset(value, 'x', SIGV4_CANONICAL_MAX + 1);
	got = authorize(
	    &signer, &request, &example, "us-east-1", "s3", example_day);
	assert_non_null(got);
	free(got);
	header.value.len++;
	assert_null(authorize(
	    &signer, &request, &example, "us-east-1", "s3", example_day));
	header.value.len = 0;
	request.query = (struct span){ value, SIGV4_CANONICAL_MAX + 1 };
	assert_null(authorize(
	    &signer, &request, &example, "us-east-1", "s3", example_day));
	memset(value, '&', SIGV4_CANONICAL_MAX + 1);
	assert_null(authorize(
	    &signer, &request, &example, "us-east-1", "s3", example_day));
	request.query.len--;
	got = authorize(
	    &signer, &request, &example, "us-east-1", "s3", example_day);
	assert_non_null(got);
	free(got);
	request.query = SPAN("a=%");
	assert_null(authorize(
	    &signer, &request, &example, "us-east-1", "s3", example_day));
	free(value);
}

/* AWS's example of a presigned URL (sigv4-query-string-auth), and ours with a
 * session token, whose signature botocore makes as well. */
static void
test_presigned(void **state)
{
	static const struct {
		const char *name;
		const char *token;
		unsigned seconds;
		const char *query;
	} rows[] = {
		{ "AWS's example", NULL, 86400,
		    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="
		    "AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3"
		    "%2Faws4_request&X-Amz-Date=20130524T000000Z"
		    "&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
		    "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835"
		    "f995330da4c265957d157751f604d404" },
		{ "a token, encoded", "a/b+c=", 60,
		    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="
		    "AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3"
		    "%2Faws4_request&X-Amz-Date=20130524T000000Z"
		    "&X-Amz-Expires=60&X-Amz-Security-Token=a%2Fb%2Bc%3D"
		    "&X-Amz-SignedHeaders=host"
		    "&X-Amz-Signature=de8d614067809c1a8b30d34e015839fd"
		    "e84d4d3944eb8f8d6f601863f86f0acf" },
	};
	struct sigv4_signer signer = { 0 };
	struct buf out;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct credentials credentials = example;

		print_message("%s\n", rows[i].name);
		credentials.session_token = (char *)rows[i].token;
		buf_init(&out, 4096);
		assert_true(sigv4_presign(&signer,
		    SPAN("examplebucket.s3.amazonaws.com"), SPAN("/test.txt"),
		    rows[i].seconds, &credentials, SPAN("us-east-1"),
		    SPAN("s3"), example_day, &out));
		assert_string_equal(buf_string(&out), rows[i].query);
		buf_fini(&out);
		buf_init(&out, strlen(rows[i].query));
		assert_true(buf_add_char(&out, '?'));
		assert_false(sigv4_presign(&signer,
		    SPAN("examplebucket.s3.amazonaws.com"), SPAN("/test.txt"),
		    rows[i].seconds, &credentials, SPAN("us-east-1"),
		    SPAN("s3"), example_day, &out));
		assert_string_equal(buf_string(&out), "?");
		buf_fini(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_published_texts),
		cmocka_unit_test(test_published_signatures),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_query),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_key_changes),
		cmocka_unit_test(test_key_is_remembered),
		cmocka_unit_test(test_fini_wipes),
		cmocka_unit_test(test_session_token),
		cmocka_unit_test(test_presigned),
		cmocka_unit_test(test_names_too_long),
		cmocka_unit_test(test_out_full),
		cmocka_unit_test(test_texts_full),
		cmocka_unit_test(test_canonical_max),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

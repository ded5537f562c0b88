/*
 * s3/object: what an answer means, what is believed, and what is sent.  The
 * exchange is played by this file; the signing is the real one.
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
#include "base/clock.h"
#include "base/mem.h"
#include "s3/http.h"
#include "s3/object.h"

#define ETAG "\"5d41402abc4b2a76b9719d911017c592\"" /* MD5 of hello */

#define ERROR(code)                                                          \
	"<?xml version=\"1.0\"?><Error><Code>" code "</Code><Message>Words." \
	"</Message><RequestId>RID1</RequestId></Error>"

enum { NOW = 1369353600, HEADERS = 8, LINES = 16 };

/* ---------------------------------------------------- the played exchange */

static struct {
	/* The answer. */
	int status;
	const char *headers[HEADERS]; /* "Name: value" */
	const char *body;
	bool is_framed;
	int64_t length;
	enum http_result result;

	/* What was asked. */
	const struct http *http;
	struct http_request request;
	char url[256];
	char lines[LINES][512];
	unsigned performed;
} wire;

static int64_t now_ms;

struct http *__wrap_http_new(void);
void __wrap_http_free(struct http *http);
enum http_result __wrap_http_perform(struct http *http,
    const struct http_request *request, const struct http_handler *handler);
int __wrap_http_status(const struct http *http);
bool __wrap_http_header(
    const struct http *http, const char *name, struct span *value);
void __wrap_http_each_header(const struct http *http,
    void (*take)(void *context, struct span name, struct span value),
    void *context);
int64_t __wrap_http_content_length(const struct http *http);
bool __wrap_http_is_framed(const struct http *http);
const char *__wrap_http_reason(const struct http *http);
int64_t __wrap_clock_monotonic_ms(void);

struct http *
__wrap_http_new(void)
{
	static char handles[64];
	static size_t n;

	return ((struct http *)&handles[n++ % sizeof(handles)]);
}

void
__wrap_http_free(struct http *http)
{
	(void)http;
}

enum http_result
__wrap_http_perform(struct http *http, const struct http_request *request,
    const struct http_handler *handler)
{
	struct span body = span_of(wire.body);
	size_t i;

	wire.performed++;
	wire.http = http;
	wire.request = *request;
	snprintf(wire.url, sizeof(wire.url), "%s", request->url);
	assert_true(request->n_headers < LINES);
	for (i = 0; i < request->n_headers; i++)
		snprintf(wire.lines[i], sizeof(wire.lines[i]), "%s",
		    request->headers[i]);
	wire.lines[i][0] = '\0';
	if (wire.status == 0)
		return (wire.result);
	if (!handler->head(handler->context, http))
		return (HTTP_STOPPED);
	/* In two pieces, or one. */
	if (body.len > 2) {
		if (!handler->body(
			handler->context, (struct span){ body.data, 2 }))
			return (HTTP_STOPPED);
		body = span_skip(body, 2);
	}
	if (body.len > 0 && !handler->body(handler->context, body))
		return (HTTP_STOPPED);
	return (wire.result);
}

int
__wrap_http_status(const struct http *http)
{
	(void)http;
	return (wire.status);
}

static bool
read_header(size_t i, struct span *name, struct span *value)
{
	if (i >= HEADERS || wire.headers[i] == NULL || wire.status == 0)
		return (false);
	*value = span_of(wire.headers[i]);
	*name = span_cut(value, ':');
	*value = span_trim(*value);
	return (true);
}

bool
__wrap_http_header(
    const struct http *http, const char *name, struct span *value)
{
	struct span this;
	size_t i;

	(void)http;
	for (i = 0; read_header(i, &this, value); i++)
		if (span_equal_nocase(this, span_of(name)))
			return (true);
	return (false);
}

void
__wrap_http_each_header(const struct http *http,
    void (*take)(void *context, struct span name, struct span value),
    void *context)
{
	struct span name, value;
	size_t i;

	(void)http;
	for (i = 0; read_header(i, &name, &value); i++)
		take(context, name, value);
}

int64_t
__wrap_http_content_length(const struct http *http)
{
	(void)http;
	return (wire.length);
}

bool
__wrap_http_is_framed(const struct http *http)
{
	(void)http;
	return (wire.is_framed);
}

const char *
__wrap_http_reason(const struct http *http)
{
	(void)http;
	return ("why");
}

int64_t
__wrap_clock_monotonic_ms(void)
{
	return (now_ms);
}

/* ------------------------------------------------------------ surroundings */

static struct site site;
static struct credentials credentials;

static int
setup(void **state)
{
	const char *why;

	(void)state;
	site = (struct site){
		.name = mem_string("test"),
		.bucket = mem_string("examplebucket"),
		.region = mem_string("us-east-1"),
		.endpoint = mem_string("https://s3.amazonaws.com"),
		.addressing = SITE_ADDRESSING_VIRTUAL,
		.ca_file = mem_string("/ca.pem"),
		.connect_timeout_ms = 1000,
		.first_byte_timeout_ms = 2000,
		.stall_timeout_ms = 3000,
	};
	/* AWS's own example. */
	credentials.access_key_id = mem_string("AKIAIOSFODNN7EXAMPLE");
	credentials.secret_access_key =
	    mem_string("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
	return (site_resolve(&site, &why) == NULL ? 0 : -1);
}

static int
teardown(void **state)
{
	(void)state;
	site_fini(&site);
	credentials_fini(&credentials);
	return (0);
}

/* What the handler got, and does. */
struct got {
	unsigned begun;
	char body[64];
	size_t len;
	bool stop_at_begin;
	bool stop_at_body;
};

static bool
on_begin(void *context, const struct reply *answer)
{
	struct got *got = context;

	(void)answer;
	got->begun++;
	return (!got->stop_at_begin);
}

static bool
on_body(void *context, struct span bytes)
{
	struct got *got = context;

	assert_true(got->len + bytes.len < sizeof(got->body));
	memcpy(got->body + got->len, bytes.data, bytes.len);
	got->len += bytes.len;
	got->body[got->len] = '\0';
	return (!got->stop_at_body);
}

static struct object_request
make_request(void)
{
	return ((struct object_request){
	    .site = &site,
	    .credentials = &credentials,
	    .region = SPAN("us-east-1"),
	    .key = SPAN("test.txt"),
	    .now = NOW,
	    .answer_deadline_ms = 1000000,
	    .deadline_ms = 2000000,
	    .peer_fd = 7,
	});
}

/* Answer with STATUS and BODY, its length said. */
static void
play(int status, const char *body)
{
	memset(&wire, 0, sizeof(wire));
	wire.status = status;
	wire.body = body;
	wire.is_framed = true;
	wire.length = body == NULL ? 0 : (int64_t)strlen(body);
}

static enum verdict
get(struct object *object, const struct object_request *request,
    struct got *got, const struct reply **answer)
{
	struct sigv4_signer signer = { .has_key = false };
	struct object_handler handler = { on_begin, on_body, got };
	enum verdict result;

	result = object_get(object, &signer, request, &handler, answer);
	sigv4_signer_fini(&signer);
	return (result);
}

/* ------------------------------------------------------------------- tests */

static void
test_classify(void **state)
{
	static const struct {
		int status;
		bool head_only;
		const char *code;
		const char *region;
		enum verdict result;
	} rows[] = {
		{ 200, false, "", "", VERDICT_OK },
		{ 206, false, "", "", VERDICT_OK },
		{ 404, false, "NoSuchKey", "", VERDICT_MISSING },
		{ 404, false, "", "", VERDICT_MISSING },
		{ 404, false, "NoSuchBucket", "", VERDICT_REFUSED },
		{ 404, false, "Unheard", "", VERDICT_REFUSED },
		{ 403, false, "AccessDenied", "", VERDICT_DENIED },
		{ 403, false, "", "", VERDICT_REFUSED },
		{ 403, false, "NoSuchKey", "", VERDICT_REFUSED },
		{ 403, false, "SignatureDoesNotMatch", "",
		    VERDICT_KEYS_REFUSED },
		{ 403, false, "InvalidAccessKeyId", "", VERDICT_KEYS_REFUSED },
		{ 400, false, "ExpiredToken", "", VERDICT_KEYS_REFUSED },
		{ 403, false, "ExpiredToken", "", VERDICT_KEYS_REFUSED },
		{ 400, true, "ExpiredToken", "", VERDICT_KEYS_REFUSED },
		{ 400, true, "", "", VERDICT_UNSAID },
		{ 400, false, "ExpiredTokenException", "",
		    VERDICT_KEYS_REFUSED },
		{ 400, false, "InvalidToken", "", VERDICT_KEYS_REFUSED },
		{ 403, false, "InvalidTokenId", "", VERDICT_KEYS_REFUSED },
		{ 403, false, "InvalidClientTokenId", "", VERDICT_KEYS_REFUSED },
		{ 400, false, "TokenRefreshRequired", "", VERDICT_KEYS_REFUSED },
		{ 401, false, "UnrecognizedClientException", "",
		    VERDICT_KEYS_REFUSED },
		{ 403, false, "InvalidObjectState", "", VERDICT_REFUSED },
		{ 403, false, "AllAccessDisabled", "", VERDICT_REFUSED },
		{ 403, false, "AccountProblem", "", VERDICT_REFUSED },
		{ 401, false, "", "", VERDICT_REFUSED },
		{ 400, false, "", "", VERDICT_REFUSED },
		{ 403, false, "RequestTimeTooSkewed", "", VERDICT_SKEWED },
		{ 400, false, "AuthorizationHeaderMalformed", "",
		    VERDICT_ELSEWHERE },
		{ 400, false, "IllegalLocationConstraintException", "",
		    VERDICT_ELSEWHERE },
		{ 301, false, "PermanentRedirect", "", VERDICT_ELSEWHERE },
		{ 307, false, "TemporaryRedirect", "", VERDICT_ELSEWHERE },
		{ 301, false, "", "", VERDICT_ELSEWHERE },
		{ 308, false, "", "", VERDICT_ELSEWHERE },
		{ 302, false, "", "", VERDICT_UNUSABLE },
		{ 400, false, "RequestTimeout", "", VERDICT_BUSY },
		{ 408, false, "", "", VERDICT_BUSY },
		{ 429, false, "", "", VERDICT_BUSY },
		{ 403, false, "SlowDown", "", VERDICT_BUSY },
		{ 500, false, "InternalError", "", VERDICT_BUSY },
		{ 500, false, "", "", VERDICT_BUSY },
		{ 502, false, "", "", VERDICT_BUSY },
		{ 503, false, "SlowDown", "", VERDICT_BUSY },
		{ 503, false, "Unheard", "", VERDICT_BUSY },
		{ 504, true, "", "", VERDICT_BUSY },
		{ 501, false, "NotImplemented", "", VERDICT_REFUSED },
		{ 416, false, "InvalidRange", "", VERDICT_BAD_RANGE },
		{ 416, false, "", "", VERDICT_BAD_RANGE },
		{ 416, true, "", "", VERDICT_BAD_RANGE },
		{ 412, false, "PreconditionFailed", "", VERDICT_CHANGED },
		{ 412, false, "", "", VERDICT_CHANGED },
		{ 404, true, "", "", VERDICT_UNSAID },
		{ 403, true, "", "", VERDICT_UNSAID },
		{ 400, true, "", "", VERDICT_UNSAID },
		{ 301, true, "", "", VERDICT_UNSAID },
		{ 301, true, "", "eu-west-1", VERDICT_ELSEWHERE },
		{ 429, true, "", "", VERDICT_BUSY },
		{ 304, false, "", "", VERDICT_UNUSABLE },
		{ 204, false, "", "", VERDICT_UNUSABLE },
		{ 999, false, "", "", VERDICT_UNUSABLE },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct s3_error error;
		enum verdict result;

		s3_error_init(&error);
		snprintf(error.code, sizeof(error.code), "%s", rows[i].code);
		snprintf(
		    error.region, sizeof(error.region), "%s", rows[i].region);
		result =
		    verdict_classify(rows[i].status, rows[i].head_only, &error);
		if (result != rows[i].result)
			print_message("%d %s %s is \"%s\"\n", rows[i].status,
			    rows[i].head_only ? "HEAD" : "GET", rows[i].code,
			    verdict_name(result));
		assert_int_equal(result, rows[i].result);
		assert_string_not_equal(verdict_name(result), "");
	}
}

/* AWS's example of a GET with a Range, byte for byte. */
static void
test_sent_is_what_aws_publishes(void **state)
{
	struct object *object = object_new();
	struct object_request request = make_request();
	const struct reply *answer;
	struct got got = { .len = 0 };

	(void)state;
	play(206, "0123456789");
	wire.headers[0] = "Content-Range: bytes 0-9/20";
	request.range = (struct range){ .kind = RANGE_FROM_TO, .last = 9 };
	assert_int_equal(get(object, &request, &got, &answer), VERDICT_OK);
	assert_string_equal(
	    wire.url, "https://examplebucket.s3.amazonaws.com/test.txt");
	assert_int_equal(wire.request.method, HTTP_GET);
	assert_string_equal(wire.request.ca_file, "/ca.pem");
	assert_int_equal(wire.request.peer_fd, 7);
	assert_int_equal(wire.request.connect_timeout_ms, 1000);
	assert_int_equal(wire.request.first_byte_timeout_ms, 2000);
	assert_int_equal(wire.request.stall_timeout_ms, 3000);
	assert_int_equal(wire.request.deadline_ms, 2000000);
	assert_string_equal(
	    wire.lines[0], "Host: examplebucket.s3.amazonaws.com");
	assert_string_equal(
	    wire.lines[1], "x-amz-content-sha256: " SIGV4_EMPTY_PAYLOAD);
	assert_string_equal(wire.lines[2], "x-amz-date: 20130524T000000Z");
	assert_string_equal(wire.lines[3], "Range: bytes=0-9");
	assert_memory_equal(
	    wire.lines[4], "Authorization: AWS4-HMAC-SHA256 ", 32);
	assert_non_null(strstr(wire.lines[4],
	    "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"));
	assert_non_null(strstr(wire.lines[4],
	    "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd9"
	    "1039c6036bdb41"));
	assert_string_equal(wire.lines[5], "");
	object_free(object);
}

/* The most that can be in a request; all but Authorization is signed. */
static void
test_sent_at_most(void **state)
{
	struct object *object = object_new();
	struct object_request request = make_request();
	const struct reply *answer;
	struct got got = { .len = 0 };

	(void)state;
	play(206, "lo");
	wire.headers[0] = "Content-Range: bytes 3-4/5";
	credentials.session_token = mem_string("a+token/==");
	request.range = (struct range){ .kind = RANGE_FROM, .first = 3 };
	request.if_match = SPAN(ETAG);
	assert_int_equal(get(object, &request, &got, &answer), VERDICT_OK);
	assert_string_equal(wire.lines[3], "x-amz-security-token: a+token/==");
	assert_string_equal(wire.lines[4], "Range: bytes=3-");
	assert_string_equal(wire.lines[5], "If-Match: " ETAG);
	assert_non_null(strstr(wire.lines[6],
	    "SignedHeaders=host;if-match;range;x-amz-content-sha256;"
	    "x-amz-date;x-amz-security-token,"));
	assert_string_equal(wire.lines[7], "");
	mem_wipe_string(&credentials.session_token);

	play(200, NULL);
	request = make_request();
	request.head_only = true;
	assert_int_equal(get(object, &request, &got, &answer), VERDICT_OK);
	assert_int_equal(wire.request.method, HTTP_HEAD);
	assert_string_equal(wire.lines[4], "");
	object_free(object);
}

/* The HEADs that a GET follows have connections of their own, that are kept:
 * what a server sends too late there answers no other question. */
static void
test_heads(void **state)
{
	struct object *object = object_new();
	struct object_request request = make_request();
	const struct reply *answer;
	struct got got = { .len = 0 };
	const struct http *gets, *heads;

	(void)state;
	play(200, NULL);
	assert_int_equal(get(object, &request, &got, &answer), VERDICT_OK);
	gets = wire.http;
	request.head_only = true;
	assert_int_equal(get(object, &request, &got, &answer), VERDICT_OK);
	assert_ptr_equal(wire.http, gets);
	assert_false(wire.request.keeps_head);

	request.get_follows = true;
	assert_int_equal(get(object, &request, &got, &answer), VERDICT_OK);
	heads = wire.http;
	assert_ptr_not_equal(heads, gets);
	assert_true(wire.request.keeps_head);
	assert_int_equal(get(object, &request, &got, &answer), VERDICT_OK);
	assert_ptr_equal(wire.http, heads);

	/* One byte, to learn why a HEAD was refused. */
	request.head_only = false;
	assert_int_equal(get(object, &request, &got, &answer), VERDICT_OK);
	assert_ptr_equal(wire.http, gets);
	object_free(object);
}

/* A request that cannot be made is not made. */
static void
test_unsendable(void **state)
{
	struct object *object = object_new();
	struct object_request request = make_request();
	const struct reply *answer;
	struct got got = { .len = 0 };
	char *token = mem_alloc(70001);

	(void)state;
	play(200, "hello");
	request.if_match = SPAN("\"a\"\r\nX: y");
	assert_int_equal(get(object, &request, &got, &answer), VERDICT_REFUSED);
	assert_string_not_equal(answer->reason, "");
	assert_int_equal(answer->status, 0);
	request = make_request();
	request.region = SPAN("evil.example/");
	free(site.endpoint); /* so that the region makes the host */
	site.endpoint = NULL;
	assert_int_equal(get(object, &request, &got, &answer), VERDICT_REFUSED);
	site.endpoint = mem_string("https://s3.amazonaws.com");
	memset(token, 'x', 70000);
	token[70000] = '\0';
	credentials.session_token = token;
	request = make_request();
	assert_int_equal(get(object, &request, &got, &answer), VERDICT_REFUSED);
	token[1] = '\0';
	token[0] = '\n';
	assert_int_equal(get(object, &request, &got, &answer), VERDICT_REFUSED);
	mem_wipe_string(&credentials.session_token);
	assert_int_equal(wire.performed, 0);
	object_free(object);
}

/* The time for the first byte ends with that for the answer. */
static void
test_first_byte_timeout(void **state)
{
	struct object *object = object_new();
	struct object_request request = make_request();
	const struct reply *answer;
	struct got got = { .len = 0 };

	(void)state;
	play(200, "hello");
	now_ms = request.answer_deadline_ms - 300;
	assert_int_equal(get(object, &request, &got, &answer), VERDICT_OK);
	assert_int_equal(wire.request.first_byte_timeout_ms, 300);
	now_ms = request.answer_deadline_ms + 1;
	assert_int_equal(get(object, &request, &got, &answer), VERDICT_OK);
	assert_int_equal(wire.request.first_byte_timeout_ms, 0);
	now_ms = 0;
	object_free(object);
}

static void
test_metadata(void **state)
{
	struct object *object = object_new();
	struct object_request request = make_request();
	const struct reply *answer;
	struct got got = { .len = 0 };

	(void)state;
	play(200, "hello");
	wire.headers[0] = "Content-Type: image/png";
	wire.headers[1] = "ETag: " ETAG;
	wire.headers[2] = "etag: \"second\"";
	wire.headers[3] = "x-amz-meta-secret: no";
	wire.headers[4] = "Date: Fri, 24 May 2013 00:10:00 GMT";
	wire.headers[5] = "x-amz-request-id: RID2";
	assert_int_equal(get(object, &request, &got, &answer), VERDICT_OK);
	assert_int_equal(got.begun, 1);
	assert_string_equal(got.body, "hello");
	assert_int_equal(answer->received, 5);
	assert_true(answer->size_known);
	assert_int_equal(answer->metadata.size, 5);
	assert_false(answer->is_partial);
	assert_true(answer->etag_is_md5);
	assert_true(
	    span_equal(answer->metadata.field[METADATA_ETAG], SPAN(ETAG)));
	assert_true(span_equal(
	    answer->metadata.field[METADATA_CONTENT_TYPE], SPAN("image/png")));
	assert_int_equal(answer->server_date, NOW + 600);
	assert_string_equal(answer->error.request_id, "RID2");
	assert_string_equal(answer->reason, "");
	object_free(object);
}

static void
test_etag_is_md5(void **state)
{
	static const struct {
		const char *etag;
		const char *other;
		bool is_md5;
	} rows[] = {
		{ "ETag: " ETAG, "x-amz-server-side-encryption: AES256", true },
		{ "ETag: " ETAG, "x-amz-server-side-encryption: aws:kms",
		    false },
		{ "ETag: " ETAG, "x-amz-server-side-encryption: aws:kms:dsse",
		    false },
		{ "ETag: " ETAG,
		    "x-amz-server-side-encryption-customer-algorithm: AES256",
		    false },
		{ "ETag: \"5d41402abc4b2a76b9719d911017c592-2\"", "X: y",
		    false },
		{ "X: y", "X: y", false },
	};
	struct object *object = object_new();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct object_request request = make_request();
		const struct reply *answer;
		struct got got = { .len = 0 };

		play(200, "hello");
		wire.headers[0] = rows[i].etag;
		wire.headers[1] = rows[i].other;
		assert_int_equal(
		    get(object, &request, &got, &answer), VERDICT_OK);
		assert_int_equal(answer->etag_is_md5, rows[i].is_md5);
	}
	object_free(object);
}

/* Whether another may pass on what S3 says: by its size, and all its headers. */
static void
test_may_hand_off(void **state)
{
	static const struct {
		uint64_t handoff;
		const char *header;
		bool is_part, is_chunked, may;
	} rows[] = {
		{ 4, "x-amz-request-id: 1", false, false, true },
		{ 5, "x-amz-request-id: 1", false, false, false },
		{ 0, "x-amz-request-id: 1", false, false, false },
		{ 4, "x-amz-request-id: 1", false, true, false },
		{ 4, "x-amz-meta-secret: no", false, false, false },
		{ 4, "x-amz-meta-mtime: 1", false, false, true },
		{ 4, "etag: \"second\"", false, false, false },
		/* A part is measured by itself. */
		{ 2, "x-amz-request-id: 1", true, false, true },
		{ 3, "x-amz-request-id: 1", true, false, false },
	};
	struct object *object = object_new();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct object_request request = make_request();
		const struct reply *answer;
		struct got got = { .len = 0 };

		site.handoff = rows[i].handoff;
		play(rows[i].is_part ? 206 : 200,
		    rows[i].is_part ? "ell" : "hello");
		if (rows[i].is_part) {
			request.range = (struct range){
				.kind = RANGE_FROM_TO,
				.first = 1,
				.last = 3,
			};
			wire.headers[2] = "Content-Range: bytes 1-3/5";
		}
		if (rows[i].is_chunked)
			wire.length = -1;
		wire.headers[0] = "ETag: " ETAG;
		wire.headers[1] = rows[i].header;
		assert_int_equal(
		    get(object, &request, &got, &answer), VERDICT_OK);
		assert_int_equal(answer->may_hand_off, rows[i].may);
	}
	object_free(object);
}

/* What is believed of a 200 or 206, with the range 1-3 asked for or none. */
static void
test_checks(void **state)
{
	static const struct {
		const char *name;
		bool ask_range;
		int status;
		const char *header;
		const char *body;
		int64_t length;
		bool is_framed;
		enum verdict result;
		unsigned begun;
	} rows[] = {
		{ "whole", false, 200, NULL, "hello", 5, true, VERDICT_OK, 1 },
		{ "empty", false, 200, NULL, NULL, 0, true, VERDICT_OK, 1 },
		{ "chunked", false, 200, NULL, "hello", -1, true, VERDICT_OK,
		    1 },
		{ "no framing", false, 200, NULL, "hello", -1, false,
		    VERDICT_UNUSABLE, 0 },
		{ "short", false, 200, NULL, "hello", 6, true, VERDICT_FAILED,
		    1 },
		{ "long", false, 200, NULL, "hello", 4, true, VERDICT_FAILED,
		    1 },
		{ "part", true, 206, "Content-Range: bytes 1-3/5", "ell", 3,
		    true, VERDICT_OK, 1 },
		{ "part, chunked", true, 206, "Content-Range: bytes 1-3/5",
		    "ell", -1, true, VERDICT_OK, 1 },
		{ "part, chunked and short", true, 206,
		    "Content-Range: bytes 1-3/5", "el", -1, true, VERDICT_FAILED,
		    1 },
		{ "part, chunked and long", true, 206,
		    "Content-Range: bytes 1-3/5", "ello", -1, true,
		    VERDICT_FAILED, 1 },
		{ "part to the end", true, 206, "Content-Range: bytes 1-2/3",
		    "el", 2, true, VERDICT_OK, 1 },
		{ "part, not framed", true, 206, "Content-Range: bytes 1-3/5",
		    "ell", -1, false, VERDICT_UNUSABLE, 0 },
		{ "other first", true, 206, "Content-Range: bytes 0-3/5",
		    "hell", 4, true, VERDICT_UNUSABLE, 0 },
		{ "other last", true, 206, "Content-Range: bytes 1-2/5", "el",
		    2, true, VERDICT_UNUSABLE, 0 },
		{ "another of the same length", true, 206,
		    "Content-Range: bytes 0-2/5", "hel", 3, true,
		    VERDICT_UNUSABLE, 0 },
		{ "other length", true, 206, "Content-Range: bytes 1-3/5",
		    "ello", 4, true, VERDICT_UNUSABLE, 0 },
		{ "no Content-Range", true, 206, NULL, "ell", 3, true,
		    VERDICT_UNUSABLE, 0 },
		{ "several parts", true, 206,
		    "Content-Type: multipart/byteranges; boundary=x", "--x", 3,
		    true, VERDICT_UNUSABLE, 0 },
		{ "size unknown", true, 206, "Content-Range: bytes 1-3/*",
		    "ell", 3, true, VERDICT_UNUSABLE, 0 },
		{ "part not asked for", false, 206,
		    "Content-Range: bytes 0-4/5", "hello", 5, true,
		    VERDICT_UNUSABLE, 0 },
		{ "range ignored", true, 200, NULL, "hello", 5, true, VERDICT_OK,
		    1 },
	};
	struct object *object = object_new();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct object_request request = make_request();
		const struct reply *answer;
		struct got got = { .len = 0 };

		print_message("%s\n", rows[i].name);
		play(rows[i].status, rows[i].body);
		wire.headers[0] = rows[i].header;
		wire.length = rows[i].length;
		wire.is_framed = rows[i].is_framed;
		if (rows[i].ask_range)
			request.range = (struct range){
				.kind = RANGE_FROM_TO,
				.first = 1,
				.last = 3,
			};
		assert_int_equal(
		    get(object, &request, &got, &answer), rows[i].result);
		assert_int_equal(got.begun, rows[i].begun);
		assert_int_equal(answer->received, got.len);
		assert_true((answer->reason[0] == '\0') ==
		    (rows[i].result == VERDICT_OK));
		if (rows[i].result != VERDICT_OK)
			continue;
		assert_int_equal(answer->is_partial, rows[i].status == 206);
		assert_int_equal(answer->size_known,
		    rows[i].status == 206 || rows[i].length >= 0);
		if (rows[i].body != NULL)
			assert_string_equal(got.body, rows[i].body);
	}
	object_free(object);
}

/* What an error says, in its body and in its headers. */
static void
test_errors(void **state)
{
	static const struct {
		const char *name;
		bool head_only;
		int status;
		const char *header;
		const char *body;
		enum verdict result;
		const char *code;
		const char *request_id;
		const char *region;
	} rows[] = {
		{ "missing", false, 404, NULL, ERROR("NoSuchKey"),
		    VERDICT_MISSING, "NoSuchKey", "RID1", "" },
		{ "the body's id goes before the header's", false, 404,
		    "x-amz-request-id: RID2", ERROR("NoSuchKey"),
		    VERDICT_MISSING, "NoSuchKey", "RID1", "" },
		{ "404 of nothing", false, 404, "x-amz-request-id: RID2", NULL,
		    VERDICT_MISSING, "", "RID2", "" },
		{ "404 of a web server", false, 404, NULL,
		    "<html>Not found</html>", VERDICT_REFUSED, "", "", "" },
		{ "no bucket", false, 404, NULL, ERROR("NoSuchBucket"),
		    VERDICT_REFUSED, "NoSuchBucket", "RID1", "" },
		{ "denied", false, 403, NULL, ERROR("AccessDenied"),
		    VERDICT_DENIED, "AccessDenied", "RID1", "" },
		{ "denied, in our region", false, 403,
		    "x-amz-bucket-region: us-east-1", ERROR("AccessDenied"),
		    VERDICT_DENIED, "AccessDenied", "RID1", "us-east-1" },
		{ "HEAD denied elsewhere", true, 400,
		    "x-amz-bucket-region: eu-west-1", NULL, VERDICT_ELSEWHERE,
		    "", "", "eu-west-1" },
		{ "HEAD denied, in our region", true, 403,
		    "x-amz-bucket-region: us-east-1", NULL, VERDICT_UNSAID, "",
		    "", "us-east-1" },
		{ "HEAD of nothing, elsewhere said", true, 404,
		    "x-amz-bucket-region: eu-west-1", NULL, VERDICT_UNSAID, "",
		    "", "eu-west-1" },
		{ "wrong region", false, 400, NULL,
		    "<Error><Code>AuthorizationHeaderMalformed</Code>"
		    "<Region>ap-northeast-1</Region></Error>",
		    VERDICT_ELSEWHERE, "AuthorizationHeaderMalformed", "",
		    "ap-northeast-1" },
		{ "busy", false, 503, NULL, ERROR("SlowDown"), VERDICT_BUSY,
		    "SlowDown", "RID1", "" },
		{ "busy without a word", false, 502, NULL, "<html>",
		    VERDICT_BUSY, "", "", "" },
		{ "forbidden without a word", false, 403, NULL, NULL,
		    VERDICT_REFUSED, "", "", "" },
	};
	struct object *object = object_new();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct object_request request = make_request();
		const struct reply *answer;
		struct got got = { .len = 0 };

		print_message("%s\n", rows[i].name);
		play(rows[i].status, rows[i].body);
		wire.headers[0] = rows[i].header;
		request.head_only = rows[i].head_only;
		assert_int_equal(
		    get(object, &request, &got, &answer), rows[i].result);
		assert_int_equal(answer->status, rows[i].status);
		assert_string_equal(answer->error.code, rows[i].code);
		assert_string_equal(
		    answer->error.request_id, rows[i].request_id);
		assert_string_equal(answer->error.region, rows[i].region);
		assert_non_null(strstr(answer->reason, "S3 answered "));
		assert_int_equal(got.begun, 0);
		assert_int_equal(got.len, 0);
		assert_int_equal(answer->received, 0);
	}
	object_free(object);
}

/* S3 may repeat what it was sent, or know more: it is not repeated, and does not
 * stay. */
static void
test_secrets(void **state)
{
	static const char *const bodies[] = {
		"<Error><Code>A</Code><Message>No: SECRET.</Message></Error>",
		"<Error><Code>SECRET</Code><Message>No.</Message></Error>",
		"<Error><Code>A</Code><RequestId>SECRET</RequestId></Error>",
		"<Error><Code>A</Code><Region>SECRET</Region></Error>",
	};
	struct object *object = object_new();
	const char *const secrets[] = { "a+token/==",
		credentials.secret_access_key };

	(void)state;
	credentials.session_token = mem_string("a+token/==");
	for (size_t i = 0; i < 2 * sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct object_request request = make_request();
		const char *const secret = secrets[i % 2];
		const char *const body = bodies[i / 2];
		const char *const place = strstr(body, "SECRET");
		const struct reply *answer;
		struct got got = { .len = 0 };
		char *text = mem_printf("%.*s%.8s%s", (int)(place - body), body,
		    secret + 1, place + strlen("SECRET"));

		play(403, text);
		assert_int_equal(
		    get(object, &request, &got, &answer), VERDICT_REFUSED);
		assert_null(strstr(answer->reason, "token"));
		assert_null(memmem(
		    &answer->error, sizeof(answer->error), secret + 1, 8));
		assert_null(memmem(
		    answer->reason, strlen(answer->reason), secret + 1, 8));
		free(text);
	}
	mem_wipe_string(&credentials.session_token);
	object_free(object);
}

static void
test_notes(void **state)
{
	struct object *object = object_new();
	struct object_request request = make_request();
	const struct reply *answer;
	struct got got = { .len = 0 };

	(void)state;
	play(403, ERROR("RequestTimeTooSkewed"));
	wire.headers[0] = "Date: Fri, 24 May 2013 01:00:00 GMT";
	assert_int_equal(get(object, &request, &got, &answer), VERDICT_SKEWED);
	assert_int_equal(answer->server_date, NOW + 3600);
	assert_int_equal(answer->retry_after_ms, -1);
	play(503, ERROR("SlowDown"));
	wire.headers[0] = "Date: yesterday";
	wire.headers[1] = "Retry-After: 3";
	assert_int_equal(get(object, &request, &got, &answer), VERDICT_BUSY);
	assert_int_equal(answer->server_date, -1);
	assert_int_equal(answer->retry_after_ms, 3000);
	wire.headers[1] = "Retry-After: Fri, 24 May 2013 01:00:00 GMT";
	assert_int_equal(get(object, &request, &got, &answer), VERDICT_BUSY);
	assert_int_equal(answer->retry_after_ms, -1);
	object_free(object);
}

/* An error body without end is no error of S3's. */
static void
test_endless_error(void **state)
{
	struct object *object = object_new();
	struct object_request request = make_request();
	const struct reply *answer;
	struct got got = { .len = 0 };
	char *body = mem_alloc(S3_ERROR_BODY_MAX + 3);

	(void)state;
	memset(body, ' ', S3_ERROR_BODY_MAX + 2);
	memcpy(body, ERROR("NoSuchKey"), strlen(ERROR("NoSuchKey")));
	body[S3_ERROR_BODY_MAX + 2] = '\0';
	play(404, body);
	assert_int_equal(get(object, &request, &got, &answer), VERDICT_REFUSED);
	assert_string_equal(answer->error.code, "");
	/* The answer after it starts from nothing. */
	play(404, ERROR("NoSuchKey"));
	assert_int_equal(get(object, &request, &got, &answer), VERDICT_MISSING);
	free(body);
	object_free(object);
}

/* How the exchange ended is how the attempt did. */
static void
test_ends(void **state)
{
	static const struct {
		const char *name;
		int status;
		const char *body;
		enum http_result wire;
		bool stop_at_begin, stop_at_body;
		enum verdict result;
	} rows[] = {
		{ "none", 0, NULL, HTTP_FAILED, false, false, VERDICT_FAILED },
		{ "unusable", 0, NULL, HTTP_UNUSABLE, false, false,
		    VERDICT_REFUSED },
		{ "late", 0, NULL, HTTP_DEADLINE, false, false,
		    VERDICT_DEADLINE },
		{ "client gone", 0, NULL, HTTP_PEER_GONE, false, false,
		    VERDICT_PEER_GONE },
		{ "broken off", 200, "hello", HTTP_FAILED, false, false,
		    VERDICT_FAILED },
		{ "a 404 that breaks off is no answer", 404, ERROR("NoSuchKey"),
		    HTTP_FAILED, false, false, VERDICT_FAILED },
		{ "stopped at its head", 200, "hello", HTTP_OK, true, false,
		    VERDICT_STOPPED },
		{ "stopped in its body", 200, "hello", HTTP_OK, false, true,
		    VERDICT_STOPPED },
	};
	struct object *object = object_new();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct object_request request = make_request();
		const struct reply *answer;
		struct got got = {
			.stop_at_begin = rows[i].stop_at_begin,
			.stop_at_body = rows[i].stop_at_body,
		};

		print_message("%s\n", rows[i].name);
		play(rows[i].status, rows[i].body);
		wire.result = rows[i].wire;
		assert_int_equal(
		    get(object, &request, &got, &answer), rows[i].result);
		assert_int_equal(answer->status, rows[i].status);
		if (rows[i].wire != HTTP_OK)
			assert_string_equal(answer->reason, "why");
	}
	object_free(object);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classify),
		cmocka_unit_test(test_sent_is_what_aws_publishes),
		cmocka_unit_test(test_sent_at_most),
		cmocka_unit_test(test_heads),
		cmocka_unit_test(test_unsendable),
		cmocka_unit_test(test_first_byte_timeout),
		cmocka_unit_test(test_metadata),
		cmocka_unit_test(test_etag_is_md5),
		cmocka_unit_test(test_may_hand_off),
		cmocka_unit_test(test_checks),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_endless_error),
		cmocka_unit_test(test_ends),
	};

	return (cmocka_run_group_tests(tests, setup, teardown));
}

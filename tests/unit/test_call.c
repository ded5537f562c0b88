/*
 * Questions to S3 (src/s3/call.h): what is sent, which answers are one, and
 * what is asked again.  The exchange, the clocks, the dice and the keeper are
 * played by this file: a script of answers, one an attempt.
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
#include "base/log.h"
#include "base/mem.h"
#include "base/peer.h"
#include "s3/backoff.h"
#include "s3/call.h"
#include "s3/error.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

#define SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define TOKEN  "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZ"

#define ERROR(code, more)                                          \
	"<?xml version=\"1.0\"?><Error><Code>" code "</Code>" more \
	"<Message>Words.</Message></Error>"

enum {
	WALL = 1369353600, /* 20130524T000000Z */
	PATIENCE_MS = 10000,
	STEPS = 200,
	LINES = 32,
	LINE_MAX_LEN = 1024,
};

/* An answer; zeroed: 200 without a body. */
struct step {
	int status; /* 0: 200; -1: none */
	const char *headers[3];
	const char *body;
	size_t fills; /* in place of body: so many bytes */
	bool is_unframed;
	enum http_result result;
	const char *rotates; /* the keeper has published this id meanwhile */
};

static struct {
	const struct step *steps;
	size_t n_steps; /* behind them: the last again */
	size_t attempts;
	const struct step *now;
	int status;

	/* The last request. */
	struct http_request request;
	char url[512];
	char lines[LINES][LINE_MAX_LEN];
	char key[STEPS][32]; /* the id that each was signed with */
} wire;

static int64_t now_ms;
static int64_t waited[STEPS];
static size_t waits;

static struct {
	struct keyring *keyring;
	const char *next; /* publishes this for a wish; NULL: has none */
	bool is_temporary;
	int64_t life_ms;
} keeper;

struct http *__wrap_http_new(void);
void __wrap_http_free(struct http *http);
enum http_result __wrap_http_perform(struct http *http,
    const struct http_request *request, const struct http_handler *handler);
int __wrap_http_status(const struct http *http);
bool __wrap_http_header(
    const struct http *http, const char *name, struct span *value);
bool __wrap_http_is_framed(const struct http *http);
const char *__wrap_http_reason(const struct http *http);
int64_t __wrap_clock_monotonic_ms(void);
int64_t __wrap_clock_wall_s(void);
uint32_t __wrap_clock_random(uint32_t limit);
bool __wrap_peer_wait(int fd, int64_t ms);

static void
publish(const char *id)
{
	struct keyring_entry entry = {
		.credentials = { (char *)(uintptr_t)id,
		    (char *)(uintptr_t)SECRET,
		    keeper.is_temporary ? (char *)(uintptr_t)TOKEN : NULL },
		.expires_ms = keeper.is_temporary ? now_ms + keeper.life_ms
						  : KEYRING_NEVER,
	};

	assert_true(keyring_publish(keeper.keyring, 0, &entry));
}

static void
keep(void)
{
	if (!keyring_is_wished(keeper.keyring, 0))
		return;
	if (keeper.next != NULL)
		publish(keeper.next);
	keyring_tried(keeper.keyring, 0,
	    keeper.next != NULL ? KEYRING_FOUND : KEYRING_FAILED, now_ms);
	keeper.next = NULL;
}

struct http *
__wrap_http_new(void)
{
	return ((struct http *)&wire);
}

void
__wrap_http_free(struct http *http)
{
	assert_ptr_equal(http, &wire);
}

/* "AWS4-HMAC-SHA256 Credential=ID/..." */
static void
keep_request(const struct http_request *request)
{
	char *key = wire.key[wire.attempts];
	size_t i;

	wire.request = *request;
	snprintf(wire.url, sizeof(wire.url), "%s", request->url);
	assert_true(request->n_headers < LINES);
	for (i = 0; i < request->n_headers; i++) {
		const char *credential =
		    strstr(request->headers[i], "Credential=");

		assert_true(strlen(request->headers[i]) < LINE_MAX_LEN);
		strcpy(wire.lines[i], request->headers[i]);
		if (credential != NULL)
			snprintf(key, sizeof(wire.key[0]), "%.*s",
			    (int)strcspn(credential + 11, "/"),
			    credential + 11);
	}
	wire.lines[i][0] = '\0';
}

static bool
read_source(const struct http_source *source)
{
	char bytes[64];

	return (source == NULL ||
	    source->read(source->context, 0, bytes, sizeof(bytes)) > 0);
}

static bool
give(const struct http_handler *handler, const struct step *step)
{
	static const char zeros[16384];
	size_t left = step->fills;

	for (; left > sizeof(zeros); left -= sizeof(zeros))
		if (!handler->body(handler->context,
			(struct span){ zeros, sizeof(zeros) }))
			return (false);
	if (left > 0)
		return (handler->body(
		    handler->context, (struct span){ zeros, left }));
	return (step->body == NULL ||
	    handler->body(handler->context, span_of(step->body)));
}

enum http_result
__wrap_http_perform(struct http *http, const struct http_request *request,
    const struct http_handler *handler)
{
	size_t last = wire.n_steps - 1;

	(void)http;
	assert_true(wire.attempts < STEPS);
	keep_request(request);
	wire.now = &wire.steps[wire.attempts < last ? wire.attempts : last];
	wire.attempts++;
	wire.status = wire.now->status == 0 ? 200 : wire.now->status;
	if (wire.now->rotates != NULL)
		publish(wire.now->rotates);
	if (!read_source(request->source)) {
		wire.status = 0;
		return (HTTP_STOPPED);
	}
	if (wire.status < 0) {
		wire.status = 0;
		return (wire.now->result);
	}
	return (give(handler, wire.now) ? wire.now->result : HTTP_STOPPED);
}

int
__wrap_http_status(const struct http *http)
{
	(void)http;
	return (wire.status);
}

bool
__wrap_http_header(
    const struct http *http, const char *name, struct span *value)
{
	(void)http;
	for (size_t i = 0; i < COUNT_OF(wire.now->headers) &&
	     wire.now->headers[i] != NULL && wire.status != 0;
	     i++) {
		*value = span_of(wire.now->headers[i]);
		if (span_equal_nocase(span_cut(value, ':'), span_of(name))) {
			*value = span_trim(*value);
			return (true);
		}
	}
	return (false);
}

bool
__wrap_http_is_framed(const struct http *http)
{
	(void)http;
	return (!wire.now->is_unframed);
}

const char *
__wrap_http_reason(const struct http *http)
{
	(void)http;
	return ("the wire said why");
}

int64_t
__wrap_clock_monotonic_ms(void)
{
	return (now_ms);
}

int64_t
__wrap_clock_wall_s(void)
{
	return (WALL);
}

uint32_t
__wrap_clock_random(uint32_t limit)
{
	return (limit / 2);
}

bool
__wrap_peer_wait(int fd, int64_t ms)
{
	assert_int_equal(fd, -1);
	now_ms += ms;
	if (ms <= KEYRING_POLL_MS) { /* no pause is as short */
		keep();
		return (false);
	}
	assert_true(waits < STEPS);
	waited[waits++] = ms;
	return (false);
}

/* ------------------------------------------------------------ surroundings */

static struct site site;
static struct learnt *learnt;
static struct call *call;

static int
begin(bool has_keys)
{
	const char *why;

	memset(&wire, 0, sizeof(wire));
	site = (struct site){
		.name = mem_string("one"),
		.bucket = mem_string("examplebucket"),
		.region = mem_string("us-east-1"),
		.endpoint = mem_string("https://s3.example"),
		.ca_file = mem_string("/ca.pem"),
		.connect_timeout_ms = 1000,
		.first_byte_timeout_ms = 2000,
		.stall_timeout_ms = 3000,
	};
	now_ms = 1000;
	waits = 0;
	memset(&keeper, 0, sizeof(keeper));
	keeper.life_ms = 3600000;
	keeper.keyring = keyring_new(1);
	if (has_keys)
		publish("first");
	learnt = learnt_new(&site, 1);
	call = call_new(&site, 1, keeper.keyring, learnt);
	log_threshold(LOG_LEVEL_ERROR);
	return (site_resolve(&site, &why) == NULL ? 0 : -1);
}

static void
end(void)
{
	call_free(call);
	learnt_free(learnt);
	keyring_free(keeper.keyring);
	site_fini(&site);
}

static struct call_request
make_request(enum http_method method)
{
	return ((struct call_request){
	    .site = &site,
	    .method = method,
	    .key = SPAN("a key"),
	    .patience_ms = PATIENCE_MS,
	});
}

static enum call_result
make(const struct step *steps, size_t n, const struct call_request *request)
{
	wire.steps = steps;
	wire.n_steps = n;
	wire.attempts = waits = 0;
	return (call_make(call, request));
}

/* The value of the line NAME of the last request, or NULL. */
static const char *
line_of(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; wire.lines[i][0] != '\0'; i++)
		if (strncmp(wire.lines[i], name, len) == 0 &&
		    wire.lines[i][len] == ':')
			return (wire.lines[i] + len + 2);
	return (NULL);
}

/* ------------------------------------------------------------------- tests */

/* One answer is enough. */
static void
test_results(void **state)
{
	static const struct {
		const char *name;
		enum http_method method;
		struct step step;
		enum call_result result;
		const char *reason; /* part of it */
	} rows[] = {
		{ "200", HTTP_PUT, { .body = "x" }, CALL_OK, "" },
		{ "204", HTTP_DELETE, { .status = 204 }, CALL_OK, "" },
		{ "no such key", HTTP_GET,
		    { .status = 404, .body = ERROR("NoSuchKey", "") },
		    CALL_MISSING, "404 NoSuchKey: Words." },
		{ "no such upload", HTTP_DELETE,
		    { .status = 404, .body = ERROR("NoSuchUpload", "") },
		    CALL_MISSING, "404 NoSuchUpload" },
		{ "404 without a body", HTTP_DELETE, { .status = 404 },
		    CALL_MISSING, "404 without a code" },
		{ "no such bucket", HTTP_GET,
		    { .status = 404, .body = ERROR("NoSuchBucket", "") },
		    CALL_REFUSED, "404 NoSuchBucket" },
		{ "some web server's 404", HTTP_GET,
		    { .status = 404, .body = "<html>no" }, CALL_REFUSED,
		    "with a body that is none of S3's" },
		{ "it exists", HTTP_PUT,
		    { .status = 412, .body = ERROR("PreconditionFailed", "") },
		    CALL_EXISTS, "412 PreconditionFailed" },
		{ "it exists, without a code", HTTP_PUT, { .status = 412 },
		    CALL_EXISTS, "412" },
		{ "not implemented", HTTP_PUT,
		    { .status = 501, .body = ERROR("NotImplemented", "") },
		    CALL_UNSUPPORTED, "501 NotImplemented" },
		{ "not implemented, without a code", HTTP_PUT,
		    { .status = 501 }, CALL_UNSUPPORTED, "501" },
		{ "another HTTP", HTTP_PUT, { .status = 505 }, CALL_REFUSED,
		    "505" },
		{ "denied", HTTP_PUT,
		    { .status = 403, .body = ERROR("AccessDenied", "") },
		    CALL_REFUSED, "403 AccessDenied" },
		{ "denied, without a code", HTTP_HEAD, { .status = 403 },
		    CALL_REFUSED, "403" },
		{ "a code of no one's", HTTP_PUT,
		    { .status = 400, .body = ERROR("EntityTooLarge", "") },
		    CALL_REFUSED, "400 EntityTooLarge" },
		{ "no request is possible", HTTP_PUT,
		    { .status = -1, .result = HTTP_UNUSABLE }, CALL_REFUSED,
		    "the wire said why" },
		{ "an error in a 200 to a GET is a body", HTTP_GET,
		    { .body = ERROR("InternalError", "") }, CALL_OK, "" },
		{ "a 200 to a POST that is no error", HTTP_POST,
		    { .body = "<CompleteMultipartUploadResult/>" }, CALL_OK,
		    "" },
		{ "the greatest answer", HTTP_GET, { .fills = CALL_BODY_MAX },
		    CALL_OK, "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct call_request request = make_request(rows[i].method);

		print_message("%s\n", rows[i].name);
		assert_int_equal(begin(true), 0);
		assert_int_equal(
		    make(&rows[i].step, 1, &request), rows[i].result);
		assert_int_equal(wire.attempts, 1);
		assert_int_equal(waits, 0);
		assert_non_null(strstr(call_reason(call), rows[i].reason));
		assert_int_equal(
		    call_reason(call)[0] == '\0', rows[i].result == CALL_OK);
		assert_int_equal(call_status(call), wire.status);
		end();
	}
}

/* Another try does better. */
static void
test_retries(void **state)
{
	static const struct {
		const char *name;
		enum http_method method;
		struct step step;
		int64_t wait_ms; /* 0: of any length */
	} rows[] = {
		{ "busy", HTTP_PUT,
		    { .status = 503, .body = ERROR("SlowDown", "") }, 60 },
		{ "busy, and says until when", HTTP_PUT,
		    { .status = 503, .headers = { "Retry-After: 1" } }, 1000 },
		{ "busy for longer than we pause", HTTP_PUT,
		    { .status = 503, .headers = { "Retry-After: 60" } }, 2000 },
		{ "too many requests", HTTP_PUT, { .status = 429 }, 0 },
		{ "another writes it", HTTP_PUT,
		    { .status = 409,
			.body = ERROR("ConditionalRequestConflict", "") },
		    0 },
		{ "internal error", HTTP_PUT, { .status = 500 }, 0 },
		{ "broken off", HTTP_PUT,
		    { .status = -1, .result = HTTP_FAILED }, 0 },
		{ "broken off within", HTTP_GET,
		    { .body = "half", .result = HTTP_FAILED }, 0 },
		{ "no end of the body", HTTP_GET,
		    { .body = "half", .is_unframed = true }, 0 },
		{ "no end of the body, to a PUT", HTTP_PUT,
		    { .is_unframed = true }, 0 },
		{ "too long", HTTP_GET, { .fills = CALL_BODY_MAX + 1 }, 0 },
		{ "never asked for", HTTP_GET, { .status = 304 }, 0 },
		{ "an error in a 200 to a POST", HTTP_POST,
		    { .body = ERROR("InternalError", "") }, 0 },
		{ "one of no name in a 200 to a POST", HTTP_POST,
		    { .body = ERROR("Whatever", "") }, 0 },
		{ "the same behind blanks", HTTP_POST,
		    { .body = "  \n " ERROR("InternalError", "") }, 0 },
	};
	struct step steps[2] = { { .status = 0 }, { .body = "whole" } };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct call_request request = make_request(rows[i].method);

		print_message("%s\n", rows[i].name);
		assert_int_equal(begin(true), 0);
		steps[0] = rows[i].step;
		assert_int_equal(make(steps, 2, &request), CALL_OK);
		assert_int_equal(wire.attempts, 2);
		assert_int_equal(waits, 1);
		if (rows[i].wait_ms != 0)
			assert_int_equal(waited[0], rows[i].wait_ms);
		/* Nothing of the first is left. */
		assert_true(span_equal(call_body(call), SPAN("whole")));
		assert_string_equal(call_reason(call), "");
		assert_int_equal(call_status(call), 200);
		/* For ever: until the patience is over. */
		assert_int_equal(make(steps, 1, &request), CALL_UNAVAILABLE);
		assert_true(wire.attempts > 3);
		/* From the least pause on. */
		if (rows[i].wait_ms != 0)
			assert_int_equal(waited[0], rows[i].wait_ms);
		assert_true(call_reason(call)[0] != '\0');
		end();
	}
}

static void
test_patience(void **state)
{
	static const struct step busy = { .status = 503 };
	struct call_request request = make_request(HTTP_PUT);
	int64_t began;

	(void)state;
	assert_int_equal(begin(true), 0);
	began = now_ms;
	assert_int_equal(make(&busy, 1, &request), CALL_UNAVAILABLE);
	assert_true(now_ms < began + PATIENCE_MS);
	assert_true(now_ms > began + PATIENCE_MS - BACKOFF_MAX_MS);
	for (size_t i = 1; i < waits; i++)
		assert_true(waited[i] >= waited[i - 1]);
	/* None left: one attempt all the same. */
	request.patience_ms = 0;
	assert_int_equal(make(&busy, 1, &request), CALL_UNAVAILABLE);
	assert_int_equal(wire.attempts, 1);
	end();
}

/* ---- The keys, the clock, the region ---- */

static void
test_keys(void **state)
{
	static const struct {
		const char *name;
		struct step steps[2];
		size_t n;
		const char *first; /* NULL: there are none */
		bool is_temporary;
		int64_t life_ms;
		const char *next;
		enum call_result result;
		const char *keys; /* signed with */
	} rows[] = {
		{ "over, and others come",
		    { { .status = 400, .body = ERROR("ExpiredToken", "") },
			{ .status = 200 } },
		    2, "first", true, 60000, "second", CALL_OK,
		    "first second " },
		{ "over, and no others come",
		    { { .status = 400, .body = ERROR("ExpiredToken", "") } }, 1,
		    "first", true, 60000, NULL, CALL_UNAVAILABLE, "first " },
		{ "wrong, and no others come",
		    { { .status = 403,
			.body = ERROR("SignatureDoesNotMatch", "") } },
		    1, "first", false, 0, NULL, CALL_REFUSED, "first " },
		{ "wrong, and others are there by now",
		    { { .status = 403,
			  .body = ERROR("InvalidAccessKeyId", ""),
			  .rotates = "newer" },
			{ .status = 200 } },
		    2, "first", false, 0, NULL, CALL_OK, "first newer " },
		{ "denied, at their end",
		    { { .status = 403, .body = ERROR("AccessDenied", "") },
			{ .status = 200 } },
		    2, "first", true, 500, "second", CALL_OK, "first second " },
		{ "denied, with time left",
		    { { .status = 403, .body = ERROR("AccessDenied", "") } }, 1,
		    "first", true, 60000, "second", CALL_REFUSED, "first " },
		{ "none yet", { { .status = 200 } }, 1, NULL, false, 0,
		    "second", CALL_OK, "second " },
		{ "none ever", { { .status = 200 } }, 1, NULL, false, 0, NULL,
		    CALL_REFUSED, "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct call_request request = make_request(HTTP_PUT);
		char keys[128] = "";

		print_message("%s\n", rows[i].name);
		assert_int_equal(begin(false), 0);
		keeper.is_temporary = rows[i].is_temporary;
		keeper.life_ms = rows[i].life_ms;
		if (rows[i].first != NULL)
			publish(rows[i].first);
		keeper.next = rows[i].next;
		keeper.life_ms = 3600000;
		assert_int_equal(
		    make(rows[i].steps, rows[i].n, &request), rows[i].result);
		for (size_t at = 0; at < wire.attempts; at++) {
			strcat(keys, wire.key[at]);
			strcat(keys, " ");
		}
		assert_string_equal(keys, rows[i].keys);
		if (rows[i].result == CALL_REFUSED && keys[0] == '\0')
			assert_string_equal(
			    call_reason(call), "there are no credentials");
		end();
	}
}

static void
test_clock(void **state)
{
	static const struct step steps[] = {
		{ .status = 403,
		    .headers = { "Date: Fri, 24 May 2013 01:00:00 GMT" },
		    .body = ERROR("RequestTimeTooSkewed", "") },
		{ .status = 200 },
	};
	static const struct step dateless = { .status = 403,
		.body = ERROR("RequestTimeTooSkewed", "") };
	struct call_request request = make_request(HTTP_PUT);

	(void)state;
	assert_int_equal(begin(true), 0);
	assert_int_equal(make(steps, 2, &request), CALL_OK);
	assert_int_equal(wire.attempts, 2);
	assert_int_equal(waits, 0);
	assert_string_equal(line_of("x-amz-date"), "20130524T010000Z");
	/* It is remembered. */
	assert_int_equal(make(&steps[1], 1, &request), CALL_OK);
	assert_string_equal(line_of("x-amz-date"), "20130524T010000Z");
	/* Once a call. */
	assert_int_equal(make(steps, 1, &request), CALL_REFUSED);
	assert_true(wire.attempts <= 2);
	assert_int_equal(make(&dateless, 1, &request), CALL_REFUSED);
	assert_int_equal(wire.attempts, 1);
	end();
}

static void
test_region(void **state)
{
	static const struct {
		const char *name;
		struct step step;
	} rows[] = {
		{ "in the error",
		    { .status = 400,
			.body = ERROR("AuthorizationHeaderMalformed",
			    "<Region>eu-west-1</Region>") } },
		{ "in a header",
		    { .status = 301,
			.headers = { "x-amz-bucket-region: eu-west-1" },
			.body = ERROR("PermanentRedirect", "") } },
		{ "between the lines",
		    { .status = 403,
			.headers = { "x-amz-bucket-region: eu-west-1" } } },
	};
	struct call_request request = make_request(HTTP_PUT);
	struct step steps[2] = { { .status = 0 }, { .status = 200 } };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		print_message("%s\n", rows[i].name);
		assert_int_equal(begin(true), 0);
		steps[0] = rows[i].step;
		assert_int_equal(make(steps, 2, &request), CALL_OK);
		assert_int_equal(wire.attempts, 2);
		assert_int_equal(waits, 0);
		assert_non_null(
		    strstr(line_of("Authorization"), "/eu-west-1/s3/"));
		/* Two servers that point at each other. */
		assert_int_equal(make(steps, 1, &request), CALL_REFUSED);
		assert_true(wire.attempts <= 2);
		end();
	}
}

/* ---- What is sent ---- */

static ssize_t
read_nothing(void *context, uint64_t offset, char *to, size_t room)
{
	(void)context;
	(void)offset;
	(void)to;
	(void)room;
	return (0);
}

static void
test_source(void **state)
{
	static const struct step good = { .status = 200 };
	static const struct http_source source = { .read = read_nothing,
		.size = 7 };
	struct call_request request = make_request(HTTP_PUT);

	(void)state;
	assert_int_equal(begin(true), 0);
	request.source = &source;
	assert_int_equal(make(&good, 1, &request), CALL_STOPPED);
	assert_int_equal(wire.attempts, 1);
	assert_ptr_equal(wire.request.source, &source);
	assert_int_equal(call_status(call), 0);
	end();
}

static void
test_sent(void **state)
{
	static const struct sigv4_header headers[] = {
		{ { "Content-MD5", 11 }, { "abc==", 5 } },
		{ { "If-None-Match", 13 }, { "*", 1 } },
		{ { "x-amz-meta-mode", 15 }, { "100644", 6 } },
	};
	static const struct step good = { .headers = { "ETag: \"t\"" } };
	struct call_request request = make_request(HTTP_PUT);
	struct span value;

	(void)state;
	assert_int_equal(begin(false), 0);
	keeper.is_temporary = true;
	publish("first");
	request.query = SPAN("partNumber=1&uploadId=x%2F");
	request.headers = headers;
	request.n_headers = COUNT_OF(headers);
	request.payload_sha256 = SPAN("0123");
	request.body = SPAN("body");
	assert_int_equal(make(&good, 1, &request), CALL_OK);
	assert_string_equal(wire.url,
	    "https://s3.example/examplebucket/a%20key"
	    "?partNumber=1&uploadId=x%2F");
	assert_int_equal(wire.request.method, HTTP_PUT);
	assert_true(span_equal(wire.request.body, SPAN("body")));
	assert_null(wire.request.source);
	assert_string_equal(wire.request.ca_file, "/ca.pem");
	assert_true(wire.request.connect_timeout_ms == 1000);
	assert_true(wire.request.first_byte_timeout_ms == 2000);
	assert_true(wire.request.stall_timeout_ms == 3000);
	assert_true(wire.request.deadline_ms > now_ms + 86400000);
	assert_int_equal(wire.request.peer_fd, -1);
	assert_false(wire.request.no_proxy);
	assert_string_equal(line_of("Host"), "s3.example");
	assert_string_equal(line_of("x-amz-content-sha256"), "0123");
	assert_string_equal(line_of("x-amz-date"), "20130524T000000Z");
	assert_string_equal(line_of("x-amz-security-token"), TOKEN);
	assert_string_equal(line_of("Content-MD5"), "abc==");
	assert_string_equal(line_of("If-None-Match"), "*");
	/* All of them are signed. */
	assert_non_null(strstr(line_of("Authorization"),
	    "SignedHeaders=content-md5;host;if-none-match;"
	    "x-amz-content-sha256;x-amz-date;x-amz-meta-mode;"
	    "x-amz-security-token,"));
	assert_true(call_header(call, "etag", &value));
	assert_true(span_equal(value, SPAN("\"t\"")));
	assert_false(call_header(call, "x-amz-id-2", &value));
	/* And nothing of it is left in the next. */
	request = make_request(HTTP_GET);
	request.key = SPAN("");
	request.first_byte_timeout_ms = 600000;
	assert_int_equal(make(&good, 1, &request), CALL_OK);
	assert_string_equal(wire.url, "https://s3.example/examplebucket/");
	assert_string_equal(
	    line_of("x-amz-content-sha256"), SIGV4_EMPTY_PAYLOAD);
	assert_null(line_of("Content-MD5"));
	assert_null(line_of("If-None-Match"));
	assert_true(wire.request.first_byte_timeout_ms == 600000);
	assert_int_equal(wire.request.body.len, 0);
	end();
}

static void
test_unsendable(void **state)
{
	static const struct {
		const char *name;
		const char *value;
	} rows[] = {
		{ "empty", "" },
		{ "two lines", "a\r\nb: c" },
		{ "a control character", "a\x01" },
	};
	static const struct step good = { .status = 200 };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct call_request request = make_request(HTTP_PUT);
		struct sigv4_header header = { SPAN("x-amz-meta-x"),
			span_of(rows[i].value) };

		print_message("%s\n", rows[i].name);
		assert_int_equal(begin(true), 0);
		request.headers = &header;
		request.n_headers = 1;
		assert_int_equal(make(&good, 1, &request), CALL_REFUSED);
		assert_int_equal(wire.attempts, 0);
		assert_non_null(strstr(call_reason(call), "a header's value"));
		assert_int_equal(call_status(call), 0);
		end();
	}
}

/* S3 may repeat what it was sent: that is never told. */
static void
test_secrets(void **state)
{
	static const struct {
		const char *name;
		enum http_method method;
		struct step step;
	} rows[] = {
		{ "in the words", HTTP_PUT,
		    { .status = 400,
			.body = "<Error><Code>X</Code><Message>key " SECRET
				" is bad</Message></Error>" } },
		{ "in the code", HTTP_PUT,
		    { .status = 400,
			.body = "<Error><Code>" SECRET "</Code></Error>" } },
		{ "the token", HTTP_PUT,
		    { .status = 400,
			.body = "<Error><Code>X</Code><Message>" TOKEN
				"</Message></Error>" } },
		{ "in a 200", HTTP_POST,
		    { .body = "<Error><Code>X</Code><Message>" SECRET TOKEN
			      "</Message></Error>" } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct call_request request = make_request(rows[i].method);

		print_message("%s\n", rows[i].name);
		assert_int_equal(begin(false), 0);
		keeper.is_temporary = true;
		publish("first");
		assert_int_not_equal(make(&rows[i].step, 1, &request), CALL_OK);
		assert_true(call_reason(call)[0] != '\0');
		assert_false(
		    span_shows(span_of(call_reason(call)), span_of(SECRET)));
		assert_false(
		    span_shows(span_of(call_reason(call)), span_of(TOKEN)));
		end();
	}
	call_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_retries),
		cmocka_unit_test(test_patience),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_region),
		cmocka_unit_test(test_source),
		cmocka_unit_test(test_sent),
		cmocka_unit_test(test_unsendable),
		cmocka_unit_test(test_secrets),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

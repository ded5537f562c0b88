/*
 * What S3 answered and what it means (src/s3/reply.h, verdict.h), and how long
 * to pause then (backoff.h).  What test_object has is not here: this is what
 * questions besides objects brought.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "s3/backoff.h"
#include "s3/reply.h"
#include "s3/verdict.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

#define SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define TOKEN  "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22"

enum { NOW = 1369353600, HEADERS = 3 };

static const char *headers[HEADERS]; /* "Name: value" */
static uint32_t dice;                /* 0: the least, else the most */

bool __wrap_http_header(
    const struct http *http, const char *name, struct span *value);
const char *__wrap_http_reason(const struct http *http);
uint32_t __wrap_clock_random(uint32_t limit);

bool
__wrap_http_header(
    const struct http *http, const char *name, struct span *value)
{
	assert_null(http);
	for (size_t i = 0; i < HEADERS && headers[i] != NULL; i++) {
		*value = span_of(headers[i]);
		if (span_equal_nocase(span_cut(value, ':'), span_of(name))) {
			*value = span_trim(*value);
			return (true);
		}
	}
	return (false);
}

const char *
__wrap_http_reason(const struct http *http)
{
	assert_null(http);
	return ("the wire said why");
}

uint32_t
__wrap_clock_random(uint32_t limit)
{
	return (dice == 0 ? 0 : limit - 1);
}

static int
setup(void **state)
{
	(void)state;
	memset(headers, 0, sizeof(headers));
	dice = 0;
	return (0);
}

/* ------------------------------------------------------------- the verdict */

static void
test_verdicts(void **state)
{
	static const struct {
		const char *name;
		int status;
		const char *code;
		enum verdict result;
	} rows[] = {
		{ "no such upload", 404, "NoSuchUpload", VERDICT_MISSING },
		{ "the same with a status of another", 400, "NoSuchUpload",
		    VERDICT_REFUSED },
		{ "no such object", 404, "NoSuchObject", VERDICT_MISSING },
		{ "another writes", 409, "ConditionalRequestConflict",
		    VERDICT_BUSY },
		{ "the same with a status of another", 400,
		    "ConditionalRequestConflict", VERDICT_REFUSED },
		{ "given up by S3", 409, "OperationAborted", VERDICT_BUSY },
		{ "too many", 400, "RequestLimitExceeded", VERDICT_BUSY },
		{ "it exists", 412, "PreconditionFailed", VERDICT_CHANGED },
		{ "the same with a status of another", 400,
		    "PreconditionFailed", VERDICT_REFUSED },
		{ "it exists, without a word", 412, "", VERDICT_CHANGED },
		{ "not implemented", 501, "NotImplemented", VERDICT_REFUSED },
		{ "not implemented, without a word", 501, "", VERDICT_REFUSED },
		{ "not implemented, and busy", 501, "SlowDown",
		    VERDICT_REFUSED },
		{ "another HTTP", 505, "", VERDICT_REFUSED },
		{ "500", 500, "", VERDICT_BUSY },
		{ "599", 599, "", VERDICT_BUSY },
		{ "600", 600, "", VERDICT_UNUSABLE },
		{ "damaged on the way", 400, "BadDigest", VERDICT_REFUSED },
		{ "too large", 400, "EntityTooLarge", VERDICT_REFUSED },
		{ "no list of parts", 400, "InvalidPart", VERDICT_REFUSED },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct s3_error error;

		print_message("%s\n", rows[i].name);
		s3_error_init(&error);
		snprintf(error.code, sizeof(error.code), "%s", rows[i].code);
		assert_int_equal(
		    verdict_classify(rows[i].status, false, &error),
		    rows[i].result);
	}
}

static void
test_verdict_names(void **state)
{
	(void)state;
	for (int one = VERDICT_OK; one <= VERDICT_UNUSABLE; one++) {
		assert_non_null(verdict_name((enum verdict)one));
		assert_string_not_equal(verdict_name((enum verdict)one), "");
		for (int other = VERDICT_OK; other < one; other++)
			assert_string_not_equal(verdict_name((enum verdict)one),
			    verdict_name((enum verdict)other));
	}
}

/* --------------------------------------------------------------- the reply */

static void
test_init(void **state)
{
	struct reply reply;

	(void)state;
	memset(&reply, 'x', sizeof(reply));
	reply_init(&reply);
	assert_int_equal(reply.status, 0);
	assert_false(reply.size_known);
	assert_false(reply.is_partial);
	assert_int_equal(reply.server_date, -1);
	assert_int_equal(reply.retry_after_ms, -1);
	assert_int_equal(reply.received, 0);
	assert_string_equal(reply.reason, "");
	assert_string_equal(reply.error.code, "");
	assert_null(reply.metadata.field[METADATA_ETAG].data);
}

static void
test_say(void **state)
{
	char much[2 * REPLY_REASON_MAX];
	struct reply reply;

	(void)state;
	reply_init(&reply);
	reply_say(&reply, "%d and %s", 7, "eight");
	assert_string_equal(reply.reason, "7 and eight");
	memset(much, 'x', sizeof(much));
	much[sizeof(much) - 1] = '\0';
	reply_say(&reply, "%s", much);
	assert_int_equal(strlen(reply.reason), REPLY_REASON_MAX - 1);
}

static void
test_notes(void **state)
{
	static const struct {
		const char *name;
		const char *headers[HEADERS];
		int64_t server_date;
		int64_t retry_after_ms;
		const char *request_id;
		const char *region;
	} rows[] = {
		{ "none", { NULL }, -1, -1, "", "" },
		{ "all there are",
		    { "x-amz-request-id: RID", "x-amz-bucket-region: eu-west-1",
			"Date: Fri, 24 May 2013 01:00:00 GMT" },
		    NOW + 3600, -1, "RID", "eu-west-1" },
		{ "a date that is none", { "Date: noon" }, -1, -1, "", "" },
		{ "now", { "Retry-After: 0" }, -1, 0, "", "" },
		{ "a day", { "Retry-After: 86400" }, -1, 86400000, "", "" },
		{ "more than a day", { "Retry-After: 86401" }, -1, -1, "", "" },
		{ "less than nothing", { "Retry-After: -1" }, -1, -1, "", "" },
		{ "at a time", { "Retry-After: Fri, 24 May 2013 01:00:00 GMT" },
		    -1, -1, "", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct reply reply;

		print_message("%s\n", rows[i].name);
		memcpy(headers, rows[i].headers, sizeof(headers));
		reply_init(&reply);
		reply_read_notes(&reply, NULL, NOW);
		assert_true(reply.server_date == rows[i].server_date);
		assert_true(reply.retry_after_ms == rows[i].retry_after_ms);
		assert_string_equal(reply.error.request_id, rows[i].request_id);
		assert_string_equal(reply.error.region, rows[i].region);
	}
}

/* What stands in the error goes before what stands in a header. */
static void
test_notes_beside_an_error(void **state)
{
	struct reply reply;

	(void)state;
	reply_init(&reply);
	snprintf(reply.error.request_id, sizeof(reply.error.request_id), "A");
	snprintf(reply.error.region, sizeof(reply.error.region), "eu-west-1");
	headers[0] = "x-amz-request-id: B";
	headers[1] = "x-amz-bucket-region: eu-west-2";
	reply_read_notes(&reply, NULL, NOW);
	assert_string_equal(reply.error.request_id, "A");
	assert_string_equal(reply.error.region, "eu-west-1");
}

#define ERROR(inside) "<Error>" inside "</Error>"

static void
test_refusals(void **state)
{
	static const struct {
		const char *name;
		int status;
		const char *body;
		bool is_foreign;
		const char *region; /* in a header */
		enum verdict result;
		const char *reason;
	} rows[] = {
		{ "a code and words", 400,
		    ERROR("<Code>InvalidPart</Code><Message>No.</Message>"),
		    false, NULL, VERDICT_REFUSED,
		    "S3 answered 400 InvalidPart: No." },
		{ "a code alone", 404, ERROR("<Code>NoSuchKey</Code>"), false,
		    NULL, VERDICT_MISSING, "S3 answered 404 NoSuchKey" },
		{ "nothing", 404, "", false, NULL, VERDICT_MISSING,
		    "S3 answered 404 without a code" },
		{ "some web server", 404, "<html>", false, NULL,
		    VERDICT_REFUSED,
		    "S3 answered 404 with a body that is none of S3's" },
		{ "too much of it", 404, ERROR("<Code>NoSuchKey</Code>"), true,
		    NULL, VERDICT_REFUSED,
		    "S3 answered 404 with a body that is none of S3's" },
		{ "some web server, busy", 503, "<html>", false, NULL,
		    VERDICT_BUSY,
		    "S3 answered 503 with a body that is none of S3's" },
		{ "some web server, and it exists", 412, "<html>", false, NULL,
		    VERDICT_CHANGED,
		    "S3 answered 412 with a body that is none of S3's" },

		/* Another region, between the lines. */
		{ "refused, in another region", 400, "", false, "eu-west-1",
		    VERDICT_ELSEWHERE, "S3 answered 400 without a code" },
		{ "denied, in another region", 403,
		    ERROR("<Code>AccessDenied</Code>"), false, "eu-west-1",
		    VERDICT_ELSEWHERE, "S3 answered 403 AccessDenied" },
		{ "denied, in this one", 403,
		    ERROR("<Code>AccessDenied</Code>"), false, "us-east-1",
		    VERDICT_DENIED, "S3 answered 403 AccessDenied" },
		{ "missing, in another region", 404,
		    ERROR("<Code>NoSuchKey</Code>"), false, "eu-west-1",
		    VERDICT_MISSING, "S3 answered 404 NoSuchKey" },
		{ "not implemented, in another region", 501, "", false,
		    "eu-west-1", VERDICT_REFUSED,
		    "S3 answered 501 without a code" },
	};
	struct credentials keys = { .secret_access_key =
					(char *)(uintptr_t)SECRET };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct reply_question question = {
			.credentials = &keys,
			.region = SPAN("us-east-1"),
			.now = NOW,
		};
		char region[64];
		struct reply reply;

		print_message("%s\n", rows[i].name);
		reply_init(&reply);
		reply.status = rows[i].status;
		snprintf(region, sizeof(region), "x-amz-bucket-region: %s",
		    rows[i].region != NULL ? rows[i].region : "");
		headers[0] = rows[i].region != NULL ? region : NULL;
		assert_int_equal(reply_read_refusal(&reply, NULL, &question,
				     span_of(rows[i].body), rows[i].is_foreign),
		    rows[i].result);
		assert_string_equal(reply.reason, rows[i].reason);
	}
}

/* Each of S3's words may repeat what it was sent. */
static void
test_secrets(void **state)
{
	static const struct {
		const char *name;
		const char *body;
		const char *header;
		const char *reason;
	} rows[] = {
		{ "the code", ERROR("<Code>" SECRET "</Code>"), NULL,
		    "S3 answered 400 without a code" },
		{ "the words",
		    ERROR("<Code>X</Code><Message>a " SECRET "</Message>"),
		    NULL, "S3 answered 400 X" },
		{ "the words: a piece of the token",
		    ERROR("<Code>X</Code><Message>wEXAMPLEtc7</Message>"), NULL,
		    "S3 answered 400 X" },
		{ "the request's name",
		    ERROR("<Code>X</Code><RequestId>" TOKEN "</RequestId>"),
		    NULL, "S3 answered 400 X" },
		{ "the request's name, in a header", ERROR("<Code>X</Code>"),
		    "x-amz-request-id: " TOKEN, "S3 answered 400 X" },
		{ "the region",
		    ERROR("<Code>X</Code><Region>" SECRET "</Region>"), NULL,
		    "S3 answered 400 X" },
		{ "the region, in a header", ERROR("<Code>X</Code>"),
		    "x-amz-bucket-region: " SECRET, "S3 answered 400 X" },
	};
	struct credentials keys = {
		.secret_access_key = (char *)(uintptr_t)SECRET,
		.session_token = (char *)(uintptr_t)TOKEN,
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct reply_question question = {
			.credentials = &keys,
			.region = SPAN("us-east-1"),
			.now = NOW,
		};
		struct reply reply;

		print_message("%s\n", rows[i].name);
		reply_init(&reply);
		reply.status = 400;
		headers[0] = rows[i].header;
		assert_int_equal(reply_read_refusal(&reply, NULL, &question,
				     span_of(rows[i].body), false),
		    VERDICT_REFUSED);
		assert_string_equal(reply.reason, rows[i].reason);
		assert_string_equal(reply.error.request_id, "");
		assert_string_equal(reply.error.region, "");
	}
}

static void
test_failures(void **state)
{
	static const struct {
		enum http_result http;
		enum verdict result;
	} rows[] = {
		{ HTTP_PEER_GONE, VERDICT_PEER_GONE },
		{ HTTP_DEADLINE, VERDICT_DEADLINE },
		{ HTTP_UNUSABLE, VERDICT_REFUSED },
		{ HTTP_FAILED, VERDICT_FAILED },
	};

	(void)state;
	headers[0] = "x-amz-request-id: RID";
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct reply reply;

		reply_init(&reply);
		assert_int_equal(
		    reply_read_failure(&reply, NULL, NOW, rows[i].http),
		    rows[i].result);
		assert_string_equal(reply.reason, "the wire said why");
		assert_string_equal(reply.error.request_id, "RID");
	}
}

/* --------------------------------------------------------------- the pause */

static void
test_pauses(void **state)
{
	static const struct {
		unsigned failures;
		int64_t retry_after_ms;
		int64_t least;
		int64_t most; /* less one */
	} rows[] = {
		{ 0, -1, 20, 100 },
		{ 1, -1, 20, 200 },
		{ 2, -1, 20, 400 },
		{ 3, -1, 20, 800 },
		{ 4, -1, 20, 1600 },
		{ 5, -1, 20, 2000 },
		{ 6, -1, 20, 2000 },
		{ 31, -1, 20, 2000 },
		{ 64, -1, 20, 2000 },
		{ UINT32_MAX, -1, 20, 2000 },
		/* What S3 asks for, up to the greatest. */
		{ 0, 0, 20, 100 },
		{ 0, 50, 50, 100 },
		{ 0, 1000, 1000, 1001 },
		{ 0, 2000, 2000, 2001 },
		{ 0, 60000, 2000, 2001 },
		{ 9, 60000, 2000, 2001 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		print_message("%u, %lld\n", rows[i].failures,
		    (long long)rows[i].retry_after_ms);
		dice = 0;
		assert_int_equal(
		    backoff_pause(rows[i].failures, rows[i].retry_after_ms),
		    rows[i].least);
		dice = 1;
		assert_int_equal(
		    backoff_pause(rows[i].failures, rows[i].retry_after_ms),
		    rows[i].most - 1);
	}
}

#define RUN(test) cmocka_unit_test_setup(test, setup)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_verdicts),
		RUN(test_verdict_names),
		RUN(test_init),
		RUN(test_say),
		RUN(test_notes),
		RUN(test_notes_beside_an_error),
		RUN(test_refusals),
		RUN(test_secrets),
		RUN(test_failures),
		RUN(test_pauses),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

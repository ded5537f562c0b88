/*
 * One signed attempt: see object.h.
 *
 * An answer is believed only as far as it can be checked: a length or chunks,
 * a range that is the one asked for, and all of the bytes that it promised.
 * What another status means is decided by S3's code where there is one, and
 * by the status where there is none; a code that is not in the table is taken
 * for a mistake in the settings, since a retry of those helps no one.
 */
#include "s3/object.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/parse.h"
#include "s3/etag.h"
#include "s3/signed.h"

struct object {
	struct http *http;
	struct signed_request question;
	struct buf error_body;

	/* The attempt under way, or the last. */
	const struct object_request *request;
	const struct object_handler *handler;
	struct object_answer answer;
	bool length_known;      /* how many bytes are to come */
	uint64_t length;        /* then: how many */
	bool is_foreign;        /* the body of an error is none of S3's */
	enum object_result end; /* why we stopped the exchange, if we did */
	char reason[512];
};

static bool
is_code(const struct s3_error *error, const char *code)
{
	return (strcmp(error->code, code) == 0);
}

/* Where the code decides, whatever the status around it ("Error responses"
 * in the API reference of Amazon S3); a status of 0 is any.  Each code that
 * is not here means that something is set up wrong. */
static enum object_result
classify_code(int status, const struct s3_error *error)
{
	static const struct {
		const char *code;
		int status;
		enum object_result result;
	} codes[] = {
		{ "AccessDenied", 403, OBJECT_DENIED },
		{ "NoSuchKey", 404, OBJECT_MISSING },
		{ "NoSuchObject", 404, OBJECT_MISSING },
		{ "InvalidRange", 416, OBJECT_BAD_RANGE },
		{ "PreconditionFailed", 412, OBJECT_CHANGED },
		{ "ExpiredToken", 0, OBJECT_KEYS_REFUSED },
		{ "ExpiredTokenException", 0, OBJECT_KEYS_REFUSED },
		{ "InvalidAccessKeyId", 0, OBJECT_KEYS_REFUSED },
		{ "InvalidClientTokenId", 0, OBJECT_KEYS_REFUSED },
		{ "InvalidToken", 0, OBJECT_KEYS_REFUSED },
		{ "InvalidTokenId", 0, OBJECT_KEYS_REFUSED }, /* MinIO's */
		{ "SignatureDoesNotMatch", 0, OBJECT_KEYS_REFUSED },
		{ "TokenRefreshRequired", 0, OBJECT_KEYS_REFUSED },
		{ "UnrecognizedClientException", 0, OBJECT_KEYS_REFUSED },
		{ "RequestTimeTooSkewed", 0, OBJECT_SKEWED },
		{ "AuthorizationHeaderMalformed", 0, OBJECT_ELSEWHERE },
		{ "IllegalLocationConstraintException", 0, OBJECT_ELSEWHERE },
		{ "PermanentRedirect", 0, OBJECT_ELSEWHERE },
		{ "TemporaryRedirect", 0, OBJECT_ELSEWHERE },
		{ "Redirect", 0, OBJECT_ELSEWHERE },
		{ "InternalError", 0, OBJECT_BUSY },
		{ "OperationAborted", 0, OBJECT_BUSY },
		{ "RequestLimitExceeded", 0, OBJECT_BUSY },
		{ "RequestTimeout", 0, OBJECT_BUSY },
		{ "ServiceUnavailable", 0, OBJECT_BUSY },
		{ "SlowDown", 0, OBJECT_BUSY },
		{ "Throttling", 0, OBJECT_BUSY },
		{ "ThrottlingException", 0, OBJECT_BUSY },
		{ "TooManyRequests", 0, OBJECT_BUSY },
	};
	size_t i;

	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (is_code(error, codes[i].code) &&
		    (codes[i].status == 0 || codes[i].status == status))
			return (codes[i].result);
	return (OBJECT_REFUSED);
}

static enum object_result
classify_status(int status, bool head_only, const struct s3_error *error)
{
	switch (status) {
	case 301:
	case 307:
	case 308:
		if (head_only && error->region[0] == '\0')
			return (OBJECT_UNSAID);
		return (OBJECT_ELSEWHERE);
	case 408:
	case 425:
	case 429:
		return (OBJECT_BUSY);
	case 412:
		return (OBJECT_CHANGED);
	case 416:
		return (OBJECT_BAD_RANGE);
	}
	if (status < 400 || status > 499)
		return (OBJECT_UNUSABLE); /* never asked for: 204, 304, 302 */
	if (head_only)
		return (OBJECT_UNSAID);
	return (status == 404 ? OBJECT_MISSING : OBJECT_REFUSED);
}

enum object_result
object_classify(int status, bool head_only, const struct s3_error *error)
{
	if (status == 200 || status == 206)
		return (OBJECT_OK);
	if (status == 501 || status == 505)
		return (OBJECT_REFUSED); /* it will never know how */
	if (status >= 500 && status <= 599)
		return (OBJECT_BUSY);
	if (error->code[0] != '\0')
		return (classify_code(status, error));
	return (classify_status(status, head_only, error));
}

const char *
object_result_name(enum object_result result)
{
	static const char *const names[] = {
		[OBJECT_OK] = "ok",
		[OBJECT_STOPPED] = "stopped",
		[OBJECT_PEER_GONE] = "client gone",
		[OBJECT_DEADLINE] = "out of time",
		[OBJECT_MISSING] = "missing",
		[OBJECT_DENIED] = "denied",
		[OBJECT_UNSAID] = "refused without a reason",
		[OBJECT_BAD_RANGE] = "range not satisfiable",
		[OBJECT_CHANGED] = "changed",
		[OBJECT_SKEWED] = "clock skewed",
		[OBJECT_ELSEWHERE] = "wrong region",
		[OBJECT_KEYS_REFUSED] = "keys refused",
		[OBJECT_REFUSED] = "refused",
		[OBJECT_BUSY] = "busy",
		[OBJECT_FAILED] = "failed",
		[OBJECT_UNUSABLE] = "unusable",
	};

	return (names[result]);
}

struct object *
object_new(void)
{
	struct object *object = mem_zero(1, sizeof(*object));

	object->http = http_new();
	signed_init(&object->question);
	buf_init_secret(&object->error_body, S3_ERROR_BODY_MAX);
	return (object);
}

void
object_free(struct object *object)
{
	if (object == NULL)
		return;
	http_free(object->http);
	signed_fini(&object->question);
	buf_fini(&object->error_body);
	free(object);
}

static void
set_reason(struct object *object, const char *format, ...) ATTR_PRINTF(2, 3);

static void
set_reason(struct object *object, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(object->reason, sizeof(object->reason), format, args);
	va_end(args);
	object->answer.reason = object->reason;
}

static void
take_metadata(void *context, struct span name, struct span value)
{
	metadata_take(context, name, value);
}

/* The tag of an encrypted object (SSE-KMS, SSE-C) is no MD5 of its bytes. */
static bool
has_md5(const struct object_answer *answer, const struct http *http)
{
	struct span value;

	if (http_header(http, "x-amz-server-side-encryption", &value) &&
	    !span_equal(value, SPAN("AES256")))
		return (false);
	if (http_header(http, "x-amz-server-side-encryption-customer-algorithm",
		&value))
		return (false);
	return (etag_is_md5(answer->metadata.field[METADATA_ETAG]));
}

/* Is a 206 the part that was asked for? */
static bool
check_part(struct object *object, const struct http *http)
{
	struct object_answer *answer = &object->answer;
	struct span value;
	uint64_t first, last;

	if (!http_header(http, "Content-Range", &value) ||
	    !range_parse_content(
		value, &answer->first, &answer->last, &answer->metadata.size)) {
		set_reason(object, "a 206 without a usable Content-Range");
		return (false);
	}
	if (range_fit(&object->request->range, answer->metadata.size, &first,
		&last) != RANGE_FIT_PART ||
	    first != answer->first || last != answer->last) {
		set_reason(object, "a 206 of another range: %llu-%llu",
		    (unsigned long long)answer->first,
		    (unsigned long long)answer->last);
		return (false);
	}
	answer->is_partial = answer->size_known = true;
	object->length = last - first + 1;
	object->length_known = true;
	return (true);
}

static void
take_whole(struct object *object, const struct http *http)
{
	int64_t length = http_content_length(http);

	object->length_known = object->answer.size_known = length >= 0;
	if (length >= 0)
		object->length = object->answer.metadata.size =
		    (uint64_t)length;
}

/* A 200 or 206: what is it, and does it make sense? */
static bool
check_answer(struct object *object, const struct http *http)
{
	struct object_answer *answer = &object->answer;
	int64_t length = http_content_length(http);

	http_each_header(http, take_metadata, &answer->metadata);
	answer->etag_is_md5 = has_md5(answer, http);
	if (!http_is_framed(http)) {
		set_reason(object,
		    "a %d with neither Content-Length nor chunked framing",
		    answer->status);
		return (false);
	}
	if (answer->status == 200) {
		take_whole(object, http);
		return (true);
	}
	if (!check_part(object, http))
		return (false);
	if (length >= 0 && (uint64_t)length != object->length) {
		set_reason(object,
		    "a 206 of %lld bytes where Content-Range says %llu",
		    (long long)length, (unsigned long long)object->length);
		return (false);
	}
	return (true);
}

static bool
on_head(void *context, const struct http *http)
{
	struct object *object = context;
	struct object_answer *answer = &object->answer;

	answer->status = http_status(http);
	if (answer->status != 200 && answer->status != 206)
		return (true); /* the body will say why */
	if (!check_answer(object, http)) {
		object->end = OBJECT_UNUSABLE;
		return (false);
	}
	if (!object->handler->begin(object->handler->context, answer)) {
		object->end = OBJECT_STOPPED;
		return (false);
	}
	return (true);
}

static bool
on_body(void *context, struct span bytes)
{
	struct object *object = context;
	struct object_answer *answer = &object->answer;

	if (answer->status != 200 && answer->status != 206) {
		object->is_foreign = !buf_add_span(&object->error_body, bytes);
		return (!object->is_foreign);
	}
	if (object->length_known &&
	    bytes.len > object->length - answer->received) {
		set_reason(object, "more than the %llu bytes that were said",
		    (unsigned long long)object->length);
		object->end = OBJECT_FAILED;
		return (false);
	}
	answer->received += bytes.len;
	if (!object->handler->body(object->handler->context, bytes)) {
		object->end = OBJECT_STOPPED;
		return (false);
	}
	return (true);
}

/* Fill FIELD, of SIZE bytes, from header NAME where it is empty. */
static void
fill_from_header(
    const struct http *http, const char *name, char *field, size_t size)
{
	struct span value;

	if (field[0] == '\0' && http_header(http, name, &value))
		snprintf(field, size, "%.*s", SPAN_ARG(value));
}

/* What S3 says besides: its clock, its name for the request, where the bucket
 * is, when to come back. */
static void
read_notes(struct object *object)
{
	const struct http *http = object->http;
	struct object_answer *answer = &object->answer;
	struct s3_error *error = &answer->error;
	struct span value;
	uint64_t seconds;

	fill_from_header(http, "x-amz-request-id", error->request_id,
	    sizeof(error->request_id));
	fill_from_header(
	    http, "x-amz-bucket-region", error->region, sizeof(error->region));
	if (http_header(http, "Date", &value) &&
	    !parse_http_date(value, object->request->now, &answer->server_date))
		answer->server_date = -1;
	if (http_header(http, "Retry-After", &value) &&
	    parse_number(value, 0, 86400, &seconds))
		answer->retry_after_ms = (int64_t)seconds * 1000;
}

/* Does an answer that names the bucket's region say, between the lines, that
 * it is not the one we signed for?  To a HEAD there is no other way. */
static bool
names_other_region(const struct object *object, enum object_result result)
{
	const struct object_answer *answer = &object->answer;
	struct span region = span_of(answer->error.region);

	if (result != OBJECT_REFUSED && result != OBJECT_UNSAID &&
	    result != OBJECT_DENIED)
		return (false);
	if (answer->status != 400 && answer->status != 403)
		return (false);
	return (region.len > 0 && !span_equal(region, object->request->region));
}

/* Forget each of S3's words that repeats a secret. */
static void
forget_secrets(struct object *object)
{
	const struct credentials *keys = object->request->credentials;
	struct s3_error *error = &object->answer.error;
	const struct {
		char *text;
		size_t size;
	} words[] = {
		{ error->code, sizeof(error->code) },
		{ error->message, sizeof(error->message) },
		{ error->request_id, sizeof(error->request_id) },
		{ error->region, sizeof(error->region) },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct span text = span_of(words[i].text);

		if (span_shows(text, span_of(keys->secret_access_key)) ||
		    span_shows(text, span_of(keys->session_token)))
			explicit_bzero(words[i].text, words[i].size);
	}
}

/* An answer other than 200 and 206 is there: what does it mean? */
static enum object_result
read_error(struct object *object)
{
	struct object_answer *answer = &object->answer;
	const struct s3_error *error = &answer->error;
	struct span body = buf_span(&object->error_body);
	enum object_result result;

	if (object->is_foreign || body.len == 0 ||
	    !s3_error_parse(&answer->error, body))
		object->is_foreign = body.len > 0;
	read_notes(object);
	forget_secrets(object);
	set_reason(object, "S3 answered %d %s%s%s", answer->status,
	    error->code[0] != '\0'   ? error->code
		: object->is_foreign ? "with a body that is none of S3's"
				     : "without a code",
	    error->message[0] != '\0' ? ": " : "", error->message);
	result =
	    object_classify(answer->status, object->request->head_only, error);
	/* Some web server's 404 says nothing about the bucket. */
	if (result == OBJECT_MISSING && object->is_foreign)
		return (OBJECT_REFUSED);
	return (names_other_region(object, result) ? OBJECT_ELSEWHERE : result);
}

static enum object_result
read_end(struct object *object)
{
	struct object_answer *answer = &object->answer;

	read_notes(object);
	if (object->length_known && !object->request->head_only &&
	    answer->received != object->length) {
		set_reason(object, "%llu of %llu bytes",
		    (unsigned long long)answer->received,
		    (unsigned long long)object->length);
		return (OBJECT_FAILED);
	}
	return (OBJECT_OK);
}

static enum object_result
conclude(struct object *object, enum http_result result)
{
	struct object_answer *answer = &object->answer;

	if (result == HTTP_OK || (result == HTTP_STOPPED && object->is_foreign))
		return (answer->status == 200 || answer->status == 206
			? read_end(object)
			: read_error(object));
	read_notes(object);
	if (result == HTTP_STOPPED)
		return (object->end);
	set_reason(object, "%s", http_reason(object->http));
	switch (result) {
	case HTTP_PEER_GONE:
		return (OBJECT_PEER_GONE);
	case HTTP_DEADLINE:
		return (OBJECT_DEADLINE);
	case HTTP_UNUSABLE:
		return (OBJECT_REFUSED);
	default:
		return (OBJECT_FAILED);
	}
}

/* How long S3 may take for its first byte. */
static int64_t
find_first_byte_timeout(const struct object_request *request)
{
	int64_t left = request->answer_deadline_ms - clock_monotonic_ms();

	if (left > request->site->first_byte_timeout_ms)
		return (request->site->first_byte_timeout_ms);
	return (left > 0 ? left : 0);
}

static enum http_result
perform(struct object *object)
{
	const struct object_request *request = object->request;
	const struct site *site = request->site;
	struct http_request exchange = {
		.url = buf_string(&object->question.target.url),
		.headers = object->question.lines.list,
		.n_headers = object->question.lines.n,
		.method = request->head_only ? HTTP_HEAD : HTTP_GET,
		.ca_file = site->ca_file,
		.connect_timeout_ms = site->connect_timeout_ms,
		.first_byte_timeout_ms = find_first_byte_timeout(request),
		.stall_timeout_ms = site->stall_timeout_ms,
		.deadline_ms = request->deadline_ms,
		.peer_fd = request->peer_fd,
	};
	struct http_handler handler = { on_head, on_body, object };

	return (http_perform(object->http, &exchange, &handler));
}

/* Write the request; false with the reason said. */
static bool
write_question(struct object *object, struct sigv4_signer *signer)
{
	const struct object_request *request = object->request;
	struct signed_question question = {
		.site = request->site,
		.credentials = request->credentials,
		.region = request->region,
		.key = request->key,
		.range = request->range,
		.if_match = request->if_match,
		.head_only = request->head_only,
		.now = request->now,
	};
	const char *wrong = signed_write(&object->question, signer, &question);

	if (wrong != NULL)
		set_reason(object, "no request can be made: %s", wrong);
	return (wrong == NULL);
}

static void
reset(struct object *object, const struct object_request *request,
    const struct object_handler *handler)
{
	object->request = request;
	object->handler = handler;
	object->answer = (struct object_answer){
		.server_date = -1,
		.retry_after_ms = -1,
		.reason = "",
	};
	metadata_init(&object->answer.metadata);
	s3_error_init(&object->answer.error);
	object->length_known = object->is_foreign = false;
	object->length = 0;
	object->end = OBJECT_OK;
}

void
object_extend(struct object *object, int64_t deadline_ms)
{
	http_extend(object->http, deadline_ms);
}

enum object_result
object_get(struct object *object, struct sigv4_signer *signer,
    const struct object_request *request, const struct object_handler *handler,
    const struct object_answer **answer)
{
	enum http_result result;
	enum object_result end;

	reset(object, request, handler);
	*answer = &object->answer;
	if (!write_question(object, signer)) {
		signed_forget(&object->question);
		return (OBJECT_REFUSED);
	}
	result = perform(object);
	/* Before the answer is looked at: an idle worker holds no token. */
	signed_forget(&object->question);
	end = conclude(object, result);
	buf_clear(&object->error_body); /* it may repeat what was sent */
	return (end);
}

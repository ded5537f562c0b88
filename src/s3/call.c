/*
 * Questions to S3: see call.h.
 *
 * Smaller than s3/fetch, since an answer is whole or none: it is read into
 * memory, and an attempt that broke off is simply made again.  So a question
 * must bear being asked twice: where S3 had stored an object before the
 * connection broke, the second answer to "If-None-Match: *" is 412, and whoever
 * asked looks at what is there.
 *
 * A 200 can still be a refusal: S3 begins its answer to the end of a multipart
 * upload before it has put the parts together ("CompleteMultipartUpload" in the
 * API reference of Amazon S3), and sends blanks until it has.
 */
#include "s3/call.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/peer.h"
#include "s3/backoff.h"
#include "s3/error.h"
#include "s3/lines.h"
#include "s3/reply.h"
#include "s3/signing.h"
#include "s3/verdict.h"

enum {
	CALL_TEXT_MAX = 65536, /* of all header lines */
};

struct call {
	const struct site *sites;
	size_t n_sites;
	struct signing *signing;
	struct http *http;
	struct site_target target;
	struct buf url;
	struct lines lines;
	struct buf body;
	struct reply reply;

	/* The call under way, or the last. */
	const struct call_request *request;
	struct signing_turn turn;
	struct signing_means means;
	bool is_too_long; /* the answer's body is over CALL_BODY_MAX */
	int64_t until_ms;
	unsigned failures;
};

/* What comes of an attempt. */
enum next {
	NEXT_END,
	NEXT_AGAIN,
	NEXT_RETRY, /* after a pause */
};

struct call *
call_new(const struct site *sites, size_t n_sites, struct keyring *keyring,
    struct learnt *learnt)
{
	struct call *call = mem_zero(1, sizeof(*call));

	call->sites = sites;
	call->n_sites = n_sites;
	call->signing = signing_new(sites, n_sites, keyring, learnt);
	call->http = http_new();
	site_target_init(&call->target);
	lines_init(&call->lines, CALL_TEXT_MAX);
	buf_init(&call->url, CALL_TEXT_MAX);
	buf_init(&call->body, CALL_BODY_MAX);
	reply_init(&call->reply);
	return (call);
}

void
call_free(struct call *call)
{
	if (call == NULL)
		return;
	signing_free(call->signing);
	http_free(call->http);
	site_target_fini(&call->target);
	lines_fini(&call->lines);
	buf_fini(&call->url);
	buf_fini(&call->body);
	free(call);
}

static struct span
payload_of(const struct call_request *request)
{
	return (request->payload_sha256.data != NULL
		? request->payload_sha256
		: SPAN(SIGV4_EMPTY_PAYLOAD));
}

static struct span
method_name(enum http_method method)
{
	static const char *const names[] = {
		[HTTP_GET] = "GET",
		[HTTP_HEAD] = "HEAD",
		[HTTP_PUT] = "PUT",
		[HTTP_POST] = "POST",
		[HTTP_DELETE] = "DELETE",
	};

	return (span_of(names[method]));
}

static bool
add_lines(struct call *call)
{
	const struct call_request *request = call->request;
	struct lines *lines = &call->lines;
	bool fits =
	    lines_add(lines, SPAN("Host"), buf_span(&call->target.host)) &&
	    lines_add(
		lines, SPAN("x-amz-content-sha256"), payload_of(request)) &&
	    lines_add_date_and_token(
		lines, call->means.credentials, call->means.now);

	assert(request->n_headers <= CALL_HEADERS_MAX);
	for (size_t i = 0; fits && i < request->n_headers; i++)
		fits = lines_add(
		    lines, request->headers[i].name, request->headers[i].value);
	return (fits);
}

/* Write and sign the request; false with the reason said. */
static bool
write_request(struct call *call)
{
	const struct call_request *request = call->request;

	lines_forget(&call->lines);
	buf_clear(&call->url);
	if (!site_target(request->site, call->means.region, request->key,
		&call->target)) {
		reply_say(&call->reply, "the region is none");
		return (false);
	}
	if (!buf_add_span(&call->url, buf_span(&call->target.url)) ||
	    (request->query.len > 0 &&
		(!buf_add_char(&call->url, '?') ||
		    !buf_add_span(&call->url, request->query))) ||
	    !add_lines(call) ||
	    !lines_sign(&call->lines, signing_signer(&call->turn),
		(struct sigv4_request){
		    .method = method_name(request->method),
		    .path = buf_span(&call->target.path),
		    .query = request->query,
		    .payload_sha256 = payload_of(request),
		},
		call->means.credentials, call->means.region, SPAN("s3"),
		call->means.now)) {
		reply_say(&call->reply,
		    "a header's value is empty, holds a control character, or "
		    "all of them are too long");
		return (false);
	}
	lines_end(&call->lines);
	return (true);
}

static bool
on_body(void *context, struct span bytes)
{
	struct call *call = context;

	call->is_too_long = !buf_add_span(&call->body, bytes);
	return (!call->is_too_long);
}

static enum http_result
perform(struct call *call)
{
	const struct call_request *request = call->request;
	const struct site *site = request->site;
	const struct http_request exchange = {
		.url = buf_string(&call->url),
		.headers = call->lines.list,
		.n_headers = call->lines.n,
		.method = request->method,
		.body = request->body,
		.source = request->source,
		.ca_file = site->ca_file,
		.connect_timeout_ms = site->connect_timeout_ms,
		.first_byte_timeout_ms = request->first_byte_timeout_ms > 0
		    ? request->first_byte_timeout_ms
		    : site->first_byte_timeout_ms,
		.stall_timeout_ms = site->stall_timeout_ms,
		.deadline_ms = clock_monotonic_ms() + HTTP_LONGEST_MS,
		.peer_fd = -1,
	};
	const struct http_handler handler = { NULL, on_body, call };

	return (http_perform(call->http, &exchange, &handler));
}

static bool
is_success(int status)
{
	return (status >= 200 && status <= 204);
}

/* The body that may be an error, without the blanks before it. */
static struct span
error_of(const struct call *call)
{
	struct span body = buf_span(&call->body);

	while (body.len > 0 && char_is_space(body.data[0]))
		body = span_skip(body, 1);
	return (body);
}

static enum verdict
read_refusal(struct call *call)
{
	const struct reply_question question = {
		.credentials = call->means.credentials,
		.region = call->means.region,
		.now = call->means.now,
		.head_only = call->request->method == HTTP_HEAD,
	};
	struct span body = error_of(call);
	bool is_foreign = body.len > S3_ERROR_BODY_MAX;

	return (reply_read_refusal(
	    &call->reply, call->http, &question, body, is_foreign));
}

/* A 2xx is there; is it one? */
static enum verdict
read_success(struct call *call)
{
	struct s3_error error;
	struct span body = error_of(call);

	if (!http_is_framed(call->http)) {
		reply_say(&call->reply,
		    "a %d with neither Content-Length nor chunked framing",
		    call->reply.status);
		return (VERDICT_UNUSABLE);
	}
	if (call->request->method != HTTP_POST || body.len > S3_ERROR_BODY_MAX)
		return (VERDICT_OK);
	s3_error_init(&error);
	if (!s3_error_parse(&error, body))
		return (VERDICT_OK);
	call->reply.status = 500;
	return (read_refusal(call));
}

/* One attempt, signed by call->means. */
static enum verdict
attempt(struct call *call)
{
	struct reply *reply = &call->reply;
	enum http_result result;

	reply_init(reply);
	buf_clear(&call->body);
	call->is_too_long = false;
	if (!write_request(call)) {
		lines_forget(&call->lines);
		return (VERDICT_REFUSED);
	}
	result = perform(call);
	lines_forget(&call->lines);
	reply->status = http_status(call->http);
	if (result == HTTP_STOPPED && call->is_too_long) {
		reply_say(reply, "an answer of more than %d bytes",
		    (int)CALL_BODY_MAX);
		return (VERDICT_UNUSABLE);
	}
	if (result == HTTP_STOPPED)
		return (VERDICT_STOPPED);
	if (result != HTTP_OK)
		return (reply_read_failure(
		    reply, call->http, call->means.now, result));
	return (is_success(reply->status) ? read_success(call)
					  : read_refusal(call));
}

static enum next
end(enum call_result result, enum call_result *final)
{
	*final = result;
	return (NEXT_END);
}

/* S3 refused the credentials, or there are none: wait for others. */
static enum next
renew_keys(struct call *call, enum call_result *final)
{
	if (signing_renew(&call->turn, -1, call->until_ms) == KEYRING_RENEWED)
		return (NEXT_AGAIN);
	return (end(
	    call->turn.is_temporary ? CALL_UNAVAILABLE : CALL_REFUSED, final));
}

static enum next
settle(struct call *call, enum verdict got, enum call_result *final)
{
	switch (got) {
	case VERDICT_OK:
		return (end(CALL_OK, final));
	case VERDICT_STOPPED:
		return (end(CALL_STOPPED, final));
	case VERDICT_MISSING:
		return (end(CALL_MISSING, final));
	case VERDICT_CHANGED:
		return (end(CALL_EXISTS, final));
	case VERDICT_DENIED:
		return (signing_is_over(&call->turn)
			? renew_keys(call, final)
			: end(CALL_REFUSED, final));
	case VERDICT_KEYS_REFUSED:
		return (renew_keys(call, final));
	case VERDICT_SKEWED:
		return (signing_learn_clock(&call->turn, &call->reply)
			? NEXT_AGAIN
			: end(CALL_REFUSED, final));
	case VERDICT_ELSEWHERE:
		return (signing_learn_region(&call->turn, &call->reply)
			? NEXT_AGAIN
			: end(CALL_REFUSED, final));
	case VERDICT_REFUSED:
	case VERDICT_UNSAID:
		return (end(
		    call->reply.status == 501 ? CALL_UNSUPPORTED : CALL_REFUSED,
		    final));
	default:
		return (NEXT_RETRY);
	}
}

static enum next
pause_before_retry(struct call *call, enum call_result *final)
{
	int64_t pause =
	    backoff_pause(call->failures++, call->reply.retry_after_ms);

	if (clock_monotonic_ms() + pause >= call->until_ms)
		return (end(CALL_UNAVAILABLE, final));
	(void)peer_wait(-1, pause);
	return (NEXT_AGAIN);
}

enum call_result
call_make(struct call *call, const struct call_request *request)
{
	size_t index = (size_t)(request->site - call->sites);
	enum call_result final = CALL_UNAVAILABLE;
	enum next next;

	assert(index < call->n_sites);
	call->request = request;
	call->failures = 0;
	call->until_ms = clock_monotonic_ms() + request->patience_ms;
	reply_init(&call->reply);
	signing_begin(&call->turn, call->signing, index);
	do {
		enum verdict got;

		if (!signing_prepare(&call->turn, &call->means)) {
			reply_say(&call->reply, "there are no credentials");
			next = renew_keys(call, &final);
			continue;
		}
		got = attempt(call);
		if (got != VERDICT_OK)
			log_debug("site %s: %.*s \"%.*s\"?%.*s %s: %s",
			    request->site->name,
			    SPAN_ARG(method_name(request->method)),
			    SPAN_ARG(request->key), SPAN_ARG(request->query),
			    verdict_name(got), call->reply.reason);
		next = settle(call, got, &final);
		if (next == NEXT_RETRY)
			next = pause_before_retry(call, &final);
	} while (next != NEXT_END);
	return (final);
}

struct span
call_body(const struct call *call)
{
	return (buf_span(&call->body));
}

bool
call_header(const struct call *call, const char *name, struct span *value)
{
	return (http_header(call->http, name, value));
}

int
call_status(const struct call *call)
{
	return (call->reply.status);
}

const char *
call_reason(const struct call *call)
{
	return (call->reply.reason);
}

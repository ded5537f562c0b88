/*
 * One signed attempt: see object.h.
 *
 * An answer is believed only as far as it can be checked: a length or chunks,
 * a range that is the one asked for, and all of the bytes that it promised.
 * What another status means is for s3/verdict to say.
 */
#include "s3/object.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "s3/etag.h"
#include "s3/handoff.h"
#include "s3/signed.h"

struct object {
	struct http *gets;
	struct http *heads; /* for those that a GET follows; NULL: none yet */
	struct http *http;  /* the one of them that is used */
	struct signed_request question;
	struct buf error_body;

	/* The attempt under way, or the last. */
	const struct object_request *request;
	const struct object_handler *handler;
	struct reply answer;
	bool length_known; /* how many bytes are to come */
	uint64_t length;   /* then: how many */
	bool is_foreign;   /* the body of an error is none of S3's */
	enum verdict end;  /* why we stopped the exchange, if we did */
};

struct object *
object_new(void)
{
	struct object *object = mem_zero(1, sizeof(*object));

	object->gets = object->http = http_new();
	signed_init(&object->question);
	buf_init_secret(&object->error_body, S3_ERROR_BODY_MAX);
	return (object);
}

void
object_free(struct object *object)
{
	if (object == NULL)
		return;
	http_free(object->gets);
	http_free(object->heads);
	signed_fini(&object->question);
	buf_fini(&object->error_body);
	free(object);
}

static void
take_metadata(void *context, struct span name, struct span value)
{
	metadata_take(context, name, value);
}

/* The tag of an encrypted object (SSE-KMS, SSE-C) is no MD5 of its bytes. */
static bool
has_md5(const struct reply *answer, const struct http *http)
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
	struct reply *answer = &object->answer;
	struct span value;
	uint64_t first, last;

	if (!http_header(http, "Content-Range", &value) ||
	    !range_parse_content(
		value, &answer->first, &answer->last, &answer->metadata.size)) {
		reply_say(
		    &object->answer, "a 206 without a usable Content-Range");
		return (false);
	}
	if (range_fit(&object->request->range, answer->metadata.size, &first,
		&last) != RANGE_FIT_PART ||
	    first != answer->first || last != answer->last) {
		reply_say(&object->answer, "a 206 of another range: %llu-%llu",
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

/* One header of an answer that another might pass on. */
static void
check_header(void *context, struct span name, struct span value)
{
	struct reply *answer = context;

	if (!answer->may_hand_off ||
	    handoff_may_pass(&answer->metadata, name, value))
		return;
	answer->may_hand_off = false;
	log_debug("not handed off, since nginx would pass on S3's header %.*s",
	    SPAN_ARG(name));
}

/* Looked at only where it counts: that small objects are not handed off costs
 * them nothing. */
static void
check_handoff(struct object *object, const struct http *http)
{
	uint64_t least = object->request->site->handoff;

	object->answer.may_hand_off =
	    least > 0 && object->length_known && object->length > least;
	if (object->answer.may_hand_off)
		http_each_header(http, check_header, &object->answer);
}

/* A 200 or 206: what is it, and does it make sense? */
static bool
check_answer(struct object *object, const struct http *http)
{
	struct reply *answer = &object->answer;
	int64_t length = http_content_length(http);

	http_each_header(http, take_metadata, &answer->metadata);
	answer->etag_is_md5 = has_md5(answer, http);
	if (!http_is_framed(http)) {
		reply_say(&object->answer,
		    "a %d with neither Content-Length nor chunked framing",
		    answer->status);
		return (false);
	}
	if (answer->status == 200) {
		take_whole(object, http);
		check_handoff(object, http);
		return (true);
	}
	if (!check_part(object, http))
		return (false);
	if (length >= 0 && (uint64_t)length != object->length) {
		reply_say(&object->answer,
		    "a 206 of %lld bytes where Content-Range says %llu",
		    (long long)length, (unsigned long long)object->length);
		return (false);
	}
	check_handoff(object, http);
	return (true);
}

static bool
on_head(void *context, const struct http *http)
{
	struct object *object = context;
	struct reply *answer = &object->answer;

	answer->status = http_status(http);
	if (answer->status != 200 && answer->status != 206)
		return (true); /* the body will say why */
	if (!check_answer(object, http)) {
		object->end = VERDICT_UNUSABLE;
		return (false);
	}
	if (!object->handler->begin(object->handler->context, answer)) {
		object->end = VERDICT_STOPPED;
		return (false);
	}
	return (true);
}

static bool
on_body(void *context, struct span bytes)
{
	struct object *object = context;
	struct reply *answer = &object->answer;

	if (answer->status != 200 && answer->status != 206) {
		object->is_foreign = !buf_add_span(&object->error_body, bytes);
		return (!object->is_foreign);
	}
	if (object->length_known &&
	    bytes.len > object->length - answer->received) {
		reply_say(&object->answer,
		    "more than the %llu bytes that were said",
		    (unsigned long long)object->length);
		object->end = VERDICT_FAILED;
		return (false);
	}
	answer->received += bytes.len;
	if (!object->handler->body(object->handler->context, bytes)) {
		object->end = VERDICT_STOPPED;
		return (false);
	}
	return (true);
}

static enum verdict
read_refusal(struct object *object)
{
	const struct object_request *request = object->request;
	const struct reply_question question = {
		.credentials = request->credentials,
		.region = request->region,
		.now = request->now,
		.head_only = request->head_only,
	};

	return (reply_read_refusal(&object->answer, object->http, &question,
	    buf_span(&object->error_body), object->is_foreign));
}

static enum verdict
read_end(struct object *object)
{
	struct reply *answer = &object->answer;

	reply_read_notes(answer, object->http, object->request->now);
	if (object->length_known && !object->request->head_only &&
	    answer->received != object->length) {
		reply_say(&object->answer, "%llu of %llu bytes",
		    (unsigned long long)answer->received,
		    (unsigned long long)object->length);
		return (VERDICT_FAILED);
	}
	return (VERDICT_OK);
}

static enum verdict
conclude(struct object *object, enum http_result result)
{
	struct reply *answer = &object->answer;

	if (result == HTTP_OK || (result == HTTP_STOPPED && object->is_foreign))
		return (answer->status == 200 || answer->status == 206
			? read_end(object)
			: read_refusal(object));
	if (result == HTTP_STOPPED) {
		reply_read_notes(answer, object->http, object->request->now);
		return (object->end);
	}
	return (reply_read_failure(
	    answer, object->http, object->request->now, result));
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

static struct http *
choose_http(struct object *object)
{
	if (!object->request->head_only || !object->request->get_follows)
		return (object->gets);
	if (object->heads == NULL)
		object->heads = http_new();
	return (object->heads);
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
		.keeps_head = request->get_follows,
		.ca_file = site->ca_file,
		.connect_timeout_ms = site->connect_timeout_ms,
		.first_byte_timeout_ms = find_first_byte_timeout(request),
		.stall_timeout_ms = site->stall_timeout_ms,
		.deadline_ms = request->deadline_ms,
		.peer_fd = request->peer_fd,
	};
	struct http_handler handler = { on_head, on_body, object };

	object->http = choose_http(object);
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
		reply_say(&object->answer, "no request can be made: %s", wrong);
	return (wrong == NULL);
}

static void
reset(struct object *object, const struct object_request *request,
    const struct object_handler *handler)
{
	object->request = request;
	object->handler = handler;
	reply_init(&object->answer);
	object->length_known = object->is_foreign = false;
	object->length = 0;
	object->end = VERDICT_OK;
}

void
object_extend(struct object *object, int64_t deadline_ms)
{
	http_extend(object->http, deadline_ms);
}

enum verdict
object_get(struct object *object, struct sigv4_signer *signer,
    const struct object_request *request, const struct object_handler *handler,
    const struct reply **answer)
{
	enum http_result result;
	enum verdict end;

	reset(object, request, handler);
	*answer = &object->answer;
	if (!write_question(object, signer)) {
		signed_forget(&object->question);
		return (VERDICT_REFUSED);
	}
	result = perform(object);
	/* Before the answer is looked at: an idle worker holds no token. */
	signed_forget(&object->question);
	end = conclude(object, result);
	buf_clear(&object->error_body); /* it may repeat what was sent */
	return (end);
}

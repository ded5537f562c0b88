/*
 * Taking the object from S3: see receive.h.
 *
 * A small object is read whole and checked before a byte of it is answered,
 * so that whatever fails can still be a 500 or 503.  Only a large object's
 * answer can fail half way, and then it is made to fail visibly.
 */
#include "respond/receive.h"

#include "base/log.h"
#include "respond/handoff.h"
#include "s3/etag.h"

/* So much of a large object is waited for before its answer begins: what breaks
 * off until then is fetched anew.  A record's worth goes out at once anyway. */
enum { STREAM_FROM = 65536 };

/* From here on bytes go straight through to the client. */
static enum fetch_wish
begin_stream(struct serving *s)
{
	int meant = s->answer.status;
	struct buf head;
	bool ok;

	s->answer.length_unknown = !s->length_known;
	buf_init(&head, ANSWER_HEAD_MAX);
	serving_make_head(s, &head);
	s->is_streaming = s->answer.status == meant;
	if (s->is_streaming)
		fetch_pass_on(s->parts->fetch);
	ok =
	    s->is_streaming && s->sink->head(s->sink->context, buf_span(&head));
	if (ok)
		s->sink->stream(s->sink->context);
	buf_fini(&head);
	serving_pass(s);
	return (ok ? FETCH_GO_ON : FETCH_ENOUGH);
}

static bool
is_small(const struct serving *s, uint64_t len)
{
	return (len <= s->parts->cache_settings->max_object);
}

/* fetch_sink: what has been found, before its bytes. */
static enum fetch_wish
begin(void *context, const struct fetch_head *head)
{
	struct serving *s = context;
	uint64_t coming = head->metadata->size;

	metadata_fini(&s->metadata);
	metadata_copy(&s->metadata, head->metadata);
	buf_clear(&s->collected);
	s->collect_max = s->parts->cache_settings->max_object;
	s->etag_is_md5 = head->etag_is_md5;
	s->length_known = head->size_known;
	s->is_part = head->fit == RANGE_FIT_PART;
	s->answer.cache.fwd_status = s->is_part ? 206 : 200;
	if (handoff_take(s, head))
		return (FETCH_ENOUGH);
	serving_decide(s);
	if (s->method == POLICY_HEAD) {
		s->answer.length_unknown = !s->length_known;
		return (FETCH_ENOUGH);
	}
	/* If-Range does not hold: the whole is what is wanted. */
	if (head->fit != RANGE_FIT_WHOLE && s->answer.status == 200) {
		s->range.kind = RANGE_WHOLE;
		return (FETCH_WHOLE);
	}
	/* 304 and 412 need no length, and a chunked body may be a large one. */
	if (head->fit == RANGE_FIT_NONE ||
	    (!s->length_known && s->answer.status != 200))
		return (FETCH_ENOUGH);
	if (s->is_part)
		coming = head->last - head->first + 1;
	/* A small object is read to its end even where the answer needs no
	 * body: the connection is kept, and it can be stored. */
	if (!s->length_known || is_small(s, coming)) {
		if (s->length_known && !buf_reserve(&s->collected, coming))
			return (FETCH_ENOUGH);
		return (FETCH_GO_ON);
	}
	/* A part of a large object that S3 sent whole is answered whole. */
	if (s->answer.status == 206 && !s->is_part)
		s->answer.status = 200;
	if (s->answer.status != 200 && s->answer.status != 206)
		return (FETCH_ENOUGH);
	if (s->collect_max > STREAM_FROM)
		s->collect_max = STREAM_FROM;
	return (FETCH_GO_ON);
}

/* fetch_sink: bytes of the object. */
static bool
take(void *context, struct span bytes)
{
	struct serving *s = context;

	if (!s->is_streaming) {
		if (s->collected.len + bytes.len <= s->collect_max &&
		    buf_add_span(&s->collected, bytes))
			return (true);
		/* A large one, or its length was not said and is large. */
		if (begin_stream(s) != FETCH_GO_ON ||
		    !s->sink->body(s->sink->context, buf_span(&s->collected)))
			return (false);
		buf_fini(&s->collected);
	}
	return (s->sink->body(s->sink->context, bytes));
}

/* The one line that tells why a request failed, at the place that knows it
 * all. */
static void
log_failure(const struct serving *s, enum fetch_result result)
{
	const struct fetch_report *report = &s->report;
	const char *code = report->error.code;
	const char *id = report->error.request_id;
	void (*tell)(const char *, ...) ATTR_PRINTF(1, 2) =
	    result == FETCH_REFUSED ? log_error : log_warning;

	if (report->is_told)
		tell = log_debug;

	tell("site %s: key \"%s\" of bucket %s: %s after %u attempt%s: "
	     "status %d%s%s%s%s%s%s%s%s%s",
	    s->site->name, buf_string(&s->key), s->site->bucket,
	    result == FETCH_REFUSED ? "S3 refuses" : "S3 is unavailable",
	    report->attempts, report->attempts == 1 ? "" : "s", report->status,
	    code[0] != '\0' ? ", code " : "", code,
	    report->error.message[0] != '\0' ? " (" : "", report->error.message,
	    report->error.message[0] != '\0' ? ")" : "",
	    id[0] != '\0' ? ", request id " : "", id,
	    report->reason[0] != '\0' ? ": " : "", report->reason);
}

/* What was collected is all of what was to come; is it what S3 meant? */
static bool
is_intact(const struct serving *s)
{
	if (s->is_part || !s->etag_is_md5 || !s->site->check_etag)
		return (true);
	if (etag_matches(
		s->metadata.field[METADATA_ETAG], buf_span(&s->collected)))
		return (true);
	log_warning(
	    "site %s: key \"%s\": the MD5 of the %zu bytes that came "
	    "is not the ETag; check_etag = off if this store's tags are "
	    "no MD5s",
	    s->site->name, buf_string(&s->key), s->collected.len);
	return (false);
}

static enum fetch_result
try_fetch(struct serving *s)
{
	const struct fetch_request wanted = {
		.site = s->site,
		.key = buf_span(&s->key),
		.range = s->range,
		.head_only = s->method == POLICY_HEAD,
		.answer_deadline_ms = s->answer_deadline_ms,
		.deadline_ms = s->deadline_ms,
		.peer_fd = s->request->peer_fd,
	};
	const struct fetch_sink sink = { begin, take, s };

	return (fetch_object(s->parts->fetch, &wanted, &sink, &s->report));
}

/* A stream is over: end the answer, or make it fail, unless so little came
 * that there is still time for another. */
static enum step
finish_stream(struct serving *s, enum fetch_result result)
{
	const struct request_sink *sink = s->sink;

	if (result == FETCH_OK) {
		sink->end(sink->context, SPAN(""));
		return (STEP_DONE);
	}
	if (result != FETCH_CUT && result != FETCH_PEER_GONE) {
		log_failure(s, result);
		if (sink->restart(sink->context))
			return (serving_refuse(s, 503));
	}
	sink->fail(sink->context);
	return (STEP_DONE);
}

/* A small object, or its part, is here whole. */
static enum step
accept_collected(struct serving *s)
{
	if (!s->length_known) {
		s->length_known = true;
		s->metadata.size = s->collected.len;
		serving_decide(s);
	}
	s->body = buf_span(&s->collected);
	s->is_whole = !s->is_part;
	return (STEP_ANSWER);
}

enum step
receive_object(struct serving *s)
{
	enum fetch_result result;

	/* Whoever it waited for, it fetches by itself now. */
	s->answer.cache.is_collapsed = false;
	result = try_fetch(s);

	/* A damaged body is fetched once more, a twice damaged one never
	 * answered. */
	if (result == FETCH_OK && !s->is_streaming && !is_intact(s)) {
		result = try_fetch(s);
		if (result == FETCH_OK && !s->is_streaming && !is_intact(s))
			result = FETCH_UNAVAILABLE;
	}
	if (s->answer.cache.how != ANSWER_CACHE_NONE && s->report.status != 0)
		s->answer.cache.fwd_status = s->report.status;
	if (s->is_streaming)
		return (finish_stream(s, result));
	switch (result) {
	case FETCH_OK:
		return (accept_collected(s));
	case FETCH_CUT:
		return (STEP_ANSWER);
	case FETCH_PEER_GONE:
		/* Or the head of a chunked object did not fit. */
		if (s->answer.status == 500)
			return (STEP_ANSWER);
		s->answer.status = SERVING_CLIENT_GONE;
		return (STEP_DONE);
	case FETCH_MISSING:
		s->is_missing = true;
		serving_refuse(s, 404);
		s->answer.may_keep = true;
		return (STEP_ANSWER);
	case FETCH_REFUSED:
		log_failure(s, result);
		return (serving_refuse(s, 500));
	case FETCH_UNAVAILABLE:
		log_failure(s, result);
		return (serving_refuse(s, 503));
	}
	return (serving_refuse(s, 500));
}

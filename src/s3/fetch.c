/*
 * Attempts until there is an answer: see fetch.h.
 *
 * One loop of ask, then settle.  What to ask follows from what is known so
 * far (struct run): the object, or what is left of it; its size, where S3
 * says that the range cannot be satisfied (AWS names the size in the error,
 * RGW does not, and the answer needs the ETag as well); or the reason, where
 * a HEAD was refused, since that stands in a body.  What S3 teaches (region,
 * clock) is asked with at once (s3/signing.h), and so are other credentials
 * where it refused those that were signed with: the keeper is waited for, and
 * there is no second time with the same.  All else is tried again after a
 * pause.
 *
 * A body that breaks off goes on where it ended (s3/delivery.h).
 */
#include "s3/fetch.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/peer.h"
#include "s3/backoff.h"
#include "s3/delivery.h"
#include "s3/object.h"
#include "s3/signing.h"

enum {
	/* The first attempt gets this long, even if waiting for something else
	 * has used up the time for an answer. */
	ATTEMPT_LEAST_MS = 1000,
	/* More breaks than this in one object are no accident. */
	RESUMES_MAX = 100,
};

struct fetch {
	const struct site *sites;
	size_t n_sites;
	struct signing *signing;
	struct object *object;
	bool is_passed_on;   /* see fetch_pass_on; of the call under way */
	int64_t deadline_ms; /* the same */
};

/* One call of fetch_object. */
struct run {
	struct fetch *fetch;
	const struct fetch_request *request;
	const struct fetch_sink *sink;
	struct fetch_report *report;
	struct signing_turn turn;
	int64_t answer_deadline_ms;

	/* What is asked. */
	struct range wanted;
	bool ask_size;   /* by a HEAD, after a 416 */
	bool ask_reason; /* by a GET of one byte, after a refused HEAD */

	struct delivery delivery; /* it has begun: so begin was called */

	/* The attempt under way. */
	uint64_t delivered_before;
	enum fetch_wish wish;
	bool client_gone;
	bool is_other;  /* not the object that has begun */
	bool is_unsure; /* S3 contradicts itself on the range */

	/* So far. */
	bool was_unsure;
	bool is_anew; /* what had begun was given up: bytes are no progress */
	unsigned failures; /* in a row, without a byte */
	unsigned resumes;
};

/* What comes of an attempt. */
enum next {
	NEXT_END,   /* the result is there */
	NEXT_AGAIN, /* ask again, now */
	NEXT_RETRY, /* ask again after a pause */
};

struct fetch *
fetch_new(const struct site *sites, size_t n_sites, struct keyring *keyring,
    struct learnt *learnt)
{
	struct fetch *fetch = mem_zero(1, sizeof(*fetch));

	fetch->sites = sites;
	fetch->n_sites = n_sites;
	fetch->signing = signing_new(sites, n_sites, keyring, learnt);
	fetch->object = object_new();
	return (fetch);
}

void
fetch_free(struct fetch *fetch)
{
	if (fetch == NULL)
		return;
	signing_free(fetch->signing);
	object_free(fetch->object);
	free(fetch);
}

void
fetch_pass_on(struct fetch *fetch)
{
	fetch->is_passed_on = true;
	object_extend(fetch->object, fetch->deadline_ms);
}

static void
set_reason(struct run *run, const char *reason)
{
	snprintf(
	    run->report->reason, sizeof(run->report->reason), "%s", reason);
}

/* Is a HEAD, or one byte, being asked for what it says? */
static bool
is_probe(const struct run *run)
{
	return (run->ask_size || run->ask_reason);
}

/* Fill *HEAD for ANSWER, but its metadata; false where S3 contradicts itself:
 * the range that it cannot satisfy lies within the size that it tells. */
static bool
lay_range(
    const struct run *run, const struct reply *answer, struct fetch_head *head)
{
	*head = (struct fetch_head){
		.etag_is_md5 = answer->etag_is_md5,
		.may_hand_off = answer->may_hand_off,
		.size_known = answer->size_known,
		.fit = RANGE_FIT_WHOLE,
	};
	if (!is_probe(run) && !run->request->head_only) {
		if (answer->is_partial)
			head->fit = RANGE_FIT_PART;
		head->first = answer->first;
		head->last = answer->last;
		return (true);
	}
	/* The answer tells of the object, not of the range. */
	if (answer->size_known)
		head->fit = range_fit(&run->wanted, answer->metadata.size,
		    &head->first, &head->last);
	return (run->request->head_only || head->fit == RANGE_FIT_NONE ||
	    (answer->size_known && answer->metadata.size == 0));
}

/* Expect the bytes that are to come after HEAD, of ANSWER. */
static void
expect_bytes(
    struct run *run, const struct reply *answer, const struct fetch_head *head)
{
	const struct metadata *metadata = &answer->metadata;
	struct delivery *delivery = &run->delivery;

	if (is_probe(run) || run->request->head_only)
		delivery_begin(delivery, metadata, true, 0, 0);
	else if (head->fit == RANGE_FIT_PART)
		delivery_begin(delivery, metadata, true, head->first,
		    head->last - head->first + 1);
	else
		delivery_begin(
		    delivery, metadata, answer->size_known, 0, metadata->size);
}

/* The first answer that is one. */
static bool
begin_body(struct run *run, const struct reply *answer)
{
	struct fetch_head head;

	if (!lay_range(run, answer, &head)) {
		run->is_unsure = true;
		/* A 200 to the question for one byte is not read. */
		return (answer->is_partial || !run->ask_reason);
	}
	expect_bytes(run, answer, &head);
	head.metadata = &run->delivery.metadata;
	run->wish = run->sink->begin(run->sink->context, &head);
	assert(run->wish != FETCH_WHOLE || head.fit != RANGE_FIT_WHOLE);
	return (run->wish == FETCH_GO_ON &&
	    (answer->is_partial || !run->ask_reason));
}

static bool
on_begin(void *context, const struct reply *answer)
{
	struct run *run = context;

	if (run->delivery.has_begun) {
		run->is_other = !delivery_continue(&run->delivery, answer);
		return (!run->is_other);
	}
	return (begin_body(run, answer));
}

static bool
on_body(void *context, struct span bytes)
{
	struct run *run = context;
	bool is_enough;

	if (is_probe(run))
		return (true);
	bytes = delivery_take(&run->delivery, bytes, &is_enough);
	if (bytes.len > 0 && !run->sink->body(run->sink->context, bytes)) {
		run->client_gone = true;
		return (false);
	}
	return (!is_enough);
}

/* Fill what is asked for in REQUEST. */
static void
choose_question(const struct run *run, struct object_request *request)
{
	request->head_only = run->request->head_only || run->ask_size;
	request->get_follows = run->request->get_follows;
	if (run->ask_reason) {
		request->head_only = false;
		request->range = (struct range){ .kind = RANGE_FROM_TO };
	} else if (run->delivery.has_begun) {
		delivery_rest(
		    &run->delivery, &request->range, &request->if_match);
	} else if (!request->head_only) {
		request->range = run->wanted;
	}
}

static void
write_report(struct run *run, enum verdict result, const struct reply *answer)
{
	struct fetch_report *report = run->report;
	size_t len = strlen(report->reason);

	report->attempts++;
	if (result == VERDICT_DEADLINE && len > 0) {
		/* What the one before it failed of is why time ran out. */
		snprintf(report->reason + len, sizeof(report->reason) - len,
		    "; then %s", answer->reason);
	} else {
		report->status = answer->status;
		report->error = answer->error;
		set_reason(run, answer->reason);
	}
	if (result != VERDICT_OK && result != VERDICT_STOPPED)
		log_debug("site %s: attempt %u for \"%.*s\" %s: status %d, "
			  "code \"%s\", request id \"%s\": %s",
		    run->request->site->name, report->attempts,
		    SPAN_ARG(run->request->key), verdict_name(result),
		    answer->status, answer->error.code,
		    answer->error.request_id, answer->reason);
}

/* Until when the answer must begin or, once it has, be whole. */
static int64_t
find_deadline(const struct run *run)
{
	return (run->fetch->is_passed_on ? run->request->deadline_ms
					 : run->answer_deadline_ms);
}

/* One attempt, signed by what REQUEST has been given for that. */
static enum verdict
ask(struct run *run, struct object_request *request,
    const struct reply **answer)
{
	struct object_handler handler = { on_begin, on_body, run };
	enum verdict result;

	request->site = run->request->site;
	request->key = run->request->key;
	request->answer_deadline_ms = request->deadline_ms = find_deadline(run);
	request->peer_fd = run->request->peer_fd;
	choose_question(run, request);
	run->delivered_before = run->delivery.delivered;
	run->wish = FETCH_GO_ON;
	run->is_unsure = run->is_other = false;
	result = object_get(run->fetch->object, signing_signer(&run->turn),
	    request, &handler, answer);
	write_report(run, result, *answer);
	return (result);
}

/* The object that has begun cannot go on: the end, unless nothing of it has
 * been passed on; then all of it is asked for again. */
static enum next
lose_thread(struct run *run, enum fetch_result *final)
{
	if (run->fetch->is_passed_on) {
		*final = FETCH_UNAVAILABLE;
		return (NEXT_END);
	}
	delivery_fini(&run->delivery);
	run->is_anew = true;
	return (NEXT_RETRY);
}

/* The end: RESULT, but that what has begun cannot end as if it had not. */
static enum next
end(struct run *run, enum fetch_result result, enum fetch_result *final)
{
	*final = result;
	if (run->fetch->is_passed_on &&
	    (result == FETCH_MISSING || result == FETCH_REFUSED))
		*final = FETCH_UNAVAILABLE;
	return (NEXT_END);
}

static enum next
end_peer_gone(struct run *run, enum fetch_result *final)
{
	set_reason(run, "the client went away");
	return (end(run, FETCH_PEER_GONE, final));
}

/* S3 refused the credentials with CODE, or (NULL) there are none: wait for
 * others. */
static enum next
renew_keys(struct run *run, const char *code, enum fetch_result *final)
{
	switch (signing_renew(
	    &run->turn, run->request->peer_fd, find_deadline(run))) {
	case KEYRING_RENEWED:
		return (NEXT_AGAIN);
	case KEYRING_PEER_GONE:
		return (end_peer_gone(run, final));
	case KEYRING_SAME:
		break;
	}
	run->report->is_told =
	    signing_was_told(&run->turn, code != NULL ? code : "");
	if (code == NULL)
		set_reason(run,
		    "there are no credentials yet: see the keeper's lines in "
		    "the log");
	else
		snprintf(run->report->reason, sizeof(run->report->reason),
		    "S3 refused the credentials (%s) and the keeper has no "
		    "others: see its lines in the log",
		    code[0] != '\0' ? code : "without a code");
	return (end(run,
	    code == NULL || run->turn.is_temporary ? FETCH_UNAVAILABLE
						   : FETCH_REFUSED,
	    final));
}

static enum next
end_denied(struct run *run, enum fetch_result *final)
{
	return (end(run,
	    run->request->site->missing_on_403 ? FETCH_MISSING : FETCH_REFUSED,
	    final));
}

/* Forget what has begun and ask for all of it. */
static enum next
start_over(struct run *run)
{
	delivery_fini(&run->delivery);
	run->ask_size = false;
	run->wanted = (struct range){ .kind = RANGE_WHOLE };
	return (NEXT_AGAIN);
}

/* S3 refuses a range and tells a size that holds it: the object may just have
 * been replaced, so once more; then without the range, which is allowed as an
 * answer to any range. */
static enum next
settle_unsure(struct run *run)
{
	run->ask_size = false;
	if (run->was_unsure)
		return (start_over(run));
	run->was_unsure = true;
	return (NEXT_AGAIN);
}

static enum next
settle_bad_range(struct run *run, enum fetch_result *final)
{
	if (run->delivery.has_begun) {
		set_reason(run, "the object has become shorter");
		return (lose_thread(run, final));
	}
	/* 416 where no range was asked for is no answer. */
	if (run->request->head_only || run->ask_size ||
	    run->wanted.kind == RANGE_WHOLE)
		return (NEXT_RETRY);
	run->ask_size = true;
	return (NEXT_AGAIN);
}

/* What S3 says to the question for one byte where a HEAD was refused.  403
 * without a code is AccessDenied to that HEAD's asker. */
static bool
is_denied(const struct reply *answer, bool was_reason, enum verdict got)
{
	return (got == VERDICT_DENIED ||
	    (was_reason && got == VERDICT_REFUSED && answer->status == 403 &&
		answer->error.code[0] == '\0'));
}

/* Where an attempt ended by what S3, or the network, said. */
static enum next
settle_refusal(struct run *run, enum verdict got, bool was_reason,
    const struct reply *answer, enum fetch_result *final)
{
	/* Where a token is over that may be all that S3 says. */
	if (is_denied(answer, was_reason, got))
		return (signing_is_over(&run->turn)
			? renew_keys(run, answer->error.code, final)
			: end_denied(run, final));
	switch (got) {
	case VERDICT_KEYS_REFUSED:
		return (renew_keys(run, answer->error.code, final));
	case VERDICT_PEER_GONE:
		return (end(run, FETCH_PEER_GONE, final));
	case VERDICT_DEADLINE:
		return (end(run, FETCH_UNAVAILABLE, final));
	case VERDICT_MISSING:
		return (end(run, FETCH_MISSING, final));
	case VERDICT_REFUSED:
		return (end(run, FETCH_REFUSED, final));
	case VERDICT_UNSAID:
		run->ask_reason = true;
		return (NEXT_AGAIN);
	case VERDICT_BAD_RANGE:
		return (settle_bad_range(run, final));
	case VERDICT_SKEWED:
		return (signing_learn_clock(&run->turn, answer)
			? NEXT_AGAIN
			: end(run, FETCH_REFUSED, final));
	case VERDICT_ELSEWHERE:
		return (signing_learn_region(&run->turn, answer)
			? NEXT_AGAIN
			: end(run, FETCH_REFUSED, final));
	case VERDICT_CHANGED:
		return (run->delivery.has_begun ? lose_thread(run, final)
						: NEXT_RETRY);
	default:
		return (NEXT_RETRY);
	}
}

/* What comes after an attempt that ended in GOT. */
static enum next
settle(struct run *run, enum verdict got, const struct reply *answer,
    enum fetch_result *final)
{
	bool was_reason = run->ask_reason;

	run->ask_reason = false;
	if (run->client_gone)
		return (end_peer_gone(run, final));
	if (run->wish == FETCH_WHOLE)
		return (start_over(run));
	if (run->wish == FETCH_ENOUGH)
		return (end(run, FETCH_CUT, final));
	if (run->is_other) {
		set_reason(run,
		    "another object has taken the place of the one "
		    "that had begun");
		return (lose_thread(run, final));
	}
	if (delivery_is_complete(&run->delivery, got == VERDICT_OK))
		return (end(run, FETCH_OK, final));
	if (run->delivery.has_begun && got == VERDICT_OK) {
		set_reason(run, "the object ends before what it has given");
		return (lose_thread(run, final));
	}
	if (run->is_unsure)
		return (settle_unsure(run));
	return (settle_refusal(run, got, was_reason, answer, final));
}

/* How long to pause before the next attempt. */
static int64_t
choose_pause(struct run *run, const struct reply *answer)
{
	if (!run->is_anew && run->delivery.delivered > run->delivered_before)
		run->failures = 0;
	return (backoff_pause(run->failures++, answer->retry_after_ms));
}

/* Pause if another attempt makes sense; else the result is there. */
static enum next
pause_before_retry(
    struct run *run, const struct reply *answer, enum fetch_result *final)
{
	int64_t until = find_deadline(run);
	int64_t pause = choose_pause(run, answer);

	if (run->delivery.has_begun &&
	    (!delivery_can_resume(&run->delivery) ||
		run->resumes >= RESUMES_MAX) &&
	    lose_thread(run, final) == NEXT_END)
		return (NEXT_END);
	if (clock_monotonic_ms() + pause >= until)
		return (end(run, FETCH_UNAVAILABLE, final));
	if (run->delivery.has_begun)
		run->resumes++;
	if (peer_wait(run->request->peer_fd, pause))
		return (end_peer_gone(run, final));
	return (NEXT_AGAIN);
}

static enum fetch_result
loop(struct run *run)
{
	const struct reply *answer;
	enum fetch_result final = FETCH_UNAVAILABLE;
	enum verdict got;
	enum next next;

	do {
		struct object_request request = { .site = run->request->site };
		struct signing_means means;

		if (!signing_prepare(&run->turn, &means)) {
			next = renew_keys(run, NULL, &final);
			continue;
		}
		request.credentials = means.credentials;
		request.region = means.region;
		request.now = means.now;
		got = ask(run, &request, &answer);
		next = settle(run, got, answer, &final);
		if (next == NEXT_RETRY)
			next = pause_before_retry(run, answer, &final);
	} while (next != NEXT_END);
	return (final);
}

bool
fetch_hand_off(struct fetch *fetch, const struct site *site, struct span key,
    struct handoff *handoff)
{
	struct signing_means means;
	struct signing_turn turn;

	signing_begin(&turn, fetch->signing, (size_t)(site - fetch->sites));
	return (signing_prepare(&turn, &means) &&
	    handoff_write(handoff, signing_signer(&turn), site,
		means.credentials, means.region, key, means.now));
}

enum fetch_result
fetch_object(struct fetch *fetch, const struct fetch_request *request,
    const struct fetch_sink *sink, struct fetch_report *report)
{
	size_t index = (size_t)(request->site - fetch->sites);
	struct run run = {
		.fetch = fetch,
		.request = request,
		.sink = sink,
		.report = report,
		.wanted = request->range,
		/* "The last 0 bytes" fit no object, and servers differ on it:
		 * only the size is asked for. */
		.ask_size = request->range.kind == RANGE_SUFFIX &&
		    request->range.count == 0,
		.answer_deadline_ms = clock_monotonic_ms() + ATTEMPT_LEAST_MS,
	};
	enum fetch_result result;

	assert(index < fetch->n_sites);
	signing_begin(&run.turn, fetch->signing, index);
	if (run.answer_deadline_ms < request->answer_deadline_ms)
		run.answer_deadline_ms = request->answer_deadline_ms;
	if (run.answer_deadline_ms > request->deadline_ms)
		run.answer_deadline_ms = request->deadline_ms;
	fetch->is_passed_on = false;
	fetch->deadline_ms = request->deadline_ms;
	delivery_init(&run.delivery);
	*report = (struct fetch_report){ .attempts = 0 };
	s3_error_init(&report->error);
	result = loop(&run);
	delivery_fini(&run.delivery);
	if (result == FETCH_OK || result == FETCH_CUT) {
		s3_error_init(&report->error);
		report->reason[0] = '\0';
	}
	return (result);
}

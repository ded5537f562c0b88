/*
 * What to answer, of what was found: see serving.h.  No step, no I/O.
 */
#include "respond/serving.h"

#include "base/log.h"

/* When to come again after a 503, in seconds. */
enum { RETRY_AFTER_S = 5 };

enum step
serving_refuse(struct serving *s, int status)
{
	s->answer.status = status;
	s->answer.may_keep = false;
	s->answer.metadata = NULL;
	if (status == 503)
		s->answer.retry_after_s = RETRY_AFTER_S;
	return (STEP_ANSWER);
}

void
serving_decide(struct serving *s)
{
	const struct policy_conditions *conditions = s->conditions;
	const struct metadata *shown = &s->shown.metadata;
	struct answer *answer = &s->answer;

	likeness_make(&s->shown, &s->metadata, s->length_known,
	    (enum site_etag)s->site->etag);
	answer->may_keep = true;
	answer->metadata = shown;
	answer->cache_control = s->site->cache_control;
	switch (policy_evaluate(conditions, shown, s->now)) {
	case POLICY_NOT_MODIFIED:
		answer->status = 304;
		return;
	case POLICY_PRECONDITION_FAILED:
		serving_refuse(s, 412);
		return;
	case POLICY_PROCEED:
		break;
	}
	answer->status = 200;
	if (!s->length_known || !policy_range_holds(conditions, shown, s->now))
		return;
	switch (
	    range_fit(&s->range, shown->size, &answer->first, &answer->last)) {
	case RANGE_FIT_WHOLE:
		break;
	case RANGE_FIT_PART:
		answer->status = 206;
		break;
	case RANGE_FIT_NONE:
		answer->status = 416;
		answer->may_keep = false;
		break;
	}
}

void
serving_pass(struct serving *s)
{
	if (!s->has_lease)
		return;
	cache_pass(s->parts->cache, &s->cache_key);
	s->has_lease = false;
}

void
serving_make_head(struct serving *s, struct buf *head)
{
	buf_clear(head);
	if (answer_head(&s->answer, head))
		return;
	log_error("site %s: key \"%s\": its headers are over %d bytes; make "
		  "the object's metadata smaller",
	    s->site->name, buf_string(&s->key), ANSWER_HEAD_MAX);
	s->is_whole = s->answer.cache.is_stored = false; /* nor kept */
	serving_refuse(s, 500);
	buf_clear(head);
	if (!answer_head(&s->answer, head))
		log_fatal(1, "a plain 500 does not fit into %d bytes",
		    ANSWER_HEAD_MAX);
}

/*
 * Handing over: see handoff.h.
 *
 * The decision falls when S3's answer has begun, and the transfer is given up
 * for that, with its connection.  To ask with a HEAD first would cost every
 * small object a request; to ask for a first part would change what each is
 * asked with, and still carry that part of the large ones for nothing.
 */
#include "respond/handoff.h"

#include "base/log.h"
#include "s3/etag.h"

static bool
is_meant(const struct serving *s, const struct fetch_head *head)
{
	const struct metadata *metadata = head->metadata;
	struct span etag = metadata->field[METADATA_ETAG];
	uint64_t coming = metadata->size;

	if (s->request->handoff.data == NULL || s->method != POLICY_GET ||
	    !head->may_hand_off || !head->size_known ||
	    head->fit == RANGE_FIT_NONE)
		return (false);
	if (head->fit == RANGE_FIT_PART)
		coming = head->last - head->first + 1;
	return (coming > s->site->handoff &&
	    coming > s->parts->cache_settings->max_object &&
	    etag.data != NULL && etag_equal_strong(etag, etag));
}

/* Judge by what the client asked. */
static void
judge(struct serving *s)
{
	const struct request_client *client = &s->request->client;

	s->method = policy_method(client->method);
	s->conditions = &client->conditions;
	s->range = (struct range){ .kind = RANGE_WHOLE };
	if (s->method == POLICY_GET)
		s->range = range_parse(client->range);
	serving_decide(s);
	/* It depends on what only this client asked. */
	s->answer.may_keep = false;
}

/* Tell the web server what to ask S3 with.  False where it does not fit. */
static bool
tell(struct serving *s)
{
	struct answer *answer = &s->answer;
	const struct range part = {
		.kind = RANGE_FROM_TO,
		.first = answer->first,
		.last = answer->last,
	};
	struct buf head;
	bool fits;

	buf_clear(&s->part);
	if (answer->status == 206 && !range_format(&part, &s->part))
		return (false);
	s->told = (struct answer_handoff){
		.location = s->request->handoff,
		.host = buf_span(&s->handoff.host),
		.target = buf_span(&s->handoff.target),
		.etag = s->metadata.field[METADATA_ETAG],
	};
	if (answer->status == 206)
		s->told.range = buf_span(&s->part);
	answer->handoff = &s->told;
	buf_init_secret(&head, ANSWER_HEAD_MAX);
	fits = answer_head(answer, &head);
	buf_fini(&head);
	return (fits);
}

/* As if nothing had been tried. */
static void
take_back(struct serving *s, struct range range)
{
	s->method = POLICY_GET;
	s->conditions = &s->request->conditions;
	s->range = range;
	s->answer.handoff = NULL;
}

bool
handoff_take(struct serving *s, const struct fetch_head *head)
{
	const struct range range = s->range;

	if (!is_meant(s, head) ||
	    !fetch_hand_off(
		s->parts->fetch, s->site, buf_span(&s->key), &s->handoff))
		return (false);
	judge(s);
	if (s->method != POLICY_OTHER &&
	    (s->method == POLICY_HEAD ||
		(s->answer.status != 200 && s->answer.status != 206) ||
		tell(s))) {
		serving_pass(s);
		return (true);
	}
	log_debug("site %s: key \"%s\" is not handed off: %s", s->site->name,
	    buf_string(&s->key),
	    s->method == POLICY_OTHER
		? "TRYS3_CLIENT_METHOD is neither GET nor HEAD"
		: "its headers leave no room for the URL");
	take_back(s, range);
	return (false);
}

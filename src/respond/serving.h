/*
 * A request while it is served: what the steps have found so far.  For
 * request.c and receive.c alone.
 */
#ifndef RESPOND_SERVING_H
#define RESPOND_SERVING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "respond/answer.h"
#include "respond/exchange.h"
#include "respond/likeness.h"

/* nginx's number for a client that went away before its answer. */
enum { SERVING_CLIENT_GONE = 499 };

/* "bytes=FIRST-LAST", two numbers of up to 20 digits. */
enum { SERVING_PART_MAX = 48 };

enum step {
	STEP_ADMIT,
	STEP_MAP,
	STEP_LOOK,
	STEP_FETCH,
	STEP_ANSWER,
	STEP_STORE,
	STEP_DONE,
};

struct serving {
	const struct request_parts *parts;
	const struct request *request;
	const struct request_sink *sink;
	int64_t now; /* seconds, one moment for the whole request */
	int64_t answer_deadline_ms;
	int64_t deadline_ms;

	enum policy_method method;
	const struct site *site;
	struct buf key;
	struct range range;
	const struct policy_conditions *conditions;

	struct cache_key cache_key;
	bool has_lease;

	struct metadata metadata; /* of the object, ours or a view of the
	                           * cache's entry; as S3 said it */
	struct likeness shown;    /* of metadata, by serving_decide: what the
	                           * client is told of it */
	struct buf collected;     /* its bytes, when they were fetched */
	uint64_t collect_max;     /* so many, before the rest is streamed */
	struct span body;         /* its bytes, wherever they are */
	bool is_part;             /* body is only what the range asked for */
	bool is_whole;   /* body is all of the object, fit to be stored */
	bool is_missing; /* S3 said so just now */
	bool etag_is_md5;
	bool is_streaming; /* the answer has begun and bytes pass through */
	bool length_known;
	struct fetch_report report;

	struct answer answer;
	struct handoff handoff;     /* what the web server asks S3 with; then */
	struct buf part;            /* the range it asks for, and */
	struct answer_handoff told; /* what answer.handoff tells it */
};

/* What will not be stored is not to be waited for: let the lease go. */
void serving_pass(struct serving *s);

/* End with STATUS, which says nothing of an object.  Returns STEP_ANSWER. */
enum step serving_refuse(struct serving *s, int status);

/* Fill in the answer for an object that is there, of s->metadata, and what is
 * shown of it: the client's conditions, then its range (RFC 9110 13.2.2).  Done
 * again where s->metadata or s->length_known changes. */
void serving_decide(struct serving *s);

/* Make the head of s->answer in HEAD (cleared first, cap ANSWER_HEAD_MAX).
 * Where the object's headers are too many for it, s->answer becomes a 500. */
void serving_make_head(struct serving *s, struct buf *head);

#endif

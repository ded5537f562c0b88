/*
 * One signed attempt at one object: build the request from nothing, sign it,
 * send it, and say what the answer means.  Retries are fetch's.
 */
#ifndef S3_OBJECT_H
#define S3_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "s3/http.h"
#include "s3/range.h"
#include "s3/reply.h"
#include "s3/sigv4.h"
#include "s3/site.h"
#include "s3/verdict.h"

struct object_request {
	const struct site *site;
	const struct credentials *credentials;
	struct span region; /* what to sign for; may differ from the site's */
	struct span key;
	struct range range;   /* RANGE_WHOLE: no Range header */
	struct span if_match; /* a strong tag; no value: no If-Match */
	bool head_only;
	bool get_follows; /* as in struct fetch_request */
	int64_t now;      /* seconds since the epoch, as S3 sees them */
	int64_t answer_deadline_ms; /* monotonic: for the first byte, if sooner
	                             * than the site's time-out */
	int64_t deadline_ms;        /* monotonic: for the whole */
	int peer_fd;                /* as in struct http_request */
};

/* A connection to S3 and the room for an answer.  After the fork. */
struct object;
struct object *object_new(void);
void object_free(struct object *object);

struct object_handler {
	/* A 200 or 206 has begun and makes sense; false: enough. */
	bool (*begin)(void *context, const struct reply *answer);
	/* Bytes of the object's; false: enough. */
	bool (*body)(void *context, struct span bytes);
	void *context;
};

/* From within the handler: the attempt may take until DEADLINE_MS. */
void object_extend(struct object *object, int64_t deadline_ms);

/* Try REQUEST once, signed with SIGNER (the site's).  *ANSWER is set whatever
 * the result. */
enum verdict object_get(struct object *object, struct sigv4_signer *signer,
    const struct object_request *request, const struct object_handler *handler,
    const struct reply **answer) ATTR_MUST_USE;

#endif

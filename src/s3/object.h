/*
 * One signed attempt at one object: build the request from nothing, sign it,
 * send it, and say what the answer means.  Retries are fetch's.
 */
#ifndef S3_OBJECT_H
#define S3_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "s3/error.h"
#include "s3/http.h"
#include "s3/metadata.h"
#include "s3/range.h"
#include "s3/sigv4.h"
#include "s3/site.h"

struct object_request {
	const struct site *site;
	const struct credentials *credentials;
	struct span region; /* what to sign for; may differ from the site's */
	struct span key;
	struct range range;   /* RANGE_WHOLE: no Range header */
	struct span if_match; /* a strong tag; no value: no If-Match */
	bool head_only;
	int64_t now; /* seconds since the epoch, as S3 sees them */
	int64_t answer_deadline_ms; /* monotonic: for the first byte, if sooner
	                             * than the site's time-out */
	int64_t deadline_ms;        /* monotonic: for the whole */
	int peer_fd;                /* as in struct http_request */
};

/* What came back.  Lives in struct object, and the metadata's texts in the
 * connection's, until the next attempt. */
struct object_answer {
	int status;               /* 0: none came */
	struct metadata metadata; /* of a 200 or 206; views, see below */
	bool size_known; /* metadata.size is right; false of a 200 that is
	                           * chunked */
	bool is_partial; /* 206, and the next two are set */
	uint64_t first;
	uint64_t last;
	bool etag_is_md5; /* 32 digits, and no encryption that says otherwise */
	struct s3_error error;  /* of other statuses */
	int64_t server_date;    /* S3's Date, seconds; -1: none */
	int64_t retry_after_ms; /* S3's Retry-After in seconds; -1: none */
	uint64_t received;      /* bytes of body given to the handler */
	const char *reason; /* what failed, for the log; "" if nothing did */
};

enum object_result {
	OBJECT_OK,           /* 200 or 206, all of the body was delivered */
	OBJECT_STOPPED,      /* the handler had enough */
	OBJECT_PEER_GONE,    /* the client went away */
	OBJECT_DEADLINE,     /* the request's time is over */
	OBJECT_MISSING,      /* there is no such key */
	OBJECT_DENIED,       /* AccessDenied: forbidden, or missing without
	                   * ListBucket */
	OBJECT_UNSAID,       /* 4xx to a HEAD: the reason would be in a body */
	OBJECT_BAD_RANGE,    /* 416 */
	OBJECT_CHANGED,      /* 412: If-Match no longer holds */
	OBJECT_SKEWED,       /* our clock is off; server_date is right */
	OBJECT_ELSEWHERE,    /* the bucket is in error.region (may be "") */
	OBJECT_KEYS_REFUSED, /* the credentials are over, revoked or wrong:
	                      * others may do */
	OBJECT_REFUSED,  /* the bucket or the request is wrong, or no request
	                   * is possible: no retry helps */
	OBJECT_BUSY,     /* SlowDown, 429, 5xx: later */
	OBJECT_FAILED,   /* no whole answer: try again */
	OBJECT_UNUSABLE, /* an answer that makes no sense (no framing, another
	                   * range than asked for): not to be trusted, but
	                   * another try may do better */
};

/* What an answer of STATUS with ERROR means; HEAD_ONLY tells that no body was
 * to come.  Pure; 200 and 206 give OBJECT_OK. */
enum object_result
object_classify(int status, bool head_only, const struct s3_error *error);

/* "missing", "refused": for the log. */
const char *object_result_name(enum object_result result);

/* A connection to S3 and the room for an answer.  After the fork. */
struct object;
struct object *object_new(void);
void object_free(struct object *object);

struct object_handler {
	/* A 200 or 206 has begun and makes sense; false: enough. */
	bool (*begin)(void *context, const struct object_answer *answer);
	/* Bytes of the object's; false: enough. */
	bool (*body)(void *context, struct span bytes);
	void *context;
};

/* From within the handler: the attempt may take until DEADLINE_MS. */
void object_extend(struct object *object, int64_t deadline_ms);

/* Try REQUEST once, signed with SIGNER (the site's).  *ANSWER is set whatever
 * the result. */
enum object_result
object_get(struct object *object, struct sigv4_signer *signer,
    const struct object_request *request, const struct object_handler *handler,
    const struct object_answer **answer) ATTR_MUST_USE;

#endif

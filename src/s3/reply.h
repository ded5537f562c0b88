/*
 * What S3 answered to a request, besides the bytes: read from one HTTP
 * exchange (s3/http), for whoever made it.
 */
#ifndef S3_REPLY_H
#define S3_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "s3/error.h"
#include "s3/http.h"
#include "s3/metadata.h"
#include "s3/sigv4.h"
#include "s3/verdict.h"

enum { REPLY_REASON_MAX = 512 };

/* Lives with whoever asked, and the metadata's texts in the connection, until
 * the next request. */
struct reply {
	int status;               /* 0: none came */
	struct metadata metadata; /* of a 200 or 206; views, see above */
	bool size_known;          /* metadata.size is right; false of a 200 that
	                           * is chunked */
	bool is_partial;          /* 206, and the next two are set */
	uint64_t first;
	uint64_t last;
	bool etag_is_md5; /* 32 digits, and no encryption that says otherwise */
	bool may_hand_off;      /* it is larger than the site's handoff, and no
	                    * header of it needs to be kept from a client but
	                    * those that nginx keeps (s3/handoff.h) */
	struct s3_error error;  /* of other statuses */
	int64_t server_date;    /* S3's Date, seconds; -1: none */
	int64_t retry_after_ms; /* S3's Retry-After in seconds; -1: none */
	uint64_t received;      /* bytes of body given to the handler */
	const char *reason; /* what failed, for the log; "" if nothing did */
	char room[REPLY_REASON_MAX]; /* for its text */
};

/* None came, and nothing is known. */
void reply_init(struct reply *reply);

/* Set REPLY's reason, as by printf. */
void reply_say(struct reply *reply, const char *format, ...) ATTR_PRINTF(2, 3);

/* What was asked, as far as the answer must be read by it. */
struct reply_question {
	const struct credentials *credentials; /* it was signed with */
	struct span region;                    /* for which */
	int64_t now; /* seconds since the epoch, as S3 sees them */
	bool head_only;
};

/* Take what S3 says besides: its clock, its name for the request, where the
 * bucket is, when to come back. */
void
reply_read_notes(struct reply *reply, const struct http *http, int64_t now);

/* An answer of REPLY->status, which is no success, has come over HTTP with
 * BODY (IS_FOREIGN: with more than an error of S3's has): what does it mean?
 * Fills REPLY's error, notes and reason; of S3's words none that repeats a
 * secret is kept. */
enum verdict reply_read_refusal(struct reply *reply, const struct http *http,
    const struct reply_question *question, struct span body, bool is_foreign);

/* No answer has come to its end over HTTP: take its notes, say why, and what
 * RESULT, which is neither HTTP_OK nor HTTP_STOPPED, means. */
enum verdict reply_read_failure(struct reply *reply, const struct http *http,
    int64_t now, enum http_result result);

#endif

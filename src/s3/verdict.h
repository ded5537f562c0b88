/*
 * What an answer of S3's means for whoever asked.  Pure.
 *
 * Source: "Error responses" in the API reference of Amazon S3.
 */
#ifndef S3_VERDICT_H
#define S3_VERDICT_H

#include <stdbool.h>

#include "s3/error.h"

enum verdict {
	VERDICT_OK,           /* 200 or 206, all of the body was delivered */
	VERDICT_STOPPED,      /* the handler had enough */
	VERDICT_PEER_GONE,    /* the client went away */
	VERDICT_DEADLINE,     /* the request's time is over */
	VERDICT_MISSING,      /* there is no such key */
	VERDICT_DENIED,       /* AccessDenied: forbidden, or missing without
	                   * ListBucket */
	VERDICT_UNSAID,       /* 4xx to a HEAD: the reason would be in a body */
	VERDICT_BAD_RANGE,    /* 416 */
	VERDICT_CHANGED,      /* 412: If-Match no longer holds */
	VERDICT_SKEWED,       /* our clock is off; server_date is right */
	VERDICT_ELSEWHERE,    /* the bucket is in error.region (may be "") */
	VERDICT_KEYS_REFUSED, /* the credentials are over, revoked or wrong:
	                      * others may do */
	VERDICT_REFUSED,  /* the bucket or the request is wrong, or no request
	                   * is possible: no retry helps */
	VERDICT_BUSY,     /* SlowDown, 429, 5xx: later */
	VERDICT_FAILED,   /* no whole answer: try again */
	VERDICT_UNUSABLE, /* an answer that makes no sense (no framing, another
	                   * range than asked for): not to be trusted, but
	                   * another try may do better */
};

/* What an answer of STATUS with ERROR means; HEAD_ONLY tells that no body was
 * to come.  Pure; 200 and 206 give VERDICT_OK. */
enum verdict
verdict_classify(int status, bool head_only, const struct s3_error *error);

/* "missing", "refused": for the log. */
const char *verdict_name(enum verdict result);

#endif

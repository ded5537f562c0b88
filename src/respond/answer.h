/*
 * The head of an answer as CGI headers, for nginx.  Pure.
 *
 * X-Accel-Expires: 0 comes first in every answer that must not be kept, right
 * behind the status, since nginx 1.22 obeys the first of the headers that
 * speak of caching.
 */
#ifndef RESPOND_ANSWER_H
#define RESPOND_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "s3/metadata.h"

/* How the cache served it, for Cache-Status (RFC 9211). */
struct answer_cache {
	enum {
		ANSWER_CACHE_NONE, /* it never came to that: no header */
		ANSWER_CACHE_HIT,
		ANSWER_CACHE_MISS,   /* fwd=uri-miss */
		ANSWER_CACHE_BYPASS, /* fwd=bypass: there is no cache */
	} how;
	/* The rest says nothing of a hit. */
	int fwd_status;    /* S3's status; 0: not said */
	bool is_stored;    /* it is being stored */
	bool is_collapsed; /* it waited for another's fetch */
};

/* The web server asks S3 for the body, with this. */
struct answer_handoff {
	struct span location; /* of the web server's, that does it */
	struct span host;     /* S3's */
	struct span target;   /* path and query of the presigned URL */
	struct span range;    /* no value: all of the object */
	struct span etag;     /* as S3 says it, for If-Match */
};

struct answer {
	int status;    /* 200 206 304 400 404 405 412 416 500 503 */
	bool may_keep; /* false: X-Accel-Expires: 0 */
	const struct metadata *metadata; /* of 200, 206, 304, 416; else NULL */
	const char *cache_control;       /* the site's, in place of the object's
	                            * Cache-Control and Expires; NULL: those */
	bool length_unknown;    /* of 200: metadata->size is not known, so
	                            * there is no Content-Length */
	uint64_t first;         /* of 206: what is sent; first <= last */
	uint64_t last;          /* < metadata->size */
	unsigned retry_after_s; /* of 503 */
	struct answer_cache cache;
	const struct answer_handoff *handoff; /* of 200, 206; NULL: none */
};

/* Greatest length of a head, ended by its empty line. */
enum { ANSWER_HEAD_MAX = 16384 };

/* Add the head to OUT: Status, the headers, the empty line.
 *
 * With a handoff it is for nginx and no client: X-Accel-Redirect, the object's
 * length, and by names that begin with X-Trys3- what nginx asks S3 with (Host,
 * Target, Range, If-Match) and what it then says in place of S3's words (ETag,
 * Last-Modified, Content-Disposition, Cache-Control, Expires, Cache-Status).
 *
 * Content-Length is the object's of 200, the part's of 206, that of answer_text
 * for the rest but 304, which has none.  The object's headers go with 200 and
 * 206; with 304 those that RFC 9110 15.4.5 names, and Last-Modified; with 416
 * none of them.  A header that the object does not have is not made up, its
 * Content-Type neither.  A value with a control character is left out whatever
 * way it came.  False, and OUT as it was, where it is full. */
bool answer_head(const struct answer *answer, struct buf *out) ATTR_MUST_USE;

/* The body of an answer that is not an object's: one line of plain text. */
struct span answer_text(int status);

#endif

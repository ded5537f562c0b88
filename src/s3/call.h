/*
 * A question to S3 that is not for an object's bytes: to store some, to list a
 * bucket, to begin, end or give up an upload.  Asked until there is an answer,
 * as s3/fetch does, with the same credentials, region and clock.
 *
 * For the command line: the daemon has no use for it, and so cannot write.
 */
#ifndef S3_CALL_H
#define S3_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "s3/http.h"
#include "s3/keyring.h"
#include "s3/learnt.h"
#include "s3/sigv4.h"
#include "s3/site.h"

enum {
	/* An answer's greatest body: a list of 1,000 keys of 1,024 bytes, each
	 * of them encoded, has about half of it. */
	CALL_BODY_MAX = 8388608,
	CALL_HEADERS_MAX = 16,
	CALL_REASON_MAX = 512,
};

/* What is kept from one call to the next: the connection to S3, the signing
 * keys.  Of one thread. */
struct call;

/* As fetch_new. */
struct call *call_new(const struct site *sites, size_t n_sites,
    struct keyring *keyring, struct learnt *learnt) ATTR_MUST_USE;
void call_free(struct call *call);

struct call_request {
	const struct site *site; /* one of the array given to call_new */
	enum http_method method;
	struct span key;   /* "": the bucket itself */
	struct span query; /* encoded, without "?"; often empty */
	const struct sigv4_header *headers; /* besides Host and what signs; at
	                                     * most CALL_HEADERS_MAX */
	size_t n_headers;
	struct span payload_sha256; /* of the body, in hexadecimal; no value:
	                             * there is no body */
	struct span body;
	const struct http_source *source; /* in place of body; NULL: none */
	int64_t first_byte_timeout_ms;    /* 0: the site's */
	int64_t patience_ms; /* so long, from the start, attempts are begun */
};

enum call_result {
	CALL_OK,
	CALL_MISSING,     /* there is no such key, or upload */
	CALL_EXISTS,      /* 412: If-None-Match does not hold */
	CALL_UNSUPPORTED, /* 501: this server does not know how */
	CALL_STOPPED,     /* the source could not be read */
	CALL_REFUSED,     /* settings, keys, bucket or request are wrong */
	CALL_UNAVAILABLE, /* no answer in time, or only that it is busy */
};

/* Make REQUEST.  What it borrows must live until this returns. */
enum call_result
call_make(struct call *call, const struct call_request *request) ATTR_MUST_USE;

/* Of the last call, until the next: the answer's body, the first header of NAME
 * (false: none), its status (0: there was none), and why it failed ("" where it
 * did not), which holds no secret. */
struct span call_body(const struct call *call);
bool call_header(const struct call *call, const char *name, struct span *value);
int call_status(const struct call *call);
const char *call_reason(const struct call *call);

#endif

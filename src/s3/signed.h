/*
 * A GET or HEAD of one object as it is sent: built from nothing and signed.
 * Nothing that a client said is in it but the key and the range.  Pure.
 */
#ifndef S3_SIGNED_H
#define S3_SIGNED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "s3/lines.h"
#include "s3/range.h"
#include "s3/sigv4.h"
#include "s3/site.h"

struct signed_question {
	const struct site *site;
	const struct credentials *credentials;
	struct span region; /* what to sign for */
	struct span key;
	struct range range;   /* RANGE_WHOLE: no Range header */
	struct span if_match; /* no value: no If-Match header */
	bool head_only;
	int64_t now; /* seconds since the epoch, as S3 sees them */
};

struct signed_request {
	struct site_target target; /* the URL is in it */
	struct lines lines;
	struct buf range; /* room for its value */
};

void signed_init(struct signed_request *request);

void signed_fini(struct signed_request *request);

/* Once it was sent: wipe what signed it and the session token.  The target
 * stays. */
void signed_forget(struct signed_request *request);

/* Write and sign what asks QUESTION, in place of what was there; SIGNER is the
 * site's.  NULL, or static text that says what is wrong: a region that is none,
 * a value that is unfit for a header, a length over its limit. */
const char *
signed_write(struct signed_request *request, struct sigv4_signer *signer,
    const struct signed_question *question) ATTR_MUST_USE;

#endif

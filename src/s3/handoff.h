/*
 * A transfer that is handed to another, who asks S3 for it: a presigned URL,
 * and whether what S3 will answer him may be passed on as it comes.  Pure.
 */
#ifndef S3_HANDOFF_H
#define S3_HANDOFF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "s3/metadata.h"
#include "s3/sigv4.h"
#include "s3/site.h"

/* How long the URL is good for, in seconds.  A transfer must begin within it,
 * it need not end. */
enum { HANDOFF_SECONDS = 60 };

/* The URL, without its scheme. */
struct handoff {
	struct buf host;   /* as in the Host header */
	struct buf target; /* path and query; a secret for HANDOFF_SECONDS */
};

void handoff_init(struct handoff *handoff);

/* Wipes. */
void handoff_fini(struct handoff *handoff);

/* Fill *HANDOFF (cleared first) for a GET of KEY of SITE, signed with SIGNER
 * (the site's) and CREDENTIALS for REGION at NOW.  False where that cannot be:
 * the region is none, or the URL is too long. */
bool handoff_write(struct handoff *handoff, struct sigv4_signer *signer,
    const struct site *site, const struct credentials *credentials,
    struct span region, struct span key, int64_t now) ATTR_MUST_USE;

/*
 * May NAME: VALUE, a header of S3's, be there where another passes on what S3
 * answers?  It may if METADATA, taken from the same answer, shows it just so,
 * or if it is one of those that nginx/handoff-location.conf takes out or nginx
 * makes itself.  All else may not: metadata of a user's own choice among it,
 * which nginx cannot take out without knowing its name.
 */
bool handoff_may_pass(
    const struct metadata *metadata, struct span name, struct span value);

/* The I-th header that nginx must take out, besides those of metadata.h; NULL
 * behind the last. */
const char *handoff_hidden(size_t i);

#endif

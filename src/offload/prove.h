/*
 * The proof that a reader can get a file back: with the site's credentials, by
 * the very function with which the daemon fetches (s3/fetch), the object is
 * looked at and then, unless that is not wanted, read whole and held against
 * the file's bytes.
 */
#ifndef OFFLOAD_PROVE_H
#define OFFLOAD_PROVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "offload/crew.h"
#include "offload/report.h"
#include "offload/throttle.h"
#include "s3/site.h"

enum {
	PROVE_REASON_MAX = 1024,
	PROVE_ETAG_MAX = 512,
};

enum prove_depth {
	PROVE_BY_READING, /* whole */
	PROVE_BY_HEAD,    /* only its size and digest are looked at */
	PROVE_AS_NEEDED,  /* it is read where no digest was kept with it */
};

struct prove_order {
	const struct site *site; /* the reader's */
	struct span key;
	int fd; /* of the file, read by offset */
	uint64_t size;
	const char *sha256; /* of its bytes */
	const char *md5; /* the same, in hexadecimal; NULL or "": not known */
	const char *who; /* asks, for the reason: "reader", "writer" */
	enum prove_depth depth;
	bool head_first; /* of BY_READING: it is looked at before; else at the
	                  * head that comes with its bytes, and says the same */
	struct throttle *throttle; /* NULL: no limit */
	struct report *report;     /* NULL: nobody wants to know */
	int64_t patience_ms;
};

enum prove_result {
	PROVE_HOLDS,
	PROVE_MISSING, /* there is no such object */
	PROVE_DIFFERS, /* it has another size, digest or bytes */
	PROVE_UNSURE,  /* no digest was kept with it, and its bytes were not to
	                * be read */
	PROVE_FAILED,  /* it could not be read, or the file could not */
};

struct prove_found {
	char etag[PROVE_ETAG_MAX];     /* of the object, "" where it has none */
	char reason[PROVE_REASON_MAX]; /* on all but HOLDS */
	bool is_forbidden;             /* it failed, since S3 refused */
};

enum prove_result prove(const struct prove_order *order, struct hand *hand,
    struct prove_found *found) ATTR_MUST_USE;

/* The object is only looked at: HOLDS where its size is right and its digest,
 * if one was kept with it; with *HAS_DIGEST, whether that is so. */
enum prove_result prove_look(const struct prove_order *order, struct hand *hand,
    bool *has_digest, struct prove_found *found) ATTR_MUST_USE;

#endif

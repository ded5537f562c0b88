/*
 * What S3 has taught us of a site: the region of its bucket, and how far our
 * clock is off.  Each is learnt from a refusal, signed with at once, and kept.
 */
#ifndef S3_LEARNT_H
#define S3_LEARNT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "s3/site.h"

enum { LEARNT_REGION_MAX = 63 };

/* Zeroed: nothing. */
struct learnt {
	char region[LEARNT_REGION_MAX + 1]; /* "": the site's own setting */
	int64_t skew_s;                     /* S3's clock less ours, seconds */
};

/* The region to sign for. */
struct span learnt_region(const struct learnt *learnt, const struct site *site);

/* Take REGION, as S3 named it, from now on; one log line.  False where it is
 * none, or the one that was used already. */
bool learnt_take_region(struct learnt *learnt, const struct site *site,
    const char *region) ATTR_MUST_USE;

/* Sign by S3's clock from now on, which was at SERVER_DATE when ours was at
 * NOW (seconds); one log line.  False where SERVER_DATE is -1. */
bool learnt_take_date(struct learnt *learnt, const struct site *site,
    int64_t server_date, int64_t now) ATTR_MUST_USE;

#endif

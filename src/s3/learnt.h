/*
 * What S3 has taught us, in memory that all workers share: the region of each
 * bucket, and how far our clock is off that of each endpoint.  Each is learnt
 * from a refusal, signed with at once, kept, and logged once, by whoever was
 * first.
 *
 * No lock, many writers: a clock is one word; a region is written to a place
 * that is never written again, and then named by one word.
 */
#ifndef S3_LEARNT_H
#define S3_LEARNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "s3/site.h"

enum {
	LEARNT_REGION_MAX = 63,
	/* So many different regions a site; more are not remembered. */
	LEARNT_REGIONS = 16,
	/* Clocks that differ by less are the same one. */
	LEARNT_SKEW_LEAST_S = 5,
};

struct learnt;

/* Nothing learnt of SITES yet (borrowed; N_SITES of them); shared with the
 * processes that are forked from now on. */
struct learnt *
learnt_new(const struct site *sites, size_t n_sites) ATTR_MUST_USE;
void learnt_free(struct learnt *learnt);

/* The region of the bucket of SITE, "" where S3 named none yet; lives as long
 * as LEARNT. */
const char *learnt_region(const struct learnt *learnt, size_t site);

/* Take REGION, as S3 named it when SIGNED_FOR was signed for, from now on; one
 * log line if it is news.  True as well where others have taken it before, or
 * it cannot be remembered; false where it is no region, or is SIGNED_FOR. */
bool learnt_take_region(struct learnt *learnt, size_t site,
    const char *signed_for, const char *region) ATTR_MUST_USE;

/* The clock of SITE's endpoint less ours, seconds. */
int64_t learnt_skew(const struct learnt *learnt, size_t site);

/* Sign by the clock of SITE's endpoint from now on, which was at SERVER_DATE
 * when ours was at NOW (seconds); one log line if it is news.  True as well
 * where others have taken it before; false where SERVER_DATE is -1. */
bool learnt_take_date(struct learnt *learnt, size_t site, int64_t server_date,
    int64_t now) ATTR_MUST_USE;

#endif

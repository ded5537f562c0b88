/*
 * What was learnt: see learnt.h.  Whether it may be learnt again is fetch's
 * business: two servers that point at each other must end in an error.
 */
#include "s3/learnt.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"

struct span
learnt_region(const struct learnt *learnt, const struct site *site)
{
	if (learnt->region[0] != '\0')
		return (span_of(learnt->region));
	return (span_of(site->region));
}

bool
learnt_take_region(
    struct learnt *learnt, const struct site *site, const char *region)
{
	struct span text = span_of(region);

	if (text.len > LEARNT_REGION_MAX || !site_is_region(text) ||
	    span_equal(text, learnt_region(learnt, site)))
		return (false);
	log_info("site %s: the bucket is in %s; set region to that to save a "
		 "request",
	    site->name, region);
	memcpy(learnt->region, region, text.len + 1);
	return (true);
}

bool
learnt_take_date(struct learnt *learnt, const struct site *site,
    int64_t server_date, int64_t now)
{
	int64_t skew_s = server_date - now;

	if (server_date < 0)
		return (false);
	log_warning("site %s: this machine's clock is %" PRId64 " s %s S3's; "
		    "S3's is used to sign, but set the clock",
	    site->name, skew_s < 0 ? -skew_s : skew_s,
	    skew_s < 0 ? "ahead of" : "behind");
	learnt->skew_s = skew_s;
	return (true);
}

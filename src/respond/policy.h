/*
 * The rules of HTTP that we keep ourselves, since S3 servers differ on them:
 * methods and conditions.  Pure; ranges are in s3/range.h.
 *
 * Source: RFC 9110, sections 9 (methods), 13 (conditions).
 */
#ifndef RESPOND_POLICY_H
#define RESPOND_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "s3/metadata.h"

enum policy_method {
	POLICY_GET,
	POLICY_HEAD,
	POLICY_OTHER, /* 405, Allow: GET, HEAD */
};

/* Methods are case-sensitive (RFC 9110 9.1). */
enum policy_method policy_method(struct span method);

/* The client's conditions as it sent them; data NULL where it did not. */
struct policy_conditions {
	struct span if_match;
	struct span if_none_match;
	struct span if_modified_since;
	struct span if_unmodified_since;
	struct span if_range;
};

enum policy_verdict {
	POLICY_PROCEED,
	POLICY_NOT_MODIFIED,        /* 304 */
	POLICY_PRECONDITION_FAILED, /* 412 */
};

/* Evaluate CONDITIONS for a GET or HEAD in the order of RFC 9110 13.2.2 against
 * an object that is there; NOW as in parse_http_date.  A date that is none is
 * ignored, as is a date where the matching tag condition is present.  With
 * METADATA_MTIME there, Last-Modified is a file's (respond/likeness.h): then
 * only that very date in If-Modified-Since says that it has not changed. */
enum policy_verdict policy_evaluate(const struct policy_conditions *conditions,
    const struct metadata *metadata, int64_t now);

/* Does If-Range let a range be served (13.1.5: strong comparison, an exact
 * date)?  True where there is none. */
bool policy_range_holds(const struct policy_conditions *conditions,
    const struct metadata *metadata, int64_t now);

#endif

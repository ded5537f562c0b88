/*
 * Byte ranges: what a client asks for, what is asked of S3, what an answer
 * says it is.  Pure.
 *
 * Source: RFC 9110, sections 14.1.2 (bytes), 14.2 (Range) and 14.4
 * (Content-Range).
 */
#ifndef S3_RANGE_H
#define S3_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum range_kind {
	RANGE_WHOLE,   /* no range */
	RANGE_FROM,    /* bytes=FIRST- */
	RANGE_FROM_TO, /* bytes=FIRST-LAST, LAST included */
	RANGE_SUFFIX,  /* bytes=-COUNT: the last COUNT bytes */
};

struct range {
	enum range_kind kind;
	uint64_t first; /* FROM, FROM_TO */
	uint64_t last;  /* FROM_TO; not below first */
	uint64_t count; /* SUFFIX; may be 0 */
};

/* The value of a Range header.  What may be ignored is ignored, and the
 * result is RANGE_WHOLE: no value, another unit, a malformed or backward
 * range, several ranges.  Numbers over 2^63 - 1 are taken as 2^63 - 1. */
struct range range_parse(struct span value);

enum range_fit {
	RANGE_FIT_WHOLE, /* 200: no range was asked for, or the suffix of an
	                  * empty object */
	RANGE_FIT_PART,  /* 206 with *FIRST and *LAST set, within SIZE */
	RANGE_FIT_NONE,  /* 416 */
};

/* Lay RANGE over an object of SIZE bytes. */
enum range_fit range_fit(
    const struct range *range, uint64_t size, uint64_t *first, uint64_t *last);

/* Add the value of a Range header ("bytes=0-9"); nothing for RANGE_WHOLE.
 * False where OUT is full. */
bool range_format(const struct range *range, struct buf *out) ATTR_MUST_USE;

/* The value of a Content-Range header, "bytes FIRST-LAST/SIZE", every number
 * known and FIRST <= LAST < SIZE; else false. */
bool range_parse_content(struct span value, uint64_t *first, uint64_t *last,
    uint64_t *size) ATTR_MUST_USE;

#endif

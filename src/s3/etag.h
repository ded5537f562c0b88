/*
 * Entity tags: what they are compared by, and when one is an MD5.  Pure.
 *
 * Source: RFC 9110 8.8.3; "Object" in the API reference of Amazon S3 (the
 * ETag of an object that was sent in one piece, unencrypted or SSE-S3, is
 * the MD5 of its bytes; that of a multipart upload has a "-").
 */
#ifndef S3_ETAG_H
#define S3_ETAG_H

#include <stdbool.h>

#include "base/buf.h"

/* Is ETAG 32 hexadecimal digits in quotes? */
bool etag_is_md5(struct span etag);

/* Is ETAG, for which etag_is_md5 holds, the MD5 of BODY?  True where OpenSSL
 * has no MD5 (FIPS): then nothing can be said against it. */
bool etag_matches(struct span etag, struct span body);

/* The strong comparison of RFC 9110 8.8.3.2: the same, and neither weak. */
bool etag_equal_strong(struct span a, struct span b);

/* The weak comparison: the same but for a W/ in front. */
bool etag_equal_weak(struct span a, struct span b);

#endif

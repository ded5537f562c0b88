/*
 * Percent encoding, once in each direction.  Pure.
 *
 * Source: "Create a canonical request" in AWS's page on Signature Version 4
 * (UriEncode): unreserved are A-Z a-z 0-9 - . _ ~, all else is % and two
 * upper-case hexadecimal digits, a byte at a time.
 */
#ifndef S3_URI_H
#define S3_URI_H

#include <stdbool.h>

#include "base/buf.h"

/* Add KEY as a path: "/" stays as it is, every other byte but the unreserved
 * is encoded.  False where OUT is full; then OUT is as before. */
bool uri_encode_path(struct buf *out, struct span key) ATTR_MUST_USE;

/* Add VALUE as a part of a query: "/" is encoded as well. */
bool uri_encode_query(struct buf *out, struct span value) ATTR_MUST_USE;

/* Add TEXT with each %XX turned to its byte, once; "+" stays "+".  False
 * where a % is not followed by two hexadecimal digits, or OUT is full. */
bool uri_decode(struct buf *out, struct span text) ATTR_MUST_USE;

/* Is TEXT well-formed UTF-8 (RFC 3629: no overlong form, no surrogate,
 * nothing over U+10FFFF)? */
bool uri_is_utf8(struct span text);

/* How many bytes the character takes that TEXT, which is not empty, begins
 * with; 0 where that is not well-formed UTF-8. */
size_t uri_utf8_len(struct span text);

#endif

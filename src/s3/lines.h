/*
 * The header lines of a request as they are sent, and signed: written once, one
 * behind the other; what is signed and what is sent are views of the same
 * bytes, so that they cannot differ.  Pure.
 */
#ifndef S3_LINES_H
#define S3_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "s3/sigv4.h"

/* An upload has the most: Host, four of x-amz, what is to be kept with the
 * object, Authorization. */
enum { LINES_MAX = 24 };

struct lines {
	const char *list[LINES_MAX]; /* "Name: value", once lines_end was called
	                              */
	size_t n;

	/* Where each stands in the text, which may move while it grows, and
	 * room for what goes there.  Both may hold a session token. */
	struct {
		size_t at;
		size_t name_len;
		size_t value_len;
	} places[LINES_MAX];
	struct buf text;
	struct buf authorization;
};

/* None, for at most MAX bytes in all. */
void lines_init(struct lines *lines, size_t max);

void lines_fini(struct lines *lines);

/* Wipe them: there are none again. */
void lines_forget(struct lines *lines);

/* Add a line.  False where VALUE is empty or has a byte that could end it, or
 * there is no room: then the lines are of no use. */
bool lines_add(
    struct lines *lines, struct span name, struct span value) ATTR_MUST_USE;

/* Add what each signed request says of itself: x-amz-date, which is NOW in
 * seconds since the epoch, and the session token of CREDENTIALS, if they have
 * one.  False as lines_add. */
bool lines_add_date_and_token(struct lines *lines,
    const struct credentials *credentials, int64_t now) ATTR_MUST_USE;

/* Sign REQUEST, whose headers are the lines there are (what stands in its own
 * members for them does not count), as sigv4_authorize does, and add the
 * signature to them.  False where that fails. */
bool lines_sign(struct lines *lines, struct sigv4_signer *signer,
    struct sigv4_request request, const struct credentials *credentials,
    struct span region, struct span service, int64_t now) ATTR_MUST_USE;

/* There are no more to come: fill list, which lives as long as no more do. */
void lines_end(struct lines *lines);

#endif

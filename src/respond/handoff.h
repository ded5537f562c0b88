/*
 * Handing a large object to the web server, which then asks S3 by itself while
 * the worker is free: whether, and with what.
 */
#ifndef RESPOND_HANDOFF_H
#define RESPOND_HANDOFF_H

#include "base/attr.h"
#include "respond/serving.h"

/*
 * Hand the object that HEAD tells of to the web server, if it can take it and
 * the object is one for that.  True: s->answer is made, by what the client
 * asked, no byte of S3's is wanted any more, and nothing of it may be kept.
 * False: nothing has changed.
 *
 * It is one where it, or the part that was asked for, is larger than the site's
 * handoff and than what is read whole; where its ETag is a strong one, so that
 * S3 gives the web server this very object or none; and where S3 says nothing
 * that nginx would pass on and we do not (s3/handoff.h).
 */
bool
handoff_take(struct serving *s, const struct fetch_head *head) ATTR_MUST_USE;

#endif

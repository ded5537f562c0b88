/*
 * The multipart uploads of an offload that have begun and not ended, kept in a
 * file of their own: written down before they begin, so that what a run leaves
 * that is killed, the next one finds and gives up.
 *
 * By any thread, but where it says otherwise.
 */
#ifndef OFFLOAD_UPLOADS_H
#define OFFLOAD_UPLOADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "s3/call.h"
#include "s3/site.h"

struct uploads;

/* Kept in the file at PATH, which is made when it is needed.  NULL where it
 * cannot be read: WHY says why.  NAME is the offload's; both are copied. */
struct uploads *
uploads_open(const char *path, const char *name, struct buf *why) ATTR_MUST_USE;

/* The file goes, where nothing has begun that did not end. */
void uploads_close(struct uploads *uploads);

/* Give up what earlier runs have left: all uploads of those keys, of the
 * bucket of SITE, asked by CALL.  How many they were, or -1 where not all of it
 * could be done: WHY says why, and the next run will try again.  Before any
 * begins. */
int uploads_recover(struct uploads *uploads, struct call *call,
    const struct site *site, int64_t patience_ms, struct buf *why);

/* An upload for KEY is about to begin; on the disk when this returns.  False
 * where that cannot be: REASON, of SIZE bytes, says why. */
bool uploads_begin(struct uploads *uploads, struct span key, char *reason,
    size_t size) ATTR_MUST_USE;

/* It has ended, or has failed: what is left of it, asked by CALL for SITE, is
 * given up.  So is an upload that began without our hearing of it, and one that
 * S3 said it had ended and had not.  Where that cannot be done now it stays
 * written down, for the next run, and a warning says so. */
void uploads_end(struct uploads *uploads, struct call *call,
    const struct site *site, struct span key, int64_t patience_ms);

#endif

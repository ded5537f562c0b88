/*
 * What the offloader did to a file, as a line of its journal.  Pure.
 *
 * A line has nine fields with a tab between them:
 *
 *	2026-11-28T20:43:35Z proved OFFLOAD KEY SIZE MTIME SHA256 ETAG PATH
 *
 * OFFLOAD, KEY, ETAG and PATH are percent-encoded as in s3/uri.h; MTIME is
 * SECONDS.NANOSECONDS with nine digits behind the dot, as rclone writes times
 * since 1970.  A field that is empty is "-" (and what is a "-" is %2D).
 */
#ifndef OFFLOAD_JOURNAL_LINE_H
#define OFFLOAD_JOURNAL_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"

/* A line's greatest length, its newline among it: a path of PATH_MAX, a key of
 * 1024 and an upload's id of 2000 bytes, each of them encoded. */
enum { JOURNAL_LINE_MAX = 32768 };

enum journal_what {
	JOURNAL_PROVED,      /* the object is in the bucket, and is the file */
	JOURNAL_EVICTED,     /* the file is deleted */
	JOURNAL_TRASHED,     /* the file is moved into the trash */
	JOURNAL_RESTORED,    /* the file is back in its place */
	JOURNAL_UPLOAD,      /* a multipart upload has begun, its id in etag */
	JOURNAL_UPLOAD_DONE, /* the same has ended, or was aborted */
};

struct journal_entry {
	enum journal_what what;
	int64_t when_s;      /* seconds since the epoch */
	const char *offload; /* the section's name; "" of none */
	struct span key;
	struct span path; /* absolute, or as the caller has it; no NUL */
	uint64_t size;
	int64_t mtime_s; /* seconds since the epoch, and */
	long mtime_ns;   /* nanoseconds more: 0 to 999999999 */
	char sha256[65]; /* hexadecimal, or "" */
	struct span etag;
};

/* Add ENTRY's line to OUT.  False, with OUT as before, where it is over
 * JOURNAL_LINE_MAX or OUT is full. */
bool journal_line_write(
    struct buf *out, const struct journal_entry *entry) ATTR_MUST_USE;

/* Take LINE, without its newline, apart.  False where it is none of ours, whole
 * and of this version; ENTRY is undefined then.  Its texts are kept in TEXTS,
 * of a cap of at least JOURNAL_LINE_MAX bytes, which is cleared, and live until
 * that changes. */
bool journal_line_read(struct span line, struct buf *texts,
    struct journal_entry *entry) ATTR_MUST_USE;

#endif

/*
 * The oldest files of a tree, oldest first: what is evicted to bring a file
 * system down to its low mark.
 *
 * A walk offers every file; kept are only the oldest that together have the
 * bytes that are wanted, and no more of them than a bound.  Memory goes with
 * that bound and not with the tree: a file that is kept takes 32 bytes, its
 * path and malloc's overhead (16 bytes at most), and the paths of all take at
 * most OLDEST_PATH_MEAN bytes for each of the bound and OLDEST_PATH_MORE.
 */
#ifndef OFFLOAD_OLDEST_H
#define OFFLOAD_OLDEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

enum {
	OLDEST_FILES_MAX = 1 << 24, /* the greatest bound */
	OLDEST_PATH_MEAN = 128,     /* bytes, the NUL among them */
	OLDEST_PATH_MORE = 65536,   /* so that a small bound takes any path */
};

struct oldest_file {
	const char *path;
	int64_t mtime_s; /* seconds since the epoch, and */
	long mtime_ns;   /* nanoseconds more: 0 to 999999999 */
	uint64_t size;   /* bytes that its end would free */
};

struct oldest;

/* For at most MAX_FILES, 1 to OLDEST_FILES_MAX; nothing is allocated for them
 * before they come.  All of them are wanted until oldest_want is called. */
struct oldest *oldest_new(size_t max_files) ATTR_MUST_USE;
void oldest_free(struct oldest *oldest);

/* Only the oldest files that together have BYTES are wanted from now on: the
 * last of them is the one that brings their sum there.  To be called before
 * the offers; later it can lower what is wanted, but brings nothing back. */
void oldest_want(struct oldest *oldest, uint64_t bytes);

/* Here is FILE, whose path is copied where it is kept.  Of two of the same time
 * the path that comes first by its bytes is the older, so that two runs over
 * one tree do the same.  A file that alone has more than UINT64_MAX /
 * (MAX_FILES + 1) bytes (1 TiB or more) counts as having so many.  Not after
 * oldest_take. */
void oldest_offer(struct oldest *oldest, const struct oldest_file *file);

/* The oldest that was not taken yet, valid until the next call; NULL where none
 * is left. */
const struct oldest_file *oldest_take(struct oldest *oldest);

/* Would others have been wanted but for the bound, on files or on the bytes of
 * their paths?  Then those that are here are the oldest all the same, and
 * another walk is to follow their end. */
bool oldest_is_cut(const struct oldest *oldest);

#endif

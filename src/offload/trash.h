/*
 * The trash of an offload: a folder on the same file system, with one folder a
 * day (2026-11-28, and .1 behind it where a path has been there that day) in
 * which files keep their paths.
 *
 * Of one thread.
 */
#ifndef OFFLOAD_TRASH_H
#define OFFLOAD_TRASH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "offload/folder.h"

struct trash;

/* The folder at PATH, made where it is not there, for what is below ROOT.  NULL
 * where it is not to be had, or on another file system: WHY says why. */
struct trash *trash_open(
    const char *path, const struct folder *root, struct buf *why) ATTR_MUST_USE;
void trash_close(struct trash *trash);

/* It, for whoever walks there. */
struct folder *trash_folder(const struct trash *trash);

/* Where a file of PATH (below the root) goes at NOW_S: the folder, which the
 * caller has to let go, and its name there, a view of PATH.  NULL with
 * errno. */
struct folder *trash_place(struct trash *trash, const char *path, int64_t now_s,
    const char **name) ATTR_MUST_USE;

/* The next of its days that has been over for GRACE_MS at NOW_S; the caller has
 * to let it go.  NULL: there is none.  It begins anew once it returned NULL. */
struct folder *trash_next_over(
    struct trash *trash, int64_t now_s, int64_t grace_ms) ATTR_MUST_USE;

/* When the day that NAME is of ends, seconds since the epoch; -1: it is none.
 * Pure. */
int64_t trash_day_end(const char *name);

#endif

/*
 * Paths that were written by a human, below a root.  Pure.
 */
#ifndef OFFLOAD_RESTORE_PATH_H
#define OFFLOAD_RESTORE_PATH_H

#include "base/attr.h"

/* PATH, as it was written in folder CWD, below ROOT: with "." and ".." gone
 * through, "" where it is ROOT itself, and a "/" at its end where it had one.
 * NULL where it is elsewhere.  The caller's.  Pure. */
char *
restore_path(const char *root, const char *cwd, const char *path) ATTR_MUST_USE;

#endif

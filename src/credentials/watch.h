/*
 * Files, and whether they have changed since they were looked at: how a rotated
 * key or a projected token is taken up without a reload.
 *
 * By stat() of the path, since what Kubernetes projects is a symbolic link that
 * is exchanged three directories above: inotify sees that only where it watches
 * each of them.
 */
#ifndef CREDENTIALS_WATCH_H
#define CREDENTIALS_WATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct watch;

struct watch *watch_new(void) ATTR_MUST_USE;
void watch_free(struct watch *watch);

/* Forget all files. */
void watch_clear(struct watch *watch);

/* Note PATH as it is now, there or not; to be called before it is read, so that
 * no change falls between. */
void watch_note(struct watch *watch, const char *path);

/* The path of a file that is another now (device, inode, size, time of change),
 * has come or has gone; NULL where all are as they were noted. */
const char *watch_changed(const struct watch *watch);

/* The whole of the regular file at PATH, noted, with a NUL behind it, and how
 * long it is.  NULL where it cannot be read or is longer than MAX bytes: errno
 * says why, EFBIG or EINVAL (no regular file) among them.  For secrets: to be
 * wiped by the caller, who frees it. */
char *watch_read(struct watch *watch, const char *path, size_t max,
    size_t *len) ATTR_MUST_USE;

/* The whole of the file at PATH, noted, less the white space at its end: a
 * token.  NULL where it cannot be read (errno says why), is empty or longer
 * than WATCH_TOKEN_MAX bytes or holds a NUL (errno is EINVAL).  Wiped and freed
 * by mem_wipe_string. */
enum { WATCH_TOKEN_MAX = 65536 };
char *watch_read_token(struct watch *watch, const char *path) ATTR_MUST_USE;

#endif

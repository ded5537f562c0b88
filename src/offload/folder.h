/*
 * A folder below a root, open for as long as anyone has to do with what is in
 * it: all that happens to a file happens by its name in an open folder, so that
 * no link and no renamed folder above leads elsewhere.
 *
 * Of one thread; the descriptor may be used by others while it is held.
 */
#ifndef OFFLOAD_FOLDER_H
#define OFFLOAD_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/attr.h"
#include "base/buf.h"

/* So many folders inside each other; each is a descriptor. */
enum { FOLDER_DEPTH_MAX = 200 };

struct folder {
	int fd;
	struct folder *parent; /* held; NULL: the root */
	char *name;            /* in the parent; "" of the root */
	char *path; /* below the root, with a "/" at the end; "" of the root */
	size_t depth;       /* 0: the root */
	struct stat status; /* when it was opened */
	uint64_t mount; /* which mount it is on; 0: the kernel does not say */
	size_t holders;
	bool may_remove; /* if it is empty when nobody holds it any more */
};

/* The root at PATH, which may be a link; NULL with errno where it cannot be
 * opened as a folder.  Held by the caller. */
struct folder *folder_open_root(const char *path) ATTR_MUST_USE;

/* NAME in PARENT, no link; NULL with errno as openat(2) sets it, ELOOP where it
 * is a link, ENAMETOOLONG where it is too deep, and EXDEV where something is
 * mounted there: also a folder of the same file system, whose files would have
 * two paths.  Held by the caller. */
struct folder *
folder_open(struct folder *parent, const char *name) ATTR_MUST_USE;

/* The same, made with MODE where it is not there; by root with the owner of
 * PARENT. */
struct folder *
folder_make(struct folder *parent, const char *name, mode_t mode) ATTR_MUST_USE;

/* Walk down to the folder that the last component of PATH (below FOLDER) is in,
 * making those on the way with MODE where MAKE; its name in *NAME, a view of
 * PATH.  NULL with errno; EINVAL where a component is empty, "." or "..". */
struct folder *folder_of_path(struct folder *folder, const char *path,
    bool make, mode_t mode, const char **name) ATTR_MUST_USE;

/* Does the path of FOLDER still lead to it?  Not where it, or one above it, was
 * renamed or moved away. */
bool folder_is_in_place(const struct folder *folder);

struct folder *folder_hold(struct folder *folder);

/* The last to let go closes it and, where it may be removed, tries that; what
 * is not empty stays.  NULL is passed over. */
void folder_release(struct folder *folder);

#endif

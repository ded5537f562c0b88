/*
 * The state of a file: see stamp.h.
 */
#include "base/stamp.h"

struct stamp
stamp_of(const char *path)
{
	struct stat status;

	if (stat(path, &status) != 0)
		return ((struct stamp){ .is_there = false });
	return ((struct stamp){
	    .is_there = true,
	    .device = status.st_dev,
	    .inode = status.st_ino,
	    .size = status.st_size,
	    .modified = status.st_mtim,
	    .changed = status.st_ctim,
	});
}

bool
stamp_is_same(const struct stamp *a, const struct stamp *b)
{
	return (a->is_there == b->is_there && a->device == b->device &&
	    a->inode == b->inode && a->size == b->size &&
	    stamp_is_time(&a->modified, &b->modified) &&
	    stamp_is_time(&a->changed, &b->changed));
}

bool
stamp_is_file(const struct stat *a, const struct stat *b)
{
	return (a->st_dev == b->st_dev && a->st_ino == b->st_ino);
}

bool
stamp_is_time(const struct timespec *a, const struct timespec *b)
{
	return (a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec);
}

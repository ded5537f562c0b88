/*
 * What tells one state of a file from another, without reading it.
 */
#ifndef BASE_STAMP_H
#define BASE_STAMP_H

#include <sys/stat.h>

#include <stdbool.h>

/* Zeroed: that of a file that is not there. */
struct stamp {
	bool is_there;
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified;
	struct timespec changed;
};

/* That of the file at PATH, links followed.  One that we may not see is not
 * there for us. */
struct stamp stamp_of(const char *path);

bool stamp_is_same(const struct stamp *a, const struct stamp *b);

/* Of what stat(2) says: are both the same file, whatever its state? */
bool stamp_is_file(const struct stat *a, const struct stat *b);

bool stamp_is_time(const struct timespec *a, const struct timespec *b);

#endif

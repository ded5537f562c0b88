/*
 * A folder of its own for each test, with files in it.  After cmocka.h.
 */
#ifndef TESTS_UNIT_SCRATCH_H
#define TESTS_UNIT_SCRATCH_H

#include <sys/stat.h>

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "offload/folder.h"

enum { SCRATCH_ROOM = 8192 };

static char scratch[64];
static struct folder *scratch_root; /* it, opened */

/* The path of what is called so in the folder; good for two more calls. */
static inline const char *in_scratch(const char *format, ...) ATTR_PRINTF(1, 2);

static inline const char *
in_scratch(const char *format, ...)
{
	static char rooms[3][SCRATCH_ROOM];
	static unsigned next;
	char *room = rooms[next++ % 3];
	int len = snprintf(room, SCRATCH_ROOM, "%s/", scratch);
	va_list args;

	va_start(args, format);
	vsnprintf(room + len, SCRATCH_ROOM - (size_t)len, format, args);
	va_end(args);
	return (room);
}

/* Around each test. */
static inline int
scratch_make(void **state)
{
	(void)state;
	snprintf(scratch, sizeof(scratch), "/tmp/test_scratch.XXXXXX");
	if (mkdtemp(scratch) == NULL)
		return (-1);
	scratch_root = folder_open_root(scratch);
	return (scratch_root != NULL ? 0 : -1);
}

static inline int
scratch_remove_one(
    const char *path, const struct stat *status, int kind, struct FTW *ftw)
{
	(void)status;
	(void)kind;
	(void)ftw;
	return (remove(path));
}

static inline int
scratch_remove(void **state)
{
	(void)state;
	folder_release(scratch_root);
	scratch_root = NULL;
	return (nftw(scratch, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS));
}

static inline void
make_file(const char *path, const char *bytes)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(bytes, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static inline bool
is_there(const char *path)
{
	struct stat status;

	return (lstat(path, &status) == 0);
}

/* The file at PATH has these BYTES; NULL: there is none. */
static inline void
expect_file(const char *path, const char *bytes)
{
	char found[256];
	FILE *file = fopen(path, "re");
	size_t len;

	if (bytes == NULL) {
		assert_null(file);
		assert_false(is_there(path));
		return;
	}
	assert_non_null(file);
	len = fread(found, 1, sizeof(found) - 1, file);
	found[len] = '\0';
	fclose(file);
	assert_string_equal(found, bytes);
}

/* How many names there are in the folder at PATH. */
static inline unsigned
count_names(const char *path)
{
	DIR *dir = opendir(path);
	unsigned n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return (n - 2);
}

#endif

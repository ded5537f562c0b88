/*
 * Roots: see roots.h.
 */
#include "offload/roots.h"

#include <sys/stat.h>

#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/stamp.h"

enum { ROOTS_DEPTH_MAX = 1024 };

/* Go up from FD, which is closed, until it is ROOT; false where that is not on
 * the way. */
static bool
leads_up_to(int fd, const struct stat *root)
{
	struct stat status, before = { .st_ino = 0 };
	bool is_found = false;

	for (int i = 0; i < ROOTS_DEPTH_MAX && fd >= 0 && !is_found; i++) {
		int above;

		if (fstat(fd, &status) != 0 ||
		    (i > 0 && stamp_is_file(&status, &before)))
			break; /* the folder above "/" is "/" */
		is_found = stamp_is_file(&status, root);
		before = status;
		above = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		close(fd);
		fd = above;
	}
	if (fd >= 0)
		close(fd);
	return (is_found);
}

/* Is the folder at PATH the one at ROOT, or in it?  Not where either is not
 * there. */
static bool
is_in(const char *path, const char *root)
{
	struct stat status;

	if (path == NULL || stat(root, &status) != 0)
		return (false);
	return (
	    leads_up_to(open(path, O_PATH | O_DIRECTORY | O_CLOEXEC), &status));
}

static bool
check(const struct offload_settings *one, const char *what, const char *path,
    const struct offload_settings *other)
{
	if (!is_in(path, other->root))
		return (true);
	log_error("offload %s: %s: %s is in the root of offload %s (%s), by a "
		  "link or a mount; right would be: folders that are apart",
	    one->name, what, path, other->name, other->root);
	return (false);
}

/* Is something of ROOT's own file system mounted below it, whose files have
 * another path besides? */
static bool
has_alias(const struct offload_settings *one)
{
	char *root = realpath(one->root, NULL);
	size_t len = root != NULL ? strlen(root) : 0;
	FILE *mounts =
	    root != NULL ? setmntent("/proc/self/mounts", "r") : NULL;
	struct mntent *mount;
	struct stat status, other;
	bool has_one = false;

	while (
	    mounts != NULL && !has_one && (mount = getmntent(mounts)) != NULL) {
		has_one = strncmp(mount->mnt_dir, root, len) == 0 &&
		    mount->mnt_dir[len] == '/' && stat(root, &status) == 0 &&
		    stat(mount->mnt_dir, &other) == 0 &&
		    status.st_dev == other.st_dev;
		if (has_one)
			log_error("offload %s: %s is mounted in its root, and "
				  "of the same file system: files there have "
				  "two paths; right would be: an own root for "
				  "it",
			    one->name, mount->mnt_dir);
	}
	if (mounts != NULL)
		endmntent(mounts);
	free(root);
	return (has_one);
}

bool
roots_are_apart(const struct settings *settings)
{
	bool are_apart = true;

	for (size_t i = 0; i < settings->n_offloads; i++) {
		const struct offload_settings *one = &settings->offloads[i];

		are_apart = !has_alias(one) &&
		    check(one, "state", one->state, one) && are_apart;
		for (size_t j = 0; j < settings->n_offloads; j++) {
			const struct offload_settings *other =
			    &settings->offloads[j];

			if (i == j)
				continue;
			are_apart = check(one, "root", one->root, other) &&
			    check(one, "trash", one->trash, other) &&
			    check(one, "state", one->state, other) && are_apart;
		}
	}
	return (are_apart);
}

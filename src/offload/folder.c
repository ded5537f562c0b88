/*
 * Open folders: see folder.h.
 */
#include "offload/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

enum { FOLDER_FLAGS = O_RDONLY | O_DIRECTORY | O_CLOEXEC };

/* Which mount FD is on; 0 where the kernel (before 5.8) does not say. */
static uint64_t
find_mount(int fd)
{
	struct statx found;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &found) != 0 ||
	    (found.stx_mask & STATX_MNT_ID) == 0)
		return (0);
	return (found.stx_mnt_id);
}

/* Look at FD, a folder in PARENT (NULL: none); false with errno. */
static bool
look_at(struct folder *folder, int fd, const struct folder *parent)
{
	if (fstat(fd, &folder->status) != 0)
		return (false);
	folder->mount = find_mount(fd);
	if (parent == NULL ||
	    (folder->mount == parent->mount &&
		folder->status.st_dev == parent->status.st_dev))
		return (true);
	errno = EXDEV;
	return (false);
}

/* FD is taken; NULL with errno where it will not do. */
static struct folder *
make_folder(int fd, struct folder *parent, const char *name)
{
	struct folder *folder = mem_zero(1, sizeof(*folder));

	if (!look_at(folder, fd, parent)) {
		int why = errno;

		close(fd);
		free(folder);
		errno = why;
		return (NULL);
	}
	folder->fd = fd;
	folder->holders = 1;
	folder->name = mem_string(name);
	folder->path = parent == NULL ? mem_string("")
				      : mem_printf("%s%s/", parent->path, name);
	if (parent != NULL) {
		folder->parent = folder_hold(parent);
		folder->depth = parent->depth + 1;
	}
	return (folder);
}

struct folder *
folder_open_root(const char *path)
{
	int fd = open(path, FOLDER_FLAGS);

	return (fd < 0 ? NULL : make_folder(fd, NULL, ""));
}

struct folder *
folder_open(struct folder *parent, const char *name)
{
	int fd;

	if (parent->depth >= FOLDER_DEPTH_MAX) {
		errno = ENAMETOOLONG;
		return (NULL);
	}
	fd = openat(parent->fd, name, FOLDER_FLAGS | O_NOFOLLOW);
	return (fd < 0 ? NULL : make_folder(fd, parent, name));
}

struct folder *
folder_make(struct folder *parent, const char *name, mode_t mode)
{
	struct folder *folder;
	bool is_new = mkdirat(parent->fd, name, mode) == 0;

	if (!is_new && errno != EEXIST)
		return (NULL);
	folder = folder_open(parent, name);
	/* What root makes is whose the folder around it is. */
	if (folder != NULL && is_new && geteuid() == 0)
		(void)!fchown(
		    folder->fd, parent->status.st_uid, parent->status.st_gid);
	return (folder);
}

static bool
is_component(struct span part)
{
	return (part.len > 0 && !span_equal(part, SPAN(".")) &&
	    !span_equal(part, SPAN("..")));
}

struct folder *
folder_of_path(struct folder *folder, const char *path, bool make, mode_t mode,
    const char **name)
{
	struct span rest = span_of(path);
	struct folder *at = folder_hold(folder);

	for (;;) {
		struct span part = span_cut(&rest, '/');
		struct folder *next;
		char *text;

		if (!is_component(part)) {
			folder_release(at);
			errno = EINVAL;
			return (NULL);
		}
		if (rest.data == NULL) {
			*name = part.data;
			return (at);
		}
		text = mem_string_of(part.data, part.len);
		next =
		    make ? folder_make(at, text, mode) : folder_open(at, text);
		free(text);
		if (next == NULL) {
			int why = errno;

			folder_release(at);
			errno = why;
			return (NULL);
		}
		folder_release(at);
		at = next;
	}
}

bool
folder_is_in_place(const struct folder *folder)
{
	struct stat status;

	for (; folder->parent != NULL; folder = folder->parent)
		if (fstatat(folder->parent->fd, folder->name, &status,
			AT_SYMLINK_NOFOLLOW) != 0 ||
		    status.st_dev != folder->status.st_dev ||
		    status.st_ino != folder->status.st_ino)
			return (false);
	return (true);
}

struct folder *
folder_hold(struct folder *folder)
{
	folder->holders++;
	return (folder);
}

/* One that is not empty, or was exchanged meanwhile, stays: rmdir(2) sees to
 * the first, and what it removes is empty in any case. */
static void
close_folder(struct folder *folder)
{
	close(folder->fd);
	if (folder->may_remove && folder->parent != NULL)
		(void)unlinkat(folder->parent->fd, folder->name, AT_REMOVEDIR);
	free(folder->name);
	free(folder->path);
	free(folder);
}

void
folder_release(struct folder *folder)
{
	while (folder != NULL && --folder->holders == 0) {
		struct folder *parent = folder->parent;

		close_folder(folder);
		folder = parent;
	}
}

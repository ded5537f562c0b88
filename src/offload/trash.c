/*
 * The trash: see trash.h.
 *
 * When a file came is told by the day that it is in, and not by its own times,
 * which are those it had.
 */
#include "offload/trash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/parse.h"

enum {
	DAY_LEN = 10, /* 2026-11-28 */
	DAY_ROOM = 32,
	DAY_S = 24 * 3600,
	/* So many files of one path a day. */
	PLACES_MAX = 100,
	TRASH_MODE = 0700,
};

struct trash {
	struct folder *folder;
	DIR *days; /* being gone through; NULL: not */
};

struct trash *
trash_open(const char *path, const struct folder *root, struct buf *why)
{
	struct folder *folder;
	struct trash *trash;
	bool fits;

	if (mkdir(path, TRASH_MODE) != 0 && errno != EEXIST)
		folder = NULL;
	else
		folder = folder_open_root(path);
	if (folder == NULL) {
		fits = buf_printf(why,
		    "trash: %s cannot be used: %s; right would be: a folder "
		    "that this user may write to",
		    path, strerror(errno));
	} else if (folder->status.st_dev != root->status.st_dev) {
		fits = buf_printf(why,
		    "trash: %s is on another file system than the root; right "
		    "would be: a folder on the same",
		    path);
		folder_release(folder);
		folder = NULL;
	} else
		fits = true;
	if (!fits)
		buf_clear(why);
	if (folder == NULL)
		return (NULL);
	trash = mem_zero(1, sizeof(*trash));
	trash->folder = folder;
	return (trash);
}

void
trash_close(struct trash *trash)
{
	if (trash == NULL)
		return;
	if (trash->days != NULL)
		closedir(trash->days);
	folder_release(trash->folder);
	free(trash);
}

struct folder *
trash_folder(const struct trash *trash)
{
	return (trash->folder);
}

static void
name_day(int64_t now_s, unsigned place, char name[DAY_ROOM])
{
	time_t now = (time_t)now_s;
	struct tm day;
	size_t len;

	gmtime_r(&now, &day);
	len = strftime(name, DAY_ROOM, "%Y-%m-%d", &day);
	if (place > 0)
		snprintf(name + len, DAY_ROOM - len, ".%u", place);
}

/* PATH in the folder of the day; NULL with errno, EEXIST where there is one. */
static struct folder *
find_place(struct trash *trash, const char *day_name, const char *path,
    const char **name)
{
	struct folder *day = folder_make(trash->folder, day_name, TRASH_MODE);
	struct folder *folder = NULL;
	struct stat status;
	int why = errno;

	if (day != NULL) {
		folder = folder_of_path(day, path, true, TRASH_MODE, name);
		why = errno;
		folder_release(day);
	}
	if (folder != NULL &&
	    fstatat(folder->fd, *name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
		folder_release(folder);
		folder = NULL;
		why = EEXIST;
	}
	errno = why;
	return (folder);
}

struct folder *
trash_place(
    struct trash *trash, const char *path, int64_t now_s, const char **name)
{
	struct folder *folder = NULL;
	char day[DAY_ROOM];

	for (unsigned place = 0; place < PLACES_MAX; place++) {
		name_day(now_s, place, day);
		folder = find_place(trash, day, path, name);
		/* ENOTDIR: a file of that day has the name of the folder. */
		if (folder != NULL || (errno != EEXIST && errno != ENOTDIR))
			break;
	}
	return (folder);
}

int64_t
trash_day_end(const char *name)
{
	char date[sizeof("2026-11-28T00:00:00Z")];
	uint64_t place;
	int64_t begin;

	if (strlen(name) < DAY_LEN)
		return (-1);
	if (name[DAY_LEN] != '\0' &&
	    (name[DAY_LEN] != '.' ||
		!parse_number(
		    span_of(name + DAY_LEN + 1), 1, PLACES_MAX - 1, &place)))
		return (-1);
	snprintf(date, sizeof(date), "%.*sT00:00:00Z", DAY_LEN, name);
	if (!parse_iso_date(span_of(date), &begin))
		return (-1);
	return (begin + DAY_S);
}

struct folder *
trash_next_over(struct trash *trash, int64_t now_s, int64_t grace_ms)
{
	struct dirent *found;
	struct folder *day;
	int64_t end;

	if (trash->days == NULL) {
		int fd = openat(
		    trash->folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		trash->days = fd < 0 ? NULL : fdopendir(fd);
		if (trash->days == NULL)
			return (NULL);
	}
	while ((found = readdir(trash->days)) != NULL) {
		end = trash_day_end(found->d_name);
		if (end < 0 || now_s < end || now_s - end < grace_ms / 1000)
			continue;
		day = folder_open(trash->folder, found->d_name);
		if (day != NULL)
			return (day);
	}
	closedir(trash->days);
	trash->days = NULL;
	return (NULL);
}

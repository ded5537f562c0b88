/*
 * Through a tree: see walk.h.
 *
 * A stack of open folders, the one that is read on top.  fts(3) and nftw(3)
 * would do most of it, but the one sorts or reads a folder whole (a Gyazo has
 * all of a million names in one), and neither gives a descriptor to open files
 * by.
 */
#include "offload/walk.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "offload/file.h"
#include "offload/pattern.h"

struct level {
	struct folder *folder; /* held */
	DIR *dir;              /* of a descriptor of its own */
};

struct walk {
	const struct walk_rules *rules;
	struct folder *root; /* held, until it is entered */
	struct level levels[FOLDER_DEPTH_MAX + 1];
	size_t depth; /* how many there are */
	char *path;   /* of the entry */
};

/* Begin to read FOLDER, which is taken over; false with errno. */
static bool
enter(struct walk *walk, struct folder *folder)
{
	/* closedir closes what it was given. */
	int fd = openat(folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int why = errno;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		folder_release(folder);
		errno = why;
		return (false);
	}
	walk->levels[walk->depth++] = (struct level){ folder, dir };
	if (walk->rules->on_folder != NULL)
		walk->rules->on_folder(walk->rules->context, folder);
	return (true);
}

/* Keeps errno. */
static void
leave(struct walk *walk)
{
	struct level *level = &walk->levels[--walk->depth];
	int why = errno;

	closedir(level->dir);
	folder_release(level->folder);
	errno = why;
}

void
walk_pass(struct walk_rules *rules, const struct stat *status)
{
	assert(rules->n_passed < WALK_PASSED_MAX);
	rules->passed[rules->n_passed].dev = status->st_dev;
	rules->passed[rules->n_passed].ino = status->st_ino;
	rules->n_passed++;
}

void
walk_pass_path(struct walk_rules *rules, const char *path)
{
	struct stat status;

	if (stat(path, &status) == 0)
		walk_pass(rules, &status);
}

struct walk *
walk_new(struct folder *root, const struct walk_rules *rules)
{
	struct walk *walk = mem_zero(1, sizeof(*walk));

	walk->rules = rules;
	walk->root = folder_hold(root);
	return (walk);
}

void
walk_free(struct walk *walk)
{
	if (walk == NULL)
		return;
	folder_release(walk->root);
	while (walk->depth > 0)
		leave(walk);
	free(walk->path);
	free(walk);
}

static bool
is_passed(const struct walk *walk, const struct stat *status)
{
	for (size_t i = 0; i < walk->rules->n_passed; i++)
		if (walk->rules->passed[i].dev == status->st_dev &&
		    walk->rules->passed[i].ino == status->st_ino)
			return (true);
	return (false);
}

/* The folder at PATH cannot be read (on); errno says why. */
static enum walk_result
fail(struct walk *walk, const char *path, struct walk_entry *entry)
{
	int why = errno;
	char *copy = mem_string(path); /* PATH may be the one that is freed */

	free(walk->path);
	walk->path = copy;
	*entry = (struct walk_entry){ .name = "", .path = walk->path };
	errno = why;
	return (WALK_FAILED);
}

/* The entry NAME of the folder on top; WALK_END: it is none. */
static enum walk_result
look_at(struct walk *walk, const char *name, struct walk_entry *entry)
{
	struct folder *folder = walk->levels[walk->depth - 1].folder, *below;
	bool is_folder;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return (WALK_END);
	free(walk->path);
	walk->path = mem_printf("%s%s", folder->path, name);
	*entry = (struct walk_entry){
		.folder = folder,
		.name = name,
		.path = walk->path,
	};
	if (fstatat(folder->fd, name, &entry->status, AT_SYMLINK_NOFOLLOW) != 0)
		return (
		    errno == ENOENT ? WALK_END : fail(walk, walk->path, entry));
	is_folder = S_ISDIR(entry->status.st_mode);
	/* What a killed run was taking away is found, whatever it is by now,
	 * and whatever is excluded. */
	if (file_is_leaving(folder, name) ||
	    (!is_folder && file_is_arriving(name)))
		return (WALK_LEAVING);
	if (!(is_folder && strcmp(name, FILE_LEAVING) == 0) &&
	    pattern_matches(walk->rules->exclude, walk->path))
		return (WALK_END);
	if (!is_folder)
		return (WALK_FOUND);
	if (is_passed(walk, &entry->status))
		return (WALK_END);
	below = folder_open(folder, name);
	if (below != NULL && enter(walk, below))
		return (WALK_END);
	/* Gone, or another thing by now. */
	return (errno == ENOENT || errno == ENOTDIR || errno == ELOOP
		? WALK_END
		: fail(walk, walk->path, entry));
}

/* The next entry of the folder on top; WALK_END: this was none, or there are
 * no more. */
static enum walk_result
step(struct walk *walk, struct walk_entry *entry)
{
	struct level *level = &walk->levels[walk->depth - 1];
	enum walk_result result = WALK_END;
	struct dirent *found;

	errno = 0;
	found = readdir(level->dir);
	if (found != NULL)
		return (look_at(walk, found->d_name, entry));
	if (errno != 0)
		result = fail(walk, level->folder->path, entry);
	leave(walk);
	return (result);
}

enum walk_result
walk_next(struct walk *walk, struct walk_entry *entry)
{
	struct folder *root = walk->root;
	enum walk_result result = WALK_END;

	walk->root = NULL;
	if (root != NULL && !enter(walk, root))
		return (fail(walk, "", entry));
	while (walk->depth > 0 && result == WALK_END)
		result = step(walk, entry);
	return (result);
}

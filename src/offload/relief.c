/*
 * Relief: see relief.h.
 *
 * The oldest files that together have the bytes that must go are found by one
 * walk, and taken away in that order; then it is looked again, since some may
 * have stayed, and since what a file frees is for the file system to say.
 */
#include "offload/relief.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "offload/oldest.h"
#include "offload/space.h"
#include "offload/stop.h"

enum {
	/* The oldest files that are found in one walk, for their memory: about
	 * 10 MB at the most. */
	OLDEST_AT_ONCE = 65536,
};

void
relief_keep_stayed(void *context, const struct way *way)
{
	struct run *run = context;

	if (run->oldest != NULL)
		(void)seen_add(&run->stayed, way->file.status.st_ino);
}

/* The bytes that files in the trash occupy: they are as good as gone. */
static uint64_t
measure_trash(const struct run *run)
{
	static const struct walk_rules none;
	struct walk_entry entry;
	enum walk_result result;
	struct walk *walk;
	uint64_t bytes = 0;

	if (run->trash == NULL)
		return (0);
	walk = walk_new(trash_folder(run->trash), &none);
	while ((result = walk_next(walk, &entry)) != WALK_END)
		if (result != WALK_FAILED)
			bytes += (uint64_t)entry.status.st_blocks * 512;
	walk_free(walk);
	return (bytes);
}

/* How many bytes are to go yet.  What was only moved, or of a dry run would be
 * deleted, the file system does not know of. */
static uint64_t
measure_need(struct run *run, uint64_t percent)
{
	uint64_t minus = measure_trash(run);
	struct space space;

	if (running_is_dry(run))
		minus += run->commit.freed;
	if (space_look(run->place.root->fd, &space))
		return (space_over(&space, minus, percent));
	log_error("offload %s: how full the file system is cannot be found "
		  "out: %s",
	    run->settings->name, strerror(errno));
	return (0);
}

/* Find the oldest files that have NEED bytes together. */
static void
collect(struct run *run, uint64_t need)
{
	struct walk_entry entry;
	enum walk_result result;
	int64_t now = clock_wall_s();

	run->selection.is_silent = true;
	run->walk = walk_new(run->place.root, &run->rules);
	oldest_want(run->oldest, need);
	while ((result = running_find(run, &entry)) != WALK_END) {
		const struct timespec *mtime = &entry.status.st_mtim;
		const struct oldest_file file = {
			.path = entry.path,
			.mtime_s = mtime->tv_sec,
			.mtime_ns = mtime->tv_nsec,
			.size = (uint64_t)entry.status.st_blocks * 512,
		};

		if (stop_is_wanted())
			break;
		if (result == WALK_FOUND &&
		    selection_takes(&run->selection, &entry, now) &&
		    way_is_old(
			&entry.status, now, selection_keep_ms(run->settings)) &&
		    !seen_has(&run->stayed, entry.status.st_ino))
			oldest_offer(run->oldest, &file);
	}
	walk_free(run->walk);
	run->walk = NULL;
	run->selection.is_silent = false;
}

/* A way for the file at PATH, if it is still there and may go. */
static struct way *
take_path(struct run *run, const char *path)
{
	struct walk_entry entry = { .path = path };
	struct folder *folder =
	    folder_of_path(run->place.root, path, false, 0, &entry.name);
	struct way *way = NULL;

	if (folder == NULL)
		return (NULL);
	entry.folder = folder;
	if (fstatat(folder->fd, entry.name, &entry.status,
		AT_SYMLINK_NOFOLLOW) == 0 &&
	    selection_takes(&run->selection, &entry, clock_wall_s()))
		way = selection_take(&run->selection, &entry, clock_wall_s());
	folder_release(folder);
	return (way);
}

static enum drive_next
next_oldest(void *context, struct task **task)
{
	struct run *run = context;
	const struct oldest_file *file;
	struct way *way;

	if (running_is_hopeless(run) ||
	    (run->commit.max_delete > 0 &&
		run->commit.deleted >= run->commit.max_delete))
		return (DRIVE_OVER);
	while ((file = oldest_take(run->oldest)) != NULL) {
		way = take_path(run, file->path);
		if (way == NULL)
			continue;
		*task = &way->task;
		return (DRIVE_TASK);
	}
	return (DRIVE_OVER);
}

/* One walk, and the files that it found; false where there are none that may
 * go. */
static bool
relieve_once(struct run *run, uint64_t need)
{
	uint64_t before = run->commit.deleted;
	bool is_cut;

	run->oldest = oldest_new(OLDEST_AT_ONCE);
	collect(run, need);
	running_drive(run, next_oldest);
	is_cut = oldest_is_cut(run->oldest);
	oldest_free(run->oldest);
	run->oldest = NULL;
	return (run->commit.deleted > before || is_cut);
}

void
relief(struct run *run)
{
	const struct offload_settings *settings = run->settings;
	uint64_t need = measure_need(run, settings->high_water);
	bool is_any = true;

	if (need == 0) {
		log_info("offload %s: the file system is below its mark of "
			 "%llu per cent%s",
		    settings->name, (unsigned long long)settings->high_water,
		    settings->trash != NULL
			? ", once what is in the trash is gone"
			: "");
		return;
	}
	need = measure_need(run, settings->low_water);
	/* Files that stay are found once each; without them others may do. */
	while (need > 0 && is_any && !run->is_stopped &&
	    !running_is_hopeless(run)) {
		size_t before = run->stayed.n;

		is_any = relieve_once(run, need) || run->stayed.n > before;
		need = measure_need(run, settings->low_water);
		if (run->commit.max_delete > 0 &&
		    run->commit.deleted >= run->commit.max_delete)
			break;
	}
	if (need > 0)
		log_warning("offload %s: the file system is still %llu bytes "
			    "over its low mark: there is no other file that "
			    "may go",
		    settings->name, (unsigned long long)need);
}

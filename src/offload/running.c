/*
 * A run while it is under way: see running.h.
 */
#include "offload/running.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "offload/file.h"

bool
running_is_dry(const struct run *run)
{
	return (run->order->options->is_dry_run);
}

bool
running_is_hopeless(const struct run *run)
{
	return (run->commit.is_broken ||
	    run->commit.s3_failures >= COMMIT_S3_FAILURES_MAX);
}

static void
settle(void *context, struct task *done)
{
	struct run *run = context;

	commit_ways(&run->commit, done);
}

void
running_drive(
    struct run *run, enum drive_next (*next)(void *run, struct task **task))
{
	const struct drive drive = {
		.crew = run->crew,
		.report = run->order->report,
		.next = next,
		.settle = settle,
		.context = run,
	};

	if (!run->is_stopped && !running_is_hopeless(run))
		run->is_stopped = !drive_run(&drive);
}

/* What was coming back when a run was killed is no file yet; and no other run
 * is at work. */
static enum walk_result
drop_arriving(const struct run *run, const struct walk_entry *entry)
{
	if (!running_is_dry(run) &&
	    unlinkat(entry->folder->fd, entry->name, 0) == 0)
		log_info("%s: was left by a restore that was killed, and is "
			 "removed",
		    entry->path);
	return (WALK_LEAVING);
}

/* Another file has its name by now: it may go if the bucket has its own bytes
 * under that, and stays if not. */
static enum walk_result
find_left(struct run *run, struct walk_entry *entry)
{
	if (run->order->verb == RUN_PUT ||
	    strlen(entry->name) <= strlen(FILE_LEAVING))
		return (WALK_LEAVING);
	free(run->returned);
	run->returned = mem_printf(
	    "%s%s", entry->folder->path, entry->name + strlen(FILE_LEAVING));
	entry->path = run->returned;
	entry->is_left = true;
	return (WALK_FOUND);
}

/* A file that a killed run was taking away gets its name back, and is found
 * by that. */
static enum walk_result
give_back(struct run *run, struct walk_entry *entry)
{
	const char *why = "a run that was killed left it with this name; right "
			  "would be: give it its own, without the front";
	enum file_state state = running_is_dry(run)
	    ? FILE_GONE
	    : file_return(&entry->folder, &entry->name);

	if (state == FILE_GONE)
		return (WALK_LEAVING);
	if (state == FILE_FAILED && errno == EEXIST)
		return (find_left(run, entry));
	if (state != FILE_FINE) {
		commit_tell(&run->commit, REPORT_FAILED, REPORT_NO_REASON,
		    entry->path, 0, why);
		return (WALK_LEAVING);
	}
	free(run->returned);
	run->returned = mem_printf("%s%s", entry->folder->path, entry->name);
	log_info("%s: has its name back, that a run which was killed had "
		 "taken",
	    run->returned);
	entry->path = run->returned;
	return (fstatat(entry->folder->fd, entry->name, &entry->status,
		    AT_SYMLINK_NOFOLLOW) == 0
		? WALK_FOUND
		: WALK_LEAVING);
}

enum walk_result
running_find(struct run *run, struct walk_entry *entry)
{
	enum walk_result result = walk_next(run->walk, entry);
	char why[256];

	switch (result) {
	case WALK_LEAVING:
		return (file_is_arriving(entry->name)
			? drop_arriving(run, entry)
			: give_back(run, entry));
	case WALK_FAILED:
		if (errno == EXDEV) {
			log_warning("%s: something is mounted there: it is not "
				    "gone into",
			    entry->path);
			break;
		}
		snprintf(why, sizeof(why), "the folder cannot be read: %s",
		    strerror(errno));
		commit_tell(&run->commit, REPORT_FAILED, REPORT_NO_REASON,
		    entry->path[0] != '\0' ? entry->path : "/", 0, why);
		run->is_whole = false;
		break;
	default:
		break;
	}
	return (result);
}

/*
 * What becomes of files: see commit.h.
 *
 * The order is what no crash may break: uploaded, proved, written down and on
 * the disk, forgotten by memcached (which may still say "missing"), gone.
 */
#include "offload/commit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

enum { WHY_MAX = 2048 };

void
commit_tell(struct commit *commit, enum report_what what,
    enum report_reason reason, const char *path, uint64_t bytes,
    const char *why)
{
	const struct report_event event = {
		.what = what,
		.offload = commit->means->settings->name,
		.path = path,
		.bytes = bytes,
		.why = why,
		.reason = reason,
	};

	report_event(commit->report, &event);
}

static void
tell(struct commit *commit, const struct way *way, enum report_what what,
    enum report_reason reason, const char *why)
{
	const struct report_event event = {
		.what = what,
		.offload = commit->means->settings->name,
		.path = way->file.path,
		.key = way->key.len > 0 ? buf_string(&way->key) : NULL,
		.bytes = (uint64_t)way->file.status.st_size,
		.why = why != NULL && why[0] != '\0' ? why : NULL,
		.reason = reason,
	};

	report_event(commit->report, &event);
}

static void
fail(struct commit *commit, const struct way *way, const char *why)
{
	tell(commit, way, REPORT_FAILED, REPORT_NO_REASON, why);
}

/* What it occupies: less than its size where it has holes. */
static uint64_t
blocks_of(const struct way *way)
{
	return ((uint64_t)way->file.status.st_blocks * 512);
}

/* ---- The journal ---- */

static bool
write_down(struct commit *commit, const struct way *way, enum journal_what what)
{
	struct journal_entry entry = {
		.what = what,
		.when_s = clock_wall_s(),
		.offload = commit->means->settings->name,
		.key = buf_span(&way->key),
		.path = span_of(way->file.path),
		.size = (uint64_t)way->file.status.st_size,
		.mtime_s = way->file.status.st_mtim.tv_sec,
		.mtime_ns = way->file.status.st_mtim.tv_nsec,
		.etag = span_of(way->etag),
	};

	memcpy(entry.sha256, way->digest.sha256, sizeof(entry.sha256));
	return (journal_add(commit->journal, &entry));
}

/* Those of WAYS that were proved, into the journal and onto the disk; on
 * failure they are not proved any more. */
static void
write_down_proofs(struct commit *commit, struct task *ways)
{
	struct buf why;
	bool is_written = true, is_any = false;

	buf_init(&why, WHY_MAX);
	for (struct task *at = ways; at != NULL; at = at->next) {
		struct way *way = (struct way *)at;

		if (way->end != WAY_PROVED)
			continue;
		is_any = true;
		is_written =
		    is_written && write_down(commit, way, JOURNAL_PROVED);
	}
	if (is_any && !is_written &&
	    !buf_add_string(&why, "it is too long for a line of the journal"))
		buf_clear(&why);
	if (is_any && is_written)
		is_written = journal_sync(commit->journal, &why);
	for (struct task *at = ways; at != NULL && !is_written; at = at->next) {
		struct way *way = (struct way *)at;

		if (way->end != WAY_PROVED)
			continue;
		way->end = WAY_FAILED;
		snprintf(way->why, sizeof(way->why), "%s", buf_string(&why));
	}
	commit->is_broken = commit->is_broken || !is_written;
	buf_fini(&why);
}

/* ---- The end of a file ---- */

static void
purge(struct commit *commit, const struct way *way)
{
	struct cache_key key;

	cache_key_make(&key, commit->means->reader, buf_span(&way->key));
	if (cache_purge(commit->cache, &key) != CACHE_DOWN ||
	    commit->has_said_cache)
		return;
	commit->has_said_cache = true;
	log_warning("offload %s: memcached is away: where it remembers that a "
		    "key is missing, readers are told so until ttl_missing is "
		    "over",
	    commit->means->settings->name);
}

static void
judge_end(struct commit *commit, struct way *way, enum file_state state,
    const char *left)
{
	char why[WAY_WHY_MAX];

	switch (state) {
	case FILE_FINE:
	case FILE_FAILED:
		break;
	case FILE_GONE:
		tell(commit, way, REPORT_SKIPPED, REPORT_GONE, NULL);
		return;
	case FILE_OPEN:
		tell(commit, way, REPORT_SKIPPED, REPORT_OPEN, NULL);
		return;
	case FILE_LINKED:
		tell(commit, way, REPORT_SKIPPED, REPORT_LINKS, NULL);
		return;
	case FILE_STRANGE:
	case FILE_CHANGED:
		tell(commit, way, REPORT_SKIPPED, REPORT_CHANGED, NULL);
		return;
	}
	if (left != NULL)
		snprintf(why, sizeof(why),
		    "it was written to while it was taken away, and another "
		    "has its name by now: its bytes are kept as %s; one of the "
		    "two must get another name",
		    left);
	else
		snprintf(why, sizeof(why), "it cannot be taken away: %s",
		    strerror(errno));
	fail(commit, way, why);
}

static enum report_what
name_end(const struct commit *commit, const struct way *way)
{
	if (way->is_in_trash)
		return (REPORT_DELETED);
	return (commit->means->settings->trash != NULL ? REPORT_TRASHED
						       : REPORT_EVICTED);
}

/* The folder of WAY, and those above, are to go if they are empty, and were old
 * before. */
static void
remove_folders(const struct commit *commit, const struct way *way)
{
	const struct offload_settings *settings = commit->means->settings;
	struct folder *folder = way->file.folder;

	if (!settings->remove_folders || way->is_in_trash)
		return;
	for (; folder != NULL && folder->parent != NULL;
	     folder = folder->parent)
		folder->may_remove = way_is_old(
		    &folder->status, clock_wall_s(), settings->min_age_ms);
}

/* It is gone, or of a dry run would be. */
static void
note_end(struct commit *commit, struct way *way)
{
	enum report_what what = name_end(commit, way);

	way->is_gone = !commit->means->is_dry_run;
	commit->freed += blocks_of(way);
	if (what != REPORT_DELETED)
		commit->deleted++;
	tell(commit, way, what, REPORT_NO_REASON, NULL);
	if (commit->journal != NULL && what != REPORT_DELETED)
		/* For the record: that it was proved is what counts. */
		(void)write_down(commit, way,
		    what == REPORT_EVICTED ? JOURNAL_EVICTED : JOURNAL_TRASHED);
}

static void
take_away(struct commit *commit, struct way *way)
{
	struct file_goal goal = { .folder = NULL };
	enum file_state state;
	char *left = NULL;

	if (commit->trash != NULL && !way->is_in_trash) {
		goal.folder = trash_place(
		    commit->trash, way->file.path, clock_wall_s(), &goal.name);
		if (goal.folder == NULL) {
			char why[WAY_WHY_MAX];

			snprintf(why, sizeof(why),
			    "it cannot be moved to the trash: %s",
			    strerror(errno));
			fail(commit, way, why);
			return;
		}
	}
	purge(commit, way);
	state = file_take_away(&way->file, &goal, &left);
	if (state == FILE_FINE) {
		note_end(commit, way);
		remove_folders(commit, way);
	} else
		judge_end(commit, way, state, left);
	free(left);
	folder_release(goal.folder);
}

static bool
is_over_limit(const struct commit *commit)
{
	return (
	    commit->max_delete > 0 && commit->deleted >= commit->max_delete);
}

/* It was proved, and may go. */
static void
evict(struct commit *commit, struct way *way)
{
	if (!way->is_in_trash && is_over_limit(commit))
		tell(commit, way, REPORT_SKIPPED, REPORT_LIMIT, NULL);
	else if (commit->means->is_dry_run)
		note_end(commit, way);
	else
		take_away(commit, way);
}

/* ---- One way ---- */

/* PRINT, another one each COMMIT_KNOWN_DAYS, not of all files on the same day:
 * so long S3 is not asked again whether it still has what was uploaded. */
static uint64_t
age(uint64_t print, int64_t now_s)
{
	const uint64_t period = COMMIT_KNOWN_DAYS * 24 * 3600;
	const struct known_file file = {
		.size = print,
		.mtime_s =
		    (int64_t)(((uint64_t)now_s + print % period) / period),
	};

	return (known_print(&file));
}

uint64_t
commit_print(const struct commit *commit, const struct way *way)
{
	const struct stat *status = &way->file.status;
	const struct known_file file = {
		.dev = status->st_dev,
		.ino = status->st_ino,
		.size = (uint64_t)status->st_size,
		.mtime_s = status->st_mtim.tv_sec,
		.mtime_ns = status->st_mtim.tv_nsec,
		.ctime_s = status->st_ctim.tv_sec,
		.ctime_ns = status->st_ctim.tv_nsec,
		.key = buf_span(&way->key),
		.target = span_of(commit->target),
	};

	return (age(known_print(&file), way->now_s));
}

static void
settle_proved(struct commit *commit, struct way *way)
{
	if (!way->is_in_trash && way->may_upload)
		tell(commit, way,
		    way->was_uploaded ? REPORT_UPLOADED : REPORT_PRESENT,
		    REPORT_NO_REASON, NULL);
	if (!commit->means->is_dry_run && !way->is_in_trash)
		tell(commit, way, REPORT_PROVED, REPORT_NO_REASON, NULL);
	if (way->may_evict)
		evict(commit, way);
	else if (commit->known != NULL && !commit->means->is_dry_run)
		known_add(commit->known, commit_print(commit, way));
}

/* It is not in the bucket. */
static void
settle_missing(struct commit *commit, struct way *way)
{
	if (way->may_upload && commit->means->is_dry_run) {
		tell(commit, way, REPORT_UPLOADED, REPORT_NO_REASON, NULL);
		if (way->may_evict)
			evict(commit, way);
	} else if (way->may_upload || way->is_in_trash)
		fail(commit, way,
		    way->is_in_trash
			? "it is not in the bucket any more: it stays in the "
			  "trash"
			: "S3 says that there is such an object, but a reader "
			  "does not get it: has the site's key s3:GetObject?");
	else
		tell(commit, way, REPORT_SKIPPED, REPORT_NOT_IN_BUCKET, NULL);
}

static void
settle(struct commit *commit, struct way *way)
{
	if (way->no_lease && !commit->has_said_lease) {
		commit->has_said_lease = true;
		log_warning(
		    "offload %s: no leases here (they are for a file's "
		    "owner, and not on every file system): whether a file "
		    "is open for writing is told by its age alone",
		    commit->means->settings->name);
	}
	switch (way->end) {
	case WAY_PROVED:
		settle_proved(commit, way);
		break;
	case WAY_MISSING:
		settle_missing(commit, way);
		break;
	case WAY_SKIPPED:
		tell(commit, way, REPORT_SKIPPED, way->reason, way->why);
		break;
	case WAY_FAILED:
		tell(commit, way, REPORT_FAILED, REPORT_NO_REASON, way->why);
		break;
	case WAY_UNDONE:
		tell(commit, way, REPORT_SKIPPED, REPORT_STOPPED, NULL);
		break;
	}
	report_file_done(commit->report, (uint64_t)way->file.status.st_size);
}

static void
count_failures(struct commit *commit, const struct way *way)
{
	/* What is refused where others are taken is that object's trouble. */
	if (way->end == WAY_FAILED && way->is_s3)
		commit->s3_failures += !way->is_refused || !commit->has_success;
	else if (way->end == WAY_PROVED || way->end == WAY_MISSING) {
		commit->s3_failures = 0;
		commit->has_success = true;
	}
}

void
commit_ways(struct commit *commit, struct task *ways)
{
	for (struct task *at = ways; at != NULL; at = at->next)
		count_failures(commit, (struct way *)at);
	if (!commit->means->is_dry_run)
		write_down_proofs(commit, ways);
	while (ways != NULL) {
		struct way *way = (struct way *)ways;

		ways = ways->next;
		settle(commit, way);
		if (!way->is_gone && commit->on_stay != NULL)
			commit->on_stay(commit->context, way);
		way_free(way);
	}
}

void
commit_finish(struct commit *commit)
{
	struct buf why;

	if (commit->journal == NULL || commit->is_broken)
		return;
	buf_init(&why, WHY_MAX);
	if (!journal_sync(commit->journal, &why))
		log_warning("%s", buf_string(&why));
	buf_fini(&why);
}

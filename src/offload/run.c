/*
 * A run: see run.h.
 *
 *	recover   what a killed run left: uploads, files without their names
 *	empty     the trash of what has been there for long enough
 *	relieve   the disk, where it is over its mark: the oldest files first
 *	sweep     the tree, for all that is to be uploaded, or may go by its age
 *
 * Where there are marks, relief comes before the uploading of what is new: on
 * the night on which the disk is full, it must not wait for that.
 */
#include "offload/run.h"

#include <sys/stat.h>

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "offload/relief.h"

enum {
	WHY_MAX = 2048,
	/* So many entries are looked at before signals and the crew are. */
	LOOK_AT_ONCE = 256,
};

/* ---- Set up ---- */

static bool
complain(const struct run *run, const struct buf *why)
{
	log_error("offload %s: %s", run->settings->name, buf_string(why));
	return (false);
}

static bool
open_trash(struct run *run, struct buf *why)
{
	if (run->settings->trash == NULL || run->order->verb == RUN_PUT ||
	    running_is_dry(run))
		return (true);
	run->trash = trash_open(run->settings->trash, run->place.root, why);
	if (run->trash == NULL)
		return (false);
	walk_pass(&run->rules, &trash_folder(run->trash)->status);
	return (true);
}

static bool
open_uploads(struct run *run, struct buf *why)
{
	char *path = place_path(run->settings, "uploads");

	run->uploads = uploads_open(path, run->settings->name, why);
	free(path);
	return (run->uploads != NULL);
}

static bool
open_files(struct run *run)
{
	char *path = place_path(run->settings, "known");
	struct buf why;
	bool is_open;

	buf_init(&why, WHY_MAX);
	run->mime = mime_load(run->settings->mime_types, &why);
	is_open = run->mime != NULL && open_uploads(run, &why) &&
	    open_trash(run, &why);
	if (!is_open)
		(void)complain(run, &why);
	else if (run->order->verb != RUN_EVICT && !running_is_dry(run))
		run->known = known_open(path);
	/* A trash that lies in the root is not swept by a dry run either. */
	if (run->trash == NULL && run->settings->trash != NULL)
		walk_pass_path(&run->rules, run->settings->trash);
	buf_fini(&why);
	free(path);
	return (is_open);
}

static void
make_means(struct run *run)
{
	const struct run_order *order = run->order;
	const struct site *reader =
	    session_reader(order->session, order->place);

	store_init(&run->store, run->settings->name);
	run->throttle = throttle_new(
	    options_choose(order->options->bwlimit, run->settings->bwlimit));
	run->means = (struct way_means){
		.settings = run->settings,
		.reader = reader,
		.sending = {
			.site = session_writer(order->session, order->place),
			.settings = run->settings,
			.uploads = run->uploads,
			.throttle = run->throttle,
			.report = order->report,
			.patience_ms = run->settings->patience_ms,
		},
		.mime = run->mime,
		.store = &run->store,
		.is_dry_run = running_is_dry(run),
	};
	run->target = mem_printf("%s %s",
	    reader->endpoint != NULL ? reader->endpoint : reader->region,
	    reader->bucket);
}

static void
make_commit(struct run *run)
{
	const struct run_order *order = run->order;

	run->commit = (struct commit){
		.means = &run->means,
		.report = order->report,
		.journal = run->place.journal,
		.known = run->known,
		.trash = run->trash,
		.cache = order->cache,
		.target = run->target,
		.max_delete = options_choose(
		    order->options->max_delete, run->settings->max_delete),
		.on_stay = relief_keep_stayed,
		.context = run,
		.deleted = *order->deleted,
	};
	run->selection = (struct selection){
		.commit = &run->commit,
		.may_upload = order->verb != RUN_EVICT,
		.may_evict = order->verb != RUN_PUT,
	};
}

static void
make_crew(struct run *run)
{
	run->orders = session_orders(run->order->session,
	    (size_t)options_choose(
		run->order->options->jobs, run->settings->jobs));
	run->crew = crew_new(&run->orders);
}

static enum drive_next
next_swept(void *context, struct task **task)
{
	struct run *run = context;
	struct walk_entry entry;
	struct way *way;

	if (running_is_hopeless(run))
		return (DRIVE_OVER);
	for (int i = 0; i < LOOK_AT_ONCE; i++) {
		enum walk_result result = running_find(run, &entry);
		int64_t now = clock_wall_s();

		if (result == WALK_END)
			return (DRIVE_OVER);
		/* What relief would have taken is not there any more. */
		if (result != WALK_FOUND ||
		    (running_is_dry(run) &&
			seen_has(&run->stayed, entry.status.st_ino)) ||
		    !selection_takes(&run->selection, &entry, now))
			continue;
		way = selection_take(&run->selection, &entry, now);
		if (way == NULL)
			continue;
		*task = &way->task;
		return (DRIVE_TASK);
	}
	return (DRIVE_LATER);
}

static void
sweep(struct run *run)
{
	run->is_whole = true;
	run->walk = walk_new(run->place.root, &run->rules);
	running_drive(run, next_swept);
	run->is_whole =
	    run->is_whole && !run->is_stopped && !running_is_hopeless(run);
	walk_free(run->walk);
	run->walk = NULL;
}

/* ---- The trash ---- */

static enum drive_next
next_in_trash(void *context, struct task **task)
{
	struct run *run = context;
	struct walk_entry entry;
	enum walk_result result;
	struct way *way;

	while ((result = running_find(run, &entry)) != WALK_END) {
		if (result != WALK_FOUND || !S_ISREG(entry.status.st_mode))
			continue;
		way = way_new(&run->means, entry.folder, entry.name,
		    &entry.status, clock_wall_s());
		way->min_age_ms = 0;
		way->may_evict = way->is_in_trash = true;
		way->depth = PROVE_AS_NEEDED;
		*task = &way->task;
		/* Below the folder of its day it has the path that it had. */
		if (way_find_key(
			way, run->settings->uri, strchr(entry.path, '/') + 1))
			return (DRIVE_TASK);
		way_free(way);
	}
	return (DRIVE_OVER);
}

static void
remove_when_empty(void *context, struct folder *folder)
{
	(void)context;
	folder->may_remove = true;
}

/* What has been there for long enough goes, if it is still in the bucket. */
static void
empty_trash(struct run *run)
{
	static const struct walk_rules rules = {
		.on_folder = remove_when_empty,
	};
	struct folder *day;

	while (run->trash != NULL && !run->is_stopped &&
	    !running_is_hopeless(run) &&
	    (day = trash_next_over(run->trash, clock_wall_s(),
		 run->settings->trash_grace_ms)) != NULL) {
		run->walk = walk_new(day, &rules);
		running_drive(run, next_in_trash);
		walk_free(run->walk);
		run->walk = NULL;
		folder_release(day);
	}
}

/* ---- All of it ---- */

/* A first look, so that the bar can tell how long it will take. */
static void
expect(struct run *run)
{
	struct selection silent = run->selection;
	uint64_t files = 0, bytes = 0;
	struct walk_rules rules = run->rules;
	struct walk_entry entry;
	enum walk_result result;
	struct walk *walk;
	int64_t now = clock_wall_s();

	if (!run->order->has_bar)
		return;
	silent.is_silent = true;
	walk = walk_new(run->place.root, &rules);
	while ((result = walk_next(walk, &entry)) != WALK_END) {
		if (stop_is_wanted())
			break;
		if (result != WALK_FOUND ||
		    !selection_takes(&silent, &entry, now))
			continue;
		files++;
		bytes += (uint64_t)entry.status.st_size;
	}
	walk_free(walk);
	report_expect(run->order->report, files, bytes);
}

static void
recover(struct run *run)
{
	struct call *call;
	struct buf why;
	int count;

	if (running_is_dry(run))
		return;
	call = call_new(run->orders.sites, run->orders.n_sites,
	    run->orders.keyring, run->orders.learnt);
	buf_init(&why, WHY_MAX);
	count = uploads_recover(run->uploads, call, run->means.sending.site,
	    run->settings->patience_ms, &why);
	if (count < 0)
		log_warning("offload %s: %s; the next run will try again",
		    run->settings->name, buf_string(&why));
	else if (count > 0)
		log_info("offload %s: %d upload%s that a killed run had begun "
			 "given up",
		    run->settings->name, count, count == 1 ? "" : "s");
	buf_fini(&why);
	call_free(call);
}

static void
work(struct run *run)
{
	const enum run_verb verb = run->order->verb;

	recover(run);
	empty_trash(run);
	if (run->settings->high_water > 0 && verb != RUN_PUT) {
		relief(run);
		/* From here on only to be uploaded. */
		run->selection.may_evict = false;
	}
	if (run->selection.may_upload || run->selection.may_evict) {
		expect(run);
		sweep(run);
	}
	if (run->commit.s3_failures >= COMMIT_S3_FAILURES_MAX)
		log_error("offload %s: %d files in a row failed by what S3 "
			  "said, or did not: given up for this time",
		    run->settings->name, (int)COMMIT_S3_FAILURES_MAX);
}

static void
close_all(struct run *run)
{
	crew_free(run->crew);
	if (run->means.settings != NULL)
		commit_finish(&run->commit);
	known_close(run->known, run->is_whole);
	uploads_close(run->uploads);
	trash_close(run->trash);
	mime_free(run->mime);
	throttle_free(run->throttle);
	seen_fini(&run->stayed);
	free(run->target);
	free(run->returned);
	place_close(&run->place);
}

enum status
run_offload(const struct run_order *order)
{
	struct run run = { .order = order, .settings = order->settings };
	enum status status =
	    place_open(&run.place, order->settings, order->options->is_dry_run);

	run.rules.exclude = order->settings->exclude;
	if (status == STATUS_DONE && !open_files(&run))
		status = STATUS_FAILED;
	if (status == STATUS_DONE) {
		make_means(&run);
		make_commit(&run);
		make_crew(&run);
		work(&run);
		*order->deleted = run.commit.deleted;
		if (run.is_stopped)
			status = STATUS_STOPPED;
		else if (running_is_hopeless(&run))
			status = STATUS_FAILED;
	}
	close_all(&run);
	return (status);
}

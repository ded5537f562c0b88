/*
 * Objects back to their place: see restore.h.
 *
 * A path is tried as a file first, which needs no list; only where there is no
 * such object, or where a folder is meant, the bucket is listed below it.
 */
#include "offload/restore.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "offload/arrival.h"
#include "offload/drive.h"
#include "offload/file.h"
#include "offload/list.h"
#include "offload/mapping.h"
#include "offload/place.h"
#include "offload/throttle.h"
#include "s3/fetch.h"
#include "s3/http.h"

enum {
	WHY_MAX = 1024,
	FOLDER_MODE = 0755, /* of those that are made, less the umask */
};

struct restoring {
	const struct restore_order *order;
	const struct site *reader;
	struct place place;
	struct throttle *throttle;
	struct crew_orders orders;
	struct crew *crew;
	struct call *call; /* for lists */

	size_t at;         /* which of the paths is next */
	char *folder;      /* that is listed, "" or with a "/"; NULL: none */
	struct list *list; /* of it */
	bool has_found;    /* something in it */
	char **guesses;    /* paths that were no objects: folders? */
	size_t n_guesses;
};

enum comes { COMES_NOT, COMES_BACK, COMES_THERE, COMES_MISSING, COMES_WRONG };

/* One file. */
struct errand {
	struct task task; /* first: what the crew knows of it */
	struct restoring *restoring;
	struct folder *folder; /* held; NULL: of a dry run */
	char *path;
	const char *name; /* in PATH */
	struct buf key;
	bool is_guess; /* perhaps it is a folder */

	struct fetch *fetch;
	struct arrival *arrival;
	struct metadata metadata; /* owned */
	enum comes comes;
	char why[WHY_MAX];
};

/* ---- One file, by a hand ---- */

static void
fail(struct errand *errand, const char *what, const char *why)
{
	errand->comes = COMES_WRONG;
	snprintf(errand->why, sizeof(errand->why), "%s: %s", what, why);
}

static enum fetch_wish
on_begin(void *context, const struct fetch_head *head)
{
	struct errand *errand = context;

	metadata_fini(&errand->metadata);
	metadata_copy(&errand->metadata, head->metadata);
	fetch_pass_on(errand->fetch);
	if (errand->arrival != NULL && !arrival_restart(errand->arrival)) {
		fail(errand, "it cannot be written", strerror(errno));
		return (FETCH_ENOUGH);
	}
	return (FETCH_GO_ON);
}

static bool
on_body(void *context, struct span bytes)
{
	struct errand *errand = context;

	throttle_take(errand->restoring->throttle, bytes.len);
	report_moved(errand->restoring->order->report, bytes.len);
	if (arrival_write(errand->arrival, bytes))
		return (true);
	fail(errand, "it cannot be written", strerror(errno));
	return (false);
}

/* All its bytes came. */
static void
finish(struct errand *errand)
{
	if (!arrival_is_intact(errand->arrival, &errand->metadata)) {
		fail(errand, "what came is not what was stored",
		    "its SHA-256 is another than the one kept with it");
		return;
	}
	if (arrival_end(errand->arrival, &errand->metadata, errand->name))
		errand->comes = COMES_BACK;
	else if (errno == EEXIST)
		errand->comes = COMES_THERE;
	else
		fail(errand, "it cannot be given its name, times or owner",
		    strerror(errno));
}

static void
settle_fetch(struct errand *errand, enum fetch_result result,
    const struct fetch_report *report)
{
	if (errand->comes == COMES_WRONG)
		return;
	switch (result) {
	case FETCH_OK:
		if (errand->arrival != NULL)
			finish(errand);
		else
			errand->comes = COMES_BACK;
		break;
	case FETCH_MISSING:
		errand->comes = COMES_MISSING;
		break;
	default:
		fail(errand, "it cannot be fetched", report->reason);
		break;
	}
}

static void
fetch(struct errand *errand, struct hand *hand)
{
	const struct restoring *restoring = errand->restoring;
	const struct fetch_request request = {
		.site = restoring->reader,
		.key = buf_span(&errand->key),
		.range = { .kind = RANGE_WHOLE },
		.head_only = errand->arrival == NULL,
		.answer_deadline_ms = clock_monotonic_ms() +
		    restoring->order->settings->patience_ms,
		.deadline_ms = clock_monotonic_ms() + HTTP_LONGEST_MS,
		.peer_fd = -1,
	};
	const struct fetch_sink sink = { on_begin, on_body, errand };
	struct fetch_report report;
	enum fetch_result result =
	    fetch_object(hand->fetch, &request, &sink, &report);

	settle_fetch(errand, result, &report);
}

static void
run(struct task *task, struct hand *hand)
{
	struct errand *errand = (struct errand *)task;

	errand->fetch = hand->fetch;
	if (errand->folder != NULL) {
		errand->arrival = arrival_begin(errand->folder);
		if (errand->arrival == NULL) {
			fail(errand, "no file can be made in its folder",
			    strerror(errno));
			return;
		}
	}
	fetch(errand, hand);
	arrival_free(errand->arrival);
	errand->arrival = NULL;
}

/* ---- Which ones ---- */

static void
tell(const struct restoring *restoring, enum report_what what,
    enum report_reason reason, const char *path, uint64_t bytes,
    const char *why)
{
	const struct report_event event = {
		.what = what,
		.offload = restoring->order->settings->name,
		.path = path[0] != '\0' ? path : "/",
		.bytes = bytes,
		.why = why,
		.reason = reason,
	};

	report_event(restoring->order->report, &event);
}

static void
free_errand(struct errand *errand)
{
	folder_release(errand->folder);
	metadata_fini(&errand->metadata);
	buf_fini(&errand->key);
	free(errand->path);
	free(errand);
}

/* What a run that was killed left of a file on its way out is the file: it has
 * its name back, and need not be fetched.  Best effort: else it is fetched. */
static void
return_left(struct folder *folder, const char *name)
{
	if (file_return_to(folder, name))
		log_info("%s%s: has its name back, that a run which was killed "
			 "had taken",
		    folder->path, name);
}

/* Has something its name?  That is told. */
static bool
is_there(const struct restoring *restoring, const struct errand *errand,
    struct folder *folder)
{
	struct stat status;

	if (!restoring->order->options->is_dry_run)
		return_left(folder, errand->name);
	if (fstatat(folder->fd, errand->name, &status, AT_SYMLINK_NOFOLLOW) !=
	    0)
		return (false);
	if (S_ISREG(status.st_mode))
		tell(restoring, REPORT_SKIPPED, REPORT_EXISTS, errand->path,
		    (uint64_t)status.st_size, NULL);
	else
		tell(restoring, REPORT_FAILED, REPORT_NO_REASON, errand->path,
		    0,
		    "a folder, or another thing that is no file, has its "
		    "name");
	return (true);
}

/* Have its folder open, and nothing there that has its name. */
static bool
prepare(struct restoring *restoring, struct errand *errand)
{
	bool is_dry = restoring->order->options->is_dry_run;
	struct folder *folder = folder_of_path(restoring->place.root,
	    errand->path, !is_dry, FOLDER_MODE, &errand->name);

	if (folder == NULL && is_dry && errno == ENOENT)
		return (true);
	if (folder == NULL) {
		fail(errand, "its folder cannot be opened or made",
		    strerror(errno));
		tell(restoring, REPORT_FAILED, REPORT_NO_REASON, errand->path,
		    0, errand->why);
		return (false);
	}
	if (is_there(restoring, errand, folder)) {
		folder_release(folder);
		return (false);
	}
	if (is_dry)
		folder_release(folder);
	else
		errand->folder = folder;
	return (true);
}

/* An errand for PATH; NULL where there is nothing to do. */
static struct errand *
make_errand(struct restoring *restoring, const char *path, bool is_guess)
{
	struct errand *errand = mem_zero(1, sizeof(*errand));
	const char *why;

	errand->task.run = run;
	errand->restoring = restoring;
	errand->path = mem_string(path);
	errand->is_guess = is_guess;
	metadata_init(&errand->metadata);
	buf_init(&errand->key, SITE_KEY_MAX);
	if (!mapping_key(restoring->reader, restoring->order->settings->uri,
		path, &errand->key, &why))
		tell(restoring, REPORT_FAILED, REPORT_NO_REASON, path, 0, why);
	else if (prepare(restoring, errand))
		return (errand);
	free_errand(errand);
	return (NULL);
}

static bool
is_folder(const struct restoring *restoring, const char *path)
{
	size_t len = strlen(path);
	struct stat status;

	if (len == 0 || path[len - 1] == '/')
		return (true);
	return (fstatat(restoring->place.root->fd, path, &status,
		    AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISDIR(status.st_mode));
}

/* List what is in the folder PATH. */
static void
begin_folder(struct restoring *restoring, const char *path)
{
	const struct restore_order *order = restoring->order;
	size_t len = strlen(path);
	struct buf prefix;
	const char *why;

	restoring->folder = mem_printf(
	    "%s%s", path, len > 0 && path[len - 1] != '/' ? "/" : "");
	restoring->has_found = false;
	buf_init(&prefix, SITE_KEY_MAX);
	if (mapping_prefix(restoring->reader, order->settings->uri,
		restoring->folder, &prefix, &why))
		restoring->list = list_new(restoring->call,
		    session_writer(order->session, order->place), LIST_OBJECTS,
		    buf_span(&prefix), order->settings->patience_ms);
	else
		tell(restoring, REPORT_FAILED, REPORT_NO_REASON, path, 0, why);
	buf_fini(&prefix);
}

static void
end_folder(struct restoring *restoring)
{
	list_free(restoring->list);
	restoring->list = NULL;
	free(restoring->folder);
	restoring->folder = NULL;
}

/* The next object of the list; NULL: none was to be had from it by now. */
static struct errand *
take_listed(struct restoring *restoring)
{
	struct list_entry entry;
	struct errand *errand = NULL;
	enum list_result result = restoring->list == NULL
	    ? LIST_END
	    : list_next(restoring->list, &entry);
	struct buf path;

	if (result == LIST_FOUND) {
		buf_init(&path, MAPPING_PATH_MAX);
		if (mapping_path(restoring->reader,
			restoring->order->settings->uri, entry.key, &path)) {
			restoring->has_found = true;
			errand =
			    make_errand(restoring, buf_string(&path), false);
		}
		buf_fini(&path);
		return (errand);
	}
	if (result == LIST_FAILED)
		tell(restoring, REPORT_FAILED, REPORT_NO_REASON,
		    restoring->folder, 0, list_reason(restoring->list));
	else if (!restoring->has_found && restoring->list != NULL)
		tell(restoring, REPORT_FAILED, REPORT_NO_REASON,
		    restoring->folder, 0,
		    "there is no such object in the bucket, nor one below it");
	end_folder(restoring);
	return (NULL);
}

static enum drive_next
next(void *context, struct task **task)
{
	struct restoring *restoring = context;
	const struct restore_order *order = restoring->order;
	struct errand *errand = NULL;

	if (restoring->folder != NULL)
		errand = take_listed(restoring);
	else if (restoring->n_guesses > 0) {
		char *path = restoring->guesses[--restoring->n_guesses];

		begin_folder(restoring, path);
		free(path);
	} else if (restoring->at < order->n_paths) {
		const char *path = order->paths[restoring->at++];

		if (is_folder(restoring, path))
			begin_folder(restoring, path);
		else
			errand = make_errand(restoring, path, true);
	} else
		/* One that is under way may turn out to be a folder. */
		return (
		    crew_busy(restoring->crew) > 0 ? DRIVE_WAIT : DRIVE_OVER);
	if (errand == NULL)
		return (DRIVE_LATER);
	*task = &errand->task;
	return (DRIVE_TASK);
}

/* ---- What came of them ---- */

static void
write_down(const struct restoring *restoring, const struct errand *errand)
{
	struct timespec mtime = arrival_mtime(&errand->metadata);
	struct span sha256 = errand->metadata.field[METADATA_SHA256];
	struct journal_entry entry = {
		.what = JOURNAL_RESTORED,
		.when_s = clock_wall_s(),
		.offload = restoring->order->settings->name,
		.key = buf_span(&errand->key),
		.path = span_of(errand->path),
		.size = errand->metadata.size,
		.mtime_s = mtime.tv_sec,
		.mtime_ns = mtime.tv_nsec < 1000000000 ? mtime.tv_nsec : 0,
		.etag = errand->metadata.field[METADATA_ETAG],
	};

	if (sha256.len < sizeof(entry.sha256))
		snprintf(entry.sha256, sizeof(entry.sha256), "%.*s",
		    (int)sha256.len, sha256.data != NULL ? sha256.data : "");
	if (restoring->place.journal != NULL &&
	    !journal_add(restoring->place.journal, &entry))
		log_warning(
		    "%s: too long for a line of the journal", errand->path);
}

static void
settle_errand(struct restoring *restoring, struct errand *errand)
{
	uint64_t bytes = errand->metadata.size;

	switch (errand->comes) {
	case COMES_BACK:
		write_down(restoring, errand);
		tell(restoring, REPORT_RESTORED, REPORT_NO_REASON, errand->path,
		    bytes, NULL);
		break;
	case COMES_THERE:
		tell(restoring, REPORT_SKIPPED, REPORT_EXISTS, errand->path,
		    bytes, NULL);
		break;
	case COMES_MISSING:
		if (errand->is_guess) {
			restoring->guesses = mem_resize(restoring->guesses,
			    (restoring->n_guesses + 1) *
				sizeof(*restoring->guesses));
			restoring->guesses[restoring->n_guesses++] =
			    mem_string(errand->path);
			break;
		}
		tell(restoring, REPORT_FAILED, REPORT_NO_REASON, errand->path,
		    0, "it is in the list, but a reader does not get it");
		break;
	case COMES_NOT:
		tell(restoring, REPORT_SKIPPED, REPORT_STOPPED, errand->path, 0,
		    NULL);
		break;
	case COMES_WRONG:
		tell(restoring, REPORT_FAILED, REPORT_NO_REASON, errand->path,
		    bytes, errand->why);
		break;
	}
	report_file_done(restoring->order->report, bytes);
	free_errand(errand);
}

static void
settle(void *context, struct task *done)
{
	while (done != NULL) {
		struct errand *errand = (struct errand *)done;

		done = done->next;
		settle_errand(context, errand);
	}
}

/* ---- All of it ---- */

static void
finish_journal(struct restoring *restoring)
{
	struct buf why;

	if (restoring->place.journal == NULL)
		return;
	buf_init(&why, WHY_MAX);
	if (!journal_sync(restoring->place.journal, &why))
		log_warning("%s", buf_string(&why));
	buf_fini(&why);
}

static bool
work(struct restoring *restoring)
{
	const struct drive drive = {
		.crew = restoring->crew,
		.report = restoring->order->report,
		.next = next,
		.settle = settle,
		.context = restoring,
	};

	return (drive_run(&drive));
}

static void
begin(struct restoring *restoring)
{
	const struct restore_order *order = restoring->order;
	const struct options *options = order->options;

	restoring->reader = session_reader(order->session, order->place);
	restoring->throttle = throttle_new(
	    options_choose(options->bwlimit, order->settings->bwlimit));
	restoring->orders = session_orders(order->session,
	    (size_t)options_choose(options->jobs, order->settings->jobs));
	restoring->call =
	    call_new(restoring->orders.sites, restoring->orders.n_sites,
		restoring->orders.keyring, restoring->orders.learnt);
	restoring->crew = crew_new(&restoring->orders);
}

enum status
restore(const struct restore_order *order)
{
	struct restoring restoring = { .order = order };
	enum status status = place_open(
	    &restoring.place, order->settings, order->options->is_dry_run);

	if (status == STATUS_DONE) {
		begin(&restoring);
		if (!work(&restoring))
			status = STATUS_STOPPED;
		finish_journal(&restoring);
	}
	crew_free(restoring.crew);
	call_free(restoring.call);
	throttle_free(restoring.throttle);
	if (restoring.folder != NULL)
		end_folder(&restoring);
	while (restoring.n_guesses > 0)
		free(restoring.guesses[--restoring.n_guesses]);
	free(restoring.guesses);
	place_close(&restoring.place);
	return (status);
}

/*
 * An audit: see audit.h.
 *
 * Each question is a HEAD by a hand of the crew.  Of the journal's lines the
 * last of each key counts; which that are is kept in memory, 16 to 32 bytes a
 * line.
 */
#include "offload/audit.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "offload/digest.h"
#include "offload/drive.h"
#include "offload/journal.h"
#include "offload/latest.h"
#include "offload/list.h"
#include "offload/mapping.h"
#include "offload/place.h"
#include "offload/prove.h"
#include "offload/selection.h"
#include "offload/walk.h"

enum {
	WHY_MAX = 2048,
	LOOK_AT_ONCE = 256,
	/* Of the journal, questions that wait for a hand. */
	LINES_AT_ONCE = 1024,
};

struct auditing {
	const struct audit_order *order;
	const struct offload_settings *settings;
	const struct site *reader;
	struct place place;
	struct crew_orders orders;
	struct crew *crew;
	bool is_stopped;

	/* The phase under way. */
	struct walk *walk;
	struct latest latest; /* lines of the journal */
	struct task *lines;   /* of the journal, not yet given */
	size_t n_lines;
};

/* One key. */
struct question {
	struct task task; /* first: what the crew knows of it */
	const struct auditing *auditing;
	struct buf key;
	char *path;
	uint64_t size;
	struct folder *folder; /* held, of a file of the tree; NULL: of the
	                        * journal */
	char *name;
	bool with_digest;                   /* the file's is taken */
	char sha256[DIGEST_SHA256_LEN + 1]; /* of the journal, or taken */
	bool is_unreadable;
	int error;
	bool has_digest; /* the object has one */
	enum prove_result result;
	struct prove_found found;
};

static void
free_question(struct question *question)
{
	folder_release(question->folder);
	buf_fini(&question->key);
	free(question->path);
	free(question->name);
	free(question);
}

/* ---- By a hand ---- */

/* The file's own digest; false where it is gone or cannot be read. */
static bool
take_digest(struct question *question, struct hand *hand)
{
	int fd = openat(question->folder->fd, question->name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct digest digest;
	bool is_read = fd >= 0 &&
	    digest_file(fd, 0, question->size, false, true, hand->room,
		CREW_ROOM, &digest);

	question->error = errno;
	if (fd >= 0)
		close(fd);
	question->is_unreadable = !is_read;
	if (is_read)
		memcpy(
		    question->sha256, digest.sha256, sizeof(question->sha256));
	return (is_read);
}

static void
run(struct task *task, struct hand *hand)
{
	struct question *question = (struct question *)task;
	const struct prove_order order = {
		.site = question->auditing->reader,
		.who = "reader",
		.key = buf_span(&question->key),
		.fd = -1,
		.size = question->size,
		.sha256 = question->sha256[0] != '\0' || question->with_digest
		    ? question->sha256
		    : NULL,
		.patience_ms = question->auditing->settings->patience_ms,
	};

	if (question->with_digest && !take_digest(question, hand))
		return;
	question->result =
	    prove_look(&order, hand, &question->has_digest, &question->found);
}

/* ---- What came of it ---- */

static void
tell(const struct auditing *auditing, enum report_what what,
    const struct question *question, const char *why)
{
	const struct report_event event = {
		.what = what,
		.offload = auditing->settings->name,
		.path = question->path,
		.key = buf_string(&question->key),
		.bytes = question->size,
		.why = why,
	};

	report_event(auditing->order->report, &event);
}

static void
settle_question(struct auditing *auditing, const struct question *question)
{
	bool is_file = question->folder != NULL;

	if (!question->task.is_begun)
		return; /* a signal came first */
	if (question->is_unreadable) {
		/* It has gone, or changes: no difference; or a signal came. */
		if (question->error == ENOENT || question->error == 0 ||
		    question->error == ECANCELED)
			return;
		tell(auditing, REPORT_FAILED, question,
		    strerror(question->error));
		return;
	}
	switch (question->result) {
	case PROVE_HOLDS:
		tell(auditing, REPORT_PROVED, question, NULL);
		break;
	case PROVE_MISSING:
		tell(auditing, is_file ? REPORT_NOT_UPLOADED : REPORT_LOST,
		    question,
		    is_file ? NULL
			    : "the journal says that it was proved; it is "
			      "neither here nor in the bucket");
		break;
	case PROVE_DIFFERS:
		tell(
		    auditing, REPORT_DIFFERS, question, question->found.reason);
		break;
	case PROVE_UNSURE:
	case PROVE_FAILED:
		tell(auditing, REPORT_FAILED, question, question->found.reason);
		break;
	}
}

static void
settle(void *context, struct task *done)
{
	struct auditing *auditing = context;

	while (done != NULL) {
		struct question *question = (struct question *)done;

		done = done->next;
		settle_question(auditing, question);
		report_file_done(auditing->order->report, question->size);
		free_question(question);
	}
}

static bool
drive(
    struct auditing *auditing, enum drive_next (*next)(void *, struct task **))
{
	const struct drive drive = {
		.crew = auditing->crew,
		.report = auditing->order->report,
		.next = next,
		.settle = settle,
		.context = auditing,
	};

	auditing->is_stopped = auditing->is_stopped || !drive_run(&drive);
	return (!auditing->is_stopped);
}

/* ---- The tree ---- */

static struct question *
new_question(const struct auditing *auditing, const char *path, uint64_t size)
{
	struct question *question = mem_zero(1, sizeof(*question));

	question->task.run = run;
	question->auditing = auditing;
	question->path = mem_string(path);
	question->size = size;
	buf_init(&question->key, SITE_KEY_MAX);
	return (question);
}

/* Tell that the file at ENTRY is not looked at; NULL. */
static struct question *
let_alone(const struct auditing *auditing, const struct walk_entry *entry,
    enum report_reason reason, const char *why)
{
	const struct report_event event = {
		.what = REPORT_SKIPPED,
		.offload = auditing->settings->name,
		.path = entry->path,
		.bytes = (uint64_t)entry->status.st_size,
		.why = why,
		.reason = reason,
	};

	report_event(auditing->order->report, &event);
	return (NULL);
}

/* What put would take, by the same rules. */
static bool
is_wanted(const struct auditing *auditing, const struct walk_entry *entry)
{
	const struct offload_settings *settings = auditing->settings;
	enum report_reason reason = selection_refusal(
	    settings, entry, clock_wall_s(), settings->min_age_ms);

	if (reason != REPORT_NO_REASON)
		(void)let_alone(auditing, entry, reason, NULL);
	return (reason == REPORT_NO_REASON);
}

static struct question *
ask_of_file(struct auditing *auditing, const struct walk_entry *entry)
{
	struct question *question = new_question(
	    auditing, entry->path, (uint64_t)entry->status.st_size);
	const char *why;

	question->folder = folder_hold(entry->folder);
	question->name = mem_string(entry->name);
	question->with_digest =
	    auditing->settings->verify == OFFLOAD_VERIFY_READ;
	if (mapping_key(auditing->reader, auditing->settings->uri, entry->path,
		&question->key, &why))
		return (question);
	free_question(question);
	return (let_alone(auditing, entry, REPORT_NO_KEY, why));
}

static enum drive_next
next_of_tree(void *context, struct task **task)
{
	struct auditing *auditing = context;
	struct walk_entry entry;
	struct question *question;

	for (int i = 0; i < LOOK_AT_ONCE; i++) {
		enum walk_result result = walk_next(auditing->walk, &entry);

		if (result == WALK_END)
			return (DRIVE_OVER);
		if (result == WALK_FAILED) {
			struct question failed = {
				.path = (char *)(uintptr_t)entry.path,
			};

			buf_init(&failed.key, 1);
			tell(auditing, REPORT_FAILED, &failed, strerror(errno));
		}
		if (result != WALK_FOUND || !is_wanted(auditing, &entry))
			continue;
		question = ask_of_file(auditing, &entry);
		if (question == NULL)
			continue;
		*task = &question->task;
		return (DRIVE_TASK);
	}
	return (DRIVE_LATER);
}

static void
audit_tree(struct auditing *auditing)
{
	struct walk_rules rules = { .exclude = auditing->settings->exclude };

	if (auditing->settings->trash != NULL)
		walk_pass_path(&rules, auditing->settings->trash);
	auditing->walk = walk_new(auditing->place.root, &rules);
	(void)drive(auditing, next_of_tree);
	walk_free(auditing->walk);
	auditing->walk = NULL;
}

/* ---- The journal ---- */

/* Is there something with that name in the tree, or has it no such name? */
static bool
is_here(const struct auditing *auditing, const char *path)
{
	const char *name;
	struct stat status;
	struct folder *folder =
	    folder_of_path(auditing->place.root, path, false, 0, &name);
	bool is_there = folder != NULL &&
	    fstatat(folder->fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0;

	folder_release(folder);
	return (is_there);
}

static bool
is_proof(const struct auditing *auditing, const struct journal_entry *entry)
{
	return (
	    (entry->what == JOURNAL_PROVED || entry->what == JOURNAL_EVICTED ||
		entry->what == JOURNAL_TRASHED) &&
	    strcmp(entry->offload, auditing->settings->name) == 0);
}

static bool
note_line(void *context, const struct journal_entry *entry)
{
	struct auditing *auditing = context;

	if (is_proof(auditing, entry))
		latest_note(&auditing->latest, entry->key);
	return (true);
}

static enum drive_next
next_of_lines(void *context, struct task **task)
{
	struct auditing *auditing = context;

	if (auditing->lines == NULL)
		return (DRIVE_OVER);
	*task = auditing->lines;
	auditing->lines = auditing->lines->next;
	auditing->n_lines--;
	return (DRIVE_TASK);
}

static bool
take_line(void *context, const struct journal_entry *entry)
{
	struct auditing *auditing = context;
	struct question *question;
	char *path;

	if (!is_proof(auditing, entry) ||
	    !latest_is(&auditing->latest, entry->key))
		return (true);
	path = mem_string_of(entry->path.data, entry->path.len);
	if (!is_here(auditing, path)) {
		question = new_question(auditing, path, entry->size);
		memcpy(
		    question->sha256, entry->sha256, sizeof(question->sha256));
		if (buf_add_span(&question->key, entry->key)) {
			question->task.next = auditing->lines;
			auditing->lines = &question->task;
			auditing->n_lines++;
		} else
			free_question(question);
	}
	free(path);
	return (auditing->n_lines < LINES_AT_ONCE ||
	    drive(auditing, next_of_lines));
}

/* Twice: which lines count, and what they say. */
static bool
read_journal(struct auditing *auditing, const char *path, size_t *passed_over,
    struct buf *why)
{
	return (journal_read(path, note_line, auditing, passed_over, why) &&
	    journal_read(path, take_line, auditing, passed_over, why));
}

static void
audit_journal(struct auditing *auditing)
{
	char *path = place_path(auditing->settings, "journal");
	size_t passed_over = 0;
	struct buf why;

	buf_init(&why, WHY_MAX);
	if (!read_journal(auditing, path, &passed_over, &why)) {
		struct question failed = { .path = path };

		buf_init(&failed.key, 1);
		tell(auditing, REPORT_FAILED, &failed, buf_string(&why));
	}
	if (passed_over > 0)
		log_warning("%s: %zu lines are none of the journal's, or were "
			    "torn by a crash: they were passed over",
		    path, passed_over);
	(void)drive(auditing, next_of_lines);
	while (auditing->lines != NULL) {
		struct task *task = auditing->lines;

		auditing->lines = task->next;
		free_question((struct question *)task);
	}
	buf_fini(&why);
	free(path);
}

/* ---- The bucket ---- */

static void
look_at_object(struct auditing *auditing, const struct list_entry *entry)
{
	char *key = mem_string_of(entry->key.data, entry->key.len);
	const struct report_event event = {
		.what = REPORT_UNKNOWN,
		.offload = auditing->settings->name,
		.key = key,
		.bytes = entry->size,
		.why = "no path below the root has this key",
	};
	struct buf path;

	buf_init(&path, MAPPING_PATH_MAX);
	if (!mapping_path(
		auditing->reader, auditing->settings->uri, entry->key, &path))
		report_event(auditing->order->report, &event);
	buf_fini(&path);
	free(key);
}

static void
audit_bucket(struct auditing *auditing)
{
	const struct audit_order *order = auditing->order;
	struct call *call =
	    call_new(auditing->orders.sites, auditing->orders.n_sites,
		auditing->orders.keyring, auditing->orders.learnt);
	struct list_entry entry;
	enum list_result result = LIST_END;
	struct buf prefix;
	struct list *list;
	const char *why = "";

	buf_init(&prefix, SITE_KEY_MAX);
	if (!mapping_prefix(
		auditing->reader, auditing->settings->uri, "", &prefix, &why))
		buf_clear(&prefix);
	list = list_new(call, session_writer(order->session, order->place),
	    LIST_OBJECTS, buf_span(&prefix), auditing->settings->patience_ms);
	while (!auditing->is_stopped &&
	    (result = list_next(list, &entry)) == LIST_FOUND) {
		look_at_object(auditing, &entry);
		report_tick(order->report, clock_monotonic_ms());
		auditing->is_stopped = stop_is_wanted();
	}
	if (result == LIST_FAILED) {
		const struct report_event event = {
			.what = REPORT_FAILED,
			.offload = auditing->settings->name,
			.path = "the list of the bucket",
			.why = list_reason(list),
		};

		report_event(order->report, &event);
	}
	list_free(list);
	buf_fini(&prefix);
	call_free(call);
}

enum status
audit(const struct audit_order *order)
{
	struct auditing auditing = {
		.order = order,
		.settings = order->settings,
		.reader = session_reader(order->session, order->place),
	};
	const struct options *options = order->options;
	enum status status = place_open(&auditing.place, order->settings, true);

	if (status == STATUS_DONE) {
		auditing.orders = session_orders(order->session,
		    (size_t)options_choose(
			options->jobs, order->settings->jobs));
		auditing.crew = crew_new(&auditing.orders);
		audit_tree(&auditing);
		if (!auditing.is_stopped)
			audit_journal(&auditing);
		if (!auditing.is_stopped)
			audit_bucket(&auditing);
		if (auditing.is_stopped)
			status = STATUS_STOPPED;
	}
	crew_free(auditing.crew);
	latest_fini(&auditing.latest);
	place_close(&auditing.place);
	return (status);
}

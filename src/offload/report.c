/*
 * What a run tells: see report.h.  A table says of each kind of event its words
 * and where it is shown; what is written, and how, is offload/output's.
 *
 * Every line is built whole in a buffer that holds the longest one there can
 * be: names are cut to a length that none has in a real tree.
 */
#include "offload/report.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "offload/jsonl.h"
#include "offload/output.h"
#include "offload/progress.h"
#include "offload/text.h"

enum {
	BAR_MS = 200,
	LINE_MS = 10 * 1000,

	NAME_MOST = 16 * 1024, /* of each text of an event */
	/* A byte is at most \u00NN or U+FFFD, and two digits of NAME_hex. */
	LINE_MAX_BYTES = 4 * NAME_MOST * 8 + 4096,

	/* A line of the log holds a path, and why. */
	LOG_PATH_MAX = LOG_LINE_MAX - 1200,
	LOG_WHY_MAX = 1000,
};

/* Where a kind of event is shown. */
enum place {
	IN_DETAIL, /* with -v; a dry run shows what it would do */
	AS_RESULT, /* but with -q */
	AS_ERROR,  /* always, in the log */
};

static const struct {
	const char *name;  /* in JSON */
	const char *done;  /* what stands before the path and in the summary */
	const char *would; /* the same of a dry run; NULL: does nothing */
	enum place place;
} whats[REPORT_WHATS] = {
	[REPORT_UPLOADED] = { "uploaded", "uploaded", "would upload",
	    IN_DETAIL },
	[REPORT_PRESENT] = { "present", "found in the bucket", NULL,
	    IN_DETAIL },
	[REPORT_PROVED] = { "proved", "proved", NULL, IN_DETAIL },
	[REPORT_EVICTED] = { "evicted", "evicted", "would delete", IN_DETAIL },
	[REPORT_TRASHED] = { "trashed", "moved to the trash",
	    "would move to the trash", IN_DETAIL },
	[REPORT_DELETED] = { "deleted", "deleted from the trash",
	    "would delete from the trash", IN_DETAIL },
	[REPORT_RESTORED] = { "restored", "restored", "would restore",
	    IN_DETAIL },
	[REPORT_SKIPPED] = { "skipped", "skipped", NULL, IN_DETAIL },
	[REPORT_FAILED] = { "failed", "failed", NULL, AS_ERROR },
	[REPORT_DIFFERS] = { "differs", "differs", NULL, AS_ERROR },
	[REPORT_LOST] = { "lost", "lost", NULL, AS_ERROR },
	[REPORT_NOT_UPLOADED] = { "not_uploaded", "not uploaded", NULL,
	    AS_RESULT },
	[REPORT_UNKNOWN] = { "unknown", "unknown", NULL, AS_RESULT },
};

static const struct {
	const char *name; /* in JSON */
	const char *text;
} reasons[REPORT_REASONS] = {
	[REPORT_NO_REASON] = { "other", "for another reason" },
	[REPORT_TOO_YOUNG] = { "too_young", "too young" },
	[REPORT_OPEN] = { "open", "open for writing" },
	[REPORT_NOT_REGULAR] = { "not_regular", "not a regular file" },
	[REPORT_LINKS] = { "links", "several links" },
	[REPORT_EXCLUDED] = { "excluded", "excluded" },
	[REPORT_NO_KEY] = { "no_key", "no key" },
	[REPORT_NOT_IN_BUCKET] = { "not_in_bucket", "not in the bucket" },
	[REPORT_CHANGED] = { "changed", "changed" },
	[REPORT_GONE] = { "gone", "gone" },
	[REPORT_LIMIT] = { "limit", "over max_delete" },
	[REPORT_BELOW_MARK] = { "below_mark", "the disk is below its mark" },
	[REPORT_ALREADY] = { "already", "uploaded already" },
	[REPORT_EXISTS] = { "exists", "the path exists" },
	[REPORT_STOPPED] = { "stopped", "stopped by a signal" },
};

struct count {
	uint64_t files, bytes;
};

struct report {
	struct report_options options;
	struct output output;
	struct progress progress;
	struct buf line;
	struct count counts[REPORT_WHATS];
	struct count skipped[REPORT_REASONS];
	int64_t shown_ms; /* when the bar or the line was last written */
	_Atomic uint64_t moved;
};

struct report *
report_new(const struct report_options *options)
{
	struct report *report = mem_zero(1, sizeof(*report));

	report->options = *options;
	output_init(&report->output, options->out_fd, options->err_fd,
	    options->columns);
	progress_init(&report->progress, options->start_ms);
	buf_init(&report->line, LINE_MAX_BYTES);
	report->shown_ms = options->start_ms;
	atomic_init(&report->moved, 0);
	return (report);
}

void
report_free(struct report *report)
{
	if (report == NULL)
		return;
	output_clear(&report->output);
	buf_fini(&report->line);
	free(report);
}

void
report_expect(struct report *report, uint64_t files, uint64_t bytes)
{
	report->progress.files_total += files;
	report->progress.bytes_total += bytes;
}

void
report_file_done(struct report *report, uint64_t bytes)
{
	report->progress.files++;
	report->progress.bytes += bytes;
}

void
report_moved(struct report *report, uint64_t bytes)
{
	atomic_fetch_add_explicit(&report->moved, bytes, memory_order_relaxed);
}

static void
add_string(struct buf *out, const char *string)
{
	bool is_added = buf_add_string(out, string);

	assert(is_added);
}

/* STRING to be shown, at most MAX bytes of it. */
static void
add_shown(struct buf *out, const char *string, size_t max)
{
	bool is_added = text_add_shown(out, span_of(string), max);

	assert(is_added);
}

/* Room for any member: of a longer text the front. */
static void
add_member(struct jsonl *json, const char *name, const char *string)
{
	struct span text = span_of(string);

	if (text.len > NAME_MOST)
		text.len = NAME_MOST;
	jsonl_text(json, name, text);
}

/* An object of JSON begins, for an event of the kind NAME. */
static void
begin_object(struct report *report, struct jsonl *json, const char *name)
{
	buf_clear(&report->line);
	jsonl_begin(json, &report->line);
	jsonl_text(json, "event", span_of(name));
	if (report->options.is_dry_run)
		jsonl_true(json, "dry_run");
}

static bool
write_object(struct report *report, struct jsonl *json)
{
	bool is_whole = jsonl_end(json);

	assert(is_whole);
	return (output_line(&report->output, buf_span(&report->line)));
}

static bool
write_event_json(struct report *report, const struct report_event *event)
{
	struct jsonl json;

	begin_object(report, &json, whats[event->what].name);
	add_member(&json, "offload", event->offload);
	add_member(&json, "path", event->path);
	add_member(&json, "key", event->key);
	jsonl_number(&json, "bytes", event->bytes);
	if (event->what == REPORT_SKIPPED)
		jsonl_text(
		    &json, "reason", span_of(reasons[event->reason].name));
	add_member(&json, "why", event->why);
	return (write_object(report, &json));
}

/* What EVENT is about, or NULL. */
static const char *
subject_of(const struct report_event *event)
{
	return (event->path != NULL ? event->path : event->key);
}

/* "PATH: WHY" in the log; that it differs or is lost is said before the why. */
static void
write_error(struct report *report, const struct report_event *event)
{
	struct buf *line = &report->line;
	const char *subject = subject_of(event), *between = "";

	buf_clear(line);
	if (subject != NULL) {
		add_shown(line, subject, LOG_PATH_MAX);
		between = ": ";
	}
	if (event->what != REPORT_FAILED || event->why == NULL) {
		add_string(line, between);
		add_string(line, whats[event->what].done);
		between = ": ";
	}
	if (event->why != NULL) {
		add_string(line, between);
		add_shown(line, event->why, LOG_WHY_MAX);
	}
	output_error(&report->output, buf_string(line));
}

static void
write_event(struct report *report, const struct report_event *event)
{
	struct buf *line = &report->line;
	const char *subject = subject_of(event);
	const char *would = whats[event->what].would;

	buf_clear(line);
	add_string(line,
	    report->options.is_dry_run && would != NULL
		? would
		: whats[event->what].done);
	if (subject != NULL) {
		add_string(line, " ");
		add_shown(line, subject, 4 * NAME_MOST);
	}
	if (event->what == REPORT_SKIPPED) {
		add_string(line, ": ");
		add_string(line, reasons[event->reason].text);
	}
	if (event->why != NULL) {
		add_string(line, ": ");
		add_shown(line, event->why, NAME_MOST);
	}
	add_string(line, "\n");
	(void)output_line(&report->output, buf_span(line));
}

/* Is EVENT, which is no error, shown as a line? */
static bool
is_line(const struct report *report, const struct report_event *event)
{
	const struct report_options *options = &report->options;

	if (options->is_quiet)
		return (false);
	return (options->is_verbose || whats[event->what].place == AS_RESULT ||
	    (options->is_dry_run && whats[event->what].would != NULL));
}

static void
count(struct count *counter, uint64_t bytes)
{
	counter->files++;
	counter->bytes += bytes;
}

void
report_event(struct report *report, const struct report_event *event)
{
	bool is_error, is_written = false;

	assert(event->what < REPORT_WHATS && event->reason < REPORT_REASONS);
	count(&report->counts[event->what], event->bytes);
	if (event->what == REPORT_SKIPPED)
		count(&report->skipped[event->reason], event->bytes);
	is_error = whats[event->what].place == AS_ERROR;
	if (report->options.is_json) {
		if (is_error || !report->options.is_quiet)
			is_written = write_event_json(report, event);
		if (is_error && !is_written)
			write_error(report, event);
	} else if (is_error) {
		write_error(report, event);
	} else if (is_line(report, event)) {
		write_event(report, event);
	}
}

static void
update(struct report *report, int64_t now_ms)
{
	progress_update(&report->progress, now_ms,
	    atomic_load_explicit(&report->moved, memory_order_relaxed));
}

/* How far it is, as members of an object. */
static void
add_progress(struct report *report, struct jsonl *json, uint64_t rate)
{
	const struct progress *progress = &report->progress;

	jsonl_number(json, "files", progress->files);
	if (progress->files_total > 0)
		jsonl_number(json, "files_total", progress->files_total);
	jsonl_number(json, "bytes", progress->bytes);
	if (progress->files_total > 0)
		jsonl_number(json, "bytes_total", progress->bytes_total);
	jsonl_number(json, "moved", progress->moved);
	jsonl_number(json, "rate", rate);
	jsonl_number(
	    json, "elapsed_ms", (uint64_t)progress_elapsed_ms(progress));
}

static void
write_progress_json(struct report *report)
{
	int64_t left_ms = progress_left_ms(&report->progress);
	struct jsonl json;

	begin_object(report, &json, "progress");
	add_progress(report, &json, progress_rate(&report->progress));
	if (left_ms >= 0)
		jsonl_number(&json, "left_ms", (uint64_t)left_ms);
	(void)write_object(report, &json);
}

static void
write_progress(struct report *report)
{
	char text[PROGRESS_MAX];

	buf_clear(&report->line);
	add_string(&report->line, progress_line(&report->progress, text));
	add_string(&report->line, "\n");
	(void)output_line(&report->output, buf_span(&report->line));
}

void
report_tick(struct report *report, int64_t now_ms)
{
	const struct report_options *options = &report->options;
	bool is_bar = options->is_terminal && !options->is_json;

	update(report, now_ms);
	if (options->is_quiet ||
	    now_ms - report->shown_ms < (is_bar ? BAR_MS : LINE_MS))
		return;
	report->shown_ms = now_ms;
	if (is_bar)
		output_bar(&report->output, &report->progress);
	else if (options->is_json)
		write_progress_json(report);
	else
		write_progress(report);
}

static void
add_count(struct jsonl *json, const struct count *counter)
{
	jsonl_number(json, "files", counter->files);
	jsonl_number(json, "bytes", counter->bytes);
}

/* Why files were let alone: an object with what occurred. */
static void
add_reasons(struct jsonl *json, const struct count skipped[REPORT_REASONS])
{
	jsonl_open(json, "reasons");
	for (size_t i = 0; i < REPORT_REASONS; i++) {
		if (skipped[i].files == 0)
			continue;
		jsonl_open(json, reasons[i].name);
		add_count(json, &skipped[i]);
		jsonl_close(json);
	}
	jsonl_close(json);
}

static bool
write_summary_json(struct report *report)
{
	struct jsonl json;

	begin_object(report, &json, "summary");
	add_progress(report, &json, progress_mean_rate(&report->progress));
	for (size_t what = 0; what < REPORT_WHATS; what++) {
		jsonl_open(&json, whats[what].name);
		add_count(&json, &report->counts[what]);
		if (what == REPORT_SKIPPED)
			add_reasons(&json, report->skipped);
		jsonl_close(&json);
	}
	return (write_object(report, &json));
}

/* "HEAD: 3 files, 1.23 MiB" as a line, if there were any. */
static void
add_count_line(struct buf *out, const char *head, const struct count *counter)
{
	char bytes[TEXT_MAX], text[200];

	if (counter->files == 0)
		return;
	snprintf(text, sizeof(text), "%s: %" PRIu64 " file%s, %s\n", head,
	    counter->files, counter->files == 1 ? "" : "s",
	    text_bytes(counter->bytes, bytes));
	add_string(out, text);
}

/* The line that is always there: all that was looked at, time and rate. */
static void
add_total_line(struct buf *out, const struct progress *progress)
{
	char bytes[TEXT_MAX], time[TEXT_MAX], moved[TEXT_MAX], rate[TEXT_MAX];
	char text[200];

	snprintf(text, sizeof(text),
	    "in all: %" PRIu64 " file%s, %s, in %s; %s moved, %s/s\n",
	    progress->files, progress->files == 1 ? "" : "s",
	    text_bytes(progress->bytes, bytes),
	    text_time(progress_elapsed_ms(progress), time),
	    text_bytes(progress->moved, moved),
	    text_bytes(progress_mean_rate(progress), rate));
	add_string(out, text);
}

/* The summary for a person, a line for each kind of event that occurred. */
static void
build_summary(struct report *report)
{
	struct buf *out = &report->line;
	char head[100];

	buf_clear(out);
	for (size_t what = 0; what < REPORT_WHATS; what++) {
		const char *would = whats[what].would;

		add_count_line(out,
		    report->options.is_dry_run && would != NULL
			? would
			: whats[what].done,
		    &report->counts[what]);
		if (what != REPORT_SKIPPED)
			continue;
		for (size_t i = 0; i < REPORT_REASONS; i++) {
			snprintf(head, sizeof(head), "  %s", reasons[i].text);
			add_count_line(out, head, &report->skipped[i]);
		}
	}
	add_total_line(out, &report->progress);
}

void
report_summary(struct report *report, int64_t now_ms)
{
	const struct report_options *options = &report->options;
	struct span rest, line;

	update(report, now_ms);
	output_clear(&report->output);
	if (options->is_json && write_summary_json(report))
		return;
	if (!options->is_json && options->is_quiet)
		return;
	build_summary(report);
	if (!options->is_json &&
	    output_line(&report->output, buf_span(&report->line)))
		return;
	rest = buf_span(&report->line);
	while (rest.len > 0) {
		char text[256];

		line = span_cut(&rest, '\n');
		snprintf(text, sizeof(text), "%.*s", SPAN_ARG(line));
		output_info(&report->output, text);
	}
}

uint64_t
report_count(const struct report *report, enum report_what what)
{
	assert(what < REPORT_WHATS);
	return (report->counts[what].files);
}

bool
report_has_failed(const struct report *report)
{
	for (size_t what = 0; what < REPORT_WHATS; what++)
		if (whats[what].place != IN_DETAIL &&
		    report->counts[what].files > 0)
			return (true);
	return (false);
}

bool
report_output_failed(const struct report *report)
{
	return (report->output.has_failed);
}

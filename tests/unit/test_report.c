/*
 * What a run tells (src/offload/report.h), and what it is made of: text, JSON,
 * progress, output.  Standard output, standard error and the log are one file
 * in memory, so that we see what a terminal would get, in its order; jansson
 * judges the JSON.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/log.h"
#include "offload/jsonl.h"
#include "offload/progress.h"
#include "offload/report.h"
#include "offload/text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

#define CLEAR "\r\033[K"

enum { START_MS = 1000000, SEEN_MAX = 1024 * 1024 };

static const uint64_t kib = 1024, mib = 1024 * 1024;

static int screen = -1;
static int real_stderr = -1;
static char seen[SEEN_MAX];

static int
set_up(void **state)
{
	(void)state;
	unsetenv("JOURNAL_STREAM");
	log_name("trys3");
	log_threshold(LOG_LEVEL_INFO);
	signal(SIGPIPE, SIG_IGN);
	real_stderr = dup(STDERR_FILENO);
	screen = memfd_create("screen", 0);
	return (screen < 0 || real_stderr < 0 ? -1 : 0);
}

static int
tear_down(void **state)
{
	(void)state;
	close(screen);
	close(real_stderr);
	return (0);
}

/* Between these two standard error is the screen; nothing is asserted there,
 * so that cmocka's own messages are never caught. */
static void
capture(void)
{
	dup2(screen, STDERR_FILENO);
}

static void
release(void)
{
	dup2(real_stderr, STDERR_FILENO);
}

/* All that was written since the last call, in SEEN, with the process id in
 * the log's lines taken out. */
static const char *
take_seen(void)
{
	char id[32], *at;
	ssize_t len = pread(screen, seen, sizeof(seen) - 1, 0);

	assert_in_range(len, 0, sizeof(seen) - 2);
	seen[len] = '\0';
	assert_int_equal(ftruncate(screen, 0), 0);
	assert_int_equal(lseek(screen, 0, SEEK_SET), 0);
	snprintf(id, sizeof(id), "[%d]", (int)getpid());
	while ((at = strstr(seen, id)) != NULL)
		memmove(at, at + strlen(id), strlen(at + strlen(id)) + 1);
	return (seen);
}

static struct report *
report_to_screen(struct report_options options)
{
	options.out_fd = screen;
	options.err_fd = screen;
	options.start_ms = START_MS;
	return (report_new(&options));
}

/* EVENT, with standard error captured. */
static void
tell(struct report *report, struct report_event event)
{
	capture();
	report_event(report, &event);
	release();
}

static void
summarise(struct report *report, int64_t now_ms)
{
	capture();
	report_summary(report, now_ms);
	release();
}

/* One event of each kind. */
static void
tell_all(struct report *report)
{
	for (int what = 0; what < REPORT_WHATS; what++)
		tell(report,
		    (struct report_event){ .what = (enum report_what)what,
			.offload = "img",
			.path = what == REPORT_UNKNOWN ? NULL : "a/b.jpg",
			.key = "pre/a/b.jpg",
			.bytes = (uint64_t)what,
			.why = what == REPORT_FAILED ? "disk on fire" : NULL,
			.reason = what == REPORT_SKIPPED ? REPORT_TOO_YOUNG
							 : REPORT_NO_REASON });
}

/* The next line of *TEXT as JSON; *TEXT moves behind it. */
static json_t *
next_object(const char **text)
{
	const char *end = strchr(*text, '\n');
	json_error_t error;
	json_t *object;

	if (end == NULL)
		fail_msg("no whole line in: %s", *text);
	object = json_loadb(
	    *text, (size_t)(end - *text), JSON_REJECT_DUPLICATES, &error);
	if (object == NULL)
		fail_msg("%s: %s", error.text, *text);
	*text = end + 1;
	return (object);
}

static const char *
member(const json_t *object, const char *name)
{
	return (json_string_value(json_object_get(object, name)));
}

static json_int_t
number(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	if (!json_is_integer(value))
		fail_msg("no number %s", name);
	return (json_integer_value(value));
}

static void
amounts(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} rows[] = {
		{ 0, "0 B" },
		{ 1023, "1023 B" },
		{ 1024, "1.00 KiB" },
		{ 1024 + 512, "1.50 KiB" },
		{ 2 * 1024 - 1, "1.99 KiB" },
		{ 10 * 1024 - 1, "9.99 KiB" },
		{ 10 * 1024, "10.0 KiB" },
		{ 100 * 1024 - 1, "99.9 KiB" },
		{ 1024 * 1024 - 1, "1023 KiB" },
		{ 1024 * 1024, "1.00 MiB" },
		{ 1320702444, "1.23 GiB" },
		{ UINT64_C(1) << 60, "1.00 EiB" },
		{ UINT64_MAX, "15.9 EiB" },
	};
	char text[TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_string_equal(
		    text_bytes(rows[i].bytes, text), rows[i].text);
}

static void
times(void **state)
{
	static const struct {
		int64_t s;
		const char *text;
	} rows[] = {
		{ -5, "0:00" },
		{ 0, "0:00" },
		{ 7, "0:07" },
		{ 59 * 60 + 59, "59:59" },
		{ 3600, "1:00:00" },
		{ 3723, "1:02:03" },
		{ 4 * 86400 - 1, "95:59:59" },
		{ 4 * 86400, "4d 0h" },
		{ 5 * 86400 + 3 * 3600 + 59, "5d 3h" },
		{ INT64_MAX / 1000 - 1, "106751991167d 7h" },
	};
	char text[TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_string_equal(
		    text_time(rows[i].s * 1000 + 999 * (rows[i].s >= 0), text),
		    rows[i].text);
}

static void
names_can_do_nothing(void **state)
{
	static const struct {
		struct span text;
		size_t max;
		const char *shown;
	} rows[] = {
		{ SPAN(""), 3, "" },
		{ SPAN("a b"), 3, "a b" },
		{ SPAN("caf\xc3\xa9 \xe3\x81\x82 \xf0\x9f\x98\x80"), 99,
		    "caf\xc3\xa9 \xe3\x81\x82 \xf0\x9f\x98\x80" },
		{ SPAN("a\nb\r\t\0\x7f\x1b[2J"), 99,
		    "a\\x0ab\\x0d\\x09\\x00\\x7f\\x1b[2J" },
		{ SPAN("\xc2\x9b"
		       "2J\xc2\xa0"),
		    99, "\\xc2\\x9b2J\xc2\xa0" },
		{ SPAN("\xff\xc3(\xe3\x81"), 99, "\\xff\\xc3(\\xe3\\x81" },
		{ SPAN("abcdef"), 6, "abcdef" },
		{ SPAN("abcdefg"), 6, "abc..." },
		{ SPAN("abcdefghijkl"), 6, "abc..." },
		{ SPAN("ab\xc3\xa9"
		       "fgh"),
		    6, "ab..." },
		{ SPAN("\n\n"), 6, "..." },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buf out;

		buf_init(&out, 100);
		assert_true(buf_add_string(&out, "<"));
		assert_true(text_add_shown(&out, rows[i].text, rows[i].max));
		assert_string_equal(buf_string(&out) + 1, rows[i].shown);
		buf_fini(&out);
	}
}

static void
json_is_json(void **state)
{
	struct jsonl json;
	struct buf out;
	const char *text;
	json_t *object;

	(void)state;
	buf_init(&out, 1000);
	jsonl_begin(&json, &out);
	jsonl_text(&json, "plain", SPAN("\"\\/\b\n\x1f\x7f caf\xc3\xa9"));
	jsonl_text(&json, "c1", SPAN("\xc2\x9b"));
	jsonl_text(&json, "none", (struct span){ NULL, 0 });
	jsonl_text(&json, "empty", SPAN(""));
	jsonl_text(&json, "bytes", SPAN("a\xff\xe3\x81"));
	jsonl_open(&json, "in");
	jsonl_number(&json, "most", UINT64_MAX);
	jsonl_close(&json);
	jsonl_true(&json, "yes");
	assert_true(jsonl_end(&json));
	assert_string_equal(buf_string(&out),
	    "{\"plain\":\"\\\"\\\\/\\u0008\\u000a\\u001f\\u007f caf\xc3\xa9\","
	    "\"c1\":\"\\u009b\",\"empty\":\"\","
	    "\"bytes\":\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\","
	    "\"bytes_hex\":\"61ffe381\","
	    "\"in\":{\"most\":18446744073709551615},\"yes\":true}\n");
	/* The largest number that jansson reads is 2^63 - 1. */
	buf_clear(&out);
	jsonl_begin(&json, &out);
	jsonl_text(&json, "plain", SPAN("\"\\/\b\n\x1f\x7f caf\xc3\xa9"));
	jsonl_number(&json, "much", INT64_MAX);
	assert_true(jsonl_end(&json));
	text = buf_string(&out);
	object = next_object(&text);
	assert_string_equal(
	    member(object, "plain"), "\"\\/\b\n\x1f\x7f caf\xc3\xa9");
	assert_int_equal(number(object, "much"), INT64_MAX);
	json_decref(object);
	buf_fini(&out);
}

static void
json_tells_that_it_did_not_fit(void **state)
{
	static const size_t whole = sizeof("{\"a\":\"bc\"}\n") - 1;

	(void)state;
	for (size_t room = 0; room <= whole; room++) {
		struct jsonl json;
		struct buf out;

		buf_init(&out, room);
		jsonl_begin(&json, &out);
		jsonl_text(&json, "a", SPAN("bc"));
		assert_int_equal(jsonl_end(&json), room == whole);
		buf_fini(&out);
	}
}

static void
the_rate_is_of_some_seconds(void **state)
{
	struct progress progress;

	(void)state;
	progress_init(&progress, START_MS);
	assert_int_equal(progress_rate(&progress), 0);
	assert_int_equal(progress_mean_rate(&progress), 0);
	progress_update(&progress, START_MS + 500, 1000);
	assert_int_equal(progress_rate(&progress), 2000);
	/* 100 seconds of 1000 bytes each, then nothing moves any more. */
	for (int s = 1; s <= 100; s++)
		for (int part = 0; part < 5; part++)
			progress_update(&progress,
			    START_MS + s * 1000 + part * 200,
			    (uint64_t)s * 1000);
	assert_in_range(progress_rate(&progress), 900, 1000);
	for (int s = 101; s <= 108; s++)
		progress_update(&progress, START_MS + s * 1000, 100000);
	assert_in_range(progress_rate(&progress), 400, 600);
	assert_in_range(progress_mean_rate(&progress), 925, 926);
	for (int s = 109; s <= 116; s++)
		progress_update(&progress, START_MS + s * 1000, 100000);
	assert_int_equal(progress_rate(&progress), 0);
}

static void
the_time_left_is_by_what_was_expected(void **state)
{
	struct progress progress;

	(void)state;
	progress_init(&progress, START_MS);
	progress_update(&progress, START_MS + 10000, 0);
	progress.files = 5;
	progress.bytes = 100;
	assert_int_equal(progress_left_ms(&progress), -1);
	progress.files_total = 20;
	assert_int_equal(progress_left_ms(&progress), 30000);
	progress.bytes_total = 200;
	assert_int_equal(progress_left_ms(&progress), 10000);
	progress.bytes = 300;
	assert_int_equal(progress_left_ms(&progress), 0);
	progress.bytes = 0;
	assert_int_equal(progress_left_ms(&progress), -1);
	/* Nothing overflows: a byte of an exabyte. */
	progress.bytes = 1;
	progress.bytes_total = UINT64_MAX;
	assert_int_equal(progress_left_ms(&progress), -1);
}

/* 431 of 1000 files, 43 of 100 MiB, in a minute at 1 MiB/s. */
static struct progress
half_way(void)
{
	struct progress progress;

	progress_init(&progress, START_MS);
	for (int s = 1; s <= 60; s++)
		progress_update(
		    &progress, START_MS + s * 1000, (uint64_t)s * mib);
	progress.files = 431;
	progress.bytes = 43 * mib;
	progress.files_total = 1000;
	progress.bytes_total = 100 * mib;
	return (progress);
}

static void
the_bar_fits(void **state)
{
	static const char full[] =
	    "431 of 1000 files, 43.0 MiB of 100 MiB, 1.00 MiB/s, 1:19 left";
	static const struct {
		unsigned columns;
		const char *bar;
	} rows[] = {
		{ 0, "" },
		{ 1, "" },
		{ 17, "" },
		{ 18, "431 of 1000 files" },
		{ 35, "431 of 1000 files" },
		{ 36, " 43% [====>     ] 431 of 1000 files" },
		{ 38, " 43% [=====>      ] 431 of 1000 files" },
		{ 39, "431 of 1000 files, 43.0 MiB of 100 MiB" },
		{ 51, "431 of 1000 files, 43.0 MiB of 100 MiB, 1.00 MiB/s" },
		{ 61, "431 of 1000 files, 43.0 MiB of 100 MiB, 1.00 MiB/s" },
		{ 62,
		    "431 of 1000 files, 43.0 MiB of 100 MiB, 1.00 MiB/s, "
		    "1:19 left" },
		{ 79,
		    "431 of 1000 files, 43.0 MiB of 100 MiB, 1.00 MiB/s, "
		    "1:19 left" },
		{ 80,
		    " 43% [====>     ] 431 of 1000 files, 43.0 MiB of "
		    "100 MiB, 1.00 MiB/s, 1:19 left" },
		{ 90,
		    " 43% [========>           ] 431 of 1000 files, 43.0 MiB "
		    "of 100 MiB, 1.00 MiB/s, 1:19 left" },
		{ 4000,
		    " 43% [=================>                      ] 431 of "
		    "1000 files, 43.0 MiB of 100 MiB, 1.00 MiB/s, 1:19 left" },
	};
	struct progress progress = half_way();
	char text[PROGRESS_MAX];

	(void)state;
	assert_string_equal(progress_line(&progress, text), full);
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_string_equal(
		    progress_bar(&progress, rows[i].columns, text),
		    rows[i].bar);
	for (unsigned columns = 1; columns < 300; columns++)
		assert_true(
		    strlen(progress_bar(&progress, columns, text)) < columns);
	progress.files = 1001;
	progress.bytes = 101 * mib;
	assert_string_equal(progress_bar(&progress, 90, text),
	    "100% [====================] 1001 of 1000 files, 101 MiB of 100 "
	    "MiB, 1.00 MiB/s, 0:00 left");
	progress.files_total = 0;
	progress.bytes_total = 0;
	assert_string_equal(progress_bar(&progress, 200, text),
	    "1001 files, 101 MiB, 1.00 MiB/s, 1:00");
	/* The longest there can be. */
	progress.files = progress.files_total = UINT64_MAX;
	progress.bytes = progress.bytes_total = UINT64_MAX;
	progress.moved = UINT64_MAX;
	for (unsigned columns = 1; columns < 300; columns++)
		assert_true(
		    strlen(progress_bar(&progress, columns, text)) < columns);
}

static void
only_failures_and_results_without_switches(void **state)
{
	struct report *report = report_to_screen((struct report_options){ 0 });

	(void)state;
	assert_false(report_has_failed(report));
	tell_all(report);
	assert_string_equal(take_seen(),
	    "trys3: error: a/b.jpg: disk on fire\n"
	    "trys3: error: a/b.jpg: differs\n"
	    "trys3: error: a/b.jpg: lost\n"
	    "not uploaded a/b.jpg\n"
	    "unknown pre/a/b.jpg\n");
	assert_true(report_has_failed(report));
	report_free(report);
	report_free(NULL);
}

static void
each_event_is_a_line_with_v(void **state)
{
	struct report *report =
	    report_to_screen((struct report_options){ .is_verbose = true });

	(void)state;
	tell_all(report);
	tell(report,
	    (struct report_event){ .what = REPORT_SKIPPED,
		.path = "x",
		.reason = REPORT_CHANGED,
		.why = "now 3 bytes" });
	assert_string_equal(take_seen(),
	    "uploaded a/b.jpg\n"
	    "found in the bucket a/b.jpg\n"
	    "proved a/b.jpg\n"
	    "evicted a/b.jpg\n"
	    "moved to the trash a/b.jpg\n"
	    "deleted from the trash a/b.jpg\n"
	    "restored a/b.jpg\n"
	    "skipped a/b.jpg: too young\n"
	    "trys3: error: a/b.jpg: disk on fire\n"
	    "trys3: error: a/b.jpg: differs\n"
	    "trys3: error: a/b.jpg: lost\n"
	    "not uploaded a/b.jpg\n"
	    "unknown pre/a/b.jpg\n"
	    "skipped x: changed: now 3 bytes\n");
	report_free(report);
}

static void
a_dry_run_says_what_it_would_do(void **state)
{
	struct report *report =
	    report_to_screen((struct report_options){ .is_dry_run = true });

	(void)state;
	tell_all(report);
	assert_string_equal(take_seen(),
	    "would upload a/b.jpg\n"
	    "would delete a/b.jpg\n"
	    "would move to the trash a/b.jpg\n"
	    "would delete from the trash a/b.jpg\n"
	    "would restore a/b.jpg\n"
	    "trys3: error: a/b.jpg: disk on fire\n"
	    "trys3: error: a/b.jpg: differs\n"
	    "trys3: error: a/b.jpg: lost\n"
	    "not uploaded a/b.jpg\n"
	    "unknown pre/a/b.jpg\n");
	summarise(report, START_MS);
	assert_non_null(strstr(take_seen(), "would upload: 1 file, 0 B\n"));
	report_free(report);
}

static void
quiet_is_quiet(void **state)
{
	struct report *report =
	    report_to_screen((struct report_options){ .is_quiet = true,
		.is_verbose = true,
		.is_dry_run = true,
		.is_terminal = true });

	(void)state;
	tell_all(report);
	report_tick(report, START_MS + 60000);
	summarise(report, START_MS + 60000);
	assert_string_equal(take_seen(),
	    "trys3: error: a/b.jpg: disk on fire\n"
	    "trys3: error: a/b.jpg: differs\n"
	    "trys3: error: a/b.jpg: lost\n");
	report_free(report);
}

static void
what_failed_is_told_as_well_as_it_can_be(void **state)
{
	static char path[5000];
	struct report *report = report_to_screen((struct report_options){ 0 });

	(void)state;
	tell(report,
	    (struct report_event){ .what = REPORT_FAILED, .why = "no root" });
	tell(report, (struct report_event){ .what = REPORT_FAILED });
	tell(report,
	    (struct report_event){
		.what = REPORT_LOST, .key = "k", .why = "evicted yesterday" });
	tell(report,
	    (struct report_event){ .what = REPORT_FAILED,
		.path = "a\n\xc2\x9b%s\xff",
		.why = "answer \x1b[2J" });
	assert_string_equal(take_seen(),
	    "trys3: error: no root\n"
	    "trys3: error: failed\n"
	    "trys3: error: k: lost: evicted yesterday\n"
	    "trys3: error: a\\x0a\\xc2\\x9b%s\\xff: answer \\x1b[2J\n");
	/* However long the path, it is said why. */
	memset(path, '\n', sizeof(path) - 1);
	tell(report,
	    (struct report_event){
		.what = REPORT_FAILED, .path = path, .why = "no way" });
	assert_non_null(strstr(take_seen(), "\\x0a...: no way\n"));
	report_free(report);
}

static void
a_line_every_ten_seconds(void **state)
{
	struct report *report = report_to_screen((struct report_options){ 0 });

	(void)state;
	for (int64_t ms = 0; ms < 10000; ms += 100)
		report_tick(report, START_MS + ms);
	assert_string_equal(take_seen(), "");
	report_file_done(report, 10 * kib);
	report_moved(report, 20 * kib);
	report_tick(report, START_MS + 10000);
	assert_string_equal(
	    take_seen(), "1 files, 10.0 KiB, 2.00 KiB/s, 0:10\n");
	report_expect(report, 3, 30 * kib);
	report_expect(report, 1, 10 * kib);
	for (int64_t ms = 10100; ms < 20000; ms += 100)
		report_tick(report, START_MS + ms);
	assert_string_equal(take_seen(), "");
	report_tick(report, START_MS + 20000);
	assert_string_equal(take_seen(),
	    "1 of 4 files, 10.0 KiB of 40.0 KiB, 1.33 KiB/s, 1:00 left\n");
	report_free(report);
}

static void
the_bar_steps_aside(void **state)
{
	static const char bar[] = CLEAR "0 files, 0 B, 0 B/s, 0:00\r";
	struct report *report = report_to_screen((struct report_options){
	    .is_terminal = true, .is_verbose = true, .columns = 40 });

	(void)state;
	/* No bar, nothing to clear. */
	tell(report, (struct report_event){ .path = "a" });
	report_tick(report, START_MS + 199);
	assert_string_equal(take_seen(), "uploaded a\n");
	report_tick(report, START_MS + 200);
	assert_string_equal(take_seen(), bar);
	tell(report, (struct report_event){ .path = "a\rb" });
	assert_string_equal(take_seen(),
	    CLEAR "uploaded a\\x0db\n" CLEAR "0 files, 0 B, 0 B/s, 0:00\r");
	tell(report,
	    (struct report_event){
		.what = REPORT_FAILED, .path = "c", .why = "no" });
	assert_string_equal(take_seen(),
	    CLEAR "trys3: error: c: no\n" CLEAR "0 files, 0 B, 0 B/s, 0:00\r");
	for (int64_t ms = 201; ms < 400; ms++)
		report_tick(report, START_MS + ms);
	assert_string_equal(take_seen(), "");
	report_file_done(report, 1);
	report_tick(report, START_MS + 400);
	assert_string_equal(take_seen(), CLEAR "1 files, 1 B, 0 B/s, 0:00\r");
	summarise(report, START_MS + 1000);
	assert_string_equal(take_seen(),
	    CLEAR "uploaded: 2 files, 0 B\n"
		  "failed: 1 file, 0 B\n"
		  "in all: 1 file, 1 B, in 0:01; 0 B moved, 0 B/s\n");
	report_free(report);
	assert_string_equal(take_seen(), "");
}

static void
the_bar_goes_with_the_report(void **state)
{
	struct report *report =
	    report_to_screen((struct report_options){ .is_terminal = true });

	(void)state;
	/* Not a terminal: it is taken for one of 80 columns. */
	report_expect(report, 1000, 1000);
	report_tick(report, START_MS + 500);
	assert_string_equal(take_seen(),
	    CLEAR "  0% [>                           ] 0 of 1000 files, "
		  "0 B of 1000 B, 0 B/s, 0:00\r");
	report_free(report);
	assert_string_equal(take_seen(), CLEAR);
}

static void
the_summary_has_all_that_was(void **state)
{
	struct report *report = report_to_screen((struct report_options){ 0 });
	static const struct report_event events[] = {
		{ .what = REPORT_UPLOADED, .bytes = 1000 },
		{ .what = REPORT_UPLOADED, .bytes = 1000 },
		{ .what = REPORT_PRESENT, .bytes = 3 },
		{ .what = REPORT_EVICTED, .bytes = 1000 },
		{ .what = REPORT_SKIPPED, .bytes = 5, .reason = REPORT_OPEN },
		{ .what = REPORT_SKIPPED, .bytes = 6, .reason = REPORT_OPEN },
		{ .what = REPORT_SKIPPED,
		    .bytes = 7,
		    .reason = REPORT_TOO_YOUNG },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(events); i++) {
		tell(report, events[i]);
		report_file_done(report, events[i].bytes);
	}
	report_moved(report, 4 * mib);
	summarise(report, START_MS + 2000);
	assert_string_equal(take_seen(),
	    "uploaded: 2 files, 1.95 KiB\n"
	    "found in the bucket: 1 file, 3 B\n"
	    "evicted: 1 file, 1000 B\n"
	    "skipped: 3 files, 18 B\n"
	    "  too young: 1 file, 7 B\n"
	    "  open for writing: 2 files, 11 B\n"
	    "in all: 7 files, 2.95 KiB, in 0:02; 4.00 MiB moved, "
	    "2.00 MiB/s\n");
	assert_int_equal(report_count(report, REPORT_UPLOADED), 2);
	assert_int_equal(report_count(report, REPORT_SKIPPED), 3);
	assert_int_equal(report_count(report, REPORT_LOST), 0);
	assert_false(report_has_failed(report));
	report_free(report);
}

static void
each_kind_and_reason_has_its_words(void **state)
{
	struct report *report =
	    report_to_screen((struct report_options){ .is_json = true });
	const char *rest;
	json_t *summary, *by_reason;

	(void)state;
	for (int reason = 0; reason < REPORT_REASONS; reason++)
		tell(report,
		    (struct report_event){ .what = REPORT_SKIPPED,
			.reason = (enum report_reason)reason });
	rest = take_seen();
	for (int reason = 0; reason < REPORT_REASONS; reason++) {
		json_t *event = next_object(&rest);

		assert_non_null(member(event, "reason"));
		json_decref(event);
	}
	summarise(report, START_MS);
	rest = take_seen();
	summary = next_object(&rest);
	/* A name twice would be refused, or found missing here. */
	by_reason =
	    json_object_get(json_object_get(summary, "skipped"), "reasons");
	assert_int_equal(json_object_size(by_reason), REPORT_REASONS);
	json_decref(summary);
	report_free(report);
}

static void
json_and_nothing_else(void **state)
{
	struct report *report = report_to_screen((struct report_options){
	    .is_json = true, .is_terminal = true, .is_verbose = true });
	static const char *const names[REPORT_WHATS] = { "uploaded", "present",
		"proved", "evicted", "trashed", "deleted", "restored",
		"skipped", "failed", "differs", "lost", "not_uploaded",
		"unknown" };
	const char *rest;
	json_t *object;

	(void)state;
	tell_all(report);
	rest = take_seen();
	for (int what = 0; what < REPORT_WHATS; what++) {
		object = next_object(&rest);
		assert_string_equal(member(object, "event"), names[what]);
		assert_string_equal(member(object, "offload"), "img");
		assert_string_equal(member(object, "key"), "pre/a/b.jpg");
		assert_int_equal(number(object, "bytes"), what);
		if (what == REPORT_UNKNOWN)
			assert_null(member(object, "path"));
		else
			assert_string_equal(member(object, "path"), "a/b.jpg");
		if (what == REPORT_SKIPPED)
			assert_string_equal(
			    member(object, "reason"), "too_young");
		else
			assert_null(member(object, "reason"));
		if (what == REPORT_FAILED)
			assert_string_equal(
			    member(object, "why"), "disk on fire");
		assert_null(json_object_get(object, "dry_run"));
		json_decref(object);
	}
	assert_string_equal(rest, "");
	report_expect(report, 4, 4000);
	report_file_done(report, 1000);
	report_moved(report, 2000);
	report_tick(report, START_MS + 9999);
	assert_string_equal(take_seen(), "");
	report_tick(report, START_MS + 10000);
	assert_string_equal(take_seen(),
	    "{\"event\":\"progress\",\"files\":1,\"files_total\":4,"
	    "\"bytes\":1000,\"bytes_total\":4000,\"moved\":2000,"
	    "\"rate\":200,\"elapsed_ms\":10000,\"left_ms\":30000}\n");
	summarise(report, START_MS + 20000);
	rest = take_seen();
	object = next_object(&rest);
	assert_string_equal(rest, "");
	assert_string_equal(member(object, "event"), "summary");
	assert_int_equal(number(object, "files"), 1);
	assert_int_equal(number(object, "moved"), 2000);
	assert_int_equal(number(object, "rate"), 100);
	assert_int_equal(number(object, "elapsed_ms"), 20000);
	for (int what = 0; what < REPORT_WHATS; what++) {
		const json_t *counter = json_object_get(object, names[what]);

		assert_int_equal(number(counter, "files"), 1);
		assert_int_equal(number(counter, "bytes"), what);
	}
	json_decref(object);
	report_free(report);
}

static void
json_of_a_quiet_dry_run(void **state)
{
	struct report *report = report_to_screen((struct report_options){
	    .is_json = true, .is_quiet = true, .is_dry_run = true });
	static const char *const names[] = { "failed", "differs", "lost",
		"summary" };
	const char *rest;

	(void)state;
	tell_all(report);
	report_tick(report, START_MS + 10000);
	summarise(report, START_MS + 20000);
	rest = take_seen();
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		json_t *object = next_object(&rest);

		assert_string_equal(member(object, "event"), names[i]);
		assert_true(json_is_true(json_object_get(object, "dry_run")));
		json_decref(object);
	}
	assert_string_equal(rest, "");
	report_free(report);
}

static void
json_of_names_that_are_none(void **state)
{
	static char path[20000];
	struct report *report =
	    report_to_screen((struct report_options){ .is_json = true });
	const char *rest;
	json_t *object;

	(void)state;
	tell(report, (struct report_event){ .path = "a\n\"\xff" });
	rest = take_seen();
	object = next_object(&rest);
	assert_string_equal(member(object, "path"), "a\n\"\xef\xbf\xbd");
	assert_string_equal(member(object, "path_hex"), "610a22ff");
	json_decref(object);
	/* The longest line: each text is cut, and it still is JSON. */
	memset(path, '\n', sizeof(path) - 1);
	path[0] = '\xff';
	tell(report,
	    (struct report_event){ .what = REPORT_SKIPPED,
		.offload = path,
		.path = path,
		.key = path,
		.why = path });
	rest = take_seen();
	object = next_object(&rest);
	assert_int_equal(strlen(member(object, "why_hex")), 2 * 16 * 1024);
	json_decref(object);
	report_free(report);
}

/* Options for lines that go to FD, while the log goes to the screen. */
static struct report *
report_to(int fd, bool is_json)
{
	struct report_options options = { .is_json = is_json,
		.is_verbose = true,
		.out_fd = fd,
		.err_fd = screen,
		.start_ms = START_MS };

	return (report_new(&options));
}

/* What happens where FD, which fails with WHY, is standard output. */
static void
expect_run_goes_on(int fd, const char *why, bool is_json)
{
	struct report *report = report_to(fd, is_json);
	char expected[1000];

	assert_false(report_output_failed(report));
	tell(report, (struct report_event){ .path = "a", .bytes = 1 });
	assert_true(report_output_failed(report));
	tell(report, (struct report_event){ .path = "b", .bytes = 2 });
	tell(report,
	    (struct report_event){
		.what = REPORT_FAILED, .path = "c", .why = "no" });
	capture();
	report_tick(report, START_MS + 10000);
	release();
	summarise(report, START_MS + 20000);
	snprintf(expected, sizeof(expected),
	    "trys3: error: cannot write to standard output any more: %s\n"
	    "trys3: error: c: no\n"
	    "trys3: info: uploaded: 2 files, 3 B\n"
	    "trys3: info: failed: 1 file, 0 B\n"
	    "trys3: info: in all: 0 files, 0 B, in 0:20; 0 B moved, 0 B/s\n",
	    why);
	assert_string_equal(take_seen(), expected);
	assert_int_equal(report_count(report, REPORT_UPLOADED), 2);
	report_free(report);
}

static void
a_full_disk_ends_no_run(void **state)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	expect_run_goes_on(fd, strerror(ENOSPC), false);
	expect_run_goes_on(fd, strerror(ENOSPC), true);
	close(fd);
}

static void
a_closed_pipe_ends_no_run(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	expect_run_goes_on(fds[1], strerror(EPIPE), false);
	expect_run_goes_on(fds[1], strerror(EPIPE), true);
	close(fds[1]);
}

static void
a_summary_that_cannot_be_written_is_in_the_log(void **state)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct report *report = report_to(fd, true);
	char expected[1000];

	(void)state;
	assert_true(fd >= 0);
	summarise(report, START_MS);
	snprintf(expected, sizeof(expected),
	    "trys3: error: cannot write to standard output any more: %s\n"
	    "trys3: info: in all: 0 files, 0 B, in 0:00; 0 B moved, 0 B/s\n",
	    strerror(ENOSPC));
	assert_string_equal(take_seen(), expected);
	report_free(report);
	close(fd);
}

/* A reader who only reads while it is waited for. */
static struct {
	int fd;
	size_t total;
	unsigned waits;
} reader;

int __wrap_poll(struct pollfd *fds, nfds_t n_fds, int timeout_ms);

int
__wrap_poll(struct pollfd *fds, nfds_t n_fds, int timeout_ms)
{
	static char some[4096];
	ssize_t len = read(reader.fd, some, sizeof(some));

	assert_int_equal(n_fds, 1);
	assert_int_equal(fds->events, POLLOUT);
	assert_int_equal(timeout_ms, -1);
	assert_true(len > 0);
	reader.total += (size_t)len;
	reader.waits++;
	fds->revents = POLLOUT;
	return (1);
}

/* A pipe of far less room than the line, which does not block. */
static void
a_slow_reader_is_waited_for(void **state)
{
	static char why[16 * 1024], rest[1024 * 1024];
	struct report *report;
	int fds[2];
	ssize_t len;

	(void)state;
	memset(why, '\n', sizeof(why) - 1);
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	assert_true(fcntl(fds[1], F_SETPIPE_SZ, 4096) >= 4096);
	reader.fd = fds[0];
	reader.total = 0;
	reader.waits = 0;
	report = report_to(fds[1], true);
	tell(report, (struct report_event){ .path = "a", .why = why });
	len = read(fds[0], rest, sizeof(rest));
	assert_true(len > 0);
	assert_true(reader.waits > 0);
	assert_int_equal(reader.total + (size_t)len,
	    strlen("{\"event\":\"uploaded\",\"path\":\"a\",\"bytes\":0,"
		   "\"why\":\"\"}\n") +
		6 * (sizeof(why) - 1));
	assert_false(report_output_failed(report));
	assert_string_equal(take_seen(), "");
	report_free(report);
	close(fds[0]);
	close(fds[1]);
}

enum { MOVERS = 4, MOVES = 300000 };

static void *
move(void *report)
{
	for (int i = 0; i < MOVES; i++)
		report_moved(report, 3);
	return (NULL);
}

static void
any_thread_may_have_moved_bytes(void **state)
{
	struct report *report =
	    report_to_screen((struct report_options){ .is_json = true });
	pthread_t movers[MOVERS];
	const char *rest;
	json_t *summary;

	(void)state;
	for (int i = 0; i < MOVERS; i++)
		assert_int_equal(
		    pthread_create(&movers[i], NULL, move, report), 0);
	for (int i = 0; i < MOVERS; i++)
		assert_int_equal(pthread_join(movers[i], NULL), 0);
	summarise(report, START_MS);
	rest = take_seen();
	summary = next_object(&rest);
	assert_int_equal(number(summary, "moved"), 3 * MOVERS * MOVES);
	json_decref(summary);
	report_free(report);
}

#define ON_SCREEN(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(amounts),
		cmocka_unit_test(times),
		cmocka_unit_test(names_can_do_nothing),
		cmocka_unit_test(json_is_json),
		cmocka_unit_test(json_tells_that_it_did_not_fit),
		cmocka_unit_test(the_rate_is_of_some_seconds),
		cmocka_unit_test(the_time_left_is_by_what_was_expected),
		cmocka_unit_test(the_bar_fits),
		ON_SCREEN(only_failures_and_results_without_switches),
		ON_SCREEN(each_event_is_a_line_with_v),
		ON_SCREEN(a_dry_run_says_what_it_would_do),
		ON_SCREEN(quiet_is_quiet),
		ON_SCREEN(what_failed_is_told_as_well_as_it_can_be),
		ON_SCREEN(a_line_every_ten_seconds),
		ON_SCREEN(the_bar_steps_aside),
		ON_SCREEN(the_bar_goes_with_the_report),
		ON_SCREEN(the_summary_has_all_that_was),
		ON_SCREEN(each_kind_and_reason_has_its_words),
		ON_SCREEN(json_and_nothing_else),
		ON_SCREEN(json_of_a_quiet_dry_run),
		ON_SCREEN(json_of_names_that_are_none),
		ON_SCREEN(a_full_disk_ends_no_run),
		ON_SCREEN(a_closed_pipe_ends_no_run),
		ON_SCREEN(a_summary_that_cannot_be_written_is_in_the_log),
		ON_SCREEN(a_slow_reader_is_waited_for),
		ON_SCREEN(any_thread_may_have_moved_bytes),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

/*
 * Which files a run takes (src/offload/selection.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/table.h"
#include "offload/selection.h"
#include "scratch.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

enum { NOW = 1000000, HOUR = 3600, HOUR_MS = 3600000 };

/* What was told last, and how often. */
static struct {
	enum report_what what;
	enum report_reason reason;
	char path[64];
	uint64_t bytes;
	int events, done;
} told;

void
__wrap_report_event(struct report *report, const struct report_event *event);
void __wrap_report_file_done(struct report *report, uint64_t bytes);
bool __wrap_known_keep(struct known *known, uint64_t print);

void
__wrap_report_event(struct report *report, const struct report_event *event)
{
	assert_null(report);
	assert_string_equal(event->offload, "img");
	told.what = event->what;
	told.reason = event->reason;
	told.bytes = event->bytes;
	snprintf(told.path, sizeof(told.path), "%s", event->path);
	told.events++;
}

void
__wrap_report_file_done(struct report *report, uint64_t bytes)
{
	assert_null(report);
	assert_int_equal(bytes, told.bytes);
	told.done++;
}

static bool is_known;
static uint64_t asked;

bool
__wrap_known_keep(struct known *known, uint64_t print)
{
	assert_non_null(known);
	asked = print;
	return (is_known);
}

/* ---- An offload of files that are an hour old ---- */

static struct offload_settings settings;
static struct site site;
static struct way_means means;
static struct commit commit;
static struct selection selection;
static struct walk_entry entry;

static int
begin(void **state)
{
	memset(&told, 0, sizeof(told));
	is_known = false;
	asked = 0;
	settings = (struct offload_settings){
		.name = (char *)"img",
		.uri = (char *)"/",
		.min_age_ms = HOUR_MS,
	};
	site = (struct site){ .bucket = (char *)"bucket" };
	means = (struct way_means){ .settings = &settings, .reader = &site };
	commit = (struct commit){ .means = &means, .target = "there" };
	selection = (struct selection){
		.commit = &commit,
		.may_upload = true,
		.may_evict = true,
	};
	if (scratch_make(state) != 0)
		return (-1);
	entry = (struct walk_entry){
		.folder = scratch_root,
		.name = "a.png",
		.path = "a.png",
		.status = {
			.st_mode = S_IFREG | 0644,
			.st_nlink = 1,
			.st_size = 12,
			.st_mtime = NOW - HOUR,
			.st_ctime = NOW - HOUR,
		},
	};
	return (0);
}

static void
deletion_is_for_the_older_ages(void **state)
{
	static const struct {
		int64_t min, keep, wanted;
	} rows[] = { { 5, 0, 5 }, { 5, 3, 5 }, { 5, 7, 7 }, { 0, 0, 0 } };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		settings.min_age_ms = rows[i].min;
		settings.keep_age_ms = rows[i].keep;
		assert_int_equal(selection_keep_ms(&settings), rows[i].wanted);
	}
}

static void
what_is_let_alone_is_told(void **state)
{
	static const struct {
		const char *title;
		mode_t mode;
		nlink_t links;
		int64_t mtime, ctime; /* before now */
		const char *include, *path;
		enum report_reason reason; /* none: it is taken */
	} rows[] = {
		{ "plain", S_IFREG, 1, HOUR, HOUR, NULL, "a.png", 0 },
		{ "link", S_IFLNK, 1, HOUR, HOUR, NULL, "a.png",
		    REPORT_NOT_REGULAR },
		{ "FIFO", S_IFIFO, 1, HOUR, HOUR, NULL, "a.png",
		    REPORT_NOT_REGULAR },
		{ "device", S_IFCHR, 1, HOUR, HOUR, NULL, "a.png",
		    REPORT_NOT_REGULAR },
		{ "two names", S_IFREG, 2, HOUR, HOUR, NULL, "a.png",
		    REPORT_LINKS },
		{ "no name", S_IFREG, 0, HOUR, HOUR, NULL, "a.png",
		    REPORT_LINKS },
		{ "written just now", S_IFREG, 1, HOUR - 1, HOUR, NULL, "a.png",
		    REPORT_TOO_YOUNG },
		{ "moved just now", S_IFREG, 1, HOUR, HOUR - 1, NULL, "a.png",
		    REPORT_TOO_YOUNG },
		{ "of the future", S_IFREG, 1, -1, HOUR, NULL, "a.png",
		    REPORT_TOO_YOUNG },
		{ "of 1970", S_IFREG, 1, NOW, HOUR, NULL, "a.png", 0 },
		{ "included", S_IFREG, 1, HOUR, HOUR, "*.jpg *.png", "x/a.png",
		    0 },
		{ "not included", S_IFREG, 1, HOUR, HOUR, "*.jpg", "a.png",
		    REPORT_EXCLUDED },
		{ "in no folder of it", S_IFREG, 1, HOUR, HOUR, "x/*",
		    "y/a.png", REPORT_EXCLUDED },
	};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
		size_t row = i / 2;
		bool is_taken = rows[row].reason == 0;

		print_message("# %s\n", rows[row].title);
		memset(&told, 0, sizeof(told));
		selection.is_silent = i % 2 == 1;
		settings.include = (char *)rows[row].include;
		entry.path = rows[row].path;
		entry.status.st_mode = rows[row].mode | 0644;
		entry.status.st_nlink = rows[row].links;
		entry.status.st_mtime = NOW - rows[row].mtime;
		entry.status.st_ctime = NOW - rows[row].ctime;
		assert_int_equal(
		    selection_takes(&selection, &entry, NOW), is_taken);
		assert_int_equal(
		    told.events, !is_taken && !selection.is_silent);
		if (told.events == 0)
			continue;
		assert_int_equal(told.what, REPORT_SKIPPED);
		assert_int_equal(told.reason, rows[row].reason);
		assert_string_equal(told.path, rows[row].path);
		assert_int_equal(told.bytes, 12);
	}
}

/* min_age is for what is uploaded, keep_age for what is deleted. */
static void
ages_are_those_of_the_verb(void **state)
{
	static const struct {
		bool may_upload, may_evict; /* by the verb */
		int64_t age, keep;          /* hours; of min_age it is 1 */
		bool is_taken, is_evicted;
	} rows[] = {
		/* put */
		{ true, false, 1, 0, true, false },
		{ true, false, 9, 2, true, false },
		{ true, false, 0, 0, false, false },
		/* offload */
		{ true, true, 1, 0, true, true },
		{ true, true, 1, 2, true, false },
		{ true, true, 2, 2, true, true },
		{ true, true, 0, 0, false, false },
		/* evict */
		{ false, true, 1, 0, true, true },
		{ false, true, 1, 2, false, false },
		{ false, true, 2, 2, true, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct way *way;

		print_message("# row %zu\n", i);
		selection.may_upload = rows[i].may_upload;
		selection.may_evict = rows[i].may_evict;
		settings.keep_age_ms = rows[i].keep * HOUR_MS;
		entry.status.st_mtime = entry.status.st_ctime =
		    NOW - rows[i].age * HOUR;
		assert_int_equal(
		    selection_takes(&selection, &entry, NOW), rows[i].is_taken);
		if (!rows[i].is_taken)
			continue;
		way = selection_take(&selection, &entry, NOW);
		assert_non_null(way);
		assert_int_equal(way->may_upload, rows[i].may_upload);
		assert_int_equal(way->may_evict, rows[i].is_evicted);
		assert_int_equal(way->min_age_ms,
		    rows[i].may_upload ? HOUR_MS
				       : selection_keep_ms(&settings));
		assert_string_equal(buf_string(&way->key), "a.png");
		way_free(way);
	}
}

static void
what_has_no_key_is_let_alone(void **state)
{
	(void)state;
	entry.name = entry.path = "a\n";
	assert_true(selection_takes(&selection, &entry, NOW));
	assert_null(selection_take(&selection, &entry, NOW));
	assert_int_equal(told.events, 1);
	assert_int_equal(told.done, 1);
	assert_int_equal(told.reason, REPORT_NO_KEY);
}

/* Only what need not go is not asked about again. */
static void
what_is_known_is_let_alone(void **state)
{
	static const struct {
		bool has_known, is_known, may_evict, is_taken;
	} rows[] = {
		{ true, true, false, false },
		{ true, false, false, true },
		{ true, true, true, true },
		{ false, true, false, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct way *way;

		memset(&told, 0, sizeof(told));
		asked = 0;
		commit.known = rows[i].has_known ? (struct known *)&told : NULL;
		is_known = rows[i].is_known;
		selection.may_evict = rows[i].may_evict;
		way = selection_take(&selection, &entry, NOW);
		assert_int_equal(way != NULL, rows[i].is_taken);
		assert_int_equal(told.events, !rows[i].is_taken);
		assert_int_equal(told.done, !rows[i].is_taken);
		if (!rows[i].is_taken) {
			assert_int_equal(told.reason, REPORT_ALREADY);
			assert_true(asked != 0);
		}
		way_free(way);
	}
	commit.known = NULL;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, scratch_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(deletion_is_for_the_older_ages),
		TEST(what_is_let_alone_is_told),
		TEST(ages_are_those_of_the_verb),
		TEST(what_has_no_key_is_let_alone),
		TEST(what_is_known_is_let_alone),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

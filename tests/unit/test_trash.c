/*
 * The trash (src/offload/trash.h): its days, the places in them, and when they
 * are over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>

#include <cmocka.h>

#include "offload/trash.h"
#include "scratch.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

enum { WHY_MAX = 1024 };

#define DAY  INT64_C(86400)
#define THEN INT64_C(1795824000) /* 2026-11-28T00:00:00Z */

static struct trash *trash;
static bool is_on_another; /* all that is opened from now on */

int __real_fstat(int fd, struct stat *status);
int __wrap_fstat(int fd, struct stat *status);

int
__wrap_fstat(int fd, struct stat *status)
{
	int result = __real_fstat(fd, status);

	if (is_on_another)
		status->st_dev++;
	return (result);
}

static void
open_trash(void)
{
	struct buf why;

	buf_init(&why, WHY_MAX);
	trash = trash_open(in_scratch("trash"), scratch_root, &why);
	assert_non_null(trash);
	assert_int_equal(why.len, 0);
	buf_fini(&why);
}

/* Where PATH goes at NOW: the path of that below the scratch folder. */
static const char *
place(const char *path, int64_t now_s)
{
	static char text[SCRATCH_ROOM];
	const char *name = NULL;
	struct folder *folder = trash_place(trash, path, now_s, &name);

	if (folder == NULL)
		return (strerrorname_np(errno));
	snprintf(text, sizeof(text), "%s%s", folder->path, name);
	folder_release(folder);
	return (text);
}

static void
it_is_made_for_us_alone(void **state)
{
	struct stat status;

	(void)state;
	open_trash();
	assert_int_equal(stat(in_scratch("trash"), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0700);
	assert_string_equal(trash_folder(trash)->path, "");
	trash_close(trash);
	/* It may be there already. */
	chmod(in_scratch("trash"), 0750);
	open_trash();
	assert_int_equal(stat(in_scratch("trash"), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0750);
	trash_close(trash);
	trash_close(NULL);
}

static void
what_cannot_be_used_is_said(void **state)
{
	static const struct {
		const char *path;
		bool is_on_another;
		const char *why;
	} rows[] = {
		{ "file", false, "Not a directory" },
		{ "nothing/trash", false, "No such file or directory" },
		{ "folder", true, "is on another file system than the root" },
	};
	struct buf why;

	(void)state;
	make_file(in_scratch("file"), "");
	mkdir(in_scratch("folder"), 0700);
	buf_init(&why, WHY_MAX);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		buf_clear(&why);
		is_on_another = rows[i].is_on_another;
		assert_null(trash_open(
		    in_scratch("%s", rows[i].path), scratch_root, &why));
		is_on_another = false;
		assert_non_null(strstr(buf_string(&why), rows[i].why));
		assert_non_null(strstr(buf_string(&why), rows[i].path));
	}
	buf_fini(&why);
}

static void
files_keep_their_paths_in_a_day(void **state)
{
	(void)state;
	open_trash();
	assert_string_equal(place("a", THEN), "2026-11-28/a");
	assert_string_equal(place("a", THEN + DAY - 1), "2026-11-28/a");
	assert_string_equal(place("a", THEN + DAY), "2026-11-29/a");
	assert_string_equal(place("x/y/a", THEN), "2026-11-28/x/y/a");
	assert_true(is_there(in_scratch("trash/2026-11-28/x/y")));
	assert_false(is_there(in_scratch("trash/2026-11-28/x/y/a")));
	assert_string_equal(place("../a", THEN), "EINVAL");
	assert_string_equal(place("x/../../a", THEN), "EINVAL");
	trash_close(trash);
}

static void
nothing_that_is_there_is_replaced(void **state)
{
	static const struct {
		const char *there; /* comes to be there before */
		bool is_folder;
		const char *path, *wanted;
	} rows[] = {
		{ "2026-11-28/a", false, "a", "2026-11-28.1/a" },
		{ "2026-11-28.1/a", false, "a", "2026-11-28.2/a" },
		{ "2026-11-28.2/a", true, "a", "2026-11-28.3/a" },
		/* A file where a folder is to be, and the other way round. */
		{ "2026-11-28/f", false, "f/b", "2026-11-28.1/f/b" },
		{ "2026-11-28/g", true, "g", "2026-11-28.1/g" },
		{ "2026-11-28/h", false, "other", "2026-11-28/other" },
	};

	(void)state;
	open_trash();
	assert_string_equal(place("a", THEN), "2026-11-28/a");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (rows[i].is_folder)
			mkdir(in_scratch("trash/%s", rows[i].there), 0700);
		else
			make_file(in_scratch("trash/%s", rows[i].there), "");
		assert_string_equal(place(rows[i].path, THEN), rows[i].wanted);
	}
	symlink("nothing", in_scratch("trash/2026-11-28/l"));
	assert_string_equal(place("l", THEN), "2026-11-28.1/l");
	trash_close(trash);
}

/* There is an end to it, and it is said. */
static void
a_hundred_of_one_path_a_day_are_enough(void **state)
{
	(void)state;
	open_trash();
	for (int i = 0; i < 100; i++) {
		const char *at = place("a", THEN);

		make_file(in_scratch("trash/%s", at), "");
	}
	assert_true(is_there(in_scratch("trash/2026-11-28.99/a")));
	assert_string_equal(place("a", THEN), "EEXIST");
	trash_close(trash);
}

static void
days_are_known_by_their_names(void **state)
{
	static const struct {
		const char *name;
		int64_t end;
	} rows[] = {
		{ "2026-11-28", THEN + DAY },
		{ "2026-11-28.1", THEN + DAY },
		{ "2026-11-28.99", THEN + DAY },
		{ "2026-12-31", THEN + 34 * DAY },
		{ "2024-02-29", INT64_C(1709251200) },
		{ "", -1 },
		{ ".", -1 },
		{ "..", -1 },
		{ "2026-11-2", -1 },
		{ "2026-11-28.", -1 },
		{ "2026-11-28.0", -1 },
		{ "2026-11-28.100", -1 },
		{ "2026-11-28.x", -1 },
		{ "2026-11-28x", -1 },
		{ "2026-11-28 ", -1 },
		{ "2026-13-01", -1 },
		{ "2026-02-30", -1 },
		{ "2026-00-10", -1 },
		{ "2026/11/28", -1 },
		{ "lost+found", -1 },
		{ "0000000000000000", -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		print_message("# %s\n", rows[i].name);
		assert_int_equal(trash_day_end(rows[i].name), rows[i].end);
	}
}

/* The names of the days that are over, in order. */
static const char *
list_over(int64_t now_s, int64_t grace_ms)
{
	static char text[256];
	char names[8][32];
	struct folder *day;
	size_t n = 0;

	while ((day = trash_next_over(trash, now_s, grace_ms)) != NULL) {
		snprintf(names[n++], sizeof(names[0]), "%s", day->name);
		folder_release(day);
	}
	qsort(names, n, sizeof(names[0]),
	    (int (*)(const void *, const void *))strcmp);
	text[0] = '\0';
	for (size_t i = 0; i < n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
		    "%s%s", i > 0 ? " " : "", names[i]);
	return (text);
}

static void
days_are_over_after_their_grace(void **state)
{
	static const struct {
		int64_t now_s, grace_ms;
		const char *wanted;
	} rows[] = {
		{ THEN + DAY - 1, 0, "" },
		{ THEN + DAY, 0, "2026-11-28 2026-11-28.1" },
		{ THEN + DAY, 1000, "" },
		{ THEN + DAY + 1, 1000, "2026-11-28 2026-11-28.1" },
		{ THEN + 8 * DAY - 1, 7 * DAY * 1000, "" },
		{ THEN + 8 * DAY, 7 * DAY * 1000, "2026-11-28 2026-11-28.1" },
		{ THEN + 9 * DAY, 7 * DAY * 1000,
		    "2026-11-28 2026-11-28.1 2026-11-29" },
		{ 0, 0, "" },
		{ THEN + 9 * DAY, 3650 * DAY * 1000, "" },
	};

	(void)state;
	open_trash();
	mkdir(in_scratch("trash/2026-11-28"), 0700);
	mkdir(in_scratch("trash/2026-11-28.1"), 0700);
	mkdir(in_scratch("trash/2026-11-29"), 0700);
	mkdir(in_scratch("trash/other"), 0700);
	make_file(in_scratch("trash/2026-01-01"), "");
	symlink("/", in_scratch("trash/2026-01-02"));
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_string_equal(
		    list_over(rows[i].now_s, rows[i].grace_ms), rows[i].wanted);
	/* Closed while it is gone through. */
	folder_release(trash_next_over(trash, THEN + 9 * DAY, 0));
	trash_close(trash);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_is_made_for_us_alone),
		TEST(what_cannot_be_used_is_said),
		TEST(files_keep_their_paths_in_a_day),
		TEST(nothing_that_is_there_is_replaced),
		TEST(a_hundred_of_one_path_a_day_are_enough),
		TEST(days_are_known_by_their_names),
		TEST(days_are_over_after_their_grace),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

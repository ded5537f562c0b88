/*
 * Files that are watched (src/credentials/watch.h): what counts as a change, and
 * tokens.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "credentials/watch.h"

static char directory[] = "/tmp/test_watch.XXXXXX";
static char *path, *other, *link_path;
static struct watch *watch;

static int
make_directory(void **state)
{
	(void)state;
	if (mkdtemp(directory) == NULL)
		return (-1);
	path = mem_printf("%s/file", directory);
	other = mem_printf("%s/other", directory);
	link_path = mem_printf("%s/link", directory);
	return (0);
}

static int
remove_directory(void **state)
{
	(void)state;
	unlink(path);
	unlink(other);
	unlink(link_path);
	free(path);
	free(other);
	free(link_path);
	return (rmdir(directory));
}

static void
write_bytes(const char *name, const char *text, size_t len)
{
	FILE *file = fopen(name, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

/* Set the time of change of its bytes; that of its inode follows the clock. */
static void
set_time(const char *name, long nanoseconds)
{
	const struct timespec times[2] = {
		{ .tv_sec = 1000, .tv_nsec = nanoseconds },
		{ .tv_sec = 1000, .tv_nsec = nanoseconds },
	};

	assert_int_equal(utimensat(AT_FDCWD, name, times, 0), 0);
}

static int
begin_test(void **state)
{
	(void)state;
	unlink(path);
	unlink(other);
	unlink(link_path);
	write_bytes(path, "one", 3);
	watch = watch_new();
	return (0);
}

static int
end_test(void **state)
{
	(void)state;
	watch_free(watch);
	return (0);
}

static void
what_is_the_same_has_not_changed(void **state)
{
	(void)state;
	assert_null(watch_changed(watch));
	watch_note(watch, path);
	watch_note(watch, other);
	assert_null(watch_changed(watch));
	assert_null(watch_changed(watch));
}

static void
each_kind_of_change_is_seen(void **state)
{
	(void)state;
	watch_note(watch, path);
	write_bytes(path, "three", 5);
	assert_string_equal(watch_changed(watch), path);

	/* Of the same size, at another time. */
	watch_clear(watch);
	assert_null(watch_changed(watch));
	set_time(path, 1);
	watch_note(watch, path);
	set_time(path, 2);
	assert_string_equal(watch_changed(watch), path);

	watch_clear(watch);
	watch_note(watch, path);
	assert_int_equal(unlink(path), 0);
	assert_string_equal(watch_changed(watch), path);

	watch_clear(watch);
	watch_note(watch, path);
	assert_null(watch_changed(watch));
	write_bytes(path, "", 0);
	assert_string_equal(watch_changed(watch), path);
}

/* Of the same size, and said to be as old as before: what is left is the time
 * of change of its inode, which goes on in steps. */
static void
a_change_that_is_hidden_is_seen(void **state)
{
	struct stat before, after;

	(void)state;
	set_time(path, 1);
	watch_note(watch, path);
	assert_int_equal(stat(path, &before), 0);
	do {
		write_bytes(path, "two", 3);
		set_time(path, 1);
		assert_int_equal(stat(path, &after), 0);
	} while (before.st_ctim.tv_sec == after.st_ctim.tv_sec &&
	    before.st_ctim.tv_nsec == after.st_ctim.tv_nsec);
	assert_string_equal(watch_changed(watch), path);
}

/* As Kubernetes and careful people do it. */
static void
a_file_in_its_place_is_seen(void **state)
{
	(void)state;
	watch_note(watch, path);
	write_bytes(other, "two", 3);
	assert_int_equal(rename(other, path), 0);
	assert_string_equal(watch_changed(watch), path);

	watch_clear(watch);
	write_bytes(other, "two", 3);
	assert_int_equal(symlink("file", link_path), 0);
	watch_note(watch, link_path);
	assert_null(watch_changed(watch));
	assert_int_equal(unlink(link_path), 0);
	assert_int_equal(symlink("other", link_path), 0);
	assert_string_equal(watch_changed(watch), link_path);

	/* What it leads to is another, by the same name. */
	watch_clear(watch);
	watch_note(watch, link_path);
	assert_null(watch_changed(watch));
	assert_int_equal(rename(path, other), 0);
	assert_string_equal(watch_changed(watch), link_path);
}

static void
the_first_look_counts(void **state)
{
	(void)state;
	watch_note(watch, other);
	write_bytes(other, "x", 1);
	watch_note(watch, other);
	assert_string_equal(watch_changed(watch), other);
}

static void
the_one_that_changed_is_named(void **state)
{
	(void)state;
	write_bytes(other, "x", 1);
	watch_note(watch, path);
	watch_note(watch, other);
	write_bytes(other, "xy", 2);
	assert_string_equal(watch_changed(watch), other);
}

static void
a_token_is_read_without_its_line_end(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *token; /* NULL: EINVAL */
	} rows[] = {
		{ "abc", 3, "abc" },
		{ "abc\n", 4, "abc" },
		{ "a.b-c_d= \r\n\t\v\f\n", 15, "a.b-c_d=" },
		{ " a b\n", 5, " a b" },
		{ "", 0, NULL },
		{ "\n \n", 3, NULL },
		{ "ab\0c", 4, NULL },
		{ "ab\0", 3, NULL },
		{ "\0ab", 3, NULL },
	};
	char *token;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		write_bytes(path, rows[i].text, rows[i].len);
		errno = 0;
		token = watch_read_token(watch, path);
		if (rows[i].token == NULL) {
			assert_null(token);
			assert_int_equal(errno, EINVAL);
			continue;
		}
		assert_non_null(token);
		assert_string_equal(token, rows[i].token);
		mem_wipe_string(&token);
		assert_null(token);
	}
}

static void
a_token_has_a_cap(void **state)
{
	static char text[WATCH_TOKEN_MAX + 1];
	char *token;

	(void)state;
	memset(text, 'x', sizeof(text));
	write_bytes(path, text, WATCH_TOKEN_MAX);
	token = watch_read_token(watch, path);
	assert_non_null(token);
	assert_int_equal(strlen(token), WATCH_TOKEN_MAX);
	mem_wipe_string(&token);
	write_bytes(path, text, WATCH_TOKEN_MAX + 1);
	errno = 0;
	assert_null(watch_read_token(watch, path));
	assert_int_equal(errno, EINVAL);
}

static void
what_is_read_is_noted(void **state)
{
	char *token;

	(void)state;
	errno = 0;
	assert_null(watch_read_token(watch, other));
	assert_int_equal(errno, ENOENT);
	assert_null(watch_changed(watch));
	write_bytes(other, "x", 1);
	assert_string_equal(watch_changed(watch), other);

	watch_clear(watch);
	token = watch_read_token(watch, path);
	assert_string_equal(token, "one");
	mem_wipe_string(&token);
	write_bytes(path, "longer", 6);
	assert_string_equal(watch_changed(watch), path);
}

static void
only_files_are_read(void **state)
{
	size_t len;

	(void)state;
	errno = 0;
	assert_null(watch_read_token(watch, directory));
	assert_int_equal(errno, EISDIR);
	/* It has no writer, and must not hold us. */
	assert_int_equal(mkfifo(other, 0600), 0);
	errno = 0;
	assert_null(watch_read_token(watch, other));
	assert_int_equal(errno, EINVAL);
	errno = 0;
	assert_null(watch_read(watch, other, 9, &len));
	assert_int_equal(errno, EINVAL);
	errno = 0;
	assert_null(watch_read(watch, path, 2, &len));
	assert_int_equal(errno, EFBIG);
}

#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, begin_test, end_test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_the_same_has_not_changed),
		TEST(each_kind_of_change_is_seen),
		TEST(a_change_that_is_hidden_is_seen),
		TEST(a_file_in_its_place_is_seen),
		TEST(the_first_look_counts),
		TEST(the_one_that_changed_is_named),
		TEST(a_token_is_read_without_its_line_end),
		TEST(a_token_has_a_cap),
		TEST(what_is_read_is_noted),
		TEST(only_files_are_read),
	};

	watch_free(NULL);
	return (
	    cmocka_run_group_tests(tests, make_directory, remove_directory));
}

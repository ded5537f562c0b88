/*
 * What is known to be uploaded (src/offload/known.h): the set from one run to
 * the next, and that neither a kill, nor damage, nor a full disk is more than
 * an empty set.
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
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"
#include "offload/known.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

static char folder[] = "/tmp/test_known.XXXXXX";
static char *path, *new_path;
static int warnings, allocations;
static int good_allocations; /* before the disk is full; -1: never */
static int rename_error;

void __wrap_log_warning(const char *format, ...);
int __real_posix_fallocate(int fd, off_t from, off_t len);
int __wrap_posix_fallocate(int fd, off_t from, off_t len);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);

void
__wrap_log_warning(const char *format, ...)
{
	(void)format;
	warnings++;
}

int
__wrap_posix_fallocate(int fd, off_t from, off_t len)
{
	if (allocations++ == good_allocations) {
		good_allocations = 0;
		allocations = 0;
		return (ENOSPC);
	}
	return (__real_posix_fallocate(fd, from, len));
}

int
__wrap_rename(const char *from, const char *to)
{
	if (rename_error == 0)
		return (__real_rename(from, to));
	errno = rename_error;
	return (-1);
}

static int
make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return (-1);
	path = mem_printf("%s/a.known", folder);
	new_path = mem_printf("%s.new", path);
	return (0);
}

static int
remove_folder(void **state)
{
	(void)state;
	unlink(path);
	unlink(new_path);
	free(path);
	free(new_path);
	return (rmdir(folder));
}

static int
reset(void **state)
{
	(void)state;
	unlink(path);
	unlink(new_path);
	warnings = allocations = rename_error = 0;
	good_allocations = -1;
	return (0);
}

/* The NUMBERth of a row of prints. */
static uint64_t
print_of(uint64_t number)
{
	return (known_print(&(struct known_file){
	    .ino = number, .key = SPAN("a"), .target = SPAN("b") }));
}

static void
add_row(struct known *known, uint64_t from, uint64_t end)
{
	for (; from < end; from++)
		known_add(known, print_of(from));
}

/* A run that adds a row. */
static void
run(uint64_t from, uint64_t end, bool is_complete)
{
	struct known *known = known_open(path);

	add_row(known, from, end);
	known_close(known, is_complete);
}

/* Of all that any test here adds the set has this row, and nothing else. */
static void
check_row(const struct known *known, uint64_t from, uint64_t end)
{
	for (uint64_t i = 0; i < end + 10000; i++)
		if (known_has(known, print_of(i)) != (i >= from && i < end))
			fail_msg("%d", (int)i);
}

static void
check(uint64_t from, uint64_t end)
{
	struct known *known = known_open(path);

	check_row(known, from, end);
	/* As it was. */
	known_close(known, false);
	assert_int_equal(access(new_path, F_OK), -1);
}

static void
prints_differ_as_files_do(void **state)
{
	static const struct known_file files[] = {
		{ .key = SPAN("") },
		{ .dev = 1 },
		{ .ino = 1 },
		{ .size = 1 },
		{ .mtime_s = 1 },
		{ .mtime_ns = 1 },
		{ .ctime_s = 1 },
		{ .ctime_ns = 1 },
		{ .mtime_s = -1 },
		{ .key = SPAN("a") },
		{ .target = SPAN("a") },
		{ .key = SPAN("ab") },
		{ .key = SPAN("a"), .target = SPAN("b") },
		{ .key = SPAN("a\0") },
		{ .key = SPAN("abcdefgh") },
		{ .key = SPAN("abcdefgh\0") },
		{ .key = SPAN("abcdefghi") },
		{ .key = SPAN("abcdefgh"), .target = SPAN("i") },
		{ .key = SPAN("bacdefghi") },
		{ .key = SPAN("abcdefghj") },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		assert_true(known_print(&files[i]) != 0);
		assert_true(known_print(&files[i]) == known_print(&files[i]));
		for (size_t j = 0; j < i; j++)
			if (known_print(&files[i]) == known_print(&files[j]))
				fail_msg("%zu and %zu", i, j);
	}
}

/* About half of the bits of the print change with any bit of the file. */
static void
prints_are_mixed_well(void **state)
{
	unsigned least = 64, most = 0;

	(void)state;
	for (unsigned bit = 0; bit < 64; bit++) {
		uint64_t changed = 0;
		unsigned n = 0;

		for (uint64_t number = 0; number < 64; number++) {
			changed =
			    print_of(number) ^ print_of(number ^ 1ULL << bit);
			n += (unsigned)__builtin_popcountll(changed);
		}
		n /= 64;
		least = n < least ? n : least;
		most = n > most ? n : most;
	}
	assert_in_range(least, 29, 32);
	assert_in_range(most, 32, 35);
}

static void
a_complete_run_replaces_the_set(void **state)
{
	struct stat status;

	(void)state;
	check(0, 0);
	run(1000, 2000, true);
	check(1000, 2000);
	run(1500, 2500, true);
	check(1500, 2500);
	run(0, 0, true);
	check(0, 0);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(warnings, 0);
}

static void
another_run_adds_to_the_set(void **state)
{
	(void)state;
	run(1000, 2000, false);
	check(1000, 2000);
	run(1500, 2500, false);
	check(1000, 2500);
	run(0, 0, false);
	check(1000, 2500);
	assert_int_equal(warnings, 0);
}

static void
both_sets_are_looked_into(void **state)
{
	struct known *known;

	(void)state;
	run(1000, 2000, true);
	known = known_open(path);
	add_row(known, 2000, 3000);
	check_row(known, 1000, 3000);
	/* Zero is nothing's print, and what is twice there counts once. */
	known_add(known, 0);
	for (int i = 0; i < 100000; i++)
		known_add(known, print_of(2500));
	check_row(known, 1000, 3000);
	known_close(known, true);
	check(2000, 3000);
	known_close(NULL, true);
}

static void
a_set_grows(void **state)
{
	struct stat status;

	(void)state;
	run(1000, 101000, true);
	check(1000, 101000);
	assert_int_equal(stat(path, &status), 0);
	/* 16 to 32 bytes each, and a header. */
	assert_in_range(status.st_size, 16 * 100000, 32 * 100000 + 100);
	run(101000, 102000, false);
	check(1000, 102000);
	assert_int_equal(warnings, 0);
}

/* The highest bits name the slot: here all of them the last one, so that the
 * row goes on at the beginning; and a row that is longer than is searched. */
static void
prints_may_crowd(void **state)
{
	struct known *known = known_open(path);
	uint64_t highest = UINT64_MAX - 1000;

	(void)state;
	for (uint64_t i = 0; i < 1000; i++)
		known_add(known, highest + i);
	for (uint64_t i = 0; i < 1000; i++)
		assert_true(known_has(known, highest + i));
	assert_false(known_has(known, highest + 1000));
	assert_false(known_has(known, highest - 1));
	for (uint64_t i = 1; i < 20000; i++)
		known_add(known, i);
	for (uint64_t i = 1; i < 3000; i++)
		assert_true(known_has(known, i));
	known_close(known, true);
	assert_int_equal(warnings, 0);
}

/* At some moment of a run: what it has mapped is written all the same. */
static void
a_killed_run_leaves_the_old_set(void **state)
{
	int status;
	pid_t child;

	(void)state;
	run(1000, 2000, true);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct known *known = known_open(path);

		add_row(known, 2000, 9000);
		_exit(known_has(known, print_of(8999)) ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(access(new_path, F_OK), 0);
	check(1000, 2000);
	assert_int_equal(warnings, 0);
}

static size_t
get_file(char *data, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	assert_true(fd >= 0);
	len = read(fd, data, room);
	assert_true(len >= 0);
	close(fd);
	return ((size_t)len);
}

static void
put_file(const char *name, const char *data, size_t len)
{
	int fd;

	unlink(name);
	fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	close(fd);
}

static void
what_is_damaged_is_empty(void **state)
{
	static char data[100000], changed[100000];
	size_t len;

	(void)state;
	run(1000, 2000, true);
	len = get_file(data, sizeof(data) - 1);
	/* Of any length but its own. */
	for (size_t cut = 0; cut <= len + 1; cut += cut < 100 ? 1 : 977) {
		put_file(path, data, cut);
		check(0, 0);
	}
	put_file(path, data, len - 1);
	check(0, 0);
	put_file(path, data, len + 1);
	check(0, 0);
	put_file(path, data, len);
	check(1000, 2000);
	/* With another header: magic, version, size. */
	for (size_t i = 0; i < 24; i++) {
		memcpy(changed, data, len);
		changed[i] ^= 0x20;
		put_file(path, changed, len);
		check(0, 0);
	}
	/* With more in it than there can be. */
	memcpy(changed, data, len);
	memset(changed + 24, 0xff, 8);
	put_file(path, changed, len);
	check(0, 0);
	/* And what is damaged is replaced. */
	put_file(path, "something else", 14);
	run(1000, 2000, true);
	check(1000, 2000);
	assert_int_equal(warnings, 0);
}

/* A header that is right before slots that are all in use: any search ends. */
static void
a_search_ends_in_a_damaged_table(void **state)
{
	static char data[100000];
	struct known *known;
	size_t len;

	(void)state;
	run(1000, 2000, true);
	len = get_file(data, sizeof(data));
	memset(data + 64, 0xa5, len - 64);
	put_file(path, data, len);
	known = known_open(path);
	assert_false(known_has(known, print_of(1)));
	add_row(known, 1, 2);
	assert_true(known_has(known, print_of(1)));
	known_close(known, false);
	known = known_open(path);
	assert_true(known_has(known, print_of(1)));
	known_close(known, true);
}

static void
a_full_disk_is_said_once(void **state)
{
	(void)state;
	run(1000, 2000, true);
	for (int good = 0; good < 5; good++) {
		struct known *known;

		warnings = allocations = 0;
		good_allocations = good;
		known = known_open(path);
		add_row(known, 2000, 100000);
		assert_int_equal(warnings, 1);
		assert_int_equal(access(new_path, F_OK), -1);
		check_row(known, 1000, 2000);
		known_close(known, good % 2 == 0);
		assert_int_equal(warnings, 1);
		good_allocations = -1;
		check(1000, 2000);
	}
}

static void
what_cannot_be_renamed_is_removed(void **state)
{
	(void)state;
	run(1000, 2000, true);
	rename_error = EIO;
	run(2000, 3000, true);
	assert_int_equal(warnings, 1);
	assert_int_equal(access(new_path, F_OK), -1);
	rename_error = 0;
	check(1000, 2000);
}

/* Warned of, and a run without a set. */
static void
check_unusable(void)
{
	struct known *known;

	warnings = 0;
	known = known_open(path);
	assert_non_null(known);
	assert_int_equal(warnings, 1);
	add_row(known, 0, 100);
	assert_false(known_has(known, print_of(50)));
	known_close(known, true);
	assert_int_equal(warnings, 1);
}

static void
only_a_file_is_a_set(void **state)
{
	struct stat status;
	char *kept = path;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	check_unusable();
	assert_int_equal(lstat(path, &status), 0);
	assert_true(S_ISFIFO(status.st_mode));
	unlink(path);
	assert_int_equal(symlink("/dev/null", path), 0);
	check_unusable();
	assert_int_equal(lstat(path, &status), 0);
	assert_true(S_ISLNK(status.st_mode));
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	check_unusable();
	assert_int_equal(rmdir(path), 0);
	path = mem_printf("%s/none/a.known", folder);
	check_unusable();
	free(path);
	path = kept;
	/* What stands in the new one's way. */
	assert_int_equal(mkdir(new_path, 0700), 0);
	check_unusable();
	assert_int_equal(rmdir(new_path), 0);
	assert_int_equal(symlink("/dev/null", new_path), 0);
	warnings = 0;
	run(1000, 2000, true);
	check(1000, 2000);
	assert_int_equal(warnings, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints_differ_as_files_do),
		cmocka_unit_test(prints_are_mixed_well),
		cmocka_unit_test_setup(a_complete_run_replaces_the_set, reset),
		cmocka_unit_test_setup(another_run_adds_to_the_set, reset),
		cmocka_unit_test_setup(both_sets_are_looked_into, reset),
		cmocka_unit_test_setup(a_set_grows, reset),
		cmocka_unit_test_setup(prints_may_crowd, reset),
		cmocka_unit_test_setup(a_killed_run_leaves_the_old_set, reset),
		cmocka_unit_test_setup(what_is_damaged_is_empty, reset),
		cmocka_unit_test_setup(a_search_ends_in_a_damaged_table, reset),
		cmocka_unit_test_setup(a_full_disk_is_said_once, reset),
		cmocka_unit_test_setup(
		    what_cannot_be_renamed_is_removed, reset),
		cmocka_unit_test_setup(only_a_file_is_a_set, reset),
	};

	return (cmocka_run_group_tests(tests, make_folder, remove_folder));
}

/*
 * A file that comes back (src/offload/arrival.h): whole, with what was kept of
 * it, never in another's place, and nothing of it where that fails; with files
 * that have no name at first, and on file systems that know none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>

#include <cmocka.h>

#include "offload/arrival.h"
#include "offload/file.h"
#include "scratch.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))
/* Of "hello". */
#define SHA256 \
	"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

enum { OTHER_UID = 1234, OTHER_GID = 2345 };

/* What the system does. */
static struct {
	int tmpfile_error; /* of each file without a name */
	int rename_error;  /* of each renameat2 */
	int write_error;   /* of writes, once ROOM bytes are taken */
	size_t room;
	int interruptions; /* of writes, first */
	int sync_error;    /* of each fsync */
	int link_error;    /* of each linkat */
} play;

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_linkat(
    int from_fd, const char *from, int to_fd, const char *to, int flags);
int __wrap_linkat(
    int from_fd, const char *from, int to_fd, const char *to, int flags);
int __real_openat(int fd, const char *name, int flags, ...);
int __wrap_openat(int fd, const char *name, int flags, mode_t mode);
int __real_renameat2(
    int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
int __wrap_renameat2(
    int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);

static int
fail_with(int error)
{
	errno = error;
	return (-1);
}

int
__wrap_fsync(int fd)
{
	if (play.sync_error != 0)
		return (fail_with(play.sync_error));
	return (__real_fsync(fd));
}

int
__wrap_linkat(
    int from_fd, const char *from, int to_fd, const char *to, int flags)
{
	if (play.link_error != 0)
		return (fail_with(play.link_error));
	return (__real_linkat(from_fd, from, to_fd, to, flags));
}

int
__wrap_openat(int fd, const char *name, int flags, mode_t mode)
{
	if (play.tmpfile_error != 0 && (flags & O_TMPFILE) == O_TMPFILE)
		return (fail_with(play.tmpfile_error));
	return (__real_openat(fd, name, flags, mode));
}

int
__wrap_renameat2(
    int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
	if (play.rename_error != 0)
		return (fail_with(play.rename_error));
	return (__real_renameat2(from_fd, from, to_fd, to, flags));
}

/* Two bytes at a time. */
ssize_t
__wrap_write(int fd, const void *data, size_t len)
{
	if (fd <= STDERR_FILENO)
		return (__real_write(fd, data, len));
	if (play.interruptions > 0) {
		play.interruptions--;
		return (fail_with(EINTR));
	}
	if (play.write_error != 0 && play.room == 0)
		return (fail_with(play.write_error));
	len = len > 2 ? 2 : len;
	if (play.write_error != 0) {
		len = len > play.room ? play.room : len;
		play.room -= len;
	}
	return (__real_write(fd, data, len));
}

/* ---- The kinds of file systems ---- */

static const struct kind {
	const char *title;
	int tmpfile_error, rename_error;
} kinds[] = {
	{ "all that Linux has", 0, 0 },
	{ "no files without names", EOPNOTSUPP, 0 },
	{ "nor a rename that never replaces", EOPNOTSUPP, EINVAL },
	{ "said in another way", EISDIR, ENOSYS },
};

/* Nothing of an arrival is there. */
static void
expect_nothing_left(void)
{
	DIR *dir = opendir(scratch);
	struct dirent *found;

	assert_non_null(dir);
	while ((found = readdir(dir)) != NULL)
		assert_false(file_is_arriving(found->d_name));
	closedir(dir);
}

static int
begin(void **state)
{
	memset(&play, 0, sizeof(play));
	return (scratch_make(state));
}

static void
use(const struct kind *kind)
{
	print_message("# %s\n", kind->title);
	memset(&play, 0, sizeof(play));
	play.tmpfile_error = kind->tmpfile_error;
	play.rename_error = kind->rename_error;
	unlink(in_scratch("a"));
}

/* "hello" by METADATA, to be called "a". */
static bool
bring(const struct metadata *metadata)
{
	struct arrival *arrival = arrival_begin(scratch_root);
	bool is_named;
	int why;

	assert_non_null(arrival);
	assert_true(arrival_write(arrival, SPAN("hel")));
	assert_true(arrival_write(arrival, SPAN("lo")));
	assert_int_equal(arrival_size(arrival), 5);
	assert_true(arrival_is_intact(arrival, metadata));
	is_named = arrival_end(arrival, metadata, "a");
	why = errno;
	arrival_free(arrival);
	errno = why;
	return (is_named);
}

static const struct metadata none;

static void
it_comes_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		use(&kinds[i]);
		play.interruptions = 3;
		assert_true(bring(&none));
		expect_file(in_scratch("a"), "hello");
		expect_nothing_left();
	}
}

static void
it_never_takes_anothers_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		use(&kinds[i]);
		make_file(in_scratch("a"), "mine");
		assert_false(bring(&none));
		assert_int_equal(errno, EEXIST);
		expect_file(in_scratch("a"), "mine");
		expect_nothing_left();
		unlink(in_scratch("a"));
		symlink("nothing", in_scratch("a"));
		assert_false(bring(&none));
		assert_int_equal(errno, EEXIST);
		assert_false(is_there(in_scratch("nothing")));
	}
}

static void
what_came_before_a_restart_is_forgotten(void **state)
{
	const struct metadata metadata = {
		.field[METADATA_SHA256] = SPAN(SHA256),
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		struct arrival *arrival;

		use(&kinds[i]);
		arrival = arrival_begin(scratch_root);
		assert_non_null(arrival);
		assert_true(arrival_write(arrival, SPAN("something else")));
		assert_true(arrival_restart(arrival));
		assert_int_equal(arrival_size(arrival), 0);
		assert_true(arrival_write(arrival, SPAN("hello")));
		assert_true(arrival_is_intact(arrival, &metadata));
		assert_true(arrival_end(arrival, &metadata, "a"));
		arrival_free(arrival);
		expect_file(in_scratch("a"), "hello");
	}
}

static void
other_bytes_are_seen(void **state)
{
	static const struct {
		struct span sha256;
		bool is_intact;
	} rows[] = {
		{ SPAN(SHA256), true },
		{ { .data = NULL }, true },
		{ SPAN("2CF24DBA5FB0A30E26E83B2AC5B9E29E"
		       "1B161E5C1FA7425E73043362938B9824"),
		    true },
		{ SPAN("2cf24dba5fb0a30e26e83b2ac5b9e29e"
		       "1b161e5c1fa7425e73043362938b9825"),
		    false },
		{ SPAN("2cf24dba5fb0a30e26e83b2ac5b9e29e"), false },
		{ SPAN(""), false },
		{ SPAN(SHA256 " "), false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct metadata metadata = {
			.field[METADATA_SHA256] = rows[i].sha256,
		};
		struct arrival *arrival;

		use(&kinds[i % COUNT_OF(kinds)]);
		arrival = arrival_begin(scratch_root);
		assert_non_null(arrival);
		assert_true(arrival_write(arrival, SPAN("hello")));
		assert_int_equal(
		    arrival_is_intact(arrival, &metadata), rows[i].is_intact);
		arrival_free(arrival);
		assert_false(is_there(in_scratch("a")));
		expect_nothing_left();
	}
}

static void
a_full_disk_is_said(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		struct arrival *arrival;

		use(&kinds[i]);
		play.write_error = ENOSPC;
		play.room = 3;
		arrival = arrival_begin(scratch_root);
		assert_non_null(arrival);
		assert_false(arrival_write(arrival, SPAN("hello")));
		assert_int_equal(errno, ENOSPC);
		arrival_free(arrival);
		assert_int_equal(count_names(scratch), 0);
	}
}

/* What is not on the disk gets no name. */
static void
what_cannot_be_synced_is_not_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		use(&kinds[i]);
		play.sync_error = EIO;
		assert_false(bring(&none));
		assert_int_equal(errno, EIO);
		assert_int_equal(count_names(scratch), 0);
	}
}

static void
what_cannot_be_named_leaves_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		use(&kinds[i]);
		if (kinds[i].rename_error == 0)
			play.rename_error = EIO;
		play.link_error = EIO;
		assert_false(bring(&none));
		assert_int_equal(errno, EIO);
		assert_int_equal(count_names(scratch), 0);
	}
}

static void
a_folder_that_takes_none_is_said(void **state)
{
	(void)state;
	play.tmpfile_error = ENOSPC;
	assert_null(arrival_begin(scratch_root));
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(count_names(scratch), 0);
	arrival_free(NULL);
}

/* ---- What was kept of it ---- */

static void
it_has_its_mode(void **state)
{
	static const struct {
		struct span text;
		mode_t wanted;
	} rows[] = {
		{ SPAN("100644"), 0644 },
		{ SPAN("100600"), 0600 },
		{ SPAN("100400"), 0400 },
		{ SPAN("644"), 0644 },
		{ SPAN("0"), 0 },
		/* No set-user-ID from a bucket. */
		{ SPAN("104755"), 0755 },
		{ SPAN("107777"), 0777 },
		/* None. */
		{ { .data = NULL }, 0644 },
		{ SPAN(""), 0644 },
		{ SPAN("rw"), 0644 },
		{ SPAN("100648"), 0644 },
		{ SPAN("-1"), 0644 },
		{ SPAN("00000600"), 0644 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct metadata metadata = {
			.field[METADATA_MODE] = rows[i].text,
		};
		struct stat status;

		use(&kinds[i % COUNT_OF(kinds)]);
		assert_true(bring(&metadata));
		assert_int_equal(stat(in_scratch("a"), &status), 0);
		assert_int_equal(status.st_mode, S_IFREG | rows[i].wanted);
	}
}

static void
it_has_its_time(void **state)
{
	static const struct {
		struct span mtime, modified;
		int64_t seconds; /* -1: now */
		long nanoseconds;
	} rows[] = {
		{ SPAN("1234567890.123456789"), SPAN(""), 1234567890,
		    123456789 },
		{ SPAN("1234567890"), SPAN(""), 1234567890, 0 },
		{ SPAN("0"), SPAN(""), 0, 0 },
		{ SPAN("1234567890.5"), SPAN("Thu, 01 Jan 1970 00:00:01 GMT"),
		    1234567890, 500000000 },
		{ SPAN(""), SPAN("Fri, 13 Feb 2009 23:31:30 GMT"), 1234567890,
		    0 },
		{ SPAN("-1"), SPAN("Fri, 13 Feb 2009 23:31:30 GMT"), 1234567890,
		    0 },
		{ SPAN("x"), SPAN("y"), -1, 0 },
		{ { .data = NULL }, { .data = NULL }, -1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct metadata metadata = {
			.field[METADATA_MTIME] = rows[i].mtime,
			.field[METADATA_LAST_MODIFIED] = rows[i].modified,
		};
		struct timespec when = arrival_mtime(&metadata);
		struct stat status;

		use(&kinds[i % COUNT_OF(kinds)]);
		assert_true(bring(&metadata));
		assert_int_equal(stat(in_scratch("a"), &status), 0);
		if (rows[i].seconds < 0) {
			assert_int_equal(when.tv_nsec, UTIME_OMIT);
			assert_true(status.st_mtime > 1234567890);
			continue;
		}
		assert_int_equal(when.tv_sec, rows[i].seconds);
		assert_int_equal(when.tv_nsec, rows[i].nanoseconds);
		assert_int_equal(status.st_mtim.tv_sec, rows[i].seconds);
		assert_int_equal(status.st_mtim.tv_nsec, rows[i].nanoseconds);
	}
}

/* By root: its own, or, unless both are known, those of its folder. */
static void
it_has_its_owner(void **state)
{
	static const struct {
		struct span uid, gid;
		uid_t wanted_uid;
		gid_t wanted_gid;
	} rows[] = {
		{ SPAN("33"), SPAN("44"), 33, 44 },
		{ SPAN("0"), SPAN("0"), 0, 0 },
		{ SPAN("33"), { .data = NULL }, OTHER_UID, OTHER_GID },
		{ { .data = NULL }, SPAN("44"), OTHER_UID, OTHER_GID },
		{ SPAN("root"), SPAN("44"), OTHER_UID, OTHER_GID },
		{ SPAN("4294967295"), SPAN("44"), OTHER_UID, OTHER_GID },
		{ SPAN("33"), SPAN("-1"), OTHER_UID, OTHER_GID },
	};
	bool is_root = geteuid() == 0;

	(void)state;
	scratch_root->status.st_uid = OTHER_UID;
	scratch_root->status.st_gid = OTHER_GID;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct metadata metadata = {
			.field[METADATA_UID] = rows[i].uid,
			.field[METADATA_GID] = rows[i].gid,
			.field[METADATA_MODE] = SPAN("640"),
		};
		struct stat status;

		use(&kinds[i % COUNT_OF(kinds)]);
		assert_true(bring(&metadata));
		assert_int_equal(stat(in_scratch("a"), &status), 0);
		assert_int_equal(
		    status.st_uid, is_root ? rows[i].wanted_uid : geteuid());
		assert_int_equal(
		    status.st_gid, is_root ? rows[i].wanted_gid : getegid());
		assert_int_equal(status.st_mode, S_IFREG | 0640);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, scratch_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_comes_whole),
		TEST(it_never_takes_anothers_place),
		TEST(what_came_before_a_restart_is_forgotten),
		TEST(other_bytes_are_seen),
		TEST(a_full_disk_is_said),
		TEST(what_cannot_be_synced_is_not_named),
		TEST(what_cannot_be_named_leaves_nothing),
		TEST(a_folder_that_takes_none_is_said),
		TEST(it_has_its_mode),
		TEST(it_has_its_time),
		TEST(it_has_its_owner),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

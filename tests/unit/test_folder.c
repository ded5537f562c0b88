/*
 * Open folders (src/offload/folder.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>

#include <cmocka.h>

#include "mounts.h"
#include "scratch.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

static uid_t played_uid;

uid_t __wrap_geteuid(void);

uid_t
__wrap_geteuid(void)
{
	return (played_uid);
}

/* Which mount a folder is on, by its inode; 0: as it is. */
static struct {
	ino_t ino;
	uint64_t mount;
	bool says_nothing; /* of any: a kernel before 5.8 */
	bool fails;
} played_mount;

int __real_statx(
    int fd, const char *path, int flags, unsigned mask, struct statx *found);
int __wrap_statx(
    int fd, const char *path, int flags, unsigned mask, struct statx *found);

int
__wrap_statx(
    int fd, const char *path, int flags, unsigned mask, struct statx *found)
{
	struct stat status;

	if (played_mount.fails) {
		errno = ENOSYS;
		return (-1);
	}
	assert_int_equal(__real_statx(fd, path, flags, mask, found), 0);
	assert_int_equal(fstat(fd, &status), 0);
	if (status.st_ino == played_mount.ino)
		found->stx_mnt_id = played_mount.mount;
	if (played_mount.says_nothing)
		found->stx_mask &= ~STATX_MNT_ID;
	return (0);
}

static void
expect_error(struct folder *folder, int error)
{
	int why = errno;

	assert_null(folder);
	assert_int_equal(why, error);
}

static void
a_root_may_be_a_link(void **state)
{
	struct folder *folder;

	(void)state;
	mkdir(in_scratch("a"), 0700);
	symlink("a", in_scratch("link"));
	make_file(in_scratch("file"), "");
	folder = folder_open_root(in_scratch("link"));
	assert_non_null(folder);
	assert_string_equal(folder->path, "");
	assert_string_equal(folder->name, "");
	assert_int_equal(folder->depth, 0);
	folder_release(folder);
	expect_error(folder_open_root(in_scratch("nothing")), ENOENT);
	expect_error(folder_open_root(in_scratch("file")), ENOTDIR);
}

static void
what_is_below_may_not(void **state)
{
	struct folder *folder, *below;

	(void)state;
	mkdir(in_scratch("a"), 0700);
	mkdir(in_scratch("a/b"), 0700);
	symlink("a", in_scratch("link"));
	make_file(in_scratch("file"), "");
	folder = folder_open(scratch_root, "a");
	assert_non_null(folder);
	below = folder_open(folder, "b");
	assert_non_null(below);
	assert_string_equal(folder->path, "a/");
	assert_string_equal(below->path, "a/b/");
	assert_string_equal(below->name, "b");
	assert_int_equal(below->depth, 2);
	/* The one below holds those above. */
	folder_release(folder);
	assert_ptr_equal(below->parent, folder);
	assert_int_equal(scratch_root->holders, 2);
	folder_release(below);
	assert_int_equal(scratch_root->holders, 1);
	assert_null(folder_open(scratch_root, "link"));
	assert_true(errno == ELOOP || errno == ENOTDIR);
	expect_error(folder_open(scratch_root, "file"), ENOTDIR);
	expect_error(folder_open(scratch_root, "nothing"), ENOENT);
	folder_release(NULL);
}

static void
a_path_is_walked_down(void **state)
{
	static const struct {
		const char *path, *folder, *name; /* folder NULL: */
		int error;
	} rows[] = {
		{ "f", "", "f", 0 },
		{ "a/f", "a/", "f", 0 },
		{ "a/b/f", "a/b/", "f", 0 },
		{ "a/b", "a/", "b", 0 },
		{ "nothing", "", "nothing", 0 },
		{ "nothing/f", NULL, NULL, ENOENT },
		{ "", NULL, NULL, EINVAL },
		{ "/", NULL, NULL, EINVAL },
		{ "/a/f", NULL, NULL, EINVAL },
		{ "a//f", NULL, NULL, EINVAL },
		{ "a/b/", NULL, NULL, EINVAL },
		{ "..", NULL, NULL, EINVAL },
		{ "../f", NULL, NULL, EINVAL },
		{ "a/../f", NULL, NULL, EINVAL },
		{ "a/..", NULL, NULL, EINVAL },
		{ "./f", NULL, NULL, EINVAL },
		{ "a/.", NULL, NULL, EINVAL },
		{ "file/f", NULL, NULL, ENOTDIR },
	};

	(void)state;
	mkdir(in_scratch("a"), 0700);
	mkdir(in_scratch("a/b"), 0700);
	make_file(in_scratch("file"), "");
	for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
		bool make = i >= COUNT_OF(rows);
		const char *name = NULL;
		struct folder *folder = folder_of_path(scratch_root,
		    rows[i % COUNT_OF(rows)].path, make, 0700, &name);
		int why = errno;
		int error = rows[i % COUNT_OF(rows)].error;

		print_message("# %s\n", rows[i % COUNT_OF(rows)].path);
		if (make && error == ENOENT) {
			assert_non_null(folder);
			assert_true(is_there(in_scratch("nothing")));
		} else if (error != 0) {
			assert_null(folder);
			assert_int_equal(why, error);
		} else {
			assert_non_null(folder);
			assert_string_equal(
			    folder->path, rows[i % COUNT_OF(rows)].folder);
			assert_string_equal(
			    name, rows[i % COUNT_OF(rows)].name);
		}
		folder_release(folder);
	}
	assert_int_equal(scratch_root->holders, 1);
}

/* A link in the way leads nowhere, also where what is missing is made. */
static void
no_link_is_followed(void **state)
{
	const char *name;

	(void)state;
	mkdir(in_scratch("outside"), 0700);
	symlink("outside", in_scratch("link"));
	assert_null(folder_of_path(scratch_root, "link/f", false, 0700, &name));
	assert_null(
	    folder_of_path(scratch_root, "link/x/f", true, 0700, &name));
	assert_int_equal(count_names(in_scratch("outside")), 0);
}

static void
it_is_not_walked_too_deep(void **state)
{
	char path[2 * FOLDER_DEPTH_MAX + 4];
	struct folder *folder;
	const char *name;

	(void)state;
	for (size_t i = 0; i < sizeof(path); i++)
		path[i] = i % 2 == 0 ? 'd' : '/';
	path[2 * FOLDER_DEPTH_MAX + 1] = '\0';
	folder = folder_of_path(scratch_root, path, true, 0700, &name);
	assert_non_null(folder);
	assert_int_equal(folder->depth, FOLDER_DEPTH_MAX);
	folder_release(folder);
	path[2 * FOLDER_DEPTH_MAX + 1] = '/';
	path[2 * FOLDER_DEPTH_MAX + 3] = '\0';
	expect_error(folder_of_path(scratch_root, path, true, 0700, &name),
	    ENAMETOOLONG);
}

static void
what_root_makes_is_whose_it_is_in(void **state)
{
	static const struct {
		uid_t played;
		bool is_given;
	} rows[] = { { 0, true }, { 1000, false } };

	(void)state;
	scratch_root->status.st_uid = 1234;
	scratch_root->status.st_gid = 2345;
	for (size_t i = 0; i < COUNT_OF(rows) && getuid() == 0; i++) {
		struct folder *folder;
		struct stat status;

		played_uid = rows[i].played;
		folder = folder_make(
		    scratch_root, i == 0 ? "first" : "second", 0750);
		assert_non_null(folder);
		assert_int_equal(fstat(folder->fd, &status), 0);
		assert_int_equal(status.st_uid, rows[i].is_given ? 1234 : 0);
		assert_int_equal(status.st_gid, rows[i].is_given ? 2345 : 0);
		assert_int_equal(status.st_mode & 07777, 0750);
		/* One that is there is let alone. */
		assert_int_equal(fchown(folder->fd, 7, 7), 0);
		folder_release(folder);
		folder = folder_make(
		    scratch_root, i == 0 ? "first" : "second", 0700);
		assert_non_null(folder);
		assert_int_equal(fstat(folder->fd, &status), 0);
		assert_int_equal(status.st_uid, 7);
		assert_int_equal(status.st_mode & 07777, 0750);
		folder_release(folder);
	}
}

static void
it_goes_when_the_last_lets_go(void **state)
{
	static const struct {
		bool may_remove, is_empty, is_gone;
	} rows[] = {
		{ true, true, true },
		{ true, false, false },
		{ false, true, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct folder *folder = folder_make(scratch_root, "a", 0700);

		assert_non_null(folder);
		folder->may_remove = rows[i].may_remove;
		if (!rows[i].is_empty)
			make_file(in_scratch("a/f"), "");
		folder_hold(folder);
		folder_release(folder);
		assert_true(is_there(in_scratch("a")));
		folder_release(folder);
		assert_int_equal(is_there(in_scratch("a")), !rows[i].is_gone);
		unlink(in_scratch("a/f"));
	}
	/* Those in each other, from within; the root never. */
	scratch_root->may_remove = true;
	for (int i = 0; i < 2; i++) {
		struct folder *a = folder_make(scratch_root, "a", 0700), *b;

		assert_non_null(a);
		b = folder_make(a, "b", 0700);
		assert_non_null(b);
		a->may_remove = b->may_remove = true;
		folder_release(i == 0 ? a : b);
		folder_release(i == 0 ? b : a);
		assert_int_equal(count_names(scratch), 0);
	}
	assert_true(is_there(scratch));
}

static void
renaming_is_seen(void **state)
{
	static const struct {
		const char *from, *to; /* NULL of to: a link in its place */
		bool is_in_place;
	} rows[] = {
		{ "a/b/c", "a/b/d", true }, /* what is in it */
		{ "a/b", "a/d", false },
		{ "a", "d", false },
		{ "a", NULL, false },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct folder *a, *b;

		assert_int_equal(scratch_remove(state), 0);
		assert_int_equal(scratch_make(state), 0);
		a = folder_make(scratch_root, "a", 0700);
		assert_non_null(a);
		b = folder_make(a, "b", 0700);
		assert_non_null(b);
		mkdir(in_scratch("a/b/c"), 0700);
		assert_true(folder_is_in_place(b));
		assert_int_equal(
		    rename(in_scratch("%s", rows[i].from),
			in_scratch(
			    "%s", rows[i].to != NULL ? rows[i].to : "d")),
		    0);
		if (rows[i].to == NULL)
			symlink("d", in_scratch("a"));
		assert_int_equal(folder_is_in_place(b), rows[i].is_in_place);
		/* Another of its name is not the same. */
		mkdir(in_scratch("%s", rows[i].from), 0700);
		assert_int_equal(folder_is_in_place(b), rows[i].is_in_place);
		folder_release(a);
		folder_release(b);
	}
	assert_true(folder_is_in_place(scratch_root));
}

/* Also one of the same file system, of which files have two paths. */
static void
what_is_mounted_is_not_entered(void **state)
{
	static const struct {
		const char *name;
		bool is_other, says_nothing, fails;
		bool is_entered;
	} rows[] = {
		{ "the same", false, false, false, true },
		{ "another", true, false, false, false },
		{ "another, and nobody tells", true, true, false, true },
		{ "another, and it cannot be asked", true, false, true, true },
	};
	unsigned before = count_names("/proc/self/fd");
	struct stat status;

	(void)state;
	mkdir(in_scratch("a"), 0700);
	mkdir(in_scratch("a/b"), 0700);
	assert_int_equal(stat(in_scratch("a"), &status), 0);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct folder *root, *folder;
		const char *name;

		print_message("# %s\n", rows[i].name);
		played_mount.ino = rows[i].is_other ? status.st_ino : 0;
		played_mount.mount = UINT64_MAX;
		played_mount.says_nothing = rows[i].says_nothing;
		played_mount.fails = rows[i].fails;
		root = folder_open_root(scratch);
		assert_non_null(root);
		folder = folder_open(root, "a");
		if (rows[i].is_entered)
			assert_non_null(folder);
		else
			expect_error(folder, EXDEV);
		folder_release(folder);
		/* Nor passed through, nor taken for one that was made. */
		folder = folder_of_path(root, "a/b/f", i % 2, 0700, &name);
		if (rows[i].is_entered)
			assert_non_null(folder);
		else
			expect_error(folder, EXDEV);
		folder_release(folder);
		assert_int_equal(root->holders, 1);
		folder_release(root);
		/* A root may be what is mounted. */
		root = folder_open_root(in_scratch("a"));
		assert_non_null(root);
		folder_release(root);
		assert_int_equal(count_names("/proc/self/fd"), before);
	}
}

/* Where the kernel does not tell one mount from another, the file system
 * does. */
static void
another_file_system_is_not_entered(void **state)
{
	struct folder *root, *folder;
	int why;

	(void)state;
	mkdir(in_scratch("a"), 0700);
	if (!mounts_add(NULL, in_scratch("a")))
		return;
	played_mount.fails = true;
	root = folder_open_root(scratch);
	folder = root != NULL ? folder_open(root, "a") : NULL;
	why = errno;
	mounts_remove(in_scratch("a"));
	assert_non_null(root);
	assert_null(folder);
	assert_int_equal(why, EXDEV);
	folder_release(root);
}

static int
begin(void **state)
{
	memset(&played_mount, 0, sizeof(played_mount));
	played_uid = getuid();
	umask(022);
	return (scratch_make(state));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, scratch_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_root_may_be_a_link),
		TEST(what_is_below_may_not),
		TEST(a_path_is_walked_down),
		TEST(no_link_is_followed),
		TEST(it_is_not_walked_too_deep),
		TEST(what_root_makes_is_whose_it_is_in),
		TEST(it_goes_when_the_last_lets_go),
		TEST(renaming_is_seen),
		TEST(what_is_mounted_is_not_entered),
		TEST(another_file_system_is_not_entered),
	};

	return (cmocka_run_group_tests(tests, mounts_begin, NULL));
}

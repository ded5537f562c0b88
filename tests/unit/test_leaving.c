/*
 * The end of a local file (file_take_away of src/offload/file.h): that neither
 * it nor another that comes to stand in its place is ever lost, whatever
 * happens between any two system calls.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "offload/file.h"
#include "offload/walk.h"
#include "scratch.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

enum { CALLS_MAX = 16, DIED = 77 };

/* What happens in the calls of the module. */
static struct {
	int rename_error;    /* of each renameat2 that is not to replace */
	int lease_error;     /* of each lease that is asked for */
	int unlink_error;    /* of the next unlinkat of a file */
	bool is_lease_fake;  /* it is there unless... */
	bool is_broken;      /* ...it was broken */
	unsigned calls;      /* so far */
	unsigned at;         /* before the call of this number, from 1... */
	void (*event)(void); /* ...this happens; NULL: nothing */
} play;

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, int argument);
int __real_linkat(
    int from_fd, const char *from, int to_fd, const char *to, int flags);
int __wrap_linkat(
    int from_fd, const char *from, int to_fd, const char *to, int flags);
int __real_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __real_renameat2(
    int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
int __wrap_renameat2(
    int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
int __real_unlinkat(int fd, const char *name, int flags);
int __wrap_unlinkat(int fd, const char *name, int flags);

static void
step(void)
{
	if (++play.calls == play.at && play.event != NULL)
		play.event();
}

static int
fail_with(int error)
{
	errno = error;
	return (-1);
}

int
__wrap_fcntl(int fd, int command, int argument)
{
	if (command != F_SETLEASE && command != F_GETLEASE)
		return (__real_fcntl(fd, command, argument));
	step();
	if (command == F_SETLEASE && argument == F_RDLCK &&
	    play.lease_error != 0)
		return (fail_with(play.lease_error));
	if (!play.is_lease_fake)
		return (__real_fcntl(fd, command, argument));
	if (command == F_SETLEASE)
		return (0);
	return (play.is_broken ? F_UNLCK : F_RDLCK);
}

int
__wrap_linkat(
    int from_fd, const char *from, int to_fd, const char *to, int flags)
{
	step();
	return (__real_linkat(from_fd, from, to_fd, to, flags));
}

int
__wrap_renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	step();
	return (__real_renameat(from_fd, from, to_fd, to));
}

int
__wrap_renameat2(
    int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
	step();
	assert_int_equal(flags, RENAME_NOREPLACE);
	if (play.rename_error != 0)
		return (fail_with(play.rename_error));
	return (__real_renameat2(from_fd, from, to_fd, to, flags));
}

int
__wrap_unlinkat(int fd, const char *name, int flags)
{
	int error = play.unlink_error;

	step();
	if (flags != 0 || error == 0)
		return (__real_unlinkat(fd, name, flags));
	play.unlink_error = 0;
	return (fail_with(error));
}

/* ---- The ways to take it away ---- */

static struct file file;
static char name_255[NAME_MAX + 1], name_239[NAME_MAX + 1];

/* Each way with a file system that can rename and not replace, and without. */
static const struct way {
	const char *title;
	const char *name;
	const char *trash; /* its name there; NULL: it is deleted */
	int rename_error;
} ways[] = {
	{ "deleted", "name", NULL, 0 },
	{ "deleted, as on NFS", "name", NULL, EINVAL },
	{ "deleted, of an old kernel", "name", NULL, ENOSYS },
	{ "deleted, of the longest name with a front", name_239, NULL, 0 },
	{ "deleted, of the longest name", name_255, NULL, 0 },
	{ "deleted, of the longest name, as on NFS", name_255, NULL, EINVAL },
	{ "to the trash", "name", "trashed", 0 },
	{ "to the trash, as on NFS", "name", "trashed", EINVAL },
	{ "to the trash, of the longest name", name_255, name_255, 0 },
};

/* The way that is gone just now. */
static const struct way *now;

static void
open_file(const char *name)
{
	bool no_lease;

	file_init(&file, scratch_root, name, &(struct stat){ .st_size = 0 });
	assert_string_equal(file.path, name);
	assert_int_equal(file_open(&file, &no_lease), FILE_FINE);
}

static int
begin(void **state)
{
	memset(&play, 0, sizeof(play));
	play.is_lease_fake = true;
	memset(name_255, 'n', NAME_MAX);
	memset(name_239, 'n', NAME_MAX - strlen(FILE_LEAVING));
	return (scratch_make(state));
}

/* A tree anew for WAY, with its file open. */
static void
begin_way(const struct way *way)
{
	void *none = NULL;

	assert_int_equal(scratch_remove(&none), 0);
	assert_int_equal(begin(&none), 0);
	now = way;
	make_file(in_scratch("%s", way->name), "proved");
	make_file(in_scratch("new"), "another");
	assert_int_equal(mkdir(in_scratch("trash"), 0700), 0);
	open_file(way->name);
	play.rename_error = way->rename_error;
	play.calls = 0;
}

static enum file_state
take_away(char **left)
{
	struct file_goal goal = { .folder = NULL };
	enum file_state state;
	int why;

	if (now->trash != NULL) {
		goal.folder = folder_open(scratch_root, "trash");
		assert_non_null(goal.folder);
		goal.name = now->trash;
	}
	state = file_take_away(&file, &goal, left);
	why = errno;
	play.event = NULL;
	folder_release(goal.folder);
	file_fini(&file);
	errno = why;
	return (state);
}

/* As the next run does; how many files got their names back. */
static unsigned
recover(void)
{
	static const struct walk_rules rules = { .exclude = ".*" };
	struct walk *walk = walk_new(scratch_root, &rules);
	struct walk_entry entry;
	enum walk_result result;
	unsigned n = 0;

	while ((result = walk_next(walk, &entry)) != WALK_END) {
		if (result != WALK_LEAVING)
			continue;
		assert_int_equal(
		    file_return(&entry.folder, &entry.name), FILE_FINE);
		assert_ptr_equal(entry.folder, scratch_root);
		assert_string_equal(entry.name, now->name);
		n++;
	}
	walk_free(walk);
	return (n);
}

/* ---- Taking away ---- */

static void
it_goes_and_nothing_stays(void **state)
{
	char *left;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(ways); i++) {
		print_message("# %s\n", ways[i].title);
		begin_way(&ways[i]);
		assert_int_equal(take_away(&left), FILE_FINE);
		assert_null(left);
		assert_int_equal(count_names(scratch), 2);
		if (now->trash != NULL)
			expect_file(
			    in_scratch("trash/%s", now->trash), "proved");
	}
}

static void
take_its_place(void)
{
	assert_int_equal(
	    rename(in_scratch("new"), in_scratch("%s", now->name)), 0);
}

/* At no moment is a file lost that others bring to its place. */
static void
another_in_its_place_is_kept(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(ways) * CALLS_MAX; i++) {
		char *left;
		enum file_state result;

		begin_way(&ways[i / CALLS_MAX]);
		play.at = (unsigned)(i % CALLS_MAX + 1);
		play.event = take_its_place;
		print_message("# %s, before call %u\n", now->title, play.at);
		result = take_away(&left);
		if (is_there(in_scratch("new"))) /* it was not called */
			assert_int_equal(result, FILE_FINE);
		else if (left != NULL)
			expect_file(in_scratch("%s", left), "proved");
		if (!is_there(in_scratch("new")))
			expect_file(in_scratch("%s", now->name), "another");
		free(left);
	}
}

static void
die(void)
{
	_exit(DIED);
}

/* Of a run that is killed between any two calls the file stays, whole, or is
 * where it was to be brought. */
static void
a_killed_run_leaves_it(void **state)
{
	unsigned returned = 0;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(ways) * CALLS_MAX; i++) {
		int status;
		pid_t child;
		char *left;

		begin_way(&ways[i / CALLS_MAX]);
		play.at = (unsigned)(i % CALLS_MAX + 1);
		play.event = die;
		print_message("# %s, before call %u\n", now->title, play.at);
		child = fork();
		if (child == 0)
			_exit(take_away(&left) == FILE_FINE ? 0 : 1);
		assert_int_equal(waitpid(child, &status, 0), child);
		play.event = NULL;
		file_fini(&file);
		returned += recover();
		if (is_there(in_scratch("%s", now->name)))
			expect_file(in_scratch("%s", now->name), "proved");
		else if (now->trash != NULL)
			expect_file(
			    in_scratch("trash/%s", now->trash), "proved");
		else /* by the last call but those that end the lease */
			assert_true(play.at > 4);
		assert_true(
		    WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == DIED);
	}
	assert_true(returned >= COUNT_OF(ways));
}

static void
break_lease(void)
{
	play.is_broken = true;
}

static void
break_lease_and_take_name(void)
{
	play.is_broken = true;
	make_file(in_scratch("%s", now->name), "third");
}

/* Its lease is broken once it was renamed: the call behind that looks. */
static unsigned
call_that_looks(void)
{
	return (now->rename_error == 0 ? 3 : 4);
}

static void
who_opens_it_meanwhile_gets_it_back(void **state)
{
	char *left;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(ways); i++) {
		print_message("# %s\n", ways[i].title);
		begin_way(&ways[i]);
		play.at = call_that_looks();
		play.event = break_lease;
		assert_int_equal(take_away(&left), FILE_OPEN);
		assert_null(left);
		expect_file(in_scratch("%s", now->name), "proved");
		assert_int_equal(count_names(scratch), 3);
	}
}

static void
both_are_kept_where_its_name_is_taken(void **state)
{
	char *left;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(ways); i++) {
		print_message("# %s\n", ways[i].title);
		begin_way(&ways[i]);
		play.at = call_that_looks();
		play.event = break_lease_and_take_name;
		assert_int_equal(take_away(&left), FILE_FAILED);
		assert_int_equal(errno, EEXIST);
		assert_non_null(left);
		expect_file(in_scratch("%s", left), "proved");
		expect_file(in_scratch("%s", now->name), "third");
		free(left);
	}
}

static void
rename_folder(void)
{
	assert_int_equal(rename(in_scratch("old"), in_scratch("elsewhere")), 0);
}

/* Where a folder above it is renamed it has another path, whose key nobody has
 * proved: it stays, or had gone before. */
static void
what_moves_with_its_folder_is_kept(void **state)
{
	struct folder *folder, *below;
	unsigned kept = 0;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(ways) * CALLS_MAX; i++) {
		enum file_state result;
		bool no_lease;
		char *left;

		begin_way(&ways[i / CALLS_MAX]);
		file_fini(&file);
		folder = folder_make(scratch_root, "old", 0700);
		assert_non_null(folder);
		below = folder_make(folder, "below", 0700);
		assert_non_null(below);
		make_file(in_scratch("old/below/%s", now->name), "proved");
		file_init(&file, below, now->name, &file.status);
		assert_int_equal(file_open(&file, &no_lease), FILE_FINE);
		folder_release(below);
		folder_release(folder);
		play.calls = 0;
		play.at = (unsigned)(i % CALLS_MAX + 1);
		play.event = rename_folder;
		print_message("# %s, before call %u\n", now->title, play.at);
		result = take_away(&left);
		assert_null(left);
		if (result == FILE_FINE)
			continue;
		assert_int_equal(result, FILE_GONE);
		expect_file(
		    in_scratch("elsewhere/below/%s", now->name), "proved");
		kept++;
	}
	/* Before the lease, and before the first renaming. */
	assert_true(kept >= 2 * COUNT_OF(ways));
}

static void
what_cannot_be_removed_gets_its_name_back(void **state)
{
	char *left;

	(void)state;
	begin_way(&ways[0]);
	play.unlink_error = EIO;
	assert_int_equal(take_away(&left), FILE_FAILED);
	assert_int_equal(errno, EIO);
	assert_null(left);
	expect_file(in_scratch("name"), "proved");
}

/* What an earlier run had to leave is not replaced. */
static void
what_was_left_is_kept(void **state)
{
	char *left;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		begin_way(&ways[i]);
		make_file(in_scratch(FILE_LEAVING "name"), "left");
		assert_int_equal(take_away(&left), FILE_FAILED);
		assert_int_equal(errno, EEXIST);
		assert_null(left);
		expect_file(in_scratch("name"), "proved");
		expect_file(in_scratch(FILE_LEAVING "name"), "left");
	}
}

static void
a_name_that_is_taken_is_not_given_back(void **state)
{
	static const int errors[] = { 0, EINVAL };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(errors); i++) {
		struct folder *folder = scratch_root;
		const char *name = FILE_LEAVING "a";

		make_file(in_scratch(FILE_LEAVING "a"), "old");
		make_file(in_scratch("a"), "new");
		play.rename_error = errors[i];
		assert_int_equal(file_return(&folder, &name), FILE_FAILED);
		assert_int_equal(errno, EEXIST);
		expect_file(in_scratch("a"), "new");
		expect_file(in_scratch(FILE_LEAVING "a"), "old");
		name = FILE_LEAVING "nothing";
		assert_int_equal(file_return(&folder, &name), FILE_GONE);
		/* Both names of one file. */
		unlink(in_scratch("a"));
		link(in_scratch(FILE_LEAVING "a"), in_scratch("a"));
		name = FILE_LEAVING "a";
		assert_int_equal(file_return(&folder, &name), FILE_FINE);
		assert_string_equal(name, "a");
		expect_file(in_scratch("a"), "old");
		assert_false(is_there(in_scratch(FILE_LEAVING "a")));
	}
}

/* What was left of NAME stands at LEFT. */
static void
expect_return(const char *name, const char *left)
{
	make_file(left, "left");
	make_file(in_scratch("%s", name), "another");
	assert_false(file_return_to(scratch_root, name));
	expect_file(in_scratch("%s", name), "another");
	expect_file(left, "left");
	assert_int_equal(unlink(in_scratch("%s", name)), 0);
	assert_true(file_return_to(scratch_root, name));
	expect_file(in_scratch("%s", name), "left");
	assert_false(is_there(left));
	assert_false(file_return_to(scratch_root, name));
}

static void
who_knows_its_name_gets_it_back(void **state)
{
	static const int errors[] = { 0, EINVAL };
	char left[SCRATCH_ROOM];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(errors); i++) {
		play.rename_error = errors[i];
		snprintf(
		    left, sizeof(left), "%s", in_scratch(FILE_LEAVING "a"));
		expect_return("a", left);
		unlink(in_scratch("a"));
		/* It is too long to have something before it. */
		assert_int_equal(mkdir(in_scratch(FILE_LEAVING), 0700), 0);
		snprintf(left, sizeof(left), "%s",
		    in_scratch(FILE_LEAVING "/%s", name_255));
		expect_return(name_255, left);
		unlink(in_scratch("%s", name_255));
		rmdir(in_scratch(FILE_LEAVING));
	}
}

/* ---- The kernel's own leases ---- */

static int writer_error;

static void
open_for_writing(void)
{
	int fd = open(
	    in_scratch(FILE_LEAVING "name"), O_WRONLY | O_NONBLOCK | O_CLOEXEC);

	writer_error = fd < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
}

static void
the_kernels_lease_tells(void **state)
{
	char *left;

	(void)state;
	begin_way(&ways[0]);
	play.is_lease_fake = false;
	if (__real_fcntl(file.fd, F_SETLEASE, F_RDLCK) != 0) {
		print_message("# no leases here\n");
		file_fini(&file);
		return;
	}
	__real_fcntl(file.fd, F_SETLEASE, F_UNLCK);
	play.at = 3;
	play.event = open_for_writing;
	assert_int_equal(take_away(&left), FILE_OPEN);
	assert_int_equal(writer_error, EWOULDBLOCK);
	expect_file(in_scratch("name"), "proved");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, scratch_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_goes_and_nothing_stays),
		TEST(another_in_its_place_is_kept),
		TEST(a_killed_run_leaves_it),
		TEST(who_opens_it_meanwhile_gets_it_back),
		TEST(both_are_kept_where_its_name_is_taken),
		TEST(what_moves_with_its_folder_is_kept),
		TEST(what_cannot_be_removed_gets_its_name_back),
		TEST(what_was_left_is_kept),
		TEST(a_name_that_is_taken_is_not_given_back),
		TEST(who_knows_its_name_gets_it_back),
		TEST(the_kernels_lease_tells),
	};

	/* Of a lease that is broken. */
	sigaction(SIGIO, &(struct sigaction){ .sa_handler = SIG_IGN }, NULL);
	return (cmocka_run_group_tests(tests, NULL, NULL));
}

/*
 * One local file (src/offload/file.h): what is opened, and when it is known
 * again.  Its end is test_leaving's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#include "base/mem.h"
#include "offload/file.h"
#include "scratch.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

enum { NOBODY = 65534 };

static int lease_error; /* of each lease that is asked for; 0: the kernel's */
static struct file file;

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, int argument);

int
__wrap_fcntl(int fd, int command, int argument)
{
	if (command != F_SETLEASE || lease_error == 0)
		return (__real_fcntl(fd, command, argument));
	errno = lease_error;
	return (argument == F_RDLCK ? -1 : 0);
}

static enum file_state
open_file(const char *name, bool *no_lease)
{
	file_init(&file, scratch_root, name, &(struct stat){ .st_size = 0 });
	assert_string_equal(file.path, name);
	return (file_open(&file, no_lease));
}

static enum file_state
try_file(const char *name, bool *no_lease)
{
	enum file_state state = open_file(name, no_lease);

	file_fini(&file);
	return (state);
}

static void
make_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(
	    bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
}

static void
only_a_regular_file_of_one_name_is_opened(void **state)
{
	static const struct {
		const char *name;
		enum file_state wanted;
	} rows[] = {
		{ "file", FILE_FINE },
		{ "nothing", FILE_GONE },
		{ "folder", FILE_STRANGE },
		{ "link", FILE_STRANGE },
		{ "link to nothing", FILE_STRANGE },
		{ "fifo", FILE_STRANGE },
		{ "socket", FILE_STRANGE },
		{ "one of two", FILE_LINKED },
		{ "file/below", FILE_GONE },
	};
	bool no_lease;

	(void)state;
	make_file(in_scratch("file"), "x");
	make_file(in_scratch("one of two"), "x");
	link(in_scratch("one of two"), in_scratch("the other"));
	mkdir(in_scratch("folder"), 0700);
	symlink("file", in_scratch("link"));
	symlink("nothing", in_scratch("link to nothing"));
	mkfifo(in_scratch("fifo"), 0600);
	make_socket(in_scratch("socket"));
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		print_message("# %s\n", rows[i].name);
		assert_int_equal(
		    try_file(rows[i].name, &no_lease), rows[i].wanted);
	}
}

static void
who_has_it_open_is_asked(void **state)
{
	static const struct {
		int error;
		enum file_state wanted;
		bool no_lease;
	} rows[] = {
		{ EAGAIN, FILE_OPEN, false },
		{ EACCES, FILE_FINE, true },
		{ EINVAL, FILE_FINE, true },
	};
	bool no_lease;

	(void)state;
	make_file(in_scratch("name"), "x");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		lease_error = rows[i].error;
		assert_int_equal(try_file("name", &no_lease), rows[i].wanted);
		assert_int_equal(no_lease, rows[i].no_lease);
	}
}

static void
append(const char *path)
{
	FILE *out = fopen(path, "ae");

	assert_true(fputs("x", out) >= 0);
	fclose(out);
}

static void
touch(const char *path)
{
	const struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };

	utimensat(AT_FDCWD, path, times, 0);
}

/* Other bytes, as many, and the time as it was. */
static void
rewrite_and_touch(const char *path)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
		file.status.st_mtim };

	make_file(path, "PROVED");
	utimensat(AT_FDCWD, path, times, 0);
}

static void
change_mode(const char *path)
{
	chmod(path, 0640);
}

static void
replace(const char *path)
{
	rename(in_scratch("new"), path);
}

static void
remove_it(const char *path)
{
	unlink(path);
}

static void
link_it(const char *path)
{
	link(path, in_scratch("second"));
}

static void
do_nothing(const char *path)
{
	(void)path;
}

static const struct change {
	const char *title;
	void (*make)(const char *path);
	enum file_state wanted;
	const char *bytes; /* then */
} changes[] = {
	{ "none", do_nothing, FILE_FINE, "proved" },
	{ "longer", append, FILE_CHANGED, "provedx" },
	{ "other time", touch, FILE_CHANGED, "proved" },
	{ "other bytes, same times", rewrite_and_touch, FILE_CHANGED,
	    "PROVED" },
	{ "other mode", change_mode, FILE_CHANGED, "proved" },
	{ "another file", replace, FILE_CHANGED, "another" },
	{ "a second name", link_it, FILE_LINKED, "proved" },
	{ "gone", remove_it, FILE_GONE, NULL },
};

static bool
has_its_times(const char *path)
{
	struct stat is;

	return (stat(path, &is) == 0 && is.st_ino == file.status.st_ino &&
	    is.st_ctim.tv_sec == file.status.st_ctim.tv_sec &&
	    is.st_ctim.tv_nsec == file.status.st_ctim.tv_nsec);
}

static void
what_changed_is_seen_and_stays(void **state)
{
	const struct file_goal goal = { .folder = NULL };
	char *path = mem_string(in_scratch("name")), *left;
	bool no_lease;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(changes); i++) {
		const struct change *change = &changes[i];

		print_message("# %s\n", change->title);
		unlink(path);
		make_file(path, "proved");
		make_file(in_scratch("new"), "another");
		assert_int_equal(open_file("name", &no_lease), FILE_FINE);
		do /* until the file system's clock has gone on */
			change->make(path);
		while (change->wanted != FILE_FINE && has_its_times(path));
		assert_int_equal(file_check(&file), change->wanted);
		if (change->wanted != FILE_FINE) {
			assert_int_equal(file_take_away(&file, &goal, &left),
			    change->wanted);
			assert_null(left);
		}
		file_fini(&file);
		expect_file(path, change->bytes);
		unlink(in_scratch("second"));
	}
	free(path);
}

/* A file that is open for writing, and one with a lease of another's. */
static void
the_kernel_knows_who_has_it_open(void **state)
{
	bool no_lease;
	int fd;

	(void)state;
	make_file(in_scratch("name"), "x");
	assert_int_equal(try_file("name", &no_lease), FILE_FINE);
	if (no_lease) {
		print_message("# no leases here\n");
		return;
	}
	fd = open(in_scratch("name"), O_WRONLY | O_CLOEXEC);
	assert_int_equal(try_file("name", &no_lease), FILE_OPEN);
	assert_int_equal(__real_fcntl(fd, F_SETLEASE, F_WRLCK), 0);
	assert_int_equal(try_file("name", &no_lease), FILE_OPEN);
	close(fd);
	assert_int_equal(try_file("name", &no_lease), FILE_FINE);
	/* And is not held up by us. */
	assert_int_equal(open_file("name", &no_lease), FILE_FINE);
	assert_int_equal(__real_fcntl(file.fd, F_GETLEASE), F_UNLCK);
	file_fini(&file);
}

static void
what_cannot_be_opened_has_failed(void **state)
{
	bool is_root = geteuid() == 0, no_lease;
	enum file_state result;
	int why;

	(void)state;
	make_file(in_scratch("name"), "x");
	chmod(in_scratch("name"), 0);
	if (is_root)
		assert_int_equal(seteuid(NOBODY), 0);
	result = try_file("name", &no_lease);
	why = errno;
	if (is_root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(result, FILE_FAILED);
	assert_int_equal(why, EACCES);
}

static void
its_folder_may_be_renamed(void **state)
{
	struct folder *folder = folder_make(scratch_root, "old", 0700);
	bool no_lease;

	(void)state;
	assert_non_null(folder);
	make_file(in_scratch("old/name"), "x");
	file_init(&file, folder, "name", &(struct stat){ .st_size = 0 });
	folder_release(folder);
	assert_string_equal(file.path, "old/name");
	assert_int_equal(file_open(&file, &no_lease), FILE_FINE);
	assert_int_equal(file_check(&file), FILE_FINE);
	assert_int_equal(rename(in_scratch("old"), in_scratch("new")), 0);
	assert_int_equal(file_check(&file), FILE_GONE);
	file_fini(&file);
}

static void
age_is_told_by_the_later_time(void **state)
{
	struct stat status = { .st_mtime = 5, .st_ctime = 7 };

	(void)state;
	assert_int_equal(file_changed_s(&status), 7);
	status.st_mtime = 9;
	assert_int_equal(file_changed_s(&status), 9);
}

static void
names_of_ours_are_known(void **state)
{
	(void)state;
	assert_true(file_is_leaving(scratch_root, FILE_LEAVING "a"));
	assert_false(file_is_leaving(scratch_root, FILE_LEAVING));
	assert_false(file_is_leaving(scratch_root, "a" FILE_LEAVING));
	assert_true(file_is_arriving(FILE_ARRIVING "1-2"));
	assert_false(file_is_arriving(FILE_LEAVING "a"));
}

static int
begin(void **state)
{
	lease_error = 0;
	return (scratch_make(state));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, scratch_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_a_regular_file_of_one_name_is_opened),
		TEST(who_has_it_open_is_asked),
		TEST(the_kernel_knows_who_has_it_open),
		TEST(what_cannot_be_opened_has_failed),
		TEST(what_changed_is_seen_and_stays),
		TEST(its_folder_may_be_renamed),
		TEST(age_is_told_by_the_later_time),
		TEST(names_of_ours_are_known),
	};

	/* Of a lease that is broken. */
	sigaction(SIGIO, &(struct sigaction){ .sa_handler = SIG_IGN }, NULL);
	return (cmocka_run_group_tests(tests, NULL, NULL));
}

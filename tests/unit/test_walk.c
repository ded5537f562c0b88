/*
 * A walk through a tree (src/offload/walk.h): what is found of it, also while
 * it changes, and what cannot be read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <malloc.h>

#include <cmocka.h>

#include "base/mem.h"
#include "offload/file.h"
#include "offload/walk.h"

#include "mounts.h"
#include "scratch.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

enum { TEXT_ROOM = 65536, FOUND_MAX = 1024, NOBODY = 65534 };

/* What happens meanwhile. */
static struct {
	const char *name;    /* before this is looked at or opened... */
	bool is_at_open;     /* ...the second... */
	void (*event)(void); /* ...this happens, once */
	unsigned reads;      /* so many entries are read, then... */
	int read_error;      /* ...this comes, once; 0: not */
} play;

int __real_fstatat(int fd, const char *name, struct stat *status, int flags);
int __wrap_fstatat(int fd, const char *name, struct stat *status, int flags);
int __real_openat(int fd, const char *name, int flags, ...);
int __wrap_openat(int fd, const char *name, int flags, mode_t mode);
struct dirent *__real_readdir(DIR *dir);
struct dirent *__wrap_readdir(DIR *dir);

static void
meet(const char *name, bool is_at_open)
{
	void (*event)(void) = play.event;

	if (event == NULL || is_at_open != play.is_at_open ||
	    strcmp(name, play.name) != 0)
		return;
	play.event = NULL;
	event();
}

int
__wrap_fstatat(int fd, const char *name, struct stat *status, int flags)
{
	assert_true((flags & AT_SYMLINK_NOFOLLOW) != 0);
	meet(name, false);
	return (__real_fstatat(fd, name, status, flags));
}

int
__wrap_openat(int fd, const char *name, int flags, mode_t mode)
{
	meet(name, true);
	return (__real_openat(fd, name, flags, mode));
}

struct dirent *
__wrap_readdir(DIR *dir)
{
	if (play.read_error == 0 || play.reads-- > 0)
		return (__real_readdir(dir));
	errno = play.read_error;
	play.read_error = 0;
	return (NULL);
}

/* ---- What is found, as one text ---- */

static char *found[FOUND_MAX];
static char text[TEXT_ROOM];
static unsigned folders; /* that were entered */
static bool may_remove;  /* all of them */

static int
compare(const void *a, const void *b)
{
	return (strcmp(*(char *const *)a, *(char *const *)b));
}

/* A walk whole: "PATH", "leaving PATH" or "failed PATH (ERRNO)", in order. */
static const char *
walk_whole(const struct walk_rules *rules)
{
	struct walk *walk = walk_new(scratch_root, rules);
	struct walk_entry entry;
	enum walk_result result;
	size_t n = 0, len = 0;

	while ((result = walk_next(walk, &entry)) != WALK_END) {
		assert_true(n < FOUND_MAX);
		if (result == WALK_FAILED)
			found[n++] = mem_printf("failed %s (%s)", entry.path,
			    strerrorname_np(errno));
		else {
			assert_non_null(strstr(entry.path, entry.name));
			assert_true(faccessat(entry.folder->fd, entry.name,
					F_OK, AT_SYMLINK_NOFOLLOW) == 0);
			found[n++] = mem_printf("%s%s",
			    result == WALK_LEAVING ? "leaving " : "",
			    entry.path);
		}
	}
	assert_int_equal(walk_next(walk, &entry), WALK_END);
	walk_free(walk);
	qsort(found, n, sizeof(*found), compare);
	text[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		len += (size_t)snprintf(text + len, TEXT_ROOM - len, "%s%s",
		    i > 0 ? ", " : "", found[i]);
		free(found[i]);
	}
	return (text);
}

static void
on_folder(void *context, struct folder *folder)
{
	assert_ptr_equal(context, text);
	folder->may_remove = may_remove;
	folders++;
}

static const struct walk_rules no_rules;

static int
begin(void **state)
{
	memset(&play, 0, sizeof(play));
	folders = 0;
	may_remove = false;
	return (scratch_make(state));
}

static void
make_tree(void)
{
	mkdir(in_scratch("a"), 0755);
	mkdir(in_scratch("a/b"), 0755);
	mkdir(in_scratch("empty"), 0755);
	make_file(in_scratch("1"), "");
	make_file(in_scratch("a/2"), "");
	make_file(in_scratch("a/b/3"), "");
}

/* ---- A tree at rest ---- */

static void
all_but_folders_is_found(void **state)
{
	const struct walk_rules rules = { .on_folder = on_folder,
		.context = text };

	(void)state;
	make_tree();
	symlink("a", in_scratch("link"));
	symlink("nothing", in_scratch("a/dangling"));
	mkfifo(in_scratch("fifo"), 0600);
	make_file(in_scratch(".hidden"), "");
	make_file(in_scratch("a/\xff\n"), "");
	assert_string_equal(walk_whole(&rules),
	    ".hidden, 1, a/2, a/b/3, a/dangling, a/\xff\n, fifo, link");
	assert_int_equal(folders, 4);
}

static void
what_is_excluded_is_not(void **state)
{
	static const struct {
		const char *exclude, *wanted;
	} rows[] = {
		{ NULL, "1, a/2, a/b/3" },
		{ "", "1, a/2, a/b/3" },
		{ "2", "1, a/b/3" },
		{ "b", "1, a/2" },
		{ "b/", "1, a/2" },
		{ "/b", "1, a/2, a/b/3" },
		{ "a", "1" },
		{ "a/*", "1" },
		{ "1 3", "a/2" },
		{ "*", "" },
	};

	(void)state;
	make_tree();
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct walk_rules rules = { .exclude = rows[i].exclude };

		assert_string_equal(walk_whole(&rules), rows[i].wanted);
	}
}

static void
our_own_folders_are_passed(void **state)
{
	struct walk_rules rules = { .n_passed = 2 };
	struct stat status;

	(void)state;
	make_tree();
	assert_int_equal(stat(in_scratch("a/b"), &status), 0);
	rules.passed[1].dev = status.st_dev;
	rules.passed[1].ino = status.st_ino;
	assert_string_equal(walk_whole(&rules), "1, a/2");
	rules.passed[1].dev++;
	assert_string_equal(walk_whole(&rules), "1, a/2, a/b/3");
	rules.passed[1].dev--;
	rules.n_passed = 1;
	assert_string_equal(walk_whole(&rules), "1, a/2, a/b/3");
}

/* Whatever is excluded: they are what a killed run left. */
static void
what_is_leaving_or_arriving_is_known(void **state)
{
	static const char *const excludes[] = { NULL, ".*", "*" };

	(void)state;
	make_file(in_scratch(FILE_LEAVING "x"), "");
	make_file(in_scratch(FILE_ARRIVING "1"), "");
	make_file(in_scratch(FILE_ARRIVING), "");
	mkdir(in_scratch(FILE_LEAVING), 0700);
	make_file(in_scratch(FILE_LEAVING "/y"), "");
	for (size_t i = 0; i < COUNT_OF(excludes); i++) {
		struct walk_rules rules = { .exclude = excludes[i] };

		assert_string_equal(walk_whole(&rules),
		    "leaving " FILE_LEAVING "/y, leaving " FILE_LEAVING "x, "
		    "leaving " FILE_ARRIVING ", leaving " FILE_ARRIVING "1");
	}
}

/* Whatever has such a name: it had just taken the place of a file, and what is
 * in a folder has a key without that. */
static void
what_is_leaving_may_be_anything(void **state)
{
	const struct walk_rules rules = { .on_folder = on_folder,
		.context = text };

	(void)state;
	mkdir(in_scratch(FILE_LEAVING "d"), 0700);
	make_file(in_scratch(FILE_LEAVING "d/f"), "");
	symlink(".", in_scratch(FILE_LEAVING "l"));
	mkfifo(in_scratch(FILE_LEAVING "p"), 0600);
	mkdir(in_scratch(FILE_LEAVING), 0700);
	mkdir(in_scratch(FILE_LEAVING "/d"), 0700);
	make_file(in_scratch(FILE_LEAVING "/d/f"), "");
	assert_string_equal(walk_whole(&rules),
	    "leaving " FILE_LEAVING "/d, leaving " FILE_LEAVING
	    "d, leaving " FILE_LEAVING "l, leaving " FILE_LEAVING "p");
	/* The root, and what has no name but that. */
	assert_int_equal(folders, 2);
}

/* A folder is none that was coming back. */
static void
folders_do_not_arrive(void **state)
{
	(void)state;
	mkdir(in_scratch(FILE_ARRIVING "d"), 0700);
	make_file(in_scratch(FILE_ARRIVING "d/f"), "");
	assert_string_equal(walk_whole(&no_rules), FILE_ARRIVING "d/f");
}

/* Said once each, and the others are found; be it another file system, or a
 * folder that has another path. */
static void
mounts_are_not_entered(void **state)
{
	static const char *const from[] = { NULL, "a/b", "" };

	(void)state;
	make_tree();
	for (size_t i = 0; i < COUNT_OF(from); i++) {
		const char *got;

		if (!mounts_add(
			from[i] != NULL ? in_scratch("%s", from[i]) : NULL,
			in_scratch("empty")))
			return;
		got = walk_whole(&no_rules);
		mounts_remove(in_scratch("empty"));
		assert_string_equal(got, "1, a/2, a/b/3, failed empty (EXDEV)");
	}
	assert_string_equal(walk_whole(&no_rules), "1, a/2, a/b/3");
}

/* NAMES folders in each other, with a file in each. */
static void
make_deep(unsigned depth)
{
	int fd = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (unsigned i = 0; i < depth; i++) {
		int next;

		assert_int_equal(mkdirat(fd, "d", 0755), 0);
		next =
		    __real_openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(fd);
		fd = next;
		close(__real_openat(
		    fd, "f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	}
	close(fd);
}

/* How many times WORD is in TEXT. */
static unsigned
count_word(const char *word)
{
	unsigned n = 0;

	for (const char *at = text; (at = strstr(at, word)) != NULL; at++)
		n++;
	return (n);
}

static void
too_deep_is_said_once(void **state)
{
	static const struct {
		unsigned depth, found, failed;
	} rows[] = {
		{ FOLDER_DEPTH_MAX, FOLDER_DEPTH_MAX, 0 },
		{ FOLDER_DEPTH_MAX + 1, FOLDER_DEPTH_MAX, 1 },
		{ FOLDER_DEPTH_MAX + 9, FOLDER_DEPTH_MAX, 1 },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_int_equal(scratch_remove(state), 0);
		assert_int_equal(begin(state), 0);
		make_deep(rows[i].depth);
		walk_whole(&no_rules);
		assert_int_equal(count_word("/f"), rows[i].found);
		assert_int_equal(count_word("failed"), rows[i].failed);
		assert_int_equal(count_word("(ENAMETOOLONG)"), rows[i].failed);
	}
}

/* ---- A tree that changes ---- */

static void
remove_1(void)
{
	unlink(in_scratch("1"));
}

static void
remove_empty(void)
{
	rmdir(in_scratch("empty"));
}

static void
make_empty_a_link(void)
{
	rmdir(in_scratch("empty"));
	symlink("a", in_scratch("empty"));
}

static void
make_empty_a_file(void)
{
	rmdir(in_scratch("empty"));
	make_file(in_scratch("empty"), "");
}

static void
make_empty_a_fifo(void)
{
	rmdir(in_scratch("empty"));
	mkfifo(in_scratch("empty"), 0600);
}

static void
move_a(void)
{
	rename(in_scratch("a"), in_scratch("empty"));
	symlink("/", in_scratch("a"));
}

static void
what_changes_meanwhile_does_no_harm(void **state)
{
	static const struct {
		const char *name;
		bool is_at_open;
		void (*event)(void);
		const char *wanted;
	} rows[] = {
		{ "1", false, remove_1, "a/2, a/b/3" },
		{ "empty", false, remove_empty, "1, a/2, a/b/3" },
		{ "empty", true, remove_empty, "1, a/2, a/b/3" },
		{ "empty", true, make_empty_a_link, "1, a/2, a/b/3" },
		{ "empty", true, make_empty_a_file, "1, a/2, a/b/3" },
		{ "empty", true, make_empty_a_fifo, "1, a/2, a/b/3" },
		{ "empty", false, make_empty_a_link, "1, a/2, a/b/3, empty" },
		/* It is gone on with, by what is open. */
		{ "b", true, move_a, "1, a/2, a/b/3" },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *got;

		assert_int_equal(scratch_remove(state), 0);
		assert_int_equal(begin(state), 0);
		make_tree();
		play.name = rows[i].name;
		play.is_at_open = rows[i].is_at_open;
		play.event = rows[i].event;
		print_message("# row %zu\n", i);
		got = walk_whole(&no_rules);
		assert_null(play.event);
		/* What was renamed may be met twice, or not. */
		if (rows[i].event == move_a)
			assert_non_null(strstr(got, "a/b/3"));
		else
			assert_string_equal(got, rows[i].wanted);
	}
}

/* ---- What cannot be read ---- */

static void
a_folder_that_cannot_be_read_is_said(void **state)
{
	static const mode_t modes[] = { 0, 0311, 0644 };
	bool is_root = geteuid() == 0;

	(void)state;
	make_tree();
	chmod(scratch, 0755);
	for (size_t i = 0; i < COUNT_OF(modes); i++) {
		chmod(in_scratch("a/b"), modes[i]);
		if (is_root)
			assert_int_equal(seteuid(NOBODY), 0);
		walk_whole(&no_rules);
		if (is_root)
			assert_int_equal(seteuid(0), 0);
		assert_string_equal(text, "1, a/2, failed a/b (EACCES)");
	}
	chmod(in_scratch("a/b"), 0700);
}

static void
a_root_that_cannot_be_read_is_said(void **state)
{
	(void)state;
	make_tree();
	scratch_root->fd += 500; /* none */
	assert_string_equal(walk_whole(&no_rules), "failed  (EBADF)");
	scratch_root->fd -= 500;
}

static void
the_rest_of_a_folder_is_missing(void **state)
{
	const struct walk_rules rules = { .on_folder = on_folder,
		.context = text };

	(void)state;
	mkdir(in_scratch("a"), 0755);
	make_file(in_scratch("a/1"), "");
	/* Each of the two folders is read four times, the last for its end. */
	for (play.reads = 0; play.reads <= 6;) {
		unsigned reads = play.reads;

		play.read_error = EIO;
		may_remove = true;
		walk_whole(&rules);
		assert_int_equal(count_word("failed"), 1);
		assert_int_equal(count_word("(EIO)"), 1);
		assert_int_equal(play.read_error, 0);
		play.reads = reads + 1;
	}
	expect_file(in_scratch("a/1"), "");
}

/* ---- What it takes ---- */

static void
memory_does_not_go_with_the_tree(void **state)
{
	enum { FILES = 3000, MORE = 4096 };
	struct walk_entry entry;
	struct walk *walk;
	size_t at_first = 0, most = 0, files = 0;

	(void)state;
	for (int i = 0; i < FILES; i++)
		make_file(in_scratch("a name that is rather long %d", i), "");
	walk = walk_new(scratch_root, &no_rules);
	while (walk_next(walk, &entry) == WALK_FOUND) {
		size_t used = mallinfo2().uordblks;

		if (files++ == 0)
			at_first = used;
		most = used > most ? used : most;
	}
	walk_free(walk);
	assert_int_equal(files, FILES);
	assert_true(most - at_first < MORE);
}

static void
nothing_stays_open(void **state)
{
	unsigned before = count_names("/proc/self/fd");
	struct walk_entry entry;

	(void)state;
	make_deep(20);
	for (int calls = 0; calls < 22; calls++) {
		struct walk *walk = walk_new(scratch_root, &no_rules);

		for (int i = 0; i < calls; i++)
			(void)!walk_next(walk, &entry);
		walk_free(walk);
		assert_int_equal(count_names("/proc/self/fd"), before);
	}
	assert_int_equal(scratch_root->holders, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, scratch_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_but_folders_is_found),
		TEST(what_is_excluded_is_not),
		TEST(our_own_folders_are_passed),
		TEST(what_is_leaving_or_arriving_is_known),
		TEST(what_is_leaving_may_be_anything),
		TEST(folders_do_not_arrive),
		TEST(mounts_are_not_entered),
		TEST(too_deep_is_said_once),
		TEST(what_changes_meanwhile_does_no_harm),
		TEST(a_folder_that_cannot_be_read_is_said),
		TEST(a_root_that_cannot_be_read_is_said),
		TEST(the_rest_of_a_folder_is_missing),
		TEST(memory_does_not_go_with_the_tree),
		TEST(nothing_stays_open),
	};

	return (cmocka_run_group_tests(tests, mounts_begin, NULL));
}

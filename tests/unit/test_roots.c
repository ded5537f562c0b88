/*
 * Whether roots are apart (src/offload/roots.h): by what they are, through
 * links and mounts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "offload/roots.h"

#include "mounts.h"
#include "scratch.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

enum { SAID_ROOM = 8192 };

static char said[SAID_ROOM]; /* each line */
static size_t lines;

void __wrap_log_error(const char *format, ...);

void
__wrap_log_error(const char *format, ...)
{
	size_t len = strlen(said);
	va_list args;

	va_start(args, format);
	vsnprintf(said + len, SAID_ROOM - len, format, args);
	va_end(args);
	lines++;
}

/* PATH in the scratch folder, as settings have it; NULL: none. */
static char *
place(const char *path)
{
	return (path == NULL ? NULL : mem_string(in_scratch("%s", path)));
}

/* Two offloads, "a" and "b". */
struct two {
	const char *roots[2];
	const char *trashes[2];
	const char *states[2]; /* NULL: one for both, apart from the roots */
};

static bool
are_apart(const struct two *two, size_t n)
{
	struct offload_settings offloads[2];
	struct settings settings = { .offloads = offloads, .n_offloads = n };
	bool is_said;

	said[0] = '\0';
	lines = 0;
	for (size_t i = 0; i < 2; i++)
		offloads[i] = (struct offload_settings){
			.name = (char *)(uintptr_t)(i == 0 ? "a" : "b"),
			.root = place(two->roots[i]),
			.trash = place(two->trashes[i]),
			.state = place(
			    two->states[i] != NULL ? two->states[i] : "state"),
		};
	is_said = !roots_are_apart(&settings);
	assert_int_equal(is_said, lines > 0);
	for (size_t i = 0; i < 2; i++) {
		free(offloads[i].root);
		free(offloads[i].trash);
		free(offloads[i].state);
	}
	return (!is_said);
}

/* "r" and "s" are apart, with folders in them; "lr" and "lrs" are links to "r"
 * and "r/sub"; and "r/ls" is one to "s". */
static int
begin(void **state)
{
	static const char *const folders[] = { "r", "r/sub", "r/sub/deep", "rr",
		"s", "s/sub", "state", "away" };

	if (scratch_make(state) != 0)
		return (-1);
	for (size_t i = 0; i < COUNT_OF(folders); i++)
		if (mkdir(in_scratch("%s", folders[i]), 0700) != 0)
			return (-1);
	return (symlink("r", in_scratch("lr")) == 0 &&
		    symlink("r/sub", in_scratch("lrs")) == 0 &&
		    symlink("../s", in_scratch("r/ls")) == 0 &&
		    symlink("nothing", in_scratch("dangling")) == 0
		? 0
		: -1);
}

static void
links_count(void **state)
{
	static const struct {
		const char *name;
		struct two two;
		const char *what; /* is said; NULL: they are apart */
	} rows[] = {
		{ "apart", { { "r", "s" }, { NULL, NULL }, { NULL, NULL } },
		    NULL },
		{ "a name that begins alike",
		    { { "r", "rr" }, { NULL, NULL }, { NULL, NULL } }, NULL },
		{ "one, by two names",
		    { { "r", "r" }, { NULL, NULL }, { NULL, NULL } },
		    "offload a: root: " },
		{ "one, by a link",
		    { { "r", "lr" }, { NULL, NULL }, { NULL, NULL } },
		    "offload a: root: " },
		{ "in the other, by a link",
		    { { "r", "lrs" }, { NULL, NULL }, { NULL, NULL } },
		    "offload b: root: " },
		{ "in the other, by a link, the other way round",
		    { { "lrs", "r" }, { NULL, NULL }, { NULL, NULL } },
		    "offload a: root: " },
		{ "deep in the other, by a link in the middle",
		    { { "r", "lrs/deep" }, { NULL, NULL }, { NULL, NULL } },
		    "offload b: root: " },
		/* The first row has such a link, too: the walk follows none. */
		{ "a link in a root that leads to the other",
		    { { "r", "s" }, { "r/ls/sub", NULL }, { NULL, NULL } },
		    "offload a: trash: " },

		{ "a trash in its own root",
		    { { "r", "s" }, { "r/sub", NULL }, { NULL, NULL } }, NULL },
		{ "a trash in the other's root",
		    { { "r", "s" }, { NULL, "lrs" }, { NULL, NULL } },
		    "offload b: trash: " },
		{ "a trash that is the other's root",
		    { { "r", "s" }, { "s", NULL }, { NULL, NULL } },
		    "offload a: trash: " },
		{ "a trash that is not there",
		    { { "r", "s" }, { "r/none", "none" }, { NULL, NULL } },
		    NULL },
		{ "a state in its own root",
		    { { "r", "s" }, { NULL, NULL }, { "lrs", NULL } },
		    "offload a: state: " },
		{ "a state in the other's root",
		    { { "r", "s" }, { NULL, NULL }, { NULL, "lrs" } },
		    "offload b: state: " },
		{ "a state that is not there",
		    { { "r", "s" }, { NULL, NULL }, { "none", "none/n" } },
		    NULL },
		{ "a root in the state's folder",
		    { { "r", "s/sub" }, { NULL, NULL }, { "s", NULL } }, NULL },
		{ "a root that is not there",
		    { { "none", "s" }, { NULL, NULL }, { NULL, NULL } }, NULL },
		{ "two roots that are not there",
		    { { "none", "none" }, { NULL, NULL }, { NULL, NULL } },
		    NULL },
		{ "a root that leads nowhere",
		    { { "dangling", "r" }, { NULL, NULL }, { NULL, NULL } },
		    NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		print_message("%s\n", rows[i].name);
		assert_int_equal(
		    are_apart(&rows[i].two, 2), rows[i].what == NULL);
		if (rows[i].what != NULL)
			assert_non_null(strstr(said, rows[i].what));
	}
}

/* Of each offload the first fault with each other, so that all that are at
 * fault are named at once. */
static void
all_are_named(void **state)
{
	static const struct two two = { { "r", "lr" }, { NULL, "lrs" },
		{ NULL, NULL } };

	(void)state;
	assert_false(are_apart(&two, 2));
	assert_int_equal(lines, 2);
	assert_non_null(strstr(said, "offload a: root: "));
	assert_non_null(strstr(said, "offload b: root: "));
}

static void
one_is_apart(void **state)
{
	static const struct two two = { { "r", NULL }, { "r/sub", NULL },
		{ NULL, NULL } };

	(void)state;
	assert_true(are_apart(&two, 1));
	assert_true(are_apart(&two, 0));
}

/* Nothing stays open, however it ends. */
static void
nothing_stays_open(void **state)
{
	static const struct two twos[] = {
		{ { "r", "s" }, { "r/sub/deep", "none" }, { NULL, NULL } },
		{ { "r", "lrs" }, { NULL, NULL }, { "s/sub", NULL } },
	};
	unsigned before = count_names("/proc/self/fd");

	(void)state;
	for (size_t i = 0; i < COUNT_OF(twos); i++) {
		assert_int_equal(are_apart(&twos[i], 2), i == 0);
		assert_int_equal(count_names("/proc/self/fd"), before);
	}
}

/* ---- Mounts ---- */

static void
mounts_count(void **state)
{
	static const struct {
		const char *name;
		const char *from; /* NULL: another file system */
		const char *to;
		struct two two;
		const char *what; /* as above */
	} rows[] = {
		{ "apart", "s", "away",
		    { { "r", "s" }, { NULL, NULL }, { NULL, NULL } }, NULL },
		{ "one, by a mount", "r", "away",
		    { { "r", "away" }, { NULL, NULL }, { NULL, NULL } },
		    "offload a: root: " },
		{ "another file system in a root", NULL, "r/sub",
		    { { "r", "s" }, { NULL, NULL }, { NULL, NULL } }, NULL },
		{ "a folder of its own in a root, twice", "r/sub", "r/sub/deep",
		    { { "r", "s" }, { NULL, NULL }, { NULL, NULL } },
		    " is mounted in its root, " },
		{ "a folder from elsewhere in a root", "away", "r/sub",
		    { { "r", "s" }, { NULL, NULL }, { NULL, NULL } },
		    " is mounted in its root, " },
		{ "in a root that is given by a link", "away", "r/sub",
		    { { "lr", "s" }, { NULL, NULL }, { NULL, NULL } },
		    " is mounted in its root, " },
		{ "in the second's root", "away", "s/sub",
		    { { "r", "s" }, { NULL, NULL }, { NULL, NULL } },
		    "offload b: " },
		{ "in a folder of a name that begins alike", "away", "rr",
		    { { "r", "s" }, { NULL, NULL }, { NULL, NULL } }, NULL },
		{ "a root that is a mount", "away", "r",
		    { { "r", "s" }, { NULL, NULL }, { NULL, NULL } }, NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		bool is_apart;

		print_message("%s\n", rows[i].name);
		if (!mounts_add(rows[i].from != NULL
			    ? in_scratch("%s", rows[i].from)
			    : NULL,
			in_scratch("%s", rows[i].to)))
			return;
		is_apart = are_apart(&rows[i].two, 2);
		mounts_remove(in_scratch("%s", rows[i].to));
		assert_int_equal(is_apart, rows[i].what == NULL);
		if (rows[i].what != NULL)
			assert_non_null(strstr(said, rows[i].what));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, scratch_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(links_count),
		TEST(all_are_named),
		TEST(one_is_apart),
		TEST(nothing_stays_open),
		TEST(mounts_count),
	};

	return (cmocka_run_group_tests(tests, mounts_begin, NULL));
}

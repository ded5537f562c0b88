/*
 * The oldest files (src/offload/oldest.h), against all of them put in order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "offload/oldest.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

enum { N_FILES = 500, PATH_ROOM = 32 };

static char paths[N_FILES][PATH_ROOM];
static struct oldest_file files[N_FILES], sorted[N_FILES];

/* The same in each run. */
static uint32_t
next_random(void)
{
	static uint32_t seed = 1;

	seed = seed * 1664525 + 1013904223;
	return (seed >> 8);
}

static int
compare(const void *left, const void *right)
{
	const struct oldest_file *a = left, *b = right;

	if (a->mtime_s != b->mtime_s)
		return (a->mtime_s < b->mtime_s ? -1 : 1);
	if (a->mtime_ns != b->mtime_ns)
		return (a->mtime_ns < b->mtime_ns ? -1 : 1);
	return (strcmp(a->path, b->path));
}

/* Times that are often the same, some before 1970; sizes of which some are 0. */
static void
make_files(void)
{
	for (size_t i = 0; i < N_FILES; i++) {
		snprintf(paths[i], PATH_ROOM, "d%u/f%zu", next_random() % 9, i);
		files[i] = (struct oldest_file){
			.path = paths[i],
			.mtime_s = (int64_t)(next_random() % 60) - 20,
			.mtime_ns = (long)(next_random() % 3),
			.size =
			    next_random() % 5 == 0 ? 0 : next_random() % 1000,
		};
		sorted[i] = files[i];
	}
	qsort(sorted, N_FILES, sizeof(*sorted), compare);
}

/* How many of the oldest have BYTES. */
static size_t
count_wanted(uint64_t bytes)
{
	size_t n = 0;

	for (uint64_t sum = 0; n < N_FILES && sum < bytes; n++)
		sum += sorted[n].size;
	return (n);
}

static void
check_taken(struct oldest *oldest, size_t n)
{
	const struct oldest_file *file;

	for (size_t i = 0; i < n; i++) {
		file = oldest_take(oldest);
		assert_non_null(file);
		assert_string_equal(file->path, sorted[i].path);
		assert_int_equal(file->mtime_s, sorted[i].mtime_s);
		assert_int_equal(file->mtime_ns, sorted[i].mtime_ns);
		assert_int_equal(file->size, sorted[i].size);
	}
	assert_null(oldest_take(oldest));
	assert_null(oldest_take(oldest));
}

static void
the_oldest_are_kept(void **state)
{
	static const size_t bounds[] = { 1, 2, 3, 63, 64, 65, 200, N_FILES - 1,
		N_FILES, N_FILES + 1, OLDEST_FILES_MAX };
	static const uint64_t wants[] = { 0, 1, 500, 5000, 50000, 1000000,
		UINT64_MAX };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bounds) * COUNT_OF(wants); i++) {
		size_t bound = bounds[i / COUNT_OF(wants)];
		size_t wanted = count_wanted(wants[i % COUNT_OF(wants)]);
		struct oldest *oldest;

		make_files();
		wanted = count_wanted(wants[i % COUNT_OF(wants)]);
		oldest = oldest_new(bound);
		oldest_want(oldest, wants[i % COUNT_OF(wants)]);
		for (size_t j = 0; j < N_FILES; j++)
			oldest_offer(oldest, &files[j]);
		assert_int_equal(oldest_is_cut(oldest), wanted > bound);
		check_taken(oldest, wanted < bound ? wanted : bound);
		assert_int_equal(oldest_is_cut(oldest), wanted > bound);
		oldest_free(oldest);
	}
}

static void
less_can_be_wanted_later(void **state)
{
	struct oldest *oldest = oldest_new(1000);

	(void)state;
	make_files();
	for (size_t i = 0; i < N_FILES; i++)
		oldest_offer(oldest, &files[i]);
	oldest_want(oldest, 7000);
	assert_false(oldest_is_cut(oldest));
	check_taken(oldest, count_wanted(7000));
	oldest_free(oldest);
}

static void
paths_are_copied(void **state)
{
	struct oldest *oldest = oldest_new(2);
	char path[] = "a";

	(void)state;
	oldest_offer(oldest, &(struct oldest_file){ .path = path });
	path[0] = 'b';
	assert_string_equal(oldest_take(oldest)->path, "a");
	oldest_free(oldest);
	/* With some that were not taken. */
	oldest = oldest_new(2);
	for (path[0] = 'a'; path[0] < 'f'; path[0]++)
		oldest_offer(oldest, &(struct oldest_file){ .path = path });
	assert_string_equal(oldest_take(oldest)->path, "a");
	oldest_free(oldest);
	oldest_free(NULL);
}

/* Long paths are let go as well, the newest first; and a short one that is
 * newer than what was let go is not taken in its place. */
static void
bytes_of_paths_are_bounded(void **state)
{
	enum { MEAN = 4000, BOUND = 1000 };
	size_t most = BOUND * OLDEST_PATH_MEAN + OLDEST_PATH_MORE;
	static char path[MEAN + 1];
	struct oldest *oldest = oldest_new(BOUND);
	size_t n = 0;

	(void)state;
	memset(path, 'p', MEAN);
	for (int i = 0; i < 100; i++)
		oldest_offer(oldest,
		    &(struct oldest_file){
			.path = path, .mtime_s = i, .size = 1 });
	assert_true(oldest_is_cut(oldest));
	oldest_offer(oldest,
	    &(struct oldest_file){ .path = "p", .mtime_s = 50, .size = 1 });
	for (const struct oldest_file *file;
	     (file = oldest_take(oldest)) != NULL; n++)
		assert_int_equal(file->mtime_s, n);
	assert_int_equal(n, most / (MEAN + 1));
	oldest_free(oldest);
}

static void
sizes_do_not_overflow(void **state)
{
	struct oldest *oldest = oldest_new(100);

	(void)state;
	oldest_want(oldest, UINT64_MAX / 101 * 10);
	for (int i = 0; i < 50; i++)
		oldest_offer(oldest,
		    &(struct oldest_file){ .path = "p",
			.mtime_s = -i,
			.size = UINT64_MAX - (unsigned)i });
	assert_false(oldest_is_cut(oldest));
	for (int i = 49; i > 39; i--)
		assert_int_equal(
		    oldest_take(oldest)->size, UINT64_MAX - (unsigned)i);
	assert_null(oldest_take(oldest));
	oldest_free(oldest);
}

static void
of_none_there_is_none(void **state)
{
	struct oldest *oldest = oldest_new(1);

	(void)state;
	assert_false(oldest_is_cut(oldest));
	assert_null(oldest_take(oldest));
	oldest_free(oldest);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_oldest_are_kept),
		cmocka_unit_test(less_can_be_wanted_later),
		cmocka_unit_test(paths_are_copied),
		cmocka_unit_test(bytes_of_paths_are_bounded),
		cmocka_unit_test(sizes_do_not_overflow),
		cmocka_unit_test(of_none_there_is_none),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

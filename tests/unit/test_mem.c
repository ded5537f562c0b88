/*
 * Wiping (src/base/mem.h), seen when the memory is given back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "freed.h"

static int
set_up(void **state)
{
	(void)state;
	freed_reset();
	return (0);
}

/* All of a block, also what lies behind a NUL and behind what was asked
 * for. */
static void
what_is_freed_is_wiped(void **state)
{
	static const size_t sizes[] = { 1, 24, 25, 100, 4096, 70000, 300000 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char *memory = mem_alloc(sizes[i]);

		memset(memory, 'x', sizes[i]);
		memory[0] = '\0';
		freed_reset();
		mem_wipe_free(memory);
		assert_int_equal(freed_blocks, 1);
		assert_int_equal(freed_unwiped, 0);
	}
	mem_wipe_free(NULL);
	assert_int_equal(freed_blocks, 1);
}

/* malloc gives a few bytes more than it is asked for, and they count. */
static void
what_is_small_may_be_left_as_it_is(void **state)
{
	static const struct {
		size_t size;
		size_t unwiped;
	} rows[] = { { 24, 1 }, { 2000, 1 }, { 4096, 0 }, { 16704, 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *memory = mem_alloc(rows[i].size);

		memset(memory, 'x', rows[i].size);
		freed_reset();
		mem_wipe_free_from(memory, 4096);
		assert_int_equal(freed_blocks, 1);
		assert_int_equal(freed_unwiped, rows[i].unwiped);
	}
	mem_wipe_free_from(NULL, 0);
	assert_int_equal(freed_blocks, 1);
}

static void
a_string_is_wiped_and_forgotten(void **state)
{
	char *string = mem_string(FREED_SECRET), *none = NULL;

	(void)state;
	mem_wipe_string(&string);
	assert_null(string);
	assert_int_equal(freed_blocks, 1);
	assert_int_equal(freed_secrets, 0);
	mem_wipe_string(&none);
	assert_null(none);
	assert_int_equal(freed_blocks, 1);
}

/* Larger, smaller, of the same size: the bytes move along, and nothing is left
 * behind. */
static void
what_is_resized_leaves_nothing(void **state)
{
	static const size_t sizes[][2] = { { 1, 2 }, { 24, 200 }, { 40, 41 },
		{ 14, 24 }, { 14, 200000 }, { 200000, 14 }, { 100, 100 },
		{ 300000, 100000 }, { 64, 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t before = sizes[i][0], after = sizes[i][1];
		size_t both = before < after ? before : after;
		char *memory = mem_wipe_resize(NULL, before), *other;
		char *copy = mem_alloc(both);

		assert_non_null(memory);
		for (size_t at = 0; at < before; at++)
			memory[at] = (char)('a' + at % 23);
		memcpy(copy, memory, both);
		freed_reset();
		other = mem_wipe_resize(memory, after);
		assert_non_null(other);
		assert_int_equal(freed_blocks, 1);
		assert_int_equal(freed_unwiped, 0);
		assert_memory_equal(other, copy, both);
		memset(other, 'y', after);
		mem_wipe_free(other);
		assert_int_equal(freed_unwiped, 0);
		free(copy);
	}
}

/* Where there is no memory, what was there stays. */
static void
what_cannot_be_resized_stays(void **state)
{
	char *memory = mem_string("abc"), *other;

	(void)state;
	freed_is_full = true;
	other = mem_wipe_resize(memory, 100000);
	freed_is_full = false;
	assert_null(other);
	assert_string_equal(memory, "abc");
	assert_int_equal(freed_blocks, 0);
	free(memory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_freed_is_wiped, set_up),
		cmocka_unit_test_setup(
		    what_is_small_may_be_left_as_it_is, set_up),
		cmocka_unit_test_setup(a_string_is_wiped_and_forgotten, set_up),
		cmocka_unit_test_setup(what_is_resized_leaves_nothing, set_up),
		cmocka_unit_test_setup(what_cannot_be_resized_stays, set_up),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

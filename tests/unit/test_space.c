/*
 * How full a file system is (src/offload/space.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <fcntl.h>
#include <unistd.h>

#include <cmocka.h>

#include "offload/space.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))
#define EIB             (UINT64_C(1) << 60)

static void
what_is_over_a_mark_is_counted(void **state)
{
	static const struct {
		uint64_t used, whole, minus, percent, over;
	} rows[] = {
		{ 0, 0, 0, 0, 0 },
		{ 0, 0, 0, 90, 0 },
		{ 90, 100, 0, 90, 0 },
		{ 91, 100, 0, 90, 1 },
		{ 100, 100, 0, 90, 10 },
		{ 100, 100, 10, 90, 0 },
		{ 100, 100, 9, 90, 1 },
		{ 100, 100, 200, 90, 0 },
		{ 100, 100, UINT64_MAX, 0, 0 },
		{ 100, 100, 0, 0, 100 },
		{ 100, 100, 0, 99, 1 },
		{ 50, 99, 0, 50, 1 },
		{ 49, 99, 0, 50, 0 },
		{ 199, 199, 0, 33, 134 },
		/* No product overflows. */
		{ 16 * EIB - 1, 16 * EIB - 1, 0, 99, 184467440737095517 },
		{ 16 * EIB - 1, 16 * EIB - 1, 16 * EIB - 1, 99, 0 },
		{ 8 * EIB, 16 * EIB - 1, 0, 50, 1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct space space = { rows[i].used, rows[i].whole };

		print_message("# row %zu\n", i);
		assert_int_equal(
		    space_over(&space, rows[i].minus, rows[i].percent),
		    rows[i].over);
		assert_int_equal(
		    space_is_over(&space, rows[i].minus, rows[i].percent),
		    rows[i].over > 0);
	}
}

static void
a_file_system_is_looked_at(void **state)
{
	int fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct space space = { 0, 0 };

	(void)state;
	assert_true(space_look(fd, &space));
	assert_true(space.used <= space.whole);
	assert_true(space.whole > 0);
	close(fd);
	assert_false(space_look(fd, &space));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_over_a_mark_is_counted),
		cmocka_unit_test(a_file_system_is_looked_at),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

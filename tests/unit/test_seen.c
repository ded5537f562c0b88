/*
 * What was seen (src/offload/seen.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "offload/seen.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

static void
each_number_is_new_once(void **state)
{
	static const uint64_t numbers[] = { 0, 1, 2, UINT64_MAX,
		UINT64_C(1) << 63, UINT64_C(1) << 32, (UINT64_C(1) << 32) + 1,
		INT64_MAX };
	struct seen seen = { .tree = NULL };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(numbers); i++) {
		assert_false(seen_has(&seen, numbers[i]));
		assert_true(seen_add(&seen, numbers[i]));
		assert_true(seen_has(&seen, numbers[i]));
		assert_false(seen_add(&seen, numbers[i]));
		assert_int_equal(seen.n, i + 1);
	}
	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		assert_true(seen_has(&seen, numbers[i]));
	seen_fini(&seen);
	assert_int_equal(seen.n, 0);
	assert_false(seen_has(&seen, 1));
	assert_true(seen_add(&seen, 1));
	seen_fini(&seen);
	seen_fini(&seen);
}

/* Upwards, downwards and mixed; a number is what it was. */
static void
many_are_kept(void **state)
{
	enum { MANY = 20000 };
	static const uint64_t steps[] = { 1, MANY - 1, 7919 };

	(void)state;
	for (size_t k = 0; k < COUNT_OF(steps); k++) {
		struct seen seen = { .tree = NULL };

		for (uint64_t i = 0; i < MANY; i++)
			assert_true(seen_add(&seen, i * steps[k] % MANY * 2));
		assert_int_equal(seen.n, MANY);
		for (uint64_t i = 0; i < 2 * MANY; i++)
			assert_int_equal(seen_has(&seen, i), i % 2 == 0);
		seen_fini(&seen);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_number_is_new_once),
		cmocka_unit_test(many_are_kept),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

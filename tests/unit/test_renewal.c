/*
 * credentials/renewal: between which moments, whatever the dice say.
 */
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "credentials/renewal.h"

enum { MINUTE = 60 * 1000, DICE = 5000 };

/* Even steps over all that dice can show. */
static uint32_t
throw_dice(unsigned i)
{
	return ((uint32_t)((uint64_t)i * UINT32_MAX / (DICE - 1)));
}

static void
test_due(void **state)
{
	static const struct {
		int64_t left_ms, first_ms, last_ms; /* from now on */
	} rows[] = {
		{ 60 * MINUTE, 50 * MINUTE, 55 * MINUTE },
		{ 15 * MINUTE, 5 * MINUTE, 10 * MINUTE },
		{ 11 * MINUTE, 1 * MINUTE, 6 * MINUTE },
		{ 10 * MINUTE + 1, RENEWAL_LEAST_MS, 5 * MINUTE + 1 },
		{ 10 * MINUTE, 5 * MINUTE, 400 * 1000 },
		{ 6 * MINUTE, 3 * MINUTE, 4 * MINUTE },
		{ 3000, 1500, 2000 },
		{ 600, 300, 400 },
		{ 300, RENEWAL_LEAST_MS, RENEWAL_LEAST_MS },
		{ 2, RENEWAL_LEAST_MS, RENEWAL_LEAST_MS },
		{ 1, RENEWAL_LEAST_MS, RENEWAL_LEAST_MS },
		{ 0, RENEWAL_LEAST_MS, RENEWAL_LEAST_MS },
		{ -60 * MINUTE, RENEWAL_LEAST_MS, RENEWAL_LEAST_MS },
	};
	const int64_t now_ms = 123456789;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t first_ms = INT64_MAX, last_ms = 0;

		print_message("%lld ms left\n", (long long)rows[i].left_ms);
		for (unsigned j = 0; j < DICE; j++) {
			int64_t due_ms = renewal_due(
			    now_ms, now_ms + rows[i].left_ms, throw_dice(j));

			assert_in_range(
			    due_ms - now_ms, rows[i].first_ms, rows[i].last_ms);
			if (due_ms < first_ms)
				first_ms = due_ms;
			if (due_ms > last_ms)
				last_ms = due_ms;
		}
		/* And spread over all of it. */
		assert_true((last_ms - first_ms) * 10 >=
		    (rows[i].last_ms - rows[i].first_ms) * 9);
	}
	assert_true(renewal_due(now_ms, INT64_MAX, 1) == INT64_MAX);
	assert_true(
	    renewal_due(now_ms, INT64_MIN, 1) == now_ms + RENEWAL_LEAST_MS);
	assert_true(renewal_due(0, INT64_MAX - 1, 0) ==
	    INT64_MAX - 1 - RENEWAL_BEFORE_LEAST_MS);
}

/* What stays the same is looked for again, ever sooner, and not without end. */
static void
test_due_again(void **state)
{
	int64_t now_ms = 0;
	unsigned n = 0;

	(void)state;
	for (; now_ms < 60 * MINUTE; n++)
		now_ms = renewal_due(now_ms, 60 * MINUTE, 0);
	assert_in_range(n, 5, 20);
}

static void
test_pause(void **state)
{
	static const struct {
		unsigned failures;
		int64_t left_ms;
		int64_t first_ms, last_ms;
	} rows[] = {
		{ 1, 0, 500, 1000 },
		{ 2, 0, 1000, 2000 },
		{ 3, 0, 2000, 4000 },
		{ 6, 0, 16000, 32000 },
		{ 7, 0, 30000, 60000 },
		{ 8, 0, 30000, 60000 },
		{ 4000000000u, 0, 30000, 60000 },
		{ 0, 0, 500, 1000 },
		{ 1, INT64_MAX, 500, 1000 },
		{ 7, INT64_MAX, 30000, 60000 },
		{ 7, 10 * MINUTE, 30000, 60000 },
		{ 7, 4 * MINUTE, 30000, 60000 },
		{ 7, 2 * MINUTE, 15000, 30000 },
		{ 7, 4000, 500, 1000 },
		{ 1, 4000, 500, 1000 },
		{ 1, 2000, 250, 500 },
		{ 7, 1000, RENEWAL_LEAST_MS, 250 },
		{ 7, 4, RENEWAL_LEAST_MS, RENEWAL_LEAST_MS },
		{ 7, 1, RENEWAL_LEAST_MS, RENEWAL_LEAST_MS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t first_ms = INT64_MAX, last_ms = 0;

		print_message("%u failures, %lld ms left\n", rows[i].failures,
		    (long long)rows[i].left_ms);
		for (unsigned j = 0; j < DICE; j++) {
			int64_t pause_ms = renewal_pause(
			    rows[i].failures, rows[i].left_ms, throw_dice(j));

			assert_in_range(
			    pause_ms, rows[i].first_ms, rows[i].last_ms);
			if (pause_ms < first_ms)
				first_ms = pause_ms;
			if (pause_ms > last_ms)
				last_ms = pause_ms;
		}
		assert_true((last_ms - first_ms) * 10 >=
		    (rows[i].last_ms - rows[i].first_ms) * 9);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_due),
		cmocka_unit_test(test_due_again),
		cmocka_unit_test(test_pause),
	};

	return (cmocka_run_group_tests_name("renewal", tests, NULL, NULL));
}

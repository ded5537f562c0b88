/*
 * The rate (src/offload/throttle.h): the arithmetic, and threads that share it
 * on a clock of the test's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "offload/throttle.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

static int64_t now_ms;
static _Atomic int64_t latest_ms; /* until when any thread has slept */
static _Atomic int sleeps, interruptions;
static _Atomic int inside, crowds; /* threads that take, and were not alone */

int64_t __wrap_clock_monotonic_ms(void);
int __wrap_clock_nanosleep(clockid_t clock, int flags,
    const struct timespec *time, struct timespec *rest);

int64_t
__wrap_clock_monotonic_ms(void)
{
	if (atomic_fetch_add(&inside, 1) > 0)
		crowds++;
	sched_yield();
	atomic_fetch_sub(&inside, 1);
	return (now_ms);
}

int
__wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *time,
    struct timespec *rest)
{
	int64_t until_ms =
	    (int64_t)time->tv_sec * 1000 + time->tv_nsec / 1000000;
	int64_t seen_ms = latest_ms;

	assert_int_equal(clock, CLOCK_MONOTONIC);
	assert_int_equal(flags, TIMER_ABSTIME);
	(void)rest;
	if (atomic_fetch_sub(&interruptions, 1) > 0)
		return (EINTR);
	atomic_fetch_add(&sleeps, 1);
	while (until_ms > seen_ms &&
	    !atomic_compare_exchange_weak(&latest_ms, &seen_ms, until_ms))
		continue;
	return (0);
}

static int
reset(void **state)
{
	(void)state;
	now_ms = 5000;
	latest_ms = 0;
	sleeps = 0;
	interruptions = 0;
	return (0);
}

static void
debts_are_paid_by_time(void **state)
{
	static const struct {
		int64_t now_ms;
		size_t bytes;
		int64_t delay_ms;
	} rows[] = {
		/* 1000 bytes a second, 100 at once. */
		{ 0, 100, 0 },
		{ 0, 1, 1 },
		{ 0, 0, 1 },
		{ 1, 0, 0 },
		{ 1, 50, 50 },
		{ 101, 0, 0 },
		{ 101, 50, 0 },
		/* A rest is not saved up beyond the burst. */
		{ 1000000, 100, 0 },
		{ 1000000, 1000, 1000 },
		/* A clock that is set back pays nothing, and takes nothing. */
		{ 999000, 10, 1010 },
		{ 1000010, 0, 1000 },
		{ 1001010, 0, 0 },
	};
	struct throttle_debt debt = { .bytes_per_s = 1000 };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_int_equal(
		    throttle_delay(&debt, rows[i].now_ms, rows[i].bytes),
		    rows[i].delay_ms);
}

/* Whatever the rate and the pieces: what has gone by a time is never more than
 * the rate and the burst allow, and, once there was a delay, not less. */
static void
rates_are_kept(void **state)
{
	static const uint64_t rates[] = { 1, 3, 999, 1500, 1000000, 123456789,
		THROTTLE_RATE_MAX };
	static const size_t pieces[] = { 1, 7, 1000, 65536 };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rates) * COUNT_OF(pieces); i++) {
		uint64_t rate = rates[i / COUNT_OF(pieces)], taken = 0;
		size_t piece = pieces[i % COUNT_OF(pieces)];
		struct throttle_debt debt = { .bytes_per_s = rate };
		int64_t now = 0, delay;

		for (int j = 0; j < 1000; j++) {
			delay = throttle_delay(&debt, now, piece);
			taken += piece;
			now += delay;
			/* In thousandths of a byte, a millisecond rounded. */
			assert_true(taken * 1000 <=
			    ((uint64_t)now + THROTTLE_BURST_MS) * rate);
			if (delay > 0)
				assert_true(taken * 1000 >
				    ((uint64_t)now + THROTTLE_BURST_MS - 1) *
					rate);
		}
	}
}

static void
nothing_overflows(void **state)
{
	struct throttle_debt slow = { .bytes_per_s = 1 };
	struct throttle_debt fast = { .bytes_per_s = THROTTLE_RATE_MAX };

	(void)state;
	assert_int_equal(throttle_delay(&slow, 0, SIZE_MAX), INT64_MAX);
	assert_int_equal(throttle_delay(&slow, 0, SIZE_MAX), INT64_MAX);
	assert_int_equal(throttle_delay(&slow, INT64_MAX, 0), INT64_MAX - 99);
	assert_int_equal(throttle_delay(&fast, 0, SIZE_MAX), 16777116);
	assert_int_equal(throttle_delay(&fast, 16777116, 0), 0);
	assert_int_equal(throttle_delay(&fast, INT64_MAX, 0), 0);
}

static void
no_rate_is_no_throttle(void **state)
{
	(void)state;
	assert_null(throttle_new(0));
	throttle_take(NULL, SIZE_MAX);
	throttle_free(NULL);
	assert_int_equal(sleeps, 0);
}

static void
a_signal_does_not_cut_a_sleep_short(void **state)
{
	struct throttle *throttle = throttle_new(1000);

	(void)state;
	throttle_take(throttle, 100);
	assert_int_equal(sleeps, 0);
	interruptions = 3;
	throttle_take(throttle, 1234);
	assert_int_equal(sleeps, 1);
	assert_int_equal(interruptions, -1);
	assert_int_equal(latest_ms, 5000 + 1234);
	now_ms = latest_ms;
	throttle_take(throttle, 0);
	assert_int_equal(sleeps, 1);
	throttle_free(throttle);
}

static void
sleeps_that_cannot_end_are_no_overflow(void **state)
{
	struct throttle *throttle = throttle_new(1);

	(void)state;
	throttle_take(throttle, SIZE_MAX);
	assert_int_equal(latest_ms, INT64_MAX);
	throttle_free(throttle);
}

enum { N_THREADS = 8, N_TAKES = 2000 };

static void *
take_often(void *throttle)
{
	for (int i = 0; i < N_TAKES; i++)
		throttle_take(throttle, 10);
	return (NULL);
}

/* No time passes: the last of all waits for what all of them have taken. */
static void
threads_owe_together(void **state)
{
	struct throttle *throttle = throttle_new(1000);
	pthread_t threads[N_THREADS];

	(void)state;
	for (int i = 0; i < N_THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, take_often, throttle), 0);
	for (int i = 0; i < N_THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(crowds, 0);
	assert_int_equal(sleeps, N_THREADS * N_TAKES - 10);
	assert_int_equal(
	    latest_ms, 5000 + N_THREADS * N_TAKES * 10 - THROTTLE_BURST_MS);
	throttle_free(throttle);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(debts_are_paid_by_time),
		cmocka_unit_test(rates_are_kept),
		cmocka_unit_test(nothing_overflows),
		cmocka_unit_test_setup(no_rate_is_no_throttle, reset),
		cmocka_unit_test_setup(
		    a_signal_does_not_cut_a_sleep_short, reset),
		cmocka_unit_test_setup(
		    sleeps_that_cannot_end_are_no_overflow, reset),
		cmocka_unit_test_setup(threads_owe_together, reset),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

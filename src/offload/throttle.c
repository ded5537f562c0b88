/*
 * The rate: see throttle.h.  Threads take under a lock and sleep outside it,
 * each until a moment of its own, so that those who came later wait longer and
 * none is kept from taking.
 */
#include "offload/throttle.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"

enum { MS_PER_S = 1000 }; /* and thousandths in a byte */

struct throttle {
	pthread_mutex_t lock;
	struct throttle_debt debt;
};

/* Time passes: at bytes_per_s, a millisecond pays as many thousandths. */
static void
pay(struct throttle_debt *debt, int64_t now_ms)
{
	uint64_t elapsed_ms;

	if (now_ms <= debt->paid_ms)
		return;
	elapsed_ms = (uint64_t)(now_ms - debt->paid_ms);
	debt->paid_ms = now_ms;
	if (elapsed_ms > debt->debt / debt->bytes_per_s)
		debt->debt = 0;
	else
		debt->debt -= elapsed_ms * debt->bytes_per_s;
}

int64_t
throttle_delay(struct throttle_debt *debt, int64_t now_ms, size_t bytes)
{
	uint64_t burst = debt->bytes_per_s * THROTTLE_BURST_MS, over;

	pay(debt, now_ms);
	if (bytes > (UINT64_MAX - debt->debt) / MS_PER_S)
		debt->debt = UINT64_MAX;
	else
		debt->debt += (uint64_t)bytes * MS_PER_S;
	if (debt->debt <= burst)
		return (0);
	over = debt->debt - burst;
	/* Rounded up, but no further than an int64_t, for a rate of 1. */
	over = over / debt->bytes_per_s + (over % debt->bytes_per_s != 0);
	return (over > INT64_MAX ? INT64_MAX : (int64_t)over);
}

struct throttle *
throttle_new(uint64_t bytes_per_s)
{
	struct throttle *throttle;

	if (bytes_per_s == 0)
		return (NULL);
	if (bytes_per_s > THROTTLE_RATE_MAX)
		bytes_per_s = THROTTLE_RATE_MAX;
	throttle = mem_zero(1, sizeof(*throttle));
	pthread_mutex_init(&throttle->lock, NULL);
	throttle->debt.bytes_per_s = bytes_per_s;
	throttle->debt.paid_ms = clock_monotonic_ms();
	return (throttle);
}

void
throttle_free(struct throttle *throttle)
{
	if (throttle == NULL)
		return;
	pthread_mutex_destroy(&throttle->lock);
	free(throttle);
}

/* To a moment and not for a time, so that a signal takes nothing away and adds
 * nothing. */
static void
sleep_until(int64_t until_ms)
{
	struct timespec until = {
		.tv_sec = (time_t)(until_ms / MS_PER_S),
		.tv_nsec = (long)(until_ms % MS_PER_S) * 1000000,
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) ==
	    EINTR)
		continue;
}

void
throttle_take(struct throttle *throttle, size_t bytes)
{
	int64_t now_ms, delay_ms;

	if (throttle == NULL)
		return;
	pthread_mutex_lock(&throttle->lock);
	now_ms = clock_monotonic_ms();
	delay_ms = throttle_delay(&throttle->debt, now_ms, bytes);
	pthread_mutex_unlock(&throttle->lock);
	if (delay_ms > INT64_MAX - now_ms)
		delay_ms = INT64_MAX - now_ms;
	if (delay_ms > 0)
		sleep_until(now_ms + delay_ms);
}

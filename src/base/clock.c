/*
 * The clocks and the dice: see clock.h.  Apart from the rest so that a test
 * can put its own in their place.
 */
#include "base/clock.h"

#include <sys/random.h>
#include <time.h>

int64_t
clock_monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return ((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

int64_t
clock_wall_s(void)
{
	struct timespec now;

	/* Not time(), which may be behind by as long as a processor is taken
	 * from this machine: a file's times, which newer kernels read from the
	 * clock itself, would then be in the future. */
	clock_gettime(CLOCK_REALTIME, &now);
	return ((int64_t)now.tv_sec);
}

uint32_t
clock_random(uint32_t limit)
{
	uint32_t bits = 0;

	if (limit == 0)
		return (0);
	/* GRND_INSECURE never blocks, not even early in a machine's boot. */
	if (getrandom(&bits, sizeof(bits), GRND_INSECURE) != sizeof(bits))
		bits = (uint32_t)clock_monotonic_ms();
	return ((uint32_t)(((uint64_t)bits * limit) >> 32));
}

/*
 * Pauses: see backoff.h.
 */
#include "s3/backoff.h"

#include "base/clock.h"

int64_t
backoff_pause(unsigned failures, int64_t retry_after_ms)
{
	int64_t window = BACKOFF_MAX_MS, pause;

	if (failures < 5) /* 100 << 5 is over the greatest */
		window = BACKOFF_FIRST_MS << failures;
	if (window > BACKOFF_MAX_MS)
		window = BACKOFF_MAX_MS;
	pause = BACKOFF_LEAST_MS +
	    clock_random((uint32_t)(window - BACKOFF_LEAST_MS));
	if (retry_after_ms > pause)
		pause = retry_after_ms < BACKOFF_MAX_MS ? retry_after_ms
							: BACKOFF_MAX_MS;
	return (pause);
}

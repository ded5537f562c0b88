/*
 * When credentials are renewed: see renewal.h.
 */
#include "credentials/renewal.h"

/* From FIRST to LAST, evenly spread as DICE is. */
static int64_t
spread(int64_t first, int64_t last, uint32_t dice)
{
	return (first + (int64_t)(dice % (uint64_t)(last - first + 1)));
}

int64_t
renewal_due(int64_t now_ms, int64_t expires_ms, uint32_t dice)
{
	int64_t left_ms, wait_ms;

	if (expires_ms == INT64_MAX)
		return (INT64_MAX);
	if (expires_ms <= now_ms)
		return (now_ms + RENEWAL_LEAST_MS);
	left_ms = expires_ms - now_ms;
	if (left_ms > RENEWAL_BEFORE_MOST_MS)
		wait_ms = left_ms -
		    spread(
			RENEWAL_BEFORE_LEAST_MS, RENEWAL_BEFORE_MOST_MS, dice);
	else
		wait_ms = spread(left_ms / 2, left_ms * 2 / 3, dice);
	return (
	    now_ms + (wait_ms > RENEWAL_LEAST_MS ? wait_ms : RENEWAL_LEAST_MS));
}

int64_t
renewal_pause(unsigned failures, int64_t left_ms, uint32_t dice)
{
	int64_t pause_ms = RENEWAL_PAUSE_FIRST_MS;

	for (; failures > 1 && pause_ms < RENEWAL_PAUSE_MAX_MS; failures--)
		pause_ms *= 2;
	if (pause_ms > RENEWAL_PAUSE_MAX_MS)
		pause_ms = RENEWAL_PAUSE_MAX_MS;
	/* So that there are tries left before the end. */
	if (left_ms > 0 && pause_ms > left_ms / 4)
		pause_ms = left_ms / 4;
	pause_ms = spread(pause_ms / 2, pause_ms, dice);
	return (pause_ms > RENEWAL_LEAST_MS ? pause_ms : RENEWAL_LEAST_MS);
}

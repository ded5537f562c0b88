/*
 * How long to pause before S3 is asked again.
 */
#ifndef S3_BACKOFF_H
#define S3_BACKOFF_H

#include <stdint.h>

enum {
	/* Pauses: evenly spread between the least and the window, which
	 * doubles from the first to the greatest ("full jitter", with a floor
	 * that keeps a fast failure from becoming a loop). */
	BACKOFF_LEAST_MS = 20,
	BACKOFF_FIRST_MS = 100,
	BACKOFF_MAX_MS = 2000,
};

/* After FAILURES in a row before this one, and where S3 asked for
 * RETRY_AFTER_MS (-1: it did not), which counts up to the greatest pause. */
int64_t backoff_pause(unsigned failures, int64_t retry_after_ms);

#endif

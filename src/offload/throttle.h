/*
 * How many bytes a second go over the wire, all threads together: the setting
 * bwlimit.
 *
 * A bucket of tokens, told from its other side: what was taken and is not paid
 * for yet is a debt, which time pays off at the rate.  The debt may be as high
 * as THROTTLE_BURST_MS are worth; who takes more sleeps until it is there
 * again.
 */
#ifndef OFFLOAD_THROTTLE_H
#define OFFLOAD_THROTTLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/* So much may go at once, a tenth of a second's worth. */
enum { THROTTLE_BURST_MS = 100 };

/* The greatest rate: 1 TiB a second. */
#define THROTTLE_RATE_MAX ((uint64_t)1 << 40)

/* The arithmetic, without clock or lock; begin with .bytes_per_s (from 1 to
 * THROTTLE_RATE_MAX) and .paid_ms (now). */
struct throttle_debt {
	uint64_t bytes_per_s;
	int64_t paid_ms; /* up to when time has paid */
	uint64_t debt;   /* in thousandths of a byte, so that nothing is lost
	                  * between two calls in one millisecond */
};

/* BYTES are taken at NOW_MS (never before the last call's; if it is, no time
 * has passed).  How long to sleep before the next are, in milliseconds: 0
 * within the burst, never more than what is owed is worth.  Pure. */
int64_t
throttle_delay(struct throttle_debt *debt, int64_t now_ms, size_t bytes);

struct throttle;

/* For BYTES_PER_S, more than THROTTLE_RATE_MAX taken as that; NULL where it is
 * 0, for no limit. */
struct throttle *throttle_new(uint64_t bytes_per_s) ATTR_MUST_USE;
void throttle_free(struct throttle *throttle);

/* BYTES have been sent or received: sleep as long as the rate demands.  By any
 * thread; the threads that wait owe together what all have taken.  A signal
 * does not cut it short.  Does nothing where THROTTLE is NULL. */
void throttle_take(struct throttle *throttle, size_t bytes);

#endif

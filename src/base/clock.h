/*
 * The two clocks.  Pure modules get times as arguments; those that wait or
 * sign ask here.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds since some moment before the start; never set back.  For
 * deadlines; the same clock in every process of the machine. */
int64_t clock_monotonic_ms(void);

/* Seconds since 1970-01-01T00:00:00Z by the wall clock. */
int64_t clock_wall_s(void);

/* A number from 0 to LIMIT - 1, evenly spread (0 where LIMIT is 0).  For
 * jitter, not for secrets. */
uint32_t clock_random(uint32_t limit);

#endif

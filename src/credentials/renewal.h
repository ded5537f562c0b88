/*
 * When credentials are renewed.  Pure.
 */
#ifndef CREDENTIALS_RENEWAL_H
#define CREDENTIALS_RENEWAL_H

#include <stdint.h>

enum {
	/* Renewal begins between these two before the end, or, with
	 * credentials that do not live so long, after a half to two thirds of
	 * what is left of their life. */
	RENEWAL_BEFORE_LEAST_MS = 5 * 60 * 1000,
	RENEWAL_BEFORE_MOST_MS = 10 * 60 * 1000,
	/* Never sooner than this after the last. */
	RENEWAL_LEAST_MS = 200,
	/* Pauses after failures: doubled from the first to the greatest, each
	 * from a half of it on. */
	RENEWAL_PAUSE_FIRST_MS = 1000,
	RENEWAL_PAUSE_MAX_MS = 60 * 1000,
};

/* When to renew, at NOW_MS, what ends at EXPIRES_MS (INT64_MAX: never); DICE is
 * any number.  What is the same as before is looked for again after a part of
 * what is left, since those who hand out credentials have new ones only
 * shortly before the end. */
int64_t renewal_due(int64_t now_ms, int64_t expires_ms, uint32_t dice);

/* How long to pause after FAILURES (1 or more) in a row, with LEFT_MS of life
 * left in the old ones (0: none are left, INT64_MAX: they have no end): near
 * the end more is tried. */
int64_t renewal_pause(unsigned failures, int64_t left_ms, uint32_t dice);

#endif

/*
 * Which lines of a journal count: of each key the latest.  Two passes: all are
 * noted, then each is asked for, in the same order.
 */
#ifndef OFFLOAD_LATEST_H
#define OFFLOAD_LATEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"

/* Zeroed: nothing was noted.  16 to 32 bytes a line. */
struct latest {
	struct latest_line *lines;
	size_t n;
	size_t asked;
	bool is_sorted;
};

void latest_fini(struct latest *latest);

/* A line of KEY; before the first question. */
void latest_note(struct latest *latest, struct span key);

/* The next line, again: is it the latest of KEY? */
bool latest_is(struct latest *latest, struct span key) ATTR_MUST_USE;

#endif

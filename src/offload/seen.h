/*
 * A set of numbers in memory: what was seen already.
 */
#ifndef OFFLOAD_SEEN_H
#define OFFLOAD_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/* Zeroed: nothing was.  About 50 bytes for each. */
struct seen {
	void *tree;
	size_t n;
};

void seen_fini(struct seen *seen);

bool seen_has(const struct seen *seen, uint64_t number);

/* NUMBER was seen; true where that is new. */
bool seen_add(struct seen *seen, uint64_t number);

#endif

/*
 * How full a file system is, as df(1) counts: what is left to all but root is
 * what there is.
 */
#ifndef OFFLOAD_SPACE_H
#define OFFLOAD_SPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct space {
	uint64_t used;  /* bytes */
	uint64_t whole; /* used, and free to all */
};

/* Of the file system that FD is on; false with errno. */
bool space_look(int fd, struct space *space) ATTR_MUST_USE;

/* Is SPACE, without MINUS bytes of what is used, over PERCENT?  Pure. */
bool space_is_over(const struct space *space, uint64_t minus, uint64_t percent);

/* How many bytes must go so that it is not, MINUS having gone.  Pure. */
uint64_t
space_over(const struct space *space, uint64_t minus, uint64_t percent);

#endif

/*
 * Space: see space.h.
 */
#include "offload/space.h"

#include <sys/statvfs.h>

bool
space_look(int fd, struct space *space)
{
	struct statvfs found;

	if (fstatvfs(fd, &found) != 0)
		return (false);
	space->used = (found.f_blocks - found.f_bfree) * found.f_frsize;
	space->whole = space->used + found.f_bavail * found.f_frsize;
	return (true);
}

uint64_t
space_over(const struct space *space, uint64_t minus, uint64_t percent)
{
	/* By hundredths first: the product would not fit for an exabyte. */
	uint64_t allowed =
	    space->whole / 100 * percent + space->whole % 100 * percent / 100;
	uint64_t used = space->used > minus ? space->used - minus : 0;

	return (used > allowed ? used - allowed : 0);
}

bool
space_is_over(const struct space *space, uint64_t minus, uint64_t percent)
{
	return (space_over(space, minus, percent) > 0);
}

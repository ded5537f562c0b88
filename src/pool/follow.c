/*
 * A child that ends with its parent: see follow.h.
 */
#include "pool/follow.h"

#include <sys/prctl.h>

#include <unistd.h>

bool
follow_parent(pid_t parent, int signal)
{
	/* In this order: it may go between the two. */
	return (prctl(PR_SET_PDEATHSIG, signal) == 0 && getppid() == parent);
}

/*
 * A child that ends with its parent.
 */
#ifndef POOL_FOLLOW_H
#define POOL_FOLLOW_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"

/* From now on the kernel sends this process SIGNAL once PARENT is gone; to be
 * said again after a change of user, which resets it.  False where it is gone
 * already. */
bool follow_parent(pid_t parent, int signal) ATTR_MUST_USE;

#endif

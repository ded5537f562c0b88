/*
 * The keeper: the one process that finds and renews credentials, and the only
 * one that opens a credentials file, runs a credential_process or asks an
 * endpoint for them.
 *
 * One a generation, as the master's own user, with a thread a site: an endpoint
 * that hangs holds up its own site alone.  It holds no state that another
 * could miss: one that dies is replaced, and the workers go on with what stands
 * in the keyring.
 */
#ifndef POOL_KEEPER_H
#define POOL_KEEPER_H

#include <sys/types.h>

#include "base/attr.h"
#include "config/config.h"
#include "s3/keyring.h"

enum {
	/* How often it looks whether a file has changed. */
	KEEPER_TICK_MS = 1000,
};

/* All borrowed. */
struct keeper_orders {
	const struct settings *settings;
	struct keyring *keyring;
	int tried_fd; /* an eventfd: 1 is added after each search */
	pid_t master; /* when that is gone, it ends */
};

/* Be the keeper, from just after the fork.  It is ended by WORKER_SIGNAL_END,
 * at any moment: there is nothing to finish. */
int keeper_run(const struct keeper_orders *orders) ATTR_MUST_USE;

#endif

/*
 * The keeper: the one process that finds and renews credentials, and the only
 * one that opens a credentials file, runs a credential_process or asks an
 * endpoint for them.
 *
 * The daemon has one a generation, as the master's own user; the command line
 * has one.  It has a thread a site: an endpoint that hangs holds up its own
 * site alone.  It holds no state that another could miss: one that dies is
 * replaced, and those who sign go on with what stands in the keyring.
 */
#ifndef POOL_KEEPER_H
#define POOL_KEEPER_H

#include <signal.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/log.h"
#include "s3/keyring.h"
#include "s3/site.h"

enum {
	/* How often it looks whether a file has changed. */
	KEEPER_TICK_MS = 1000,
	/* What ends it; also what the kernel sends when its master is gone. */
	KEEPER_SIGNAL_END = SIGTERM,
};

/* All borrowed. */
struct keeper_orders {
	const char *program; /* "trys3d": it is called "trys3d keeper" in the
	                      * log, and "trys3d-keeper" as a process */
	enum log_level log_level;
	const struct site *sites; /* whose credentials it finds */
	size_t n_sites;           /* at least one */
	struct keyring *keyring;  /* of so many */
	int tried_fd;             /* an eventfd: 1 is added after each search */
	pid_t master;             /* when that is gone, it ends */
};

/* Be the keeper, from just after the fork.  It is ended by KEEPER_SIGNAL_END,
 * at any moment: there is nothing to finish.  Returns an exit status where it
 * cannot be one. */
int keeper_run(const struct keeper_orders *orders) ATTR_MUST_USE;

#endif

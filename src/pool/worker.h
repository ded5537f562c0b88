/*
 * A worker: one process that serves one request at a time.
 */
#ifndef POOL_WORKER_H
#define POOL_WORKER_H

#include <signal.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/attr.h"
#include "config/config.h"
#include "pool/identity.h"
#include "pool/scoreboard.h"
#include "s3/keyring.h"
#include "s3/learnt.h"

/* How a worker ends. */
enum worker_status {
	WORKER_DONE = 0,     /* told to end, or has served its requests */
	WORKER_FAILED = 1,   /* something broke: another may do better */
	WORKER_HOPELESS = 2, /* no worker with these settings can do better */
};

/*
 * Signals to a worker.  The first is also what the kernel sends when the
 * master is gone.  All others that a terminal or an operator may send to the
 * whole group (SIGINT, SIGHUP) are the master's business.
 */
enum {
	/* End: serve what is under way, then as many as scoreboard_allow says
	 * of those that wait. */
	WORKER_SIGNAL_END = SIGTERM,
	/* See whether a connection is waiting.  The kernel tells one worker of
	 * each new connection, and that worker may have died. */
	WORKER_SIGNAL_LOOK = SIGUSR2,
};

/* All borrowed. */
struct worker_orders {
	struct settings *settings; /* whose secrets are wiped: they are the
	                            * keeper's */
	struct keyring *keyring;
	struct learnt *learnt;
	const struct identity *identity; /* who to become */
	int listen_fd;                   /* non-blocking */
	struct scoreboard *board;
	size_t slot;  /* its place on the board, and in its name */
	int ready_fd; /* an eventfd: 1 is added once it can serve; then it is
	               * closed.  A signal would not do: one who has become
	               * another user may send none to root. */
	pid_t master; /* when that is gone, it ends */
};

/* Be a worker, from just after the fork, with the signals above blocked, until
 * there is no more to do.  The caller exits with what is returned (enum
 * worker_status) once it has freed its own. */
int worker_run(const struct worker_orders *orders) ATTR_MUST_USE;

#endif

/*
 * The master: binds or takes over the socket, forks the keeper and the workers,
 * watches, replaces, drains and reloads.  It never reads what a stranger sends.
 */
#ifndef POOL_MASTER_H
#define POOL_MASTER_H

#include "base/attr.h"
#include "config/config.h"

enum {
	/* How often the watchdog looks, the only thing that wakes an idle
	 * master. */
	MASTER_TICK_MS = 1000,
};

/*
 * Serve by SETTINGS, which become the master's, until it is told to end.
 * http_global_init was called.  The exit status:
 *   0  ended as asked, within drain_timeout or by cutting what was left
 *   1  there is no socket to listen on
 *   2  the settings are hopeless: no worker can start with them, or a site has
 *      no credentials and only a human can help
 *
 * SIGTERM, SIGINT, and SIGUSR1, by which multiwatch and libfcgi mean the same:
 * the socket's file goes, so that no one new comes in; the workers end what is
 * under way and what waits (listen_waiting); what is left after drain_timeout
 * is killed.  A second one kills at once.
 *
 * SIGHUP: read PATH (NULL: the environment alone) again.  Where that is good,
 * new workers start one by one, and with each that is ready an old one ends
 * after its request.  A changed listen opens the new socket before anything
 * else; the old one is closed with its last worker.  Where the settings are
 * bad, the new socket or a site's credentials cannot be had, or the new workers
 * do not become ready, the old ones stay.  One that comes during a reload
 * starts over after it.
 *
 * Returns in the master only: a worker or keeper exits from within.
 */
int master_run(struct settings *settings, const char *path) ATTR_MUST_USE;

#endif

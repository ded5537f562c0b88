/*
 * The signals that end a run: SIGINT, SIGTERM and SIGHUP.  The first lets what
 * is under way come to its end; a second one ends at once, whatever is waited
 * for: at any moment that loses nothing, so it may.
 */
#ifndef OFFLOAD_STOP_H
#define OFFLOAD_STOP_H

#include <stdbool.h>

/* Exit statuses of trys3, which the manual names. */
enum status {
	STATUS_DONE = 0,
	STATUS_FAILED = 1,  /* some files, or an audit's differences */
	STATUS_USAGE = 2,   /* the command line, the settings, no credentials */
	STATUS_LOCKED = 3,  /* another run has the root */
	STATUS_STOPPED = 4, /* by a signal, before all was done */
};

/* From now on these signals wait, also in processes that are forked, and
 * SIGPIPE and SIGIO (of a lease that is broken) do nothing.  Before any thread
 * is made. */
void stop_init(void);

/* From now on a thread of their own looks at them.  AT_ONCE: there is nothing
 * to be finished, so that the first ends the program already.  Once. */
void stop_watch(bool at_once);

/* Readable once there was a signal; then always. */
int stop_fd(void);

/* Was there one? */
bool stop_is_wanted(void);

/* The file at PATH (static or NULL: none) is only a part: it goes, should the
 * program end at once. */
void stop_spoils(const char *path);

#endif

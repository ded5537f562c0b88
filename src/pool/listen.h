/*
 * The listening socket: one that is handed over, or one of our own.
 *
 * Every listener is non-blocking and closed on exec.  Several generations of
 * workers may hold the same one.
 */
#ifndef POOL_LISTEN_H
#define POOL_LISTEN_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"
#include "config/config.h"

struct listener {
	int fd;
	char *name; /* where it listens, for the log: unix:/run/trys3.sock,
	             * 127.0.0.1:9000, [::1]:9000 */
	bool is_inherited; /* handed over: others may hold it too, and its file
	                    * is theirs */
	char *path;        /* of a unix socket that we bound; NULL: no file of
	                    * ours, or removed already */
	dev_t device;      /* what we made at path */
	ino_t inode;
	pid_t owner; /* the process that bound it and alone removes path */
	unsigned references;
};

enum listen_result {
	LISTEN_OK,     /* *LISTENER is set */
	LISTEN_NONE,   /* nothing was handed over */
	LISTEN_FAILED, /* something was, but it is of no use; an error line has
	                * said why */
};

/*
 * Take the socket that was handed over: descriptor 3 where LISTEN_PID is this
 * process (sd_listen_fds(3); exactly one is expected), else descriptor 0 where
 * it is a listening socket (spawn-fcgi -n, multiwatch; SO_ACCEPTCONN is the
 * exact test).  The variables LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES are
 * unset, and descriptor 0 becomes /dev/null.
 */
enum listen_result listen_inherit(struct listener **listener) ATTR_MUST_USE;

/*
 * Open a socket of our own where SETTINGS say (config_is_address holds for
 * listen).  The file of a unix socket has its mode, owner and group before
 * anyone can connect to it; one that is left over, to which no one listens
 * any more, is replaced; one where somebody listens, and a file that is no
 * socket, are left alone.  A host's name is looked up and its first address
 * that can be bound is taken.  NULL after an error line.
 */
struct listener *
listen_open(const struct daemon_settings *settings) ATTR_MUST_USE;

/* Give a socket of our own, open where SETTINGS say, the backlog, mode, owner
 * and group that they say now.  False after an error line. */
bool listen_adjust(
    struct listener *listener, const struct daemon_settings *settings);

/* Hold LISTENER once more; returned for convenience. */
struct listener *listen_hold(struct listener *listener);

/* Let go of it (NULL: nothing).  The last to do so closes it, and removes its
 * file as listen_unlink does. */
void listen_release(struct listener *listener);

/* Remove the socket's file, so that no one new can connect; what waits in the
 * backlog can still be accepted.  Only if the file is the one that we made,
 * and only in the process that made it. */
void listen_unlink(struct listener *listener);

/*
 * How many more connections may be accepted once we are about to end, so that
 * none that waits is lost and yet there is an end: for a unix socket whose
 * file is gone no bound is needed (UINT_MAX); for TCP, where new ones come as
 * long as the socket is open, as many as wait now; none of one that was handed
 * over, since whoever holds it will serve them.
 */
unsigned listen_waiting(const struct listener *listener);

#endif

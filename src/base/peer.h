/*
 * The client's connection, watched while something else is waited for.
 */
#ifndef BASE_PEER_H
#define BASE_PEER_H

#include <stdbool.h>
#include <stdint.h>

/* Has the peer of FD hung up?  Never waits.  What the peer sent is read and
 * dropped: nothing it may still say is wanted.  False where FD is -1. */
bool peer_is_gone(int fd);

/* Wait MS milliseconds, or until the peer of FD hangs up; true if it did.
 * With FD -1 this is a sleep. */
bool peer_wait(int fd, int64_t ms);

#endif

/*
 * What each worker of one generation is doing, in memory that the master and
 * its workers share.
 *
 * One writer for each value, no locks, no text: a worker that dies in the
 * middle of a write leaves nothing that another could wait for or trip over.
 */
#ifndef POOL_SCOREBOARD_H
#define POOL_SCOREBOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

enum scoreboard_state {
	SCOREBOARD_FREE,     /* no process */
	SCOREBOARD_STARTING, /* forked, not yet ready */
	SCOREBOARD_IDLE,     /* waits for a connection */
	SCOREBOARD_BUSY,     /* has one */
	SCOREBOARD_ENDING,   /* serves no more */
};

struct scoreboard;

/* A board of N_SLOTS, all free, shared with the processes that are forked
 * from now on. */
struct scoreboard *scoreboard_new(size_t n_slots) ATTR_MUST_USE;
void scoreboard_free(struct scoreboard *board);

/* Make SLOT as new for a worker that is about to be forked, or free. */
void scoreboard_clear(struct scoreboard *board, size_t slot,
    enum scoreboard_state state, int64_t now_ms);

/* The worker of SLOT is in STATE since NOW_MS (monotonic). */
void scoreboard_set(struct scoreboard *board, size_t slot,
    enum scoreboard_state state, int64_t now_ms);

/* What state it is in, and in *SINCE_MS (where not NULL) since when: both of
 * the same moment. */
enum scoreboard_state
scoreboard_get(const struct scoreboard *board, size_t slot, int64_t *since_ms);

/* The worker of SLOT has served a request; how many it has. */
void scoreboard_count(struct scoreboard *board, size_t slot);
uint64_t scoreboard_requests(const struct scoreboard *board, size_t slot);

/* Before the master tells the worker of SLOT to end: how many of the
 * connections that wait it may still take.  Take one of them. */
void
scoreboard_allow(struct scoreboard *board, size_t slot, unsigned connections);
bool scoreboard_take(struct scoreboard *board, size_t slot) ATTR_MUST_USE;

#endif

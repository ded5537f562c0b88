/*
 * The scoreboard: see scoreboard.h.
 *
 * State and time share one word, so that no reader can pair a state with the
 * time of another: the watchdog kills by what it reads here.  Each slot has a
 * cache line of its own, or every request would slow the neighbours down.
 */
#include "pool/scoreboard.h"

#include <sys/mman.h>

#include <assert.h>
#include <errno.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

enum {
	CACHE_LINE = 64,
	STATE_BITS = 3, /* the rest of the word is milliseconds */
};

static_assert(ATOMIC_LLONG_LOCK_FREE == 2,
    "a lock in shared memory could be left held by a worker that died");
static_assert(SCOREBOARD_ENDING < 1 << STATE_BITS, "a state must fit");

struct slot {
	alignas(CACHE_LINE) _Atomic uint64_t state;
	_Atomic uint64_t requests;
	_Atomic unsigned allowed;
};

struct scoreboard {
	struct slot *slots;
	size_t n_slots;
};

struct scoreboard *
scoreboard_new(size_t n_slots)
{
	struct scoreboard *board = mem_zero(1, sizeof(*board));

	assert(n_slots > 0);
	board->n_slots = n_slots;
	board->slots = mmap(NULL, n_slots * sizeof(struct slot),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (board->slots == MAP_FAILED)
		log_fatal(1, "cannot share memory for %zu workers: %s", n_slots,
		    strerror(errno));
	return (board);
}

void
scoreboard_free(struct scoreboard *board)
{
	if (board == NULL)
		return;
	munmap(board->slots, board->n_slots * sizeof(struct slot));
	free(board);
}

static struct slot *
slot_of(const struct scoreboard *board, size_t slot)
{
	assert(slot < board->n_slots);
	return (&board->slots[slot]);
}

void
scoreboard_clear(struct scoreboard *board, size_t slot,
    enum scoreboard_state state, int64_t now_ms)
{
	atomic_store(&slot_of(board, slot)->requests, 0);
	atomic_store(&slot_of(board, slot)->allowed, 0);
	scoreboard_set(board, slot, state, now_ms);
}

void
scoreboard_set(struct scoreboard *board, size_t slot,
    enum scoreboard_state state, int64_t now_ms)
{
	atomic_store(&slot_of(board, slot)->state,
	    (uint64_t)now_ms << STATE_BITS | (uint64_t)state);
}

enum scoreboard_state
scoreboard_get(const struct scoreboard *board, size_t slot, int64_t *since_ms)
{
	uint64_t word = atomic_load(&slot_of(board, slot)->state);

	if (since_ms != NULL)
		*since_ms = (int64_t)(word >> STATE_BITS);
	return ((enum scoreboard_state)(word & ((1 << STATE_BITS) - 1)));
}

void
scoreboard_count(struct scoreboard *board, size_t slot)
{
	atomic_fetch_add(&slot_of(board, slot)->requests, 1);
}

uint64_t
scoreboard_requests(const struct scoreboard *board, size_t slot)
{
	return (atomic_load(&slot_of(board, slot)->requests));
}

void
scoreboard_allow(struct scoreboard *board, size_t slot, unsigned connections)
{
	atomic_store(&slot_of(board, slot)->allowed, connections);
}

bool
scoreboard_take(struct scoreboard *board, size_t slot)
{
	_Atomic unsigned *allowed = &slot_of(board, slot)->allowed;

	/* No one else takes from it, so it cannot change in between. */
	if (atomic_load(allowed) == 0)
		return (false);
	atomic_fetch_sub(allowed, 1);
	return (true);
}

/*
 * A generation: the workers that serve by one and the same settings, the keeper
 * that finds their credentials, and the books that the master keeps of them.
 *
 * What is decided here is decided by the time that is passed in; what is done
 * is kill(2) and the log.  The fork is the master's.
 */
#ifndef POOL_GENERATION_H
#define POOL_GENERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "config/config.h"
#include "pool/identity.h"
#include "pool/listen.h"
#include "pool/scoreboard.h"
#include "s3/keyring.h"
#include "s3/learnt.h"

enum {
	/* A worker that lived so long, or served a request, started well. */
	GENERATION_GOOD_LIFE_MS = 1000,
	/* After a first short life the next starts at once, then after this
	 * long, doubled each time up to the second. */
	GENERATION_DELAY_MS = 100,
	GENERATION_DELAY_MAX_MS = 10000,
	/* A worker ends its request itself when request_timeout has passed; one
	 * that has not after so much more will not. */
	GENERATION_GRACE_MS = 2000,
	/* How long a worker may take to become ready, to notice that it shall
	 * end, and to end: time for a machine that swaps. */
	GENERATION_SLOW_MS = 30000,
	/* After a keeper that did not live GENERATION_GOOD_LIFE_MS. */
	GENERATION_KEEPER_DELAY_MS = 1000,
};

/* The books of one worker. */
struct generation_slot {
	pid_t pid;      /* 0: no process */
	bool is_told;   /* it has been told to end */
	bool is_killed; /* by us, who have logged it */
	bool was_ready; /* this slot had a worker that was ready */
	int64_t started_ms;
	int64_t told_ms;
	int64_t delay_ms;    /* before the present one; 0: none */
	int64_t due_ms;      /* when the next may start */
	bool had_short_life; /* the worker before */
};

/* The same of the keeper. */
struct generation_keeper {
	pid_t pid;
	bool is_told;
	bool is_killed;
	int64_t started_ms;
	int64_t told_ms;
	int64_t due_ms;
};

struct generation {
	unsigned number;           /* counted from 1 */
	struct settings *settings; /* owned */
	struct identity identity;
	struct listener *listener; /* held */
	struct keyring *keyring;
	struct learnt *learnt;
	struct generation_keeper keeper;
	struct scoreboard *board;
	struct generation_slot *slots;
	size_t n_slots;
	size_t n_wanted;   /* there shall be workers in so many slots, from the
	                    * first on */
	unsigned failures; /* workers that died before their slot was ready, and
	                    * keepers that did before each site was searched for
	                    * once */
	bool has_started;  /* one of its workers was ready once */
	bool is_settled; /* for the master: what came of the first searches has
	                    * been acted upon */
	bool is_ending;  /* all were told to end */
	struct generation *next; /* the master's list */
};

/* A generation that serves LISTENER (held) by SETTINGS; no worker is wanted
 * yet.  Takes SETTINGS and IDENTITY over. */
struct generation *generation_new(unsigned number, struct settings *settings,
    struct identity identity, struct listener *listener);
/* Free it all, whether or not processes are left (in a worker they are). */
void generation_free(struct generation *generation);

/* ---- Its keeper, which is there as long as a worker may need it ---- */

/* Is it absent and due at NOW? */
bool generation_is_keeper_due(
    const struct generation *generation, int64_t now) ATTR_MUST_USE;

/* It was forked at NOW as process PID; -1: the fork failed. */
void generation_keeper_started(
    struct generation *generation, pid_t pid, int64_t now);

/* What came of the last search for each site. */
enum generation_search {
	GENERATION_SEARCHING, /* it is the first, and not over for each */
	GENERATION_FOUND,     /* each has credentials */
	GENERATION_FAILED,    /* not each, but another try may do better */
	GENERATION_LACKING,   /* one has none, and only a human can help */
};

enum generation_search generation_search(const struct generation *generation);

/* ---- Its workers ---- */

/* Want workers in the first COUNT slots (at most n_slots). */
void generation_want(struct generation *generation, size_t count);

/* Want one in the next slot as well, due at DUE_MS. */
void generation_want_another(struct generation *generation, int64_t due_ms);

/* Is a worker wanted, absent and due at NOW?  In *SLOT, which. */
bool generation_is_due(const struct generation *generation, int64_t now,
    size_t *slot) ATTR_MUST_USE;

/* When the next one, or the keeper, is due; INT64_MAX: none is. */
int64_t generation_next_due(const struct generation *generation);

/* A worker is being forked into SLOT at NOW (before the fork, so that it can
 * say it is ready).  Then PID is its process; -1: the fork failed. */
void generation_starts(struct generation *generation, size_t slot, int64_t now);
void generation_started(
    struct generation *generation, size_t slot, pid_t pid, int64_t now);

/* Note which workers have become ready. */
void generation_note_ready(struct generation *generation);

/* Is there a worker, ready now or once, in every slot that is wanted, and is
 * one wanted? */
bool generation_is_ready(const struct generation *generation);

enum generation_death {
	GENERATION_NOT_OURS, /* no process of this generation had that PID */
	GENERATION_KEEPER,   /* it was the keeper; noted and logged, the next is
	                      * due when due, if any */
	GENERATION_GOES_ON,  /* noted and logged; the next is due when due */
	GENERATION_HOPELESS, /* by its status no worker can do better, and none
	                      * of this generation ever has */
};

/* The process PID ended at NOW with STATUS of waitpid(2). */
enum generation_death generation_died(
    struct generation *generation, pid_t pid, int status, int64_t now);

/* Want one worker less, and tell it to end after its request. */
void generation_tell_one(struct generation *generation, int64_t now);

/* Want none, and tell all to end after their request, and after so many of the
 * connections that wait as listen_waiting says where DRAINS. */
void
generation_tell_all(struct generation *generation, bool drains, int64_t now);

/* Tell the workers that wait to look for a connection. */
void generation_tell_to_look(const struct generation *generation);

/* The watchdog: kill and log each worker that has passed its time at NOW, and
 * end the keeper that no worker needs any more. */
void generation_watch(struct generation *generation, int64_t now);

/* Kill them all, without a word. */
void generation_kill(struct generation *generation);

/* How many processes there are, how many of them are workers, and how many of
 * these have a request. */
size_t generation_processes(const struct generation *generation);
size_t generation_alive(const struct generation *generation);
size_t generation_busy(const struct generation *generation);

#endif

/*
 * The hands of a run: threads that each have their connections to S3, and do
 * one task after the other.  Whoever has the crew gives tasks and takes them
 * back when they are done; all else is done by that one thread, in order.
 *
 * A task may be too large for one: then it is shared, and hands that have
 * nothing to do help with its parts.
 */
#ifndef OFFLOAD_CREW_H
#define OFFLOAD_CREW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "s3/call.h"
#include "s3/fetch.h"
#include "s3/keyring.h"
#include "s3/learnt.h"
#include "s3/site.h"

/* What a hand has room for while it reads a file. */
enum { CREW_ROOM = 262144 };

/* One thread's own. */
struct hand {
	struct fetch *fetch;
	struct call *call;
	char *room; /* CREW_ROOM bytes */
	struct crew *crew;
};

struct task {
	/* Do it; by a hand.  What it found is in the struct around it. */
	void (*run)(struct task *task, struct hand *hand);
	struct task *next; /* the crew's, as the next */
	bool is_begun;     /* else it was dropped */
};

struct crew;

/* All borrowed, until crew_free. */
struct crew_orders {
	size_t hands; /* 1 or more */
	const struct site *sites;
	size_t n_sites;
	struct keyring *keyring;
	struct learnt *learnt;
};

/* Ends the program where no thread can be made. */
struct crew *crew_new(const struct crew_orders *orders) ATTR_MUST_USE;

/* Waits for what is under way; what was given and not begun is not done. */
void crew_free(struct crew *crew);

/* Is there room for another task, without one having to wait for long? */
bool crew_has_room(const struct crew *crew);

/* How many tasks were given and not taken back. */
size_t crew_busy(const struct crew *crew);

/* TASK is the crew's until it is taken back. */
void crew_give(struct crew *crew, struct task *task);

/* All that are done by now, a list by next in the order they were done; NULL:
 * none is. */
struct task *crew_take_done(struct crew *crew);

/* Tasks that no hand has begun are not to be: they are done as they are. */
void crew_drop(struct crew *crew);

/* Readable once as many tasks are done as there are hands, or all are; to be
 * looked at now and then besides, since one may take long while others wait to
 * be taken back. */
int crew_fd(const struct crew *crew);

/* ---- From within a task ---- */

/* Parts of a task, done by whoever has time, in any order and at once. */
struct share {
	/* Do part INDEX; false: it failed, and no other is begun. */
	bool (*run)(struct share *share, size_t index, struct hand *hand);
	size_t count;

	size_t given; /* the crew's, all of these */
	size_t running;
	bool has_failed;
	struct share *next;
};

/* Do all parts of SHARE, HAND with the others; true where none failed.  None
 * is running any more when this returns. */
bool crew_share(struct hand *hand, struct share *share) ATTR_MUST_USE;

#endif

/*
 * The loop of a run: tasks to the crew as long as there are any, what is done
 * back, the user told, signals heeded.
 */
#ifndef OFFLOAD_DRIVE_H
#define OFFLOAD_DRIVE_H

#include <stdbool.h>

#include "base/attr.h"
#include "offload/crew.h"
#include "offload/report.h"

enum drive_next {
	DRIVE_TASK,  /* *TASK is to be done */
	DRIVE_LATER, /* none was found, but it was looked for long enough for
	              * one call: ask again */
	DRIVE_WAIT,  /* ask again when something is done */
	DRIVE_OVER,  /* there are no more */
};

struct drive {
	struct crew *crew;
	struct report *report;
	enum drive_next (*next)(void *context, struct task **task);
	/* These are done: the list is the callee's. */
	void (*settle)(void *context, struct task *done);
	void *context;
};

/* Until all is done; false where a signal came first: then no more was begun,
 * what was is settled, and what was given is too, as it was (crew_drop). */
bool drive_run(const struct drive *drive) ATTR_MUST_USE;

#endif

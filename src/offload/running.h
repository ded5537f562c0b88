/*
 * A run while it is under way: what was asked for, what it has, and how its
 * phases go through files.  For run.c and relief.c, who are the phases.
 */
#ifndef OFFLOAD_RUNNING_H
#define OFFLOAD_RUNNING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "cache/cache.h"
#include "offload/commit.h"
#include "offload/crew.h"
#include "offload/drive.h"
#include "offload/oldest.h"
#include "offload/options.h"
#include "offload/place.h"
#include "offload/report.h"
#include "offload/seen.h"
#include "offload/selection.h"
#include "offload/session.h"
#include "offload/store.h"
#include "offload/walk.h"
#include "offload/way.h"

enum run_verb { RUN_PUT, RUN_EVICT, RUN_OFFLOAD };

struct run_order {
	enum run_verb verb;
	const struct offload_settings *settings;
	const struct session *session;
	size_t place; /* of the offload's site in it */
	const struct options *options;
	struct report *report;
	struct cache *cache; /* NULL: there is none */
	uint64_t *deleted;   /* files that went, of all offloads of the run */
	bool has_bar;        /* totals are worth a look before */
};

struct run {
	const struct run_order *order;
	const struct offload_settings *settings;
	struct place place;
	struct walk_rules rules;
	struct store store;
	struct mime *mime;
	struct uploads *uploads;
	struct throttle *throttle;
	struct trash *trash;
	struct known *known;
	struct crew_orders orders; /* of the crew */
	struct crew *crew;
	struct way_means means;
	struct commit commit;
	struct selection selection;
	char *target;

	/* The phase under way. */
	struct walk *walk;
	struct oldest *oldest;
	struct seen stayed; /* inodes of files that stay, for relieve */
	char *returned;     /* path of the file that got its name back last */
	bool is_stopped;
	bool is_whole; /* the tree was swept to its end */
};

/* Does it only say what it would do? */
bool running_is_dry(const struct run *run);

/* Is it of no use to go on: the journal takes no more, or S3 has failed too
 * often? */
bool running_is_hopeless(const struct run *run);

/* The next entry of the run's walk: FOUND also of a file that a killed run was
 * taking away, and that has its name back.  What cannot be read is told. */
enum walk_result
running_find(struct run *run, struct walk_entry *entry) ATTR_MUST_USE;

/* Do the tasks of NEXT, who gets RUN, and all that follows from them, unless
 * the run is at its end. */
void running_drive(
    struct run *run, enum drive_next (*next)(void *run, struct task **task));

#endif

/*
 * Objects back to their place: fetched as a reader fetches them, held against
 * the digest that was kept with them, and given the times, the mode and, by
 * root, the owner that they had.  Nothing that is there is ever overwritten,
 * and nothing has a name before it is whole and on the disk.
 */
#ifndef OFFLOAD_RESTORE_H
#define OFFLOAD_RESTORE_H

#include <stddef.h>

#include "base/attr.h"
#include "offload/options.h"
#include "offload/report.h"
#include "offload/session.h"
#include "offload/stop.h"

struct restore_order {
	const struct offload_settings *settings;
	const struct session *session;
	size_t place; /* of the offload's site in it */
	const struct options *options;
	struct report *report;
	char *const *paths; /* below the root; of folders with a "/" at the end,
	                     * "" all of it */
	size_t n_paths;
};

/* DONE, FAILED, LOCKED or STOPPED; all that is to be said was said. */
enum status restore(const struct restore_order *order) ATTR_MUST_USE;

#endif

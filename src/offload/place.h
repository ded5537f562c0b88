/*
 * An offload's root, opened and locked, and what is kept beside it: for all
 * verbs that change something there.
 */
#ifndef OFFLOAD_PLACE_H
#define OFFLOAD_PLACE_H

#include <stdbool.h>

#include "base/attr.h"
#include "config/table.h"
#include "offload/folder.h"
#include "offload/journal.h"
#include "offload/stop.h"

struct place {
	struct folder *root;
	struct journal *journal; /* NULL: nothing is to be written */
};

/* Open SETTINGS' root and lock it, and (unless IS_READ_ONLY) its journal, whose
 * folder is made where it is missing.  DONE, LOCKED or FAILED, and why is said.
 * PLACE is to be closed in any case. */
enum status place_open(struct place *place,
    const struct offload_settings *settings, bool is_read_only) ATTR_MUST_USE;
void place_close(struct place *place);

/* The path of what is kept for SETTINGS: NAME.WHAT in its state folder.  The
 * caller's. */
char *place_path(
    const struct offload_settings *settings, const char *what) ATTR_MUST_USE;

#endif

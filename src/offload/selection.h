/*
 * Which files a run takes, of those that a walk finds, and what may become of
 * each: by what kind of file it is, its name, its age, and whether it was
 * uploaded before.
 *
 * Of one thread, that of the run.
 */
#ifndef OFFLOAD_SELECTION_H
#define OFFLOAD_SELECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "offload/commit.h"
#include "offload/walk.h"
#include "offload/way.h"

struct selection {
	struct commit *commit; /* borrowed; is told of what is let alone */
	bool may_upload;       /* files of min_age */
	bool may_evict;        /* files of keep_age; without may_upload: only
	                        * those are taken */
	bool is_silent;        /* for a first look: nobody is told */
};

/* How old a file has to be to be deleted, milliseconds: keep_age, and min_age
 * at least. */
int64_t selection_keep_ms(const struct offload_settings *settings);

/* Why the offload lets ENTRY alone, whatever is to become of it: its kind, its
 * name, or its age, which at NOW_S is under MIN_AGE_MS.  REPORT_NO_REASON: it
 * does not. */
enum report_reason selection_refusal(const struct offload_settings *settings,
    const struct walk_entry *entry, int64_t now_s, int64_t min_age_ms);

/* Does the run take files of this kind, name and age at all (at NOW_S)? */
bool selection_takes(const struct selection *selection,
    const struct walk_entry *entry, int64_t now_s) ATTR_MUST_USE;

/* A way for ENTRY, which selection_takes; NULL where it has no key, or is known
 * to be in the bucket and need not go. */
struct way *selection_take(const struct selection *selection,
    const struct walk_entry *entry, int64_t now_s) ATTR_MUST_USE;

#endif

/*
 * A walk through a tree, file by file, in memory that depends on its depth
 * alone.  What happens in the tree meanwhile does no harm: what comes may be
 * met or not, what goes is not missed, and no link is followed.
 */
#ifndef OFFLOAD_WALK_H
#define OFFLOAD_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/attr.h"
#include "offload/folder.h"

enum { WALK_PASSED_MAX = 4 };

struct walk_rules {
	const char *exclude; /* as pattern_matches (offload/pattern.h) takes
	                      * them: neither files nor what is below folders */
	struct {
		dev_t dev;
		ino_t ino;
	} passed[WALK_PASSED_MAX]; /* folders that are not entered: our own */
	size_t n_passed;
	/* Called for each folder that is entered; NULL: not. */
	void (*on_folder)(void *context, struct folder *folder);
	void *context;
};

/* Have RULES pass over the folder of STATUS; and that at PATH, if any. */
void walk_pass(struct walk_rules *rules, const struct stat *status);
void walk_pass_path(struct walk_rules *rules, const char *path);

struct walk;

/* Through all below ROOT, which is held; RULES are borrowed. */
struct walk *
walk_new(struct folder *root, const struct walk_rules *rules) ATTR_MUST_USE;
void walk_free(struct walk *walk);

enum walk_result {
	WALK_END,
	WALK_FOUND,   /* anything that is no folder */
	WALK_LEAVING, /* what was being taken away, or was coming back, when a
	               * run was killed (offload/file.h) */
	WALK_FAILED,  /* this folder, or the rest of it, cannot be read: errno
	               * says why.  Ask on for the others. */
};

/* Valid until the next call. */
struct walk_entry {
	struct folder *folder; /* it is in; NULL of FAILED */
	const char *name;
	const char *path; /* below the root; of FAILED: the folder's */
	struct stat status;
	bool is_left; /* it stands under the name of one that was being taken
	               * away, since another has its own, which PATH says */
};

enum walk_result
walk_next(struct walk *walk, struct walk_entry *entry) ATTR_MUST_USE;

#endif

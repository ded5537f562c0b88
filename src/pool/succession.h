/*
 * The generations of workers: the one that serves, the one that takes over
 * from it in a reload, and those whose last workers are ending.
 */
#ifndef POOL_SUCCESSION_H
#define POOL_SUCCESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "config/config.h"
#include "pool/generation.h"
#include "pool/listen.h"

enum {
	/* So many workers of a new generation may die before they are ready, or
	 * keepers before they have searched; then the reload is given up. */
	SUCCESSION_FAILURES = 3,
	/* So long the first workers wait for their credentials; then they
	 * start without. */
	SUCCESSION_PATIENCE_MS = 3000,
};

/* Zeroed, with path set, before the first. */
struct succession {
	const char *path;           /* the settings' file; NULL: none */
	struct generation *all;     /* linked by next */
	struct generation *current; /* serves */
	struct generation *coming;  /* takes over; NULL: no reload is under
	                             * way */
	unsigned count;             /* of generations, ever */
	int64_t patience_ms; /* when that with the first searches is over */
};

/* The first generation, on LISTENER (held) by SETTINGS, at NOW; its workers are
 * wanted once its keeper has looked for their credentials.  False after an
 * error line; then SETTINGS stay the caller's. */
bool succession_begin(struct succession *succession, struct settings *settings,
    struct listener *listener, int64_t now) ATTR_MUST_USE;

/* Read the settings again and begin to go over to them: none may be coming.
 * Where they are bad, or the new socket cannot be had, an error line says that
 * the old ones stay. */
void succession_reload(struct succession *succession);

/* Go on with what is under way, if anything is: call it after each change.
 * False, after an error line, where the first generation is hopeless: a site
 * has no credentials, and only a human can help. */
bool
succession_continue(struct succession *succession, int64_t now) ATTR_MUST_USE;

/* The coming generation is hopeless: the current one stays. */
void succession_give_up(struct succession *succession, int64_t now);

/* Free the generations that are neither current nor coming and have no process
 * left. */
void succession_sweep(struct succession *succession);

/* Free all generations but SPARED (NULL: none is spared). */
void
succession_free(struct succession *succession, const struct generation *spared);

/* The sum of COUNT over all generations. */
size_t succession_count(const struct succession *succession,
    size_t (*count)(const struct generation *generation));

#endif

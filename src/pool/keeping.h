/*
 * The credentials of one site as the keeper sees them: when they are looked for
 * next, and what the log is told of it.  Pure: the time is passed in.
 *
 * What the log is told: where credentials were found, once; that they were
 * renewed, at most once in KEEPING_QUIET_MS, however short their life; why they
 * cannot be had, at once, when the reason or what comes of it changes, and
 * otherwise once in KEEPING_REPEAT_MS; and that the trouble is over.
 */
#ifndef POOL_KEEPING_H
#define POOL_KEEPING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "credentials/chain.h"

enum {
	/* Lines that say the same, and are no more than good news, are so far
	 * apart at least; and so is a trouble that comes and goes. */
	KEEPING_QUIET_MS = 60 * 1000,
	/* A trouble that lasts is told again after so long, */
	KEEPING_REPEAT_MS = 10 * 60 * 1000,
	/* and one whose reason changes with each try is so far apart. */
	KEEPING_CHANGE_MS = 5 * 1000,
	/* Greatest length of a line; what is in WHERE is cut, the end never. */
	KEEPING_LINE_MAX = 4000,
};

/* The end of nothing: it has passed. */
#define KEEPING_NOTHING INT64_MIN

/* What is in the way, as it was told last. */
enum keeping_trouble {
	KEEPING_FINE,
	KEEPING_AT_FIRST, /* the first search of all: what comes of it is not
	                   * known here */
	KEEPING_OLD_SERVE,
	KEEPING_ALL_ENDED,
	KEEPING_REFUSED, /* S3 does not want what there is */
};

struct keeping {
	const char *name;   /* the site's; borrowed, may be NULL */
	int64_t expires_ms; /* the end of what stands in the keyring; of what
	                     * has none: CREDENTIALS_NEVER */
	int64_t expires_s;  /* the same by the wall clock, as it was found; 0:
	                     * not known */
	int64_t due_ms;     /* the next search; INT64_MAX: none by itself */
	int64_t heed_ms;    /* no wish is heeded before */
	unsigned failures;  /* in a row */

	/* The log. */
	char *source;       /* where they were found, as told; NULL: not yet */
	int64_t renewal_ms; /* when a renewal was told last; 0: never */
	unsigned renewals;  /* since then */
	enum keeping_trouble trouble; /* as told last, perhaps over by now */
	bool is_open;                 /* and nothing better was told since */
	char *reason;                 /* its own */
	int64_t trouble_ms;           /* when it was told */
	int64_t changed_ms; /* when a change of a file was told; 0: never */
	bool was_tried;     /* a search has ended, in this keyring */
};

/* A search is due at once for the site of NAME (borrowed); what stands in the
 * keyring ends at EXPIRES_MS.  WAS_TRIED: another keeper has looked before. */
void keeping_init(struct keeping *keeping, const char *name, int64_t expires_ms,
    bool was_tried);
void keeping_fini(struct keeping *keeping);

/* Search at once: a file has changed. */
void keeping_hurry(struct keeping *keeping);

/* Search at once: by a clock that was set, the end is at another moment. */
void keeping_forget_clock(struct keeping *keeping);

/* When to search; IS_WISHED: a worker has asked for it. */
int64_t keeping_due(const struct keeping *keeping, bool is_wished);

/* How a search has ended. */
struct keeping_search {
	enum credentials_result result;
	int64_t expires_ms; /* of FOUND */
	int64_t expires_s;  /* the same by the wall clock */
	bool is_new;        /* not what stood there before */
	bool is_wished;     /* since S3 refused what stood there */
	const char *where;  /* as credentials_find says */
	int64_t begun_ms;
};

/* What credentials that were found until EXPIRES_S are worth, when the clocks
 * say NOW_MS and NOW_S: SEARCH's result and ends.  FAILED where they have ended
 * already: then WHERE says so as well. */
void
keeping_judge(const struct keeping *keeping, int64_t expires_s, int64_t now_ms,
    int64_t now_s, struct keeping_search *search, struct buf *where);

/* SEARCH has ended at NOW_MS: when is the next?  DICE is any number. */
void keeping_note(struct keeping *keeping, const struct keeping_search *search,
    int64_t now_ms, uint32_t dice);

enum keeping_word { KEEPING_SILENT, KEEPING_INFO, KEEPING_ERROR };

/* After keeping_note: what the log is to be told of SEARCH, in LINE. */
enum keeping_word keeping_tell(struct keeping *keeping,
    const struct keeping_search *search, int64_t now_ms, struct buf *line);

/* The same of the file at PATH, which has changed. */
enum keeping_word keeping_tell_change(struct keeping *keeping, const char *path,
    int64_t now_ms, struct buf *line);

#endif

/*
 * What becomes of files whose way has ended (offload/way): those that were
 * proved are written into the journal, all of them at once; and only when that
 * is on the disk they go, one after the other.
 *
 * Of one thread, that of the run.
 */
#ifndef OFFLOAD_COMMIT_H
#define OFFLOAD_COMMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "cache/cache.h"
#include "offload/journal.h"
#include "offload/known.h"
#include "offload/report.h"
#include "offload/trash.h"
#include "offload/way.h"

struct commit {
	/* Borrowed. */
	const struct way_means *means;
	struct report *report;
	struct journal *journal; /* NULL: a dry run */
	struct known *known;     /* NULL: not kept */
	struct trash *trash;     /* NULL: files are deleted */
	struct cache *cache;     /* NULL: there is none */
	const char *target;      /* where the bucket is, for known */
	uint64_t max_delete;     /* 0: no limit */

	/* Called for each file that stays where it is; NULL: not. */
	void (*on_stay)(void *context, const struct way *way);
	void *context;

	/* So far. */
	uint64_t deleted; /* files that went, to the trash or for good */
	uint64_t freed; /* bytes of them on the disk; of a dry run: would be */
	unsigned s3_failures; /* in a row */
	bool has_success;     /* S3 has done for one what was wanted */
	bool has_said_lease;  /* and the like: told once */
	bool has_said_cache;
	bool is_broken; /* the journal takes no more: no file may go */
};

/* The rest zero, DELETED may go on from another. */

/* All of WAYS have ended, a list by task.next; they are freed. */
void commit_ways(struct commit *commit, struct task *ways);

/* WAY's file, as KNOWN has it: by what is known of it now. */
uint64_t commit_print(const struct commit *commit, const struct way *way);

/* The end: what was written for the record only is brought to the disk. */
void commit_finish(struct commit *commit);

/* Tell of a file that was let alone or failed without a way. */
void commit_tell(struct commit *commit, enum report_what what,
    enum report_reason reason, const char *path, uint64_t bytes,
    const char *why);

/* So many failures of S3's in a row mean that it is of no use to go on. */
enum { COMMIT_S3_FAILURES_MAX = 20, COMMIT_KNOWN_DAYS = 30 };

#endif

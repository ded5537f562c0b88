/*
 * The way of one file to the bucket, as far as it can be gone by many at once:
 *
 *	open    the file that is meant, whole, at rest, and old enough
 *	digest  its bytes
 *	upload  unless it is there; never in the place of another object
 *	check   that it still is what was digested
 *	prove   that a reader gets it back
 *
 * Each step may fail, and leaves the file as it was.  What follows, the journal
 * and the end of the file, is for the one thread that has the run
 * (offload/commit).
 */
#ifndef OFFLOAD_WAY_H
#define OFFLOAD_WAY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/attr.h"
#include "base/buf.h"
#include "offload/crew.h"
#include "offload/digest.h"
#include "offload/file.h"
#include "offload/mime.h"
#include "offload/prove.h"
#include "offload/report.h"
#include "offload/sending.h"
#include "offload/store.h"

/* What all files of an offload share; borrowed. */
struct way_means {
	const struct offload_settings *settings;
	const struct site *reader;    /* the site, as the daemon has it */
	struct sending_means sending; /* with the writer's credentials */
	const struct mime *mime;
	struct store *store;
	bool is_dry_run; /* S3 is only asked */
};

enum way_end {
	WAY_UNDONE,  /* not begun */
	WAY_PROVED,  /* or, of a dry run: would be */
	WAY_MISSING, /* not in the bucket, and not to be uploaded; of a dry run
	              * that may upload: would be uploaded */
	WAY_SKIPPED, /* for WAY's reason */
	WAY_FAILED,  /* WAY's why says it */
};

enum { WAY_WHY_MAX = 1536 };

struct way {
	struct task task; /* first: what the crew knows of it */
	const struct way_means *means;
	struct file file;
	struct buf key;
	int64_t now_s;      /* when it was found; its age is told by this */
	int64_t min_age_ms; /* younger ones are let alone */
	bool may_upload;
	bool may_evict;         /* what is to become of it; not ours */
	enum prove_depth depth; /* for the proof */
	bool is_in_trash;       /* not ours either, nor the next: */
	bool is_gone;

	/* What was found. */
	enum way_end end;
	enum report_reason reason;
	char why[WAY_WHY_MAX];
	bool is_s3;        /* it failed by what S3 said, or did not, */
	bool is_refused;   /* and that it said: of this object, or of all */
	bool no_lease;     /* who has it open is not known */
	bool was_uploaded; /* just now */
	struct digest digest;
	char etag[PROVE_ETAG_MAX]; /* of the object */
};

/* A way for NAME in FOLDER (held), seen with STATUS at NOW_S.  The rest of what
 * it may do is the caller's to set. */
struct way *way_new(const struct way_means *means, struct folder *folder,
    const char *name, const struct stat *status, int64_t now_s) ATTR_MUST_USE;
void way_free(struct way *way);

/* Find its key, as the daemon would for URI and PATH.  False where it has none
 * that the daemon serves: then WAY has ended. */
bool
way_find_key(struct way *way, const char *uri, const char *path) ATTR_MUST_USE;

/* Is a file of STATUS at NOW_S as old as MIN_AGE_MS? */
bool way_is_old(const struct stat *status, int64_t now_s, int64_t min_age_ms);

#endif

/*
 * What a run of trys3 tells its user: each event, how far it is, and a summary.
 *
 * With neither --json, -q nor -v: lines for what failed and for differences,
 * on a terminal a bar, without one a line every 10 seconds, and the summary.
 * With -v each event is a line, with -q only what failed is.  With --dry-run
 * what would be uploaded, deleted, moved or restored is a line each ("would
 * upload PATH"), also without -v.
 *
 * What failed, differs or is lost goes to the log ("PATH: WHY"), at most some
 * 3000 bytes of the path; every other line goes to out_fd, and the bar to
 * err_fd.  Control characters and bytes that are not UTF-8 are shown as \xNN: a
 * file's name can neither forge a line nor move the cursor.
 *
 * With --json only JSON is written, to out_fd, an object a line:
 *	{"event":"skipped","offload":"img","path":"a","key":"k","bytes":12,
 *	 "reason":"too_young","why":"..."}
 *	{"event":"progress","files":431,"files_total":1000,"bytes":1234,
 *	 "bytes_total":5678,"moved":2468,"rate":123,"elapsed_ms":10000,
 *	 "left_ms":13000}
 *	{"event":"summary","files":1000,"bytes":5678,"moved":11356,
 *	 "rate":123,"elapsed_ms":23000,"uploaded":{"files":1,"bytes":2}, ...
 *	 and so for each of enum report_what ..., "skipped":{"files":3,
 *	 "bytes":4,"reasons":{"too_young":{"files":3,"bytes":4}}}}
 * Members without a value are left out; "dry_run":true stands in each object of
 * a dry run.  A name that is not UTF-8: see offload/jsonl.h; of a text of over
 * 16 KiB there is only the front.  -v changes nothing; with -q there are the
 * events of what failed and the summary.
 *
 * Where out_fd cannot be written any more, that is told once in the log, the
 * run goes on, and the summary, and with --json what failed from then on, go to
 * the log instead.
 *
 * All of it is for one thread; report_moved is for any.  Times are monotonic
 * milliseconds.
 */
#ifndef OFFLOAD_REPORT_H
#define OFFLOAD_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

enum report_what {
	REPORT_UPLOADED,
	REPORT_PRESENT,      /* was in the bucket already */
	REPORT_PROVED,       /* can be got back */
	REPORT_EVICTED,      /* deleted here */
	REPORT_TRASHED,      /* moved to the trash */
	REPORT_DELETED,      /* from the trash, after its grace */
	REPORT_RESTORED,     /* fetched back */
	REPORT_SKIPPED,      /* let alone, with a reason */
	REPORT_FAILED,       /* an error: something must be done */
	REPORT_DIFFERS,      /* file and object are not the same */
	REPORT_LOST,         /* evicted, but not in the bucket */
	REPORT_NOT_UPLOADED, /* an audit's: here, but not in the bucket */
	REPORT_UNKNOWN,      /* an audit's: an object that maps to no path */
	REPORT_WHATS,        /* how many there are */
};

/* Why a file was let alone. */
enum report_reason {
	REPORT_NO_REASON,
	REPORT_TOO_YOUNG,
	REPORT_OPEN,          /* for writing */
	REPORT_NOT_REGULAR,   /* a link, a device, a socket */
	REPORT_LINKS,         /* has several names */
	REPORT_EXCLUDED,      /* by include and exclude */
	REPORT_NO_KEY,        /* no path that the daemon serves */
	REPORT_NOT_IN_BUCKET, /* evict uploads nothing */
	REPORT_CHANGED,       /* while it was under way */
	REPORT_GONE,          /* deleted by someone else meanwhile */
	REPORT_LIMIT,         /* max_delete */
	REPORT_BELOW_MARK,    /* the disk is not so full */
	REPORT_ALREADY,       /* uploaded and proved before */
	REPORT_EXISTS,        /* restore: the path is taken */
	REPORT_STOPPED,       /* a signal came first */
	REPORT_REASONS,       /* how many there are */
};

struct report_event {
	enum report_what what;
	const char *offload; /* its name; NULL: none */
	const char *path;    /* as it is to be shown; NULL: none */
	const char *key;     /* NULL: none; stands for a path that is NULL */
	uint64_t bytes;      /* of the file */
	const char *why;     /* in words; NULL: nothing to add */
	enum report_reason reason; /* of REPORT_SKIPPED */
};

struct report_options {
	bool is_json;
	bool is_quiet; /* goes before is_verbose */
	bool is_verbose;
	bool is_dry_run;
	bool is_terminal; /* err_fd is one that knows \r and ESC [ K */
	int out_fd;       /* standard output; borrowed, as err_fd */
	int err_fd;       /* standard error: where the log goes */
	unsigned columns; /* of the terminal; 0: asked at each drawing */
	int64_t start_ms; /* when the run begins */
};

struct report;

/* OPTIONS are copied. */
struct report *report_new(const struct report_options *options) ATTR_MUST_USE;

/* The bar, if there is one, is taken away.  NULL is passed over. */
void report_free(struct report *report);

/* So many files, of BYTES in all, more are expected: what a first look found,
 * for the time left.  Never called: there are no totals. */
void report_expect(struct report *report, uint64_t files, uint64_t bytes);

/* Something happened to a file.  Borrows EVENT for the call. */
void report_event(struct report *report, const struct report_event *event);

/* One more file, of BYTES, is behind us, whatever became of it: once for each
 * file of those that report_expect counted. */
void report_file_done(struct report *report, uint64_t bytes);

/* BYTES were sent or received, for the rate.  From any thread. */
void report_moved(struct report *report, uint64_t bytes);

/* Call it often, a few times a second: shows how far it is when it is time to
 * (the bar at most 5 times a second, a line at most every 10). */
void report_tick(struct report *report, int64_t now_ms);

/* The end: the bar goes, the summary comes. */
void report_summary(struct report *report, int64_t now_ms);

/* How many events of WHAT there were. */
uint64_t report_count(const struct report *report, enum report_what what);

/* Did anything fail, or was there a difference?  (Exit status 1.) */
bool report_has_failed(const struct report *report);

/* Could out_fd not be written to? */
bool report_output_failed(const struct report *report);

#endif

/*
 * The journal of an offload: a text file to which a line is added for all that
 * was proved, evicted, trashed or restored, and which audit reads.
 *
 * A file is deleted only when the line that says so is on the disk.  Each write
 * is of whole lines; one that fails is taken back.  Should a crash leave a half
 * line all the same, the next journal_open ends it in a way by which readers
 * know it.
 *
 * The file system may be full, and it is then that files are to be evicted: so
 * JOURNAL_RESERVE bytes and more stay allocated behind the file's end.
 */
#ifndef OFFLOAD_JOURNAL_H
#define OFFLOAD_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "offload/journal_line.h"

enum {
	JOURNAL_RESERVE = 65536,
	/* What may wait for one journal_sync. */
	JOURNAL_ADDED_MAX = 16 * 1024 * 1024,
};

struct journal;

/*
 * Open the journal at PATH to add to it; made with mode 0600 where there is
 * none, and its folder written to the disk.  One journal at a time: the file is
 * locked by flock(2) until it is closed.  Where the file system cannot reserve
 * space, that is passed over.  NULL where it is no regular file (a symbolic
 * link is none), another run has it, or the system refuses: WHY got the path,
 * what is wrong and what would be right.
 */
struct journal *journal_open(const char *path, struct buf *why) ATTR_MUST_USE;

/* Give the lock and the memory back.  What was added since the last
 * journal_sync is forgotten. */
void journal_close(struct journal *journal);

/* Keep ENTRY's line for journal_sync.  False where it is over JOURNAL_LINE_MAX
 * bytes, or all that waits over JOURNAL_ADDED_MAX: it is not kept. */
bool journal_add(
    struct journal *journal, const struct journal_entry *entry) ATTR_MUST_USE;

/*
 * Bring all that was added onto the disk: one write, then fdatasync(2).  True
 * where it is there, or nothing was added.
 *
 * False where it may not be there: nothing that it says may be built upon, and
 * it is forgotten.  The file is cut back to where it was.  WHY got the path,
 * what the system said and what to do.  After a failed write the next sync may
 * do better; after a failed fdatasync, or where the file could not be cut back,
 * this journal refuses all that follow: the kernel drops pages that it could
 * not write, so that a later success would mean nothing.
 */
bool journal_sync(struct journal *journal, struct buf *why) ATTR_MUST_USE;

/* Called for each entry in order; what it is given lives until it returns.
 * False ends the reading. */
typedef bool journal_handler(void *context, const struct journal_entry *entry);

/*
 * Read the journal at PATH, in memory that does not grow with it; also while
 * another process adds to it.  *N_PASSED_OVER is how many lines were none of
 * ours: torn by a crash, of a later version, or still being written.  True
 * where all of it was read, or HANDLER ended that; a file that is not there
 * has no lines.  False where it cannot be read: WHY got the path and why.
 */
bool journal_read(const char *path, journal_handler *handler, void *context,
    size_t *n_passed_over, struct buf *why) ATTR_MUST_USE;

#endif

/*
 * Another program is run, and what it says on its standard output kept: capped,
 * wiped, within a deadline.
 */
#ifndef CREDENTIALS_RUN_H
#define CREDENTIALS_RUN_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"

enum { RUN_OUTPUT_MAX = 65536 };

enum run_end {
	RUN_EXITED,      /* by itself; number is its status */
	RUN_SIGNALLED,   /* by the signal of number */
	RUN_NOT_STARTED, /* number is an errno */
	RUN_LATE,        /* it was not done by the deadline, and was killed */
	RUN_TOO_LONG,    /* it said more than RUN_OUTPUT_MAX, and was killed */
};

struct run_outcome {
	enum run_end end;
	int number;
	struct buf output;  /* whole after RUN_EXITED; of what came otherwise */
	size_t error_bytes; /* how much it said on its standard error, of which
	                     * nothing is kept */
};

void run_outcome_init(struct run_outcome *outcome);

/* Wipes. */
void run_outcome_fini(struct run_outcome *outcome);

/* Run WORDS[0], looked for as execvp(3) does, with the arguments WORDS and our
 * environment, and wait for its end, at most until DEADLINE_MS (monotonic).  It
 * has a session of its own without a terminal, /dev/null to read from, no other
 * descriptor of ours, no signal blocked or ignored, and dies with us.  What it
 * leaves running in the background when it ends by itself is left alone. */
void run_program(
    char *const *words, int64_t deadline_ms, struct run_outcome *outcome);

#endif

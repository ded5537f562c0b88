/*
 * Where a run's lines go: results to one descriptor, failures to the log, and
 * on a terminal a bar beneath them, which steps aside for each line.
 *
 * A full disk or a pipe that no one reads any more ends the output, never the
 * run: the first failure is told by log_error, and from then on nothing is
 * written to that descriptor.  SIGPIPE is to be ignored by the program.  A pipe
 * that is read slowly is waited for.
 */
#ifndef OFFLOAD_OUTPUT_H
#define OFFLOAD_OUTPUT_H

#include <stdbool.h>

#include "base/buf.h"
#include "offload/progress.h"

struct output {
	int out_fd;       /* for lines */
	int err_fd;       /* where the log goes: for the bar */
	unsigned columns; /* of err_fd; 0: asked of it at each drawing */
	bool has_failed;  /* OUT_FD: see above */
	bool is_shown;    /* a bar is on the terminal: BAR */
	char bar[PROGRESS_MAX];
};

/* Lines go to OUT_FD and the bar to ERR_FD, both borrowed. */
void
output_init(struct output *output, int out_fd, int err_fd, unsigned columns);

/* Write LINE, which ends with a newline, by one write(2) where the system takes
 * it whole.  False where it is not written, now or because of a failure
 * before. */
bool output_line(struct output *output, struct span line);

/* TEXT, which has no newline, as a line of the log: an error, or where it must
 * not be lost but is none, for information. */
void output_error(struct output *output, const char *text);
void output_info(struct output *output, const char *text);

/* Draw PROGRESS as a bar in place of the last one. */
void output_bar(struct output *output, const struct progress *progress);

/* Take the bar away. */
void output_clear(struct output *output);

#endif

/*
 * How far a run is: rate and time left, and the line and the bar that show it.
 * Pure: the time is an argument.
 */
#ifndef OFFLOAD_PROGRESS_H
#define OFFLOAD_PROGRESS_H

#include <stddef.h>
#include <stdint.h>

/* Room for a line or a bar: what is longer than the widest bar's 200 columns
 * does not arise. */
enum { PROGRESS_MAX = 256, PROGRESS_SAMPLES = 16 };

struct progress {
	uint64_t files, bytes;             /* done */
	uint64_t files_total, bytes_total; /* both 0: not known */
	uint64_t moved;                    /* bytes sent and received */
	int64_t start_ms, now_ms;
	/* What was moved at some moments, at least a second apart: a ring. */
	struct {
		int64_t at_ms;
		uint64_t moved;
	} samples[PROGRESS_SAMPLES];
	size_t n_samples; /* ever taken */
};

/* A run that begins at START_MS (monotonic), with nothing known of it. */
void progress_init(struct progress *progress, int64_t start_ms);

/* It is NOW_MS, and MOVED bytes were moved in all. */
void progress_update(struct progress *progress, int64_t now_ms, uint64_t moved);

/* Bytes moved a second: of about the last 15 seconds, and since the start. */
uint64_t progress_rate(const struct progress *progress);
uint64_t progress_mean_rate(const struct progress *progress);

/* Milliseconds since the start. */
int64_t progress_elapsed_ms(const struct progress *progress);

/* Milliseconds up to the end, if what is left goes on as what is done: by
 * bytes, or by files where no bytes are expected.  -1: not known. */
int64_t progress_left_ms(const struct progress *progress);

/* Files, bytes, rate, and the time left, or where that is not known the time
 * since the start, as one line without its end:
 *	431 of 1000 files, 1.23 GiB of 2.86 GiB, 12.3 MiB/s, 2:13 left
 *	431 files, 1.23 GiB, 12.3 MiB/s, 1:45
 * TEXT holds it and is returned. */
const char *
progress_line(const struct progress *progress, char text[PROGRESS_MAX]);

/* The same for a terminal of COLUMNS: as many of these parts, from the front,
 * as fit, and where the totals are known and there is room, a bar before them:
 *	 43% [======>       ] 431 of 1000 files, ...
 * ASCII, at most COLUMNS - 1 of it, so that no terminal begins a new line. */
const char *progress_bar(
    const struct progress *progress, unsigned columns, char text[PROGRESS_MAX]);

#endif

/*
 * How far a run is: see progress.h.
 *
 * The rate is that of a window of some seconds: the mean since the start would
 * hide that the network has stopped.  The time left is by what is done of what
 * was expected, not by the bytes that were moved: with verify = read each byte
 * goes both ways, and a file that is in the bucket already goes none.
 */
#include "offload/progress.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "offload/text.h"

enum {
	SAMPLE_MS = 1000, /* the least time between two samples */
	BAR_LEAST = 10,   /* a bar of fewer columns says nothing */
	BAR_MOST = 40,    /* and more of them say no more */
	BAR_AROUND = 8,   /* "100% [" and "] " */
	WIDTH_MOST = 200,
	N_PARTS = 4,
	PART_MAX = 80,
};

static_assert((int)WIDTH_MOST < (int)PROGRESS_MAX, "a bar must fit");

/* Longer is not known: 100 days. */
static const double left_most_ms = 100.0 * 24 * 60 * 60 * 1000;

void
progress_init(struct progress *progress, int64_t start_ms)
{
	*progress = (struct progress){ .start_ms = start_ms,
		.now_ms = start_ms,
		.samples[0].at_ms = start_ms,
		.n_samples = 1 };
}

void
progress_update(struct progress *progress, int64_t now_ms, uint64_t moved)
{
	size_t last = (progress->n_samples - 1) % PROGRESS_SAMPLES;
	size_t next = progress->n_samples % PROGRESS_SAMPLES;

	progress->now_ms = now_ms;
	progress->moved = moved;
	if (now_ms - progress->samples[last].at_ms < SAMPLE_MS)
		return;
	progress->samples[next].at_ms = now_ms;
	progress->samples[next].moved = moved;
	progress->n_samples++;
}

static uint64_t
divide(uint64_t moved, int64_t ms)
{
	return (ms <= 0 ? 0 : (uint64_t)((double)moved * 1000 / (double)ms));
}

uint64_t
progress_rate(const struct progress *progress)
{
	size_t oldest = progress->n_samples <= PROGRESS_SAMPLES
	    ? 0
	    : progress->n_samples % PROGRESS_SAMPLES;

	return (divide(progress->moved - progress->samples[oldest].moved,
	    progress->now_ms - progress->samples[oldest].at_ms));
}

uint64_t
progress_mean_rate(const struct progress *progress)
{
	return (divide(progress->moved, progress_elapsed_ms(progress)));
}

int64_t
progress_elapsed_ms(const struct progress *progress)
{
	return (progress->now_ms - progress->start_ms);
}

static bool
is_expected(const struct progress *progress)
{
	return (progress->files_total > 0 || progress->bytes_total > 0);
}

/* What part of the run is done, from 0 to 1.  More may be found than was
 * expected: the tree goes on changing. */
static double
part_done(const struct progress *progress)
{
	uint64_t done = progress->bytes, total = progress->bytes_total;

	if (total == 0) {
		done = progress->files;
		total = progress->files_total;
	}
	return (done >= total ? 1 : (double)done / (double)total);
}

int64_t
progress_left_ms(const struct progress *progress)
{
	double left, part;

	if (!is_expected(progress))
		return (-1);
	part = part_done(progress);
	if (part <= 0)
		return (-1);
	left = (double)progress_elapsed_ms(progress) * (1 - part) / part;
	return (left > left_most_ms ? -1 : (int64_t)left);
}

/* The parts of a line, each a text of its own. */
static void
write_parts(const struct progress *progress, char parts[N_PARTS][PART_MAX])
{
	char a[TEXT_MAX], b[TEXT_MAX];
	int64_t left_ms = progress_left_ms(progress);

	text_bytes(progress->bytes, a);
	if (is_expected(progress)) {
		snprintf(parts[0], PART_MAX, "%" PRIu64 " of %" PRIu64 " files",
		    progress->files, progress->files_total);
		snprintf(parts[1], PART_MAX, "%s of %s", a,
		    text_bytes(progress->bytes_total, b));
	} else {
		snprintf(
		    parts[0], PART_MAX, "%" PRIu64 " files", progress->files);
		snprintf(parts[1], PART_MAX, "%s", a);
	}
	snprintf(
	    parts[2], PART_MAX, "%s/s", text_bytes(progress_rate(progress), a));
	if (left_ms >= 0)
		snprintf(parts[3], PART_MAX, "%s left", text_time(left_ms, a));
	else
		snprintf(parts[3], PART_MAX, "%s",
		    text_time(progress_elapsed_ms(progress), a));
}

/* Those parts that fit into WIDTH, in TEXT; how many bytes they are. */
static size_t
join_parts(
    const struct progress *progress, size_t width, char text[PROGRESS_MAX])
{
	char parts[N_PARTS][PART_MAX];
	size_t len = 0;

	write_parts(progress, parts);
	text[0] = '\0';
	for (size_t i = 0; i < N_PARTS; i++) {
		const char *comma = i == 0 ? "" : ", ";

		if (len + strlen(comma) + strlen(parts[i]) > width)
			break;
		len += (size_t)snprintf(
		    text + len, PROGRESS_MAX - len, "%s%s", comma, parts[i]);
	}
	return (len);
}

const char *
progress_line(const struct progress *progress, char text[PROGRESS_MAX])
{
	join_parts(progress, WIDTH_MOST, text);
	return (text);
}

const char *
progress_bar(
    const struct progress *progress, unsigned columns, char text[PROGRESS_MAX])
{
	char line[PROGRESS_MAX], bar[BAR_MOST + 1];
	size_t width = columns > WIDTH_MOST ? WIDTH_MOST : columns, len, done;
	double part = part_done(progress);

	if (width > 0)
		width--;
	len = join_parts(progress, width, line);
	if (!is_expected(progress) || len + BAR_AROUND + BAR_LEAST > width) {
		snprintf(text, PROGRESS_MAX, "%s", line);
		return (text);
	}
	len = width - len - BAR_AROUND;
	if (len > BAR_MOST)
		len = BAR_MOST;
	done = (size_t)((double)len * part);
	memset(bar, ' ', len);
	memset(bar, '=', done);
	if (done < len)
		bar[done] = '>';
	snprintf(text, PROGRESS_MAX, "%3d%% [%.*s] %.*s", (int)(part * 100),
	    (int)len, bar, WIDTH_MOST, line);
	return (text);
}

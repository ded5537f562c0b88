/*
 * The oldest files: see oldest.h.
 *
 * A heap with the newest at its root, the first to go.  What it holds is at any
 * time the beginning of all that was offered, put in order: one that was let go
 * is a horizon, and what is newer is not taken again, even where its shorter
 * path would fit or the sum has fallen since.
 *
 * Sorted only when the first is taken, in place, by the heap itself: qsort(3)
 * of glibc may take as much memory again.
 */
#include "offload/oldest.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { FIRST_ROOM = 64 };

struct oldest {
	struct oldest_file *files; /* a heap, in order once is_sorted */
	size_t n, room, max_files;
	size_t path_bytes; /* of all paths, with their NULs */
	uint64_t bytes;    /* of all files, as counted() has it */
	uint64_t wanted;
	struct oldest_file horizon; /* of no path: none was let go */
	bool is_sorted;
	size_t next; /* of files, to be taken */
};

struct oldest *
oldest_new(size_t max_files)
{
	struct oldest *oldest = mem_zero(1, sizeof(*oldest));

	assert(max_files > 0 && max_files <= OLDEST_FILES_MAX);
	oldest->max_files = max_files;
	oldest->wanted = UINT64_MAX;
	return (oldest);
}

static void
free_path(struct oldest_file *file)
{
	free((void *)(uintptr_t)file->path);
	file->path = NULL;
}

void
oldest_free(struct oldest *oldest)
{
	if (oldest == NULL)
		return;
	for (size_t i = 0; i < oldest->n; i++)
		free_path(&oldest->files[i]);
	free_path(&oldest->horizon);
	free(oldest->files);
	free(oldest);
}

static bool
is_newer(const struct oldest_file *a, const struct oldest_file *b)
{
	if (a->mtime_s != b->mtime_s)
		return (a->mtime_s > b->mtime_s);
	if (a->mtime_ns != b->mtime_ns)
		return (a->mtime_ns > b->mtime_ns);
	return (strcmp(a->path, b->path) > 0);
}

static void
exchange(struct oldest_file *a, struct oldest_file *b)
{
	struct oldest_file kept = *a;

	*a = *b;
	*b = kept;
}

/* The one at I may be newer than those above it. */
static void
move_up(struct oldest_file *files, size_t i)
{
	for (size_t above; i > 0; i = above) {
		above = (i - 1) / 2;
		if (!is_newer(&files[i], &files[above]))
			return;
		exchange(&files[i], &files[above]);
	}
}

/* The root of the heap of N may be older than those below it. */
static void
move_down(struct oldest_file *files, size_t n)
{
	for (size_t i = 0, below; (below = 2 * i + 1) < n; i = below) {
		if (below + 1 < n && is_newer(&files[below + 1], &files[below]))
			below++;
		if (!is_newer(&files[below], &files[i]))
			return;
		exchange(&files[i], &files[below]);
	}
}

/* A sum of them does not overflow. */
static uint64_t
counted(const struct oldest *oldest, const struct oldest_file *file)
{
	uint64_t most = UINT64_MAX / (oldest->max_files + 1);

	return (file->size < most ? file->size : most);
}

/* The newest goes, and is the horizon. */
static void
let_newest_go(struct oldest *oldest)
{
	struct oldest_file *root = &oldest->files[0];

	oldest->bytes -= counted(oldest, root);
	oldest->path_bytes -= strlen(root->path) + 1;
	free_path(&oldest->horizon);
	oldest->horizon = *root;
	*root = oldest->files[--oldest->n];
	move_down(oldest->files, oldest->n);
}

/* Let go what is too much: over the bound, or not needed for the sum. */
static void
trim(struct oldest *oldest)
{
	size_t most_path_bytes =
	    oldest->max_files * OLDEST_PATH_MEAN + OLDEST_PATH_MORE;

	while (oldest->n > 0 &&
	    (oldest->n > oldest->max_files ||
		oldest->path_bytes > most_path_bytes ||
		oldest->bytes - counted(oldest, &oldest->files[0]) >=
		    oldest->wanted))
		let_newest_go(oldest);
}

void
oldest_want(struct oldest *oldest, uint64_t bytes)
{
	assert(!oldest->is_sorted);
	oldest->wanted = bytes;
	trim(oldest);
}

void
oldest_offer(struct oldest *oldest, const struct oldest_file *file)
{
	assert(!oldest->is_sorted);
	if (oldest->horizon.path != NULL && is_newer(file, &oldest->horizon))
		return;
	if (oldest->n == oldest->room) {
		oldest->room = oldest->room > 0 ? oldest->room * 2 : FIRST_ROOM;
		/* One more than the bound, until it is trimmed. */
		if (oldest->room > oldest->max_files + 1)
			oldest->room = oldest->max_files + 1;
		oldest->files = mem_resize(
		    oldest->files, oldest->room * sizeof(*oldest->files));
	}
	oldest->files[oldest->n] = *file;
	oldest->files[oldest->n].path = mem_string(file->path);
	oldest->bytes += counted(oldest, file);
	oldest->path_bytes += strlen(file->path) + 1;
	move_up(oldest->files, oldest->n++);
	trim(oldest);
}

/* The root, which is the newest, to the end, until all are in order. */
static void
sort(struct oldest *oldest)
{
	for (size_t n = oldest->n; n > 1;) {
		exchange(&oldest->files[0], &oldest->files[--n]);
		move_down(oldest->files, n);
	}
	oldest->is_sorted = true;
}

const struct oldest_file *
oldest_take(struct oldest *oldest)
{
	if (!oldest->is_sorted)
		sort(oldest);
	if (oldest->next > 0)
		free_path(&oldest->files[oldest->next - 1]);
	if (oldest->next == oldest->n)
		return (NULL);
	return (&oldest->files[oldest->next++]);
}

bool
oldest_is_cut(const struct oldest *oldest)
{
	/* What is let go for the sum leaves the sum. */
	return (oldest->horizon.path != NULL && oldest->bytes < oldest->wanted);
}

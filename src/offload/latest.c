/*
 * The latest lines: see latest.h.  Keys are known by a fingerprint: that two of
 * a million are one has a chance of 10^-7, and costs a question that is not
 * asked.
 */
#include "offload/latest.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "offload/known.h"

struct latest_line {
	uint64_t key;
	size_t number;
};

void
latest_fini(struct latest *latest)
{
	free(latest->lines);
	*latest = (struct latest){ .lines = NULL };
}

static uint64_t
print_key(struct span key)
{
	const struct known_file file = { .key = key };

	return (known_print(&file));
}

void
latest_note(struct latest *latest, struct span key)
{
	size_t n = latest->n;

	/* Doubled whenever it is full. */
	if ((n & (n - 1)) == 0)
		latest->lines = mem_resize(latest->lines,
		    (n == 0 ? 1 : 2 * n) * sizeof(*latest->lines));
	latest->lines[latest->n++] = (struct latest_line){ print_key(key), n };
}

static int
compare(const void *a, const void *b)
{
	const struct latest_line *x = a, *y = b;

	if (x->key != y->key)
		return (x->key > y->key ? 1 : -1);
	return ((x->number > y->number) - (x->number < y->number));
}

/* Keep of each key the last. */
static void
sort(struct latest *latest)
{
	struct latest_line *lines = latest->lines;
	size_t kept = 0;

	latest->is_sorted = true;
	if (latest->n == 0)
		return;
	qsort(lines, latest->n, sizeof(*lines), compare);
	for (size_t i = 0; i < latest->n; i++)
		if (i + 1 == latest->n || lines[i].key != lines[i + 1].key)
			lines[kept++] = lines[i];
	latest->n = kept;
}

bool
latest_is(struct latest *latest, struct span key)
{
	const struct latest_line wanted = { print_key(key), latest->asked++ };

	if (!latest->is_sorted)
		sort(latest);
	return (latest->n > 0 &&
	    bsearch(&wanted, latest->lines, latest->n, sizeof(wanted),
		compare) != NULL);
}

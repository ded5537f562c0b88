/*
 * What was seen: see seen.h.  A tree of tsearch(3), whose keys are the numbers
 * themselves and not where they are.
 */
#include "offload/seen.h"

#include <search.h>

#include "base/log.h"

_Static_assert(sizeof(uintptr_t) >= sizeof(uint64_t),
    "a number has to fit into a pointer");

static int
compare(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t)a, y = (uintptr_t)b;

	return ((x > y) - (x < y));
}

static void
free_nothing(void *number)
{
	(void)number;
}

void
seen_fini(struct seen *seen)
{
	tdestroy(seen->tree, free_nothing);
	*seen = (struct seen){ .tree = NULL };
}

bool
seen_has(const struct seen *seen, uint64_t number)
{
	return (tfind((void *)(uintptr_t)number, &seen->tree, compare) != NULL);
}

bool
seen_add(struct seen *seen, uint64_t number)
{
	if (seen_has(seen, number))
		return (false);
	if (tsearch((void *)(uintptr_t)number, &seen->tree, compare) == NULL)
		log_fatal(1, "out of memory");
	seen->n++;
	return (true);
}

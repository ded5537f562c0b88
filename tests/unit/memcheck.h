/*
 * Is the test run under valgrind?  Then there is no looking at memory that is
 * nobody's: what was freed, what lies below the stack, a page as such.
 */
#ifndef TESTS_MEMCHECK_H
#define TESTS_MEMCHECK_H

#include <stdbool.h>
#include <stdlib.h>

static inline bool
is_under_memcheck(void)
{
	const char *wrapper = getenv("TRYS3_WRAPPER");

	return (wrapper != NULL && *wrapper != '\0');
}

#endif

/*
 * What the fuzz targets share: an input comes from libFuzzer or from driver.c;
 * what must hold is checked, and what does not hold ends the program.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* The greatest input that driver.c makes. */
enum { FUZZ_INPUT_MAX = 8192 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(condition)                                                  \
	do {                                                                   \
		if (!(condition)) {                                            \
			fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, \
			    __LINE__, #condition);                             \
			abort();                                               \
		}                                                              \
	} while (0)

/* Is TEXT, which we show, printable ASCII? */
static inline bool
fuzz_is_shown(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			return (false);
	return (true);
}

/* The input as a string of its own, so that a sanitizer sees each byte read
 * behind its end; it may hold a NUL before that.  Freed by free(). */
static inline char *
fuzz_string(const uint8_t *data, size_t size)
{
	return (mem_string_of(data, size));
}

#endif

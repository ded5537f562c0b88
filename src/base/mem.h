/*
 * Memory: allocation that cannot fail, and wiping that cannot be left out.
 *
 * Out of memory ends the process with a message: a worker is replaced by its
 * master, and no one outside can choose a size, since all that a peer sends
 * lands in a buffer with a cap (base/buf.h).
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

#include "base/attr.h"

/* SIZE bytes, uninitialised; SIZE 0 is taken as 1.  Freed by free(). */
void *mem_alloc(size_t size) ATTR_MUST_USE;

/* COUNT elements of SIZE bytes, all zero.  Freed by free(). */
void *mem_zero(size_t count, size_t size) ATTR_MUST_USE;

/* As realloc(3); SIZE 0 is taken as 1. */
void *mem_resize(void *memory, size_t size) ATTR_MUST_USE;

/* A copy of the NUL-terminated STRING; NULL of NULL.  Freed by free(). */
char *mem_string(const char *string) ATTR_MUST_USE;

/* A NUL-terminated copy of LEN bytes at DATA.  Freed by free(). */
char *mem_string_of(const void *data, size_t len) ATTR_MUST_USE;

/* printf into a string of its own.  Freed by free(). */
char *mem_printf(const char *format, ...) ATTR_PRINTF(1, 2) ATTR_MUST_USE;

/* Free *STRING, whose text is a secret, after wiping it; set it to NULL.
 * Does nothing where *STRING is NULL. */
void mem_wipe_string(char **string);

/* Wipe all that MEMORY, of malloc and its kin, holds, and free it: for
 * libraries that let themselves be given an allocator.  NULL is passed over. */
void mem_wipe_free(void *memory);

/* The same, but a block of fewer than LEAST bytes is freed as it is. */
void mem_wipe_free_from(void *memory, size_t least);

/* As realloc(3), but what is left behind is wiped.  NULL where there is no
 * memory, as those libraries expect. */
void *mem_wipe_resize(void *memory, size_t size) ATTR_MUST_USE;

/* Give back to the system whatever is free. */
void mem_trim(void);

#endif

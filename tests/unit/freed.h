/*
 * Memory that is given back, looked at on its way: for tests that are linked
 * with --wrap=malloc, --wrap=realloc and --wrap=free, of what must leave no
 * secret behind.
 */
#ifndef TESTS_UNIT_FREED_H
#define TESTS_UNIT_FREED_H

#include <malloc.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* What is looked for. */
#define FREED_SECRET "wJalrXUtnFEMI"

/* The blocks that were given back with the secret in them; with anything in
 * them; all. */
static unsigned freed_secrets, freed_unwiped, freed_blocks;

/* There is no more memory. */
static bool freed_is_full;

void *__real_malloc(size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *memory, size_t size);
void __wrap_free(void *memory);

/* Filled, so that a byte that nobody has written is there to be wiped too. */
void *
__wrap_malloc(size_t size)
{
	void *memory = freed_is_full ? NULL : __real_malloc(size);

	if (memory != NULL)
		memset(memory, 0xa5, malloc_usable_size(memory));
	return (memory);
}

void
__wrap_free(void *memory)
{
	const char *bytes = memory;
	size_t len = malloc_usable_size(memory), i = 0;

	if (memory == NULL)
		return;
	freed_blocks++;
	if (memmem(bytes, len, FREED_SECRET, strlen(FREED_SECRET)) != NULL)
		freed_secrets++;
	while (i < len && bytes[i] == '\0')
		i++;
	if (i < len)
		freed_unwiped++;
	__real_free(memory);
}

/* It moves, always. */
void *
__wrap_realloc(void *memory, size_t size)
{
	size_t len = malloc_usable_size(memory);
	void *other = __wrap_malloc(size);

	if (other == NULL)
		return (NULL);
	if (memory != NULL)
		memcpy(other, memory, len < size ? len : size);
	__wrap_free(memory);
	return (other);
}

static void
freed_reset(void)
{
	freed_secrets = freed_unwiped = freed_blocks = 0;
}

#endif

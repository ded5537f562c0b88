/*
 * Memory: see mem.h.  The one place that decides what happens when there is
 * none left, so that no caller has a branch for it that no test can reach.
 */
#include "base/mem.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static void *
or_die(void *memory, size_t size)
{
	if (memory == NULL)
		log_fatal(
		    1, "out of memory: %zu bytes are not to be had", size);
	return (memory);
}

void *
mem_alloc(size_t size)
{
	if (size == 0)
		size = 1;
	return (or_die(malloc(size), size));
}

void *
mem_zero(size_t count, size_t size)
{
	if (count == 0 || size == 0)
		count = size = 1;
	return (or_die(calloc(count, size), size));
}

void *
mem_resize(void *memory, size_t size)
{
	if (size == 0)
		size = 1;
	return (or_die(realloc(memory, size), size));
}

char *
mem_string(const char *string)
{
	if (string == NULL)
		return (NULL);
	return (mem_string_of(string, strlen(string)));
}

char *
mem_string_of(const void *data, size_t len)
{
	char *copy = mem_alloc(len + 1);

	if (len > 0)
		memcpy(copy, data, len);
	copy[len] = '\0';
	return (copy);
}

char *
mem_printf(const char *format, ...)
{
	va_list args;
	char *string = NULL;

	va_start(args, format);
	if (vasprintf(&string, format, args) < 0)
		string = NULL;
	va_end(args);
	return (or_die(string, 0));
}

void
mem_wipe_string(char **string)
{
	if (*string == NULL)
		return;
	explicit_bzero(*string, strlen(*string));
	free(*string);
	*string = NULL;
}

void
mem_wipe_free(void *memory)
{
	mem_wipe_free_from(memory, 0);
}

void
mem_wipe_free_from(void *memory, size_t least)
{
	size_t len = memory != NULL ? malloc_usable_size(memory) : 0;

	/* All of the block: a library may have used less of it in the end than
	 * it did before. */
	if (len > 0 && len >= least)
		explicit_bzero(memory, len);
	free(memory);
}

void *
mem_wipe_resize(void *memory, size_t size)
{
	size_t len = memory != NULL ? malloc_usable_size(memory) : 0;
	void *other = malloc(size > 0 ? size : 1);

	/* Always another block: realloc would give back the end of this one, or
	 * all of it, as it is. */
	if (other == NULL)
		return (NULL);
	if (memory != NULL)
		memcpy(other, memory, len < size ? len : size);
	mem_wipe_free(memory);
	return (other);
}

void
mem_trim(void)
{
	(void)malloc_trim(0);
}

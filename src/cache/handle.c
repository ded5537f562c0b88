/*
 * Handles: see handle.h.
 */
#include "cache/handle.h"

#include <stdlib.h>

#include "base/log.h"

/* A server that speaks of a longer value is none of ours (max_object goes up to
 * 64m). */
enum { VALUE_MAX = 128 * 1024 * 1024 };

static void *
resize_memory(
    const memcached_st *handle, void *memory, const size_t size, void *context)
{
	(void)handle;
	(void)context;
	return (size <= VALUE_MAX ? realloc(memory, size) : NULL);
}

static void *
take_memory(const memcached_st *handle, const size_t size, void *context)
{
	return (resize_memory(handle, NULL, size, context));
}

static void *
take_zeroed(
    const memcached_st *handle, size_t count, const size_t size, void *context)
{
	(void)handle;
	(void)context;
	return (calloc(count, size));
}

static void
free_memory(const memcached_st *handle, void *memory, void *context)
{
	(void)handle;
	(void)context;
	free(memory);
}

memcached_st *
handle_new(void)
{
	memcached_st *handle = memcached_create(NULL);

	if (handle == NULL)
		log_fatal(1, "out of memory: no libmemcached handle");
	memcached_set_memory_allocators(
	    handle, take_memory, free_memory, resize_memory, take_zeroed, NULL);
	return (handle);
}

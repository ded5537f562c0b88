/*
 * libmemcached, as cache/memcached wants it; its header is included here alone.
 * A handle that cannot be made to ask for any amount of memory: libmemcached
 * allocates as much as a server says that a value has.
 */
#ifndef CACHE_HANDLE_H
#define CACHE_HANDLE_H

#include <libmemcached/memcached.h>

#include "base/attr.h"

/* A handle without servers, for memcached_free. */
memcached_st *handle_new(void) ATTR_MUST_USE;

#endif

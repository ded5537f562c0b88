/*
 * A look around: get, ls and purge.
 */
#ifndef OFFLOAD_LOOK_H
#define OFFLOAD_LOOK_H

#include "base/attr.h"
#include "cache/cache.h"
#include "offload/options.h"
#include "offload/session.h"
#include "offload/stop.h"

/* Write the object of OPTIONS' one key, of place 0 of SESSION, to standard
 * output or to its -o; as its reader, whole and in order.  FAILED says why;
 * then a file that was made for it is removed again. */
enum status look_get(
    const struct session *session, const struct options *options) ATTR_MUST_USE;

/* List the objects whose keys begin with OPTIONS' word, or all: size, when it
 * was stored, key; with --json an object a line. */
enum status look_list(
    const struct session *session, const struct options *options) ATTR_MUST_USE;

/* Forget OPTIONS' keys of SITE in CACHE (NULL: there is none). */
enum status look_purge(const struct site *site, struct cache *cache,
    const struct options *options) ATTR_MUST_USE;

#endif

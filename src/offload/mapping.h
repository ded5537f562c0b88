/*
 * From a path below an offload's root to the key of its object, by the very
 * function that the daemon has (s3/site), and back.  Pure.
 */
#ifndef OFFLOAD_MAPPING_H
#define OFFLOAD_MAPPING_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "s3/site.h"

/* The longest path that is looked at. */
enum { MAPPING_PATH_MAX = 65536 };

/* The KEY (cleared first, cap SITE_KEY_MAX or more) for PATH, where the root is
 * under URI.  False where the daemon would serve none: *WHY is static text. */
bool mapping_key(const struct site *site, const char *uri, const char *path,
    struct buf *key, const char **why) ATTR_MUST_USE;

/* What all keys begin with that are of paths in the folder PATH ("" or with a
 * "/" at its end).  False as mapping_key. */
bool mapping_prefix(const struct site *site, const char *uri, const char *path,
    struct buf *prefix, const char **why) ATTR_MUST_USE;

/* The PATH (cleared first, cap MAPPING_PATH_MAX) that has KEY, below the root;
 * false where none has. */
bool mapping_path(const struct site *site, const char *uri, struct span key,
    struct buf *path) ATTR_MUST_USE;

#endif

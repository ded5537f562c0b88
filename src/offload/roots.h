/*
 * Whether the roots of all offloads are apart: by what they are, and not by how
 * they are written (config/offload.h), so that links and mounts count.
 */
#ifndef OFFLOAD_ROOTS_H
#define OFFLOAD_ROOTS_H

#include <stdbool.h>

#include "base/attr.h"
#include "config/settings.h"

/* Is none of the roots, trashes and state folders of SETTINGS that are there
 * another's root, or in one, and is nothing of a root's own file system mounted
 * in it?  A trash may be in its own root.  If not, that is said: a file would
 * have two paths, and two keys. */
bool roots_are_apart(const struct settings *settings) ATTR_MUST_USE;

#endif

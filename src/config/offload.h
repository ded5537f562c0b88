/*
 * An offload's settings, checked as a whole and resolved.  No file is looked
 * at: what is there when they are read need not be there when they are used.
 */
#ifndef CONFIG_OFFLOAD_H
#define CONFIG_OFFLOAD_H

#include "config/settings.h"

/*
 * Check SECTION, an offload's, where its own lines were right; each mistake is
 * reported.  Those of the sites were checked before, and they are resolved.
 *
 * Where all is right, site_index says which site it is, uri ends in a slash,
 * the folders do not, and "uri NAME" has a key.  No two folders that would undo
 * each other's work are one, or one in the other: two roots; a trash (old files
 * in it are deleted) and a root that it holds, another's root that holds it, or
 * another's trash; a state folder and a root or a trash that holds it.
 */
void
config_check_offload(struct settings *settings, struct config_section *section);

/* NULL, or why SITE, which is resolved, has no key for START "x", not even the
 * simplest path of those that begin with START; static text. */
const char *config_mapping_error(const struct site *site, const char *start);

#endif

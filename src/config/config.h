/*
 * The settings: defaults, then the file, then the environment, by one table
 * of options that drives parsing, ranges, units, what -T prints and the check
 * of the man page.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdio.h>

#include "base/attr.h"
#include "config/settings.h"

/*
 * Read the file at PATH (NULL: there is none) and the environment, check
 * everything, resolve the sites (site_resolve) and find their credentials.
 * NULL after having logged an error line for each thing that is wrong: with
 * the file, the line and the name, or the variable's name, what is wrong and
 * what would be right.  Freed by config_free.
 *
 * The environment knows one site.  Its names for a site's settings override
 * the file where that has one site, and where it has several they fill in what
 * a site does not say.  Where the file has none, TRYS3_BUCKET makes one, of the
 * name "default".
 */
struct settings *config_load(const char *path) ATTR_MUST_USE;
void config_free(struct settings *settings);

/* Print the effective settings as a file that could be read again, each with
 * where it came from as a comment; secrets as "****". */
void config_print(const struct settings *settings, FILE *out);

#endif

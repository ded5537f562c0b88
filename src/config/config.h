/*
 * The settings: defaults, then the file, then the environment, by one table
 * of options that drives parsing, ranges, units, what -T prints and the check
 * of the man page.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stdio.h>

#include "base/attr.h"
#include "config/settings.h"
#include "s3/http.h"

/*
 * Read the file at PATH (NULL: there is none), the environment and what the
 * shared files of the AWS tools say of a site's region and endpoints; check
 * everything, and resolve the sites (site_resolve) and what is offloaded to
 * them (config_check_offload).  A file that holds a secret
 * and that others may use is wrong (base/access.h).
 *
 * NULL after having logged an error line for each thing that is wrong: with the
 * file, the line and the name, or the variable's name, what is wrong and what
 * would be right.  Freed by config_free.
 *
 * The environment knows one site.  Its names for a site's settings override
 * the file where that has one site, and where it has several they fill in what
 * a site does not say.  Where the file has none, TRYS3_BUCKET makes one, of the
 * name "default".
 */
struct settings *config_load(const char *path) ATTR_MUST_USE;
void config_free(struct settings *settings);

/* Find the credentials of each site, whose credentials_source says where they
 * are; they themselves are wiped.  Those of offloads are not looked for: who
 * serves need not have them.  False after having logged an error line for each
 * site that has none.  HTTP is free for use. */
bool config_find_credentials(
    struct settings *settings, struct http *http) ATTR_MUST_USE;

/* Print the effective settings as a file that could be read again, each with
 * where it came from as a comment; secrets as "****". */
void config_print(const struct settings *settings, FILE *out);

#endif

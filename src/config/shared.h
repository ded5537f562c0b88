/*
 * What the shared files of the AWS tools say of a site's settings: its region
 * and its endpoints, where neither our file nor the environment does.
 */
#ifndef CONFIG_SHARED_H
#define CONFIG_SHARED_H

#include <stdbool.h>

#include "base/attr.h"
#include "config/settings.h"
#include "credentials/profiles.h"

/* Read the files.  NULL where one cannot be read or is malformed, which is
 * reported and counted in SETTINGS.  Freed by profiles_free. */
struct profiles *config_shared_load(struct settings *settings) ATTR_MUST_USE;

/* Does what the environment says of ROW count for nothing for SITE?  So it is
 * with endpoints, where the operator wants that. */
bool config_shared_hides(const struct profiles *profiles,
    const struct site *site, const struct config_row *row);

/* What SITE's profile says of ROW, and in *WHERE, the caller's, which profile
 * of which file that is; NULL where it says nothing. */
const char *config_shared_get(const struct profiles *profiles,
    const struct site *site, const struct config_row *row, char **where);

/* Where ROW is the endpoint of S3: the services section that SITE's profile
 * names for it and that is not there; else NULL. */
const char *config_shared_missing(const struct profiles *profiles,
    const struct site *site, const struct config_row *row);

#endif

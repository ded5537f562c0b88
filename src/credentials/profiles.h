/*
 * The shared config and credentials files of the AWS tools, read whole.
 *
 * AWS_CONFIG_FILE, else ~/.aws/config, with sections [profile NAME], [default]
 * and [services NAME]; AWS_SHARED_CREDENTIALS_FILE, else ~/.aws/credentials,
 * with sections [NAME].  In both variables ~ at the beginning, $NAME and
 * ${NAME} are expanded.  A file that is not there, or that we may not see, is
 * an empty one.  Names of settings know no case; where a section or a name
 * stands twice, the last one counts, alone.
 *
 * Source: "Shared config and credentials files" in the AWS SDKs and Tools
 * reference guide; where that is silent, what botocore does.
 */
#ifndef CREDENTIALS_PROFILES_H
#define CREDENTIALS_PROFILES_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "credentials/watch.h"

enum profiles_file {
	PROFILES_CONFIG,
	PROFILES_CREDENTIALS,
	PROFILES_MERGED, /* both, the credentials file's values first */
};

struct profiles;

/* Greatest size of a file, bytes. */
enum { PROFILES_FILE_MAX = 1024 * 1024 };

/* Read both files and note them in WATCH.  NULL where one cannot be read or is
 * malformed, with WHY ("/srv/gyazo/.aws/config:3: this line is malformed"). */
struct profiles *
profiles_load(struct watch *watch, struct buf *why) ATTR_MUST_USE;

/* Wipes. */
void profiles_free(struct profiles *profiles);

/* Where FILE (not MERGED) is, whether it exists or not; "" where there is no
 * home directory to look in. */
const char *
profiles_path(const struct profiles *profiles, enum profiles_file file);

/* Why nothing was read of FILE (not MERGED): "No such file or directory"; NULL
 * where it was read. */
const char *
profiles_absence(const struct profiles *profiles, enum profiles_file file);

/* Is there a PROFILE in FILE? */
bool profiles_has(const struct profiles *profiles, enum profiles_file file,
    const char *profile);

/* The value of NAME in PROFILE of FILE; NULL where it is not there or empty.
 * Lives as long as PROFILES. */
const char *profiles_get(const struct profiles *profiles,
    enum profiles_file file, const char *profile, const char *name);

/* Do the endpoints of variables and profiles count for nothing?  So says
 * AWS_IGNORE_CONFIGURED_ENDPOINT_URLS or, where that is not set, PROFILE's
 * ignore_configured_endpoint_urls: true, in any case. */
bool profiles_ignores_endpoints(
    const struct profiles *profiles, const char *profile);

/* X of PROFILE's line "services = X" where there is no section [services X];
 * else NULL. */
const char *
profiles_missing_services(const struct profiles *profiles, const char *profile);

/* The endpoint of SERVICE ("s3", "sts") for PROFILE: that of the section
 * [services X] which the profile's line "services = X" names, else the
 * profile's endpoint_url; NULL where neither is there or
 * profiles_ignores_endpoints. */
const char *profiles_endpoint(
    const struct profiles *profiles, const char *profile, const char *service);

#endif

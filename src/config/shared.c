/*
 * Settings from profiles: see config/shared.h.  The order is botocore's:
 * variables before profiles, a service's endpoint before that of all.
 */
#include "config/shared.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "credentials/chain.h"

struct profiles *
config_shared_load(struct settings *settings)
{
	struct watch *watch = watch_new();
	struct profiles *profiles;
	struct buf why;

	buf_init(&why, CREDENTIALS_WHERE_MAX);
	profiles = profiles_load(watch, &why);
	if (profiles == NULL) {
		settings->errors++;
		log_error("%s; right would be: a file as the AWS tools read "
			  "it, or none",
		    buf_string(&why));
	}
	buf_fini(&why);
	watch_free(watch);
	return (profiles);
}

static const char *
profile_of(const struct site *site)
{
	bool is_meant;

	return (credentials_profile(site, &is_meant));
}

bool
config_shared_hides(const struct profiles *profiles, const struct site *site,
    const struct config_row *row)
{
	return (row->service != NULL &&
	    profiles_ignores_endpoints(profiles, profile_of(site)));
}

const char *
config_shared_missing(const struct profiles *profiles, const struct site *site,
    const struct config_row *row)
{
	if (row->service == NULL || strcmp(row->service, "s3") != 0 ||
	    config_shared_hides(profiles, site, row))
		return (NULL);
	return (profiles_missing_services(profiles, profile_of(site)));
}

const char *
config_shared_get(const struct profiles *profiles, const struct site *site,
    const struct config_row *row, char **where)
{
	const char *profile = profile_of(site), *text = NULL;
	bool is_credentials;

	if (row->service != NULL)
		text = profiles_endpoint(profiles, profile, row->service);
	else if (row->shared_name != NULL)
		text = profiles_get(
		    profiles, PROFILES_MERGED, profile, row->shared_name);
	if (text == NULL)
		return (NULL);
	/* Values stay in place, so it is the same one or another. */
	is_credentials = profiles_get(profiles, PROFILES_CREDENTIALS, profile,
			     row->shared_name) == text;
	*where = mem_printf("profile %s in %s", profile,
	    profiles_path(profiles,
		is_credentials ? PROFILES_CREDENTIALS : PROFILES_CONFIG));
	return (text);
}

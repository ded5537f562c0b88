/*
 * The chain: see chain.h.
 *
 * A provider that is set up ends the search, whether it hands credentials out
 * or not: to go on would sign with keys that the operator did not mean, or
 * read a broken endpoint as "there are none".
 */
#include "credentials/chain.h"

#include <stdio.h>

#include "base/clock.h"
#include "credentials/exchange.h"

enum { ABSENCE_MAX = 128 };

struct row {
	const char *name;
	credentials_provider *find;
	bool is_profiles; /* of those that a profile's own lines can feed */
};

/* Why FILE cannot be read, in brackets, or nothing where it can. */
static const char *
show_absence(const struct profiles *profiles, enum profiles_file file,
    char text[ABSENCE_MAX])
{
	const char *why = profiles_absence(profiles, file);

	text[0] = '\0';
	if (why != NULL)
		snprintf(text, ABSENCE_MAX, " (%s)", why);
	return (text);
}

/* Not a provider: a profile that somebody named must be somewhere, or another
 * would sign in its place.  botocore looks at that first as well. */
static enum credentials_result
check_profile(const struct credentials_search *search,
    struct credentials_found *found, struct buf *where)
{
	char config[ABSENCE_MAX], keys[ABSENCE_MAX];
	bool is_meant;

	(void)found;
	(void)credentials_profile(search->site, &is_meant);
	if (profiles_has(search->profiles, PROFILES_MERGED, search->profile))
		return (credentials_say(
		    CREDENTIALS_NONE, where, "%s", search->profile));
	return (credentials_say(is_meant ? CREDENTIALS_WRONG : CREDENTIALS_NONE,
	    where, "there is no profile %s, neither in %s%s nor in %s%s",
	    search->profile, profiles_path(search->profiles, PROFILES_CONFIG),
	    show_absence(search->profiles, PROFILES_CONFIG, config),
	    profiles_path(search->profiles, PROFILES_CREDENTIALS),
	    show_absence(search->profiles, PROFILES_CREDENTIALS, keys)));
}

/* The order is botocore's (create_credential_resolver), which differs from
 * other SDKs in one thing only: a profile's role_arn comes before the
 * environment's web identity. */
static const struct row rows[] = {
	{ "the site's settings", credentials_from_site, false },
	{ "the profile", check_profile, false },
	{ "the environment", credentials_from_environment, false },
	{ "the profile's role", credentials_from_role, false },
	{ "web identity", credentials_from_web_identity, true },
	{ "sign-in", credentials_from_sign_in, true },
	{ "the shared credentials file", credentials_from_credentials_file,
	    true },
	{ "credential_process", credentials_from_process, true },
	{ "the shared config file", credentials_from_config_file, true },
	{ "the container's endpoint", credentials_from_container, false },
	{ "the instance's metadata", credentials_from_instance, false },
};

/* Ask one provider; what it hands out is looked at. */
static enum credentials_result
ask_row(const struct row *row, const struct credentials_search *search,
    struct credentials_found *found, struct buf *where)
{
	enum credentials_result result = row->find(search, found, where);
	const char *wrong;

	if (result != CREDENTIALS_FOUND)
		return (result);
	wrong = credentials_unfit(&found->credentials);
	if (wrong == NULL)
		return (CREDENTIALS_FOUND);
	credentials_found_fini(found);
	return (credentials_say(CREDENTIALS_WRONG, where,
	    ": %s holds a blank, a control character or a byte that is not "
	    "ASCII",
	    wrong));
}

/* Add to WHERE what ROW SAID, or as much of it as fits. */
static void
tell(const struct row *row, const struct buf *said, struct buf *where)
{
	const char *between = where->len > 0 ? "; " : "";
	bool fits =
	    buf_printf(where, "%s%s: %s", between, row->name, buf_string(said));

	fits = fits ||
	    buf_printf(
		where, "%s%s: %.200s...", between, row->name, buf_string(said));
	/* What does not even then is after much that did. */
	(void)fits;
}

/* Ask each of the rows, or of the profile's among them, until one answers. */
static enum credentials_result
ask_rows(bool of_profile, const struct credentials_search *search,
    struct credentials_found *found, struct buf *where)
{
	enum credentials_result result = CREDENTIALS_NONE;
	struct buf said;

	for (size_t i = 0;
	     i < sizeof(rows) / sizeof(rows[0]) && result == CREDENTIALS_NONE;
	     i++) {
		if (of_profile && !rows[i].is_profiles)
			continue;
		buf_init(&said, CREDENTIALS_WHERE_MAX);
		result = ask_row(&rows[i], search, found, &said);
		if (result != CREDENTIALS_NONE)
			buf_clear(where);
		tell(&rows[i], &said, where);
		buf_fini(&said);
	}
	return (result);
}

enum credentials_result
credentials_from_profile(const struct credentials_search *search,
    struct credentials_found *found, struct buf *where)
{
	return (ask_rows(true, search, found, where));
}

/* The site's role takes the place of what was FOUND. */
static enum credentials_result
assume_site_role(const struct credentials_search *search,
    struct credentials_found *found, struct buf *where)
{
	const struct site *site = search->site;
	const struct sts_role role = {
		.arn = site->role_arn,
		.session_name = site->role_session_name,
		.external_id = site->external_id,
	};

	return (credentials_exchange(
	    search, &role, "", "what was found in ", found, where));
}

static enum credentials_result
find(const struct credentials_search *search, struct credentials_found *found,
    struct buf *where)
{
	const struct site *site = search->site;
	enum credentials_result result = ask_rows(false, search, found, where);

	/* With a token's file, credentials_from_site has assumed it. */
	if (result == CREDENTIALS_FOUND && site->role_arn != NULL &&
	    site->web_identity_token_file == NULL)
		result = assume_site_role(search, found, where);
	if (result != CREDENTIALS_FOUND || found->expires_s > clock_wall_s())
		return (result);
	credentials_found_fini(found);
	return (credentials_say(CREDENTIALS_FAILED, where,
	    ": they are over by now; right would be newer ones, or a clock "
	    "that is set"));
}

enum credentials_result
credentials_find(const struct site *site, struct http *http,
    struct watch *watch, struct credentials_found *found, struct buf *where)
{
	bool is_meant;
	struct credentials_search search = {
		.site = site,
		.profile = credentials_profile(site, &is_meant),
		.use_environment = site->profile == NULL,
		.http = http,
		.watch = watch,
		.deadline_ms = clock_monotonic_ms() + CREDENTIALS_SEARCH_MS,
	};
	struct profiles *profiles;
	enum credentials_result result;

	*found = (struct credentials_found){ .region = NULL };
	watch_clear(watch);
	profiles = profiles_load(watch, where);
	if (profiles == NULL)
		return (CREDENTIALS_WRONG);
	search.profiles = profiles;
	result = find(&search, found, where);
	profiles_free(profiles);
	return (result);
}

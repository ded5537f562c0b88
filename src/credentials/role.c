/*
 * A profile's role_arn, assumed with the credentials of its source_profile or
 * credential_source: see chain.h.  A source may be a role itself; the rules are
 * those of botocore's AssumeRoleProvider.
 *
 * First the whole way down is looked at, so that a mistake in a file is told
 * before STS is asked; then the roles are assumed on the way up.
 */
#include "credentials/chain.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "credentials/exchange.h"

/* Roles that are assumed one with the other; AWS has no limit, but each takes a
 * question, and a search has a deadline. */
enum { ROLE_STEPS_MAX = 16 };

/* What credential_source may be. */
static const struct source {
	const char *name;
	credentials_provider *find;
	/* What it is to have none there: a variable will not come later, but
	 * an endpoint may. */
	enum credentials_result none;
} sources[] = {
	{ "Environment", credentials_from_environment, CREDENTIALS_WRONG },
	{ "Ec2InstanceMetadata", credentials_from_instance,
	    CREDENTIALS_FAILED },
	{ "EcsContainer", credentials_from_container, CREDENTIALS_WRONG },
};

/* From the role that is wanted down to where there are credentials: one of
 * SOURCE and PROFILE is set. */
struct way {
	const char *profiles[ROLE_STEPS_MAX]; /* each has a role_arn */
	size_t n;
	const struct source *source;
	const char *profile;
};

static const char *
get(const struct credentials_search *search, const char *profile,
    const char *name)
{
	return (profiles_get(search->profiles, PROFILES_MERGED, profile, name));
}

/* Those with a token's file are credentials_from_web_identity's. */
static bool
has_role(const struct credentials_search *search, const char *profile)
{
	return (get(search, profile, "role_arn") != NULL &&
	    get(search, profile, "web_identity_token_file") == NULL);
}

/* Half of a pair counts: it is meant, and will be complained about. */
static bool
has_keys(const struct credentials_search *search, const char *profile)
{
	return (get(search, profile, "aws_access_key_id") != NULL ||
	    get(search, profile, "aws_secret_access_key") != NULL);
}

static bool
is_on_way(const struct way *way, const char *profile)
{
	for (size_t i = 0; i < way->n; i++)
		if (strcmp(way->profiles[i], profile) == 0)
			return (true);
	return (false);
}

static enum credentials_result
say_circle(const struct way *way, const char *profile, struct buf *where)
{
	credentials_say(CREDENTIALS_WRONG, where,
	    "the source_profile lines go in a circle: ");
	for (size_t i = 0; i < way->n; i++)
		credentials_say(
		    CREDENTIALS_WRONG, where, "%s, ", way->profiles[i]);
	return (credentials_say(CREDENTIALS_WRONG, where, "%s", profile));
}

/* Go on to PROFILE, the source of the last one on WAY. */
static enum credentials_result
step_down(const struct credentials_search *search, const char *profile,
    struct way *way, struct buf *where)
{
	const char *last = way->profiles[way->n - 1];

	if (!profiles_has(search->profiles, PROFILES_MERGED, profile))
		return (credentials_say(CREDENTIALS_WRONG, where,
		    "profile %s: there is no profile %s, which is its "
		    "source_profile",
		    last, profile));
	/* A profile may be its own source where it has keys beside the role. */
	if (is_on_way(way, profile) &&
	    (strcmp(profile, last) != 0 || !has_keys(search, profile)))
		return (say_circle(way, profile, where));
	if (has_keys(search, profile) || !has_role(search, profile)) {
		way->profile = profile;
		return (CREDENTIALS_FOUND);
	}
	if (way->n == ROLE_STEPS_MAX)
		return (credentials_say(CREDENTIALS_WRONG, where,
		    "profile %s: there are more than %d roles between it and "
		    "credentials",
		    way->profiles[0], ROLE_STEPS_MAX));
	way->profiles[way->n++] = profile;
	return (CREDENTIALS_FOUND);
}

static enum credentials_result
end_at_source(const char *name, struct way *way, struct buf *where)
{
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
		if (span_equal_nocase(
			span_of(name), span_of(sources[i].name))) {
			way->source = &sources[i];
			return (CREDENTIALS_FOUND);
		}
	return (credentials_say(CREDENTIALS_WRONG, where,
	    "profile %s: there is no credential_source %s; right would be one "
	    "of: Environment, Ec2InstanceMetadata, EcsContainer",
	    way->profiles[way->n - 1], name));
}

/* The duration_seconds of PROFILE, 0 where it has none, or, as botocore has it,
 * where they are no number; whether that many may be asked for is STS's to
 * say. */
static int64_t
duration_of(const struct credentials_search *search, const char *profile)
{
	const char *text = get(search, profile, "duration_seconds");
	uint64_t number = 0;

	if (text == NULL || !parse_number(span_of(text), 1, INT32_MAX, &number))
		return (0);
	return ((int64_t)number);
}

/* Look at the last profile on WAY, and go on from there. */
static enum credentials_result
look_at_last(
    const struct credentials_search *search, struct way *way, struct buf *where)
{
	const char *last = way->profiles[way->n - 1];
	const char *profile = get(search, last, "source_profile");
	const char *source = get(search, last, "credential_source");

	if (get(search, last, "mfa_serial") != NULL)
		return (credentials_say(CREDENTIALS_WRONG, where,
		    "profile %s has an mfa_serial: its role wants a code that "
		    "somebody types, which a daemon cannot",
		    last));
	if (profile != NULL && source != NULL)
		return (credentials_say(CREDENTIALS_WRONG, where,
		    "profile %s has both a source_profile and a "
		    "credential_source, where only one can be meant",
		    last));
	if (source != NULL)
		return (end_at_source(source, way, where));
	if (profile != NULL)
		return (step_down(search, profile, way, where));
	return (credentials_say(CREDENTIALS_WRONG, where,
	    "profile %s has a role_arn, but neither a source_profile nor a "
	    "credential_source to assume it with",
	    last));
}

static enum credentials_result
find_way(
    const struct credentials_search *search, struct way *way, struct buf *where)
{
	enum credentials_result result = CREDENTIALS_FOUND;

	*way = (struct way){ .profiles = { search->profile }, .n = 1 };
	while (result == CREDENTIALS_FOUND && way->source == NULL &&
	    way->profile == NULL)
		result = look_at_last(search, way, where);
	return (result);
}

/* Ask whoever stands at the end of WAY. */
static enum credentials_result
ask_source(const struct credentials_search *search, const struct way *way,
    struct credentials_found *found, struct buf *said)
{
	struct credentials_search inner = *search;

	inner.use_environment = way->source != NULL;
	if (way->source != NULL)
		return (way->source->find(&inner, found, said));
	inner.profile = way->profile;
	return (credentials_from_profile(&inner, found, said));
}

/* The credentials at the end of WAY. */
static enum credentials_result
find_source(const struct credentials_search *search, const struct way *way,
    struct credentials_found *found, struct buf *where)
{
	bool is_profile = way->source == NULL;
	enum credentials_result result;
	struct buf said;

	buf_init(&said, CREDENTIALS_WHERE_MAX);
	result = ask_source(search, way, found, &said);
	if (result != CREDENTIALS_FOUND)
		credentials_say(
		    result, where, "profile %s: ", way->profiles[way->n - 1]);
	if (result != CREDENTIALS_FOUND || !is_profile)
		credentials_say(result, where, "%s %s: ",
		    is_profile ? "source_profile" : "credential_source",
		    is_profile ? way->profile : way->source->name);
	if (result == CREDENTIALS_NONE)
		result = credentials_say(
		    is_profile ? CREDENTIALS_WRONG : way->source->none, where,
		    "there are no credentials: ");
	credentials_say(result, where, "%s", buf_string(&said));
	buf_fini(&said);
	return (result);
}

/* The role of PROFILE takes the place of what was FOUND. */
static enum credentials_result
assume(const struct credentials_search *search, const char *profile,
    struct credentials_found *found, struct buf *where)
{
	const struct sts_role role = {
		.arn = get(search, profile, "role_arn"),
		.session_name = get(search, profile, "role_session_name"),
		.external_id = get(search, profile, "external_id"),
		.duration_s = duration_of(search, profile),
	};
	char *before = mem_printf("profile %s: ", profile);
	enum credentials_result result =
	    credentials_exchange(search, &role, before, "", found, where);

	free(before);
	return (result);
}

enum credentials_result
credentials_from_role(const struct credentials_search *search,
    struct credentials_found *found, struct buf *where)
{
	struct way way;
	enum credentials_result result;

	if (!has_role(search, search->profile))
		return (credentials_say(CREDENTIALS_NONE, where,
		    "profile %s has no role_arn, or one for a "
		    "web_identity_token_file",
		    search->profile));
	result = find_way(search, &way, where);
	if (result == CREDENTIALS_FOUND)
		result = find_source(search, &way, found, where);
	while (result == CREDENTIALS_FOUND && way.n > 0)
		result = assume(search, way.profiles[--way.n], found, where);
	if (result != CREDENTIALS_FOUND)
		credentials_found_fini(found);
	return (result);
}

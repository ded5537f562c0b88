/*
 * AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN: see chain.h.
 * Before the profile even where AWS_PROFILE is set, as in the AWS SDKs, but not
 * where the site names one.
 *
 * AWS_SECURITY_TOKEN is the token's old name, which botocore looks at first.  A
 * secret without an id is passed over, as botocore does.
 */
#include "credentials/chain.h"

#include "base/env.h"
#include "base/mem.h"
#include "base/parse.h"

/* AWS_CREDENTIAL_EXPIRATION, by those who export temporary keys. */
static bool
read_end(int64_t *expires_s)
{
	const char *text = env_get("AWS_CREDENTIAL_EXPIRATION");

	*expires_s = CREDENTIALS_NEVER;
	return (text == NULL || parse_iso_date(span_of(text), expires_s));
}

enum credentials_result
credentials_from_environment(const struct credentials_search *search,
    struct credentials_found *found, struct buf *where)
{
	const char *id = env_get("AWS_ACCESS_KEY_ID");
	const char *secret = env_get("AWS_SECRET_ACCESS_KEY");
	const char *token = env_get("AWS_SECURITY_TOKEN");
	int64_t expires_s;

	if (!search->use_environment)
		return (credentials_say(CREDENTIALS_NONE, where,
		    "passed over, since a profile is named"));
	if (id == NULL)
		return (credentials_say(
		    CREDENTIALS_NONE, where, "AWS_ACCESS_KEY_ID is not set"));
	if (secret == NULL)
		return (credentials_say(CREDENTIALS_WRONG, where,
		    "AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not"));
	if (!read_end(&expires_s))
		return (credentials_say(CREDENTIALS_WRONG, where,
		    "AWS_CREDENTIAL_EXPIRATION is no date; right would be: "
		    "2026-11-24T12:00:00Z"));
	found->credentials = (struct credentials){
		.access_key_id = mem_string(id),
		.secret_access_key = mem_string(secret),
		.session_token = mem_string(
		    token != NULL ? token : env_get("AWS_SESSION_TOKEN")),
	};
	found->expires_s = expires_s;
	return (credentials_say(CREDENTIALS_FOUND, where, "AWS_ACCESS_KEY_ID"));
}

void
credentials_forget_environment(void)
{
	env_wipe("AWS_ACCESS_KEY_ID");
	env_wipe("AWS_SECRET_ACCESS_KEY");
	env_wipe("AWS_SESSION_TOKEN");
	env_wipe("AWS_SECURITY_TOKEN");
	env_wipe("AWS_CONTAINER_AUTHORIZATION_TOKEN");
}

/*
 * AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN: see chain.h.
 * Before the profile even where AWS_PROFILE is set, as in the AWS SDKs.
 */
#include "credentials/chain.h"

#include "base/env.h"
#include "base/mem.h"

enum credentials_result
credentials_from_environment(
    const struct site *site, struct credentials *found, struct buf *where)
{
	const char *id = env_get("AWS_ACCESS_KEY_ID");
	const char *secret = env_get("AWS_SECRET_ACCESS_KEY");

	(void)site;
	if (id == NULL && secret == NULL)
		return (credentials_say(
		    CREDENTIALS_NONE, where, "AWS_ACCESS_KEY_ID is not set"));
	if (id == NULL)
		return (credentials_say(CREDENTIALS_WRONG, where,
		    "AWS_SECRET_ACCESS_KEY is set, AWS_ACCESS_KEY_ID is not"));
	if (secret == NULL)
		return (credentials_say(CREDENTIALS_WRONG, where,
		    "AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not"));
	*found = (struct credentials){
		.access_key_id = mem_string(id),
		.secret_access_key = mem_string(secret),
		.session_token = mem_string(env_get("AWS_SESSION_TOKEN")),
	};
	return (credentials_say(CREDENTIALS_FOUND, where, "AWS_ACCESS_KEY_ID"));
}

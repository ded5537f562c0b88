/*
 * Profiles for people: IAM Identity Center (SSO) and "aws login", where someone
 * signs in in a browser: see chain.h.  What the AWS tools would use is named
 * and refused, since to pass it over would sign with other keys than they do.
 *
 * SSO comes before the shared credentials file in botocore and "aws login"
 * behind it.  A role that wants a code (mfa_serial) is role.c's to refuse.
 */
#include "credentials/chain.h"

static bool
has(const struct credentials_search *search, enum profiles_file file,
    const char *name)
{
	return (profiles_get(search->profiles, file, search->profile, name) !=
	    NULL);
}

/* Which line of the profile says that someone must sign in, or NULL. */
static const char *
sign_in_line(const struct credentials_search *search)
{
	if (has(search, PROFILES_MERGED, "sso_account_id"))
		return ("sso_account_id");
	if (has(search, PROFILES_MERGED, "sso_role_name"))
		return ("sso_role_name");
	if (has(search, PROFILES_MERGED, "login_session") &&
	    !has(search, PROFILES_CREDENTIALS, "aws_access_key_id"))
		return ("login_session");
	return (NULL);
}

enum credentials_result
credentials_from_sign_in(const struct credentials_search *search,
    struct credentials_found *found, struct buf *where)
{
	const char *line = sign_in_line(search);

	(void)found;
	if (line == NULL)
		return (credentials_say(CREDENTIALS_NONE, where,
		    "profile %s wants none", search->profile));
	return (credentials_say(CREDENTIALS_WRONG, where,
	    "profile %s wants someone to sign in in a browser (its line %s), "
	    "which a daemon cannot do; right would be: a profile with a role "
	    "for the machine, with an IAM user's keys or with a "
	    "credential_process",
	    search->profile, line));
}

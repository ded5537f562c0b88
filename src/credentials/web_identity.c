/*
 * A role assumed with a token that an identity provider has signed (EKS and
 * others project it as a file): see chain.h.  Each of the three settings is
 * looked for in the environment first, then in the profile, as botocore does.
 *
 * The token is read anew each time: it is short-lived, and exchanged in its
 * place.
 */
#include "credentials/web_identity.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "credentials/chain.h"

enum credentials_result
web_identity_show(const struct credentials_search *search,
    const struct sts_role *role, const char *path,
    struct credentials_found *found, struct buf *where)
{
	char *token = watch_read_token(search->watch, path);
	enum credentials_result result;

	if (token == NULL)
		return (credentials_say(CREDENTIALS_FAILED, where,
		    "role %s: the token's file %s: %s", role->arn, path,
		    errno == EINVAL ? "it is empty, too long or holds a NUL"
				    : strerror(errno)));
	result = sts_assume_role_with_web_identity(
	    search, role, token, found, where);
	mem_wipe_string(&token);
	return (credentials_say(result, where, ", with the token in %s", path));
}

enum credentials_result
credentials_from_web_identity(const struct credentials_search *search,
    struct credentials_found *found, struct buf *where)
{
	const char *path = credentials_setting(
	    search, "AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file");
	const struct sts_role role = {
		.arn = credentials_setting(search, "AWS_ROLE_ARN", "role_arn"),
		.session_name = credentials_setting(
		    search, "AWS_ROLE_SESSION_NAME", "role_session_name"),
	};
	const char *variable =
	    search->use_environment ? "AWS_WEB_IDENTITY_TOKEN_FILE and " : "";

	if (path == NULL)
		return (credentials_say(CREDENTIALS_NONE, where,
		    "%sweb_identity_token_file of profile %s %s not set",
		    variable, search->profile,
		    search->use_environment ? "are" : "is"));
	if (role.arn == NULL)
		return (credentials_say(CREDENTIALS_WRONG, where,
		    "there is a token's file, %s, but no role to assume with "
		    "it: set %srole_arn of profile %s",
		    path, search->use_environment ? "AWS_ROLE_ARN or " : "",
		    search->profile));
	return (web_identity_show(search, &role, path, found, where));
}

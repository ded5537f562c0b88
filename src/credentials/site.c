/*
 * The site's own access_key_id, secret_access_key and session_token, or its
 * role_arn with web_identity_token_file: see chain.h.  Before all others, so
 * that a site with keys of its own never signs with what happens to stand in
 * the environment.
 */
#include "credentials/chain.h"

#include "credentials/web_identity.h"

enum credentials_result
credentials_from_site(const struct credentials_search *search,
    struct credentials_found *found, struct buf *where)
{
	const struct site *site = search->site;
	const struct credentials *own = &site->own;
	const struct sts_role role = {
		.arn = site->role_arn,
		.session_name = site->role_session_name,
	};

	if (own->access_key_id != NULL && own->secret_access_key != NULL) {
		credentials_copy(&found->credentials, own);
		found->expires_s = CREDENTIALS_NEVER;
		return (
		    credentials_say(CREDENTIALS_FOUND, where, "access_key_id"));
	}
	if (site->role_arn != NULL && site->web_identity_token_file != NULL)
		return (web_identity_show(search, &role,
		    site->web_identity_token_file, found, where));
	return (credentials_say(
	    CREDENTIALS_NONE, where, "access_key_id is not set"));
}

/*
 * The site's own access_key_id, secret_access_key and session_token: see
 * chain.h.  Before all others, so that a site with keys of its own never signs
 * with what happens to stand in the environment.
 */
#include "credentials/chain.h"

#include "base/mem.h"

enum credentials_result
credentials_from_site(
    const struct site *site, struct credentials *found, struct buf *where)
{
	const struct credentials *own = &site->own;

	if (own->access_key_id == NULL && own->secret_access_key == NULL)
		return (credentials_say(
		    CREDENTIALS_NONE, where, "access_key_id is not set"));
	if (own->access_key_id == NULL)
		return (credentials_say(CREDENTIALS_WRONG, where,
		    "secret_access_key is set, access_key_id is not"));
	if (own->secret_access_key == NULL)
		return (credentials_say(CREDENTIALS_WRONG, where,
		    "access_key_id is set, secret_access_key is not"));
	*found = (struct credentials){
		.access_key_id = mem_string(own->access_key_id),
		.secret_access_key = mem_string(own->secret_access_key),
		.session_token = mem_string(own->session_token),
	};
	return (credentials_say(CREDENTIALS_FOUND, where, "access_key_id"));
}

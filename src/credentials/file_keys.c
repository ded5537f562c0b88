/*
 * aws_access_key_id, aws_secret_access_key and aws_session_token: see
 * file_keys.h.  aws_security_token is the token's old name, which botocore
 * looks at first; a secret without an id is passed over, as botocore does.
 */
#include "credentials/file_keys.h"

#include <sys/stat.h>

#include <stdatomic.h>

#include "base/access.h"
#include "base/log.h"
#include "base/mem.h"

/* Warn where others may use the file at PATH, and not again until it was mended
 * and spoilt once more. */
static void
warn_if_open(const char *path, _Atomic bool *is_warned)
{
	struct stat status;
	struct buf why;
	bool is_open;

	buf_init(&why, CREDENTIALS_WHERE_MAX);
	is_open =
	    stat(path, &status) == 0 && access_is_open(path, &status, &why);
	if (!atomic_exchange(is_warned, is_open) && is_open)
		log_warning(
		    "%s: holds an access key and %s", path, buf_string(&why));
	buf_fini(&why);
}

enum credentials_result
file_keys_find(const struct credentials_search *search, enum profiles_file file,
    struct credentials_found *found, struct buf *where)
{
	static _Atomic bool is_warned[PROFILES_MERGED];
	const struct profiles *profiles = search->profiles;
	const char *profile = search->profile;
	const char *path = profiles_path(profiles, file);
	const char *absence = profiles_absence(profiles, file);
	const char *id =
	    profiles_get(profiles, file, profile, "aws_access_key_id");
	const char *secret =
	    profiles_get(profiles, file, profile, "aws_secret_access_key");
	const char *token =
	    profiles_get(profiles, file, profile, "aws_security_token");

	if (absence != NULL)
		return (credentials_say(CREDENTIALS_NONE, where, "%s%s%s", path,
		    *path != '\0' ? ": " : "", absence));
	if (!profiles_has(profiles, file, profile))
		return (credentials_say(CREDENTIALS_NONE, where,
		    "there is no profile %s in %s", profile, path));
	if (id == NULL)
		return (credentials_say(CREDENTIALS_NONE, where,
		    "profile %s in %s has no aws_access_key_id", profile,
		    path));
	if (secret == NULL)
		return (credentials_say(CREDENTIALS_WRONG, where,
		    "profile %s in %s has an aws_access_key_id, but no "
		    "aws_secret_access_key",
		    profile, path));
	if (token == NULL)
		token =
		    profiles_get(profiles, file, profile, "aws_session_token");
	found->credentials = (struct credentials){
		.access_key_id = mem_string(id),
		.secret_access_key = mem_string(secret),
		.session_token = mem_string(token),
	};
	found->expires_s = CREDENTIALS_NEVER;
	warn_if_open(path, &is_warned[file]);
	return (credentials_say(
	    CREDENTIALS_FOUND, where, "profile %s in %s", profile, path));
}

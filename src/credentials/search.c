/*
 * What all providers need: see search.h.
 */
#include "credentials/search.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/env.h"

enum credentials_result
credentials_say(
    enum credentials_result result, struct buf *where, const char *format, ...)
{
	char text[CREDENTIALS_WHERE_MAX];
	size_t room = where->max - where->len, len;
	va_list args;
	bool fits;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* What does not fit is only told, and can be done without. */
	len = strlen(text);
	fits = buf_add(where, text, len < room ? len : room);
	assert(fits);
	return (result);
}

void
credentials_found_fini(struct credentials_found *found)
{
	credentials_fini(&found->credentials);
	free(found->region);
	*found = (struct credentials_found){ .region = NULL };
}

const char *
credentials_profile(const struct site *site, bool *is_meant)
{
	const char *name = site->profile;

	if (name == NULL)
		name = env_get("AWS_DEFAULT_PROFILE");
	if (name == NULL)
		name = env_get("AWS_PROFILE");
	*is_meant = name != NULL;
	return (name != NULL ? name : "default");
}

const char *
credentials_setting(const struct credentials_search *search,
    const char *variable, const char *name)
{
	const char *value = NULL;

	if (search->use_environment && variable != NULL)
		value = env_get(variable);
	if (value == NULL && name != NULL)
		value = profiles_get(
		    search->profiles, PROFILES_MERGED, search->profile, name);
	return (value);
}

/* Is every byte of TEXT printable ASCII other than a blank?  The key's id and
 * the token become headers; a blank or a line's end is a slip of the hand. */
static bool
is_clean(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text <= ' ' || *text > '~')
			return (false);
	return (true);
}

const char *
credentials_unfit(const struct credentials *credentials)
{
	const char *token = credentials->session_token;

	if (!is_clean(credentials->access_key_id))
		return ("the access key's id");
	if (!is_clean(credentials->secret_access_key))
		return ("the secret");
	if (token != NULL && !is_clean(token))
		return ("the session token");
	return (NULL);
}

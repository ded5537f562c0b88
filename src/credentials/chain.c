/*
 * The chain: see chain.h.  A provider that is half set up ends the search: to
 * go on would sign with keys that the operator did not mean.
 */
#include "credentials/chain.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

static const struct credentials_provider providers[] = {
	{ "the site's settings", credentials_from_site },
	{ "the environment", credentials_from_environment },
	{ "the shared credentials file", credentials_from_profile },
};

enum credentials_result
credentials_say(
    enum credentials_result result, struct buf *where, const char *format, ...)
{
	char text[CREDENTIALS_WHERE_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* What does not fit is only told, and can be done without. */
	if (!buf_add_string(where, text))
		buf_clear(where);
	return (result);
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

/* Which of the strings FOUND cannot be, or NULL. */
static const char *
unclean(const struct credentials *found)
{
	if (!is_clean(found->access_key_id))
		return ("the access key's id");
	if (!is_clean(found->secret_access_key))
		return ("the secret");
	if (found->session_token != NULL && !is_clean(found->session_token))
		return ("the session token");
	return (NULL);
}

static enum credentials_result
ask(const struct credentials_provider *provider, const struct site *site,
    struct credentials *found, struct buf *where)
{
	enum credentials_result result = provider->find(site, found, where);
	const char *wrong;

	if (result != CREDENTIALS_FOUND)
		return (result);
	wrong = unclean(found);
	if (wrong == NULL)
		return (CREDENTIALS_FOUND);
	credentials_fini(found);
	return (credentials_say(CREDENTIALS_WRONG, where,
	    ": %s holds a blank, a control character or a byte that is not "
	    "ASCII",
	    wrong));
}

/* Add what PROVIDER said to WHY, or as much of it as fits. */
static void
tell(const struct credentials_provider *provider, const struct buf *where,
    struct buf *why)
{
	const char *between = why->len > 0 ? "; " : "";
	bool fits = buf_printf(
	    why, "%s%s: %s", between, provider->name, buf_string(where));

	fits = fits ||
	    buf_printf(why, "%s%s: %.200s...", between, provider->name,
		buf_string(where));
	/* What does not even then is after much that did. */
	(void)fits;
}

static void
take(struct site *site, const struct credentials_provider *provider,
    const struct credentials *found, const struct buf *where)
{
	credentials_fini(&site->credentials);
	site->credentials = *found;
	free(site->credentials_source);
	site->credentials_source =
	    mem_printf("%s: %s", provider->name, buf_string(where));
}

bool
credentials_find(struct site *site, struct buf *why)
{
	enum credentials_result result = CREDENTIALS_NONE;
	struct credentials found = { .access_key_id = NULL };
	struct buf where;

	for (size_t i = 0; i < sizeof(providers) / sizeof(providers[0]) &&
	     result == CREDENTIALS_NONE;
	     i++) {
		buf_init(&where, CREDENTIALS_WHERE_MAX);
		result = ask(&providers[i], site, &found, &where);
		if (result == CREDENTIALS_FOUND)
			take(site, &providers[i], &found, &where);
		else {
			if (result == CREDENTIALS_WRONG)
				buf_clear(why);
			tell(&providers[i], &where, why);
		}
		buf_fini(&where);
	}
	return (result == CREDENTIALS_FOUND);
}

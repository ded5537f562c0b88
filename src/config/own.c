/*
 * Credentials of one's own: see config/own.h.  Which settings go together is a
 * table of pairs.
 */
#include "config/own.h"

/* Settings that mean something only beside others, or not beside others. */
static const struct pairing {
	const char *name;  /* where both are set, or this one alone: */
	const char *other; /* without it, or, where it is a conflict, with it */
	bool is_conflict;
	const char *wrong;
} pairings[] = {
	{ "access_key_id", "secret_access_key", false,
	    "stands without its secret; right would be: secret_access_key as "
	    "well, or neither" },
	{ "secret_access_key", "access_key_id", false,
	    "stands without its key; right would be: access_key_id as well, or "
	    "neither" },
	{ "profile", "access_key_id", true,
	    "stands beside access_key_id, where only one can be meant; right "
	    "would be: one of them" },
	{ "web_identity_token_file", "access_key_id", true,
	    "stands beside access_key_id, where only one can be meant; right "
	    "would be: one of them" },
	{ "web_identity_token_file", "role_arn", false,
	    "stands without the role that it is for; right would be: role_arn "
	    "as well" },
	{ "external_id", "web_identity_token_file", true,
	    "stands beside web_identity_token_file, and AWS takes none with a "
	    "token; right would be: one of them" },
	{ "external_id", "role_arn", false,
	    "stands without the role that it is for; right would be: role_arn "
	    "as well" },
	{ "role_session_name", "role_arn", false,
	    "stands without the role that it is for; right would be: role_arn "
	    "as well" },
};

void
config_check_own(struct settings *settings, struct config_section *section)
{
	for (size_t i = 0; i < sizeof(pairings) / sizeof(pairings[0]); i++) {
		const struct pairing *it = &pairings[i];

		if (settings_says(settings, section, it->name) &&
		    settings_says(settings, section, it->other) ==
			it->is_conflict)
			settings_complain_where_set(
			    settings, section, it->name, it->wrong);
	}
	/* Half a key was reported already. */
	if (settings_says(settings, section, "session_token") &&
	    !settings_says(settings, section, "access_key_id") &&
	    !settings_says(settings, section, "secret_access_key"))
		settings_complain_where_set(settings, section, "session_token",
		    "stands without its key; right would be: access_key_id "
		    "and secret_access_key as well, or none of them");
}

/*
 * Writers: see config/writer.h.
 */
#include "config/writer.h"

#include <stdlib.h>

#include "base/mem.h"

/* Does OWN, what an offload says, say whose credentials are meant? */
static bool
has_own(const struct site *own)
{
	return (own->own.access_key_id != NULL || own->profile != NULL ||
	    own->role_arn != NULL || own->web_identity_token_file != NULL);
}

/* Put a copy of TEXT in the place of *STRING. */
static void
replace(char **string, const char *text)
{
	free(*string);
	*string = mem_string(text);
}

static void
take_own(struct site *writer, const struct site *own)
{
	credentials_fini(&writer->own);
	credentials_copy(&writer->own, &own->own);
	replace(&writer->profile, own->profile);
	replace(&writer->role_arn, own->role_arn);
	replace(&writer->role_session_name, own->role_session_name);
	replace(&writer->external_id, own->external_id);
	replace(&writer->web_identity_token_file, own->web_identity_token_file);
	/* Where SITE's were found says nothing of these. */
	replace(&writer->credentials_source, NULL);
}

void
config_writer(const struct site *site, const struct offload_settings *offload,
    struct site *writer)
{
	const struct site *own = &offload->writer;

	site_copy(writer, site);
	free(writer->name);
	writer->name =
	    mem_printf("%s (writer of offload %s)", site->name, offload->name);
	writer->missing_on_403 = false;
	if (has_own(own))
		take_own(writer, own);
	if (own->sts_endpoint != NULL)
		replace(&writer->sts_endpoint, own->sts_endpoint);
}

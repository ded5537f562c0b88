/*
 * The exchange: see exchange.h.  Where the machine is does not change with the
 * role.
 */
#include "credentials/exchange.h"

#include <stdlib.h>

#include "base/mem.h"

enum credentials_result
credentials_exchange(const struct credentials_search *search,
    const struct sts_role *role, const char *before, const char *with,
    struct credentials_found *found, struct buf *where)
{
	struct credentials_found own = { .region = NULL };
	char *source = mem_string(buf_string(where));
	enum credentials_result result;

	buf_clear(where);
	credentials_say(CREDENTIALS_FOUND, where, "%s", before);
	result =
	    sts_assume_role(search, role, &found->credentials, &own, where);
	credentials_say(result, where, ", with %s%s", with, source);
	free(source);
	own.region = found->region;
	found->region = NULL;
	credentials_found_fini(found);
	*found = own;
	return (result);
}

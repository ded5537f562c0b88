/*
 * The profile's keys in the shared config file: see chain.h.
 */
#include "credentials/chain.h"
#include "credentials/file_keys.h"

enum credentials_result
credentials_from_config_file(const struct credentials_search *search,
    struct credentials_found *found, struct buf *where)
{
	return (file_keys_find(search, PROFILES_CONFIG, found, where));
}

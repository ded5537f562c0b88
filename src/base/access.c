/*
 * Access: see access.h.
 */
#include "base/access.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/user.h"

enum { MODE_BITS = 07777 };

bool
access_is_open(const char *path, const struct stat *status, struct buf *why)
{
	bool is_ours = status->st_uid == geteuid();
	mode_t others = is_ours ? S_IRWXG | S_IRWXO : S_IRWXO;
	mode_t mode = status->st_mode & MODE_BITS;
	char *owner;

	if ((mode & others) == 0)
		return (false);
	owner = user_name(status->st_uid);
	/* A path may be longer than WHY has room for. */
	if (!buf_printf(why,
		"can be used by others: its mode is %04o and its owner %s; "
		"right would be: chmod %s %s",
		(unsigned)mode, owner, is_ours ? "600" : "o=", path))
		buf_clear(why);
	free(owner);
	return (true);
}

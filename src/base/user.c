/*
 * Users: see user.h.  getpwuid would do, but that it answers all threads in one
 * place.
 */
#include "base/user.h"

#include <pwd.h>

#include "base/mem.h"

/* What a line of passwd takes, with much to spare. */
enum { LINE_MAX_BYTES = 16384 };

char *
user_name(uid_t uid)
{
	struct passwd entry, *found = NULL;
	char line[LINE_MAX_BYTES];

	if (getpwuid_r(uid, &entry, line, sizeof(line), &found) == 0 &&
	    found != NULL)
		return (mem_string(found->pw_name));
	return (mem_printf("%u", (unsigned)uid));
}

char *
user_home(uid_t uid)
{
	struct passwd entry, *found = NULL;
	char line[LINE_MAX_BYTES];

	if (getpwuid_r(uid, &entry, line, sizeof(line), &found) == 0 &&
	    found != NULL)
		return (mem_string(found->pw_dir));
	return (NULL);
}

/*
 * Users: see user.h.  getpwuid would do, but that it answers all threads in one
 * place.
 */
#include "base/user.h"

#include <pwd.h>
#include <stdbool.h>

#include "base/mem.h"

/* What a line of passwd takes, with much to spare. */
enum { LINE_MAX_BYTES = 16384 };

/* The line of UID: ENTRY, whose texts are in TEXT; false where it has none. */
static bool
find(uid_t uid, struct passwd *entry, char text[LINE_MAX_BYTES])
{
	struct passwd *found = NULL;

	return (getpwuid_r(uid, entry, text, LINE_MAX_BYTES, &found) == 0 &&
	    found != NULL);
}

char *
user_name(uid_t uid)
{
	struct passwd entry;
	char text[LINE_MAX_BYTES];

	if (find(uid, &entry, text))
		return (mem_string(entry.pw_name));
	return (mem_printf("%u", (unsigned)uid));
}

char *
user_home(uid_t uid)
{
	struct passwd entry;
	char text[LINE_MAX_BYTES];

	return (find(uid, &entry, text) ? mem_string(entry.pw_dir) : NULL);
}

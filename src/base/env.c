/*
 * The environment: see env.h.
 */
#include "base/env.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *
env_get(const char *name)
{
	const char *value = getenv(name);

	return (value != NULL && *value != '\0' ? value : NULL);
}

void
env_wipe(const char *name)
{
	size_t len = strlen(name);

	/* Each of that name: an exec may have handed over more than one. */
	for (char **entry = environ; entry != NULL && *entry != NULL; entry++)
		if (strncmp(*entry, name, len) == 0 && (*entry)[len] == '=')
			explicit_bzero(
			    *entry + len + 1, strlen(*entry + len + 1));
	unsetenv(name);
}

/*
 * Patterns: see pattern.h.  Each glob is cut out of a copy of the setting, for
 * fnmatch wants it ended by a NUL.
 *
 * Not FNM_PATHNAME, for which a folder's whole content takes a pattern for each
 * depth, and not FNM_PERIOD: a hidden file that "*" does not exclude would be
 * a surprise of the worst kind.
 */
#include "offload/pattern.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

/* GLOB of LEN bytes, with room for a NUL behind them. */
static bool
glob_matches(char *glob, size_t len, const char *path)
{
	const char *slash = strrchr(path, '/');

	while (len > 1 && glob[len - 1] == '/')
		len--;
	glob[len] = '\0';
	if (strchr(glob, '/') == NULL)
		return (
		    fnmatch(glob, slash != NULL ? slash + 1 : path, 0) == 0);
	if (*glob == '/')
		glob++;
	return (fnmatch(glob, path, 0) == 0);
}

bool
pattern_matches(const char *patterns, const char *path)
{
	char *copy = mem_string(patterns), *at = copy, *glob;
	bool is_match = false, is_last = copy == NULL;

	while (!is_match && !is_last) {
		while (char_is_space(*at))
			at++;
		for (glob = at; *at != '\0' && !char_is_space(*at);)
			at++;
		/* A NUL takes the place of the blank at AT. */
		is_last = *at == '\0';
		if (at > glob)
			is_match =
			    glob_matches(glob, (size_t)(at - glob), path);
		at++;
	}
	free(copy);
	return (is_match);
}

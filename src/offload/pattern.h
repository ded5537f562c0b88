/*
 * The patterns of the settings include and exclude, held against a path.  Pure.
 */
#ifndef OFFLOAD_PATTERN_H
#define OFFLOAD_PATTERN_H

#include <stdbool.h>

/*
 * Does one of PATTERNS match PATH?  PATTERNS is the setting's text: globs of
 * fnmatch(3) with white space between them, so that none can hold a blank
 * ("?" stands for one); NULL or "" matches nothing.  PATH is below the root,
 * with no slash before or behind it: "2026/07/a.png".
 *
 * A glob without a slash is held against the last component, so it names a
 * file or a folder wherever it is.  One with a slash is held against the whole
 * path, where "*" and "?" match slashes as well; one at its beginning is only
 * a sign of that: "/tmp" is the tmp right below the root.  A slash at the end
 * is dropped before anything else: who writes "cache/" means the folder.
 *
 * A leading dot is a character like others; a backslash takes the next one for
 * what it is; bytes are compared, with no locale.
 */
bool pattern_matches(const char *patterns, const char *path);

#endif

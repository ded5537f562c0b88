/*
 * An access key in one of the shared files: what the two providers have in
 * common.
 */
#ifndef CREDENTIALS_FILE_KEYS_H
#define CREDENTIALS_FILE_KEYS_H

#include "base/attr.h"
#include "base/buf.h"
#include "credentials/search.h"

/* As a provider, for the profile of SEARCH in FILE (not merged) alone.  A file
 * with keys that others may use is used, since the AWS tools use it, with a
 * warning line, once. */
enum credentials_result
file_keys_find(const struct credentials_search *search, enum profiles_file file,
    struct credentials_found *found, struct buf *where) ATTR_MUST_USE;

#endif

/*
 * A role, assumed with the token in a file.
 */
#ifndef CREDENTIALS_WEB_IDENTITY_H
#define CREDENTIALS_WEB_IDENTITY_H

#include "base/attr.h"
#include "base/buf.h"
#include "credentials/search.h"
#include "credentials/sts.h"

/* Show STS the token in the file at PATH, to assume ROLE.  A file that cannot
 * be read is FAILED: whoever writes it may do so yet. */
enum credentials_result
web_identity_show(const struct credentials_search *search,
    const struct sts_role *role, const char *path,
    struct credentials_found *found, struct buf *where) ATTR_MUST_USE;

#endif

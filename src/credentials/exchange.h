/*
 * Credentials exchanged for those of a role.
 */
#ifndef CREDENTIALS_EXCHANGE_H
#define CREDENTIALS_EXCHANGE_H

#include "base/attr.h"
#include "base/buf.h"
#include "credentials/search.h"
#include "credentials/sts.h"

/* Assume ROLE with what was FOUND, which the role's take the place of; on other
 * results than FOUND no credentials are left.  WHERE, which has said where that
 * was, becomes BEFORE, what STS comes to, ", with ", WITH, and what it said. */
enum credentials_result
credentials_exchange(const struct credentials_search *search,
    const struct sts_role *role, const char *before, const char *with,
    struct credentials_found *found, struct buf *where) ATTR_MUST_USE;

#endif

/*
 * Users and groups: who a worker becomes, whose a socket is.
 */
#ifndef POOL_IDENTITY_H
#define POOL_IDENTITY_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"

/* Who to become. */
struct identity {
	char *user;  /* as it was given, owned; NULL: stay the user we are */
	char *group; /* the same; NULL: the user's own, or the one we have */
	uid_t uid;   /* where user is set */
	gid_t gid;   /* where either is set */
};

/* The ids of TEXT: a name, or a number.  False where there is no such user or
 * group; *GID is left alone by a user that is a number without a name. */
bool identity_find_user(const char *text, uid_t *uid, gid_t *gid) ATTR_MUST_USE;
bool identity_find_group(const char *text, gid_t *gid) ATTR_MUST_USE;

/* Look USER and GROUP up (each may be NULL) while the files that name them can
 * be read, before the first fork.  False after an error line where one of
 * them is unknown; then there is nothing to free. */
bool identity_init(struct identity *identity, const char *user,
    const char *group) ATTR_MUST_USE;
void identity_fini(struct identity *identity);

/* Become IDENTITY for good: supplementary groups, group and user, real,
 * effective and saved, with no way back.  Nothing is done where that is who we
 * are already.  False after an error line. */
bool identity_assume(const struct identity *identity) ATTR_MUST_USE;

#endif

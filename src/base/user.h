/*
 * The machine's users, by number; safe in threads.
 */
#ifndef BASE_USER_H
#define BASE_USER_H

#include <sys/types.h>

#include "base/attr.h"

/* The name of UID, or its digits where it has none.  Freed by free. */
char *user_name(uid_t uid) ATTR_MUST_USE;

/* The home directory of UID; NULL where it has none.  Freed by free. */
char *user_home(uid_t uid) ATTR_MUST_USE;

#endif

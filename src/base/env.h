/*
 * The environment, where an empty variable is one that is not set: the rule of
 * the AWS SDKs, and what an operator means who writes NAME= in a unit.
 */
#ifndef BASE_ENV_H
#define BASE_ENV_H

/* The value of NAME, as getenv(3) lends it; NULL where it is unset or empty. */
const char *env_get(const char *name);

#endif

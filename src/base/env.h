/*
 * The environment, where an empty variable is one that is not set: the rule of
 * the AWS SDKs, and what an operator means who writes NAME= in a unit.
 */
#ifndef BASE_ENV_H
#define BASE_ENV_H

/* The value of NAME, as getenv(3) lends it; NULL where it is unset or empty. */
const char *env_get(const char *name);

/* Unset NAME, whose value is a secret, after wiping it where it stands: the
 * environment is part of a core file. */
void env_wipe(const char *name);

#endif

/*
 * The texts that AWS's Security Token Service takes for a role, checked.  Pure.
 *
 * Source: AssumeRole in the API reference of the AWS Security Token Service;
 * for ARNs "IAM identifiers" in the IAM user guide, and the Ceph Object
 * Gateway's, where the account is a tenant or nothing.
 */
#ifndef CONFIG_ROLE_H
#define CONFIG_ROLE_H

#include "config/value.h"

/* arn:PARTITION:iam::ACCOUNT:role/NAME, of at most 2048 bytes. */
config_check config_is_role_arn;

/* 2 to 64 of A-Z a-z 0-9 _ = , . @ + - */
config_check config_is_session_name;

/* 2 to 1224 of the same and of : and / */
config_check config_is_external_id;

#endif

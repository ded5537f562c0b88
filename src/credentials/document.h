/*
 * The JSON document in which the metadata of a machine, a container's endpoint
 * and a credential_process hand out credentials; by jansson, which this file
 * alone knows.  Pure.
 *
 * Sources: "Retrieve security credentials from instance metadata" in the EC2
 * user guide; "Container credential provider" and "Process credential
 * provider" in the AWS SDKs and Tools reference guide.
 */
#ifndef CREDENTIALS_DOCUMENT_H
#define CREDENTIALS_DOCUMENT_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "credentials/search.h"

enum document_kind {
	DOCUMENT_ENDPOINT, /* AccessKeyId, SecretAccessKey, Token, Expiration;
	                    * a Code other than Success is a refusal */
	DOCUMENT_PROCESS,  /* Version 1; SessionToken and Expiration may lack */
};

/* Read TEXT into *FOUND.  False where it is no such document: then FOUND is
 * untouched, and WHY says what is wrong with it: "it is not JSON", "it has no
 * SecretAccessKey", "it is a refusal: Code AssumeRoleUnauthorizedAccess".  Of
 * TEXT only the Code, where it is a word of letters, is shown. */
bool document_read(struct span text, enum document_kind kind,
    struct credentials_found *found, struct buf *why) ATTR_MUST_USE;

#endif

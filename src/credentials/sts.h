/*
 * AWS's Security Token Service: credentials for a role.
 *
 * The question is a form in the body of a POST, so that no token lands in the
 * log of a proxy; to the endpoint of AWS_ENDPOINT_URL_STS and what stands
 * beside it (see sts_endpoint in trys3.conf(5)), else the region's own.
 *
 * Source: AssumeRole and AssumeRoleWithWebIdentity in the API reference of the
 * AWS Security Token Service.
 */
#ifndef CREDENTIALS_STS_H
#define CREDENTIALS_STS_H

#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "credentials/search.h"

struct sts_role {
	const char *arn;
	const char *session_name; /* NULL: STS_SESSION_NAME */
	const char *external_id;  /* NULL: none */
	int64_t duration_s;       /* 0: STS's own, an hour */
};

#define STS_SESSION_NAME "trys3d"

/* Assume ROLE with the credentials SOURCE; one retry where STS says that our
 * clock is off. */
enum credentials_result sts_assume_role(const struct credentials_search *search,
    const struct sts_role *role, const struct credentials *source,
    struct credentials_found *found, struct buf *where) ATTR_MUST_USE;

/* Assume ROLE with TOKEN, which an identity provider signed; the request itself
 * is not signed. */
enum credentials_result
sts_assume_role_with_web_identity(const struct credentials_search *search,
    const struct sts_role *role, const char *token,
    struct credentials_found *found, struct buf *where) ATTR_MUST_USE;

/* ---- Pure ---- */

/* Where STS is for SEARCH, without a slash at its end; the caller's, freed by
 * free.  The region is that of the site. */
char *sts_endpoint(const struct credentials_search *search) ATTR_MUST_USE;

#endif

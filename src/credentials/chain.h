/*
 * Where credentials come from: a table of providers, tried in order.
 *
 * Each provider is a file of its own beside this one.  The order is that of
 * botocore, with the site's own settings before all.
 */
#ifndef CREDENTIALS_CHAIN_H
#define CREDENTIALS_CHAIN_H

#include "base/attr.h"
#include "base/buf.h"
#include "credentials/search.h"
#include "credentials/watch.h"
#include "s3/http.h"
#include "s3/site.h"

/*
 * Find credentials for SITE by asking each provider in turn, and assume
 * SITE->role_arn with them where that is set.  WHERE tells who has them or, on
 * other results, what each that was tried says (on WRONG and FAILED: only the
 * one that ended the search).  HTTP is free for use; WATCH is filled anew.
 */
enum credentials_result credentials_find(const struct site *site,
    struct http *http, struct watch *watch, struct credentials_found *found,
    struct buf *where) ATTR_MUST_USE;

/* The same, of the providers that a profile's own lines can feed (not its
 * role_arn), for search->profile alone: for a source_profile. */
credentials_provider credentials_from_profile;

/* In a process that signs with what another found: wipe the variables that hold
 * secrets, in their place. */
void credentials_forget_environment(void);

/* The providers, in files of their names. */
credentials_provider credentials_from_site;
credentials_provider credentials_from_environment;
credentials_provider credentials_from_role; /* a profile's role_arn */
credentials_provider credentials_from_web_identity;
credentials_provider credentials_from_sign_in; /* SSO, login, MFA: says that a
                                                * daemon can't */
credentials_provider credentials_from_credentials_file;
credentials_provider credentials_from_process;
credentials_provider credentials_from_config_file;
credentials_provider credentials_from_container;
credentials_provider credentials_from_instance;

#endif

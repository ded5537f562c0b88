/*
 * What writes to a site: the same bucket, reached in the same way, with the
 * credentials that an offload has for it.
 */
#ifndef CONFIG_WRITER_H
#define CONFIG_WRITER_H

#include "config/table.h"

/*
 * Make WRITER of SITE, the one that OFFLOAD goes to, which is resolved.
 *
 * Its settings for credentials are OFFLOAD's where that says any of
 * access_key_id, profile, role_arn and web_identity_token_file, and then not
 * one of them is SITE's; else they are all SITE's.  An sts_endpoint that
 * OFFLOAD does not say is SITE's.  Its name, for the log, is "SITE (writer of
 * offload NAME)"; and S3's AccessDenied never means to it that an object is
 * not there.  Freed by site_fini.
 */
void config_writer(const struct site *site,
    const struct offload_settings *offload, struct site *writer);

#endif

/*
 * The likeness of a file: what a client is shown of an object, whether it
 * comes from S3 or from memcached, as nginx would show the file that the
 * object was made of.  Pure.
 *
 * What S3 said of it stays as it is, beside this: by that a transfer is
 * resumed and a body checked, and that is what memcached keeps.
 *
 * Source: nginx, ngx_http_set_etag() of src/http/ngx_http_core_module.c.
 */
#ifndef RESPOND_LIKENESS_H
#define RESPOND_LIKENESS_H

#include <stdbool.h>

#include "base/parse.h"
#include "s3/metadata.h"
#include "s3/site.h"

/* Two numbers of up to 16 digits, a hyphen, the quotes, and the NUL. */
enum { LIKENESS_ETAG_MAX = 36 };

/* Not to be copied: metadata points into it. */
struct likeness {
	struct metadata metadata; /* what is shown; owns nothing */
	char modified[FORMAT_MAX];
	char etag[LIKENESS_ETAG_MAX];
};

/*
 * Make LIKENESS of OBJECT, which it views from then on.
 *
 * Where METADATA_MTIME is a time (s3/mtime.h), Last-Modified is that, and with
 * SITE_ETAG_NGINX the ETag is made of it and of the size of the whole object;
 * while the size is not known (IS_SIZE_KNOWN) there is no ETag, since it could
 * not stay the same.  Else both are what OBJECT has.
 *
 * METADATA_MTIME is shown to the conditions alone (respond/policy.h), and only
 * where it is a time; the fields from METADATA_CACHED on are not shown.
 */
void likeness_make(struct likeness *likeness, const struct metadata *object,
    bool is_size_known, enum site_etag etag);

#endif

/*
 * A site: a bucket, how to reach it, and which path is which key.  Pure.
 *
 * The first half is filled from the settings (src/config/), the second is
 * made of it by site_resolve.
 */
#ifndef S3_SITE_H
#define S3_SITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "s3/sigv4.h"

/* S3's limit on a key, in bytes of UTF-8. */
enum { SITE_KEY_MAX = 1024 };

enum site_addressing {
	SITE_ADDRESSING_AUTO,    /* path where an endpoint is set, or the
	                          * bucket's name holds a dot or what no host's
	                          * name can (old names), else virtual */
	SITE_ADDRESSING_PATH,    /* https://endpoint/bucket/key */
	SITE_ADDRESSING_VIRTUAL, /* https://bucket.endpoint/key */
};

enum site_etag {
	SITE_ETAG_S3,    /* the one that S3 says */
	SITE_ETAG_NGINX, /* the one that nginx made for the object's file */
};

struct site {
	/* As set; each string is owned and may be NULL where not said. */
	char *name;
	char *bucket;
	char *region;         /* us-east-1 */
	bool region_is_guess; /* nobody said which it is */
	char *endpoint; /* http[s]://host[:port]; NULL: AWS's for the region */
	int addressing; /* enum site_addressing */
	char *ca_file;  /* NULL: the system's bundle */
	char *strip;    /* taken off the path's front; NULL: nothing */
	char *prefix;   /* put in front of the key; NULL: nothing */
	bool missing_on_403;
	int etag;            /* enum site_etag: what is shown of it */
	bool check_etag;     /* hold a body against an ETag that is an MD5 */
	char *cache_control; /* in place of the object's; NULL: the object's */
	uint64_t handoff;    /* what is of more bytes can be handed to the web
	                      * server; 0: nothing */
	int64_t connect_timeout_ms;
	int64_t first_byte_timeout_ms;
	int64_t stall_timeout_ms;

	/* Its credentials, as far as the site's own settings say. */
	struct credentials own;
	char *profile;  /* of the shared files; NULL: as AWS_PROFILE says */
	char *role_arn; /* to be assumed with what is found; NULL: none */
	char *role_session_name;
	char *external_id;
	char *web_identity_token_file; /* to assume role_arn with */
	char *sts_endpoint;            /* NULL: AWS's for the region */

	/* Made by site_resolve and config_find_credentials. */
	bool is_virtual;          /* the bucket stands in the host's name */
	char *credentials_source; /* where they were found, for the log */
};

/* Make COPY one of SITE that owns all it has; freed by site_fini. */
void site_copy(struct site *copy, const struct site *site);

/* Wipe and free all that SITE owns. */
void site_fini(struct site *site);

/*
 * Check what was set and decide the style of addressing.  Returns NULL, or
 * the name of the setting that is wrong, with *WHY set to what is wrong with
 * it (static text that goes on after the setting's name: "is not set").
 * Rules: a bucket of 3 to 255 of A-Z a-z 0-9 . _ - with no empty label; a
 * region of 1 to 32 of a-z 0-9 - ; an endpoint of http or https with a host
 * (a name, an IPv4 address, or an IPv6 address in brackets), perhaps a port,
 * perhaps one "/", and nothing else; in virtual style the bucket's name is a
 * list of DNS labels in lower case, and the endpoint no IP address; strip and
 * prefix hold what a key may hold; cache_control is printable ASCII.
 */
const char *site_resolve(struct site *site, const char **why) ATTR_MUST_USE;

/* Is the bucket asked over https? */
bool site_is_tls(const struct site *site);

enum site_key_result {
	SITE_KEY_OK,
	SITE_KEY_REFUSED, /* no object can be meant: answer 404 */
};

/*
 * Map PATH, decoded, as try_files looked it up, to the object's key in *KEY
 * (cleared first; its cap is at least SITE_KEY_MAX): PATH less its first
 * slash, less strip (whose own first slash does not count), with prefix in
 * front, joined byte by byte.  On refusal *KEY is empty and *WHY is static
 * text for the log: the path does not begin with a slash, is outside of
 * strip, or is nothing but strip; the key ends in "/", has (or the path has) a
 * "." or ".." segment, holds a control character (C0, DEL, C1), is not UTF-8,
 * is over SITE_KEY_MAX bytes, or begins with the segment "soap" in virtual
 * style (there S3 answers 200 with nothing, aws-sdk-js issue 2302).
 */
enum site_key_result site_key(const struct site *site, struct span path,
    struct buf *key, const char **why) ATTR_MUST_USE;

/* Where a request for KEY goes when the bucket is in REGION. */
struct site_target {
	struct buf host; /* as in the Host header, port only where not the
	                  * scheme's own */
	struct buf path; /* encoded; what is signed and what is sent */
	struct buf url;  /* scheme, host, path */
};

void site_target_init(struct site_target *target);
void site_target_fini(struct site_target *target);

/* Fill *TARGET (cleared first).  Where no endpoint is set the host follows
 * from REGION: s3.REGION.amazonaws.com, with .cn behind it in China.  False
 * only where REGION is not of a region's form or KEY is over SITE_KEY_MAX
 * bytes.  SITE was resolved. */
bool site_target(const struct site *site, struct span region, struct span key,
    struct site_target *target) ATTR_MUST_USE;

/* The domain that the hosts of AWS's services in REGION end in. */
const char *site_aws_domain(struct span region);

/* Is TEXT of a region's form?  What S3 names must be, before it may become
 * part of a host's name. */
bool site_is_region(struct span text);

#endif

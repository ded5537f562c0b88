/*
 * What is known of an object besides its bytes: its size and the headers of
 * the allow-list.  No other header of S3's ever leaves src/s3/; those from
 * METADATA_MTIME on never reach a client.
 */
#ifndef S3_METADATA_H
#define S3_METADATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum metadata_field {
	METADATA_CONTENT_TYPE,
	METADATA_CONTENT_ENCODING, /* without aws-chunked */
	METADATA_CONTENT_DISPOSITION,
	METADATA_CONTENT_LANGUAGE,
	METADATA_ETAG, /* with its quotes */
	METADATA_LAST_MODIFIED,
	METADATA_CACHE_CONTROL,
	METADATA_EXPIRES,

	/* Of the file that the object was made of. */
	METADATA_MTIME, /* as in s3/mtime.h, if it is one */

	METADATA_CACHED, /* how many memcached keeps: those above */
	METADATA_SHA256 = METADATA_CACHED, /* of its bytes, in hex */
	METADATA_MODE,                     /* st_mode, in octal */
	METADATA_UID,
	METADATA_GID,
	METADATA_STORAGE_CLASS,
	METADATA_ARCHIVE_STATUS,
	METADATA_RESTORE, /* whether an archived object can be read */
	METADATA_FIELDS   /* how many */
};

/* The header's name as it is written: "Content-Type", "x-amz-meta-mtime". */
const char *metadata_name(enum metadata_field field);

/* A field's greatest length; a longer one is dropped. */
enum { METADATA_VALUE_MAX = 4096 };

struct metadata {
	struct span field[METADATA_FIELDS]; /* data NULL: not there */
	uint64_t size; /* bytes of the whole object, whatever was asked for */
	char *text;    /* what the fields point into, if owned; NULL: a view
	                * into another's memory */
};

/* No field, no size, nothing owned. */
void metadata_init(struct metadata *metadata);

/* Make *COPY own the same values as METADATA. */
void metadata_copy(struct metadata *copy, const struct metadata *metadata);

/* Free what is owned; as after metadata_init. */
void metadata_fini(struct metadata *metadata);

/* Take NAME: VALUE where NAME is in the allow-list; VALUE is viewed, not
 * copied.  The first of a name wins.  Values that are empty, too long or hold
 * a control character are dropped; aws-chunked is taken out of
 * Content-Encoding. */
void
metadata_take(struct metadata *metadata, struct span name, struct span value);

#endif

/*
 * What S3 says when it refuses: the XML body of an error.  Pure.
 *
 * Source: "REST error responses" in the API reference of Amazon S3.
 */
#ifndef S3_ERROR_H
#define S3_ERROR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* The greatest body that is read; a longer one is no error of S3's. */
enum { S3_ERROR_BODY_MAX = 65536 };

/* Each text is cut to its field, "" where the body does not name it; it may
 * hold anything but a NUL, so it is only fit for the log. */
struct s3_error {
	char code[64]; /* NoSuchKey */
	char message[256];
	char request_id[128];
	char region[64]; /* where the bucket is, if S3 said so */
	int64_t
	    object_size; /* ActualObjectSize of InvalidRange; -1: not said */
};

/* Forget everything. */
void s3_error_init(struct s3_error *error);

/* Read BODY into *ERROR, which was initialised.  False where BODY is not
 * XML with an <Error> (at the root, or in an <ErrorResponse>) and a <Code>;
 * what was found is kept.  A document type declaration is refused. */
bool s3_error_parse(struct s3_error *error, struct span body);

#endif

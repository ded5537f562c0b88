/*
 * What is in a bucket, page by page: objects, or multipart uploads that were
 * begun and neither ended nor given up.
 *
 * Source: "ListObjectsV2" and "ListMultipartUploads" in the API reference of
 * Amazon S3.
 */
#ifndef OFFLOAD_LIST_H
#define OFFLOAD_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "s3/call.h"
#include "s3/site.h"

enum list_kind { LIST_OBJECTS, LIST_UPLOADS };

struct list;

/* Those whose keys begin with PREFIX (copied), in the order of their keys;
 * asked by CALL, which is free for others between two calls here.  SITE is one
 * of CALL's. */
struct list *list_new(struct call *call, const struct site *site,
    enum list_kind kind, struct span prefix, int64_t patience_ms) ATTR_MUST_USE;
void list_free(struct list *list);

struct list_entry {
	struct span key;
	struct span etag;      /* of an object, as S3 writes it */
	struct span upload_id; /* of an upload, never empty */
	uint64_t size;         /* of an object */
	int64_t modified_s;    /* when it was stored, or begun; -1: not said */
};

enum list_result { LIST_FOUND, LIST_END, LIST_FAILED };

/* The next, in *ENTRY, until the next call; after FAILED there is none. */
enum list_result
list_next(struct list *list, struct list_entry *entry) ATTR_MUST_USE;

/* Why it failed. */
const char *list_reason(const struct list *list);

#endif

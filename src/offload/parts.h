/*
 * A multipart upload, its parts sent by all hands that have time.
 *
 * Source: "CreateMultipartUpload", "UploadPart" and "CompleteMultipartUpload"
 * in the API reference of Amazon S3.
 */
#ifndef OFFLOAD_PARTS_H
#define OFFLOAD_PARTS_H

#include "base/attr.h"
#include "offload/crew.h"
#include "offload/sending.h"

enum {
	/* A part's least size; larger where there would be too many. */
	PARTS_SIZE = 16 * 1024 * 1024,
	PARTS_MAX = 10000,
};

/* The largest file: so many parts of 5 GiB, a part's greatest size. */
#define PARTS_FILE_MAX (UINT64_C(5368709120) * PARTS_MAX)

/* As put_file, for a file of any size but 0. */
enum sending_result parts_put(const struct sending_order *order,
    struct hand *hand, char reason[SENDING_REASON_MAX]) ATTR_MUST_USE;

#endif

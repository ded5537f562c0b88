/*
 * Storing a file as an object: in one piece, or, over PUT_PIECE_MAX bytes, by a
 * multipart upload whose parts all idle hands send at once.
 *
 * Each request is signed with the digest of what it carries, so that S3 refuses
 * what was damaged on the way; and so is what the object is to be answered
 * with: its type, and in metadata what the file was (s3/metadata.h).
 *
 * Source: "PutObject" in the API reference of Amazon S3.
 */
#ifndef OFFLOAD_PUT_H
#define OFFLOAD_PUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "offload/crew.h"
#include "offload/sending.h"

enum { PUT_PIECE_MAX = 64 * 1024 * 1024 };

/* Would a file of SIZE be sent in one piece? */
bool put_is_one_piece(uint64_t size);

/* Store ORDER, by HAND.  On all but DONE, REASON says why, as far as there is
 * more to say. */
enum sending_result put_file(const struct sending_order *order,
    struct hand *hand, char reason[SENDING_REASON_MAX]) ATTR_MUST_USE;

#endif

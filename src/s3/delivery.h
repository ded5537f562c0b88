/*
 * The delivery of one object's bytes, in order and each once, out of as many
 * answers as it takes.  Pure.
 */
#ifndef S3_DELIVERY_H
#define S3_DELIVERY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "s3/metadata.h"
#include "s3/object.h"
#include "s3/range.h"

struct delivery {
	bool has_begun;
	struct metadata metadata; /* owned; of the first answer */
	bool size_known;          /* then total is right */
	uint64_t first;           /* of the object's bytes, to be delivered */
	uint64_t total;           /* how many are to be delivered */
	uint64_t delivered;
	uint64_t skip; /* of the answer under way: bytes delivered before */
};

/* Nothing has begun; and again so, with what was owned freed. */
void delivery_init(struct delivery *delivery);
void delivery_fini(struct delivery *delivery);

/* Begin with METADATA, copied: TOTAL bytes from FIRST on are to come, or, with
 * not SIZE_KNOWN, all there are, until the answer ends. */
void delivery_begin(struct delivery *delivery, const struct metadata *metadata,
    bool size_known, uint64_t first, uint64_t total);

/* Can what is left be asked for, so that it is sure to be of the same object?
 * By a strong ETag, or by Last-Modified with a known size. */
bool delivery_can_resume(const struct delivery *delivery);

/* What is left, as a range, and the tag for If-Match (no value where there is
 * none that is strong). */
void delivery_rest(const struct delivery *delivery, struct range *range,
    struct span *if_match);

/* Go on with ANSWER, to what delivery_rest said or, where the server knows no
 * ranges, to all.  False where it is not of the same object. */
bool delivery_continue(
    struct delivery *delivery, const struct reply *answer) ATTR_MUST_USE;

/* Of BYTES, the next of the answer's, take those that are still to be
 * delivered (perhaps none), and count them.  *IS_ENOUGH: the answer holds
 * more than that. */
struct span
delivery_take(struct delivery *delivery, struct span bytes, bool *is_enough);

/* Has all been delivered?  ANSWER_ENDED: the last answer came to its end in
 * order. */
bool delivery_is_complete(const struct delivery *delivery, bool answer_ended);

#endif

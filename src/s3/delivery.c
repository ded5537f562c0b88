/*
 * Bytes in order, each once: see delivery.h.  Apart from fetch.c, which
 * decides whether to ask again, because here an error would be a wrong byte.
 */
#include "s3/delivery.h"

#include "s3/etag.h"

void
delivery_init(struct delivery *delivery)
{
	*delivery = (struct delivery){ .has_begun = false };
	metadata_init(&delivery->metadata);
}

void
delivery_fini(struct delivery *delivery)
{
	metadata_fini(&delivery->metadata);
	delivery_init(delivery);
}

void
delivery_begin(struct delivery *delivery, const struct metadata *metadata,
    bool size_known, uint64_t first, uint64_t total)
{
	metadata_copy(&delivery->metadata, metadata);
	delivery->has_begun = true;
	delivery->size_known = size_known;
	delivery->first = first;
	delivery->total = total;
}

/* A strong tag is equal to itself, no other is. */
static bool
is_strong(struct span etag)
{
	return (etag.data != NULL && etag_equal_strong(etag, etag));
}

bool
delivery_can_resume(const struct delivery *delivery)
{
	const struct span *field = delivery->metadata.field;

	return (is_strong(field[METADATA_ETAG]) ||
	    (delivery->size_known &&
		field[METADATA_LAST_MODIFIED].data != NULL));
}

void
delivery_rest(
    const struct delivery *delivery, struct range *range, struct span *if_match)
{
	struct span etag = delivery->metadata.field[METADATA_ETAG];

	*range = (struct range){
		.kind = RANGE_FROM,
		.first = delivery->first + delivery->delivered,
	};
	if (delivery->size_known) {
		range->kind = RANGE_FROM_TO;
		range->last = delivery->first + delivery->total - 1;
	}
	*if_match = is_strong(etag) ? etag : span_of(NULL);
}

static bool
is_same(const struct delivery *delivery, const struct reply *answer)
{
	const struct metadata *old = &delivery->metadata;
	const struct metadata *new = &answer->metadata;
	struct span etag = old->field[METADATA_ETAG];
	struct span date = old->field[METADATA_LAST_MODIFIED];
	bool sizes_known = delivery->size_known && answer->size_known;

	if (sizes_known && old->size != new->size)
		return (false);
	if (is_strong(etag))
		return (etag_equal_strong(etag, new->field[METADATA_ETAG]));
	return (sizes_known && date.data != NULL &&
	    span_equal(date, new->field[METADATA_LAST_MODIFIED]));
}

bool
delivery_continue(struct delivery *delivery, const struct reply *answer)
{
	if (!is_same(delivery, answer))
		return (false);
	if (!delivery->size_known && answer->size_known) {
		/* It was all of an object of unknown size: first is 0. */
		if (answer->metadata.size < delivery->delivered)
			return (false);
		delivery->metadata.size = answer->metadata.size;
		delivery->total = answer->metadata.size;
		delivery->size_known = true;
	}
	delivery->skip =
	    answer->is_partial ? 0 : delivery->first + delivery->delivered;
	return (true);
}

struct span
delivery_take(struct delivery *delivery, struct span bytes, bool *is_enough)
{
	uint64_t left = delivery->total - delivery->delivered;
	size_t skip = bytes.len;

	*is_enough = false;
	if (skip > delivery->skip)
		skip = (size_t)delivery->skip;
	delivery->skip -= skip;
	bytes = span_skip(bytes, skip);
	if (delivery->size_known && bytes.len > left) {
		bytes.len = (size_t)left;
		*is_enough = true;
	}
	delivery->delivered += bytes.len;
	return (bytes);
}

bool
delivery_is_complete(const struct delivery *delivery, bool answer_ended)
{
	if (!delivery->has_begun)
		return (false);
	if (delivery->size_known)
		return (delivery->delivered == delivery->total);
	return (answer_ended && delivery->skip == 0);
}

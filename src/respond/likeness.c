/*
 * What a client is shown: see likeness.h.  One place for it, so that the
 * conditions are held against the very values that stand in the answer.
 */
#include "respond/likeness.h"

#include <inttypes.h>
#include <stdio.h>

#include "s3/mtime.h"

static void
show_etag(struct likeness *likeness, int64_t modified_s, bool is_size_known)
{
	struct metadata *shown = &likeness->metadata;

	snprintf(likeness->etag, sizeof(likeness->etag),
	    "\"%" PRIx64 "-%" PRIx64 "\"", (uint64_t)modified_s, shown->size);
	shown->field[METADATA_ETAG] =
	    span_of(is_size_known ? likeness->etag : NULL);
}

void
likeness_make(struct likeness *likeness, const struct metadata *object,
    bool is_size_known, enum site_etag etag)
{
	struct metadata *shown = &likeness->metadata;
	struct span *mtime = &shown->field[METADATA_MTIME];
	int64_t modified_s;
	long unused;

	*shown = *object;
	shown->text = NULL;
	for (int i = METADATA_CACHED; i < METADATA_FIELDS; i++)
		shown->field[i] = span_of(NULL);
	if (!mtime_parse(*mtime, &modified_s, &unused)) {
		*mtime = span_of(NULL);
		return;
	}
	shown->field[METADATA_LAST_MODIFIED] =
	    span_of(format_http_date(modified_s, likeness->modified));
	if (etag == SITE_ETAG_NGINX)
		show_etag(likeness, modified_s, is_size_known);
}

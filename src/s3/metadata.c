/*
 * What is known of an object besides its bytes: see metadata.h.  The
 * allow-list is one array of names, so that what is not in it cannot get
 * through, whatever S3 sends.
 */
#include "s3/metadata.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const char *const names[METADATA_FIELDS] = {
	[METADATA_CONTENT_TYPE] = "Content-Type",
	[METADATA_CONTENT_ENCODING] = "Content-Encoding",
	[METADATA_CONTENT_DISPOSITION] = "Content-Disposition",
	[METADATA_CONTENT_LANGUAGE] = "Content-Language",
	[METADATA_ETAG] = "ETag",
	[METADATA_LAST_MODIFIED] = "Last-Modified",
	[METADATA_CACHE_CONTROL] = "Cache-Control",
	[METADATA_EXPIRES] = "Expires",
	[METADATA_MTIME] = "x-amz-meta-mtime",
	[METADATA_SHA256] = "x-amz-meta-sha256",
	[METADATA_MODE] = "x-amz-meta-mode",
	[METADATA_UID] = "x-amz-meta-uid",
	[METADATA_GID] = "x-amz-meta-gid",
	[METADATA_STORAGE_CLASS] = "x-amz-storage-class",
	[METADATA_ARCHIVE_STATUS] = "x-amz-archive-status",
	[METADATA_RESTORE] = "x-amz-restore",
};

const char *
metadata_name(enum metadata_field field)
{
	return (names[field]);
}

void
metadata_init(struct metadata *metadata)
{
	*metadata = (struct metadata){ .size = 0 };
}

void
metadata_copy(struct metadata *copy, const struct metadata *metadata)
{
	size_t len = 0;
	char *at;

	for (size_t i = 0; i < METADATA_FIELDS; i++)
		len += metadata->field[i].len;
	*copy = *metadata;
	copy->text = at = mem_alloc(len);
	for (size_t i = 0; i < METADATA_FIELDS; i++) {
		struct span *field = &copy->field[i];

		if (field->data == NULL)
			continue;
		if (field->len > 0)
			memcpy(at, field->data, field->len);
		field->data = at;
		at += field->len;
	}
}

void
metadata_fini(struct metadata *metadata)
{
	free(metadata->text);
	metadata_init(metadata);
}

static bool
is_dropped(struct span coding)
{
	coding = span_trim(coding);
	return (
	    coding.len == 0 || span_equal_nocase(coding, SPAN("aws-chunked")));
}

/* CODINGS, a list, without aws-chunked, which tells how an upload was framed
 * and nothing of the object (S3 drops it, others keep it).  It is taken off
 * both ends; between two other codings, where no client puts it, it stays:
 * what was left would be no view of CODINGS. */
static struct span
without_aws_chunked(struct span codings)
{
	struct span rest = codings;

	while (rest.len > 0 && is_dropped(span_cut(&rest, ',')))
		codings = rest;
	while (codings.len > 0) {
		const char *comma = memrchr(codings.data, ',', codings.len);
		size_t head =
		    comma == NULL ? 0 : (size_t)(comma - codings.data);

		if (!is_dropped(
			span_skip(codings, comma == NULL ? 0 : head + 1)))
			break;
		codings.len = head;
	}
	return (span_trim(codings));
}

void
metadata_take(struct metadata *metadata, struct span name, struct span value)
{
	size_t i = 0;

	while (
	    i < METADATA_FIELDS && !span_equal_nocase(name, span_of(names[i])))
		i++;
	if (i == METADATA_FIELDS || metadata->field[i].data != NULL)
		return;
	value = span_trim(value);
	if (i == METADATA_CONTENT_ENCODING)
		value = without_aws_chunked(value);
	if (value.len == 0 || value.len > METADATA_VALUE_MAX ||
	    span_has_control(value))
		return;
	metadata->field[i] = value;
}

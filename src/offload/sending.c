/*
 * What is sent: see sending.h.
 */
#include "offload/sending.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "s3/mtime.h"

void
sending_count(const struct sending_means *means, size_t n)
{
	throttle_take(means->throttle, n);
	if (means->report != NULL)
		report_moved(means->report, (uint64_t)n);
}

/* http_source: by offset, so that many hands read one descriptor. */
static ssize_t
read_file(void *context, uint64_t offset, char *to, size_t room)
{
	struct sending *sending = context;
	ssize_t got =
	    fd_read_at(sending->order->fd, to, room, sending->offset + offset);

	if (got <= 0) {
		sending->error = got < 0 ? errno : 0;
		sending->is_short = got == 0;
		return (got);
	}
	sending_count(sending->order->means, (size_t)got);
	return (got);
}

struct http_source
sending_source(struct sending *sending)
{
	return ((struct http_source){
	    .read = read_file,
	    .context = sending,
	    .size = sending->size,
	});
}

void
sending_explain(const struct sending *sending, char reason[SENDING_REASON_MAX])
{
	if (sending->is_short)
		snprintf(reason, SENDING_REASON_MAX,
		    "it has become shorter while it was sent");
	else
		snprintf(reason, SENDING_REASON_MAX, "it cannot be read: %s",
		    strerror(sending->error));
}

void
sending_headers_init(struct sending_headers *headers)
{
	headers->n = 0;
}

void
sending_add(
    struct sending_headers *headers, const char *name, struct span value)
{
	if (value.len == 0)
		return;
	assert(headers->n < CALL_HEADERS_MAX);
	headers->list[headers->n++] = (struct sigv4_header){
		.name = span_of(name),
		.value = value,
	};
}

static void
add_encryption(
    struct sending_headers *headers, const struct offload_settings *settings)
{
	if (settings->sse == OFFLOAD_SSE_AES256)
		sending_add(
		    headers, "x-amz-server-side-encryption", SPAN("AES256"));
	if (settings->sse != OFFLOAD_SSE_KMS)
		return;
	sending_add(headers, "x-amz-server-side-encryption", SPAN("aws:kms"));
	sending_add(headers, "x-amz-server-side-encryption-aws-kms-key-id",
	    span_of(settings->kms_key));
}

static void
add_file(struct sending_headers *headers, const struct sending_order *order)
{
	const struct stat *status = order->status;

	if (mtime_format(status->st_mtim.tv_sec, status->st_mtim.tv_nsec,
		headers->mtime))
		sending_add(
		    headers, "x-amz-meta-mtime", span_of(headers->mtime));
	sending_add(
	    headers, "x-amz-meta-sha256", span_of(order->digest->sha256));
	snprintf(headers->mode, sizeof(headers->mode), "%o",
	    (unsigned)status->st_mode);
	snprintf(
	    headers->uid, sizeof(headers->uid), "%u", (unsigned)status->st_uid);
	snprintf(
	    headers->gid, sizeof(headers->gid), "%u", (unsigned)status->st_gid);
	sending_add(headers, "x-amz-meta-mode", span_of(headers->mode));
	sending_add(headers, "x-amz-meta-uid", span_of(headers->uid));
	sending_add(headers, "x-amz-meta-gid", span_of(headers->gid));
}

void
sending_describe(
    struct sending_headers *headers, const struct sending_order *order)
{
	const struct offload_settings *settings = order->means->settings;

	sending_add(headers, "Content-Type", span_of(order->type));
	sending_add(headers, "Cache-Control", span_of(settings->cache_control));
	sending_add(
	    headers, "x-amz-storage-class", span_of(settings->storage_class));
	add_encryption(headers, settings);
	add_file(headers, order);
}

enum sending_result
sending_judge(enum call_result result)
{
	switch (result) {
	case CALL_OK:
		return (SENDING_DONE);
	case CALL_EXISTS:
		return (SENDING_EXISTS);
	case CALL_UNSUPPORTED:
		return (SENDING_UNSUPPORTED);
	case CALL_STOPPED:
		return (SENDING_UNREADABLE);
	case CALL_REFUSED:
		return (SENDING_REFUSED);
	default:
		return (SENDING_FAILED);
	}
}

enum sending_result
sending_make(const struct sending *sending, struct call *call,
    const struct call_request *request, char reason[SENDING_REASON_MAX])
{
	enum sending_result result = sending_judge(call_make(call, request));

	if (result == SENDING_UNREADABLE)
		sending_explain(sending, reason);
	else if (result != SENDING_DONE)
		snprintf(reason, SENDING_REASON_MAX, "%s", call_reason(call));
	return (result);
}

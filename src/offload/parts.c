/*
 * A multipart upload: see parts.h.
 *
 * What was begun is written down before (offload/uploads.h), and ended or given
 * up in any case: parts of an upload that is neither cost money, and no list of
 * objects shows them.
 *
 * The parts carry no Content-MD5: each is signed with its SHA-256, which the
 * store holds it against, and a third digest of the same bytes would cost more
 * than the other two.
 */
#include "offload/parts.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/xml.h"
#include "offload/prove.h"
#include "offload/sending.h"
#include "s3/uri.h"

enum {
	ETAG_MAX = 255,
	ID_MAX = 2048,
	QUERY_MAX = 3 * ID_MAX + 64,
	/* A part's line in the body that ends the upload, and its frame. */
	PART_LINE_MAX = 6 * ETAG_MAX + 96,
	BODY_FRAME = 128,
	/* S3 puts the parts together before it answers. */
	COMPLETE_FIRST_BYTE_MS = 600 * 1000,
};

struct parts {
	struct share share; /* first: what the crew knows of it */
	const struct sending_order *order;
	uint64_t part_size;
	char id[3 * ID_MAX + 1]; /* the upload's, encoded */
	char (*etags)[ETAG_MAX + 1];
	pthread_mutex_t lock; /* for what follows */
	enum sending_result failure;
	char *reason;
};

static uint64_t
size_of(const struct sending_order *order)
{
	return ((uint64_t)order->status->st_size);
}

/* Least PARTS_SIZE, in whole MiB, and no more than PARTS_MAX of them. */
static uint64_t
choose_part_size(uint64_t size)
{
	const uint64_t unit = 1024 * 1024;
	uint64_t least = (size + PARTS_MAX - 1) / PARTS_MAX;

	least = (least + unit - 1) / unit * unit;
	return (least < PARTS_SIZE ? PARTS_SIZE : least);
}

/* The first failure is the one that is told. */
static void
note_failure(
    struct parts *parts, enum sending_result result, const char *reason)
{
	pthread_mutex_lock(&parts->lock);
	if (parts->failure == SENDING_DONE) {
		parts->failure = result;
		snprintf(parts->reason, SENDING_REASON_MAX, "%.*s",
		    SENDING_REASON_MAX - 1, reason);
	}
	pthread_mutex_unlock(&parts->lock);
}

/* ---- A part ---- */

static bool
keep_etag(struct parts *parts, size_t index, struct hand *hand)
{
	struct span etag;

	if (!call_header(hand->call, "ETag", &etag) || etag.len == 0 ||
	    etag.len > ETAG_MAX || span_has_control(etag)) {
		note_failure(parts, SENDING_FAILED,
		    "S3 answered to a part without an ETag");
		return (false);
	}
	memcpy(parts->etags[index], etag.data, etag.len);
	parts->etags[index][etag.len] = '\0';
	return (true);
}

static bool
send_part(struct parts *parts, size_t index, struct hand *hand,
    struct sending *sending, const struct digest *digest)
{
	const struct sending_means *means = parts->order->means;
	struct http_source source = sending_source(sending);
	struct call_request request = {
		.site = means->site,
		.method = HTTP_PUT,
		.key = parts->order->key,
		.payload_sha256 = span_of(digest->sha256),
		.source = &source,
		.patience_ms = means->patience_ms,
	};
	char query[QUERY_MAX], reason[SENDING_REASON_MAX];
	enum sending_result result;

	snprintf(query, sizeof(query), "partNumber=%zu&uploadId=%s", index + 1,
	    parts->id);
	request.query = span_of(query);
	result = sending_make(sending, hand->call, &request, reason);
	if (result == SENDING_DONE)
		return (keep_etag(parts, index, hand));
	note_failure(parts, result, reason);
	return (false);
}

static bool
run_part(struct share *share, size_t index, struct hand *hand)
{
	struct parts *parts = (struct parts *)share;
	struct sending sending = { .order = parts->order };
	uint64_t left;
	struct digest digest;

	sending.offset = index * parts->part_size;
	left = size_of(parts->order) - sending.offset;
	sending.size = left < parts->part_size ? left : parts->part_size;
	if (!digest_file(parts->order->fd, sending.offset, sending.size, false,
		false, hand->room, CREW_ROOM, &digest)) {
		char reason[SENDING_REASON_MAX];

		sending.error = errno;
		sending.is_short = errno == 0;
		sending_explain(&sending, reason);
		note_failure(parts, SENDING_UNREADABLE, reason);
		return (false);
	}
	return (send_part(parts, index, hand, &sending, &digest));
}

/* ---- Begin, end, give up ---- */

static void
take_id(void *context, const char *path, struct span text)
{
	struct buf *id = context;

	if (strcmp(path, "InitiateMultipartUploadResult/UploadId") == 0 &&
	    (text.len > ID_MAX || !uri_encode_query(id, text)))
		buf_clear(id);
}

static bool
read_id(struct parts *parts, struct span body)
{
	struct buf id;
	bool is_read;

	buf_init(&id, sizeof(parts->id) - 1);
	is_read = xml_read(body, take_id, &id) && id.len > 0;
	snprintf(parts->id, sizeof(parts->id), "%s", buf_string(&id));
	buf_fini(&id);
	if (!is_read)
		note_failure(parts, SENDING_FAILED,
		    "S3 began an upload without an UploadId");
	return (is_read);
}

static bool
begin(struct parts *parts, struct hand *hand)
{
	const struct sending_order *order = parts->order;
	struct sending_headers headers;
	struct call_request request = {
		.site = order->means->site,
		.method = HTTP_POST,
		.key = order->key,
		.query = SPAN("uploads="),
		.body = SPAN(""),
		.patience_ms = order->means->patience_ms,
	};
	enum sending_result result;

	sending_headers_init(&headers);
	sending_describe(&headers, order);
	request.headers = headers.list;
	request.n_headers = headers.n;
	result = sending_judge(call_make(hand->call, &request));
	if (result != SENDING_DONE) {
		note_failure(parts, result, call_reason(hand->call));
		return (false);
	}
	return (read_id(parts, call_body(hand->call)));
}

/* TEXT as XML's. */
static bool
add_escaped(struct buf *out, const char *text)
{
	bool fits = true;

	for (; fits && *text != '\0'; text++) {
		switch (*text) {
		case '&':
			fits = buf_add_string(out, "&amp;");
			break;
		case '<':
			fits = buf_add_string(out, "&lt;");
			break;
		case '>':
			fits = buf_add_string(out, "&gt;");
			break;
		case '"':
			fits = buf_add_string(out, "&quot;");
			break;
		default:
			fits = buf_add_char(out, *text);
			break;
		}
	}
	return (fits);
}

static bool
write_body(const struct parts *parts, struct buf *body)
{
	bool fits = buf_add_string(body, "<CompleteMultipartUpload>");

	for (size_t i = 0; fits && i < parts->share.count; i++)
		fits = buf_printf(body,
			   "<Part><PartNumber>%zu</PartNumber>"
			   "<ETag>",
			   i + 1) &&
		    add_escaped(body, parts->etags[i]) &&
		    buf_add_string(body, "</ETag></Part>");
	return (fits && buf_add_string(body, "</CompleteMultipartUpload>"));
}

static enum sending_result
ask_to_complete(struct parts *parts, struct hand *hand, struct span body)
{
	static const struct sigv4_header only_new = {
		{ "If-None-Match", sizeof("If-None-Match") - 1 },
		{ "*", 1 },
	};
	const struct sending_order *order = parts->order;
	char query[QUERY_MAX], sha256[SIGV4_PAYLOAD_LEN + 1];
	struct call_request request = {
		.site = order->means->site,
		.method = HTTP_POST,
		.key = order->key,
		.headers = &only_new,
		.n_headers = order->only_new ? 1 : 0,
		.body = body,
		.first_byte_timeout_ms = COMPLETE_FIRST_BYTE_MS,
		.patience_ms = order->means->patience_ms,
	};

	snprintf(query, sizeof(query), "uploadId=%s", parts->id);
	sigv4_payload(body, sha256);
	request.query = span_of(query);
	request.payload_sha256 = span_of(sha256);
	return (sending_judge(call_make(hand->call, &request)));
}

/* Has nobody put an object there while the parts were sent?  Not all stores
 * that heed If-None-Match heed it here (Ceph 16 does not), so it is looked as
 * late as can be. */
static bool
is_still_new(struct parts *parts, struct hand *hand)
{
	const struct sending_order *order = parts->order;
	const struct prove_order look = {
		.site = order->means->site,
		.who = "writer",
		.key = order->key,
		.fd = order->fd,
		.size = size_of(order),
		.sha256 = order->digest->sha256,
		.patience_ms = order->means->patience_ms,
	};
	struct prove_found found;
	bool has_digest;

	switch (prove_look(&look, hand, &has_digest, &found)) {
	case PROVE_MISSING:
		return (true);
	case PROVE_FAILED:
		note_failure(parts, SENDING_FAILED, found.reason);
		return (false);
	default:
		note_failure(parts, SENDING_EXISTS, "");
		return (false);
	}
}

static enum sending_result
complete(struct parts *parts, struct hand *hand)
{
	size_t room = BODY_FRAME + parts->share.count * PART_LINE_MAX;
	enum sending_result result = SENDING_FAILED;
	struct buf body;

	buf_init(&body, room);
	if (write_body(parts, &body))
		result = ask_to_complete(parts, hand, buf_span(&body));
	buf_fini(&body);
	if (result != SENDING_DONE)
		note_failure(parts, result, call_reason(hand->call));
	return (result);
}

/* The upload was begun: send its parts and end it. */
static bool
carry_on(struct parts *parts, struct hand *hand)
{
	return (crew_share(hand, &parts->share) && is_still_new(parts, hand) &&
	    complete(parts, hand) == SENDING_DONE);
}

static enum sending_result
put_parts(struct parts *parts, struct hand *hand)
{
	const struct sending_order *order = parts->order;
	const struct sending_means *means = order->means;
	bool is_put;

	if (!uploads_begin(
		means->uploads, order->key, parts->reason, SENDING_REASON_MAX))
		return (SENDING_FAILED);
	is_put = begin(parts, hand) && carry_on(parts, hand);
	/* It says in the log what does not come to its end here. */
	uploads_end(means->uploads, hand->call, means->site, order->key,
	    means->patience_ms);
	return (is_put ? SENDING_DONE : parts->failure);
}

enum sending_result
parts_put(const struct sending_order *order, struct hand *hand,
    char reason[SENDING_REASON_MAX])
{
	struct parts *parts = mem_zero(1, sizeof(*parts));
	enum sending_result result;

	parts->order = order;
	parts->part_size = choose_part_size(size_of(order));
	parts->share.run = run_part;
	parts->share.count = (size_t)((size_of(order) + parts->part_size - 1) /
	    parts->part_size);
	parts->etags = mem_zero(parts->share.count, sizeof(*parts->etags));
	parts->reason = reason;
	parts->failure = SENDING_DONE;
	if (pthread_mutex_init(&parts->lock, NULL) != 0)
		log_fatal(1, "no lock can be made");
	result = put_parts(parts, hand);
	pthread_mutex_destroy(&parts->lock);
	free(parts->etags);
	free(parts);
	return (result);
}

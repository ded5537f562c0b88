/*
 * The head of an answer: see answer.h.
 *
 * Every line goes through add_header, the one place that ends a line, and no
 * name is written from two places: so no header comes twice, and no value can
 * bring a line of its own.
 */
#include "respond/answer.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

/* "bytes F-L/S", three numbers of up to 20 digits. */
enum { CONTENT_RANGE_MAX = 80 };

/* What is answered, as status line and, for the errors, as body. */
static const struct {
	int status;
	const char *text;
} statuses[] = {
	{ 200, "200 OK\n" },
	{ 206, "206 Partial Content\n" },
	{ 304, "304 Not Modified\n" },
	{ 400, "400 Bad Request\n" },
	{ 404, "404 Not Found\n" },
	{ 405, "405 Method Not Allowed\n" },
	{ 412, "412 Precondition Failed\n" },
	{ 416, "416 Range Not Satisfiable\n" },
	{ 500, "500 Internal Server Error\n" },
	{ 503, "503 Service Unavailable\n" },
};

struct span
answer_text(int status)
{
	size_t i;

	for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		if (statuses[i].status == status)
			return (span_of(statuses[i].text));
	}
	assert(false && "a status of ours");
	return (SPAN(""));
}

/* One line; none where VALUE is no value or cannot be one. */
static bool
add_header(struct buf *out, const char *name, struct span value)
{
	if (value.data == NULL || span_has_control(value))
		return (true);
	return (buf_add_string(out, name) && buf_add_string(out, ": ") &&
	    buf_add_span(out, value) && buf_add_string(out, "\r\n"));
}

static bool
add_number(struct buf *out, const char *name, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	return (add_header(out, name, span_of(text)));
}

static bool
add_field(
    struct buf *out, const struct metadata *metadata, enum metadata_field field)
{
	return (add_header(out, metadata_name(field), metadata->field[field]));
}

/* What a cache goes by, of 200, 206 and 304. */
static bool
add_validity(struct buf *out, const struct answer *answer)
{
	const struct metadata *metadata = answer->metadata;

	if (!add_field(out, metadata, METADATA_ETAG) ||
	    !add_field(out, metadata, METADATA_LAST_MODIFIED))
		return (false);
	if (answer->cache_control != NULL)
		return (add_header(out, metadata_name(METADATA_CACHE_CONTROL),
		    span_of(answer->cache_control)));
	return (add_field(out, metadata, METADATA_CACHE_CONTROL) &&
	    add_field(out, metadata, METADATA_EXPIRES));
}

static bool
add_object(struct buf *out, const struct answer *answer)
{
	const struct metadata *metadata = answer->metadata;
	char range[CONTENT_RANGE_MAX];

	if (!add_field(out, metadata, METADATA_CONTENT_TYPE) ||
	    !add_field(out, metadata, METADATA_CONTENT_ENCODING) ||
	    !add_field(out, metadata, METADATA_CONTENT_DISPOSITION) ||
	    !add_field(out, metadata, METADATA_CONTENT_LANGUAGE) ||
	    !add_header(out, "Accept-Ranges", SPAN("bytes")))
		return (false);
	if (answer->status == 200)
		return (answer->length_unknown ||
		    add_number(out, "Content-Length", metadata->size));
	assert(answer->first <= answer->last && answer->last < metadata->size);
	snprintf(range, sizeof(range), "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64,
	    answer->first, answer->last, metadata->size);
	return (add_number(
		    out, "Content-Length", answer->last - answer->first + 1) &&
	    add_header(out, "Content-Range", span_of(range)));
}

/* What goes with an answer that is a line of text. */
static bool
add_refusal(struct buf *out, const struct answer *answer)
{
	char range[CONTENT_RANGE_MAX];

	if (!add_header(
		out, "Content-Type", SPAN("text/plain; charset=utf-8")) ||
	    !add_number(out, "Content-Length", answer_text(answer->status).len))
		return (false);
	switch (answer->status) {
	case 405:
		return (add_header(out, "Allow", SPAN("GET, HEAD")));
	case 416:
		snprintf(range, sizeof(range), "bytes */%" PRIu64,
		    answer->metadata->size);
		return (add_header(out, "Content-Range", span_of(range)));
	case 503:
		return (add_number(out, "Retry-After", answer->retry_after_s));
	default:
		return (true);
	}
}

/* Cache-Status, under that NAME. */
static bool
add_cache_status(
    struct buf *out, const char *name, const struct answer_cache *cache)
{
	static const char *const how[] = {
		[ANSWER_CACHE_HIT] = "hit",
		[ANSWER_CACHE_MISS] = "fwd=uri-miss",
		[ANSWER_CACHE_BYPASS] = "fwd=bypass",
	};
	char text[96], status[32] = "";
	bool is_forward = cache->how != ANSWER_CACHE_HIT;

	if (cache->how == ANSWER_CACHE_NONE)
		return (true);
	if (is_forward && cache->fwd_status != 0)
		snprintf(status, sizeof(status), "; fwd-status=%d",
		    cache->fwd_status);
	snprintf(text, sizeof(text), "trys3; %s%s%s%s", how[cache->how], status,
	    is_forward && cache->is_stored ? "; stored" : "",
	    is_forward && cache->is_collapsed ? "; collapsed" : "");
	return (add_header(out, name, span_of(text)));
}

/* All by names of our own, but where to go and how much there is: nginx would
 * keep some of the others for whatever answer comes in the end.  The URL is not
 * in X-Accel-Redirect, whose value nginx decodes. */
static bool
add_handoff(struct buf *out, const struct answer *answer)
{
	const struct answer_handoff *handoff = answer->handoff;
	const struct span *field = answer->metadata->field;
	bool is_set = answer->cache_control != NULL;

	return (add_header(out, "X-Accel-Redirect", handoff->location) &&
	    add_number(out, "Content-Length", answer->metadata->size) &&
	    add_header(out, "X-Trys3-Host", handoff->host) &&
	    add_header(out, "X-Trys3-Target", handoff->target) &&
	    add_header(out, "X-Trys3-Range", handoff->range) &&
	    add_header(out, "X-Trys3-If-Match", handoff->etag) &&
	    add_header(out, "X-Trys3-ETag", field[METADATA_ETAG]) &&
	    add_header(
		out, "X-Trys3-Last-Modified", field[METADATA_LAST_MODIFIED]) &&
	    add_header(out, "X-Trys3-Content-Disposition",
		field[METADATA_CONTENT_DISPOSITION]) &&
	    add_header(out, "X-Trys3-Cache-Control",
		is_set ? span_of(answer->cache_control)
		       : field[METADATA_CACHE_CONTROL]) &&
	    add_header(out, "X-Trys3-Expires",
		is_set ? span_of(NULL) : field[METADATA_EXPIRES]) &&
	    add_cache_status(out, "X-Trys3-Cache-Status", &answer->cache) &&
	    buf_add_string(out, "\r\n"));
}

static bool
add_head(struct buf *out, const struct answer *answer)
{
	struct span text = answer_text(answer->status);

	text.len--;
	if (!add_header(out, "Status", text) ||
	    (!answer->may_keep &&
		!add_header(out, "X-Accel-Expires", SPAN("0"))))
		return (false);
	switch (answer->status) {
	case 200:
	case 206:
		if (answer->handoff != NULL)
			return (add_handoff(out, answer));
		if (!add_object(out, answer) || !add_validity(out, answer))
			return (false);
		break;
	case 304:
		if (!add_validity(out, answer))
			return (false);
		break;
	default:
		if (!add_refusal(out, answer))
			return (false);
		break;
	}
	return (add_cache_status(out, "Cache-Status", &answer->cache) &&
	    buf_add_string(out, "\r\n"));
}

bool
answer_head(const struct answer *answer, struct buf *out)
{
	size_t before = out->len;

	if (add_head(out, answer))
		return (true);
	out->len = before;
	return (false);
}

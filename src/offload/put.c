/*
 * Storing a file: see put.h.  Here is what one piece and many have in common,
 * and the one piece; offload/parts.c has the many.
 */
#include "offload/put.h"

#include "offload/parts.h"
#include "offload/sending.h"

bool
put_is_one_piece(uint64_t size)
{
	return (size <= PUT_PIECE_MAX);
}

/* What is in memory goes out in one piece with the headers. */
static void
choose_body(const struct sending_order *order, const struct http_source *source,
    struct call_request *request)
{
	if (order->bytes.data == NULL) {
		request->source = source;
		return;
	}
	sending_count(order->means, order->bytes.len);
	request->body = order->bytes;
}

static enum sending_result
put_piece(const struct sending_order *order, struct hand *hand,
    char reason[SENDING_REASON_MAX])
{
	struct sending sending = {
		.order = order,
		.offset = 0,
		.size = (uint64_t)order->status->st_size,
	};
	struct http_source source = sending_source(&sending);
	struct sending_headers headers;
	struct call_request request = {
		.site = order->means->site,
		.method = HTTP_PUT,
		.key = order->key,
		.payload_sha256 = span_of(order->digest->sha256),
		.patience_ms = order->means->patience_ms,
	};

	choose_body(order, &source, &request);
	sending_headers_init(&headers);
	sending_describe(&headers, order);
	if (order->digest->md5[0] != '\0')
		sending_add(
		    &headers, "Content-MD5", span_of(order->digest->md5));
	if (order->only_new)
		sending_add(&headers, "If-None-Match", SPAN("*"));
	request.headers = headers.list;
	request.n_headers = headers.n;
	return (sending_make(&sending, hand->call, &request, reason));
}

enum sending_result
put_file(const struct sending_order *order, struct hand *hand,
    char reason[SENDING_REASON_MAX])
{
	reason[0] = '\0';
	return (put_is_one_piece((uint64_t)order->status->st_size)
		? put_piece(order, hand, reason)
		: parts_put(order, hand, reason));
}

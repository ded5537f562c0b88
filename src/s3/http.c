/*
 * One HTTP exchange: see http.h.
 *
 * A channel (s3/channel.h) keeps the connections and the names for the life of
 * the process; its easy handle is filled anew for each exchange.
 * curl_easy_perform would do, but that it sees neither a time-out of ours nor
 * the client's end.
 */
#include "s3/http.h"

#include <assert.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/peer.h"
#include "s3/channel.h"
#include "s3/endpoint.h"
#include "s3/trust.h"

enum {
	/* All of an answer's heads together.  S3's are under 10 KB; libcurl
	 * 7.88 as such takes any number of headers (CVE-2023-38039). */
	HTTP_HEAD_MAX = 65536,
};

struct http {
	struct channel *channels;   /* see s3/channel.h */
	struct curl_slist *headers; /* of the request under way */

	/* The exchange under way, or the last. */
	const struct http_request *request; /* NULL: none is under way */
	const struct http_handler *handler;
	struct channel *channel; /* NULL: there was none yet */
	int64_t started_ms;
	int64_t deadline_ms; /* the request's, or what http_extend said */
	int64_t arrived_ms;  /* when bytes last came, or, if that is later,
	                     * when the handler was done with them */
	bool has_byte;
	bool has_head;
	bool is_stopped; /* by the handler */
	bool is_late;    /* the deadline passed while the handler worked */
	size_t head_len;
	uint64_t received;
	uint64_t sent; /* of the source's bytes: where it is read next */
	int status;
	bool is_framed;
	int64_t content_length;
	char error[CURL_ERROR_SIZE]; /* libcurl's words */
	char reason[CURL_ERROR_SIZE + 64];
};

bool
http_global_init(void)
{
	return (libcurl_init());
}

void
http_global_fini(void)
{
	libcurl_fini();
	trust_fini();
}

static void
set_reason(struct http *http, const char *format, ...) ATTR_PRINTF(2, 3);

static void
set_reason(struct http *http, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(http->reason, sizeof(http->reason), format, args);
	va_end(args);
}

/* How the end of the body will be known (RFC 9112 6.3). */
static void
read_framing(struct http *http)
{
	struct curl_header *coding;

	if (curl_easy_header(http->channel->easy, "Transfer-Encoding", 0,
		CURLH_HEADER, -1, &coding) == CURLHE_OK) {
		http->is_framed = coding->amount == 1 &&
		    span_equal_nocase(span_of(coding->value), SPAN("chunked"));
	} else {
		http->content_length =
		    libcurl_content_length(http->channel->easy);
		http->is_framed = http->content_length >= 0;
	}
	if (http->request->method == HTTP_HEAD || http->status == 204 ||
	    http->status == 304)
		http->is_framed = true;
}

static bool
has_no_body(const struct http *http)
{
	return (http->request->method == HTTP_HEAD || http->status == 204 ||
	    http->status == 304 || http->content_length == 0);
}

/* The final answer's head is complete; false: it is the end. */
static bool
take_head(struct http *http)
{
	const struct http_handler *handler = http->handler;
	long status = 0;

	curl_easy_getinfo(http->channel->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200)
		return (true);
	http->status = (int)status;
	http->has_head = true;
	read_framing(http);
	if (handler->head == NULL || handler->head(handler->context, http))
		return (true);
	http->is_stopped = true;
	/* With nothing to come the exchange may as well end in order, and
	 * keep its connection. */
	return (has_no_body(http));
}

static size_t
on_header(char *data, size_t size, size_t count, void *context)
{
	struct http *http = context;
	size_t len = size * count;
	bool go_on = true;

	http->has_byte = true;
	http->head_len += len;
	if (http->head_len > HTTP_HEAD_MAX) {
		set_reason(
		    http, "headers of more than %d bytes", (int)HTTP_HEAD_MAX);
		return (0);
	}
	/* An empty line ends a head; trailers come after has_head. */
	if (!http->has_head && len > 0 && (data[0] == '\r' || data[0] == '\n'))
		go_on = take_head(http);
	return (go_on ? len : 0);
}

static size_t
on_body(char *data, size_t size, size_t count, void *context)
{
	struct http *http = context;
	const struct http_handler *handler = http->handler;
	struct span bytes = { data, size * count };

	/* Behind a 101 libcurl calls everything a body. */
	if (!http->has_head || http->is_stopped)
		return (0);
	http->received += bytes.len;
	if (handler->body != NULL && !handler->body(handler->context, bytes)) {
		http->is_stopped = true;
		return (0);
	}
	http->arrived_ms = clock_monotonic_ms();
	/* One step goes on for as long as there is something to read: the
	 * deadline must be seen here too. */
	http->is_late = http->arrived_ms >= http->deadline_ms;
	return (http->is_late ? 0 : bytes.len);
}

/* The next bytes of the source. */
static size_t
on_send(char *data, size_t size, size_t count, void *context)
{
	struct http *http = context;
	const struct http_source *source = http->request->source;
	uint64_t left = source->size - http->sent;
	size_t room = size * count;
	ssize_t got;

	if (left == 0)
		return (0);
	if (room > left)
		room = (size_t)left;
	got = source->read(source->context, http->sent, data, room);
	if (got <= 0) {
		http->is_stopped = true;
		return (CURL_READFUNC_ABORT);
	}
	http->sent += (uint64_t)got;
	http->arrived_ms = clock_monotonic_ms();
	http->is_late = http->arrived_ms >= http->deadline_ms;
	return (http->is_late ? CURL_READFUNC_ABORT : (size_t)got);
}

/* A kept connection had gone: libcurl sends the source anew on another. */
static int
on_seek(void *context, curl_off_t offset, int origin)
{
	struct http *http = context;

	if (origin != SEEK_SET || offset < 0)
		return (CURL_SEEKFUNC_FAIL);
	http->sent = (uint64_t)offset;
	return (CURL_SEEKFUNC_OK);
}

/* What is the same in every exchange of HTTP. */
static void
set_callbacks(struct http *http, CURL *easy)
{
	LIBCURL_SET(easy, CURLOPT_ERRORBUFFER, http->error);
	LIBCURL_SET(easy, CURLOPT_HEADERFUNCTION, on_header);
	LIBCURL_SET(easy, CURLOPT_HEADERDATA, http);
	LIBCURL_SET(easy, CURLOPT_WRITEFUNCTION, on_body);
	LIBCURL_SET(easy, CURLOPT_WRITEDATA, http);
	LIBCURL_SET(easy, CURLOPT_READFUNCTION, on_send);
	LIBCURL_SET(easy, CURLOPT_READDATA, http);
	LIBCURL_SET(easy, CURLOPT_SEEKFUNCTION, on_seek);
	LIBCURL_SET(easy, CURLOPT_SEEKDATA, http);
}

static struct channel *
find_channel(struct http *http, const struct http_request *request)
{
	struct span url = span_of(request->url);
	struct channel *channel;
	bool is_tls;

	is_tls = endpoint_take_scheme(&url, &is_tls) && is_tls;
	for (channel = http->channels; channel != NULL; channel = channel->next)
		if (channel_is_for(channel, request->ca_file, is_tls))
			return (channel);
	channel = channel_new(request->ca_file, is_tls);
	set_callbacks(http, channel->easy);
	channel->next = http->channels;
	http->channels = channel;
	return (channel);
}

struct http *
http_new(void)
{
	return (mem_zero(1, sizeof(struct http)));
}

void
http_free(struct http *http)
{
	struct channel *channel;

	if (http == NULL)
		return;
	while ((channel = http->channels) != NULL) {
		http->channels = channel->next;
		channel_free(channel);
	}
	free(http);
}

static bool
has_body(const struct http_request *request)
{
	return (request->method == HTTP_PUT || request->method == HTTP_POST);
}

/* A PUT is a POST by another name: libcurl sends both alike, from memory that
 * is the caller's.  What libcurl would add of its own is not to be sent, but a
 * Content-Type that the caller listed stands before ours, and is. */
static void
prepare_body(struct http *http, const struct http_request *request)
{
	CURL *easy = http->channel->easy;
	const char *body = request->body.data;

	libcurl_add_header(&http->headers, "Content-Type:");
	libcurl_add_header(&http->headers, "Expect:");
	if (request->source != NULL) {
		LIBCURL_SET(easy, CURLOPT_UPLOAD, 1L);
		LIBCURL_SET(easy, CURLOPT_INFILESIZE_LARGE,
		    (curl_off_t)request->source->size);
		return;
	}
	LIBCURL_SET(easy, CURLOPT_POST, 1L);
	/* NULL would mean that a callback has it. */
	LIBCURL_SET(easy, CURLOPT_POSTFIELDS, body != NULL ? body : "");
	LIBCURL_SET(
	    easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
	if (request->method == HTTP_PUT)
		LIBCURL_SET(easy, CURLOPT_CUSTOMREQUEST, "PUT");
}

static void
forget_body(struct http *http)
{
	LIBCURL_SET(http->channel->easy, CURLOPT_POSTFIELDS, NULL);
}

static void
prepare(struct http *http, const struct http_request *request)
{
	CURL *easy = http->channel->easy;
	int64_t connect_ms = request->connect_timeout_ms;
	long is_head = request->method == HTTP_HEAD;
	size_t len = strlen(request->url) + request->body.len;

	if (connect_ms < 1) /* libcurl takes 0 for 300 s */
		connect_ms = 1;
	for (size_t i = 0; i < request->n_headers; i++) {
		libcurl_add_header(&http->headers, request->headers[i]);
		len += strlen(request->headers[i]);
	}
	libcurl_fit(easy, request->source != NULL ? SIZE_MAX : len);
	libcurl_add_header(
	    &http->headers, "Accept:"); /* libcurl's own is not to be sent */
	/* Also after a POST: nothing of the last request may be left. */
	LIBCURL_SET(easy, CURLOPT_HTTPGET, 1L);
	LIBCURL_SET(easy, CURLOPT_NOBODY, is_head);
	/* Some servers send a body all the same, and late. */
	LIBCURL_SET(easy, CURLOPT_FORBID_REUSE,
	    (long)(is_head && !request->keeps_head));
	if (has_body(request))
		prepare_body(http, request);
	if (request->method == HTTP_DELETE)
		LIBCURL_SET(easy, CURLOPT_CUSTOMREQUEST, "DELETE");
	LIBCURL_SET(easy, CURLOPT_HTTPHEADER, http->headers);
	LIBCURL_SET(easy, CURLOPT_URL, request->url);
	/* "": none; NULL: what the environment names, looked up each time. */
	LIBCURL_SET(easy, CURLOPT_PROXY,
	    request->no_proxy || !http->channel->has_proxy ? "" : NULL);
	LIBCURL_SET(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
}

/* Keep nothing of REQUEST: what it borrowed is the caller's again. */
static void
forget(struct http *http, const struct http_request *request)
{
	LIBCURL_SET(http->channel->easy, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(http->headers);
	http->headers = NULL;
	LIBCURL_SET(http->channel->easy, CURLOPT_CUSTOMREQUEST, NULL);
	if (has_body(request))
		forget_body(http);
	http->request = NULL;
}

/* The final answer, or its lack, from how libcurl ended with CODE. */
static enum http_result
judge(struct http *http, CURLcode code)
{
	long sent = 0;

	if (http->is_stopped) {
		set_reason(http, "stopped by us");
		return (HTTP_STOPPED);
	}
	if (http->is_late) {
		set_reason(http,
		    "the deadline passed while the client took "
		    "its bytes");
		return (HTTP_DEADLINE);
	}
	if (code == CURLE_OK && http->has_head)
		return (HTTP_OK);
	if (code == CURLE_OK)
		set_reason(http, "no final answer");
	else if (code == CURLE_SSL_CACERT_BADFILE &&
	    http->channel->why[0] != '\0')
		set_reason(http, "%s", http->channel->why);
	else if (http->reason[0] == '\0')
		set_reason(http, "%s",
		    http->error[0] != '\0' ? http->error
					   : curl_easy_strerror(code));
	/* UNSUPPORTED_PROTOCOL is also what libcurl says of an answer that is
	 * not HTTP; then a request has been sent. */
	curl_easy_getinfo(http->channel->easy, CURLINFO_REQUEST_SIZE, &sent);
	if (code == CURLE_SSL_CACERT_BADFILE || code == CURLE_URL_MALFORMAT ||
	    (code == CURLE_UNSUPPORTED_PROTOCOL && sent == 0))
		return (HTTP_UNUSABLE);
	return (HTTP_FAILED);
}

/* The result of the one transfer, when it is no longer running. */
static CURLcode
take_code(struct http *http)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->channel->multi, &left)) !=
	    NULL)
		if (message->msg == CURLMSG_DONE)
			return (message->data.result);
	return (CURLE_FAILED_INIT);
}

/* Until when may S3 be silent? */
static int64_t
find_silence_end(const struct http *http)
{
	const struct http_request *request = http->request;

	if (http->has_byte ||
	    (http->sent > 0 && http->sent < request->source->size))
		return (http->arrived_ms + request->stall_timeout_ms);
	if (http->sent > 0)
		return (http->arrived_ms + request->first_byte_timeout_ms);
	return (http->started_ms + request->first_byte_timeout_ms);
}

static void
explain_silence(struct http *http)
{
	if (http->has_byte)
		set_reason(http,
		    "nothing came for %lld ms, after %llu bytes of body",
		    (long long)http->request->stall_timeout_ms,
		    (unsigned long long)http->received);
	else if (http->sent > 0 && http->sent < http->request->source->size)
		set_reason(http, "no more was taken for %lld ms, of %llu bytes",
		    (long long)http->request->stall_timeout_ms,
		    (unsigned long long)http->request->source->size);
	else
		set_reason(http, "no answer began within %lld ms",
		    (long long)http->request->first_byte_timeout_ms);
}

/* Wait up to MS for S3 or the client; false where the client went away. */
static bool
wait_for_bytes(struct http *http, int64_t ms)
{
	int peer_fd = http->request->peer_fd;

	return (!transfer_wait(&http->channel->transfer, peer_fd, ms) ||
	    !peer_is_gone(peer_fd));
}

/* Drive the transfer to its end, or to ours. */
static enum http_result
run(struct http *http)
{
	int64_t until, now;
	size_t head_len = 0; /* when we last looked */
	bool is_over;

	for (;;) {
		if (!transfer_step(&http->channel->transfer, &is_over)) {
			set_reason(http, "libcurl's loop broke");
			return (HTTP_FAILED);
		}
		if (is_over)
			return (judge(http, take_code(http)));
		now = clock_monotonic_ms();
		if (http->head_len > head_len)
			http->arrived_ms = now;
		head_len = http->head_len;
		until = find_silence_end(http);
		if (now >= http->deadline_ms) {
			set_reason(http,
			    "the deadline passed, after %llu bytes of body",
			    (unsigned long long)http->received);
			return (HTTP_DEADLINE);
		}
		if (now >= until) {
			explain_silence(http);
			return (HTTP_FAILED);
		}
		if (until > http->deadline_ms)
			until = http->deadline_ms;
		if (!wait_for_bytes(http, until - now)) {
			set_reason(http, "the client went away");
			return (HTTP_PEER_GONE);
		}
	}
}

static void
begin(struct http *http, const struct http_request *request,
    const struct http_handler *handler)
{
	http->request = request;
	http->handler = handler;
	http->channel = find_channel(http, request);
	http->deadline_ms = request->deadline_ms;
	http->started_ms = http->arrived_ms = clock_monotonic_ms();
	http->has_byte = http->has_head = false;
	http->is_stopped = http->is_late = false;
	http->head_len = 0;
	http->received = http->sent = 0;
	http->status = 0;
	http->is_framed = false;
	http->content_length = -1;
	http->error[0] = http->reason[0] = '\0';
}

enum http_result
http_perform(struct http *http, const struct http_request *request,
    const struct http_handler *handler)
{
	enum http_result result;

	assert(http->request == NULL);
	begin(http, request, handler);
	if (peer_is_gone(request->peer_fd)) {
		set_reason(http, "the client went away");
		http->request = NULL;
		return (HTTP_PEER_GONE);
	}
	sockets_end_unasked(&http->channel->sockets);
	prepare(http, request);
	if (curl_multi_add_handle(http->channel->multi, http->channel->easy) !=
	    CURLM_OK)
		log_fatal(1, "libcurl: no transfer can be added");
	result = run(http);
	/* This closes the connection if the transfer was still under way. */
	curl_multi_remove_handle(http->channel->multi, http->channel->easy);
	forget(http, request);
	return (result);
}

void
http_extend(struct http *http, int64_t deadline_ms)
{
	http->deadline_ms = deadline_ms;
}

int
http_status(const struct http *http)
{
	return (http->status);
}

bool
http_was_sent(const struct http *http)
{
	long sent = 0;

	curl_easy_getinfo(http->channel->easy, CURLINFO_REQUEST_SIZE, &sent);
	return (sent > 0);
}

bool
http_header(const struct http *http, const char *name, struct span *value)
{
	struct curl_header *header;

	if (!http->has_head ||
	    curl_easy_header(http->channel->easy, name, 0, CURLH_HEADER, -1,
		&header) != CURLHE_OK)
		return (false);
	*value = libcurl_value(header);
	return (true);
}

void
http_each_header(const struct http *http,
    void (*take)(void *context, struct span name, struct span value),
    void *context)
{
	struct curl_header *header = NULL;

	if (!http->has_head)
		return;
	while ((header = curl_easy_nextheader(
		    http->channel->easy, CURLH_HEADER, -1, header)) != NULL)
		take(context, span_of(header->name), libcurl_value(header));
}

int64_t
http_content_length(const struct http *http)
{
	return (http->content_length);
}

bool
http_is_framed(const struct http *http)
{
	return (http->is_framed);
}

const char *
http_reason(const struct http *http)
{
	return (http->reason);
}

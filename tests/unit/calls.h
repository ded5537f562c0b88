/*
 * s3/call, played: a test says what each request is answered with, and looks
 * at what was asked.  By any thread.  To be linked with $(wrap_call); after
 * cmocka.h.
 */
#ifndef TESTS_UNIT_CALLS_H
#define TESTS_UNIT_CALLS_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "s3/call.h"

enum { CALLS_MAX = 12000, CALLS_TEXT_MAX = 1 << 20 };

/* A request as it was made; the texts are the header's. */
struct calls_asked {
	enum http_method method;
	char *key;
	char *query;
	char *headers; /* "Name: value\n" each */
	char *body;    /* of what is no source */
	char *payload; /* its digest; "" of none */
	uint64_t size; /* of the source, as promised */
	uint64_t sum;  /* of the bytes that were read of it */
	struct call_request request;
};

/* What comes back; static text, NULL: none. */
struct calls_answer {
	const char *body;
	const char *etag;
	const char *reason;
};

static struct {
	pthread_mutex_t lock;
	size_t n;
	struct calls_asked asked[CALLS_MAX];
	bool leaves_source; /* unread: it is too long for a test */
	/* The test's.  INDEX counts from 0; called under the lock. */
	enum call_result (*play)(const struct calls_asked *asked, size_t index,
	    struct calls_answer *answer);
} calls = { .lock = PTHREAD_MUTEX_INITIALIZER };

struct played_call {
	struct calls_answer answer;
	struct buf body;
};

struct call *__wrap_call_new(const struct site *sites, size_t n_sites,
    struct keyring *keyring, struct learnt *learnt);
void __wrap_call_free(struct call *call);
enum call_result
__wrap_call_make(struct call *call, const struct call_request *request);
struct span __wrap_call_body(const struct call *call);
bool __wrap_call_header(
    const struct call *call, const char *name, struct span *value);
const char *__wrap_call_reason(const struct call *call);

struct call *
__wrap_call_new(const struct site *sites, size_t n_sites,
    struct keyring *keyring, struct learnt *learnt)
{
	struct played_call *played = mem_zero(1, sizeof(*played));

	(void)sites;
	(void)n_sites;
	(void)keyring;
	(void)learnt;
	buf_init(&played->body, CALLS_TEXT_MAX);
	return ((struct call *)played);
}

void
__wrap_call_free(struct call *call)
{
	if (call != NULL)
		buf_fini(&((struct played_call *)call)->body);
	free(call);
}

/* Read it as libcurl would; false where it ends before it should. */
static bool
calls_read_source(struct calls_asked *asked, const struct http_source *source)
{
	static const size_t room = 65536;
	char *to = mem_alloc(room);
	uint64_t at = 0;

	while (at < source->size) {
		uint64_t left = source->size - at;
		ssize_t got = source->read(
		    source->context, at, to, left < room ? (size_t)left : room);

		if (got <= 0)
			break;
		for (ssize_t i = 0; i < got; i++)
			asked->sum += (unsigned char)to[i];
		at += (uint64_t)got;
	}
	free(to);
	return (at == source->size);
}

enum call_result
__wrap_call_make(struct call *call, const struct call_request *request)
{
	struct played_call *played = (struct played_call *)call;
	struct calls_asked asked = {
		.method = request->method,
		.key = mem_string_of(request->key.data, request->key.len),
		.query = mem_string_of(request->query.data, request->query.len),
		.body = mem_string_of(request->body.data, request->body.len),
		.payload = mem_string_of(
		    request->payload_sha256.data, request->payload_sha256.len),
		.request = *request,
	};
	enum call_result result;
	struct buf headers;
	bool is_read = true;

	buf_init(&headers, CALLS_TEXT_MAX);
	for (size_t i = 0; i < request->n_headers; i++)
		assert_true(buf_printf(&headers, "%.*s: %.*s\n",
		    SPAN_ARG(request->headers[i].name),
		    SPAN_ARG(request->headers[i].value)));
	asked.headers = mem_string(buf_string(&headers));
	buf_fini(&headers);
	if (request->source != NULL) {
		asked.size = request->source->size;
		if (!calls.leaves_source)
			is_read = calls_read_source(&asked, request->source);
	}
	pthread_mutex_lock(&calls.lock);
	if (calls.n == CALLS_MAX)
		abort();
	played->answer = (struct calls_answer){ NULL, NULL, NULL };
	result = calls.play(&asked, calls.n, &played->answer);
	calls.asked[calls.n++] = asked;
	pthread_mutex_unlock(&calls.lock);
	buf_clear(&played->body);
	if (played->answer.body != NULL)
		assert_true(buf_add_string(&played->body, played->answer.body));
	return (is_read ? result : CALL_STOPPED);
}

struct span
__wrap_call_body(const struct call *call)
{
	return (buf_span(&((const struct played_call *)call)->body));
}

bool
__wrap_call_header(
    const struct call *call, const char *name, struct span *value)
{
	*value = span_of(((const struct played_call *)call)->answer.etag);
	return (value->data != NULL && strcmp(name, "ETag") == 0);
}

const char *
__wrap_call_reason(const struct call *call)
{
	const char *reason = ((const struct played_call *)call)->answer.reason;

	return (reason != NULL ? reason : "");
}

/* Forget what was asked. */
static void
calls_forget(void)
{
	for (size_t i = 0; i < calls.n; i++) {
		struct calls_asked *asked = &calls.asked[i];

		free(asked->key);
		free(asked->query);
		free(asked->headers);
		free(asked->body);
		free(asked->payload);
	}
	calls.n = 0;
}

#endif

/*
 * s3/http over real sockets: each test has an origin of its own, a child
 * process with a socket on 127.0.0.1 that plays a few lines of C.  What a
 * test waits for is always an event; the only times are those of the
 * time-outs under test.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "s3/http.h"

#include "http_origin.h"

/* The scripts of the table. */

static void
play_whole(struct origin *o)
{
	o_accept(o);
	o_read(o);
	o_send(o,
	    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
	    "Content-Encoding: gzip\r\n\r\nhello");
	o_hang(o);
}

static void
play_chunked(struct origin *o)
{
	o_accept(o);
	o_read(o);
	o_send(o,
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "2\r\nhe\r\n3\r\nllo\r\n0\r\nX-Trailer: 1\r\n\r\n");
	o_hang(o);
}

static void
play_chunked_and_length(struct origin *o)
{
	o_accept(o);
	o_read(o);
	o_send(o,
	    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
	o_hang(o);
}

static void
play_chunked_short(struct origin *o)
{
	o_accept(o);
	o_read(o);
	o_send(o,
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "5\r\nhello\r\n");
	o_close(o);
}

static void
play_short(struct origin *o)
{
	o_accept(o);
	o_read(o);
	o_send(o, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello");
	o_close(o);
}

static void
play_long(struct origin *o)
{
	o_accept(o);
	o_read(o);
	o_send(o, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, world");
	o_hang(o);
}

static void
play_unframed(struct origin *o)
{
	o_accept(o);
	o_read(o);
	o_send(o, "HTTP/1.1 200 OK\r\n\r\nhello");
	o_close(o);
}

static void
play_two_lengths(struct origin *o)
{
	o_accept(o);
	o_read(o);
	o_send(o,
	    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n"
	    "Content-Length: 5\r\n\r\nhello");
	o_close(o);
}

static void
play_bad_length(struct origin *o)
{
	o_accept(o);
	o_read(o);
	o_send(o, "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello");
	o_close(o);
}

static void
play_other_coding(struct origin *o)
{
	o_accept(o);
	o_read(o);
	o_send(o,
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n"
	    "Content-Length: 5\r\n\r\nhello");
	o_close(o);
}

static void
play_reset_before(struct origin *o)
{
	o_accept(o);
	o_read(o);
	o_reset(o);
}

static void
play_close_before(struct origin *o)
{
	o_accept(o);
	o_read(o);
	o_close(o);
}

static void
play_reset_within(struct origin *o)
{
	o_accept(o);
	o_read(o);
	o_send(o, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello");
	o_wait(o); /* until it has been read: a reset discards */
	o_reset(o);
}

static void
play_garbage(struct origin *o)
{
	o_accept(o);
	o_read(o);
	o_send(o, "\x16\x03\x01 this is not HTTP\r\n\r\n");
	o_close(o);
}

static void
play_half_head(struct origin *o)
{
	o_accept(o);
	o_read(o);
	o_send(o, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n");
	o_close(o);
}

static void
play_silence(struct origin *o)
{
	o_accept(o);
	o_read(o);
	o_hang(o);
}

static void
play_stall(struct origin *o)
{
	o_accept(o);
	o_read(o);
	o_send(o, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello");
	o_hang(o);
}

static void
play_stall_in_head(struct origin *o)
{
	o_accept(o);
	o_read(o);
	o_send(o, "HTTP/1.1 200 OK\r\n");
	o_hang(o);
}

static void
play_continue(struct origin *o)
{
	o_accept(o);
	o_read(o);
	o_send(o,
	    "HTTP/1.1 100 Continue\r\nETag: no\r\n\r\n"
	    "HTTP/1.1 103 Early Hints\r\nETag: no\r\n\r\n"
	    "HTTP/1.1 200 OK\r\nETag: \"yes\"\r\n"
	    "Content-Length: 5\r\n\r\nhello");
	o_hang(o);
}

static void
play_switch(struct origin *o)
{
	o_accept(o);
	o_read(o);
	o_send(
	    o, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nhello");
	o_close(o);
}

static void
play_redirect(struct origin *o)
{
	char text[256];

	o_accept(o);
	o_read(o);
	snprintf(text, sizeof(text),
	    "HTTP/1.1 307 Temporary Redirect\r\nLocation: %s\r\n"
	    "Content-Length: 4\r\n\r\nelse",
	    o->url);
	o_send(o, text);
	o_read(o);
	o_hang(o);
}

static void
play_huge_head(struct origin *o)
{
	char line[1024];
	unsigned i;

	memset(line, 'a', sizeof(line));
	memcpy(line, "X-A: ", 5);
	memcpy(line + sizeof(line) - 3, "\r\n", 3);
	o_accept(o);
	o_read(o);
	o_send(o, "HTTP/1.1 200 OK\r\n");
	for (i = 0; i < 100; i++)
		o_send(o, line);
	o_send(o, "Content-Length: 5\r\n\r\nhello");
	o_hang(o);
}

static void
play_nul(struct origin *o)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nETag: \"a\0b\"\r\n"
				   "Content-Length: 5\r\n\r\nhello";

	o_accept(o);
	o_read(o);
	if (send(o->fd, text, sizeof(text) - 1, MSG_NOSIGNAL) < 0)
		_exit(1);
	o_hang(o);
}

static void
play_error(struct origin *o)
{
	o_accept(o);
	o_read(o);
	o_send(o, "HTTP/1.1 503 Slow Down\r\nContent-Length: 5\r\n\r\nhello");
	o_hang(o);
}

static void
play_not_modified(struct origin *o)
{
	o_accept(o);
	o_read(o);
	o_send(o, "HTTP/1.1 304 Not Modified\r\n\r\n");
	o_hang(o);
}

static void
play_head(struct origin *o)
{
	o_accept(o);
	o_read(o);
	o_send(o, "HTTP/1.1 404 Not Found\r\nContent-Length: 300\r\n\r\n");
	o_accept(o);
	o_read(o);
	o_send(o, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
	o_accept(o);
	o_read(o);
	o_send(o, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
	o_hang(o);
}

/* Two HEADs on one connection. */
static void
play_heads(struct origin *o)
{
	o_accept(o);
	for (int i = 0; i < 2; i++) {
		o_read(o);
		o_send(o, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
	}
	o_hang(o);
}

static void
test_answers(void **state)
{
	static const struct {
		const char *name;
		script *play;
		enum http_result result;
		int status;
		bool is_framed;
		int64_t length;
		const char *body;
		const char *reason; /* part of it */
	} rows[] = {
		{ "whole, not decompressed", play_whole, HTTP_OK, 200, true, 5,
		    "hello", "" },
		{ "chunked", play_chunked, HTTP_OK, 200, true, -1, "hello",
		    "" },
		{ "chunked wins over a length", play_chunked_and_length,
		    HTTP_OK, 200, true, -1, "hello", "" },
		{ "chunked, broken off", play_chunked_short, HTTP_FAILED, 200,
		    true, -1, "hello", "transfer closed" },
		{ "short", play_short, HTTP_FAILED, 200, true, 9, "hello",
		    "transfer closed" },
		{ "longer than said", play_long, HTTP_OK, 200, true, 5, "hello",
		    "" },
		{ "no framing", play_unframed, HTTP_OK, 200, false, -1, "hello",
		    "" },
		{ "two lengths that differ", play_two_lengths, HTTP_OK, 200,
		    false, -1, "hello", "" },
		{ "a length that is a list", play_bad_length, HTTP_OK, 200,
		    false, -1, "hello", "" },
		{ "another coding", play_other_coding, HTTP_OK, 200, false, -1,
		    "hello", "" },
		{ "reset before the answer", play_reset_before, HTTP_FAILED, 0,
		    false, -1, "", "reset" },
		{ "closed before the answer", play_close_before, HTTP_FAILED, 0,
		    false, -1, "", "Empty reply" },
		{ "not HTTP", play_garbage, HTTP_FAILED, 0, false, -1, "",
		    "HTTP/0.9" },
		{ "half a head", play_half_head, HTTP_FAILED, 0, false, -1, "",
		    "" },
		{ "1xx before it", play_continue, HTTP_OK, 200, true, 5,
		    "hello", "" },
		{ "another protocol", play_switch, HTTP_FAILED, 0, false, -1,
		    "", "" },
		{ "a redirect is an answer", play_redirect, HTTP_OK, 307, true,
		    4, "else", "" },
		{ "a head without end", play_huge_head, HTTP_FAILED, 0, false,
		    -1, "", "headers of more than" },
		{ "a NUL in a header", play_nul, HTTP_FAILED, 0, false, -1, "",
		    "" },
		{ "a status that is an error", play_error, HTTP_OK, 503, true,
		    5, "hello", "" },
		{ "a status without a body", play_not_modified, HTTP_OK, 304,
		    true, -1, "", "" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http *http = http_new();
		struct http_request request;
		struct origin o;
		struct got got;
		enum http_result result;

		print_message("%s\n", rows[i].name);
		start(&o, rows[i].play);
		got_init(&got);
		request = make_request(&o);
		result = perform(http, &request, &got);
		assert_int_equal(result, rows[i].result);
		assert_int_equal(http_status(http), rows[i].status);
		assert_int_equal(got.heads, rows[i].status != 0);
		assert_int_equal(http_is_framed(http), rows[i].is_framed);
		assert_int_equal(http_content_length(http), rows[i].length);
		assert_int_equal(got.status, rows[i].status);
		assert_string_equal(buf_string(&got.body), rows[i].body);
		assert_non_null(strstr(http_reason(http), rows[i].reason));
		assert_true(
		    (result == HTTP_OK) == (http_reason(http)[0] == '\0'));
		assert_int_equal(o.seen->requests, 1);
		buf_fini(&got.body);
		http_free(http);
		stop(&o);
	}
}

static void
test_reset_within(void **state)
{
	struct http *http = http_new();
	struct http_request request;
	struct origin o;
	struct got got;

	(void)state;
	start(&o, play_reset_within);
	got_init(&got);
	got.go_fd = o.go[1];
	request = make_request(&o);
	assert_int_equal(perform(http, &request, &got), HTTP_FAILED);
	assert_string_equal(buf_string(&got.body), "hello");
	assert_non_null(strstr(http_reason(http), "reset"));
	buf_fini(&got.body);
	http_free(http);
	stop(&o);
}

/* Nothing is sent but what was listed. */
static void
test_request_is_what_was_listed(void **state)
{
	struct http *http = http_new();
	struct http_request request;
	struct origin o;
	struct got got;
	char url[128];

	(void)state;
	start(&o, play_head);
	got_init(&got);
	request = make_request(&o);
	snprintf(url, sizeof(url), "%s/../a/./b//c%%2F%%3f", o.url);
	request.url = url;
	request.method = HTTP_HEAD;
	assert_int_equal(perform(http, &request, &got), HTTP_OK);
	assert_int_equal(got.status, 404);
	assert_int_equal(got.length, 300);
	assert_string_equal(o.seen->request[0],
	    "HEAD /b/k/../a/./b//c%2F%3f HTTP/1.1\r\n"
	    "Host: bucket.example\r\n"
	    "x-amz-date: 20130524T000000Z\r\n\r\n");
	/* A body that a HEAD must not have, and that comes late, is not the
	 * answer to what is asked next: each HEAD ends its connection. */
	got.stop_at_head = true;
	assert_int_equal(perform(http, &request, &got), HTTP_STOPPED);
	got.stop_at_head = false;
	request.method = HTTP_GET;
	assert_int_equal(perform(http, &request, &got), HTTP_OK);
	assert_string_equal(buf_string(&got.body), "hello");
	assert_memory_equal(o.seen->request[2], "GET /b/k", 8);
	assert_int_equal(o.seen->connections, 3);
	buf_fini(&got.body);
	http_free(http);
	stop(&o);
}

static void
test_kept_heads(void **state)
{
	struct http *http = http_new();
	struct http_request request;
	struct origin o;
	struct got got;

	(void)state;
	start(&o, play_heads);
	got_init(&got);
	request = make_request(&o);
	request.method = HTTP_HEAD;
	request.keeps_head = true;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(perform(http, &request, &got), HTTP_OK);
		assert_int_equal(got.status, 200);
		assert_int_equal(got.length, 5);
	}
	assert_int_equal(o.seen->connections, 1);
	buf_fini(&got.body);
	http_free(http);
	stop(&o);
}

/* Answers REQUESTS requests, of whatever connection. */
static void
play_bodies(struct origin *o)
{
	unsigned i = 0;

	o_accept(o);
	while (i < REQUESTS) {
		struct pollfd fds[2] = { { o->fd, POLLIN, 0 },
			{ o->listener, POLLIN, 0 } };
		char c;

		poll(fds, 2, -1);
		if (fds[0].revents == 0 || recv(o->fd, &c, 1, MSG_PEEK) <= 0) {
			o_close(o);
			o_accept(o);
			continue;
		}
		o_read_all(o);
		o_send(o, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
		i++;
	}
	o_hang(o);
}

#define LISTED "Host: bucket.example\r\nx-amz-date: 20130524T000000Z\r\n"
#define TYPED  LISTED "Content-Type: text/plain\r\n"

/* Nothing is sent but what was listed, and the body's length; and each request
 * is as if it were the first. */
static void
test_methods(void **state)
{
	static const char *const typed[] = { "Host: bucket.example",
		"x-amz-date: 20130524T000000Z", "Content-Type: text/plain" };
	static const struct {
		enum http_method method;
		const char *body;
		const char *seen;
	} rows[REQUESTS] = {
		{ HTTP_PUT, NULL,
		    "PUT /b/k HTTP/1.1\r\n" LISTED
		    "Content-Length: 0\r\n\r\n" },
		{ HTTP_GET, "ignored", "GET /b/k HTTP/1.1\r\n" LISTED "\r\n" },
		{ HTTP_POST, "a=b&c",
		    "POST /b/k HTTP/1.1\r\n" LISTED
		    "Content-Length: 5\r\n\r\na=b&c" },
		{ HTTP_POST, "",
		    "POST /b/k HTTP/1.1\r\n" LISTED
		    "Content-Length: 0\r\n\r\n" },
		{ HTTP_PUT, "x",
		    "PUT /b/k HTTP/1.1\r\n" LISTED
		    "Content-Length: 1\r\n\r\nx" },
		{ HTTP_POST, "y",
		    "POST /b/k HTTP/1.1\r\n" TYPED
		    "Content-Length: 1\r\n\r\ny" },
		{ HTTP_GET, NULL, "GET /b/k HTTP/1.1\r\n" LISTED "\r\n" },
		{ HTTP_HEAD, "ignored",
		    "HEAD /b/k HTTP/1.1\r\n" LISTED "\r\n" },
	};
	struct http *http = http_new();
	struct http_request request;
	struct origin o;
	struct got got;

	(void)state;
	start(&o, play_bodies);
	got_init(&got);
	request = make_request(&o);
	for (size_t i = 0; i < REQUESTS; i++) {
		char *body = mem_string(rows[i].body);
		bool is_typed = strstr(rows[i].seen, "Content-Type") != NULL;

		request.method = rows[i].method;
		request.body = span_of(body);
		request.headers = is_typed ? typed : headers;
		request.n_headers = is_typed ? 3 : 2;
		buf_clear(&got.body);
		assert_int_equal(perform(http, &request, &got), HTTP_OK);
		mem_wipe_string(&body);
		assert_string_equal(o.seen->request[i], rows[i].seen);
		assert_string_equal(buf_string(&got.body),
		    rows[i].method == HTTP_HEAD ? "" : "hello");
	}
	assert_int_equal(o.seen->connections, 1);
	buf_fini(&got.body);
	http_free(http);
	stop(&o);
}

static void
play_silent_first(struct origin *o)
{
	o_accept(o);
	o_read_all(o);
	o_accept(o);
	o_read_all(o);
	o_send(o, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
	o_hang(o);
}

/* A POST that was broken off is gone for good, too. */
static void
test_after_a_failed_body(void **state)
{
	static const enum http_method methods[] = { HTTP_PUT, HTTP_POST };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct http *http = http_new();
		char *body = mem_string("a=b");
		struct http_request request;
		struct origin o;
		struct got got;

		start(&o, play_silent_first);
		got_init(&got);
		request = make_request(&o);
		request.method = methods[i];
		request.body = span_of(body);
		request.first_byte_timeout_ms = SHORT_MS;
		assert_int_equal(perform(http, &request, &got), HTTP_FAILED);
		mem_wipe_string(&body);
		request = make_request(&o);
		assert_int_equal(perform(http, &request, &got), HTTP_OK);
		assert_string_equal(
		    o.seen->request[1], "GET /b/k HTTP/1.1\r\n" LISTED "\r\n");
		buf_fini(&got.body);
		http_free(http);
		stop(&o);
	}
}

/* Where libcurl would ask first whether it may (100-continue), and where a body
 * is sent in many pieces. */
static void
test_large_body(void **state)
{
	enum { LARGE = 3000000 };
	struct http *http = http_new();
	char *body = mem_alloc(LARGE);
	struct http_request request;
	struct origin o;
	struct got got;

	(void)state;
	memset(body, 'x', LARGE);
	body[1000] = '\0';
	start(&o, play_bodies);
	got_init(&got);
	request = make_request(&o);
	request.body = (struct span){ body, LARGE };
	request.method = HTTP_PUT;
	assert_int_equal(perform(http, &request, &got), HTTP_OK);
	assert_int_equal(o.seen->body_len, LARGE);
	request.method = HTTP_POST;
	assert_int_equal(perform(http, &request, &got), HTTP_OK);
	assert_int_equal(o.seen->body_len, 2 * LARGE);
	assert_null(strstr(o.seen->request[0], "Expect"));
	assert_null(strstr(o.seen->request[1], "Expect"));
	free(body);
	buf_fini(&got.body);
	http_free(http);
	stop(&o);
}

/* For play_status. */
static int status_sent;

static void
play_status(struct origin *o)
{
	char text[256];

	o_accept(o);
	o_read_all(o);
	snprintf(text, sizeof(text),
	    "HTTP/1.1 %d Elsewhere\r\nLocation: %s\r\n"
	    "Content-Length: 0\r\n\r\n",
	    status_sent, o->url);
	o_send(o, text);
	o_read_all(o);
	o_hang(o);
}

/* A token must not be carried to where an answer points. */
static void
test_no_redirect_is_followed(void **state)
{
	static const int statuses[] = { 301, 302, 303, 307, 308 };
	static const enum http_method methods[] = { HTTP_GET, HTTP_HEAD,
		HTTP_PUT, HTTP_POST };

	(void)state;
	for (size_t i = 0; i < 20; i++) {
		struct http *http = http_new();
		struct http_request request;
		struct origin o;
		struct got got;

		status_sent = statuses[i % 5];
		start(&o, play_status);
		got_init(&got);
		request = make_request(&o);
		request.method = methods[i / 5];
		request.body = SPAN("a=b");
		assert_int_equal(perform(http, &request, &got), HTTP_OK);
		assert_int_equal(http_status(http), status_sent);
		assert_int_equal(o.seen->requests, 1);
		assert_int_equal(o.seen->connections, 1);
		buf_fini(&got.body);
		http_free(http);
		stop(&o);
	}
}

/* The environment's proxy is asked, or passed over; by the same handle, for the
 * same URL, in turns. */
static void
test_proxy(void **state)
{
	struct http *http = http_new();
	struct http_request request;
	struct origin proxy, o;
	struct got got;
	char line[128];

	(void)state;
	start(&proxy, play_bodies);
	start(&o, play_bodies);
	got_init(&got);
	assert_int_equal(setenv("http_proxy", proxy.url, 1), 0);
	request = make_request(&o);
	snprintf(line, sizeof(line), "GET %s HTTP/1.1\r\n", o.url);
	for (unsigned turn = 1; turn <= 3; turn++) {
		request.no_proxy = false;
		assert_int_equal(perform(http, &request, &got), HTTP_OK);
		assert_int_equal(proxy.seen->requests, turn);
		assert_int_equal(o.seen->requests, turn - 1);
		assert_memory_equal(
		    proxy.seen->request[turn - 1], line, strlen(line));
		request.no_proxy = true;
		assert_int_equal(perform(http, &request, &got), HTTP_OK);
		assert_int_equal(proxy.seen->requests, turn);
		assert_int_equal(o.seen->requests, turn);
		assert_memory_equal(
		    o.seen->request[turn - 1], "GET /b/k HTTP/1.1\r\n", 19);
	}
	/* What the environment excepts is excepted. */
	request.no_proxy = false;
	assert_int_equal(setenv("no_proxy", "127.0.0.1", 1), 0);
	assert_int_equal(perform(http, &request, &got), HTTP_OK);
	assert_int_equal(proxy.seen->requests, 3);
	assert_int_equal(o.seen->requests, 4);
	assert_int_equal(unsetenv("no_proxy"), 0);
	assert_int_equal(unsetenv("http_proxy"), 0);
	buf_fini(&got.body);
	http_free(http);
	stop(&o);
	stop(&proxy);
}

/* A word that stands nowhere in this program's memory: it is spelled out only
 * where it is used, and found by comparing it masked. */
enum { WORD_LEN = 24, WORD_MASK = 0x2a };
static volatile const unsigned char masked_word[WORD_LEN] =
    "gqzkWVbrnxYpHdAcTfusLmEw";

static void
spell_word(char *text)
{
	for (size_t i = 0; i < WORD_LEN; i++)
		text[i] = (char)(masked_word[i] ^ WORD_MASK);
	text[WORD_LEN] = '\0';
}

static size_t
count_words(const unsigned char *bytes, size_t len)
{
	size_t count = 0, same;

	for (size_t i = 0; i + WORD_LEN <= len; i++) {
		for (same = 0; same < WORD_LEN; same++)
			if ((bytes[i + same] ^ WORD_MASK) != masked_word[same])
				break;
		count += same == WORD_LEN;
	}
	return (count);
}

/* How often the word stands in the memory from START to END. */
static size_t
search_region(int memory, unsigned long start, unsigned long end)
{
	static unsigned char bytes[1 << 20];
	size_t count = 0;
	ssize_t n;

	for (; start + WORD_LEN <= end; start += sizeof(bytes) - WORD_LEN) {
		n = pread(memory, bytes, sizeof(bytes), (off_t)start);
		if (n <= 0)
			break;
		if ((unsigned long)n > end - start)
			n = (ssize_t)(end - start);
		count += count_words(bytes, (size_t)n);
		memset(bytes, 0, sizeof(bytes));
	}
	return (count);
}

/* How often it stands in what malloc has, in use or given back: the heap and
 * memory without a name.  What is immense is a sanitizer's shadow. */
static size_t
search_memory(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	char line[512], rights[8], name[256];
	unsigned long start, end, inode;
	size_t count = 0;

	assert_non_null(maps);
	assert_return_code(memory, 0);
	while (fgets(line, sizeof(line), maps) != NULL) {
		name[0] = '\0';
		if (sscanf(line, "%lx-%lx %7s %*s %*s %lu %255s", &start, &end,
			rights, &inode, name) < 4)
			continue;
		if (rights[0] == 'r' && rights[1] == 'w' && inode == 0 &&
		    (name[0] == '\0' || strcmp(name, "[heap]") == 0) &&
		    end - start < (1UL << 28))
			count += search_region(memory, start, end);
	}
	close(memory);
	fclose(maps);
	return (count);
}

static void
play_secret(struct origin *o)
{
	char text[256], word[WORD_LEN + 1];

	spell_word(word);
	o_accept(o);
	o_read_all(o);
	snprintf(text, sizeof(text),
	    "HTTP/1.1 200 OK\r\nX-Secret: %s\r\nContent-Length: %d\r\n\r\n%s",
	    word, WORD_LEN, word);
	o_send(o, text);
	o_hang(o);
}

/* Neither of a header that was sent nor of a body, nor of the answer's. */
static void
test_nothing_is_left_in_memory(void **state)
{
	static char header[2000], body[64];
	const char *lines[] = { "Host: bucket.example", header };
	struct http_handler handler = { NULL, NULL, NULL };
	struct http *http = http_new();
	struct http_request request;
	struct origin o;
	char *seen;

	(void)state;
	start(&o, play_secret);
	request = make_request(&o);
	/* So long that what it is put together in must grow. */
	memcpy(header, "X-Token: ", 9);
	for (size_t at = 9; at + WORD_LEN < sizeof(header); at += WORD_LEN)
		spell_word(header + at);
	spell_word(body);
	request.headers = lines;
	request.method = HTTP_POST;
	request.body = span_of(body);
	assert_int_equal(http_perform(http, &request, &handler), HTTP_OK);
	http_free(http);
	explicit_bzero(header, sizeof(header));
	explicit_bzero(body, sizeof(body));
	stop(&o);
	assert_int_equal(search_memory(), 0);
	/* It would have been found. */
	seen = mem_alloc(WORD_LEN + 1);
	spell_word(seen);
	assert_int_equal(search_memory(), 1);
	mem_wipe_string(&seen);
}

static void
play_unasked(struct origin *o)
{
	o_accept(o);
	o_read(o);
	o_send(o, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst");
	while (!o->seen->is_answered)
		sched_yield();
	o_send(o, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong");
	o->seen->is_unasked = true;
	o_accept(o);
	o_read(o);
	o_send(o, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nright");
	o_hang(o);
}

/* What a server sends unasked is never the answer to the next question. */
static void
test_unasked(void **state)
{
	struct http *http = http_new();
	struct http_request request;
	struct origin o;
	struct got got;

	(void)state;
	start(&o, play_unasked);
	got_init(&got);
	request = make_request(&o);
	assert_int_equal(perform(http, &request, &got), HTTP_OK);
	assert_string_equal(buf_string(&got.body), "first");
	o.seen->is_answered = true;
	/* On loopback, what is sent has arrived. */
	while (!o.seen->is_unasked)
		sched_yield();
	buf_clear(&got.body);
	assert_int_equal(perform(http, &request, &got), HTTP_OK);
	assert_string_equal(buf_string(&got.body), "right");
	assert_int_equal(o.seen->connections, 2);
	buf_fini(&got.body);
	http_free(http);
	stop(&o);
}

static void
play_headers(struct origin *o)
{
	o_accept(o);
	o_read(o);
	o_send(o,
	    "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nX-A:  one \r\n"
	    "etag: \"2\"\r\nX-Empty:\r\nContent-Length: 5\r\n\r\nhello");
	o_read(o);
	o_send(o, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	o_hang(o);
}

static void
add_to_text(void *context, struct span name, struct span value)
{
	assert_true(
	    buf_printf(context, "%.*s=%.*s;", SPAN_ARG(name), SPAN_ARG(value)));
}

static void
test_headers(void **state)
{
	struct http *http = http_new();
	struct http_handler handler = { NULL, NULL, NULL };
	struct http_request request;
	struct origin o;
	struct span value;
	struct buf all;

	(void)state;
	start(&o, play_headers);
	buf_init(&all, 1024);
	request = make_request(&o);
	assert_false(http_header(http, "ETag", &value));
	assert_int_equal(http_perform(http, &request, &handler), HTTP_OK);
	assert_true(http_header(http, "ETAG", &value));
	assert_true(span_equal(value, SPAN("\"1\"")));
	assert_true(http_header(http, "x-a", &value));
	assert_true(span_equal(value, SPAN("one")));
	assert_false(http_header(http, "X-B", &value));
	http_each_header(http, add_to_text, &all);
	assert_string_equal(buf_string(&all),
	    "ETag=\"1\";X-A=one;etag=\"2\";X-Empty=;Content-Length=5;");
	/* The next exchange knows nothing of them. */
	assert_int_equal(http_perform(http, &request, &handler), HTTP_OK);
	assert_false(http_header(http, "ETag", &value));
	assert_int_equal(o.seen->connections, 1);
	buf_fini(&all);
	http_free(http);
	stop(&o);
}

static void
play_dead_connection(struct origin *o)
{
	o_accept(o);
	o_read(o);
	o_send(o, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhe");
	o_read(o); /* the second request comes, and is not answered */
	o_close(o);
	o_accept(o);
	o_read(o);
	o_send(o, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nllo");
	o_hang(o);
}

static void
test_dead_connection(void **state)
{
	struct http *http = http_new();
	struct http_request request;
	struct origin o;
	struct got got;

	(void)state;
	start(&o, play_dead_connection);
	got_init(&got);
	request = make_request(&o);
	assert_int_equal(perform(http, &request, &got), HTTP_OK);
	assert_int_equal(perform(http, &request, &got), HTTP_OK);
	assert_string_equal(buf_string(&got.body), "hello");
	assert_int_equal(got.heads, 2);
	assert_int_equal(o.seen->connections, 2);
	assert_int_equal(o.seen->requests, 3);
	buf_fini(&got.body);
	http_free(http);
	stop(&o);
}

/* The time-outs: each with all others far away. */
static void
test_time_outs(void **state)
{
	static const struct {
		const char *name;
		script *play;
		int64_t first_byte_ms;
		int64_t stall_ms;
		int64_t deadline_ms;
		enum http_result result;
		const char *reason;
	} rows[] = {
		{ "first byte", play_silence, SHORT_MS, LONG_MS, LONG_MS,
		    HTTP_FAILED, "no answer began within 200 ms" },
		{ "stall in the body", play_stall, LONG_MS, SHORT_MS, LONG_MS,
		    HTTP_FAILED, "nothing came for 200 ms, after 5 bytes" },
		{ "stall in the head", play_stall_in_head, LONG_MS, SHORT_MS,
		    LONG_MS, HTTP_FAILED, "nothing came for 200 ms" },
		{ "deadline before", play_silence, LONG_MS, LONG_MS, SHORT_MS,
		    HTTP_DEADLINE, "deadline" },
		{ "deadline in the body", play_stall, LONG_MS, LONG_MS,
		    SHORT_MS, HTTP_DEADLINE, "deadline" },
		{ "deadline over", play_silence, LONG_MS, LONG_MS, -1,
		    HTTP_DEADLINE, "deadline" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http *http = http_new();
		struct http_request request;
		int64_t began = clock_monotonic_ms();
		struct origin o;
		struct got got;

		print_message("%s\n", rows[i].name);
		start(&o, rows[i].play);
		got_init(&got);
		request = make_request(&o);
		request.first_byte_timeout_ms = rows[i].first_byte_ms;
		request.stall_timeout_ms = rows[i].stall_ms;
		request.deadline_ms =
		    clock_monotonic_ms() + rows[i].deadline_ms;
		assert_int_equal(perform(http, &request, &got), rows[i].result);
		assert_non_null(strstr(http_reason(http), rows[i].reason));
		/* Not one of the others, however slow the machine. */
		assert_true(clock_monotonic_ms() - began < LONG_MS);
		buf_fini(&got.body);
		http_free(http);
		stop(&o);
	}
}

static void
play_rest_after_go(struct origin *o)
{
	o_accept(o);
	o_read(o);
	o_send(o, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
	o_wait(o);
	o_send(o, "llo");
	o_hang(o);
}

/* A client that is slow to take its bytes is not S3's stall; but the
 * deadline is the whole's. */
static void
test_slow_handler(void **state)
{
	struct http *http = http_new();
	struct http_request request;
	struct origin o;
	struct got got;

	(void)state;
	start(&o, play_rest_after_go);
	got_init(&got);
	got.go_fd = o.go[1];
	request = make_request(&o);
	request.stall_timeout_ms = SHORT_MS;
	assert_int_equal(perform(http, &request, &got), HTTP_OK);
	assert_string_equal(buf_string(&got.body), "hello");
	buf_fini(&got.body);
	stop(&o);

	start(&o, play_rest_after_go);
	got_init(&got);
	got.go_fd = o.go[1];
	request = make_request(&o);
	request.deadline_ms = clock_monotonic_ms() + SHORT_MS;
	assert_int_equal(perform(http, &request, &got), HTTP_DEADLINE);
	assert_non_null(strstr(http_reason(http), "deadline"));
	buf_fini(&got.body);
	http_free(http);
	stop(&o);
}

static void
play_large(struct origin *o)
{
	static char body[40001];

	memset(body, 'x', sizeof(body) - 1);
	o_accept(o);
	o_read(o);
	o_send(o, "HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n");
	o_send(o, body);
	o_hang(o);
}

/* The deadline is seen although there is always something to read. */
static void
test_slow_handler_of_much(void **state)
{
	struct http *http = http_new();
	struct http_request request;
	struct origin o;
	struct got got;

	(void)state;
	start(&o, play_large);
	got_init(&got);
	got.go_fd = o.go[1];
	request = make_request(&o);
	request.deadline_ms = clock_monotonic_ms() + SHORT_MS;
	assert_int_equal(perform(http, &request, &got), HTTP_DEADLINE);
	assert_true(got.body.len <= 16384);
	buf_fini(&got.body);
	http_free(http);
	stop(&o);
}

static void
play_client_leaves(struct origin *o)
{
	o_accept(o);
	o_read(o);
	close(o->peer[1]);
	o_hang(o);
}

static void
play_client_leaves_in_body(struct origin *o)
{
	o_accept(o);
	o_read(o);
	o_send(o, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello");
	close(o->peer[1]);
	o_hang(o);
}

/* Its bytes are dropped, its end is seen. */
static void
play_client_talks(struct origin *o)
{
	o_accept(o);
	o_read(o);
	if (send(o->peer[1], "more", 4, MSG_NOSIGNAL) != 4)
		_exit(1);
	o_send(o, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
	o_hang(o);
}

static void
test_client(void **state)
{
	static const struct {
		const char *name;
		script *play;
		enum http_result result;
		const char *body;
	} rows[] = {
		{ "leaves while S3 thinks", play_client_leaves, HTTP_PEER_GONE,
		    "" },
		{ "leaves in the body", play_client_leaves_in_body,
		    HTTP_PEER_GONE, "hello" },
		{ "goes on talking", play_client_talks, HTTP_OK, "hello" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http *http = http_new();
		struct http_request request;
		struct origin o;
		struct got got;

		print_message("%s\n", rows[i].name);
		start(&o, rows[i].play);
		got_init(&got);
		request = make_request(&o);
		assert_int_equal(perform(http, &request, &got), rows[i].result);
		if (rows[i].result != HTTP_PEER_GONE)
			assert_string_equal(
			    buf_string(&got.body), rows[i].body);
		buf_fini(&got.body);
		http_free(http);
		stop(&o);
	}
}

/* Nothing is asked for one who has left already. */
static void
test_client_has_left(void **state)
{
	struct http *http = http_new();
	struct http_request request;
	struct origin o;
	struct got got;
	int pair[2];

	(void)state;
	start(&o, play_whole);
	got_init(&got);
	assert_return_code(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	close(pair[1]);
	request = make_request(&o);
	request.peer_fd = pair[0];
	assert_int_equal(perform(http, &request, &got), HTTP_PEER_GONE);
	assert_string_not_equal(http_reason(http), "");
	assert_int_equal(http_status(http), 0);
	assert_int_equal(o.seen->connections, 0);
	request.peer_fd = -1;
	assert_int_equal(perform(http, &request, &got), HTTP_OK);
	close(pair[0]);
	buf_fini(&got.body);
	http_free(http);
	stop(&o);
}

static void
play_two_bodies(struct origin *o)
{
	unsigned i;

	for (i = 0; i < 3; i++) {
		o_accept(o);
		o_read(o);
		o_send(o, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello");
	}
	o_send(o, "you!");
	o_hang(o);
}

/* Stopped in the middle: the connection, whose rest is unread, is not used
 * again. */
static void
test_stop(void **state)
{
	struct http *http = http_new();
	struct http_request request;
	struct origin o;
	struct got got;

	(void)state;
	start(&o, play_two_bodies);
	got_init(&got);
	request = make_request(&o);
	got.stop_at_head = true;
	assert_int_equal(perform(http, &request, &got), HTTP_STOPPED);
	assert_int_equal(got.body.len, 0);
	got.stop_at_head = false;
	got.stop_at_body = true;
	assert_int_equal(perform(http, &request, &got), HTTP_STOPPED);
	assert_string_equal(buf_string(&got.body), "hello");
	got.stop_at_body = false;
	assert_int_equal(perform(http, &request, &got), HTTP_OK);
	assert_string_equal(buf_string(&got.body), "hellohelloyou!");
	assert_int_equal(o.seen->connections, 3);
	buf_fini(&got.body);
	http_free(http);
	stop(&o);
}

static void
test_unusable(void **state)
{
	static const struct {
		const char *url; /* NULL: https, to the origin */
		const char *ca_file;
	} rows[] = {
		{ "http://[::1", NULL },
		{ "ftp://127.0.0.1/", NULL },
		{ "file:///etc/hostname", NULL },
		{ NULL, "/nonexistent/ca.pem" },
	};
	struct http *http = http_new();
	struct origin o;
	size_t i;

	(void)state;
	start(&o, play_silence);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_request request = make_request(&o);
		char url[80];
		struct got got;

		got_init(&got);
		snprintf(url, sizeof(url), "https%s", o.url + 4);
		request.url = rows[i].url != NULL ? rows[i].url : url;
		request.ca_file = rows[i].ca_file;
		assert_int_equal(perform(http, &request, &got), HTTP_UNUSABLE);
		assert_string_not_equal(http_reason(http), "");
		assert_int_equal(got.body.len, 0);
		buf_fini(&got.body);
	}
	http_free(http);
	stop(&o);
}

/* Nobody listens; and a name whose look-up hangs, which must not hold us
 * longer than the time-out (libcurl would wait for its thread). */

static int names_gate[2];

int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
    struct addrinfo **result)
{
	char c;

	(void)node;
	(void)service;
	(void)hints;
	*result = NULL;
	if (read(names_gate[0], &c, 1) < 0)
		return (EAI_SYSTEM);
	return (EAI_AGAIN);
}

static void
test_no_connection(void **state)
{
	struct http *http = http_new();
	struct http_request request;
	int64_t began = clock_monotonic_ms();
	struct origin o;
	struct got got;

	(void)state;
	start(&o, play_silence);
	got_init(&got);
	request = make_request(&o);
	stop(&o);
	request.peer_fd = -1;
	assert_int_equal(perform(http, &request, &got), HTTP_FAILED);
	assert_non_null(strstr(http_reason(http), "connect"));

	request.url = "http://name.example/";
	request.connect_timeout_ms = SHORT_MS;
	assert_int_equal(perform(http, &request, &got), HTTP_FAILED);
	assert_string_not_equal(http_reason(http), "");
	request.connect_timeout_ms = LONG_MS;
	request.first_byte_timeout_ms = SHORT_MS;
	assert_int_equal(perform(http, &request, &got), HTTP_FAILED);
	assert_true(clock_monotonic_ms() - began < LONG_MS);
	buf_fini(&got.body);
	http_free(http);
}

static int
setup(void **state)
{
	(void)state;
	/* The machine's proxies are none of the tests' business. */
	unsetenv("http_proxy");
	unsetenv("https_proxy");
	unsetenv("HTTPS_PROXY");
	unsetenv("all_proxy");
	unsetenv("ALL_PROXY");
	unsetenv("no_proxy");
	unsetenv("NO_PROXY");
	if (pipe(names_gate) != 0)
		return (-1);
	return (http_global_init() ? 0 : -1);
}

static int
teardown(void **state)
{
	(void)state;
	/* Lets the threads that look names up go. */
	close(names_gate[1]);
	http_global_fini();
	return (0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_reset_within),
		cmocka_unit_test(test_request_is_what_was_listed),
		cmocka_unit_test(test_kept_heads),
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_after_a_failed_body),
		cmocka_unit_test(test_large_body),
		cmocka_unit_test(test_no_redirect_is_followed),
		cmocka_unit_test(test_proxy),
		cmocka_unit_test(test_nothing_is_left_in_memory),
		cmocka_unit_test(test_unasked),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_dead_connection),
		cmocka_unit_test(test_time_outs),
		cmocka_unit_test(test_slow_handler),
		cmocka_unit_test(test_slow_handler_of_much),
		cmocka_unit_test(test_client),
		cmocka_unit_test(test_client_has_left),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_unusable),
		cmocka_unit_test(test_no_connection),
	};

	return (cmocka_run_group_tests(tests, setup, teardown));
}

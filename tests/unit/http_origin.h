/*
 * An origin of a test's own, over real sockets: a child process with a socket
 * on 127.0.0.1 that plays a few lines of C, and what of it the test can look
 * at.  What a test waits for is always an event; the only times are those of
 * the time-outs under test.  After cmocka.h.
 */
#ifndef TESTS_UNIT_HTTP_ORIGIN_H
#define TESTS_UNIT_HTTP_ORIGIN_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
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

#include "base/buf.h"
#include "base/clock.h"
#include "s3/http.h"

enum {
	REQUESTS = 8,
	REQUEST_LEN = 2048,
	SHORT_MS = 200, /* a time-out that is to fire */
	LONG_MS = 20000 /* one that is not */
};

/* Shared with the child. */
struct seen {
	unsigned connections;
	unsigned requests;
	size_t body_len;              /* of all bodies of requests */
	uint64_t body_hash[REQUESTS]; /* of each: see origin_hash */
	atomic_bool is_answered;      /* the client has what it asked for */
	atomic_bool is_unasked;       /* what no one asked for is sent */
	char request[REQUESTS][REQUEST_LEN];
};

struct origin {
	pid_t pid;
	int listener;
	int fd;      /* the connection */
	int peer[2]; /* our side of a client, and the client's */
	int go[2];   /* a pipe: the test lets the origin go on */
	char url[64];
	struct seen *seen;
};

typedef void script(struct origin *origin);

/* HASH of what came before, and LEN bytes of DATA more. */
static inline uint64_t
origin_hash(uint64_t hash, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		hash = hash * 31 + (unsigned char)data[i];
	return (hash);
}

static inline void
o_accept(struct origin *o)
{
	o->fd = accept(o->listener, NULL, NULL);
	if (o->fd < 0)
		_exit(1);
	o->seen->connections++;
}

/* Read one request's head. */
static inline void
o_read(struct origin *o)
{
	char *text = o->seen->request[o->seen->requests % REQUESTS];
	size_t len = 0;

	while (len < REQUEST_LEN - 1 && read(o->fd, text + len, 1) == 1) {
		text[++len] = '\0';
		if (len >= 4 && memcmp(text + len - 4, "\r\n\r\n", 4) == 0)
			break;
	}
	if (len > 0)
		o->seen->requests++;
}

/* Read one request with its body, of which as much is kept as there is room
 * for. */
static inline void
o_read_all(struct origin *o)
{
	size_t index = o->seen->requests % REQUESTS;
	char *text = o->seen->request[index];
	char rest[4096], *length;
	size_t len, left = 0;
	ssize_t n;

	o_read(o);
	len = strlen(text);
	length = strstr(text, "\r\nContent-Length: ");
	if (length != NULL)
		left =
		    strtoul(length + strlen("\r\nContent-Length: "), NULL, 10);
	for (; left > 0; left -= (size_t)n) {
		n = read(
		    o->fd, rest, left < sizeof(rest) ? left : sizeof(rest));
		if (n <= 0)
			_exit(1);
		o->seen->body_len += (size_t)n;
		o->seen->body_hash[index] =
		    origin_hash(o->seen->body_hash[index], rest, (size_t)n);
		if (len + (size_t)n < REQUEST_LEN) {
			memcpy(text + len, rest, (size_t)n);
			len += (size_t)n;
			text[len] = '\0';
		}
	}
}

static inline void
o_send(struct origin *o, const char *text)
{
	size_t len = strlen(text);

	if (send(o->fd, text, len, MSG_NOSIGNAL) != (ssize_t)len)
		_exit(1);
}

static inline void
o_close(struct origin *o)
{
	close(o->fd);
}

static inline void
o_reset(struct origin *o)
{
	struct linger now = { 1, 0 };

	setsockopt(o->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(o->fd);
}

/* Until the test is over. */
static inline void
o_hang(struct origin *o)
{
	(void)o;
	for (;;)
		pause();
}

static inline void
o_wait(struct origin *o)
{
	char c;

	if (read(o->go[0], &c, 1) != 1)
		_exit(1);
}

static inline void
start(struct origin *o, script *play)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	o->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_return_code(o->listener, 0);
	assert_return_code(
	    bind(o->listener, (struct sockaddr *)&address, len), 0);
	assert_return_code(listen(o->listener, 8), 0);
	assert_return_code(
	    getsockname(o->listener, (struct sockaddr *)&address, &len), 0);
	snprintf(o->url, sizeof(o->url), "http://127.0.0.1:%u/b/k",
	    (unsigned)ntohs(address.sin_port));
	o->seen = mmap(NULL, sizeof(*o->seen), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(o->seen != MAP_FAILED);
	assert_return_code(socketpair(AF_UNIX, SOCK_STREAM, 0, o->peer), 0);
	assert_return_code(pipe(o->go), 0);
	o->pid = fork();
	assert_return_code(o->pid, 0);
	if (o->pid == 0) {
		/* A test that fails leaves by longjmp, without stop. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(o->peer[0]);
		play(o);
		o_hang(o); /* our end of the client stays open */
	}
	close(o->peer[1]);
	close(o->listener);
}

static inline void
stop(struct origin *o)
{
	kill(o->pid, SIGKILL);
	waitpid(o->pid, NULL, 0);
	munmap(o->seen, sizeof(*o->seen));
	close(o->peer[0]);
	close(o->go[0]);
	close(o->go[1]);
}

/* What a handler got, and what it does. */
struct got {
	struct buf body;
	unsigned heads;
	int status;
	bool is_framed;
	int64_t length;
	bool stop_at_head;
	bool stop_at_body;
	int go_fd; /* after a pause of over SHORT_MS, let the origin go on */
};

static inline bool
on_head(void *context, const struct http *http)
{
	struct got *got = context;

	got->heads++;
	got->status = http_status(http);
	got->is_framed = http_is_framed(http);
	got->length = http_content_length(http);
	return (!got->stop_at_head);
}

static inline bool
on_body(void *context, struct span bytes)
{
	struct got *got = context;

	assert_true(bytes.len <= 16384);
	assert_true(buf_add_span(&got->body, bytes));
	if (got->go_fd >= 0) {
		poll(NULL, 0, SHORT_MS + 100);
		assert_int_equal(write(got->go_fd, "x", 1), 1);
		got->go_fd = -1;
	}
	return (!got->stop_at_body);
}

static inline void
got_init(struct got *got)
{
	*got = (struct got){ .go_fd = -1 };
	buf_init(&got->body, 1 << 20);
}

static const char *const headers[] = { "Host: bucket.example",
	"x-amz-date: 20130524T000000Z" };

static inline struct http_request
make_request(const struct origin *o)
{
	return ((struct http_request){
	    .url = o->url,
	    .headers = headers,
	    .n_headers = 2,
	    .connect_timeout_ms = LONG_MS,
	    .first_byte_timeout_ms = LONG_MS,
	    .stall_timeout_ms = LONG_MS,
	    .deadline_ms = clock_monotonic_ms() + LONG_MS,
	    .peer_fd = o->peer[0],
	});
}

static inline enum http_result
perform(struct http *http, const struct http_request *request, struct got *got)
{
	struct http_handler handler = { on_head, on_body, got };

	return (http_perform(http, request, &handler));
}

#endif

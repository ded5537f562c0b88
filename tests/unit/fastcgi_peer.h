/*
 * The web server's side of FastCGI for a test: requests as bytes, answers read
 * back, and a child that plays the peer where it must go on while the test
 * does.
 */
#ifndef TESTS_FASTCGI_PEER_H
#define TESTS_FASTCGI_PEER_H

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "respond/record.h"

enum {
	ID = 0x0102, /* both bytes of it count */
	PATIENCE_MS = 20000,
	SHORT_MS = 50, /* a time-out that is meant to pass */
	BYTES_MAX = 16 << 20,
};

static const int families[] = { AF_UNIX, AF_INET };

/* ----------------------------------------------------------- requests --- */

static inline void
add(struct buf *out, const void *data, size_t len)
{
	assert_true(buf_add(out, data, len));
}

static inline void
add_head(struct buf *out, uint8_t type, uint16_t id, size_t len, uint8_t pad)
{
	struct record record = { type, pad, id, (uint16_t)len };
	uint8_t raw[RECORD_HEAD_LEN];

	record_write_head(&record, raw);
	add(out, raw, sizeof(raw));
}

static inline void
add_record(struct buf *out, uint8_t type, uint16_t id, struct span content)
{
	add_head(out, type, id, content.len, 0);
	add(out, content.data, content.len);
}

static inline void
add_begin(struct buf *out, uint16_t id, uint8_t role, uint8_t flags)
{
	const char content[] = { 0, (char)role, (char)flags, 0, 0, 0, 0, 0 };

	add_record(out, RECORD_BEGIN_REQUEST, id,
	    (struct span){ content, sizeof(content) });
}

static inline void
add_length(struct buf *out, size_t len)
{
	const uint8_t raw[] = { (uint8_t)(0x80 | len >> 24),
		(uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len };

	if (len < 0x80)
		add(out, &raw[3], 1);
	else
		add(out, raw, 4);
}

static inline void
add_param(struct buf *out, struct span name, struct span value)
{
	add_length(out, name.len);
	add_length(out, value.len);
	add(out, name.data, name.len);
	add(out, value.data, value.len);
}

/* GET of "/a b" with PARAMS (NULL: none more) as nginx sends it. */
static inline void
add_request(struct buf *out, const struct buf *params, bool with_stdin)
{
	struct buf all;

	buf_init(&all, BYTES_MAX);
	add_param(&all, SPAN("REQUEST_METHOD"), SPAN("GET"));
	add_param(&all, SPAN("DOCUMENT_URI"), SPAN("/a b"));
	if (params != NULL)
		add(&all, params->data, params->len);
	add_begin(out, ID, RECORD_ROLE_RESPONDER, 0);
	add_record(out, RECORD_PARAMS, ID, buf_span(&all));
	add_head(out, RECORD_PARAMS, ID, 0, 0);
	if (with_stdin)
		add_head(out, RECORD_STDIN, ID, 0, 0);
	buf_fini(&all);
}

/* ------------------------------------------------------------ sockets --- */

/* A socket that listens on a free port of the loopback. */
static inline int
listen_on_loopback(struct sockaddr_in *in)
{
	socklen_t len = sizeof(*in);
	const int room = 4096;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*in = (struct sockaddr_in){ .sin_family = AF_INET };
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	/* A window that is smaller than a request can be. */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	assert_return_code(bind(fd, (struct sockaddr *)in, len), errno);
	assert_return_code(listen(fd, 64), errno);
	assert_return_code(getsockname(fd, (struct sockaddr *)in, &len), errno);
	return (fd);
}

/* A connection: ENDS[0] is the server's, ENDS[1] the peer's. */
static inline void
make_connection(int family, int ends[2])
{
	struct sockaddr_in in;
	int fd;

	if (family == AF_UNIX) {
		assert_return_code(
		    socketpair(AF_UNIX, SOCK_STREAM, 0, ends), errno);
		return;
	}
	fd = listen_on_loopback(&in);
	ends[1] = socket(AF_INET, SOCK_STREAM, 0);
	assert_return_code(
	    connect(ends[1], (struct sockaddr *)&in, sizeof(in)), errno);
	ends[0] = accept(fd, NULL, NULL);
	assert_return_code(ends[0], errno);
	close(fd);
}

/* False where the other end is gone. */
static inline bool
write_all(int fd, const char *data, size_t len, size_t at_once)
{
	while (len > 0) {
		size_t n = len < at_once ? len : at_once;
		ssize_t sent = send(fd, data, n, MSG_NOSIGNAL);

		if (sent <= 0)
			return (false);
		data += sent;
		len -= (size_t)sent;
	}
	return (true);
}

/* A signal that a child sends its parent with each read; 0: none. */
static int peer_signal;
static pid_t peer_parent;

/* Read all that comes, at most AT_ONCE bytes at a time; the error that ended
 * it, or 0. */
static inline int
read_all(int fd, size_t at_once, struct buf *out)
{
	static char bytes[65536];
	ssize_t got;

	while ((got = recv(fd, bytes, at_once, 0)) > 0) {
		add(out, bytes, (size_t)got);
		/* It may have lost its parent, and have another's. */
		if (peer_signal != 0 && getppid() == peer_parent)
			kill(peer_parent, peer_signal);
	}
	return (got < 0 ? errno : 0);
}

/* A child at the peer's end FD, which it takes; OTHER_FD, the server's, it
 * closes unless that is -1.  It sends REQUEST by AT_ONCE bytes and then reads
 * all that comes by READ_AT_ONCE bytes, into memory that both share. */
struct peer {
	pid_t pid;
	int memory;
};

static inline struct peer
start_peer(int fd, int other_fd, const struct buf *request, size_t at_once,
    size_t read_at_once)
{
	struct peer peer = { .memory = memfd_create("peer", MFD_CLOEXEC) };
	struct buf raw;

	peer_parent = getpid();
	peer.pid = fork();
	assert_true(peer.pid >= 0);
	if (peer.pid > 0) {
		close(fd);
		return (peer);
	}
	if (other_fd >= 0)
		close(other_fd);
	buf_init(&raw, BYTES_MAX);
	if (request != NULL &&
	    !write_all(fd, request->data, request->len, at_once))
		_exit(1);
	if (read_all(fd, read_at_once, &raw) != 0 ||
	    write(peer.memory, buf_string(&raw), raw.len) != (ssize_t)raw.len)
		_exit(1);
	/* To valgrind, an exit would make leaks of its copies of all that the
	 * test has allocated. */
	execl("/bin/true", "true", (char *)NULL);
	_exit(1);
}

/* What the peer got; freed by buf_fini.  It must not have seen an error. */
static inline struct buf
end_peer(struct peer *peer)
{
	struct buf raw;
	off_t len;
	int status;

	while (waitpid(peer->pid, &status, 0) != peer->pid)
		assert_int_equal(errno, EINTR);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	len = lseek(peer->memory, 0, SEEK_END);
	buf_init(&raw, BYTES_MAX);
	assert_true(buf_reserve(&raw, (size_t)len));
	assert_int_equal(pread(peer->memory, raw.data, (size_t)len, 0), len);
	raw.len = (size_t)len;
	close(peer->memory);
	return (raw);
}

/* ------------------------------------------------------------ answers --- */

struct answer_seen {
	struct buf content; /* of STDOUT */
	unsigned records;   /* of STDOUT, its end among them */
	bool is_whole;      /* both ends are there, and nothing behind them */
	bool is_failed; /* neither is, but 8 zeros where a record would begin,
	                 * and nothing behind them */
};

/* END_REQUEST, status 0. */
static inline bool
is_end(const struct record *record, struct span raw)
{
	static const char zeros[RECORD_BEGIN_LEN];

	return (record->type == RECORD_END_REQUEST &&
	    record->content_len == sizeof(zeros) &&
	    memcmp(raw.data + RECORD_HEAD_LEN, zeros, sizeof(zeros)) == 0);
}

/* Take the records of RAW; SEEN->content is freed by buf_fini. */
static inline void
parse_answer(struct span raw, struct answer_seen *seen)
{
	static const char zeros[RECORD_HEAD_LEN];
	bool has_eof = false;

	*seen = (struct answer_seen){ .records = 0 };
	buf_init(&seen->content, BYTES_MAX);
	while (raw.len >= RECORD_HEAD_LEN) {
		struct record record;
		size_t len = RECORD_HEAD_LEN;

		if (!record_read_head((const uint8_t *)raw.data, &record)) {
			seen->is_failed = !has_eof &&
			    span_equal(raw, (struct span){ zeros, len });
			return;
		}
		len += (size_t)record.content_len + record.padding_len;
		if (raw.len < len)
			return;
		assert_int_equal(record.id, ID);
		assert_int_equal(len % 8, 0);
		if (has_eof) {
			seen->is_whole = is_end(&record, raw) && raw.len == len;
			return;
		}
		assert_int_equal(record.type, RECORD_STDOUT);
		has_eof = record.content_len == 0;
		seen->records++;
		add(&seen->content, raw.data + RECORD_HEAD_LEN,
		    record.content_len);
		raw = span_skip(raw, len);
	}
}

/* LEN bytes of which no two places look the same; freed by free(). */
static inline char *
make_bytes(size_t len)
{
	char *bytes = mem_alloc(len);
	uint32_t x = 1;
	size_t i;

	for (i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		bytes[i] = (char)(x >> 24);
	}
	return (bytes);
}

#endif

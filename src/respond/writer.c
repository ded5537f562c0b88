/*
 * Writing records: see writer.h.
 *
 * libfcgi's own streams are passed by: they take 129 writes for 1 MB, lose the
 * rest of an answer on EINTR, and can only end it as a success.
 *
 * A record's head is sent only with all of its content in memory behind it, so
 * that between two sends the stream stands where a record begins; there the
 * zeros of writer_fail are seen for what they are, and not as content.
 */
#include "respond/writer.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "respond/record.h"

/* Records in one send: 16 MB; three pieces each are less than IOV_MAX. */
enum { RECORDS_AT_ONCE = 256 };

void
writer_begin(struct writer *writer, int fd, uint16_t id, int64_t timeout_ms)
{
	writer->state = WRITER_OPEN;
	writer->fd = fd;
	writer->id = id;
	writer->timeout_ms = timeout_ms;
	writer->is_out = false;
	writer->len = 0;
}

/*
 * A unix socket takes 212 KB, and a worker that streams keeps it full.  With 16
 * of them that is more than a core's cache holds, and each byte is fetched from
 * memory again to be read; with 64 KB (the kernel doubles it, for its own
 * needs) a gigabyte takes a tenth less CPU.  What is at hand has all of it: the
 * more a send takes, the sooner the worker is free.  TCP knows better what is
 * on its way.
 */
void
writer_stream(struct writer *writer)
{
	const int size = 65536;
	int domain = AF_UNSPEC;
	socklen_t len = sizeof(domain);

	/* Where it is refused, the answer is the same. */
	if (getsockopt(writer->fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
	    domain == AF_UNIX)
		(void)setsockopt(
		    writer->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

/* Forget the first SENT bytes of MESSAGE's pieces. */
static void
skip_sent(struct msghdr *message, size_t sent)
{
	while (message->msg_iovlen > 0 && sent >= message->msg_iov->iov_len) {
		sent -= message->msg_iov->iov_len;
		message->msg_iov++;
		message->msg_iovlen--;
	}
	if (sent > 0) {
		message->msg_iov->iov_base =
		    (uint8_t *)message->msg_iov->iov_base + sent;
		message->msg_iov->iov_len -= sent;
	}
}

/* Send all of the N pieces of IOV, which are whole records, however little a
 * single send takes and whatever interrupts it. */
static bool
send_all(struct writer *writer, struct iovec *iov, size_t n)
{
	struct msghdr message = { .msg_iov = iov, .msg_iovlen = n };

	while (message.msg_iovlen > 0) {
		ssize_t sent =
		    sendmsg(writer->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent >= 0) {
			skip_sent(&message, (size_t)sent);
			continue;
		}
		if (errno == EINTR)
			continue;
		if ((errno != EAGAIN && errno != EWOULDBLOCK) ||
		    !record_wait(writer->fd, POLLOUT,
			clock_monotonic_ms() + writer->timeout_ms)) {
			writer->state = WRITER_LOST;
			return (false);
		}
	}
	return (true);
}

static struct iovec
piece(const void *data, size_t len)
{
	/* sendmsg does not write to it. */
	return ((struct iovec){ (void *)(uintptr_t)data, len });
}

/* Send some full records of what is pending and of *BYTES behind it; *BYTES
 * keeps what is left. */
static bool
send_some(struct writer *writer, struct span *bytes)
{
	const struct record record = { .type = RECORD_STDOUT,
		.id = writer->id,
		.content_len = WRITER_RECORD_LEN };
	size_t records = (writer->len + bytes->len - 1) / WRITER_RECORD_LEN;
	struct iovec iov[3 * RECORDS_AT_ONCE];
	uint8_t head[RECORD_HEAD_LEN];
	size_t n = 0, i;

	if (records > RECORDS_AT_ONCE)
		records = RECORDS_AT_ONCE;
	writer->is_out = true;
	record_write_head(&record, head);
	for (i = 0; i < records; i++) {
		size_t len = WRITER_RECORD_LEN - writer->len;

		iov[n++] = piece(head, sizeof(head));
		iov[n++] = piece(writer->pending, writer->len);
		iov[n++] = piece(bytes->data, len);
		*bytes = span_skip(*bytes, len);
		writer->len = 0;
	}
	return (send_all(writer, iov, n));
}

/* The same until what is left fits into one. */
static bool
send_records(struct writer *writer, struct span *bytes)
{
	while (writer->len + bytes->len > WRITER_RECORD_LEN) {
		if (!send_some(writer, bytes))
			return (false);
	}
	return (true);
}

bool
writer_put(struct writer *writer, struct span bytes)
{
	assert(writer->state == WRITER_OPEN || writer->state == WRITER_LOST);
	if (writer->state == WRITER_LOST)
		return (false);
	if (!send_records(writer, &bytes))
		return (false);
	if (bytes.len > 0)
		memcpy(writer->pending + writer->len, bytes.data, bytes.len);
	writer->len += bytes.len;
	return (true);
}

bool
writer_restart(struct writer *writer)
{
	if (writer->state != WRITER_OPEN || writer->is_out)
		return (false);
	writer->len = 0;
	return (true);
}

/* The end of STDOUT, then END_REQUEST with status 0 and FCGI_REQUEST_COMPLETE;
 * both are zeros. */
enum { END_LEN = 2 * RECORD_HEAD_LEN + RECORD_BEGIN_LEN };

static void
write_end(const struct writer *writer, uint8_t end[END_LEN])
{
	struct record record = { .type = RECORD_STDOUT, .id = writer->id };

	memset(end, 0, END_LEN);
	record_write_head(&record, end);
	record.type = RECORD_END_REQUEST;
	record.content_len = RECORD_BEGIN_LEN;
	record_write_head(&record, end + RECORD_HEAD_LEN);
}

/* What is pending and LAST as a record, its head in HEAD, in up to four pieces
 * of IOV; how many. */
static size_t
lay_last(const struct writer *writer, struct span last,
    uint8_t head[RECORD_HEAD_LEN], struct iovec iov[4])
{
	static const uint8_t padding[8];
	size_t len = writer->len + last.len;
	const struct record record = {
		.type = RECORD_STDOUT,
		.id = writer->id,
		.content_len = (uint16_t)len,
		.padding_len = (uint8_t)((0 - len) % sizeof(padding)),
	};

	/* A record without content would be the end of the stream. */
	if (len == 0)
		return (0);
	record_write_head(&record, head);
	iov[0] = piece(head, RECORD_HEAD_LEN);
	iov[1] = piece(writer->pending, writer->len);
	iov[2] = piece(last.data, last.len);
	iov[3] = piece(padding, record.padding_len);
	return (4);
}

bool
writer_end(struct writer *writer, struct span last)
{
	uint8_t head[RECORD_HEAD_LEN], end[END_LEN];
	struct iovec iov[5];
	size_t n;

	assert(writer->state == WRITER_OPEN || writer->state == WRITER_LOST);
	if (writer->state == WRITER_LOST)
		return (false);
	if (!send_records(writer, &last))
		return (false);
	n = lay_last(writer, last, head, iov);
	write_end(writer, end);
	iov[n++] = piece(end, sizeof(end));
	writer->state = WRITER_ENDED;
	return (send_all(writer, iov, n));
}

/* Send the N pieces of IOV, which has room for one more, and what fails. */
static void
send_failure(struct writer *writer, struct iovec *iov, size_t n)
{
	static const uint8_t zeros[RECORD_HEAD_LEN];

	iov[n++] = piece(zeros, sizeof(zeros));
	writer->state = WRITER_FAILED;
	if (send_all(writer, iov, n))
		shutdown(writer->fd, SHUT_WR);
}

void
writer_fail(struct writer *writer)
{
	struct iovec iov[1];

	if (writer->state == WRITER_OPEN)
		send_failure(writer, iov, 0);
}

void
writer_leave(struct writer *writer)
{
	uint8_t head[RECORD_HEAD_LEN];
	struct iovec iov[5];

	if (writer->state != WRITER_OPEN)
		return;
	send_failure(writer, iov, lay_last(writer, SPAN(""), head, iov));
	explicit_bzero(writer->pending, writer->len);
}

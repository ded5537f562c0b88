/*
 * The gate: see gate.h.
 *
 * libfcgi has no read time-out, crashes on lengths that lie and on management
 * records (CVE-2025-23016 and its kin), and turns to the next connection by
 * itself when it dislikes one.  So it is shown only what stood this test, and
 * never the peer's socket.  To peek at the socket until a whole request is
 * there, and let libfcgi read it then, was rejected: a TCP window may be
 * smaller than a request.
 */
#include "respond/gate.h"

#include <sys/socket.h>
#include <errno.h>
#include <poll.h>
#include <string.h>

/* Where the parameters are in the plain form. */
enum { PARAMS_AT = 2 * RECORD_HEAD_LEN + RECORD_BEGIN_LEN };

static bool
refuse(struct gate *gate, const char *why)
{
	gate->why = why;
	return (false);
}

/* Read what is there, or wait for it. */
static bool
fill(struct gate *gate)
{
	ssize_t got;

	for (;;) {
		got = recv(
		    gate->fd, gate->input, sizeof(gate->input), MSG_DONTWAIT);
		if (got > 0) {
			gate->input_at = 0;
			gate->input_len = (size_t)got;
			return (true);
		}
		/* Who connects and says nothing looks whether we are there. */
		if (got == 0)
			return (refuse(gate,
			    gate->input_len == 0
				? NULL
				: "the peer hung up within it"));
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			return (refuse(gate, strerror(errno)));
		if (!record_wait(gate->fd, POLLIN, gate->deadline_ms))
			return (refuse(gate,
			    "it did not come in time; see "
			    "read_timeout"));
	}
}

/* Take LEN bytes of input to TO, or drop them where TO is NULL. */
static bool
take(struct gate *gate, uint8_t *to, size_t len)
{
	while (len > 0) {
		size_t n = gate->input_len - gate->input_at;

		if (n == 0) {
			if (!fill(gate))
				return (false);
			continue;
		}
		if (n > len)
			n = len;
		if (to != NULL) {
			memcpy(to, gate->input + gate->input_at, n);
			to += n;
		}
		gate->input_at += n;
		len -= n;
	}
	return (true);
}

static bool
take_head(struct gate *gate, struct record *record)
{
	uint8_t head[RECORD_HEAD_LEN];

	if (!take(gate, head, sizeof(head)))
		return (false);
	if (!record_read_head(head, record))
		return (refuse(gate, "it is not FastCGI 1.0"));
	if (record->id == 0)
		return (refuse(gate, "management records are not served"));
	return (true);
}

static bool
take_begin(struct gate *gate)
{
	uint8_t content[RECORD_BEGIN_LEN];
	struct record record;

	if (!take_head(gate, &record))
		return (false);
	if (record.type != RECORD_BEGIN_REQUEST ||
	    record.content_len != sizeof(content))
		return (refuse(gate, "it begins without BEGIN_REQUEST"));
	if (!take(gate, content, sizeof(content)) ||
	    !take(gate, NULL, record.padding_len))
		return (false);
	if ((content[0] << 8 | content[1]) != RECORD_ROLE_RESPONDER)
		return (refuse(gate, "the role asked for is not responder"));
	gate->id = record.id;
	return (true);
}

/* Gather the parameters, in however many records they come. */
static bool
take_params(struct gate *gate, size_t *len)
{
	uint8_t *params = gate->plain + PARAMS_AT;
	struct record record;

	for (*len = 0;; *len += record.content_len) {
		if (!take_head(gate, &record))
			return (false);
		if (record.type != RECORD_PARAMS || record.id != gate->id)
			return (refuse(gate, "a record is out of place"));
		if (record.content_len > GATE_PARAMS_MAX - *len)
			return (refuse(gate, "its parameters are too large"));
		if (!take(gate, params + *len, record.content_len) ||
		    !take(gate, NULL, record.padding_len))
			return (false);
		if (record.content_len == 0)
			return (true);
	}
}

/* Look at what came with the parameters. */
static bool
check_rest(struct gate *gate)
{
	struct record record;

	gate->is_read = false;
	while (gate->input_len - gate->input_at >= RECORD_HEAD_LEN) {
		size_t len;

		if (!take_head(gate, &record))
			return (false);
		if (record.type != RECORD_STDIN || record.id != gate->id)
			return (refuse(gate, "a record is out of place"));
		len = (size_t)record.content_len + record.padding_len;
		if (len > gate->input_len - gate->input_at)
			break;
		gate->input_at += len;
		gate->is_read = record.content_len == 0 &&
		    gate->input_at == gate->input_len;
	}
	return (true);
}

/* The length of a name or value at *AT: one byte, or four, the first of which
 * has its top bit set. */
static bool
read_length(const uint8_t *params, size_t len, size_t *at, size_t *length)
{
	const uint8_t *p = params + *at;

	if (len - *at >= 1 && p[0] < 0x80) {
		*length = p[0];
		*at += 1;
		return (true);
	}
	if (len - *at < 4)
		return (false);
	*length = (size_t)(p[0] & 0x7f) << 24 | (size_t)p[1] << 16 |
	    (size_t)p[2] << 8 | p[3];
	*at += 4;
	return (true);
}

/* Do names and values fill PARAMS exactly?  Their NULs become 0x01. */
static bool
check_params(uint8_t *params, size_t len)
{
	size_t at = 0, name_len, value_len;
	uint8_t *nul;

	while (at < len) {
		if (!read_length(params, len, &at, &name_len) ||
		    !read_length(params, len, &at, &value_len) ||
		    name_len > len - at || value_len > len - at - name_len)
			return (false);
		while ((nul = memchr(
			    params + at, '\0', name_len + value_len)) != NULL)
			*nul = 0x01;
		at += name_len + value_len;
	}
	return (true);
}

/* Put the heads around the LEN bytes of parameters. */
static void
lay_out(struct gate *gate, size_t len)
{
	struct record record = {
		.type = RECORD_BEGIN_REQUEST,
		.id = gate->id,
		.content_len = RECORD_BEGIN_LEN,
	};
	uint8_t *p = gate->plain;

	record_write_head(&record, p);
	p += RECORD_HEAD_LEN;
	memset(p, 0, RECORD_BEGIN_LEN);
	p[1] = RECORD_ROLE_RESPONDER;
	p += RECORD_BEGIN_LEN;
	record.type = RECORD_PARAMS;
	record.content_len = (uint16_t)len;
	record_write_head(&record, p);
	p += RECORD_HEAD_LEN + len;
	if (len > 0) {
		record.content_len = 0;
		record_write_head(&record, p);
		p += RECORD_HEAD_LEN;
	}
	gate->plain_len = (size_t)(p - gate->plain);
}

bool
gate_read(struct gate *gate, int fd, int64_t deadline_ms)
{
	size_t len;

	gate->fd = fd;
	gate->deadline_ms = deadline_ms;
	gate->input_at = gate->input_len = 0;
	if (!take_begin(gate) || !take_params(gate, &len) || !check_rest(gate))
		return (false);
	if (!check_params(gate->plain + PARAMS_AT, len))
		return (refuse(gate, "a parameter's length is a lie"));
	lay_out(gate, len);
	return (true);
}

/*
 * The gate in front of libfcgi: a request is read from its socket, checked
 * record by record, and laid out as the plainest stream that says the same.
 *
 * Source: the FastCGI specification 1.0, sections 3.3 (records), 3.4
 * (name-value pairs), 5.1 (BEGIN_REQUEST), 5.2 and 5.3 (PARAMS, STDIN).
 */
#ifndef RESPOND_GATE_H
#define RESPOND_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "respond/record.h"

enum {
	/* nginx's own limit on all parameters of a request. */
	GATE_PARAMS_MAX = RECORD_CONTENT_MAX,
	/* BEGIN_REQUEST, one PARAMS, the end of PARAMS. */
	GATE_PLAIN_MAX =
	    3 * RECORD_HEAD_LEN + RECORD_BEGIN_LEN + GATE_PARAMS_MAX,
	/* What is read at once; most requests are 1 to 2 KB. */
	GATE_INPUT_LEN = 16384,
};

/* About 80 KB, to be used again for each request; zeroed before the first. */
struct gate {
	/* Of a request that was let through: */
	uint16_t id;
	bool is_read;     /* nothing of it is left in the socket */
	size_t plain_len; /* the same request, plainly */
	uint8_t plain[GATE_PLAIN_MAX];

	/* Of one that was not: why, or NULL where the peer hung up without a
	 * word. */
	const char *why;

	/* The gate's own: what came from the socket and is not taken yet. */
	int fd;
	int64_t deadline_ms;
	size_t input_at;
	size_t input_len;
	uint8_t input[GATE_INPUT_LEN];
};

/*
 * Read a request from FD, to the end of its parameters, until DEADLINE_MS
 * (monotonic).  What follows, STDIN, is looked at as far as it came with them
 * and not waited for.
 *
 * Let through is one request to a responder, with parameters of at most
 * GATE_PARAMS_MAX bytes whose names and values fill them exactly.  Refused is
 * all else, among it management records and the abort of a request.
 *
 * In the plain form a NUL in a name or value is 0x01: libfcgi makes strings of
 * them, and a NUL would cut them short; 0x01 is refused where a control
 * character is.
 */
bool gate_read(struct gate *gate, int fd, int64_t deadline_ms) ATTR_MUST_USE;

#endif

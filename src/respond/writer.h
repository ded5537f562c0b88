/*
 * An answer as FastCGI records, in few and large writes.
 *
 * Source: the FastCGI specification 1.0, sections 3.3 (records), 5.5
 * (END_REQUEST), 6.2 (the end of STDOUT).
 */
#ifndef RESPOND_WRITER_H
#define RESPOND_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"

/* Content of a full record: the largest multiple of 8. */
enum { WRITER_RECORD_LEN = 65528 };

enum writer_state {
	WRITER_OPEN,
	WRITER_ENDED,  /* the answer is whole */
	WRITER_FAILED, /* it was made to fail */
	WRITER_LOST,   /* a send failed: what the peer has may end within a
	                * record, and nothing may follow it */
};

/* About 64 KB, to be used again for each answer. */
struct writer {
	enum writer_state state; /* for the caller to read */
	int fd;
	uint16_t id;
	int64_t timeout_ms;
	bool is_out; /* the peer has some of it */
	size_t len;  /* of pending */
	uint8_t pending[WRITER_RECORD_LEN];
};

/* Begin an answer to request ID on FD (borrowed).  A peer that takes nothing
 * for TIMEOUT_MS is given up. */
void
writer_begin(struct writer *writer, int fd, uint16_t id, int64_t timeout_ms);

/* What is put from here on comes piece by piece, as fast as S3 sends it: of
 * that less is to wait on the way, see writer.c.  For any answer, at any time
 * before its end. */
void writer_stream(struct writer *writer);

/* Add BYTES, which are not needed after the call.  Nothing is sent before a
 * record is full; then full records are, gathered and without being copied,
 * and 1 to WRITER_RECORD_LEN bytes are kept for the end to go with.  False
 * where the peer is gone; so it is for the next. */
bool writer_put(struct writer *writer, struct span bytes) ATTR_MUST_USE;

/* Take back what was put, as if the answer were about to begin.  False, and
 * nothing is changed, where the peer has some of it. */
bool writer_restart(struct writer *writer) ATTR_MUST_USE;

/* With LAST the answer is whole: send what is left, LAST, which is not copied,
 * the end of STDOUT and of the request, all in one. */
bool writer_end(struct writer *writer, struct span last);

/*
 * The answer cannot be ended: forget what is left, send 8 zero bytes where a
 * record would begin, and shut the sending side down.  A record of version 0 is
 * the one end that no configuration of nginx takes for a success or keeps (the
 * end of the stream, an END_REQUEST with an error or a mere close each are
 * taken for one by some).  Does nothing unless the answer is open.
 */
void writer_fail(struct writer *writer);

/* The same, but that what is left is sent first: for a head that the peer acts
 * on as soon as it has it, and then hangs up.  Wipes it. */
void writer_leave(struct writer *writer);

#endif

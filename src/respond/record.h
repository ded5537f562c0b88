/*
 * FastCGI's records: their heads as bytes, and the wait for a socket to take
 * or give some.
 *
 * Source: the FastCGI specification 1.0, sections 3.3 and 8.
 */
#ifndef RESPOND_RECORD_H
#define RESPOND_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

enum {
	RECORD_HEAD_LEN = 8,
	RECORD_CONTENT_MAX = 65535,
	RECORD_BEGIN_LEN = 8, /* content of BEGIN_REQUEST and END_REQUEST */
	RECORD_ROLE_RESPONDER = 1,
};

/* Of the types, those that we take or send. */
enum record_type {
	RECORD_BEGIN_REQUEST = 1,
	RECORD_END_REQUEST = 3,
	RECORD_PARAMS = 4,
	RECORD_STDIN = 5,
	RECORD_STDOUT = 6,
};

struct record {
	uint8_t type; /* an enum record_type, or another */
	uint8_t padding_len;
	uint16_t id;          /* of the request; 0: management */
	uint16_t content_len; /* 0: the end of its stream */
};

/* RECORD's head as bytes. */
void
record_write_head(const struct record *record, uint8_t head[RECORD_HEAD_LEN]);

/* The head in HEAD; false where its version is not 1. */
bool record_read_head(
    const uint8_t head[RECORD_HEAD_LEN], struct record *record) ATTR_MUST_USE;

/* Wait until poll(2) reports EVENTS of FD, an error or a hang-up; false where
 * DEADLINE_MS (monotonic) passes first.  Signals do not end it. */
bool record_wait(int fd, short events, int64_t deadline_ms) ATTR_MUST_USE;

#endif

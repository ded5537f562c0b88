/*
 * Bytes: views of them, and buffers that grow up to a cap.
 *
 * A span is a pointer and a length and owns nothing; text from outside
 * travels as a span, since it may hold a NUL.  A buf owns its bytes, and
 * every buf has a greatest length from its first day: to run into it is an
 * ordinary error (false), not an accident.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct span {
	const char *data; /* not NUL-terminated; NULL: there is no value */
	size_t len;
};

/* The span of a string literal. */
#define SPAN(literal) ((struct span){ "" literal, sizeof(literal) - 1 })

/* printf's "%.*s" with a span: printf("%.*s", SPAN_ARG(span)). */
#define SPAN_ARG(span) (int)(span).len, (span).data

/* The span of a NUL-terminated STRING; no value of NULL. */
struct span span_of(const char *string);

/* Byte for byte the same.  No value equals an empty one. */
bool span_equal(struct span a, struct span b);

/* The same but for the case of ASCII letters. */
bool span_equal_nocase(struct span a, struct span b);

/* Does SPAN begin with PREFIX? */
bool span_starts(struct span span, struct span prefix);

/* SPAN without the spaces and tabs around it (RFC 9110 5.6.3, OWS). */
struct span span_trim(struct span span);

/* SPAN without its first COUNT bytes; COUNT <= SPAN.len. */
struct span span_skip(struct span span, size_t count);

/* Is there a control character of ASCII (C0 or DEL) in SPAN?  With one, it can
 * be no header's value and no line of text. */
bool span_has_control(struct span span);

/* Does TEXT show a piece of SECRET: six bytes in a row?  What is shorter is no
 * secret, and would be found in every word.  For what others say, who may
 * repeat what they were sent. */
bool span_shows(struct span text, struct span secret);

/* How many bytes at the front of SPAN are letters or digits of ASCII, or one of
 * OTHERS; never a NUL. */
size_t span_front(struct span span, const char *others);

/* Is SPAN of LEAST to MOST bytes, all of them such? */
bool
span_is_of(struct span span, const char *others, size_t least, size_t most);

/* Is C white space, as isspace(3) of the C locale has it: a blank, a tab, or
 * what moves to another line? */
bool char_is_space(char c);

/* Cut *REST at the first SEPARATOR: what stood before it is returned, *REST
 * keeps what stood behind.  Where there is none, all of *REST is returned
 * and *REST becomes no value (data NULL). */
struct span span_cut(struct span *rest, char separator);

struct buf {
	char *data; /* len bytes, then one NUL that is not counted; may be
	             * NULL while nothing was added */
	size_t len;
	size_t room;    /* bytes allocated */
	size_t max;     /* greatest len */
	bool is_secret; /* wiped whenever memory is given back */
};

/* An empty buffer for at most MAX bytes; nothing is allocated yet. */
void buf_init(struct buf *buf, size_t max);

/* The same for secrets: memory is wiped before it is given back, also when the
 * buffer grows or is cleared. */
void buf_init_secret(struct buf *buf, size_t max);

/* Give the memory back; BUF is as after buf_init (or buf_init_secret). */
void buf_fini(struct buf *buf);

/* Wipe, then as buf_fini; for a buffer that may have grown, buf_init_secret. */
void buf_wipe(struct buf *buf);

/* Forget the bytes, keep the memory. */
void buf_clear(struct buf *buf);

/* Room for LEN bytes in all, so that adding up to there moves nothing.
 * False where LEN is over the cap. */
bool buf_reserve(struct buf *buf, size_t len) ATTR_MUST_USE;

/* Add LEN bytes of DATA.  All or, where the cap is in the way, nothing and
 * false. */
bool buf_add(struct buf *buf, const void *data, size_t len) ATTR_MUST_USE;
bool buf_add_span(struct buf *buf, struct span span) ATTR_MUST_USE;
bool buf_add_string(struct buf *buf, const char *string) ATTR_MUST_USE;
bool buf_add_char(struct buf *buf, char c) ATTR_MUST_USE;
bool buf_printf(struct buf *buf, const char *format, ...)
    ATTR_PRINTF(2, 3) ATTR_MUST_USE;

/* What BUF holds, valid until it changes. */
struct span buf_span(const struct buf *buf);

/* The same as a NUL-terminated string ("" while empty). */
const char *buf_string(const struct buf *buf);

#endif

/*
 * Spans and capped buffers: see buf.h.  The cap is checked in one place,
 * buf_reserve, and every way to add goes through it, or stays in the room that
 * it made.
 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum {
	/* So many bytes in a row are a piece of a secret. */
	PIECE_LEN = 6,
	/* For a buffer that is filled bit by bit. */
	FIRST_ROOM = 128,
};

struct span
span_of(const char *string)
{
	if (string == NULL)
		return ((struct span){ NULL, 0 });
	return ((struct span){ string, strlen(string) });
}

bool
span_equal(struct span a, struct span b)
{
	return (a.len == b.len &&
	    (a.len == 0 || memcmp(a.data, b.data, a.len) == 0));
}

static char
to_lower(char c)
{
	return (c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
}

bool
span_equal_nocase(struct span a, struct span b)
{
	size_t i;

	/* Not strncasecmp: it follows the locale and ends at a NUL. */
	if (a.len != b.len)
		return (false);
	for (i = 0; i < a.len; i++)
		if (to_lower(a.data[i]) != to_lower(b.data[i]))
			return (false);
	return (true);
}

bool
span_starts(struct span span, struct span prefix)
{
	return (span.len >= prefix.len &&
	    span_equal((struct span){ span.data, prefix.len }, prefix));
}

static bool
is_blank(char c)
{
	return (c == ' ' || c == '\t');
}

struct span
span_trim(struct span span)
{
	while (span.len > 0 && is_blank(span.data[0]))
		span = span_skip(span, 1);
	while (span.len > 0 && is_blank(span.data[span.len - 1]))
		span.len--;
	return (span);
}

struct span
span_skip(struct span span, size_t count)
{
	if (count == 0)
		return (span);
	return ((struct span){ span.data + count, span.len - count });
}

static const uint64_t each_byte = UINT64_C(0x0101010101010101);

/* Is one of eight bytes a control character?  A byte less 0x20, or a DEL turned
 * to 0 by the exclusive or, less 1, borrows: its high bit is then set though it
 * was not before.  (A borrow goes on to the next byte only from one that is
 * found anyway.) */
static bool
has_control_8(uint64_t bytes)
{
	uint64_t del = bytes ^ 0x7f * each_byte;

	return (((((bytes - 0x20 * each_byte) & ~bytes) |
		     ((del - each_byte) & ~del)) &
		    0x80 * each_byte) != 0);
}

bool
span_has_control(struct span span)
{
	uint64_t bytes;

	for (; span.len >= sizeof(bytes);
	     span = span_skip(span, sizeof(bytes))) {
		memcpy(&bytes, span.data, sizeof(bytes));
		if (has_control_8(bytes))
			return (true);
	}
	if (span.len == 0)
		return (false);
	/* What is left, and blanks. */
	bytes = ' ' * each_byte;
	memcpy(&bytes, span.data, span.len);
	return (has_control_8(bytes));
}

bool
span_shows(struct span text, struct span secret)
{
	if (secret.len < PIECE_LEN)
		return (false);
	for (size_t i = 0; i + PIECE_LEN <= text.len; i++)
		if (memmem(secret.data, secret.len, text.data + i, PIECE_LEN) !=
		    NULL)
			return (true);
	return (false);
}

size_t
span_front(struct span span, const char *others)
{
	size_t len = 0;

	for (; len < span.len; len++) {
		char c = to_lower(span.data[len]);

		if ((c < 'a' || c > 'z') && (c < '0' || c > '9') &&
		    (c == '\0' || strchr(others, span.data[len]) == NULL))
			break;
	}
	return (len);
}

bool
span_is_of(struct span span, const char *others, size_t least, size_t most)
{
	return (span.len >= least && span.len <= most &&
	    span_front(span, others) == span.len);
}

bool
char_is_space(char c)
{
	return (c == ' ' || (c >= '\t' && c <= '\r'));
}

struct span
span_cut(struct span *rest, char separator)
{
	struct span head = *rest;
	const char *at = NULL;

	if (rest->len > 0)
		at = memchr(rest->data, separator, rest->len);
	if (at == NULL) {
		*rest = (struct span){ NULL, 0 };
		return (head);
	}
	head.len = (size_t)(at - head.data);
	*rest = span_skip(*rest, head.len + 1);
	return (head);
}

void
buf_init(struct buf *buf, size_t max)
{
	*buf = (struct buf){ .max = max };
}

void
buf_init_secret(struct buf *buf, size_t max)
{
	*buf = (struct buf){ .max = max, .is_secret = true };
}

void
buf_fini(struct buf *buf)
{
	if (buf->is_secret)
		mem_wipe_free(buf->data);
	else
		free(buf->data);
	*buf = (struct buf){ .max = buf->max, .is_secret = buf->is_secret };
}

void
buf_wipe(struct buf *buf)
{
	if (buf->data != NULL)
		explicit_bzero(buf->data, buf->room);
	buf_fini(buf);
}

void
buf_clear(struct buf *buf)
{
	if (buf->is_secret && buf->data != NULL)
		explicit_bzero(buf->data, buf->room);
	buf->len = 0;
}

/* A block of ROOM bytes with what BUF holds in place of BUF's, which is wiped:
 * realloc would leave it behind. */
static void
move_secret(struct buf *buf, size_t room)
{
	char *data = mem_alloc(room);

	if (buf->len > 0)
		memcpy(data, buf->data, buf->len);
	mem_wipe_free(buf->data);
	buf->data = data;
}

bool
buf_reserve(struct buf *buf, size_t len)
{
	if (len > buf->max)
		return (false);
	if (len + 1 <= buf->room)
		return (true);
	if (buf->is_secret)
		move_secret(buf, len + 1);
	else
		buf->data = mem_resize(buf->data, len + 1);
	buf->room = len + 1;
	return (true);
}

/* Room for LEN more bytes, by doubling, so that many small ones are cheap. */
static bool
grow(struct buf *buf, size_t len)
{
	size_t want, twice = buf->room > 0 ? buf->room * 2 : FIRST_ROOM;

	if (len > buf->max - buf->len)
		return (false);
	want = buf->len + len;
	if (want + 1 <= buf->room)
		return (true);
	if (want < twice)
		want = twice < buf->max ? twice : buf->max;
	return (buf_reserve(buf, want));
}

bool
buf_add(struct buf *buf, const void *data, size_t len)
{
	if (!grow(buf, len))
		return (false);
	if (len > 0)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
	return (true);
}

bool
buf_add_span(struct buf *buf, struct span span)
{
	return (buf_add(buf, span.data, span.len));
}

bool
buf_add_string(struct buf *buf, const char *string)
{
	return (buf_add(buf, string, strlen(string)));
}

bool
buf_add_char(struct buf *buf, char c)
{
	/* Called for each of many: where it is most often there is room. */
	if (buf->len + 2 > buf->room)
		return (buf_add(buf, &c, 1));
	buf->data[buf->len++] = c;
	buf->data[buf->len] = '\0';
	return (true);
}

bool
buf_printf(struct buf *buf, const char *format, ...)
{
	size_t room = buf->room - buf->len;
	va_list args;
	int len;

	/* Where it is most often: in the room that there is. */
	va_start(args, format);
	len = vsnprintf(
	    room > 0 ? buf->data + buf->len : NULL, room, format, args);
	va_end(args);
	if (len < 0 || (size_t)len >= room) {
		if (room > 0)
			buf->data[buf->len] = '\0';
		if (len < 0 || !grow(buf, (size_t)len))
			return (false);
		va_start(args, format);
		vsnprintf(buf->data + buf->len, (size_t)len + 1, format, args);
		va_end(args);
	}
	buf->len += (size_t)len;
	return (true);
}

struct span
buf_span(const struct buf *buf)
{
	if (buf->data == NULL)
		return (SPAN(""));
	return ((struct span){ buf->data, buf->len });
}

const char *
buf_string(const struct buf *buf)
{
	if (buf->data == NULL)
		return ("");
	buf->data[buf->len] = '\0';
	return (buf->data);
}

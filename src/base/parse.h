/*
 * Text to values and back: numbers, sizes, durations, dates.
 *
 * Strict: the whole text must be the value, no sign, no blank, no trailing
 * junk; a number that does not fit is refused, never wrapped.  Pure.
 */
#ifndef BASE_PARSE_H
#define BASE_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Decimal digits only, from MIN to MAX.  *VALUE is set only on success; so
 * it is for all of these. */
bool parse_number(struct span text, uint64_t min, uint64_t max,
    uint64_t *value) ATTR_MUST_USE;

/* Bytes: digits and at most one of k, m, g (powers of 1024, either case). */
bool parse_size(struct span text, uint64_t *bytes) ATTR_MUST_USE;

/* A duration in milliseconds: digits and one of ms, s, m, h, d; "0" alone
 * needs no unit. */
bool parse_duration(struct span text, int64_t *ms) ATTR_MUST_USE;

/* on, yes, true, 1; off, no, false, 0; any case. */
bool parse_bool(struct span text, bool *value) ATTR_MUST_USE;

/* A file mode: one to four octal digits, up to 7777. */
bool parse_mode(struct span text, unsigned *mode) ATTR_MUST_USE;

/* Hexadecimal digits, LEN of them, to LEN / 2 bytes. */
bool parse_hex(struct span text, uint8_t *bytes, size_t len) ATTR_MUST_USE;

/* An HTTP date in any of the three forms of RFC 9110 5.6.7 (IMF-fixdate,
 * RFC 850, asctime) to seconds since the epoch.  NOW decides the century of
 * RFC 850's two-digit year (more than 50 years ahead means the past). */
bool
parse_http_date(struct span text, int64_t now, int64_t *seconds) ATTR_MUST_USE;

/* A date of ISO 8601 as the AWS services write it, and as date(1) and Python do
 * for what stands in for them, to seconds since the epoch:
 * 2026-11-24T12:00:00Z, or a blank for the T; a fraction, which is dropped;
 * +HH:MM, +HHMM or +HH (or -) for the Z.  Without a zone it is refused. */
bool parse_iso_date(struct span text, int64_t *seconds) ATTR_MUST_USE;

/* Bytes as parse_size takes them, the largest unit that divides evenly:
 * 921600 is "900k".  TEXT holds the result and is returned; so it is for the
 * next three.  FORMAT_MAX bytes always do. */
enum { FORMAT_MAX = 32 };
const char *format_size(uint64_t bytes, char text[FORMAT_MAX]);

/* Milliseconds as parse_duration takes them: 86400000 is "24h"; days are
 * shown from 2d on. */
const char *format_duration(int64_t ms, char text[FORMAT_MAX]);

/* Seconds since the epoch as IMF-fixdate: Sun, 06 Nov 1994 08:49:37 GMT. */
const char *format_http_date(int64_t seconds, char text[FORMAT_MAX]);

/* Seconds since the epoch as ISO 8601, in UTC: 2026-11-24T12:00:00Z. */
const char *format_iso_date(int64_t seconds, char text[FORMAT_MAX]);

/* LEN bytes as 2 * LEN lower-case hexadecimal digits and a NUL. */
void format_hex(const uint8_t *bytes, size_t len, char *text);

#endif

/*
 * What a person reads: names from outside, amounts and times.  Pure.
 */
#ifndef OFFLOAD_TEXT_H
#define OFFLOAD_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"

/* Room for each of the texts below that are given back. */
enum { TEXT_MAX = 32 };

/* The length of the character that TEXT, which is not empty, begins with, if
 * it can be shown as it is: well-formed UTF-8 and no control character (C0,
 * DEL, C1).  0 where it cannot. */
size_t text_shown_len(struct span text);

/* Add TEXT so that it can neither end the line nor move the cursor: what cannot
 * be shown is \xNN for each byte.  At most MAX bytes are added, and where that
 * was too few for TEXT, "..." at their end (MAX is at least 3).  False where
 * OUT is full. */
bool
text_add_shown(struct buf *out, struct span text, size_t max) ATTR_MUST_USE;

/* BYTES in the largest of B, KiB, MiB ... that is not over them, in three or
 * four digits and never rounded up: "1023 B", "1.99 KiB", "12.3 GiB".  TEXT
 * holds it and is returned; so it is for the next one. */
const char *text_bytes(uint64_t bytes, char text[TEXT_MAX]);

/* MS milliseconds as M:SS, from an hour on H:MM:SS, and from four days on in
 * days and hours: "0:07", "1:02:03", "5d 3h".  What is below 0 is "0:00". */
const char *text_time(int64_t ms, char text[TEXT_MAX]);

#endif

/*
 * Files of "name = value" in [sections], by inih; this file alone knows it.
 *
 * What is added to inih: the line's number with each value, lines of any
 * length up to INI_LINE_LEN (Debian's inih cuts at 200 bytes, and a session
 * token is longer), indented lines as lines of their own, and a call for
 * each section's head, so that a repeated section can be refused.
 * Comments are whole lines that begin with # or ;, and " ;" to the end.
 */
#ifndef BASE_INI_H
#define BASE_INI_H

#include <stdbool.h>

#include "base/buf.h"

/* A line's greatest length in bytes; a longer one is an error. */
enum { INI_LINE_LEN = 16384 };

struct ini_line {
	unsigned number;     /* counted from 1 */
	const char *section; /* "" before the first head */
	const char *name;    /* NULL: this line is the head of SECTION */
	const char *value;   /* "" where nothing stands behind the = */
};

/* Called for each head and each value in order; what it is given lives until
 * it returns.  False ends the reading. */
typedef bool ini_handler(void *context, const struct ini_line *line);

enum ini_result {
	INI_OK,
	INI_UNREADABLE, /* errno says why; *LINE is 0 */
	INI_MALFORMED,  /* *LINE is neither head, name = value nor comment, or
	                 * is too long or holds a NUL */
	INI_STOPPED,    /* HANDLER returned false at *LINE */
};

/* Read the file at PATH. */
enum ini_result ini_read(const char *path, ini_handler *handler, void *context,
    unsigned *line) ATTR_MUST_USE;

#endif

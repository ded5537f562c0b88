/*
 * A command line, taken apart into words as Python's shlex.split does (the one
 * of the AWS CLI): blanks between words, '...' as it stands, "..." where a
 * backslash counts before " and \ only, a backslash elsewhere before any byte.
 * No shell: no variable, no ~, no *, no comment, no redirection.  The heads of
 * profiles are read in the same way.  Pure.
 */
#ifndef CREDENTIALS_COMMAND_LINE_H
#define CREDENTIALS_COMMAND_LINE_H

#include <stddef.h>

#include "base/attr.h"

/* Zero holds nothing. */
struct command_line {
	char **words; /* as execvp(3) takes them, NULL behind the last */
	size_t n;
	char *bytes; /* what they point into */
};

/* Take TEXT apart into *LINE, of at least one word.  NULL, or static text that
 * says what is wrong with it ("a quotation mark is not closed"); then *LINE
 * holds nothing. */
const char *
command_line_split(const char *text, struct command_line *line) ATTR_MUST_USE;

/* Wipes: arguments may be secrets. */
void command_line_fini(struct command_line *line);

#endif

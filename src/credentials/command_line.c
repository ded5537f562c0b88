/*
 * A command line: see command_line.h.  A word is never longer than the text it
 * comes from, so that all of them fit into a copy of it.
 */
#include "credentials/command_line.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void
command_line_fini(struct command_line *line)
{
	mem_wipe_free(line->bytes);
	free(line->words);
	*line = (struct command_line){ .words = NULL };
}

static bool
is_blank(char c)
{
	return (c == ' ' || c == '\t' || c == '\r' || c == '\n');
}

/* Copy what stands up to the QUOTE that closes, from *FROM to *TO.  False where
 * there is none, or a backslash is the last. */
static bool
take_quoted(char quote, const char **from, char **to)
{
	const char *at = *from;

	for (; *at != '\0' && *at != quote; at++) {
		if (quote == '"' && at[0] == '\\' &&
		    (at[1] == '"' || at[1] == '\\'))
			at++;
		*(*to)++ = *at;
	}
	*from = at + (*at != '\0');
	return (*at != '\0');
}

/* Copy the word at *FROM to *TO, with a NUL behind it.  NULL, or what is wrong
 * with it. */
static const char *
take_word(const char **from, char **to)
{
	while (**from != '\0' && !is_blank(**from)) {
		char c = *(*from)++;

		if (c == '\'' || c == '"') {
			if (!take_quoted(c, from, to))
				return ("a quotation mark is not closed");
			continue;
		}
		if (c == '\\') {
			c = *(*from)++;
			if (c == '\0')
				return ("a backslash stands at its end");
		}
		*(*to)++ = c;
	}
	*(*to)++ = '\0';
	return (NULL);
}

static const char *
split(const char *text, struct command_line *line)
{
	char *to = line->bytes;
	const char *wrong;

	for (;;) {
		while (is_blank(*text))
			text++;
		if (*text == '\0')
			break;
		line->words[line->n++] = to;
		if ((wrong = take_word(&text, &to)) != NULL)
			return (wrong);
	}
	return (line->n > 0 ? NULL : "it holds no word");
}

const char *
command_line_split(const char *text, struct command_line *line)
{
	size_t len = strlen(text);
	const char *wrong;

	*line = (struct command_line){ .bytes = mem_alloc(len + 1) };
	/* Every second byte at most begins a word, and NULL ends them. */
	line->words = mem_zero(len / 2 + 2, sizeof(*line->words));
	wrong = split(text, line);
	if (wrong != NULL)
		command_line_fini(line);
	return (wrong);
}

/*
 * Files of name = value: see ini.h.
 *
 * inih is handed one line at a time, so that its answer belongs to a line
 * whose number we know.  It reads into 200 bytes (Debian's build; INI_MAX_LINE
 * elsewhere), so a long line is fed as pieces, each behind the first as a
 * value of its own.  inih then says how long the name is and how much of each
 * piece is value, that is where a comment begins; the bytes are taken from
 * our own line, so that nothing has to be put together again.  Only a name
 * must fit into the first piece: one of over 190 bytes is malformed.
 *
 * Not used: inih's continuation lines, in which it knows no comments (r55);
 * the variables by which Debian's libinih sets its limits (ini_max_line and
 * the like), since they are Debian's alone; inih's sections, which are cut at
 * 49 bytes; its ":" beside "=".
 */
#include "base/ini.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* inih's name for the type of its handler is ours as well. */
#define ini_handler inih_handler
#include <ini.h>
#undef ini_handler

#include "base/mem.h"

/* As inih trims. */
static struct span
trim_end(struct span text)
{
	while (text.len > 0 && char_is_space(text.data[text.len - 1]))
		text.len--;
	return (text);
}

static struct span
trim(struct span text)
{
	while (text.len > 0 && char_is_space(text.data[0]))
		text = span_skip(text, 1);
	return (trim_end(text));
}

/* One line on its way through inih: what we expect, and how far it has come. */
struct feed {
	const char *prefix; /* what inih is to see before the next piece */
	struct span rest;   /* what it has not been fed yet */
	struct span piece;  /* what it was fed last */
	struct span name;   /* what it must find */
	struct span value;  /* where it must begin; its length grows */
	bool is_known;      /* inih found the name */
	bool is_over;       /* the end was seen: behind it is a comment */
	bool is_wrong;      /* can't be fed, or inih sees something else */
};

/* The first piece of REST, of at most ROOM bytes.  A comment begins with a
 * blank and a ";", which must not be parted. */
static struct span
cut_piece(struct span rest, size_t room)
{
	if (rest.len <= room)
		return (rest);
	if (rest.data[room] == ';' && char_is_space(rest.data[room - 1]))
		room--;
	return ((struct span){ rest.data, room });
}

/* inih's reader: write the next piece to LINE, which holds SIZE bytes. */
static char *
read_piece(char *line, int size, void *context)
{
	struct feed *feed = context;
	size_t used = strlen(feed->prefix) + sizeof("\n");

	if (feed->rest.len == 0 || feed->is_over || feed->is_wrong)
		return (NULL);
	if (size < 0 || (size_t)size < used + 2) {
		feed->is_wrong = true;
		return (NULL);
	}
	feed->piece = cut_piece(feed->rest, (size_t)size - used);
	feed->rest = span_skip(feed->rest, feed->piece.len);
	snprintf(line, (size_t)size, "%s%.*s\n", feed->prefix,
	    SPAN_ARG(feed->piece));
	/* Without a blank: an indented line would be a continuation. */
	feed->prefix = "x=";
	return (line);
}

/* The part of the last piece that belongs to the value; a comment behind it
 * is still there. */
static struct span
value_part(const struct feed *feed)
{
	struct span part = feed->piece;

	while (part.len > 0 && part.data < feed->value.data)
		part = span_skip(part, 1);
	return (trim(part));
}

/* inih's handler: lay what it found over our own line. */
static int
take_piece(
    void *context, const char *section, const char *name, const char *value)
{
	struct feed *feed = context;
	struct span found = span_of(value), part = value_part(feed);

	(void)section;
	if (!feed->is_known && !span_equal(span_of(name), feed->name))
		feed->is_wrong = true;
	if (!span_starts(part, found))
		feed->is_wrong = true;
	feed->is_known = true;
	feed->is_over = found.len < part.len;
	if (found.len > 0)
		feed->value.len =
		    (size_t)(part.data - feed->value.data) + found.len;
	return (1);
}

/* Wipe the stack below the caller's frame. */
static ATTR_NOINLINE void
wipe_below(void)
{
	char dead[2048];

	explicit_bzero(dead, sizeof(dead));
}

/* Let inih read what FEED was set up with.  Its own copy of that stood where
 * its frame was. */
static bool
run_inih(struct feed *feed)
{
	int result = ini_parse_stream(read_piece, feed, take_piece, feed);

	wipe_below();
	return (result == 0 && feed->is_known && !feed->is_wrong);
}

/* TEXT begins behind a "[".  inih is shown it as a value, so that a name of
 * any length and a comment behind the "]" are read as everywhere. */
static bool
parse_head(struct span text, struct span *section)
{
	struct feed feed = {
		.prefix = " x=",
		.rest = text,
		.name = SPAN("x"),
		.value = { trim(text).data, 0 },
	};

	if (!run_inih(&feed))
		return (false);
	*section = trim(span_cut(&feed.value, ']'));
	/* There was a "]", and nothing behind it. */
	return (
	    feed.value.data != NULL && feed.value.len == 0 && section->len > 0);
}

static bool
parse_value(struct span text, struct span *name, struct span *value)
{
	struct span behind = text, before = span_cut(&behind, '=');
	struct feed feed = {
		.prefix = " ", /* else inih takes a byte order mark off */
		.rest = text,
		.name = trim_end(before),
		.value = { trim(behind).data, 0 },
	};

	/* Where a ":" stands before the "=", inih finds another name. */
	if (behind.data == NULL || feed.name.len == 0 || !run_inih(&feed))
		return (false);
	*name = feed.name;
	*value = feed.value;
	return (true);
}

/* A file being read. */
struct reading {
	ini_handler *handler;
	void *context;
	struct buf text; /* the line */
	char *section;
	unsigned number;
};

/* PART of the line, ended by a NUL in its place. */
static const char *
end_part(struct reading *reading, struct span part)
{
	size_t start = (size_t)(part.data - reading->text.data);

	reading->text.data[start + part.len] = '\0';
	return (part.data);
}

static bool
call_handler(struct reading *reading, const char *name, const char *value)
{
	struct ini_line line = {
		.number = reading->number,
		.section = reading->section,
		.name = name,
		.value = value,
	};

	return (reading->handler(reading->context, &line));
}

static enum ini_result
take_line(struct reading *reading)
{
	struct span text = buf_span(&reading->text), name, value;
	bool goes_on;

	if (reading->number == 1 && span_starts(text, SPAN("\xef\xbb\xbf")))
		text = span_skip(text, 3);
	text = trim(text);
	if (text.len == 0 || text.data[0] == '#' || text.data[0] == ';')
		return (INI_OK);
	if (text.data[0] == '[') {
		if (!parse_head(span_skip(text, 1), &name))
			return (INI_MALFORMED);
		free(reading->section);
		reading->section = mem_string_of(name.data, name.len);
		goes_on = call_handler(reading, NULL, "");
	} else {
		if (!parse_value(text, &name, &value))
			return (INI_MALFORMED);
		goes_on = call_handler(
		    reading, end_part(reading, name), end_part(reading, value));
	}
	return (goes_on ? INI_OK : INI_STOPPED);
}

/* Read one line without its newline; false where there is none. */
static bool
read_line(FILE *file, struct reading *reading, enum ini_result *result)
{
	struct buf *text = &reading->text;
	int c;

	buf_clear(text);
	*result = INI_OK;
	reading->number++;
	while ((c = getc_unlocked(file)) != EOF && c != '\n') {
		if (c != '\0' && buf_add_char(text, (char)c))
			continue;
		*result = INI_MALFORMED;
		return (false);
	}
	if (ferror(file))
		*result = INI_UNREADABLE;
	return (*result == INI_OK && (c == '\n' || text->len > 0));
}

static enum ini_result
read_file(FILE *file, struct reading *reading)
{
	enum ini_result result;

	while (read_line(file, reading, &result)) {
		result = take_line(reading);
		if (result != INI_OK)
			break;
	}
	return (result);
}

enum ini_result
ini_read(const char *path, ini_handler *handler, void *context, unsigned *line)
{
	struct reading reading = { .handler = handler, .context = context };
	enum ini_result result;
	char bytes[4096];
	bool has_room;
	FILE *file;
	int why;

	*line = 0;
	file = fopen(path, "re");
	if (file == NULL)
		return (INI_UNREADABLE);
	/* What is read may be a secret: one line's memory, which does not
	 * move, and stdio's, both wiped. */
	setvbuf(file, bytes, _IOFBF, sizeof(bytes));
	buf_init(&reading.text, INI_LINE_LEN);
	has_room = buf_reserve(&reading.text, INI_LINE_LEN);
	assert(has_room);
	reading.section = mem_string("");
	result = read_file(file, &reading);
	why = errno;
	if (result != INI_UNREADABLE)
		*line = reading.number;
	free(reading.section);
	buf_wipe(&reading.text);
	fclose(file);
	explicit_bzero(bytes, sizeof(bytes));
	errno = why;
	return (result);
}

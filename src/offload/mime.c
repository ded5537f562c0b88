/*
 * Content types: see mime.h.
 *
 * One reader of words for both forms: where a line's end or a sign of nginx's
 * counts, it is a word of its own.  What is found is an array of pairs, sorted
 * by the extension and, where that is the same, by the order of the file, so
 * that the last of them counts.
 */
#include "offload/mime.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#define ADVICE                                                    \
	"right would be the file of the package media-types, or " \
	"mime_types = /etc/nginx/mime.types"

struct pair {
	struct span extension; /* of the text, in lower case */
	size_t type;           /* its place in types */
};

struct mime {
	struct buf text;
	char **types;
	size_t n_types;
	struct pair *pairs; /* in the order of the file until all are read */
	size_t n_pairs;
};

/* Where the reading is. */
struct reading {
	struct mime *mime;
	struct span rest;
	unsigned line; /* 0: it has not begun */
	bool is_nginx;
	bool is_entry;     /* a type was read, extensions may follow */
	const char *wrong; /* NULL: nothing */
};

/* All of FD into TEXT; NULL, or what is wrong. */
static const char *
read_all(int fd, struct buf *text)
{
	struct stat status;
	ssize_t len;
	char part[16384];

	if (fstat(fd, &status) != 0)
		return (strerror(errno));
	if (!S_ISREG(status.st_mode))
		return ("it is no regular file");
	while ((len = read(fd, part, sizeof(part))) != 0) {
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return (strerror(errno));
		if (!buf_add(text, part, (size_t)len))
			return ("it is larger than 1 MiB");
	}
	return (NULL);
}

static const char *
read_file(const char *path, struct buf *text)
{
	/* A FIFO is not waited for. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *wrong;

	if (fd < 0)
		return (strerror(errno));
	wrong = read_all(fd, text);
	close(fd);
	return (wrong);
}

static char
take_char(struct reading *reading)
{
	char c = reading->rest.data[0];

	reading->rest = span_skip(reading->rest, 1);
	reading->line += c == '\n';
	return (c);
}

static bool
is_sign(const struct reading *reading, char c)
{
	return (reading->is_nginx && (c == ';' || c == '{' || c == '}'));
}

/* Is C a word by itself where it stands? */
static bool
is_word(const struct reading *reading, char c)
{
	return (is_sign(reading, c) || (c == '\n' && !reading->is_nginx));
}

/* Over white space and comments to what begins a word; false at the end. */
static bool
find_word(struct reading *reading)
{
	bool is_comment = false;

	while (reading->rest.len > 0) {
		char c = reading->rest.data[0];

		if (c == '\n')
			is_comment = false;
		else if (c == '#')
			is_comment = true;
		if (!is_comment && (is_word(reading, c) || !char_is_space(c)))
			return (true);
		take_char(reading);
	}
	return (false);
}

/* The next word; data NULL at the end.  A quote of nginx's is taken as far as
 * its file of types may need it: for a type with a parameter. */
static struct span
next_word(struct reading *reading)
{
	struct span word;
	char first;

	if (!find_word(reading))
		return ((struct span){ NULL, 0 });
	word = (struct span){ reading->rest.data, 1 };
	first = take_char(reading);
	if (is_word(reading, first))
		return (word);
	if (reading->is_nginx && (first == '"' || first == '\'')) {
		for (word = (struct span){ reading->rest.data, 0 };
		     reading->rest.len > 0; word.len++)
			if (take_char(reading) == first)
				return (word);
		reading->wrong = "a quote is not closed";
		return ((struct span){ NULL, 0 });
	}
	for (; reading->rest.len > 0; word.len++) {
		if (char_is_space(reading->rest.data[0]) ||
		    is_sign(reading, reading->rest.data[0]))
			break;
		take_char(reading);
	}
	return (word);
}

static bool
is_ascii(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.data[i] >= 0x80)
			return (false);
	return (!span_has_control(text));
}

/* Room for one more where N are a power of two, or none. */
static void *
grow(void *array, size_t n, size_t size)
{
	if ((n & (n - 1)) != 0)
		return (array);
	return (mem_resize(array, (n > 0 ? 2 * n : 1) * size));
}

static void
add_type(struct reading *reading, struct span type)
{
	struct mime *mime = reading->mime;

	if (span_equal(type, SPAN("include")))
		reading->wrong = "an include is not followed";
	else if (!is_ascii(type))
		reading->wrong = "a type holds what is no printable ASCII";
	else if (type.len < 3 ||
	    memchr(type.data + 1, '/', type.len - 2) == NULL)
		reading->wrong = "what should be a type is none";
	if (reading->wrong != NULL)
		return;
	mime->types = grow(mime->types, mime->n_types, sizeof(*mime->types));
	mime->types[mime->n_types++] = mem_string_of(type.data, type.len);
	reading->is_entry = true;
}

static void
lower(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] >= 'A' && text[i] <= 'Z')
			text[i] = (char)(text[i] - 'A' + 'a');
}

static void
add_extension(struct reading *reading, struct span extension)
{
	struct mime *mime = reading->mime;

	/* Part of our own text. */
	lower(mime->text.data + (extension.data - mime->text.data),
	    extension.len);
	mime->pairs = grow(mime->pairs, mime->n_pairs, sizeof(*mime->pairs));
	mime->pairs[mime->n_pairs++] = (struct pair){
		.extension = extension,
		.type = mime->n_types - 1,
	};
}

static void
take_word(struct reading *reading, struct span word)
{
	if (reading->is_entry)
		add_extension(reading, word);
	else
		add_type(reading, word);
}

static void
read_lines(struct reading *reading)
{
	struct span word;

	while (reading->wrong == NULL &&
	    (word = next_word(reading)).data != NULL) {
		if (*word.data == '\n')
			reading->is_entry = false;
		else
			take_word(reading, word);
	}
}

/* Between the braces, behind the first. */
static void
read_block(struct reading *reading)
{
	struct span word;

	while (reading->wrong == NULL) {
		word = next_word(reading);
		if (reading->wrong != NULL ||
		    (span_equal(word, SPAN("}")) && !reading->is_entry))
			return;
		if (word.data == NULL || span_equal(word, SPAN("}")) ||
		    span_equal(word, SPAN("{")))
			reading->wrong = "a ; or a } is missing";
		else if (!span_equal(word, SPAN(";")))
			take_word(reading, word);
		else if (reading->is_entry)
			reading->is_entry = false;
		else
			reading->wrong = "a ; stands where a type should";
	}
}

static void
read_blocks(struct reading *reading)
{
	struct span word;

	while (reading->wrong == NULL &&
	    (word = next_word(reading)).data != NULL) {
		if (span_equal(word, SPAN("types")) &&
		    span_equal(next_word(reading), SPAN("{")))
			read_block(reading);
		else
			reading->wrong = "what is no types { ... } is there";
	}
}

/* Does TEXT begin with nginx's directive? */
static bool
is_nginx(struct mime *mime)
{
	struct reading peek = {
		.mime = mime,
		.rest = buf_span(&mime->text),
		.is_nginx = true,
	};

	return (span_equal(next_word(&peek), SPAN("types")));
}

static int
compare_extensions(struct span a, struct span b)
{
	int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);

	return (order != 0 ? order : (a.len > b.len) - (a.len < b.len));
}

static int
compare_pairs(const void *left, const void *right)
{
	const struct pair *a = left, *b = right;
	int order = compare_extensions(a->extension, b->extension);

	return (order != 0 ? order : (a->type > b->type) - (a->type < b->type));
}

/* Returns NULL, for the caller to return. */
static struct mime *
give_up(struct mime *mime, struct buf *why, const char *path,
    const struct reading *reading)
{
	bool fits;

	if (reading->line == 0)
		fits = buf_printf(why,
		    "cannot read the content types in %s: %s; " ADVICE, path,
		    reading->wrong);
	else
		fits = buf_printf(why,
		    "%s, line %u: %s; a line is \"image/png png\", or nginx's "
		    "types { image/png png; }; " ADVICE,
		    path, reading->line, reading->wrong);
	(void)fits; /* else a part is missing in what is only told */
	mime_free(mime);
	return (NULL);
}

struct mime *
mime_load(const char *path, struct buf *why)
{
	struct mime *mime = mem_zero(1, sizeof(*mime));
	struct reading reading = { .mime = mime };

	buf_init(&mime->text, MIME_FILE_MAX);
	reading.wrong = read_file(path, &mime->text);
	if (reading.wrong != NULL)
		return (give_up(mime, why, path, &reading));
	reading.rest = buf_span(&mime->text);
	reading.line = 1;
	reading.is_nginx = is_nginx(mime);
	if (reading.is_nginx)
		read_blocks(&reading);
	else
		read_lines(&reading);
	if (reading.wrong != NULL)
		return (give_up(mime, why, path, &reading));
	if (mime->n_pairs > 0)
		qsort(mime->pairs, mime->n_pairs, sizeof(*mime->pairs),
		    compare_pairs);
	return (mime);
}

void
mime_free(struct mime *mime)
{
	if (mime == NULL)
		return;
	for (size_t i = 0; i < mime->n_types; i++)
		free(mime->types[i]);
	free(mime->types);
	free(mime->pairs);
	buf_fini(&mime->text);
	free(mime);
}

/* Data NULL: it has none. */
static struct span
extension_of(const char *name)
{
	const char *slash = strrchr(name, '/'), *dot;

	name = slash != NULL ? slash + 1 : name;
	dot = strrchr(name, '.');
	if (dot == NULL || dot == name)
		return ((struct span){ NULL, 0 });
	return (span_of(dot + 1));
}

const char *
mime_type(const struct mime *mime, const char *name)
{
	struct span extension = extension_of(name), lowered;
	size_t first = 0, end = mime->n_pairs;
	char room[256]; /* NAME_MAX and a NUL */

	if (extension.len == 0 || extension.len >= sizeof(room))
		return (MIME_DEFAULT);
	memcpy(room, extension.data, extension.len);
	lower(room, extension.len);
	lowered = (struct span){ room, extension.len };
	/* The first that is greater; the last of its like stands before. */
	while (first < end) {
		size_t middle = first + (end - first) / 2;

		if (compare_extensions(
			mime->pairs[middle].extension, lowered) <= 0)
			first = middle + 1;
		else
			end = middle;
	}
	if (first == 0 ||
	    !span_equal(mime->pairs[first - 1].extension, lowered))
		return (MIME_DEFAULT);
	return (mime->types[mime->pairs[first - 1].type]);
}

/*
 * A shared file's text: see shared_file.h.  Nothing is copied: a NUL is written
 * behind each part, where a line's end, a delimiter or a blank stood.
 */
#include "credentials/shared_file.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

/* Where the reading is. */
struct reading {
	struct shared_file *file;
	size_t indent;   /* of the last head or setting */
	bool is_setting; /* it was a setting */
	size_t setting;  /* then, which; not one below another */
	char *end;       /* of its value */
};

/* FROM up to END without white space at its end; ended by a NUL, for which
 * there is room at END. */
static char *
end_part(char *from, char *end)
{
	while (end > from && char_is_space(end[-1]))
		end--;
	*end = '\0';
	return (from);
}

static char *
skip_space(char *text)
{
	while (char_is_space(*text))
		text++;
	return (text);
}

static void
add_section(struct reading *reading, const char *head)
{
	struct shared_file *file = reading->file;

	file->sections = mem_resize(
	    file->sections, (file->n_sections + 1) * sizeof(*file->sections));
	file->sections[file->n_sections++] = (struct shared_section){
		.head = head,
		.first = file->n_settings,
	};
	reading->is_setting = false;
}

/* NAME ends where the delimiter at AT stands, and the value begins behind. */
static bool
add_setting(struct reading *reading, char *name, char *at, bool is_below)
{
	struct shared_file *file = reading->file;
	char *value;

	if (at == NULL)
		return (false);
	value = skip_space(at + 1);
	end_part(name, at);
	file->settings = mem_resize(
	    file->settings, (file->n_settings + 1) * sizeof(*file->settings));
	file->settings[file->n_settings++] = (struct shared_setting){
		.name = name,
		.value = value,
		.is_below = is_below,
	};
	file->sections[file->n_sections - 1].n++;
	return (true);
}

/* LINE belongs to the setting above. */
static bool
take_more(struct reading *reading, char *line)
{
	const struct shared_setting *above =
	    &reading->file->settings[reading->setting];
	size_t len = strlen(line);

	if (*above->value == '\0')
		return (add_setting(reading, line, strchr(line, '='), true));
	/* At least a line's end stands between the two. */
	*reading->end++ = '\n';
	memmove(reading->end, line, len + 1);
	reading->end += len;
	return (true);
}

static bool
take_setting(struct reading *reading, char *line)
{
	char *at = strpbrk(line, "=:");

	if (at == line || !add_setting(reading, line, at, false))
		return (false);
	for (; *line != '\0'; line++)
		if (*line >= 'A' && *line <= 'Z')
			*line = (char)(*line - 'A' + 'a');
	reading->is_setting = true;
	reading->setting = reading->file->n_settings - 1;
	reading->end =
	    strchr(reading->file->settings[reading->setting].value, '\0');
	return (true);
}

/* LINE has neither a newline nor white space at its end. */
static bool
take_line(struct reading *reading, char *line)
{
	char *text = skip_space(line), *close;
	size_t indent = (size_t)(text - line);

	if (*text == '\0' || *text == '#' || *text == ';')
		return (true);
	if (reading->is_setting && indent > reading->indent)
		return (take_more(reading, text));
	reading->indent = indent;
	close = strrchr(text, ']');
	if (*text == '[' && close != NULL && close > text + 1) {
		*close = '\0';
		add_section(reading, text + 1);
		return (true);
	}
	return (reading->file->n_sections > 0 && take_setting(reading, text));
}

/* A line ends with LF, CR LF or, as in old files, CR. */
static char *
find_line_end(char *text, char *end)
{
	while (text < end && *text != '\n' && *text != '\r')
		text++;
	return (text);
}

unsigned
shared_file_parse(struct shared_file *file, char *text, size_t len)
{
	struct reading reading = { .file = file };
	char *end = text + len, *next;
	unsigned number = 0;
	bool is_pair;

	*file = (struct shared_file){ .n_sections = 0 };
	for (; text < end; text = next + 1) {
		number++;
		next = find_line_end(text, end);
		if (memchr(text, '\0', (size_t)(next - text)) != NULL)
			return (number);
		is_pair = next + 1 < end && next[0] == '\r' && next[1] == '\n';
		if (!take_line(&reading, end_part(text, next)))
			return (number);
		next += is_pair;
	}
	return (0);
}

void
shared_file_fini(struct shared_file *file)
{
	free(file->sections);
	free(file->settings);
	*file = (struct shared_file){ .n_sections = 0 };
}

const struct shared_section *
shared_file_section(const struct shared_file *file, const char *head)
{
	for (size_t i = file->n_sections; i-- > 0;)
		if (strcmp(file->sections[i].head, head) == 0)
			return (&file->sections[i]);
	return (NULL);
}

/* Which of SECTION's settings is the last of NAME; SIZE_MAX where none is. */
static size_t
find_setting(const struct shared_file *file,
    const struct shared_section *section, const char *name)
{
	for (size_t i = section->first + section->n; i-- > section->first;)
		if (!file->settings[i].is_below &&
		    strcmp(file->settings[i].name, name) == 0)
			return (i);
	return (SIZE_MAX);
}

/* The last value of NAME among the settings below FIRST. */
static const char *
get_below(const struct shared_file *file, const struct shared_section *section,
    size_t first, const char *name)
{
	const char *value = NULL;

	for (size_t i = first + 1;
	     i < section->first + section->n && file->settings[i].is_below; i++)
		if (strcmp(file->settings[i].name, name) == 0)
			value = file->settings[i].value;
	return (value);
}

const char *
shared_file_get(const struct shared_file *file,
    const struct shared_section *section, const char *name, const char *below)
{
	size_t at = find_setting(file, section, name);

	if (at == SIZE_MAX) {
		section = shared_file_section(file, SHARED_FILE_ALL);
		if (section == NULL)
			return (NULL);
		at = find_setting(file, section, name);
	}
	if (at == SIZE_MAX)
		return (NULL);
	if (below != NULL)
		return (get_below(file, section, at, below));
	return (file->settings[at].value);
}

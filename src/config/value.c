/*
 * Values: see config/value.h.  All numbers, sizes, modes and durations go one
 * way, as a quantity between two others that the row gives as text; so a range
 * is written once and cannot disagree with what is said of it.
 */
#include "config/value.h"

#include <assert.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "s3/endpoint.h"

/* Greatest length of a text that an error repeats. */
enum { SHOWN_MAX = 200 };

/* "X is not ...". */
static const char *
type_name(enum config_type type)
{
	static const char *const names[] = {
		[CONFIG_TEXT] = "text",
		[CONFIG_SECRET] = "text",
		[CONFIG_SWITCH] = "a switch",
		[CONFIG_CHOICE] = "a choice",
		[CONFIG_NUMBER] = "a number",
		[CONFIG_SIZE] = "a size",
		[CONFIG_MODE] = "a file's mode",
		[CONFIG_DURATION] = "a duration with its unit",
	};

	return (names[type]);
}

static void *
place(const struct config_row *row, void *base)
{
	return ((char *)base + row->offset);
}

static const void *
place_const(const struct config_row *row, const void *base)
{
	return ((const char *)base + row->offset);
}

bool
config_value_refuse(const struct config_row *row, const char *text,
    const char *wrong, struct buf *why)
{
	const char *right = row->option.values;
	bool fits;

	/* A URL with "@" in it may hold a password. */
	if (row->type == CONFIG_SECRET || *text == '\0' ||
	    strchr(text, '@') != NULL)
		fits = buf_printf(why, "%s; right would be: %s", wrong, right);
	else
		fits = buf_printf(why, "\"%.*s\" %s; right would be: %s",
		    SHOWN_MAX, text, wrong, right);
	/* WHY was made for more than this. */
	assert(fits);
	return (false);
}

static bool
read_quantity(enum config_type type, struct span text, uint64_t *quantity)
{
	unsigned mode = 0;
	int64_t ms = 0;

	switch (type) {
	case CONFIG_NUMBER:
		return (parse_number(text, 0, UINT64_MAX, quantity));
	case CONFIG_SIZE:
		return (parse_size(text, quantity));
	case CONFIG_MODE:
		if (!parse_mode(text, &mode))
			return (false);
		*quantity = mode;
		return (true);
	case CONFIG_DURATION:
		if (!parse_duration(text, &ms))
			return (false);
		*quantity = (uint64_t)ms;
		return (true);
	default:
		return (false);
	}
}

static bool
set_quantity(
    const struct config_row *row, void *base, const char *text, struct buf *why)
{
	uint64_t least = 0, most = 0, quantity = 0;
	char wrong[64];

	if (!read_quantity(row->type, span_of(text), &quantity)) {
		snprintf(
		    wrong, sizeof(wrong), "is not %s", type_name(row->type));
		return (config_value_refuse(row, text, wrong, why));
	}
	if (!read_quantity(row->type, span_of(row->least), &least) ||
	    !read_quantity(row->type, span_of(row->most), &most) ||
	    quantity < least || quantity > most)
		return (config_value_refuse(row, text, "is out of range", why));
	if (row->type == CONFIG_DURATION)
		*(int64_t *)place(row, base) = (int64_t)quantity;
	else
		*(uint64_t *)place(row, base) = quantity;
	return (true);
}

/* Word INDEX of a list "one, two, three"; no value behind its end. */
static struct span
word_of(const char *list, int index)
{
	struct span rest = span_of(list), word = { NULL, 0 };

	for (; index >= 0; index--)
		word = span_trim(span_cut(&rest, ','));
	return (word);
}

static bool
set_choice(
    const struct config_row *row, void *base, const char *text, struct buf *why)
{
	struct span word;
	int index;

	for (index = 0;; index++) {
		word = word_of(row->option.values, index);
		if (word.data == NULL)
			return (
			    config_value_refuse(row, text, "is unknown", why));
		if (span_equal_nocase(word, span_of(text)))
			break;
	}
	*(int *)place(row, base) = index;
	return (true);
}

static bool
set_switch(
    const struct config_row *row, void *base, const char *text, struct buf *why)
{
	if (!parse_bool(span_of(text), place(row, base)))
		return (config_value_refuse(row, text, "is not a switch", why));
	return (true);
}

static bool
set_text(
    const struct config_row *row, void *base, const char *text, struct buf *why)
{
	const char *reason = NULL;
	char wrong[256];

	if (row->type == CONFIG_SECRET && strcmp(text, CONFIG_HIDDEN) == 0)
		return (config_value_refuse(
		    row, text, "is what a hidden secret is shown as", why));
	if (*text != '\0' && row->check != NULL && !row->check(text, &reason)) {
		snprintf(wrong, sizeof(wrong), "will not do: %s", reason);
		return (config_value_refuse(row, text, wrong, why));
	}
	config_value_clear(row, base);
	if (*text != '\0')
		*(char **)place(row, base) = mem_string(text);
	return (true);
}

/* What keeps TEXT from standing in a file as it is, or NULL. */
static const char *
unwritable(const char *text)
{
	size_t len = strlen(text);

	if (span_has_control(span_of(text)))
		return ("holds a control character");
	if (text[0] == ';' || strstr(text, " ;") != NULL)
		return ("holds what begins a comment in a file");
	if (len > 0 && (text[0] == ' ' || text[len - 1] == ' '))
		return ("begins or ends with a blank");
	return (NULL);
}

bool
config_value_set(
    const struct config_row *row, void *base, const char *text, struct buf *why)
{
	bool is_text = row->type == CONFIG_TEXT || row->type == CONFIG_SECRET;
	const char *wrong = unwritable(text);

	if (wrong != NULL)
		return (config_value_refuse(row, text, wrong, why));
	if (*text == '\0' && (!is_text || *row->option.standard != '\0'))
		return (config_value_refuse(row, text, "is empty", why));
	switch (row->type) {
	case CONFIG_TEXT:
	case CONFIG_SECRET:
		return (set_text(row, base, text, why));
	case CONFIG_SWITCH:
		return (set_switch(row, base, text, why));
	case CONFIG_CHOICE:
		return (set_choice(row, base, text, why));
	default:
		return (set_quantity(row, base, text, why));
	}
}

const char *
config_value_show(
    const struct config_row *row, const void *base, char room[FORMAT_MAX])
{
	const void *at = place_const(row, base);
	const char *text;

	switch (row->type) {
	case CONFIG_TEXT:
		text = *(char *const *)at;
		return (text != NULL ? text : "");
	case CONFIG_SECRET:
		return (*(char *const *)at != NULL ? CONFIG_HIDDEN : "");
	case CONFIG_SWITCH:
		return (*(const bool *)at ? "on" : "off");
	case CONFIG_SIZE:
		return (format_size(*(const uint64_t *)at, room));
	case CONFIG_DURATION:
		return (format_duration(*(const int64_t *)at, room));
	case CONFIG_CHOICE:
		snprintf(room, FORMAT_MAX, "%.*s",
		    SPAN_ARG(word_of(row->option.values, *(const int *)at)));
		return (room);
	case CONFIG_MODE:
		snprintf(room, FORMAT_MAX, "%04" PRIo64, *(const uint64_t *)at);
		return (room);
	case CONFIG_NUMBER:
	default:
		snprintf(room, FORMAT_MAX, "%" PRIu64, *(const uint64_t *)at);
		return (room);
	}
}

void
config_value_clear(const struct config_row *row, void *base)
{
	char **text;

	if (row->type != CONFIG_TEXT && row->type != CONFIG_SECRET)
		return;
	text = place(row, base);
	mem_wipe_string(text);
}

static bool
is_unix_path(const char *path, const char **why)
{
	if (path[0] != '/' || path[1] == '\0')
		*why = "the path must begin with / and name a file";
	else if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		*why = "the path is over 107 bytes, more than a socket's "
		       "address holds";
	else
		return (true);
	return (false);
}

bool
config_is_address(const char *text, const char **why)
{
	struct span all = span_of(text), host, port;
	const char *colon = strrchr(text, ':');
	uint64_t number;

	if (span_starts(all, SPAN("unix:")))
		return (is_unix_path(text + 5, why));
	if (colon == NULL) {
		*why = "there is no port";
		return (false);
	}
	host = (struct span){ text, (size_t)(colon - text) };
	port = span_of(colon + 1);
	if (!parse_number(port, 1, 65535, &number))
		*why = "the port must be 1 to 65535";
	else if (host.len > 2 && host.data[0] == '[') {
		if (host.data[host.len - 1] == ']' &&
		    endpoint_is_v6(
			(struct span){ host.data + 1, host.len - 2 }))
			return (true);
		*why = "what stands in brackets is not an IPv6 address";
	} else if (memchr(host.data, ':', host.len) != NULL)
		*why = "an IPv6 address must stand in brackets";
	else if (!endpoint_is_host(host))
		*why = "the host is neither a name nor an address";
	else
		return (true);
	return (false);
}

/* A number stands for itself; the greatest is chown(2)'s "no change". */
static bool
is_id(const char *text)
{
	uint64_t number;

	return (parse_number(span_of(text), 0, UINT32_MAX - 1, &number));
}

bool
config_is_user(const char *text, const char **why)
{
	*why = "there is no such user";
	return (is_id(text) || getpwnam(text) != NULL);
}

bool
config_is_group(const char *text, const char **why)
{
	*why = "there is no such group";
	return (is_id(text) || getgrnam(text) != NULL);
}

bool
config_is_path_start(const char *text, const char **why)
{
	struct span rest = span_of(text), segment;

	if (rest.len == 0 || span_cut(&rest, '/').len > 0 ||
	    rest.data == NULL) {
		*why = "it does not begin with /";
		return (false);
	}
	while (rest.len > 0) {
		segment = span_cut(&rest, '/');
		if (segment.len == 0 || span_equal(segment, SPAN(".")) ||
		    span_equal(segment, SPAN(".."))) {
			*why = "it has a segment that is empty, \".\" or "
			       "\"..\"";
			return (false);
		}
	}
	return (true);
}

bool
config_is_folder(const char *text, const char **why)
{
	if (strcmp(text, "/") == 0) {
		*why = "it is the whole tree";
		return (false);
	}
	return (config_is_path_start(text, why));
}

bool
config_is_header_value(const char *text, const char **why)
{
	*why = "it holds something other than printable ASCII";
	for (; *text != '\0'; text++)
		if (*text < 0x20 || *text > 0x7e)
			return (false);
	return (true);
}

bool
config_is_readable(const char *text, const char **why)
{
	struct stat status;
	bool is_file;
	int fd;

	/* A FIFO must not hold us. */
	fd = open(text, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		*why = "it cannot be opened for reading";
		return (false);
	}
	is_file = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
	close(fd);
	if (!is_file)
		*why = "it is not a file";
	return (is_file);
}

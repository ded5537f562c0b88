/*
 * One setting: its row in the table, and how its text becomes a value and a
 * value text again.  Knows no setting by name.
 */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/parse.h"

/* What is told of a setting to whoever documents it. */
struct config_option {
	const char *section; /* "daemon", "cache", "site", "offload" */
	const char *name;
	const char *variables; /* of the environment, in order of preference,
	                        * separated by blanks; "" if none */
	const char *standard;  /* the default, as one would write it; "" for
	                        * nothing */
	const char *values; /* what may stand there: "1 to 4096", "on, off" */
	const char *help;   /* one sentence */
};

/* What the text must be and what it is kept as. */
enum config_type {
	CONFIG_TEXT,     /* char *, NULL for nothing */
	CONFIG_SECRET,   /* the same; never shown */
	CONFIG_SWITCH,   /* bool: on, off */
	CONFIG_CHOICE,   /* int: which of option.values, from 0 */
	CONFIG_NUMBER,   /* uint64_t */
	CONFIG_SIZE,     /* uint64_t, bytes */
	CONFIG_MODE,     /* uint64_t, octal */
	CONFIG_DURATION, /* int64_t, milliseconds */
};

/* Is TEXT of the form that is wanted?  If not, *WHY says what is wrong (static
 * text). */
typedef bool config_check(const char *text, const char **why);

struct config_row {
	struct config_option option;
	enum config_type type;
	size_t offset;       /* of the value in its section's struct */
	const char *least;   /* the range, as one would write it; NULL where */
	const char *most;    /* there is none */
	config_check *check; /* of a text; NULL: any text will do */
	/* What the shared files of the AWS tools may say of it: */
	const char *shared_name; /* this line of a profile; NULL: nothing */
	const char *service;     /* as the endpoint of this service; NULL: it
	                          * is none */
};

/* What a secret is shown as; no secret can be this. */
#define CONFIG_HIDDEN "****"

/*
 * Set ROW's value in the section at BASE to what TEXT says.  False where TEXT
 * is wrong: the value is as before, and WHY got what is wrong and what would
 * be right, without the text itself where it is a secret.
 *
 * "" means nothing, for a text without a default; all others must be said.
 * No text may hold a control character, or what would begin a comment in a
 * file, so that what config_print writes can be read again.
 */
bool config_value_set(const struct config_row *row, void *base,
    const char *text, struct buf *why) ATTR_MUST_USE;

/* Say in WHY what is WRONG with TEXT, a value for ROW, and what would be right;
 * "is", "has" or the like begins WRONG.  Returns false. */
bool config_value_refuse(const struct config_row *row, const char *text,
    const char *wrong, struct buf *why);

/* ROW's value in the section at BASE as text that config_value_set takes;
 * CONFIG_HIDDEN for a secret that is set, "" for nothing.  Lives as long as the
 * value and ROOM. */
const char *config_value_show(
    const struct config_row *row, const void *base, char room[FORMAT_MAX]);

/* Free the value where it is a text, after wiping a secret. */
void config_value_clear(const struct config_row *row, void *base);

/* An address to listen on: unix:/absolute/path (of at most 107 bytes),
 * host:port or [v6]:port with a port of 1 to 65535.  Nothing is resolved. */
config_check config_is_address;

/* A user or a group that this machine knows, or a number; a file that can be
 * read here. */
config_check config_is_user;
config_check config_is_group;
config_check config_is_readable;

/* The absolute path of a folder other than "/", perhaps with a slash at its
 * end; no segment of it is empty, "." or "..".  It need not be there. */
config_check config_is_folder;

/* What paths begin with: "/", or whole segments, none of them empty, behind
 * it. */
config_check config_is_path_start;

/* The value of a header line: printable ASCII. */
config_check config_is_header_value;

#endif

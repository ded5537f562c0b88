/*
 * The text of a shared config or credentials file, taken apart.  Pure.
 *
 * The dialect is that of Python's configparser, by which botocore and the AWS
 * CLI read these files; it is not that of base/ini.h.  A "=" or a ":" parts
 * name and value.  Comments are whole lines only, so a value may hold " #" and
 * " ;".  What is indented deeper than the setting above it belongs to that
 * setting: below an empty value it is a sub-setting of it (s3 = and, below,
 * endpoint_url = ...), else one more line of the value.
 */
#ifndef CREDENTIALS_SHARED_FILE_H
#define CREDENTIALS_SHARED_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct shared_setting {
	const char *name; /* in lower case, but for a sub-setting's */
	char *value;      /* of several lines: a newline between them */
	bool is_below;    /* a sub-setting of the last before it that is not */
};

struct shared_section {
	const char *head; /* what stands in the brackets, as it is */
	size_t first;     /* of its settings */
	size_t n;
};

struct shared_file {
	struct shared_section *sections;
	size_t n_sections;
	struct shared_setting *settings;
	size_t n_settings;
};

/*
 * Take TEXT of LEN bytes and a NUL apart, in its place: FILE's strings are
 * parts of it, and live as long.  Returns 0, or the number of the line that is
 * malformed: that is neither head nor setting nor comment, stands before the
 * first head, or holds a NUL.  FILE is to be freed in either case.
 */
unsigned shared_file_parse(
    struct shared_file *file, char *text, size_t len) ATTR_MUST_USE;
void shared_file_fini(struct shared_file *file);

/* The head of the section whose settings count for all. */
#define SHARED_FILE_ALL "DEFAULT"

/* The last section with HEAD, or NULL. */
const struct shared_section *
shared_file_section(const struct shared_file *file, const char *head);

/* The value of NAME in SECTION, or of BELOW under it where that is not NULL;
 * NULL where it is not there.  SHARED_FILE_ALL is looked into as
 * well. */
const char *shared_file_get(const struct shared_file *file,
    const struct shared_section *section, const char *name, const char *below);

#endif

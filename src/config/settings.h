/*
 * The settings as the program uses them, and where each came from, which the
 * errors and config_print tell.  Made section by section by config_read.
 */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "cache/cache.h"
#include "config/table.h"
#include "s3/site.h"

/* Where a value came from; all zero: it is the default. */
struct config_origin {
	unsigned line; /* of the file; 0: not from there */
	/* Of the environment, with data that lives as long as the program; no
	 * value: not from there. */
	struct span variable;
	char *profile; /* of a shared file: "profile default in /..."; NULL: not
	                * from there; owned */
};

/* Is it anything but the default? */
bool config_origin_is_set(const struct config_origin *origin);

/* A section: [daemon], [cache], a site's or an offload's. */
struct config_section {
	const char *kind; /* as in struct config_option */
	size_t index;     /* which of its kind, of a site or an offload */
	char *title;      /* what stands in the brackets; owned */
	unsigned line;    /* of its head in the file; 0: it is not there */
	unsigned errors;  /* how many were reported */
	struct config_origin *origins; /* one for each row of the table; those
	                                * of other sections are unused; owned */
};

struct settings {
	struct daemon_settings daemon;
	struct cache_settings cache;
	struct site *sites; /* at least one; the first is the default */
	size_t n_sites;
	struct offload_settings *offloads;
	size_t n_offloads; /* may be none */

	/* How they were made; of no interest to those who use them. */
	char *path; /* of the file; NULL: there is none */
	struct config_section *sections;
	size_t n_sections;
	unsigned errors; /* how many were reported */
};

/* All defaults, [daemon] and [cache], no other yet.  PATH is copied; it may be
 * NULL.  Freed by settings_free. */
struct settings *settings_new(const char *path) ATTR_MUST_USE;
void settings_free(struct settings *settings);

/* Wipe the secrets among them, which are then not set: in a process that signs
 * with what another found. */
void settings_forget_secrets(struct settings *settings);

/* Add a site of NAME with all defaults.  Moves the sections and sites. */
struct config_section *
settings_add_site(struct settings *settings, const char *name);

/* The same of an offload. */
struct config_section *
settings_add_offload(struct settings *settings, const char *name);

/* Is SECTION one of KIND? */
bool settings_is_kind(const struct config_section *section, const char *kind);

/* The section of TITLE ("daemon", "site gyazo"), or NULL. */
struct config_section *
settings_find(const struct settings *settings, const char *title);

/* Is ROW one of SECTION's? */
bool settings_has(
    const struct config_section *section, const struct config_row *row);

/* Which row of the table NAME is in SECTION; config_table_len where there is
 * none. */
size_t settings_row(const struct config_section *section, const char *name);

/* Does NAME of SECTION, a text, say anything? */
bool settings_says(const struct settings *settings,
    const struct config_section *section, const char *name) ATTR_MUST_USE;

/* The struct that SECTION's values are in, for config_value_set and _show; as
 * strchr does, it forgets that SETTINGS may be const. */
void *settings_base(
    const struct settings *settings, const struct config_section *section);

/* Log an error line for the setting NAME of SECTION: where ORIGIN says, or
 * else at the section's head; what is WRONG and what would be right. */
void
settings_complain(struct settings *settings, struct config_section *section,
    const char *name, const struct config_origin *origin, const char *wrong);

/* The same where NAME was set, by whatever that was. */
void settings_complain_where_set(struct settings *settings,
    struct config_section *section, const char *name, const char *wrong);

/* The same with the value, and with what may stand there: "is", "has" or the
 * like begins WRONG. */
void settings_refuse(struct settings *settings, struct config_section *section,
    const char *name, const char *wrong);

/* The same for a line of the file as a whole; 0: the whole file. */
void settings_complain_line(
    struct settings *settings, unsigned line, const char *wrong);

#endif

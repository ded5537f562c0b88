/*
 * Reading: see config/read.h.  A section that is none is reported once, and
 * its lines are passed over; one that is repeated is read on, so that what
 * else is wrong with it comes out in the same round.
 */
#include "config/read.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/env.h"
#include "base/ini.h"
#include "base/mem.h"
#include "config/shared.h"

/* What a section may be. */
#define SECTIONS "[daemon], [cache], [site NAME] or [offload NAME]"

/* Greatest lengths of a section's name, and of what is wrong with a setting. */
enum { NAME_MAX_LEN = 64, WRONG_MAX = 3000 };

struct reading {
	struct settings *settings;
	struct config_section *current; /* NULL: what follows is not ours */
};

static void
set(struct settings *settings, struct config_section *section, size_t index,
    const struct config_origin *origin, const char *text)
{
	const struct config_row *row = &config_table[index];
	struct buf wrong;

	buf_init(&wrong, WRONG_MAX);
	section->origins[index] = *origin;
	if (!config_value_set(
		row, settings_base(settings, section), text, &wrong))
		settings_complain(settings, section, row->option.name, origin,
		    buf_string(&wrong));
	buf_fini(&wrong);
}

/* The kinds of which there may be many, each with a name of its own. */
static const struct named_kind {
	const char *kind;
	const char *article;
	struct config_section *(*add)(
	    struct settings *settings, const char *name);
} named_kinds[] = {
	{ "site", "a", settings_add_site },
	{ "offload", "an", settings_add_offload },
};

/* The one of WORD, or NULL. */
static const struct named_kind *
find_named_kind(struct span word)
{
	for (size_t i = 0; i < sizeof(named_kinds) / sizeof(named_kinds[0]);
	     i++)
		if (span_equal(span_of(named_kinds[i].kind), word))
			return (&named_kinds[i]);
	return (NULL);
}

/* The section of KIND and NAME, made where it is new; NULL where that is no
 * right name. */
static struct config_section *
named_section(struct settings *settings, const struct named_kind *kind,
    struct span name, unsigned line)
{
	struct config_section *section = NULL;
	char *text;

	if (!span_is_of(name, "._-", 1, NAME_MAX_LEN)) {
		text = mem_printf("%s %s needs a name; right would be: [%s "
				  "NAME] with 1 to 64 of A-Z a-z 0-9 . _ -",
		    kind->article, kind->kind, kind->kind);
		settings_complain_line(settings, line, text);
	} else {
		text = mem_printf("%s %.*s", kind->kind, SPAN_ARG(name));
		section = settings_find(settings, text);
		if (section == NULL)
			section =
			    kind->add(settings, text + strlen(kind->kind) + 1);
	}
	free(text);
	return (section);
}

/* The section whose head is LINE; NULL where it is none. */
static struct config_section *
section_of(struct settings *settings, const struct ini_line *line)
{
	struct span rest = span_of(line->section);
	const struct named_kind *kind = find_named_kind(span_cut(&rest, ' '));
	struct config_section *section;

	if (kind != NULL)
		return (named_section(
		    settings, kind, span_trim(rest), line->number));
	section = settings_find(settings, line->section);
	if (section == NULL)
		settings_complain_line(settings, line->number,
		    "there is no such section; right would be: " SECTIONS);
	return (section);
}

static void
take_head(struct reading *reading, const struct ini_line *line)
{
	struct config_section *section = section_of(reading->settings, line);
	char *wrong;

	reading->current = section;
	if (section == NULL)
		return;
	if (section->line == 0) {
		section->line = line->number;
		return;
	}
	wrong =
	    mem_printf("[%s] is repeated, it begins in line %u; right would "
		       "be: all of it in one place",
		section->title, section->line);
	settings_complain_line(reading->settings, line->number, wrong);
	free(wrong);
}

/* Where else NAME would be right, or NULL. */
static const char *
other_section(const char *name)
{
	for (size_t i = 0; i < config_table_len; i++)
		if (strcmp(config_table[i].option.name, name) == 0)
			return (config_table[i].option.section);
	return (NULL);
}

/* What is wrong with NAME, which is not one of SECTION's.  The caller's. */
static char *
unknown_name(const struct config_section *section, const char *name)
{
	const char *other = other_section(name), *comma = "";
	struct buf known;
	bool fits = true;
	char *wrong;

	if (other != NULL)
		return (mem_printf("is not a setting of this section; right "
				   "would be: below [%s%s]",
		    other, find_named_kind(span_of(other)) ? " NAME" : ""));
	buf_init(&known, WRONG_MAX);
	for (size_t i = 0; i < config_table_len; i++) {
		if (!settings_has(section, &config_table[i]))
			continue;
		fits = fits &&
		    buf_printf(
			&known, "%s%s", comma, config_table[i].option.name);
		comma = ", ";
	}
	assert(fits);
	wrong = mem_printf("there is no such setting; right would be one of: "
			   "%s",
	    buf_string(&known));
	buf_fini(&known);
	return (wrong);
}

static void
take_value(struct reading *reading, const struct ini_line *line)
{
	const struct config_origin origin = { .line = line->number };
	struct config_section *section = reading->current;
	size_t index = settings_row(section, line->name);
	char *wrong;

	if (index == config_table_len)
		wrong = unknown_name(section, line->name);
	else if (section->origins[index].line != 0)
		wrong = mem_printf("is repeated, it is set in line %u; right "
				   "would be: once",
		    section->origins[index].line);
	else {
		set(reading->settings, section, index, &origin, line->value);
		return;
	}
	settings_complain(
	    reading->settings, section, line->name, &origin, wrong);
	free(wrong);
}

static bool
take_line(void *context, const struct ini_line *line)
{
	struct reading *reading = context;

	if (line->name == NULL)
		take_head(reading, line);
	else if (*line->section == '\0')
		settings_complain_line(reading->settings, line->number,
		    "a setting stands before any section; right would be: "
		    "below " SECTIONS);
	else if (reading->current != NULL)
		take_value(reading, line);
	return (true);
}

static bool
read_file(struct settings *settings)
{
	struct reading reading = { .settings = settings };
	unsigned line = 0;
	char *wrong;

	switch (ini_read(settings->path, take_line, &reading, &line)) {
	case INI_OK:
		return (true);
	case INI_UNREADABLE:
		wrong = mem_printf("cannot be read: %s; right would be: a file "
				   "that whoever starts the daemon may read",
		    strerror(errno));
		settings_complain_line(settings, 0, wrong);
		free(wrong);
		return (false);
	case INI_MALFORMED:
	case INI_STOPPED:
	default:
		settings_complain_line(settings, line,
		    "this line is malformed; right would be: [section], name = "
		    "value, or a comment that begins with #");
		return (false);
	}
}

/* The first of ROW's variables that is set to something, its name in *NAME; or
 * NULL. */
static const char *
environment_of(const struct config_row *row, struct span *name)
{
	struct span rest = span_of(row->option.variables);
	const char *text;
	char *variable;

	while (rest.len > 0) {
		*name = span_cut(&rest, ' ');
		variable = mem_string_of(name->data, name->len);
		text = env_get(variable);
		free(variable);
		if (text != NULL)
			return (text);
	}
	return (NULL);
}

static void
read_environment(struct settings *settings, struct config_section *section,
    const struct profiles *profiles)
{
	bool is_site = settings_is_kind(section, "site");
	bool is_one_of_many = is_site && settings->n_sites > 1;
	struct config_origin origin = { .line = 0 };
	const struct config_row *row;
	const char *text;

	for (size_t i = 0; i < config_table_len; i++) {
		row = &config_table[i];
		if (!settings_has(section, row) ||
		    (is_one_of_many && section->origins[i].line != 0))
			continue;
		if (is_site &&
		    config_shared_hides(
			profiles, &settings->sites[section->index], row))
			continue;
		text = environment_of(row, &origin.variable);
		if (text != NULL)
			set(settings, section, i, &origin, text);
	}
}

static void
complain_of_services(struct settings *settings, struct config_section *section,
    const char *missing)
{
	static const struct config_origin nowhere;
	char *wrong = mem_printf("its line \"services = %s\" names a section "
				 "that is not there; right would be: [services "
				 "%s] in the shared config file",
	    missing, missing);

	settings_complain(settings, section, "profile", &nowhere, wrong);
	free(wrong);
}

/* What stands neither in the file nor in the environment. */
static void
read_shared(struct settings *settings, struct config_section *section,
    const struct profiles *profiles)
{
	const struct site *site = &settings->sites[section->index];
	const struct config_row *row;
	const char *text, *missing;

	for (size_t i = 0; i < config_table_len; i++) {
		struct config_origin origin = { .line = 0 };

		row = &config_table[i];
		if (!settings_has(section, row) ||
		    config_origin_is_set(&section->origins[i]))
			continue;
		missing = config_shared_missing(profiles, site, row);
		if (missing != NULL) {
			complain_of_services(settings, section, missing);
			return;
		}
		text = config_shared_get(profiles, site, row, &origin.profile);
		if (text != NULL)
			set(settings, section, i, &origin, text);
	}
}

/* Where all of SITE that can be told of it was read. */
static void
read_site(struct settings *settings, struct config_section *section,
    const struct profiles *profiles)
{
	size_t region = settings_row(section, "region");

	read_shared(settings, section, profiles);
	settings->sites[section->index].region_is_guess =
	    !config_origin_is_set(&section->origins[region]);
}

bool
config_read(struct settings *settings)
{
	struct config_section *section;
	struct profiles *profiles;

	if (settings->path != NULL && !read_file(settings))
		return (false);
	if (settings->n_sites == 0 && env_get("TRYS3_BUCKET") != NULL)
		(void)settings_add_site(settings, "default");
	profiles = config_shared_load(settings);
	if (profiles == NULL)
		return (false);
	for (size_t i = 0; i < settings->n_sections; i++) {
		section = &settings->sections[i];
		read_environment(settings, section, profiles);
		if (settings_is_kind(section, "site"))
			read_site(settings, section, profiles);
	}
	profiles_free(profiles);
	return (true);
}

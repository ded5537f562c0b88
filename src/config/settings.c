/*
 * The settings and their origins: see config/settings.h.  A section keeps an
 * origin for every row of the table, its own or not: a few hundred bytes too
 * many, and no second index.
 */
#include "config/settings.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

/* Greatest length of what is wrong with a setting. */
enum { WRONG_MAX = 3000 };

bool
config_origin_is_set(const struct config_origin *origin)
{
	return (origin->line != 0 || origin->variable.data != NULL ||
	    origin->profile != NULL);
}

bool
settings_has(const struct config_section *section, const struct config_row *row)
{
	return (settings_is_kind(section, row->option.section));
}

bool
settings_is_kind(const struct config_section *section, const char *kind)
{
	return (strcmp(section->kind, kind) == 0);
}

size_t
settings_row(const struct config_section *section, const char *name)
{
	size_t i;

	for (i = 0; i < config_table_len; i++)
		if (settings_has(section, &config_table[i]) &&
		    strcmp(config_table[i].option.name, name) == 0)
			break;
	return (i);
}

void *
settings_base(
    const struct settings *settings, const struct config_section *section)
{
	const void *base;

	if (settings_is_kind(section, "daemon"))
		base = &settings->daemon;
	else if (settings_is_kind(section, "cache"))
		base = &settings->cache;
	else if (settings_is_kind(section, "site"))
		base = &settings->sites[section->index];
	else
		base = &settings->offloads[section->index];
	return ((void *)base);
}

bool
settings_says(const struct settings *settings,
    const struct config_section *section, const char *name)
{
	const struct config_row *row =
	    &config_table[settings_row(section, name)];
	char room[FORMAT_MAX];

	return (*config_value_show(
		    row, settings_base(settings, section), room) != '\0');
}

struct config_section *
settings_find(const struct settings *settings, const char *title)
{
	for (size_t i = 0; i < settings->n_sections; i++)
		if (strcmp(settings->sections[i].title, title) == 0)
			return (&settings->sections[i]);
	return (NULL);
}

static void
set_defaults(struct settings *settings, const struct config_section *section)
{
	const struct config_row *row;
	struct buf wrong;
	bool is_right;

	buf_init(&wrong, WRONG_MAX);
	for (size_t i = 0; i < config_table_len; i++) {
		row = &config_table[i];
		if (!settings_has(section, row) ||
		    *row->option.standard == '\0')
			continue;
		is_right =
		    config_value_set(row, settings_base(settings, section),
			row->option.standard, &wrong);
		assert(is_right);
	}
	buf_fini(&wrong);
}

/* TITLE is taken. */
static struct config_section *
add_section(struct settings *settings, const char *kind, char *title)
{
	size_t n = settings->n_sections++;
	struct config_section *section;

	settings->sections = mem_resize(settings->sections,
	    settings->n_sections * sizeof(settings->sections[0]));
	section = &settings->sections[n];
	*section = (struct config_section){
		.kind = kind,
		.title = title,
		.origins =
		    mem_zero(config_table_len, sizeof(section->origins[0])),
	};
	return (section);
}

struct settings *
settings_new(const char *path)
{
	struct settings *settings = mem_zero(1, sizeof(*settings));

	settings->path = mem_string(path);
	set_defaults(
	    settings, add_section(settings, "daemon", mem_string("daemon")));
	set_defaults(
	    settings, add_section(settings, "cache", mem_string("cache")));
	return (settings);
}

struct config_section *
settings_add_site(struct settings *settings, const char *name)
{
	size_t n = settings->n_sites++;
	struct config_section *section;

	settings->sites = mem_resize(
	    settings->sites, settings->n_sites * sizeof(settings->sites[0]));
	settings->sites[n] = (struct site){ .name = mem_string(name) };
	section = add_section(settings, "site", mem_printf("site %s", name));
	section->index = n;
	set_defaults(settings, section);
	return (section);
}

struct config_section *
settings_add_offload(struct settings *settings, const char *name)
{
	size_t n = settings->n_offloads++;
	struct config_section *section;

	settings->offloads = mem_resize(settings->offloads,
	    settings->n_offloads * sizeof(settings->offloads[0]));
	settings->offloads[n] =
	    (struct offload_settings){ .name = mem_string(name) };
	section =
	    add_section(settings, "offload", mem_printf("offload %s", name));
	section->index = n;
	set_defaults(settings, section);
	return (section);
}

static void
free_section(struct settings *settings, struct config_section *section)
{
	/* A site's texts are the site's to free. */
	if (!settings_is_kind(section, "site"))
		for (size_t i = 0; i < config_table_len; i++)
			if (settings_has(section, &config_table[i]))
				config_value_clear(&config_table[i],
				    settings_base(settings, section));
	for (size_t i = 0; i < config_table_len; i++)
		free(section->origins[i].profile);
	free(section->title);
	free(section->origins);
}

void
settings_free(struct settings *settings)
{
	if (settings == NULL)
		return;
	for (size_t i = 0; i < settings->n_sections; i++)
		free_section(settings, &settings->sections[i]);
	for (size_t i = 0; i < settings->n_sites; i++)
		site_fini(&settings->sites[i]);
	for (size_t i = 0; i < settings->n_offloads; i++)
		free(settings->offloads[i].name);
	free(settings->sections);
	free(settings->sites);
	free(settings->offloads);
	free(settings->path);
	free(settings);
}

void
settings_forget_secrets(struct settings *settings)
{
	for (size_t i = 0; i < settings->n_sections; i++) {
		const struct config_section *section = &settings->sections[i];

		for (size_t j = 0; j < config_table_len; j++)
			if (config_table[j].type == CONFIG_SECRET &&
			    settings_has(section, &config_table[j]))
				config_value_clear(&config_table[j],
				    settings_base(settings, section));
	}
}

void
settings_complain(struct settings *settings, struct config_section *section,
    const char *name, const struct config_origin *origin, const char *wrong)
{
	const char *title = section->title;
	unsigned line = origin->line != 0 ? origin->line : section->line;

	settings->errors++;
	section->errors++;
	if (origin->variable.data != NULL)
		log_error("%.*s (environment): %s: %s",
		    SPAN_ARG(origin->variable), name, wrong);
	else if (origin->profile != NULL)
		log_error("%s: %s: %s", origin->profile, name, wrong);
	else if (line != 0)
		log_error("%s:%u: [%s] %s: %s", settings->path, line, title,
		    name, wrong);
	else
		log_error("[%s] %s: %s", title, name, wrong);
}

void
settings_complain_where_set(struct settings *settings,
    struct config_section *section, const char *name, const char *wrong)
{
	static const struct config_origin nowhere;
	size_t index = settings_row(section, name);

	settings_complain(settings, section, name,
	    index < config_table_len ? &section->origins[index] : &nowhere,
	    wrong);
}

void
settings_refuse(struct settings *settings, struct config_section *section,
    const char *name, const char *wrong)
{
	size_t index = settings_row(section, name);
	const struct config_row *row = &config_table[index];
	char room[FORMAT_MAX];
	struct buf whole;

	assert(index < config_table_len);
	buf_init(&whole, WRONG_MAX);
	(void)config_value_refuse(row,
	    config_value_show(row, settings_base(settings, section), room),
	    wrong, &whole);
	settings_complain_where_set(
	    settings, section, name, buf_string(&whole));
	buf_fini(&whole);
}

void
settings_complain_line(
    struct settings *settings, unsigned line, const char *wrong)
{
	settings->errors++;
	if (line != 0)
		log_error("%s:%u: %s", settings->path, line, wrong);
	else
		log_error("%s: %s", settings->path, wrong);
}

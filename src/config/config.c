/*
 * Loading and printing the settings: see config.h.  What follows from a mistake
 * that was reported is not reported again: a section is checked as a whole only
 * where each of its lines was right.
 */
#include "config/config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/access.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/offload.h"
#include "config/own.h"
#include "config/read.h"
#include "credentials/chain.h"

/* In config_print, where the comment begins that tells a value's origin. */
enum { COMMENT_COLUMN = 48 };

/* Greatest length of what is wrong with a setting. */
enum { WRONG_MAX = 3000 };

/* NULL, or why SITE maps not even the simplest of paths to a key. */
static const char *
mapping_error(const struct site *site)
{
	const char *strip = site->strip != NULL ? site->strip : "";
	char *path = mem_printf("/%s", strip + (strip[0] == '/'));
	const char *why = config_mapping_error(site, path);

	free(path);
	return (why);
}

/* strip and prefix, by the rules for the keys that they make. */
static void
check_mapping(struct settings *settings, struct config_section *section)
{
	struct site site = settings->sites[section->index];
	const char *name = "prefix", *why = mapping_error(&site);
	char *wrong;

	if (why == NULL)
		return;
	site.prefix = NULL;
	if (mapping_error(&site) != NULL)
		name = "strip";
	wrong = mem_printf("makes no path a key: %s", why);
	settings_refuse(settings, section, name, wrong);
	free(wrong);
}

static void
check_site(struct settings *settings, struct config_section *section)
{
	struct site *site = &settings->sites[section->index];
	const char *name, *why = "";

	if (section->errors > 0)
		return;
	config_check_own(settings, section);
	name = site_resolve(site, &why);
	if (name != NULL)
		settings_refuse(settings, section, name, why);
	else
		check_mapping(settings, section);
}

/* Which secret stands in our file, or NULL. */
static const char *
secret_in_file(const struct settings *settings)
{
	for (size_t i = 0; i < settings->n_sections; i++)
		for (size_t j = 0; j < config_table_len; j++)
			if (config_table[j].type == CONFIG_SECRET &&
			    settings->sections[i].origins[j].line != 0)
				return (config_table[j].option.name);
	return (NULL);
}

/* A file that holds a secret is no one else's to read. */
static void
check_secrecy(struct settings *settings)
{
	const char *secret = secret_in_file(settings);
	struct stat status;
	struct buf why;
	char *wrong;

	if (secret == NULL || stat(settings->path, &status) != 0)
		return;
	buf_init(&why, WRONG_MAX);
	if (access_is_open(settings->path, &status, &why)) {
		wrong =
		    mem_printf("holds a %s and %s", secret, buf_string(&why));
		settings_complain_line(settings, 0, wrong);
		free(wrong);
	}
	buf_fini(&why);
}

static void
check_all(struct settings *settings)
{
	if (settings->n_sites == 0) {
		settings->errors++;
		log_error("%s%sthere is no bucket to serve; right would be: "
			  "[site NAME] with bucket = NAME in %s, or the "
			  "environment variable TRYS3_BUCKET",
		    settings->path != NULL ? settings->path : "",
		    settings->path != NULL ? ": " : "",
		    settings->path != NULL ? "it" : "a file given with -c");
	}
	for (size_t i = 0; i < settings->n_sections; i++)
		if (settings_is_kind(&settings->sections[i], "site"))
			check_site(settings, &settings->sections[i]);
	/* Which need the sites. */
	for (size_t i = 0; i < settings->n_sections; i++)
		if (settings_is_kind(&settings->sections[i], "offload"))
			config_check_offload(settings, &settings->sections[i]);
	check_secrecy(settings);
}

struct settings *
config_load(const char *path)
{
	struct settings *settings = settings_new(path);

	if (config_read(settings))
		check_all(settings);
	if (settings->errors == 0)
		return (settings);
	settings_free(settings);
	return (NULL);
}

void
config_free(struct settings *settings)
{
	settings_free(settings);
}

static void
find_credentials(struct settings *settings, struct config_section *section,
    struct http *http)
{
	struct site *site = &settings->sites[section->index];
	struct watch *watch = watch_new();
	struct credentials_found found;
	enum credentials_result result;
	struct buf where;
	char *wrong;

	buf_init(&where, CREDENTIALS_WHERE_MAX);
	result = credentials_find(site, http, watch, &found, &where);
	if (result == CREDENTIALS_FOUND) {
		free(site->credentials_source);
		site->credentials_source = mem_string(buf_string(&where));
	} else {
		wrong = mem_printf("none can be used%s: %s",
		    result == CREDENTIALS_FAILED
			? " now, though another try may do better"
			: "",
		    buf_string(&where));
		settings_complain_where_set(
		    settings, section, "credentials", wrong);
		free(wrong);
	}
	credentials_found_fini(&found);
	buf_fini(&where);
	watch_free(watch);
}

bool
config_find_credentials(struct settings *settings, struct http *http)
{
	for (size_t i = 0; i < settings->n_sections; i++)
		if (settings_is_kind(&settings->sections[i], "site"))
			find_credentials(
			    settings, &settings->sections[i], http);
	return (settings->errors == 0);
}

/* TEXT as part of a comment: a path or a name may hold anything. */
static void
print_safely(const char *text, FILE *out)
{
	for (; *text != '\0'; text++)
		fputc(
		    (unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text,
		    out);
}

static void
print_origin(const struct settings *settings,
    const struct config_origin *origin, FILE *out)
{
	if (origin->variable.data != NULL) {
		fprintf(out, "environment %.*s", SPAN_ARG(origin->variable));
	} else if (origin->line != 0) {
		print_safely(settings->path, out);
		fprintf(out, ":%u", origin->line);
	} else if (origin->profile != NULL) {
		print_safely(origin->profile, out);
	} else
		fputs("a default", out);
}

static void
print_resolved(const struct site *site, FILE *out)
{
	struct site_target target;

	site_target_init(&target);
	if (site_target(site, span_of(site->region), SPAN("KEY"), &target))
		fprintf(out, "# objects: %s (%s style)\n",
		    buf_string(&target.url),
		    site->is_virtual ? "virtual" : "path");
	site_target_fini(&target);
	if (site->credentials_source == NULL)
		return;
	fputs("# credentials: ", out);
	print_safely(site->credentials_source, out);
	fputc('\n', out);
}

/* Which file goes where. */
static void
print_offload(const struct settings *settings,
    const struct offload_settings *offload, FILE *out)
{
	const struct site *site = &settings->sites[offload->site_index];
	char *path = mem_printf("%sNAME", offload->uri);
	struct site_target target;
	const char *why;
	struct buf key;

	buf_init(&key, SITE_KEY_MAX);
	site_target_init(&target);
	if (site_key(site, span_of(path), &key, &why) == SITE_KEY_OK &&
	    site_target(site, span_of(site->region), buf_span(&key), &target)) {
		fprintf(out, "# site %s: ", site->name);
		print_safely(offload->root, out);
		fprintf(out, "/NAME is %s\n", buf_string(&target.url));
	}
	site_target_fini(&target);
	buf_fini(&key);
	free(path);
}

static void
print_section(const struct settings *settings,
    const struct config_section *section, FILE *out)
{
	const void *base = settings_base(settings, section);
	const struct config_row *row;
	char room[FORMAT_MAX];
	int len;

	fprintf(out, "\n[%s]\n", section->title);
	if (settings_is_kind(section, "site"))
		print_resolved(&settings->sites[section->index], out);
	if (settings_is_kind(section, "offload"))
		print_offload(
		    settings, &settings->offloads[section->index], out);
	for (size_t i = 0; i < config_table_len; i++) {
		row = &config_table[i];
		if (!settings_has(section, row))
			continue;
		len = fprintf(out, "%s = %s", row->option.name,
		    config_value_show(row, base, room));
		fprintf(out, "%*s ; ",
		    len < COMMENT_COLUMN ? COMMENT_COLUMN - len : 0, "");
		print_origin(settings, &section->origins[i], out);
		fputc('\n', out);
	}
}

void
config_print(const struct settings *settings, FILE *out)
{
	fputs("# The effective settings of trys3d; see trys3.conf(5).\n", out);
	for (size_t i = 0; i < settings->n_sections; i++)
		print_section(settings, &settings->sections[i], out);
}

/*
 * Loading and printing the settings: see config.h.  What follows from a mistake
 * that was reported is not reported again: a site is checked as a whole only
 * where each of its lines was right.
 */
#include "config/config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/read.h"
#include "credentials/chain.h"

/* In config_print, where the comment begins that tells a value's origin. */
enum { COMMENT_COLUMN = 48 };

/* Greatest length of what is wrong with a setting. */
enum { WRONG_MAX = 3000 };

/* Report what is WRONG with NAME of SECTION, where that is set. */
static void
complain(struct settings *settings, struct config_section *section,
    const char *name, const char *wrong)
{
	static const struct config_origin nowhere;
	size_t index = settings_row(section, name);

	settings_complain(settings, section, name,
	    index < config_table_len ? &section->origins[index] : &nowhere,
	    wrong);
}

/* The same with the value, and with what may stand there. */
static void
refuse(struct settings *settings, struct config_section *section,
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
	complain(settings, section, name, buf_string(&whole));
	buf_fini(&whole);
}

static void
check_own_keys(struct settings *settings, struct config_section *section)
{
	const struct credentials *own = &settings->sites[section->site].own;

	if (own->access_key_id != NULL && own->secret_access_key == NULL)
		complain(settings, section, "access_key_id",
		    "stands without its secret; right would be: "
		    "secret_access_key as well, or neither");
	if (own->access_key_id == NULL && own->secret_access_key != NULL)
		complain(settings, section, "secret_access_key",
		    "stands without its key; right would be: access_key_id as "
		    "well, or neither");
	if (own->access_key_id == NULL && own->secret_access_key == NULL &&
	    own->session_token != NULL)
		complain(settings, section, "session_token",
		    "stands without its key; right would be: access_key_id "
		    "and secret_access_key as well, or none of them");
}

/* NULL, or why SITE maps not even the simplest of paths to a key. */
static const char *
mapping_error(const struct site *site)
{
	const char *strip = site->strip != NULL ? site->strip : "";
	char *path = mem_printf("/%sx", strip + (strip[0] == '/'));
	const char *why = NULL;
	struct buf key;

	buf_init(&key, SITE_KEY_MAX);
	if (site_key(site, span_of(path), &key, &why) == SITE_KEY_OK)
		why = NULL;
	buf_fini(&key);
	free(path);
	return (why);
}

/* strip and prefix, by the rules for the keys that they make. */
static void
check_mapping(struct settings *settings, struct config_section *section)
{
	struct site site = settings->sites[section->site];
	const char *name = "prefix", *why = mapping_error(&site);
	char *wrong;

	if (why == NULL)
		return;
	site.prefix = NULL;
	if (mapping_error(&site) != NULL)
		name = "strip";
	wrong = mem_printf("makes no path a key: %s", why);
	refuse(settings, section, name, wrong);
	free(wrong);
}

static void
check_credentials(struct settings *settings, struct config_section *section)
{
	struct buf why;
	char *wrong;

	buf_init(&why, CREDENTIALS_WHERE_MAX);
	if (!credentials_find(&settings->sites[section->site], &why)) {
		wrong =
		    mem_printf("none can be used: %s; right would be: "
			       "access_key_id and secret_access_key in this "
			       "section, AWS_ACCESS_KEY_ID and "
			       "AWS_SECRET_ACCESS_KEY in the environment, "
			       "or a profile in ~/.aws/credentials",
			buf_string(&why));
		complain(settings, section, "credentials", wrong);
		free(wrong);
	}
	buf_fini(&why);
}

static void
check_site(struct settings *settings, struct config_section *section)
{
	struct site *site = &settings->sites[section->site];
	const char *name, *why = "";

	if (section->errors > 0)
		return;
	check_own_keys(settings, section);
	name = site_resolve(site, &why);
	if (name != NULL)
		refuse(settings, section, name, why);
	else
		check_mapping(settings, section);
	if (section->errors == 0)
		check_credentials(settings, section);
}

/* A file that holds a secret is no one else's to read. */
static void
check_secrecy(const struct settings *settings)
{
	struct stat status;

	if (settings->path == NULL || stat(settings->path, &status) != 0 ||
	    (status.st_mode & S_IROTH) == 0)
		return;
	for (size_t i = 0; i < settings->n_sites; i++)
		if (settings->sites[i].own.secret_access_key != NULL) {
			log_warning("%s: holds a secret and can be read by "
				    "everyone; right would be: chmod o-r",
			    settings->path);
			return;
		}
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
		if (strcmp(settings->sections[i].kind, "site") == 0)
			check_site(settings, &settings->sections[i]);
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
	fputs("# credentials: ", out);
	print_safely(site->credentials_source, out);
	fputc('\n', out);
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
	if (strcmp(section->kind, "site") == 0)
		print_resolved(&settings->sites[section->site], out);
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

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

#include "base/access.h"
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

/* Settings that mean something only beside others, or not beside others. */
static const struct pairing {
	const char *name;  /* where both are set, or this one alone: */
	const char *other; /* without it, or, where it is a conflict, with it */
	bool is_conflict;
	const char *wrong;
} pairings[] = {
	{ "profile", "access_key_id", true,
	    "stands beside access_key_id, where only one can be meant; right "
	    "would be: one of them" },
	{ "web_identity_token_file", "access_key_id", true,
	    "stands beside access_key_id, where only one can be meant; right "
	    "would be: one of them" },
	{ "web_identity_token_file", "role_arn", false,
	    "stands without the role that it is for; right would be: role_arn "
	    "as well" },
	{ "external_id", "web_identity_token_file", true,
	    "stands beside web_identity_token_file, and AWS takes none with a "
	    "token; right would be: one of them" },
	{ "external_id", "role_arn", false,
	    "stands without the role that it is for; right would be: role_arn "
	    "as well" },
	{ "role_session_name", "role_arn", false,
	    "stands without the role that it is for; right would be: role_arn "
	    "as well" },
};

static bool
is_said(const struct settings *settings, const struct config_section *section,
    const char *name)
{
	const struct config_row *row =
	    &config_table[settings_row(section, name)];
	char room[FORMAT_MAX];

	return (*config_value_show(
		    row, settings_base(settings, section), room) != '\0');
}

static void
check_pairings(struct settings *settings, struct config_section *section)
{
	for (size_t i = 0; i < sizeof(pairings) / sizeof(pairings[0]); i++) {
		const struct pairing *it = &pairings[i];

		if (is_said(settings, section, it->name) &&
		    is_said(settings, section, it->other) == it->is_conflict)
			complain(settings, section, it->name, it->wrong);
	}
}

static void
check_site(struct settings *settings, struct config_section *section)
{
	struct site *site = &settings->sites[section->site];
	const char *name, *why = "";

	if (section->errors > 0)
		return;
	check_own_keys(settings, section);
	check_pairings(settings, section);
	name = site_resolve(site, &why);
	if (name != NULL)
		refuse(settings, section, name, why);
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

static void
find_credentials(struct settings *settings, struct config_section *section,
    struct http *http)
{
	struct site *site = &settings->sites[section->site];
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
		complain(settings, section, "credentials", wrong);
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
		if (strcmp(settings->sections[i].kind, "site") == 0)
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

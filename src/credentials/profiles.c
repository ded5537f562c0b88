/*
 * The shared files: see profiles.h.  What a line is, shared_file.c knows; here
 * it is known which section is whose.
 */
#include "credentials/profiles.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/env.h"
#include "base/mem.h"
#include "base/user.h"
#include "credentials/command_line.h"
#include "credentials/shared_file.h"

struct profiles {
	struct one {
		char *path;
		char *absence; /* NULL: it was read */
		char *text;    /* what FILE is made of */
		size_t len;
		struct shared_file file;
	} files[PROFILES_MERGED];
};

/* ---- Where the files are ---- */

/* The name of the variable that TEXT, a "$", begins with, and how LONG it is
 * with all that belongs to it; no value where that is none. */
static struct span
variable_name(const char *text, size_t *len)
{
	const char *name = text + 1, *end = name;

	if (*name == '{') {
		end = strchr(++name, '}');
		if (end == NULL)
			return ((struct span){ NULL, 0 });
		*len = (size_t)(end + 1 - text);
	} else {
		end += span_front(span_of(name), "_");
		if (end == name)
			return ((struct span){ NULL, 0 });
		*len = (size_t)(end - text);
	}
	return ((struct span){ name, (size_t)(end - name) });
}

/* The value of the variable at TEXT, NULL where it is none that is set. */
static const char *
variable_value(const char *text, size_t *len)
{
	struct span name = variable_name(text, len);
	const char *value;
	char *copy;

	if (name.data == NULL)
		return (NULL);
	copy = mem_string_of(name.data, name.len);
	value = getenv(copy);
	free(copy);
	return (value);
}

/* TEXT with its variables expanded; one that is not set stays as it is. */
static char *
expand_variables(const char *text)
{
	char *path = mem_string(text), *longer;
	const char *value;
	size_t at = 0, len = 0;

	while (path[at] != '\0') {
		value =
		    path[at] == '$' ? variable_value(path + at, &len) : NULL;
		if (value == NULL) {
			at++;
			continue;
		}
		longer = mem_printf(
		    "%.*s%s%s", (int)at, path, value, path + at + len);
		free(path);
		path = longer;
		at += strlen(value);
	}
	return (path);
}

/* The home directory, the caller's; NULL where there is none. */
static char *
home(void)
{
	const char *directory = env_get("HOME");

	return (
	    directory != NULL ? mem_string(directory) : user_home(getuid()));
}

/* The path that VARIABLE names, else STANDARD; "" where there is no home
 * directory and one is wanted. */
static char *
find_path(const char *variable, const char *standard)
{
	const char *set = env_get(variable);
	char *path = expand_variables(set != NULL ? set : standard);
	char *directory, *whole;

	if (path[0] != '~' || (path[1] != '/' && path[1] != '\0'))
		return (path);
	directory = home();
	whole = directory != NULL ? mem_printf("%s%s", directory, path + 1)
				  : mem_string("");
	free(directory);
	free(path);
	return (whole);
}

/* ---- Reading ---- */

/* NULL, or why there is nothing at PATH that can be read; the caller's. */
static char *
look_for(const char *path)
{
	struct stat status;

	if (*path == '\0')
		return (mem_string(
		    "HOME is not set, and this user has no home directory"));
	if (stat(path, &status) != 0)
		return (mem_string(strerror(errno)));
	return (
	    S_ISREG(status.st_mode) ? NULL : mem_string("it is not a file"));
}

static bool
load(struct one *one, struct watch *watch, struct buf *why)
{
	unsigned line;
	bool fits;

	watch_note(watch, one->path);
	one->absence = look_for(one->path);
	if (one->absence != NULL)
		return (true);
	one->text = watch_read(watch, one->path, PROFILES_FILE_MAX, &one->len);
	if (one->text == NULL) {
		fits = buf_printf(why, "%s: %s", one->path,
		    errno == EFBIG ? "it is over 1 MiB" : strerror(errno));
	} else {
		line = shared_file_parse(&one->file, one->text, one->len);
		if (line == 0)
			return (true);
		fits = buf_printf(
		    why, "%s:%u: this line is malformed", one->path, line);
	}
	if (!fits)
		buf_clear(why);
	return (false);
}

struct profiles *
profiles_load(struct watch *watch, struct buf *why)
{
	struct profiles *profiles = mem_zero(1, sizeof(*profiles));
	struct one *config = &profiles->files[PROFILES_CONFIG];
	struct one *credentials = &profiles->files[PROFILES_CREDENTIALS];

	config->path = find_path("AWS_CONFIG_FILE", "~/.aws/config");
	credentials->path =
	    find_path("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials");
	if (load(config, watch, why) && load(credentials, watch, why))
		return (profiles);
	profiles_free(profiles);
	return (NULL);
}

void
profiles_free(struct profiles *profiles)
{
	if (profiles == NULL)
		return;
	for (size_t i = 0; i < PROFILES_MERGED; i++) {
		struct one *one = &profiles->files[i];

		if (one->text != NULL)
			explicit_bzero(one->text, one->len);
		free(one->text);
		free(one->path);
		free(one->absence);
		shared_file_fini(&one->file);
	}
	free(profiles);
}

const char *
profiles_path(const struct profiles *profiles, enum profiles_file file)
{
	return (profiles->files[file].path);
}

const char *
profiles_absence(const struct profiles *profiles, enum profiles_file file)
{
	return (profiles->files[file].absence);
}

/* ---- Sections ---- */

/* Is HEAD, of the config file, that of NAME, of KIND?  The first word may go on
 * behind KIND: so it is in botocore. */
static bool
is_head(const char *head, const char *kind, const char *name)
{
	struct command_line line;
	bool is_it;

	if (strncmp(head, kind, strlen(kind)) != 0 ||
	    command_line_split(head, &line) != NULL)
		return (false);
	is_it = line.n == 2 && strcmp(line.words[1], name) == 0;
	command_line_fini(&line);
	return (is_it);
}

static const struct shared_section *
find_head(const struct profiles *profiles, const char *kind, const char *name)
{
	const struct shared_file *file = &profiles->files[PROFILES_CONFIG].file;
	bool is_default =
	    strcmp(kind, "profile") == 0 && strcmp(name, "default") == 0;

	for (size_t i = file->n_sections; i-- > 0;)
		if (is_head(file->sections[i].head, kind, name) ||
		    (is_default &&
			strcmp(file->sections[i].head, "default") == 0))
			return (&file->sections[i]);
	return (NULL);
}

static const struct shared_section *
find_profile(const struct profiles *profiles, enum profiles_file file,
    const char *profile)
{
	if (file == PROFILES_CONFIG)
		return (find_head(profiles, "profile", profile));
	/* What counts for all profiles is none itself. */
	if (strcmp(profile, SHARED_FILE_ALL) == 0)
		return (NULL);
	return (shared_file_section(&profiles->files[file].file, profile));
}

bool
profiles_has(const struct profiles *profiles, enum profiles_file file,
    const char *profile)
{
	if (file != PROFILES_MERGED)
		return (find_profile(profiles, file, profile) != NULL);
	return (profiles_has(profiles, PROFILES_CONFIG, profile) ||
	    profiles_has(profiles, PROFILES_CREDENTIALS, profile));
}

/* The value, which may be empty; NULL where NAME is not there. */
static const char *
get(const struct profiles *profiles, enum profiles_file file,
    const char *profile, const char *name)
{
	const struct shared_section *section;
	const char *value;

	if (file == PROFILES_MERGED) {
		value = get(profiles, PROFILES_CREDENTIALS, profile, name);
		if (value != NULL)
			return (value);
		file = PROFILES_CONFIG;
	}
	section = find_profile(profiles, file, profile);
	if (section == NULL)
		return (NULL);
	return (
	    shared_file_get(&profiles->files[file].file, section, name, NULL));
}

const char *
profiles_get(const struct profiles *profiles, enum profiles_file file,
    const char *profile, const char *name)
{
	const char *value = get(profiles, file, profile, name);

	return (value != NULL && *value != '\0' ? value : NULL);
}

bool
profiles_ignores_endpoints(const struct profiles *profiles, const char *profile)
{
	const char *value = env_get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");

	if (value == NULL)
		value = profiles_get(profiles, PROFILES_MERGED, profile,
		    "ignore_configured_endpoint_urls");
	return (span_equal_nocase(span_of(value), SPAN("true")));
}

const char *
profiles_missing_services(const struct profiles *profiles, const char *profile)
{
	const char *name =
	    profiles_get(profiles, PROFILES_MERGED, profile, "services");

	if (name == NULL || find_head(profiles, "services", name) != NULL)
		return (NULL);
	return (name);
}

const char *
profiles_endpoint(
    const struct profiles *profiles, const char *profile, const char *service)
{
	const char *name, *url = NULL;
	const struct shared_section *section = NULL;

	if (profiles_ignores_endpoints(profiles, profile))
		return (NULL);
	name = profiles_get(profiles, PROFILES_MERGED, profile, "services");
	if (name != NULL)
		section = find_head(profiles, "services", name);
	if (section != NULL)
		url = shared_file_get(&profiles->files[PROFILES_CONFIG].file,
		    section, service, "endpoint_url");
	if (url != NULL && *url != '\0')
		return (url);
	return (
	    profiles_get(profiles, PROFILES_MERGED, profile, "endpoint_url"));
}

/*
 * The shared credentials file of the AWS tools: see chain.h.
 *
 * AWS_SHARED_CREDENTIALS_FILE, else ~/.aws/credentials; the section of
 * AWS_PROFILE, else "default"; "[profile NAME]", the form of the config file,
 * is taken as well, since people copy from there.  Who names a file or a
 * profile means it: then it is wrong that they are not there, while without
 * a word their absence only says that credentials are elsewhere.
 *
 * Where a profile stands twice, or a name twice in it, the last one counts.
 *
 * Source: "Shared config and credentials files" in the AWS SDKs and Tools
 * reference guide.
 */
#include "credentials/chain.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/env.h"
#include "base/ini.h"
#include "base/mem.h"

struct search {
	const char *profile;
	bool is_there; /* the profile's head was seen */
	struct credentials *found;
};

/* Is SECTION the one of PROFILE? */
static bool
is_profile(const char *section, const char *profile)
{
	struct span rest = span_of(section);

	if (strcmp(section, profile) == 0)
		return (true);
	return (span_equal(span_cut(&rest, ' '), SPAN("profile")) &&
	    rest.data != NULL && span_equal(span_trim(rest), span_of(profile)));
}

static bool
take_line(void *context, const struct ini_line *line)
{
	struct search *search = context;
	struct span name = span_of(line->name);
	char **place;

	if (!is_profile(line->section, search->profile))
		return (true);
	search->is_there = true;
	if (span_equal_nocase(name, SPAN("aws_access_key_id")))
		place = &search->found->access_key_id;
	else if (span_equal_nocase(name, SPAN("aws_secret_access_key")))
		place = &search->found->secret_access_key;
	else if (span_equal_nocase(name, SPAN("aws_session_token")))
		place = &search->found->session_token;
	else
		return (true);
	mem_wipe_string(place);
	if (*line->value != '\0')
		*place = mem_string(line->value);
	return (true);
}

/* The home directory, which lives until the next look into passwd; or NULL. */
static const char *
home(void)
{
	const char *directory = env_get("HOME");
	const struct passwd *user;

	if (directory != NULL)
		return (directory);
	user = getpwuid(getuid());
	return (user != NULL ? user->pw_dir : NULL);
}

/* Where the file is; the caller's.  NULL where that can't be told. */
static char *
file_path(void)
{
	const char *set = env_get("AWS_SHARED_CREDENTIALS_FILE");
	const char *directory;

	if (set != NULL && strncmp(set, "~/", 2) != 0)
		return (mem_string(set));
	directory = home();
	if (directory == NULL)
		return (NULL);
	return (mem_printf(
	    "%s/%s", directory, set != NULL ? set + 2 : ".aws/credentials"));
}

/* What was read for PROFILE of PATH; IS_MEANT: somebody named it. */
static enum credentials_result
judge(const struct search *search, const char *path, bool is_meant,
    struct buf *where)
{
	const struct credentials *found = search->found;
	const char *missing;

	if (!search->is_there)
		return (credentials_say(
		    is_meant ? CREDENTIALS_WRONG : CREDENTIALS_NONE, where,
		    "there is no profile %s in %s", search->profile, path));
	if (found->access_key_id != NULL && found->secret_access_key != NULL)
		return (credentials_say(CREDENTIALS_FOUND, where,
		    "profile %s in %s", search->profile, path));
	missing = found->access_key_id == NULL ? "aws_access_key_id"
					       : "aws_secret_access_key";
	if (found->access_key_id == NULL && found->secret_access_key == NULL)
		missing = "aws_access_key_id and no aws_secret_access_key";
	else
		is_meant = true;
	return (credentials_say(is_meant ? CREDENTIALS_WRONG : CREDENTIALS_NONE,
	    where, "profile %s in %s has no %s", search->profile, path,
	    missing));
}

static enum credentials_result
search_file(struct search *search, const char *path, struct buf *where)
{
	bool is_profile_set = env_get("AWS_PROFILE") != NULL;
	bool is_file_set = env_get("AWS_SHARED_CREDENTIALS_FILE") != NULL;
	unsigned line;

	switch (ini_read(path, take_line, search, &line)) {
	case INI_OK:
		return (judge(search, path, is_profile_set, where));
	case INI_UNREADABLE:
		return (credentials_say(is_profile_set || is_file_set
			? CREDENTIALS_WRONG
			: CREDENTIALS_NONE,
		    where, "%s: %s", path, strerror(errno)));
	case INI_MALFORMED:
	case INI_STOPPED:
	default:
		return (credentials_say(CREDENTIALS_WRONG, where,
		    "%s:%u: this line is malformed", path, line));
	}
}

enum credentials_result
credentials_from_profile(
    const struct site *site, struct credentials *found, struct buf *where)
{
	struct search search = { .profile = env_get("AWS_PROFILE") };
	enum credentials_result result;
	char *path = file_path();

	(void)site;
	if (path == NULL)
		return (credentials_say(CREDENTIALS_NONE, where,
		    "HOME is not set, and this user has no home directory"));
	if (search.profile == NULL)
		search.profile = "default";
	*found = (struct credentials){ .access_key_id = NULL };
	search.found = found;
	result = search_file(&search, path, where);
	if (result != CREDENTIALS_FOUND)
		credentials_fini(found);
	free(path);
	return (result);
}

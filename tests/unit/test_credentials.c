/*
 * Where credentials are found (src/credentials/): the order of the providers,
 * what ends the search, and that what is said of it holds no secret.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "credentials/chain.h"

/* No secret that a test sets lacks this word, and no output may hold it. */
#define CANARY "CANARY"

static char home[] = "/tmp/test_credentials.XXXXXX";
static char *aws_path, *standard_path, *other_path;

static int
make_home(void **state)
{
	(void)state;
	if (mkdtemp(home) == NULL)
		return (-1);
	aws_path = mem_printf("%s/.aws", home);
	standard_path = mem_printf("%s/.aws/credentials", home);
	other_path = mem_printf("%s/other", home);
	return (mkdir(aws_path, 0700));
}

static int
remove_home(void **state)
{
	(void)state;
	unlink(standard_path);
	unlink(other_path);
	rmdir(aws_path);
	free(aws_path);
	free(standard_path);
	free(other_path);
	return (rmdir(home));
}

static int
begin_test(void **state)
{
	static const char *const names[] = { "AWS_ACCESS_KEY_ID",
		"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE",
		"AWS_SHARED_CREDENTIALS_FILE" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
	setenv("HOME", home, 1);
	unlink(standard_path);
	unlink(other_path);
	return (0);
}

static void
write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* "NAME=value" into the environment; %s in the value is the home directory. */
static void
set_variables(const char *const variables[], size_t n)
{
	for (size_t i = 0; i < n && variables[i] != NULL; i++) {
		struct span rest = span_of(variables[i]);
		struct span name = span_cut(&rest, '=');
		char *copy = mem_string_of(name.data, name.len), *value;

		if (span_starts(rest, SPAN("HOME/")))
			value = mem_printf("%s/%s", home, rest.data + 5);
		else
			value = mem_string_of(rest.data, rest.len);
		setenv(copy, value, 1);
		free(value);
		free(copy);
	}
}

#define KEYS(id) \
	"aws_access_key_id = " id "\naws_secret_access_key = " CANARY "\n"

/* 300 bytes: more than inih holds at once. */
#define FIFTY "01234567890123456789012345678901234567890123456789"
#define LONG  FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY

#define ID     "AWS_ACCESS_KEY_ID="
#define SECRET "AWS_SECRET_ACCESS_KEY="
#define FILE_  "AWS_SHARED_CREDENTIALS_FILE="

/* What is said is wanted as a part. */
static const struct row {
	const char *name;
	struct {
		const char *id;
		const char *secret;
		const char *token;
	} own;
	const char *variables[4];
	const char *standard; /* ~/.aws/credentials; NULL: none */
	const char *other;    /* HOME/other; NULL: none */
	const char *id;       /* whose are found; NULL: none */
	const char *token;
	bool is_wrong; /* not found, and no further search */
	const char *said;
} rows[] = {
	{ .name = "nothing anywhere",
	    .said = "the site's settings: access_key_id is not set; the "
		    "environment: AWS_ACCESS_KEY_ID is not set; the shared "
		    "credentials file: /tmp/" },
	{ .name = "the site's own",
	    .own = { "SITE", CANARY, NULL },
	    .variables = { ID "ENV", SECRET CANARY, "AWS_SESSION_TOKEN=T" },
	    .id = "SITE",
	    .said = "the site's settings: access_key_id" },
	{ .name = "the site's own token",
	    .own = { "SITE", CANARY, "TOKEN" },
	    .id = "SITE",
	    .token = "TOKEN",
	    .said = "the site's settings: access_key_id" },
	{ .name = "half of the site's own",
	    .own = { "SITE", NULL, NULL },
	    .variables = { ID "ENV", SECRET CANARY },
	    .is_wrong = true,
	    .said = "the site's settings: access_key_id is set, "
		    "secret_access_key is not" },
	{ .name = "the other half of the site's own",
	    .own = { NULL, CANARY, NULL },
	    .variables = { ID "ENV", SECRET CANARY },
	    .is_wrong = true,
	    .said = "the site's settings: secret_access_key is set, "
		    "access_key_id is not" },
	{ .name = "the environment",
	    .variables = { ID "ENV", SECRET CANARY },
	    .standard = "[default]\n" KEYS("FILE"),
	    .id = "ENV",
	    .said = "the environment: AWS_ACCESS_KEY_ID" },
	{ .name = "the environment's token",
	    .variables = { ID "ENV", SECRET CANARY, "AWS_SESSION_TOKEN=T+/=" },
	    .id = "ENV",
	    .token = "T+/=",
	    .said = "the environment: AWS_ACCESS_KEY_ID" },
	{ .name = "an empty token is none",
	    .variables = { ID "ENV", SECRET CANARY, "AWS_SESSION_TOKEN=" },
	    .id = "ENV",
	    .said = "the environment: AWS_ACCESS_KEY_ID" },
	{ .name = "the environment before a profile that is named",
	    .variables = { ID "ENV", SECRET CANARY, "AWS_PROFILE=p" },
	    .standard = "[p]\n" KEYS("FILE"),
	    .id = "ENV",
	    .said = "the environment: AWS_ACCESS_KEY_ID" },
	{ .name = "half of the environment",
	    .variables = { ID "ENV" },
	    .standard = "[default]\n" KEYS("FILE"),
	    .is_wrong = true,
	    .said = "the environment: AWS_ACCESS_KEY_ID is set, "
		    "AWS_SECRET_ACCESS_KEY is not" },
	{ .name = "the other half, the first empty",
	    .variables = { ID, SECRET CANARY },
	    .standard = "[default]\n" KEYS("FILE"),
	    .is_wrong = true,
	    .said = "the environment: AWS_SECRET_ACCESS_KEY is set, "
		    "AWS_ACCESS_KEY_ID is not" },
	{ .name = "the default profile",
	    .standard = "# mine\n[other]\n" KEYS("OTHER") "[default]\n" KEYS(
		"FILE") "region = x\n[third]\n" KEYS("THIRD"),
	    .id = "FILE",
	    .said = "the shared credentials file: profile default in /tmp/" },
	{ .name = "empty variables are not set",
	    .variables = { ID, SECRET, FILE_, "AWS_PROFILE=" },
	    .standard = "[default]\n" KEYS("FILE"),
	    .id = "FILE",
	    .said = "profile default in /tmp/" },
	{ .name = "a profile with a token, names in capitals, no blanks",
	    .standard = "[default]\nAWS_ACCESS_KEY_ID=FILE\n"
			"AWS_Secret_Access_Key=" CANARY "\n"
			"AWS_SESSION_TOKEN=T==\n",
	    .id = "FILE",
	    .token = "T==",
	    .said = "profile default in /tmp/" },
	{ .name = "a profile by name",
	    .variables = { "AWS_PROFILE=p q" },
	    .standard = "[default]\n" KEYS("FILE") "[p q]\n" KEYS("PQ"),
	    .id = "PQ",
	    .said = "profile p q in /tmp/" },
	{ .name = "a profile as in the config file",
	    .variables = { "AWS_PROFILE=p" },
	    .standard = "[profile pp]\n" KEYS("PP") "[profile  p]\n" KEYS("P"),
	    .id = "P",
	    .said = "profile p in /tmp/" },
	{ .name = "a profile called profile",
	    .variables = { "AWS_PROFILE=profile" },
	    .standard = "[profile]\n" KEYS("P"),
	    .id = "P",
	    .said = "profile profile in /tmp/" },
	{ .name = "the last of two counts",
	    .standard = "[default]\n" KEYS("FIRST") "[default]\n" KEYS("LAST"),
	    .id = "LAST",
	    .said = "profile default in /tmp/" },
	{ .name = "a long token",
	    .standard =
		"[default]\n" KEYS("FILE") "aws_session_token = " LONG "\n",
	    .id = "FILE",
	    .token = LONG,
	    .said = "profile default in /tmp/" },
	{ .name = "another file",
	    .variables = { FILE_ "HOME/other" },
	    .standard = "[default]\n" KEYS("FILE"),
	    .other = "[default]\n" KEYS("OTHER"),
	    .id = "OTHER",
	    .said = "/other" },
	{ .name = "another file, below ~",
	    .variables = { FILE_ "~/other" },
	    .standard = "[default]\n" KEYS("FILE"),
	    .other = "[default]\n" KEYS("OTHER"),
	    .id = "OTHER",
	    .said = "/other" },
	{ .name = "another file that is not there",
	    .variables = { FILE_ "HOME/other" },
	    .standard = "[default]\n" KEYS("FILE"),
	    .is_wrong = true,
	    .said = "/other: No such file or directory" },
	{ .name = "a named profile without a file",
	    .variables = { "AWS_PROFILE=p" },
	    .is_wrong = true,
	    .said = "/.aws/credentials: No such file or directory" },
	{ .name = "a named profile that is not there",
	    .variables = { "AWS_PROFILE=p" },
	    .standard = "[default]\n" KEYS("FILE"),
	    .is_wrong = true,
	    .said = "the shared credentials file: there is no profile p in "
		    "/tmp/" },
	{ .name = "a named profile without keys",
	    .variables = { "AWS_PROFILE=p" },
	    .standard = "[p]\nsso_session = x\n",
	    .is_wrong = true,
	    .said = "profile p in /tmp/" },
	{ .name = "no default profile",
	    .standard = "[p]\n" KEYS("FILE"),
	    .said = "is not set; the shared credentials file: there is no "
		    "profile default in /tmp/" },
	{ .name = "a default profile without keys",
	    .standard = "[default]\nregion = x\n",
	    .said = "has no aws_access_key_id and no aws_secret_access_key" },
	{ .name = "half a profile",
	    .standard = "[default]\naws_access_key_id = FILE\n",
	    .is_wrong = true,
	    .said = "has no aws_secret_access_key" },
	{ .name = "the other half, the first empty, in a profile",
	    .standard = "[default]\naws_secret_access_key = " CANARY
			"\naws_access_key_id =\n",
	    .is_wrong = true,
	    .said = "has no aws_access_key_id" },
	{ .name = "a malformed file",
	    .standard = "[default]\n" KEYS("FILE") CANARY "\n",
	    .is_wrong = true,
	    .said = "/.aws/credentials:4: this line is malformed" },
	{ .name = "a blank in the key",
	    .variables = { ID "E V", SECRET CANARY },
	    .is_wrong = true,
	    .said = "the environment: AWS_ACCESS_KEY_ID: the access key's id "
		    "holds a blank" },
	{ .name = "a line's end in the secret",
	    .variables = { ID "ENV", SECRET CANARY "\n" },
	    .is_wrong = true,
	    .said = "AWS_ACCESS_KEY_ID: the secret holds a blank" },
	{ .name = "a header in the token",
	    .variables = { ID "ENV", SECRET CANARY,
		"AWS_SESSION_TOKEN=x\r\nX: " CANARY },
	    .is_wrong = true,
	    .said = "AWS_ACCESS_KEY_ID: the session token holds a blank" },
	{ .name = "a letter that is not ASCII",
	    .standard = "[default]\n" KEYS("\xc3\xa4"),
	    .is_wrong = true,
	    .said = "the access key's id holds a blank, a control character or "
		    "a byte that is not ASCII" },
};

static bool
is_same(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return (a == b);
	return (strcmp(a, b) == 0);
}

static bool
is_as_told(const struct row *row, bool is_found, const struct site *site,
    const char *said)
{
	if (strstr(said, CANARY) != NULL || strstr(said, row->said) == NULL)
		return (false);
	if (!is_found)
		return (row->id == NULL &&
		    site->credentials.access_key_id == NULL &&
		    /* Then only the one that ended it has its say. */
		    row->is_wrong == (strstr(said, "; the ") == NULL));
	return (row->id != NULL &&
	    is_same(site->credentials.access_key_id, row->id) &&
	    strncmp(site->credentials.secret_access_key, CANARY,
		strlen(CANARY)) == 0 &&
	    is_same(site->credentials.session_token, row->token));
}

static void
each_source_has_its_place(void **state)
{
	unsigned wrong = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct site site = {
			.own = { .access_key_id = mem_string(row->own.id),
			    .secret_access_key = mem_string(row->own.secret),
			    .session_token = mem_string(row->own.token) }
		};
		struct buf why;
		const char *said;
		bool is_found;

		begin_test(state);
		set_variables(row->variables, 4);
		if (row->standard != NULL)
			write_file(standard_path, row->standard);
		if (row->other != NULL)
			write_file(other_path, row->other);
		buf_init(&why, CREDENTIALS_WHERE_MAX);
		is_found = credentials_find(&site, &why);
		said = is_found ? site.credentials_source : buf_string(&why);
		if (!is_as_told(row, is_found, &site, said)) {
			print_error("%s: %s: %s\n", row->name,
			    is_found ? site.credentials.access_key_id : "none",
			    said);
			wrong++;
		}
		buf_fini(&why);
		site_fini(&site);
	}
	assert_int_equal(wrong, 0);
}

/* Found anew, as after SIGHUP, in place of what was there. */
static void
what_was_found_is_replaced(void **state)
{
	struct site site = { .name = NULL };
	struct buf why;

	(void)state;
	buf_init(&why, CREDENTIALS_WHERE_MAX);
	set_variables((const char *const[]){ ID "ONE", SECRET CANARY,
			  "AWS_SESSION_TOKEN=T" },
	    3);
	assert_true(credentials_find(&site, &why));
	unsetenv("AWS_SESSION_TOKEN");
	setenv("AWS_ACCESS_KEY_ID", "TWO", 1);
	assert_true(credentials_find(&site, &why));
	assert_string_equal(site.credentials.access_key_id, "TWO");
	assert_null(site.credentials.session_token);
	assert_string_equal(
	    site.credentials_source, "the environment: AWS_ACCESS_KEY_ID");
	/* A search that fails leaves what is there. */
	unsetenv("AWS_SECRET_ACCESS_KEY");
	assert_false(credentials_find(&site, &why));
	assert_string_equal(site.credentials.access_key_id, "TWO");
	buf_fini(&why);
	site_fini(&site);
}

static void
what_is_said_has_a_cap(void **state)
{
	struct site site = { .name = NULL };
	static char name[3000];
	struct buf why;

	(void)state;
	memset(name, 'p', sizeof(name) - 1);
	setenv("AWS_PROFILE", name, 1);
	write_file(standard_path, "[default]\n");
	buf_init(&why, CREDENTIALS_WHERE_MAX);
	assert_false(credentials_find(&site, &why));
	assert_true(why.len > 0);
	buf_fini(&why);
	site_fini(&site);
}

static void
without_home_the_user_has_one(void **state)
{
	struct site site = { .name = NULL };
	struct credentials found = { .access_key_id = NULL };
	struct buf where;

	(void)state;
	unsetenv("HOME");
	buf_init(&where, CREDENTIALS_WHERE_MAX);
	/* Whatever is there, on the machine where this runs. */
	(void)credentials_from_profile(&site, &found, &where);
	assert_true(strstr(buf_string(&where), "/.aws/credentials") != NULL ||
	    strstr(buf_string(&where), "HOME") != NULL);
	buf_fini(&where);
	credentials_fini(&found);
}

#define TEST(function) cmocka_unit_test_setup(function, begin_test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_source_has_its_place),
		TEST(what_was_found_is_replaced),
		TEST(what_is_said_has_a_cap),
		TEST(without_home_the_user_has_one),
	};

	return (cmocka_run_group_tests(tests, make_home, remove_home));
}

/*
 * The shared files of the AWS tools (src/credentials/profiles.h): what of them
 * is whose, as botocore reads them.  Each row's answers were compared with
 * those of botocore 1.x (configloader.load_config, session.full_config).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "credentials/profiles.h"

#define CANARY "CANARY"

static char home[] = "/tmp/test_profiles.XXXXXX";
static char *aws_path, *config_path, *credentials_path;
static struct watch *watch;
static struct buf why;

static int
make_home(void **state)
{
	(void)state;
	if (mkdtemp(home) == NULL)
		return (-1);
	aws_path = mem_printf("%s/.aws", home);
	config_path = mem_printf("%s/.aws/config", home);
	credentials_path = mem_printf("%s/.aws/credentials", home);
	return (mkdir(aws_path, 0700));
}

static int
remove_home(void **state)
{
	(void)state;
	unlink(config_path);
	unlink(credentials_path);
	rmdir(aws_path);
	free(aws_path);
	free(config_path);
	free(credentials_path);
	return (rmdir(home));
}

static int
begin_test(void **state)
{
	(void)state;
	unsetenv("AWS_CONFIG_FILE");
	unsetenv("AWS_SHARED_CREDENTIALS_FILE");
	unsetenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
	setenv("HOME", home, 1);
	unlink(config_path);
	unlink(credentials_path);
	watch = watch_new();
	buf_init(&why, 4096);
	return (0);
}

static int
end_test(void **state)
{
	(void)state;
	watch_free(watch);
	buf_fini(&why);
	return (0);
}

/* For the next row of a table. */
static void
begin_anew(void **state)
{
	end_test(state);
	begin_test(state);
}

static void
write_bytes(const char *path, const char *text, size_t len)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static struct profiles *
load(const char *config, const char *credentials)
{
	struct profiles *profiles;

	if (config != NULL)
		write_bytes(config_path, config, strlen(config));
	if (credentials != NULL)
		write_bytes(credentials_path, credentials, strlen(credentials));
	profiles = profiles_load(watch, &why);
	if (profiles == NULL)
		print_error("%s\n", buf_string(&why));
	assert_non_null(profiles);
	return (profiles);
}

static bool
is_same(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return (a == b);
	return (strcmp(a, b) == 0);
}

static const struct row {
	const char *what;
	const char *config;      /* NULL: there is none */
	const char *credentials; /* the same */
	const char *profile;
	const char *name;
	bool is_there;     /* the profile, in either */
	const char *value; /* of both; NULL: none */
} rows[] = {
	{ "no files", NULL, NULL, "default", "k", false, NULL },
	{ "empty files", "", "\n\n", "default", "k", false, NULL },
	{ "default", "[default]\nk = v\n", NULL, "default", "k", true, "v" },
	{ "profile default", "[profile default]\nk = v\n", NULL, "default", "k",
	    true, "v" },
	{ "the later default", "[profile default]\nk = v\n[default]\nk = w\n",
	    NULL, "default", "k", true, "w" },
	{ "the later default, the other way",
	    "[default]\nk = v\n[profile default]\nk = w\n", NULL, "default",
	    "k", true, "w" },
	{ "the later one alone", "[default]\nk = v\n[profile default]\nl = w\n",
	    NULL, "default", "k", true, NULL },
	{ "a profile", "[profile a]\nk = v\n", NULL, "a", "k", true, "v" },
	{ "not without the word", "[a]\nk = v\n", NULL, "a", "k", false, NULL },
	{ "a profile in double quotes", "[profile \"a b\"]\nk = v\n", NULL,
	    "a b", "k", true, "v" },
	{ "a profile in single quotes", "[profile 'a \"b']\nk = v\n", NULL,
	    "a \"b", "k", true, "v" },
	{ "a quote that is not closed", "[profile \"a]\nk = v\n", NULL, "a",
	    "k", false, NULL },
	{ "two words", "[profile a b]\nk = v\n", NULL, "a", "k", false, NULL },
	{ "many blanks", "[profile \t  a ]\nk = v\n", NULL, "a", "k", true,
	    "v" },
	{ "a blank before the word", "[ profile a]\nk = v\n", NULL, "a", "k",
	    false, NULL },
	{ "no word behind it", "[profile]\nk = v\n", NULL, "profile", "k",
	    false, NULL },
	{ "a services section is no profile", "[services a]\nk = v\n", NULL,
	    "a", "k", false, NULL },
	{ "another's setting", "[profile b]\nk = v\n[profile a]\nl = w\n", NULL,
	    "a", "k", true, NULL },
	{ "capitals in a setting", "[default]\nReGion = v\n", NULL, "default",
	    "region", true, "v" },
	{ "capitals in a profile", "[profile A]\nk = v\n", NULL, "a", "k",
	    false, NULL },
	{ "credentials as they are", NULL, "[a]\nk = v\n", "a", "k", true,
	    "v" },
	{ "credentials with the word", NULL, "[profile a]\nk = v\n", "a", "k",
	    false, NULL },
	{ "credentials with quotes", NULL, "[\"a\"]\nk = v\n", "a", "k", false,
	    NULL },
	{ "credentials over config", "[profile a]\nk = v\n", "[a]\nk = w\n",
	    "a", "k", true, "w" },
	{ "name by name", "[profile a]\nk = v\n", "[a]\nl = w\n", "a", "k",
	    true, "v" },
	{ "an empty one over one", "[profile a]\nk = v\n", "[a]\nk =\n", "a",
	    "k", true, NULL },
	{ "the last of a name", "[default]\nk = v\nk = w\n", NULL, "default",
	    "k", true, "w" },
	{ "the last of a section", NULL, "[a]\nk = v\n[b]\n[a]\nk = w\n", "a",
	    "k", true, "w" },
	{ "no blanks", "[default]\nk=v\n", NULL, "default", "k", true, "v" },
	{ "many blanks around", "[default]\nk \t=\t  v w \t\r\n", NULL,
	    "default", "k", true, "v w" },
	{ "a colon", "[default]\nk: v=w\n", NULL, "default", "k", true, "v=w" },
	{ "more =", "[default]\nk = v==\n", NULL, "default", "k", true, "v==" },
	{ "no line's end", "[default]\nk = v", NULL, "default", "k", true,
	    "v" },
	{ "an empty value", "[default]\nk =\n", NULL, "default", "k", true,
	    NULL },
	{ "no comment behind a value", "[default]\nk = v ; w # x\n", NULL,
	    "default", "k", true, "v ; w # x" },
	{ "comments", "# a\n; b\n[default]\n# k = 1\nk = v\n ; k = 2\n", NULL,
	    "default", "k", true, "v" },
	{ "a comment behind a head", "[default] # mine\nk = v\n", NULL,
	    "default", "k", true, "v" },
	{ "a sub-setting is none", "[default]\ns3 =\n  k = v\n", NULL,
	    "default", "k", true, NULL },
	{ "behind a sub-setting", "[default]\ns3 =\n  l = v\nk = w\n", NULL,
	    "default", "k", true, "w" },
	{ "a name with sub-settings", "[default]\nk =\n  l = v\n", NULL,
	    "default", "k", true, NULL },
	{ "after an empty line, still", "[default]\ns3 =\n\n# x\n  k = v\n",
	    NULL, "default", "k", true, NULL },
	{ "all of a section indented", "[default]\n  l = v\n  k = w\n", NULL,
	    "default", "k", true, "w" },
	{ "indented, with one deeper", "[default]\n  l =\n    k = w\n  m = x\n",
	    NULL, "default", "k", true, NULL },
	{ "indented, behind one deeper",
	    "[default]\n  l =\n    m = w\n  k = x\n", NULL, "default", "k",
	    true, "x" },
	{ "less indented than the one above", "[default]\n  l = v\n k = w\n",
	    NULL, "default", "k", true, "w" },
	{ "a value of two lines", "[default]\nk = v\n  w = x\nl = y\n", NULL,
	    "default", "k", true, "v\nw = x" },
	{ "a value of three lines", "[default]\nk = v\r\n\tw \r\n  x", NULL,
	    "default", "k", true, "v\nw\nx" },
	{ "lines that end with CR", "[default]\rk = v\r[b]\rk = w\r", NULL,
	    "default", "k", true, "v" },
	{ "the second line is no setting", "[default]\nl = v\n  k = x\n", NULL,
	    "default", "k", true, NULL },
	{ "an indented head", "[default]\nk = v\n[b]\n  [profile a]\n  l = w\n",
	    NULL, "a", "l", true, "w" },
	{ "what looks like a head in a value",
	    "[default]\nk = v\n  [profile a]\n", NULL, "a", "l", false, NULL },
	{ "brackets in a head", NULL, "[a]b]\nk = v\n", "a]b", "k", true, "v" },
	{ "for all", NULL, "[DEFAULT]\nk = v\n[a]\nl = w\n", "a", "k", true,
	    "v" },
	{ "for all, but not for one", NULL,
	    "[a]\nl = w\n[DEFAULT]\nk = v\n[b]\nk = x\n", "b", "k", true, "x" },
	{ "for all is no profile", NULL, "[DEFAULT]\nk = v\n", "DEFAULT", "k",
	    false, NULL },
};

static void
each_line_is_whose_it_is(void **state)
{
	unsigned wrong = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct profiles *profiles;
		const char *value;
		bool is_there;

		begin_anew(state);
		profiles = load(row->config, row->credentials);
		value = profiles_get(
		    profiles, PROFILES_MERGED, row->profile, row->name);
		is_there =
		    profiles_has(profiles, PROFILES_MERGED, row->profile);
		if (!is_same(value, row->value) || is_there != row->is_there) {
			print_error("%s: %d %s\n", row->what, is_there,
			    value != NULL ? value : "(none)");
			wrong++;
		}
		profiles_free(profiles);
	}
	assert_int_equal(wrong, 0);
}

static void
each_file_is_also_alone(void **state)
{
	struct profiles *profiles = load(
	    "[profile a]\nk = config\n[profile c]\n", "[a]\nk = keys\n[b]\n");

	(void)state;
	assert_string_equal(
	    profiles_get(profiles, PROFILES_CONFIG, "a", "k"), "config");
	assert_string_equal(
	    profiles_get(profiles, PROFILES_CREDENTIALS, "a", "k"), "keys");
	assert_true(profiles_has(profiles, PROFILES_CONFIG, "c"));
	assert_false(profiles_has(profiles, PROFILES_CREDENTIALS, "c"));
	assert_true(profiles_has(profiles, PROFILES_MERGED, "c"));
	assert_false(profiles_has(profiles, PROFILES_CONFIG, "b"));
	assert_true(profiles_has(profiles, PROFILES_CREDENTIALS, "b"));
	assert_true(profiles_has(profiles, PROFILES_MERGED, "b"));
	assert_string_equal(
	    profiles_path(profiles, PROFILES_CONFIG), config_path);
	assert_string_equal(
	    profiles_path(profiles, PROFILES_CREDENTIALS), credentials_path);
	assert_null(profiles_absence(profiles, PROFILES_CONFIG));
	profiles_free(profiles);
	profiles_free(NULL);
}

#define SERVICES                                                            \
	"[services s]\ns3 =\n  endpoint_url = http://s3\n  ENDPOINT_URL = " \
	"http://no\nsts =\n  endpoint_url = http://sts\n  region = x\n"     \
	"dynamodb =\n  endpoint_url = http://db\n"

static const struct endpoint_row {
	const char *what;
	const char *config;
	const char *credentials;
	const char *ignore; /* the variable; NULL: not set */
	const char *s3;
	const char *sts;
	const char *missing;
} endpoint_rows[] = {
	{ "nothing", "[default]\n", NULL, NULL, NULL, NULL, NULL },
	{ "for all", "[default]\nendpoint_url = http://all\n", NULL, NULL,
	    "http://all", "http://all", NULL },
	{ "of services", SERVICES "[default]\nservices = s\n", NULL, NULL,
	    "http://s3", "http://sts", NULL },
	{ "of services before that for all",
	    "[default]\nservices = t\nendpoint_url = http://all\n"
	    "[services t]\ns3 =\n  endpoint_url = http://s3\n",
	    NULL, NULL, "http://s3", "http://all", NULL },
	{ "of services named with quotes",
	    "[services \"s t\"]\ns3 =\n endpoint_url = http://s3\n"
	    "[default]\nservices = s t\n",
	    NULL, NULL, "http://s3", NULL, NULL },
	{ "not named", SERVICES "[default]\n", NULL, NULL, NULL, NULL, NULL },
	{ "named from the credentials file", SERVICES,
	    "[default]\nservices = s\n", NULL, "http://s3", "http://sts",
	    NULL },
	{ "not there", SERVICES "[default]\nservices = t\n", NULL, NULL, NULL,
	    NULL, "t" },
	{ "not there, and called as the profile",
	    "[default]\nservices = default\n", NULL, NULL, NULL, NULL,
	    "default" },
	{ "an empty one is none",
	    "[services s]\ns3 =\n  endpoint_url =\n"
	    "[default]\nservices = s\nendpoint_url = http://all\n",
	    NULL, NULL, "http://all", "http://all", NULL },
	{ "as a setting, not below one",
	    "[services s]\ns3 = x\nendpoint_url = http://no\n"
	    "[default]\nservices = s\n",
	    NULL, NULL, NULL, NULL, NULL },
	{ "in the profile, below the service",
	    "[default]\ns3 =\n  endpoint_url = http://no\n", NULL, NULL, NULL,
	    NULL, NULL },
	{ "ignored by the profile",
	    SERVICES "[default]\nservices = s\nendpoint_url = http://all\n"
		     "ignore_configured_endpoint_urls = TRUE\n",
	    NULL, NULL, NULL, NULL, NULL },
	{ "ignored by the environment",
	    "[default]\nendpoint_url = http://all\n", NULL, "True", NULL, NULL,
	    NULL },
	{ "the environment goes first",
	    "[default]\nendpoint_url = http://all\n"
	    "ignore_configured_endpoint_urls = true\n",
	    NULL, "false", "http://all", "http://all", NULL },
	{ "only true is true",
	    "[default]\nendpoint_url = http://all\n"
	    "ignore_configured_endpoint_urls = 1\n",
	    NULL, NULL, "http://all", "http://all", NULL },
};

static void
endpoints_are_those_of_services(void **state)
{
	unsigned wrong = 0;

	for (size_t i = 0; i < sizeof(endpoint_rows) / sizeof(endpoint_rows[0]);
	     i++) {
		const struct endpoint_row *row = &endpoint_rows[i];
		struct profiles *profiles;
		const char *s3, *sts, *missing;

		begin_anew(state);
		if (row->ignore != NULL)
			setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
			    row->ignore, 1);
		profiles = load(row->config, row->credentials);
		s3 = profiles_endpoint(profiles, "default", "s3");
		sts = profiles_endpoint(profiles, "default", "sts");
		missing = profiles_missing_services(profiles, "default");
		if (!is_same(s3, row->s3) || !is_same(sts, row->sts) ||
		    !is_same(missing, row->missing)) {
			print_error("%s: %s, %s, %s\n", row->what,
			    s3 != NULL ? s3 : "none",
			    sts != NULL ? sts : "none",
			    missing != NULL ? missing : "none");
			wrong++;
		}
		profiles_free(profiles);
	}
	assert_int_equal(wrong, 0);
}

static void
a_malformed_line_is_told(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		unsigned line;
	} mistakes[] = {
		{ "[default]\nk = v\n" CANARY "\n", 0, 3 },
		{ "k = " CANARY "\n[default]\n", 0, 1 },
		{ CANARY "\n", 0, 1 },
		{ "\n# x\n[]\n", 0, 3 },
		{ "[default\nk = v\n", 0, 1 },
		{ "[default]\n= " CANARY "\n", 0, 2 },
		{ "[default]\ns3 =\n  " CANARY "\n", 0, 3 },
		{ "[default]\ns3 =\n  " CANARY ": x\n", 0, 3 },
		{ "[default]\nk = a\0b\n", 18, 2 },
		{ "\xef\xbb\xbf[default]\nk = v\n", 0, 1 },
	};
	char *expected;

	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		const char *text = mistakes[i].text;

		begin_anew(state);
		write_bytes(credentials_path, text,
		    mistakes[i].len > 0 ? mistakes[i].len : strlen(text));
		assert_null(profiles_load(watch, &why));
		expected = mem_printf("%s:%u: this line is malformed",
		    credentials_path, mistakes[i].line);
		assert_string_equal(buf_string(&why), expected);
		free(expected);
	}
	begin_anew(state);
	write_bytes(config_path, "x\n", 2);
	assert_null(profiles_load(watch, &why));
	assert_non_null(strstr(buf_string(&why), "/config:1: "));
}

static void
a_file_has_a_cap(void **state)
{
	char *text = mem_alloc(PROFILES_FILE_MAX + 1);
	struct profiles *profiles;

	(void)state;
	memset(text, '\n', PROFILES_FILE_MAX + 1);
	memcpy(text, "[default]\nk = v", 15);
	write_bytes(credentials_path, text, PROFILES_FILE_MAX);
	profiles = profiles_load(watch, &why);
	assert_non_null(profiles);
	assert_string_equal(
	    profiles_get(profiles, PROFILES_MERGED, "default", "k"), "v");
	profiles_free(profiles);
	write_bytes(credentials_path, text, PROFILES_FILE_MAX + 1);
	assert_null(profiles_load(watch, &why));
	assert_non_null(
	    strstr(buf_string(&why), "/credentials: it is over 1 MiB"));
	free(text);
}

static void
a_value_of_many_lines_is_read_in_time(void **state)
{
	char *text = mem_alloc(PROFILES_FILE_MAX);
	struct profiles *profiles;
	size_t len = 15;

	(void)state;
	memcpy(text, "[default]\nk = v", len);
	for (; len + 3 <= PROFILES_FILE_MAX; len += 3)
		memcpy(text + len, "\n x", 3);
	write_bytes(credentials_path, text, len);
	profiles = profiles_load(watch, &why);
	assert_non_null(profiles);
	assert_int_equal(
	    strlen(profiles_get(profiles, PROFILES_MERGED, "default", "k")),
	    1 + (len - 15) / 3 * 2);
	profiles_free(profiles);
	free(text);
}

static const struct path_row {
	const char *set;
	const char *path; /* behind HOME where it begins with / */
} path_rows[] = {
	{ "", "/.aws/config" },
	{ "~/x", "/x" },
	{ "~", "" },
	{ "~nobody/x", "~nobody/x" },
	{ "$HOME/x", "/x" },
	{ "${HOME}/x", "/x" },
	{ "$NOT_SET/x", "$NOT_SET/x" },
	{ "${NOT_SET}x", "${NOT_SET}x" },
	{ "${HOME", "${HOME" },
	{ "$", "$" },
	{ "$/x", "$/x" },
	{ "x$EMPTY-$B_2.y", "x-b.y" },
	{ "$TILDE/x", "/x" },
	{ "$TWICE/x", "$EMPTY/x" },
	{ "x/~", "x/~" },
	{ "relative", "relative" },
};

static void
paths_are_expanded(void **state)
{
	struct profiles *profiles;
	const char *path;
	char *expected;

	for (size_t i = 0; i < sizeof(path_rows) / sizeof(path_rows[0]); i++) {
		const struct path_row *row = &path_rows[i];

		begin_anew(state);
		setenv("EMPTY", "", 1);
		setenv("B_2", "b", 1);
		setenv("TILDE", "~", 1);
		setenv("TWICE", "$EMPTY", 1);
		setenv("AWS_CONFIG_FILE", row->set, 1);
		setenv("AWS_SHARED_CREDENTIALS_FILE", row->set, 1);
		profiles = load(NULL, NULL);
		path = profiles_path(profiles, PROFILES_CONFIG);
		expected = row->path[0] == '/' || row->path[0] == '\0'
		    ? mem_printf("%s%s", home, row->path)
		    : mem_string(row->path);
		assert_string_equal(path, expected);
		if (*row->set != '\0')
			assert_string_equal(
			    profiles_path(profiles, PROFILES_CREDENTIALS),
			    expected);
		free(expected);
		profiles_free(profiles);
	}
}

static void
without_home_the_user_has_one(void **state)
{
	const struct passwd *user = getpwuid(getuid());
	struct profiles *profiles;
	char *expected;

	(void)state;
	setenv("AWS_CONFIG_FILE", "~/no/such/file", 1);
	setenv("AWS_SHARED_CREDENTIALS_FILE", "/no/such/file", 1);
	for (int i = 0; i < 2; i++) {
		if (i == 0)
			unsetenv("HOME");
		else
			setenv("HOME", "", 1);
		profiles = load(NULL, NULL);
		if (user != NULL) {
			expected = mem_printf("%s/no/such/file", user->pw_dir);
			assert_string_equal(
			    profiles_path(profiles, PROFILES_CONFIG), expected);
			free(expected);
		} else
			assert_string_equal(
			    profiles_path(profiles, PROFILES_CONFIG), "");
		assert_non_null(profiles_absence(profiles, PROFILES_CONFIG));
		profiles_free(profiles);
	}
}

static void
what_is_no_file_is_absent(void **state)
{
	struct profiles *profiles;

	(void)state;
	setenv("AWS_CONFIG_FILE", home, 1);
	profiles = load(NULL, NULL);
	assert_string_equal(
	    profiles_absence(profiles, PROFILES_CONFIG), "it is not a file");
	assert_string_equal(profiles_absence(profiles, PROFILES_CREDENTIALS),
	    "No such file or directory");
	profiles_free(profiles);
}

/* A file that comes, or changes, is seen. */
static void
both_files_are_noted(void **state)
{
	struct profiles *profiles = load(NULL, "[a]\n");

	(void)state;
	assert_null(watch_changed(watch));
	write_bytes(config_path, "[default]\n", 10);
	assert_string_equal(watch_changed(watch), config_path);
	profiles_free(profiles);
	watch_clear(watch);
	profiles = load(NULL, NULL);
	write_bytes(credentials_path, "[other]\n", 8);
	assert_string_equal(watch_changed(watch), credentials_path);
	profiles_free(profiles);
	/* A malformed one as well: it will be mended. */
	watch_clear(watch);
	write_bytes(config_path, "x\n", 2);
	assert_null(profiles_load(watch, &why));
	assert_null(watch_changed(watch));
	write_bytes(config_path, "[mended]\n", 9);
	assert_string_equal(watch_changed(watch), config_path);
}

#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, begin_test, end_test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_line_is_whose_it_is),
		TEST(each_file_is_also_alone),
		TEST(endpoints_are_those_of_services),
		TEST(a_malformed_line_is_told),
		TEST(a_file_has_a_cap),
		TEST(a_value_of_many_lines_is_read_in_time),
		TEST(paths_are_expanded),
		TEST(without_home_the_user_has_one),
		TEST(what_is_no_file_is_absent),
		TEST(both_files_are_noted),
	};

	return (cmocka_run_group_tests(tests, make_home, remove_home));
}

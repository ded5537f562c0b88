/*
 * Web identity (src/credentials/web_identity.c): where each setting is found,
 * and what STS is then asked.  The profile and STS are played, the token's file
 * is real.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "credentials/chain.h"
#include "credentials/sts.h"

/* The token, which no message may hold. */
#define CANARY "CANARY.TOKEN"

static char home[] = "/tmp/test_web_identity.XXXXXX";
static char *token_path, *empty_path;

/* The profile's lines. */
static struct {
	const char *token_file;
	const char *role;
	const char *session;
} lines;

/* What STS was asked, and what it says. */
static struct {
	unsigned asked;
	char role[64];
	char session[64];
	char token[64];
	enum credentials_result result;
} sts;

const char *__wrap_profiles_get(const struct profiles *profiles,
    enum profiles_file file, const char *profile, const char *name);
enum credentials_result __wrap_sts_assume_role_with_web_identity(
    const struct credentials_search *search, const struct sts_role *role,
    const char *token, struct credentials_found *found, struct buf *where);

const char *
__wrap_profiles_get(const struct profiles *profiles, enum profiles_file file,
    const char *profile, const char *name)
{
	(void)profiles;
	assert_int_equal(file, PROFILES_MERGED);
	assert_string_equal(profile, "p");
	if (strcmp(name, "web_identity_token_file") == 0)
		return (lines.token_file);
	if (strcmp(name, "role_arn") == 0)
		return (lines.role);
	assert_string_equal(name, "role_session_name");
	return (lines.session);
}

enum credentials_result
__wrap_sts_assume_role_with_web_identity(
    const struct credentials_search *search, const struct sts_role *role,
    const char *token, struct credentials_found *found, struct buf *where)
{
	assert_string_equal(search->profile, "p");
	sts.asked++;
	snprintf(sts.role, sizeof(sts.role), "%s", role->arn);
	snprintf(sts.session, sizeof(sts.session), "%s",
	    role->session_name != NULL ? role->session_name : "-");
	snprintf(sts.token, sizeof(sts.token), "%s", token);
	assert_null(role->external_id);
	assert_int_equal(role->duration_s, 0);
	if (sts.result == CREDENTIALS_FOUND)
		found->credentials.access_key_id = mem_string("ID");
	return (credentials_say(sts.result, where, "STS said"));
}

static struct watch *watch;
static struct credentials_found found;
static struct buf where;

static enum credentials_result
find(bool use_environment)
{
	const struct credentials_search search = {
		.profile = "p",
		.use_environment = use_environment,
		.watch = watch,
	};
	enum credentials_result result;

	buf_clear(&where);
	credentials_found_fini(&found);
	sts.asked = 0;
	result = credentials_from_web_identity(&search, &found, &where);
	assert_null(strstr(buf_string(&where), CANARY));
	return (result);
}

static void
write_token(const char *text)
{
	FILE *file = fopen(token_path, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static int
setup(void **state)
{
	(void)state;
	memset(&lines, 0, sizeof(lines));
	memset(&sts, 0, sizeof(sts));
	unsetenv("AWS_WEB_IDENTITY_TOKEN_FILE");
	unsetenv("AWS_ROLE_ARN");
	unsetenv("AWS_ROLE_SESSION_NAME");
	write_token(CANARY "\n");
	watch = watch_new();
	found = (struct credentials_found){ .region = NULL };
	buf_init(&where, CREDENTIALS_WHERE_MAX);
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	credentials_found_fini(&found);
	buf_fini(&where);
	watch_free(watch);
	return (0);
}

static void
each_setting_is_looked_for_by_itself(void **state)
{
	enum { VARIABLE = 1, LINE = 2 };
	static const struct {
		int token_file, role, session; /* where it is set */
		bool use_environment;
		enum credentials_result result;
		const char *asked; /* role and session */
	} rows[] = {
		{ 0, 3, 3, true, CREDENTIALS_NONE, NULL },
		{ 0, 3, 3, false, CREDENTIALS_NONE, NULL },
		{ VARIABLE, 3, 3, false, CREDENTIALS_NONE, NULL },
		{ VARIABLE, 0, 3, true, CREDENTIALS_WRONG, NULL },
		{ LINE, VARIABLE, 0, false, CREDENTIALS_WRONG, NULL },
		{ VARIABLE, VARIABLE, 0, true, CREDENTIALS_FOUND, "VR -" },
		{ VARIABLE, VARIABLE, 1, true, CREDENTIALS_FOUND, "VR VS" },
		{ LINE, LINE, LINE, true, CREDENTIALS_FOUND, "LR LS" },
		{ LINE, LINE, LINE, false, CREDENTIALS_FOUND, "LR LS" },
		{ LINE, LINE, 0, false, CREDENTIALS_FOUND, "LR -" },
		{ VARIABLE, LINE, LINE, true, CREDENTIALS_FOUND, "LR LS" },
		{ LINE, VARIABLE, LINE, true, CREDENTIALS_FOUND, "VR LS" },
		{ 3, 3, 3, true, CREDENTIALS_FOUND, "VR VS" },
		{ 3, 3, 3, false, CREDENTIALS_FOUND, "LR LS" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char asked[130];

		teardown(state);
		setup(state);
		if ((rows[i].token_file & VARIABLE) != 0)
			setenv("AWS_WEB_IDENTITY_TOKEN_FILE", token_path, 1);
		if ((rows[i].role & VARIABLE) != 0)
			setenv("AWS_ROLE_ARN", "VR", 1);
		if ((rows[i].session & VARIABLE) != 0)
			setenv("AWS_ROLE_SESSION_NAME", "VS", 1);
		if ((rows[i].token_file & LINE) != 0)
			lines.token_file = token_path;
		lines.role = (rows[i].role & LINE) != 0 ? "LR" : NULL;
		lines.session = (rows[i].session & LINE) != 0 ? "LS" : NULL;
		assert_int_equal(find(rows[i].use_environment), rows[i].result);
		assert_int_equal(sts.asked, rows[i].asked != NULL);
		if (rows[i].asked == NULL)
			continue;
		snprintf(asked, sizeof(asked), "%s %s", sts.role, sts.session);
		assert_string_equal(asked, rows[i].asked);
		assert_string_equal(sts.token, CANARY);
	}
}

static void
the_variable_for_the_file_comes_first(void **state)
{
	(void)state;
	setenv("AWS_WEB_IDENTITY_TOKEN_FILE", token_path, 1);
	lines.token_file = "/nonexistent/token";
	lines.role = "LR";
	assert_int_equal(find(true), CREDENTIALS_FOUND);
	assert_int_equal(find(false), CREDENTIALS_FAILED);
}

static void
what_is_said_names_the_file(void **state)
{
	char *said = mem_printf("STS said, with the token in %s", token_path);

	(void)state;
	lines.token_file = token_path;
	lines.role = "LR";
	assert_int_equal(find(false), CREDENTIALS_FOUND);
	assert_string_equal(buf_string(&where), said);
	sts.result = CREDENTIALS_FAILED;
	assert_int_equal(find(false), CREDENTIALS_FAILED);
	assert_string_equal(buf_string(&where), said);
	free(said);
}

static void
a_file_without_a_token_has_failed(void **state)
{
	char *said = mem_printf(
	    "role LR: the token's file %s: it is empty, too long or holds a "
	    "NUL",
	    empty_path);

	(void)state;
	lines.role = "LR";
	lines.token_file = "/nonexistent/token";
	assert_int_equal(find(false), CREDENTIALS_FAILED);
	assert_string_equal(buf_string(&where),
	    "role LR: the token's file /nonexistent/token: No such file or "
	    "directory");
	lines.token_file = empty_path;
	assert_int_equal(find(false), CREDENTIALS_FAILED);
	assert_string_equal(buf_string(&where), said);
	assert_int_equal(sts.asked, 0);
	free(said);
}

static void
the_token_is_read_anew_and_watched(void **state)
{
	(void)state;
	lines.token_file = token_path;
	lines.role = "LR";
	assert_int_equal(find(false), CREDENTIALS_FOUND);
	assert_null(watch_changed(watch));
	write_token("ANOTHER");
	assert_string_equal(watch_changed(watch), token_path);
	assert_int_equal(find(false), CREDENTIALS_FOUND);
	assert_string_equal(sts.token, "ANOTHER");
}

static void
what_is_missing_is_told(void **state)
{
	(void)state;
	assert_int_equal(find(false), CREDENTIALS_NONE);
	assert_string_equal(buf_string(&where),
	    "web_identity_token_file of profile p is not set");
	assert_int_equal(find(true), CREDENTIALS_NONE);
	assert_string_equal(buf_string(&where),
	    "AWS_WEB_IDENTITY_TOKEN_FILE and web_identity_token_file of "
	    "profile p are not set");
	lines.token_file = "/token";
	assert_int_equal(find(false), CREDENTIALS_WRONG);
	assert_string_equal(buf_string(&where),
	    "there is a token's file, /token, but no role to assume with it: "
	    "set role_arn of profile p");
	assert_int_equal(find(true), CREDENTIALS_WRONG);
	assert_string_equal(buf_string(&where),
	    "there is a token's file, /token, but no role to assume with it: "
	    "set AWS_ROLE_ARN or role_arn of profile p");
}

static int
make_home(void **state)
{
	FILE *file;

	(void)state;
	if (mkdtemp(home) == NULL)
		return (-1);
	token_path = mem_printf("%s/token", home);
	empty_path = mem_printf("%s/empty", home);
	file = fopen(empty_path, "w");
	return (file != NULL ? fclose(file) : -1);
}

static int
remove_home(void **state)
{
	(void)state;
	unlink(token_path);
	unlink(empty_path);
	rmdir(home);
	free(token_path);
	free(empty_path);
	return (0);
}

#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_setting_is_looked_for_by_itself),
		TEST(the_variable_for_the_file_comes_first),
		TEST(what_is_said_names_the_file),
		TEST(a_file_without_a_token_has_failed),
		TEST(the_token_is_read_anew_and_watched),
		TEST(what_is_missing_is_told),
	};

	return (cmocka_run_group_tests(tests, make_home, remove_home));
}

/*
 * The providers that read the shared files (src/credentials/credentials_file.c,
 * config_file.c) and the one for profiles that a daemon cannot use (sign_in.c).
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
#include "shared_files.h"

/* No secret that a test sets lacks this word, and no output may hold it. */
#define CANARY "CANARY"

/* The last warning, and how many there were. */
static char warned[1024];
static unsigned n_warned;

void __wrap_log_warning(const char *format, ...);

void
__wrap_log_warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(warned, sizeof(warned), format, args);
	va_end(args);
	n_warned++;
}

#define KEYS(id) \
	"aws_access_key_id = " id "\naws_secret_access_key = " CANARY "\n"

enum provider { CREDENTIALS_FILE, CONFIG_FILE, SIGN_IN };

static credentials_provider *const providers[] = {
	[CREDENTIALS_FILE] = credentials_from_credentials_file,
	[CONFIG_FILE] = credentials_from_config_file,
	[SIGN_IN] = credentials_from_sign_in,
};

static const struct row {
	const char *what;
	enum provider provider;
	const char *config;
	const char *credentials;
	enum credentials_result result;
	const char *id;
	const char *token;
	const char *said; /* a part of it */
} rows[] = {
	{ "no file", CREDENTIALS_FILE, NULL, NULL, CREDENTIALS_NONE, NULL, NULL,
	    "/credentials: No such file or directory" },
	{ "no config file", CONFIG_FILE, NULL, "[p]\n" KEYS("A"),
	    CREDENTIALS_NONE, NULL, NULL,
	    "/config: No such file or directory" },
	{ "no profile", CREDENTIALS_FILE, "[profile p]\n" KEYS("A"),
	    "[q]\n" KEYS("B"), CREDENTIALS_NONE, NULL, NULL,
	    "there is no profile p in /tmp/" },
	{ "keys", CREDENTIALS_FILE, "[profile p]\n" KEYS("A"),
	    "[p]\n" KEYS("B"), CREDENTIALS_FOUND, "B", NULL,
	    "profile p in /tmp/" },
	{ "keys of the config file", CONFIG_FILE, "[profile p]\n" KEYS("A"),
	    "[p]\n" KEYS("B"), CREDENTIALS_FOUND, "A", NULL,
	    "profile p in /tmp/" },
	{ "a token", CREDENTIALS_FILE, NULL,
	    "[p]\n" KEYS("A") "aws_session_token = " CANARY "1\n",
	    CREDENTIALS_FOUND, "A", CANARY "1", "/credentials" },
	{ "a token's old name", CONFIG_FILE,
	    "[profile p]\n" KEYS("A") "aws_security_token = " CANARY "2\n",
	    NULL, CREDENTIALS_FOUND, "A", CANARY "2", "/config" },
	{ "the old name goes first", CREDENTIALS_FILE, NULL,
	    "[p]\n" KEYS("A") "aws_security_token = " CANARY
			      "2\naws_session_token = " CANARY "1\n",
	    CREDENTIALS_FOUND, "A", CANARY "2", "/credentials" },
	{ "an empty token", CREDENTIALS_FILE, NULL,
	    "[p]\n" KEYS("A") "aws_session_token =\n", CREDENTIALS_FOUND, "A",
	    NULL, "/credentials" },
	{ "the other file's token is none of ours", CREDENTIALS_FILE,
	    "[profile p]\naws_session_token = " CANARY "\n", "[p]\n" KEYS("A"),
	    CREDENTIALS_FOUND, "A", NULL, "/credentials" },
	{ "an id alone", CREDENTIALS_FILE, NULL, "[p]\naws_access_key_id = A\n",
	    CREDENTIALS_WRONG, NULL, NULL,
	    "has an aws_access_key_id, but no aws_secret_access_key" },
	{ "the secret in the other file", CONFIG_FILE,
	    "[profile p]\naws_access_key_id = A\n",
	    "[p]\naws_secret_access_key = " CANARY "\n", CREDENTIALS_WRONG,
	    NULL, NULL, "/config has an aws_access_key_id, but no " },
	{ "a secret alone", CREDENTIALS_FILE, NULL,
	    "[p]\naws_secret_access_key = " CANARY "\n", CREDENTIALS_NONE, NULL,
	    NULL, "/credentials has no aws_access_key_id" },
	{ "keys one deeper are none", CREDENTIALS_FILE, NULL,
	    "[p]\nx =\n  aws_access_key_id = A\n  aws_secret_access_key = x\n",
	    CREDENTIALS_NONE, NULL, NULL, "has no aws_access_key_id" },

	{ "nobody signs in", SIGN_IN, "[profile p]\nregion = x\n",
	    "[p]\n" KEYS("A"), CREDENTIALS_NONE, NULL, NULL,
	    "profile p wants none" },
	{ "an SSO session", SIGN_IN,
	    "[profile p]\nsso_session = s\nsso_account_id = 1\n"
	    "sso_role_name = r\n",
	    "[p]\n" KEYS("A"), CREDENTIALS_WRONG, NULL, NULL,
	    "profile p wants someone to sign in in a browser (its line "
	    "sso_account_id), which a daemon cannot do; right would be: " },
	{ "an SSO role", SIGN_IN, NULL,
	    "[p]\nsso_role_name = r\nsso_start_url = https://x\n",
	    CREDENTIALS_WRONG, NULL, NULL, "(its line sso_role_name)" },
	{ "an SSO session for other things", SIGN_IN,
	    "[profile p]\nsso_session = s\n", NULL, CREDENTIALS_NONE, NULL,
	    NULL, "profile p wants none" },
	{ "a login", SIGN_IN, "[profile p]\nlogin_session = x\n", NULL,
	    CREDENTIALS_WRONG, NULL, NULL, "(its line login_session)" },
	{ "a login beside keys", SIGN_IN, "[profile p]\nlogin_session = x\n",
	    "[p]\n" KEYS("A"), CREDENTIALS_NONE, NULL, NULL,
	    "profile p wants none" },
	{ "a login beside keys of the config file", SIGN_IN,
	    "[profile p]\nlogin_session = x\n" KEYS("A"), NULL,
	    CREDENTIALS_WRONG, NULL, NULL, "(its line login_session)" },
};

static bool
is_same(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return (a == b);
	return (strcmp(a, b) == 0);
}

static enum credentials_result
ask(const struct row *row, struct credentials_found *found, struct buf *where)
{
	struct watch *watch = watch_new();
	struct profiles *profiles;
	enum credentials_result result;

	write_file(config_path, row->config);
	write_file(credentials_path, row->credentials);
	profiles = profiles_load(watch, where);
	assert_non_null(profiles);
	result = providers[row->provider](
	    &(struct credentials_search){
		.profiles = profiles, .profile = "p", .watch = watch },
	    found, where);
	profiles_free(profiles);
	watch_free(watch);
	return (result);
}

static void
each_file_gives_its_own(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct credentials_found found = { .region = NULL };
		const struct credentials *keys = &found.credentials;
		enum credentials_result result;
		struct buf where;

		buf_init(&where, CREDENTIALS_WHERE_MAX);
		result = ask(row, &found, &where);
		if (result != row->result ||
		    !is_same(keys->access_key_id, row->id) ||
		    !is_same(keys->session_token, row->token) ||
		    (keys->secret_access_key != NULL) != (row->id != NULL) ||
		    (row->id != NULL && found.expires_s != CREDENTIALS_NEVER) ||
		    strstr(buf_string(&where), row->said) == NULL ||
		    strstr(buf_string(&where), CANARY) != NULL) {
			print_error("%s: %d: %s\n", row->what, (int)result,
			    buf_string(&where));
			wrong++;
		}
		credentials_found_fini(&found);
		buf_fini(&where);
	}
	assert_int_equal(wrong, 0);
	assert_int_equal(n_warned, 0);
}

static void
look_at_mode(const struct row *row, const char *path, mode_t mode)
{
	struct credentials_found found = { .region = NULL };
	struct watch *watch = watch_new();
	struct buf where;
	struct profiles *profiles;

	buf_init(&where, CREDENTIALS_WHERE_MAX);
	write_file(path, row->credentials);
	assert_int_equal(chmod(path, mode), 0);
	profiles = profiles_load(watch, &where);
	assert_int_equal(providers[row->provider](
			     &(struct credentials_search){
				 .profiles = profiles, .profile = "p" },
			     &found, &where),
	    row->result);
	profiles_free(profiles);
	watch_free(watch);
	credentials_found_fini(&found);
	buf_fini(&where);
}

static void
keys_that_others_may_read_are_told_once(void **state)
{
	static const struct row keys = { .provider = CREDENTIALS_FILE,
		.credentials = "[p]\n" KEYS("A"),
		.result = CREDENTIALS_FOUND };
	static const struct row config = { .provider = CONFIG_FILE,
		.credentials = "[profile p]\n" KEYS("A"),
		.result = CREDENTIALS_FOUND };
	static const struct row none = { .provider = CREDENTIALS_FILE,
		.credentials = "[p]\nregion = x\n",
		.result = CREDENTIALS_NONE };

	(void)state;
	n_warned = 0;
	write_file(config_path, NULL);
	look_at_mode(&none, credentials_path, 0644);
	assert_int_equal(n_warned, 0);
	look_at_mode(&keys, credentials_path, 0600);
	assert_int_equal(n_warned, 0);
	look_at_mode(&keys, credentials_path, 0640);
	assert_int_equal(n_warned, 1);
	assert_non_null(strstr(warned,
	    "/credentials: holds an access key and can be used by others: its "
	    "mode is 0640"));
	look_at_mode(&keys, credentials_path, 0644);
	assert_int_equal(n_warned, 1);
	/* Each file by itself; and again once it was right in between. */
	look_at_mode(&config, config_path, 0644);
	assert_int_equal(n_warned, 2);
	look_at_mode(&keys, credentials_path, 0600);
	look_at_mode(&keys, credentials_path, 0644);
	assert_int_equal(n_warned, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_file_gives_its_own),
		cmocka_unit_test(keys_that_others_may_read_are_told_once),
	};

	return (cmocka_run_group_tests(tests, make_home, remove_home));
}

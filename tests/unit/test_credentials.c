/*
 * The chain of providers (src/credentials/chain.c), with those that ask others
 * and the files' played, and what a site and the environment say themselves
 * (site.c, environment.c): the order, what ends the search, and that what is
 * said of it holds no secret.
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
#include "credentials/sts.h"
#include "shared_files.h"

/* No secret that a test sets lacks this word, and no output may hold it. */
#define CANARY "CANARY"

static char *token_path;

/* ---- The others, played ---- */

enum {
	ROLE,
	WEB_IDENTITY,
	SIGN_IN,
	CREDENTIALS_FILE,
	PROCESS,
	CONFIG_FILE,
	CONTAINER,
	INSTANCE,
	N_PLAYED,
};

/* The year 2100. */
#define LATER INT64_C(4102444800)

static struct {
	enum credentials_result results[N_PLAYED];
	const char *id;           /* as one that finds them says; NULL: "KEY" */
	char asked[N_PLAYED + 1]; /* a letter for each that was */
	size_t n_asked;
	bool use_environment; /* as it was told */
	char profile[64];
	enum credentials_result sts;
	char sts_said[256]; /* role, session, external id, key or token */
} play;

static enum credentials_result
answer(unsigned who, const struct credentials_search *search,
    struct credentials_found *found, struct buf *where)
{
	const char *id = play.id != NULL ? play.id : "KEY";

	play.asked[play.n_asked++] = (char)('a' + who);
	play.use_environment = search->use_environment;
	snprintf(play.profile, sizeof(play.profile), "%s", search->profile);
	assert_non_null(search->site);
	assert_non_null(search->profiles);
	assert_true(search->deadline_ms > 0);
	if (play.results[who] != CREDENTIALS_FOUND)
		return (credentials_say(
		    play.results[who], where, "%c says no", 'a' + (int)who));
	found->credentials.access_key_id = mem_string(id);
	found->credentials.secret_access_key = mem_string(CANARY);
	found->region = mem_string("eu-north-1");
	found->expires_s = LATER;
	return (
	    credentials_say(CREDENTIALS_FOUND, where, "%c's", 'a' + (int)who));
}

#define PLAY(name, who)                                         \
	credentials_provider __wrap_credentials_from_##name;    \
	enum credentials_result __wrap_credentials_from_##name( \
	    const struct credentials_search *search,            \
	    struct credentials_found *found, struct buf *where) \
	{                                                       \
		return (answer(who, search, found, where));     \
	}

PLAY(role, ROLE)
PLAY(web_identity, WEB_IDENTITY)
PLAY(sign_in, SIGN_IN)
PLAY(credentials_file, CREDENTIALS_FILE)
PLAY(process, PROCESS)
PLAY(config_file, CONFIG_FILE)
PLAY(container, CONTAINER)
PLAY(instance, INSTANCE)

static enum credentials_result
answer_sts(const struct sts_role *role, const char *with,
    struct credentials_found *found, struct buf *where)
{
	snprintf(play.sts_said, sizeof(play.sts_said), "%s %s %s %s", role->arn,
	    role->session_name != NULL ? role->session_name : "-",
	    role->external_id != NULL ? role->external_id : "-", with);
	if (play.sts != CREDENTIALS_FOUND)
		return (credentials_say(play.sts, where, "STS says no"));
	found->credentials.access_key_id = mem_string("ROLE");
	found->credentials.secret_access_key = mem_string(CANARY "2");
	found->credentials.session_token = mem_string(CANARY "3");
	found->expires_s = LATER;
	return (
	    credentials_say(CREDENTIALS_FOUND, where, "role %s", role->arn));
}

enum credentials_result
__wrap_sts_assume_role(const struct credentials_search *search,
    const struct sts_role *role, const struct credentials *source,
    struct credentials_found *found, struct buf *where);
enum credentials_result __wrap_sts_assume_role_with_web_identity(
    const struct credentials_search *search, const struct sts_role *role,
    const char *token, struct credentials_found *found, struct buf *where);

enum credentials_result
__wrap_sts_assume_role(const struct credentials_search *search,
    const struct sts_role *role, const struct credentials *source,
    struct credentials_found *found, struct buf *where)
{
	(void)search;
	return (answer_sts(role, source->access_key_id, found, where));
}

enum credentials_result
__wrap_sts_assume_role_with_web_identity(
    const struct credentials_search *search, const struct sts_role *role,
    const char *token, struct credentials_found *found, struct buf *where)
{
	(void)search;
	return (answer_sts(role, token, found, where));
}

/* ---- Around each test ---- */

static struct site site;
static struct watch *watch;
static struct credentials_found found;
static struct buf where;

static int
begin(void **state)
{
	int failed = make_home(state);

	token_path = mem_printf("%s/token", home);
	return (failed);
}

static int
end(void **state)
{
	unlink(token_path);
	free(token_path);
	return (remove_home(state));
}

static int
begin_test(void **state)
{
	static const char *const names[] = { "AWS_ACCESS_KEY_ID",
		"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
		"AWS_SECURITY_TOKEN", "AWS_CREDENTIAL_EXPIRATION",
		"AWS_PROFILE", "AWS_DEFAULT_PROFILE" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
	setenv("HOME", home, 1);
	setenv("AWS_CONFIG_FILE", config_path, 1);
	setenv("AWS_SHARED_CREDENTIALS_FILE", credentials_path, 1);
	unlink(config_path);
	unlink(credentials_path);
	unlink(token_path);
	memset(&play, 0, sizeof(play));
	for (size_t i = 0; i < N_PLAYED; i++)
		play.results[i] = CREDENTIALS_NONE;
	site = (struct site){ .name = NULL };
	watch = watch_new();
	buf_init(&where, CREDENTIALS_WHERE_MAX);
	return (0);
}

static int
end_test(void **state)
{
	(void)state;
	credentials_found_fini(&found);
	watch_free(watch);
	buf_fini(&where);
	site_fini(&site);
	return (0);
}

static enum credentials_result
search_now(void)
{
	enum credentials_result result;

	credentials_found_fini(&found);
	buf_clear(&where);
	play.n_asked = 0;
	memset(play.asked, 0, sizeof(play.asked));
	result = credentials_find(&site, NULL, watch, &found, &where);
	assert_null(strstr(buf_string(&where), CANARY));
	assert_int_equal(result == CREDENTIALS_FOUND,
	    found.credentials.access_key_id != NULL);
	return (result);
}

static void
expect_said(const char *text)
{
	if (strstr(buf_string(&where), text) == NULL)
		fail_msg("no \"%s\" in: %s", text, buf_string(&where));
}

/* ---- The chain ---- */

static void
the_order_is_botocores(void **state)
{
	(void)state;
	assert_int_equal(search_now(), CREDENTIALS_NONE);
	assert_string_equal(play.asked, "abcdefgh");
	assert_true(play.use_environment);
	assert_string_equal(play.profile, "default");
	expect_said("the site's settings: access_key_id is not set; the "
		    "profile: there is no profile default, neither in ");
	expect_said("; the environment: AWS_ACCESS_KEY_ID is not set; the "
		    "profile's role: a says no; web identity: b says no; "
		    "sign-in: c says no; the shared credentials file: d says "
		    "no; credential_process: e says no; the shared config "
		    "file: f says no; the container's endpoint: g says no; the "
		    "instance's metadata: h says no");
}

static void
each_answer_but_none_ends_the_search(void **state)
{
	static const enum credentials_result results[] = { CREDENTIALS_FOUND,
		CREDENTIALS_WRONG, CREDENTIALS_FAILED };

	(void)state;
	for (unsigned who = 0; who < N_PLAYED; who++) {
		for (size_t i = 0; i < 3; i++) {
			play.results[who] = results[i];
			assert_int_equal(search_now(), results[i]);
			assert_int_equal(play.n_asked, who + 1);
			assert_int_equal(play.asked[who], 'a' + who);
			/* Only the one that ended it has its say. */
			assert_null(strstr(buf_string(&where), "; "));
			expect_said(i == 0 ? "'s" : " says no");
		}
		play.results[who] = CREDENTIALS_NONE;
	}
}

static void
what_was_found_is_handed_on(void **state)
{
	(void)state;
	play.results[INSTANCE] = CREDENTIALS_FOUND;
	assert_int_equal(search_now(), CREDENTIALS_FOUND);
	assert_string_equal(found.credentials.access_key_id, "KEY");
	assert_string_equal(found.credentials.secret_access_key, CANARY);
	assert_string_equal(found.region, "eu-north-1");
	assert_int_equal(found.expires_s, LATER);
	assert_string_equal(buf_string(&where), "the instance's metadata: h's");
}

static void
a_profile_has_fewer_providers(void **state)
{
	const struct credentials_search search = { .site = &site,
		.profile = "p",
		.profiles = profiles_load(watch, &where),
		.watch = watch,
		.deadline_ms = 1 };

	(void)state;
	setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
	setenv("AWS_SECRET_ACCESS_KEY", CANARY, 1);
	assert_int_equal(credentials_from_profile(&search, &found, &where),
	    CREDENTIALS_NONE);
	assert_string_equal(play.asked, "bcdef");
	assert_string_equal(play.profile, "p");
	profiles_free((struct profiles *)search.profiles);
}

/* What a provider hands out becomes headers. */
static void
unclean_strings_are_refused(void **state)
{
	static const char *const unclean[] = { "A B", "A\n", "A\r\nX: y", "\tA",
		"A\x7f", "\xc3\xa4", " " };

	(void)state;
	play.results[PROCESS] = CREDENTIALS_FOUND;
	for (size_t i = 0; i < sizeof(unclean) / sizeof(unclean[0]); i++) {
		play.id = unclean[i];
		assert_int_equal(search_now(), CREDENTIALS_WRONG);
		assert_null(found.region);
		assert_string_equal(buf_string(&where),
		    "credential_process: e's: the access key's id holds a "
		    "blank, a control character or a byte that is not ASCII");
	}
	setenv("AWS_ACCESS_KEY_ID", "A", 1);
	setenv("AWS_SECRET_ACCESS_KEY", CANARY " ", 1);
	assert_int_equal(search_now(), CREDENTIALS_WRONG);
	expect_said("the environment: AWS_ACCESS_KEY_ID: the secret holds");
	setenv("AWS_SECRET_ACCESS_KEY", CANARY, 1);
	setenv("AWS_SESSION_TOKEN", CANARY "\n", 1);
	assert_int_equal(search_now(), CREDENTIALS_WRONG);
	expect_said("AWS_ACCESS_KEY_ID: the session token holds");
	assert_int_equal(play.n_asked, 0);
}

static void
what_is_said_has_a_cap(void **state)
{
	static char name[3000];

	(void)state;
	memset(name, 'p', sizeof(name) - 1);
	setenv("AWS_PROFILE", name, 1);
	assert_int_equal(search_now(), CREDENTIALS_WRONG);
	assert_true(where.len > 0);
}

/* ---- Which profile ---- */

static void
the_profile_is_the_first_that_is_named(void **state)
{
	bool is_meant;

	(void)state;
	assert_string_equal(credentials_profile(&site, &is_meant), "default");
	assert_false(is_meant);
	setenv("AWS_PROFILE", "p", 1);
	assert_string_equal(credentials_profile(&site, &is_meant), "p");
	assert_true(is_meant);
	setenv("AWS_DEFAULT_PROFILE", "d", 1);
	assert_string_equal(credentials_profile(&site, &is_meant), "d");
	assert_true(is_meant);
	setenv("AWS_DEFAULT_PROFILE", "", 1);
	assert_string_equal(credentials_profile(&site, &is_meant), "p");
	site.profile = mem_string("s");
	assert_string_equal(credentials_profile(&site, &is_meant), "s");
	assert_true(is_meant);
}

static void
a_profile_that_is_named_must_be_there(void **state)
{
	(void)state;
	setenv("AWS_PROFILE", "p", 1);
	assert_int_equal(search_now(), CREDENTIALS_WRONG);
	assert_string_equal(play.asked, "");
	expect_said("there is no profile p, neither in ");
	/* Whoever else has some. */
	setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
	setenv("AWS_SECRET_ACCESS_KEY", CANARY, 1);
	assert_int_equal(search_now(), CREDENTIALS_WRONG);
	unsetenv("AWS_ACCESS_KEY_ID");
	unsetenv("AWS_SECRET_ACCESS_KEY");
	/* In either file. */
	write_file(config_path, "[profile p]\n");
	assert_int_equal(search_now(), CREDENTIALS_NONE);
	unlink(config_path);
	write_file(credentials_path, "[p]\n");
	assert_int_equal(search_now(), CREDENTIALS_NONE);
	unlink(credentials_path);
	/* A site that has its own needs none. */
	site.own.access_key_id = mem_string("OWN");
	site.own.secret_access_key = mem_string(CANARY);
	assert_int_equal(search_now(), CREDENTIALS_FOUND);
	assert_string_equal(found.credentials.access_key_id, "OWN");
}

static void
a_sites_profile_goes_before_variables(void **state)
{
	(void)state;
	write_file(credentials_path, "[s]\n");
	setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
	setenv("AWS_SECRET_ACCESS_KEY", CANARY, 1);
	setenv("AWS_PROFILE", "p", 1);
	site.profile = mem_string("s");
	assert_int_equal(search_now(), CREDENTIALS_NONE);
	assert_false(play.use_environment);
	assert_string_equal(play.profile, "s");
	expect_said("the environment: passed over, since a profile is named; ");
}

static void
a_setting_is_a_variable_or_a_line(void **state)
{
	struct credentials_search search = { .profile = "p",
		.use_environment = true };
	struct profiles *profiles;

	(void)state;
	write_file(config_path, "[profile p]\nrole_arn = line\n");
	profiles = profiles_load(watch, &where);
	search.profiles = profiles;
	setenv("TEST_ROLE", "variable", 1);
	assert_string_equal(
	    credentials_setting(&search, "TEST_ROLE", "role_arn"), "variable");
	search.use_environment = false;
	assert_string_equal(
	    credentials_setting(&search, "TEST_ROLE", "role_arn"), "line");
	search.use_environment = true;
	setenv("TEST_ROLE", "", 1);
	assert_string_equal(
	    credentials_setting(&search, "TEST_ROLE", "role_arn"), "line");
	assert_null(credentials_setting(&search, "TEST_ROLE", NULL));
	assert_null(credentials_setting(&search, NULL, "other"));
	profiles_free(profiles);
}

static void
a_malformed_file_is_wrong(void **state)
{
	(void)state;
	write_file(credentials_path, "[default]\n" CANARY "\n");
	play.results[INSTANCE] = CREDENTIALS_FOUND;
	assert_int_equal(search_now(), CREDENTIALS_WRONG);
	expect_said("/credentials:2: this line is malformed");
	assert_int_equal(play.n_asked, 0);
	/* It is looked at again once it is another. */
	assert_null(watch_changed(watch));
	write_file(credentials_path, "[default]\nk = v\n");
	assert_string_equal(watch_changed(watch), credentials_path);
	assert_int_equal(search_now(), CREDENTIALS_FOUND);
	assert_null(watch_changed(watch));
}

/* ---- The site and the environment ---- */

static void
a_sites_own_keys_go_first(void **state)
{
	(void)state;
	setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
	setenv("AWS_SECRET_ACCESS_KEY", CANARY, 1);
	setenv("AWS_SESSION_TOKEN", CANARY "T", 1);
	site.own.access_key_id = mem_string("SITE");
	site.own.secret_access_key = mem_string(CANARY "S");
	assert_int_equal(search_now(), CREDENTIALS_FOUND);
	assert_string_equal(found.credentials.access_key_id, "SITE");
	assert_string_equal(found.credentials.secret_access_key, CANARY "S");
	assert_null(found.credentials.session_token);
	assert_int_equal(found.expires_s, CREDENTIALS_NEVER);
	assert_string_equal(
	    buf_string(&where), "the site's settings: access_key_id");
	site.own.session_token = mem_string(CANARY "U");
	assert_int_equal(search_now(), CREDENTIALS_FOUND);
	assert_string_equal(found.credentials.session_token, CANARY "U");
	assert_int_equal(play.n_asked, 0);
}

static const struct environment_row {
	const char *what;
	const char *id, *secret, *token, *old_token, *end;
	enum credentials_result result;
	const char *found_token;
	int64_t expires_s;
	const char *said;
} environment_rows[] = {
	{ "a key", "A", CANARY, NULL, NULL, NULL, CREDENTIALS_FOUND, NULL,
	    CREDENTIALS_NEVER, "the environment: AWS_ACCESS_KEY_ID" },
	{ "a token", "A", CANARY, CANARY "T", NULL, NULL, CREDENTIALS_FOUND,
	    CANARY "T", CREDENTIALS_NEVER, "AWS_ACCESS_KEY_ID" },
	{ "a token's old name goes first", "A", CANARY, CANARY "T", CANARY "O",
	    NULL, CREDENTIALS_FOUND, CANARY "O", CREDENTIALS_NEVER,
	    "AWS_ACCESS_KEY_ID" },
	{ "empty ones are not set", "A", CANARY, "", "", "", CREDENTIALS_FOUND,
	    NULL, CREDENTIALS_NEVER, "AWS_ACCESS_KEY_ID" },
	{ "an end", "A", CANARY, CANARY "T", NULL, "2100-01-01T00:00:00Z",
	    CREDENTIALS_FOUND, CANARY "T", LATER, "AWS_ACCESS_KEY_ID" },
	{ "an end that has passed", "A", CANARY, CANARY "T", NULL,
	    "1970-01-01T00:01:00Z", CREDENTIALS_FAILED, NULL, 0,
	    "AWS_ACCESS_KEY_ID: they are over by now" },
	{ "an end that is none", "A", CANARY, NULL, NULL, "tomorrow",
	    CREDENTIALS_WRONG, NULL, 0,
	    "AWS_CREDENTIAL_EXPIRATION is no date" },
	{ "an id alone", "A", NULL, NULL, NULL, NULL, CREDENTIALS_WRONG, NULL,
	    0, "AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not" },
	{ "a secret alone", NULL, CANARY, NULL, NULL, NULL, CREDENTIALS_NONE,
	    NULL, 0, "AWS_ACCESS_KEY_ID is not set" },
	{ "a secret beside an empty id", "", CANARY, NULL, NULL, NULL,
	    CREDENTIALS_NONE, NULL, 0, "AWS_ACCESS_KEY_ID is not set" },
};

static void
set(const char *name, const char *value)
{
	if (value != NULL)
		setenv(name, value, 1);
	else
		unsetenv(name);
}

static void
the_environment_says_it_all_or_wrongly(void **state)
{
	(void)state;
	for (size_t i = 0;
	     i < sizeof(environment_rows) / sizeof(environment_rows[0]); i++) {
		const struct environment_row *row = &environment_rows[i];

		set("AWS_ACCESS_KEY_ID", row->id);
		set("AWS_SECRET_ACCESS_KEY", row->secret);
		set("AWS_SESSION_TOKEN", row->token);
		set("AWS_SECURITY_TOKEN", row->old_token);
		set("AWS_CREDENTIAL_EXPIRATION", row->end);
		if (search_now() != row->result)
			fail_msg("%s: %s", row->what, buf_string(&where));
		expect_said(row->said);
		if (row->result != CREDENTIALS_FOUND)
			continue;
		assert_int_equal(found.expires_s, row->expires_s);
		if (row->found_token == NULL)
			assert_null(found.credentials.session_token);
		else
			assert_string_equal(
			    found.credentials.session_token, row->found_token);
	}
}

static void
secrets_leave_the_environment(void **state)
{
	char *secret;

	(void)state;
	setenv("AWS_ACCESS_KEY_ID", "A", 1);
	setenv("AWS_SECRET_ACCESS_KEY", CANARY, 1);
	setenv("AWS_SESSION_TOKEN", CANARY, 1);
	setenv("AWS_SECURITY_TOKEN", CANARY, 1);
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", CANARY, 1);
	setenv("AWS_REGION", "x", 1);
	secret = getenv("AWS_SECRET_ACCESS_KEY");
	credentials_forget_environment();
	assert_null(strstr(secret, CANARY));
	assert_null(getenv("AWS_ACCESS_KEY_ID"));
	assert_null(getenv("AWS_SECRET_ACCESS_KEY"));
	assert_null(getenv("AWS_SESSION_TOKEN"));
	assert_null(getenv("AWS_SECURITY_TOKEN"));
	assert_null(getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN"));
	assert_string_equal(getenv("AWS_REGION"), "x");
	unsetenv("AWS_REGION");
}

/* ---- The site's role ---- */

static void
a_sites_role_is_assumed_with_what_is_found(void **state)
{
	(void)state;
	site.role_arn = mem_string("arn:r");
	site.external_id = mem_string("ext");
	play.results[INSTANCE] = CREDENTIALS_FOUND;
	assert_int_equal(search_now(), CREDENTIALS_FOUND);
	assert_string_equal(play.sts_said, "arn:r - ext KEY");
	assert_string_equal(found.credentials.access_key_id, "ROLE");
	assert_string_equal(found.credentials.session_token, CANARY "3");
	assert_int_equal(found.expires_s, LATER);
	/* Where the machine is does not change with the role. */
	assert_string_equal(found.region, "eu-north-1");
	assert_string_equal(buf_string(&where),
	    "role arn:r, with what was found in the instance's metadata: h's");
	site.role_session_name = mem_string("me");
	site.own.access_key_id = mem_string("SITE");
	site.own.secret_access_key = mem_string(CANARY);
	assert_int_equal(search_now(), CREDENTIALS_FOUND);
	assert_string_equal(play.sts_said, "arn:r me ext SITE");
	assert_null(found.region);
}

static void
a_role_that_is_refused_hands_nothing_out(void **state)
{
	static const enum credentials_result results[] = { CREDENTIALS_FAILED,
		CREDENTIALS_WRONG };

	(void)state;
	site.role_arn = mem_string("arn:r");
	play.results[INSTANCE] = CREDENTIALS_FOUND;
	for (size_t i = 0; i < 2; i++) {
		play.sts = results[i];
		assert_int_equal(search_now(), results[i]);
		assert_string_equal(buf_string(&where),
		    "STS says no, with what was found in the instance's "
		    "metadata: h's");
	}
	/* Nor is STS asked where there is nothing to ask it with. */
	play.results[INSTANCE] = CREDENTIALS_NONE;
	play.sts_said[0] = '\0';
	assert_int_equal(search_now(), CREDENTIALS_NONE);
	play.results[INSTANCE] = CREDENTIALS_FAILED;
	assert_int_equal(search_now(), CREDENTIALS_FAILED);
	assert_string_equal(play.sts_said, "");
}

static void
a_sites_token_stands_for_keys(void **state)
{
	(void)state;
	setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
	setenv("AWS_SECRET_ACCESS_KEY", CANARY, 1);
	site.role_arn = mem_string("arn:r");
	site.role_session_name = mem_string("me");
	site.web_identity_token_file = mem_string(token_path);
	/* It may come. */
	assert_int_equal(search_now(), CREDENTIALS_FAILED);
	expect_said("/token: No such file or directory");
	assert_null(watch_changed(watch));
	write_file(token_path, CANARY "-token\n");
	assert_string_equal(watch_changed(watch), token_path);
	assert_int_equal(search_now(), CREDENTIALS_FOUND);
	/* Once, and not a second time with what it brought. */
	assert_string_equal(play.sts_said, "arn:r me - " CANARY "-token");
	assert_string_equal(found.credentials.access_key_id, "ROLE");
	assert_int_equal(play.n_asked, 0);
	play.sts = CREDENTIALS_FAILED;
	assert_int_equal(search_now(), CREDENTIALS_FAILED);
	expect_said("the site's settings: STS says no, with the token in /");
}

#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, begin_test, end_test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_order_is_botocores),
		TEST(each_answer_but_none_ends_the_search),
		TEST(what_was_found_is_handed_on),
		TEST(a_profile_has_fewer_providers),
		TEST(unclean_strings_are_refused),
		TEST(what_is_said_has_a_cap),
		TEST(the_profile_is_the_first_that_is_named),
		TEST(a_profile_that_is_named_must_be_there),
		TEST(a_sites_profile_goes_before_variables),
		TEST(a_setting_is_a_variable_or_a_line),
		TEST(a_malformed_file_is_wrong),
		TEST(a_sites_own_keys_go_first),
		TEST(the_environment_says_it_all_or_wrongly),
		TEST(secrets_leave_the_environment),
		TEST(a_sites_role_is_assumed_with_what_is_found),
		TEST(a_role_that_is_refused_hands_nothing_out),
		TEST(a_sites_token_stands_for_keys),
	};

	return (cmocka_run_group_tests(tests, begin, end));
}

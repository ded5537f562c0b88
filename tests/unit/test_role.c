/*
 * A profile's role (src/credentials/role.c): which credentials it is assumed
 * with, in which order, and what is refused.  The files are real, STS and the
 * other providers are played.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "credentials/chain.h"
#include "credentials/sts.h"
#include "shared_files.h"

/* No secret lacks this word, and no message may hold it. */
#define CANARY "CANARY"

/* What was asked, in order: "get p", "assume ROLE with ID ..."; and what the
 * players say. */
static char steps[8192];
static enum credentials_result source_result, sts_result;
static unsigned sts_good; /* so many before sts_result */

credentials_provider __wrap_credentials_from_container;
credentials_provider __wrap_credentials_from_instance;
credentials_provider __wrap_credentials_from_profile;
enum credentials_result
__wrap_sts_assume_role(const struct credentials_search *search,
    const struct sts_role *role, const struct credentials *source,
    struct credentials_found *found, struct buf *where);

static void
note(const char *format, ...)
{
	size_t len = strlen(steps);
	va_list args;

	va_start(args, format);
	vsnprintf(steps + len, sizeof(steps) - len, format, args);
	va_end(args);
}

static enum credentials_result
give(const char *id, struct credentials_found *found, struct buf *where)
{
	if (source_result == CREDENTIALS_FOUND) {
		found->credentials.access_key_id = mem_string(id);
		found->credentials.secret_access_key = mem_string(CANARY);
		found->expires_s = 5;
	}
	return (credentials_say(source_result, where, "%s said", id));
}

enum credentials_result
__wrap_credentials_from_profile(const struct credentials_search *search,
    struct credentials_found *found, struct buf *where)
{
	assert_false(search->use_environment);
	note("profile %s; ", search->profile);
	return (give(search->profile, found, where));
}

enum credentials_result
__wrap_credentials_from_container(const struct credentials_search *search,
    struct credentials_found *found, struct buf *where)
{
	(void)search;
	note("container; ");
	return (give("CONTAINER", found, where));
}

enum credentials_result
__wrap_credentials_from_instance(const struct credentials_search *search,
    struct credentials_found *found, struct buf *where)
{
	(void)search;
	note("instance; ");
	found->region = mem_string("moon-1");
	return (give("INSTANCE", found, where));
}

enum credentials_result
__wrap_sts_assume_role(const struct credentials_search *search,
    const struct sts_role *role, const struct credentials *source,
    struct credentials_found *found, struct buf *where)
{
	enum credentials_result result = CREDENTIALS_FOUND;

	(void)search;
	note("%s with %s", role->arn, source->access_key_id);
	assert_string_equal(source->secret_access_key, CANARY);
	if (role->session_name != NULL)
		note(" as %s", role->session_name);
	if (role->external_id != NULL)
		note(" for %s", role->external_id);
	if (role->duration_s != 0)
		note(" %d s", (int)role->duration_s);
	note("; ");
	if (sts_good-- == 0)
		result = sts_result;
	if (result == CREDENTIALS_FOUND) {
		found->credentials.access_key_id = mem_string(role->arn);
		found->credentials.secret_access_key = mem_string(CANARY);
		found->credentials.session_token = mem_string(CANARY);
		found->expires_s = 77;
	}
	return (credentials_say(result, where, "STS on %s", role->arn));
}

static struct watch *watch;
static struct credentials_found found;
static struct buf where;

/* Look for the role of PROFILE, with CONFIG in the config file and KEYS in the
 * credentials file. */
static enum credentials_result
find(const char *profile, const char *config, const char *keys)
{
	struct credentials_search search = {
		.profile = profile,
		.use_environment = false,
		.watch = watch,
	};
	struct profiles *profiles;
	enum credentials_result result;

	write_file(config_path, config);
	write_file(credentials_path, keys);
	steps[0] = '\0';
	buf_clear(&where);
	credentials_found_fini(&found);
	profiles = profiles_load(watch, &where);
	assert_non_null(profiles);
	search.profiles = profiles;
	result = credentials_from_role(&search, &found, &where);
	profiles_free(profiles);
	assert_null(strstr(buf_string(&where), CANARY));
	if (result != CREDENTIALS_FOUND) {
		assert_null(found.credentials.access_key_id);
		assert_null(found.region);
	}
	return (result);
}

static int
setup(void **state)
{
	(void)state;
	source_result = sts_result = CREDENTIALS_FOUND;
	sts_good = 0;
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

#define KEYS "aws_access_key_id = k\naws_secret_access_key = " CANARY "\n"

static void
roles_are_assumed_with_their_source(void **state)
{
	static const struct {
		const char *config;
		const char *keys;
		const char *steps;
		const char *id;
	} rows[] = {
		{ "[profile p]\nrole_arn = R\nsource_profile = q\n",
		    "[q]\n" KEYS, "profile q; R with q; ", "R" },
		{ "[profile p]\nrole_arn = R\nsource_profile = q\n"
		  "external_id = E\nrole_session_name = S\n"
		  "duration_seconds = 901\n",
		    "[q]\n" KEYS, "profile q; R with q as S for E 901 s; ",
		    "R" },
		/* What is no number counts for nothing. */
		{ "[profile p]\nrole_arn = R\nsource_profile = q\n"
		  "duration_seconds = 1h\n",
		    "[q]\n" KEYS, "profile q; R with q; ", "R" },
		/* Keys beside the role are not what is used... */
		{ "[profile p]\nrole_arn = R\nsource_profile = q\n",
		    "[p]\n" KEYS "[q]\n" KEYS, "profile q; R with q; ", "R" },
		/* ...unless the profile is its own source. */
		{ "[profile p]\nrole_arn = R\nsource_profile = p\n",
		    "[p]\n" KEYS, "profile p; R with p; ", "R" },
		/* Half of the keys are meant. */
		{ "[profile p]\nrole_arn = R\nsource_profile = p\n"
		  "aws_access_key_id = k\n",
		    "", "profile p; R with p; ", "R" },
		{ "[profile p]\nrole_arn = R\nsource_profile = p\n"
		  "aws_secret_access_key = " CANARY "\n",
		    "", "profile p; R with p; ", "R" },
		/* Roles by roles. */
		{ "[profile p]\nrole_arn = R1\nsource_profile = q\n"
		  "external_id = E1\n"
		  "[profile q]\nrole_arn = R2\nsource_profile = r\n"
		  "role_session_name = S2\n"
		  "[profile r]\nrole_arn = R3\ncredential_source = "
		  "EcsContainer\nduration_seconds = 3\n",
		    "",
		    "container; R3 with CONTAINER 3 s; R2 with R3 as S2; "
		    "R1 with R2 for E1; ",
		    "R1" },
		/* In a source, keys come before its role. */
		{ "[profile p]\nrole_arn = R1\nsource_profile = q\n"
		  "[profile q]\nrole_arn = R2\nsource_profile = q\n",
		    "[q]\n" KEYS, "profile q; R1 with q; ", "R1" },
		{ "[profile p]\nrole_arn = R1\nsource_profile = q\n"
		  "[profile q]\nrole_arn = R2\nsource_profile = p\n"
		  "mfa_serial = m\n",
		    "[q]\n" KEYS, "profile q; R1 with q; ", "R1" },
		/* A role by a token's file is its profile's own to find. */
		{ "[profile p]\nrole_arn = R1\nsource_profile = q\n"
		  "[profile q]\nrole_arn = R2\nweb_identity_token_file = t\n",
		    "", "profile q; R1 with q; ", "R1" },
		{ "[profile p]\nrole_arn = R\ncredential_source = "
		  "Ec2InstanceMetadata\n",
		    "", "instance; R with INSTANCE; ", "R" },
		{ "[profile p]\nrole_arn = R\ncredential_source = "
		  "ecscontainer\n",
		    "", "container; R with CONTAINER; ", "R" },
		{ "[profile p]\nrole_arn = R\ncredential_source = "
		  "ENVIRONMENT\n",
		    "", "R with ENV; ", "R" },
		/* One file may have the role, the other the source. */
		{ "[profile q]\nregion = x\n",
		    "[p]\nrole_arn = R\nsource_profile = q\n",
		    "profile q; R with q; ", "R" },
	};

	(void)state;
	setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
	setenv("AWS_SECRET_ACCESS_KEY", CANARY, 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		sts_good = 0;
		assert_int_equal(
		    find("p", rows[i].config, rows[i].keys), CREDENTIALS_FOUND);
		assert_string_equal(steps, rows[i].steps);
		assert_string_equal(
		    found.credentials.access_key_id, rows[i].id);
		assert_string_equal(found.credentials.session_token, CANARY);
		assert_int_equal(found.expires_s, 77);
	}
	unsetenv("AWS_ACCESS_KEY_ID");
	unsetenv("AWS_SECRET_ACCESS_KEY");
}

static void
no_role_is_passed_over(void **state)
{
	(void)state;
	assert_int_equal(find("p", "", ""), CREDENTIALS_NONE);
	assert_int_equal(find("p", "[profile p]\n" KEYS, ""), CREDENTIALS_NONE);
	assert_int_equal(find("p",
			     "[profile p]\nrole_arn = R\nsource_profile = q\n"
			     "web_identity_token_file = t\n",
			     "[q]\n" KEYS),
	    CREDENTIALS_NONE);
	assert_string_equal(steps, "");
}

static void
what_is_set_up_wrong_is_told(void **state)
{
	static const struct {
		const char *config;
		const char *said;
	} rows[] = {
		{ "[profile p]\nrole_arn = R\n",
		    "profile p has a role_arn, but neither a source_profile "
		    "nor a credential_source to assume it with" },
		{ "[profile p]\nrole_arn = R\nsource_profile = q\n"
		  "credential_source = Environment\n[profile q]\n" KEYS,
		    "profile p has both a source_profile and a "
		    "credential_source, where only one can be meant" },
		{ "[profile p]\nrole_arn = R\ncredential_source = Moon\n",
		    "profile p: there is no credential_source Moon; right "
		    "would be one of: Environment, Ec2InstanceMetadata, "
		    "EcsContainer" },
		{ "[profile p]\nrole_arn = R\nsource_profile = q\n",
		    "profile p: there is no profile q, which is its "
		    "source_profile" },
		{ "[profile p]\nrole_arn = R\nsource_profile = p\n",
		    "the source_profile lines go in a circle: p, p" },
		{ "[profile p]\nrole_arn = R\nsource_profile = q\n"
		  "[profile q]\nrole_arn = R\nsource_profile = r\n"
		  "[profile r]\nrole_arn = R\nsource_profile = q\n",
		    "the source_profile lines go in a circle: p, q, r, q" },
		/* Even where the first has keys: as a source it was not
		 * meant. */
		{ "[profile p]\nrole_arn = R\nsource_profile = q\n" KEYS
		  "[profile q]\nrole_arn = R\nsource_profile = p\n",
		    "the source_profile lines go in a circle: p, q, p" },
		{ "[profile p]\nrole_arn = R\nsource_profile = q\n"
		  "[profile q]\nrole_arn = R\n",
		    "profile q has a role_arn, but neither" },
		{ "[profile p]\nrole_arn = R\nmfa_serial = m\n"
		  "source_profile = q\n[profile q]\n" KEYS,
		    "profile p has an mfa_serial: its role wants a code that "
		    "somebody types, which a daemon cannot" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(
		    find("p", rows[i].config, ""), CREDENTIALS_WRONG);
		assert_non_null(strstr(buf_string(&where), rows[i].said));
		/* Nobody was asked. */
		assert_string_equal(steps, "");
	}
}

static void
the_way_has_a_length(void **state)
{
	char *config = mem_string("");

	(void)state;
	for (int n = 1; n <= 17; n++) {
		char name[16], *longer;

		snprintf(name, sizeof(name), "p%d", n);
		longer = mem_printf("%s[profile %s]\nrole_arn = R%d\n"
				    "source_profile = p%d\n",
		    config, name, n, n - 1);
		free(config);
		config = longer;
		assert_int_equal(find(name, config, "[p0]\n" KEYS),
		    n <= 16 ? CREDENTIALS_FOUND : CREDENTIALS_WRONG);
	}
	assert_string_equal(steps, "");
	assert_string_equal(buf_string(&where),
	    "profile p17: there are more than 16 roles between it and "
	    "credentials");
	free(config);
}

static void
a_source_without_credentials(void **state)
{
	static const struct {
		const char *source;
		enum credentials_result source_result;
		enum credentials_result result;
		const char *said;
	} rows[] = {
		{ "source_profile = q", CREDENTIALS_NONE, CREDENTIALS_WRONG,
		    "profile p: source_profile q: there are no credentials: q "
		    "said" },
		{ "source_profile = q", CREDENTIALS_WRONG, CREDENTIALS_WRONG,
		    "profile p: source_profile q: q said" },
		{ "source_profile = q", CREDENTIALS_FAILED, CREDENTIALS_FAILED,
		    "profile p: source_profile q: q said" },
		{ "credential_source = EcsContainer", CREDENTIALS_NONE,
		    CREDENTIALS_WRONG,
		    "profile p: credential_source EcsContainer: there are no "
		    "credentials: CONTAINER said" },
		{ "credential_source = EcsContainer", CREDENTIALS_FAILED,
		    CREDENTIALS_FAILED,
		    "profile p: credential_source EcsContainer: CONTAINER "
		    "said" },
		{ "credential_source = ec2instancemetadata", CREDENTIALS_NONE,
		    CREDENTIALS_FAILED,
		    "profile p: credential_source Ec2InstanceMetadata: there "
		    "are no credentials: INSTANCE said" },
		{ "credential_source = Environment", CREDENTIALS_NONE,
		    CREDENTIALS_WRONG,
		    "profile p: credential_source Environment: there are no "
		    "credentials: AWS_ACCESS_KEY_ID is not set" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *config = mem_printf(
		    "[profile p]\nrole_arn = R\n%s\n[profile q]\nregion = x\n",
		    rows[i].source);

		source_result = rows[i].source_result;
		assert_int_equal(find("p", config, ""), rows[i].result);
		assert_string_equal(buf_string(&where), rows[i].said);
		assert_null(strstr(steps, " with "));
		free(config);
	}
}

static void
what_is_said_names_the_way(void **state)
{
	static const char config[] =
	    "[profile p]\nrole_arn = R1\nsource_profile = q\n"
	    "[profile q]\nrole_arn = R2\ncredential_source = "
	    "Ec2InstanceMetadata\n";

	(void)state;
	assert_int_equal(find("p", config, ""), CREDENTIALS_FOUND);
	assert_string_equal(buf_string(&where),
	    "profile p: STS on R1, with profile q: STS on R2, with "
	    "credential_source Ec2InstanceMetadata: INSTANCE said");
	/* Where the machine is stays known. */
	assert_string_equal(found.region, "moon-1");
	/* A refusal on the way ends it. */
	sts_result = CREDENTIALS_FAILED;
	sts_good = 0;
	assert_int_equal(find("p", config, ""), CREDENTIALS_FAILED);
	assert_string_equal(steps, "instance; R2 with INSTANCE; ");
	assert_string_equal(buf_string(&where),
	    "profile q: STS on R2, with credential_source "
	    "Ec2InstanceMetadata: INSTANCE said");
	sts_good = 1;
	assert_int_equal(find("p", config, ""), CREDENTIALS_FAILED);
	assert_string_equal(steps, "instance; R2 with INSTANCE; R1 with R2; ");
}

#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(roles_are_assumed_with_their_source),
		TEST(no_role_is_passed_over),
		TEST(what_is_set_up_wrong_is_told),
		TEST(the_way_has_a_length),
		TEST(a_source_without_credentials),
		TEST(what_is_said_names_the_way),
	};

	return (cmocka_run_group_tests(tests, make_home, remove_home));
}

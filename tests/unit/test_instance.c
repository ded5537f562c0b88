/*
 * credentials/instance: what it asks, and what it makes of the answers; ask
 * and the profile are played.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "credentials/chain.h"
#include "credentials/ask.h"

#define DOCUMENT                                                 \
	"{\"Code\":\"Success\",\"AccessKeyId\":\"AKIDEXAMPLE\"," \
	"\"SecretAccessKey\":\"canary\",\"Token\":\"canary2\","  \
	"\"Expiration\":\"2026-11-24T12:00:00Z\"}"
#define ROLES "/latest/meta-data/iam/security-credentials/"

enum { END_S = 1795521600, NOW_S = END_S - 3600, ASKED_MAX = 12 };

enum { TOKEN, ROLE, KEYS, REGION, STEPS };

struct step {
	int status; /* 0: no answer comes; -1: nobody is there */
	struct span body;
};

/* What is played, and what was asked. */
static struct {
	struct step steps[STEPS];
	unsigned failures; /* so many of the first questions get no answer */
	int64_t date_s;
	const char *name, *value; /* a line of the profile */
	bool is_ec2;              /* as the firmware says */
	unsigned asked;
	char urls[ASKED_MAX][256];
	int64_t connect_ms, answer_ms;
} play;

static struct site site;

bool __wrap_ask(const struct credentials_search *search,
    const struct ask_question *question, struct ask_answer *answer);
const char *__wrap_profiles_get(const struct profiles *profiles,
    enum profiles_file file, const char *profile, const char *name);
int64_t __wrap_clock_wall_s(void);
bool __wrap_machine_is_ec2(void);

bool
__wrap_machine_is_ec2(void)
{
	return (play.is_ec2);
}

int64_t
__wrap_clock_wall_s(void)
{
	return (NOW_S);
}

const char *
__wrap_profiles_get(const struct profiles *profiles, enum profiles_file file,
    const char *profile, const char *name)
{
	(void)profiles;
	assert_int_equal(file, PROFILES_MERGED);
	assert_string_equal(profile, "gyazo");
	return (play.name != NULL && strcmp(play.name, name) == 0 ? play.value
								  : NULL);
}

static unsigned
step_of(const struct ask_question *question)
{
	const char *url = question->url;

	if (strstr(url, "/latest/api/token") != NULL) {
		assert_int_equal(question->method, HTTP_PUT);
		assert_string_equal(question->headers[0],
		    "X-aws-ec2-metadata-token-ttl-seconds: 21600");
		return (TOKEN);
	}
	assert_int_equal(question->method, HTTP_GET);
	assert_string_equal(
	    question->headers[0], "X-aws-ec2-metadata-token: canary-t0ken==");
	if (strstr(url, "/latest/meta-data/placement/region") != NULL)
		return (REGION);
	assert_non_null(strstr(url, ROLES));
	return (url[strlen(url) - 1] == '/' ? ROLE : KEYS);
}

bool
__wrap_ask(const struct credentials_search *search,
    const struct ask_question *question, struct ask_answer *answer)
{
	struct step step = play.steps[step_of(question)];

	assert_ptr_equal(search->site, &site);
	assert_int_equal(question->body.len, 0);
	assert_true(question->no_proxy);
	assert_int_equal(question->n_headers, 1);
	assert_true(play.asked < ASKED_MAX);
	snprintf(
	    play.urls[play.asked++], sizeof(play.urls[0]), "%s", question->url);
	play.connect_ms = question->connect_ms;
	play.answer_ms = question->answer_ms;
	ask_answer_fini(answer);
	ask_answer_init(answer);
	answer->was_sent = step.status != -1;
	if (step.status <= 0 || play.asked <= play.failures) {
		snprintf(answer->reason, sizeof(answer->reason), "played");
		return (false);
	}
	answer->status = step.status;
	answer->date_s = play.date_s;
	assert_true(buf_add_span(&answer->body, step.body));
	return (true);
}

static const char *const variables[] = { "AWS_EC2_METADATA_DISABLED",
	"AWS_EC2_METADATA_SERVICE_ENDPOINT",
	"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "AWS_IMDS_USE_IPV6",
	"AWS_METADATA_SERVICE_TIMEOUT", "AWS_METADATA_SERVICE_NUM_ATTEMPTS" };

static int
set_up(void **state)
{
	static const struct step steps[STEPS] = {
		[TOKEN] = { 200, SPAN("canary-t0ken==") },
		[ROLE] = { 200, SPAN("gyazo-role") },
		[KEYS] = { 200, SPAN(DOCUMENT) },
		[REGION] = { 200, SPAN("eu-central-1") },
	};

	(void)state;
	memset(&play, 0, sizeof(play));
	memcpy(play.steps, steps, sizeof(steps));
	play.date_s = -1;
	site = (struct site){ .name = NULL };
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		assert_return_code(unsetenv(variables[i]), 0);
	return (0);
}

static enum credentials_result
find(struct credentials_found *found, struct buf *where)
{
	/* Its variables count also where others do not. */
	const struct credentials_search search = {
		.site = &site,
		.profile = "gyazo",
		.use_environment = false,
	};
	enum credentials_result result;

	*found = (struct credentials_found){ .region = NULL };
	buf_clear(where);
	result = credentials_from_instance(&search, found, where);
	assert_null(strstr(buf_string(where), "canary"));
	assert_true(where->len > 0);
	if (result != CREDENTIALS_FOUND) {
		assert_null(found->credentials.access_key_id);
		assert_null(found->credentials.secret_access_key);
		assert_null(found->credentials.session_token);
		assert_null(found->region);
	}
	return (result);
}

/* It ends in RESULT after so many questions, and WHERE says PART. */
static void
expect(enum credentials_result result, unsigned asked, const char *part)
{
	struct credentials_found found;
	struct buf where;

	buf_init(&where, CREDENTIALS_WHERE_MAX);
	play.asked = 0;
	assert_int_equal(find(&found, &where), result);
	assert_int_equal(play.asked, asked);
	if (strstr(buf_string(&where), part) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", part, buf_string(&where));
	credentials_found_fini(&found);
	buf_fini(&where);
}

static void
test_found(void **state)
{
	struct credentials_found found;
	struct buf where;

	(void)state;
	buf_init(&where, CREDENTIALS_WHERE_MAX);
	assert_int_equal(find(&found, &where), CREDENTIALS_FOUND);
	assert_int_equal(play.asked, 3);
	assert_string_equal(
	    play.urls[0], "http://169.254.169.254/latest/api/token");
	assert_string_equal(play.urls[1], "http://169.254.169.254" ROLES);
	assert_string_equal(
	    play.urls[2], "http://169.254.169.254" ROLES "gyazo-role");
	assert_int_equal(play.connect_ms, 1000);
	assert_int_equal(play.answer_ms, 1000 + ASK_ANSWER_MS);
	assert_string_equal(found.credentials.access_key_id, "AKIDEXAMPLE");
	assert_string_equal(found.credentials.secret_access_key, "canary");
	assert_string_equal(found.credentials.session_token, "canary2");
	assert_int_equal(found.expires_s, END_S);
	assert_null(found.region);
	credentials_found_fini(&found);

	site.region_is_guess = true;
	play.asked = 0;
	play.date_s = NOW_S - 600;
	assert_int_equal(find(&found, &where), CREDENTIALS_FOUND);
	assert_int_equal(play.asked, 4);
	assert_string_equal(play.urls[3],
	    "http://169.254.169.254/latest/meta-data/placement/region");
	assert_string_equal(found.region, "eu-central-1");
	assert_int_equal(found.expires_s, END_S + 600);
	credentials_found_fini(&found);

	/* What is over is all that there is: S3 is to say. */
	play.asked = 0;
	play.date_s = END_S + 60;
	assert_int_equal(find(&found, &where), CREDENTIALS_FOUND);
	assert_true(found.expires_s > NOW_S);
	assert_non_null(strstr(buf_string(&where), "until S3 refuses them"));
	credentials_found_fini(&found);
	buf_fini(&where);
}

static void
test_disabled(void **state)
{
	(void)state;
	setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
	expect(CREDENTIALS_NONE, 0, "AWS_EC2_METADATA_DISABLED");
	setenv("AWS_EC2_METADATA_DISABLED", "TRUE", 1);
	expect(CREDENTIALS_NONE, 0, "AWS_EC2_METADATA_DISABLED");
	setenv("AWS_EC2_METADATA_DISABLED", "false", 1);
	expect(CREDENTIALS_FOUND, 3, "gyazo-role");
	setenv("AWS_EC2_METADATA_DISABLED", "1", 1);
	expect(CREDENTIALS_FOUND, 3, "gyazo-role");
}

static void
test_endpoint(void **state)
{
	static const struct {
		const char *variable, *value;     /* NULL: none */
		const char *name, *profile_value; /* NULL: none */
		const char *base;                 /* NULL: it is wrong */
	} rows[] = {
		{ "AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:99",
		    NULL, NULL, "http://127.0.0.1:99" },
		{ "AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:99/",
		    "ec2_metadata_service_endpoint", "http://other/",
		    "http://127.0.0.1:99" },
		{ NULL, NULL, "ec2_metadata_service_endpoint",
		    "https://a.example/b/", "https://a.example/b" },
		{ NULL, NULL, "ec2_metadata_service_endpoint_mode", "ipv6",
		    "http://[fd00:ec2::254]" },
		{ "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6", NULL, NULL,
		    "http://[fd00:ec2::254]" },
		{ "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPV4",
		    "imds_use_ipv6", "true", "http://169.254.169.254" },
		{ "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6",
		    "ec2_metadata_service_endpoint", "http://a", "http://a" },
		{ "AWS_IMDS_USE_IPV6", "True", NULL, NULL,
		    "http://[fd00:ec2::254]" },
		{ "AWS_IMDS_USE_IPV6", "yes", NULL, NULL,
		    "http://169.254.169.254" },
		{ NULL, NULL, "imds_use_ipv6", "true",
		    "http://[fd00:ec2::254]" },
		{ "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv5", NULL, NULL,
		    NULL },
		{ "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv5",
		    "ec2_metadata_service_endpoint", "http://a", NULL },
		{ "AWS_EC2_METADATA_SERVICE_ENDPOINT", "127.0.0.1:canary", NULL,
		    NULL, NULL },
		{ "AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://a/?canary", NULL,
		    NULL, NULL },
		{ "AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://canary:x@a/",
		    NULL, NULL, NULL },
		{ "AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://a/\r\ncanary",
		    NULL, NULL, NULL },
		{ NULL, NULL, "ec2_metadata_service_endpoint", "/", NULL },
	};
	char url[256];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		set_up(state);
		print_message("%zu\n", i);
		if (rows[i].variable != NULL)
			setenv(rows[i].variable, rows[i].value, 1);
		play.name = rows[i].name;
		play.value = rows[i].profile_value;
		if (rows[i].base == NULL) {
			expect(CREDENTIALS_WRONG, 0,
			    "AWS_EC2_METADATA_SERVICE_ENDPOINT");
			continue;
		}
		expect(CREDENTIALS_FOUND, 3, rows[i].base);
		snprintf(url, sizeof(url), "%s/latest/api/token", rows[i].base);
		assert_string_equal(play.urls[0], url);
		snprintf(
		    url, sizeof(url), "%s" ROLES "gyazo-role", rows[i].base);
		assert_string_equal(play.urls[2], url);
	}
}

static void
test_time_out(void **state)
{
	static const char *const wrong[] = { "0", "-1", "1.5", "x", "3601",
		"1s", " 1", "18446744073709551617" };

	(void)state;
	setenv("AWS_METADATA_SERVICE_TIMEOUT", "7", 1);
	play.name = "metadata_service_timeout";
	play.value = "9";
	expect(CREDENTIALS_FOUND, 3, "");
	assert_int_equal(play.connect_ms, 7000);
	assert_int_equal(play.answer_ms, 7000 + ASK_ANSWER_MS);
	unsetenv("AWS_METADATA_SERVICE_TIMEOUT");
	expect(CREDENTIALS_FOUND, 3, "");
	assert_int_equal(play.connect_ms, 9000);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		play.value = wrong[i];
		expect(CREDENTIALS_WRONG, 0, "metadata_service_timeout");
	}
	play.name = "metadata_service_num_attempts";
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		play.value = wrong[i];
		expect(CREDENTIALS_WRONG, 0, "metadata_service_num_attempts");
	}
}

static void
test_attempts(void **state)
{
	(void)state;
	play.failures = 1;
	expect(CREDENTIALS_FAILED, 1, "played");
	setenv("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "3", 1);
	play.failures = 2;
	expect(CREDENTIALS_FOUND, 5, "gyazo-role");
	play.failures = 3;
	expect(CREDENTIALS_FAILED, 3, "played");
	play.failures = 0;
	/* A server's error is tried again, a refusal is not. */
	play.steps[ROLE].status = 500;
	expect(CREDENTIALS_FAILED, 4, "status 500");
	play.steps[ROLE].status = 499;
	expect(CREDENTIALS_FAILED, 2, "status 499");
}

static void
test_nobody(void **state)
{
	(void)state;
	play.steps[TOKEN].status = -1;
	expect(CREDENTIALS_NONE, 1, "no EC2 instance");
	/* On EC2 they are only late. */
	play.is_ec2 = true;
	expect(CREDENTIALS_FAILED, 1, "http://169.254.169.254 cannot be");
	play.is_ec2 = false;
	setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6", 1);
	expect(CREDENTIALS_NONE, 1, "no EC2 instance");
	setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1", 1);
	expect(CREDENTIALS_FAILED, 1,
	    "http://127.0.0.1:1 cannot be reached: played");
	unsetenv("AWS_EC2_METADATA_SERVICE_ENDPOINT");
	play.name = "ec2_metadata_service_endpoint";
	play.value = "http://127.0.0.1:2";
	expect(CREDENTIALS_FAILED, 1,
	    "http://127.0.0.1:2 cannot be reached: played");
	/* Somebody is there, and says nothing. */
	play.name = NULL;
	play.steps[TOKEN].status = 0;
	expect(CREDENTIALS_FAILED, 1, "hop limit");
}

static void
test_refusals(void **state)
{
	static const struct {
		int at, status;
		struct span body;
		enum credentials_result result;
		const char *part;
	} rows[] = {
		{ TOKEN, 403, SPAN("canary"), CREDENTIALS_NONE, "version 1" },
		{ TOKEN, 404, SPAN("canary"), CREDENTIALS_NONE, "version 1" },
		{ TOKEN, 405, SPAN("canary"), CREDENTIALS_NONE, "version 1" },
		{ TOKEN, 400, SPAN("canary"), CREDENTIALS_FAILED, "400" },
		{ TOKEN, 204, SPAN(""), CREDENTIALS_FAILED, "204" },
		{ TOKEN, 302, SPAN("canary-t0ken=="), CREDENTIALS_FAILED,
		    "302" },
		{ TOKEN, 500, SPAN("canary"), CREDENTIALS_FAILED, "500" },
		{ TOKEN, 200, SPAN(""), CREDENTIALS_FAILED, "no token" },
		{ TOKEN, 200, SPAN("\r\n"), CREDENTIALS_FAILED, "no token" },
		{ TOKEN, 200, SPAN("<html>canary"), CREDENTIALS_FAILED,
		    "no token" },
		{ TOKEN, 200, SPAN("can\0ary"), CREDENTIALS_FAILED,
		    "no token" },
		{ TOKEN, 200, SPAN("canary\rX: y"), CREDENTIALS_FAILED,
		    "no token" },
		{ TOKEN, 200, SPAN("canary \xc3\xa4"), CREDENTIALS_FAILED,
		    "no token" },

		{ ROLE, 404, SPAN("canary"), CREDENTIALS_NONE, "has no role" },
		{ ROLE, 0, SPAN(""), CREDENTIALS_FAILED, "played" },
		{ ROLE, -1, SPAN(""), CREDENTIALS_FAILED, "played" },
		{ ROLE, 204, SPAN(""), CREDENTIALS_FAILED, "204" },
		{ ROLE, 301, SPAN("gyazo-role"), CREDENTIALS_FAILED, "301" },
		{ ROLE, 401, SPAN("canary"), CREDENTIALS_FAILED, "401" },
		{ ROLE, 503, SPAN("gyazo-role"), CREDENTIALS_FAILED, "503" },
		{ ROLE, 200, SPAN(""), CREDENTIALS_FAILED, "no role's name" },
		{ ROLE, 200, SPAN("\ngyazo-role"), CREDENTIALS_FAILED,
		    "no role's name" },
		{ ROLE, 200, SPAN("<!DOCTYPE html><p>canary"),
		    CREDENTIALS_FAILED, "no role's name" },
		{ ROLE, 200, SPAN("canary?a"), CREDENTIALS_FAILED,
		    "no role's name" },
		{ ROLE, 200, SPAN("canary#a"), CREDENTIALS_FAILED,
		    "no role's name" },
		{ ROLE, 200, SPAN("canary%0d%0a"), CREDENTIALS_FAILED,
		    "no role's name" },
		{ ROLE, 200, SPAN("canary HTTP/1.1"), CREDENTIALS_FAILED,
		    "no role's name" },
		{ ROLE, 200, SPAN("canary\rX: y"), CREDENTIALS_FAILED,
		    "no role's name" },
		{ ROLE, 200, SPAN("canary\0"), CREDENTIALS_FAILED,
		    "no role's name" },
		{ ROLE, 200, SPAN("canary\xff"), CREDENTIALS_FAILED,
		    "no role's name" },

		{ KEYS, 0, SPAN(""), CREDENTIALS_FAILED, "played" },
		{ KEYS, 204, SPAN(""), CREDENTIALS_FAILED, "204" },
		{ KEYS, 302, SPAN(DOCUMENT), CREDENTIALS_FAILED, "302" },
		{ KEYS, 404, SPAN("canary"), CREDENTIALS_FAILED, "404" },
		{ KEYS, 500, SPAN(DOCUMENT), CREDENTIALS_FAILED, "500" },
		{ KEYS, 200, SPAN(""), CREDENTIALS_FAILED, "it is empty" },
		{ KEYS, 200, SPAN("<html>canary"), CREDENTIALS_FAILED,
		    "it is not JSON" },
		{ KEYS, 200,
		    SPAN("{\"Code\":\"AssumeRoleUnauthorizedAccess\","
			 "\"Message\":\"canary\"}"),
		    CREDENTIALS_FAILED, "Code AssumeRoleUnauthorizedAccess" },
		{ KEYS, 200, SPAN("{\"Code\":\"Success\"}"), CREDENTIALS_FAILED,
		    "no AccessKeyId" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct step *step = &play.steps[rows[i].at];

		set_up(state);
		print_message("%zu: %s\n", i, rows[i].part);
		step->status = rows[i].status;
		step->body = rows[i].body;
		expect(rows[i].result, (unsigned)rows[i].at + 1, rows[i].part);
	}
}

static void
test_role_names(void **state)
{
	static const struct {
		struct span body;
		const char *role;
	} rows[] = {
		{ SPAN("gyazo-role\n"), "gyazo-role" },
		{ SPAN("gyazo-role\r\nX: y"), "gyazo-role" },
		{ SPAN("first\nsecond\n"), "first" },
		{ SPAN("A+z=0,9.@-_"), "A+z=0,9.@-_" },
		{ SPAN("path/of:others"), "path/of:others" },
	};
	char longest[513], url[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		play.steps[ROLE].body = rows[i].body;
		expect(CREDENTIALS_FOUND, 3, rows[i].role);
		snprintf(url, sizeof(url), "http://169.254.169.254" ROLES "%s",
		    rows[i].role);
		assert_string_equal(play.urls[2], url);
	}
	memset(longest, 'r', sizeof(longest));
	play.steps[ROLE].body = (struct span){ longest, 512 };
	expect(CREDENTIALS_FOUND, 3, "rrr");
	play.steps[ROLE].body = (struct span){ longest, 513 };
	expect(CREDENTIALS_FAILED, 2, "no role's name");
}

/* To have no region is no failure. */
static void
test_no_region(void **state)
{
	static const struct step rows[] = { { 0, SPAN("") }, { 404, SPAN("") },
		{ 302, SPAN("eu-central-1") }, { 200, SPAN("") },
		{ 200, SPAN("<html>") }, { 200, SPAN("eu.central/1") },
		{ 200, SPAN("eu-\0central-1") } };
	struct credentials_found found;
	struct buf where;

	(void)state;
	site.region_is_guess = true;
	buf_init(&where, CREDENTIALS_WHERE_MAX);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		play.steps[REGION] = rows[i];
		play.asked = 0;
		assert_int_equal(find(&found, &where), CREDENTIALS_FOUND);
		assert_int_equal(play.asked, 4);
		assert_null(found.region);
		credentials_found_fini(&found);
	}
	buf_fini(&where);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_found, set_up),
		cmocka_unit_test_setup(test_disabled, set_up),
		cmocka_unit_test_setup(test_endpoint, set_up),
		cmocka_unit_test_setup(test_time_out, set_up),
		cmocka_unit_test_setup(test_attempts, set_up),
		cmocka_unit_test_setup(test_nobody, set_up),
		cmocka_unit_test_setup(test_refusals, set_up),
		cmocka_unit_test_setup(test_role_names, set_up),
		cmocka_unit_test_setup(test_no_region, set_up),
	};

	return (cmocka_run_group_tests_name("instance", tests, NULL, NULL));
}

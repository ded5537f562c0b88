/*
 * credentials/container: what it asks, and what it makes of the answers; ask
 * and watch_read_token are played.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "credentials/chain.h"
#include "credentials/ask.h"

#define RELATIVE   "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
#define FULL       "AWS_CONTAINER_CREDENTIALS_FULL_URI"
#define TOKEN      "AWS_CONTAINER_AUTHORIZATION_TOKEN"
#define TOKEN_FILE "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"

#define DOCUMENT                                                           \
	"{\"AccessKeyId\":\"AKIDEXAMPLE\",\"SecretAccessKey\":\"canary\"," \
	"\"Token\":\"canary2\",\"Expiration\":\"2026-11-24T12:00:00Z\"}"

enum { END_S = 1795521600, NOW_S = END_S - 3600 };

/* What is played, and what was asked. */
static struct {
	int status; /* 0: no answer comes */
	struct span body;
	int64_t date_s;
	const char *file; /* NULL: it cannot be read, FILE_ERROR says why */
	int file_error;
	unsigned asked;
	char url[256];
	char accept[64];
	char authorization[64];
	const char *path;
} play;

bool __wrap_ask(const struct credentials_search *search,
    const struct ask_question *question, struct ask_answer *answer);
char *__wrap_watch_read_token(struct watch *watch, const char *path);
int64_t __wrap_clock_wall_s(void);

int64_t
__wrap_clock_wall_s(void)
{
	return (NOW_S);
}

bool
__wrap_ask(const struct credentials_search *search,
    const struct ask_question *question, struct ask_answer *answer)
{
	(void)search;
	play.asked++;
	assert_int_equal(question->method, HTTP_GET);
	assert_int_equal(question->body.len, 0);
	assert_true(question->no_proxy);
	assert_in_range(question->n_headers, 1, 2);
	snprintf(play.url, sizeof(play.url), "%s", question->url);
	snprintf(play.accept, sizeof(play.accept), "%s", question->headers[0]);
	snprintf(play.authorization, sizeof(play.authorization), "%s",
	    question->n_headers > 1 ? question->headers[1] : "");
	ask_answer_fini(answer);
	ask_answer_init(answer);
	answer->was_sent = true;
	if (play.status == 0) {
		snprintf(answer->reason, sizeof(answer->reason), "nobody home");
		return (false);
	}
	answer->status = play.status;
	answer->date_s = play.date_s;
	assert_true(buf_add_span(&answer->body, play.body));
	return (true);
}

char *
__wrap_watch_read_token(struct watch *watch, const char *path)
{
	(void)watch;
	play.path = path;
	errno = play.file_error;
	return (mem_string(play.file));
}

static void
set(const char *name, const char *value)
{
	if (value != NULL)
		assert_return_code(setenv(name, value, 1), 0);
	else
		assert_return_code(unsetenv(name), 0);
}

static int
set_up(void **state)
{
	(void)state;
	memset(&play, 0, sizeof(play));
	play.status = 200;
	play.body = SPAN(DOCUMENT);
	play.date_s = -1;
	set(RELATIVE, NULL);
	set(FULL, NULL);
	set(TOKEN, NULL);
	set(TOKEN_FILE, NULL);
	return (0);
}

static enum credentials_result
find(struct credentials_found *found, struct buf *where)
{
	static const struct site site;
	const struct credentials_search search = { .site = &site };
	enum credentials_result result;

	*found = (struct credentials_found){ .region = NULL };
	buf_clear(where);
	result = credentials_from_container(&search, found, where);
	assert_null(strstr(buf_string(where), "canary"));
	assert_true(where->len > 0);
	if (result != CREDENTIALS_FOUND) {
		assert_null(found->credentials.access_key_id);
		assert_null(found->credentials.secret_access_key);
		assert_null(found->credentials.session_token);
	}
	return (result);
}

/* It ends in RESULT, and WHERE says PART. */
static void
expect(enum credentials_result result, const char *part)
{
	struct credentials_found found;
	struct buf where;

	buf_init(&where, CREDENTIALS_WHERE_MAX);
	assert_int_equal(find(&found, &where), result);
	if (strstr(buf_string(&where), part) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", part, buf_string(&where));
	credentials_found_fini(&found);
	buf_fini(&where);
}

static void
test_not_set(void **state)
{
	(void)state;
	expect(CREDENTIALS_NONE, "is set");
	set(FULL, "");
	set(RELATIVE, "");
	set(TOKEN, "canary");
	expect(CREDENTIALS_NONE, "is set");
	assert_int_equal(play.asked, 0);
}

static void
test_found(void **state)
{
	struct credentials_found found;
	struct buf where;

	(void)state;
	buf_init(&where, CREDENTIALS_WHERE_MAX);
	set(FULL, "http://localhost:1234/creds?canary");
	assert_int_equal(find(&found, &where), CREDENTIALS_FOUND);
	assert_string_equal(play.url, "http://localhost:1234/creds?canary");
	assert_string_equal(play.accept, "Accept: application/json");
	assert_string_equal(play.authorization, "");
	assert_string_equal(found.credentials.access_key_id, "AKIDEXAMPLE");
	assert_string_equal(found.credentials.secret_access_key, "canary");
	assert_string_equal(found.credentials.session_token, "canary2");
	assert_int_equal(found.expires_s, END_S);
	assert_non_null(strstr(buf_string(&where), FULL));
	credentials_found_fini(&found);

	/* Their clock is an hour ahead; the relative one comes first. */
	play.date_s = NOW_S + 3600;
	set(RELATIVE, "/v2/credentials/canary?a=b");
	assert_int_equal(find(&found, &where), CREDENTIALS_FOUND);
	assert_string_equal(
	    play.url, "http://169.254.170.2/v2/credentials/canary?a=b");
	assert_int_equal(found.expires_s, END_S - 3600);
	assert_non_null(strstr(buf_string(&where), RELATIVE));
	credentials_found_fini(&found);
	buf_fini(&where);
}

static void
test_uri(void **state)
{
	static const struct {
		const char *variable, *uri;
		enum credentials_result result;
	} rows[] = {
		{ RELATIVE, "/a", CREDENTIALS_FOUND },
		{ RELATIVE, "/", CREDENTIALS_FOUND },
		{ RELATIVE, "canary", CREDENTIALS_WRONG },
		{ RELATIVE, ".canary.example/", CREDENTIALS_WRONG },
		{ RELATIVE, "@canary.example/", CREDENTIALS_WRONG },
		{ RELATIVE, ":80/canary", CREDENTIALS_WRONG },
		{ RELATIVE, "?canary", CREDENTIALS_WRONG },
		{ RELATIVE, "/can ary", CREDENTIALS_WRONG },
		{ RELATIVE, "/a\r\nX: canary", CREDENTIALS_WRONG },
		{ RELATIVE, "http://127.0.0.1/canary", CREDENTIALS_WRONG },
		{ FULL, "http://127.0.0.1/a", CREDENTIALS_FOUND },
		{ FULL, "http://169.254.170.23/v1/credentials",
		    CREDENTIALS_FOUND },
		{ FULL, "http://[fd00:ec2::23]/v1/credentials",
		    CREDENTIALS_FOUND },
		{ FULL, "https://canary.example/", CREDENTIALS_FOUND },
		{ FULL, "http://canary.example/", CREDENTIALS_WRONG },
		{ FULL, "http://127.0.0.1@canary/", CREDENTIALS_WRONG },
		{ FULL, "http://localhost.canary/", CREDENTIALS_WRONG },
		{ FULL, "http://127.1/canary", CREDENTIALS_WRONG },
		{ FULL, "http://0x7f.1/canary", CREDENTIALS_WRONG },
		{ FULL, "/canary", CREDENTIALS_WRONG },
		{ FULL, "file:///etc/canary", CREDENTIALS_WRONG },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("%s=%s\n", rows[i].variable, rows[i].uri);
		set_up(state);
		set(rows[i].variable, rows[i].uri);
		expect(rows[i].result, rows[i].variable);
		assert_int_equal(
		    play.asked, rows[i].result == CREDENTIALS_FOUND);
	}
}

static void
test_token(void **state)
{
	(void)state;
	set(FULL, "http://localhost/");
	set(TOKEN, "Basic canary");
	expect(CREDENTIALS_FOUND, FULL);
	assert_string_equal(play.authorization, "Authorization: Basic canary");

	/* The file counts before the variable, and is read anew. */
	set(TOKEN_FILE, "/run/token");
	play.file = "canary one";
	expect(CREDENTIALS_FOUND, FULL);
	assert_string_equal(play.path, "/run/token");
	assert_string_equal(play.authorization, "Authorization: canary one");
	play.file = "canary two";
	expect(CREDENTIALS_FOUND, FULL);
	assert_string_equal(play.authorization, "Authorization: canary two");

	/* For the relative address as well. */
	set(RELATIVE, "/a");
	expect(CREDENTIALS_FOUND, RELATIVE);
	assert_string_equal(play.authorization, "Authorization: canary two");
}

static void
test_bad_token(void **state)
{
	static const char *const rows[] = { "canary\r\nX: y", "canary\ny",
		"canary\r", "\x01",
		"can\x7f"
		"ary",
		"can\tary" };
	char *longest = mem_alloc(2 * WATCH_TOKEN_MAX);

	(void)state;
	set(FULL, "http://localhost/");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		set(TOKEN_FILE, NULL);
		set(TOKEN, rows[i]);
		expect(CREDENTIALS_WRONG, TOKEN ": a token is one line");
		set(TOKEN_FILE, "/run/token");
		play.file = rows[i];
		expect(CREDENTIALS_WRONG, TOKEN_FILE ": /run/token: ");
	}
	memset(longest, 'x', 2 * WATCH_TOKEN_MAX - 1);
	longest[2 * WATCH_TOKEN_MAX - 1] = '\0';
	set(TOKEN_FILE, NULL);
	set(TOKEN, longest);
	expect(CREDENTIALS_WRONG, TOKEN ": a token is one line");
	free(longest);

	set(TOKEN, "the variable does not stand in for it");
	set(TOKEN_FILE, "/run/token");
	play.file = NULL;
	play.file_error = ENOENT;
	expect(CREDENTIALS_FAILED, TOKEN_FILE ": /run/token: No such file");
	play.file_error = EINVAL;
	expect(CREDENTIALS_FAILED, "/run/token: it is empty, too long");
	assert_int_equal(play.asked, 0);
}

static void
test_refusals(void **state)
{
	static const struct {
		int status;
		struct span body;
		const char *part;
	} rows[] = {
		{ 0, SPAN(""), "did not answer: nobody home" },
		{ 204, SPAN(""), "status 204" },
		{ 201, SPAN(DOCUMENT), "status 201" },
		{ 301, SPAN(DOCUMENT), "status 301" },
		{ 302, SPAN(DOCUMENT), "status 302" },
		{ 400, SPAN(DOCUMENT), "status 400" },
		{ 401, SPAN("canary"), "want another token" },
		{ 403, SPAN("canary"), "want another token" },
		{ 404, SPAN("canary"), "under that path" },
		{ 500, SPAN(DOCUMENT), "status 500" },
		{ 503, SPAN("canary"), "status 503" },
		{ 200, SPAN(""), "of no use: it is empty" },
		{ 200, SPAN("<html>canary</html>"), "of no use: it is not" },
		{ 200, SPAN("{\"Code\":\"NotYet\"}"), "refusal: Code NotYet" },
		{ 200, SPAN("{\"AccessKeyId\":\"canary\"}"),
		    "it has no SecretAccessKey" },
	};

	(void)state;
	set(FULL, "http://localhost/");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		play.status = rows[i].status;
		play.body = rows[i].body;
		expect(CREDENTIALS_FAILED, rows[i].part);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_not_set, set_up),
		cmocka_unit_test_setup(test_found, set_up),
		cmocka_unit_test_setup(test_uri, set_up),
		cmocka_unit_test_setup(test_token, set_up),
		cmocka_unit_test_setup(test_bad_token, set_up),
		cmocka_unit_test_setup(test_refusals, set_up),
	};

	return (cmocka_run_group_tests_name("container", tests, NULL, NULL));
}

/*
 * STS (src/credentials/sts.c, sts_answer.c): what is asked and how it is
 * signed, what is read, and what of it is shown.  The exchange and the clock
 * are played.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "credentials/ask.h"
#include "credentials/sts.h"
#include "credentials/sts_answer.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* 2026-11-24T12:00:00Z */
enum { NOW = 1795521600, ASKED_MAX = 3 };

#define ARN "arn:aws:iam::123456789012:role/Reader"

/* No secret lacks this word, and no message may hold it. */
#define CANARY "CANARY"

#define FIELD(name, value) "<" name ">" value "</" name ">"
#define ID_FIELD           FIELD("AccessKeyId", "ASIAEXAMPLE")
#define SECRET_FIELD       FIELD("SecretAccessKey", CANARY "+/=")
#define TOKEN_FIELD        FIELD("SessionToken", CANARY "&amp;==")
#define END_FIELD          FIELD("Expiration", "2026-11-24T13:00:00Z")
#define FIELDS             ID_FIELD SECRET_FIELD TOKEN_FIELD END_FIELD

#define ANSWER_OF(action, fields)                                \
	"<" action "Response xmlns=\"https://sts.amazonaws.com/" \
	"doc/2011-06-15/\"><" action "Result><AssumedRoleUser>"  \
	"<Arn>arn:x</Arn></AssumedRoleUser><Credentials>" fields \
	"</Credentials></" action "Result><ResponseMetadata>"    \
	"<RequestId>r</RequestId></ResponseMetadata></" action "Response>"
#define ANSWER(fields) ANSWER_OF("AssumeRole", fields)

#define ERROR(code, message)                                                  \
	"<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/"    \
	"\"><Error><Type>Sender</Type><Code>" code "</Code><Message>" message \
	"</Message></Error><RequestId>r</RequestId></ErrorResponse>"

/* ------------------------------------------------------- the played exchange */

struct answer {
	int status; /* 0: none comes */
	const char *body;
	int64_t date_s; /* 0: none */
};

static struct {
	struct answer answers[ASKED_MAX];
	unsigned asked;
	char url[256];
	char headers[8][512]; /* of the last question */
	size_t n_headers;
	char body[1024];
} wire;

static int64_t now_s;

bool __wrap_ask(const struct credentials_search *search,
    const struct ask_question *question, struct ask_answer *answer);
int64_t __wrap_clock_wall_s(void);

bool
__wrap_ask(const struct credentials_search *search,
    const struct ask_question *question, struct ask_answer *answer)
{
	const struct answer *played = &wire.answers[wire.asked];

	assert_non_null(search->site);
	assert_int_equal(question->method, HTTP_POST);
	assert_false(question->no_proxy);
	assert_true(wire.asked < ASKED_MAX);
	wire.asked++;
	snprintf(wire.url, sizeof(wire.url), "%s", question->url);
	wire.n_headers = question->n_headers;
	assert_true(wire.n_headers <= COUNT(wire.headers));
	for (size_t i = 0; i < wire.n_headers; i++)
		snprintf(wire.headers[i], sizeof(wire.headers[i]), "%s",
		    question->headers[i]);
	snprintf(
	    wire.body, sizeof(wire.body), "%.*s", SPAN_ARG(question->body));
	ask_answer_fini(answer);
	ask_answer_init(answer);
	answer->status = played->status;
	if (played->status == 0) {
		snprintf(answer->reason, sizeof(answer->reason), "too slow");
		return (false);
	}
	if (played->date_s != 0)
		answer->date_s = played->date_s;
	return (buf_add_string(&answer->body, played->body));
}

int64_t
__wrap_clock_wall_s(void)
{
	return (now_s);
}

/* -------------------------------------------------------------- surroundings */

static struct site site;
static struct credentials source;
static struct credentials_found found;
static struct buf where;

static const struct credentials_search search = { .site = &site };

static int
setup(void **state)
{
	(void)state;
	memset(&wire, 0, sizeof(wire));
	wire.answers[0] = (struct answer){ 200, ANSWER(FIELDS), 0 };
	now_s = NOW;
	site = (struct site){ .region = (char *)"eu-west-1" };
	source = (struct credentials){
		.access_key_id = (char *)"AKIDEXAMPLE",
		.secret_access_key =
		    (char *)"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
	};
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
	return (0);
}

static void
begin(void)
{
	credentials_found_fini(&found);
	buf_clear(&where);
	wire.asked = 0;
}

static enum credentials_result
judge(enum credentials_result result)
{
	assert_null(strstr(buf_string(&where), CANARY));
	assert_null(strstr(buf_string(&where), "wJalr"));
	if (result != CREDENTIALS_FOUND)
		assert_null(found.credentials.access_key_id);
	return (result);
}

static enum credentials_result
assume(void)
{
	const struct sts_role role = { .arn = ARN };

	begin();
	return (
	    judge(sts_assume_role(&search, &role, &source, &found, &where)));
}

static enum credentials_result
show(const char *token)
{
	const struct sts_role role = { .arn = ARN, .session_name = "pod" };

	begin();
	return (judge(sts_assume_role_with_web_identity(
	    &search, &role, token, &found, &where)));
}

/* The header of NAME in the last question, or NULL. */
static const char *
header(const char *name)
{
	for (size_t i = 0; i < wire.n_headers; i++)
		if (strncmp(wire.headers[i], name, strlen(name)) == 0 &&
		    strncmp(wire.headers[i] + strlen(name), ": ", 2) == 0)
			return (wire.headers[i] + strlen(name) + 2);
	return (NULL);
}

/* ------------------------------------------------------------------ questions */

/* Body and signature as botocore 1.43 makes them for the same question at the
 * same time. */
static void
questions_are_as_botocore_asks_them(void **state)
{
	static const struct {
		const char *endpoint;
		const char *region;
		const char *token;
		struct sts_role role;
		const char *url;
		const char *host;
		const char *body;
		const char *authorization;
	} rows[] = {
		{ NULL, "eu-west-1", NULL, { .arn = ARN },
		    "https://sts.eu-west-1.amazonaws.com/",
		    "sts.eu-west-1.amazonaws.com",
		    "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3A"
		    "iam%3A%3A123456789012%3Arole%2FReader&RoleSessionName="
		    "trys3d",
		    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261124/"
		    "eu-west-1/sts/aws4_request, SignedHeaders=content-type;"
		    "host;x-amz-date, Signature=ba49f0b841c542962a0640a19eb7729"
		    "cdc974765bd8afa8f5f58dc3e39b53964" },
		{ "http://127.0.0.1:7480", "us-east-1", "TOKEN/with+signs==",
		    { .arn = ARN,
			.session_name = "gyazo@web",
			.external_id = "a b&c=+/",
			.duration_s = 900 },
		    "http://127.0.0.1:7480/", "127.0.0.1:7480",
		    "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3A"
		    "iam%3A%3A123456789012%3Arole%2FReader&RoleSessionName="
		    "gyazo%40web&DurationSeconds=900&ExternalId=a%20b%26c%3D"
		    "%2B%2F",
		    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261124/"
		    "us-east-1/sts/aws4_request, SignedHeaders=content-type;"
		    "host;x-amz-date;x-amz-security-token, Signature=f4c9c205c"
		    "78dd12126abbc591307d0bcadad3582d92cd69bdb8cb2811a0179d1" },
		{ "http://gate.example/sts/", "us-east-1", NULL, { .arn = ARN },
		    "http://gate.example/sts", "gate.example",
		    "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3A"
		    "iam%3A%3A123456789012%3Arole%2FReader&RoleSessionName="
		    "trys3d",
		    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261124/"
		    "us-east-1/sts/aws4_request, SignedHeaders=content-type;"
		    "host;x-amz-date, Signature=c6cc9e40b5df60375d26bc3f6031766"
		    "1d59647a8ded5ff18d7aa892557977781" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *token;

		site.sts_endpoint = (char *)(uintptr_t)rows[i].endpoint;
		site.region = (char *)(uintptr_t)rows[i].region;
		source.session_token = (char *)(uintptr_t)rows[i].token;
		begin();
		assert_int_equal(judge(sts_assume_role(&search, &rows[i].role,
				     &source, &found, &where)),
		    CREDENTIALS_FOUND);
		assert_int_equal(wire.asked, 1);
		assert_string_equal(wire.url, rows[i].url);
		assert_string_equal(header("Host"), rows[i].host);
		assert_string_equal(wire.body, rows[i].body);
		assert_string_equal(header("Content-Type"),
		    "application/x-www-form-urlencoded; charset=utf-8");
		assert_string_equal(header("x-amz-date"), "20261124T120000Z");
		token = header("x-amz-security-token");
		assert_string_equal(token != NULL ? token : "-",
		    rows[i].token != NULL ? rows[i].token : "-");
		assert_string_equal(
		    header("Authorization"), rows[i].authorization);
		assert_int_equal(wire.n_headers, rows[i].token != NULL ? 5 : 4);
	}
}

static void
web_identity_is_not_signed(void **state)
{
	(void)state;
	wire.answers[0].body = ANSWER_OF("AssumeRoleWithWebIdentity", FIELDS);
	assert_int_equal(show("eyJ.a+b/c=.sig"), CREDENTIALS_FOUND);
	assert_string_equal(wire.body,
	    "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn"
	    "%3Aaws%3Aiam%3A%3A123456789012%3Arole%2FReader&RoleSessionName="
	    "pod&WebIdentityToken=eyJ.a%2Bb%2Fc%3D.sig");
	assert_int_equal(wire.n_headers, 2);
	assert_string_equal(header("Host"), "sts.eu-west-1.amazonaws.com");
	assert_string_equal(buf_string(&where),
	    "role " ARN " as session pod by STS at "
	    "https://sts.eu-west-1.amazonaws.com");
}

static void
the_endpoint_follows_from_the_region(void **state)
{
	static const struct {
		const char *setting;
		const char *region;
		const char *endpoint;
	} rows[] = {
		{ NULL, "us-east-1", "https://sts.us-east-1.amazonaws.com" },
		{ NULL, "cn-north-1",
		    "https://sts.cn-north-1.amazonaws.com.cn" },
		{ NULL, "us-gov-west-1",
		    "https://sts.us-gov-west-1.amazonaws.com" },
		{ "http://h:1", "us-east-1", "http://h:1" },
		{ "http://h:1/", "cn-north-1", "http://h:1" },
		{ "http://h:1/p/", "us-east-1", "http://h:1/p" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char *endpoint;

		site.sts_endpoint = (char *)(uintptr_t)rows[i].setting;
		site.region = (char *)(uintptr_t)rows[i].region;
		endpoint = sts_endpoint(&search);
		assert_string_equal(endpoint, rows[i].endpoint);
		free(endpoint);
	}
}

static void
hosts_are_signed_as_they_are_sent(void **state)
{
	static const struct {
		const char *endpoint;
		const char *host;
	} rows[] = {
		{ "https://h:443", "h" },
		{ "http://h:80", "h" },
		{ "https://h:80", "h:80" },
		{ "http://h:443", "h:443" },
		{ "http://h:8080", "h:8080" },
		{ "https://[::1]", "[::1]" },
		{ "https://[::1]:8443", "[::1]:8443" },
		{ "https://[::1]:443", "[::1]" },
		{ "http://[::80]", "[::80]" },
		{ "HTTP://h:80/p", "h" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		site.sts_endpoint = (char *)(uintptr_t)rows[i].endpoint;
		assert_int_equal(assume(), CREDENTIALS_FOUND);
		assert_string_equal(header("Host"), rows[i].host);
	}
}

static void
what_cannot_be_asked_is_wrong(void **state)
{
	static const char *const endpoints[] = { "sts.example", "ftp://h",
		"http://user:" CANARY "@h", "http://h?" CANARY,
		"http://h/?" CANARY, "http://h /", "" };

	(void)state;
	for (size_t i = 0; i < COUNT(endpoints); i++) {
		site.sts_endpoint = (char *)(uintptr_t)endpoints[i];
		assert_int_equal(assume(), CREDENTIALS_WRONG);
		assert_string_equal(buf_string(&where),
		    "sts_endpoint is no address; right would be: "
		    "https://sts.us-east-1.amazonaws.com");
	}
	site.sts_endpoint = NULL;
	source.session_token = (char *)(uintptr_t)CANARY "\r\nX: y";
	assert_int_equal(assume(), CREDENTIALS_WRONG);
	assert_string_equal(buf_string(&where),
	    "role " ARN ": the session token to assume it with holds a blank, "
	    "a control character or a byte that is not ASCII");
	source.session_token = mem_alloc(70000);
	memset(source.session_token, 'x', 69999);
	source.session_token[69999] = '\0';
	assert_int_equal(assume(), CREDENTIALS_WRONG);
	assert_non_null(strstr(buf_string(&where),
	    ": the session token or the region is too long"));
	free(source.session_token);
	source.session_token = NULL;
	assert_int_equal(wire.asked, 0);
}

/* All of a token that the watch lets through, and each byte escaped. */
static void
a_long_token_fits(void **state)
{
	char *token = mem_alloc(WATCH_TOKEN_MAX + 1);

	(void)state;
	memset(token, '+', WATCH_TOKEN_MAX);
	token[WATCH_TOKEN_MAX] = '\0';
	assert_int_equal(show(token), CREDENTIALS_FOUND);
	free(token);
}

/* -------------------------------------------------------------------- answers */

static void
what_is_found_is_told(void **state)
{
	(void)state;
	assert_int_equal(assume(), CREDENTIALS_FOUND);
	assert_string_equal(found.credentials.access_key_id, "ASIAEXAMPLE");
	assert_string_equal(found.credentials.secret_access_key, CANARY "+/=");
	assert_string_equal(found.credentials.session_token, CANARY "&==");
	assert_true(found.expires_s == NOW + 3600);
	assert_string_equal(buf_string(&where),
	    "role " ARN " as session trys3d by STS at "
	    "https://sts.eu-west-1.amazonaws.com");
}

static void
only_whole_answers_are_stored(void **state)
{
	static const struct {
		const char *body;
		const char *said;
	} rows[] = {
		{ ANSWER(SECRET_FIELD TOKEN_FIELD END_FIELD),
		    "its answer has no AccessKeyId" },
		{ ANSWER(ID_FIELD TOKEN_FIELD END_FIELD),
		    "its answer has no SecretAccessKey" },
		{ ANSWER(ID_FIELD SECRET_FIELD END_FIELD),
		    "its answer has no SessionToken" },
		{ ANSWER(ID_FIELD SECRET_FIELD TOKEN_FIELD),
		    "its answer has no Expiration" },
		{ ANSWER(FIELDS ID_FIELD), "its answer has a field twice" },
		{ ANSWER(ID_FIELD SECRET_FIELD TOKEN_FIELD FIELD(
		      "Expiration", "soon")),
		    "the Expiration in its answer is no date" },
		{ ANSWER(ID_FIELD SECRET_FIELD END_FIELD FIELD(
		      "SessionToken", "")),
		    "empty or not ASCII" },
		{ ANSWER(ID_FIELD SECRET_FIELD END_FIELD FIELD(
		      "SessionToken", CANARY "\n")),
		    "empty or not ASCII" },
		{ ANSWER(ID_FIELD SECRET_FIELD END_FIELD FIELD(
		      "SessionToken", CANARY " x")),
		    "the session token in its answer holds a blank" },
		{ ANSWER("<X>" FIELDS "</X>"),
		    "its answer has no AccessKeyId" },
		{ ANSWER_OF("GetSessionToken", FIELDS),
		    "its answer has no AccessKeyId" },
		{ "<AssumeRoleResponse>" FIELDS "</AssumeRoleResponse>",
		    "its answer has no AccessKeyId" },
		{ ERROR("AccessDenied", "No"),
		    "its answer has no AccessKeyId" },
		{ "", "its answer is not XML" },
		{ "{\"Credentials\":\"" CANARY "\"}", "its answer is not XML" },
		{ "<html>" CANARY, "its answer is not XML" },
		{ ANSWER(FIELDS) "<x>", "its answer is not XML" },
		{ "<!DOCTYPE a [<!ENTITY b \"c\">]>" ANSWER(FIELDS),
		    "its answer is not XML" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		wire.answers[0].body = rows[i].body;
		assert_int_equal(assume(), CREDENTIALS_FAILED);
		assert_non_null(strstr(buf_string(&where), rows[i].said));
		assert_non_null(strstr(buf_string(&where), ARN));
	}
}

/* A token as long as an element may be is cut: it is none. */
static void
a_field_that_is_cut_is_none(void **state)
{
	static const char front[] =
	    "<AssumeRoleResponse><AssumeRoleResult><Credentials>" ID_FIELD
		SECRET_FIELD END_FIELD "<SessionToken>";
	static const char back[] = "</SessionToken></Credentials>"
				   "</AssumeRoleResult></AssumeRoleResponse>";

	(void)state;
	for (int len = 19998; len <= 20002; len++) {
		char *token = mem_zero((size_t)len + 1, 1), *body;

		memset(token, 'x', (size_t)len);
		body = mem_printf("%s%s%s", front, token, back);
		wire.answers[0].body = body;
		assert_int_equal(assume(),
		    len < 20000 ? CREDENTIALS_FOUND : CREDENTIALS_FAILED);
		free(body);
		free(token);
	}
}

static void
another_status_never_is(void **state)
{
	static const int statuses[] = { 201, 204, 301, 302, 307, 400, 403, 500,
		503 };

	(void)state;
	for (size_t i = 0; i < COUNT(statuses); i++) {
		char *said = mem_printf(
		    "STS at https://sts.eu-west-1.amazonaws.com: HTTP %d, "
		    "without a code as STS has them",
		    statuses[i]);

		wire.answers[0].status = statuses[i];
		assert_int_equal(assume(), CREDENTIALS_FAILED);
		assert_non_null(strstr(buf_string(&where), said));
		free(said);
	}
}

static void
no_answer_is_told(void **state)
{
	(void)state;
	wire.answers[0].status = 0;
	assert_int_equal(assume(), CREDENTIALS_FAILED);
	assert_string_equal(buf_string(&where),
	    "role " ARN " as session trys3d by STS at "
	    "https://sts.eu-west-1.amazonaws.com: no answer: too slow");
	assert_int_equal(wire.asked, 1);
}

static void
refusals_are_told_with_what_to_look_at(void **state)
{
	static const struct {
		const char *body;
		const char *said;
	} rows[] = {
		{ ERROR("AccessDenied",
		      "User: u is not authorized to perform: sts:AssumeRole"),
		    ": HTTP 403, AccessDenied: User: u is not authorized to "
		    "perform: sts:AssumeRole (look at the role's trust "
		    "policy" },
		/* As Ceph's RGW has it. */
		{ "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>"
		  "AccessDenied</Code><Message></Message><RequestId>tx0"
		  "</RequestId><HostId>h</HostId></Error>",
		    ": HTTP 403, AccessDenied (look at the role's trust "
		    "policy" },
		{ ERROR("ExpiredTokenException", "Over."),
		    "ExpiredTokenException: Over. (the credentials that ask" },
		{ ERROR("InvalidIdentityToken", "x"),
		    "InvalidIdentityToken: x (look at the token's file" },
		{ ERROR("Throttling", "Rate exceeded"),
		    ": HTTP 403, Throttling: Rate exceeded" },
		{ "<ErrorResponse><Error><Message>m</Message></Error>"
		  "</ErrorResponse>",
		    "HTTP 403, without a code" },
		{ "<a><Error><Code>C</Code></Error></a>",
		    "HTTP 403, without a code" },
		{ ERROR("Two words", "m"), "HTTP 403, without a code" },
		{ ERROR("", "m"), "HTTP 403, without a code" },
	};

	(void)state;
	wire.answers[0].status = 403;
	for (size_t i = 0; i < COUNT(rows); i++) {
		wire.answers[0].body = rows[i].body;
		assert_int_equal(assume(), CREDENTIALS_FAILED);
		assert_non_null(strstr(buf_string(&where), rows[i].said));
	}
	/* One who shows a token looks elsewhere. */
	wire.answers[0].body = ERROR("ExpiredTokenException", "Over.");
	assert_int_equal(show("token"), CREDENTIALS_FAILED);
	assert_non_null(strstr(buf_string(&where),
	    "Over. (the token in the file has ended: look at who renews it)"));
	wire.answers[0].body = ERROR("NoSuchEntity", "No role.");
	assert_int_equal(show("token"), CREDENTIALS_FAILED);
	assert_non_null(
	    strstr(buf_string(&where), "No role. (look at the role's ARN)"));
}

#define LONG_MESSAGE                                                        \
	"12345678901234567890123456789012345678901234567890123456789012345" \
	"12345678901234567890123456789012345678901234567890123456789012345"
#define TOO_LONG LONG_MESSAGE LONG_MESSAGE LONG_MESSAGE LONG_MESSAGE

/* What is not fit to be shown is not. */
static void
messages_are_shown_with_care(void **state)
{
	static const struct {
		const char *token;
		const char *message;
		const char *shown; /* NULL: not */
	} rows[] = {
		{ "abcdef", "a plain line", "a plain line" },
		{ "abcdef", "one&#10;two", NULL },
		{ "abcdef", "one\ttwo", NULL },
		{ "abcdef", "caf\xc3\xa9", NULL },
		{ "abcdef", "bell&#127;", NULL },
		{ "abcdef", TOO_LONG, NULL },
		{ "abcdef", "it was abcdef", NULL },
		{ "xxxabcdefxxx", "it was 'abcdef'", NULL },
		{ "xxxabcdef", "abcdef it was", NULL },
		{ "abcdefxxx", "it was abcde f", "it was abcde f" },
		{ "abc", "it was abc", "it was abc" },
	};

	(void)state;
	wire.answers[0].status = 400;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char *body = mem_printf(ERROR("Code1", "%s"), rows[i].message);

		wire.answers[0].body = body;
		source.session_token = NULL;
		for (int signed_too = 0; signed_too < 2; signed_too++) {
			if (signed_too) {
				source.session_token =
				    (char *)(uintptr_t)rows[i].token;
				assert_int_equal(assume(), CREDENTIALS_FAILED);
			} else {
				assert_int_equal(
				    show(rows[i].token), CREDENTIALS_FAILED);
			}
			assert_non_null(
			    strstr(buf_string(&where), ": HTTP 400, Code1"));
			assert_int_equal(
			    strstr(buf_string(&where), "Code1: ") != NULL,
			    rows[i].shown != NULL);
			if (rows[i].shown != NULL)
				assert_non_null(
				    strstr(buf_string(&where), rows[i].shown));
		}
		free(body);
	}
	/* A code may be a piece as well. */
	wire.answers[0].body = ERROR("SECRETWORD", "m");
	assert_int_equal(show("xxSECRETWORDxx"), CREDENTIALS_FAILED);
	assert_null(strstr(buf_string(&where), "SECRETWORD"));
	/* Without a token there is nothing to hide. */
	source.session_token = NULL;
	assert_int_equal(assume(), CREDENTIALS_FAILED);
	assert_non_null(strstr(buf_string(&where), "SECRETWORD: m"));
}

/* --------------------------------------------------------------------- clocks */

static void
a_clock_that_is_off_is_corrected_once(void **state)
{
	static const struct {
		const char *code;
		const char *message;
		int64_t date_s;
		unsigned asked;
	} rows[] = {
		{ "RequestTimeTooSkewed", "", NOW + 20, 2 },
		{ "RequestExpired", "m", NOW + 20, 2 },
		{ "SignatureDoesNotMatch",
		    "Signature expired: 1 is now earlier than 2", NOW + 20, 2 },
		{ "SignatureDoesNotMatch",
		    "Signature not yet current: 1 is still later than 2",
		    NOW - 20, 2 },
		{ "SignatureDoesNotMatch", "The request signature", NOW + 20,
		    1 },
		{ "AccessDenied", "", NOW + 241, 2 },
		{ "AccessDenied", "", NOW - 241, 2 },
		{ "AccessDenied", "", NOW + 240, 1 },
		{ "AccessDenied", "", NOW - 240, 1 },
		/* Without a Date there is nothing to go by. */
		{ "RequestTimeTooSkewed", "", 0, 1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char *body = mem_printf(
		    ERROR("%s", "%s"), rows[i].code, rows[i].message);

		wire.answers[0] = (struct answer){ 403, body, rows[i].date_s };
		wire.answers[1] =
		    (struct answer){ 200, ANSWER(FIELDS), rows[i].date_s };
		assert_int_equal(assume(),
		    rows[i].asked == 2 ? CREDENTIALS_FOUND
				       : CREDENTIALS_FAILED);
		assert_int_equal(wire.asked, rows[i].asked);
		/* Web identity has no signature that could be too old. */
		assert_int_equal(show("token"), CREDENTIALS_FAILED);
		assert_int_equal(wire.asked, 1);
		free(body);
	}
	/* What is taken but of no use was not refused. */
	wire.answers[0] = (struct answer){ 200, "<a/>", NOW + 86400 };
	assert_int_equal(assume(), CREDENTIALS_FAILED);
	assert_int_equal(wire.asked, 1);
}

static void
the_second_question_is_of_the_right_time(void **state)
{
	(void)state;
	wire.answers[0] =
	    (struct answer){ 403, ERROR("RequestTimeTooSkewed", ""), NOW };
	wire.answers[1] = (struct answer){ 200, ANSWER(FIELDS), NOW };
	now_s = NOW - 86400;
	assert_int_equal(assume(), CREDENTIALS_FOUND);
	assert_string_equal(header("x-amz-date"), "20261124T120000Z");
	assert_non_null(strstr(header("Authorization"),
	    "Signature=ba49f0b841c542962a0640a19eb7729cdc974765bd8afa8f5f58dc3"
	    "e39b53964"));
	/* An hour from now by our own clock. */
	assert_true(found.expires_s == now_s + 3600);
	assert_null(strstr(buf_string(&where), "HTTP"));
}

static void
a_second_refusal_is_the_last(void **state)
{
	(void)state;
	wire.answers[0] =
	    (struct answer){ 403, ERROR("RequestTimeTooSkewed", ""), NOW };
	wire.answers[1] =
	    (struct answer){ 403, ERROR("RequestTimeTooSkewed", "m"), NOW };
	now_s = NOW + 86400;
	assert_int_equal(assume(), CREDENTIALS_FAILED);
	assert_int_equal(wire.asked, 2);
	assert_non_null(strstr(buf_string(&where),
	    "amazonaws.com: HTTP 403, RequestTimeTooSkewed: m"));
	wire.answers[1] = (struct answer){ 0, NULL, 0 };
	assert_int_equal(assume(), CREDENTIALS_FAILED);
	assert_non_null(
	    strstr(buf_string(&where), "amazonaws.com: no answer: too slow"));
}

static void
the_end_is_by_our_clock(void **state)
{
	static const struct {
		int64_t date_s;
		int64_t expires_s;
	} rows[] = {
		{ 0, NOW + 3600 },
		{ NOW, NOW + 3600 },
		{ NOW + 30, NOW + 3600 },
		{ NOW - 3600, NOW + 7200 },
		{ NOW + 1800, NOW + 1800 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		wire.answers[0] = (struct answer){ 200,
			ANSWER_OF("AssumeRoleWithWebIdentity", FIELDS),
			rows[i].date_s };
		assert_int_equal(show("token"), CREDENTIALS_FOUND);
		assert_true(found.expires_s == rows[i].expires_s);
	}
}

#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(questions_are_as_botocore_asks_them),
		TEST(web_identity_is_not_signed),
		TEST(the_endpoint_follows_from_the_region),
		TEST(hosts_are_signed_as_they_are_sent),
		TEST(what_cannot_be_asked_is_wrong),
		TEST(a_long_token_fits),
		TEST(what_is_found_is_told),
		TEST(only_whole_answers_are_stored),
		TEST(a_field_that_is_cut_is_none),
		TEST(another_status_never_is),
		TEST(no_answer_is_told),
		TEST(refusals_are_told_with_what_to_look_at),
		TEST(messages_are_shown_with_care),
		TEST(a_clock_that_is_off_is_corrected_once),
		TEST(the_second_question_is_of_the_right_time),
		TEST(a_second_refusal_is_the_last),
		TEST(the_end_is_by_our_clock),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

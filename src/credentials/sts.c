/*
 * AWS's Security Token Service: see sts.h.
 */
#include "credentials/sts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/parse.h"
#include "credentials/address.h"
#include "credentials/ask.h"
#include "credentials/sts_answer.h"
#include "s3/lines.h"
#include "s3/sigv4.h"
#include "s3/site.h"
#include "s3/uri.h"

#define CONTENT_TYPE "application/x-www-form-urlencoded; charset=utf-8"

enum {
	/* A token of WATCH_TOKEN_MAX, each byte escaped, and the rest. */
	BODY_MAX = 4 * WATCH_TOKEN_MAX,
	HEADER_TEXT_MAX = 2 * WATCH_TOKEN_MAX,
	WHY_MAX = 1024,
	/* STS takes signatures that are five minutes old. */
	CLOCK_SLACK_S = 240,
};

char *
sts_endpoint(const struct credentials_search *search)
{
	const struct site *site = search->site;
	struct span region = span_of(site->region);
	char *endpoint;
	size_t len;

	if (site->sts_endpoint != NULL)
		endpoint = mem_string(site->sts_endpoint);
	else
		endpoint = mem_printf("https://sts.%.*s.%s", SPAN_ARG(region),
		    site_aws_domain(region));
	for (len = strlen(endpoint); len > 0 && endpoint[len - 1] == '/'; len--)
		endpoint[len - 1] = '\0';
	return (endpoint);
}

/* One question, and what it is asked with. */
struct question {
	const struct credentials_search *search;
	const char *action;
	const struct sts_role *role;
	const struct credentials *source; /* NULL: it is not signed */
	const char *token;                /* NULL: none is shown */
	char *endpoint;
	char *url;
	struct span path;
	struct span host;
	struct buf body; /* a secret where there is a token */
};

static const char *
session_name(const struct sts_role *role)
{
	return (
	    role->session_name != NULL ? role->session_name : STS_SESSION_NAME);
}

/* Find out where to ask.  False where the endpoint is no address. */
static bool
resolve(struct question *question)
{
	struct address address;
	struct span host, port;

	if (!address_read(span_of(question->endpoint), &address) ||
	    strchr(question->endpoint, '?') != NULL)
		return (false);
	question->path = address.path.len > 0 ? address.path : SPAN("/");
	question->url = mem_printf(
	    "%s%s", question->endpoint, address.path.len > 0 ? "" : "/");
	host.data = address.host.data - (address.is_bracketed ? 1 : 0);
	host.len = (size_t)(address.path.data - host.data);
	/* A port that is the scheme's own stands in no Host header. */
	port = address.is_https ? SPAN(":443") : SPAN(":80");
	if (host.len > port.len &&
	    span_equal(span_skip(host, host.len - port.len), port))
		host.len -= port.len;
	question->host = host;
	return (true);
}

static bool
add_field(struct buf *body, const char *name, const char *value)
{
	return (value == NULL ||
	    ((body->len == 0 || buf_add_char(body, '&')) &&
		buf_printf(body, "%s=", name) &&
		uri_encode_query(body, span_of(value))));
}

/* The form.  False where it is too long. */
static bool
write_body(struct question *question)
{
	const struct sts_role *role = question->role;
	struct buf *body = &question->body;
	char seconds[FORMAT_MAX];

	snprintf(seconds, sizeof(seconds), "%lld", (long long)role->duration_s);
	return (add_field(body, "Action", question->action) &&
	    add_field(body, "Version", "2011-06-15") &&
	    add_field(body, "RoleArn", role->arn) &&
	    add_field(body, "RoleSessionName", session_name(role)) &&
	    add_field(body, "DurationSeconds",
		role->duration_s > 0 ? seconds : NULL) &&
	    add_field(body, "ExternalId", role->external_id) &&
	    add_field(body, "WebIdentityToken", question->token));
}

static bool
sign(const struct question *question, int64_t now_s, struct lines *headers)
{
	struct sigv4_signer signer = { .has_key = false };
	char payload[SIGV4_PAYLOAD_LEN + 1];
	bool is_signed;

	sigv4_payload(buf_span(&question->body), payload);
	is_signed = lines_sign(headers, &signer,
	    (struct sigv4_request){
		.method = SPAN("POST"),
		.path = question->path,
		.query = SPAN(""),
		.payload_sha256 = { payload, SIGV4_PAYLOAD_LEN },
	    },
	    question->source, span_of(question->search->site->region),
	    SPAN("sts"), now_s);
	sigv4_signer_fini(&signer);
	return (is_signed);
}

/* Write the headers, signed by the time NOW_S where QUESTION is to be.  False
 * where they are too long. */
static bool
write_headers(
    const struct question *question, int64_t now_s, struct lines *headers)
{
	const struct credentials *source = question->source;

	if (!lines_add(headers, SPAN("Host"), question->host) ||
	    !lines_add(headers, SPAN("Content-Type"), SPAN(CONTENT_TYPE)))
		return (false);
	if (source == NULL)
		return (true);
	return (lines_add_date_and_token(headers, source, now_s) &&
	    sign(question, now_s, headers));
}

/* What came of a question. */
struct outcome {
	struct ask_answer answer;
	struct sts_refusal refusal;
	struct buf why; /* it did not come out well */
};

/* Ask and read the answer; signed by the time NOW_S. */
static enum credentials_result
ask_at(const struct question *question, int64_t now_s, struct outcome *outcome,
    struct credentials_found *found)
{
	const struct credentials *source = question->source;
	const char *sent =
	    source != NULL ? source->session_token : question->token;
	struct ask_answer *answer = &outcome->answer;
	struct lines headers;
	struct ask_question asked = {
		.url = question->url,
		.method = HTTP_POST,
		.headers = headers.list,
		.body = buf_span(&question->body),
	};
	enum credentials_result result;

	outcome->refusal = (struct sts_refusal){ .code = "" };
	buf_clear(&outcome->why);
	lines_init(&headers, HEADER_TEXT_MAX);
	if (!write_headers(question, now_s, &headers)) {
		lines_fini(&headers);
		return (credentials_say(CREDENTIALS_WRONG, &outcome->why,
		    "the session token or the region is too long"));
	}
	lines_end(&headers);
	asked.n_headers = headers.n;
	if (ask(question->search, &asked, answer))
		result =
		    sts_read_answer(answer->status, buf_span(&answer->body),
			sent, found, &outcome->refusal, &outcome->why);
	else
		result = credentials_say(CREDENTIALS_FAILED, &outcome->why,
		    "no answer: %s", answer->reason);
	lines_fini(&headers);
	return (result);
}

/* Was the question, signed at NOW_S, refused since our clock is off? */
static bool
is_clock_off(const struct outcome *outcome, int64_t now_s)
{
	const char *code = outcome->refusal.code;
	struct span message = span_of(outcome->refusal.message);
	int64_t ahead_s = outcome->answer.date_s - now_s;

	if (outcome->answer.date_s < 0 || outcome->answer.status == 200)
		return (false);
	return (ahead_s > CLOCK_SLACK_S || ahead_s < -CLOCK_SLACK_S ||
	    strcmp(code, "RequestTimeTooSkewed") == 0 ||
	    strcmp(code, "RequestExpired") == 0 ||
	    span_starts(message, SPAN("Signature expired")) ||
	    span_starts(message, SPAN("Signature not yet current")));
}

/* Say of QUESTION what has come of it. */
static enum credentials_result
say(const struct question *question, enum credentials_result result,
    const struct outcome *outcome, struct buf *where)
{
	const char *advice =
	    sts_advice(outcome->refusal.code, question->token != NULL);

	credentials_say(result, where, "role %s as session %s by STS at %s",
	    question->role->arn, session_name(question->role),
	    question->endpoint);
	if (result != CREDENTIALS_FOUND)
		credentials_say(
		    result, where, ": %s", buf_string(&outcome->why));
	if (result != CREDENTIALS_FOUND && advice[0] != '\0')
		credentials_say(result, where, " (%s)", advice);
	return (result);
}

/* Ask, and once more by STS's clock where ours is off. */
static enum credentials_result
ask_sts(const struct question *question, struct credentials_found *found,
    struct buf *where)
{
	int64_t now_s = clock_wall_s();
	struct outcome outcome;
	enum credentials_result result;

	ask_answer_init(&outcome.answer);
	buf_init(&outcome.why, WHY_MAX);
	result = ask_at(question, now_s, &outcome, found);
	if (question->source != NULL && is_clock_off(&outcome, now_s))
		result =
		    ask_at(question, outcome.answer.date_s, &outcome, found);
	if (result == CREDENTIALS_FOUND)
		found->expires_s =
		    ask_local_time(&outcome.answer, found->expires_s);
	say(question, result, &outcome, where);
	buf_fini(&outcome.why);
	ask_answer_fini(&outcome.answer);
	return (result);
}

static enum credentials_result
assume(struct question *question, struct credentials_found *found,
    struct buf *where)
{
	enum credentials_result result;

	buf_init_secret(&question->body, BODY_MAX);
	question->endpoint = sts_endpoint(question->search);
	if (!resolve(question))
		/* Not shown: it may hold a password. */
		result = credentials_say(CREDENTIALS_WRONG, where,
		    "sts_endpoint is no address; right would be: "
		    "https://sts.us-east-1.amazonaws.com");
	else if (!write_body(question))
		result = credentials_say(CREDENTIALS_WRONG, where,
		    "role %s: what is to be said of it is too long",
		    question->role->arn);
	else
		result = ask_sts(question, found, where);
	buf_fini(&question->body);
	free(question->endpoint);
	free(question->url);
	return (result);
}

enum credentials_result
sts_assume_role(const struct credentials_search *search,
    const struct sts_role *role, const struct credentials *source,
    struct credentials_found *found, struct buf *where)
{
	struct question question = {
		.search = search,
		.action = "AssumeRole",
		.role = role,
		.source = source,
	};
	const char *unfit = credentials_unfit(source);

	/* In a header, a line's end would begin another. */
	if (unfit != NULL)
		return (credentials_say(CREDENTIALS_WRONG, where,
		    "role %s: %s to assume it with holds a blank, a control "
		    "character or a byte that is not ASCII",
		    role->arn, unfit));
	return (assume(&question, found, where));
}

enum credentials_result
sts_assume_role_with_web_identity(const struct credentials_search *search,
    const struct sts_role *role, const char *token,
    struct credentials_found *found, struct buf *where)
{
	struct question question = {
		.search = search,
		.action = "AssumeRoleWithWebIdentity",
		.role = role,
		.token = token,
	};

	return (assume(&question, found, where));
}

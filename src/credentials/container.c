/*
 * The endpoint of a container's surroundings (ECS, EKS pod identity, and those
 * that copy them): see chain.h.
 *
 * Neither the path, in which ECS has what tells one task from another, nor the
 * query is ever shown.  No proxy is asked, as by botocore.
 */
#include "credentials/chain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/env.h"
#include "base/mem.h"
#include "credentials/address.h"
#include "credentials/ask.h"
#include "credentials/document.h"

#define RELATIVE   "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
#define FULL       "AWS_CONTAINER_CREDENTIALS_FULL_URI"
#define TOKEN      "AWS_CONTAINER_AUTHORIZATION_TOKEN"
#define TOKEN_FILE "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"

/* A variable can hold more than a file's token. */
enum { HEADER_MAX = WATCH_TOKEN_MAX + 64 };

/* Where a relative address begins. */
#define ECS "http://169.254.170.2"

static enum credentials_result
find_relative(const char *uri, char **url, struct buf *where)
{
	struct address address;

	*url = mem_printf("%s%s", ECS, uri);
	if (uri[0] == '/' && address_read(span_of(*url), &address))
		return (CREDENTIALS_FOUND);
	return (credentials_say(CREDENTIALS_WRONG, where,
	    RELATIVE " is no path; right would be: /v2/credentials/ID"));
}

static enum credentials_result
find_full(const char *uri, char **url, struct buf *where)
{
	struct address address;

	*url = mem_string(uri);
	if (!address_read(span_of(*url), &address))
		return (credentials_say(CREDENTIALS_WRONG, where,
		    FULL " is no address that can be asked; right would be: "
			 "http://169.254.170.23/v1/credentials"));
	if (!address_is_for_container(&address))
		return (credentials_say(CREDENTIALS_WRONG, where,
		    FULL " names a host that may be asked over https only: "
			 "http is for loopback addresses, localhost, "
			 "169.254.170.2, 169.254.170.23 and [fd00:ec2::23]"));
	return (CREDENTIALS_FOUND);
}

/* The variable that says where to ask, or NULL, and its value. */
static const char *
find_variable(const char **uri)
{
	*uri = env_get(RELATIVE);
	if (*uri != NULL)
		return (RELATIVE);
	*uri = env_get(FULL);
	return (*uri != NULL ? FULL : NULL);
}

static enum credentials_result
say_unreadable(const char *path, int error, struct buf *where)
{
	return (credentials_say(CREDENTIALS_FAILED, where,
	    TOKEN_FILE ": %s: %s", path,
	    error == EINVAL ? "it is empty, too long or holds a NUL"
			    : strerror(error)));
}

/* HEADER, empty before, becomes the one that shows the token, where one is
 * set. */
static enum credentials_result
make_header(struct watch *watch, struct buf *header, struct buf *where)
{
	const char *path = env_get(TOKEN_FILE);
	char *token;
	bool fits;

	token = path != NULL ? watch_read_token(watch, path)
			     : mem_string(env_get(TOKEN));
	if (token == NULL && path != NULL)
		return (say_unreadable(path, errno, where));
	if (token == NULL)
		return (CREDENTIALS_FOUND);
	fits = !span_has_control(span_of(token)) &&
	    buf_printf(header, "Authorization: %s", token);
	mem_wipe_string(&token);
	if (fits)
		return (CREDENTIALS_FOUND);
	return (credentials_say(CREDENTIALS_WRONG, where,
	    "%s%s%s: a token is one line of under 64 KB, without control "
	    "characters",
	    path != NULL ? TOKEN_FILE : TOKEN, path != NULL ? ": " : "",
	    path != NULL ? path : ""));
}

/* What a refusal with STATUS is likely to mean. */
static const char *
explain(int status)
{
	if (status == 401 || status == 403)
		return (": it may want another token: see " TOKEN_FILE
			" and " TOKEN);
	if (status == 404)
		return (": it has no credentials under that path");
	return ("");
}

static enum credentials_result
take_answer(const char *variable, const struct ask_answer *answer,
    struct credentials_found *found, struct buf *where)
{
	enum credentials_result result = CREDENTIALS_FAILED;
	struct buf why;

	if (answer->status != 200)
		return (credentials_say(CREDENTIALS_FAILED, where,
		    "the endpoint of %s answered with status %d%s", variable,
		    answer->status, explain(answer->status)));
	buf_init(&why, CREDENTIALS_WHERE_MAX);
	if (document_read(
		buf_span(&answer->body), DOCUMENT_ENDPOINT, found, &why)) {
		found->expires_s = ask_local_time(answer, found->expires_s);
		result = credentials_say(
		    CREDENTIALS_FOUND, where, "the endpoint of %s", variable);
	} else
		credentials_say(CREDENTIALS_FAILED, where,
		    "the answer of the endpoint of %s is of no use: %s",
		    variable, buf_string(&why));
	buf_fini(&why);
	return (result);
}

static enum credentials_result
ask_url(const struct credentials_search *search, const char *variable,
    const char *url, struct credentials_found *found, struct buf *where)
{
	const char *headers[2] = { "Accept: application/json" };
	struct ask_question question = {
		.url = url,
		.method = HTTP_GET,
		.headers = headers,
		.n_headers = 1,
		.no_proxy = true,
	};
	struct ask_answer answer;
	enum credentials_result result;
	struct buf header;

	buf_init_secret(&header, HEADER_MAX);
	ask_answer_init(&answer);
	result = make_header(search->watch, &header, where);
	if (header.len > 0)
		headers[question.n_headers++] = buf_string(&header);
	if (result == CREDENTIALS_FOUND) {
		if (ask(search, &question, &answer))
			result = take_answer(variable, &answer, found, where);
		else
			result = credentials_say(CREDENTIALS_FAILED, where,
			    "the endpoint of %s did not answer: %s", variable,
			    answer.reason);
	}
	ask_answer_fini(&answer);
	buf_fini(&header);
	return (result);
}

enum credentials_result
credentials_from_container(const struct credentials_search *search,
    struct credentials_found *found, struct buf *where)
{
	const char *uri;
	const char *variable = find_variable(&uri);
	enum credentials_result result;
	char *url;

	if (variable == NULL)
		return (credentials_say(CREDENTIALS_NONE, where,
		    "neither " RELATIVE " nor " FULL " is set"));
	if (strcmp(variable, RELATIVE) == 0)
		result = find_relative(uri, &url, where);
	else
		result = find_full(uri, &url, where);
	if (result == CREDENTIALS_FOUND)
		result = ask_url(search, variable, url, found, where);
	free(url);
	return (result);
}

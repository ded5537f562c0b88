/*
 * The metadata of an EC2 instance, and of those who copy it: see chain.h.
 *
 * Version 2 only: a token first, by PUT, which a proxy or a server that can be
 * made to send a GET does not come by.  Version 1 is never asked, since whoever
 * can make us believe that there is no version 2 would be asked without.
 *
 * Off EC2 nobody is at that address.  That is no failure, unless somebody named
 * the endpoint.
 */
#include "credentials/chain.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/env.h"
#include "base/mem.h"
#include "base/parse.h"
#include "credentials/address.h"
#include "credentials/ask.h"
#include "credentials/document.h"
#include "credentials/machine.h"
#include "s3/site.h"

#define IPV4_ENDPOINT "http://169.254.169.254"
#define IPV6_ENDPOINT "http://[fd00:ec2::254]"

#define TOKEN_PATH  "/latest/api/token"
#define ROLES_PATH  "/latest/meta-data/iam/security-credentials/"
#define REGION_PATH "/latest/meta-data/placement/region"

/* Six hours, the most that there is; it is needed for a second. */
#define TOKEN_TTL "X-aws-ec2-metadata-token-ttl-seconds: 21600"

enum {
	/* IAM's limit is 64; those who copy the service have others. */
	INSTANCE_ROLE_MAX = 512,
	INSTANCE_TOKEN_MAX = 4096, /* seen: 56 */
	INSTANCE_TIMEOUT_MAX_S = 3600,
	INSTANCE_ATTEMPTS_MAX = 100,
	INSTANCE_STRETCH_S = 600,
};

/* Whom to ask, and how. */
struct service {
	const struct credentials_search *search;
	char *base;    /* the endpoint, without a slash at its end */
	bool is_named; /* by a variable or the profile */
	int64_t connect_ms;
	uint64_t attempts;
	struct buf token_header; /* a secret; empty: there is none yet */
};

/* These variables count whatever names the profile, as in botocore. */
static const char *
find_setting(const struct credentials_search *search, const char *variable,
    const char *name)
{
	const char *value = env_get(variable);

	return (
	    value != NULL ? value : credentials_setting(search, NULL, name));
}

static bool
is_word(const char *text, const char *word)
{
	return (
	    text != NULL && span_equal_nocase(span_of(text), span_of(word)));
}

/* A whole number from 1 to MAX. */
static enum credentials_result
find_number(const struct credentials_search *search, const char *variable,
    const char *name, uint64_t max, uint64_t *number, struct buf *where)
{
	const char *text = find_setting(search, variable, name);

	*number = 1;
	if (text == NULL || parse_number(span_of(text), 1, max, number))
		return (CREDENTIALS_FOUND);
	return (credentials_say(CREDENTIALS_WRONG, where,
	    "%s (or %s of profile %s) is no number from 1 to %llu", variable,
	    name, search->profile, (unsigned long long)max));
}

/* The endpoint where only the kind of address is chosen. */
static enum credentials_result
find_usual(const struct credentials_search *search, const char **endpoint,
    struct buf *where)
{
	const char *mode =
	    find_setting(search, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
		"ec2_metadata_service_endpoint_mode");
	bool is_ipv6 = is_word(mode, "ipv6") ||
	    (mode == NULL &&
		is_word(
		    find_setting(search, "AWS_IMDS_USE_IPV6", "imds_use_ipv6"),
		    "true"));

	*endpoint = is_ipv6 ? IPV6_ENDPOINT : IPV4_ENDPOINT;
	if (mode == NULL || is_ipv6 || is_word(mode, "ipv4"))
		return (CREDENTIALS_FOUND);
	return (credentials_say(CREDENTIALS_WRONG, where,
	    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE (or "
	    "ec2_metadata_service_endpoint_mode of profile %s) is neither IPv4 "
	    "nor IPv6",
	    search->profile));
}

static enum credentials_result
find_endpoint(struct service *service, struct buf *where)
{
	const struct credentials_search *search = service->search;
	const char *usual, *named;
	enum credentials_result result = find_usual(search, &usual, where);
	struct address address;
	size_t len;

	if (result != CREDENTIALS_FOUND)
		return (result);
	named = find_setting(search, "AWS_EC2_METADATA_SERVICE_ENDPOINT",
	    "ec2_metadata_service_endpoint");
	service->is_named = named != NULL;
	service->base = mem_string(named != NULL ? named : usual);
	if (!address_read(span_of(service->base), &address) ||
	    memchr(address.path.data, '?', address.path.len) != NULL)
		return (credentials_say(CREDENTIALS_WRONG, where,
		    "AWS_EC2_METADATA_SERVICE_ENDPOINT (or "
		    "ec2_metadata_service_endpoint of profile %s) is no "
		    "address that can be asked; right would be: " IPV4_ENDPOINT,
		    search->profile));
	len = strlen(service->base);
	if (service->base[len - 1] == '/')
		service->base[len - 1] = '\0';
	return (CREDENTIALS_FOUND);
}

static enum credentials_result
find_service(struct service *service, struct buf *where)
{
	const struct credentials_search *search = service->search;
	enum credentials_result result;
	uint64_t timeout_s;

	if (is_word(env_get("AWS_EC2_METADATA_DISABLED"), "true"))
		return (credentials_say(CREDENTIALS_NONE, where,
		    "not asked, since AWS_EC2_METADATA_DISABLED is true"));
	result = find_number(search, "AWS_METADATA_SERVICE_TIMEOUT",
	    "metadata_service_timeout", INSTANCE_TIMEOUT_MAX_S, &timeout_s,
	    where);
	if (result != CREDENTIALS_FOUND)
		return (result);
	service->connect_ms = (int64_t)timeout_s * 1000;
	result = find_number(search, "AWS_METADATA_SERVICE_NUM_ATTEMPTS",
	    "metadata_service_num_attempts", INSTANCE_ATTEMPTS_MAX,
	    &service->attempts, where);
	if (result != CREDENTIALS_FOUND)
		return (result);
	return (find_endpoint(service, where));
}

/* What it means that the service has nothing for us: on EC2, and where somebody
 * named it, that it has nothing yet. */
static enum credentials_result
nothing(const struct service *service)
{
	return (service->is_named || machine_is_ec2() ? CREDENTIALS_FAILED
						      : CREDENTIALS_NONE);
}

/* Ask for PATH and what stands BEHIND it, as often as is set; the token is
 * asked for where there is none yet.  False where no answer came. */
static bool
ask_service(const struct service *service, const char *path, const char *behind,
    struct ask_answer *answer)
{
	bool has_token = service->token_header.len > 0;
	const char *header =
	    has_token ? buf_string(&service->token_header) : TOKEN_TTL;
	char *url = mem_printf("%s%s%s", service->base, path, behind);
	const struct ask_question question = {
		.url = url,
		.method = has_token ? HTTP_GET : HTTP_PUT,
		.headers = &header,
		.n_headers = 1,
		.no_proxy = true,
		.connect_ms = service->connect_ms,
		.answer_ms = service->connect_ms + ASK_ANSWER_MS,
	};
	bool is_answered = false;

	for (uint64_t i = 0; i < service->attempts; i++) {
		is_answered = ask(service->search, &question, answer);
		if (is_answered && answer->status < 500)
			break;
	}
	free(url);
	return (is_answered);
}

/* The first line of ANSWER. */
static struct span
first_line(const struct ask_answer *answer)
{
	struct span rest = buf_span(&answer->body);
	struct span line = span_cut(&rest, '\n');

	if (line.len > 0 && line.data[line.len - 1] == '\r')
		line.len--;
	return (line);
}

/* Nobody came to the answer of the first question. */
static enum credentials_result
say_silent(const struct service *service, const struct ask_answer *answer,
    struct buf *where)
{
	if (answer->was_sent)
		return (credentials_say(CREDENTIALS_FAILED, where,
		    "%s gave no token: %s (in a container on EC2 the answer "
		    "gets lost where the instance's hop limit for metadata is "
		    "1: set HttpPutResponseHopLimit to 2)",
		    service->base, answer->reason));
	if (nothing(service) == CREDENTIALS_FAILED)
		return (credentials_say(CREDENTIALS_FAILED, where,
		    "%s cannot be reached: %s", service->base, answer->reason));
	return (credentials_say(CREDENTIALS_NONE, where,
	    "nobody at %s, so this is no EC2 instance: %s", service->base,
	    answer->reason));
}

static enum credentials_result
fetch_token(struct service *service, struct buf *where)
{
	struct ask_answer answer;
	enum credentials_result result = CREDENTIALS_FOUND;
	struct span token;

	ask_answer_init(&answer);
	if (!ask_service(service, TOKEN_PATH, "", &answer))
		result = say_silent(service, &answer, where);
	else if (answer.status == 403 || answer.status == 404 ||
	    answer.status == 405)
		result = credentials_say(CREDENTIALS_NONE, where,
		    "%s gave no token (status %d): the metadata are switched "
		    "off there, or there is only version 1 of them, which is "
		    "never used",
		    service->base, answer.status);
	else if (answer.status != 200)
		result = credentials_say(CREDENTIALS_FAILED, where,
		    "%s gave no token: status %d", service->base,
		    answer.status);
	else {
		token = first_line(&answer);
		if (!span_is_of(token, "+/=_-.~:", 1, INSTANCE_TOKEN_MAX) ||
		    !buf_printf(&service->token_header,
			"X-aws-ec2-metadata-token: %.*s", SPAN_ARG(token)))
			result = credentials_say(CREDENTIALS_FAILED, where,
			    "%s gave something that is no token",
			    service->base);
	}
	ask_answer_fini(&answer);
	return (result);
}

/* *ROLE, to be freed, becomes the name of the instance's role. */
static enum credentials_result
fetch_role(const struct service *service, char **role, struct buf *where)
{
	struct ask_answer answer;
	enum credentials_result result = CREDENTIALS_FOUND;
	struct span name;

	*role = NULL;
	ask_answer_init(&answer);
	if (!ask_service(service, ROLES_PATH, "", &answer))
		result = credentials_say(CREDENTIALS_FAILED, where,
		    "%s did not say which role the instance has: %s",
		    service->base, answer.reason);
	else if (answer.status == 404)
		result = credentials_say(
		    machine_is_ec2() ? CREDENTIALS_FAILED : CREDENTIALS_NONE,
		    where,
		    "the instance has no role (says %s): attach an instance "
		    "profile to it",
		    service->base);
	else if (answer.status != 200)
		result = credentials_say(CREDENTIALS_FAILED, where,
		    "%s did not say which role the instance has: status %d",
		    service->base, answer.status);
	else {
		name = first_line(&answer);
		/* It becomes a part of an address: IAM's letters, and two more
		 * that others use. */
		if (span_is_of(name, "_+=,.@-/:", 1, INSTANCE_ROLE_MAX))
			*role = mem_string_of(name.data, name.len);
		else
			result = credentials_say(CREDENTIALS_FAILED, where,
			    "%s gave something that is no role's name",
			    service->base);
	}
	ask_answer_fini(&answer);
	return (result);
}

/* In an outage of theirs the metadata hand out what has ended, and S3 takes it
 * all the same: so it is used for some minutes more, then asked for anew. */
static void
stretch(struct credentials_found *found, struct buf *where)
{
	int64_t now_s = clock_wall_s();

	if (found->expires_s > now_s)
		return;
	found->expires_s = now_s + INSTANCE_STRETCH_S;
	credentials_say(CREDENTIALS_FOUND, where,
	    " (which has none but some that are over: they are used until S3 "
	    "refuses them)");
}

static enum credentials_result
fetch_credentials(const struct service *service, const char *role,
    struct credentials_found *found, struct buf *where)
{
	struct ask_answer answer;
	enum credentials_result result = CREDENTIALS_FAILED;
	struct buf why;

	ask_answer_init(&answer);
	buf_init(&why, CREDENTIALS_WHERE_MAX);
	if (!ask_service(service, ROLES_PATH, role, &answer))
		credentials_say(result, where,
		    "%s gave no credentials for the instance's role: %s",
		    service->base, answer.reason);
	else if (answer.status != 200)
		credentials_say(result, where,
		    "%s gave no credentials for the instance's role: status %d",
		    service->base, answer.status);
	else if (!document_read(
		     buf_span(&answer.body), DOCUMENT_ENDPOINT, found, &why))
		credentials_say(result, where,
		    "what %s gave for the instance's role is of no use: %s",
		    service->base, buf_string(&why));
	else {
		found->expires_s = ask_local_time(&answer, found->expires_s);
		result = credentials_say(CREDENTIALS_FOUND, where,
		    "role %s of the instance, from %s", role, service->base);
		stretch(found, where);
	}
	buf_fini(&why);
	ask_answer_fini(&answer);
	return (result);
}

/* Where the instance is; NULL where that is not to be had, which is no reason
 * to do without the credentials. */
static char *
fetch_region(const struct service *service)
{
	struct ask_answer answer;
	char *region = NULL;
	struct span name;

	ask_answer_init(&answer);
	if (ask_service(service, REGION_PATH, "", &answer) &&
	    answer.status == 200) {
		name = first_line(&answer);
		if (site_is_region(name))
			region = mem_string_of(name.data, name.len);
	}
	ask_answer_fini(&answer);
	return (region);
}

enum credentials_result
credentials_from_instance(const struct credentials_search *search,
    struct credentials_found *found, struct buf *where)
{
	struct service service = { .search = search };
	enum credentials_result result;
	char *role = NULL;

	buf_init_secret(&service.token_header, INSTANCE_TOKEN_MAX + 64);
	result = find_service(&service, where);
	if (result == CREDENTIALS_FOUND)
		result = fetch_token(&service, where);
	if (result == CREDENTIALS_FOUND)
		result = fetch_role(&service, &role, where);
	if (result == CREDENTIALS_FOUND)
		result = fetch_credentials(&service, role, found, where);
	if (result == CREDENTIALS_FOUND && search->site->region_is_guess)
		found->region = fetch_region(&service);
	free(role);
	free(service.base);
	buf_fini(&service.token_header);
	return (result);
}

/*
 * STS's answers: see sts_answer.h.
 */
#include "credentials/sts_answer.h"

#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/xml.h"

enum { ID, SECRET, TOKEN, EXPIRATION, FIELDS };

static const char *const field_names[FIELDS] = { "AccessKeyId",
	"SecretAccessKey", "SessionToken", "Expiration" };

struct reading {
	char *fields[FIELDS];
	bool is_unfit;    /* a field stands twice, is cut or holds a NUL */
	const char *sent; /* a secret that STS was shown, or NULL */
	struct sts_refusal *refusal;
};

static bool
take_prefix(struct span *path, const char *prefix)
{
	if (!span_starts(*path, span_of(prefix)))
		return (false);
	*path = span_skip(*path, strlen(prefix));
	return (true);
}

static bool
is_line(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] < ' ' || text.data[i] > '~')
			return (false);
	return (text.len > 0);
}

/* Keep TEXT, where it can be shown, in KEPT of MAX bytes and a NUL. */
static void
keep(const struct reading *reading, struct span text, size_t max, char *kept)
{
	if (text.len > max || span_shows(text, span_of(reading->sent)))
		return;
	memcpy(kept, text.data, text.len);
	kept[text.len] = '\0';
}

static void
take_field(struct reading *reading, struct span name, struct span text)
{
	for (size_t i = 0; i < FIELDS; i++) {
		if (!span_equal(name, span_of(field_names[i])))
			continue;
		if (reading->fields[i] != NULL || text.len >= XML_TEXT_MAX ||
		    !is_line(text))
			reading->is_unfit = true;
		else
			reading->fields[i] = mem_string_of(text.data, text.len);
	}
}

static void
take_element(void *context, const char *path, struct span text)
{
	struct reading *reading = context;
	struct span name = span_of(path);

	if (take_prefix(
		&name, "AssumeRoleResponse/AssumeRoleResult/Credentials/") ||
	    take_prefix(&name,
		"AssumeRoleWithWebIdentityResponse/"
		"AssumeRoleWithWebIdentityResult/Credentials/")) {
		take_field(reading, name, text);
		return;
	}
	/* Ceph's RGW leaves the outer element out. */
	if (!take_prefix(&name, "ErrorResponse/Error/") &&
	    !take_prefix(&name, "Error/"))
		return;
	if (span_equal(name, SPAN("Code")) &&
	    span_is_of(text, ".", 1, STS_CODE_MAX))
		keep(reading, text, STS_CODE_MAX, reading->refusal->code);
	else if (span_equal(name, SPAN("Message")) && is_line(text))
		keep(reading, text, STS_MESSAGE_MAX, reading->refusal->message);
}

/* What the fields lack to be credentials, in WHY; else they become *FOUND. */
static bool
take_credentials(
    struct reading *reading, struct credentials_found *found, struct buf *why)
{
	char **fields = reading->fields;
	struct credentials_found read = {
		.credentials = { fields[ID], fields[SECRET], fields[TOKEN] },
	};
	const char *unfit;

	for (size_t i = 0; i < FIELDS; i++)
		if (fields[i] == NULL) {
			credentials_say(CREDENTIALS_FAILED, why,
			    "its answer has no %s", field_names[i]);
			return (false);
		}
	unfit = credentials_unfit(&read.credentials);
	if (unfit != NULL) {
		credentials_say(CREDENTIALS_FAILED, why,
		    "%s in its answer holds a blank", unfit);
		return (false);
	}
	if (!parse_iso_date(span_of(fields[EXPIRATION]), &read.expires_s)) {
		credentials_say(CREDENTIALS_FAILED, why,
		    "the Expiration in its answer is no date");
		return (false);
	}
	fields[ID] = fields[SECRET] = fields[TOKEN] = NULL;
	*found = read;
	return (true);
}

enum credentials_result
sts_read_answer(int status, struct span body, const char *sent,
    struct credentials_found *found, struct sts_refusal *refusal,
    struct buf *why)
{
	struct reading reading = { .sent = sent, .refusal = refusal };
	enum credentials_result result = CREDENTIALS_FAILED;
	bool is_xml;

	*refusal = (struct sts_refusal){ .code = "" };
	is_xml = xml_read(body, take_element, &reading);
	if (status != 200 && refusal->code[0] != '\0')
		credentials_say(result, why, "HTTP %d, %s%s%s", status,
		    refusal->code, refusal->message[0] != '\0' ? ": " : "",
		    refusal->message);
	else if (status != 200)
		credentials_say(result, why,
		    "HTTP %d, without a code as STS has them", status);
	else if (!is_xml)
		credentials_say(result, why, "its answer is not XML");
	else if (reading.is_unfit)
		credentials_say(result, why,
		    "its answer has a field twice, or one that is too long, "
		    "empty or not ASCII");
	else if (take_credentials(&reading, found, why))
		result = CREDENTIALS_FOUND;
	for (size_t i = 0; i < FIELDS; i++)
		mem_wipe_string(&reading.fields[i]);
	return (result);
}

const char *
sts_advice(const char *code, bool is_token)
{
	static const struct {
		const char *code;
		const char *advice;
		const char *of_token; /* NULL: the same */
	} rows[] = {
		{ "AccessDenied",
		    "look at the role's trust policy: it must allow who asks, "
		    "and name the external id where there is one",
		    "look at the role's trust policy, which must allow the "
		    "token's issuer, audience and subject, and at the token "
		    "itself" },
		{ "ExpiredToken", "the credentials that ask have ended", NULL },
		{ "ExpiredTokenException",
		    "the credentials that ask have ended",
		    "the token in the file has ended: look at who renews it" },
		{ "IDPCommunicationError",
		    "STS cannot reach the identity provider of the token",
		    NULL },
		{ "IDPRejectedClaim",
		    "the identity provider takes the token back", NULL },
		{ "InvalidAccessKeyId",
		    "the access key that asks is not known there", NULL },
		{ "InvalidArgument", /* RGW's word for ValidationError */
		    "look at the role's ARN, the session's name, the external "
		    "id and the duration",
		    NULL },
		{ "InvalidClientTokenId",
		    "the access key that asks is not known there", NULL },
		{ "InvalidIdentityToken",
		    "look at the token's file, and whether its issuer and "
		    "audience are known as an identity provider",
		    NULL },
		{ "NoSuchEntity", "look at the role's ARN", NULL },
		{ "RegionDisabledException",
		    "switch STS on for the region in the account's settings",
		    NULL },
		{ "SignatureDoesNotMatch",
		    "look at the secret of the access key that asks", NULL },
		{ "ValidationError",
		    "look at the role's ARN, the session's name, the external "
		    "id and the duration",
		    NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(code, rows[i].code) == 0)
			return (is_token && rows[i].of_token != NULL
				? rows[i].of_token
				: rows[i].advice);
	return ("");
}

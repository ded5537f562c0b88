/*
 * Roles: see config/role.h.
 */
#include "config/role.h"

/* What else than letters and digits there may be in the names of IAM. */
#define WORDS "_=,.@+-"

enum {
	ARN_MAX = 2048,
	SESSION_NAME_MIN = 2,
	SESSION_NAME_MAX = 64,
	EXTERNAL_ID_MIN = 2,
	EXTERNAL_ID_MAX = 1224,
};

bool
config_is_role_arn(const char *text, const char **why)
{
	struct span rest = span_of(text), role;
	bool is_right;

	*why = "it is not of that form";
	is_right = rest.len <= ARN_MAX &&
	    span_equal(span_cut(&rest, ':'), SPAN("arn")) &&
	    span_is_of(span_cut(&rest, ':'), "-", 1, 64) &&
	    span_equal(span_cut(&rest, ':'), SPAN("iam")) &&
	    /* An IAM role is of no region. */
	    span_equal(span_cut(&rest, ':'), SPAN("")) &&
	    span_is_of(span_cut(&rest, ':'), "_.$-", 0, 256);
	if (!is_right || !span_starts(rest, SPAN("role/")))
		return (false);
	role = span_skip(rest, SPAN("role/").len);
	return (span_is_of(role, WORDS "/", 1, ARN_MAX) &&
	    role.data[0] != '/' && role.data[role.len - 1] != '/');
}

bool
config_is_session_name(const char *text, const char **why)
{
	*why = "it is too short, too long or has other characters";
	return (span_is_of(
	    span_of(text), WORDS, SESSION_NAME_MIN, SESSION_NAME_MAX));
}

bool
config_is_external_id(const char *text, const char **why)
{
	*why = "it is too short, too long or has other characters";
	return (span_is_of(
	    span_of(text), WORDS ":/", EXTERNAL_ID_MIN, EXTERNAL_ID_MAX));
}

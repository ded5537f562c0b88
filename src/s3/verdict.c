/*
 * What an answer means: see verdict.h.  S3's code decides where there is one,
 * and the status where there is none; a code that is not in the table is taken
 * for a mistake in the settings, since a retry of those helps no one.
 */
#include "s3/verdict.h"

#include <stddef.h>
#include <string.h>

static bool
is_code(const struct s3_error *error, const char *code)
{
	return (strcmp(error->code, code) == 0);
}

/* Where the code decides, whatever the status around it ("Error responses"
 * in the API reference of Amazon S3); a status of 0 is any.  Each code that
 * is not here means that something is set up wrong. */
static enum verdict
classify_code(int status, const struct s3_error *error)
{
	static const struct {
		const char *code;
		int status;
		enum verdict result;
	} codes[] = {
		{ "AccessDenied", 403, VERDICT_DENIED },
		{ "NoSuchKey", 404, VERDICT_MISSING },
		{ "NoSuchObject", 404, VERDICT_MISSING },
		{ "InvalidRange", 416, VERDICT_BAD_RANGE },
		{ "NoSuchUpload", 404, VERDICT_MISSING },
		{ "PreconditionFailed", 412, VERDICT_CHANGED },
		{ "ExpiredToken", 0, VERDICT_KEYS_REFUSED },
		{ "ExpiredTokenException", 0, VERDICT_KEYS_REFUSED },
		{ "InvalidAccessKeyId", 0, VERDICT_KEYS_REFUSED },
		{ "InvalidClientTokenId", 0, VERDICT_KEYS_REFUSED },
		{ "InvalidToken", 0, VERDICT_KEYS_REFUSED },
		{ "InvalidTokenId", 0, VERDICT_KEYS_REFUSED }, /* MinIO's */
		{ "SignatureDoesNotMatch", 0, VERDICT_KEYS_REFUSED },
		{ "TokenRefreshRequired", 0, VERDICT_KEYS_REFUSED },
		{ "UnrecognizedClientException", 0, VERDICT_KEYS_REFUSED },
		{ "RequestTimeTooSkewed", 0, VERDICT_SKEWED },
		{ "AuthorizationHeaderMalformed", 0, VERDICT_ELSEWHERE },
		{ "IllegalLocationConstraintException", 0, VERDICT_ELSEWHERE },
		{ "PermanentRedirect", 0, VERDICT_ELSEWHERE },
		{ "TemporaryRedirect", 0, VERDICT_ELSEWHERE },
		{ "Redirect", 0, VERDICT_ELSEWHERE },
		{ "ConditionalRequestConflict", 409, VERDICT_BUSY },
		{ "InternalError", 0, VERDICT_BUSY },
		{ "OperationAborted", 0, VERDICT_BUSY },
		{ "RequestLimitExceeded", 0, VERDICT_BUSY },
		{ "RequestTimeout", 0, VERDICT_BUSY },
		{ "ServiceUnavailable", 0, VERDICT_BUSY },
		{ "SlowDown", 0, VERDICT_BUSY },
		{ "Throttling", 0, VERDICT_BUSY },
		{ "ThrottlingException", 0, VERDICT_BUSY },
		{ "TooManyRequests", 0, VERDICT_BUSY },
	};
	size_t i;

	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (is_code(error, codes[i].code) &&
		    (codes[i].status == 0 || codes[i].status == status))
			return (codes[i].result);
	return (VERDICT_REFUSED);
}

static enum verdict
classify_status(int status, bool head_only, const struct s3_error *error)
{
	switch (status) {
	case 301:
	case 307:
	case 308:
		if (head_only && error->region[0] == '\0')
			return (VERDICT_UNSAID);
		return (VERDICT_ELSEWHERE);
	case 408:
	case 425:
	case 429:
		return (VERDICT_BUSY);
	case 412:
		return (VERDICT_CHANGED);
	case 416:
		return (VERDICT_BAD_RANGE);
	}
	if (status < 400 || status > 499)
		return (VERDICT_UNUSABLE); /* never asked for: 204, 304, 302 */
	if (head_only)
		return (VERDICT_UNSAID);
	return (status == 404 ? VERDICT_MISSING : VERDICT_REFUSED);
}

enum verdict
verdict_classify(int status, bool head_only, const struct s3_error *error)
{
	if (status == 200 || status == 206)
		return (VERDICT_OK);
	if (status == 501 || status == 505)
		return (VERDICT_REFUSED); /* it will never know how */
	if (status >= 500 && status <= 599)
		return (VERDICT_BUSY);
	if (error->code[0] != '\0')
		return (classify_code(status, error));
	return (classify_status(status, head_only, error));
}

const char *
verdict_name(enum verdict result)
{
	static const char *const names[] = {
		[VERDICT_OK] = "ok",
		[VERDICT_STOPPED] = "stopped",
		[VERDICT_PEER_GONE] = "client gone",
		[VERDICT_DEADLINE] = "out of time",
		[VERDICT_MISSING] = "missing",
		[VERDICT_DENIED] = "denied",
		[VERDICT_UNSAID] = "refused without a reason",
		[VERDICT_BAD_RANGE] = "range not satisfiable",
		[VERDICT_CHANGED] = "changed",
		[VERDICT_SKEWED] = "clock skewed",
		[VERDICT_ELSEWHERE] = "wrong region",
		[VERDICT_KEYS_REFUSED] = "keys refused",
		[VERDICT_REFUSED] = "refused",
		[VERDICT_BUSY] = "busy",
		[VERDICT_FAILED] = "failed",
		[VERDICT_UNUSABLE] = "unusable",
	};

	return (names[result]);
}

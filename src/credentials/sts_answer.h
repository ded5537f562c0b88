/*
 * What STS answers, in XML.  Pure.
 *
 * What STS writes is a stranger's text, and may repeat what it was shown: of an
 * error only the code, where it is a word, and the message, where it is a line
 * of ASCII without a piece of a token, are kept.
 *
 * Source: AssumeRole, AssumeRoleWithWebIdentity and "Common Errors" in the API
 * reference of the AWS Security Token Service; and what Ceph's RGW sends.
 */
#ifndef CREDENTIALS_STS_ANSWER_H
#define CREDENTIALS_STS_ANSWER_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "credentials/search.h"

enum { STS_CODE_MAX = 64, STS_MESSAGE_MAX = 512 };

/* Why STS refuses; "" where it does not say, or nothing that can be shown. */
struct sts_refusal {
	char code[STS_CODE_MAX + 1]; /* AccessDenied */
	char message[STS_MESSAGE_MAX + 1];
};

/* Read STS's answer of STATUS into *FOUND (expires_s by STS's clock).  SENT is
 * the token that STS was shown, or NULL.  FAILED where it is anything but 200
 * with all four fields: then FOUND is untouched, *REFUSAL tells an error, and
 * WHY what is wrong ("HTTP 403, AccessDenied: Not you."). */
enum credentials_result sts_read_answer(int status, struct span body,
    const char *sent, struct credentials_found *found,
    struct sts_refusal *refusal, struct buf *why) ATTR_MUST_USE;

/* What to look at where STS refuses, with CODE, one who signed or (IS_TOKEN)
 * one who showed a token; "" where that is not known. */
const char *sts_advice(const char *code, bool is_token);

#endif

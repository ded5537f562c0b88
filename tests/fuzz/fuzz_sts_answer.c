/*
 * credentials/sts_answer: all four fields or nothing; what is kept of a refusal
 * can be shown.  The first byte of the input is the status.
 */
#include "fuzz.h"

#include "credentials/sts_answer.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct credentials_found found = { .expires_s = 7 };
	struct sts_refusal refusal;
	struct buf why;
	char *text;
	int status;

	if (size == 0)
		return (0);
	status = data[0] == '2' ? 200 : 400;
	text = fuzz_string(data + 1, size - 1);
	buf_init(&why, CREDENTIALS_WHERE_MAX);
	if (sts_read_answer(status, (struct span){ text, size - 1 },
		"canary-token-that-was-sent", &found, &refusal,
		&why) == CREDENTIALS_FOUND) {
		FUZZ_CHECK(status == 200);
		FUZZ_CHECK(found.credentials.access_key_id != NULL);
		FUZZ_CHECK(found.credentials.secret_access_key != NULL);
		FUZZ_CHECK(found.credentials.session_token != NULL);
		FUZZ_CHECK(found.expires_s != CREDENTIALS_NEVER);
	} else {
		FUZZ_CHECK(found.credentials.access_key_id == NULL);
		FUZZ_CHECK(found.credentials.secret_access_key == NULL);
		FUZZ_CHECK(found.credentials.session_token == NULL);
		FUZZ_CHECK(found.expires_s == 7);
		FUZZ_CHECK(fuzz_is_shown(refusal.code));
		FUZZ_CHECK(fuzz_is_shown(refusal.message));
		FUZZ_CHECK(fuzz_is_shown(buf_string(&why)));
		FUZZ_CHECK(strstr(buf_string(&why), "canary-token") == NULL);
	}
	credentials_found_fini(&found);
	buf_fini(&why);
	free(text);
	return (0);
}

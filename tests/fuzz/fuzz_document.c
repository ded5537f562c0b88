/*
 * credentials/document: a whole document or nothing, and why without a byte
 * that cannot be shown.  The first byte of the input says of which kind.
 */
#include "fuzz.h"

#include "credentials/document.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct credentials_found found = { .expires_s = 7 };
	enum document_kind kind = DOCUMENT_ENDPOINT;
	char *text;
	struct buf why;

	if (size == 0)
		return (0);
	if (data[0] == 'P')
		kind = DOCUMENT_PROCESS;
	text = fuzz_string(data + 1, size - 1);
	buf_init(&why, CREDENTIALS_WHERE_MAX);
	if (document_read(
		(struct span){ text, size - 1 }, kind, &found, &why)) {
		FUZZ_CHECK(found.credentials.access_key_id[0] != '\0');
		FUZZ_CHECK(found.credentials.secret_access_key[0] != '\0');
		if (kind == DOCUMENT_ENDPOINT) {
			FUZZ_CHECK(found.credentials.session_token != NULL);
			FUZZ_CHECK(found.expires_s != CREDENTIALS_NEVER);
		}
		FUZZ_CHECK(why.len == 0);
	} else {
		FUZZ_CHECK(found.credentials.access_key_id == NULL);
		FUZZ_CHECK(found.credentials.secret_access_key == NULL);
		FUZZ_CHECK(found.credentials.session_token == NULL);
		FUZZ_CHECK(found.expires_s == 7);
		FUZZ_CHECK(why.len > 0 && fuzz_is_shown(buf_string(&why)));
	}
	credentials_found_fini(&found);
	buf_fini(&why);
	free(text);
	return (0);
}

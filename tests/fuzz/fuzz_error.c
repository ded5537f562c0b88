/*
 * base/xml and s3/error: paths and texts within their limits, strings that end.
 */
#include "fuzz.h"

#include "base/xml.h"
#include "s3/error.h"

static void
look(void *context, const char *path, struct span text)
{
	unsigned *n = context;

	(*n)++;
	FUZZ_CHECK(path[0] != '\0' && strlen(path) <= XML_PATH_MAX);
	FUZZ_CHECK(text.len <= XML_TEXT_MAX);
	FUZZ_CHECK(text.len == 0 || memchr(text.data, '\0', text.len) == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_string(data, size);
	const struct span body = { text, size };
	struct s3_error error;
	unsigned n = 0;

	if (xml_read(body, look, &n))
		FUZZ_CHECK(n > 0);
	s3_error_init(&error);
	if (s3_error_parse(&error, body))
		FUZZ_CHECK(error.code[0] != '\0');
	FUZZ_CHECK(strlen(error.code) < sizeof(error.code));
	FUZZ_CHECK(strlen(error.message) < sizeof(error.message));
	FUZZ_CHECK(strlen(error.request_id) < sizeof(error.request_id));
	FUZZ_CHECK(strlen(error.region) < sizeof(error.region));
	FUZZ_CHECK(error.object_size >= -1);
	free(text);
	return (0);
}

/*
 * credentials/command_line: at least one word or a reason, and no more text in
 * the words than there was.
 */
#include "fuzz.h"

#include "credentials/command_line.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_string(data, size);
	struct command_line line;
	const char *why = command_line_split(text, &line);
	size_t len = 0;

	if (why == NULL) {
		FUZZ_CHECK(line.n > 0 && line.words[line.n] == NULL);
		for (size_t i = 0; i < line.n; i++)
			len += strlen(line.words[i]);
		FUZZ_CHECK(len <= strlen(text));
	} else
		FUZZ_CHECK(line.words == NULL && line.n == 0);
	command_line_fini(&line);
	free(text);
	return (0);
}

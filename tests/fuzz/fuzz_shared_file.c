/*
 * credentials/shared_file: what is read lies within the text, and every section
 * within the settings.
 */
#include "fuzz.h"

#include "credentials/shared_file.h"

static void
check_string(const char *string, const char *text, size_t len)
{
	FUZZ_CHECK(string >= text && string <= text + len);
	FUZZ_CHECK(strlen(string) <= (size_t)(text + len - string));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_string(data, size);
	struct shared_file file = { .sections = NULL };
	unsigned line = shared_file_parse(&file, text, size);

	FUZZ_CHECK(line <= size + 1);
	for (size_t i = 0; line == 0 && i < file.n_sections; i++) {
		const struct shared_section *section = &file.sections[i];

		check_string(section->head, text, size);
		FUZZ_CHECK(section->first <= file.n_settings);
		FUZZ_CHECK(section->n <= file.n_settings - section->first);
		FUZZ_CHECK(shared_file_section(&file, section->head) != NULL);
		for (size_t j = 0; j < section->n; j++) {
			const struct shared_setting *setting =
			    &file.settings[section->first + j];

			check_string(setting->name, text, size);
			check_string(setting->value, text, size);
			FUZZ_CHECK(setting->is_below ||
			    shared_file_get(
				&file, section, setting->name, NULL) != NULL);
		}
	}
	shared_file_fini(&file);
	free(text);
	return (0);
}

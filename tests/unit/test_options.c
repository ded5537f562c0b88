/*
 * The command line of trys3 (src/offload/options.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "offload/options.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

enum { ARGS_MAX = 12, LINE_ROOM = 512, SAID_ROOM = 4096 };

static char line[LINE_ROOM]; /* cut into pieces */
static char *args[ARGS_MAX + 1];
static char said[SAID_ROOM]; /* on standard error */

/* Read LINE, words with a blank between, "''" for an empty one; what is said
 * goes to SAID. */
static bool
read_line(const char *text, struct options *options)
{
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO), n = 0;
	bool is_right;
	size_t len;

	assert_non_null(file);
	snprintf(line, sizeof(line), "trys3 %s", text);
	for (char *at = line, *word; (word = strsep(&at, " ")) != NULL;)
		if (word[0] != '\0')
			args[n++] = strcmp(word, "''") == 0 ? word + 2 : word;
	args[n] = NULL;
	fflush(stderr);
	dup2(fileno(file), STDERR_FILENO);
	optind = 0; /* anew */
	is_right = options_read(n, args, options);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(file);
	len = fread(said, 1, sizeof(said) - 1, file);
	said[len] = '\0';
	fclose(file);
	return (is_right);
}

/* All of it as a text. */
static const char *
show(const struct options *options)
{
	static char text[LINE_ROOM];
	size_t len = 0;
	const struct {
		const char *name;
		const char *text;
		uint64_t number;
		bool is;
	} parts[] = {
		{ "", options->verb, OPTIONS_UNSAID, false },
		{ "c:", options->path, OPTIONS_UNSAID, false },
		{ "site:", options->site, OPTIONS_UNSAID, false },
		{ "o:", options->output, OPTIONS_UNSAID, false },
		{ "jobs:", NULL, options->jobs, false },
		{ "bw:", NULL, options->bwlimit, false },
		{ "max:", NULL, options->max_delete, false },
		{ "dry", NULL, OPTIONS_UNSAID, options->is_dry_run },
		{ "json", NULL, OPTIONS_UNSAID, options->is_json },
		{ "quiet", NULL, OPTIONS_UNSAID, options->is_quiet },
		{ "verbose", NULL, OPTIONS_UNSAID, options->is_verbose },
		{ "help", NULL, OPTIONS_UNSAID, options->wants_help },
		{ "version", NULL, OPTIONS_UNSAID, options->wants_version },
	};

	text[0] = '\0';
	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		if (parts[i].text != NULL)
			len += (size_t)snprintf(text + len, LINE_ROOM - len,
			    " %s%s", parts[i].name, parts[i].text);
		else if (parts[i].number != OPTIONS_UNSAID)
			len += (size_t)snprintf(text + len, LINE_ROOM - len,
			    " %s%llu", parts[i].name,
			    (unsigned long long)parts[i].number);
		else if (parts[i].is)
			len += (size_t)snprintf(
			    text + len, LINE_ROOM - len, " %s", parts[i].name);
	}
	for (int i = 0; i < options->n_words; i++)
		len += (size_t)snprintf(
		    text + len, LINE_ROOM - len, " [%s]", options->words[i]);
	return (text[0] != '\0' ? text + 1 : text);
}

static void
right_ones_are_read(void **state)
{
	static const struct {
		const char *line, *wanted;
	} rows[] = {
		{ "", "" },
		{ "put", "put" },
		{ "put a b", "put [a] [b]" },
		{ "put -n a", "put dry [a]" },
		{ "-n put a -v", "put dry verbose [a]" },
		{ "put --dry-run --json", "put dry json" },
		{ "put -q -v", "put quiet verbose" },
		{ "put --quiet --verbose", "put quiet verbose" },
		{ "-c /etc/x put", "put c:/etc/x" },
		{ "put --config=/etc/x", "put c:/etc/x" },
		{ "put --site a --jobs 3", "put site:a jobs:3" },
		{ "put --jobs 1 --jobs=256", "put jobs:256" },
		{ "put --bwlimit 10m", "put bw:10485760" },
		{ "put --bwlimit 0", "put bw:0" },
		{ "put --bwlimit 1k", "put bw:1024" },
		{ "put --max-delete 0", "put max:0" },
		{ "put --max-delete 1000000000", "put max:1000000000" },
		{ "get -o f key", "get o:f [key]" },
		{ "get --output=f key", "get o:f [key]" },
		{ "get -- -key", "get [-key]" },
		{ "get -n -- -key --json", "get dry [-key] [--json]" },
		{ "ls ''", "ls []" },
		{ "-h", "help" },
		{ "put --help", "put help" },
		{ "-V", "version" },
		{ "--version", "version" },
		{ "-nqv put", "put dry quiet verbose" },
	};
	struct options options;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		print_message("# %s\n", rows[i].line);
		assert_true(read_line(rows[i].line, &options));
		assert_string_equal(show(&options), rows[i].wanted);
		assert_string_equal(said, "");
	}
}

static void
wrong_ones_are_said(void **state)
{
	static const struct {
		const char *line, *said;
	} rows[] = {
		{ "put -x", "'x'" },
		{ "put --nothing", "--nothing" },
		{ "put -c", "'c'" },
		{ "put --jobs", "--jobs" },
		{ "put --dry-run=x", "--dry-run" },
		{ "put --jobs 0", "1 to 256" },
		{ "put --jobs 257", "\"257\"" },
		{ "put --jobs x", "\"x\"" },
		{ "put --jobs 3x", "\"3x\"" },
		{ "put --jobs -1", "\"-1\"" },
		{ "put --jobs ''", "\"\"" },
		{ "put --bwlimit x", "bytes a second" },
		{ "put --bwlimit ''", "bytes a second" },
		{ "put --bwlimit 10q", "bytes a second" },
		{ "put --bwlimit 99999999999999999999", "bytes a second" },
		{ "put --bwlimit 18446744073709551615", "bytes a second" },
		{ "put --max-delete 1000000001", "0 to 1000000000" },
		{ "put --max-delete -1", "0 to 1000000000" },
		{ "put --max-delete 1k", "0 to 1000000000" },
	};
	struct options options;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		print_message("# %s\n", rows[i].line);
		assert_false(read_line(rows[i].line, &options));
		assert_non_null(strstr(said, rows[i].said));
		assert_non_null(strstr(said, "trys3: "));
		assert_int_equal(said[strlen(said) - 1], '\n');
	}
}

/* Each switch that there is stands in what is explained. */
static void
all_is_explained(void **state)
{
	static const char *const words[] = { "put", "evict", "offload", "audit",
		"restore", "get", "purge", "ls", "-c", "--config", "--site",
		"--jobs", "--bwlimit", "--max-delete", "-n", "--dry-run",
		"--json", "-q", "--quiet", "-v", "--verbose", "-o", "--output",
		"-h", "--help", "-V", "--version" };
	static char text[SAID_ROOM];
	FILE *file = fmemopen(text, sizeof(text), "w");

	(void)state;
	assert_non_null(file);
	options_explain(file);
	assert_int_equal(fclose(file), 0);
	for (size_t i = 0; i < COUNT_OF(words); i++)
		assert_non_null(strstr(text, words[i]));
	/* It fits a terminal, but where a path is that configure was told. */
	for (char *rest = text, *at; (at = strsep(&rest, "\n")) != NULL;)
		assert_true(
		    strlen(at) < 80 || strstr(at, "/trys3.conf") != NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(right_ones_are_read),
		cmocka_unit_test(wrong_ones_are_said),
		cmocka_unit_test(all_is_explained),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

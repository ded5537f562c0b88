/*
 * A folder with a file of settings, for tests that load it and look at what is
 * logged and printed.  After cmocka.h.
 */
#ifndef TESTS_UNIT_CONFIG_FILE_H
#define TESTS_UNIT_CONFIG_FILE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/config.h"

/* No secret that a test sets lacks this word, and no output may hold it. */
#define CANARY "CANARY"

enum { OUTPUT_MAX = 65536 };

static char directory[] = "/tmp/test_config.XXXXXX";
static char *conf_path, *log_path, *config_path, *credentials_path;

/* What the last load logged, and the last print printed. */
static char output[OUTPUT_MAX];
static char printed[OUTPUT_MAX];

extern char **environ;

static void
clear_environment(void)
{
	for (size_t i = 0; environ[i] != NULL;) {
		struct span rest = span_of(environ[i]);
		struct span name = span_cut(&rest, '=');
		char *copy;

		if (!span_starts(name, SPAN("AWS_")) &&
		    !span_starts(name, SPAN("TRYS3_")) &&
		    !span_equal(name, SPAN("JOURNAL_STREAM"))) {
			i++;
			continue;
		}
		copy = mem_string_of(name.data, name.len);
		unsetenv(copy);
		free(copy);
	}
	setenv("HOME", directory, 1);
}

static void
set_keys(void)
{
	setenv("AWS_ACCESS_KEY_ID", "AKID", 1);
	setenv("AWS_SECRET_ACCESS_KEY", CANARY, 1);
}

static int
make_directory(void **state)
{
	(void)state;
	if (mkdtemp(directory) == NULL)
		return (-1);
	conf_path = mem_printf("%s/t.conf", directory);
	log_path = mem_printf("%s/log", directory);
	config_path = mem_printf("%s/aws-config", directory);
	credentials_path = mem_printf("%s/aws-credentials", directory);
	return (0);
}

static int
remove_directory(void **state)
{
	(void)state;
	unlink(conf_path);
	unlink(log_path);
	unlink(config_path);
	unlink(credentials_path);
	free(conf_path);
	free(log_path);
	free(config_path);
	free(credentials_path);
	return (rmdir(directory));
}

static int
begin_test(void **state)
{
	(void)state;
	clear_environment();
	set_keys();
	return (0);
}

static void
write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

static void
read_all(const char *path, char text[OUTPUT_MAX])
{
	FILE *file = fopen(path, "re");
	size_t len;

	assert_non_null(file);
	len = fread(text, 1, OUTPUT_MAX - 1, file);
	text[len] = '\0';
	assert_int_equal(fclose(file), 0);
}

/* config_load with what it logs in output. */
static struct settings *
load_path(const char *path)
{
	struct settings *settings;
	int saved = dup(STDERR_FILENO);
	FILE *log = fopen(log_path, "we");

	assert_non_null(log);
	assert_true(saved >= 0);
	assert_true(dup2(fileno(log), STDERR_FILENO) >= 0);
	settings = config_load(path);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	fclose(log);
	read_all(log_path, output);
	assert_null(strstr(output, CANARY));
	return (settings);
}

static struct settings *
load(const char *text)
{
	write_file(conf_path, text);
	return (load_path(conf_path));
}

static struct settings *
load_good(const char *text)
{
	struct settings *settings = load(text);

	if (settings == NULL)
		print_error("%s", output);
	assert_non_null(settings);
	assert_string_equal(output, "");
	return (settings);
}

static void
print(const struct settings *settings)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	config_print(settings, out);
	assert_int_equal(fclose(out), 0);
	assert_true(len < OUTPUT_MAX);
	assert_null(strstr(text, CANARY));
	memcpy(printed, text, len + 1);
	free(text);
}

static unsigned
count_lines(const char *text)
{
	unsigned n = 0;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return (n);
}

/* Is FILE refused with one line, which holds EXPECTED?  Else NAME is told. */
static bool
is_refused(const char *name, const char *file, const char *expected)
{
	struct settings *settings = load(file);

	if (settings == NULL && count_lines(output) == 1 &&
	    strstr(output, expected) != NULL)
		return (true);
	print_error("%s: %s\nwanted: %s\ngot: %s\n", name,
	    settings != NULL ? "was taken" : "other lines", expected, output);
	config_free(settings);
	return (false);
}

static void
expect_text(const char *where, const char *text)
{
	if (strstr(where, text) == NULL)
		print_error("no \"%s\" in:\n%s", text, where);
	assert_non_null(strstr(where, text));
}

#endif

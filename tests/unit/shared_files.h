/*
 * A folder with a shared config file and a shared credentials file of the AWS
 * tools, for tests that write and read them.  After cmocka.h.
 */
#ifndef TESTS_UNIT_SHARED_FILES_H
#define TESTS_UNIT_SHARED_FILES_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

static char home[] = "/tmp/test_shared_files.XXXXXX";
static char *config_path, *credentials_path;

/* For a group: the folder, with neither file in it, which the variables name. */
static int
make_home(void **state)
{
	(void)state;
	if (mkdtemp(home) == NULL)
		return (-1);
	config_path = mem_printf("%s/config", home);
	credentials_path = mem_printf("%s/credentials", home);
	setenv("AWS_CONFIG_FILE", config_path, 1);
	setenv("AWS_SHARED_CREDENTIALS_FILE", credentials_path, 1);
	return (0);
}

static int
remove_home(void **state)
{
	(void)state;
	unlink(config_path);
	unlink(credentials_path);
	free(config_path);
	free(credentials_path);
	return (rmdir(home));
}

/* A file of TEXT at PATH that is ours alone; NULL: none. */
static void
write_file(const char *path, const char *text)
{
	FILE *file;

	unlink(path);
	if (text == NULL)
		return;
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fchmod(fileno(file), 0600), 0);
	assert_int_equal(fclose(file), 0);
}

#endif

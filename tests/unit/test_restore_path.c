/*
 * What a path on the command line of restore means below a root
 * (restore_path of src/offload/restore_path.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "offload/mapping.h"
#include "offload/restore_path.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

static void
a_path_is_looked_for_below_the_root(void **state)
{
	static const struct {
		const char *cwd, *path, *wanted; /* the root is /srv/img */
	} rows[] = {
		/* Absolute. */
		{ "/", "/srv/img/a.png", "a.png" },
		{ "/", "/srv/img/x/a.png", "x/a.png" },
		{ "/", "/srv/img/x/", "x/" },
		{ "/", "/srv/img", "" },
		{ "/", "/srv/img/", "" },
		{ "/", "//srv//img//x//a.png", "x/a.png" },
		{ "/", "/srv/./img/./a.png", "a.png" },
		{ "/", "/srv/img/x/../a.png", "a.png" },
		{ "/", "/srv/x/../img/a.png", "a.png" },
		{ "/", "/../srv/img/a.png", "a.png" },
		{ "/", "/srv/img/x/..", "" },
		{ "/", "/srv/img/../img/a", "a" },
		{ "/", "/srv/img/...", "..." },
		/* From where one stands. */
		{ "/srv/img", "a.png", "a.png" },
		{ "/srv/img", ".", "" },
		{ "/srv/img", "", "" },
		{ "/srv/img", "./", "" },
		{ "/srv/img", "x/", "x/" },
		{ "/srv/img", "./x//y///", "x/y/" },
		{ "/srv/img/x", "a.png", "x/a.png" },
		{ "/srv/img/x", "..", "" },
		{ "/srv/img/x", "../y/a", "y/a" },
		{ "/srv/img/x/y", ".", "x/y" },
		{ "/srv", "img/a", "a" },
		{ "/srv", "img", "" },
		{ "/", "srv/img/a", "a" },
		{ "/srv/other", "../img/a", "a" },
		/* Elsewhere. */
		{ "/", "/srv", NULL },
		{ "/", "/", NULL },
		{ "/", "/srv/image/a", NULL },
		{ "/", "/srv/im", NULL },
		{ "/", "/srv/img.old", NULL },
		{ "/", "/srv/img/..", NULL },
		{ "/", "/srv/img/../../etc/passwd", NULL },
		{ "/", "/srv/img/x/../../img2/a", NULL },
		{ "/srv/img", "../a", NULL },
		{ "/srv/img", "/a", NULL },
		{ "/srv/img", "../../../../../../srv/img2", NULL },
		{ "/home", "a", NULL },
		{ "/", "a", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char *got = restore_path("/srv/img", rows[i].cwd, rows[i].path);

		print_message("# %s in %s\n", rows[i].path, rows[i].cwd);
		if (rows[i].wanted == NULL)
			assert_null(got);
		else {
			assert_non_null(got);
			assert_string_equal(got, rows[i].wanted);
		}
		free(got);
	}
}

/* What is cut off could be another path. */
static void
too_long_is_nowhere(void **state)
{
	static const char tail[] = "/../../../srv/img/a";
	char *path = malloc(2 * MAPPING_PATH_MAX);

	(void)state;
	assert_non_null(path);
	path[0] = '/';
	memset(path + 1, 'x', MAPPING_PATH_MAX + 1);
	memcpy(path + MAPPING_PATH_MAX + 2, tail, sizeof(tail));
	assert_null(restore_path("/srv/img", "/srv/img", path));
	/* All its components together. */
	for (size_t i = 0; i < MAPPING_PATH_MAX + 2; i += 2)
		memcpy(path + i, "/x", 2);
	memcpy(path + MAPPING_PATH_MAX + 2, tail, sizeof(tail));
	assert_null(restore_path("/srv/img", "/srv/img", path));
	assert_null(restore_path("/srv/img", "/srv/img", path + 1));
	free(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_is_looked_for_below_the_root),
		cmocka_unit_test(too_long_is_nowhere),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

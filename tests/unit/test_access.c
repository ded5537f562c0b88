/*
 * Who else may use a file (src/base/access.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/access.h"
#include "base/mem.h"

static void
modes_are_judged_by_their_owner(void **state)
{
	static const struct {
		mode_t mode;
		bool is_open_ours;
		bool is_open_anothers;
	} rows[] = {
		{ 0600, false, false },
		{ 0400, false, false },
		{ 0700, false, false },
		{ 0000, false, false },
		{ 0640, true, false },
		{ 0620, true, false },
		{ 0610, true, false },
		{ 0604, true, true },
		{ 0602, true, true },
		{ 0601, true, true },
		{ 0644, true, true },
		{ 04600, false, false },
	};
	struct stat status = { .st_mode = S_IFREG };
	struct buf why;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_init(&why, 1024);
		status.st_mode = S_IFREG | rows[i].mode;
		status.st_uid = geteuid();
		assert_int_equal(
		    access_is_open("f", &status, &why), rows[i].is_open_ours);
		assert_int_equal(why.len > 0, rows[i].is_open_ours);
		buf_clear(&why);
		status.st_uid = geteuid() + 1;
		assert_int_equal(access_is_open("f", &status, &why),
		    rows[i].is_open_anothers);
		assert_int_equal(why.len > 0, rows[i].is_open_anothers);
		buf_fini(&why);
	}
}

static void
what_would_be_right_is_told(void **state)
{
	struct stat status = { .st_mode = S_IFREG | 0640 };
	struct buf why;

	(void)state;
	buf_init(&why, 1024);
	/* A user that no machine has. */
	status.st_uid = 4123456789;
	status.st_mode = S_IFREG | 0644;
	assert_true(access_is_open("/a/b.conf", &status, &why));
	assert_string_equal(buf_string(&why),
	    "can be used by others: its mode is 0644 and its owner 4123456789; "
	    "right would be: chmod o= /a/b.conf");
	buf_clear(&why);
	status.st_uid = geteuid();
	status.st_mode = S_IFREG | 0640;
	assert_true(access_is_open("/a/b.conf", &status, &why));
	assert_non_null(strstr(buf_string(&why), "its mode is 0640 and its "));
	assert_non_null(
	    strstr(buf_string(&why), "; right would be: chmod 600 /a/b.conf"));
	if (geteuid() == 0)
		assert_non_null(strstr(buf_string(&why), "its owner root;"));
	buf_fini(&why);
	/* Said or not, it is open. */
	buf_init(&why, 10);
	assert_true(access_is_open("/a/b.conf", &status, &why));
	buf_fini(&why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(modes_are_judged_by_their_owner),
		cmocka_unit_test(what_would_be_right_is_told),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

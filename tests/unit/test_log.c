/*
 * The log (src/base/log.h).  Standard error is a pipe in packet mode
 * (O_DIRECT), where each write(2) is read back as a piece of its own: so we
 * see not only what is written but in how many writes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"

static int captured[2]; /* the pipe */
static int real_stderr;
static char line[LOG_LINE_MAX + 1];

/* Between these two standard error is the pipe; nothing is asserted there,
 * so that cmocka's own messages are never caught. */
static void
capture(void)
{
	dup2(captured[1], STDERR_FILENO);
}

static void
release(void)
{
	dup2(real_stderr, STDERR_FILENO);
}

/* The next write into LINE; false where there is none. */
static bool
next_write(void)
{
	ssize_t len = read(captured[0], line, sizeof(line) - 1);

	if (len < 0) {
		assert_int_equal(errno, EAGAIN);
		return (false);
	}
	line[len] = '\0';
	return (true);
}

/* LINE must be the head of LEVEL ("error"), then TEXT and a newline. */
static void
expect_line(const char *speaker, const char *level, const char *text)
{
	char expected[2 * LOG_LINE_MAX];

	assert_true(next_write());
	snprintf(expected, sizeof(expected), "%s[%d]: %s: %s\n", speaker,
	    (int)getpid(), level, text);
	assert_string_equal(line, expected);
}

static int
set_up(void **state)
{
	(void)state;
	unsetenv("JOURNAL_STREAM");
	log_name("trys3d");
	log_threshold(LOG_LEVEL_DEBUG);
	real_stderr = dup(STDERR_FILENO);
	return (pipe2(captured, O_DIRECT | O_NONBLOCK));
}

static int
tear_down(void **state)
{
	(void)state;
	close(captured[0]);
	close(captured[1]);
	close(real_stderr);
	return (0);
}

static void
each_line_is_one_write(void **state)
{
	(void)state;
	capture();
	log_error("first %d", 1);
	log_warning("second %s", "two");
	log_info("third");
	log_debug("%s", "");
	release();
	expect_line("trys3d", "error", "first 1");
	expect_line("trys3d", "warning", "second two");
	expect_line("trys3d", "info", "third");
	expect_line("trys3d", "debug", "");
	assert_false(next_write());
}

static void
the_speaker_is_named(void **state)
{
	char long_name[200], cut[64];

	(void)state;
	memset(long_name, 'n', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	capture();
	log_name("trys3d worker 3");
	log_info("here");
	log_name(long_name);
	log_info("there");
	release();
	expect_line("trys3d worker 3", "info", "here");
	snprintf(cut, sizeof(cut), "%.63s", long_name);
	expect_line(cut, "info", "there");
}

static void
control_characters_cannot_forge_a_line(void **state)
{
	char all[33], *end;

	(void)state;
	for (int i = 1; i < 32; i++)
		all[i - 1] = (char)i;
	all[31] = 0x7f;
	all[32] = '\0';
	capture();
	log_error("key %s", "a\nb\rtrys3d[1]: error: forged\x1b[2J\x7f");
	log_error("%s", all);
	log_error("%s", "caf\xc3\xa9 \xe3\x81\x82 100%s");
	release();
	expect_line("trys3d", "error",
	    "key a\\x0ab\\x0dtrys3d[1]: error: forged\\x1b[2J\\x7f");
	assert_true(next_write());
	end = strchr(line, '\n');
	assert_non_null(end);
	assert_string_equal(end, "\n");
	for (const char *c = line; c < end; c++)
		assert_true((uint8_t)*c >= 0x20 && *c != 0x7f);
	expect_line("trys3d", "error", "caf\xc3\xa9 \xe3\x81\x82 100%s");
	assert_false(next_write());
}

static void
a_long_line_is_cut_but_ends(void **state)
{
	static char plain[3 * LOG_LINE_MAX], control[3 * LOG_LINE_MAX];

	(void)state;
	memset(plain, 'x', sizeof(plain) - 1);
	memset(control, '\n', sizeof(control) - 1);
	capture();
	log_error("%s", plain);
	log_error("%s", control);
	release();
	for (int i = 0; i < 2; i++) {
		assert_true(next_write());
		assert_true(strlen(line) <= LOG_LINE_MAX);
		assert_true(strlen(line) > LOG_LINE_MAX - 10);
		assert_string_equal(strchr(line, '\n'), "\n");
	}
	assert_false(next_write());
}

static void
the_threshold_holds_lines_back(void **state)
{
	static const struct {
		enum log_level threshold;
		unsigned lines;
	} rows[] = {
		{ LOG_LEVEL_ERROR, 1 },
		{ LOG_LEVEL_WARNING, 2 },
		{ LOG_LEVEL_INFO, 3 },
		{ LOG_LEVEL_DEBUG, 4 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		unsigned lines = 0;

		capture();
		log_threshold(rows[i].threshold);
		log_error("e");
		log_warning("w");
		log_info("i");
		log_debug("d");
		release();
		while (next_write())
			lines++;
		assert_int_equal(lines, rows[i].lines);
		assert_true(log_shows(LOG_LEVEL_ERROR));
		assert_int_equal(log_shows(LOG_LEVEL_DEBUG),
		    rows[i].threshold == LOG_LEVEL_DEBUG);
	}
}

static void
the_journal_gets_its_priorities(void **state)
{
	static const char *const heads[] = { "<3>trys3d[", "<4>trys3d[",
		"<6>trys3d[", "<7>trys3d[" };

	(void)state;
	setenv("JOURNAL_STREAM", "8:1", 1);
	capture();
	log_error("text");
	log_warning("text");
	log_info("text");
	log_debug("text");
	release();
	for (size_t i = 0; i < 4; i++) {
		assert_true(next_write());
		assert_memory_equal(line, heads[i], strlen(heads[i]));
		assert_non_null(strstr(line, "]: text\n"));
	}
	assert_false(next_write());
}

static void
fatal_says_why_and_ends(void **state)
{
	char expected[200];
	int status = 0;
	pid_t child;

	(void)state;
	fflush(NULL);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		capture();
		log_threshold(LOG_LEVEL_ERROR);
		log_fatal(7, "no %s", "way");
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
	assert_true(next_write());
	snprintf(expected, sizeof(expected), "trys3d[%d]: error: no way\n",
	    (int)child);
	assert_string_equal(line, expected);
}

static void
a_closed_log_is_no_accident(void **state)
{
	(void)state;
	close(STDERR_FILENO);
	log_error("no one hears this");
	release();
	assert_false(next_write());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    each_line_is_one_write, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    the_speaker_is_named, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    control_characters_cannot_forge_a_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_long_line_is_cut_but_ends, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    the_threshold_holds_lines_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    the_journal_gets_its_priorities, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    fatal_says_why_and_ends, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_closed_log_is_no_accident, set_up, tear_down),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

/*
 * credential_process (src/credentials/process.c, run.c): real programs, which
 * are scripts that the test writes.  Only the profile's line is played.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "credentials/chain.h"
#include "credentials/run.h"
#include "memcheck.h"

/* No secret that a test sets lacks this word, and no message may hold it. */
#define CANARY "CANARY"

#define KEYS                                                                 \
	"\"Version\":1,\"AccessKeyId\":\"ID\",\"SecretAccessKey\":\"" CANARY \
	"\""

static char home[] = "/tmp/test_process.XXXXXX";
static char *script;

/* The line of the profile. */
static const char *line;

const char *__wrap_profiles_get(const struct profiles *profiles,
    enum profiles_file file, const char *profile, const char *name);

const char *
__wrap_profiles_get(const struct profiles *profiles, enum profiles_file file,
    const char *profile, const char *name)
{
	(void)profiles;
	assert_int_equal(file, PROFILES_MERGED);
	assert_string_equal(profile, "p");
	assert_string_equal(name, "credential_process");
	return (line);
}

/* Is the program to have ended before a word of it is read?  All that it says
 * must fit into its pipes then. */
static bool is_read_late;

int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);

int
__wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	if (is_read_late)
		assert_int_equal(__real_poll(fds + n - 1, 1, 60000), 1);
	return (__real_poll(fds, n, timeout));
}

static void
write_script(const char *text)
{
	FILE *file = fopen(script, "w");

	assert_non_null(file);
	fprintf(file, "#!/bin/sh\n%s\n", text);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(script, 0700), 0);
}

static struct credentials_found found;
static struct buf where;

/* Ask with the credential_process PROCESS, for at most MS. */
static enum credentials_result
ask_within(const char *process, int64_t ms)
{
	const struct credentials_search search = {
		.profile = "p",
		.deadline_ms = clock_monotonic_ms() + ms,
	};
	enum credentials_result result;

	line = process;
	buf_clear(&where);
	credentials_found_fini(&found);
	result = credentials_from_process(&search, &found, &where);
	assert_null(strstr(buf_string(&where), CANARY));
	if (result != CREDENTIALS_FOUND) {
		assert_null(found.credentials.access_key_id);
		assert_null(found.credentials.secret_access_key);
	}
	/* No child is left, dead or alive. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	return (result);
}

/* Ask with the script of TEXT. */
static enum credentials_result
ask_script(const char *text)
{
	write_script(text);
	return (ask_within(script, 60000));
}

/* How many bytes, of one, come from FD: none where nobody writes there any
 * more. */
static ssize_t
read_byte(int fd)
{
	struct pollfd end = { .fd = fd, .events = POLLIN };
	char byte;

	assert_int_equal(poll(&end, 1, 60000), 1);
	return (read(fd, &byte, 1));
}

#define assert_said(text) assert_non_null(strstr(buf_string(&where), text))

static int
setup(void **state)
{
	(void)state;
	found = (struct credentials_found){ .region = NULL };
	buf_init(&where, CREDENTIALS_WHERE_MAX);
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	credentials_found_fini(&found);
	buf_fini(&where);
	return (0);
}

/* ------------------------------------------------------------------- it works */

static void
a_document_is_read(void **state)
{
	(void)state;
	assert_int_equal(
	    ask_script("echo '{" KEYS ",\"SessionToken\":\"" CANARY "T\","
		       "\"Expiration\":\"2026-11-24T12:00:00Z\"}'"),
	    CREDENTIALS_FOUND);
	assert_string_equal(found.credentials.access_key_id, "ID");
	assert_string_equal(found.credentials.secret_access_key, CANARY);
	assert_string_equal(found.credentials.session_token, CANARY "T");
	assert_int_equal(found.expires_s, 1795521600);
	assert_said("profile p: /tmp/");
	assert_null(strstr(buf_string(&where), "printed"));
}

static void
without_an_end_they_never_end(void **state)
{
	(void)state;
	assert_int_equal(ask_script("echo '{" KEYS "}'; echo " CANARY " >&2"),
	    CREDENTIALS_FOUND);
	assert_null(found.credentials.session_token);
	assert_true(found.expires_s == CREDENTIALS_NEVER);
	assert_null(strstr(buf_string(&where), "standard error"));
}

static void
a_profile_without_the_line_is_passed_over(void **state)
{
	(void)state;
	assert_int_equal(ask_within(NULL, 1000), CREDENTIALS_NONE);
	assert_said("profile p has no credential_process");
}

/* The words are the program's, as they stand; no shell is between. */
static void
words_are_passed_on(void **state)
{
	char *process =
	    mem_printf("%s 'a  b' $HOME \"c'd\" '' e\\ f '*' '>x'", script);

	(void)state;
	write_script("[ \"$#\" = 7 ] && [ \"$1\" = 'a  b' ] &&"
		     "[ \"$2\" = '$HOME' ] && [ \"$3\" = \"c'd\" ] &&"
		     "[ -z \"$4\" ] && [ \"$5\" = 'e f' ] &&"
		     "[ \"$6\" = '*' ] && [ \"$7\" = '>x' ] &&"
		     "echo '{" KEYS "}'");
	assert_int_equal(ask_within(process, 60000), CREDENTIALS_FOUND);
	free(process);
}

static void
a_program_is_looked_for_in_the_path(void **state)
{
	char *before = mem_string(getenv("PATH"));
	char *path = mem_printf("%s:%s", home, before);

	(void)state;
	write_script("echo '{" KEYS "}'");
	assert_int_equal(ask_within("helper x", 60000), CREDENTIALS_WRONG);
	setenv("PATH", path, 1);
	assert_int_equal(ask_within("helper x", 60000), CREDENTIALS_FOUND);
	assert_said("profile p: helper");
	setenv("PATH", before, 1);
	free(path);
	free(before);
}

/* -------------------------------------------------------- what it is given */

static void
it_has_nothing_of_ours_but_the_environment(void **state)
{
	int fd = open("/dev/null", O_RDONLY);

	(void)state;
	assert_true(fd >= 0);
	setenv("TEST_PROCESS", "yes", 1);
	/* ls has a descriptor of its own for what it lists. */
	assert_int_equal(
	    ask_script("[ \"$TEST_PROCESS\" = yes ] || exit 11\n"
		       "[ \"$(readlink /proc/$$/fd/0)\" = /dev/null ] ||"
		       " exit 12\n"
		       "set -- $(ls /proc/self/fd)\n"
		       "[ \"$*\" = '0 1 2 3' ] || exit 13\n"
		       "read -r pid comm state ppid pgrp session tty rest"
		       " </proc/$$/stat\n"
		       "[ \"$pgrp $session\" = \"$$ $$\" ] || exit 14\n"
		       "echo '{" KEYS "}'"),
	    CREDENTIALS_FOUND);
	unsetenv("TEST_PROCESS");
	close(fd);
}

/* Not by a shell, which sets its own. */
static void
its_signals_are_as_for_any_program(void **state)
{
	static const char *const names[] = { "SigBlk", "SigIgn" };
	sigset_t all, before;

	(void)state;
	sigfillset(&all);
	sigdelset(&all, SIGINT);
	sigprocmask(SIG_SETMASK, &all, &before);
	sigaction(SIGTERM, &(struct sigaction){ .sa_handler = SIG_IGN }, NULL);
	for (size_t i = 0; i < 2; i++) {
		/* 32 and 33 are the C library's own: nobody can set them. */
		char *pattern =
		    mem_printf("%s:.0000000[01][08]0000000$", names[i]);
		char *const words[] = { (char *)"grep", (char *)"-q", pattern,
			(char *)"/proc/self/status", NULL };
		struct run_outcome outcome;

		run_outcome_init(&outcome);
		run_program(words, clock_monotonic_ms() + 60000, &outcome);
		assert_int_equal(outcome.end, RUN_EXITED);
		assert_int_equal(outcome.number, 0);
		run_outcome_fini(&outcome);
		free(pattern);
	}
	sigaction(SIGTERM, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

/* Even where ours are closed. */
static void
it_has_its_descriptors_whatever_ours_are(void **state)
{
	int saved[3];
	enum credentials_result result;

	(void)state;
	write_script("[ \"$(readlink /proc/$$/fd/0)\" = /dev/null ] || exit 1\n"
		     "echo x >&2; echo '{" KEYS "}'");
	for (int fd = 0; fd < 3; fd++) {
		saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 10);
		close(fd);
	}
	result = ask_within(script, 60000);
	for (int fd = 0; fd < 3; fd++) {
		dup2(saved[fd], fd);
		close(saved[fd]);
	}
	assert_int_equal(result, CREDENTIALS_FOUND);
}

static void
its_end_is_seen_where_children_are_ignored(void **state)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before, after;

	(void)state;
	sigaction(SIGCHLD, &ignore, &before);
	assert_int_equal(ask_script("exit 3"), CREDENTIALS_FAILED);
	assert_said("ended with status 3");
	sigaction(SIGCHLD, &before, &after);
	assert_true(after.sa_handler == SIG_IGN);
}

/* It is killed when we are: a child of this test asks, tells the program's id,
 * and dies. */
static void
it_dies_with_us(void **state)
{
	const char *const words[] = { script, NULL };
	struct run_outcome outcome;
	int ends[2];
	char text[32];
	pid_t pid;

	(void)state;
	/* It holds the pipe open by its name, where no descriptor is left. */
	assert_int_equal(pipe(ends), 0);
	snprintf(text, sizeof(text), "/proc/%d/fd/%d", (int)getpid(), ends[1]);
	setenv("TEST_PROCESS", text, 1);
	write_script("exec 3>\"$TEST_PROCESS\"; printf x >&3; exec sleep 600");
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		run_outcome_init(&outcome);
		run_program((char *const *)(uintptr_t)words,
		    clock_monotonic_ms() + 600000, &outcome);
		_exit(0);
	}
	assert_int_equal(read_byte(ends[0]), 1);
	close(ends[1]);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	/* Nobody holds the other end any more. */
	assert_int_equal(read_byte(ends[0]), 0);
	close(ends[0]);
	unsetenv("TEST_PROCESS");
}

/* --------------------------------------------------------- it does not work */

static void
what_only_a_human_can_mend_is_wrong(void **state)
{
	static const struct {
		const char *line;
		const char *said;
	} rows[] = {
		{ "/nonexistent/helper " CANARY,
		    "profile p: /nonexistent/helper cannot be run: No such "
		    "file or directory" },
		{ "/ " CANARY, "profile p: / cannot be run: Permission" },
		{ "/dev/null/x", "/dev/null/x cannot be run: Not a directory" },
		{ "''", "cannot be run: No such file" },
		{ "helper '" CANARY,
		    "the credential_process of profile p is no command: a "
		    "quotation mark is not closed" },
		{ "helper " CANARY "\\", "a backslash stands at its end" },
		{ "  ", "it holds no word" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(
		    ask_within(rows[i].line, 60000), CREDENTIALS_WRONG);
		assert_said(rows[i].said);
	}
}

static void
what_may_pass_has_failed(void **state)
{
	static const struct {
		const char *script;
		const char *said;
	} rows[] = {
		{ "echo '{" KEYS "}'; exit 7", " ended with status 7" },
		{ "exit 127", " ended with status 127" },
		{ "echo '{" KEYS "}'; kill -9 $$",
		    " was ended by signal 9 (Killed)" },
		{ "", " printed no credentials: " },
		{ "echo " CANARY, " printed no credentials: " },
		{ "echo '{" KEYS "'", " printed no credentials: " },
		{ "echo '{\"Version\":2,\"AccessKeyId\":\"" CANARY "\"}'",
		    " printed no credentials: " },
		{ "echo '{\"Version\":1,\"AccessKeyId\":\"" CANARY "\"}'",
		    "it has no SecretAccessKey" },
		{ "echo '{" KEYS ",\"Expiration\":\"" CANARY "\"}'",
		    "Expiration" },
		{ "head -c 65537 /dev/zero; echo " CANARY,
		    " printed more than 65536 bytes, and was killed" },
		{ "exec cat /dev/zero",
		    " printed more than 65536 bytes, and was killed" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(
		    ask_script(rows[i].script), CREDENTIALS_FAILED);
		assert_said("profile p: /tmp/");
		assert_said(rows[i].said);
		assert_null(strstr(buf_string(&where), "standard error"));
	}
}

/* Somebody is about to write the program. */
static void
a_program_that_is_written_may_be_there_soon(void **state)
{
	int fd;

	(void)state;
	write_script("exit 0");
	fd = open(script, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(ask_within(script, 60000), CREDENTIALS_FAILED);
	assert_said(" cannot be run: Text file busy");
	close(fd);
}

/* What was said before the end is read after it. */
static void
what_came_before_the_end_counts(void **state)
{
	(void)state;
	is_read_late = true;
	assert_int_equal(ask_script("printf %60000s ''; echo '{" KEYS "}'"),
	    CREDENTIALS_FOUND);
	assert_int_equal(ask_script("head -c 60000 /dev/zero >&2; exit 1"),
	    CREDENTIALS_FAILED);
	assert_said(" said 60000 bytes on standard error");
	is_read_late = false;
}

/* As much as is allowed, and a document that long. */
static void
what_fits_is_taken_whole(void **state)
{
	(void)state;
	assert_int_equal(ask_script("d='{" KEYS "}'; n=$((65536 - ${#d}))\n"
				    "printf %s \"$d\"; printf %${n}s ''"),
	    CREDENTIALS_FOUND);
	assert_int_equal(ask_script("d='{" KEYS "}'; n=$((65537 - ${#d}))\n"
				    "printf %s \"$d\"; printf %${n}s ''"),
	    CREDENTIALS_FAILED);
}

static void
standard_error_is_counted(void **state)
{
	(void)state;
	assert_int_equal(
	    ask_script("echo " CANARY " >&2; exit 1"), CREDENTIALS_FAILED);
	assert_said(" ended with status 1, and said 7 bytes on standard error, "
		    "which are not shown since they could hold a secret: run "
		    "it by hand as ");
	assert_said(" to see them");
	/* More than a pipe holds does not stop it. */
	assert_int_equal(ask_script("head -c 300000 /dev/zero >&2; exit 1"),
	    CREDENTIALS_FAILED);
	assert_said(" said 300000 bytes on standard error");
}

static void
a_late_one_is_killed_with_its_children(void **state)
{
	int ends[2];
	char text[32];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	snprintf(text, sizeof(text), "/proc/%d/fd/%d", (int)getpid(), ends[1]);
	setenv("TEST_PROCESS", text, 1);
	write_script("exec 3>\"$TEST_PROCESS\"; trap '' TERM\n"
		     "sleep 600 & echo '{" KEYS "}'; sleep 600");
	assert_int_equal(ask_within(script, 500), CREDENTIALS_FAILED);
	assert_said(" was not done within 500 ms, and was killed");
	close(ends[1]);
	assert_int_equal(read_byte(ends[0]), 0);
	close(ends[0]);
	unsetenv("TEST_PROCESS");
	/* The search's deadline may have passed already. */
	assert_int_equal(ask_within(script, -5), CREDENTIALS_FAILED);
	assert_said(" was not done within ");
}

/* One that leaves something in the background, which holds its pipes open, is
 * not waited for beyond its own end; what it left goes on. */
static void
the_background_is_left_alone(void **state)
{
	const char *sleeper;
	pid_t pid;
	int64_t begun_ms = clock_monotonic_ms();

	(void)state;
	assert_int_equal(
	    ask_script("sleep 600 & echo '{\"Version\":1,\"AccessKeyId\":\"'"
		       "$!'\",\"SecretAccessKey\":\"" CANARY "\"}'"),
	    CREDENTIALS_FOUND);
	assert_true(clock_monotonic_ms() - begun_ms < 300000);
	sleeper = found.credentials.access_key_id;
	pid = (pid_t)strtol(sleeper, NULL, 10);
	assert_true(pid > 1);
	assert_int_equal(kill(pid, SIGKILL), 0);
}

static int
make_home(void **state)
{
	(void)state;
	if (mkdtemp(home) == NULL)
		return (-1);
	script = mem_printf("%s/helper", home);
	return (0);
}

static int
remove_home(void **state)
{
	(void)state;
	unlink(script);
	rmdir(home);
	free(script);
	return (0);
}

#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_document_is_read),
		TEST(without_an_end_they_never_end),
		TEST(a_profile_without_the_line_is_passed_over),
		TEST(words_are_passed_on),
		TEST(a_program_is_looked_for_in_the_path),
		TEST(it_has_nothing_of_ours_but_the_environment),
		TEST(its_signals_are_as_for_any_program),
		TEST(it_has_its_descriptors_whatever_ours_are),
		TEST(its_end_is_seen_where_children_are_ignored),
		TEST(it_dies_with_us),
		TEST(what_only_a_human_can_mend_is_wrong),
		TEST(what_may_pass_has_failed),
		TEST(a_program_that_is_written_may_be_there_soon),
		TEST(what_came_before_the_end_counts),
		TEST(what_fits_is_taken_whole),
		TEST(standard_error_is_counted),
		TEST(a_late_one_is_killed_with_its_children),
		TEST(the_background_is_left_alone),
	};

	/* Not known to valgrind 3.19: pidfd_open. */
	if (is_under_memcheck())
		return (puts("1..0 # SKIP valgrind knows no pidfd_open") < 0);
	return (cmocka_run_group_tests(tests, make_home, remove_home));
}

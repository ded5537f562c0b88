/*
 * The signals that end a run (src/offload/stop.h), each in a process of its
 * own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "offload/stop.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

enum { FINE = 42, WRONG = 43, LATE_S = 60 };

static char part[] = "/tmp/test_stop.XXXXXX"; /* of a file */

static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

/* What BODY exits with; what it logs is not shown. */
static int
run(void (*body)(int number), int number)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		dup2(null, STDERR_FILENO);
		alarm(LATE_S); /* of what never ends */
		stop_init();
		body(number);
		_exit(FINE);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return (WEXITSTATUS(status));
}

static void
need(bool is_true)
{
	if (!is_true)
		_exit(WRONG);
}

/* Is there one within WAIT_MS (-1: whenever it comes)? */
static bool
is_readable(int wait_ms)
{
	struct pollfd poll_fd = { .fd = stop_fd(), .events = POLLIN };

	return (poll(&poll_fd, 1, wait_ms) == 1);
}

/* To the process, not to this thread. */
static void
send_one(int number)
{
	need(kill(getpid(), number) == 0);
}

static noreturn void
wait_for_end(void)
{
	for (;;)
		pause();
}

static void
wait_for_one(int number)
{
	stop_watch(false);
	need(!is_readable(0) && !stop_is_wanted());
	send_one(number);
	need(is_readable(-1) && stop_is_wanted());
	need(is_readable(0) && stop_is_wanted());
}

/* It waits until it is watched for. */
static void
send_before(int number)
{
	send_one(number);
	need(!is_readable(0) && !stop_is_wanted());
	stop_watch(false);
	need(is_readable(-1) && stop_is_wanted());
}

static void
wait_for_two(int number)
{
	stop_watch(false);
	stop_spoils(part);
	send_one(number);
	need(is_readable(-1));
	need(access(part, F_OK) == 0);
	send_one(number);
	wait_for_end();
}

static void
end_by_the_first(int number)
{
	stop_watch(true);
	stop_spoils(part);
	send_one(number);
	wait_for_end();
}

static void
end_with_no_part(int number)
{
	stop_watch(true);
	stop_spoils(part);
	stop_spoils(NULL);
	send_one(number);
	wait_for_end();
}

static void
ignore_others(int number)
{
	(void)number;
	stop_watch(true);
	send_one(SIGPIPE);
	send_one(SIGIO);
	need(!is_readable(0) && !stop_is_wanted());
}

static void
each_does_what_it_is_for(void **state)
{
	static const struct {
		const char *title;
		void (*body)(int number);
		int status;
		bool is_part_left;
	} rows[] = {
		{ "the first is looked at", wait_for_one, FINE, true },
		{ "one that came before", send_before, FINE, true },
		{ "the second ends it", wait_for_two, STATUS_STOPPED, false },
		{ "at once", end_by_the_first, STATUS_STOPPED, false },
		{ "with no part", end_with_no_part, STATUS_STOPPED, true },
		{ "of a pipe or a lease", ignore_others, FINE, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows) * COUNT_OF(signals); i++) {
		size_t row = i / COUNT_OF(signals);
		int fd = open(part, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

		assert_true(fd >= 0);
		close(fd);
		print_message("# %s\n", rows[row].title);
		assert_int_equal(
		    run(rows[row].body, signals[i % COUNT_OF(signals)]),
		    rows[row].status);
		assert_int_equal(
		    access(part, F_OK) == 0, rows[row].is_part_left);
	}
}

static int
make_part(void **state)
{
	int fd = mkstemp(part);

	(void)state;
	return (fd < 0 ? -1 : close(fd));
}

static int
remove_part(void **state)
{
	(void)state;
	(void)unlink(part);
	return (0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_does_what_it_is_for),
	};

	return (cmocka_run_group_tests(tests, make_part, remove_part));
}

/*
 * The books of a generation: who is due when, what a death means, whom the
 * watchdog kills.  The time is the test's; kill(2) is a fake (--wrap=kill)
 * that writes down whom it was to hit.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/socket.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "pool/generation.h"
#include "pool/worker.h"

/* As waitpid(2) puts them. */
#define EXITED(status)    ((status) << 8)
#define KILLED_BY(number) (number)

enum { TIMEOUT_MS = 5000, PID = 1000 };

static struct {
	pid_t pid;
	int number;
} sent[64];
static size_t n_sent;

int __wrap_kill(pid_t pid, int number);

int
__wrap_kill(pid_t pid, int number)
{
	assert_true(n_sent < sizeof(sent) / sizeof(sent[0]));
	sent[n_sent].pid = pid;
	sent[n_sent++].number = number;
	return (0);
}

/* A listener without any file, and settings of which only what is asked for
 * here is filled. */
static struct generation *
make(size_t workers)
{
	struct listener *listener = mem_zero(1, sizeof(*listener));
	struct settings *settings = settings_new(NULL);
	struct generation *generation;

	settings->daemon.workers = workers;
	settings->daemon.request_timeout_ms = TIMEOUT_MS;
	listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(listener->fd >= 0);
	listener->references = 1;
	generation = generation_new(
	    1, settings, (struct identity){ .user = NULL }, listener);
	listen_release(listener);
	n_sent = 0;
	return (generation);
}

/* Fork in name: process PID for SLOT. */
static void
start(struct generation *generation, size_t slot, pid_t pid, int64_t now)
{
	generation_starts(generation, slot, now);
	generation_started(generation, slot, pid, now);
}

static void
start_ready(struct generation *generation, size_t slot, pid_t pid, int64_t now)
{
	start(generation, slot, pid, now);
	scoreboard_set(generation->board, slot, SCOREBOARD_IDLE, now);
	generation_note_ready(generation);
}

static void
test_all_wanted_are_due_at_once(void **state)
{
	struct generation *g = make(3);
	size_t slot;

	(void)state;
	assert_false(generation_is_due(g, 100, &slot));
	assert_int_equal(generation_next_due(g), INT64_MAX);
	generation_want(g, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_true(generation_is_due(g, 100, &slot));
		assert_int_equal(slot, i);
		start(g, slot, PID + (pid_t)i, 100);
	}
	assert_false(generation_is_due(g, 100, &slot));
	assert_int_equal(generation_next_due(g), INT64_MAX);
	assert_int_equal(generation_alive(g), 2);
	assert_int_equal(generation_busy(g), 0);
	generation_free(g);
}

/* Die young again and again, and see the delay grow; then live well. */
static void
test_delay_grows_and_is_forgotten(void **state)
{
	static const int64_t delays[] = { 0, 100, 200, 400, 800, 1600, 3200,
		6400, 10000, 10000 };
	struct generation *g = make(1);
	int64_t now = 100;
	size_t slot;

	(void)state;
	generation_want(g, 1);
	for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
		start_ready(g, 0, PID, now);
		now += 10;
		assert_int_equal(generation_died(g, PID, KILLED_BY(9), now),
		    GENERATION_GOES_ON);
		assert_int_equal(generation_next_due(g), now + delays[i]);
		if (delays[i] > 0)
			assert_false(
			    generation_is_due(g, now + delays[i] - 1, &slot));
		assert_true(generation_is_due(g, now + delays[i], &slot));
		now += delays[i];
	}
	start_ready(g, 0, PID, now);
	now += GENERATION_GOOD_LIFE_MS;
	generation_died(g, PID, KILLED_BY(11), now);
	assert_int_equal(generation_next_due(g), now);
	generation_free(g);
}

static void
test_a_served_request_is_a_good_life(void **state)
{
	struct generation *g = make(1);

	(void)state;
	generation_want(g, 1);
	for (int64_t now = 0; now < 50; now++) {
		start_ready(g, 0, PID, now);
		scoreboard_count(g->board, 0);
		generation_died(g, PID, KILLED_BY(9), now);
		assert_int_equal(generation_next_due(g), now);
	}
	generation_free(g);
}

static void
test_recycled_workers_are_replaced_at_once(void **state)
{
	struct generation *g = make(1);

	(void)state;
	generation_want(g, 1);
	for (int64_t now = 0; now < 50; now++) {
		start_ready(g, 0, PID, now);
		assert_int_equal(
		    generation_died(g, PID, EXITED(WORKER_DONE), now),
		    GENERATION_GOES_ON);
		assert_int_equal(generation_next_due(g), now);
	}
	assert_int_equal(g->failures, 0);
	generation_free(g);
}

static void
test_a_fork_that_fails_is_tried_later(void **state)
{
	struct generation *g = make(1);

	(void)state;
	generation_want(g, 1);
	start(g, 0, -1, 500);
	assert_int_equal(generation_alive(g), 0);
	assert_int_equal(generation_next_due(g), 500 + GENERATION_DELAY_MS);
	start(g, 0, -1, 600);
	assert_int_equal(generation_next_due(g), 600 + 2 * GENERATION_DELAY_MS);
	generation_free(g);
}

static void
test_hopeless_only_while_none_has_started(void **state)
{
	struct generation *g = make(2);

	(void)state;
	generation_want(g, 2);
	start(g, 0, PID, 0);
	assert_int_equal(generation_died(g, PID, EXITED(WORKER_HOPELESS), 5),
	    GENERATION_HOPELESS);
	start(g, 0, PID, 5);
	assert_int_equal(generation_died(g, PID, EXITED(WORKER_FAILED), 6),
	    GENERATION_GOES_ON);
	start_ready(g, 1, PID + 1, 6);
	start(g, 0, PID, 5);
	assert_int_equal(generation_died(g, PID, EXITED(WORKER_HOPELESS), 7),
	    GENERATION_GOES_ON);
	assert_int_equal(
	    generation_died(g, PID + 7, EXITED(0), 7), GENERATION_NOT_OURS);
	generation_free(g);
}

static void
test_failures_count_until_the_slot_was_ready(void **state)
{
	struct generation *g = make(2);

	(void)state;
	generation_want(g, 1);
	start(g, 0, PID, 0);
	generation_died(g, PID, KILLED_BY(11), 1);
	assert_int_equal(g->failures, 1);
	assert_false(generation_is_ready(g));
	/* Ready and dead before anyone looked: it was ready all the same. */
	start(g, 0, PID, 1);
	scoreboard_set(g->board, 0, SCOREBOARD_BUSY, 2);
	generation_died(g, PID, KILLED_BY(11), 3);
	assert_int_equal(g->failures, 1);
	assert_true(g->has_started);
	assert_true(generation_is_ready(g));
	generation_want(g, 2);
	assert_false(generation_is_ready(g));
	generation_free(g);
}

static void
test_told_workers_are_not_replaced(void **state)
{
	struct generation *g = make(3);
	size_t slot;

	(void)state;
	generation_want(g, 3);
	for (size_t i = 0; i < 3; i++)
		start_ready(g, i, PID + (pid_t)i, 0);
	generation_tell_one(g, 10);
	assert_int_equal(n_sent, 1);
	assert_int_equal(sent[0].pid, PID + 2);
	assert_int_equal(sent[0].number, WORKER_SIGNAL_END);
	generation_died(g, PID + 2, EXITED(0), 11);
	assert_false(generation_is_due(g, 100000, &slot));
	/* The reload is given up. */
	generation_want(g, 3);
	assert_true(generation_is_due(g, 11, &slot));
	assert_int_equal(slot, 2);
	generation_tell_all(g, false, 12);
	assert_int_equal(n_sent, 3);
	assert_false(scoreboard_take(g->board, 0));
	assert_false(generation_is_due(g, 100000, &slot));
	generation_free(g);
}

static void
test_those_who_drain_may_take_what_waits(void **state)
{
	struct generation *g = make(1);

	(void)state;
	generation_want(g, 1);
	start_ready(g, 0, PID, 0);
	generation_tell_all(g, true, 1);
	assert_true(scoreboard_take(g->board, 0));
	generation_free(g);
}

static void
test_the_watchdog(void **state)
{
	static const struct {
		const char *name;
		enum scoreboard_state state;
		int64_t told_ms; /* -1: not told */
		int64_t limit;   /* after its state was set, at 1000; -1: no */
	} rows[] = {
		{ "starting", SCOREBOARD_STARTING, -1, GENERATION_SLOW_MS },
		{ "idle", SCOREBOARD_IDLE, -1, -1 },
		{ "idle, told before", SCOREBOARD_IDLE, 500,
		    GENERATION_SLOW_MS },
		{ "idle, told since", SCOREBOARD_IDLE, 3000,
		    GENERATION_SLOW_MS + 2000 },
		{ "busy", SCOREBOARD_BUSY, -1,
		    TIMEOUT_MS + GENERATION_GRACE_MS },
		{ "busy, told", SCOREBOARD_BUSY, 3000,
		    TIMEOUT_MS + GENERATION_GRACE_MS },
		{ "ending", SCOREBOARD_ENDING, -1, GENERATION_SLOW_MS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct generation *g = make(1);
		int64_t limit = rows[i].limit < 0 ? 1 << 30 : rows[i].limit;

		print_message("# %s\n", rows[i].name);
		generation_want(g, 1);
		start(g, 0, PID, 0);
		scoreboard_set(g->board, 0, rows[i].state, 1000);
		if (rows[i].told_ms >= 0)
			generation_tell_one(g, rows[i].told_ms);
		n_sent = 0;
		generation_watch(g, 1000 + limit);
		assert_int_equal(n_sent, 0);
		generation_watch(g, 1000 + limit + 1);
		assert_int_equal(n_sent, rows[i].limit < 0 ? 0 : 1);
		/* Once is enough. */
		generation_watch(g, 1000 + limit + 2);
		assert_int_equal(n_sent, rows[i].limit < 0 ? 0 : 1);
		if (n_sent == 1) {
			assert_int_equal(sent[0].pid, PID);
			assert_int_equal(sent[0].number, SIGKILL);
		}
		generation_free(g);
	}
}

static void
test_counting_and_killing(void **state)
{
	struct generation *g = make(4);

	(void)state;
	generation_want(g, 3);
	for (size_t i = 0; i < 3; i++)
		start_ready(g, i, PID + (pid_t)i, 0);
	scoreboard_set(g->board, 1, SCOREBOARD_BUSY, 5);
	assert_int_equal(generation_alive(g), 3);
	assert_int_equal(generation_busy(g), 1);
	generation_tell_to_look(g);
	assert_int_equal(n_sent, 3);
	assert_int_equal(sent[2].number, WORKER_SIGNAL_LOOK);
	generation_kill(g);
	assert_int_equal(n_sent, 6);
	assert_int_equal(sent[5].number, SIGKILL);
	generation_free(g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_wanted_are_due_at_once),
		cmocka_unit_test(test_delay_grows_and_is_forgotten),
		cmocka_unit_test(test_a_served_request_is_a_good_life),
		cmocka_unit_test(test_recycled_workers_are_replaced_at_once),
		cmocka_unit_test(test_a_fork_that_fails_is_tried_later),
		cmocka_unit_test(test_hopeless_only_while_none_has_started),
		cmocka_unit_test(test_failures_count_until_the_slot_was_ready),
		cmocka_unit_test(test_told_workers_are_not_replaced),
		cmocka_unit_test(test_those_who_drain_may_take_what_waits),
		cmocka_unit_test(test_the_watchdog),
		cmocka_unit_test(test_counting_and_killing),
	};

	log_threshold(LOG_LEVEL_ERROR);
	return (cmocka_run_group_tests(tests, NULL, NULL));
}

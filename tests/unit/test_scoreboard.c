/*
 * The scoreboard: what one process writes another reads.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/wait.h>
#include <unistd.h>

#include "pool/scoreboard.h"

static void
test_new_board_is_free(void **state)
{
	struct scoreboard *board = scoreboard_new(3);
	int64_t since = -1;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(
		    scoreboard_get(board, i, &since), SCOREBOARD_FREE);
		assert_int_equal(since, 0);
		assert_int_equal(scoreboard_requests(board, i), 0);
		assert_false(scoreboard_take(board, i));
	}
	scoreboard_free(board);
}

static void
test_state_and_time_are_kept_together(void **state)
{
	static const struct {
		const char *name;
		enum scoreboard_state state;
		int64_t since;
	} rows[] = {
		{ "at the start", SCOREBOARD_STARTING, 0 },
		{ "idle", SCOREBOARD_IDLE, 1 },
		{ "busy for a year", SCOREBOARD_BUSY, 31536000000 },
		{ "ending after a thousand", SCOREBOARD_ENDING,
		    31536000000000 },
		{ "free again", SCOREBOARD_FREE, 31536000000001 },
	};
	struct scoreboard *board = scoreboard_new(2);
	int64_t since;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("# %s\n", rows[i].name);
		scoreboard_set(board, 1, rows[i].state, rows[i].since);
		assert_int_equal(
		    scoreboard_get(board, 1, &since), rows[i].state);
		assert_int_equal(since, rows[i].since);
		assert_int_equal(scoreboard_get(board, 1, NULL), rows[i].state);
	}
	/* The neighbour was left alone. */
	assert_int_equal(scoreboard_get(board, 0, &since), SCOREBOARD_FREE);
	assert_int_equal(since, 0);
	scoreboard_free(board);
}

static void
test_allowed_are_taken_one_by_one(void **state)
{
	struct scoreboard *board = scoreboard_new(2);

	(void)state;
	scoreboard_allow(board, 0, 2);
	assert_false(scoreboard_take(board, 1));
	assert_true(scoreboard_take(board, 0));
	assert_true(scoreboard_take(board, 0));
	assert_false(scoreboard_take(board, 0));
	assert_false(scoreboard_take(board, 0));
	scoreboard_free(board);
}

static void
test_clear_forgets_the_worker_before(void **state)
{
	struct scoreboard *board = scoreboard_new(1);
	int64_t since;

	(void)state;
	scoreboard_count(board, 0);
	scoreboard_allow(board, 0, 5);
	scoreboard_clear(board, 0, SCOREBOARD_STARTING, 77);
	assert_int_equal(scoreboard_get(board, 0, &since), SCOREBOARD_STARTING);
	assert_int_equal(since, 77);
	assert_int_equal(scoreboard_requests(board, 0), 0);
	assert_false(scoreboard_take(board, 0));
	scoreboard_free(board);
}

/* What a worker does, in a process of its own. */
static int
work(struct scoreboard *board)
{
	if (!scoreboard_take(board, 1))
		return (1);
	for (int i = 0; i < 1000; i++)
		scoreboard_count(board, 1);
	scoreboard_set(board, 1, SCOREBOARD_BUSY, 4711);
	return (0);
}

static void
test_processes_share_it(void **state)
{
	struct scoreboard *board = scoreboard_new(2);
	int64_t since;
	int status;
	pid_t pid;

	(void)state;
	scoreboard_allow(board, 1, 1);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(work(board));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(scoreboard_get(board, 1, &since), SCOREBOARD_BUSY);
	assert_int_equal(since, 4711);
	assert_int_equal(scoreboard_requests(board, 1), 1000);
	assert_int_equal(scoreboard_requests(board, 0), 0);
	assert_false(scoreboard_take(board, 1));
	scoreboard_free(board);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_board_is_free),
		cmocka_unit_test(test_state_and_time_are_kept_together),
		cmocka_unit_test(test_allowed_are_taken_one_by_one),
		cmocka_unit_test(test_clear_forgets_the_worker_before),
		cmocka_unit_test(test_processes_share_it),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

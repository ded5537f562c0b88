/*
 * The books of a generation: who is due when, what a death means, whom the
 * watchdog kills; and what a succession makes of what the keepers found.  The
 * time is the test's; kill(2) is a fake (--wrap=kill) that writes down whom it
 * was to hit.
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

#include "base/attr.h"
#include "base/log.h"
#include "base/mem.h"
#include "pool/generation.h"
#include "pool/succession.h"
#include "pool/worker.h"

/* As waitpid(2) puts them. */
#define EXITED(status)    ((status) << 8)
#define KILLED_BY(number) (number)

enum { TIMEOUT_MS = 5000, PID = 1000, KEEPER = 2000 };

static struct {
	pid_t pid;
	int number;
} sent[64];
static size_t n_sent;

static unsigned n_warnings;

int __wrap_kill(pid_t pid, int number);
void __wrap_log_warning(const char *format, ...) ATTR_PRINTF(1, 2);

void
__wrap_log_warning(const char *format, ...)
{
	(void)format;
	n_warnings++;
}

int
__wrap_kill(pid_t pid, int number)
{
	assert_true(n_sent < sizeof(sent) / sizeof(sent[0]));
	sent[n_sent].pid = pid;
	sent[n_sent++].number = number;
	return (0);
}

/* A listener without any file. */
static struct listener *
make_listener(void)
{
	struct listener *listener = mem_zero(1, sizeof(*listener));

	listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(listener->fd >= 0);
	listener->name = mem_string("test");
	listener->references = 1;
	return (listener);
}

/* Two sites, and of all else only what is asked for here. */
static struct settings *
make_settings(size_t workers)
{
	struct settings *settings = settings_new(NULL);

	settings_add_site(settings, "a");
	settings_add_site(settings, "b");
	settings->daemon.workers = workers;
	settings->daemon.request_timeout_ms = TIMEOUT_MS;
	return (settings);
}

static struct generation *
make(size_t workers)
{
	struct listener *listener = make_listener();
	struct settings *settings = make_settings(workers);
	struct generation *generation;

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

/* The keeper is there: of no interest to what follows. */
static struct generation *
make_kept(size_t workers)
{
	struct generation *generation = make(workers);

	generation_keeper_started(generation, KEEPER, 0);
	return (generation);
}

static void
test_all_wanted_are_due_at_once(void **state)
{
	struct generation *g = make_kept(3);
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

static void
test_another_is_due_when_it_is_said_to_be(void **state)
{
	struct generation *g = make_kept(3);
	size_t slot;

	(void)state;
	generation_want(g, 1);
	start_ready(g, 0, PID, 100);
	generation_want_another(g, 150);
	assert_false(generation_is_ready(g));
	assert_int_equal(generation_next_due(g), 150);
	assert_false(generation_is_due(g, 149, &slot));
	assert_true(generation_is_due(g, 150, &slot));
	assert_int_equal(slot, 1);
	start_ready(g, 1, PID + 1, 150);
	assert_true(generation_is_ready(g));
	generation_free(g);
}

/* Die young again and again, and see the delay grow; then live well. */
static void
test_delay_grows_and_is_forgotten(void **state)
{
	static const int64_t delays[] = { 0, 100, 200, 400, 800, 1600, 3200,
		6400, 10000, 10000 };
	struct generation *g = make_kept(1);
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
	struct generation *g = make_kept(1);

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
	struct generation *g = make_kept(1);

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
	struct generation *g = make_kept(1);

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
	struct generation *g = make_kept(2);

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
	struct generation *g = make_kept(2);

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
	struct generation *g = make_kept(3);
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
	struct generation *g = make_kept(1);

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
		struct generation *g = make_kept(1);
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
	struct generation *g = make_kept(4);

	(void)state;
	generation_want(g, 3);
	for (size_t i = 0; i < 3; i++)
		start_ready(g, i, PID + (pid_t)i, 0);
	scoreboard_set(g->board, 1, SCOREBOARD_BUSY, 5);
	assert_int_equal(generation_processes(g), 4);
	assert_int_equal(generation_alive(g), 3);
	assert_int_equal(generation_busy(g), 1);
	generation_tell_to_look(g);
	assert_int_equal(n_sent, 3);
	assert_int_equal(sent[2].number, WORKER_SIGNAL_LOOK);
	generation_kill(g);
	assert_int_equal(n_sent, 7);
	assert_int_equal(sent[5].number, SIGKILL);
	assert_int_equal(sent[6].pid, KEEPER);
	assert_int_equal(sent[6].number, SIGKILL);
	generation_free(g);
}

/* ---- The keeper ---- */

static void
test_the_keeper_is_replaced(void **state)
{
	struct generation *g = make(1);

	(void)state;
	assert_true(generation_is_keeper_due(g, 0));
	assert_int_equal(generation_next_due(g), 0);
	generation_keeper_started(g, KEEPER, 100);
	assert_false(generation_is_keeper_due(g, 1000000));
	assert_int_equal(generation_next_due(g), INT64_MAX);
	/* It lived long enough: at once. */
	assert_int_equal(
	    generation_died(g, KEEPER, KILLED_BY(9), 1100), GENERATION_KEEPER);
	assert_int_equal(generation_processes(g), 0);
	assert_true(generation_is_keeper_due(g, 1100));
	/* It did not: later, however often. */
	for (int64_t now = 1100; now < 20000; now += 1999) {
		generation_keeper_started(g, KEEPER, now);
		assert_int_equal(
		    generation_died(g, KEEPER, EXITED(1), now + 999),
		    GENERATION_KEEPER);
		assert_int_equal(generation_next_due(g),
		    now + 999 + GENERATION_KEEPER_DELAY_MS);
		assert_false(generation_is_keeper_due(g, now + 1998));
		assert_true(generation_is_keeper_due(g, now + 1999));
	}
	generation_keeper_started(g, -1, 30000);
	assert_int_equal(generation_processes(g), 0);
	assert_int_equal(
	    generation_next_due(g), 30000 + GENERATION_KEEPER_DELAY_MS);
	/* No worker has died of that. */
	assert_int_equal(n_sent, 0);
	generation_free(g);
}

static void
test_the_keeper_ends_after_the_last_worker(void **state)
{
	struct generation *g = make_kept(2);

	(void)state;
	generation_want(g, 2);
	start_ready(g, 0, PID, 0);
	start_ready(g, 1, PID + 1, 0);
	generation_tell_all(g, false, 10);
	generation_died(g, PID, EXITED(0), 11);
	n_sent = 0;
	generation_watch(g, 12);
	assert_int_equal(n_sent, 0);
	/* It may even have to be replaced while they end. */
	generation_died(g, KEEPER, KILLED_BY(9), 5000);
	assert_true(generation_is_keeper_due(g, 5000));
	generation_keeper_started(g, KEEPER, 5000);
	generation_died(g, PID + 1, EXITED(0), 5001);
	generation_watch(g, 5001);
	generation_watch(g, 5002);
	assert_int_equal(n_sent, 1);
	assert_int_equal(sent[0].pid, KEEPER);
	assert_int_equal(sent[0].number, WORKER_SIGNAL_END);
	assert_int_equal(generation_processes(g), 1);
	/* It is stopped, say. */
	generation_watch(g, 5001 + GENERATION_GRACE_MS);
	assert_int_equal(n_sent, 1);
	generation_watch(g, 5002 + GENERATION_GRACE_MS);
	generation_watch(g, 5003 + GENERATION_GRACE_MS);
	assert_int_equal(n_sent, 2);
	assert_int_equal(sent[1].pid, KEEPER);
	assert_int_equal(sent[1].number, SIGKILL);
	assert_int_equal(
	    generation_died(g, KEEPER, KILLED_BY(9), 9000), GENERATION_KEEPER);
	assert_int_equal(generation_processes(g), 0);
	assert_false(generation_is_keeper_due(g, 100000));
	assert_int_equal(generation_next_due(g), INT64_MAX);
	generation_free(g);
}

static void
test_what_the_keeper_found(void **state)
{
	static const struct {
		enum keyring_state a, b;
		enum generation_search search;
	} rows[] = {
		{ KEYRING_UNTRIED, KEYRING_UNTRIED, GENERATION_SEARCHING },
		{ KEYRING_FOUND, KEYRING_UNTRIED, GENERATION_SEARCHING },
		{ KEYRING_WRONG, KEYRING_UNTRIED, GENERATION_SEARCHING },
		{ KEYRING_FOUND, KEYRING_FOUND, GENERATION_FOUND },
		{ KEYRING_FOUND, KEYRING_FAILED, GENERATION_FAILED },
		{ KEYRING_FAILED, KEYRING_FOUND, GENERATION_FAILED },
		{ KEYRING_NONE, KEYRING_FOUND, GENERATION_LACKING },
		{ KEYRING_FOUND, KEYRING_WRONG, GENERATION_LACKING },
		{ KEYRING_NONE, KEYRING_FAILED, GENERATION_LACKING },
		{ KEYRING_FAILED, KEYRING_NONE, GENERATION_LACKING },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct generation *g = make_kept(1);

		print_message("# row %zu\n", i);
		if (rows[i].a != KEYRING_UNTRIED)
			keyring_tried(g->keyring, 0, rows[i].a, 0);
		if (rows[i].b != KEYRING_UNTRIED)
			keyring_tried(g->keyring, 1, rows[i].b, 0);
		assert_int_equal(generation_search(g), rows[i].search);
		generation_died(g, KEEPER, KILLED_BY(9), 5000);
		assert_int_equal(g->failures,
		    rows[i].search == GENERATION_SEARCHING ? 1 : 0);
		generation_free(g);
	}
}

/* ---- The succession ---- */

static struct succession
begin(size_t workers)
{
	struct succession succession = { .path = NULL };
	struct listener *listener = make_listener();

	assert_true(succession_begin(
	    &succession, make_settings(workers), listener, 100));
	listen_release(listener);
	generation_keeper_started(succession.current, KEEPER, 100);
	n_sent = 0;
	return (succession);
}

static void
try_all(struct generation *g, enum keyring_state state)
{
	keyring_tried(g->keyring, 0, KEYRING_FOUND, 0);
	keyring_tried(g->keyring, 1, state, 0);
}

static void
test_the_first_workers_wait_for_credentials(void **state)
{
	static const struct {
		enum keyring_state found;
		bool is_good;
	} rows[] = {
		{ KEYRING_FOUND, true },
		{ KEYRING_FAILED, true },
		{ KEYRING_NONE, false },
		{ KEYRING_WRONG, false },
	};
	struct succession s;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		/* In time, and after patience was lost. */
		for (int late = 0; late < 2; late++) {
			s = begin(2);
			assert_true(succession_continue(&s, 100));
			assert_true(succession_continue(
			    &s, 99 + SUCCESSION_PATIENCE_MS));
			assert_int_equal(s.current->n_wanted, 0);
			assert_false(generation_is_ready(s.current));
			n_warnings = 0;
			if (late) {
				assert_true(succession_continue(
				    &s, 100 + SUCCESSION_PATIENCE_MS));
				assert_true(succession_continue(
				    &s, 101 + SUCCESSION_PATIENCE_MS));
				assert_int_equal(s.current->n_wanted, 2);
			}
			assert_int_equal(n_warnings, late);
			try_all(s.current, rows[i].found);
			assert_int_equal(
			    succession_continue(&s, 5000), rows[i].is_good);
			if (rows[i].is_good)
				assert_int_equal(s.current->n_wanted, 2);
			/* What is found out later changes nothing. */
			try_all(s.current, KEYRING_WRONG);
			assert_int_equal(
			    succession_continue(&s, 6000), rows[i].is_good);
			succession_free(&s, NULL);
		}
	}
}

/* A reload under way: a second generation, of so many WORKERS. */
static void
come(struct succession *s, size_t workers)
{
	struct generation *g =
	    generation_new(++s->count, make_settings(workers),
		(struct identity){ .user = NULL }, s->current->listener);

	generation_keeper_started(g, KEEPER + 1, 200);
	g->next = s->all;
	s->all = g;
	s->coming = g;
}

static void
test_a_reload_waits_for_all_credentials(void **state)
{
	static const enum keyring_state bad[] = { KEYRING_FAILED, KEYRING_NONE,
		KEYRING_WRONG };
	struct succession s = begin(1);
	struct generation *old = s.current, *new;

	(void)state;
	try_all(old, KEYRING_FOUND);
	assert_true(succession_continue(&s, 150));
	start_ready(old, 0, PID, 150);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		come(&s, 1);
		new = s.coming;
		assert_true(succession_continue(&s, 1000000));
		assert_int_equal(new->n_wanted, 0);
		try_all(new, bad[i]);
		assert_true(succession_continue(&s, 1000001));
		assert_null(s.coming);
		assert_ptr_equal(s.current, old);
		assert_int_equal(old->n_wanted, 1);
		/* Its keeper goes, and then so does it. */
		succession_sweep(&s);
		assert_int_equal(succession_count(&s, generation_processes), 3);
		n_sent = 0;
		generation_watch(new, 1000002);
		assert_int_equal(n_sent, 1);
		assert_int_equal(sent[0].pid, KEEPER + 1);
		generation_died(new, KEEPER + 1, KILLED_BY(15), 1000003);
		succession_sweep(&s);
		assert_ptr_equal(s.all, old);
		assert_null(old->next);
	}
	come(&s, 1);
	new = s.coming;
	try_all(new, KEYRING_FOUND);
	assert_true(succession_continue(&s, 2000000));
	assert_int_equal(new->n_wanted, 1);
	/* What a keeper finds out later does not end a reload. */
	try_all(new, KEYRING_FAILED);
	assert_true(succession_continue(&s, 2000001));
	assert_ptr_equal(s.coming, new);
	start_ready(new, 0, PID + 1, 2000001);
	assert_true(succession_continue(&s, 2000002));
	assert_ptr_equal(s.current, new);
	assert_true(old->is_ending);
	succession_free(&s, NULL);
}

static void
test_a_reload_whose_keepers_die_is_given_up(void **state)
{
	struct succession s = begin(1);
	int64_t now = 1000;

	(void)state;
	try_all(s.current, KEYRING_FOUND);
	assert_true(succession_continue(&s, now));
	come(&s, 1);
	for (int i = 0; i < SUCCESSION_FAILURES; i++) {
		assert_true(succession_continue(&s, now));
		assert_non_null(s.coming);
		generation_keeper_started(s.coming, KEEPER + 1, now);
		now += 5;
		generation_died(s.coming, KEEPER + 1, KILLED_BY(11), now);
	}
	assert_true(succession_continue(&s, now));
	assert_null(s.coming);
	succession_free(&s, NULL);
}

/* Each worker but the first is due so long after the one before it was ready:
 * ten times what that took, but 2 s for all at most.  An old one goes as soon as
 * a new one is ready, and the last old one when all are. */
static void
test_a_reload_leaves_time_between_two_starts(void **state)
{
	static const struct {
		size_t workers;
		int64_t took_ms, pause_ms;
	} rows[] = { { 3, 0, 10 }, { 3, 4, 50 }, { 3, 500, 666 },
		{ 1000, 4, 2 }, { 4000, 4, 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct succession s = begin(3);
		struct generation *new;
		int64_t now = 100000;

		try_all(s.current, KEYRING_FOUND);
		assert_true(succession_continue(&s, 150));
		for (size_t slot = 0; slot < 3; slot++)
			start_ready(s.current, slot, PID + (pid_t)slot, 150);
		come(&s, rows[i].workers);
		new = s.coming;
		try_all(new, KEYRING_FOUND);
		assert_true(succession_continue(&s, now));
		assert_int_equal(generation_next_due(new), 0);
		for (size_t slot = 0; slot < 2; slot++) {
			start(new, slot, PID + 10 + (pid_t)slot, now);
			now += rows[i].took_ms;
			scoreboard_set(new->board, slot, SCOREBOARD_IDLE, now);
			generation_note_ready(new);
			assert_true(succession_continue(&s, now));
			assert_int_equal(s.current->n_wanted, 2 - slot);
			now += rows[i].pause_ms;
			assert_int_equal(generation_next_due(new), now);
			/* Nothing more until then. */
			assert_true(succession_continue(&s, now));
			assert_int_equal(new->n_wanted, slot + 2);
		}
		succession_free(&s, NULL);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_wanted_are_due_at_once),
		cmocka_unit_test(test_another_is_due_when_it_is_said_to_be),
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
		cmocka_unit_test(test_the_keeper_is_replaced),
		cmocka_unit_test(test_the_keeper_ends_after_the_last_worker),
		cmocka_unit_test(test_what_the_keeper_found),
		cmocka_unit_test(test_the_first_workers_wait_for_credentials),
		cmocka_unit_test(test_a_reload_waits_for_all_credentials),
		cmocka_unit_test(test_a_reload_whose_keepers_die_is_given_up),
		cmocka_unit_test(test_a_reload_leaves_time_between_two_starts),
	};

	log_threshold(LOG_LEVEL_ERROR);
	return (cmocka_run_group_tests(tests, NULL, NULL));
}

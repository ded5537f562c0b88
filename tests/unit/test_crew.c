/*
 * Hands and what they do (src/offload/crew.h), and the loop that gives it to
 * them (src/offload/drive.h).  Whoever waits here waits for an event; what
 * never comes ends the test by an alarm.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "offload/crew.h"
#include "offload/drive.h"
#include "offload/stop.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

enum { HANDS = 4, TASKS = 400, PARTS = 40, PINGS = 20000, ALARM_S = 300 };

static atomic_uint connections;
static sem_t *join_posts; /* when the crew is over and waits for its hands */

struct fetch *__wrap_fetch_new(const struct site *sites, size_t n_sites,
    struct keyring *keyring, struct learnt *learnt);
void __wrap_fetch_free(struct fetch *fetch);
struct call *__wrap_call_new(const struct site *sites, size_t n_sites,
    struct keyring *keyring, struct learnt *learnt);
void __wrap_call_free(struct call *call);
int __real_pthread_join(pthread_t thread, void **result);
int __wrap_pthread_join(pthread_t thread, void **result);

struct fetch *
__wrap_fetch_new(const struct site *sites, size_t n_sites,
    struct keyring *keyring, struct learnt *learnt)
{
	assert_null(sites);
	assert_int_equal(n_sites, 0);
	assert_null(keyring);
	assert_null(learnt);
	connections++;
	return (mem_zero(1, 1));
}

void
__wrap_fetch_free(struct fetch *fetch)
{
	connections--;
	free(fetch);
}

struct call *
__wrap_call_new(const struct site *sites, size_t n_sites,
    struct keyring *keyring, struct learnt *learnt)
{
	return ((struct call *)(void *)__wrap_fetch_new(
	    sites, n_sites, keyring, learnt));
}

void
__wrap_call_free(struct call *call)
{
	__wrap_fetch_free((struct fetch *)(void *)call);
}

int
__wrap_pthread_join(pthread_t thread, void **result)
{
	if (join_posts != NULL)
		sem_post(join_posts);
	return (__real_pthread_join(thread, result));
}

/* A task, and parts of it. */
struct job {
	struct task task; /* first */
	struct share share;
	atomic_uint runs;
	atomic_uint parts[PARTS];
	atomic_uint begun; /* parts */
	size_t bad_part;   /* counted from 1; 0: none */
	bool is_whole;     /* what crew_share said */
	bool is_shared;
	sem_t *waits;
	pthread_barrier_t *barrier;
	const struct hand *hand;
};

static struct job *
job_of(struct share *share)
{
	return ((
	    struct job *)(void *)((char *)share - offsetof(struct job, share)));
}

static bool
run_part(struct share *share, size_t index, struct hand *hand)
{
	struct job *job = job_of(share);

	if (index >= PARTS)
		abort();
	job->begun++;
	job->parts[index]++;
	memset(hand->room, (int)index, 64); /* nobody else's */
	if (job->barrier != NULL)
		pthread_barrier_wait(job->barrier);
	return (job->bad_part == 0 || index + 1 < job->bad_part);
}

static void
run_task(struct task *task, struct hand *hand)
{
	struct job *job = (struct job *)task;

	job->runs++;
	job->hand = hand;
	memset(hand->room, 'x', CREW_ROOM);
	if (job->waits != NULL)
		sem_wait(job->waits);
	if (!job->is_shared)
		return;
	job->share.run = run_part;
	job->is_whole = crew_share(hand, &job->share);
}

static struct job *
make_jobs(size_t n)
{
	struct job *jobs = mem_zero(n, sizeof(*jobs));

	for (size_t i = 0; i < n; i++)
		jobs[i].task.run = run_task;
	return (jobs);
}

static struct crew_orders orders;

static struct crew *
make_crew(size_t hands)
{
	orders = (struct crew_orders){ .hands = hands };
	return (crew_new(&orders));
}

/* How many are done now; waits until it is one at least. */
static size_t
take_some(struct crew *crew)
{
	struct pollfd fd = { .fd = crew_fd(crew), .events = POLLIN };
	struct task *done;
	size_t n = 0;

	while ((done = crew_take_done(crew)) == NULL)
		poll(&fd, 1, -1);
	for (; done != NULL; done = done->next)
		n++;
	return (n);
}

static void
do_all(struct crew *crew, struct job *jobs, size_t n)
{
	size_t given = 0, done = 0;

	while (done < n) {
		while (given < n && crew_has_room(crew))
			crew_give(crew, &jobs[given++].task);
		assert_int_equal(crew_busy(crew), given - done);
		done += take_some(crew);
	}
	assert_int_equal(crew_busy(crew), 0);
	assert_null(crew_take_done(crew));
}

/* ------------------------------------------------------------------- tests */

static void
test_tasks(void **state)
{
	static const size_t hands[] = { 1, HANDS, 64 };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(hands); i++) {
		struct job *jobs = make_jobs(TASKS);
		struct crew *crew = make_crew(hands[i]);

		assert_null(crew_take_done(crew));
		do_all(crew, jobs, TASKS);
		for (size_t at = 0; at < TASKS; at++)
			assert_int_equal(jobs[at].runs, 1);
		crew_free(crew);
		assert_int_equal(connections, 0);
		free(jobs);
	}
	crew_free(NULL);
}

/* One after the other comes back in the order they were given. */
static void
test_order(void **state)
{
	struct job *jobs = make_jobs(4);
	struct crew *crew = make_crew(1);
	struct pollfd fd = { .events = POLLIN };
	struct task *last = NULL, *done;
	size_t n = 0;

	(void)state;
	fd.fd = crew_fd(crew);
	for (size_t i = 0; i < 4; i++) {
		assert_true(crew_has_room(crew));
		crew_give(crew, &jobs[i].task);
	}
	assert_false(crew_has_room(crew));
	while (n < 4) {
		poll(&fd, 1, -1);
		done = crew_take_done(crew);
		for (; done != NULL; done = done->next, n++) {
			assert_true(last == NULL ||
			    (struct job *)done == (struct job *)last + 1);
			last = done;
		}
	}
	assert_true(crew_has_room(crew));
	crew_free(crew);
	free(jobs);
}

static void
check_mask(struct task *task, struct hand *hand)
{
	struct job *job = (struct job *)task;
	sigset_t mask;

	(void)hand;
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	job->is_whole = sigismember(&mask, SIGTERM) == 1 &&
	    sigismember(&mask, SIGINT) == 1 && sigismember(&mask, SIGHUP) == 1;
}

static void
test_signals_are_not_for_hands(void **state)
{
	struct job *job = make_jobs(1);
	struct crew *crew = make_crew(1);
	sigset_t mask;

	(void)state;
	job->task.run = check_mask;
	do_all(crew, job, 1);
	assert_true(job->is_whole);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	assert_int_equal(sigismember(&mask, SIGTERM), 0);
	crew_free(crew);
	free(job);
}

/* All hands at once are within a part of one task, or nobody goes on. */
static void
test_idle_hands_help(void **state)
{
	struct job *job = make_jobs(1);
	struct crew *crew = make_crew(HANDS);
	pthread_barrier_t barrier;

	(void)state;
	pthread_barrier_init(&barrier, NULL, HANDS);
	job->is_shared = true;
	job->share.count = PARTS;
	job->barrier = &barrier;
	do_all(crew, job, 1);
	assert_true(job->is_whole);
	for (size_t i = 0; i < PARTS; i++)
		assert_int_equal(job->parts[i], 1);
	crew_free(crew);
	pthread_barrier_destroy(&barrier);
	free(job);
}

static void
test_parts_that_fail(void **state)
{
	static const struct {
		const char *name;
		size_t count;
		size_t bad_part;
		unsigned begun; /* by one hand */
		bool is_whole;
	} rows[] = {
		{ "no parts", 0, 0, 0, true },
		{ "one", 1, 0, 1, true },
		{ "one that fails", 1, 1, 1, false },
		{ "the first", PARTS, 1, 1, false },
		{ "the third", PARTS, 3, 3, false },
		{ "the last", PARTS, PARTS, PARTS, false },
	};
	struct crew *one = make_crew(1);
	pthread_barrier_t barrier;
	struct crew *many;
	struct job *job;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		print_message("%s\n", rows[i].name);
		job = make_jobs(1);
		job->is_shared = true;
		job->share.count = rows[i].count;
		job->bad_part = rows[i].bad_part;
		do_all(one, job, 1);
		assert_int_equal(job->is_whole, rows[i].is_whole);
		assert_int_equal(job->begun, rows[i].begun);
		free(job);
	}
	crew_free(one);
	/* Of many hands each is within one that fails: none begins another. */
	many = make_crew(HANDS);
	pthread_barrier_init(&barrier, NULL, HANDS);
	job = make_jobs(1);
	job->is_shared = true;
	job->share.count = PARTS;
	job->bad_part = 1;
	job->barrier = &barrier;
	do_all(many, job, 1);
	assert_false(job->is_whole);
	assert_int_equal(job->begun, HANDS);
	/* The crew is as good as before. */
	job->bad_part = 0;
	job->barrier = NULL;
	do_all(many, job, 1);
	assert_true(job->is_whole);
	crew_free(many);
	pthread_barrier_destroy(&barrier);
	free(job);
}

/* Many tasks with parts at once, among others without. */
static void
test_load(void **state)
{
	struct job *jobs = make_jobs(TASKS);
	struct crew *crew = make_crew(2 * HANDS);

	(void)state;
	for (size_t i = 0; i < TASKS; i++) {
		jobs[i].is_shared = i % 3 != 0;
		jobs[i].share.count = i % (PARTS + 1);
		jobs[i].bad_part = i % 7 == 0 ? 5 : 0;
	}
	do_all(crew, jobs, TASKS);
	for (size_t i = 0; i < TASKS; i++) {
		const struct job *job = &jobs[i];
		bool is_bad =
		    job->bad_part > 0 && job->share.count >= job->bad_part;

		assert_int_equal(job->runs, 1);
		if (!job->is_shared)
			continue;
		assert_int_equal(job->is_whole, !is_bad);
		for (size_t at = 0; at < PARTS; at++)
			assert_true(job->parts[at] <= 1);
		if (!is_bad)
			assert_int_equal(job->begun, job->share.count);
	}
	crew_free(crew);
	free(jobs);
}

/* One at a time, so that all hands sleep in between. */
static void
test_no_wake_up_is_lost(void **state)
{
	struct job *job = make_jobs(1);
	struct crew *crew = make_crew(HANDS);

	(void)state;
	job->is_shared = true;
	job->share.count = 2;
	for (size_t i = 0; i < PINGS; i++)
		do_all(crew, job, 1);
	assert_int_equal(job->runs, PINGS);
	assert_int_equal(job->parts[1], PINGS);
	crew_free(crew);
	free(job);
}

/* The crew goes: the task that is under way comes to its end, with all of its
 * parts, and the others are not begun. */
static void
test_end(void **state)
{
	struct job *jobs = make_jobs(3);
	struct crew *crew = make_crew(1);
	sem_t goes_on;

	(void)state;
	sem_init(&goes_on, 0, 0);
	jobs[0].waits = &goes_on;
	jobs[0].is_shared = true;
	jobs[0].share.count = PARTS;
	for (size_t i = 0; i < 3; i++)
		crew_give(crew, &jobs[i].task);
	while (jobs[0].runs == 0)
		sched_yield();
	join_posts = &goes_on;
	crew_free(crew);
	join_posts = NULL;
	assert_true(jobs[0].is_whole);
	assert_int_equal(jobs[0].begun, PARTS);
	assert_int_equal(jobs[1].runs, 0);
	assert_int_equal(jobs[2].runs, 0);
	assert_int_equal(connections, 0);
	sem_destroy(&goes_on);
	free(jobs);
}

/* Those that no hand has begun come back as they are, in order and at once;
 * the one that is under way when it is done.  The crew is as good as before. */
static void
test_drop(void **state)
{
	struct job *jobs = make_jobs(4);
	struct crew *crew = make_crew(1);
	struct pollfd fd = { .fd = crew_fd(crew), .events = POLLIN };
	struct task *done;
	sem_t goes_on;

	(void)state;
	crew_drop(crew); /* nothing */
	assert_null(crew_take_done(crew));
	sem_init(&goes_on, 0, 0);
	jobs[0].waits = &goes_on;
	for (size_t i = 0; i < 4; i++)
		crew_give(crew, &jobs[i].task);
	while (jobs[0].runs == 0)
		sched_yield();
	assert_int_equal(poll(&fd, 1, 0), 0);
	crew_drop(crew);
	crew_drop(crew);
	assert_int_equal(poll(&fd, 1, 0), 1);
	done = crew_take_done(crew);
	for (size_t i = 1; i < 4; i++, done = done->next) {
		assert_ptr_equal(done, &jobs[i].task);
		assert_false(done->is_begun);
	}
	assert_null(done);
	assert_int_equal(crew_busy(crew), 1);
	assert_int_equal(poll(&fd, 1, 0), 0);
	sem_post(&goes_on);
	assert_int_equal(take_some(crew), 1);
	assert_true(jobs[0].task.is_begun);
	jobs[0].waits = NULL;
	do_all(crew, jobs, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_true(jobs[i].task.is_begun);
		assert_int_equal(jobs[i].runs, i == 0 ? 2 : 1);
	}
	/* Given once more, and once more not begun. */
	jobs[0].waits = &goes_on;
	crew_give(crew, &jobs[0].task);
	while (jobs[0].runs == 2)
		sched_yield();
	crew_give(crew, &jobs[1].task);
	crew_drop(crew);
	assert_false(jobs[1].task.is_begun);
	sem_post(&goes_on);
	crew_free(crew);
	sem_destroy(&goes_on);
	free(jobs);
}

/* What was dropped is not waited for: less than one for each hand is told of as
 * soon as there is no more. */
static void
test_dropped_is_not_waited_for(void **state)
{
	struct job *jobs = make_jobs(4);
	struct crew *crew = make_crew(2);
	struct pollfd fd = { .fd = crew_fd(crew), .events = POLLIN };
	sem_t goes_on;

	(void)state;
	sem_init(&goes_on, 0, 0);
	jobs[0].waits = jobs[1].waits = &goes_on;
	for (size_t i = 0; i < 4; i++)
		crew_give(crew, &jobs[i].task);
	while (jobs[0].runs == 0 || jobs[1].runs == 0)
		sched_yield();
	crew_drop(crew);
	assert_int_equal(take_some(crew), 2);
	sem_post(&goes_on);
	sem_post(&goes_on);
	while (crew_busy(crew) > 0)
		take_some(crew);
	do_all(crew, &jobs[2], 1);
	crew_give(crew, &jobs[3].task);
	assert_int_equal(poll(&fd, 1, -1), 1);
	assert_int_equal(take_some(crew), 1);
	crew_free(crew);
	sem_destroy(&goes_on);
	free(jobs);
}

/* It is told of many that are done as of one: when there is one for each hand,
 * or when there is nothing else to wait for. */
static void
test_told_together(void **state)
{
	struct job *jobs = make_jobs(3);
	struct crew *crew = make_crew(2);
	struct pollfd fd = { .fd = crew_fd(crew), .events = POLLIN };
	sem_t goes_on;

	(void)state;
	sem_init(&goes_on, 0, 0);
	jobs[0].waits = jobs[2].waits = &goes_on;
	for (size_t i = 0; i < 3; i++)
		crew_give(crew, &jobs[i].task);
	/* The second is done once the third has begun, or before the first
	 * has: whoever did it took the next. */
	while (jobs[0].runs == 0 || jobs[2].runs == 0)
		sched_yield();
	assert_int_equal(poll(&fd, 1, 0), 0);
	/* It can be taken all the same. */
	assert_ptr_equal(crew_take_done(crew), &jobs[1].task);
	sem_post(&goes_on);
	sem_post(&goes_on);
	while (crew_busy(crew) > 0)
		take_some(crew);
	crew_free(crew);
	sem_destroy(&goes_on);
	free(jobs);
}

/* ---- The loop ---- */

static struct {
	struct crew *crew;
	struct job *jobs;
	size_t given, settled, begun, asked, lists, ticks;
	const char *script; /* for each call of next: t l w o; behind it: o */
	size_t stop_after;  /* so many were given; SIZE_MAX: never */
} loop;

void __wrap_report_tick(struct report *report, int64_t now_ms);
int __wrap_stop_fd(void);
bool __wrap_stop_is_wanted(void);

void
__wrap_report_tick(struct report *report, int64_t now_ms)
{
	(void)report;
	assert_true(now_ms > 0);
	loop.ticks++;
}

int
__wrap_stop_fd(void)
{
	return (-1);
}

bool
__wrap_stop_is_wanted(void)
{
	return (loop.given >= loop.stop_after);
}

static enum drive_next
next(void *context, struct task **task)
{
	size_t len = strlen(loop.script);
	char what = loop.asked < len ? loop.script[loop.asked] : 'o';

	assert_ptr_equal(context, &loop);
	loop.asked++;
	assert_true(crew_busy(loop.crew) < HANDS * 4);
	switch (what) {
	case 't':
		*task = &loop.jobs[loop.given++].task;
		return (DRIVE_TASK);
	case 'l':
		return (DRIVE_LATER);
	case 'w':
		/* Asked again only when something is done, or after a while. */
		return (DRIVE_WAIT);
	default:
		return (DRIVE_OVER);
	}
}

static void
settle(void *context, struct task *done)
{
	assert_ptr_equal(context, &loop);
	assert_non_null(done);
	loop.lists++;
	for (; done != NULL; done = done->next) {
		assert_int_equal(((struct job *)done)->runs, done->is_begun);
		loop.settled++;
		loop.begun += done->is_begun;
	}
}

#define TEN     "tttttttttt"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static void
test_drive(void **state)
{
	static const struct {
		const char *name;
		const char *script;
		size_t stop_after;
		bool is_whole;
		size_t tasks;
		size_t asked; /* 0: any number */
	} rows[] = {
		{ "nothing to do", "", SIZE_MAX, true, 0, 1 },
		{ "one", "t", SIZE_MAX, true, 1, 2 },
		{ "many", HUNDRED, SIZE_MAX, true, 100, 101 },
		{ "later", "llltlltl", SIZE_MAX, true, 2, 9 },
		{ "nothing, but later", "lll", SIZE_MAX, true, 0, 4 },
		{ "after what is done", "tw" TEN "w", SIZE_MAX, true, 11, 14 },
		{ "stopped before", HUNDRED, 0, false, 0, 0 },
		{ "stopped within", HUNDRED, 7, false, 0, 0 },
		{ "stopped while there is nothing to do", "tlllllllllll", 1,
		    false, 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct drive drive = {
			.next = next,
			.settle = settle,
			.context = &loop,
		};

		print_message("%s\n", rows[i].name);
		memset(&loop, 0, sizeof(loop));
		loop.crew = drive.crew = make_crew(HANDS);
		loop.jobs = make_jobs(128);
		loop.script = rows[i].script;
		loop.stop_after = rows[i].stop_after;
		assert_int_equal(drive_run(&drive), rows[i].is_whole);
		/* All that was given is settled, in any case. */
		assert_int_equal(loop.settled, loop.given);
		if (rows[i].is_whole)
			assert_int_equal(loop.begun, loop.given);
		assert_int_equal(crew_busy(loop.crew), 0);
		if (rows[i].is_whole || rows[i].tasks > 0)
			assert_int_equal(loop.given, rows[i].tasks);
		if (rows[i].stop_after == 0)
			assert_int_equal(loop.asked, 0);
		/* Once stopped, no more than there is room for. */
		if (!rows[i].is_whole)
			assert_in_range(loop.given, rows[i].stop_after,
			    rows[i].stop_after + HANDS * 4 - 1);
		if (rows[i].asked > 0)
			assert_int_equal(loop.asked, rows[i].asked);
		assert_true(loop.ticks >= loop.lists);
		crew_free(loop.crew);
		free(loop.jobs);
	}
}

static int
set_alarm(void **state)
{
	(void)state;
	alarm(ALARM_S);
	return (0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tasks),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_signals_are_not_for_hands),
		cmocka_unit_test(test_idle_hands_help),
		cmocka_unit_test(test_parts_that_fail),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_no_wake_up_is_lost),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_drop),
		cmocka_unit_test(test_dropped_is_not_waited_for),
		cmocka_unit_test(test_told_together),
		cmocka_unit_test(test_drive),
	};

	return (cmocka_run_group_tests(tests, set_alarm, NULL));
}

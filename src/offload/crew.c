/*
 * Threads and what they do: see crew.h.
 *
 * Threads and not processes, as the daemon has them: a task is a file, and what
 * a crash would spoil is safe on the disk anyway; and its parts can be shared.
 * One lock for all lists; it is held for a few instructions at a time.
 */
#include "offload/crew.h"

#include <sys/eventfd.h>

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

enum {
	/* So many tasks wait for each hand, so that none has to wait for the
	 * one who gives them, nor for those that are done to be taken back. */
	TASKS_AHEAD = 4,
};

struct list {
	struct task *first;
	struct task **end;
};

struct crew {
	const struct crew_orders *orders;
	pthread_mutex_t lock;
	pthread_cond_t work;  /* there is some, or it is over */
	pthread_cond_t parts; /* one has ended */
	struct list given;
	struct list done;
	struct share *shares; /* with parts that are not given */
	bool is_over;
	size_t n_open; /* given, and not done */
	size_t n_done; /* and not taken back */
	int done_fd;
	size_t busy; /* of the one who gives */
	pthread_t *threads;
};

static void
list_init(struct list *list)
{
	list->first = NULL;
	list->end = &list->first;
}

static void
list_add(struct list *list, struct task *task)
{
	task->next = NULL;
	*list->end = task;
	list->end = &task->next;
}

static struct task *
list_take(struct list *list)
{
	struct task *task = list->first;

	list->first = task->next;
	if (list->first == NULL)
		list->end = &list->first;
	return (task);
}

static void
lock(struct crew *crew)
{
	if (pthread_mutex_lock(&crew->lock) != 0)
		abort();
}

static void
unlock(struct crew *crew)
{
	if (pthread_mutex_unlock(&crew->lock) != 0)
		abort();
}

/* No other is to find it; with the lock. */
static void
withdraw(struct crew *crew, const struct share *share)
{
	for (struct share **at = &crew->shares; *at != NULL; at = &(*at)->next)
		if (*at == share) {
			*at = share->next;
			return;
		}
}

/* Take the next part of SHARE; with the lock. */
static size_t
take_part(struct crew *crew, struct share *share)
{
	size_t index = share->given++;

	share->running++;
	if (share->given == share->count)
		withdraw(crew, share);
	return (index);
}

/* Do a part of SHARE; the lock is given back meanwhile. */
static void
do_part(struct share *share, struct hand *hand)
{
	size_t index = take_part(hand->crew, share);
	bool is_done;

	unlock(hand->crew);
	is_done = share->run(share, index, hand);
	lock(hand->crew);
	share->running--;
	share->has_failed = share->has_failed || !is_done;
	pthread_cond_broadcast(&hand->crew->parts);
}

/* One with parts to be begun; with the lock. */
static struct share *
find_share(const struct crew *crew)
{
	struct share *share = crew->shares;

	while (share != NULL && share->has_failed)
		share = share->next;
	return (share);
}

/* It is said that tasks are done when there is one for each hand, or when there
 * is nothing else to wait for: what follows, the journal on the disk, costs the
 * same for one and for many.  With the lock. */
static void
say_done(struct crew *crew)
{
	if (crew->n_done >= crew->orders->hands || crew->n_open == 0)
		/* It can only fail where 2^64 were added before. */
		(void)eventfd_write(crew->done_fd, 1);
}

static void
do_task(struct crew *crew, struct hand *hand)
{
	struct task *task = list_take(&crew->given);

	task->is_begun = true;
	unlock(crew);
	task->run(task, hand);
	lock(crew);
	list_add(&crew->done, task);
	crew->n_open--;
	crew->n_done++;
	say_done(crew);
}

static void
work(struct crew *crew, struct hand *hand)
{
	lock(crew);
	for (;;) {
		struct share *share = find_share(crew);

		if (share != NULL)
			do_part(share, hand);
		else if (crew->is_over)
			break;
		else if (crew->given.first != NULL)
			do_task(crew, hand);
		else
			pthread_cond_wait(&crew->work, &crew->lock);
	}
	unlock(crew);
}

static void *
run_thread(void *context)
{
	struct crew *crew = context;
	const struct crew_orders *orders = crew->orders;
	struct hand hand = {
		.fetch = fetch_new(orders->sites, orders->n_sites,
		    orders->keyring, orders->learnt),
		.call = call_new(orders->sites, orders->n_sites,
		    orders->keyring, orders->learnt),
		.room = mem_alloc(CREW_ROOM),
		.crew = crew,
	};

	work(crew, &hand);
	fetch_free(hand.fetch);
	call_free(hand.call);
	free(hand.room);
	return (NULL);
}

/* Signals are for the thread that has the crew. */
static void
start_threads(struct crew *crew)
{
	sigset_t all, before;
	int why = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (size_t i = 0; i < crew->orders->hands && why == 0; i++)
		why = pthread_create(&crew->threads[i], NULL, run_thread, crew);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (why != 0)
		log_fatal(1, "no thread can be made: %s; --jobs makes fewer",
		    strerror(why));
}

struct crew *
crew_new(const struct crew_orders *orders)
{
	struct crew *crew = mem_zero(1, sizeof(*crew));

	crew->orders = orders;
	if (pthread_mutex_init(&crew->lock, NULL) != 0 ||
	    pthread_cond_init(&crew->work, NULL) != 0 ||
	    pthread_cond_init(&crew->parts, NULL) != 0)
		log_fatal(1, "no lock can be made");
	list_init(&crew->given);
	list_init(&crew->done);
	crew->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (crew->done_fd < 0)
		log_fatal(1, "no eventfd can be made: %m");
	crew->threads = mem_zero(orders->hands, sizeof(*crew->threads));
	start_threads(crew);
	return (crew);
}

void
crew_free(struct crew *crew)
{
	if (crew == NULL)
		return;
	lock(crew);
	crew->is_over = true;
	pthread_cond_broadcast(&crew->work);
	unlock(crew);
	for (size_t i = 0; i < crew->orders->hands; i++)
		pthread_join(crew->threads[i], NULL);
	pthread_cond_destroy(&crew->work);
	pthread_cond_destroy(&crew->parts);
	pthread_mutex_destroy(&crew->lock);
	close(crew->done_fd);
	free(crew->threads);
	free(crew);
}

bool
crew_has_room(const struct crew *crew)
{
	return (crew->busy < crew->orders->hands * TASKS_AHEAD);
}

size_t
crew_busy(const struct crew *crew)
{
	return (crew->busy);
}

void
crew_give(struct crew *crew, struct task *task)
{
	crew->busy++;
	task->is_begun = false;
	lock(crew);
	list_add(&crew->given, task);
	crew->n_open++;
	pthread_cond_signal(&crew->work);
	unlock(crew);
}

struct task *
crew_take_done(struct crew *crew)
{
	struct task *done;
	eventfd_t count;

	(void)eventfd_read(crew->done_fd, &count);
	lock(crew);
	done = crew->done.first;
	list_init(&crew->done);
	crew->n_done = 0;
	unlock(crew);
	for (struct task *task = done; task != NULL; task = task->next)
		crew->busy--;
	return (done);
}

void
crew_drop(struct crew *crew)
{
	lock(crew);
	for (; crew->given.first != NULL; crew->n_open--, crew->n_done++)
		list_add(&crew->done, list_take(&crew->given));
	say_done(crew);
	unlock(crew);
}

int
crew_fd(const struct crew *crew)
{
	return (crew->done_fd);
}

/* Is any part of SHARE still to be waited for?  With the lock. */
static bool
is_open(const struct share *share)
{
	return (share->running > 0 ||
	    (share->given < share->count && !share->has_failed));
}

bool
crew_share(struct hand *hand, struct share *share)
{
	struct crew *crew = hand->crew;

	share->given = share->running = 0;
	share->has_failed = false;
	if (share->count == 0)
		return (true);
	lock(crew);
	share->next = crew->shares;
	crew->shares = share;
	pthread_cond_broadcast(&crew->work);
	while (is_open(share)) {
		if (share->given < share->count && !share->has_failed)
			do_part(share, hand);
		else
			pthread_cond_wait(&crew->parts, &crew->lock);
	}
	withdraw(crew, share);
	unlock(crew);
	return (!share->has_failed);
}

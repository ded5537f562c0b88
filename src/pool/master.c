/*
 * The master: see master.h.
 *
 * One loop: wait for signals, for word from the children, or for the next
 * thing that is due; then do what there is to do.  Signals are blocked for
 * good and read from a descriptor, since sigtimedwait() could not wait for
 * the children's eventfd as well, and a worker that has become another user may
 * not send a signal to a master that is root.
 */
#include "pool/master.h"

#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "pool/generation.h"
#include "pool/keeper.h"
#include "pool/listen.h"
#include "pool/succession.h"
#include "pool/worker.h"
#include "s3/rehearsal.h"
#include "s3/trust.h"

enum { EXIT_NO_SOCKET = 1, EXIT_HOPELESS = 2 };

struct master {
	struct succession workers;
	pid_t pid;
	int signals; /* signalfd */
	int news;    /* eventfd, to which new workers and keepers write */
	bool is_reload_wanted;
	bool is_announced;  /* the log has said that all workers are there */
	bool has_rehearsed; /* see s3/rehearsal.h */
	bool is_ending;
	int64_t kill_ms; /* while ending: when patience is over */
	int status;      /* to exit with */
};

/* ---- Ending ---- */

static void
begin_end(struct master *master, int status, int64_t now)
{
	int64_t timeout =
	    master->workers.current->settings->daemon.drain_timeout_ms;
	char text[FORMAT_MAX];
	struct generation *it;

	master->is_ending = true;
	master->status = status;
	master->kill_ms = now + timeout;
	for (it = master->workers.all; it != NULL; it = it->next)
		listen_unlink(it->listener);
	for (it = master->workers.all; it != NULL; it = it->next)
		generation_tell_all(it, true, now);
	log_info("ending: %zu requests are under way and may take %s",
	    succession_count(&master->workers, generation_busy),
	    format_duration(timeout, text));
}

static void
kill_all(struct master *master, const char *why)
{
	log_warning("%s: %zu workers are killed and %zu requests cut", why,
	    succession_count(&master->workers, generation_alive),
	    succession_count(&master->workers, generation_busy));
	for (struct generation *it = master->workers.all; it != NULL;
	     it = it->next)
		generation_kill(it);
	master->kill_ms = INT64_MAX;
}

static void
take_end_signal(struct master *master, int64_t now)
{
	if (!master->is_ending)
		begin_end(master, EXIT_SUCCESS, now);
	else
		kill_all(master, "told to end once more");
}

/* ---- Keepers ---- */

/* From here on this process is a keeper. */
static void ATTR_NORETURN
become_keeper(struct master *master, struct generation *generation)
{
	const struct keeper_orders orders = {
		.program = "trys3d",
		.log_level =
		    (enum log_level)generation->settings->daemon.log_level,
		.sites = generation->settings->sites,
		.n_sites = generation->settings->n_sites,
		.keyring = generation->keyring,
		.tried_fd = master->news,
		.master = master->pid,
	};
	int status;

	close(master->signals);
	succession_free(&master->workers, generation);
	listen_release(generation->listener);
	generation->listener = NULL;
	status = keeper_run(&orders);
	generation_free(generation);
	exit(status);
}

static void
start_keepers(struct master *master, int64_t now)
{
	for (struct generation *it = master->workers.all; it != NULL;
	     it = it->next) {
		pid_t pid;

		if (!generation_is_keeper_due(it, now))
			continue;
		pid = fork();
		if (pid == 0)
			become_keeper(master, it);
		if (pid < 0)
			log_error("cannot start the keeper: fork: %s",
			    strerror(errno));
		generation_keeper_started(it, pid, now);
	}
}

/* ---- Workers ---- */

/* From here on this process is a worker. */
static void ATTR_NORETURN
become_worker(struct master *master, struct generation *generation, size_t slot)
{
	const struct worker_orders orders = {
		.settings = generation->settings,
		.keyring = generation->keyring,
		.learnt = generation->learnt,
		.identity = &generation->identity,
		.listen_fd = generation->listener->fd,
		.board = generation->board,
		.slot = slot,
		.ready_fd = master->news,
		.master = master->pid,
	};
	int status;

	close(master->signals);
	succession_free(&master->workers, generation);
	status = worker_run(&orders);
	generation_free(generation);
	exit(status);
}

/* What workers share.  Not before the keeper is under way: it searches
 * meanwhile. */
static void
prepare_tls(struct master *master, const struct generation *generation)
{
	const struct settings *settings = generation->settings;

	for (size_t i = 0; i < settings->n_sites; i++) {
		if (!site_is_tls(&settings->sites[i]))
			continue;
		trust_prepare(settings->sites[i].ca_file);
		if (!master->has_rehearsed)
			rehearsal_hold();
		master->has_rehearsed = true;
	}
}

static void
start_worker(struct master *master, struct generation *generation, size_t slot,
    int64_t now)
{
	pid_t pid;

	generation_starts(generation, slot, now);
	pid = fork();
	if (pid == 0)
		become_worker(master, generation, slot);
	if (pid < 0)
		log_error("cannot start worker %zu: fork: %s", slot + 1,
		    strerror(errno));
	generation_started(generation, slot, pid, now);
}

static void
start_workers(struct master *master, int64_t now)
{
	size_t slot;

	for (struct generation *it = master->workers.all; it != NULL;
	     it = it->next) {
		if (generation_is_due(it, now, &slot))
			prepare_tls(master, it);
		while (generation_is_due(it, now, &slot))
			start_worker(master, it, slot, now);
	}
}

static void
take_hopeless(
    struct master *master, const struct generation *generation, int64_t now)
{
	if (master->is_ending)
		return;
	if (generation == master->workers.coming)
		succession_give_up(&master->workers, now);
	else if (generation == master->workers.current &&
	    master->workers.coming == NULL) {
		log_error("no worker can start with these settings (the lines "
			  "above say why): giving up");
		begin_end(master, EXIT_HOPELESS, now);
	}
}

static void
take_death(struct master *master, pid_t pid, int status, int64_t now)
{
	for (struct generation *it = master->workers.all; it != NULL;
	     it = it->next) {
		switch (generation_died(it, pid, status, now)) {
		case GENERATION_NOT_OURS:
			continue;
		case GENERATION_KEEPER:
			return;
		case GENERATION_GOES_ON:
			break;
		case GENERATION_HOPELESS:
			take_hopeless(master, it, now);
			break;
		}
		/* It may have been woken for a connection and have died before
		 * it took it. */
		if (status != 0)
			generation_tell_to_look(it);
		return;
	}
}

/* Every child that has ended, also those that process 1 inherits. */
static void
reap(struct master *master, int64_t now)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		take_death(master, pid, status, now);
}

/* ---- The loop ---- */

/* When there is something to do that no descriptor tells of. */
static int64_t
find_next_deadline(const struct master *master, int64_t now)
{
	int64_t next = now + MASTER_TICK_MS;

	if (master->is_ending && master->kill_ms < next)
		next = master->kill_ms;
	for (const struct generation *it = master->workers.all; it != NULL;
	     it = it->next) {
		int64_t due = generation_next_due(it);

		if (due < next)
			next = due;
	}
	return (next > now ? next : now);
}

static void
wait_for_news(const struct master *master)
{
	struct pollfd watched[] = {
		{ .fd = master->signals, .events = POLLIN },
		{ .fd = master->news, .events = POLLIN },
	};
	int64_t now = clock_monotonic_ms();
	eventfd_t count;

	/* Whatever woke us, all of it is looked at. */
	(void)poll(watched, sizeof(watched) / sizeof(watched[0]),
	    (int)(find_next_deadline(master, now) - now));
	(void)eventfd_read(master->news, &count);
}

static void
take_signals(struct master *master, int64_t now)
{
	struct signalfd_siginfo info;

	while (read(master->signals, &info, sizeof(info)) == sizeof(info)) {
		switch (info.ssi_signo) {
		case SIGTERM:
		case SIGINT:
		case SIGUSR1:
			take_end_signal(master, now);
			break;
		case SIGHUP:
			master->is_reload_wanted = true;
			break;
		default: /* SIGCHLD: all who have ended are reaped anyway */
			break;
		}
	}
}

static void
note_ready(struct master *master)
{
	for (struct generation *it = master->workers.all; it != NULL;
	     it = it->next)
		generation_note_ready(it);
	if (master->is_announced ||
	    !generation_is_ready(master->workers.current))
		return;
	master->is_announced = true;
	log_info("ready: %zu workers serve on %s",
	    master->workers.current->n_slots,
	    master->workers.current->listener->name);
}

/* One at a time, and none before the first workers are wanted. */
static bool
is_reload_due(const struct master *master)
{
	return (master->is_reload_wanted && master->workers.coming == NULL &&
	    master->workers.current->n_wanted > 0);
}

static void
do_what_is_due(struct master *master, int64_t now)
{
	if (master->is_ending && now >= master->kill_ms)
		kill_all(master, "drain_timeout has passed");
	if (!master->is_ending && !succession_continue(&master->workers, now))
		begin_end(master, EXIT_HOPELESS, now);
	if (!master->is_ending && is_reload_due(master)) {
		master->is_reload_wanted = false;
		succession_reload(&master->workers);
	}
	for (struct generation *it = master->workers.all; it != NULL;
	     it = it->next)
		generation_watch(it, now);
	start_keepers(master, now);
	start_workers(master, now);
	succession_sweep(&master->workers);
}

static void
loop(struct master *master)
{
	start_keepers(master, clock_monotonic_ms());
	while (!master->is_ending ||
	    succession_count(&master->workers, generation_processes) > 0) {
		int64_t now;

		wait_for_news(master);
		now = clock_monotonic_ms();
		take_signals(master, now);
		note_ready(master);
		reap(master, now);
		do_what_is_due(master, now);
	}
}

/* ---- Start and end ---- */

/* Block the signals, and forget what the one who started us did to them: a
 * shell may have SIGINT ignored, and with SIGCHLD ignored no child could be
 * waited for. */
static bool
open_signals(struct master *master)
{
	const int watched[] = { SIGTERM, SIGINT, SIGUSR1, SIGHUP, SIGCHLD };
	const struct sigaction standard = { .sa_handler = SIG_DFL };
	const struct sigaction ignored = { .sa_handler = SIG_IGN };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(watched) / sizeof(watched[0]); i++) {
		sigaddset(&set, watched[i]);
		sigaction(watched[i], &standard, NULL);
	}
	master->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	master->news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	/* Blocked here for the workers, who inherit it. */
	sigaddset(&set, WORKER_SIGNAL_LOOK);
	sigprocmask(SIG_SETMASK, &set, NULL);
	/* Whoever reads the log may go away. */
	sigaction(SIGPIPE, &ignored, NULL);
	if (master->signals >= 0 && master->news >= 0)
		return (true);
	log_error("cannot watch for signals: %s", strerror(errno));
	return (false);
}

/* The first generation.  EXIT_SUCCESS, or the status to exit with; SETTINGS
 * are the master's or freed. */
static int
begin(struct master *master, struct settings *settings)
{
	struct listener *listener = NULL;
	bool is_begun;

	switch (listen_inherit(&listener)) {
	case LISTEN_OK:
		break;
	case LISTEN_NONE:
		listener = listen_open(&settings->daemon);
		break;
	case LISTEN_FAILED:
		break;
	}
	if (listener == NULL) {
		config_free(settings);
		return (EXIT_NO_SOCKET);
	}
	log_info("listening on %s%s", listener->name,
	    listener->is_inherited ? ", handed over" : "");
	is_begun = succession_begin(
	    &master->workers, settings, listener, clock_monotonic_ms());
	listen_release(listener);
	if (!is_begun) {
		config_free(settings);
		return (EXIT_HOPELESS);
	}
	return (EXIT_SUCCESS);
}

int
master_run(struct settings *settings, const char *path)
{
	struct master master = { .workers = { .path = path }, .pid = getpid() };

	if (!open_signals(&master)) {
		config_free(settings);
		return (EXIT_NO_SOCKET);
	}
	master.status = begin(&master, settings);
	if (master.status == EXIT_SUCCESS) {
		loop(&master);
		log_info("ended");
	}
	succession_free(&master.workers, NULL);
	close(master.signals);
	close(master.news);
	return (master.status);
}

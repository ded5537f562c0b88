/*
 * A worker: see worker.h.
 *
 * Signals stay blocked for its whole life and are read from a descriptor, in
 * the same wait as connections: neither libfcgi nor a write in the middle of
 * an answer ever meets EINTR, and no signal can fall between a check and a
 * wait.  EPOLLEXCLUSIVE lets the kernel wake one worker for a connection;
 * plain poll() wakes all of them (measured: 5.3k requests a second instead of
 * 18.1k with 64 workers).  The price: a worker that was woken owes that
 * connection an accept, since no other was told of it.  So one that is told to
 * end while it is being woken serves that connection first, and when one is
 * killed the master tells the others to look.
 */
#include "pool/worker.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "cache/cache.h"
#include "credentials/chain.h"
#include "pool/follow.h"
#include "respond/fcgi.h"
#include "respond/request.h"
#include "s3/fetch.h"
#include "s3/http.h"
#include "s3/rehearsal.h"

struct worker {
	const struct worker_orders *orders;
	struct fcgi *fcgi;
	struct cache *cache;
	struct fetch *fetch;
	struct request_parts parts;
	int signals;    /* signalfd */
	int events;     /* epoll */
	uint64_t limit; /* requests until it is replaced; 0: none */
	uint64_t served;
	bool is_told_to_end;
	bool must_look;  /* see WORKER_SIGNAL_LOOK */
	bool is_new;     /* speaks TLS, and has not had the time to rehearse */
	bool is_trimmed; /* since it last served */
};

enum {
	/* A new worker that had nothing to do for so long uses the time to
	 * rehearse: its first connection writes to much of what is shared until
	 * then, and that is better copied before a client waits for it. */
	REHEARSE_MS = 50,
	/* Later it gives back the memory that a large object took: there are
	 * many workers, and most of them are idle. */
	TRIM_MS = 1000,
};

static void
set_state(const struct worker *worker, enum scoreboard_state state)
{
	scoreboard_set(worker->orders->board, worker->orders->slot, state,
	    clock_monotonic_ms());
}

/* About WISHED requests, from three to five quarters of it, so that workers
 * that started together are not replaced together. */
static uint64_t
spread_limit(uint64_t wished)
{
	uint64_t half = wished / 2;

	if (half >= UINT32_MAX)
		return (wished);
	return (wished - wished / 4 + clock_random((uint32_t)half + 1));
}

/* Nothing of what is in memory, keys among it, is to reach a file or another
 * process of the same user; what only the keeper needs is not even there. */
static void
shut_memory(const struct worker_orders *orders)
{
	secret_hide_process();
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	settings_forget_secrets(orders->settings);
	credentials_forget_environment();
}

/* Can this user read what requests will need?  False after error lines. */
static bool
can_read_files(const struct settings *settings)
{
	bool can = true;

	for (size_t i = 0; i < settings->n_sites; i++) {
		const struct site *site = &settings->sites[i];
		int fd;

		if (site->ca_file == NULL)
			continue;
		fd = open(site->ca_file, O_RDONLY | O_CLOEXEC);
		if (fd >= 0) {
			close(fd);
			continue;
		}
		log_error("[site %s] ca_file: the workers' user cannot read "
			  "%s: %s",
		    site->name != NULL ? site->name : "", site->ca_file,
		    strerror(errno));
		can = false;
	}
	return (can);
}

static bool
add_event(int events, int fd, uint32_t what)
{
	struct epoll_event event = { .events = what, .data = { .fd = fd } };

	return (epoll_ctl(events, EPOLL_CTL_ADD, fd, &event) == 0);
}

static bool
open_events(struct worker *worker)
{
	sigset_t watched;

	sigemptyset(&watched);
	sigaddset(&watched, WORKER_SIGNAL_END);
	sigaddset(&watched, WORKER_SIGNAL_LOOK);
	worker->signals = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
	worker->events = epoll_create1(EPOLL_CLOEXEC);
	if (worker->signals >= 0 && worker->events >= 0 &&
	    add_event(worker->events, worker->signals, EPOLLIN) &&
	    add_event(worker->events, worker->orders->listen_fd,
		EPOLLIN | EPOLLEXCLUSIVE))
		return (true);
	log_error("cannot wait for connections: %s", strerror(errno));
	return (false);
}

static void
make_parts(struct worker *worker)
{
	const struct settings *settings = worker->orders->settings;

	worker->fcgi = fcgi_new(worker->orders->listen_fd,
	    settings->daemon.read_timeout_ms, settings->daemon.send_timeout_ms);
	worker->cache = cache_new(&settings->cache);
	worker->fetch = fetch_new(settings->sites, settings->n_sites,
	    worker->orders->keyring, worker->orders->learnt);
	worker->parts = (struct request_parts){
		.sites = settings->sites,
		.n_sites = settings->n_sites,
		.cache_settings = &settings->cache,
		.cache = worker->cache,
		.fetch = worker->fetch,
		.request_timeout_ms = settings->daemon.request_timeout_ms,
		.answer_timeout_ms = settings->daemon.answer_timeout_ms,
	};
}

/* Take and serve one connection, if there is one.  False where the listening
 * socket is of no use any more. */
static bool
serve(struct worker *worker)
{
	struct request request;
	struct request_sink sink;

	set_state(worker, SCOREBOARD_BUSY);
	switch (fcgi_accept(worker->fcgi, &request, &sink)) {
	case FCGI_REQUEST:
		request_serve(&worker->parts, &request, &sink);
		fcgi_finish(worker->fcgi);
		scoreboard_count(worker->orders->board, worker->orders->slot);
		worker->served++;
		worker->is_new = worker->is_trimmed = false;
		break;
	case FCGI_NONE:
		break;
	case FCGI_BROKEN:
		log_error(
		    "the listening socket is of no use: %s", strerror(errno));
		return (false);
	}
	set_state(worker, SCOREBOARD_IDLE);
	return (true);
}

static void
read_signals(struct worker *worker)
{
	struct signalfd_siginfo info;

	while (read(worker->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == WORKER_SIGNAL_END)
			worker->is_told_to_end = true;
		else
			worker->must_look = true;
	}
}

/* How long to wait for a connection; -1: as long as it takes. */
static int
choose_patience(const struct worker *worker)
{
	if (worker->must_look)
		return (0);
	if (worker->is_new)
		return (REHEARSE_MS);
	return (worker->is_trimmed ? -1 : TRIM_MS);
}

/* There was nothing to do for so long. */
static void
use_time(struct worker *worker)
{
	if (worker->is_new) {
		rehearsal_hold();
		worker->is_new = false;
		return;
	}
	mem_trim();
	worker->is_trimmed = true;
}

/* Wait for signals and connections.  Is it worth while to accept? */
static bool
wait_for_connection(struct worker *worker)
{
	struct epoll_event events[2];
	bool is_worth = worker->must_look;
	int n;

	secret_wipe_registers();
	n = epoll_wait(worker->events, events, 2, choose_patience(worker));
	assert(n >= 0 || errno == EINTR);
	if (n == 0 && !is_worth)
		use_time(worker);
	worker->must_look = false;
	for (int i = 0; i < n; i++) {
		if (events[i].data.fd == worker->signals)
			read_signals(worker);
		else
			is_worth = true;
	}
	return (is_worth);
}

static bool
is_anyone_waiting(const struct worker *worker)
{
	/* Not epoll: it only knows what this worker was told of. */
	struct pollfd listening = { .fd = worker->orders->listen_fd,
		.events = POLLIN };

	return (poll(&listening, 1, 0) == 1);
}

/* Serve until told to end, or long enough.  The worker's exit status. */
static int
serve_all(struct worker *worker)
{
	while (!worker->is_told_to_end) {
		if (wait_for_connection(worker) && !serve(worker))
			return (WORKER_FAILED);
		if (worker->limit > 0 && worker->served >= worker->limit)
			return (WORKER_DONE);
		/* Now, since no connection can be owed: whoever came meanwhile,
		 * others were told of as well. */
		read_signals(worker);
	}
	while (is_anyone_waiting(worker) &&
	    scoreboard_take(worker->orders->board, worker->orders->slot))
		if (!serve(worker))
			return (WORKER_FAILED);
	return (WORKER_DONE);
}

static void
say_ready(const struct worker *worker)
{
	set_state(worker, SCOREBOARD_IDLE);
	/* It can only fail where 2^64 workers have said so before. */
	(void)eventfd_write(worker->orders->ready_fd, 1);
	close(worker->orders->ready_fd);
}

/* From the fork to the first wait.  The exit status, WORKER_DONE meaning that
 * all is well. */
static int
start(struct worker *worker)
{
	const struct worker_orders *orders = worker->orders;
	const struct daemon_settings *daemon = &orders->settings->daemon;
	char name[32];

	snprintf(name, sizeof(name), "trys3d worker %zu", orders->slot + 1);
	log_name(name);
	log_threshold((enum log_level)daemon->log_level);
	prctl(PR_SET_NAME, "trys3d-worker");
	if (!identity_assume(orders->identity))
		return (WORKER_HOPELESS);
	/* After the change of user, which resets it. */
	if (!follow_parent(orders->master, WORKER_SIGNAL_END))
		return (WORKER_FAILED);
	shut_memory(orders);
	if (!can_read_files(orders->settings))
		return (WORKER_HOPELESS);
	if (!open_events(worker))
		return (WORKER_FAILED);
	make_parts(worker);
	for (size_t i = 0; i < orders->settings->n_sites; i++)
		if (site_is_tls(&orders->settings->sites[i]))
			worker->is_new = true;
	if (daemon->worker_requests > 0)
		worker->limit = spread_limit(daemon->worker_requests);
	return (WORKER_DONE);
}

static void
finish(struct worker *worker)
{
	fetch_free(worker->fetch);
	cache_free(worker->cache);
	fcgi_free(worker->fcgi);
	if (worker->events >= 0)
		close(worker->events);
	if (worker->signals >= 0)
		close(worker->signals);
	http_global_fini();
}

int
worker_run(const struct worker_orders *orders)
{
	struct worker worker = {
		.orders = orders,
		.signals = -1,
		.events = -1,
	};
	int status = start(&worker);

	if (status == WORKER_DONE) {
		say_ready(&worker);
		status = serve_all(&worker);
		set_state(&worker, SCOREBOARD_ENDING);
	}
	finish(&worker);
	return (status);
}

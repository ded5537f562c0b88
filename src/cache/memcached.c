/*
 * A pool of memcached servers: see memcached.h.
 *
 * Each server has a libmemcached handle of its own, made when it is first
 * needed and thrown away with its connection whenever the server fails: no
 * late answer can be taken for that of another question, and one server's
 * trouble is never another's.  One more handle, the ring, never connects; it
 * only knows which key belongs to which server.
 *
 * The breaker is ours.  libmemcached's own counts failed connects alone, so a
 * server that accepts and then hangs costs a time-out every time, and it goes
 * by the wall clock.  libmemcached's time-outs are for each poll(2), so a
 * server that drips its answer could hold a worker for ever: a timer sets
 * them to zero when the operation's time is up, and the next wait fails.
 * (SND_TIMEOUT and RCV_TIMEOUT do nothing in 1.1.4, whose sockets never
 * block.)  Rejected: buffered requests, no reply and non-blocking mode (lost
 * errors, stale answers), the binary protocol (no faster, and deprecated),
 * moving a dead server's keys to the others (they come back stale).
 */
#include "cache/memcached.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "cache/handle.h"
#include "cache/servers.h"

enum {
	KEY_MAX = 250,

	/* What a handle may keep of a value's memory for the next one: enough
	 * for the usual image, and less than malloc takes from its heap. */
	KEEP_MAX = 128 * 1024,

	/* memcached takes more than this for seconds since the epoch. */
	RELATIVE_MAX_S = 30 * 24 * 60 * 60,
};

struct server {
	char *name;     /* as in the list, for the log */
	char *host;     /* or the path of a socket */
	in_port_t port; /* 0: a socket */

	memcached_st *handle;        /* NULL: none at the moment */
	memcached_result_st value;   /* of the last get; belongs to handle */
	memcached_result_st nothing; /* what must follow: nothing */
	size_t kept;                 /* at most so many bytes are in value */
	bool has_answered;           /* over this handle's connection */

	bool is_down;
	int64_t retry_ms; /* while down: left alone until then */
};

struct mc {
	memcached_st *ring;
	struct server *servers;
	size_t n_servers;
	int64_t timeout_ms;
	timer_t timer;
	bool has_told_too_large;
	bool has_told_full;
};

/* ------------------------------------------------------- the time-out --- */

/* The handle that is at work, and whether its time is up.  There is one timer
 * and one thread that waits, so there is one of each. */
static memcached_st *volatile watched;
static volatile sig_atomic_t is_overdue;

/* poll_timeout is read at the beginning of each wait, and zero fails it at
 * once.  The wait that the signal interrupts is taken up again by libmemcached
 * for the rest of its own time. */
static void
on_alarm(int number)
{
	memcached_st *handle = watched;

	(void)number;
	is_overdue = 1;
	if (handle != NULL)
		handle->poll_timeout = handle->connect_timeout = 0;
}

static void
create_timer(struct mc *mc)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL,
		.sigev_signo = SIGALRM };
	int rc;

	sigemptyset(&action.sa_mask);
	rc = sigaction(SIGALRM, &action, NULL);
	assert(rc == 0);
	rc = timer_create(CLOCK_MONOTONIC, &event, &mc->timer);
	assert(rc == 0);
}

static void
set_timer(struct mc *mc, int64_t ms)
{
	struct itimerspec when = { .it_value = { .tv_sec = ms / 1000,
				       .tv_nsec = ms % 1000 * 1000000 } };

	timer_settime(mc->timer, 0, &when, NULL);
}

/* Only between these two can the signal arrive, and it alone: a wait that is
 * interrupted twice is counted wrong by libmemcached, and may never end. */
static void
begin_watch(struct mc *mc, sigset_t *outside)
{
	sigset_t inside;

	is_overdue = 0;
	watched = NULL;
	sigfillset(&inside);
	sigdelset(&inside, SIGALRM);
	pthread_sigmask(SIG_SETMASK, &inside, outside);
	set_timer(mc, mc->timeout_ms);
}

static void
end_watch(struct mc *mc, const sigset_t *outside)
{
	set_timer(mc, 0);
	watched = NULL;
	pthread_sigmask(SIG_SETMASK, outside, NULL);
}

/* -------------------------------------------------------- the handles --- */

static void
add_server(memcached_st *handle, const struct server *server)
{
	memcached_return_t rc;

	if (server->port == 0)
		rc = memcached_server_add_unix_socket(handle, server->host);
	else
		rc = memcached_server_add(handle, server->host, server->port);
	assert(rc == MEMCACHED_SUCCESS);
}

static void
connect_server(struct server *server)
{
	memcached_st *handle = handle_new();

	memcached_behavior_set(handle, MEMCACHED_BEHAVIOR_TCP_NODELAY, 1);
	memcached_behavior_set(handle, MEMCACHED_BEHAVIOR_VERIFY_KEY, 1);
	memcached_behavior_set(handle, MEMCACHED_BEHAVIOR_SUPPORT_CAS, 1);
	add_server(handle, server);
	memcached_result_create(handle, &server->value);
	memcached_result_create(handle, &server->nothing);
	server->kept = 0;
	server->has_answered = false;
	server->handle = handle;
}

static void
set_timeouts(memcached_st *handle, int64_t ms)
{
	memcached_behavior_set(
	    handle, MEMCACHED_BEHAVIOR_POLL_TIMEOUT, (uint64_t)ms);
	memcached_behavior_set(
	    handle, MEMCACHED_BEHAVIOR_CONNECT_TIMEOUT, (uint64_t)ms);
}

static void
drop_server(struct server *server)
{
	if (server->handle == NULL)
		return;
	watched = NULL;
	/* It says "quit"; never wait for that to be heard. */
	set_timeouts(server->handle, 0);
	memcached_result_free(&server->value);
	memcached_result_free(&server->nothing);
	memcached_free(server->handle);
	server->handle = NULL;
}

/* -------------------------------------------------------- the breaker --- */

/* What a failed operation on SERVER failed of. */
static void
explain(const struct server *server, memcached_return_t rc, int64_t timeout_ms,
    char *text, size_t len)
{
	memcached_return_t last = memcached_last_error(server->handle);
	int number = memcached_last_error_errno(server->handle);

	if (last != MEMCACHED_SUCCESS)
		rc = last;
	if (is_overdue || rc == MEMCACHED_TIMEOUT)
		snprintf(text, len, "no answer within %lld ms",
		    (long long)timeout_ms);
	else if (number != 0)
		snprintf(text, len, "%s", strerrordesc_np(number));
	else
		snprintf(text, len, "%s", memcached_strerror(NULL, rc));
}

static void
mark_down(struct mc *mc, struct server *server, memcached_return_t rc)
{
	char why[128];

	server->retry_ms = clock_monotonic_ms() + MC_RETRY_MS;
	if (server->is_down)
		return;
	server->is_down = true;
	explain(server, rc, mc->timeout_ms, why, sizeof(why));
	log_warning("memcached %s is down: %s; it is left alone and tried "
		    "again every %d s",
	    server->name, why, MC_RETRY_MS / 1000);
}

static void
mark_up(struct server *server)
{
	if (!server->is_down)
		return;
	server->is_down = false;
	log_info("memcached %s is back", server->name);
}

static bool
is_left_alone(const struct server *server)
{
	return (server->is_down && clock_monotonic_ms() < server->retry_ms);
}

/* --------------------------------------------------------- operations --- */

typedef memcached_return_t
store_function(memcached_st *handle, const char *key, size_t key_len,
    const char *value, size_t value_len, time_t expires, uint32_t flags);

struct operation {
	memcached_return_t (*run)(
	    struct server *server, const struct operation *operation);
	struct span key;

	/* Of set, add, replace: libmemcached's function, and what it takes. */
	store_function *store;
	struct span value;
	time_t expires;
	uint64_t version; /* of swap */
};

/* The next part of the answer in *RESULT, or NULL and why.  To a result whose
 * count is 0 libmemcached tells each end but a lost connection as "not found",
 * nonsense and all. */
static memcached_result_st *
fetch(
    struct server *server, memcached_result_st *result, memcached_return_t *rc)
{
	memcached_result_reset(result);
	result->count = 1;
	return (memcached_fetch_result(server->handle, result, rc));
}

static memcached_return_t
run_get(struct server *server, const struct operation *operation)
{
	memcached_result_st *value = &server->value;
	memcached_return_t rc;
	struct span key;

	rc = memcached_mget(
	    server->handle, &operation->key.data, &operation->key.len, 1);
	if (rc != MEMCACHED_SUCCESS)
		return (rc);
	if (fetch(server, value, &rc) == NULL)
		return (rc);
	if (memcached_result_length(value) > server->kept)
		server->kept = memcached_result_length(value);
	key.data = memcached_result_key_value(value);
	key.len = memcached_result_key_length(value);
	/* The END is read now, so that the connection is at rest. */
	if (!span_equal(key, operation->key) ||
	    fetch(server, &server->nothing, &rc) != NULL || rc != MEMCACHED_END)
		return (MEMCACHED_PROTOCOL_ERROR);
	return (MEMCACHED_SUCCESS);
}

static memcached_return_t
run_store(struct server *server, const struct operation *operation)
{
	return (operation->store(server->handle, operation->key.data,
	    operation->key.len, operation->value.data, operation->value.len,
	    operation->expires, 0));
}

static memcached_return_t
run_swap(struct server *server, const struct operation *operation)
{
	return (memcached_cas(server->handle, operation->key.data,
	    operation->key.len, operation->value.data, operation->value.len,
	    operation->expires, 0, operation->version));
}

static memcached_return_t
run_delete(struct server *server, const struct operation *operation)
{
	return (memcached_delete(
	    server->handle, operation->key.data, operation->key.len, 0));
}

enum outcome {
	DONE,
	ABSENT,    /* MC_NONE */
	TOO_LARGE, /* MC_REFUSED */
	FULL,      /* the server is well, but does not take any */
	FAILED,    /* nothing is known of the connection any more */
};

static enum outcome
judge(memcached_return_t rc)
{
	switch (rc) {
	case MEMCACHED_SUCCESS:
		return (DONE);
	case MEMCACHED_END:
	case MEMCACHED_NOTFOUND:
	case MEMCACHED_NOTSTORED:
	case MEMCACHED_DATA_EXISTS:
		return (ABSENT);
	case MEMCACHED_E2BIG:
		return (TOO_LARGE);
	case MEMCACHED_SERVER_MEMORY_ALLOCATION_FAILURE:
		return (FULL);
	default:
		assert(rc != MEMCACHED_BAD_KEY_PROVIDED);
		return (FAILED);
	}
}

/* Run OPERATION once, with what is left of the time. */
static memcached_return_t
attempt(struct mc *mc, struct server *server, const struct operation *operation)
{
	if (server->handle == NULL)
		connect_server(server);
	set_timeouts(server->handle, mc->timeout_ms);
	watched = server->handle;
	/* The alarm may have come before there was anything to watch. */
	if (is_overdue)
		return (MEMCACHED_TIMEOUT);
	return (operation->run(server, operation));
}

/* A connection that was good may have been closed since, by a restart or for
 * being idle; that is seen at once, costs nothing and proves nothing. */
static bool
is_stale(const struct server *server, memcached_return_t rc)
{
	return (server->has_answered && !is_overdue &&
	    memcached_last_error(server->handle) != MEMCACHED_TIMEOUT &&
	    rc != MEMCACHED_TIMEOUT);
}

/* One line each: it will not change until someone does something. */
static void
tell_refusal(struct mc *mc, const struct server *server, enum outcome outcome,
    size_t len)
{
	if (outcome == TOO_LARGE && !mc->has_told_too_large) {
		mc->has_told_too_large = true;
		log_warning("memcached %s does not take a value of %zu bytes: "
			    "raise its -I, or lower max_object",
		    server->name, len);
	}
	if (outcome == FULL && !mc->has_told_full) {
		mc->has_told_full = true;
		log_warning("memcached %s is full and may not evict: raise "
			    "its -m, or run it without -M",
		    server->name);
	}
}

/* Give back what a large value took. */
static void
forget_values(struct mc *mc)
{
	for (size_t i = 0; i < mc->n_servers; i++) {
		struct server *server = &mc->servers[i];

		if (server->handle == NULL || server->kept <= KEEP_MAX)
			continue;
		memcached_result_free(&server->value);
		memcached_result_create(server->handle, &server->value);
		server->kept = 0;
	}
}

static enum mc_result
run(struct mc *mc, struct server *server, const struct operation *operation)
{
	memcached_return_t rc;
	enum outcome outcome;
	sigset_t outside;

	forget_values(mc);
	if (is_left_alone(server))
		return (MC_DOWN);
	begin_watch(mc, &outside);
	rc = attempt(mc, server, operation);
	outcome = judge(rc);
	if (outcome == FAILED && is_stale(server, rc)) {
		drop_server(server);
		rc = attempt(mc, server, operation);
		outcome = judge(rc);
	}
	end_watch(mc, &outside);
	/* What came late came whole and is used, but is not waited for again
	 * so soon. */
	if (outcome == FAILED || is_overdue)
		mark_down(mc, server, rc);
	else
		mark_up(server);
	if (outcome == FAILED) {
		drop_server(server);
		return (MC_DOWN);
	}
	server->has_answered = true;
	tell_refusal(mc, server, outcome, operation->value.len);
	switch (outcome) {
	case DONE:
		return (MC_OK);
	case ABSENT:
		return (MC_NONE);
	case TOO_LARGE:
		return (MC_REFUSED);
	case FULL:
	case FAILED:
		break;
	}
	return (MC_DOWN);
}

static struct server *
choose_server(const struct mc *mc, struct span key)
{
	uint32_t i;

	assert(key.len > 0 && key.len <= KEY_MAX);
	i = memcached_generate_hash(mc->ring, key.data, key.len);
	assert(i < mc->n_servers);
	return (&mc->servers[i]);
}

static time_t
make_expiry(int64_t expires_s)
{
	assert(expires_s >= 0);
	if (expires_s > RELATIVE_MAX_S)
		expires_s += clock_wall_s();
	return ((time_t)expires_s);
}

enum mc_result
mc_get(struct mc *mc, struct span key, struct span *value, uint64_t *version)
{
	struct operation get = { .run = run_get, .key = key };
	struct server *server = choose_server(mc, key);
	enum mc_result result = run(mc, server, &get);

	if (result != MC_OK)
		return (result);
	*value = (struct span){ memcached_result_value(&server->value),
		memcached_result_length(&server->value) };
	if (version != NULL)
		*version = memcached_result_cas(&server->value);
	return (MC_OK);
}

/* Store VALUE by FUNCTION. */
static enum mc_result
store(struct mc *mc, store_function *function, struct span key,
    struct span value, int64_t expires_s)
{
	struct operation operation = { run_store, key, function, value,
		make_expiry(expires_s), 0 };

	return (run(mc, choose_server(mc, key), &operation));
}

enum mc_result
mc_set(struct mc *mc, struct span key, struct span value, int64_t expires_s)
{
	return (store(mc, memcached_set, key, value, expires_s));
}

enum mc_result
mc_add(struct mc *mc, struct span key, struct span value, int64_t expires_s)
{
	return (store(mc, memcached_add, key, value, expires_s));
}

enum mc_result
mc_replace(struct mc *mc, struct span key, struct span value, int64_t expires_s)
{
	return (store(mc, memcached_replace, key, value, expires_s));
}

enum mc_result
mc_swap(struct mc *mc, struct span key, struct span value, int64_t expires_s,
    uint64_t version)
{
	struct operation swap = { run_swap, key, NULL, value,
		make_expiry(expires_s), version };

	return (run(mc, choose_server(mc, key), &swap));
}

enum mc_result
mc_delete(struct mc *mc, struct span key)
{
	struct operation delete = { .run = run_delete, .key = key };

	return (run(mc, choose_server(mc, key), &delete));
}

/* ----------------------------------------------------------- the pool --- */

static void
add_to_pool(struct mc *mc, const struct server_address *address)
{
	struct server *server = &mc->servers[mc->n_servers++];
	struct span text = address->text, host = address->host;

	server->name = mem_string_of(text.data, text.len);
	server->host = mem_string_of(host.data, host.len);
	server->port = (in_port_t)address->port;
	add_server(mc->ring, server);
}

bool
mc_check_servers(const char *text, const char **why)
{
	return (servers_check(span_of(text), why));
}

struct mc *
mc_new(const char *servers, int64_t timeout_ms)
{
	struct mc *mc = mem_zero(1, sizeof(*mc));
	struct span rest = span_of(servers);
	struct server_address address;
	const char *why;
	bool ok;

	assert(timeout_ms > 0);
	mc->timeout_ms = timeout_ms;
	mc->servers = mem_zero(SERVERS_MAX, sizeof(*mc->servers));
	mc->ring = handle_new();
	/* Of ketama's two forms the one that other clients have too: MD5 for
	 * keys and points, whatever the order of the list. */
	memcached_behavior_set(mc->ring, MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED, 1);
	do {
		ok = servers_next(&rest, &address, &why);
		assert(ok && mc->n_servers < SERVERS_MAX);
		add_to_pool(mc, &address);
	} while (rest.data != NULL);
	create_timer(mc);
	return (mc);
}

void
mc_free(struct mc *mc)
{
	if (mc == NULL)
		return;
	timer_delete(mc->timer);
	for (size_t i = 0; i < mc->n_servers; i++) {
		drop_server(&mc->servers[i]);
		free(mc->servers[i].name);
		free(mc->servers[i].host);
	}
	free(mc->servers);
	memcached_free(mc->ring);
	free(mc);
}

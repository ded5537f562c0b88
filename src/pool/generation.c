/*
 * A generation of workers: see generation.h.
 *
 * A slot outlives its processes, and so does the memory of how they died: the
 * delay grows in the slot where workers die young, and only there.  A worker
 * that served a request did not die young, however short its life: or a pool
 * whose workers are killed from outside faster than once a second would shut
 * itself down.
 */
#include "pool/generation.h"

#include <sys/wait.h>

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "pool/keeper.h"
#include "pool/worker.h"

struct generation *
generation_new(unsigned number, struct settings *settings,
    struct identity identity, struct listener *listener)
{
	struct generation *generation = mem_zero(1, sizeof(*generation));

	generation->number = number;
	generation->settings = settings;
	generation->identity = identity;
	generation->listener = listen_hold(listener);
	generation->n_slots = (size_t)settings->daemon.workers;
	generation->keyring = keyring_new(settings->n_sites);
	generation->learnt = learnt_new(settings->sites, settings->n_sites);
	generation->board = scoreboard_new(generation->n_slots);
	generation->slots =
	    mem_zero(generation->n_slots, sizeof(generation->slots[0]));
	return (generation);
}

void
generation_free(struct generation *generation)
{
	if (generation == NULL)
		return;
	listen_release(generation->listener);
	keyring_free(generation->keyring);
	learnt_free(generation->learnt);
	identity_fini(&generation->identity);
	config_free(generation->settings);
	scoreboard_free(generation->board);
	free(generation->slots);
	free(generation);
}

/* ---- The keeper ---- */

/* May a worker still need it? */
static bool
is_keeper_wanted(const struct generation *generation)
{
	return (!generation->is_ending || generation_alive(generation) > 0);
}

bool
generation_is_keeper_due(const struct generation *generation, int64_t now)
{
	return (generation->keeper.pid == 0 &&
	    generation->keeper.due_ms <= now && is_keeper_wanted(generation));
}

void
generation_keeper_started(struct generation *generation, pid_t pid, int64_t now)
{
	struct generation_keeper *keeper = &generation->keeper;

	*keeper = (struct generation_keeper){ .started_ms = now };
	if (pid > 0)
		keeper->pid = pid;
	else
		keeper->due_ms = now + GENERATION_KEEPER_DELAY_MS;
}

enum generation_search
generation_search(const struct generation *generation)
{
	enum generation_search worst = GENERATION_FOUND;

	for (size_t i = 0; i < generation->settings->n_sites; i++) {
		switch (keyring_state(generation->keyring, i)) {
		case KEYRING_UNTRIED:
			return (GENERATION_SEARCHING);
		case KEYRING_FOUND:
			break;
		case KEYRING_FAILED:
			if (worst == GENERATION_FOUND)
				worst = GENERATION_FAILED;
			break;
		case KEYRING_NONE:
		case KEYRING_WRONG:
			worst = GENERATION_LACKING;
			break;
		}
	}
	return (worst);
}

/* ---- Who is wanted, and when ---- */

void
generation_want(struct generation *generation, size_t count)
{
	assert(count <= generation->n_slots);
	generation->n_wanted = count;
}

void
generation_want_another(struct generation *generation, int64_t due_ms)
{
	assert(generation->n_wanted < generation->n_slots);
	generation->slots[generation->n_wanted++].due_ms = due_ms;
}

bool
generation_is_due(
    const struct generation *generation, int64_t now, size_t *slot)
{
	for (size_t i = 0; i < generation->n_wanted; i++) {
		const struct generation_slot *it = &generation->slots[i];

		if (it->pid == 0 && it->due_ms <= now) {
			*slot = i;
			return (true);
		}
	}
	return (false);
}

int64_t
generation_next_due(const struct generation *generation)
{
	int64_t next = INT64_MAX;

	if (generation_is_keeper_due(generation, INT64_MAX))
		next = generation->keeper.due_ms;
	for (size_t i = 0; i < generation->n_wanted; i++) {
		const struct generation_slot *it = &generation->slots[i];

		if (it->pid == 0 && it->due_ms < next)
			next = it->due_ms;
	}
	return (next);
}

/* ---- Birth ---- */

void
generation_starts(struct generation *generation, size_t slot, int64_t now)
{
	struct generation_slot *it = &generation->slots[slot];

	scoreboard_clear(generation->board, slot, SCOREBOARD_STARTING, now);
	it->started_ms = now;
	it->is_told = false;
	it->is_killed = false;
}

/* The worker of SLOT did not live long: when is the next due? */
static void
note_short_life(struct generation_slot *slot, int64_t now)
{
	if (!slot->had_short_life)
		slot->delay_ms = 0;
	else if (slot->delay_ms == 0)
		slot->delay_ms = GENERATION_DELAY_MS;
	else if (slot->delay_ms < GENERATION_DELAY_MAX_MS / 2)
		slot->delay_ms *= 2;
	else
		slot->delay_ms = GENERATION_DELAY_MAX_MS;
	slot->had_short_life = true;
	slot->due_ms = now + slot->delay_ms;
}

static void
note_good_life(struct generation_slot *slot, int64_t now)
{
	slot->had_short_life = false;
	slot->delay_ms = 0;
	slot->due_ms = now;
}

void
generation_started(
    struct generation *generation, size_t slot, pid_t pid, int64_t now)
{
	struct generation_slot *it = &generation->slots[slot];

	if (pid > 0) {
		it->pid = pid;
		return;
	}
	scoreboard_clear(generation->board, slot, SCOREBOARD_FREE, now);
	/* No process to be had: not even the first may be tried at once. */
	it->had_short_life = true;
	note_short_life(it, now);
}

static void
note_ready(struct generation *generation, size_t slot)
{
	enum scoreboard_state state =
	    scoreboard_get(generation->board, slot, NULL);

	if (state == SCOREBOARD_FREE || state == SCOREBOARD_STARTING)
		return;
	generation->slots[slot].was_ready = true;
	generation->has_started = true;
}

void
generation_note_ready(struct generation *generation)
{
	for (size_t i = 0; i < generation->n_slots; i++)
		if (generation->slots[i].pid != 0)
			note_ready(generation, i);
}

bool
generation_is_ready(const struct generation *generation)
{
	for (size_t i = 0; i < generation->n_wanted; i++)
		if (!generation->slots[i].was_ready)
			return (false);
	return (generation->n_wanted > 0);
}

/* ---- Death ---- */

/* How the process ended, for the log. */
static void
describe_end(int status, char *text, size_t len)
{
	if (WIFSIGNALED(status))
		snprintf(text, len, "was ended by signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(
		    text, len, "ended with status %d", WEXITSTATUS(status));
}

static void
log_death(const struct generation *generation, size_t slot, int status)
{
	const struct generation_slot *it = &generation->slots[slot];
	unsigned long long requests =
	    scoreboard_requests(generation->board, slot);
	char how[96], delay[FORMAT_MAX], next[64] = "";

	describe_end(status, how, sizeof(how));
	if (slot < generation->n_wanted && it->delay_ms == 0)
		snprintf(next, sizeof(next), "; the next starts at once");
	else if (slot < generation->n_wanted)
		snprintf(next, sizeof(next), "; the next starts in %s",
		    format_duration(it->delay_ms, delay));
	if (it->is_killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
		log_debug("worker %zu (process %d) %s after %llu requests%s",
		    slot + 1, (int)it->pid, how, requests, next);
	else
		log_warning("worker %zu (process %d) %s after %llu requests%s",
		    slot + 1, (int)it->pid, how, requests, next);
}

static void
keeper_died(struct generation *generation, int status, int64_t now)
{
	struct generation_keeper *keeper = &generation->keeper;
	bool was_good = now - keeper->started_ms >= GENERATION_GOOD_LIFE_MS;
	/* Whoever ends the daemon may have told all of its processes. */
	bool is_end = generation->is_ending && WIFSIGNALED(status) &&
	    WTERMSIG(status) == KEEPER_SIGNAL_END;
	char how[96], delay[FORMAT_MAX];

	if (generation_search(generation) == GENERATION_SEARCHING)
		generation->failures++;
	describe_end(status, how, sizeof(how));
	if (keeper->is_told || keeper->is_killed || is_end)
		log_debug("keeper (process %d) %s", (int)keeper->pid, how);
	else
		log_warning("keeper (process %d) %s; the workers go on with "
			    "the credentials they have; the next starts %s%s",
		    (int)keeper->pid, how, was_good ? "at once" : "in ",
		    was_good
			? ""
			: format_duration(GENERATION_KEEPER_DELAY_MS, delay));
	keeper->pid = 0;
	keeper->due_ms = now + (was_good ? 0 : GENERATION_KEEPER_DELAY_MS);
	if (is_end)
		keeper->due_ms = INT64_MAX;
}

static struct generation_slot *
find_slot(struct generation *generation, pid_t pid)
{
	for (size_t i = 0; i < generation->n_slots; i++)
		if (generation->slots[i].pid == pid)
			return (&generation->slots[i]);
	return (NULL);
}

enum generation_death
generation_died(
    struct generation *generation, pid_t pid, int status, int64_t now)
{
	struct generation_slot *it = find_slot(generation, pid);
	size_t slot;
	bool is_done = WIFEXITED(status) && WEXITSTATUS(status) == WORKER_DONE;

	if (pid == generation->keeper.pid) {
		keeper_died(generation, status, now);
		return (GENERATION_KEEPER);
	}
	if (it == NULL)
		return (GENERATION_NOT_OURS);
	slot = (size_t)(it - generation->slots);
	note_ready(generation, slot);
	if (is_done || now - it->started_ms >= GENERATION_GOOD_LIFE_MS ||
	    scoreboard_requests(generation->board, slot) > 0)
		note_good_life(it, now);
	else
		note_short_life(it, now);
	if (!it->was_ready && !it->is_told)
		generation->failures++;
	log_death(generation, slot, status);
	it->pid = 0;
	scoreboard_clear(generation->board, slot, SCOREBOARD_FREE, now);
	if (WIFEXITED(status) && WEXITSTATUS(status) == WORKER_HOPELESS &&
	    !generation->has_started)
		return (GENERATION_HOPELESS);
	return (GENERATION_GOES_ON);
}

/* ---- What they are told ---- */

static void
tell(struct generation *generation, size_t slot, unsigned allowed, int64_t now)
{
	struct generation_slot *it = &generation->slots[slot];

	if (it->pid == 0)
		return;
	scoreboard_allow(generation->board, slot, allowed);
	if (!it->is_told)
		it->told_ms = now;
	it->is_told = true;
	kill(it->pid, WORKER_SIGNAL_END);
}

void
generation_tell_one(struct generation *generation, int64_t now)
{
	if (generation->n_wanted > 0)
		tell(generation, --generation->n_wanted, 0, now);
}

void
generation_tell_all(struct generation *generation, bool drains, int64_t now)
{
	unsigned allowed = drains ? listen_waiting(generation->listener) : 0;

	generation->n_wanted = 0;
	generation->is_ending = true;
	for (size_t i = 0; i < generation->n_slots; i++)
		tell(generation, i, allowed, now);
}

void
generation_tell_to_look(const struct generation *generation)
{
	for (size_t i = 0; i < generation->n_slots; i++)
		if (generation->slots[i].pid != 0)
			kill(generation->slots[i].pid, WORKER_SIGNAL_LOOK);
}

/* ---- The watchdog ---- */

/* When the patience with a worker in STATE since SINCE is over; INT64_MAX:
 * never.  WHAT is what it is doing. */
static int64_t
find_limit(const struct generation *generation,
    const struct generation_slot *slot, enum scoreboard_state state,
    int64_t since, const char **what)
{
	switch (state) {
	case SCOREBOARD_STARTING:
		*what = "to start";
		return (since + GENERATION_SLOW_MS);
	case SCOREBOARD_BUSY:
		*what = "for its request";
		return (since +
		    generation->settings->daemon.request_timeout_ms +
		    GENERATION_GRACE_MS);
	case SCOREBOARD_IDLE:
		*what = "to notice that it shall end";
		if (!slot->is_told)
			return (INT64_MAX);
		if (since < slot->told_ms)
			since = slot->told_ms;
		return (since + GENERATION_SLOW_MS);
	case SCOREBOARD_ENDING:
		*what = "to end";
		return (since + GENERATION_SLOW_MS);
	case SCOREBOARD_FREE:
		break;
	}
	return (INT64_MAX);
}

static void
watch(struct generation *generation, size_t slot, int64_t now)
{
	struct generation_slot *it = &generation->slots[slot];
	const char *what = "";
	char taken[FORMAT_MAX], timeout[FORMAT_MAX];
	int64_t since;
	enum scoreboard_state state =
	    scoreboard_get(generation->board, slot, &since);

	if (now <= find_limit(generation, it, state, since, &what))
		return;
	log_error("worker %zu (process %d) is killed: it has taken %s %s "
		  "(request_timeout is %s)",
	    slot + 1, (int)it->pid, format_duration(now - since, taken), what,
	    format_duration(
		generation->settings->daemon.request_timeout_ms, timeout));
	it->is_killed = true;
	kill(it->pid, SIGKILL);
}

/* The end of a keeper that no worker needs: it has nothing to finish, so that
 * only one that is stopped, or waits for a disk, outlives the signal. */
static void
watch_keeper(struct generation *generation, int64_t now)
{
	struct generation_keeper *keeper = &generation->keeper;

	if (keeper->pid == 0 || keeper->is_killed ||
	    is_keeper_wanted(generation))
		return;
	if (!keeper->is_told) {
		keeper->is_told = true;
		keeper->told_ms = now;
		kill(keeper->pid, KEEPER_SIGNAL_END);
	} else if (now > keeper->told_ms + GENERATION_GRACE_MS) {
		log_error("keeper (process %d) is killed: it does not end",
		    (int)keeper->pid);
		keeper->is_killed = true;
		kill(keeper->pid, SIGKILL);
	}
}

void
generation_watch(struct generation *generation, int64_t now)
{
	watch_keeper(generation, now);
	for (size_t i = 0; i < generation->n_slots; i++)
		if (generation->slots[i].pid != 0 &&
		    !generation->slots[i].is_killed)
			watch(generation, i, now);
}

void
generation_kill(struct generation *generation)
{
	for (size_t i = 0; i < generation->n_slots; i++) {
		if (generation->slots[i].pid == 0)
			continue;
		generation->slots[i].is_killed = true;
		kill(generation->slots[i].pid, SIGKILL);
	}
	if (generation->keeper.pid == 0)
		return;
	generation->keeper.is_killed = true;
	kill(generation->keeper.pid, SIGKILL);
}

/* ---- Counting ---- */

size_t
generation_processes(const struct generation *generation)
{
	return (generation_alive(generation) +
	    (generation->keeper.pid != 0 ? 1 : 0));
}

size_t
generation_alive(const struct generation *generation)
{
	size_t count = 0;

	for (size_t i = 0; i < generation->n_slots; i++)
		if (generation->slots[i].pid != 0)
			count++;
	return (count);
}

size_t
generation_busy(const struct generation *generation)
{
	size_t count = 0;

	for (size_t i = 0; i < generation->n_slots; i++)
		if (generation->slots[i].pid != 0 &&
		    scoreboard_get(generation->board, i, NULL) ==
			SCOREBOARD_BUSY)
			count++;
	return (count);
}

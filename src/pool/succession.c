/*
 * The generations of workers: see succession.h.
 *
 * A reload is two generations side by side: `current`, of which fewer and
 * fewer workers are wanted, and `coming`, of which more and more are.  Until
 * the last new worker is ready the way back is open, and at every moment as
 * many accept as before.  Nothing is changed in a process that serves: to
 * hand new settings to running workers was rejected, since half of what
 * they have (user, connections, certificates) could not follow.
 */
#include "pool/succession.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

enum {
	/* A reload leaves the machine to those who are served for so many times
	 * as long as each start takes, but is over after about PAUSES_MAX_MS
	 * however many workers there are. */
	PAUSE_TIMES = 10,
	PAUSES_MAX_MS = 2000,
};

/* Add a generation that serves LISTENER by SETTINGS.  NULL, and SETTINGS
 * stay the caller's, after an error line. */
static struct generation *
add_generation(struct succession *succession, struct settings *settings,
    struct listener *listener)
{
	struct generation *generation;
	struct identity identity;

	if (!identity_init(
		&identity, settings->daemon.user, settings->daemon.group))
		return (NULL);
	generation =
	    generation_new(++succession->count, settings, identity, listener);
	generation->next = succession->all;
	succession->all = generation;
	return (generation);
}

bool
succession_begin(struct succession *succession, struct settings *settings,
    struct listener *listener, int64_t now)
{
	assert(succession->all == NULL);
	succession->current = add_generation(succession, settings, listener);
	if (succession->current == NULL)
		return (false);
	succession->patience_ms = now + SUCCESSION_PATIENCE_MS;
	return (true);
}

/* The listener for SETTINGS, held: the one that there is where it serves the
 * purpose, else a new one.  NULL after an error line. */
static struct listener *
choose_listener(
    const struct succession *succession, const struct settings *settings)
{
	struct listener *listener = succession->current->listener;
	const char *now = succession->current->settings->daemon.listen;

	if (listener->is_inherited || strcmp(settings->daemon.listen, now) == 0)
		return (listen_hold(listener));
	return (listen_open(&settings->daemon));
}

void
succession_reload(struct succession *succession)
{
	struct settings *settings = config_load(succession->path);
	struct listener *listener = NULL;

	assert(succession->coming == NULL);
	if (settings != NULL)
		listener = choose_listener(succession, settings);
	if (listener != NULL)
		succession->coming =
		    add_generation(succession, settings, listener);
	listen_release(listener);
	if (succession->coming == NULL) {
		config_free(settings);
		log_error("not reloaded: the old settings stay");
		return;
	}
	log_info("reloading: %zu new workers for %zu old ones, listening on %s",
	    succession->coming->n_slots, succession->current->n_slots,
	    succession->coming->listener->name);
}

/* Give the reload up: WHY. */
static void
give_up(struct succession *succession, const char *why, int64_t now)
{
	struct generation *coming = succession->coming;

	log_error("not reloaded: %s (the lines above say why); the old "
		  "settings stay",
	    why);
	if (coming->listener != succession->current->listener)
		listen_unlink(coming->listener);
	generation_tell_all(coming, false, now);
	succession->coming = NULL;
	generation_want(succession->current, succession->current->n_slots);
}

void
succession_give_up(struct succession *succession, int64_t now)
{
	give_up(succession, "no worker can start with the new settings", now);
}

static void
take_over(struct succession *succession, int64_t now)
{
	struct generation *old = succession->current;
	struct generation *new = succession->coming;
	bool is_moved = new->listener != old->listener;

	if (is_moved)
		listen_unlink(old->listener);
	else if (!old->listener->is_inherited)
		listen_adjust(old->listener, &new->settings->daemon);
	generation_tell_all(old, is_moved, now);
	succession->current = new;
	succession->coming = NULL;
	log_threshold((enum log_level) new->settings->daemon.log_level);
	log_info("reloaded: generation %u serves with %zu workers on %s",
	    new->number, new->n_slots, new->listener->name);
}

/* When is the worker behind the one that has just become ready due? */
static int64_t
find_next_due(const struct generation *coming, int64_t now)
{
	const struct generation_slot *last =
	    &coming->slots[coming->n_wanted - 1];
	int64_t pause_ms = PAUSE_TIMES * (now - last->started_ms + 1);
	int64_t pause_max_ms = PAUSES_MAX_MS / (int64_t)coming->n_slots;

	return (now + (pause_ms < pause_max_ms ? pause_ms : pause_max_ms));
}

/* With each new worker that is ready one old worker ends, and after a while
 * the next new one starts.  Where the socket is another, the old ones stay
 * until the end, since no new one serves theirs. */
static void
exchange_workers(struct succession *succession, int64_t now)
{
	struct generation *current = succession->current;
	struct generation *coming = succession->coming;

	if (!generation_is_ready(coming))
		return;
	if (coming->n_wanted == coming->n_slots) {
		take_over(succession, now);
		return;
	}
	if (coming->listener == current->listener && current->n_wanted > 1)
		generation_tell_one(current, now);
	generation_want_another(coming, find_next_due(coming, now));
}

/* Go on with the reload: nothing is exchanged before each site is known to have
 * credentials. */
static void
continue_reload(struct succession *succession, int64_t now)
{
	struct generation *coming = succession->coming;

	if (coming->failures >= SUCCESSION_FAILURES) {
		if (coming->is_settled)
			succession_give_up(succession, now);
		else
			give_up(succession,
			    "no keeper can start with the new settings", now);
		return;
	}
	if (coming->is_settled) {
		exchange_workers(succession, now);
		return;
	}
	switch (generation_search(coming)) {
	case GENERATION_SEARCHING:
		break;
	case GENERATION_FOUND:
		coming->is_settled = true;
		generation_want(coming, 1);
		break;
	case GENERATION_FAILED:
	case GENERATION_LACKING:
		give_up(succession,
		    "not each site of the new settings has credentials", now);
		break;
	}
}

/* The first generation's first searches: false where they are hopeless.  A
 * failure that may pass is none of the daemon's: a machine whose metadata are
 * late must not need a second start. */
static bool
continue_first(struct succession *succession, int64_t now)
{
	struct generation *first = succession->current;

	switch (generation_search(first)) {
	case GENERATION_SEARCHING:
		if (now < succession->patience_ms || first->n_wanted > 0)
			return (true);
		log_warning("credentials are still looked for: the workers "
			    "start without, and answer with 503 until there "
			    "are some");
		break;
	case GENERATION_LACKING:
		log_error("not each site has credentials (the lines above say "
			  "why): giving up");
		return (false);
	case GENERATION_FOUND:
	case GENERATION_FAILED:
		first->is_settled = true;
		break;
	}
	generation_want(first, first->n_slots);
	return (true);
}

bool
succession_continue(struct succession *succession, int64_t now)
{
	if (succession->coming != NULL)
		continue_reload(succession, now);
	else if (!succession->current->is_settled)
		return (continue_first(succession, now));
	return (true);
}

void
succession_sweep(struct succession *succession)
{
	struct generation **link = &succession->all;

	while (*link != NULL) {
		struct generation *it = *link;

		if (it == succession->current || it == succession->coming ||
		    generation_processes(it) > 0) {
			link = &it->next;
			continue;
		}
		*link = it->next;
		generation_free(it);
	}
}

void
succession_free(struct succession *succession, const struct generation *spared)
{
	struct generation *it, *next;

	for (it = succession->all; it != NULL; it = next) {
		next = it->next;
		if (it != spared)
			generation_free(it);
	}
	*succession = (struct succession){ 0 };
}

size_t
succession_count(const struct succession *succession,
    size_t (*count)(const struct generation *generation))
{
	size_t total = 0;

	for (const struct generation *it = succession->all; it != NULL;
	     it = it->next)
		total += count(it);
	return (total);
}

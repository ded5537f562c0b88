/*
 * The keeper: see keeper.h.
 *
 * A thread a site, each with a loop of its own: look whether a file has changed
 * or the clock was set, search if that is due, wait for the next thing or for a
 * worker's wish.  One loop for all was not enough: an endpoint that hangs would
 * hold up the others, whose credentials may end meanwhile.  The threads share
 * nothing that is written, but the keyring, where each has its own site.  When
 * to search and what to tell is decided in keeping.c.
 *
 * A search ends with its line in the log, then its word to the master: what the
 * master says of it comes behind.
 */
#include "pool/keeper.h"

#include <sys/eventfd.h>
#include <sys/prctl.h>

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "credentials/chain.h"
#include "credentials/watch.h"
#include "pool/follow.h"
#include "pool/keeping.h"
#include "s3/http.h"

enum {
	/* Of the two clocks, one was set, or stood still with the machine, if
	 * they differ by so much more than they did. */
	CLOCK_JUMP_S = 5,
};

/* One site's, and its thread's alone. */
struct care {
	const struct keeper_orders *orders;
	size_t site;
	struct keeping keeping;
	struct watch *watch; /* the files that the last search looked at */
	struct http *http;
	int64_t look_ms;  /* when to look at files and clocks */
	int64_t offset_s; /* of the wall clock to the other */
};

static void
tell(enum keeping_word word, const struct buf *line)
{
	switch (word) {
	case KEEPING_SILENT:
		break;
	case KEEPING_INFO:
		log_info("%s", buf_string(line));
		break;
	case KEEPING_ERROR:
		log_error("%s", buf_string(line));
		break;
	}
}

/* ---- One search ---- */

static enum keyring_state
state_of(enum credentials_result result)
{
	switch (result) {
	case CREDENTIALS_FOUND:
		return (KEYRING_FOUND);
	case CREDENTIALS_NONE:
		return (KEYRING_NONE);
	case CREDENTIALS_WRONG:
		return (KEYRING_WRONG);
	case CREDENTIALS_FAILED:
		break;
	}
	return (KEYRING_FAILED);
}

/* Publish what was FOUND, if it has not ended; SEARCH and WHERE say what came
 * of it. */
static void
publish(struct care *care, const struct credentials_found *found,
    struct keeping_search *search, struct buf *where)
{
	struct keyring *keyring = care->orders->keyring;
	int64_t expires_ms;
	uint64_t before = keyring_standing(keyring, care->site, &expires_ms);
	struct keyring_entry entry = {
		.credentials = found->credentials,
		.region = found->region,
	};

	keeping_judge(&care->keeping, found->expires_s, clock_monotonic_ms(),
	    clock_wall_s(), search, where);
	if (search->result != CREDENTIALS_FOUND)
		return;
	entry.expires_ms = search->expires_ms;
	if (!keyring_publish(keyring, care->site, &entry))
		search->result = credentials_say(CREDENTIALS_WRONG, where,
		    ": the key's id is over %d bytes, the secret over %d, the "
		    "token over %d or the region over %d",
		    KEYRING_ID_MAX, KEYRING_SECRET_MAX, KEYRING_TOKEN_MAX,
		    KEYRING_REGION_MAX);
	search->is_new =
	    keyring_standing(keyring, care->site, &expires_ms) != before;
}

/* SEARCH has ended: note it, tell the log, then all who wait for it. */
static void
settle(struct care *care, const struct keeping_search *search)
{
	int64_t now = clock_monotonic_ms();
	struct buf line;

	buf_init(&line, KEEPING_LINE_MAX);
	keeping_note(&care->keeping, search, now, clock_random(UINT32_MAX));
	tell(keeping_tell(&care->keeping, search, now, &line), &line);
	buf_fini(&line);
	keyring_tried(care->orders->keyring, care->site,
	    state_of(search->result), search->begun_ms);
	/* It can only fail where 2^64 were added before. */
	(void)eventfd_write(care->orders->tried_fd, 1);
}

static void
look_for_credentials(struct care *care, bool is_wished)
{
	struct keeping_search search = {
		.begun_ms = clock_monotonic_ms(),
		.is_wished = is_wished,
	};
	struct credentials_found found = { .region = NULL };
	struct buf where;

	buf_init(&where, CREDENTIALS_WHERE_MAX);
	search.result = credentials_find(&care->orders->sites[care->site],
	    care->http, care->watch, &found, &where);
	if (search.result == CREDENTIALS_FOUND)
		publish(care, &found, &search, &where);
	credentials_found_fini(&found);
	search.where = buf_string(&where);
	settle(care, &search);
	buf_fini(&where);
}

/* ---- What there is to do ---- */

static int64_t
find_offset(void)
{
	return (clock_wall_s() - clock_monotonic_ms() / 1000);
}

/* When credentials end was told by the wall clock, and is kept by the other. */
static void
look_at_clocks(struct care *care)
{
	int64_t offset = find_offset();
	int64_t jump = offset - care->offset_s;

	if (jump >= -CLOCK_JUMP_S && jump <= CLOCK_JUMP_S)
		return;
	log_info("site %s: the clock was set by %lld s: credentials are looked "
		 "for anew",
	    care->orders->sites[care->site].name, (long long)jump);
	care->offset_s = offset;
	keeping_forget_clock(&care->keeping);
}

static void
look_at_files(struct care *care, int64_t now)
{
	const char *path = watch_changed(care->watch);
	struct buf line;

	if (path == NULL)
		return;
	buf_init(&line, KEEPING_LINE_MAX);
	keeping_hurry(&care->keeping);
	tell(keeping_tell_change(&care->keeping, path, now, &line), &line);
	buf_fini(&line);
}

static void
wait_for_news(const struct care *care, int64_t due, int64_t now)
{
	int fd = keyring_wish_fd(care->orders->keyring, care->site);
	struct pollfd wish = { .fd = fd, .events = POLLIN };
	int64_t next = due < care->look_ms ? due : care->look_ms;
	eventfd_t count;

	/* Whatever woke us, all of it is looked at. */
	(void)poll(&wish, 1, next > now ? (int)(next - now) : 0);
	(void)eventfd_read(fd, &count);
}

static void *
take_care(void *context)
{
	struct care *care = context;

	for (;;) {
		int64_t now = clock_monotonic_ms(), due;
		bool is_wished =
		    keyring_is_wished(care->orders->keyring, care->site);

		/* A wish may come of a file that was exchanged just now. */
		if (is_wished || now >= care->look_ms) {
			look_at_clocks(care);
			look_at_files(care, now);
			care->look_ms = now + KEEPER_TICK_MS;
		}
		due = keeping_due(&care->keeping, is_wished);
		if (due <= now)
			look_for_credentials(care, is_wished);
		else
			wait_for_news(care, due, now);
	}
	return (NULL);
}

/* ---- The process ---- */

/* It has nothing to finish: the signal that ends it does so by itself. */
static void
unblock_end(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, KEEPER_SIGNAL_END);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void
take_name(const char *program)
{
	char *name = mem_printf("%s keeper", program);

	log_name(name);
	/* The kernel cuts it to 15 bytes. */
	name[strlen(program)] = '-';
	prctl(PR_SET_NAME, name);
	free(name);
}

static void
take_on(struct care *care, const struct keeper_orders *orders, size_t site)
{
	int64_t expires_ms;

	if (keyring_standing(orders->keyring, site, &expires_ms) == 0)
		expires_ms = KEEPING_NOTHING;
	*care = (struct care){
		.orders = orders,
		.site = site,
		.watch = watch_new(),
		.http = http_new(),
		.offset_s = find_offset(),
	};
	keeping_init(&care->keeping, orders->sites[site].name, expires_ms,
	    keyring_state(orders->keyring, site) != KEYRING_UNTRIED);
}

int
keeper_run(const struct keeper_orders *orders)
{
	size_t n = orders->n_sites;
	struct care *cares;

	take_name(orders->program);
	log_threshold(orders->log_level);
	if (!follow_parent(orders->master, KEEPER_SIGNAL_END))
		return (EXIT_FAILURE);
	secret_hide_process();
	unblock_end();
	cares = mem_zero(n, sizeof(*cares));
	for (size_t i = 0; i < n; i++)
		take_on(&cares[i], orders, i);
	/* The first site is this thread's own. */
	for (size_t i = 1; i < n; i++) {
		pthread_t thread;
		int why = pthread_create(&thread, NULL, take_care, &cares[i]);

		if (why != 0)
			log_fatal(EXIT_FAILURE, "no thread for site %s: %s",
			    orders->sites[i].name, strerror(why));
	}
	take_care(&cares[0]);
	return (EXIT_FAILURE);
}

/*
 * What was learnt: see learnt.h.  Whether it may be learnt again is the
 * caller's business: two servers that point at each other must end in an error.
 *
 * A region's text goes to a place that one process has taken for itself, and
 * that is then never written again: so it can be read as a plain string for as
 * long as the memory is there.  A process that dies while it writes loses that
 * place and nothing else; two that learn the same at the same moment may use up
 * one each.  News is logged by whoever exchanged the word that tells it.
 */
#include "s3/learnt.h"

#include <sys/mman.h>

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2,
    "a lock in shared memory could be left held by a worker that died");

static_assert((int)SIGV4_REGION_MAX <= (int)LEARNT_REGION_MAX,
    "what site_is_region allows fits its place");

enum place_state { PLACE_FREE, PLACE_TAKEN, PLACE_WRITTEN };

struct place {
	_Atomic int state; /* enum place_state */
	char text[LEARNT_REGION_MAX + 1];
};

/* Of a site, shared; zeroed: nothing.  The clock is that of the first site with
 * the same endpoint. */
struct lesson {
	_Atomic int64_t skew_s;
	_Atomic unsigned region; /* its place, counted from 1; 0: none */
	struct place places[LEARNT_REGIONS];
};

struct learnt {
	const struct site *sites;
	size_t n_sites;
	size_t *clocks; /* for each site, whose clock it goes by */
	struct lesson *lessons;
};

static size_t
find_clock(const struct site *sites, size_t site)
{
	size_t i;

	for (i = 0; i < site; i++)
		if (span_equal(span_of(sites[i].endpoint),
			span_of(sites[site].endpoint)))
			break;
	return (i);
}

struct learnt *
learnt_new(const struct site *sites, size_t n_sites)
{
	struct learnt *learnt = mem_zero(1, sizeof(*learnt));

	assert(n_sites > 0);
	learnt->sites = sites;
	learnt->n_sites = n_sites;
	learnt->clocks = mem_zero(n_sites, sizeof(*learnt->clocks));
	for (size_t i = 0; i < n_sites; i++)
		learnt->clocks[i] = find_clock(sites, i);
	learnt->lessons = mmap(NULL, n_sites * sizeof(struct lesson),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (learnt->lessons == MAP_FAILED)
		log_fatal(1, "cannot share memory for %zu sites: %s", n_sites,
		    strerror(errno));
	return (learnt);
}

void
learnt_free(struct learnt *learnt)
{
	if (learnt == NULL)
		return;
	munmap(learnt->lessons, learnt->n_sites * sizeof(struct lesson));
	free(learnt->clocks);
	free(learnt);
}

static struct lesson *
lesson_of(const struct learnt *learnt, size_t site)
{
	assert(site < learnt->n_sites);
	return (&learnt->lessons[site]);
}

/* ---- Regions ---- */

/* The text that REGION, a value of the word, names. */
static const char *
text_of(const struct lesson *lesson, unsigned region)
{
	return (region == 0 ? "" : lesson->places[region - 1].text);
}

const char *
learnt_region(const struct learnt *learnt, size_t site)
{
	const struct lesson *lesson = lesson_of(learnt, site);

	return (text_of(lesson,
	    atomic_load_explicit(&lesson->region, memory_order_acquire)));
}

/* Does PLACE hold TEXT, now or from before? */
static bool
fill_place(struct place *place, struct span text)
{
	int state = PLACE_FREE;

	if (atomic_compare_exchange_strong_explicit(&place->state, &state,
		PLACE_TAKEN, memory_order_acquire, memory_order_acquire)) {
		/* With the NUL that is there. */
		memcpy(place->text, text.data, text.len);
		atomic_store_explicit(
		    &place->state, PLACE_WRITTEN, memory_order_release);
		return (true);
	}
	return (
	    state == PLACE_WRITTEN && span_equal(span_of(place->text), text));
}

/* The value of the word for TEXT; 0 where there is no more room. */
static unsigned
find_place(struct lesson *lesson, struct span text)
{
	for (unsigned i = 0; i < LEARNT_REGIONS; i++)
		if (fill_place(&lesson->places[i], text))
			return (i + 1);
	return (0);
}

/* Make TEXT the region; false where it is already, or cannot be remembered. */
static bool
set_region(struct lesson *lesson, struct span text)
{
	unsigned before =
	    atomic_load_explicit(&lesson->region, memory_order_acquire);
	unsigned place;

	do {
		if (span_equal(span_of(text_of(lesson, before)), text))
			return (false);
		place = find_place(lesson, text);
		if (place == 0)
			return (false);
	} while (!atomic_compare_exchange_weak_explicit(&lesson->region,
	    &before, place, memory_order_acq_rel, memory_order_acquire));
	return (true);
}

bool
learnt_take_region(struct learnt *learnt, size_t site, const char *signed_for,
    const char *region)
{
	struct span text = span_of(region);

	if (!site_is_region(text) || span_equal(text, span_of(signed_for)))
		return (false);
	if (set_region(lesson_of(learnt, site), text))
		log_info("site %s: the bucket is in %s; set region to that to "
			 "save a request",
		    learnt->sites[site].name, region);
	return (true);
}

/* ---- Clocks ---- */

static _Atomic int64_t *
clock_of(const struct learnt *learnt, size_t site)
{
	assert(site < learnt->n_sites);
	return (&learnt->lessons[learnt->clocks[site]].skew_s);
}

int64_t
learnt_skew(const struct learnt *learnt, size_t site)
{
	return (
	    atomic_load_explicit(clock_of(learnt, site), memory_order_relaxed));
}

/* Make SKEW_S the clock's; false where that is about what it is already. */
static bool
set_clock(_Atomic int64_t *clock, int64_t skew_s)
{
	int64_t before = atomic_load_explicit(clock, memory_order_relaxed);

	do {
		if (before - skew_s < LEARNT_SKEW_LEAST_S &&
		    skew_s - before < LEARNT_SKEW_LEAST_S)
			return (false);
	} while (!atomic_compare_exchange_weak_explicit(clock, &before, skew_s,
	    memory_order_relaxed, memory_order_relaxed));
	return (true);
}

bool
learnt_take_date(
    struct learnt *learnt, size_t site, int64_t server_date, int64_t now)
{
	int64_t skew_s = server_date - now;

	if (server_date < 0)
		return (false);
	if (set_clock(clock_of(learnt, site), skew_s))
		log_warning("site %s: this machine's clock is %" PRId64
			    " s %s S3's; S3's is used to sign, but set the "
			    "clock",
		    learnt->sites[site].name, skew_s < 0 ? -skew_s : skew_s,
		    skew_s < 0 ? "ahead of" : "behind");
	return (true);
}

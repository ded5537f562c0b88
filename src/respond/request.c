/*
 * The life of a request: see request.h.
 *
 * Serving is a table of named steps; each does one thing and names the next.
 * What they find is gathered in struct serving, and the only way out to the
 * client leads through answer(), or receive.c for a large object.
 *
 *	admit   the method and the site
 *	map     the path to the object's key, and what range is asked for
 *	look    in the cache; take the lease, or wait for who has it
 *	fetch   from S3: small objects whole, large ones straight through
 *	answer  what was found, by the client's conditions and range
 *	store   what is worth keeping, when the client has its answer
 */
#include "respond/request.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/peer.h"
#include "respond/receive.h"
#include "respond/serving.h"
#include "s3/uri.h"

enum {
	/* nginx takes at most 64 KB for all parameters of a request. */
	PATH_MAX_LEN = 65536,
	/* Between two looks at what another is fetching: soon at first, since
	 * most objects are small, then less often. */
	LOOK_AGAIN_MIN_MS = 10,
	LOOK_AGAIN_MAX_MS = 100,
};

/* ------------------------------------------------------ admit and map --- */

static enum step
admit(struct serving *s)
{
	const struct request *request = s->request;
	size_t i;

	s->method = policy_method(request->method);
	if (s->method == POLICY_OTHER)
		return (serving_refuse(s, 405));
	for (i = 0; i < s->parts->n_sites; i++) {
		s->site = &s->parts->sites[i];
		if (request->site.data == NULL ||
		    span_equal(request->site, span_of(s->site->name)))
			return (STEP_MAP);
	}
	log_error("TRYS3_SITE is \"%.*s\": there is no such [site] in the "
		  "settings; see fastcgi_param TRYS3_SITE in nginx",
	    SPAN_ARG(request->site));
	return (serving_refuse(s, 500));
}

/* The decoded path that the web server looked up, in PATH.  Returns 0, or the
 * status to refuse with. */
static int
find_path(const struct request *request, struct buf *path)
{
	struct span raw = request->request_uri;
	bool fits;

	if (request->document_uri.data != NULL)
		return (buf_add_span(path, request->document_uri) ? 0 : 404);
	if (request->script_name.data != NULL ||
	    request->path_info.data != NULL) {
		fits = buf_add_span(path, request->script_name) &&
		    buf_add_span(path, request->path_info);
		return (fits ? 0 : 404);
	}
	raw = span_cut(&raw, '?');
	return (uri_decode(path, raw) ? 0 : 400);
}

static enum step
map(struct serving *s)
{
	const char *why = "";
	struct buf path;
	int status;

	buf_init(&path, PATH_MAX_LEN);
	status = find_path(s->request, &path);
	if (status == 0 &&
	    site_key(s->site, buf_span(&path), &s->key, &why) != SITE_KEY_OK) {
		log_debug("site %s: path \"%s\" is no key: %s", s->site->name,
		    buf_string(&path), why);
		status = 404;
	}
	buf_fini(&path);
	if (status != 0)
		return (serving_refuse(s, status));
	/* Range is defined for GET alone (RFC 9110 14.2). */
	if (s->method == POLICY_GET)
		s->range = range_parse(s->request->range);
	return (STEP_LOOK);
}

/* ------------------------------------------------------ look and wait --- */

/* One look into the cache; what is found there settles what is answered. */
static enum cache_found
look_up(struct serving *s)
{
	struct entry entry;
	enum cache_found found =
	    cache_lookup(s->parts->cache, &s->cache_key, s->now, &entry);

	if (found == CACHE_MISSING) {
		serving_refuse(s, 404);
		s->answer.may_keep = true;
	} else if (found == CACHE_HIT) {
		s->metadata = entry.metadata;
		s->body = entry.body;
		s->length_known = true;
		serving_decide(s);
	} else {
		return (found);
	}
	/* What was waited for is no hit (RFC 9211 2.6). */
	if (!s->answer.cache.is_collapsed)
		s->answer.cache.how = ANSWER_CACHE_HIT;
	return (found);
}

static bool
is_answer(enum cache_found found)
{
	return (found == CACHE_HIT || found == CACHE_MISSING);
}

/* Take the lease, or wait for the one who has it while that makes sense.  FOUND
 * is what was there just now. */
static enum step
share(struct serving *s, enum cache_found found)
{
	int64_t until =
	    clock_monotonic_ms() + s->parts->cache_settings->lease_ms;
	/* Who took the lease or stored between our look and our wish is looked
	 * at once. */
	int64_t pause = found == CACHE_LEASED ? LOOK_AGAIN_MIN_MS : 0;

	if (until > s->answer_deadline_ms)
		until = s->answer_deadline_ms;
	while (!is_answer(found)) {
		switch (cache_lease(s->parts->cache, &s->cache_key, found)) {
		case CACHE_LEASE_NONE:
			return (STEP_FETCH);
		case CACHE_LEASE_OURS:
			s->has_lease = true;
			return (STEP_FETCH);
		case CACHE_LEASE_OTHER:
			break;
		}
		if (clock_monotonic_ms() >= until)
			return (STEP_FETCH);
		if (peer_wait(s->request->peer_fd, pause)) {
			s->answer.status = SERVING_CLIENT_GONE;
			return (STEP_DONE);
		}
		if (found == CACHE_LEASED)
			s->answer.cache.is_collapsed = true;
		found = look_up(s);
		pause = pause == 0                  ? LOOK_AGAIN_MIN_MS
		    : pause * 2 < LOOK_AGAIN_MAX_MS ? pause * 2
						    : LOOK_AGAIN_MAX_MS;
	}
	return (STEP_ANSWER);
}

static enum step
look(struct serving *s)
{
	enum cache_found found;
	bool can_store;

	if (s->parts->cache == NULL) {
		s->answer.cache.how = ANSWER_CACHE_BYPASS;
		return (STEP_FETCH);
	}
	cache_key_make(&s->cache_key, s->site, buf_span(&s->key));
	s->answer.cache.how = ANSWER_CACHE_MISS;
	/* Neither a part nor a head can be stored for the others. */
	can_store = s->method == POLICY_GET && s->range.kind == RANGE_WHOLE;
	found = can_store && cache_expects_miss(s->parts->cache) ? CACHE_MISS
								 : look_up(s);
	if (is_answer(found))
		return (STEP_ANSWER);
	return (can_store ? share(s, found) : STEP_FETCH);
}

/* --------------------------------------------------- answer and store --- */

/* The bytes that go with s->answer, which is not handed off. */
static struct span
choose_body(const struct serving *s)
{
	const struct answer *answer = &s->answer;

	if (s->method == POLICY_HEAD || answer->status == 304)
		return (SPAN(""));
	if (answer->status == 200 || (answer->status == 206 && s->is_part))
		return (s->body);
	if (answer->status == 206)
		return ((struct span){ s->body.data + answer->first,
		    (size_t)(answer->last - answer->first + 1) });
	return (answer_text(answer->status));
}

static enum step
answer(struct serving *s)
{
	const struct request_sink *sink = s->sink;
	struct buf head;
	bool ok;

	/* The lease tells that the cache was there just now. */
	s->answer.cache.is_stored =
	    s->has_lease && (s->is_whole || s->is_missing);
	buf_init_secret(&head, ANSWER_HEAD_MAX); /* a URL may be in it */
	serving_make_head(s, &head);
	ok = sink->head(sink->context, buf_span(&head));
	if (ok && s->answer.handoff != NULL)
		sink->hand_off(sink->context);
	else if (ok)
		sink->end(sink->context, choose_body(s));
	buf_fini(&head);
	return (STEP_STORE);
}

/* When the client has its answer: this costs the worker, not the client. */
static enum step
store(struct serving *s)
{
	struct cache *cache = s->parts->cache;

	if (cache == NULL)
		return (STEP_DONE);
	if (s->is_missing)
		cache_store_missing(cache, &s->cache_key, s->now);
	else if (s->is_whole)
		cache_store(
		    cache, &s->cache_key, &s->metadata, s->body, s->now);
	else
		return (STEP_DONE);
	s->has_lease = false;
	return (STEP_DONE);
}

/* -------------------------------------------------------------- serve --- */

static const struct {
	const char *name;
	enum step (*run)(struct serving *s);
} steps[] = {
	[STEP_ADMIT] = { "admit", admit },
	[STEP_MAP] = { "map", map },
	[STEP_LOOK] = { "look", look },
	[STEP_FETCH] = { "fetch", receive_object },
	[STEP_ANSWER] = { "answer", answer },
	[STEP_STORE] = { "store", store },
};

static void
begin_serving(struct serving *s)
{
	const struct request_parts *parts = s->parts;
	int64_t answer_ms = parts->answer_timeout_ms;

	if (answer_ms > parts->request_timeout_ms)
		answer_ms = parts->request_timeout_ms;
	s->now = clock_wall_s();
	s->answer_deadline_ms = s->request->started_ms + answer_ms;
	s->deadline_ms = s->request->started_ms + parts->request_timeout_ms;
	s->conditions = &s->request->conditions;
	metadata_init(&s->metadata);
	handoff_init(&s->handoff);
	buf_init(&s->part, SERVING_PART_MAX);
	buf_init(&s->key, SITE_KEY_MAX);
	buf_init(&s->collected, (size_t)parts->cache_settings->max_object);
}

static void
end_serving(struct serving *s)
{
	if (s->has_lease)
		cache_release(s->parts->cache, &s->cache_key);
	buf_fini(&s->key);
	buf_fini(&s->collected);
	buf_fini(&s->part);
	handoff_fini(&s->handoff);
	metadata_fini(&s->metadata);
}

int
request_serve(const struct request_parts *parts, const struct request *request,
    const struct request_sink *sink)
{
	struct serving s = { .parts = parts, .request = request, .sink = sink };
	enum step step = STEP_ADMIT;

	begin_serving(&s);
	while (step != STEP_DONE) {
		log_debug("step %s", steps[step].name);
		step = steps[step].run(&s);
	}
	if (log_shows(LOG_LEVEL_DEBUG))
		log_debug("%.*s \"%s\" %d in %" PRId64 " ms",
		    SPAN_ARG(request->method), buf_string(&s.key),
		    s.answer.status,
		    clock_monotonic_ms() - request->started_ms);
	end_serving(&s);
	return (s.answer.status);
}

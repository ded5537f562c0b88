/*
 * s3/fetch (and s3/delivery with it): which attempts are made, when, and what
 * comes of them.  S3, the clocks, the dice, the client and the keeper are
 * played by this file: an object of forty bytes, and a script of what goes
 * wrong, an attempt a line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/peer.h"
#include "s3/fetch.h"
#include "s3/keyring.h"
#include "s3/learnt.h"
#include "s3/object.h"

#define BODY "0123456789abcdefghijABCDEFGHIJ9876543210"
#define TAG  "\"one\""
#define DATE "Wed, 21 Oct 2015 07:28:00 GMT"

enum { SIZE = sizeof(BODY) - 1, WALL = 1400000000, STEPS = 130 };

/* ----------------------------------------------------------- the played S3 */

/* One attempt; zeroed, the object is answered as asked for. */
struct step {
	enum verdict result; /* VERDICT_OK: see above */
	int status;
	const char *code;
	const char *region;
	int64_t skew_s;         /* in the Date of what is not OK */
	int64_t retry_after_ms; /* of the same; 0: none */
	int64_t takes_ms;
	bool breaks; /* off, after so many bytes */
	size_t break_after;
	bool ignores_range;
	bool is_chunked;     /* a 200 tells no size */
	const char *etag;    /* NULL: TAG; "": none */
	const char *date;    /* NULL: DATE; "": none */
	const char *body;    /* NULL: BODY */
	const char *rotates; /* the keeper has published this id meanwhile */
};

static struct {
	const struct step *steps;
	size_t n_steps; /* behind them: the object */
	struct step rest;
	unsigned attempts;
	struct object_request asked[STEPS];
	char region[STEPS][64];
	char if_match[STEPS][64];
	char key[STEPS][64]; /* the id that was signed with */
	struct sigv4_signer *signer;
	struct reply answer;
} s3;

static int64_t now_ms, wall_s;
static int64_t extended_ms;    /* what the attempt may take, since */
static int64_t asked_until_ms; /* deadline_ms of the request */
static int64_t waited[STEPS];
static unsigned waits;
static unsigned leaves_at_wait; /* the client, counted from 1; 0: never */
static uint32_t dice;           /* 0: the least, else the most */

/* What the keeper does for a wish, one after the other. */
static struct {
	struct keyring *keyring;
	const char *ids[4]; /* publishes this; NULL: has no others */
	unsigned n_ids;     /* behind them: does nothing */
	unsigned wishes;
	unsigned polls;    /* how often it was looked for */
	bool is_temporary; /* what it publishes */
	int64_t life_ms;
	const char *region;
	unsigned leaves_at_poll; /* the client, counted from 1; 0: never */
} keeper;

struct object *__wrap_object_new(void);
void __wrap_object_free(struct object *object);
void __wrap_object_extend(struct object *object, int64_t deadline_ms);
enum verdict __wrap_object_get(struct object *object,
    struct sigv4_signer *signer, const struct object_request *request,
    const struct object_handler *handler, const struct reply **answer);
int64_t __wrap_clock_monotonic_ms(void);
int64_t __wrap_clock_wall_s(void);
uint32_t __wrap_clock_random(uint32_t limit);
bool __wrap_peer_wait(int fd, int64_t ms);

/* Publish for both sites. */
static void
publish(const char *id)
{
	struct keyring_entry entry = {
		.credentials = { (char *)(uintptr_t)id, (char *)(uintptr_t)id,
		    NULL },
		.expires_ms = keeper.is_temporary ? now_ms + keeper.life_ms
						  : KEYRING_NEVER,
		.region = keeper.region,
	};

	assert_true(keyring_publish(keeper.keyring, 0, &entry));
	assert_true(keyring_publish(keeper.keyring, 1, &entry));
}

static void
keep(void)
{
	const char *id;

	if (!keyring_is_wished(keeper.keyring, 0))
		return;
	if (keeper.wishes >= keeper.n_ids)
		return;
	id = keeper.ids[keeper.wishes++];
	if (id != NULL)
		publish(id);
	keyring_tried(keeper.keyring, 0,
	    id != NULL ? KEYRING_FOUND : KEYRING_FAILED, now_ms);
}

struct object *
__wrap_object_new(void)
{
	return (NULL);
}

void
__wrap_object_extend(struct object *object, int64_t deadline_ms)
{
	(void)object;
	extended_ms = deadline_ms;
}

void
__wrap_object_free(struct object *object)
{
	assert_null(object);
}

static struct span
choose(const char *said, const char *standard)
{
	if (said == NULL)
		return (span_of(standard));
	return (said[0] == '\0' ? span_of(NULL) : span_of(said));
}

static enum verdict
refuse(const struct step *step)
{
	struct reply *answer = &s3.answer;

	answer->status = step->status;
	if (step->code != NULL)
		snprintf(answer->error.code, sizeof(answer->error.code), "%s",
		    step->code);
	if (step->region != NULL)
		snprintf(answer->error.region, sizeof(answer->error.region),
		    "%s", step->region);
	answer->server_date = wall_s + step->skew_s;
	if (step->retry_after_ms != 0)
		answer->retry_after_ms = step->retry_after_ms;
	answer->reason = "why";
	return (step->result);
}

/* Give BYTES in pieces of 7. */
static bool
give(const struct object_handler *handler, struct span bytes)
{
	while (bytes.len > 0) {
		struct span piece = { bytes.data,
			bytes.len < 7 ? bytes.len : 7 };

		if (!handler->body(handler->context, piece))
			return (false);
		bytes = span_skip(bytes, piece.len);
	}
	return (true);
}

static enum verdict
answer_object(const struct step *step, const struct object_request *request,
    const struct object_handler *handler)
{
	struct reply *answer = &s3.answer;
	struct span body = choose(step->body, BODY), etag, date;
	bool is_empty = step->body != NULL && step->body[0] == '\0';
	enum range_fit fit = RANGE_FIT_WHOLE;

	if (is_empty)
		body = SPAN("");
	etag = choose(step->etag, TAG);
	date = choose(step->date, DATE);
	if (request->if_match.data != NULL &&
	    !span_equal(request->if_match, etag))
		return (refuse(
		    &(struct step){ .result = VERDICT_CHANGED, .status = 412 }));
	answer->metadata.size = body.len;
	if (!step->ignores_range)
		fit = range_fit(
		    &request->range, body.len, &answer->first, &answer->last);
	/* As RGW has it. */
	if (fit == RANGE_FIT_NONE ||
	    (request->range.kind != RANGE_WHOLE && is_empty))
		return (refuse(&(struct step){
		    .result = VERDICT_BAD_RANGE, .status = 416 }));
	answer->is_partial = fit == RANGE_FIT_PART;
	answer->status = answer->is_partial ? 206 : 200;
	answer->size_known = answer->is_partial || !step->is_chunked;
	if (!answer->size_known)
		answer->metadata.size = 0;
	answer->metadata.field[METADATA_ETAG] = etag;
	answer->metadata.field[METADATA_LAST_MODIFIED] = date;
	if (!handler->begin(handler->context, answer))
		return (VERDICT_STOPPED);
	if (request->head_only)
		return (VERDICT_OK);
	if (answer->is_partial)
		body = (struct span){ body.data + answer->first,
			(size_t)(answer->last - answer->first + 1) };
	if (step->breaks && step->break_after < body.len)
		body.len = step->break_after;
	if (!give(handler, body))
		return (VERDICT_STOPPED);
	if (step->breaks) {
		answer->reason = "broken off";
		return (VERDICT_FAILED);
	}
	return (VERDICT_OK);
}

enum verdict
__wrap_object_get(struct object *object, struct sigv4_signer *signer,
    const struct object_request *request, const struct object_handler *handler,
    const struct reply **answer)
{
	unsigned i = s3.attempts++;
	const struct step *step = i < s3.n_steps ? &s3.steps[i] : &s3.rest;

	assert_null(object);
	assert_non_null(signer);
	s3.signer = signer;
	assert_true(i < STEPS);
	s3.asked[i] = *request;
	assert_non_null(request->credentials);
	snprintf(s3.key[i], sizeof(s3.key[i]), "%s",
	    request->credentials->access_key_id);
	snprintf(s3.region[i], sizeof(s3.region[i]), "%.*s",
	    SPAN_ARG(request->region));
	snprintf(s3.if_match[i], sizeof(s3.if_match[i]), "%.*s",
	    SPAN_ARG(request->if_match));
	s3.answer = (struct reply){
		.server_date = -1,
		.retry_after_ms = -1,
		.reason = "",
	};
	s3_error_init(&s3.answer.error);
	*answer = &s3.answer;
	now_ms += step->takes_ms;
	if (step->rotates != NULL)
		publish(step->rotates);
	if (step->result != VERDICT_OK)
		return (refuse(step));
	return (answer_object(step, request, handler));
}

int64_t
__wrap_clock_monotonic_ms(void)
{
	return (now_ms);
}

int64_t
__wrap_clock_wall_s(void)
{
	return (wall_s);
}

uint32_t
__wrap_clock_random(uint32_t limit)
{
	return (dice == 0 ? 0 : limit - 1);
}

bool
__wrap_peer_wait(int fd, int64_t ms)
{
	assert_int_equal(fd, 7);
	if (ms <= KEYRING_POLL_MS) { /* no pause is as short */
		now_ms += ms;
		keep();
		return (++keeper.polls == keeper.leaves_at_poll);
	}
	assert_true(waits < STEPS);
	waited[waits++] = ms;
	now_ms += ms;
	return (waits == leaves_at_wait);
}

/* ------------------------------------------------------------ surroundings */

static struct site sites[2];
static struct fetch *fetch;
static struct learnt *learnt;

/* What the sink got, and does. */
static struct {
	unsigned begun;
	enum fetch_wish wish; /* for the first begin */
	struct fetch_head head;
	char etag[64];
	uint64_t size;
	char body[128];
	size_t len;
	size_t leaves_after; /* bytes; 0: never */
	bool collects;       /* passes nothing on */
} got;

static struct fetch_report report;

static enum fetch_wish
on_begin(void *context, const struct fetch_head *head)
{
	assert_ptr_equal(context, &got);
	got.begun++;
	got.head = *head;
	got.size = head->metadata->size;
	snprintf(got.etag, sizeof(got.etag), "%.*s",
	    SPAN_ARG(head->metadata->field[METADATA_ETAG]));
	if (got.begun == 1 && got.wish != FETCH_GO_ON)
		return (got.wish);
	got.len = 0;
	if (!got.collects) {
		fetch_pass_on(fetch);
		assert_int_equal(extended_ms, asked_until_ms);
	}
	return (FETCH_GO_ON);
}

static bool
on_body(void *context, struct span bytes)
{
	assert_ptr_equal(context, &got);
	assert_true(got.begun > 0);
	assert_true(bytes.len > 0);
	assert_true(got.len + bytes.len < sizeof(got.body));
	memcpy(got.body + got.len, bytes.data, bytes.len);
	got.len += bytes.len;
	got.body[got.len] = '\0';
	return (got.leaves_after == 0 || got.len < got.leaves_after);
}

static int
setup(void **state)
{
	(void)state;
	memset(sites, 0, sizeof(sites));
	memset(&s3, 0, sizeof(s3));
	memset(&got, 0, sizeof(got));
	memset(waited, 0, sizeof(waited));
	sites[0].name = mem_string("one");
	sites[0].region = mem_string("us-east-1");
	sites[0].missing_on_403 = true;
	sites[1].name = mem_string("two");
	sites[1].region = mem_string("eu-west-1");
	sites[1].endpoint = mem_string("https://two.example");
	now_ms = 1000;
	wall_s = WALL;
	waits = leaves_at_wait = 0;
	dice = 0;
	memset(&keeper, 0, sizeof(keeper));
	keeper.keyring = keyring_new(2);
	keeper.life_ms = 3600000;
	publish("first");
	learnt = learnt_new(sites, 2);
	fetch = fetch_new(sites, 2, keeper.keyring, learnt);
	log_threshold(LOG_LEVEL_ERROR);
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	fetch_free(fetch);
	learnt_free(learnt);
	keyring_free(keeper.keyring);
	site_fini(&sites[0]);
	site_fini(&sites[1]);
	return (0);
}

static struct fetch_request
make_request(void)
{
	return ((struct fetch_request){
	    .site = &sites[0],
	    .key = SPAN("a/key"),
	    .answer_deadline_ms = now_ms + 10000,
	    .deadline_ms = now_ms + 60000,
	    .peer_fd = 7,
	});
}

static enum fetch_result
run(const struct step *steps, size_t n_steps,
    const struct fetch_request *request)
{
	struct fetch_sink sink = { on_begin, on_body, &got };

	s3.steps = steps;
	s3.n_steps = n_steps;
	s3.attempts = 0;
	asked_until_ms = request->deadline_ms;
	waits = 0;
	keeper.wishes = keeper.polls = 0;
	got.begun = 0;
	got.len = 0;
	got.body[0] = '\0';
	return (fetch_object(fetch, request, &sink, &report));
}

#define RUN(steps, request) \
	run((steps), sizeof(steps) / sizeof((steps)[0]), (request))

static void
assert_range(unsigned i, enum range_kind kind, uint64_t first, uint64_t last)
{
	assert_true(i < s3.attempts);
	assert_int_equal(s3.asked[i].range.kind, kind);
	if (kind == RANGE_WHOLE)
		return;
	assert_int_equal(s3.asked[i].range.first, first);
	if (kind == RANGE_FROM_TO)
		assert_int_equal(s3.asked[i].range.last, last);
}

/* ------------------------------------------------------------------- tests */

static void
test_at_once(void **state)
{
	struct fetch_request request = make_request();

	(void)state;
	assert_int_equal(run(NULL, 0, &request), FETCH_OK);
	assert_int_equal(got.begun, 1);
	assert_string_equal(got.body, BODY);
	assert_string_equal(got.etag, TAG);
	assert_int_equal(got.head.fit, RANGE_FIT_WHOLE);
	assert_true(got.head.size_known);
	assert_int_equal(got.size, SIZE);
	assert_int_equal(report.attempts, 1);
	assert_int_equal(report.status, 200);
	assert_string_equal(report.reason, "");
	assert_int_equal(s3.asked[0].now, WALL);
	assert_string_equal(s3.region[0], "us-east-1");
	assert_string_equal(s3.if_match[0], "");
	assert_int_equal(
	    s3.asked[0].answer_deadline_ms, request.answer_deadline_ms);
	/* The rest of its time it gets when something is passed on. */
	assert_int_equal(s3.asked[0].deadline_ms, request.answer_deadline_ms);
	assert_int_equal(extended_ms, request.deadline_ms);
	assert_int_equal(s3.asked[0].peer_fd, 7);
	assert_true(span_equal(s3.asked[0].key, SPAN("a/key")));
}

static void
test_range(void **state)
{
	struct fetch_request request = make_request();

	(void)state;
	request.range = (struct range){ .kind = RANGE_SUFFIX, .count = 4 };
	assert_int_equal(run(NULL, 0, &request), FETCH_OK);
	assert_string_equal(got.body, "3210");
	assert_int_equal(got.head.fit, RANGE_FIT_PART);
	assert_int_equal(got.head.first, 36);
	assert_int_equal(got.head.last, 39);
	assert_int_equal(got.size, SIZE);
	assert_int_equal(report.status, 206);
}

/* A server that knows no ranges: the whole, and told so. */
static void
test_range_ignored(void **state)
{
	static const struct step steps[] = { { .ignores_range = true } };
	struct fetch_request request = make_request();

	(void)state;
	request.range = (struct range){ .kind = RANGE_FROM, .first = 4 };
	assert_int_equal(RUN(steps, &request), FETCH_OK);
	assert_string_equal(got.body, BODY);
	assert_int_equal(got.head.fit, RANGE_FIT_WHOLE);
}

static void
test_empty(void **state)
{
	static const struct step steps[] = { { .body = "" } };
	struct fetch_request request = make_request();

	(void)state;
	assert_int_equal(RUN(steps, &request), FETCH_OK);
	assert_int_equal(got.begun, 1);
	assert_int_equal(got.size, 0);
	assert_int_equal(got.len, 0);
}

/* Results that no retry changes. */
static void
test_final(void **state)
{
	static const struct {
		const char *name;
		struct step step;
		bool missing_on_403;
		enum fetch_result result;
	} rows[] = {
		{ "missing", { .result = VERDICT_MISSING, .status = 404 }, true,
		    FETCH_MISSING },
		{ "denied, so missing",
		    { .result = VERDICT_DENIED, .status = 403 }, true,
		    FETCH_MISSING },
		{ "denied, so refused",
		    { .result = VERDICT_DENIED, .status = 403 }, false,
		    FETCH_REFUSED },
		{ "refused",
		    { .result = VERDICT_REFUSED,
			.status = 403,
			.code = "AllAccessDisabled" },
		    true, FETCH_REFUSED },
		{ "403 without a code",
		    { .result = VERDICT_REFUSED, .status = 403 }, true,
		    FETCH_REFUSED },
		{ "elsewhere, nowhere",
		    { .result = VERDICT_ELSEWHERE, .status = 301 }, true,
		    FETCH_REFUSED },
		{ "elsewhere, where we are",
		    { .result = VERDICT_ELSEWHERE, .region = "us-east-1" }, true,
		    FETCH_REFUSED },
		{ "elsewhere, in no region",
		    { .result = VERDICT_ELSEWHERE, .region = "evil.com/" }, true,
		    FETCH_REFUSED },
		{ "out of time", { .result = VERDICT_DEADLINE }, true,
		    FETCH_UNAVAILABLE },
		{ "client gone", { .result = VERDICT_PEER_GONE }, true,
		    FETCH_PEER_GONE },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fetch_request request = make_request();

		print_message("%s\n", rows[i].name);
		sites[0].missing_on_403 = rows[i].missing_on_403;
		assert_int_equal(
		    run(&rows[i].step, 1, &request), rows[i].result);
		assert_int_equal(s3.attempts, 1);
		assert_int_equal(got.begun, 0);
		assert_int_equal(waits, 0);
		assert_int_equal(report.attempts, 1);
		assert_int_equal(report.status, rows[i].step.status);
		assert_string_equal(report.reason, "why");
		if (rows[i].step.code != NULL)
			assert_string_equal(
			    report.error.code, rows[i].step.code);
	}
}

/* Each that a retry may mend, with the pauses between. */
static void
test_retries(void **state)
{
	static const struct step steps[] = {
		{ .result = VERDICT_BUSY, .status = 503, .code = "SlowDown" },
		{ .result = VERDICT_FAILED },
		{ .result = VERDICT_UNUSABLE, .status = 200 },
		{ .result = VERDICT_CHANGED, .status = 412 },
		{ .result = VERDICT_BAD_RANGE, .status = 416 },
		{ .result = VERDICT_BUSY, .status = 500 },
		{ .result = VERDICT_BUSY, .status = 500 },
	};
	static const int64_t most[] = { 99, 199, 399, 799, 1599, 1999, 1999 };
	struct fetch_request request = make_request();
	size_t i;

	(void)state;
	assert_int_equal(RUN(steps, &request), FETCH_OK);
	assert_int_equal(report.attempts, 8);
	assert_string_equal(report.reason, "");
	assert_string_equal(report.error.code, "");
	assert_string_equal(got.body, BODY);
	assert_int_equal(waits, 7);
	for (i = 0; i < 7; i++)
		assert_int_equal(waited[i], 20);
	dice = 1;
	request = make_request();
	assert_int_equal(RUN(steps, &request), FETCH_OK);
	assert_int_equal(waits, 7);
	for (i = 0; i < 7; i++)
		assert_int_equal(waited[i], most[i]);
}

static void
test_retry_after(void **state)
{
	static const struct step steps[] = {
		{ .result = VERDICT_BUSY,
		    .status = 503,
		    .retry_after_ms = 1000 },
		{ .result = VERDICT_BUSY,
		    .status = 503,
		    .retry_after_ms = 60000 },
	};
	struct fetch_request request = make_request();

	(void)state;
	assert_int_equal(RUN(steps, &request), FETCH_OK);
	assert_int_equal(waits, 2);
	assert_int_equal(waited[0], 1000);
	assert_int_equal(waited[1], 2000);
}

/* For as long as an answer may take, and no longer. */
static void
test_time_is_over(void **state)
{
	struct fetch_request request = make_request();

	(void)state;
	dice = 1;
	s3.rest = (struct step){ .result = VERDICT_BUSY,
		.status = 503,
		.code = "SlowDown",
		.takes_ms = 100 };
	assert_int_equal(run(NULL, 0, &request), FETCH_UNAVAILABLE);
	assert_true(now_ms < request.answer_deadline_ms + 100);
	assert_true(now_ms > request.answer_deadline_ms - 2200);
	assert_int_equal(report.status, 503);
	assert_string_equal(report.error.code, "SlowDown");
	assert_string_equal(report.reason, "why");
	assert_int_equal(got.begun, 0);
}

/* What is told is what an attempt failed of, and not only that there was no time
 * for another. */
static void
test_time_is_over_in_the_midst(void **state)
{
	static const struct step steps[] = {
		{ .result = VERDICT_BUSY, .status = 503, .code = "SlowDown" },
		{ .result = VERDICT_DEADLINE },
	};
	struct fetch_request request = make_request();

	(void)state;
	assert_int_equal(RUN(steps, &request), FETCH_UNAVAILABLE);
	assert_int_equal(report.attempts, 2);
	assert_int_equal(report.status, 503);
	assert_string_equal(report.error.code, "SlowDown");
	assert_string_equal(report.reason, "why; then why");
}

/* One attempt is always made, and has a second for its first byte; but never
 * more than the whole has. */
static void
test_time_was_over(void **state)
{
	struct fetch_request request = make_request();

	(void)state;
	s3.rest = (struct step){ .result = VERDICT_FAILED, .takes_ms = 999 };
	request.answer_deadline_ms = now_ms - 5;
	assert_int_equal(run(NULL, 0, &request), FETCH_UNAVAILABLE);
	assert_int_equal(s3.attempts, 1);
	assert_int_equal(s3.asked[0].answer_deadline_ms, 2000);
	request = make_request();
	request.answer_deadline_ms = now_ms - 5;
	request.deadline_ms = now_ms + 10;
	assert_int_equal(run(NULL, 0, &request), FETCH_UNAVAILABLE);
	assert_int_equal(s3.attempts, 1);
	assert_int_equal(s3.asked[0].answer_deadline_ms, request.deadline_ms);
}

static void
test_client_leaves_in_pause(void **state)
{
	static const struct step steps[] = { { .result = VERDICT_BUSY },
		{ .result = VERDICT_BUSY } };
	struct fetch_request request = make_request();

	(void)state;
	leaves_at_wait = 2;
	assert_int_equal(RUN(steps, &request), FETCH_PEER_GONE);
	assert_int_equal(s3.attempts, 2);
}

static void
test_sink_leaves(void **state)
{
	struct fetch_request request = make_request();

	(void)state;
	got.leaves_after = 10;
	assert_int_equal(run(NULL, 0, &request), FETCH_PEER_GONE);
	assert_int_equal(s3.attempts, 1);
	assert_int_equal(got.len, 14);
}

static void
test_enough(void **state)
{
	struct fetch_request request = make_request();

	(void)state;
	got.wish = FETCH_ENOUGH;
	assert_int_equal(run(NULL, 0, &request), FETCH_CUT);
	assert_int_equal(got.len, 0);
	request.head_only = true;
	assert_int_equal(run(NULL, 0, &request), FETCH_CUT);
	assert_string_equal(report.reason, "");
}

static void
test_whole_after_all(void **state)
{
	struct fetch_request request = make_request();

	(void)state;
	got.wish = FETCH_WHOLE;
	request.range = (struct range){ .kind = RANGE_FROM, .first = 30 };
	assert_int_equal(run(NULL, 0, &request), FETCH_OK);
	assert_int_equal(got.begun, 2);
	assert_int_equal(s3.attempts, 2);
	assert_range(1, RANGE_WHOLE, 0, 0);
	assert_int_equal(waits, 0);
	assert_string_equal(got.body, BODY);
	assert_int_equal(got.head.fit, RANGE_FIT_WHOLE);
	/* The same where the range cannot be satisfied. */
	request.range = (struct range){ .kind = RANGE_FROM, .first = 40 };
	assert_int_equal(run(NULL, 0, &request), FETCH_OK);
	assert_int_equal(got.begun, 2);
	assert_string_equal(got.body, BODY);
}

static void
test_head(void **state)
{
	struct fetch_request request = make_request();

	(void)state;
	request.head_only = true;
	assert_int_equal(run(NULL, 0, &request), FETCH_OK);
	assert_true(s3.asked[0].head_only);
	assert_int_equal(got.begun, 1);
	assert_int_equal(got.size, SIZE);
	assert_int_equal(got.len, 0);
	/* With a range: what a GET would be answered. */
	request.range = (struct range){ .kind = RANGE_FROM, .first = 30 };
	assert_int_equal(run(NULL, 0, &request), FETCH_OK);
	assert_range(0, RANGE_WHOLE, 0, 0);
	assert_int_equal(got.head.fit, RANGE_FIT_PART);
	assert_int_equal(got.head.first, 30);
	assert_int_equal(got.head.last, 39);
}

/* A HEAD that is refused: a GET of one byte tells why. */
static void
test_head_refused(void **state)
{
	static const struct {
		const char *name;
		struct step why;
		bool missing_on_403;
		enum fetch_result result;
		unsigned attempts;
		unsigned begun;
	} rows[] = {
		{ "missing", { .result = VERDICT_MISSING, .status = 404 }, true,
		    FETCH_MISSING, 2, 0 },
		{ "no bucket",
		    { .result = VERDICT_REFUSED,
			.status = 404,
			.code = "NoSuchBucket" },
		    true, FETCH_REFUSED, 2, 0 },
		{ "denied", { .result = VERDICT_DENIED, .status = 403 }, true,
		    FETCH_MISSING, 2, 0 },
		{ "denied for sure", { .result = VERDICT_DENIED, .status = 403 },
		    false, FETCH_REFUSED, 2, 0 },
		{ "403 without a code",
		    { .result = VERDICT_REFUSED, .status = 403 }, true,
		    FETCH_MISSING, 2, 0 },
		{ "all access is disabled",
		    { .result = VERDICT_REFUSED,
			.status = 403,
			.code = "AllAccessDisabled" },
		    true, FETCH_REFUSED, 2, 0 },
		{ "skewed",
		    { .result = VERDICT_SKEWED, .status = 403, .skew_s = 900 },
		    true, FETCH_OK, 3, 1 },
		{ "elsewhere",
		    { .result = VERDICT_ELSEWHERE, .region = "eu-north-1" },
		    true, FETCH_OK, 3, 1 },
		{ "busy", { .result = VERDICT_BUSY, .status = 503 }, true,
		    FETCH_OK, 3, 1 },
		{ "no range can be had", { .body = "" }, true, FETCH_OK, 3, 1 },
		{ "it can be had", { .breaks = false }, true, FETCH_OK, 2, 1 },
		{ "all of it can be had", { .ignores_range = true }, true,
		    FETCH_OK, 2, 1 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct step steps[2] = { { .result = VERDICT_UNSAID,
		    .status = 403 } };
		struct fetch_request request = make_request();

		print_message("%s\n", rows[i].name);
		sites[0].missing_on_403 = rows[i].missing_on_403;
		steps[1] = rows[i].why;
		request.head_only = true;
		assert_int_equal(RUN(steps, &request), rows[i].result);
		assert_int_equal(s3.attempts, rows[i].attempts);
		assert_int_equal(got.begun, rows[i].begun);
		assert_int_equal(got.len, 0);
		assert_false(s3.asked[1].head_only);
		assert_range(1, RANGE_FROM_TO, 0, 0);
		if (rows[i].attempts == 3)
			assert_true(s3.asked[2].head_only);
		if (rows[i].begun == 1)
			assert_int_equal(got.size, SIZE);
	}
}

/* S3 keeps a clock of its own: sign by it, now and later. */
static void
test_skew(void **state)
{
	static const struct step steps[] = {
		{ .result = VERDICT_SKEWED, .status = 403, .skew_s = -1200 },
	};
	static const struct step twice[] = {
		{ .result = VERDICT_SKEWED, .status = 403, .skew_s = 60 },
		{ .result = VERDICT_SKEWED, .status = 403, .skew_s = 60 },
	};
	struct fetch_request request = make_request();
	struct sigv4_signer *signer;

	(void)state;
	assert_int_equal(RUN(steps, &request), FETCH_OK);
	assert_int_equal(s3.asked[0].now, WALL);
	assert_int_equal(s3.asked[1].now, WALL - 1200);
	assert_int_equal(waits, 0);
	assert_int_equal(run(NULL, 0, &request), FETCH_OK);
	assert_int_equal(s3.asked[0].now, WALL - 1200);
	/* Not the other endpoint's, whose day's key is another as well. */
	signer = s3.signer;
	request.site = &sites[1];
	assert_int_equal(run(NULL, 0, &request), FETCH_OK);
	assert_ptr_not_equal(s3.signer, signer);
	assert_int_equal(s3.asked[0].now, WALL);
	/* Once a fetch. */
	assert_int_equal(RUN(twice, &request), FETCH_REFUSED);
	assert_int_equal(s3.attempts, 2);
}

static void
test_region(void **state)
{
	static const struct step steps[] = {
		{ .result = VERDICT_ELSEWHERE, .region = "ap-northeast-1" },
	};
	static const struct step twice[] = {
		{ .result = VERDICT_ELSEWHERE, .region = "eu-west-2" },
		{ .result = VERDICT_ELSEWHERE, .region = "eu-west-1" },
	};
	struct fetch_request request = make_request();

	(void)state;
	assert_int_equal(RUN(steps, &request), FETCH_OK);
	assert_string_equal(s3.region[0], "us-east-1");
	assert_string_equal(s3.region[1], "ap-northeast-1");
	assert_int_equal(waits, 0);
	assert_int_equal(run(NULL, 0, &request), FETCH_OK);
	assert_string_equal(s3.region[0], "ap-northeast-1");
	request.site = &sites[1];
	assert_int_equal(run(NULL, 0, &request), FETCH_OK);
	assert_string_equal(s3.region[0], "eu-west-1");
	/* Two that point at each other end. */
	assert_int_equal(RUN(twice, &request), FETCH_REFUSED);
	assert_int_equal(s3.attempts, 2);
}

/* ------------------------------------------------------------ credentials */

#define KEYS_REFUSED                                          \
	{                                                     \
		.result = VERDICT_KEYS_REFUSED, .status = 400, \
		.code = "ExpiredToken"                        \
	}

/* S3 refuses the key: others are waited for, and asked with at once. */
static void
test_keys_refused(void **state)
{
	static const struct {
		const char *name;
		struct step steps[4];
		size_t n_steps;
		const char *ids[4]; /* for each wish */
		unsigned n_ids;
		bool is_temporary;
		unsigned leaves_at_poll;
		enum fetch_result result;
		unsigned attempts;
		unsigned wishes; /* that were answered */
		unsigned polls;
		const char *last_key;
		const char *reason;
	} rows[] = {
		{ .name = "there are others",
		    .steps = { KEYS_REFUSED },
		    .n_steps = 1,
		    .ids = { "second" },
		    .n_ids = 1,
		    .result = FETCH_OK,
		    .attempts = 2,
		    .wishes = 1,
		    .polls = 1,
		    .last_key = "second",
		    .reason = "" },
		{ .name = "others were there before the answer",
		    .steps = { { .result = VERDICT_KEYS_REFUSED,
			.status = 403,
			.code = "InvalidAccessKeyId",
			.rotates = "second" } },
		    .n_steps = 1,
		    .result = FETCH_OK,
		    .attempts = 2,
		    .last_key = "second",
		    .reason = "" },
		{ .name = "no others, and they have no end",
		    .steps = { KEYS_REFUSED },
		    .n_steps = 1,
		    .ids = { NULL },
		    .n_ids = 1,
		    .result = FETCH_REFUSED,
		    .attempts = 1,
		    .wishes = 1,
		    .polls = 1,
		    .last_key = "first",
		    .reason = "S3 refused the credentials (ExpiredToken) and "
			      "the keeper has no others: see its lines in the "
			      "log" },
		{ .name = "no others, and they are temporary",
		    .steps = { KEYS_REFUSED },
		    .n_steps = 1,
		    .ids = { NULL },
		    .n_ids = 1,
		    .is_temporary = true,
		    .result = FETCH_UNAVAILABLE,
		    .attempts = 1,
		    .wishes = 1,
		    .polls = 1,
		    .last_key = "first",
		    .reason = "S3 refused the credentials (ExpiredToken) and "
			      "the keeper has no others: see its lines in the "
			      "log" },
		{ .name = "nobody answers",
		    .steps = { KEYS_REFUSED },
		    .n_steps = 1,
		    .is_temporary = true,
		    .result = FETCH_UNAVAILABLE,
		    .attempts = 1,
		    .polls = 500,
		    .last_key = "first",
		    .reason = "S3 refused the credentials (ExpiredToken) and "
			      "the keeper has no others: see its lines in the "
			      "log" },
		{ .name = "the client leaves",
		    .steps = { KEYS_REFUSED },
		    .n_steps = 1,
		    .leaves_at_poll = 3,
		    .result = FETCH_PEER_GONE,
		    .attempts = 1,
		    .polls = 3,
		    .last_key = "first",
		    .reason = "the client went away" },
		{ .name = "others, and others again",
		    .steps = { { .result = VERDICT_KEYS_REFUSED,
				   .takes_ms = 2000 },
			{ .result = VERDICT_KEYS_REFUSED, .takes_ms = 2000 } },
		    .n_steps = 2,
		    .ids = { "second", "third" },
		    .n_ids = 2,
		    .result = FETCH_OK,
		    .attempts = 3,
		    .wishes = 2,
		    .polls = 2,
		    .last_key = "third",
		    .reason = "" },
		{ .name = "others, which are refused just after",
		    .steps = { KEYS_REFUSED,
			{ .result = VERDICT_KEYS_REFUSED,
			    .status = 403,
			    .code = "InvalidAccessKeyId",
			    .takes_ms = 1 } },
		    .n_steps = 2,
		    .ids = { "second", "third" },
		    .n_ids = 2,
		    .result = FETCH_REFUSED,
		    .attempts = 2,
		    .wishes = 1,
		    .polls = 1,
		    .last_key = "second",
		    .reason = "S3 refused the credentials (InvalidAccessKeyId) "
			      "and the keeper has no others: see its lines in "
			      "the log" },
		{ .name = "a pause between does not count",
		    .steps = { { .result = VERDICT_BUSY,
				   .status = 503,
				   .rotates = "second" },
			{ .result = VERDICT_KEYS_REFUSED } },
		    .n_steps = 2,
		    .ids = { "third" },
		    .n_ids = 1,
		    .result = FETCH_OK,
		    .attempts = 3,
		    .wishes = 1,
		    .polls = 1,
		    .last_key = "third",
		    .reason = "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fetch_request request;

		print_message("%s\n", rows[i].name);
		(void)teardown(state);
		(void)setup(state);
		keeper.is_temporary = rows[i].is_temporary;
		if (keeper.is_temporary)
			publish("first");
		memcpy(keeper.ids, rows[i].ids, sizeof(keeper.ids));
		keeper.n_ids = rows[i].n_ids;
		keeper.leaves_at_poll = rows[i].leaves_at_poll;
		request = make_request();
		/* The greatest of a fetch's times is not the one that ends it.
		 */
		request.answer_deadline_ms += 20000;
		assert_int_equal(run(rows[i].steps, rows[i].n_steps, &request),
		    rows[i].result);
		assert_int_equal(s3.attempts, rows[i].attempts);
		assert_string_equal(s3.key[0], "first");
		assert_string_equal(s3.key[s3.attempts - 1], rows[i].last_key);
		assert_int_equal(keeper.wishes, rows[i].wishes);
		assert_int_equal(keeper.polls, rows[i].polls);
		assert_int_equal(waits, rows[i].steps[0].result == VERDICT_BUSY);
		assert_string_equal(report.reason, rows[i].reason);
		if (rows[i].result == FETCH_OK)
			assert_string_equal(got.body, BODY);
	}
}

/* Other keys are waited for no longer than the answer is. */
static void
test_renewal_ends_with_the_time(void **state)
{
	static const struct step steps[] = { KEYS_REFUSED };
	struct fetch_request request = make_request();

	(void)state;
	request.answer_deadline_ms = now_ms + 1500;
	assert_int_equal(RUN(steps, &request), FETCH_REFUSED);
	assert_int_equal(keeper.polls, 150);
}

static void
test_a_head_renews_keys(void **state)
{
	static const struct step steps[] = {
		{ .result = VERDICT_UNSAID, .status = 400 },
		KEYS_REFUSED,
	};
	struct fetch_request request = make_request();

	(void)state;
	request.head_only = true;
	keeper.ids[0] = "second";
	keeper.n_ids = 1;
	assert_int_equal(RUN(steps, &request), FETCH_OK);
	assert_int_equal(s3.attempts, 3);
	assert_true(s3.asked[0].head_only);
	assert_false(s3.asked[1].head_only);
	assert_true(s3.asked[2].head_only);
	assert_string_equal(s3.key[1], "first");
	assert_string_equal(s3.key[2], "second");
	assert_int_equal(waits, 0);
	assert_int_equal(got.begun, 1);
}

/* The rest of a body is asked for with what is newest. */
static void
test_resume_with_other_keys(void **state)
{
	static const struct step renewed[] = {
		{ .breaks = true, .break_after = 11, .rotates = "second" },
		KEYS_REFUSED,
		{ .breaks = true, .break_after = 7 },
		KEYS_REFUSED,
	};
	static const struct step refused[] = {
		{ .breaks = true, .break_after = 11 },
		KEYS_REFUSED,
	};
	struct fetch_request request = make_request();

	(void)state;
	keeper.ids[0] = "third";
	keeper.ids[1] = NULL;
	keeper.n_ids = 2;
	assert_int_equal(run(renewed, 3, &request), FETCH_OK);
	assert_string_equal(got.body, BODY);
	assert_int_equal(got.begun, 1);
	assert_int_equal(s3.attempts, 4);
	assert_string_equal(s3.key[0], "first");
	assert_string_equal(s3.key[1], "second");
	assert_string_equal(s3.key[2], "third");
	assert_range(2, RANGE_FROM_TO, 11, 39);
	assert_string_equal(s3.if_match[2], TAG);
	assert_range(3, RANGE_FROM_TO, 18, 39);
	/* An answer that has begun does not end as one that never did. */
	assert_int_equal(RUN(refused, &request), FETCH_UNAVAILABLE);
	assert_int_equal(s3.attempts, 2);
}

/* Where a token is over, Ceph says AccessDenied: no key is missing. */
static void
test_denied_at_the_end(void **state)
{
	static const struct step denied[] = {
		{ .result = VERDICT_DENIED,
		    .status = 403,
		    .code = "AccessDenied" },
	};
	static const struct step head[] = {
		{ .result = VERDICT_UNSAID, .status = 403 },
		{ .result = VERDICT_REFUSED, .status = 403 },
	};
	struct fetch_request request = make_request();

	(void)state;
	keeper.is_temporary = true;
	keeper.life_ms = 1000;
	publish("short");
	keeper.life_ms = 3600000;
	assert_int_equal(RUN(denied, &request), FETCH_MISSING);
	now_ms++;
	keeper.ids[0] = NULL;
	keeper.n_ids = 1;
	assert_int_equal(RUN(denied, &request), FETCH_UNAVAILABLE);
	request.head_only = true;
	assert_int_equal(RUN(head, &request), FETCH_UNAVAILABLE);
	assert_string_equal(report.reason,
	    "S3 refused the credentials (without a code) and the keeper has "
	    "no others: see its lines in the log");
	request.head_only = false;
	/* A search that found nothing is not waited for. */
	keyring_tried(keeper.keyring, 0, KEYRING_FOUND, now_ms);
	now_ms += KEYRING_RELOOK_MS;
	keeper.ids[0] = "long";
	assert_int_equal(RUN(denied, &request), FETCH_OK);
	assert_int_equal(s3.attempts, 2);
	assert_int_equal(RUN(denied, &request), FETCH_MISSING);
	/* What has no end is never over. */
	keeper.is_temporary = false;
	publish("for good");
	now_ms += INT64_C(1000000000000);
	request = make_request();
	assert_int_equal(RUN(denied, &request), FETCH_MISSING);
}

/* The keeper has not yet found any. */
static void
test_no_keys_yet(void **state)
{
	struct fetch_request request = make_request();

	(void)state;
	fetch_free(fetch);
	keyring_free(keeper.keyring);
	keeper.keyring = keyring_new(2);
	fetch = fetch_new(sites, 2, keeper.keyring, learnt);
	assert_int_equal(run(NULL, 0, &request), FETCH_UNAVAILABLE);
	assert_int_equal(s3.attempts, 0);
	assert_int_equal(keeper.polls, 500);
	assert_int_equal(report.attempts, 0);
	assert_int_equal(report.status, 0);
	assert_string_equal(report.reason,
	    "there are no credentials yet: see the keeper's lines in the log");
	request = make_request();
	keeper.leaves_at_poll = 2;
	assert_int_equal(run(NULL, 0, &request), FETCH_PEER_GONE);
	keeper.leaves_at_poll = 0;
	keeper.ids[0] = "at last";
	keeper.n_ids = 1;
	assert_int_equal(run(NULL, 0, &request), FETCH_OK);
	assert_int_equal(s3.attempts, 1);
	assert_string_equal(s3.key[0], "at last");
}

/* Which region is signed for. */
static void
test_region_of_the_machine(void **state)
{
	static const struct step steps[] = {
		{ .result = VERDICT_ELSEWHERE, .region = "ap-northeast-1" },
	};
	struct fetch_request request = make_request();

	(void)state;
	keeper.region = "eu-north-1";
	publish("with a region");
	assert_int_equal(run(NULL, 0, &request), FETCH_OK);
	assert_string_equal(s3.region[0], "us-east-1");
	sites[0].region_is_guess = true;
	assert_int_equal(run(NULL, 0, &request), FETCH_OK);
	assert_string_equal(s3.region[0], "eu-north-1");
	keeper.region = NULL;
	publish("without one");
	assert_int_equal(run(NULL, 0, &request), FETCH_OK);
	assert_string_equal(s3.region[0], "us-east-1");
	keeper.region = "no.region/";
	publish("with none that is one");
	assert_int_equal(run(NULL, 0, &request), FETCH_OK);
	assert_string_equal(s3.region[0], "us-east-1");
	/* What S3 says counts most. */
	keeper.region = "eu-north-1";
	publish("with a region");
	assert_int_equal(RUN(steps, &request), FETCH_OK);
	assert_string_equal(s3.region[0], "eu-north-1");
	assert_string_equal(s3.region[1], "ap-northeast-1");
	assert_int_equal(run(NULL, 0, &request), FETCH_OK);
	assert_string_equal(s3.region[0], "ap-northeast-1");
}

/* A region that cannot be remembered is still good for the rest of the call. */
static void
test_a_region_too_many(void **state)
{
	static const struct step steps[] = {
		{ .result = VERDICT_ELSEWHERE, .region = "ap-northeast-1" },
	};
	struct fetch_request request = make_request();
	char region[32];

	(void)state;
	for (int i = 0; i < LEARNT_REGIONS; i++) {
		snprintf(region, sizeof(region), "region-%d", i);
		assert_true(learnt_take_region(learnt, 0, "x", region));
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(RUN(steps, &request), FETCH_OK);
		assert_string_equal(s3.region[0], region);
		assert_string_equal(s3.region[1], "ap-northeast-1");
	}
}

/* The range lies outside: a HEAD tells of the object. */
static void
test_bad_range(void **state)
{
	static const struct step busy[] = {
		{ .result = VERDICT_BAD_RANGE, .status = 416 },
		{ .result = VERDICT_BUSY, .status = 503 },
	};
	static const struct step empty[] = { { .body = "" }, { .body = "" } };
	struct fetch_request request = make_request();

	(void)state;
	request.range = (struct range){ .kind = RANGE_FROM, .first = 40 };
	assert_int_equal(run(NULL, 0, &request), FETCH_OK);
	assert_int_equal(s3.attempts, 2);
	assert_true(s3.asked[1].head_only);
	assert_range(1, RANGE_WHOLE, 0, 0);
	assert_int_equal(got.begun, 1);
	assert_int_equal(got.head.fit, RANGE_FIT_NONE);
	assert_int_equal(got.size, SIZE);
	assert_string_equal(got.etag, TAG);
	assert_int_equal(got.len, 0);
	assert_int_equal(waits, 0);

	assert_int_equal(RUN(busy, &request), FETCH_OK);
	assert_int_equal(s3.attempts, 3);
	assert_true(s3.asked[2].head_only);
	assert_int_equal(got.head.fit, RANGE_FIT_NONE);

	/* The suffix of an empty object is all of it. */
	request.range = (struct range){ .kind = RANGE_SUFFIX, .count = 4 };
	assert_int_equal(RUN(empty, &request), FETCH_OK);
	assert_int_equal(s3.attempts, 2);
	assert_int_equal(got.head.fit, RANGE_FIT_WHOLE);
	assert_int_equal(got.size, 0);
	request.range = (struct range){ .kind = RANGE_FROM, .first = 0 };
	assert_int_equal(RUN(empty, &request), FETCH_OK);
	assert_int_equal(got.head.fit, RANGE_FIT_NONE);
}

/* It lies inside, says the HEAD: once more, then without it. */
static void
test_bad_range_for_no_reason(void **state)
{
	static const struct step once[] = {
		{ .result = VERDICT_BAD_RANGE, .status = 416 },
	};
	static const struct step twice[] = {
		{ .result = VERDICT_BAD_RANGE, .status = 416 },
		{ .is_chunked = true },
		{ .result = VERDICT_BAD_RANGE, .status = 416 },
	};
	struct fetch_request request = make_request();

	(void)state;
	request.range = (struct range){ .kind = RANGE_FROM, .first = 36 };
	assert_int_equal(RUN(once, &request), FETCH_OK);
	assert_int_equal(s3.attempts, 3);
	assert_range(2, RANGE_FROM, 36, 0);
	assert_false(s3.asked[2].head_only);
	assert_string_equal(got.body, "3210");
	assert_int_equal(got.begun, 1);

	assert_int_equal(RUN(twice, &request), FETCH_OK);
	assert_int_equal(s3.attempts, 5);
	assert_range(4, RANGE_WHOLE, 0, 0);
	assert_string_equal(got.body, BODY);
	assert_int_equal(got.begun, 1);
	assert_int_equal(got.head.fit, RANGE_FIT_WHOLE);
}

/* 416 to a question without a range: never an empty answer. */
static void
test_bad_range_of_nothing(void **state)
{
	struct fetch_request request = make_request();

	(void)state;
	s3.rest = (struct step){ .result = VERDICT_BAD_RANGE, .takes_ms = 500 };
	assert_int_equal(run(NULL, 0, &request), FETCH_UNAVAILABLE);
	assert_int_equal(got.begun, 0);
}

/* A body in many pieces: in order, each byte once. */
static void
test_resume(void **state)
{
	static const struct step steps[] = {
		{ .breaks = true, .break_after = 10 },
		{ .result = VERDICT_FAILED },
		{ .breaks = true, .break_after = 0 },
		{ .breaks = true, .break_after = 1 },
		{ .result = VERDICT_BUSY, .status = 503 },
		{ .breaks = true, .break_after = 28 },
	};
	struct fetch_request request = make_request();

	(void)state;
	dice = 1;
	assert_int_equal(RUN(steps, &request), FETCH_OK);
	assert_string_equal(got.body, BODY);
	assert_int_equal(got.begun, 1);
	assert_int_equal(report.attempts, 7);
	assert_range(0, RANGE_WHOLE, 0, 0);
	assert_range(1, RANGE_FROM_TO, 10, 39);
	assert_range(2, RANGE_FROM_TO, 10, 39);
	assert_range(3, RANGE_FROM_TO, 10, 39);
	assert_range(4, RANGE_FROM_TO, 11, 39);
	assert_range(6, RANGE_FROM_TO, 39, 39);
	assert_string_equal(s3.if_match[0], "");
	assert_string_equal(s3.if_match[1], TAG);
	assert_string_equal(s3.if_match[6], TAG);
	/* Progress makes the pauses short again. */
	assert_int_equal(waited[0], 99);
	assert_int_equal(waited[1], 199);
	assert_int_equal(waited[2], 399);
	assert_int_equal(waited[3], 99);
	assert_int_equal(waited[4], 199);
	assert_int_equal(waited[5], 99);
	/* With the whole's time, since the answer has begun. */
	assert_int_equal(s3.asked[1].answer_deadline_ms, request.deadline_ms);
}

static void
test_resume_part(void **state)
{
	static const struct step steps[] = {
		{ .breaks = true, .break_after = 3 },
		{ .ignores_range = true, .breaks = true, .break_after = 25 },
		{ .ignores_range = true },
	};
	struct fetch_request request = make_request();

	(void)state;
	request.range =
	    (struct range){ .kind = RANGE_FROM_TO, .first = 20, .last = 29 };
	assert_int_equal(RUN(steps, &request), FETCH_OK);
	assert_string_equal(got.body, "ABCDEFGHIJ");
	assert_int_equal(got.head.first, 20);
	assert_range(1, RANGE_FROM_TO, 23, 29);
	assert_range(2, RANGE_FROM_TO, 25, 29);
}

/* A break behind the last byte is none. */
static void
test_break_at_the_end(void **state)
{
	static const struct step steps[] = {
		{ .breaks = true, .break_after = SIZE },
	};
	struct fetch_request request = make_request();

	(void)state;
	assert_int_equal(RUN(steps, &request), FETCH_OK);
	assert_int_equal(s3.attempts, 1);
	assert_string_equal(got.body, BODY);
}

/* What may go on, and what must not. */
static void
test_same_object(void **state)
{
	static const struct {
		const char *name;
		struct step first;
		struct step second;
		enum fetch_result result;
		unsigned attempts;
		const char *if_match;
	} rows[] = {
		{ "another tag, server checks",
		    { .breaks = true, .break_after = 9 }, { .etag = "\"two\"" },
		    FETCH_UNAVAILABLE, 2, TAG },
		{ "no tag at first, the same date and size",
		    { .breaks = true, .break_after = 9, .etag = "" },
		    { .etag = "" }, FETCH_OK, 2, "" },
		{ "a weak tag, the same date and size",
		    { .breaks = true, .break_after = 9, .etag = "W/\"one\"" },
		    { .etag = "W/\"one\"" }, FETCH_OK, 2, "" },
		{ "no tag, another date",
		    { .breaks = true, .break_after = 9, .etag = "" },
		    { .etag = "", .date = "Thu, 22 Oct 2015 07:28:00 GMT" },
		    FETCH_UNAVAILABLE, 2, "" },
		{ "no tag, another size",
		    { .breaks = true, .break_after = 9, .etag = "" },
		    { .etag = "", .body = BODY "x" }, FETCH_UNAVAILABLE, 2,
		    "" },
		{ "the tag, another size", { .breaks = true, .break_after = 9 },
		    { .body = BODY "x" }, FETCH_UNAVAILABLE, 2, TAG },
		{ "no tag, no date",
		    { .breaks = true,
			.break_after = 9,
			.etag = "",
			.date = "" },
		    { .etag = "" }, FETCH_UNAVAILABLE, 1, "" },
		{ "chunked, by its tag",
		    { .breaks = true, .break_after = 9, .is_chunked = true },
		    { .takes_ms = 1 }, FETCH_OK, 2, TAG },
		{ "chunked, twice",
		    { .breaks = true, .break_after = 9, .is_chunked = true },
		    { .is_chunked = true, .ignores_range = true }, FETCH_OK, 2,
		    TAG },
		{ "chunked, without a tag",
		    { .breaks = true,
			.break_after = 9,
			.is_chunked = true,
			.etag = "" },
		    { .etag = "" }, FETCH_UNAVAILABLE, 1, "" },
		{ "chunked, then shorter",
		    { .breaks = true, .break_after = 9, .is_chunked = true },
		    { .is_chunked = true, .ignores_range = true, .body = "01" },
		    FETCH_UNAVAILABLE, 2, TAG },
		{ "gone", { .breaks = true, .break_after = 9 },
		    { .result = VERDICT_MISSING, .status = 404 },
		    FETCH_UNAVAILABLE, 2, TAG },
		{ "forbidden", { .breaks = true, .break_after = 9 },
		    { .result = VERDICT_DENIED, .status = 403 },
		    FETCH_UNAVAILABLE, 2, TAG },
		{ "refused", { .breaks = true, .break_after = 9 },
		    { .result = VERDICT_REFUSED, .status = 403 },
		    FETCH_UNAVAILABLE, 2, TAG },
		{ "shorter", { .breaks = true, .break_after = 9 },
		    { .result = VERDICT_BAD_RANGE, .status = 416 },
		    FETCH_UNAVAILABLE, 2, TAG },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fetch_request request = make_request();

		print_message("%s\n", rows[i].name);
		s3.rest = rows[i].second;
		assert_int_equal(
		    run(&rows[i].first, 1, &request), rows[i].result);
		assert_int_equal(got.begun, 1);
		assert_int_equal(s3.attempts, rows[i].attempts);
		if (rows[i].attempts > 1)
			assert_string_equal(s3.if_match[1], rows[i].if_match);
		if (rows[i].result == FETCH_OK)
			assert_string_equal(got.body, BODY);
		else
			assert_string_not_equal(report.reason, "");
		if (rows[i].result != FETCH_OK)
			assert_string_equal(got.body, "012345678");
		assert_int_equal(
		    got.head.size_known, !rows[i].first.is_chunked);
	}
}

/* Without a size its end is the answer's. */
/* While nothing has been passed on, what cannot go on begins anew. */
static void
test_anew(void **state)
{
	static const struct {
		const char *what;
		struct step steps[2];
	} rows[] = {
		{ "no validator",
		    { { .breaks = true,
			  .break_after = 9,
			  .etag = "",
			  .date = "" },
			{ .result = VERDICT_OK } } },
		{ "a weak tag",
		    { { .breaks = true,
			  .break_after = 9,
			  .etag = "W/\"a\"",
			  .date = "" },
			{ .result = VERDICT_OK } } },
		{ "412",
		    { { .breaks = true, .break_after = 9 },
			{ .result = VERDICT_CHANGED, .status = 412 } } },
		{ "another tag",
		    { { .breaks = true, .break_after = 9 },
			{ .etag = "\"two\"" } } },
	};
	struct fetch_request request = make_request();
	size_t i;

	(void)state;
	got.collects = true;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(run(rows[i].steps, 2, &request), FETCH_OK);
		assert_string_equal(got.body, BODY);
		assert_int_equal(got.begun, 2);
		/* Not at once, and not counted as progress. */
		assert_true(waits >= 1);
	}
}

/* The answer's deadline holds until something was passed on. */
static void
test_collecting_has_the_time_of_an_answer(void **state)
{
	static const struct step steps[] = {
		{ .breaks = true, .break_after = 9, .takes_ms = 30000 }
	};
	struct fetch_request request = make_request();

	(void)state;
	request.answer_deadline_ms = now_ms + 20000;
	request.deadline_ms = now_ms + 300000;
	got.collects = true;
	assert_int_equal(run(steps, 1, &request), FETCH_UNAVAILABLE);
	assert_int_equal(s3.attempts, 1);
	assert_int_equal(s3.asked[0].deadline_ms, request.answer_deadline_ms);
	request.answer_deadline_ms = now_ms + 20000;
	request.deadline_ms = now_ms + 300000;
	got.collects = false;
	assert_int_equal(run(steps, 1, &request), FETCH_OK);
	assert_string_equal(got.body, BODY);
	assert_int_equal(s3.asked[1].deadline_ms, request.deadline_ms);
}

static void
test_chunked(void **state)
{
	static const struct step steps[] = { { .is_chunked = true } };
	struct fetch_request request = make_request();

	(void)state;
	assert_int_equal(RUN(steps, &request), FETCH_OK);
	assert_false(got.head.size_known);
	assert_string_equal(got.body, BODY);
}

/* Breaks without end: the time ends it, or their number. */
static void
test_resume_has_an_end(void **state)
{
	struct fetch_request request = make_request();

	(void)state;
	s3.rest =
	    (struct step){ .breaks = true, .break_after = 0, .takes_ms = 900 };
	assert_int_equal(run(NULL, 0, &request), FETCH_UNAVAILABLE);
	assert_true(now_ms < request.deadline_ms + 900);
	assert_true(now_ms > request.deadline_ms - 3000);

	request = make_request();
	s3.rest.takes_ms = 0;
	assert_int_equal(run(NULL, 0, &request), FETCH_UNAVAILABLE);
	assert_int_equal(s3.attempts, 101);
	assert_int_equal(got.begun, 1);
	assert_int_equal(got.len, 0);
}

#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_at_once),
		TEST(test_range),
		TEST(test_range_ignored),
		TEST(test_empty),
		TEST(test_final),
		TEST(test_retries),
		TEST(test_retry_after),
		TEST(test_time_is_over),
		TEST(test_time_is_over_in_the_midst),
		TEST(test_time_was_over),
		TEST(test_client_leaves_in_pause),
		TEST(test_sink_leaves),
		TEST(test_enough),
		TEST(test_whole_after_all),
		TEST(test_head),
		TEST(test_head_refused),
		TEST(test_skew),
		TEST(test_region),
		TEST(test_keys_refused),
		TEST(test_renewal_ends_with_the_time),
		TEST(test_a_head_renews_keys),
		TEST(test_resume_with_other_keys),
		TEST(test_denied_at_the_end),
		TEST(test_no_keys_yet),
		TEST(test_region_of_the_machine),
		TEST(test_a_region_too_many),
		TEST(test_bad_range),
		TEST(test_bad_range_for_no_reason),
		TEST(test_bad_range_of_nothing),
		TEST(test_resume),
		TEST(test_resume_part),
		TEST(test_break_at_the_end),
		TEST(test_same_object),
		TEST(test_anew),
		TEST(test_collecting_has_the_time_of_an_answer),
		TEST(test_chunked),
		TEST(test_resume_has_an_end),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

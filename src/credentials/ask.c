/*
 * One question and its answer: see ask.h.
 *
 * An endpoint has one deadline for its whole answer, and no time-outs within
 * it: answers are small, so that one that trickles is as good as none.
 */
#include "credentials/ask.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/parse.h"

enum {
	/* Clocks that differ by less are left alone: a Date has whole seconds,
	 * and may come out of a cache on the way. */
	ASK_CLOCK_SLACK_S = 60,
};

void
ask_answer_init(struct ask_answer *answer)
{
	*answer = (struct ask_answer){ .date_s = -1 };
	buf_init_secret(&answer->body, ASK_BODY_MAX);
}

void
ask_answer_fini(struct ask_answer *answer)
{
	buf_fini(&answer->body);
}

/* Is there more than ASK_BODY_MAX to come? */
static bool
take_head(void *context, const struct http *http)
{
	(void)context;
	return (http_content_length(http) <= ASK_BODY_MAX);
}

static bool
take_body(void *context, struct span bytes)
{
	struct ask_answer *answer = context;

	return (buf_add_span(&answer->body, bytes));
}

static void
read_date(const struct http *http, struct ask_answer *answer)
{
	struct span value;

	if (!http_header(http, "Date", &value) ||
	    !parse_http_date(value, clock_wall_s(), &answer->date_s))
		answer->date_s = -1;
}

/* Forget what came of an answer that is not whole, and say why it is not. */
static void
give_up(const struct http *http, enum http_result result, int64_t waited_ms,
    struct ask_answer *answer)
{
	buf_fini(&answer->body);
	if (result == HTTP_STOPPED)
		snprintf(answer->reason, sizeof(answer->reason),
		    "the answer is longer than %d bytes", (int)ASK_BODY_MAX);
	else if (result == HTTP_DEADLINE)
		snprintf(answer->reason, sizeof(answer->reason),
		    "no whole answer came within %lld ms",
		    (long long)waited_ms);
	else
		snprintf(answer->reason, sizeof(answer->reason), "%s",
		    http_reason(http));
}

static int64_t
or_default(int64_t ms, int64_t otherwise_ms)
{
	return (ms > 0 ? ms : otherwise_ms);
}

bool
ask(const struct credentials_search *search,
    const struct ask_question *question, struct ask_answer *answer)
{
	int64_t wait_ms = or_default(question->answer_ms, ASK_ANSWER_MS);
	int64_t left_ms = search->deadline_ms - clock_monotonic_ms();
	struct http_request request;
	const struct http_handler handler = { take_head, take_body, answer };
	enum http_result result;

	ask_answer_fini(answer);
	ask_answer_init(answer);
	if (wait_ms > left_ms)
		wait_ms = left_ms > 0 ? left_ms : 0;
	request = (struct http_request){
		.url = question->url,
		.method = question->method,
		.headers = question->headers,
		.n_headers = question->n_headers,
		.body = question->body,
		.no_proxy = question->no_proxy,
		.ca_file = search->site->ca_file,
		.connect_timeout_ms =
		    or_default(question->connect_ms, ASK_CONNECT_MS),
		.first_byte_timeout_ms = wait_ms,
		.stall_timeout_ms = wait_ms,
		.deadline_ms = clock_monotonic_ms() + wait_ms,
		.peer_fd = -1,
	};
	result = http_perform(search->http, &request, &handler);
	answer->was_sent = http_was_sent(search->http);
	if (result != HTTP_OK) {
		give_up(search->http, result, wait_ms, answer);
		return (false);
	}
	answer->status = http_status(search->http);
	read_date(search->http, answer);
	return (true);
}

int64_t
ask_local_time(const struct ask_answer *answer, int64_t expires_s)
{
	int64_t ahead_s;

	if (answer->date_s < 0 || expires_s == CREDENTIALS_NEVER)
		return (expires_s);
	ahead_s = answer->date_s - clock_wall_s();
	if (ahead_s >= -ASK_CLOCK_SLACK_S && ahead_s <= ASK_CLOCK_SLACK_S)
		return (expires_s);
	return (expires_s - ahead_s);
}

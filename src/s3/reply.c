/*
 * What S3 answered: see reply.h.
 */
#include "s3/reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"

void
reply_init(struct reply *reply)
{
	*reply = (struct reply){
		.server_date = -1,
		.retry_after_ms = -1,
		.reason = "",
	};
	metadata_init(&reply->metadata);
	s3_error_init(&reply->error);
}

void
reply_say(struct reply *reply, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reply->room, sizeof(reply->room), format, args);
	va_end(args);
	reply->reason = reply->room;
}

/* Fill FIELD, of SIZE bytes, from header NAME where it is empty. */
static void
fill_from_header(
    const struct http *http, const char *name, char *field, size_t size)
{
	struct span value;

	if (field[0] == '\0' && http_header(http, name, &value))
		snprintf(field, size, "%.*s", SPAN_ARG(value));
}

void
reply_read_notes(struct reply *reply, const struct http *http, int64_t now)
{
	struct s3_error *error = &reply->error;
	struct span value;
	uint64_t seconds;

	fill_from_header(http, "x-amz-request-id", error->request_id,
	    sizeof(error->request_id));
	fill_from_header(
	    http, "x-amz-bucket-region", error->region, sizeof(error->region));
	if (http_header(http, "Date", &value) &&
	    !parse_http_date(value, now, &reply->server_date))
		reply->server_date = -1;
	if (http_header(http, "Retry-After", &value) &&
	    parse_number(value, 0, 86400, &seconds))
		reply->retry_after_ms = (int64_t)seconds * 1000;
}

/* Does an answer that names the bucket's region say, between the lines, that
 * it is not the one we signed for?  To a HEAD there is no other way. */
static bool
names_other_region(const struct reply *reply,
    const struct reply_question *question, enum verdict verdict)
{
	struct span region = span_of(reply->error.region);

	if (verdict != VERDICT_REFUSED && verdict != VERDICT_UNSAID &&
	    verdict != VERDICT_DENIED)
		return (false);
	if (reply->status != 400 && reply->status != 403)
		return (false);
	return (region.len > 0 && !span_equal(region, question->region));
}

/* Forget each of S3's words that repeats a secret. */
static void
forget_secrets(struct s3_error *error, const struct credentials *keys)
{
	const struct {
		char *text;
		size_t size;
	} words[] = {
		{ error->code, sizeof(error->code) },
		{ error->message, sizeof(error->message) },
		{ error->request_id, sizeof(error->request_id) },
		{ error->region, sizeof(error->region) },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct span text = span_of(words[i].text);

		if (span_shows(text, span_of(keys->secret_access_key)) ||
		    span_shows(text, span_of(keys->session_token)))
			explicit_bzero(words[i].text, words[i].size);
	}
}

enum verdict
reply_read_refusal(struct reply *reply, const struct http *http,
    const struct reply_question *question, struct span body, bool is_foreign)
{
	const struct s3_error *error = &reply->error;
	enum verdict verdict;

	if (is_foreign || body.len == 0 || !s3_error_parse(&reply->error, body))
		is_foreign = body.len > 0;
	reply_read_notes(reply, http, question->now);
	forget_secrets(&reply->error, question->credentials);
	reply_say(reply, "S3 answered %d %s%s%s", reply->status,
	    error->code[0] != '\0' ? error->code
		: is_foreign       ? "with a body that is none of S3's"
				   : "without a code",
	    error->message[0] != '\0' ? ": " : "", error->message);
	verdict = verdict_classify(reply->status, question->head_only, error);
	/* Some web server's 404 says nothing about the bucket. */
	if (verdict == VERDICT_MISSING && is_foreign)
		return (VERDICT_REFUSED);
	return (names_other_region(reply, question, verdict) ? VERDICT_ELSEWHERE
							     : verdict);
}

enum verdict
reply_read_failure(struct reply *reply, const struct http *http, int64_t now,
    enum http_result result)
{
	reply_read_notes(reply, http, now);
	reply_say(reply, "%s", http_reason(http));
	switch (result) {
	case HTTP_PEER_GONE:
		return (VERDICT_PEER_GONE);
	case HTTP_DEADLINE:
		return (VERDICT_DEADLINE);
	case HTTP_UNUSABLE:
		return (VERDICT_REFUSED);
	default:
		return (VERDICT_FAILED);
	}
}

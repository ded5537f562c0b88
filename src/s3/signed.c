/*
 * The request that is sent: see signed.h.
 */
#include "s3/signed.h"

enum {
	SIGNED_TEXT_MAX = 65536,
	SIGNED_RANGE_MAX = 64,
};

void
signed_init(struct signed_request *request)
{
	site_target_init(&request->target);
	lines_init(&request->lines, SIGNED_TEXT_MAX);
	buf_init(&request->range, SIGNED_RANGE_MAX);
}

void
signed_fini(struct signed_request *request)
{
	site_target_fini(&request->target);
	lines_fini(&request->lines);
	buf_fini(&request->range);
}

void
signed_forget(struct signed_request *request)
{
	lines_forget(&request->lines);
}

/* Every line that is signed: all there are but Authorization. */
static bool
add_lines(
    struct signed_request *request, const struct signed_question *question)
{
	struct lines *lines = &request->lines;

	if (!lines_add(lines, SPAN("Host"), buf_span(&request->target.host)) ||
	    !lines_add(lines, SPAN("x-amz-content-sha256"),
		SPAN(SIGV4_EMPTY_PAYLOAD)) ||
	    !lines_add_date_and_token(
		lines, question->credentials, question->now))
		return (false);
	if (question->range.kind != RANGE_WHOLE &&
	    (!range_format(&question->range, &request->range) ||
		!lines_add(lines, SPAN("Range"), buf_span(&request->range))))
		return (false);
	return (question->if_match.data == NULL ||
	    lines_add(lines, SPAN("If-Match"), question->if_match));
}

const char *
signed_write(struct signed_request *request, struct sigv4_signer *signer,
    const struct signed_question *question)
{
	signed_forget(request);
	buf_clear(&request->range);
	if (!site_target(question->site, question->region, question->key,
		&request->target))
		return ("the region is none");
	if (!add_lines(request, question))
		return ("the session token, or If-Match, is unfit for a header "
			"or too long");
	if (!lines_sign(&request->lines, signer,
		(struct sigv4_request){
		    .method = question->head_only ? SPAN("HEAD") : SPAN("GET"),
		    .path = buf_span(&request->target.path),
		    .query = SPAN(""),
		    .payload_sha256 = SPAN(SIGV4_EMPTY_PAYLOAD),
		},
		question->credentials, question->region, SPAN("s3"),
		question->now))
		return ("the request is too long to be signed");
	lines_end(&request->lines);
	return (NULL);
}

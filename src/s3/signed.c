/*
 * The request that is sent: see signed.h.
 *
 * The lines are written once, one behind the other; what is signed and what is
 * sent are views of the same bytes, so that they cannot differ.
 */
#include "s3/signed.h"

#include <assert.h>

enum {
	SIGNED_TEXT_MAX = 65536,
	SIGNED_AUTHORIZATION_MAX = 4096,
	SIGNED_RANGE_MAX = 64,
};

/* Where a line stands in the text, which may move while it grows. */
struct place {
	size_t at;
	size_t name_len;
	size_t value_len;
};

struct places {
	struct place place[SIGNED_LINES_MAX];
	size_t n;
};

void
signed_init(struct signed_request *request)
{
	*request = (struct signed_request){ .n_lines = 0 };
	site_target_init(&request->target);
	buf_init_secret(&request->text, SIGNED_TEXT_MAX);
	buf_init(&request->range, SIGNED_RANGE_MAX);
	buf_init_secret(&request->authorization, SIGNED_AUTHORIZATION_MAX);
}

void
signed_fini(struct signed_request *request)
{
	site_target_fini(&request->target);
	buf_fini(&request->text);
	buf_fini(&request->range);
	buf_fini(&request->authorization);
	request->n_lines = 0;
}

void
signed_forget(struct signed_request *request)
{
	request->n_lines = 0;
	buf_clear(&request->text);
	buf_clear(&request->authorization);
}

/* Is there a value, and no byte in it that could end the line? */
static bool
is_header_value(struct span value)
{
	return (value.len > 0 && !span_has_control(value));
}

/* False where VALUE is unfit or there is no room. */
static bool
add_line(struct buf *text, struct places *places, struct span name,
    struct span value)
{
	assert(places->n < SIGNED_LINES_MAX);
	places->place[places->n++] =
	    (struct place){ text->len, name.len, value.len };
	return (is_header_value(value) && buf_add_span(text, name) &&
	    buf_add_string(text, ": ") && buf_add_span(text, value) &&
	    buf_add_char(text, '\0'));
}

/* Every line that is signed: all there are but Authorization. */
static bool
add_lines(struct signed_request *request, struct places *places,
    const struct signed_question *question)
{
	struct span token = span_of(question->credentials->session_token);
	struct buf *text = &request->text;
	char date[SIGV4_TIME_LEN + 1];

	sigv4_time(question->now, date);
	if (!add_line(
		text, places, SPAN("Host"), buf_span(&request->target.host)) ||
	    !add_line(text, places, SPAN("x-amz-content-sha256"),
		SPAN(SIGV4_EMPTY_PAYLOAD)) ||
	    !add_line(text, places, SPAN("x-amz-date"), span_of(date)))
		return (false);
	if (token.len > 0 &&
	    !add_line(text, places, SPAN("x-amz-security-token"), token))
		return (false);
	if (question->range.kind != RANGE_WHOLE &&
	    (!range_format(&question->range, &request->range) ||
		!add_line(
		    text, places, SPAN("Range"), buf_span(&request->range))))
		return (false);
	return (question->if_match.data == NULL ||
	    add_line(text, places, SPAN("If-Match"), question->if_match));
}

/* Sign the lines there are and add the signature to them. */
static bool
sign(struct signed_request *request, struct places *places,
    struct sigv4_signer *signer, const struct signed_question *question)
{
	struct sigv4_header headers[SIGNED_LINES_MAX];
	struct sigv4_request signable = {
		.method = question->head_only ? SPAN("HEAD") : SPAN("GET"),
		.path = buf_span(&request->target.path),
		.query = SPAN(""),
		.payload_sha256 = SPAN(SIGV4_EMPTY_PAYLOAD),
		.headers = headers,
		.n_headers = places->n,
	};
	size_t i;

	for (i = 0; i < places->n; i++) {
		const struct place *place = &places->place[i];
		const char *line = request->text.data + place->at;

		headers[i].name = (struct span){ line, place->name_len };
		headers[i].value = (struct span){ line + place->name_len + 2,
			place->value_len };
	}
	return (sigv4_authorize(signer, &signable, question->credentials,
		    question->region, SPAN("s3"), question->now,
		    &request->authorization) &&
	    add_line(&request->text, places, SPAN("Authorization"),
		buf_span(&request->authorization)));
}

const char *
signed_write(struct signed_request *request, struct sigv4_signer *signer,
    const struct signed_question *question)
{
	struct places places = { .n = 0 };
	size_t i;

	signed_forget(request);
	buf_clear(&request->range);
	if (!site_target(question->site, question->region, question->key,
		&request->target))
		return ("the region is none");
	if (!add_lines(request, &places, question))
		return ("the session token, or If-Match, is unfit for a header "
			"or too long");
	if (!sign(request, &places, signer, question))
		return ("the request is too long to be signed");
	for (i = 0; i < places.n; i++)
		request->lines[i] = request->text.data + places.place[i].at;
	request->n_lines = places.n;
	return (NULL);
}

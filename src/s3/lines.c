/*
 * Header lines: see lines.h.
 */
#include "s3/lines.h"

#include <assert.h>

#include "base/secret.h"

enum { AUTHORIZATION_MAX = 4096 };

void
lines_init(struct lines *lines, size_t max)
{
	lines->n = 0;
	buf_init_secret(&lines->text, max);
	buf_init_secret(&lines->authorization, AUTHORIZATION_MAX);
}

void
lines_fini(struct lines *lines)
{
	lines->n = 0;
	buf_fini(&lines->text);
	buf_fini(&lines->authorization);
}

void
lines_forget(struct lines *lines)
{
	lines->n = 0;
	buf_clear(&lines->text);
	buf_clear(&lines->authorization);
	/* They hold what was copied last, and the dynamic linker saves them on
	 * the stack at the first call of a function, where they would stay. */
	secret_wipe_registers();
}

bool
lines_add(struct lines *lines, struct span name, struct span value)
{
	struct buf *text = &lines->text;

	assert(lines->n < LINES_MAX);
	lines->places[lines->n].at = text->len;
	lines->places[lines->n].name_len = name.len;
	lines->places[lines->n].value_len = value.len;
	lines->n++;
	return (value.len > 0 && !span_has_control(value) &&
	    buf_add_span(text, name) && buf_add_string(text, ": ") &&
	    buf_add_span(text, value) && buf_add_char(text, '\0'));
}

bool
lines_add_date_and_token(
    struct lines *lines, const struct credentials *credentials, int64_t now)
{
	struct span token = span_of(credentials->session_token);
	char date[SIGV4_TIME_LEN + 1];

	sigv4_time(now, date);
	return (lines_add(lines, SPAN("x-amz-date"), span_of(date)) &&
	    (token.len == 0 ||
		lines_add(lines, SPAN("x-amz-security-token"), token)));
}

bool
lines_sign(struct lines *lines, struct sigv4_signer *signer,
    struct sigv4_request request, const struct credentials *credentials,
    struct span region, struct span service, int64_t now)
{
	struct sigv4_header headers[LINES_MAX];

	for (size_t i = 0; i < lines->n; i++) {
		const char *line = lines->text.data + lines->places[i].at;
		size_t name_len = lines->places[i].name_len;

		headers[i].name = (struct span){ line, name_len };
		headers[i].value = (struct span){ line + name_len + 2,
			lines->places[i].value_len };
	}
	request.headers = headers;
	request.n_headers = lines->n;
	return (sigv4_authorize(signer, &request, credentials, region, service,
		    now, &lines->authorization) &&
	    lines_add(
		lines, SPAN("Authorization"), buf_span(&lines->authorization)));
}

void
lines_end(struct lines *lines)
{
	for (size_t i = 0; i < lines->n; i++)
		lines->list[i] = lines->text.data + lines->places[i].at;
}

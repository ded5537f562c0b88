/*
 * What another is given to ask S3 with (src/s3/handoff.h), and that nginx takes
 * out of S3's answer what it is trusted to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "s3/handoff.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

static void
the_url_is_the_keys(void **state)
{
	struct site site = {
		.name = (char *)"one",
		.bucket = (char *)"photos",
		.region = (char *)"eu-central-1",
		.endpoint = (char *)"https://s3.example.com:8443",
	};
	struct credentials credentials = {
		.access_key_id = (char *)"AK",
		.secret_access_key = (char *)"SK",
		.session_token = (char *)"a/b+c=",
	};
	struct sigv4_signer signer = { 0 };
	struct handoff handoff;
	const char *why;

	(void)state;
	assert_null(site_resolve(&site, &why));
	handoff_init(&handoff);
	for (int i = 0; i < 2; i++) {
		assert_true(handoff_write(&handoff, &signer, &site,
		    &credentials, SPAN("eu-central-1"),
		    SPAN("a b+c%2F?#\xc3\xa9"), 1369353600));
		assert_string_equal(
		    buf_string(&handoff.host), "s3.example.com:8443");
		assert_int_equal(
		    strncmp(buf_string(&handoff.target),
			"/photos/a%20b%2Bc%252F%3F%23%C3%A9?"
			"X-Amz-Algorithm=AWS4-HMAC-SHA256&",
			strlen(
			    "/photos/a%20b%2Bc%252F%3F%23%C3%A9?X-Amz-Algorithm=AWS4-HMAC-SHA256&")),
		    0);
		assert_non_null(
		    strstr(buf_string(&handoff.target), "&X-Amz-Expires=60&"));
		assert_non_null(strstr(buf_string(&handoff.target),
		    "&X-Amz-Security-Token=a%2Fb%2Bc%3D&"));
	}
	assert_false(handoff_write(&handoff, &signer, &site, &credentials,
	    SPAN("no region/"), SPAN("a"), 1369353600));
	credentials.session_token = mem_alloc(20000);
	memset(credentials.session_token, 't', 19999);
	credentials.session_token[19999] = '\0';
	assert_false(handoff_write(&handoff, &signer, &site, &credentials,
	    SPAN("eu-central-1"), SPAN("a"), 1369353600));
	free(credentials.session_token);
	handoff_fini(&handoff);
	sigv4_signer_fini(&signer);
}

static void
what_may_pass(void **state)
{
	static const struct {
		struct span name, value;
		bool may;
	} rows[] = {
#define ROW(name, value, may) { SPAN(name), SPAN(value), may }
		ROW("Content-Type", "image/png", true),
		ROW("content-type", " image/png ", true),
		ROW("Content-Type", "image/gif", false), /* a second one */
		ROW("Content-Encoding", "gzip", true),
		ROW("Content-Encoding", "aws-chunked,gzip", false),
		ROW("Content-Language", "x\001", false), /* not taken */
		ROW("x-amz-meta-mtime", "1.5", true),
		ROW("Date", "now", true),
		ROW("x-amz-request-id", "x", true),
		ROW("X-AMZ-ID-2", "x", true),
		ROW("Set-Cookie", "a=b", true),
		ROW("x-amz-meta-secret", "x", false),
		ROW("x-amz-meta-", "x", false),
		ROW("x-amz-request-id2", "x", false),
		ROW("X-Accel-Redirect", "/etc", false),
		ROW("X-Trys3-Target", "/", false),
		ROW("Location", "/", false),
		ROW("", "", false),
	};
	struct metadata metadata;

	(void)state;
	metadata_init(&metadata);
	metadata.field[METADATA_CONTENT_TYPE] = SPAN("image/png");
	metadata.field[METADATA_CONTENT_ENCODING] = SPAN("gzip");
	metadata.field[METADATA_MTIME] = SPAN("1.5");
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (handoff_may_pass(&metadata, rows[i].name, rows[i].value) !=
		    rows[i].may)
			fail_msg("%.*s: %.*s", SPAN_ARG(rows[i].name),
			    SPAN_ARG(rows[i].value));
}

/* Does FILE of nginx/ say WORD NAME; as a line of its own? */
static bool
nginx_says(const char *text, const char *word, const char *name)
{
	char *line = mem_printf("\n%s\t%s;\n", word, name);
	bool says = strstr(text, line) != NULL;

	free(line);
	return (says);
}

/* Every header that has our leave is one that nginx keeps to itself, by its
 * file or as it is made, or one that the client gets all the same. */
static void
nginx_takes_out_the_same(void **state)
{
	const char *top = getenv("srcdir_abs");
	char *path =
	    mem_printf("%s/nginx/handoff-hide.conf", top != NULL ? top : ".");
	FILE *file = fopen(path, "r");
	static char text[65536];
	struct metadata metadata;
	struct span rest, line;
	size_t n = 0;

	(void)state;
	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	free(path);
	metadata_init(&metadata);
	for (int i = 0; i < METADATA_FIELDS; i++)
		metadata.field[i] = SPAN("x");
	for (rest = span_of(text); rest.data != NULL;) {
		line = span_cut(&rest, '\n');
		if (!span_starts(line, SPAN("proxy_hide_header\t")))
			continue;
		line = span_skip(line, strlen("proxy_hide_header\t"));
		line = span_cut(&line, ';');
		n++;
		if (!handoff_may_pass(&metadata, line, SPAN("x")))
			fail_msg("%.*s is hidden for nothing", SPAN_ARG(line));
	}
	for (int i = 0; i < METADATA_FIELDS; i++)
		if (i != METADATA_CONTENT_TYPE &&
		    i != METADATA_CONTENT_ENCODING &&
		    i != METADATA_CONTENT_LANGUAGE && i != METADATA_ETAG &&
		    i != METADATA_LAST_MODIFIED &&
		    !nginx_says(text, "proxy_hide_header",
			metadata_name((enum metadata_field)i)))
			fail_msg("%s is not hidden",
			    metadata_name((enum metadata_field)i));
	for (size_t i = 0; handoff_hidden(i) != NULL; i++, n--)
		if (!nginx_says(text, "proxy_hide_header", handoff_hidden(i)))
			fail_msg("%s is not hidden", handoff_hidden(i));
	/* What is left of them: those of metadata, and Accept-Ranges. */
	assert_int_equal(n, METADATA_FIELDS - 5 + 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_url_is_the_keys),
		cmocka_unit_test(what_may_pass),
		cmocka_unit_test(nginx_takes_out_the_same),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

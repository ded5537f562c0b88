/*
 * AWS's own suite for Signature Version 4: the folder of cases that aws-c-auth
 * carries as tests/aws-signing-test-suite/v4, named by TRYS3_SIGV4_VECTORS.
 * Each case is signed twice: in a header, as we sign, and in the query, as a
 * presigned URL is; the second holds the order of the query to account.
 *
 * The program speaks TAP itself: which cases there are is known only when the
 * folder is read, and without a folder all of it is skipped.
 *
 * What differs from S3 is done here and not in src/: most services normalise
 * the path and S3 does not, and the suite's paths stand unencoded in its
 * requests.
 */
#include "s3/sigv4.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include "base/mem.h"
#include "base/parse.h"
#include "s3/uri.h"

enum { HEADERS_MAX = 16, FILE_MAX = 65536 };

#define FOLDER_VARIABLE "TRYS3_SIGV4_VECTORS"

/* A case, as its folder says it. */
struct vector {
	const char *folder;
	const char *name;

	/* context.json */
	struct credentials credentials;
	char *region;
	char *service;
	char *expires;
	bool is_normalized;
	bool is_body_signed;
	bool is_token_omitted; /* sent, but not signed */
	int64_t now;
	char date[SIGV4_TIME_LEN + 1];
	char *scope;

	/* request.txt */
	char *text;
	struct span method;
	struct buf path; /* normalised where the case says so, encoded */
	struct span query;
	char payload[65];
	struct sigv4_header headers[HEADERS_MAX];
	size_t n_headers;
};

/* The whole file, freed by free(); NULL where there is none. */
static char *
read_file(const struct vector *vector, const char *file)
{
	char *path = mem_printf("%s/%s/%s", vector->folder, vector->name, file);
	char *text = NULL;
	FILE *stream = fopen(path, "r");
	size_t len;

	if (stream != NULL) {
		text = mem_alloc(FILE_MAX + 1);
		len = fread(text, 1, FILE_MAX, stream);
		text[len] = '\0';
		fclose(stream);
	} else {
		printf("# cannot read %s\n", path);
	}
	free(path);
	return (text);
}

/* The value of NAME in JSON, a string or a bare word, freed by free(); NULL
 * where there is none.  The suite's files hold no escapes. */
static char *
find_json(const char *json, const char *name)
{
	char *quoted = mem_printf("\"%s\"", name);
	const char *at = strstr(json, quoted);

	if (at != NULL) {
		at += strlen(quoted);
		at += strspn(at, " \t\r\n:");
	}
	free(quoted);
	if (at == NULL)
		return (NULL);
	if (*at == '"')
		return (mem_string_of(at + 1, strcspn(at + 1, "\"")));
	return (mem_string_of(at, strcspn(at, " \t\r\n,}")));
}

static bool
find_json_bool(const char *json, const char *name)
{
	char *value = find_json(json, name);
	bool is_true = value != NULL && strcmp(value, "true") == 0;

	free(value);
	return (is_true);
}

static bool
find_json_time(const char *json, const char *name, int64_t *seconds)
{
	char *value = find_json(json, name);
	struct tm tm = { 0 };
	const char *end = NULL;

	if (value != NULL)
		end = strptime(value, "%Y-%m-%dT%H:%M:%SZ", &tm);
	*seconds = timegm(&tm);
	free(value);
	return (end != NULL);
}

static bool
read_context(struct vector *vector)
{
	char *json = read_file(vector, "context.json");
	bool is_read = false;

	if (json == NULL)
		return (false);
	vector->credentials = (struct credentials){
		.access_key_id = find_json(json, "access_key_id"),
		.secret_access_key = find_json(json, "secret_access_key"),
		.session_token = find_json(json, "token"),
	};
	vector->region = find_json(json, "region");
	vector->service = find_json(json, "service");
	vector->expires = find_json(json, "expiration_in_seconds");
	vector->is_normalized = find_json_bool(json, "normalize");
	vector->is_body_signed = find_json_bool(json, "sign_body");
	vector->is_token_omitted = find_json_bool(json, "omit_session_token");
	is_read = find_json_time(json, "timestamp", &vector->now) &&
	    vector->credentials.access_key_id != NULL &&
	    vector->credentials.secret_access_key != NULL &&
	    vector->region != NULL && vector->service != NULL &&
	    vector->expires != NULL;
	free(json);
	if (!is_read)
		return (false);
	sigv4_time(vector->now, vector->date);
	vector->scope = mem_printf("%.8s/%s/%s/aws4_request", vector->date,
	    vector->region, vector->service);
	return (true);
}

/* Add PATH without "." and empty segments, and with ".." undone. */
static bool
add_normalized(struct span path, struct buf *out)
{
	bool is_folder = path.len > 0 && path.data[path.len - 1] == '/';
	struct span segment;

	while (path.data != NULL) {
		segment = span_cut(&path, '/');
		if (segment.len == 0 || span_equal(segment, SPAN(".")))
			continue;
		if (span_equal(segment, SPAN(".."))) {
			while (out->len > 0 && out->data[--out->len] != '/')
				;
			continue;
		}
		if (!buf_add_char(out, '/') || !buf_add_span(out, segment))
			return (false);
	}
	if (out->len == 0 || is_folder)
		return (buf_add_char(out, '/'));
	return (true);
}

static bool
set_path(struct vector *vector, struct span path)
{
	struct buf normal;
	bool is_set;

	if (!vector->is_normalized)
		return (uri_encode_path(&vector->path, path));
	buf_init(&normal, FILE_MAX);
	is_set = add_normalized(path, &normal) &&
	    uri_encode_path(&vector->path, buf_span(&normal));
	buf_fini(&normal);
	return (is_set);
}

/* METHOD target HTTP/1.1: the target may hold blanks. */
static bool
parse_request_line(struct vector *vector, struct span line)
{
	static const char version[] = " HTTP/1.1";
	size_t version_len = sizeof(version) - 1;

	vector->method = span_cut(&line, ' ');
	if (line.data == NULL || line.len < version_len ||
	    memcmp(line.data + line.len - version_len, version, version_len) !=
		0)
		return (false);
	line.len -= version_len;
	vector->query = line;
	return (set_path(vector, span_cut(&vector->query, '?')));
}

static bool
add_header(struct vector *vector, struct span name, struct span value)
{
	if (vector->n_headers == HEADERS_MAX || value.data == NULL)
		return (false);
	vector->headers[vector->n_headers++] =
	    (struct sigv4_header){ name, value };
	return (true);
}

/* A line that begins with a blank goes on with the one before it: blanks in a
 * row count as one, so that its newline may become one of them. */
static void
unfold(char *head)
{
	for (; *head != '\0'; head++) {
		if (*head == '\n' && (head[1] == ' ' || head[1] == '\t'))
			*head = ' ';
	}
}

static void
set_payload(struct vector *vector, const char *body)
{
	uint8_t digest[32];

	if (EVP_Digest(body, strlen(body), digest, NULL, EVP_sha256(), NULL) !=
	    1)
		abort();
	format_hex(digest, sizeof(digest), vector->payload);
}

static bool
read_request(struct vector *vector)
{
	struct span head, line;
	char *end;

	vector->text = read_file(vector, "request.txt");
	if (vector->text == NULL)
		return (false);
	end = strstr(vector->text, "\n\n");
	set_payload(vector, end != NULL ? end + 2 : "");
	if (end != NULL)
		*end = '\0';
	unfold(vector->text);
	head = span_of(vector->text);
	if (!parse_request_line(vector, span_cut(&head, '\n')))
		return (false);
	while (head.data != NULL) {
		struct span name;

		line = span_cut(&head, '\n');
		if (line.len == 0)
			continue;
		name = span_cut(&line, ':');
		if (!add_header(vector, name, line))
			return (false);
	}
	return (true);
}

static bool
vector_init(struct vector *vector, const char *folder, const char *name)
{
	*vector = (struct vector){ .folder = folder, .name = name };
	buf_init(&vector->path, FILE_MAX);
	return (read_context(vector) && read_request(vector));
}

static void
vector_fini(struct vector *vector)
{
	credentials_fini(&vector->credentials);
	free(vector->region);
	free(vector->service);
	free(vector->expires);
	free(vector->scope);
	free(vector->text);
	buf_fini(&vector->path);
}

static void
show(const char *what, struct span text)
{
	printf("# %s\n", what);
	while (text.data != NULL) {
		struct span line = span_cut(&text, '\n');

		printf("#   %.*s\n", SPAN_ARG(line));
	}
}

/* Is GOT what stands in FILE? */
static bool
matches(const struct vector *vector, const char *file, struct span got)
{
	char *expected = read_file(vector, file);
	bool is_same = expected != NULL && span_equal(got, span_of(expected));

	if (!is_same) {
		show(file, span_of(expected));
		show("but we made", got);
	}
	free(expected);
	return (is_same);
}

/* Is VALUE the Authorization of header-signed-request.txt? */
static bool
matches_authorization(const struct vector *vector, struct span value)
{
	char *expected = read_file(vector, "header-signed-request.txt");
	char *line = mem_printf("\nAuthorization:%.*s\n", SPAN_ARG(value));
	bool is_same = expected != NULL && strstr(expected, line) != NULL;

	if (!is_same) {
		show("header-signed-request.txt", span_of(expected));
		show("but we made", span_of(line));
	}
	free(expected);
	free(line);
	return (is_same);
}

/* What follows "Signature=" in VALUE. */
static struct span
signature_in(const struct buf *value)
{
	static const char name[] = "Signature=";
	const char *at = strstr(buf_string(value), name);

	return (span_of(at != NULL ? at + sizeof(name) - 1 : ""));
}

/* Sign REQUEST into AUTHORIZATION and hold each text against the suite's file
 * of that FORM ("header" or "query"). */
static bool
check_texts(const struct vector *vector, const struct sigv4_request *request,
    const char *form, struct buf *authorization)
{
	struct sigv4_signer signer = { 0 };
	struct buf canonical, names, text;
	char file[64];
	bool is_right;

	buf_init(&canonical, FILE_MAX);
	buf_init(&names, FILE_MAX);
	buf_init(&text, FILE_MAX);
	snprintf(file, sizeof(file), "%s-canonical-request.txt", form);
	is_right = sigv4_canonical_request(request, &canonical, &names) &&
	    matches(vector, file, buf_span(&canonical));
	snprintf(file, sizeof(file), "%s-string-to-sign.txt", form);
	is_right = is_right &&
	    sigv4_string_to_sign(buf_span(&canonical), vector->now,
		span_of(vector->scope), &text) &&
	    matches(vector, file, buf_span(&text));
	snprintf(file, sizeof(file), "%s-signature.txt", form);
	is_right = is_right &&
	    sigv4_authorize(&signer, request, &vector->credentials,
		span_of(vector->region), span_of(vector->service), vector->now,
		authorization) &&
	    matches(vector, file, signature_in(authorization));
	buf_fini(&canonical);
	buf_fini(&names);
	buf_fini(&text);
	return (is_right);
}

static struct sigv4_request
request_of(const struct vector *vector, struct span query)
{
	return ((struct sigv4_request){
	    .method = vector->method,
	    .path = buf_span(&vector->path),
	    .query = query,
	    .payload_sha256 = span_of(vector->payload),
	    .headers = vector->headers,
	    .n_headers = vector->n_headers,
	});
}

static bool
has_signed_token(const struct vector *vector)
{
	return (vector->credentials.session_token != NULL &&
	    !vector->is_token_omitted);
}

/* The signature in a header: the date, and what else is signed, are headers
 * too. */
static bool
check_header_form(struct vector *vector)
{
	size_t n = vector->n_headers;
	struct sigv4_request request;
	struct buf authorization;
	bool is_right;

	buf_init(&authorization, FILE_MAX);
	is_right =
	    add_header(vector, SPAN("X-Amz-Date"), span_of(vector->date));
	if (is_right && has_signed_token(vector))
		is_right = add_header(vector, SPAN("X-Amz-Security-Token"),
		    span_of(vector->credentials.session_token));
	if (is_right && vector->is_body_signed)
		is_right = add_header(vector, SPAN("x-amz-content-sha256"),
		    span_of(vector->payload));
	request = request_of(vector, vector->query);
	is_right = is_right &&
	    check_texts(vector, &request, "header", &authorization) &&
	    matches_authorization(vector, buf_span(&authorization));
	buf_fini(&authorization);
	vector->n_headers = n;
	return (is_right);
}

static bool
add_pair(struct buf *query, const char *name, struct span value)
{
	return ((query->len == 0 || buf_add_char(query, '&')) &&
	    buf_add_string(query, name) && buf_add_char(query, '=') &&
	    uri_encode_query(query, value));
}

/* The query of the presigned URL, in no good order. */
static bool
add_presigned_query(const struct vector *vector, struct buf *query)
{
	struct sigv4_request request = request_of(vector, SPAN(""));
	char *credential = mem_printf(
	    "%s/%s", vector->credentials.access_key_id, vector->scope);
	struct buf canonical, names;
	bool is_added;

	buf_init(&canonical, FILE_MAX);
	buf_init(&names, FILE_MAX);
	is_added = sigv4_canonical_request(&request, &canonical, &names) &&
	    buf_add_span(query, vector->query) &&
	    add_pair(query, "X-Amz-SignedHeaders", buf_span(&names)) &&
	    add_pair(query, "X-Amz-Expires", span_of(vector->expires)) &&
	    add_pair(query, "X-Amz-Date", span_of(vector->date)) &&
	    add_pair(query, "X-Amz-Credential", span_of(credential)) &&
	    add_pair(query, "X-Amz-Algorithm", SPAN("AWS4-HMAC-SHA256"));
	if (is_added && has_signed_token(vector))
		is_added = add_pair(query, "X-Amz-Security-Token",
		    span_of(vector->credentials.session_token));
	free(credential);
	buf_fini(&canonical);
	buf_fini(&names);
	return (is_added);
}

static bool
check_query_form(const struct vector *vector)
{
	struct buf query, authorization;
	struct sigv4_request request;
	bool is_right;

	buf_init(&query, FILE_MAX);
	buf_init(&authorization, FILE_MAX);
	is_right = add_presigned_query(vector, &query);
	request = request_of(vector, buf_span(&query));
	is_right =
	    is_right && check_texts(vector, &request, "query", &authorization);
	buf_fini(&query);
	buf_fini(&authorization);
	return (is_right);
}

static int
is_case(const struct dirent *entry)
{
	return (entry->d_name[0] != '.' && entry->d_type != DT_REG);
}

/* Two lines of TAP for the case NAME, from NUMBER on; how many failed. */
static int
run_case(const char *folder, const char *name, int number)
{
	struct vector vector;
	bool is_read = vector_init(&vector, folder, name);
	bool header = is_read && check_header_form(&vector);
	bool query = is_read && check_query_form(&vector);

	printf("%s %d - %s, in a header\n", header ? "ok" : "not ok", number,
	    name);
	printf("%s %d - %s, in the query\n", query ? "ok" : "not ok",
	    number + 1, name);
	vector_fini(&vector);
	return (!header + !query);
}

int
main(void)
{
	const char *folder = getenv(FOLDER_VARIABLE);
	struct dirent **cases;
	int n, failed = 0;

	if (folder == NULL) {
		printf("1..0 # SKIP " FOLDER_VARIABLE
		       " names no folder of AWS's signing suite\n");
		return (0);
	}
	n = scandir(folder, &cases, is_case, alphasort);
	if (n < 0) {
		printf("1..0 # SKIP %s, where " FOLDER_VARIABLE
		       " points, cannot be read\n",
		    folder);
		return (0);
	}
	printf("1..%d\n", n > 0 ? 2 * n : 1);
	if (n == 0)
		printf("not ok 1 - %s holds no case\n", folder);
	for (int i = 0; i < n; i++) {
		failed += run_case(folder, cases[i]->d_name, 2 * i + 1);
		free(cases[i]);
	}
	free(cases);
	return (n == 0 || failed > 0);
}

/*
 * Signature Version 4: see sigv4.h.  Four texts, each made of the one before:
 * the canonical request, the string to sign, the signature, the value of
 * Authorization.  The path is signed as it is sent (S3 neither normalises nor
 * encodes twice), the query is brought into AWS's order.
 *
 * HMAC() and EVP_Digest() with EVP_sha256() are as fast as any way that keeps
 * no context of OpenSSL's between two calls (measured, doc/design.md), and a
 * kept context would be one more thing that lives over a fork.  libcurl's
 * CURLOPT_AWS_SIGV4 was rejected: 7.88 sends no x-amz-content-sha256.
 */
#include "s3/sigv4.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "s3/uri.h"

#define ALGORITHM "AWS4-HMAC-SHA256"

enum {
	DIGEST_LEN = 32,
	DIGEST_TEXT = 2 * DIGEST_LEN + 1,
	DAY_LEN = 8,
	CANONICAL_USUAL = 1024, /* what a GET of ours takes, and then some */
};

/* 9999-12-31T23:59:59Z, the last second that four digits of a year can say. */
static const int64_t time_max = INT64_C(253402300799);

_Static_assert(sizeof("/aws4_request") + DAY_LEN + 2 + SIGV4_REGION_MAX +
	    SIGV4_SERVICE_MAX <=
	sizeof(((struct sigv4_signer *)0)->scope),
    "the longest scope fits");

void
credentials_copy(
    struct credentials *copy, const struct credentials *credentials)
{
	*copy = (struct credentials){
		.access_key_id = mem_string(credentials->access_key_id),
		.secret_access_key = mem_string(credentials->secret_access_key),
		.session_token = mem_string(credentials->session_token),
	};
}

void
credentials_fini(struct credentials *credentials)
{
	mem_wipe_string(&credentials->access_key_id);
	mem_wipe_string(&credentials->secret_access_key);
	mem_wipe_string(&credentials->session_token);
}

/* OpenSSL refuses to hash when it has no memory or no provider: neither is
 * about this request, so there is nothing to tell its caller. */
static void
check_openssl(bool is_done)
{
	if (!is_done)
		log_fatal(1,
		    "OpenSSL cannot do SHA-256: out of memory, or "
		    "its configuration leaves SHA-256 out");
}

static void
hash(struct span text, uint8_t digest[DIGEST_LEN])
{
	check_openssl(EVP_Digest(text.data, text.len, digest, NULL,
			  EVP_sha256(), NULL) == 1);
}

/* DIGEST may be KEY. */
static void
authenticate(struct span key, struct span text, uint8_t digest[DIGEST_LEN])
{
	unsigned len = DIGEST_LEN;

	check_openssl(
	    HMAC(EVP_sha256(), key.data, (int)key.len,
		(const uint8_t *)text.data, text.len, digest, &len) != NULL);
}

void
sigv4_time(int64_t now, char text[SIGV4_TIME_LEN + 1])
{
	time_t seconds;
	struct tm tm, *done;
	size_t len;

	if (now < 0)
		now = 0;
	if (now > time_max)
		now = time_max;
	seconds = (time_t)now;
	done = gmtime_r(&seconds, &tm);
	assert(done != NULL);
	len = strftime(text, SIGV4_TIME_LEN + 1, "%Y%m%dT%H%M%SZ", &tm);
	assert(len == SIGV4_TIME_LEN);
}

/* One name=value of the query, encoded; the spans point into one buffer. */
struct pair {
	struct span name;
	struct span value;
};

static int
compare_spans(struct span a, struct span b)
{
	size_t shorter = a.len < b.len ? a.len : b.len;
	int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);

	return (order != 0 ? order : (a.len > b.len) - (a.len < b.len));
}

static int
compare_pairs(const void *left, const void *right)
{
	const struct pair *a = left, *b = right;
	int order = compare_spans(a->name, b->name);

	return (order != 0 ? order : compare_spans(a->value, b->value));
}

/* Decode TEXT by way of SCRATCH and add it to ENCODED; *PART is what was
 * added.  ENCODED has room enough for its memory to stay where it is. */
static bool
encode_part(struct span text, struct buf *scratch, struct buf *encoded,
    struct span *part)
{
	size_t start = encoded->len;

	buf_clear(scratch);
	if (!uri_decode(scratch, text) ||
	    !uri_encode_query(encoded, buf_span(scratch)))
		return (false);
	*part = span_skip(buf_span(encoded), start);
	return (true);
}

/* Split QUERY at its "&" into PAIRS, which has room for all; *N says how many
 * there are: an empty piece is none. */
static bool
split_query(struct span query, struct buf *scratch, struct buf *encoded,
    struct pair *pairs, size_t *n)
{
	*n = 0;
	while (query.data != NULL) {
		struct span value = span_cut(&query, '&');
		struct span name = span_cut(&value, '=');

		if (name.len == 0 && value.data == NULL)
			continue;
		if (!encode_part(name, scratch, encoded, &pairs[*n].name) ||
		    !encode_part(value, scratch, encoded, &pairs[*n].value))
			return (false);
		(*n)++;
	}
	return (true);
}

static bool
add_pairs(const struct pair *pairs, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		if ((i > 0 && !buf_add_char(out, '&')) ||
		    !buf_add_span(out, pairs[i].name) ||
		    !buf_add_char(out, '=') ||
		    !buf_add_span(out, pairs[i].value))
			return (false);
	}
	return (true);
}

static size_t
count_pairs(struct span query)
{
	size_t n = 1;

	for (size_t i = 0; i < query.len; i++)
		n += query.data[i] == '&';
	return (n);
}

static bool
add_query(struct span query, struct buf *out)
{
	struct pair *pairs;
	struct buf scratch, encoded;
	size_t n;
	bool is_whole;

	if (query.len == 0)
		return (true);
	if (query.len > SIGV4_CANONICAL_MAX)
		return (false);
	buf_init_secret(&scratch, query.len); /* a token may be in it */
	buf_init_secret(&encoded, 3 * query.len);
	pairs = mem_zero(count_pairs(query), sizeof(*pairs));
	is_whole = buf_reserve(&encoded, encoded.max) &&
	    split_query(query, &scratch, &encoded, pairs, &n);
	if (is_whole) {
		qsort(pairs, n, sizeof(*pairs), compare_pairs);
		is_whole = add_pairs(pairs, n, out);
	}
	free(pairs);
	buf_fini(&encoded);
	buf_fini(&scratch);
	return (is_whole);
}

static int
compare_names(struct span a, struct span b)
{
	size_t shorter = a.len < b.len ? a.len : b.len;
	int order = shorter == 0 ? 0 : strncasecmp(a.data, b.data, shorter);

	return (order != 0 ? order : (a.len > b.len) - (a.len < b.len));
}

/* By name; headers of one name stay in the order they were given in. */
static int
compare_headers(const void *left, const void *right)
{
	const struct sigv4_header *a =
	    *(const struct sigv4_header *const *)left;
	const struct sigv4_header *b =
	    *(const struct sigv4_header *const *)right;
	int order = compare_names(a->name, b->name);

	return (order != 0 ? order : (a > b) - (a < b));
}

static bool
add_lower(struct span name, struct buf *out)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (!buf_add_char(out, c))
			return (false);
	}
	return (true);
}

/* VALUE trimmed, with one space for each run of blanks in it. */
static bool
add_value(struct span value, struct buf *out)
{
	bool is_blank, was_blank = false;

	value = span_trim(value);
	for (size_t i = 0; i < value.len; i++) {
		char c = value.data[i];

		is_blank = c == ' ' || c == '\t';
		if (is_blank && was_blank)
			continue;
		if (!buf_add_char(out, is_blank ? ' ' : c))
			return (false);
		was_blank = is_blank;
	}
	return (true);
}

/* Add the SORTED headers to CANONICAL, a line for each name, and the names to
 * NAMES. */
static bool
add_sorted(const struct sigv4_header *const *sorted, size_t n,
    struct buf *canonical, struct buf *names)
{
	for (size_t i = 0; i < n; i++) {
		struct span name = sorted[i]->name;
		bool is_more =
		    i > 0 && span_equal_nocase(name, sorted[i - 1]->name);
		bool is_last =
		    i + 1 == n || !span_equal_nocase(name, sorted[i + 1]->name);

		if (!is_more &&
		    ((i > 0 && !buf_add_char(names, ';')) ||
			!add_lower(name, names) || !add_lower(name, canonical)))
			return (false);
		if (!buf_add_char(canonical, is_more ? ',' : ':') ||
		    !add_value(sorted[i]->value, canonical) ||
		    (is_last && !buf_add_char(canonical, '\n')))
			return (false);
	}
	return (true);
}

static bool
add_headers(const struct sigv4_header *headers, size_t n, struct buf *canonical,
    struct buf *names)
{
	const struct sigv4_header **sorted = mem_zero(n, sizeof(*sorted));
	bool is_whole;

	for (size_t i = 0; i < n; i++)
		sorted[i] = &headers[i];
	qsort(sorted, n, sizeof(*sorted), compare_headers);
	is_whole = add_sorted(sorted, n, canonical, names);
	free(sorted);
	return (is_whole);
}

bool
sigv4_canonical_request(const struct sigv4_request *request,
    struct buf *canonical, struct buf *signed_headers)
{
	size_t names = signed_headers->len;

	return (buf_add_span(canonical, request->method) &&
	    buf_add_char(canonical, '\n') &&
	    buf_add_span(canonical, request->path) &&
	    buf_add_char(canonical, '\n') &&
	    add_query(request->query, canonical) &&
	    buf_add_char(canonical, '\n') &&
	    add_headers(request->headers, request->n_headers, canonical,
		signed_headers) &&
	    buf_add_char(canonical, '\n') &&
	    buf_add_span(
		canonical, span_skip(buf_span(signed_headers), names)) &&
	    buf_add_char(canonical, '\n') &&
	    buf_add_span(canonical, request->payload_sha256));
}

void
sigv4_payload(struct span payload, char text[SIGV4_PAYLOAD_LEN + 1])
{
	uint8_t digest[DIGEST_LEN];

	hash(payload, digest);
	format_hex(digest, sizeof(digest), text);
}

bool
sigv4_string_to_sign(
    struct span canonical, int64_t now, struct span scope, struct buf *out)
{
	char text[DIGEST_TEXT], when[SIGV4_TIME_LEN + 1];

	sigv4_payload(canonical, text);
	sigv4_time(now, when);
	return (buf_printf(
	    out, ALGORITHM "\n%s\n%.*s\n%s", when, SPAN_ARG(scope), text));
}

void
sigv4_signer_fini(struct sigv4_signer *signer)
{
	explicit_bzero(signer, sizeof(*signer));
}

/* The day's key for SIGNER's scope, by the four HMACs of AWS's
 * DeriveSigningKey. */
static void
derive_key(struct sigv4_signer *signer, const char *secret)
{
	struct span key = { (const char *)signer->key, SIGV4_KEY_LEN };
	struct span rest = span_of(signer->scope);
	size_t len = sizeof("AWS4") - 1 + strlen(secret);
	struct buf first;
	bool is_whole;

	/* Not by printf, which works in memory of its own. */
	buf_init_secret(&first, len);
	is_whole = buf_reserve(&first, len) && buf_add_string(&first, "AWS4") &&
	    buf_add_string(&first, secret);
	assert(is_whole);
	authenticate(buf_span(&first), span_cut(&rest, '/'), signer->key);
	while (rest.data != NULL)
		authenticate(key, span_cut(&rest, '/'), signer->key);
	buf_fini(&first);
}

/* Make SIGNER ready for REGION, SERVICE and SECRET on the day of NOW.  False
 * where a name is too long. */
static bool
prepare_key(struct sigv4_signer *signer, const char *secret, int64_t now,
    struct span region, struct span service)
{
	char scope[sizeof(signer->scope)], when[SIGV4_TIME_LEN + 1];
	uint8_t digest[DIGEST_LEN];

	if (region.len > SIGV4_REGION_MAX || service.len > SIGV4_SERVICE_MAX)
		return (false);
	sigv4_time(now, when);
	snprintf(scope, sizeof(scope), "%.*s/%.*s/%.*s/aws4_request", DAY_LEN,
	    when, SPAN_ARG(region), SPAN_ARG(service));
	hash(span_of(secret), digest);
	if (signer->has_key && strcmp(signer->scope, scope) == 0 &&
	    memcmp(signer->secret_sha256, digest, sizeof(digest)) == 0)
		return (true);
	memcpy(signer->scope, scope, sizeof(scope));
	memcpy(signer->secret_sha256, digest, sizeof(digest));
	derive_key(signer, secret);
	signer->has_key = true;
	return (true);
}

/* SIGNER's signature of REQUEST at NOW; NAMES gets the list of the headers that
 * are signed. */
static bool
sign(const struct sigv4_signer *signer, const struct sigv4_request *request,
    int64_t now, struct buf *names, char signature[DIGEST_TEXT])
{
	struct span key = { (const char *)signer->key, SIGV4_KEY_LEN };
	struct buf canonical, text;
	uint8_t digest[DIGEST_LEN];
	bool is_whole;

	buf_init_secret(&canonical, SIGV4_CANONICAL_MAX); /* the token */
	buf_init(&text, SIGV4_CANONICAL_MAX);
	is_whole = buf_reserve(&canonical, CANONICAL_USUAL) &&
	    sigv4_canonical_request(request, &canonical, names) &&
	    sigv4_string_to_sign(
		buf_span(&canonical), now, span_of(signer->scope), &text);
	if (is_whole) {
		authenticate(key, buf_span(&text), digest);
		format_hex(digest, sizeof(digest), signature);
	}
	buf_fini(&canonical);
	buf_fini(&text);
	return (is_whole);
}

bool
sigv4_authorize(struct sigv4_signer *signer,
    const struct sigv4_request *request, const struct credentials *credentials,
    struct span region, struct span service, int64_t now, struct buf *out)
{
	struct buf names;
	char signature[DIGEST_TEXT];
	bool is_whole;

	assert(credentials->access_key_id != NULL &&
	    credentials->secret_access_key != NULL);
	if (!prepare_key(
		signer, credentials->secret_access_key, now, region, service))
		return (false);
	buf_init(&names, SIGV4_CANONICAL_MAX);
	is_whole = sign(signer, request, now, &names, signature) &&
	    buf_printf(out,
		ALGORITHM " Credential=%s/%s, SignedHeaders=%s, Signature=%s",
		credentials->access_key_id, signer->scope, buf_string(&names),
		signature);
	buf_fini(&names);
	return (is_whole);
}

/* What a presigned URL says of itself, but for the signature; in AWS's order.
 */
static bool
write_presigned(const struct sigv4_signer *signer,
    const struct credentials *credentials, int64_t now, unsigned seconds,
    struct buf *query)
{
	const char *token = credentials->session_token;
	char when[SIGV4_TIME_LEN + 1];

	sigv4_time(now, when);
	return (buf_add_string(
		    query, "X-Amz-Algorithm=" ALGORITHM "&X-Amz-Credential=") &&
	    uri_encode_query(query, span_of(credentials->access_key_id)) &&
	    buf_add_string(query, "%2F") &&
	    uri_encode_query(query, span_of(signer->scope)) &&
	    buf_printf(
		query, "&X-Amz-Date=%s&X-Amz-Expires=%u", when, seconds) &&
	    (token == NULL || token[0] == '\0' ||
		(buf_add_string(query, "&X-Amz-Security-Token=") &&
		    uri_encode_query(query, span_of(token)))) &&
	    buf_add_string(query, "&X-Amz-SignedHeaders=host"));
}

bool
sigv4_presign(struct sigv4_signer *signer, struct span host, struct span path,
    unsigned seconds, const struct credentials *credentials, struct span region,
    struct span service, int64_t now, struct buf *out)
{
	const struct sigv4_header header = { SPAN("host"), host };
	struct sigv4_request request = {
		.method = SPAN("GET"),
		.path = path,
		.payload_sha256 = SPAN("UNSIGNED-PAYLOAD"),
		.headers = &header,
		.n_headers = 1,
	};
	char signature[DIGEST_TEXT];
	size_t before = out->len;
	struct buf names, query;
	bool is_whole;

	if (!prepare_key(
		signer, credentials->secret_access_key, now, region, service))
		return (false);
	buf_init(&names, SIGV4_CANONICAL_MAX);
	buf_init_secret(&query, SIGV4_CANONICAL_MAX);
	is_whole = write_presigned(signer, credentials, now, seconds, &query);
	request.query = buf_span(&query);
	is_whole = is_whole && sign(signer, &request, now, &names, signature) &&
	    buf_add_span(out, buf_span(&query)) &&
	    buf_printf(out, "&X-Amz-Signature=%s", signature);
	if (!is_whole)
		out->len = before;
	buf_fini(&query);
	buf_fini(&names);
	return (is_whole);
}

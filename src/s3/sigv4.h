/*
 * AWS Signature Version 4.  Pure: bytes and the time go in, the signature
 * comes out; no clock is read and nothing is sent.
 *
 * Source: "Authenticating Requests (AWS Signature Version 4)" in the API
 * reference of Amazon S3, and the test suite that AWS publishes.
 */
#ifndef S3_SIGV4_H
#define S3_SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* SHA-256 of nothing: the payload of a GET or HEAD. */
#define SIGV4_EMPTY_PAYLOAD \
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* What a request is signed with. */
struct credentials {
	char *access_key_id;
	char *secret_access_key;
	char *session_token; /* NULL: long-term keys */
};

/* Make COPY one of CREDENTIALS that owns its strings. */
void credentials_copy(
    struct credentials *copy, const struct credentials *credentials);

/* Wipe and free what CREDENTIALS hold; all NULL afterwards. */
void credentials_fini(struct credentials *credentials);

struct sigv4_header {
	struct span name; /* any case */
	struct span value;
};

struct sigv4_request {
	struct span method;
	struct span path;  /* as on the wire, encoded already, with its "/" */
	struct span query; /* as on the wire, without "?"; often empty */
	struct span payload_sha256; /* 64 hexadecimal digits, or the word
	                             * UNSIGNED-PAYLOAD */
	const struct sigv4_header *headers; /* every header that is signed, in
	                                     * any order; Host is among them */
	size_t n_headers;
};

/* 20130524T000000Z */
enum { SIGV4_TIME_LEN = 16, SIGV4_KEY_LEN = 32, SIGV4_SCOPE_MAX = 64 };

/* Greatest lengths of the names that stand in a scope. */
enum { SIGV4_REGION_MAX = 32, SIGV4_SERVICE_MAX = 16 };

/* NOW (seconds since the epoch) as the value of x-amz-date.  What is before
 * 1970 or behind 9999 is taken as the nearest second that is not. */
void sigv4_time(int64_t now, char text[SIGV4_TIME_LEN + 1]);

/* The digest of PAYLOAD as payload_sha256 wants it. */
enum { SIGV4_PAYLOAD_LEN = 64 };
void sigv4_payload(struct span payload, char text[SIGV4_PAYLOAD_LEN + 1]);

/* One signer: where it signs for, and the day's key, which is made anew when
 * the day, the region or the secret changes (four HMACs are saved).  Zeroed
 * memory is a signer that has no key yet. */
struct sigv4_signer {
	char scope[8 + SIGV4_SCOPE_MAX]; /* day, region and service */
	uint8_t secret_sha256[32];       /* whose key it is */
	uint8_t key[SIGV4_KEY_LEN];
	bool has_key;
};

/* Wipe the key. */
void sigv4_signer_fini(struct sigv4_signer *signer);

/*
 * Add the value of the Authorization header for REQUEST to OUT: sign with
 * CREDENTIALS for REGION and SERVICE ("s3") at NOW.  The session token is
 * not added to the headers here: the caller sends and lists it as
 * x-amz-security-token.  False where OUT, or the space for the canonical
 * request (SIGV4_CANONICAL_MAX bytes), is full, REGION or SERVICE is over
 * their lengths, or the query holds a malformed escape; OUT is as before then.
 */
enum { SIGV4_CANONICAL_MAX = 65536 };
bool sigv4_authorize(struct sigv4_signer *signer,
    const struct sigv4_request *request, const struct credentials *credentials,
    struct span region, struct span service, int64_t now,
    struct buf *out) ATTR_MUST_USE;

/*
 * Add the query of a presigned URL to OUT, without its "?": whoever sends a GET
 * of PATH (as on the wire) with it to HOST (as in the Host header) within
 * SECONDS of NOW is answered as the owner of CREDENTIALS is.  The session token
 * is in it.  A secret for so long: OUT is one.  False where OUT is full (as
 * before then), or as sigv4_authorize.
 *
 * Source: "Authenticating Requests: Using Query Parameters (AWS Signature
 * Version 4)" in the API reference of Amazon S3.
 */
bool
sigv4_presign(struct sigv4_signer *signer, struct span host, struct span path,
    unsigned seconds, const struct credentials *credentials, struct span region,
    struct span service, int64_t now, struct buf *out) ATTR_MUST_USE;

/*
 * The two texts that are signed, for tests and for finding out why a server
 * disagrees.  Neither holds a secret but where the request has a session
 * token: never log them.
 *
 * The canonical request: the query's pairs decoded, encoded and sorted (a
 * name alone gets an empty value, nothing between two "&" is no pair); the
 * headers' names in lower case, sorted, values trimmed, inner runs of blanks
 * made one, those of one name joined by ",".  SIGNED_HEADERS gets the list of
 * names joined by ";".  False where a buffer is full or the query holds a
 * malformed escape: what was added by then is of no use.
 */
bool sigv4_canonical_request(const struct sigv4_request *request,
    struct buf *canonical, struct buf *signed_headers) ATTR_MUST_USE;

/* The string to sign, of the canonical request and the scope
 * (20130524/us-east-1/s3/aws4_request). */
bool sigv4_string_to_sign(struct span canonical, int64_t now, struct span scope,
    struct buf *out) ATTR_MUST_USE;

#endif

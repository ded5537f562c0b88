/*
 * The authorities that TLS servers are verified by: a file of certificates,
 * parsed once and shared by all that are forked afterwards.
 *
 * To parse a system's bundle takes 25 ms and a megabyte.  libcurl as such has
 * each process do it.  Here the master does it before the fork, and a worker
 * only where the file has changed since.
 */
#ifndef S3_TRUST_H
#define S3_TRUST_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

#include "base/attr.h"

/* Parse CA_FILE (PEM; NULL: the system's bundle) unless it is parsed as it is
 * now.  For the sake of those that are forked later, before each fork: what
 * fails is for them to tell. */
void trust_prepare(const char *ca_file);

/*
 * Have connections of CTX trust CA_FILE (PEM) as it is now, and who it
 * certifies.  May be called by any thread.  False with why in WHY of LEN bytes
 * where it can't be read or holds no certificate; but where it could be until
 * now, its former certificates are trusted, with a warning.
 */
bool trust_give(
    SSL_CTX *ctx, const char *ca_file, char *why, size_t len) ATTR_MUST_USE;

/* Free all.  Connections keep theirs. */
void trust_fini(void);

#endif

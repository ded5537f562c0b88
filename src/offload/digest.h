/*
 * The digests of a file's bytes: SHA-256, which is signed and kept with the
 * object, and MD5, which S3 holds the bytes against (Content-MD5, RFC 1864).
 */
#ifndef OFFLOAD_DIGEST_H
#define OFFLOAD_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

enum {
	DIGEST_SHA256_LEN = 64, /* hexadecimal */
	DIGEST_MD5_LEN = 24,    /* base64 */
	DIGEST_MD5_HEX_LEN = 32,
};

struct digest {
	char sha256[DIGEST_SHA256_LEN + 1];
	char md5[DIGEST_MD5_LEN + 1]; /* "": OpenSSL has none (FIPS), or it was
	                               * not wanted */
	char md5_hex[DIGEST_MD5_HEX_LEN + 1]; /* the same, as in an ETag */
};

/* Digest SIZE bytes of the file FD from OFFSET on, read into ROOM, of ROOM_SIZE
 * bytes: where they fit, all of them are in there afterwards.  WITH_MD5: that
 * as well.  False where they cannot be read (errno says why), there are fewer
 * (errno is 0), or, where IS_IDLE, since a signal came (errno is ECANCELED). */
bool
digest_file(int fd, uint64_t offset, uint64_t size, bool with_md5, bool is_idle,
    char *room, size_t room_size, struct digest *digest) ATTR_MUST_USE;

#endif

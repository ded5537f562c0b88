/*
 * The binary form of what is kept in memcached.  Pure.
 *
 * Other hosts, other versions of us and anyone who can reach memcached write
 * there, so an entry tells its version and every length, repeats the digest
 * of the key it is for, and carries a checksum over all of it; what does not
 * match to the byte is not an entry.  Integers are big-endian.
 */
#ifndef CACHE_ENTRY_H
#define CACHE_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "s3/metadata.h"

enum { ENTRY_DIGEST_LEN = 32 };

/* Raised with every change of the form or of what it means; part of the key
 * (cache.h), so versions never read each other's. */
enum { ENTRY_VERSION = 2 };

enum entry_kind {
	ENTRY_OBJECT,  /* headers and body */
	ENTRY_MISSING, /* there is no such object */
};

struct entry {
	enum entry_kind kind;
	int64_t stored_s;         /* seconds since the epoch */
	struct metadata metadata; /* of an object; size is the body's length;
	                           * the fields from METADATA_CACHED on are
	                           * not kept */
	struct span body;
};

/* Add ENTRY for the key of DIGEST to OUT.  False where OUT is full. */
bool entry_write(const struct entry *entry,
    const uint8_t digest[ENTRY_DIGEST_LEN], struct buf *out) ATTR_MUST_USE;

/* How many bytes entry_write adds. */
size_t entry_len(const struct entry *entry);

/* Read BYTES, which must be an entry for the key of DIGEST; *ENTRY then views
 * them.  False for anything else. */
bool entry_read(struct span bytes, const uint8_t digest[ENTRY_DIGEST_LEN],
    struct entry *entry) ATTR_MUST_USE;

#endif

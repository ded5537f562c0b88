/*
 * The credentials of all sites, in memory that one writer (the keeper) and many
 * readers (the workers) share.
 *
 * No lock: a site has two places and a serial number.  The writer fills the
 * place that is not in use, then counts the serial up; a reader copies the
 * place that the serial names, and takes the copy only if the serial is still
 * the same.  A place is written again only after the next serial was
 * published, so a copy under an unchanged serial is whole; and a writer that
 * dies in the middle leaves the place in use untouched.  The memory is never
 * in a core file.
 *
 * The other way there is a wish: a reader whose credentials S3 refused asks for
 * others.
 */
#ifndef S3_KEYRING_H
#define S3_KEYRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "s3/sigv4.h"

/* Greatest lengths.  AWS names none for the token: those seen are under 4 KB.
 */
enum {
	KEYRING_ID_MAX = 255,
	KEYRING_SECRET_MAX = 511,
	KEYRING_TOKEN_MAX = 16383,
	KEYRING_REGION_MAX = 63,
};

/* When credentials that have no end end. */
#define KEYRING_NEVER INT64_MAX

/* How the last search for a site's credentials ended. */
enum keyring_state {
	KEYRING_UNTRIED, /* there was none yet */
	KEYRING_FOUND,
	KEYRING_NONE,   /* nobody has any */
	KEYRING_WRONG,  /* something is set up wrong: only a human can help */
	KEYRING_FAILED, /* whoever has them did not hand them out */
};

struct keyring;

/* For N_SITES, with nothing in it, shared with the processes that are forked
 * from now on. */
struct keyring *keyring_new(size_t n_sites) ATTR_MUST_USE;
void keyring_free(struct keyring *keyring);

/* ---- The writer ---- */

struct keyring_entry {
	struct credentials credentials; /* borrowed */
	int64_t expires_ms; /* monotonic, KEYRING_NEVER: they have no end */
	const char *region; /* as the machine's metadata say; NULL: not said */
};

/* Publish ENTRY for SITE, unless it is what stands there already.  False where
 * a text is over its limit; then all is as before. */
bool keyring_publish(struct keyring *keyring, size_t site,
    const struct keyring_entry *entry) ATTR_MUST_USE;

/* A search for SITE, begun at BEGUN_MS (monotonic), has ended in STATE; after
 * keyring_publish where that was due.  Those who wait for it see it. */
void keyring_tried(struct keyring *keyring, size_t site,
    enum keyring_state state, int64_t begun_ms);

/* The serial of what stands there for SITE (0: nothing does), and in
 * *EXPIRES_MS when it ends.  Of use to the writer alone: another would have to
 * look twice. */
uint64_t keyring_standing(
    const struct keyring *keyring, size_t site, int64_t *expires_ms);

/* Does a reader wish for others than stand there now, and has no search begun
 * since it said so? */
bool keyring_is_wished(const struct keyring *keyring, size_t site);

/* An eventfd, non-blocking, readable once there is a wish for SITE. */
int keyring_wish_fd(const struct keyring *keyring, size_t site);

/* ---- Whoever watches the writer ---- */

enum keyring_state keyring_state(const struct keyring *keyring, size_t site);

/* ---- A reader ---- */

/* What requests are signed with: a copy in memory of the reader's own, which is
 * never in a core file. */
struct keyring_key {
	struct credentials credentials; /* views: not to be freed */
	uint64_t serial;                /* never 0 */
	bool is_temporary;              /* they have an end: */
	int64_t expires_ms;             /* monotonic */
	const char *region;             /* "": not said */
};

/* After the fork; KEYRING is borrowed. */
struct keyring_reader;
struct keyring_reader *
keyring_reader_new(struct keyring *keyring) ATTR_MUST_USE;
void keyring_reader_free(struct keyring_reader *reader);

/* The newest key of SITE, or NULL where there was none yet.  Valid until this
 * or keyring_renew is called for SITE again. */
const struct keyring_key *
keyring_read(struct keyring_reader *reader, size_t site);

enum keyring_renewal {
	KEYRING_RENEWED,   /* there are others now: read them */
	KEYRING_SAME,      /* the writer has looked, and there are none; or it
	                    * has not answered in time, or had nothing when it
	                    * looked last: then it is not waited for */
	KEYRING_PEER_GONE, /* as peer_wait (base/peer.h) says of PEER_FD */
};

enum {
	/* A search younger than this that found nothing new, or was wished for
	 * itself, answers a wish: keys that are wrong for good are not looked
	 * for once a request. */
	KEYRING_RELOOK_MS = 2000,
	/* How often one who waits looks. */
	KEYRING_POLL_MS = 10,
};

/* S3 refused the key of SERIAL (0: there was none) of SITE: wait until there is
 * another, at most until DEADLINE_MS (monotonic). */
enum keyring_renewal keyring_renew(struct keyring_reader *reader, size_t site,
    uint64_t serial, int peer_fd, int64_t deadline_ms) ATTR_MUST_USE;

#endif

/*
 * What a request is signed with: the newest credentials of its site
 * (s3/keyring), the region of the bucket and the endpoint's clock (s3/learnt),
 * the day's key made of them; and what to do where S3 refuses one of those.
 */
#ifndef S3_SIGNING_H
#define S3_SIGNING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "s3/keyring.h"
#include "s3/learnt.h"
#include "s3/reply.h"
#include "s3/sigv4.h"
#include "s3/site.h"

/* One a process, after the fork; all borrowed, of the same N_SITES. */
struct signing;
struct signing *signing_new(const struct site *sites, size_t n_sites,
    struct keyring *keyring, struct learnt *learnt) ATTR_MUST_USE;

/* Wipes. */
void signing_free(struct signing *signing);

/* One object, however many requests it takes. */
struct signing_turn {
	struct signing *signing;
	size_t site;
	uint64_t serial;    /* of the key that was signed with; 0: none */
	bool is_temporary;  /* that key has an end */
	int64_t expires_ms; /* when */
	bool is_skew_taken; /* S3's clock was learnt from */
	bool is_moved;      /* S3 named another region: */
	char region[LEARNT_REGION_MAX + 1]; /* what was signed for */
};

void
signing_begin(struct signing_turn *turn, struct signing *signing, size_t site);

/* What a request is signed with. */
struct signing_means {
	const struct credentials *credentials;
	struct span region;
	int64_t now; /* seconds since the epoch, by the endpoint's clock */
};

/* Fill MEANS with what is newest; valid until this is called again.  False
 * where there are no credentials. */
bool signing_prepare(
    struct signing_turn *turn, struct signing_means *means) ATTR_MUST_USE;

/* The signer of the site. */
struct sigv4_signer *signing_signer(const struct signing_turn *turn);

/* Does ANSWER teach what makes another request worth while?  Each once a turn,
 * so that two servers that point at each other end in an error. */
bool signing_learn_clock(
    struct signing_turn *turn, const struct reply *answer) ATTR_MUST_USE;
bool signing_learn_region(
    struct signing_turn *turn, const struct reply *answer) ATTR_MUST_USE;

/* Are the credentials that were signed with at their end, or within
 * SIGNING_END_MS of it?  Ceph calls it AccessDenied when a token is over. */
enum { SIGNING_END_MS = 1000 };
bool signing_is_over(const struct signing_turn *turn);

/* The credentials that were signed with (or that there were none) are refused:
 * as keyring_renew, for at most SIGNING_RENEWAL_MS. */
enum { SIGNING_RENEWAL_MS = 5000 };
enum keyring_renewal signing_renew(const struct signing_turn *turn, int peer_fd,
    int64_t deadline_ms) ATTR_MUST_USE;

/* The credentials are why a request fails, as S3 said with CODE.  Was that so
 * of another, of the same site, in the last SIGNING_TOLD_MS?  What there is to
 * say the keeper says. */
enum { SIGNING_TOLD_MS = 60 * 1000 };
bool signing_was_told(const struct signing_turn *turn, const char *code);

#endif

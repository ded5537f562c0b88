/*
 * What a request is signed with: see signing.h.
 */
#include "s3/signing.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/secret.h"

/* See signing_was_told. */
struct told {
	int64_t when_ms; /* 0: never */
	char code[64];
};

struct signing {
	const struct site *sites;
	size_t n_sites;
	struct keyring_reader *reader;
	struct learnt *learnt;
	struct sigv4_signer *signers; /* one a site, where nothing is dumped:
	                               * a day's key is a secret for that day */
	struct told *told;            /* one a site */
};

struct signing *
signing_new(const struct site *sites, size_t n_sites, struct keyring *keyring,
    struct learnt *learnt)
{
	struct signing *signing = mem_zero(1, sizeof(*signing));

	signing->sites = sites;
	signing->n_sites = n_sites;
	signing->reader = keyring_reader_new(keyring);
	signing->learnt = learnt;
	signing->told = mem_zero(n_sites, sizeof(*signing->told));
	signing->signers = secret_map(n_sites * sizeof(*signing->signers));
	return (signing);
}

void
signing_free(struct signing *signing)
{
	if (signing == NULL)
		return;
	keyring_reader_free(signing->reader);
	secret_unmap(
	    signing->signers, signing->n_sites * sizeof(*signing->signers));
	free(signing->told);
	free(signing);
}

void
signing_begin(struct signing_turn *turn, struct signing *signing, size_t site)
{
	assert(site < signing->n_sites);
	*turn = (struct signing_turn){ .signing = signing, .site = site };
}

/* The region to sign for, unless S3 named one in this turn. */
static const char *
choose_region(const struct signing_turn *turn, const struct keyring_key *key)
{
	const struct site *site = &turn->signing->sites[turn->site];
	const char *learnt = learnt_region(turn->signing->learnt, turn->site);

	if (learnt[0] != '\0')
		return (learnt);
	if (site->region_is_guess && site_is_region(span_of(key->region)))
		return (key->region);
	return (site->region);
}

bool
signing_prepare(struct signing_turn *turn, struct signing_means *means)
{
	struct signing *signing = turn->signing;
	const struct keyring_key *key =
	    keyring_read(signing->reader, turn->site);

	if (key == NULL)
		return (false);
	turn->serial = key->serial;
	turn->is_temporary = key->is_temporary;
	turn->expires_ms = key->expires_ms;
	if (!turn->is_moved)
		snprintf(turn->region, sizeof(turn->region), "%s",
		    choose_region(turn, key));
	means->credentials = &key->credentials;
	means->region = span_of(turn->region);
	means->now = clock_wall_s() + learnt_skew(signing->learnt, turn->site);
	return (true);
}

struct sigv4_signer *
signing_signer(const struct signing_turn *turn)
{
	return (&turn->signing->signers[turn->site]);
}

bool
signing_learn_clock(struct signing_turn *turn, const struct reply *answer)
{
	if (turn->is_skew_taken ||
	    !learnt_take_date(turn->signing->learnt, turn->site,
		answer->server_date, clock_wall_s()))
		return (false);
	turn->is_skew_taken = true;
	return (true);
}

bool
signing_learn_region(struct signing_turn *turn, const struct reply *answer)
{
	const char *region = answer->error.region;

	if (turn->is_moved ||
	    !learnt_take_region(
		turn->signing->learnt, turn->site, turn->region, region))
		return (false);
	turn->is_moved = true;
	snprintf(turn->region, sizeof(turn->region), "%s", region);
	return (true);
}

bool
signing_is_over(const struct signing_turn *turn)
{
	return (clock_monotonic_ms() + SIGNING_END_MS > turn->expires_ms);
}

enum keyring_renewal
signing_renew(const struct signing_turn *turn, int peer_fd, int64_t deadline_ms)
{
	int64_t latest = clock_monotonic_ms() + SIGNING_RENEWAL_MS;

	return (keyring_renew(turn->signing->reader, turn->site, turn->serial,
	    peer_fd, deadline_ms < latest ? deadline_ms : latest));
}

bool
signing_was_told(const struct signing_turn *turn, const char *code)
{
	struct told *told = &turn->signing->told[turn->site];
	int64_t now = clock_monotonic_ms();

	if (told->when_ms > 0 && now - told->when_ms < SIGNING_TOLD_MS &&
	    strcmp(told->code, code) == 0)
		return (true);
	told->when_ms = now;
	snprintf(told->code, sizeof(told->code), "%s", code);
	return (false);
}

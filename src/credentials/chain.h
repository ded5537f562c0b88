/*
 * Where credentials come from: a table of providers, tried in order.
 *
 * Each provider is a file of its own beside this one.  The order is that of
 * the AWS SDKs, with the site's own settings before all.
 */
#ifndef CREDENTIALS_CHAIN_H
#define CREDENTIALS_CHAIN_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "s3/site.h"
#include "s3/sigv4.h"

enum credentials_result {
	CREDENTIALS_FOUND,
	CREDENTIALS_NONE,  /* this provider has nothing to say: ask the next */
	CREDENTIALS_WRONG, /* it has, but it is unusable: end here, with why */
};

/* One provider.  On FOUND, *FOUND is set (its strings are the caller's, freed
 * by credentials_fini) and WHERE says where ("profile default in
 * /srv/gyazo/.aws/credentials"); on the others WHERE says what was looked for
 * and why it is not there.  Never a secret. */
struct credentials_provider {
	const char *name;
	enum credentials_result (*find)(const struct site *site,
	    struct credentials *found, struct buf *where);
};

/* Greatest length of what is said in WHERE. */
enum { CREDENTIALS_WHERE_MAX = 2048 };

/* Fill SITE->credentials and credentials_source from the first provider that
 * has some.  False where none has or one is wrong: WHY then tells each that was
 * tried and what is wrong with it. */
bool credentials_find(struct site *site, struct buf *why) ATTR_MUST_USE;

/* For a provider: say in WHERE, as by printf, and return RESULT. */
enum credentials_result credentials_say(enum credentials_result result,
    struct buf *where, const char *format, ...) ATTR_PRINTF(3, 4);

/* The providers. */
enum credentials_result credentials_from_site(
    const struct site *site, struct credentials *found, struct buf *where);
enum credentials_result credentials_from_environment(
    const struct site *site, struct credentials *found, struct buf *where);
enum credentials_result credentials_from_profile(
    const struct site *site, struct credentials *found, struct buf *where);

#endif

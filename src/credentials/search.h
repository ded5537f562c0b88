/*
 * A search for the credentials of one site: what a provider is given, and what
 * it gives back.
 */
#ifndef CREDENTIALS_SEARCH_H
#define CREDENTIALS_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "credentials/profiles.h"
#include "credentials/watch.h"
#include "s3/http.h"
#include "s3/site.h"
#include "s3/sigv4.h"

enum credentials_result {
	CREDENTIALS_FOUND,
	CREDENTIALS_NONE,   /* it has nothing to say: ask the next */
	CREDENTIALS_WRONG,  /* it is set up, but wrongly: end here, with why;
	                     * only a human can help */
	CREDENTIALS_FAILED, /* it is set up, but does not hand them out now: end
	                     * here, with why; another try may do better */
};

/* When credentials that have no end end. */
#define CREDENTIALS_NEVER INT64_MAX

/* What was found; all owned, freed by credentials_found_fini. */
struct credentials_found {
	struct credentials credentials;
	int64_t expires_s; /* by our clock, seconds since the epoch (a provider
	                    * that was told another's clock corrects for it) */
	char *region;      /* where the machine's metadata say we are; NULL: not
	               * said */
};

/* Zero is nothing found; wipes. */
void credentials_found_fini(struct credentials_found *found);

/* One search, for one site.  What a provider may use, and no more. */
struct credentials_search {
	const struct site *site;
	const struct profiles *profiles; /* the shared files, as just read */
	const char *profile;             /* whose name counts now */
	bool use_environment; /* do variables count?  Not where a profile was
	                       * named by the site or by another profile, but
	                       * for those of the container and of the
	                       * machine's metadata */
	struct http *http;
	struct watch *watch; /* each file that was looked at is noted there */
	int64_t deadline_ms; /* monotonic: when the search must end */
};

/* One provider.  On FOUND, *FOUND (zeroed before) is set and WHERE says where
 * ("profile default in /srv/gyazo/.aws/credentials"); on the others WHERE says
 * what was looked for, and why it is not there and what would be right.  Never
 * a secret, nor what a stranger wrote. */
typedef enum credentials_result
credentials_provider(const struct credentials_search *search,
    struct credentials_found *found, struct buf *where);

/* Greatest length of what is said in WHERE. */
enum { CREDENTIALS_WHERE_MAX = 4096 };

/* How long a search takes at most. */
enum { CREDENTIALS_SEARCH_MS = 30000 };

/* For a provider: say in WHERE, as by printf, and return RESULT. */
enum credentials_result credentials_say(enum credentials_result result,
    struct buf *where, const char *format, ...) ATTR_PRINTF(3, 4);

/* Which profile counts for SITE: its own, else AWS_DEFAULT_PROFILE, else
 * AWS_PROFILE, else "default".  *IS_MEANT: somebody named it. */
const char *credentials_profile(const struct site *site, bool *is_meant);

/* The value of VARIABLE (where the environment counts), else of NAME in the
 * profile; NULL where neither says anything. */
const char *credentials_setting(const struct credentials_search *search,
    const char *variable, const char *name);

/* Which of CREDENTIALS can be none ("the session token"), since it holds a
 * blank, a control character or a byte that is not ASCII; NULL where all are
 * fit. */
const char *credentials_unfit(const struct credentials *credentials);

#endif

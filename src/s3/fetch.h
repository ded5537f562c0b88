/*
 * Fetch an object whatever the night: attempts with jittered backoff inside
 * the time there is, a broken body resumed by Range and If-Match, the
 * bucket's region and the clock's skew learnt from S3 and remembered.
 */
#ifndef S3_FETCH_H
#define S3_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "s3/error.h"
#include "s3/handoff.h"
#include "s3/keyring.h"
#include "s3/learnt.h"
#include "s3/metadata.h"
#include "s3/range.h"
#include "s3/site.h"

/* What is kept from one fetch to the next: the connection to S3, and for each
 * site its credentials and signing key.  After the fork. */
struct fetch;

/* For SITES, N_SITES of them, with the credentials of KEYRING and what LEARNT
 * has of them; all borrowed until fetch_free. */
struct fetch *fetch_new(const struct site *sites, size_t n_sites,
    struct keyring *keyring, struct learnt *learnt) ATTR_MUST_USE;
void fetch_free(struct fetch *fetch);

struct fetch_request {
	const struct site *site; /* one of the array given to fetch_new */
	struct span key;
	struct range range;
	bool head_only;
	bool get_follows; /* with head_only: the object is fetched next, and
	                   * what this says is not relied upon alone.  Then
	                   * the connection is kept, for the next HEAD of this
	                   * kind; else a HEAD ends its connection (see
	                   * keeps_head in struct http_request). */
	int64_t answer_deadline_ms; /* monotonic: until when tries to get an
	                             * answer begun are made */
	int64_t deadline_ms;        /* monotonic: until when all is done */
	int peer_fd;                /* the client's connection; -1: none */
};

/* What has been found, before its bytes. */
struct fetch_head {
	const struct metadata *metadata; /* valid until fetch_object returns,
	                                  * or begin is called again */
	bool size_known; /* metadata->size is right; false only where fit is
	                  * WHOLE and S3 sent the body chunked: its end is then
	                  * seen by FETCH_OK alone */
	bool etag_is_md5;
	bool may_hand_off;  /* as in struct reply */
	enum range_fit fit; /* WHOLE: all of it comes; PART: first to last;
	                     * NONE: the range cannot be satisfied, no bytes
	                     * come, metadata->size is right */
	uint64_t first;
	uint64_t last;
};

enum fetch_wish {
	FETCH_GO_ON,
	FETCH_ENOUGH, /* the head was all that is wanted */
	FETCH_WHOLE,  /* of fit PART or NONE: fetch again without the range;
	               * begin is called once more */
};

struct fetch_sink {
	enum fetch_wish (*begin)(void *context, const struct fetch_head *head);
	/* The bytes in order, each once; false: the client is gone, and the
	 * result is FETCH_PEER_GONE. */
	bool (*body)(void *context, struct span bytes);
	void *context;
};

enum fetch_result {
	FETCH_OK,          /* begin was called, and every byte was given */
	FETCH_CUT,         /* the sink had enough */
	FETCH_PEER_GONE,   /* the client went away */
	FETCH_MISSING,     /* there is no such object */
	FETCH_REFUSED,     /* settings, keys or bucket are wrong: 500 */
	FETCH_UNAVAILABLE, /* S3 cannot be reached, is busy or broke off for
	                    * good; or there are no credentials, or only
	                    * temporary ones that it refused: 503.  If
	                    * begin was called, the answer that has begun
	                    * must be made to fail. */
};

/* What happened, for the log and Cache-Status. */
struct fetch_report {
	unsigned attempts;
	int status; /* of the last answer, but of one that time cut short only
	             * where it was the first; 0: none */
	struct s3_error error;
	char reason[256]; /* "" where nothing went wrong */
	bool is_told; /* it is the site's credentials, and a report has said so
	               * a moment ago (signing_was_told) */
};

/* From within the sink: what it was given has been passed on.  Until then the
 * answer has not begun: answer_deadline_ms holds, and an object that breaks off
 * and cannot be resumed is fetched anew (begin is called once more).  From now
 * on there is time until deadline_ms, and no way back. */
void fetch_pass_on(struct fetch *fetch);

/* From within the sink, or between two calls: write what another needs to fetch
 * KEY of SITE, signed as fetch_object would.  False where that cannot be. */
bool fetch_hand_off(struct fetch *fetch, const struct site *site,
    struct span key, struct handoff *handoff) ATTR_MUST_USE;

enum fetch_result
fetch_object(struct fetch *fetch, const struct fetch_request *request,
    const struct fetch_sink *sink, struct fetch_report *report) ATTR_MUST_USE;

#endif

/*
 * The transfer that is under way with a libcurl handle, driven by its sockets:
 * libcurl says what it waits for, and is told what is ready.
 *
 * So each wait is one poll(2), for S3 and the client together, and libcurl has
 * none of its own: curl_multi_perform asks again for each of its sockets.
 */
#ifndef S3_TRANSFER_H
#define S3_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <poll.h>

#include "s3/libcurl.h"

/* More than the sockets of one transfer: those that a name's addresses are
 * tried with, and the resolver's. */
enum { TRANSFER_WAITS_MAX = 16 };

struct transfer {
	CURLM *multi; /* borrowed */
	/* What libcurl waits for, and what the last wait found; one place is
	 * kept for the client. */
	struct pollfd waits[TRANSFER_WAITS_MAX + 1];
	size_t n_waits;
};

/* With MULTI, which is to have one transfer at a time.  TRANSFER may not move
 * from now on. */
void transfer_init(struct transfer *transfer, CURLM *multi);

/* Go on with what the last wait found, as far as it goes without waiting;
 * *IS_OVER says whether the transfer has ended, well or badly.  False: libcurl
 * is broken. */
bool transfer_step(struct transfer *transfer, bool *is_over) ATTR_MUST_USE;

/* Wait up to MS, for libcurl or for PEER_FD (-1: none); true where that one has
 * something to say. */
bool
transfer_wait(struct transfer *transfer, int peer_fd, int64_t ms) ATTR_MUST_USE;

#endif

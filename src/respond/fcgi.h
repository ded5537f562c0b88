/*
 * FastCGI: a request in, an answer out.  This file alone knows libfcgi, which
 * parses the request; what is accepted, how long it may take and how an
 * answer is written is our own.
 *
 * Source: the FastCGI specification 1.0, sections 3.3 (records), 3.4
 * (name-value pairs), 5 (begin, end), 6.2 (streams).
 */
#ifndef RESPOND_FCGI_H
#define RESPOND_FCGI_H

#include <stdbool.h>
#include <stdint.h>

#include "respond/exchange.h"

struct fcgi;

/* Serve on LISTEN_FD, a listening socket (borrowed; made non-blocking).  Peers
 * have READ_TIMEOUT_MS to send their whole request, from when it is accepted,
 * and SEND_TIMEOUT_MS to take any more of the answer.  After the fork: what it
 * holds may not be shared by processes. */
struct fcgi *
fcgi_new(int listen_fd, int64_t read_timeout_ms, int64_t send_timeout_ms);

/* Takes NULL; finishes a request that is under way. */
void fcgi_free(struct fcgi *fcgi);

enum fcgi_result {
	FCGI_REQUEST, /* *REQUEST and *SINK are set until fcgi_finish */
	FCGI_NONE,   /* no connection is waiting, another worker took it, or the
	              * peer sent nothing of use: wait again */
	FCGI_BROKEN, /* the listening socket is of no use; errno says why */
};

/* Take one connection and read its request, without waiting for a connection.
 *
 * A peer that is late or gone, or that sends what is malformed, too large (over
 * 65,535 bytes of parameters) or known to break libfcgi (management records,
 * lengths over their record: CVE-2025-23016) is closed and costs no more than
 * READ_TIMEOUT_MS.
 *
 * Of a parameter that comes twice the first counts, an empty one counts as not
 * sent, and a NUL in one is shown as the byte 0x01, so that it is refused where
 * a control character is and never cuts a value short. */
enum fcgi_result fcgi_accept(struct fcgi *fcgi, struct request *request,
    struct request_sink *sink) ATTR_MUST_USE;

/*
 * Of the sink: head and body gather up to a record of 65,528 bytes before
 * anything is sent, end sends what is left with the end of the request behind
 * it in one call, fail sends none of it but the end that every configuration of
 * nginx takes for a failure.  A body's bytes are not needed after its call.
 */

/* Done with the request: close the connection, free what was read.  Fails the
 * answer if it was neither ended nor failed.  A peer that was still sending (a
 * body, which no one reads) has READ_TIMEOUT_MS to see the end and hang up,
 * since to close on it could take the answer along. */
void fcgi_finish(struct fcgi *fcgi);

#endif

/*
 * The life of a request, in named steps; the one place that turns what was
 * found into a status.  Knows neither libfcgi nor libcurl nor libmemcached:
 * it is given a request and a sink.
 */
#ifndef RESPOND_REQUEST_H
#define RESPOND_REQUEST_H

#include "respond/exchange.h"

/* Serve REQUEST to SINK.  Returns the status that was answered (the status of
 * an answer that failed later is the one it began with); 499 where the client
 * went away before one was. */
int request_serve(const struct request_parts *parts,
    const struct request *request, const struct request_sink *sink);

#endif

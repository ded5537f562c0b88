/*
 * A request as the web server tells it, where its answer goes, and what it
 * is served from: all that the steps know of the world.
 */
#ifndef RESPOND_EXCHANGE_H
#define RESPOND_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "cache/cache.h"
#include "respond/policy.h"
#include "s3/fetch.h"
#include "s3/site.h"

/* What the web server says of a request; data NULL where it does not. */
struct request {
	struct span method;       /* REQUEST_METHOD */
	struct span document_uri; /* DOCUMENT_URI, as try_files saw it */
	struct span script_name;  /* SCRIPT_NAME, decoded */
	struct span path_info;    /* PATH_INFO, decoded */
	struct span request_uri;  /* REQUEST_URI: raw, with the query */
	struct span site;         /* TRYS3_SITE, from the configuration */
	struct span range;        /* HTTP_RANGE */
	struct policy_conditions conditions; /* HTTP_IF_* */
	struct span handoff; /* TRYS3_HANDOFF: the location of the web server's
	                      * that a large object can be handed to */
	/* What its client asked, where that may be more than the above: a web
	 * server with a cache asks for all of an object.  Only with handoff. */
	struct request_client {
		struct span method;                  /* TRYS3_CLIENT_METHOD */
		struct span range;                   /* TRYS3_CLIENT_RANGE */
		struct policy_conditions conditions; /* TRYS3_CLIENT_IF_* */
	} client;
	int peer_fd;        /* the connection, watched meanwhile; -1: none */
	int64_t started_ms; /* monotonic: when it was accepted */
};

/* Where the answer goes.  Head once; body any number of times; then either end
 * or fail.  False: the client is gone, nothing more need be sent. */
struct request_sink {
	bool (*head)(void *context, struct span head);
	/* Once, before the body, where that is not at hand but comes from S3
	 * meanwhile. */
	void (*stream)(void *context);
	bool (*body)(void *context, struct span bytes);
	/* Take back the head and what came of the body, so that another head
	 * can follow.  False where the client has some of it already. */
	bool (*restart)(void *context);
	/* With LAST it is whole; when this returns the client has it. */
	bool (*end)(void *context, struct span last);
	/* In place of end, after a head that hands the request to the web
	 * server: it is sent, with what fails behind it, so that a server that
	 * does not take it over cannot take the answer for a whole one. */
	void (*hand_off)(void *context);
	/* The answer has begun and cannot be ended: whatever can see it must
	 * see it fail, and never take it for whole. */
	void (*fail)(void *context);
	void *context;
};

/* All that serving needs; each is borrowed. */
struct request_parts {
	const struct site *sites; /* the first is the default */
	size_t n_sites;
	const struct cache_settings *cache_settings;
	struct cache *cache; /* NULL: none */
	struct fetch *fetch;
	int64_t request_timeout_ms; /* for the whole of a request */
	int64_t answer_timeout_ms; /* for an answer to begin, retries and all */
};

#endif

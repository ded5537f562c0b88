/*
 * One HTTP exchange, by libcurl.
 *
 * HTTP/1.1, connections kept from one exchange to the next, TLS verified
 * always, no redirect followed, nothing sent that the caller did not list.
 * The loop is our own around curl_multi, so that every wait has a deadline
 * and the end of the client is seen while S3 is waited for.
 */
#ifndef S3_HTTP_H
#define S3_HTTP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

/* Once in the program's life, before the first fork; says whether libcurl
 * is there with what we need (TLS). */
bool http_global_init(void) ATTR_MUST_USE;
void http_global_fini(void);

struct http;

/* One handle for exchanges one after the other.  Make it after the fork: a
 * connection may not be shared by processes. */
struct http *http_new(void);
void http_free(struct http *http);

/* A time for what may take as long as bytes move: a deadline so far away ends
 * only what would never end. */
enum { HTTP_LONGEST_MS = 7 * 24 * 3600 * 1000 };

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_PUT, HTTP_POST, HTTP_DELETE };

/* A body that is not in memory: asked for piece by piece while it is sent. */
struct http_source {
	/* Copy at most ROOM bytes from OFFSET on to TO.  How many; 0 or less
	 * ends the exchange with HTTP_STOPPED, since SIZE was promised.  May
	 * block: that time does not count as silence. */
	ssize_t (*read)(void *context, uint64_t offset, char *to, size_t room);
	void *context;
	uint64_t size;
};

struct http_request {
	const char *url;
	enum http_method method;
	const char *const *headers; /* "Name: value", among them Host */
	size_t n_headers;
	struct span body; /* of PUT and POST, sent with its length; often
	                   * empty */
	const struct http_source *source; /* in place of body, of PUT; NULL:
	                                   * none */
	bool keeps_head; /* of HEAD: its connection is kept, for a handle that
	                  * is used for such HEADs alone: where a server sends
	                  * a body all the same, and late, it may be taken for
	                  * the answer to the next.  Else a HEAD ends its
	                  * connection. */
	bool no_proxy;   /* whatever the environment says */
	const char *ca_file;           /* PEM; NULL: the system's bundle */
	int64_t connect_timeout_ms;    /* name, TCP and TLS together */
	int64_t first_byte_timeout_ms; /* from the start of the exchange, or,
	                                * once a source is read, from its end,
	                                * to the answer's first byte */
	int64_t stall_timeout_ms;      /* between two arrivals of bytes, or two
	                           * readings of the source; time that the
	                           * handler takes does not count */
	int64_t deadline_ms; /* by clock_monotonic_ms(): the whole of it */
	int peer_fd; /* the client's connection, watched for its end; -1: none.
	              * Bytes that arrive there are read and dropped. */
};

/* Called while http_perform runs; either may be NULL. */
struct http_handler {
	/* The headers of the final answer are complete (1xx are not shown). */
	bool (*head)(void *context, const struct http *http);
	/* Bytes of the body, at most 16 KB at a time. */
	bool (*body)(void *context, struct span bytes);
	/* False from either ends the exchange with HTTP_STOPPED; the connection
	 * is lost with it unless all had arrived. */
	void *context;
};

enum http_result {
	HTTP_OK,        /* all of the answer arrived, whatever its status */
	HTTP_STOPPED,   /* the handler said so, or the source */
	HTTP_PEER_GONE, /* the client went away */
	HTTP_DEADLINE,  /* deadline_ms has passed */
	HTTP_FAILED,    /* no whole answer: name, connection, TLS, a time-out, a
	                 * body that broke off.  Another try may do better. */
	HTTP_UNUSABLE,  /* the request cannot even be tried: the CA file is
	                 * unreadable, the URL is malformed */
};

enum http_result
http_perform(struct http *http, const struct http_request *request,
    const struct http_handler *handler) ATTR_MUST_USE;

/* From within a handler: the exchange under way may take until DEADLINE_MS. */
void http_extend(struct http *http, int64_t deadline_ms);

/* Of the last exchange, from the call of head on: */

int http_status(const struct http *http); /* 0 before there is one */

/* Did any byte of the request, or of a proxy's tunnel for it, go out?  False
 * where there was no name, no connection or no TLS. */
bool http_was_sent(const struct http *http);

/* The first header of NAME (any case); valid until the next exchange. */
bool http_header(const struct http *http, const char *name, struct span *value);

/* Call TAKE for each header in order. */
void http_each_header(const struct http *http,
    void (*take)(void *context, struct span name, struct span value),
    void *context);

/* Content-Length, or -1 where there is none to go by: chunked, none, several
 * that differ, or one that is no number. */
int64_t http_content_length(const struct http *http);

/* Can the end of the body be told from a break (Content-Length, chunked, or
 * a status or method without a body)? */
bool http_is_framed(const struct http *http);

/* Why the last exchange failed: libcurl's words, or which time-out of how
 * many milliseconds.  Never empty after a result other than HTTP_OK. */
const char *http_reason(const struct http *http);

#endif

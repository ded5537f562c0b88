/*
 * libcurl's handles and the connections that were made with them, for servers
 * that are verified by the same authorities.
 *
 * libcurl uses a kept connection for any request to the same host and port.
 * What was verified by other authorities is not the same: so each file of
 * them has a channel of its own; and so has what goes without TLS, for which
 * libcurl's buffers are to be others.
 */
#ifndef S3_CHANNEL_H
#define S3_CHANNEL_H

#include "s3/libcurl.h"
#include "s3/sockets.h"
#include "s3/transfer.h"

struct channel {
	CURLM *multi;
	CURL *easy; /* as libcurl_new makes it; options may be set */
	struct sockets sockets;
	struct transfer transfer;
	bool has_proxy;     /* the environment names one, for some scheme */
	bool has_tls_proxy; /* and it is spoken to by TLS */
	char *ca_file;      /* PEM; NULL: libcurl knows of none */
	bool is_tls;
	char why[256];        /* why it can't be trusted; empty: it can */
	struct channel *next; /* the caller's; NULL when it is made */
};

/* CA_FILE: PEM; NULL: the system's bundle.  IS_TLS: for https. */
struct channel *channel_new(const char *ca_file, bool is_tls) ATTR_MUST_USE;
void channel_free(struct channel *channel);

/* Is CHANNEL the one for CA_FILE and IS_TLS? */
bool
channel_is_for(const struct channel *channel, const char *ca_file, bool is_tls);

#endif

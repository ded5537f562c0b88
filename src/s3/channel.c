/*
 * Channels: see channel.h.
 */
#include "s3/channel.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/env.h"
#include "base/log.h"
#include "base/mem.h"
#include "s3/trust.h"

enum {
	/* Kept connections: one for each of a few buckets; the oldest goes
	 * first. */
	CONNECTIONS_MAX = 8,
	/* What libcurl reads into it makes anew for each exchange, and it is
	 * wiped afterwards: what is larger than it must be drives other things
	 * out of the processor's cache.  By TLS no read gets more than a record
	 * (RFC 8446 5.1); without, more is fewer calls.  To be set once: 7.88
	 * refuses it while there is a buffer, and after a connection that could
	 * not be made there still is. */
	READ_BUFFER_TLS = 16384,
	READ_BUFFER_PLAIN = 65536,
};

static curl_socket_t
open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void)purpose;
	return (sockets_open(
	    context, address->family, address->socktype, address->protocol));
}

static int
close_socket(void *context, curl_socket_t fd)
{
	return (sockets_close(context, fd));
}

/* What libcurl may go by (curl(1), "PROXY PROTOCOL PREFIXES"). */
static void
look_for_proxies(struct channel *channel)
{
	static const char *const names[] = { "http_proxy", "https_proxy",
		"HTTPS_PROXY", "all_proxy", "ALL_PROXY" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *proxy = env_get(names[i]);

		if (proxy == NULL)
			continue;
		channel->has_proxy = true;
		if (strncasecmp(proxy, "https:", 6) == 0)
			channel->has_tls_proxy = true;
	}
}

/* Before the handshake of a new connection. */
static CURLcode
give_trust(CURL *easy, void *ssl_ctx, void *context)
{
	struct channel *channel = context;

	(void)easy;
	channel->why[0] = '\0';
	return (trust_give(ssl_ctx, channel->ca_file, channel->why,
		    sizeof(channel->why))
		? CURLE_OK
		: CURLE_SSL_CACERT_BADFILE);
}

/* libcurl would parse the file for each process.  It would also keep, for a
 * day, the certificates that it was given. */
static void
share_trust(struct channel *channel)
{
	CURL *easy = channel->easy;

	LIBCURL_SET(easy, CURLOPT_CAINFO, NULL);
	LIBCURL_SET(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
	LIBCURL_SET(easy, CURLOPT_SSL_CTX_FUNCTION, give_trust);
	LIBCURL_SET(easy, CURLOPT_SSL_CTX_DATA, channel);
}

struct channel *
channel_new(const char *ca_file, bool is_tls)
{
	struct channel *channel = mem_zero(1, sizeof(*channel));
	CURL *easy = libcurl_new();

	channel->easy = easy;
	channel->multi = curl_multi_init();
	if (channel->multi == NULL)
		log_fatal(1, "libcurl: no handle can be made");
	curl_multi_setopt(
	    channel->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_MAX);
	transfer_init(&channel->transfer, channel->multi);
	channel->ca_file = mem_string(libcurl_ca_file(ca_file));
	channel->is_tls = is_tls;
	LIBCURL_SET(easy, CURLOPT_BUFFERSIZE,
	    (long)(is_tls ? READ_BUFFER_TLS : READ_BUFFER_PLAIN));
	look_for_proxies(channel);
	/* One that is spoken to by TLS has other authorities than the servers
	 * behind it, and give_trust can't tell whom it is called for. */
	if (channel->ca_file == NULL || channel->has_tls_proxy)
		LIBCURL_SET(easy, CURLOPT_CAINFO, channel->ca_file);
	else
		share_trust(channel);
	LIBCURL_SET(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	LIBCURL_SET(easy, CURLOPT_OPENSOCKETDATA, &channel->sockets);
	LIBCURL_SET(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
	LIBCURL_SET(easy, CURLOPT_CLOSESOCKETDATA, &channel->sockets);
	return (channel);
}

void
channel_free(struct channel *channel)
{
	if (channel == NULL)
		return;
	curl_easy_cleanup(channel->easy);
	curl_multi_cleanup(channel->multi);
	free(channel->ca_file);
	free(channel);
}

bool
channel_is_for(const struct channel *channel, const char *ca_file, bool is_tls)
{
	const char *file = libcurl_ca_file(ca_file);

	if (channel->is_tls != is_tls)
		return (false);
	if (file == NULL || channel->ca_file == NULL)
		return (file == channel->ca_file);
	return (strcmp(file, channel->ca_file) == 0);
}

/*
 * The list of servers: see servers.h.  The forms are checked here and not
 * left to libmemcached, whose parser takes almost anything and fails when the
 * first request comes; what passes here can be given to it as it is.
 */
#include "cache/servers.h"

#include <string.h>
#include <sys/un.h>

#include "base/parse.h"
#include "s3/endpoint.h"

enum {
	PATH_MAX_LEN = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1,
};

/* A name or an IPv4 address, perhaps with a dot at the end: what a resolver may
 * be asked, no more. */
static bool
is_host(struct span text)
{
	if (text.len > 0 && text.data[text.len - 1] == '.')
		text.len--;
	return (endpoint_is_host(text));
}

/* TEXT is what stands behind "unix:". */
static bool
parse_path(struct span text, struct server_address *address, const char **why)
{
	*why = "a socket's path is not absolute, or is longer than 107 bytes, "
	       "or holds a blank";
	if (text.len < 2 || text.data[0] != '/' || text.len > PATH_MAX_LEN)
		return (false);
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.data[i] <= ' ')
			return (false);
	address->host = text;
	address->port = 0;
	return (true);
}

static bool
parse_address(
    struct span text, struct server_address *address, const char **why)
{
	const char *colon;
	struct span host, port;

	if (span_starts(text, SPAN("unix:")))
		return (parse_path(
		    span_skip(text, SPAN("unix:").len), address, why));
	*why = "a server is not host:port, [v6]:port or unix:/path";
	colon = text.len > 0 ? memrchr(text.data, ':', text.len) : NULL;
	if (colon == NULL)
		return (false);
	host = (struct span){ text.data, (size_t)(colon - text.data) };
	port = span_skip(text, host.len + 1);
	if (host.len >= 2 && host.data[0] == '[' &&
	    host.data[host.len - 1] == ']') {
		host = (struct span){ host.data + 1, host.len - 2 };
		if (!endpoint_is_v6(host))
			return (false);
	} else if (!is_host(host))
		return (false);
	*why = "a server's port is not a number from 1 to 65535";
	address->host = host;
	return (parse_number(port, 1, 65535, &address->port));
}

bool
servers_next(
    struct span *rest, struct server_address *address, const char **why)
{
	address->text = span_trim(span_cut(rest, ','));
	return (parse_address(address->text, address, why));
}

bool
servers_check(struct span text, const char **why)
{
	struct span seen[SERVERS_MAX];
	struct server_address address;
	size_t n = 0;

	do {
		if (!servers_next(&text, &address, why))
			return (false);
		for (size_t i = 0; i < n; i++) {
			if (!span_equal(seen[i], address.text))
				continue;
			*why = "a server is named twice";
			return (false);
		}
		if (n == SERVERS_MAX) {
			*why = "there are more than 64 servers";
			return (false);
		}
		seen[n++] = address.text;
	} while (text.data != NULL);
	return (true);
}

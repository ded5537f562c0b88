/*
 * Endpoints: see endpoint.h.
 */
#include "s3/endpoint.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/parse.h"

/* Is every label of NAME one to ENDPOINT_LABEL_MAX bytes long? */
static bool
has_good_labels(struct span name)
{
	while (name.data != NULL) {
		struct span label = span_cut(&name, '.');

		if (label.len < 1 || label.len > ENDPOINT_LABEL_MAX)
			return (false);
	}
	return (true);
}

bool
endpoint_is_host(struct span text)
{
	return (span_is_of(text, "-_.", 1, ENDPOINT_HOST_MAX) &&
	    has_good_labels(text));
}

bool
endpoint_read_ip(int family, struct span text, uint8_t bytes[ENDPOINT_IP_MAX])
{
	char address[INET6_ADDRSTRLEN];

	/* inet_pton would not look behind a NUL. */
	if (!span_is_of(text, ":.", 1, sizeof(address) - 1))
		return (false);
	memcpy(address, text.data, text.len);
	address[text.len] = '\0';
	return (inet_pton(family, address, bytes) == 1);
}

bool
endpoint_is_v6(struct span text)
{
	uint8_t bytes[ENDPOINT_IP_MAX];

	return (endpoint_read_ip(AF_INET6, text, bytes));
}

/* Take SCHEME off *TEXT. */
static bool
take_scheme(struct span *text, struct span scheme)
{
	if (text->len < scheme.len ||
	    !span_equal_nocase((struct span){ text->data, scheme.len }, scheme))
		return (false);
	*text = span_skip(*text, scheme.len);
	return (true);
}

bool
endpoint_take_scheme(struct span *text, bool *is_tls)
{
	*is_tls = take_scheme(text, SPAN("https://"));
	return (*is_tls || take_scheme(text, SPAN("http://")));
}

/* Take the host off *TEXT, which keeps ":port", or nothing. */
static bool
take_host(struct span *text, struct endpoint *endpoint)
{
	struct span inside, rest = *text;
	bool is_v6 = text->len > 0 && text->data[0] == '[';
	uint8_t bytes[ENDPOINT_IP_MAX];

	inside = span_cut(&rest, is_v6 ? ']' : ':');
	endpoint->host = inside;
	if (!is_v6) {
		*text = span_skip(*text, inside.len);
		endpoint->is_address = endpoint_read_ip(AF_INET, inside, bytes);
		return (endpoint_is_host(inside));
	}
	if (rest.data == NULL)
		return (false);
	endpoint->host.len++;
	*text = rest;
	endpoint->is_address = true;
	return (endpoint_is_v6(span_skip(inside, 1)));
}

static bool
take_port(struct span text, uint64_t *port)
{
	*port = 0;
	if (text.len == 0)
		return (true);
	return (text.data[0] == ':' &&
	    parse_number(span_skip(text, 1), 1, 65535, port));
}

const char *
endpoint_parse(struct span text, struct endpoint *endpoint)
{
	if (!endpoint_take_scheme(&text, &endpoint->is_tls))
		return ("does not begin with http:// or https://");
	if (text.len > 0 && text.data[text.len - 1] == '/')
		text.len--;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];

		if (c == '@')
			return ("has a user's name, where only a host and a "
				"port may stand");
		if (c == '/' || c == '?' || c == '#')
			return ("has a path or a query, where only a host "
				"and a port may stand");
	}
	if (!take_host(&text, endpoint))
		return ("has no host that is a name, an IPv4 address or "
			"an IPv6 address in brackets");
	if (!take_port(text, &endpoint->port))
		return ("has a port that is not a number from 1 to 65535");
	return (NULL);
}

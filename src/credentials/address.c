/*
 * Addresses of endpoints: see address.h.
 */
#include "credentials/address.h"

#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "base/parse.h"
#include "s3/endpoint.h"

/* Cut the host off *TEXT. */
static bool
read_host(struct span *text, struct address *address)
{
	struct span *host = &address->host;
	uint8_t bytes[ENDPOINT_IP_MAX];

	address->is_bracketed = text->len > 0 && text->data[0] == '[';
	if (address->is_bracketed) {
		*text = span_skip(*text, 1);
		*host = span_cut(text, ']');
		return (text->data != NULL &&
		    endpoint_read_ip(AF_INET6, *host, bytes));
	}
	*host = *text;
	host->len = span_front(*text, "-._");
	*text = span_skip(*text, host->len);
	return (host->len > 0);
}

/* Cut ":port", where there is one, off *TEXT. */
static bool
read_port(struct span *text)
{
	struct span port;
	uint64_t number;

	if (text->len == 0 || text->data[0] != ':')
		return (true);
	port = span_skip(*text, 1);
	*text = port;
	port.len = span_front(port, "");
	*text = span_skip(*text, port.len);
	return (port.len <= 5 && parse_number(port, 1, 65535, &number));
}

/* Is all of PATH fit to be sent as it is? */
static bool
is_path(struct span path)
{
	if (path.len > 0 && path.data[0] != '/' && path.data[0] != '?')
		return (false);
	for (size_t i = 0; i < path.len; i++)
		if (path.data[i] <= ' ' || path.data[i] > '~' ||
		    path.data[i] == '#' || path.data[i] == '\\')
			return (false);
	return (true);
}

bool
address_read(struct span text, struct address *address)
{
	if (text.len > ADDRESS_MAX ||
	    !endpoint_take_scheme(&text, &address->is_https) ||
	    !read_host(&text, address) || !read_port(&text))
		return (false);
	address->path = text;
	return (is_path(text));
}

static bool
is_loopback(const uint8_t *bytes, bool is_ipv6)
{
	static const uint8_t loopback6[16] = { [15] = 1 };

	if (is_ipv6)
		return (memcmp(bytes, loopback6, sizeof(loopback6)) == 0);
	return (bytes[0] == 127);
}

/* Is it where ECS or EKS has its endpoint? */
static bool
is_of_container(const uint8_t *bytes, bool is_ipv6)
{
	static const uint8_t ecs[4] = { 169, 254, 170, 2 };
	static const uint8_t eks[4] = { 169, 254, 170, 23 };
	static const uint8_t eks6[16] = { 0xfd, 0x00, 0x0e, 0xc2, [15] = 0x23 };

	if (is_ipv6)
		return (memcmp(bytes, eks6, sizeof(eks6)) == 0);
	return (memcmp(bytes, ecs, sizeof(ecs)) == 0 ||
	    memcmp(bytes, eks, sizeof(eks)) == 0);
}

bool
address_is_for_container(const struct address *address)
{
	bool is_ipv6 = address->is_bracketed;
	uint8_t bytes[ENDPOINT_IP_MAX];

	if (address->is_https ||
	    span_equal_nocase(address->host, SPAN("localhost")))
		return (true);
	return (endpoint_read_ip(
		    is_ipv6 ? AF_INET6 : AF_INET, address->host, bytes) &&
	    (is_loopback(bytes, is_ipv6) || is_of_container(bytes, is_ipv6)));
}

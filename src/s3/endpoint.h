/*
 * A server's URL of scheme, host and port, as settings and variables name one.
 * Pure.
 */
#ifndef S3_ENDPOINT_H
#define S3_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"

/* Greatest length of a host's name, as text without the last dot (RFC 1035),
 * and of one of its labels. */
enum { ENDPOINT_HOST_MAX = 253, ENDPOINT_LABEL_MAX = 63 };

/* An endpoint taken apart; the span points into the text. */
struct endpoint {
	bool is_tls;
	bool is_address;  /* host is an IP address: no name can stand before */
	struct span host; /* [v6] with its brackets */
	uint64_t port;    /* 0: the scheme's own */
};

/* Take TEXT apart: http or https (any case), a host (a name, an IPv4 address,
 * or an IPv6 address in brackets), perhaps a port, perhaps one "/", and nothing
 * else.  NULL, or what is wrong with it (static text that begins with "has" or
 * "does"). */
const char *
endpoint_parse(struct span text, struct endpoint *endpoint) ATTR_MUST_USE;

/* Is TEXT the name of a host, or an IPv4 address, as one may be found in
 * /etc/hosts or in the DNS of a container?  Underscores are no error there. */
bool endpoint_is_host(struct span text);

/* Is TEXT an IPv6 address, without brackets? */
bool endpoint_is_v6(struct span text);

/* Read TEXT as inet_pton(3) does an address of FAMILY, AF_INET or AF_INET6:
 * BYTES in network order.  False where it is none. */
enum { ENDPOINT_IP_MAX = 16 };
bool endpoint_read_ip(
    int family, struct span text, uint8_t bytes[ENDPOINT_IP_MAX]) ATTR_MUST_USE;

/* Take "https://" or "http://", of any case, off *TEXT.  False where it begins
 * with neither. */
bool endpoint_take_scheme(struct span *text, bool *is_tls) ATTR_MUST_USE;

#endif

/*
 * The address of an endpoint that hands out credentials, taken apart strictly:
 * what could be read in two ways is refused, so that the host that is judged
 * here is the one that libcurl will ask.  Pure.
 */
#ifndef CREDENTIALS_ADDRESS_H
#define CREDENTIALS_ADDRESS_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"

/* Greatest length of an address. */
enum { ADDRESS_MAX = 2048 };

/* Views into the text. */
struct address {
	bool is_https;
	bool is_bracketed; /* an IPv6 address, well-formed */
	struct span host;  /* without brackets */
	struct span path;  /* from its "/" or "?" on, or empty */
};

/* Take TEXT apart: http or https (any case), a host of letters, digits, "-",
 * "." and "_", or an IPv6 address in brackets, perhaps a port, perhaps a path
 * and a query.  False where it is anything else: a user's name, a fragment, a
 * "\", a blank, a control character, a byte that is not ASCII. */
bool address_read(struct span text, struct address *address) ATTR_MUST_USE;

/* May a container's endpoint be asked there?  Over https anywhere; over http
 * only at a loopback address (127.0.0.0/8 as four plain decimal numbers, ::1),
 * localhost, and where ECS and EKS have theirs: 169.254.170.2, 169.254.170.23
 * and fd00:ec2::23.  Source: "Container credential provider" in the AWS SDKs
 * and Tools reference guide, less the names that resolve to such an address:
 * they can resolve to another when they are asked for again. */
bool address_is_for_container(const struct address *address);

#endif

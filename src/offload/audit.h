/*
 * Tree and journal, held against the bucket:
 *
 *	each file of the tree that is old enough: is it there, and the same?
 *	each file that the journal says was proved, and is gone: is it there?
 *	each object: does it map to a path at all?
 *
 * Asked with the reader's credentials, but for the list.  Nothing is changed.
 */
#ifndef OFFLOAD_AUDIT_H
#define OFFLOAD_AUDIT_H

#include <stddef.h>

#include "base/attr.h"
#include "offload/options.h"
#include "offload/report.h"
#include "offload/session.h"
#include "offload/stop.h"

struct audit_order {
	const struct offload_settings *settings;
	const struct session *session;
	size_t place; /* of the offload's site in it */
	const struct options *options;
	struct report *report;
};

/* DONE (also with differences, which the report counts), FAILED or STOPPED; all
 * that is to be said was said. */
enum status audit(const struct audit_order *order) ATTR_MUST_USE;

#endif

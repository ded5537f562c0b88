/*
 * What a run has besides its files: the sites that it goes to, each with the
 * reader's and the writer's credentials, which a process of their own finds and
 * keeps fresh (pool/keeper), as the daemon's does.
 */
#ifndef OFFLOAD_SESSION_H
#define OFFLOAD_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/log.h"
#include "config/settings.h"
#include "offload/crew.h"
#include "offload/stop.h"

/* A site, and whose writer's credentials count for it; NULL: it is only read
 * from, and its own count as a writer's. */
struct session_place {
	const struct site *site;
	const struct offload_settings *offload;
};

struct session {
	struct site *sites; /* two for each place: the reader, the writer */
	size_t n_sites;
	struct keyring *keyring;
	struct learnt *learnt;
	pid_t keeper;
	int tried_fd;
};

/* For PLACES; starts the keeper, which logs down to LEVEL, then watches for
 * signals (AT_ONCE as stop_watch has it), and waits until each site has
 * credentials.  DONE, or what to exit with, said by then.  Before any
 * thread is made.  SESSION is to be closed in any case. */
enum status
session_open(struct session *session, const struct session_place *places,
    size_t n_places, enum log_level level, bool at_once) ATTR_MUST_USE;
void session_close(struct session *session);

const struct site *session_reader(const struct session *session, size_t place);
const struct site *session_writer(const struct session *session, size_t place);

/* How a crew of HANDS is made of it; borrowed. */
struct crew_orders session_orders(const struct session *session, size_t hands);

#endif

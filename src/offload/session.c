/*
 * What a run has: see session.h.
 */
#include "offload/session.h"

#include <sys/eventfd.h>
#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/writer.h"
#include "pool/keeper.h"

enum {
	/* How often it is looked whether the keeper still lives. */
	SESSION_LOOK_MS = 500,
};

static void
make_sites(
    struct session *session, const struct session_place *places, size_t n)
{
	session->n_sites = 2 * n;
	session->sites = mem_zero(session->n_sites, sizeof(struct site));
	for (size_t i = 0; i < n; i++) {
		struct site *writer = &session->sites[2 * i + 1];

		site_copy(&session->sites[2 * i], places[i].site);
		if (places[i].offload != NULL) {
			config_writer(
			    places[i].site, places[i].offload, writer);
			continue;
		}
		site_copy(writer, places[i].site);
		writer->missing_on_403 = false;
	}
}

static void
start_keeper(struct session *session, enum log_level level)
{
	const struct keeper_orders orders = {
		.program = "trys3",
		.log_level = level,
		.sites = session->sites,
		.n_sites = session->n_sites,
		.keyring = session->keyring,
		.tried_fd = session->tried_fd,
		.master = getpid(),
	};

	session->keeper = fork();
	if (session->keeper < 0)
		log_fatal(STATUS_FAILED, "no process can be made: %s",
		    strerror(errno));
	if (session->keeper == 0)
		_exit(keeper_run(&orders));
}

/* Have all searches ended?  *STATUS: what to exit with where one was in
 * vain. */
static bool
is_settled(const struct session *session, enum status *status)
{
	*status = STATUS_DONE;
	for (size_t i = 0; i < session->n_sites; i++) {
		switch (keyring_state(session->keyring, i)) {
		case KEYRING_UNTRIED:
			return (false);
		case KEYRING_FOUND:
			break;
		case KEYRING_FAILED:
			if (*status == STATUS_DONE)
				*status = STATUS_FAILED;
			break;
		case KEYRING_NONE:
		case KEYRING_WRONG:
			*status = STATUS_USAGE;
			break;
		}
	}
	return (true);
}

static bool
has_keeper(struct session *session)
{
	if (waitpid(session->keeper, NULL, WNOHANG) == 0)
		return (true);
	session->keeper = -1;
	return (false);
}

static enum status
wait_for_credentials(struct session *session)
{
	enum status status;

	while (!is_settled(session, &status)) {
		struct pollfd fds[] = {
			{ .fd = session->tried_fd, .events = POLLIN },
			{ .fd = stop_fd(), .events = POLLIN },
		};
		eventfd_t count;

		if (stop_is_wanted())
			return (STATUS_STOPPED);
		if (!has_keeper(session)) {
			log_error("the process that looks for credentials has "
				  "died: nothing was done");
			return (STATUS_FAILED);
		}
		(void)poll(fds, 2, SESSION_LOOK_MS);
		(void)eventfd_read(session->tried_fd, &count);
	}
	if (status != STATUS_DONE)
		log_error("without credentials nothing can be done; the lines "
			  "above say where they were looked for");
	return (status);
}

enum status
session_open(struct session *session, const struct session_place *places,
    size_t n_places, enum log_level level, bool at_once)
{
	*session = (struct session){ .keeper = -1 };
	make_sites(session, places, n_places);
	session->keyring = keyring_new(session->n_sites);
	session->learnt = learnt_new(session->sites, session->n_sites);
	session->tried_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (session->tried_fd < 0)
		log_fatal(STATUS_FAILED, "no eventfd can be made: %s",
		    strerror(errno));
	start_keeper(session, level);
	stop_watch(at_once);
	return (wait_for_credentials(session));
}

void
session_close(struct session *session)
{
	if (session->keeper > 0) {
		kill(session->keeper, KEEPER_SIGNAL_END);
		(void)waitpid(session->keeper, NULL, 0);
	}
	close(session->tried_fd);
	keyring_free(session->keyring);
	learnt_free(session->learnt);
	for (size_t i = 0; i < session->n_sites; i++)
		site_fini(&session->sites[i]);
	free(session->sites);
}

const struct site *
session_reader(const struct session *session, size_t place)
{
	return (&session->sites[2 * place]);
}

const struct site *
session_writer(const struct session *session, size_t place)
{
	return (&session->sites[2 * place + 1]);
}

struct crew_orders
session_orders(const struct session *session, size_t hands)
{
	return ((struct crew_orders){
	    .hands = hands,
	    .sites = session->sites,
	    .n_sites = session->n_sites,
	    .keyring = session->keyring,
	    .learnt = session->learnt,
	});
}

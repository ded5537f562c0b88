/*
 * FastCGI: see fcgi.h.  A connection is accepted here, its request read by the
 * gate (respond/gate.h), parsed by libfcgi and answered by the writer
 * (respond/writer.h).
 *
 * libfcgi gets an FCGX_Request that cannot accept, and for its connection a
 * file in memory with what the gate let through.  So nothing that it would do
 * to a socket is ever done: wait without end, turn to another connection,
 * linger for 2 seconds, answer for itself.  Its output streams stay unused.
 *
 * Every wait has a deadline, no call blocks and EINTR goes on: signals are
 * masked while a request is served, but nothing here depends on that.  A
 * connection is for one request, whatever FCGI_KEEP_CONN says: a worker that
 * sits on a kept connection starves the others.
 */
#include "respond/fcgi.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fcgiapp.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/peer.h"
#include "respond/gate.h"
#include "respond/writer.h"

enum {
	NAP_MS = 100, /* before trying again what failed for want of
	                   * descriptors or memory */
	WARN_EVERY_MS = 10000,
};

/* A warning that strangers can cause, and so may not fill the log. */
struct warning {
	int64_t next_ms; /* not before */
	unsigned hidden; /* how many were not logged since */
};

struct fcgi {
	int listen_fd;
	int64_t read_timeout_ms;
	int64_t send_timeout_ms;
	struct warning not_accepted;
	struct warning refused;

	int fd;              /* the connection; -1: none */
	FCGX_Request parser; /* its ipcFd is the file in memory */
	struct gate gate;
	struct writer writer;
};

static void
warn(struct warning *warning, const char *what, const char *why)
{
	int64_t now = clock_monotonic_ms();

	if (now < warning->next_ms) {
		warning->hidden++;
		return;
	}
	if (warning->hidden > 0)
		log_warning("%s: %s (and %u times more since it was last said)",
		    what, why, warning->hidden);
	else
		log_warning("%s: %s", what, why);
	*warning = (struct warning){ .next_ms = now + WARN_EVERY_MS };
}

/* ------------------------------------------------------------ libfcgi --- */

/* FCGX_Init takes SIGTERM, SIGUSR1 and SIGPIPE for itself.  They are the
 * daemon's: put them back, and let none arrive in between. */
static void
init_library(void)
{
	static const int taken[] = { SIGTERM, SIGUSR1, SIGPIPE };
	enum { N_TAKEN = sizeof(taken) / sizeof(taken[0]) };
	struct sigaction ours[N_TAKEN];
	sigset_t all, before;
	int error;
	size_t i;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	for (i = 0; i < N_TAKEN; i++)
		sigaction(taken[i], NULL, &ours[i]);
	error = FCGX_Init();
	for (i = 0; i < N_TAKEN; i++)
		sigaction(taken[i], &ours[i], NULL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (error != 0)
		log_fatal(1, "libfcgi cannot be initialised (error %d)", error);
}

/* libfcgi closes its file when it dislikes what it reads.  That does not happen
 * behind the gate, but were no reason to end the worker. */
static bool
open_file(FCGX_Request *parser)
{
	if (parser->ipcFd < 0)
		parser->ipcFd = memfd_create("trys3-request", MFD_CLOEXEC);
	return (parser->ipcFd >= 0);
}

/* Have libfcgi parse what the gate let through; it reads no further than the
 * end of the parameters, whatever an earlier request left behind. */
static bool
parse_request(struct fcgi *fcgi)
{
	FCGX_Request *parser = &fcgi->parser;
	struct gate *gate = &fcgi->gate;

	if (!open_file(parser) ||
	    pwrite(parser->ipcFd, gate->plain, gate->plain_len, 0) !=
		(ssize_t)gate->plain_len ||
	    lseek(parser->ipcFd, 0, SEEK_SET) != 0) {
		gate->why = strerror(errno);
		return (false);
	}
	/* Else FCGX_Accept_r would close the file before it reads. */
	parser->keepConnection = 1;
	if (FCGX_Accept_r(parser) != 0) {
		gate->why = "libfcgi does not parse it";
		return (false);
	}
	return (true);
}

static struct span
get_param(const struct fcgi *fcgi, const char *name)
{
	struct span value = span_of(FCGX_GetParam(name, fcgi->parser.envp));

	if (value.len == 0)
		value.data = NULL;
	return (value);
}

/* The parameters that a question comes by. */
struct question_names {
	const char *method;
	const char *range;
	const char *if_match;
	const char *if_none_match;
	const char *if_modified_since;
	const char *if_unmodified_since;
	const char *if_range;
};

static const struct question_names asked_by_server = {
	.method = "REQUEST_METHOD",
	.range = "HTTP_RANGE",
	.if_match = "HTTP_IF_MATCH",
	.if_none_match = "HTTP_IF_NONE_MATCH",
	.if_modified_since = "HTTP_IF_MODIFIED_SINCE",
	.if_unmodified_since = "HTTP_IF_UNMODIFIED_SINCE",
	.if_range = "HTTP_IF_RANGE",
};

/* For a web server that can take a request over. */
static const struct question_names asked_by_client = {
	.method = "TRYS3_CLIENT_METHOD",
	.range = "TRYS3_CLIENT_RANGE",
	.if_match = "TRYS3_CLIENT_IF_MATCH",
	.if_none_match = "TRYS3_CLIENT_IF_NONE_MATCH",
	.if_modified_since = "TRYS3_CLIENT_IF_MODIFIED_SINCE",
	.if_unmodified_since = "TRYS3_CLIENT_IF_UNMODIFIED_SINCE",
	.if_range = "TRYS3_CLIENT_IF_RANGE",
};

static void
fill_question(const struct fcgi *fcgi, const struct question_names *names,
    struct span *method, struct span *range,
    struct policy_conditions *conditions)
{
	*method = get_param(fcgi, names->method);
	*range = get_param(fcgi, names->range);
	conditions->if_match = get_param(fcgi, names->if_match);
	conditions->if_none_match = get_param(fcgi, names->if_none_match);
	conditions->if_modified_since =
	    get_param(fcgi, names->if_modified_since);
	conditions->if_unmodified_since =
	    get_param(fcgi, names->if_unmodified_since);
	conditions->if_range = get_param(fcgi, names->if_range);
}

static void
fill_request(const struct fcgi *fcgi, struct request *request)
{
	struct request_client *client = &request->client;

	fill_question(fcgi, &asked_by_server, &request->method, &request->range,
	    &request->conditions);
	request->document_uri = get_param(fcgi, "DOCUMENT_URI");
	request->script_name = get_param(fcgi, "SCRIPT_NAME");
	request->path_info = get_param(fcgi, "PATH_INFO");
	request->request_uri = get_param(fcgi, "REQUEST_URI");
	request->site = get_param(fcgi, "TRYS3_SITE");
	request->handoff = get_param(fcgi, "TRYS3_HANDOFF");
	if (request->handoff.data != NULL)
		fill_question(fcgi, &asked_by_client, &client->method,
		    &client->range, &client->conditions);
	request->peer_fd = fcgi->fd;
}

/* ----------------------------------------------------------- the sink --- */

static bool
sink_put(void *context, struct span bytes)
{
	struct fcgi *fcgi = context;

	return (writer_put(&fcgi->writer, bytes));
}

static void
sink_stream(void *context)
{
	struct fcgi *fcgi = context;

	writer_stream(&fcgi->writer);
}

static bool
sink_restart(void *context)
{
	struct fcgi *fcgi = context;

	return (writer_restart(&fcgi->writer));
}

static bool
sink_end(void *context, struct span last)
{
	struct fcgi *fcgi = context;

	return (writer_end(&fcgi->writer, last));
}

static void
sink_hand_off(void *context)
{
	struct fcgi *fcgi = context;

	writer_leave(&fcgi->writer);
}

static void
sink_fail(void *context)
{
	struct fcgi *fcgi = context;

	writer_fail(&fcgi->writer);
}

/* -------------------------------------------------------- connections --- */

struct fcgi *
fcgi_new(int listen_fd, int64_t read_timeout_ms, int64_t send_timeout_ms)
{
	struct fcgi *fcgi = mem_zero(1, sizeof(*fcgi));
	int flags = fcntl(listen_fd, F_GETFL);

	if (flags >= 0 && (flags & O_NONBLOCK) == 0)
		fcntl(listen_fd, F_SETFL, flags | O_NONBLOCK);
	fcgi->listen_fd = listen_fd;
	fcgi->read_timeout_ms = read_timeout_ms;
	fcgi->send_timeout_ms = send_timeout_ms;
	fcgi->fd = -1;
	init_library();
	FCGX_InitRequest(&fcgi->parser, -1, 0);
	if (!open_file(&fcgi->parser))
		log_fatal(
		    1, "no file in memory is to be had: %s", strerror(errno));
	return (fcgi);
}

void
fcgi_free(struct fcgi *fcgi)
{
	if (fcgi == NULL)
		return;
	fcgi_finish(fcgi);
	if (fcgi->parser.ipcFd >= 0)
		close(fcgi->parser.ipcFd);
	free(fcgi);
}

static enum fcgi_result
explain_accept(struct fcgi *fcgi, int error)
{
	switch (error) {
	case EAGAIN:
	case EINTR:
	case ECONNABORTED:
		return (FCGI_NONE);
	case EBADF:
	case EINVAL:
	case ENOTSOCK:
		errno = error;
		return (FCGI_BROKEN);
	default:
		/* No descriptor, no memory, or the network's own errors
		 * (accept(2)): it may pass, and the connection still waits. */
		warn(&fcgi->not_accepted, "a connection cannot be accepted",
		    strerror(error));
		poll(NULL, 0, NAP_MS);
		return (FCGI_NONE);
	}
}

static int
accept_peer(int listen_fd)
{
	struct sockaddr_storage peer = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(peer);
	const int on = 1;
	int fd;

	fd = accept4(listen_fd, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC);
	/* What we send is complete; to wait for more would be in vain. */
	if (fd >= 0 && peer.ss_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return (fd);
}

/* Close the connection and free what libfcgi has parsed; 0 keeps its file. */
static void
disconnect(struct fcgi *fcgi)
{
	FCGX_Free(&fcgi->parser, 0);
	close(fcgi->fd);
	fcgi->fd = -1;
}

enum fcgi_result
fcgi_accept(
    struct fcgi *fcgi, struct request *request, struct request_sink *sink)
{
	struct gate *gate = &fcgi->gate;
	int64_t now;

	assert(fcgi->fd < 0);
	fcgi->fd = accept_peer(fcgi->listen_fd);
	if (fcgi->fd < 0)
		return (explain_accept(fcgi, errno));
	now = clock_monotonic_ms();
	if (!gate_read(gate, fcgi->fd, now + fcgi->read_timeout_ms) ||
	    !parse_request(fcgi)) {
		if (gate->why != NULL)
			warn(&fcgi->refused, "a FastCGI request is refused",
			    gate->why);
		disconnect(fcgi);
		return (FCGI_NONE);
	}
	/* It may have waited for long before it was accepted. */
	if (peer_is_gone(fcgi->fd)) {
		disconnect(fcgi);
		return (FCGI_NONE);
	}
	writer_begin(&fcgi->writer, fcgi->fd, gate->id, fcgi->send_timeout_ms);
	request->started_ms = now;
	fill_request(fcgi, request);
	*sink = (struct request_sink){ sink_put, sink_stream, sink_put,
		sink_restart, sink_end, sink_hand_off, sink_fail, fcgi };
	return (FCGI_REQUEST);
}

void
fcgi_finish(struct fcgi *fcgi)
{
	const struct linger reset = { .l_onoff = 1 };

	if (fcgi->fd < 0)
		return;
	writer_fail(&fcgi->writer);
	if (fcgi->writer.state == WRITER_LOST) {
		/* Over TCP a reset is the one end that is left which no
		 * configuration of nginx takes for a whole answer. */
		setsockopt(
		    fcgi->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	} else if (fcgi->writer.state == WRITER_ENDED && !fcgi->gate.is_read) {
		/* The peer may still be sending, a body perhaps: to close on
		 * that resets the connection and can take the answer along. */
		shutdown(fcgi->fd, SHUT_WR);
		peer_wait(fcgi->fd, fcgi->read_timeout_ms);
	}
	disconnect(fcgi);
}

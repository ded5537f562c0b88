/*
 * Real memcached processes for a test: each in a folder of the test's own or
 * on a free port of the loopback, ended by its process id, and by the kernel
 * should the test die first.
 */
#ifndef TESTS_MEMCACHEDS_H
#define TESTS_MEMCACHEDS_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEMCACHED "/usr/bin/memcached"

enum { MEMCACHED_ARGS_MAX = 16, MEMCACHED_START_MS = 20000 };

struct memcached {
	pid_t pid;        /* 0: not running */
	char path[100];   /* of its socket; "": on PORT */
	uint16_t port;    /* of 127.0.0.1 */
	char server[128]; /* as [cache] servers names it */
	const char *options[8];
};

static char memcached_folder[64];

/* A folder for sockets; false where there is no memcached to start. */
static inline bool
memcached_begin(void)
{
	if (access(MEMCACHED, X_OK) != 0)
		return (false);
	snprintf(memcached_folder, sizeof(memcached_folder),
	    "/tmp/trys3-memcached-XXXXXX");
	if (mkdtemp(memcached_folder) == NULL)
		abort();
	return (true);
}

static inline void
memcached_end(void)
{
	if (rmdir(memcached_folder) != 0)
		perror(memcached_folder);
}

/* A port of the loopback that was free a moment ago. */
static inline uint16_t
free_port(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&in, len) != 0 ||
	    getsockname(fd, (struct sockaddr *)&in, &len) != 0)
		abort();
	close(fd);
	return (ntohs(in.sin_port));
}

/* Does MEMCACHED take a connection? */
static inline bool
memcached_answers(const struct memcached *m)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(m->port) };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	bool is_unix = m->path[0] != '\0', ok;
	int fd =
	    socket(is_unix ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		abort();
	memcpy(un.sun_path, m->path, sizeof(m->path));
	if (is_unix)
		ok = connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0;
	else
		ok = connect(fd, (struct sockaddr *)&in, sizeof(in)) == 0;
	close(fd);
	return (ok);
}

static inline void
memcached_exec(const struct memcached *m, pid_t parent)
{
	const char *args[MEMCACHED_ARGS_MAX] = { MEMCACHED, "-t", "1" };
	char port[8];
	int n = 3;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	snprintf(port, sizeof(port), "%u", m->port);
	/* Root has to say that it is meant; to become another user would undo
	 * the PDEATHSIG. */
	if (geteuid() == 0) {
		args[n++] = "-u";
		args[n++] = "root";
	}
	args[n++] = m->path[0] != '\0' ? "-s" : "-p";
	args[n++] = m->path[0] != '\0' ? m->path : port;
	if (m->path[0] == '\0') {
		args[n++] = "-l";
		args[n++] = "127.0.0.1";
	}
	for (int i = 0; m->options[i] != NULL; i++)
		args[n++] = m->options[i];
	execv(MEMCACHED, (char *const *)(uintptr_t)args);
	_exit(127);
}

/* Start it, again where M has run before; back when it takes connections. */
static inline void
memcached_start(struct memcached *m)
{
	pid_t parent = getpid();

	m->pid = fork();
	if (m->pid < 0)
		abort();
	if (m->pid == 0)
		memcached_exec(m, parent);
	for (int waited = 0; !memcached_answers(m); waited++) {
		if (waited > MEMCACHED_START_MS ||
		    waitpid(m->pid, NULL, WNOHANG) != 0) {
			fprintf(stderr, "%s did not start\n", m->server);
			abort();
		}
		poll(NULL, 0, 1);
	}
}

static inline void
memcached_kill(struct memcached *m)
{
	if (m->pid == 0)
		return;
	kill(m->pid, SIGKILL);
	waitpid(m->pid, NULL, 0);
	m->pid = 0;
}

/* Back when it has stopped, and nothing will be answered any more. */
static inline void
memcached_stop(const struct memcached *m)
{
	int status;

	kill(m->pid, SIGSTOP);
	if (waitpid(m->pid, &status, WUNTRACED) != m->pid ||
	    !WIFSTOPPED(status))
		abort();
}

static inline void
memcached_continue_it(const struct memcached *m)
{
	kill(m->pid, SIGCONT);
}

/* End it and take its socket away. */
static inline void
memcached_remove(struct memcached *m)
{
	memcached_kill(m);
	if (m->path[0] != '\0')
		unlink(m->path);
}

/* On a socket called NAME. */
static inline struct memcached
memcached_unix(const char *name)
{
	struct memcached m = { 0 };

	snprintf(m.path, sizeof(m.path), "%s/%s", memcached_folder, name);
	snprintf(m.server, sizeof(m.server), "unix:%s", m.path);
	return (m);
}

static inline struct memcached
memcached_tcp(void)
{
	struct memcached m = { .port = free_port() };

	snprintf(m.server, sizeof(m.server), "127.0.0.1:%u", m.port);
	return (m);
}

#endif

/*
 * The listening socket: see listen.h.
 *
 * A unix socket is bound under a umask that lets no one in, given its owner
 * and mode, and only then made to listen: before that even root is refused.
 * Binding under another name and renaming was rejected: it would replace a
 * live daemon's socket without a word, and getsockname(2) would show a name
 * that is not there.  Whether an existing file is stale is asked of the
 * kernel by connecting to it, since a pid file could lie.
 */
#include "pool/listen.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "pool/identity.h"

/* The first descriptor that is handed over (SD_LISTEN_FDS_START). */
enum { LISTEN_FDS_START = 3 };

static const char unix_prefix[] = "unix:";

union address {
	struct sockaddr any;
	struct sockaddr_un un;
	struct sockaddr_storage storage;
};

/* ---- Any listener ---- */

static char *
name_socket(int fd)
{
	union address address = { .storage = { 0 } };
	socklen_t len = sizeof(address);
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (getsockname(fd, &address.any, &len) != 0)
		return (mem_string("a socket without a name"));
	if (address.any.sa_family == AF_UNIX)
		return (mem_printf("%s%.*s", unix_prefix,
		    (int)sizeof(address.un.sun_path), address.un.sun_path));
	if (getnameinfo(&address.any, len, host, sizeof(host), port,
		sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return (mem_string("a socket of an unknown family"));
	return (
	    mem_printf(address.any.sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s",
		host, port));
}

static bool
is_listening_stream(int fd)
{
	int accepts = 0, type = 0;
	socklen_t accepts_len = sizeof(accepts), type_len = sizeof(type);

	return (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts,
		    &accepts_len) == 0 &&
	    accepts == 1 &&
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) == 0 &&
	    type == SOCK_STREAM);
}

static bool
set_flags(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return (flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
	    fcntl(fd, F_SETFD, FD_CLOEXEC) == 0);
}

/* A listener of FD, which becomes its own. */
static struct listener *
make_listener(int fd)
{
	struct listener *listener = mem_zero(1, sizeof(*listener));

	listener->fd = fd;
	listener->name = name_socket(fd);
	listener->owner = getpid();
	listener->references = 1;
	return (listener);
}

struct listener *
listen_hold(struct listener *listener)
{
	listener->references++;
	return (listener);
}

void
listen_release(struct listener *listener)
{
	if (listener == NULL || --listener->references > 0)
		return;
	listen_unlink(listener);
	close(listener->fd);
	free(listener->path);
	free(listener->name);
	free(listener);
}

void
listen_unlink(struct listener *listener)
{
	struct stat found;

	if (listener->path == NULL || listener->owner != getpid())
		return;
	if (lstat(listener->path, &found) == 0 &&
	    found.st_dev == listener->device &&
	    found.st_ino == listener->inode && unlink(listener->path) != 0)
		log_warning("cannot remove the socket %s: %s", listener->path,
		    strerror(errno));
	free(listener->path);
	listener->path = NULL;
}

unsigned
listen_waiting(const struct listener *listener)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	if (listener->is_inherited)
		return (0);
	/* Of a listening socket Linux shows the length of its queue here. */
	if (getsockopt(listener->fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0)
		return (info.tcpi_unacked);
	return (UINT_MAX);
}

/* ---- Handed over ---- */

static enum listen_result
inherit(int fd, struct listener **listener)
{
	if (!set_flags(fd)) {
		log_error("descriptor %d was handed over, but is of no use: %s",
		    fd, strerror(errno));
		return (LISTEN_FAILED);
	}
	*listener = make_listener(fd);
	(*listener)->is_inherited = true;
	return (LISTEN_OK);
}

/* Descriptor 0 is moved away, so that nothing that reads standard input, and
 * nothing that is opened after a close of it, meets the socket there. */
static enum listen_result
inherit_standard_input(struct listener **listener)
{
	int fd, null;

	if (!is_listening_stream(STDIN_FILENO))
		return (LISTEN_NONE);
	fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, LISTEN_FDS_START);
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || null < 0 || dup2(null, STDIN_FILENO) < 0)
		log_fatal(1, "cannot move the socket from descriptor 0: %s",
		    strerror(errno));
	close(null);
	return (inherit(fd, listener));
}

/* The number in the environment variable NAME; 0 where there is none. */
static uint64_t
number_of_variable(const char *name)
{
	uint64_t number;

	if (!parse_number(span_of(getenv(name)), 1, INT_MAX, &number))
		return (0);
	return (number);
}

enum listen_result
listen_inherit(struct listener **listener)
{
	bool is_ours = number_of_variable("LISTEN_PID") == (uint64_t)getpid();
	uint64_t count = number_of_variable("LISTEN_FDS");

	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (!is_ours || count == 0)
		return (inherit_standard_input(listener));
	if (count > 1 || !is_listening_stream(LISTEN_FDS_START)) {
		log_error(
		    "LISTEN_FDS: one listening stream socket is expected, "
		    "as descriptor 3; %llu were handed over%s",
		    (unsigned long long)count,
		    count == 1 ? ", and it is none" : "");
		return (LISTEN_FAILED);
	}
	return (inherit(LISTEN_FDS_START, listener));
}

/* ---- Our own, a unix socket ---- */

/* Make it possible to bind ADDRESS: remove what is stale.  False after an
 * error line. */
static bool
clear_the_way(const struct sockaddr_un *address)
{
	const char *path = address->sun_path;
	struct stat found;
	int fd, error;

	if (lstat(path, &found) != 0)
		return (true); /* bind(2) says it if it is worse than ENOENT */
	if (!S_ISSOCK(found.st_mode)) {
		log_error("cannot listen on unix:%s: what is there is not a "
			  "socket, and is left alone",
		    path);
		return (false);
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		log_error("cannot make a socket: %s", strerror(errno));
		return (false);
	}
	error = 0;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) !=
	    0)
		error = errno;
	close(fd);
	if (error == ECONNREFUSED && unlink(path) == 0) {
		log_info("removed unix:%s, which was left over", path);
		return (true);
	}
	if (error == 0 || error == EAGAIN) /* EAGAIN: its backlog is full */
		log_error("another process is listening on unix:%s", path);
	else
		log_error("cannot listen on unix:%s: a socket is there, and it "
			  "cannot be told whether it is in use: %s",
		    path, strerror(error == ECONNREFUSED ? errno : error));
	return (error == ENOENT);
}

/* Give the file at PATH its owner, group and mode. */
static bool
set_ownership(const char *path, const struct daemon_settings *settings)
{
	const char *owner = settings->listen_owner;
	const char *group = settings->listen_group;
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1, unused;

	if (owner != NULL && !identity_find_user(owner, &uid, &unused)) {
		log_error("[daemon] listen_owner: there is no user %s", owner);
		return (false);
	}
	if (group != NULL && !identity_find_group(group, &gid)) {
		log_error("[daemon] listen_group: there is no group %s", group);
		return (false);
	}
	if ((owner != NULL || group != NULL) && lchown(path, uid, gid) != 0) {
		log_error("cannot give %s to %s:%s: %s", path,
		    owner != NULL ? owner : "", group != NULL ? group : "",
		    strerror(errno));
		return (false);
	}
	if (chmod(path, (mode_t)settings->listen_mode) != 0) {
		log_error(
		    "cannot set the mode of %s: %s", path, strerror(errno));
		return (false);
	}
	return (true);
}

static int
backlog_of(const struct daemon_settings *settings)
{
	if (settings->listen_backlog > INT_MAX)
		return (INT_MAX);
	return ((int)settings->listen_backlog);
}

static bool
bind_hidden(int fd, const struct sockaddr_un *address)
{
	mode_t umask_before = umask(0777);
	int bound =
	    bind(fd, (const struct sockaddr *)address, sizeof(*address));
	int error = errno;

	umask(umask_before);
	if (bound != 0)
		log_error("cannot listen on unix:%s: %s", address->sun_path,
		    strerror(error));
	return (bound == 0);
}

static struct listener *
open_unix(const char *path, const struct daemon_settings *settings)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct listener *listener;
	struct stat made;
	int fd;

	if (strlen(path) >= sizeof(address.sun_path)) {
		log_error("cannot listen on unix:%s: a path has at most %zu "
			  "bytes",
		    path, sizeof(address.sun_path) - 1);
		return (NULL);
	}
	memcpy(address.sun_path, path, strlen(path));
	if (!clear_the_way(&address))
		return (NULL);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		log_error("cannot make a socket: %s", strerror(errno));
		return (NULL);
	}
	if (!bind_hidden(fd, &address)) {
		close(fd);
		return (NULL);
	}
	listener = make_listener(fd);
	if (lstat(path, &made) == 0) {
		listener->path = mem_string(path);
		listener->device = made.st_dev;
		listener->inode = made.st_ino;
	}
	if (listen_adjust(listener, settings))
		return (listener);
	listen_release(listener);
	return (NULL);
}

/* ---- Our own, TCP ---- */

/* Bind and listen on one address.  -1 with errno set. */
static int
open_address(const struct addrinfo *info, int backlog)
{
	int on = 1, error;
	int fd = socket(info->ai_family,
	    info->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    info->ai_protocol);

	if (fd < 0)
		return (-1);
	/* Or a restart would have to wait for connections of the last run. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    bind(fd, info->ai_addr, info->ai_addrlen) == 0 &&
	    listen(fd, backlog) == 0)
		return (fd);
	error = errno;
	close(fd);
	errno = error;
	return (-1);
}

/* Cut "host:port" or "[v6]:port" in two; freed by the caller. */
static void
split_address(const char *text, char **host, char **port)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon != NULL ? (size_t)(colon - text) : strlen(text);

	*port = mem_string(colon != NULL ? colon + 1 : "");
	if (len >= 2 && text[0] == '[' && text[len - 1] == ']')
		*host = mem_string_of(text + 1, len - 2);
	else
		*host = mem_string_of(text, len);
}

static struct listener *
open_tcp(const struct daemon_settings *settings)
{
	const struct addrinfo hints = {
		.ai_flags = AI_PASSIVE,
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *found = NULL, *info;
	char *host, *port;
	int error, fd = -1;

	split_address(settings->listen, &host, &port);
	error =
	    getaddrinfo(host[0] != '\0' ? host : NULL, port, &hints, &found);
	free(host);
	free(port);
	if (error != 0) {
		log_error("cannot listen on %s: %s", settings->listen,
		    gai_strerror(error));
		return (NULL);
	}
	for (info = found; info != NULL && fd < 0; info = info->ai_next)
		fd = open_address(info, backlog_of(settings));
	error = errno;
	freeaddrinfo(found);
	if (fd < 0) {
		log_error("cannot listen on %s: %s", settings->listen,
		    strerror(error));
		return (NULL);
	}
	return (make_listener(fd));
}

/* ---- Our own ---- */

struct listener *
listen_open(const struct daemon_settings *settings)
{
	size_t prefix_len = sizeof(unix_prefix) - 1;

	if (strncmp(settings->listen, unix_prefix, prefix_len) == 0)
		return (open_unix(settings->listen + prefix_len, settings));
	return (open_tcp(settings));
}

bool
listen_adjust(struct listener *listener, const struct daemon_settings *settings)
{
	if (listener->path != NULL && !set_ownership(listener->path, settings))
		return (false);
	if (listen(listener->fd, backlog_of(settings)) != 0) {
		log_error(
		    "cannot listen on %s: %s", listener->name, strerror(errno));
		return (false);
	}
	return (true);
}

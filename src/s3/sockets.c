/*
 * Sockets: see sockets.h.  For TLS what is seen here is ciphertext; that any
 * came is enough to know (tickets come before the first answer, with which
 * they are read).
 */
#include "s3/sockets.h"

#include <sys/socket.h>
#include <unistd.h>

int
sockets_open(struct sockets *sockets, int family, int type, int protocol)
{
	int fd;

	if (sockets->n == SOCKETS_MAX)
		return (-1);
	fd = socket(family, type | SOCK_CLOEXEC, protocol);
	if (fd >= 0)
		sockets->fd[sockets->n++] = fd;
	return (fd);
}

int
sockets_close(struct sockets *sockets, int fd)
{
	size_t i;

	for (i = 0; i < sockets->n; i++) {
		if (sockets->fd[i] == fd) {
			sockets->fd[i] = sockets->fd[--sockets->n];
			break;
		}
	}
	return (close(fd));
}

void
sockets_end_unasked(const struct sockets *sockets)
{
	char dropped[4096];
	size_t i;
	int reads;

	for (i = 0; i < sockets->n; i++) {
		int fd = sockets->fd[i];

		if (recv(fd, dropped, sizeof(dropped), MSG_DONTWAIT) <= 0)
			continue;
		shutdown(fd, SHUT_RDWR);
		/* What had come stays readable after the shutdown. */
		for (reads = 0; reads < 1024; reads++)
			if (recv(fd, dropped, sizeof(dropped), MSG_DONTWAIT) <=
			    0)
				break;
	}
}

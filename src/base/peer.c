/*
 * Watching a peer: see peer.h.  Apart so that a test can make a wait take no
 * time.
 */
#include "base/peer.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/clock.h"

/* A peer that sends without end is there, and must not keep us reading. */
enum { READS_MAX = 16 };

bool
peer_is_gone(int fd)
{
	char dropped[4096];
	ssize_t got;
	int reads;

	if (fd < 0)
		return (false);
	for (reads = 0; reads < READS_MAX; reads++) {
		got = recv(fd, dropped, sizeof(dropped), MSG_DONTWAIT);
		if (got == 0)
			return (true);
		if (got < 0 && errno != EINTR)
			return (errno != EAGAIN && errno != EWOULDBLOCK);
	}
	return (false);
}

bool
peer_wait(int fd, int64_t ms)
{
	struct pollfd watched = { .fd = fd, .events = POLLIN | POLLRDHUP };
	int64_t until = clock_monotonic_ms() + ms, left = ms;

	while (left > 0) {
		int n = poll(&watched, 1, left < INT_MAX ? (int)left : INT_MAX);

		if (n > 0 && peer_is_gone(fd))
			return (true);
		left = until - clock_monotonic_ms();
	}
	return (peer_is_gone(fd));
}

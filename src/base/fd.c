/*
 * Descriptors: see fd.h.
 */
#include "base/fd.h"

#include <errno.h>
#include <unistd.h>

bool
fd_write(int fd, struct span bytes)
{
	while (bytes.len > 0) {
		ssize_t len = write(fd, bytes.data, bytes.len);

		if (len > 0) {
			bytes = span_skip(bytes, (size_t)len);
			continue;
		}
		if (len == 0)
			errno = EIO; /* it would go on for ever */
		else if (errno == EINTR)
			continue;
		return (false);
	}
	return (true);
}

ssize_t
fd_read_at(int fd, char *to, size_t room, uint64_t offset)
{
	ssize_t got;

	do
		got = pread(fd, to, room, (off_t)offset);
	while (got < 0 && errno == EINTR);
	return (got);
}

/*
 * A transfer, driven by its sockets: see transfer.h and
 * curl_multi_socket_action(3).
 */
#include "s3/transfer.h"

#include <limits.h>
#include <string.h>

#include "base/log.h"

static struct pollfd *
find_wait(struct transfer *transfer, int fd)
{
	for (size_t i = 0; i < transfer->n_waits; i++)
		if (transfer->waits[i].fd == fd)
			return (&transfer->waits[i]);
	return (NULL);
}

/* libcurl waits for WHAT on FD from now on. */
static int
note_wait(CURL *easy, curl_socket_t fd, int what, void *context, void *unused)
{
	struct transfer *transfer = context;
	struct pollfd *wait = find_wait(transfer, fd);

	(void)easy;
	(void)unused;
	if (what == CURL_POLL_REMOVE) {
		if (wait != NULL)
			*wait = transfer->waits[--transfer->n_waits];
		return (0);
	}
	if (wait == NULL) {
		if (transfer->n_waits == TRANSFER_WAITS_MAX)
			return (-1);
		wait = &transfer->waits[transfer->n_waits++];
		*wait = (struct pollfd){ .fd = fd };
	}
	wait->events = (short)((what & CURL_POLL_IN ? POLLIN : 0) |
	    (what & CURL_POLL_OUT ? POLLOUT : 0));
	return (0);
}

void
transfer_init(struct transfer *transfer, CURLM *multi)
{
	transfer->multi = multi;
	transfer->n_waits = 0;
	if (curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, note_wait) !=
		CURLM_OK ||
	    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, transfer) != CURLM_OK)
		log_fatal(1, "libcurl: no transfer can be driven");
}

/* What libcurl is told of WAIT.  Not of an error: it reads or writes, and is
 * told by that which one it is. */
static int
ready_for(const struct pollfd *wait)
{
	bool is_broken = wait->revents & (POLLERR | POLLHUP | POLLNVAL);
	int ready = 0;

	if (wait->events & POLLIN && (is_broken || wait->revents & POLLIN))
		ready |= CURL_CSELECT_IN;
	if (wait->events & POLLOUT && (is_broken || wait->revents & POLLOUT))
		ready |= CURL_CSELECT_OUT;
	return (ready);
}

bool
transfer_step(struct transfer *transfer, bool *is_over)
{
	struct pollfd waits[TRANSFER_WAITS_MAX];
	size_t n_waits = transfer->n_waits;
	int running = 0, n_ready = 0;

	/* While it goes on libcurl may wait for others. */
	memcpy(waits, transfer->waits, n_waits * sizeof(waits[0]));
	for (size_t i = 0; i < n_waits; i++) {
		int ready = ready_for(&waits[i]);

		if (ready == 0)
			continue;
		n_ready++;
		if (curl_multi_socket_action(transfer->multi, waits[i].fd,
			ready, &running) != CURLM_OK)
			return (false);
	}
	/* The first step, or a time that libcurl has set itself. */
	if (n_ready == 0 &&
	    curl_multi_socket_action(
		transfer->multi, CURL_SOCKET_TIMEOUT, 0, &running) != CURLM_OK)
		return (false);
	*is_over = running == 0;
	return (true);
}

bool
transfer_wait(struct transfer *transfer, int peer_fd, int64_t ms)
{
	struct pollfd *peer = &transfer->waits[transfer->n_waits];
	long own_ms = -1;
	int rc;

	curl_multi_timeout(transfer->multi, &own_ms);
	if (own_ms >= 0 && own_ms < ms)
		ms = own_ms;
	*peer = (struct pollfd){ .fd = peer_fd, .events = POLLIN };
	rc = poll(transfer->waits, (nfds_t)(transfer->n_waits + 1),
	    ms < INT_MAX ? (int)ms : INT_MAX);
	/* A signal came: nothing is known. */
	for (size_t i = 0; rc < 0 && i <= transfer->n_waits; i++)
		transfer->waits[i].revents = 0;
	return (peer->revents != 0);
}

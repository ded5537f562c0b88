/*
 * Output: see output.h.
 *
 * The bar is written with the cursor put back to its first column, so that a
 * line of the log that another thread writes meanwhile begins where a line
 * begins, and needs no lock with this.
 */
#include "offload/output.h"

#include <sys/ioctl.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

/* To the first column, and all behind it blank (ECMA-48, EL). */
#define CLEAR "\r\033[K"

enum { COLUMNS = 80 }; /* of a terminal that does not tell */

void
output_init(struct output *output, int out_fd, int err_fd, unsigned columns)
{
	*output = (struct output){
		.out_fd = out_fd, .err_fd = err_fd, .columns = columns
	};
}

/* Wait until FD, which does not block, takes more. */
static void
wait_writable(int fd)
{
	struct pollfd wish = { .fd = fd, .events = POLLOUT };

	(void)poll(&wish, 1, -1);
}

/* All of TEXT to FD.  False, and errno says why, where that is not to be. */
static bool
write_all(int fd, struct span text)
{
	while (text.len > 0) {
		ssize_t len = write(fd, text.data, text.len);

		if (len >= 0)
			text = span_skip(text, (size_t)len);
		else if (errno == EAGAIN)
			wait_writable(fd);
		else if (errno != EINTR)
			return (false);
	}
	return (true);
}

/* Take the bar off the terminal for a moment.  A terminal that cannot be
 * written to loses its bar, and no one is there to be told. */
static void
hide_bar(struct output *output)
{
	if (output->is_shown)
		(void)write_all(output->err_fd, SPAN(CLEAR));
}

static void
show_bar(struct output *output)
{
	char text[sizeof(CLEAR) + PROGRESS_MAX + 1];

	if (!output->is_shown)
		return;
	snprintf(text, sizeof(text), CLEAR "%s\r", output->bar);
	(void)write_all(output->err_fd, span_of(text));
}

bool
output_line(struct output *output, struct span line)
{
	if (output->has_failed)
		return (false);
	hide_bar(output);
	if (!write_all(output->out_fd, line)) {
		output->has_failed = true;
		log_error("cannot write to standard output any more: %s",
		    strerror(errno));
	}
	show_bar(output);
	return (!output->has_failed);
}

void
output_error(struct output *output, const char *text)
{
	hide_bar(output);
	log_error("%s", text);
	show_bar(output);
}

void
output_info(struct output *output, const char *text)
{
	hide_bar(output);
	log_info("%s", text);
	show_bar(output);
}

static unsigned
columns_of(const struct output *output)
{
	struct winsize size;

	if (output->columns > 0)
		return (output->columns);
	if (ioctl(output->err_fd, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return (COLUMNS);
	return (size.ws_col);
}

void
output_bar(struct output *output, const struct progress *progress)
{
	progress_bar(progress, columns_of(output), output->bar);
	output->is_shown = true;
	show_bar(output);
}

void
output_clear(struct output *output)
{
	hide_bar(output);
	output->is_shown = false;
}

/*
 * The loop: see drive.h.
 */
#include "offload/drive.h"

#include <poll.h>

#include "base/clock.h"
#include "offload/stop.h"

enum {
	/* How often the user may see something new. */
	DRIVE_TICK_MS = 200,
};

/* Give the crew what it has room for; how that ended. */
static enum drive_next
feed(const struct drive *drive)
{
	enum drive_next next = DRIVE_TASK;
	struct task *task;

	while (next == DRIVE_TASK && crew_has_room(drive->crew)) {
		next = drive->next(drive->context, &task);
		if (next == DRIVE_TASK)
			crew_give(drive->crew, task);
	}
	return (next);
}

/* Once it is known that there was a signal, that is no news. */
static void
wait_for_news(const struct drive *drive, bool is_stopped, int ms)
{
	struct pollfd fds[] = {
		{ .fd = crew_fd(drive->crew), .events = POLLIN },
		{ .fd = is_stopped ? -1 : stop_fd(), .events = POLLIN },
	};

	(void)poll(fds, 2, ms);
}

bool
drive_run(const struct drive *drive)
{
	enum drive_next next = DRIVE_LATER;
	bool is_stopped = false;
	struct task *done;

	for (;;) {
		is_stopped = stop_is_wanted();
		if (is_stopped)
			crew_drop(drive->crew);
		else if (next != DRIVE_OVER)
			next = feed(drive);
		if (crew_busy(drive->crew) == 0 &&
		    (is_stopped || next == DRIVE_OVER))
			break;
		wait_for_news(drive, is_stopped,
		    next == DRIVE_LATER && !is_stopped ? 0 : DRIVE_TICK_MS);
		done = crew_take_done(drive->crew);
		if (done != NULL)
			drive->settle(drive->context, done);
		report_tick(drive->report, clock_monotonic_ms());
	}
	return (!is_stopped);
}

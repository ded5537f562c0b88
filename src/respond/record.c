/*
 * Records: see record.h.  What the gate and the writer have in common.
 */
#include "respond/record.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>

#include "base/clock.h"

enum { VERSION = 1 };

void
record_write_head(const struct record *record, uint8_t head[RECORD_HEAD_LEN])
{
	head[0] = VERSION;
	head[1] = record->type;
	head[2] = (uint8_t)(record->id >> 8);
	head[3] = (uint8_t)record->id;
	head[4] = (uint8_t)(record->content_len >> 8);
	head[5] = (uint8_t)record->content_len;
	head[6] = record->padding_len;
	head[7] = 0;
}

bool
record_read_head(const uint8_t head[RECORD_HEAD_LEN], struct record *record)
{
	record->type = head[1];
	record->id = (uint16_t)(head[2] << 8 | head[3]);
	record->content_len = (uint16_t)(head[4] << 8 | head[5]);
	record->padding_len = head[6];
	return (head[0] == VERSION);
}

bool
record_wait(int fd, short events, int64_t deadline_ms)
{
	struct pollfd watched = { .fd = fd, .events = events };
	int64_t left;

	while ((left = deadline_ms - clock_monotonic_ms()) > 0) {
		int n = poll(&watched, 1, left < INT_MAX ? (int)left : INT_MAX);

		if (n > 0 || (n < 0 && errno != EINTR))
			return (n > 0);
	}
	return (false);
}

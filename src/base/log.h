/*
 * The log: lines on standard error, whole and one at a time, whoever writes.
 *
 * A line is written by one write(2) of at most LOG_LINE_MAX bytes, so that
 * the lines of many processes never mix.  Control characters are shown as
 * \xNN: what a client or a server sends cannot forge a line.  A secret is
 * never an argument.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

#include "base/attr.h"

enum log_level {
	LOG_LEVEL_ERROR,   /* someone must do something */
	LOG_LEVEL_WARNING, /* it goes on, but not as it should */
	LOG_LEVEL_INFO,    /* start, stop, reload: a few lines a day */
	LOG_LEVEL_DEBUG,   /* a line or more for each request */
};

/* A line's greatest length: PIPE_BUF, up to which a write is one piece. */
enum { LOG_LINE_MAX = 4096 };

/* Who speaks: "trys3d" or "trys3d worker 3".  The text is copied (up to 63
 * bytes) and stands with the process id at the head of each line. */
void log_name(const char *name);

/* Show lines up to LEVEL; LOG_LEVEL_INFO until this is called. */
void log_threshold(enum log_level level);

/* Would a line of LEVEL be shown?  For work that is only done to log it. */
bool log_shows(enum log_level level);

void log_error(const char *format, ...) ATTR_PRINTF(1, 2);
void log_warning(const char *format, ...) ATTR_PRINTF(1, 2);
void log_info(const char *format, ...) ATTR_PRINTF(1, 2);
void log_debug(const char *format, ...) ATTR_PRINTF(1, 2);

/* An error line, then _exit(STATUS). */
void
log_fatal(int status, const char *format, ...) ATTR_PRINTF(2, 3) ATTR_NORETURN;

#endif

/*
 * The log: see log.h.  Where standard error is systemd's journal, a line
 * begins with its priority in angle brackets (sd-daemon(3)), else with the
 * name of its level.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *name;
	char journal; /* syslog(3) priority as sd-daemon(3) writes it */
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", '3' },
	[LOG_LEVEL_WARNING] = { "warning", '4' },
	[LOG_LEVEL_INFO] = { "info", '6' },
	[LOG_LEVEL_DEBUG] = { "debug", '7' },
};

static void log_line(enum log_level level, const char *format, va_list args)
    ATTR_PRINTF(2, 0);

static enum log_level threshold = LOG_LEVEL_INFO;
static char speaker[64] = "trys3d";

void
log_name(const char *name)
{
	snprintf(speaker, sizeof(speaker), "%s", name);
}

void
log_threshold(enum log_level level)
{
	threshold = level;
}

bool
log_shows(enum log_level level)
{
	return (level <= threshold);
}

/* Copy TEXT to LINE at LEN with control characters shown as \xNN; return the
 * new length, which leaves room for the newline. */
static size_t
escape(char *line, size_t len, const char *text)
{
	static const char hex[] = "0123456789abcdef";

	for (; *text != '\0' && len < LOG_LINE_MAX - 5; text++) {
		uint8_t c = (uint8_t)*text;

		if (c >= 0x20 && c != 0x7f) {
			line[len++] = (char)c;
			continue;
		}
		line[len++] = '\\';
		line[len++] = 'x';
		line[len++] = hex[c >> 4];
		line[len++] = hex[c & 15];
	}
	return (len);
}

static void
log_line(enum log_level level, const char *format, va_list args)
{
	char text[LOG_LINE_MAX], line[LOG_LINE_MAX];
	int head;
	size_t len;

	if (!log_shows(level))
		return;
	vsnprintf(text, sizeof(text), format, args);
	if (getenv("JOURNAL_STREAM") != NULL)
		head = snprintf(line, sizeof(line),
		    "<%c>%s[%d]: ", levels[level].journal, speaker,
		    (int)getpid());
	else
		head = snprintf(line, sizeof(line), "%s[%d]: %s: ", speaker,
		    (int)getpid(), levels[level].name);
	len = escape(line, (size_t)head, text);
	line[len++] = '\n';
	/* There is no one to tell when the log itself cannot be written. */
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}

#define LOG_FUNCTION(function, level)          \
	void function(const char *format, ...) \
	{                                      \
		va_list args;                  \
                                               \
		va_start(args, format);        \
		log_line(level, format, args); \
		va_end(args);                  \
	}

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warning, LOG_LEVEL_WARNING)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)

void
log_fatal(int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(LOG_LEVEL_ERROR, format, args);
	va_end(args);
	_exit(status);
}

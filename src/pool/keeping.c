/*
 * One site's credentials over time: see keeping.h.
 */
#include "pool/keeping.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/parse.h"
#include "credentials/renewal.h"
#include "s3/keyring.h"

enum {
	/* Of WHERE, so much is shown: what stands behind it is to be read. */
	WHERE_SHOWN = 3600,
	DATE_MAX = 32,
};

void
keeping_init(struct keeping *keeping, const char *name, int64_t expires_ms,
    bool was_tried)
{
	*keeping = (struct keeping){
		.name = name,
		.expires_ms = expires_ms,
		.due_ms = INT64_MIN,
		.heed_ms = INT64_MIN,
		.was_tried = was_tried,
	};
}

void
keeping_fini(struct keeping *keeping)
{
	free(keeping->source);
	free(keeping->reason);
	*keeping = (struct keeping){ .name = NULL };
}

/* ---- When ---- */

void
keeping_hurry(struct keeping *keeping)
{
	keeping->due_ms = INT64_MIN;
}

void
keeping_forget_clock(struct keeping *keeping)
{
	keeping->expires_s = 0;
	keeping->due_ms = INT64_MIN;
}

int64_t
keeping_due(const struct keeping *keeping, bool is_wished)
{
	if (is_wished && keeping->heed_ms < keeping->due_ms)
		return (keeping->heed_ms);
	return (keeping->due_ms);
}

/* How long what stands in the keyring still serves. */
static int64_t
find_left(const struct keeping *keeping, int64_t now_ms)
{
	if (keeping->expires_ms == CREDENTIALS_NEVER)
		return (INT64_MAX);
	if (keeping->expires_ms <= now_ms)
		return (0);
	return (keeping->expires_ms - now_ms);
}

/* The next try; one falls on the very end of the old ones, so that it is told
 * in time that there are none any more. */
static int64_t
find_next_try(const struct keeping *keeping, int64_t now_ms, uint32_t dice)
{
	int64_t left = find_left(keeping, now_ms);
	int64_t due = now_ms + renewal_pause(keeping->failures, left, dice);

	if (left > 0 && keeping->expires_ms < due)
		return (keeping->expires_ms);
	return (due);
}

void
keeping_note(struct keeping *keeping, const struct keeping_search *search,
    int64_t now_ms, uint32_t dice)
{
	keeping->heed_ms = INT64_MIN;
	if (search->result != CREDENTIALS_FOUND || !search->is_new ||
	    search->is_wished)
		keeping->heed_ms = search->begun_ms + KEYRING_RELOOK_MS;
	if (search->result != CREDENTIALS_FOUND) {
		keeping->failures++;
		keeping->due_ms = find_next_try(keeping, now_ms, dice);
		return;
	}
	keeping->failures = 0;
	keeping->expires_ms = search->expires_ms;
	keeping->expires_s = search->expires_s;
	keeping->due_ms = INT64_MAX;
	if (search->expires_ms != CREDENTIALS_NEVER)
		keeping->due_ms = renewal_due(now_ms, search->expires_ms, dice);
}

/* MS in the largest unit that does not hide much of it. */
static const char *
show_time(int64_t ms, char text[FORMAT_MAX])
{
	int64_t unit = 1;

	if (ms >= 2 * 60 * 1000)
		unit = 60 * 1000;
	else if (ms >= 1000)
		unit = 1000;
	return (format_duration(ms - ms % unit, text));
}

void
keeping_judge(const struct keeping *keeping, int64_t expires_s, int64_t now_ms,
    int64_t now_s, struct keeping_search *search, struct buf *where)
{
	char ago[FORMAT_MAX];

	search->result = CREDENTIALS_FOUND;
	search->expires_s = expires_s;
	search->expires_ms = CREDENTIALS_NEVER;
	if (expires_s == CREDENTIALS_NEVER)
		return;
	/* The wall clock is read in whole seconds: what is the same is not to
	 * look like another because of that. */
	search->expires_ms = expires_s == keeping->expires_s
	    ? keeping->expires_ms
	    : now_ms + (expires_s - now_s) * 1000;
	if (expires_s > now_s)
		return;
	search->result =
	    credentials_say(CREDENTIALS_FAILED, where, ": they ended %s ago",
		show_time((now_s - expires_s + 1) * 1000, ago));
}

/* ---- What is told ---- */

/* ", good until 2026-11-24 12:00:00Z", or nothing where there is no end. */
static const char *
show_end(int64_t expires_s, char text[DATE_MAX + 16])
{
	char date[DATE_MAX];
	time_t seconds = (time_t)expires_s;
	struct tm parts;

	text[0] = '\0';
	if (expires_s != CREDENTIALS_NEVER &&
	    gmtime_r(&seconds, &parts) != NULL &&
	    strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%SZ", &parts) > 0)
		snprintf(text, DATE_MAX + 16, ", good until %s", date);
	return (text);
}

static void
set_text(char **text, const char *value)
{
	char *copy = mem_string(value);

	free(*text);
	*text = copy;
}

static const char *
name_of(const struct keeping *keeping)
{
	return (keeping->name != NULL ? keeping->name : "");
}

/* What was found, where it is news where; false: not even then. */
static bool
tell_source(struct keeping *keeping, const struct keeping_search *search,
    struct buf *line)
{
	char end[DATE_MAX + 16];
	bool is_same = keeping->source != NULL &&
	    strcmp(keeping->source, search->where) == 0;

	if (is_same && !keeping->is_open)
		return (false);
	set_text(&keeping->source, search->where);
	return (buf_printf(line, "site %.100s: credentials found%s in %.*s%s",
	    name_of(keeping), keeping->is_open ? " again" : "", WHERE_SHOWN,
	    search->where, show_end(search->expires_s, end)));
}

static bool
tell_renewal(struct keeping *keeping, const struct keeping_search *search,
    int64_t now_ms, struct buf *line)
{
	char end[DATE_MAX + 16], times[48] = "";

	if (!search->is_new)
		return (false);
	keeping->renewals++;
	if (keeping->renewal_ms > 0 &&
	    now_ms - keeping->renewal_ms < KEEPING_QUIET_MS)
		return (false);
	if (keeping->renewals > 1)
		snprintf(times, sizeof(times), " %u times since the last line",
		    keeping->renewals);
	keeping->renewals = 0;
	keeping->renewal_ms = now_ms;
	return (buf_printf(line, "site %.100s: credentials renewed%s%s",
	    name_of(keeping), times, show_end(search->expires_s, end)));
}

/* Are two reasons the same but for their numbers: after how many milliseconds
 * it was given up, say? */
static bool
is_alike(const char *a, const char *b)
{
	static const char digits[] = "0123456789";

	for (;;) {
		a += strspn(a, digits);
		b += strspn(b, digits);
		if (*a != *b)
			return (false);
		if (*a == '\0')
			return (true);
		a++;
		b++;
	}
}

/* Is TROUBLE for the REASON worth a line at NOW_MS? */
static bool
is_news(const struct keeping *keeping, enum keeping_trouble trouble,
    const char *reason, int64_t now_ms)
{
	int64_t since = now_ms - keeping->trouble_ms;

	if (keeping->trouble < trouble)
		return (true);
	if (!is_alike(keeping->reason, reason))
		return (since >= KEEPING_CHANGE_MS);
	return (
	    since >= (keeping->is_open ? KEEPING_REPEAT_MS : KEEPING_QUIET_MS));
}

static enum keeping_trouble
find_trouble(const struct keeping *keeping, int64_t left)
{
	if (left > 0)
		return (KEEPING_OLD_SERVE);
	return (keeping->was_tried ? KEEPING_ALL_ENDED : KEEPING_AT_FIRST);
}

static bool
tell_trouble(struct keeping *keeping, const struct keeping_search *search,
    int64_t now_ms, struct buf *line)
{
	int64_t left = find_left(keeping, now_ms);
	enum keeping_trouble trouble = find_trouble(keeping, left);
	char span[FORMAT_MAX], pause[FORMAT_MAX], more[FORMAT_MAX + 32];
	const char *name = name_of(keeping);

	if (!is_news(keeping, trouble, search->where, now_ms))
		return (false);
	keeping->trouble = trouble;
	keeping->is_open = true;
	keeping->trouble_ms = now_ms;
	set_text(&keeping->reason, search->where);
	if (trouble == KEEPING_AT_FIRST)
		return (buf_printf(line,
		    "site %.100s: there are no credentials: "
		    "%.*s",
		    name, WHERE_SHOWN, search->where));
	show_time(keeping->due_ms - now_ms, pause);
	if (trouble == KEEPING_ALL_ENDED)
		return (buf_printf(line,
		    "site %.100s: there are no credentials: %.*s; requests are "
		    "answered with 503; the next try is in %s",
		    name, WHERE_SHOWN, search->where, pause));
	if (left == INT64_MAX)
		snprintf(more, sizeof(more), "stay in use");
	else
		snprintf(more, sizeof(more), "serve for %s more",
		    show_time(left, span));
	return (buf_printf(line,
	    "site %.100s: credentials cannot be renewed: %.*s; the old ones "
	    "%s; the next try is in %s",
	    name, WHERE_SHOWN, search->where, more, pause));
}

/* S3 refuses what was found, and it was found once more. */
static bool
tell_refusal(struct keeping *keeping, const struct keeping_search *search,
    int64_t now_ms, struct buf *line)
{
	if (!is_news(keeping, KEEPING_REFUSED, search->where, now_ms))
		return (false);
	keeping->trouble = KEEPING_REFUSED;
	keeping->is_open = true;
	keeping->trouble_ms = now_ms;
	set_text(&keeping->reason, search->where);
	return (buf_printf(line,
	    "site %.100s: S3 refuses the credentials found in %.*s, and there "
	    "are no others: requests fail until they are changed there",
	    name_of(keeping), WHERE_SHOWN, search->where));
}

/* Is what was found refused by S3, as far as is known? */
static bool
is_refused(const struct keeping *keeping, const struct keeping_search *search)
{
	return (!search->is_new &&
	    (search->is_wished ||
		(keeping->is_open && keeping->trouble == KEEPING_REFUSED)));
}

enum keeping_word
keeping_tell(struct keeping *keeping, const struct keeping_search *search,
    int64_t now_ms, struct buf *line)
{
	enum keeping_word word = KEEPING_SILENT;

	if (search->result != CREDENTIALS_FOUND) {
		if (tell_trouble(keeping, search, now_ms, line))
			word = KEEPING_ERROR;
	} else if (is_refused(keeping, search)) {
		if (tell_refusal(keeping, search, now_ms, line))
			word = KEEPING_ERROR;
	} else {
		if (tell_source(keeping, search, line) ||
		    tell_renewal(keeping, search, now_ms, line))
			word = KEEPING_INFO;
		keeping->is_open = false;
	}
	keeping->was_tried = true;
	return (word);
}

enum keeping_word
keeping_tell_change(
    struct keeping *keeping, const char *path, int64_t now_ms, struct buf *line)
{
	if (keeping->changed_ms > 0 &&
	    now_ms - keeping->changed_ms < KEEPING_QUIET_MS)
		return (KEEPING_SILENT);
	keeping->changed_ms = now_ms;
	if (!buf_printf(line,
		"site %.100s: %.*s has changed: credentials are looked for "
		"anew",
		name_of(keeping), WHERE_SHOWN, path))
		return (KEEPING_SILENT);
	return (KEEPING_INFO);
}

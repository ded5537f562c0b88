/*
 * A profile's credential_process, a program that prints credentials: see
 * chain.h.  Of what it prints, on either stream, nothing is shown, nor are its
 * arguments: each may be a secret.
 *
 * Source: "Process credential provider" in the AWS SDKs and Tools reference
 * guide.
 */
#include "credentials/chain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/user.h"
#include "credentials/command_line.h"
#include "credentials/document.h"
#include "credentials/run.h"

enum {
	PROCESS_DEADLINE_MS = 30000,
};

/* Can another try do better, after an exec that failed with NUMBER? */
static bool
is_passing(int number)
{
	switch (number) {
	case EAGAIN:
	case EINTR:
	case EIO:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ETXTBSY:
		return (true);
	default:
		return (false);
	}
}

/* What can be said of its standard error, and how to see it. */
static void
say_errors(
    enum credentials_result result, size_t error_bytes, struct buf *where)
{
	char *user;

	if (error_bytes == 0)
		return;
	user = user_name(geteuid());
	credentials_say(result, where,
	    ", and said %zu bytes on standard error, which are not shown since "
	    "they could hold a secret: run it by hand as %s to see them",
	    error_bytes, user);
	free(user);
}

/* Why there is no output to be read. */
static enum credentials_result
say_end(const struct run_outcome *outcome, int64_t waited_ms, struct buf *where)
{
	switch (outcome->end) {
	case RUN_EXITED:
		return (credentials_say(CREDENTIALS_FAILED, where,
		    " ended with status %d", outcome->number));
	case RUN_SIGNALLED:
		return (credentials_say(CREDENTIALS_FAILED, where,
		    " was ended by signal %d (%s)", outcome->number,
		    strsignal(outcome->number)));
	case RUN_LATE:
		return (credentials_say(CREDENTIALS_FAILED, where,
		    " was not done within %lld ms, and was killed",
		    (long long)waited_ms));
	case RUN_TOO_LONG:
		return (credentials_say(CREDENTIALS_FAILED, where,
		    " printed more than %d bytes, and was killed",
		    (int)RUN_OUTPUT_MAX));
	case RUN_NOT_STARTED:
		break;
	}
	return (credentials_say(is_passing(outcome->number) ? CREDENTIALS_FAILED
							    : CREDENTIALS_WRONG,
	    where, " cannot be run: %s", strerror(outcome->number)));
}

/* Read what the program printed. */
static enum credentials_result
read_output(
    struct span output, struct credentials_found *found, struct buf *where)
{
	enum credentials_result result = CREDENTIALS_FOUND;
	struct buf why;

	buf_init(&why, CREDENTIALS_WHERE_MAX);
	if (!document_read(output, DOCUMENT_PROCESS, found, &why))
		result = credentials_say(CREDENTIALS_FAILED, where,
		    " printed no credentials: %s", buf_string(&why));
	buf_fini(&why);
	return (result);
}

/* Run LINE and read what it says. */
static enum credentials_result
ask_program(const struct credentials_search *search,
    const struct command_line *line, struct credentials_found *found,
    struct buf *where)
{
	int64_t now_ms = clock_monotonic_ms();
	int64_t deadline_ms = now_ms + PROCESS_DEADLINE_MS;
	struct run_outcome outcome;
	enum credentials_result result;

	if (deadline_ms > search->deadline_ms)
		deadline_ms = search->deadline_ms;
	run_outcome_init(&outcome);
	run_program(line->words, deadline_ms, &outcome);
	credentials_say(CREDENTIALS_FOUND, where, "profile %s: %s",
	    search->profile, line->words[0]);
	if (outcome.end == RUN_EXITED && outcome.number == 0)
		result = read_output(buf_span(&outcome.output), found, where);
	else
		result = say_end(&outcome, deadline_ms - now_ms, where);
	if (result != CREDENTIALS_FOUND)
		say_errors(result, outcome.error_bytes, where);
	run_outcome_fini(&outcome);
	return (result);
}

enum credentials_result
credentials_from_process(const struct credentials_search *search,
    struct credentials_found *found, struct buf *where)
{
	const char *text =
	    credentials_setting(search, NULL, "credential_process");
	struct command_line line;
	const char *wrong;
	enum credentials_result result;

	if (text == NULL)
		return (credentials_say(CREDENTIALS_NONE, where,
		    "profile %s has no credential_process", search->profile));
	wrong = command_line_split(text, &line);
	if (wrong != NULL)
		return (credentials_say(CREDENTIALS_WRONG, where,
		    "the credential_process of profile %s is no command: %s",
		    search->profile, wrong));
	result = ask_program(search, &line, found, where);
	command_line_fini(&line);
	return (result);
}

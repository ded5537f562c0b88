/*
 * A look around: see look.h.
 */
#include "offload/look.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/parse.h"
#include "offload/jsonl.h"
#include "offload/list.h"
#include "offload/text.h"
#include "s3/fetch.h"
#include "s3/http.h"

enum {
	LOOK_PATIENCE_MS = 60 * 1000,
	LINE_MAX_LEN = 8192,
	FILE_MODE = 0666, /* less the umask */
};

/* ---- get ---- */

struct getting {
	struct fetch *fetch;
	int fd;
	int error; /* errno of a write; 0: none */
};

static enum fetch_wish
on_begin(void *context, const struct fetch_head *head)
{
	struct getting *getting = context;

	(void)head;
	fetch_pass_on(getting->fetch);
	return (FETCH_GO_ON);
}

static bool
on_body(void *context, struct span bytes)
{
	struct getting *getting = context;

	if (fd_write(getting->fd, bytes))
		return (true);
	getting->error = errno;
	return (false);
}

static enum status
judge(const struct getting *getting, enum fetch_result result, const char *key,
    const struct fetch_report *report)
{
	if (result == FETCH_OK)
		return (STATUS_DONE);
	if (getting->error != 0)
		log_error("%s: what came cannot be written: %s", key,
		    strerror(getting->error));
	else if (result == FETCH_MISSING)
		log_error("%s: there is no such object", key);
	else
		log_error("%s: %s", key, report->reason);
	return (STATUS_FAILED);
}

static enum status
get(const struct session *session, const char *key, int fd)
{
	struct getting getting = {
		.fetch = fetch_new(session->sites, session->n_sites,
		    session->keyring, session->learnt),
		.fd = fd,
	};
	const struct fetch_request request = {
		.site = session_reader(session, 0),
		.key = span_of(key),
		.range = { .kind = RANGE_WHOLE },
		.answer_deadline_ms = clock_monotonic_ms() + LOOK_PATIENCE_MS,
		.deadline_ms = clock_monotonic_ms() + HTTP_LONGEST_MS,
		.peer_fd = -1,
	};
	const struct fetch_sink sink = { on_begin, on_body, &getting };
	struct fetch_report report;
	enum fetch_result result =
	    fetch_object(getting.fetch, &request, &sink, &report);

	fetch_free(getting.fetch);
	return (judge(&getting, result, key, &report));
}

enum status
look_get(const struct session *session, const struct options *options)
{
	const char *path = options->output;
	enum status status;
	int fd = STDOUT_FILENO;

	if (path != NULL)
		fd = open(
		    path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
	if (fd < 0) {
		log_error("%s: cannot be made: %s%s", path, strerror(errno),
		    errno == EEXIST ? "; nothing is overwritten" : "");
		return (STATUS_FAILED);
	}
	stop_spoils(path);
	status = get(session, options->words[0], fd);
	if (path != NULL && close(fd) != 0 && status == STATUS_DONE) {
		log_error("%s: cannot be written: %s", path, strerror(errno));
		status = STATUS_FAILED;
	}
	if (path != NULL && status != STATUS_DONE)
		(void)unlink(path);
	stop_spoils(NULL);
	return (status);
}

/* ---- ls ---- */

static bool
write_json(struct buf *line, const struct list_entry *entry, const char *date)
{
	struct jsonl json;

	jsonl_begin(&json, line);
	jsonl_text(&json, "key", entry->key);
	jsonl_number(&json, "bytes", entry->size);
	jsonl_text(&json, "stored", span_of(date));
	jsonl_text(&json, "etag", entry->etag);
	return (jsonl_end(&json));
}

static bool
write_text(struct buf *line, const struct list_entry *entry, const char *date)
{
	return (buf_printf(line, "%14" PRIu64 "  %20s  ", entry->size, date) &&
	    text_add_shown(line, entry->key, LINE_MAX_LEN - 64) &&
	    buf_add_char(line, '\n'));
}

static bool
print(const struct list_entry *entry, bool is_json, struct buf *line)
{
	char date[FORMAT_MAX] = "";

	if (entry->modified_s >= 0)
		(void)format_iso_date(entry->modified_s, date);
	buf_clear(line);
	if (!(is_json ? write_json(line, entry, date)
		      : write_text(line, entry, date))) {
		log_warning("a key of %zu bytes is too long for a line",
		    entry->key.len);
		return (true);
	}
	return (fwrite(line->data, 1, line->len, stdout) == line->len);
}

static enum status
print_all(struct list *list, bool is_json)
{
	enum status status = STATUS_DONE;
	struct list_entry entry;
	enum list_result result = LIST_END;
	struct buf line;

	buf_init(&line, LINE_MAX_LEN);
	while (status == STATUS_DONE &&
	    (result = list_next(list, &entry)) == LIST_FOUND) {
		if (!print(&entry, is_json, &line))
			status = STATUS_FAILED;
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		log_error("the list cannot be written: %s", strerror(errno));
		status = STATUS_FAILED;
	}
	if (result == LIST_FAILED) {
		log_error("the bucket cannot be listed (s3:ListBucket): %s",
		    list_reason(list));
		status = STATUS_FAILED;
	}
	buf_fini(&line);
	return (status);
}

enum status
look_list(const struct session *session, const struct options *options)
{
	struct call *call = call_new(session->sites, session->n_sites,
	    session->keyring, session->learnt);
	const char *prefix = options->n_words > 0 ? options->words[0] : "";
	struct list *list = list_new(call, session_writer(session, 0),
	    LIST_OBJECTS, span_of(prefix), LOOK_PATIENCE_MS);
	enum status status = print_all(list, options->is_json);

	list_free(list);
	call_free(call);
	return (status);
}

/* ---- purge ---- */

enum status
look_purge(
    const struct site *site, struct cache *cache, const struct options *options)
{
	enum status status = STATUS_DONE;

	if (cache == NULL) {
		log_error("there is no memcached in the settings: nothing to "
			  "purge; right would be: [cache] servers");
		return (STATUS_USAGE);
	}
	for (int i = 0; i < options->n_words; i++) {
		const char *key = options->words[i];
		struct cache_key cache_key;

		if (options->is_dry_run) {
			printf("would purge %s\n", key);
			continue;
		}
		cache_key_make(&cache_key, site, span_of(key));
		switch (cache_purge(cache, &cache_key)) {
		case CACHE_PURGED:
			if (!options->is_quiet)
				printf("purged %s\n", key);
			break;
		case CACHE_NOTHING:
			if (!options->is_quiet)
				printf("was not there: %s\n", key);
			break;
		case CACHE_DOWN:
			log_error("%s: memcached is away", key);
			status = STATUS_FAILED;
			break;
		}
	}
	return (fflush(stdout) == 0 ? status : STATUS_FAILED);
}

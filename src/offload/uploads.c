/*
 * Uploads under way: see uploads.h.
 *
 * A key, and not the upload's id, which is only known when it has begun: were
 * we killed between S3's answer and our writing, nobody would ever find it.  So
 * all uploads of that key are given up; a key of our tree is nobody else's to
 * upload to.
 */
#include "offload/uploads.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "offload/journal.h"
#include "offload/list.h"
#include "s3/uri.h"

enum { WHY_MAX = 1024, QUERY_MAX = 8192 };

struct uploads {
	char *path;
	char *name;
	char **left; /* keys that earlier runs have left */
	size_t n_left;
	size_t open;             /* begun and not ended */
	struct journal *journal; /* NULL: not needed yet */
	pthread_mutex_t lock;
};

static void
add_left(struct uploads *uploads, struct span key)
{
	uploads->left = mem_resize(
	    uploads->left, (uploads->n_left + 1) * sizeof(*uploads->left));
	uploads->left[uploads->n_left++] = mem_string_of(key.data, key.len);
}

static void
drop_left(struct uploads *uploads, struct span key)
{
	for (size_t i = 0; i < uploads->n_left; i++) {
		if (!span_equal(span_of(uploads->left[i]), key))
			continue;
		free(uploads->left[i]);
		uploads->left[i] = uploads->left[--uploads->n_left];
		return;
	}
}

static bool
take_entry(void *context, const struct journal_entry *entry)
{
	struct uploads *uploads = context;

	if (entry->what == JOURNAL_UPLOAD)
		add_left(uploads, entry->key);
	else if (entry->what == JOURNAL_UPLOAD_DONE)
		drop_left(uploads, entry->key);
	return (true);
}

static void
free_uploads(struct uploads *uploads)
{
	for (size_t i = 0; i < uploads->n_left; i++)
		free(uploads->left[i]);
	free(uploads->left);
	journal_close(uploads->journal);
	pthread_mutex_destroy(&uploads->lock);
	free(uploads->path);
	free(uploads->name);
	free(uploads);
}

struct uploads *
uploads_open(const char *path, const char *name, struct buf *why)
{
	struct uploads *uploads = mem_zero(1, sizeof(*uploads));
	size_t passed_over;

	uploads->path = mem_string(path);
	uploads->name = mem_string(name);
	if (pthread_mutex_init(&uploads->lock, NULL) != 0)
		log_fatal(1, "no lock can be made");
	if (journal_read(path, take_entry, uploads, &passed_over, why))
		return (uploads);
	free_uploads(uploads);
	return (NULL);
}

/* Nothing is left and nothing open: the file may go, and be made anew. */
static void
drop_file(struct uploads *uploads)
{
	journal_close(uploads->journal);
	uploads->journal = NULL;
	if (unlink(uploads->path) != 0 && errno != ENOENT)
		log_warning(
		    "%s cannot be removed: %s", uploads->path, strerror(errno));
}

/* It stays: with what has ended, so that the next run need not ask for that. */
static void
keep_file(struct uploads *uploads)
{
	struct buf why;

	buf_init(&why, WHY_MAX);
	if (!journal_sync(uploads->journal, &why))
		log_warning("%s", buf_string(&why));
	buf_fini(&why);
}

void
uploads_close(struct uploads *uploads)
{
	if (uploads == NULL)
		return;
	if (uploads->journal != NULL) {
		if (uploads->open == 0 && uploads->n_left == 0)
			drop_file(uploads);
		else
			keep_file(uploads);
	}
	free_uploads(uploads);
}

static enum call_result
give_up(struct call *call, const struct site *site, struct span key,
    struct span id, int64_t patience_ms)
{
	struct call_request request = {
		.site = site,
		.method = HTTP_DELETE,
		.key = key,
		.patience_ms = patience_ms,
	};
	char query[QUERY_MAX + sizeof("uploadId=")];

	/* Without one it is the object that some stores delete. */
	assert(id.len > 0);
	snprintf(query, sizeof(query), "uploadId=%.*s", SPAN_ARG(id));
	request.query = span_of(query);
	return (call_make(call, &request));
}

/* Give up all uploads of KEY; how many, or -1. */
static int
recover_key(struct call *call, const struct site *site, struct span key,
    int64_t patience_ms, struct buf *why)
{
	struct list *list =
	    list_new(call, site, LIST_UPLOADS, key, patience_ms);
	struct list_entry entry;
	enum list_result found;
	enum call_result result = CALL_OK;
	struct buf id;
	int count = 0;

	buf_init(&id, QUERY_MAX);
	while ((found = list_next(list, &entry)) == LIST_FOUND) {
		if (!span_equal(entry.key, key))
			continue; /* of a longer key */
		buf_clear(&id);
		result = CALL_REFUSED;
		if (!uri_encode_query(&id, entry.upload_id))
			break;
		result = give_up(call, site, key, buf_span(&id), patience_ms);
		if (result != CALL_OK && result != CALL_MISSING)
			break;
		count++;
	}
	if (found != LIST_END) {
		if (!buf_printf(why,
			"an upload of \"%.*s\" that did not end "
			"cannot be given up: %s",
			SPAN_ARG(key),
			found == LIST_FAILED ? list_reason(list)
					     : call_reason(call)))
			buf_clear(why);
		count = -1;
	}
	list_free(list);
	buf_fini(&id);
	return (count);
}

int
uploads_recover(struct uploads *uploads, struct call *call,
    const struct site *site, int64_t patience_ms, struct buf *why)
{
	int total = 0;

	for (size_t i = 0; i < uploads->n_left; i++) {
		int count = recover_key(
		    call, site, span_of(uploads->left[i]), patience_ms, why);

		if (count < 0)
			return (-1);
		total += count;
	}
	if (access(uploads->path, F_OK) == 0)
		drop_file(uploads);
	while (uploads->n_left > 0)
		free(uploads->left[--uploads->n_left]);
	return (total);
}

static bool
write_down(struct uploads *uploads, enum journal_what what, struct span key,
    bool is_urgent, struct buf *why)
{
	struct journal_entry entry = {
		.what = what,
		.when_s = clock_wall_s(),
		.offload = uploads->name,
		.key = key,
	};

	if (uploads->journal == NULL)
		uploads->journal = journal_open(uploads->path, why);
	if (uploads->journal == NULL)
		return (false);
	if (!journal_add(uploads->journal, &entry))
		return (false);
	return (!is_urgent || journal_sync(uploads->journal, why));
}

bool
uploads_begin(
    struct uploads *uploads, struct span key, char *reason, size_t size)
{
	struct buf why;
	bool is_written;

	buf_init(&why, WHY_MAX);
	pthread_mutex_lock(&uploads->lock);
	is_written = write_down(uploads, JOURNAL_UPLOAD, key, true, &why);
	if (is_written)
		uploads->open++;
	pthread_mutex_unlock(&uploads->lock);
	if (!is_written)
		snprintf(reason, size, "its upload cannot be written down: %s",
		    buf_string(&why));
	buf_fini(&why);
	return (is_written);
}

/* Of KEY nothing is left. */
static void
note_end(struct uploads *uploads, struct span key)
{
	struct buf why;

	buf_init(&why, WHY_MAX);
	pthread_mutex_lock(&uploads->lock);
	/* What is not on the disk costs the next run a question. */
	(void)write_down(uploads, JOURNAL_UPLOAD_DONE, key, false, &why);
	uploads->open--;
	pthread_mutex_unlock(&uploads->lock);
	buf_fini(&why);
}

void
uploads_end(struct uploads *uploads, struct call *call, const struct site *site,
    struct span key, int64_t patience_ms)
{
	struct buf why;

	buf_init(&why, WHY_MAX);
	if (recover_key(call, site, key, patience_ms, &why) >= 0)
		note_end(uploads, key);
	else
		log_warning(
		    "%s; the next run will try again", buf_string(&why));
	buf_fini(&why);
}

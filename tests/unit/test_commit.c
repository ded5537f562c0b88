/*
 * What becomes of files (src/offload/commit.h): in which order, and what a
 * failure leaves.  Journal, memcached, files and the user are played by this
 * file, which writes down what is done to them:
 *
 *	+proved +evicted +trashed	added to the journal
 *	sync purge take take>trash	as it says
 *	stay				on_stay was called
 *	known				known_add was
 *	=uploaded ... =skipped/open	told
 *	.				report_file_done
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "config/table.h"
#include "offload/commit.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

enum { NOW = 1400000000, SIZE = 5000, BLOCKS = 16 };

static struct {
	/* What fails. */
	int bad_add; /* counted from 1; 0: none */
	bool sync_fails;
	enum cache_purged purged;
	enum file_state taken;
	const char *left;
	int error;
	bool trash_fails;

	/* What was done. */
	struct buf done;
	struct buf why; /* of all that was told, a line each */
	int adds;
	struct journal_entry entry;
	struct report_event event;
	unsigned warnings, infos;
	struct cache_key purged_key;
} scene;

bool
__wrap_journal_add(struct journal *journal, const struct journal_entry *entry);
bool __wrap_journal_sync(struct journal *journal, struct buf *why);
enum cache_purged
__wrap_cache_purge(struct cache *cache, const struct cache_key *key);
enum file_state __wrap_file_take_away(
    struct file *file, const struct file_goal *goal, char **left);
void __wrap_known_add(struct known *known, uint64_t print);
void
__wrap_report_event(struct report *report, const struct report_event *event);
void __wrap_report_file_done(struct report *report, uint64_t bytes);
struct folder *__wrap_trash_place(
    struct trash *trash, const char *path, int64_t now_s, const char **name);
void __wrap_log_info(const char *format, ...);
void __wrap_log_warning(const char *format, ...);

static void note(const char *format, ...) ATTR_PRINTF(1, 2);

static void
note(const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	assert_true(buf_printf(
	    &scene.done, "%s%s", scene.done.len > 0 ? " " : "", text));
}

bool
__wrap_journal_add(struct journal *journal, const struct journal_entry *entry)
{
	static const char *const names[] = {
		[JOURNAL_PROVED] = "proved",
		[JOURNAL_EVICTED] = "evicted",
		[JOURNAL_TRASHED] = "trashed",
	};

	assert_non_null(journal);
	scene.entry = *entry;
	note("+%s", names[entry->what]);
	return (++scene.adds != scene.bad_add);
}

bool
__wrap_journal_sync(struct journal *journal, struct buf *why)
{
	assert_non_null(journal);
	note("sync");
	return (!scene.sync_fails || !buf_add_string(why, "the disk is full"));
}

enum cache_purged
__wrap_cache_purge(struct cache *cache, const struct cache_key *key)
{
	assert_non_null(cache);
	scene.purged_key = *key;
	note("purge");
	return (scene.purged);
}

enum file_state
__wrap_file_take_away(
    struct file *file, const struct file_goal *goal, char **left)
{
	(void)file;
	note(goal->folder != NULL ? "take>%s" : "take",
	    goal->folder != NULL ? goal->name : "");
	*left = scene.left != NULL ? mem_string(scene.left) : NULL;
	errno = scene.error;
	return (scene.taken);
}

void
__wrap_known_add(struct known *known, uint64_t print)
{
	assert_non_null(known);
	assert_true(print != 0);
	note("known");
}

void
__wrap_report_event(struct report *report, const struct report_event *event)
{
	static const char *const names[REPORT_WHATS] = {
		[REPORT_UPLOADED] = "uploaded",
		[REPORT_PRESENT] = "present",
		[REPORT_PROVED] = "proved",
		[REPORT_EVICTED] = "evicted",
		[REPORT_TRASHED] = "trashed",
		[REPORT_DELETED] = "deleted",
		[REPORT_SKIPPED] = "skipped",
		[REPORT_FAILED] = "failed",
	};
	static const char *const reasons[REPORT_REASONS] = {
		[REPORT_OPEN] = "open",
		[REPORT_LINKS] = "links",
		[REPORT_NOT_IN_BUCKET] = "not_in_bucket",
		[REPORT_CHANGED] = "changed",
		[REPORT_GONE] = "gone",
		[REPORT_LIMIT] = "limit",
		[REPORT_STOPPED] = "stopped",
		[REPORT_TOO_YOUNG] = "young",
	};

	(void)report;
	assert_non_null(names[event->what]);
	assert_string_equal(event->offload, "img");
	scene.event = *event;
	if (event->reason != REPORT_NO_REASON) {
		assert_int_equal(event->what, REPORT_SKIPPED);
		note("=skipped/%s", reasons[event->reason]);
	} else
		note("=%s", names[event->what]);
	if (event->why != NULL)
		assert_true(buf_printf(&scene.why, "%s\n", event->why));
}

void
__wrap_report_file_done(struct report *report, uint64_t bytes)
{
	(void)report;
	assert_int_equal(bytes, SIZE);
	note(".");
}

static struct folder trash_day = { .fd = -1, .holders = 1 };

struct folder *
__wrap_trash_place(
    struct trash *trash, const char *path, int64_t now_s, const char **name)
{
	(void)now_s;
	assert_non_null(trash);
	*name = path;
	errno = EXDEV;
	return (scene.trash_fails ? NULL : folder_hold(&trash_day));
}

void
__wrap_log_info(const char *format, ...)
{
	(void)format;
	scene.infos++;
}

void
__wrap_log_warning(const char *format, ...)
{
	(void)format;
	scene.warnings++;
}

/* ------------------------------------------------------------ surroundings */

static struct site reader;
static struct offload_settings settings;
static struct way_means means;
static struct folder folder = { .fd = -1, .holders = 1 };
static struct commit commit;

/* For what is borrowed and never looked into. */
static char thing[1];
#define SOME(type) ((struct type *)(void *)thing)

static void
on_stay(void *context, const struct way *way)
{
	assert_ptr_equal(context, &scene);
	assert_false(way->is_gone);
	note("stay");
}

static int
setup(void **state)
{
	(void)state;
	memset(&scene, 0, sizeof(scene));
	buf_init(&scene.done, 65536);
	buf_init(&scene.why, 65536);
	reader = (struct site){ .name = mem_string("one"),
		.bucket = mem_string("b") };
	settings = (struct offload_settings){ .name = mem_string("img") };
	folder.name = mem_string("");
	folder.path = mem_string("d/");
	means = (struct way_means){ .settings = &settings, .reader = &reader };
	commit = (struct commit){
		.means = &means,
		.journal = SOME(journal),
		.known = SOME(known),
		.cache = SOME(cache),
		.target = "https://s3/b",
		.on_stay = on_stay,
		.context = &scene,
	};
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	buf_fini(&scene.done);
	buf_fini(&scene.why);
	free(reader.name);
	free(reader.bucket);
	free(settings.name);
	free(settings.trash);
	free(folder.name);
	free(folder.path);
	return (0);
}

/* How a way ended; and what it may. */
struct ending {
	enum way_end end;
	bool may_upload;
	bool may_evict;
	bool was_uploaded;
	bool is_in_trash;
	bool is_s3;
	bool is_refused;
	bool no_lease;
	enum report_reason reason;
	const char *why;
};

static struct way *
make_way(const char *name, const struct ending *ending)
{
	struct stat status = { .st_mode = S_IFREG,
		.st_size = SIZE,
		.st_blocks = BLOCKS,
		.st_mtim = { NOW - 7, 123 } };
	struct way *way = way_new(&means, &folder, name, &status, NOW);

	assert_true(way_find_key(way, "/", name));
	way->end = ending->end;
	way->may_upload = ending->may_upload;
	way->may_evict = ending->may_evict;
	way->was_uploaded = ending->was_uploaded;
	way->is_in_trash = ending->is_in_trash;
	way->is_s3 = ending->is_s3;
	way->is_refused = ending->is_refused;
	way->no_lease = ending->no_lease;
	way->reason = ending->reason;
	snprintf(way->why, sizeof(way->why), "%s",
	    ending->why != NULL ? ending->why : "");
	snprintf(way->etag, sizeof(way->etag), "\"t\"");
	memset(way->digest.sha256, 'f', DIGEST_SHA256_LEN);
	return (way);
}

/* All of them at once. */
static void
settle(const struct ending *endings, size_t n)
{
	struct task *first = NULL, **end = &first;

	buf_clear(&scene.done);
	buf_clear(&scene.why);
	for (size_t i = 0; i < n; i++) {
		struct way *way =
		    make_way((const char *[]){ "a", "b", "c" }[i], &endings[i]);

		*end = &way->task;
		end = &way->task.next;
	}
	commit_ways(&commit, first);
}

/* ------------------------------------------------------------------- tests */

#define UP      .end = WAY_PROVED, .may_upload = true, .was_uploaded = true
#define PRESENT .end = WAY_PROVED, .may_upload = true
#define PROVED  .end = WAY_PROVED
#define EVICT   .may_evict = true
#define IN_BRACES(...)      \
	{                   \
		__VA_ARGS__ \
	}
#define ROW(title, how, what, words, ...)                             \
	{                                                             \
		.name = title, .ending = IN_BRACES how, .done = what, \
		.why = words, ##__VA_ARGS__                           \
	}

#define OTHER_HAS_IT                                                           \
	"it was written to while it was taken away, and another has its name " \
	"by now: its bytes are kept as d/.x; one of the two must get another " \
	"name\n"
#define NOT_IN_REACH                                                           \
	"S3 says that there is such an object, but a reader does not get it: " \
	"has the site's key s3:GetObject?\n"

static void
test_one(void **state)
{
	static const struct {
		const char *name;
		struct ending ending;
		const char *done;
		const char *why;
		enum file_state taken;
		const char *left;
		int error;
		bool has_trash;
		bool trash_fails;
		bool is_dry;
		uint64_t max_delete; /* one has gone before */
		bool has_gone;       /* also of a dry run */
	} rows[] = {
		/* put */
		ROW("uploaded", (UP),
		    "+proved sync =uploaded =proved known . stay", ""),
		ROW("was there", (PRESENT),
		    "+proved sync =present =proved known . stay", ""),
		ROW("skipped", (.end = WAY_SKIPPED, .reason = REPORT_TOO_YOUNG),
		    "=skipped/young . stay", ""),
		ROW("failed", (.end = WAY_FAILED, EVICT, .why = "no"),
		    "=failed . stay", "no\n"),
		ROW("not begun", (.end = WAY_UNDONE, EVICT),
		    "=skipped/stopped . stay", ""),

		/* evict and offload */
		ROW("evicted", (PROVED, EVICT),
		    "+proved sync =proved purge take =evicted +evicted .", "",
		    .has_gone = true),
		ROW("uploaded and evicted", (UP, EVICT),
		    "+proved sync =uploaded =proved purge take =evicted "
		    "+evicted .",
		    "", .has_gone = true),
		ROW("missing", (.end = WAY_MISSING, EVICT),
		    "=skipped/not_in_bucket . stay", ""),
		ROW("missing for readers",
		    (.end = WAY_MISSING, .may_upload = true, EVICT),
		    "=failed . stay", NOT_IN_REACH),

		/* It cannot go. */
		ROW("gone before", (PROVED, EVICT),
		    "+proved sync =proved purge take =skipped/gone . stay", "",
		    .taken = FILE_GONE),
		ROW("open", (PROVED, EVICT),
		    "+proved sync =proved purge take =skipped/open . stay", "",
		    .taken = FILE_OPEN),
		ROW("linked", (PROVED, EVICT),
		    "+proved sync =proved purge take =skipped/links . stay", "",
		    .taken = FILE_LINKED),
		ROW("changed", (PROVED, EVICT),
		    "+proved sync =proved purge take =skipped/changed . stay",
		    "", .taken = FILE_CHANGED),
		ROW("no file any more", (PROVED, EVICT),
		    "+proved sync =proved purge take =skipped/changed . stay",
		    "", .taken = FILE_STRANGE),
		ROW("no right to", (PROVED, EVICT),
		    "+proved sync =proved purge take =failed . stay",
		    "it cannot be taken away: Permission denied\n",
		    .taken = FILE_FAILED, .error = EACCES),
		ROW("its name is taken", (PROVED, EVICT),
		    "+proved sync =proved purge take =failed . stay",
		    OTHER_HAS_IT, .taken = FILE_FAILED, .error = EEXIST,
		    .left = "d/.x"),

		/* the trash */
		ROW("trashed", (PROVED, EVICT),
		    "+proved sync =proved purge take>d/a =trashed +trashed .",
		    "", .has_trash = true, .has_gone = true),
		ROW("no place in the trash", (PROVED, EVICT),
		    "+proved sync =proved =failed . stay",
		    "it cannot be moved to the trash: Invalid cross-device "
		    "link\n",
		    .has_trash = true, .trash_fails = true),
		ROW("deleted from the trash",
		    (PROVED, EVICT, .is_in_trash = true),
		    "+proved sync purge take =deleted .", "", .has_trash = true,
		    .has_gone = true),
		ROW("missing, and stays in the trash",
		    (.end = WAY_MISSING, EVICT, .is_in_trash = true),
		    "=failed . stay",
		    "it is not in the bucket any more: it stays in the "
		    "trash\n",
		    .has_trash = true),

		/* max_delete */
		ROW("under the limit", (PROVED, EVICT),
		    "+proved sync =proved purge take =evicted +evicted .", "",
		    .max_delete = 2, .has_gone = true),
		ROW("at the limit", (PROVED, EVICT),
		    "+proved sync =proved =skipped/limit . stay", "",
		    .max_delete = 1),
		ROW("the trash is not limited",
		    (PROVED, EVICT, .is_in_trash = true),
		    "+proved sync purge take =deleted .", "", .has_trash = true,
		    .max_delete = 1, .has_gone = true),

		/* --dry-run */
		ROW("would be uploaded",
		    (.end = WAY_MISSING, .may_upload = true),
		    "=uploaded . stay", "", .is_dry = true),
		ROW("would be uploaded and evicted",
		    (.end = WAY_MISSING, .may_upload = true, EVICT),
		    "=uploaded =evicted . stay", "", .is_dry = true,
		    .has_gone = true),
		ROW("would be evicted", (PRESENT, EVICT),
		    "=present =evicted . stay", "", .is_dry = true,
		    .has_gone = true),
		ROW("would be trashed", (PROVED, EVICT), "=trashed . stay", "",
		    .is_dry = true, .has_trash = true, .has_gone = true),
		ROW("would not be uploaded", (.end = WAY_MISSING, EVICT),
		    "=skipped/not_in_bucket . stay", "", .is_dry = true),
		ROW("would be over the limit", (PROVED, EVICT),
		    "=skipped/limit . stay", "", .is_dry = true,
		    .max_delete = 1),
		ROW("would be known", (PRESENT), "=present . stay", "",
		    .is_dry = true),
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		bool counts = rows[i].has_gone && !rows[i].ending.is_in_trash;

		print_message("%s\n", rows[i].name);
		scene.taken = rows[i].taken;
		scene.left = rows[i].left;
		scene.error = rows[i].error;
		scene.trash_fails = rows[i].trash_fails;
		free(settings.trash);
		settings.trash = rows[i].has_trash ? mem_string("/t") : NULL;
		commit.trash = rows[i].has_trash ? SOME(trash) : NULL;
		means.is_dry_run = rows[i].is_dry;
		commit.journal = rows[i].is_dry ? NULL : SOME(journal);
		commit.max_delete = rows[i].max_delete;
		commit.deleted = 1;
		commit.freed = 0;
		settle(&rows[i].ending, 1);
		assert_string_equal(buf_string(&scene.done), rows[i].done);
		assert_string_equal(buf_string(&scene.why), rows[i].why);
		assert_int_equal(commit.deleted, 1 + counts);
		assert_int_equal(
		    commit.freed, rows[i].has_gone ? BLOCKS * 512 : 0);
		assert_false(commit.is_broken);
		assert_int_equal(trash_day.holders, 1);
	}
}

/* Without the journal no file goes, and none of those that were to be written
 * together. */
static void
test_journal_fails(void **state)
{
	static const struct ending three[] = {
		{ UP, EVICT },
		{ .end = WAY_SKIPPED, .reason = REPORT_OPEN },
		{ PROVED, EVICT },
	};
	static const struct {
		const char *name;
		int bad_add;
		bool sync_fails;
		const char *done;
		const char *why;
	} rows[] = {
		{ "the first is too long", 1, false,
		    "+proved =failed . stay =skipped/open . stay =failed . "
		    "stay",
		    "it is too long for a line of the journal\n"
		    "it is too long for a line of the journal\n" },
		{ "the last is too long", 2, false,
		    "+proved +proved =failed . stay =skipped/open . stay "
		    "=failed . stay",
		    "it is too long for a line of the journal\n"
		    "it is too long for a line of the journal\n" },
		{ "the disk is full", 0, true,
		    "+proved +proved sync =failed . stay =skipped/open . stay "
		    "=failed . stay",
		    "the disk is full\nthe disk is full\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		print_message("%s\n", rows[i].name);
		scene.bad_add = rows[i].bad_add;
		scene.sync_fails = rows[i].sync_fails;
		scene.adds = 0;
		commit.is_broken = false;
		settle(three, COUNT_OF(three));
		assert_string_equal(buf_string(&scene.done), rows[i].done);
		assert_string_equal(buf_string(&scene.why), rows[i].why);
		assert_true(commit.is_broken);
		assert_int_equal(commit.deleted, 0);
		assert_int_equal(commit.freed, 0);
		/* Nor is anything added to it at the end. */
		buf_clear(&scene.done);
		commit_finish(&commit);
		assert_string_equal(buf_string(&scene.done), "");
	}
}

/* One sync for all that were proved together, before the first of them goes. */
static void
test_together(void **state)
{
	static const struct ending three[] = { { UP, EVICT },
		{ .end = WAY_FAILED, .why = "no" }, { PROVED, EVICT } };
	static const struct ending none[] = { { .end = WAY_SKIPPED,
	    .reason = REPORT_OPEN } };

	(void)state;
	settle(three, COUNT_OF(three));
	assert_string_equal(buf_string(&scene.done),
	    "+proved +proved sync "
	    "=uploaded =proved purge take =evicted +evicted . "
	    "=failed . stay "
	    "=proved purge take =evicted +evicted .");
	assert_int_equal(commit.deleted, 2);
	assert_int_equal(commit.freed, 2 * BLOCKS * 512);
	/* The record of the end is brought to the disk at the end. */
	buf_clear(&scene.done);
	commit_finish(&commit);
	assert_string_equal(buf_string(&scene.done), "sync");
	assert_int_equal(scene.warnings, 0);
	scene.sync_fails = true;
	commit_finish(&commit);
	assert_int_equal(scene.warnings, 1);
	/* Nothing to write: nothing is. */
	scene.sync_fails = false;
	settle(none, 1);
	assert_string_equal(buf_string(&scene.done), "=skipped/open . stay");
	commit_ways(&commit, NULL);
	/* The record that fails undoes nothing. */
	scene.adds = 0;
	scene.bad_add = 2;
	settle(three, 1);
	assert_string_equal(buf_string(&scene.done),
	    "+proved sync =uploaded =proved purge take =evicted +evicted .");
	assert_false(commit.is_broken);
}

static void
test_what_is_written(void **state)
{
	static const struct ending one[] = { { UP } };
	char sha256[DIGEST_SHA256_LEN + 1];

	(void)state;
	memset(sha256, 'f', DIGEST_SHA256_LEN);
	sha256[DIGEST_SHA256_LEN] = '\0';
	settle(one, 1);
	assert_string_equal(scene.entry.offload, "img");
	assert_int_equal(scene.entry.size, SIZE);
	assert_int_equal(scene.entry.mtime_s, NOW - 7);
	assert_int_equal(scene.entry.mtime_ns, 123);
	assert_string_equal(scene.entry.sha256, sha256);
	assert_true(scene.entry.when_s > NOW);
	assert_int_equal(scene.entry.etag.len, 3);
	assert_int_equal(scene.entry.key.len, 1);
	assert_int_equal(scene.entry.path.len, 3); /* d/a */
	assert_int_equal(scene.event.bytes, SIZE);
}

/* The very key that the daemon looks up. */
static void
test_purge(void **state)
{
	static const struct ending two[] = { { PROVED, EVICT },
		{ PROVED, EVICT } };
	struct cache_key key;

	(void)state;
	scene.purged = CACHE_DOWN;
	settle(two, 2);
	cache_key_make(&key, &reader, SPAN("b"));
	assert_memory_equal(
	    scene.purged_key.digest, key.digest, sizeof(key.digest));
	assert_int_equal(commit.deleted, 2); /* they go all the same */
	assert_int_equal(scene.warnings, 1); /* said once */
}

static void
test_said_once(void **state)
{
	static const struct ending two[] = { { PROVED, .no_lease = true },
		{ PROVED, .no_lease = true } };

	(void)state;
	settle(two, 2);
	assert_int_equal(scene.warnings, 1);
}

/* What S3 refuses is one object's trouble, as long as it takes others. */
static void
test_failures_of_s3(void **state)
{
	static const struct {
		const char *name;
		struct ending ending;
		bool has_success; /* before */
		unsigned then;    /* where there were two */
	} rows[] = {
		{ "no answer", { .end = WAY_FAILED, .is_s3 = true }, false, 3 },
		{ "no answer, though others were taken",
		    { .end = WAY_FAILED, .is_s3 = true }, true, 3 },
		{ "refused",
		    { .end = WAY_FAILED, .is_s3 = true, .is_refused = true },
		    false, 3 },
		{ "refused, where others were taken",
		    { .end = WAY_FAILED, .is_s3 = true, .is_refused = true },
		    true, 2 },
		{ "another", { .end = WAY_FAILED }, false, 2 },
		{ "skipped", { .end = WAY_SKIPPED, .reason = REPORT_OPEN },
		    false, 2 },
		{ "not begun", { .end = WAY_UNDONE }, false, 2 },
		{ "proved", { PROVED }, false, 0 },
		{ "missing", { .end = WAY_MISSING }, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		print_message("%s\n", rows[i].name);
		commit.s3_failures = 2;
		commit.has_success = rows[i].has_success;
		settle(&rows[i].ending, 1);
		assert_int_equal(commit.s3_failures, rows[i].then);
		assert_int_equal(commit.has_success,
		    rows[i].has_success || rows[i].then == 0);
	}
}

/* Those of one batch count in their order: the first is the one that tells
 * whether S3 takes any. */
static void
test_failures_in_a_row(void **state)
{
	static const struct ending three[] = {
		{ .end = WAY_FAILED, .is_s3 = true, .is_refused = true },
		{ PROVED },
		{ .end = WAY_FAILED, .is_s3 = true, .is_refused = true },
	};

	(void)state;
	settle(three, 1);
	assert_int_equal(commit.s3_failures, 1);
	settle(three, COUNT_OF(three));
	assert_int_equal(commit.s3_failures, 0);
	for (int i = 0; i < 2 * COMMIT_S3_FAILURES_MAX; i++)
		settle(three, 1);
	assert_int_equal(commit.s3_failures, 0);
}

/* ---- remove_folders ---- */

/* An own folder below others: "" - "d" - "e". */
static struct folder chain[3];

static void
link_chain(int64_t age_s)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	for (size_t i = 0; i < COUNT_OF(chain); i++) {
		chain[i] = (struct folder){
			.fd = -1,
			.holders = 100,
			.parent = i > 0 ? &chain[i - 1] : NULL,
			.name = folder.name,
			.path = folder.path,
		};
		chain[i].status.st_mtime = now.tv_sec - 86400;
		chain[i].status.st_ctime = now.tv_sec - age_s;
	}
}

static void
settle_in_chain(const struct ending *ending)
{
	struct way *way = make_way("a", ending);

	folder_release(way->file.folder);
	way->file.folder = folder_hold(&chain[2]);
	way->task.next = NULL;
	commit_ways(&commit, &way->task);
}

/* Only where a file was taken from, and those above that; what is not empty
 * stays anyway. */
static void
test_folders(void **state)
{
	static const struct {
		const char *name;
		struct ending ending;
		enum file_state taken;
		bool is_off, is_dry, has_trash, is_young;
		bool may_remove;
	} rows[] = {
		{ .name = "evicted",
		    .ending = { PROVED, EVICT },
		    .may_remove = true },
		{ .name = "trashed",
		    .ending = { PROVED, EVICT },
		    .has_trash = true,
		    .may_remove = true },
		{ .name = "off", .ending = { PROVED, EVICT }, .is_off = true },
		{ .name = "young",
		    .ending = { PROVED, EVICT },
		    .is_young = true },
		{ .name = "uploaded", .ending = { UP } },
		{ .name = "skipped",
		    .ending = { .end = WAY_SKIPPED,
			.reason = REPORT_OPEN,
			EVICT } },
		{ .name = "failed", .ending = { .end = WAY_FAILED, EVICT } },
		{ .name = "cannot go",
		    .ending = { PROVED, EVICT },
		    .taken = FILE_FAILED },
		{ .name = "gone by another's hand",
		    .ending = { PROVED, EVICT },
		    .taken = FILE_GONE },
		{ .name = "would be evicted",
		    .ending = { PROVED, EVICT },
		    .is_dry = true },
		/* Its folders are the trash's own business. */
		{ .name = "deleted from the trash",
		    .ending = { PROVED, EVICT, .is_in_trash = true },
		    .has_trash = true },
	};

	(void)state;
	settings.min_age_ms = 3600 * 1000;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		print_message("%s\n", rows[i].name);
		link_chain(rows[i].is_young ? 60 : 7200);
		settings.remove_folders = !rows[i].is_off;
		free(settings.trash);
		settings.trash = rows[i].has_trash ? mem_string("/t") : NULL;
		commit.trash = rows[i].has_trash ? SOME(trash) : NULL;
		means.is_dry_run = rows[i].is_dry;
		commit.journal = rows[i].is_dry ? NULL : SOME(journal);
		scene.taken = rows[i].taken;
		settle_in_chain(&rows[i].ending);
		assert_int_equal(chain[2].may_remove, rows[i].may_remove);
		assert_int_equal(chain[1].may_remove, rows[i].may_remove);
		assert_false(chain[0].may_remove); /* the root */
	}
	/* Each by its own age. */
	link_chain(7200);
	chain[2].status.st_ctime = chain[0].status.st_ctime + 7140;
	scene.taken = FILE_FINE;
	means.is_dry_run = false;
	commit.trash = NULL;
	commit.journal = SOME(journal);
	settle_in_chain(&(struct ending){ PROVED, EVICT });
	assert_false(chain[2].may_remove);
	assert_true(chain[1].may_remove);
}

static void
test_print(void **state)
{
	static const struct ending ending = { .end = WAY_UNDONE };
	struct way *a = make_way("a", &ending), *b = make_way("b", &ending);
	uint64_t print = commit_print(&commit, a);

	(void)state;
	assert_true(print != 0);
	assert_true(print == commit_print(&commit, a));
	assert_true(print != commit_print(&commit, b));
	commit.target = "https://s3/c";
	assert_true(print != commit_print(&commit, a));
	commit.target = "https://s3/b";
	a->file.status.st_mtim.tv_nsec++;
	assert_true(print != commit_print(&commit, a));
	way_free(a);
	way_free(b);
}

/* Every COMMIT_KNOWN_DAYS S3 is asked again: of each file once in that time,
 * and on any day of about as many as on another. */
static void
test_print_ages(void **state)
{
	enum { FILES = 3000, DAY = 86400, EVEN = FILES / COMMIT_KNOWN_DAYS };
	static const struct ending ending = { .end = WAY_UNDONE };
	struct way *way = make_way("a", &ending);
	unsigned on_day[COMMIT_KNOWN_DAYS] = { 0 };

	(void)state;
	for (ino_t ino = 1; ino <= FILES; ino++) {
		uint64_t before, first;
		unsigned changes = 0;

		way->file.status.st_ino = ino;
		way->now_s = NOW;
		first = before = commit_print(&commit, way);
		for (int day = 0; day < COMMIT_KNOWN_DAYS; day++) {
			uint64_t now;

			way->now_s += DAY;
			now = commit_print(&commit, way);
			on_day[day] += now != before;
			changes += now != before;
			before = now;
		}
		assert_int_equal(changes, 1);
		assert_true(before != first);
	}
	for (int day = 0; day < COMMIT_KNOWN_DAYS; day++)
		assert_in_range(on_day[day], EVEN / 2, EVEN * 2);
	way_free(way);
}

static void
test_tell(void **state)
{
	(void)state;
	commit_tell(&commit, REPORT_SKIPPED, REPORT_OPEN, "x", 7, "why");
	assert_string_equal(buf_string(&scene.done), "=skipped/open");
	assert_string_equal(scene.event.path, "x");
	assert_string_equal(scene.event.why, "why");
	assert_int_equal(scene.event.bytes, 7);
	assert_null(scene.event.key);
}

#define RUN(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_one),
		RUN(test_journal_fails),
		RUN(test_together),
		RUN(test_what_is_written),
		RUN(test_purge),
		RUN(test_said_once),
		RUN(test_failures_of_s3),
		RUN(test_failures_in_a_row),
		RUN(test_folders),
		RUN(test_print),
		RUN(test_print_ages),
		RUN(test_tell),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

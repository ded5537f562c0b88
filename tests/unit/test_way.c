/*
 * The way of one file to the bucket (src/offload/way.h): each step's failures,
 * what a store is known to do, and that no object is ever put over another.
 * File, bucket and reader are played by this file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "config/table.h"
#include "config/value.h"
#include "config/writer.h"
#include "offload/file.h"
#include "offload/parts.h"
#include "offload/put.h"
#include "offload/way.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

#define SHA256 \
	"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

enum {
	NOW = 1400000000,
	SMALL = 5,
	LARGE = PUT_PIECE_MAX + 1, /* not in one piece */
	STEPS = 12,
	FOLDER_FD = 4711, /* of none */
};

/* ------------------------------------------------------- the played scene */

static struct {
	/* The file. */
	enum file_state open;
	bool no_lease;
	int64_t age_s;
	int64_t mtime_s; /* of a file of that age; 0: as its age */
	bool is_fixed;   /* its folder cannot be written to */
	bool digest_fails;
	int error;
	enum file_state check;

	/* The bucket, as each of those who ask sees it. */
	enum prove_result look;
	enum prove_result proof;
	enum sending_result puts[4];
	bool is_forbidden; /* where it cannot be looked at or read */

	/* What was done: a letter a step. */
	char steps[STEPS + 1];
	size_t n_steps;
	size_t n_puts;
	bool with_md5;
	struct prove_order order;
	struct sending_order sent;
} scene;

static unsigned told; /* of a store */

enum file_state __wrap_file_open(struct file *file, bool *no_lease);
enum file_state __wrap_file_check(const struct file *file);
int __wrap_faccessat(int fd, const char *path, int mode, int flags);
bool __wrap_digest_file(int fd, uint64_t offset, uint64_t size, bool with_md5,
    bool is_idle, char *room, size_t room_size, struct digest *digest);
enum prove_result __wrap_prove_look(const struct prove_order *order,
    struct hand *hand, bool *has_digest, struct prove_found *found);
enum prove_result __wrap_prove(const struct prove_order *order,
    struct hand *hand, struct prove_found *found);
enum sending_result __wrap_put_file(const struct sending_order *order,
    struct hand *hand, char reason[SENDING_REASON_MAX]);
void __wrap_log_info(const char *format, ...);

static void
note(char step)
{
	assert_true(scene.n_steps < STEPS);
	scene.steps[scene.n_steps++] = step;
	scene.steps[scene.n_steps] = '\0';
}

void
__wrap_log_info(const char *format, ...)
{
	(void)format;
	told++;
}

enum file_state
__wrap_file_open(struct file *file, bool *no_lease)
{
	note('o');
	file->status.st_mtim.tv_sec = file->status.st_ctim.tv_sec =
	    NOW - scene.age_s;
	if (scene.mtime_s != 0)
		file->status.st_mtim.tv_sec = scene.mtime_s;
	*no_lease = scene.no_lease;
	errno = scene.error;
	return (scene.open);
}

/* By the rights that it has now, and not by those that it was started with. */
int
__wrap_faccessat(int fd, const char *path, int mode, int flags)
{
	assert_int_equal(fd, FOLDER_FD);
	assert_string_equal(path, ".");
	assert_int_equal(mode, W_OK);
	assert_int_equal(flags, AT_EACCESS);
	note('a');
	errno = EROFS;
	return (scene.is_fixed ? -1 : 0);
}

enum file_state
__wrap_file_check(const struct file *file)
{
	(void)file;
	note('c');
	errno = scene.error;
	return (scene.check);
}

bool
__wrap_digest_file(int fd, uint64_t offset, uint64_t size, bool with_md5,
    bool is_idle, char *room, size_t room_size, struct digest *digest)
{
	(void)fd;
	(void)size;
	(void)room;
	note('d');
	assert_int_equal(offset, 0);
	assert_int_equal(room_size, CREW_ROOM);
	assert_true(is_idle); /* nothing is under way yet */
	scene.with_md5 = with_md5;
	snprintf(digest->sha256, sizeof(digest->sha256), "%s", SHA256);
	errno = scene.error;
	return (!scene.digest_fails);
}

enum prove_result
__wrap_prove_look(const struct prove_order *order, struct hand *hand,
    bool *has_digest, struct prove_found *found)
{
	bool is_writer = strcmp(order->site->name, "writer") == 0;

	(void)hand;
	/* To look is for the writer, or, of a dry run, the reader. */
	note(is_writer ? 'l' : 'L');
	scene.order = *order;
	*has_digest = true;
	snprintf(found->etag, sizeof(found->etag), "tag");
	snprintf(found->reason, sizeof(found->reason), "LOOKED");
	found->is_forbidden = scene.is_forbidden;
	return (is_writer ? scene.look : scene.proof);
}

enum prove_result
__wrap_prove(const struct prove_order *order, struct hand *hand,
    struct prove_found *found)
{
	(void)hand;
	note('p');
	assert_string_equal(order->site->name, "reader");
	scene.order = *order;
	snprintf(found->etag, sizeof(found->etag), "tag");
	snprintf(found->reason, sizeof(found->reason), "PROVED");
	found->is_forbidden = scene.is_forbidden;
	return (scene.proof);
}

/* Only new: "n"; whatever is there: "w". */
enum sending_result
__wrap_put_file(const struct sending_order *order, struct hand *hand,
    char reason[SENDING_REASON_MAX])
{
	(void)hand;
	note(order->only_new ? 'n' : 'w');
	scene.sent = *order;
	snprintf(reason, SENDING_REASON_MAX, "PUT");
	assert_true(scene.n_puts < COUNT_OF(scene.puts));
	return (scene.puts[scene.n_puts++]);
}

/* ------------------------------------------------------------ surroundings */

static struct site reader, writer;
static struct offload_settings settings;
static struct store store;
static struct mime *mime;
static struct way_means means;
static struct folder folder = { .fd = FOLDER_FD, .holders = 1 };

static int
setup(void **state)
{
	char path[] = "/tmp/test_way.XXXXXX";
	struct buf why;
	int fd;

	(void)state;
	memset(&scene, 0, sizeof(scene));
	told = 0;
	buf_init(&why, 4096);
	fd = mkstemp(path);
	assert_return_code(fd, errno);
	assert_int_equal(write(fd, "image/png png\n", 14), 14);
	mime = mime_load(path, &why);
	assert_non_null(mime);
	buf_fini(&why);
	close(fd);
	unlink(path);
	reader = (struct site){ .name = mem_string("reader") };
	writer = (struct site){ .name = mem_string("writer") };
	settings = (struct offload_settings){ .name = mem_string("img"),
		.min_age_ms = 60000,
		.verify = OFFLOAD_VERIFY_READ };
	folder.name = mem_string("");
	folder.path = mem_string("");
	store_init(&store, "img");
	means = (struct way_means){
		.settings = &settings,
		.reader = &reader,
		.sending = { .site = &writer,
		    .settings = &settings,
		    .patience_ms = 4711 },
		.mime = mime,
		.store = &store,
	};
	scene.age_s = 3600;
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	mime_free(mime);
	free(reader.name);
	free(writer.name);
	free(settings.name);
	free(folder.name);
	free(folder.path);
	return (0);
}

static char room[CREW_ROOM];

static struct way *
make_way(off_t size)
{
	struct stat status = { .st_mode = S_IFREG | 0644, .st_size = size };
	struct way *way = way_new(&means, &folder, "cat.png", &status, NOW);

	assert_true(way_find_key(way, "/img/", "cat.png"));
	way->may_upload = true;
	return (way);
}

static void
go(struct way *way)
{
	struct hand hand = { .room = room };

	scene.n_steps = scene.n_puts = 0;
	scene.steps[0] = '\0';
	way->task.run(&way->task, &hand);
}

static void
set_store(enum store_word word)
{
	store_init(&store, "img");
	if (word != STORE_UNTRIED) {
		assert_true(store_may_try(&store));
		store_found(&store, word);
	}
	told = 0;
}

/* ------------------------------------------------------------------- tests */

#define NO_MTIME                                                        \
	"it was changed before 1970, or after 9999: readers would see " \
	"another time; right would be: touch it"
#define FIXED                                                                  \
	"its folder cannot be written to, so it could not go: Read-only file " \
	"system"
#define STALE                                                                 \
	"it was changed, moved or deleted while it was uploaded: the object " \
	"\"img/cat.png\" has the bytes that it had before, and stays until "  \
	"someone removes it"

/* All is well with the bucket; the file is what fails. */
static void
test_file(void **state)
{
	static const struct {
		const char *name;
		enum file_state open;
		int64_t age_s;
		bool digest_fails;
		int error;
		enum sending_result put;
		enum file_state check;
		enum way_end end;
		enum report_reason reason;
		const char *why;
		const char *steps;
	} rows[] = {
		{ .name = "fine",
		    .age_s = 60,
		    .end = WAY_PROVED,
		    .why = "",
		    .steps = "odlnncp" },
		{ .name = "gone",
		    .open = FILE_GONE,
		    .end = WAY_SKIPPED,
		    .reason = REPORT_GONE,
		    .steps = "o" },
		{ .name = "no file",
		    .open = FILE_STRANGE,
		    .end = WAY_SKIPPED,
		    .reason = REPORT_NOT_REGULAR,
		    .steps = "o" },
		{ .name = "of several names",
		    .open = FILE_LINKED,
		    .end = WAY_SKIPPED,
		    .reason = REPORT_LINKS,
		    .steps = "o" },
		{ .name = "open for writing",
		    .open = FILE_OPEN,
		    .end = WAY_SKIPPED,
		    .reason = REPORT_OPEN,
		    .steps = "o" },
		{ .name = "another by now",
		    .open = FILE_CHANGED,
		    .end = WAY_SKIPPED,
		    .reason = REPORT_CHANGED,
		    .steps = "o" },
		{ .name = "cannot be opened",
		    .open = FILE_FAILED,
		    .error = EACCES,
		    .end = WAY_FAILED,
		    .why = "it cannot be opened or looked at: Permission "
			   "denied",
		    .steps = "o" },
		{ .name = "too young by now",
		    .age_s = 59,
		    .end = WAY_SKIPPED,
		    .reason = REPORT_TOO_YOUNG,
		    .steps = "o" },
		{ .name = "of tomorrow",
		    .age_s = -86400,
		    .end = WAY_SKIPPED,
		    .reason = REPORT_TOO_YOUNG,
		    .steps = "o" },
		{ .name = "shorter by now",
		    .digest_fails = true,
		    .end = WAY_SKIPPED,
		    .reason = REPORT_CHANGED,
		    .steps = "od" },
		{ .name = "cannot be read",
		    .digest_fails = true,
		    .error = EIO,
		    .end = WAY_FAILED,
		    .why = "it cannot be read: Input/output error",
		    .steps = "od" },
		{ .name = "a signal came before it was read",
		    .digest_fails = true,
		    .error = ECANCELED,
		    .end = WAY_UNDONE,
		    .steps = "od" },

		/* There is an object of the bytes that it had. */
		{ .name = "changed while it was sent",
		    .check = FILE_CHANGED,
		    .end = WAY_FAILED,
		    .why = STALE,
		    .steps = "odlnnc" },
		{ .name = "gone while it was sent",
		    .check = FILE_GONE,
		    .end = WAY_FAILED,
		    .why = STALE,
		    .steps = "odlnnc" },
		{ .name = "a link by now",
		    .check = FILE_STRANGE,
		    .end = WAY_FAILED,
		    .why = STALE,
		    .steps = "odlnnc" },

		/* S3 refuses what is not what was digested (BadDigest). */
		{ .name = "changed, and therefore refused",
		    .put = SENDING_REFUSED,
		    .check = FILE_CHANGED,
		    .end = WAY_SKIPPED,
		    .reason = REPORT_CHANGED,
		    .steps = "odlnc" },
		{ .name = "gone, and not sent",
		    .put = SENDING_FAILED,
		    .check = FILE_GONE,
		    .end = WAY_SKIPPED,
		    .reason = REPORT_GONE,
		    .steps = "odlnc" },
		{ .name = "of several names by now, and not sent",
		    .put = SENDING_FAILED,
		    .check = FILE_LINKED,
		    .end = WAY_SKIPPED,
		    .reason = REPORT_LINKS,
		    .steps = "odlnc" },
		{ .name = "not sent, and not to be looked at any more",
		    .put = SENDING_FAILED,
		    .check = FILE_FAILED,
		    .error = EIO,
		    .end = WAY_FAILED,
		    .why = "it cannot be opened or looked at: Input/output "
			   "error",
		    .steps = "odlnc" },

		/* It was there before: what is in the bucket is not ours. */
		{ .name = "changed while it was looked for",
		    .put = SENDING_EXISTS,
		    .check = FILE_CHANGED,
		    .end = WAY_SKIPPED,
		    .reason = REPORT_CHANGED,
		    .steps = "odlnc" },
		{ .name = "gone while it was looked for",
		    .put = SENDING_EXISTS,
		    .check = FILE_GONE,
		    .end = WAY_SKIPPED,
		    .reason = REPORT_GONE,
		    .steps = "odlnc" },
		{ .name = "a link while it was looked for",
		    .put = SENDING_EXISTS,
		    .check = FILE_STRANGE,
		    .end = WAY_SKIPPED,
		    .reason = REPORT_NOT_REGULAR,
		    .steps = "odlnc" },
	};

	(void)state;
	scene.look = PROVE_MISSING;
	scene.puts[1] = SENDING_EXISTS;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct way *way = make_way(SMALL);

		print_message("%s\n", rows[i].name);
		set_store(STORE_UNTRIED);
		scene.open = rows[i].open;
		scene.age_s = rows[i].age_s != 0 ? rows[i].age_s : 3600;
		scene.digest_fails = rows[i].digest_fails;
		scene.error = rows[i].error;
		scene.check = rows[i].check;
		scene.puts[0] = rows[i].put;
		go(way);
		assert_int_equal(way->end, rows[i].end);
		assert_int_equal(way->reason, rows[i].reason);
		assert_string_equal(
		    way->why, rows[i].why != NULL ? rows[i].why : "");
		assert_string_equal(scene.steps, rows[i].steps);
		assert_false(way->is_s3);
		way_free(way);
	}
	way_free(NULL);
}

#define LOOK_FAILED "whether it is in the bucket cannot be found out: LOOKED"
#define NEVER                                                                  \
	"PROVED: it is never overwritten, and the file stays; one of the two " \
	"must go, or get another name"
#define NOT_BACK "S3 does not give back what was sent, so it stays: PROVED"
#define NOT_SEEN                                                            \
	"S3 took it, but a reader does not get it: PROVED (has the site's " \
	"key s3:GetObject?)"

/* The bucket: l looks with the writer's credentials, n puts with If-None-Match,
 * w without, p proves. */
static const struct row {
	const char *name;
	off_t size; /* 0: SMALL */
	enum store_word word;
	enum prove_result look;
	enum sending_result puts[4];
	enum prove_result proof;
	const char *steps; /* between digest and the end */
	enum store_word word_then;
	enum way_end end;
	bool was_uploaded;
	bool is_s3;
	const char *why;
} bucket_rows[] = {
	/* What the store does is not known. */
	{ "untried: honours", 0, STORE_UNTRIED, PROVE_MISSING,
	    { SENDING_DONE, SENDING_EXISTS }, PROVE_HOLDS, "lnncp",
	    STORE_HONOURS, WAY_PROVED, true, false, "" },
	{ "untried: takes no notice", 0, STORE_UNTRIED, PROVE_MISSING,
	    { SENDING_DONE, SENDING_DONE }, PROVE_HOLDS, "lnncp", STORE_NOT,
	    WAY_PROVED, true, false, "" },
	{ "untried: refuses the second", 0, STORE_UNTRIED, PROVE_MISSING,
	    { SENDING_DONE, SENDING_UNSUPPORTED }, PROVE_HOLDS, "lnncp",
	    STORE_NOT, WAY_PROVED, true, false, "" },
	{ "untried: no answer to the second", 0, STORE_UNTRIED, PROVE_MISSING,
	    { SENDING_DONE, SENDING_FAILED }, PROVE_HOLDS, "lnncp",
	    STORE_UNTRIED, WAY_PROVED, true, false, "" },
	{ "untried: refuses", 0, STORE_UNTRIED, PROVE_MISSING,
	    { SENDING_UNSUPPORTED, SENDING_DONE }, PROVE_HOLDS, "lnlwcp",
	    STORE_NOT, WAY_PROVED, true, false, "" },
	{ "untried: refuses that too", 0, STORE_UNTRIED, PROVE_MISSING,
	    { SENDING_UNSUPPORTED, SENDING_UNSUPPORTED }, PROVE_HOLDS, "lnlwc",
	    STORE_NOT, WAY_FAILED, false, true, "it cannot be uploaded: PUT" },
	{ "untried: is there", 0, STORE_UNTRIED, PROVE_HOLDS, { 0 },
	    PROVE_HOLDS, "lcp", STORE_UNTRIED, WAY_PROVED, false, false, "" },
	{ "untried: another is there", 0, STORE_UNTRIED, PROVE_DIFFERS, { 0 },
	    PROVE_DIFFERS, "lcp", STORE_UNTRIED, WAY_FAILED, false, false,
	    NEVER },
	{ "untried: it came meanwhile", 0, STORE_UNTRIED, PROVE_MISSING,
	    { SENDING_EXISTS }, PROVE_HOLDS, "lncp", STORE_UNTRIED, WAY_PROVED,
	    false, false, "" },
	{ "untried: another came meanwhile", 0, STORE_UNTRIED, PROVE_MISSING,
	    { SENDING_EXISTS }, PROVE_DIFFERS, "lncp", STORE_UNTRIED,
	    WAY_FAILED, false, false, NEVER },
	{ "untried: it cannot be asked", 0, STORE_UNTRIED, PROVE_FAILED, { 0 },
	    PROVE_HOLDS, "l", STORE_UNTRIED, WAY_FAILED, false, true,
	    LOOK_FAILED },
	{ "untried: cannot tell what is there", 0, STORE_UNTRIED, PROVE_UNSURE,
	    { 0 }, PROVE_UNSURE, "lcp", STORE_UNTRIED, WAY_FAILED, false, false,
	    "PROVED" },
	{ "untried: many pieces try nothing", LARGE, STORE_UNTRIED,
	    PROVE_MISSING, { SENDING_DONE }, PROVE_HOLDS, "lncp", STORE_UNTRIED,
	    WAY_PROVED, true, false, "" },

	/* It honours If-None-Match. */
	{ "honours", 0, STORE_HONOURS, PROVE_FAILED, { SENDING_DONE },
	    PROVE_HOLDS, "ncp", STORE_HONOURS, WAY_PROVED, true, false, "" },
	{ "honours: is there", 0, STORE_HONOURS, PROVE_FAILED,
	    { SENDING_EXISTS }, PROVE_HOLDS, "ncp", STORE_HONOURS, WAY_PROVED,
	    false, false, "" },
	{ "honours: another is there", 0, STORE_HONOURS, PROVE_FAILED,
	    { SENDING_EXISTS }, PROVE_DIFFERS, "ncp", STORE_HONOURS, WAY_FAILED,
	    false, false, NEVER },
	{ "honours, but refuses this time", 0, STORE_HONOURS, PROVE_MISSING,
	    { SENDING_UNSUPPORTED, SENDING_DONE }, PROVE_HOLDS, "nlwcp",
	    STORE_HONOURS, WAY_PROVED, true, false, "" },
	{ "honours, but refuses, and another is there", 0, STORE_HONOURS,
	    PROVE_DIFFERS, { SENDING_UNSUPPORTED }, PROVE_DIFFERS, "nlcp",
	    STORE_HONOURS, WAY_FAILED, false, false, NEVER },
	{ "honours, but refuses, and cannot be asked", 0, STORE_HONOURS,
	    PROVE_FAILED, { SENDING_UNSUPPORTED }, PROVE_HOLDS, "nl",
	    STORE_HONOURS, WAY_FAILED, false, true, LOOK_FAILED },
	{ "honours: many pieces are not sent for nothing", LARGE, STORE_HONOURS,
	    PROVE_DIFFERS, { 0 }, PROVE_DIFFERS, "lcp", STORE_HONOURS,
	    WAY_FAILED, false, false, NEVER },
	{ "honours: many pieces", LARGE, STORE_HONOURS, PROVE_MISSING,
	    { SENDING_DONE }, PROVE_HOLDS, "lncp", STORE_HONOURS, WAY_PROVED,
	    true, false, "" },

	/* It does not. */
	{ "does not", 0, STORE_NOT, PROVE_MISSING, { SENDING_DONE },
	    PROVE_HOLDS, "lwcp", STORE_NOT, WAY_PROVED, true, false, "" },
	{ "does not: is there", 0, STORE_NOT, PROVE_HOLDS, { 0 }, PROVE_HOLDS,
	    "lcp", STORE_NOT, WAY_PROVED, false, false, "" },
	{ "does not: another is there", 0, STORE_NOT, PROVE_DIFFERS, { 0 },
	    PROVE_DIFFERS, "lcp", STORE_NOT, WAY_FAILED, false, false, NEVER },
	{ "does not: it cannot be asked", 0, STORE_NOT, PROVE_FAILED, { 0 },
	    PROVE_HOLDS, "l", STORE_NOT, WAY_FAILED, false, true, LOOK_FAILED },

	/* What the store and the reader say then. */
	{ "not taken", 0, STORE_HONOURS, PROVE_FAILED, { SENDING_FAILED },
	    PROVE_HOLDS, "nc", STORE_HONOURS, WAY_FAILED, false, true,
	    "it cannot be uploaded: PUT" },
	{ "it became shorter", 0, STORE_HONOURS, PROVE_FAILED,
	    { SENDING_UNREADABLE }, PROVE_HOLDS, "n", STORE_HONOURS, WAY_FAILED,
	    false, false, "PUT" },
	{ "a reader does not get it", 0, STORE_HONOURS, PROVE_FAILED,
	    { SENDING_DONE }, PROVE_MISSING, "ncp", STORE_HONOURS, WAY_FAILED,
	    true, true, NOT_SEEN },
	{ "a reader does not get what is there", 0, STORE_HONOURS, PROVE_FAILED,
	    { SENDING_EXISTS }, PROVE_MISSING, "ncp", STORE_HONOURS,
	    WAY_MISSING, false, false, "" },
	{ "a reader gets something else", 0, STORE_HONOURS, PROVE_FAILED,
	    { SENDING_DONE }, PROVE_DIFFERS, "ncp", STORE_HONOURS, WAY_FAILED,
	    true, false, NOT_BACK },
	{ "a reader gets no answer", 0, STORE_HONOURS, PROVE_FAILED,
	    { SENDING_DONE }, PROVE_FAILED, "ncp", STORE_HONOURS, WAY_FAILED,
	    true, true, "PROVED" },
	{ "a reader cannot tell", 0, STORE_HONOURS, PROVE_FAILED,
	    { SENDING_DONE }, PROVE_UNSURE, "ncp", STORE_HONOURS, WAY_FAILED,
	    true, false, "PROVED" },
};

/* Whether any put without If-None-Match was made that no look saying "missing"
 * went right before. */
static bool
is_overwriting(const struct row *row)
{
	for (const char *at = scene.steps; *at != '\0'; at++)
		if (*at == 'w' &&
		    (at == scene.steps || at[-1] != 'l' ||
			row->look != PROVE_MISSING))
			return (true);
	return (false);
}

static void
test_bucket(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(bucket_rows); i++) {
		const struct row *row = &bucket_rows[i];
		off_t size = row->size != 0 ? row->size : SMALL;
		struct way *way = make_way(size);
		char steps[STEPS + 1];

		print_message("%s\n", row->name);
		set_store(row->word);
		scene.look = row->look;
		memcpy(scene.puts, row->puts, sizeof(scene.puts));
		scene.proof = row->proof;
		go(way);
		snprintf(steps, sizeof(steps), "od%s", row->steps);
		assert_string_equal(scene.steps, steps);
		assert_false(is_overwriting(row));
		assert_int_equal(store_word(&store), row->word_then);
		assert_int_equal(told, row->word != row->word_then);
		assert_int_equal(way->end, row->end);
		assert_int_equal(way->was_uploaded, row->was_uploaded);
		assert_int_equal(way->is_s3, row->is_s3);
		assert_string_equal(way->why, row->why);
		assert_int_equal(scene.with_md5, size == SMALL);
		way_free(way);
	}
}

/* What is to fail in the end is neither read nor sent before. */
static void
test_hopeless(void **state)
{
	static const struct {
		const char *name;
		uint64_t size;
		int64_t mtime_s;
		bool may_upload, may_evict, is_dry, is_fixed;
		const char *why; /* NULL: it is not */
		const char *steps;
	} rows[] = {
		{ "the largest", PARTS_FILE_MAX, 0, true, false, false, false,
		    NULL, "odlncp" },
		{ "a larger one", PARTS_FILE_MAX + 1, 0, true, false, false,
		    false,
		    "it is over 53687091200000 bytes: no store takes so large "
		    "an object",
		    "o" },
		{ "a larger one, dry", PARTS_FILE_MAX + 1, 0, true, false, true,
		    false,
		    "it is over 53687091200000 bytes: no store takes so large "
		    "an object",
		    "o" },
		/* How it came there is not our business. */
		{ "a larger one that is there already", PARTS_FILE_MAX + 1, 0,
		    false, true, false, false, NULL, "oadcp" },
		{ "before 1970", SMALL, -1, true, false, false, false, NO_MTIME,
		    "o" },
		{ "before 1970, dry", SMALL, -1, true, true, true, false,
		    NO_MTIME, "o" },
		{ "before 1970, and there already", SMALL, -1, false, true,
		    false, false, NULL, "oadcp" },
		{ "in the first second", SMALL, 1, true, false, false, false,
		    NULL, "odlnncp" },
		{ "a folder that may be written to", SMALL, 0, true, true,
		    false, false, NULL, "oadlnncp" },
		{ "a folder that may not", SMALL, 0, true, true, false, true,
		    FIXED, "oa" },
		{ "a folder that may not, evict", SMALL, 0, false, true, false,
		    true, FIXED, "oa" },
		{ "a folder that may not, put", SMALL, 0, true, false, false,
		    true, NULL, "odlnncp" },
		{ "a folder that may not, dry", SMALL, 0, false, true, true,
		    true, NULL, "odcL" },
	};

	(void)state;
	scene.look = PROVE_MISSING;
	scene.puts[1] = SENDING_EXISTS;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct way *way = make_way((off_t)rows[i].size);

		print_message("%s\n", rows[i].name);
		set_store(STORE_UNTRIED);
		way->may_upload = rows[i].may_upload;
		way->may_evict = rows[i].may_evict;
		means.is_dry_run = rows[i].is_dry;
		scene.mtime_s = rows[i].mtime_s;
		scene.is_fixed = rows[i].is_fixed;
		go(way);
		assert_string_equal(scene.steps, rows[i].steps);
		assert_int_equal(
		    way->end, rows[i].why != NULL ? WAY_FAILED : WAY_PROVED);
		assert_string_equal(
		    way->why, rows[i].why != NULL ? rows[i].why : "");
		assert_false(way->is_s3);
		way_free(way);
	}
}

/* Refused, or no answer: one is that object's trouble, the other S3's. */
static void
test_refused(void **state)
{
	static const struct {
		const char *name;
		enum prove_result look;
		enum sending_result put;
		enum prove_result proof;
		bool is_forbidden;
		bool is_refused;
		const char *why;
	} rows[] = {
		{ "no answer before", PROVE_FAILED, SENDING_DONE, PROVE_HOLDS,
		    false, false, LOOK_FAILED },
		{ "forbidden before", PROVE_FAILED, SENDING_DONE, PROVE_HOLDS,
		    true, true,
		    LOOK_FAILED "; the writer's key needs s3:GetObject and "
				"s3:ListBucket" },
		{ "no answer to the upload", PROVE_MISSING, SENDING_FAILED,
		    PROVE_HOLDS, false, false, "it cannot be uploaded: PUT" },
		{ "the upload is refused", PROVE_MISSING, SENDING_REFUSED,
		    PROVE_HOLDS, false, true, "it cannot be uploaded: PUT" },
		{ "no answer to the reader", PROVE_MISSING, SENDING_DONE,
		    PROVE_FAILED, false, false, "PROVED" },
		{ "the reader is refused", PROVE_MISSING, SENDING_DONE,
		    PROVE_FAILED, true, true, "PROVED" },
		{ "the reader is told that it is missing", PROVE_MISSING,
		    SENDING_DONE, PROVE_MISSING, false, true, NOT_SEEN },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct way *way = make_way(SMALL);

		print_message("%s\n", rows[i].name);
		set_store(STORE_NOT);
		scene.look = rows[i].look;
		scene.puts[0] = rows[i].put;
		scene.proof = rows[i].proof;
		scene.is_forbidden = rows[i].is_forbidden;
		go(way);
		assert_int_equal(way->end, WAY_FAILED);
		assert_true(way->is_s3);
		assert_int_equal(way->is_refused, rows[i].is_refused);
		assert_string_equal(way->why, rows[i].why);
		way_free(way);
	}
}

/* What its digest left in the room is sent from there, if all of it is. */
static void
test_small_ones_are_sent_from_memory(void **state)
{
	static const struct {
		off_t size;
		bool is_kept;
	} rows[] = { { 0, true }, { 1, true }, { CREW_ROOM, true },
		{ CREW_ROOM + 1, false }, { LARGE, false } };

	(void)state;
	scene.look = PROVE_MISSING;
	set_store(STORE_NOT);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct way *way = make_way(rows[i].size);

		go(way);
		assert_int_equal(way->end, WAY_PROVED);
		assert_ptr_equal(
		    scene.sent.bytes.data, rows[i].is_kept ? room : NULL);
		if (rows[i].is_kept)
			assert_int_equal(scene.sent.bytes.len, rows[i].size);
		way_free(way);
	}
}

/* Whoever tries a store out and finds nothing leaves it to the next. */
static void
test_tried_again(void **state)
{
	struct way *way = make_way(SMALL);

	(void)state;
	scene.look = PROVE_MISSING;
	scene.puts[1] = SENDING_FAILED;
	go(way);
	assert_string_equal(scene.steps, "odlnncp");
	way_free(way);
	way = make_way(SMALL);
	scene.puts[1] = SENDING_EXISTS;
	go(way);
	assert_string_equal(scene.steps, "odlnncp");
	assert_int_equal(store_word(&store), STORE_HONOURS);
	way_free(way);
	/* While one tries, another does not. */
	store_init(&store, "img");
	assert_true(store_may_try(&store));
	assert_false(store_may_try(&store));
	way = make_way(SMALL);
	go(way);
	assert_string_equal(scene.steps, "odlncp");
	way_free(way);
}

/* What is not to be uploaded, and a dry run, write nothing. */
static void
test_nothing_is_sent(void **state)
{
	static const struct {
		const char *name;
		bool may_upload;
		bool is_dry_run;
		enum prove_result proof;
		const char *steps;
		enum way_end end;
		const char *why;
	} rows[] = {
		{ "evict", false, false, PROVE_HOLDS, "odcp", WAY_PROVED, "" },
		{ "evict: missing", false, false, PROVE_MISSING, "odcp",
		    WAY_MISSING, "" },
		{ "evict: another", false, false, PROVE_DIFFERS, "odcp",
		    WAY_FAILED, NEVER },
		{ "dry evict", false, true, PROVE_HOLDS, "odcL", WAY_PROVED,
		    "" },
		{ "dry: it is there", true, true, PROVE_HOLDS, "odcL",
		    WAY_PROVED, "" },
		{ "dry: it is missing", true, true, PROVE_MISSING, "odcL",
		    WAY_MISSING, "" },
		{ "dry: no answer", true, true, PROVE_FAILED, "odcL",
		    WAY_FAILED, "LOOKED" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct way *way = make_way(SMALL);

		print_message("%s\n", rows[i].name);
		way->may_upload = rows[i].may_upload;
		means.is_dry_run = rows[i].is_dry_run;
		scene.proof = rows[i].proof;
		go(way);
		assert_string_equal(scene.steps, rows[i].steps);
		assert_int_equal(way->end, rows[i].end);
		assert_string_equal(way->why, rows[i].why);
		assert_false(way->was_uploaded);
		assert_int_equal(scene.with_md5, rows[i].may_upload);
		way_free(way);
	}
}

static void
test_orders(void **state)
{
	static const struct {
		int verify;
		enum prove_depth depth;
	} rows[] = {
		{ OFFLOAD_VERIFY_READ, PROVE_BY_READING },
		{ OFFLOAD_VERIFY_HEAD, PROVE_BY_HEAD },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct way *way;

		settings.verify = rows[i].verify;
		set_store(STORE_NOT);
		scene.look = PROVE_MISSING;
		scene.no_lease = i == 0;
		way = make_way(SMALL);
		go(way);
		assert_int_equal(way->end, WAY_PROVED);
		assert_int_equal(way->no_lease, i == 0);
		assert_string_equal(way->etag, "tag");
		assert_int_equal(scene.order.depth, rows[i].depth);
		assert_true(span_equal(scene.order.key, SPAN("img/cat.png")));
		assert_int_equal(scene.order.size, SMALL);
		assert_ptr_equal(scene.order.sha256, way->digest.sha256);
		assert_true(scene.order.patience_ms == 4711);
		assert_int_equal(scene.order.fd, way->file.fd);
		assert_ptr_equal(scene.sent.means, &means.sending);
		assert_true(span_equal(scene.sent.key, SPAN("img/cat.png")));
		assert_ptr_equal(scene.sent.status, &way->file.status);
		assert_ptr_equal(scene.sent.digest, &way->digest);
		assert_int_equal(scene.sent.fd, way->file.fd);
		assert_string_equal(scene.sent.type, "image/png");
		way_free(way);
	}
}

static void
test_key(void **state)
{
	static const struct {
		const char *name;
		const char *path;
		bool is_one;
	} rows[] = {
		{ "a key", "a/b", true },
		{ "a control character", "a\nb", false },
		{ "not UTF-8", "a\xff", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct stat status = { .st_mode = S_IFREG };
		struct way *way = way_new(&means, &folder, "f", &status, NOW);

		print_message("%s\n", rows[i].name);
		assert_int_equal(
		    way_find_key(way, "/", rows[i].path), rows[i].is_one);
		assert_int_equal(
		    way->end, rows[i].is_one ? WAY_UNDONE : WAY_SKIPPED);
		assert_int_equal(way->reason,
		    rows[i].is_one ? REPORT_NO_REASON : REPORT_NO_KEY);
		assert_int_equal(way->why[0] == '\0', rows[i].is_one);
		way_free(way);
	}
}

#define RUN(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_file),
		RUN(test_bucket),
		RUN(test_hopeless),
		RUN(test_refused),
		RUN(test_small_ones_are_sent_from_memory),
		RUN(test_tried_again),
		RUN(test_nothing_is_sent),
		RUN(test_orders),
		RUN(test_key),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

/*
 * Storing a file (src/offload/put.h, parts.h, sending.h): what is sent and said
 * of it, in one piece and in parts; and that an upload which began is ended or
 * given up, once, whatever fails.  s3/call is played; the crew is a real one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "config/table.h"
#include "config/value.h"
#include "offload/parts.h"
#include "offload/prove.h"
#include "offload/put.h"

#include "calls.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

#define SHA256 \
	"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

enum { PATIENCE_MS = 4711, LARGE = PUT_PIECE_MAX + 1, PARTS = 5 };

/* ------------------------------------------------------- the played scene */

/* How each kind of request is answered. */
static struct {
	enum call_result one, begin, part, complete;
	enum prove_result look;    /* when all parts are there */
	struct prove_order looked; /* what was asked then */
	size_t bad_part;           /* counted from 1; 0: none */
	const char *id;            /* in the answer to begin; NULL: none */
	const char *etag;
	bool begins_badly; /* it cannot be written down */
	bool digest_fails;
	int digest_error;
	bool skips_digest;

	struct buf done; /* a word for each thing, parts not among them */
	size_t parts;    /* sent */
	size_t parts_after_failure;
	bool has_failed;
	uint64_t moved, throttled;
} scene;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

bool __wrap_uploads_begin(
    struct uploads *uploads, struct span key, char *reason, size_t size);
void __wrap_uploads_end(struct uploads *uploads, struct call *call,
    const struct site *of, struct span key, int64_t patience_ms);
bool __real_digest_file(int fd, uint64_t offset, uint64_t size, bool with_md5,
    bool is_idle, char *room, size_t room_size, struct digest *digest);
bool __wrap_digest_file(int fd, uint64_t offset, uint64_t size, bool with_md5,
    bool is_idle, char *room, size_t room_size, struct digest *digest);
enum prove_result __wrap_prove_look(const struct prove_order *order,
    struct hand *hand, bool *has_digest, struct prove_found *found);
struct fetch *__wrap_fetch_new(const struct site *sites, size_t n_sites,
    struct keyring *keyring, struct learnt *learnt);
void __wrap_fetch_free(struct fetch *fetch);
void __wrap_report_moved(struct report *report, uint64_t bytes);
void __wrap_throttle_take(struct throttle *throttle, size_t bytes);

static void
note(const char *what)
{
	pthread_mutex_lock(&lock);
	if (!buf_printf(
		&scene.done, "%s%s", scene.done.len > 0 ? " " : "", what))
		abort();
	pthread_mutex_unlock(&lock);
}

bool
__wrap_uploads_begin(
    struct uploads *uploads, struct span key, char *reason, size_t size)
{
	(void)uploads;
	assert_true(span_equal(key, SPAN("a/k")));
	note("written");
	snprintf(reason, size, "%s", scene.begins_badly ? "no disk" : "");
	return (!scene.begins_badly);
}

void
__wrap_uploads_end(struct uploads *uploads, struct call *call,
    const struct site *of, struct span key, int64_t patience_ms)
{
	(void)uploads;
	assert_non_null(call);
	assert_non_null(of);
	assert_true(patience_ms == PATIENCE_MS);
	assert_true(span_equal(key, SPAN("a/k")));
	note("ended");
}

bool
__wrap_digest_file(int fd, uint64_t offset, uint64_t size, bool with_md5,
    bool is_idle, char *room, size_t room_size, struct digest *digest)
{
	assert_false(with_md5);
	assert_false(is_idle); /* a signal does not end what is under way */
	if (scene.digest_fails) {
		errno = scene.digest_error;
		return (false);
	}
	if (!scene.skips_digest)
		return (__real_digest_file(fd, offset, size, with_md5, is_idle,
		    room, room_size, digest));
	snprintf(digest->sha256, sizeof(digest->sha256), "%s", SHA256);
	return (true);
}

/* The look before the end of an upload: by the writer, who may see all. */
enum prove_result
__wrap_prove_look(const struct prove_order *order, struct hand *hand,
    bool *has_digest, struct prove_found *found)
{
	(void)hand;
	note("look");
	scene.looked = *order;
	*has_digest = true;
	snprintf(found->reason, sizeof(found->reason), "LOOKED");
	return (scene.look);
}

struct fetch *
__wrap_fetch_new(const struct site *sites, size_t n_sites,
    struct keyring *keyring, struct learnt *learnt)
{
	(void)sites;
	(void)n_sites;
	(void)keyring;
	(void)learnt;
	return (NULL);
}

void
__wrap_fetch_free(struct fetch *fetch)
{
	assert_null(fetch);
}

void
__wrap_report_moved(struct report *report, uint64_t bytes)
{
	assert_non_null(report);
	pthread_mutex_lock(&lock);
	scene.moved += bytes;
	pthread_mutex_unlock(&lock);
}

void
__wrap_throttle_take(struct throttle *throttle, size_t bytes)
{
	(void)throttle;
	pthread_mutex_lock(&lock);
	scene.throttled += bytes;
	pthread_mutex_unlock(&lock);
}

static enum call_result
play_part(const struct calls_asked *asked, struct calls_answer *answer)
{
	size_t number = strtoul(asked->query + strlen("partNumber="), NULL, 10);

	scene.parts++;
	scene.parts_after_failure += scene.has_failed;
	answer->etag = scene.etag;
	if (number != scene.bad_part)
		return (CALL_OK);
	scene.has_failed = true;
	if (scene.part == CALL_OK)
		answer->etag = NULL;
	return (scene.part);
}

static enum call_result
play(const struct calls_asked *asked, size_t index, struct calls_answer *answer)
{
	static char body[8192];

	(void)index;
	assert_true(asked->request.patience_ms == PATIENCE_MS);
	assert_string_equal(asked->key, "a/k");
	answer->reason = "S3 said no";
	if (strncmp(asked->query, "partNumber=", 11) == 0)
		return (play_part(asked, answer));
	if (asked->method == HTTP_PUT) {
		note("one");
		return (scene.one);
	}
	assert_int_equal(asked->method, HTTP_POST);
	if (strcmp(asked->query, "uploads=") != 0) {
		note("complete");
		return (scene.complete);
	}
	note("begin");
	snprintf(body, sizeof(body),
	    "<InitiateMultipartUploadResult>%s%s%s"
	    "</InitiateMultipartUploadResult>",
	    scene.id != NULL ? "<UploadId>" : "",
	    scene.id != NULL ? scene.id : "",
	    scene.id != NULL ? "</UploadId>" : "");
	answer->body = body;
	return (scene.begin);
}

/* ------------------------------------------------------------ surroundings */

static struct site site;
static struct offload_settings settings;
static struct sending_means means;
static struct digest digest;
static struct stat status;
static int fd;
static char thing[1];

static int
setup(void **state)
{
	char path[] = "/tmp/test_put.XXXXXX";

	(void)state;
	memset(&scene, 0, sizeof(scene));
	buf_init(&scene.done, 65536);
	scene.look = PROVE_MISSING;
	scene.id = "id/1+";
	scene.etag = "\"t\"";
	calls.play = play;
	calls.leaves_source = false;
	settings = (struct offload_settings){ .name = NULL };
	means = (struct sending_means){
		.site = &site,
		.settings = &settings,
		.report = (struct report *)(void *)thing,
		.patience_ms = PATIENCE_MS,
	};
	snprintf(digest.sha256, sizeof(digest.sha256), "%s", SHA256);
	snprintf(digest.md5, sizeof(digest.md5), "XUFAKrxLKna5cZ2REBfFkg==");
	fd = mkstemp(path);
	unlink(path);
	status = (struct stat){
		.st_mode = S_IFREG | 0640,
		.st_size = 5,
		.st_uid = 1000,
		.st_gid = 4294967294u,
		.st_mtim = { 1400000000, 12 },
	};
	return (fd >= 0 && write(fd, "hello", 5) == 5 ? 0 : -1);
}

static int
teardown(void **state)
{
	(void)state;
	calls_forget();
	buf_fini(&scene.done);
	close(fd);
	return (0);
}

/* A put as a task of the crew. */
struct putting {
	struct task task;
	struct sending_order order;
	enum sending_result result;
	char reason[SENDING_REASON_MAX];
};

static void
run(struct task *task, struct hand *hand)
{
	struct putting *putting = (struct putting *)task;

	putting->result = put_file(&putting->order, hand, putting->reason);
}

/* A file of SIZE, by HANDS of a crew. */
static void
put(struct putting *putting, uint64_t size, bool only_new, size_t hands)
{
	const struct crew_orders orders = { .hands = hands };
	struct crew *crew = crew_new(&orders);
	struct pollfd done = { .fd = crew_fd(crew), .events = POLLIN };

	status.st_size = (off_t)size;
	calls_forget();
	buf_clear(&scene.done);
	scene.parts = scene.parts_after_failure = 0;
	scene.has_failed = false;
	*putting = (struct putting){
		.task = { .run = run },
		.order = {
			.means = &means,
			.key = SPAN("a/k"),
			.fd = fd,
			.status = &status,
			.digest = &digest,
			.type = "image/png",
			.only_new = only_new,
		},
	};
	crew_give(crew, &putting->task);
	while (crew_take_done(crew) == NULL)
		poll(&done, 1, -1);
	crew_free(crew);
}

/* The Nth request of METHOD, its query beginning with QUERY. */
static const struct calls_asked *
find(enum http_method method, const char *query, size_t n)
{
	for (size_t i = 0; i < calls.n; i++)
		if (calls.asked[i].method == method &&
		    strncmp(calls.asked[i].query, query, strlen(query)) == 0 &&
		    n-- == 0)
			return (&calls.asked[i]);
	return (NULL);
}

/* ------------------------------------------------------------------- tests */

#define FILE_LINES                                 \
	"x-amz-meta-mtime: 1400000000.000000012\n" \
	"x-amz-meta-sha256: " SHA256 "\n"          \
	"x-amz-meta-mode: 100640\n"                \
	"x-amz-meta-uid: 1000\n"                   \
	"x-amz-meta-gid: 4294967294\n"
#define TYPE_LINE "Content-Type: image/png\n"
#define MD5_LINE  "Content-MD5: XUFAKrxLKna5cZ2REBfFkg==\n"

static void
test_headers(void **state)
{
	static const struct {
		const char *name;
		struct offload_settings settings;
		bool has_no_md5;
		bool only_new;
		const char *piece;  /* what is sent of one */
		const char *pieces; /* and when an upload begins */
	} rows[] = {
		{ "none set", { .name = NULL }, false, false,
		    TYPE_LINE FILE_LINES MD5_LINE, TYPE_LINE FILE_LINES },
		{ "only new", { .name = NULL }, false, true,
		    TYPE_LINE FILE_LINES MD5_LINE "If-None-Match: *\n",
		    TYPE_LINE FILE_LINES },
		{ "no MD5", { .name = NULL }, true, false, TYPE_LINE FILE_LINES,
		    TYPE_LINE FILE_LINES },
		{ "cache control and class",
		    { .cache_control = (char *)(uintptr_t) "max-age=60",
			.storage_class = (char *)(uintptr_t) "STANDARD_IA" },
		    true, false,
		    TYPE_LINE "Cache-Control: max-age=60\n"
			      "x-amz-storage-class: STANDARD_IA\n" FILE_LINES,
		    TYPE_LINE "Cache-Control: max-age=60\n"
			      "x-amz-storage-class: STANDARD_IA\n" FILE_LINES },
		{ "set to nothing",
		    { .cache_control = (char *)(uintptr_t) "",
			.storage_class = (char *)(uintptr_t) "",
			.sse = OFFLOAD_SSE_KMS,
			.kms_key = (char *)(uintptr_t) "" },
		    true, false,
		    TYPE_LINE
		    "x-amz-server-side-encryption: aws:kms\n" FILE_LINES,
		    TYPE_LINE
		    "x-amz-server-side-encryption: aws:kms\n" FILE_LINES },
		{ "AES256", { .sse = OFFLOAD_SSE_AES256 }, true, false,
		    TYPE_LINE
		    "x-amz-server-side-encryption: AES256\n" FILE_LINES,
		    TYPE_LINE
		    "x-amz-server-side-encryption: AES256\n" FILE_LINES },
		{ "AES256, a key is for the other",
		    { .sse = OFFLOAD_SSE_AES256,
			.kms_key = (char *)(uintptr_t) "k" },
		    true, false,
		    TYPE_LINE
		    "x-amz-server-side-encryption: AES256\n" FILE_LINES,
		    TYPE_LINE
		    "x-amz-server-side-encryption: AES256\n" FILE_LINES },
		{ "KMS",
		    { .sse = OFFLOAD_SSE_KMS,
			.kms_key = (char *)(uintptr_t) "arn:k" },
		    true, false,
		    TYPE_LINE "x-amz-server-side-encryption: aws:kms\n"
			      "x-amz-server-side-encryption-aws-kms-key-id: "
			      "arn:k\n" FILE_LINES,
		    TYPE_LINE "x-amz-server-side-encryption: aws:kms\n"
			      "x-amz-server-side-encryption-aws-kms-key-id: "
			      "arn:k\n" FILE_LINES },
	};
	struct putting putting;

	(void)state;
	calls.leaves_source = scene.skips_digest = true;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		print_message("%s\n", rows[i].name);
		settings = rows[i].settings;
		if (rows[i].has_no_md5)
			digest.md5[0] = '\0';
		put(&putting, 5, rows[i].only_new, 1);
		assert_int_equal(putting.result, SENDING_DONE);
		assert_int_equal(calls.n, 1);
		assert_string_equal(calls.asked[0].headers, rows[i].piece);
		assert_string_equal(calls.asked[0].payload, SHA256);
		assert_string_equal(calls.asked[0].query, "");
		assert_int_equal(calls.asked[0].size, 5);
		put(&putting, LARGE, rows[i].only_new, 1);
		assert_int_equal(putting.result, SENDING_DONE);
		assert_string_equal(
		    find(HTTP_POST, "uploads=", 0)->headers, rows[i].pieces);
		/* Of a part, its digest alone. */
		assert_string_equal(
		    find(HTTP_PUT, "partNumber=1&", 0)->headers, "");
		assert_string_equal(find(HTTP_POST, "uploadId=", 0)->headers,
		    rows[i].only_new ? "If-None-Match: *\n" : "");
	}
}

/* A time that no header can say is not said. */
static void
test_no_time(void **state)
{
	struct putting putting;

	(void)state;
	status.st_mtim.tv_sec = INT64_MAX;
	put(&putting, 5, false, 1);
	assert_int_equal(putting.result, SENDING_DONE);
	assert_null(strstr(calls.asked[0].headers, "x-amz-meta-mtime"));
}

static void
test_one_piece(void **state)
{
	static const struct {
		const char *name;
		enum call_result call;
		enum sending_result result;
		const char *reason;
	} rows[] = {
		{ "stored", CALL_OK, SENDING_DONE, "" },
		{ "is there", CALL_EXISTS, SENDING_EXISTS, "S3 said no" },
		{ "not known", CALL_UNSUPPORTED, SENDING_UNSUPPORTED,
		    "S3 said no" },
		{ "refused", CALL_REFUSED, SENDING_REFUSED, "S3 said no" },
		{ "no bucket", CALL_MISSING, SENDING_FAILED, "S3 said no" },
		{ "busy", CALL_UNAVAILABLE, SENDING_FAILED, "S3 said no" },
	};
	struct putting putting;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		print_message("%s\n", rows[i].name);
		scene.one = rows[i].call;
		scene.moved = scene.throttled = 0;
		put(&putting, 5, true, 1);
		assert_int_equal(putting.result, rows[i].result);
		assert_string_equal(putting.reason, rows[i].reason);
		assert_string_equal(buf_string(&scene.done), "one");
		assert_int_equal(calls.asked[0].sum, 'h' + 'e' + 2 * 'l' + 'o');
		assert_int_equal(scene.moved, 5);
		assert_int_equal(scene.throttled, 5);
	}
	/* Nothing is a piece, too. */
	scene.one = CALL_OK;
	put(&putting, 0, true, 1);
	assert_int_equal(putting.result, SENDING_DONE);
	assert_int_equal(calls.asked[0].size, 0);
	assert_non_null(calls.asked[0].request.source);
	assert_true(put_is_one_piece(PUT_PIECE_MAX));
	assert_false(put_is_one_piece(LARGE));
}

/* What is in memory is sent from there, and is counted all the same. */
static void
test_from_memory(void **state)
{
	const struct crew_orders orders = { .hands = 1 };
	struct crew *crew = crew_new(&orders);
	struct putting putting = {
		.task = { .run = run },
		.order = {
			.means = &means,
			.key = SPAN("a/k"),
			.fd = -1, /* is not read */
			.bytes = SPAN("hello"),
			.status = &status,
			.digest = &digest,
			.type = "image/png",
		},
	};

	(void)state;
	crew_give(crew, &putting.task);
	while (crew_take_done(crew) == NULL)
		poll(&(struct pollfd){ .fd = crew_fd(crew), .events = POLLIN },
		    1, -1);
	crew_free(crew);
	assert_int_equal(putting.result, SENDING_DONE);
	assert_null(calls.asked[0].request.source);
	assert_string_equal(calls.asked[0].body, "hello");
	assert_string_equal(calls.asked[0].payload, SHA256);
	assert_string_equal(
	    calls.asked[0].headers, TYPE_LINE FILE_LINES MD5_LINE);
	assert_int_equal(scene.moved, 5);
	assert_int_equal(scene.throttled, 5);
}

static void
test_unreadable(void **state)
{
	struct putting putting;
	int good = fd;

	(void)state;
	put(&putting, 6, true, 1);
	assert_int_equal(putting.result, SENDING_UNREADABLE);
	assert_string_equal(
	    putting.reason, "it has become shorter while it was sent");
	fd = -1;
	put(&putting, 5, true, 1);
	assert_int_equal(putting.result, SENDING_UNREADABLE);
	assert_string_equal(
	    putting.reason, "it cannot be read: Bad file descriptor");
	/* A part; its digest would be read first. */
	scene.skips_digest = true;
	put(&putting, LARGE, true, 1);
	assert_int_equal(putting.result, SENDING_UNREADABLE);
	assert_string_equal(
	    putting.reason, "it cannot be read: Bad file descriptor");
	assert_int_equal(scene.parts, 1);
	fd = good;
}

/* Each part once, all of the bytes, and no more than S3 takes. */
static void
test_part_sizes(void **state)
{
	static const struct {
		const char *name;
		uint64_t size;
		uint64_t part_size;
		size_t parts;
	} rows[] = {
		{ "64 MiB and a byte", 64 * MIB + 1, 16 * MIB, 5 },
		{ "80 MiB", 80 * MIB, 16 * MIB, 5 },
		{ "the most of the least", 16 * MIB * PARTS_MAX, 16 * MIB,
		    10000 },
		{ "and a byte", 16 * MIB * PARTS_MAX + 1, 17 * MIB, 9412 },
		{ "160 GiB", 160 * GIB, 17 * MIB, 9638 },
		{ "5 TiB", 5 * 1024 * GIB, 525 * MIB, 9987 },
	};
	struct putting putting;

	(void)state;
	calls.leaves_source = scene.skips_digest = true;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		bool *is_seen = mem_zero(rows[i].parts + 1, sizeof(bool));
		uint64_t total = 0;
		const struct calls_asked *end;

		print_message("%s\n", rows[i].name);
		put(&putting, rows[i].size, false, 4);
		assert_int_equal(putting.result, SENDING_DONE);
		assert_int_equal(scene.parts, rows[i].parts);
		for (size_t at = 0; at < scene.parts; at++) {
			const struct calls_asked *part =
			    find(HTTP_PUT, "partNumber=", 0) + at;
			char *id;
			size_t number = strtoul(part->query + 11, &id, 10);

			assert_string_equal(id, "&uploadId=id%2F1%2B");
			assert_in_range(number, 1, rows[i].parts);
			assert_false(is_seen[number]);
			is_seen[number] = true;
			total += part->size;
			if (number < rows[i].parts)
				assert_int_equal(part->size, rows[i].part_size);
			else
				assert_in_range(
				    part->size, 1, rows[i].part_size);
		}
		assert_true(total == rows[i].size);
		/* Named in order, whatever the order they went in. */
		end = find(HTTP_POST, "uploadId=", 0);
		assert_non_null(strstr(end->body, "<CompleteMultipartUpload"));
		assert_non_null(strstr(end->body,
		    "<Part><PartNumber>1</PartNumber><ETag>&quot;t&quot;"
		    "</ETag></Part><Part><PartNumber>2</PartNumber>"));
		free(is_seen);
	}
}

/* With the real digests and bytes, by four hands. */
static void
test_parts(void **state)
{
	static const char last[] = "partNumber=5&uploadId=id%2F1%2B";
	struct putting putting;
	const struct calls_asked *part, *end;

	(void)state;
	scene.etag = "\"a&b<c>'d\"";
	assert_return_code(ftruncate(fd, LARGE), errno);
	assert_int_equal(pwrite(fd, "\xff", 1, LARGE - 1), 1);
	put(&putting, LARGE, true, 4);
	assert_int_equal(putting.result, SENDING_DONE);
	assert_string_equal(putting.reason, "");
	assert_string_equal(
	    buf_string(&scene.done), "written begin look complete ended");
	assert_int_equal(scene.parts, PARTS);
	assert_int_equal(scene.moved, LARGE);
	part = find(HTTP_PUT, last, 0);
	assert_int_equal(part->size, 1);
	assert_int_equal(part->sum, 255);
	/* SHA-256 of one 0xff. */
	assert_string_equal(part->payload,
	    "a8100ae6aa1940d0b663bb31cd466142ebbdbd5187131b92d93818987832eb8"
	    "9");
	part = find(HTTP_PUT, "partNumber=1&", 0);
	assert_int_equal(part->sum, 'h' + 'e' + 2 * 'l' + 'o');
	end = find(HTTP_POST, "uploadId=id%2F1%2B", 0);
	assert_non_null(strstr(end->body,
	    "<PartNumber>5</PartNumber>"
	    "<ETag>&quot;a&amp;b&lt;c&gt;'d&quot;</ETag></Part>"
	    "</CompleteMultipartUpload>"));
	assert_int_equal(strlen(end->payload), 64);
	assert_true(end->request.first_byte_timeout_ms == 600000);
	/* The look before that: by the writer, who may see all. */
	assert_ptr_equal(scene.looked.site, &site);
	assert_string_equal(scene.looked.who, "writer");
	assert_true(span_equal(scene.looked.key, SPAN("a/k")));
	assert_int_equal(scene.looked.size, LARGE);
	assert_ptr_equal(scene.looked.sha256, digest.sha256);
	assert_true(scene.looked.patience_ms == PATIENCE_MS);
}

#define LONG_64 \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define LONG_256 LONG_64 LONG_64 LONG_64 LONG_64
#define LONG_2048 \
	LONG_256 LONG_256 LONG_256 LONG_256 LONG_256 LONG_256 LONG_256 LONG_256
#define NO_ID   "S3 began an upload without an UploadId"
#define NO_ETAG "S3 answered to a part without an ETag"

static void
test_failures(void **state)
{
	static const struct {
		const char *name;
		bool begins_badly;
		enum call_result begin, part, complete;
		const char *id;   /* NULL: a good one; "-": none */
		const char *etag; /* NULL: a good one */
		size_t bad_part;
		bool digest_fails;
		int digest_error;
		enum prove_result look; /* HOLDS: there is none */
		enum sending_result result;
		const char *reason;
		const char *done;
		size_t parts;
	} rows[] = {
		{ .name = "not written down",
		    .begins_badly = true,
		    .result = SENDING_FAILED,
		    .reason = "no disk",
		    .done = "written" },
		/* It may have begun all the same. */
		{ .name = "not begun",
		    .begin = CALL_UNAVAILABLE,
		    .result = SENDING_FAILED,
		    .reason = "S3 said no",
		    .done = "written begin ended" },
		{ .name = "begun without an id",
		    .id = "-",
		    .result = SENDING_FAILED,
		    .reason = NO_ID,
		    .done = "written begin ended" },
		{ .name = "begun with an empty id",
		    .id = "",
		    .result = SENDING_FAILED,
		    .reason = NO_ID,
		    .done = "written begin ended" },
		{ .name = "the longest id",
		    .id = LONG_2048,
		    .result = SENDING_DONE,
		    .reason = "",
		    .done = "written begin look complete ended",
		    .parts = PARTS },
		{ .name = "a longer id",
		    .id = LONG_2048 "x",
		    .result = SENDING_FAILED,
		    .reason = NO_ID,
		    .done = "written begin ended" },
		{ .name = "the first part",
		    .part = CALL_UNAVAILABLE,
		    .bad_part = 1,
		    .result = SENDING_FAILED,
		    .reason = "S3 said no",
		    .done = "written begin ended",
		    .parts = 1 },
		{ .name = "the third part",
		    .part = CALL_REFUSED,
		    .bad_part = 3,
		    .result = SENDING_REFUSED,
		    .reason = "S3 said no",
		    .done = "written begin ended",
		    .parts = 3 },
		{ .name = "the last part",
		    .part = CALL_MISSING,
		    .bad_part = PARTS,
		    .result = SENDING_FAILED,
		    .reason = "S3 said no",
		    .done = "written begin ended",
		    .parts = PARTS },
		{ .name = "a part without an ETag",
		    .bad_part = 2,
		    .result = SENDING_FAILED,
		    .reason = NO_ETAG,
		    .done = "written begin ended",
		    .parts = 2 },
		{ .name = "an ETag that is too long",
		    .etag = LONG_256,
		    .result = SENDING_FAILED,
		    .reason = NO_ETAG,
		    .done = "written begin ended",
		    .parts = 1 },
		{ .name = "an empty ETag",
		    .etag = "",
		    .result = SENDING_FAILED,
		    .reason = NO_ETAG,
		    .done = "written begin ended",
		    .parts = 1 },
		{ .name = "an ETag that no XML can have",
		    .etag = "a\x01",
		    .result = SENDING_FAILED,
		    .reason = NO_ETAG,
		    .done = "written begin ended",
		    .parts = 1 },
		{ .name = "shorter by now",
		    .digest_fails = true,
		    .result = SENDING_UNREADABLE,
		    .reason = "it has become shorter while it was sent",
		    .done = "written begin ended" },
		{ .name = "cannot be read",
		    .digest_fails = true,
		    .digest_error = EIO,
		    .result = SENDING_UNREADABLE,
		    .reason = "it cannot be read: Input/output error",
		    .done = "written begin ended" },
		/* An object appeared while the parts were sent: it stays, be
		 * it the file or another. */
		{ .name = "another is there by now",
		    .look = PROVE_DIFFERS,
		    .result = SENDING_EXISTS,
		    .reason = "",
		    .done = "written begin look ended",
		    .parts = PARTS },
		{ .name = "one that cannot be told is there by now",
		    .look = PROVE_UNSURE,
		    .result = SENDING_EXISTS,
		    .reason = "",
		    .done = "written begin look ended",
		    .parts = PARTS },
		{ .name = "whether one is there cannot be found out",
		    .look = PROVE_FAILED,
		    .result = SENDING_FAILED,
		    .reason = "LOOKED",
		    .done = "written begin look ended",
		    .parts = PARTS },
		{ .name = "not ended",
		    .complete = CALL_UNAVAILABLE,
		    .result = SENDING_FAILED,
		    .reason = "S3 said no",
		    .done = "written begin look complete ended",
		    .parts = PARTS },
		{ .name = "it exists by now",
		    .complete = CALL_EXISTS,
		    .result = SENDING_EXISTS,
		    .reason = "S3 said no",
		    .done = "written begin look complete ended",
		    .parts = PARTS },
		{ .name = "If-None-Match is not known",
		    .complete = CALL_UNSUPPORTED,
		    .result = SENDING_UNSUPPORTED,
		    .reason = "S3 said no",
		    .done = "written begin look complete ended",
		    .parts = PARTS },
	};
	struct putting putting;

	(void)state;
	calls.leaves_source = scene.skips_digest = true;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		print_message("%s\n", rows[i].name);
		scene.begins_badly = rows[i].begins_badly;
		scene.begin = rows[i].begin;
		scene.part = rows[i].part;
		scene.complete = rows[i].complete;
		scene.look =
		    rows[i].look != PROVE_HOLDS ? rows[i].look : PROVE_MISSING;
		scene.bad_part = rows[i].bad_part;
		scene.digest_fails = rows[i].digest_fails;
		scene.digest_error = rows[i].digest_error;
		scene.id = rows[i].id == NULL      ? "id/1+"
		    : strcmp(rows[i].id, "-") == 0 ? NULL
						   : rows[i].id;
		scene.etag = rows[i].etag != NULL ? rows[i].etag : "\"t\"";
		put(&putting, LARGE, true, 1);
		assert_int_equal(putting.result, rows[i].result);
		assert_string_equal(putting.reason, rows[i].reason);
		assert_string_equal(buf_string(&scene.done), rows[i].done);
		/* None is begun once one has failed. */
		assert_int_equal(scene.parts, rows[i].parts);
	}
	/* The very same is there: no harm, but it is not replaced either. */
	scene.look = PROVE_HOLDS;
	scene.part = CALL_OK;
	scene.bad_part = 0;
	put(&putting, LARGE, false, 1);
	assert_int_equal(putting.result, SENDING_EXISTS);
	assert_string_equal(
	    buf_string(&scene.done), "written begin look ended");
	/* By many hands it is ended once, and when the last is done. */
	scene.part = CALL_REFUSED;
	scene.complete = CALL_OK;
	scene.bad_part = 2;
	put(&putting, 64 * (uint64_t)LARGE, true, 4);
	assert_int_equal(putting.result, SENDING_REFUSED);
	assert_string_equal(buf_string(&scene.done), "written begin ended");
}

#define RUN(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_headers),
		RUN(test_no_time),
		RUN(test_one_piece),
		RUN(test_from_memory),
		RUN(test_unreadable),
		RUN(test_part_sizes),
		RUN(test_parts),
		RUN(test_failures),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

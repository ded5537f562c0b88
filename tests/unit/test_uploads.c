/*
 * Uploads under way (src/offload/uploads.h): what a run leaves that is killed,
 * the next one gives up; and what stays written down for how long.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"
#include "offload/uploads.h"

#include "calls.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

enum { PATIENCE_MS = 4711, THREADS = 8, ROUNDS = 40 };

static char folder[] = "/tmp/test_uploads.XXXXXX";
static char *path;
static struct site site;
static struct call *call;
static unsigned syncs;
static bool sync_fails;

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

int
__wrap_fdatasync(int fd)
{
	syncs++;
	if (!sync_fails)
		return (__real_fdatasync(fd));
	errno = EIO;
	return (-1);
}

/* ------------------------------------------------------------ the played S3 */

/* Of each key that is asked for there are two uploads, and one of a longer key
 * that begins alike. */
static struct {
	enum call_result list;
	enum call_result give_up;
	bool is_senseless;
	bool is_empty;       /* there are no uploads, and nothing is noted */
	struct buf given_up; /* "KEY?QUERY " each */
	struct buf listed;   /* "QUERY " each */
	struct buf page;
} s3;

static void
write_page(const char *prefix)
{
	buf_clear(&s3.page);
	assert_true(buf_printf(&s3.page,
	    "<ListMultipartUploadsResult><EncodingType>url</EncodingType>"
	    "<Upload><Key>%s</Key><UploadId>1+/</UploadId></Upload>"
	    "<Upload><Key>%s</Key><UploadId>2</UploadId></Upload>"
	    "<Upload><Key>%s.more</Key><UploadId>%s</UploadId></Upload>"
	    "</ListMultipartUploadsResult>",
	    prefix, prefix, prefix, s3.is_senseless ? "" : "not ours"));
}

static enum call_result
play(const struct calls_asked *asked, size_t index, struct calls_answer *answer)
{
	const char *prefix = strstr(asked->query, "&prefix=");

	(void)index;
	assert_ptr_equal(asked->request.site, &site);
	assert_true(asked->request.patience_ms == PATIENCE_MS);
	if (s3.is_empty) {
		answer->body = "<ListMultipartUploadsResult/>";
		return (CALL_OK);
	}
	answer->reason = "S3 said no";
	if (asked->method == HTTP_DELETE) {
		assert_true(buf_printf(
		    &s3.given_up, "%s?%s ", asked->key, asked->query));
		return (s3.give_up);
	}
	assert_int_equal(asked->method, HTTP_GET);
	assert_non_null(prefix);
	prefix += strlen("&prefix=");
	*strchr(prefix, '&') = '\0';
	assert_true(buf_printf(&s3.listed, "%s ", prefix));
	write_page(prefix);
	answer->body = buf_string(&s3.page);
	return (s3.list);
}

/* The upload of KEY has ended, and S3 has none of it any more. */
static void
end_upload(struct uploads *uploads, struct call *caller, struct span key)
{
	bool was_empty = s3.is_empty;

	s3.is_empty = true;
	uploads_end(uploads, caller, &site, key, PATIENCE_MS);
	s3.is_empty = was_empty;
}

static int
make_folder(void **state)
{
	(void)state;
	log_threshold(LOG_LEVEL_ERROR);
	path = mem_printf("%s/img.uploads", mkdtemp(folder));
	return (0);
}

static int
remove_folder(void **state)
{
	(void)state;
	free(path);
	return (rmdir(folder));
}

static int
setup(void **state)
{
	(void)state;
	unlink(path);
	calls.play = play;
	call = call_new(&site, 1, NULL, NULL);
	memset(&s3, 0, sizeof(s3));
	buf_init(&s3.given_up, 65536);
	buf_init(&s3.listed, 65536);
	buf_init(&s3.page, 65536);
	syncs = 0;
	sync_fails = false;
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	calls_forget();
	call_free(call);
	buf_fini(&s3.given_up);
	buf_fini(&s3.listed);
	buf_fini(&s3.page);
	unlink(path);
	return (0);
}

static struct uploads *
open_uploads(void)
{
	struct uploads *uploads;
	struct buf why;

	buf_init(&why, 4096);
	uploads = uploads_open(path, "img", &why);
	assert_non_null(uploads);
	assert_string_equal(buf_string(&why), "");
	buf_fini(&why);
	return (uploads);
}

static void
begin(struct uploads *uploads, const char *key)
{
	char reason[512] = "";

	assert_true(
	    uploads_begin(uploads, span_of(key), reason, sizeof(reason)));
	assert_string_equal(reason, "");
}

static int
recover(struct uploads *uploads, const char *reason)
{
	struct buf why;
	int count;

	buf_init(&why, 4096);
	count = uploads_recover(uploads, call, &site, PATIENCE_MS, &why);
	assert_string_equal(buf_string(&why), reason);
	buf_fini(&why);
	return (count);
}

static bool
is_file(void)
{
	return (access(path, F_OK) == 0);
}

/* ------------------------------------------------------------------- tests */

/* A run up to step STEPS, of which there are eight. */
static void
run_steps(size_t steps)
{
	struct uploads *uploads = open_uploads();

	if (steps > 0)
		begin(uploads, "a");
	if (steps > 1)
		begin(uploads, "b b/\xc3\xbc");
	if (steps > 2)
		end_upload(uploads, call, SPAN("a"));
	if (steps > 3)
		begin(uploads, "c");
	if (steps > 4)
		end_upload(uploads, call, SPAN("b b/\xc3\xbc"));
	if (steps > 5)
		end_upload(uploads, call, SPAN("c"));
	if (steps > 6)
		uploads_close(uploads);
}

#define B       "b%20b%2F%C3%BC"
#define UP(key) key "?uploadId=1%2B%2F " key "?uploadId=2 "

static void
test_killed(void **state)
{
	static const struct {
		const char *name;
		const char *listed;
		const char *given_up;
		int count;
	} rows[] = {
		{ "before any began", "", "", 0 },
		{ "one has begun", "a ", UP("a"), 2 },
		{ "two have", "a " B " ", UP("a") UP("b b/\xc3\xbc"), 4 },
		/* What has ended costs a question. */
		{ "one has ended", "a " B " ", UP("a") UP("b b/\xc3\xbc"), 4 },
		{ "another has begun", B " c ", UP("b b/\xc3\xbc") UP("c"), 4 },
		{ "two have ended", B " c ", UP("b b/\xc3\xbc") UP("c"), 4 },
		{ "all have ended", B " c ", UP("b b/\xc3\xbc") UP("c"), 4 },
		{ "all is over", "", "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct uploads *uploads;
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			run_steps(i);
			_exit(0);
		}
		assert_return_code(pid, errno);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		print_message("%s\n", rows[i].name);
		assert_int_equal(status, 0);
		assert_int_equal(is_file(), rows[i].count > 0);
		buf_clear(&s3.listed);
		buf_clear(&s3.given_up);
		uploads = open_uploads();
		assert_int_equal(recover(uploads, ""), rows[i].count);
		assert_string_equal(buf_string(&s3.listed), rows[i].listed);
		assert_string_equal(buf_string(&s3.given_up), rows[i].given_up);
		assert_false(is_file());
		/* Once is enough. */
		buf_clear(&s3.listed);
		assert_int_equal(recover(uploads, ""), 0);
		assert_string_equal(buf_string(&s3.listed), "");
		uploads_close(uploads);
	}
}

static void
test_recovery_that_fails(void **state)
{
	static const struct {
		const char *name;
		enum call_result list;
		enum call_result give_up;
		bool is_senseless;
		int count;
		const char *reason;
		const char *given_up;
	} rows[] = {
		{ "no list", CALL_REFUSED, CALL_OK, false, -1, "S3 said no",
		    "" },
		/* Nothing at all is given up by it. */
		{ "an upload without its id", CALL_OK, CALL_OK, true, -1,
		    "S3's list makes no sense", "" },
		{ "refused", CALL_OK, CALL_REFUSED, false, -1, "S3 said no",
		    "a?uploadId=1%2B%2F " },
		{ "no answer", CALL_OK, CALL_UNAVAILABLE, false, -1,
		    "S3 said no", "a?uploadId=1%2B%2F " },
		{ "gone meanwhile", CALL_OK, CALL_MISSING, false, 2, NULL,
		    UP("a") },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct uploads *uploads = open_uploads();
		char why[256] = "";

		print_message("%s\n", rows[i].name);
		begin(uploads, "a");
		uploads_close(uploads); /* not ended: it stays */
		assert_true(is_file());
		s3.list = rows[i].list;
		s3.give_up = rows[i].give_up;
		s3.is_senseless = rows[i].is_senseless;
		buf_clear(&s3.given_up);
		if (rows[i].reason != NULL)
			snprintf(why, sizeof(why),
			    "an upload of \"a\" that did not end cannot be "
			    "given up: %s",
			    rows[i].reason);
		uploads = open_uploads();
		assert_int_equal(recover(uploads, why), rows[i].count);
		assert_string_equal(buf_string(&s3.given_up), rows[i].given_up);
		/* The run goes on all the same, and the next tries again. */
		begin(uploads, "b");
		end_upload(uploads, call, SPAN("b"));
		uploads_close(uploads);
		assert_int_equal(is_file(), rows[i].count < 0);
		s3.list = s3.give_up = CALL_OK;
		s3.is_senseless = false;
		uploads = open_uploads();
		assert_int_equal(
		    recover(uploads, ""), rows[i].count < 0 ? 2 : 0);
		uploads_close(uploads);
		assert_false(is_file());
	}
}

/* Left by one run, begun and ended by the next that could not give it up: what
 * the first left is still there. */
static void
test_same_key_again(void **state)
{
	struct uploads *uploads = open_uploads();

	(void)state;
	begin(uploads, "a");
	uploads_close(uploads);
	uploads = open_uploads();
	begin(uploads, "a");
	end_upload(uploads, call, SPAN("a"));
	begin(uploads, "z"); /* so that the end is on the disk */
	uploads_close(uploads);
	uploads = open_uploads();
	assert_int_equal(recover(uploads, ""), 4);
	assert_string_equal(buf_string(&s3.given_up), UP("a") UP("z"));
	uploads_close(uploads);
}

static void
test_on_the_disk(void **state)
{
	struct uploads *uploads = open_uploads();
	unsigned before;

	(void)state;
	assert_false(is_file()); /* not needed yet */
	begin(uploads, "a");
	before = syncs;
	assert_true(before > 0);
	begin(uploads, "b");
	assert_true(syncs > before);
	before = syncs;
	end_upload(uploads, call, SPAN("a"));
	end_upload(uploads, call, SPAN("b"));
	assert_int_equal(syncs, before);
	uploads_close(uploads);
	assert_false(is_file());
	uploads_close(NULL);
}

static void
test_not_written_down(void **state)
{
	static const char what[] = "its upload cannot be written down: ";
	struct uploads *uploads = open_uploads();
	char reason[512] = "";

	(void)state;
	/* The file cannot be made. */
	assert_return_code(mkdir(path, 0700), errno);
	assert_false(uploads_begin(uploads, SPAN("a"), reason, sizeof(reason)));
	assert_memory_equal(reason, what, sizeof(what) - 1);
	assert_non_null(strstr(reason, path));
	assert_return_code(rmdir(path), errno);
	/* The disk does not take it. */
	begin(uploads, "b");
	sync_fails = true;
	assert_false(uploads_begin(uploads, SPAN("a"), reason, sizeof(reason)));
	assert_memory_equal(reason, what, sizeof(what) - 1);
	assert_non_null(strstr(reason, strerror(EIO)));
	sync_fails = false;
	end_upload(uploads, call, SPAN("b"));
	uploads_close(uploads);
}

static void
test_unreadable(void **state)
{
	struct buf why;

	(void)state;
	buf_init(&why, 4096);
	assert_return_code(mkdir(path, 0700), errno);
	assert_null(uploads_open(path, "img", &why));
	assert_non_null(strstr(buf_string(&why), path));
	assert_return_code(rmdir(path), errno);
	buf_fini(&why);
}

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

static void *
begin_and_end(void *context)
{
	for (int i = 0; i < ROUNDS; i++) {
		char key[32], reason[512];

		snprintf(key, sizeof(key), "%p-%d", (void *)&key, i);
		if (!uploads_begin(
			context, span_of(key), reason, sizeof(reason)))
			abort();
		/* What plays S3 is for one thread. */
		pthread_mutex_lock(&turn);
		end_upload(context, call, span_of(key));
		pthread_mutex_unlock(&turn);
	}
	return (NULL);
}

static void
test_many_hands(void **state)
{
	struct uploads *uploads = open_uploads();
	pthread_t threads[THREADS];

	(void)state;
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, begin_and_end, uploads),
		    0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_true(is_file());
	uploads_close(uploads);
	assert_false(is_file());
}

/* What is left of an upload goes at its end, or it stays written down. */
static void
test_end(void **state)
{
	static const struct {
		enum call_result list;
		enum call_result give_up;
		bool is_left;
	} rows[] = {
		{ CALL_OK, CALL_OK, false },
		{ CALL_OK, CALL_MISSING, false },
		{ CALL_OK, CALL_REFUSED, true },
		{ CALL_OK, CALL_UNAVAILABLE, true },
		{ CALL_REFUSED, CALL_OK, true },
	};
	char reason[256];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct uploads *uploads = open_uploads();

		unlink(path);
		s3.list = rows[i].list;
		s3.give_up = rows[i].give_up;
		assert_true(
		    uploads_begin(uploads, SPAN("k"), reason, sizeof(reason)));
		uploads_end(uploads, call, &site, SPAN("k"), PATIENCE_MS);
		uploads_close(uploads);
		assert_int_equal(is_file(), rows[i].is_left);
	}
	unlink(path);
}

#define RUN(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_killed),
		RUN(test_recovery_that_fails),
		RUN(test_same_key_again),
		RUN(test_on_the_disk),
		RUN(test_not_written_down),
		RUN(test_unreadable),
		RUN(test_many_hands),
		RUN(test_end),
	};

	return (cmocka_run_group_tests(tests, make_folder, remove_folder));
}

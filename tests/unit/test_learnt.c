/*
 * s3/learnt: what one process learns all of them know, and one line of the log
 * tells it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "s3/learnt.h"

enum { SITES = 5, NOW = 1400000000 };

static char names[SITES][8] = { "aws", "aws2", "ceph", "ceph2", "minio" };
static char ceph[] = "https://ceph", ceph2[] = "https://ceph",
	    minio[] = "http://minio:9000";

static struct site sites[SITES] = {
	{ .name = names[0] },
	{ .name = names[1] },
	{ .name = names[2], .endpoint = ceph },
	{ .name = names[3], .endpoint = ceph2 },
	{ .name = names[4], .endpoint = minio },
};

/* Standard error goes to a file of no name while a test counts lines. */
static FILE *log_file;
static int stderr_fd;

static void
begin_log(void)
{
	log_file = tmpfile();
	assert_non_null(log_file);
	stderr_fd = dup(2);
	assert_true(stderr_fd >= 0);
	assert_int_equal(dup2(fileno(log_file), 2), 2);
}

/* How many lines hold NEEDLE? */
static int
end_log(const char *needle)
{
	char line[1024];
	int count = 0;

	assert_int_equal(dup2(stderr_fd, 2), 2);
	close(stderr_fd);
	rewind(log_file);
	while (fgets(line, sizeof(line), log_file) != NULL) {
		print_message("# %s", line);
		count += strstr(line, needle) != NULL;
	}
	fclose(log_file);
	return (count);
}

static void
test_nothing_yet(void **state)
{
	struct learnt *learnt = learnt_new(sites, SITES);

	(void)state;
	for (size_t i = 0; i < SITES; i++) {
		assert_string_equal(learnt_region(learnt, i), "");
		assert_int_equal(learnt_skew(learnt, i), 0);
	}
	learnt_free(learnt);
	learnt_free(NULL);
}

static void
test_regions(void **state)
{
	static const struct {
		const char *name;
		const char *signed_for;
		const char *region;
		bool is_taken;
		const char *then;
		int lines;
	} rows[] = {
		{ "none", "us-east-1", "", false, "", 0 },
		{ "no region", "us-east-1", "evil.com/", false, "", 0 },
		{ "too long", "us-east-1",
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		    false, "", 0 },
		{ "what was signed for", "us-east-1", "us-east-1", false, "",
		    0 },
		{ "news", "us-east-1", "eu-north-1", true, "eu-north-1", 1 },
		{ "no news, to one who did not know", "us-east-1", "eu-north-1",
		    true, "eu-north-1", 0 },
		{ "no help, to one who did", "eu-north-1", "eu-north-1", false,
		    "eu-north-1", 0 },
		{ "moved", "eu-north-1", "eu-west-1", true, "eu-west-1", 1 },
		{ "moved back", "eu-west-1", "eu-north-1", true, "eu-north-1",
		    1 },
	};
	struct learnt *learnt = learnt_new(sites, SITES);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("# %s\n", rows[i].name);
		begin_log();
		assert_int_equal(learnt_take_region(learnt, 1,
				     rows[i].signed_for, rows[i].region),
		    rows[i].is_taken);
		assert_int_equal(
		    end_log("site aws2: the bucket is in "), rows[i].lines);
		assert_string_equal(learnt_region(learnt, 1), rows[i].then);
		/* The neighbours have buckets of their own. */
		assert_string_equal(learnt_region(learnt, 0), "");
		assert_string_equal(learnt_region(learnt, 2), "");
	}
	learnt_free(learnt);
}

/* A text that was given out stays as it is, and there is an end to them. */
static void
test_many_regions(void **state)
{
	struct learnt *learnt = learnt_new(sites, SITES);
	const char *given[LEARNT_REGIONS];
	char region[32];

	(void)state;
	log_threshold(LOG_LEVEL_ERROR);
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < LEARNT_REGIONS; i++) {
			snprintf(region, sizeof(region), "region-%d", i);
			assert_true(
			    learnt_take_region(learnt, 0, "us-east-1", region));
			given[i] = learnt_region(learnt, 0);
			assert_string_equal(given[i], region);
		}
	/* It is taken for true, but not remembered. */
	assert_true(learnt_take_region(learnt, 0, "us-east-1", "one-too-many"));
	assert_string_equal(learnt_region(learnt, 0), region);
	for (int i = 0; i < LEARNT_REGIONS; i++) {
		snprintf(region, sizeof(region), "region-%d", i);
		assert_string_equal(given[i], region);
	}
	assert_true(learnt_take_region(learnt, 1, "us-east-1", "one-too-many"));
	assert_string_equal(learnt_region(learnt, 1), "one-too-many");
	log_threshold(LOG_LEVEL_INFO);
	learnt_free(learnt);
}

static void
test_clocks(void **state)
{
	static const struct {
		const char *name;
		size_t site;
		int64_t server_date;
		bool is_taken;
		int64_t skews[SITES]; /* then */
		const char *line;     /* "": none */
	} rows[] = {
		{ "no date", 0, -1, false, { 0, 0, 0, 0, 0 }, "" },
		{ "about ours", 0, NOW + 4, true, { 0, 0, 0, 0, 0 }, "" },
		{ "AWS's is late", 1, NOW - 1200, true,
		    { -1200, -1200, 0, 0, 0 },
		    "site aws2: this machine's clock is 1200 s ahead of" },
		{ "as known", 0, NOW - 1196, true, { -1200, -1200, 0, 0, 0 },
		    "" },
		{ "as known, from the other side", 0, NOW - 1204, true,
		    { -1200, -1200, 0, 0, 0 }, "" },
		{ "Ceph's is early", 2, NOW + 3600, true,
		    { -1200, -1200, 3600, 3600, 0 },
		    "site ceph: this machine's clock is 3600 s behind" },
		{ "AWS's has been set", 0, NOW - 1195, true,
		    { -1195, -1195, 3600, 3600, 0 },
		    "site aws: this machine's clock is 1195 s ahead of" },
		{ "MinIO's", 4, NOW + 5, true, { -1195, -1195, 3600, 3600, 5 },
		    "site minio: this machine's clock is 5 s behind" },
		{ "ours has been set", 3, NOW, true, { -1195, -1195, 0, 0, 5 },
		    "site ceph2: this machine's" },
	};
	struct learnt *learnt = learnt_new(sites, SITES);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("# %s\n", rows[i].name);
		begin_log();
		assert_int_equal(learnt_take_date(learnt, rows[i].site,
				     rows[i].server_date, NOW),
		    rows[i].is_taken);
		if (rows[i].line[0] == '\0')
			assert_int_equal(end_log("clock"), 0);
		else
			assert_int_equal(end_log(rows[i].line), 1);
		for (size_t site = 0; site < SITES; site++)
			assert_int_equal(
			    learnt_skew(learnt, site), rows[i].skews[site]);
	}
	learnt_free(learnt);
}

/* Several learn the same at the same time: all know it at once, one says so. */
static void
test_several_processes(void **state)
{
	enum { CHILDREN = 4, ROUNDS = 25 };
	atomic_int *ready = mmap(NULL, sizeof(*ready), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int all = 0;

	(void)state;
	assert_true(ready != MAP_FAILED);
	for (int round = 0; round < ROUNDS; round++) {
		struct learnt *learnt = learnt_new(sites, SITES);
		pid_t pids[CHILDREN];

		atomic_store(ready, 0);
		begin_log();
		for (int i = 0; i < CHILDREN; i++) {
			bool is_good;

			pids[i] = fork();
			assert_true(pids[i] >= 0);
			if (pids[i] > 0)
				continue;
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			atomic_fetch_add(ready, 1);
			while (atomic_load(ready) < CHILDREN)
				sched_yield();
			is_good = learnt_take_region(learnt, 0, "us-east-1",
				      "ap-northeast-1") &&
			    strcmp(learnt_region(learnt, 0),
				"ap-northeast-1") == 0 &&
			    learnt_take_date(learnt, (size_t)i % 2,
				NOW - 100 + i % 2, NOW) &&
			    learnt_skew(learnt, 0) <= -99;
			_exit(!is_good);
		}
		for (int i = 0; i < CHILDREN; i++) {
			int status;

			assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
			all |= status;
		}
		assert_int_equal(end_log("site aws"), 2);
		assert_int_equal(all, 0);
		assert_string_equal(learnt_region(learnt, 0), "ap-northeast-1");
		learnt_free(learnt);
	}
	munmap(ready, sizeof(*ready));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_yet),
		cmocka_unit_test(test_regions),
		cmocka_unit_test(test_many_regions),
		cmocka_unit_test(test_clocks),
		cmocka_unit_test(test_several_processes),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

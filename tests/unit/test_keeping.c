/*
 * One site's credentials over time: when the next search is due, and what the
 * log is told.  The time is the test's.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "credentials/renewal.h"
#include "pool/keeping.h"
#include "s3/keyring.h"

enum {
	SECOND = 1000,
	MINUTE = 60 * SECOND,
	HOUR = 60 * MINUTE,
	START = 5 * HOUR, /* of the tests, by the monotonic clock */
};

/* 2026-11-24 12:00:00Z */
static const int64_t noon_s = 1795521600;

/* One site, and the last line that was told of it. */
struct scene {
	struct keeping keeping;
	int64_t now_ms;
	struct buf line;
};

static struct scene
begin(int64_t expires_ms, bool was_tried)
{
	struct scene scene = { .now_ms = START };

	keeping_init(&scene.keeping, "gyazo", expires_ms, was_tried);
	buf_init(&scene.line, KEEPING_LINE_MAX);
	return (scene);
}

static void
end(struct scene *scene)
{
	keeping_fini(&scene->keeping);
	buf_fini(&scene->line);
}

static void
settle(struct scene *scene, const struct keeping_search *search,
    enum keeping_word word, const char *line)
{
	buf_clear(&scene->line);
	keeping_note(&scene->keeping, search, scene->now_ms, 0);
	assert_int_equal(
	    keeping_tell(&scene->keeping, search, scene->now_ms, &scene->line),
	    word);
	assert_string_equal(buf_string(&scene->line), line);
}

/* After PASSED a search finds credentials that live for LIFE_MS (INT64_MAX: for
 * ever), in WHERE. */
static void
hit(struct scene *scene, int64_t passed, int64_t life_ms, bool is_new,
    const char *where, enum keeping_word word, const char *line)
{
	struct keeping_search search = {
		.result = CREDENTIALS_FOUND,
		.is_new = is_new,
		.where = where,
		.expires_ms = CREDENTIALS_NEVER,
		.expires_s = CREDENTIALS_NEVER,
	};

	scene->now_ms += passed;
	search.begun_ms = scene->now_ms;
	if (life_ms != INT64_MAX) {
		search.expires_ms = scene->now_ms + life_ms;
		search.expires_s =
		    noon_s + (scene->now_ms - START + life_ms) / 1000;
	}
	settle(scene, &search, word, line);
}

/* After PASSED one ends in RESULT. */
static void
miss(struct scene *scene, int64_t passed, enum credentials_result result,
    const char *where, enum keeping_word word, const char *line)
{
	struct keeping_search search = { .result = result, .where = where };

	scene->now_ms += passed;
	search.begun_ms = scene->now_ms;
	settle(scene, &search, word, line);
}

static void
test_what_is_found_is_renewed_before_its_end(void **state)
{
	struct scene scene = begin(KEEPING_NOTHING, false);

	(void)state;
	assert_true(keeping_due(&scene.keeping, false) <= START);
	hit(&scene, 0, HOUR, true, "IMDS", KEEPING_INFO,
	    "site gyazo: credentials found in IMDS, good until 2026-11-24 "
	    "13:00:00Z");
	assert_int_equal(scene.keeping.expires_ms, START + HOUR);
	assert_int_equal(keeping_due(&scene.keeping, false),
	    renewal_due(START, START + HOUR, 0));
	hit(&scene, 50 * MINUTE, HOUR, true, "IMDS", KEEPING_INFO,
	    "site gyazo: credentials renewed, good until 2026-11-24 13:50:00Z");
	/* What has no end is looked for no more. */
	hit(&scene, MINUTE, INT64_MAX, true, "a file", KEEPING_INFO,
	    "site gyazo: credentials found in a file");
	assert_true(keeping_due(&scene.keeping, false) == INT64_MAX);
	keeping_hurry(&scene.keeping);
	assert_true(keeping_due(&scene.keeping, false) <= scene.now_ms);
	hit(&scene, MINUTE, INT64_MAX, true, "a file", KEEPING_INFO,
	    "site gyazo: credentials renewed");
	end(&scene);
}

static void
test_what_is_the_same_is_not_told(void **state)
{
	struct scene scene = begin(KEEPING_NOTHING, false);

	(void)state;
	hit(&scene, 0, HOUR, true, "IMDS", KEEPING_INFO,
	    "site gyazo: credentials found in IMDS, good until 2026-11-24 "
	    "13:00:00Z");
	hit(&scene, 10 * MINUTE, 50 * MINUTE, false, "IMDS", KEEPING_SILENT,
	    "");
	end(&scene);
}

/* Credentials that live for seconds: a line a minute. */
static void
test_short_lives_do_not_flood(void **state)
{
	struct scene scene = begin(KEEPING_NOTHING, false);

	(void)state;
	hit(&scene, 0, 3 * SECOND, true, "STS", KEEPING_INFO,
	    "site gyazo: credentials found in STS, good until 2026-11-24 "
	    "12:00:03Z");
	hit(&scene, 2 * SECOND, 3 * SECOND, true, "STS", KEEPING_INFO,
	    "site gyazo: credentials renewed, good until 2026-11-24 "
	    "12:00:05Z");
	for (int i = 0; i < 29; i++)
		hit(&scene, 2 * SECOND, 3 * SECOND, true, "STS", KEEPING_SILENT,
		    "");
	hit(&scene, 2 * SECOND, 3 * SECOND, true, "STS", KEEPING_INFO,
	    "site gyazo: credentials renewed 30 times since the last line, "
	    "good until 2026-11-24 12:01:05Z");
	hit(&scene, 2 * SECOND, 3 * SECOND, true, "STS", KEEPING_SILENT, "");
	end(&scene);
}

static void
test_the_old_serve_to_their_end(void **state)
{
	struct scene scene = begin(KEEPING_NOTHING, false);
	int64_t ends;

	(void)state;
	hit(&scene, 0, HOUR, true, "IMDS", KEEPING_INFO,
	    "site gyazo: credentials found in IMDS, good until 2026-11-24 "
	    "13:00:00Z");
	ends = START + HOUR;
	miss(&scene, 55 * MINUTE + 30 * SECOND, CREDENTIALS_FAILED,
	    "IMDS: timed out", KEEPING_ERROR,
	    "site gyazo: credentials cannot be renewed: IMDS: timed out; the "
	    "old ones serve for 4m more; the next try is in 500ms");
	assert_int_equal(scene.keeping.expires_ms, ends);
	assert_int_equal(keeping_due(&scene.keeping, false),
	    scene.now_ms + renewal_pause(1, 4 * MINUTE + 30 * SECOND, 0));
	miss(&scene, SECOND, CREDENTIALS_FAILED, "IMDS: timed out",
	    KEEPING_SILENT, "");
	assert_int_equal(keeping_due(&scene.keeping, false),
	    scene.now_ms + renewal_pause(2, 4 * MINUTE + 29 * SECOND, 0));
	/* Another reason, at once; the same after a while. */
	miss(&scene, 10 * SECOND, CREDENTIALS_FAILED, "IMDS: refused",
	    KEEPING_ERROR,
	    "site gyazo: credentials cannot be renewed: IMDS: refused; the old "
	    "ones serve for 4m more; the next try is in 2s");
	/* One more reason with each try. */
	miss(&scene, SECOND, CREDENTIALS_FAILED, "IMDS: broken", KEEPING_SILENT,
	    "");
	miss(&scene, MINUTE, CREDENTIALS_FAILED, "IMDS: gone in 7 ms",
	    KEEPING_ERROR,
	    "site gyazo: credentials cannot be renewed: IMDS: gone in 7 ms; "
	    "the old ones serve for 3m more; the next try is in 8s");
	/* Other numbers are no other reason. */
	miss(&scene, MINUTE, CREDENTIALS_FAILED, "IMDS: gone in 1234 ms",
	    KEEPING_SILENT, "");
	/* The last try of their life is at its very end. */
	scene.now_ms = ends - 100;
	miss(&scene, 0, CREDENTIALS_FAILED, "IMDS: out", KEEPING_ERROR,
	    "site gyazo: credentials cannot be renewed: IMDS: out; the "
	    "old ones serve for 100ms more; the next try is in 100ms");
	assert_int_equal(keeping_due(&scene.keeping, false), ends);
	miss(&scene, 100, CREDENTIALS_FAILED, "IMDS: out", KEEPING_ERROR,
	    "site gyazo: there are no credentials: IMDS: out; requests "
	    "are answered with 503; the next try is in 30s");
	end(&scene);
}

static void
test_a_lasting_trouble_is_told_again(void **state)
{
	struct scene scene = begin(KEEPING_NOTHING, true);
	const char *line = "site gyazo: there are no credentials: nobody; "
			   "requests are answered with 503; the next try is in "
			   "30s";

	(void)state;
	miss(&scene, 0, CREDENTIALS_NONE, "nobody", KEEPING_ERROR,
	    "site gyazo: there are no credentials: nobody; requests are "
	    "answered with 503; the next try is in 500ms");
	for (int i = 1; i < 10; i++)
		miss(&scene, MINUTE, CREDENTIALS_NONE, "nobody", KEEPING_SILENT,
		    "");
	miss(&scene, MINUTE, CREDENTIALS_NONE, "nobody", KEEPING_ERROR, line);
	miss(&scene, MINUTE, CREDENTIALS_NONE, "nobody", KEEPING_SILENT, "");
	hit(&scene, MINUTE, INT64_MAX, true, "a file", KEEPING_INFO,
	    "site gyazo: credentials found again in a file");
	assert_int_equal(scene.keeping.failures, 0);
	end(&scene);
}

/* What comes and goes in the same way is told once a minute. */
static void
test_a_trouble_that_flaps(void **state)
{
	struct scene scene = begin(START + HOUR, true);

	(void)state;
	miss(&scene, 0, CREDENTIALS_FAILED, "503", KEEPING_ERROR,
	    "site gyazo: credentials cannot be renewed: 503; the old ones "
	    "serve for 1h more; the next try is in 500ms");
	hit(&scene, SECOND, HOUR, true, "STS", KEEPING_INFO,
	    "site gyazo: credentials found again in STS, good until "
	    "2026-11-24 13:00:01Z");
	/* One renewal is told, as ever. */
	miss(&scene, SECOND, CREDENTIALS_FAILED, "503", KEEPING_SILENT, "");
	hit(&scene, SECOND, HOUR, true, "STS", KEEPING_INFO,
	    "site gyazo: credentials renewed, good until 2026-11-24 "
	    "13:00:03Z");
	for (int i = 0; i < 20; i++) {
		miss(&scene, SECOND, CREDENTIALS_FAILED, "503", KEEPING_SILENT,
		    "");
		hit(&scene, SECOND, HOUR, true, "STS", KEEPING_SILENT, "");
	}
	miss(&scene, 20 * SECOND, CREDENTIALS_FAILED, "503", KEEPING_ERROR,
	    "site gyazo: credentials cannot be renewed: 503; the old ones "
	    "serve for 59m more; the next try is in 500ms");
	end(&scene);
}

/* What the very first failure leads to is the master's to say; a keeper that
 * takes another's place knows. */
static void
test_the_first_failure(void **state)
{
	struct scene scene = begin(KEEPING_NOTHING, false);

	(void)state;
	miss(&scene, 0, CREDENTIALS_WRONG, "half a key", KEEPING_ERROR,
	    "site gyazo: there are no credentials: half a key");
	miss(&scene, SECOND, CREDENTIALS_WRONG, "half a key", KEEPING_ERROR,
	    "site gyazo: there are no credentials: half a key; requests are "
	    "answered with 503; the next try is in 1s");
	end(&scene);

	scene = begin(CREDENTIALS_NEVER, true);
	miss(&scene, 0, CREDENTIALS_WRONG, "half a key", KEEPING_ERROR,
	    "site gyazo: credentials cannot be renewed: half a key; the old "
	    "ones stay in use; the next try is in 500ms");
	end(&scene);
}

static void
test_wishes(void **state)
{
	struct scene scene = begin(KEEPING_NOTHING, false);

	(void)state;
	hit(&scene, 0, INT64_MAX, true, "a file", KEEPING_INFO,
	    "site gyazo: credentials found in a file");
	assert_true(keeping_due(&scene.keeping, false) == INT64_MAX);
	/* The last search brought others: they may be wrong, so look again. */
	assert_true(keeping_due(&scene.keeping, true) <= scene.now_ms);
	hit(&scene, 10, INT64_MAX, false, "a file", KEEPING_SILENT, "");
	assert_int_equal(keeping_due(&scene.keeping, true),
	    scene.now_ms + KEYRING_RELOOK_MS);
	miss(&scene, HOUR, CREDENTIALS_FAILED, "gone", KEEPING_ERROR,
	    "site gyazo: credentials cannot be renewed: gone; the old ones "
	    "stay in use; the next try is in 500ms");
	/* What is due sooner by itself stays so. */
	assert_int_equal(keeping_due(&scene.keeping, true), scene.now_ms + 500);
	end(&scene);
}

/* One that is wrong again each time is not looked for at once each time. */
static void
test_a_wish_that_brought_others(void **state)
{
	struct scene scene = begin(KEEPING_NOTHING, false);
	struct keeping_search search = {
		.result = CREDENTIALS_FOUND,
		.is_wished = true,
		.is_new = true,
		.where = "a file",
		.expires_ms = CREDENTIALS_NEVER,
		.expires_s = CREDENTIALS_NEVER,
	};

	(void)state;
	search.begun_ms = scene.now_ms;
	settle(&scene, &search, KEEPING_INFO,
	    "site gyazo: credentials found in a file");
	assert_int_equal(keeping_due(&scene.keeping, true),
	    scene.now_ms + KEYRING_RELOOK_MS);
	end(&scene);
}

/* S3 refuses what is there, and there is no other: that is told, once, until
 * there is. */
static void
test_what_is_refused(void **state)
{
	struct scene scene = begin(KEEPING_NOTHING, false);
	struct keeping_search search = {
		.result = CREDENTIALS_FOUND,
		.is_wished = true,
		.where = "a file",
		.expires_ms = CREDENTIALS_NEVER,
		.expires_s = CREDENTIALS_NEVER,
	};

	(void)state;
	hit(&scene, 0, INT64_MAX, true, "a file", KEEPING_INFO,
	    "site gyazo: credentials found in a file");
	search.begun_ms = scene.now_ms;
	settle(&scene, &search, KEEPING_ERROR,
	    "site gyazo: S3 refuses the credentials found in a file, and there "
	    "are no others: requests fail until they are changed there");
	settle(&scene, &search, KEEPING_SILENT, "");
	/* Nor does a search of its own that finds the same end it. */
	hit(&scene, MINUTE, INT64_MAX, false, "a file", KEEPING_SILENT, "");
	scene.now_ms += KEEPING_REPEAT_MS;
	settle(&scene, &search, KEEPING_ERROR,
	    "site gyazo: S3 refuses the credentials found in a file, and there "
	    "are no others: requests fail until they are changed there");
	hit(&scene, SECOND, INT64_MAX, true, "a file", KEEPING_INFO,
	    "site gyazo: credentials found again in a file");
	end(&scene);
}

static void
test_what_has_ended_is_a_failure(void **state)
{
	static const struct {
		int64_t left_s;
		enum credentials_result result;
		const char *where;
	} rows[] = {
		{ -300, CREDENTIALS_FAILED, "IMDS: they ended 5m ago" },
		{ 0, CREDENTIALS_FAILED, "IMDS: they ended 1s ago" },
		{ 1, CREDENTIALS_FOUND, "IMDS" },
	};
	struct keeping keeping;
	struct buf where;

	(void)state;
	keeping_init(&keeping, "gyazo", KEEPING_NOTHING, false);
	buf_init(&where, CREDENTIALS_WHERE_MAX);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct keeping_search search = { .is_new = true };

		buf_clear(&where);
		assert_true(buf_add_string(&where, "IMDS"));
		keeping_judge(&keeping, noon_s + rows[i].left_s, START, noon_s,
		    &search, &where);
		assert_int_equal(search.result, rows[i].result);
		assert_string_equal(buf_string(&where), rows[i].where);
		assert_int_equal(
		    search.expires_ms, START + rows[i].left_s * 1000);
	}
	buf_fini(&where);
}

/* The wall clock's second has just begun or is about to end: what is found
 * twice ends at the same moment all the same, unless the clock was set. */
static void
test_the_same_end_twice(void **state)
{
	struct scene scene = begin(KEEPING_NOTHING, false);
	struct keeping_search search = { .where = "IMDS" };

	(void)state;
	keeping_judge(
	    &scene.keeping, noon_s + 3600, START, noon_s, &search, &scene.line);
	assert_int_equal(search.expires_ms, START + HOUR);
	keeping_note(&scene.keeping, &search, START, 0);
	keeping_judge(&scene.keeping, noon_s + 3600, START + 999, noon_s,
	    &search, &scene.line);
	assert_int_equal(search.expires_ms, START + HOUR);
	keeping_forget_clock(&scene.keeping);
	assert_true(keeping_due(&scene.keeping, false) <= START);
	keeping_judge(&scene.keeping, noon_s + 3600, START + SECOND,
	    noon_s + 1801, &search, &scene.line);
	assert_int_equal(search.expires_ms, START + HOUR / 2);
	keeping_judge(&scene.keeping, CREDENTIALS_NEVER, START, noon_s, &search,
	    &scene.line);
	assert_true(search.expires_ms == CREDENTIALS_NEVER);
	assert_int_equal(search.result, CREDENTIALS_FOUND);
	end(&scene);
}

static void
test_changed_files(void **state)
{
	struct scene scene = begin(KEEPING_NOTHING, false);
	const char *line = "site gyazo: /run/token has changed: credentials "
			   "are looked for anew";

	(void)state;
	assert_int_equal(keeping_tell_change(
			     &scene.keeping, "/run/token", START, &scene.line),
	    KEEPING_INFO);
	assert_string_equal(buf_string(&scene.line), line);
	assert_int_equal(keeping_tell_change(&scene.keeping, "/run/token",
			     START + KEEPING_QUIET_MS - 1, &scene.line),
	    KEEPING_SILENT);
	assert_int_equal(keeping_tell_change(&scene.keeping, "/run/token",
			     START + KEEPING_QUIET_MS, &scene.line),
	    KEEPING_INFO);
	end(&scene);
}

/* However long the reason, what stands behind it is there. */
static void
test_long_reasons_are_cut(void **state)
{
	struct scene scene = begin(KEEPING_NOTHING, true);
	char where[CREDENTIALS_WHERE_MAX + 1];
	struct keeping_search search = { .result = CREDENTIALS_FAILED,
		.where = where };

	(void)state;
	memset(where, 'x', sizeof(where) - 1);
	where[sizeof(where) - 1] = '\0';
	keeping_note(&scene.keeping, &search, START, 0);
	assert_int_equal(
	    keeping_tell(&scene.keeping, &search, START, &scene.line),
	    KEEPING_ERROR);
	assert_non_null(strstr(buf_string(&scene.line),
	    "x; requests are answered with 503; the next try is in 500ms"));
	end(&scene);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_found_is_renewed_before_its_end),
		cmocka_unit_test(test_what_is_the_same_is_not_told),
		cmocka_unit_test(test_short_lives_do_not_flood),
		cmocka_unit_test(test_the_old_serve_to_their_end),
		cmocka_unit_test(test_a_lasting_trouble_is_told_again),
		cmocka_unit_test(test_a_trouble_that_flaps),
		cmocka_unit_test(test_the_first_failure),
		cmocka_unit_test(test_wishes),
		cmocka_unit_test(test_a_wish_that_brought_others),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_what_has_ended_is_a_failure),
		cmocka_unit_test(test_the_same_end_twice),
		cmocka_unit_test(test_changed_files),
		cmocka_unit_test(test_long_reasons_are_cut),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

/*
 * What is known of a store (src/offload/store.h): found out once, said once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "offload/store.h"

enum { THREADS = 8, TRIES = 2000 };

static char said[512];
static int said_count;

void __wrap_log_info(const char *format, ...) ATTR_PRINTF(1, 2);

void
__wrap_log_info(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(said, sizeof(said), format, args);
	va_end(args);
	said_count++;
}

static struct store store;

static int
begin(void **state)
{
	(void)state;
	said[0] = '\0';
	said_count = 0;
	store_init(&store, "img");
	return (0);
}

static void
what_was_found_holds(void **state)
{
	static const struct {
		enum store_word word;
		const char *said;
	} rows[] = {
		{ STORE_HONOURS, "offload img: the store honours" },
		{ STORE_NOT, "offload img: the store takes no notice" },
	};

	for (size_t i = 0; i < 2; i++) {
		begin(state);
		assert_int_equal(store_word(&store), STORE_UNTRIED);
		assert_true(store_may_try(&store));
		store_found(&store, rows[i].word);
		assert_int_equal(store_word(&store), rows[i].word);
		assert_non_null(strstr(said, rows[i].said));
		assert_false(store_may_try(&store));
		/* The first word is kept, and nothing more is said. */
		store_found(&store, rows[1 - i].word);
		store_refuses(&store);
		assert_int_equal(store_word(&store), rows[i].word);
		assert_int_equal(said_count, 1);
	}
}

static void
one_tries_at_a_time(void **state)
{
	(void)state;
	assert_true(store_may_try(&store));
	assert_false(store_may_try(&store));
	/* Nothing was found out: another may. */
	store_found(&store, STORE_UNTRIED);
	assert_int_equal(store_word(&store), STORE_UNTRIED);
	assert_int_equal(said_count, 0);
	assert_true(store_may_try(&store));
}

static void
a_refusal_is_a_no(void **state)
{
	(void)state;
	assert_true(store_may_try(&store));
	store_refuses(&store);
	assert_int_equal(store_word(&store), STORE_NOT);
	assert_non_null(strstr(said, "does not know If-None-Match"));
	store_refuses(&store);
	store_found(&store, STORE_UNTRIED);
	assert_int_equal(said_count, 1);
	assert_false(store_may_try(&store));
}

static atomic_int trying;
static atomic_int tried;

static void *
try_often(void *context)
{
	(void)context;
	for (int i = 0; i < TRIES; i++) {
		if (!store_may_try(&store))
			continue;
		if (atomic_fetch_add(&trying, 1) != 0)
			atomic_store(&tried, -1);
		atomic_fetch_sub(&trying, 1);
		if (atomic_load(&tried) >= 0)
			atomic_fetch_add(&tried, 1);
		store_found(&store, STORE_UNTRIED);
	}
	return (NULL);
}

static void
one_of_many_threads_tries(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, try_often, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_true(atomic_load(&tried) > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_was_found_holds, begin),
		cmocka_unit_test_setup(one_tries_at_a_time, begin),
		cmocka_unit_test_setup(a_refusal_is_a_no, begin),
		cmocka_unit_test_setup(one_of_many_threads_tries, begin),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

/*
 * What is known of a store: see store.h.
 */
#include "offload/store.h"

#include "base/log.h"

void
store_init(struct store *store, const char *name)
{
	store->name = name;
	atomic_init(&store->word, STORE_UNTRIED);
	atomic_flag_clear(&store->is_trying);
}

enum store_word
store_word(const struct store *store)
{
	return ((enum store_word)atomic_load(&store->word));
}

bool
store_may_try(struct store *store)
{
	return (store_word(store) == STORE_UNTRIED &&
	    !atomic_flag_test_and_set(&store->is_trying));
}

/* Set it, and say so once. */
static void
settle(struct store *store, enum store_word word, const char *what)
{
	int untried = STORE_UNTRIED;

	if (atomic_compare_exchange_strong(&store->word, &untried, (int)word))
		log_info("offload %s: %s", store->name, what);
}

void
store_found(struct store *store, enum store_word word)
{
	if (word == STORE_HONOURS)
		settle(store, word,
		    "the store honours If-None-Match: it never replaces an "
		    "object");
	else if (word == STORE_NOT)
		settle(store, word,
		    "the store takes no notice of If-None-Match: before each "
		    "upload it is asked whether the object is there");
	atomic_flag_clear(&store->is_trying);
}

void
store_refuses(struct store *store)
{
	settle(store, STORE_NOT,
	    "the store does not know If-None-Match: before each upload it is "
	    "asked whether the object is there");
}

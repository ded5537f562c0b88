/*
 * What is known of a store: whether it keeps its word on "If-None-Match: *",
 * so that it can be told to never replace an object.  Found out once in a run,
 * and said: AWS and Ceph honour it, Swift refuses it (501), and others take no
 * notice.
 *
 * By any thread.
 */
#ifndef OFFLOAD_STORE_H
#define OFFLOAD_STORE_H

#include <stdatomic.h>
#include <stdbool.h>

enum store_word {
	STORE_UNTRIED,
	STORE_HONOURS, /* it never replaces what is there */
	STORE_NOT,     /* it must be asked before, each time */
};

struct store {
	const char *name; /* of the offload, for the log */
	atomic_int word;  /* enum store_word */
	atomic_flag is_trying;
};

void store_init(struct store *store, const char *name);

enum store_word store_word(const struct store *store);

/* May the caller try it out?  One at a time. */
bool store_may_try(struct store *store);

/* What the one who tried has found; UNTRIED: nothing, another may try. */
void store_found(struct store *store, enum store_word word);

/* A request with If-None-Match was refused for that. */
void store_refuses(struct store *store);

#endif

/*
 * Trusted authorities: see trust.h.
 *
 * A list of the files that were asked for, each with its certificates and with
 * what stat(2) said of it then.  A file that was put in place of the former is
 * another; so each new connection is by what is there now, at the price of one
 * stat.
 *
 * What is shared over a fork is shared until it is written to: so whatever
 * OpenSSL puts off until it first looks for an authority (it sorts them, and
 * reads their extensions) is done here.
 */
#include "s3/trust.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/stamp.h"
#include "s3/libcurl.h"

struct trusted {
	struct trusted *next;
	char *file;
	struct stamp seen; /* when it was last parsed, or that failed */
	char why[256];     /* it failed then; empty: it did not */
	X509_STORE *store; /* what it held when it last could be; NULL: never */
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct trusted *files;

/* Do now what would be done at the first search. */
static void
settle(X509_STORE *store)
{
	STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);

	sk_X509_OBJECT_sort(objects);
	for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
		X509 *x509 =
		    X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));

		if (x509 != NULL)
			(void)X509_check_ca(x509);
	}
}

/* The certificates of FILE, or NULL with why. */
static X509_STORE *
parse(const char *file, char *why, size_t len)
{
	X509_STORE *store = X509_STORE_new();
	const char *reason;

	if (store == NULL)
		log_fatal(1, "out of memory: no certificates can be held");
	ERR_clear_error();
	errno = 0;
	if (X509_STORE_load_file(store, file) != 1) {
		reason = ERR_reason_error_string(ERR_peek_last_error());
		snprintf(why, len, "no certificates can be read from %s: %s",
		    file,
		    errno != 0           ? strerror(errno)
			: reason != NULL ? reason
					 : "there are none");
		ERR_clear_error();
		X509_STORE_free(store);
		return (NULL);
	}
	/* As libcurl does: one's own authority comes before what a server
	 * sends, and a certificate in the file is trusted whoever signed it. */
	X509_STORE_set_flags(
	    store, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
	settle(store);
	return (store);
}

static struct trusted *
find(const char *file)
{
	struct trusted *it;

	for (it = files; it != NULL; it = it->next)
		if (strcmp(it->file, file) == 0)
			return (it);
	it = mem_zero(1, sizeof(*it));
	it->file = mem_string(file);
	it->next = files;
	files = it;
	return (it);
}

/* Parse the file of IT if it is not what it was. */
static void
update(struct trusted *it)
{
	struct stamp now = stamp_of(it->file);
	X509_STORE *store;

	if ((it->store != NULL || it->why[0] != '\0') &&
	    stamp_is_same(&now, &it->seen))
		return;
	it->seen = now;
	it->why[0] = '\0';
	store = parse(it->file, it->why, sizeof(it->why));
	if (store != NULL) {
		X509_STORE_free(it->store);
		it->store = store;
	} else if (it->store != NULL) {
		log_warning(
		    "%s; those that it held before are still trusted", it->why);
	}
}

void
trust_prepare(const char *ca_file)
{
	const char *file = libcurl_ca_file(ca_file);

	if (file == NULL)
		return;
	pthread_mutex_lock(&mutex);
	update(find(file));
	pthread_mutex_unlock(&mutex);
}

bool
trust_give(SSL_CTX *ctx, const char *ca_file, char *why, size_t len)
{
	struct trusted *it;
	bool is_given;

	pthread_mutex_lock(&mutex);
	it = find(ca_file);
	update(it);
	is_given = it->store != NULL;
	if (is_given)
		SSL_CTX_set1_cert_store(ctx, it->store);
	else
		snprintf(why, len, "%s", it->why);
	pthread_mutex_unlock(&mutex);
	return (is_given);
}

void
trust_fini(void)
{
	struct trusted *it;

	while ((it = files) != NULL) {
		files = it->next;
		X509_STORE_free(it->store);
		free(it->file);
		free(it);
	}
}

/*
 * count: one piece of what a request takes, done N times and nothing else, for
 * whoever counts instructions.  What 2N times cost more than N times, divided
 * by N, is what it costs once, whatever it takes to start.
 *
 *	count sign|map|name|read N
 *
 *	sign	write and sign a GET, with the day's key at hand
 *	map	a path to the object's key
 *	name	that key to its name in memcached
 *	read	an object of 10 KB out of what memcached keeps
 *
 * Ends with 0, with 1 for what it is not told to do, and aborts where the
 * piece does not do what it is for.
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cache/cache.h"
#include "cache/entry.h"
#include "s3/signed.h"
#include "s3/site.h"

#define KEY "old/0123456789abcdef0123456789abcdef.png"

enum { BODY_LEN = 10240, NOW = 1700000000 };

static const struct credentials credentials = {
	.access_key_id = (char *)"AKIAIOSFODNN7EXAMPLE",
	.secret_access_key = (char *)"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
};

static struct site site = {
	.name = (char *)"gyazo",
	.bucket = (char *)"internal-gyazo",
	.region = (char *)"ap-northeast-1",
	.strip = (char *)"img/",
	.prefix = (char *)"old/",
};

static void
must(bool is_so)
{
	if (!is_so)
		abort();
}

static void
sign(unsigned long n)
{
	const struct signed_question question = {
		.site = &site,
		.credentials = &credentials,
		.region = span_of(site.region),
		.key = SPAN(KEY),
		.now = NOW,
	};
	struct sigv4_signer signer = { .has_key = false };
	struct signed_request request;

	signed_init(&request);
	while (n-- > 0)
		must(signed_write(&request, &signer, &question) == NULL);
	sigv4_signer_fini(&signer);
	signed_fini(&request);
}

static void
map(unsigned long n)
{
	struct span path = SPAN("/img/0123456789abcdef0123456789abcdef.png");
	const char *why;
	struct buf key;

	buf_init(&key, SITE_KEY_MAX);
	while (n-- > 0)
		must(site_key(&site, path, &key, &why) == SITE_KEY_OK);
	must(span_equal(buf_span(&key), SPAN(KEY)));
	buf_fini(&key);
}

static void
name(unsigned long n)
{
	struct cache_key cache_key;

	while (n-- > 0) {
		cache_key_make(&cache_key, &site, SPAN(KEY));
		must(strlen(cache_key.text) == CACHE_KEY_LEN);
	}
}

static void
read_entry(unsigned long n)
{
	static const uint8_t digest[ENTRY_DIGEST_LEN];
	static char body[BODY_LEN];
	struct entry entry = {
		.kind = ENTRY_OBJECT,
		.stored_s = NOW,
		.metadata = { .size = BODY_LEN },
		.body = { body, BODY_LEN },
	};
	struct buf bytes;

	entry.metadata.field[METADATA_CONTENT_TYPE] = SPAN("image/png");
	entry.metadata.field[METADATA_ETAG] =
	    SPAN("\"0123456789abcdef0123456789abcdef\"");
	entry.metadata.field[METADATA_LAST_MODIFIED] =
	    SPAN("Wed, 21 Oct 2015 07:28:00 GMT");
	buf_init(&bytes, 2 * (size_t)BODY_LEN);
	must(entry_write(&entry, digest, &bytes));
	while (n-- > 0)
		must(entry_read(buf_span(&bytes), digest, &entry));
	must(entry.body.len == BODY_LEN);
	buf_fini(&bytes);
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*work)(unsigned long n);
	} pieces[] = {
		{ "sign", sign },
		{ "map", map },
		{ "name", name },
		{ "read", read_entry },
	};
	const char *why;

	must(site_resolve(&site, &why) == NULL);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
		if (argc == 3 && strcmp(argv[1], pieces[i].name) == 0) {
			pieces[i].work(strtoul(argv[2], NULL, 10));
			return (0);
		}
	errx(1, "usage: count sign|map|name|read N");
}

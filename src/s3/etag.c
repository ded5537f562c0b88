/*
 * Entity tags: see etag.h.  Compared byte for byte: an opaque tag has no
 * escapes and no other spelling.  A tag that is no value, or empty, equals
 * nothing, so that two absent tags never count as agreement.
 */
#include "s3/etag.h"

#include <stdint.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/parse.h"

enum { MD5_LEN = 16 };

/* The MD5 that ETAG spells. */
static bool
parse_md5(struct span etag, uint8_t md5[MD5_LEN])
{
	if (etag.len != 2 * MD5_LEN + 2 || etag.data[0] != '"' ||
	    etag.data[etag.len - 1] != '"')
		return (false);
	return (parse_hex(
	    (struct span){ etag.data + 1, 2 * MD5_LEN }, md5, 2 * MD5_LEN));
}

bool
etag_is_md5(struct span etag)
{
	uint8_t md5[MD5_LEN];

	return (parse_md5(etag, md5));
}

bool
etag_matches(struct span etag, struct span body)
{
	uint8_t said[MD5_LEN], found[EVP_MAX_MD_SIZE];
	size_t found_len = 0;
	bool has_md5;

	if (!parse_md5(etag, said))
		return (false);
	/* A failure leaves errors in the thread's queue, where libcurl would
	 * take them for its own. */
	ERR_set_mark();
	has_md5 = EVP_Q_digest(NULL, "MD5", NULL, body.data, body.len, found,
		      &found_len) == 1;
	ERR_pop_to_mark();
	if (!has_md5 || found_len != MD5_LEN)
		return (true);
	return (span_equal((struct span){ (const char *)said, MD5_LEN },
	    (struct span){ (const char *)found, MD5_LEN }));
}

static bool
is_weak(struct span etag)
{
	return (span_starts(etag, SPAN("W/")));
}

static struct span
opaque_tag(struct span etag)
{
	return (is_weak(etag) ? span_skip(etag, 2) : etag);
}

bool
etag_equal_strong(struct span a, struct span b)
{
	return (a.len > 0 && !is_weak(a) && span_equal(a, b));
}

bool
etag_equal_weak(struct span a, struct span b)
{
	a = opaque_tag(a);
	b = opaque_tag(b);
	return (a.len > 0 && span_equal(a, b));
}

/*
 * A site: see site.h.  Nothing is kept of the endpoint but its text: to take
 * it apart again for each request costs a fraction of a microsecond, and there
 * is no second form of it that could disagree with the first.
 *
 * The key is made by joining bytes, never by joining paths: a library's
 * path_join is how proxies let "/../" out of their prefix.
 */
#include "s3/site.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "s3/endpoint.h"
#include "s3/uri.h"

enum {
	BUCKET_MIN = 3,
	BUCKET_MAX = 255, /* before 2018 us-east-1 took so many; now 63 */
	REGION_MAX = SIGV4_REGION_MAX,
	AWS_HOST_MAX = sizeof("s3..amazonaws.com.cn") - 1 + REGION_MAX,
	AUTHORITY_MAX = ENDPOINT_HOST_MAX + sizeof(":65535") - 1,
	PATH_MAX_LEN = 2 + BUCKET_MAX + 3 * SITE_KEY_MAX,
	URL_MAX = sizeof("https://") - 1 + AUTHORITY_MAX + PATH_MAX_LEN,
};

/* Where a site's strings are, but those of its credentials, which are wiped. */
static const size_t string_offsets[] = {
	offsetof(struct site, name),
	offsetof(struct site, bucket),
	offsetof(struct site, region),
	offsetof(struct site, endpoint),
	offsetof(struct site, ca_file),
	offsetof(struct site, strip),
	offsetof(struct site, prefix),
	offsetof(struct site, cache_control),
	offsetof(struct site, profile),
	offsetof(struct site, role_arn),
	offsetof(struct site, role_session_name),
	offsetof(struct site, external_id),
	offsetof(struct site, web_identity_token_file),
	offsetof(struct site, sts_endpoint),
	offsetof(struct site, credentials_source),
};

enum { N_STRINGS = sizeof(string_offsets) / sizeof(string_offsets[0]) };

static char **
string_at(struct site *site, size_t i)
{
	return ((char **)(void *)((char *)site + string_offsets[i]));
}

void
site_copy(struct site *copy, const struct site *site)
{
	*copy = *site;
	for (size_t i = 0; i < N_STRINGS; i++)
		*string_at(copy, i) = mem_string(*string_at(copy, i));
	credentials_copy(&copy->own, &site->own);
}

void
site_fini(struct site *site)
{
	for (size_t i = 0; i < N_STRINGS; i++) {
		free(*string_at(site, i));
		*string_at(site, i) = NULL;
	}
	credentials_fini(&site->own);
}

static bool
is_digit(char c)
{
	return (c >= '0' && c <= '9');
}

static bool
is_lower(char c)
{
	return (c >= 'a' && c <= 'z');
}

static bool
is_upper(char c)
{
	return (c >= 'A' && c <= 'Z');
}

bool
site_is_region(struct span text)
{
	if (text.len < 1 || text.len > REGION_MAX)
		return (false);
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];

		if (!is_lower(c) && !is_digit(c) && c != '-')
			return (false);
	}
	return (true);
}

static const char *
check_bucket(struct span bucket)
{
	if (bucket.len == 0)
		return ("is not set");
	if (bucket.len < BUCKET_MIN || bucket.len > BUCKET_MAX)
		return ("is not 3 to 255 bytes long");
	for (size_t i = 0; i < bucket.len; i++) {
		char c = bucket.data[i];

		if (!is_lower(c) && !is_upper(c) && !is_digit(c) && c != '.' &&
		    c != '_' && c != '-')
			return ("holds something other than letters, digits, "
				"\".\", \"_\" and \"-\"");
	}
	while (bucket.data != NULL) {
		if (span_cut(&bucket, '.').len == 0)
			return ("begins or ends with \".\" or holds \"..\"");
	}
	return (NULL);
}

static const char *
check_region(struct span region)
{
	if (region.len == 0)
		return ("is not set");
	if (!site_is_region(region))
		return ("is not 1 to 32 of a-z, 0-9 and \"-\"");
	return (NULL);
}

/* Can BUCKET stand in a host's name?  Capitals can not: names of hosts have
 * no case, and S3 takes the name as it is in lower case. */
static bool
fits_host(struct span bucket)
{
	for (size_t i = 0; i < bucket.len; i++) {
		char c = bucket.data[i];

		if (!is_lower(c) && !is_digit(c) && c != '-' && c != '.')
			return (false);
	}
	for (struct span rest = bucket; rest.data != NULL;) {
		struct span label = span_cut(&rest, '.');

		if (label.len < 1 || label.len > ENDPOINT_LABEL_MAX ||
		    label.data[0] == '-' || label.data[label.len - 1] == '-')
			return (false);
	}
	return (true);
}

/* Does TEXT hold a control character of C0 or C1, or DEL?  TEXT is UTF-8,
 * where C1 is 0xC2 and 0x80 to 0x9F. */
static bool
has_control(struct span text)
{
	for (size_t i = 0; i + 1 < text.len; i++) {
		uint8_t c = (uint8_t)text.data[i];
		uint8_t next = (uint8_t)text.data[i + 1];

		if (c == 0xc2 && next >= 0x80 && next <= 0x9f)
			return (true);
	}
	return (span_has_control(text));
}

static bool
has_dot_segment(struct span text)
{
	while (text.data != NULL) {
		struct span segment = span_cut(&text, '/');

		if (span_equal(segment, SPAN(".")) ||
		    span_equal(segment, SPAN("..")))
			return (true);
	}
	return (false);
}

/* What no key holds, and so neither strip nor prefix may. */
static const char *
check_text(struct span text)
{
	if (text.len > SITE_KEY_MAX)
		return ("is over 1024 bytes");
	if (!uri_is_utf8(text))
		return ("is not UTF-8");
	if (has_control(text))
		return ("holds a control character");
	return (NULL);
}

/* The last segment of a prefix goes on in the path: only the ones before it
 * are whole. */
static const char *
check_prefix(struct span prefix)
{
	struct span whole = prefix;

	while (whole.len > 0 && whole.data[whole.len - 1] != '/')
		whole.len--;
	if (has_dot_segment(whole))
		return ("has a segment \".\" or \"..\"");
	return (check_text(prefix));
}

static const char *
check_cache_control(struct span value)
{
	for (size_t i = 0; i < value.len; i++) {
		if (value.data[i] < 0x20 || value.data[i] > 0x7e)
			return ("holds something other than printable ASCII");
	}
	return (NULL);
}

/* Decide the style; ENDPOINT is NULL where it is AWS's. */
static const char *
resolve_addressing(struct site *site, const struct endpoint *endpoint)
{
	struct span bucket = span_of(site->bucket);
	size_t host = endpoint != NULL ? endpoint->host.len : AWS_HOST_MAX;

	site->is_virtual = site->addressing == SITE_ADDRESSING_VIRTUAL;
	if (site->addressing == SITE_ADDRESSING_AUTO)
		site->is_virtual = endpoint == NULL && fits_host(bucket) &&
		    memchr(bucket.data, '.', bucket.len) == NULL;
	if (!site->is_virtual)
		return (NULL);
	if (endpoint != NULL && endpoint->is_address)
		return ("is virtual, but the endpoint is an IP address, which "
			"can hold no bucket's name: set it to path");
	if (!fits_host(bucket) || bucket.len + 1 + host > ENDPOINT_HOST_MAX)
		return ("is virtual, but the bucket's name cannot stand in "
			"a host's name: set it to path");
	return (NULL);
}

const char *
site_resolve(struct site *site, const char **why)
{
	struct endpoint endpoint, sts, *given = NULL;

	if ((*why = check_bucket(span_of(site->bucket))) != NULL)
		return ("bucket");
	if ((*why = check_region(span_of(site->region))) != NULL)
		return ("region");
	if (site->endpoint != NULL) {
		given = &endpoint;
		*why = endpoint_parse(span_of(site->endpoint), given);
		if (*why != NULL)
			return ("endpoint");
	}
	if (site->sts_endpoint != NULL) {
		*why = endpoint_parse(span_of(site->sts_endpoint), &sts);
		if (*why != NULL)
			return ("sts_endpoint");
	}
	if ((*why = resolve_addressing(site, given)) != NULL)
		return ("addressing");
	if ((*why = check_text(span_of(site->strip))) != NULL)
		return ("strip");
	if ((*why = check_prefix(span_of(site->prefix))) != NULL)
		return ("prefix");
	*why = check_cache_control(span_of(site->cache_control));
	return (*why != NULL ? "cache_control" : NULL);
}

/* Take the site's strip off *PATH. */
static bool
take_strip(const struct site *site, struct span *path)
{
	struct span strip = span_of(site->strip);

	if (span_starts(strip, SPAN("/")))
		strip = span_skip(strip, 1);
	if (!span_starts(*path, strip))
		return (false);
	*path = span_skip(*path, strip.len);
	return (true);
}

/* NULL, or why KEY can be no object's. */
static const char *
check_key(const struct site *site, struct span key)
{
	struct span rest = key;

	if (key.data[key.len - 1] == '/')
		return ("the key ends in a slash");
	if (!uri_is_utf8(key))
		return ("the key is not UTF-8");
	if (has_control(key))
		return ("the key holds a control character");
	if (has_dot_segment(key))
		return ("the key has a \".\" or \"..\" segment");
	if (site->is_virtual && span_equal(span_cut(&rest, '/'), SPAN("soap")))
		return ("the key begins with the segment \"soap\"");
	return (NULL);
}

/* Join the key; NULL, or why there is none. */
static const char *
join_key(const struct site *site, struct span path, struct buf *key)
{
	if (!span_starts(path, SPAN("/")))
		return ("the path does not begin with a slash");
	path = span_skip(path, 1);
	/* Before strip can cut a segment in two, as well as after prefix. */
	if (has_dot_segment(path))
		return ("the path has a \".\" or \"..\" segment");
	if (!take_strip(site, &path))
		return ("the path is outside of strip");
	if (path.len == 0)
		return ("the key is empty");
	if (!buf_add_span(key, span_of(site->prefix)) ||
	    !buf_add_span(key, path) || key->len > SITE_KEY_MAX)
		return ("the key is over 1024 bytes");
	return (check_key(site, buf_span(key)));
}

enum site_key_result
site_key(const struct site *site, struct span path, struct buf *key,
    const char **why)
{
	assert(key->max >= SITE_KEY_MAX);
	buf_clear(key);
	*why = join_key(site, path, key);
	if (*why == NULL)
		return (SITE_KEY_OK);
	buf_clear(key);
	return (SITE_KEY_REFUSED);
}

void
site_target_init(struct site_target *target)
{
	buf_init(&target->host, AUTHORITY_MAX);
	buf_init(&target->path, PATH_MAX_LEN);
	buf_init(&target->url, URL_MAX);
}

void
site_target_fini(struct site_target *target)
{
	buf_fini(&target->host);
	buf_fini(&target->path);
	buf_fini(&target->url);
}

/* The port where ENDPOINT has one that is not its scheme's own, else 0:
 * what libcurl puts into Host, and the AWS SDKs sign. */
static unsigned
port_shown(const struct endpoint *endpoint)
{
	uint64_t standard = endpoint->is_tls ? 443 : 80;

	return (endpoint->port == standard ? 0 : (unsigned)endpoint->port);
}

static bool
add_endpoint_host(const struct endpoint *endpoint, struct buf *host)
{
	unsigned port = port_shown(endpoint);

	for (size_t i = 0; i < endpoint->host.len; i++) {
		char c = endpoint->host.data[i];

		if (is_upper(c))
			c = (char)(c - 'A' + 'a');
		if (!buf_add_char(host, c))
			return (false);
	}
	return (port == 0 || buf_printf(host, ":%u", port));
}

const char *
site_aws_domain(struct span region)
{
	bool is_china = span_starts(region, SPAN("cn-"));

	return (is_china ? "amazonaws.com.cn" : "amazonaws.com");
}

static bool
add_aws_host(struct span region, struct buf *host)
{
	return (buf_printf(
	    host, "s3.%.*s.%s", SPAN_ARG(region), site_aws_domain(region)));
}

bool
site_is_tls(const struct site *site)
{
	struct span text = span_of(site->endpoint);
	bool is_tls = true;

	return (site->endpoint == NULL ||
	    (endpoint_take_scheme(&text, &is_tls) && is_tls));
}

/* ENDPOINT is NULL where it is AWS's. */
static bool
add_host(const struct site *site, const struct endpoint *endpoint,
    struct span region, struct buf *host)
{
	if (site->is_virtual && !buf_printf(host, "%s.", site->bucket))
		return (false);
	if (endpoint != NULL)
		return (add_endpoint_host(endpoint, host));
	return (add_aws_host(region, host));
}

static bool
add_path(const struct site *site, struct span key, struct buf *path)
{
	if (!site->is_virtual && !buf_printf(path, "/%s", site->bucket))
		return (false);
	return (buf_add_char(path, '/') && uri_encode_path(path, key));
}

bool
site_target(const struct site *site, struct span region, struct span key,
    struct site_target *target)
{
	struct endpoint endpoint, *given = NULL;
	bool is_tls = true;

	if (site->endpoint != NULL) {
		const char *why;

		given = &endpoint;
		why = endpoint_parse(span_of(site->endpoint), given);
		assert(why == NULL); /* site_resolve has seen to it */
		is_tls = endpoint.is_tls;
	}
	buf_clear(&target->host);
	buf_clear(&target->path);
	buf_clear(&target->url);
	return (site_is_region(region) && key.len <= SITE_KEY_MAX &&
	    add_host(site, given, region, &target->host) &&
	    add_path(site, key, &target->path) &&
	    buf_printf(&target->url, "%s://%s%s", is_tls ? "https" : "http",
		buf_string(&target->host), buf_string(&target->path)));
}

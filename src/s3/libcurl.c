/*
 * libcurl, set up: see libcurl.h.
 *
 * Left to libcurl: proxies.  It honours http_proxy, https_proxy and no_proxy
 * as every program does that is built on it; for https the proxy sees a
 * tunnel only.  Not left to it: signatures (CURLOPT_AWS_SIGV4 sends no
 * x-amz-content-sha256), time-outs (LOW_SPEED counts whole seconds and
 * TIMEOUT counts what the client takes), decompression (the ETag is that of
 * the bytes as they are stored).
 */
#include "s3/libcurl.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"

enum {
	/* OpenSSL wipes by itself what it knows to be secret: keys, and the
	 * states of digests.  What it does not know is what we say and hear:
	 * the buffers of its records, of 16 KB; and the state of a connection,
	 * of some KB, is freed with the keys of its traffic. */
	WIPED_MIN = 1024,
	/* What the head of a request is copied to (for TLS), and a body, a
	 * bufferful at a time: for a usual GET the least that libcurl allows;
	 * its own choice, 64 KB, is more to wipe than that is worth, and for a
	 * body costs more in calls than the memory does. */
	SEND_BUFFER_USUAL = 16384,
	SEND_BUFFER_LARGE = 262144,
	USUAL_MAX = 8192,
	/* S3 closes what is idle; the resolver's answer changes. */
	IDLE_MAX_S = 60,
	LIFETIME_MAX_S = 300,
	NAME_TTL_S = 60,
};

static void *
allocate(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return (malloc(size));
}

static void *
resize(void *memory, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return (mem_wipe_resize(memory, size));
}

static void
give_back(void *memory, const char *file, int line)
{
	(void)file;
	(void)line;
	mem_wipe_free_from(memory, WIPED_MIN);
}

bool
libcurl_init(void)
{
	const curl_version_info_data *version;

	/* The buffer in which OpenSSL deciphers what S3 says is freed as soon
	 * as all of it was read.  Refused where OpenSSL has allocated before,
	 * which the daemon does not let it. */
	(void)CRYPTO_set_mem_functions(allocate, resize, give_back);
	/* Only what is given back is wiped: what is left of the buffers of a
	 * handle that lives goes when that does. */
	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, mem_wipe_free,
		mem_wipe_resize, strdup, calloc) != CURLE_OK) {
		log_error("libcurl cannot be initialised");
		return (false);
	}
	version = curl_version_info(CURLVERSION_NOW);
	if ((version->features & CURL_VERSION_SSL) == 0 ||
	    version->version_num < 0x075700) {
		log_error("libcurl %s is of no use: 7.87 or later, with TLS, "
			  "is needed",
		    version->version);
		curl_global_cleanup();
		return (false);
	}
	return (true);
}

void
libcurl_fini(void)
{
	curl_global_cleanup();
}

void
libcurl_must(CURLcode code)
{
	if (code != CURLE_OK)
		log_fatal(1, "libcurl: %s", curl_easy_strerror(code));
}

CURL *
libcurl_new(void)
{
	CURL *easy = curl_easy_init();

	if (easy == NULL)
		log_fatal(1, "libcurl: no handle can be made");
	LIBCURL_SET(easy, CURLOPT_NOSIGNAL, 1L);
	LIBCURL_SET(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	LIBCURL_SET(easy, CURLOPT_PATH_AS_IS, 1L);
	LIBCURL_SET(easy, CURLOPT_FOLLOWLOCATION, 0L);
	LIBCURL_SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	LIBCURL_SET(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
	LIBCURL_SET(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	LIBCURL_SET(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	LIBCURL_SET(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	LIBCURL_SET(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	/* With Debian's CAPATH libcurl would parse all of the system's
	 * certificates anew, 25 ms, for each connection. */
	LIBCURL_SET(easy, CURLOPT_CAPATH, NULL);
	LIBCURL_SET(easy, CURLOPT_TCP_NODELAY, 1L);
	LIBCURL_SET(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	LIBCURL_SET(easy, CURLOPT_MAXAGE_CONN, (long)IDLE_MAX_S);
	LIBCURL_SET(easy, CURLOPT_MAXLIFETIME_CONN, (long)LIFETIME_MAX_S);
	LIBCURL_SET(easy, CURLOPT_DNS_CACHE_TIMEOUT, (long)NAME_TTL_S);
	/* A time-out while a name is looked up would else wait for the
	 * resolver's thread to give up by itself. */
	LIBCURL_SET(easy, CURLOPT_QUICK_EXIT, 1L);
	return (easy);
}

void
libcurl_fit(CURL *easy, size_t len)
{
	LIBCURL_SET(easy, CURLOPT_UPLOAD_BUFFERSIZE,
	    (long)(len <= USUAL_MAX ? SEND_BUFFER_USUAL : SEND_BUFFER_LARGE));
}

void
libcurl_add_header(struct curl_slist **headers, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*headers, line);

	if (longer == NULL)
		libcurl_must(CURLE_OUT_OF_MEMORY);
	*headers = longer;
}

const char *
libcurl_ca_file(const char *ca_file)
{
	if (ca_file != NULL)
		return (ca_file);
	return (curl_version_info(CURLVERSION_NOW)->cainfo);
}

/* libcurl 7.88 leaves the CR in the value of "Name:" with nothing behind it. */
struct span
libcurl_value(const struct curl_header *header)
{
	struct span value = span_of(header->value);

	while (value.len > 0 && value.data[value.len - 1] == '\r')
		value.len--;
	return (value);
}

int64_t
libcurl_content_length(CURL *easy)
{
	struct curl_header *header;
	uint64_t length = 0, other;
	size_t i, amount = 1;

	for (i = 0; i < amount; i++) {
		if (curl_easy_header(easy, "Content-Length", i, CURLH_HEADER,
			-1, &header) != CURLHE_OK)
			return (-1);
		amount = header->amount;
		if (!parse_number(
			span_of(header->value), 0, INT64_MAX, &other) ||
		    (i > 0 && other != length))
			return (-1);
		length = other;
	}
	return ((int64_t)length);
}

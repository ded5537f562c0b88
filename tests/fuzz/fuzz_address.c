/*
 * credentials/address: the host that is judged is the one that libcurl would
 * ask, which takes the same text apart here.
 */
#include "fuzz.h"

#include <strings.h>

#include <curl/curl.h>

#include "credentials/address.h"

/* Does libcurl's HOST name what ADDRESS does, where that may be asked over
 * http? */
static bool
is_same(const struct address *address, const char *host)
{
	size_t len = strlen(host);

	if (address->is_bracketed) {
		/* It writes an IPv6 address in its own way. */
		return (len > 2 && host[0] == '[' && host[len - 1] == ']');
	}
	return (len == address->host.len &&
	    strncasecmp(host, address->host.data, len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_string(data, size);
	struct address address;
	CURLU *url = NULL;
	char *host = NULL, *scheme = NULL, *user = NULL;

	if (!address_read((struct span){ text, size }, &address))
		goto out;
	FUZZ_CHECK(strlen(text) == size && fuzz_is_shown(text));
	url = curl_url();
	FUZZ_CHECK(url != NULL);
	if (!address_is_for_container(&address) ||
	    curl_url_set(url, CURLUPART_URL, text, CURLU_PATH_AS_IS) !=
		CURLUE_OK)
		goto out;
	FUZZ_CHECK(
	    curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK);
	FUZZ_CHECK(strcmp(scheme, address.is_https ? "https" : "http") == 0);
	FUZZ_CHECK(
	    curl_url_get(url, CURLUPART_USER, &user, 0) == CURLUE_NO_USER);
	FUZZ_CHECK(curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK);
	FUZZ_CHECK(address.is_https || is_same(&address, host));
out:
	curl_free(scheme);
	curl_free(host);
	curl_free(user);
	curl_url_cleanup(url);
	free(text);
	return (0);
}

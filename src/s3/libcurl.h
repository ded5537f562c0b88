/*
 * libcurl, as s3/http wants it; <curl/curl.h> is included here alone.
 */
#ifndef S3_LIBCURL_H
#define S3_LIBCURL_H

#include <stdbool.h>
#include <stdint.h>

#include <curl/curl.h>

#include "base/attr.h"
#include "base/buf.h"

/* Once in the program's life, before the first fork; says whether libcurl is
 * there with what we need (TLS).  What it allocates is wiped when it is freed:
 * its copies of the headers and of the bodies that were sent hold secrets.  Of
 * OpenSSL's memory the larger blocks are: the buffers of its records. */
bool libcurl_init(void) ATTR_MUST_USE;
void libcurl_fini(void);

/* End the program unless CODE is CURLE_OK: to set an option fails only where
 * libcurl lacks it (libcurl_init has looked) or is out of memory. */
void libcurl_must(CURLcode code);

/* Set OPTION of EASY to VALUE, which has the type that libcurl asks for. */
#define LIBCURL_SET(easy, option, value) \
	libcurl_must(curl_easy_setopt(easy, option, value))

/* A handle with what is the same in every exchange, whoever asks. */
CURL *libcurl_new(void) ATTR_MUST_USE;

/* Have EASY's buffer for what is sent fit a request of about LEN bytes, head
 * and body; SIZE_MAX: a body from a callback. */
void libcurl_fit(CURL *easy, size_t len);

/* Add LINE ("Name: value") to the list of headers; the list is the caller's. */
void libcurl_add_header(struct curl_slist **headers, const char *line);

/* CA_FILE, or where that is NULL the system's bundle: the compiled default has
 * to be said again each time, since the last exchange may have been with
 * another site. */
const char *libcurl_ca_file(const char *ca_file);

/* The value of HEADER, a view of it. */
struct span libcurl_value(const struct curl_header *header);

/* Content-Length of the answer that EASY has got, all copies of it saying the
 * same; else -1. */
int64_t libcurl_content_length(CURL *easy);

#endif

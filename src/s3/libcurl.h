/*
 * libcurl, as s3/http wants it; <curl/curl.h> is included here alone.
 */
#ifndef S3_LIBCURL_H
#define S3_LIBCURL_H

#include <stdbool.h>

#include <curl/curl.h>

#include "base/attr.h"

/* Once in the program's life, before the first fork; says whether libcurl is
 * there with what we need (TLS).  What it allocates is wiped when it is freed:
 * its copies of the headers and of the bodies that were sent hold secrets; so
 * do OpenSSL's. */
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

#endif

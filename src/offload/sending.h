/*
 * What is sent of a file, and said of it: for those who store it, in one piece
 * (offload/put) or in parts (offload/parts).
 */
#ifndef OFFLOAD_SENDING_H
#define OFFLOAD_SENDING_H

#include <sys/stat.h>

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "config/table.h"
#include "offload/digest.h"
#include "offload/report.h"
#include "offload/throttle.h"
#include "offload/uploads.h"
#include "s3/call.h"
#include "s3/http.h"
#include "s3/mtime.h"
#include "s3/sigv4.h"

enum { SENDING_REASON_MAX = CALL_REASON_MAX };

/* What all puts of an offload share; borrowed. */
struct sending_means {
	const struct site *site; /* with the writer's credentials */
	const struct offload_settings *settings;
	struct uploads *uploads;
	struct throttle *throttle; /* NULL: no limit */
	struct report *report;     /* NULL: nobody wants to know */
	int64_t patience_ms;       /* for each request */
};

struct sending_order {
	const struct sending_means *means;
	struct span key;
	int fd;            /* of the file, read by offset */
	struct span bytes; /* all of it, where it was small enough to be kept;
	                    * else no value */
	const struct stat *status;
	const struct digest *digest; /* of all of it; the MD5 is only needed in
	                              * one piece */
	const char *type;            /* the content type */
	bool only_new; /* by If-None-Match: *; else the caller has looked */
};

enum sending_result {
	SENDING_DONE,
	SENDING_EXISTS,      /* there is such an object */
	SENDING_UNSUPPORTED, /* this store does not know If-None-Match */
	SENDING_UNREADABLE, /* the file cannot be read, or has become shorter */
	SENDING_REFUSED,    /* S3 does not want it */
	SENDING_FAILED,     /* no answer */
};

/* SIZE bytes of the file from OFFSET on, on their way. */
struct sending {
	const struct sending_order *order;
	uint64_t offset;
	uint64_t size;
	int error; /* errno of what went wrong; 0 with is_short */
	bool is_short;
};

/* N bytes are on their way: as many as may be by now, and the user is told. */
void sending_count(const struct sending_means *means, size_t n);

/* Those bytes as the body of a request; SENDING is borrowed. */
struct http_source sending_source(struct sending *sending);

/* Why SENDING could not be read on. */
void
sending_explain(const struct sending *sending, char reason[SENDING_REASON_MAX]);

/* Header lines and the room for their values. */
struct sending_headers {
	struct sigv4_header list[CALL_HEADERS_MAX];
	size_t n;
	char mtime[MTIME_TEXT_MAX];
	char mode[16];
	char uid[16];
	char gid[16];
};

void sending_headers_init(struct sending_headers *headers);

/* Add a header, unless VALUE is empty; VALUE is viewed. */
void sending_add(
    struct sending_headers *headers, const char *name, struct span value);

/* Add all that an object of ORDER is to keep: its type and cache control, class
 * and encryption, and what the file was. */
void sending_describe(
    struct sending_headers *headers, const struct sending_order *order);

/* What a request that carried none of it has ended in. */
enum sending_result sending_judge(enum call_result result);

/* Make REQUEST, whose body are SENDING's bytes.  REASON is filled where that is
 * not DONE. */
enum sending_result sending_make(const struct sending *sending,
    struct call *call, const struct call_request *request,
    char reason[SENDING_REASON_MAX]) ATTR_MUST_USE;

#endif

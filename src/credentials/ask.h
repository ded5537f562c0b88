/*
 * One question to an endpoint that hands out credentials, and its answer: no
 * redirect followed, the answer capped and wiped, a deadline kept.
 */
#ifndef CREDENTIALS_ASK_H
#define CREDENTIALS_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "credentials/search.h"
#include "s3/http.h"

enum {
	ASK_BODY_MAX = 65536,
	ASK_CONNECT_MS = 2000, /* name, TCP, TLS */
	ASK_ANSWER_MS = 5000,  /* the whole exchange, once connected or not */
};

struct ask_question {
	const char *url;
	enum http_method method;
	const char *const *headers; /* as in struct http_request */
	size_t n_headers;
	struct span body;
	bool no_proxy;      /* an address of the machine's own */
	int64_t connect_ms; /* 0: ASK_CONNECT_MS */
	int64_t answer_ms;  /* 0: ASK_ANSWER_MS */
};

struct ask_answer {
	int status;       /* 0: none came */
	struct buf body;  /* of at most ASK_BODY_MAX bytes */
	int64_t date_s;   /* the Date header; -1: none */
	bool was_sent;    /* somebody was there to send the question to */
	char reason[256]; /* why none came; "" if one did */
};

void ask_answer_init(struct ask_answer *answer);

/* Wipes. */
void ask_answer_fini(struct ask_answer *answer);

/* Ask QUESTION.  False where no whole answer came in time (by SEARCH's
 * deadline, if that is sooner), or one that is too long: ANSWER->reason. */
bool ask(const struct credentials_search *search,
    const struct ask_question *question,
    struct ask_answer *answer) ATTR_MUST_USE;

/* EXPIRES_S by the clock of whoever answered, as seconds by ours: corrected by
 * ANSWER's Date where that is there and over a minute off. */
int64_t ask_local_time(const struct ask_answer *answer, int64_t expires_s);

#endif

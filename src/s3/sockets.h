/*
 * The sockets of the connections to S3, known one by one, so that one that
 * speaks unasked can be ended before it is used again.
 */
#ifndef S3_SOCKETS_H
#define S3_SOCKETS_H

#include <stddef.h>

/* The kept connections, and those that a name's addresses are tried with. */
enum { SOCKETS_MAX = 64 };

/* Zeroed: none is open. */
struct sockets {
	int fd[SOCKETS_MAX];
	size_t n;
};

/* As socket(2), close on exec; -1 where there are SOCKETS_MAX already. */
int sockets_open(struct sockets *sockets, int family, int type, int protocol);

/* As close(2), of one that sockets_open gave. */
int sockets_close(struct sockets *sockets, int fd);

/* While no question is under way: shut down each that has something to say.
 * What it says answers nothing; libcurl 7.88 would take it for the answer to
 * the next question, and so on from there: another object's bytes.  What is
 * drained and shut down it takes for closed, and connects anew. */
void sockets_end_unasked(const struct sockets *sockets);

#endif

/*
 * A TLS handshake of this process with itself.
 *
 * OpenSSL looks up each of its algorithms when it first needs it, builds tables
 * and keeps what it found.  Done before the fork, all that are forked have it.
 */
#ifndef S3_REHEARSAL_H
#define S3_REHEARSAL_H

/* Before the fork and, so that what is shared is copied before it is needed,
 * behind it.  Says nothing where it fails: then it was in vain. */
void rehearsal_hold(void);

#endif

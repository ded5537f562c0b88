/*
 * The table of all settings, and what those of [daemon] are kept in.
 */
#ifndef CONFIG_TABLE_H
#define CONFIG_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "config/value.h"

/* [daemon]; the strings are owned. */
struct daemon_settings {
	char *listen; /* unix:/path, host:port or [v6]:port */
	uint64_t listen_mode;
	char *listen_owner; /* NULL: as the process */
	char *listen_group;
	uint64_t listen_backlog;
	char *user; /* of the workers; NULL: as the master */
	char *group;
	uint64_t workers;
	uint64_t worker_requests;   /* about so many, then a new process; 0: no
	                           * end */
	int64_t request_timeout_ms; /* for the whole of a request */
	int64_t answer_timeout_ms;  /* for its answer to begin, retries and
	                             * all */
	int64_t read_timeout_ms;    /* for the peer to send it */
	int64_t send_timeout_ms;    /* for the peer to take a write */
	int64_t drain_timeout_ms;   /* at the end, for what is under way */
	int log_level;              /* enum log_level */
};

/* All rows; those of a section stand together. */
extern const struct config_row config_table[];
extern const size_t config_table_len;

/* Row INDEX of the table, or NULL behind its end. */
const struct config_option *config_option(size_t index);

#endif

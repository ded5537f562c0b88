/*
 * The table of all settings, and what those of [daemon] and of an [offload
 * NAME] are kept in.
 */
#ifndef CONFIG_TABLE_H
#define CONFIG_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/value.h"
#include "s3/site.h"

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

/* How an object in the bucket is to be encrypted there. */
enum offload_sse {
	OFFLOAD_SSE_NONE, /* as the bucket does by itself */
	OFFLOAD_SSE_AES256,
	OFFLOAD_SSE_KMS,
};

/* What is proved of an object before its file is deleted. */
enum offload_verify {
	OFFLOAD_VERIFY_READ, /* it is read back, and compared */
	OFFLOAD_VERIFY_HEAD, /* its size and what it says of its hash */
};

/* [offload NAME]; the strings are owned. */
struct offload_settings {
	char *name;
	char *site;        /* as it was named; NULL: the first */
	size_t site_index; /* which one that is; made by config_check_offload */
	char *root; /* a folder's absolute path, with no slash at its end */
	char *uri;  /* what root is under, from "/" to "/": with a path below
	             * root behind it, it is the path that readers ask for */
	int64_t min_age_ms;  /* younger files are not uploaded */
	int64_t keep_age_ms; /* nor younger ones deleted; 0: as min_age_ms */
	uint64_t high_water; /* per cent of the file system; 0: no mark, and */
	uint64_t low_water;  /* then neither has one */
	char *include;       /* patterns, separated by blanks; NULL: all */
	char *exclude;       /* the same; NULL: none */
	char *storage_class; /* NULL: the bucket's own */
	int sse;             /* enum offload_sse */
	char *kms_key;       /* for OFFLOAD_SSE_KMS; NULL: AWS's own */
	char *mime_types;    /* the file that knows types by endings */
	char *cache_control; /* of the objects; NULL: none */
	char *trash;         /* as root; NULL: delete */
	int64_t trash_grace_ms;
	int verify;          /* enum offload_verify */
	bool remove_folders; /* that are empty, and old */
	char *state;         /* the folder of the journal, as root */
	int64_t patience_ms; /* for S3, in each step of a file */
	uint64_t jobs;       /* at the same time */
	uint64_t bwlimit;    /* bytes a second; 0: no limit */
	uint64_t max_delete; /* files a run; 0: no limit */
	/* Of this only what it says of its own credentials: see config_writer.
	 */
	struct site writer;
};

/* All rows; those of a section stand together. */
extern const struct config_row config_table[];
extern const size_t config_table_len;

/* Row INDEX of the table, or NULL behind its end. */
const struct config_option *config_option(size_t index);

#endif

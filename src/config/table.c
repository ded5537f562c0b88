/*
 * The table: see config/table.h.  A row is all that is known of a setting, and
 * says it once: a range is written as an operator would write it, and that
 * text is what is parsed, what an error shows and what the manual has.
 */
#include "config/table.h"

#include "cache/cache.h"
#include "cache/memcached.h"
#include "config/role.h"
#include "s3/site.h"

#ifndef LOCALSTATEDIR
#error "LOCALSTATEDIR comes from make"
#endif

/* Where a setting stands and where its value is kept. */
#define DAEMON(label, member)                             \
	.option.section = "daemon", .option.name = label, \
	.offset = offsetof(struct daemon_settings, member)
#define CACHE(label, member)                             \
	.option.section = "cache", .option.name = label, \
	.offset = offsetof(struct cache_settings, member)
#define SITE(label, member)                             \
	.option.section = "site", .option.name = label, \
	.offset = offsetof(struct site, member)

#define OFFLOAD(label, member)                             \
	.option.section = "offload", .option.name = label, \
	.offset = offsetof(struct offload_settings, member)
#define WRITER(label, member) OFFLOAD(label, writer.member)

/* What its text may be. */
#define RANGE(kind, low, high)                                          \
	.type = (kind), .option.values = low " to " high, .least = low, \
	.most = high
#define NUMBER(low, high)   RANGE(CONFIG_NUMBER, low, high)
#define SIZE(low, high)     RANGE(CONFIG_SIZE, low, high)
#define MODE(low, high)     RANGE(CONFIG_MODE, low, high)
#define DURATION(low, high) RANGE(CONFIG_DURATION, low, high)
#define CHOICE(words)       .type = CONFIG_CHOICE, .option.values = words
#define SWITCH              .type = CONFIG_SWITCH, .option.values = "on, off"
#define SECRET(form)        .type = CONFIG_SECRET, .option.values = form
#define TEXT(form)          .type = CONFIG_TEXT, .option.values = form
#define CHECKED(form, rule) TEXT(form), .check = rule

/* Where the shared files of the AWS tools say it. */
#define SHARED(line) .shared_name = line
#define ENDPOINT(of) SHARED("endpoint_url"), .service = of

/* Its default, its variables, and what it is for. */
#define SAYS(text, names, sentence)                         \
	.option.standard = text, .option.variables = names, \
	.option.help = sentence

/* Forms that several have. */
#define FOLDER   "the absolute path of a folder"
#define PATTERNS "patterns, separated by blanks"

/* clang-format off */

/* Credentials of its own, of a site or of what writes to it: the rows are OF
 * one or the other, which differ in where else sts_endpoint may be said. */
#define CREDENTIALS(of, sts_shared, sts_variables)                            \
	{ of("access_key_id", own.access_key_id),                             \
	  TEXT("an access key's id"),                                         \
	  SAYS("", "", "An access key of its own.") },                        \
	{ of("secret_access_key", own.secret_access_key),                     \
	  SECRET("the key's secret"),                                         \
	  SAYS("", "", "Its secret.") },                                      \
	{ of("session_token", own.session_token),                             \
	  SECRET("a session token"),                                          \
	  SAYS("", "", "Its session token, where it is a temporary one.") },  \
	{ of("profile", profile),                                             \
	  TEXT("a profile's name in the shared files of the AWS tools"),      \
	  SAYS("", "", "Whose lines in the shared files are taken.") },       \
	{ of("role_arn", role_arn),                                           \
	  CHECKED("arn:PARTITION:iam::ACCOUNT:role/NAME",                     \
	    config_is_role_arn),                                              \
	  SAYS("", "", "The role that is assumed with what is found.") },     \
	{ of("role_session_name", role_session_name),                         \
	  CHECKED("2 to 64 of A-Z a-z 0-9 _ = , . @ + -",                     \
	    config_is_session_name),                                          \
	  SAYS("", "", "Under which name it is assumed.") },                  \
	{ of("external_id", external_id),                                     \
	  CHECKED("2 to 1224 of A-Z a-z 0-9 _ = , . @ : / + -",               \
	    config_is_external_id),                                           \
	  SAYS("", "", "What its owner wants to be told.") },                 \
	{ of("web_identity_token_file", web_identity_token_file),             \
	  TEXT("a file with a token that an identity provider signed"),       \
	  SAYS("", "", "With which it is assumed, in place of keys.") },      \
	{ of("sts_endpoint", sts_endpoint), TEXT("http[s]://host[:port]"),    \
	  sts_shared,                                                         \
	  SAYS("", sts_variables,                                             \
	    "The server of roles, where it is not AWS's.") }

const struct config_row config_table[] = {
	{ DAEMON("listen", listen),
	  CHECKED("unix:/path, host:port or [v6]:port", config_is_address),
	  SAYS("unix:/run/trys3/trys3d.sock", "TRYS3_LISTEN",
	    "Where the web server connects to.") },
	{ DAEMON("listen_mode", listen_mode), MODE("0000", "0777"),
	  SAYS("0660", "", "The mode of the socket's file.") },
	{ DAEMON("listen_owner", listen_owner),
	  CHECKED("a user's name or number", config_is_user),
	  SAYS("", "", "The owner of the socket's file.") },
	{ DAEMON("listen_group", listen_group),
	  CHECKED("a group's name or number", config_is_group),
	  SAYS("", "", "The group of the socket's file.") },
	{ DAEMON("listen_backlog", listen_backlog), NUMBER("1", "65535"),
	  SAYS("1024", "",
	    "How many connections may wait for a free worker.") },
	{ DAEMON("user", user),
	  CHECKED("a user's name or number", config_is_user),
	  SAYS("", "", "Whom the workers run as.") },
	{ DAEMON("group", group),
	  CHECKED("a group's name or number", config_is_group),
	  SAYS("", "", "The group the workers run as.") },
	{ DAEMON("workers", workers), NUMBER("1", "4096"),
	  SAYS("16", "TRYS3_WORKERS",
	    "How many requests are served at the same time.") },
	{ DAEMON("worker_requests", worker_requests),
	  NUMBER("0", "1000000000"),
	  SAYS("10000", "",
	    "After about how many requests a worker is replaced.") },
	{ DAEMON("request_timeout", request_timeout_ms),
	  DURATION("100ms", "24h"),
	  SAYS("300s", "", "For the whole of a request.") },
	{ DAEMON("answer_timeout", answer_timeout_ms),
	  DURATION("100ms", "1h"),
	  SAYS("20s", "", "For an answer to begin, with all retries.") },
	{ DAEMON("read_timeout", read_timeout_ms), DURATION("100ms", "1h"),
	  SAYS("5s", "", "For the web server to send a request.") },
	{ DAEMON("send_timeout", send_timeout_ms), DURATION("100ms", "1h"),
	  SAYS("60s", "",
	    "For the web server to take a piece of an answer.") },
	{ DAEMON("drain_timeout", drain_timeout_ms), DURATION("0", "1h"),
	  SAYS("30s", "",
	    "For requests under way to finish when the daemon ends.") },
	{ DAEMON("log_level", log_level),
	  CHOICE("error, warning, info, debug"), /* enum log_level */
	  SAYS("info", "", "Down to which level lines are logged.") },

	{ CACHE("servers", servers),
	  CHECKED("host:port, [v6]:port or unix:/path, separated by commas",
	    mc_check_servers),
	  SAYS("", "TRYS3_MEMCACHED", "The memcached servers.") },
	{ CACHE("ttl", ttl_ms), DURATION("1s", "365d"),
	  SAYS("24h", "", "How long an object is kept.") },
	{ CACHE("ttl_missing", ttl_missing_ms), DURATION("1s", "24h"),
	  SAYS("60s", "", "How long it is remembered that one is missing.") },
	{ CACHE("max_object", max_object), SIZE("0", "64m"),
	  SAYS("900k", "",
	    "Up to which size an object is checked whole, and cached.") },
	{ CACHE("timeout", timeout_ms), DURATION("1ms", "10s"),
	  SAYS("50ms", "", "For each answer of a server.") },
	{ CACHE("lease", lease_ms), DURATION("0", "60s"),
	  SAYS("3s", "",
	    "How long a request waits for another that fetches the same.") },

	{ SITE("bucket", bucket), TEXT("3 to 255 of A-Z a-z 0-9 . _ -"),
	  SAYS("", "TRYS3_BUCKET", "The bucket.") },
	{ SITE("region", region), TEXT("a region, such as eu-central-1"),
	  SHARED("region"),
	  SAYS("us-east-1", "AWS_REGION AWS_DEFAULT_REGION",
	    "The bucket's region.") },
	{ SITE("endpoint", endpoint), TEXT("http[s]://host[:port]"),
	  ENDPOINT("s3"),
	  SAYS("", "AWS_ENDPOINT_URL_S3 AWS_ENDPOINT_URL",
	    "The S3 server, where it is not AWS's.") },
	{ SITE("addressing", addressing),
	  CHOICE("auto, path, virtual"), /* enum site_addressing */
	  SAYS("auto", "", "Where the bucket's name stands in a URL.") },
	{ SITE("ca_file", ca_file),
	  CHECKED("a readable file of certificates in PEM",
	    config_is_readable),
	  SAYS("", "AWS_CA_BUNDLE",
	    "Whose certificates are trusted, in place of the system's.") },
	{ SITE("strip", strip), TEXT("the beginning of a path"),
	  SAYS("", "", "What is taken off the front of the path.") },
	{ SITE("prefix", prefix), TEXT("the beginning of a key"),
	  SAYS("", "", "What is put in front of the key.") },
	{ SITE("missing_on_403", missing_on_403), SWITCH,
	  SAYS("on", "", "Whether AccessDenied means that an object is not "
	    "there.") },
	{ SITE("check_etag", check_etag), SWITCH,
	  SAYS("on", "", "Whether a body is held against an ETag that is an "
	    "MD5.") },
	{ SITE("etag", etag), CHOICE("s3, nginx"), /* enum site_etag */
	  SAYS("s3", "", "Whose ETag a client is shown.") },
	{ SITE("handoff", handoff), SIZE("0", "1024g"),
	  SAYS("0", "", "From where on nginx may fetch an object by itself.") },
	{ SITE("cache_control", cache_control),
	  TEXT("a value of Cache-Control"),
	  SAYS("", "", "The Cache-Control of answers, in place of the "
	    "object's.") },
	{ SITE("connect_timeout", connect_timeout_ms),
	  DURATION("10ms", "1h"),
	  SAYS("3s", "", "For a connection to S3, with its TLS.") },
	{ SITE("first_byte_timeout", first_byte_timeout_ms),
	  DURATION("10ms", "1h"),
	  SAYS("10s", "", "For the first byte of S3's answer.") },
	{ SITE("stall_timeout", stall_timeout_ms), DURATION("10ms", "1h"),
	  SAYS("10s", "", "For the next bytes of S3's answer.") },
	CREDENTIALS(SITE, ENDPOINT("sts"),
	    "AWS_ENDPOINT_URL_STS AWS_ENDPOINT_URL"),

	{ OFFLOAD("site", site), TEXT("a site's name"),
	  SAYS("", "", "Whose bucket the files go to.") },
	{ OFFLOAD("root", root), CHECKED(FOLDER, config_is_folder),
	  SAYS("", "", "The folder whose files are offloaded.") },
	{ OFFLOAD("uri", uri),
	  CHECKED("/ or /path/", config_is_path_start),
	  SAYS("/", "", "The path that readers know that folder by.") },
	{ OFFLOAD("min_age", min_age_ms), DURATION("0", "3650d"),
	  SAYS("24h", "", "How old a file must be to be uploaded.") },
	{ OFFLOAD("keep_age", keep_age_ms), DURATION("0", "3650d"),
	  SAYS("0", "", "How old a file must be to be deleted.") },
	{ OFFLOAD("high_water", high_water), NUMBER("0", "99"),
	  SAYS("0", "", "From how full a file system on files are deleted.") },
	{ OFFLOAD("low_water", low_water), NUMBER("0", "99"),
	  SAYS("0", "", "And down to where.") },
	{ OFFLOAD("include", include), TEXT(PATTERNS),
	  SAYS("", "", "Which files are offloaded.") },
	{ OFFLOAD("exclude", exclude), TEXT(PATTERNS),
	  SAYS("", "", "Which files and folders are passed over.") },
	{ OFFLOAD("storage_class", storage_class),
	  CHECKED("a storage class, such as STANDARD_IA",
	    config_is_header_value),
	  SAYS("", "", "The storage class of the objects.") },
	{ OFFLOAD("sse", sse),
	  CHOICE("none, AES256, aws:kms"), /* enum offload_sse */
	  SAYS("none", "", "How the bucket is told to encrypt them.") },
	{ OFFLOAD("kms_key", kms_key),
	  CHECKED("a key of KMS", config_is_header_value),
	  SAYS("", "", "By which key.") },
	{ OFFLOAD("mime_types", mime_types),
	  TEXT("a file like /etc/mime.types, or nginx's mime.types"),
	  SAYS("/etc/mime.types", "", "Where the objects' types are from.") },
	{ OFFLOAD("cache_control", cache_control),
	  CHECKED("a value of Cache-Control", config_is_header_value),
	  SAYS("", "", "The Cache-Control of the objects.") },
	{ OFFLOAD("trash", trash), CHECKED(FOLDER, config_is_folder),
	  SAYS("", "", "Where files are moved to in place of deleting them.") },
	{ OFFLOAD("trash_grace", trash_grace_ms), DURATION("0", "3650d"),
	  SAYS("7d", "", "How long they stay there.") },
	{ OFFLOAD("verify", verify),
	  CHOICE("read, head"), /* enum offload_verify */
	  SAYS("read", "", "What is proved before a file is deleted.") },
	{ OFFLOAD("remove_folders", remove_folders), SWITCH,
	  SAYS("off", "", "Whether folders that became empty go, if old.") },
	{ OFFLOAD("state", state), CHECKED(FOLDER, config_is_folder),
	  SAYS(LOCALSTATEDIR "/lib/trys3", "",
	    "Where the journal of what was deleted is kept.") },
	{ OFFLOAD("patience", patience_ms), DURATION("1s", "1h"),
	  SAYS("60s", "",
	    "How long S3 is asked again for one step of a file.") },
	{ OFFLOAD("jobs", jobs), NUMBER("1", "256"),
	  SAYS("8", "", "How many files are under way at the same time.") },
	{ OFFLOAD("bwlimit", bwlimit), SIZE("0", "1024g"),
	  SAYS("0", "",
	    "How many bytes a second are sent and received at most.") },
	{ OFFLOAD("max_delete", max_delete), NUMBER("0", "1000000000"),
	  SAYS("0", "", "How many files a run deletes at most.") },
	CREDENTIALS(WRITER, .service = NULL, ""),
};
/* clang-format on */

const size_t config_table_len = sizeof(config_table) / sizeof(config_table[0]);

const struct config_option *
config_option(size_t index)
{
	if (index >= config_table_len)
		return (NULL);
	return (&config_table[index].option);
}

/*
 * The settings (src/config.h and what it stands on): each kind of mistake with
 * its place, the order of defaults, file and environment, several sites, and
 * that what is printed can be read again and holds no secret.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "config/config.h"
#include "config/role.h"
#include "config_file.h"

/* config_find_credentials in the same way. */
static bool
find_credentials(struct settings *settings)
{
	int saved = dup(STDERR_FILENO);
	FILE *log = fopen(log_path, "we");
	bool is_found;

	assert_non_null(log);
	assert_true(saved >= 0);
	assert_true(dup2(fileno(log), STDERR_FILENO) >= 0);
	/* The machine's metadata are no part of this. */
	setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
	is_found = config_find_credentials(settings, NULL);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	fclose(log);
	read_all(log_path, output);
	assert_null(strstr(output, CANARY));
	return (is_found);
}

#define SITE     "[site a]\nbucket = abc\n"
#define KEY      "access_key_id = AK\nsecret_access_key = " CANARY "\n"
#define ROLE     "role_arn = arn:aws:iam::123456789012:role/a/b\n"
#define SECTIONS "[daemon], [cache], [site NAME] or [offload NAME]"

/* One mistake, one line. */
static const struct mistake {
	const char *name;
	const char *variable; /* set to value; NULL: none */
	const char *value;
	const char *file;
	const char *expected;
} mistakes[] = {
	{ "not a number", NULL, NULL, "[daemon]\nworkers = many\n" SITE,
	    "t.conf:2: [daemon] workers: \"many\" is not a number; right would "
	    "be: 1 to 4096" },
	{ "below the range", NULL, NULL, "[daemon]\n\n# x\nworkers = 0\n" SITE,
	    "t.conf:4: [daemon] workers: \"0\" is out of range; right would "
	    "be: "
	    "1 to 4096" },
	{ "above the range", NULL, NULL, "[daemon]\nworkers=4097\n" SITE,
	    "t.conf:2: [daemon] workers: \"4097\" is out of range" },
	{ "too large for anything", NULL, NULL,
	    "[daemon]\nworkers=99999999999999999999\n" SITE,
	    "t.conf:2: [daemon] workers: \"99999999999999999999\" is not a "
	    "number" },
	{ "no unit", NULL, NULL, "[daemon]\nrequest_timeout = 30\n" SITE,
	    "t.conf:2: [daemon] request_timeout: \"30\" is not a duration with "
	    "its unit; right would be: 100ms to 24h" },
	{ "a duration too long", NULL, NULL, "[cache]\ntimeout = 11s\n" SITE,
	    "t.conf:2: [cache] timeout: \"11s\" is out of range; right would "
	    "be: 1ms to 10s" },
	{ "a size too large", NULL, NULL, "[cache]\nmax_object = 65m\n" SITE,
	    "t.conf:2: [cache] max_object: \"65m\" is out of range; right "
	    "would "
	    "be: 0 to 64m" },
	{ "not a mode", NULL, NULL, "[daemon]\nlisten_mode = 0680\n" SITE,
	    "t.conf:2: [daemon] listen_mode: \"0680\" is not a file's mode" },
	{ "a mode with more bits", NULL, NULL,
	    "[daemon]\nlisten_mode = 1777\n" SITE,
	    "t.conf:2: [daemon] listen_mode: \"1777\" is out of range; right "
	    "would be: 0000 to 0777" },
	{ "not a switch", NULL, NULL, SITE "missing_on_403 = perhaps\n",
	    "t.conf:3: [site a] missing_on_403: \"perhaps\" is not a switch; "
	    "right would be: on, off" },
	{ "not a choice", NULL, NULL, "[daemon]\nlog_level = loud\n" SITE,
	    "t.conf:2: [daemon] log_level: \"loud\" is unknown; right would "
	    "be: "
	    "error, warning, info, debug" },
	{ "an empty number", NULL, NULL, "[daemon]\nworkers =\n" SITE,
	    "t.conf:2: [daemon] workers: is empty; right would be: 1 to 4096" },
	{ "an empty text that has a default", NULL, NULL,
	    "[daemon]\nlisten =\n" SITE,
	    "t.conf:2: [daemon] listen: is empty; right would be: unix:/path" },
	{ "not an address", NULL, NULL, "[daemon]\nlisten = here\n" SITE,
	    "t.conf:2: [daemon] listen: \"here\" will not do: there is no "
	    "port; "
	    "right would be: unix:/path, host:port or [v6]:port" },
	{ "no such user", NULL, NULL, "[daemon]\nuser = no such\n" SITE,
	    "t.conf:2: [daemon] user: \"no such\" will not do: there is no "
	    "such "
	    "user" },
	{ "no such owner", NULL, NULL,
	    "[daemon]\nlisten_owner = no:such\n" SITE,
	    "t.conf:2: [daemon] listen_owner: \"no:such\" will not do" },
	{ "no such group", NULL, NULL, "[daemon]\ngroup = no:such\n" SITE,
	    "t.conf:2: [daemon] group: \"no:such\" will not do: there is no "
	    "such "
	    "group" },
	{ "no such socket group", NULL, NULL,
	    "[daemon]\nlisten_group = no:such\n" SITE,
	    "t.conf:2: [daemon] listen_group: \"no:such\" will not do" },
	{ "not a server", NULL, NULL, "[cache]\nservers = nowhere\n" SITE,
	    "t.conf:2: [cache] servers: \"nowhere\" will not do: " },
	{ "a CA file that is not there", NULL, NULL,
	    SITE "ca_file = /nonexistent/ca.pem\n",
	    "t.conf:3: [site a] ca_file: \"/nonexistent/ca.pem\" will not do: "
	    "it "
	    "cannot be opened" },
	{ "a CA file that is a directory", NULL, NULL, SITE "ca_file = /tmp\n",
	    "t.conf:3: [site a] ca_file: \"/tmp\" will not do: it is not a "
	    "file" },
	{ "a control character", NULL, NULL, SITE "prefix = a\001b\n",
	    "t.conf:3: [site a] prefix: \"a\\x01b\" holds a control "
	    "character" },
	{ "an unknown name", NULL, NULL, "[daemon]\nwrkers = 3\n" SITE,
	    "t.conf:2: [daemon] wrkers: there is no such setting; right would "
	    "be "
	    "one of: listen, listen_mode," },
	{ "another section's name", NULL, NULL, "[daemon]\nttl = 3h\n" SITE,
	    "t.conf:2: [daemon] ttl: is not a setting of this section; right "
	    "would be: below [cache]" },
	{ "a site's name elsewhere", NULL, NULL, "[cache]\nbucket=x\n" SITE,
	    "t.conf:2: [cache] bucket: is not a setting of this section; right "
	    "would be: below [site NAME]" },
	{ "a name in capitals", NULL, NULL, "[daemon]\nWorkers = 3\n" SITE,
	    "t.conf:2: [daemon] Workers: there is no such setting" },
	{ "a repeated name", NULL, NULL,
	    "[daemon]\nworkers = 3\nworkers = 3\n" SITE,
	    "t.conf:3: [daemon] workers: is repeated, it is set in line 2" },
	{ "an unknown section", NULL, NULL, "[deamon]\nworkers = x\n" SITE,
	    "t.conf:1: there is no such section; right would be: " SECTIONS },
	{ "a repeated section", NULL, NULL, "[cache]\n[daemon]\n[cache]\n" SITE,
	    "t.conf:3: [cache] is repeated, it begins in line 1" },
	{ "a repeated site", NULL, NULL, SITE "[site  a ]\n",
	    "t.conf:3: [site a] is repeated, it begins in line 1" },
	{ "before any section", NULL, NULL, "workers = 3\n" SITE,
	    "t.conf:1: a setting stands before any section; right would be: "
	    "below " SECTIONS },
	{ "a site without a name", NULL, NULL, "[site]\nbucket = abc\n" SITE,
	    "t.conf:1: a site needs a name" },
	{ "a site's name with a slash", NULL, NULL, "[site a/b]\n" SITE,
	    "t.conf:1: a site needs a name" },
	{ "a site's name of 65 bytes", NULL, NULL,
	    "[site aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff"
	    "ggggg]\n" SITE,
	    "t.conf:1: a site needs a name" },
	{ "a malformed line", NULL, NULL, SITE "endpoint\n",
	    "t.conf:3: this line is malformed; right would be: [section]" },
	{ "no bucket", NULL, NULL, "\n[site a]\nregion = eu-west-1\n",
	    "t.conf:2: [site a] bucket: is not set; right would be: 3 to 255" },
	{ "an empty bucket", NULL, NULL, "[site a]\nbucket =\n",
	    "t.conf:2: [site a] bucket: is not set" },
	{ "a bucket that is none", NULL, NULL, "[site a]\nbucket = a/b\n",
	    "t.conf:2: [site a] bucket: \"a/b\" holds something other than" },
	{ "a region that is none", NULL, NULL, SITE "region = EU\n",
	    "t.conf:3: [site a] region: \"EU\" is not 1 to 32 of" },
	{ "an endpoint that is none", NULL, NULL, SITE "endpoint = ftp://x\n",
	    "t.conf:3: [site a] endpoint: \"ftp://x\" does not begin with "
	    "http:// or https://; right would be: http[s]://host[:port]" },
	{ "a password in an endpoint", NULL, NULL,
	    SITE "endpoint = https://AKID:" CANARY "@example.com\n",
	    "t.conf:3: [site a] endpoint: has a user's name" },
	{ "virtual style that can't be", NULL, NULL,
	    SITE "addressing = virtual\nendpoint = http://127.0.0.1\n",
	    "t.conf:3: [site a] addressing: \"virtual\" is virtual, but" },
	{ "a prefix that no key has", NULL, NULL, SITE "prefix = a/../b/\n",
	    "t.conf:3: [site a] prefix: \"a/../b/\" has a segment" },
	{ "a prefix that S3 eats", NULL, NULL,
	    SITE "addressing = virtual\nprefix = soap/\n",
	    "t.conf:4: [site a] prefix: \"soap/\" makes no path a key: " },
	{ "a strip that no path has", NULL, NULL, SITE "strip = a/../\n",
	    "t.conf:3: [site a] strip: \"a/../\" makes no path a key: " },
	{ "a key without its secret", NULL, NULL, SITE "access_key_id = AK\n",
	    "t.conf:3: [site a] access_key_id: stands without its secret" },
	{ "a secret without its key", NULL, NULL,
	    SITE "secret_access_key = " CANARY "\n",
	    "t.conf:3: [site a] secret_access_key: stands without its key" },
	{ "a token alone", NULL, NULL, SITE "session_token = " CANARY "\n",
	    "t.conf:3: [site a] session_token: stands without its key" },
	{ "a secret as it is printed", NULL, NULL,
	    SITE "access_key_id = AK\nsecret_access_key = ****\n",
	    "t.conf:4: [site a] secret_access_key: is what a hidden secret is "
	    "shown as" },
	{ "a secret with a control character", NULL, NULL,
	    SITE "access_key_id = AK\nsecret_access_key = " CANARY "\001x\n",
	    "t.conf:4: [site a] secret_access_key: holds a control character" },
	{ "a profile beside a key", NULL, NULL, SITE KEY "profile = p\n",
	    "t.conf:5: [site a] profile: stands beside access_key_id, where "
	    "only one can be meant; right would be: one of them" },
	{ "a token's file beside a key", NULL, NULL,
	    SITE KEY ROLE "web_identity_token_file = /t\n",
	    "t.conf:6: [site a] web_identity_token_file: stands beside "
	    "access_key_id, where only one can be meant" },
	{ "a token's file without a role", NULL, NULL,
	    SITE "web_identity_token_file = /t\n",
	    "t.conf:3: [site a] web_identity_token_file: stands without the "
	    "role that it is for; right would be: role_arn as well" },
	{ "an external id beside a token's file", NULL, NULL,
	    SITE ROLE "external_id = abc\nweb_identity_token_file = /t\n",
	    "t.conf:4: [site a] external_id: stands beside "
	    "web_identity_token_file, and AWS takes none with a token" },
	{ "an external id without a role", NULL, NULL,
	    SITE "external_id = abc\n",
	    "t.conf:3: [site a] external_id: stands without the role" },
	{ "a session's name without a role", NULL, NULL,
	    SITE "role_session_name = abc\n",
	    "t.conf:3: [site a] role_session_name: stands without the role" },
	{ "a role that is none", NULL, NULL, SITE "role_arn = reader\n",
	    "t.conf:3: [site a] role_arn: \"reader\" will not do: it is not "
	    "of that form; right would be: arn:PARTITION:iam::ACCOUNT:role/"
	    "NAME" },
	{ "a session's name that is none", NULL, NULL,
	    SITE ROLE "role_session_name = a b\n",
	    "t.conf:4: [site a] role_session_name: \"a b\" will not do: " },
	{ "an external id that is none", NULL, NULL,
	    SITE ROLE "external_id = a\n",
	    "t.conf:4: [site a] external_id: \"a\" will not do: " },
	{ "an STS that is none", NULL, NULL, SITE "sts_endpoint = sts\n",
	    "t.conf:3: [site a] sts_endpoint: \"sts\" does not begin with "
	    "http:// or https://; right would be: http[s]://host[:port]" },
	{ "an STS with a path", "AWS_ENDPOINT_URL_STS", "https://a/b", SITE,
	    ": AWS_ENDPOINT_URL_STS (environment): sts_endpoint: "
	    "\"https://a/b\" has a path or a query" },
	{ "no site", NULL, NULL, "[daemon]\nworkers = 3\n",
	    "t.conf: there is no bucket to serve; right would be: [site NAME] "
	    "with bucket = NAME in it, or the environment variable "
	    "TRYS3_BUCKET" },
	{ "a bad variable", "TRYS3_WORKERS", "0", SITE,
	    ": TRYS3_WORKERS (environment): workers: \"0\" is out of range; "
	    "right would be: 1 to 4096" },
	{ "a bad address in a variable", "TRYS3_LISTEN", "unix:run", SITE,
	    ": TRYS3_LISTEN (environment): listen: \"unix:run\" will not do" },
	{ "bad servers in a variable", "TRYS3_MEMCACHED", "a b", SITE,
	    ": TRYS3_MEMCACHED (environment): servers: \"a b\" will not do" },
	{ "a bad second name", "AWS_DEFAULT_REGION", "a b", SITE,
	    ": AWS_DEFAULT_REGION (environment): region: \"a b\" is not 1" },
	{ "a line's end in a variable", "TRYS3_BUCKET", "abc\n[daemon]", SITE,
	    ": TRYS3_BUCKET (environment): bucket: \"abc\\x0a[daemon]\" holds "
	    "a "
	    "control character" },
	{ "a comment in a variable", "AWS_CA_BUNDLE", "/tmp/a ;b", SITE,
	    ": AWS_CA_BUNDLE (environment): ca_file: \"/tmp/a ;b\" holds what "
	    "begins a comment in a file" },
	{ "a blank at a variable's end", "TRYS3_BUCKET", "abc ", SITE,
	    ": TRYS3_BUCKET (environment): bucket: \"abc \" begins or ends "
	    "with "
	    "a blank" },
};

static void
each_mistake_has_its_line(void **state)
{
	unsigned wrong = 0;

	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		const struct mistake *it = &mistakes[i];

		begin_test(state);
		if (it->variable != NULL)
			setenv(it->variable, it->value, 1);
		wrong += !is_refused(it->name, it->file, it->expected);
	}
	assert_int_equal(wrong, 0);
}

static void
all_mistakes_are_reported(void **state)
{
	(void)state;
	assert_null(
	    load("[daemon]\nworkers = 0\nlistens = x\n"
		 "[cach]\nservers = x\n"
		 "[site a]\nregion = EU\n"
		 "[site b]\nbucket = abc\nsecret_access_key = " CANARY "\n"
		 "[site a]\n"
		 "[site c]\ncheck_etag = 2\n"));
	assert_int_equal(count_lines(output), 7);
	expect_text(output, "t.conf:2: [daemon] workers: ");
	expect_text(output, "t.conf:3: [daemon] listens: ");
	expect_text(output, "t.conf:4: there is no such section");
	expect_text(output, "t.conf:6: [site a] bucket: is not set");
	expect_text(output, "t.conf:10: [site b] secret_access_key: ");
	expect_text(output, "t.conf:11: [site a] is repeated");
	/* That it has no bucket follows later, when its lines are right. */
	expect_text(output, "t.conf:13: [site c] check_etag: ");
}

static void
a_file_must_be_readable(void **state)
{
	(void)state;
	assert_null(load_path("/nonexistent/t.conf"));
	expect_text(output,
	    ": /nonexistent/t.conf: cannot be read: No such file or directory; "
	    "right would be: ");
	assert_int_equal(count_lines(output), 1);
	assert_null(load_path(directory));
	expect_text(output, ": cannot be read: Is a directory; ");
	assert_int_equal(count_lines(output), 1);
}

static void
nothing_at_all_says_what_is_needed(void **state)
{
	(void)state;
	assert_null(load_path(NULL));
	assert_int_equal(count_lines(output), 1);
	expect_text(output,
	    "there is no bucket to serve; right would be: "
	    "[site NAME] with bucket = NAME in a file given "
	    "with -c, or the environment variable "
	    "TRYS3_BUCKET");
}

static void
no_credentials_says_where_they_were_sought(void **state)
{
	struct settings *settings;

	(void)state;
	unsetenv("AWS_ACCESS_KEY_ID");
	setenv("TRYS3_BUCKET", "abc", 1);
	settings = load_path(NULL);
	assert_non_null(settings);
	assert_false(find_credentials(settings));
	assert_int_equal(count_lines(output), 1);
	expect_text(output, ": [site default] credentials: none can be used: ");
	expect_text(output,
	    "the site's settings: access_key_id is not set; "
	    "the profile: there is no profile default, neither in ");
	expect_text(
	    output, "; the environment: AWS_ACCESS_KEY_ID is not set; ");
	expect_text(output, "the shared credentials file: ");
	expect_text(output, "/.aws/credentials: No such file or directory; ");
	config_free(settings);
}

/* Each site that has none has its line. */
static void
credentials_are_found_for_each_site(void **state)
{
	struct settings *settings =
	    load_good("[site a]\nbucket = abc\n" KEY
		      "[site b]\nbucket = bcd\nprofile = p\n"
		      "[site c]\nbucket = cde\naccess_key_id = A B\n"
		      "secret_access_key = " CANARY "\n"
		      "[site d]\nbucket = def\n" ROLE
		      "web_identity_token_file = /nonexistent/token\n"
		      "[site e]\nbucket = efg\n");

	(void)state;
	assert_false(find_credentials(settings));
	assert_int_equal(count_lines(output), 3);
	expect_text(output,
	    "t.conf:5: [site b] credentials: none can be used: the profile: "
	    "there is no profile p, neither in ");
	expect_text(output,
	    "t.conf:8: [site c] credentials: none can be used: the site's "
	    "settings: access_key_id: the access key's id holds a blank");
	expect_text(output,
	    "t.conf:12: [site d] credentials: none can be used now, though "
	    "another try may do better: the site's settings: role "
	    "arn:aws:iam::123456789012:role/a/b: the token's file "
	    "/nonexistent/token: No such file or directory");
	assert_string_equal(settings->sites[0].credentials_source,
	    "the site's settings: access_key_id");
	assert_null(settings->sites[1].credentials_source);
	assert_string_equal(settings->sites[4].credentials_source,
	    "the environment: AWS_ACCESS_KEY_ID");
	/* And it can be done anew. */
	setenv("AWS_ACCESS_KEY_ID", "", 1);
	assert_false(find_credentials(settings));
	config_free(settings);
}

static void
the_default_stands_alone(void **state)
{
	struct settings *settings = load_good(SITE);
	const struct site *site = &settings->sites[0];

	(void)state;
	assert_string_equal(
	    settings->daemon.listen, "unix:/run/trys3/trys3d.sock");
	assert_int_equal(settings->daemon.listen_mode, 0660);
	assert_null(settings->daemon.listen_owner);
	assert_int_equal(settings->daemon.listen_backlog, 1024);
	assert_null(settings->daemon.user);
	assert_int_equal(settings->daemon.workers, 16);
	assert_int_equal(settings->daemon.worker_requests, 10000);
	assert_int_equal(settings->daemon.request_timeout_ms, 300000);
	assert_int_equal(settings->daemon.answer_timeout_ms, 20000);
	assert_int_equal(settings->daemon.read_timeout_ms, 5000);
	assert_int_equal(settings->daemon.send_timeout_ms, 60000);
	assert_int_equal(settings->daemon.drain_timeout_ms, 30000);
	assert_int_equal(settings->daemon.log_level, LOG_LEVEL_INFO);
	assert_null(settings->cache.servers);
	assert_int_equal(settings->cache.ttl_ms, 86400000);
	assert_int_equal(settings->cache.ttl_missing_ms, 60000);
	assert_int_equal(settings->cache.max_object, 900 * 1024);
	assert_int_equal(settings->cache.timeout_ms, 50);
	assert_int_equal(settings->cache.lease_ms, 3000);
	assert_int_equal(settings->n_sites, 1);
	assert_string_equal(site->name, "a");
	assert_string_equal(site->region, "us-east-1");
	assert_null(site->endpoint);
	assert_int_equal(site->addressing, SITE_ADDRESSING_AUTO);
	assert_true(site->is_virtual);
	assert_null(site->ca_file);
	assert_null(site->strip);
	assert_null(site->prefix);
	assert_true(site->missing_on_403);
	assert_true(site->check_etag);
	assert_int_equal(site->etag, SITE_ETAG_S3);
	assert_int_equal(site->handoff, 0);
	assert_null(site->cache_control);
	assert_int_equal(site->connect_timeout_ms, 3000);
	assert_int_equal(site->first_byte_timeout_ms, 10000);
	assert_int_equal(site->stall_timeout_ms, 10000);
	assert_true(site->region_is_guess);
	assert_null(site->profile);
	assert_null(site->role_arn);
	assert_null(site->role_session_name);
	assert_null(site->external_id);
	assert_null(site->web_identity_token_file);
	assert_null(site->sts_endpoint);
	assert_null(site->credentials_source);
	config_free(settings);
}

/* Where all is said: the address of each field is right. */
static const char all_said[] =
    "[daemon]\n"
    "listen = [::1]:9000\nlisten_mode = 600\nlisten_owner = root\n"
    "listen_group = root\nlisten_backlog = 7\nuser = 65534\ngroup = root\n"
    "workers = 3\nworker_requests = 4\nrequest_timeout = 10s\n"
    "answer_timeout = 2s\nread_timeout = 300ms\nsend_timeout = 4s\n"
    "drain_timeout = 0\nlog_level = Debug\n"
    "[cache]\n"
    "servers = 127.0.0.1:11211, unix:/run/m\nttl = 2d\nttl_missing = 9s\n"
    "max_object = 0\ntimeout = 7ms\nlease = 0\n"
    "[site a.B_c-9]\n"
    "bucket = some.bucket\nregion = eu-west-1\n"
    "endpoint = http://s3.example.com:7480\naddressing = virtual\n"
    "strip = files/\nprefix = 2019 x;y#z/ ; no comment\n"
    "missing_on_403 = no\ncheck_etag = OFF\netag = nginx\nhandoff = 16m\ncache_control = max-age=1\n"
    "connect_timeout = 11ms\nfirst_byte_timeout = 12ms\n"
    "stall_timeout = 13ms\n"
    "profile = p q\nrole_arn = arn:aws:iam::123456789012:role/reader\n"
    "role_session_name = me@here\nexternal_id = a:b/c\n"
    "sts_endpoint = http://[::1]:8000\n";

static void
check_all_said(const struct settings *settings)
{
	const struct site *site = &settings->sites[0];

	assert_string_equal(settings->daemon.listen, "[::1]:9000");
	assert_int_equal(settings->daemon.listen_mode, 0600);
	assert_string_equal(settings->daemon.listen_owner, "root");
	assert_string_equal(settings->daemon.listen_group, "root");
	assert_int_equal(settings->daemon.listen_backlog, 7);
	assert_string_equal(settings->daemon.user, "65534");
	assert_string_equal(settings->daemon.group, "root");
	assert_int_equal(settings->daemon.workers, 3);
	assert_int_equal(settings->daemon.worker_requests, 4);
	assert_int_equal(settings->daemon.request_timeout_ms, 10000);
	assert_int_equal(settings->daemon.answer_timeout_ms, 2000);
	assert_int_equal(settings->daemon.read_timeout_ms, 300);
	assert_int_equal(settings->daemon.send_timeout_ms, 4000);
	assert_int_equal(settings->daemon.drain_timeout_ms, 0);
	assert_int_equal(settings->daemon.log_level, LOG_LEVEL_DEBUG);
	assert_string_equal(
	    settings->cache.servers, "127.0.0.1:11211, unix:/run/m");
	assert_int_equal(settings->cache.ttl_ms, 172800000);
	assert_int_equal(settings->cache.ttl_missing_ms, 9000);
	assert_int_equal(settings->cache.max_object, 0);
	assert_int_equal(settings->cache.timeout_ms, 7);
	assert_int_equal(settings->cache.lease_ms, 0);
	assert_int_equal(settings->n_sites, 1);
	assert_string_equal(site->name, "a.B_c-9");
	assert_string_equal(site->bucket, "some.bucket");
	assert_string_equal(site->region, "eu-west-1");
	assert_string_equal(site->endpoint, "http://s3.example.com:7480");
	assert_int_equal(site->addressing, SITE_ADDRESSING_VIRTUAL);
	assert_true(site->is_virtual);
	assert_string_equal(site->strip, "files/");
	assert_string_equal(site->prefix, "2019 x;y#z/");
	assert_false(site->missing_on_403);
	assert_false(site->check_etag);
	assert_int_equal(site->etag, SITE_ETAG_NGINX);
	assert_int_equal(site->handoff, 16 << 20);
	assert_string_equal(site->cache_control, "max-age=1");
	assert_int_equal(site->connect_timeout_ms, 11);
	assert_int_equal(site->first_byte_timeout_ms, 12);
	assert_int_equal(site->stall_timeout_ms, 13);
	assert_false(site->region_is_guess);
	assert_string_equal(site->profile, "p q");
	assert_string_equal(
	    site->role_arn, "arn:aws:iam::123456789012:role/reader");
	assert_string_equal(site->role_session_name, "me@here");
	assert_string_equal(site->external_id, "a:b/c");
	assert_string_equal(site->sts_endpoint, "http://[::1]:8000");
}

static void
the_file_overrides_the_default(void **state)
{
	struct settings *settings = load_good(all_said);

	(void)state;
	check_all_said(settings);
	config_free(settings);
}

static void
the_environment_overrides_the_file(void **state)
{
	struct settings *settings;

	(void)state;
	setenv("TRYS3_LISTEN", "unix:/e", 1);
	setenv("TRYS3_WORKERS", "5", 1);
	setenv("TRYS3_MEMCACHED", "unix:/m", 1);
	setenv("TRYS3_BUCKET", "other-bucket", 1);
	setenv("AWS_DEFAULT_REGION", "eu-north-1", 1);
	setenv("AWS_ENDPOINT_URL", "http://second", 1);
	setenv("AWS_ENDPOINT_URL_S3", "http://first", 1);
	settings = load_good(all_said);
	assert_string_equal(settings->daemon.listen, "unix:/e");
	assert_int_equal(settings->daemon.workers, 5);
	assert_string_equal(settings->cache.servers, "unix:/m");
	assert_int_equal(settings->n_sites, 1);
	assert_string_equal(settings->sites[0].bucket, "other-bucket");
	assert_string_equal(settings->sites[0].region, "eu-north-1");
	assert_string_equal(settings->sites[0].endpoint, "http://first");
	assert_string_equal(settings->sites[0].sts_endpoint, "http://second");
	config_free(settings);
	setenv("AWS_REGION", "eu-south-1", 1);
	setenv("AWS_ENDPOINT_URL_S3", "", 1);
	settings = load_good(all_said);
	assert_string_equal(settings->sites[0].region, "eu-south-1");
	assert_string_equal(settings->sites[0].endpoint, "http://second");
	print(settings);
	expect_text(printed, "; environment AWS_ENDPOINT_URL\n");
	expect_text(printed, "; environment AWS_REGION\n");
	expect_text(printed, "; environment TRYS3_WORKERS\n");
	expect_text(printed, "t.conf:10\n");
	config_free(settings);
}

static void
an_empty_variable_is_not_set(void **state)
{
	const struct config_option *option;
	struct settings *settings;

	(void)state;
	for (size_t i = 0; (option = config_option(i)) != NULL; i++) {
		struct span rest = span_of(option->variables);

		while (rest.len > 0) {
			struct span name = span_cut(&rest, ' ');
			char *copy = mem_string_of(name.data, name.len);

			setenv(copy, "", 1);
			free(copy);
		}
	}
	settings = load_good(all_said);
	check_all_said(settings);
	config_free(settings);
}

static void
the_environment_alone_is_enough(void **state)
{
	struct settings *settings;

	(void)state;
	setenv("TRYS3_BUCKET", "internal-gyazo.example.com", 1);
	setenv("AWS_SESSION_TOKEN", CANARY, 1);
	settings = load_path(NULL);
	assert_non_null(settings);
	assert_int_equal(settings->n_sites, 1);
	assert_string_equal(settings->sites[0].name, "default");
	assert_string_equal(
	    settings->sites[0].bucket, "internal-gyazo.example.com");
	assert_false(settings->sites[0].is_virtual);
	print(settings);
	assert_null(strstr(printed, "# credentials"));
	assert_true(find_credentials(settings));
	print(settings);
	expect_text(printed,
	    "[site default]\n"
	    "# objects: https://s3.us-east-1.amazonaws.com/"
	    "internal-gyazo.example.com/KEY (path style)\n"
	    "# credentials: the environment: "
	    "AWS_ACCESS_KEY_ID\n");
	config_free(settings);
}

static void
the_environment_makes_a_site_for_a_file_without(void **state)
{
	struct settings *settings;

	(void)state;
	setenv("TRYS3_BUCKET", "abc", 1);
	settings = load_good("[daemon]\nworkers = 2\n");
	assert_int_equal(settings->daemon.workers, 2);
	assert_string_equal(settings->sites[0].name, "default");
	config_free(settings);
}

static void
the_environment_fills_several_sites_in(void **state)
{
	struct settings *settings;

	(void)state;
	setenv("AWS_REGION", "eu-south-1", 1);
	setenv("AWS_ENDPOINT_URL", "http://localhost:1", 1);
	setenv("TRYS3_BUCKET", "third", 1);
	setenv("TRYS3_WORKERS", "9", 1);
	settings = load_good("[site a]\nbucket = first\nregion = eu-west-1\n"
			     "[daemon]\nworkers = 2\n"
			     "[site b]\nbucket = second\nendpoint =\n"
			     "access_key_id = AK2\n"
			     "secret_access_key = " CANARY "2\n"
			     "[site c]\n");
	assert_int_equal(settings->n_sites, 3);
	assert_int_equal(settings->daemon.workers, 9);
	assert_string_equal(settings->sites[0].name, "a");
	assert_string_equal(settings->sites[0].bucket, "first");
	assert_string_equal(settings->sites[0].region, "eu-west-1");
	assert_string_equal(settings->sites[0].endpoint, "http://localhost:1");
	assert_string_equal(settings->sites[1].bucket, "second");
	assert_string_equal(settings->sites[1].region, "eu-south-1");
	assert_null(settings->sites[1].endpoint);
	assert_string_equal(settings->sites[2].bucket, "third");
	assert_string_equal(settings->sites[1].own.access_key_id, "AK2");
	print(settings);
	expect_text(printed, "access_key_id = AK2 ");
	expect_text(printed, "secret_access_key = **** ");
	config_free(settings);
}

/* Cut the comments off, in place. */
static void
drop_comments(char *text)
{
	char *to = text;

	for (struct span rest = span_of(text); rest.len > 0;) {
		struct span line = span_cut(&rest, '\n');
		char *comment = memmem(line.data, line.len, " ; ", 3);

		if (comment != NULL)
			line.len = (size_t)(comment - line.data);
		while (line.len > 0 && line.data[line.len - 1] == ' ')
			line.len--;
		memmove(to, line.data, line.len);
		to += line.len;
		*to++ = '\n';
	}
	*to = '\0';
}

static void
what_is_printed_can_be_read_again(void **state)
{
	static char first[OUTPUT_MAX];
	struct settings *settings;

	(void)state;
	setenv("TRYS3_MEMCACHED", "unix:/run/m, [::1]:11211", 1);
	settings = load_good(all_said);
	print(settings);
	config_free(settings);
	memcpy(first, printed, sizeof(first));
	unsetenv("TRYS3_MEMCACHED");
	settings = load_good(first);
	print(settings);
	config_free(settings);
	drop_comments(first);
	drop_comments(printed);
	assert_string_equal(first, printed);
	expect_text(first, "servers = unix:/run/m, [::1]:11211\n");
}

static void
a_secret_for_all_to_read_is_refused(void **state)
{
	static const struct {
		const char *text;
		mode_t mode;
		const char *secret; /* NULL: it is taken */
	} rows[] = {
		{ SITE KEY, 0600, NULL },
		{ SITE KEY, 0400, NULL },
		{ SITE KEY, 0644, "secret_access_key" },
		{ SITE KEY, 0640, "secret_access_key" },
		{ SITE KEY, 0602, "secret_access_key" },
		{ SITE "[site b]\nbucket = bcd\n" KEY "session_token = " CANARY
		       "\n",
		    0644, "secret_access_key" },
		/* No secret. */
		{ SITE ROLE "external_id = abc\n", 0644, NULL },
	};
	struct settings *settings;
	char *expected;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		write_file(conf_path, rows[i].text);
		assert_int_equal(chmod(conf_path, rows[i].mode), 0);
		settings = load_path(conf_path);
		assert_int_equal(settings == NULL, rows[i].secret != NULL);
		config_free(settings);
		if (rows[i].secret == NULL) {
			assert_string_equal(output, "");
			continue;
		}
		assert_int_equal(count_lines(output), 1);
		expected = mem_printf(
		    "error: %s: holds a %s and can be used by others: its mode "
		    "is %04o and its owner ",
		    conf_path, rows[i].secret, (unsigned)rows[i].mode);
		expect_text(output, expected);
		free(expected);
		expected =
		    mem_printf("; right would be: chmod 600 %s\n", conf_path);
		expect_text(output, expected);
		free(expected);
	}
	/* A secret of the environment is no concern of the file. */
	setenv("AWS_SESSION_TOKEN", CANARY, 1);
	write_file(conf_path, SITE);
	assert_int_equal(chmod(conf_path, 0644), 0);
	settings = load_path(conf_path);
	assert_non_null(settings);
	config_free(settings);
}

/* ---- What the shared files say ---- */

static const struct shared_row {
	const char *what;
	const char *variables[3]; /* NAME=VALUE */
	const char *file;         /* ours */
	const char *config;
	const char *credentials;
	const char *region;
	bool is_guess;
	const char *endpoint, *sts_endpoint;
	const char *origin; /* a part of what is printed; NULL: any */
} shared_rows[] = {
	{ "nobody", .file = SITE, .config = "[profile p]\nregion = x\n",
	    .region = "us-east-1", .is_guess = true,
	    .origin = "; a default\n" },
	{ "the default profile", .file = SITE,
	    .config = "[default]\nregion = eu-west-1\n", .region = "eu-west-1",
	    .origin = "; profile default in /tmp/test_config." },
	{ "a variable's profile", { "AWS_PROFILE=p" }, .file = SITE,
	    .config = "[default]\nregion = x\n[profile p]\nregion = y\n",
	    .region = "y", .origin = "; profile p in " },
	{ "the site's profile", { "AWS_PROFILE=q" }, .file = SITE "profile=p\n",
	    .config = "[profile q]\nregion = x\n[profile p]\nregion = y\n",
	    .region = "y", .origin = "; profile p in " },
	{ "the credentials file", .file = SITE,
	    .config = "[default]\nregion = x\n",
	    .credentials = "[default]\nregion = y\n", .region = "y",
	    .origin = "/aws-credentials\n" },
	{ "the environment goes first", { "AWS_DEFAULT_REGION=z" },
	    .file = SITE "profile = p\n", .config = "[profile p]\nregion = y\n",
	    .region = "z", .origin = "; environment AWS_DEFAULT_REGION\n" },
	{ "our file goes first", .file = SITE "region = us-east-1\n",
	    .config = "[default]\nregion = y\n", .region = "us-east-1",
	    .origin = "t.conf:3\n" },
	{ "an endpoint for all", .file = SITE,
	    .config = "[default]\nendpoint_url = http://all\n",
	    .region = "us-east-1", .is_guess = true, .endpoint = "http://all",
	    .sts_endpoint = "http://all", .origin = "/aws-config\n" },
	{ "endpoints of services", .file = SITE,
	    .config = "[services s]\ns3 =\n  endpoint_url = http://s3\n"
		      "sts =\n  endpoint_url = http://sts/\n"
		      "[default]\nservices = s\nendpoint_url = http://all\n",
	    .credentials = "[default]\nendpoint_url = http://all\n",
	    .region = "us-east-1", .is_guess = true, .endpoint = "http://s3",
	    .sts_endpoint = "http://sts/", .origin = "/aws-config\n" },
	{ "a variable goes before endpoints", { "AWS_ENDPOINT_URL=http://v" },
	    .file = SITE "endpoint = http://ours\n",
	    .config = "[default]\nendpoint_url = http://all\n",
	    .region = "us-east-1", .is_guess = true, .endpoint = "http://v",
	    .sts_endpoint = "http://v" },
	{ "ignored by a variable",
	    { "AWS_ENDPOINT_URL=http://v", "AWS_ENDPOINT_URL_STS=http://w",
		"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true" },
	    .file = SITE "endpoint = http://ours\n",
	    .config = "[default]\nendpoint_url = http://all\nregion = y\n",
	    .region = "y", .endpoint = "http://ours" },
	{ "ignored by the profile",
	    { "AWS_ENDPOINT_URL_S3=http://v", "AWS_REGION=z" }, .file = SITE,
	    .config = "[default]\nendpoint_url = http://all\n"
		      "ignore_configured_endpoint_urls = true\n",
	    .region = "z" },
	{ "said to be AWS's, with an empty line",
	    .file = SITE "endpoint =\nsts_endpoint =\n",
	    .config = "[default]\nendpoint_url = http://all\n",
	    .region = "us-east-1", .is_guess = true },
	{ "services that are ignored",
	    { "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true" }, .file = SITE,
	    .config = "[default]\nservices = none\n", .region = "us-east-1",
	    .is_guess = true },
	{ "services that are not needed", .file = SITE "endpoint = http://a\n",
	    .config = "[default]\nservices = none\n", .region = "us-east-1",
	    .is_guess = true, .endpoint = "http://a" },
};

static void
write_shared(const char *config, const char *credentials)
{
	write_file(config_path, config != NULL ? config : "");
	write_file(credentials_path, credentials != NULL ? credentials : "");
	setenv("AWS_CONFIG_FILE", config_path, 1);
	setenv("AWS_SHARED_CREDENTIALS_FILE", credentials_path, 1);
}

static bool
is_same(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return (a == b);
	return (strcmp(a, b) == 0);
}

static void
the_shared_files_fill_in(void **state)
{
	unsigned wrong = 0;

	for (size_t i = 0; i < sizeof(shared_rows) / sizeof(shared_rows[0]);
	     i++) {
		const struct shared_row *row = &shared_rows[i];
		struct settings *settings;
		const struct site *site;

		begin_test(state);
		for (size_t j = 0; j < 3 && row->variables[j] != NULL; j++)
			assert_int_equal(
			    putenv((char *)(uintptr_t)row->variables[j]), 0);
		write_shared(row->config, row->credentials);
		settings = load_good(row->file);
		site = &settings->sites[0];
		print(settings);
		if (!is_same(site->region, row->region) ||
		    site->region_is_guess != row->is_guess ||
		    !is_same(site->endpoint, row->endpoint) ||
		    !is_same(site->sts_endpoint, row->sts_endpoint) ||
		    (row->origin != NULL &&
			strstr(printed, row->origin) == NULL)) {
			print_error("%s: %s %d %s %s\n%s", row->what,
			    site->region, site->region_is_guess,
			    site->endpoint != NULL ? site->endpoint : "none",
			    site->sts_endpoint != NULL ? site->sts_endpoint
						       : "none",
			    printed);
			wrong++;
		}
		config_free(settings);
	}
	assert_int_equal(wrong, 0);
}

/* Each site its own. */
static void
two_sites_may_have_two_profiles(void **state)
{
	struct settings *settings;

	(void)state;
	write_shared(
	    "[profile p]\nregion = x\n[profile q]\nregion = y\n", NULL);
	settings = load_good("[site a]\nbucket = abc\nprofile = p\n"
			     "[site b]\nbucket = bcd\nprofile = q\n");
	assert_string_equal(settings->sites[0].region, "x");
	assert_string_equal(settings->sites[1].region, "y");
	config_free(settings);
}

static void
what_is_wrong_in_shared_files_is_told(void **state)
{
	static const struct {
		const char *config;
		const char *expected;
	} rows[] = {
		{ "[default]\n" CANARY "\n",
		    "/aws-config:2: this line is malformed; right would be: " },
		{ "[default]\nregion = EU\n",
		    "/aws-config: region: \"EU\" is not 1 to 32 of" },
		{ "[default]\nendpoint_url = https://x/y\n",
		    "/aws-config: endpoint: \"https://x/y\" has a path" },
		{ "[default]\nregion = a\n  b\n",
		    "/aws-config: region: \"a\\x0ab\" holds a control" },
		{ "[default]\nservices = s\n",
		    "[site a] profile: its line \"services = s\" names a "
		    "section that is not there; right would be: [services s]" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin_test(state);
		write_shared(rows[i].config, NULL);
		assert_null(load(SITE));
		expect_text(output, rows[i].expected);
		assert_int_equal(count_lines(output), 1);
	}
}

static void
roles_are_told_from_others(void **state)
{
	static const struct {
		const char *text;
		bool is_role;
	} rows[] = {
		{ "arn:aws:iam::123456789012:role/reader", true },
		{ "arn:aws-cn:iam::123456789012:role/a/b/c_d+=,.@-", true },
		{ "arn:aws:iam:::role/reader", true },
		{ "arn:aws:iam::tenant:role/reader", true },
		{ "arn:minio:iam:::role/idmp-x", true },
		{ "", false },
		{ "arn", false },
		{ "arn:aws:iam::123456789012", false },
		{ "arn:aws:iam::123456789012:role", false },
		{ "arn:aws:iam::123456789012:role/", false },
		{ "arn:aws:iam::123456789012:role//a", false },
		{ "arn:aws:iam::123456789012:role/a/", false },
		{ "arn:aws:iam::123456789012:role/a b", false },
		{ "arn:aws:iam::123456789012:role/a:b", false },
		{ "arn:aws:iam::123456789012:user/a", false },
		{ "arn:aws:iam:eu-west-1:123456789012:role/a", false },
		{ "arn:aws:sts::123456789012:role/a", false },
		{ "arn::iam::123456789012:role/a", false },
		{ "ARN:aws:iam::123456789012:role/a", false },
		{ " arn:aws:iam::123456789012:role/a", false },
	};
	char text[2060] = "arn:aws:iam:::role/";
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (config_is_role_arn(rows[i].text, &why) != rows[i].is_role)
			fail_msg("\"%s\"", rows[i].text);
	memset(text + 19, 'a', 2048 - 19);
	assert_true(config_is_role_arn(text, &why));
	text[2048] = 'a';
	assert_false(config_is_role_arn(text, &why));
}

/* RULE takes from LEAST to MOST bytes, each of ALLOWED and none of REFUSED. */
static void
expect_alphabet(config_check *rule, size_t least, size_t most,
    const char *allowed, const char *refused)
{
	char text[2000];
	const char *why;

	memset(text, 'a', sizeof(text));
	for (size_t len = 0; len <= most + 1; len++) {
		text[len] = '\0';
		assert_int_equal(rule(text, &why), len >= least && len <= most);
		text[len] = 'a';
	}
	text[3] = '\0';
	for (; *allowed != '\0'; allowed++) {
		text[1] = *allowed;
		assert_true(rule(text, &why));
	}
	for (; *refused != '\0'; refused++) {
		text[1] = *refused;
		assert_false(rule(text, &why));
	}
}

static void
names_for_sts_have_their_alphabets(void **state)
{
	(void)state;
	expect_alphabet(config_is_session_name, 2, 64, "azAZ09_=,.@+-",
	    ":/ *%\t\n\\\"\xc3");
	expect_alphabet(config_is_external_id, 2, 1224, "azAZ09_=,.@+-:/",
	    " *%\t\n\\\"\xc3");
}

/* The text of QUANTITY, one of ROW's. */
static const char *
write_quantity(
    const struct config_row *row, uint64_t quantity, char text[FORMAT_MAX])
{
	if (row->type == CONFIG_DURATION)
		snprintf(
		    text, FORMAT_MAX, "%llums", (unsigned long long)quantity);
	else if (row->type == CONFIG_MODE)
		snprintf(
		    text, FORMAT_MAX, "%llo", (unsigned long long)quantity);
	else
		snprintf(
		    text, FORMAT_MAX, "%llu", (unsigned long long)quantity);
	return (text);
}

static bool
takes(const struct config_row *row, void *base, const char *text)
{
	struct buf why;
	bool is_taken;

	buf_init(&why, 4096);
	is_taken = config_value_set(row, base, text, &why);
	assert_int_equal(is_taken, why.len == 0);
	buf_fini(&why);
	return (is_taken);
}

static void
ranges_are_what_they_say(void **state)
{
	union {
		struct daemon_settings daemon;
		struct cache_settings cache;
		struct site site;
		struct offload_settings offload;
	} base;
	char text[FORMAT_MAX];
	unsigned n = 0;

	(void)state;
	for (size_t i = 0; i < config_table_len; i++) {
		const struct config_row *row = &config_table[i];
		uint64_t least, most;

		if (row->least == NULL)
			continue;
		memset(&base, 0, sizeof(base));
		assert_true(takes(row, &base, row->least));
		memcpy(&least, (char *)&base + row->offset, sizeof(least));
		assert_true(takes(row, &base, row->most));
		memcpy(&most, (char *)&base + row->offset, sizeof(most));
		assert_true(least < most);
		assert_true(takes(row, &base, write_quantity(row, most, text)));
		assert_false(
		    takes(row, &base, write_quantity(row, most + 1, text)));
		if (least > 0)
			assert_false(takes(
			    row, &base, write_quantity(row, least - 1, text)));
		assert_true(takes(row, &base, row->option.standard));
		assert_true(
		    takes(row, &base, config_value_show(row, &base, text)));
		n++;
	}
	assert_true(n > 15);
}

static void
addresses_are_told_from_others(void **state)
{
	static const struct {
		const char *text;
		bool is_address;
	} rows[] = {
		{ "unix:/run/trys3/trys3d.sock", true },
		{ "unix:/a", true },
		{ "unix:/", false },
		{ "unix:", false },
		{ "unix:a", false },
		{ "/run/a", false },
		{ "127.0.0.1:9000", true },
		{ "localhost:1", true },
		{ "a_b.example-c.com:65535", true },
		{ "127.0.0.1", false },
		{ "127.0.0.1:", false },
		{ "127.0.0.1:0", false },
		{ "127.0.0.1:65536", false },
		{ "127.0.0.1:http", false },
		{ "127.0.0.1:+1", false },
		{ "127.0.0.1: 1", false },
		{ ":9000", false },
		{ "*:9000", false },
		{ "a b:9000", false },
		{ "a/b:9000", false },
		{ "[::1]:9000", true },
		{ "[::]:9000", true },
		{ "[fe80::1:2:3]:1", true },
		{ "[::1]", false },
		{ "[::1]:0", false },
		{ "::1:9000", false },
		{ "[]:9000", false },
		{ "[::1:9000", false },
		{ "[::1]x:9000", false },
		{ "[localhost]:9000", false },
		{ "[127.0.0.1]:9000", false },
		{ "", false },
	};
	char longest[5 + 107 + 2];
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		why = NULL;
		if (config_is_address(rows[i].text, &why) != rows[i].is_address)
			fail_msg("\"%s\"", rows[i].text);
		assert_true(rows[i].is_address == (why == NULL));
	}
	memset(longest, 'a', sizeof(longest));
	memcpy(longest, "unix:/", 6);
	longest[5 + 107] = '\0';
	assert_true(config_is_address(longest, &why));
	longest[5 + 107] = 'a';
	longest[5 + 108] = '\0';
	assert_false(config_is_address(longest, &why));
}

/* The row of NAME in SECTION, or NULL. */
static const struct config_row *
find_row(struct span section, struct span name)
{
	for (size_t i = 0; i < config_table_len; i++)
		if (span_equal(
			span_of(config_table[i].option.section), section) &&
		    span_equal(span_of(config_table[i].option.name), name))
			return (&config_table[i]);
	return (NULL);
}

/* A line of the sample: a setting, perhaps behind a "#", must be known, and
 * the first of a name that has a default shows that. */
static void
check_sample_line(struct span line, struct span section)
{
	const struct config_row *row;
	struct span name, value = line;

	if (span_starts(value, SPAN("#")))
		value = span_skip(value, 1);
	name = span_cut(&value, '=');
	if (value.data == NULL || name.len < 2 ||
	    span_trim(name).len + 1 != name.len ||
	    memchr(name.data, ' ', name.len - 1) != NULL)
		return;
	name = span_trim(name);
	row = find_row(section, name);
	if (row == NULL)
		fail_msg("contrib/trys3.conf: [%.*s] %.*s is no setting",
		    SPAN_ARG(section), SPAN_ARG(name));
	else if (line.data[0] == '#' && *row->option.standard != '\0' &&
	    !span_equal(span_trim(value), span_of(row->option.standard)))
		fail_msg("contrib/trys3.conf: the default of %s is %s",
		    row->option.name, row->option.standard);
}

static void
the_sample_is_right(void **state)
{
	const char *top = getenv("srcdir_abs");
	char *path =
	    mem_printf("%s/contrib/trys3.conf", top != NULL ? top : ".");
	struct settings *settings = load_path(path);
	struct span rest, line, section = SPAN("");
	static char text[OUTPUT_MAX];

	(void)state;
	if (settings == NULL)
		print_error("%s", output);
	assert_non_null(settings);
	config_free(settings);
	read_all(path, text);
	for (rest = span_of(text); rest.data != NULL;) {
		line = span_cut(&rest, '\n');
		if (span_starts(line, SPAN("["))) {
			section = span_skip(line, 1);
			section = span_cut(&section, ']');
			section = span_cut(&section, ' ');
		} else
			check_sample_line(line, section);
	}
	free(path);
}

#define TEST(function) cmocka_unit_test_setup(function, begin_test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_mistake_has_its_line),
		TEST(all_mistakes_are_reported),
		TEST(a_file_must_be_readable),
		TEST(nothing_at_all_says_what_is_needed),
		TEST(no_credentials_says_where_they_were_sought),
		TEST(the_default_stands_alone),
		TEST(the_file_overrides_the_default),
		TEST(the_environment_overrides_the_file),
		TEST(an_empty_variable_is_not_set),
		TEST(the_environment_alone_is_enough),
		TEST(the_environment_makes_a_site_for_a_file_without),
		TEST(the_environment_fills_several_sites_in),
		TEST(what_is_printed_can_be_read_again),
		TEST(credentials_are_found_for_each_site),
		TEST(a_secret_for_all_to_read_is_refused),
		TEST(the_shared_files_fill_in),
		TEST(two_sites_may_have_two_profiles),
		TEST(what_is_wrong_in_shared_files_is_told),
		TEST(roles_are_told_from_others),
		TEST(names_for_sts_have_their_alphabets),
		TEST(ranges_are_what_they_say),
		TEST(addresses_are_told_from_others),
		TEST(the_sample_is_right),
	};

	return (
	    cmocka_run_group_tests(tests, make_directory, remove_directory));
}

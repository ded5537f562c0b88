/*
 * The settings of what is offloaded (src/config/offload.h, own.h, writer.h and
 * the rows of the table): defaults, each mistake with its line, which site and
 * which key, that what is printed can be read again, and whose credentials the
 * writer has.
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

#include "base/mem.h"
#include "config/config.h"
#include "config/writer.h"
#include "config_file.h"

#define SITE    "[site a]\nbucket = abc\n"
#define OFFLOAD SITE "[offload o]\nroot = /srv/o\n" /* 4 lines */
#define KEY     "access_key_id = AK\nsecret_access_key = " CANARY "\n"
#define ROLE    "role_arn = arn:aws:iam::123456789012:role/writer\n"

static void
the_defaults_are_those_of_the_manual(void **state)
{
	struct settings *settings = load_good(OFFLOAD);
	const struct offload_settings *it = &settings->offloads[0];

	(void)state;
	assert_int_equal(settings->n_offloads, 1);
	assert_string_equal(it->name, "o");
	assert_null(it->site);
	assert_int_equal(it->site_index, 0);
	assert_string_equal(it->root, "/srv/o");
	assert_string_equal(it->uri, "/");
	assert_int_equal(it->min_age_ms, 86400000);
	assert_int_equal(it->keep_age_ms, 0);
	assert_int_equal(it->high_water, 0);
	assert_int_equal(it->low_water, 0);
	assert_null(it->include);
	assert_null(it->exclude);
	assert_null(it->storage_class);
	assert_int_equal(it->sse, OFFLOAD_SSE_NONE);
	assert_null(it->kms_key);
	assert_string_equal(it->mime_types, "/etc/mime.types");
	assert_null(it->cache_control);
	assert_null(it->trash);
	assert_int_equal(it->trash_grace_ms, 604800000);
	assert_int_equal(it->verify, OFFLOAD_VERIFY_READ);
	assert_false(it->remove_folders);
	assert_string_equal(it->state, LOCALSTATEDIR "/lib/trys3");
	assert_int_equal(it->jobs, 8);
	assert_int_equal(it->bwlimit, 0);
	assert_int_equal(it->max_delete, 0);
	assert_null(it->writer.own.access_key_id);
	assert_null(it->writer.own.secret_access_key);
	assert_null(it->writer.own.session_token);
	assert_null(it->writer.profile);
	assert_null(it->writer.role_arn);
	assert_null(it->writer.role_session_name);
	assert_null(it->writer.external_id);
	assert_null(it->writer.web_identity_token_file);
	assert_null(it->writer.sts_endpoint);
	config_free(settings);
}

static void
there_may_be_none(void **state)
{
	struct settings *settings = load_good(SITE);

	(void)state;
	assert_int_equal(settings->n_offloads, 0);
	config_free(settings);
}

/* All that is no credential: the address of each field is right. */
static const char all_said[] =
    "[offload a.B_c-9]\n"
    "site = b\nroot = /srv/o/\nuri = /img\nmin_age = 1h\nkeep_age = 2h\n"
    "high_water = 90\nlow_water = 80\ninclude = *.png a/*\n"
    "exclude = .* tmp\nstorage_class = STANDARD_IA\nsse = AWS:KMS\n"
    "kms_key = alias/k\nmime_types = /m\ncache_control = max-age=1, private\n"
    "trash = /srv/o/trash/\ntrash_grace = 3h\nverify = head\n"
    "remove_folders = on\nstate = /s/\njobs = 9\nbwlimit = 1m\n"
    "max_delete = 10\n" ROLE
    "profile = p q\nrole_session_name = me@here\nexternal_id = a:b/c\n"
    "sts_endpoint = http://[::1]:8000\n"
    /* It may stand before its site. */
    "[site a]\nbucket = abc\n[site b]\nbucket = bcd\nstrip = img/\n"
    "prefix = 2019/\n";

static void
check_all_said(const struct settings *settings)
{
	const struct offload_settings *it = &settings->offloads[0];

	assert_int_equal(settings->n_offloads, 1);
	assert_string_equal(it->name, "a.B_c-9");
	assert_string_equal(it->site, "b");
	assert_int_equal(it->site_index, 1);
	assert_string_equal(it->root, "/srv/o");
	assert_string_equal(it->uri, "/img/");
	assert_int_equal(it->min_age_ms, 3600000);
	assert_int_equal(it->keep_age_ms, 7200000);
	assert_int_equal(it->high_water, 90);
	assert_int_equal(it->low_water, 80);
	assert_string_equal(it->include, "*.png a/*");
	assert_string_equal(it->exclude, ".* tmp");
	assert_string_equal(it->storage_class, "STANDARD_IA");
	assert_int_equal(it->sse, OFFLOAD_SSE_KMS);
	assert_string_equal(it->kms_key, "alias/k");
	assert_string_equal(it->mime_types, "/m");
	assert_string_equal(it->cache_control, "max-age=1, private");
	assert_string_equal(it->trash, "/srv/o/trash");
	assert_int_equal(it->trash_grace_ms, 10800000);
	assert_int_equal(it->verify, OFFLOAD_VERIFY_HEAD);
	assert_true(it->remove_folders);
	assert_string_equal(it->state, "/s");
	assert_int_equal(it->jobs, 9);
	assert_int_equal(it->bwlimit, 1048576);
	assert_int_equal(it->max_delete, 10);
	assert_string_equal(it->writer.profile, "p q");
	assert_string_equal(
	    it->writer.role_arn, "arn:aws:iam::123456789012:role/writer");
	assert_string_equal(it->writer.role_session_name, "me@here");
	assert_string_equal(it->writer.external_id, "a:b/c");
	assert_string_equal(it->writer.sts_endpoint, "http://[::1]:8000");
}

static void
all_can_be_said(void **state)
{
	struct settings *settings = load_good(all_said);

	(void)state;
	check_all_said(settings);
	config_free(settings);
}

static void
the_environment_says_nothing_of_it(void **state)
{
	struct settings *settings;

	(void)state;
	setenv("AWS_ENDPOINT_URL_STS", "http://sts", 1);
	setenv("AWS_ENDPOINT_URL", "http://all", 1);
	setenv("AWS_PROFILE", "other", 1);
	settings = load_good(all_said);
	check_all_said(settings);
	config_free(settings);
	settings = load_good(OFFLOAD);
	assert_string_equal(settings->sites[0].sts_endpoint, "http://sts");
	assert_null(settings->offloads[0].writer.sts_endpoint);
	assert_null(settings->offloads[0].writer.profile);
	config_free(settings);
}

static void
the_environments_site_will_do(void **state)
{
	struct settings *settings;

	(void)state;
	setenv("TRYS3_BUCKET", "abc", 1);
	settings = load_good("[offload o]\nroot = /srv/o\nsite = default\n"
			     "[offload p]\nroot = /srv/p\n");
	assert_int_equal(settings->n_offloads, 2);
	assert_int_equal(settings->offloads[0].site_index, 0);
	assert_string_equal(settings->offloads[1].name, "p");
	config_free(settings);
}

/* ---- Mistakes ---- */

/* One mistake, one line. */
static const struct mistake {
	const char *name;
	const char *file;
	const char *expected;
} mistakes[] = {
	{ "no name", SITE "[offload]\nroot = /o\n",
	    "t.conf:3: an offload needs a name; right would be: [offload NAME] "
	    "with 1 to 64 of A-Z a-z 0-9 . _ -" },
	{ "a name with a slash", SITE "[offload a/b]\n",
	    "t.conf:3: an offload needs a name" },
	{ "a repeated section", OFFLOAD "[offload  o ]\n",
	    "t.conf:5: [offload o] is repeated, it begins in line 3" },
	{ "a repeated name", OFFLOAD "jobs = 2\njobs = 2\n",
	    "t.conf:6: [offload o] jobs: is repeated, it is set in line 5" },
	{ "an unknown name", OFFLOAD "rot = /o\n",
	    "t.conf:5: [offload o] rot: there is no such setting; right would "
	    "be one of: site, root, uri, min_age, keep_age, high_water," },
	{ "a name of another section", OFFLOAD "bucket = x\n",
	    "t.conf:5: [offload o] bucket: is not a setting of this section; "
	    "right would be: below [site NAME]" },
	{ "its name in another section", SITE "root = /o\n",
	    "t.conf:3: [site a] root: is not a setting of this section; right "
	    "would be: below [offload NAME]" },

	{ "no root", SITE "[offload o]\njobs = 2\n",
	    "t.conf:3: [offload o] root: is not set; right would be: the "
	    "absolute path of a folder" },
	{ "an empty root", SITE "[offload o]\nroot =\n",
	    "t.conf:4: [offload o] root: is not set" },
	{ "a relative root", SITE "[offload o]\nroot = o\n",
	    "t.conf:4: [offload o] root: \"o\" will not do: it does not begin "
	    "with /; right would be: the absolute path of a folder" },
	{ "the whole tree", SITE "[offload o]\nroot = /\n",
	    "t.conf:4: [offload o] root: \"/\" will not do: it is the whole" },
	{ "the whole tree again", SITE "[offload o]\nroot = //\n",
	    "t.conf:4: [offload o] root: \"//\" will not do: it has a" },
	{ "dots in a root", SITE "[offload o]\nroot = /a/../b\n",
	    "t.conf:4: [offload o] root: \"/a/../b\" will not do: it has a "
	    "segment that is empty, \".\" or \"..\"" },
	{ "a dot in a root", SITE "[offload o]\nroot = /a/.\n",
	    "t.conf:4: [offload o] root: \"/a/.\" will not do: it has a" },
	{ "a relative trash", OFFLOAD "trash = t\n",
	    "t.conf:5: [offload o] trash: \"t\" will not do: it does not" },
	{ "a relative state", OFFLOAD "state = s\n",
	    "t.conf:5: [offload o] state: \"s\" will not do: it does not" },

	{ "no such site", OFFLOAD "site = b\n[site c]\nbucket = cde\n",
	    "t.conf:5: [offload o] site: \"b\" is no site; right would be one "
	    "of: a, c" },
	{ "a relative uri", OFFLOAD "uri = img/\n",
	    "t.conf:5: [offload o] uri: \"img/\" will not do: it does not "
	    "begin with /; right would be: / or /path/" },
	{ "two slashes in a uri", OFFLOAD "uri = /img//a\n",
	    "t.conf:5: [offload o] uri: \"/img//a\" will not do: it has a "
	    "segment that is empty" },
	{ "a uri outside of strip",
	    SITE "strip = files/\n[offload o]\nroot = /o\nuri = /img\n",
	    "t.conf:6: [offload o] uri: \"/img/\" makes no path a key of [site "
	    "a]: the path is outside of strip; right would be: / or /path/" },
	{ "a default uri outside of strip",
	    SITE "strip = files/\n[offload o]\nroot = /o\n",
	    "t.conf:4: [offload o] uri: \"/\" makes no path a key of [site a]: "
	    "the path is outside of strip" },
	{ "a uri that S3 eats", OFFLOAD "uri = /soap/\n",
	    "t.conf:5: [offload o] uri: \"/soap/\" makes no path a key" },

	{ "a mark too high", OFFLOAD "high_water = 100\nlow_water = 9\n",
	    "t.conf:5: [offload o] high_water: \"100\" is out of range; right "
	    "would be: 0 to 99" },
	{ "no low mark", OFFLOAD "high_water = 90\n",
	    "t.conf:5: [offload o] high_water: stands without the mark that it "
	    "ends at; right would be: low_water as well, or neither" },
	{ "no high mark", OFFLOAD "low_water = 90\n",
	    "t.conf:5: [offload o] low_water: stands without the mark that it "
	    "begins at; right would be: high_water as well, or neither" },
	{ "marks the wrong way", OFFLOAD "high_water = 80\nlow_water = 81\n",
	    "t.conf:6: [offload o] low_water: is over high_water" },
	{ "an unknown encryption", OFFLOAD "sse = AES\n",
	    "t.conf:5: [offload o] sse: \"AES\" is unknown; right would be: "
	    "none, AES256, aws:kms" },
	{ "a key without its encryption", OFFLOAD "sse=AES256\nkms_key = k\n",
	    "t.conf:6: [offload o] kms_key: stands without the encryption that "
	    "it is for; right would be: sse = aws:kms as well" },
	{ "a key's name beyond ASCII", OFFLOAD "sse=aws:kms\nkms_key = \xc3\n",
	    "t.conf:6: [offload o] kms_key: \"\xc3\" will not do: it holds "
	    "something other than printable ASCII" },
	{ "a class beyond ASCII", OFFLOAD "storage_class = \xc3\xa4\n",
	    "t.conf:5: [offload o] storage_class: \"\xc3\xa4\" will not do" },
	{ "a control beyond ASCII", OFFLOAD "cache_control = \xc3\xa4\n",
	    "t.conf:5: [offload o] cache_control: \"\xc3\xa4\" will not do" },
	{ "an empty file of types", OFFLOAD "mime_types =\n",
	    "t.conf:5: [offload o] mime_types: is empty" },
	{ "a grace without a trash", OFFLOAD "trash_grace = 1d\n",
	    "t.conf:5: [offload o] trash_grace: stands without the folder that "
	    "it is for; right would be: trash as well" },
	{ "an unknown proof", OFFLOAD "verify = none\n",
	    "t.conf:5: [offload o] verify: \"none\" is unknown" },
	{ "no jobs", OFFLOAD "jobs = 0\n",
	    "t.conf:5: [offload o] jobs: \"0\" is out of range; right would "
	    "be: 1 to 256" },

	{ "two roots that are one", OFFLOAD "[offload p]\nroot = /srv/o/\n",
	    "t.conf:6: [offload p] root: \"/srv/o\" is the root of [offload "
	    "o], \"/srv/o\"; right would be: folders that lie apart" },
	{ "a root in another", OFFLOAD "[offload p]\nroot = /srv/o/p\n",
	    "t.conf:6: [offload p] root: \"/srv/o/p\" is inside of the root of "
	    "[offload o], \"/srv/o\"" },
	{ "a root that holds another", OFFLOAD "[offload p]\nroot = /srv\n",
	    "t.conf:6: [offload p] root: \"/srv\" holds the root of [offload "
	    "o], \"/srv/o\"" },
	{ "a trash that is the root", OFFLOAD "trash = /srv/o/\n",
	    "t.conf:5: [offload o] trash: \"/srv/o\" is the root of [offload "
	    "o]" },
	{ "a trash that holds the root", OFFLOAD "trash = /srv\n",
	    "t.conf:5: [offload o] trash: \"/srv\" holds the root of [offload "
	    "o], \"/srv/o\"" },
	{ "a trash that is another's root",
	    OFFLOAD "trash = /srv/p\n[offload p]\nroot = /srv/p\n",
	    "t.conf:5: [offload o] trash: \"/srv/p\" is the root of [offload "
	    "p]" },
	{ "a trash in another's root",
	    OFFLOAD "trash = /srv/p/t\n[offload p]\nroot = /srv/p\n",
	    "t.conf:5: [offload o] trash: \"/srv/p/t\" is inside of the root "
	    "of [offload p]" },
	{ "a trash of two",
	    OFFLOAD "trash = /t\n[offload p]\nroot = /p\ntrash = /t/p\n",
	    "t.conf:8: [offload p] trash: \"/t/p\" is inside of the trash of "
	    "[offload o]" },
	{ "a state in the root", OFFLOAD "state = /srv/o/s\n",
	    "t.conf:5: [offload o] state: \"/srv/o/s\" is inside of the root "
	    "of [offload o]" },
	{ "a state in the trash", OFFLOAD "trash = /t\nstate = /t\n",
	    "t.conf:6: [offload o] state: \"/t\" is the trash of [offload o]" },
	{ "the default state in the root",
	    SITE "[offload o]\nroot = " LOCALSTATEDIR "/lib\n",
	    "t.conf:3: [offload o] state: \"" LOCALSTATEDIR "/lib/trys3\" is "
	    "inside of the root of [offload o]" },

	{ "a key without its secret", OFFLOAD "access_key_id = AK\n",
	    "t.conf:5: [offload o] access_key_id: stands without its secret" },
	{ "a secret without its key",
	    OFFLOAD "secret_access_key = " CANARY "\n",
	    "t.conf:5: [offload o] secret_access_key: stands without its" },
	{ "a token alone", OFFLOAD "session_token = " CANARY "\n",
	    "t.conf:5: [offload o] session_token: stands without its key" },
	{ "a profile beside a key", OFFLOAD KEY "profile = p\n",
	    "t.conf:7: [offload o] profile: stands beside access_key_id" },
	{ "a token's file without a role",
	    OFFLOAD "web_identity_token_file = /t\n",
	    "t.conf:5: [offload o] web_identity_token_file: stands without "
	    "the role that it is for" },
	{ "a role that is none", OFFLOAD "role_arn = writer\n",
	    "t.conf:5: [offload o] role_arn: \"writer\" will not do: " },
	{ "an STS that is none", OFFLOAD "sts_endpoint = sts\n",
	    "t.conf:5: [offload o] sts_endpoint: \"sts\" does not begin with "
	    "http:// or https://; right would be: http[s]://host[:port]" },

	/* What follows from a mistake is not another one. */
	{ "no site at all", "[offload o]\nroot = /o\n",
	    "t.conf: there is no bucket to serve" },
	{ "a site that is wrong", "[site a]\n[offload o]\nroot = /o\n",
	    "t.conf:1: [site a] bucket: is not set" },
	{ "a strip that is wrong",
	    SITE "strip = a/../\n[offload o]\nroot = /o\n",
	    "t.conf:3: [site a] strip: \"a/../\" makes no path a key: " },
	{ "a line that is wrong",
	    SITE "[offload o]\nroot = o\nsite = b\nhigh_water = 9\n",
	    "t.conf:4: [offload o] root: \"o\" will not do" },
};

static void
each_mistake_has_its_line(void **state)
{
	unsigned wrong = 0;

	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		const struct mistake *it = &mistakes[i];

		begin_test(state);
		wrong += !is_refused(it->name, it->file, it->expected);
	}
	assert_int_equal(wrong, 0);
}

static void
all_mistakes_are_reported(void **state)
{
	(void)state;
	assert_null(load(OFFLOAD "site = b\nhigh_water = 9\nkms_key = k\n"
				 "trash_grace = 8d\naccess_key_id = AK\n"
				 "[offload p]\n"));
	assert_int_equal(count_lines(output), 6);
	expect_text(output, "t.conf:5: [offload o] site: ");
	expect_text(output, "t.conf:6: [offload o] high_water: ");
	expect_text(output, "t.conf:7: [offload o] kms_key: ");
	expect_text(output, "t.conf:8: [offload o] trash_grace: ");
	expect_text(output, "t.conf:9: [offload o] access_key_id: ");
	expect_text(output, "t.conf:10: [offload p] root: is not set");
}

/* Near to a mistake, and none. */
static void
what_is_right_is_taken(void **state)
{
	static const char *const files[] = {
		OFFLOAD "[offload p]\nroot = /srv/oo\n",
		OFFLOAD "trash = /srv/o/t\n",
		OFFLOAD "trash = /srv/ot\n",
		OFFLOAD "trash = /t\ntrash_grace = 0\n",
		OFFLOAD "state = /srv\n",
		OFFLOAD "state = /s\n[offload p]\nroot = /p\nstate = /s\n",
		OFFLOAD "state = /s\ntrash = /s/t\n",
		OFFLOAD "high_water = 90\nlow_water = 90\n",
		OFFLOAD "sse = aws:kms\n",
		OFFLOAD "uri = /a b/%20\n",
		OFFLOAD "site =\ninclude =\ntrash =\nprofile =\n",
		OFFLOAD "mime_types = /nonexistent/types\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		config_free(load_good(files[i]));
}

/* ---- What is printed ---- */

static void
what_is_printed_can_be_read_again(void **state)
{
	static char first[OUTPUT_MAX];
	static const char *const files[] = { all_said, OFFLOAD };
	struct settings *settings;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		settings = load_good(files[i]);
		print(settings);
		config_free(settings);
		memcpy(first, printed, sizeof(first));
		settings = load_good(first);
		if (i == 0)
			check_all_said(settings);
		config_free(settings);
	}
	expect_text(first, "\n[offload o]\n");
	expect_text(first, "\nmin_age = 24h   ");
}

static void
where_files_go_is_printed(void **state)
{
	struct settings *settings = load_good(all_said);

	(void)state;
	print(settings);
	expect_text(printed,
	    "\n[offload a.B_c-9]\n"
	    "# site b: /srv/o/NAME is "
	    "https://bcd.s3.us-east-1.amazonaws.com/2019/NAME\n"
	    "site = b ");
	expect_text(printed, "t.conf:3\n");
	config_free(settings);
}

static void
secrets_are_hidden_and_forgotten(void **state)
{
	struct settings *settings =
	    load_good(OFFLOAD KEY "session_token = " CANARY "\n");
	const struct credentials *own = &settings->offloads[0].writer.own;

	(void)state;
	assert_string_equal(own->secret_access_key, CANARY);
	assert_string_equal(own->session_token, CANARY);
	print(settings);
	expect_text(printed, "access_key_id = AK ");
	expect_text(printed, "secret_access_key = **** ");
	expect_text(printed, "session_token = **** ");
	settings_forget_secrets(settings);
	assert_null(own->secret_access_key);
	assert_null(own->session_token);
	config_free(settings);
}

static void
a_secret_for_all_to_read_is_refused(void **state)
{
	struct settings *settings;

	(void)state;
	write_file(conf_path, OFFLOAD KEY);
	assert_int_equal(chmod(conf_path, 0644), 0);
	assert_null(load_path(conf_path));
	assert_int_equal(count_lines(output), 1);
	expect_text(output,
	    ": holds a secret_access_key and can be used by others: its mode "
	    "is 0644");
	write_file(conf_path, OFFLOAD ROLE "external_id = abc\n");
	assert_int_equal(chmod(conf_path, 0644), 0);
	settings = load_path(conf_path);
	assert_non_null(settings);
	config_free(settings);
}

/* ---- Credentials ---- */

/* Who serves needs none that write. */
static void
a_writers_credentials_are_not_looked_for(void **state)
{
	struct settings *settings = load_good(OFFLOAD "profile = none\n");

	(void)state;
	assert_true(config_find_credentials(settings, NULL));
	assert_string_equal(settings->sites[0].credentials_source,
	    "the environment: AWS_ACCESS_KEY_ID");
	config_free(settings);
}

/* A site with all that a writer may have of it. */
#define READER                                                           \
	SITE "region = eu-west-1\nprefix = p/\nendpoint = http://s3:1\n" \
	     "sts_endpoint = http://sts\naccess_key_id = READER\n"       \
	     "secret_access_key = " CANARY "-reader\n"                   \
	     "session_token = " CANARY "-token\n" ROLE                   \
	     "role_session_name = reader\nexternal_id = ex\n"            \
	     "[offload o]\nroot = /o\n"

/* What writes to the first site; it outlives the settings. */
static struct site
make_writer(const char *file)
{
	struct settings *settings = load_good(file);
	struct site writer;

	settings->sites[0].credentials_source = mem_string("the test");
	config_writer(&settings->sites[0], &settings->offloads[0], &writer);
	config_free(settings);
	return (writer);
}

static bool
is_same(const char *a, const char *b)
{
	return (a == NULL || b == NULL ? a == b : strcmp(a, b) == 0);
}

static const struct writer_row {
	const char *what;
	const char *file;
	const char *id, *secret, *token, *profile, *role, *session, *external;
	const char *token_file, *sts, *source;
} writer_rows[] = {
	{ "the site's", READER, .id = "READER", .secret = CANARY "-reader",
	    .token = CANARY "-token",
	    .role = "arn:aws:iam::123456789012:role/writer",
	    .session = "reader", .external = "ex", .sts = "http://sts",
	    .source = "the test" },
	{ "a key", READER KEY, .id = "AK", .secret = CANARY,
	    .sts = "http://sts" },
	{ "a profile", READER "profile = p\n", .profile = "p",
	    .sts = "http://sts" },
	{ "a role", READER "role_arn = arn:aws:iam:::role/b\n",
	    .role = "arn:aws:iam:::role/b", .sts = "http://sts" },
	{ "a role with all of it",
	    READER "role_arn = arn:aws:iam:::role/b\nexternal_id = xe\n"
		   "role_session_name = writer\nsts_endpoint = http://own\n",
	    .role = "arn:aws:iam:::role/b", .session = "writer",
	    .external = "xe", .sts = "http://own" },
	{ "a token's file",
	    READER "role_arn = arn:aws:iam:::role/b\n"
		   "web_identity_token_file = /t\n",
	    .role = "arn:aws:iam:::role/b", .token_file = "/t",
	    .sts = "http://sts" },
	{ "an STS alone", READER "sts_endpoint = http://own\n", .id = "READER",
	    .secret = CANARY "-reader", .token = CANARY "-token",
	    .role = "arn:aws:iam::123456789012:role/writer",
	    .session = "reader", .external = "ex", .sts = "http://own",
	    .source = "the test" },
	{ "nobody's", OFFLOAD, .source = "the test" },
};

static void
a_writer_has_its_own_credentials_or_the_sites(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(writer_rows) / sizeof(writer_rows[0]);
	     i++) {
		const struct writer_row *row = &writer_rows[i];
		struct site writer = make_writer(row->file);

		if (!is_same(writer.own.access_key_id, row->id) ||
		    !is_same(writer.own.secret_access_key, row->secret) ||
		    !is_same(writer.own.session_token, row->token) ||
		    !is_same(writer.profile, row->profile) ||
		    !is_same(writer.role_arn, row->role) ||
		    !is_same(writer.role_session_name, row->session) ||
		    !is_same(writer.external_id, row->external) ||
		    !is_same(writer.web_identity_token_file, row->token_file) ||
		    !is_same(writer.sts_endpoint, row->sts) ||
		    !is_same(writer.credentials_source, row->source)) {
			print_error("%s\n", row->what);
			wrong++;
		}
		site_fini(&writer);
	}
	assert_int_equal(wrong, 0);
}

static void
a_writer_is_the_site_otherwise(void **state)
{
	struct site writer = make_writer(READER KEY);

	(void)state;
	assert_string_equal(writer.name, "a (writer of offload o)");
	assert_string_equal(writer.bucket, "abc");
	assert_string_equal(writer.region, "eu-west-1");
	assert_string_equal(writer.prefix, "p/");
	assert_string_equal(writer.endpoint, "http://s3:1");
	assert_false(writer.is_virtual);
	assert_false(writer.missing_on_403);
	assert_true(writer.check_etag);
	assert_int_equal(writer.connect_timeout_ms, 3000);
	site_fini(&writer);
	writer = make_writer(OFFLOAD);
	assert_true(writer.is_virtual);
	assert_true(writer.region_is_guess);
	site_fini(&writer);
}

#define TEST(function) cmocka_unit_test_setup(function, begin_test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_defaults_are_those_of_the_manual),
		TEST(there_may_be_none),
		TEST(all_can_be_said),
		TEST(the_environment_says_nothing_of_it),
		TEST(the_environments_site_will_do),
		TEST(each_mistake_has_its_line),
		TEST(all_mistakes_are_reported),
		TEST(what_is_right_is_taken),
		TEST(what_is_printed_can_be_read_again),
		TEST(where_files_go_is_printed),
		TEST(secrets_are_hidden_and_forgotten),
		TEST(a_secret_for_all_to_read_is_refused),
		TEST(a_writers_credentials_are_not_looked_for),
		TEST(a_writer_has_its_own_credentials_or_the_sites),
		TEST(a_writer_is_the_site_otherwise),
	};

	return (
	    cmocka_run_group_tests(tests, make_directory, remove_directory));
}

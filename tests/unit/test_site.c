/*
 * A site: settings to addressing, paths to keys, keys to what is on the wire;
 * by tables, and by many random paths held against a second, plainer reading
 * of the rules.
 */
#include "s3/site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "s3/uri.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A site that site_resolve takes, with the given parts. */
static struct site
make_site(const char *strip, const char *prefix, bool is_virtual)
{
	return ((struct site){
	    .bucket = (char *)"bucket",
	    .region = (char *)"us-east-1",
	    .addressing =
		is_virtual ? SITE_ADDRESSING_VIRTUAL : SITE_ADDRESSING_PATH,
	    .strip = (char *)strip,
	    .prefix = (char *)prefix,
	    .is_virtual = is_virtual,
	});
}

/* Map PATH into a buffer for ROOM bytes; expect KEY, or where that is NULL a
 * refusal that says WHY. */
static void
expect_key_in(const struct site *site, struct span path, size_t room,
    const char *key, const char *why)
{
	enum site_key_result result;
	const char *said = NULL;
	struct buf got;

	buf_init(&got, room);
	assert_true(buf_add_string(&got, "what was there"));
	result = site_key(site, path, &got, &said);
	if (key != NULL) {
		assert_int_equal(result, SITE_KEY_OK);
		assert_int_equal(got.len, strlen(key));
		assert_string_equal(buf_string(&got), key);
		assert_null(said);
	} else {
		assert_int_equal(result, SITE_KEY_REFUSED);
		assert_int_equal(got.len, 0);
		assert_non_null(said);
		assert_non_null(strstr(said, why));
	}
	buf_fini(&got);
}

/* The same whether the buffer has just the room or more. */
static void
expect_key(
    const struct site *site, struct span path, const char *key, const char *why)
{
	expect_key_in(site, path, SITE_KEY_MAX, key, why);
	expect_key_in(site, path, 4 * SITE_KEY_MAX, key, why);
}

/* The path on the wire for KEY. */
static void
expect_wire(const struct site *site, struct span key, const char *path)
{
	struct site_target target;

	site_target_init(&target);
	assert_true(site_target(site, SPAN("us-east-1"), key, &target));
	assert_string_equal(buf_string(&target.path), path);
	site_target_fini(&target);
}

/* Names that are kept, each byte for byte, and how they go on the wire. */
static void
test_key_kept(void **state)
{
	static const struct {
		const char *name;
		const char *key; /* the path is "/" and this */
		const char *wire;
	} rows[] = {
		{ "plain", "a.png", "a.png" },
		{ "folders", "a/b/c.png", "a/b/c.png" },
		{ "unreserved", "AZaz09-._~", "AZaz09-._~" },
		{ "space", "a b", "a%20b" },
		{ "only a space", " ", "%20" },
		{ "space at the end", "a ", "a%20" },
		{ "plus", "a+b", "a%2Bb" },
		{ "percent", "100%", "100%25" },
		{ "percent and hex", "a%20b", "a%2520b" },
		{ "encoded slash as text", "a%2Fb", "a%252Fb" },
		{ "question mark", "a?b=c", "a%3Fb%3Dc" },
		{ "hash", "a#b", "a%23b" },
		{ "quotes", "\"a'b`", "%22a%27b%60" },
		{ "brackets", "<a>[b]{c}(d)", "%3Ca%3E%5Bb%5D%7Bc%7D%28d%29" },
		{ "other ASCII", "!$&*,:;=@\\^|",
		    "%21%24%26%2A%2C%3A%3B%3D%40%5C%5E%7C" },
		{ "Japanese", "\xe5\x86\x99\xe7\x9c\x9f.png",
		    "%E5%86%99%E7%9C%9F.png" },
		{ "composed", "\xc3\xa9", "%C3%A9" },
		{ "decomposed", "e\xcc\x81", "e%CC%81" },
		{ "emoji", "\xf0\x9f\x93\xb7", "%F0%9F%93%B7" },
		{ "two slashes", "a//b", "a//b" },
		{ "slash in front", "/a", "/a" },
		{ "slashes in front", "//a", "//a" },
		{ "three dots", "...", "..." },
		{ "three dots and more", "a/.../b", "a/.../b" },
		{ "dot in front", ".a", ".a" },
		{ "dots in front", "..a", "..a" },
		{ "dot at the end", "a.", "a." },
		{ "dots at the end", "a..", "a.." },
		{ "dots inside", "a..b/c.d", "a..b/c.d" },
		{ "hidden folder", ".well-known/a", ".well-known/a" },
		{ "first of two bytes that is no control", "\xc2\xa0",
		    "%C2%A0" },
		{ "last of two bytes", "\xdf\xbf", "%DF%BF" },
		{ "first of three bytes", "\xe0\xa0\x80", "%E0%A0%80" },
		{ "before the surrogates", "\xed\x9f\xbf", "%ED%9F%BF" },
		{ "behind the surrogates", "\xee\x80\x80", "%EE%80%80" },
		{ "last of three bytes", "\xef\xbf\xbf", "%EF%BF%BF" },
		{ "byte order mark", "\xef\xbb\xbfz", "%EF%BB%BFz" },
		{ "first of four bytes", "\xf0\x90\x80\x80", "%F0%90%80%80" },
		{ "last of all", "\xf4\x8f\xbf\xbf", "%F4%8F%BF%BF" },
		{ "second byte as a control's", "\xe3\x82\x80", "%E3%82%80" },
	};
	struct site site = make_site(NULL, NULL, false);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char *path = mem_printf("/%s", rows[i].key);
		char *wire = mem_printf("/bucket/%s", rows[i].wire);

		print_message("%s\n", rows[i].name);
		expect_key(&site, span_of(path), rows[i].key, NULL);
		expect_wire(&site, span_of(rows[i].key), wire);
		free(path);
		free(wire);
	}
}

static void
test_key_refused(void **state)
{
	static const struct {
		const char *name;
		const char *path;
		const char *why;
	} rows[] = {
		{ "nothing", "", "slash" },
		{ "no slash", "a", "slash" },
		{ "absolute form", "http://h/a", "slash" },
		{ "root", "/", "empty" },
		{ "two slashes", "//", "ends in a slash" },
		{ "folder", "/a/", "ends in a slash" },
		{ "folder, twice", "/a//", "ends in a slash" },
		{ "dot", "/.", "segment" },
		{ "dots", "/..", "segment" },
		{ "dot folder", "/./a", "segment" },
		{ "dots folder", "/../a", "segment" },
		{ "dot inside", "/a/./b", "segment" },
		{ "dots inside", "/a/../b", "segment" },
		{ "dot last", "/a/.", "segment" },
		{ "dots last", "/a/..", "segment" },
		{ "dot behind two slashes", "/a//./b", "segment" },
		{ "dots behind the first", "//../b", "segment" },
		{ "dot and slash", "/a/./", "segment" },
		{ "lone continuation", "/a\x80", "UTF-8" },
		{ "lone continuation, last", "/\xbf", "UTF-8" },
		{ "overlong NUL", "/\xc0\x80", "UTF-8" },
		{ "overlong slash", "/a\xc0\xaf", "UTF-8" },
		{ "overlong dot", "/\xc0\xae\xc0\xae/a", "UTF-8" },
		{ "overlong of two", "/\xc1\xbf", "UTF-8" },
		{ "overlong of three", "/\xe0\x80\x80", "UTF-8" },
		{ "longest overlong of three", "/\xe0\x9f\xbf", "UTF-8" },
		{ "overlong of four", "/\xf0\x80\x80\x80", "UTF-8" },
		{ "longest overlong of four", "/\xf0\x8f\xbf\xbf", "UTF-8" },
		{ "first surrogate", "/\xed\xa0\x80", "UTF-8" },
		{ "last surrogate", "/\xed\xbf\xbf", "UTF-8" },
		{ "pair of surrogates", "/\xed\xa0\xbd\xed\xb3\xb7", "UTF-8" },
		{ "over U+10FFFF", "/\xf4\x90\x80\x80", "UTF-8" },
		{ "five bytes", "/\xf8\x88\x80\x80\x80", "UTF-8" },
		{ "F5", "/\xf5\x80\x80\x80", "UTF-8" },
		{ "FE", "/\xfe", "UTF-8" },
		{ "FF", "/\xff", "UTF-8" },
		{ "one of two", "/\xc3", "UTF-8" },
		{ "one of three", "/\xe5", "UTF-8" },
		{ "two of three", "/\xe5\x86", "UTF-8" },
		{ "three of four", "/\xf0\x9f\x93", "UTF-8" },
		{ "cut, then ASCII", "/\xc3(", "UTF-8" },
		{ "cut, then a slash", "/\xe5\x86/a", "UTF-8" },
		{ "cut, then another", "/\xf0\x9f\xc3\xa9", "UTF-8" },
		{ "Latin-1", "/caf\xe9", "UTF-8" },
		{ "Shift_JIS", "/\x8e\xca\x90^", "UTF-8" },
	};
	struct site site = make_site(NULL, NULL, false);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		print_message("%s\n", rows[i].name);
		expect_key(&site, span_of(rows[i].path), NULL, rows[i].why);
	}
}

/* Each control character at each place: C0, DEL, and C1 as UTF-8. */
static void
test_key_controls(void **state)
{
	struct site site = make_site(NULL, NULL, false);

	(void)state;
	for (unsigned c = 0; c < 0xa0; c++) {
		char path[] = "/abcd";

		if (c == 0x20)
			c = 0x7f;
		for (size_t at = 1; at < 4; at++) {
			memcpy(path, "/abcd", sizeof(path));
			path[at] = (char)c;
			if (c >= 0x80) {
				path[at] = (char)0xc2;
				path[at + 1] = (char)c;
			}
			expect_key(&site, (struct span){ path, 5 }, NULL,
			    "control character");
		}
	}
}

static void
test_key_length(void **state)
{
	static const struct {
		const char *name;
		size_t prefix_len;
		const char *unit;
		size_t units;
		bool fits;
	} rows[] = {
		{ "1024", 0, "a", 1024, true },
		{ "1025", 0, "a", 1025, false },
		{ "1024 with prefix", 24, "a", 1000, true },
		{ "1025 with prefix", 25, "a", 1000, false },
		{ "all but one is prefix", 1023, "a", 1, true },
		{ "all is prefix", 1024, "a", 1, false },
		{ "1023 in threes", 0, "\xe5\x86\x99", 341, true },
		{ "1024 in threes", 1, "\xe5\x86\x99", 341, true },
		{ "1026 in threes", 0, "\xe5\x86\x99", 342, false },
		{ "1024 in fours", 0, "\xf0\x9f\x93\xb7", 256, true },
		{ "far over", 0, "a", 65000, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char *prefix = mem_zero(rows[i].prefix_len + 1, 1), *key;
		struct site site = make_site(NULL, prefix, false);
		struct buf path;

		print_message("%s\n", rows[i].name);
		memset(prefix, 'p', rows[i].prefix_len);
		buf_init(&path, 70000);
		assert_true(buf_add_char(&path, '/'));
		for (size_t n = 0; n < rows[i].units; n++)
			assert_true(buf_add_string(&path, rows[i].unit));
		key = mem_printf("%s%s", prefix, buf_string(&path) + 1);
		expect_key(
		    &site, buf_span(&path), rows[i].fits ? key : NULL, "1024");
		free(key);
		free(prefix);
		buf_fini(&path);
	}
}

/* Where strip ends, prefix begins and the path goes on: byte by byte. */
static void
test_key_joints(void **state)
{
	static const struct {
		const char *name;
		const char *strip;
		const char *prefix;
		const char *path;
		const char *key;
		const char *why;
	} rows[] = {
		{ "empty ones", "", "", "/a", "a", NULL },
		{ "strip", "images/", NULL, "/images/a", "a", NULL },
		{ "its slash", "/images/", NULL, "/images/a", "a", NULL },
		{ "only one slash of it", "//i/", NULL, "/i/a", NULL,
		    "outside" },
		{ "two slashes", "//i/", NULL, "//i/a", "a", NULL },
		{ "no slash behind", "/images", NULL, "/images/a", "/a", NULL },
		{ "in a segment", "/image", NULL, "/images/a", "s/a", NULL },
		{ "only a slash", "/", NULL, "/a", "a", NULL },
		{ "all of it", "/images/", NULL, "/images/", NULL, "empty" },
		{ "a file of all", "/a.png", NULL, "/a.png", NULL, "empty" },
		{ "all, with prefix", "/images/", "p", "/images/", NULL,
		    "empty" },
		{ "outside", "/images/", NULL, "/image/a", NULL, "outside" },
		{ "shorter", "/images/", NULL, "/images", NULL, "outside" },
		{ "another case", "/images/", NULL, "/Images/a", NULL,
		    "outside" },
		{ "deeper", "/images/", NULL, "/a/images/b", NULL, "outside" },
		{ "once only", "/a/", NULL, "/a/a/b", "a/b", NULL },
		{ "root", NULL, "p", "/", NULL, "empty" },
		{ "prefix", NULL, "p/", "/a", "p/a", NULL },
		{ "no slash behind prefix", NULL, "p", "/a", "pa", NULL },
		{ "slash before prefix", NULL, "/p/", "/a", "/p/a", NULL },
		{ "two slashes behind", NULL, "p//", "/a", "p//a", NULL },
		{ "two slashes between", NULL, "p/", "//a", "p//a", NULL },
		{ "Japanese prefix", NULL, "\xe5\x86\x99/", "/a",
		    "\xe5\x86\x99/a", NULL },
		{ "both", "/i/", "p/", "/i/a", "p/a", NULL },
		{ "both, joined", "/i/", "p", "/i/a", "pa", NULL },
		{ "out of the prefix", NULL, "p/", "/../a", NULL, "segment" },
		{ "out of strip", "/i/", NULL, "/i/../a", NULL, "segment" },
		{ "strip makes dots", "/a", NULL, "/a../b", NULL, "segment" },
		{ "strip makes a dot", "/a", NULL, "/a./b", NULL, "segment" },
		{ "strip hides dots", "/..", NULL, "/../b", NULL, "segment" },
		{ "prefix hides dots", NULL, "x", "/../b", NULL, "segment" },
		{ "prefix makes a dot", NULL, ".", "//b", NULL, "segment" },
		{ "prefix makes dots", NULL, ".", "/./b", NULL, "segment" },
		{ "prefix makes dots of a name", NULL, ".", "/.", NULL,
		    "segment" },
		{ "dot prefix", NULL, ".", "/a", ".a", NULL },
		{ "cut character", "\xe5", NULL, "/\xe5\x86\x99", NULL,
		    "UTF-8" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct site site =
		    make_site(rows[i].strip, rows[i].prefix, false);

		print_message("%s\n", rows[i].name);
		expect_key(
		    &site, span_of(rows[i].path), rows[i].key, rows[i].why);
	}
}

/* "soap" at the root: refused in virtual style alone. */
static void
test_key_soap(void **state)
{
	static const struct {
		const char *prefix;
		const char *path;
		const char *key;
		bool is_refused;
	} rows[] = {
		{ NULL, "/soap", "soap", true },
		{ NULL, "/soap/a.png", "soap/a.png", true },
		{ NULL, "/soap//a", "soap//a", true },
		{ NULL, "/soapy", "soapy", false },
		{ NULL, "/soap.png", "soap.png", false },
		{ NULL, "/Soap", "Soap", false },
		{ NULL, "/a/soap", "a/soap", false },
		{ NULL, "//soap", "/soap", false },
		{ NULL, "/soa", "soa", false },
		{ "soap/", "/a", "soap/a", true },
		{ "so", "/ap", "soap", true },
		{ "soap", "/y", "soapy", false },
		{ "p/", "/soap", "p/soap", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct site path = make_site(NULL, rows[i].prefix, false);
		struct site host = make_site(NULL, rows[i].prefix, true);

		print_message("%s\n", rows[i].path);
		expect_key(&path, span_of(rows[i].path), rows[i].key, NULL);
		expect_key(&host, span_of(rows[i].path),
		    rows[i].is_refused ? NULL : rows[i].key, "soap");
	}
}

enum {
	AUTO = SITE_ADDRESSING_AUTO,
	PATH = SITE_ADDRESSING_PATH,
	VIRTUAL = SITE_ADDRESSING_VIRTUAL,
};

/* 63 and 64 bytes: the greatest label of a host's name, and one more. */
#define LABEL_63 \
	"a23456789b123456789c123456789d123456789e123456789f123456789g123"
#define LABEL_64 LABEL_63 "4"

/* Settings that are right: the style, the host and the URL of the key k. */
static void
test_targets(void **state)
{
	static const struct {
		const char *name;
		const char *bucket;
		const char *endpoint;
		int addressing;
		const char *region;
		const char *host;
		const char *url;
	} rows[] = {
		{ "AWS", "bucket", NULL, AUTO, "us-east-1",
		    "bucket.s3.us-east-1.amazonaws.com",
		    "https://bucket.s3.us-east-1.amazonaws.com/k" },
		{ "AWS, path", "bucket", NULL, PATH, "us-east-1",
		    "s3.us-east-1.amazonaws.com",
		    "https://s3.us-east-1.amazonaws.com/bucket/k" },
		{ "AWS, virtual", "bucket", NULL, VIRTUAL, "ap-northeast-1",
		    "bucket.s3.ap-northeast-1.amazonaws.com",
		    "https://bucket.s3.ap-northeast-1.amazonaws.com/k" },
		{ "China", "bucket", NULL, AUTO, "cn-north-1",
		    "bucket.s3.cn-north-1.amazonaws.com.cn",
		    "https://bucket.s3.cn-north-1.amazonaws.com.cn/k" },
		{ "China, path", "bucket", NULL, PATH, "cn-northwest-1",
		    "s3.cn-northwest-1.amazonaws.com.cn",
		    "https://s3.cn-northwest-1.amazonaws.com.cn/bucket/k" },
		{ "not quite China", "bucket", NULL, PATH, "cnn-1",
		    "s3.cnn-1.amazonaws.com",
		    "https://s3.cnn-1.amazonaws.com/bucket/k" },
		{ "GovCloud", "bucket", NULL, PATH, "us-gov-west-1",
		    "s3.us-gov-west-1.amazonaws.com",
		    "https://s3.us-gov-west-1.amazonaws.com/bucket/k" },
		{ "dotted name", "internal-gyazo.example.com", NULL, AUTO,
		    "us-east-1", "s3.us-east-1.amazonaws.com",
		    "https://s3.us-east-1.amazonaws.com/"
		    "internal-gyazo.example.com/k" },
		{ "dotted name, virtual", "a.bc", NULL, VIRTUAL, "us-east-1",
		    "a.bc.s3.us-east-1.amazonaws.com",
		    "https://a.bc.s3.us-east-1.amazonaws.com/k" },
		{ "old name", "My_Bucket", NULL, AUTO, "us-east-1",
		    "s3.us-east-1.amazonaws.com",
		    "https://s3.us-east-1.amazonaws.com/My_Bucket/k" },
		{ "longest label", LABEL_63, NULL, AUTO, "us-east-1",
		    LABEL_63 ".s3.us-east-1.amazonaws.com",
		    "https://" LABEL_63 ".s3.us-east-1.amazonaws.com/k" },
		{ "too long a label", LABEL_64, NULL, AUTO, "us-east-1",
		    "s3.us-east-1.amazonaws.com",
		    "https://s3.us-east-1.amazonaws.com/" LABEL_64 "/k" },
		{ "endpoint", "bucket", "http://s3.example.com", AUTO,
		    "us-east-1", "s3.example.com",
		    "http://s3.example.com/bucket/k" },
		{ "endpoint, virtual", "bucket", "https://s3.example.com",
		    VIRTUAL, "us-east-1", "bucket.s3.example.com",
		    "https://bucket.s3.example.com/k" },
		{ "endpoint, virtual, port", "bucket",
		    "http://s3.localhost:7480", VIRTUAL, "us-east-1",
		    "bucket.s3.localhost:7480",
		    "http://bucket.s3.localhost:7480/k" },
		{ "endpoint in China", "bucket", "https://minio", AUTO,
		    "cn-north-1", "minio", "https://minio/bucket/k" },
		{ "slash behind", "bucket", "http://s3.example.com/", AUTO,
		    "us-east-1", "s3.example.com",
		    "http://s3.example.com/bucket/k" },
		{ "slash behind a port", "bucket", "http://h:7480/", AUTO,
		    "us-east-1", "h:7480", "http://h:7480/bucket/k" },
		{ "port", "bucket", "https://h:9000", AUTO, "us-east-1",
		    "h:9000", "https://h:9000/bucket/k" },
		{ "port 80 of http", "bucket", "http://h:80", AUTO, "us-east-1",
		    "h", "http://h/bucket/k" },
		{ "port 443 of https", "bucket", "https://h:443", AUTO,
		    "us-east-1", "h", "https://h/bucket/k" },
		{ "port 443 of http", "bucket", "http://h:443", AUTO,
		    "us-east-1", "h:443", "http://h:443/bucket/k" },
		{ "port 80 of https", "bucket", "https://h:80", AUTO,
		    "us-east-1", "h:80", "https://h:80/bucket/k" },
		{ "greatest port", "bucket", "http://h:65535", AUTO,
		    "us-east-1", "h:65535", "http://h:65535/bucket/k" },
		{ "port with zeros", "bucket", "http://h:0080", AUTO,
		    "us-east-1", "h", "http://h/bucket/k" },
		{ "capitals", "bucket", "HTTP://S3.Example.COM:81", AUTO,
		    "us-east-1", "s3.example.com:81",
		    "http://s3.example.com:81/bucket/k" },
		{ "underscore", "bucket", "http://minio_1:9000", AUTO,
		    "us-east-1", "minio_1:9000",
		    "http://minio_1:9000/bucket/k" },
		{ "IPv4", "bucket", "http://127.0.0.1:7480", AUTO, "us-east-1",
		    "127.0.0.1:7480", "http://127.0.0.1:7480/bucket/k" },
		{ "IPv6", "bucket", "http://[::1]:7480", AUTO, "us-east-1",
		    "[::1]:7480", "http://[::1]:7480/bucket/k" },
		{ "IPv6, no port", "bucket", "https://[2001:DB8::1]/", AUTO,
		    "us-east-1", "[2001:db8::1]",
		    "https://[2001:db8::1]/bucket/k" },
		{ "dotted name, endpoint, virtual", "a.bc", "https://h",
		    VIRTUAL, "us-east-1", "a.bc.h", "https://a.bc.h/k" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct site site = {
			.bucket = (char *)rows[i].bucket,
			.region = (char *)rows[i].region,
			.endpoint = (char *)rows[i].endpoint,
			.addressing = rows[i].addressing,
		};
		struct site_target target;
		const char *why = "";

		print_message("%s\n", rows[i].name);
		assert_null(site_resolve(&site, &why));
		assert_null(why);
		site_target_init(&target);
		/* Twice: it is cleared first. */
		for (int n = 0; n < 2; n++) {
			assert_true(site_target(&site, span_of(rows[i].region),
			    SPAN("k"), &target));
			assert_string_equal(
			    buf_string(&target.host), rows[i].host);
			assert_string_equal(
			    buf_string(&target.url), rows[i].url);
			assert_string_equal(buf_string(&target.path),
			    site.is_virtual ? "/k"
					    : strstr(rows[i].url + 8, "/"));
		}
		site_target_fini(&target);
	}
}

static void
test_settings_refused(void **state)
{
	static const struct {
		const char *name; /* of the setting, with what is wrong */
		const char *bucket;
		const char *endpoint;
		int addressing;
		const char *region;
		const char *why; /* NULL: anything */
	} rows[] = {
		{ "bucket", NULL, NULL, AUTO, "us-east-1", NULL },
		{ "bucket", "", NULL, AUTO, "us-east-1", NULL },
		{ "bucket", "ab", NULL, AUTO, "us-east-1", NULL },
		{ "bucket", ".abc", NULL, AUTO, "us-east-1", NULL },
		{ "bucket", "abc.", NULL, AUTO, "us-east-1", NULL },
		{ "bucket", "a..b", NULL, AUTO, "us-east-1", NULL },
		{ "bucket", "...", NULL, AUTO, "us-east-1", NULL },
		{ "bucket", "a/bc", NULL, AUTO, "us-east-1", NULL },
		{ "bucket", "a bc", NULL, AUTO, "us-east-1", NULL },
		{ "bucket", "a%bc", NULL, AUTO, "us-east-1", NULL },
		{ "bucket", "a:bc", NULL, AUTO, "us-east-1", NULL },
		{ "bucket", "abc\n", NULL, AUTO, "us-east-1", NULL },
		{ "bucket", "caf\xc3\xa9", NULL, AUTO, "us-east-1", NULL },
		{ "bucket", LABEL_64 LABEL_64 LABEL_64 LABEL_64, NULL, AUTO,
		    "us-east-1", NULL },
		{ "region", "bucket", NULL, AUTO, NULL, NULL },
		{ "region", "bucket", NULL, AUTO, "", NULL },
		{ "region", "bucket", NULL, AUTO, "US", NULL },
		{ "region", "bucket", NULL, AUTO, "us.east", NULL },
		{ "endpoint", "bucket", "", AUTO, "us-east-1", NULL },
		{ "endpoint", "bucket", "h", AUTO, "us-east-1", NULL },
		{ "endpoint", "bucket", "//h", AUTO, "us-east-1", NULL },
		{ "endpoint", "bucket", "ftp://h", AUTO, "us-east-1",
		    "begin with" },
		{ "endpoint", "bucket", "http:/h", AUTO, "us-east-1", NULL },
		{ "endpoint", "bucket", " http://h", AUTO, "us-east-1", NULL },
		{ "endpoint", "bucket", "http://", AUTO, "us-east-1", NULL },
		{ "endpoint", "bucket", "http:///", AUTO, "us-east-1", NULL },
		{ "endpoint", "bucket", "http://:80", AUTO, "us-east-1", NULL },
		{ "endpoint", "bucket", "http://h//", AUTO, "us-east-1", NULL },
		{ "endpoint", "bucket", "http://h/path", AUTO, "us-east-1",
		    "a path" },
		{ "endpoint", "bucket", "http://h/path/", AUTO, "us-east-1",
		    NULL },
		{ "endpoint", "bucket", "http://h?q", AUTO, "us-east-1",
		    "a path" },
		{ "endpoint", "bucket", "http://h/?q", AUTO, "us-east-1",
		    NULL },
		{ "endpoint", "bucket", "http://h#f", AUTO, "us-east-1",
		    "a path" },
		{ "endpoint", "bucket", "http://u@h", AUTO, "us-east-1",
		    "a user's name" },
		{ "endpoint", "bucket", "http://u:p@h", AUTO, "us-east-1",
		    "a user's name" },
		{ "endpoint", "bucket", "http://h:", AUTO, "us-east-1", NULL },
		{ "endpoint", "bucket", "http://h:0", AUTO, "us-east-1",
		    "a port" },
		{ "endpoint", "bucket", "http://h:65536", AUTO, "us-east-1",
		    NULL },
		{ "endpoint", "bucket", "http://h:+80", AUTO, "us-east-1",
		    NULL },
		{ "endpoint", "bucket", "http://h:8a", AUTO, "us-east-1",
		    NULL },
		{ "endpoint", "bucket", "http://h:80:81", AUTO, "us-east-1",
		    NULL },
		{ "endpoint", "bucket", "http://h h", AUTO, "us-east-1",
		    "no host" },
		{ "endpoint", "bucket", "http://h\n", AUTO, "us-east-1", NULL },
		{ "endpoint", "bucket", "http://h%41", AUTO, "us-east-1",
		    NULL },
		{ "endpoint", "bucket", "http://h\\a", AUTO, "us-east-1",
		    NULL },
		{ "endpoint", "bucket", "http://.h", AUTO, "us-east-1", NULL },
		{ "endpoint", "bucket", "http://h..h", AUTO, "us-east-1",
		    NULL },
		{ "endpoint", "bucket", "http://" LABEL_64, AUTO, "us-east-1",
		    NULL },
		{ "endpoint", "bucket", "http://::1", AUTO, "us-east-1", NULL },
		{ "endpoint", "bucket", "http://[::1", AUTO, "us-east-1",
		    NULL },
		{ "endpoint", "bucket", "http://[]", AUTO, "us-east-1", NULL },
		{ "endpoint", "bucket", "http://[h]", AUTO, "us-east-1", NULL },
		{ "endpoint", "bucket", "http://[127.0.0.1]", AUTO, "us-east-1",
		    NULL },
		{ "endpoint", "bucket", "http://[::1]80", AUTO, "us-east-1",
		    NULL },
		{ "endpoint", "bucket", "http://[::1]:", AUTO, "us-east-1",
		    NULL },
		{ "endpoint", "bucket", "http://[fe80::1%25eth0]", AUTO,
		    "us-east-1", NULL },
		{ "endpoint", "bucket", "http://[::1]]", AUTO, "us-east-1",
		    NULL },
		{ "addressing", "bucket", "http://127.0.0.1", VIRTUAL,
		    "us-east-1", "virtual" },
		{ "addressing", "bucket", "http://[::1]:80", VIRTUAL,
		    "us-east-1", "virtual" },
		{ "addressing", "My-Bucket", NULL, VIRTUAL, "us-east-1", NULL },
		{ "addressing", "my_bucket", NULL, VIRTUAL, "us-east-1", NULL },
		{ "addressing", "-bucket", NULL, VIRTUAL, "us-east-1", NULL },
		{ "addressing", "bucket-", NULL, VIRTUAL, "us-east-1", NULL },
		{ "addressing", "a.-b", NULL, VIRTUAL, "us-east-1", NULL },
		{ "addressing", LABEL_64, NULL, VIRTUAL, "us-east-1", NULL },
		{ "addressing", LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63,
		    NULL, VIRTUAL, "us-east-1", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct site site = {
			.bucket = (char *)rows[i].bucket,
			.region = (char *)rows[i].region,
			.endpoint = (char *)rows[i].endpoint,
			.addressing = rows[i].addressing,
		};
		const char *why = NULL, *wrong = site_resolve(&site, &why);

		print_message("%s: %s\n", rows[i].name,
		    rows[i].endpoint != NULL     ? rows[i].endpoint
			: rows[i].bucket != NULL ? rows[i].bucket
						 : "NULL");
		assert_non_null(wrong);
		assert_string_equal(wrong, rows[i].name);
		assert_non_null(why);
		if (rows[i].why != NULL)
			assert_non_null(strstr(why, rows[i].why));
	}
}

static void
test_texts_refused(void **state)
{
	static const struct {
		const char *strip;
		const char *prefix;
		const char *cache_control;
		const char *wrong;
	} rows[] = {
		{ NULL, NULL, NULL, NULL },
		{ "/images/", "p/", "public, max-age=60", NULL },
		{ "\xe5\x86\x99/", "\xe5\x86\x99", "", NULL },
		{ NULL, ".", NULL, NULL },
		{ NULL, "a/..", NULL, NULL },
		{ "a\nb", NULL, NULL, "strip" },
		{ "\xff", NULL, NULL, "strip" },
		{ NULL, "a\tb", NULL, "prefix" },
		{ NULL, "\xc2\x85", NULL, "prefix" },
		{ NULL, "\xc3", NULL, "prefix" },
		{ NULL, "./", NULL, "prefix" },
		{ NULL, "../a", NULL, "prefix" },
		{ NULL, "a/../", NULL, "prefix" },
		{ NULL, NULL, "a\r\nSet-Cookie: b", "cache_control" },
		{ NULL, NULL, "\xe5\x86\x99", "cache_control" },
		{ NULL, NULL, "a\x7f", "cache_control" },
	};
	struct site site;
	const char *why, *wrong;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		site = make_site(rows[i].strip, rows[i].prefix, false);
		site.cache_control = (char *)rows[i].cache_control;
		wrong = site_resolve(&site, &why);
		if (rows[i].wrong == NULL) {
			assert_null(wrong);
			continue;
		}
		assert_non_null(wrong);
		assert_string_equal(wrong, rows[i].wrong);
		assert_non_null(why);
	}
}

/* strip and prefix may be as long as a key, and no longer. */
static void
test_texts_too_long(void **state)
{
	char text[SITE_KEY_MAX + 2] = "";
	struct site strip = make_site(text, NULL, false);
	struct site prefix = make_site(NULL, text, false);
	const char *why;

	(void)state;
	memset(text, 'x', SITE_KEY_MAX);
	assert_null(site_resolve(&strip, &why));
	assert_null(site_resolve(&prefix, &why));
	text[SITE_KEY_MAX] = 'x';
	assert_string_equal(site_resolve(&strip, &why), "strip");
	assert_string_equal(site_resolve(&prefix, &why), "prefix");
}

static void
test_region(void **state)
{
	static const struct {
		const char *text;
		bool is_region;
	} rows[] = {
		{ "us-east-1", true },
		{ "auto", true },
		{ "default", true },
		{ "1", true },
		{ "abcdefghijklmnopqrstuvwxyz012345", true },
		{ "abcdefghijklmnopqrstuvwxyz0123456", false },
		{ "", false },
		{ "US", false },
		{ "us_east", false },
		{ "us.east", false },
		{ "us/east", false },
		{ "us-east-1\n", false },
		{ "evil.example/", false },
		{ "caf\xc3\xa9", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(
		    site_is_region(span_of(rows[i].text)), rows[i].is_region);
	assert_false(site_is_region(span_of(NULL)));
	assert_false(site_is_region(SPAN("us\0east")));
}

/* The longest of everything fits; what is no region, or over SITE_KEY_MAX,
 * does not. */
static void
test_target_limits(void **state)
{
	static const char region[] = "abcdefghijklmnopqrstuvwxyz012345";
	char bucket[256], key[SITE_KEY_MAX + 1];
	char endpoint[] =
	    "https://" LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63 ":65535";
	struct site site = {
		.bucket = bucket,
		.region = (char *)region,
		.endpoint = endpoint,
		.addressing = SITE_ADDRESSING_PATH,
	};
	struct site_target target;
	const char *why;

	(void)state;
	/* 63 * 4 + 3 is 255: two less is the longest host. */
	memmove(endpoint + 8, endpoint + 10, sizeof(endpoint) - 10);
	memset(bucket, 'b', 255);
	bucket[255] = '\0';
	memset(key, ' ', sizeof(key));
	site_target_init(&target);
	assert_null(site_resolve(&site, &why));
	assert_true(site_target(&site, SPAN("us-east-1"),
	    (struct span){ key, SITE_KEY_MAX }, &target));
	assert_int_equal(target.path.len, 2 + 255 + 3 * SITE_KEY_MAX);
	assert_int_equal(target.host.len, 253 + 6);
	assert_false(site_target(&site, SPAN("us-east-1"),
	    (struct span){ key, SITE_KEY_MAX + 1 }, &target));
	memset(key, 'k', sizeof(key));
	assert_false(site_target(&site, SPAN("us-east-1"),
	    (struct span){ key, SITE_KEY_MAX + 1 }, &target));
	assert_false(site_target(&site, SPAN("Evil/"), SPAN("k"), &target));
	assert_false(site_target(&site, SPAN(""), SPAN("k"), &target));

	/* Virtual on AWS: the longest bucket that resolves fits as well. */
	site.endpoint = NULL;
	site.addressing = SITE_ADDRESSING_VIRTUAL;
	for (size_t len = 3; len < 255; len++) {
		memset(bucket, 'b', len);
		for (size_t dot = 60; dot + 1 < len; dot += 60)
			bucket[dot] = '.';
		bucket[len] = '\0';
		if (site_resolve(&site, &why) == NULL) {
			assert_true(site_target(
			    &site, span_of(region), SPAN("k"), &target));
			assert_true(target.host.len <= 253);
		}
	}
	site_target_fini(&target);
}

static void
test_fini(void **state)
{
	struct site site = {
		.name = mem_string("name"),
		.bucket = mem_string("bucket"),
		.region = mem_string("region"),
		.endpoint = mem_string("endpoint"),
		.ca_file = mem_string("ca"),
		.strip = mem_string("strip"),
		.prefix = mem_string("prefix"),
		.cache_control = mem_string("no-cache"),
		.own = { mem_string("i"), mem_string("s"), mem_string("t") },
		.profile = mem_string("profile"),
		.role_arn = mem_string("arn"),
		.role_session_name = mem_string("session"),
		.external_id = mem_string("id"),
		.web_identity_token_file = mem_string("file"),
		.sts_endpoint = mem_string("sts"),
		.credentials_source = mem_string("site"),
	};

	(void)state;
	/* Twice: nothing is left to be freed again. */
	for (int i = 0; i < 2; i++) {
		site_fini(&site);
		assert_null(site.name);
		assert_null(site.bucket);
		assert_null(site.region);
		assert_null(site.endpoint);
		assert_null(site.ca_file);
		assert_null(site.strip);
		assert_null(site.prefix);
		assert_null(site.cache_control);
		assert_null(site.own.access_key_id);
		assert_null(site.own.secret_access_key);
		assert_null(site.own.session_token);
		assert_null(site.profile);
		assert_null(site.role_arn);
		assert_null(site.role_session_name);
		assert_null(site.external_id);
		assert_null(site.web_identity_token_file);
		assert_null(site.sts_endpoint);
		assert_null(site.credentials_source);
	}
}

/* Marsaglia's xorshift64: the same numbers on every machine. */
static uint32_t
next_random(uint64_t *state, uint32_t limit)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return ((uint32_t)(*state >> 32) % limit);
}

/* The code point at *AT, which goes on behind it; -1 where there is none.
 * By value, not by ranges of bytes as in src/. */
static int32_t
next_code(struct span text, size_t *at)
{
	static const int32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	uint8_t lead = (uint8_t)text.data[(*at)++];
	int32_t code = lead;
	int more = 0;

	if (lead >= 0x80) {
		while (more < 3 && (lead << (more + 1) & 0x80) != 0)
			more++;
		if (more == 0 || lead >= 0xf8)
			return (-1);
		code = lead & (0x3f >> more);
	}
	for (int i = 0; i < more; i++) {
		if (*at == text.len || ((uint8_t)text.data[*at] >> 6) != 2)
			return (-1);
		code = code << 6 | ((uint8_t)text.data[(*at)++] & 0x3f);
	}
	if (code < least[more] || code > 0x10ffff ||
	    (code >= 0xd800 && code <= 0xdfff))
		return (-1);
	return (code);
}

/* May KEY be asked for?  The rules read once more, with the key put between
 * slashes so that each segment looks the same. */
static bool
is_good_key(struct span key, bool is_virtual)
{
	char *text = mem_printf("/%.*s/", SPAN_ARG(key));
	bool is_good = key.len > 0 && key.len <= SITE_KEY_MAX &&
	    key.data[key.len - 1] != '/' && strlen(text) == key.len + 2 &&
	    strstr(text, "/./") == NULL && strstr(text, "/../") == NULL &&
	    !(is_virtual && strncmp(text, "/soap/", 6) == 0);

	for (size_t at = 0; is_good && at < key.len;) {
		int32_t code = next_code(key, &at);

		is_good = code >= 0x20 && !(code >= 0x7f && code <= 0x9f);
	}
	free(text);
	return (is_good);
}

/* A path of pieces that matter, or of random bytes. */
static void
make_path(uint64_t *random, struct buf *path)
{
	static const char *const pieces[] = {
		"/",
		"/",
		"/",
		".",
		"..",
		"a",
		"soap",
		"strip/",
		"%2e",
		"%00",
		" ",
		"\xe5\x86\x99",
		"\xc2\x85",
		"\xc2\xa0",
		"\xf0\x9f\x93\xb7",
		"\xed\xa0\x80",
		"\xc0\xae",
		"\x80",
		"\x7f",
		"\x1f",
	};
	uint32_t n = next_random(random, 12), wild = next_random(random, 8);

	buf_clear(path);
	assert_true(buf_add_char(path, '/'));
	if (next_random(random, 2) == 0)
		assert_true(buf_add_string(path, "strip/"));
	for (uint32_t i = 0; i < n; i++) {
		/* Few of the pieces that are refused at sight: else nothing
		 * else is tried. */
		uint32_t limit = wild == 0 ? COUNT(pieces) : 12;

		if (wild == 1)
			assert_true(
			    buf_add_char(path, (char)next_random(random, 256)));
		else
			assert_true(buf_add_string(
			    path, pieces[next_random(random, limit)]));
	}
	if (next_random(random, 64) == 0) {
		for (uint32_t i = next_random(random, 1100); i > 0; i--)
			assert_true(buf_add_char(path, 'x'));
	}
}

/* What PATH's key is by the plain reading, in KEY; false: refused. */
static bool
expect_mapping(const struct site *site, struct span path, struct buf *key)
{
	struct span rest = span_skip(path, 1), prefix = span_of(site->prefix);
	size_t strip = site->strip == NULL ? 0 : strlen(site->strip);
	char *text = mem_printf("/%.*s/", SPAN_ARG(rest));
	bool has_dots =
	    strstr(text, "/./") != NULL || strstr(text, "/../") != NULL;

	free(text);
	buf_clear(key);
	if (has_dots || rest.len <= strip ||
	    (strip > 0 && memcmp(rest.data, site->strip, strip) != 0))
		return (false);
	assert_true(buf_add_span(key, prefix));
	assert_true(buf_add_span(key, span_skip(rest, strip)));
	return (is_good_key(buf_span(key), site->is_virtual));
}

/* Decode what is sent: it must be the bucket and the key again. */
static void
expect_wire_of(const struct site *site, struct span key)
{
	struct site_target target;
	struct buf decoded, whole;

	site_target_init(&target);
	buf_init(&decoded, 4096);
	buf_init(&whole, 4096);
	assert_true(site_target(site, SPAN("us-east-1"), key, &target));
	assert_true(uri_decode(&decoded, buf_span(&target.path)));
	assert_true(site->is_virtual || buf_add_string(&whole, "/bucket"));
	assert_true(buf_add_char(&whole, '/') && buf_add_span(&whole, key));
	assert_true(span_equal(buf_span(&decoded), buf_span(&whole)));
	site_target_fini(&target);
	buf_fini(&decoded);
	buf_fini(&whole);
}

static void
test_random_paths(void **state)
{
	const struct site sites[] = {
		make_site(NULL, NULL, false),
		make_site(NULL, NULL, true),
		make_site("strip/", NULL, true),
		make_site(NULL, "p/", false),
		make_site("strip/", ".", false),
		make_site("s", "so", true),
	};
	uint64_t random = UINT64_C(0x7472797333);
	struct buf path, key, expected;
	size_t kept = 0, refused = 0;

	(void)state;
	buf_init(&path, 4096);
	buf_init(&key, SITE_KEY_MAX);
	buf_init(&expected, 4096);
	for (int i = 0; i < 20000; i++) {
		const struct site *site =
		    &sites[next_random(&random, COUNT(sites))];
		const char *why;
		bool is_kept;

		make_path(&random, &path);
		is_kept =
		    site_key(site, buf_span(&path), &key, &why) == SITE_KEY_OK;
		assert_int_equal(
		    expect_mapping(site, buf_span(&path), &expected), is_kept);
		assert_int_equal(why == NULL, is_kept);
		kept += is_kept;
		refused += !is_kept;
		if (!is_kept)
			continue;
		assert_true(span_equal(buf_span(&key), buf_span(&expected)));
		expect_wire_of(site, buf_span(&key));
	}
	print_message("%zu kept, %zu refused\n", kept, refused);
	assert_true(kept > 2000 && refused > 2000);
	buf_fini(&path);
	buf_fini(&key);
	buf_fini(&expected);
}

/* Is TEXT unreserved, % and two upper-case digits, or one of OTHERS? */
static bool
is_encoded(struct span text, const char *others)
{
	static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "abcdefghijklmnopqrstuvwxyz"
					 "0123456789-._~";

	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];

		if (c == '\0')
			return (false);
		if (c == '%') {
			if (i + 2 >= text.len ||
			    strspn(text.data + i + 1, "0123456789ABCDEF") < 2)
				return (false);
			i += 2;
		} else if (strchr(unreserved, c) == NULL &&
		    strchr(others, c) == NULL) {
			return (false);
		}
	}
	return (true);
}

/* Any bytes at all: decoded again they are what was encoded. */
static void
test_random_encoding(void **state)
{
	uint64_t random = UINT64_C(0x656e636f6465);
	char bytes[300];
	struct buf encoded, decoded;

	(void)state;
	buf_init(&encoded, 3 * sizeof(bytes));
	buf_init(&decoded, sizeof(bytes));
	for (int i = 0; i < 10000; i++) {
		struct span text = { bytes,
			next_random(&random, sizeof(bytes) + 1) };
		bool is_path = next_random(&random, 2) == 0;

		for (size_t n = 0; n < text.len; n++)
			bytes[n] = (char)next_random(&random, 256);
		buf_clear(&encoded);
		buf_clear(&decoded);
		assert_true(is_path ? uri_encode_path(&encoded, text)
				    : uri_encode_query(&encoded, text));
		assert_true(is_encoded(buf_span(&encoded), is_path ? "/" : ""));
		assert_true(uri_decode(&decoded, buf_span(&encoded)));
		assert_true(span_equal(buf_span(&decoded), text));
	}
	buf_fini(&encoded);
	buf_fini(&decoded);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_kept),
		cmocka_unit_test(test_key_refused),
		cmocka_unit_test(test_key_controls),
		cmocka_unit_test(test_key_length),
		cmocka_unit_test(test_key_joints),
		cmocka_unit_test(test_key_soap),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_settings_refused),
		cmocka_unit_test(test_texts_refused),
		cmocka_unit_test(test_texts_too_long),
		cmocka_unit_test(test_region),
		cmocka_unit_test(test_target_limits),
		cmocka_unit_test(test_fini),
		cmocka_unit_test(test_random_paths),
		cmocka_unit_test(test_random_encoding),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

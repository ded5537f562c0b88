/*
 * Paths below a root and keys (src/offload/mapping.h): both ways, by tables,
 * and that no key whatsoever leads out of the root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#include "offload/mapping.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))
#define KEY(literal)                         \
	(struct span)                        \
	{                                    \
		literal, sizeof(literal) - 1 \
	}

static struct site
make_site(const char *strip, const char *prefix)
{
	return ((struct site){
	    .bucket = (char *)"bucket",
	    .region = (char *)"us-east-1",
	    .addressing = SITE_ADDRESSING_PATH,
	    .strip = (char *)strip,
	    .prefix = (char *)prefix,
	});
}

/* A path, and the key that it has: there and back. */
static void
paths_have_keys_and_back(void **state)
{
	static const struct {
		const char *strip, *prefix, *uri, *path, *key;
	} rows[] = {
		{ NULL, NULL, "/", "a.png", "a.png" },
		{ NULL, NULL, "/", "2026/07/a.png", "2026/07/a.png" },
		{ NULL, NULL, "/img/", "a.png", "img/a.png" },
		{ "/img/", NULL, "/img/", "a.png", "a.png" },
		{ "img/", NULL, "/img/", "a.png", "a.png" },
		{ "img", NULL, "/img/", "a", "/a" },
		{ "im", NULL, "/img/", "a", "g/a" },
		{ "/img/2026/", NULL, "/img/", "2026/a", "a" },
		{ "/", NULL, "/", "a", "a" },
		{ "", "", "/", "a", "a" },
		{ NULL, "p/", "/", "a", "p/a" },
		{ NULL, "p", "/", "a", "pa" },
		{ NULL, "/p/", "/", "a", "/p/a" },
		{ "/img/", "old/", "/img/", "x/a", "old/x/a" },
		{ NULL, NULL, "/", "...", "..." },
		{ NULL, NULL, "/", ".a", ".a" },
		{ NULL, NULL, "/", "a b%20+?#&\\", "a b%20+?#&\\" },
		{ NULL, NULL, "/", "\xe3\x81\x82", "\xe3\x81\x82" },
	};
	struct buf key, path;
	const char *why;

	(void)state;
	buf_init(&key, SITE_KEY_MAX);
	buf_init(&path, MAPPING_PATH_MAX);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct site site = make_site(rows[i].strip, rows[i].prefix);

		print_message("# %s: %s\n", rows[i].uri, rows[i].path);
		assert_true(
		    mapping_key(&site, rows[i].uri, rows[i].path, &key, &why));
		assert_string_equal(buf_string(&key), rows[i].key);
		assert_true(
		    mapping_path(&site, rows[i].uri, buf_span(&key), &path));
		assert_string_equal(buf_string(&path), rows[i].path);
	}
	buf_fini(&key);
	buf_fini(&path);
}

static void
what_the_daemon_refuses_has_no_key(void **state)
{
	static const struct {
		const char *strip, *uri, *path;
	} rows[] = {
		{ NULL, "/", "" },
		{ NULL, "/", "a/" },
		{ NULL, "/", "../a" },
		{ NULL, "/", "a/./b" },
		{ NULL, "/", "a\nb" },
		{ NULL, "/", "a\xff" },
		{ NULL, "/", "\xc2\x85" },
		{ "/img/", "/", "a" },
		{ "/img/", "/img/", "" },
		{ NULL, "img/", "a" },
	};
	struct buf key;
	const char *why;

	(void)state;
	buf_init(&key, SITE_KEY_MAX);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct site site = make_site(rows[i].strip, NULL);

		why = NULL;
		assert_false(
		    mapping_key(&site, rows[i].uri, rows[i].path, &key, &why));
		assert_int_equal(key.len, 0);
		assert_non_null(why);
	}
	buf_fini(&key);
}

static void
lengths_have_their_limit(void **state)
{
	static char path[MAPPING_PATH_MAX + 2];
	struct site site = make_site("/img/", NULL);
	struct buf key;
	const char *why;

	(void)state;
	buf_init(&key, SITE_KEY_MAX);
	memset(path, 'a', SITE_KEY_MAX);
	assert_true(mapping_key(&site, "/img/", path, &key, &why));
	assert_int_equal(key.len, SITE_KEY_MAX);
	path[SITE_KEY_MAX] = 'a';
	assert_false(mapping_key(&site, "/img/", path, &key, &why));
	memset(path, 'a', MAPPING_PATH_MAX + 1);
	assert_false(mapping_key(&site, "/img/", path, &key, &why));
	assert_string_equal(why, "its path is too long");
	assert_false(mapping_prefix(&site, "/img/", path, &key, &why));
	buf_fini(&key);
}

static void
folders_have_prefixes(void **state)
{
	static const struct {
		const char *strip, *prefix, *uri, *path, *wanted;
	} rows[] = {
		{ NULL, NULL, "/", "", "" },
		{ NULL, NULL, "/", "a/b/", "a/b/" },
		{ NULL, NULL, "/img/", "", "img/" },
		{ "/img/", NULL, "/img/", "", "" },
		{ "/img/", "old/", "/img/", "a/", "old/a/" },
		{ "/img/", "old/", "/img/", "", "old/" },
		{ "/img/", NULL, "/", "", NULL },
		{ NULL, NULL, "/", "../", NULL },
	};
	struct buf prefix;
	const char *why;

	(void)state;
	buf_init(&prefix, SITE_KEY_MAX);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct site site = make_site(rows[i].strip, rows[i].prefix);
		bool is = mapping_prefix(
		    &site, rows[i].uri, rows[i].path, &prefix, &why);

		print_message("# %s: %s\n", rows[i].uri, rows[i].path);
		assert_int_equal(is, rows[i].wanted != NULL);
		if (is)
			assert_string_equal(
			    buf_string(&prefix), rows[i].wanted);
	}
	buf_fini(&prefix);
}

static void
hostile_keys_have_no_path(void **state)
{
	static const struct {
		const char *strip, *prefix, *uri;
		struct span key;
	} rows[] = {
		{ NULL, NULL, "/", KEY("") },
		{ NULL, NULL, "/", KEY("/") },
		{ NULL, NULL, "/", KEY("/etc/passwd") },
		{ NULL, NULL, "/", KEY("//etc/passwd") },
		{ NULL, NULL, "/", KEY(".") },
		{ NULL, NULL, "/", KEY("..") },
		{ NULL, NULL, "/", KEY("../a") },
		{ NULL, NULL, "/", KEY("a/../../b") },
		{ NULL, NULL, "/", KEY("a/..") },
		{ NULL, NULL, "/", KEY("a/./b") },
		{ NULL, NULL, "/", KEY("a//b") },
		{ NULL, NULL, "/", KEY("a/") },
		{ NULL, NULL, "/", KEY("a\0b") },
		{ NULL, NULL, "/", KEY("\0") },
		{ NULL, NULL, "/", KEY("a\0/../b") },
		{ NULL, NULL, "/", KEY("a\xff") },
		{ NULL, NULL, "/", KEY("\xc0\xae\xc0\xae/a") },
		{ NULL, NULL, "/", KEY("a\nb") },
		{ NULL, NULL, "/", KEY("a\x7f") },
		{ NULL, NULL, "/img/", KEY("a") },
		{ NULL, NULL, "/img/", KEY("img") },
		{ NULL, NULL, "/img/", KEY("img/") },
		{ NULL, NULL, "/img/", KEY("img//etc") },
		{ NULL, NULL, "/img/", KEY("img/../a") },
		{ NULL, "p/", "/", KEY("a") },
		{ NULL, "p/", "/", KEY("p/") },
		{ NULL, "p/", "/", KEY("p//a") },
		{ NULL, "p/", "/", KEY("p/../a") },
		/* Two dots, of which each side has one. */
		{ NULL, "p/.", "/", KEY("p/../a") },
		{ "/img/.", NULL, "/img/", KEY("./a") },
		{ "/img/.", NULL, "/img/", KEY("/a") },
		{ "/img/", NULL, "/img/", KEY("/a") },
		{ "/img/2026/", NULL, "/img/", KEY("../a") },
	};
	struct buf path;

	(void)state;
	buf_init(&path, MAPPING_PATH_MAX);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct site site = make_site(rows[i].strip, rows[i].prefix);

		print_message("# row %zu\n", i);
		assert_false(
		    mapping_path(&site, rows[i].uri, rows[i].key, &path));
	}
	buf_fini(&path);
}

/* The same in each run. */
static uint32_t
next_random(void)
{
	static uint32_t seed = 1;

	seed = seed * 1664525 + 1013904223;
	return (seed >> 8);
}

static void
expect_inside(struct span path)
{
	assert_true(path.len > 0);
	assert_null(memchr(path.data, '\0', path.len));
	while (path.data != NULL) {
		struct span part = span_cut(&path, '/');

		assert_true(part.len > 0);
		assert_false(span_equal(part, SPAN(".")));
		assert_false(span_equal(part, SPAN("..")));
	}
}

/* Many keys of what could lead elsewhere, for sites of each kind. */
static void
no_key_leads_elsewhere(void **state)
{
	static const struct span pieces[] = { KEY("/"), KEY("."), KEY(".."),
		KEY("a"), KEY("img"), KEY("img/"), KEY("p/"), KEY("\0"),
		KEY("\xff"), KEY("\xe3\x81\x82"), KEY("%2e"), KEY("\\") };
	static const char *const strips[] = { NULL, "/img/", "/img", "/img/.",
		"/" };
	static const char *const prefixes[] = { NULL, "p/", "p", "p/.", "/" };
	static const char *const uris[] = { "/", "/img/", "/img/a/" };
	struct buf key, path, again;
	const char *why;
	unsigned mapped = 0;

	(void)state;
	buf_init(&key, SITE_KEY_MAX);
	buf_init(&path, MAPPING_PATH_MAX);
	buf_init(&again, SITE_KEY_MAX);
	for (int i = 0; i < 200000; i++) {
		struct site site =
		    make_site(strips[next_random() % COUNT_OF(strips)],
			prefixes[next_random() % COUNT_OF(prefixes)]);
		const char *uri = uris[next_random() % COUNT_OF(uris)];

		buf_clear(&key);
		for (uint32_t n = next_random() % 7; n > 0; n--)
			assert_true(buf_add_span(
			    &key, pieces[next_random() % COUNT_OF(pieces)]));
		if (!mapping_path(&site, uri, buf_span(&key), &path))
			continue;
		mapped++;
		expect_inside(buf_span(&path));
		assert_true(
		    mapping_key(&site, uri, buf_string(&path), &again, &why));
		assert_true(span_equal(buf_span(&again), buf_span(&key)));
	}
	assert_true(mapped > 1000);
	buf_fini(&key);
	buf_fini(&path);
	buf_fini(&again);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_have_keys_and_back),
		cmocka_unit_test(what_the_daemon_refuses_has_no_key),
		cmocka_unit_test(lengths_have_their_limit),
		cmocka_unit_test(folders_have_prefixes),
		cmocka_unit_test(hostile_keys_have_no_path),
		cmocka_unit_test(no_key_leads_elsewhere),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

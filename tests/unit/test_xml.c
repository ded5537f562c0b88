/*
 * XML (src/base/xml.h).  A row is a document and what is seen of it: "path=text"
 * at the end of each element.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/xml.h"
#include "freed.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

struct row {
	const char *name;
	struct span document;
	bool ok;
	const char *seen;
};

static const struct row rows[] = {
	{ "one element", SPAN("<a>x</a>"), true, "a=x\n" },
	{ "nothing in it", SPAN("<a/>"), true, "a=\n" },
	{ "in each other", SPAN("<a><b>x</b><c><d>y</d></c></a>"), true,
	    "a/b=x\na/c/d=y\na/c=\na=\n" },
	{ "a text around", SPAN("<a>1<b>2<c>3</c>4</b>5<d/>6</a>"), true,
	    "a/b/c=3\na/b=24\na/d=\na=156\n" },
	{ "one after the other", SPAN("<a><b>1</b><b>2</b></a>"), true,
	    "a/b=1\na/b=2\na=\n" },
	{ "white space is text", SPAN("<a>\n <b> x\t</b>\n</a>\n"), true,
	    "a/b= x\t\na=\n \n\n" },
	{ "a declaration",
	    SPAN("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a>x</a>"), true,
	    "a=x\n" },
	{ "references", SPAN("<a>&lt;&amp;&gt;&quot;&apos;&#65;&#x3042;</a>"),
	    true, "a=<&>\"'A\xe3\x81\x82\n" },
	{ "CDATA", SPAN("<a>1<![CDATA[<b>&amp;]]>2<![CDATA[]]></a>"), true,
	    "a=1<b>&amp;2\n" },
	{ "comments and instructions",
	    SPAN("<!-- 0 --><a>1<!-- <b/> -->2<?x y?>3</a><!-- 4 -->"), true,
	    "a=123\n" },
	{ "line ends become one", SPAN("<a>1\r\n2\r3</a>"), true,
	    "a=1\n2\n3\n" },
	{ "attributes are nothing", SPAN("<a b=\"c\"><d e='f'>x</d></a>"), true,
	    "a/d=x\na=\n" },
	{ "a namespace", SPAN("<a xmlns=\"urn:x\"><b>x</b></a>"), true,
	    "a/b=x\na=\n" },
	{ "prefixes",
	    SPAN("<n:a xmlns:n=\"urn:x\"><n:b>x</n:b><c>y</c>"
		 "<m:d xmlns:m=\"u/v\" m:e=\"f\">z</m:d></n:a>"),
	    true, "a/b=x\na/c=y\na/d=z\na=\n" },
	{ "a prefix that is not declared", SPAN("<n:a>x</n:a>"), false, "" },
	{ "a namespace with a line's end",
	    SPAN("<n:a xmlns:n=\"u&#10;b\">x</n:a>"), false, "" },
	{ "no name behind the prefix", SPAN("<n: xmlns:n=\"u\">x</n:>"), false,
	    "" },
	{ "UTF-8", SPAN("<\xe3\x81\x82>\xf0\x9f\x98\x80</\xe3\x81\x82>"), true,
	    "\xe3\x81\x82=\xf0\x9f\x98\x80\n" },
	{ "Latin-1",
	    SPAN("<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>"),
	    true, "a=\xc3\xa9\n" },
	{ "UTF-16", SPAN("\xff\xfe<\0a\0>\0\x42\x30<\0/\0a\0>\0"), true,
	    "a=\xe3\x81\x82\n" },
	{ "a byte order mark", SPAN("\xef\xbb\xbf<a>x</a>"), true, "a=x\n" },
	{ "a document type", SPAN("<!DOCTYPE a><a>x</a>"), false, "" },
	{ "a document type, with entities",
	    SPAN("<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>"), false, "" },
	{ "a document type elsewhere",
	    SPAN("<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>"), false, "" },
	{ "a document type too late", SPAN("<a><!DOCTYPE a></a>"), false, "" },
	{ "an unknown entity", SPAN("<a><b>1</b>&nbsp;</a>"), false,
	    "a/b=1\n" },
	{ "broken off", SPAN("<a><b>1</b><c>2</c"), false, "a/b=1\n" },
	{ "broken off before the root's end", SPAN("<a><b>1</b>"), false,
	    "a/b=1\n" },
	{ "something behind", SPAN("<a>x</a>y"), false, "a=x\n" },
	{ "two roots", SPAN("<a/><b/>"), false, "a=\n" },
	{ "crossed", SPAN("<a><b>x</a></b>"), false, "" },
	{ "not UTF-8", SPAN("<a>\xff</a>"), false, "" },
	{ "a NUL", SPAN("<a>x\0</a>"), false, "" },
	{ "a NUL by reference", SPAN("<a>&#0;</a>"), false, "" },
	{ "an unknown encoding",
	    SPAN("<?xml version=\"1.0\" encoding=\"x-none\"?><a/>"), false,
	    "" },
	{ "nothing", SPAN(""), false, "" },
	{ "no value", { NULL, 0 }, false, "" },
	{ "blanks", SPAN(" \n"), false, "" },
	{ "text", SPAN("Service Unavailable"), false, "" },
	{ "JSON", SPAN("{\"a\": 1}"), false, "" },
};

static void
see(void *context, const char *path, struct span text)
{
	assert_true(buf_printf(context, "%s=", path));
	assert_true(buf_add_span(context, text));
	assert_true(buf_add_char(context, '\n'));
}

static void
documents_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buf seen;
		bool ok;

		buf_init(&seen, 100000);
		ok = xml_read(rows[i].document, see, &seen);
		if (ok != rows[i].ok ||
		    strcmp(buf_string(&seen), rows[i].seen) != 0)
			fail_msg("%s: %d, \"%s\"", rows[i].name, ok,
			    buf_string(&seen));
		buf_fini(&seen);
	}
}

/* Every prefix of every document, of its very length for the sanitizer to
 * watch: what is seen is how the whole begins. */
static void
a_document_may_break_off_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		for (size_t len = 0; len < rows[i].document.len; len++) {
			char *document = malloc(len > 0 ? len : 1);
			struct buf seen;

			assert_non_null(document);
			buf_init(&seen, 100000);
			memcpy(document, rows[i].document.data, len);
			(void)!xml_read(
			    (struct span){ document, len }, see, &seen);
			free(document);
			assert_true(span_starts(
			    span_of(rows[i].seen), buf_span(&seen)));
			buf_fini(&seen);
		}
}

/* Adds TEXT so often to OUT. */
static void
add_times(struct buf *out, const char *text, size_t times)
{
	for (size_t i = 0; i < times; i++)
		assert_true(buf_add_string(out, text));
}

static void
nesting_is_bounded(void **state)
{
	static const char *const innermost[] = { "", "x", "<!-- x -->" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(innermost); i++)
		for (size_t deep = 1; deep < 3000;
		     deep = deep < 20 ? deep + 1 : deep * 2) {
			bool fits = deep <= XML_DEPTH_MAX;
			struct buf document, seen;

			buf_init(&document, 100000);
			buf_init(&seen, 100000);
			add_times(&document, "<a>", deep);
			add_times(&document, innermost[i], 1);
			add_times(&document, "</a>", deep);
			assert_int_equal(
			    xml_read(buf_span(&document), see, &seen), fits);
			assert_int_equal(seen.len > 0, fits);
			buf_fini(&document);
			buf_fini(&seen);
		}
}

/* One that is empty and too deep has a start and an end in one call of
 * expat's. */
static void
an_empty_element_may_be_too_deep(void **state)
{
	struct buf document, seen;

	(void)state;
	buf_init(&document, 1000);
	buf_init(&seen, 1000);
	add_times(&document, "<a>", XML_DEPTH_MAX);
	add_times(&document, "<b/>", 1);
	add_times(&document, "</a>", XML_DEPTH_MAX);
	assert_false(xml_read(buf_span(&document), see, &seen));
	assert_int_equal(seen.len, 0);
	buf_fini(&document);
	buf_fini(&seen);
}

static void
paths_are_bounded(void **state)
{
	struct buf document, seen;

	(void)state;
	buf_init(&document, 10000);
	buf_init(&seen, 10000);
	for (size_t len = XML_PATH_MAX - 5; len < XML_PATH_MAX + 5; len++) {
		size_t rest = len - strlen("a/") - strlen("/b");

		buf_clear(&document);
		buf_clear(&seen);
		assert_true(buf_printf(&document,
		    "<a><%0*d><x/></%0*d><n%0*d><b/></n%0*d></a>", 0, 1, 0, 1,
		    (int)rest - 1, 1, (int)rest - 1, 1));
		/* A name cannot begin with a digit. */
		document.data[4] = 'c';
		document.data[strlen("<a><c><x/></")] = 'c';
		assert_int_equal(xml_read(buf_span(&document), see, &seen),
		    len <= XML_PATH_MAX);
		assert_memory_equal(buf_string(&seen), "a/c/x=\na/c=\n", 12);
		if (len <= XML_PATH_MAX)
			assert_int_equal(seen.len,
			    12 + (len + 2) + (len - 2 + 2) + strlen("a=\n"));
	}
	buf_fini(&document);
	buf_fini(&seen);
}

/* What texts of three elements became. */
struct lens {
	size_t outer, inner, last;
	bool is_right; /* only 'o' in the outer one, and so on */
};

static bool
is_all(struct span text, char c)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] != c)
			return (false);
	return (true);
}

static void
measure(void *context, const char *path, struct span text)
{
	struct lens *lens = context;

	if (strcmp(path, "o") == 0)
		lens->outer = text.len;
	else if (strcmp(path, "o/i") == 0)
		lens->inner = text.len;
	else
		lens->last = text.len;
	if (!is_all(text, path[strlen(path) - 1]))
		lens->is_right = false;
}

/* In pieces, as expat hands them over, and around an inner one. */
static void
texts_are_cut(void **state)
{
	static const struct {
		size_t before, inner, after;
	} cases[] = {
		{ 0, XML_TEXT_MAX, 0 },
		{ 0, XML_TEXT_MAX + 1, 0 },
		{ XML_TEXT_MAX - 1, 3, 1 },
		{ XML_TEXT_MAX - 1, XML_TEXT_MAX + 9, 2 },
		{ XML_TEXT_MAX, 5, 0 },
		{ 3 * XML_TEXT_MAX, 3 * XML_TEXT_MAX, 3 * XML_TEXT_MAX },
		{ 1, 5000, 60000 },
	};
	struct buf document;

	(void)state;
	buf_init(&document, 16 * XML_TEXT_MAX);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		size_t outer = cases[i].before + cases[i].after;
		size_t inner = cases[i].inner;
		struct lens lens = { .is_right = true };

		buf_clear(&document);
		add_times(&document, "<o>", 1);
		add_times(&document, "o", cases[i].before);
		add_times(&document, "<i>", 1);
		add_times(&document, "i", inner);
		add_times(&document, "</i>", 1);
		add_times(&document, "o", cases[i].after);
		add_times(&document, "<l>l</l></o>", 1);
		assert_true(xml_read(buf_span(&document), measure, &lens));
		assert_true(lens.is_right);
		assert_int_equal(
		    lens.outer, outer < XML_TEXT_MAX ? outer : XML_TEXT_MAX);
		assert_int_equal(
		    lens.inner, inner < XML_TEXT_MAX ? inner : XML_TEXT_MAX);
		assert_int_equal(lens.last, 1);
	}
	buf_fini(&document);
}

/* All that can be held at once. */
static void
texts_may_be_long_at_every_depth(void **state)
{
	struct lens lens = { .is_right = true };
	struct buf document;

	(void)state;
	buf_init(&document, 2 * XML_DEPTH_MAX * XML_TEXT_MAX);
	for (int i = 0; i < XML_DEPTH_MAX; i++) {
		add_times(&document, "<o>", 1);
		add_times(&document, "o", XML_TEXT_MAX + 1);
	}
	add_times(&document, "</o>", XML_DEPTH_MAX);
	assert_true(xml_read(buf_span(&document), measure, &lens));
	assert_true(lens.is_right);
	assert_int_equal(lens.outer, XML_TEXT_MAX);
	buf_fini(&document);
}

static void
see_nothing(void *context, const char *path, struct span text)
{
	(void)path;
	if (text.len == strlen(FREED_SECRET))
		*(bool *)context =
		    memcmp(text.data, FREED_SECRET, text.len) == 0;
}

static void
a_document_may_be_too_long_for_expat(void **state)
{
	static const size_t lens[] = { (size_t)INT_MAX + 1,
		(size_t)UINT_MAX + 1 + sizeof("<a/>") - 1 };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lens); i++)
		assert_false(xml_read(
		    (struct span){ "<a/>", lens[i] }, see_nothing, NULL));
}

/* As a text, an attribute's value, a name, in a comment; in a document that is
 * whole or breaks off; in one encoding or another. */
static void
nothing_is_left_behind(void **state)
{
#define LATIN "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>"
	static const struct span documents[] = {
		SPAN("<a>" FREED_SECRET "</a>"),
		SPAN("<a>" FREED_SECRET "<b>" FREED_SECRET FREED_SECRET
		     "</b>" FREED_SECRET "</a>"),
		SPAN(LATIN "<a>" FREED_SECRET "</a>"),
		SPAN("<a b=\"" FREED_SECRET "\">x</a>"),
		SPAN("<a xmlns=\"" FREED_SECRET "\">x</a>"),
		SPAN("<a><![CDATA[" FREED_SECRET "]]></a>"),
		SPAN("<a><b>" FREED_SECRET "</b><c"),
		SPAN("<a><b>" FREED_SECRET "&x;</b></a>"),
		SPAN("<!DOCTYPE a [<!ENTITY x \"" FREED_SECRET "\">]><a/>"),
	};
	struct buf large;
	bool is_seen = false;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(documents); i++) {
		freed_reset();
		(void)!xml_read(documents[i], see_nothing, &is_seen);
		assert_true(freed_blocks > 3);
		assert_int_equal(freed_secrets, 0);
	}
	assert_true(is_seen);
	/* Where all that expat keeps must grow. */
	buf_init(&large, 1000000);
	add_times(&large, LATIN "<a ", 1);
	for (int i = 0; i < 200; i++)
		assert_true(buf_printf(&large, "x%d='%s' ", i, FREED_SECRET));
	add_times(&large, "y='", 1);
	add_times(&large, FREED_SECRET, 3000);
	add_times(&large, "'>", 1);
	add_times(&large, FREED_SECRET, 3000);
	add_times(&large, "<b>" FREED_SECRET "</b></a>", 1);
	freed_reset();
	assert_true(xml_read(buf_span(&large), see_nothing, &is_seen));
	assert_true(freed_blocks > 10);
	assert_int_equal(freed_secrets, 0);
	buf_fini(&large);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_are_read),
		cmocka_unit_test(a_document_may_break_off_anywhere),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(an_empty_element_may_be_too_deep),
		cmocka_unit_test(paths_are_bounded),
		cmocka_unit_test(texts_are_cut),
		cmocka_unit_test(texts_may_be_long_at_every_depth),
		cmocka_unit_test(a_document_may_be_too_long_for_expat),
		cmocka_unit_test(nothing_is_left_behind),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

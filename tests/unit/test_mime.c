/*
 * Content types (src/offload/mime.h): both forms, names, and what is refused.
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
#include "offload/mime.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

static char folder[] = "/tmp/test_mime.XXXXXX";
static char *path;
static struct buf why;

static int
make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return (-1);
	path = mem_printf("%s/types", folder);
	buf_init(&why, 1000);
	return (0);
}

static int
remove_folder(void **state)
{
	(void)state;
	unlink(path);
	free(path);
	buf_fini(&why);
	return (rmdir(folder));
}

static struct mime *
load(struct span text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(text.data, 1, text.len, file), text.len);
	assert_int_equal(fclose(file), 0);
	buf_clear(&why);
	return (mime_load(path, &why));
}

struct row {
	const char *name;
	const char *type;
};

static void
check(struct mime *mime, const struct row *rows, size_t n)
{
	if (mime == NULL)
		fail_msg("%s", buf_string(&why));
	for (size_t i = 0; i < n; i++)
		if (strcmp(mime_type(mime, rows[i].name), rows[i].type) != 0)
			fail_msg("%s: %s", rows[i].name,
			    mime_type(mime, rows[i].name));
	mime_free(mime);
}

static void
lines_are_read(void **state)
{
	static const struct row rows[] = {
		{ "a.png", "image/png" },
		{ "a.jpg", "image/jpeg" },
		{ "a.jpeg", "image/jpeg" },
		{ "a.JPE", "image/jpeg" },
		{ "a.twice", "text/second" },
		{ "a.again", "text/second" },
		{ "a.last", "text/last" },
		{ "a.up", "text/Upper" },
		{ "a.}", "text/signs;" },
		{ "a.no", MIME_DEFAULT },
		{ "a.comment", MIME_DEFAULT },
		{ "a.none", MIME_DEFAULT },
		{ "a.plain", MIME_DEFAULT },
		{ "a.\xe3\x81\x82", "text/japanese" },
	};

	(void)state;
	check(load(SPAN("# image/no no\n\n"
			"image/png\tpng\n"
			"  image/jpeg  jpg jpeg\tjpe # comment\r\n"
			"text/plain\n"
			"text/first twice again twice\n"
			"text/second again TWICE\n"
			"text/Upper UP\n"
			"text/japanese \xe3\x81\x82\n"
			"text/signs; }\n"
			"#none\n"
			"text/last last")),
	    rows, COUNT_OF(rows));
}

static void
blocks_are_read(void **state)
{
	static const struct row rows[] = {
		{ "a.png", "image/png" },
		{ "a.jpg", "image/jpeg" },
		{ "a.jpeg", "image/jpeg" },
		{ "a.html", "text/html; charset=utf-8" },
		{ "a.css", "text/css" },
		{ "a.twice", "text/second" },
		{ "a.no", MIME_DEFAULT },
		{ "a.more", "text/more" },
		{ "a.jpg;", MIME_DEFAULT },
	};

	(void)state;
	check(load(SPAN("# Types.\n\ntypes {\n"
			"    image/png png;# text/no no;\n"
			"    image/jpeg\n\tjpg\n\tJPEG ;\n"
			"    \"text/html; charset=utf-8\" html htm;\n"
			"    'text/css' css;text/first twice;\n"
			"    text/second twice;\n"
			"    text/nothing;\n"
			"}\ntypes{text/more more;}")),
	    rows, COUNT_OF(rows));
}

static void
names_have_extensions_as_nginx_has_it(void **state)
{
	static const struct row rows[] = {
		{ "a.png", "image/png" },
		{ "/i/a.png", "image/png" },
		{ "a.b.png", "image/png" },
		{ "..png", "image/png" },
		{ ".a.png", "image/png" },
		{ ".png", MIME_DEFAULT },
		{ "i/.png", MIME_DEFAULT },
		{ "i.png/a", MIME_DEFAULT },
		{ "i.png/", MIME_DEFAULT },
		{ "a.png.", MIME_DEFAULT },
		{ "a.png ", MIME_DEFAULT },
		{ "a.pngx", MIME_DEFAULT },
		{ "a.pn", MIME_DEFAULT },
		{ "png", MIME_DEFAULT },
		{ ".", MIME_DEFAULT },
		{ "", MIME_DEFAULT },
	};
	char name[1000];
	struct mime *mime;

	(void)state;
	check(load(SPAN("image/png png")), rows, COUNT_OF(rows));
	mime = load(SPAN(""));
	assert_non_null(mime);
	assert_string_equal(mime_type(mime, "a.png"), MIME_DEFAULT);
	memset(name, 'a', sizeof(name));
	name[1] = '.';
	name[sizeof(name) - 1] = '\0';
	assert_string_equal(mime_type(mime, name), MIME_DEFAULT);
	mime_free(mime);
}

static void
what_is_neither_form_is_refused(void **state)
{
	static const struct {
		struct span text;
		const char *why;
	} rows[] = {
		{ SPAN("image/png png\ntext/caf\xc3\xa9 x\n"), "line 2" },
		{ SPAN("text/x\x01y x\n"), "printable ASCII" },
		{ SPAN("text/x\x7fy x\n"), "printable ASCII" },
		{ SPAN("text/\0 x\n"), "printable ASCII" },
		{ SPAN("\n\npng image/png\n"), "line 3" },
		{ SPAN("/png png\n"), "none" },
		{ SPAN("image/ png\n"), "none" },
		{ SPAN("types {\ninclude x;\n}"), "include" },
		{ SPAN("types {\ntext/x x;\n"), "missing" },
		{ SPAN("types {\ntext/x x\n}"), "missing" },
		{ SPAN("types {\ntext/x { x; }"), "missing" },
		{ SPAN("types { ; }"), "stands" },
		{ SPAN("types { \"text/x x; }"), "quote" },
		{ SPAN("types { \"text/x\ny\" x; }"), "printable" },
		{ SPAN("types text/x x;"), "types {" },
		{ SPAN("types { text/x x; } }"), "types {" },
		{ SPAN("types { text/x x; } server { }"), "types {" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (load(rows[i].text) != NULL)
			fail_msg("taken: %.*s", SPAN_ARG(rows[i].text));
		if (strstr(buf_string(&why), rows[i].why) == NULL ||
		    strstr(buf_string(&why), path) == NULL ||
		    strstr(buf_string(&why), "/etc/nginx/mime.types") == NULL)
			fail_msg("%.*s: %s", SPAN_ARG(rows[i].text),
			    buf_string(&why));
	}
}

static void
what_is_no_file_of_types_is_refused(void **state)
{
	static char large[MIME_FILE_MAX + 1];

	(void)state;
	memset(large, '\n', sizeof(large));
	mime_free(load((struct span){ large, MIME_FILE_MAX }));
	assert_int_equal(why.len, 0);
	assert_null(load((struct span){ large, MIME_FILE_MAX + 1 }));
	assert_non_null(strstr(buf_string(&why), "larger"));

	unlink(path);
	buf_clear(&why);
	assert_null(mime_load(path, &why));
	assert_non_null(strstr(buf_string(&why), "No such file"));
	assert_non_null(strstr(buf_string(&why), "media-types"));

	assert_int_equal(mkfifo(path, 0600), 0);
	buf_clear(&why);
	assert_null(mime_load(path, &why));
	assert_non_null(strstr(buf_string(&why), "regular"));
	buf_clear(&why);
	assert_null(mime_load(folder, &why));
	assert_non_null(strstr(buf_string(&why), "regular"));
	unlink(path);
	mime_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_read),
		cmocka_unit_test(blocks_are_read),
		cmocka_unit_test(names_have_extensions_as_nginx_has_it),
		cmocka_unit_test(what_is_neither_form_is_refused),
		cmocka_unit_test(what_is_no_file_of_types_is_refused),
	};

	return (cmocka_run_group_tests(tests, make_folder, remove_folder));
}

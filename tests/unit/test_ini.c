/*
 * Files of name = value (src/base/ini.h).  A row is a file and what is seen
 * of it: "LINE[section]" for a head, "LINE section/name=value" for a value.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/ini.h"
#include "memcheck.h"

static char path[4096];

static int
set_up(void **state)
{
	const char *folder = getenv("TMPDIR");
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/test_ini.XXXXXX",
	    folder == NULL ? "/tmp" : folder);
	fd = mkstemp(path);
	return (fd < 0 ? -1 : close(fd));
}

static int
tear_down(void **state)
{
	(void)state;
	return (unlink(path));
}

static void
write_file(struct span text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text.data, 1, text.len, file), text.len);
	assert_int_equal(fclose(file), 0);
}

struct seen {
	struct buf text;
	unsigned stop_at; /* the line at which to return false; 0: none */
};

static bool
see(void *context, const struct ini_line *line)
{
	struct seen *seen = context;
	bool fits;

	if (line->name == NULL)
		fits = buf_printf(
		    &seen->text, "%u[%s]\n", line->number, line->section);
	else
		fits = buf_printf(&seen->text, "%u %s/%s=%s\n", line->number,
		    line->section, line->name, line->value);
	assert_true(fits);
	return (line->number != seen->stop_at);
}

struct row {
	const char *name;
	struct span file;
	const char *seen;
	enum ini_result result;
	unsigned line; /* where RESULT is not INI_OK */
};

#define GOOD(name, file, seen)                    \
	{                                         \
		name, SPAN(file), seen, INI_OK, 0 \
	}
#define BAD(name, file, seen, line)                         \
	{                                                   \
		name, SPAN(file), seen, INI_MALFORMED, line \
	}

static const struct row rows[] = {
	GOOD("empty file", "", ""),
	GOOD("only a newline", "\n", ""),
	GOOD("one value", "a = b\n", "1 /a=b\n"),
	GOOD("no newline at the end", "a = b", "1 /a=b\n"),
	GOOD("no blanks", "a=b\n", "1 /a=b\n"),
	GOOD("tabs", "\ta\t=\tb\t\n", "1 /a=b\n"),
	GOOD("a head", "[s]\na=b\n", "1[s]\n2 s/a=b\n"),
	GOOD("a head with a blank", "[site main]\n", "1[site main]\n"),
	GOOD("blanks in the brackets", "[ site main\t]\n", "1[site main]\n"),
	GOOD("a head, indented", "  [s]\n  a = b\n", "1[s]\n2 s/a=b\n"),
	GOOD("a head, comment", "[s] ; why\n", "1[s]\n"),
	GOOD("a head that looks like a value", "[a=b]\n", "1[a=b]\n"),
	GOOD("a head with a colon", "[a:b]\n", "1[a:b]\n"),
	GOOD("heads repeated", "[s]\n[t]\n[s]\n", "1[s]\n2[t]\n3[s]\n"),
	GOOD("case is kept", "[S]\nNaMe = VaLue\n", "1[S]\n2 S/NaMe=VaLue\n"),
	GOOD("comments", "# a = b\n; c = d\n  # e\n\t; f\ng = h\n", "5 /g=h\n"),
	GOOD("a comment of one byte", "#\n;\n", ""),
	GOOD("blank lines count", "\n \n\t\na = b\n", "4 /a=b\n"),
	GOOD("inline comment", "a = b ; c = d\n", "1 /a=b\n"),
	GOOD("inline comment, tab", "a = b\t; c\n", "1 /a=b\n"),
	GOOD("semicolon in a value", "a = b;c\n", "1 /a=b;c\n"),
	GOOD("semicolon first in a value", "a =;c\n", "1 /a=;c\n"),
	GOOD("hash in a value", "a = b # c\n", "1 /a=b # c\n"),
	GOOD("empty value", "a =\nb=\n", "1 /a=\n2 /b=\n"),
	GOOD("empty value, comment", "a = ; c\n", "1 /a=\n"),
	GOOD("equal signs in a value", "a = b=c==\n", "1 /a=b=c==\n"),
	GOOD("colons in a value", "listen = unix:/run/x.sock\n",
	    "1 /listen=unix:/run/x.sock\n"),
	GOOD("brackets in a value", "listen = [::1]:9000\n",
	    "1 /listen=[::1]:9000\n"),
	GOOD("blanks in a value", "a = b  c\td\n", "1 /a=b  c\td\n"),
	GOOD("blanks in a name", "a b = c\n", "1 /a b=c\n"),
	GOOD("quotes are bytes", "a = \"b\"\n", "1 /a=\"b\"\n"),
	GOOD(
	    "UTF-8", "\xe3\x81\x82 = \xc3\xa9\n", "1 /\xe3\x81\x82=\xc3\xa9\n"),
	GOOD("an indented line continues nothing", "a = b\n  c = d\n",
	    "1 /a=b\n2 /c=d\n"),
	GOOD("nested as the AWS tools do", "[default]\ns3 =\n  max = 1\n",
	    "1[default]\n2 default/s3=\n3 default/max=1\n"),
	GOOD("CRLF", "[s]\r\na = b\r\n\r\n", "1[s]\n2 s/a=b\n"),
	GOOD("byte order mark", "\xef\xbb\xbf[s]\na = b\n", "1[s]\n2 s/a=b\n"),
	GOOD("byte order mark alone", "\xef\xbb\xbf", ""),
	GOOD("byte order mark before a comment", "\xef\xbb\xbf# c\n", ""),
	GOOD("byte order mark later is a name",
	    "a=b\n\xef\xbb\xbf"
	    "c=d\n",
	    "1 /a=b\n2 /\xef\xbb\xbf"
	    "c=d\n"),
	BAD("no equal sign", "a = b\nword\nc = d\n", "1 /a=b\n", 2),
	BAD("a colon separates nothing", "name: value\n", "", 1),
	BAD("a colon before the equal sign", "na:me = value\n", "", 1),
	BAD("no name", "= value\n", "", 1),
	BAD("a colon, then an equal sign", "name: a = b\n", "", 1),
	BAD("a colon first", ":a = b\n", "", 1),
	BAD("only a colon for a name", ": = b\n", "", 1),
	BAD("no name, indented", "a=b\n  = value\n", "1 /a=b\n", 2),
	BAD("the equal sign in a comment", "name ; = value\n", "", 1),
	BAD("an indented word continues nothing", "a = b\n  c\n", "1 /a=b\n",
	    2),
	BAD("head without an end", "[s\n", "", 1),
	BAD("head with nothing at all", "[", "", 1),
	BAD("head with its end in a comment", "[s ; ]\n", "", 1),
	BAD("head without a name", "[]\n", "", 1),
	BAD("head of blanks", "[ \t ]\n", "", 1),
	BAD("something behind a head", "[s] a = b\n", "", 1),
	BAD("two ends of a head", "[s]]\n", "", 1),
	BAD("a NUL in a value", "a = b\0c\n", "", 1),
	BAD("a NUL in a comment", "a = b\n#\0\n", "1 /a=b\n", 2),
	BAD("a NUL at the end", "a = b\n\0", "1 /a=b\n", 2),
};

/* SEEN from the line on that is not as in EXPECTED. */
static const char *
differing(const struct buf *seen, const char *expected)
{
	const char *text = buf_string(seen);
	size_t at = 0;

	while (text[at] != '\0' && text[at] == expected[at])
		at++;
	while (at > 0 && text[at - 1] != '\n')
		at--;
	return (text + at);
}

static void
expect(const struct row *row, unsigned stop_at)
{
	struct seen seen = { .stop_at = stop_at };
	enum ini_result result;
	unsigned line = 12345;

	buf_init(&seen.text, 1 << 20);
	write_file(row->file);
	result = ini_read(path, see, &seen, &line);
	if (strcmp(buf_string(&seen.text), row->seen) != 0)
		fail_msg("%s: result %d at line %u, saw ...%s", row->name,
		    (int)result, line, differing(&seen.text, row->seen));
	if (result != row->result || (result != INI_OK && line != row->line))
		fail_msg(
		    "%s: result %d at line %u", row->name, (int)result, line);
	buf_fini(&seen.text);
}

static void
lines_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		expect(&rows[i], 0);
}

static void
the_handler_can_stop(void **state)
{
	const struct row at_value = { "at a value", SPAN("a=1\n\nb=2\nc=3\n"),
		"1 /a=1\n3 /b=2\n", INI_STOPPED, 3 };
	const struct row at_head = { "at a head", SPAN("[s]\n[t]\na=1\n"),
		"1[s]\n2[t]\n", INI_STOPPED, 2 };

	(void)state;
	expect(&at_value, 3);
	expect(&at_head, 2);
}

/* Add LEN bytes that look like a value: words, blanks, and what might be
 * taken for a comment. */
static void
add_pattern(struct buf *out, size_t len)
{
	static const char pattern[] = "FwoGZXIvYXdzEJr//+;x #y =; a:b;;#[z]";

	for (size_t i = 0; i < len; i++)
		assert_true(buf_add_char(out,
		    i + 1 == len ? '$' : pattern[i % (sizeof(pattern) - 1)]));
}

/* Every length around the 200 bytes that inih reads, with what could go wrong
 * standing at every place. */
static void
a_line_may_have_any_length(void **state)
{
	static const char *const ends[] = { "", " ; comment", "\t;", "   \r" };
	struct buf file, seen;
	struct row row = { "lengths", { NULL, 0 }, NULL, INI_OK, 0 };
	unsigned line = 1;

	(void)state;
	buf_init(&file, 1 << 24);
	buf_init(&seen, 1 << 20);
	for (size_t len = 1; len < 640; len++, line++) {
		assert_true(
		    buf_printf(&file, "%*s = ", (int)(len % 7 + 1), "name"));
		assert_true(buf_printf(&seen, "%u /name=", line));
		add_pattern(&file, len);
		add_pattern(&seen, len);
		assert_true(buf_printf(&file, "%s\n", ends[len % 4]));
		assert_true(buf_add_char(&seen, '\n'));
	}
	row.file = buf_span(&file);
	row.seen = buf_string(&seen);
	expect(&row, 0);
	buf_fini(&file);
	buf_fini(&seen);
}

static void
a_head_may_have_any_length(void **state)
{
	struct buf file, seen;
	struct row row = { "heads", { NULL, 0 }, NULL, INI_OK, 0 };

	(void)state;
	buf_init(&file, 1 << 20);
	buf_init(&seen, 1 << 20);
	for (int len = 1; len < 500; len += 7) {
		assert_true(buf_printf(&file, "[%0*d] ; head\n", len, 1));
		assert_true(
		    buf_printf(&seen, "%d[%0*d]\n", len / 7 + 1, len, 1));
	}
	row.file = buf_span(&file);
	row.seen = buf_string(&seen);
	expect(&row, 0);
	buf_fini(&file);
	buf_fini(&seen);
}

static void
add_fill(struct buf *out, char fill, size_t count)
{
	for (size_t n = 0; n < count; n++)
		assert_true(buf_add_char(out, fill));
}

/* A line: HEAD, COUNT times FILL, TAIL. */
struct long_line {
	const char *name;
	const char *head;
	char fill;
	size_t count;
	const char *tail;
	const char *seen; /* NULL: malformed */
};

static void
long_lines_keep_their_rules(void **state)
{
	static const struct long_line lines[] = {
		{ "a long comment", "# ", 'x', 9000, "", "" },
		{ "a long comment behind a value", "a = b ; ", '#', 9000, "",
		    "1 /a=b\n" },
		{ "a comment far off", "a = b", ' ', 9000, "; c", "1 /a=b\n" },
		{ "blanks to the end", "a = b", ' ', 9000, "", "1 /a=b\n" },
		{ "nothing but blanks", "a =", '\t', 9000, "", "1 /a=\n" },
		{ "blanks before a value", "a =", ' ', 9000, "b", "1 /a=b\n" },
		{ "blanks before all", "", ' ', 9000, "a = b", "1 /a=b\n" },
		{ "blanks before a name's end", "a", ' ', 150, "= b",
		    "1 /a=b\n" },
		{ "a head, then blanks", "[s]", ' ', 9000, "; c", "1[s]\n" },
		{ "a head, blanks inside", "[", ' ', 9000, "s]", "1[s]\n" },
		{ "a name that is too long", "", 'n', 300, " = v", NULL },
		{ "no equal sign", "", 'n', 300, "", NULL },
		{ "a head without an end", "[", 'n', 300, "", NULL },
		{ "one byte too many", "a=", 'v', INI_LINE_LEN - 1, "", NULL },
		{ "a comment that is too long", "#", 'v', INI_LINE_LEN, "",
		    NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		const struct long_line *line = &lines[i];
		struct row row = { line->name, { NULL, 0 }, line->seen, INI_OK,
			0 };
		struct buf file;

		buf_init(&file, 1 << 16);
		assert_true(buf_add_string(&file, line->head));
		add_fill(&file, line->fill, line->count);
		assert_true(buf_printf(&file, "%s\n", line->tail));
		row.file = buf_span(&file);
		if (row.seen == NULL) {
			row.seen = "";
			row.result = INI_MALFORMED;
			row.line = 1;
		}
		expect(&row, 0);
		buf_fini(&file);
	}
}

/* A run of the same byte inside a value stays, wherever the line is cut. */
static void
runs_inside_a_value_stay(void **state)
{
	static const char runs[] = " \t;#=:[]";

	(void)state;
	for (const char *run = runs; *run != '\0'; run++)
		for (size_t len = 180; len < 220; len++) {
			struct row row = { "run", { NULL, 0 }, NULL, INI_OK,
				0 };
			struct buf file, seen;

			buf_init(&file, 1000);
			buf_init(&seen, 1000);
			assert_true(buf_add_string(&file, "a = b"));
			add_fill(&file, *run, len);
			assert_true(buf_add_string(&file, "c ; d\n"));
			assert_true(buf_add_string(&seen, "1 /a=b"));
			add_fill(&seen, *run, len);
			assert_true(buf_add_string(&seen, "c\n"));
			row.file = buf_span(&file);
			row.seen = buf_string(&seen);
			expect(&row, 0);
			buf_fini(&file);
			buf_fini(&seen);
		}
}

static void
a_line_of_the_greatest_length_is_read(void **state)
{
	struct buf file, seen;
	struct row row = { "greatest", { NULL, 0 }, NULL, INI_OK, 0 };

	(void)state;
	buf_init(&file, 1 << 16);
	buf_init(&seen, 1 << 16);
	assert_true(buf_add_string(&file, "a="));
	assert_true(buf_add_string(&seen, "1 /a="));
	add_pattern(&file, INI_LINE_LEN - 2);
	add_pattern(&seen, INI_LINE_LEN - 2);
	assert_true(buf_add_char(&seen, '\n'));
	row.file = buf_span(&file);
	row.seen = buf_string(&seen);
	expect(&row, 0);
	buf_fini(&file);
	buf_fini(&seen);
}

static void
what_cannot_be_read_says_why(void **state)
{
	struct seen seen = { .stop_at = 0 };
	unsigned line = 7;

	(void)state;
	buf_init(&seen.text, 100);
	errno = 0;
	assert_int_equal(
	    ini_read("/nonexistent/file", see, &seen, &line), INI_UNREADABLE);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(line, 0);
	errno = 0;
	line = 7;
	assert_int_equal(ini_read("/", see, &seen, &line), INI_UNREADABLE);
	assert_int_equal(errno, EISDIR);
	assert_int_equal(line, 0);
	assert_int_equal(seen.text.len, 0);
	buf_fini(&seen.text);
}

static void
no_descriptor_is_left(void **state)
{
	struct seen seen = { .stop_at = 1 };
	unsigned line;
	int before = open("/dev/null", O_RDONLY | O_CLOEXEC), after;

	(void)state;
	assert_int_equal(close(before), 0);
	buf_init(&seen.text, 100);
	write_file(SPAN("a=b\n"));
	assert_int_equal(ini_read(path, see, &seen, &line), INI_STOPPED);
	write_file(SPAN("bad\n"));
	assert_int_equal(ini_read(path, see, &seen, &line), INI_MALFORMED);
	after = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(after, before);
	assert_int_equal(close(after), 0);
	buf_fini(&seen.text);
}

static bool
ignore(void *context, const struct ini_line *line)
{
	(void)context;
	(void)line;
	return (true);
}

/* Reads a file whose value is LEN times C, from a frame that is gone when it
 * returns. */
static __attribute__((__noinline__)) void
read_value(char c, size_t len)
{
	static char text[400];
	unsigned line;

	memcpy(text, "name = ", 7);
	memset(text + 7, c, len);
	text[7 + len] = '\n';
	write_file((struct span){ text, len + 8 });
	memset(text, 0, sizeof(text));
	assert_int_equal(ini_read(path, ignore, NULL, &line), INI_OK);
}

/* The most of C in a row that stands on the stack below us. */
static __attribute__((__noinline__)) size_t
longest_run_below(char c)
{
	static char bytes[8192];
	char *here = __builtin_frame_address(0);
	int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	size_t run = 0, longest = 0;

	assert_int_equal(pread(memory, bytes, sizeof(bytes),
			     (off_t)(uintptr_t)(here - sizeof(bytes))),
	    sizeof(bytes));
	close(memory);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		run = bytes[i] == c ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	return (longest);
}

/* What inih read, and we did: a value may be a secret. */
static void
no_value_is_left_on_the_stack(void **state)
{
	static const size_t lens[] = { 70, 150, 300 };

	(void)state;
	if (is_under_memcheck())
		return;
	/* The dynamic linker saves registers when it first finds a function:
	 * let it find them all. */
	read_value('x', 300);
	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		read_value((char)('Q' + i), lens[i]);
		assert_true(longest_run_below((char)('Q' + i)) < 64);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    lines_are_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    the_handler_can_stop, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_line_may_have_any_length, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_head_may_have_any_length, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    long_lines_keep_their_rules, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    runs_inside_a_value_stay, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_line_of_the_greatest_length_is_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    what_cannot_be_read_says_why, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    no_value_is_left_on_the_stack, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    no_descriptor_is_left, set_up, tear_down),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

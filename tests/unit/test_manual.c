/*
 * doc/trys3.conf.5 against the table of settings (src/config/table.h): each row
 * has its item in its section, with its default, its values and its variables,
 * and there is no item without a row.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "config/table.h"

enum { PAGE_MAX = 256 * 1024 };

static struct buf page;

static int
read_page(void **state)
{
	const char *top = getenv("srcdir_abs");
	char *path = mem_printf("%s/doc/trys3.conf.5", top != NULL ? top : ".");
	FILE *file = fopen(path, "re");
	int c;

	(void)state;
	if (file == NULL) {
		print_error("cannot read %s: is srcdir_abs set?\n", path);
		free(path);
		return (-1);
	}
	buf_init(&page, PAGE_MAX);
	while ((c = getc(file)) != EOF)
		if (!buf_add_char(&page, (char)c))
			break;
	fclose(file);
	free(path);
	return (c == EOF ? 0 : -1);
}

static int
free_page(void **state)
{
	(void)state;
	buf_fini(&page);
	return (0);
}

/* An item of the page: its section, its name, and its lines. */
struct item {
	char section[16];
	struct span name;
	struct span text;
};

static bool
line_is(struct span text, const char *line)
{
	while (text.data != NULL)
		if (span_equal(span_cut(&text, '\n'), span_of(line)))
			return (true);
	return (false);
}

/* ".Ss Section [site NAME]" to "site"; other subsections to "". */
static void
note_section(struct span title, char section[16])
{
	static const struct span head = SPAN("Section [");
	struct span word;

	section[0] = '\0';
	if (!span_starts(title, head))
		return;
	title = span_skip(title, head.len);
	word = span_cut(&title, ']');
	word = span_cut(&word, ' ');
	snprintf(section, 16, "%.*s", SPAN_ARG(word));
}

/* Take the next item off *REST; SECTION goes on from call to call. */
static bool
next_item(struct span *rest, char section[16], struct item *item)
{
	static const struct span it = SPAN(".It Ic "), ss = SPAN(".Ss "),
				 sh = SPAN(".Sh ");
	struct span line;

	while (rest->data != NULL) {
		line = span_cut(rest, '\n');
		if (span_starts(line, sh))
			section[0] = '\0';
		else if (span_starts(line, ss))
			note_section(span_skip(line, ss.len), section);
		else if (span_starts(line, it) && section[0] != '\0')
			break;
	}
	if (rest->data == NULL)
		return (false);
	memcpy(item->section, section, 16);
	item->name = span_skip(line, it.len);
	item->text = *rest;
	for (struct span ahead = *rest; ahead.data != NULL;) {
		item->text.len = (size_t)(ahead.data - item->text.data);
		line = span_cut(&ahead, '\n');
		if (span_starts(line, SPAN(".It")) ||
		    span_starts(line, SPAN(".El")))
			break;
	}
	return (true);
}

static bool
is_of(const struct item *item, const struct config_option *option)
{
	return (strcmp(item->section, option->section) == 0 &&
	    span_equal(item->name, span_of(option->name)));
}

/* Are all of OPTION's variables, and none else, named behind "Environment:"? */
static bool
names_variables(const struct item *item, const struct config_option *option)
{
	struct span wanted = span_of(option->variables), text = item->text;
	struct span line, name, rest;

	while (text.data != NULL &&
	    !span_equal(span_cut(&text, '\n'), SPAN("Environment:")))
		;
	while (text.data != NULL) {
		line = span_cut(&text, '\n');
		if (!span_starts(line, SPAN(".Ev ")))
			continue;
		rest = span_skip(line, 4);
		name = span_cut(&rest, ' ');
		if (!span_equal(span_cut(&wanted, ' '), name))
			return (false);
	}
	return (wanted.len == 0);
}

/* The line of the default STANDARD; folders are those of a system's package.
 * The caller's. */
static char *
default_line(const char *standard)
{
	static const struct span var = SPAN(LOCALSTATEDIR);

	if (*standard == '\0')
		return (mem_string("Default: none."));
	if (span_starts(span_of(standard), var))
		return (mem_printf("Default: /var%s.", standard + var.len));
	return (mem_printf("Default: %s.", standard));
}

static bool
check_item(const struct item *item, const struct config_option *option)
{
	const char *standard = option->standard;
	char *values = mem_printf("Values: %s.", option->values);
	char *defaults = default_line(standard);
	bool is_right = true;

	if (!line_is(item->text, values)) {
		print_error("[%s] %s lacks the line \"%s\"\n", option->section,
		    option->name, values);
		is_right = false;
	}
	if (!line_is(item->text, defaults)) {
		print_error("[%s] %s lacks the line \"%s\"\n", option->section,
		    option->name, defaults);
		is_right = false;
	}
	if (!names_variables(item, option)) {
		print_error("[%s] %s has other variables than \"%s\"\n",
		    option->section, option->name, option->variables);
		is_right = false;
	}
	free(values);
	free(defaults);
	return (is_right);
}

static void
every_row_has_its_item(void **state)
{
	const struct config_option *option;
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; (option = config_option(i)) != NULL; i++) {
		struct span rest = buf_span(&page);
		char section[16] = "";
		struct item item;
		unsigned found = 0;

		while (next_item(&rest, section, &item))
			if (is_of(&item, option)) {
				found++;
				wrong += !check_item(&item, option);
			}
		if (found != 1) {
			print_error("[%s] %s has %u items\n", option->section,
			    option->name, found);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

static void
every_item_has_its_row(void **state)
{
	struct span rest = buf_span(&page);
	char section[16] = "";
	unsigned items = 0, rows = 0;
	struct item item;

	(void)state;
	while (next_item(&rest, section, &item)) {
		const struct config_option *option;
		size_t i = 0;

		while ((option = config_option(i)) != NULL &&
		    !is_of(&item, option))
			i++;
		if (option == NULL)
			print_error("[%s] %.*s is no setting\n", item.section,
			    SPAN_ARG(item.name));
		assert_non_null(option);
		items++;
	}
	while (config_option(rows) != NULL)
		rows++;
	assert_int_equal(items, rows);
}

static void
every_row_tells_all(void **state)
{
	const struct config_option *option;
	size_t i;

	(void)state;
	for (i = 0; (option = config_option(i)) != NULL; i++) {
		assert_non_null(option->section);
		assert_non_null(option->variables);
		assert_non_null(option->standard);
		assert_true(strlen(option->name) > 0);
		assert_true(strlen(option->values) > 0);
		assert_int_equal(option->help[strlen(option->help) - 1], '.');
	}
	assert_true(i > 30);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_tells_all),
		cmocka_unit_test(every_row_has_its_item),
		cmocka_unit_test(every_item_has_its_row),
	};

	return (cmocka_run_group_tests(tests, read_page, free_page));
}

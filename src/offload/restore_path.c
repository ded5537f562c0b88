/*
 * Paths that were written by a human: see restore_path.h.
 */
#include "offload/restore_path.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "offload/mapping.h"

/* Add the components of TEXT to PATH, which begins with "/" unless it is
 * empty. */
static void
add_components(struct buf *path, const char *text)
{
	struct span rest = span_of(text);
	bool fits = true;

	while (rest.data != NULL && fits) {
		struct span part = span_cut(&rest, '/');

		if (part.len == 0 || span_equal(part, SPAN(".")))
			continue;
		if (!span_equal(part, SPAN(".."))) {
			fits =
			    buf_add_char(path, '/') && buf_add_span(path, part);
			continue;
		}
		while (path->len > 0 && path->data[path->len - 1] != '/')
			path->len--;
		if (path->len > 0)
			path->len--;
		if (path->data != NULL)
			path->data[path->len] = '\0';
	}
	if (!fits)
		buf_clear(path);
}

char *
restore_path(const char *root, const char *cwd, const char *path)
{
	size_t len = strlen(path), root_len = strlen(root);
	bool is_named_folder = len > 0 && path[len - 1] == '/';
	char *below = NULL;
	struct buf whole;

	buf_init(&whole, MAPPING_PATH_MAX);
	if (path[0] != '/')
		add_components(&whole, cwd);
	add_components(&whole, path);
	if (strcmp(buf_string(&whole), root) == 0)
		below = mem_string("");
	else if (whole.len > root_len &&
	    strncmp(buf_string(&whole), root, root_len) == 0 &&
	    whole.data[root_len] == '/')
		below = mem_printf("%s%s", whole.data + root_len + 1,
		    is_named_folder ? "/" : "");
	buf_fini(&whole);
	return (below);
}

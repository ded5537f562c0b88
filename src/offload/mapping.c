/*
 * Paths and keys: see mapping.h.  The way back is by what the way there does,
 * and then gone once more, so that the two cannot disagree.
 */
#include "offload/mapping.h"

#include <string.h>

bool
mapping_key(const struct site *site, const char *uri, const char *path,
    struct buf *key, const char **why)
{
	struct buf whole;
	bool has_key;

	*why = "its path is too long";
	buf_init(&whole, MAPPING_PATH_MAX);
	has_key = buf_add_string(&whole, uri) && buf_add_string(&whole, path) &&
	    site_key(site, buf_span(&whole), key, why) == SITE_KEY_OK;
	buf_fini(&whole);
	return (has_key);
}

bool
mapping_prefix(const struct site *site, const char *uri, const char *path,
    struct buf *prefix, const char **why)
{
	struct buf inside;
	bool has_key;

	/* Any name will do: it stands at the end, and is taken off again. */
	buf_init(&inside, MAPPING_PATH_MAX);
	*why = "its path is too long";
	has_key = buf_printf(&inside, "%sx", path) &&
	    mapping_key(site, uri, buf_string(&inside), prefix, why);
	buf_fini(&inside);
	if (has_key) {
		prefix->len--;
		prefix->data[prefix->len] = '\0';
	}
	return (has_key);
}

/* TEXT without FRONT (NULL: nothing) at its front; false where it has not
 * that. */
static bool
take_off(struct span *text, const char *front)
{
	struct span span = front != NULL ? span_of(front) : SPAN("");

	if (!span_starts(*text, span))
		return (false);
	*text = span_skip(*text, span.len);
	return (true);
}

/* The key of PATH is KEY. */
static bool
is_key_of(
    const struct site *site, const char *uri, const char *path, struct span key)
{
	const char *why;
	struct buf other;
	bool is_same;

	buf_init(&other, SITE_KEY_MAX);
	is_same = mapping_key(site, uri, path, &other, &why) &&
	    span_equal(buf_span(&other), key);
	buf_fini(&other);
	return (is_same);
}

/* No file has a path with an empty component, nor one that begins at "/". */
static bool
is_path(struct span text)
{
	while (text.data != NULL)
		if (span_cut(&text, '/').len == 0)
			return (false);
	return (true);
}

bool
mapping_path(
    const struct site *site, const char *uri, struct span key, struct buf *path)
{
	const char *strip = site->strip != NULL ? site->strip : "";
	struct span rest = key;
	struct buf whole;
	bool is_found;

	buf_clear(path);
	buf_init(&whole, MAPPING_PATH_MAX);
	is_found = take_off(&rest, site->prefix) &&
	    buf_printf(&whole, "/%s", strip + (strip[0] == '/')) &&
	    buf_add_span(&whole, rest);
	rest = buf_span(&whole);
	is_found = is_found && memchr(rest.data, '\0', rest.len) == NULL &&
	    take_off(&rest, uri) && is_path(rest) && buf_add_span(path, rest) &&
	    is_key_of(site, uri, buf_string(path), key);
	buf_fini(&whole);
	return (is_found);
}

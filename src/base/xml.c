/*
 * XML: see xml.h.
 *
 * The text of the elements that are open lies in one buffer, as a stack: what
 * an inner element added is taken off at its end, so that the outer one's text
 * goes on where it stopped.  The path grows and shrinks along with it.
 *
 * What could make expat work hard is not allowed at all: no document type,
 * hence no entities of the document's own; nesting is bounded, and with it what
 * is kept.  To search the bytes for "<Code>" would have been shorter, and
 * fooled by a message that holds it.
 */
#include "base/xml.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#include <expat.h>

#include "base/mem.h"

/* What expat puts between the URI of a namespace and a name; in no name. */
#define SEPARATOR '\n'

/* An element that is open. */
struct element {
	size_t path_len;   /* of the path without it */
	size_t text_start; /* where its text begins */
};

struct reading {
	XML_Parser parser;
	xml_handler *handler;
	void *context;
	struct buf path;
	struct buf text;
	struct element open[XML_DEPTH_MAX];
	size_t depth;
	bool is_refused; /* expat may call us once more after that */
};

static void
refuse(struct reading *reading)
{
	reading->is_refused = true;
	XML_StopParser(reading->parser, XML_FALSE);
}

/* NAME without the URI of its namespace. */
static const char *
local_name(const char *name)
{
	const char *behind = strrchr(name, SEPARATOR);

	return (behind != NULL ? behind + 1 : name);
}

static void
start_element(void *context, const XML_Char *name, const XML_Char **attributes)
{
	struct reading *reading = context;
	struct buf *path = &reading->path;
	struct element element = { path->len, reading->text.len };

	(void)attributes;
	if (reading->is_refused)
		return;
	if (reading->depth == XML_DEPTH_MAX ||
	    (path->len > 0 && !buf_add_char(path, '/')) ||
	    !buf_add_string(path, local_name(name))) {
		refuse(reading);
		return;
	}
	reading->open[reading->depth++] = element;
}

static void
add_text(void *context, const XML_Char *text, int len)
{
	struct reading *reading = context;
	size_t room, count = (size_t)len;
	bool fits;

	assert(reading->depth > 0 && "text is inside of the root");
	room = XML_TEXT_MAX -
	    (reading->text.len - reading->open[reading->depth - 1].text_start);
	fits = buf_add(&reading->text, text, count < room ? count : room);
	assert(fits);
}

static void
end_element(void *context, const XML_Char *name)
{
	struct reading *reading = context;
	const struct element *element;

	(void)name;
	if (reading->is_refused)
		return;
	element = &reading->open[--reading->depth];
	reading->handler(reading->context, buf_string(&reading->path),
	    span_skip(buf_span(&reading->text), element->text_start));
	reading->path.len = element->path_len;
	reading->text.len = element->text_start;
}

static void
refuse_doctype(void *context, const XML_Char *name, const XML_Char *system_id,
    const XML_Char *public_id, int has_internal_subset)
{
	(void)name;
	(void)system_id;
	(void)public_id;
	(void)has_internal_subset;
	refuse(context);
}

static bool
parse(struct reading *reading, struct span document)
{
	XML_SetUserData(reading->parser, reading);
	XML_SetElementHandler(reading->parser, start_element, end_element);
	XML_SetCharacterDataHandler(reading->parser, add_text);
	XML_SetStartDoctypeDeclHandler(reading->parser, refuse_doctype);
	return (XML_Parse(reading->parser, document.data, (int)document.len,
		    XML_TRUE) == XML_STATUS_OK);
}

bool
xml_read(struct span document, xml_handler *handler, void *context)
{
	static const XML_Memory_Handling_Suite memory = {
		.malloc_fcn = mem_alloc,
		.realloc_fcn = mem_wipe_resize,
		.free_fcn = mem_wipe_free,
	};
	static const char separator[] = { SEPARATOR, '\0' };
	struct reading reading = { .handler = handler, .context = context };
	bool ok;

	if (document.len > INT_MAX)
		return (false);
	reading.parser = XML_ParserCreate_MM(NULL, &memory, separator);
	if (reading.parser == NULL)
		return (false);
	buf_init(&reading.path, XML_PATH_MAX);
	buf_init_secret(&reading.text, XML_DEPTH_MAX * XML_TEXT_MAX);
	ok = parse(&reading, document);
	XML_ParserFree(reading.parser);
	buf_fini(&reading.path);
	buf_fini(&reading.text);
	return (ok);
}

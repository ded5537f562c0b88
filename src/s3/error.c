/*
 * What S3 says when it refuses: see error.h.
 *
 * expat calls us for each element; only <Error> and its own children count
 * (in an <ErrorResponse>, as STS writes it, <RequestId> stands beside).  A
 * text is kept when its element ends, so that a body that breaks off leaves
 * no half of a code.  What could make expat work hard is not allowed at all:
 * no document type, hence no entities of the body's own; bodies and nesting
 * are bounded.  To search the bytes for "<Code>" would have been shorter, and
 * fooled by a message that holds it.
 */
#include "s3/error.h"

#include <stdlib.h>
#include <string.h>

#include <expat.h>

#include "base/mem.h"
#include "base/parse.h"

/* S3's errors are two or three deep. */
enum { DEPTH_MAX = 16 };

struct reading {
	XML_Parser parser;
	struct s3_error *error;
	int depth;           /* elements that are open */
	int error_depth;     /* of <Error>; 0: we are outside of it */
	int text_depth;      /* of the element whose text is read; 0: none */
	bool is_in_response; /* the root is <ErrorResponse> */
	bool has_error;      /* there was an <Error> */
	char text[256];      /* cut */
	size_t text_len;
};

void
s3_error_init(struct s3_error *error)
{
	*error = (struct s3_error){ .object_size = -1 };
}

static void
start_element(void *context, const XML_Char *name, const XML_Char **attributes)
{
	struct reading *reading = context;
	int depth = ++reading->depth;
	bool is_child;

	(void)attributes;
	if (depth > DEPTH_MAX) {
		XML_StopParser(reading->parser, XML_FALSE);
		return;
	}
	if (depth == 1)
		reading->is_in_response = strcmp(name, "ErrorResponse") == 0;
	if ((depth == 1 || (depth == 2 && reading->is_in_response)) &&
	    strcmp(name, "Error") == 0) {
		reading->error_depth = depth;
		reading->has_error = true;
		return;
	}
	if (reading->error_depth > 0)
		is_child = depth == reading->error_depth + 1;
	else
		is_child = depth == 2 && reading->is_in_response &&
		    strcmp(name, "RequestId") == 0;
	if (is_child) {
		reading->text_depth = depth;
		reading->text_len = 0;
	}
}

static void
add_text(void *context, const XML_Char *text, int len)
{
	struct reading *reading = context;
	size_t room = sizeof(reading->text) - reading->text_len;
	size_t count = (size_t)len < room ? (size_t)len : room;

	if (reading->text_depth == 0 || reading->depth != reading->text_depth)
		return;
	memcpy(reading->text + reading->text_len, text, count);
	reading->text_len += count;
}

/* Put TEXT into FIELD, which holds SIZE bytes, unless something is there; what
 * is too long is cut between two characters. */
static void
keep(char *field, size_t size, struct span text)
{
	if (field[0] != '\0')
		return;
	if (text.len >= size) {
		text.len = size - 1;
		while (text.len > 0 && (text.data[text.len] & 0xc0) == 0x80)
			text.len--;
	}
	memcpy(field, text.data, text.len);
	field[text.len] = '\0';
}

static void
keep_text(struct s3_error *error, const char *name, struct span text)
{
	uint64_t size;

	if (strcmp(name, "Code") == 0)
		keep(error->code, sizeof(error->code), text);
	else if (strcmp(name, "Message") == 0)
		keep(error->message, sizeof(error->message), text);
	else if (strcmp(name, "RequestId") == 0)
		keep(error->request_id, sizeof(error->request_id), text);
	else if (strcmp(name, "Region") == 0)
		keep(error->region, sizeof(error->region), text);
	else if (strcmp(name, "ActualObjectSize") == 0 &&
	    error->object_size < 0 && parse_number(text, 0, INT64_MAX, &size))
		error->object_size = (int64_t)size;
}

static void
end_element(void *context, const XML_Char *name)
{
	struct reading *reading = context;
	int depth = reading->depth--;

	if (depth == reading->text_depth) {
		keep_text(reading->error, name,
		    (struct span){ reading->text, reading->text_len });
		reading->text_depth = 0;
	}
	if (depth == reading->error_depth)
		reading->error_depth = 0;
}

static void
refuse_doctype(void *context, const XML_Char *name, const XML_Char *system_id,
    const XML_Char *public_id, int has_internal_subset)
{
	struct reading *reading = context;

	(void)name;
	(void)system_id;
	(void)public_id;
	(void)has_internal_subset;
	XML_StopParser(reading->parser, XML_FALSE);
}

bool
s3_error_parse(struct s3_error *error, struct span body)
{
	static const XML_Memory_Handling_Suite memory = {
		.malloc_fcn = mem_alloc,
		.realloc_fcn = mem_resize,
		.free_fcn = free,
	};
	struct reading reading = { .error = error };
	enum XML_Status status;

	if (body.len == 0 || body.len > S3_ERROR_BODY_MAX)
		return (false);
	reading.parser = XML_ParserCreate_MM(NULL, &memory, NULL);
	if (reading.parser == NULL)
		return (false);
	XML_SetUserData(reading.parser, &reading);
	XML_SetElementHandler(reading.parser, start_element, end_element);
	XML_SetCharacterDataHandler(reading.parser, add_text);
	XML_SetStartDoctypeDeclHandler(reading.parser, refuse_doctype);
	status = XML_Parse(reading.parser, body.data, (int)body.len, XML_TRUE);
	XML_ParserFree(reading.parser);
	return (status == XML_STATUS_OK && reading.has_error &&
	    error->code[0] != '\0');
}

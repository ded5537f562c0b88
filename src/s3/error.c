/*
 * What S3 says when it refuses: see error.h.
 *
 * Only <Error> and its own children count; in an <ErrorResponse>, as STS writes
 * it, <RequestId> stands beside.  A text is kept when its element ends, so that
 * a body that breaks off leaves no half of a code.
 */
#include "s3/error.h"

#include <string.h>

#include "base/parse.h"
#include "base/xml.h"

void
s3_error_init(struct s3_error *error)
{
	*error = (struct s3_error){ .object_size = -1 };
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

/* What stands behind PREFIX in PATH, or NULL. */
static const char *
behind(const char *path, const char *prefix)
{
	size_t len = strlen(prefix);

	return (strncmp(path, prefix, len) == 0 ? path + len : NULL);
}

static void
take_element(void *context, const char *path, struct span text)
{
	const char *in_response = behind(path, "ErrorResponse/");
	const char *name =
	    behind(in_response != NULL ? in_response : path, "Error/");

	if (name != NULL)
		keep_text(context, name, text);
	else if (in_response != NULL && strcmp(in_response, "RequestId") == 0)
		keep_text(context, in_response, text);
}

bool
s3_error_parse(struct s3_error *error, struct span body)
{
	return (body.len <= S3_ERROR_BODY_MAX &&
	    xml_read(body, take_element, error) && error->code[0] != '\0');
}

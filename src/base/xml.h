/*
 * XML, by expat; this file alone knows it.  Pure.
 *
 * Only what S3 and STS answer with is understood: elements with text in them.
 * A document type declaration is refused, so there are no entities but the
 * five of XML itself.  What expat allocates is wiped when it is freed, since
 * STS's answers hold secrets.
 */
#ifndef BASE_XML_H
#define BASE_XML_H

#include <stdbool.h>

#include "base/buf.h"

/* Greatest number of elements inside each other, and length of a path; of an
 * element's own text the first XML_TEXT_MAX bytes are given. */
enum { XML_DEPTH_MAX = 16, XML_PATH_MAX = 256, XML_TEXT_MAX = 20000 };

/* Called at the end of each element with its path of names from the root
 * ("ErrorResponse/Error/Code", without prefixes of namespaces) and its own
 * text, both valid until it returns. */
typedef void xml_handler(void *context, const char *path, struct span text);

/* Read DOCUMENT.  False where it is not well-formed (a prefix that is not
 * declared counts as that), has a document type declaration or is over one of
 * the limits; HANDLER was called for what stood before. */
bool xml_read(
    struct span document, xml_handler *handler, void *context) ATTR_MUST_USE;

#endif

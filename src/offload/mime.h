/*
 * Content types by the endings of names, from a file like /etc/mime.types or
 * nginx's mime.types.
 *
 * The first has a type and its extensions on a line; the second, whose first
 * word is "types", has entries ended by a semicolon between braces.  In both,
 * what begins with # is a comment to the end of the line.  Where an extension
 * is there more than once the last counts, for both: so it is with nginx
 * (ngx_http_core_type() replaces the value, with a warning), with Apache, which
 * reads /etc/mime.types (mod_mime.c, mime_post_config()), and with Python
 * (mimetypes.MimeTypes.add_type()).
 */
#ifndef OFFLOAD_MIME_H
#define OFFLOAD_MIME_H

#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"

/* The greatest size of the file, many times that of Debian's (72 KiB). */
enum { MIME_FILE_MAX = 1 << 20 };

/* What has no type of its own: as nginx is set up by all who package it. */
#define MIME_DEFAULT "application/octet-stream"

struct mime;

/*
 * The types in the regular file at PATH, to be freed by mime_free.  NULL where
 * it cannot be read, is larger than MIME_FILE_MAX, or is of neither form: what
 * would be no value of a header (a control character, or a byte that is not
 * ASCII), a type without a slash, and nginx's include are refused.  WHY then
 * got what is wrong, in which line, and what would be right.
 */
struct mime *mime_load(const char *path, struct buf *why) ATTR_MUST_USE;
void mime_free(struct mime *mime);

/*
 * The type of the file NAME, a name or a path; lives as long as MIME.  Its
 * extension is what nginx takes for it (ngx_http_set_exten()): what stands
 * behind the last dot of the last component, if the dot does not begin it; the
 * case of ASCII letters does not matter.  MIME_DEFAULT where there is none, or
 * it is not known.
 */
const char *mime_type(const struct mime *mime, const char *name);

#endif

/*
 * JSON written a member at a time: one object a line (RFC 8259), always UTF-8.
 * (The prefix json_ is jansson's, which the same program is linked with.)
 *
 * Bytes that are not UTF-8, as a file's name may hold, are U+FFFD each; next to
 * such a text stands a member NAME_hex with the very bytes in hexadecimal, so
 * that no name is lost.  Pure.
 */
#ifndef OFFLOAD_JSONL_H
#define OFFLOAD_JSONL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"

struct jsonl {
	struct buf *out;
	bool is_full;  /* OUT was: what was added since is not there */
	bool is_first; /* no member yet in the innermost object */
};

/* An object without a name begins: add "{" to OUT, which is borrowed up to
 * jsonl_end. */
void jsonl_begin(struct jsonl *json, struct buf *out);

/* The object of jsonl_begin ends, and its line: "}\n".  False where OUT was too
 * small for any of it; it then holds no JSON. */
bool jsonl_end(struct jsonl *json) ATTR_MUST_USE;

/* Members by NAME, a literal without anything to escape.  A TEXT without a
 * value (data NULL) is left out.  Numbers are exact, whatever their size; a
 * reader that takes them for doubles is exact up to 2^53. */
void jsonl_text(struct jsonl *json, const char *name, struct span text);
void jsonl_number(struct jsonl *json, const char *name, uint64_t number);
void jsonl_true(struct jsonl *json, const char *name);

/* The object NAME begins, or the innermost one ends. */
void jsonl_open(struct jsonl *json, const char *name);
void jsonl_close(struct jsonl *json);

#endif

/*
 * Credentials in JSON: see document.h.
 *
 * What jansson refuses is no document: text that is cut short or goes on
 * behind its end, bytes that are not UTF-8, a NUL, numbers that do not fit,
 * nesting without end.  So is one that gives a name twice, of which no endpoint
 * is known: which of the two is meant cannot be told.
 */
#include "credentials/document.h"

#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "base/mem.h"
#include "base/parse.h"

enum {
	/* The codes that AWS documents are words of under 40 letters. */
	DOCUMENT_CODE_SHOWN_MAX = 64,
};

/* Say in WHY what is wrong with NAME; false, for the caller to return. */
static bool
refuse(struct buf *why, const char *before, const char *name, const char *after)
{
	bool fits = buf_printf(why, "%s%s%s", before, name, after);

	(void)fits; /* else a part is missing in what is only told */
	return (false);
}

static bool
is_word(const char *text)
{
	size_t len = strspn(text,
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz");

	return (len > 0 && len <= DOCUMENT_CODE_SHOWN_MAX && text[len] == '\0');
}

/* Did the endpoint refuse?  With status 200 it says so by its Code; the
 * container's endpoints have none. */
static bool
check_code(json_t *root, struct buf *why)
{
	json_t *code = json_object_get(root, "Code");
	const char *text = json_string_value(code);

	if (code == NULL)
		return (true);
	if (text == NULL)
		return (refuse(why, "its ", "Code", " is no text"));
	if (strcasecmp(text, "Success") == 0)
		return (true);
	if (!is_word(text))
		return (refuse(why, "it is a refusal with a ", "Code",
		    " of no known form"));
	return (refuse(why, "it is a refusal: Code ", text, ""));
}

static bool
check_version(json_t *root, struct buf *why)
{
	json_t *version = json_object_get(root, "Version");

	if (version == NULL)
		return (refuse(why, "it has no ", "Version", ""));
	if (json_integer_value(version) != 1) /* 0 of what is none */
		return (refuse(why, "its ", "Version", " is not the number 1"));
	return (true);
}

/* The text of NAME, which lives as long as ROOT; NULL with WHY. */
static const char *
text_of(json_t *root, const char *name, struct buf *why)
{
	json_t *value = json_object_get(root, name);
	const char *text = json_string_value(value);

	if (value == NULL)
		refuse(why, "it has no ", name, "");
	else if (text == NULL)
		refuse(why, "its ", name, " is no text");
	else if (*text == '\0')
		refuse(why, "its ", name, " is empty");
	else
		return (text);
	return (NULL);
}

static bool
read_end(json_t *root, int64_t *expires_s, struct buf *why)
{
	const char *text = text_of(root, "Expiration", why);

	if (text == NULL)
		return (false);
	if (!parse_iso_date(span_of(text), expires_s))
		return (refuse(why, "its ", "Expiration", " is no date"));
	return (true);
}

static bool
is_left_out(json_t *root, const char *name)
{
	json_t *value = json_object_get(root, name);

	return (value == NULL || json_is_null(value));
}

/* What botocore takes for no token, as scripts around permanent keys write
 * it. */
static bool
is_token_left_out(json_t *root)
{
	json_t *token = json_object_get(root, "SessionToken");

	return (is_left_out(root, "SessionToken") ||
	    (json_is_string(token) && json_string_length(token) == 0));
}

static bool
read_root(json_t *root, enum document_kind kind,
    struct credentials_found *found, struct buf *why)
{
	bool is_process = kind == DOCUMENT_PROCESS;
	const char *id, *secret, *token = NULL;
	int64_t expires_s = CREDENTIALS_NEVER;

	if (!json_is_object(root))
		return (refuse(why, "it is no JSON ", "object", ""));
	if (is_process ? !check_version(root, why) : !check_code(root, why))
		return (false);
	id = text_of(root, "AccessKeyId", why);
	if (id == NULL)
		return (false);
	secret = text_of(root, "SecretAccessKey", why);
	if (secret == NULL)
		return (false);
	if (!is_process || !is_token_left_out(root)) {
		token =
		    text_of(root, is_process ? "SessionToken" : "Token", why);
		if (token == NULL)
			return (false);
	}
	if ((!is_process || !is_left_out(root, "Expiration")) &&
	    !read_end(root, &expires_s, why))
		return (false);
	found->credentials = (struct credentials){
		.access_key_id = mem_string(id),
		.secret_access_key = mem_string(secret),
		.session_token = mem_string(token),
	};
	found->expires_s = expires_s;
	return (true);
}

bool
document_read(struct span text, enum document_kind kind,
    struct credentials_found *found, struct buf *why)
{
	json_t *root;
	bool is_read;

	json_set_alloc_funcs(mem_alloc, mem_wipe_free);
	/* Without a json_error_t, in which a part of TEXT would be left. */
	root = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
	if (root == NULL)
		return (refuse(
		    why, "it is ", text.len == 0 ? "empty" : "not JSON", ""));
	is_read = read_root(root, kind, found, why);
	json_decref(root);
	return (is_read);
}

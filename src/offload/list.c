/*
 * Lists: see list.h.
 *
 * A page is read into memory, at most 1,000 entries; what S3 says is taken only
 * where it is whole.  Keys are asked for in the encoding of a query ("+" is a
 * blank), since XML has no form for some characters that a key may hold.
 *
 * A server may send us round in a ring: a page that says to go on where one
 * before it did is an error.  It is held against one of them, which is that of
 * 1, 2, 4, 8 ... pages (Brent 1980): any ring is seen, sooner than three times
 * its length and what led to it.
 */
#include "offload/list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/xml.h"
#include "s3/uri.h"

enum {
	LIST_TOKEN_MAX = 8192,
	LIST_TEXT_MAX = CALL_BODY_MAX,
	LIST_PAGE_MAX = 1000,
	LIST_QUERY_MAX = 32768,
};

/* An entry while its page lasts; its texts are in list->text, at these. */
struct place {
	size_t key, key_len;
	size_t etag, etag_len;
	size_t id, id_len;
	bool has_size;
	uint64_t size;
	int64_t modified_s;
};

struct list {
	struct call *call;
	const struct site *site;
	enum list_kind kind;
	int64_t patience_ms;
	struct buf prefix; /* encoded */

	/* The page. */
	struct place *places;
	size_t n_places;
	size_t at;
	struct buf text;
	struct place now; /* being read */
	bool is_encoded;  /* it says that its keys are, as was asked for */
	bool is_unclear;  /* what one of them is depends on that */
	bool is_wrong;    /* something in it makes no sense */

	/* Where the next begins. */
	bool is_truncated;
	struct buf token;  /* or the key's marker, encoded */
	struct buf marker; /* the upload's */
	struct buf seen;   /* both, as a page before had them */
	uint64_t pages;
	uint64_t seen_until; /* the page that is kept next */
	bool is_over;
	const char *reason;
};

static const char *const roots[] = {
	[LIST_OBJECTS] = "ListBucketResult/",
	[LIST_UPLOADS] = "ListMultipartUploadsResult/",
};

static const char *const items[] = {
	[LIST_OBJECTS] = "Contents",
	[LIST_UPLOADS] = "Upload",
};

struct list *
list_new(struct call *call, const struct site *site, enum list_kind kind,
    struct span prefix, int64_t patience_ms)
{
	struct list *list = mem_zero(1, sizeof(*list));

	list->call = call;
	list->site = site;
	list->kind = kind;
	list->patience_ms = patience_ms;
	list->reason = "";
	list->places = mem_zero(LIST_PAGE_MAX, sizeof(*list->places));
	buf_init(&list->prefix, LIST_QUERY_MAX);
	buf_init(&list->text, LIST_TEXT_MAX);
	buf_init(&list->token, LIST_TOKEN_MAX);
	buf_init(&list->marker, LIST_TOKEN_MAX);
	buf_init(&list->seen, 2 * LIST_TOKEN_MAX + 1);
	list->seen_until = 1;
	list->is_truncated = true;
	list->is_wrong = !uri_encode_query(&list->prefix, prefix);
	return (list);
}

void
list_free(struct list *list)
{
	if (list == NULL)
		return;
	free(list->places);
	buf_fini(&list->prefix);
	buf_fini(&list->text);
	buf_fini(&list->token);
	buf_fini(&list->marker);
	buf_fini(&list->seen);
	free(list);
}

/* TEXT as a query has it, into OUT. */
static bool
decode(struct buf *out, struct span text)
{
	while (text.len > 0) {
		const char *plus = memchr(text.data, '+', text.len);
		size_t len =
		    plus == NULL ? text.len : (size_t)(plus - text.data);

		if (!uri_decode(out, (struct span){ text.data, len }))
			return (false);
		text = span_skip(text, len);
		if (text.len == 0)
			break;
		if (!buf_add_char(out, ' '))
			return (false);
		text = span_skip(text, 1);
	}
	return (true);
}

static void
keep(struct list *list, struct span text, bool is_encoded, size_t *at,
    size_t *len)
{
	*at = list->text.len;
	if (is_encoded && text.len > 0 &&
	    (memchr(text.data, '+', text.len) != NULL ||
		memchr(text.data, '%', text.len) != NULL))
		list->is_unclear = true;
	if (is_encoded ? !decode(&list->text, text)
		       : !buf_add_span(&list->text, text))
		list->is_wrong = true;
	*len = list->text.len - *at;
}

/* Is what was read of it all that it needs?  An upload without its id must not
 * be given up: some stores would take that for the object. */
static bool
is_whole(const struct list *list)
{
	const struct place *now = &list->now;

	return (now->key_len > 0 &&
	    (list->kind == LIST_OBJECTS ? now->has_size : now->id_len > 0));
}

static void
end_item(struct list *list)
{
	if (list->n_places == LIST_PAGE_MAX || !is_whole(list))
		list->is_wrong = true;
	else
		list->places[list->n_places++] = list->now;
	list->now = (struct place){ .modified_s = -1 };
}

static void
take_item(struct list *list, const char *name, struct span text)
{
	struct place *now = &list->now;

	if (*name == '\0')
		end_item(list);
	else if (strcmp(name, "/Key") == 0)
		keep(list, text, true, &now->key, &now->key_len);
	else if (strcmp(name, "/ETag") == 0)
		keep(list, text, false, &now->etag, &now->etag_len);
	else if (strcmp(name, "/UploadId") == 0)
		keep(list, text, false, &now->id, &now->id_len);
	else if (strcmp(name, "/Size") == 0) {
		now->has_size = parse_number(text, 0, INT64_MAX, &now->size);
		list->is_wrong = list->is_wrong || !now->has_size;
	} else if (strcmp(name, "/LastModified") == 0 ||
	    strcmp(name, "/Initiated") == 0) {
		if (!parse_iso_date(text, &now->modified_s))
			now->modified_s = -1;
	}
}

/* A text that the next question repeats. */
static void
take_marker(struct list *list, struct buf *marker, struct span text)
{
	buf_clear(marker);
	list->is_wrong = list->is_wrong || !uri_encode_query(marker, text);
}

static void
take_element(void *context, const char *path, struct span text)
{
	struct list *list = context;
	const char *root = roots[list->kind], *item = items[list->kind];

	if (strncmp(path, root, strlen(root)) != 0)
		return;
	path += strlen(root);
	if (strncmp(path, item, strlen(item)) == 0 &&
	    (path[strlen(item)] == '/' || path[strlen(item)] == '\0'))
		take_item(list, path + strlen(item), text);
	else if (strcmp(path, "EncodingType") == 0)
		list->is_encoded = span_equal(text, SPAN("url"));
	else if (strcmp(path, "IsTruncated") == 0)
		list->is_truncated = span_equal(text, SPAN("true"));
	else if (strcmp(path, "NextContinuationToken") == 0)
		take_marker(list, &list->token, text);
	else if (strcmp(path, "NextKeyMarker") == 0) {
		size_t at, len;

		keep(list, text, true, &at, &len);
		take_marker(
		    list, &list->token, span_skip(buf_span(&list->text), at));
	} else if (strcmp(path, "NextUploadIdMarker") == 0)
		take_marker(list, &list->marker, text);
}

static bool
write_query(const struct list *list, struct buf *query)
{
	bool is_first = list->token.len == 0;

	if (list->kind == LIST_OBJECTS)
		return ((is_first ||
			    buf_printf(query, "continuation-token=%s&",
				buf_string(&list->token))) &&
		    buf_printf(query, "encoding-type=url&list-type=2&prefix=%s",
			buf_string(&list->prefix)));
	return (buf_add_string(query, "encoding-type=url") &&
	    (is_first ||
		buf_printf(
		    query, "&key-marker=%s", buf_string(&list->token))) &&
	    buf_printf(query, "&prefix=%s", buf_string(&list->prefix)) &&
	    (is_first || list->marker.len == 0 ||
		buf_printf(query, "&upload-id-marker=%s",
		    buf_string(&list->marker))) &&
	    buf_add_string(query, "&uploads="));
}

/* Does the page say to go on where one before it did? */
static bool
is_ring(struct list *list)
{
	struct buf here;
	bool is_known;

	buf_init(&here, 2 * LIST_TOKEN_MAX + 1);
	/* Both are encoded: no blank is in them. */
	is_known = !buf_printf(&here, "%s %s", buf_string(&list->token),
		       buf_string(&list->marker)) ||
	    span_equal(buf_span(&here), buf_span(&list->seen));
	if (++list->pages == list->seen_until) {
		list->seen_until *= 2;
		buf_fini(&list->seen);
		list->seen = here;
	} else
		buf_fini(&here);
	return (is_known);
}

/* Read the page that was answered; NULL, or what is wrong with it. */
static const char *
read_page(struct list *list)
{
	list->n_places = list->at = 0;
	list->now = (struct place){ .modified_s = -1 };
	list->is_truncated = list->is_wrong = false;
	list->is_encoded = list->is_unclear = false;
	buf_clear(&list->text);
	buf_clear(&list->token);
	buf_clear(&list->marker);
	if (!xml_read(call_body(list->call), take_element, list) ||
	    list->is_wrong || (list->is_unclear && !list->is_encoded))
		return ("S3's list makes no sense");
	if (list->is_truncated && list->token.len == 0)
		return ("S3's list is cut off, and does not say where to go "
			"on");
	if (list->is_truncated && is_ring(list))
		return ("S3's list begins anew where it should go on");
	return (NULL);
}

/* Ask for the next page; false where there is none to be had. */
static bool
turn_page(struct list *list)
{
	struct call_request request = {
		.site = list->site,
		.method = HTTP_GET,
		.key = SPAN(""),
		.patience_ms = list->patience_ms,
	};
	struct buf query;
	const char *wrong = "a prefix that is too long";

	buf_init(&query, LIST_QUERY_MAX);
	if (!list->is_wrong && write_query(list, &query)) {
		request.query = buf_span(&query);
		wrong = call_make(list->call, &request) == CALL_OK
		    ? read_page(list)
		    : call_reason(list->call);
	}
	buf_fini(&query);
	if (wrong == NULL)
		return (true);
	list->reason = wrong;
	return (false);
}

static struct span
view(const struct list *list, size_t at, size_t len)
{
	return ((struct span){ list->text.data + at, len });
}

enum list_result
list_next(struct list *list, struct list_entry *entry)
{
	const struct place *place;

	while (list->at == list->n_places) {
		if (list->is_over || !list->is_truncated)
			return (LIST_END);
		if (!turn_page(list)) {
			list->is_over = true;
			list->at = list->n_places = 0;
			return (LIST_FAILED);
		}
	}
	place = &list->places[list->at++];
	*entry = (struct list_entry){
		.key = view(list, place->key, place->key_len),
		.etag = view(list, place->etag, place->etag_len),
		.upload_id = view(list, place->id, place->id_len),
		.size = place->size,
		.modified_s = place->modified_s,
	};
	return (LIST_FOUND);
}

const char *
list_reason(const struct list *list)
{
	return (list->reason);
}

/*
 * Methods and conditions: see policy.h.
 *
 * S3 servers compare a list of entity tags as one string, ignore If-Range and
 * differ on which condition comes first, so they are asked none of it: what
 * a client made depend on the object is decided here, from the object.
 *
 * What is malformed errs on the side that claims too little: an element of a
 * list that is no entity tag (unquoted, never closed, "*" among others) matches
 * nothing, whatever its neighbours do.  If-Match is then the harder to meet and
 * If-None-Match sends the object.
 */
#include "respond/policy.h"

#include "base/parse.h"
#include "s3/etag.h"

typedef bool etag_comparison(struct span a, struct span b);

enum policy_method
policy_method(struct span method)
{
	if (method.data == NULL)
		return (POLICY_OTHER);
	if (span_equal(method, SPAN("GET")))
		return (POLICY_GET);
	if (span_equal(method, SPAN("HEAD")))
		return (POLICY_HEAD);
	return (POLICY_OTHER);
}

/* How long the entity tag at the head of TEXT is; 0 where there is none.
 * Blanks within the quotes are let through (RFC 9110 8.8.3 has none): they can
 * only match a tag that has them too. */
static size_t
measure_etag(struct span text)
{
	size_t i = span_starts(text, SPAN("W/")) ? 2 : 0;

	if (i >= text.len || text.data[i] != '"')
		return (0);
	for (i++; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (c == '"')
			return (i + 1);
		if (c < 0x20 || c == 0x7f)
			return (0);
	}
	return (0);
}

/* Cut the element off *REST: an entity tag with what follows it up to the
 * comma, or, where there is none, all up to the comma. */
static struct span
cut_element(struct span *rest)
{
	struct span element = span_trim(*rest), behind;
	size_t len = measure_etag(element);

	behind = span_skip(element, len);
	*rest = behind;
	behind = span_cut(rest, ',');
	element.len = len + behind.len;
	return (span_trim(element));
}

/* Is ETAG in LIST, by COMPARISON? */
static bool
list_matches(struct span list, struct span etag, etag_comparison *comparison)
{
	struct span rest = list;

	if (etag.data == NULL)
		return (false);
	while (rest.data != NULL) {
		struct span element = cut_element(&rest);

		if (element.len > 0 && measure_etag(element) == element.len &&
		    comparison(element, etag))
			return (true);
	}
	return (false);
}

/* "*" holds for whatever is there, with or without a tag of its own. */
static bool
condition_matches(
    struct span value, struct span etag, etag_comparison *comparison)
{
	return (span_equal(span_trim(value), SPAN("*")) ||
	    list_matches(value, etag, comparison));
}

/* When the object was last modified; false where that is not known. */
static bool
find_modified(const struct metadata *metadata, int64_t now, int64_t *modified)
{
	struct span text = metadata->field[METADATA_LAST_MODIFIED];

	return (text.data != NULL && parse_http_date(text, now, modified));
}

/* The date in VALUE and the object's; false where either of the two is none. */
static bool
find_dates(struct span value, const struct metadata *metadata, int64_t now,
    int64_t *since, int64_t *modified)
{
	return (value.data != NULL &&
	    parse_http_date(span_trim(value), now, since) &&
	    find_modified(metadata, now, modified));
}

/* If-Unmodified-Since: is the object's date after the one in VALUE? */
static bool
is_later(struct span value, const struct metadata *metadata, int64_t now)
{
	int64_t since, modified;

	return (find_dates(value, metadata, now, &since, &modified) &&
	    modified > since);
}

/* If-Modified-Since: is it sure that the client has what there is now?  S3's
 * date only goes forward.  A file's goes back when an older one takes its
 * place, so that a date that is not the same proves nothing; nginx goes by
 * that too. */
static bool
is_unchanged(struct span value, const struct metadata *metadata, int64_t now)
{
	bool is_of_file = metadata->field[METADATA_MTIME].data != NULL;
	int64_t since, modified;

	return (find_dates(value, metadata, now, &since, &modified) &&
	    (modified == since || (modified < since && !is_of_file)));
}

enum policy_verdict
policy_evaluate(const struct policy_conditions *conditions,
    const struct metadata *metadata, int64_t now)
{
	struct span etag = metadata->field[METADATA_ETAG];

	if (conditions->if_match.data != NULL) {
		if (!condition_matches(
			conditions->if_match, etag, etag_equal_strong))
			return (POLICY_PRECONDITION_FAILED);
	} else if (is_later(conditions->if_unmodified_since, metadata, now)) {
		return (POLICY_PRECONDITION_FAILED);
	}
	if (conditions->if_none_match.data != NULL) {
		if (condition_matches(
			conditions->if_none_match, etag, etag_equal_weak))
			return (POLICY_NOT_MODIFIED);
	} else if (is_unchanged(conditions->if_modified_since, metadata, now)) {
		return (POLICY_NOT_MODIFIED);
	}
	return (POLICY_PROCEED);
}

bool
policy_range_holds(const struct policy_conditions *conditions,
    const struct metadata *metadata, int64_t now)
{
	struct span value = span_trim(conditions->if_range);
	struct span etag = metadata->field[METADATA_ETAG];
	int64_t date, modified;

	if (conditions->if_range.data == NULL)
		return (true);
	if (measure_etag(value) > 0)
		return (measure_etag(value) == value.len && etag.data != NULL &&
		    etag_equal_strong(value, etag));
	return (parse_http_date(value, now, &date) &&
	    find_modified(metadata, now, &modified) && date == modified);
}

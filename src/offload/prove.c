/*
 * The proof: see prove.h.
 *
 * The bytes that come are compared with the file, and not their digest with
 * its: that costs less, and sees a file that was written to in the meantime by
 * whoever then put its time back.
 */
#include "offload/prove.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "s3/http.h"

/* One request. */
struct proof {
	const struct prove_order *order;
	struct prove_found *found;
	struct fetch *fetch;
	char *room;        /* CREW_ROOM bytes of the file, */
	uint64_t room_at;  /* from here on, */
	size_t room_len;   /* so many */
	uint64_t compared; /* bytes that were the same */
	bool has_begun;
	bool has_digest;
	enum prove_result result; /* what was seen so far */
};

static void
keep_etag(struct proof *proof, const struct metadata *metadata)
{
	struct span etag = metadata->field[METADATA_ETAG];

	if (etag.len >= PROVE_ETAG_MAX)
		etag.len = 0;
	snprintf(proof->found->etag, PROVE_ETAG_MAX, "%.*s", (int)etag.len,
	    etag.data != NULL ? etag.data : "");
}

static enum prove_result
differ(struct proof *proof, const char *what)
{
	snprintf(proof->found->reason, PROVE_REASON_MAX,
	    "the object \"%.*s\" has %s", SPAN_ARG(proof->order->key), what);
	return (PROVE_DIFFERS);
}

/* Is HEAD's ETag, which is an MD5 in quotes, that of the file? */
static bool
is_md5(const struct fetch_head *head, const char *md5)
{
	struct span etag = head->metadata->field[METADATA_ETAG];

	etag = span_skip(etag, 1);
	etag.len--;
	return (span_equal_nocase(etag, span_of(md5)));
}

/* A HEAD is answered for what a GET is refused: "GetObject" in the API
 * reference of Amazon S3, InvalidObjectState. */
static bool
is_archived(const struct metadata *metadata)
{
	struct span class = metadata->field[METADATA_STORAGE_CLASS];
	struct span restored = metadata->field[METADATA_RESTORE];

	if (span_starts(restored, SPAN("ongoing-request=\"false\"")))
		return (false);
	return (span_equal(class, SPAN("GLACIER")) ||
	    span_equal(class, SPAN("DEEP_ARCHIVE")) ||
	    metadata->field[METADATA_ARCHIVE_STATUS].data != NULL);
}

/* The head of the object, held against the file. */
static enum prove_result
judge_head(struct proof *proof, const struct fetch_head *head)
{
	struct span digest = head->metadata->field[METADATA_SHA256];
	char text[96];

	if (!head->size_known)
		return (differ(proof, "no size that S3 would tell"));
	if (head->metadata->size != proof->order->size) {
		snprintf(text, sizeof(text),
		    "%" PRIu64 " bytes, where the file has %" PRIu64,
		    head->metadata->size, proof->order->size);
		return (differ(proof, text));
	}
	proof->has_digest = digest.data != NULL;
	if (proof->has_digest && proof->order->sha256 != NULL &&
	    !span_equal(digest, span_of(proof->order->sha256)))
		return (differ(proof, "another SHA-256 than the file"));
	/* A digest that was kept travels with whatever is copied there. */
	if (head->etag_is_md5 && proof->order->md5 != NULL &&
	    proof->order->md5[0] != '\0' && !is_md5(head, proof->order->md5))
		return (differ(proof, "another MD5 than the file"));
	if (is_archived(head->metadata))
		return (differ(proof,
		    "a storage class that no reader gets it "
		    "from: it is archived"));
	return (PROVE_HOLDS);
}

static enum fetch_wish
on_begin(void *context, const struct fetch_head *head)
{
	struct proof *proof = context;

	proof->has_begun = true;
	proof->compared = 0;
	keep_etag(proof, head->metadata);
	proof->result = judge_head(proof, head);
	/* From here on it may take as long as bytes come. */
	fetch_pass_on(proof->fetch);
	return (proof->result == PROVE_HOLDS ? FETCH_GO_ON : FETCH_ENOUGH);
}

/* Have the file's bytes from proof->compared on in the room; false where there
 * are none. */
static bool
read_file(struct proof *proof)
{
	ssize_t got;

	if (proof->compared >= proof->room_at &&
	    proof->compared < proof->room_at + proof->room_len)
		return (true);
	got = fd_read_at(
	    proof->order->fd, proof->room, CREW_ROOM, proof->compared);
	if (got <= 0) {
		snprintf(proof->found->reason, PROVE_REASON_MAX,
		    "the file cannot be read any more: %s",
		    got < 0 ? strerror(errno) : "it has become shorter");
		proof->result = PROVE_FAILED;
		return (false);
	}
	proof->room_at = proof->compared;
	proof->room_len = (size_t)got;
	return (true);
}

static bool
on_body(void *context, struct span bytes)
{
	struct proof *proof = context;
	const struct prove_order *order = proof->order;

	throttle_take(order->throttle, bytes.len);
	if (order->report != NULL)
		report_moved(order->report, bytes.len);
	while (bytes.len > 0) {
		size_t at, len;

		if (!read_file(proof))
			return (false);
		at = (size_t)(proof->compared - proof->room_at);
		len = proof->room_len - at;
		if (len > bytes.len)
			len = bytes.len;
		if (memcmp(proof->room + at, bytes.data, len) != 0) {
			proof->result = differ(proof, "other bytes");
			return (false);
		}
		proof->compared += len;
		bytes = span_skip(bytes, len);
	}
	return (true);
}

/* What a fetch that ended with RESULT says. */
static enum prove_result
conclude(struct proof *proof, enum fetch_result result,
    const struct fetch_report *report)
{
	if (proof->has_begun && proof->result != PROVE_HOLDS)
		return (proof->result);
	proof->found->is_forbidden = result == FETCH_REFUSED;
	switch (result) {
	case FETCH_OK:
		return (PROVE_HOLDS);
	case FETCH_MISSING:
		snprintf(proof->found->reason, PROVE_REASON_MAX,
		    "for the %s there is no object \"%.*s\" (status %d"
		    "%s%s)",
		    proof->order->who, SPAN_ARG(proof->order->key),
		    report->status, report->error.code[0] != '\0' ? " " : "",
		    report->error.code);
		return (PROVE_MISSING);
	default:
		snprintf(proof->found->reason, PROVE_REASON_MAX,
		    "the %s cannot get the object \"%.*s\": %s",
		    proof->order->who, SPAN_ARG(proof->order->key),
		    report->reason);
		return (PROVE_FAILED);
	}
}

enum question {
	QUESTION_HEAD,
	QUESTION_HEAD_FIRST, /* and the bytes decide */
	QUESTION_BYTES,
};

static enum prove_result
ask(struct proof *proof, struct hand *hand, enum question question)
{
	const struct prove_order *order = proof->order;
	const struct fetch_request request = {
		.site = order->site,
		.key = order->key,
		.range = { .kind = RANGE_WHOLE },
		.head_only = question != QUESTION_BYTES,
		.get_follows = question == QUESTION_HEAD_FIRST,
		.answer_deadline_ms = clock_monotonic_ms() + order->patience_ms,
		.deadline_ms = clock_monotonic_ms() + HTTP_LONGEST_MS,
		.peer_fd = -1,
	};
	const struct fetch_sink sink = { on_begin, on_body, proof };
	struct fetch_report report;
	enum fetch_result result;

	proof->has_begun = false;
	proof->compared = 0;
	proof->room_len = 0;
	result = fetch_object(hand->fetch, &request, &sink, &report);
	if (question == QUESTION_BYTES && result == FETCH_OK &&
	    proof->result == PROVE_HOLDS && proof->compared != order->size)
		return (differ(proof, "fewer bytes than the file"));
	return (conclude(proof, result, &report));
}

static struct proof
begin(const struct prove_order *order, struct hand *hand,
    struct prove_found *found)
{
	found->etag[0] = found->reason[0] = '\0';
	found->is_forbidden = false;
	return ((struct proof){
	    .order = order,
	    .found = found,
	    .fetch = hand->fetch,
	    .room = hand->room,
	    .result = PROVE_FAILED,
	});
}

enum prove_result
prove_look(const struct prove_order *order, struct hand *hand, bool *has_digest,
    struct prove_found *found)
{
	struct proof proof = begin(order, hand, found);
	enum prove_result result = ask(&proof, hand, QUESTION_HEAD);

	*has_digest = proof.has_digest;
	return (result);
}

enum prove_result
prove(const struct prove_order *order, struct hand *hand,
    struct prove_found *found)
{
	struct proof proof = begin(order, hand, found);
	bool is_read = order->depth == PROVE_BY_READING;
	enum prove_result result = PROVE_HOLDS;

	/* The head of a GET says the same, and is judged before its bytes. */
	if (!is_read || order->head_first)
		result = ask(&proof, hand,
		    is_read ? QUESTION_HEAD_FIRST : QUESTION_HEAD);
	if (result != PROVE_HOLDS)
		return (result);
	if (is_read || (order->depth == PROVE_AS_NEEDED && !proof.has_digest))
		return (ask(&proof, hand, QUESTION_BYTES));
	if (proof.has_digest)
		return (PROVE_HOLDS);
	snprintf(found->reason, PROVE_REASON_MAX,
	    "the object \"%.*s\" was stored by another program, without a "
	    "digest: only verify = read can tell whether it is the file",
	    SPAN_ARG(order->key));
	return (PROVE_UNSURE);
}

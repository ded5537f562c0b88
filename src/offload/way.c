/*
 * The way of one file: see way.h.
 */
#include "offload/way.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "offload/mapping.h"
#include "offload/parts.h"
#include "offload/put.h"
#include "s3/mtime.h"

/* A step: does WAY go on? */
typedef bool step(struct way *way, struct hand *hand);

static bool fail(struct way *way, const char *format, ...) ATTR_PRINTF(2, 3);

/* The end, for the reason that is printed; false. */
static bool
fail(struct way *way, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(way->why, sizeof(way->why), format, args);
	va_end(args);
	way->end = WAY_FAILED;
	return (false);
}

static bool
skip(struct way *way, enum report_reason reason)
{
	way->end = WAY_SKIPPED;
	way->reason = reason;
	return (false);
}

/* ---- open ---- */

/* May WAY go on with a file of STATE? */
static bool
judge_state(struct way *way, enum file_state state)
{
	switch (state) {
	case FILE_FINE:
		return (true);
	case FILE_GONE:
		return (skip(way, REPORT_GONE));
	case FILE_STRANGE:
		return (skip(way, REPORT_NOT_REGULAR));
	case FILE_LINKED:
		return (skip(way, REPORT_LINKS));
	case FILE_OPEN:
		return (skip(way, REPORT_OPEN));
	case FILE_CHANGED:
		return (skip(way, REPORT_CHANGED));
	case FILE_FAILED:
		break;
	}
	return (
	    fail(way, "it cannot be opened or looked at: %s", strerror(errno)));
}

bool
way_is_old(const struct stat *status, int64_t now_s, int64_t min_age_ms)
{
	int64_t changed = file_changed_s(status);

	return (changed <= now_s && now_s - changed >= min_age_ms / 1000);
}

static uint64_t
size_of(const struct way *way)
{
	return ((uint64_t)way->file.status.st_size);
}

/* What is to fail in the end is not read and sent before. */
static bool
check_before(struct way *way)
{
	const struct stat *status = &way->file.status;
	char mtime[MTIME_TEXT_MAX];

	if (way->may_upload &&
	    !mtime_format(
		status->st_mtim.tv_sec, status->st_mtim.tv_nsec, mtime))
		return (fail(way,
		    "it was changed before 1970, or after 9999: readers would "
		    "see another time; right would be: touch it"));
	if (way->may_upload && size_of(way) > PARTS_FILE_MAX)
		return (fail(way,
		    "it is over %" PRIu64 " bytes: no store "
		    "takes so large an object",
		    PARTS_FILE_MAX));
	if (way->may_evict && !way->means->is_dry_run &&
	    faccessat(way->file.folder->fd, ".", W_OK, AT_EACCESS) != 0)
		return (fail(way,
		    "its folder cannot be written to, so it could "
		    "not go: %s",
		    strerror(errno)));
	return (true);
}

static bool
step_open(struct way *way, struct hand *hand)
{
	(void)hand;
	if (!judge_state(way, file_open(&way->file, &way->no_lease)))
		return (false);
	/* It may have been written to since it was found. */
	if (!way_is_old(&way->file.status, way->now_s, way->min_age_ms))
		return (skip(way, REPORT_TOO_YOUNG));
	return (check_before(way));
}

/* ---- digest ---- */

static bool
step_digest(struct way *way, struct hand *hand)
{
	bool with_md5 = (way->may_upload || way->depth != PROVE_BY_READING) &&
	    put_is_one_piece(size_of(way));

	if (digest_file(way->file.fd, 0, size_of(way), with_md5, true,
		hand->room, CREW_ROOM, &way->digest))
		return (true);
	/* Nothing of it is under way yet. */
	if (errno == ECANCELED)
		return (false);
	if (errno == 0)
		return (skip(way, REPORT_CHANGED));
	return (fail(way, "it cannot be read: %s", strerror(errno)));
}

/* ---- upload ---- */

static struct prove_order
order_proof(const struct way *way, const struct site *site, const char *who)
{
	const struct way_means *means = way->means;

	return ((struct prove_order){
	    .site = site,
	    .who = who,
	    .key = buf_span(&way->key),
	    .fd = way->file.fd,
	    .size = size_of(way),
	    .sha256 = way->digest.sha256,
	    .md5 = way->digest.md5_hex,
	    .depth = way->depth,
	    /* A request is a third of what a small file costs. */
	    .head_first = size_of(way) > CREW_ROOM,
	    .throttle = means->sending.throttle,
	    .report = means->sending.report,
	    .patience_ms = means->sending.patience_ms,
	});
}

/* Is the object there already, whatever it is?  Asked with the writer's
 * credentials, who can tell "missing" from "forbidden".  *IS_THERE where true
 * is returned. */
static bool
look_before(struct way *way, struct hand *hand, bool *is_there)
{
	const struct prove_order order =
	    order_proof(way, way->means->sending.site, "writer");
	struct prove_found found;
	bool has_digest;

	switch (prove_look(&order, hand, &has_digest, &found)) {
	case PROVE_MISSING:
		*is_there = false;
		return (true);
	case PROVE_FAILED:
		way->is_s3 = true;
		way->is_refused = found.is_forbidden;
		return (fail(way,
		    "whether it is in the bucket cannot be found out: %s%s",
		    found.reason,
		    found.is_forbidden
			? "; the writer's key needs s3:GetObject and "
			  "s3:ListBucket"
			: ""));
	default:
		*is_there = true;
		return (true);
	}
}

/* It was stored under If-None-Match; once more, and what holds is known: the
 * same bytes do no harm where they are taken. */
static void
try_store(struct way *way, struct hand *hand, const struct sending_order *order)
{
	struct store *store = way->means->store;
	char reason[SENDING_REASON_MAX];
	enum store_word word = STORE_UNTRIED;

	if (!put_is_one_piece(size_of(way)) || !store_may_try(store))
		return;
	switch (put_file(order, hand, reason)) {
	case SENDING_EXISTS:
		word = STORE_HONOURS;
		break;
	case SENDING_DONE:
	case SENDING_UNSUPPORTED:
		word = STORE_NOT;
		break;
	default:
		break;
	}
	store_found(store, word);
}

static bool
judge_upload(struct way *way, enum sending_result result, const char *reason)
{
	enum file_state state;

	switch (result) {
	case SENDING_DONE:
		way->was_uploaded = true;
		return (true);
	case SENDING_EXISTS:
		return (true); /* the proof tells what it is */
	case SENDING_UNREADABLE:
		return (fail(way, "%s", reason));
	default:
		/* S3 refuses what was written to since its digest. */
		state = file_check(&way->file);
		if (state != FILE_FINE)
			return (judge_state(way, state));
		way->is_s3 = true;
		way->is_refused = result == SENDING_REFUSED;
		return (fail(way, "it cannot be uploaded: %s", reason));
	}
}

/* The store refuses If-None-Match, also where it was known to honour it (one of
 * several servers does not): it is asked now, whether it was before or not. */
static bool
upload_unguarded(
    struct way *way, struct hand *hand, struct sending_order *order)
{
	char reason[SENDING_REASON_MAX];
	enum sending_result result;
	bool is_there;

	if (!look_before(way, hand, &is_there))
		return (false);
	if (is_there)
		return (true);
	order->only_new = false;
	result = put_file(order, hand, reason);
	return (judge_upload(way, result, reason));
}

static bool
upload(struct way *way, struct hand *hand)
{
	const struct way_means *means = way->means;
	struct store *store = means->store;
	struct sending_order order = {
		.means = &means->sending,
		.key = buf_span(&way->key),
		.fd = way->file.fd,
		.status = &way->file.status,
		.digest = &way->digest,
		.type = mime_type(means->mime, way->file.name),
		.only_new = store_word(store) != STORE_NOT,
	};
	char reason[SENDING_REASON_MAX];
	enum sending_result result;

	/* Where it fits, step_digest has left it there. */
	if (size_of(way) <= CREW_ROOM)
		order.bytes = (struct span){ hand->room, size_of(way) };
	result = put_file(&order, hand, reason);
	if (result == SENDING_UNSUPPORTED && order.only_new) {
		store_refuses(store);
		return (upload_unguarded(way, hand, &order));
	}
	if (result == SENDING_DONE)
		try_store(way, hand, &order);
	return (judge_upload(way, result, reason));
}

static bool
step_upload(struct way *way, struct hand *hand)
{
	bool is_there = false;

	if (!way->may_upload || way->means->is_dry_run)
		return (true);
	if (store_word(way->means->store) != STORE_HONOURS ||
	    !put_is_one_piece(size_of(way))) {
		if (!look_before(way, hand, &is_there))
			return (false);
		if (is_there)
			return (true);
	}
	return (upload(way, hand));
}

/* ---- check and prove ---- */

static bool
step_check(struct way *way, struct hand *hand)
{
	enum file_state state = file_check(&way->file);

	(void)hand;
	if (state == FILE_FINE || state == FILE_FAILED || !way->was_uploaded)
		return (judge_state(way, state));
	/* We may not delete there, and never would. */
	return (fail(way,
	    "it was changed, moved or deleted while it was uploaded: the "
	    "object \"%s\" has the bytes that it had before, and stays until "
	    "someone removes it",
	    buf_string(&way->key)));
}

static bool
judge_difference(struct way *way, const char *reason)
{
	if (way->was_uploaded)
		return (fail(way,
		    "S3 does not give back what was sent, so it stays: %s",
		    reason));
	return (fail(way,
	    "%s: it is never overwritten, and the file stays; one of the two "
	    "must go, or get another name",
	    reason));
}

static bool
judge_proof(
    struct way *way, enum prove_result result, const struct prove_found *found)
{
	snprintf(way->etag, sizeof(way->etag), "%s", found->etag);
	switch (result) {
	case PROVE_HOLDS:
		way->end = WAY_PROVED;
		return (true);
	case PROVE_MISSING:
		way->end = WAY_MISSING;
		if (!way->was_uploaded)
			return (false);
		way->is_s3 = way->is_refused = true;
		return (fail(way,
		    "S3 took it, but a reader does not get it: %s (has the "
		    "site's key s3:GetObject?)",
		    found->reason));
	case PROVE_DIFFERS:
		return (judge_difference(way, found->reason));
	case PROVE_UNSURE:
		return (fail(way, "%s", found->reason));
	case PROVE_FAILED:
		break;
	}
	way->is_s3 = true;
	way->is_refused = found->is_forbidden;
	return (fail(way, "%s", found->reason));
}

static bool
step_prove(struct way *way, struct hand *hand)
{
	struct prove_order order =
	    order_proof(way, way->means->reader, "reader");
	struct prove_found found;
	enum prove_result result;
	bool has_digest = false;

	if (!way->means->is_dry_run)
		return (judge_proof(way, prove(&order, hand, &found), &found));
	result = prove_look(&order, hand, &has_digest, &found);
	return (judge_proof(way, result, &found));
}

static const struct {
	const char *name;
	step *run;
} steps[] = {
	{ "open", step_open },
	{ "digest", step_digest },
	{ "upload", step_upload },
	{ "check", step_check },
	{ "prove", step_prove },
};

static void
run(struct task *task, struct hand *hand)
{
	struct way *way = (struct way *)task;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (!steps[i].run(way, hand))
			return;
}

struct way *
way_new(const struct way_means *means, struct folder *folder, const char *name,
    const struct stat *status, int64_t now_s)
{
	struct way *way = mem_zero(1, sizeof(*way));

	way->task.run = run;
	way->means = means;
	way->now_s = now_s;
	way->min_age_ms = means->settings->min_age_ms;
	way->depth = means->settings->verify == OFFLOAD_VERIFY_READ
	    ? PROVE_BY_READING
	    : PROVE_BY_HEAD;
	file_init(&way->file, folder, name, status);
	buf_init(&way->key, SITE_KEY_MAX);
	return (way);
}

void
way_free(struct way *way)
{
	if (way == NULL)
		return;
	file_fini(&way->file);
	buf_fini(&way->key);
	free(way);
}

bool
way_find_key(struct way *way, const char *uri, const char *path)
{
	const char *why = "";

	if (mapping_key(way->means->reader, uri, path, &way->key, &why))
		return (true);
	snprintf(way->why, sizeof(way->why), "%s", why);
	return (skip(way, REPORT_NO_KEY));
}

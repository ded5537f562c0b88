/*
 * Which files are taken: see selection.h.
 */
#include "offload/selection.h"

#include "offload/pattern.h"

static const struct offload_settings *
settings_of(const struct selection *selection)
{
	return (selection->commit->means->settings);
}

int64_t
selection_keep_ms(const struct offload_settings *settings)
{
	return (settings->keep_age_ms > settings->min_age_ms
		? settings->keep_age_ms
		: settings->min_age_ms);
}

enum report_reason
selection_refusal(const struct offload_settings *settings,
    const struct walk_entry *entry, int64_t now_s, int64_t min_age_ms)
{
	if (!S_ISREG(entry->status.st_mode))
		return (REPORT_NOT_REGULAR);
	if (settings->include != NULL &&
	    !pattern_matches(settings->include, entry->path))
		return (REPORT_EXCLUDED);
	if (entry->status.st_nlink != 1)
		return (REPORT_LINKS);
	if (!way_is_old(&entry->status, now_s, min_age_ms))
		return (REPORT_TOO_YOUNG);
	return (REPORT_NO_REASON);
}

static int64_t
least_age_ms(const struct selection *selection)
{
	const struct offload_settings *settings = settings_of(selection);

	return (selection->may_upload ? settings->min_age_ms
				      : selection_keep_ms(settings));
}

bool
selection_takes(const struct selection *selection,
    const struct walk_entry *entry, int64_t now_s)
{
	enum report_reason reason = selection_refusal(
	    settings_of(selection), entry, now_s, least_age_ms(selection));

	if (reason != REPORT_NO_REASON && !selection->is_silent)
		commit_tell(selection->commit, REPORT_SKIPPED, reason,
		    entry->path, (uint64_t)entry->status.st_size, NULL);
	return (reason == REPORT_NO_REASON);
}

/* The end of a WAY that need not begin; NULL. */
static struct way *
drop(const struct selection *selection, struct way *way,
    enum report_reason reason)
{
	const struct report_event event = {
		.what = REPORT_SKIPPED,
		.offload = settings_of(selection)->name,
		.path = way->file.path,
		.bytes = (uint64_t)way->file.status.st_size,
		.why = way->why[0] != '\0' ? way->why : NULL,
		.reason = reason,
	};

	report_event(selection->commit->report, &event);
	report_file_done(selection->commit->report, event.bytes);
	way_free(way);
	return (NULL);
}

struct way *
selection_take(const struct selection *selection,
    const struct walk_entry *entry, int64_t now_s)
{
	const struct offload_settings *settings = settings_of(selection);
	struct commit *commit = selection->commit;
	struct way *way = way_new(
	    commit->means, entry->folder, entry->name, &entry->status, now_s);

	way->min_age_ms = least_age_ms(selection);
	way->may_upload = selection->may_upload;
	way->may_evict = selection->may_evict &&
	    way_is_old(&entry->status, now_s, selection_keep_ms(settings));
	if (entry->is_left) {
		way->may_upload = false;
		way->may_evict = true;
	}
	if (!way_find_key(way, settings->uri, entry->path))
		return (drop(selection, way, way->reason));
	if (!way->may_evict && commit->known != NULL &&
	    known_keep(commit->known, commit_print(commit, way)))
		return (drop(selection, way, REPORT_ALREADY));
	return (way);
}

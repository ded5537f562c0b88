/*
 * Root and journal: see place.h.
 *
 * The lock is on the root itself, so that two settings files that name one
 * folder exclude each other as well, and so that it can be had when the disk is
 * full.
 */
#include "offload/place.h"

#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

enum { WHY_MAX = 2048, STATE_MODE = 0700, PARENT_MODE = 0755 };

char *
place_path(const struct offload_settings *settings, const char *what)
{
	return (mem_printf("%s/%s.%s", settings->state, settings->name, what));
}

/* Make the folder at PATH, and those above it that are missing; false with
 * errno. */
static bool
make_folders(const char *path)
{
	char *upto = mem_string(path);
	bool is_made = true;

	for (char *at = upto + 1; is_made && *at != '\0'; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		is_made = mkdir(upto, PARENT_MODE) == 0 || errno == EEXIST;
		*at = '/';
	}
	is_made = is_made && (mkdir(path, STATE_MODE) == 0 || errno == EEXIST);
	free(upto);
	return (is_made);
}

/* Where a file system knows no locks (ENOLCK, EBADF of NFS) the journal's has
 * to do. */
static enum status
lock_root(const struct place *place, const struct offload_settings *settings)
{
	if (flock(place->root->fd, LOCK_EX | LOCK_NB) == 0 ||
	    errno != EWOULDBLOCK)
		return (STATUS_DONE);
	log_error("offload %s: another run is at work on %s: nothing was done",
	    settings->name, settings->root);
	return (STATUS_LOCKED);
}

static enum status
open_journal(struct place *place, const struct offload_settings *settings)
{
	char *path = place_path(settings, "journal");
	struct buf why;

	buf_init(&why, WHY_MAX);
	if (!make_folders(settings->state))
		log_error("offload %s: the folder %s for the journal cannot be "
			  "made: %s; right would be: state = a folder that "
			  "this user may write to",
		    settings->name, settings->state, strerror(errno));
	else {
		place->journal = journal_open(path, &why);
		if (place->journal == NULL)
			log_error(
			    "offload %s: %s", settings->name, buf_string(&why));
	}
	buf_fini(&why);
	free(path);
	return (place->journal != NULL ? STATUS_DONE : STATUS_FAILED);
}

enum status
place_open(struct place *place, const struct offload_settings *settings,
    bool is_read_only)
{
	enum status status;

	*place = (struct place){ .root = folder_open_root(settings->root) };
	if (place->root == NULL) {
		log_error("offload %s: root: %s cannot be opened: %s",
		    settings->name, settings->root, strerror(errno));
		return (STATUS_FAILED);
	}
	if (is_read_only)
		return (STATUS_DONE);
	status = lock_root(place, settings);
	return (status == STATUS_DONE ? open_journal(place, settings) : status);
}

void
place_close(struct place *place)
{
	journal_close(place->journal);
	folder_release(place->root);
}

/*
 * One local file: opened so that it is surely the one that is meant, known
 * again, and taken away only while it is still the very same.
 *
 * What is checked, and what a failure leaves: the file as it was.  The name of
 * a file that is being taken away is FILE_LEAVING and its own, for an instant;
 * what a run that was killed left under such a name gets its own back
 * (file_return).
 */
#ifndef OFFLOAD_FILE_H
#define OFFLOAD_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/attr.h"
#include "base/buf.h"
#include "offload/folder.h"

/* In front of its name; alone, the name of a folder for those whose own names
 * leave no room for it. */
#define FILE_LEAVING ".trys3-evicting-"
/* One that is being restored, where the file system knows none without a
 * name. */
#define FILE_ARRIVING ".trys3-restoring-"

struct file {
	struct folder *folder; /* held */
	char *name;
	char *path;         /* below the root */
	int fd;             /* read only; -1: not open */
	struct stat status; /* when it was opened; before, when it was seen */
};

/* NAME in FOLDER, which is held, seen with STATUS; not open. */
void file_init(struct file *file, struct folder *folder, const char *name,
    const struct stat *status);
/* Closes. */
void file_fini(struct file *file);

enum file_state {
	FILE_FINE,
	FILE_GONE,    /* there is none any more at its path */
	FILE_STRANGE, /* no regular file: a link, a folder, a FIFO */
	FILE_LINKED,  /* it has other names as well, which would stay */
	FILE_OPEN,    /* someone has it open for writing */
	FILE_CHANGED, /* another than it was, or with other bytes or times */
	FILE_FAILED,  /* errno says why */
};

/* The later of when its bytes and when its owner, mode or name changed,
 * seconds since the epoch: that is how old it is. */
int64_t file_changed_s(const struct stat *status);

/* Open it: regular, of one name, and nobody has it open for writing.  The last
 * is found out by a read lease (fcntl(2), F_SETLEASE), which is given back at
 * once; where that is not possible (another's file, a file system that has
 * none) *NO_LEASE is set and it is not known. */
enum file_state file_open(struct file *file, bool *no_lease) ATTR_MUST_USE;

/* Is what stands under its path still the file that was opened, with the size
 * and times that it had? */
enum file_state file_check(const struct file *file) ATTR_MUST_USE;

/* Whereto a file is taken: NULL of folder: it is deleted. */
struct file_goal {
	struct folder *folder; /* of the trash, on the same file system */
	const char *name;      /* there; nothing has that name */
};

/* Take it away, if it is still the very same and nobody opens it for writing:
 * under a lease it is renamed first, so that nobody can find it any more; if
 * someone had it already, the lease tells, and it is renamed back.  On FAILED
 * with EEXIST it could not get its name back, since another has it by now:
 * then it stays where it was brought, as the file at *LEFT (the caller's to
 * free; else NULL). */
enum file_state file_take_away(
    struct file *file, const struct file_goal *goal, char **left) ATTR_MUST_USE;

/* Is NAME in FOLDER one of a file that was being taken away?  It may be another
 * thing, which had just taken the place of that. */
bool file_is_leaving(const struct folder *folder, const char *name);

/* Is it one that was being restored?  It is nothing, and may be removed. */
bool file_is_arriving(const char *name);

/* Bring FROM to TO, where nothing may be: EEXIST.  FROM is a name that nobody
 * else gives to a file, since where the file system cannot rename like that TO
 * is linked first, and then FROM removed.  False with errno. */
bool file_move(
    int from_fd, const char *from, int to_fd, const char *to) ATTR_MUST_USE;

/* Is there, of the file NAME in FOLDER, what a killed run left?  Then it gets
 * its name back, where no other file has that. */
bool file_return_to(struct folder *folder, const char *name);

/* Give a file that a killed run left as *NAME in *FOLDER (file_is_leaving) its
 * own name back: then both say where that is, views of what they were.  FAILED
 * with EEXIST: another file has it by now. */
enum file_state
file_return(struct folder **folder, const char **name) ATTR_MUST_USE;

#endif

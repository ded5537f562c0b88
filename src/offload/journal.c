/*
 * The journal: see journal.h.
 *
 * A half line is ended by a percent sign that encodes nothing, and not only by
 * a newline: torn within its last field, the path, it would else pass for the
 * line of another file.
 *
 * The lock is flock's, since those of fcntl would fall when audit's reading in
 * the same process closes the file.
 */
#include "offload/journal.h"

#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"

#define TORN "%torn\n"
#define ADVICE_ROOM \
	"make room there, or say state = a folder on another file system"

enum { READ_ROOM = 2 * JOURNAL_LINE_MAX };

struct journal {
	int fd;
	char *path;
	off_t end;        /* of all that is whole and on the disk */
	off_t reserved;   /* up to where there are blocks */
	struct buf added; /* lines that wait for journal_sync */
	bool is_broken;   /* no sync is to be believed any more */
};

/* Returns false, for the caller to return. */
static bool
say(struct buf *why, const char *path, const char *wrong, const char *right)
{
	bool fits =
	    buf_printf(why, "journal %s: %s; right is: %s", path, wrong, right);

	(void)fits; /* else a part is missing in what is only told */
	return (false);
}

static bool
sync_data(int fd)
{
	while (fdatasync(fd) != 0)
		if (errno != EINTR)
			return (false);
	return (true);
}

/* Of the folder that PATH is in; freed by the caller. */
static char *
folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return (mem_string("."));
	return (
	    mem_string_of(path, slash == path ? 1 : (size_t)(slash - path)));
}

/* A new file's name is on the disk only when its folder is.  Each time, for the
 * run that made the file may have been killed before this. */
static bool
sync_folder(const char *path)
{
	char *folder = folder_of(path);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* EINVAL: this file system has nothing to sync. */
	bool ok = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL);
	int error = errno;

	free(folder);
	if (fd >= 0)
		close(fd);
	errno = error;
	return (ok);
}

/* Best effort: where it cannot be had, the write will tell. */
static void
reserve(struct journal *journal)
{
	if (journal->reserved - journal->end >= JOURNAL_RESERVE)
		return;
	/* Twice of it, so that this is not done at every sync. */
	if (fallocate(journal->fd, FALLOC_FL_KEEP_SIZE, journal->end,
		2 * JOURNAL_RESERVE) == 0)
		journal->reserved = journal->end + 2 * JOURNAL_RESERVE;
}

static bool
end_torn_line(struct journal *journal)
{
	char last;

	if (journal->end == 0)
		return (true);
	errno = EIO;
	if (pread(journal->fd, &last, 1, journal->end - 1) != 1)
		return (false);
	if (last == '\n')
		return (true);
	if (!fd_write(journal->fd, SPAN(TORN)) || !sync_data(journal->fd))
		return (false);
	journal->end += (off_t)strlen(TORN);
	return (true);
}

static bool
open_file(struct journal *journal, struct buf *why)
{
	const char *path = journal->path;

	/* O_NONBLOCK: a FIFO is not waited for. */
	journal->fd = open(path,
	    O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK,
	    0600);
	if (journal->fd >= 0)
		return (true);
	if (errno == ELOOP)
		return (say(why, path, "it is a symbolic link",
		    "state = the folder itself"));
	if (errno == ENOENT)
		return (say(why, path, "its folder is not there",
		    "install -d -m 700 of that folder, or state = another"));
	return (say(why, path, strerror(errno),
	    "state = a folder that this user can write"));
}

static bool
lock_file(struct journal *journal, struct buf *why)
{
	struct stat status;

	if (flock(journal->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
		return (say(why, journal->path, "another run writes to it",
		    "wait for its end, or state = another folder"));
	/* Other errors: this file system has no locks. */
	if (fstat(journal->fd, &status) != 0)
		return (say(why, journal->path, strerror(errno), ADVICE_ROOM));
	if (!S_ISREG(status.st_mode))
		return (say(why, journal->path, "it is no regular file",
		    "to move it away"));
	journal->end = status.st_size;
	return (true);
}

struct journal *
journal_open(const char *path, struct buf *why)
{
	struct journal *journal = mem_zero(1, sizeof(*journal));

	journal->path = mem_string(path);
	buf_init(&journal->added, JOURNAL_ADDED_MAX);
	if (open_file(journal, why) && lock_file(journal, why)) {
		reserve(journal);
		if (end_torn_line(journal) && sync_folder(path))
			return (journal);
		say(why, path, strerror(errno), ADVICE_ROOM);
	}
	journal_close(journal);
	return (NULL);
}

void
journal_close(struct journal *journal)
{
	if (journal == NULL)
		return;
	if (journal->fd >= 0)
		close(journal->fd);
	buf_fini(&journal->added);
	free(journal->path);
	free(journal);
}

bool
journal_add(struct journal *journal, const struct journal_entry *entry)
{
	return (journal_line_write(&journal->added, entry));
}

/* The file as it was before; it may be that what is behind its end has no
 * blocks then. */
static void
cut_back(struct journal *journal)
{
	int result;

	do
		result = ftruncate(journal->fd, journal->end);
	while (result != 0 && errno == EINTR);
	if (result != 0)
		journal->is_broken = true;
	journal->reserved = 0;
	reserve(journal);
}

bool
journal_sync(struct journal *journal, struct buf *why)
{
	struct span lines = buf_span(&journal->added);
	bool is_written;
	int error;

	/* What they are in stays until the next is added. */
	buf_clear(&journal->added);
	if (journal->is_broken)
		return (say(why, journal->path,
		    "it failed before, and what it says now would mean nothing",
		    "to begin anew, when the disk is in order"));
	if (lines.len == 0)
		return (true);
	is_written = fd_write(journal->fd, lines);
	if (is_written && sync_data(journal->fd)) {
		journal->end += (off_t)lines.len;
		reserve(journal);
		return (true);
	}
	error = errno;
	journal->is_broken = is_written;
	cut_back(journal);
	return (say(why, journal->path, strerror(error), ADVICE_ROOM));
}

/* A journal while it is read. */
struct reading {
	journal_handler *handler;
	void *context;
	struct buf texts; /* of the entry at hand */
	size_t n_passed_over;
	bool is_long; /* the beginning of this line was dropped */
	bool is_over; /* the handler has enough */
};

static void
take_line(struct reading *reading, struct span line)
{
	struct journal_entry entry;

	if (!reading->is_long &&
	    journal_line_read(line, &reading->texts, &entry))
		reading->is_over = !reading->handler(reading->context, &entry);
	else
		reading->n_passed_over++;
	reading->is_long = false;
}

/* The lines in TEXT; what is left of it is a line's beginning. */
static struct span
take_lines(struct reading *reading, struct span text)
{
	const char *end;

	while (!reading->is_over && text.len > 0 &&
	    (end = memchr(text.data, '\n', text.len)) != NULL)
		take_line(reading, span_cut(&text, '\n'));
	return (text);
}

static bool
read_lines(struct reading *reading, int fd)
{
	char *room = mem_alloc(READ_ROOM);
	struct span rest = { room, 0 };
	ssize_t len = 1;

	while (!reading->is_over && len != 0) {
		len = read(fd, room + rest.len, READ_ROOM - rest.len);
		if (len < 0 && errno != EINTR)
			break;
		if (len <= 0)
			continue;
		rest = take_lines(
		    reading, (struct span){ room, rest.len + (size_t)len });
		if (rest.len > 0)
			memmove(room, rest.data, rest.len);
		if (rest.len == READ_ROOM) {
			reading->is_long = true;
			rest.len = 0;
		}
	}
	free(room);
	if (!reading->is_over && (rest.len > 0 || reading->is_long))
		reading->n_passed_over++;
	return (len >= 0 || reading->is_over);
}

bool
journal_read(const char *path, journal_handler *handler, void *context,
    size_t *n_passed_over, struct buf *why)
{
	struct reading reading = { .handler = handler, .context = context };
	struct stat status;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	bool ok = fd >= 0 && fstat(fd, &status) == 0;

	*n_passed_over = 0;
	if (fd < 0 && errno == ENOENT)
		return (true);
	if (ok && !S_ISREG(status.st_mode)) {
		ok = false;
		errno = EINVAL;
	}
	if (ok) {
		buf_init(&reading.texts, JOURNAL_LINE_MAX);
		ok = read_lines(&reading, fd);
		*n_passed_over = reading.n_passed_over;
	}
	if (!ok)
		say(why, path, strerror(errno),
		    "a regular file that this user can read");
	buf_fini(&reading.texts);
	if (fd >= 0)
		close(fd);
	return (ok);
}

/*
 * One local file: see file.h.
 *
 * A file is known by its device and inode, and held to be unchanged by its
 * size and its two times.  The time of change cannot be set by anyone, so it
 * tells of bytes written by whoever puts the other back (touch -d, rsync -t);
 * only our own renaming moves it, so behind that it is left out.  A folder
 * above it that was renamed takes it to another path, whose key nobody has
 * proved.
 *
 * What is left is the writer who had looked the name up, but not yet asked for
 * the file, when we renamed it: no system call tells of him.  That takes him
 * less than a microsecond; then the lease, if it still is there, stops him.
 */
#include "offload/file.h"

#include <sys/vfs.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/stamp.h"

enum { LEAVING_MODE = 0700 };

void
file_init(struct file *file, struct folder *folder, const char *name,
    const struct stat *status)
{
	*file = (struct file){
		.folder = folder_hold(folder),
		.name = mem_string(name),
		.path = mem_printf("%s%s", folder->path, name),
		.fd = -1,
		.status = *status,
	};
}

void
file_fini(struct file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	folder_release(file->folder);
	free(file->name);
	free(file->path);
	*file = (struct file){ .fd = -1 };
}

int64_t
file_changed_s(const struct stat *status)
{
	return (status->st_mtime > status->st_ctime ? status->st_mtime
						    : status->st_ctime);
}

static enum file_state
judge_status(const struct stat *status)
{
	if (!S_ISREG(status->st_mode))
		return (FILE_STRANGE);
	return (status->st_nlink == 1 ? FILE_FINE : FILE_LINKED);
}

/* Is FD on a file system of another machine's?  NFS and SMB give a lease only
 * where the server has given them one: EAGAIN says nothing there. */
static bool
is_remote(int fd)
{
	struct statfs found;

	if (fstatfs(fd, &found) != 0)
		return (false);
	return (found.f_type == NFS_SUPER_MAGIC ||
	    found.f_type == CIFS_SUPER_MAGIC ||
	    found.f_type == SMB2_SUPER_MAGIC);
}

/* Take a read lease: FINE, OPEN, or FAILED where there can be none. */
static enum file_state
lease(int fd)
{
	if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0)
		return (FILE_FINE);
	return (errno == EAGAIN && !is_remote(fd) ? FILE_OPEN : FILE_FAILED);
}

static void
end_lease(int fd)
{
	(void)fcntl(fd, F_SETLEASE, F_UNLCK);
}

/* Does the lease still stand?  It is F_UNLCK as soon as someone wants to
 * write. */
static bool
is_leased(int fd)
{
	return (fcntl(fd, F_GETLEASE) == F_RDLCK);
}

/* ELOOP is also what a socket or a device without a driver might be called. */
static enum file_state
judge_open_error(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return (FILE_GONE);
	case ELOOP:
	case ENXIO:
	case EISDIR:
		return (FILE_STRANGE);
	default:
		return (FILE_FAILED);
	}
}

/* O_NONBLOCK: a FIFO would hold us until someone writes, and a lease that
 * another program holds until that lets go.  O_NOATIME, which is for a file's
 * owner: that we read it is nobody's business, and no inode is to be written
 * for it. */
static int
open_at(const struct file *file)
{
	const int flags =
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	int fd = openat(file->folder->fd, file->name, flags | O_NOATIME);

	if (fd < 0 && errno == EPERM)
		fd = openat(file->folder->fd, file->name, flags);
	return (fd);
}

enum file_state
file_open(struct file *file, bool *no_lease)
{
	enum file_state state;

	*no_lease = false;
	file->fd = open_at(file);
	if (file->fd < 0)
		return (
		    errno == EWOULDBLOCK ? FILE_OPEN : judge_open_error(errno));
	if (fstat(file->fd, &file->status) != 0)
		return (FILE_FAILED);
	state = judge_status(&file->status);
	if (state != FILE_FINE)
		return (state);
	state = lease(file->fd);
	*no_lease = state == FILE_FAILED;
	if (state == FILE_OPEN)
		return (FILE_OPEN);
	end_lease(file->fd);
	return (FILE_FINE);
}

static enum file_state
compare(const struct stat *was, const struct stat *is, bool with_change)
{
	enum file_state state;

	if (!stamp_is_file(was, is))
		return (FILE_CHANGED);
	state = judge_status(is);
	if (state != FILE_FINE)
		return (state);
	if (was->st_size != is->st_size ||
	    !stamp_is_time(&was->st_mtim, &is->st_mtim) ||
	    (with_change && !stamp_is_time(&was->st_ctim, &is->st_ctim)))
		return (FILE_CHANGED);
	return (FILE_FINE);
}

static enum file_state
check_at(
    const struct file *file, int folder_fd, const char *name, bool with_change)
{
	struct stat status;

	if (fstatat(folder_fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return (judge_open_error(errno));
	return (compare(&file->status, &status, with_change));
}

enum file_state
file_check(const struct file *file)
{
	if (!folder_is_in_place(file->folder))
		return (FILE_GONE);
	return (check_at(file, file->folder->fd, file->name, true));
}

/* Did a rename fail since the file system has none that never replaces? */
static bool
is_unsupported(int error)
{
	return (error == EINVAL || error == ENOSYS);
}

bool
file_move(int from_fd, const char *from, int to_fd, const char *to)
{
	if (renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE) == 0)
		return (true);
	return (is_unsupported(errno) &&
	    linkat(from_fd, from, to_fd, to, 0) == 0 &&
	    unlinkat(from_fd, from, 0) == 0);
}

/* The other way round: TO is ours alone, but whoever puts another file in the
 * place of FROM must not lose that, as he would by a link and an unlink. */
static bool
take(int from_fd, const char *from, int to_fd, const char *to)
{
	struct stat status;

	if (renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE) == 0)
		return (true);
	if (!is_unsupported(errno))
		return (false);
	if (fstatat(to_fd, to, &status, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return (false);
	}
	return (errno == ENOENT && renameat(from_fd, from, to_fd, to) == 0);
}

/* It stands as TO in TO_FOLDER: give it its name back, for REASON. */
static enum file_state
bring_back(const struct file *file, struct folder *to_folder, const char *to,
    enum file_state reason, char **left)
{
	int why = errno;

	if (file_move(to_folder->fd, to, file->folder->fd, file->name)) {
		errno = why;
		return (reason);
	}
	if (errno == ENOENT)
		return (FILE_GONE);
	*left = mem_printf("%s%s", to_folder->path, to);
	return (FILE_FAILED);
}

/* Bring it to TO, where nobody looks for it; is it still what was proved? */
static enum file_state
move_away(const struct file *file, bool is_leased_now, struct folder *to_folder,
    const char *to, char **left)
{
	enum file_state state;

	if (!take(file->folder->fd, file->name, to_folder->fd, to))
		return (errno == ENOENT ? FILE_GONE : FILE_FAILED);
	state = check_at(file, to_folder->fd, to, false);
	/* Who renames a folder from now on renames it without the file. */
	if (state == FILE_FINE && !folder_is_in_place(file->folder))
		state = FILE_GONE;
	if (state != FILE_FINE)
		return (bring_back(file, to_folder, to, state, left));
	if (is_leased_now && !is_leased(file->fd))
		return (bring_back(file, to_folder, to, FILE_OPEN, left));
	return (FILE_FINE);
}

/* Delete it: by way of NAME in FOLDER. */
static enum file_state
remove_by(const struct file *file, bool is_leased_now, struct folder *folder,
    const char *name, char **left)
{
	enum file_state state =
	    move_away(file, is_leased_now, folder, name, left);

	if (state == FILE_FINE && unlinkat(folder->fd, name, 0) != 0)
		state = bring_back(file, folder, name, FILE_FAILED, left);
	return (state);
}

/* What NAME is called while its file is being taken away, freed by the caller;
 * NULL where that would be too long: then it is in a folder, FILE_LEAVING. */
static char *
name_leaving(const char *name)
{
	if (strlen(FILE_LEAVING) + strlen(name) > NAME_MAX)
		return (NULL);
	return (mem_printf("%s%s", FILE_LEAVING, name));
}

/* Delete it: by way of another name, or of another folder. */
static enum file_state
remove_file(const struct file *file, bool is_leased_now, char **left)
{
	char *leaving = name_leaving(file->name);
	struct folder *folder;
	enum file_state state;
	int why;

	if (leaving != NULL) {
		state =
		    remove_by(file, is_leased_now, file->folder, leaving, left);
		free(leaving);
		return (state);
	}
	folder = folder_make(file->folder, FILE_LEAVING, LEAVING_MODE);
	if (folder == NULL)
		return (FILE_FAILED);
	state = remove_by(file, is_leased_now, folder, file->name, left);
	why = errno;
	folder->may_remove = true;
	folder_release(folder);
	errno = why;
	return (state);
}

enum file_state
file_take_away(struct file *file, const struct file_goal *goal, char **left)
{
	enum file_state state = lease(file->fd);
	bool is_leased_now = state == FILE_FINE;
	int why;

	*left = NULL;
	if (state == FILE_OPEN)
		return (FILE_OPEN);
	state = file_check(file);
	if (state == FILE_FINE)
		state = goal->folder != NULL
		    ? move_away(
			  file, is_leased_now, goal->folder, goal->name, left)
		    : remove_file(file, is_leased_now, left);
	why = errno;
	if (is_leased_now)
		end_lease(file->fd);
	errno = why;
	return (state);
}

static bool
is_leaving_folder(const struct folder *folder)
{
	return (strcmp(folder->name, FILE_LEAVING) == 0);
}

bool
file_is_leaving(const struct folder *folder, const char *name)
{
	return (is_leaving_folder(folder) ||
	    (strncmp(name, FILE_LEAVING, strlen(FILE_LEAVING)) == 0 &&
		name[strlen(FILE_LEAVING)] != '\0'));
}

bool
file_is_arriving(const char *name)
{
	return (strncmp(name, FILE_ARRIVING, strlen(FILE_ARRIVING)) == 0);
}

/* Are both names of one file: killed between link and unlink? */
static bool
is_one_file(int a_fd, const char *a, int b_fd, const char *b)
{
	struct stat one, other;

	return (fstatat(a_fd, a, &one, AT_SYMLINK_NOFOLLOW) == 0 &&
	    fstatat(b_fd, b, &other, AT_SYMLINK_NOFOLLOW) == 0 &&
	    stamp_is_file(&one, &other));
}

bool
file_return_to(struct folder *folder, const char *name)
{
	char *leaving = name_leaving(name);
	struct folder *apart =
	    leaving == NULL ? folder_open(folder, FILE_LEAVING) : NULL;
	bool is_back = false;

	if (leaving != NULL)
		is_back = file_move(folder->fd, leaving, folder->fd, name);
	else if (apart != NULL) {
		is_back = file_move(apart->fd, name, folder->fd, name);
		apart->may_remove = is_back;
	}
	folder_release(apart);
	free(leaving);
	return (is_back);
}

enum file_state
file_return(struct folder **folder, const char **name)
{
	bool is_folder = is_leaving_folder(*folder);
	struct folder *home = is_folder ? (*folder)->parent : *folder;
	const char *own = is_folder ? *name : *name + strlen(FILE_LEAVING);
	bool is_back;

	is_back = file_move((*folder)->fd, *name, home->fd, own);
	if (!is_back && errno == ENOENT)
		return (FILE_GONE);
	if (!is_back && errno == EEXIST) {
		if (is_one_file((*folder)->fd, *name, home->fd, own))
			is_back = unlinkat((*folder)->fd, *name, 0) == 0;
		else
			errno = EEXIST;
	}
	if (!is_back)
		return (FILE_FAILED);
	(*folder)->may_remove = (*folder)->may_remove || is_folder;
	*folder = home;
	*name = own;
	return (FILE_FINE);
}

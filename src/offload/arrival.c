/*
 * A file that comes back: see arrival.h.
 */
#include "offload/arrival.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "offload/digest.h"
#include "offload/file.h"
#include "s3/mtime.h"

enum {
	MODE_MADE = 0600,     /* until it is named */
	MODE_STANDARD = 0644, /* of what says nothing */
	MODE_BITS = 0777,     /* no set-user-ID comes back from a bucket */
	NAME_ROOM = 64,
};

struct arrival {
	const struct folder *folder;
	int fd;
	char name[NAME_ROOM]; /* where it cannot do without; "" else */
	uint64_t size;
	EVP_MD_CTX *digest;
};

/* Debian's kernel has O_TMPFILE on all file systems but those of others. */
static bool
open_file(struct arrival *arrival)
{
	int folder_fd = arrival->folder->fd;

	arrival->fd =
	    openat(folder_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, MODE_MADE);
	if (arrival->fd >= 0 ||
	    (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return (arrival->fd >= 0);
	snprintf(arrival->name, sizeof(arrival->name), "%s%d-%u", FILE_ARRIVING,
	    (int)getpid(), clock_random(UINT32_MAX));
	arrival->fd = openat(folder_fd, arrival->name,
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, MODE_MADE);
	if (arrival->fd < 0)
		arrival->name[0] = '\0';
	return (arrival->fd >= 0);
}

static void
begin_digest(struct arrival *arrival)
{
	if (EVP_DigestInit_ex(arrival->digest, EVP_sha256(), NULL) != 1)
		log_fatal(1, "OpenSSL has no SHA-256");
}

struct arrival *
arrival_begin(const struct folder *folder)
{
	struct arrival *arrival = mem_zero(1, sizeof(*arrival));
	int why;

	arrival->folder = folder;
	if (!open_file(arrival)) {
		why = errno;
		free(arrival);
		errno = why;
		return (NULL);
	}
	arrival->digest = EVP_MD_CTX_new();
	if (arrival->digest == NULL)
		log_fatal(1, "OpenSSL: out of memory");
	begin_digest(arrival);
	return (arrival);
}

void
arrival_free(struct arrival *arrival)
{
	if (arrival == NULL)
		return;
	close(arrival->fd);
	if (arrival->name[0] != '\0')
		(void)unlinkat(arrival->folder->fd, arrival->name, 0);
	EVP_MD_CTX_free(arrival->digest);
	free(arrival);
}

bool
arrival_restart(struct arrival *arrival)
{
	begin_digest(arrival);
	arrival->size = 0;
	return (ftruncate(arrival->fd, 0) == 0 &&
	    lseek(arrival->fd, 0, SEEK_SET) == 0);
}

bool
arrival_write(struct arrival *arrival, struct span bytes)
{
	if (EVP_DigestUpdate(arrival->digest, bytes.data, bytes.len) != 1)
		log_fatal(1, "OpenSSL cannot digest");
	arrival->size += bytes.len;
	return (fd_write(arrival->fd, bytes));
}

bool
arrival_is_intact(struct arrival *arrival, const struct metadata *metadata)
{
	struct span wanted = metadata->field[METADATA_SHA256];
	unsigned char bytes[EVP_MAX_MD_SIZE];
	char text[2 * EVP_MAX_MD_SIZE + 1];
	unsigned len = 0;

	if (EVP_DigestFinal_ex(arrival->digest, bytes, &len) != 1)
		log_fatal(1, "OpenSSL cannot digest");
	format_hex(bytes, len, text);
	return (
	    wanted.data == NULL || span_equal_nocase(wanted, span_of(text)));
}

/* An octal mode; else the standard. */
static mode_t
mode_of(const struct metadata *metadata)
{
	struct span text = metadata->field[METADATA_MODE];
	mode_t mode = 0;

	if (text.len == 0 || text.len > 7)
		return (MODE_STANDARD);
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '7')
			return (MODE_STANDARD);
		mode = mode * 8 + (mode_t)(text.data[i] - '0');
	}
	return (mode & MODE_BITS);
}

/* By root: the owner that it had, or, where that was not kept, that of the
 * folder. */
static bool
give_owner(const struct arrival *arrival, const struct metadata *metadata)
{
	const struct stat *folder = &arrival->folder->status;
	uint64_t uid = folder->st_uid, gid = folder->st_gid;

	if (geteuid() != 0)
		return (true);
	if (!parse_number(
		metadata->field[METADATA_UID], 0, UINT32_MAX - 1, &uid) ||
	    !parse_number(
		metadata->field[METADATA_GID], 0, UINT32_MAX - 1, &gid)) {
		uid = folder->st_uid;
		gid = folder->st_gid;
	}
	return (fchown(arrival->fd, (uid_t)uid, (gid_t)gid) == 0);
}

struct timespec
arrival_mtime(const struct metadata *metadata)
{
	struct timespec when = { .tv_nsec = UTIME_OMIT };
	int64_t seconds;
	long nanoseconds;

	if (mtime_parse(
		metadata->field[METADATA_MTIME], &seconds, &nanoseconds)) {
		when.tv_sec = (time_t)seconds;
		when.tv_nsec = nanoseconds;
	} else if (parse_http_date(metadata->field[METADATA_LAST_MODIFIED],
		       clock_wall_s(), &seconds)) {
		when.tv_sec = (time_t)seconds;
		when.tv_nsec = 0;
	}
	return (when);
}

static bool
give_name(struct arrival *arrival, const char *name)
{
	char path[64];

	if (arrival->name[0] == '\0') {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", arrival->fd);
		return (linkat(AT_FDCWD, path, arrival->folder->fd, name,
			    AT_SYMLINK_FOLLOW) == 0);
	}
	if (!file_move(
		arrival->folder->fd, arrival->name, arrival->folder->fd, name))
		return (false);
	arrival->name[0] = '\0';
	return (true);
}

bool
arrival_end(
    struct arrival *arrival, const struct metadata *metadata, const char *name)
{
	struct timespec times[2] = {
		{ .tv_nsec = UTIME_OMIT },
		arrival_mtime(metadata),
	};

	return (give_owner(arrival, metadata) &&
	    fchmod(arrival->fd, mode_of(metadata)) == 0 &&
	    futimens(arrival->fd, times) == 0 && fsync(arrival->fd) == 0 &&
	    give_name(arrival, name) && fsync(arrival->folder->fd) == 0);
}

uint64_t
arrival_size(const struct arrival *arrival)
{
	return (arrival->size);
}

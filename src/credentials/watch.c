/*
 * Files and their changes: see watch.h.
 */
#include "credentials/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/stamp.h"

struct file {
	char *path;
	struct stamp stamp;
};

struct watch {
	struct file *files;
	size_t n;
};

struct watch *
watch_new(void)
{
	return (mem_zero(1, sizeof(struct watch)));
}

void
watch_free(struct watch *watch)
{
	if (watch == NULL)
		return;
	watch_clear(watch);
	free(watch);
}

void
watch_clear(struct watch *watch)
{
	for (size_t i = 0; i < watch->n; i++)
		free(watch->files[i].path);
	free(watch->files);
	*watch = (struct watch){ .n = 0 };
}

void
watch_note(struct watch *watch, const char *path)
{
	/* What was read after the first look must not hide a change between
	 * the two. */
	for (size_t i = 0; i < watch->n; i++)
		if (strcmp(watch->files[i].path, path) == 0)
			return;
	watch->files =
	    mem_resize(watch->files, (watch->n + 1) * sizeof(*watch->files));
	watch->files[watch->n++] = (struct file){
		.path = mem_string(path),
		.stamp = stamp_of(path),
	};
}

const char *
watch_changed(const struct watch *watch)
{
	for (size_t i = 0; i < watch->n; i++) {
		struct stamp now = stamp_of(watch->files[i].path);

		if (!stamp_is_same(&now, &watch->files[i].stamp))
			return (watch->files[i].path);
	}
	return (NULL);
}

/* Up to SIZE bytes from FD; -1 with errno. */
static ssize_t
read_all(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t got;

	while (len < size) {
		got = read(fd, text + len, size - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return (-1);
		if (got == 0)
			break;
		len += (size_t)got;
	}
	return ((ssize_t)len);
}

/* The same of a regular file; SIZE bytes are one too many. */
static ssize_t
read_file(int fd, char *text, size_t size)
{
	struct stat status;
	ssize_t len;

	if (fstat(fd, &status) != 0)
		return (-1);
	if (S_ISDIR(status.st_mode) || !S_ISREG(status.st_mode)) {
		errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
		return (-1);
	}
	len = read_all(fd, text, size);
	if (len == (ssize_t)size) {
		errno = EFBIG;
		return (-1);
	}
	return (len);
}

char *
watch_read(struct watch *watch, const char *path, size_t max, size_t *len)
{
	size_t size = max + 1;
	ssize_t got = -1;
	char *text;
	int fd, why;

	watch_note(watch, path);
	/* A FIFO must not hold us. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return (NULL);
	text = mem_zero(size, 1);
	got = read_file(fd, text, size);
	why = errno;
	close(fd);
	if (got < 0) {
		mem_wipe_free(text);
		errno = why;
		return (NULL);
	}
	*len = (size_t)got;
	return (text);
}

char *
watch_read_token(struct watch *watch, const char *path)
{
	size_t len;
	char *token = watch_read(watch, path, WATCH_TOKEN_MAX, &len);

	if (token == NULL) {
		if (errno == EFBIG)
			errno = EINVAL;
		return (NULL);
	}
	if (len > 0 && strlen(token) == len) {
		while (len > 0 && char_is_space(token[len - 1]))
			token[--len] = '\0';
		if (len > 0)
			return (token);
	}
	mem_wipe_free(token);
	errno = EINVAL;
	return (NULL);
}

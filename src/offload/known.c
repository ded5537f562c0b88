/*
 * What is known to be uploaded: see known.h.
 *
 * A table is a header and 2^bits slots, a fingerprint in the first free slot
 * from the one that its highest bits name; at most half of them are in use.
 * To grow is to put all of it into another of twice the size: as the order
 * stays the same, both are gone through from front to back.
 *
 * The space is allocated before it is mapped, since to write to a page for
 * which the disk has no block is a SIGBUS.  What remains is a disk that fails,
 * or a file system that does not keep its word (ZFS): then the process is
 * killed, which it is made to bear at any moment.
 *
 * Not SQLite or dbm: a library more, for a set that may be lost.
 */
#include "offload/known.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

/* The header's words; it is written last, so that only what is whole has it. */
enum {
	HEADER_MAGIC,
	HEADER_VERSION,
	HEADER_BITS,
	HEADER_COUNT,
	HEADER_WORDS = 8, /* those behind are 0 */
};

#define MAGIC   UINT64_C(0x747279733373656e) /* "trys3sen", a number */
#define VERSION UINT64_C(1)

enum {
	LEAST_BITS = 12,
	MOST_BITS = 40,
	/* Half full, a row of so many in use is not met; in a file that is
	 * damaged the search ends here. */
	PROBES_MAX = 4096,
};

/* A mapped file; words NULL: none. */
struct table {
	uint64_t *words;
	unsigned bits;
	uint64_t count;
	int fd; /* of the new one */
};

struct known {
	char *path, *new_path;
	struct table old, new;
};

/* Stafford's variant 13. */
static uint64_t
mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return (x ^ x >> 31);
}

static uint64_t
add_word(uint64_t print, uint64_t word)
{
	/* The step of SplitMix64, so that a row of zeros counts. */
	return (mix((print ^ word) + UINT64_C(0x9e3779b97f4a7c15)));
}

static uint64_t
add_text(uint64_t print, struct span text)
{
	print = add_word(print, text.len);
	while (text.len > 0) {
		uint64_t word = 0;
		size_t len = text.len < sizeof(word) ? text.len : sizeof(word);

		memcpy(&word, text.data, len);
		print = add_word(print, word);
		text = span_skip(text, len);
	}
	return (print);
}

uint64_t
known_print(const struct known_file *file)
{
	uint64_t print = 0;

	print = add_word(print, (uint64_t)file->dev);
	print = add_word(print, (uint64_t)file->ino);
	print = add_word(print, file->size);
	print = add_word(print, (uint64_t)file->mtime_s);
	print = add_word(print, (uint64_t)file->mtime_ns);
	print = add_word(print, (uint64_t)file->ctime_s);
	print = add_word(print, (uint64_t)file->ctime_ns);
	print = add_text(print, file->key);
	print = add_text(print, file->target);
	return (print != 0 ? print : 1);
}

static size_t
slots_of(unsigned bits)
{
	return ((size_t)1 << bits);
}

static size_t
bytes_of(unsigned bits)
{
	return ((HEADER_WORDS + slots_of(bits)) * sizeof(uint64_t));
}

/* The slot of PRINT, or the free one where it would be; NULL where neither is
 * found. */
static uint64_t *
find_slot(const struct table *table, uint64_t print)
{
	uint64_t *slots = table->words + HEADER_WORDS;
	size_t slot = (size_t)(print >> (64 - table->bits));

	for (unsigned i = 0; i < PROBES_MAX; i++) {
		if (slots[slot] == print || slots[slot] == 0)
			return (&slots[slot]);
		slot = (slot + 1) & (slots_of(table->bits) - 1);
	}
	return (NULL);
}

static void
put(struct table *table, uint64_t print)
{
	uint64_t *slot = find_slot(table, print);

	if (slot == NULL || *slot == print)
		return;
	*slot = print;
	table->count++;
}

/* Map FD, of BITS, whose size was checked or made. */
static bool
map(struct table *table, int fd, unsigned bits, int protection)
{
	void *words = mmap(NULL, bytes_of(bits), protection, MAP_SHARED, fd, 0);

	if (words == MAP_FAILED)
		return (false);
	*table = (struct table){ .words = words, .bits = bits, .fd = -1 };
	return (true);
}

static void
unmap(struct table *table)
{
	if (table->words == NULL)
		return;
	munmap(table->words, bytes_of(table->bits));
	if (table->fd >= 0)
		close(table->fd);
	table->words = NULL;
}

/* Is it ours, whole, and of the size that its header says? */
static bool
is_header_right(const uint64_t header[HEADER_WORDS], off_t size)
{
	if (header[HEADER_MAGIC] != MAGIC ||
	    header[HEADER_VERSION] != VERSION ||
	    header[HEADER_BITS] < LEAST_BITS || header[HEADER_BITS] > MOST_BITS)
		return (false);
	return ((uint64_t)size == bytes_of((unsigned)header[HEADER_BITS]) &&
	    header[HEADER_COUNT] <=
		slots_of((unsigned)header[HEADER_BITS]) / 2);
}

/* What is wrong with FD as the old set; NULL: nothing, or it is empty. */
static const char *
map_old(struct table *table, int fd)
{
	uint64_t header[HEADER_WORDS];
	struct stat status;

	if (fstat(fd, &status) != 0)
		return (strerror(errno));
	if (!S_ISREG(status.st_mode))
		return ("it is no regular file");
	if (pread(fd, header, sizeof(header), 0) != (ssize_t)sizeof(header) ||
	    !is_header_right(header, status.st_size))
		return (NULL);
	if (!map(table, fd, (unsigned)header[HEADER_BITS], PROT_READ))
		return (strerror(errno));
	table->count = header[HEADER_COUNT];
	return (NULL);
}

static bool
open_old(struct known *known)
{
	int fd =
	    open(known->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	const char *wrong = NULL;

	if (fd >= 0) {
		wrong = map_old(&known->old, fd);
		close(fd);
	} else if (errno != ENOENT) {
		wrong =
		    errno == ELOOP ? "it is a symbolic link" : strerror(errno);
	}
	if (wrong != NULL)
		log_warning("cannot use the list of uploaded files %s: %s; "
			    "S3 is asked about each file",
		    known->path, wrong);
	return (wrong == NULL);
}

/* All of it has blocks; returns 0 or an error. */
static int
allocate(int fd, size_t bytes)
{
	int error;

	do
		error = posix_fallocate(fd, 0, (off_t)bytes);
	while (error == EINTR);
	return (error);
}

/* An empty table of BITS in a file of its own, which takes the name from the
 * one before; false: errno says why, and there is no file. */
static bool
make_new(struct known *known, struct table *table, unsigned bits)
{
	int fd, error;

	unlink(known->new_path);
	fd = open(known->new_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return (false);
	error = bits > MOST_BITS ? EFBIG : allocate(fd, bytes_of(bits));
	if (error == 0 && !map(table, fd, bits, PROT_READ | PROT_WRITE))
		error = errno;
	if (error == 0) {
		table->fd = fd;
		return (true);
	}
	close(fd);
	unlink(known->new_path);
	errno = error;
	return (false);
}

/* The new set will not be: WHAT could not be done. */
static void
give_up_new(struct known *known, int error)
{
	log_warning("cannot write the list of uploaded files %s: %s; the next "
		    "run asks S3 about what is new in this one",
	    known->new_path, strerror(error));
	unmap(&known->new);
	unlink(known->new_path);
}

/* Of a table for COUNT, BITS at least. */
static unsigned
choose_bits(uint64_t count, unsigned bits)
{
	while (slots_of(bits) / 2 < count)
		bits++;
	return (bits);
}

struct known *
known_open(const char *path)
{
	struct known *known = mem_zero(1, sizeof(*known));
	unsigned bits;

	known->path = mem_string(path);
	known->new_path = mem_printf("%s.new", path);
	if (!open_old(known))
		return (known);
	/* Mostly as many as before: then it need not grow on the way. */
	bits = choose_bits(known->old.count, LEAST_BITS);
	if (!make_new(known, &known->new, bits))
		give_up_new(known, errno);
	return (known);
}

static bool
table_has(const struct table *table, uint64_t print)
{
	uint64_t *slot;

	if (table->words == NULL)
		return (false);
	slot = find_slot(table, print);
	return (slot != NULL && *slot == print);
}

bool
known_has(const struct known *known, uint64_t print)
{
	return (table_has(&known->old, print) || table_has(&known->new, print));
}

/* The new set in a table of BITS, more than it has. */
static bool
grow(struct known *known, unsigned bits)
{
	struct table table;

	if (!make_new(known, &table, bits)) {
		give_up_new(known, errno);
		return (false);
	}
	for (size_t i = 0; i < slots_of(known->new.bits); i++)
		if (known->new.words[HEADER_WORDS + i] != 0)
			put(&table, known->new.words[HEADER_WORDS + i]);
	unmap(&known->new);
	known->new = table;
	return (true);
}

void
known_add(struct known *known, uint64_t print)
{
	struct table *table = &known->new;

	if (table->words == NULL || print == 0)
		return;
	if (table->count >= slots_of(table->bits) / 2 &&
	    !grow(known, table->bits + 1))
		return;
	put(table, print);
}

bool
known_keep(struct known *known, uint64_t print)
{
	if (!known_has(known, print))
		return (false);
	known_add(known, print);
	return (true);
}

static void
add_old(struct known *known)
{
	uint64_t count = known->old.count + known->new.count;
	unsigned bits;

	if (known->old.words == NULL || known->new.words == NULL)
		return;
	/* At once: in the order of a large table, a small one that grows would
	 * be filled from its front, each in a row behind all others. */
	bits = choose_bits(count, known->new.bits);
	if (bits > known->new.bits && !grow(known, bits))
		return;
	for (size_t i = 0; i < slots_of(known->old.bits); i++)
		known_add(known, known->old.words[HEADER_WORDS + i]);
}

/* On the disk, and then under its name. */
static bool
replace_old(struct known *known)
{
	struct table *table = &known->new;

	table->words[HEADER_MAGIC] = MAGIC;
	table->words[HEADER_VERSION] = VERSION;
	table->words[HEADER_BITS] = table->bits;
	table->words[HEADER_COUNT] = table->count;
	return (msync(table->words, bytes_of(table->bits), MS_SYNC) == 0 &&
	    fdatasync(table->fd) == 0 &&
	    rename(known->new_path, known->path) == 0);
}

void
known_close(struct known *known, bool is_complete)
{
	if (known == NULL)
		return;
	if (!is_complete)
		add_old(known);
	if (known->new.words != NULL && !replace_old(known))
		give_up_new(known, errno);
	unmap(&known->new);
	unmap(&known->old);
	free(known->path);
	free(known->new_path);
	free(known);
}

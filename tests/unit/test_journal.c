/*
 * The journal (src/offload/journal.h, journal_line.h): lines, and that it can
 * be written to again after whatever was done to it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "offload/journal.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))
#define SHA             "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static char folder[] = "/tmp/test_journal.XXXXXX";
static char *path, *other;
static struct buf why;

/* What the system does; reset before each test. */
static struct {
	size_t piece;       /* the most that a write takes; 0: all */
	size_t room;        /* what all writes can take before error */
	int write_error;    /* then; 0: none */
	int interruptions;  /* writes that fail with EINTR first */
	int sync_error;     /* of the next fdatasync */
	int truncate_error; /* of each ftruncate */
	int allocate_error; /* of each fallocate */
	int writes, syncs;  /* counted */
	off_t allocated;    /* up to where fallocate was last asked to */
} play;

ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_ftruncate(int fd, off_t len);
int __wrap_ftruncate(int fd, off_t len);
int __real_fallocate(int fd, int mode, off_t from, off_t len);
int __wrap_fallocate(int fd, int mode, off_t from, off_t len);

ssize_t
__wrap_write(int fd, const void *data, size_t len)
{
	play.writes++;
	if (play.interruptions > 0) {
		play.interruptions--;
		errno = EINTR;
		return (-1);
	}
	if (play.piece > 0 && len > play.piece)
		len = play.piece;
	if (play.write_error != 0) {
		if (play.room == 0) {
			errno = play.write_error;
			return (-1);
		}
		len = len < play.room ? len : play.room;
		play.room -= len;
	}
	return (__real_write(fd, data, len));
}

int
__wrap_fdatasync(int fd)
{
	int error = play.sync_error;

	play.syncs++;
	play.sync_error = 0;
	if (error == 0)
		return (__real_fdatasync(fd));
	errno = error;
	return (-1);
}

int
__wrap_ftruncate(int fd, off_t len)
{
	if (play.truncate_error == 0)
		return (__real_ftruncate(fd, len));
	errno = play.truncate_error;
	return (-1);
}

int
__wrap_fallocate(int fd, int mode, off_t from, off_t len)
{
	assert_int_equal(mode, FALLOC_FL_KEEP_SIZE);
	play.allocated = from + len;
	if (play.allocate_error == 0)
		return (__real_fallocate(fd, mode, from, len));
	errno = play.allocate_error;
	return (-1);
}

static int
make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return (-1);
	path = mem_printf("%s/a.journal", folder);
	other = mem_printf("%s/other", folder);
	buf_init(&why, 1000);
	return (0);
}

static int
remove_folder(void **state)
{
	(void)state;
	unlink(path);
	unlink(other);
	free(path);
	free(other);
	buf_fini(&why);
	return (rmdir(folder));
}

static int
reset(void **state)
{
	(void)state;
	memset(&play, 0, sizeof(play));
	unlink(path);
	unlink(other);
	buf_clear(&why);
	return (0);
}

/* The NUMBERth of a row of entries: all of them differ. */
static struct journal_entry
entry_of(unsigned number)
{
	static char keys[100][32];

	snprintf(keys[number], sizeof(keys[number]), "i/a b%u\n", number);
	return ((struct journal_entry){
	    .what = number % 2 == 0 ? JOURNAL_PROVED : JOURNAL_EVICTED,
	    .when_s = 1795898615 + number,
	    .offload = "pictures",
	    .key = span_of(keys[number]),
	    .path = span_of(keys[number]),
	    .size = number,
	    .mtime_s = 5,
	    .mtime_ns = number,
	    .sha256 = SHA,
	    .etag = SPAN("\"x\""),
	});
}

static void
assert_entries_equal(
    const struct journal_entry *a, const struct journal_entry *b)
{
	assert_int_equal(a->what, b->what);
	assert_int_equal(a->when_s, b->when_s);
	assert_string_equal(a->offload, b->offload);
	assert_true(span_equal(a->key, b->key));
	assert_true(span_equal(a->path, b->path));
	assert_int_equal(a->size, b->size);
	assert_int_equal(a->mtime_s, b->mtime_s);
	assert_int_equal(a->mtime_ns, b->mtime_ns);
	assert_string_equal(a->sha256, b->sha256);
	assert_true(span_equal(a->etag, b->etag));
}

/* What a reading has seen: a row from 0 on, but that number SKIPPED may lack. */
struct seen {
	unsigned n;
	unsigned last; /* its number */
	unsigned stop; /* after so many; 0: never */
};

static bool
take_entry(void *context, const struct journal_entry *entry)
{
	struct seen *seen = context;
	struct journal_entry expected = entry_of((unsigned)entry->size);

	assert_entries_equal(entry, &expected);
	if (seen->n > 0)
		assert_true(entry->size > seen->last);
	seen->last = (unsigned)entry->size;
	return (++seen->n != seen->stop);
}

/* There are N entries, the last of them LAST, and N_PASSED other lines. */
static void
check(unsigned n, unsigned last, size_t n_passed)
{
	struct seen seen = { .n = 0 };
	size_t passed = 1000;

	if (!journal_read(path, take_entry, &seen, &passed, &why))
		fail_msg("%s", buf_string(&why));
	assert_int_equal(seen.n, n);
	if (n > 0)
		assert_int_equal(seen.last, last);
	assert_int_equal(passed, n_passed);
}

static struct journal *
open_journal(void)
{
	struct journal *journal = journal_open(path, &why);

	if (journal == NULL)
		fail_msg("%s", buf_string(&why));
	return (journal);
}

static void
add(struct journal *journal, unsigned number)
{
	struct journal_entry entry = entry_of(number);

	assert_true(journal_add(journal, &entry));
}

static void
add_synced(struct journal *journal, unsigned number)
{
	add(journal, number);
	if (!journal_sync(journal, &why))
		fail_msg("%s", buf_string(&why));
}

static off_t
size_of_file(void)
{
	struct stat status;

	assert_int_equal(stat(path, &status), 0);
	return (status.st_size);
}

/* Put LEN bytes of DATA in the file's place. */
static void
put_file(const char *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(__real_write(fd, data, len), len);
	close(fd);
}

static size_t
get_file(char *data, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	assert_true(fd >= 0);
	len = read(fd, data, room);
	assert_true(len >= 0);
	close(fd);
	return ((size_t)len);
}

static void
lines_are_as_documented(void **state)
{
	static const struct {
		struct journal_entry entry;
		const char *line;
	} rows[] = {
		{ { .what = JOURNAL_PROVED,
		      .when_s = 1795898615,
		      .offload = "pictures",
		      .key = SPAN("i/a b.png"),
		      .path = SPAN("/srv/a b\t\n.png"),
		      .size = 12345,
		      .mtime_s = 1700000000,
		      .mtime_ns = 5,
		      .sha256 = SHA,
		      .etag = SPAN("\"abc-1\"") },
		    "2026-11-28T20:43:35Z\tproved\tpictures\ti/a%20b.png\t12345"
		    "\t1700000000.000000005\t" SHA
		    "\t%22abc-1%22\t/srv/a%20b%09%0A.png\n" },
		{ { .what = JOURNAL_UPLOAD,
		      .offload = "",
		      .key = SPAN("-"),
		      .etag = SPAN("id%2F"),
		      .mtime_s = -2,
		      .mtime_ns = 999999999 },
		    "1970-01-01T00:00:00Z\tupload\t-\t%2D\t0\t-2.999999999\t-\t"
		    "id%252F\t-\n" },
		{ { .what = JOURNAL_EVICTED,
		      .offload = "a\tb",
		      .key = SPAN("\xff\x01"),
		      .size = UINT64_MAX },
		    "1970-01-01T00:00:00Z\tevicted\ta%09b\t%FF%01\t"
		    "18446744073709551615\t0.000000000\t-\t-\t-\n" },
		{ { .what = JOURNAL_TRASHED, .offload = "x" },
		    "1970-01-01T00:00:00Z\ttrashed\tx\t-\t0\t0.000000000\t-\t-"
		    "\t-\n" },
		{ { .what = JOURNAL_RESTORED, .offload = "x" },
		    "1970-01-01T00:00:00Z\trestored\tx\t-\t0\t0.000000000\t-\t-"
		    "\t-\n" },
		{ { .what = JOURNAL_UPLOAD_DONE, .offload = "x" },
		    "1970-01-01T00:00:00Z\tupload-done\tx\t-\t0\t0.000000000\t-"
		    "\t-\t-\n" },
	};
	struct journal_entry entry;
	struct buf line, texts;

	(void)state;
	buf_init(&line, JOURNAL_LINE_MAX);
	buf_init(&texts, JOURNAL_LINE_MAX);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		buf_clear(&line);
		assert_true(journal_line_write(&line, &rows[i].entry));
		assert_string_equal(buf_string(&line), rows[i].line);
		assert_true(journal_line_read(
		    (struct span){ line.data, line.len - 1 }, &texts, &entry));
		assert_entries_equal(&entry, &rows[i].entry);
	}
	buf_fini(&line);
	buf_fini(&texts);
}

static void
other_lines_are_refused(void **state)
{
#define HEAD "2026-11-28T20:43:35Z\tproved\tx\tk\t"
#define TAIL "\t" SHA "\te\tp"
	static const struct span lines[] = {
		SPAN(""),
		SPAN("\t\t\t\t\t\t\t\t"),
		SPAN("-\t-\t-\t-\t-\t-\t-\t-\t-"),
		SPAN("2026-11-28\tproved\tx\tk\t1\t2.000000003" TAIL),
		SPAN("2026-11-28T20:43:35Z\tlost\tx\tk\t1\t2.000000003" TAIL),
		SPAN("2026-11-28T20:43:35Z\t\tx\tk\t1\t2.000000003" TAIL),
		SPAN("2026-11-28T20:43:35Z\tproved\tx\t\t1\t2.000000003" TAIL),
		SPAN("2026-11-28T20:43:35Z\tproved\tx\t%\t1\t2.00000003" TAIL),
		SPAN(
		    "2026-11-28T20:43:35Z\tproved\tx\t%00\t1\t2.000000003" TAIL),
		SPAN(HEAD "-\t2.000000003" TAIL),
		SPAN(HEAD "1x\t2.000000003" TAIL),
		SPAN(HEAD "18446744073709551616\t2.000000003" TAIL),
		SPAN(HEAD "1\t2" TAIL),
		SPAN(HEAD "1\t2.03" TAIL),
		SPAN(HEAD "1\t.000000003" TAIL),
		SPAN(HEAD "1\t2.-00000003" TAIL),
		SPAN(HEAD "1\t--2.000000003" TAIL),
		SPAN(HEAD "1\t2.000000003\tabc\te\tp"),
		SPAN(HEAD "1\t2.000000003\t" SHA "0\te\tp"),
		SPAN(HEAD "1\t2.000000003\t" SHA "\te"),
		SPAN(HEAD "1\t2.000000003\t" SHA "\te\t"),
		SPAN(HEAD "1\t2.000000003" TAIL "\ttorn"),
		SPAN(HEAD "1\t2.000000003" TAIL "%"),
		SPAN(HEAD "1\t2.000000003" TAIL "%2"),
		SPAN("\0" HEAD "1\t2.000000003" TAIL),
		SPAN(HEAD "1\t2.000000003" TAIL "\0"),
	};
	struct journal_entry entry;
	struct buf texts;

	(void)state;
	buf_init(&texts, JOURNAL_LINE_MAX);
	assert_true(journal_line_read(
	    SPAN(HEAD "1\t2.000000003" TAIL), &texts, &entry));
	for (size_t i = 0; i < COUNT_OF(lines); i++)
		if (journal_line_read(lines[i], &texts, &entry))
			fail_msg("taken: %.*s", SPAN_ARG(lines[i]));
	buf_fini(&texts);
}

static void
lines_have_a_greatest_length(void **state)
{
	static char name[JOURNAL_LINE_MAX];
	struct journal_entry entry = entry_of(0);
	struct journal *journal = open_journal();
	struct buf line;

	(void)state;
	memset(name, 'n', sizeof(name));
	buf_init(&line, 2 * JOURNAL_LINE_MAX);
	entry.path = SPAN("");
	assert_true(journal_line_write(&line, &entry));
	/* What else the line has, without the "-". */
	entry.path = (struct span){ name, JOURNAL_LINE_MAX - line.len + 1 };
	buf_clear(&line);
	assert_true(journal_line_write(&line, &entry));
	assert_int_equal(line.len, JOURNAL_LINE_MAX);
	assert_true(journal_add(journal, &entry));
	entry.path.len++;
	assert_false(journal_line_write(&line, &entry));
	assert_int_equal(line.len, JOURNAL_LINE_MAX);
	assert_false(journal_add(journal, &entry));
	assert_true(journal_sync(journal, &why));
	assert_int_equal(size_of_file(), JOURNAL_LINE_MAX);
	journal_close(journal);
	buf_fini(&line);
}

static void
what_is_added_is_read(void **state)
{
	struct journal *journal;
	struct stat status;

	(void)state;
	check(0, 0, 0);
	journal = open_journal();
	check(0, 0, 0);
	assert_true(journal_sync(journal, &why));
	assert_int_equal(play.syncs, 0);
	add(journal, 0);
	add(journal, 1);
	check(0, 0, 0);
	add_synced(journal, 2);
	assert_int_equal(play.writes, 1);
	assert_int_equal(play.syncs, 1);
	check(3, 2, 0);
	add_synced(journal, 3);
	/* Forgotten. */
	add(journal, 50);
	journal_close(journal);
	journal = open_journal();
	add_synced(journal, 4);
	check(5, 4, 0);
	journal_close(journal);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	journal_close(NULL);
}

static void
reading_can_be_ended(void **state)
{
	struct journal *journal = open_journal();
	struct seen seen = { .stop = 2 };
	size_t passed;

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		add(journal, i);
	assert_true(journal_sync(journal, &why));
	journal_close(journal);
	assert_true(journal_read(path, take_entry, &seen, &passed, &why));
	assert_int_equal(seen.n, 2);
}

/* As a kill at any byte of a write, or a crash, leaves it; and once more. */
static void
a_torn_line_is_no_line(void **state)
{
	char whole[4000], torn[4000];
	struct journal *journal = open_journal();
	size_t len, torn_len;
	unsigned n;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		add_synced(journal, i);
	journal_close(journal);
	len = get_file(whole, sizeof(whole));
	for (size_t cut = 0; cut <= len; cut++) {
		bool is_torn = cut > 0 && whole[cut - 1] != '\n';

		put_file(whole, cut);
		n = 0;
		for (size_t i = 0; i < cut; i++)
			n += whole[i] == '\n';
		check(n, n - 1, is_torn);
		journal = open_journal();
		check(n, n - 1, is_torn);
		journal_close(journal);
		/* Killed while it ended that. */
		torn_len = get_file(torn, sizeof(torn));
		for (size_t end = cut; end <= torn_len; end++) {
			put_file(torn, end);
			journal = open_journal();
			add_synced(journal, 10);
			add_synced(journal, 11);
			journal_close(journal);
			check(n + 2, 11, is_torn);
		}
	}
}

static void
a_crash_may_leave_zeros(void **state)
{
	char data[4000];
	struct journal *journal = open_journal();
	size_t len;

	(void)state;
	add_synced(journal, 0);
	journal_close(journal);
	len = get_file(data, sizeof(data));
	memset(data + len, 0, 1000);
	put_file(data, len + 1000);
	journal = open_journal();
	add_synced(journal, 1);
	check(2, 1, 1);
	journal_close(journal);
}

static void
lines_of_any_length_are_passed_over(void **state)
{
	static const size_t lens[] = { 1, JOURNAL_LINE_MAX - 1,
		JOURNAL_LINE_MAX, 2 * JOURNAL_LINE_MAX - 1,
		2 * JOURNAL_LINE_MAX, 2 * JOURNAL_LINE_MAX + 1,
		5 * JOURNAL_LINE_MAX };
	static char data[6 * JOURNAL_LINE_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lens); i++) {
		struct journal *journal = open_journal();
		size_t len;

		add_synced(journal, 0);
		journal_close(journal);
		len = get_file(data, sizeof(data));
		memset(data + len, 'x', lens[i]);
		put_file(data, len + lens[i]);
		check(1, 0, 1);
		journal = open_journal();
		add_synced(journal, 1);
		journal_close(journal);
		check(2, 1, 1);
		unlink(path);
	}
}

static void
writes_may_be_short_or_interrupted(void **state)
{
	struct journal *journal = open_journal();

	(void)state;
	play.piece = 7;
	play.interruptions = 3;
	add(journal, 0);
	add_synced(journal, 1);
	play.interruptions = 1;
	play.sync_error = EINTR;
	add_synced(journal, 2);
	check(3, 2, 0);
	journal_close(journal);
}

/* At any byte of it. */
static void
a_full_disk_leaves_no_half_line(void **state)
{
	struct journal *journal = open_journal();
	off_t before;

	(void)state;
	add_synced(journal, 0);
	before = size_of_file();
	for (off_t room = 0; room < 2 * before; room++) {
		play.write_error = ENOSPC;
		play.room = (size_t)room;
		buf_clear(&why);
		add(journal, 20);
		add(journal, 21);
		assert_false(journal_sync(journal, &why));
		assert_non_null(strstr(buf_string(&why), strerror(ENOSPC)));
		assert_non_null(strstr(buf_string(&why), "state ="));
		assert_non_null(strstr(buf_string(&why), path));
		assert_int_equal(size_of_file(), before);
		check(1, 0, 0);
	}
	/* What was refused is forgotten, what comes is taken. */
	play.write_error = 0;
	assert_true(journal_sync(journal, &why));
	check(1, 0, 0);
	add_synced(journal, 1);
	check(2, 1, 0);
	journal_close(journal);
}

/* The journal says no to all that follows, until it is opened again. */
static void
check_broken(struct journal *journal)
{
	int syncs = play.syncs;

	buf_clear(&why);
	add(journal, 30);
	assert_false(journal_sync(journal, &why));
	assert_non_null(strstr(buf_string(&why), "before"));
	buf_clear(&why);
	assert_false(journal_sync(journal, &why));
	assert_int_equal(play.syncs, syncs);
	journal_close(journal);
	play.truncate_error = 0;
	play.write_error = 0;
	journal = open_journal();
	add_synced(journal, 40);
	journal_close(journal);
}

static void
after_a_failed_sync_nothing_is_believed(void **state)
{
	struct journal *journal = open_journal();

	(void)state;
	add_synced(journal, 0);
	play.sync_error = EIO;
	add(journal, 20);
	assert_false(journal_sync(journal, &why));
	assert_non_null(strstr(buf_string(&why), strerror(EIO)));
	check(1, 0, 0);
	check_broken(journal);
	check(2, 40, 0);
}

static void
what_cannot_be_cut_back_is_not_written_behind(void **state)
{
	struct journal *journal = open_journal();

	(void)state;
	add_synced(journal, 0);
	play.write_error = EIO;
	play.room = 50;
	play.truncate_error = EPERM;
	add(journal, 20);
	assert_false(journal_sync(journal, &why));
	check(1, 0, 1);
	check_broken(journal);
	check(2, 40, 1);
}

static void
space_is_reserved_behind_the_end(void **state)
{
	struct journal *journal = open_journal();
	struct stat status;

	(void)state;
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_size, 0);
	for (unsigned round = 0; round < 2000; round++) {
		add_synced(journal, round % 100);
		assert_true(play.allocated - size_of_file() >= JOURNAL_RESERVE);
	}
	assert_true(size_of_file() > 2 * JOURNAL_RESERVE);
	/* Cutting back may give it away. */
	play.write_error = ENOSPC;
	play.allocated = 0;
	add(journal, 0);
	assert_false(journal_sync(journal, &why));
	assert_true(play.allocated - size_of_file() >= JOURNAL_RESERVE);
	journal_close(journal);
}

static void
space_may_be_not_to_be_had(void **state)
{
	static const int errors[] = { EOPNOTSUPP, ENOSPC };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(errors); i++) {
		struct journal *journal;

		unlink(path);
		play.allocate_error = errors[i];
		journal = open_journal();
		add_synced(journal, 0);
		add_synced(journal, 1);
		check(2, 1, 0);
		journal_close(journal);
	}
}

static void
refused(const char *text)
{
	buf_clear(&why);
	assert_null(journal_open(path, &why));
	if (strstr(buf_string(&why), text) == NULL ||
	    strstr(buf_string(&why), path) == NULL)
		fail_msg("%s", buf_string(&why));
}

static void
only_a_file_of_its_own_is_a_journal(void **state)
{
	struct journal *journal;
	struct seen seen = { .n = 0 };
	char *kept = path;
	size_t passed;

	(void)state;
	/* A link. */
	assert_int_equal(symlink(other, path), 0);
	refused("symbolic link");
	assert_int_equal(access(other, F_OK), -1);
	assert_false(journal_read(path, take_entry, &seen, &passed, &why));
	unlink(path);
	/* A FIFO. */
	assert_int_equal(mkfifo(path, 0600), 0);
	refused("regular");
	assert_false(journal_read(path, take_entry, &seen, &passed, &why));
	unlink(path);
	/* A folder. */
	assert_int_equal(mkdir(path, 0700), 0);
	refused("directory");
	assert_false(journal_read(path, take_entry, &seen, &passed, &why));
	assert_int_equal(rmdir(path), 0);
	/* One that another has. */
	journal = open_journal();
	refused("another run");
	journal_close(journal);
	journal_close(open_journal());
	/* In no folder. */
	path = mem_printf("%s/none/a.journal", folder);
	refused("install -d");
	free(path);
	path = kept;
}

static void
a_torn_line_that_cannot_be_ended_is_told(void **state)
{
	(void)state;
	put_file("x", 1);
	play.write_error = ENOSPC;
	refused(strerror(ENOSPC));
	play.write_error = 0;
	play.sync_error = EIO;
	refused(strerror(EIO));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_as_documented),
		cmocka_unit_test(other_lines_are_refused),
		cmocka_unit_test_setup(lines_have_a_greatest_length, reset),
		cmocka_unit_test_setup(what_is_added_is_read, reset),
		cmocka_unit_test_setup(reading_can_be_ended, reset),
		cmocka_unit_test_setup(a_torn_line_is_no_line, reset),
		cmocka_unit_test_setup(a_crash_may_leave_zeros, reset),
		cmocka_unit_test_setup(
		    lines_of_any_length_are_passed_over, reset),
		cmocka_unit_test_setup(
		    writes_may_be_short_or_interrupted, reset),
		cmocka_unit_test_setup(a_full_disk_leaves_no_half_line, reset),
		cmocka_unit_test_setup(
		    after_a_failed_sync_nothing_is_believed, reset),
		cmocka_unit_test_setup(
		    what_cannot_be_cut_back_is_not_written_behind, reset),
		cmocka_unit_test_setup(space_is_reserved_behind_the_end, reset),
		cmocka_unit_test_setup(space_may_be_not_to_be_had, reset),
		cmocka_unit_test_setup(
		    only_a_file_of_its_own_is_a_journal, reset),
		cmocka_unit_test_setup(
		    a_torn_line_that_cannot_be_ended_is_told, reset),
	};

	return (cmocka_run_group_tests(tests, make_folder, remove_folder));
}

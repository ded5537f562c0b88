/*
 * The digests of a file's bytes (src/offload/digest.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>

#include <cmocka.h>

#include "offload/digest.h"
#include "scratch.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))
#define EMPTY_SHA256 \
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ABC_SHA256 \
	"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define B_SHA256 \
	"3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d"

/* What the system does. */
static struct {
	size_t piece;      /* the most that is read at once; 0: all */
	int interruptions; /* reads that fail with EINTR first */
	int error;         /* of the read behind REMAINING others; 0: none */
	int remaining;
	size_t most;   /* that was asked for */
	unsigned left; /* questions until a signal came; 0: none comes */
} play;

ssize_t __real_pread(int fd, void *room, size_t len, off_t offset);
ssize_t __wrap_pread(int fd, void *room, size_t len, off_t offset);
bool __wrap_stop_is_wanted(void);

bool
__wrap_stop_is_wanted(void)
{
	return (play.left > 0 && --play.left == 0);
}

ssize_t
__wrap_pread(int fd, void *room, size_t len, off_t offset)
{
	play.most = len > play.most ? len : play.most;
	if (play.interruptions > 0) {
		play.interruptions--;
		errno = EINTR;
		return (-1);
	}
	if (play.error != 0 && play.remaining-- == 0) {
		errno = play.error;
		return (-1);
	}
	if (play.piece > 0 && len > play.piece)
		len = play.piece;
	return (__real_pread(fd, room, len, offset));
}

static int fd;
static char room[4096];

static void
open_bytes(const char *bytes)
{
	make_file(in_scratch("f"), bytes);
	fd = open(in_scratch("f"), O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
}

static void
known_bytes_have_known_digests(void **state)
{
	static const struct {
		const char *bytes;
		uint64_t offset, size;
		const char *sha256, *md5;
	} rows[] = {
		{ "", 0, 0, EMPTY_SHA256, "1B2M2Y8AsgTpgAmY7PhCfg==" },
		{ "abc", 0, 3, ABC_SHA256, "kAFQmDzST7DWlj99KOF/cg==" },
		{ "abc", 3, 0, EMPTY_SHA256, "1B2M2Y8AsgTpgAmY7PhCfg==" },
		{ "xxabcxx", 2, 3, ABC_SHA256, "kAFQmDzST7DWlj99KOF/cg==" },
		{ "abc", 1, 1, B_SHA256, "kutf/uauL+w61xx3dTFXjw==" },
	};
	static const struct {
		size_t room_size, piece;
		int interruptions;
	} ways[] = { { 4096, 0, 0 }, { 1, 0, 0 }, { 2, 0, 3 }, { 4096, 1, 2 } };
	struct digest digest;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows) * COUNT_OF(ways); i++) {
		size_t row = i / COUNT_OF(ways), way = i % COUNT_OF(ways);

		memset(&play, 0, sizeof(play));
		play.piece = ways[way].piece;
		play.interruptions = ways[way].interruptions;
		open_bytes(rows[row].bytes);
		assert_true(digest_file(fd, rows[row].offset, rows[row].size,
		    true, false, room, ways[way].room_size, &digest));
		assert_string_equal(digest.sha256, rows[row].sha256);
		assert_string_equal(digest.md5, rows[row].md5);
		assert_true(play.most <= ways[way].room_size);
		assert_true(digest_file(fd, rows[row].offset, rows[row].size,
		    false, true, room, ways[way].room_size, &digest));
		assert_string_equal(digest.sha256, rows[row].sha256);
		assert_string_equal(digest.md5, "");
		close(fd);
	}
}

static void
what_cannot_be_read_is_told_from_what_is_short(void **state)
{
	static const struct {
		uint64_t offset, size;
		int error, remaining;
		int wanted; /* errno */
	} rows[] = {
		{ 0, 3, EIO, 0, EIO },
		{ 0, 3, EIO, 1, EIO },
		{ 0, 3, EIO, 2, EIO },
		{ 0, 4, 0, 0, 0 },
		{ 3, 1, 0, 0, 0 },
		{ 9, 1, 0, 0, 0 },
		{ 0, UINT64_MAX, 0, 0, 0 },
	};
	struct digest digest;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		memset(&play, 0, sizeof(play));
		play.piece = 1;
		play.error = rows[i].error;
		play.remaining = rows[i].remaining;
		open_bytes("abc");
		errno = EPERM;
		assert_false(digest_file(fd, rows[i].offset, rows[i].size, true,
		    true, room, sizeof(room), &digest));
		assert_int_equal(errno, rows[i].wanted);
		close(fd);
	}
}

/* What is under way is finished; what is not ends between two reads. */
static void
a_signal_ends_what_is_idle(void **state)
{
	static const struct {
		bool is_idle;
		unsigned left;
		uint64_t size;
		bool is_read;
	} rows[] = {
		{ true, 1, 3, false },
		{ true, 3, 3, false },
		{ true, 4, 3, true }, /* when all is read */
		{ true, 1, 0, true },
		{ false, 1, 3, true },
	};
	struct digest digest;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		memset(&play, 0, sizeof(play));
		play.piece = 1;
		play.left = rows[i].left;
		open_bytes("abc");
		errno = EPERM;
		assert_int_equal(digest_file(fd, 0, rows[i].size, false,
				     rows[i].is_idle, room, 2, &digest),
		    rows[i].is_read);
		if (!rows[i].is_read)
			assert_int_equal(errno, ECANCELED);
		close(fd);
	}
}

/* Those that fit stay in the room, in order, however they came; those that do
 * not are read into it one over the other. */
static void
bytes_that_fit_stay(void **state)
{
	static const struct {
		size_t room_size;
		const char *then; /* what the room begins with */
	} rows[] = { { 6, "abcdef" }, { 7, "abcdef" }, { 5, "f" } };
	struct digest digest;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows) * 2; i++) {
		size_t row = i / 2;

		memset(&play, 0, sizeof(play));
		memset(room, 0, sizeof(room));
		play.piece = i % 2;
		play.interruptions = 1;
		open_bytes("xabcdefx");
		assert_true(digest_file(
		    fd, 1, 6, false, true, room, rows[row].room_size, &digest));
		assert_memory_equal(
		    room, rows[row].then, strlen(rows[row].then));
		assert_int_equal(room[rows[row].room_size], 0);
		close(fd);
	}
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(known_bytes_have_known_digests),
		TEST(what_cannot_be_read_is_told_from_what_is_short),
		TEST(a_signal_ends_what_is_idle),
		TEST(bytes_that_fit_stay),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

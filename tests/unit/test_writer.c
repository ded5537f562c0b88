/*
 * An answer as FastCGI records (src/respond/writer.h) over real sockets.
 * sendmsg is wrapped to count.
 */
#include "fastcgi_peer.h"

#include <signal.h>

#include "base/clock.h"
#include "respond/writer.h"

enum { BIG = 3000000 }; /* more than any socket holds */

static unsigned sends, short_sends;

ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);

ssize_t
__wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
	size_t i, len = 0;
	ssize_t sent;

	for (i = 0; i < message->msg_iovlen; i++)
		len += message->msg_iov[i].iov_len;
	sent = __real_sendmsg(fd, message, flags);
	sends++;
	if (sent < 0 || (size_t)sent < len)
		short_sends++;
	return (sent);
}

static struct writer writer;

static struct span
bytes_at(const char *bytes, size_t at, size_t len)
{
	return ((struct span){ bytes + at, len });
}

static void
a_short_answer_is_one_write(void **state)
{
	static const char wanted[] = "\1\6\1\2\0\17\1\0"
				     "Status: 200\r\n\r\n\0"
				     "\1\6\1\2\0\0\0\0"
				     "\1\3\1\2\0\10\0\0\0\0\0\0\0\0\0\0";
	char *bytes = make_bytes(10000);
	struct buf raw;
	int ends[2];

	(void)state;
	buf_init(&raw, BYTES_MAX);
	make_connection(AF_UNIX, ends);
	sends = 0;
	writer_begin(&writer, ends[0], ID, PATIENCE_MS);
	assert_true(writer_put(&writer, SPAN("Status: 200\r\n\r\n")));
	assert_true(writer_end(&writer, SPAN("")));
	assert_int_equal(writer.state, WRITER_ENDED);
	assert_int_equal(sends, 1);

	writer_begin(&writer, ends[0], ID, PATIENCE_MS);
	assert_true(writer_put(&writer, bytes_at(bytes, 0, 5000)));
	assert_true(writer_put(&writer, SPAN("")));
	assert_true(writer_put(&writer, bytes_at(bytes, 5000, 5000)));
	assert_int_equal(sends, 1);
	assert_true(writer_end(&writer, SPAN("")));
	assert_int_equal(sends, 2);

	close(ends[0]);
	assert_int_equal(read_all(ends[1], 65536, &raw), 0);
	assert_int_equal(raw.len, sizeof(wanted) - 1 + 8 + 10000 + 24);
	assert_memory_equal(raw.data, wanted, sizeof(wanted) - 1);
	close(ends[1]);
	buf_fini(&raw);
	free(bytes);
}

/* Put the LEN bytes of BYTES, AT_ONCE at a time; the last of them are the end's
 * where they END_IT. */
static void
put_all(const char *bytes, size_t len, size_t at_once, bool end_it)
{
	size_t i, n;

	for (i = 0; i < len; i += n) {
		n = len - i < at_once ? len - i : at_once;
		if (end_it && i + n == len)
			break;
		assert_true(writer_put(&writer, bytes_at(bytes, i, n)));
	}
	assert_true(writer_end(&writer, bytes_at(bytes, i, len - i)));
}

/* An answer of LEN bytes, put by AT_ONCE, to a peer that reads by READ_AT_ONCE;
 * where that is little, the socket takes less than a record at once. */
static void
check_answer_ended(
    int family, size_t len, size_t at_once, size_t read_at_once, bool end_it)
{
	char *bytes = make_bytes(len);
	struct answer_seen seen;
	struct peer peer;
	struct buf raw;
	int ends[2], room = 16384;

	make_connection(family, ends);
	if (read_at_once < 65536)
		assert_int_equal(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF,
				     &room, sizeof(room)),
		    0);
	peer = start_peer(ends[1], ends[0], NULL, 0, read_at_once);
	sends = short_sends = 0;
	writer_begin(&writer, ends[0], ID, PATIENCE_MS);
	put_all(bytes, len, at_once, end_it);
	close(ends[0]);
	raw = end_peer(&peer);
	parse_answer(buf_span(&raw), &seen);
	assert_true(seen.is_whole);
	assert_true(
	    span_equal(buf_span(&seen.content), bytes_at(bytes, 0, len)));
	/* Full records, but for the last, and the end of the stream. */
	assert_int_equal(seen.records,
	    1 + (len + WRITER_RECORD_LEN - 1) / WRITER_RECORD_LEN);
	buf_fini(&seen.content);
	buf_fini(&raw);
	free(bytes);
}

static void
check_answer(int family, size_t len, size_t at_once, size_t read_at_once)
{
	check_answer_ended(family, len, at_once, read_at_once, false);
	check_answer_ended(family, len, at_once, read_at_once, true);
}

static void
answers_of_every_length_are_whole(void **state)
{
	static const size_t lens[] = { 0, 1, 7, 8, 9, 16384,
		WRITER_RECORD_LEN - 1, WRITER_RECORD_LEN, WRITER_RECORD_LEN + 1,
		2 * WRITER_RECORD_LEN, 2 * WRITER_RECORD_LEN + 1, 1000000 };
	static const size_t steps[] = { 16384, WRITER_RECORD_LEN, 100000,
		BYTES_MAX };
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		for (j = 0; j < sizeof(steps) / sizeof(steps[0]); j++)
			check_answer(AF_UNIX, lens[i], steps[j], 65536);
	}
}

static void
a_slow_reader_gets_all_of_it(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		check_answer(families[i], 5 << 20, 16384, 1000);
		assert_true(short_sends > 0);
		check_answer(families[i], 5 << 20, BYTES_MAX, 1000);
		assert_true(short_sends > 0);
	}
}

static int
room_of(int fd)
{
	int size = -1;
	socklen_t len = sizeof(size);

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &len), 0);
	return (size);
}

/* What TCP holds back is TCP's business. */
static void
less_of_a_stream_waits_in_a_unix_socket(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		int ends[2], before;

		make_connection(families[i], ends);
		before = room_of(ends[0]);
		writer_begin(&writer, ends[0], ID, PATIENCE_MS);
		assert_int_equal(room_of(ends[0]), before);
		writer_stream(&writer);
		/* The kernel doubles what it is told. */
		assert_int_equal(room_of(ends[0]),
		    families[i] == AF_UNIX ? 2 * 65536 : before);
		assert_true(writer_end(&writer, SPAN("")));
		close(ends[0]);
		close(ends[1]);
	}
}

static volatile sig_atomic_t signals;

static void
count_signal(int number)
{
	(void)number;
	signals++;
}

static void
signals_do_not_cut_an_answer(void **state)
{
	const struct sigaction action = { .sa_handler = count_signal };
	size_t i;

	(void)state;
	/* Without SA_RESTART. */
	sigaction(SIGUSR1, &action, NULL);
	peer_signal = SIGUSR1;
	for (i = 0; i < 2; i++) {
		check_answer(families[i], BIG, 16384, 500);
		check_answer(families[i], BIG, BIG, 500);
	}
	peer_signal = 0;
	assert_true(signals > 0);
}

/* An answer that ends by END after LEN bytes, of which SENT are out by then. */
static void
check_end(int family, size_t len, size_t sent, void (*end)(struct writer *))
{
	char *bytes = make_bytes(len);
	struct answer_seen seen;
	struct peer peer;
	struct buf raw;
	int ends[2];

	make_connection(family, ends);
	peer = start_peer(ends[1], ends[0], NULL, 0, 1000);
	writer_begin(&writer, ends[0], ID, PATIENCE_MS);
	assert_true(writer_put(&writer, bytes_at(bytes, 0, len)));
	end(&writer);
	assert_int_equal(writer.state, WRITER_FAILED);
	/* Once is enough.  And the peer sees the end before the close. */
	end(&writer);
	raw = end_peer(&peer);
	close(ends[0]);
	parse_answer(buf_span(&raw), &seen);
	assert_true(seen.is_failed);
	assert_true(
	    span_equal(buf_span(&seen.content), bytes_at(bytes, 0, sent)));
	buf_fini(&seen.content);
	buf_fini(&raw);
	free(bytes);
}

static void
check_failure(int family, size_t len, size_t sent)
{
	check_end(family, len, sent, writer_fail);
}

/* A head that is acted on is all there, and then it fails. */
static void
what_is_left_is_sent_before_it_fails(void **state)
{
	static const size_t lens[] = { 0, 1, 7, 8, 9, 100, WRITER_RECORD_LEN,
		WRITER_RECORD_LEN + 1, BIG };

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		check_end(AF_UNIX, lens[i], lens[i], writer_leave);
		check_end(AF_INET, lens[i], lens[i], writer_leave);
		for (size_t k = 0; k < writer.len; k++)
			assert_int_equal(writer.pending[k], 0);
	}
}

static void
a_failure_ends_in_eight_zeros(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		/* Nothing yet; something; a full record that waits. */
		check_failure(families[i], 0, 0);
		check_failure(families[i], 100, 0);
		check_failure(families[i], WRITER_RECORD_LEN, 0);
		/* Behind one record, and behind many. */
		check_failure(
		    families[i], WRITER_RECORD_LEN + 1, WRITER_RECORD_LEN);
		check_failure(families[i], BIG,
		    BIG / WRITER_RECORD_LEN * WRITER_RECORD_LEN);
	}
}

/* Until a record is out, another answer can take the place of this one. */
static void
a_restart_takes_all_of_it_back(void **state)
{
	char *bytes = make_bytes(2 * WRITER_RECORD_LEN);
	struct answer_seen seen;
	struct buf raw;
	int ends[2];

	(void)state;
	make_connection(AF_UNIX, ends);
	buf_init(&raw, BYTES_MAX);
	writer_begin(&writer, ends[0], ID, PATIENCE_MS);
	assert_true(writer_put(&writer, bytes_at(bytes, 0, WRITER_RECORD_LEN)));
	assert_true(writer_restart(&writer));
	assert_true(writer_put(&writer, bytes_at(bytes, 7, 5000)));
	assert_true(writer_end(&writer, SPAN("")));
	close(ends[0]);
	assert_int_equal(read_all(ends[1], 65536, &raw), 0);
	parse_answer(buf_span(&raw), &seen);
	assert_true(seen.is_whole);
	assert_true(
	    span_equal(buf_span(&seen.content), bytes_at(bytes, 7, 5000)));
	buf_fini(&seen.content);
	buf_fini(&raw);
	close(ends[1]);

	make_connection(AF_UNIX, ends);
	writer_begin(&writer, ends[0], ID, PATIENCE_MS);
	assert_true(
	    writer_put(&writer, bytes_at(bytes, 0, WRITER_RECORD_LEN + 1)));
	assert_false(writer_restart(&writer));
	writer_fail(&writer);
	assert_false(writer_restart(&writer));
	close(ends[0]);
	close(ends[1]);
	free(bytes);
}

static void
what_has_ended_cannot_fail(void **state)
{
	struct answer_seen seen;
	struct buf raw;
	int ends[2];

	(void)state;
	buf_init(&raw, BYTES_MAX);
	make_connection(AF_UNIX, ends);
	writer_begin(&writer, ends[0], ID, PATIENCE_MS);
	assert_true(writer_put(&writer, SPAN("x")));
	assert_true(writer_end(&writer, SPAN("")));
	writer_fail(&writer);
	assert_int_equal(writer.state, WRITER_ENDED);
	close(ends[0]);
	assert_int_equal(read_all(ends[1], 65536, &raw), 0);
	parse_answer(buf_span(&raw), &seen);
	assert_true(seen.is_whole);
	buf_fini(&seen.content);
	buf_fini(&raw);
	close(ends[1]);
}

static void
a_peer_that_leaves_ends_the_answer(void **state)
{
	char *bytes = make_bytes(BIG);
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		bool goes_on = true;
		int ends[2], n;
		char byte;

		make_connection(families[i], ends);
		writer_begin(&writer, ends[0], ID, PATIENCE_MS);
		assert_true(writer_put(&writer, bytes_at(bytes, 0, 70000)));
		assert_int_equal(recv(ends[1], &byte, 1, 0), 1);
		close(ends[1]);
		/* Were SIGPIPE raised, this would be the end of the test. */
		for (n = 0; n < 10 && goes_on; n++)
			goes_on = writer_put(&writer, bytes_at(bytes, 0, BIG));
		assert_false(goes_on);
		assert_int_equal(writer.state, WRITER_LOST);
		sends = 0;
		assert_false(writer_put(&writer, SPAN("x")));
		assert_false(writer_end(&writer, SPAN("")));
		writer_fail(&writer);
		assert_int_equal(sends, 0);
		assert_int_equal(writer.state, WRITER_LOST);
		close(ends[0]);
	}
	free(bytes);
}

static void
a_peer_that_takes_nothing_is_given_up(void **state)
{
	char *bytes = make_bytes(BIG);
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		int64_t before = clock_monotonic_ms();
		int ends[2];

		make_connection(families[i], ends);
		writer_begin(&writer, ends[0], ID, SHORT_MS);
		/* TCP takes some megabytes on the loopback. */
		while (writer_put(&writer, bytes_at(bytes, 0, BIG)))
			continue;
		/* The time-out is what is tested. */
		assert_in_range(
		    clock_monotonic_ms() - before, SHORT_MS, PATIENCE_MS - 1);
		assert_int_equal(writer.state, WRITER_LOST);
		close(ends[0]);
		close(ends[1]);
	}
	free(bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_short_answer_is_one_write),
		cmocka_unit_test(answers_of_every_length_are_whole),
		cmocka_unit_test(a_slow_reader_gets_all_of_it),
		cmocka_unit_test(less_of_a_stream_waits_in_a_unix_socket),
		cmocka_unit_test(signals_do_not_cut_an_answer),
		cmocka_unit_test(a_failure_ends_in_eight_zeros),
		cmocka_unit_test(what_is_left_is_sent_before_it_fails),
		cmocka_unit_test(a_restart_takes_all_of_it_back),
		cmocka_unit_test(what_has_ended_cannot_fail),
		cmocka_unit_test(a_peer_that_leaves_ends_the_answer),
		cmocka_unit_test(a_peer_that_takes_nothing_is_given_up),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

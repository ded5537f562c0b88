/*
 * The gate in front of libfcgi (src/respond/gate.h) over real sockets.
 */
#include "fastcgi_peer.h"

#include "base/clock.h"
#include "respond/gate.h"

static struct gate gate;

/* Read a request that the peer has sent already, and that ends there if
 * HANGS_UP. */
static bool
read_request(const struct buf *request, bool hangs_up)
{
	int ends[2];
	bool ok;

	make_connection(AF_UNIX, ends);
	write_all(ends[1], request->data, request->len, request->len);
	if (hangs_up)
		shutdown(ends[1], SHUT_WR);
	ok = gate_read(&gate, ends[0], clock_monotonic_ms() + PATIENCE_MS);
	close(ends[0]);
	close(ends[1]);
	return (ok);
}

static bool
is_plain(const struct buf *wanted)
{
	return (gate.plain_len == wanted->len &&
	    memcmp(gate.plain, wanted->data, wanted->len) == 0);
}

static void
a_request_is_laid_out_plainly(void **state)
{
	struct buf request, plain;

	(void)state;
	buf_init(&request, BYTES_MAX);
	buf_init(&plain, BYTES_MAX);
	add_request(&request, NULL, true);
	add_request(&plain, NULL, false);
	assert_true(read_request(&request, false));
	assert_true(is_plain(&plain));
	assert_int_equal(gate.id, ID);
	assert_true(gate.is_read);

	/* To keep the connection is asked in vain, and STDIN may still come. */
	buf_clear(&request);
	buf_clear(&plain);
	add_begin(&request, ID, RECORD_ROLE_RESPONDER, 1);
	add_head(&request, RECORD_PARAMS, ID, 0, 0);
	add_begin(&plain, ID, RECORD_ROLE_RESPONDER, 0);
	add_head(&plain, RECORD_PARAMS, ID, 0, 0);
	assert_true(read_request(&request, false));
	assert_true(is_plain(&plain));
	assert_false(gate.is_read);
	buf_fini(&request);
	buf_fini(&plain);
}

static void
stdin_is_looked_at_but_not_waited_for(void **state)
{
	static const struct {
		const char *name;
		struct span content;
		size_t len; /* as the head says */
		bool has_end, is_read;
	} rows[] = {
		{ "nothing yet", { NULL, 0 }, 0, false, false },
		{ "its end", { NULL, 0 }, 0, true, true },
		{ "all of it", { "body", 4 }, 4, true, true },
		{ "not its end", { "body", 4 }, 4, false, false },
		{ "a half", { "body", 4 }, 5, false, false },
	};
	struct buf request;
	size_t i;

	(void)state;
	buf_init(&request, BYTES_MAX);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_clear(&request);
		add_request(&request, NULL, false);
		if (rows[i].len > 0)
			add_head(&request, RECORD_STDIN, ID, rows[i].len, 0);
		add(&request, rows[i].content.data, rows[i].content.len);
		if (rows[i].has_end)
			add_head(&request, RECORD_STDIN, ID, 0, 0);
		assert_true(read_request(&request, false));
		if (gate.is_read != rows[i].is_read)
			fail_msg("%s", rows[i].name);
	}
	/* Part of a head, too. */
	buf_clear(&request);
	add_request(&request, NULL, true);
	request.len--;
	assert_true(read_request(&request, false));
	assert_false(gate.is_read);
	buf_fini(&request);
}

static void
nuls_are_shown_as_another_control_character(void **state)
{
	struct buf request, plain, params;

	(void)state;
	buf_init(&request, BYTES_MAX);
	buf_init(&plain, BYTES_MAX);
	buf_init(&params, BYTES_MAX);
	add_param(&params, SPAN("A\0B"), SPAN("\0a\0\0"));
	add_request(&request, &params, true);
	buf_clear(&params);
	add_param(&params, SPAN("A\1B"), SPAN("\1a\1\1"));
	add_request(&plain, &params, false);
	assert_true(read_request(&request, false));
	assert_true(is_plain(&plain));
	buf_fini(&request);
	buf_fini(&plain);
	buf_fini(&params);
}

/* A request of many records, all of them padded, byte by byte. */
static void
a_request_may_come_in_pieces(void **state)
{
	struct buf request, params, plain, nothing;
	struct peer peer;
	size_t i, n;
	int ends[2];

	(void)state;
	buf_init(&request, BYTES_MAX);
	buf_init(&params, BYTES_MAX);
	buf_init(&plain, BYTES_MAX);
	for (i = 0; i < 50; i++)
		add_param(&params, SPAN("NAME"), SPAN("a value"));
	add_head(&request, RECORD_BEGIN_REQUEST, ID, 8, 3);
	add(&request, "\0\1\0\0\0\0\0\0pad", 11);
	for (i = 0; i < params.len; i += n) {
		n = params.len - i < 7 ? params.len - i : 7;
		add_head(&request, RECORD_PARAMS, ID, n, 2);
		add(&request, params.data + i, n);
		add(&request, "..", 2);
	}
	add_head(&request, RECORD_PARAMS, ID, 0, 1);
	add(&request, ".", 1);
	add_begin(&plain, ID, RECORD_ROLE_RESPONDER, 0);
	add_record(&plain, RECORD_PARAMS, ID, buf_span(&params));
	add_head(&plain, RECORD_PARAMS, ID, 0, 0);
	for (i = 0; i < 2; i++) {
		make_connection(families[i], ends);
		peer = start_peer(ends[1], ends[0], &request, 1, 65536);
		assert_true(gate_read(
		    &gate, ends[0], clock_monotonic_ms() + PATIENCE_MS));
		assert_true(is_plain(&plain));
		close(ends[0]);
		nothing = end_peer(&peer);
		buf_fini(&nothing);
	}
	buf_fini(&request);
	buf_fini(&params);
	buf_fini(&plain);
}

/* A request with LEN bytes of parameters, in records of at most AT_ONCE. */
static void
add_params_of(struct buf *out, size_t len, size_t at_once)
{
	const size_t heads = 1 + 4 + 4;
	char *bytes = mem_zero(1, len);
	struct buf params;
	size_t i, n;

	memset(bytes, 'v', len);
	buf_init(&params, BYTES_MAX);
	add_param(&params, SPAN("NAME"), (struct span){ bytes, len - heads });
	assert_int_equal(params.len, len);
	add_begin(out, ID, RECORD_ROLE_RESPONDER, 0);
	for (i = 0; i < len; i += n) {
		n = len - i < at_once ? len - i : at_once;
		add_record(out, RECORD_PARAMS, ID,
		    (struct span){ params.data + i, n });
	}
	add_head(out, RECORD_PARAMS, ID, 0, 0);
	buf_fini(&params);
	free(bytes);
}

static void
parameters_have_a_greatest_length(void **state)
{
	struct buf request, plain;
	struct peer peer;
	size_t i, more;
	int ends[2];

	(void)state;
	buf_init(&request, BYTES_MAX);
	buf_init(&plain, BYTES_MAX);
	add_params_of(&plain, GATE_PARAMS_MAX, 65535);
	for (i = 0; i < 4; i++) {
		more = i / 2;
		buf_clear(&request);
		add_params_of(&request, GATE_PARAMS_MAX + more, 60000);
		/* The window of TCP is smaller than that. */
		make_connection(families[i % 2], ends);
		peer =
		    start_peer(ends[1], ends[0], &request, request.len, 65536);
		assert_int_equal(gate_read(&gate, ends[0],
				     clock_monotonic_ms() + PATIENCE_MS),
		    more == 0);
		if (more == 0)
			assert_true(is_plain(&plain));
		else
			assert_string_equal(
			    gate.why, "its parameters are too large");
		/* A refused one is reset with what it still sends. */
		close(ends[0]);
		assert_int_equal(waitpid(peer.pid, NULL, 0), peer.pid);
		close(peer.memory);
	}
	buf_fini(&request);
	buf_fini(&plain);
}

static void
a_peer_that_stalls_is_left(void **state)
{
	struct buf request;
	size_t i, len;

	(void)state;
	buf_init(&request, BYTES_MAX);
	add_request(&request, NULL, false);
	for (i = 0; i < 2; i++) {
		for (len = 0; len < request.len; len += 11) {
			int64_t before = clock_monotonic_ms();
			int ends[2];

			make_connection(families[i], ends);
			write_all(ends[1], request.data, len, len + 1);
			assert_false(
			    gate_read(&gate, ends[0], before + SHORT_MS));
			assert_string_equal(gate.why,
			    "it did not come in time; see read_timeout");
			/* The time-out is what is tested: it passed, and not
			 * much more than that. */
			assert_in_range(clock_monotonic_ms() - before, SHORT_MS,
			    SHORT_MS + 5000);
			close(ends[0]);
			close(ends[1]);
		}
	}
	buf_fini(&request);
}

static void
a_peer_that_hangs_up_is_left_at_once(void **state)
{
	struct buf request;
	size_t whole;

	(void)state;
	buf_init(&request, BYTES_MAX);
	add_request(&request, NULL, false);
	whole = request.len;
	for (request.len = 0; request.len < whole; request.len++) {
		assert_false(read_request(&request, true));
		if (request.len == 0)
			assert_null(gate.why);
		else
			assert_string_equal(
			    gate.why, "the peer hung up within it");
	}
	assert_true(read_request(&request, true));
	buf_fini(&request);
}

static void
lengths_that_lie_are_refused(void **state)
{
#define S(literal)                           \
	{                                    \
		literal, sizeof(literal) - 1 \
	}
	static const struct span lies[] = {
		/* A name's length, a value's, and too little behind. */
		S("\xff\xff\xff\xff\xff\xff\xff\xff"),
		S("\xff\xff\xff\xfe\x00"
		  "a"),
		S("\x01\xff\xff\xff\xff"
		  "a"),
		S("\xff\xff\xff\xff\x01"
		  "a"),
		S("\x80\x00\x00\x02\x80\x00\x00\x02"
		  "aaa"),
		S("\x01\x02"
		  "aa"),
		S("\x01\x00"),
		S("\x00\x01"),
		S("\x01"),
		S("\x80"),
		S("\x80\x00\x00"),
		S("\x01\x80\x00\x00"),
		S("\x01\x00"
		  "a"
		  "\x05"),
	};
	struct buf request;
	size_t i;

	(void)state;
	buf_init(&request, BYTES_MAX);
	for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		buf_clear(&request);
		add_begin(&request, ID, RECORD_ROLE_RESPONDER, 0);
		add_record(&request, RECORD_PARAMS, ID, lies[i]);
		add_head(&request, RECORD_PARAMS, ID, 0, 0);
		if (read_request(&request, false))
			fail_msg("row %zu", i);
		assert_string_equal(gate.why, "a parameter's length is a lie");
	}
	buf_fini(&request);
}

static const char management[] = "management records are not served";
static const char misplaced[] = "a record is out of place";

/* BEGIN_REQUEST, then a record that must not follow it. */
static void
add_begin_and(struct buf *out, uint8_t type, uint16_t id)
{
	add_begin(out, ID, RECORD_ROLE_RESPONDER, 0);
	add_head(out, type, id, 0, 0);
}

/* Forty pairs that make libfcgi write over its stack. */
static void
add_get_values(struct buf *out)
{
	struct buf params;
	int i;

	buf_init(&params, BYTES_MAX);
	for (i = 0; i < 40; i++)
		add_param(&params, SPAN("FCGI_MAX_CONNS"), SPAN(""));
	add_record(out, 9, 0, buf_span(&params));
	buf_fini(&params);
}

/* Records of a wrong kind, or in a wrong place, in OUT; returns why they are
 * refused, or NULL behind the last row. */
static const char *
make_malformed(int row, struct buf *out)
{
	buf_clear(out);
	switch (row) {
	case 0:
		add(out, "GET / HTTP/1.1\r\n\r\n", 18);
		return ("it is not FastCGI 1.0");
	case 1:
		add_get_values(out);
		return (management);
	case 2:
		add_begin(out, ID, RECORD_ROLE_RESPONDER, 0);
		add_get_values(out);
		return (management);
	case 3:
		add_request(out, NULL, false);
		add_get_values(out);
		return (management);
	case 4:
		add_begin(out, 0, RECORD_ROLE_RESPONDER, 0);
		return (management);
	case 5: /* no role, an authorizer, a filter */
	case 6:
	case 7:
		add_begin(out, ID, (uint8_t)(row == 5 ? 0 : row - 4), 0);
		return ("the role asked for is not responder");
	case 8:
		add_head(out, RECORD_BEGIN_REQUEST, ID, 0, 0);
		return ("it begins without BEGIN_REQUEST");
	case 9:
		add_head(out, RECORD_BEGIN_REQUEST, ID, 9, 0);
		return ("it begins without BEGIN_REQUEST");
	case 10:
		add_head(out, RECORD_PARAMS, ID, 8, 0);
		return ("it begins without BEGIN_REQUEST");
	case 11: /* the same again, and another request beside it */
	case 12:
		add_begin_and(
		    out, RECORD_BEGIN_REQUEST, (uint16_t)(ID + row - 11));
		return (misplaced);
	case 13: /* another's parameters */
		add_begin_and(out, RECORD_PARAMS, ID + 1);
		return (misplaced);
	case 14: /* an abort */
		add_begin_and(out, 2, ID);
		return (misplaced);
	case 15:
		add_begin_and(out, RECORD_STDIN, ID);
		return (misplaced);
	case 16: /* a type that there is not */
		add_begin_and(out, 255, ID);
		return (misplaced);
	case 17: /* another version in the midst */
		add_begin_and(out, RECORD_PARAMS, ID);
		out->data[out->len - RECORD_HEAD_LEN] = 2;
		return ("it is not FastCGI 1.0");
	case 18: /* and behind it */
		add_request(out, NULL, true);
		out->data[out->len - RECORD_HEAD_LEN] = 0;
		return ("it is not FastCGI 1.0");
	case 19: /* an abort of a whole request */
		add_request(out, NULL, false);
		add_head(out, 2, ID, 0, 0);
		return (misplaced);
	case 20: /* a second request behind the first */
		add_request(out, NULL, true);
		add_request(out, NULL, true);
		return (misplaced);
	default:
		return (NULL);
	}
}

static void
what_is_malformed_is_refused(void **state)
{
	struct buf request;
	const char *why;
	int row;

	(void)state;
	buf_init(&request, BYTES_MAX);
	for (row = 0; (why = make_malformed(row, &request)) != NULL; row++) {
		if (read_request(&request, false))
			fail_msg("row %d is let through", row);
		assert_string_equal(gate.why, why);
	}
	assert_int_equal(row, 21);
	buf_fini(&request);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_laid_out_plainly),
		cmocka_unit_test(stdin_is_looked_at_but_not_waited_for),
		cmocka_unit_test(nuls_are_shown_as_another_control_character),
		cmocka_unit_test(a_request_may_come_in_pieces),
		cmocka_unit_test(parameters_have_a_greatest_length),
		cmocka_unit_test(a_peer_that_stalls_is_left),
		cmocka_unit_test(a_peer_that_hangs_up_is_left_at_once),
		cmocka_unit_test(lengths_that_lie_are_refused),
		cmocka_unit_test(what_is_malformed_is_refused),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

/*
 * FastCGI (src/respond/fcgi.h) over real sockets: what libfcgi makes of a
 * request, and the life of a connection.  See test_gate and test_writer for
 * what lies below.  accept4 is wrapped to fail.
 */
#include "fastcgi_peer.h"

#include <sys/un.h>
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "respond/fcgi.h"
#include "respond/writer.h"

static int accept_errno; /* what accept4 fails with next; 0: it does not */

int __real_accept4(int fd, struct sockaddr *peer, socklen_t *len, int flags);
int __wrap_accept4(int fd, struct sockaddr *peer, socklen_t *len, int flags);

int
__wrap_accept4(int fd, struct sockaddr *peer, socklen_t *len, int flags)
{
	if (accept_errno == 0)
		return (__real_accept4(fd, peer, len, flags));
	errno = accept_errno;
	accept_errno = 0;
	return (-1);
}

/* --------------------------------------------------------- the server --- */

struct server {
	int fd;
	struct sockaddr_un un; /* the path is "" where it is over TCP */
	struct sockaddr_in in;
	struct fcgi *fcgi;
	struct request request;
	struct request_sink sink;
};

static struct server *
serve(int family, int64_t read_ms, int64_t send_ms)
{
	struct server *server = mem_zero(1, sizeof(*server));
	char folder[] = "/tmp/test_fcgi.XXXXXX";

	if (family == AF_UNIX) {
		assert_non_null(mkdtemp(folder));
		server->un.sun_family = AF_UNIX;
		snprintf(server->un.sun_path, sizeof(server->un.sun_path),
		    "%s/s", folder);
		server->fd = socket(AF_UNIX, SOCK_STREAM, 0);
		assert_return_code(
		    bind(server->fd, (struct sockaddr *)&server->un,
			sizeof(server->un)),
		    errno);
		assert_return_code(listen(server->fd, 64), errno);
	} else {
		server->fd = listen_on_loopback(&server->in);
	}
	server->fcgi = fcgi_new(server->fd, read_ms, send_ms);
	return (server);
}

static void
end_server(struct server *server)
{
	char *path = server->un.sun_path;

	fcgi_free(server->fcgi);
	close(server->fd);
	if (path[0] != '\0') {
		unlink(path);
		*strrchr(path, '/') = '\0';
		rmdir(path);
	}
	free(server);
}

static int
connect_to(const struct server *server)
{
	bool is_unix = server->un.sun_path[0] != '\0';
	int fd = socket(is_unix ? AF_UNIX : AF_INET, SOCK_STREAM, 0);
	int failed = is_unix ? connect(fd, (const struct sockaddr *)&server->un,
				   sizeof(server->un))
			     : connect(fd, (const struct sockaddr *)&server->in,
				   sizeof(server->in));

	assert_return_code(failed, errno);
	return (fd);
}

/* A connection that has sent REQUEST, or NULL for a plain one. */
static int
ask(const struct server *server, const struct buf *request)
{
	int fd = connect_to(server);
	struct buf plain;

	buf_init(&plain, BYTES_MAX);
	add_request(&plain, NULL, true);
	if (request == NULL)
		request = &plain;
	write_all(fd, request->data, request->len, request->len);
	buf_fini(&plain);
	return (fd);
}

static enum fcgi_result
accept_one(struct server *server)
{
	struct pollfd watched = { .fd = server->fd, .events = POLLIN };

	assert_int_equal(poll(&watched, 1, PATIENCE_MS), 1);
	return (fcgi_accept(server->fcgi, &server->request, &server->sink));
}

static bool
head(struct server *server, struct span text)
{
	return (server->sink.head(server->sink.context, text));
}

static bool
body(struct server *server, struct span bytes)
{
	return (server->sink.body(server->sink.context, bytes));
}

static bool
end(struct server *server)
{
	bool ok = server->sink.end(server->sink.context, SPAN(""));

	fcgi_finish(server->fcgi);
	return (ok);
}

static void
assert_answer(struct span raw, struct span content)
{
	struct answer_seen seen;

	parse_answer(raw, &seen);
	assert_true(seen.is_whole);
	assert_true(span_equal(buf_span(&seen.content), content));
	buf_fini(&seen.content);
}

/* The next request is served as if nothing had been. */
static void
assert_serves_on(struct server *server)
{
	int fd = ask(server, NULL);
	struct buf raw;

	buf_init(&raw, BYTES_MAX);
	assert_int_equal(accept_one(server), FCGI_REQUEST);
	assert_true(span_equal(server->request.document_uri, SPAN("/a b")));
	assert_true(head(server, SPAN("Status: 200\r\n\r\n")));
	assert_true(body(server, SPAN("the body")));
	assert_true(end(server));
	assert_int_equal(read_all(fd, 65536, &raw), 0);
	assert_answer(buf_span(&raw), SPAN("Status: 200\r\n\r\nthe body"));
	buf_fini(&raw);
	close(fd);
}

/* ---------------------------------------------------------- requests ---- */

static const struct {
	const char *name;
	size_t offset;
} fields[] = {
#define ROW(name, field)                              \
	{                                             \
		name, offsetof(struct request, field) \
	}
	ROW("SCRIPT_NAME", script_name),
	ROW("PATH_INFO", path_info),
	ROW("REQUEST_URI", request_uri),
	ROW("TRYS3_SITE", site),
	ROW("HTTP_RANGE", range),
	ROW("HTTP_IF_MATCH", conditions.if_match),
	ROW("HTTP_IF_NONE_MATCH", conditions.if_none_match),
	ROW("HTTP_IF_MODIFIED_SINCE", conditions.if_modified_since),
	ROW("HTTP_IF_UNMODIFIED_SINCE", conditions.if_unmodified_since),
	ROW("HTTP_IF_RANGE", conditions.if_range),
	ROW("TRYS3_HANDOFF", handoff),
	ROW("TRYS3_CLIENT_METHOD", client.method),
	ROW("TRYS3_CLIENT_RANGE", client.range),
	ROW("TRYS3_CLIENT_IF_MATCH", client.conditions.if_match),
	ROW("TRYS3_CLIENT_IF_NONE_MATCH", client.conditions.if_none_match),
	ROW("TRYS3_CLIENT_IF_MODIFIED_SINCE",
	    client.conditions.if_modified_since),
	ROW("TRYS3_CLIENT_IF_UNMODIFIED_SINCE",
	    client.conditions.if_unmodified_since),
	ROW("TRYS3_CLIENT_IF_RANGE", client.conditions.if_range),
};

static void
parameters_become_a_request(void **state)
{
	struct server *server = serve(AF_UNIX, PATIENCE_MS, PATIENCE_MS);
	int64_t before = clock_monotonic_ms();
	struct buf request, params;
	char value[32];
	size_t i;
	int fd;

	(void)state;
	buf_init(&request, BYTES_MAX);
	buf_init(&params, BYTES_MAX);
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		snprintf(value, sizeof(value), "value %zu", i);
		add_param(&params, span_of(fields[i].name), span_of(value));
		add_param(&params, span_of(fields[i].name), SPAN("a second"));
	}
	add_request(&request, &params, true);
	fd = ask(server, &request);
	assert_int_equal(accept_one(server), FCGI_REQUEST);
	assert_true(span_equal(server->request.method, SPAN("GET")));
	assert_true(span_equal(server->request.document_uri, SPAN("/a b")));
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		struct span found;

		memcpy(&found, (char *)&server->request + fields[i].offset,
		    sizeof(found));
		snprintf(value, sizeof(value), "value %zu", i);
		if (!span_equal(found, span_of(value)))
			fail_msg("%s", fields[i].name);
	}
	assert_true(server->request.peer_fd >= 0);
	assert_in_range(
	    server->request.started_ms, before, clock_monotonic_ms());
	end(server);
	close(fd);
	buf_fini(&request);
	buf_fini(&params);
	end_server(server);
}

static void
odd_parameters(void **state)
{
#define S(literal)                           \
	{                                    \
		literal, sizeof(literal) - 1 \
	}
	static const struct {
		const char *name;
		struct span param, value, seen; /* of HTTP_RANGE */
	} rows[] = {
		{ "empty is not sent", S("HTTP_RANGE"), S(""), { NULL, 0 } },
		{ "NUL within", S("HTTP_RANGE"), S("a\0b"), S("a\1b") },
		{ "NUL at the end", S("HTTP_RANGE"), S("a\0"), S("a\1") },
		{ "NUL alone", S("HTTP_RANGE"), S("\0"), S("\1") },
		{ "NUL in the name", S("HTTP_RANGE\0"), S("a"), { NULL, 0 } },
		{ "any byte", S("HTTP_RANGE"), S("\xff\n="), S("\xff\n=") },
		{ "another case", S("http_range"), S("a"), { NULL, 0 } },
		{ "a longer name", S("HTTP_RANGES"), S("a"), { NULL, 0 } },
		{ "no name", S(""), S("a"), { NULL, 0 } },
		{ "neither", S(""), S(""), { NULL, 0 } },
	};
	struct server *server = serve(AF_UNIX, PATIENCE_MS, PATIENCE_MS);
	struct buf request, params;
	size_t i;

	(void)state;
	buf_init(&request, BYTES_MAX);
	buf_init(&params, BYTES_MAX);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int fd;

		buf_clear(&params);
		buf_clear(&request);
		add_param(&params, rows[i].param, rows[i].value);
		add_request(&request, &params, true);
		fd = ask(server, &request);
		assert_int_equal(accept_one(server), FCGI_REQUEST);
		if (!span_equal(server->request.range, rows[i].seen) ||
		    (server->request.range.data == NULL) !=
			(rows[i].seen.data == NULL))
			fail_msg("%s", rows[i].name);
		end(server);
		close(fd);
	}
	buf_fini(&request);
	buf_fini(&params);
	end_server(server);
}

static void
no_parameters_are_a_request_too(void **state)
{
	struct server *server = serve(AF_UNIX, PATIENCE_MS, PATIENCE_MS);
	struct buf request, raw;
	int fd;

	(void)state;
	buf_init(&request, BYTES_MAX);
	buf_init(&raw, BYTES_MAX);
	/* To keep the connection is asked in vain. */
	add_begin(&request, ID, RECORD_ROLE_RESPONDER, 1);
	add_head(&request, RECORD_PARAMS, ID, 0, 0);
	add_head(&request, RECORD_STDIN, ID, 0, 0);
	fd = ask(server, &request);
	assert_int_equal(accept_one(server), FCGI_REQUEST);
	assert_null(server->request.method.data);
	assert_null(server->request.document_uri.data);
	assert_true(head(server, SPAN("x")));
	assert_true(end(server));
	assert_int_equal(read_all(fd, 65536, &raw), 0);
	assert_answer(buf_span(&raw), SPAN("x"));
	close(fd);
	buf_fini(&request);
	buf_fini(&raw);
	assert_serves_on(server);
	end_server(server);
}

/* As many and as long parameters as there can be, through libfcgi. */
static void
large_requests_are_parsed(void **state)
{
	struct server *server = serve(AF_UNIX, PATIENCE_MS, PATIENCE_MS);
	char *value = make_bytes(60000);
	struct buf request, params;
	size_t i;
	int fd;

	(void)state;
	for (i = 0; i < 60000; i++)
		value[i] |= 1; /* no NUL */
	buf_init(&request, BYTES_MAX);
	buf_init(&params, BYTES_MAX);
	add_param(&params, SPAN("HTTP_RANGE"), (struct span){ value, 60000 });
	add_request(&request, &params, true);
	fd = ask(server, &request);
	assert_int_equal(accept_one(server), FCGI_REQUEST);
	assert_true(
	    span_equal(server->request.range, (struct span){ value, 60000 }));
	end(server);
	close(fd);

	buf_clear(&params);
	buf_clear(&request);
	for (i = 0; i < 32000; i++)
		add_param(&params, SPAN(""), SPAN(""));
	add_param(&params, SPAN("HTTP_RANGE"), SPAN("last"));
	add_request(&request, &params, true);
	fd = ask(server, &request);
	assert_int_equal(accept_one(server), FCGI_REQUEST);
	assert_true(span_equal(server->request.range, SPAN("last")));
	end(server);
	close(fd);
	assert_serves_on(server);
	buf_fini(&params);
	buf_fini(&request);
	free(value);
	end_server(server);
}

/* Whatever bytes of a request are others, it is served or closed, and what
 * libfcgi gets to see does it no harm. */
static void
garbled_requests_do_no_harm(void **state)
{
	static const char values[] = { 0, 1, 2, 4, 5, 9, 0x7f, (char)0x80,
		(char)0xff };
	struct server *server = serve(AF_UNIX, PATIENCE_MS, PATIENCE_MS);
	struct buf request;
	size_t at, i;

	(void)state;
	buf_init(&request, BYTES_MAX);
	add_request(&request, NULL, true);
	for (at = 0; at < request.len; at++) {
		char was = request.data[at];

		for (i = 0; i < sizeof(values); i++) {
			int fd;

			request.data[at] = values[i];
			fd = ask(server, &request);
			/* What waits for more shall not. */
			shutdown(fd, SHUT_WR);
			if (accept_one(server) == FCGI_REQUEST)
				fcgi_finish(server->fcgi);
			close(fd);
		}
		request.data[at] = was;
	}
	buf_fini(&request);
	assert_serves_on(server);
	end_server(server);
}

/* -------------------------------------------------------- connections --- */

static void
who_sends_nothing_of_use_is_closed(void **state)
{
	static const struct span rows[] = {
		{ "", 0 },
		{ "\1", 1 },
		{ "GET / HTTP/1.1\r\n\r\n", 18 },
		{ "\1\11\0\0\0\0\0\0", 8 },
		{ "\1\1\1\2\0\10\0\0\0\1\0\0\0\0\0\0", 16 },
	};
	size_t i, j;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct server *server =
		    serve(families[i], SHORT_MS, PATIENCE_MS);

		for (j = 0; j < sizeof(rows) / sizeof(rows[0]); j++) {
			int fd = connect_to(server);
			char byte;

			write_all(fd, rows[j].data, rows[j].len, 100);
			assert_int_equal(accept_one(server), FCGI_NONE);
			assert_true(recv(fd, &byte, 1, 0) <= 0);
			close(fd);
		}
		assert_serves_on(server);
		end_server(server);
	}
}

/* It asked, and left before its turn came. */
static void
who_has_left_is_not_served(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct server *server =
		    serve(families[i], PATIENCE_MS, PATIENCE_MS);

		close(connect_to(server));
		assert_int_equal(accept_one(server), FCGI_NONE);
		close(ask(server, NULL));
		assert_int_equal(accept_one(server), FCGI_NONE);
		assert_serves_on(server);
		end_server(server);
	}
}

static void
accept_never_waits(void **state)
{
	static const struct {
		int error;
		enum fcgi_result result;
	} rows[] = {
		{ EAGAIN, FCGI_NONE },
		{ EINTR, FCGI_NONE },
		{ ECONNABORTED, FCGI_NONE },
		{ EMFILE, FCGI_NONE },
		{ ENFILE, FCGI_NONE },
		{ ENOMEM, FCGI_NONE },
		{ EPROTO, FCGI_NONE },
		{ EBADF, FCGI_BROKEN },
		{ EINVAL, FCGI_BROKEN },
		{ ENOTSOCK, FCGI_BROKEN },
	};
	struct server *server = serve(AF_UNIX, PATIENCE_MS, PATIENCE_MS);
	size_t i;

	(void)state;
	/* No one is there. */
	assert_int_equal(
	    fcgi_accept(server->fcgi, &server->request, &server->sink),
	    FCGI_NONE);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		accept_errno = rows[i].error;
		assert_int_equal(
		    fcgi_accept(server->fcgi, &server->request, &server->sink),
		    rows[i].result);
		if (rows[i].result == FCGI_BROKEN)
			assert_int_equal(errno, rows[i].error);
	}
	assert_serves_on(server);
	end_server(server);
}

static void
ignore_signal(int number)
{
	(void)number;
}

static void
signals_stay_the_daemons(void **state)
{
	static const int numbers[] = { SIGTERM, SIGUSR1, SIGPIPE };
	void (*const handlers[])(int) = { SIG_IGN, ignore_signal, SIG_DFL };
	struct sigaction set, found;
	size_t i, j;
	int number;

	(void)state;
	for (i = 0; i < 3; i++) {
		sigset_t before, after;

		memset(&set, 0, sizeof(set));
		set.sa_handler = handlers[i];
		for (j = 0; j < 3; j++)
			sigaction(numbers[j], &set, NULL);
		sigprocmask(SIG_SETMASK, NULL, &before);
		end_server(serve(AF_UNIX, PATIENCE_MS, PATIENCE_MS));
		sigprocmask(SIG_SETMASK, NULL, &after);
		for (j = 0; j < 3; j++) {
			sigaction(numbers[j], NULL, &found);
			assert_ptr_equal(found.sa_handler, handlers[i]);
		}
		for (number = 1; number < 32; number++)
			assert_int_equal(sigismember(&before, number),
			    sigismember(&after, number));
	}
}

static int
count_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(folder);
	while (readdir(folder) != NULL)
		n++;
	closedir(folder);
	return (n);
}

static void
nothing_is_left_behind(void **state)
{
	int before = count_descriptors(), i, fd;
	struct server *server = serve(AF_UNIX, PATIENCE_MS, PATIENCE_MS);

	(void)state;
	for (i = 0; i < 1000; i++) {
		assert_serves_on(server);
		fd = connect_to(server);
		write_all(fd, "GET / HTTP/1.1\r\n\r\n", 18, 18);
		assert_int_equal(accept_one(server), FCGI_NONE);
		close(fd);
	}
	/* What is under way is finished. */
	fd = ask(server, NULL);
	assert_int_equal(accept_one(server), FCGI_REQUEST);
	end_server(server);
	close(fd);
	fcgi_free(NULL);
	assert_int_equal(count_descriptors(), before);
}

/* An answer that was neither ended nor failed, or failed. */
static void
an_answer_without_an_end_fails(void **state)
{
	struct server *server = serve(AF_UNIX, PATIENCE_MS, PATIENCE_MS);
	char *bytes = make_bytes(100000);
	int row;

	(void)state;
	for (row = 0; row < 4; row++) {
		int fd = ask(server, NULL);
		struct answer_seen seen;
		struct buf raw;

		buf_init(&raw, BYTES_MAX);
		assert_int_equal(accept_one(server), FCGI_REQUEST);
		if (row >= 1)
			assert_true(head(server, SPAN("Status: 200\r\n\r\n")));
		if (row >= 2)
			assert_true(
			    body(server, (struct span){ bytes, 100000 }));
		if (row == 3)
			(server->sink.fail)(server->sink.context);
		fcgi_finish(server->fcgi);
		assert_int_equal(read_all(fd, 65536, &raw), 0);
		parse_answer(buf_span(&raw), &seen);
		assert_true(seen.is_failed);
		assert_int_equal(
		    seen.content.len, row >= 2 ? WRITER_RECORD_LEN : 0);
		buf_fini(&seen.content);
		buf_fini(&raw);
		close(fd);
	}
	free(bytes);
	assert_serves_on(server);
	end_server(server);
}

/* What was given up within a record must not look like an end. */
static void
an_answer_that_is_given_up_is_reset(void **state)
{
	struct server *server = serve(AF_INET, PATIENCE_MS, SHORT_MS);
	char *bytes = make_bytes(1 << 20);
	struct answer_seen seen;
	struct buf raw;
	int fd = ask(server, NULL);

	(void)state;
	buf_init(&raw, BYTES_MAX);
	assert_int_equal(accept_one(server), FCGI_REQUEST);
	while (body(server, (struct span){ bytes, 1 << 20 }))
		continue;
	(server->sink.fail)(server->sink.context);
	fcgi_finish(server->fcgi);
	assert_int_equal(read_all(fd, 65536, &raw), ECONNRESET);
	parse_answer(buf_span(&raw), &seen);
	assert_false(seen.is_whole);
	buf_fini(&seen.content);
	buf_fini(&raw);
	free(bytes);
	close(fd);
	assert_serves_on(server);
	end_server(server);
}

/* A PUT of 1 MB that nobody reads: its sender gets the answer all the same. */
static void
a_body_does_not_cost_the_answer(void **state)
{
	char *bytes = make_bytes(1 << 20);
	struct buf request;
	size_t i, at;

	(void)state;
	buf_init(&request, BYTES_MAX);
	add_request(&request, NULL, false);
	for (at = 0; at < 1 << 20; at += 32768)
		add_record(&request, RECORD_STDIN, ID,
		    (struct span){ bytes + at, 32768 });
	add_head(&request, RECORD_STDIN, ID, 0, 0);
	for (i = 0; i < 2; i++) {
		struct server *server =
		    serve(families[i], PATIENCE_MS, PATIENCE_MS);
		struct peer peer =
		    start_peer(connect_to(server), -1, &request, 10000, 65536);
		struct buf raw;

		assert_int_equal(accept_one(server), FCGI_REQUEST);
		assert_true(head(server, SPAN("Status: 405\r\n\r\n")));
		assert_true(end(server));
		raw = end_peer(&peer);
		assert_answer(buf_span(&raw), SPAN("Status: 405\r\n\r\n"));
		buf_fini(&raw);
		end_server(server);
	}
	buf_fini(&request);
	free(bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		/* First: libfcgi is initialised once. */
		cmocka_unit_test(signals_stay_the_daemons),
		cmocka_unit_test(parameters_become_a_request),
		cmocka_unit_test(odd_parameters),
		cmocka_unit_test(no_parameters_are_a_request_too),
		cmocka_unit_test(large_requests_are_parsed),
		cmocka_unit_test(garbled_requests_do_no_harm),
		cmocka_unit_test(who_sends_nothing_of_use_is_closed),
		cmocka_unit_test(who_has_left_is_not_served),
		cmocka_unit_test(accept_never_waits),
		cmocka_unit_test(nothing_is_left_behind),
		cmocka_unit_test(an_answer_without_an_end_fails),
		cmocka_unit_test(an_answer_that_is_given_up_is_reset),
		cmocka_unit_test(a_body_does_not_cost_the_answer),
	};

	log_threshold(LOG_LEVEL_ERROR);
	return (cmocka_run_group_tests(tests, NULL, NULL));
}

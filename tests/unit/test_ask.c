/*
 * credentials/ask over real sockets: an endpoint is a child process with a
 * socket on 127.0.0.1, which answers each connection with the same bytes.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "credentials/ask.h"

enum {
	REQUEST_LEN = 2048,
	SHORT_MS = 200, /* a time-out that is to fire */
	LONG_MS = 20000 /* one that is not */
};

/* Shared with the child. */
struct seen {
	unsigned requests;
	char request[REQUEST_LEN]; /* the last */
};

struct endpoint {
	pid_t pid;
	int listener;
	struct span answer;
	bool then_hang; /* else the connection is closed */
	char url[64];
	struct seen *seen;
};

static int64_t wall_s = -1; /* -1: as it is */

int64_t __real_clock_wall_s(void);
int64_t __wrap_clock_wall_s(void);

int64_t
__wrap_clock_wall_s(void)
{
	return (wall_s >= 0 ? wall_s : __real_clock_wall_s());
}

/* Read a request with its body. */
static void
read_request(int fd, struct seen *seen)
{
	size_t len = 0, end = 0;
	const char *length;

	while (len < REQUEST_LEN - 1 && (end == 0 || len < end)) {
		if (read(fd, seen->request + len, 1) != 1)
			_exit(1);
		seen->request[++len] = '\0';
		if (end != 0 || len < 4 ||
		    memcmp(seen->request + len - 4, "\r\n\r\n", 4) != 0)
			continue;
		length = strcasestr(seen->request, "Content-Length: ");
		end =
		    len + (length != NULL ? strtoul(length + 16, NULL, 10) : 0);
	}
	seen->requests++;
}

static void
play(const struct endpoint *e)
{
	for (;;) {
		int fd = accept(e->listener, NULL, NULL);
		size_t sent = 0;
		ssize_t n;

		if (fd < 0)
			_exit(1);
		read_request(fd, e->seen);
		while (sent < e->answer.len) {
			n = send(fd, e->answer.data + sent,
			    e->answer.len - sent, MSG_NOSIGNAL);
			if (n <= 0)
				break;
			sent += (size_t)n;
		}
		while (e->then_hang)
			pause();
		close(fd);
	}
}

/* A socket on a port of its own, and its address. */
static int
bind_any(char *url, size_t url_len)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_return_code(fd, 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_return_code(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_return_code(
	    getsockname(fd, (struct sockaddr *)&address, &len), 0);
	snprintf(url, url_len, "http://127.0.0.1:%u",
	    (unsigned)ntohs(address.sin_port));
	return (fd);
}

static void
start(struct endpoint *e, struct span answer, bool then_hang)
{
	e->answer = answer;
	e->then_hang = then_hang;
	e->listener = bind_any(e->url, sizeof(e->url));
	assert_return_code(listen(e->listener, 8), 0);
	e->seen = mmap(NULL, sizeof(*e->seen), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(e->seen != MAP_FAILED);
	e->pid = fork();
	assert_return_code(e->pid, 0);
	if (e->pid == 0) {
		/* A test that fails leaves by longjmp, without stop. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		play(e);
	}
	close(e->listener);
}

static void
stop(struct endpoint *e)
{
	kill(e->pid, SIGKILL);
	waitpid(e->pid, NULL, 0);
	munmap(e->seen, sizeof(*e->seen));
}

static struct site site;

/* A search with all the time that a test may take. */
static struct credentials_search
begin(void)
{
	site = (struct site){ .name = NULL };
	return ((struct credentials_search){
	    .site = &site,
	    .http = http_new(),
	    .deadline_ms = clock_monotonic_ms() + LONG_MS,
	});
}

static const char *const headers[] = { "X-Secret: open sesame" };

static struct ask_question
question_for(const char *url)
{
	return ((struct ask_question){
	    .url = url,
	    .headers = headers,
	    .n_headers = 1,
	    .connect_ms = LONG_MS,
	    .answer_ms = LONG_MS,
	});
}

#define OK "HTTP/1.1 200 OK\r\nConnection: close\r\n"

static void
test_answers(void **state)
{
	static const struct {
		const char *name;
		struct span answer;
		bool is_whole;
		int status;
		struct span body;
		int64_t date_s;
		const char *reason; /* part of it */
	} rows[] = {
		{ "whole",
		    SPAN(OK "Date: Tue, 24 Nov 2026 12:00:00 GMT\r\n"
			    "Content-Length: 5\r\n\r\nhello"),
		    true, 200, SPAN("hello"), 1795521600, "" },
		{ "no Date", SPAN(OK "Content-Length: 5\r\n\r\nhello"), true,
		    200, SPAN("hello"), -1, "" },
		{ "a Date that is none",
		    SPAN(OK "Date: tomorrow\r\nContent-Length: 0\r\n\r\n"),
		    true, 200, SPAN(""), -1, "" },
		{ "any bytes",
		    SPAN(OK "Content-Length: 7\r\n\r\na\0b\xff\xc0\r\n"), true,
		    200, SPAN("a\0b\xff\xc0\r\n"), -1, "" },
		{ "no length", SPAN(OK "\r\nhello"), true, 200, SPAN("hello"),
		    -1, "" },
		{ "chunked",
		    SPAN(OK "Transfer-Encoding: chunked\r\n\r\n"
			    "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"),
		    true, 200, SPAN("hello"), -1, "" },
		{ "nothing",
		    SPAN("HTTP/1.1 204 No Content\r\nConnection: close\r\n"
			 "\r\n"),
		    true, 204, SPAN(""), -1, "" },
		{ "a redirect is not followed",
		    SPAN("HTTP/1.1 302 Found\r\nLocation: /other\r\n"
			 "Connection: close\r\nContent-Length: 4\r\n\r\nelse"),
		    true, 302, SPAN("else"), -1, "" },
		{ "a refusal",
		    SPAN("HTTP/1.1 503 Slow Down\r\nConnection: close\r\n"
			 "Content-Length: 4\r\n\r\nbusy"),
		    true, 503, SPAN("busy"), -1, "" },
		{ "cut short", SPAN(OK "Content-Length: 9\r\n\r\ncanary"),
		    false, 0, SPAN(""), -1, "transfer closed" },
		{ "cut short in chunks",
		    SPAN(OK "Transfer-Encoding: chunked\r\n\r\n"
			    "6\r\ncanary\r\n"),
		    false, 0, SPAN(""), -1, "transfer closed" },
		{ "half a head", SPAN("HTTP/1.1 200 OK\r\nX: canary\r\n"),
		    false, 0, SPAN(""), -1, "" },
		{ "not HTTP", SPAN("\x16\x03\x01 canary\r\n\r\n"), false, 0,
		    SPAN(""), -1, "HTTP/0.9" },
		{ "another protocol",
		    SPAN("HTTP/1.1 101 Switching Protocols\r\n"
			 "Upgrade: canary\r\n\r\ncanary"),
		    false, 0, SPAN(""), -1, "" },
		{ "no answer", SPAN(""), false, 0, SPAN(""), -1,
		    "Empty reply" },
		{ "said to be too long",
		    SPAN(OK "Content-Length: 65537\r\n\r\ncanary"), false, 0,
		    SPAN(""), -1, "longer than 65536 bytes" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct credentials_search search = begin();
		struct ask_question question;
		struct ask_answer answer;
		struct endpoint e;

		print_message("%s\n", rows[i].name);
		start(&e, rows[i].answer, false);
		question = question_for(e.url);
		ask_answer_init(&answer);
		assert_int_equal(
		    ask(&search, &question, &answer), rows[i].is_whole);
		assert_int_equal(answer.status, rows[i].status);
		assert_true(span_equal(buf_span(&answer.body), rows[i].body));
		assert_int_equal(answer.date_s, rows[i].date_s);
		assert_true(answer.was_sent);
		assert_non_null(strstr(answer.reason, rows[i].reason));
		assert_null(strstr(answer.reason, "canary"));
		assert_int_equal(rows[i].is_whole, answer.reason[0] == '\0');
		assert_int_equal(e.seen->requests, 1);
		ask_answer_fini(&answer);
		http_free(search.http);
		stop(&e);
	}
}

/* An answer of LEN bytes of body, its length said or not. */
static bool
ask_for(size_t len, bool is_said, struct ask_answer *answer)
{
	struct credentials_search search = begin();
	char *text = mem_alloc(len + 200);
	struct ask_question question;
	struct endpoint e;
	size_t head;
	bool is_answered;

	head = (size_t)(is_said
		? snprintf(text, 200, OK "Content-Length: %zu\r\n\r\n", len)
		: snprintf(text, 200, OK "\r\n"));
	memset(text + head, 'x', len);
	start(&e, (struct span){ text, head + len }, false);
	question = question_for(e.url);
	is_answered = ask(&search, &question, answer);
	http_free(search.http);
	stop(&e);
	free(text);
	return (is_answered);
}

static void
test_length(void **state)
{
	struct ask_answer answer;

	(void)state;
	ask_answer_init(&answer);
	for (int is_said = 0; is_said <= 1; is_said++) {
		assert_true(ask_for(ASK_BODY_MAX, is_said, &answer));
		assert_int_equal(answer.body.len, ASK_BODY_MAX);
		assert_string_equal(answer.reason, "");
		assert_false(ask_for(ASK_BODY_MAX + 1, is_said, &answer));
		assert_int_equal(answer.body.len, 0);
		assert_int_equal(answer.status, 0);
		assert_non_null(strstr(answer.reason, "longer than 65536"));
	}
	ask_answer_fini(&answer);
}

static void
test_question(void **state)
{
	static const struct {
		enum http_method method;
		const char *body;
		const char *request; /* with the Host header cut out */
	} rows[] = {
		{ HTTP_GET, NULL,
		    "GET /a?b=c HTTP/1.1\r\nX-Secret: open sesame\r\n\r\n" },
		{ HTTP_PUT, NULL,
		    "PUT /a?b=c HTTP/1.1\r\nX-Secret: open sesame\r\n"
		    "Content-Length: 0\r\n\r\n" },
		{ HTTP_POST, "A=1&B=2",
		    "POST /a?b=c HTTP/1.1\r\nX-Secret: open sesame\r\n"
		    "Content-Length: 7\r\n\r\nA=1&B=2" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct credentials_search search = begin();
		struct ask_question question;
		struct ask_answer answer;
		struct endpoint e;
		char url[128], *host, *end;

		start(&e, SPAN(OK "Content-Length: 2\r\n\r\nok"), false);
		snprintf(url, sizeof(url), "%s/a?b=c", e.url);
		question = question_for(url);
		question.method = rows[i].method;
		question.body = span_of(rows[i].body);
		ask_answer_init(&answer);
		assert_true(ask(&search, &question, &answer));
		assert_string_equal(buf_string(&answer.body), "ok");
		host = strstr(e.seen->request, "Host: 127.0.0.1:");
		assert_non_null(host);
		end = strstr(host, "\r\n") + 2;
		memmove(host, end, strlen(end) + 1);
		assert_string_equal(e.seen->request, rows[i].request);
		ask_answer_fini(&answer);
		http_free(search.http);
		stop(&e);
	}
}

static void
test_time_outs(void **state)
{
	static const struct {
		int64_t answer_ms;
		int64_t search_ms;
		struct span answer;
	} rows[] = {
		{ SHORT_MS, LONG_MS, SPAN("") },
		{ SHORT_MS, LONG_MS,
		    SPAN("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel") },
		{ LONG_MS, SHORT_MS, SPAN("") },
		{ 0, SHORT_MS, SPAN("") }, /* ASK_ANSWER_MS is longer */
		{ LONG_MS, -1, SPAN("") },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct credentials_search search = begin();
		int64_t began = clock_monotonic_ms();
		struct ask_question question;
		struct ask_answer answer;
		struct endpoint e;

		start(&e, rows[i].answer, true);
		search.deadline_ms = began + rows[i].search_ms;
		question = question_for(e.url);
		question.answer_ms = rows[i].answer_ms;
		ask_answer_init(&answer);
		assert_false(ask(&search, &question, &answer));
		assert_int_equal(answer.status, 0);
		assert_int_equal(answer.body.len, 0);
		assert_non_null(
		    strstr(answer.reason, "no whole answer came within"));
		assert_true(clock_monotonic_ms() - began < LONG_MS);
		ask_answer_fini(&answer);
		http_free(search.http);
		stop(&e);
	}
}

/* Nobody there: it can be told from one who does not answer, also after an
 * exchange that went well. */
static void
test_nobody(void **state)
{
	struct credentials_search search = begin();
	struct ask_question question;
	struct ask_answer answer;
	struct endpoint e;
	char url[64];
	int fd, other[3];

	(void)state;
	start(&e, SPAN(OK "Content-Length: 2\r\n\r\nok"), false);
	ask_answer_init(&answer);
	question = question_for(e.url);
	assert_true(ask(&search, &question, &answer));
	assert_true(answer.was_sent);

	fd = bind_any(url, sizeof(url)); /* nobody listens */
	question = question_for(url);
	assert_false(ask(&search, &question, &answer));
	assert_false(answer.was_sent);
	assert_int_equal(answer.body.len, 0);
	assert_string_not_equal(answer.reason, "");
	close(fd);

	/* A queue that is full: no connection comes about. */
	fd = bind_any(url, sizeof(url));
	assert_return_code(listen(fd, 0), 0);
	for (size_t i = 0; i < 3; i++) {
		struct sockaddr_in address;
		socklen_t len = sizeof(address);

		assert_return_code(
		    getsockname(fd, (struct sockaddr *)&address, &len), 0);
		other[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		assert_return_code(other[i], 0);
		(void)!connect(other[i], (struct sockaddr *)&address, len);
	}
	question = question_for(url);
	question.connect_ms = SHORT_MS;
	assert_false(ask(&search, &question, &answer));
	assert_false(answer.was_sent);
	assert_null(strstr(answer.reason, "no whole answer"));
	for (size_t i = 0; i < 3; i++)
		close(other[i]);
	close(fd);
	ask_answer_fini(&answer);
	http_free(search.http);
	stop(&e);
}

static void
test_proxy(void **state)
{
	struct credentials_search search = begin();
	struct ask_question question;
	struct ask_answer answer;
	struct endpoint e, proxy;

	(void)state;
	start(&e, SPAN(OK "Content-Length: 6\r\n\r\ndirect"), false);
	start(&proxy, SPAN(OK "Content-Length: 5\r\n\r\nproxy"), false);
	assert_return_code(setenv("http_proxy", proxy.url, 1), 0);
	ask_answer_init(&answer);
	question = question_for(e.url);
	assert_true(ask(&search, &question, &answer));
	assert_string_equal(buf_string(&answer.body), "proxy");
	question.no_proxy = true;
	assert_true(ask(&search, &question, &answer));
	assert_string_equal(buf_string(&answer.body), "direct");
	question.no_proxy = false;
	assert_true(ask(&search, &question, &answer));
	assert_string_equal(buf_string(&answer.body), "proxy");
	assert_return_code(unsetenv("http_proxy"), 0);
	ask_answer_fini(&answer);
	http_free(search.http);
	stop(&proxy);
	stop(&e);
}

/* It is the site's. */
static void
test_ca_file(void **state)
{
	struct credentials_search search = begin();
	struct ask_question question = question_for("https://127.0.0.1:1/");
	struct ask_answer answer;
	struct endpoint e;
	char url[128], missing[] = "/nowhere/ca.pem";

	(void)state;
	start(&e, SPAN("HTTP/1.1 400 Bad Request\r\n\r\n"), true);
	snprintf(url, sizeof(url), "https%s", e.url + 4);
	question.url = url;
	site.ca_file = missing;
	ask_answer_init(&answer);
	assert_false(ask(&search, &question, &answer));
	assert_non_null(strstr(answer.reason, missing));
	assert_false(answer.was_sent);
	ask_answer_fini(&answer);
	http_free(search.http);
	stop(&e);
}

static void
test_local_time(void **state)
{
	static const struct {
		int64_t date_s, now_s, expires_s, local_s;
	} rows[] = {
		{ -1, 1000, 5000, 5000 },
		{ 1000, 1000, 5000, 5000 },
		{ 1060, 1000, 5000, 5000 },
		{ 1061, 1000, 5000, 4939 },
		{ 940, 1000, 5000, 5000 },
		{ 939, 1000, 5000, 5061 },
		{ 0, 1000, 5000, 6000 },
		{ 5000, 1000, CREDENTIALS_NEVER, CREDENTIALS_NEVER },
		{ 0, 1000, CREDENTIALS_NEVER, CREDENTIALS_NEVER },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct ask_answer answer = { .date_s = rows[i].date_s };

		wall_s = rows[i].now_s;
		assert_int_equal(ask_local_time(&answer, rows[i].expires_s),
		    rows[i].local_s);
	}
	wall_s = -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_question),
		cmocka_unit_test(test_time_outs),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_proxy),
		cmocka_unit_test(test_ca_file),
		cmocka_unit_test(test_local_time),
	};

	if (!http_global_init())
		return (1);
	return (cmocka_run_group_tests_name("ask", tests, NULL, NULL));
}

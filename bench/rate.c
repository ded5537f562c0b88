/*
 * rate: ask for objects at a constant rate, and say how long each took.
 *
 *	rate [-c CONNECTIONS] [-r RATE] [-t SECONDS] [-s SIZE] [-f FIRST]
 *	     [-n COUNT] [-o FILE] PORT PATH
 *
 * GETs PATH from 127.0.0.1:PORT over CONNECTIONS (16) connections that are
 * kept, RATE (100) times a second for SECONDS (10).  The '#'s of PATH stand for
 * a number, with zeroes in front: "/a/###.png" is /a/000.png, /a/001.png and so
 * on, COUNT (1) of them from FIRST (0) on, again and again.  Each answer must
 * be a 200 with SIZE bytes, where one is given; what is not is an error, as is
 * a request with no answer 10 s after the last one was due.
 *
 * A request is due at its time, whatever became of those before it, and how
 * long it took is counted from then: one that had to wait, since all of the
 * connections were still busy, has waited for the server too.  Who counts from
 * the sending, and sends when there is an answer, leaves out just the requests
 * that a slow server would have held up ("coordinated omission"; the idea, and
 * the name, are Gil Tene's, of wrk2).
 *
 * Prints a JSON object: requests, errors, and p50, p99, p99.9 and max in
 * microseconds.  FILE gets a line for each request, in the order in which they
 * were due: its microseconds, -1 for an error.
 *
 * Ends with 0, also when there were errors, and with 1 when it cannot work.
 */
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

enum {
	HEAD_MAX = 16384,
	PATH_LEN_MAX = 1024,
	CONNECTIONS_MAX = 10000,
	PATIENCE_S = 10,
};

#define NS_PER_S 1000000000
#define NO_SIZE  UINT64_MAX
#define FAILED   -1

struct connection {
	int fd;          /* -1: none at the moment */
	bool is_busy;    /* a request is on its way */
	uint64_t number; /* which */
	char head[HEAD_MAX];
	size_t head_len; /* what has come of it */
	bool has_head;
	bool is_last;  /* the server closes it */
	uint64_t left; /* of the body */
};

/* What is asked for. */
static struct {
	uint64_t connections, rate, seconds, size, first, count;
	const char *path, *to;
	struct sockaddr_in server;
} wanted = {
	.connections = 16,
	.rate = 100,
	.seconds = 10,
	.size = NO_SIZE,
	.count = 1,
};

/* The run. */
static struct connection *connections;
static struct connection **idle; /* a stack */
static size_t n_idle;
static int poller, timer;
static int64_t began, end; /* of all patience */
static uint64_t total;     /* requests in all */
static uint64_t n_sent;    /* of those */
static uint64_t n_ended;   /* of those, well or not */
static uint64_t n_errors;  /* of those */
static int64_t *took;      /* ns, by number */

static int64_t
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (time.tv_sec * (int64_t)NS_PER_S + time.tv_nsec);
}

static int64_t
due(uint64_t number)
{
	return (began + (int64_t)(number * NS_PER_S / wanted.rate));
}

/* --------------------------------------------------------- connections --- */

static void
open_connection(struct connection *connection)
{
	struct epoll_event event = { .events = EPOLLIN };
	int one = 1;

	connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connection->fd < 0)
		err(1, "socket");
	if (connect(connection->fd, (const struct sockaddr *)&wanted.server,
		sizeof(wanted.server)) != 0)
		err(1, "connect to port %u", ntohs(wanted.server.sin_port));
	setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (fcntl(connection->fd, F_SETFL, O_NONBLOCK) != 0)
		err(1, "fcntl");
	event.data.ptr = connection;
	if (epoll_ctl(poller, EPOLL_CTL_ADD, connection->fd, &event) != 0)
		err(1, "epoll_ctl");
}

static void
close_connection(struct connection *connection)
{
	close(connection->fd); /* epoll forgets it */
	connection->fd = -1;
}

/* Its request has ended: with WHY not NULL, in an error. */
static void
end_request(struct connection *connection, const char *why)
{
	if (why != NULL && n_errors++ == 0)
		warnx("request %ju: %s", (uintmax_t)connection->number, why);
	took[connection->number] =
	    why != NULL ? FAILED : now() - due(connection->number);
	if (why != NULL || connection->is_last)
		close_connection(connection);
	connection->is_busy = false;
	idle[n_idle++] = connection;
	n_ended++;
}

/* --------------------------------------------------------- one request --- */

/* The path of request NUMBER. */
static void
write_path(char path[PATH_LEN_MAX], uint64_t number)
{
	uint64_t n = wanted.first + number % wanted.count;
	size_t len = strlen(wanted.path);

	memcpy(path, wanted.path, len + 1);
	while (len-- > 0) {
		if (path[len] == '#') {
			path[len] = (char)('0' + n % 10);
			n /= 10;
		}
	}
}

static void
send_request(struct connection *connection, uint64_t number)
{
	char path[PATH_LEN_MAX], request[PATH_LEN_MAX + 128];
	int len;

	write_path(path, number);
	len = snprintf(request, sizeof(request),
	    "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n", path,
	    ntohs(wanted.server.sin_port));
	if (connection->fd < 0)
		open_connection(connection);
	connection->is_busy = true;
	connection->number = number;
	connection->head_len = 0;
	connection->has_head = connection->is_last = false;
	if (send(connection->fd, request, (size_t)len, MSG_NOSIGNAL) != len)
		end_request(connection, "cannot be sent");
}

/* The value of the header NAME (with its colon) in HEAD; NULL: none. */
static const char *
find_header(const char *head, const char *name)
{
	const char *line = head;

	while ((line = strstr(line, "\r\n")) != NULL) {
		line += 2;
		if (strncasecmp(line, name, strlen(name)) == 0)
			return (line + strlen(name) +
			    strspn(line + strlen(name), " "));
	}
	return (NULL);
}

/* The head is there, with a NUL behind it: what is wrong with it, or NULL. */
static const char *
judge_head(struct connection *connection)
{
	const char *length = find_header(connection->head, "Content-Length:");
	const char *last = find_header(connection->head, "Connection:");

	if (strncmp(connection->head, "HTTP/1.", 7) != 0 ||
	    strncmp(connection->head + 8, " 200 ", 5) != 0)
		return ("no 200");
	if (length == NULL)
		return ("no Content-Length");
	connection->left = strtoull(length, NULL, 10);
	if (wanted.size != NO_SIZE && connection->left != wanted.size)
		return ("another length");
	connection->is_last = connection->head[7] == '0' ||
	    (last != NULL && strncasecmp(last, "close", 5) == 0);
	connection->has_head = true;
	return (NULL);
}

/* Bytes of an answer; what is wrong with them, or NULL. */
static const char *
take(struct connection *connection, const char *data, size_t len)
{
	const char *why, *tail;
	size_t part = len;

	if (!connection->has_head) {
		if (part > HEAD_MAX - 1 - connection->head_len)
			part = HEAD_MAX - 1 - connection->head_len;
		memcpy(connection->head + connection->head_len, data, part);
		connection->head_len += part;
		connection->head[connection->head_len] = '\0';
		tail = strstr(connection->head, "\r\n\r\n");
		if (tail == NULL)
			return (part < len ? "no end of its head" : NULL);
		/* What is behind it, here and in what was not copied. */
		len = len - part + connection->head_len -
		    (size_t)(tail + 4 - connection->head);
		connection->head[tail + 2 - connection->head] = '\0';
		if ((why = judge_head(connection)) != NULL)
			return (why);
	}
	if (len > connection->left)
		return ("more than its Content-Length");
	connection->left -= len;
	return (NULL);
}

static void
read_answer(struct connection *connection)
{
	static char buffer[256 * 1024];
	const char *why = NULL;
	ssize_t len;

	len = recv(connection->fd, buffer, sizeof(buffer), 0);
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (!connection->is_busy) {
		close_connection(connection); /* idle for too long */
		return;
	}
	if (len < 0)
		why = strerror(errno);
	else if (len == 0)
		why = "closed before its end";
	else
		why = take(connection, buffer, (size_t)len);
	if (why != NULL || (connection->has_head && connection->left == 0))
		end_request(connection, why);
}

/* ------------------------------------------------------------- the run --- */

/* Send what is due while there are connections for it, and let the timer go
 * off at the next. */
static void
send_due(void)
{
	struct itimerspec at = { 0 };
	bool is_next;

	while (n_sent < total && n_idle > 0 && due(n_sent) <= now()) {
		n_sent++; /* before an error can put it back */
		send_request(idle[--n_idle], n_sent - 1);
	}
	is_next = n_sent < total && n_idle > 0;
	at.it_value.tv_sec = (is_next ? due(n_sent) : end) / NS_PER_S;
	at.it_value.tv_nsec = (is_next ? due(n_sent) : end) % NS_PER_S;
	if (timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL) != 0)
		err(1, "timerfd_settime");
}

static void
run(void)
{
	struct epoll_event events[256];
	uint64_t expirations;
	int n;

	while (n_ended < total && now() < end) {
		send_due();
		n = epoll_wait(poller, events, 256, -1);
		if (n < 0 && errno != EINTR)
			err(1, "epoll_wait");
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr != NULL)
				read_answer(events[i].data.ptr);
			else if (read(timer, &expirations,
				     sizeof(expirations)) < 0 &&
			    errno != EAGAIN)
				err(1, "timerfd");
		}
	}
}

static void
prepare(void)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };

	total = wanted.rate * wanted.seconds;
	took = malloc(total * sizeof(*took));
	connections = calloc(wanted.connections, sizeof(*connections));
	idle = calloc(wanted.connections, sizeof(*idle));
	if (took == NULL || connections == NULL || idle == NULL)
		err(1, "memory");
	for (uint64_t i = 0; i < total; i++)
		took[i] = FAILED;
	poller = epoll_create1(EPOLL_CLOEXEC);
	timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (poller < 0 || timer < 0 ||
	    epoll_ctl(poller, EPOLL_CTL_ADD, timer, &event) != 0)
		err(1, "epoll");
	for (size_t i = 0; i < wanted.connections; i++) {
		open_connection(&connections[i]);
		idle[n_idle++] = &connections[i];
	}
	began = now();
	end = due(total) + (int64_t)PATIENCE_S * NS_PER_S;
}

/* ----------------------------------------------------------- what came --- */

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return ((x > y) - (x < y));
}

static void
write_all(void)
{
	FILE *file = fopen(wanted.to, "w");

	if (file == NULL)
		err(1, "%s", wanted.to);
	for (uint64_t i = 0; i < total; i++)
		fprintf(file, "%jd\n",
		    (intmax_t)(took[i] == FAILED ? FAILED : took[i] / 1000));
	if (fclose(file) != 0)
		err(1, "%s", wanted.to);
}

/* The microseconds within which PARTS of 1000 requests were answered; errors,
 * which are sorted first, are left out. */
static double
quantile(uint64_t parts)
{
	uint64_t first = 0, n;

	while (first < total && took[first] == FAILED)
		first++;
	n = total - first;
	if (n == 0)
		return (0);
	return ((double)took[first + (n * parts + 999) / 1000 - 1] / 1000);
}

static void
report(void)
{
	uint64_t n_failed = 0;

	if (wanted.to != NULL)
		write_all();
	if (n_ended < total)
		warnx("%ju had no answer %d s after the last was due",
		    (uintmax_t)(total - n_ended), PATIENCE_S);
	for (uint64_t i = 0; i < total; i++)
		n_failed += took[i] == FAILED;
	qsort(took, total, sizeof(*took), compare);
	printf("{\"requests\": %ju, \"errors\": %ju, \"p50\": %.0f, "
	       "\"p99\": %.0f, \"p999\": %.0f, \"max\": %.0f}\n",
	    (uintmax_t)total, (uintmax_t)n_failed, quantile(500), quantile(990),
	    quantile(999), quantile(1000));
}

/* -------------------------------------------------------- command line --- */

static uint64_t
number(const char *text, uint64_t min, uint64_t max)
{
	char *tail;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &tail, 10);
	if (errno != 0 || tail == text || *tail != '\0' || value < min ||
	    value > max)
		errx(1, "%s is no number from %ju to %ju", text, (uintmax_t)min,
		    (uintmax_t)max);
	return (value);
}

static void
read_command_line(int argc, char **argv)
{
	int letter;

	while ((letter = getopt(argc, argv, "c:f:n:o:r:s:t:")) != -1) {
		switch (letter) {
		case 'c':
			wanted.connections = number(optarg, 1, CONNECTIONS_MAX);
			break;
		case 'f':
			wanted.first = number(optarg, 0, UINT32_MAX);
			break;
		case 'n':
			wanted.count = number(optarg, 1, UINT32_MAX);
			break;
		case 'o':
			wanted.to = optarg;
			break;
		case 'r':
			wanted.rate = number(optarg, 1, 1000000);
			break;
		case 's':
			wanted.size = number(optarg, 0, INT64_MAX);
			break;
		case 't':
			wanted.seconds = number(optarg, 1, 3600);
			break;
		default:
			exit(1);
		}
	}
	if (argc - optind != 2)
		errx(1, "usage: rate [SWITCHES] PORT PATH; see bench/rate.c");
	wanted.server.sin_family = AF_INET;
	wanted.server.sin_port =
	    htons((uint16_t)number(argv[optind], 1, 65535));
	wanted.server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	wanted.path = argv[optind + 1];
	if (strlen(wanted.path) >= PATH_LEN_MAX)
		errx(1, "the path is too long");
}

int
main(int argc, char **argv)
{
	read_command_line(argc, argv);
	prepare();
	run();
	report();
	return (0);
}

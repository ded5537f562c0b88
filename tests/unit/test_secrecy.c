/*
 * What a core file of a worker would hold: after an object was fetched, over
 * real sockets, nothing of the secret keys, the session tokens or the day's key
 * that signed it is left in memory that can be dumped.
 *
 * The canaries are made anew for each run, and are veiled wherever this process
 * holds them itself; two children, who hold them plain, play S3 and the keeper.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "s3/fetch.h"
#include "s3/http.h"
#include "s3/keyring.h"
#include "s3/learnt.h"
#include "s3/sigv4.h"

#include "memcheck.h"

enum {
	VEIL = 0xa5,
	KEYS = 2,       /* the first is refused */
	FRAGMENT = 8,   /* so much of a canary is a find */
	SECRET = 150,   /* longer than what printf has at hand */
	TOKEN = 5000,   /* buffers must grow for it */
	PIECE = 1 << 20 /* of memory, that is looked at at once */
};

struct canary {
	unsigned char veiled[TOKEN];
	size_t len;
};

/* Shared with the children. */
static struct played {
	struct canary secret[KEYS], token[KEYS];
	struct canary day[KEYS]; /* the day's keys, as the keeper made them */
	unsigned requests;
	unsigned tokens; /* of the right length */
	in_port_t port;
} * played;

static char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void
make_canary(struct canary *canary, size_t len)
{
	canary->len = len;
	for (size_t i = 0; i < len; i++)
		canary->veiled[i] = (unsigned char)(VEIL ^
		    alphabet[clock_random(sizeof(alphabet) - 1)]);
}

static void
unveil(const struct canary *canary, char *text)
{
	for (size_t i = 0; i < canary->len; i++)
		text[i] = (char)(canary->veiled[i] ^ VEIL);
	text[canary->len] = '\0';
}

/* ---- The search ---- */

struct search {
	const struct canary *canary;
	bool begins[256][256]; /* two bytes of it, veiled */
};

/* Is there a fragment of the canary at MEMORY? */
static bool
is_fragment(const struct search *search, const unsigned char *memory)
{
	const struct canary *canary = search->canary;
	unsigned char veiled[FRAGMENT];

	if (!search->begins[memory[0] ^ VEIL][memory[1] ^ VEIL])
		return (false);
	for (size_t i = 0; i < FRAGMENT; i++)
		veiled[i] = memory[i] ^ VEIL;
	for (size_t i = 0; i + FRAGMENT <= canary->len; i++)
		if (memcmp(canary->veiled + i, veiled, FRAGMENT) == 0)
			return (true);
	return (false);
}

/* In the piece of LEN bytes at MEMORY, which stands at WHERE. */
static size_t
search_piece(const struct search *search, const unsigned char *memory,
    size_t len, uintptr_t where, const char *name)
{
	size_t found = 0;

	for (size_t i = 0; i + FRAGMENT <= len; i++)
		if (is_fragment(search, memory + i)) {
			if (found++ == 0)
				print_message("# found at %" PRIxPTR ": %s",
				    where + i, name);
			i += FRAGMENT - 1;
		}
	return (found);
}

static size_t
search_map(const struct search *search, int mem, uintptr_t first, uintptr_t end,
    const char *name)
{
	unsigned char *piece = secret_map(PIECE);
	size_t found = 0;

	while (first + FRAGMENT <= end) {
		ssize_t got = pread(mem, piece,
		    end - first < PIECE ? end - first : PIECE, (off_t)first);

		if (got < FRAGMENT)
			break;
		found += search_piece(search, piece, (size_t)got, first, name);
		first += (size_t)got - FRAGMENT + 1;
	}
	secret_unmap(piece, PIECE);
	return (found);
}

/* How many fragments of CANARY are in what a core file would hold of what this
 * process can write? */
static size_t
count_fragments(const struct canary *canary)
{
	static struct search search;
	FILE *maps = fopen("/proc/self/smaps", "r");
	int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	char line[512], name[512] = "", rights[5];
	uintptr_t first = 0, end = 0, low, high;
	bool is_writable = false;
	size_t found = 0;

	assert_non_null(maps);
	assert_true(mem >= 0);
	memset(&search, 0, sizeof(search));
	search.canary = canary;
	for (size_t i = 0; i + 1 < canary->len; i++)
		search.begins[canary->veiled[i]][canary->veiled[i + 1]] = true;
	while (fgets(line, sizeof(line), maps) != NULL) {
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s ", &low, &high,
			rights) == 3) {
			first = low;
			end = high;
			is_writable = rights[1] == 'w';
			memcpy(name, line, sizeof(name));
		} else if (strncmp(line, "VmFlags:", 8) == 0 && is_writable &&
		    strstr(line, " dd") == NULL) {
			found += search_map(&search, mem, first, end, name);
		}
	}
	close(mem);
	fclose(maps);
	return (found);
}

/* ---- The keeper ---- */

/* Sign what has CREDENTIALS' token in it, as a request of today. */
static void
sign(struct sigv4_signer *signer, const struct credentials *credentials)
{
	const struct sigv4_header headers[] = {
		{ SPAN("Host"), SPAN("h") },
		{ SPAN("x-amz-security-token"),
		    span_of(credentials->session_token) },
	};
	const struct sigv4_request request = {
		.method = SPAN("GET"),
		.path = SPAN("/"),
		.query = SPAN(""),
		.payload_sha256 = SPAN(SIGV4_EMPTY_PAYLOAD),
		.headers = headers,
		.n_headers = 2,
	};
	struct buf authorization;

	buf_init(&authorization, 4096);
	if (!sigv4_authorize(signer, &request, credentials, SPAN("us-east-1"),
		SPAN("s3"), clock_wall_s(), &authorization))
		abort();
	buf_fini(&authorization);
}

/* The key that requests of today are signed with. */
static void
make_day_key(const struct credentials *credentials, struct canary *day)
{
	struct sigv4_signer signer = { .has_key = false };

	sign(&signer, credentials);
	day->len = sizeof(signer.key);
	for (size_t i = 0; i < day->len; i++)
		day->veiled[i] = signer.key[i] ^ VEIL;
	sigv4_signer_fini(&signer);
}

static void
publish(struct keyring *keyring, size_t i)
{
	static char secret[SECRET + 1], token[TOKEN + 1], id[] = "ASIAONE";
	struct keyring_entry entry = {
		.credentials = { id, secret, token },
		.expires_ms = clock_monotonic_ms() + 3600000,
	};

	unveil(&played->secret[i], secret);
	unveil(&played->token[i], token);
	make_day_key(&entry.credentials, &played->day[i]);
	if (!keyring_publish(keyring, 0, &entry))
		_exit(1);
	keyring_tried(keyring, 0, KEYRING_FOUND, clock_monotonic_ms());
}

/* Publish one key after the other, as they are wished for. */
static void
keep(struct keyring *keyring)
{
	struct pollfd wish = { .fd = keyring_wish_fd(keyring, 0),
		.events = POLLIN };
	uint64_t count;

	for (size_t i = 0; i < KEYS; i++) {
		while (!keyring_is_wished(keyring, 0)) {
			poll(&wish, 1, -1);
			if (read(wish.fd, &count, sizeof(count)) < 0)
				_exit(1);
		}
		publish(keyring, i);
		/* What follows at once is to be looked for at once. */
		keyring_tried(keyring, 0, KEYRING_FOUND,
		    clock_monotonic_ms() - KEYRING_RELOOK_MS);
	}
}

/* ---- S3 ---- */

static const char refusal[] =
    "HTTP/1.1 400 Bad Request\r\nContent-Length: 47\r\n\r\n"
    "<Error><Code>ExpiredToken</Code></Error>       ";
static const char object[] =
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"a\"\r\n\r\nhello";

/* Has the head TEXT a token of the right length? */
static bool
has_token(const char *text)
{
	static const char name[] = "\r\nx-amz-security-token: ";
	const char *at = strstr(text, name);

	return (at != NULL && strcspn(at + sizeof(name) - 1, "\r") == TOKEN);
}

/* Answer each request on FD; those signed with the first key are refused. */
static void
answer(int fd)
{
	static char head[65536];
	size_t len = 0;

	while (len < sizeof(head) - 1 && read(fd, head + len, 1) == 1) {
		const char *said;

		head[++len] = '\0';
		if (len < 4 || memcmp(head + len - 4, "\r\n\r\n", 4) != 0)
			continue;
		said = played->requests++ == 0 ? refusal : object;
		played->tokens += has_token(head);
		if (send(fd, said, strlen(said), MSG_NOSIGNAL) < 0)
			break;
		len = 0;
	}
	close(fd);
}

static void
serve(int listener)
{
	for (;;)
		answer(accept(listener, NULL, NULL));
}

static int
listen_somewhere(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_return_code(fd, 0);
	assert_return_code(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_return_code(listen(fd, 8), 0);
	assert_return_code(
	    getsockname(fd, (struct sockaddr *)&address, &len), 0);
	played->port = ntohs(address.sin_port);
	return (fd);
}

static pid_t
start_child(void)
{
	pid_t pid = fork();

	assert_return_code(pid, 0);
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return (pid);
}

static void
stop_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* ---- The tests ---- */

static int
setup(void **state)
{
	(void)state;
	played = mmap(NULL, sizeof(*played), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (played == MAP_FAILED)
		return (-1);
	for (size_t i = 0; i < KEYS; i++) {
		make_canary(&played->secret[i], SECRET);
		make_canary(&played->token[i], TOKEN);
	}
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	munmap(played, sizeof(*played));
	return (0);
}

/* The search finds what is there, and only that. */
static void
test_the_search_finds(void **state)
{
	const struct canary *canary = &played->secret[0];
	char *heap = malloc(SECRET + 1), *hidden = secret_map(SECRET + 1);
	static char data[FRAGMENT + 1];

	(void)state;
	assert_int_equal(count_fragments(canary), 0);
	unveil(canary, hidden);
	assert_int_equal(count_fragments(canary), 0);
	unveil(canary, heap);
	assert_int_equal(count_fragments(canary), SECRET / FRAGMENT);
	explicit_bzero(heap, SECRET);
	assert_int_equal(count_fragments(canary), 0);
	for (size_t i = 0; i < FRAGMENT; i++)
		data[i] = (char)(canary->veiled[40 + i] ^ VEIL);
	assert_int_equal(count_fragments(canary), 1);
	explicit_bzero(data, FRAGMENT);
	assert_int_equal(count_fragments(canary), 0);
	secret_unmap(hidden, SECRET + 1);
	free(heap);
}

/* With a secret as AWS makes them, and with a long one. */
static void
test_signing_leaves_nothing(void **state)
{
	static char id[] = "ASIAONE";
	struct sigv4_signer *signer = secret_map(sizeof(*signer));
	char *secret = secret_map(SECRET + 1), *token = secret_map(TOKEN + 1);
	struct credentials credentials = { id, secret, token };

	(void)state;
	for (size_t i = 0; i < KEYS; i++) {
		if (i == 0)
			played->secret[0].len = 40;
		unveil(&played->secret[i], secret);
		unveil(&played->token[i], token);
		sign(signer, &credentials);
		assert_int_equal(count_fragments(&played->secret[i]), 0);
		assert_int_equal(count_fragments(&played->token[i]), 0);
	}
	secret_unmap(token, TOKEN + 1);
	secret_unmap(secret, SECRET + 1);
	secret_unmap(signer, sizeof(*signer));
}

static enum fetch_wish
on_begin(void *context, const struct fetch_head *head)
{
	(void)context;
	(void)head;
	return (FETCH_GO_ON);
}

static bool
on_body(void *context, struct span bytes)
{
	*(size_t *)context += bytes.len;
	return (true);
}

/* Fetch until nothing is new to libcurl or the dynamic linker; see that all
 * was as it should be. */
static void
fetch_some(struct fetch *fetch, const struct site *site)
{
	for (int i = 0; i < 3; i++) {
		struct fetch_request request = {
			.site = site,
			.key = SPAN("key"),
			.answer_deadline_ms = clock_monotonic_ms() + 30000,
			.deadline_ms = clock_monotonic_ms() + 30000,
			.peer_fd = -1,
		};
		size_t got = 0;
		struct fetch_sink sink = { on_begin, on_body, &got };
		struct fetch_report report;

		assert_int_equal(
		    fetch_object(fetch, &request, &sink, &report), FETCH_OK);
		assert_int_equal(got, 5);
	}
	assert_int_equal(played->requests, 4);
	assert_int_equal(played->tokens, 4);
}

static void
test_an_idle_worker_holds_nothing(void **state)
{
	struct keyring *keyring = keyring_new(1);
	char name[] = "test", bucket[] = "bucket", region[] = "us-east-1";
	char endpoint[64];
	struct site site = {
		.name = name,
		.bucket = bucket,
		.region = region,
		.endpoint = endpoint,
		.connect_timeout_ms = 20000,
		.first_byte_timeout_ms = 20000,
		.stall_timeout_ms = 20000,
	};
	int listener = listen_somewhere();
	struct learnt *learnt = learnt_new(&site, 1);
	struct fetch *fetch = fetch_new(&site, 1, keyring, learnt);
	pid_t keeper, s3;
	const char *why;

	(void)state;
	snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%u",
	    (unsigned)played->port);
	assert_null(site_resolve(&site, &why));
	s3 = start_child();
	if (s3 == 0)
		serve(listener);
	close(listener);
	keeper = start_child();
	if (keeper == 0) {
		keep(keyring);
		_exit(0);
	}
	fetch_some(fetch, &site);
	assert_true(waitpid(keeper, NULL, 0) == keeper);
	for (size_t i = 0; i < KEYS; i++) {
		print_message("# key %zu\n", i);
		assert_int_equal(count_fragments(&played->secret[i]), 0);
		assert_int_equal(count_fragments(&played->token[i]), 0);
		assert_int_equal(played->day[i].len, SIGV4_KEY_LEN);
		assert_int_equal(count_fragments(&played->day[i]), 0);
	}
	stop_child(s3);
	fetch_free(fetch);
	learnt_free(learnt);
	keyring_free(keyring);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_the_search_finds, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_signing_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_an_idle_worker_holds_nothing, setup, teardown),
	};
	int failed;

	/* It looks at all of its memory, which there is ten times as much of
	 * and ten times as slow to look at: minutes, for what the plain run
	 * tells. */
	if (is_under_memcheck()) {
		puts("1..0 # SKIP all memory is looked at, without valgrind");
		return (0);
	}
	if (!http_global_init())
		return (1);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	http_global_fini();
	return (failed);
}

/*
 * The keeper as a process: searches that a script answers (--wrap), a real
 * keyring, real signals.  What the script says stands in memory that the keeper
 * shares with the test.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/secret.h"
#include "credentials/chain.h"
#include "credentials/watch.h"
#include "pool/keeper.h"
#include "pool/keeping.h"

enum { SITES = 2, PATIENCE_MS = 20000, LOG_MAX = 65536 };

#define SECRET "canary-secret"
#define TOKEN  "canary-token"

/* What the script shares with the keeper. */
static struct script {
	_Atomic int result[SITES];      /* enum credentials_result */
	_Atomic int64_t life_s[SITES];  /* 0: for ever */
	_Atomic int key[SITES];         /* which one is handed out */
	_Atomic bool is_long[SITES];    /* the token is over its limit */
	_Atomic bool is_hanging[SITES]; /* whoever is asked says nothing */
	_Atomic unsigned searches[SITES];
	_Atomic bool is_changed[SITES];
	_Atomic bool is_hidden;   /* the process shows no memory */
	_Atomic bool is_timeless; /* no time-out ends the keeper's waits */
	_Atomic unsigned waits;
	_Atomic int64_t wall_jump_s;
	_Atomic int64_t passed_ms; /* by both clocks */
} * script;

static bool is_keeper; /* in that process */

/* Site N's watch, as the keeper made them in order. */
static struct watch *watches[SITES];

int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);
void __real_secret_hide_process(void);
void __wrap_secret_hide_process(void);
struct watch *__wrap_watch_new(void);
const char *__wrap_watch_changed(const struct watch *watch);
int64_t __real_clock_monotonic_ms(void);
int64_t __wrap_clock_monotonic_ms(void);
int64_t __real_clock_wall_s(void);
int64_t __wrap_clock_wall_s(void);
enum credentials_result
__wrap_credentials_find(const struct site *site, struct http *http,
    struct watch *watch, struct credentials_found *found, struct buf *where);

int
__wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	if (is_keeper)
		script->waits++;
	if (is_keeper && script->is_timeless && timeout > 0)
		timeout = -1;
	return (__real_poll(fds, n, timeout));
}

void
__wrap_secret_hide_process(void)
{
	script->is_hidden = true;
	__real_secret_hide_process();
}

struct watch *
__wrap_watch_new(void)
{
	static size_t n;

	watches[n] = mem_alloc(1);
	return (watches[n++]);
}

const char *
__wrap_watch_changed(const struct watch *watch)
{
	for (size_t i = 0; i < SITES; i++)
		if (watch == watches[i] && script->is_changed[i])
			return ("/run/changed");
	return (NULL);
}

int64_t
__wrap_clock_monotonic_ms(void)
{
	return (__real_clock_monotonic_ms() + script->passed_ms);
}

int64_t
__wrap_clock_wall_s(void)
{
	return (__real_clock_wall_s() + script->wall_jump_s +
	    script->passed_ms / 1000);
}

enum credentials_result
__wrap_credentials_find(const struct site *site, struct http *http,
    struct watch *watch, struct credentials_found *found, struct buf *where)
{
	size_t i = strcmp(site->name, "b") == 0;
	int64_t life = script->life_s[i];

	assert_non_null(http);
	assert_true(script->is_hidden);
	assert_ptr_equal(watch, watches[i]);
	script->is_changed[i] = false;
	script->searches[i]++;
	while (script->is_hanging[i])
		(void)__real_poll(NULL, 0, 1);
	if (script->result[i] != CREDENTIALS_FOUND)
		return (
		    credentials_say((enum credentials_result)script->result[i],
			where, "the script: no"));
	found->credentials = (struct credentials){
		.access_key_id = mem_printf("key%d", script->key[i]),
		.secret_access_key = mem_string(SECRET),
		.session_token = mem_string(TOKEN),
	};
	if (script->is_long[i]) {
		free(found->credentials.session_token);
		found->credentials.session_token =
		    mem_printf("%*d", KEYRING_TOKEN_MAX + 1, 0);
	}
	found->expires_s =
	    life == 0 ? CREDENTIALS_NEVER : clock_wall_s() + life;
	return (credentials_say(CREDENTIALS_FOUND, where, "the script"));
}

/* ---- A keeper ---- */

struct scene {
	struct site sites[SITES];
	struct keyring *keyring;
	struct keyring_reader *reader;
	int tried_fd;
	int log_fd; /* what it says */
	pid_t pid;  /* the keeper */
};

static void
run(struct scene *scene, pid_t master)
{
	const struct keeper_orders orders = {
		.program = "trys3d",
		.log_level = LOG_LEVEL_INFO,
		.sites = scene->sites,
		.n_sites = SITES,
		.keyring = scene->keyring,
		.tried_fd = scene->tried_fd,
		.master = master,
	};
	sigset_t all, before;

	/* As the master leaves them. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	scene->pid = fork();
	assert_true(scene->pid >= 0);
	if (scene->pid == 0) {
		is_keeper = true;
		dup2(scene->log_fd, STDERR_FILENO);
		_exit(keeper_run(&orders));
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
}

static struct scene
prepare(void)
{
	struct scene scene = { .keyring = keyring_new(SITES) };
	FILE *log = tmpfile();

	scene.sites[0].name = mem_string("a");
	scene.sites[1].name = mem_string("b");
	scene.reader = keyring_reader_new(scene.keyring);
	scene.tried_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	scene.log_fd = dup(fileno(log));
	fclose(log);
	memset(script, 0, sizeof(*script));
	return (scene);
}

static struct scene
start(void)
{
	struct scene scene = prepare();

	run(&scene, getpid());
	return (scene);
}

/* Its word after a search. */
static void
wait_word(struct scene *scene)
{
	struct pollfd tried = { .fd = scene->tried_fd, .events = POLLIN };
	eventfd_t count;

	assert_int_equal(poll(&tried, 1, PATIENCE_MS), 1);
	assert_int_equal(eventfd_read(scene->tried_fd, &count), 0);
}

/* Site I's last search ended in STATE, and it was at least the COUNTth. */
static void
wait_state(
    struct scene *scene, size_t i, enum keyring_state state, unsigned count)
{
	while (keyring_state(scene->keyring, i) != state ||
	    script->searches[i] < count)
		wait_word(scene);
}

static const char *
key_of(struct scene *scene, size_t i)
{
	const struct keyring_key *key = keyring_read(scene->reader, i);

	return (key != NULL ? key->credentials.access_key_id : NULL);
}

/* What it has said by now; static. */
static const char *
said(const struct scene *scene)
{
	static char text[LOG_MAX];
	ssize_t len = pread(scene->log_fd, text, sizeof(text) - 1, 0);

	assert_true(len >= 0);
	text[len] = '\0';
	return (text);
}

static unsigned
count_lines(const struct scene *scene, const char *text)
{
	const char *at = said(scene);
	unsigned count = 0;

	while ((at = strstr(at, text)) != NULL) {
		at += strlen(text);
		count++;
	}
	return (count);
}

/* End it as the master does, though the signal was blocked at the fork. */
static void
stop(struct scene *scene)
{
	int status;

	assert_int_equal(kill(scene->pid, KEEPER_SIGNAL_END), 0);
	assert_int_equal(waitpid(scene->pid, &status, 0), scene->pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), KEEPER_SIGNAL_END);
	assert_null(strstr(said(scene), "canary"));
	keyring_reader_free(scene->reader);
	keyring_free(scene->keyring);
	for (size_t i = 0; i < SITES; i++)
		site_fini(&scene->sites[i]);
	close(scene->tried_fd);
	close(scene->log_fd);
}

static void
test_what_is_found_is_published(void **state)
{
	struct scene scene = prepare();

	(void)state;
	script->key[1] = 1;
	script->life_s[1] = 3600;
	run(&scene, getpid());
	wait_state(&scene, 0, KEYRING_FOUND, 1);
	wait_state(&scene, 1, KEYRING_FOUND, 1);
	assert_string_equal(key_of(&scene, 0), "key0");
	assert_string_equal(key_of(&scene, 1), "key1");
	assert_string_equal(
	    keyring_read(scene.reader, 0)->credentials.secret_access_key,
	    SECRET);
	assert_false(keyring_read(scene.reader, 0)->is_temporary);
	assert_true(keyring_read(scene.reader, 1)->is_temporary);
	assert_int_equal(
	    count_lines(&scene, "site a: credentials found in the script\n"),
	    1);
	assert_int_equal(
	    count_lines(
		&scene, "site b: credentials found in the script, good until "),
	    1);
	assert_int_equal(script->searches[0], 1);
	stop(&scene);
}

static void
test_it_is_named_by_its_program(void **state)
{
	struct scene scene = start();
	char *path = mem_printf("/proc/%d/comm", (int)scene.pid);
	char *speaker =
	    mem_printf("trys3d keeper[%d]: info: site a", scene.pid);
	char name[32] = "";
	FILE *file;

	(void)state;
	wait_state(&scene, 0, KEYRING_FOUND, 1);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_non_null(fgets(name, sizeof(name), file));
	fclose(file);
	assert_string_equal(name, "trys3d-keeper\n");
	assert_int_equal(count_lines(&scene, speaker), 1);
	stop(&scene);
	free(path);
	free(speaker);
}

static void
test_one_that_hangs_holds_up_no_other(void **state)
{
	struct scene scene = prepare();

	(void)state;
	script->is_hanging[0] = true;
	script->life_s[1] = 2;
	run(&scene, getpid());
	wait_state(&scene, 1, KEYRING_FOUND, 3);
	assert_int_equal(script->searches[0], 1);
	assert_int_equal(keyring_state(scene.keyring, 0), KEYRING_UNTRIED);
	script->is_hanging[0] = false;
	wait_state(&scene, 0, KEYRING_FOUND, 1);
	stop(&scene);
}

static void
test_it_renews_and_the_old_serve_until_then(void **state)
{
	struct scene scene = prepare();
	unsigned n;

	(void)state;
	script->life_s[0] = 2;
	run(&scene, getpid());
	wait_state(&scene, 0, KEYRING_FOUND, 1);
	script->result[0] = CREDENTIALS_FAILED;
	wait_state(&scene, 0, KEYRING_FAILED, 2);
	assert_string_equal(key_of(&scene, 0), "key0");
	n = script->searches[0];
	/* It goes on trying, and tells of it. */
	wait_state(&scene, 0, KEYRING_FAILED, n + 2);
	assert_true(count_lines(&scene,
			"site a: credentials cannot be renewed: the script: "
			"no; the old ones serve for ") > 0);
	script->life_s[0] = 3600;
	script->key[0] = 7;
	script->result[0] = CREDENTIALS_FOUND;
	wait_state(&scene, 0, KEYRING_FOUND, n + 3);
	assert_string_equal(key_of(&scene, 0), "key7");
	assert_int_equal(
	    count_lines(&scene, "site a: credentials found again in"), 1);
	stop(&scene);
}

static void
test_a_changed_file(void **state)
{
	struct scene scene = start();

	(void)state;
	wait_state(&scene, 0, KEYRING_FOUND, 1);
	wait_state(&scene, 1, KEYRING_FOUND, 1);
	script->key[0] = 1;
	script->is_changed[0] = true;
	wait_state(&scene, 0, KEYRING_FOUND, 2);
	assert_string_equal(key_of(&scene, 0), "key1");
	assert_int_equal(script->searches[1], 1);
	assert_int_equal(
	    count_lines(&scene, "site a: /run/changed has changed"), 1);
	/* One that is wrong changes nothing. */
	script->result[0] = CREDENTIALS_WRONG;
	script->is_changed[0] = true;
	wait_state(&scene, 0, KEYRING_WRONG, 3);
	assert_string_equal(key_of(&scene, 0), "key1");
	assert_int_equal(
	    count_lines(&scene,
		"site a: credentials cannot be renewed: the script: no; the "
		"old ones stay in use; the next try is in "),
	    1);
	stop(&scene);
}

static void
test_wishes(void **state)
{
	struct scene scene = prepare();
	int64_t patience = clock_monotonic_ms() + PATIENCE_MS;
	uint64_t serial;

	(void)state;
	/* Then it is the wish that wakes it. */
	script->is_timeless = true;
	run(&scene, getpid());
	wait_state(&scene, 0, KEYRING_FOUND, 1);
	wait_state(&scene, 1, KEYRING_FOUND, 1);
	serial = keyring_read(scene.reader, 1)->serial;
	script->key[1] = 5;
	script->passed_ms = KEYRING_RELOOK_MS + 1;
	assert_int_equal(keyring_renew(scene.reader, 1, serial, -1, patience),
	    KEYRING_RENEWED);
	assert_string_equal(key_of(&scene, 1), "key5");
	assert_int_equal(count_lines(&scene, "credentials renewed"), 1);
	/* There are no others, which is no renewal. */
	script->passed_ms += KEEPING_QUIET_MS;
	patience += KEEPING_QUIET_MS;
	serial = keyring_read(scene.reader, 1)->serial;
	assert_int_equal(
	    keyring_renew(scene.reader, 1, serial, -1, patience), KEYRING_SAME);
	assert_int_equal(keyring_read(scene.reader, 1)->serial, serial);
	assert_int_equal(count_lines(&scene, "credentials renewed"), 1);
	assert_int_equal(script->searches[0], 1);
	/* And between two it sleeps. */
	assert_true(script->waits < 20);
	stop(&scene);
}

static void
test_what_is_of_no_use_is_not_published(void **state)
{
	struct scene scene = prepare();

	(void)state;
	script->life_s[0] = -60;
	script->is_long[1] = true;
	run(&scene, getpid());
	wait_state(&scene, 0, KEYRING_FAILED, 1);
	wait_state(&scene, 1, KEYRING_WRONG, 1);
	assert_null(key_of(&scene, 0));
	assert_null(key_of(&scene, 1));
	assert_int_equal(
	    count_lines(&scene,
		"site a: there are no credentials: the script: they ended 1m"),
	    0);
	assert_int_equal(
	    count_lines(&scene,
		"site a: there are no credentials: the script: they ended "),
	    1);
	assert_int_equal(
	    count_lines(&scene,
		"site b: there are no credentials: the script: the key's id is "
		"over 255 bytes, the secret over 511, the token over 16383 or "
		"the region over 63\n"),
	    1);
	script->result[0] = CREDENTIALS_NONE;
	wait_state(&scene, 0, KEYRING_NONE, 2);
	stop(&scene);
}

/* By the clock that is right, what was found ends sooner than it seemed. */
static void
test_a_clock_that_is_set(void **state)
{
	struct scene scene = prepare();

	(void)state;
	script->wall_jump_s = -1000000;
	script->life_s[0] = 3600;
	run(&scene, getpid());
	wait_state(&scene, 0, KEYRING_FOUND, 1);
	wait_state(&scene, 1, KEYRING_FOUND, 1);
	script->wall_jump_s = 0;
	wait_state(&scene, 0, KEYRING_FOUND, 2);
	wait_state(&scene, 1, KEYRING_FOUND, 2);
	assert_int_equal(
	    count_lines(&scene, "site b: the clock was set by "), 1);
	script->wall_jump_s = -1000;
	wait_state(&scene, 0, KEYRING_FOUND, 3);
	wait_state(&scene, 1, KEYRING_FOUND, 3);
	/* It looks at the clocks, then at files. */
	script->is_changed[0] = true;
	wait_state(&scene, 0, KEYRING_FOUND, 4);
	assert_int_equal(
	    count_lines(&scene, "site b: the clock was set by "), 2);
	stop(&scene);
}

/* One that takes another's place knows what stands in the keyring. */
static void
test_another_takes_over(void **state)
{
	struct scene scene = start();
	int status;

	(void)state;
	wait_state(&scene, 0, KEYRING_FOUND, 1);
	wait_state(&scene, 1, KEYRING_FOUND, 1);
	assert_int_equal(kill(scene.pid, SIGKILL), 0);
	assert_int_equal(waitpid(scene.pid, &status, 0), scene.pid);
	script->result[0] = CREDENTIALS_FAILED;
	run(&scene, getpid());
	wait_state(&scene, 0, KEYRING_FAILED, 2);
	wait_state(&scene, 1, KEYRING_FOUND, 2);
	assert_string_equal(key_of(&scene, 0), "key0");
	assert_int_equal(
	    count_lines(&scene,
		"site a: credentials cannot be renewed: the script: no; the "
		"old ones stay in use"),
	    1);
	stop(&scene);
}

static void
test_it_ends_with_its_master(void **state)
{
	struct scene scene = prepare();
	struct pollfd end = { .events = POLLIN };
	int pipe_fds[2], status;
	pid_t master;

	(void)state;
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	master = fork();
	assert_true(master >= 0);
	if (master == 0) {
		run(&scene, getpid());
		wait_word(&scene);
		_exit(0);
	}
	assert_int_equal(waitpid(master, &status, 0), master);
	assert_int_equal(status, 0);
	/* Nobody has the other end any more. */
	close(pipe_fds[1]);
	end.fd = pipe_fds[0];
	assert_int_equal(poll(&end, 1, PATIENCE_MS), 1);
	assert_true((end.revents & POLLHUP) != 0);
	close(pipe_fds[0]);

	/* One that was too late. */
	run(&scene, master);
	assert_int_equal(waitpid(scene.pid, &status, 0), scene.pid);
	assert_int_equal(status, EXIT_FAILURE << 8);
	run(&scene, getpid());
	stop(&scene);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_found_is_published),
		cmocka_unit_test(test_it_is_named_by_its_program),
		cmocka_unit_test(test_one_that_hangs_holds_up_no_other),
		cmocka_unit_test(test_it_renews_and_the_old_serve_until_then),
		cmocka_unit_test(test_a_changed_file),
		cmocka_unit_test(test_wishes),
		cmocka_unit_test(test_what_is_of_no_use_is_not_published),
		cmocka_unit_test(test_a_clock_that_is_set),
		cmocka_unit_test(test_another_takes_over),
		cmocka_unit_test(test_it_ends_with_its_master),
	};

	script = mmap(NULL, sizeof(*script), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (script == MAP_FAILED)
		return (1);
	return (cmocka_run_group_tests(tests, NULL, NULL));
}

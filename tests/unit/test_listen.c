/*
 * The listening socket, over the kernel's own: in a folder and on ports of
 * the test's own.  What is handed over is handed to a process of its own,
 * since that is by descriptors 0 and 3 and by the process id.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "pool/listen.h"

static char folder[] = "/tmp/test_listen.XXXXXX";
static char path[64];      /* the socket's, in folder */
static char address[80];   /* the same with unix: before it */
static char message[4096]; /* what the log said */

static int
make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return (-1);
	snprintf(path, sizeof(path), "%s/s", folder);
	snprintf(address, sizeof(address), "unix:%s", path);
	return (0);
}

static int
remove_folder(void **state)
{
	(void)state;
	return (rmdir(folder));
}

/* Open with standard error in `message`. */
static struct listener *
open_with(struct daemon_settings settings)
{
	int before = dup(STDERR_FILENO);
	int log = memfd_create("log", MFD_CLOEXEC);
	struct listener *listener;
	ssize_t len;

	assert_true(before >= 0 && log >= 0);
	dup2(log, STDERR_FILENO);
	if (settings.listen_backlog == 0)
		settings.listen_backlog = 16;
	listener = listen_open(&settings);
	dup2(before, STDERR_FILENO);
	len = pread(log, message, sizeof(message) - 1, 0);
	message[len > 0 ? len : 0] = '\0';
	close(before);
	close(log);
	return (listener);
}

static struct listener *
open_unix(void)
{
	return (open_with((struct daemon_settings){
	    .listen = address, .listen_mode = 0660 }));
}

static void
assert_refused(struct listener *listener, const char *why)
{
	assert_null(listener);
	if (strstr(message, why) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", message, why);
}

static int
connect_unix(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(un.sun_path, path, strlen(path));
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0)
		return (fd);
	close(fd);
	return (-1);
}

static int
connect_like(const struct listener *listener)
{
	struct sockaddr_storage where;
	socklen_t len = sizeof(where);
	int fd;

	assert_int_equal(
	    getsockname(listener->fd, (struct sockaddr *)&where, &len), 0);
	fd = socket(where.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&where, len), 0);
	return (fd);
}

static bool
is_there(void)
{
	struct stat found;

	return (lstat(path, &found) == 0);
}

static void
assert_flags(const struct listener *listener)
{
	assert_true(fcntl(listener->fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(listener->fd, F_GETFD) & FD_CLOEXEC);
}

/* ---- unix sockets ---- */

static void
test_unix_is_opened_and_removed(void **state)
{
	struct listener *listener = open_unix();
	struct stat made;
	int client;

	(void)state;
	assert_non_null(listener);
	assert_string_equal(listener->name, address);
	assert_false(listener->is_inherited);
	assert_flags(listener);
	assert_int_equal(lstat(path, &made), 0);
	assert_int_equal(made.st_mode, S_IFSOCK | 0660);
	client = connect_unix();
	assert_true(client >= 0);
	close(client);
	assert_int_equal(listen_waiting(listener), UINT_MAX);
	listen_release(listener);
	assert_false(is_there());
}

static void
test_unix_mode_is_exact(void **state)
{
	static const unsigned modes[] = { 0, 0600, 0660, 0666, 0777 };
	mode_t before = umask(077);

	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct listener *listener = open_with((struct daemon_settings){
		    .listen = address, .listen_mode = modes[i] });
		struct stat made;

		assert_non_null(listener);
		assert_int_equal(lstat(path, &made), 0);
		assert_int_equal(made.st_mode & 07777, modes[i]);
		listen_release(listener);
	}
	assert_int_equal(umask(before), 077);
}

static void
test_unix_owner_and_group(void **state)
{
	struct passwd *user = getpwuid(geteuid() == 0 ? 65534 : geteuid());
	struct listener *listener;
	struct stat made;
	char group[16];

	(void)state;
	if (user == NULL) {
		print_message("# there is no user to give it to\n");
		return;
	}
	snprintf(group, sizeof(group), "%u",
	    geteuid() == 0 ? 4711 : (unsigned)getegid());
	listener = open_with((struct daemon_settings){
	    .listen = address,
	    .listen_mode = 0600,
	    .listen_owner = user->pw_name,
	    .listen_group = group,
	});
	assert_non_null(listener);
	assert_int_equal(lstat(path, &made), 0);
	assert_int_equal(made.st_uid, user->pw_uid);
	assert_int_equal(made.st_gid, geteuid() == 0 ? 4711 : getegid());
	assert_int_equal(made.st_mode & 07777, 0600);
	listen_release(listener);
}

static void
test_unix_of_an_unknown_owner_leaves_nothing(void **state)
{
	char nobody[] = "no such user";

	(void)state;
	assert_refused(open_with((struct daemon_settings){
			   .listen = address, .listen_owner = nobody }),
	    "listen_owner: there is no user no such user");
	assert_false(is_there());
	assert_refused(open_with((struct daemon_settings){
			   .listen = address, .listen_group = nobody }),
	    "listen_group: there is no group no such user");
	assert_false(is_there());
}

/* The file of a listener that is gone, as kill -9 leaves it. */
static void
leave_stale(void)
{
	struct listener *listener = open_unix();

	assert_non_null(listener);
	listener->owner = 0; /* so that the file stays */
	listen_release(listener);
	assert_true(is_there());
}

static void
test_stale_socket_is_replaced(void **state)
{
	struct listener *listener;
	int client;

	(void)state;
	leave_stale();
	listener = open_unix();
	assert_non_null(listener);
	client = connect_unix();
	assert_true(client >= 0);
	close(client);
	listen_release(listener);
	assert_false(is_there());
}

static void
test_live_socket_is_left_alone(void **state)
{
	struct listener *first = open_unix();
	int client;

	(void)state;
	assert_non_null(first);
	assert_refused(
	    open_unix(), "another process is listening on unix:/tmp/");
	client = connect_unix();
	assert_true(client >= 0);
	close(client);
	listen_release(first);
}

static void
test_full_backlog_is_live_too(void **state)
{
	struct listener *first = open_with((struct daemon_settings){
	    .listen = address, .listen_mode = 0600, .listen_backlog = 1 });
	int clients[8], n = 0;

	(void)state;
	assert_non_null(first);
	for (; n < 8; n++) {
		struct sockaddr_un un = { .sun_family = AF_UNIX };

		memcpy(un.sun_path, path, strlen(path));
		clients[n] = socket(
		    AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (connect(clients[n], (struct sockaddr *)&un, sizeof(un)) !=
		    0)
			break;
	}
	assert_true(n < 8);
	assert_int_equal(errno, EAGAIN);
	assert_refused(open_unix(), "another process is listening");
	for (int i = 0; i <= n; i++)
		close(clients[i]);
	listen_release(first);
}

static void
test_other_files_are_left_alone(void **state)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	struct stat found;

	(void)state;
	assert_int_equal(write(fd, "dear", 4), 4);
	close(fd);
	assert_refused(open_unix(), "is not a socket");
	assert_int_equal(lstat(path, &found), 0);
	assert_int_equal(found.st_size, 4);
	unlink(path);
	assert_int_equal(symlink("/nowhere", path), 0);
	assert_refused(open_unix(), "is not a socket");
	assert_true(is_there());
	unlink(path);
}

static void
test_only_the_own_file_is_removed(void **state)
{
	struct listener *listener = open_unix();
	int fd;

	(void)state;
	assert_non_null(listener);
	unlink(path);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	listen_release(listener);
	assert_true(is_there());
	unlink(path);
}

static void
test_only_the_owner_removes_it(void **state)
{
	struct listener *listener = open_unix();
	int status;
	pid_t pid;

	(void)state;
	assert_non_null(listener);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		listen_release(listener);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(is_there());
	listen_release(listener);
}

static void
test_the_last_holder_closes(void **state)
{
	struct listener *listener = open_unix();

	(void)state;
	assert_non_null(listener);
	assert_ptr_equal(listen_hold(listener), listener);
	listen_release(listener);
	assert_true(is_there());
	listen_release(listener);
	assert_false(is_there());
	listen_release(NULL);
}

static void
test_unlinked_what_waits_is_still_there(void **state)
{
	struct listener *listener = open_unix();
	int client, served;

	(void)state;
	assert_non_null(listener);
	client = connect_unix();
	assert_true(client >= 0);
	listen_unlink(listener);
	assert_false(is_there());
	listen_unlink(listener);
	assert_int_equal(connect_unix(), -1);
	served = accept(listener->fd, NULL, NULL);
	assert_true(served >= 0);
	close(served);
	close(client);
	listen_release(listener);
}

static void
test_path_has_a_limit(void **state)
{
	char text[200];

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "unix:/", 6);
	text[5 + 108] = '\0';
	assert_refused(open_with((struct daemon_settings){ .listen = text }),
	    "a path has at most 107 bytes");
}

static void
test_a_missing_folder_is_said(void **state)
{
	char text[] = "unix:/nonexistent/folder/s";

	(void)state;
	assert_refused(open_with((struct daemon_settings){ .listen = text }),
	    "cannot listen on unix:/nonexistent/folder/s: No such file");
}

static void
test_adjust_changes_the_mode(void **state)
{
	struct listener *listener = open_unix();
	const struct daemon_settings settings = {
		.listen = address, .listen_mode = 0606, .listen_backlog = 5
	};
	struct stat made;

	(void)state;
	assert_non_null(listener);
	assert_true(listen_adjust(listener, &settings));
	assert_int_equal(lstat(path, &made), 0);
	assert_int_equal(made.st_mode & 07777, 0606);
	listen_release(listener);
}

/* ---- TCP ---- */

static void
test_tcp_addresses(void **state)
{
	static const struct {
		const char *name;
		char listen[32];
		const char *begins;
	} rows[] = {
		{ "v4", "127.0.0.1:0", "127.0.0.1:" },
		{ "v6", "[::1]:0", "[::1]:" },
		{ "a name", "localhost:0", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[32];
		struct listener *listener;
		int client;

		print_message("# %s\n", rows[i].name);
		memcpy(text, rows[i].listen, sizeof(text));
		listener =
		    open_with((struct daemon_settings){ .listen = text });
		if (listener == NULL && i == 1) {
			print_message("# this machine has no IPv6\n");
			continue;
		}
		assert_non_null(listener);
		assert_ptr_equal(
		    strstr(listener->name, rows[i].begins), listener->name);
		assert_flags(listener);
		assert_int_equal(listen_waiting(listener), 0);
		client = connect_like(listener);
		assert_int_equal(listen_waiting(listener), 1);
		close(client);
		listen_release(listener);
	}
}

static void
test_tcp_in_use_is_refused(void **state)
{
	char text[] = "127.0.0.1:0";
	struct listener *first =
	    open_with((struct daemon_settings){ .listen = text });

	(void)state;
	assert_non_null(first);
	assert_refused(
	    open_with((struct daemon_settings){ .listen = first->name }),
	    "Address already in use");
	listen_release(first);
}

static void
test_tcp_restart_with_connections_of_the_last_run(void **state)
{
	char text[] = "127.0.0.1:0";
	struct listener *first =
	    open_with((struct daemon_settings){ .listen = text });
	struct listener *second;
	char *name;
	int client, served;

	(void)state;
	assert_non_null(first);
	name = mem_string(first->name);
	client = connect_like(first);
	served = accept(first->fd, NULL, NULL);
	assert_true(served >= 0);
	listen_release(first);
	close(served); /* our side ends first: it stays in FIN_WAIT */
	second = open_with((struct daemon_settings){ .listen = name });
	assert_non_null(second);
	close(client);
	listen_release(second);
	free(name);
}

static void
test_unknown_host_is_said(void **state)
{
	char text[] = "no.such.host.invalid:9000";

	(void)state;
	assert_refused(open_with((struct daemon_settings){ .listen = text }),
	    "cannot listen on no.such.host.invalid:9000: ");
}

/* ---- Handed over, in a process of its own ---- */

/* Say WHAT is wrong and end. */
static void
must(bool holds, const char *what)
{
	if (holds)
		return;
	dprintf(STDOUT_FILENO, "# in the child: not so: %s\n", what);
	_exit(1);
}

static int
listening_socket(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	must(fd >= 0 && bind(fd, (struct sockaddr *)&in, sizeof(in)) == 0 &&
		listen(fd, 5) == 0,
	    "a socket can be made");
	return (fd);
}

/* Put FD at WHERE, which stays open over exec as it would be. */
static void
put_at(int fd, int where)
{
	if (fd == where)
		return;
	must(dup2(fd, where) == where, "dup2");
	close(fd);
}

static void
set_variables(int pid, const char *fds)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	setenv("LISTEN_PID", text, 1);
	setenv("LISTEN_FDS", fds, 1);
	setenv("LISTEN_FDNAMES", "trys3d.socket", 1);
}

static void
must_be_handed_over(const struct listener *listener)
{
	must(listener->is_inherited && listener->path == NULL, "it is theirs");
	must(strncmp(listener->name, "127.0.0.1:", 10) == 0, "its name");
	must((fcntl(listener->fd, F_GETFL) & O_NONBLOCK) != 0, "O_NONBLOCK");
	must((fcntl(listener->fd, F_GETFD) & FD_CLOEXEC) != 0, "FD_CLOEXEC");
	must(listen_waiting(listener) == 0, "nothing is drained");
	must(getenv("LISTEN_PID") == NULL && getenv("LISTEN_FDS") == NULL &&
		getenv("LISTEN_FDNAMES") == NULL,
	    "the variables are unset");
}

static void
take_activation(void)
{
	struct listener *listener = NULL;

	put_at(listening_socket(), 3);
	set_variables(getpid(), "1");
	must(listen_inherit(&listener) == LISTEN_OK, "it is taken");
	must(listener->fd == 3, "it is descriptor 3");
	must_be_handed_over(listener);
	listen_release(listener);
}

static void
take_standard_input(void)
{
	struct listener *listener = NULL;
	struct stat input, null;

	put_at(listening_socket(), 0);
	must(listen_inherit(&listener) == LISTEN_OK, "it is taken");
	must(listener->fd > 2, "it is moved away");
	must_be_handed_over(listener);
	must(fstat(0, &input) == 0 && stat("/dev/null", &null) == 0 &&
		input.st_rdev == null.st_rdev,
	    "standard input is /dev/null");
	listen_release(listener);
}

static void
prefer_activation(void)
{
	struct listener *listener = NULL;

	put_at(listening_socket(), 0);
	put_at(listening_socket(), 3);
	set_variables(getpid(), "1");
	must(listen_inherit(&listener) == LISTEN_OK && listener->fd == 3,
	    "descriptor 3 comes first");
	listen_release(listener);
}

static void
ignore_another_process(void)
{
	struct listener *listener = NULL;

	put_at(open("/dev/null", O_RDONLY), 0);
	put_at(listening_socket(), 3);
	set_variables(getppid(), "1");
	must(listen_inherit(&listener) == LISTEN_NONE, "not meant for us");
	must(getenv("LISTEN_FDS") == NULL, "the variables are unset");
	must(fcntl(3, F_GETFD) >= 0, "it is left alone");
}

static void
refuse_two(void)
{
	struct listener *listener = NULL;

	put_at(listening_socket(), 3);
	put_at(listening_socket(), 4);
	set_variables(getpid(), "2");
	must(listen_inherit(&listener) == LISTEN_FAILED, "one is expected");
}

static void
refuse_what_does_not_listen(void)
{
	struct listener *listener = NULL;

	put_at(socket(AF_INET, SOCK_STREAM, 0), 3);
	set_variables(getpid(), "1");
	must(listen_inherit(&listener) == LISTEN_FAILED, "it must listen");
}

static void
refuse_datagrams(void)
{
	struct listener *listener = NULL;

	put_at(socket(AF_INET, SOCK_DGRAM, 0), 3);
	set_variables(getpid(), "1");
	must(listen_inherit(&listener) == LISTEN_FAILED, "it must stream");
}

static void
ignore_other_input(void)
{
	struct listener *listener = NULL;
	int pair[2];

	/* An unconnected stream socket, which libfcgi takes for one that
	 * listens. */
	put_at(socket(AF_INET, SOCK_STREAM, 0), 0);
	must(listen_inherit(&listener) == LISTEN_NONE, "unconnected");
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
	put_at(pair[0], 0);
	must(listen_inherit(&listener) == LISTEN_NONE, "connected");
	put_at(open("/dev/null", O_RDONLY), 0);
	must(listen_inherit(&listener) == LISTEN_NONE, "/dev/null");
	close(0);
	must(listen_inherit(&listener) == LISTEN_NONE, "closed");
}

static void
test_handed_over(void **state)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} rows[] = {
		{ "LISTEN_FDS", take_activation },
		{ "descriptor 0", take_standard_input },
		{ "LISTEN_FDS before descriptor 0", prefer_activation },
		{ "LISTEN_PID of another", ignore_another_process },
		{ "two of them", refuse_two },
		{ "one that does not listen", refuse_what_does_not_listen },
		{ "datagrams", refuse_datagrams },
		{ "other standard input", ignore_other_input },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int status;
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			rows[i].run();
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (status != 0)
			fail_msg(
			    "%s: status %x", rows[i].name, (unsigned)status);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unix_is_opened_and_removed),
		cmocka_unit_test(test_unix_mode_is_exact),
		cmocka_unit_test(test_unix_owner_and_group),
		cmocka_unit_test(test_unix_of_an_unknown_owner_leaves_nothing),
		cmocka_unit_test(test_stale_socket_is_replaced),
		cmocka_unit_test(test_live_socket_is_left_alone),
		cmocka_unit_test(test_full_backlog_is_live_too),
		cmocka_unit_test(test_other_files_are_left_alone),
		cmocka_unit_test(test_only_the_own_file_is_removed),
		cmocka_unit_test(test_only_the_owner_removes_it),
		cmocka_unit_test(test_the_last_holder_closes),
		cmocka_unit_test(test_unlinked_what_waits_is_still_there),
		cmocka_unit_test(test_path_has_a_limit),
		cmocka_unit_test(test_a_missing_folder_is_said),
		cmocka_unit_test(test_adjust_changes_the_mode),
		cmocka_unit_test(test_tcp_addresses),
		cmocka_unit_test(test_tcp_in_use_is_refused),
		cmocka_unit_test(
		    test_tcp_restart_with_connections_of_the_last_run),
		cmocka_unit_test(test_unknown_host_is_said),
		cmocka_unit_test(test_handed_over),
	};

	log_threshold(LOG_LEVEL_INFO);
	return (cmocka_run_group_tests(tests, make_folder, remove_folder));
}

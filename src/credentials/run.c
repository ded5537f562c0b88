/*
 * Another program: see run.h.
 *
 * Three pipes: what it says, what it says on its standard error, and one that
 * an exec closes, by which the child says why there was none.  The end of the
 * program is what counts (a pidfd tells it), not that of its pipes: what it
 * leaves in the background may hold them open for as long as it lives.
 */
#include "credentials/run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

enum {
	CHUNK = 4096,
	/* A pipe holds so much unless somebody has asked for more. */
	PIPE_MAX = 65536,
	/* How long to wait for the end of one that was killed. */
	KILL_MS = 1000,
};

enum { OUTPUT, ERRORS, REASON, PIPES };

/* A program that runs. */
struct child {
	pid_t pid;
	int pidfd;
	int pipes[PIPES]; /* our ends, -1 once they are closed */
};

void
run_outcome_init(struct run_outcome *outcome)
{
	*outcome = (struct run_outcome){ .end = RUN_NOT_STARTED };
	buf_init_secret(&outcome->output, RUN_OUTPUT_MAX);
}

void
run_outcome_fini(struct run_outcome *outcome)
{
	buf_fini(&outcome->output);
}

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* -------------------------------------------------------------- the child */

static void
reset_signals(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		sigaction(number, &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Put the pipes' THEIRS where a program expects them, REASON behind, and close
 * all else. */
static bool
place_descriptors(const int theirs[PIPES])
{
	const int first = STDERR_FILENO + 1;
	int null = open("/dev/null", O_RDONLY);
	int high[PIPES];

	for (size_t i = 0; i < PIPES; i++) {
		/* Out of the way of those that are to be replaced. */
		high[i] = fcntl(theirs[i], F_DUPFD_CLOEXEC, first + 1);
		if (high[i] < 0)
			return (false);
	}
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(high[OUTPUT], STDOUT_FILENO) < 0 ||
	    dup2(high[ERRORS], STDERR_FILENO) < 0 ||
	    dup3(high[REASON], first, O_CLOEXEC) < 0)
		return (false);
	closefrom(first + 1);
	return (true);
}

/* Between fork and exec: only what is safe there. */
static void
become_program(char *const *words, const int theirs[PIPES], pid_t parent)
{
	int reason = theirs[REASON], why;
	ssize_t told;

	reset_signals();
	setsid();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	if (place_descriptors(theirs)) {
		reason = STDERR_FILENO + 1;
		execvp(words[0], words);
	}
	why = errno;
	/* Where even that fails, the status says enough. */
	told = write(reason, &why, sizeof(why));
	(void)told;
	_exit(127);
}

/* ----------------------------------------------------------- our own side */

/* Both ends of each pipe, all of them not for other programs; ours do not
 * block.  False with errno. */
static bool
make_pipes(int ours[PIPES], int theirs[PIPES])
{
	int ends[2];

	for (size_t i = 0; i < PIPES; i++) {
		if (pipe2(ends, O_CLOEXEC) != 0)
			return (false);
		ours[i] = ends[0];
		theirs[i] = ends[1];
		if (fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0)
			return (false);
	}
	return (true);
}

/* Take the child, which has ended, off the kernel's list. */
static int
reap(const struct child *child)
{
	int status = 0;

	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	return (status);
}

/* End the child, and all that it has started in its session. */
static void
end_child(const struct child *child)
{
	struct pollfd fd = { .fd = child->pidfd, .events = POLLIN };
	bool is_ours;

	kill(-child->pid, SIGKILL);
	/* Where it has not yet come to a session of its own. */
	is_ours = kill(child->pid, SIGKILL) == 0;
	/* One that has become another user (sudo) cannot be killed, nor can one
	 * waited for that hangs in the kernel: those are init's once we end. */
	if (is_ours && poll(&fd, 1, KILL_MS) != 0)
		(void)reap(child);
}

/* False with errno where there is no child. */
static bool
start(char *const *words, struct child *child)
{
	int theirs[PIPES] = { -1, -1, -1 }, why;
	pid_t parent = getpid();

	child->pid = -1;
	if (make_pipes(child->pipes, theirs))
		child->pid = fork();
	if (child->pid == 0)
		become_program(words, theirs, parent);
	why = errno;
	for (size_t i = 0; i < PIPES; i++)
		close_fd(&theirs[i]);
	errno = why;
	if (child->pid < 0)
		return (false);
	child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
	if (child->pidfd >= 0)
		return (true);
	why = errno;
	kill(child->pid, SIGKILL);
	(void)reap(child);
	errno = why;
	return (false);
}

/* Take what the pipe of INDEX has.  False where the output's cap is in the
 * way. */
static bool
take(struct child *child, size_t index, struct run_outcome *outcome)
{
	char chunk[CHUNK];
	ssize_t len = read(child->pipes[index], chunk, sizeof(chunk));
	bool fits = true;

	if (len > 0 && index == OUTPUT)
		fits = buf_add(&outcome->output, chunk, (size_t)len);
	else if (len > 0)
		outcome->error_bytes += (size_t)len;
	else if (len == 0 || (errno != EAGAIN && errno != EINTR))
		close_fd(&child->pipes[index]);
	explicit_bzero(chunk, sizeof(chunk));
	return (fits);
}

/* The child has ended: take what its pipes still hold, but wait for nobody who
 * holds their other ends. */
static bool
take_rest(struct child *child, struct run_outcome *outcome)
{
	for (size_t index = OUTPUT; index <= ERRORS; index++)
		for (int i = 0;
		     child->pipes[index] >= 0 && i <= PIPE_MAX / CHUNK; i++)
			if (!take(child, index, outcome))
				return (false);
	return (true);
}

/* Listen until the child ends by itself (RUN_EXITED) or has to be ended. */
static enum run_end
listen_to(struct child *child, int64_t deadline_ms, struct run_outcome *outcome)
{
	for (;;) {
		int64_t left_ms = deadline_ms - clock_monotonic_ms();
		struct pollfd fds[] = {
			{ .fd = child->pipes[OUTPUT], .events = POLLIN },
			{ .fd = child->pipes[ERRORS], .events = POLLIN },
			{ .fd = child->pidfd, .events = POLLIN },
		};

		if (left_ms <= 0)
			return (RUN_LATE);
		if (left_ms > INT_MAX)
			left_ms = INT_MAX;
		if (poll(fds, 3, (int)left_ms) < 0)
			continue;
		for (size_t index = OUTPUT; index <= ERRORS; index++)
			if (fds[index].revents != 0 &&
			    !take(child, index, outcome))
				return (RUN_TOO_LONG);
		if (fds[2].revents != 0)
			return (take_rest(child, outcome) ? RUN_EXITED
							  : RUN_TOO_LONG);
	}
}

/* What the STATUS of a child that ended by itself says, and what it told
 * before. */
static void
judge(struct child *child, int status, struct run_outcome *outcome)
{
	int why;

	outcome->end = WIFSIGNALED(status) ? RUN_SIGNALLED : RUN_EXITED;
	outcome->number =
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
	if (read(child->pipes[REASON], &why, sizeof(why)) == sizeof(why)) {
		outcome->end = RUN_NOT_STARTED;
		outcome->number = why;
	}
}

static void
run(char *const *words, int64_t deadline_ms, struct run_outcome *outcome)
{
	struct child child = { .pidfd = -1, .pipes = { -1, -1, -1 } };

	if (start(words, &child)) {
		outcome->end = listen_to(&child, deadline_ms, outcome);
		if (outcome->end == RUN_EXITED)
			judge(&child, reap(&child), outcome);
		else
			end_child(&child);
	} else {
		outcome->number = errno;
	}
	close_fd(&child.pidfd);
	for (size_t i = 0; i < PIPES; i++)
		close_fd(&child.pipes[i]);
}

void
run_program(
    char *const *words, int64_t deadline_ms, struct run_outcome *outcome)
{
	struct sigaction standard = { .sa_handler = SIG_DFL }, before;

	/* Where SIGCHLD is ignored, which a shell may hand down, nobody learns
	 * how a child ended. */
	sigaction(SIGCHLD, &standard, &before);
	run(words, deadline_ms, outcome);
	sigaction(SIGCHLD, &before, NULL);
}

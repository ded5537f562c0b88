/*
 * nth: run a command, and do something at its N-th system call.
 *
 *	nth [-s CALLS | -x CALLS] [-c COMMAND | -e ERRNO [-a] | -k SIGNAL]
 *	    [-f CALL] [-t M] [-l FILE] N COMMAND [ARGUMENT...]
 *
 * Calls are counted from 1 over all threads and children of COMMAND in one
 * row, from its execve on.  When the N-th is entered it has not been done,
 * and none that is counted is done meanwhile.  Then
 *
 *	(no switch)	all of it is killed by SIGKILL: that call is not done
 *	-c COMMAND	"/bin/sh -c COMMAND" is run to its end, then it goes on
 *	-e ERRNO	the call fails with that number, without being done;
 *			-a: each from the N-th on does
 *	-k SIGNAL	the command's process is sent that number; it goes on
 *
 * With -t all of it is killed then at the M-th call behind the N-th.  With -f
 * counting begins at the first CALL, which is number 1: what comes before may
 * differ from one run to the next.
 *
 * N is 0: never.  CALLS are names, separated by commas: -s, only these are
 * counted; -x, all but these.  Those that this architecture has not are
 * passed over.  FILE gets a line for each counted call, its name.
 *
 * Ends with 77 when it has killed, else as COMMAND did (128 and the signal's
 * number when by one), with 125 for what it cannot do itself.
 *
 * The kernel does the counting (seccomp's user notification, Linux 5.5): it
 * holds a call of any thread until it is told what becomes of it, knows no
 * architecture's registers, and lets all that is not counted run at full
 * speed, none of which holds of ptrace.
 */
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	KILLED = 77,
	FAILED = 125,
	/* The descriptor by which the listener is handed over.  A number that
	 * the command does not come to: this call alone is never held. */
	CHANNEL = 1000,
	CALLS_MAX = 1000,
};

/* Since Linux 5.19; Debian 12's headers know it, older ones do not. */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

static const struct call {
	const char *name;
	int number;
} calls[] = {
/* Each of <sys/syscall.h>, by tests/local.mk. */
#include "tests/system/nth_calls.h"
};

enum which { ALL, ONLY, ALL_BUT };

/* What is asked for. */
struct order {
	enum which which; /* of the calls in listed are counted */
	int listed[CALLS_MAX];
	size_t listed_len;
	unsigned long n;
	const char *command; /* -c */
	int fails_with;      /* -e, or 0 */
	bool fails_on;       /* -a */
	int signal;          /* -k, or 0 */
	unsigned long then;  /* -t, or 0 */
	int from;            /* -f, or -1 */
	FILE *log;
};

/* Put the numbers of the comma-separated NAMES into ORDER. */
static void
list(struct order *order, const char *names)
{
	while (*names != '\0') {
		size_t len = strcspn(names, ",");
		for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
			if (strlen(calls[i].name) == len &&
			    memcmp(calls[i].name, names, len) == 0 &&
			    order->listed_len < CALLS_MAX)
				order->listed[order->listed_len++] =
				    calls[i].number;
		}
		names += len + (names[len] == ',');
	}
	if (order->listed_len == 0)
		errx(FAILED, "none of these calls is known");
}

static int
call_number(const char *name)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (strcmp(calls[i].name, name) == 0)
			return (calls[i].number);
	}
	errx(FAILED, "not known: %s", name);
}

/* A number from LOW to HIGH. */
static unsigned long
number(const char *text, unsigned long low, unsigned long high)
{
	char *end;

	errno = 0;
	unsigned long value = strtoul(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || value < low ||
	    value > high)
		errx(FAILED, "not a number from %lu to %lu: %s", low, high,
		    text);
	return (value);
}

static struct sock_filter
statement(unsigned code, uint32_t k)
{
	return ((struct sock_filter)BPF_STMT((uint16_t)code, k));
}

/* Skip the next statement unless what was loaded is K. */
static struct sock_filter
unless(uint32_t k, uint8_t skipped)
{
	return ((struct sock_filter)BPF_JUMP(
	    BPF_JMP | BPF_JEQ | BPF_K, k, 0, skipped));
}

/* Where the low half of a call's first argument stands. */
static uint32_t
first_argument(void)
{
	bool is_little = (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
	return ((uint32_t)offsetof(struct seccomp_data, args) +
	    (is_little ? 0 : 4));
}

/*
 * From now on the calls of this process and of all that come of it are held
 * as ORDER says.  Returns the descriptor that is told of them.
 */
static int
hold_calls(const struct order *order)
{
	static struct sock_filter code[2 * CALLS_MAX + 12];
	uint32_t held = SECCOMP_RET_USER_NOTIF;
	uint32_t listed = order->which == ONLY ? held : SECCOMP_RET_ALLOW;
	uint32_t others = order->which == ONLY ? SECCOMP_RET_ALLOW : held;
	uint16_t len = 0;

	const uint32_t nr = offsetof(struct seccomp_data, nr);
	code[len++] = statement(BPF_LD | BPF_W | BPF_ABS, nr);
	code[len++] = unless(SYS_sendmsg, 4);
	code[len++] = statement(BPF_LD | BPF_W | BPF_ABS, first_argument());
	code[len++] = unless(CHANNEL, 1);
	code[len++] = statement(BPF_RET, SECCOMP_RET_ALLOW);
	code[len++] = statement(BPF_LD | BPF_W | BPF_ABS, nr);
	if (order->from != -1) {
		code[len++] = unless((uint32_t)order->from, 1);
		code[len++] = statement(BPF_RET, held);
	}
	for (size_t i = 0; i < order->listed_len; i++) {
		code[len++] = unless((uint32_t)order->listed[i], 1);
		code[len++] = statement(BPF_RET, listed);
	}
	code[len++] = statement(BPF_RET, others);
	struct sock_fprog program = { .len = len, .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		err(FAILED, "no_new_privs");
	/* A signal does not make a held call come twice, where the kernel can
	 * do that. */
	long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
	    SECCOMP_FILTER_FLAG_NEW_LISTENER |
		SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
	    &program);
	if (fd == -1 && errno == EINVAL)
		fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		    SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
	if (fd == -1)
		err(FAILED, "seccomp");
	return ((int)fd);
}

/* A message of one byte, with room for a descriptor. */
struct message {
	char byte;
	struct iovec iov;
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr aligned;
	} control;
	struct msghdr header;
};

static void
message_init(struct message *message)
{
	memset(message, 0, sizeof(*message));
	message->iov = (struct iovec){ &message->byte, 1 };
	message->header.msg_iov = &message->iov;
	message->header.msg_iovlen = 1;
	message->header.msg_control = message->control.room;
	message->header.msg_controllen = sizeof(message->control.room);
}

/* The child: hand over the listener and become COMMAND. */
static void
become(const struct order *order, int channel, char *const *command)
{
	struct message message;

	/* Not in the way of whom it is started by, and gone with us. */
	if (setpgid(0, 0) == -1 || prctl(PR_SET_PDEATHSIG, SIGKILL) == -1 ||
	    dup3(channel, CHANNEL, O_CLOEXEC) == -1)
		err(FAILED, "child");
	message_init(&message);
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&message.header);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	/* Nothing but these two calls from here on: they could be held. */
	int listener = hold_calls(order);
	memcpy(CMSG_DATA(cmsg), &listener, sizeof(listener));
	if (sendmsg(CHANNEL, &message.header, 0) == 1)
		execvp(command[0], command);
	_exit(FAILED);
}

/* The listener that the child has handed over; -1: it could not. */
static int
take_listener(int channel)
{
	struct message message;
	int listener;

	message_init(&message);
	if (recvmsg(channel, &message.header, MSG_CMSG_CLOEXEC) != 1)
		return (-1);
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&message.header);
	if (cmsg == NULL || cmsg->cmsg_type != SCM_RIGHTS)
		return (-1);
	memcpy(&listener, CMSG_DATA(cmsg), sizeof(listener));
	return (listener);
}

static const char *
call_name(int nr)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (calls[i].number == nr)
			return (calls[i].name);
	}
	return ("unknown");
}

/* The end of PID as an exit status. */
static int
end_of(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) == -1) {
		if (errno != EINTR)
			err(FAILED, "waitpid");
	}
	return (
	    WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/* Kill PID and what came of it, and end. */
static void
kill_all(pid_t pid)
{
	kill(-pid, SIGKILL);
	end_of(pid);
	exit(KILLED);
}

/* Counted call COUNT has come: what is to be done with it.  Does not return
 * where it is to kill. */
static void
obey(const struct order *order, unsigned long count, pid_t pid,
    struct seccomp_notif_resp *answer)
{
	if (order->then != 0 && count == order->n + order->then)
		kill_all(pid);
	if (order->n == 0 || count < order->n ||
	    (count > order->n && !order->fails_on))
		return;
	if (order->fails_with != 0) {
		answer->flags = 0;
		answer->error = -order->fails_with;
	} else if (order->signal != 0) {
		kill(pid, order->signal);
	} else if (order->command != NULL) {
		if (system(order->command) != 0)
			warnx("failed: %s", order->command);
	} else {
		kill_all(pid);
	}
}

/* Be told of a call that is held, and let it go as ORDER says. */
static void
take_call(const struct order *order, int listener, pid_t pid,
    const struct seccomp_notif_sizes *sizes, unsigned long *count)
{
	struct seccomp_notif *held = calloc(1, sizes->seccomp_notif);
	struct seccomp_notif_resp *answer =
	    calloc(1, sizes->seccomp_notif_resp);

	if (held == NULL || answer == NULL)
		err(FAILED, "memory");
	/* Fails where its thread has ended meanwhile. */
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, held) == 0) {
		answer->id = held->id;
		answer->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		if (*count > 0 || order->from == -1 ||
		    held->data.nr == order->from) {
			(*count)++;
			if (order->log != NULL)
				fprintf(order->log, "%s\n",
				    call_name(held->data.nr));
			obey(order, *count, pid, answer);
		}
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, answer);
	}
	free(held);
	free(answer);
}

/* Watch PID to its end. */
static void
watch(const struct order *order, int listener, pid_t pid)
{
	struct seccomp_notif_sizes sizes;
	unsigned long count = 0;

	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd == -1 ||
	    syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) == -1)
		err(FAILED, "watch");
	/* What we know of them may be more than what the kernel does. */
	if (sizes.seccomp_notif < sizeof(struct seccomp_notif))
		sizes.seccomp_notif = sizeof(struct seccomp_notif);
	if (sizes.seccomp_notif_resp < sizeof(struct seccomp_notif_resp))
		sizes.seccomp_notif_resp = sizeof(struct seccomp_notif_resp);
	for (;;) {
		struct pollfd fds[] = {
			{ .fd = listener, .events = POLLIN },
			{ .fd = pidfd, .events = POLLIN },
		};
		if (poll(fds, 2, -1) == -1 && errno != EINTR)
			err(FAILED, "poll");
		if ((fds[0].revents & POLLIN) != 0)
			take_call(order, listener, pid, &sizes, &count);
		else if (fds[1].revents != 0)
			return;
	}
}

static void
parse(struct order *order, int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "+ac:e:f:k:l:s:t:x:")) != -1) {
		switch (option) {
		case 'a':
			order->fails_on = true;
			break;
		case 'c':
			order->command = optarg;
			break;
		case 'e':
			order->fails_with = (int)number(optarg, 1, 4095);
			break;
		case 'f':
			order->from = call_number(optarg);
			break;
		case 'k':
			order->signal = (int)number(optarg, 1, 64);
			break;
		case 'l':
			order->log = fopen(optarg, "we");
			if (order->log == NULL)
				err(FAILED, "%s", optarg);
			break;
		case 's':
			order->which = ONLY;
			list(order, optarg);
			break;
		case 't':
			order->then = number(optarg, 1, UINT32_MAX);
			break;
		case 'x':
			order->which = ALL_BUT;
			list(order, optarg);
			break;
		default:
			exit(FAILED);
		}
	}
	if (argc - optind < 2)
		errx(FAILED, "usage: nth [SWITCHES] N COMMAND...");
	order->n = number(argv[optind], 0, UINT32_MAX);
}

int
main(int argc, char **argv)
{
	static struct order order = { .from = -1 };
	int channel[2];

	parse(&order, argc, argv);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) == -1)
		err(FAILED, "socketpair");
	pid_t pid = fork();
	if (pid == -1)
		err(FAILED, "fork");
	if (pid == 0)
		become(&order, channel[1], &argv[optind + 1]);
	close(channel[1]);
	int listener = take_listener(channel[0]);
	if (listener != -1)
		watch(&order, listener, pid);
	return (end_of(pid));
}

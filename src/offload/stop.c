/*
 * The end of a run by a signal: see stop.h.
 *
 * A thread that waits for nothing else, since the others may wait for S3, for
 * the disk, or for whoever should read our output.
 */
#include "offload/stop.h"

#include <sys/eventfd.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

static int wanted_fd = -1;
static atomic_bool is_wanted;
static atomic_bool ends_at_once;
static _Atomic(const char *) spoilt;

static void
ignore(int number)
{
	struct sigaction action = { .sa_handler = SIG_IGN };

	sigemptyset(&action.sa_mask);
	(void)sigaction(number, &action, NULL);
}

static sigset_t
choose_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	return (set);
}

void
stop_init(void)
{
	sigset_t set = choose_signals();

	ignore(SIGPIPE);
	ignore(SIGIO);
	sigprocmask(SIG_BLOCK, &set, NULL);
	wanted_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (wanted_fd < 0)
		log_fatal(STATUS_FAILED, "no eventfd can be made: %s",
		    strerror(errno));
}

static void
end_at_once(void)
{
	const char *path = atomic_load(&spoilt);

	if (path != NULL)
		(void)unlink(path);
	_exit(STATUS_STOPPED);
}

static void *
watch(void *context)
{
	sigset_t set = choose_signals();
	int number;

	(void)context;
	for (;;) {
		if (sigwait(&set, &number) != 0)
			continue;
		if (atomic_load(&ends_at_once))
			end_at_once();
		log_info("SIG%s: what is under way will be finished; once more "
			 "ends at once",
		    sigabbrev_np(number));
		atomic_store(&is_wanted, true);
		atomic_store(&ends_at_once, true);
		(void)eventfd_write(wanted_fd, 1);
	}
	return (NULL);
}

void
stop_watch(bool at_once)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	pthread_t thread;
	int why;

	atomic_store(&ends_at_once, at_once);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	why = pthread_create(&thread, &attributes, watch, NULL);
	pthread_attr_destroy(&attributes);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (why != 0)
		log_fatal(
		    STATUS_FAILED, "no thread can be made: %s", strerror(why));
}

int
stop_fd(void)
{
	return (wanted_fd);
}

bool
stop_is_wanted(void)
{
	return (atomic_load(&is_wanted));
}

void
stop_spoils(const char *path)
{
	atomic_store(&spoilt, path);
}

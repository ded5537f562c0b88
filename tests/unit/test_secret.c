/*
 * Memory for secrets, and a process that shows none (src/base/secret.h).  What
 * a core file would hold is read from /proc/self/smaps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <elf.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/secret.h"

/* More than a page, and not a whole number of them. */
enum { SIZE = 10000 };

/* Which registers ptrace is to show: the vectors. */
#ifdef __x86_64__
#define REGISTERS NT_X86_XSTATE
#else
#define REGISTERS NT_PRFPREG
#endif

/* Is the memory at ADDRESS kept out of core files ("dd", Documentation of
 * proc(5), VmFlags)? */
static bool
is_hidden(const void *address)
{
	FILE *file = fopen("/proc/self/smaps", "re");
	unsigned long start, end, at = (unsigned long)(uintptr_t)address;
	bool is_ours = false, is_found = false, hidden = false;
	char line[1024];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			is_ours = start <= at && at < end;
		if (is_ours && strncmp(line, "VmFlags:", 8) == 0) {
			is_found = true;
			hidden = strstr(line, " dd") != NULL;
		}
	}
	fclose(file);
	assert_true(is_found);
	return (hidden);
}

static bool
is_zero(const char *bytes, size_t len)
{
	while (len > 0 && *bytes == '\0') {
		bytes++;
		len--;
	}
	return (len == 0);
}

/* The memory that is given back, and what stood in it then. */
static const void *unmapped;
static size_t unmapped_len;
static bool unmapped_was_zero;

int __real_munmap(void *address, size_t len);
int __wrap_munmap(void *address, size_t len);

int
__wrap_munmap(void *address, size_t len)
{
	unmapped = address;
	unmapped_len = len;
	unmapped_was_zero = is_zero(address, len);
	return (__real_munmap(address, len));
}

static void
it_is_in_no_core_file(void **state)
{
	char *own = secret_map(SIZE), *shared = secret_share(SIZE);
	char *plain = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_true(plain != MAP_FAILED);
	assert_false(is_hidden(plain));
	assert_true(is_hidden(own));
	assert_true(is_hidden(own + SIZE - 1));
	assert_true(is_hidden(shared));
	assert_true(is_hidden(shared + SIZE - 1));
	assert_true(is_zero(own, SIZE));
	assert_true(is_zero(shared, SIZE));
	secret_unmap(own, SIZE);
	secret_unshare(shared, SIZE);
	__real_munmap(plain, SIZE);
}

static void
it_is_wiped_and_given_back(void **state)
{
	char *own = secret_map(SIZE);

	(void)state;
	memset(own, 'x', SIZE);
	unmapped = NULL;
	secret_unmap(own, SIZE);
	assert_ptr_equal(unmapped, own);
	assert_int_equal(unmapped_len, SIZE);
	assert_true(unmapped_was_zero);
	unmapped = NULL;
	secret_unmap(NULL, SIZE);
	secret_unshare(NULL, SIZE);
	assert_null(unmapped);
}

static void
nothing_can_be_mapped(void **state)
{
	char *own = secret_map(0), *shared = secret_share(0);

	(void)state;
	assert_non_null(own);
	assert_non_null(shared);
	secret_unmap(own, 0);
	secret_unshare(shared, 0);
}

/* Run PLAY in a child; its exit status. */
static int
in_child(int (*play)(void *), void *context)
{
	int status = 0;
	pid_t pid = fork();

	assert_return_code(pid, 0);
	if (pid == 0)
		_exit(play(context));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return (WEXITSTATUS(status));
}

static int
write_to_shared(void *context)
{
	char *shared = context;

	if (strcmp(shared, "parent's") != 0)
		return (1);
	memcpy(shared + SIZE / 2, "child's", 8);
	secret_unshare(shared, SIZE);
	return (0);
}

/* Both sides see what the other writes; who lets go takes nothing away. */
static void
it_can_be_shared(void **state)
{
	char *shared = secret_share(SIZE);

	(void)state;
	memcpy(shared, "parent's", 9);
	assert_int_equal(in_child(write_to_shared, shared), 0);
	assert_string_equal(shared, "parent's");
	assert_string_equal(shared + SIZE / 2, "child's");
	unmapped = NULL;
	secret_unshare(shared, SIZE);
	assert_ptr_equal(unmapped, shared);
	assert_int_equal(unmapped_len, SIZE);
}

static int
write_to_own(void *context)
{
	char *own = context;

	if (strcmp(own, "parent's") != 0)
		return (1);
	memcpy(own, "child's!", 9);
	return (0);
}

static void
a_child_has_a_copy(void **state)
{
	char *own = secret_map(SIZE);

	(void)state;
	memcpy(own, "parent's", 9);
	assert_int_equal(in_child(write_to_own, own), 0);
	assert_string_equal(own, "parent's");
	secret_unmap(own, SIZE);
}

/* What is left to be seen, as bits: 0 is well. */
static int
hide(void *context)
{
	struct rlimit limit = { 1, 1 };
	int seen = 0;

	(void)context;
	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0 ||
	    prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 1)
		return (100);
	secret_hide_process();
	seen |= prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0 ? 1 : 0;
	if (getrlimit(RLIMIT_CORE, &limit) != 0)
		return (101);
	seen |= limit.rlim_cur != 0 ? 2 : 0;
	seen |= limit.rlim_max != 0 ? 4 : 0;
	/* As after a change of user. */
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	secret_hide_process();
	seen |= prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0 ? 8 : 0;
	return (seen);
}

static void
a_process_can_hide(void **state)
{
	(void)state;
	assert_int_equal(in_child(hide, NULL), 0);
}

enum { PATTERN = 0x5a };

/* Stop where the parent sees the registers, after memcpy has had them; whether
 * they are wiped before says CONTEXT, a bool. */
static int
stop(void *context)
{
	const bool *is_wiped = context;
	static char from[SIZE], to[SIZE];
	pid_t pid = getpid();

	memset(from, PATTERN, sizeof(from));
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		return (1);
	memcpy(to, from, 300);
	memcpy(to, from, sizeof(to));
	if (*is_wiped)
		secret_wipe_registers();
	/* By the kernel at once: no function of the library comes between. */
	syscall(SYS_kill, pid, SIGSTOP);
	return (0);
}

/* Is the pattern in the vector registers of a child that has stopped? */
static bool
has_pattern(bool is_wiped)
{
	static const char pattern[16] = { [0 ... 15] = PATTERN };
	char registers[16384];
	struct iovec room = { registers, sizeof(registers) };
	int status = 0;
	pid_t pid = fork();
	bool has;

	assert_return_code(pid, 0);
	if (pid == 0)
		_exit(stop(&is_wiped));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFSTOPPED(status))
		return (false);
	if (ptrace(PTRACE_GETREGSET, pid, REGISTERS, &room) != 0)
		room.iov_len = 0;
	has = memmem(registers, room.iov_len, pattern, sizeof(pattern)) != NULL;
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return (has);
}

/* What memcpy leaves in the registers is there for a core file, until they are
 * wiped. */
static void
registers_are_wiped(void **state)
{
	(void)state;
	/* No other process may be traced here, or memcpy uses none. */
	if (!has_pattern(false))
		skip();
	assert_false(has_pattern(true));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_in_no_core_file),
		cmocka_unit_test(it_is_wiped_and_given_back),
		cmocka_unit_test(nothing_can_be_mapped),
		cmocka_unit_test(it_can_be_shared),
		cmocka_unit_test(a_child_has_a_copy),
		cmocka_unit_test(a_process_can_hide),
		cmocka_unit_test(registers_are_wiped),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

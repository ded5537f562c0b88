/*
 * Memory for secrets, and a process that shows none: see secret.h.
 */
#include "base/secret.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/log.h"

/* mmap refuses to map nothing. */
static size_t
at_least_one(size_t size)
{
	return (size > 0 ? size : 1);
}

static void *
map(size_t size, int how)
{
	void *memory = mmap(NULL, at_least_one(size), PROT_READ | PROT_WRITE,
	    how | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED ||
	    madvise(memory, at_least_one(size), MADV_DONTDUMP) != 0)
		log_fatal(1, "no memory for secrets, %zu bytes: %s", size,
		    strerror(errno));
	return (memory);
}

void *
secret_map(size_t size)
{
	return (map(size, MAP_PRIVATE));
}

void *
secret_share(size_t size)
{
	return (map(size, MAP_SHARED));
}

void
secret_unmap(void *memory, size_t size)
{
	if (memory == NULL)
		return;
	explicit_bzero(memory, size);
	munmap(memory, at_least_one(size));
}

void
secret_unshare(void *memory, size_t size)
{
	if (memory != NULL)
		munmap(memory, at_least_one(size));
}

#ifdef __x86_64__
/* The compiler knows of no registers wider than those it compiles for; memcpy
 * takes the widest there are.  XRSTOR sets what the area has no state of as it
 * is in a new process (Intel's manual, volume 1, 13.8): all zero. */
static void
wipe_wide_registers(void)
{
	static const struct {
		uint8_t before[24];
		uint32_t mxcsr; /* is always read: rounding as usual */
		uint8_t rest[548];
	} nothing __attribute__((__aligned__(64))) = { .mxcsr = 0x1f80 };
	const uint32_t vectors = 0xe6; /* SSE, AVX and AVX-512 */

	__asm__ volatile("xrstor64 %0"
			 :
			 : "m"(nothing), "a"(vectors), "d"(0)
			 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
			 "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
			 "xmm12", "xmm13", "xmm14", "xmm15");
}
#endif

ATTR_WIPES_REGISTERS void
secret_wipe_registers(void)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx"))
		wipe_wide_registers();
#endif
}

void
secret_hide_process(void)
{
	const struct rlimit none = { 0, 0 };

	/* Neither can fail: to ask for less is always allowed. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	setrlimit(RLIMIT_CORE, &none);
}

/*
 * Memory for secrets, and a process that shows none.
 *
 * What must not leave the process stands in pages of its own: never in a core
 * file (MADV_DONTDUMP), wiped when they are given back.  What a library copies
 * goes through mem_wipe_free (base/mem.h), or where the library wipes its own
 * keys (OpenSSL) its larger blocks do.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stddef.h>

#include "base/attr.h"

/* SIZE bytes, all zero, of this process alone (a child gets a copy). */
void *secret_map(size_t size) ATTR_MUST_USE;

/* The same, shared with the processes that are forked from now on. */
void *secret_share(size_t size) ATTR_MUST_USE;

/* Wipe and give back what either returned for SIZE.  Of shared memory only this
 * process's view goes, and it is not wiped: others may still read it.  NULL is
 * passed over. */
void secret_unmap(void *memory, size_t size);
void secret_unshare(void *memory, size_t size);

/* Wipe the processor's vector registers: what copied or digested a secret last
 * may have left it there, and they are part of a core file. */
void secret_wipe_registers(void);

/* From now on no core file is written of this process, and no process of the
 * same user may look into it (PR_SET_DUMPABLE, RLIMIT_CORE).  To be said again
 * after a change of user, which resets the first; nor does the first outlive an
 * exec. */
void secret_hide_process(void);

#endif

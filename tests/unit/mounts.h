/*
 * Mounts that only the test sees: in a namespace of its own, which ends with
 * it.  After cmocka.h.
 */
#ifndef TESTS_UNIT_MOUNTS_H
#define TESTS_UNIT_MOUNTS_H

#include <sys/mount.h>

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>

static bool may_mount;

/* Before all tests, and before anything is opened: what was open before does
 * not lead to what is mounted afterwards. */
static inline int
mounts_begin(void **state)
{
	(void)state;
	may_mount = unshare(CLONE_NEWNS) == 0 &&
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0;
	return (0);
}

/* Have the folder FROM (NULL: a new file system) at TO as well.  False where
 * nothing may be mounted here; that is said, and the test is of no use (cmocka's
 * skip() would be taken for a failure). */
static inline bool
mounts_add(const char *from, const char *to)
{
	if (!may_mount) {
		print_message("nothing can be mounted here: not tried\n");
		return (false);
	}
	assert_int_equal(mount(from != NULL ? from : "none", to,
			     from != NULL ? "none" : "tmpfs",
			     from != NULL ? MS_BIND : 0, NULL),
	    0);
	return (true);
}

static inline void
mounts_remove(const char *to)
{
	assert_int_equal(umount2(to, MNT_DETACH), 0);
}

#endif

/*
 * Users and groups: see identity.h.  Names are looked up in the master, which
 * may still read what only root can; a worker then has the numbers and opens
 * nothing to become them but the list of groups (initgroups).
 */
#include "pool/identity.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"

/* The greatest id; -1 is "no change" to chown(2) and setresuid(2). */
static const uint64_t id_max = UINT32_MAX - 1;

bool
identity_find_user(const char *text, uid_t *uid, gid_t *gid)
{
	const struct passwd *entry = getpwnam(text);
	uint64_t number;

	if (entry == NULL) {
		if (!parse_number(span_of(text), 0, id_max, &number))
			return (false);
		*uid = (uid_t)number;
		entry = getpwuid(*uid);
	} else
		*uid = entry->pw_uid;
	if (entry != NULL)
		*gid = entry->pw_gid;
	return (true);
}

bool
identity_find_group(const char *text, gid_t *gid)
{
	const struct group *entry = getgrnam(text);
	uint64_t number;

	if (entry != NULL) {
		*gid = entry->gr_gid;
		return (true);
	}
	if (!parse_number(span_of(text), 0, id_max, &number))
		return (false);
	*gid = (gid_t)number;
	return (true);
}

bool
identity_init(struct identity *identity, const char *user, const char *group)
{
	*identity = (struct identity){ .uid = getuid(), .gid = getgid() };
	if (user != NULL &&
	    !identity_find_user(user, &identity->uid, &identity->gid)) {
		log_error("[daemon] user: there is no user %s", user);
		return (false);
	}
	if (group != NULL && !identity_find_group(group, &identity->gid)) {
		log_error("[daemon] group: there is no group %s", group);
		return (false);
	}
	identity->user = mem_string(user);
	identity->group = mem_string(group);
	return (true);
}

void
identity_fini(struct identity *identity)
{
	free(identity->user);
	free(identity->group);
	*identity = (struct identity){ 0 };
}

static bool
is_assumed(const struct identity *identity)
{
	uid_t real_uid, effective_uid, saved_uid;
	gid_t real_gid, effective_gid, saved_gid;

	if (getresuid(&real_uid, &effective_uid, &saved_uid) != 0 ||
	    getresgid(&real_gid, &effective_gid, &saved_gid) != 0)
		return (false);
	return (real_uid == identity->uid && effective_uid == identity->uid &&
	    saved_uid == identity->uid && real_gid == identity->gid &&
	    effective_gid == identity->gid && saved_gid == identity->gid);
}

static bool
set_groups(const struct identity *identity)
{
	if (identity->user != NULL && getpwnam(identity->user) != NULL)
		return (initgroups(identity->user, identity->gid) == 0);
	return (setgroups(1, &identity->gid) == 0);
}

bool
identity_assume(const struct identity *identity)
{
	const char *user = identity->user != NULL ? identity->user : "(same)";
	const char *group = identity->group != NULL ? identity->group : "(own)";

	if (is_assumed(identity))
		return (true);
	if (!set_groups(identity) ||
	    setresgid(identity->gid, identity->gid, identity->gid) != 0 ||
	    setresuid(identity->uid, identity->uid, identity->uid) != 0) {
		log_error("cannot become user %s, group %s: %s; start as root, "
			  "or leave [daemon] user and group out",
		    user, group, strerror(errno));
		return (false);
	}
	if (!is_assumed(identity) ||
	    (identity->uid != 0 && setresuid(0, 0, 0) == 0)) {
		log_error(
		    "became user %s, group %s, but not for good", user, group);
		return (false);
	}
	return (true);
}

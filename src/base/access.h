/*
 * Who else may read a file that holds secrets.
 *
 * The rule is that of ssh for its keys: what is ours is for no one else; what
 * another owns and lets us read, by its group, is for none but the two (a file
 * root:trys3 0640 for a daemon that runs as trys3).
 */
#ifndef BASE_ACCESS_H
#define BASE_ACCESS_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/attr.h"
#include "base/buf.h"

/* May others do anything with the file at PATH, of STATUS?  Then WHY says its
 * mode and owner and what would be right: "can be used by others: its mode is
 * 0644 and its owner root; right would be: chmod 600 /etc/trys3.conf". */
bool access_is_open(
    const char *path, const struct stat *status, struct buf *why) ATTR_MUST_USE;

#endif

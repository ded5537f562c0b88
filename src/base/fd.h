/*
 * Reading and writing a descriptor that blocks, whole and past signals.
 */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"

/* Write all of BYTES; false with errno where that is not to be. */
bool fd_write(int fd, struct span bytes) ATTR_MUST_USE;

/* As pread: at most ROOM bytes from OFFSET on to TO. */
ssize_t
fd_read_at(int fd, char *to, size_t room, uint64_t offset) ATTR_MUST_USE;

#endif

/*
 * A file that comes back: written without a name, checked, and named when it is
 * whole.
 */
#ifndef OFFLOAD_ARRIVAL_H
#define OFFLOAD_ARRIVAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "offload/folder.h"
#include "s3/metadata.h"

struct arrival;

/* A new file in FOLDER (borrowed); NULL with errno. */
struct arrival *arrival_begin(const struct folder *folder) ATTR_MUST_USE;

/* Nothing of it stays, unless it was named. */
void arrival_free(struct arrival *arrival);

/* Forget all bytes: they come anew.  False with errno. */
bool arrival_restart(struct arrival *arrival) ATTR_MUST_USE;

/* The next bytes; false with errno. */
bool arrival_write(struct arrival *arrival, struct span bytes) ATTR_MUST_USE;

/* All of it is there: are its bytes those of the digest in METADATA?  Also
 * where there is none. */
bool arrival_is_intact(
    struct arrival *arrival, const struct metadata *metadata) ATTR_MUST_USE;

/* Give it what METADATA has kept of it, bring it to the disk, and give it NAME.
 * False with errno; EEXIST where there is such a file. */
bool arrival_end(struct arrival *arrival, const struct metadata *metadata,
    const char *name) ATTR_MUST_USE;

/* Of one that was named: its size, and when it was changed last. */
uint64_t arrival_size(const struct arrival *arrival);
struct timespec arrival_mtime(const struct metadata *metadata);

#endif

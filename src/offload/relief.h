/*
 * The relief of a file system that is over its high mark: the oldest files go,
 * until it is below the low one.
 */
#ifndef OFFLOAD_RELIEF_H
#define OFFLOAD_RELIEF_H

#include "offload/running.h"

/* Relieve the file system that RUN's root is on, where it is over its mark. */
void relief(struct run *run);

/* For struct commit: one that stays where it is is not to be tried again and
 * again in this run. */
void relief_keep_stayed(void *run, const struct way *way);

#endif

/*
 * A run of put, evict or offload over one [offload NAME].
 */
#ifndef OFFLOAD_RUN_H
#define OFFLOAD_RUN_H

#include "base/attr.h"
#include "offload/running.h"
#include "offload/stop.h"

/* DONE, FAILED, LOCKED or STOPPED; all that is to be said was said. */
enum status run_offload(const struct run_order *order) ATTR_MUST_USE;

#endif

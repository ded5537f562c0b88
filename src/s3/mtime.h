/*
 * A file's time in an object's metadata, x-amz-meta-mtime: as rclone writes
 * it, and s3fs.  Pure.
 */
#ifndef S3_MTIME_H
#define S3_MTIME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"

/* The last second that an HTTP date can say: that of the year 9999. */
#define MTIME_SECONDS_MAX INT64_C(253402300799)

/* Twelve digits, a point, nine more, and the NUL. */
enum { MTIME_TEXT_MAX = 23 };

/* Read TEXT, "SECONDS" or "SECONDS.FRACTION": decimal digits, from 0 to
 * MTIME_SECONDS_MAX seconds since the epoch, and one to nine digits of
 * fraction.  False, and nothing is set, for all else: a sign, a blank, an
 * exponent, milliseconds. */
bool mtime_parse(
    struct span text, int64_t *seconds, long *nanoseconds) ATTR_MUST_USE;

/* Write SECONDS and NANOSECONDS (as in struct timespec) in TEXT as mtime_parse
 * reads them, the fraction without zeros at its end, if any.  False, and TEXT
 * is "", where that cannot say it: before the epoch or after the year 9999. */
bool mtime_format(
    int64_t seconds, long nanoseconds, char text[MTIME_TEXT_MAX]) ATTR_MUST_USE;

#endif

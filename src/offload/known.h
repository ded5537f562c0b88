/*
 * Which files were uploaded already, so that a run does not ask S3 about each:
 * a set of 64-bit fingerprints in a file.
 *
 * It is only a hint.  A wrong "no" costs a request; a wrong "yes" (two files of
 * one fingerprint: for a million files one chance in 10^13 each time a file is
 * new) leaves a file on the disk that is not uploaded.  None loses a file: what
 * is deleted is proved anew to be in the bucket, whatever this set says.
 *
 * A run looks up in the set of the run before and puts what it finds uploaded
 * into a new one.  At the end of a complete run that takes the old one's place,
 * so that files that are gone are forgotten; else both are put together.  Both
 * are tables in mapped files, of 16 to 32 bytes a file: memory of the page
 * cache, which the kernel can take back, and not of the process.
 *
 * For one thread.  A run that is killed leaves the old set as it was, and a
 * PATH.new that the next run removes.
 */
#ifndef OFFLOAD_KNOWN_H
#define OFFLOAD_KNOWN_H

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"

struct known_file {
	dev_t dev;
	ino_t ino;
	uint64_t size;
	int64_t mtime_s; /* seconds since the epoch, and */
	long mtime_ns;   /* nanoseconds more */
	int64_t ctime_s; /* seconds since the epoch, and */
	long ctime_ns;   /* nanoseconds more */
	struct span key;
	struct span target; /* endpoint and bucket: uploaded to where */
};

/*
 * FILE's fingerprint, never 0: another one as soon as the file, or what it is
 * to be, is another.  Each word of it goes through the finaliser of SplitMix64
 * (Steele, Lea and Flood 2014, with the constants of Stafford's variant 13),
 * which maps no two values to one.  Not for adversaries: who finds two files of
 * one fingerprint keeps one of them from being uploaded.  Depends on the order
 * of bytes in a word, as does the file of the set.  Pure.
 */
uint64_t known_print(const struct known_file *file);

struct known;

/* The set at PATH.  Never NULL: a file that is missing, damaged or not of this
 * kind is an empty set, and is replaced at the end.  Where the set cannot be
 * read or a new one cannot be made (no space, no right) a warning is logged,
 * and this run does without. */
struct known *known_open(const char *path) ATTR_MUST_USE;

/* Is PRINT in the old set, or in the new one? */
bool known_has(const struct known *known, uint64_t print);

/* As known_has; where it is, it is in the new set from now on. */
bool known_keep(struct known *known, uint64_t print);

/* PRINT, which is not 0, is in the new set.  Where that cannot grow, it is
 * given up with a warning, once, and the old one stays. */
void known_add(struct known *known, uint64_t print);

/* Put the new set in the place of the old one, and free KNOWN.  IS_COMPLETE:
 * all files that there are were added; else what was in the old set stays in.
 * On the disk before it has its name.  Does nothing for NULL. */
void known_close(struct known *known, bool is_complete);

#endif

/*
 * The compiler's attributes that we use, by names that say what they promise.
 */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

/* The argument at FORMAT is printf's, its values begin at FIRST. */
#define ATTR_PRINTF(format, first) \
	__attribute__((__format__(__printf__, format, first)))

/* Does not come back. */
#define ATTR_NORETURN __attribute__((__noreturn__))

/* To drop the result is a mistake. */
#define ATTR_MUST_USE __attribute__((__warn_unused_result__))

#endif

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

/* Has a frame of its own on the stack. */
#define ATTR_NOINLINE __attribute__((__noinline__))

/* Leaves nothing in the registers that a callee may use, where the compiler can
 * see to it (gcc 11, clang 15). */
#if defined(__has_attribute)
#if __has_attribute(__zero_call_used_regs__)
#define ATTR_WIPES_REGISTERS __attribute__((__zero_call_used_regs__("all")))
#endif
#endif
#ifndef ATTR_WIPES_REGISTERS
#define ATTR_WIPES_REGISTERS
#endif

/* To drop the result is a mistake. */
#define ATTR_MUST_USE __attribute__((__warn_unused_result__))

#endif

/*
 * The descriptors 0 to 2.
 */
#ifndef BASE_DESCRIPTORS_H
#define BASE_DESCRIPTORS_H

/* Make sure that 0 to 2 are open, so that nothing we open lands there and is
 * then written to as a log.  What is open stays: 0 may be a socket.  Where that
 * cannot be, the program ends with STATUS. */
void descriptors_reserve(int status);

#endif

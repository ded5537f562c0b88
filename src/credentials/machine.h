/*
 * What kind of machine this is.
 */
#ifndef CREDENTIALS_MACHINE_H
#define CREDENTIALS_MACHINE_H

#include <stdbool.h>

/* Is it one of EC2, as its firmware says (DMI, in /sys)?  False where that
 * cannot be told. */
bool machine_is_ec2(void);

#endif

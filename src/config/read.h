/*
 * The file and the environment into settings.
 */
#ifndef CONFIG_READ_H
#define CONFIG_READ_H

#include <stdbool.h>

#include "base/attr.h"
#include "config/settings.h"

/*
 * Read SETTINGS' file, if there is one, and then the environment.  What is
 * wrong is reported and counted in SETTINGS, and the reading goes on.  False
 * where the file could not be read to its end, so that nothing can be said of
 * what is missing.
 */
bool config_read(struct settings *settings) ATTR_MUST_USE;

#endif

/*
 * What a section says of its own credentials, checked as a whole: a site's or
 * an offload's, which have the same settings for them.
 */
#ifndef CONFIG_OWN_H
#define CONFIG_OWN_H

#include "config/settings.h"

/* Report each setting that lacks another that it needs, and each that stands
 * beside another that makes it meaningless. */
void
config_check_own(struct settings *settings, struct config_section *section);

#endif

/*
 * The machine: see machine.h.  What the firmware says needs no network, so it
 * tells an EC2 instance whose metadata are late from a machine that has none.
 *
 * Source: "Detect whether a host is an EC2 instance" in the EC2 user guide.
 */
#include "credentials/machine.h"

#include <stdio.h>
#include <string.h>

/* Is WORD in the line that FILE of the firmware's has? */
static bool
says(const char *file, const char *word)
{
	char path[64], line[128] = "";
	FILE *stream;
	bool is_said;

	snprintf(path, sizeof(path), "/sys/class/dmi/id/%s", file);
	stream = fopen(path, "re");
	if (stream == NULL)
		return (false);
	is_said = fgets(line, sizeof(line), stream) != NULL &&
	    strstr(line, word) != NULL;
	fclose(stream);
	return (is_said);
}

bool
machine_is_ec2(void)
{
	/* Of today's instances, and of those on Xen. */
	return (
	    says("sys_vendor", "Amazon EC2") || says("bios_version", "amazon"));
}

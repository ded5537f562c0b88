/*
 * The command line of trys3.
 */
#ifndef OFFLOAD_OPTIONS_H
#define OFFLOAD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/attr.h"

/* A switch that was not given. */
#define OPTIONS_UNSAID UINT64_MAX

struct options {
	const char *verb;   /* NULL: none */
	char *const *words; /* what follows it */
	int n_words;
	const char *path; /* -c; NULL: the standard one, if it is there */
	const char *site;
	const char *output; /* -o; NULL: standard output */
	uint64_t jobs;      /* or OPTIONS_UNSAID, as the next two */
	uint64_t bwlimit;
	uint64_t max_delete;
	bool is_dry_run;
	bool is_json;
	bool is_quiet;
	bool is_verbose;
	bool wants_help;
	bool wants_version;
};

/* Read ARGV, whose order is changed: switches may stand anywhere before a "--".
 * False where one is wrong; that is said on standard error. */
bool
options_read(int argc, char *argv[], struct options *options) ATTR_MUST_USE;

/* What a switch SAID, or, where it was not given, its SETTING. */
static inline uint64_t
options_choose(uint64_t said, uint64_t setting)
{
	return (said != OPTIONS_UNSAID ? said : setting);
}

/* Write how trys3 is used to OUT. */
void options_explain(FILE *out);

#endif

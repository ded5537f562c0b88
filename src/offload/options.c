/*
 * The command line: see options.h.  What a switch may be is what its setting
 * may be (config/table), so that it is written once.
 */
#include "offload/options.h"

#include <getopt.h>
#include <string.h>

#include "base/parse.h"

enum {
	OPTION_SITE = 256,
	OPTION_JOBS,
	OPTION_BWLIMIT,
	OPTION_MAX_DELETE,
	OPTION_JSON,
};

enum { JOBS_MAX = 256 };

static const struct option longs[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "site", required_argument, NULL, OPTION_SITE },
	{ "jobs", required_argument, NULL, OPTION_JOBS },
	{ "bwlimit", required_argument, NULL, OPTION_BWLIMIT },
	{ "max-delete", required_argument, NULL, OPTION_MAX_DELETE },
	{ "dry-run", no_argument, NULL, 'n' },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "quiet", no_argument, NULL, 'q' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "output", required_argument, NULL, 'o' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

void
options_explain(FILE *out)
{
	fputs(
	    "usage: trys3 put|evict|offload|audit [SWITCH...] [OFFLOAD...]\n"
	    "       trys3 restore [SWITCH...] PATH...\n"
	    "       trys3 get [SWITCH...] KEY\n"
	    "       trys3 purge [SWITCH...] KEY...\n"
	    "       trys3 ls [SWITCH...] [PREFIX]\n"
	    "\n"
	    "  put      upload old files, and prove that readers get them\n"
	    "  evict    delete files that are proved to be in the bucket\n"
	    "  offload  both\n"
	    "  audit    compare tree, journal and bucket\n"
	    "  restore  bring objects back to their place\n"
	    "  get      write an object to standard output\n"
	    "  purge    remove keys from memcached\n"
	    "  ls       list objects\n"
	    "\n"
	    "  -c, --config FILE    the settings; " SYSCONFDIR "/trys3.conf\n"
	    "      --site NAME      only this site's\n"
	    "      --jobs N         so many files at the same time\n"
	    "      --bwlimit SIZE   bytes a second at most: 10m\n"
	    "      --max-delete N   so many files at most\n"
	    "  -n, --dry-run        only say what would be done\n"
	    "      --json           an event a line\n"
	    "  -q, --quiet          only what failed\n"
	    "  -v, --verbose        a line for each file\n"
	    "  -o, --output FILE    of get\n"
	    "  -h, --help; -V, --version\n"
	    "\n"
	    "Status: 0 all done; 1 something failed; 2 wrong use or settings;\n"
	    "3 another run is at work; 4 ended by a signal.  See trys3(1).\n",
	    out);
}

static bool
refuse(const char *name, const char *text, const char *right)
{
	fprintf(stderr, "trys3: %s: \"%s\" is none; right would be: %s\n", name,
	    text, right);
	return (false);
}

static bool
take_argument(struct options *options, int letter, const char *text)
{
	struct span span = span_of(text);

	switch (letter) {
	case 'c':
		options->path = text;
		return (true);
	case 'o':
		options->output = text;
		return (true);
	case OPTION_SITE:
		options->site = text;
		return (true);
	case OPTION_JOBS:
		return (parse_number(span, 1, JOBS_MAX, &options->jobs) ||
		    refuse("--jobs", text, "1 to 256"));
	case OPTION_BWLIMIT:
		return ((parse_size(span, &options->bwlimit) &&
			    options->bwlimit != OPTIONS_UNSAID) ||
		    refuse("--bwlimit", text,
			"bytes a second, with k, m or g: 10m; 0: no limit"));
	case OPTION_MAX_DELETE:
		return (
		    parse_number(span, 0, 1000000000, &options->max_delete) ||
		    refuse("--max-delete", text, "0 to 1000000000"));
	default:
		return (false);
	}
}

static bool
take(struct options *options, int letter)
{
	switch (letter) {
	case 'n':
		options->is_dry_run = true;
		return (true);
	case OPTION_JSON:
		options->is_json = true;
		return (true);
	case 'q':
		options->is_quiet = true;
		return (true);
	case 'v':
		options->is_verbose = true;
		return (true);
	case 'h':
		options->wants_help = true;
		return (true);
	case 'V':
		options->wants_version = true;
		return (true);
	case '?': /* getopt has said so */
		return (false);
	default:
		return (take_argument(options, letter, optarg));
	}
}

bool
options_read(int argc, char *argv[], struct options *options)
{
	int letter;

	*options = (struct options){
		.jobs = OPTIONS_UNSAID,
		.bwlimit = OPTIONS_UNSAID,
		.max_delete = OPTIONS_UNSAID,
	};
	while (
	    (letter = getopt_long(argc, argv, "c:no:qvhV", longs, NULL)) != -1)
		if (!take(options, letter))
			return (false);
	if (optind < argc)
		options->verb = argv[optind++];
	options->words = argv + optind;
	options->n_words = argc - optind;
	return (true);
}

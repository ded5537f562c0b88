/*
 * trys3d: read the settings, then hand over to the master.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/descriptors.h"
#include "base/log.h"
#include "base/secret.h"
#include "config/config.h"
#include "pool/master.h"
#include "s3/http.h"

#ifndef PACKAGE_VERSION
#error "PACKAGE_VERSION comes from configure"
#endif
#ifndef SYSCONFDIR
#error "SYSCONFDIR comes from make"
#endif

/* Exit statuses; 1 is for what fails at run time. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static const char standard_path[] = SYSCONFDIR "/trys3.conf";

struct arguments {
	const char *path; /* NULL: there is no file */
	bool is_test;
	bool is_print;
};

static int
usage(void)
{
	fputs("usage: trys3d [-c FILE] [-t] [-T] [-V]\n"
	      "  -c FILE  read FILE, not " SYSCONFDIR "/trys3.conf\n"
	      "  -t       test the configuration, start nothing\n"
	      "  -T       the same, and print the effective settings\n"
	      "  -V       print the version\n",
	    stderr);
	return (EXIT_USAGE);
}

/* Test, and print where that is asked for. */
static int
show(const struct settings *settings, const struct arguments *arguments)
{
	if (arguments->is_print) {
		config_print(settings, stdout);
		if (fflush(stdout) != 0 || ferror(stdout)) {
			log_error("the settings cannot be printed: writing to "
				  "standard output failed");
			return (EXIT_FAILED);
		}
	}
	if (arguments->path != NULL)
		fprintf(stderr, "trys3d: configuration %s is fine\n",
		    arguments->path);
	else
		fputs("trys3d: configuration is fine (environment only, no "
		      "file)\n",
		    stderr);
	return (EXIT_DONE);
}

static bool
find_credentials(struct settings *settings)
{
	struct http *http = http_new();
	bool is_found = config_find_credentials(settings, http);

	http_free(http);
	return (is_found);
}

/* What the arguments ask for, with libcurl started. */
static int
run_with(struct settings *settings, const struct arguments *arguments)
{
	int status;

	if (!arguments->is_test && !arguments->is_print) {
		log_threshold((enum log_level)settings->daemon.log_level);
		return (master_run(settings, arguments->path));
	}
	if (find_credentials(settings))
		status = show(settings, arguments);
	else {
		log_error("the configuration has errors");
		status = EXIT_USAGE;
	}
	config_free(settings);
	return (status);
}

static int
run(const struct arguments *arguments)
{
	struct settings *settings = config_load(arguments->path);
	int status;

	if (settings == NULL) {
		log_error("the configuration has errors: nothing was started");
		return (EXIT_USAGE);
	}
	if (!http_global_init()) {
		log_error("libcurl cannot be used: it lacks TLS, or failed to "
			  "start");
		config_free(settings);
		return (EXIT_FAILED);
	}
	status = run_with(settings, arguments);
	http_global_fini();
	return (status);
}

int
main(int argc, char *argv[])
{
	struct arguments arguments = { .path = NULL };
	int option;

	secret_hide_process();
	descriptors_reserve(EXIT_FAILED);
	log_name("trys3d");
	if (access(standard_path, F_OK) == 0)
		arguments.path = standard_path;
	while ((option = getopt(argc, argv, "c:tTV")) != -1) {
		switch (option) {
		case 'c':
			arguments.path = optarg;
			break;
		case 't':
			arguments.is_test = true;
			break;
		case 'T':
			arguments.is_print = true;
			break;
		case 'V':
			return (printf("trys3d %s\n", PACKAGE_VERSION) > 0 &&
				    fflush(stdout) == 0
				? EXIT_DONE
				: EXIT_FAILED);
		default:
			return (usage());
		}
	}
	if (optind != argc)
		return (usage());
	return (run(&arguments));
}

/*
 * trys3: the command line, the settings, and then what the verb says.
 */
#include <sys/resource.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptors.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "cache/cache.h"
#include "config/config.h"
#include "offload/audit.h"
#include "offload/look.h"
#include "offload/options.h"
#include "offload/report.h"
#include "offload/restore.h"
#include "offload/restore_path.h"
#include "offload/roots.h"
#include "offload/run.h"
#include "offload/session.h"
#include "offload/stop.h"
#include "s3/http.h"

#ifndef PACKAGE_VERSION
#error "PACKAGE_VERSION comes from configure"
#endif
#ifndef SYSCONFDIR
#error "SYSCONFDIR comes from make"
#endif

static const char standard_path[] = SYSCONFDIR "/trys3.conf";

/* What a verb is done with. */
struct work {
	const struct options *options;
	const struct settings *settings;
	struct session session;
	struct cache *cache;
	struct report *report; /* NULL: the verb has none */
	uint64_t deleted;
	bool has_bar;
	/* The offloads, in the order of the session's places. */
	const struct offload_settings **offloads;
	size_t n_offloads;
};

/* One offload of it, of the place of that number. */
typedef enum status verb_function(struct work *work, size_t place);

/* ---- Verbs over offloads ---- */

static enum status
run_verb(struct work *work, size_t place, enum run_verb verb)
{
	const struct run_order order = {
		.verb = verb,
		.settings = work->offloads[place],
		.session = &work->session,
		.place = place,
		.options = work->options,
		.report = work->report,
		.cache = work->cache,
		.deleted = &work->deleted,
		.has_bar = work->has_bar,
	};

	return (run_offload(&order));
}

static enum status
put(struct work *work, size_t place)
{
	return (run_verb(work, place, RUN_PUT));
}

static enum status
evict(struct work *work, size_t place)
{
	return (run_verb(work, place, RUN_EVICT));
}

static enum status
offload(struct work *work, size_t place)
{
	return (run_verb(work, place, RUN_OFFLOAD));
}

static enum status
audit_one(struct work *work, size_t place)
{
	const struct audit_order order = {
		.settings = work->offloads[place],
		.session = &work->session,
		.place = place,
		.options = work->options,
		.report = work->report,
	};

	return (audit(&order));
}

/* The paths of OFFLOAD among the words; none: NULL.  The caller's, as is each
 * of them. */
static char **
find_paths(const struct options *options,
    const struct offload_settings *offload_settings, size_t *n_paths)
{
	char **paths = mem_zero((size_t)options->n_words, sizeof(*paths));
	char *cwd = getcwd(NULL, 0), *path;
	char *real = realpath(offload_settings->root, NULL);

	*n_paths = 0;
	for (int i = 0; i < options->n_words; i++) {
		path = restore_path(offload_settings->root,
		    cwd != NULL ? cwd : "/", options->words[i]);
		/* The working folder is told without its links. */
		if (path == NULL && real != NULL)
			path = restore_path(
			    real, cwd != NULL ? cwd : "/", options->words[i]);
		if (path != NULL)
			paths[(*n_paths)++] = path;
	}
	free(real);
	free(cwd);
	return (paths);
}

static void
free_paths(char **paths, size_t n_paths)
{
	while (n_paths > 0)
		free(paths[--n_paths]);
	free(paths);
}

static enum status
restore_one(struct work *work, size_t place)
{
	struct restore_order order = {
		.settings = work->offloads[place],
		.session = &work->session,
		.place = place,
		.options = work->options,
		.report = work->report,
	};
	enum status status = STATUS_DONE;
	char **paths =
	    find_paths(work->options, order.settings, &order.n_paths);

	order.paths = paths;
	if (order.n_paths > 0)
		status = restore(&order);
	free_paths(paths, order.n_paths);
	return (status);
}

/* The worst of two: what ends a run at once goes before what merely failed. */
static enum status
worse(enum status a, enum status b)
{
	static const int weight[] = {
		[STATUS_DONE] = 0,
		[STATUS_LOCKED] = 1,
		[STATUS_FAILED] = 2,
		[STATUS_USAGE] = 3,
		[STATUS_STOPPED] = 4,
	};

	return (weight[a] >= weight[b] ? a : b);
}

static enum status
do_all(struct work *work, verb_function *verb)
{
	const struct options *options = work->options;
	bool is_terminal = isatty(STDERR_FILENO) && getenv("TERM") != NULL &&
	    strcmp(getenv("TERM"), "dumb") != 0;
	const struct report_options report_options = {
		.is_json = options->is_json,
		.is_quiet = options->is_quiet,
		.is_verbose = options->is_verbose,
		.is_dry_run = options->is_dry_run,
		.is_terminal = is_terminal,
		.out_fd = STDOUT_FILENO,
		.err_fd = STDERR_FILENO,
		.start_ms = clock_monotonic_ms(),
	};
	enum status status = STATUS_DONE;

	work->report = report_new(&report_options);
	work->has_bar = is_terminal && !options->is_json && !options->is_quiet;
	for (size_t i = 0; i < work->n_offloads && status != STATUS_STOPPED;
	     i++)
		status = worse(status, verb(work, i));
	if (status != STATUS_LOCKED || work->n_offloads > 1)
		report_summary(work->report, clock_monotonic_ms());
	if (status == STATUS_DONE &&
	    (report_has_failed(work->report) ||
		report_output_failed(work->report)))
		status = STATUS_FAILED;
	report_free(work->report);
	return (status);
}

/* ---- Which offloads, which site ---- */

static bool
is_of_site(const struct work *work, const struct offload_settings *one)
{
	const char *site = work->options->site;

	return (site == NULL ||
	    strcmp(work->settings->sites[one->site_index].name, site) == 0);
}

static const struct offload_settings *
find_offload(const struct settings *settings, const char *name)
{
	for (size_t i = 0; i < settings->n_offloads; i++)
		if (strcmp(settings->offloads[i].name, name) == 0)
			return (&settings->offloads[i]);
	return (NULL);
}

static void
add_offload(struct work *work, const struct offload_settings *one)
{
	for (size_t i = 0; i < work->n_offloads; i++)
		if (work->offloads[i] == one)
			return;
	work->offloads[work->n_offloads++] = one;
}

static enum status
check_some(const struct work *work)
{
	if (work->n_offloads > 0)
		return (STATUS_DONE);
	if (work->options->site != NULL)
		log_error(
		    "no [offload NAME] is of site %s", work->options->site);
	else
		log_error("there is no [offload NAME] in the settings; right "
			  "would be one with root = the folder of the files; "
			  "see trys3.conf(5)");
	return (STATUS_USAGE);
}

/* Those that the words name, or all. */
static enum status
choose_named(struct work *work)
{
	const struct options *options = work->options;
	const struct settings *settings = work->settings;

	for (size_t i = 0; i < settings->n_offloads && options->n_words == 0;
	     i++)
		if (is_of_site(work, &settings->offloads[i]))
			add_offload(work, &settings->offloads[i]);
	for (int i = 0; i < options->n_words; i++) {
		const struct offload_settings *one =
		    find_offload(settings, options->words[i]);

		if (one == NULL || !is_of_site(work, one)) {
			log_error("there is no [offload %s]%s%s",
			    options->words[i],
			    options->site != NULL ? " of site " : "",
			    options->site != NULL ? options->site : "");
			return (STATUS_USAGE);
		}
		add_offload(work, one);
	}
	return (check_some(work));
}

/* Those below whose roots the words are. */
static enum status
choose_by_path(struct work *work)
{
	const struct options *options = work->options;
	const struct settings *settings = work->settings;
	size_t n_known = 0;

	for (size_t i = 0; i < settings->n_offloads; i++) {
		const struct offload_settings *one = &settings->offloads[i];
		size_t n_paths = 0;
		char **paths = find_paths(options, one, &n_paths);

		if (n_paths > 0 && is_of_site(work, one)) {
			add_offload(work, one);
			n_known += n_paths;
		}
		free_paths(paths, n_paths);
	}
	if (n_known == (size_t)options->n_words)
		return (STATUS_DONE);
	log_error("not all of these paths are below the root of an [offload "
		  "NAME]: nothing was restored");
	return (STATUS_USAGE);
}

static enum status
open_offloads(struct work *work, enum log_level level)
{
	struct session_place *places =
	    mem_zero(work->n_offloads, sizeof(*places));
	enum status status;

	for (size_t i = 0; i < work->n_offloads; i++)
		places[i] = (struct session_place){
			.site = &work->settings
				     ->sites[work->offloads[i]->site_index],
			.offload = work->offloads[i],
		};
	status = session_open(
	    &work->session, places, work->n_offloads, level, false);
	free(places);
	return (status);
}

/* ---- Verbs over one site ---- */

/* The site of --site, or the first. */
static const struct site *
choose_site(const struct work *work)
{
	const struct settings *settings = work->settings;
	const char *name = work->options->site;

	if (name == NULL)
		return (&settings->sites[0]);
	for (size_t i = 0; i < settings->n_sites; i++)
		if (strcmp(settings->sites[i].name, name) == 0)
			return (&settings->sites[i]);
	log_error("--site: there is no [site %s]", name);
	return (NULL);
}

/* An offload of SITE, whose writer may list; NULL: none. */
static const struct offload_settings *
offload_of(const struct settings *settings, const struct site *site)
{
	for (size_t i = 0; i < settings->n_offloads; i++)
		if (&settings->sites[settings->offloads[i].site_index] == site)
			return (&settings->offloads[i]);
	return (NULL);
}

static enum log_level
keeper_level(const struct options *options)
{
	return (options->is_verbose ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING);
}

static enum status
look(struct work *work, bool is_list)
{
	const struct site *site = choose_site(work);
	struct session_place place = { .site = site };
	enum status status;

	if (site == NULL)
		return (STATUS_USAGE);
	if (is_list)
		place.offload = offload_of(work->settings, site);
	status = session_open(
	    &work->session, &place, 1, keeper_level(work->options), true);
	if (status == STATUS_DONE)
		status = is_list ? look_list(&work->session, work->options)
				 : look_get(&work->session, work->options);
	session_close(&work->session);
	return (status);
}

static enum status
do_get(struct work *work)
{
	return (look(work, false));
}

static enum status
do_list(struct work *work)
{
	return (look(work, true));
}

static enum status
do_purge(struct work *work)
{
	const struct site *site = choose_site(work);
	enum status status;

	if (site == NULL)
		return (STATUS_USAGE);
	stop_watch(true);
	work->cache = cache_new(&work->settings->cache);
	status = look_purge(site, work->cache, work->options);
	cache_free(work->cache);
	return (status);
}

/* ---- All of it ---- */

static const struct verb {
	const char *name;
	int least_words;
	int most_words;               /* -1: any number */
	verb_function *over_offloads; /* NULL: */
	enum status (*over_site)(struct work *work);
	bool takes_paths; /* the words are, and not offloads */
	bool only_reads;  /* so that there is nothing to be tried dry */
} verbs[] = {
	{ "put", 0, -1, put, NULL, false, false },
	{ "evict", 0, -1, evict, NULL, false, false },
	{ "offload", 0, -1, offload, NULL, false, false },
	{ "audit", 0, -1, audit_one, NULL, false, true },
	{ "restore", 1, -1, restore_one, NULL, true, false },
	{ "get", 1, 1, NULL, do_get, false, true },
	{ "ls", 0, 1, NULL, do_list, false, true },
	{ "purge", 1, -1, NULL, do_purge, false, false },
};

static const struct verb *
find_verb(const struct options *options)
{
	const struct verb *verb = NULL;

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (options->verb != NULL &&
		    strcmp(options->verb, verbs[i].name) == 0)
			verb = &verbs[i];
	if (options->verb == NULL)
		fputs("trys3: what is to be done?\n", stderr);
	else if (verb == NULL)
		fprintf(
		    stderr, "trys3: there is no verb \"%s\"\n", options->verb);
	else if (options->n_words < verb->least_words ||
	    (verb->most_words >= 0 && options->n_words > verb->most_words)) {
		fprintf(stderr, "trys3: %s: %s\n", verb->name,
		    options->n_words < verb->least_words
			? "something is missing behind it"
			: "too many words behind it");
		verb = NULL;
	} else if (verb->only_reads && options->is_dry_run) {
		fprintf(stderr,
		    "trys3: %s only reads: --dry-run has no meaning "
		    "for it\n",
		    verb->name);
		verb = NULL;
	}
	return (verb);
}

static enum status
run_over_offloads(struct work *work, const struct verb *verb)
{
	enum status status;

	work->offloads =
	    mem_zero(work->settings->n_offloads, sizeof(*work->offloads));
	status = verb->takes_paths ? choose_by_path(work) : choose_named(work);
	if (status == STATUS_DONE && !roots_are_apart(work->settings))
		status = STATUS_USAGE;
	if (status == STATUS_DONE) {
		status = open_offloads(work, keeper_level(work->options));
		if (status == STATUS_DONE) {
			work->cache = cache_new(&work->settings->cache);
			status = do_all(work, verb->over_offloads);
			cache_free(work->cache);
		}
		session_close(&work->session);
	}
	free(work->offloads);
	return (status);
}

static enum status
run(const struct options *options, const struct verb *verb)
{
	struct settings *settings = config_load(options->path);
	struct work work = { .options = options, .settings = settings };
	enum status status;

	if (settings == NULL) {
		log_error("the configuration has errors: nothing was done");
		return (STATUS_USAGE);
	}
	if (!http_global_init()) {
		log_error("libcurl cannot be used: it lacks TLS, or failed to "
			  "start");
		config_free(settings);
		return (STATUS_FAILED);
	}
	status = verb->over_site != NULL ? verb->over_site(&work)
					 : run_over_offloads(&work, verb);
	config_free(settings);
	http_global_fini();
	return (status);
}

static void
set_log(const struct options *options)
{
	log_name("trys3");
	if (options->is_quiet)
		log_threshold(LOG_LEVEL_WARNING);
}

/* Each file that is under way holds its folder and those above it open. */
static void
raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

int
main(int argc, char *argv[])
{
	const struct verb *verb;
	struct options options;

	secret_hide_process();
	descriptors_reserve(STATUS_FAILED);
	if (!options_read(argc, argv, &options)) {
		fputs("trys3 --help says how it is used\n", stderr);
		return (STATUS_USAGE);
	}
	if (options.wants_help) {
		options_explain(stdout);
		return (fflush(stdout) == 0 ? STATUS_DONE : STATUS_FAILED);
	}
	if (options.wants_version)
		return (printf("trys3 %s\n", PACKAGE_VERSION) > 0 &&
			    fflush(stdout) == 0
			? STATUS_DONE
			: STATUS_FAILED);
	verb = find_verb(&options);
	if (verb == NULL) {
		options_explain(stderr);
		return (STATUS_USAGE);
	}
	set_log(&options);
	raise_limit();
	stop_init();
	if (options.path == NULL && access(standard_path, F_OK) == 0)
		options.path = standard_path;
	return (run(&options, verb));
}

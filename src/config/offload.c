/*
 * An offload's settings: see config/offload.h.  Which folders may not lie in
 * which is a table; what follows from a mistake that was reported, be it the
 * site's, is not reported again.
 */
#include "config/offload.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/own.h"
#include "s3/endpoint.h"

/* Greatest length of a list of names in an error. */
enum { NAMES_MAX = 1000 };

static struct offload_settings *
offload_of(
    const struct settings *settings, const struct config_section *section)
{
	return (&settings->offloads[section->index]);
}

/* ---- The site, and the key ---- */

/* Which sites there are.  The caller's. */
static char *
list_sites(const struct settings *settings)
{
	struct buf names;
	char *list;

	buf_init(&names, NAMES_MAX);
	for (size_t i = 0; i < settings->n_sites; i++)
		if (!buf_printf(&names, "%s%s", i > 0 ? ", " : "",
			settings->sites[i].name))
			break;
	list = mem_string(buf_string(&names));
	buf_fini(&names);
	return (list);
}

/* Find the site that SECTION goes to.  False where there is none. */
static bool
find_site(struct settings *settings, struct config_section *section)
{
	struct offload_settings *offload = offload_of(settings, section);
	char *names, *wrong;

	/* Said once, of the whole file. */
	if (settings->n_sites == 0)
		return (false);
	if (offload->site == NULL)
		return (true);
	for (size_t i = 0; i < settings->n_sites; i++) {
		if (strcmp(settings->sites[i].name, offload->site) != 0)
			continue;
		offload->site_index = i;
		return (true);
	}
	names = list_sites(settings);
	wrong = mem_printf("\"%.200s\" is no site; right would be one of: %s",
	    offload->site, names);
	settings_complain_where_set(settings, section, "site", wrong);
	free(wrong);
	free(names);
	return (false);
}

const char *
config_mapping_error(const struct site *site, const char *start)
{
	char *path = mem_printf("%sx", start);
	const char *why = NULL;
	struct buf key;

	buf_init(&key, SITE_KEY_MAX);
	if (site_key(site, span_of(path), &key, &why) == SITE_KEY_OK)
		why = NULL;
	buf_fini(&key);
	free(path);
	return (why);
}

/* Was all that is said of SITE right? */
static bool
is_right(const struct settings *settings, const struct site *site)
{
	char *title = mem_printf("site %s", site->name);
	const struct config_section *section = settings_find(settings, title);

	free(title);
	return (section != NULL && section->errors == 0);
}

/* The files must have keys, by the very function that serves them. */
static void
check_mapping(struct settings *settings, struct config_section *section)
{
	const struct offload_settings *offload = offload_of(settings, section);
	const struct site *site = &settings->sites[offload->site_index];
	const char *why;
	char *wrong;

	if (!is_right(settings, site))
		return;
	why = config_mapping_error(site, offload->uri);
	if (why == NULL)
		return;
	wrong =
	    mem_printf("makes no path a key of [site %s]: %s", site->name, why);
	settings_refuse(settings, section, "uri", wrong);
	free(wrong);
}

/* ---- Folders ---- */

/* Folders that must be apart, each with itself and with every other's. */
static const struct clash {
	const char *name;
	const char *other;
	bool may_hold;          /* the other may be in it */
	bool may_be_inside_own; /* it may be in the other of its own section */
} clashes[] = {
	/* A file of two offloads is uploaded under two keys, deleted by one. */
	{ "root", "root", false, false },
	/* What is old in the trash is deleted, with nothing proved of it. */
	{ "trash", "root", false, true },
	{ "trash", "trash", false, false },
	/* The journal is not to be offloaded, nor deleted. */
	{ "state", "root", true, false },
	{ "state", "trash", true, false },
};

/* How FOLDER lies to OTHER: "is", "is inside of" or "holds"; NULL: apart. */
static const char *
relation(const char *folder, const char *other)
{
	struct span inner = span_of(folder), outer = span_of(other);
	const char *words = "is inside of";

	if (inner.len == 0 || outer.len == 0)
		return (NULL);
	inner.len -= inner.data[inner.len - 1] == '/';
	outer.len -= outer.data[outer.len - 1] == '/';
	if (span_equal(inner, outer))
		return ("is");
	if (inner.len < outer.len) {
		struct span swapped = inner;

		inner = outer;
		outer = swapped;
		words = "holds";
	}
	return (span_starts(inner, outer) && inner.data[outer.len] == '/'
		? words
		: NULL);
}

/* The text that NAME of SECTION is shown as, in ROOM where it is no text. */
static const char *
show(const struct settings *settings, const struct config_section *section,
    const char *name, char room[FORMAT_MAX])
{
	const struct config_row *row =
	    &config_table[settings_row(section, name)];

	return (config_value_show(row, settings_base(settings, section), room));
}

/* Is CLASH between SECTION and OTHER, where the two folders lie as WORDS say,
 * one to be reported of SECTION? */
static bool
is_clash(const struct clash *clash, const struct config_section *section,
    const struct config_section *other, const char *words)
{
	if (words == NULL || (clash->may_hold && strcmp(words, "holds") == 0))
		return (false);
	/* What two do to each other is reported of the second. */
	if (strcmp(clash->name, clash->other) == 0)
		return (other < section);
	return (!clash->may_be_inside_own || other != section ||
	    strcmp(words, "is inside of") != 0);
}

static void
check_folder(struct settings *settings, struct config_section *section,
    const struct clash *clash)
{
	char room[FORMAT_MAX], other_room[FORMAT_MAX], *wrong;
	const char *folder = show(settings, section, clash->name, room);

	for (size_t i = 0; i < settings->n_sections; i++) {
		const struct config_section *other = &settings->sections[i];
		const char *theirs, *words;

		if (!settings_is_kind(other, "offload"))
			continue;
		theirs = show(settings, other, clash->other, other_room);
		words = relation(folder, theirs);
		if (!is_clash(clash, section, other, words))
			continue;
		wrong = mem_printf("\"%.200s\" %s the %s of [%s], \"%.200s\"; "
				   "right would be: folders that lie apart",
		    folder, words, clash->other, other->title, theirs);
		settings_complain_where_set(
		    settings, section, clash->name, wrong);
		free(wrong);
		return;
	}
}

/* ---- What goes together ---- */

static void
check_marks(struct settings *settings, struct config_section *section)
{
	const struct offload_settings *offload = offload_of(settings, section);
	uint64_t high = offload->high_water, low = offload->low_water;

	if (high != 0 && low == 0)
		settings_complain_where_set(settings, section, "high_water",
		    "stands without the mark that it ends at; right would be: "
		    "low_water as well, or neither");
	else if (high == 0 && low != 0)
		settings_complain_where_set(settings, section, "low_water",
		    "stands without the mark that it begins at; right would "
		    "be: high_water as well, or neither");
	else if (low > high)
		settings_complain_where_set(settings, section, "low_water",
		    "is over high_water; right would be: at most that");
}

static void
check_company(struct settings *settings, struct config_section *section)
{
	const struct offload_settings *offload = offload_of(settings, section);
	size_t grace = settings_row(section, "trash_grace");
	char room[FORMAT_MAX];

	if (offload->storage_class != NULL &&
	    (strcmp(offload->storage_class, "GLACIER") == 0 ||
		strcmp(offload->storage_class, "DEEP_ARCHIVE") == 0))
		settings_complain_where_set(settings, section, "storage_class",
		    "is one that no reader gets an object from at once; right "
		    "would be: one that is not archived, such as STANDARD_IA "
		    "or GLACIER_IR");
	if (offload->kms_key != NULL && offload->sse != OFFLOAD_SSE_KMS)
		settings_complain_where_set(settings, section, "kms_key",
		    "stands without the encryption that it is for; right would "
		    "be: sse = aws:kms as well");
	/* By its value: config_print writes a default, too. */
	if (offload->trash == NULL &&
	    strcmp(show(settings, section, "trash_grace", room),
		config_table[grace].option.standard) != 0)
		settings_complain_where_set(settings, section, "trash_grace",
		    "stands without the folder that it is for; right would be: "
		    "trash as well");
}

static void
check_sts(struct settings *settings, struct config_section *section)
{
	const char *text = offload_of(settings, section)->writer.sts_endpoint;
	struct endpoint endpoint;
	const char *why;

	if (text == NULL)
		return;
	why = endpoint_parse(span_of(text), &endpoint);
	if (why != NULL)
		settings_refuse(settings, section, "sts_endpoint", why);
}

/* ---- All of it ---- */

/* Put PATH, which begins with a slash, right at its end: with a slash or
 * without. */
static void
set_end(char **path, bool has_slash)
{
	size_t len = *path != NULL ? strlen(*path) : 0;
	char *text;

	if (len == 0 || ((*path)[len - 1] == '/') == has_slash)
		return;
	text = has_slash ? mem_printf("%s/", *path)
			 : mem_string_of(*path, len - 1);
	free(*path);
	*path = text;
}

void
config_check_offload(struct settings *settings, struct config_section *section)
{
	struct offload_settings *offload = offload_of(settings, section);

	if (section->errors > 0)
		return;
	set_end(&offload->root, false);
	set_end(&offload->trash, false);
	set_end(&offload->state, false);
	set_end(&offload->uri, true);
	if (offload->root == NULL)
		settings_refuse(settings, section, "root", "is not set");
	if (find_site(settings, section))
		check_mapping(settings, section);
	for (size_t i = 0; i < sizeof(clashes) / sizeof(clashes[0]); i++)
		check_folder(settings, section, &clashes[i]);
	check_marks(settings, section);
	check_company(settings, section);
	check_sts(settings, section);
	config_check_own(settings, section);
}

/*
 * A fuzz target without libFuzzer: it is shown each file of its corpus, and
 * then so many mutations of them, the same in each run.  Speaks TAP.
 *
 *	tests/fuzz/fuzz_NAME [FILE...]
 *
 * With FILEs it is shown those alone.
 */
#include <dirent.h>
#include <libgen.h>

#include "fuzz.h"

/* What decides the mutations: to try others, change it. */
#define FUZZ_SEED 20261124u
enum { FUZZ_MUTATIONS = 20000, FUZZ_FILES_MAX = 256, FUZZ_CHANGES_MAX = 8 };

struct input {
	size_t len;
	uint8_t bytes[FUZZ_INPUT_MAX];
};

static struct input corpus[FUZZ_FILES_MAX];
static size_t n_corpus;

/* xorshift32 of Marsaglia, "Xorshift RNGs", 2003. */
static uint32_t state = FUZZ_SEED;

static size_t
pick(size_t limit)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return (limit > 0 ? state % limit : 0);
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	/* Not alphasort: it follows the locale. */
	return (strcmp((*a)->d_name, (*b)->d_name));
}

static int
is_shown(const struct dirent *entry)
{
	return (entry->d_name[0] != '.');
}

static bool
read_file(const char *path, struct input *input)
{
	FILE *file = fopen(path, "rb");

	if (file == NULL)
		return (false);
	input->len = fread(input->bytes, 1, sizeof(input->bytes), file);
	fclose(file);
	return (true);
}

static bool
read_corpus(const char *directory)
{
	struct dirent **entries;
	int n = scandir(directory, &entries, is_shown, by_name);
	char *path;

	for (int i = 0; i < n; i++) {
		path = mem_printf("%s/%s", directory, entries[i]->d_name);
		if (n_corpus < FUZZ_FILES_MAX &&
		    read_file(path, &corpus[n_corpus]))
			n_corpus++;
		free(path);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return (n_corpus > 0);
}

/* A copy of its own, so that a read behind its end is seen. */
static void
show(const struct input *input)
{
	uint8_t *bytes = mem_alloc(input->len);

	if (input->len > 0)
		memcpy(bytes, input->bytes, input->len);
	LLVMFuzzerTestOneInput(bytes, input->len);
	free(bytes);
}

/* Room for LEN bytes at AT, as far as there is any; those behind move. */
static size_t
make_room(struct input *input, size_t at, size_t len)
{
	if (len > FUZZ_INPUT_MAX - input->len)
		len = FUZZ_INPUT_MAX - input->len;
	memmove(input->bytes + at + len, input->bytes + at, input->len - at);
	input->len += len;
	return (len);
}

static void
cut_out(struct input *input, size_t at, size_t len)
{
	if (len > input->len - at)
		len = input->len - at;
	memmove(
	    input->bytes + at, input->bytes + at + len, input->len - at - len);
	input->len -= len;
}

/* Put a piece of another input in. */
static void
splice(struct input *input, size_t at)
{
	const struct input *other = &corpus[pick(n_corpus)];
	size_t from = pick(other->len);
	size_t len = 1 + pick(64);

	if (len > other->len - from)
		len = other->len - from;
	len = make_room(input, at, len);
	memcpy(input->bytes + at, other->bytes + from, len);
}

/* Put the same byte in many times. */
static void
repeat(struct input *input, size_t at)
{
	size_t len = make_room(input, at, (size_t)1 << pick(11));

	memset(input->bytes + at, (int)pick(256), len);
}

static void
mutate(struct input *input)
{
	static const char telling[] = "\0\n\r\t \"'\\/<>&;:,.=[]{}()#%@?-+019aZ"
				      "\x7f\x80\xff";
	size_t at = pick(input->len + 1);
	bool is_end = at == input->len;

	switch (pick(8)) {
	case 0:
		if (!is_end)
			input->bytes[at] ^= (uint8_t)(1u << pick(8));
		break;
	case 1:
		if (!is_end)
			input->bytes[at] = (uint8_t)pick(256);
		break;
	case 2:
		if (!is_end)
			input->bytes[at] =
			    (uint8_t)telling[pick(sizeof(telling) - 1)];
		break;
	case 3:
		if (make_room(input, at, 1) == 1)
			input->bytes[at] =
			    (uint8_t)telling[pick(sizeof(telling) - 1)];
		break;
	case 4:
		cut_out(input, at, 1 + pick(32));
		break;
	case 5:
		splice(input, at);
		break;
	case 6:
		repeat(input, at);
		break;
	default:
		input->len = at;
		break;
	}
}

static int
show_files(char *const *paths, int n)
{
	static struct input input;

	for (int i = 0; i < n; i++) {
		if (!read_file(paths[i], &input)) {
			fprintf(stderr, "%s cannot be read\n", paths[i]);
			return (1);
		}
		show(&input);
	}
	return (0);
}

int
main(int argc, char **argv)
{
	static struct input input;
	const char *top = getenv("srcdir_abs");
	const char *name = basename(argv[0]);
	char *directory;

	if (argc > 1)
		return (show_files(argv + 1, argc - 1));
	if (strncmp(name, "fuzz_", 5) == 0)
		name += 5;
	directory = mem_printf(
	    "%s/tests/fuzz/corpus/%s", top != NULL ? top : ".", name);
	printf("1..1\n");
	if (!read_corpus(directory)) {
		printf(
		    "not ok 1 - %s: there is nothing in %s\n", name, directory);
		return (1);
	}
	free(directory);
	for (size_t i = 0; i < n_corpus; i++)
		show(&corpus[i]);
	for (size_t i = 0; i < FUZZ_MUTATIONS; i++) {
		input = corpus[i % n_corpus];
		for (size_t n = 1 + pick(FUZZ_CHANGES_MAX); n > 0; n--)
			mutate(&input);
		show(&input);
	}
	printf("ok 1 - %s: %zu inputs and %d mutations of them, seed %u\n",
	    name, n_corpus, (int)FUZZ_MUTATIONS, FUZZ_SEED);
	return (0);
}

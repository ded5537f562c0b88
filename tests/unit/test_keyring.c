/*
 * The keyring: what one process publishes others read whole, whatever happens
 * to the writer; and wishes, where the clock and the waits are ours.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/peer.h"
#include "s3/keyring.h"
#include "memcheck.h"

int64_t __wrap_clock_monotonic_ms(void);
bool __wrap_peer_wait(int fd, int64_t ms);

/* ---- The surroundings ---- */

static int64_t clock_ms;
static unsigned waits;
static int64_t longest_wait_ms;
static void (*on_wait)(void);
static bool is_peer_gone;

int64_t
__wrap_clock_monotonic_ms(void)
{
	return (clock_ms);
}

bool
__wrap_peer_wait(int fd, int64_t ms)
{
	assert_int_equal(fd, 7);
	assert_true(ms > 0);
	if (ms > longest_wait_ms)
		longest_wait_ms = ms;
	clock_ms += ms;
	waits++;
	if (on_wait != NULL)
		on_wait();
	return (is_peer_gone);
}

/* An entry as a table can hold it. */
struct told {
	const char *id;
	const char *secret;
	const char *token;
	int64_t expires_ms;
	const char *region;
};

static struct keyring_entry
entry_of(const struct told *told)
{
	return ((struct keyring_entry){
	    .credentials = { (char *)(uintptr_t)told->id,
		(char *)(uintptr_t)told->secret,
		(char *)(uintptr_t)told->token },
	    .expires_ms = told->expires_ms,
	    .region = told->region,
	});
}

static void
publish(struct keyring *keyring, size_t site, const char *id)
{
	struct keyring_entry entry =
	    entry_of(&(struct told){ id, id, NULL, KEYRING_NEVER, NULL });

	assert_true(keyring_publish(keyring, site, &entry));
}

/* ---- One process ---- */

static void
test_nothing_was_published(void **state)
{
	struct keyring *keyring = keyring_new(2);
	struct keyring_reader *reader = keyring_reader_new(keyring);

	(void)state;
	for (size_t site = 0; site < 2; site++) {
		assert_null(keyring_read(reader, site));
		assert_int_equal(keyring_state(keyring, site), KEYRING_UNTRIED);
		assert_false(keyring_is_wished(keyring, site));
	}
	keyring_reader_free(reader);
	keyring_free(keyring);
	keyring_reader_free(NULL);
	keyring_free(NULL);
}

static void
test_what_is_published_is_read(void **state)
{
	static const struct {
		const char *name;
		struct told told;
		const char *token; /* as it is read */
		const char *region;
		bool is_temporary;
	} rows[] = {
		{ "for good", { "AKIA1", "secret", NULL, KEYRING_NEVER, NULL },
		    NULL, "", false },
		{ "for a while", { "ASIA1", "other", "token", 5000, NULL },
		    "token", "", true },
		{ "over already", { "ASIA1", "other", "token", -1, NULL },
		    "token", "", true },
		{ "with a region",
		    { "ASIA1", "other", "token", 5000, "eu-north-1" }, "token",
		    "eu-north-1", true },
		{ "an empty token is none", { "A", "b", "", KEYRING_NEVER, "" },
		    NULL, "", false },
		{ "lengths of whole words",
		    { "1234567", "12345678123456781234567", "12345", 1,
			"12345678" },
		    "12345", "12345678", true },
	};
	struct keyring *keyring = keyring_new(3);
	struct keyring_reader *reader = keyring_reader_new(keyring);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct keyring_entry entry = entry_of(&rows[i].told);
		const struct told *in = &rows[i].told;
		const struct credentials *out;
		const struct keyring_key *key;

		print_message("# %s\n", rows[i].name);
		assert_true(keyring_publish(keyring, 1, &entry));
		key = keyring_read(reader, 1);
		assert_non_null(key);
		out = &key->credentials;
		assert_string_equal(out->access_key_id, in->id);
		assert_string_equal(out->secret_access_key, in->secret);
		if (rows[i].token == NULL)
			assert_null(out->session_token);
		else
			assert_string_equal(out->session_token, rows[i].token);
		assert_string_equal(key->region, rows[i].region);
		assert_int_equal(key->is_temporary, rows[i].is_temporary);
		assert_int_equal(key->serial, i + 1);
	}
	/* The neighbours were left alone. */
	assert_null(keyring_read(reader, 0));
	assert_null(keyring_read(reader, 2));
	keyring_reader_free(reader);
	keyring_free(keyring);
}

static void
test_only_news_count(void **state)
{
	static const struct {
		const char *name;
		struct told told;
		bool is_news;
	} rows[] = {
		{ "nothing but the fact", { "", "", NULL, 0, NULL }, true },
		{ "first", { "id", "secret", "token", 9, "eu" }, true },
		{ "the same", { "id", "secret", "token", 9, "eu" }, false },
		{ "again", { "id", "secret", "token", 9, "eu" }, false },
		{ "id", { "ix", "secret", "token", 9, "eu" }, true },
		{ "secret", { "ix", "secrex", "token", 9, "eu" }, true },
		{ "token", { "ix", "secrex", "tokex", 9, "eu" }, true },
		{ "no token", { "ix", "secrex", NULL, 9, "eu" }, true },
		{ "end", { "ix", "secrex", NULL, 8, "eu" }, true },
		{ "region", { "ix", "secrex", NULL, 8, "ex" }, true },
		{ "no region", { "ix", "secrex", NULL, 8, NULL }, true },
		{ "empty is none", { "ix", "secrex", "", 8, "" }, false },
		{ "other cuts", { "ixs", "ecrex", "", 8, "" }, true },
		{ "back again", { "ix", "secrex", "", 8, "" }, true },
	};
	struct keyring *keyring = keyring_new(1);
	struct keyring_reader *reader = keyring_reader_new(keyring);
	uint64_t serial = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct keyring_entry entry = entry_of(&rows[i].told);
		const struct keyring_key *key;

		print_message("# %s\n", rows[i].name);
		assert_true(keyring_publish(keyring, 0, &entry));
		serial += rows[i].is_news;
		key = keyring_read(reader, 0);
		assert_int_equal(key->serial, serial);
		assert_string_equal(
		    key->credentials.secret_access_key, rows[i].told.secret);
	}
	keyring_reader_free(reader);
	keyring_free(keyring);
}

static void
test_limits(void **state)
{
	static const size_t max[] = { KEYRING_ID_MAX, KEYRING_SECRET_MAX,
		KEYRING_TOKEN_MAX, KEYRING_REGION_MAX };
	struct keyring *keyring = keyring_new(1);
	struct keyring_reader *reader = keyring_reader_new(keyring);
	const struct keyring_key *key;
	char *texts[4];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		texts[i] = calloc(1, max[i] + 2);
		memset(texts[i], 'a' + (int)i, max[i]);
	}
	struct keyring_entry entry = {
		.credentials = { texts[0], texts[1], texts[2] },
		.expires_ms = INT64_MAX - 1,
		.region = texts[3],
	};

	assert_true(keyring_publish(keyring, 0, &entry));
	for (size_t i = 0; i < 4; i++) {
		texts[i][max[i]] = 'x';
		assert_false(keyring_publish(keyring, 0, &entry));
		texts[i][max[i]] = '\0';
		key = keyring_read(reader, 0);
		assert_int_equal(key->serial, 1);
		assert_string_equal(key->credentials.access_key_id, texts[0]);
		assert_string_equal(
		    key->credentials.secret_access_key, texts[1]);
		assert_string_equal(key->credentials.session_token, texts[2]);
		assert_string_equal(key->region, texts[3]);
		assert_true(key->is_temporary);
	}
	for (size_t i = 0; i < 4; i++)
		free(texts[i]);
	keyring_reader_free(reader);
	keyring_free(keyring);
}

/* Are the pages at ADDRESS kept out of a core file? */
static bool
is_hidden(const void *address)
{
	FILE *maps = fopen("/proc/self/smaps", "r");
	uintptr_t first, end, wanted = (uintptr_t)address;
	bool is_there = false, hidden = false;
	char line[512];

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps) != NULL) {
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &first, &end) ==
		    2)
			is_there = first <= wanted && wanted < end;
		else if (is_there && strncmp(line, "VmFlags:", 8) == 0)
			hidden = strstr(line, " dd") != NULL;
	}
	fclose(maps);
	return (hidden);
}

static void
test_a_copy_is_hidden_and_wiped(void **state)
{
	struct keyring *keyring = keyring_new(1);
	struct keyring_reader *reader = keyring_reader_new(keyring);
	struct keyring_entry entry = entry_of(&(struct told){
	    "id", "secret", "a token of some length", KEYRING_NEVER, NULL });
	const struct keyring_key *key;
	const char *memory;

	(void)state;
	assert_true(keyring_publish(keyring, 0, &entry));
	key = keyring_read(reader, 0);
	memory = key->credentials.access_key_id;
	assert_true(is_hidden(memory));
	assert_memory_equal(memory, "id\0secret\0a token of some length", 33);
	publish(keyring, 0, "x");
	assert_ptr_equal(keyring_read(reader, 0), key);
	for (size_t i = 5; i < 33; i++)
		assert_int_equal(memory[i], 0);
	keyring_reader_free(reader);
	keyring_free(keyring);
}

/* Is TEXT in memory that is shared? */
static bool
is_shared(const char *text)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	uintptr_t first, end;
	bool found = false;
	char line[512], rights[5];

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps) != NULL)
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s ", &first, &end,
			rights) == 3 &&
		    strcmp(rights, "rw-s") == 0)
			found |= memmem((const void *)first, end - first, text,
				     strlen(text)) != NULL;
	fclose(maps);
	return (found);
}

/* Of what was replaced, nothing stands behind its shorter heir. */
static void
test_an_old_key_is_wiped(void **state)
{
	struct keyring *keyring = keyring_new(1);
	struct keyring_entry entry = entry_of(&(struct told){
	    "id", "secret", "a token, and then its end", 5, NULL });

	(void)state;
	if (is_under_memcheck()) {
		keyring_free(keyring);
		return;
	}
	assert_true(keyring_publish(keyring, 0, &entry));
	assert_true(is_shared("and then its end"));
	publish(keyring, 0, "b");
	publish(keyring, 0, "c");
	assert_false(is_shared("then its end"));
	keyring_free(keyring);
}

/* ---- Wishes ---- */

static struct keyring *wishing;
static int64_t begun_ms; /* the search under way */

/* So many waits later the writer... */
static void
end_search_with_other(void)
{
	if (waits == 3) {
		publish(wishing, 0, "new");
		keyring_tried(wishing, 0, KEYRING_FOUND, begun_ms);
	}
}

static void
publish_alone(void)
{
	if (waits == 3)
		publish(wishing, 0, "new");
}

static void
end_search_with_same(void)
{
	if (waits == 3)
		keyring_tried(wishing, 0, KEYRING_FOUND, begun_ms);
}

/* One that began before the wish, then the one that answers it. */
static void
end_two_searches(void)
{
	if (waits == 2) {
		assert_true(keyring_is_wished(wishing, 0));
		keyring_tried(wishing, 0, KEYRING_FOUND, begun_ms - 1);
		assert_true(keyring_is_wished(wishing, 0));
	}
	if (waits == 4) {
		assert_true(keyring_is_wished(wishing, 0));
		keyring_tried(wishing, 0, KEYRING_NONE, clock_ms);
		assert_false(keyring_is_wished(wishing, 0));
	}
}

static void
lose_peer(void)
{
	is_peer_gone = waits == 2;
}

static uint64_t
count_wishes(const struct keyring *keyring)
{
	uint64_t count;

	if (eventfd_read(keyring_wish_fd(keyring, 0), &count) != 0)
		return (0);
	return (count);
}

static void
test_renewal(void **state)
{
	enum { NEVER = -1, NEWS = -2, TROUBLE = -3 };
	static const struct {
		const char *name;
		uint64_t refused;
		int64_t age_ms; /* of the last search, in vain, or NEWS; NEVER:
		                 * there was none */
		int64_t left_ms;
		void (*on_wait)(void);
		enum keyring_renewal renewal;
		unsigned waits;
		bool is_wished; /* did it have to wish? */
	} rows[] = {
		{ "there is another already", 1, NEVER, 1000, NULL,
		    KEYRING_RENEWED, 0, false },
		{ "another, and a fresh search", 1, 0, 1000, NULL,
		    KEYRING_RENEWED, 0, false },
		{ "just looked", 2, 0, 1000, NULL, KEYRING_SAME, 0, false },
		{ "looked not long ago", 2, KEYRING_RELOOK_MS - 1, 1000, NULL,
		    KEYRING_SAME, 0, false },
		{ "just found", 2, NEWS, 1000, end_search_with_other,
		    KEYRING_RENEWED, 3, true },
		{ "looked long ago", 2, KEYRING_RELOOK_MS, 1000,
		    end_search_with_other, KEYRING_RENEWED, 3, true },
		{ "never looked", 2, NEVER, 1000, end_search_with_other,
		    KEYRING_RENEWED, 3, true },
		{ "found, not yet at the end", 2, NEVER, 1000, publish_alone,
		    KEYRING_RENEWED, 3, true },
		{ "looked, the same", 2, NEVER, 1000, end_search_with_same,
		    KEYRING_SAME, 3, true },
		{ "an older search does not answer", 2, NEVER, 1000,
		    end_two_searches, KEYRING_SAME, 4, true },
		{ "a writer in trouble is not waited for", 2, TROUBLE, 1000,
		    end_search_with_other, KEYRING_SAME, 0, true },
		{ "nobody answers", 2, NEVER, 95, NULL, KEYRING_SAME, 10,
		    true },
		{ "no time", 2, NEVER, 0, NULL, KEYRING_SAME, 0, true },
		{ "the client goes", 2, NEVER, 1000, lose_peer,
		    KEYRING_PEER_GONE, 2, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct keyring_reader *reader;
		int64_t start_ms;

		print_message("# %s\n", rows[i].name);
		/* Where nothing was ever looked for, the machine is young. */
		start_ms = rows[i].age_ms == NEVER ? 1000 : 50000;
		clock_ms = start_ms;
		wishing = keyring_new(1);
		reader = keyring_reader_new(wishing);
		publish(wishing, 0, "older");
		publish(wishing, 0, "old");
		if (rows[i].age_ms != NEVER)
			keyring_tried(wishing, 0, KEYRING_FOUND, clock_ms - 1);
		if (rows[i].age_ms == TROUBLE)
			keyring_tried(wishing, 0, KEYRING_FAILED,
			    clock_ms - KEYRING_RELOOK_MS);
		if (rows[i].age_ms >= 0)
			keyring_tried(wishing, 0, KEYRING_FOUND,
			    clock_ms - rows[i].age_ms);
		begun_ms = clock_ms;
		waits = 0;
		longest_wait_ms = 0;
		is_peer_gone = false;
		on_wait = rows[i].on_wait;
		assert_int_equal(keyring_renew(reader, 0, rows[i].refused, 7,
				     clock_ms + rows[i].left_ms),
		    rows[i].renewal);
		assert_int_equal(waits, rows[i].waits);
		assert_true(longest_wait_ms <= KEYRING_POLL_MS);
		assert_true(clock_ms <= start_ms + rows[i].left_ms);
		assert_int_equal(count_wishes(wishing), rows[i].is_wished);
		keyring_reader_free(reader);
		keyring_free(wishing);
	}
}

static void
test_a_first_key_is_waited_for(void **state)
{
	struct keyring_reader *reader;

	(void)state;
	wishing = keyring_new(2);
	reader = keyring_reader_new(wishing);
	begun_ms = clock_ms;
	waits = 0;
	is_peer_gone = false;
	on_wait = end_search_with_other;
	assert_int_equal(
	    keyring_renew(reader, 0, 0, 7, clock_ms + 1000), KEYRING_RENEWED);
	assert_non_null(keyring_read(reader, 0));
	assert_int_equal(keyring_state(wishing, 0), KEYRING_FOUND);
	assert_false(keyring_is_wished(wishing, 0));
	assert_false(keyring_is_wished(wishing, 1));
	keyring_reader_free(reader);
	keyring_free(wishing);
}

static void
test_a_wish_is_for_others_than_there_are(void **state)
{
	struct keyring_reader *reader;

	(void)state;
	wishing = keyring_new(1);
	reader = keyring_reader_new(wishing);
	clock_ms = 5000;
	on_wait = NULL;
	is_peer_gone = false;
	publish(wishing, 0, "a");
	assert_int_equal(
	    keyring_renew(reader, 0, 1, 7, clock_ms), KEYRING_SAME);
	assert_true(keyring_is_wished(wishing, 0));
	/* Others are there: whoever wished has what was wished for. */
	publish(wishing, 0, "b");
	assert_false(keyring_is_wished(wishing, 0));
	/* Of these as well. */
	clock_ms++;
	assert_int_equal(
	    keyring_renew(reader, 0, 2, 7, clock_ms), KEYRING_SAME);
	assert_true(keyring_is_wished(wishing, 0));
	keyring_tried(wishing, 0, KEYRING_WRONG, clock_ms);
	assert_false(keyring_is_wished(wishing, 0));
	assert_int_equal(keyring_state(wishing, 0), KEYRING_WRONG);
	keyring_reader_free(reader);
	keyring_free(wishing);
}

/* What a wish brought may be refused as well: that is not wished for anew at
 * once, or those who hand out one wrong key after the other would be asked
 * without end. */
static void
test_a_wish_that_was_answered(void **state)
{
	struct keyring_reader *reader;

	(void)state;
	wishing = keyring_new(1);
	reader = keyring_reader_new(wishing);
	publish(wishing, 0, "old");
	keyring_tried(wishing, 0, KEYRING_FOUND, clock_ms);
	clock_ms++;
	begun_ms = clock_ms;
	waits = 0;
	is_peer_gone = false;
	on_wait = end_search_with_other;
	assert_int_equal(
	    keyring_renew(reader, 0, 1, 7, clock_ms + 1000), KEYRING_RENEWED);
	assert_int_equal(count_wishes(wishing), 1);
	assert_int_equal(
	    keyring_renew(reader, 0, 2, 7, clock_ms + 1000), KEYRING_SAME);
	assert_int_equal(count_wishes(wishing), 0);
	keyring_reader_free(reader);
	keyring_free(wishing);
}

static void
test_of_two_wishes_the_later_counts(void **state)
{
	struct keyring_reader *reader;

	(void)state;
	wishing = keyring_new(1);
	reader = keyring_reader_new(wishing);
	on_wait = NULL;
	is_peer_gone = false;
	clock_ms = 5000;
	assert_int_equal(
	    keyring_renew(reader, 0, 0, 7, clock_ms), KEYRING_SAME);
	/* One who looked at the clock before, and comes too late. */
	clock_ms = 4000;
	assert_int_equal(
	    keyring_renew(reader, 0, 0, 7, clock_ms), KEYRING_SAME);
	keyring_tried(wishing, 0, KEYRING_NONE, 4500);
	assert_true(keyring_is_wished(wishing, 0));
	keyring_tried(wishing, 0, KEYRING_NONE, 5000);
	assert_false(keyring_is_wished(wishing, 0));
	keyring_reader_free(reader);
	keyring_free(wishing);
}

/* ---- Several processes ---- */

/* Everything of entry NUMBER follows from the number: texts of any length, each
 * byte of which can be checked. */
struct sample {
	char id[KEYRING_ID_MAX + 1];
	char secret[KEYRING_SECRET_MAX + 1];
	char token[KEYRING_TOKEN_MAX + 1];
	char region[KEYRING_REGION_MAX + 1];
};

static void
fill_text(char *text, size_t len, uint64_t number, char first)
{
	for (size_t i = 0; i < len; i++)
		text[i] = (char)((uint64_t)first + (number + i) % 26);
	text[len] = '\0';
}

static struct keyring_entry
make_sample(struct sample *sample, uint64_t number)
{
	/* Mostly short, so that there are many; now and then as long as
	 * possible. */
	uint64_t token_max = number % 16 == 0 ? KEYRING_TOKEN_MAX : 300;

	snprintf(sample->id, sizeof(sample->id), "%" PRIu64, number);
	fill_text(
	    sample->secret, number * 7 % KEYRING_SECRET_MAX + 1, number, 'a');
	fill_text(sample->token, number * 13 % token_max, number, 'A');
	fill_text(sample->region, number % KEYRING_REGION_MAX, number, 'a');
	return ((struct keyring_entry){
	    .credentials = { sample->id, sample->secret, sample->token },
	    .expires_ms = number % 3 == 0 ? KEYRING_NEVER : (int64_t)number,
	    .region = sample->region,
	});
}

/* The number of KEY, or 0 where its parts are of different entries. */
static uint64_t
check_sample(const struct keyring_key *key)
{
	static struct sample sample;
	uint64_t number = strtoull(key->credentials.access_key_id, NULL, 10);
	const char *token = key->credentials.session_token;

	(void)make_sample(&sample, number);
	if (strcmp(key->credentials.access_key_id, sample.id) != 0 ||
	    strcmp(key->credentials.secret_access_key, sample.secret) != 0 ||
	    strcmp(token != NULL ? token : "", sample.token) != 0 ||
	    strcmp(key->region, sample.region) != 0 ||
	    key->is_temporary != (number % 3 != 0))
		return (0);
	return (number);
}

/* Publish one after the other from FIRST on, until killed. */
static void
write_without_end(struct keyring *keyring, uint64_t first)
{
	static struct sample sample;

	for (uint64_t number = first;; number++) {
		struct keyring_entry entry = make_sample(&sample, number);

		if (!keyring_publish(keyring, 0, &entry))
			_exit(9);
	}
}

static pid_t
start_writer(struct keyring *keyring, uint64_t first)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		write_without_end(keyring, first);
	}
	return (pid);
}

static void
kill_child(pid_t pid)
{
	int status;

	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

/* Read until enough were new; how it ended is the exit status. */
static int
read_much(struct keyring *keyring)
{
	enum { READS = 1000000, NEW = 20000 };
	struct keyring_reader *reader = keyring_reader_new(keyring);
	uint64_t last_serial = 0, last_number = 0;
	unsigned fresh = 0;

	for (unsigned i = 0; i < READS || fresh < NEW; i++) {
		const struct keyring_key *key = keyring_read(reader, 0);

		if (key == NULL || key->serial == last_serial)
			continue;
		fresh++;
		if (key->serial < last_serial)
			return (2);
		/* Number and serial go up together: the first was 1. */
		if (check_sample(key) != key->serial ||
		    key->serial <= last_number)
			return (3);
		last_serial = last_number = key->serial;
	}
	keyring_reader_free(reader);
	return (0);
}

static void
test_no_read_is_torn(void **state)
{
	enum { READERS = 3 };
	struct keyring *keyring = keyring_new(1);
	pid_t writer, readers[READERS];
	int status, all = 0;

	(void)state;
	writer = start_writer(keyring, 1);
	for (int i = 0; i < READERS; i++) {
		readers[i] = fork();
		assert_true(readers[i] >= 0);
		if (readers[i] == 0)
			_exit(read_much(keyring));
	}
	for (int i = 0; i < READERS; i++) {
		assert_int_equal(waitpid(readers[i], &status, 0), readers[i]);
		all |= status;
	}
	kill_child(writer);
	assert_int_equal(all, 0);
	keyring_free(keyring);
}

static void
test_a_killed_writer_is_survived(void **state)
{
	struct keyring *keyring = keyring_new(1);
	struct keyring_reader *old = keyring_reader_new(keyring);
	uint64_t serial = 0;

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		const struct keyring_key *key;
		struct keyring_reader *reader;
		pid_t writer = start_writer(keyring, serial + 1);

		/* It is at work, and most of its work is to write. */
		do {
			assert_int_equal(waitpid(writer, NULL, WNOHANG), 0);
			key = keyring_read(old, 0);
		} while (key == NULL || key->serial < serial + 1 + round % 5);
		kill_child(writer);
		reader = keyring_reader_new(keyring);
		key = keyring_read(reader, 0);
		assert_non_null(key);
		assert_int_equal(check_sample(key), key->serial);
		serial = key->serial;
		keyring_reader_free(reader);
	}
	keyring_reader_free(old);
	keyring_free(keyring);
}

static void
test_a_wish_crosses_processes(void **state)
{
	struct keyring *keyring = keyring_new(1);
	struct pollfd fd = { .fd = keyring_wish_fd(keyring, 0),
		.events = POLLIN };
	pid_t child;
	int status;

	(void)state;
	clock_ms = 9000;
	on_wait = NULL;
	is_peer_gone = false;
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct keyring_reader *reader = keyring_reader_new(keyring);

		bool is_same = keyring_renew(reader, 0, 0, 7, clock_ms + 20) ==
		    KEYRING_SAME;

		keyring_reader_free(reader);
		keyring_free(keyring);
		_exit(is_same ? 0 : 1);
	}
	assert_int_equal(poll(&fd, 1, 60000), 1);
	assert_true(keyring_is_wished(keyring, 0));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	keyring_tried(keyring, 0, KEYRING_NONE, 9000);
	assert_false(keyring_is_wished(keyring, 0));
	keyring_free(keyring);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_was_published),
		cmocka_unit_test(test_what_is_published_is_read),
		cmocka_unit_test(test_only_news_count),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_a_copy_is_hidden_and_wiped),
		cmocka_unit_test(test_an_old_key_is_wiped),
		cmocka_unit_test(test_renewal),
		cmocka_unit_test(test_a_first_key_is_waited_for),
		cmocka_unit_test(test_a_wish_is_for_others_than_there_are),
		cmocka_unit_test(test_a_wish_that_was_answered),
		cmocka_unit_test(test_of_two_wishes_the_later_counts),
		cmocka_unit_test(test_no_read_is_torn),
		cmocka_unit_test(test_a_killed_writer_is_survived),
		cmocka_unit_test(test_a_wish_crosses_processes),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}

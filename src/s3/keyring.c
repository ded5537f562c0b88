/*
 * The keyring: see keyring.h.
 *
 * Why no read is torn.  Serial N stands in place N mod 2.  The texts are read
 * and written as relaxed atomic words, so that a race for them is defined
 * behaviour; two fences give them their order, as in H.-J. Boehm, "Can seqlocks
 * get along with programming language memory models?" (MSPC 2012):
 *
 *	writer				reader
 *	(serial is N, was stored)	a: S = serial, acquire
 *	w: fence, release		b: words of place S, relaxed
 *	x: words of place N+1, relaxed	c: fence, acquire
 *	y: serial = N+1, release	d: is the serial still S?  relaxed
 *
 * What b reads is as new as S: a reads what y stored, so all of S was written
 * before b.  And it is not newer: the next that goes to the same place is S+2,
 * whose words are stored behind a fence w that stands behind the store of S+1.
 * If b reads one of them, the fences w and c order that store of S+1 before d,
 * and d sees that the serial is no longer S.
 *
 * A writer that dies leaves at most some words of a serial that was never
 * counted, in a place that no one reads; the next writer begins with the serial
 * that it finds, by an acquire, so that its own w stands behind that store too.
 */
#include "s3/keyring.h"

#include <sys/eventfd.h>

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/peer.h"
#include "base/secret.h"

static_assert(ATOMIC_LLONG_LOCK_FREE == 2,
    "a lock in shared memory could be left held by a writer that died");

/* The texts stand one behind the other, each with its NUL. */
enum text { TEXT_ID, TEXT_SECRET, TEXT_TOKEN, TEXT_REGION, TEXTS };

/* Their lengths share one word: each as many bits as its greatest one takes, so
 * that whatever is read there is within the limits. */
static const struct {
	unsigned shift;
	uint64_t max;
} fields[TEXTS] = {
	[TEXT_ID] = { 0, KEYRING_ID_MAX },
	[TEXT_SECRET] = { 8, KEYRING_SECRET_MAX },
	[TEXT_TOKEN] = { 17, KEYRING_TOKEN_MAX },
	[TEXT_REGION] = { 31, KEYRING_REGION_MAX },
};

static_assert(KEYRING_ID_MAX == (1 << 8) - 1 &&
	KEYRING_SECRET_MAX == (1 << 9) - 1 &&
	KEYRING_TOKEN_MAX == (1 << 14) - 1 &&
	KEYRING_REGION_MAX == (1 << 6) - 1,
    "the limits fill their bits");

enum {
	WORD = sizeof(uint64_t),
	TEXT_BYTES_MAX = KEYRING_ID_MAX + KEYRING_SECRET_MAX +
	    KEYRING_TOKEN_MAX + KEYRING_REGION_MAX + TEXTS,
	TEXT_WORDS_MAX = (TEXT_BYTES_MAX + WORD - 1) / WORD,
};

struct place {
	_Atomic uint64_t lengths;
	_Atomic int64_t expires_ms;
	_Atomic uint64_t words[TEXT_WORDS_MAX];
};

/* Zeroed: nothing was published, tried or wished for. */
struct shelf {
	_Atomic uint64_t serial;
	_Atomic int state;        /* enum keyring_state */
	_Atomic uint64_t begun;   /* the last search that has ended */
	_Atomic uint64_t tried;   /* the serial that stood at its end */
	_Atomic uint64_t final;   /* the last that answered a wish, or found
	                           * only what stood there before */
	_Atomic uint64_t wished;  /* the last wish */
	_Atomic uint64_t refused; /* the serial that the wish is about */
	struct place places[2];
};

struct keyring {
	struct shelf *shelves;
	int *wish_fds; /* one a shelf */
	size_t n_shelves;
};

/* A reader's copy; words is where the views of key point. */
struct copy {
	struct keyring_key key;
	uint64_t used; /* bytes of words */
	uint64_t words[TEXT_WORDS_MAX];
};

struct keyring_reader {
	struct keyring *keyring;
	struct copy *copies;
};

struct keyring *
keyring_new(size_t n_sites)
{
	struct keyring *keyring = mem_zero(1, sizeof(*keyring));

	assert(n_sites > 0);
	keyring->n_shelves = n_sites;
	keyring->shelves = secret_share(n_sites * sizeof(struct shelf));
	keyring->wish_fds = mem_zero(n_sites, sizeof(keyring->wish_fds[0]));
	for (size_t i = 0; i < n_sites; i++) {
		keyring->wish_fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (keyring->wish_fds[i] < 0)
			log_fatal(1, "eventfd: %s", strerror(errno));
	}
	return (keyring);
}

void
keyring_free(struct keyring *keyring)
{
	if (keyring == NULL)
		return;
	secret_unshare(
	    keyring->shelves, keyring->n_shelves * sizeof(struct shelf));
	for (size_t i = 0; i < keyring->n_shelves; i++)
		close(keyring->wish_fds[i]);
	free(keyring->wish_fds);
	free(keyring);
}

static struct shelf *
shelf_of(const struct keyring *keyring, size_t site)
{
	assert(site < keyring->n_shelves);
	return (&keyring->shelves[site]);
}

static struct place *
place_of(struct shelf *shelf, uint64_t serial)
{
	return (&shelf->places[serial % 2]);
}

static uint64_t
length_of(uint64_t lengths, enum text text)
{
	return (lengths >> fields[text].shift & fields[text].max);
}

/* How many bytes the texts of LENGTHS take. */
static uint64_t
bytes_of(uint64_t lengths)
{
	uint64_t sum = TEXTS;

	for (int i = 0; i < TEXTS; i++)
		sum += length_of(lengths, (enum text)i);
	return (sum);
}

static uint64_t
words_of(uint64_t lengths)
{
	return ((bytes_of(lengths) + WORD - 1) / WORD);
}

/* A time as it is shared: never 0. */
static uint64_t
stamp(int64_t ms)
{
	return (ms < 0 ? 1 : (uint64_t)ms + 1);
}

/* ---- The writer ---- */

/* The texts of ENTRY as spans; false where one is over its limit. */
static bool
view_texts(const struct keyring_entry *entry, struct span texts[TEXTS],
    uint64_t *lengths)
{
	texts[TEXT_ID] = span_of(entry->credentials.access_key_id);
	texts[TEXT_SECRET] = span_of(entry->credentials.secret_access_key);
	texts[TEXT_TOKEN] = span_of(entry->credentials.session_token);
	texts[TEXT_REGION] = span_of(entry->region);
	*lengths = 0;
	for (int i = 0; i < TEXTS; i++) {
		if (texts[i].len > fields[i].max)
			return (false);
		*lengths |= (uint64_t)texts[i].len << fields[i].shift;
	}
	return (true);
}

/* Fills a place word by word. */
struct pen {
	struct place *place;
	size_t at;                /* the next word */
	unsigned char word[WORD]; /* what goes there */
	size_t len;
};

static void
put_word(struct pen *pen)
{
	uint64_t word;

	memset(pen->word + pen->len, 0, WORD - pen->len);
	memcpy(&word, pen->word, WORD);
	atomic_store_explicit(
	    &pen->place->words[pen->at++], word, memory_order_relaxed);
	pen->len = 0;
}

static void
put_byte(struct pen *pen, char byte)
{
	pen->word[pen->len++] = (unsigned char)byte;
	if (pen->len == WORD)
		put_word(pen);
}

/* Step x: what stood there before is gone to its end. */
static void
fill(struct place *place, const struct span texts[TEXTS], uint64_t lengths,
    int64_t expires_ms)
{
	struct pen pen = { .place = place };
	uint64_t before = words_of(
	    atomic_load_explicit(&place->lengths, memory_order_relaxed));

	atomic_store_explicit(&place->lengths, lengths, memory_order_relaxed);
	atomic_store_explicit(
	    &place->expires_ms, expires_ms, memory_order_relaxed);
	for (int i = 0; i < TEXTS; i++) {
		for (size_t j = 0; j < texts[i].len; j++)
			put_byte(&pen, texts[i].data[j]);
		put_byte(&pen, '\0');
	}
	if (pen.len > 0)
		put_word(&pen);
	while (pen.at < before)
		put_word(&pen);
	explicit_bzero(&pen, sizeof(pen));
}

static bool
is_same(struct place *a, struct place *b)
{
	uint64_t lengths = a->lengths;

	if (lengths != b->lengths || a->expires_ms != b->expires_ms)
		return (false);
	for (uint64_t i = 0; i < words_of(lengths); i++)
		if (a->words[i] != b->words[i])
			return (false);
	return (true);
}

bool
keyring_publish(
    struct keyring *keyring, size_t site, const struct keyring_entry *entry)
{
	struct shelf *shelf = shelf_of(keyring, site);
	uint64_t lengths, serial;
	struct span texts[TEXTS];

	assert(entry->credentials.access_key_id != NULL &&
	    entry->credentials.secret_access_key != NULL);
	if (!view_texts(entry, texts, &lengths))
		return (false);
	serial = atomic_load_explicit(&shelf->serial, memory_order_acquire);
	atomic_thread_fence(memory_order_release);
	fill(place_of(shelf, serial + 1), texts, lengths, entry->expires_ms);
	/* The place that is free is also where it is compared: no copy of a
	 * secret is made for that. */
	if (serial > 0 &&
	    is_same(place_of(shelf, serial), place_of(shelf, serial + 1)))
		return (true);
	atomic_store_explicit(&shelf->serial, serial + 1, memory_order_release);
	return (true);
}

void
keyring_tried(struct keyring *keyring, size_t site, enum keyring_state state,
    int64_t begun_ms)
{
	struct shelf *shelf = shelf_of(keyring, site);
	uint64_t serial =
	    atomic_load_explicit(&shelf->serial, memory_order_relaxed);
	uint64_t wished =
	    atomic_load_explicit(&shelf->wished, memory_order_acquire);
	bool is_answer = wished > shelf->begun && stamp(begun_ms) >= wished;
	bool is_old = serial == shelf->tried;

	shelf->tried = serial;
	if (is_old || is_answer)
		atomic_store_explicit(
		    &shelf->final, stamp(begun_ms), memory_order_release);
	atomic_store_explicit(&shelf->state, state, memory_order_relaxed);
	atomic_store_explicit(
	    &shelf->begun, stamp(begun_ms), memory_order_release);
}

uint64_t
keyring_standing(
    const struct keyring *keyring, size_t site, int64_t *expires_ms)
{
	struct shelf *shelf = shelf_of(keyring, site);
	uint64_t serial =
	    atomic_load_explicit(&shelf->serial, memory_order_acquire);

	*expires_ms = serial > 0 ? place_of(shelf, serial)->expires_ms : 0;
	return (serial);
}

bool
keyring_is_wished(const struct keyring *keyring, size_t site)
{
	struct shelf *shelf = shelf_of(keyring, site);

	/* One that began in the wish's own millisecond is taken for an answer:
	 * it had not read much by then. */
	return (atomic_load_explicit(&shelf->wished, memory_order_acquire) >
		atomic_load_explicit(&shelf->begun, memory_order_acquire) &&
	    atomic_load_explicit(&shelf->refused, memory_order_relaxed) ==
		atomic_load_explicit(&shelf->serial, memory_order_relaxed));
}

int
keyring_wish_fd(const struct keyring *keyring, size_t site)
{
	assert(site < keyring->n_shelves);
	return (keyring->wish_fds[site]);
}

enum keyring_state
keyring_state(const struct keyring *keyring, size_t site)
{
	return ((enum keyring_state)atomic_load_explicit(
	    &shelf_of(keyring, site)->state, memory_order_relaxed));
}

/* ---- A reader ---- */

struct keyring_reader *
keyring_reader_new(struct keyring *keyring)
{
	struct keyring_reader *reader = mem_zero(1, sizeof(*reader));

	reader->keyring = keyring;
	reader->copies = secret_map(keyring->n_shelves * sizeof(struct copy));
	return (reader);
}

void
keyring_reader_free(struct keyring_reader *reader)
{
	if (reader == NULL)
		return;
	secret_unmap(
	    reader->copies, reader->keyring->n_shelves * sizeof(struct copy));
	free(reader);
}

/* Steps b to d.  False where the place of SERIAL was given to another
 * meanwhile: then what was copied is of no use. */
static bool
copy_words(struct shelf *shelf, uint64_t serial, struct copy *copy,
    uint64_t *lengths, int64_t *expires_ms)
{
	struct place *place = place_of(shelf, serial);
	uint64_t n;

	*lengths = atomic_load_explicit(&place->lengths, memory_order_relaxed);
	*expires_ms =
	    atomic_load_explicit(&place->expires_ms, memory_order_relaxed);
	n = words_of(*lengths);
	copy->used = n * WORD;
	for (uint64_t i = 0; i < n; i++)
		copy->words[i] = atomic_load_explicit(
		    &place->words[i], memory_order_relaxed);
	atomic_thread_fence(memory_order_acquire);
	return (atomic_load_explicit(&shelf->serial, memory_order_relaxed) ==
	    serial);
}

/* Point KEY at the texts behind each other at TEXT. */
static void
point(struct keyring_key *key, char *text, uint64_t lengths)
{
	char *at[TEXTS];

	for (int i = 0; i < TEXTS; i++) {
		at[i] = text;
		text += length_of(lengths, (enum text)i) + 1;
	}
	key->credentials = (struct credentials){
		.access_key_id = at[TEXT_ID],
		.secret_access_key = at[TEXT_SECRET],
		.session_token =
		    length_of(lengths, TEXT_TOKEN) > 0 ? at[TEXT_TOKEN] : NULL,
	};
	key->region = at[TEXT_REGION];
}

const struct keyring_key *
keyring_read(struct keyring_reader *reader, size_t site)
{
	struct shelf *shelf = shelf_of(reader->keyring, site);
	struct copy *copy = &reader->copies[site];
	uint64_t serial, lengths;
	int64_t expires_ms;

	for (;;) {
		serial =
		    atomic_load_explicit(&shelf->serial, memory_order_acquire);
		if (serial == copy->key.serial)
			return (serial > 0 ? &copy->key : NULL);
		explicit_bzero(copy->words, copy->used);
		if (copy_words(shelf, serial, copy, &lengths, &expires_ms))
			break;
	}
	copy->key.serial = serial;
	copy->key.is_temporary = expires_ms != KEYRING_NEVER;
	copy->key.expires_ms = expires_ms;
	point(&copy->key, (char *)copy->words, lengths);
	return (&copy->key);
}

/* Make *WORD at least VALUE: of two readers the later one counts. */
static void
raise_to(_Atomic uint64_t *word, uint64_t value)
{
	uint64_t before = atomic_load_explicit(word, memory_order_relaxed);

	while (before < value &&
	    !atomic_compare_exchange_weak_explicit(word, &before, value,
		memory_order_release, memory_order_relaxed))
		;
}

static void
wish(struct keyring *keyring, size_t site, uint64_t serial, uint64_t when)
{
	struct shelf *shelf = shelf_of(keyring, site);

	raise_to(&shelf->refused, serial);
	raise_to(&shelf->wished, when);
	/* It fails only where 2^64 wishes have not been looked at. */
	(void)eventfd_write(keyring->wish_fds[site], 1);
}

/* Did the last search end with nothing?  Then the writer tries again by itself,
 * and to wait for that could take all readers. */
static bool
is_in_trouble(const struct shelf *shelf)
{
	int state = atomic_load_explicit(&shelf->state, memory_order_relaxed);

	return (state != KEYRING_UNTRIED && state != KEYRING_FOUND);
}

enum keyring_renewal
keyring_renew(struct keyring_reader *reader, size_t site, uint64_t serial,
    int peer_fd, int64_t deadline_ms)
{
	struct shelf *shelf = shelf_of(reader->keyring, site);
	int64_t now = clock_monotonic_ms(), left;
	/* One that found nothing new a moment ago is an answer, and so is one
	 * that was wished for; one that brought what is refused by itself is
	 * none. */
	_Atomic uint64_t *answer = &shelf->final;
	uint64_t oldest = stamp(now - KEYRING_RELOOK_MS + 1);
	bool is_wished = false, is_answered;

	for (;;) {
		/* In this order: what a search found is published before it
		 * has ended. */
		is_answered = atomic_load_explicit(
				  answer, memory_order_acquire) >= oldest;
		if (atomic_load_explicit(
			&shelf->serial, memory_order_acquire) != serial)
			return (KEYRING_RENEWED);
		if (is_answered)
			return (KEYRING_SAME);
		if (!is_wished) {
			/* Any that begins from now on. */
			answer = &shelf->begun;
			oldest = stamp(now);
			wish(reader->keyring, site, serial, oldest);
			is_wished = true;
		}
		left = deadline_ms - clock_monotonic_ms();
		if (left <= 0 || is_in_trouble(shelf))
			return (KEYRING_SAME);
		if (peer_wait(peer_fd,
			left < KEYRING_POLL_MS ? left : KEYRING_POLL_MS))
			return (KEYRING_PEER_GONE);
	}
}

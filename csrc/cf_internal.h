/* cf_internal.h - what the files of csrc/ share and nobody else sees.
 *
 * Place: below corsfast.h, above every cf_*.c.
 * Never: include it from outside csrc/ and tests/c/.
 */
#ifndef CF_INTERNAL_H
#define CF_INTERNAL_H

#include "corsfast.h"

#include <assert.h>
#include <string.h>

/* -- memory: the one seam ----------------------------------------------- */

/* Every allocation goes through here; tests put a failing one in place.
 * `allocate` returns NULL for want of memory; `release` permits NULL. */
typedef struct cf_allocator {
    void *(*allocate)(size_t size);
    void (*release)(void *memory);
} cf_allocator;

extern cf_allocator cf_memory;

/* An array of zeroed elements; NULL for want of memory or on overflow. An
 * empty array is not NULL. */
void *
cf_new_array(size_t count, size_t size);

/* -- hashed tables of strings ------------------------------------------- */

/*   pilots: a byte for each bucket of a few keys
 *   +---+---+---+--
 *   | 7 | 1 | 3 |      hash --> bucket; hash * its pilot --> place, a slot
 *   +---+---+---+--
 *   slots: a quarter more than keys, `stride` bytes each
 *   +-------+--------------+------------------------+
 *   | key+1 | tag | length | the key's bytes        |  the rest of a key is
 *   +-------+--------------+-------+----------------+  not longer than room
 *   | key+1 | tag | length | start | - text + start --> bytes
 *   +-------+--------------+-------+----------------+
 *   |   0   |              |       |                |  free
 *   +-------+--------------+-------+----------------+
 *
 * A perfect hash: pilots are chosen so that each key has a slot of its own. A
 * look-up hashes the whole string, reads one slot, and compares bytes where
 * the length and 16 bits of the hash agree. Might a key also be in the next
 * slot, a processor could not foresee which, and would wait for memory before
 * it went on. Keys stand in their slots, but for those far longer than others.
 * What all keys start with ("https://") may stand in the table once, and slots
 * hold the rest: of most origins that fits into half a line of the cache.
 */
typedef struct cf_slot {
    uint32_t key;  /* 1 + the key's index; 0: free */
    uint32_t mark; /* 16 bits of the hash, and the key's length */
    char text[];
} cf_slot;

/* Of the hash; see cf_hash.h. */
typedef struct cf_seed {
    uint64_t words[4];
} cf_seed;

typedef struct cf_table {
    /* What look-ups read stands first. */
    char *slots;     /* from where a line of the cache starts, in `memory` */
    uint8_t *pilots; /* 1 to 255; any, where the bucket is empty */
    cf_seed seed;
    uint64_t common; /* skip != 0 => the first bytes of all keys */
    size_t skip;     /* of the bytes that stand in `common` alone: 0 or 8 */
    uint32_t n_slots;
    uint32_t n_buckets; /* a power of two */
    uint32_t stride;
    uint32_t room; /* of a slot, for its key */
    uint32_t count;
    uint32_t shortest_key; /* count == 0 => shortest_key > longest_key */
    uint32_t longest_key;
    uint32_t n_text;
    char *text;
    char *memory;
} cf_table;

static inline cf_slot *
cf_slot_at(const cf_table *table, uint32_t place)
{
    return (cf_slot *)(void *)(table->slots + (size_t)place * table->stride);
}

#define CF_NO_KEY UINT32_MAX

/* Fills *table, which the caller zeroed, with `count` different keys of 1 to
 * `limit` bytes (16 bits, as many as a mark has for a length). Without
 * `may_skip` slots hold whole keys. `seed` is the first that is tried. Whatever
 * it returns, cf_table_clear is permitted. */
cf_status
cf_table_fill(cf_table *table, const cf_slice *keys, size_t count,
              uint16_t limit, bool may_skip, uint64_t seed);

/* A part of cf_table_fill: says how many slots and buckets there are for
 * table->count keys, and makes the pilots; under another seed than table->seed
 * where this one is not good. CF_BAD_TABLES if none is: two keys are equal. */
cf_status
cf_choose_pilots(cf_table *table, const cf_slice *keys);

void
cf_table_clear(cf_table *table);

/* The index of a key, or CF_NO_KEY. */
uint32_t
cf_table_find(const cf_table *table, const char *key, size_t length);

/* A key as the table holds it, as long as it does. Only where nothing is
 * skipped. */
cf_slice
cf_table_key(const cf_table *table, uint32_t key);

size_t
cf_table_memory(const cf_table *table);

/* -- origins ------------------------------------------------------------ */

enum { CF_MAX_DOTS = (CF_MAX_HOST + 1) / 2 + 1 };

/* An origin taken apart. Positions count from the origin's first byte. */
typedef struct cf_origin {
    uint32_t scheme_end; /* the scheme is [0, scheme_end) */
    uint32_t host_start; /* scheme_end + 3 */
    uint32_t host_end;
    uint32_t port;              /* 0: none written */
    uint32_t n_dots;            /* 0 for IPv6, and for opaque hosts */
    uint16_t dots[CF_MAX_DOTS]; /* where the dots of the host are */
} cf_origin;

/* Takes a serialised origin apart; false if it is none, and then *parts is
 * undefined. */
bool
cf_parse_origin(const char *origin, size_t length, cf_origin *parts);

/* -- sets --------------------------------------------------------------- */

/* What a state can only be followed by: some text, and the state behind it. */
typedef struct cf_run {
    uint32_t target;
    uint8_t length;
    char text[27];
} cf_run;

/* The automaton as it is run: see cf_dfa.c. */
typedef struct cf_runner {
    uint32_t *table; /* NULL => accepts nothing, and is not run */
    cf_run *runs;    /* one for each row */
    size_t n_table;
    size_t n_rows;
    uint32_t start;
    uint32_t http;
    uint32_t https;
    uint8_t class_of[256];
} cf_runner;

/* Fills *runner, which the caller zeroed. Whatever it returns,
 * cf_runner_clear is permitted. */
cf_status
cf_runner_fill(cf_runner *runner, const cf_automaton *given);

void
cf_runner_clear(cf_runner *runner);

/* Whether a text is accepted from a state: what is behind "http://" from
 * `http`, what is behind "https://" from `https`, a whole origin of another
 * scheme from `start`. */
bool
cf_runner_accepts(const cf_runner *runner, uint32_t state, const char *text,
                  size_t length);

size_t
cf_runner_memory(const cf_runner *runner);

/* What was said of a text before: see cf_cache.c. */

enum {
    CF_MEMO_SLOTS = 32, /* more texts than the pages of one site send */
    CF_MEMO_TEXT = 240  /* bytes; a slot then takes 256 */
};

typedef struct cf_memo_slot {
    uint32_t version;
    uint32_t kept;      /* the text's length, and the note in its top half */
    uint32_t candidate; /* of the hash of who may be the next */
    uint32_t unused;
    uint64_t words[CF_MEMO_TEXT / 8];
} cf_memo_slot;

typedef struct cf_memo {
    cf_memo_slot *slots; /* written to while the policy is in use */
} cf_memo;

/* Allocates the slots; cf_memo_clear is permitted whatever it returns. */
cf_status
cf_memo_fill(cf_memo *memo);

void
cf_memo_clear(cf_memo *memo);

size_t
cf_memo_memory(const cf_memo *memo);

/* Whether this very text was kept; *note is then what was kept with it.
 * `hashed` is the text's hash under a seed that nobody else knows. */
bool
cf_memo_find(const cf_memo *memo, uint64_t hashed, const char *text,
             size_t length, uint32_t *note);

/* Keeps a text that comes for the second time, if it is short enough. The
 * note has 16 bits. */
void
cf_memo_keep(const cf_memo *memo, uint64_t hashed, const char *text,
             size_t length, uint32_t note);

/* Up to this many exact origins are compared, not hashed: most policies have
 * no more. */
enum { CF_FEW_ORIGINS = 4 };

/* Rules by host: the table finds the host, `ends` says which leaves are its
 * own: those of host h are [ends[h - 1], ends[h]). */
typedef struct cf_originset {
    cf_table exact;
    cf_slice few[CF_FEW_ORIGINS]; /* its keys, where there are no more */
    uint32_t n_few;               /* 0: there are more, or none */
    cf_table hosts;
    uint32_t *ends;
    cf_leaf *leaves;
    uint64_t host_lengths[4]; /* bit n: some host has n bytes */
    cf_runner automaton;
    cf_memo memo; /* of outcomes, by origins that are not in `exact` */
    bool any_web_origin;
    bool any_origin;
    bool ask_caller;
} cf_originset;

cf_status
cf_originset_fill(cf_originset *set, const cf_tables *tables);

void
cf_originset_clear(cf_originset *set);

cf_outcome
cf_originset_match(const cf_originset *set, const char *origin, size_t length,
                   uint32_t *exact);

/* Keeps what the caller's regexes said. */
void
cf_originset_keep(const cf_originset *set, const char *origin, size_t length,
                  cf_outcome outcome);

size_t
cf_originset_memory(const cf_originset *set);

/* A method that fits into a word, as nearly all do: compared, not hashed. */
typedef struct cf_short_method {
    uint64_t word; /* its bytes, and behind them 0 */
    size_t length;
} cf_short_method;

enum { CF_SHORT_METHODS = 8 };

struct cf_policy {
    cf_originset origins;
    cf_table methods; /* all of them */
    cf_short_method short_methods[CF_SHORT_METHODS];
    uint32_t n_short;
    cf_table headers;
    cf_memo lists; /* of header names that were allowed */
    bool star;
    bool any_method;
    bool any_header;
};

/* Notes the first methods that fit into a word. */
void
cf_methods_fill(cf_policy *policy, const cf_slice *methods, size_t count);

/* tchar -> itself in lower case; anything else -> 0. */
extern const uint8_t cf_tchar_lower[256];

static inline bool
cf_equal(const char *a, const char *b, size_t length)
{
    return memcmp(a, b, length) == 0;
}

#endif /* CF_INTERNAL_H */

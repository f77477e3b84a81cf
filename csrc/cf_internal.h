/* cf_internal.h - private declarations for the files of csrc/. Only csrc/ and
 * tests/c/ include it.
 */
#ifndef CF_INTERNAL_H
#define CF_INTERNAL_H

#include "corsfast.h"

#include <assert.h>
#include <string.h>

/* -- memory ------------------------------------------------------------- */

/* Every allocation goes through cf_memory, so that tests can make it fail.
 * `allocate` returns NULL if there is no memory; `release` accepts NULL. */
typedef struct cf_allocator {
    void *(*allocate)(size_t size);
    void (*release)(void *memory);
} cf_allocator;

extern cf_allocator cf_memory;

/* Allocate an array of zeroed elements. Return NULL if there is no memory or
 * if the size overflows. An empty array is not NULL. */
void *
cf_new_array(size_t count, size_t size);

/* -- hashed tables of strings ------------------------------------------- */

/*   pilots: one byte per bucket; a bucket has a few keys
 *   +---+---+---+--
 *   | 7 | 1 | 3 |      hash --> bucket; hash * its pilot --> place, a slot
 *   +---+---+---+--
 *   slots: a quarter more than keys, `stride` bytes each
 *   +-------+--------------+------------------------+
 *   | key+1 | tag | length | the key's bytes        |  if they fit into
 *   +-------+--------------+-------+----------------+  `room` bytes
 *   | key+1 | tag | length | start | - text + start --> bytes
 *   +-------+--------------+-------+----------------+
 *   |   0   |              |       |                |  free
 *   +-------+--------------+-------+----------------+
 *
 * This is a perfect hash: the pilots are chosen so that no two keys share a
 * slot. A lookup hashes the whole string, reads one slot, and compares bytes
 * if the length and 16 bits of the hash match. With open addressing the CPU
 * could not predict which slot matches and would stall. Keys are stored in
 * their slots, except unusually long ones. A prefix that all keys share
 * ("https://") may be stored once per table, and slots then hold the rest. For
 * most origins a slot then fits in half a cache line.
 */
typedef struct cf_slot {
    uint32_t key;  /* the key's index + 1; 0: free */
    uint32_t mark; /* 16 bits of the hash, and the key's length */
    char text[];
} cf_slot;

/* The seed of the hash: see cf_hash.h. */
typedef struct cf_seed {
    uint64_t words[4];
} cf_seed;

typedef struct cf_table {
    /* Lookups read the first fields. */
    char *slots;     /* in `memory`, aligned to a cache line */
    uint8_t *pilots; /* 1 to 255; unspecified for an empty bucket */
    cf_seed seed;
    uint64_t common; /* skip != 0 => the first bytes of all keys */
    size_t skip;     /* length of the prefix in `common`: 0 or 8 */
    uint32_t n_slots;
    uint32_t n_buckets; /* a power of two */
    uint32_t stride;
    uint32_t room; /* bytes of a slot that its key can use */
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

/* Fill *table, which the caller zeroed, with `count` different keys of 1 to
 * `limit` bytes. `limit` has 16 bits because a mark stores lengths in 16 bits.
 * Without `may_skip`, slots hold whole keys. `seed` is the first seed to try.
 * cf_table_clear may be called even after a failure. */
cf_status
cf_table_fill(cf_table *table, const cf_slice *keys, size_t count,
              uint16_t limit, bool may_skip, uint64_t seed);

/* Choose the number of slots and buckets, and the pilots: a part of
 * cf_table_fill. Replace table->seed if no pilots exist for that seed. Return
 * CF_BAD_TABLES if no seed works, because two keys are equal. */
cf_status
cf_choose_pilots(cf_table *table, const cf_slice *keys);

void
cf_table_clear(cf_table *table);

/* Return the index of a key, or CF_NO_KEY. */
uint32_t
cf_table_find(const cf_table *table, const char *key, size_t length);

/* Return a key; its bytes belong to the table. Call it only if the table has
 * no common prefix (skip == 0). */
cf_slice
cf_table_key(const cf_table *table, uint32_t key);

size_t
cf_table_memory(const cf_table *table);

/* -- origins ------------------------------------------------------------ */

enum { CF_MAX_DOTS = (CF_MAX_HOST + 1) / 2 + 1 };

/* The parts of an origin. Positions count from the origin's first byte. */
typedef struct cf_origin {
    uint32_t scheme_end; /* the scheme is [0, scheme_end) */
    uint32_t host_start; /* scheme_end + 3 */
    uint32_t host_end;
    uint32_t port;              /* 0: no port */
    uint32_t n_dots;            /* 0 for IPv6 and for opaque hosts */
    uint16_t dots[CF_MAX_DOTS]; /* positions of the dots in the host */
} cf_origin;

/* Parse a serialized origin. Return false if it is not valid; *parts is then
 * undefined. */
bool
cf_parse_origin(const char *origin, size_t length, cf_origin *parts);

/* -- sets --------------------------------------------------------------- */

/* The only text that can follow a state, and the state after that text. */
typedef struct cf_run {
    uint32_t target;
    uint8_t length;
    char text[27];
} cf_run;

/* A compiled automaton: see cf_dfa.c. */
typedef struct cf_dfa {
    uint32_t *table; /* NULL => accepts nothing, and must not be run */
    cf_run *runs;    /* one per row */
    size_t n_table;
    size_t n_rows;
    uint32_t start;
    uint32_t http;
    uint32_t https;
    uint8_t class_of[256];
} cf_dfa;

/* Fill *dfa, which the caller zeroed. cf_dfa_clear may be called even
 * after a failure. */
cf_status
cf_dfa_fill(cf_dfa *dfa, const cf_automaton *given);

void
cf_dfa_clear(cf_dfa *dfa);

/* Return whether the automaton accepts a text from a state. Pass the text
 * after "http://" with the state `http`, the text after "https://" with
 * `https`, and a whole origin of any other scheme with `start`. */
bool
cf_dfa_accepts(const cf_dfa *dfa, uint32_t state, const char *text,
               size_t length);

size_t
cf_dfa_memory(const cf_dfa *dfa);

/* A cache of outcomes by text: see cf_cache.c. */

enum {
    CF_CACHE_SLOTS = 32, /* more texts than one site's pages send */
    CF_CACHE_TEXT = 240  /* bytes; a slot then takes 256 */
};

typedef struct cf_cache_slot {
    uint32_t version;
    uint32_t kept;      /* the text's length, and the note in the top half */
    uint32_t candidate; /* part of the hash of the next text */
    uint32_t unused;
    uint64_t words[CF_CACHE_TEXT / 8];
} cf_cache_slot;

typedef struct cf_cache {
    cf_cache_slot *slots; /* written to while the policy is in use */
} cf_cache;

/* Allocate the slots. cf_cache_clear may be called even after a failure. */
cf_status
cf_cache_fill(cf_cache *cache);

void
cf_cache_clear(cf_cache *cache);

size_t
cf_cache_memory(const cf_cache *cache);

/* Return whether this text is cached, and write its note. `hashed` is the
 * text's hash under a secret seed. */
bool
cf_cache_find(const cf_cache *cache, uint64_t hashed, const char *text,
              size_t length, uint32_t *note);

/* Store a text that comes for the second time, if it is short enough. The
 * note has 16 bits. */
void
cf_cache_keep(const cf_cache *cache, uint64_t hashed, const char *text,
              size_t length, uint32_t note);

/* Up to this many exact origins are compared one by one instead of hashed.
 * Most policies have no more. */
enum { CF_FEW_ORIGINS = 4 };

/* All origins of a policy. Rules are found by host: `hosts` gives the index h
 * of the host, and its ranges are [ends[h - 1], ends[h]). */
typedef struct cf_originset {
    cf_table exact;
    cf_slice few[CF_FEW_ORIGINS]; /* the keys of `exact`, if they fit */
    uint32_t n_few;               /* 0: `exact` is empty or too large */
    cf_table hosts;
    uint32_t *ends;
    cf_port_range *ranges;
    uint64_t host_lengths[4]; /* bit n: a host has n bytes */
    cf_dfa automaton;
    cf_cache cache; /* outcomes of origins that are not in `exact` */
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

/* Cache the outcome of the caller's matchers. */
void
cf_originset_keep(const cf_originset *set, const char *origin, size_t length,
                  cf_outcome outcome);

size_t
cf_originset_memory(const cf_originset *set);

/* A method of up to 8 bytes, as nearly all are. It is compared as one word
 * instead of hashed. */
typedef struct cf_short_method {
    uint64_t word; /* its bytes, padded with 0 */
    size_t length;
} cf_short_method;

enum { CF_SHORT_METHODS = 8 };

struct cf_policy {
    cf_originset origins;
    cf_table methods; /* all methods, also short ones */
    cf_short_method short_methods[CF_SHORT_METHODS];
    uint32_t n_short;
    cf_table headers;
    cf_cache lists; /* lists of header names that were allowed */
    bool shares;    /* => another policy owns the tables, but not the caches */
    bool star;
    bool any_method;
    bool any_header;
};

/* Copy the first methods of up to 8 bytes to `short_methods`. */
void
cf_methods_fill(cf_policy *policy, const cf_slice *methods, size_t count);

/* Map a tchar to its lower case, and any other byte to 0. */
extern const uint8_t cf_tchar_lower[256];

static inline bool
cf_equal(const char *a, const char *b, size_t length)
{
    return memcmp(a, b, length) == 0;
}

#endif /* CF_INTERNAL_H */

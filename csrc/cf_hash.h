/* cf_hash.h - the hash and the lookup of cf_table.c, as inline functions.
 * They run for each request. Inlining them keeps the code that matches an
 * origin together in the instruction cache.
 */
#ifndef CF_HASH_H
#define CF_HASH_H

#include "cf_internal.h"

#if defined(_MSC_VER) && defined(_M_X64)
#    include <intrin.h>
#endif

/* -- the hash ------------------------------------------------------------ */

/* The hash multiplies words of the text in pairs and folds the products. Each
 * factor is mixed with its own seed word. Otherwise an attacker could
 * construct keys that collide under most seeds, and no perfect hash would
 * exist. The length is mixed in separately from the words. The words overlap,
 * so one more byte could change a word by as much as the length, and the two
 * changes would cancel out. Tables never leave the process, so words are
 * loaded in native byte order. */

static const uint64_t CF_SECRET_1 = 0x9e3779b97f4a7c15u; /* 2^64 / phi */
static const uint64_t CF_SECRET_2 = 0xd1b54a32d192ed03u;
static const uint64_t CF_SECRET_3 = 0x8ebc6af09c88c6e3u;
static const uint64_t CF_SECRET_4 = 0xda942042e4dd58b5u;

static inline uint64_t
cf_fold(uint64_t a, uint64_t b)
{
#if defined(__SIZEOF_INT128__)
    __extension__ typedef unsigned __int128 uint128;
    uint128 product = (uint128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
#elif defined(_MSC_VER) && defined(_M_X64)
    uint64_t high;
    uint64_t low = _umul128(a, b, &high);
    return low ^ high;
#else
    uint64_t a_high = a >> 32, a_low = (uint32_t)a;
    uint64_t b_high = b >> 32, b_low = (uint32_t)b;
    uint64_t cross = a_high * b_low + ((a_low * b_low) >> 32);
    uint64_t cross_low = (uint32_t)cross + a_low * b_high;
    uint64_t high = a_high * b_high + (cross >> 32) + (cross_low >> 32);
    return (a * b) ^ high;
#endif
}

static inline uint64_t
cf_load_8(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

static inline uint64_t
cf_load_4(const char *p)
{
    uint32_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

/* Derive seed words that look independent from one word, which may be
 * small. */
static inline cf_seed
cf_make_seed(uint64_t word)
{
    return (cf_seed){{cf_fold(word ^ CF_SECRET_1, CF_SECRET_2),
                      cf_fold(word ^ CF_SECRET_2, CF_SECRET_3),
                      cf_fold(word ^ CF_SECRET_3, CF_SECRET_4),
                      cf_fold(word ^ CF_SECRET_4, CF_SECRET_1)}};
}

static inline uint64_t
cf_hash(const cf_seed *seed, const char *text, size_t length)
{
    uint64_t a, b;
    uint64_t state = seed->words[1];
    uint64_t sized = length * (seed->words[0] | 1);
    const char *p = text;
    size_t left = length;
    while (left > 32) {
        state =
            cf_fold(cf_load_8(p) ^ seed->words[0], cf_load_8(p + 8) ^ state);
        p += 16;
        left -= 16;
    }
    if (left > 16) {
        /* Two products that do not depend on each other. */
        const char *last = p + left - 16;
        uint64_t first =
            cf_fold(cf_load_8(p) ^ seed->words[0], cf_load_8(p + 8) ^ state);
        uint64_t second = cf_fold(cf_load_8(last) ^ seed->words[2],
                                  cf_load_8(last + 8) ^ seed->words[3]);
        return first ^ second ^ sized;
    }
    /* The rest fits in two words, which may overlap. */
    if (left >= 8) {
        a = cf_load_8(p);
        b = cf_load_8(p + left - 8);
    }
    else if (left >= 4) {
        a = cf_load_4(p);
        b = cf_load_4(p + left - 4);
    }
    else if (left > 0) {
        a = (uint64_t)(uint8_t)p[0] << 16
            | (uint64_t)(uint8_t)p[left >> 1] << 8 | (uint8_t)p[left - 1];
        b = 0;
    }
    else {
        a = 0;
        b = 0;
    }
    return cf_fold(a ^ seed->words[0], b ^ state) ^ sized;
}

static inline uint64_t
cf_hash_key(const cf_table *table, cf_slice key)
{
    return cf_hash(&table->seed, key.data, key.length);
}

static inline bool
cf_differ_16(const char *a, const char *b)
{
    return ((cf_load_8(a) ^ cf_load_8(b))
            | (cf_load_8(a + 8) ^ cf_load_8(b + 8)))
           != 0;
}

/* Like cf_equal, but without a call to memcmp, because keys are short. The
 * last words may overlap. */
static inline bool
cf_same(const char *a, const char *b, size_t length)
{
    if (length >= 16) {
        size_t last = length - 16;
        for (size_t i = 0; i < last; i += 16) {
            if (cf_differ_16(a + i, b + i)) {
                return false;
            }
        }
        return !cf_differ_16(a + last, b + last);
    }
    if (length >= 8) {
        return cf_load_8(a) == cf_load_8(b)
               && cf_load_8(a + length - 8) == cf_load_8(b + length - 8);
    }
    if (length >= 4) {
        return cf_load_4(a) == cf_load_4(b)
               && cf_load_4(a + length - 4) == cf_load_4(b + length - 4);
    }
    for (size_t i = 0; i < length; i++) {
        if (a[i] != b[i]) {
            return false;
        }
    }
    return true;
}

/* -- the lookup ---------------------------------------------------------- */

/* Return the bucket of a key. */
static inline uint32_t
cf_bucket_of(const cf_table *table, uint64_t hashed)
{
    return (uint32_t)(hashed >> 32) & (table->n_buckets - 1);
}

/* Return the only slot that can hold a key. */
static inline uint32_t
cf_place_of(const cf_table *table, uint64_t hashed)
{
    uint32_t pilot = table->pilots[cf_bucket_of(table, hashed)];
    uint32_t turned = (uint32_t)hashed * pilot;
    return (uint32_t)((uint64_t)turned * table->n_slots >> 32);
}

static inline uint32_t
cf_mark_of(uint64_t hashed, size_t length)
{
    return (uint32_t)(hashed >> 48) << 16 | (uint32_t)length;
}

/* Return the stored part of a slot's key: the `rest` bytes after the common
 * prefix. */
static inline const char *
cf_key_text(const cf_table *table, const cf_slot *slot, size_t rest)
{
    if (rest <= table->room) {
        return slot->text;
    }
    uint32_t start;
    memcpy(&start, slot->text, sizeof start);
    return table->text + start;
}

/* Return whether a slot whose mark matches holds this text. An empty text is
 * never a key, but it may have the mark of a free slot. */
static inline bool
cf_slot_holds(const cf_table *table, const cf_slot *slot, const char *text,
              size_t length, size_t skip)
{
    if (length == 0) {
        return false;
    }
    if (skip != 0 && (length < skip || cf_load_8(text) != table->common)) {
        return false;
    }
    size_t rest = length - skip;
    return cf_same(cf_key_text(table, slot, rest), text + skip, rest);
}

/* Like cf_table_find, for callers that have the key's hash under table->seed
 * and pass table->skip. A caller that filled the table without `may_skip`
 * passes the constant 0. The key must be shorter than 64 KiB. */
static inline uint32_t
cf_table_find_hashed(const cf_table *table, uint64_t hashed, const char *key,
                     size_t length, size_t skip)
{
    const cf_slot *slot = cf_slot_at(table, cf_place_of(table, hashed));
    if (slot->mark == cf_mark_of(hashed, length)
        && cf_slot_holds(table, slot, key, length, skip)) {
        return slot->key - 1;
    }
    return CF_NO_KEY;
}

#endif /* CF_HASH_H */

/* cf_table.c - hashed tables of strings: drawn in cf_internal.h.
 *
 * Place: below the sets. Never: know what the strings mean.
 */
#include "cf_internal.h"

#include <stdlib.h>

#if defined(_MSC_VER) && defined(_M_X64)
#    include <intrin.h>
#endif

cf_allocator cf_memory = {malloc, free};

void *
cf_new_array(size_t count, size_t size)
{
    size_t bytes = count * size;
    if (count != 0 && bytes / count != size) {
        return NULL;
    }
    if (bytes == 0) {
        bytes = 1;
    }
    void *memory = cf_memory.allocate(bytes);
    if (memory != NULL) {
        memset(memory, 0, bytes);
    }
    return memory;
}

/* -- the hash ------------------------------------------------------------ */

/* Folded products of input words and secret words. With an unpredictable seed
 * nobody can write origins that collide more often than chance (a word that
 * equals a constant would; its bytes are not ASCII). Tables never leave the
 * process, so the byte order is the machine's own. */

static const uint64_t CF_SECRET_1 = 0x9e3779b97f4a7c15u; /* 2^64 / phi */
static const uint64_t CF_SECRET_2 = 0xd1b54a32d192ed03u;
static const uint64_t CF_SECRET_3 = 0x8ebc6af09c88c6e3u;
static const uint64_t CF_SECRET_4 = 0xda942042e4dd58b5u;

static inline uint64_t
fold(uint64_t a, uint64_t b)
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
load_8(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

static inline uint64_t
load_4(const char *p)
{
    uint32_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

static inline uint64_t
hash(uint64_t seed, const char *text, size_t length)
{
    uint64_t a, b;
    uint64_t state = seed ^ CF_SECRET_1;
    const char *p = text;
    size_t left = length;
    while (left > 32) {
        state = fold(load_8(p) ^ CF_SECRET_2, load_8(p + 8) ^ state);
        p += 16;
        left -= 16;
    }
    if (left > 16) {
        /* Two products that do not wait for one another. */
        const char *last = p + left - 16;
        uint64_t first = fold(load_8(p) ^ CF_SECRET_2, load_8(p + 8) ^ state);
        uint64_t second = fold(load_8(last) ^ CF_SECRET_3,
                               load_8(last + 8) ^ seed ^ CF_SECRET_4);
        return fold(first ^ second ^ CF_SECRET_1, length ^ seed);
    }
    /* The rest in two words, which may overlap. */
    if (left >= 8) {
        a = load_8(p);
        b = load_8(p + left - 8);
    }
    else if (left >= 4) {
        a = load_4(p);
        b = load_4(p + left - 4);
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
    state = fold(a ^ CF_SECRET_2, b ^ state);
    return fold(state ^ CF_SECRET_1, length ^ seed);
}

/* cf_equal without a call: keys are short. The last word may overlap. */
static inline bool
same(const char *a, const char *b, size_t length)
{
    if (length >= 8) {
        size_t last = length - 8;
        for (size_t i = 0; i < last; i += 8) {
            if (load_8(a + i) != load_8(b + i)) {
                return false;
            }
        }
        return load_8(a + last) == load_8(b + last);
    }
    if (length >= 4) {
        return load_4(a) == load_4(b)
               && load_4(a + length - 4) == load_4(b + length - 4);
    }
    for (size_t i = 0; i < length; i++) {
        if (a[i] != b[i]) {
            return false;
        }
    }
    return true;
}

uint64_t
cf_hash(uint64_t seed, const char *text, size_t length)
{
    return hash(seed, text, length);
}

/* -- tables -------------------------------------------------------------- */

/* With half of the slots free, chains of a million keys reach about 50; where
 * one grows longer than this, another seed is taken. */
enum { CF_LONGEST_PROBE = 64, CF_SEEDS = 16 };

enum {
    CF_LINE = 64, /* of the cache */
    /* Up to this a slot may grow to a whole line, or half of one; larger
     * tables are quicker if more of them stays in the caches. */
    CF_SMALL = 64 * 1024,
    /* Beyond this, slots hold no keys: nearly every look-up waits for memory
     * in any case, and a million origins take half as much more of it. */
    CF_MOST_WITH_KEYS = 8 * 1024 * 1024
};

/* Where a key wants to be, and where it goes if somebody is there. */
static inline uint32_t
place_of(const cf_table *table, uint64_t hashed)
{
    return (uint32_t)((uint64_t)(uint32_t)hashed * table->n_slots >> 32);
}

static inline uint32_t
place_behind(const cf_table *table, uint32_t place)
{
    return place + 1 == table->n_slots ? 0 : place + 1;
}

static inline uint32_t
mark_of(uint64_t hashed, size_t length)
{
    return (uint32_t)(hashed >> 48) << 16 | (uint32_t)length;
}

static inline const char *
key_text(const cf_table *table, const cf_slot *slot, size_t length)
{
    if (length <= table->room) {
        return slot->text;
    }
    uint32_t start;
    memcpy(&start, slot->text, sizeof start);
    return table->text + start;
}

/* Puts every key in its slot; false if some chain would grow too long. */
static bool
place_keys(cf_table *table, const cf_slice *keys)
{
    memset(table->slots, 0, (size_t)table->n_slots * table->stride);
    table->longest = 0;
    uint32_t start = 0;
    for (uint32_t key = 0; key < table->count; key++) {
        size_t length = keys[key].length;
        uint64_t hashed = hash(table->seed, keys[key].data, length);
        uint32_t distance = 0;
        uint32_t place = place_of(table, hashed);
        while (cf_slot_at(table, place)->key != 0) {
            place = place_behind(table, place);
            distance++;
            if (distance > CF_LONGEST_PROBE) {
                return false;
            }
        }
        cf_slot *slot = cf_slot_at(table, place);
        slot->key = key + 1;
        slot->mark = mark_of(hashed, length);
        if (length <= table->room) {
            memcpy(slot->text, keys[key].data, length);
        }
        else {
            memcpy(slot->text, &start, sizeof start);
            memcpy(table->text + start, keys[key].data, length);
            start += (uint32_t)length;
        }
        if (distance > table->longest) {
            table->longest = distance;
        }
    }
    return true;
}

/* Whether each key is found as itself; of two equal ones only the first is. */
static bool
all_different(const cf_table *table, const cf_slice *keys)
{
    for (uint32_t key = 0; key < table->count; key++) {
        if (cf_table_find(table, keys[key].data, keys[key].length) != key) {
            return false;
        }
    }
    return true;
}

static cf_status
measure_keys(cf_table *table, const cf_slice *keys, size_t limit,
             size_t *total)
{
    *total = 0;
    for (size_t i = 0; i < table->count; i++) {
        size_t length = keys[i].length;
        if (length == 0 || length > limit || length > UINT32_MAX - *total) {
            return CF_BAD_TABLES;
        }
        *total += length;
        if (length < table->shortest_key) {
            table->shortest_key = (uint32_t)length;
        }
        if (length > table->longest_key) {
            table->longest_key = (uint32_t)length;
        }
    }
    return CF_OK;
}

/* How large a slot is: for all keys, but for those that are over twice as
 * long as most; a divisor of a line where that is near. */
static void
choose_stride(cf_table *table, size_t total)
{
    size_t slots = table->n_slots;
    size_t room = table->longest_key;
    if (table->count > 0 && room > 2 * (total / table->count) + 8) {
        room = 2 * (total / table->count) + 8;
    }
    size_t stride = (sizeof(cf_slot) + room + 7) / 8 * 8;
    if (stride <= CF_LINE && slots <= CF_SMALL / CF_LINE) {
        stride = stride <= 16 ? 16 : stride <= 32 ? 32 : CF_LINE;
    }
    if (slots > CF_MOST_WITH_KEYS / stride) {
        stride = 16;
    }
    table->stride = (uint32_t)stride;
    table->room = (uint32_t)(stride - sizeof(cf_slot));
}

static cf_status
make_room(cf_table *table, const cf_slice *keys)
{
    size_t outside = 0;
    for (size_t i = 0; i < table->count; i++) {
        if (keys[i].length > table->room) {
            outside += keys[i].length;
        }
    }
    if (outside != 0) {
        table->text = cf_new_array(outside, 1);
        if (table->text == NULL) {
            return CF_NO_MEMORY;
        }
    }
    table->n_text = (uint32_t)outside;
    size_t slots = table->n_slots;
    if (slots > (SIZE_MAX - CF_LINE) / table->stride) {
        return CF_NO_MEMORY;
    }
    table->memory = cf_new_array(slots * table->stride + CF_LINE, 1);
    if (table->memory == NULL) {
        return CF_NO_MEMORY;
    }
    table->slots = table->memory;
    table->slots += CF_LINE - (uintptr_t)table->memory % CF_LINE;
    return CF_OK;
}

cf_status
cf_table_fill(cf_table *table, const cf_slice *keys, size_t count,
              size_t limit, uint64_t seed)
{
    _Static_assert(CF_MAX_ORIGIN < 0x10000, "a mark holds a length");
    if (count > UINT32_MAX / 4) {
        return CF_BAD_TABLES;
    }
    table->shortest_key = UINT32_MAX;
    table->longest_key = 0;
    table->count = (uint32_t)count;
    size_t total;
    cf_status status = measure_keys(table, keys, limit, &total);
    if (status != CF_OK) {
        return status;
    }
    table->n_slots = count == 0 ? 2 : 2 * (uint32_t)count;
    choose_stride(table, total);
    status = make_room(table, keys);
    if (status != CF_OK) {
        return status;
    }
    table->seed = seed;
    for (int i = 0; i < CF_SEEDS; i++) {
        if (place_keys(table, keys)) {
            return all_different(table, keys) ? CF_OK : CF_BAD_TABLES;
        }
        table->seed = fold(table->seed ^ CF_SECRET_1, CF_SECRET_2);
    }
    /* More equal keys than a chain may hold collide under every seed. */
    return CF_BAD_TABLES;
}

void
cf_table_clear(cf_table *table)
{
    cf_memory.release(table->memory);
    cf_memory.release(table->text);
    memset(table, 0, sizeof *table);
}

uint32_t
cf_table_find(const cf_table *table, const char *key, size_t length)
{
    if (length < table->shortest_key || length > table->longest_key) {
        return CF_NO_KEY;
    }
    uint64_t hashed = hash(table->seed, key, length);
    return cf_table_find_hashed(table, hashed, key, length);
}

uint32_t
cf_table_find_hashed(const cf_table *table, uint64_t hashed, const char *key,
                     size_t length)
{
    if (length < table->shortest_key || length > table->longest_key) {
        return CF_NO_KEY;
    }
    uint32_t mark = mark_of(hashed, length);
    uint32_t place = place_of(table, hashed);
    for (uint32_t i = 0;; i++) {
        const cf_slot *slot = cf_slot_at(table, place);
        if (slot->mark == mark
            && same(key_text(table, slot, length), key, length)) {
            return slot->key - 1;
        }
        /* In this order: how far to go is easier to foresee than whether a
         * slot is free. */
        if (i == table->longest || slot->key == 0) {
            return CF_NO_KEY;
        }
        place = place_behind(table, place);
    }
}

size_t
cf_table_memory(const cf_table *table)
{
    if (table->memory == NULL) {
        return 0;
    }
    return (size_t)table->n_slots * table->stride + CF_LINE + table->n_text;
}

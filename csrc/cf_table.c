/* cf_table.c - hashed tables of strings: drawn in cf_internal.h.
 *
 * Place: below the sets. Never: know what the strings mean.
 */
#include "cf_lookup.h"

#include <assert.h>
#include <stdlib.h>

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

/* -- tables -------------------------------------------------------------- */

enum {
    /* With half of the slots free, chains of a million keys reach about 50;
     * where one grows longer than this, another seed is taken. */
    CF_LONGEST_PROBE = 64,
    CF_SEEDS = 16,
    /* Up to this many keys other seeds are tried, for the one that leaves most
     * keys in their places: no processor foresees where a look-up has to go
     * on, and that costs more than the look-up. */
    CF_FEW_KEYS = 256,
    /* Bytes of slots to be filled and cleared meanwhile, so that no table takes
     * more than a few tenths of a millisecond: small ones try more seeds. */
    CF_SEARCHED = 1024 * 1024,
    /* Slots start where a line of the caches does: then none of 16, 32 or 64
     * bytes lies in two, which would both have to be waited for. */
    CF_LINE = 64
};

/* Beyond this many bytes, slots hold no keys: nearly every look-up waits for
 * memory in any case, and a million origins would take a quarter more of it. */
enum { CF_MOST_WITH_KEYS = 8 * 1024 * 1024 };

/* Puts every key in its slot, and counts those that are not in their places;
 * CF_NO_KEY if some chain would grow too long. */
static uint32_t
place_keys(cf_table *table, const cf_slice *keys)
{
    memset(table->slots, 0, (size_t)table->n_slots * table->stride);
    table->longest = 0;
    uint32_t start = 0;
    uint32_t displaced = 0;
    for (uint32_t key = 0; key < table->count; key++) {
        size_t length = keys[key].length;
        uint64_t hashed = cf_hash(table->seed, keys[key].data, length);
        uint32_t distance = 0;
        uint32_t place = cf_place_of(table, hashed);
        while (cf_slot_at(table, place)->key != 0) {
            place = cf_place_behind(table, place);
            distance++;
            if (distance > CF_LONGEST_PROBE) {
                return CF_NO_KEY;
            }
        }
        displaced += distance != 0;
        cf_slot *slot = cf_slot_at(table, place);
        slot->key = key + 1;
        slot->mark = cf_mark_of(hashed, length);
        const char *text = keys[key].data + table->skip;
        length -= table->skip;
        if (length <= table->room) {
            memcpy(slot->text, text, length);
        }
        else {
            memcpy(slot->text, &start, sizeof start);
            memcpy(table->text + start, text, length);
            start += (uint32_t)length;
        }
        if (distance > table->longest) {
            table->longest = distance;
        }
    }
    return displaced;
}

/* Under the best of the seeds; false if none is good enough: more equal keys
 * than a chain may hold collide under all of them. */
static bool
place_well(cf_table *table, const cf_slice *keys, uint64_t seed)
{
    uint32_t least = CF_NO_KEY;
    uint64_t best = seed;
    table->seed = seed;
    size_t n_seeds =
        CF_SEEDS + CF_SEARCHED / ((size_t)table->n_slots * table->stride);
    for (size_t i = 0; i < n_seeds; i++) {
        uint32_t displaced = place_keys(table, keys);
        if (displaced < least) {
            least = displaced;
            best = table->seed;
        }
        if (least == 0 || (least != CF_NO_KEY && table->count > CF_FEW_KEYS)) {
            break;
        }
        table->seed = cf_fold(table->seed ^ CF_SECRET_1, CF_SECRET_2);
    }
    if (table->seed != best) {
        table->seed = best;
        (void)place_keys(table, keys);
    }
    return least != CF_NO_KEY;
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

/* Keeps but once what all keys start with. Not in small tables: they do not
 * wait for memory, and would pay for one more comparison. */
static void
skip_common(cf_table *table, const cf_slice *keys)
{
    if (table->count <= CF_FEW_KEYS
        || table->shortest_key < sizeof table->common) {
        return;
    }
    uint64_t common = cf_load_8(keys[0].data);
    for (size_t i = 1; i < table->count; i++) {
        if (cf_load_8(keys[i].data) != common) {
            return;
        }
    }
    table->common = common;
    table->skip = sizeof common;
}

/* How large a slot is: for all keys, but for those that are over twice as
 * long as most. No larger: the more of a table stays in the nearest cache, the
 * better. */
static void
choose_stride(cf_table *table, size_t total)
{
    size_t slots = table->n_slots;
    size_t room = table->longest_key - table->skip;
    if (table->count > 0) {
        size_t usual = total / table->count - table->skip;
        room = room > 2 * usual + 8 ? 2 * usual + 8 : room;
    }
    size_t stride = (sizeof(cf_slot) + room + 7) / 8 * 8;
    if (slots > CF_MOST_WITH_KEYS / stride) {
        stride = 16;
    }
    table->stride = (uint32_t)stride;
    table->room = (uint32_t)(stride - sizeof(cf_slot));
}

/* With as many more as move the first one to where a line starts. */
static size_t
slots_held(const cf_table *table)
{
    return (size_t)table->n_slots + CF_LINE / table->stride + 1;
}

static cf_status
make_room(cf_table *table, const cf_slice *keys)
{
    size_t outside = 0;
    for (size_t i = 0; i < table->count; i++) {
        size_t length = keys[i].length - table->skip;
        if (length > table->room) {
            outside += length;
        }
    }
    if (outside != 0) {
        table->text = cf_new_array(outside, 1);
        if (table->text == NULL) {
            return CF_NO_MEMORY;
        }
    }
    table->n_text = (uint32_t)outside;
    table->memory = cf_new_array(slots_held(table), table->stride);
    if (table->memory == NULL) {
        return CF_NO_MEMORY;
    }
    uintptr_t behind = (uintptr_t)table->memory % CF_LINE;
    table->slots = table->memory + (behind == 0 ? 0 : CF_LINE - behind);
    return CF_OK;
}

cf_status
cf_table_fill(cf_table *table, const cf_slice *keys, size_t count,
              size_t limit, uint32_t per_key, uint64_t seed)
{
    _Static_assert(CF_MAX_ORIGIN < 0x10000, "a mark holds a length");
    if (count > UINT32_MAX / CF_ROOMY) {
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
    table->n_slots = count == 0 ? 2 : (uint32_t)count * per_key;
    if (per_key == CF_COMPACT) {
        skip_common(table, keys);
    }
    choose_stride(table, total);
    status = make_room(table, keys);
    if (status != CF_OK) {
        return status;
    }
    return place_well(table, keys, seed) && all_different(table, keys)
               ? CF_OK
               : CF_BAD_TABLES;
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
    uint64_t hashed = cf_hash(table->seed, key, length);
    return cf_table_find_hashed(table, hashed, key, length, table->skip);
}

cf_slice
cf_table_key(const cf_table *table, uint32_t key)
{
    uint32_t place = 0;
    while (cf_slot_at(table, place)->key != key + 1) {
        place++;
    }
    const cf_slot *slot = cf_slot_at(table, place);
    size_t length = slot->mark & 0xffff;
    assert(table->skip == 0);
    return (cf_slice){cf_key_text(table, slot, length), length};
}

size_t
cf_table_memory(const cf_table *table)
{
    return slots_held(table) * table->stride + table->n_text;
}

/* cf_table.c - hash tables of strings. cf_internal.h has a drawing. */
#include "cf_hash.h"

#include <assert.h>

/* -- tables -------------------------------------------------------------- */

/* Slots are aligned to a cache line, so a slot of 16, 32 or 64 bytes never
 * crosses into a second line. */
enum { CF_LINE = 64 };

/* Copy every key to its slot. */
static void
place_keys(cf_table *table, const cf_slice *keys)
{
    uint32_t start = 0;
    for (uint32_t key = 0; key < table->count; key++) {
        size_t length = keys[key].length;
        uint64_t hashed = cf_hash_key(table, keys[key]);
        cf_slot *slot = cf_slot_at(table, cf_place_of(table, hashed));
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
    }
}

static cf_status
measure_keys(cf_table *table, const cf_slice *keys, uint16_t limit,
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

/* Store the first 8 bytes once for the whole table if all keys share them. */
static void
skip_common(cf_table *table, const cf_slice *keys)
{
    if (table->count == 0 || table->shortest_key < sizeof table->common) {
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

/* Choose the size of a slot: large enough for all keys, except those over
 * twice as long as the average. Slots are kept small so that more of the table
 * stays in the L1 cache. */
static void
choose_stride(cf_table *table, size_t total)
{
    size_t room = table->longest_key - table->skip;
    if (table->count > 0) {
        size_t usual = total / table->count - table->skip;
        room = room > 2 * usual + 8 ? 2 * usual + 8 : room;
    }
    size_t stride = (sizeof(cf_slot) + room + 7) / 8 * 8;
    table->stride = (uint32_t)stride;
    table->room = (uint32_t)(stride - sizeof(cf_slot));
}

/* Return the number of slots to allocate, with room to align the first one to
 * a cache line. */
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
              uint16_t limit, bool may_skip, uint64_t seed)
{
    if (count > UINT32_MAX / 4) { /* the slot count must fit 32 bits, too */
        return CF_BAD_TABLES;
    }
    table->seed = cf_make_seed(seed);
    table->shortest_key = UINT32_MAX;
    table->longest_key = 0;
    table->count = (uint32_t)count;
    size_t total;
    cf_status status = measure_keys(table, keys, limit, &total);
    if (status == CF_OK) {
        status = cf_choose_pilots(table, keys);
    }
    if (status != CF_OK) {
        return status;
    }
    if (may_skip) {
        skip_common(table, keys);
    }
    choose_stride(table, total);
    status = make_room(table, keys);
    if (status == CF_OK) {
        place_keys(table, keys);
    }
    return status;
}

void
cf_table_clear(cf_table *table)
{
    cf_memory.release(table->memory);
    cf_memory.release(table->pilots);
    cf_memory.release(table->text);
    memset(table, 0, sizeof *table);
}

uint32_t
cf_table_find(const cf_table *table, const char *key, size_t length)
{
    if (length < table->shortest_key || length > table->longest_key) {
        return CF_NO_KEY;
    }
    uint64_t hashed = cf_hash(&table->seed, key, length);
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
    return slots_held(table) * table->stride + table->n_buckets
           + table->n_text;
}

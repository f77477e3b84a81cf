/* cf_pilots.c - a perfect hash: each key of a table gets a slot of its own.
 *
 *     keys --hash--> groups, one for each pilot --the largest first-->
 *     the first pilot under which all keys of a group find free slots
 *
 * The method is known as hash and displace (Belazzougui, Botelho and
 * Dietzfelbinger, "Hash, displace, and compress", 2009).
 *
 * Place: below cf_table.c. Never: be run while a request waits.
 */
#include "cf_lookup.h"

enum {
    /* With three keys to a pilot or fewer and a quarter of the slots more than
     * keys, nearly every seed is good, up to millions of keys. */
    CF_SEEDS = 32,
    CF_LAST_PILOT = UINT8_MAX
};

/* What is needed only until all pilots are chosen. */
typedef struct cf_plan {
    uint64_t *hashes; /* of the keys, group by group */
    uint32_t *ends;   /* of the groups in `hashes` */
    uint8_t *taken;   /* a bit for each slot */
} cf_plan;

static size_t
bytes_of_bits(const cf_table *table)
{
    return (size_t)table->n_slots / 8 + 1;
}

static cf_status
make_plan(cf_plan *plan, const cf_table *table)
{
    plan->hashes = cf_new_array(table->count, sizeof *plan->hashes);
    plan->ends = cf_new_array(table->n_pilots, sizeof *plan->ends);
    plan->taken = cf_new_array(bytes_of_bits(table), 1);
    return plan->hashes != NULL && plan->ends != NULL && plan->taken != NULL
               ? CF_OK
               : CF_NO_MEMORY;
}

static void
drop_plan(cf_plan *plan)
{
    cf_memory.release(plan->hashes);
    cf_memory.release(plan->ends);
    cf_memory.release(plan->taken);
}

/* Hashes the keys into their groups; how many keys the largest one has. */
static uint32_t
group_keys(const cf_table *table, const cf_slice *keys, const cf_plan *plan)
{
    uint32_t *ends = plan->ends;
    memset(ends, 0, table->n_pilots * sizeof *ends);
    for (uint32_t key = 0; key < table->count; key++) {
        uint64_t hashed =
            cf_hash(table->seed, keys[key].data, keys[key].length);
        ends[cf_pilot_of(table, hashed)]++;
    }
    uint32_t largest = 0;
    uint32_t start = 0;
    for (uint32_t group = 0; group < table->n_pilots; group++) {
        uint32_t size = ends[group];
        largest = size > largest ? size : largest;
        ends[group] = start;
        start += size;
    }
    for (uint32_t key = 0; key < table->count; key++) {
        uint64_t hashed =
            cf_hash(table->seed, keys[key].data, keys[key].length);
        plan->hashes[ends[cf_pilot_of(table, hashed)]++] = hashed;
    }
    return largest;
}

/* Under the pilot that the group has now, its slots are taken; none of them
 * where one is taken already, or is wanted twice. */
static bool
take_slots(const cf_table *table, const cf_plan *plan, uint32_t start,
           uint32_t end)
{
    for (uint32_t i = start; i < end; i++) {
        uint32_t place = cf_place_of(table, plan->hashes[i]);
        uint8_t bit = (uint8_t)(1u << place % 8);
        if ((plan->taken[place / 8] & bit) != 0) {
            while (i-- > start) {
                place = cf_place_of(table, plan->hashes[i]);
                plan->taken[place / 8] ^= (uint8_t)(1u << place % 8);
            }
            return false;
        }
        plan->taken[place / 8] |= bit;
    }
    return true;
}

static bool
choose_pilot(cf_table *table, const cf_plan *plan, uint32_t group,
             uint32_t start)
{
    for (uint32_t pilot = 1; pilot <= CF_LAST_PILOT; pilot++) {
        table->pilots[group] = (uint8_t)pilot;
        if (take_slots(table, plan, start, plan->ends[group])) {
            return true;
        }
    }
    return false;
}

/* All pilots under the table's seed; false if one of the groups finds none. */
static bool
choose_all(cf_table *table, const cf_slice *keys, const cf_plan *plan)
{
    memset(plan->taken, 0, bytes_of_bits(table));
    for (uint32_t size = group_keys(table, keys, plan); size > 0; size--) {
        uint32_t start = 0;
        for (uint32_t group = 0; group < table->n_pilots; group++) {
            uint32_t end = plan->ends[group];
            if (end - start == size
                && !choose_pilot(table, plan, group, start)) {
                return false;
            }
            start = end;
        }
    }
    return true;
}

static cf_status
try_seeds(cf_table *table, const cf_slice *keys, const cf_plan *plan,
          uint64_t seed)
{
    table->seed = seed;
    for (int i = 0; i < CF_SEEDS; i++) {
        if (choose_all(table, keys, plan)) {
            return CF_OK;
        }
        table->seed = cf_fold(table->seed ^ CF_SECRET_1, CF_SECRET_2);
    }
    return CF_BAD_TABLES;
}

cf_status
cf_choose_pilots(cf_table *table, const cf_slice *keys, uint64_t seed)
{
    cf_plan plan = {0};
    cf_status status = make_plan(&plan, table);
    if (status == CF_OK) {
        status = try_seeds(table, keys, &plan, seed);
    }
    drop_plan(&plan);
    return status;
}

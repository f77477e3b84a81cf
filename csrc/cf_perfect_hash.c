/* cf_perfect_hash.c - build a perfect hash, which gives each key of a table
 * its own slot. It runs only while a policy is built.
 *
 *     keys --hash--> buckets, fullest first --> the first pilot for which
 *     all keys of the bucket get free slots
 *
 * The method is hash and displace (Belazzougui, Botelho and Dietzfelbinger,
 * "Hash, displace, and compress", 2009). The term pilot is from Pibiri and
 * Trani ("PTHash", 2021).
 */
#include "cf_hash.h"

enum {
    /* With an average of at most three keys per bucket, and a quarter more
     * slots than keys, nearly every seed works, even for millions of keys. */
    CF_PER_BUCKET = 3,
    CF_KEYS_PER_FREE_SLOT = 4,
    CF_SEEDS = 16
};

/* Working memory for choosing the pilots. */
typedef struct cf_plan {
    uint64_t *hashes; /* the keys' hashes, bucket by bucket */
    uint32_t *ends;   /* the end of each bucket in `hashes` */
    bool *taken;      /* whether each slot is taken */
} cf_plan;

static cf_status
make_plan(cf_plan *plan, const cf_table *table)
{
    plan->hashes = cf_new_array(table->count, sizeof *plan->hashes);
    plan->ends = cf_new_array(table->n_buckets, sizeof *plan->ends);
    plan->taken = cf_new_array(table->n_slots, sizeof *plan->taken);
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

/* Sort the keys' hashes into buckets, and return the size of the fullest
 * bucket. Each key is hashed twice, which is as fast as storing the hashes in
 * between. */
static uint32_t
sort_keys(const cf_table *table, const cf_slice *keys, cf_plan *plan)
{
    uint32_t *ends = plan->ends;
    memset(ends, 0, table->n_buckets * sizeof *ends);
    for (uint32_t key = 0; key < table->count; key++) {
        ends[cf_bucket_of(table, cf_hash_key(table, keys[key]))]++;
    }
    uint32_t most = 0;
    uint32_t start = 0;
    for (uint32_t bucket = 0; bucket < table->n_buckets; bucket++) {
        uint32_t size = ends[bucket];
        most = size > most ? size : most;
        ends[bucket] = start;
        start += size;
    }
    for (uint32_t key = 0; key < table->count; key++) {
        uint64_t hashed = cf_hash_key(table, keys[key]);
        plan->hashes[ends[cf_bucket_of(table, hashed)]++] = hashed;
    }
    return most;
}

/* Take the slots of one bucket's keys under its current pilot. If one of the
 * slots is already taken, take none and return false. */
static bool
take_slots(const cf_table *table, cf_plan *plan, uint32_t start, uint32_t end)
{
    for (uint32_t i = start; i < end; i++) {
        bool *taken = &plan->taken[cf_place_of(table, plan->hashes[i])];
        if (*taken) {
            while (i-- > start) {
                plan->taken[cf_place_of(table, plan->hashes[i])] = false;
            }
            return false;
        }
        *taken = true;
    }
    return true;
}

static bool
choose_pilot(cf_table *table, cf_plan *plan, uint32_t bucket, uint32_t start)
{
    for (uint32_t pilot = 1; pilot <= UINT8_MAX; pilot++) {
        table->pilots[bucket] = (uint8_t)pilot;
        if (take_slots(table, plan, start, plan->ends[bucket])) {
            return true;
        }
    }
    return false;
}

/* Choose all pilots under the table's seed. Return false if a bucket has no
 * pilot that works. */
static bool
choose_all(cf_table *table, const cf_slice *keys, cf_plan *plan)
{
    memset(plan->taken, 0, table->n_slots * sizeof *plan->taken);
    for (uint32_t size = sort_keys(table, keys, plan); size > 0; size--) {
        uint32_t start = 0;
        for (uint32_t bucket = 0; bucket < table->n_buckets; bucket++) {
            uint32_t end = plan->ends[bucket];
            if (end - start == size
                && !choose_pilot(table, plan, bucket, start)) {
                return false;
            }
            start = end;
        }
    }
    return true;
}

static cf_status
try_seeds(cf_table *table, const cf_slice *keys, cf_plan *plan)
{
    for (int i = 0; i < CF_SEEDS; i++) {
        if (choose_all(table, keys, plan)) {
            return CF_OK;
        }
        table->seed = cf_make_seed(table->seed.words[0]);
    }
    return CF_BAD_TABLES;
}

cf_status
cf_choose_pilots(cf_table *table, const cf_slice *keys)
{
    /* At least one slot and one bucket, because a lookup in an empty table
     * also reads them. */
    table->n_slots = table->count + table->count / CF_KEYS_PER_FREE_SLOT + 1;
    table->n_buckets = 1;
    while ((uint64_t)table->n_buckets * CF_PER_BUCKET < table->count) {
        table->n_buckets *= 2;
    }
    table->pilots = cf_new_array(table->n_buckets, sizeof *table->pilots);
    if (table->pilots == NULL) {
        return CF_NO_MEMORY;
    }
    cf_plan plan = {0};
    cf_status status = make_plan(&plan, table);
    if (status == CF_OK) {
        status = try_seeds(table, keys, &plan);
    }
    drop_plan(&plan);
    return status;
}

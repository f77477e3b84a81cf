/* cf_perfect_hash.c - a perfect hash: each key of a table gets a slot of its own.
 *
 *     keys --hash--> buckets, one for each pilot --the fullest first-->
 *     the first pilot under which all keys of a bucket find free slots
 *
 * The method is known as hash and displace (Belazzougui, Botelho and
 * Dietzfelbinger, "Hash, displace, and compress", 2009); the word pilot is
 * that of Pibiri and Trani ("PTHash", 2021).
 *
 * Place: below cf_table.c. Never: be run while a request waits.
 */
#include "cf_hash.h"

enum {
    /* With three keys to a bucket at most, on average, and a quarter more
     * slots than keys, nearly every seed is good, for millions of keys. */
    CF_PER_BUCKET = 3,
    CF_KEYS_PER_FREE_SLOT = 4,
    CF_SEEDS = 16
};

/* What is needed only until all pilots are chosen. */
typedef struct cf_plan {
    uint64_t *hashes; /* of the keys, bucket by bucket */
    uint32_t *ends;   /* of the buckets in `hashes` */
    bool *taken;      /* of each slot */
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

/* Hashes the keys into their buckets; how many are in the fullest one. Twice,
 * which takes no longer than to keep the hashes in between. */
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

/* Takes a slot for each of these keys of one bucket, under the pilot that it
 * has now; none, where one slot is taken already or would be twice. */
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

/* All pilots under the table's seed; false if there is none for a bucket. */
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
    /* At least one of each: a look-up in an empty table reads them, too. */
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

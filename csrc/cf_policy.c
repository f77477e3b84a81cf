/* cf_policy.c - build and free policies. Once built, only the caches of a
 * policy are written to, because threads share it without a lock.
 */
#include "cf_internal.h"

/* -- validating tables --------------------------------------------------- */

/* Entries of a table are compared with a request's value byte for byte, before
 * any grammar is checked. So an invalid entry would allow an invalid value.
 * cf_table_fill checks lengths and duplicates. */
static bool
is_token(cf_slice name, size_t limit, bool lower_case)
{
    if (name.length > limit) {
        return false;
    }
    for (size_t i = 0; i < name.length; i++) {
        uint8_t byte = (uint8_t)name.data[i];
        uint8_t lower = cf_tchar_lower[byte];
        if (lower == 0 || (lower_case && lower != byte)) {
            return false;
        }
    }
    return true;
}

static bool
are_origins(const cf_slice *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *text = texts[i].data;
        size_t length = texts[i].length;
        bool null = length == 4 && cf_equal(text, "null", 4);
        if (!null && !cf_valid_origin(text, length)) {
            return false;
        }
    }
    return true;
}

static bool
are_spelt_well(const cf_tables *tables)
{
    for (size_t i = 0; i < tables->n_methods; i++) {
        if (!is_token(tables->methods[i], CF_MAX_METHOD, false)) {
            return false;
        }
    }
    for (size_t i = 0; i < tables->n_headers; i++) {
        if (!is_token(tables->headers[i], CF_MAX_HEADER_NAME, true)) {
            return false;
        }
    }
    return are_origins(tables->exact, tables->n_exact);
}

/* -- building and freeing ------------------------------------------------ */

cf_status
cf_policy_new(const cf_tables *tables, cf_policy **policy)
{
    if (!are_spelt_well(tables)) {
        return CF_BAD_TABLES;
    }
    cf_policy *made = cf_new_array(1, sizeof *made);
    if (made == NULL) {
        return CF_NO_MEMORY;
    }
    made->star = tables->star;
    made->any_method = tables->any_method;
    made->any_header = tables->any_header;
    cf_status status = cf_originset_fill(&made->origins, tables);
    if (status == CF_OK) {
        status =
            cf_table_fill(&made->methods, tables->methods, tables->n_methods,
                          CF_MAX_METHOD, false, tables->seed);
    }
    if (status == CF_OK) {
        status =
            cf_table_fill(&made->headers, tables->headers, tables->n_headers,
                          CF_MAX_HEADER_NAME, false, tables->seed);
    }
    if (status == CF_OK) {
        status = cf_cache_fill(&made->lists);
    }
    if (status != CF_OK) {
        cf_policy_free(made);
        return status;
    }
    cf_methods_fill(made, tables->methods, tables->n_methods);
    *policy = made;
    return CF_OK;
}

cf_status
cf_policy_share(const cf_policy *original, cf_policy **policy)
{
    cf_policy *made = cf_new_array(1, sizeof *made);
    if (made == NULL) {
        return CF_NO_MEMORY;
    }
    *made = *original;
    made->shares = true;
    made->lists.slots = NULL;
    cf_status status = cf_cache_fill(&made->origins.cache);
    if (status == CF_OK) {
        status = cf_cache_fill(&made->lists);
    }
    if (status != CF_OK) {
        cf_policy_free(made);
        return status;
    }
    *policy = made;
    return CF_OK;
}

void
cf_policy_free(cf_policy *policy)
{
    if (policy == NULL) {
        return;
    }
    cf_cache_clear(&policy->origins.cache);
    cf_cache_clear(&policy->lists);
    if (!policy->shares) {
        cf_originset_clear(&policy->origins);
        cf_table_clear(&policy->methods);
        cf_table_clear(&policy->headers);
    }
    cf_memory.release(policy);
}

size_t
cf_policy_memory(const cf_policy *policy)
{
    if (policy->shares) {
        return sizeof *policy + cf_cache_memory(&policy->origins.cache)
               + cf_cache_memory(&policy->lists);
    }
    return sizeof *policy + cf_originset_memory(&policy->origins)
           + cf_table_memory(&policy->methods)
           + cf_table_memory(&policy->headers)
           + cf_cache_memory(&policy->lists);
}

/* -- matching origins ---------------------------------------------------- */

cf_outcome
cf_match_origin(const cf_policy *policy, const char *origin, size_t length,
                uint32_t *exact)
{
    if (policy->star) {
        *exact = 0;
        return CF_ALLOWED;
    }
    return cf_originset_match(&policy->origins, origin, length, exact);
}

void
cf_keep_origin(const cf_policy *policy, const char *origin, size_t length,
               cf_outcome outcome)
{
    cf_originset_keep(&policy->origins, origin, length, outcome);
}

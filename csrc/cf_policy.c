/* cf_policy.c - a policy's life, and the way into its parts.
 *
 * Place: on top of the sets. Never: write to a policy once it is built, but
 * to its memos.
 */
#include "cf_internal.h"

cf_status
cf_policy_new(const cf_tables *tables, cf_policy **policy)
{
    cf_policy *made = cf_new_array(1, sizeof *made);
    if (made == NULL) {
        return CF_NO_MEMORY;
    }
    made->star = tables->star;
    made->any_method = tables->any_method;
    made->any_header = tables->any_header;
    cf_status status = cf_originset_fill(&made->origins, tables);
    if (status == CF_OK) {
        status = cf_table_fill(&made->methods, tables->methods,
                               tables->n_methods, CF_MAX_METHOD, tables->seed);
    }
    if (status == CF_OK) {
        status =
            cf_table_fill(&made->headers, tables->headers, tables->n_headers,
                          CF_MAX_HEADER_NAME, tables->seed);
    }
    if (status == CF_OK) {
        status = cf_memo_fill(&made->lists);
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
    cf_originset_clear(&policy->origins);
    cf_table_clear(&policy->methods);
    cf_table_clear(&policy->headers);
    cf_memo_clear(&policy->lists);
    cf_memory.release(policy);
}

size_t
cf_policy_memory(const cf_policy *policy)
{
    return sizeof *policy + cf_originset_memory(&policy->origins)
           + cf_table_memory(&policy->methods)
           + cf_table_memory(&policy->headers)
           + cf_memo_memory(&policy->lists);
}

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
